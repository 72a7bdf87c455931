//! What a closure of the writer works on.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
};

use crate::model::{Action, Actor, CommitNo, Kind, Record, RecordId as _, Stamp};

use super::{
    Listing, StoreError, Tally, Unique,
    core::Core,
    indexes::{self, Key, Range},
    record::AnyRecord,
    seal::KeyHasher,
    tallies,
};

/// Changes that are not committed yet, over what is below them.
#[derive(Default)]
pub(super) struct Layer {
    /// Records as they were below this layer, and as they are now.
    pub(super) records: BTreeMap<(Kind, u32), (Option<AnyRecord>, Option<AnyRecord>)>,
    /// Index keys: whether they were there below this layer, and whether they are there now.
    pub(super) keys: BTreeMap<Key, (bool, bool)>,
    /// What the counters gain.
    pub(super) tallies: HashMap<Tally, i64>,
    /// The last ids given.
    pub(super) last_ids: HashMap<Kind, u32>,
}

impl Layer {
    /// Puts a layer that lay over this one into it.
    pub(super) fn merge(&mut self, over: Self) {
        for (place, (before, after)) in over.records {
            self.records.entry(place).and_modify(|sides| sides.1 = after.clone()).or_insert((before, after));
        }
        for (key, (was, is)) in over.keys {
            self.keys.entry(key).and_modify(|there| there.1 = is).or_insert((was, is));
        }
        for (tally, by) in over.tallies {
            *self.tallies.entry(tally).or_default() += by;
        }
        self.last_ids.extend(over.last_ids);
    }

    /// Puts `new` in the place of `old`, with all that follows from it. `check` sees each index key that is gained.
    pub(super) fn replace<E>(
        &mut self,
        hasher: &KeyHasher,
        place: (Kind, u32),
        old: Option<AnyRecord>,
        new: Option<AnyRecord>,
        mut check: impl FnMut(&Self, &Key) -> Result<(), E>,
    ) -> Result<(), E> {
        let before: BTreeSet<Key> = old.iter().flat_map(|r| indexes::keys(hasher, r)).collect();
        let after: BTreeSet<Key> = new.iter().flat_map(|r| indexes::keys(hasher, r)).collect();
        for key in after.difference(&before) {
            check(self, key)?;
        }
        for key in before.difference(&after) {
            self.keys.entry(key.clone()).and_modify(|there| there.1 = false).or_insert((true, false));
        }
        for key in after.difference(&before) {
            self.keys.entry(key.clone()).and_modify(|there| there.1 = true).or_insert((false, true));
        }
        tallies::add_change(&mut self.tallies, old.as_ref(), new.as_ref());
        self.records.entry(place).and_modify(|sides| sides.1 = new.clone()).or_insert((old, new));
        Ok(())
    }
}

/// The view of one write: what is committed, under what the closures of the same group did before, under
/// what this one did.
pub struct Tx<'a> {
    core: &'a Core,
    group: &'a Layer,
    actor: &'a Actor,
    now: Stamp,
    accepts_clock: bool,
    own: Layer,
    action: Option<(Action, String)>,
    undoes: Option<CommitNo>,
    always: bool,
    /// The record of each kind that was read last: what is changed is read first, and again to be compared.
    read: RefCell<HashMap<Kind, AnyRecord>>,
}

/// What a closure left behind.
pub(super) struct Done {
    pub(super) layer: Layer,
    pub(super) action: Option<(Action, String)>,
    pub(super) undoes: Option<CommitNo>,
    pub(super) always: bool,
    /// The time of the clock, if commits are dated by it again from this one on.
    pub(super) accepted: Option<Stamp>,
}

impl<'a> Tx<'a> {
    pub(super) fn new(core: &'a Core, group: &'a Layer, actor: &'a Actor, now: Stamp) -> Self {
        Self {
            core,
            group,
            actor,
            now,
            accepts_clock: false,
            own: Layer::default(),
            action: None,
            undoes: None,
            always: false,
            read: RefCell::default(),
        }
    }

    pub(super) fn done(mut self) -> Done {
        // What was made and deleted again, or changed and changed back, is no change.
        self.own.records.retain(|_, (before, after)| before != after);
        let accepted = self.accepts_clock.then_some(self.now);
        Done { layer: self.own, action: self.action, undoes: self.undoes, always: self.always, accepted }
    }
}

impl Tx<'_> {
    /// The moment of the commit.
    pub fn now(&self) -> Stamp {
        self.now
    }

    /// Dates this commit, and those after it, by the clock, although the last one is dated later. Answers both moments; `None` when
    /// the clock is not behind.
    pub fn accept_clock(&mut self) -> Option<(Stamp, Stamp)> {
        let (last, clock) = self.core.behind()?;
        self.now = clock;
        self.accepts_clock = true;
        Some((last, clock))
    }

    /// Who writes.
    pub fn actor(&self) -> &Actor {
        self.actor
    }

    /// A record, if it is there.
    ///
    /// # Errors
    /// When the stored value cannot be read.
    pub fn get<R: Record>(&self, id: R::Id) -> Result<Option<R>, StoreError> {
        Ok(self.any(R::KIND, id.number())?.as_ref().and_then(AnyRecord::get).cloned())
    }

    /// A record that must be there.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when it is not; or the stored value cannot be read.
    pub fn need<R: Record>(&self, id: R::Id) -> Result<R, StoreError> {
        self.get(id)?.ok_or(StoreError::Missing { kind: R::KIND, id: id.number() })
    }

    /// A record of any kind as it is after what this closure did so far, if it is there.
    fn any(&self, kind: Kind, id: u32) -> Result<Option<AnyRecord>, StoreError> {
        if let Some(pending) = self.pending(kind, id) {
            return Ok(pending.clone());
        }
        if let Some(read) = self.read.borrow().get(&kind).filter(|record| record.id() == id) {
            return Ok(Some(read.clone()));
        }
        let stored = self.core.get_any(kind, id)?;
        if let Some(record) = &stored {
            self.read.borrow_mut().insert(kind, record.clone());
        }
        Ok(stored)
    }

    /// The record that has a unique value.
    ///
    /// # Errors
    /// When the index or the record cannot be read.
    pub fn find(&self, unique: Unique<'_>) -> Result<Option<u32>, StoreError> {
        let (_, prefix) = indexes::unique(&self.core.hasher, unique);
        Ok(self.keys(&Range::prefix(prefix), 1)?.first().map(|key| indexes::id_of(key)))
    }

    /// Ids of a listing, oldest first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn list(&self, listing: Listing, limit: usize) -> Result<Vec<u32>, StoreError> {
        let keys = self.keys(&Range::listing(listing, None, false), limit)?;
        Ok(keys.iter().map(|key| indexes::id_of(key)).collect())
    }

    /// A counter, as it is after what this closure did so far.
    pub fn tally(&self, tally: Tally) -> u64 {
        let pending: i64 = [self.group, &self.own].iter().filter_map(|layer| layer.tallies.get(&tally)).sum();
        self.core.tally(tally).saturating_add_signed(pending)
    }

    /// Stores a new record: gives it the next id of its kind, revision 1 and its times.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when a unique value is another record's; [`StoreError::Failed`] when it is too large.
    pub fn insert<R: Record>(&mut self, record: &mut R) -> Result<R::Id, StoreError> {
        let id = self.last_id(R::KIND).checked_add(1).filter(|&id| id < u32::MAX).ok_or_else(|| {
            StoreError::Failed(format!("the store has no more numbers for {} records", R::KIND.slug()))
        })?;
        let mut new = record.clone();
        new.set_id(R::Id::new(id));
        let version = new.version_mut();
        version.rev = 1;
        version.created_at = self.now;
        version.updated_at = self.now;
        self.replace(R::KIND, id, None, Some(AnyRecord::of(&new)?))?;
        self.own.last_ids.insert(R::KIND, id);
        *record = new;
        Ok(record.id())
    }

    /// Stores a changed record. Its revision must be the stored one, and goes up by one; a record without a
    /// change is left alone.
    ///
    /// # Errors
    /// [`StoreError::Stale`], [`StoreError::Missing`], [`StoreError::Taken`], or too large.
    pub fn update<R: Record>(&mut self, record: &mut R) -> Result<(), StoreError> {
        let id = record.id();
        let missing = StoreError::Missing { kind: R::KIND, id: id.number() };
        let old = self.any(R::KIND, id.number())?.ok_or(missing)?;
        if record.version().rev != old.version().rev {
            return Err(StoreError::Stale { kind: R::KIND, id: id.number() });
        }
        let mut new = record.clone();
        *new.version_mut() = *old.version();
        if old.get() != Some(&new) {
            let version = new.version_mut();
            version.rev = version.rev.saturating_add(1);
            version.updated_at = self.now;
            self.replace(R::KIND, id.number(), Some(old), Some(AnyRecord::of(&new)?))?;
        }
        *record = new;
        Ok(())
    }

    /// Deletes a record of that revision. Its id is never given again.
    ///
    /// # Errors
    /// [`StoreError::Stale`] or [`StoreError::Missing`].
    pub fn delete<R: Record>(&mut self, id: R::Id, rev: u32) -> Result<(), StoreError> {
        let missing = StoreError::Missing { kind: R::KIND, id: id.number() };
        let old = self.any(R::KIND, id.number())?.ok_or(missing)?;
        if rev != old.version().rev {
            return Err(StoreError::Stale { kind: R::KIND, id: id.number() });
        }
        self.replace(R::KIND, id.number(), Some(old), None)
    }

    /// Stores a deleted record again under its own id, as undo needs it. Its revision goes on from the one
    /// it carries.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when there is such a record, [`StoreError::Taken`] for a unique value,
    /// [`StoreError::Missing`] when its id was never given.
    pub fn restore<R: Record>(&mut self, record: &mut R) -> Result<(), StoreError> {
        let (kind, id) = (R::KIND, record.id().number());
        if id == 0 || id > self.last_id(kind) {
            return Err(StoreError::Missing { kind, id });
        }
        if self.get::<R>(record.id())?.is_some() {
            return Err(StoreError::Stale { kind, id });
        }
        let mut new = record.clone();
        let version = new.version_mut();
        version.rev = version.rev.saturating_add(1);
        version.updated_at = self.now;
        self.replace(kind, id, None, Some(AnyRecord::of(&new)?))?;
        *record = new;
        Ok(())
    }

    /// Says what this commit does. A closure that changes anything must call it.
    pub fn describe(&mut self, action: Action, note: impl Into<String>) {
        self.action = Some((action, note.into()));
    }

    /// Asks for an entry in the audit log even if no record changes.
    pub fn always(&mut self) {
        self.always = true;
    }

    /// Says which commit this one undoes.
    pub fn undoes(&mut self, no: CommitNo) {
        self.undoes = Some(no);
    }

    /// The records this closure changed so far, in order of kind and number.
    pub fn touched(&self) -> Vec<(Kind, u32)> {
        self.own.records.iter().filter(|(_, (before, after))| before != after).map(|(place, _)| *place).collect()
    }

    /// A record as this closure or the group left it; `None` when neither touched it.
    fn pending(&self, kind: Kind, id: u32) -> Option<&Option<AnyRecord>> {
        [&self.own, self.group].into_iter().find_map(|layer| layer.records.get(&(kind, id))).map(|sides| &sides.1)
    }

    /// The last id given to a record of that kind.
    fn last_id(&self, kind: Kind) -> u32 {
        [&self.own, self.group]
            .iter()
            .find_map(|layer| layer.last_ids.get(&kind).copied())
            .or_else(|| self.core.counters().last_ids.get(&kind).copied())
            .unwrap_or_default()
    }

    /// The first `limit` index keys of a range.
    fn keys(&self, range: &Range, limit: usize) -> Result<Vec<Key>, StoreError> {
        keys(self.core, [self.group, &self.own], range, limit)
    }

    /// Puts `new` in the place of `old`, with all that follows from it.
    fn replace(
        &mut self,
        kind: Kind,
        id: u32,
        old: Option<AnyRecord>,
        new: Option<AnyRecord>,
    ) -> Result<(), StoreError> {
        if let Some(new) = &new {
            // Only to see that it can be stored, while the one who asked can still be told.
            new.encode()?;
        }
        let (core, group) = (self.core, self.group);
        self.own.replace(&core.hasher, (kind, id), old, new, |own, key| {
            if let Some(field) = indexes::unique_field(key) {
                let same = Range::prefix(indexes::without_id(key).to_vec());
                let all = keys(core, [group, own], &same, 2)?;
                if let Some(by) = all.iter().map(|k| indexes::id_of(k)).find(|&by| by != id) {
                    return Err(StoreError::Taken { field, by });
                }
            }
            Ok(())
        })
    }
}

/// The first `limit` index keys of a range, as the layers leave them.
fn keys(core: &Core, layers: [&Layer; 2], range: &Range, limit: usize) -> Result<Vec<Key>, StoreError> {
    let pending: Vec<(&Key, &(bool, bool))> = layers
        .into_iter()
        .flat_map(|layer| layer.keys.range::<[u8], (Bound<&[u8]>, Bound<&[u8]>)>(range.as_slices()))
        .collect();
    let gone = pending.iter().filter(|(_, there)| !there.1).count();
    let mut keys = core.index_keys(range, false, limit.saturating_add(gone))?;
    if !pending.is_empty() {
        let mut merged: BTreeSet<Key> = keys.into_iter().collect();
        for (key, there) in pending {
            if there.1 {
                merged.insert(key.clone());
            } else {
                merged.remove(key);
            }
        }
        keys = merged.into_iter().collect();
    }
    keys.truncate(limit);
    Ok(keys)
}
