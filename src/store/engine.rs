//! The only file that names sled. What is above sees trees of sorted bytes, a batch that is applied as a whole,
//! and a sync that returns when everything applied before is on the disk.

use std::{
    fs::File,
    io,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
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
                Self { full: false, damaged: true, message: "its files are damaged".to_owned() }
            }
            other => Self { full: false, damaged: true, message: other.to_string() },
        }
    }
}

/// Changes that are applied all or not at all.
#[derive(Debug, Default)]
pub(super) struct Batch {
    trees: [Option<sled::Batch>; Tree::COUNT],
    keys: Vec<(Tree, Bytes)>,
}

impl Batch {
    fn of(&mut self, tree: Tree) -> &mut sled::Batch {
        self.trees[tree.slot()].get_or_insert_default()
    }

    /// Sets a key.
    pub(super) fn put(&mut self, tree: Tree, key: &[u8], value: Vec<u8>) {
        self.keys.push((tree, key.into()));
        self.of(tree).insert(key, value);
    }

    /// Removes a key.
    pub(super) fn remove(&mut self, tree: Tree, key: &[u8]) {
        self.keys.push((tree, key.into()));
        self.of(tree).remove(key);
    }
}

/// An open engine.
pub(super) struct Engine {
    trees: RwLock<Vec<Option<sled::Tree>>>,
    file: File,
    db: sled::Db,
}

/// How often the engine writes what it has not yet written; a commit does not wait for it.
const FLUSH_EVERY_MS: u64 = 500;

impl Engine {
    /// Opens a directory, or makes it.
    pub(super) fn open(dir: &Path, cache_bytes: u64) -> Result<Self, EngineError> {
        let db =
            sled::Config::new().path(dir).cache_capacity(cache_bytes).flush_every_ms(Some(FLUSH_EVERY_MS)).open()?;
        let mut trees: Vec<Option<sled::Tree>> = vec![None; Tree::COUNT];
        for tree in Kind::ALL.iter().map(|&k| Tree::Records(k)).chain([Tree::Audit, Tree::Meta]) {
            trees[tree.slot()] = Some(db.open_tree(tree.name())?);
        }
        // The engine leaves the small file with its settings to the disk's cache, and does not open with half of it.
        File::open(dir.join("conf"))?.sync_all()?;
        let file = File::options().read(true).write(true).open(dir.join("db"))?;
        Ok(Self { trees: RwLock::new(trees), file, db })
    }

    fn tree(&self, tree: Tree) -> Result<sled::Tree, EngineError> {
        self.trees.read().unwrap_or_else(PoisonError::into_inner)[tree.slot()].clone().ok_or_else(|| EngineError {
            full: false,
            damaged: false,
            message: "the index is not open".to_owned(),
        })
    }

    /// Opens the index of that generation, as the index or the spare one.
    pub(super) fn open_index(&self, tree: Tree, generation: u32) -> Result<(), EngineError> {
        let opened = self.db.open_tree(index_name(generation))?;
        self.trees.write().unwrap_or_else(PoisonError::into_inner)[tree.slot()] = Some(opened);
        Ok(())
    }

    /// Removes the index of that generation.
    pub(super) fn drop_index(&self, generation: u32) -> Result<(), EngineError> {
        self.db.drop_tree(index_name(generation))?;
        Ok(())
    }

    /// Removes the spare index's place; its tree stays until it is dropped.
    pub(super) fn close_spare(&self) {
        self.trees.write().unwrap_or_else(PoisonError::into_inner)[Tree::Spare.slot()] = None;
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

    /// Applies a batch as one transaction. Nothing is read inside: a plain operation in a transaction hangs the engine.
    pub(super) fn apply(&self, batch: &Batch) -> Result<(), EngineError> {
        let mut trees = Vec::new();
        let mut batches = Vec::new();
        {
            let all = self.trees.read().unwrap_or_else(PoisonError::into_inner);
            for (tree, batch) in all.iter().zip(&batch.trees) {
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
                sled::transaction::TransactionError::Storage(e) => EngineError::from(e),
                sled::transaction::TransactionError::Abort(never) => match never {},
            })?;
        self.settle(batch)
    }

    /// Looks up what was just applied. The engine divides a page that has become too large (or joins one that has become too
    /// small) when it comes by it the next time, even to read, and that is a write: left to later it makes the page
    /// unreadable once the disk is full.
    fn settle(&self, batch: &Batch) -> Result<(), EngineError> {
        for (tree, key) in &batch.keys {
            self.get(*tree, key)?;
        }
        Ok(())
    }

    /// Returns when everything applied before is on the disk. The engine's own flush leaves it in the disk's cache
    /// (it calls `sync_file_range`), so the file is synced as well.
    pub(super) fn sync(&self) -> Result<(), EngineError> {
        self.db.flush()?;
        self.file.sync_data()?;
        Ok(())
    }

    /// Bytes on the disk.
    pub(super) fn size_on_disk(&self) -> Result<u64, EngineError> {
        Ok(self.db.size_on_disk()?)
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
