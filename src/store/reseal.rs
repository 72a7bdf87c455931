//! A new data key, and every value sealed with it, while people work.
//!
//! The keyring with the new key and the old one behind it is written first; from then on every commit seals with the new key, and
//! both open. Then the trees are gone through, a few values at a time, and what is still sealed with an older key is
//! sealed anew while the writer stands still. Nothing says how far it is but the values themselves, so that it can be broken
//! off anywhere. At the end the mark in the keyring goes, and the old key opens nothing of the store any more.

use std::{
    ops::Bound,
    sync::{
        Mutex, TryLockError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use crate::model::{Actor, Kind};

use super::{
    Progress, SlotLine, Store, StoreError, Tally,
    core::{Core, lock},
    engine::{Batch, Tree},
    handle::Paused,
};

/// How many values are looked at, and at most sealed anew, at a time: readers wait for the engine while many are applied.
const AT_A_TIME: usize = 100;

/// How long whoever re-seals already is given to leave off.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who re-seals, and how far it is.
#[derive(Default)]
pub(super) struct Resealing {
    busy: Mutex<()>,
    /// Whether the thread that goes on by itself shall leave off, for somebody who wants to watch.
    hand_over: AtomicBool,
    looked_at: AtomicU64,
}

impl Resealing {
    /// How many values were looked at.
    pub(super) fn looked_at(&self) -> u64 {
        self.looked_at.load(Ordering::Relaxed)
    }
}

/// What came of a new data key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resealed {
    /// The number of the data key.
    pub number: u32,
    /// Values that were sealed anew.
    pub values: u64,
    /// Values that no key opens: damaged ones. They stay as they are.
    pub damaged: u64,
    /// Slots that were dropped, since what opens them was not at hand.
    pub dropped: Vec<u32>,
    /// Whether it was broken off; it goes on the next time the store is opened.
    pub cancelled: bool,
}

/// Keeps the writer still.
type Pause<'a> = &'a dyn Fn() -> Result<Paused, StoreError>;

/// Goes on with what was broken off, until it is done, the store closes or somebody else takes it over.
pub(super) fn go_on(core: &Core, pause: Pause<'_>, closing: &AtomicBool) {
    let Ok(_busy) = core.resealing.busy.lock() else { return };
    let mut progress = |_| !closing.load(Ordering::Relaxed) && !core.resealing.hand_over.load(Ordering::Relaxed);
    match all(core, pause, &mut progress) {
        Ok(done) if !done.cancelled => tracing::info!(values = done.values, "every value is sealed with the new key"),
        Ok(_) => {}
        Err(e) => tracing::warn!("re-sealing goes on at the next start: {e}"),
    }
}

/// Seals with the current key whatever is sealed with an older one.
fn all(core: &Core, pause: Pause<'_>, progress: &mut dyn FnMut(Progress) -> bool) -> Result<Resealed, StoreError> {
    let mut report = Resealed { number: core.sealer.number(), ..Resealed::default() };
    let of = {
        let counters = core.counters();
        Kind::ALL.iter().filter_map(|&k| counters.tallies.get(&Tally::Records(k))).sum::<u64>() + counters.commit
    };
    let mut done = 0;
    for tree in Kind::ALL.iter().map(|&k| Tree::Records(k)).chain([Tree::Audit, Tree::Meta]) {
        let mut after: Option<Vec<u8>> = None;
        loop {
            core.writable()?;
            let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            let pairs = core.engine.scan(tree, (from, Bound::Unbounded), false, AT_A_TIME)?;
            let Some((last, _)) = pairs.last() else { break };
            after = Some(last.to_vec());
            let old: Vec<_> =
                pairs.iter().filter(|(key, sealed)| !core.sealer.is_current(tree.name(), key, sealed)).collect();
            if !old.is_empty() {
                let _still = pause()?;
                reseal(core, tree, old.iter().map(|(key, _)| &key[..]), &mut report)?;
            }
            done += pairs.len() as u64;
            core.resealing.looked_at.store(done, Ordering::Relaxed);
            if !progress(Progress { step: "sealing with the new key", done, of: of.max(done) }) {
                report.cancelled = true;
                return Ok(report);
            }
        }
    }
    let _still = pause()?;
    core.engine.sync()?;
    core.slots.change(|keyring, _| {
        keyring.end_resealing();
        Ok::<_, StoreError>(())
    })?;
    core.sealer.settle();
    Ok(report)
}

/// Seals a few values anew. The writer stands still.
fn reseal<'a>(
    core: &Core,
    tree: Tree,
    keys: impl Iterator<Item = &'a [u8]>,
    report: &mut Resealed,
) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    let mut values = 0;
    for key in keys {
        // It may have changed or gone since it was looked at.
        let Some(sealed) = core.engine.get(tree, key)? else { continue };
        if core.sealer.is_current(tree.name(), key, &sealed) {
            continue;
        }
        match core.sealer.open_with_any(tree.name(), key, &sealed).map(Zeroizing::new) {
            Ok(plain) => {
                batch.put(tree, key, core.sealer.seal(tree.name(), key, &plain));
                values += 1;
            }
            Err(_) => report.damaged += 1,
        }
    }
    if values > 0 {
        // Never more than one transaction that is not on the disk.
        let applied = core.engine.sync().and_then(|()| core.engine.apply(&batch)).and_then(|()| core.engine.sync());
        if let Err(e) = applied {
            let why = StoreError::from(e).to_string();
            return Err(StoreError::ReadOnly(core.read_only.get_or_init(|| why).clone()));
        }
        report.values += values;
    }
    Ok(())
}

impl Store {
    /// Makes a new data key and seals every value with it, while reads and writes go on. If that was begun before and is not done, it goes
    /// on with that instead. `typed` are passphrases and recovery codes whose slots are to be kept; see
    /// [`Store::slots_without_secret`]. `progress` answers false to break off: the rest is done the next time the
    /// store is opened.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when what was typed opens no slot; or the files cannot be written.
    pub fn rotate_data(
        &self,
        actor: &Actor,
        typed: &[Zeroizing<String>],
        progress: &mut (dyn FnMut(Progress) -> bool + Send),
    ) -> Result<Resealed, StoreError> {
        let core = self.core();
        core.writable()?;
        let _busy = self.take_over()?;
        let pause = || self.0.pause();
        let mut dropped = Vec::new();
        if !core.slots.is_resealing() {
            dropped = self.renew_data_key(typed)?;
            let words = dropped.iter().map(|slot| format!("{} (slot {})", slot.kind.label(), slot.number));
            let words: Vec<String> = words.collect();
            let lost =
                if words.is_empty() { String::new() } else { format!("; no longer opened by: {}", words.join(", ")) };
            self.note_keys(actor, format!("data key {}{lost}", core.sealer.number()))?;
        }
        let mut report = all(core, &pause, progress)?;
        report.dropped = dropped.iter().map(|slot| slot.number).collect();
        if !report.cancelled {
            self.note_keys(actor, format!("everything is sealed with data key {}", report.number))?;
        }
        Ok(report)
    }

    /// Waits until nobody else re-seals.
    fn take_over(&self) -> Result<std::sync::MutexGuard<'_, ()>, StoreError> {
        let resealing = &self.core().resealing;
        resealing.hand_over.store(true, Ordering::Relaxed);
        let started = Instant::now();
        loop {
            match resealing.busy.try_lock() {
                Ok(busy) => return Ok(busy),
                Err(TryLockError::Poisoned(busy)) => return Ok(busy.into_inner()),
                Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Refused(
                        "somebody else is re-sealing just now; \"clowder key status\" shows how far it is".to_owned(),
                    ));
                }
            }
        }
    }

    /// Writes the keyring with a new data key, and seals with that from now on. Answers the slots that were dropped.
    fn renew_data_key(&self, typed: &[Zeroizing<String>]) -> Result<Vec<SlotLine>, StoreError> {
        let core = self.core();
        let dropped = self.slots_without_secret(typed)?;
        let secrets = core.slots.held().secrets(typed)?;
        // No commit is under way while the key changes: each is sealed with one key.
        let _still = self.0.pause()?;
        let (new, number) = core.slots.change(|keyring, _| {
            let (new, _) = keyring.renew(&core.sealer, &core.hasher, &secrets);
            Ok::<_, StoreError>((new, keyring.key))
        })?;
        core.sealer.replace(number, new);
        // The newest backup has a keyring without the new key, which opens no journal from here on.
        core.backup_is_due();
        if let Some(journal) = lock(&core.journal).as_mut() {
            let (number, sealer) = core.sealer.current_sealer();
            journal.set_key(number, sealer);
        }
        Ok(dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Action, Breed, Cat},
        store::OpenOptions,
    };

    /// How many values the keys of a number open, and of how many.
    fn opened_by(core: &Core, number: u32) -> (usize, usize) {
        let sealer = core.sealer.sealer(number).unwrap();
        let (mut opened, mut all) = (0, 0);
        for tree in Kind::ALL.iter().map(|&k| Tree::Records(k)).chain([Tree::Audit, Tree::Meta]) {
            for (key, sealed) in
                core.engine.scan(tree, (Bound::Unbounded, Bound::Unbounded), false, usize::MAX).unwrap()
            {
                all += 1;
                opened += usize::from(sealer.open(tree.name(), &key, &sealed).is_ok());
            }
        }
        (opened, all)
    }

    #[test]
    fn every_value_of_every_tree_is_sealed_with_the_new_key_and_none_with_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(OpenOptions::new(dir.path().join("data"), dir.path().join("config"))).unwrap().store;
        let actor = Actor::console();
        for n in 0..250 {
            let add = move |tx: &mut crate::store::Tx<'_>| {
                tx.describe(Action::Import, "");
                tx.insert(&mut Breed { name: format!("breed {n}"), ..Breed::default() })?;
                tx.insert(&mut Cat::new(format!("cat {n}")))?;
                Ok::<_, StoreError>(())
            };
            store.write(&actor, add).unwrap();
        }
        let core = store.core();
        // Damage is left as it is, and counted.
        let mut batch = Batch::default();
        batch.put(Tree::Records(Kind::Cat), &7_u32.to_be_bytes(), vec![7; 60]);
        core.engine.apply(&batch).unwrap();
        let (opened, all) = opened_by(core, 1);
        assert_eq!(opened + 1, all);

        let mut seen = Vec::new();
        let report = store
            .rotate_data(&actor, &[], &mut |p| {
                seen.push((p.done, p.of));
                true
            })
            .unwrap();
        assert_eq!((report.number, report.damaged, report.cancelled), (2, 1, false));
        assert!(seen.windows(2).all(|w| w[0].0 < w[1].0), "{seen:?}");
        let (opened, all) = opened_by(core, 2);
        assert_eq!(opened + 1, all);
        assert_eq!(opened_by(core, 1).0, 0);
        assert!(all > 750, "{all}");
        // What is moved back from before is not taken for good, although the old key is still known.
        let old = core.sealer.sealer(1).unwrap();
        let key = 8_u32.to_be_bytes();
        let forged = old.seal(Kind::Cat.slug(), &key, b"forged");
        assert!(core.sealer.open(Kind::Cat.slug(), &key, &forged).is_err());
        // Whoever had read a record before it was sealed anew gets it as it is now, and never what was forged.
        let stored = core.get_any(Kind::Cat, 8).unwrap().unwrap().encode().unwrap();
        assert_eq!(core.open_record(Kind::Cat, 8, &forged), Ok(stored));
        assert!(core.open_record(Kind::Cat, 7, &[7; 60]).is_err());
    }
}
