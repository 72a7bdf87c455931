//! One line of text being edited.

use crossterm::event::{Event as TermEvent, KeyCode, KeyEvent, KeyModifiers};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
};
use tui_input::{Input as Line, InputRequest, backend::crossterm::to_input_request};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::{model::text::is_unsafe, session::event::Input};

/// What an input did to a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// It was not for the text.
    Ignored,
    /// The cursor may have moved, or nothing happened.
    Same,
    /// The text changed.
    Changed,
}

/// The request behind a key, if it is one that edits text.
pub(super) fn request(event: &KeyEvent) -> Option<InputRequest> {
    use InputRequest as R;
    let alt = event.modifiers == KeyModifiers::ALT;
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    match event.code {
        KeyCode::Left | KeyCode::Char('b') if alt => Some(R::GoToPrevWord),
        KeyCode::Right | KeyCode::Char('f') if alt => Some(R::GoToNextWord),
        KeyCode::Char('d') | KeyCode::Delete if alt => Some(R::DeleteNextWord),
        KeyCode::Char('d') if event.modifiers == KeyModifiers::CONTROL => Some(R::DeleteNextChar),
        KeyCode::Backspace if control => Some(R::DeletePrevWord),
        KeyCode::Char(c) if is_unsafe(c) => None,
        _ => to_input_request(&TermEvent::Key(*event)),
    }
}

/// Text put in at the cursor, as far as it fits into `limit` bytes. Answers whether any did.
pub(super) fn insert(line: &mut Line, text: &str, limit: usize) -> bool {
    let value = line.value();
    let room = limit.saturating_sub(value.len());
    let mut end = text.len().min(room);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if end == 0 {
        return false;
    }
    let before: usize = value.chars().take(line.cursor()).map(char::len_utf8).sum();
    let cursor = line.cursor() + text[..end].chars().count();
    let whole = format!("{}{}{}", &value[..before], &text[..end], &value[before..]);
    *line = Line::new(whole).with_cursor(cursor);
    true
}

/// Applies an editing request within a limit.
pub(super) fn apply(line: &mut Line, request: InputRequest, limit: usize) -> Edit {
    if let InputRequest::InsertChar(c) = request
        && line.value().len() + c.len_utf8() > limit
    {
        return Edit::Same;
    }
    match line.handle(request) {
        Some(change) if change.value => {
            if line.value().len() > limit {
                // A yank was too long.
                let mut end = limit;
                while !line.value().is_char_boundary(end) {
                    end -= 1;
                }
                *line = Line::new(line.value()[..end].to_owned());
            }
            Edit::Changed
        }
        _ => Edit::Same,
    }
}

/// One line of text with a cursor; pasted line ends become blanks.
#[derive(Debug, Clone, Default)]
pub struct LineEdit {
    line: Line,
    limit: usize,
    hidden: bool,
}

impl LineEdit {
    /// A line that holds `text` and takes at most `limit` bytes.
    pub fn new(text: &str, limit: usize) -> Self {
        Self { line: Line::new(text.to_owned()), limit, hidden: false }
    }

    /// A line that never shows what is typed.
    pub fn hidden(limit: usize) -> Self {
        Self { hidden: true, ..Self::new("", limit) }
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.line.value()
    }

    /// Whether it is as long as it may be.
    pub fn is_full(&self) -> bool {
        self.text().len() >= self.limit
    }

    /// Another text, the cursor at its end.
    pub fn set(&mut self, text: &str) {
        self.line = Line::new(text.to_owned());
    }

    /// The cursor, as a byte offset.
    pub fn cursor(&self) -> usize {
        self.text().chars().take(self.line.cursor()).map(char::len_utf8).sum()
    }

    /// Replaces a range of bytes and puts the cursor behind it.
    pub fn replace(&mut self, range: std::ops::Range<usize>, with: &str) {
        let text = self.text();
        if let (Some(before), Some(after)) = (text.get(..range.start), text.get(range.end..)) {
            let cursor = before.chars().count() + with.chars().count();
            self.line = Line::new(format!("{before}{with}{after}")).with_cursor(cursor);
        }
    }

    /// Takes a key or paste.
    pub fn input(&mut self, input: &Input) -> Edit {
        match input {
            Input::Paste(text) => {
                let text: String = text
                    .replace("\r\n", " ")
                    .chars()
                    .map(|c| if c.is_whitespace() { ' ' } else { c })
                    .filter(|c| !is_unsafe(*c))
                    .collect();
                if insert(&mut self.line, &text, self.limit) { Edit::Changed } else { Edit::Same }
            }
            Input::Key(event) => match request(event) {
                Some(request) => apply(&mut self.line, request, self.limit),
                None => Edit::Ignored,
            },
        }
    }

    /// Draws the line into the first row of an area, scrolled so that the cursor is in it; the styled parts
    /// (byte ranges) go on top. Answers where the cursor is.
    pub fn draw(
        &self,
        buffer: &mut Buffer,
        area: Rect,
        style: Style,
        parts: &[(std::ops::Range<usize>, Style)],
    ) -> Option<Position> {
        if area.is_empty() {
            return None;
        }
        let width = usize::from(area.width);
        if self.hidden {
            // Not even the length is shown.
            let shown = if self.text().is_empty() { "" } else { "(hidden)" };
            buffer.set_stringn(area.x, area.y, shown, width, style);
            return Some(Position { x: area.x + (shown.len() as u16).min(area.width - 1), y: area.y });
        }
        let cursor = self.line.visual_cursor();
        let skip = (cursor + 1).saturating_sub(width);
        let (mut column, mut at) = (0, 0);
        for grapheme in self.text().graphemes(true) {
            let columns = grapheme.width();
            if column >= skip && column - skip + columns <= width {
                let style = parts.iter().find(|(r, _)| r.contains(&at)).map_or(style, |(_, s)| style.patch(*s));
                buffer.set_stringn(area.x + (column - skip) as u16, area.y, grapheme, columns, style);
            }
            column += columns;
            at += grapheme.len();
        }
        Some(Position { x: area.x + ((cursor - skip) as u16).min(area.width - 1), y: area.y })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(edit: &mut LineEdit, bytes: &[u8]) {
        let mut inputs = Vec::new();
        let mut decoder = crate::session::decode::Decoder::new(None);
        decoder.feed(bytes, &mut inputs);
        decoder.expire(&mut inputs);
        for input in inputs {
            edit.input(&input);
        }
    }

    #[test]
    fn words_unicode_and_pastes() {
        let mut edit = LineEdit::new("", 40);
        typed(&mut edit, "Miso 三毛é".as_bytes());
        assert_eq!(edit.text(), "Miso 三毛é");
        typed(&mut edit, b"\x7f\x1bb");
        typed(&mut edit, b"big ");
        assert_eq!(edit.text(), "Miso 三big 毛");
        typed(&mut edit, b"\x01\x1b[200~a\r\nb\x1b[31m\x07\x1b[201~ ");
        assert_eq!(edit.text(), "a b[31m Miso 三big 毛");
        typed(&mut edit, b"\x15");
        assert_eq!(edit.text(), "");
    }

    #[test]
    fn nothing_grows_past_the_limit() {
        let mut edit = LineEdit::new("", 5);
        typed(&mut edit, "éééé".as_bytes());
        assert_eq!(edit.text(), "éé");
        edit.set("");
        typed(&mut edit, "\x1b[200~aéééé\x1b[201~".as_bytes());
        assert_eq!(edit.text(), "aéé");
    }

    #[test]
    fn a_long_line_scrolls_with_its_cursor() {
        let edit = LineEdit::new("abcdefghij", 40);
        let area = Rect::new(0, 0, 5, 1);
        let mut buffer = Buffer::empty(area);
        let cursor = edit.draw(&mut buffer, area, Style::new(), &[]).unwrap();
        assert_eq!(buffer, Buffer::with_lines(["ghij "]));
        assert_eq!(cursor.x, 4);
    }

    #[test]
    fn a_hidden_line_tells_nothing() {
        let mut edit = LineEdit::hidden(40);
        typed(&mut edit, b"secret");
        let area = Rect::new(0, 0, 10, 1);
        let mut buffer = Buffer::empty(area);
        edit.draw(&mut buffer, area, Style::new(), &[]);
        assert_eq!(buffer, Buffer::with_lines(["(hidden)  "]));
        assert_eq!(edit.text(), "secret");
    }
}
