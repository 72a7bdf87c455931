//! What readers and the writer share.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, Weak,
        atomic::{AtomicBool, AtomicU32, AtomicU64},
    },
};

use crate::model::{Kind, Record, RecordId as _};

use super::{
    Catalog, Changed, Cursor, Listing, OpenOptions, StoreError, Tally, Unique,
    around::Around,
    check::named,
    codec,
    engine::{Engine, EngineError, Tree},
    indexes::{self, Key, Range},
    journal::{Journal, Line},
    keyring::{Keyring, Unlocked},
    keys::Keys,
    meta::Counters,
    record::{self, AnyRecord},
    reseal::Resealing,
    seal::KeyHasher,
    slots::Slots,
    snapshot::Watch,
};

impl From<EngineError> for StoreError {
    fn from(e: EngineError) -> Self {
        if e.full {
            Self::Failed("the disk is full; make room, then start again".to_owned())
        } else if e.damaged {
            Self::Damaged(format!("the store's files are damaged ({}); run `clowder doctor`", e.message))
        } else {
            Self::Failed(format!("the store cannot read or write its files: {}", e.message))
        }
    }
}

/// An error of the engine, with what it could not read.
pub(super) fn unread(what: impl FnOnce() -> String) -> impl FnOnce(EngineError) -> StoreError {
    |e| match e.into() {
        StoreError::Damaged(why) => StoreError::Damaged(format!("{} cannot be read: {why}", what())),
        other => other,
    }
}

/// Locks, whatever happened to the thread that held it: each guarded value is whole at every step.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A function that is called with each commit.
pub(super) type Listener = Arc<dyn Fn(&Changed) + Send + Sync>;

/// The open store, without its writer.
pub(super) struct Core {
    pub(super) id: String,
    pub(super) engine: Engine,
    /// Where commits go before the engine; `None` while a store is made from a backup or brought to a newer format.
    pub(super) journal: Mutex<Option<Journal>>,
    /// Whether the journal cannot be relied on up to the last commit, so that only a backup gives the store again.
    pub(super) backup_due: AtomicBool,
    /// The line that a store of a format without lines is going to be on.
    pub(super) line_to_be: OnceLock<Line>,
    /// The data keys; what is sealed here is sealed with the current one.
    pub(super) sealer: Arc<Keys>,
    pub(super) hasher: KeyHasher,
    /// The ways to the data key.
    pub(super) slots: Slots,
    /// Who re-seals.
    pub(super) resealing: Resealing,
    pub(super) counters: RwLock<Counters>,
    pub(super) catalog: RwLock<Catalog>,
    /// How far it is, and those who wait for it.
    readiness: (Mutex<Readiness>, Condvar),
    /// Records that could not be read while it was built.
    pub(super) unreadable: AtomicU64,
    pub(super) generation: AtomicU32,
    /// Whether a repair that was broken off left its mark.
    pub(super) repair_marked: AtomicBool,
    /// Why no more writes are taken.
    pub(super) read_only: OnceLock<String>,
    pub(super) listeners: Mutex<BTreeMap<u64, Listener>>,
    pub(super) watches: Mutex<Vec<Weak<Watch>>>,
    /// The room on the disk and the clock; not watched while a store is made.
    pub(super) around: OnceLock<Around>,
    /// Held by what works on all of the engine's files at once.
    pub(super) upkeep: Mutex<()>,
}

/// How far the catalog is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readiness {
    /// It is being built.
    Building,
    /// It serves.
    Ready,
    /// It could not be built or kept.
    Failed,
}

impl Core {
    pub(super) fn new(engine: Engine, keyring: Keyring, unlocked: Unlocked, options: &OpenOptions) -> Self {
        Self {
            id: keyring.store.clone(),
            engine,
            journal: Mutex::default(),
            backup_due: AtomicBool::new(false),
            line_to_be: OnceLock::new(),
            sealer: Arc::new(unlocked.keys),
            hasher: unlocked.hasher,
            slots: Slots::new(options, keyring, unlocked.way),
            resealing: Resealing::default(),
            counters: RwLock::default(),
            catalog: RwLock::default(),
            readiness: (Mutex::new(Readiness::Building), Condvar::new()),
            unreadable: AtomicU64::new(0),
            generation: AtomicU32::new(0),
            repair_marked: AtomicBool::new(false),
            read_only: OnceLock::new(),
            listeners: Mutex::default(),
            watches: Mutex::default(),
            around: OnceLock::new(),
            upkeep: Mutex::default(),
        }
    }

    pub(super) fn counters(&self) -> RwLockReadGuard<'_, Counters> {
        self.counters.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn catalog(&self) -> RwLockReadGuard<'_, Catalog> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says how far the catalog is.
    pub(super) fn set_readiness(&self, readiness: Readiness) {
        *lock(&self.readiness.0) = readiness;
        self.readiness.1.notify_all();
    }

    /// Waits until the catalog serves; false when it never will.
    pub(super) fn wait_for_catalog(&self) -> bool {
        let mut state = lock(&self.readiness.0);
        while *state == Readiness::Building {
            state = self.readiness.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        *state == Readiness::Ready
    }

    pub(super) fn tally(&self, tally: Tally) -> u64 {
        self.counters().tallies.get(&tally).copied().unwrap_or_default()
    }

    /// Why a write is not taken, if so.
    pub(super) fn writable(&self) -> Result<(), StoreError> {
        match self.read_only.get() {
            Some(why) => Err(StoreError::ReadOnly(why.clone())),
            None => self.has_room(),
        }
    }

    /// Opens what was read of a record.
    pub(super) fn open_record(&self, kind: Kind, id: u32, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (tree, key) = (Tree::Records(kind), record::key(id));
        let open = |sealed: &[u8]| self.sealer.open(tree.name(), &key, sealed).ok();
        // It may have been read before it was sealed anew, and an older key opens nothing any more by now.
        let again =
            || self.engine.get(tree, &key).ok().flatten().filter(|now| **now != *sealed).and_then(|now| open(&now));
        open(sealed)
            .or_else(again)
            .ok_or_else(|| StoreError::Damaged(format!("{} is damaged; run `clowder doctor`", named(kind, id))))
    }

    /// A committed record.
    pub(super) fn get<R: Record>(&self, id: R::Id) -> Result<Option<R>, StoreError> {
        let unread = unread(|| named(R::KIND, id.number()));
        match self.engine.get(Tree::Records(R::KIND), &record::key(id.number())).map_err(unread)? {
            None => Ok(None),
            Some(sealed) => codec::decode(&self.open_record(R::KIND, id.number(), &sealed)?).map(Some),
        }
    }

    /// A committed record of any kind.
    pub(super) fn get_any(&self, kind: Kind, id: u32) -> Result<Option<AnyRecord>, StoreError> {
        match self.engine.get(Tree::Records(kind), &record::key(id)).map_err(unread(|| named(kind, id)))? {
            None => Ok(None),
            Some(sealed) => self.decode_any(kind, id, &sealed).map(Some),
        }
    }

    fn decode_any(&self, kind: Kind, id: u32, sealed: &[u8]) -> Result<AnyRecord, StoreError> {
        let any = AnyRecord::decode(kind, &self.open_record(kind, id, sealed)?)?;
        if any.id() == id {
            Ok(any)
        } else {
            Err(StoreError::Damaged(format!("{} holds another record; run `clowder doctor`", named(kind, id))))
        }
    }

    /// Up to `limit` committed records with ids past `after`, each as it could be read, and the id up to which that was all.
    pub(super) fn records(&self, kind: Kind, after: u32, limit: u32) -> Page {
        let from = record::key(after);
        let range = (Bound::Excluded(&from[..]), Bound::Unbounded);
        if let Ok(pairs) = self.engine.scan(Tree::Records(kind), range, false, limit as usize) {
            let whole = pairs.len() < limit as usize;
            let mut upto = after;
            let mut records = Vec::with_capacity(pairs.len());
            for (key, sealed) in &pairs {
                match record::id_of(key) {
                    Some(id) => {
                        upto = id;
                        records.push((id, self.decode_any(kind, id, sealed)));
                    }
                    None => records.push((
                        upto,
                        Err(StoreError::Damaged(format!("a key among the {} records is damaged", kind.slug()))),
                    )),
                }
            }
            return Page { records, upto: if whole { u32::MAX } else { upto } };
        }
        // A scan ends for good at a damaged page; looking ids up one by one finds what is beyond it.
        let last = self.counters().last_ids.get(&kind).copied().unwrap_or_default();
        let upto = after.saturating_add(limit).min(last.max(after));
        let mut records = Vec::new();
        for id in after.saturating_add(1)..=upto {
            match self.get_any(kind, id) {
                Ok(None) => {}
                Ok(Some(any)) => records.push((id, Ok(any))),
                Err(e) => records.push((id, Err(e))),
            }
        }
        Page { records, upto: if upto >= last { u32::MAX } else { upto } }
    }

    pub(super) fn index_keys(&self, range: &Range, newest_first: bool, limit: usize) -> Result<Vec<Key>, StoreError> {
        let pairs = self.engine.scan(Tree::Index, range.as_slices(), newest_first, limit)?;
        Ok(pairs.into_iter().map(|(key, _)| key.to_vec()).collect())
    }

    pub(super) fn find(&self, unique: Unique<'_>) -> Result<Option<u32>, StoreError> {
        let (kind, prefix) = indexes::unique(&self.hasher, unique);
        for key in self.index_keys(&Range::prefix(prefix), false, 2)? {
            // The index and the record are read one after the other; a commit may lie between them.
            let id = indexes::id_of(&key);
            if self.get_any(kind, id)?.is_some_and(|r| indexes::keys(&self.hasher, &r).contains(&key)) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    pub(super) fn list(
        &self,
        listing: Listing,
        after: Option<Cursor>,
        limit: usize,
        newest_first: bool,
    ) -> Result<Vec<u32>, StoreError> {
        let range = Range::listing(listing, after, newest_first);
        Ok(self.index_keys(&range, newest_first, limit)?.iter().map(|key| indexes::id_of(key)).collect())
    }

    pub(super) fn cursor(&self, listing: Listing, id: u32) -> Result<Option<Cursor>, StoreError> {
        Ok(self
            .get_any(indexes::listed(listing), id)?
            .and_then(|record| indexes::cursor(listing, &indexes::keys(&self.hasher, &record))))
    }
}

/// Some records of a kind.
pub(super) struct Page {
    /// Ids and records in order.
    pub(super) records: Vec<(u32, Result<AnyRecord, StoreError>)>,
    /// The page holds every record up to this id; `u32::MAX` at the end.
    pub(super) upto: u32,
}
