//! Compacting: the engine never gives room back, so what is stored is copied into new files, which take the place of the
//! old ones. What the engine itself wants stays: it writes pages over and over and keeps its files up to half empty, so that
//! even new ones take more than twice what is in them.
//!
//! All of it but the last moment goes on while people work: the engine notes which keys are applied meanwhile, and these are
//! copied again, the last few of them while the writer stands still. Then the new files are closed, put in place by a swap
//! that a crash cannot leave half done, and opened. The values are copied as they are sealed.

use std::{
    fs,
    ops::Bound,
    path::Path,
    sync::{MutexGuard, TryLockError, atomic::Ordering},
};

use super::{
    OpenError, Progress, StoreError,
    core::Core,
    engine::{Batch, Bytes, Engine, Keys, Pair, Tree},
    files::{self, STORE},
    handle::Handle,
    meta, size,
    swap::{self, Move, Swap},
};

/// Where the new files are made.
const NEW: &str = "compact-new";

/// How many pairs are copied at a time; readers of the new engine there are none.
const AT_A_TIME: usize = 1_000;

/// So few keys are copied while the writer stands still.
const FEW: usize = 200;

/// How often what was applied meanwhile is copied before the writer has to stand still for all that is left.
const ROUNDS: usize = 20;

/// What compacting did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compacted {
    /// Bytes of the files before.
    pub before: u64,
    /// And after.
    pub after: u64,
    /// Keys copied.
    pub keys: u64,
    /// How long nobody could save anything, in milliseconds.
    pub pause_ms: u64,
    /// The directory in the data directory that has the old files; `None` when it was broken off.
    pub kept: Option<String>,
}

/// Removes what was left of one that was cut short; it holds nothing that is not in the store.
pub(super) fn remove_leftover(data: &Path) -> Result<(), OpenError> {
    let new = data.join(NEW);
    match fs::remove_dir_all(&new) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(files::open_error(&new, &e)),
        _ => Ok(()),
    }
}

/// Removes a directory in which old files were kept; one that is gone already is none.
pub(super) fn remove_kept(data: &Path, kept: &str) -> Result<(), StoreError> {
    let path = data.join(kept);
    if Path::new(kept).components().count() != 1 || !swap::is_name_of_kept(kept) {
        return Err(StoreError::Failed(format!("{kept:?} is not a directory that was kept")));
    }
    match fs::remove_dir_all(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(failed(&path, &e)),
        _ => Ok(()),
    }
}

fn failed(path: &Path, e: &std::io::Error) -> StoreError {
    StoreError::Failed(files::open_error(path, e).to_string())
}

fn in_words(e: &OpenError) -> StoreError {
    StoreError::Failed(e.to_string())
}

/// Ends the notes and removes the new files, unless a swap that was decided needs them.
struct Cleanup<'a> {
    core: &'a Core,
    data: &'a Path,
}

impl Drop for Cleanup<'_> {
    fn drop(&mut self) {
        self.core.engine.end_notes();
        if !swap::is_pending(self.data) {
            // What cannot be removed now is at the next start.
            let _ = remove_leftover(self.data);
        }
    }
}

struct Compact<'a> {
    core: &'a Core,
    data: &'a Path,
    /// Keys that were applied while the copies were compared.
    noted: Keys,
    done: u64,
    of: u64,
    progress: &'a mut dyn FnMut(Progress) -> bool,
}

/// Copies, compares, swaps.
pub(super) fn compact(handle: &Handle, progress: &mut dyn FnMut(Progress) -> bool) -> Result<Compacted, StoreError> {
    let core = handle.core();
    core.writable()?;
    let _alone = core.alone()?;
    let data = handle.data();
    let before = files::size_of(&data.join(STORE));
    core.has_room_for(before)?;
    remove_leftover(data).map_err(|e| in_words(&e))?;
    let _cleanup = Cleanup { core, data };
    let mut work = Compact { core, data, noted: Keys::new(), done: 0, of: 0, progress };
    if !work.make_copy()? {
        return Ok(Compacted { before, ..Compacted::default() });
    }
    // Opened anew, it shows that it can be; and the next time is quick.
    let new = work.open(NEW)?;
    let Some(differing) = work.compare(&new)? else { return Ok(Compacted { before, ..Compacted::default() }) };
    let keys = work.done;
    let (kept, pause_ms) = work.take_place(handle, new, &differing)?;
    let after = files::size_of(&data.join(STORE));
    tracing::info!(
        "the store was compacted: {} before, {} after; the old files are in {kept}",
        size(before),
        size(after)
    );
    Ok(Compacted { before, after, keys, pause_ms, kept: Some(kept) })
}

/// A mark of a repair that was broken off speaks of a spare index, which is not copied.
fn is_copied(tree: Tree, key: &[u8]) -> bool {
    tree != Tree::Meta || key != meta::REPAIR
}

impl Compact<'_> {
    fn go_on(&mut self, step: &'static str) -> bool {
        (self.progress)(Progress { step, done: self.done, of: self.of.max(self.done) })
    }

    fn open(&self, name: &str) -> Result<Engine, StoreError> {
        let new = Engine::open(&self.data.join(name), self.core.engine.cache_bytes())?;
        new.open_index(Tree::Index, self.core.generation.load(Ordering::Relaxed))?;
        Ok(new)
    }

    /// Closes an engine and waits until it has let go of its files.
    fn close(&self, engine: Engine) -> Result<(), StoreError> {
        engine.sync()?;
        drop(engine);
        let dir = self.data.join(NEW);
        if !files::wait_released(&dir) {
            return Err(StoreError::Failed("the new files are still held; nothing was changed".to_owned()));
        }
        files::sync_dir(&dir).map_err(|e| in_words(&e))
    }

    /// Makes the new files, with everything in them but what is applied from the last round on.
    fn make_copy(&mut self) -> Result<bool, StoreError> {
        let dir = self.data.join(NEW);
        files::make_private_dir(&dir).map_err(|e| in_words(&e))?;
        self.core.engine.note();
        let new = self.open(NEW)?;
        for tree in Tree::lasting() {
            let mut after: Option<Bytes> = None;
            loop {
                let page = page(&self.core.engine, tree, after.as_ref())?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                self.done += page.len() as u64;
                let mut batch = Batch::default();
                for (key, value) in page {
                    if is_copied(tree, &key) {
                        batch.copy(tree, key, Some(value));
                    }
                }
                new.apply(&batch)?;
                // The engine uses the room of what it wrote over again only once the rest is on the disk.
                new.sync()?;
                if !self.go_on("copying") {
                    return Ok(false);
                }
            }
        }
        self.of = self.done;
        for _ in 0..ROUNDS {
            let keys = self.core.engine.take_noted();
            let few = keys.len() <= FEW;
            self.copy_again(&new, keys)?;
            if few {
                break;
            }
        }
        self.close(new)?;
        Ok(true)
    }

    fn copy_again(&self, new: &Engine, keys: Keys) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        for (n, (tree, key)) in
            keys.into_iter().filter(|(tree, key)| *tree != Tree::Spare && is_copied(*tree, key)).enumerate()
        {
            if n % AT_A_TIME == AT_A_TIME - 1 {
                new.apply(&std::mem::take(&mut batch))?;
            }
            let value = self.core.engine.get(tree, &key)?;
            batch.copy(tree, key, value);
        }
        new.apply(&batch)?;
        Ok(())
    }

    /// Compares both pair by pair. Answers the keys that differ: each must have been applied meanwhile.
    fn compare(&mut self, new: &Engine) -> Result<Option<Keys>, StoreError> {
        self.done = 0;
        let mut differing = Keys::new();
        for tree in Tree::lasting() {
            let mut after: Option<Bytes> = None;
            loop {
                let olds = page(&self.core.engine, tree, after.as_ref())?;
                let whole = olds.len() < AT_A_TIME;
                let to = if whole { None } else { olds.last().map(|(key, _)| key.clone()) };
                let from = after.as_ref().map_or(Bound::Unbounded, |key| Bound::Excluded(&key[..]));
                let upto = to.as_ref().map_or(Bound::Unbounded, |key| Bound::Included(&key[..]));
                let news = new.scan(tree, (from, upto), false, usize::MAX)?;
                self.done += olds.len() as u64;
                differences(tree, olds, news, &mut differing);
                let noted = self.core.engine.take_noted();
                self.noted.extend(noted);
                if !self.go_on("comparing") {
                    return Ok(None);
                }
                match to {
                    Some(to) => after = Some(to),
                    None => break,
                }
            }
        }
        differing.retain(|(tree, key)| is_copied(*tree, key));
        Ok(Some(differing))
    }

    /// Copies what is left while the writer stands still, and puts the new files in place.
    fn take_place(&mut self, handle: &Handle, new: Engine, differing: &Keys) -> Result<(String, u64), StoreError> {
        self.copy_again(&new, self.noted.clone())?;
        for _ in 0..ROUNDS {
            let keys = self.core.engine.take_noted();
            let few = keys.len() <= FEW;
            self.copy_again(&new, keys.clone())?;
            self.noted.extend(keys);
            if few {
                break;
            }
        }
        let paused = handle.pause()?;
        let began = std::time::Instant::now();
        let core = self.core;
        core.writable()?;
        let last = core.engine.take_noted();
        if let Some((tree, _)) = differing.iter().find(|key| !self.noted.contains(*key) && !last.contains(*key)) {
            return Err(StoreError::Failed(format!(
                "the copy is not the same as the store ({}), so it was not used; run \"clowder check --deep\"",
                tree.name()
            )));
        }
        self.copy_again(&new, last)?;
        self.close(new)?;
        let kept = swap::make_kept(self.data).map_err(|e| in_words(&e))?;
        let moves = vec![Move::new(STORE, format!("{kept}/{STORE}")), Move::new(NEW, STORE)];
        let notice =
            format!("Compacting the store was finished. The old files are in {}.", self.data.join(&kept).display());
        let swapped = match swap::run(self.data, &Swap { notice, moves }).map_err(|e| in_words(&e)) {
            Err(e) if !swap::is_pending(self.data) => return Err(e),
            swapped => swapped,
        };
        // From here on what is in the old files alone would be lost, so either the new ones are open or nothing is written.
        match swapped.and_then(|()| self.open(STORE)) {
            Ok(new) => {
                core.engine.go_on_with(new);
                core.repair_marked.store(false, Ordering::Relaxed);
                drop(paused);
                Ok((kept, u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)))
            }
            Err(e) => {
                core.read_only.get_or_init(|| format!("the new files could not be put in place ({e}); start again"));
                Err(e)
            }
        }
    }
}

/// Some pairs of a tree past a key.
fn page(engine: &Engine, tree: Tree, after: Option<&Bytes>) -> Result<Vec<Pair>, StoreError> {
    let from = after.map_or(Bound::Unbounded, |key| Bound::Excluded(&key[..]));
    Ok(engine.scan(tree, (from, Bound::Unbounded), false, AT_A_TIME)?)
}

/// Adds the keys that are in one and not in the other, or with another value.
fn differences(tree: Tree, olds: Vec<Pair>, news: Vec<Pair>, differing: &mut Keys) {
    if olds == news {
        return;
    }
    let news: std::collections::BTreeMap<Bytes, Bytes> = news.into_iter().collect();
    let olds: std::collections::BTreeMap<Bytes, Bytes> = olds.into_iter().collect();
    differing
        .extend(olds.iter().filter(|(key, value)| news.get(*key) != Some(value)).map(|(key, _)| (tree, key.clone())));
    differing.extend(news.into_keys().filter(|key| !olds.contains_key(key)).map(|key| (tree, key)));
}

impl Core {
    /// The right to work on all of the engine's files at once.
    pub(super) fn alone(&self) -> Result<MutexGuard<'_, ()>, StoreError> {
        match self.upkeep.try_lock() {
            Ok(alone) => Ok(alone),
            Err(TryLockError::Poisoned(alone)) => Ok(alone.into_inner()),
            Err(TryLockError::WouldBlock) => {
                Err(StoreError::Failed("the store is being repaired or compacted already".to_owned()))
            }
        }
    }

    /// Refuses what needs so many bytes when they are not there.
    fn has_room_for(&self, bytes: u64) -> Result<(), StoreError> {
        let space = self.look_around(std::time::Duration::ZERO);
        match space.free {
            Some(free) if free < bytes => Err(StoreError::NoRoom(format!(
                "compacting needs as much room as the store takes, {}, and {} are free: make room first",
                size(bytes),
                size(free)
            ))),
            _ => Ok(()),
        }
    }
}
