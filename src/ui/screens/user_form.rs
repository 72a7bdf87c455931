//! An account in a form: a new one, or the details of one that is there.

use ratatui::{Frame, layout::Rect};
use zeroize::Zeroizing;

use super::{password, user::UserDetail};
use crate::{
    desk::UserChange,
    model::{Error, Kind, Role, User, UserId, limits},
    store::Changed,
    ui::{Cx, FormScreen, Outcome, Theme, field::Field, form::Form},
};

/// Adds or changes an account.
pub struct UserForm {
    /// The account and the revision that the form began with; `None` for a new one.
    of: Option<(UserId, u32)>,
    /// What the account was called at first.
    name: String,
    form: Form,
}

/// Checks one change of an account while it is typed.
fn sound(change: impl Fn(String) -> UserChange + 'static) -> impl Fn(&str, crate::model::Day) -> Result<(), String> {
    move |text, _| change(text.to_owned()).check().map_err(|e| e.message)
}

/// The fields that people have themselves, too.
pub(super) fn own_fields(user: &User) -> Vec<Field> {
    vec![
        Field::line("username", "Sign-in name", &user.username, limits::USERNAME)
            .check_text(sound(UserChange::Username))
            .hint("letters, digits, dots, hyphens, underscores"),
        Field::line("full_name", "Name", &user.full_name, limits::NAME)
            .check_text(sound(UserChange::FullName))
            .hint("as they write it themselves"),
        Field::line("email", "E-mail", user.email.as_deref().unwrap_or_default(), limits::EMAIL)
            .check_text(sound(|text| UserChange::Email(Some(text))))
            .hint("works for signing in, too"),
        Field::line("phone", "Phone", &user.phone, limits::PHONE).check_text(sound(UserChange::Phone)),
    ]
}

/// What was changed in those fields.
pub(super) fn own_changes(form: &Form) -> Vec<UserChange> {
    let mut changes = Vec::new();
    let mut add = |key: &str, change: fn(String) -> UserChange| {
        if form.is_changed(key) {
            changes.push(change(form.text(key)));
        }
    };
    add("username", UserChange::Username);
    add("full_name", UserChange::FullName);
    add("email", |text| UserChange::Email(Some(text).filter(|t| !t.is_empty())));
    add("phone", UserChange::Phone);
    changes
}

impl UserForm {
    /// A new account.
    pub fn add(cx: &Cx) -> Self {
        let mut fields = own_fields(&User::new("", Role::User));
        fields.push(Field::choice(
            "role",
            "Role",
            Role::ALL.iter().map(|r| (r.code().into(), r.label().to_owned())),
            Role::User.code().into(),
        ));
        let [new, again] = password::fields();
        fields.push(new.section("Password").hint("may stay empty: then nobody can sign in until one is set"));
        fields.push(again);
        Self { of: None, name: String::new(), form: Form::new(fields, cx.today) }
    }

    /// The details of an account; `None`, with the reason said, when it cannot be read.
    pub fn edit(id: UserId, cx: &mut Cx) -> Option<Self> {
        let card = cx.shown(cx.desk.user(&cx.actor(), id))?;
        let form = Form::new(own_fields(&card.user), cx.today);
        Some(Self { of: Some((id, card.user.version.rev)), name: card.user.display_name(), form })
    }

    fn added(&mut self, answer: Option<Result<User, Error>>, cx: &mut Cx) -> Outcome {
        match answer {
            Some(Ok(user)) => {
                cx.ok(format!("{} has an account.", user.display_name()));
                Outcome::replace(UserDetail::new(user.id, cx))
            }
            Some(Err(e)) => self.refused(&e, cx),
            None => {
                cx.fault();
                Outcome::Stay
            }
        }
    }
}

impl FormScreen for UserForm {
    fn title(&self) -> String {
        if self.of.is_some() { format!("Change {}", self.name) } else { "New account".to_owned() }
    }

    fn form(&self) -> &Form {
        &self.form
    }

    fn form_mut(&mut self) -> &mut Form {
        &mut self.form
    }

    fn reread(&mut self, cx: &mut Cx) -> Option<Vec<Field>> {
        let (id, _) = self.of?;
        let card = cx.shown(cx.desk.user(&cx.actor(), id))?;
        self.of = Some((id, card.user.version.rev));
        Some(own_fields(&card.user))
    }

    /// Says at the field, while it is typed, that a name is taken, or that the passwords differ.
    fn typed(&mut self, cx: &mut Cx) {
        password::compare(&mut self.form);
        let key = match self.form.focused() {
            key @ ("username" | "email") => key,
            _ => return,
        };
        let text = self.form.text(key);
        if text.is_empty() || !self.form.is_changed(key) || self.form.error(key).is_some() {
            return;
        }
        let other = cx.desk.user_by_name(&cx.actor(), &text).ok();
        if other.is_some_and(|id| self.of.is_none_or(|(own, _)| own != id)) {
            self.form.set_error(key, "is taken");
        }
    }

    fn save(&mut self, cx: &mut Cx) -> Outcome {
        let changes = own_changes(&self.form);
        let actor = cx.actor();
        if let Some((id, rev)) = self.of {
            return match cx.desk.edit_user(&actor, id, rev, changes) {
                Ok((user, commit)) => {
                    let what = if commit.is_some() { "saved" } else { "unchanged" };
                    cx.ok(format!("{} is {what}.", user.display_name()));
                    Outcome::Pop
                }
                Err(e) => self.refused(&e, cx),
            };
        }
        if !password::same(&mut self.form) {
            return Outcome::Stay;
        }
        let role = self.form.id("role").and_then(|c| u8::try_from(c).ok()).and_then(Role::from_code);
        let role = role.unwrap_or(Role::User);
        let password = Zeroizing::new(self.form.exact("password"));
        let desk = cx.desk.clone();
        let work = move || {
            let password = Some(&**password).filter(|p| !p.is_empty());
            desk.add_user(&actor, role, changes, password).map(|(user, _)| user)
        };
        cx.job("Adding the account…", work, Self::added);
        Outcome::Stay
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        self.form.draw(frame, crate::ui::layout::below(area, u16::from(area.height > 12)), theme);
    }

    fn changed(&mut self, changed: Option<&Changed>, cx: &mut Cx) {
        let (Some((id, rev)), Some(changed)) = (self.of, changed) else { return };
        if changed.actor.who == cx.actor().who || !changed.records.contains(&(Kind::User, id.0)) {
            return;
        }
        if cx.desk.user(&cx.actor(), id).is_ok_and(|card| card.user.version.rev != rev) {
            let who = cx.desk.name_of(&cx.actor(), changed.actor.who);
            self.take_in(&format!("{who} changed this account just now. What you typed is kept"), cx);
        }
    }
}
