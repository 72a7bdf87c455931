//! The person's end of the socket: a terminal or a script on the same machine.
//!
//! It gives the terminal back whatever happens to the other end.

use std::{
    fs::File,
    io::{self, Read, Write},
    net::Shutdown,
    os::unix::{
        fs::{FileTypeExt as _, MetadataExt as _},
        net::UnixStream,
    },
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crossterm::terminal;
use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH},
    iterator::Signals,
};
use zeroize::Zeroizing;

use super::{Down, Frame, Hello, Reader, Up, VARIABLES, Wants, send};
use crate::session::{
    backend::Bytes,
    local::{self, LocalError, Raw},
};

/// The socket's name in the data directory.
pub const NAME: &str = "socket";
/// How much of what the other end has to say beside the screen is kept.
const SAID_MAX: usize = 64 * 1024;
/// The longest path that a socket's address holds on every system, in bytes.
const ADDRESS_MAX: usize = 100;

/// Why the socket cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Others could use it, too.
    #[error("the socket {path} can be used by others; close it with: chmod 600 {path}", path = .0.display())]
    Open(PathBuf),
    /// Others could put another one in its place.
    #[error("the data directory {path} can be entered by others; close it with: chmod 700 {path}", path = .0.display())]
    OpenDirectory(PathBuf),
    /// Somebody else made it.
    #[error("the socket {path} belongs to another account; run as that account, or remove it with: rm {path}", path = .0.display())]
    Foreign(PathBuf),
    /// It may not be used by this account.
    #[error("the store is in use by another account's Clowder, and {} is not for this account; run as its owner", .0.display())]
    NotYours(PathBuf),
    /// There is no terminal for screens, or it failed.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The line failed.
    #[error("the connection to the Clowder that has the store failed: {0}")]
    Line(#[from] io::Error),
    /// The other end is gone.
    #[error("the Clowder that has the store is gone. What was saved is safe; start `clowder` again")]
    Gone,
    /// Standard output is closed.
    #[error("the output cannot be written: {0}")]
    Output(io::Error),
}

/// A socket's path as an address can hold it; the file keeps a long one valid.
///
/// # Errors
/// The directory cannot be opened.
pub fn address(path: &Path) -> io::Result<(PathBuf, Option<File>)> {
    use std::os::{fd::AsRawFd as _, unix::ffi::OsStrExt as _};
    if path.as_os_str().as_bytes().len() <= ADDRESS_MAX {
        return Ok((path.to_owned(), None));
    }
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return Ok((path.to_owned(), None)) };
    let directory = File::open(directory)?;
    Ok((Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name), Some(directory)))
}

/// Connects to whoever has the store; `None` when nobody listens.
///
/// # Errors
/// The socket is not safe to use, or not for this account.
pub fn connect(data: &Path) -> Result<Option<UnixStream>, ClientError> {
    let path = data.join(NAME);
    let meta = match path.symlink_metadata() {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return Err(ClientError::NotYours(path)),
        Err(_) => return Ok(None),
    };
    if !meta.file_type().is_socket() {
        return Ok(None);
    }
    let me = rustix::process::geteuid();
    if !me.is_root() && meta.uid() != me.as_raw() && meta.uid() != 0 {
        return Err(ClientError::Foreign(path));
    }
    if meta.mode() & 0o077 != 0 {
        return Err(ClientError::Open(path));
    }
    if data.metadata()?.mode() & 0o077 != 0 {
        return Err(ClientError::OpenDirectory(data.to_owned()));
    }
    let (address, _directory) = address(&path)?;
    match UnixStream::connect(address) {
        Ok(stream) => Ok(Some(stream)),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Err(ClientError::NotYours(path)),
        Err(_) => Ok(None),
    }
}

/// The sending side, for several threads.
#[derive(Clone)]
struct Line(Arc<Mutex<UnixStream>>);

impl Line {
    fn new(stream: &UnixStream) -> io::Result<Self> {
        Ok(Self(Arc::new(Mutex::new(stream.try_clone()?))))
    }

    fn send(&self, frame: &impl Frame) -> bool {
        send(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), frame).is_ok()
    }
}

fn hello(wants: Wants) -> Up {
    Up::Hello(Hello { version: env!("CARGO_PKG_VERSION").to_owned(), wants })
}

/// Shows the screens of whoever has the store on this terminal. Answers the exit code.
///
/// # Errors
/// There is no fit terminal, or the other end is gone; the terminal is given back.
pub fn screens(stream: UnixStream) -> Result<u8, ClientError> {
    let caps = local::caps()?;
    let line = Line::new(&stream)?;
    let size = terminal::size().unwrap_or((0, 0));
    let env = VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
    let greeting = hello(Wants::Screens { size, env: env.collect() });
    if !line.send(&greeting) {
        return Err(ClientError::Gone);
    }
    let raw = Raw::enter(caps.alternate).map_err(LocalError::Terminal)?;
    let asked = watch(&stream, &line, caps.alternate)?;
    read_keys(&stream, &line);
    let mut said = Vec::new();
    let ended = show(&mut Reader::new(stream), &mut said);
    if !matches!(ended, Ok(Some(_))) {
        let mut out = io::stdout();
        let _ = out.write_all(Bytes::leave(caps.alternate)).and_then(|()| out.flush());
    }
    drop(raw);
    let _ = io::stderr().write_all(&said);
    match ended {
        Ok(Some(code)) => Ok(code),
        _ if asked.load(Ordering::Relaxed) => Ok(0),
        Ok(None) | Err(ClientError::Line(_)) => Err(ClientError::Gone),
        Err(e) => Err(e),
    }
}

/// Copies what comes to the screen until the end, and answers the exit code if there was one.
fn show(reader: &mut Reader<UnixStream>, said: &mut Vec<u8>) -> Result<Option<u8>, ClientError> {
    let mut out = io::stdout();
    loop {
        match reader.frame()? {
            Some(Down::Output(bytes)) => {
                out.write_all(&bytes).and_then(|()| out.flush()).map_err(ClientError::Output)?;
            }
            Some(Down::Error(bytes)) if said.len() < SAID_MAX => said.extend(bytes),
            Some(Down::Exit(code)) => return Ok(Some(code)),
            Some(Down::Error(_) | Down::Want | Down::Ask { .. }) => {}
            None => return Ok(None),
        }
    }
}

/// Sends what is typed. The thread ends with the process: nothing interrupts a read.
fn read_keys(stream: &UnixStream, line: &Line) {
    let (line, stream) = (line.clone(), stream.try_clone());
    let read = move || {
        let mut buffer = [0; 4096];
        loop {
            match io::stdin().lock().read(&mut buffer) {
                Ok(0) => break,
                Ok(n) if !line.send(&Up::Input(buffer[..n].to_vec())) => return,
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        // The terminal is gone.
        if let Ok(stream) = stream {
            let _ = stream.shutdown(Shutdown::Both);
        }
    };
    let _ = thread::Builder::new().name("clowder-input".to_owned()).spawn(read);
}

/// Sends sizes; a signal to end closes the line, and the answer says that it did.
fn watch(stream: &UnixStream, line: &Line, alternate: bool) -> Result<Arc<AtomicBool>, ClientError> {
    let mut signals = Signals::new([SIGWINCH, SIGTERM, SIGINT, SIGHUP])?;
    let asked = Arc::new(AtomicBool::new(false));
    let (was_asked, line, stream) = (asked.clone(), line.clone(), stream.try_clone()?);
    thread::Builder::new().name("clowder-signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if signal == SIGWINCH {
                let (columns, rows) = terminal::size().unwrap_or((0, 0));
                line.send(&Up::Size(columns, rows));
            } else if was_asked.swap(true, Ordering::Relaxed) {
                // Asked twice: the terminal does not take anything any more.
                local::restore(alternate);
                std::process::exit(128 + signal);
            } else {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    })?;
    Ok(asked)
}

/// A command for whoever has the store.
pub struct Command<'a> {
    /// Its words without the program's name.
    pub words: Vec<Vec<u8>>,
    /// How wide the terminal is, when standard output is one.
    pub width: Option<u16>,
    /// Asks whoever sits in front; without it nobody can be asked. The first argument says whether the answer is secret.
    pub ask: Option<&'a mut Ask<'a>>,
    /// Ctrl-C asks the command to break off; else it ends this program.
    pub can_be_cancelled: bool,
}

/// Asks a question; `None` when it gets no answer.
pub type Ask<'a> = dyn FnMut(bool, &str) -> Option<Zeroizing<String>> + 'a;

/// Runs a command where the store is, with this process's standard streams. Answers the exit code.
///
/// # Errors
/// The other end is gone, or standard output is closed.
pub fn command(stream: UnixStream, mut command: Command<'_>) -> Result<u8, ClientError> {
    use std::os::unix::ffi::OsStringExt as _;
    let line = Line::new(&stream)?;
    let greeting = hello(Wants::Command {
        words: std::mem::take(&mut command.words),
        directory: std::env::current_dir().unwrap_or_default().into_os_string().into_vec(),
        width: command.width,
        interactive: command.ask.is_some(),
    });
    if greeting.encode().1.len() > super::CONTENT_MAX {
        return Err(super::FrameError::TooLong).map_err(|e| ClientError::Line(e.into()));
    }
    if !line.send(&greeting) {
        return Err(ClientError::Gone);
    }
    if command.can_be_cancelled {
        watch_to_stop(&line)?;
    }
    let mut reader = Reader::new(stream);
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let mut piece = vec![0; super::CONTENT_MAX];
    let mut wanted = false;
    let failed = |e: io::Error| match e.kind() {
        io::ErrorKind::InvalidData => ClientError::Line(e),
        _ => ClientError::Gone,
    };
    loop {
        let mut frame = reader.waiting().map_err(failed)?;
        if frame.is_none() && wanted && input_comes_first(&reader.stream) {
            // What cannot be read is as good as its end; a cut file is refused at the other end for what it is.
            let read = read_piece(&mut piece);
            line.send(&Up::Input(piece[..read].to_vec()));
            wanted = false;
        }
        if frame.is_none() {
            frame = reader.frame().map_err(failed)?;
        }
        match frame {
            Some(Down::Output(bytes)) => {
                out.write_all(&bytes).and_then(|()| out.flush()).map_err(ClientError::Output)?;
            }
            Some(Down::Error(bytes)) => {
                // Where even standard error is gone, the exit code has to do.
                let _ = err.write_all(&bytes);
            }
            Some(Down::Want) => wanted = true,
            Some(Down::Ask { secret, prompt }) => {
                let answer = command.ask.as_mut().and_then(|ask| ask(secret, &prompt));
                line.send(&Up::Answer(answer.map(|answer| answer.to_string())));
            }
            Some(Down::Exit(code)) => return Ok(code),
            None => return Err(ClientError::Gone),
        }
    }
}

/// Waits until there is standard input or the other end says something, as that it will not take any more.
fn input_comes_first(stream: &UnixStream) -> bool {
    let stdin = io::stdin();
    loop {
        let mut ready = [PollFd::new(stream, PollFlags::IN), PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut ready, None) {
            Ok(_) => return ready[0].revents().is_empty(),
            Err(rustix::io::Errno::INTR) => {}
            // A read says what is wrong.
            Err(_) => return true,
        }
    }
}

fn read_piece(piece: &mut [u8]) -> usize {
    loop {
        match io::stdin().lock().read(piece) {
            Ok(read) => return read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return 0,
        }
    }
}

/// The first signal asks the command to stop, the second ends this program.
fn watch_to_stop(line: &Line) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let line = line.clone();
    thread::Builder::new().name("clowder-signals".to_owned()).spawn(move || {
        let mut asked = false;
        for _ in signals.forever() {
            if std::mem::replace(&mut asked, true) || !line.send(&Up::Stop) {
                std::process::exit(130);
            }
        }
    })?;
    Ok(())
}
