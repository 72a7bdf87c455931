//! What a closure of the writer works on.

use crate::model::{Action, Actor, CommitNo, Kind, Record, Stamp};

use super::{Listing, StoreError, Tally, Unique};

/// The view of one write: what is committed, under what the closures of the same group did before, under
/// what this one did.
pub struct Tx<'a> {
    actor: &'a Actor,
    now: Stamp,
}

impl Tx<'_> {
    /// The moment of the commit.
    pub fn now(&self) -> Stamp {
        self.now
    }

    /// Who writes.
    pub fn actor(&self) -> &Actor {
        self.actor
    }

    /// A record, if it is there.
    ///
    /// # Errors
    /// When the stored value cannot be read.
    pub fn get<R: Record>(&self, _id: R::Id) -> Result<Option<R>, StoreError> {
        unimplemented!()
    }

    /// A record that must be there.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when it is not; or the stored value cannot be read.
    pub fn need<R: Record>(&self, _id: R::Id) -> Result<R, StoreError> {
        unimplemented!()
    }

    /// The record that has a unique value.
    ///
    /// # Errors
    /// When the index or the record cannot be read.
    pub fn find(&self, _unique: Unique<'_>) -> Result<Option<u32>, StoreError> {
        unimplemented!()
    }

    /// Ids of a listing, oldest first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn list(&self, _listing: Listing, _limit: usize) -> Result<Vec<u32>, StoreError> {
        unimplemented!()
    }

    /// A counter, as it is after what this closure did so far.
    pub fn tally(&self, _tally: Tally) -> u64 {
        unimplemented!()
    }

    /// Stores a new record: gives it the next id of its kind, revision 1 and its times.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when a unique value is another record's; [`StoreError::Failed`] when it is too large.
    pub fn insert<R: Record>(&mut self, _record: &mut R) -> Result<R::Id, StoreError> {
        unimplemented!()
    }

    /// Stores a changed record. Its revision must be the stored one, and goes up by one; a record without a
    /// change is left alone.
    ///
    /// # Errors
    /// [`StoreError::Stale`], [`StoreError::Missing`], [`StoreError::Taken`], or too large.
    pub fn update<R: Record>(&mut self, _record: &mut R) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Deletes a record of that revision. Its id is never given again.
    ///
    /// # Errors
    /// [`StoreError::Stale`] or [`StoreError::Missing`].
    pub fn delete<R: Record>(&mut self, _id: R::Id, _rev: u32) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Stores a deleted record again under its own id, as undo needs it. Its revision goes on from the one
    /// it carries.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when there is such a record, [`StoreError::Taken`] for a unique value.
    pub fn restore<R: Record>(&mut self, _record: &mut R) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Says what this commit does. A closure that changes anything must call it.
    pub fn describe(&mut self, _action: Action, _note: impl Into<String>) {
        unimplemented!()
    }

    /// Says which commit this one undoes.
    pub fn undoes(&mut self, _no: CommitNo) {
        unimplemented!()
    }

    /// The records this closure changed so far, in order of kind and number.
    pub fn touched(&self) -> Vec<(Kind, u32)> {
        unimplemented!()
    }
}
