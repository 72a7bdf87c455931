//! The only file that names sled. What is above sees trees of sorted bytes, a batch that is applied as a whole,
//! and a sync that returns when everything applied before is on the disk.

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        mpsc::{self, RecvTimeoutError, SyncSender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use sled::{Transactional, transaction::ConflictableTransactionError};

use crate::model::Kind;

/// Stored bytes, shared with the engine's cache.
pub(super) type Bytes = sled::IVec;

/// A pair as stored.
pub(super) type Pair = (Bytes, Bytes);

/// The trees of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Tree {
    /// Records of a kind: id (big-endian) to sealed record.
    Records(Kind),
    /// The index keys, without values.
    Index,
    /// The index that a repair fills, until it takes the place of the other.
    Spare,
    /// The audit log: commit and part (big-endian) to sealed entry.
    Audit,
    /// Format, counters, sequences.
    Meta,
}

impl Tree {
    const COUNT: usize = 9;

    /// The name under which values are sealed, and under which the engine keeps the trees that have one name for ever.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Records(kind) => kind.slug(),
            Self::Index | Self::Spare => "index",
            Self::Audit => "audit",
            Self::Meta => "meta",
        }
    }

    /// Those that are there for good; a spare index is not.
    pub(super) fn lasting() -> impl Iterator<Item = Self> {
        Kind::ALL.iter().map(|&kind| Self::Records(kind)).chain([Self::Index, Self::Audit, Self::Meta])
    }

    const fn slot(self) -> usize {
        match self {
            Self::Records(kind) => kind.code() as usize - 1,
            Self::Index => 5,
            Self::Spare => 6,
            Self::Audit => 7,
            Self::Meta => 8,
        }
    }
}

/// What went wrong below.
#[derive(Debug, Clone)]
pub(super) struct EngineError {
    /// Whether the disk is full.
    pub(super) full: bool,
    /// Whether the engine holds its bytes to be damaged, or does not know its own files.
    pub(super) damaged: bool,
    /// Its words.
    pub(super) message: String,
}

impl From<io::Error> for EngineError {
    fn from(e: io::Error) -> Self {
        let full = matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        Self { full, damaged: e.kind() == io::ErrorKind::UnexpectedEof, message: e.to_string() }
    }
}

impl From<sled::Error> for EngineError {
    fn from(e: sled::Error) -> Self {
        match e {
            sled::Error::Io(e) => e.into(),
            sled::Error::Corruption { .. } => {
                Self { full: false, damaged: true, message: "a page in its files cannot be read".to_owned() }
            }
            other => Self { full: false, damaged: true, message: other.to_string() },
        }
    }
}

/// Changes that are applied all or not at all; of two of one key the later counts.
#[derive(Debug, Default)]
pub(super) struct Batch {
    changes: Vec<(Tree, Bytes, Option<Bytes>)>,
}

impl Batch {
    /// Sets a key.
    pub(super) fn put(&mut self, tree: Tree, key: &[u8], value: Vec<u8>) {
        self.changes.push((tree, key.into(), Some(value.into())));
    }

    /// Sets a key to what is stored elsewhere, or removes it.
    pub(super) fn copy(&mut self, tree: Tree, key: Bytes, value: Option<Bytes>) {
        self.changes.push((tree, key, value));
    }

    /// Removes a key.
    pub(super) fn remove(&mut self, tree: Tree, key: &[u8]) {
        self.changes.push((tree, key.into(), None));
    }
}

/// Keys of trees.
pub(super) type Keys = BTreeSet<(Tree, Bytes)>;

/// An open engine.
pub(super) struct Engine {
    files: RwLock<Files>,
    cache_bytes: u64,
    /// What was applied since somebody wanted to know.
    noted: Mutex<Option<Keys>>,
}

/// The files it works on.
struct Files {
    trees: Vec<Option<sled::Tree>>,
    file: Arc<File>,
    db: sled::Db,
    waker: Waker,
}

impl Drop for Files {
    fn drop(&mut self) {
        // What the engine would still write when it ends would be written without the waker; an error is no news here.
        let _ = self.db.flush();
        self.waker.end();
    }
}

/// Wakes those who wait for a write that has failed. The engine writes on threads of its own, and one that fails there is
/// noted but not always told: whoever waits for it would wait for ever. Any later flush tells them.
struct Waker {
    thread: Option<(SyncSender<()>, JoinHandle<()>)>,
}

impl Waker {
    fn start(config: sled::Config, db: sled::Db) -> io::Result<Self> {
        let (end, ended) = mpsc::sync_channel(0);
        let thread = thread::Builder::new().name("clowder-waker".to_owned()).spawn(move || {
            while ended.recv_timeout(WAKE_EVERY) == Err(RecvTimeoutError::Timeout) {
                // After a failure a flush writes nothing and does not wait.
                if config.global_error().is_err() {
                    let _ = db.flush();
                }
            }
        })?;
        Ok(Self { thread: Some((end, thread)) })
    }

    /// Lets go of the engine.
    fn end(&mut self) {
        if let Some((end, thread)) = self.thread.take() {
            drop(end);
            // It cannot panic, and there is nobody to tell.
            let _ = thread.join();
        }
    }
}

/// How long a failed write may stay untold.
const WAKE_EVERY: Duration = Duration::from_millis(500);

/// How often the engine writes what it has not yet written; a commit does not wait for it.
const FLUSH_EVERY_MS: u64 = 500;

impl Engine {
    /// Opens a directory, or makes it.
    pub(super) fn open(dir: &Path, cache_bytes: u64) -> Result<Self, EngineError> {
        let config = sled::Config::new().path(dir).cache_capacity(cache_bytes).flush_every_ms(Some(FLUSH_EVERY_MS));
        let db = config.open()?;
        let mut trees: Vec<Option<sled::Tree>> = vec![None; Tree::COUNT];
        for tree in Kind::ALL.iter().map(|&k| Tree::Records(k)).chain([Tree::Audit, Tree::Meta]) {
            trees[tree.slot()] = Some(db.open_tree(tree.name())?);
        }
        // The engine leaves the small file with its settings to the disk's cache, and does not open with half of it.
        File::open(dir.join("conf"))?.sync_all()?;
        let file = Arc::new(File::options().read(true).write(true).open(dir.join("db"))?);
        let waker = Waker::start(config, db.clone())?;
        Ok(Self { files: RwLock::new(Files { trees, file, db, waker }), cache_bytes, noted: Mutex::new(None) })
    }

    fn files(&self) -> RwLockReadGuard<'_, Files> {
        self.files.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn files_mut(&self) -> RwLockWriteGuard<'_, Files> {
        self.files.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much memory it may keep pages in.
    pub(super) const fn cache_bytes(&self) -> u64 {
        self.cache_bytes
    }

    /// Begins to note which keys are applied.
    pub(super) fn note(&self) {
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(Keys::new());
    }

    /// The keys noted since it was asked last. A key is noted after it was applied: a reader that asks first and reads then
    /// misses nothing for good.
    pub(super) fn take_noted(&self) -> Keys {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Notes no more.
    pub(super) fn end_notes(&self) {
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Goes on with the files of another one. Whoever reads from the old ones just now comes to an end there.
    pub(super) fn go_on_with(&self, other: Self) {
        let other = other.files.into_inner().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *self.files_mut(), other);
        // Its threads end here, outside of the lock.
        drop(old);
    }

    fn tree(&self, tree: Tree) -> Result<sled::Tree, EngineError> {
        self.files().trees[tree.slot()].clone().ok_or_else(|| EngineError {
            full: false,
            damaged: false,
            message: "the index is not open".to_owned(),
        })
    }

    /// Opens the index of that generation, as the index or the spare one.
    pub(super) fn open_index(&self, tree: Tree, generation: u32) -> Result<(), EngineError> {
        let db = self.files().db.clone();
        let opened = db.open_tree(index_name(generation))?;
        self.files_mut().trees[tree.slot()] = Some(opened);
        Ok(())
    }

    /// Removes the index of that generation.
    pub(super) fn drop_index(&self, generation: u32) -> Result<(), EngineError> {
        let db = self.files().db.clone();
        db.drop_tree(index_name(generation))?;
        Ok(())
    }

    /// Removes the spare index's place; its tree stays until it is dropped.
    pub(super) fn close_spare(&self) {
        self.files_mut().trees[Tree::Spare.slot()] = None;
    }

    /// A value.
    pub(super) fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        Ok(self.tree(tree)?.get(key)?)
    }

    /// Up to `limit` pairs of a range, in the order of keys or against it.
    pub(super) fn scan(
        &self,
        tree: Tree,
        range: (Bound<&[u8]>, Bound<&[u8]>),
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<Pair>, EngineError> {
        let found = self.tree(tree)?.range::<&[u8], _>(range);
        let pairs: Result<Vec<Pair>, sled::Error> =
            if newest_first { found.rev().take(limit).collect() } else { found.take(limit).collect() };
        Ok(pairs?)
    }

    /// Applies a batch as one transaction, and settles it.
    pub(super) fn apply(&self, batch: &Batch) -> Result<(), EngineError> {
        self.apply_unsettled(batch)?;
        self.settle(batch)
    }

    /// Applies a batch as one transaction, to be settled before it is synced.
    pub(super) fn apply_unsettled(&self, batch: &Batch) -> Result<(), EngineError> {
        let applied = self.transact(batch);
        // After an error nobody knows what of it is there.
        if let Some(noted) = &mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner) {
            noted.extend(batch.changes.iter().map(|(tree, key, _)| (*tree, key.clone())));
        }
        applied
    }

    /// Nothing is read inside: a plain operation in a transaction hangs the engine.
    fn transact(&self, batch: &Batch) -> Result<(), EngineError> {
        let mut by_tree: [Option<sled::Batch>; Tree::COUNT] = Default::default();
        for (tree, key, value) in &batch.changes {
            let of_tree = by_tree[tree.slot()].get_or_insert_default();
            match value {
                Some(value) => of_tree.insert(key.clone(), value.clone()),
                None => of_tree.remove(key.clone()),
            }
        }
        let mut trees = Vec::new();
        let mut batches = Vec::new();
        {
            let files = self.files();
            for (tree, batch) in files.trees.iter().zip(&by_tree) {
                if let (Some(tree), Some(batch)) = (tree, batch) {
                    trees.push(tree.clone());
                    batches.push(batch);
                }
            }
        }
        if trees.is_empty() {
            return Ok(());
        }
        trees[..]
            .transaction(|views| {
                for (view, batch) in views.iter().zip(&batches) {
                    view.apply_batch(batch)?;
                }
                Ok::<(), ConflictableTransactionError<std::convert::Infallible>>(())
            })
            .map_err(|e| match e {
                sled::transaction::TransactionError::Storage(e) => e.into(),
                sled::transaction::TransactionError::Abort(never) => match never {},
            })
    }

    /// Looks up what was just applied. The engine divides a page that has become too large (or joins one that has become too
    /// small) when it comes by it the next time, even to read, and that is a write: left to later it makes the page
    /// unreadable once the disk is full.
    pub(super) fn settle(&self, batch: &Batch) -> Result<(), EngineError> {
        for (tree, key, _) in &batch.changes {
            self.get(*tree, key)?;
        }
        Ok(())
    }

    /// Returns when everything applied before is on the disk. The engine's own flush leaves it in the disk's cache
    /// (it calls `sync_file_range`), so the file is synced as well.
    pub(super) fn sync(&self) -> Result<(), EngineError> {
        let (db, file) = {
            let files = self.files();
            (files.db.clone(), Arc::clone(&files.file))
        };
        db.flush()?;
        file.sync_data()?;
        Ok(())
    }

    /// Bytes on the disk.
    pub(super) fn size_on_disk(&self) -> Result<u64, EngineError> {
        let db = self.files().db.clone();
        Ok(db.size_on_disk()?)
    }
}

fn index_name(generation: u32) -> String {
    format!("index.{generation}")
}

/// Whether a directory holds the engine's main file.
pub(super) fn is_there(dir: &Path) -> bool {
    dir.join("db").is_file()
}

/// Whether a directory holds anything of the engine's.
pub(super) fn has_traces(dir: &Path) -> bool {
    ["db", "conf"].iter().any(|name| dir.join(name).exists()) || !snapshots(dir).is_empty()
}

/// The engine's snapshots: it opens without them, but not with a damaged one.
pub(super) fn snapshots(dir: &Path) -> Vec<PathBuf> {
    named(dir, |name| name.starts_with("snap.") && !name.ends_with(".generating"))
}

/// The engine's settings, which it makes anew when they are not there.
pub(super) fn settings(dir: &Path) -> Vec<PathBuf> {
    named(dir, |name| name == "conf")
}

/// Snapshots whose writing was cut short; they keep the engine from opening and hold nothing.
pub(super) fn unfinished_snapshots(dir: &Path) -> Vec<PathBuf> {
    named(dir, |name| name.starts_with("snap.") && name.ends_with(".generating"))
}

fn named(dir: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|e| e.file_name().to_str().is_some_and(&wanted))
        .map(|e| e.path())
        .collect();
    found.sort();
    found
}
