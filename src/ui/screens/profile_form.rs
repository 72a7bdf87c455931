//! One's own details and preferences in a form.

use ratatui::{Frame, layout::Rect};

use super::user_form::{own_changes, own_fields};
use crate::{
    desk::UserChange,
    model::{AgeBand, Altered, BreedId, Gender, Kind, Preferences, User, UserId},
    store::Changed,
    ui::{Cx, FormScreen, Outcome, Theme, field::Field, form::Form, picker::Item},
};

/// Changes one's own account.
pub struct ProfileForm {
    id: UserId,
    rev: u32,
    form: Form,
}

/// An altered state as something to look for.
pub(super) const fn altered_words(altered: Altered) -> &'static str {
    match altered {
        Altered::Yes => "spayed or neutered",
        Altered::No => "not spayed or neutered",
        Altered::Unknown => "either",
    }
}

fn fields(user: &User, cx: &Cx) -> Vec<Field> {
    let mut fields = own_fields(user);
    let wants = &user.preferences;
    let breeds = cx.desk.breeds(&cx.actor()).unwrap_or_default();
    let breeds = breeds.into_iter().map(|line| Item::new(line.id, line.name, "")).collect();
    let ages = AgeBand::ALL.iter().map(|a| Item::new(a.code().into(), a.label(), "")).collect();
    let genders = Gender::ALL.iter().map(|g| Item::new(g.code().into(), g.label(), "")).collect();
    let hint = "Enter or letters to add one, Backspace takes the last one away";
    fields.push(
        Field::pick_many("breeds", "Breeds", breeds, wants.breeds.iter().map(|b| b.0))
            .section("What you look for (empty: any)")
            .hint(hint),
    );
    fields.push(Field::pick_many("ages", "Ages", ages, wants.ages.iter().map(|a| a.code().into())).hint(hint));
    fields.push(Field::pick_many("genders", "Sex", genders, wants.genders.iter().map(|g| g.code().into())).hint(hint));
    let altered = [(0, "either".to_owned())]
        .into_iter()
        .chain([Altered::Yes, Altered::No].into_iter().map(|a| (u32::from(a.code()), altered_words(a).to_owned())));
    fields.push(Field::choice("altered", "Altered", altered, wants.altered.map_or(0, |a| a.code().into())));
    fields
}

impl ProfileForm {
    /// One's own account; `None`, with the reason said, when it cannot be read.
    pub fn new(cx: &mut Cx) -> Option<Self> {
        let user = cx.shown(cx.desk.me(&cx.actor()))?;
        let form = Form::new(fields(&user, cx), cx.today);
        Some(Self { id: user.id, rev: user.version.rev, form })
    }

    fn changes(&self) -> Vec<UserChange> {
        let mut changes = own_changes(&self.form);
        if ["breeds", "ages", "genders", "altered"].iter().any(|key| self.form.is_changed(key)) {
            let codes = |key| self.form.ids(key).into_iter().filter_map(|code| u8::try_from(code).ok());
            let altered = self.form.id("altered").and_then(|code| u8::try_from(code).ok());
            changes.push(UserChange::Preferences(Preferences {
                breeds: self.form.ids("breeds").into_iter().map(BreedId).collect(),
                ages: codes("ages").filter_map(AgeBand::from_code).collect(),
                genders: codes("genders").filter_map(Gender::from_code).collect(),
                altered: altered.and_then(Altered::from_code),
            }));
        }
        changes
    }
}

impl FormScreen for ProfileForm {
    fn title(&self) -> String {
        "Change".to_owned()
    }

    fn form(&self) -> &Form {
        &self.form
    }

    fn form_mut(&mut self) -> &mut Form {
        &mut self.form
    }

    fn reread(&mut self, cx: &mut Cx) -> Option<Vec<Field>> {
        let user = cx.shown(cx.desk.me(&cx.actor()))?;
        self.rev = user.version.rev;
        Some(fields(&user, cx))
    }

    fn save(&mut self, cx: &mut Cx) -> Outcome {
        match cx.desk.edit_profile(&cx.actor(), self.rev, self.changes()) {
            Ok(_) => {
                cx.ok("Your account is saved.");
                Outcome::Pop
            }
            Err(error) => self.refused(&error, cx),
        }
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        self.form.draw(frame, crate::ui::layout::below(area, u16::from(area.height > 14)), theme);
    }

    fn changed(&mut self, changed: Option<&Changed>, cx: &mut Cx) {
        if !changed.is_some_and(|c| c.records.contains(&(Kind::User, self.id.0))) {
            return;
        }
        if cx.desk.me(&cx.actor()).is_ok_and(|user| user.version.rev != self.rev) {
            self.take_in("your account was changed just now. What you typed is kept", cx);
        }
    }
}
