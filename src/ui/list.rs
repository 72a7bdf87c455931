//! Lists that stay where they are.
//!
//! A list is anchored on the record that is marked, never on an offset: when others add and remove rows, the
//! marked one keeps its place on the screen. Only the rows in sight are ever read.

use std::{borrow::Cow, collections::HashMap};

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    Command, Theme,
    layout::{below, put, row},
};

/// One column of a list.
pub struct Column<R> {
    /// Its heading.
    pub title: &'static str,
    /// The least columns it takes.
    pub width: u16,
    /// Its share of the columns left over; 0 keeps its width.
    pub grow: u16,
    /// Which columns go first where there is no room: the highest number. 0 always stays.
    pub rank: u8,
    /// Numbers stand at the right.
    pub right: bool,
    /// The text of a row.
    pub text: fn(&R) -> Cow<'_, str>,
    /// The style of a row's text.
    pub style: fn(&R, Theme) -> Style,
}

impl<R> Column<R> {
    /// A column of a fixed width.
    pub const fn new(title: &'static str, width: u16, rank: u8, text: fn(&R) -> Cow<'_, str>) -> Self {
        Self { title, width, grow: 0, rank, right: false, text, style: |_, theme| theme.text() }
    }

    /// Takes a share of what is left over.
    pub const fn grow(self, grow: u16) -> Self {
        Self { grow, ..self }
    }

    /// Stands at the right.
    pub const fn right(self) -> Self {
        Self { right: true, ..self }
    }

    /// Has a style that depends on the row.
    pub const fn style(self, style: fn(&R, Theme) -> Style) -> Self {
        Self { style, ..self }
    }
}

/// Beyond so many columns a list that is longer than its place has a bar. It stays where it is while the rows move, which
/// would be a third of the bytes of a line of scrolling; in a small window the position in words has to do.
const WIDE: u16 = 80;

/// A list of records by number.
pub struct List<R> {
    ids: Vec<u32>,
    at: usize,
    top: usize,
    height: usize,
    rows: HashMap<u32, R>,
}

impl<R> Default for List<R> {
    fn default() -> Self {
        Self { ids: Vec::new(), at: 0, top: 0, height: 1, rows: HashMap::new() }
    }
}

impl<R> List<R> {
    /// The numbers of everything in the list, in order.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The number that is marked.
    pub fn selected(&self) -> Option<u32> {
        self.ids.get(self.at).copied()
    }

    /// The row that is marked, when it has been read.
    pub fn selected_row(&self) -> Option<&R> {
        self.selected().and_then(|id| self.rows.get(&id))
    }

    /// `12/312`; empty for an empty list.
    pub fn position(&self) -> String {
        if self.ids.is_empty() { String::new() } else { format!("{}/{}", self.at + 1, self.ids.len()) }
    }

    /// Another content in another order. The marked record stays marked, on the same row of the screen; if
    /// it is gone, the next one that is still there takes its place.
    pub fn set_ids(&mut self, ids: Vec<u32>) {
        let row = self.at.saturating_sub(self.top);
        let found = self.selected().and_then(|id| ids.iter().position(|other| *other == id));
        let at = found.unwrap_or_else(|| {
            let near: std::collections::HashSet<u32> = ids.iter().copied().collect();
            let after = self.ids.iter().skip(self.at).find(|id| near.contains(id));
            let left = after.or_else(|| self.ids.iter().take(self.at).rev().find(|id| near.contains(id)));
            left.and_then(|id| ids.iter().position(|other| other == id)).unwrap_or(0)
        });
        self.ids = ids;
        self.at = at;
        self.top = at.saturating_sub(row);
        self.rows.clear();
        self.keep_in_sight();
    }

    /// The same, with the first record marked: for another question.
    pub fn reset(&mut self, ids: Vec<u32>) {
        self.ids = ids;
        self.at = 0;
        self.top = 0;
        self.rows.clear();
    }

    /// Marks a record, if it is in the list.
    pub fn select(&mut self, id: u32) -> bool {
        match self.ids.iter().position(|other| *other == id) {
            Some(at) => {
                self.at = at;
                self.keep_in_sight();
                true
            }
            None => false,
        }
    }

    /// Forgets what was read, so that it is read again.
    pub fn forget(&mut self) {
        self.rows.clear();
    }

    /// Moves the mark. False when the command is not about that.
    pub fn run(&mut self, command: Command) -> bool {
        let last = self.ids.len().saturating_sub(1);
        let page = self.height.saturating_sub(1).max(1);
        self.at = match command {
            Command::Up => self.at.saturating_sub(1),
            Command::Down => (self.at + 1).min(last),
            Command::PageUp => {
                self.top = self.top.saturating_sub(page);
                self.at.saturating_sub(page)
            }
            Command::PageDown => {
                self.top = (self.top + page).min(self.ids.len().saturating_sub(self.height));
                (self.at + page).min(last)
            }
            Command::First => 0,
            Command::Last => last,
            _ => return false,
        };
        self.keep_in_sight();
        true
    }

    fn keep_in_sight(&mut self) {
        let most = self.ids.len().saturating_sub(self.height);
        let low = (self.at + 1).saturating_sub(self.height);
        self.top = self.top.min(most).clamp(low, self.at.max(low));
    }

    /// Reads the rows in sight that are not there yet. `area` is the list's, heading included; `fetch` is
    /// asked for rows by number and answers them with their numbers.
    pub fn prepare(&mut self, area: Rect, fetch: impl FnOnce(&[u32]) -> Vec<(u32, R)>) {
        self.height = usize::from(area.height.saturating_sub(1)).max(1);
        self.keep_in_sight();
        let sight = self.top..(self.top + self.height).min(self.ids.len());
        let missing: Vec<u32> = self.ids[sight].iter().copied().filter(|id| !self.rows.contains_key(id)).collect();
        if missing.is_empty() {
            return;
        }
        // Rows out of sight are kept for a while, so that going back costs nothing.
        if self.rows.len() > 8 * self.height + 64 {
            self.rows.clear();
            let sight = self.top..(self.top + self.height).min(self.ids.len());
            let all: Vec<u32> = self.ids[sight].to_vec();
            self.rows.extend(fetch(&all));
        } else {
            self.rows.extend(fetch(&missing));
        }
    }

    /// Draws heading, rows and, where the list is longer than its place and wide, how far down it is. `empty` stands
    /// in an empty list.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, columns: &[Column<R>], empty: &str, theme: Theme) {
        self.draw_marked(buffer, area, columns, empty, theme, true);
    }

    /// The same, with the mark only while the list has the keys.
    pub fn draw_marked(
        &self,
        buffer: &mut Buffer,
        area: Rect,
        columns: &[Column<R>],
        empty: &str,
        theme: Theme,
        active: bool,
    ) {
        if area.is_empty() {
            return;
        }
        let body = below(area, u16::from(area.height > 1));
        let bar = area.width > WIDE && self.ids.len() > usize::from(body.height);
        let room = area.width.saturating_sub(2 + u16::from(bar) * 2);
        let widths = widths(columns, room);
        if area.height > 1 {
            let mut x = area.x + 2;
            for (column, width) in columns.iter().zip(&widths).filter(|(_, w)| **w > 0) {
                let cell = Rect { x, width: *width, height: 1, y: area.y };
                aligned(buffer, cell, column.title, column.right, theme.muted());
                x += width + 2;
            }
        }
        if self.ids.is_empty() {
            let place = Rect { x: area.x + 2.min(area.width), width: area.width.saturating_sub(2), ..body };
            super::layout::put_wrapped(buffer, place, empty, theme.muted());
            return;
        }
        for y in 0..body.height {
            let i = self.top + usize::from(y);
            let Some(id) = self.ids.get(i) else { break };
            let line = row(body, y);
            let marked = active && i == self.at;
            if marked {
                put(buffer, line, "►", theme.marker());
            }
            let Some(record) = self.rows.get(id) else { continue };
            let mut x = line.x + 2;
            for (n, (column, width)) in columns.iter().zip(&widths).filter(|(_, w)| **w > 0).enumerate() {
                let cell = Rect { x, width: *width, ..line }.intersection(line);
                let mut style = (column.style)(record, theme);
                // The name alone shows the mark too: few cells change when the mark moves.
                if marked && n == 0 {
                    style = style.patch(theme.selected());
                }
                aligned(buffer, cell, &(column.text)(record), column.right, style);
                x += width + 2;
            }
        }
        if bar {
            self.draw_bar(buffer, body, theme);
        }
    }

    fn draw_bar(&self, buffer: &mut Buffer, body: Rect, theme: Theme) {
        let height = usize::from(body.height);
        let thumb = (height * height / self.ids.len()).clamp(1, height);
        let span = self.ids.len().saturating_sub(height).max(1);
        let first = (height - thumb) * self.top.min(span) / span;
        for y in 0..height {
            let inside = (first..first + thumb).contains(&y);
            let (symbol, style) = if inside { ("█", theme.accent()) } else { ("│", theme.muted()) };
            if let Some(cell) = buffer.cell_mut((body.right() - 1, body.y + y as u16)) {
                cell.set_symbol(symbol).set_style(style);
            }
        }
    }
}

fn aligned(buffer: &mut Buffer, cell: Rect, text: &str, right: bool, style: Style) {
    let width = unicode_width::UnicodeWidthStr::width(text) as u16;
    let shift = if right { cell.width.saturating_sub(width) } else { 0 };
    put(buffer, Rect { x: cell.x + shift, width: cell.width - shift, ..cell }, text, style);
}

/// How wide each column is; 0 for those left out.
fn widths<R>(columns: &[Column<R>], room: u16) -> Vec<u16> {
    let mut kept: Vec<bool> = vec![true; columns.len()];
    let need = |kept: &[bool]| -> u16 {
        let all = columns.iter().zip(kept).filter(|(_, k)| **k).map(|(c, _)| c.width + 2);
        all.sum::<u16>().saturating_sub(2)
    };
    while need(&kept) > room {
        let last = columns.iter().enumerate().filter(|(i, c)| kept[*i] && c.rank > 0).max_by_key(|(_, c)| c.rank);
        let Some((i, _)) = last else { break };
        kept[i] = false;
    }
    let mut spare = room.saturating_sub(need(&kept));
    let mut shares: u16 = columns.iter().zip(&kept).filter(|(_, k)| **k).map(|(c, _)| c.grow).sum();
    columns
        .iter()
        .zip(kept)
        .map(|(column, kept)| {
            if !kept {
                return 0;
            }
            let more = (spare * column.grow).checked_div(shares).unwrap_or(0);
            spare -= more;
            shares -= column.grow;
            (column.width + more).min(room)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(ids: impl IntoIterator<Item = u32>) -> List<u32> {
        let mut list = List::default();
        list.set_ids(ids.into_iter().collect());
        list
    }

    fn prepared(mut list: List<u32>, height: u16) -> List<u32> {
        list.prepare(Rect::new(0, 0, 20, height), |ids| ids.iter().map(|id| (*id, *id)).collect());
        list
    }

    const COLUMNS: &[Column<u32>] = &[
        Column::new("Name", 6, 0, |id: &u32| format!("n{id}").into()).grow(1),
        Column::new("Days", 4, 2, |id: &u32| id.to_string().into()).right(),
    ];

    fn drawn(list: &List<u32>, width: u16, height: u16) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        list.draw(&mut buffer, area, COLUMNS, "nothing", Theme::new(crate::session::caps::Colour::None));
        (0..height)
            .map(|y| (0..width).map(|x| buffer[(x, y)].symbol().to_owned()).collect::<String>().trim_end().to_owned())
            .collect()
    }

    #[test]
    fn rows_columns_and_bar() {
        let list = prepared(list(1..=9), 4);
        assert_eq!(
            drawn(&list, 20, 4),
            ["  Name          Days", "► n1               1", "  n2               2", "  n3               3"]
        );
        assert_eq!(drawn(&list, 10, 2)[1], "► n1");
        let wide = drawn(&list, WIDE + 1, 4);
        assert!(wide[1].ends_with("   1 █") && wide[2].ends_with("   2 │"), "{wide:?}");
        assert_eq!(drawn(&prepared(self::list([]), 4), 20, 3)[1], "  nothing");
    }

    #[test]
    fn the_marked_record_keeps_its_place() {
        let mut list = prepared(list(10..40), 6);
        for _ in 0..12 {
            list.run(Command::Down);
        }
        assert_eq!(list.selected(), Some(22));
        let row = list.at - list.top;
        list.set_ids((0..40).collect());
        assert_eq!((list.selected(), list.at - list.top), (Some(22), row));
        list.set_ids((0..40).filter(|id| *id != 22).collect());
        assert_eq!(list.selected(), Some(23));
        list.set_ids((0..20).collect());
        assert_eq!(list.selected(), Some(19));
        list.set_ids(vec![]);
        assert_eq!(list.selected(), None);
    }

    #[test]
    fn only_rows_in_sight_are_read() {
        let mut list = list(0..100_000);
        let mut read = Vec::new();
        let area = Rect::new(0, 0, 20, 11);
        list.prepare(area, |ids| {
            read.extend_from_slice(ids);
            ids.iter().map(|id| (*id, *id)).collect()
        });
        assert_eq!(read, (0..10).collect::<Vec<_>>());
        list.run(Command::Last);
        assert_eq!(list.selected(), Some(99_999));
        read.clear();
        list.prepare(area, |ids| {
            read.extend_from_slice(ids);
            vec![]
        });
        assert_eq!(read, (99_990..100_000).collect::<Vec<_>>());
    }

    #[test]
    fn pages_move_by_what_is_in_sight() {
        let mut list = prepared(list(0..100), 11);
        list.run(Command::PageDown);
        assert_eq!((list.at, list.top), (9, 9));
        list.run(Command::PageUp);
        assert_eq!((list.at, list.top), (0, 0));
        list.run(Command::Last);
        assert_eq!((list.at, list.top), (99, 90));
    }
}
