//! The socket in the data directory: screens and commands for those who own the store on this machine.
//!
//! Only the account that runs this process and root get in, and the screens still ask who it is. A command acts as the
//! console, as it would without a server; the audit log says whose account of the machine it was.

mod command;

use std::{
    fs, io,
    net::Shutdown,
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, poll};

use super::Host;
use crate::{
    model::Door,
    session::{
        self, Ended,
        caps::Caps,
        event::{self, Event},
        socket::{
            Down, FrameError, Frames, Hello, Output, Reader, Up, Wants,
            client::{NAME, address},
            send,
        },
    },
    ui::App,
};

/// How much output may wait in the system for a reader that is slow, in bytes: a few frames at most.
const WAITING: usize = 16 * 1024;
/// How long a person who is refused may take to read why.
const REFUSAL: Duration = Duration::from_secs(5);
/// How long accepting rests when the system has no more to give.
const REST: Duration = Duration::from_millis(100);

/// The open door; call [`SocketDoor::close`] before the store is closed.
#[derive(Debug)]
pub struct SocketDoor {
    path: PathBuf,
    /// Closing it wakes the thread that accepts.
    stop: Option<io::PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl SocketDoor {
    /// Makes the socket and serves whoever comes. The caller holds the store, so that what lies there is left over.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn open(host: &Host, data: &Path) -> io::Result<Self> {
        let path = data.join(NAME);
        let listener = bind(&path)?;
        listener.set_nonblocking(true)?;
        let (stopped, stop) = io::pipe()?;
        let host = host.clone();
        let accept = move || accept(&host, &listener, &stopped);
        let thread = thread::Builder::new().name("clowder-accept".to_owned()).spawn(accept)?;
        Ok(Self { path, stop: Some(stop), thread: Some(thread) })
    }

    /// Lets nobody in any more and takes the socket away. Those who are in stay.
    pub fn close(mut self) {
        self.shut();
    }

    fn shut(&mut self) {
        if let (Some(stop), Some(thread)) = (self.stop.take(), self.thread.take()) {
            // While the store is held, the socket of that name is this one.
            let _ = fs::remove_file(&self.path);
            drop(stop);
            let _ = thread.join();
        }
    }
}

impl Drop for SocketDoor {
    fn drop(&mut self) {
        self.shut();
    }
}

/// Makes the socket under another name first, so that nobody ever sees one that others could use.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let made = path.with_extension("new");
    for left in [&made, path] {
        match fs::remove_file(left) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    let (address, _directory) = address(&made)?;
    let listener = UnixListener::bind(address)?;
    fs::set_permissions(&made, fs::Permissions::from_mode(0o600))?;
    fs::rename(&made, path)?;
    Ok(listener)
}

fn accept(host: &Host, listener: &UnixListener, stopped: &io::PipeReader) {
    let connections = Arc::new(AtomicUsize::new(0));
    loop {
        let mut ready = [PollFd::new(listener, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
        if poll(&mut ready, None).is_err() {
            continue;
        }
        if !ready[1].revents().is_empty() {
            return;
        }
        match listener.accept() {
            Ok((stream, _)) => {
                let place = Place::take(&connections);
                if place.number > host.config.get().socket.connections {
                    tracing::warn!(connections = place.number - 1, "socket: refused, as many connections as may be");
                    let _ = refuse(&stream, "there are as many connections as the settings allow; try again later");
                    continue;
                }
                let host = host.clone();
                let serve = move || {
                    let _place = place;
                    if let Err(e) = serve(&host, stream) {
                        tracing::debug!("socket: {e}");
                    }
                };
                if let Err(e) = thread::Builder::new().name("clowder-socket".to_owned()).spawn(serve) {
                    tracing::error!("socket: no thread for a connection: {e}");
                }
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(e) => {
                tracing::warn!("socket: {e}");
                thread::sleep(REST);
            }
        }
    }
}

/// One of the connections there may be.
struct Place {
    all: Arc<AtomicUsize>,
    number: usize,
}

impl Place {
    fn take(all: &Arc<AtomicUsize>) -> Self {
        Self { all: all.clone(), number: all.fetch_add(1, Ordering::Relaxed) + 1 }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Says no, for whatever reason.
fn refuse(stream: &UnixStream, why: &str) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(REFUSAL))?;
    let mut stream = stream;
    send(&mut stream, &Down::Error(format!("clowder: {why}\n").into_bytes()))?;
    send(&mut stream, &Down::Exit(1))
}

/// The account at the other end, as the system has it.
#[cfg(target_os = "linux")]
fn peer(stream: &UnixStream) -> io::Result<u32> {
    Ok(rustix::net::sockopt::socket_peercred(stream)?.uid.as_raw())
}

/// Where the system does not tell, the file's permissions have let in nobody but this account.
#[cfg(not(target_os = "linux"))]
fn peer(_: &UnixStream) -> io::Result<u32> {
    Ok(rustix::process::geteuid().as_raw())
}

fn serve(host: &Host, stream: UnixStream) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    let uid = peer(&stream)?;
    if uid != 0 && uid != rustix::process::geteuid().as_raw() {
        tracing::warn!(uid, "socket: refused, another account");
        return refuse(&stream, "the store belongs to another account of this machine");
    }
    let mut reader = Reader::new(stream);
    let hello = match greeting(&mut reader, Duration::from_secs(host.config.get().socket.hello_seconds)) {
        Ok(hello) => hello,
        Err(e) => {
            tracing::info!(uid, "socket: refused: {e}");
            return refuse(&reader.stream, &format!("{e}; this is Clowder {}", env!("CARGO_PKG_VERSION")));
        }
    };
    let address = format!("uid {uid}");
    match hello.wants {
        Wants::Screens { size, env } => screens(host, reader, address, size, &env),
        Wants::Command { .. } => command::run(host, reader, address, hello.wants),
    }
}

/// What the other end says first, all of it within the time.
fn greeting(reader: &mut Reader<UnixStream>, most: Duration) -> io::Result<Hello> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, "nothing was asked for in time");
    let until = Instant::now() + most;
    let mut timed = Timed { stream: &reader.stream, until };
    let mut frames = Frames::default();
    let hello = loop {
        let mut buffer = [0; 4096];
        match io::Read::read(&mut timed, &mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => frames.feed(&buffer[..n]),
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => return Err(late()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
        if let Some(frame) = frames.frame::<Up>()? {
            break frame;
        }
    };
    reader.stream.set_read_timeout(None)?;
    reader.resume(frames);
    match hello {
        Up::Hello(hello) => Ok(hello),
        _ => Err(FrameError::Nonsense.into()),
    }
}

/// Reads until a moment, however slowly it comes.
struct Timed<'a> {
    stream: &'a UnixStream,
    until: Instant,
}

impl io::Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut stream = self.stream;
        stream.read(buffer)
    }
}

fn screens(
    host: &Host,
    reader: Reader<UnixStream>,
    address: String,
    size: (u16, u16),
    env: &[(String, String)],
) -> io::Result<()> {
    let stream = reader.stream.try_clone()?;
    let find = |name: &str| env.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
    let caps = match Caps::from_env((size.0.into(), size.1.into()), find) {
        Ok(caps) => caps,
        Err(why) => return refuse(&stream, &why),
    };
    let (sender, inbox) = event::queue();
    let entered = host.registry.enter(
        Door::Socket,
        Some(address.clone()),
        {
            let sender = sender.clone();
            move |why| sender.end(why)
        },
        cutter(&stream)?,
    );
    let guard = match entered {
        Ok(guard) => guard,
        Err(full) => {
            tracing::warn!(from = address, "socket: refused: {full}");
            return refuse(&stream, &full.to_string());
        }
    };
    tracing::info!(session = guard.id(), from = address, "socket: session begins");
    rustix::net::sockopt::set_socket_send_buffer_size(&stream, WAITING)?;
    stream.set_write_timeout(Some(host.config.get().sessions.stall()))?;
    let keys = {
        let sender = sender.clone();
        thread::Builder::new().name("clowder-keys".to_owned()).spawn(move || read_keys(reader, &sender))?
    };
    let (desk, seat, prepare) = (host.desk.clone(), guard.seat(), host.prepare.clone());
    let make = {
        let caps = caps.clone();
        move || {
            let mut app = App::new(desk, sender, &caps, Door::Socket, Some(address)).seated(seat);
            prepare.iter().for_each(|prepare| prepare(&mut app));
            app
        }
    };
    let mut output = Output::results(stream.try_clone()?);
    let ended = session::serve(make, caps, inbox, &mut output);
    let code = match &ended {
        Ended::Done => 0,
        Ended::Fault | Ended::Lost(_) => 1,
    };
    match ended {
        Ended::Done => tracing::info!(session = guard.id(), "socket: session ends"),
        Ended::Lost(e) => tracing::info!(session = guard.id(), "socket: session lost: {e}"),
        Ended::Fault => tracing::error!(session = guard.id(), "socket: session ended by a fault of the program"),
    }
    let _ = send(&mut &stream, &Down::Exit(code));
    let _ = stream.shutdown(Shutdown::Both);
    let _ = keys.join();
    drop(guard);
    Ok(())
}

/// Breaks a line off.
fn cutter(stream: &UnixStream) -> io::Result<impl Fn() + Send + Sync + 'static> {
    let stream = stream.try_clone()?;
    Ok(move || {
        let _ = stream.shutdown(Shutdown::Both);
    })
}

/// Passes on what is typed until the line ends.
fn read_keys(mut reader: Reader<UnixStream>, sender: &event::Sender) {
    loop {
        let event = match reader.frame() {
            Ok(Some(Up::Input(bytes))) => Event::Input(bytes),
            Ok(Some(Up::Size(columns, rows))) => Event::Resize(columns, rows),
            Ok(Some(_) | None) | Err(_) => break,
        };
        if !sender.send(event) {
            return;
        }
    }
    sender.send(Event::Hangup);
}
