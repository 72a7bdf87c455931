//! Screens that are one form.

use std::any::Any;

use ratatui::{Frame, layout::Rect};

use super::{
    Bind, Command, Cx, Key, Outcome, Screen, Theme, bind,
    cx::{Tone, sentence},
    field::Field,
    form::{Form, FormDid},
};
use crate::{model::Error, session::event::Input, store::Changed};

/// The keys of every form.
pub const KEYS: &[Bind] = &[bind(&[Key::ctrl('s')], Command::Save)];

/// A screen that is one form: what is typed goes into it, and nothing does while its work goes on.
pub trait FormScreen: Any {
    /// Its name, for the header.
    fn title(&self) -> String;

    /// Its keys.
    fn keys(&self) -> &'static [Bind] {
        KEYS
    }

    /// Its form.
    fn form(&self) -> &Form;

    /// Its form, to be filled.
    fn form_mut(&mut self) -> &mut Form;

    /// Something was typed: says what the fields cannot know by themselves.
    fn typed(&mut self, _cx: &mut Cx) {}

    /// Saves; every field can be taken as far as the form can tell.
    fn save(&mut self, cx: &mut Cx) -> Outcome;

    /// The fields as they are in the store now, from where what is typed goes on. `None` where nobody else can come
    /// between; when they cannot be read, with the reason said.
    fn reread(&mut self, _cx: &mut Cx) -> Option<Vec<Field>> {
        None
    }

    /// Another's change, of which `words` tell, comes into the fields that were not touched.
    fn take_in(&mut self, words: &str, cx: &mut Cx) {
        let Some(fresh) = self.reread(cx) else { return };
        self.form_mut().take_in(fresh, cx.today);
        cx.say(Tone::Warn, sentence(words));
    }

    /// Says why nothing was saved. When somebody else was first, their change is taken in.
    fn refused(&mut self, error: &Error, cx: &mut Cx) -> Outcome {
        match error {
            Error::Conflict { .. } => {
                self.take_in(&format!("{error}. What you typed is still here: save again to go on"), cx);
            }
            _ => self.form_mut().tell(error, cx),
        }
        Outcome::Stay
    }

    /// Draws the form, and what stands beside it.
    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme);

    /// A commit, by anybody; `None` when anything may have changed.
    fn changed(&mut self, _changed: Option<&Changed>, _cx: &mut Cx) {}

    /// Whether leaving would lose what was typed.
    fn is_dirty(&self) -> bool {
        self.form().is_dirty()
    }
}

impl<F: FormScreen> Screen for F {
    fn title(&self) -> String {
        FormScreen::title(self)
    }

    fn keys(&self) -> &'static [Bind] {
        FormScreen::keys(self)
    }

    fn moves(&self) -> bool {
        false
    }

    fn run(&mut self, command: Command, cx: &mut Cx) -> Outcome {
        match command {
            Command::Save if cx.is_busy() || !self.form_mut().check(cx.today) => Outcome::Stay,
            Command::Save => self.save(cx),
            _ => Outcome::Pass,
        }
    }

    fn input(&mut self, input: &Input, cx: &mut Cx) -> Option<Outcome> {
        if cx.is_busy() {
            return Some(Outcome::Stay);
        }
        match self.form_mut().input(input, cx) {
            FormDid::Ignored => None,
            FormDid::Used => {
                self.typed(cx);
                Some(Outcome::Stay)
            }
            FormDid::Save => Some(self.save(cx)),
        }
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        FormScreen::draw(self, frame, area, theme);
    }

    fn changed(&mut self, changed: Option<&Changed>, cx: &mut Cx) {
        FormScreen::changed(self, changed, cx);
    }

    fn is_dirty(&self) -> bool {
        FormScreen::is_dirty(self)
    }

    fn is_typing(&self) -> bool {
        true
    }
}
