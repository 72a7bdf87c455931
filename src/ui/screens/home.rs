//! The home screen: what there is, what waits, and where to go.

use ratatui::{Frame, layout::Rect};
use unicode_width::UnicodeWidthStr;

use super::requests_columns;
use crate::{
    desk::{Home as Counts, HomeCount, Opens, RequestLine},
    model::Permission,
    store::Changed,
    ui::{
        Bind, Command, Cx, Outcome, Screen, Theme, bind,
        keys::{self, ENTER, TAB},
        layout::{self, below, put, row},
        list::List,
        screens,
    },
};

/// The keys of this screen.
pub const KEYS: &[Bind] = &[bind(&[ENTER], Command::Open), bind(&[TAB], Command::NextPane)];

/// How many waiting requests are listed at most.
const OLDEST: usize = 50;

/// How many lines what is to be said of the backups takes at most.
const MOST_OF_BACKUPS: u16 = 3;

/// Counts, and the oldest waiting requests.
pub struct Home {
    counts: Option<Counts>,
    stale: bool,
    /// The marked count, over all groups.
    at: usize,
    /// The keys are in the list of requests.
    in_list: bool,
    oldest: List<RequestLine>,
    staff: bool,
    /// The other places, each with its key.
    places: Vec<(String, &'static str)>,
    top: u16,
}

impl Home {
    /// With nothing read yet.
    pub fn new(cx: &mut Cx) -> Self {
        let places = keys::GLOBAL.iter().filter_map(|bind| {
            let digit = bind.keys.first().filter(|key| key.is_digit() && bind.command != Command::GoHome)?;
            let may = bind.command.permission().is_none_or(|permission| cx.may(permission));
            may.then(|| (digit.to_string(), bind.command.label()))
        });
        Self {
            counts: None,
            stale: true,
            at: 0,
            in_list: false,
            oldest: List::default(),
            staff: cx.may(Permission::DecideRequests),
            places: places.collect(),
            top: 0,
        }
    }

    fn all(&self) -> impl Iterator<Item = &HomeCount> {
        self.counts.iter().flat_map(|c| c.groups.iter().flat_map(|(_, counts)| counts))
    }

    fn open(&mut self, cx: &mut Cx) -> Outcome {
        let screen = if self.in_list {
            self.oldest.selected().and_then(|id| screens::request(crate::model::RequestId(id), cx))
        } else {
            match self.all().nth(self.at).map(|count| count.opens.clone()) {
                Some(Opens::Cats(query)) => screens::cats(&query, cx),
                Some(Opens::Requests(query)) => screens::requests(&query, cx),
                None => None,
            }
        };
        screen.map_or(Outcome::Stay, Outcome::Push)
    }

    fn move_count(&mut self, command: Command) {
        let last = self.all().count().saturating_sub(1);
        match command {
            Command::Up => self.at = self.at.saturating_sub(1),
            Command::Down if self.at == last && !self.oldest.ids().is_empty() => self.in_list = true,
            Command::Down => self.at = (self.at + 1).min(last),
            Command::First | Command::PageUp => self.at = 0,
            Command::Last | Command::PageDown => self.at = last,
            _ => {}
        }
    }

    fn draw_places(&self, frame: &mut Frame<'_>, line: Rect, theme: Theme) {
        let mut x = 2;
        for (key, label) in &self.places {
            if x + (key.width() + label.width()) as u16 + 1 > line.width {
                break;
            }
            let spans = [(&**key, theme.key()), (" ", theme.text()), (label, theme.muted())];
            x += layout::put_spans(frame.buffer_mut(), shifted(line, x), spans) + 2;
        }
    }

    /// The groups one beside the other where there is room, else one under the other. Answers the rows used.
    fn draw_counts(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) -> u16 {
        let Some(counts) = &self.counts else { return 0 };
        let buffer = frame.buffer_mut();
        let width = |counts: &[HomeCount]| counts.iter().map(|c| c.label.width()).max().unwrap_or(0).max(8) as u16 + 12;
        let all: u16 = counts.groups.iter().map(|(_, c)| width(c) + 2).sum();
        let beside = all <= area.width + 2;
        // One under the other they may not fit: then the marked one stays in sight.
        let mut rows = counts.groups.iter().scan(0, |at, (_, counts)| {
            let start = *at;
            *at += counts.len() as u16 + 2;
            Some(start + 1..start + 1 + counts.len() as u16)
        });
        let marked = rows.by_ref().flatten().nth(self.at).unwrap_or(0);
        let high = area.height.max(1);
        let low = (marked + 1).saturating_sub(high);
        self.top = if beside { 0 } else { self.top.clamp(low, marked.saturating_sub(1).max(low)) };
        let seen = |area: Rect, y: u16| match y.checked_sub(self.top) {
            Some(y) => row(area, y),
            None => Rect { height: 0, ..area },
        };
        let (mut x, mut y, mut tallest, mut n) = (0, 0, 0, 0);
        for (name, group) in &counts.groups {
            let wide = if beside { width(group) } else { area.width };
            let column = Rect { x: area.x + x, width: wide.min(area.width.saturating_sub(x)), ..area };
            put(buffer, shifted(seen(column, y), 2), name, theme.heading());
            for (i, count) in group.iter().enumerate() {
                let line = seen(column, y + 1 + i as u16);
                let marked = !self.in_list && n == self.at;
                put(buffer, line, if marked { "►" } else { " " }, theme.marker());
                let number = count.count.to_string();
                let label = width(group).min(line.width).saturating_sub(10);
                let style = if marked { theme.selected() } else { theme.text() };
                put(buffer, Rect { width: label.min(line.width), ..shifted(line, 2) }, count.label, style);
                let style = match (count.urgent && count.count > 0, count.count) {
                    (true, _) => theme.warn().patch(theme.selected()),
                    (_, 0) => theme.muted(),
                    _ => style,
                };
                let from = (label + 9).saturating_sub(number.width() as u16);
                let mark = if count.urgent && count.count > 0 { "!" } else { "" };
                put(buffer, shifted(line, from), &number, style);
                put(buffer, shifted(line, label + 10), mark, theme.warn());
                n += 1;
            }
            let rows = group.len() as u16 + 1;
            if beside {
                x += wide + 2;
                tallest = tallest.max(rows);
            } else {
                y += rows + 1;
                tallest = y.saturating_sub(self.top);
            }
        }
        tallest
    }
}

/// The line without its first columns.
fn shifted(line: Rect, by: u16) -> Rect {
    let by = by.min(line.width);
    Rect { x: line.x + by, width: line.width - by, ..line }
}

impl Screen for Home {
    fn title(&self) -> String {
        "Home".to_owned()
    }

    fn keys(&self) -> &'static [Bind] {
        KEYS
    }

    fn enabled(&self, command: Command, _cx: &Cx) -> bool {
        command != Command::NextPane || !self.oldest.ids().is_empty()
    }

    fn run(&mut self, command: Command, cx: &mut Cx) -> Outcome {
        match command {
            Command::Open => return self.open(cx),
            Command::NextPane => self.in_list = !self.in_list,
            Command::Up if self.in_list && self.oldest.ids().first() == self.oldest.selected().as_ref() => {
                self.in_list = false;
                self.at = self.all().count().saturating_sub(1);
            }
            _ if self.in_list => return if self.oldest.run(command) { Outcome::Stay } else { Outcome::Pass },
            _ => self.move_count(command),
        }
        Outcome::Stay
    }

    fn prepare(&mut self, _area: Rect, cx: &mut Cx) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        let actor = cx.actor();
        let Some(counts) = cx.shown(cx.desk.home(&actor, OLDEST)) else { return };
        self.oldest.set_ids(counts.oldest.iter().map(|line| line.id.0).collect());
        self.counts = Some(counts);
        self.in_list &= !self.oldest.ids().is_empty();
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        self.draw_places(frame, row(area, 0), theme);
        let mut above = 2;
        if let Some(backup) = self.counts.as_ref().and_then(|c| c.backup.as_ref()) {
            let style = if backup.urgent { theme.warn() } else { theme.muted() };
            // Why a backup failed may take more than a line.
            let room =
                Rect { height: area.height.saturating_sub(1).min(MOST_OF_BACKUPS), ..shifted(below(area, 1), 2) };
            above = 1 + layout::put_wrapped(frame.buffer_mut(), room, &backup.text, style).max(1);
        }
        let used = self.draw_counts(frame, below(area, above), theme) + above + 1;
        let list = below(area, used);
        let Some(counts) = &self.counts else { return };
        if list.height < 3 {
            return;
        }
        let shown = counts.oldest.len();
        let any_cat = self.all().any(|count| count.count > 0 && matches!(count.opens, Opens::Cats(_)));
        let (none, some) = match (self.staff, any_cat) {
            (true, true) => ("No request is waiting.", "Waiting longest"),
            (true, false) => ("There are no cats yet: 2 and then n adds one.", "Waiting longest"),
            (false, _) => ("You have no open request.", "Your open requests"),
        };
        let heading = match counts.waiting {
            0 => none.to_owned(),
            n if n as usize > shown => format!("{some} ({shown} of {n})"),
            n => format!("{some} ({n})"),
        };
        put(frame.buffer_mut(), shifted(row(list, 0), 2), &heading, theme.heading());
        if shown > 0 {
            // Wider than this, the eye loses the row.
            let rows = Rect { width: list.width.min(110), ..below(list, 1) };
            let columns = if self.staff { requests_columns::WAITING } else { requests_columns::OWN };
            self.oldest.prepare(rows, |ids| {
                let found = |id: &u32| counts.oldest.iter().find(|line| line.id.0 == *id);
                ids.iter().filter_map(|id| found(id).map(|line| (*id, line.clone()))).collect()
            });
            self.oldest.draw_marked(frame.buffer_mut(), rows, columns, "", theme, self.in_list);
        }
    }

    fn changed(&mut self, _changed: Option<&Changed>, _cx: &mut Cx) {
        self.stale = true;
    }

    fn resumed(&mut self, _cx: &mut Cx) {
        self.stale = true;
    }
}
