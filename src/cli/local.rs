//! Commands on the terminal or in a script on the machine that has the store: they act as "console".

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::os::unix::{ffi::OsStrExt as _, net::UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGINT, SIGTERM};
use zeroize::Zeroizing;

use super::enter::{Way, enter};
use super::{Code, Context, DeskCommand, Failure, Person, Place, Show};
use crate::desk::Desk;
use crate::model::{Actor, Door};
use crate::session::socket::client;
use crate::store::Opened;

/// Whoever sits in front of the terminal.
pub(super) struct Tty;

impl Tty {
    fn line(question: &str) -> io::Result<String> {
        let mut err = io::stderr();
        err.write_all(question.as_bytes())?;
        err.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(answer)
    }

    /// One of so many, counted from 0; the first when nothing is typed, `None` for none of them.
    pub(super) fn choose(&mut self, of: usize) -> io::Result<Option<usize>> {
        loop {
            let question =
                if of == 1 { "Go on? [y/N] ".to_owned() } else { format!("Which one? [1-{of}, n for none] ") };
            let answer = Self::line(&question)?;
            match (answer.trim().to_lowercase().as_str(), answer.trim().parse::<usize>()) {
                ("y" | "yes", _) if of == 1 => return Ok(Some(0)),
                (_, Ok(n)) if (1..=of).contains(&n) => return Ok(Some(n - 1)),
                ("" | "n" | "no" | "none" | "q", _) => return Ok(None),
                _ => {}
            }
        }
    }
}

impl Person for Tty {
    fn confirm(&mut self, question: &str) -> io::Result<bool> {
        let answer = Self::line(question)?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    fn secret(&mut self, prompt: &str) -> io::Result<Zeroizing<String>> {
        secret(prompt)
    }
}

/// The terminal without its echo, which it has again afterwards.
struct Quiet(File, Termios);

impl Quiet {
    /// `None` where there is no terminal to be had; what is asked on it then fails by itself.
    fn new() -> Option<Self> {
        let tty = File::options().read(true).write(true).open("/dev/tty").ok()?;
        let was = tcgetattr(&tty).ok()?;
        let mut quiet = was.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&tty, OptionalActions::Now, &quiet).ok()?;
        Some(Self(tty, was))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.0, OptionalActions::Now, &self.1);
    }
}

/// Asks on the terminal for what is not shown.
pub(super) fn secret(prompt: &str) -> io::Result<Zeroizing<String>> {
    // Whoever types before the question is read, or a program that answers at its first letter, is not shown either.
    let _quiet = Quiet::new();
    rpassword::prompt_password(super::failure::printable(prompt)).map(Zeroizing::new)
}

/// Sets the flag at the first Ctrl-C (or SIGTERM); the second ends the program at once. What is answered can be read
/// from once the flag is set.
fn watch(cancel: &Arc<AtomicBool>) -> io::Result<io::PipeReader> {
    let (stopped, stop) = io::pipe()?;
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, Code::Cancelled as i32, cancel.clone())?;
        signal_hook::flag::register(signal, cancel.clone())?;
        signal_hook::low_level::pipe::register(signal, stop.try_clone()?)?;
    }
    Ok(stopped)
}

/// Standard input, which nobody waits for once the command is to break off.
struct Input {
    stopped: Option<io::PipeReader>,
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let stdin = io::stdin();
        if let Some(stopped) = &self.stopped {
            let mut ready = [PollFd::new(stopped, PollFlags::IN), PollFd::new(&stdin, PollFlags::IN)];
            poll(&mut ready, None)?;
            if !ready[0].revents().is_empty() {
                return Err(io::Error::other("the command was broken off"));
            }
        }
        stdin.lock().read(buffer)
    }
}

/// A flag that is set at the first Ctrl-C.
///
/// # Errors
/// Signals cannot be watched.
pub fn cancel() -> Result<Arc<AtomicBool>, Failure> {
    let cancel = Arc::new(AtomicBool::new(false));
    watch(&cancel).map_err(|e| Failure::Failed(format!("signals: {e}")))?;
    Ok(cancel)
}

/// Runs one command where the store is: here, if nobody else has it, or at whoever does. Answers the exit code.
///
/// # Errors
/// The command's, and the store's.
pub fn run(place: &Place, json: bool, command: DeskCommand, words: &[OsString]) -> Result<u8, Failure> {
    if let DeskCommand::Sessions(sessions) = &command {
        // To see who is on the store need not be opened, and is not made.
        return match client::connect(&place.data()?)? {
            Some(stream) => there(&command, words, stream),
            None => super::sessions::alone(json, sessions).map(|()| 0),
        };
    }
    // Cats may come to a shelter that has no store yet; for everything else a store that is not there is more likely a
    // directory that was mistyped.
    let create = matches!(command, DeskCommand::Import(_));
    match enter(place, Door::Command, create)? {
        Way::Open(opened) => here(place, json, command, *opened).map(|()| 0),
        Way::Attach(stream) => there(&command, words, stream),
    }
}

/// Whether somebody sits in front who can be asked.
pub(super) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

fn terminal_width() -> Option<u16> {
    crossterm::terminal::size().ok().map(|(columns, _)| columns).filter(|&w| w > 0)
}

/// Runs it at whoever has the store.
fn there(command: &DeskCommand, words: &[OsString], stream: UnixStream) -> Result<u8, Failure> {
    let mut ask = |secret: bool, prompt: &str| {
        if secret {
            return Tty.secret(prompt).ok();
        }
        Tty::line(prompt).map(Zeroizing::new).ok()
    };
    let command = client::Command {
        words: words.iter().map(|word| word.as_bytes().to_vec()).collect(),
        width: if io::stdout().is_terminal() { terminal_width() } else { None },
        ask: if is_interactive() { Some(&mut ask) } else { None },
        can_be_cancelled: command.can_be_cancelled(),
    };
    Ok(client::command(stream, command)?)
}

/// Runs it on the store that was opened for it, and closes that.
fn here(place: &Place, json: bool, command: DeskCommand, opened: Opened) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout());
    let mut err = io::stderr();
    let cancel = Arc::new(AtomicBool::new(false));
    let stopped = match command.can_be_cancelled() {
        true => Some(watch(&cancel).map_err(|e| Failure::Failed(format!("signals: {e}")))?),
        false => None,
    };
    if opened.fresh {
        let made = format!("Made a new store in {}.", place.data()?.display());
        writeln!(err, "{}", super::failure::printable(&made))?;
    }
    let said_later = if command.tells_alerts() { opened.store.alerts() } else { Vec::new() };
    for notice in opened.notices.iter().filter(|notice| said_later.iter().all(|alert| alert.sentence != **notice)) {
        writeln!(err, "{}", super::failure::printable(notice))?;
    }
    let interactive = is_interactive();
    let terminal = || terminal_width().map(usize::from);
    let store = opened.store.clone();
    let desk = Desk::new(opened.store);
    let done = {
        let mut tty = Tty;
        // Not locked for good: whoever is asked answers through it, too.
        let mut input = io::BufReader::new(Input { stopped });
        let mut cx = Context {
            desk: &desk,
            actor: &Actor::console(),
            seat: None,
            out: &mut out,
            err: &mut err,
            input: &mut input,
            person: if interactive { Some(&mut tty) } else { None },
            json,
            width: if io::stdout().is_terminal() { terminal() } else { None },
            progress: Show::on_own_stderr(),
            files: true,
            directory: Path::new(""),
            cancel: &cancel,
        };
        command.run(&mut cx)
    };
    drop(desk);
    let closed = store.close().map_err(|e| Failure::Failed(e.to_string()));
    let flushed = out.flush().map_err(Failure::from);
    done.and(flushed).and(closed)
}
