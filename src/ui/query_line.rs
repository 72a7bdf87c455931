//! The query line on top of a list: search as you type, with what was not understood marked where it stands.

use crossterm::event::KeyCode;
use ratatui::{Frame, layout::Rect};

use super::{
    Theme,
    layout::put,
    line_edit::{Edit, LineEdit},
};
use crate::{
    model::query::{Completions, TermError},
    session::event::Input,
};

/// What came of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryDid {
    /// It was not for the line.
    Ignored,
    /// It was, and the query is what it was.
    Used,
    /// The query is another one.
    Changed,
}

/// A query being edited.
#[derive(Debug, Clone)]
pub struct QueryLine {
    edit: LineEdit,
    focused: bool,
    errors: Vec<TermError>,
    cycle: Option<(Completions, usize)>,
}

impl QueryLine {
    /// What the footer says while the line has the keys, instead of what the screen's own keys do.
    pub const fn typing_keys(&self) -> &'static [(&'static str, &'static str)] {
        match self.focused {
            true => &[("Enter", "to the list"), ("Tab", "complete"), ("Ctrl-U", "empty")],
            false => &[],
        }
    }

    /// A line that says `text`.
    pub fn new(text: &str) -> Self {
        Self { edit: LineEdit::new(text, 300), focused: false, errors: Vec::new(), cycle: None }
    }

    /// What it says.
    pub fn text(&self) -> &str {
        self.edit.text()
    }

    /// Says something else.
    pub fn set(&mut self, text: &str) {
        self.edit.set(text);
        self.cycle = None;
    }

    /// Whether it takes the keys.
    pub const fn is_focused(&self) -> bool {
        self.focused
    }

    /// Gives it the keys. What is typed after a term that is there, such as `status:open`, is a word of its own.
    pub fn focus(&mut self) {
        self.focused = true;
        let text = self.text();
        let last = text.rsplit(' ').next().unwrap_or_default();
        let quoted = text.matches('"').count() % 2 == 1;
        if !quoted && last.contains([':', '<', '>', '=']) {
            let text = format!("{text} ");
            self.set(&text);
        }
    }

    /// Gives the keys back, without the blank that nothing was typed after.
    fn leave(&mut self) {
        self.focused = false;
        if self.text().ends_with(' ') {
            let text = self.text().trim_end().to_owned();
            self.set(&text);
        }
    }

    /// Marks what was not understood.
    pub fn set_errors(&mut self, errors: Vec<TermError>) {
        self.errors = errors;
    }

    /// The first thing that was not understood, in words.
    pub fn error(&self) -> Option<&str> {
        self.errors.first().map(|e| &*e.message)
    }

    /// Takes a key or paste while it has the focus. Enter, Escape and the arrows give the keys back; Tab puts in what
    /// could stand at the cursor, for which `find` is asked with the line and the cursor (a byte offset).
    pub fn input(&mut self, input: &Input, find: impl FnOnce(&str, usize) -> Option<Completions>) -> QueryDid {
        if !self.focused {
            return QueryDid::Ignored;
        }
        if let Input::Key(event) = input {
            match event.code {
                KeyCode::Enter | KeyCode::Esc => {
                    self.leave();
                    return QueryDid::Used;
                }
                KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => {
                    self.leave();
                    return QueryDid::Ignored;
                }
                KeyCode::Tab => return if self.complete(find) { QueryDid::Changed } else { QueryDid::Used },
                _ => {}
            }
        }
        let did = self.edit.input(input);
        if did != Edit::Ignored {
            self.cycle = None;
        }
        match did {
            Edit::Ignored => QueryDid::Ignored,
            Edit::Same => QueryDid::Used,
            Edit::Changed => QueryDid::Changed,
        }
    }

    /// Puts in what could stand at the cursor; again for the next one.
    fn complete(&mut self, find: impl FnOnce(&str, usize) -> Option<Completions>) -> bool {
        let (completions, at) = match self.cycle.take() {
            Some((completions, at)) => {
                let at = (at + 1) % completions.items.len().max(1);
                (completions, at)
            }
            None => match find(self.edit.text(), self.edit.cursor()) {
                Some(completions) => (completions, 0),
                None => return false,
            },
        };
        let Some(item) = completions.items.get(at) else { return false };
        let start = completions.span.start;
        self.edit.replace(completions.span.clone(), &item.text);
        let span = start..start + item.text.len();
        self.cycle = Some((Completions { span, ..completions }, at));
        true
    }

    /// Draws the line, with the cursor in it while it has the focus.
    pub fn draw(&self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        let buffer = frame.buffer_mut();
        let used = put(buffer, area, "/ ", if self.focused { theme.marker() } else { theme.muted() });
        let room = Rect { x: area.x + used, width: area.width.saturating_sub(used), ..area };
        if self.text().is_empty() && !self.focused {
            put(buffer, room, "everything", theme.muted());
            return;
        }
        let wrong: Vec<_> = self.errors.iter().map(|e| (e.span.clone(), theme.wrong())).collect();
        let at = self.edit.draw(buffer, room, theme.text(), &wrong);
        if let Some(cursor) = at.filter(|_| self.focused) {
            frame.set_cursor_position(cursor);
        }
    }
}
