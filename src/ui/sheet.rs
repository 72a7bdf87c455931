//! A page of headings, labelled values, text and small tables that scrolls; the rows of its tables can be
//! marked and opened. What a record's own screen is made of.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::UnicodeWidthStr;

use super::{
    Command, Theme,
    layout::{put, wrap},
};

/// How a piece of text is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ink {
    /// Plain.
    #[default]
    Plain,
    /// To be overlooked.
    Muted,
    /// A heading, or what matters most.
    Strong,
    /// Leads the eye.
    Accent,
    /// Went well.
    Ok,
    /// Wants attention.
    Warn,
    /// Went wrong, or stands in the way.
    Error,
}

impl Ink {
    /// Its style.
    pub fn style(self, theme: Theme) -> Style {
        match self {
            Self::Plain => theme.text(),
            Self::Muted => theme.muted(),
            Self::Strong => theme.heading(),
            Self::Accent => theme.accent(),
            Self::Ok => theme.ok(),
            Self::Warn => theme.warn(),
            Self::Error => theme.error(),
        }
    }
}

/// A text with its ink.
pub type Piece = (String, Ink);

/// A row that can be marked: what the screen knows it by, and its columns.
pub type TableRow = (u32, Vec<Piece>);

enum Part {
    Heading(String),
    Field(String, Vec<Piece>),
    Line(Vec<Piece>),
    Text(Piece),
    /// Rows, and what stands below each of them, if anything does.
    Table(Vec<TableRow>, Vec<String>),
    Gap,
}

/// One row of the page, laid out.
struct Row {
    /// Which mark it belongs to.
    link: Option<usize>,
    /// Where each piece begins, in columns.
    pieces: Vec<(u16, String, Ink)>,
}

/// The columns before everything: room for the mark.
const MARGIN: u16 = 2;
/// The columns of a label.
const LABEL: u16 = 15;

/// A page that scrolls.
#[derive(Default)]
pub struct Sheet {
    parts: Vec<Part>,
    rows: Vec<Row>,
    /// The keys of the rows that can be marked.
    links: Vec<u32>,
    /// Where those rows are, once laid out.
    places: Vec<usize>,
    at: usize,
    /// The row that was marked before the page was filled anew.
    before: Option<u32>,
    top: usize,
    laid_out: Option<u16>,
    height: usize,
}

impl Sheet {
    /// Takes everything away, to be filled anew; the mark stays where it is as far as it can.
    pub fn clear(&mut self) {
        self.before = self.marked().or(self.before);
        self.parts.clear();
        self.links.clear();
        self.laid_out = None;
    }

    /// A heading, with a gap before it.
    pub fn heading(&mut self, text: impl Into<String>) {
        self.gap();
        self.push(Part::Heading(text.into()));
    }

    /// A value with its label. One without content is left out.
    pub fn field(&mut self, label: impl Into<String>, value: impl Into<String>) {
        self.pieces(label, vec![(value.into(), Ink::Plain)]);
    }

    /// A value made of pieces, each of which goes to the next line as a whole where it does not fit.
    pub fn pieces(&mut self, label: impl Into<String>, pieces: Vec<Piece>) {
        if pieces.iter().any(|(text, _)| !text.is_empty()) {
            self.push(Part::Field(label.into(), pieces));
        }
    }

    /// Pieces without a label, each of which goes to the next line as a whole where it does not fit.
    pub fn line(&mut self, pieces: Vec<Piece>) {
        if pieces.iter().any(|(text, _)| !text.is_empty()) {
            self.push(Part::Line(pieces));
        }
    }

    /// Text over as many lines as it takes.
    pub fn text(&mut self, text: impl Into<String>, ink: Ink) {
        self.push(Part::Text((text.into(), ink)));
    }

    /// Rows that can be marked, their columns under each other.
    pub fn table(&mut self, rows: Vec<TableRow>) {
        self.table_over(rows, Vec::new());
    }

    /// The same with a text below each row that would be too wide for a column of it.
    pub fn table_over(&mut self, rows: Vec<TableRow>, below: Vec<String>) {
        self.links.extend(rows.iter().map(|(key, _)| *key));
        if let Some(key) = self.before
            && self.mark(key)
        {
            self.before = None;
        }
        self.push(Part::Table(rows, below));
    }

    /// An empty line, unless there is nothing or one above.
    pub fn gap(&mut self) {
        if !matches!(self.parts.last(), None | Some(Part::Gap)) {
            self.push(Part::Gap);
        }
    }

    fn push(&mut self, part: Part) {
        self.parts.push(part);
        self.laid_out = None;
    }

    /// The key of the marked row.
    pub fn marked(&self) -> Option<u32> {
        self.links.get(self.at.min(self.links.len().saturating_sub(1))).copied()
    }

    /// Marks the row with this key; false when there is none.
    pub fn mark(&mut self, key: u32) -> bool {
        let found = self.links.iter().position(|k| *k == key);
        self.at = found.unwrap_or(self.at);
        found.is_some()
    }

    /// Lays the page out for an area, before it is drawn.
    pub fn prepare(&mut self, area: Rect) {
        self.height = usize::from(area.height);
        if self.laid_out != Some(area.width) {
            self.lay_out(area.width);
            self.laid_out = Some(area.width);
        }
        self.before = None;
        self.at = self.at.min(self.links.len().saturating_sub(1));
        self.top = self.top.min(self.rows.len().saturating_sub(self.height));
    }

    fn lay_out(&mut self, width: u16) {
        self.rows.clear();
        self.places.clear();
        let room = usize::from(width.saturating_sub(MARGIN)).max(1);
        for part in &self.parts {
            match part {
                Part::Gap => self.rows.push(Row { link: None, pieces: Vec::new() }),
                Part::Heading(text) => {
                    self.rows.push(Row { link: None, pieces: vec![(0, text.clone(), Ink::Strong)] });
                }
                Part::Text((text, ink)) => {
                    let lines = wrap(text, room).into_iter();
                    self.rows.extend(lines.map(|line| Row { link: None, pieces: vec![(MARGIN, line, *ink)] }));
                }
                Part::Field(label, pieces) => lay_out_field(&mut self.rows, Some(label), pieces, width),
                Part::Line(pieces) => lay_out_field(&mut self.rows, None, pieces, width),
                Part::Table(rows, below) => {
                    let widths = columns(rows, room);
                    for (n, (_, pieces)) in rows.iter().enumerate() {
                        let mut x = MARGIN;
                        let mut row = Row { link: Some(self.places.len()), pieces: Vec::new() };
                        for ((text, ink), columns) in pieces.iter().zip(&widths) {
                            let shown = super::layout::fit(text, usize::from(*columns)).into_owned();
                            row.pieces.push((x, shown, *ink));
                            x += columns + 2;
                        }
                        self.places.push(self.rows.len());
                        self.rows.push(row);
                        let lines =
                            below.get(n).map(|text| wrap(text, room.saturating_sub(2).max(1))).unwrap_or_default();
                        let under = |line| Row { link: None, pieces: vec![(MARGIN + 2, line, Ink::Muted)] };
                        self.rows.extend(lines.into_iter().map(under));
                    }
                }
            }
        }
    }

    /// Runs a command that moves about; false when it is not one.
    pub fn run(&mut self, command: Command) -> bool {
        let page = self.height.saturating_sub(1).max(1);
        match command {
            Command::Down => self.step(1),
            Command::Up => self.step(-1),
            Command::PageDown => (0..page).for_each(|_| self.step(1)),
            Command::PageUp => (0..page).for_each(|_| self.step(-1)),
            Command::First => (self.top, self.at) = (0, 0),
            Command::Last => {
                self.top = self.rows.len().saturating_sub(self.height);
                self.at = self.links.len().saturating_sub(1);
            }
            _ => return false,
        }
        true
    }

    /// One step: the mark goes on when the next row to be marked is in sight or comes into it, else the page moves.
    fn step(&mut self, by: isize) {
        let bottom = self.rows.len().saturating_sub(self.height);
        let next = self.at.checked_add_signed(by).filter(|n| *n < self.links.len());
        let place = |n: usize| self.places.get(n).copied();
        match (next, next.and_then(place)) {
            (Some(n), Some(row)) if row + 1 >= self.top && row <= self.top + self.height => {
                self.at = n;
                self.top = self.top.clamp((row + 1).saturating_sub(self.height), row);
                if n == 0 && row < self.height {
                    // What stands above the first row that can be marked is seen with it.
                    self.top = 0;
                }
            }
            _ => self.top = self.top.saturating_add_signed(by).min(bottom),
        }
    }

    /// Which part of the page is in sight; empty when all of it is.
    pub fn status(&self) -> String {
        let all = self.rows.len();
        if self.height == 0 || all <= self.height {
            return String::new();
        }
        format!("lines {}-{} of {all}", self.top + 1, (self.top + self.height).min(all))
    }

    /// Draws what is in sight.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: Theme) {
        self.draw_marked(buffer, area, true, theme);
    }

    /// The same without the mark, for a page beside something else that has the keys.
    pub fn draw_unmarked(&self, buffer: &mut Buffer, area: Rect, theme: Theme) {
        self.draw_marked(buffer, area, false, theme);
    }

    fn draw_marked(&self, buffer: &mut Buffer, area: Rect, active: bool, theme: Theme) {
        for (y, row) in self.rows.iter().skip(self.top).take(area.height.into()).enumerate() {
            let line = Rect { y: area.y + y as u16, height: 1, ..area };
            let marked = active && row.link.is_some_and(|link| link == self.at);
            if marked {
                put(buffer, line, "►", theme.marker());
            }
            for (n, (x, text, ink)) in row.pieces.iter().enumerate() {
                let place = Rect { x: line.x + x.min(&line.width), width: line.width.saturating_sub(*x), ..line };
                let style = ink.style(theme);
                put(buffer, place, text, if marked && n == 0 { style.patch(theme.selected()) } else { style });
            }
        }
    }
}

fn lay_out_field(rows: &mut Vec<Row>, label: Option<&str>, pieces: &[Piece], width: u16) {
    // On a narrow screen the value goes under its label.
    let narrow = label.is_some() && width < MARGIN + LABEL + 16;
    let start = match label {
        None => MARGIN,
        Some(_) if narrow => MARGIN + 2,
        Some(_) => MARGIN + LABEL,
    };
    let room = usize::from(width.saturating_sub(start)).max(1);
    let mut row = Row { link: None, pieces: Vec::new() };
    row.pieces.extend(label.map(|label| (MARGIN, label.to_owned(), Ink::Muted)));
    if narrow {
        rows.push(std::mem::replace(&mut row, Row { link: None, pieces: Vec::new() }));
    }
    let mut used = 0;
    for (text, ink) in pieces.iter().filter(|(text, _)| !text.is_empty()) {
        for (n, line) in wrap(text, room).into_iter().enumerate() {
            let columns = line.width();
            let blank = usize::from(used > 0 && n == 0) * 2;
            if n > 0 || used + blank + columns > room {
                rows.push(std::mem::replace(&mut row, Row { link: None, pieces: Vec::new() }));
                used = 0;
            }
            let x = used + if used > 0 { blank } else { 0 };
            row.pieces.push((start + x as u16, line, *ink));
            used = x + columns;
        }
    }
    rows.push(row);
}

/// The width of each column: what its widest text needs, the widest columns cut first where not all fit.
fn columns(rows: &[TableRow], room: usize) -> Vec<u16> {
    let count = rows.iter().map(|(_, pieces)| pieces.len()).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..count)
        .map(|i| rows.iter().filter_map(|(_, p)| p.get(i)).map(|(text, _)| text.width()).max().unwrap_or(0))
        .collect();
    let gaps = count.saturating_sub(1) * 2;
    while widths.iter().sum::<usize>() + gaps > room {
        match widths.iter_mut().max() {
            Some(widest) if *widest > 4 => *widest -= 1,
            _ => break,
        }
    }
    widths.into_iter().map(|w| w as u16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::caps::Colour;

    const THEME: Theme = Theme::new(Colour::None);

    fn drawn(sheet: &mut Sheet, width: u16, height: u16) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        sheet.prepare(area);
        sheet.draw(&mut buffer, area, THEME);
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(row).collect()
    }

    fn sheet() -> Sheet {
        let mut sheet = Sheet::default();
        sheet.field("Phone", "0555 0100");
        sheet.field("Nothing", "");
        sheet.heading("Requests");
        let row = |n: u32, name: &str| (n, vec![(name.to_owned(), Ink::Plain), ("Pending".to_owned(), Ink::Muted)]);
        sheet.table(vec![row(7, "Miso"), row(8, "Pepper"), row(9, "Ash")]);
        sheet
    }

    #[test]
    fn labels_and_columns_line_up() {
        let mut sheet = sheet();
        assert_eq!(
            drawn(&mut sheet, 40, 6),
            [
                "  Phone          0555 0100",
                "",
                "Requests",
                "► Miso    Pending",
                "  Pepper  Pending",
                "  Ash     Pending"
            ]
        );
        assert_eq!(drawn(&mut sheet, 20, 3)[..2], ["  Phone", "    0555 0100"]);
    }

    #[test]
    fn the_mark_moves_and_the_page_follows() {
        let mut sheet = sheet();
        drawn(&mut sheet, 40, 2);
        assert_eq!(sheet.marked(), Some(7));
        (0..8).for_each(|_| assert!(sheet.run(Command::Down)));
        assert_eq!(sheet.marked(), Some(9));
        assert_eq!(drawn(&mut sheet, 40, 2)[1], "► Ash     Pending");
        (0..8).for_each(|_| assert!(sheet.run(Command::Up)));
        assert_eq!((sheet.marked(), sheet.top), (Some(7), 0));
        assert!(!sheet.run(Command::Open));
    }

    #[test]
    fn the_mark_stays_on_its_row_when_the_page_is_filled_anew() {
        let mut page = sheet();
        drawn(&mut page, 40, 6);
        page.run(Command::Last);
        page.clear();
        page.table(vec![(9, vec![("Ash".to_owned(), Ink::Plain)]), (10, vec![("Ivy".to_owned(), Ink::Plain)])]);
        drawn(&mut page, 40, 6);
        assert_eq!(page.marked(), Some(9));
    }

    #[test]
    fn what_stands_below_a_row_is_no_row_of_its_own() {
        let mut sheet = Sheet::default();
        let row = |n, text: &str| (n, vec![(text.to_owned(), Ink::Plain)]);
        sheet.table_over(vec![row(1, "one"), row(2, "two")], vec!["first".to_owned(), "a second one".to_owned()]);
        assert_eq!(drawn(&mut sheet, 12, 5), ["► one", "    first", "  two", "    a second", "    one"]);
        sheet.run(Command::Down);
        assert_eq!((sheet.marked(), &*drawn(&mut sheet, 12, 3)[2]), (Some(2), "► two"));
    }

    #[test]
    fn nothing_panics_without_room() {
        for (width, height) in [(1, 1), (2, 1), (3, 2), (17, 1)] {
            let mut sheet = sheet();
            sheet.text("三毛猫 and more", Ink::Warn);
            drawn(&mut sheet, width, height);
            for command in [Command::Down, Command::PageDown, Command::Last, Command::Up] {
                sheet.run(command);
            }
            drawn(&mut sheet, width, height);
        }
    }
}
