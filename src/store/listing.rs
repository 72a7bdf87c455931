//! What the store can be asked: counters, unique values, listings and places in them.

use crate::model::{BreedId, CatId, CatStatusKind, HealthId, Kind, RequestStatus, Role, UserId};

/// Counters that every commit keeps exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tally {
    /// Records of a kind.
    Records(Kind),
    /// Cats (not archived) in an adoption status.
    CatsByStatus(CatStatusKind),
    /// Cats of a breed, archived ones too.
    CatsByBreed(BreedId),
    /// Cats in a health status, archived ones too.
    CatsByHealth(HealthId),
    /// Requests in a status.
    RequestsByStatus(RequestStatus),
    /// Accounts of a role, locked ones too.
    UsersByRole(Role),
}

/// A look-up of the record that has a value in a unique field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique<'a> {
    /// A cat by tag.
    Tag(&'a str),
    /// A user by sign-in name.
    Username(&'a str),
    /// A user by e-mail address.
    Email(&'a str),
    /// A breed by name.
    BreedName(&'a str),
    /// A health status by name.
    HealthName(&'a str),
}

/// A list of ids that an index keeps in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// Cats (not archived) in a status, by intake day of the current stay; unknown days last.
    CatsByStatus(CatStatusKind),
    /// Cats of a breed.
    CatsByBreed(BreedId),
    /// Cats in a health status.
    CatsByHealth(HealthId),
    /// Users of a role.
    UsersByRole(Role),
    /// Requests in a status, by date.
    RequestsByStatus(RequestStatus),
    /// Requests for a cat, by date.
    RequestsOfCat(CatId),
    /// Requests of a user, by date.
    RequestsOfUser(UserId),
}

/// A place in a [`Listing`], to go on from: what the listing is sorted by, then the id. Made by
/// [`Store::cursor`](crate::store::Store::cursor) from a record, so that a page starts at a record and never at an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The sort part of the index key: a day or moment in an order-preserving form, 0 where the listing goes by id.
    pub sort: u64,
    /// The record's number.
    pub id: u32,
}
