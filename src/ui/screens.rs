//! One file per screen, and where each is found.
//!
//! Screens open each other through the functions here, so that none needs to know another's file.

pub mod audit;
pub mod cat;
mod cat_action;
mod cat_form;
mod cat_page;
mod catalogue;
pub mod catalogue_form;
pub mod catalogue_list;
pub mod catalogue_page;
mod cats;
pub mod check;
pub mod entry;
mod home;
pub mod notes;
pub mod password;
pub mod profile;
pub mod profile_form;
mod register;
pub mod request;
pub mod requests;
mod requests_columns;
pub mod sessions;
mod set_up;
mod sign_in;
mod ssh_keys;
pub mod take_request;
pub mod triage;
pub mod user;
pub mod user_form;
pub mod users;
mod verdict;
pub mod wording;

use super::{Bind, Command, Cx, Outcome, Screen, form_screen};
use crate::{
    desk::Catalogue,
    model::{CatId, Kind, RequestId, UserId},
};
use catalogue_list::CatalogueList;
use catalogue_page::CataloguePage;

/// Every screen's keys by its name, for the README's table.
pub const KEYS: &[(&str, &[Bind])] = &[
    ("First start", form_screen::KEYS),
    ("Sign in", sign_in::KEYS),
    ("New account", form_screen::KEYS),
    ("Home", home::KEYS),
    ("Requests", requests::KEYS),
    ("Request", request::KEYS),
    ("Triage", triage::KEYS),
    ("Taking a request", form_screen::KEYS),
    ("Asking for a cat, notes", form_screen::KEYS),
    ("Cats", cats::KEYS),
    ("Cat", cat::KEYS),
    ("Cat, in a form", form_screen::KEYS),
    ("Cat, what happens to it", form_screen::KEYS),
    ("Accounts", users::KEYS),
    ("Account", user::KEYS),
    ("Account, in a form", form_screen::KEYS),
    ("Password", form_screen::KEYS),
    ("Breeds, health statuses", catalogue_list::KEYS),
    ("Breed, health status", catalogue_page::KEYS),
    ("Breed, health status, in a form", form_screen::KEYS),
    ("Your account", profile::KEYS),
    ("Your account, in a form", form_screen::KEYS),
    ("SSH key, in a form", form_screen::KEYS),
    ("Audit log, history", audit::KEYS),
    ("Change", entry::KEYS),
    ("Check", check::KEYS),
    ("Sessions", sessions::KEYS),
];

/// The screen before anybody signed in.
pub fn first(cx: &Cx) -> Box<dyn Screen> {
    if cx.desk.is_new() { Box::new(set_up::SetUp::new(cx)) } else { Box::new(sign_in::SignIn::new(cx)) }
}

/// The screen for somebody who wants an account.
pub fn register(cx: &Cx) -> Box<dyn Screen> {
    Box::new(register::Register::new(cx))
}

/// The screen under all others once somebody signed in.
pub fn home(cx: &mut Cx) -> Box<dyn Screen> {
    Box::new(home::Home::new(cx))
}

/// The screen of a place; `None` for the home screen, which is there already.
pub fn open(command: Command, cx: &mut Cx) -> Option<Box<dyn Screen>> {
    match command {
        Command::GoCats => cats("", cx),
        Command::GoRequests => Some(Box::new(requests::Requests::open(cx))),
        Command::GoTriage => Some(Box::new(triage::Triage::new(cx))),
        Command::GoUsers => Some(Box::new(users::Users::new("", cx))),
        Command::GoBreeds => Some(Box::new(CatalogueList::new(Catalogue::Breeds, cx))),
        Command::GoHealth => Some(Box::new(CatalogueList::new(Catalogue::Health, cx))),
        Command::GoAudit => Some(Box::new(audit::History::everything(cx))),
        Command::GoProfile => Some(Box::new(profile::Profile::new(cx))),
        Command::GoSessions => Some(Box::new(sessions::Sessions::new(cx))),
        Command::GoCheck => Some(Box::<check::CheckScreen>::default()),
        _ => None,
    }
}

/// A cat's own screen.
pub fn cat(id: CatId, _cx: &mut Cx) -> Option<Box<dyn Screen>> {
    Some(Box::new(cat::CatDetail::new(id)))
}

/// The cats that a query line asks for.
pub fn cats(query: &str, cx: &mut Cx) -> Option<Box<dyn Screen>> {
    Some(Box::new(cats::Cats::new(query, cx)))
}

/// A request's own screen.
pub fn request(id: RequestId, cx: &mut Cx) -> Option<Box<dyn Screen>> {
    Some(Box::new(request::RequestDetail::new(id, cx)))
}

/// The requests that a query line asks for.
pub fn requests(query: &str, cx: &mut Cx) -> Option<Box<dyn Screen>> {
    Some(Box::new(requests::Requests::new(query, cx)))
}

/// Takes a request for a cat for somebody.
pub fn take_request(cat: CatId, cx: &mut Cx) -> Option<Box<dyn Screen>> {
    Some(Box::new(take_request::TakeRequest::new(cat, cx)))
}

/// Asks for a cat, which people call `name`, in one's own name.
pub fn ask_for(cat: CatId, name: &str, cx: &mut Cx) -> Option<Box<dyn Screen>> {
    Some(Box::new(notes::Notes::ask(cat, name, cx)))
}

/// An account's own screen.
pub fn user(id: UserId, cx: &mut Cx) -> Option<Box<dyn Screen>> {
    Some(Box::new(user::UserDetail::new(id, cx)))
}

/// What happened to a record.
pub fn history_of(kind: Kind, id: u32, cx: &mut Cx) -> Box<dyn Screen> {
    Box::new(audit::History::of(kind, id, cx))
}

/// The screen of a record of any kind, on top.
pub fn record(kind: Kind, id: u32, cx: &mut Cx) -> Outcome {
    on_top(match kind {
        Kind::User => user(UserId(id), cx),
        Kind::Breed => Some(Box::new(CataloguePage::new(Catalogue::Breeds, id, cx))),
        Kind::Health => Some(Box::new(CataloguePage::new(Catalogue::Health, id, cx))),
        Kind::Cat => cat(CatId(id), cx),
        Kind::Request => request(RequestId(id), cx),
    })
}

/// Puts a screen on top, if there is one.
pub fn on_top(screen: Option<Box<dyn Screen>>) -> Outcome {
    screen.map_or(Outcome::Stay, Outcome::Push)
}
