//! A cat in a form: a new one, or the record of one that is there. Only what was changed is sent.

use ratatui::{Frame, layout::Rect};

use super::cat::CatDetail;
use crate::{
    desk::{CatChange, CatalogueLine},
    model::{Altered, BreedId, Cat, CatId, Day, Error, Gender, HealthId, IntakeKind, Kind, limits},
    store::Changed,
    ui::{
        Cx, FormScreen, Outcome, Theme,
        cx::Tone,
        field::{Field, Source},
        form::Form,
        layout::below,
        picker::Item,
    },
};

/// Adds or changes a cat.
pub struct CatForm {
    /// The cat and the revision that the form began with; `None` for a new one.
    of: Option<(CatId, u32)>,
    title: String,
    form: Form,
}

/// Checks one change of a cat while it is typed.
fn sound(change: impl Fn(String) -> CatChange + 'static) -> impl Fn(&str, Day) -> Result<(), String> {
    move |text, today| change(text.to_owned()).check(today).map_err(|e| e.message)
}

fn items(lines: Vec<CatalogueLine>) -> Vec<Item> {
    let uses = |n: u64| if n == 1 { "1 cat".to_owned() } else { format!("{n} cats") };
    lines.into_iter().map(|line| Item::new(line.id, line.name, uses(line.cats))).collect()
}

fn chosen(items: &[Item], id: Option<u32>) -> Option<Item> {
    items.iter().find(|item| Some(item.id) == id).cloned()
}

/// The fields of a cat, filled with what it has.
fn fields(cat: &Cat, new: bool, cx: &mut Cx) -> Option<Vec<Field>> {
    let actor = cx.actor();
    let breeds = items(cx.shown(cx.desk.breeds(&actor))?);
    let health = items(cx.shown(cx.desk.health_statuses(&actor))?);
    let (breed, state) = (chosen(&breeds, cat.breed.map(|b| b.0)), chosen(&health, cat.health.map(|h| h.0)));
    let stay = cat.current_stay();
    let intake = if new { Some(cx.today) } else { stay.map(|s| s.intake) };
    let kind = stay.map_or(IntakeKind::Stray, |s| s.kind);
    let fields = vec![
        Field::line("name", "Name", &cat.name, limits::NAME)
            .check_text(sound(CatChange::Name))
            .hint("may stay empty while it has a tag"),
        Field::line("tag", "Tag", cat.tag.as_deref().unwrap_or_default(), limits::TAG)
            .check_text(sound(|text| CatChange::Tag(Some(text))))
            .hint("the shelter's own animal number"),
        Field::pick("breed", "Breed", Source::All(breeds), breed).hint("a few letters find it; Backspace empties it"),
        Field::born("born", "Born", cat.born),
        Field::choice("gender", "Sex", coded(Gender::ALL, Gender::code, Gender::label), cat.gender.code().into())
            .hint("the first letter, or the arrows"),
        Field::choice(
            "altered",
            "Altered",
            coded(Altered::ALL, Altered::code, Altered::label),
            cat.altered.code().into(),
        )
        .hint("spayed or neutered"),
        Field::line("colour", "Colour", &cat.colour, limits::COLOUR).check_text(sound(CatChange::Colour)),
        Field::pick("health", "Health", Source::All(health), state).hint("a few letters find it; Backspace empties it"),
        Field::area("description", "Description", &cat.description, limits::DESCRIPTION)
            .check_text(sound(CatChange::Description))
            .hint("what people should know; Tab leaves the field"),
        Field::line("image_url", "Picture", cat.image_url.as_deref().unwrap_or_default(), limits::URL)
            .check_text(sound(|text| CatChange::ImageUrl(Some(text).filter(|t| !t.is_empty()))))
            .hint("the address of a picture"),
        Field::day("intake", "Came in", intake).hint("the first day of this stay: 2024-05-12, today, -3d"),
        Field::choice(
            "intake_kind",
            "How",
            coded(IntakeKind::ALL, IntakeKind::code, IntakeKind::label),
            kind.code().into(),
        ),
    ];
    Some(fields)
}

fn coded<T: Copy>(all: &[T], code: fn(T) -> u8, label: fn(T) -> &'static str) -> Vec<(u32, String)> {
    all.iter().map(|v| (code(*v).into(), label(*v).to_owned())).collect()
}

/// What was changed in the fields; all that is filled in for a new cat.
fn changes(form: &Form, new: bool, today: Day) -> Vec<CatChange> {
    let filled = |text: String| Some(text).filter(|t| !t.is_empty());
    let code = |key: &str| form.id(key).and_then(|c| u8::try_from(c).ok());
    let mut changes = Vec::new();
    for key in ["name", "tag", "breed", "born", "gender", "altered", "colour", "health", "description", "image_url"] {
        if !form.is_changed(key) {
            continue;
        }
        changes.push(match key {
            "name" => CatChange::Name(form.text(key)),
            "tag" => CatChange::Tag(filled(form.text(key))),
            "breed" => CatChange::Breed(form.id(key).map(BreedId)),
            "born" => CatChange::Born(form.born(key, today)),
            "gender" => CatChange::Gender(code(key).and_then(Gender::from_code).unwrap_or(Gender::Unknown)),
            "altered" => CatChange::Altered(code(key).and_then(Altered::from_code).unwrap_or(Altered::Unknown)),
            "colour" => CatChange::Colour(form.text(key)),
            "health" => CatChange::Health(form.id(key).map(HealthId)),
            "description" => CatChange::Description(form.text(key)),
            _ => CatChange::ImageUrl(filled(form.text(key))),
        });
    }
    let kind = code("intake_kind").and_then(IntakeKind::from_code).unwrap_or(IntakeKind::Other);
    if let Some(day) = form.day("intake", today)
        && (new || form.is_changed("intake") || form.is_changed("intake_kind"))
    {
        changes.push(CatChange::Intake(day, kind));
    }
    changes
}

impl CatForm {
    /// A new cat.
    pub fn add(cx: &mut Cx) -> Self {
        let fields = fields(&Cat::new(""), true, cx).unwrap_or_default();
        Self { of: None, title: "New cat".to_owned(), form: Form::new(fields, cx.today) }
    }

    /// The record of a cat; `None`, with the reason said, when it cannot be read.
    pub fn edit(id: CatId, cx: &mut Cx) -> Option<Self> {
        let card = cx.shown(cx.desk.cat(&cx.actor(), id))?;
        let fields = fields(&card.cat, false, cx)?;
        let title = format!("Change {}", card.cat.display_name());
        Some(Self { of: Some((id, card.cat.version.rev)), title, form: Form::new(fields, cx.today) })
    }

    fn failed(&mut self, error: &Error, cx: &mut Cx) -> Outcome {
        if matches!(error, Error::NotFound { .. }) && self.of.is_some() {
            cx.say(Tone::Error, "Somebody deleted this cat meanwhile; nothing was saved.");
            return Outcome::Stay;
        }
        self.refused(error, cx)
    }
}

impl FormScreen for CatForm {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn form(&self) -> &Form {
        &self.form
    }

    fn form_mut(&mut self) -> &mut Form {
        &mut self.form
    }

    fn reread(&mut self, cx: &mut Cx) -> Option<Vec<Field>> {
        let (id, _) = self.of?;
        let card = cx.shown(cx.desk.cat(&cx.actor(), id))?;
        let fresh = fields(&card.cat, false, cx)?;
        self.of = Some((id, card.cat.version.rev));
        Some(fresh)
    }

    /// Says at the field, while it is typed, that another cat has this tag.
    fn typed(&mut self, cx: &mut Cx) {
        let tag = self.form.text("tag");
        if self.form.focused() != "tag" || tag.is_empty() || !self.form.is_changed("tag") {
            return;
        }
        let other = cx.desk.cat_by_tag(&cx.actor(), &tag).ok();
        if other.is_some_and(|id| self.of.is_none_or(|(own, _)| own != id)) {
            self.form.set_error("tag", "is another cat's");
        }
    }

    fn save(&mut self, cx: &mut Cx) -> Outcome {
        let changes = changes(&self.form, self.of.is_none(), cx.today);
        let actor = cx.actor();
        let Some((id, rev)) = self.of else {
            return match cx.desk.add_cat(&actor, changes) {
                Ok((cat, _)) => {
                    cx.ok(format!("{} is in the shelter's books.", cat.display_name()));
                    Outcome::replace(CatDetail::new(cat.id))
                }
                Err(e) => self.failed(&e, cx),
            };
        };
        if changes.is_empty() {
            cx.ok("Nothing was changed.");
            return Outcome::Pop;
        }
        match cx.desk.edit_cat(&actor, id, rev, changes) {
            Ok((cat, _)) => {
                cx.ok(format!("{} is saved. u undoes it.", cat.display_name()));
                Outcome::Pop
            }
            Err(e) => self.failed(&e, cx),
        }
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        self.form.draw(frame, below(area, u16::from(area.height > 20)), theme);
    }

    fn changed(&mut self, changed: Option<&Changed>, cx: &mut Cx) {
        let (Some((id, rev)), Some(changed)) = (self.of, changed) else { return };
        if changed.actor.who == cx.actor().who || !changed.records.contains(&(Kind::Cat, id.0)) {
            return;
        }
        match cx.desk.cat(&cx.actor(), id) {
            Ok(card) if card.cat.version.rev != rev => {
                let who = cx.desk.name_of(&cx.actor(), changed.actor.who);
                self.take_in(&format!("{who} changed this cat just now. What you typed is kept"), cx);
            }
            Err(Error::NotFound { .. }) => cx.say(Tone::Error, "Somebody deleted this cat just now."),
            _ => {}
        }
    }
}
