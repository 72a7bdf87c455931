//! Taking a request for a walk-in or a caller, with the applicant's account made in the same form.

use ratatui::{Frame, layout::Rect};

use super::{request::RequestDetail, verdict};
use crate::{
    desk::{ApplicantRef, UserChange},
    model::{CatId, Error, Need, UserId, limits, text::fold},
    ui::{
        Cx, FormScreen, Outcome, Theme,
        cx::sentence,
        field::{Field, Source},
        form::Form,
        layout::{below, put_wrapped},
        picker::Item,
    },
};

/// How many a picker is given.
const PICKED: usize = 60;
/// The choice of somebody who has an account.
const KNOWN: u32 = 0;
/// The choice of somebody who has none.
const NEW: u32 = 1;

/// Takes a request for somebody.
pub struct TakeRequest {
    form: Form,
    /// The cat and the applicant that `need` is about.
    asked: (Option<u32>, u32, Option<u32>),
    /// What stands in the way, in words; empty when nothing does.
    stands: String,
    refused: bool,
    needs_reason: bool,
    touched: bool,
}

fn cats(typed: &str, cx: &mut Cx) -> Vec<Item> {
    let found = cx.shown(cx.desk.pick_cats(&cx.actor(), typed, PICKED)).unwrap_or_default();
    found.into_iter().map(|line| Item::new(line.id, line.label, line.note)).collect()
}

fn people(typed: &str, cx: &mut Cx) -> Vec<Item> {
    let found = cx.shown(cx.desk.pick_people(&cx.actor(), typed, PICKED)).unwrap_or_default();
    found.into_iter().map(|line| Item::new(line.id, line.label, line.note)).collect()
}

/// What was typed into the fields that come and go.
#[derive(Default)]
struct Typed {
    person: Option<Item>,
    full_name: String,
    phone: String,
    email: String,
    username: String,
    notes: String,
    reason: String,
}

impl TakeRequest {
    /// For a cat.
    pub fn new(cat: CatId, cx: &mut Cx) -> Self {
        Self::of(Some(cat), cx)
    }

    /// For a cat to be picked.
    pub fn any(cx: &mut Cx) -> Self {
        Self::of(None, cx)
    }

    fn of(cat: Option<CatId>, cx: &mut Cx) -> Self {
        let rows = cat.map(|id| cx.desk.cat_rows(&cx.actor(), &[id.0]));
        let chosen = match rows {
            Some(Ok(rows)) => rows.into_iter().next().map(|row| Item::new(row.id.0, row.name, "")),
            _ => None,
        };
        let found = chosen.is_some();
        let mut fields = vec![
            Field::pick("cat", "Cat", Source::Search(cats), chosen).required().hint("a few letters of its name or tag"),
            Field::choice(
                "who",
                "Applicant",
                [(KNOWN, "has an account".to_owned()), (NEW, "is new".to_owned())],
                KNOWN,
            )
            .hint("left and right: whether the person has an account already"),
        ];
        fields.extend(rest(KNOWN, false, &Typed::default()));
        let mut form = Form::new(fields, cx.today);
        if found {
            form.set_focus("who");
        }
        let asked = (None, KNOWN, None);
        let mut screen =
            Self { form, asked, stands: String::new(), refused: false, needs_reason: false, touched: false };
        screen.look(cx);
        screen
    }

    /// Asks the desk what stands in the way whenever the cat or the applicant is another one.
    fn look(&mut self, cx: &mut Cx) {
        let who = self.form.id("who").unwrap_or(KNOWN);
        let person = if who == KNOWN { self.form.id("person") } else { None };
        let asked = (self.form.id("cat"), who, person);
        if asked == self.asked {
            return;
        }
        let other_kind = asked.1 != self.asked.1;
        self.asked = asked;
        let needed = self.needs_reason;
        (self.stands, self.refused, self.needs_reason) = (String::new(), false, false);
        if let Some(cat) = asked.0 {
            match cx.desk.preview_take(&cx.actor(), CatId(cat), person.map(UserId)) {
                Ok(Need::Required(rule)) => {
                    self.stands = format!("Only with a reason: {}", sentence(&rule));
                    self.needs_reason = true;
                }
                Ok(_) => {}
                Err(error) => {
                    self.stands = match &error {
                        Error::Refused { rule, overridable_by: Some(_) } => {
                            format!("{} An admin can override this, with a reason.", sentence(rule))
                        }
                        other => sentence(&other.to_string()),
                    };
                    self.refused = true;
                }
            }
        }
        if other_kind || needed != self.needs_reason {
            let typed = self.so_far(cx);
            let focus = self.form.focused();
            self.form.replace_after("who", rest(who, self.needs_reason, &typed));
            self.form.set_focus(focus);
        }
    }

    fn so_far(&self, cx: &mut Cx) -> Typed {
        let person = self.form.id("person").and_then(|id| {
            let rows = cx.desk.user_rows(&cx.actor(), &[id]).ok()?;
            let row = rows.into_iter().next()?;
            let name = if row.full_name.is_empty() { row.username } else { row.full_name };
            Some(Item::new(id, name, ""))
        });
        Typed {
            person,
            full_name: self.form.text("full_name"),
            phone: self.form.text("phone"),
            email: self.form.text("email"),
            username: self.form.text("username"),
            notes: self.form.text("notes"),
            reason: self.form.text("reason"),
        }
    }
}

/// The fields below the choice.
fn rest(who: u32, needs_reason: bool, typed: &Typed) -> Vec<Field> {
    let mut fields = if who == NEW {
        vec![
            Field::line("full_name", "Full name", &typed.full_name, limits::NAME).required(),
            Field::line("phone", "Telephone", &typed.phone, limits::PHONE)
                .check_text(|text, _| UserChange::Phone(text.to_owned()).check().map_err(|e| e.message)),
            Field::line("email", "E-mail", &typed.email, limits::EMAIL)
                .check_text(|text, _| UserChange::Email(Some(text.to_owned())).check().map_err(|e| e.message)),
            Field::line("username", "Sign-in name", &typed.username, limits::USERNAME)
                .hint("may stay empty: it is made from the name")
                .check_text(|text, _| match text.trim() {
                    "" => Ok(()),
                    text => UserChange::Username(text.to_owned()).check().map_err(|e| e.message),
                }),
        ]
    } else {
        vec![
            Field::pick("person", "Person", Source::Search(people), typed.person.clone())
                .required()
                .hint("a few letters of the name or the sign-in name"),
        ]
    };
    fields.push(Field::area("notes", "Notes", &typed.notes, limits::NOTES).hint("their own words; Ctrl-S saves"));
    if needs_reason {
        let reason = Field::line("reason", "Reason", &typed.reason, limits::REASON).required();
        fields.push(reason.hint("why the rule above does not stand in the way here"));
    }
    fields
}

/// Sign-in names made from a name, to be tried in turn.
fn usernames(full_name: &str) -> Vec<String> {
    /// How many people of one name there can be before one has to be typed.
    const TRIES: usize = 30;
    let folded = fold(full_name);
    let words: Vec<&str> = folded.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut name = words.join(".");
    name.truncate(limits::USERNAME - 3);
    let name = name.trim_end_matches('.');
    let name = if name.len() < 2 { "guest" } else { name };
    std::iter::once(name.to_owned()).chain((2..TRIES).map(|n| format!("{name}{n}"))).collect()
}

impl FormScreen for TakeRequest {
    fn title(&self) -> String {
        "Take a request".to_owned()
    }

    fn form(&self) -> &Form {
        &self.form
    }

    fn form_mut(&mut self) -> &mut Form {
        &mut self.form
    }

    fn typed(&mut self, cx: &mut Cx) {
        self.touched |= self.form.is_dirty();
        self.look(cx);
    }

    fn save(&mut self, cx: &mut Cx) -> Outcome {
        let Some(cat) = self.form.id("cat").map(CatId) else { return Outcome::Stay };
        let notes = self.form.text("notes");
        let reason = Some(self.form.text("reason")).filter(|_| self.needs_reason);
        let actor = cx.actor();
        let result = if self.form.id("who") == Some(NEW) {
            let given = self.form.text("username");
            let names = if given.is_empty() { usernames(&self.form.text("full_name")) } else { vec![given] };
            let mut result = Err(Error::invalid("username", "is needed"));
            for name in names {
                let changes = vec![
                    UserChange::Username(name),
                    UserChange::FullName(self.form.text("full_name")),
                    UserChange::Phone(self.form.text("phone")),
                    UserChange::Email(Some(self.form.text("email"))),
                ];
                result = cx.desk.take_request(&actor, cat, ApplicantRef::New(changes), &notes, reason.clone());
                let taken =
                    matches!(&result, Err(Error::Invalid(errors)) if errors.iter().any(|e| e.field == "username"));
                if !taken {
                    break;
                }
            }
            result
        } else {
            match self.form.id("person") {
                Some(id) => cx.desk.take_request(&actor, cat, ApplicantRef::Existing(UserId(id)), &notes, reason),
                None => Err(Error::invalid("person", "is needed")),
            }
        };
        match result {
            Ok(request) => {
                cx.ok("The request is taken.");
                Outcome::replace(RequestDetail::new(request.id, cx))
            }
            Err(error) => {
                if let Some(rest) = self.form.show_error(&error) {
                    verdict::refuse(&rest, cx);
                }
                Outcome::Stay
            }
        }
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        let room = Rect { x: area.x + 2.min(area.width), width: area.width.saturating_sub(4), ..area };
        let style = if self.refused { theme.error() } else { theme.warn() };
        let used = if self.stands.is_empty() || area.height < 8 {
            u16::from(area.height > 12)
        } else {
            put_wrapped(frame.buffer_mut(), Rect { height: 3, ..room }, &self.stands, style) + 1
        };
        self.form.draw(frame, below(area, used), theme);
    }

    fn is_dirty(&self) -> bool {
        self.touched || self.form.is_dirty()
    }
}

#[cfg(test)]
mod tests {
    use super::usernames;

    #[test]
    fn sign_in_names_come_from_names() {
        assert_eq!(usernames("Élodie van der Berg")[..2], ["elodie.van.der.berg", "elodie.van.der.berg2"]);
        assert_eq!(usernames("三毛 猫")[0], "guest");
        assert_eq!(usernames(&"long ".repeat(20))[29 - 1].len(), 31);
    }
}
