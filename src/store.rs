//! The embedded store: sealed records, indexes kept by hand, counters, one writer with group commit,
//! and the catalog in memory.
//!
//! Reads go to the committed state. Every write is a closure that runs on the writer's thread, one after
//! the other, and sees what the closures before it did: [`Store::write`] returns only after the commit is
//! on the disk. Only one file, `engine.rs`, names the engine.

use std::{
    ops::Deref,
    sync::{Arc, Weak, mpsc},
    time::{Duration, Instant},
};

use crate::model::{Actor, AuditEntry, CommitNo, Kind, Record, Touched};

mod around;
mod aside;
mod audit;
pub mod backup;
pub mod catalog;
mod change;
mod check;
mod codec;
mod compact;
mod core;
pub mod doctor;
mod engine;
mod files;
mod group;
mod handle;
mod indexes;
mod journal;
mod keyring;
mod keys;
mod listing;
mod locked;
mod meta;
mod migrate;
mod open;
mod probe;
mod record;
mod repair;
mod replay;
mod reseal;
pub mod restore;
mod seal;
mod slots;
mod snapshot;
mod surroundings;
mod swap;
mod tallies;
mod tx;
mod writer;

pub use around::{Alert, Level, Space, size};
pub use backup::{BackupError, BackupPolicy, BackupReport, BackupState};
pub use catalog::Catalog;
pub use change::Change;
pub use check::{CheckReport, Progress};
pub use compact::Compacted;
pub use keyring::{
    Ask, PASSPHRASE_MIN, SlotKind,
    code::{CodeError, RecoveryCode},
};
pub use listing::{Cursor, Listing, Tally, Unique};
pub use locked::keep_secrets;
pub use open::{OpenError, OpenOptions, Opened};
pub use probe::probe;
pub use reseal::Resealed;
pub use slots::{KeyStatus, SlotLine};
pub use surroundings::{SpaceLimits, Surroundings};
pub use tx::Tx;

use self::{
    core::{Core, lock},
    handle::Handle,
    writer::{Message, Write},
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
    /// The store does not do it: why, and what to do instead.
    #[error("{0}")]
    Refused(String),
    /// There is too little room on the disk to save anything; there may be more later.
    #[error("{0}")]
    NoRoom(String),
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

impl Changed {
    /// Whether only the log has grown: somebody came or went. The program itself, which touches no records either,
    /// tells that everything can be read now.
    pub fn is_only_logged(&self) -> bool {
        self.records.is_empty() && self.actor.who != crate::model::Who::Program
    }
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
pub struct Subscription {
    core: Weak<Core>,
    id: u64,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(core) = self.core.upgrade() {
            lock(&core.listeners).remove(&self.id);
        }
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The store. Clones are handles of the same one; it is closed when the last one is dropped.
#[derive(Clone)]
pub struct Store(Arc<Handle>);

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl Store {
    fn core(&self) -> &Arc<Core> {
        self.0.core()
    }

    /// The store's own id, in hexadecimal; the key file is named after it.
    pub fn id(&self) -> &str {
        &self.core().id
    }

    /// A record, if it is there.
    ///
    /// # Errors
    /// When the stored value cannot be read.
    pub fn get<R: Record>(&self, id: R::Id) -> Result<Option<R>, StoreError> {
        self.core().get(id)
    }

    /// The record that has a unique value.
    ///
    /// # Errors
    /// When the index or the record cannot be read.
    pub fn find(&self, unique: Unique<'_>) -> Result<Option<u32>, StoreError> {
        self.core().find(unique)
    }

    /// A page of a listing: up to `limit` ids after a place in it, oldest first or newest first.
    ///
    /// A commit may come between this and the reading of a record: check that the record is what was listed.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn list(
        &self,
        listing: Listing,
        after: Option<Cursor>,
        limit: usize,
        newest_first: bool,
    ) -> Result<Vec<u32>, StoreError> {
        self.core().list(listing, after, limit, newest_first)
    }

    /// The place of a record in a listing; `None` when it is not in it.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn cursor(&self, listing: Listing, id: u32) -> Result<Option<Cursor>, StoreError> {
        self.core().cursor(listing, id)
    }

    /// Every record of a kind by id; for exports and checks, never on a key press. A value that cannot be read
    /// is one `Err`, and the rest follows.
    pub fn all<R: Record>(&self) -> impl Iterator<Item = Result<R, StoreError>> {
        let core = self.core();
        let mut after = 0;
        std::iter::from_fn(move || {
            let page = (after < u32::MAX).then(|| core.records(R::KIND, after, check::AT_A_TIME))?;
            after = page.upto;
            Some(page.records)
        })
        .flatten()
        .filter_map(|(_, record)| record.map(|any| any.to()).transpose())
    }

    /// A counter, exact, from memory.
    pub fn tally(&self, tally: Tally) -> u64 {
        self.core().tally(tally)
    }

    /// The catalog, to read. Hold it shortly and never across a write: the writer waits for it.
    pub fn catalog(&self) -> impl Deref<Target = Catalog> {
        self.core().catalog()
    }

    /// The same, once it serves: it is built in the background when the store is opened (0.2 to 1 s for 100,000 cats).
    ///
    /// # Errors
    /// When it could not be built.
    pub fn ready_catalog(&self) -> Result<impl Deref<Target = Catalog>, StoreError> {
        if self.core().wait_for_catalog() {
            Ok(self.core().catalog())
        } else {
            Err(StoreError::Failed("the catalog could not be built; run \"clowder check\" to see why".to_owned()))
        }
    }

    /// How many records could not be read when the catalog was built; 0 in a sound store.
    pub fn unreadable(&self) -> u64 {
        self.core().unreadable.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Runs a closure on the writer's thread and returns when what it did is on the disk.
    ///
    /// # Errors
    /// The closure's own error, which discards what it did; or the store's.
    pub fn write<T, E>(
        &self,
        actor: &Actor,
        f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<Written<T>, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.core().writable()?;
        let (reply, answer) = mpsc::sync_channel(1);
        self.0.send(Message::Job(Box::new(Write::new(actor.clone(), f, reply))))?;
        answer.recv().map_err(|_| StoreError::Failed("the store was closed".to_owned()))?
    }

    /// Calls `f` after each commit, once it is on the disk and in the catalog, and with no records when the catalog has become
    /// ready. It runs on the writer's thread and must not block.
    pub fn subscribe(&self, f: Box<dyn Fn(&Changed) + Send + Sync>) -> Subscription {
        let mut listeners = lock(&self.core().listeners);
        let id = listeners.last_key_value().map_or(0, |(id, _)| id + 1);
        listeners.insert(id, f.into());
        Subscription { core: Arc::downgrade(self.core()), id }
    }

    /// Entries of the audit log before a commit (or from the last one), newest first.
    ///
    /// # Errors
    /// When an entry cannot be read.
    pub fn audit(&self, before: Option<CommitNo>, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.core().audit(before, limit)
    }

    /// Entries of the audit log that touched a record, newest first.
    ///
    /// # Errors
    /// When an entry cannot be read.
    pub fn audit_of(&self, kind: Kind, id: u32, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.core().audit_of(kind, id, limit)
    }

    /// One entry of the audit log with the records it touched.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn audit_entry(&self, no: CommitNo) -> Result<Option<(AuditEntry, Vec<Touched>)>, StoreError> {
        self.core().audit_entry(no)
    }

    /// Reads a stored form, such as [`Touched::before`].
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn decode<R: Record>(&self, stored: &[u8]) -> Result<R, StoreError> {
        codec::decode(stored)
    }

    /// Opens every record and recounts every index, counter, the catalog and the audit log, as they are at one
    /// moment, while reads and writes go on. `progress` answers false to break off.
    ///
    /// # Errors
    /// When the engine itself fails; what is wrong with the content is in the report.
    pub fn check(&self, progress: &mut dyn FnMut(Progress) -> bool) -> Result<CheckReport, StoreError> {
        check::check(&self.0, progress)
    }

    /// The same, and reads the journal: that its chain is whole up to the last commit, that it says the same as the audit log,
    /// and that the records are as the last commits in it left them.
    ///
    /// # Errors
    /// When the engine itself fails; what is wrong with the content is in the report.
    pub fn check_deep(&self, progress: &mut dyn FnMut(Progress) -> bool) -> Result<CheckReport, StoreError> {
        check::check_deep(&self.0, progress)
    }

    /// Takes damaged records from the audit log and rebuilds indexes and counters from the records, then checks.
    /// Writes wait meanwhile; reads go on. Broken off, it goes on from there the next time, unless there were commits.
    ///
    /// # Errors
    /// When the engine itself fails.
    pub fn repair(
        &self,
        actor: &Actor,
        progress: &mut (dyn FnMut(Progress) -> bool + Send),
    ) -> Result<CheckReport, StoreError> {
        repair::repair(&self.0, actor, progress)
    }

    /// Copies what is stored into new files and puts them in the place of the old ones, which are kept. Reads and writes go
    /// on, but for the moment in which they change places. `progress` answers false to break off.
    ///
    /// # Errors
    /// `NoRoom` without as much room as the store takes; when the engine fails, or the copy is not the same. Then everything
    /// is as it was.
    pub fn compact(&self, progress: &mut dyn FnMut(Progress) -> bool) -> Result<Compacted, StoreError> {
        compact::compact(&self.0, progress)
    }

    /// Removes what compacting kept, by the name in [`Compacted::kept`].
    ///
    /// # Errors
    /// It is no such name, or cannot be removed.
    pub fn remove_kept(&self, kept: &str) -> Result<(), StoreError> {
        compact::remove_kept(self.0.data(), kept)
    }

    /// Bytes that the store takes on the disk.
    ///
    /// # Errors
    /// When the files cannot be looked at.
    pub fn size_on_disk(&self) -> Result<u64, StoreError> {
        Ok(self.core().engine.size_on_disk()?)
    }

    /// Whether the journal was found missing or damaged at open, so that only a new backup makes the store safe again.
    pub fn backup_due(&self) -> bool {
        self.core().backup_due.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Why the store takes no more writes, if so.
    pub fn read_only(&self) -> Option<String> {
        self.core().read_only.get().cloned()
    }

    /// Makes it refuse writes from now on, as after an error of the engine.
    #[cfg(test)]
    pub(crate) fn refuse_writes(&self, why: &str) {
        self.core().read_only.get_or_init(|| why.to_owned());
    }

    /// Makes it count so many records as unreadable once its catalog is built.
    #[cfg(test)]
    pub(crate) fn count_unreadable(&self, records: u64) {
        assert!(self.core().wait_for_catalog());
        self.core().unreadable.store(records, std::sync::atomic::Ordering::Relaxed);
    }

    /// The room on the disk as it was seen last: it is looked at while there are writes, and every minute.
    pub fn space(&self) -> Space {
        self.core().space()
    }

    /// What should be seen on every screen: little room, a clock that is behind.
    pub fn alerts(&self) -> Vec<Alert> {
        self.core().alerts()
    }

    /// Closes the store when this is the last handle: waits for the writer, writes the clean mark.
    ///
    /// # Errors
    /// When the mark cannot be written.
    pub fn close(self) -> Result<(), StoreError> {
        Arc::into_inner(self.0).map_or(Ok(()), |mut handle| handle.close())
    }

    /// Closes the store once nobody else uses it, or gives up after so long: then the files are as after a power cut,
    /// and the next start tries them on a copy first.
    ///
    /// # Errors
    /// Somebody still uses it, or the mark cannot be written.
    pub fn close_within(self, most: Duration) -> Result<(), StoreError> {
        let started = Instant::now();
        while Arc::strong_count(&self.0) > 1 {
            if started.elapsed() > most {
                return Err(StoreError::Failed("work was still going on when the store was to be closed".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.close()
    }
}
