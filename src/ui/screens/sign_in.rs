//! Signing in.

use ratatui::{Frame, layout::Rect};

use crate::{
    model::{Actor, Error, limits},
    session::event::Input,
    ui::{
        Bind, Command, Cx, Key, Outcome, Screen, Theme, bind,
        cx::Tone,
        field::Field,
        form::{Form, FormDid},
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

    fn sign_in(&mut self, cx: &mut Cx) -> Outcome {
        let (name, password) = (self.form.text("username"), self.form.exact("password"));
        let (desk, door, address) = (cx.desk.clone(), cx.door, cx.address.clone());
        cx.job("Signing in…", move || desk.sign_in(&name, &password, door, address), Self::answered);
        Outcome::Stay
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

impl Screen for SignIn {
    fn title(&self) -> String {
        "Sign in".to_owned()
    }

    fn keys(&self) -> &'static [Bind] {
        KEYS
    }

    fn moves(&self) -> bool {
        false
    }

    fn run(&mut self, command: Command, cx: &mut Cx) -> Outcome {
        match command {
            Command::Save if !cx.is_busy() => self.sign_in(cx),
            _ => Outcome::Pass,
        }
    }

    fn input(&mut self, input: &Input, cx: &mut Cx) -> Option<Outcome> {
        if cx.is_busy() {
            return Some(Outcome::Stay);
        }
        match self.form.input(input, cx) {
            FormDid::Ignored => None,
            FormDid::Used => Some(Outcome::Stay),
            FormDid::Save => Some(self.sign_in(cx)),
        }
    }

    fn is_typing(&self) -> bool {
        true
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        put(frame.buffer_mut(), row(area, 1), "  The adoption desk", theme.muted());
        self.form.draw(frame, below(area, 3.min(area.height.saturating_sub(3))), theme);
    }
}
