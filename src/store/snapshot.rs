//! A consistent view of everything as it was between two commits, while commits go on.
//!
//! The engine has no such view: a long scan sees some records before and some after a commit. So the writer notes, before it
//! applies a commit, how each record and index key that it touches was when the watch began; a reader that
//! scans in pieces puts those in place of what it read.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    ops::Bound,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::model::Kind;

use super::{
    Change, StoreError,
    core::{Core, Page, lock},
    engine::Tree,
    indexes::Key,
    meta::Counters,
    record::{self, AnyRecord},
};

/// What it takes to note a record, besides the record.
const ENTRY: usize = 64;

/// What the writer notes for one view.
#[derive(Default)]
pub(super) struct Watch {
    notes: Mutex<Notes>,
}

#[derive(Default)]
struct Notes {
    records: BTreeMap<(Kind, u32), Option<AnyRecord>>,
    keys: BTreeMap<Key, bool>,
    changes: Vec<Change>,
    /// When only records are looked at, and for how much of them there is room.
    records_only: Option<Room>,
    state: State,
}

/// How many bytes of records may be noted, and about how many are.
struct Room {
    bytes: usize,
    taken: usize,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Noting,
    /// Nobody looks at records any more.
    Ended,
    /// There was no room for more.
    GivenUp,
}

impl Watch {
    /// Whether nothing is noted.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let notes = lock(&self.notes);
        notes.records.is_empty() && notes.keys.is_empty() && notes.changes.is_empty()
    }

    /// Called by the writer before it applies a group.
    pub(super) fn note<'a>(
        &self,
        records: impl Iterator<Item = (&'a (Kind, u32), &'a Option<AnyRecord>)>,
        keys: impl Iterator<Item = (&'a Key, bool)>,
        changes: &[Change],
    ) {
        let mut notes = lock(&self.notes);
        let notes = &mut *notes;
        if notes.state != State::Noting {
            return;
        }
        for (place, before) in records {
            if let Entry::Vacant(vacant) = notes.records.entry(*place) {
                if let Some(room) = &mut notes.records_only {
                    room.taken += ENTRY + before.as_ref().map_or(0, AnyRecord::weight);
                }
                vacant.insert(before.clone());
            }
        }
        if let Some(room) = &notes.records_only {
            if room.taken > room.bytes {
                (notes.records, notes.state) = (BTreeMap::new(), State::GivenUp);
            }
            return;
        }
        for (key, was_there) in keys {
            notes.keys.entry(key.clone()).or_insert(was_there);
        }
        notes.changes.extend_from_slice(changes);
    }
}

/// Some records of a kind as they are stored.
#[derive(Default)]
pub(super) struct SealedPage {
    /// The sealed values by id.
    pub(super) records: BTreeMap<u32, Vec<u8>>,
    /// Those that the engine could not read.
    pub(super) lost: Vec<u32>,
    /// The page holds every record up to this id; `u32::MAX` at the end.
    pub(super) upto: u32,
}

/// The view. Noting ends when it is dropped.
pub(super) struct Snapshot {
    core: Arc<Core>,
    watch: Arc<Watch>,
    /// The counters as they were.
    pub(super) counters: Counters,
    /// How long the writer was at its beginning.
    pub(super) pause: Duration,
}

impl Snapshot {
    /// Begins a view. Only between two commits: on the writer's thread, or before there is one.
    pub(super) fn begin(core: &Arc<Core>) -> Self {
        let watch = Arc::new(Watch::default());
        lock(&core.watches).push(Arc::downgrade(&watch));
        Self { core: Arc::clone(core), watch, counters: core.counters().clone(), pause: Duration::ZERO }
    }

    /// From now on only [`Snapshot::sealed`] is looked at. When about so many bytes of records were noted for it, it fails.
    pub(super) fn only_sealed(&self, bytes: usize) {
        let mut notes = lock(&self.watch.notes);
        (notes.keys, notes.changes) = (BTreeMap::new(), Vec::new());
        notes.records_only = Some(Room { bytes, taken: 0 });
    }

    /// Records are looked at no more: nothing has to be noted.
    pub(super) fn end_of_records(&self) {
        let mut notes = lock(&self.watch.notes);
        if notes.state == State::Noting {
            (notes.records, notes.state) = (BTreeMap::new(), State::Ended);
        }
    }

    /// What was committed since the view began, in order.
    pub(super) fn into_changes(self) -> Vec<Change> {
        std::mem::take(&mut lock(&self.watch.notes).changes)
    }

    /// The records past `after`, as [`Core::records`] has them.
    pub(super) fn records(&self, kind: Kind, after: u32, limit: u32) -> Page {
        let mut page = self.core.records(kind, after, limit);
        // Read first, then look at the notes: whatever was changed before it was read has been noted by then.
        let notes = lock(&self.watch.notes);
        let touched = notes.records.range((Bound::Excluded((kind, after)), Bound::Included((kind, page.upto))));
        let mut touched = touched.peekable();
        if touched.peek().is_some() {
            let mut records: BTreeMap<_, _> = page.records.into_iter().collect();
            for ((_, id), before) in touched {
                match before {
                    Some(record) => records.insert(*id, Ok(record.clone())),
                    None => records.remove(id),
                };
            }
            page.records = records.into_iter().collect();
        }
        page
    }

    /// The records past `after` as they are stored, each with its id.
    pub(super) fn sealed(&self, kind: Kind, after: u32, limit: u32) -> Result<SealedPage, StoreError> {
        let tree = Tree::Records(kind);
        let from = record::key(after);
        let range = (Bound::Excluded(&from[..]), Bound::Unbounded);
        let mut page = SealedPage::default();
        match self.core.engine.scan(tree, range, false, limit as usize) {
            Ok(pairs) => {
                let whole = pairs.len() < limit as usize;
                page.upto = after;
                for (key, sealed) in pairs {
                    if let Some(id) = record::id_of(&key) {
                        page.upto = id;
                        page.records.insert(id, sealed.to_vec());
                    }
                }
                page.upto = if whole { u32::MAX } else { page.upto };
            }
            // A scan ends for good at a damaged page; looking ids up one by one finds what is beyond it.
            Err(_) => {
                let last = self.counters.last_ids.get(&kind).copied().unwrap_or_default();
                let upto = after.saturating_add(limit).min(last.max(after));
                for id in after.saturating_add(1)..=upto {
                    match self.core.engine.get(tree, &record::key(id)) {
                        Ok(None) => {}
                        Ok(Some(sealed)) => drop(page.records.insert(id, sealed.to_vec())),
                        Err(_) => page.lost.push(id),
                    }
                }
                page.upto = if upto >= last { u32::MAX } else { upto };
            }
        }
        let notes = lock(&self.watch.notes);
        if notes.state == State::GivenUp {
            let room = notes.records_only.as_ref().map_or(0, |room| room.bytes >> 20);
            return Err(StoreError::Refused(format!(
                "more than {room} MiB were changed before it had everything, so it was given up. Whatever takes it is too slow or \
                 has stopped; start it again, or raise memory_mib under [backup] in clowder.toml"
            )));
        }
        for ((_, id), before) in
            notes.records.range((Bound::Excluded((kind, after)), Bound::Included((kind, page.upto))))
        {
            page.lost.retain(|lost| lost != id);
            match before {
                Some(record) => {
                    let key = record::key(*id);
                    page.records.insert(*id, self.core.sealer.seal(tree.name(), &key, &record.encode()?));
                }
                None => drop(page.records.remove(id)),
            }
        }
        Ok(page)
    }

    /// One record.
    pub(super) fn get(&self, kind: Kind, id: u32) -> Result<Option<AnyRecord>, StoreError> {
        let found = self.core.get_any(kind, id);
        match lock(&self.watch.notes).records.get(&(kind, id)) {
            Some(before) => Ok(before.clone()),
            None => found,
        }
    }

    /// Whether an index key was there.
    pub(super) fn has_key(&self, key: &Key) -> Result<bool, StoreError> {
        let found = self.core.engine.get(Tree::Index, key)?.is_some();
        Ok(lock(&self.watch.notes).keys.get(key).copied().unwrap_or(found))
    }

    /// About `limit` index keys past `after`, and where to go on; `None` at the end.
    pub(super) fn keys(&self, after: Option<&Key>, limit: usize) -> Result<(Vec<Key>, Option<Key>), StoreError> {
        let from = after.map_or(Bound::Unbounded, |k| Bound::Excluded(k.as_slice()));
        let pairs = self.core.engine.scan(Tree::Index, (from, Bound::Unbounded), false, limit)?;
        let next = if pairs.len() < limit { None } else { pairs.last().map(|(key, _)| key.to_vec()) };
        let mut keys: Vec<Key> = pairs.into_iter().map(|(key, _)| key.to_vec()).collect();
        let notes = lock(&self.watch.notes);
        let to = next.clone().map_or(Bound::Unbounded, Bound::Included);
        let mut touched = notes.keys.range((from.map(<[u8]>::to_vec), to)).peekable();
        if touched.peek().is_some() {
            let mut merged: BTreeSet<Key> = keys.into_iter().collect();
            for (key, was_there) in touched {
                if *was_there {
                    merged.insert(key.clone());
                } else {
                    merged.remove(key);
                }
            }
            keys = merged.into_iter().collect();
        }
        Ok((keys, next))
    }
}
