//! Who is on: every session of this process, and ending one.

use std::{collections::HashMap, time::Duration};

use ratatui::{Frame, layout::Rect};

use crate::{
    model::Permission,
    session::registry::SessionLine,
    ui::{
        Bind, Command, Confirm, Cx, Outcome, Screen, Theme, bind,
        keys::{DELETE, Key},
        list::{Column, List},
    },
};

/// The keys of this screen.
pub const KEYS: &[Bind] = &[bind(&[Key::ch('x'), DELETE], Command::EndSession)];

/// How often times and names are looked at again: nothing else tells of them.
const AGAIN: Duration = Duration::from_secs(1);

/// A session with its times in words.
#[derive(Clone)]
struct Line {
    session: SessionLine,
    since: String,
    idle: String,
    mine: bool,
}

const COLUMNS: &[Column<Line>] = &[
    Column::new("Name", 16, 0, |l: &Line| match &l.session.who {
        Some(person) => (&*person.name).into(),
        None => "(not signed in)".into(),
    })
    .grow(3)
    .style(|l, theme| if l.session.who.is_some() { theme.text() } else { theme.muted() }),
    Column::new("", 10, 3, |l: &Line| note(l).into()).style(|_, theme| theme.muted()),
    Column::new("Door", 14, 1, |l: &Line| l.session.door.label().into()),
    Column::new("From", 15, 2, |l: &Line| l.session.address.as_deref().unwrap_or_default().into()).grow(1),
    Column::new("Since", 16, 4, |l: &Line| (&*l.since).into()),
    Column::new("Idle", 6, 1, |l: &Line| (&*l.idle).into()).right(),
];

fn note(line: &Line) -> &str {
    match line {
        Line { mine: true, .. } => "this one",
        Line { session: SessionLine { owner: true, .. }, .. } => "has store",
        _ => &line.session.what,
    }
}

/// The list of sessions.
#[derive(Default)]
pub struct Sessions {
    list: List<Line>,
    lines: HashMap<u32, Line>,
}

impl Sessions {
    /// As they are now.
    pub fn new(cx: &mut Cx) -> Self {
        let mut sessions = Self::default();
        sessions.read(cx);
        sessions
    }

    fn read(&mut self, cx: &mut Cx) {
        let Some(seat) = cx.seat.clone().filter(|_| cx.may(Permission::Maintain)) else { return };
        let line = |session: SessionLine| {
            let (since, idle, mine) = (session.since.minute(), session.idle_words(), session.id == seat.id());
            (session.id as u32, Line { session, since, idle, mine })
        };
        let lines: Vec<_> = seat.registry().list().into_iter().map(line).collect();
        let ids: Vec<u32> = lines.iter().map(|(id, _)| *id).collect();
        self.lines = lines.into_iter().collect();
        if ids == self.list.ids() { self.list.forget() } else { self.list.set_ids(ids) }
    }

    fn selected(&self) -> Option<&Line> {
        self.list.selected().and_then(|id| self.lines.get(&id))
    }

    fn end(&mut self, id: u64, cx: &mut Cx) {
        let Some(seat) = cx.seat.clone() else { return };
        if let Some(done) = cx.shown(seat.registry().end_for(&cx.desk, &cx.actor(), seat.id(), id)) {
            cx.ok(done);
        }
        self.read(cx);
    }
}

impl Screen for Sessions {
    fn title(&self) -> String {
        "Sessions".to_owned()
    }

    fn keys(&self) -> &'static [Bind] {
        KEYS
    }

    fn enabled(&self, command: Command, _cx: &Cx) -> bool {
        match command {
            // One's own ends by leaving it; with the one that has the store everything would end.
            Command::EndSession => self.selected().is_some_and(|line| !line.mine && !line.session.owner),
            _ => true,
        }
    }

    fn run(&mut self, command: Command, cx: &mut Cx) -> Outcome {
        match command {
            Command::EndSession => {
                let Some(line) = self.selected() else { return Outcome::Stay };
                let id = line.session.id;
                let confirm = Confirm {
                    title: "End this session?".to_owned(),
                    lines: vec![line.session.title(), "What was saved stays; what was being typed is lost.".to_owned()],
                    yes: "end it".to_owned(),
                    danger: true,
                };
                cx.confirm(confirm, move |me: &mut Self, cx| {
                    me.end(id, cx);
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
        let lines = &self.lines;
        self.list
            .prepare(area, |ids| ids.iter().filter_map(|id| lines.get(id).map(|line| (*id, line.clone()))).collect());
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        self.list.draw(frame.buffer_mut(), area, COLUMNS, "There are no sessions to see here.", theme);
    }

    fn wants_tick(&self) -> Option<Duration> {
        Some(AGAIN)
    }

    fn status(&self) -> String {
        self.list.position()
    }
}
