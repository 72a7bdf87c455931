//! What happens to a cat, each as a small form: a hold, a departure, a return, a foster home.

use ratatui::{Frame, layout::Rect};

use crate::{
    desk::CatChange,
    model::{Cat, CatId, Day, Error, FieldError, Hold, HoldKind, IntakeKind, OutcomeKind, limits},
    ui::{Confirm, Cx, FormScreen, Outcome, Theme, field::Field, form::Form, layout::below},
};

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is put on hold.
    Hold,
    /// Its hold is changed, or ends.
    ChangeHold,
    /// It left.
    Depart,
    /// It came back.
    Return,
    /// It goes to a foster home.
    FosterOut,
    /// It is back from there.
    FosterBack,
}

/// The option that ends a hold instead of changing it.
const RELEASE: u32 = 0;

impl Action {
    fn title(self) -> &'static str {
        match self {
            Self::Hold => "Put on hold",
            Self::ChangeHold => "Hold",
            Self::Depart => "Left the shelter",
            Self::Return => "Came back",
            Self::FosterOut => "To a foster home",
            Self::FosterBack => "Back from the foster home",
        }
    }

    fn fields(self, cat: &Cat, today: Day) -> Vec<Field> {
        let day = |label| Field::day("day", label, Some(today)).required();
        match self {
            Self::Hold | Self::ChangeHold => {
                let hold = cat.status.hold();
                let kinds = HoldKind::ALL.iter().map(|k| (k.code().into(), k.label().to_owned()));
                let release = (self == Self::ChangeHold).then(|| (RELEASE, "None: release it".to_owned()));
                let kind = hold.map_or(HoldKind::Medical, |h| h.kind).code();
                vec![
                    Field::choice("hold_kind", "Hold", release.into_iter().chain(kinds), kind.into()),
                    Field::line("hold", "Reason", hold.map_or("", |h| &*h.reason), limits::REASON),
                    Field::day("until", "Until", hold.and_then(|h| h.until))
                        .hint("may stay empty; time alone never ends a hold"),
                ]
            }
            Self::Depart => vec![
                // An adoption is a decision on a request, not made here; it is for those recorded elsewhere.
                Field::choice(
                    "kind",
                    "How",
                    options(OutcomeKind::ALL, |k| (k.code(), k.label())),
                    OutcomeKind::ReturnedToOwner.code().into(),
                ),
                day("Day"),
            ],
            Self::Return => vec![
                Field::choice(
                    "kind",
                    "How",
                    options(IntakeKind::ALL, |k| (k.code(), k.label())),
                    IntakeKind::Return.code().into(),
                ),
                day("Day"),
            ],
            Self::FosterOut | Self::FosterBack => vec![day("Day")],
        }
    }

    fn change(self, form: &Form, today: Day) -> Option<CatChange> {
        let day = form.day("day", today);
        let code = |key| form.id(key).and_then(|c| u8::try_from(c).ok());
        Some(match self {
            Self::Hold | Self::ChangeHold => {
                let Some(kind) = code("hold_kind").and_then(HoldKind::from_code) else {
                    return Some(CatChange::Release);
                };
                CatChange::Hold(Hold { kind, reason: form.text("hold"), until: form.day("until", today) })
            }
            Self::Depart => CatChange::Depart(day?, OutcomeKind::from_code(code("kind")?)?),
            Self::Return => CatChange::Return(day?, IntakeKind::from_code(code("kind")?)?),
            Self::FosterOut => CatChange::FosterOut(day?),
            Self::FosterBack => CatChange::FosterBack(day?),
        })
    }
}

fn options<T: Copy>(all: &[T], of: fn(T) -> (u8, &'static str)) -> Vec<(u32, String)> {
    all.iter().map(|v| of(*v)).map(|(code, label)| (code.into(), label.to_owned())).collect()
}

/// One thing that happens to a cat.
pub struct CatAction {
    action: Action,
    cat: CatId,
    name: String,
    rev: u32,
    form: Form,
}

impl CatAction {
    /// The form for it.
    pub fn new(action: Action, cat: &Cat, cx: &Cx) -> Self {
        let form = Form::new(action.fields(cat, cx.today), cx.today);
        Self { action, cat: cat.id, name: cat.display_name(), rev: cat.version.rev, form }
    }

    fn carry_out(&mut self, change: CatChange, cx: &mut Cx) -> Outcome {
        match cx.desk.edit_cat(&cx.actor(), self.cat, self.rev, vec![change]) {
            Ok(_) => {
                cx.ok(format!("{}: saved. u undoes it.", self.name));
                Outcome::Pop
            }
            Err(e) => self.failed(&e, cx),
        }
    }

    fn failed(&mut self, error: &Error, cx: &mut Cx) -> Outcome {
        // The desk names the thing; here it is the field of its day.
        let error = match error {
            Error::Invalid(errors) => {
                let here = |e: &FieldError| match e.field {
                    "hold" => e.clone(),
                    _ => FieldError { field: "day", message: e.message.clone() },
                };
                Error::Invalid(errors.iter().map(here).collect())
            }
            other => other.clone(),
        };
        self.form.tell(&error, cx);
        Outcome::Stay
    }
}

impl FormScreen for CatAction {
    fn title(&self) -> String {
        self.action.title().to_owned()
    }

    fn form(&self) -> &Form {
        &self.form
    }

    fn form_mut(&mut self) -> &mut Form {
        &mut self.form
    }

    /// Says first what follows beyond the cat itself, if anything does.
    fn save(&mut self, cx: &mut Cx) -> Outcome {
        let Some(change) = self.action.change(&self.form, cx.today) else { return Outcome::Stay };
        match cx.desk.preview_cat_edit(&cx.actor(), self.cat, vec![change.clone()]) {
            Err(e) => self.failed(&e, cx),
            Ok(lines) if lines.is_empty() => self.carry_out(change, cx),
            Ok(lines) => {
                let confirm = Confirm {
                    title: format!("{}: {}?", self.name, self.action.title().to_lowercase()),
                    lines,
                    yes: "go on".to_owned(),
                    danger: true,
                };
                cx.confirm(confirm, move |me: &mut Self, cx| me.carry_out(change, cx));
                Outcome::Stay
            }
        }
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        self.form.draw(frame, below(area, u16::from(area.height > 4)), theme);
    }
}
