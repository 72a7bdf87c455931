//! Somebody makes an account for themselves.

use ratatui::{Frame, layout::Rect};
use zeroize::Zeroizing;

use super::password;
use crate::{
    desk::UserChange,
    model::{Actor, Error, limits},
    ui::{Cx, FormScreen, Outcome, Theme, field::Field, form::Form, layout::put_above},
};

/// Makes an account with the role user.
pub struct Register {
    form: Form,
}

impl Register {
    /// With empty fields.
    pub fn new(cx: &Cx) -> Self {
        let [password, again] = password::fields();
        let fields = vec![
            Field::line("username", "Sign-in name", "", limits::USERNAME).required().hint("letters, digits, . _ -"),
            Field::line("full_name", "Your name", "", limits::NAME),
            Field::line("email", "E-mail", "", limits::EMAIL),
            Field::line("phone", "Phone", "", limits::PHONE),
            password.required(),
            again.required(),
        ];
        Self { form: Form::new(fields, cx.today) }
    }

    fn answered(&mut self, answer: Option<Result<Actor, Error>>, cx: &mut Cx) -> Outcome {
        match answer {
            Some(Ok(actor)) => {
                cx.sign_in(actor);
                cx.ok("Welcome. Next time sign in with this name and password.");
            }
            Some(Err(e)) => self.form.tell(&e, cx),
            None => cx.fault(),
        }
        Outcome::Stay
    }
}

impl FormScreen for Register {
    fn title(&self) -> String {
        "New account".to_owned()
    }

    fn form(&self) -> &Form {
        &self.form
    }

    fn form_mut(&mut self) -> &mut Form {
        &mut self.form
    }

    fn typed(&mut self, _cx: &mut Cx) {
        password::compare(&mut self.form);
    }

    fn save(&mut self, cx: &mut Cx) -> Outcome {
        if !password::same(&mut self.form) {
            return Outcome::Stay;
        }
        let changes = vec![
            UserChange::Username(self.form.text("username")),
            UserChange::FullName(self.form.text("full_name")),
            UserChange::Email(Some(self.form.text("email")).filter(|e| !e.is_empty())),
            UserChange::Phone(self.form.text("phone")),
        ];
        let password = Zeroizing::new(self.form.exact("password"));
        let (desk, door, address) = (cx.desk.clone(), cx.door, cx.address.clone());
        let work = move || desk.register(changes, &password, door, address);
        cx.job("Making the account…", work, Self::answered);
        Outcome::Stay
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        let text = "Welcome to the shelter. With an account you can look at cats and ask for one:";
        let room = put_above(frame.buffer_mut(), area, 8, text, theme.text());
        self.form.draw(frame, room, theme);
    }

    fn is_dirty(&self) -> bool {
        false
    }
}
