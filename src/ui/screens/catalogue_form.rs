//! A breed or a health status in a form.

use ratatui::{Frame, layout::Rect};

use super::catalogue_page::CataloguePage;
use crate::{
    desk::{Catalogue, CatalogueChange as Change, CatalogueEntry},
    model::{Error, limits},
    store::Changed,
    ui::{Cx, FormScreen, Outcome, Theme, field::Field, form::Form},
};

/// Adds or changes a breed or a health status.
pub struct CatalogueForm {
    which: Catalogue,
    /// Its number and the revision that the form began with; `None` for a new one.
    of: Option<(u32, u32)>,
    /// What it was called at first.
    name: String,
    form: Form,
}

fn fields(which: Catalogue, entry: &CatalogueEntry) -> Vec<Field> {
    let sound = |change: fn(String) -> Change| {
        move |text: &str, _| match change(text.to_owned()).check() {
            Err(Error::Invalid(mut errors)) if !errors.is_empty() => Err(errors.remove(0).message),
            _ => Ok(()),
        }
    };
    let (about, hint) = match which {
        Catalogue::Breeds => ("Care", "characteristics and care"),
        Catalogue::Health => ("Care", "care or treatment, what the staff must know"),
    };
    let mut fields =
        vec![Field::line("name", "Name", &entry.name, limits::NAME).required().check_text(sound(Change::Name))];
    if which == Catalogue::Health {
        fields.push(
            Field::toggle("prevents_adoption", "Not adopted", entry.prevents_adoption)
                .hint("a cat in this state is not adopted; Space changes it"),
        );
    }
    fields.push(
        Field::area("description", about, &entry.description, limits::DESCRIPTION)
            .check_text(sound(Change::Description))
            .hint(hint),
    );
    fields
}

impl CatalogueForm {
    /// A new one.
    pub fn add(which: Catalogue, cx: &Cx) -> Self {
        Self {
            which,
            of: None,
            name: String::new(),
            form: Form::new(fields(which, &CatalogueEntry::default()), cx.today),
        }
    }

    /// The one with this number; `None`, with the reason said, when it cannot be read.
    pub fn edit(which: Catalogue, id: u32, cx: &mut Cx) -> Option<Self> {
        let entry = cx.shown(which.entry(&cx.desk, &cx.actor(), id))?;
        let form = Form::new(fields(which, &entry), cx.today);
        Some(Self { which, of: Some((id, entry.rev)), name: entry.name, form })
    }

    fn changes(&self) -> Vec<Change> {
        let form = &self.form;
        let mut changes = Vec::new();
        if form.is_changed("name") {
            changes.push(Change::Name(form.text("name")));
        }
        if form.is_changed("description") {
            changes.push(Change::Description(form.text("description")));
        }
        if form.is_changed("prevents_adoption") {
            changes.push(Change::PreventsAdoption(form.flag("prevents_adoption")));
        }
        changes
    }
}

impl FormScreen for CatalogueForm {
    fn title(&self) -> String {
        if self.of.is_some() { format!("Change {}", self.name) } else { format!("New {}", self.which.one()) }
    }

    fn form(&self) -> &Form {
        &self.form
    }

    fn form_mut(&mut self) -> &mut Form {
        &mut self.form
    }

    fn reread(&mut self, cx: &mut Cx) -> Option<Vec<Field>> {
        let (id, _) = self.of?;
        let entry = cx.shown(self.which.entry(&cx.desk, &cx.actor(), id))?;
        self.of = Some((id, entry.rev));
        Some(fields(self.which, &entry))
    }

    fn save(&mut self, cx: &mut Cx) -> Outcome {
        let (actor, name) = (cx.actor(), self.form.text("name"));
        let result = match self.of {
            Some((id, rev)) => self.which.edit(&cx.desk, &actor, id, rev, self.changes()).map(|(_, commit)| {
                cx.ok(format!("{name} is {}.", if commit.is_some() { "saved" } else { "unchanged" }));
                Outcome::Pop
            }),
            None => self.which.add(&cx.desk, &actor, self.changes()).map(|(entry, _)| {
                cx.ok(format!("{name} is added."));
                Outcome::replace(CataloguePage::new(self.which, entry.id, cx))
            }),
        };
        result.unwrap_or_else(|error| self.refused(&error, cx))
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        self.form.draw(frame, crate::ui::layout::below(area, u16::from(area.height > 10)), theme);
    }

    fn changed(&mut self, changed: Option<&Changed>, cx: &mut Cx) {
        let (Some((id, rev)), Some(changed)) = (self.of, changed) else { return };
        if changed.actor.who == cx.actor().who || !changed.records.contains(&(self.which.kind(), id)) {
            return;
        }
        if self.which.entry(&cx.desk, &cx.actor(), id).is_ok_and(|entry| entry.rev != rev) {
            let who = cx.desk.name_of(&cx.actor(), changed.actor.who);
            let one = self.which.one();
            self.take_in(&format!("{who} changed this {one} just now. What you typed is kept"), cx);
        }
    }
}
