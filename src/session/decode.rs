//! Bytes from a terminal to keys and pastes.
//!
//! One byte at a time through a small state machine, so that where the input was cut never matters. What
//! only time can tell (a lone Escape) waits for [`Decoder::deadline`]. Everything is bounded: a sequence
//! that does not end is dropped, and what is not known is swallowed whole, never typed in.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{event::Input, sequence};

/// How long `ESC`, `ESC [` and `ESC O` wait for the rest of a sequence before they count as keys.
const ESCAPE: Duration = Duration::from_millis(40);
/// How long a cut sequence or character waits before it is dropped.
const CUT: Duration = Duration::from_millis(500);
/// How long a paste waits for its next byte before it counts as ended.
const PASTE: Duration = Duration::from_secs(5);
/// The longest sequence, in bytes.
const SEQUENCE_MAX: usize = 128;
/// The longest terminal reply (OSC, DCS and their like), in bytes.
const REPLY_MAX: usize = 4 * 1024;
/// The longest paste, in bytes; what goes beyond is dropped.
const PASTE_MAX: usize = 64 * 1024;
const PASTE_END: &[u8] = b"\x1b[201~";

/// Where the machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ground,
    /// After ESC.
    Escape,
    /// After `ESC O`; `held` has the digits.
    Ss3,
    /// After `ESC [`; `held` has what followed.
    Csi,
    /// After `ESC [ [`, where the Linux console puts F1 to F5.
    LinuxFunction,
    /// In the three bytes after `ESC [ M`.
    OldMouse(u8),
    /// In an OSC, DCS, APC, PM or SOS; remembers its introducer, and whether an ESC has just come.
    Reply(u8, bool),
    /// In a character of UTF-8 of which so many bytes are still to come; `held` has the others.
    Utf8(u8),
    /// Between the marks of a bracketed paste; `held` has the text.
    Paste,
}

/// The decoder of one session's input.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    held: Vec<u8>,
    /// An ESC came before the character that `held` collects.
    alt: bool,
    /// The byte that the person's Backspace key sends, when the door knows it (VERASE).
    verase: Option<u8>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Decoder {
    /// A decoder; `verase` is the byte of the Backspace key, when it is known.
    pub const fn new(verase: Option<u8>) -> Self {
        Self { state: State::Ground, held: Vec::new(), alt: false, verase }
    }

    /// Takes the next bytes and appends what they complete to `out`.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<Input>) {
        for &byte in bytes {
            self.byte(byte, out);
        }
    }

    /// How long to wait for more input before [`Decoder::expire`] is to be called, counted from the last
    /// byte; `None` when nothing is pending.
    pub const fn deadline(&self) -> Option<Duration> {
        match self.state {
            State::Ground => None,
            State::Escape => Some(ESCAPE),
            State::Ss3 | State::Csi if self.held.is_empty() => Some(ESCAPE),
            State::Reply(..) if self.held.is_empty() => Some(ESCAPE),
            State::Paste => Some(PASTE),
            _ => Some(CUT),
        }
    }

    /// Ends what was pending: a lone Escape becomes a key, a cut sequence is dropped.
    pub fn expire(&mut self, out: &mut Vec<Input>) {
        match self.state {
            State::Escape => out.push(key(KeyCode::Esc, KeyModifiers::NONE)),
            State::Csi if self.held.is_empty() => out.push(key(KeyCode::Char('['), KeyModifiers::ALT)),
            State::Ss3 if self.held.is_empty() => out.push(key(KeyCode::Char('O'), KeyModifiers::ALT)),
            State::Reply(introducer, false) if self.held.is_empty() => {
                out.push(key(KeyCode::Char(introducer.into()), KeyModifiers::ALT));
            }
            State::Reply(_, true) => out.push(key(KeyCode::Esc, KeyModifiers::NONE)),
            State::Paste => self.end_paste(out),
            _ => {}
        }
        self.reset();
    }

    fn reset(&mut self) {
        self.state = State::Ground;
        self.held.clear();
        self.alt = false;
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<Input>) {
        match self.state {
            State::Ground => self.ground(byte, out),
            State::Escape => self.escape(byte, out),
            State::Ss3 => self.ss3(byte, out),
            State::Csi => self.csi(byte, out),
            State::LinuxFunction => {
                self.reset();
                match byte {
                    b'A'..=b'E' => out.push(key(KeyCode::F(byte - b'A' + 1), KeyModifiers::NONE)),
                    0..=0x1f => self.byte(byte, out),
                    _ => {}
                }
            }
            State::OldMouse(left) => {
                self.state = State::OldMouse(left - 1);
                if left == 1 {
                    self.reset();
                }
            }
            State::Reply(introducer, escaped) => self.reply(introducer, escaped, byte, out),
            State::Utf8(left) => self.utf8(left, byte, out),
            State::Paste => {
                self.held.push(byte);
                if self.held.len() > PASTE_MAX + PASTE_END.len() {
                    // Only the end mark matters from here on, so only room for it is kept.
                    self.held.remove(PASTE_MAX);
                }
                if self.held.ends_with(PASTE_END) {
                    self.held.truncate(self.held.len() - PASTE_END.len());
                    self.end_paste(out);
                    self.reset();
                }
            }
        }
    }

    fn ground(&mut self, byte: u8, out: &mut Vec<Input>) {
        let left = match byte {
            0x1b => {
                self.state = State::Escape;
                return;
            }
            0..=0x7f => {
                let (code, mut modifiers) = self.plain(byte);
                if self.alt {
                    modifiers |= KeyModifiers::ALT;
                }
                self.reset();
                out.push(key(code, modifiers));
                return;
            }
            0xc2..=0xdf => 1,
            0xe0..=0xef => 2,
            0xf0..=0xf4 => 3,
            _ => return self.reset(),
        };
        self.held.clear();
        self.held.push(byte);
        self.state = State::Utf8(left);
    }

    /// A single byte below 0x80 as a key.
    fn plain(&self, byte: u8) -> (KeyCode, KeyModifiers) {
        let control = |c: u8| (KeyCode::Char(c.into()), KeyModifiers::CONTROL);
        match byte {
            0 => control(b' '),
            8 if self.verase == Some(8) => (KeyCode::Backspace, KeyModifiers::NONE),
            9 => (KeyCode::Tab, KeyModifiers::NONE),
            13 => (KeyCode::Enter, KeyModifiers::NONE),
            127 if self.verase == Some(8) => (KeyCode::Delete, KeyModifiers::NONE),
            127 => (KeyCode::Backspace, KeyModifiers::NONE),
            1..=26 => control(byte - 1 + b'a'),
            28..=31 => control(byte - 28 + b'4'),
            _ => (KeyCode::Char(byte.into()), KeyModifiers::NONE),
        }
    }

    fn escape(&mut self, byte: u8, out: &mut Vec<Input>) {
        match byte {
            // Two in a row: the first was a key, the second may begin something.
            0x1b => out.push(key(KeyCode::Esc, KeyModifiers::NONE)),
            b'[' => self.state = State::Csi,
            b'O' => self.state = State::Ss3,
            b']' | b'P' | b'_' | b'^' | b'X' => self.state = State::Reply(byte, false),
            _ => {
                self.alt = true;
                self.state = State::Ground;
                self.ground(byte, out);
            }
        }
    }

    fn ss3(&mut self, byte: u8, out: &mut Vec<Input>) {
        match byte {
            0..=0x1f | 0x80.. => {
                if self.held.is_empty() {
                    out.push(key(KeyCode::Char('O'), KeyModifiers::ALT));
                }
                self.reset();
                self.byte(byte, out);
            }
            b'0'..=b'9' if self.held.len() < 4 => self.held.push(byte),
            _ => {
                out.extend(sequence::ss3(&self.held, byte).map(Input::Key));
                self.reset();
            }
        }
    }

    fn csi(&mut self, byte: u8, out: &mut Vec<Input>) {
        match byte {
            // A control byte aborts the sequence and counts; so does the start of a character.
            0..=0x1f | 0x7f.. => {
                self.reset();
                self.byte(byte, out);
            }
            b'[' if self.held.is_empty() => self.state = State::LinuxFunction,
            b'M' if self.held.is_empty() => self.state = State::OldMouse(3),
            0x20..=0x3f => {
                if self.held.len() < SEQUENCE_MAX {
                    self.held.push(byte);
                } else {
                    self.reset();
                }
            }
            _ if self.held == b"200" && byte == b'~' => {
                self.held.clear();
                self.state = State::Paste;
            }
            _ => {
                out.extend(sequence::csi(&self.held, byte).map(Input::Key));
                self.reset();
            }
        }
    }

    fn reply(&mut self, introducer: u8, escaped: bool, byte: u8, out: &mut Vec<Input>) {
        if escaped {
            self.reset();
            if byte != b'\\' {
                // The reply was cut off by another sequence.
                self.state = State::Escape;
                self.escape(byte, out);
            }
            return;
        }
        match byte {
            0x1b => self.state = State::Reply(introducer, true),
            7 => self.reset(),
            8..=13 => {
                self.reset();
                self.byte(byte, out);
            }
            _ if self.held.len() < REPLY_MAX => self.held.push(byte),
            _ => self.reset(),
        }
    }

    fn utf8(&mut self, left: u8, byte: u8, out: &mut Vec<Input>) {
        if byte & 0xc0 != 0x80 {
            // The character was cut off; what came instead counts.
            self.reset();
            return self.byte(byte, out);
        }
        self.held.push(byte);
        if left > 1 {
            self.state = State::Utf8(left - 1);
            return;
        }
        let c = std::str::from_utf8(&self.held).ok().and_then(|s| s.chars().next());
        let modifiers = if self.alt { KeyModifiers::ALT } else { KeyModifiers::NONE };
        self.reset();
        out.extend(c.map(|c| key(KeyCode::Char(c), modifiers)));
    }

    fn end_paste(&mut self, out: &mut Vec<Input>) {
        let mut text = &self.held[..self.held.len().min(PASTE_MAX)];
        if let Err(error) = std::str::from_utf8(text)
            && error.error_len().is_none()
        {
            // A text cut at the limit ends at a whole character.
            text = &text[..error.valid_up_to()];
        }
        out.push(Input::Paste(String::from_utf8_lossy(text).into_owned()));
    }
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Input {
    Input::Key(KeyEvent::new(code, modifiers))
}

#[cfg(test)]
mod tests;
