//! What stands around every screen: header, status line, footer.

use ratatui::{Frame, layout::Rect};
use unicode_width::UnicodeWidthStr;

use super::{App, TURNS};
use crate::ui::{
    Command,
    cx::{Message, Running, Tone},
    keys,
    layout::{self, fit, put, put_spans},
    overlay::Overlay,
    query_line::QueryLine,
};

impl App {
    /// The names of the screens, the first ones left out where there is no room for all.
    fn path(&self, room: usize) -> String {
        let titles: Vec<String> = self.stack.iter().map(|layer| layer.screen.title()).collect();
        let whole = |first: usize| {
            let before = if first > 0 { "… ► " } else { "" };
            format!("{before}{}", titles[first..].join(" ► "))
        };
        let last = titles.len().saturating_sub(1);
        (0..=last).map(whole).find(|path| path.width() <= room).unwrap_or_else(|| whole(last))
    }

    pub(super) fn draw_header(&self, frame: &mut Frame<'_>, area: Rect) {
        let theme = self.theme;
        let buffer = frame.buffer_mut();
        let who = match self.cx.rights() {
            // A long name leaves room for where one is.
            Some(rights) => {
                let name = fit(&rights.name, usize::from(area.width / 2));
                format!("{name} ({})", rights.role.label().to_lowercase())
            }
            None => String::new(),
        };
        let read_only = match (self.cx.desk.read_only(), self.cx.desk.alerts().is_empty()) {
            (Some(_), _) => "READ-ONLY  ",
            (None, false) => "! ",
            (None, true) => "",
        };
        let right = (who.width() + read_only.width()) as u16;
        let room = area.width.saturating_sub(right + 2);
        let left = Rect { width: if room < 16 { area.width } else { room }, ..area };
        let path = self.path(usize::from(left.width).saturating_sub("Clowder · ".width()));
        put_spans(buffer, left, [("Clowder", theme.title()), (" · ", theme.muted()), (&path, theme.heading())]);
        if room >= 16 {
            let at = Rect { x: area.right() - right, width: right, ..area };
            put_spans(buffer, at, [(read_only, theme.error()), (&*who, theme.muted())]);
        }
    }

    /// The status line: what goes on, or what was said, or what the screen says of itself; to the right of it what should be
    /// seen to, where there is room for both.
    pub(super) fn draw_status(&self, frame: &mut Frame<'_>, area: Rect) {
        let short: Vec<String> = self.cx.desk.alerts().into_iter().map(|alert| alert.short).collect();
        if short.is_empty() {
            self.draw_said(frame, area);
            return;
        }
        let short = format!("! {}", short.join(", "));
        let quiet = self.cx.message.is_none() && !self.cx.jobs.values().any(|job| !job.what.is_empty());
        let width = (short.width() as u16).min(area.width);
        let at = Rect { x: area.right() - width, width, ..area };
        let left = Rect { width: area.width.saturating_sub(width + 2), ..area };
        if quiet {
            self.draw_said(frame, left);
        } else if self.draw_said(frame, area) > left.width {
            return;
        }
        put(frame.buffer_mut(), at, &short, self.theme.warn());
    }

    /// Answers the columns used.
    fn draw_said(&self, frame: &mut Frame<'_>, area: Rect) -> u16 {
        let theme = self.theme;
        let buffer = frame.buffer_mut();
        let busy = self.cx.jobs.values().find(|job| !job.what.is_empty());
        if let Some(Running { what, progress, .. }) = busy {
            let turn = TURNS[self.turn % TURNS.len()];
            let spans = [(turn, theme.accent()), (" ", theme.text()), (&**what, theme.text()), (" ", theme.text())];
            let used = put_spans(buffer, area, spans);
            let room = Rect { x: area.x + used, width: area.width - used, ..area };
            return used + put(buffer, room, progress, theme.muted());
        }
        if let Some(Message { tone, text }) = &self.cx.message {
            let (mark, style) = match tone {
                Tone::Note => ("", theme.text()),
                Tone::Ok => ("", theme.ok()),
                Tone::Warn => ("! ", theme.warn()),
                Tone::Error => ("! ", theme.error()),
            };
            return put_spans(buffer, area, [(mark, style), (&**text, style)]);
        }
        match (self.trouble(), self.stack.last()) {
            (Some(trouble), _) => put(buffer, area, trouble, theme.warn()),
            (None, Some(layer)) => {
                // The place in a list changes with every key: as plain text it costs the fewest bytes.
                let status = layer.screen.status();
                let words = status.trim_start_matches(|c: char| c.is_ascii_digit() || c == '/');
                let place = &status[..status.len() - words.len()];
                put_spans(buffer, area, [(place, theme.text()), (words, theme.muted())])
            }
            (None, None) => 0,
        }
    }

    /// What is wrong with the query that is being typed; shown whole in the place of the status.
    fn trouble(&self) -> Option<&str> {
        self.stack.last()?.screen.query()?.error()
    }

    pub(super) fn draw_footer(&self, frame: &mut Frame<'_>, area: Rect) {
        let Some(layer) = self.stack.last() else { return };
        let own = layer
            .screen
            .keys()
            .iter()
            .filter(|b| b.footer && self.allowed(b.command) && layer.screen.offers(b.command, &self.cx));
        let global = keys::GLOBAL.iter().filter(|b| b.footer && self.global_enabled(b.command));
        let back = keys::GLOBAL.iter().filter(|b| b.command == Command::Back && self.global_enabled(b.command));
        // What a window over the screen takes itself is not offered for the screen below it.
        let instead: &[(&str, &str)] = match &self.overlay {
            Some((Overlay::Choose { .. } | Overlay::Commands(_), _)) => &[("Enter", "choose"), ("Esc", "close")],
            Some((Overlay::Help { .. }, _)) => &[("Esc", "close")],
            _ => layer.screen.query().map_or(&[], QueryLine::typing_keys),
        };
        let windowed = self.overlay.is_some() && !instead.is_empty();
        let mut shown: Vec<(String, &str)> = instead.iter().map(|(key, label)| ((*key).to_owned(), *label)).collect();
        let table = own.chain(back).filter(|_| instead.is_empty()).chain(global).filter(|_| !windowed);
        for bind in table {
            if let Some(key) = bind.shown(layer.screen.is_typing()) {
                shown.push((key.to_string(), bind.command.label()));
            }
        }
        let width = |(key, label): &(String, &str)| key.width() + label.width() + 3;
        // Help always has its place; what does not fit is in there.
        while shown.len() > 2 && shown.iter().map(width).sum::<usize>() > usize::from(area.width) + 2 {
            let at = shown.len() - 3;
            shown.remove(at);
        }
        let mut x = 0;
        for (key, label) in &shown {
            let room = Rect { x: area.x + x, width: area.width.saturating_sub(x), ..area };
            x += put_spans(frame.buffer_mut(), room, [(&**key, self.theme.key()), (" ", self.theme.text())]);
            let room = Rect { x: area.x + x, width: area.width.saturating_sub(x), ..area };
            x = (x + put(frame.buffer_mut(), room, label, self.theme.muted()) + 2).min(area.width);
        }
    }

    /// A message too long for its line is shown whole, over the body.
    pub(super) fn draw_long_message(&self, frame: &mut Frame<'_>, parts: layout::Parts) {
        let (text, mark, style) = match &self.cx.message {
            Some(Message { tone: Tone::Warn | Tone::Error, text }) => (&**text, "! ", self.theme.error()),
            Some(_) if self.is_busy() => return,
            Some(Message { tone: Tone::Ok, text }) => (&**text, "", self.theme.ok()),
            Some(Message { tone: Tone::Note, text }) => (&**text, "", self.theme.text()),
            None => match self.trouble() {
                Some(trouble) if self.cx.jobs.is_empty() => (trouble, "", self.theme.warn()),
                _ => return,
            },
        };
        if fit(text, usize::from(parts.status.width).saturating_sub(mark.len())) == *text || parts.body.height < 4 {
            return;
        }
        let lines = layout::wrap(text, usize::from(parts.body.width.saturating_sub(2)));
        let height = (lines.len() as u16).min(parts.body.height);
        let area = Rect { y: parts.status.bottom() - height, height, ..parts.status };
        for y in 0..height {
            let line = layout::row(area, y);
            for x in line.x..line.right() {
                frame.buffer_mut()[(x, line.y)].reset();
            }
            let mark = if y == 0 || mark.is_empty() { mark } else { "  " };
            put_spans(frame.buffer_mut(), line, [(mark, style), (&*lines[usize::from(y)], style)]);
        }
    }
}
