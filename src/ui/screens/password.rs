//! A new password, typed twice: one's own, or somebody's as an admin.

use ratatui::{Frame, layout::Rect};
use zeroize::Zeroizing;

use crate::{
    model::{Error, UserId, limits},
    ui::{Cx, FormScreen, Outcome, Theme, field::Field, form::Form, layout::put_above},
};

/// Sets a password.
pub struct PasswordForm {
    /// Whose; one's own when `None`.
    whose: Option<(UserId, String)>,
    form: Form,
}

/// The two fields of a new password, for any form that sets one.
pub(super) fn fields() -> [Field; 2] {
    [
        Field::password("password", "New password")
            .check_text(|text, _| check(text))
            .hint(format!("at least {} characters; a short sentence is good", limits::PASSWORD_MIN)),
        Field::password("again", "Once more"),
    ]
}

fn check(text: &str) -> Result<(), String> {
    match text.chars().count() {
        0 => Ok(()),
        n if n < limits::PASSWORD_MIN => Err(format!("needs at least {} characters", limits::PASSWORD_MIN)),
        _ => Ok(()),
    }
}

/// Compares the two while they are typed: no reproach before the second one is longer than the first's beginning.
pub(super) fn compare(form: &mut Form) {
    let (first, again) = (form.exact("password"), form.exact("again"));
    let differs = !again.is_empty() && !first.starts_with(&*again);
    if differs {
        form.set_error("again", "is not the same password");
    }
}

/// Whether both are the same; otherwise it is said at the second one.
pub(super) fn same(form: &mut Form) -> bool {
    let same = form.exact("password") == form.exact("again");
    if !same {
        form.show_error(&Error::invalid("again", "is not the same password"));
    }
    same
}

impl PasswordForm {
    /// One's own password, which takes the old one.
    pub fn own(cx: &Cx) -> Self {
        let [new, again] = fields();
        let old = Field::password("old", "Old password").required();
        Self { whose: None, form: Form::new(vec![old, new.required(), again], cx.today) }
    }

    /// Somebody's.
    pub fn of(id: UserId, name: String, cx: &Cx) -> Self {
        let [new, again] = fields();
        Self { whose: Some((id, name)), form: Form::new(vec![new.required(), again], cx.today) }
    }

    fn answered(&mut self, answer: Option<Result<String, Error>>, cx: &mut Cx) -> Outcome {
        match answer {
            Some(Ok(message)) => {
                cx.ok(message);
                return Outcome::Pop;
            }
            Some(Err(e)) => self.form.tell(&e, cx),
            None => cx.fault(),
        }
        Outcome::Stay
    }
}

impl FormScreen for PasswordForm {
    fn title(&self) -> String {
        "Password".to_owned()
    }

    fn form(&self) -> &Form {
        &self.form
    }

    fn form_mut(&mut self) -> &mut Form {
        &mut self.form
    }

    fn typed(&mut self, _cx: &mut Cx) {
        compare(&mut self.form);
    }

    fn save(&mut self, cx: &mut Cx) -> Outcome {
        if !same(&mut self.form) {
            return Outcome::Stay;
        }
        let (desk, actor) = (cx.desk.clone(), cx.actor());
        let new = Zeroizing::new(self.form.exact("password"));
        match &self.whose {
            Some((id, _)) => {
                let id = *id;
                cx.job(
                    "Setting the password…",
                    move || desk.reset_password(&actor, id, &new).map(|done| done.message),
                    Self::answered,
                );
            }
            None => {
                let old = Zeroizing::new(self.form.exact("old"));
                cx.job(
                    "Changing your password…",
                    move || desk.change_password(&actor, &old, &new).map(|()| "Your password is changed.".to_owned()),
                    Self::answered,
                );
            }
        }
        Outcome::Stay
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        let text = match &self.whose {
            Some((_, name)) => format!("A new password for {name}. The old one stops working at once."),
            None => "A new password for your own account.".to_owned(),
        };
        let room = put_above(frame.buffer_mut(), area, 7, &text, theme.text());
        self.form.draw(frame, room, theme);
    }
}
