//! A command of somebody at the socket.

use std::{
    ffi::OsString,
    io::{self, BufReader, BufWriter, Read, Write},
    os::unix::{ffi::OsStringExt as _, net::UnixStream},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use zeroize::Zeroizing;

use super::{super::command_name, Host, cutter, refuse};
use crate::{
    cli::{self, Code, Context, Person, Show},
    model::{Actor, Door, Who},
    session::socket::{Down, Output, Reader, Up, Wants, send},
};

/// How much output is gathered before it is sent.
const GATHERED: usize = 32 * 1024;

/// The sending side, for output and errors.
#[derive(Clone)]
struct Line(Arc<Mutex<UnixStream>>);

impl Line {
    fn send(&self, frame: &Down) -> io::Result<()> {
        send(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), frame)
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A frame is written whole, so that those of output and errors never mix.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the other end pipes in, fetched piece by piece.
struct Piped {
    line: Line,
    pieces: Receiver<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
    over: bool,
}

impl Read for Piped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() && !self.over {
            self.line.send(&Down::Want)?;
            let broken = || io::Error::new(io::ErrorKind::ConnectionAborted, "it was cut off");
            self.piece = self.pieces.recv().map_err(|_| broken())?;
            self.at = 0;
            self.over = self.piece.is_empty();
        }
        let taken = buffer.len().min(self.piece.len() - self.at);
        buffer[..taken].copy_from_slice(&self.piece[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

/// Whoever sits in front of the terminal at the other end.
struct Asked {
    line: Line,
    answers: Receiver<Option<String>>,
}

impl Asked {
    fn ask(&mut self, secret: bool, prompt: &str) -> io::Result<Zeroizing<String>> {
        self.line.send(&Down::Ask { secret, prompt: prompt.to_owned() })?;
        let answer = self.answers.recv().ok().flatten();
        answer.map(Zeroizing::new).ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "nobody answered"))
    }
}

impl Person for Asked {
    fn confirm(&mut self, question: &str) -> io::Result<bool> {
        let answer = self.ask(false, question)?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    fn secret(&mut self, prompt: &str) -> io::Result<Zeroizing<String>> {
        self.ask(true, prompt)
    }
}

/// Runs it; the last frame is its exit code.
pub(super) fn run(host: &Host, reader: Reader<UnixStream>, address: String, wants: Wants) -> io::Result<()> {
    let Wants::Command { words, directory, width, interactive } = wants else { return Ok(()) };
    let stream = reader.stream.try_clone()?;
    let cancel = Arc::new(AtomicBool::new(false));
    let tell = {
        let cancel = cancel.clone();
        move |_: &str| cancel.store(true, Ordering::Relaxed)
    };
    let guard = match host.registry.enter(Door::Socket, Some(address.clone()), tell, cutter(&stream)?) {
        Ok(guard) => guard,
        Err(full) => {
            tracing::warn!(from = address, "socket: refused: {full}");
            return refuse(&stream, &full.to_string());
        }
    };
    let words: Vec<OsString> = words.into_iter().map(OsString::from_vec).collect();
    guard.set_person(Some(crate::session::registry::Person { user: None, name: "console".to_owned() }));
    guard.set_command(command_name(&words));
    tracing::info!(session = guard.id(), from = address, command = command_name(&words), "socket: command");
    stream.set_write_timeout(Some(Duration::from_secs(host.config.get().socket.command_stall_seconds)))?;
    let (pieces, piped) = sync_channel(1);
    let (answers, asked) = sync_channel(1);
    let listener = {
        let cancel = cancel.clone();
        let listen = move || listen(reader, pieces, &answers, &cancel);
        thread::Builder::new().name("clowder-stdin".to_owned()).spawn(listen)?
    };
    let line = Line(Arc::new(Mutex::new(stream.try_clone()?)));
    let ran = {
        let mut out = BufWriter::with_capacity(GATHERED, Output::results(line.clone()));
        let mut err = Output::error(line.clone());
        let mut input =
            BufReader::new(Piped { line: line.clone(), pieces: piped, piece: Vec::new(), at: 0, over: false });
        let mut person = Asked { line: line.clone(), answers: asked };
        let actor = Actor { who: Who::Console, door: Door::Socket, address: Some(address) };
        let directory = PathBuf::from(OsString::from_vec(directory));
        let mut cx = Context {
            desk: &host.desk,
            actor: &actor,
            seat: Some(guard.seat()),
            out: &mut out,
            err: &mut err,
            input: &mut input,
            person: if interactive { Some(&mut person) } else { None },
            json: false,
            width: width.map(usize::from),
            progress: if interactive || width.is_some() { Show::Lines } else { Show::Nothing },
            files: true,
            directory: &directory,
            cancel: &cancel,
        };
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| cli::run_words(words, &mut cx)));
        if ran.is_err() {
            tracing::error!(session = guard.id(), "socket: command ended by a fault of the program");
            let _ = writeln!(err, "clowder: the program has a fault. What was saved is safe");
        }
        ran
    };
    let code = ran.unwrap_or(Ok(Code::Failed)).unwrap_or(Code::Failed);
    tracing::info!(session = guard.id(), code = code as u8, "socket: command ended");
    let _ = line.send(&Down::Exit(code as u8));
    let _ = stream.shutdown(std::net::Shutdown::Both);
    let _ = listener.join();
    drop(guard);
    Ok(())
}

/// Passes on what comes up; when the line ends, the command is to end, too.
fn listen(
    mut reader: Reader<UnixStream>,
    pieces: SyncSender<Vec<u8>>,
    answers: &SyncSender<Option<String>>,
    cancel: &AtomicBool,
) {
    let mut pieces = Some(pieces);
    loop {
        let taken = match reader.frame() {
            // A piece that was on its way when the command was stopped is of no use.
            Ok(Some(Up::Input(piece))) => pieces.as_ref().is_none_or(|pieces| pieces.send(piece).is_ok()),
            Ok(Some(Up::Answer(answer))) => answers.send(answer).is_ok(),
            Ok(Some(Up::Stop)) => {
                cancel.store(true, Ordering::Relaxed);
                // A command that waits for its input waits no longer.
                pieces = None;
                true
            }
            Ok(Some(Up::Size(..))) => true,
            Ok(Some(Up::Hello(_)) | None) | Err(_) => false,
        };
        if !taken {
            cancel.store(true, Ordering::Relaxed);
            return;
        }
    }
}
