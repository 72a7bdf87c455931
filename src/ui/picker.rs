//! Choosing one of many by typing a few of its letters.

use crossterm::event::KeyCode;
use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    Theme,
    layout::{below, fit, put, row},
    line_edit::{Edit, LineEdit},
};
use crate::{model::text::unaccented, session::event::Input};

/// Something to choose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Item {
    /// Its number.
    pub id: u32,
    /// Its name, in which letters are looked for.
    pub label: String,
    /// What else to say of it; found as it is typed.
    pub note: String,
}

impl Item {
    /// Something to choose.
    pub fn new(id: u32, label: impl Into<String>, note: impl Into<String>) -> Self {
        Self { id, label: label.into(), note: note.into() }
    }
}

/// What came of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picked {
    /// Nothing yet.
    Not,
    /// The text changed; whoever has the items may bring others.
    Typed,
    /// This one.
    This(Item),
    /// None after all.
    Closed,
}

/// A list to choose from, narrowed by what is typed.
pub struct Picker {
    edit: LineEdit,
    items: Vec<Item>,
    /// Indexes of the matching items with the letters that matched, best first.
    found: Vec<(usize, Vec<u32>)>,
    at: usize,
    top: usize,
    /// The items are what somebody else found for the text: all of them are shown.
    searched: bool,
    matcher: Matcher,
}

impl Picker {
    /// A list of items that the picker itself narrows.
    pub fn new(items: Vec<Item>) -> Self {
        let mut picker = Self {
            edit: LineEdit::new("", 200),
            items,
            found: Vec::new(),
            at: 0,
            top: 0,
            searched: false,
            matcher: Matcher::new(Config::DEFAULT),
        };
        picker.narrow();
        picker
    }

    /// A list that is looked up for each text.
    pub fn searched(items: Vec<Item>) -> Self {
        let mut picker = Self { searched: true, ..Self::new(Vec::new()) };
        picker.set_items(items);
        picker
    }

    /// Starts with the item of that id marked.
    pub fn select(&mut self, id: u32) {
        self.at = self.found.iter().position(|(i, _)| self.items[*i].id == id).unwrap_or(0);
    }

    /// What is typed.
    pub fn text(&self) -> &str {
        self.edit.text()
    }

    /// Brings what was found for the text.
    pub fn set_items(&mut self, items: Vec<Item>) {
        self.items = items;
        self.narrow();
    }

    fn narrow(&mut self) {
        self.at = 0;
        self.top = 0;
        let text = self.edit.text().trim();
        if text.is_empty() || self.searched {
            self.found = (0..self.items.len()).map(|i| (i, Vec::new())).collect();
            return;
        }
        let pattern = Pattern::parse(&unaccented(text), CaseMatching::Ignore, Normalization::Smart);
        let mut scored = Vec::new();
        let mut chars = Vec::new();
        for (i, item) in self.items.iter().enumerate() {
            let mut letters = Vec::new();
            let label = unaccented(&item.label);
            let haystack = Utf32Str::new(&label, &mut chars);
            if let Some(score) = pattern.indices(haystack, &mut self.matcher, &mut letters) {
                letters.sort_unstable();
                scored.push((score, i, letters));
            } else if unaccented(&item.note).to_lowercase().contains(&unaccented(text).to_lowercase()) {
                // Below whatever has it in its name.
                scored.push((0, i, Vec::new()));
            }
        }
        scored.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        self.found = scored.into_iter().map(|(_, i, letters)| (i, letters)).collect();
    }

    /// Takes a key or paste.
    pub fn input(&mut self, input: &Input) -> Picked {
        let last = self.found.len().saturating_sub(1);
        if let Input::Key(event) = input {
            let control = event.modifiers.contains(crossterm::event::KeyModifiers::CONTROL);
            match event.code {
                KeyCode::Esc => return Picked::Closed,
                KeyCode::Char('c') if control => return Picked::Closed,
                KeyCode::Enter | KeyCode::Tab => {
                    return match self.found.get(self.at) {
                        Some((i, _)) => Picked::This(self.items[*i].clone()),
                        None => Picked::Not,
                    };
                }
                KeyCode::Up => self.at = self.at.saturating_sub(1),
                KeyCode::Char('p') if control => self.at = self.at.saturating_sub(1),
                KeyCode::Down => self.at = (self.at + 1).min(last),
                KeyCode::Char('n') if control => self.at = (self.at + 1).min(last),
                KeyCode::PageUp => self.at = self.at.saturating_sub(8),
                KeyCode::PageDown => self.at = (self.at + 8).min(last),
                _ => {}
            }
        }
        if self.edit.input(input) == Edit::Changed {
            self.narrow();
            return Picked::Typed;
        }
        Picked::Not
    }

    /// The rows it would like to have.
    pub fn height(&self) -> u16 {
        (self.items.len() as u16).clamp(3, 14) + 2
    }

    /// Draws the text, then the list; answers where the cursor is.
    pub fn draw(&mut self, buffer: &mut Buffer, area: Rect, theme: Theme) -> Option<Position> {
        let prompt = put(buffer, row(area, 0), "► ", theme.marker());
        let edit = Rect { x: area.x + prompt, width: area.width - prompt, height: area.height.min(1), ..area };
        let cursor = self.edit.draw(buffer, edit, theme.text(), &[]);
        let list = below(area, 2);
        let height = usize::from(list.height);
        if height > 0 {
            self.top = self.top.clamp((self.at + 1).saturating_sub(height), self.at);
        }
        if self.found.is_empty() {
            put(buffer, row(list, 0), "  nothing like that", theme.muted());
        }
        let widest = self.items.iter().map(|i| unicode_width::UnicodeWidthStr::width(&*i.label)).max().unwrap_or(0);
        for (y, (i, letters)) in self.found.iter().skip(self.top).take(height).enumerate() {
            let line = row(list, y as u16);
            let marked = self.top + y == self.at;
            let item = &self.items[*i];
            let mut x = put(buffer, line, if marked { "► " } else { "  " }, theme.marker());
            let style = if marked { theme.selected() } else { theme.text() };
            let label = Rect { x: line.x + x, width: line.width - x, ..line };
            let shown = fit(&item.label, label.width.into());
            for (n, c) in shown.chars().enumerate() {
                let style = if letters.binary_search(&(n as u32)).is_ok() { style.patch(theme.found()) } else { style };
                let mut text = [0; 4];
                let cell = Rect { x: line.x + x, width: line.width.saturating_sub(x), ..line };
                x += put(buffer, cell, c.encode_utf8(&mut text), style);
            }
            let note_at = (widest as u16 + 4).max(x + 2);
            if !item.note.is_empty() && note_at + 4 < line.width {
                let note = Rect { x: line.x + note_at, width: line.width - note_at, ..line };
                put(buffer, note, &item.note, theme.muted());
            }
        }
        cursor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picker() -> Picker {
        let names = ["Abyssinian", "Maine Coon", "Norwegian Forest", "Siberian", "Élégant", "Ōkami"];
        Picker::new(names.iter().enumerate().map(|(i, n)| Item::new(i as u32, *n, "")).collect())
    }

    fn typed(picker: &mut Picker, bytes: &[u8]) -> Picked {
        let mut inputs = Vec::new();
        let mut decoder = crate::session::decode::Decoder::new(None);
        decoder.feed(bytes, &mut inputs);
        decoder.expire(&mut inputs);
        inputs.iter().map(|input| picker.input(input)).last().unwrap_or(Picked::Not)
    }

    #[test]
    fn a_few_letters_find_it() {
        let mut p = picker();
        assert_eq!(typed(&mut p, b"mco\r"), Picked::This(Item::new(1, "Maine Coon", "")));
        let mut p = picker();
        assert_eq!(typed(&mut p, b"eleg\r"), Picked::This(Item::new(4, "Élégant", "")));
        let mut p = picker();
        assert_eq!(typed(&mut p, b"oka\r"), Picked::This(Item::new(5, "Ōkami", "")));
        let mut p = picker();
        assert_eq!(typed(&mut p, b"zzz\r"), Picked::Not);
        assert_eq!(typed(&mut p, b"\x1b"), Picked::Closed);
    }

    #[test]
    fn what_is_said_of_it_finds_it_after_what_has_it_in_its_name() {
        let go = Item::new(1, "Go to your own account", "profile  [9]");
        let show = Item::new(2, "Show the profiles of imports", "");
        assert_eq!(typed(&mut Picker::new(vec![go.clone()]), b"Profile\r"), Picked::This(go.clone()));
        assert_eq!(typed(&mut Picker::new(vec![go.clone(), show.clone()]), b"profile\r"), Picked::This(show));
        assert_eq!(typed(&mut Picker::new(vec![go]), b"pfl\r"), Picked::Not);
    }

    #[test]
    fn arrows_stay_in_the_list() {
        let mut p = picker();
        assert_eq!(typed(&mut p, b"\x1b[A\x1b[B\x1b[B\r"), Picked::This(Item::new(2, "Norwegian Forest", "")));
        let mut p = picker();
        p.select(3);
        assert_eq!(typed(&mut p, b"\x1b[B\x1b[B\x1b[B\r"), Picked::This(Item::new(5, "Ōkami", "")));
    }
}
