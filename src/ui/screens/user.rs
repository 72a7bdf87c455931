//! One account: who it is, what stands against it, what they asked for.

use ratatui::{Frame, layout::Rect};

use super::{
    audit::History,
    password::PasswordForm,
    ssh_keys::{self, KeyForm},
    user_form::UserForm,
};
use crate::{
    desk::{KeyLine, UserCard},
    model::{Error, Kind, Permission, Preferences, RequestStatus, Role, User, UserId, limits},
    store::Changed,
    ui::{
        Bind, Command, Confirm, Cx, Key, Outcome, Prompt, Screen, Theme, bind,
        keys::{DELETE, ENTER},
        picker::Item,
        sheet::{Ink, Piece, Sheet},
    },
};

/// The keys of an account.
pub const KEYS: &[Bind] = &[
    bind(&[ENTER], Command::Open),
    bind(&[Key::ch('x'), DELETE], Command::RemoveKey),
    bind(&[Key::ch('e')], Command::Edit),
    bind(&[Key::ch('r')], Command::SetRole),
    bind(&[Key::ch('l')], Command::Lock),
    bind(&[Key::ch('b')], Command::Ban),
    bind(&[Key::ch('p')], Command::ResetPassword),
    bind(&[Key::ch('h')], Command::History),
    bind(&[Key::ch('A')], Command::Anonymise),
    bind(&[Key::ch('D')], Command::Delete),
    bind(&[Key::ch('n')], Command::AddKey),
];

/// The longest breed list that is read out in one line.
const BREEDS_NAMED: usize = 6;

/// One account.
pub struct UserDetail {
    id: UserId,
    card: Option<UserCard>,
    /// Only for admins.
    keys: Vec<KeyLine>,
    sheet: Sheet,
    stale: bool,
    gone: bool,
}

impl UserDetail {
    /// The account with this number.
    pub fn new(id: UserId, cx: &mut Cx) -> Self {
        let mut screen = Self { id, card: None, keys: Vec::new(), sheet: Sheet::default(), stale: true, gone: false };
        screen.refresh(cx);
        screen
    }

    fn refresh(&mut self, cx: &mut Cx) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        match cx.desk.user(&cx.actor(), self.id) {
            Ok(card) => (self.card, self.gone) = (Some(card), false),
            Err(Error::NotFound { .. }) if self.card.is_some() => self.gone = true,
            Err(e) => cx.fail(&e),
        }
        self.keys = match self.user() {
            Some(_) if cx.may(Permission::ManageUsers) => {
                cx.shown(cx.desk.ssh_keys(&cx.actor(), self.id)).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        self.fill(cx);
    }

    /// The request that is marked.
    fn request(&self) -> Option<u32> {
        self.sheet.marked().filter(|_| ssh_keys::marked(&self.sheet, &self.keys).is_none())
    }

    fn name(&self) -> String {
        self.card.as_ref().map_or_else(|| format!("Account {}", self.id), |c| c.user.display_name())
    }

    /// The account as it was read last, for those who may change it.
    fn user(&self) -> Option<&User> {
        self.card.as_ref().map(|c| &c.user).filter(|_| !self.gone)
    }

    fn fill(&mut self, cx: &Cx) {
        let actor = cx.actor();
        let Some(card) = &self.card else { return };
        let (user, now) = (&card.user, cx.desk.now());
        let sheet = &mut self.sheet;
        sheet.clear();
        if self.gone {
            sheet.text("This account is no longer there.", Ink::Error);
            sheet.gap();
        }
        let since = |at: crate::model::Stamp, by| format!("{}, by {}", at.ago(now), cx.desk.name_of(&actor, by));
        if user.anonymised {
            sheet.text("The details of this person were removed. Only their requests are kept.", Ink::Warn);
        } else if let Some(lock) = &user.locked {
            sheet.text("Locked: cannot sign in.", Ink::Error);
            sheet.field("Since", since(lock.at, lock.by));
            sheet.field("Reason", &*lock.reason);
        }
        if let Some(ban) = &user.banned {
            sheet.gap();
            sheet.text("DO NOT ADOPT: requests of this person are not approved.", Ink::Error);
            sheet.field("Since", since(ban.at, ban.by));
            sheet.field("Reason", &*ban.reason);
        }
        sheet.gap();
        sheet.field("Name", &*user.full_name);
        sheet.field("Sign-in name", &*user.username);
        sheet.field("Role", user.role.label());
        sheet.field("E-mail", user.email.as_deref().unwrap_or_default());
        sheet.field("Phone", &*user.phone);
        let (at, days) = (user.registered_at, user.registered_at.days_until(cx.today));
        sheet.pieces("Registered", vec![(at.day().to_string(), Ink::Plain), (days_ago(days), Ink::Muted)]);
        if !user.anonymised {
            sheet.pieces("Signs in with", vec![sign_in(user, cx.may(Permission::ManageUsers))]);
        }
        sheet.pieces("Looks for", looks_for(&user.preferences, cx));
        if !user.favourites.is_empty() {
            sheet.field("Favourites", count(user.favourites.len(), "cat"));
        }
        sheet.heading(match card.requests.len() {
            0 => "No requests".to_owned(),
            n => format!("Requests ({n})"),
        });
        sheet.table(
            card.requests
                .iter()
                .map(|r| {
                    let days = r.requested_at.days_until(cx.today);
                    let pieces = vec![
                        (r.cat_name.clone(), Ink::Plain),
                        (r.status.label().to_owned(), status_ink(r.status)),
                        (r.requested_at.day().to_string(), Ink::Plain),
                        (days_ago(days), Ink::Muted),
                    ];
                    (r.request.0, pieces)
                })
                .collect(),
        );
        if !self.keys.is_empty() {
            ssh_keys::section(sheet, &self.keys, "");
        }
    }

    /// Shows what came of a change.
    fn done(&mut self, cx: &mut Cx, result: crate::model::Result<crate::desk::Done>) -> Outcome {
        if let Some(done) = cx.shown(result) {
            cx.ok(done.message);
        }
        self.stale = true;
        self.refresh(cx);
        Outcome::Stay
    }

    fn choose_role(&self, cx: &mut Cx) {
        let Some(user) = self.user() else { return };
        // The role that it has comes first: Enter alone changes nothing.
        let others = Role::ALL.iter().filter(|role| **role != user.role);
        let items = std::iter::once(&user.role)
            .chain(others)
            .map(|role| {
                let note = match role {
                    Role::User => "asks for cats, sees their own requests",
                    Role::Staff => "keeps cats, decides requests",
                    Role::Admin => "all that, and accounts, log, store",
                };
                let mark = if *role == user.role { format!("{note} (now)") } else { note.to_owned() };
                Item::new(role.code().into(), role.label(), mark)
            })
            .collect();
        cx.choose(format!("Role of {}", self.name()), items, |me: &mut Self, code, cx| {
            let role = u8::try_from(code).ok().and_then(Role::from_code);
            let Some(role) = role else { return Outcome::Stay };
            let result = cx.desk.set_role(&cx.actor(), me.id, role);
            me.done(cx, result)
        });
    }

    fn lock(&self, cx: &mut Cx) {
        let Some(user) = self.user() else { return };
        if let Some(lock) = &user.locked {
            let reason = if lock.reason.is_empty() { "no reason was given" } else { &lock.reason };
            let confirm = Confirm {
                title: format!("Unlock {}?", self.name()),
                lines: vec![format!("It was locked {}: {reason}.", lock.at.ago(cx.desk.now()))],
                yes: "unlock".to_owned(),
                danger: false,
            };
            return cx.confirm(confirm, |me: &mut Self, cx| {
                let result = cx.desk.unlock(&cx.actor(), me.id);
                me.done(cx, result)
            });
        }
        let prompt = Prompt {
            title: format!("Lock {}?", self.name()),
            lines: vec![
                "They cannot sign in until they are unlocked, and what they have open ends.".to_owned(),
                "They are told the reason when they try to sign in.".to_owned(),
            ],
            label: "Reason".to_owned(),
            optional: true,
            limit: limits::REASON,
            yes: "lock".to_owned(),
            ..Prompt::default()
        };
        cx.prompt(prompt, |me: &mut Self, reason, cx| {
            let result = cx.desk.lock(&cx.actor(), me.id, &reason);
            me.done(cx, result)
        });
    }

    fn ban(&self, cx: &mut Cx) {
        let Some(card) = &self.card else { return };
        if let Some(ban) = &card.user.banned {
            let confirm = Confirm {
                title: format!("May {} adopt again?", self.name()),
                lines: vec![format!("Marked do-not-adopt {}: {}.", ban.at.ago(cx.desk.now()), ban.reason)],
                yes: "lift the mark".to_owned(),
                danger: false,
            };
            return cx.confirm(confirm, |me: &mut Self, cx| {
                let result = cx.desk.unban(&cx.actor(), me.id);
                me.done(cx, result)
            });
        }
        let open = card.requests.iter().filter(|r| r.status.is_open()).count();
        let mut lines = vec!["Their requests can no longer be approved.".to_owned()];
        if open > 0 {
            lines.push(format!("{} in the queue, with the mark on it.", stay(open, "open request")));
        }
        let prompt = Prompt {
            title: format!("Mark {} do-not-adopt?", self.name()),
            lines,
            label: "Reason, for whoever decides next".to_owned(),
            limit: limits::REASON,
            yes: "mark".to_owned(),
            ..Prompt::default()
        };
        cx.prompt(prompt, |me: &mut Self, reason, cx| {
            let result = cx.desk.ban(&cx.actor(), me.id, &reason);
            me.done(cx, result)
        });
    }

    fn anonymise(&self, cx: &mut Cx) {
        let Some(card) = &self.card else { return };
        let rev = card.user.version.rev;
        let mut lines = vec!["Name, e-mail, telephone, preferences, favourites, keys and password go.".to_owned()];
        if !card.requests.is_empty() {
            lines.push(format!("{}, without name and notes.", stay(card.requests.len(), "request")));
        }
        lines.push("The account is locked for good. This cannot be undone.".to_owned());
        let confirm = Confirm {
            title: format!("Remove the details of {}?", self.name()),
            lines,
            yes: "remove them".to_owned(),
            danger: true,
        };
        cx.confirm(confirm, move |me: &mut Self, cx| {
            let result = cx.desk.anonymise(&cx.actor(), me.id, rev);
            me.done(cx, result)
        });
    }

    fn delete(&self, cx: &mut Cx) {
        let Some(user) = self.user() else { return };
        if self.card.as_ref().is_some_and(|card| !card.requests.is_empty()) {
            let words = "An account with requests stays, for their history. A removes the person's details.";
            return cx.say(crate::ui::cx::Tone::Note, words);
        }
        let rev = user.version.rev;
        let confirm = Confirm {
            title: format!("Delete {}?", self.name()),
            lines: vec!["The account goes as a whole; it never asked for a cat.".to_owned()],
            yes: "delete".to_owned(),
            danger: true,
        };
        cx.confirm(confirm, move |me: &mut Self, cx| match cx.shown(cx.desk.delete_user(&cx.actor(), me.id, rev)) {
            Some(done) => {
                cx.ok(done.message);
                Outcome::Pop
            }
            None => {
                me.stale = true;
                Outcome::Stay
            }
        });
    }
}

impl Screen for UserDetail {
    fn title(&self) -> String {
        self.name()
    }

    fn keys(&self) -> &'static [Bind] {
        KEYS
    }

    fn enabled(&self, command: Command, cx: &Cx) -> bool {
        let Some(user) = self.user() else { return false };
        match command {
            Command::Open => self.request().is_some(),
            Command::AddKey => cx.may(Permission::ManageUsers) && !user.anonymised,
            Command::RemoveKey => ssh_keys::marked(&self.sheet, &self.keys).is_some(),
            Command::Edit => cx.may(Permission::ManageUsers) && !user.anonymised,
            Command::SetRole | Command::Lock | Command::ResetPassword | Command::Anonymise => !user.anonymised,
            Command::Delete => cx.may(Permission::ManageUsers),
            _ => true,
        }
    }

    fn offers(&self, command: Command, cx: &Cx) -> bool {
        let bare = self.card.as_ref().is_some_and(|card| card.requests.is_empty());
        self.enabled(command, cx) && (command != Command::Delete || bare)
    }

    fn run(&mut self, command: Command, cx: &mut Cx) -> Outcome {
        self.refresh(cx);
        match command {
            Command::Open => {
                let Some(request) = self.request() else { return Outcome::Pass };
                return super::record(Kind::Request, request, cx);
            }
            Command::Edit => return UserForm::edit(self.id, cx).map_or(Outcome::Stay, Outcome::push),
            Command::SetRole => self.choose_role(cx),
            Command::Lock => self.lock(cx),
            Command::Ban => self.ban(cx),
            Command::ResetPassword => return Outcome::push(PasswordForm::of(self.id, self.name(), cx)),
            Command::Anonymise => self.anonymise(cx),
            Command::AddKey => return KeyForm::open(self.id, Some(self.name()), cx),
            Command::RemoveKey => {
                let Some(key) = ssh_keys::marked(&self.sheet, &self.keys) else { return Outcome::Pass };
                ssh_keys::ask_removal(self.id, key, cx, |me: &mut Self, cx| {
                    me.stale = true;
                    me.refresh(cx);
                });
            }
            Command::Delete => self.delete(cx),
            Command::History => return Outcome::push(History::of(Kind::User, self.id.0, cx)),
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
        let mine = |(kind, id): &(Kind, u32)| *kind == Kind::Request || (*kind == Kind::User && *id == self.id.0);
        self.stale |= changed.is_none_or(|c| c.records.iter().any(mine));
    }

    fn resumed(&mut self, _cx: &mut Cx) {
        self.stale = true;
    }

    fn status(&self) -> String {
        self.sheet.status()
    }
}

/// How somebody signs in.
fn sign_in(user: &User, may_set: bool) -> Piece {
    let keys = user.ssh_keys.len();
    match (user.password.is_some(), keys) {
        (true, 0) => ("a password".to_owned(), Ink::Plain),
        (true, n) => (format!("a password, or {}", count(n, "SSH key")), Ink::Plain),
        (false, 0) if may_set => ("nothing yet: set a password (p)".to_owned(), Ink::Warn),
        (false, 0) => ("nothing yet".to_owned(), Ink::Plain),
        (false, n) => (format!("{}, no password", count(n, "SSH key")), Ink::Plain),
    }
}

/// What somebody looks for, in pieces.
pub(super) fn looks_for(preferences: &Preferences, cx: &Cx) -> Vec<Piece> {
    let Preferences { breeds, ages, genders, altered } = preferences;
    let mut words = Vec::new();
    let mut add = |names: Vec<String>| {
        if !names.is_empty() {
            words.push(names.join(" or "));
        }
    };
    add(genders.iter().map(|g| g.label().to_lowercase()).collect());
    add(ages.iter().map(|a| a.label().to_lowercase()).collect());
    if let Some(altered) = altered {
        add(vec![super::profile_form::altered_words(*altered).to_owned()]);
    }
    if !breeds.is_empty() {
        let all = cx.desk.breeds(&cx.actor()).unwrap_or_default();
        let known = breeds.iter().filter_map(|b| all.iter().find(|line| line.id == b.0));
        let mut names: Vec<String> = known.map(|line| line.name.clone()).collect();
        if names.len() > BREEDS_NAMED {
            let more = names.len() - BREEDS_NAMED;
            names.truncate(BREEDS_NAMED);
            names.push(format!("{more} more breeds"));
        }
        add(names);
    }
    vec![(words.join(", "), Ink::Plain)]
}

/// The ink of a request's status.
pub(super) fn status_ink(status: RequestStatus) -> Ink {
    match status {
        RequestStatus::Pending => Ink::Warn,
        RequestStatus::Approved | RequestStatus::Completed => Ink::Ok,
        RequestStatus::Waitlisted => Ink::Accent,
        RequestStatus::Rejected | RequestStatus::Withdrawn => Ink::Muted,
    }
}

/// `1 cat`, `3 cats`.
pub(super) fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// `1 request stays`, `3 requests stay`.
fn stay(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what} stays") } else { format!("{n} {what}s stay") }
}

/// `today`, `3 days ago`.
pub(super) fn days_ago(days: i32) -> String {
    match days {
        0 => "today".to_owned(),
        1 => "1 day ago".to_owned(),
        n => format!("{n} days ago"),
    }
}
