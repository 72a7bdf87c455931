//! What goes over the socket between a person's program and the one that holds the store.
//!
//! Frames: a byte for the kind, four for the length (little endian), the content. Going up, the first is a [`Hello`];
//! then keys or standard input, sizes and signals. Coming down: output, errors, questions, the exit code. Standard input
//! is sent only when it is [wanted](Down::Want), a piece at a time, so that nothing piles up and nothing is read that
//! no command needs.

pub mod client;

use std::io::{self, Read, Write};

use bincode::config::{Configuration, Limit};
use serde::{Deserialize, Serialize};

/// The number of this protocol; both ends must have the same.
pub const PROTOCOL: u8 = 1;
/// The longest content of a frame, in bytes.
pub const CONTENT_MAX: usize = 64 * 1024;
/// Kind and length.
const HEAD: usize = 5;

/// What a person's program says first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The program's version, to name it when the two do not fit.
    pub version: String,
    /// What it wants.
    pub wants: Wants,
}

/// What a person's program wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wants {
    /// The screens.
    Screens {
        /// Columns and rows of its terminal.
        size: (u16, u16),
        /// The variables that say what the terminal can do.
        env: Vec<(String, String)>,
    },
    /// A command.
    Command {
        /// Its words without the program's name, as the system has them.
        words: Vec<Vec<u8>>,
        /// The directory that relative paths start from.
        directory: Vec<u8>,
        /// How wide the terminal is, when the results go to one.
        width: Option<u16>,
        /// Somebody sits in front and can be asked.
        interactive: bool,
    },
}

/// The variables that are sent with [`Wants::Screens`].
pub const VARIABLES: [&str; 6] = ["TERM", "COLORTERM", "LC_ALL", "LC_CTYPE", "LANG", "NO_COLOR"];

/// What a person's program sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Up {
    /// The first frame.
    Hello(Hello),
    /// Keys, or a wanted piece of standard input; an empty one is its end.
    Input(Vec<u8>),
    /// The terminal has so many columns and rows now.
    Size(u16, u16),
    /// The command shall break off.
    Stop,
    /// The answer to a question; `None` when there is none.
    Answer(Option<String>),
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Down {
    /// For the screen, or standard output.
    Output(Vec<u8>),
    /// For standard error.
    Error(Vec<u8>),
    /// A piece of standard input is wanted.
    Want,
    /// A question for whoever sits in front.
    Ask {
        /// The answer is not to be shown.
        secret: bool,
        /// The question.
        prompt: String,
    },
    /// It is over, with this exit code.
    Exit(u8),
}

/// What a frame says that no frame may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than [`CONTENT_MAX`].
    #[error("a frame is too long")]
    TooLong,
    /// A kind that there is not, or content that does not fit its kind.
    #[error("a frame makes no sense")]
    Nonsense,
    /// Another [`PROTOCOL`].
    #[error("the two programs are of different versions")]
    Protocol,
}

impl From<FrameError> for io::Error {
    fn from(e: FrameError) -> Self {
        Self::new(io::ErrorKind::InvalidData, e)
    }
}

/// One direction.
pub trait Frame: Sized {
    /// Kind and content.
    fn encode(&self) -> (u8, Vec<u8>);

    /// Back from them.
    ///
    /// # Errors
    /// They make no sense.
    fn decode(kind: u8, content: Vec<u8>) -> Result<Self, FrameError>;
}

fn config() -> Configuration<bincode::config::LittleEndian, bincode::config::Varint, Limit<CONTENT_MAX>> {
    bincode::config::standard().with_limit::<CONTENT_MAX>()
}

fn text(bytes: Vec<u8>) -> Result<String, FrameError> {
    String::from_utf8(bytes).map_err(|_| FrameError::Nonsense)
}

impl Frame for Up {
    fn encode(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Hello(hello) => {
                let mut content = vec![PROTOCOL];
                // What cannot be encoded is too long, and an empty hello is refused.
                content.extend(bincode::serde::encode_to_vec(hello, config()).unwrap_or_default());
                (1, content)
            }
            Self::Input(bytes) => (2, bytes.clone()),
            Self::Size(columns, rows) => (3, [columns.to_le_bytes(), rows.to_le_bytes()].concat()),
            Self::Stop => (4, Vec::new()),
            Self::Answer(None) => (5, Vec::new()),
            Self::Answer(Some(answer)) => (6, answer.as_bytes().to_vec()),
        }
    }

    fn decode(kind: u8, content: Vec<u8>) -> Result<Self, FrameError> {
        match (kind, &*content) {
            (1, [PROTOCOL, hello @ ..]) => match bincode::serde::decode_from_slice(hello, config()) {
                Ok((value, read)) if read == hello.len() => Ok(Self::Hello(value)),
                _ => Err(FrameError::Nonsense),
            },
            (1, [_, ..]) => Err(FrameError::Protocol),
            (2, _) => Ok(Self::Input(content)),
            (3, &[a, b, c, d]) => Ok(Self::Size(u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]))),
            (4, []) => Ok(Self::Stop),
            (5, []) => Ok(Self::Answer(None)),
            (6, _) => text(content).map(|answer| Self::Answer(Some(answer))),
            _ => Err(FrameError::Nonsense),
        }
    }
}

impl Frame for Down {
    fn encode(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Output(bytes) => (16, bytes.clone()),
            Self::Error(bytes) => (17, bytes.clone()),
            Self::Want => (18, Vec::new()),
            Self::Ask { secret: false, prompt } => (19, prompt.as_bytes().to_vec()),
            Self::Ask { secret: true, prompt } => (20, prompt.as_bytes().to_vec()),
            Self::Exit(code) => (21, vec![*code]),
        }
    }

    fn decode(kind: u8, content: Vec<u8>) -> Result<Self, FrameError> {
        match (kind, &*content) {
            (16, _) => Ok(Self::Output(content)),
            (17, _) => Ok(Self::Error(content)),
            (18, []) => Ok(Self::Want),
            (19 | 20, _) => Ok(Self::Ask { secret: kind == 20, prompt: text(content)? }),
            (21, &[code]) => Ok(Self::Exit(code)),
            _ => Err(FrameError::Nonsense),
        }
    }
}

/// Writes a frame in one piece.
///
/// # Errors
/// It is too long, or the other end is gone.
pub fn send(to: &mut impl Write, frame: &impl Frame) -> io::Result<()> {
    let (kind, content) = frame.encode();
    send_raw(to, kind, &content)
}

fn send_raw(to: &mut impl Write, kind: u8, content: &[u8]) -> io::Result<()> {
    if content.len() > CONTENT_MAX {
        return Err(FrameError::TooLong.into());
    }
    let mut bytes = Vec::with_capacity(HEAD + content.len());
    bytes.push(kind);
    bytes.extend((content.len() as u32).to_le_bytes());
    bytes.extend(content);
    to.write_all(&bytes)
}

/// Bytes to frames, wherever they were cut. Never holds more than one frame beside what was fed last.
#[derive(Debug, Default)]
pub struct Frames {
    held: Vec<u8>,
    taken: usize,
}

impl Frames {
    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.held.drain(..self.taken);
        self.taken = 0;
        self.held.extend_from_slice(bytes);
    }

    /// The next whole frame, if there is one.
    ///
    /// # Errors
    /// What came is no frame; nothing after it can be trusted.
    pub fn frame<F: Frame>(&mut self) -> Result<Option<F>, FrameError> {
        let rest = &self.held[self.taken..];
        let Some((&[kind, a, b, c, d], after)) = rest.split_first_chunk::<HEAD>() else { return Ok(None) };
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        if length > CONTENT_MAX {
            return Err(FrameError::TooLong);
        }
        let Some(content) = after.get(..length) else { return Ok(None) };
        let frame = F::decode(kind, content.to_vec())?;
        self.taken += HEAD + length;
        Ok(Some(frame))
    }

    /// How many bytes wait for the rest of their frame.
    pub fn pending(&self) -> usize {
        self.held.len() - self.taken
    }
}

/// Frames out of a stream.
#[derive(Debug)]
pub struct Reader<R> {
    /// The stream.
    pub stream: R,
    frames: Frames,
}

impl<R: Read> Reader<R> {
    /// Of a stream at its beginning.
    pub fn new(stream: R) -> Self {
        Self { stream, frames: Frames::default() }
    }

    /// Goes on with what was fed already.
    pub fn resume(&mut self, frames: Frames) {
        self.frames = frames;
    }

    /// A frame that came together with the last one, without waiting.
    ///
    /// # Errors
    /// What came is no frame.
    pub fn waiting<F: Frame>(&mut self) -> io::Result<Option<F>> {
        Ok(self.frames.frame()?)
    }

    /// The next frame; `None` at the end, even in the middle of a frame.
    ///
    /// # Errors
    /// The stream fails, or carries no frames.
    pub fn frame<F: Frame>(&mut self) -> io::Result<Option<F>> {
        let mut buffer = [0; 16 * 1024];
        loop {
            if let Some(frame) = self.frames.frame()? {
                return Ok(Some(frame));
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(n) => self.frames.feed(&buffer[..n]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
}

/// A stream of output as frames of one kind.
#[derive(Debug)]
pub struct Output<W> {
    to: W,
    kind: u8,
}

impl<W: Write> Output<W> {
    /// The screen, or standard output.
    pub const fn results(to: W) -> Self {
        Self { to, kind: 16 }
    }

    /// Standard error.
    pub const fn error(to: W) -> Self {
        Self { to, kind: 17 }
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(CONTENT_MAX)];
        if !bytes.is_empty() {
            send_raw(&mut self.to, self.kind, bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests;
