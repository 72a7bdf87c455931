//! One cat: everything of it, its queue, and what can be done with it.

use ratatui::{Frame, layout::Rect};

use super::{
    cat_action::{Action, CatAction},
    cat_form::CatForm,
    cat_page,
};
use crate::{
    desk::{CatCard, CatChange},
    model::{CatId, CatStatusKind, Error, Kind, Permission, RecordId as _, RequestId},
    store::Changed,
    ui::{
        Bind, Command, Confirm, Cx, Key, Outcome, Screen, Theme, bind,
        cx::Tone,
        keys::ENTER,
        layout::below,
        screens,
        sheet::{Ink, Sheet},
    },
};

/// The keys of a cat.
pub const KEYS: &[Bind] = &[
    bind(&[ENTER], Command::Open),
    bind(&[Key::ch('e')], Command::Edit),
    bind(&[Key::ch('a')], Command::AskFor),
    bind(&[Key::ch('t')], Command::TakeRequest),
    bind(&[Key::ch('o')], Command::Hold),
    bind(&[Key::ch('x')], Command::Depart),
    bind(&[Key::ch('b')], Command::Return),
    bind(&[Key::ch('f')], Command::Foster),
    bind(&[Key::ch('m')], Command::Favourite),
    bind(&[Key::ch('r')], Command::OpenQueue).quiet(),
    bind(&[Key::ch('h')], Command::History).quiet(),
    bind(&[Key::ch('z')], Command::Archive).quiet(),
    bind(&[Key::ch('D')], Command::Delete).quiet(),
];

/// One cat.
pub struct CatDetail {
    id: CatId,
    card: Option<CatCard>,
    sheet: Sheet,
    stale: bool,
    /// It is deleted, or no longer for the reader to see: what is shown is what it was.
    gone: bool,
}

impl CatDetail {
    /// The cat with this number.
    pub fn new(id: CatId) -> Self {
        Self { id, card: None, sheet: Sheet::default(), stale: true, gone: false }
    }

    fn name(&self) -> String {
        self.card.as_ref().map_or_else(|| format!("Cat {}", self.id), |c| c.cat.display_name())
    }

    fn status(&self) -> Option<CatStatusKind> {
        self.card.as_ref().filter(|_| !self.gone).map(|c| c.cat.status.kind())
    }

    /// Says how it went; what was changed is read again with the next frame.
    fn done<T>(&mut self, result: Result<T, Error>, words: impl FnOnce(T) -> String, cx: &mut Cx) -> Outcome {
        match result {
            Ok(value) => cx.ok(words(value)),
            Err(e) => cx.fail(&e),
        }
        self.stale = true;
        Outcome::Stay
    }

    fn act(&self, action: Action, cx: &mut Cx) -> Outcome {
        match &self.card {
            Some(card) => Outcome::push(CatAction::new(action, &card.cat, cx)),
            None => Outcome::Stay,
        }
    }

    fn archive(&mut self, cx: &mut Cx) -> Outcome {
        let Some(card) = &self.card else { return Outcome::Stay };
        let (archived, rev, name) = (card.cat.archived, card.cat.version.rev, self.name());
        let edited = cx.desk.edit_cat(&cx.actor(), self.id, rev, vec![CatChange::Archived(!archived)]);
        let where_to = if archived { "back in the lists" } else { "out of the lists" };
        self.done(edited, |_| format!("{name} is {where_to}."), cx)
    }

    fn delete(&self, cx: &mut Cx) {
        let Some(card) = &self.card else { return };
        let (id, rev) = (self.id, card.cat.version.rev);
        let confirm = Confirm {
            title: format!("Delete {}?", self.name()),
            lines: vec![
                "Its record and its stays go. The audit log keeps them, and undo brings it back.".to_owned(),
                "A cat that somebody asked for is archived instead.".to_owned(),
            ],
            yes: "delete".to_owned(),
            danger: true,
        };
        cx.confirm(confirm, move |me: &mut Self, cx| match cx.desk.delete_cat(&cx.actor(), id, rev) {
            Ok(done) => {
                cx.ok(done.message);
                Outcome::Pop
            }
            Err(e) => me.done::<()>(Err(e), |()| String::new(), cx),
        });
    }
}

impl Screen for CatDetail {
    fn title(&self) -> String {
        self.name()
    }

    fn keys(&self) -> &'static [Bind] {
        KEYS
    }

    fn enabled(&self, command: Command, _cx: &Cx) -> bool {
        let Some(card) = self.card.as_ref().filter(|_| !self.gone) else {
            return matches!(command, Command::Up | Command::Down | Command::PageUp | Command::PageDown);
        };
        let status = card.cat.status.kind();
        match command {
            Command::Open => self.sheet.marked().is_some(),
            Command::Edit | Command::Delete | Command::History => card.staff,
            Command::AskFor => card.mine.is_none() && status == CatStatusKind::Available && !card.cat.archived,
            Command::TakeRequest | Command::Foster => card.staff && status.in_care(),
            Command::Hold => matches!(status, CatStatusKind::Available | CatStatusKind::OnHold),
            Command::Depart => card.staff && status.in_care(),
            Command::Return | Command::Archive => card.staff && !status.in_care(),
            Command::OpenQueue => card.staff,
            _ => true,
        }
    }

    fn run(&mut self, command: Command, cx: &mut Cx) -> Outcome {
        match command {
            Command::Open => match self.sheet.marked() {
                Some(request) => return screens::on_top(screens::request(RequestId(request), cx)),
                None => return Outcome::Pass,
            },
            Command::Edit => return CatForm::edit(self.id, cx).map_or(Outcome::Stay, Outcome::push),
            Command::AskFor => return screens::on_top(screens::ask_for(self.id, &self.name(), cx)),
            Command::TakeRequest => return screens::on_top(screens::take_request(self.id, cx)),
            Command::OpenQueue => {
                return screens::on_top(screens::requests(&format!("cat:#{}", self.id.number()), cx));
            }
            Command::Hold => {
                let held = self.status() == Some(CatStatusKind::OnHold);
                return self.act(if held { Action::ChangeHold } else { Action::Hold }, cx);
            }
            Command::Depart => return self.act(Action::Depart, cx),
            Command::Return => return self.act(Action::Return, cx),
            Command::Foster => {
                let away = self.card.as_ref().is_some_and(|c| c.cat.in_foster());
                return self.act(if away { Action::FosterBack } else { Action::FosterOut }, cx);
            }
            Command::Favourite => {
                let toggled = cx.desk.toggle_favourite(&cx.actor(), self.id);
                let name = self.name();
                let words =
                    |on| if on { format!("{name} is a favourite.") } else { format!("{name} is no favourite now.") };
                return self.done(toggled, words, cx);
            }
            Command::History => {
                return Outcome::Push(screens::history_of(Kind::Cat, self.id.number(), cx));
            }
            Command::Archive => return self.archive(cx),
            Command::Delete => self.delete(cx),
            other if self.sheet.run(other) => {}
            _ => return Outcome::Pass,
        }
        Outcome::Stay
    }

    fn prepare(&mut self, area: Rect, cx: &mut Cx) {
        if std::mem::take(&mut self.stale) {
            match cx.desk.cat(&cx.actor(), self.id) {
                Ok(card) => {
                    self.card = Some(card);
                    self.gone = false;
                }
                Err(Error::NotFound { .. }) if self.card.is_some() => self.gone = true,
                Err(e) => cx.fail(&e),
            }
            self.sheet.clear();
            if self.gone {
                let why = if cx.may(Permission::SeeCats) { "is deleted" } else { "is no longer on offer" };
                self.sheet.text(format!("{} {why}. This is what it was.", self.name()), Ink::Error);
                self.sheet.gap();
            }
            if let Some(card) = &self.card {
                cat_page::whole(&mut self.sheet, card, cx);
            }
        }
        self.sheet.prepare(below(area, 1));
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        self.sheet.draw(frame.buffer_mut(), below(area, 1), theme);
    }

    fn changed(&mut self, changed: Option<&Changed>, cx: &mut Cx) {
        let Some(card) = &self.card else { return };
        let touches = |(kind, id): &(Kind, u32)| match kind {
            Kind::Cat => *id == self.id.number(),
            // The account may be an applicant's, or the reader's own with its favourites.
            Kind::Request | Kind::User => true,
            Kind::Breed => card.cat.breed.is_some_and(|b| b.number() == *id),
            Kind::Health => card.cat.health.is_some_and(|h| h.number() == *id),
        };
        if changed.is_none_or(|c| c.records.iter().any(touches)) {
            self.stale = true;
        }
        // Somebody else's change is worth a word.
        if let Some(changed) = changed
            && changed.actor.who != cx.actor().who
            && card.staff
            && changed.records.contains(&(Kind::Cat, self.id.number()))
        {
            let who = cx.desk.name_of(&cx.actor(), changed.actor.who);
            cx.say(Tone::Note, format!("{who} changed {} just now.", self.name()));
        }
    }

    fn resumed(&mut self, _cx: &mut Cx) {
        self.stale = true;
    }

    fn status(&self) -> String {
        self.sheet.status()
    }
}
