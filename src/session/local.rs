//! The local terminal as a pair of byte streams.

use std::{
    io::{self, IsTerminal, Read, Write},
    panic,
    sync::{
        Arc, Mutex, Once,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crossterm::terminal;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH},
    iterator::Signals,
};

use super::{
    Client,
    backend::Bytes,
    caps::Caps,
    event::{self, Event, Sender},
};

/// Why a session on the local terminal could not begin or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// There is no terminal, or one that cannot show screens: one line for the person.
    #[error("{0}")]
    NoScreen(String),
    /// The terminal failed.
    #[error("the terminal failed: {0}")]
    Terminal(#[from] io::Error),
    /// The program has a fault.
    #[error("Clowder stopped because of a fault in the program. What was saved is safe. ({0})")]
    Fault(String),
}

/// What the terminal can do.
///
/// # Errors
/// One line when it cannot show screens.
pub fn caps() -> Result<Caps, LocalError> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(LocalError::NoScreen(
            "the screens need a terminal; the commands work without: clowder --help".to_owned(),
        ));
    }
    let (columns, rows) = terminal::size().unwrap_or((0, 0));
    Caps::from_env((columns.into(), rows.into()), |name| std::env::var(name).ok()).map_err(LocalError::NoScreen)
}

/// Runs one session on the local terminal. The client is made on the session's own thread, from the sending
/// side of its queue. The terminal is given back whatever happens.
///
/// # Errors
/// There is no fit terminal, it failed, or the session panicked.
pub fn run<C: Client>(make: impl FnOnce(Sender) -> C + Send + 'static) -> Result<(), LocalError> {
    let caps = caps()?;
    let alternate = caps.alternate;
    let (sender, inbox) = event::queue();
    let fault = Faults::listen();
    let raw = Raw::enter(alternate)?;
    watch_signals(&sender, alternate)?;
    read_input(sender.clone());
    let session = thread::Builder::new()
        .name("clowder-session".to_owned())
        .spawn(move || super::run(make(sender), caps, inbox, &mut io::stdout().lock()))?;
    let ended = session.join();
    drop(raw);
    match ended {
        Ok(ended) => Ok(ended?),
        Err(_) => Err(LocalError::Fault(fault.last())),
    }
}

/// Reads the keyboard until it ends. The thread ends with the process: nothing interrupts a read.
fn read_input(sender: Sender) {
    let read = move || {
        let mut input = io::stdin().lock();
        let mut buffer = [0; 4096];
        loop {
            match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) if !sender.send(Event::Input(buffer[..n].to_vec())) => return,
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        sender.send(Event::Hangup);
    };
    // Without the thread there is no session; the failed send of its sender ends the loop.
    let _ = thread::Builder::new().name("clowder-input".to_owned()).spawn(read);
}

fn watch_signals(sender: &Sender, alternate: bool) -> io::Result<()> {
    let mut signals = Signals::new([SIGWINCH, SIGTERM, SIGINT, SIGHUP])?;
    let sender = sender.clone();
    thread::Builder::new().name("clowder-signals".to_owned()).spawn(move || {
        let asked = AtomicBool::new(false);
        for signal in signals.forever() {
            if signal == SIGWINCH {
                let (columns, rows) = terminal::size().unwrap_or((0, 0));
                sender.send(Event::Resize(columns, rows));
                continue;
            }
            let again = asked.swap(true, Ordering::Relaxed);
            let taken = sender.try_send(Event::Hangup);
            // A terminal that goes away says so more than once, by the end of its input too: that is nobody who
            // is tired of waiting, and the store is to be closed in peace.
            if signal == SIGHUP {
                continue;
            }
            if again || !taken {
                // Asked twice, or the session does not take anything any more.
                restore(alternate);
                std::process::exit(128 + signal);
            }
        }
    })?;
    Ok(())
}

/// The terminal in raw mode; given back when dropped.
pub(super) struct Raw {
    alternate: bool,
}

impl Raw {
    pub(super) fn enter(alternate: bool) -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        Ok(Self { alternate })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // The session has given the screen back, unless it panicked; twice does no harm where there is no
        // other screen, and on the main screen it would wipe what stands there.
        if thread::panicking() || LEFT_OPEN.load(Ordering::Relaxed) {
            restore(self.alternate);
        }
        let _ = terminal::disable_raw_mode();
    }
}

/// Set while a panic has left the screen as it was.
static LEFT_OPEN: AtomicBool = AtomicBool::new(false);

pub(super) fn restore(alternate: bool) {
    let mut out = io::stdout();
    let _ = out.write_all(Bytes::leave(alternate)).and_then(|()| out.flush());
    let _ = terminal::disable_raw_mode();
}

/// Keeps what panics say, which would spoil the screen, until the screen is gone.
struct Faults {
    last: Arc<Mutex<String>>,
}

impl Faults {
    fn listen() -> Self {
        static ONCE: Once = Once::new();
        let last = Arc::new(Mutex::new(String::new()));
        let kept = last.clone();
        ONCE.call_once(move || {
            panic::set_hook(Box::new(move |info| {
                if thread::current().name() == Some("clowder-session") {
                    LEFT_OPEN.store(true, Ordering::Relaxed);
                }
                if let Ok(mut last) = kept.lock() {
                    *last = info.to_string().replace('\n', ": ");
                }
            }));
        });
        Self { last }
    }

    fn last(&self) -> String {
        self.last.lock().map(|s| s.clone()).unwrap_or_default()
    }
}
