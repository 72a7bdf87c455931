//! Breeds and health statuses: one list, one page and one form for both.

use ratatui::{Frame, layout::Rect};

use super::{audit::History, catalogue_form::CatalogueForm};
use crate::{
    desk::{BreedChange, CatalogueLine, Desk, Done, HealthChange},
    model::{Actor, BreedId, Error, HealthId, Kind, Permission, Result, text::fold},
    session::event::Input,
    store::Changed,
    ui::{
        Bind, Command, Confirm, Cx, Key, Outcome, Screen, Theme, bind,
        keys::{DOWN_BIND, ENTER, FIRST_BIND, LAST_BIND, PAGE_DOWN_BIND, PAGE_UP_BIND, UP_BIND},
        layout::{below, row},
        list::{Column, List},
        query_line::{QueryDid, QueryLine},
        sheet::{Ink, Sheet},
    },
};

/// Which of the two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Catalogue {
    /// Breeds.
    Breeds,
    /// Health statuses.
    Health,
}

/// A breed or a health status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Entry {
    pub id: u32,
    pub rev: u32,
    pub name: String,
    pub description: String,
    /// Only health statuses have it.
    pub prevents_adoption: bool,
}

/// One change of an entry.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Name(String),
    Description(String),
    PreventsAdoption(bool),
}

impl Change {
    fn of_breed(self) -> Option<BreedChange> {
        match self {
            Self::Name(text) => Some(BreedChange::Name(text)),
            Self::Description(text) => Some(BreedChange::Description(text)),
            Self::PreventsAdoption(_) => None,
        }
    }

    fn of_health(self) -> HealthChange {
        match self {
            Self::Name(text) => HealthChange::Name(text),
            Self::Description(text) => HealthChange::Description(text),
            Self::PreventsAdoption(yes) => HealthChange::PreventsAdoption(yes),
        }
    }

    /// Whether the value by itself can be taken.
    pub fn check(self) -> std::result::Result<(), String> {
        match self.of_health().check() {
            Err(Error::Invalid(mut errors)) if !errors.is_empty() => Err(errors.remove(0).message),
            _ => Ok(()),
        }
    }
}

impl Catalogue {
    /// The kind of its records.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Breeds => Kind::Breed,
            Self::Health => Kind::Health,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Breeds => "Breeds",
            Self::Health => "Health statuses",
        }
    }

    /// `breed`, `health status`.
    pub(super) const fn one(self) -> &'static str {
        match self {
            Self::Breeds => "breed",
            Self::Health => "health status",
        }
    }

    fn lines(self, desk: &Desk, actor: &Actor) -> Result<Vec<CatalogueLine>> {
        match self {
            Self::Breeds => desk.breeds(actor),
            Self::Health => desk.health_statuses(actor),
        }
    }

    pub(super) fn entry(self, desk: &Desk, actor: &Actor, id: u32) -> Result<Entry> {
        Ok(match self {
            Self::Breeds => {
                let breed = desk.breed(actor, BreedId(id))?;
                Entry {
                    id,
                    rev: breed.version.rev,
                    name: breed.name,
                    description: breed.description,
                    prevents_adoption: false,
                }
            }
            Self::Health => {
                let status = desk.health_status(actor, HealthId(id))?;
                Entry {
                    id,
                    rev: status.version.rev,
                    name: status.name,
                    description: status.description,
                    prevents_adoption: status.prevents_adoption,
                }
            }
        })
    }

    /// How many cats have it; `None` for those who may not see every cat.
    fn uses(self, desk: &Desk, actor: &Actor, id: u32) -> Option<u64> {
        match self {
            Self::Breeds => desk.breed_uses(actor, BreedId(id)).ok(),
            Self::Health => desk.health_uses(actor, HealthId(id)).ok(),
        }
    }

    /// Adds one; answers its number.
    pub(super) fn add(self, desk: &Desk, actor: &Actor, changes: Vec<Change>) -> Result<u32> {
        Ok(match self {
            Self::Breeds => desk.add_breed(actor, changes.into_iter().filter_map(Change::of_breed).collect())?.0.id.0,
            Self::Health => desk.add_health(actor, changes.into_iter().map(Change::of_health).collect())?.0.id.0,
        })
    }

    /// Changes one; answers whether anything was different.
    pub(super) fn edit(self, desk: &Desk, actor: &Actor, id: u32, rev: u32, changes: Vec<Change>) -> Result<bool> {
        Ok(match self {
            Self::Breeds => {
                let changes = changes.into_iter().filter_map(Change::of_breed).collect();
                desk.edit_breed(actor, BreedId(id), rev, changes)?.1.is_some()
            }
            Self::Health => {
                let changes = changes.into_iter().map(Change::of_health).collect();
                desk.edit_health(actor, HealthId(id), rev, changes)?.1.is_some()
            }
        })
    }

    fn preview_delete(self, desk: &Desk, actor: &Actor, id: u32) -> Result<String> {
        match self {
            Self::Breeds => desk.preview_delete_breed(actor, BreedId(id)),
            Self::Health => desk.preview_delete_health(actor, HealthId(id)),
        }
    }

    fn delete(self, desk: &Desk, actor: &Actor, id: u32, rev: u32) -> Result<Done> {
        match self {
            Self::Breeds => desk.delete_breed(actor, BreedId(id), rev),
            Self::Health => desk.delete_health(actor, HealthId(id), rev),
        }
    }

    /// The query line of the cats that have the entry.
    fn query(self, name: &str) -> String {
        let key = match self {
            Self::Breeds => "breed",
            Self::Health => "health",
        };
        format!("{key}=\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// Asks before one is deleted, with what that will do; `then` runs on the screen that asked.
fn ask_delete<S: Screen>(
    which: Catalogue,
    id: u32,
    cx: &mut Cx,
    then: impl FnOnce(&mut S, &mut Cx, Option<Done>) -> Outcome + 'static,
) {
    let actor = cx.actor();
    let found = which.entry(&cx.desk, &actor, id).and_then(|e| Ok((e, which.preview_delete(&cx.desk, &actor, id)?)));
    let Some((entry, preview)) = cx.shown(found) else { return };
    // The first sentence of the preview is the question itself.
    let asked = format!("Delete {}. ", entry.name);
    let follows = preview.strip_prefix(&asked).unwrap_or(&preview).to_owned();
    let confirm = Confirm {
        title: format!("Delete {}?", entry.name),
        lines: vec![follows],
        yes: "delete".to_owned(),
        danger: true,
    };
    cx.confirm(confirm, move |me: &mut S, cx| {
        let done = cx.shown(which.delete(&cx.desk, &cx.actor(), id, entry.rev));
        if let Some(done) = &done {
            cx.ok(done.message.clone());
        }
        then(me, cx, done)
    });
}

/// The keys of the list of breeds and of the list of health statuses.
pub const LIST_KEYS: &[Bind] = &[
    UP_BIND,
    DOWN_BIND,
    PAGE_UP_BIND,
    PAGE_DOWN_BIND,
    FIRST_BIND,
    LAST_BIND,
    bind(&[ENTER], Command::Open),
    bind(&[Key::ch('/')], Command::Search),
    bind(&[Key::ch('c')], Command::OpenCats),
    bind(&[Key::ch('n')], Command::New),
    bind(&[Key::ch('e')], Command::Edit),
    bind(&[Key::ch('D')], Command::Delete),
    bind(&[Key::ch('s')], Command::Sort),
    bind(&[Key::ch('a')], Command::ClearSearch),
];

const NAME: Column<CatalogueLine> = Column::new("Name", 20, 0, |l: &CatalogueLine| (&*l.name).into()).grow(2);
const CATS: Column<CatalogueLine> = Column::new("Cats", 7, 1, |l: &CatalogueLine| l.cats.to_string().into()).right();
const PREVENTS: Column<CatalogueLine> =
    Column::new(
        "Adoption",
        12,
        2,
        |l: &CatalogueLine| if l.prevents_adoption { "prevents it".into() } else { "".into() },
    )
    .style(|_, theme| theme.warn());

/// Keeps the columns together on a wide screen.
const ROOM: Column<CatalogueLine> = Column::new("", 0, 9, |_: &CatalogueLine| "".into()).grow(3);

/// The columns by which list it is, and by whether the person sees every cat.
const BREED_COLUMNS: &[Column<CatalogueLine>] = &[NAME, CATS, ROOM];
const HEALTH_COLUMNS: &[Column<CatalogueLine>] = &[NAME, PREVENTS, CATS, ROOM];

/// The list of breeds, or of health statuses.
pub struct CatalogueList {
    which: Catalogue,
    query: QueryLine,
    lines: Vec<CatalogueLine>,
    list: List<CatalogueLine>,
    by_cats: bool,
    counts: bool,
    /// What the list shows has to be worked out again; from its beginning when the question is another one.
    stale: Option<bool>,
}

impl CatalogueList {
    /// All of them by name.
    pub fn new(which: Catalogue, cx: &mut Cx) -> Self {
        let mut screen = Self {
            which,
            query: QueryLine::new(""),
            lines: Vec::new(),
            list: List::default(),
            by_cats: false,
            counts: false,
            stale: Some(true),
        };
        screen.refresh(cx);
        screen
    }

    fn refresh(&mut self, cx: &mut Cx) {
        let Some(anew) = self.stale.take() else { return };
        self.lines = cx.shown(self.which.lines(&cx.desk, &cx.actor())).unwrap_or_default();
        self.counts = cx.may(Permission::SeeCats);
        if self.by_cats {
            self.lines.sort_by_key(|line| std::cmp::Reverse(line.cats));
        }
        let wanted = fold(self.query.text());
        let fits = |line: &&CatalogueLine| wanted.split(' ').all(|word| fold(&line.name).contains(word));
        let ids = self.lines.iter().filter(fits).map(|line| line.id).collect();
        if anew { self.list.reset(ids) } else { self.list.set_ids(ids) }
    }
}

impl Screen for CatalogueList {
    fn title(&self) -> String {
        self.which.title().to_owned()
    }

    fn keys(&self) -> &'static [Bind] {
        LIST_KEYS
    }

    fn enabled(&self, command: Command, cx: &Cx) -> bool {
        let any = self.list.selected().is_some();
        match command {
            Command::Open => any,
            Command::OpenCats => any && cx.may(Permission::SeeOffered),
            Command::New => cx.may(Permission::ManageCats),
            Command::Edit | Command::Delete => any && cx.may(Permission::ManageCats),
            Command::ClearSearch => !self.query.text().is_empty(),
            Command::Sort => self.counts,
            _ => true,
        }
    }

    fn run(&mut self, command: Command, cx: &mut Cx) -> Outcome {
        self.refresh(cx);
        let which = self.which;
        match (command, self.list.selected()) {
            (Command::Open, Some(id)) => return Outcome::push(CataloguePage::new(which, id, cx)),
            (Command::Edit, Some(id)) => {
                return CatalogueForm::edit(which, id, cx).map_or(Outcome::Stay, Outcome::push);
            }
            (Command::Delete, Some(id)) => ask_delete(which, id, cx, |me: &mut Self, cx, _| {
                me.stale = Some(false);
                me.refresh(cx);
                Outcome::Stay
            }),
            (Command::OpenCats, Some(id)) => {
                if let Some(line) = self.lines.iter().find(|line| line.id == id) {
                    return super::on_top(super::cats(&which.query(&line.name), cx));
                }
            }
            (Command::New, _) => return Outcome::push(CatalogueForm::add(which, cx)),
            (Command::Search, _) => self.query.focus(),
            (Command::ClearSearch, _) => {
                self.query.set("");
                self.stale = Some(true);
                self.refresh(cx);
            }
            (Command::Sort, _) => {
                self.by_cats = !self.by_cats;
                self.stale = Some(true);
                self.refresh(cx);
                cx.ok(if self.by_cats { "Most cats first." } else { "Sorted by name." });
            }
            (other, _) => {
                if !self.list.run(other) {
                    return Outcome::Pass;
                }
            }
        }
        Outcome::Stay
    }

    fn input(&mut self, input: &Input, cx: &mut Cx) -> Option<Outcome> {
        match self.query.input(input) {
            QueryDid::Ignored => return None,
            QueryDid::Changed => self.stale = Some(true),
            QueryDid::Used | QueryDid::Complete => {}
        }
        self.refresh(cx);
        Some(Outcome::Stay)
    }

    fn is_typing(&self) -> bool {
        self.query.is_focused()
    }

    fn typing_keys(&self) -> &'static [(&'static str, &'static str)] {
        self.query.typing_keys()
    }

    fn prepare(&mut self, area: Rect, cx: &mut Cx) {
        self.refresh(cx);
        let lines = &self.lines;
        self.list.prepare(below(area, 2), |ids| {
            ids.iter().filter_map(|id| Some((*id, lines.iter().find(|line| line.id == *id)?.clone()))).collect()
        });
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        let cursor = self.query.draw(frame.buffer_mut(), row(area, 0), theme);
        let columns = match (self.which, self.counts) {
            (Catalogue::Breeds, true) => BREED_COLUMNS,
            (Catalogue::Breeds, false) => &BREED_COLUMNS[..1],
            (Catalogue::Health, true) => HEALTH_COLUMNS,
            (Catalogue::Health, false) => &HEALTH_COLUMNS[..2],
        };
        let empty = if self.query.text().is_empty() { "None yet." } else { "None like that. a shows all again." };
        self.list.draw(frame.buffer_mut(), below(area, 2), columns, empty, theme);
        if let Some(cursor) = cursor {
            frame.set_cursor_position(cursor);
        }
    }

    fn changed(&mut self, changed: Option<&Changed>, _cx: &mut Cx) {
        let kind = self.which.kind();
        // Cats too: their number stands in the list.
        if changed.is_none_or(|c| c.records.iter().any(|(k, _)| *k == kind || *k == Kind::Cat)) {
            self.stale = self.stale.or(Some(false));
        }
    }

    fn status(&self) -> String {
        self.list.position()
    }
}

/// The keys of one breed or health status.
pub const PAGE_KEYS: &[Bind] = &[
    UP_BIND,
    DOWN_BIND,
    PAGE_UP_BIND,
    PAGE_DOWN_BIND,
    FIRST_BIND,
    LAST_BIND,
    bind(&[Key::ch('c'), ENTER], Command::OpenCats),
    bind(&[Key::ch('e')], Command::Edit),
    bind(&[Key::ch('D')], Command::Delete),
    bind(&[Key::ch('h')], Command::History),
];

/// One breed, or one health status.
pub struct CataloguePage {
    which: Catalogue,
    id: u32,
    entry: Option<Entry>,
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
        if let Some(uses) = self.which.uses(&cx.desk, &cx.actor(), self.id) {
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
        PAGE_KEYS
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
            other => {
                if !self.sheet.run(other) {
                    return Outcome::Pass;
                }
            }
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
