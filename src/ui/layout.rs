//! Where things go, at any size, and putting text there.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::{Block, Clear, Widget},
};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::Theme;

/// The parts of the whole screen. Parts for which there is no room are empty.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    /// Where we are and who we are.
    pub header: Rect,
    /// The screen itself.
    pub body: Rect,
    /// Messages, and what the screen has to say of itself.
    pub status: Rect,
    /// The keys.
    pub footer: Rect,
}

/// Divides the screen; the body always has something.
pub fn parts(area: Rect) -> Parts {
    let header = u16::from(area.height >= 4);
    let footer = u16::from(area.height >= 6);
    let status = u16::from(area.height >= 2);
    let row = |y: u16, height: u16| Rect { y: area.y + y, height, ..area };
    let body = area.height - header - status - footer;
    Parts {
        header: row(0, header),
        body: row(header, body),
        status: row(header + body, status),
        footer: row(header + body + status, footer),
    }
}

/// Two panes side by side with a line between them when both fit, else one. `left` is what the first pane
/// needs, `right` what the second one does.
pub fn panes(area: Rect, left: u16, right: u16) -> (Rect, Option<Rect>) {
    if area.width < left.saturating_add(right).saturating_add(3) {
        return (area, None);
    }
    let spare = area.width - left - right - 3;
    let first = left + spare / 2;
    let a = Rect { width: first, ..area };
    let b = Rect { x: area.x + first + 3, width: area.width - first - 3, ..area };
    (a, Some(b))
}

/// Draws the line between two panes.
pub fn pane_line(buffer: &mut Buffer, left: Rect, theme: Theme) {
    let x = left.right() + 1;
    for y in left.y..left.bottom() {
        if let Some(cell) = buffer.cell_mut((x, y)) {
            cell.set_symbol("│").set_style(theme.muted());
        }
    }
}

/// A row of an area, empty when the area has no such row.
pub fn row(area: Rect, n: u16) -> Rect {
    Rect { y: area.y.saturating_add(n), height: u16::from(n < area.height), ..area }
}

/// The area without its first rows.
pub fn below(area: Rect, n: u16) -> Rect {
    let n = n.min(area.height);
    Rect { y: area.y + n, height: area.height - n, ..area }
}

/// A text no wider than `width`, cut with an ellipsis.
pub fn fit(text: &str, width: usize) -> std::borrow::Cow<'_, str> {
    // Most texts fit, and most are shorter in bytes already.
    if text.len() <= width || text.width() <= width {
        return text.into();
    }
    let mut out = String::with_capacity(width + 3);
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let columns = grapheme.width();
        if used + columns + 1 > width {
            break;
        }
        used += columns;
        out.push_str(grapheme);
    }
    if width > 0 {
        out.push('…');
    }
    out.into()
}

/// Writes a text into the first row of an area, cut where it does not fit. Answers the columns used.
pub fn put(buffer: &mut Buffer, area: Rect, text: &str, style: Style) -> u16 {
    if area.is_empty() {
        return 0;
    }
    let shown = fit(text, area.width.into());
    buffer.set_stringn(area.x, area.y, &shown, area.width.into(), style).0 - area.x
}

/// Writes spans one after the other into the first row of an area, cut where they do not fit.
pub fn put_spans<'a>(buffer: &mut Buffer, area: Rect, spans: impl IntoIterator<Item = (&'a str, Style)>) -> u16 {
    let mut used = 0;
    for (text, style) in spans {
        let rest = Rect { x: area.x + used, width: area.width - used, ..area };
        used += put(buffer, rest, text, style);
    }
    used
}

/// The text in rows of at most `width`, broken at blanks where there are any.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut rows = Vec::new();
    for line in text.split('\n') {
        let mut row = String::new();
        let mut used = 0;
        for word in words(line) {
            let columns = word.width();
            if used + columns <= width {
                row.push_str(word);
                used += columns;
                continue;
            }
            if word.trim().is_empty() {
                continue;
            }
            if used > 0 {
                row.truncate(row.trim_end().len());
                rows.push(std::mem::take(&mut row));
                used = 0;
            }
            // A word longer than the row is broken.
            for grapheme in word.graphemes(true) {
                let columns = grapheme.width();
                if used + columns > width && used > 0 {
                    rows.push(std::mem::take(&mut row));
                    used = 0;
                }
                row.push_str(grapheme);
                used += columns;
            }
        }
        row.truncate(row.trim_end().len());
        rows.push(row);
    }
    rows
}

/// The pieces between which a row may end: blanks, runs without blanks, and single wide characters.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let mut bounds = rest.split_word_bound_indices().peekable();
        let mut end = 0;
        while let Some((at, word)) = bounds.next() {
            end = at + word.len();
            let Some((_, next)) = bounds.peek() else { break };
            let blank = word.trim().is_empty() || next.trim().is_empty();
            let wide = |c: Option<char>| c.and_then(unicode_width::UnicodeWidthChar::width).is_some_and(|w| w > 1);
            if blank || wide(word.chars().next_back()) || wide(next.chars().next()) {
                break;
            }
        }
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word).filter(|w| !w.is_empty())
    })
}

/// Words above a form, where there is room for both; answers where the form goes.
pub fn put_above(buffer: &mut Buffer, area: Rect, least: u16, text: &str, style: Style) -> Rect {
    if area.height <= least {
        return area;
    }
    let room = Rect { x: area.x + 2.min(area.width), width: area.width.saturating_sub(2), ..area };
    below(area, put_wrapped(buffer, below(room, 1), text, style) + 2)
}

/// Writes a text over several rows. Answers the rows used.
pub fn put_wrapped(buffer: &mut Buffer, area: Rect, text: &str, style: Style) -> u16 {
    let mut used = 0;
    for line in wrap(text, area.width.into()).iter().take(area.height.into()) {
        put(buffer, row(area, used), line, style);
        used += 1;
    }
    used
}

/// A window in the middle with a frame and a title; answers the room inside. Everything under it is cleared,
/// whole wide characters too.
pub fn popup(buffer: &mut Buffer, area: Rect, (width, height): (u16, u16), title: &str, theme: Theme) -> Rect {
    let (width, height) = (width.saturating_add(4).min(area.width), height.saturating_add(2).min(area.height));
    let window = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    if window.x > area.x {
        for y in window.y..window.bottom() {
            if let Some(cell) = buffer.cell_mut((window.x - 1, y))
                && cell.symbol().width() > 1
            {
                cell.reset();
            }
        }
    }
    Clear.render(window, buffer);
    let title = fit(title, usize::from(width.saturating_sub(4)));
    let block = Block::bordered().border_style(theme.muted()).title(Line::from(vec![
        Span::raw(" "),
        Span::styled(title, theme.title()),
        Span::raw(" "),
    ]));
    let inside = block.inner(window);
    block.render(window, buffer);
    Rect { x: inside.x + 1.min(inside.width), width: inside.width.saturating_sub(2), ..inside }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_leave_a_body_at_every_size() {
        for height in 1..30 {
            let area = Rect::new(0, 0, 10, height);
            let p = parts(area);
            assert!(p.body.height >= 1);
            assert_eq!(p.header.height + p.body.height + p.status.height + p.footer.height, height);
        }
    }

    #[test]
    fn texts_are_cut_to_columns() {
        assert_eq!(fit("Miso", 4), "Miso");
        assert_eq!(fit("Misoko", 4), "Mis…");
        assert_eq!(fit("三毛猫", 4), "三…");
        assert_eq!(fit("三毛猫", 0), "");
    }

    #[test]
    fn long_texts_wrap_at_blanks() {
        assert_eq!(wrap("a shy cat, good with children", 10), ["a shy cat,", "good with", "children"]);
        assert_eq!(wrap("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("三毛猫", 4), ["三毛", "猫"]);
        assert_eq!(wrap("a\n\nb", 4), ["a", "", "b"]);
        assert_eq!(wrap("flag: (do-not-adopt): 17:25.", 16), ["flag:", "(do-not-adopt):", "17:25."]);
    }

    #[test]
    fn panes_need_their_room() {
        assert!(panes(Rect::new(0, 0, 80, 20), 50, 40).1.is_none());
        let (a, b) = panes(Rect::new(0, 0, 120, 20), 60, 40);
        assert_eq!(a.width + 3 + b.unwrap().width, 120);
    }
}
