//! The audit log: everything, or what happened to one record; and undo from there.

use ratatui::{Frame, layout::Rect};

use super::{entry::EntryScreen, wording::joined};
use crate::{
    desk::HistoryLine,
    model::{Action, CommitNo, Kind},
    store::Changed,
    ui::{
        Bind, Command, Confirm, Cx, Key, Outcome, Screen, Theme, bind,
        keys::ENTER,
        layout::below,
        list::{Column, List},
    },
};

/// The keys of the log.
pub const KEYS: &[Bind] = &[bind(&[ENTER], Command::Open), bind(&[Key::ch('u')], Command::UndoThis)];

/// How many commits are read at once.
const PAGE: usize = 200;

/// A line of the log with what it is about.
struct Row {
    line: HistoryLine,
    /// What the records are called that it touched; empty when the line says so already.
    about: String,
}

/// Commits that touched more records than this are told by the number of them.
const NAMED: u32 = 6;

const COLUMNS: &[Column<Row>] = &[
    Column::new("Nr", 6, 3, |r: &Row| r.line.entry.commit.to_string().into()).right().style(|_, theme| theme.muted()),
    Column::new("When", 16, 0, |r: &Row| r.line.entry.at.minute().into()),
    Column::new("Who", 14, 0, |r: &Row| (&*r.line.who).into()),
    Column::new("Door", 14, 4, |r: &Row| r.line.entry.actor.door.label().into()).style(|_, theme| theme.muted()),
    Column::new("What", 42, 0, |r: &Row| r.what().into()).grow(1),
];

impl Row {
    /// Reads it; a record whose history it is anyway is not named.
    fn read(line: &HistoryLine, of: Option<(Kind, u32)>, cx: &Cx) -> Self {
        let entry = &line.entry;
        let about = match entry.touched {
            // Whoever signed in stands beside it; only the note of a key's last use is about a record.
            _ if entry.action == Action::SignIn => String::new(),
            0 => String::new(),
            n if n > NAMED => format!("{n} records"),
            _ => {
                let touched = cx.desk.audit_entry(&cx.actor(), entry.commit).unwrap_or_default();
                // A request alone is called by whose it is; beside others, they say as much.
                if let [alone] = &touched[..]
                    && alone.kind == Kind::Request
                {
                    let about = cx.desk.audit_about(&cx.actor(), entry).unwrap_or_default();
                    // One's own request: the name stands beside it.
                    let said = of.is_some() || about == line.who;
                    return Self { line: line.clone(), about: if said { String::new() } else { about } };
                }
                let named = touched.iter().filter(|t| t.kind != Kind::Request && of != Some((t.kind, t.id)));
                let mut names: Vec<String> = named.map(|t| t.title.clone()).collect();
                names.retain(|name| !entry.note.contains(name.as_str()));
                names.join(", ")
            }
        };
        Self { line: line.clone(), about }
    }

    fn what(&self) -> String {
        let label = self.line.entry.action.label();
        // From where somebody came in is what there is to know of it.
        let address = self.line.entry.actor.address.as_deref();
        let from = address.filter(|_| self.line.entry.action == Action::SignIn);
        let from = from.map(|address| format!("from {address}")).unwrap_or_default();
        joined(&[label, &self.about, &from, &self.line.entry.note], " · ")
    }
}

/// Asks before a commit is undone; `then` runs on the screen that asked.
pub(super) fn ask_undo<S: Screen>(
    line: &HistoryLine,
    what: &str,
    cx: &mut Cx,
    then: impl FnOnce(&mut S, &mut Cx) -> Outcome + 'static,
) {
    let commit = line.entry.commit;
    let goes = match line.entry.touched {
        1 => "1 record goes back, if nobody has changed it since.".to_owned(),
        n => format!("{n} records go back, if nobody has changed one of them since."),
    };
    let confirm = Confirm {
        title: format!("Undo change {commit}?"),
        lines: vec![format!("{what}, {} by {}.", line.entry.at.ago(cx.desk.now()), line.who), goes],
        yes: "undo".to_owned(),
        danger: false,
    };
    cx.confirm(confirm, move |me: &mut S, cx| {
        if let Some(done) = cx.shown(cx.desk.undo(&cx.actor(), commit)) {
            cx.ok(done.message);
        }
        then(me, cx)
    });
}

/// The log, or the part of it that is about one record.
pub struct History {
    of: Option<(Kind, u32)>,
    /// What was read, newest first.
    entries: Vec<HistoryLine>,
    list: List<Row>,
    /// There is nothing older.
    whole: bool,
    stale: bool,
}

impl History {
    /// Everything.
    pub fn everything(cx: &mut Cx) -> Self {
        Self::begin(None, cx)
    }

    /// What happened to one record.
    pub fn of(kind: Kind, id: u32, cx: &mut Cx) -> Self {
        Self::begin(Some((kind, id)), cx)
    }

    fn begin(of: Option<(Kind, u32)>, cx: &mut Cx) -> Self {
        let mut screen = Self { of, entries: Vec::new(), list: List::default(), whole: false, stale: true };
        screen.read(cx);
        screen
    }

    fn marked(&self) -> Option<&HistoryLine> {
        let id = self.list.selected()?;
        self.entries.iter().find(|line| key(line) == id)
    }

    /// Reads what is new, and what is older once the mark comes near the end of what was read.
    fn read(&mut self, cx: &mut Cx) {
        let actor = cx.actor();
        if std::mem::take(&mut self.stale) {
            let read = match self.of {
                None => cx.desk.audit(&actor, None, PAGE),
                Some((kind, id)) => cx.desk.audit_of(&actor, kind, id, PAGE.max(self.entries.len() + 1)),
            };
            let Some(newest) = cx.shown(read) else { return };
            self.join(newest);
        }
        let place = self.list.selected().and_then(|id| self.entries.iter().position(|l| key(l) == id)).unwrap_or(0);
        if !self.whole && place + PAGE / 2 >= self.entries.len() {
            let before = self.entries.last().map(|line| line.entry.commit);
            let read = match self.of {
                None => cx.desk.audit(&actor, before, PAGE),
                Some((kind, id)) => cx.desk.audit_of(&actor, kind, id, self.entries.len() + PAGE),
            };
            let Some(older) = cx.shown(read) else { return };
            let known = self.entries.len();
            let after = |line: &HistoryLine| before.is_none_or(|b: CommitNo| line.entry.commit < b);
            self.entries.extend(older.into_iter().filter(after));
            self.whole = self.entries.len() < known + PAGE;
            self.list.set_ids(self.entries.iter().map(key).collect());
        }
    }

    /// Puts the newest commits before those that were read; starts again when there are more between them.
    fn join(&mut self, mut newest: Vec<HistoryLine>) {
        let full = newest.len() >= PAGE;
        let last = newest.last().map(|line| line.entry.commit);
        let meets = self.entries.first().is_some_and(|line| last.is_some_and(|last| last <= line.entry.commit));
        if meets {
            let rest = self.entries.drain(..).filter(|line| last.is_some_and(|last| line.entry.commit < last));
            newest.extend(rest);
        } else {
            self.whole = !full;
        }
        self.entries = newest;
        self.list.set_ids(self.entries.iter().map(key).collect());
    }
}

/// The number by which the list knows a commit.
fn key(line: &HistoryLine) -> u32 {
    u32::try_from(line.entry.commit.0).unwrap_or(u32::MAX)
}

impl Screen for History {
    fn title(&self) -> String {
        match &self.of {
            None => "Audit log".to_owned(),
            Some(_) => "History".to_owned(),
        }
    }

    fn keys(&self) -> &'static [Bind] {
        KEYS
    }

    fn enabled(&self, command: Command, _cx: &Cx) -> bool {
        match command {
            Command::Open => self.marked().is_some(),
            Command::UndoThis => self.marked().is_some_and(|line| line.undoable),
            _ => true,
        }
    }

    fn run(&mut self, command: Command, cx: &mut Cx) -> Outcome {
        self.read(cx);
        match command {
            Command::Open => {
                let Some(line) = self.marked() else { return Outcome::Pass };
                return Outcome::push(EntryScreen::new(line.clone(), cx));
            }
            Command::UndoThis => {
                let Some(line) = self.marked() else { return Outcome::Pass };
                ask_undo(&line.clone(), &Row::read(line, None, cx).what(), cx, |me: &mut Self, cx| {
                    me.stale = true;
                    me.read(cx);
                    // The undo itself is the newest line: it is to be seen.
                    me.list.run(Command::First);
                    Outcome::Stay
                });
            }
            other if self.list.run(other) => {}
            _ => return Outcome::Pass,
        }
        Outcome::Stay
    }

    fn prepare(&mut self, area: Rect, cx: &mut Cx) {
        self.read(cx);
        let (entries, of) = (&self.entries, self.of);
        self.list.prepare(below(area, 1), |ids| {
            let lines = ids.iter().filter_map(|id| entries.iter().find(|line| key(line) == *id));
            lines.map(|line| (key(line), Row::read(line, of, cx))).collect()
        });
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        self.list.draw(frame.buffer_mut(), below(area, 1), COLUMNS, "Nothing happened yet.", theme);
    }

    fn changed(&mut self, changed: Option<&Changed>, _cx: &mut Cx) {
        let of = self.of;
        self.stale |= changed.is_none_or(|c| of.is_none_or(|own| c.records.contains(&own)));
    }

    fn shows_log(&self) -> bool {
        self.of.is_none()
    }

    fn status(&self) -> String {
        let more = if self.whole { "" } else { " and older ones" };
        match self.list.position() {
            place if place.is_empty() => place,
            place => format!("{place}{more}"),
        }
    }
}
