//! What a cell of the terminal shows, in as few bytes as it takes: every session keeps a whole screen of them.

use std::{collections::HashMap, sync::Arc};

use super::Pen;

/// One cell of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyph {
    pub text: Text,
    pub pen: Pen,
}

impl Glyph {
    pub const BLANK: Self = Self { text: Text::of(' '), pen: Pen::PLAIN };
}

/// The text of a cell: a character, or the number of a longer text among the session's [`Texts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text(u32);

/// Marks a number; no character has it.
const NUMBER: u32 = 1 << 31;

impl Text {
    /// The second column of a wide character.
    pub const REST: Self = Self(u32::MAX);

    /// A character.
    pub const fn of(c: char) -> Self {
        Self(c as u32)
    }

    /// The character, if it is one by itself.
    pub const fn char(self) -> Option<char> {
        char::from_u32(self.0)
    }
}

/// The texts of more than one character that a session shows: letters with marks, pictures made of several.
#[derive(Default)]
pub struct Texts {
    all: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

/// How many texts are kept before those that are no longer shown are thrown away.
const KEPT: usize = 1024;

impl Texts {
    /// A text as a cell holds it.
    pub fn text(&mut self, text: &str) -> Text {
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (None, _) => return Text::of(' '),
            (Some(c), None) => return Text::of(c),
            _ => {}
        }
        if let Some(number) = self.numbers.get(text) {
            return Text(NUMBER | number);
        }
        let number = self.all.len() as u32;
        let text: Arc<str> = text.into();
        self.all.push(text.clone());
        self.numbers.insert(text, number);
        Text(NUMBER | number)
    }

    /// Adds the text of a cell to the bytes.
    pub fn write(&self, text: Text, out: &mut Vec<u8>) {
        let mut buffer = [0; 4];
        let shown = match text.char() {
            Some(c) => c.encode_utf8(&mut buffer),
            None => self.all.get((text.0 & !NUMBER) as usize).map_or("", |text| text),
        };
        out.extend(shown.as_bytes());
    }

    /// Throws away what none of these cells shows, once there is much. For the time between two frames: other cells
    /// that hold numbers mean nothing afterwards.
    pub fn tidy(&mut self, shown: &mut [Glyph]) {
        if self.all.len() <= KEPT {
            return;
        }
        let old = std::mem::take(self);
        for glyph in shown.iter_mut().filter(|g| g.text.char().is_none() && g.text != Text::REST) {
            if let Some(text) = old.all.get((glyph.text.0 & !NUMBER) as usize) {
                glyph.text = self.text(text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_what_is_shown_and_no_more() {
        let mut texts = Texts::default();
        let mut shown = [Glyph::BLANK; 3];
        for n in 0..5 * KEPT as u32 {
            let c = char::from_u32(0x4e00 + n).unwrap();
            shown[1].text = texts.text(&format!("{c}\u{fe00}"));
            shown[2].text = Text::REST;
            texts.tidy(&mut shown);
            let mut out = Vec::new();
            shown.iter().for_each(|g| texts.write(g.text, &mut out));
            assert_eq!(String::from_utf8(out).unwrap(), format!(" {c}\u{fe00}"));
            assert_eq!(shown[2].text, Text::REST);
        }
        assert!(texts.all.len() <= KEPT + 1);
        assert_eq!(texts.text("e\u{301}"), texts.text("e\u{301}"));
    }

    #[test]
    fn a_cell_is_small() {
        assert!(size_of::<Glyph>() <= 16);
    }
}
