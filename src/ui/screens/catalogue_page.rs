//! One breed, or one health status.

use ratatui::{Frame, layout::Rect};

use super::{audit::History, catalogue::ask_delete, catalogue_form::CatalogueForm};
use crate::{
    desk::{Catalogue, CatalogueEntry},
    model::{Error, Kind, Permission},
    store::Changed,
    ui::{
        Bind, Command, Cx, Key, Outcome, Screen, Theme, bind,
        keys::ENTER,
        sheet::{Ink, Sheet},
    },
};

/// The keys of one breed or health status.
pub const KEYS: &[Bind] = &[
    bind(&[Key::ch('c'), ENTER], Command::OpenCats),
    bind(&[Key::ch('e')], Command::Edit),
    bind(&[Key::ch('D')], Command::Delete),
    bind(&[Key::ch('h')], Command::History),
];

/// One breed, or one health status.
pub struct CataloguePage {
    which: Catalogue,
    id: u32,
    entry: Option<CatalogueEntry>,
    sheet: Sheet,
    stale: bool,
    gone: bool,
}

impl CataloguePage {
    /// The one with this number.
    pub fn new(which: Catalogue, id: u32, cx: &mut Cx) -> Self {
        let mut screen = Self { which, id, entry: None, sheet: Sheet::default(), stale: true, gone: false };
        screen.refresh(cx);
        screen
    }

    fn refresh(&mut self, cx: &mut Cx) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        match self.which.entry(&cx.desk, &cx.actor(), self.id) {
            Ok(entry) => (self.entry, self.gone) = (Some(entry), false),
            Err(Error::NotFound { .. }) if self.entry.is_some() => self.gone = true,
            Err(e) => cx.fail(&e),
        }
        self.fill(cx);
    }

    fn fill(&mut self, cx: &Cx) {
        let Some(entry) = &self.entry else { return };
        let sheet = &mut self.sheet;
        sheet.clear();
        if self.gone {
            sheet.text(format!("This {} is no longer there.", self.which.one()), Ink::Error);
            sheet.gap();
        }
        sheet.field("Name", &*entry.name);
        if self.which == Catalogue::Health {
            let words = if entry.prevents_adoption {
                ("A cat in this state is not adopted.", Ink::Warn)
            } else {
                ("A cat in this state can be adopted.", Ink::Plain)
            };
            sheet.pieces("Adoption", vec![(words.0.to_owned(), words.1)]);
        }
        if let Ok(uses) = self.which.uses(&cx.desk, &cx.actor(), self.id) {
            let words = match uses {
                0 => "none".to_owned(),
                n => format!("{n} (c lists them)"),
            };
            sheet.field("Cats", words);
        }
        sheet.heading(match self.which {
            Catalogue::Breeds => "Characteristics and care",
            Catalogue::Health => "Care or treatment",
        });
        if entry.description.is_empty() {
            sheet.text("Nothing is written down yet.", Ink::Muted);
        } else {
            sheet.text(&*entry.description, Ink::Plain);
        }
    }
}

impl Screen for CataloguePage {
    fn title(&self) -> String {
        self.entry.as_ref().map_or_else(String::new, |e| e.name.clone())
    }

    fn keys(&self) -> &'static [Bind] {
        KEYS
    }

    fn enabled(&self, command: Command, cx: &Cx) -> bool {
        match command {
            Command::Edit | Command::Delete => self.entry.is_some() && !self.gone && cx.may(Permission::ManageCats),
            _ => true,
        }
    }

    fn run(&mut self, command: Command, cx: &mut Cx) -> Outcome {
        match command {
            Command::OpenCats => {
                if let Some(entry) = &self.entry {
                    return super::on_top(super::cats(&self.which.query(&entry.name), cx));
                }
            }
            Command::Edit => return CatalogueForm::edit(self.which, self.id, cx).map_or(Outcome::Stay, Outcome::push),
            Command::Delete => ask_delete(self.which, self.id, cx, |me: &mut Self, _, done| {
                me.stale = true;
                if done.is_some() { Outcome::Pop } else { Outcome::Stay }
            }),
            Command::History => return Outcome::push(History::of(self.which.kind(), self.id, cx)),
            other if self.sheet.run(other) => {}
            _ => return Outcome::Pass,
        }
        Outcome::Stay
    }

    fn prepare(&mut self, area: Rect, cx: &mut Cx) {
        self.refresh(cx);
        self.sheet.prepare(area);
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        self.sheet.draw(frame.buffer_mut(), area, theme);
    }

    fn changed(&mut self, changed: Option<&Changed>, _cx: &mut Cx) {
        let own = (self.which.kind(), self.id);
        self.stale |= changed.is_none_or(|c| c.records.iter().any(|r| *r == own || r.0 == Kind::Cat));
    }

    fn resumed(&mut self, _cx: &mut Cx) {
        self.stale = true;
    }

    fn status(&self) -> String {
        self.sheet.status()
    }
}
