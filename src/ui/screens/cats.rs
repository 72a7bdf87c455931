//! The cats: a list with a query line and, where there is room, the marked cat beside it.

use ratatui::{Frame, layout::Rect, style::Style};

use super::{cat::CatDetail, cat_form::CatForm, cat_page};
use crate::{
    desk::{CatCard, CatLine},
    model::{
        AgeBand, Altered, CatId, CatStatusKind, Gender, Kind, Permission,
        query::{CatQuery, CatSort, Choice, NameTerm, Query as _, Sort},
    },
    session::event::Input,
    store::Changed,
    ui::{
        Bind, Command, Cx, Key, Outcome, Screen, Theme, bind,
        keys::ENTER,
        layout::{below, pane_line, panes, row},
        list::{Column, List},
        picker::Item,
        query_line::{QueryDid, QueryLine},
        sheet::Sheet,
    },
};

/// The keys of the list of cats.
pub const KEYS: &[Bind] = &[
    bind(&[ENTER], Command::Open),
    bind(&[Key::ch('/')], Command::Search),
    bind(&[Key::ch('f')], Command::Filter),
    bind(&[Key::ch('s')], Command::Sort),
    bind(&[Key::ch('a')], Command::ClearSearch),
    bind(&[Key::ch('n')], Command::New),
    bind(&[Key::ch('e')], Command::Edit),
];

const NAME: Column<CatLine> = Column::new("Name", 11, 0, |c: &CatLine| (&*c.name).into()).grow(3);
const BREED: Column<CatLine> = Column::new("Breed", 18, 2, |c: &CatLine| (&*c.breed).into()).grow(1);
const AGE: Column<CatLine> = Column::new("Age", 9, 3, |c: &CatLine| (&*c.age).into());
const SEX: Column<CatLine> = Column::new("Sex", 6, 6, |c: &CatLine| sex(c).into());
const COLOUR: Column<CatLine> = Column::new("Colour", 12, 7, |c: &CatLine| (&*c.colour).into()).grow(1);

const STAFF: &[Column<CatLine>] = &[
    NAME,
    Column::new("Status", 9, 1, |c: &CatLine| status(c).into()).style(status_style),
    BREED,
    AGE,
    Column::new("Tag", 8, 5, |c: &CatLine| c.tag.as_deref().unwrap_or_default().into()),
    Column::new("Waits", 6, 1, |c: &CatLine| c.waiting.map(|days| format!("{days} d")).unwrap_or_default().into())
        .right(),
    Column::new("Asked", 5, 4, |c: &CatLine| {
        if c.requests > 0 { c.requests.to_string() } else { String::new() }.into()
    })
    .right(),
    SEX,
    COLOUR,
    Column::new("Health", 12, 8, |c: &CatLine| (&*c.health).into()).grow(1),
];

const OTHERS: &[Column<CatLine>] = &[NAME, BREED, AGE, SEX, COLOUR];

/// The least columns of the list beside a cat.
const LIST_WIDTH: u16 = 76;
/// The least columns of a cat beside the list.
const CARD_WIDTH: u16 = 40;

fn sex(cat: &CatLine) -> &'static str {
    match cat.gender {
        Gender::Unknown => "",
        known => known.label(),
    }
}

/// The status, or what says more than it: where a cat on offer is. A hold or an approval is never hidden.
fn status(cat: &CatLine) -> &'static str {
    match cat {
        c if c.archived => "Archived",
        c if c.in_foster && c.status == CatStatusKind::Available => "In foster",
        c => c.status.label(),
    }
}

fn status_style(cat: &CatLine, theme: Theme) -> Style {
    match cat.status {
        _ if cat.archived => theme.muted(),
        CatStatusKind::Available => theme.ok(),
        CatStatusKind::OnHold => theme.warn(),
        CatStatusKind::Pending => theme.accent(),
        CatStatusKind::Adopted | CatStatusKind::Departed => theme.muted(),
    }
}

/// An order in words.
const fn order(sort: Sort<CatSort>) -> &'static str {
    match (sort.key, sort.reversed) {
        (CatSort::Waiting, false) => "longest waiting first",
        (CatSort::Waiting, true) => "shortest waiting first",
        (CatSort::Name, false) => "by name",
        (CatSort::Name, true) => "by name, from the end",
        (CatSort::Age, false) => "youngest first",
        (CatSort::Age, true) => "oldest first",
        (CatSort::Newest, false) => "newest record first",
        (CatSort::Newest, true) => "oldest record first",
    }
}

/// One thing to filter by.
#[derive(Debug, Clone)]
enum Filter {
    Status(CatStatusKind),
    Breed(String),
    Health(String),
    Band(AgeBand),
    Gender(Gender),
    Altered(Altered),
    InFoster,
    Archived,
}

impl Filter {
    /// Everything there is to filter by, with what the menu calls it.
    fn all(cx: &mut Cx) -> Vec<(Self, String)> {
        let actor = cx.actor();
        let staff = cx.may(Permission::SeeCats);
        let mut all = Vec::new();
        if staff {
            all.extend(CatStatusKind::ALL.iter().map(|s| (Self::Status(*s), format!("status: {}", s.label()))));
        }
        all.extend(AgeBand::ALL.iter().map(|b| (Self::Band(*b), format!("age: {}", b.label()))));
        all.extend(Gender::ALL.iter().map(|g| (Self::Gender(*g), format!("sex: {}", g.label()))));
        all.extend(Altered::ALL.iter().map(|a| (Self::Altered(*a), format!("altered: {}", a.label()))));
        if staff {
            all.push((Self::InFoster, "in a foster home".to_owned()));
            all.push((Self::Archived, "archived".to_owned()));
        }
        let breeds = cx.desk.breeds(&actor).unwrap_or_default();
        all.extend(breeds.into_iter().map(|b| (Self::Breed(b.name.clone()), format!("breed: {}", b.name))));
        let health = cx.desk.health_statuses(&actor).unwrap_or_default();
        all.extend(health.into_iter().map(|h| (Self::Health(h.name.clone()), format!("health: {}", h.name))));
        all
    }

    /// Puts it into a query, in the place of another one of its kind.
    fn apply(self, query: &mut CatQuery) {
        match self {
            Self::Status(status) => query.status = Choice::of([status]),
            Self::Breed(name) => query.breed = Choice::of([NameTerm::Is(name)]),
            Self::Health(name) => query.health = Choice::of([NameTerm::Is(name)]),
            Self::Band(band) => query.band = Choice::of([band]),
            Self::Gender(gender) => query.gender = Choice::of([gender]),
            Self::Altered(altered) => query.altered = Choice::of([altered]),
            Self::InFoster => query.foster = Some(true),
            Self::Archived => query.archived = Some(true),
        }
    }
}

/// The list of cats.
pub struct Cats {
    query: QueryLine,
    list: List<CatLine>,
    /// The list has to be asked for again; from its beginning when the question is another one.
    stale: Option<bool>,
    staff: bool,
    order: &'static str,
    /// The cat beside the list, while there is room for it.
    beside: Option<(CatId, Sheet)>,
}

impl Cats {
    /// The cats that a query line asks for.
    pub fn new(line: &str, cx: &Cx) -> Self {
        Self {
            query: QueryLine::new(line),
            list: List::default(),
            stale: Some(true),
            staff: cx.may(Permission::SeeCats),
            order: "",
            beside: None,
        }
    }

    fn selected(&self) -> Option<CatId> {
        self.list.selected().map(CatId)
    }

    /// Changes the query and prints it back into its line.
    fn requery(&mut self, cx: &Cx, change: impl FnOnce(&mut CatQuery)) {
        let mut query = CatQuery::parse(self.query.text(), cx.today).query;
        change(&mut query);
        self.query.set(&query.to_line());
        self.stale = Some(true);
    }

    fn ask_filter(&self, cx: &mut Cx) {
        let all = Filter::all(cx);
        let items = all.iter().enumerate().map(|(i, (_, name))| Item::new(i as u32, name, "")).collect();
        cx.choose("Show only", items, move |me: &mut Self, id, cx| {
            if let Some((filter, _)) = all.into_iter().nth(id as usize) {
                me.requery(cx, |query| filter.apply(query));
            }
            Outcome::Stay
        });
    }

    fn ask_sort(&self, cx: &mut Cx) {
        let items = CatSort::ALL.iter().enumerate().flat_map(|(i, key)| {
            let words = |reversed| order(Sort { key: *key, reversed });
            [Item::new(i as u32 * 2, words(false), ""), Item::new(i as u32 * 2 + 1, words(true), "")]
        });
        cx.choose("Sort", items.collect(), |me: &mut Self, id, cx| {
            if let Some(key) = CatSort::ALL.get(id as usize / 2) {
                me.requery(cx, |query| query.sort = Sort { key: *key, reversed: id % 2 == 1 });
            }
            Outcome::Stay
        });
    }

    /// The room of the list, and that of the cat beside it.
    fn areas(area: Rect) -> (Rect, Option<Rect>) {
        // A cat needs no more than so much; the rest goes to the list.
        let list = LIST_WIDTH.max(area.width.saturating_sub(CARD_WIDTH * 3 / 2 + 3));
        let (list, card) = panes(below(area, 2), list, CARD_WIDTH);
        (list, card.map(|card| below(card, 1)))
    }

    fn names(key: &str, cx: &Cx) -> Vec<String> {
        let lines = match key {
            "breed" => cx.desk.breeds(&cx.actor()),
            "health" => cx.desk.health_statuses(&cx.actor()),
            _ => return Vec::new(),
        };
        lines.unwrap_or_default().into_iter().map(|line| line.name).collect()
    }
}

impl Screen for Cats {
    fn title(&self) -> String {
        "Cats".to_owned()
    }

    fn keys(&self) -> &'static [Bind] {
        KEYS
    }

    fn enabled(&self, command: Command, cx: &Cx) -> bool {
        match command {
            Command::Open => self.selected().is_some(),
            Command::Edit => self.selected().is_some() && cx.may(Permission::ManageCats),
            Command::New => cx.may(Permission::ManageCats),
            Command::ClearSearch => !self.query.text().is_empty(),
            _ => true,
        }
    }

    fn run(&mut self, command: Command, cx: &mut Cx) -> Outcome {
        match command {
            Command::Open => return self.selected().map_or(Outcome::Pass, |id| Outcome::push(CatDetail::new(id))),
            Command::Edit => {
                let Some(id) = self.selected() else { return Outcome::Pass };
                return CatForm::edit(id, cx).map_or(Outcome::Stay, Outcome::push);
            }
            Command::New => return Outcome::push(CatForm::add(cx)),
            Command::Search => self.query.focus(),
            Command::ClearSearch => {
                self.query.set("");
                self.stale = Some(true);
            }
            Command::Filter => self.ask_filter(cx),
            Command::Sort => self.ask_sort(cx),
            other if self.list.run(other) => {}
            _ => return Outcome::Pass,
        }
        Outcome::Stay
    }

    fn input(&mut self, input: &Input, cx: &mut Cx) -> Option<Outcome> {
        match self.query.input(input, |line, cursor| CatQuery::complete(line, cursor, &|key| Self::names(key, cx))) {
            QueryDid::Ignored => return None,
            QueryDid::Used => {}
            QueryDid::Changed => self.stale = Some(true),
        }
        Some(Outcome::Stay)
    }

    fn query(&self) -> Option<&QueryLine> {
        Some(&self.query)
    }

    fn prepare(&mut self, area: Rect, cx: &mut Cx) {
        let actor = cx.actor();
        if let Some(anew) = self.stale.take() {
            let parsed = CatQuery::parse(self.query.text(), cx.today);
            self.query.set_errors(parsed.errors);
            let best = !parsed.query.text.is_empty();
            self.order = if best { "best match first" } else { order(parsed.query.sort) };
            match (cx.shown(cx.desk.cats(&actor, &parsed.query)).unwrap_or_default(), anew) {
                (ids, true) => self.list.reset(ids),
                (ids, false) => self.list.set_ids(ids),
            }
            self.beside = None;
        }
        let (list, card) = Self::areas(area);
        let desk = &cx.desk;
        self.list.prepare(list, |ids| {
            let rows = desk.cat_rows(&actor, ids).unwrap_or_default();
            rows.into_iter().map(|cat| (cat.id.0, cat)).collect()
        });
        let wanted = card.and(self.selected());
        if self.beside.as_ref().map(|(id, _)| *id) != wanted {
            let read = |id| cx.desk.cat(&actor, id).ok().map(|card: CatCard| (id, cat_page::brief(&card, cx)));
            self.beside = wanted.and_then(read);
        }
        if let (Some((_, sheet)), Some(card)) = (&mut self.beside, card) {
            sheet.prepare(card);
        }
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        self.query.draw(frame, row(area, 0), theme);
        let (list, card) = Self::areas(area);
        let empty = match (self.query.text().is_empty(), self.staff) {
            (false, _) => "No cat like that. a shows all of them again.",
            (true, true) => {
                "No cats yet. n adds the first one; on the command line, clowder import takes a whole file."
            }
            (true, false) => "No cat is on offer just now.",
        };
        let columns = if self.staff { STAFF } else { OTHERS };
        self.list.draw(frame.buffer_mut(), list, columns, empty, theme);
        if let (Some((_, sheet)), Some(card)) = (&self.beside, card) {
            pane_line(frame.buffer_mut(), list, theme);
            sheet.draw_unmarked(frame.buffer_mut(), card, theme);
        }
    }

    fn changed(&mut self, changed: Option<&Changed>, _cx: &mut Cx) {
        // No records: what was there in part is now there whole.
        if changed.is_none_or(|c| c.records.is_empty() || c.records.iter().any(|(kind, _)| *kind != Kind::User)) {
            self.stale = self.stale.or(Some(false));
        }
    }

    fn status(&self) -> String {
        if self.list.ids().is_empty() { String::new() } else { format!("{}  {}", self.list.position(), self.order) }
    }
}
