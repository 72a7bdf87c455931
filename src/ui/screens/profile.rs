//! One's own account: details, preferences, SSH keys, favourites.

use ratatui::{Frame, layout::Rect};

use super::{
    password::PasswordForm,
    profile_form::ProfileForm,
    ssh_keys::{self, KeyForm},
    user::looks_for,
};
use crate::{
    desk::{CatLine, KeyLine},
    model::{CatId, Kind, User},
    store::Changed,
    ui::{
        Bind, Command, Cx, Key, Outcome, Screen, Theme, bind,
        keys::{DELETE, ENTER},
        sheet::{Ink, Sheet},
    },
};

/// The keys of one's own account.
pub const KEYS: &[Bind] = &[
    bind(&[ENTER], Command::Open),
    bind(&[Key::ch('e')], Command::Edit),
    bind(&[Key::ch('p')], Command::ChangePassword),
    bind(&[Key::ch('m')], Command::Favourite),
    bind(&[Key::ch('n')], Command::AddKey),
    bind(&[Key::ch('x'), DELETE], Command::RemoveKey),
];

/// One's own account.
#[derive(Default)]
pub struct Profile {
    user: Option<User>,
    keys: Vec<KeyLine>,
    sheet: Sheet,
    fresh: bool,
}

impl Profile {
    /// The account of whoever is signed in.
    pub fn new(cx: &mut Cx) -> Self {
        let mut screen = Self::default();
        screen.refresh(cx);
        screen
    }

    fn refresh(&mut self, cx: &mut Cx) {
        if std::mem::replace(&mut self.fresh, true) {
            return;
        }
        let Some(user) = cx.shown(cx.desk.me(&cx.actor())) else { return };
        self.keys = cx.shown(cx.desk.ssh_keys(&cx.actor(), user.id)).unwrap_or_default();
        let ids: Vec<u32> = user.favourites.iter().map(|c| c.0).collect();
        let cats = cx.shown(cx.desk.cat_rows(&cx.actor(), &ids)).unwrap_or_default();
        self.fill(&user, &cats, cx);
        self.user = Some(user);
    }

    /// The favourite that is marked.
    fn cat(&self) -> Option<u32> {
        self.sheet.marked().filter(|_| ssh_keys::marked(&self.sheet, &self.keys).is_none())
    }

    fn fill(&mut self, user: &User, cats: &[CatLine], cx: &Cx) {
        let sheet = &mut self.sheet;
        sheet.clear();
        if user.banned.is_some() {
            sheet.text("You are marked do-not-adopt. Ask the shelter about it.", Ink::Error);
            sheet.gap();
        }
        sheet.field("Name", &*user.full_name);
        sheet.field("Sign-in name", &*user.username);
        sheet.field("E-mail", user.email.as_deref().unwrap_or_default());
        sheet.field("Phone", &*user.phone);
        sheet.field("Role", user.role.label());
        sheet.field("Registered", user.registered_at.day().to_string());
        let mut wants = looks_for(&user.preferences, cx);
        if wants.iter().all(|(text, _)| text.is_empty()) {
            wants = vec![("any cat".to_owned(), Ink::Muted)];
        }
        sheet.pieces("Looks for", wants);
        ssh_keys::section(
            sheet,
            &self.keys,
            "None yet: with a key you sign in over SSH without your password. n adds one.",
        );
        sheet.heading("Favourites");
        if user.favourites.is_empty() {
            sheet.text("None yet: m on the page of a cat marks it.", Ink::Muted);
        }
        sheet.table(
            cats.iter()
                .map(|cat| {
                    let about: Vec<&str> =
                        [cat.age.trim_start_matches('~'), &cat.breed].into_iter().filter(|t| !t.is_empty()).collect();
                    let pieces = vec![
                        (cat.name.clone(), Ink::Plain),
                        (cat.status.label().to_owned(), Ink::Accent),
                        (about.join(", "), Ink::Muted),
                    ];
                    (cat.id.0, pieces)
                })
                .collect(),
        );
        match user.favourites.len().saturating_sub(cats.len()) {
            0 => {}
            1 => sheet.text("1 more is no longer on offer.", Ink::Muted),
            n => sheet.text(format!("{n} more are no longer on offer."), Ink::Muted),
        }
    }
}

impl Screen for Profile {
    fn title(&self) -> String {
        "Your account".to_owned()
    }

    fn keys(&self) -> &'static [Bind] {
        KEYS
    }

    fn enabled(&self, command: Command, _cx: &Cx) -> bool {
        match command {
            Command::Open | Command::Favourite => self.cat().is_some(),
            Command::RemoveKey => ssh_keys::marked(&self.sheet, &self.keys).is_some(),
            _ => self.user.is_some(),
        }
    }

    fn run(&mut self, command: Command, cx: &mut Cx) -> Outcome {
        self.refresh(cx);
        match command {
            Command::Open => match self.cat() {
                Some(cat) => return super::record(Kind::Cat, cat, cx),
                None => return Outcome::Pass,
            },
            Command::Edit => return ProfileForm::new(cx).map_or(Outcome::Stay, Outcome::push),
            Command::ChangePassword => return Outcome::push(PasswordForm::own(cx)),
            Command::Favourite => {
                let Some(cat) = self.cat() else { return Outcome::Pass };
                if cx.shown(cx.desk.toggle_favourite(&cx.actor(), CatId(cat))).is_some() {
                    cx.ok("No longer a favourite.");
                }
                self.fresh = false;
                self.refresh(cx);
            }
            Command::AddKey => {
                let Some(user) = &self.user else { return Outcome::Stay };
                return KeyForm::open(user.id, None, cx);
            }
            Command::RemoveKey => {
                let marked = ssh_keys::marked(&self.sheet, &self.keys);
                let (Some(key), Some(user)) = (marked, &self.user) else { return Outcome::Pass };
                ssh_keys::ask_removal(user.id, key, cx, |me: &mut Self, cx| {
                    me.fresh = false;
                    me.refresh(cx);
                });
            }
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
        let mine = |user: &User, (kind, id): &(Kind, u32)| match kind {
            Kind::User => *id == user.id.0,
            Kind::Cat => user.favourites.contains(&CatId(*id)),
            _ => false,
        };
        let of_interest =
            |c: &Changed| self.user.as_ref().is_none_or(|user| c.records.iter().any(|record| mine(user, record)));
        if changed.is_none_or(of_interest) {
            self.fresh = false;
        }
    }

    fn resumed(&mut self, _cx: &mut Cx) {
        self.fresh = false;
    }

    fn status(&self) -> String {
        self.sheet.status()
    }
}
