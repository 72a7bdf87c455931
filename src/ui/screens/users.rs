//! The accounts: a list with a query line.

use ratatui::{Frame, layout::Rect};

use super::{user::UserDetail, user_form::UserForm};
use crate::{
    desk::UserLine,
    model::{
        Kind, Role, UserId,
        query::{Query as _, Sort, UserQuery, UserSort},
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

/// The keys of the list of accounts.
pub const KEYS: &[Bind] = &[
    bind(&[ENTER], Command::Open),
    bind(&[Key::ch('/')], Command::Search),
    bind(&[Key::ch('f')], Command::Find),
    bind(&[Key::ch('n')], Command::New),
    bind(&[Key::ch('e')], Command::Edit),
    bind(&[Key::ch('s')], Command::Sort),
    bind(&[Key::ch('a')], Command::ClearSearch),
];

const COLUMNS: &[Column<UserLine>] = &[
    Column::new(
        "Name",
        18,
        0,
        |u: &UserLine| if u.full_name.is_empty() { (&*u.username).into() } else { (&*u.full_name).into() },
    )
    .grow(3),
    Column::new("Sign-in name", 12, 4, |u: &UserLine| (&*u.username).into()).grow(1),
    Column::new("Role", 5, 1, |u: &UserLine| u.role.label().into()).style(|u, theme| match u.role {
        Role::User => theme.muted(),
        Role::Staff => theme.text(),
        Role::Admin => theme.accent(),
    }),
    Column::new("State", 12, 1, |u: &UserLine| state(u).into()).style(|u, theme| match state(u) {
        "anonymised" => theme.muted(),
        "do not adopt" => theme.warn(),
        _ => theme.error(),
    }),
    Column::new("Open", 4, 2, |u: &UserLine| if u.requests == 0 { "".into() } else { u.requests.to_string().into() })
        .right(),
    Column::new("Phone", 16, 3, |u: &UserLine| (&*u.phone).into()),
    Column::new("E-mail", 22, 5, |u: &UserLine| u.email.as_deref().unwrap_or_default().into()).grow(2),
    Column::new("Since", 10, 6, |u: &UserLine| u.registered_at.day().to_string().into()),
];

/// The orders that people want, in words.
const SORTS: &[(Sort<UserSort>, &str)] = &[
    (Sort { key: UserSort::Name, reversed: false }, "by name"),
    (Sort { key: UserSort::Username, reversed: false }, "by sign-in name"),
    (Sort { key: UserSort::Newest, reversed: false }, "newest account first"),
    (Sort { key: UserSort::Newest, reversed: true }, "oldest account first"),
];

/// What stands against an account, in a word or three.
fn state(user: &UserLine) -> &'static str {
    match user {
        UserLine { anonymised: true, .. } => "anonymised",
        UserLine { locked: true, banned: true, .. } => "locked, ban",
        UserLine { locked: true, .. } => "locked",
        UserLine { banned: true, .. } => "do not adopt",
        _ => "",
    }
}

/// The list of accounts.
pub struct Users {
    query: QueryLine,
    list: List<UserLine>,
    /// The list has to be asked for again; from its beginning when the question is another one.
    stale: Option<bool>,
}

impl Users {
    /// The accounts that a query line asks for.
    pub fn new(query: &str, cx: &mut Cx) -> Self {
        let mut users = Self { query: QueryLine::new(query), list: List::default(), stale: Some(true) };
        users.refresh(cx);
        users
    }

    fn refresh(&mut self, cx: &mut Cx) {
        let Some(anew) = self.stale.take() else { return };
        let parsed = UserQuery::parse(self.query.text(), cx.today);
        self.query.set_errors(parsed.errors);
        let ids = cx.shown(cx.desk.users(&cx.actor(), &parsed.query)).unwrap_or_default();
        if anew { self.list.reset(ids) } else { self.list.set_ids(ids) }
    }

    fn selected(&self) -> Option<UserId> {
        self.list.selected().map(UserId)
    }
}

impl Screen for Users {
    fn title(&self) -> String {
        "Accounts".to_owned()
    }

    fn keys(&self) -> &'static [Bind] {
        KEYS
    }

    fn enabled(&self, command: Command, cx: &Cx) -> bool {
        match command {
            Command::Open => self.selected().is_some(),
            Command::Edit => self.selected().is_some() && cx.may(crate::model::Permission::ManageUsers),
            Command::New => cx.may(crate::model::Permission::ManageUsers),
            Command::ClearSearch => !self.query.text().is_empty(),
            _ => true,
        }
    }

    fn run(&mut self, command: Command, cx: &mut Cx) -> Outcome {
        self.refresh(cx);
        match command {
            Command::Open => match self.selected() {
                Some(id) => return Outcome::push(UserDetail::new(id, cx)),
                None => return Outcome::Pass,
            },
            Command::Search => self.query.focus(),
            Command::ClearSearch => {
                self.query.set("");
                self.stale = Some(true);
                self.refresh(cx);
            }
            Command::Find => {
                let actor = cx.actor();
                let everybody = cx.desk.users(&actor, &UserQuery::default());
                let rows = everybody.and_then(|ids| cx.desk.user_rows(&actor, &ids));
                let Some(rows) = cx.shown(rows) else { return Outcome::Stay };
                let items = rows.into_iter().map(|u| {
                    let label = if u.full_name.is_empty() {
                        u.username.clone()
                    } else {
                        format!("{} ({})", u.full_name, u.username)
                    };
                    Item::new(u.id.0, label, u.email.unwrap_or(u.phone))
                });
                cx.choose("Find an account", items.collect(), |me: &mut Self, id, cx| {
                    me.list.select(id);
                    Outcome::push(UserDetail::new(UserId(id), cx))
                });
            }
            Command::New => return Outcome::push(UserForm::add(cx)),
            Command::Edit => {
                let Some(id) = self.selected() else { return Outcome::Pass };
                return UserForm::edit(id, cx).map_or(Outcome::Stay, Outcome::push);
            }
            Command::Sort => {
                let items = SORTS.iter().zip(0..).map(|((_, words), i)| Item::new(i, *words, "")).collect();
                cx.choose("Sort", items, |me: &mut Self, id, cx| {
                    if let Some((sort, _)) = SORTS.get(id as usize) {
                        let mut query = UserQuery::parse(me.query.text(), cx.today).query;
                        query.sort = *sort;
                        me.query.set(&query.to_line());
                        me.stale = Some(true);
                        me.refresh(cx);
                    }
                    Outcome::Stay
                });
            }
            other if self.list.run(other) => {}
            _ => return Outcome::Pass,
        }
        Outcome::Stay
    }

    fn input(&mut self, input: &Input, cx: &mut Cx) -> Option<Outcome> {
        match self.query.input(input, |line, cursor| UserQuery::complete(line, cursor, &|_| Vec::new())) {
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
        let actor = cx.actor();
        self.refresh(cx);
        let desk = cx.desk.clone();
        self.list.prepare(below(area, 2), |ids| {
            let rows = desk.user_rows(&actor, ids).unwrap_or_default();
            rows.into_iter().map(|user| (user.id.0, user)).collect()
        });
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        self.query.draw(frame, row(area, 0), theme);
        let empty =
            if self.query.text().is_empty() { "Nobody yet." } else { "Nobody like that. a shows everybody again." };
        self.list.draw(frame.buffer_mut(), below(area, 2), COLUMNS, empty, theme);
    }

    fn changed(&mut self, changed: Option<&Changed>, _cx: &mut Cx) {
        // Requests too: their number stands in the list.
        let of_interest = |c: &Changed| c.records.iter().any(|(kind, _)| matches!(kind, Kind::User | Kind::Request));
        if changed.is_none_or(of_interest) {
            self.stale = self.stale.or(Some(false));
        }
    }

    fn status(&self) -> String {
        self.list.position()
    }
}
