//! The embedded store: sealed records, indexes kept by hand, counters, one writer with group commit,
//! and the catalog in memory.
//!
//! Reads go to the committed state. Every write is a closure that runs on the writer's thread, one after
//! the other, and sees what the closures before it did: [`Store::write`] returns only after the commit is
//! on the disk. Only [`engine`] names sled.

use crate::model::{
    Actor, Action, AuditEntry, BreedId, CatId, CatStatusKind, CommitNo, HealthId, Kind, Record, RequestId, RequestStatus,
    Role, Stamp, Touched, UserId,
};

/// What can go wrong in the store, with the way out in the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another record has this value in a field that must be unique.
    #[error("{field} is taken")]
    Taken {
        /// The field.
        field: &'static str,
        /// Whose it is.
        by: u32,
    },
    /// The record was changed since: the revision asked for is not the stored one.
    #[error("{} {id} was changed", .kind.label())]
    Stale {
        /// The kind.
        kind: Kind,
        /// The number.
        id: u32,
    },
    /// The record is not there.
    #[error("there is no {} {id}", .kind.label())]
    Missing {
        /// The kind.
        kind: Kind,
        /// The number.
        id: u32,
    },
    /// A stored value cannot be opened or read.
    #[error("{0}")]
    Damaged(String),
    /// The store takes no more writes: a disk error came before.
    #[error("the store is read-only since a disk error: {0}")]
    ReadOnly(String),
    /// Disk, engine or size error.
    #[error("{0}")]
    Failed(String),
}

/// What one commit changed, for the screens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its number.
    pub commit: CommitNo,
    /// Who made it.
    pub actor: Actor,
    /// The records it touched.
    pub records: Vec<(Kind, u32)>,
}

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
    /// Cats in a status, by intake day of the current stay.
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
