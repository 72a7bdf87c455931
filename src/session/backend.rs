//! The drawing side of a session: cells in, bytes out.
//!
//! It never asks any terminal anything: size, colours and characters are the session's own [`Caps`]. It
//! remembers what the terminal shows, so that a frame costs only what differs, in as few bytes as it takes;
//! lines that moved are moved by the terminal itself. Between frames that memory is all there is of a screen.

use ratatui::{
    Frame,
    buffer::{Buffer, Cell},
    layout::Position,
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr;

use super::{
    caps::{Caps, Colour},
    glyphs,
};

mod canvas;
mod glyph;
mod pen;
mod scroll;

use glyph::{Glyph, Text, Texts};
use pen::Pen;

/// Turns frames into bytes for one terminal.
pub struct Bytes {
    caps: Caps,
    out: Vec<u8>,
    /// What the terminal shows, row by row.
    shown: Vec<Glyph>,
    texts: Texts,
    /// Whether the terminal has to be cleared before the next frame.
    clear: bool,
    /// Where the terminal's cursor is, when that is certain.
    at: Option<(u16, u16)>,
    /// What the terminal draws with, when that is certain.
    pen: Option<Pen>,
    cursor_shown: bool,
}

impl Bytes {
    /// For a terminal whose screen holds nothing yet.
    pub fn new(caps: Caps) -> Self {
        let shown = vec![Glyph::BLANK; cells(&caps)];
        let texts = Texts::default();
        Self { caps, out: Vec::new(), shown, texts, clear: true, at: None, pen: None, cursor_shown: true }
    }

    /// Forgets what the terminal shows: the next frame draws everything, in a new size perhaps.
    pub fn renew(&mut self, size: Option<(u16, u16)>) {
        let mut caps = self.caps.clone();
        caps.size = size.unwrap_or(caps.size);
        let out = std::mem::take(&mut self.out);
        *self = Self { out, ..Self::new(caps) };
    }

    /// Draws a frame.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) {
        self.texts.tidy(&mut self.shown);
        canvas::with(|canvas| {
            let cursor = canvas.paint(self.caps.size, draw, |buffer, next| self.read(buffer, next));
            self.emit(&canvas.glyphs);
            self.place_cursor(cursor, &canvas.glyphs);
        });
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

    /// The cells of a frame as this terminal can show them.
    fn read(&mut self, buffer: &Buffer, next: &mut Vec<Glyph>) {
        let width = usize::from(self.caps.size.0);
        next.clear();
        next.resize(self.shown.len(), Glyph::BLANK);
        // Neighbours mostly look the same.
        let mut last = (Color::Reset, Color::Reset, Modifier::empty(), Pen::PLAIN);
        for (cells, row) in buffer.content().chunks(width).zip(next.chunks_mut(width)) {
            let mut x = 0;
            while x < width {
                let cell = &cells[x];
                if (cell.fg, cell.bg, cell.modifier) != (last.0, last.1, last.2) {
                    last = (cell.fg, cell.bg, cell.modifier, Pen::of(cell, self.caps.colour));
                }
                let pen = last.3;
                let (text, columns) = self.text(cell);
                if x + columns <= width {
                    row[x] = Glyph { text, pen };
                    if columns == 2 {
                        row[x + 1] = Glyph { text: Text::REST, pen };
                    }
                }
                x += columns;
            }
        }
    }

    /// The text of a cell as this terminal can show it, and how many columns it takes.
    fn text(&mut self, cell: &Cell) -> (Text, usize) {
        let symbol = cell.symbol();
        if let [byte @ b' '..=b'~'] = symbol.as_bytes() {
            return (Text::of(char::from(*byte)), 1);
        }
        let columns = symbol.width().clamp(1, 2);
        (self.texts.text(&glyphs::show(symbol, self.caps.glyphs)), columns)
    }

    fn emit(&mut self, next: &[Glyph]) {
        let mut scroll = None;
        if std::mem::take(&mut self.clear) {
            self.set_pen(Pen::PLAIN);
            self.out.extend(b"\x1b[2J");
            self.shown.fill(Glyph::BLANK);
            self.at = None;
        } else {
            let found = scroll::find(&self.shown, next, self.caps.size);
            scroll = match found[..] {
                [] => None,
                [only] => Some(only),
                _ => found.into_iter().min_by_key(|scroll| self.cost(*scroll, next)),
            };
        }
        self.emit_rows(scroll, next);
    }

    /// How many bytes a frame takes when a block of rows is moved first.
    fn cost(&mut self, scroll: scroll::Scroll, next: &[Glyph]) -> usize {
        let (shown, at, pen, length) = (self.shown.clone(), self.at, self.pen, self.out.len());
        self.emit_rows(Some(scroll), next);
        let cost = self.out.len() - length;
        self.out.truncate(length);
        (self.shown, self.at, self.pen) = (shown, at, pen);
        cost
    }

    fn emit_rows(&mut self, scroll: Option<scroll::Scroll>, next: &[Glyph]) {
        if let Some(scroll) = scroll {
            self.scroll(&scroll);
        }
        for y in 0..self.caps.size.1 {
            self.emit_row(y, next);
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

    fn emit_row(&mut self, y: u16, next: &[Glyph]) {
        let row = self.row(y);
        if self.shown[row.clone()] == next[row.clone()] {
            return;
        }
        let width = row.len();
        let tail = next[row.clone()].iter().rposition(|g| *g != Glyph::BLANK).map_or(0, |x| x + 1);
        let mut x = 0;
        while x < width {
            let i = row.start + x;
            if next[i] == self.shown[i] {
                x += 1;
                continue;
            }
            if x >= tail {
                // All the rest is to be blank: erase it when that is shorter than writing it.
                let rest = self.shown[i..row.end].iter().filter(|g| **g != Glyph::BLANK).count();
                if rest > 4 {
                    self.move_to(x as u16, y, next);
                    self.set_pen(Pen::PLAIN);
                    self.out.extend(b"\x1b[K");
                    self.shown[i..row.end].fill(Glyph::BLANK);
                    return;
                }
            }
            if next[i].text == Text::REST {
                // Its first half has not changed; the terminal has both.
                self.shown[i] = next[i];
                x += 1;
                continue;
            }
            self.move_to(x as u16, y, next);
            x += self.put(i, x, next);
        }
    }

    /// Writes one glyph at the cursor; answers its columns.
    fn put(&mut self, i: usize, x: usize, next: &[Glyph]) -> usize {
        let glyph = next[i];
        self.set_pen(glyph.pen);
        self.texts.write(glyph.text, &mut self.out);
        let right = usize::from(self.caps.size.0);
        let columns = if x + 1 < right && next[i + 1].text == Text::REST { 2 } else { 1 };
        if columns == 2 {
            self.shown[i + 1] = next[i + 1];
        }
        // Terminals disagree on the width of pictures, and on where the cursor is after the last column.
        let certain = glyph.text.char().is_some_and(|c| {
            c < '\u{2190}' || ('\u{2500}'..='\u{25ff}').contains(&c) || ('\u{3000}'..'\u{a000}').contains(&c)
        });
        self.at = match self.at {
            Some((_, y)) if certain && x + columns < right => Some(((x + columns) as u16, y)),
            _ => None,
        };
        self.shown[i] = glyph;
        columns
    }

    fn move_to(&mut self, x: u16, y: u16, next: &[Glyph]) {
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
                if let Some(same) = self.unchanged_between(from, x, y, next) {
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
    fn unchanged_between(&self, from: u16, to: u16, y: u16, next: &[Glyph]) -> Option<Vec<u8>> {
        if to - from > 3 {
            return None;
        }
        let start = self.row(y).start;
        let between = &next[start + usize::from(from)..start + usize::from(to)];
        between
            .iter()
            .map(|g| g.text.char().filter(|c| c.is_ascii() && Some(g.pen) == self.pen).map(|c| c as u8))
            .collect()
    }

    fn set_pen(&mut self, pen: Pen) {
        if self.pen != Some(pen) {
            pen.write(self.pen, &mut self.out);
            self.pen = Some(pen);
        }
    }

    fn place_cursor(&mut self, wanted: Option<Position>, next: &[Glyph]) {
        match wanted {
            Some(Position { x, y }) => {
                let last = (self.caps.size.0.saturating_sub(1), self.caps.size.1.saturating_sub(1));
                self.move_to(x.min(last.0), y.min(last.1), next);
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

fn cells(caps: &Caps) -> usize {
    usize::from(caps.size.0) * usize::from(caps.size.1)
}

#[cfg(test)]
mod tests;
