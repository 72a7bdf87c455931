//! One commit of the audit log: who, when, and each record before and after.

use ratatui::{Frame, layout::Rect};

use super::{audit::ask_undo, wording::joined};
use crate::{
    desk::{HistoryLine, TouchedLine},
    model::Kind,
    ui::{
        Bind, Command, Cx, Key, Outcome, Screen, Theme, bind,
        keys::ENTER,
        sheet::{Ink, Sheet},
    },
};

/// The keys of one commit.
pub const KEYS: &[Bind] = &[bind(&[ENTER], Command::Open), bind(&[Key::ch('u')], Command::UndoThis)];

/// One commit.
pub struct EntryScreen {
    line: HistoryLine,
    touched: Vec<TouchedLine>,
    sheet: Sheet,
}

impl EntryScreen {
    /// That commit.
    pub fn new(line: HistoryLine, cx: &mut Cx) -> Self {
        let touched = cx.shown(cx.desk.audit_entry(&cx.actor(), line.entry.commit)).unwrap_or_default();
        let mut screen = Self { line, touched, sheet: Sheet::default() };
        screen.fill(cx);
        screen
    }

    fn fill(&mut self, cx: &Cx) {
        let touched = &self.touched;
        let entry = &self.line.entry;
        let sheet = &mut self.sheet;
        sheet.clear();
        sheet.pieces("What", vec![(entry.action.label().to_owned(), Ink::Strong), (entry.note.clone(), Ink::Plain)]);
        sheet.field("Who", &*self.line.who);
        let ago = entry.at.ago(cx.desk.now());
        let ago = if ago.starts_with("on ") { String::new() } else { ago };
        sheet.pieces("When", vec![(entry.at.minute(), Ink::Plain), (ago, Ink::Muted)]);
        let address = entry.actor.address.as_ref().map(|a| format!("from {a}")).unwrap_or_default();
        sheet.pieces("Door", vec![(entry.actor.door.label().to_owned(), Ink::Plain), (address, Ink::Muted)]);
        if let Some(undone) = entry.undoes {
            sheet.field("Undid", format!("change {undone}"));
        }
        if touched.is_empty() {
            sheet.gap();
            sheet.text("No record was changed by it.", Ink::Muted);
        }
        for (n, record) in touched.iter().enumerate() {
            sheet.gap();
            let fate = match (record.is_new, record.is_gone) {
                (true, _) => ("new", Ink::Ok),
                (_, true) => ("deleted", Ink::Error),
                _ => ("changed", Ink::Muted),
            };
            let kind = format!("{} {}", record.kind.label(), record.id);
            // A request is called by its number anyway.
            let title = if record.title.eq_ignore_ascii_case(&kind) { String::new() } else { record.title.clone() };
            let row = vec![(kind, Ink::Strong), (title, Ink::Plain), (fate.0.to_owned(), fate.1)];
            sheet.table(vec![(n as u32, row.into_iter().filter(|(text, _)| !text.is_empty()).collect())]);
            for diff in &record.diffs {
                let shown = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
                let label = diff.field.replace('_', " ");
                let pieces = if record.is_new {
                    vec![(diff.after.clone(), Ink::Plain)]
                } else if record.is_gone {
                    vec![(diff.before.clone(), Ink::Muted)]
                } else {
                    let after = format!("→ {}", shown(&diff.after));
                    vec![(shown(&diff.before), Ink::Muted), (after, Ink::Plain)]
                };
                sheet.pieces(label, pieces);
            }
        }
    }
}

impl Screen for EntryScreen {
    fn title(&self) -> String {
        format!("Change {}", self.line.entry.commit)
    }

    fn keys(&self) -> &'static [Bind] {
        KEYS
    }

    fn enabled(&self, command: Command, _cx: &Cx) -> bool {
        match command {
            Command::Open => self.sheet.marked().is_some(),
            Command::UndoThis => self.line.undoable,
            _ => true,
        }
    }

    fn run(&mut self, command: Command, cx: &mut Cx) -> Outcome {
        match command {
            Command::Open => {
                let marked = self.sheet.marked().and_then(|n| self.touched.get(n as usize));
                return match marked {
                    Some(record) if is_there(record, cx) => super::record(record.kind, record.id, cx),
                    Some(record) => {
                        cx.say(crate::ui::cx::Tone::Note, format!("{} is no longer there.", record.title));
                        Outcome::Stay
                    }
                    None => Outcome::Pass,
                };
            }
            Command::UndoThis => {
                let entry = &self.line.entry;
                let what = joined(&[entry.action.label(), &entry.note], " · ");
                ask_undo(&self.line.clone(), &what, cx, |_: &mut Self, _| Outcome::Stay);
            }
            other if self.sheet.run(other) => {}
            _ => return Outcome::Pass,
        }
        Outcome::Stay
    }

    fn prepare(&mut self, area: Rect, _cx: &mut Cx) {
        self.sheet.prepare(area);
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        self.sheet.draw(frame.buffer_mut(), area, theme);
    }

    fn status(&self) -> String {
        self.sheet.status()
    }
}

/// Whether a record that was touched once is still there to be opened.
fn is_there(record: &TouchedLine, cx: &Cx) -> bool {
    let (desk, actor, id) = (&cx.desk, cx.actor(), record.id);
    match record.kind {
        Kind::Breed => desk.breed(&actor, crate::model::BreedId(id)).is_ok(),
        Kind::Health => desk.health_status(&actor, crate::model::HealthId(id)).is_ok(),
        Kind::Cat => desk.cat(&actor, crate::model::CatId(id)).is_ok(),
        Kind::User => desk.user(&actor, crate::model::UserId(id)).is_ok(),
        Kind::Request => desk.request(&actor, crate::model::RequestId(id)).is_ok(),
    }
}
