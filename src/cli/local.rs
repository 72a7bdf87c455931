//! Commands on the terminal or in a script on the machine that has the store: they act as "console".

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use zeroize::Zeroizing;

use super::{Code, Context, DeskCommand, Failure, Person, Place};
use crate::desk::Desk;
use crate::model::{Actor, Door};

/// Whoever sits in front of the terminal.
struct Tty;

impl Person for Tty {
    fn confirm(&mut self, question: &str) -> io::Result<bool> {
        let mut err = io::stderr();
        err.write_all(question.as_bytes())?;
        err.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    fn secret(&mut self, prompt: &str) -> io::Result<Zeroizing<String>> {
        rpassword::prompt_password(prompt).map(Zeroizing::new)
    }
}

/// Sets the flag at the first Ctrl-C (or SIGTERM); the second ends the program at once.
fn watch(cancel: &Arc<AtomicBool>) -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, Code::Cancelled as i32, cancel.clone())?;
        signal_hook::flag::register(signal, cancel.clone())?;
    }
    Ok(())
}

/// Opens the store, runs one command on it and closes it.
///
/// # Errors
/// The command's, and the store's.
pub fn run(place: &Place, json: bool, command: DeskCommand) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout());
    let mut err = io::stderr();
    let cancel = Arc::new(AtomicBool::new(false));
    if command.can_be_cancelled() {
        watch(&cancel).map_err(|e| Failure::Failed(format!("signals: {e}")))?;
    }
    let opened = place.open(Door::Command)?;
    if opened.fresh {
        let made = format!("Made a new store in {}.", place.data()?.display());
        writeln!(err, "{}", super::failure::printable(&made))?;
    }
    for notice in &opened.notices {
        writeln!(err, "{}", super::failure::printable(notice))?;
    }
    let interactive = io::stdin().is_terminal() && io::stderr().is_terminal();
    let terminal = || crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns)).filter(|&w| w > 0);
    let store = opened.store.clone();
    let desk = Desk::new(opened.store);
    let done = {
        let mut tty = Tty;
        // Not locked for good: whoever is asked answers through it, too.
        let mut input = io::BufReader::new(io::stdin());
        let mut cx = Context {
            desk: &desk,
            actor: &Actor::console(),
            out: &mut out,
            err: &mut err,
            input: &mut input,
            person: if interactive { Some(&mut tty) } else { None },
            json,
            width: if io::stdout().is_terminal() { terminal() } else { None },
            bars: io::stderr().is_terminal(),
            files: true,
            cancel: &cancel,
        };
        command.run(&mut cx)
    };
    drop(desk);
    let closed = store.close().map_err(|e| Failure::Failed(e.to_string()));
    let flushed = out.flush().map_err(Failure::from);
    done.and(flushed).and(closed)
}
