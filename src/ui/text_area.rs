//! Text of several lines being edited.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
};
use tui_input::{Input as Line, InputRequest};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::line_edit::{Edit, apply, insert, request};
use crate::{model::text::is_unsafe, session::event::Input};

/// Text of several lines with a cursor, shown wrapped.
#[derive(Debug, Clone, Default)]
pub struct TextArea {
    text: Line,
    limit: usize,
    /// The width it was last drawn at, which decides what "a row up" means.
    width: usize,
    top: usize,
}

impl TextArea {
    /// An area that holds `text` and takes at most `limit` bytes.
    pub fn new(text: &str, limit: usize) -> Self {
        Self { text: Line::new(text.to_owned()), limit, width: 60, top: 0 }
    }

    /// The text, its lines ended with `\n`.
    pub fn text(&self) -> &str {
        self.text.value()
    }

    /// Takes a key or paste. Up in the first row and down in the last one are left to the form.
    pub fn input(&mut self, input: &Input) -> Edit {
        let event = match input {
            Input::Paste(text) => {
                let text: String = text
                    .replace("\r\n", "\n")
                    .chars()
                    .map(|c| match c {
                        '\r' => '\n',
                        '\t' => ' ',
                        c => c,
                    })
                    .filter(|c| *c == '\n' || !is_unsafe(*c))
                    .collect();
                return if insert(&mut self.text, &text, self.limit) { Edit::Changed } else { Edit::Same };
            }
            Input::Key(event) => event,
        };
        match event.code {
            KeyCode::Enter => apply(&mut self.text, InputRequest::InsertChar('\n'), self.limit),
            KeyCode::Char('j') if event.modifiers == KeyModifiers::CONTROL => {
                apply(&mut self.text, InputRequest::InsertChar('\n'), self.limit)
            }
            KeyCode::Up => self.row_by(-1),
            KeyCode::Down => self.row_by(1),
            KeyCode::Home => self.in_row(false),
            KeyCode::End => self.in_row(true),
            _ => match request(event) {
                // These take the whole text where a line is meant.
                Some(InputRequest::DeleteLine | InputRequest::DeleteFromStart) => self.delete_in_row(false),
                Some(InputRequest::DeleteTillEnd) => self.delete_in_row(true),
                Some(request) => apply(&mut self.text, request, self.limit),
                None => Edit::Ignored,
            },
        }
    }

    /// The rows as byte ranges of the text.
    fn rows(&self) -> Vec<std::ops::Range<usize>> {
        let text = self.text();
        let mut rows = Vec::new();
        let mut start = 0;
        for line in text.split('\n') {
            let end = start + line.len();
            let (mut row, mut used, mut blank) = (start, 0, None);
            let mut at = start;
            for grapheme in line.graphemes(true) {
                let columns = grapheme.width();
                if used + columns > self.width.max(2) {
                    // Broken behind the last blank, or where it is when the row has none.
                    let cut = blank.unwrap_or(at);
                    rows.push(row..cut);
                    row = cut;
                    used = text[cut..at].width();
                    blank = None;
                }
                used += columns;
                at += grapheme.len();
                if grapheme == " " {
                    blank = Some(at);
                }
            }
            rows.push(row..end);
            start = end + 1;
        }
        rows
    }

    fn cursor_byte(&self) -> usize {
        self.text().chars().take(self.text.cursor()).map(char::len_utf8).sum()
    }

    fn set_cursor_byte(&mut self, byte: usize) {
        let chars = self.text()[..byte].chars().count();
        self.text.handle(InputRequest::SetCursor(chars));
    }

    /// The row of the cursor and the column in it.
    fn place(&self, rows: &[std::ops::Range<usize>]) -> (usize, usize) {
        let byte = self.cursor_byte();
        let row = rows.iter().rposition(|r| r.start <= byte).unwrap_or(0);
        (row, self.text()[rows[row].start..byte].width())
    }

    fn row_by(&mut self, by: isize) -> Edit {
        let rows = self.rows();
        let (row, column) = self.place(&rows);
        let Some(to) = row.checked_add_signed(by).filter(|r| *r < rows.len()) else { return Edit::Ignored };
        let range = rows[to].clone();
        let mut used = 0;
        let mut byte = range.start;
        let wraps = rows.get(to + 1).is_some_and(|next| next.start == range.end);
        for grapheme in self.text()[range.clone()].graphemes(true) {
            used += grapheme.width();
            // The place behind the last character of a wrapped row is the next row's first.
            if used > column || (wraps && byte + grapheme.len() == range.end) {
                break;
            }
            byte += grapheme.len();
        }
        self.set_cursor_byte(byte);
        Edit::Same
    }

    fn in_row(&mut self, end: bool) -> Edit {
        let rows = self.rows();
        let (row, _) = self.place(&rows);
        let range = rows[row].clone();
        let wraps = rows.get(row + 1).is_some_and(|next| next.start == range.end);
        let last = self.text()[range.clone()].graphemes(true).next_back().map_or(0, str::len);
        self.set_cursor_byte(if !end {
            range.start
        } else if wraps {
            range.end - last
        } else {
            range.end
        });
        Edit::Same
    }

    fn delete_in_row(&mut self, to_end: bool) -> Edit {
        let byte = self.cursor_byte();
        let text = self.text();
        let start = text[..byte].rfind('\n').map_or(0, |i| i + 1);
        let end = text[byte..].find('\n').map_or(text.len(), |i| byte + i);
        let (start, end) = if to_end { (byte, end) } else { (start, byte) };
        if start == end {
            return Edit::Same;
        }
        let whole = format!("{}{}", &text[..start], &text[end..]);
        self.text = Line::new(whole);
        self.set_cursor_byte(start);
        Edit::Changed
    }

    /// Draws the text; answers where the cursor is.
    pub fn draw(&mut self, buffer: &mut Buffer, area: Rect, style: Style) -> Option<Position> {
        if area.is_empty() {
            return None;
        }
        self.width = area.width.into();
        let rows = self.rows();
        let (row, column) = self.place(&rows);
        let height = usize::from(area.height);
        self.top = self.top.clamp((row + 1).saturating_sub(height), row);
        for (y, range) in rows.iter().skip(self.top).take(height).enumerate() {
            let text = &self.text()[range.clone()];
            buffer.set_stringn(area.x, area.y + y as u16, text, area.width.into(), style);
        }
        let x = area.x + (column as u16).min(area.width - 1);
        Some(Position { x, y: area.y + (row - self.top) as u16 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(area: &mut TextArea, bytes: &[u8]) -> Vec<Edit> {
        let mut inputs = Vec::new();
        crate::session::decode::Decoder::new(None).feed(bytes, &mut inputs);
        inputs.iter().map(|input| area.input(input)).collect()
    }

    #[test]
    fn lines_rows_and_arrows() {
        let mut area = TextArea::new("", 200);
        area.width = 10;
        typed(&mut area, b"shy but loves people\rfond of fish");
        assert_eq!(area.text(), "shy but loves people\nfond of fish");
        let rows: Vec<&str> = area.rows().into_iter().map(|r| &area.text()[r]).collect();
        assert_eq!(rows, ["shy but ", "loves ", "people", "fond of ", "fish"]);
        typed(&mut area, b"\x1b[A\x1b[A\x1b[H");
        typed(&mut area, b"all ");
        assert_eq!(area.text(), "shy but loves all people\nfond of fish");
        assert_eq!(typed(&mut area, b"\x1b[A\x1b[A\x1b[A\x1b[A").last(), Some(&Edit::Ignored));
    }

    #[test]
    fn a_paste_keeps_its_lines() {
        let mut area = TextArea::new("", 200);
        typed(&mut area, b"\x1b[200~a\r\nb\x1b[31m\tc\x1b[201~");
        assert_eq!(area.text(), "a\nb[31m c");
    }

    #[test]
    fn deleting_keeps_to_the_line() {
        let mut area = TextArea::new("one\ntwo\nthree", 200);
        typed(&mut area, b"\x1b[A\x15");
        assert_eq!(area.text(), "one\n\nthree");
    }
}
