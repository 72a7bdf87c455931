//! A command on a channel: a thread that runs it, its two outputs and its input through bounded pipes.

use std::{
    ffi::OsString,
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use russh::{ChannelWriteHalf, server::Msg};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, watch},
    time::timeout,
};
use tracing::{info, warn};

use super::{
    super::command_name,
    connection::{Line, Watched},
};
use crate::{
    cli::{Code, Context, Said, Show, Words},
    desk::Desk,
    model::Actor,
    session::registry::Guard,
};

/// How much output is gathered before it is sent.
const CHUNK: usize = 32 * 1024;
/// How many pieces of output may wait for the client.
const PIECES: usize = 2;
/// How many pieces of input may wait for the command; the client's own window bounds each.
const INPUT_PIECES: usize = 32;
/// How long the client may take for the last words.
const LAST_WORDS: Duration = Duration::from_secs(3);
/// The longest line of words, in bytes.
const WORDS_MAX: usize = 64 * 1024;
/// Ctrl-C on a terminal.
const INTERRUPT: u8 = 3;

/// Splits a line into words as a shell would, without one.
///
/// # Errors
/// What is wrong with it.
pub fn split(line: &[u8]) -> Result<Vec<OsString>, String> {
    if line.len() > WORDS_MAX {
        return Err(format!("the command is too long: {} bytes, at most {WORDS_MAX}", line.len()));
    }
    let line = std::str::from_utf8(line).map_err(|_| "the command is not UTF-8".to_owned())?;
    if line.contains('\0') {
        return Err("the command holds a NUL character".to_owned());
    }
    let words = shlex::split(line).ok_or("a quote in the command is not closed")?;
    // Whoever writes the program's own name means the same.
    let own_name = words.first().is_some_and(|w| w == "clowder");
    Ok(words.into_iter().skip(usize::from(own_name)).map(OsString::from).collect())
}

/// Understands a line of words, and answers what to call the command.
///
/// # Errors
/// What to say instead of running something.
pub fn understand(line: &[u8]) -> Result<(String, Words), Said> {
    match split(line) {
        Ok(words) => Ok((command_name(&words), Words::parse(words)?)),
        Err(why) => Err(Said { text: format!("clowder: {why}\n"), code: Code::Usage }),
    }
}

/// One piece of output; true for standard error.
type Piece = (bool, Vec<u8>);

struct Pipe {
    out: mpsc::Sender<Piece>,
    error: bool,
    /// The client's terminal is raw: each line end needs a carriage return.
    terminal: bool,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(CHUNK)];
        let piece = if self.terminal { crlf(bytes) } else { bytes.to_vec() };
        self.out.blocking_send((self.error, piece)).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Line ends for a raw terminal.
pub fn crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 16);
    for &byte in bytes {
        if byte == b'\n' {
            out.push(b'\r');
        }
        out.push(byte);
    }
    out
}

/// The input of a command; what is left of the last piece stays.
struct Input {
    pieces: Option<mpsc::Receiver<Vec<u8>>>,
    piece: io::Cursor<Vec<u8>>,
    left: u64,
    /// Set by the client's own sign that this was all: input that stops without it was cut off.
    whole: Arc<AtomicBool>,
    /// Who and where from, for the log.
    client: String,
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.piece.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            let Some(pieces) = &mut self.pieces else { return Ok(0) };
            let Some(piece) = pieces.blocking_recv() else {
                let whole = self.whole.load(Ordering::Acquire);
                return if whole { Ok(0) } else { Err(io::Error::other("it was cut off")) };
            };
            let Some(left) = self.left.checked_sub(piece.len() as u64) else {
                warn!(client = self.client, "ssh: refused: the input of a command is longer than the settings allow");
                return Err(io::Error::other("it is longer than the settings of the server allow"));
            };
            self.left = left;
            self.piece = io::Cursor::new(piece);
        }
    }
}

/// Where input goes, as long as the command is to have any.
#[derive(Clone)]
struct Intake {
    pieces: Arc<Mutex<Option<mpsc::Sender<Vec<u8>>>>>,
    whole: Arc<AtomicBool>,
}

impl Intake {
    fn lock(&self) -> MutexGuard<'_, Option<mpsc::Sender<Vec<u8>>>> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes no more: whoever waits for input waits no longer.
    fn close(&self) {
        *self.lock() = None;
    }
}

/// The connection's side of a command.
pub struct Command {
    intake: Intake,
    cancel: Arc<AtomicBool>,
    terminal: bool,
    stall: Duration,
}

impl Command {
    /// Passes input on, as far as the command takes any.
    pub async fn input(&mut self, bytes: &[u8]) {
        if self.terminal && bytes.contains(&INTERRUPT) {
            self.cancel();
        }
        let Some(pieces) = self.intake.lock().clone() else { return };
        if !matches!(timeout(self.stall, pieces.send(bytes.to_vec())).await, Ok(Ok(()))) {
            // It takes no more, or has not for a long time: the rest goes nowhere.
            self.intake.close();
        }
    }

    /// There is no more input: that was all of it.
    pub fn end_input(&mut self) {
        if self.intake.lock().is_some() {
            self.intake.whole.store(true, Ordering::Release);
        }
        self.intake.close();
    }

    /// Asks it to break off.
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
        self.intake.close();
    }
}

impl Drop for Command {
    fn drop(&mut self) {
        // The channel is gone, and with it what was still to come.
        self.intake.close();
    }
}

/// What a command runs with.
pub struct Order {
    /// The words.
    pub words: Words,
    /// What to call it in the log.
    pub title: String,
    /// The desk.
    pub desk: Desk,
    /// Who asks.
    pub actor: Actor,
    /// The width of the client's terminal, if it has one.
    pub width: Option<usize>,
    /// One of the places for commands.
    pub permit: OwnedSemaphorePermit,
    /// Its place among the sessions.
    pub guard: Guard,
    /// Set by whoever ends it.
    pub told: watch::Receiver<Option<String>>,
    /// Set when it shall break off.
    pub cancel: Arc<AtomicBool>,
}

/// Runs a command.
///
/// # Errors
/// There is no thread for it.
pub fn begin(line: &Line, channel: Arc<ChannelWriteHalf<Msg>>, order: Order) -> io::Result<Command> {
    let Order { words, title, desk, actor, width, permit, guard, told, cancel } = order;
    info!(session = guard.id(), client = line.name, command = title, "ssh: command");
    let (out, pieces) = mpsc::channel(PIECES);
    let (input, input_pieces) = mpsc::channel(INPUT_PIECES);
    let (ended, has_ended) = watch::channel(None);
    let reads = words.reads_input();
    let whole = Arc::new(AtomicBool::new(false));
    let intake = Intake { pieces: Arc::new(Mutex::new(reads.then_some(input))), whole: whole.clone() };
    let terminal = width.is_some();
    let pipe = |error| Pipe { out: out.clone(), error, terminal };
    let (results, mut messages) = (pipe(false), pipe(true));
    let left = line.limits.input_mib.saturating_mul(1024 * 1024);
    let flag = cancel.clone();
    let client = line.name.clone();
    let seat = guard.seat();
    thread::Builder::new().name("clowder-ssh-command".to_owned()).spawn(move || {
        let _permit = permit;
        let pieces = reads.then_some(input_pieces);
        let mut input = BufReader::new(Input { pieces, piece: io::Cursor::default(), left, whole, client });
        let mut results = BufWriter::with_capacity(CHUNK, results);
        let json = words.json();
        let code = words.run(&mut Context {
            desk: &desk,
            actor: &actor,
            seat: Some(seat),
            out: &mut results,
            err: &mut messages,
            input: &mut input,
            person: None,
            json,
            width,
            progress: Show::Lines,
            files: false,
            directory: Path::new(""),
            cancel: &flag,
        });
        ended.send_replace(Some(code));
    })?;
    drop(out);
    let stall = line.limits.command_stall();
    let pump = Pump {
        channel,
        client: line.name.clone(),
        title,
        terminal,
        stall,
        cancel: cancel.clone(),
        intake: intake.clone(),
        guard,
        watched: line.watched.clone(),
    };
    tokio::spawn(pump.run(pieces, has_ended, told, line.gone.clone()));
    Ok(Command { intake, cancel, terminal, stall })
}

/// Takes output to the channel, and closes it after the last.
struct Pump {
    channel: Arc<ChannelWriteHalf<Msg>>,
    client: String,
    title: String,
    terminal: bool,
    stall: Duration,
    cancel: Arc<AtomicBool>,
    intake: Intake,
    guard: Guard,
    watched: Arc<Watched>,
}

impl Pump {
    async fn run(
        self,
        mut pieces: mpsc::Receiver<Piece>,
        mut ended: watch::Receiver<Option<Code>>,
        mut told: watch::Receiver<Option<String>>,
        mut gone: watch::Receiver<bool>,
    ) {
        let sent = tokio::select! {
            sent = self.send(&mut pieces) => sent,
            () = super::set(&mut gone) => false,
            why = async { told.wait_for(Option::is_some).await.ok().and_then(|why| (*why).clone()) } => {
                let why = format!("clowder: {}\n", why.unwrap_or_default());
                let why = if self.terminal { crlf(why.as_bytes()) } else { why.into_bytes() };
                let _ = timeout(LAST_WORDS, self.channel.extended_data_bytes(1, why)).await;
                false
            }
        };
        // Where its output goes nowhere, it breaks off.
        drop(pieces);
        if !sent {
            self.cancel.store(true, Ordering::Relaxed);
            self.intake.close();
        }
        let code = if sent {
            ended.wait_for(Option::is_some).await.map_or(None, |code| *code).unwrap_or(Code::Failed)
        } else {
            Code::Failed
        };
        info!(session = self.guard.id(), client = self.client, code = code as u8, "ssh: command ended");
        let _ = timeout(LAST_WORDS, async {
            let _ = self.channel.exit_status(code as u32).await;
            let _ = self.channel.eof().await;
            let _ = self.channel.close().await;
        })
        .await;
        self.watched.closed(self.channel.id());
        if !sent {
            // It keeps its place among the sessions until it has really ended.
            let _ = ended.wait_for(Option::is_some).await;
        }
        drop(self.guard);
    }

    async fn send(&self, pieces: &mut mpsc::Receiver<Piece>) -> bool {
        while let Some((error, piece)) = pieces.recv().await {
            let send = async {
                if error {
                    self.channel.extended_data_bytes(1, piece).await
                } else {
                    self.channel.data_bytes(piece).await
                }
            };
            match timeout(self.stall, send).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return false,
                Err(_) => {
                    warn!(client = self.client, command = self.title, "ssh: nobody took the output of a command");
                    return false;
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_would() {
        let words = |line: &str| split(line.as_bytes()).unwrap();
        assert_eq!(
            words(r#"cats list "status:available age<2y" 'a b' c\ d"#),
            ["cats", "list", "status:available age<2y", "a b", "c d"]
        );
        assert_eq!(words("clowder cats list"), ["cats", "list"]);
        assert_eq!(words("cats list; rm -rf $HOME `x` | y"), ["cats", "list;", "rm", "-rf", "$HOME", "`x`", "|", "y"]);
        assert!(words("").is_empty());
    }

    #[test]
    fn what_is_no_line_of_words_is_told() {
        for (line, why) in [(&b"cats 'list"[..], "quote"), (b"cats \xff", "UTF-8"), (b"cats \0", "NUL")] {
            let said = understand(line).unwrap_err();
            assert!(said.code == Code::Usage && said.text.contains(why), "{}", said.text);
        }
        assert!(split(&[b'a'; WORDS_MAX + 1]).is_err());
    }

    #[test]
    fn input_ends_with_its_pieces_and_at_its_limit() {
        let (sender, pieces) = mpsc::channel(4);
        for piece in ["ab", "", "cde"] {
            sender.blocking_send(piece.as_bytes().to_vec()).unwrap();
        }
        drop(sender);
        let input = |pieces, whole| {
            let whole = Arc::new(AtomicBool::new(whole));
            Input { pieces: Some(pieces), piece: io::Cursor::default(), left: 5, whole, client: String::new() }
        };
        assert_eq!(io::read_to_string(&mut input(pieces, true)).unwrap(), "abcde");
        let (sender, pieces) = mpsc::channel(4);
        sender.blocking_send(vec![b'x'; 6]).unwrap();
        let error = io::read_to_string(&mut input(pieces, true)).unwrap_err();
        assert!(error.to_string().contains("settings"), "{error}");
        let (sender, pieces) = mpsc::channel(4);
        sender.blocking_send(vec![b'x']).unwrap();
        drop(sender);
        assert!(io::read_to_string(&mut input(pieces, false)).is_err(), "what was cut off is not the end");
    }

    #[test]
    fn a_raw_terminal_gets_carriage_returns() {
        assert_eq!(crlf(b"a\nb\n"), b"a\r\nb\r\n");
    }
}
