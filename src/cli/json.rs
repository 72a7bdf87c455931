//! JSON for scripts: one value, or an array written element by element.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

use crate::model::text::is_unsafe;

/// Compact JSON in which every character that could disturb a terminal is an escape.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|&(_, c)| is_unsafe(c)) {
            CompactFormatter.write_string_fragment(writer, &rest[..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

/// Writes one value, without a line end.
///
/// # Errors
/// When `out` cannot be written.
pub fn write(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Escaping)).map_err(io::Error::from)
}

/// An array whose elements are written one by one, each on a line of its own.
pub struct Array {
    empty: bool,
}

impl Array {
    /// Opens the array.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn open(out: &mut dyn Write) -> io::Result<Self> {
        out.write_all(b"[")?;
        Ok(Self { empty: true })
    }

    /// Writes one more element.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn push(&mut self, out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
        self.next(out)?;
        write(out, value)
    }

    /// Writes what stands before the next element.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn next(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(if self.empty { b"\n" } else { b",\n" })?;
        self.empty = false;
        Ok(())
    }

    /// Closes the array.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn close(self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(if self.empty { b"]\n" } else { b"\n]\n" })
    }
}

/// A text that is unknown when it is empty.
pub fn known(text: &str) -> Option<&str> {
    Some(text).filter(|t| !t.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &impl Serialize) -> String {
        let mut out = Vec::new();
        write(&mut out, value).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_could_disturb_a_terminal_is_escaped_and_reads_back() {
        for s in ["Mi\u{1b}[31m\u{9b}so", "a\u{202e}b", "\u{7f}", "tag\u{e0041}", "三毛猫 \"é\"\n\\"] {
            let json = text(&s);
            assert!(!json.chars().any(is_unsafe), "{json:?}");
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), s);
        }
        assert_eq!(text(&"\u{9b}x"), "\"\\u009bx\"");
    }

    #[test]
    fn arrays_are_whole_with_any_number_of_elements() {
        for n in 0..3 {
            let mut out = Vec::new();
            let mut array = Array::open(&mut out).unwrap();
            for i in 0..n {
                array.push(&mut out, &i).unwrap();
            }
            array.close(&mut out).unwrap();
            let read: Vec<i32> = serde_json::from_slice(&out).unwrap();
            assert_eq!(read, (0..n).collect::<Vec<_>>());
        }
    }
}
