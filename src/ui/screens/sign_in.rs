//! Signing in.

use ratatui::{Frame, layout::Rect};
use zeroize::Zeroizing;

use crate::{
    model::{Actor, Error, limits},
    ui::{
        Bind, Command, Cx, FormScreen, Key, Outcome, Theme, bind,
        cx::Tone,
        field::Field,
        form::Form,
        layout::{below, put, row},
    },
};

/// The keys of this screen.
pub const KEYS: &[Bind] = &[bind(&[Key::ctrl('s')], Command::Save).quiet()];

/// Asks for name and password.
pub struct SignIn {
    form: Form,
}

impl SignIn {
    /// With empty fields.
    pub fn new(cx: &Cx) -> Self {
        let fields = vec![
            Field::line("username", "Name", "", limits::EMAIL).required().hint("your sign-in name or e-mail address"),
            Field::password("password", "Password").hint("Enter to sign in"),
        ];
        Self { form: Form::new(fields, cx.today) }
    }

    fn answered(&mut self, answer: Option<Result<Actor, Error>>, cx: &mut Cx) -> Outcome {
        match answer {
            Some(Ok(actor)) => cx.sign_in(actor),
            Some(Err(e)) => {
                cx.fail(&e);
                let fields = vec![Field::password("password", "Password").hint("Enter to sign in")];
                self.form.replace_after("username", fields);
                self.form.set_focus("password");
            }
            None => cx.say(Tone::Error, "Signing in failed because of a fault in the program."),
        }
        Outcome::Stay
    }
}

impl FormScreen for SignIn {
    fn title(&self) -> String {
        "Sign in".to_owned()
    }

    fn keys(&self) -> &'static [Bind] {
        KEYS
    }

    fn form(&self) -> &Form {
        &self.form
    }

    fn form_mut(&mut self) -> &mut Form {
        &mut self.form
    }

    fn save(&mut self, cx: &mut Cx) -> Outcome {
        let name = self.form.text("username");
        let password = Zeroizing::new(self.form.exact("password"));
        let (desk, door, address) = (cx.desk.clone(), cx.door, cx.address.clone());
        cx.job("Signing in…", move || desk.sign_in(&name, &password, door, address), Self::answered);
        Outcome::Stay
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        put(frame.buffer_mut(), row(area, 1), "  The adoption desk", theme.muted());
        self.form.draw(frame, below(area, 3.min(area.height.saturating_sub(3))), theme);
    }

    fn is_dirty(&self) -> bool {
        false
    }
}
