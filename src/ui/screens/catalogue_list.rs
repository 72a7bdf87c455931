//! The list of breeds, and the list of health statuses.

use ratatui::{Frame, layout::Rect};

use super::{catalogue::ask_delete, catalogue_form::CatalogueForm, catalogue_page::CataloguePage};
use crate::{
    desk::{Catalogue, CatalogueLine},
    model::{Kind, Permission, text::fold},
    session::event::Input,
    store::Changed,
    ui::{
        Bind, Command, Cx, Key, Outcome, Screen, Theme, bind,
        keys::ENTER,
        layout::{below, row},
        list::{Column, List},
        query_line::{QueryDid, QueryLine},
    },
};

/// The keys of the list of breeds and of the list of health statuses.
pub const KEYS: &[Bind] = &[
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
        KEYS
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
            (other, _) if self.list.run(other) => {}
            _ => return Outcome::Pass,
        }
        Outcome::Stay
    }

    fn input(&mut self, input: &Input, cx: &mut Cx) -> Option<Outcome> {
        match self.query.input(input, |_, _| None) {
            QueryDid::Ignored => return None,
            QueryDid::Used => {}
            QueryDid::Changed => self.stale = Some(true),
        }
        self.refresh(cx);
        Some(Outcome::Stay)
    }

    fn query(&self) -> Option<&QueryLine> {
        Some(&self.query)
    }

    fn prepare(&mut self, area: Rect, cx: &mut Cx) {
        self.refresh(cx);
        let lines = &self.lines;
        self.list.prepare(below(area, 2), |ids| {
            ids.iter().filter_map(|id| Some((*id, lines.iter().find(|line| line.id == *id)?.clone()))).collect()
        });
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        self.query.draw(frame, row(area, 0), theme);
        let columns = match (self.which, self.counts) {
            (Catalogue::Breeds, true) => BREED_COLUMNS,
            (Catalogue::Breeds, false) => &BREED_COLUMNS[..1],
            (Catalogue::Health, true) => HEALTH_COLUMNS,
            (Catalogue::Health, false) => &HEALTH_COLUMNS[..2],
        };
        let empty = if self.query.text().is_empty() { "None yet." } else { "None like that. a shows all again." };
        self.list.draw(frame.buffer_mut(), below(area, 2), columns, empty, theme);
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
