//! An applicant's own words: asking for a cat, and changing what was said.

use ratatui::{Frame, layout::Rect};

use super::{request::RequestDetail, verdict};
use crate::{
    desk::RequestCard,
    model::{CatId, Error, HistoryEvent, RequestId, limits},
    ui::{
        Cx, FormScreen, Outcome, Theme,
        cx::{Tone, sentence},
        field::Field,
        form::Form,
        layout::{below, put_wrapped},
    },
};

enum Purpose {
    Ask(CatId),
    Edit { request: RequestId, rev: u32 },
}

/// Notes to a request.
pub struct Notes {
    purpose: Purpose,
    title: String,
    says: String,
    form: Form,
}

const HINT: &str = "your home, other animals, experience, when we can reach you; Ctrl-S sends it";

impl Notes {
    /// Asks for a cat in one's own name.
    pub fn ask(cat: CatId, cat_name: &str, cx: &Cx) -> Self {
        let field = Field::area("notes", "Notes", "", limits::NOTES).hint(HINT);
        Self {
            purpose: Purpose::Ask(cat),
            title: format!("Ask for {cat_name}"),
            says: format!(
                "You ask to adopt {cat_name}. You get a place in the queue, in the order of asking, and you can \
                 withdraw at any time. What should the shelter know of you?"
            ),
            form: Form::new(vec![field], cx.today),
        }
    }

    /// Changes the notes of a request.
    pub fn edit(card: &RequestCard, cx: &Cx) -> Self {
        let field = Field::area("notes", "Notes", &card.request.notes, limits::NOTES).hint("Ctrl-S saves it");
        Self {
            purpose: Purpose::Edit { request: card.request.id, rev: card.request.version.rev },
            title: format!("Notes for {}", card.cat.display_name()),
            says: question(card),
            form: Form::new(vec![field], cx.today),
        }
    }
}

/// What the shelter asked and waits to hear.
fn question(card: &RequestCard) -> String {
    if !card.request.awaiting_reply || card.staff {
        return String::new();
    }
    let mut asked = card.request.history.iter().rev().filter(|item| item.event == HistoryEvent::AskedForMore);
    asked.next().map(|item| format!("The shelter asks: {}", item.note)).unwrap_or_default()
}

impl FormScreen for Notes {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn form(&self) -> &Form {
        &self.form
    }

    fn form_mut(&mut self) -> &mut Form {
        &mut self.form
    }

    fn save(&mut self, cx: &mut Cx) -> Outcome {
        let notes = self.form.text("notes");
        let actor = cx.actor();
        let result = match self.purpose {
            Purpose::Ask(cat) => cx.desk.ask(&actor, cat, &notes),
            Purpose::Edit { request, rev } => cx.desk.edit_notes(&actor, request, rev, &notes),
        };
        match result {
            Ok(request) if matches!(self.purpose, Purpose::Ask(_)) => {
                cx.ok("You are in the queue. Here you can follow your request.");
                Outcome::replace(RequestDetail::new(request.id, cx))
            }
            Ok(_) => {
                cx.ok("Notes saved.");
                Outcome::Pop
            }
            Err(error) => {
                let Some(error) = self.form.show_error(&error) else { return Outcome::Stay };
                verdict::refuse(&error, cx);
                // The conflict names who was first.
                if let (Error::Conflict { .. }, Purpose::Edit { request, rev }) = (&error, &mut self.purpose)
                    && let Ok(card) = cx.desk.request(&actor, *request)
                {
                    *rev = card.request.version.rev;
                    self.says = question(&card);
                    let text = sentence(&error.to_string());
                    cx.say(Tone::Error, format!("{text} Your words are still here: save again to send them."));
                }
                Outcome::Stay
            }
        }
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        let room = Rect { x: area.x + 2.min(area.width), width: area.width.saturating_sub(4), ..area };
        let used = match self.says.as_str() {
            "" => 0,
            // The question goes before the text only where both have room.
            says if area.height > 10 => put_wrapped(frame.buffer_mut(), below(room, 1), says, theme.text()) + 2,
            _ => 0,
        };
        self.form.draw(frame, below(area, used), theme);
    }
}
