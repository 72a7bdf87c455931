//! The embedded store: sealed records, indexes kept by hand, counters, one writer with group commit,
//! and the catalog in memory.
//!
//! Reads go to the committed state. Every write is a closure that runs on the writer's thread, one after
//! the other, and sees what the closures before it did: [`Store::write`] returns only after the commit is
//! on the disk. Only one file, `engine.rs`, names the engine.

use std::{ops::Deref, sync::RwLock};

use crate::model::{Actor, AuditEntry, CommitNo, Kind, Record, Touched};

pub mod catalog;
mod change;
mod check;
mod listing;
mod open;
mod tx;

pub use catalog::Catalog;
pub use change::Change;
pub use check::{CheckReport, Progress};
pub use listing::{Cursor, Listing, Tally, Unique};
pub use open::{OpenError, OpenOptions, Opened, probe};
pub use tx::Tx;

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

/// A write that is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written<T> {
    /// What the closure answered.
    pub value: T,
    /// The number of the commit; `None` when the closure changed nothing.
    pub commit: Option<CommitNo>,
}

/// A subscription to the commits; ends when it is dropped.
#[must_use = "the subscription ends when it is dropped"]
#[derive(Debug)]
pub struct Subscription;

/// The store. Clones are handles of the same one; it is closed when the last one is dropped.
#[derive(Debug, Clone)]
pub struct Store {
    catalog: std::sync::Arc<RwLock<Catalog>>,
}

impl Store {
    /// The store's own id, in hexadecimal; the key file is named after it.
    pub fn id(&self) -> &str {
        unimplemented!()
    }

    /// A record, if it is there.
    ///
    /// # Errors
    /// When the stored value cannot be read.
    pub fn get<R: Record>(&self, _id: R::Id) -> Result<Option<R>, StoreError> {
        unimplemented!()
    }

    /// The record that has a unique value.
    ///
    /// # Errors
    /// When the index or the record cannot be read.
    pub fn find(&self, _unique: Unique<'_>) -> Result<Option<u32>, StoreError> {
        unimplemented!()
    }

    /// A page of a listing: up to `limit` ids after a place in it, oldest first or newest first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn list(
        &self,
        _listing: Listing,
        _after: Option<Cursor>,
        _limit: usize,
        _newest_first: bool,
    ) -> Result<Vec<u32>, StoreError> {
        unimplemented!()
    }

    /// The place of a record in a listing; `None` when it is not in it.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn cursor(&self, _listing: Listing, _id: u32) -> Result<Option<Cursor>, StoreError> {
        unimplemented!()
    }

    /// Every record of a kind by id; for exports and checks, never on a key press. A value that cannot be read
    /// is one `Err`, and the rest follows.
    pub fn all<R: Record>(&self) -> impl Iterator<Item = Result<R, StoreError>> {
        std::iter::empty()
    }

    /// A counter, exact, from memory.
    pub fn tally(&self, _tally: Tally) -> u64 {
        unimplemented!()
    }

    /// The catalog, to read. Hold it shortly: the writer waits for it.
    pub fn catalog(&self) -> impl Deref<Target = Catalog> {
        self.catalog.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Runs a closure on the writer's thread and returns when what it did is on the disk.
    ///
    /// # Errors
    /// The closure's own error, which discards what it did; or the store's.
    pub fn write<T, E>(
        &self,
        _actor: &Actor,
        _f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<Written<T>, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        unimplemented!()
    }

    /// Calls `f` after each commit, once it is on the disk and in the catalog. It runs on the writer's thread and must
    /// not block.
    pub fn subscribe(&self, _f: Box<dyn Fn(&Changed) + Send + Sync>) -> Subscription {
        unimplemented!()
    }

    /// Entries of the audit log before a commit (or from the last one), newest first.
    ///
    /// # Errors
    /// When an entry cannot be read.
    pub fn audit(&self, _before: Option<CommitNo>, _limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        unimplemented!()
    }

    /// Entries of the audit log that touched a record, newest first.
    ///
    /// # Errors
    /// When an entry cannot be read.
    pub fn audit_of(&self, _kind: Kind, _id: u32, _limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        unimplemented!()
    }

    /// One entry of the audit log with the records it touched.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn audit_entry(&self, _no: CommitNo) -> Result<Option<(AuditEntry, Vec<Touched>)>, StoreError> {
        unimplemented!()
    }

    /// Reads a stored form, such as [`Touched::before`].
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn decode<R: Record>(&self, _stored: &[u8]) -> Result<R, StoreError> {
        unimplemented!()
    }

    /// Opens every record and recounts every index, counter, the catalog and the audit log. `progress` answers false to
    /// break off.
    ///
    /// # Errors
    /// When the engine itself fails; what is wrong with the content is in the report.
    pub fn check(&self, _progress: &mut dyn FnMut(Progress) -> bool) -> Result<CheckReport, StoreError> {
        unimplemented!()
    }

    /// Rebuilds indexes and counters from the records. Writes wait meanwhile; reads go on. Broken off, it goes on from
    /// there the next time.
    ///
    /// # Errors
    /// When the engine itself fails.
    pub fn repair(
        &self,
        _actor: &Actor,
        _progress: &mut (dyn FnMut(Progress) -> bool + Send),
    ) -> Result<CheckReport, StoreError> {
        unimplemented!()
    }

    /// Why the store takes no more writes, if so.
    pub fn read_only(&self) -> Option<String> {
        unimplemented!()
    }

    /// Closes the store when this is the last handle: waits for the writer, writes the clean mark.
    ///
    /// # Errors
    /// When the mark cannot be written.
    pub fn close(self) -> Result<(), StoreError> {
        unimplemented!()
    }
}
