//! Tables and cards in plain text, aligned by the width that a terminal gives the characters.

use std::io::{self, Write};

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::model::text::{clean_line, clean_text};

/// The blanks between two columns.
const GAP: usize = 2;

/// One column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    head: &'static str,
    most: usize,
    right: bool,
}

/// A column of text, cut past `most` cells where the table has to fit a terminal.
pub const fn text(head: &'static str, most: usize) -> Column {
    Column { head, most, right: false }
}

/// A column of numbers.
pub const fn number(head: &'static str) -> Column {
    Column { head, most: 10, right: true }
}

/// A table that is written page by page. The first page sets the widths of the columns; a longer value that
/// comes later is cut on a terminal and shifts its row elsewhere, so that nothing is lost in a pipe.
#[derive(Debug)]
pub struct Table {
    columns: &'static [Column],
    widths: Vec<usize>,
    terminal: Option<usize>,
}

impl Table {
    /// A table for a terminal of that width, or for a pipe or file.
    pub const fn new(columns: &'static [Column], terminal: Option<usize>) -> Self {
        Self { columns, widths: Vec::new(), terminal }
    }

    /// Writes some rows; the head comes before the first ones.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn rows(&mut self, out: &mut dyn Write, rows: impl IntoIterator<Item = Vec<String>>) -> io::Result<()> {
        let rows: Vec<Vec<String>> =
            rows.into_iter().map(|row| row.iter().map(|cell| clean_line(cell)).collect()).collect();
        if rows.is_empty() {
            return Ok(());
        }
        if self.widths.is_empty() {
            self.measure(&rows);
            let heads: Vec<String> = self.columns.iter().map(|c| c.head.to_owned()).collect();
            self.row(out, &heads)?;
        }
        rows.iter().try_for_each(|row| self.row(out, row))
    }

    fn measure(&mut self, rows: &[Vec<String>]) {
        let column = |(i, column): (usize, &Column)| {
            let widest = rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.width()).max().unwrap_or(0);
            let widest = if self.terminal.is_some() { widest.min(column.most) } else { widest };
            widest.max(column.head.width())
        };
        self.widths = self.columns.iter().enumerate().map(column).collect();
    }

    fn row(&self, out: &mut dyn Write, cells: &[String]) -> io::Result<()> {
        let mut line = String::new();
        for ((cell, column), &width) in cells.iter().zip(self.columns).zip(&self.widths) {
            let cell = if self.terminal.is_some() { fit(cell, width) } else { cell.clone() };
            let pad = " ".repeat(width.saturating_sub(cell.width()));
            if column.right {
                line += &pad;
                line += &cell;
            } else {
                line += &cell;
                line += &pad;
            }
            line += &" ".repeat(GAP);
        }
        let line = line.trim_end();
        match self.terminal {
            Some(width) => writeln!(out, "{}", fit(line, width)),
            None => writeln!(out, "{line}"),
        }
    }
}

/// The text, cut to a number of cells with `…` at the end.
fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        if used + grapheme.width() + 1 > width {
            break;
        }
        used += grapheme.width();
        cut += grapheme;
    }
    if width > 0 {
        cut.push('…');
    }
    cut
}

/// Writes the fields of one record, a line each; what is empty is left out, further lines are indented.
///
/// # Errors
/// When `out` cannot be written.
pub fn card(out: &mut dyn Write, fields: &[(&str, String)]) -> io::Result<()> {
    let width = fields.iter().map(|(label, _)| label.width()).max().unwrap_or(0);
    for (label, value) in fields {
        let value = clean_text(value);
        for (i, line) in value.lines().enumerate() {
            let label = if i == 0 { label } else { "" };
            writeln!(out, "{}", format!("{label:width$}  {line}").trim_end())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[number("ID"), text("NAME", 8), text("BREED", 20)];

    fn print(terminal: Option<usize>, rows: &[[&str; 3]]) -> String {
        let mut out = Vec::new();
        let mut table = Table::new(COLUMNS, terminal);
        table.rows(&mut out, rows.iter().map(|r| r.iter().map(|&c| c.to_owned()).collect())).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_line_up_by_cells() {
        let out = print(None, &[["1", "三毛猫", "Siamese"], ["12", "Miso", "Persian"]]);
        assert_eq!(out, "ID  NAME    BREED\n 1  三毛猫  Siamese\n12  Miso    Persian\n");
    }

    #[test]
    fn a_terminal_gets_cut_lines_and_a_pipe_everything() {
        let row = [["1", "Bartholomew", "Domestic Shorthair"]];
        assert_eq!(print(Some(80), &row), "ID  NAME      BREED\n 1  Barthol…  Domestic Shorthair\n");
        assert_eq!(print(Some(16), &row), "ID  NAME      B…\n 1  Barthol…  D…\n");
        assert!(print(None, &row).contains("Bartholomew  Domestic Shorthair"));
    }

    #[test]
    fn no_rows_no_head_and_no_control_characters() {
        assert_eq!(print(None, &[]), "");
        assert!(print(None, &[["1", "a\u{1b}[2Jb\nc", ""]]).contains("a[2Jb c"));
    }

    #[test]
    fn cards_leave_out_what_is_empty() {
        let mut out = Vec::new();
        card(&mut out, &[("Name", "Miso".into()), ("Tag", String::new()), ("Description", "a\nb".into())]).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "Name         Miso\nDescription  a\n             b\n");
    }
}
