//! The list of requests: everybody's for staff, one's own for everyone else.

use std::borrow::Cow;

use ratatui::{Frame, layout::Rect};

use super::{request::RequestDetail, take_request::TakeRequest, wording};
use crate::{
    desk::RequestLine,
    model::{
        Kind, Permission, RequestId,
        query::{Query as _, RequestQuery, RequestSort, Sort},
    },
    session::event::Input,
    store::Changed,
    ui::{
        Bind, Command, Cx, Key, Outcome, Screen, Theme, bind,
        keys::ENTER,
        layout::{below, row},
        list::{Column, List},
        picker::Item,
        query_line::{QueryDid, QueryLine},
    },
};

/// The keys of this screen.
pub const KEYS: &[Bind] = &[
    bind(&[ENTER], Command::Open),
    bind(&[Key::ch('/')], Command::Search),
    bind(&[Key::ch('a')], Command::ClearSearch),
    bind(&[Key::ch('f')], Command::Filter),
    bind(&[Key::ch('s')], Command::Sort),
    bind(&[Key::ch('n')], Command::TakeRequest),
    bind(&[Key::ch('t')], Command::GoTriage),
    bind(&[Key::ch('v')], Command::OpenCat).quiet(),
    bind(&[Key::ch('p')], Command::OpenApplicant).quiet(),
];

struct Row {
    line: RequestLine,
    days: String,
    place: String,
    marks: String,
}

impl Row {
    fn new(line: RequestLine) -> Self {
        Self {
            days: format!("{} d", line.days),
            place: wording::place(line.place, line.of),
            marks: wording::marks(&line),
            line,
        }
    }
}

/// A column of the list.
type Col = Column<Row>;

const STAFF: &[Col] = &[
    Col::new("Cat", 10, 0, |row| Cow::Borrowed(&row.line.cat_name)).grow(2),
    Col::new("Applicant", 12, 2, |row| Cow::Borrowed(&row.line.user_name)).grow(3),
    Col::new("Status", 10, 1, |row| row.line.status.label().into())
        .style(|row, theme| wording::status_ink(row.line.status).style(theme)),
    Col::new("Queue", 7, 4, |row| Cow::Borrowed(&row.place)),
    Col::new("Waits", 5, 0, |row| Cow::Borrowed(&row.days))
        .right()
        .style(|row, theme| if row.line.overdue { theme.warn() } else { theme.text() }),
    Col::new("Note", 14, 3, |row| Cow::Borrowed(&row.marks))
        .grow(2)
        .style(|row, theme| if row.line.flagged { theme.error() } else { theme.warn() }),
];

const OWN: &[Col] = &[
    Col::new("Cat", 12, 0, |row| Cow::Borrowed(&row.line.cat_name)).grow(2),
    Col::new("Status", 10, 0, |row| row.line.status.label().into())
        .style(|row, theme| wording::status_ink(row.line.status).style(theme)),
    Col::new("Queue", 7, 2, |row| Cow::Borrowed(&row.place)),
    Col::new("Waits", 6, 1, |row| Cow::Borrowed(&row.days)).right(),
    Col::new("", 24, 3, |row| if row.line.awaiting_reply { "please answer in the notes" } else { "" }.into())
        .grow(1)
        .style(|_, theme| theme.warn()),
];

/// The list of requests.
pub struct Requests {
    query: QueryLine,
    list: List<Row>,
    /// The list has to be asked for again.
    stale: bool,
    staff: bool,
    /// What the list is in the order of, in words.
    order: &'static str,
}

const SORTS: &[(Sort<RequestSort>, &str)] = &[
    (Sort { key: RequestSort::Date, reversed: false }, "oldest first"),
    (Sort { key: RequestSort::Date, reversed: true }, "newest first"),
    (Sort { key: RequestSort::Cat, reversed: false }, "cat by cat, by name"),
    (Sort { key: RequestSort::Cat, reversed: true }, "cat by cat, from the end"),
];

const STAFF_FILTERS: &[(&str, &str)] = &[
    ("status:open", "open"),
    ("overdue:yes", "overdue"),
    ("awaiting:yes", "asked for more, no answer yet"),
    ("flagged:yes status:open", "open, of people who must not adopt"),
    ("status:approved", "approved"),
    ("status:closed", "closed"),
    ("", "everything"),
];

const OWN_FILTERS: &[(&str, &str)] = &[("status:open", "open"), ("status:closed", "closed"), ("", "everything")];

impl Requests {
    /// The requests of a query line.
    pub fn new(line: &str, cx: &mut Cx) -> Self {
        let mut screen = Self {
            query: QueryLine::new(line),
            list: List::default(),
            stale: false,
            staff: cx.may(Permission::DecideRequests),
            order: "",
        };
        screen.ask(cx);
        screen
    }

    /// Those that wait; all of one's own for those who are not staff.
    pub fn open(cx: &mut Cx) -> Self {
        let line = if cx.may(Permission::DecideRequests) { "status:open" } else { "" };
        Self::new(line, cx)
    }

    fn found(&mut self, cx: &mut Cx) -> Option<Vec<u32>> {
        self.stale = false;
        let parsed = RequestQuery::parse(self.query.text(), cx.today);
        self.query.set_errors(parsed.errors);
        let sort = SORTS.iter().find(|(sort, _)| *sort == parsed.query.sort);
        self.order = sort.map_or("", |(_, words)| words);
        cx.shown(cx.desk.requests(&cx.actor(), &parsed.query))
    }

    /// Another question: the list from its beginning. At once, because the next key may be about it already.
    fn ask(&mut self, cx: &mut Cx) {
        let ids = self.found(cx);
        self.list.reset(ids.unwrap_or_default());
    }

    fn ask_for(&mut self, line: &str, cx: &mut Cx) {
        self.query.set(line);
        self.ask(cx);
    }

    /// Asks for one of the orders.
    fn ask_sort(cx: &mut Cx) {
        let items = SORTS.iter().zip(0..).map(|((_, words), i)| Item::new(i, *words, "")).collect();
        cx.choose("Sort", items, |me: &mut Self, id, cx| {
            if let Some((sort, _)) = SORTS.get(id as usize) {
                let mut query = RequestQuery::parse(me.query.text(), cx.today).query;
                query.sort = *sort;
                me.ask_for(&query.to_line(), cx);
            }
            Outcome::Stay
        });
    }

    /// Asks for one of the filters that people want most. The words, the cat, the person and the order stay.
    fn ask_filter(&self, cx: &mut Cx) {
        let filters = if self.staff { STAFF_FILTERS } else { OWN_FILTERS };
        let items = filters.iter().zip(0..).map(|((_, words), i)| Item::new(i, *words, "")).collect();
        cx.choose("Show only", items, move |me: &mut Self, id, cx| {
            if let Some((line, _)) = filters.get(id as usize) {
                let now = RequestQuery::parse(me.query.text(), cx.today).query;
                let filter = RequestQuery::parse(line, cx.today).query;
                let query = RequestQuery { text: now.text, cat: now.cat, user: now.user, sort: now.sort, ..filter };
                me.ask_for(&query.to_line(), cx);
            }
            Outcome::Stay
        });
    }
}

impl Screen for Requests {
    fn title(&self) -> String {
        if self.staff { "Requests" } else { "Your requests" }.to_owned()
    }

    fn keys(&self) -> &'static [Bind] {
        KEYS
    }

    fn enabled(&self, command: Command, _cx: &Cx) -> bool {
        match command {
            Command::Open | Command::OpenCat | Command::OpenApplicant => self.list.selected().is_some(),
            Command::ClearSearch => !self.query.text().is_empty(),
            _ => true,
        }
    }

    fn run(&mut self, command: Command, cx: &mut Cx) -> Outcome {
        let line = self.list.selected_row().map(|row| &row.line);
        match command {
            Command::Open => {
                return match self.list.selected() {
                    Some(id) => Outcome::push(RequestDetail::new(RequestId(id), cx)),
                    None => Outcome::Stay,
                };
            }
            Command::OpenCat => return line.map_or(Outcome::Stay, |line| super::record(Kind::Cat, line.cat.0, cx)),
            Command::OpenApplicant => {
                return line.map_or(Outcome::Stay, |line| super::record(Kind::User, line.user.0, cx));
            }
            Command::TakeRequest => return Outcome::push(TakeRequest::any(cx)),
            Command::Search => self.query.focus(),
            Command::ClearSearch => self.ask_for("", cx),
            Command::Filter => self.ask_filter(cx),
            Command::Sort => Self::ask_sort(cx),
            _ if self.list.run(command) => {}
            _ => return Outcome::Pass,
        }
        Outcome::Stay
    }

    fn input(&mut self, input: &Input, cx: &mut Cx) -> Option<Outcome> {
        match self.query.input(input, |line, cursor| RequestQuery::complete(line, cursor, &|_| Vec::new())) {
            QueryDid::Ignored => return None,
            QueryDid::Used => {}
            QueryDid::Changed => self.ask(cx),
        }
        Some(Outcome::Stay)
    }

    fn prepare(&mut self, area: Rect, cx: &mut Cx) {
        if self.stale
            && let Some(ids) = self.found(cx)
        {
            self.list.set_ids(ids);
        }
        let (desk, actor) = (&cx.desk, cx.actor());
        let mut failed = None;
        self.list.prepare(below(area, 2), |ids| match desk.request_rows(&actor, ids) {
            Ok(rows) => rows.into_iter().map(|line| (line.id.0, Row::new(line))).collect(),
            Err(error) => {
                failed = Some(error);
                Vec::new()
            }
        });
        if let Some(error) = failed {
            cx.fail(&error);
        }
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        self.query.draw(frame, row(area, 0), theme);
        let columns = if self.staff { STAFF } else { OWN };
        let empty = match (self.query.text().trim().is_empty(), self.staff) {
            (true, true) => "No requests yet. n takes one for a walk-in or a caller.",
            (true, false) => "You have not asked for a cat yet. 2 shows the cats on offer; ask from the cat you like.",
            (false, _) => "No request is like that. a shows all of them, / changes the question.",
        };
        self.list.draw(frame.buffer_mut(), below(area, 2), columns, empty, theme);
    }

    fn changed(&mut self, _changed: Option<&Changed>, cx: &mut Cx) {
        // Names, places and marks come from cats and accounts too.
        self.staff = cx.may(Permission::DecideRequests);
        self.stale = true;
    }

    fn resumed(&mut self, _cx: &mut Cx) {
        self.stale = true;
    }

    fn query(&self) -> Option<&QueryLine> {
        Some(&self.query)
    }

    fn status(&self) -> String {
        if self.query.is_focused() {
            let keys = RequestQuery::KEYS.iter().map(|k| k.name).collect::<Vec<_>>().join(" ");
            let found = self.list.ids().len();
            return format!("{found} found · Tab: {keys}");
        }
        if self.list.ids().is_empty() { String::new() } else { format!("{}  {}", self.list.position(), self.order) }
    }
}
