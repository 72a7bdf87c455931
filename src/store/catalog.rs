//! The catalog: a compact view of cats, users and requests in memory.
//!
//! It serves every list, filter, sort, search and count without opening a sealed record. What is shown of a record is
//! in its row; what it is filtered by is in small cells in a row; the sort orders are kept; and a word index answers
//! searches (of a description only the words are kept). Names of breeds, health statuses and colours are looked up in
//! tables, so that renaming one is cheap.

mod cat_query;
mod cats;
mod fuzzy;
mod names;
mod order;
mod requests;
mod users;
mod words;

#[cfg(test)]
mod tests;

pub use cats::{CatCounts, CatRow};
pub use fuzzy::{Found, Pickable};
pub use requests::RequestRow;
pub use users::UserRow;

use std::sync::Arc;

use super::Change;
use crate::model::{
    AdoptionRequest, Breed, BreedId, Cat, CatId, CatStatusKind, Day, HealthId, HealthStatus, RequestId, RequestStatus,
    User, UserId, request::OVERDUE_DAYS,
};
use cats::Cats;
use names::Names;
use requests::Requests;
use users::Users;

/// The view. Built in the background at open, changed by the writer after each durable commit.
#[derive(Debug, Default)]
pub struct Catalog {
    ready: bool,
    version: u64,
    breeds: Names,
    health: Names,
    cats: Cats,
    users: Users,
    requests: Requests,
}

/// Every record of a store, to build a catalog from.
#[derive(Debug, Clone, Default)]
pub struct Records<B, H, C, U, R> {
    /// Breeds.
    pub breeds: B,
    /// Health statuses.
    pub health: H,
    /// Cats.
    pub cats: C,
    /// Users.
    pub users: U,
    /// Requests.
    pub requests: R,
}

impl Catalog {
    /// A catalog of these records, ready.
    pub fn build<B, H, C, U, R>(records: Records<B, H, C, U, R>) -> Self
    where
        B: IntoIterator<Item = Breed>,
        H: IntoIterator<Item = HealthStatus>,
        C: IntoIterator<Item = Cat>,
        U: IntoIterator<Item = User>,
        R: IntoIterator<Item = AdoptionRequest>,
    {
        let mut catalog = Self::default();
        records.breeds.into_iter().for_each(|r| catalog.set_breed(r.id, Some(&r)));
        records.health.into_iter().for_each(|r| catalog.set_health(r.id, Some(&r)));
        records.cats.into_iter().for_each(|r| catalog.change_cat(r.id.0, None, Some(&r)));
        records.users.into_iter().for_each(|r| catalog.change_user(r.id.0, None, Some(&r)));
        records.requests.into_iter().for_each(|r| catalog.change_request(r.id.0, Some(&r)));
        catalog.set_ready();
        catalog
    }

    /// Whether every record of the store is in it. Until then lists are empty.
    pub fn ready(&self) -> bool {
        self.ready
    }

    /// Counts the changes, so that a screen knows when to ask again.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Takes in the changes of one commit, in order. While the catalog is built every record of the store
    /// comes through here once, with no `before`: breeds, health statuses, cats, users, then requests.
    pub fn apply(&mut self, changes: &[Change]) {
        self.version += u64::from(!changes.is_empty());
        for change in changes {
            let id = change.id();
            match change {
                _ if id == 0 => {}
                Change::Breed { after, .. } => self.set_breed(BreedId(id), after.as_deref()),
                Change::Health { after, .. } => self.set_health(HealthId(id), after.as_deref()),
                Change::Cat { before, after } => self.change_cat(id, before.as_deref(), after.as_deref()),
                Change::User { before, after } => self.change_user(id, before.as_deref(), after.as_deref()),
                Change::Request { after, .. } => self.change_request(id, after.as_deref()),
            }
        }
    }

    /// Every record is in: sorts what was loaded.
    pub fn set_ready(&mut self) {
        self.cats.settle();
        self.users.words.settle();
        self.requests.settle();
        self.version += 1;
        self.ready = true;
    }

    fn set_breed(&mut self, id: BreedId, breed: Option<&Breed>) {
        self.breeds.set(id.0, breed.map(|b| (b.name.as_str(), false)));
    }

    fn set_health(&mut self, id: HealthId, health: Option<&HealthStatus>) {
        self.health.set(id.0, health.map(|h| (h.name.as_str(), h.prevents_adoption)));
    }

    fn change_cat(&mut self, id: u32, before: Option<&Cat>, after: Option<&Cat>) {
        let open = self.requests.open(self.requests.of_cat(id));
        self.cats.change(id, before, after, open);
    }

    fn change_user(&mut self, id: u32, before: Option<&User>, after: Option<&User>) {
        let open = self.requests.open(self.requests.of_user(id));
        self.users.change(id, before, after, open);
    }

    fn change_request(&mut self, id: u32, after: Option<&AdoptionRequest>) {
        let old = self.requests.row(id).map(|r| (r.cat, r.user));
        self.requests.change(id, after);
        let new = after.map(|r| (r.cat, r.user));
        for (cat, user) in [old, new.filter(|new| Some(*new) != old)].into_iter().flatten() {
            self.cats.set_open_requests(cat.0, self.requests.open(self.requests.of_cat(cat.0)));
            self.users.set_open_requests(user.0, self.requests.open(self.requests.of_user(user.0)));
        }
    }

    /// A cat's row.
    pub fn cat(&self, id: CatId) -> Option<&CatRow> {
        self.cats.row(id.0)
    }

    /// A user's row.
    pub fn user(&self, id: UserId) -> Option<&UserRow> {
        self.users.row(id.0)
    }

    /// A request's row.
    pub fn request(&self, id: RequestId) -> Option<&RequestRow> {
        self.requests.row(id.0)
    }

    /// The name of a breed; empty when there is none of that number.
    pub fn breed_name(&self, id: BreedId) -> &str {
        self.breeds.name(id.0).map_or("", |name| name)
    }

    /// The name of a health status; empty when there is none of that number.
    pub fn health_name(&self, id: HealthId) -> &str {
        self.health.name(id.0).map_or("", |name| name)
    }

    /// What people call a cat: its name, else its tag, else its number.
    pub fn cat_title(&self, id: CatId) -> String {
        self.cat(id).map_or_else(|| format!("cat {id}"), CatRow::display_name)
    }

    /// What people call a user: the full name, else the sign-in name.
    pub fn user_title(&self, id: UserId) -> String {
        self.user(id).map_or_else(|| format!("user {id}"), |user| user.display_name().to_owned())
    }

    /// Whether a cat is on offer to everyone: available, not archived, in no state of health that keeps it from
    /// being adopted.
    pub fn is_offered(&self, id: CatId) -> bool {
        self.cat(id).is_some_and(|cat| {
            cat.status == CatStatusKind::Available
                && !cat.archived
                && !cat.health.is_some_and(|health| self.health_prevents_adoption(health))
        })
    }

    /// The place of an open request in its cat's queue, from 1, and how many open requests that queue has.
    pub fn place(&self, id: RequestId) -> (Option<usize>, usize) {
        let Some(request) = self.request(id) else { return (None, 0) };
        let open = || self.requests_of_cat(request.cat).filter(|r| r.status.is_open());
        (open().position(|r| r.id == id).map(|at| at + 1), open().count())
    }

    /// Whether a health status keeps a cat from being adopted.
    pub fn health_prevents_adoption(&self, id: HealthId) -> bool {
        self.health.prevents_adoption(id.0)
    }

    /// The names of all breeds, by number.
    pub fn breed_names(&self) -> impl Iterator<Item = (BreedId, &Arc<str>)> {
        self.breeds.all().map(|(id, name)| (BreedId(id), name))
    }

    /// The names of all health statuses, by number.
    pub fn health_names(&self) -> impl Iterator<Item = (HealthId, &Arc<str>)> {
        self.health.all().map(|(id, name)| (HealthId(id), name))
    }

    /// The colours in use, in no order.
    pub fn colours(&self) -> impl Iterator<Item = &Arc<str>> {
        self.cats.colours().all().map(|(_, name)| name)
    }

    /// All requests for a cat, in order of arrival.
    pub fn requests_of_cat(&self, cat: CatId) -> impl DoubleEndedIterator<Item = &RequestRow> {
        self.requests.of_cat(cat.0).filter_map(|id| self.requests.row(id))
    }

    /// All requests of a user, in order of arrival.
    pub fn requests_of_user(&self, user: UserId) -> impl DoubleEndedIterator<Item = &RequestRow> {
        self.requests.of_user(user.0).filter_map(|id| self.requests.row(id))
    }

    /// Counts of cats that are not archived.
    pub fn cat_counts(&self) -> CatCounts {
        self.cats.counts
    }

    /// Requests in a status.
    pub fn requests_in_status(&self, status: RequestStatus) -> usize {
        self.requests.in_status(status).len()
    }

    /// Pending requests that arrived more than [`OVERDUE_DAYS`] days before `today`.
    pub fn overdue(&self, today: Day) -> usize {
        let since = Day(today.0 - OVERDUE_DAYS).start();
        self.requests.in_status(RequestStatus::Pending).partition_point(|key| key.0 < since.0)
    }

    /// Compares with a recount: a sentence for each thing that is not as these records say.
    pub fn verify<B, H, C, U, R>(&self, records: Records<B, H, C, U, R>) -> Vec<String>
    where
        B: IntoIterator<Item = Breed>,
        H: IntoIterator<Item = HealthStatus>,
        C: IntoIterator<Item = Cat>,
        U: IntoIterator<Item = User>,
        R: IntoIterator<Item = AdoptionRequest>,
    {
        self.differences(&Self::build(records))
    }

    /// A sentence for each thing that differs from another catalog of the same records.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut out = Vec::new();
        for (what, same) in [("breeds", self.breeds == other.breeds), ("health statuses", self.health == other.health)]
        {
            if !same {
                out.push(format!("the catalog's names of {what} are not as the records"));
            }
        }
        out.extend(self.cats.differences(&other.cats));
        out.extend(self.users.differences(&other.users));
        out.extend(self.requests.differences(&other.requests));
        out
    }
}
