//! The drawing backend of a session: cells in, bytes out.
//!
//! It never asks any terminal anything: size, colours and characters are the session's own [`Caps`]. It
//! remembers what the terminal shows, so that a frame costs only what differs, in as few bytes as it takes;
//! lines that moved are moved by the terminal itself.

use std::convert::Infallible;

use ratatui::{
    backend::{Backend, ClearType, WindowSize},
    buffer::Cell,
    layout::{Position, Size},
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr;

use super::{
    caps::{Caps, Colour},
    glyphs,
};

mod pen;
mod scroll;

use pen::Pen;

/// What one cell of the terminal shows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Glyph {
    text: Text,
    pen: Pen,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Text {
    One(char),
    Many(Box<str>),
    /// The second column of a wide character.
    Rest,
}

impl Glyph {
    const BLANK: Self = Self { text: Text::One(' '), pen: Pen::PLAIN };

    fn is_ascii(&self) -> bool {
        matches!(self.text, Text::One(c) if c.is_ascii())
    }
}

/// A backend that writes into a buffer of bytes, for [`ratatui::Terminal`].
pub struct Bytes {
    caps: Caps,
    out: Vec<u8>,
    shown: Vec<Glyph>,
    next: Vec<Glyph>,
    /// Whether the terminal has to be cleared before the next frame.
    clear: bool,
    /// Where the terminal's cursor is, when that is certain.
    at: Option<(u16, u16)>,
    /// What the terminal draws with, when that is certain.
    pen: Option<Pen>,
    cursor_shown: bool,
    cursor_wanted: Option<(u16, u16)>,
    cursor_at: (u16, u16),
}

impl Bytes {
    /// A backend for a terminal whose screen holds nothing yet.
    pub fn new(caps: Caps) -> Self {
        let cells = cells(&caps);
        Self {
            caps,
            out: Vec::new(),
            shown: vec![Glyph::BLANK; cells],
            next: vec![Glyph::BLANK; cells],
            clear: true,
            at: None,
            pen: None,
            cursor_shown: true,
            cursor_wanted: None,
            cursor_at: (0, 0),
        }
    }

    /// Takes the terminal over: its other screen where it has one, paste marks on.
    pub fn enter(&mut self) {
        if self.caps.alternate {
            self.out.extend(b"\x1b[?1049h");
        }
        self.out.extend(b"\x1b[?2004h");
    }

    /// The bytes that give the terminal back, whatever it shows now. They can be sent at any time, twice too.
    pub fn leave(alternate: bool) -> &'static [u8] {
        // The screen is cleared before it is left: tmux shows stale rows otherwise after a change of size.
        if alternate {
            b"\x1b[?2004l\x1b[0m\x1b[2J\x1b[H\x1b[?25h\x1b[?1049l"
        } else {
            b"\x1b[?2004l\x1b[0m\x1b[2J\x1b[H\x1b[?25h"
        }
    }

    /// The terminal's new size, clamped. The next frame draws everything.
    pub fn resize(&mut self, size: (u16, u16)) {
        self.caps.size = size;
        let cells = cells(&self.caps);
        self.shown = vec![Glyph::BLANK; cells];
        self.next = vec![Glyph::BLANK; cells];
        self.clear = true;
    }

    /// Takes the bytes written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// The capabilities it draws for.
    pub const fn caps(&self) -> &Caps {
        &self.caps
    }

    fn row(&self, y: u16) -> std::ops::Range<usize> {
        let width = usize::from(self.caps.size.0);
        usize::from(y) * width..(usize::from(y) + 1) * width
    }

    fn glyph(&self, cell: &Cell) -> (Glyph, usize) {
        let pen = Pen::of(cell, self.caps.colour);
        let width = cell.symbol().width().clamp(1, 2);
        let shown = glyphs::show(cell.symbol(), self.caps.glyphs);
        let mut chars = shown.chars();
        let text = match (chars.next(), chars.next()) {
            (Some(c), None) => Text::One(c),
            (Some(_), Some(_)) => Text::Many(shown.into()),
            (None, _) => Text::One(' '),
        };
        (Glyph { text, pen }, width)
    }

    fn emit(&mut self) {
        if std::mem::take(&mut self.clear) {
            self.set_pen(Pen::PLAIN);
            self.out.extend(b"\x1b[2J");
            self.shown.fill(Glyph::BLANK);
            self.at = None;
        } else if let Some(scroll) = scroll::find(&self.shown, &self.next, self.caps.size) {
            self.scroll(&scroll);
        }
        for y in 0..self.caps.size.1 {
            self.emit_row(y);
        }
    }

    fn scroll(&mut self, scroll: &scroll::Scroll) {
        use std::io::Write;
        // New lines take the colour of the pen, so it is put down first. Setting the margins moves the cursor.
        self.set_pen(Pen::PLAIN);
        let (first, last) = (scroll.top + 1, scroll.bottom);
        let at = if scroll.lines > 0 { last } else { first };
        let _ = write!(self.out, "\x1b[{first};{last}r\x1b[{at}H");
        for _ in 0..scroll.lines.unsigned_abs() {
            self.out.extend::<&[u8]>(if scroll.lines > 0 { b"\n" } else { b"\x1bM" });
        }
        self.out.extend(b"\x1b[r");
        self.at = Some((0, 0));
        scroll.apply(&mut self.shown, usize::from(self.caps.size.0));
    }

    fn emit_row(&mut self, y: u16) {
        let row = self.row(y);
        if self.shown[row.clone()] == self.next[row.clone()] {
            return;
        }
        let width = row.len();
        let tail = self.next[row.clone()].iter().rposition(|g| *g != Glyph::BLANK).map_or(0, |x| x + 1);
        let mut x = 0;
        while x < width {
            let i = row.start + x;
            if self.next[i] == self.shown[i] {
                x += 1;
                continue;
            }
            if x >= tail {
                // All the rest is to be blank: erase it when that is shorter than writing it.
                let rest = self.shown[i..row.end].iter().filter(|g| **g != Glyph::BLANK).count();
                if rest > 4 {
                    self.move_to(x as u16, y);
                    self.set_pen(Pen::PLAIN);
                    self.out.extend(b"\x1b[K");
                    self.shown[i..row.end].fill(Glyph::BLANK);
                    return;
                }
            }
            if self.next[i].text == Text::Rest {
                // Its first half has not changed; the terminal has both.
                self.shown[i] = self.next[i].clone();
                x += 1;
                continue;
            }
            self.move_to(x as u16, y);
            x += self.put(i, x);
        }
    }

    /// Writes one glyph at the cursor; answers its columns.
    fn put(&mut self, i: usize, x: usize) -> usize {
        let glyph = self.next[i].clone();
        self.set_pen(glyph.pen);
        let mut buffer = [0; 4];
        let text: &str = match &glyph.text {
            Text::One(c) => c.encode_utf8(&mut buffer),
            Text::Many(text) => text,
            Text::Rest => return 1,
        };
        self.out.extend(text.as_bytes());
        let right = usize::from(self.caps.size.0);
        let columns = if x + 1 < right && self.next[i + 1].text == Text::Rest { 2 } else { 1 };
        if columns == 2 {
            self.shown[i + 1] = self.next[i + 1].clone();
        }
        // Terminals disagree on the width of pictures, and on where the cursor is after the last column.
        let certain = match glyph.text {
            Text::One(c) => {
                c < '\u{2190}' || ('\u{2500}'..='\u{25ff}').contains(&c) || ('\u{3000}'..'\u{a000}').contains(&c)
            }
            _ => false,
        };
        self.at = match self.at {
            Some((_, y)) if certain && x + columns < right => Some(((x + columns) as u16, y)),
            _ => None,
        };
        self.shown[i] = glyph;
        columns
    }

    fn move_to(&mut self, x: u16, y: u16) {
        use std::io::Write;
        if self.at == Some((x, y)) {
            return;
        }
        let mut best = Vec::with_capacity(8);
        let _ = match (x, y) {
            (0, 0) => write!(best, "\x1b[H"),
            (0, _) => write!(best, "\x1b[{}H", y + 1),
            _ => write!(best, "\x1b[{};{}H", y + 1, x + 1),
        };
        if let Some((from, row)) = self.at {
            let mut other = Vec::with_capacity(8);
            if x == 0 && (y == row || y == row + 1) {
                other.push(b'\r');
                other.extend((row < y).then_some(b'\n'));
            } else if y == row + 1 && x == from {
                other.push(b'\n');
            } else if y == row && x > from {
                if let Some(same) = self.unchanged_between(from, x, y) {
                    other.extend(same);
                } else if x == from + 1 {
                    other.extend(b"\x1b[C");
                } else {
                    let _ = write!(other, "\x1b[{}C", x - from);
                }
            } else if y == row && from - x <= 3 {
                other.resize(usize::from(from - x), 8);
            }
            if !other.is_empty() && other.len() < best.len() {
                best = other;
            }
        }
        self.out.extend(best);
        self.at = Some((x, y));
    }

    /// The few plain characters between two places, when writing them again is shorter than jumping.
    fn unchanged_between(&self, from: u16, to: u16, y: u16) -> Option<Vec<u8>> {
        if to - from > 3 {
            return None;
        }
        let start = self.row(y).start;
        let between = &self.next[start + usize::from(from)..start + usize::from(to)];
        between
            .iter()
            .map(|g| match g.text {
                Text::One(c) if g.is_ascii() && Some(g.pen) == self.pen => Some(c as u8),
                _ => None,
            })
            .collect()
    }

    fn set_pen(&mut self, pen: Pen) {
        if self.pen != Some(pen) {
            pen.write(self.pen, &mut self.out);
            self.pen = Some(pen);
        }
    }

    fn place_cursor(&mut self) {
        match self.cursor_wanted {
            Some((x, y)) => {
                let last = (self.caps.size.0.saturating_sub(1), self.caps.size.1.saturating_sub(1));
                self.move_to(x.min(last.0), y.min(last.1));
                if !self.cursor_shown {
                    self.out.extend(b"\x1b[?25h");
                    self.cursor_shown = true;
                }
            }
            None if self.cursor_shown => {
                self.out.extend(b"\x1b[?25l");
                self.cursor_shown = false;
            }
            None => {}
        }
    }
}

impl Backend for Bytes {
    type Error = Infallible;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Infallible>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let (width, height) = self.caps.size;
        for (x, y, cell) in content {
            if x >= width || y >= height {
                continue;
            }
            let i = self.row(y).start + usize::from(x);
            let (glyph, columns) = self.glyph(cell);
            let end = usize::from(x) + columns;
            if end > usize::from(width) {
                self.next[i] = Glyph::BLANK;
                continue;
            }
            if end < usize::from(width) && self.next[i + columns].text == Text::Rest {
                // Its first half is overwritten.
                self.next[i + columns] = Glyph::BLANK;
            }
            if columns == 2 {
                self.next[i + 1] = Glyph { text: Text::Rest, pen: glyph.pen };
            }
            self.next[i] = glyph;
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        self.cursor_wanted = None;
        Ok(())
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        self.cursor_wanted = Some(self.cursor_at);
        Ok(())
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        Ok(Position { x: self.cursor_at.0, y: self.cursor_at.1 })
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        let Position { x, y } = position.into();
        self.cursor_at = (x, y);
        if self.cursor_wanted.is_some() {
            self.cursor_wanted = Some((x, y));
        }
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, _: ClearType) -> Result<(), Infallible> {
        // The terminal is only ever used full screen, where everything is cleared or nothing.
        self.next.fill(Glyph::BLANK);
        self.clear = true;
        Ok(())
    }

    fn size(&self) -> Result<Size, Infallible> {
        Ok(Size { width: self.caps.size.0, height: self.caps.size.1 })
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        Ok(WindowSize { columns_rows: self.size()?, pixels: Size::default() })
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        self.emit();
        self.place_cursor();
        Ok(())
    }
}

fn cells(caps: &Caps) -> usize {
    usize::from(caps.size.0) * usize::from(caps.size.1)
}

#[cfg(test)]
mod tests;
