//! A group of writes that reaches the disk together.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::model::{Actor, AuditEntry, CommitNo, Stamp};

use super::{
    Catalog, Change, Changed, StoreError, aside, audit,
    core::{Core, Readiness, lock},
    engine::{Batch, Tree},
    journal::{self, CommitRecord},
    meta::{self, Counters},
    record::{self, AnyRecord},
    tx::{Done, Layer, Tx},
    writer::Beside,
};

/// How a write went: its commit, `None` when it changed nothing or its closure answered with an error.
pub(super) type Outcome = Result<Option<CommitNo>, StoreError>;

/// One write, waiting for its turn.
pub(super) trait Job: Send {
    /// Who writes.
    fn actor(&self) -> &Actor;
    /// Runs the closure; false discards what it did.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Tells the one who waits. `Ok` hands over the closure's own answer.
    fn finish(self: Box<Self>, outcome: Outcome);
}

/// Commits in order, and what they changed together.
#[derive(Default)]
pub(super) struct Content {
    layer: Layer,
    commits: Vec<CommitRecord>,
}

/// What goes into the engine and into memory for a group.
pub(super) struct Prepared {
    layer: Layer,
    batch: Batch,
    changes: Vec<Change>,
    counters: Counters,
}

/// Writes in the order they came, and what became of them.
#[derive(Default)]
pub(super) struct Group {
    content: Content,
    /// No fewer bytes than the commits take in the journal.
    bytes: usize,
    changed: Vec<Changed>,
    jobs: Vec<(Box<dyn Job>, Outcome)>,
}

impl Group {
    /// How many writes are in it.
    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// How many records they touched.
    pub(super) fn touched(&self) -> usize {
        self.content.commits.iter().map(|commit| commit.touched.len()).sum()
    }

    /// Runs a write on top of those before it. Whatever goes wrong in it concerns it alone.
    pub(super) fn run(&mut self, core: &Core, mut job: Box<dyn Job>) {
        let actor = job.actor().clone();
        let now = core.now();
        let mut tx = Tx::new(core, &self.content.layer, &actor, now);
        let ran = catch_unwind(AssertUnwindSafe(|| job.run(&mut tx)));
        let outcome = match ran {
            Err(_) => Err(StoreError::Failed("nothing was changed: the program failed in the middle of it".to_owned())),
            Ok(false) => Ok(None),
            Ok(true) => {
                let done = tx.done();
                self.accept(core, &actor, now, done)
            }
        };
        self.jobs.push((job, outcome));
    }

    fn accept(&mut self, core: &Core, actor: &Actor, now: Stamp, done: Done) -> Result<Option<CommitNo>, StoreError> {
        if done.layer.records.is_empty() && !done.always {
            return Ok(None);
        }
        let now = done.accepted.unwrap_or(now);
        let (action, note) = done.action.ok_or_else(|| {
            StoreError::Failed("nothing was changed: the change does not say what it does for the audit log".to_owned())
        })?;
        if note.len() > audit::NOTE {
            return Err(StoreError::Failed(
                "nothing was changed: what is said about the change is too long".to_owned(),
            ));
        }
        let commit = CommitNo(core.counters().commit + self.content.commits.len() as u64 + 1);
        let mut touched = Vec::with_capacity(done.layer.records.len());
        let mut hashes = Vec::new();
        for ((kind, id), (before, after)) in &done.layer.records {
            touched.push(audit::touched(*kind, *id, before.as_ref(), after.as_ref())?);
            if let Some(AnyRecord::User(user)) = after {
                hashes.extend(user.password.clone().map(|hash| (*id, hash)));
            }
        }
        let count = u32::try_from(touched.len()).unwrap_or(u32::MAX);
        let entry =
            AuditEntry { commit, at: now, actor: actor.clone(), action, note, undoes: done.undoes, touched: count };
        let last_ids = done.layer.last_ids.iter().map(|(&kind, &id)| (kind, id)).collect();
        let record = CommitRecord { entry, touched, hashes, last_ids };
        // Here it concerns this write alone; a frame that cannot be written ends all writing.
        let bytes = self.bytes + record.most_bytes();
        if bytes > journal::MOST {
            return Err(StoreError::Failed(format!(
                "nothing was changed: the change is too large to be made at once ({count} records); make it in parts"
            )));
        }
        self.bytes = bytes;
        if let Some(clock) = done.accepted {
            core.accept_clock(clock);
        }
        self.changed.push(Changed {
            commit,
            actor: actor.clone(),
            records: done.layer.records.keys().copied().collect(),
        });
        self.content.add(record, done.layer);
        Ok(Some(commit))
    }

    /// Brings the group into the journal and the engine, then into memory, then tells everybody.
    pub(super) fn commit(mut self, core: &Core, beside: &Beside) {
        let content = std::mem::take(&mut self.content);
        let stored = if content.commits.is_empty() { Ok(()) } else { content.store(core, beside) };
        match stored {
            Ok(()) => {
                for (job, outcome) in self.jobs {
                    job.finish(outcome);
                }
                for changed in &self.changed {
                    publish(core, changed);
                }
            }
            Err(e) => {
                let why = core.read_only.get_or_init(|| e.to_string()).clone();
                for (job, _) in self.jobs {
                    job.finish(Err(StoreError::ReadOnly(why.clone())));
                }
            }
        }
    }
}

impl Content {
    /// What the commits so far leave.
    pub(super) fn layer(&self) -> &Layer {
        &self.layer
    }

    /// Puts a commit behind those before it, with what it changed over them.
    pub(super) fn add(&mut self, commit: CommitRecord, layer: Layer) {
        self.commits.push(commit);
        self.layer.merge(layer);
    }

    /// The engine's files may be one group behind the journal and never more, so nothing is applied before the group before it
    /// was synced. Then whatever is acknowledged is in the journal, and the engine's files were never without a sync for long.
    fn store(self, core: &Core, beside: &Beside) -> Result<(), StoreError> {
        let mut journal = lock(&core.journal);
        let sealed = journal.as_ref().map(|journal| journal.seal(&self.commits)).transpose()?;
        beside.prepare.begin(self);
        let added = journal.as_mut().zip(sealed).map(|(journal, sealed)| journal.put(sealed)).transpose();
        drop(journal);
        let prepared = beside.prepare.wait();
        let added = added?;
        let applied = aside::caught(|| {
            let prepared = prepared?.ok_or_else(aside::broken)?;
            beside.sync.wait()?;
            prepared.apply(core, |batch| {
                beside.sync.begin(batch);
                Ok(())
            })
        });
        applied.map_err(|e| {
            let taken_back = match (lock(&core.journal).as_mut(), added) {
                (Some(journal), Some(added)) => journal.take_back(added),
                _ => Ok(()),
            };
            if taken_back.is_ok() { e } else { journal::may_come_back(&e) }
        })
    }

    /// Seals what changed, and works out what follows from it.
    pub(super) fn prepare(mut self, core: &Core) -> Result<Prepared, StoreError> {
        let mut batch = Batch::default();
        let mut changes = Vec::with_capacity(self.layer.records.len());
        self.layer.records.retain(|_, (before, after)| before != after);
        for ((kind, id), (before, after)) in &self.layer.records {
            let (tree, key) = (Tree::Records(*kind), record::key(*id));
            match after {
                Some(after) => batch.put(tree, &key, core.sealer.seal(tree.name(), &key, &after.encode()?)),
                None => batch.remove(tree, &key),
            }
            changes.extend(AnyRecord::change(before.clone(), after.clone()));
        }
        self.layer.keys.retain(|_, (was, is)| was != is);
        for (key, (_, is)) in &self.layer.keys {
            if *is {
                batch.put(Tree::Index, key, Vec::new());
            } else {
                batch.remove(Tree::Index, key);
            }
        }
        let mut counters = core.counters().clone();
        for (&tally, &by) in self.layer.tallies.iter().filter(|(_, by)| **by != 0) {
            let count = counters.tallies.entry(tally).or_default();
            *count = count.saturating_add_signed(by);
            core.put_tally(&mut batch, tally, *count);
        }
        counters.tallies.retain(|_, count| *count > 0);
        for (&kind, &last) in &self.layer.last_ids {
            counters.last_ids.insert(kind, last);
            core.put_last_id(&mut batch, kind, last);
        }
        for CommitRecord { entry, touched, .. } in self.commits {
            counters.commit = entry.commit.0;
            core.put_audit(&mut batch, entry, touched)?;
        }
        core.put_meta(&mut batch, meta::COMMIT, &counters.commit.to_le_bytes());
        core.end_repair_mark(&mut batch);
        Ok(Prepared { layer: self.layer, batch, changes, counters })
    }
}

impl Prepared {
    /// Applies the group to the engine, then brings it into memory. `applied` settles and syncs it, or sees to that.
    pub(super) fn apply(
        self,
        core: &Core,
        applied: impl FnOnce(Batch) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.note_for_watches(core);
        core.engine.apply_unsettled(&self.batch)?;
        applied(self.batch)?;
        *core.counters.write().unwrap_or_else(std::sync::PoisonError::into_inner) = self.counters;
        update_catalog(core, &self.changes);
        Ok(())
    }

    fn note_for_watches(&self, core: &Core) {
        lock(&core.watches).retain(|watch| {
            let Some(watch) = watch.upgrade() else { return false };
            watch.note(
                self.layer.records.iter().map(|(place, (before, _))| (place, before)),
                self.layer.keys.iter().map(|(key, (was, _))| (key, *was)),
                &self.changes,
            );
            true
        });
    }
}

fn update_catalog(core: &Core, changes: &[Change]) {
    let mut catalog = core.catalog.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    if catalog.ready() && catch_unwind(AssertUnwindSafe(|| catalog.apply(changes))).is_err() {
        // Half a change is worse than none: without a catalog the indexes serve.
        *catalog = Catalog::default();
        core.set_readiness(Readiness::Failed);
    }
}

/// Tells the subscribers of a commit. One that fails does not keep it from the others.
pub(super) fn publish(core: &Core, changed: &Changed) {
    let listeners: Vec<_> = lock(&core.listeners).values().cloned().collect();
    for listener in listeners {
        let _ = catch_unwind(AssertUnwindSafe(|| listener(changed)));
    }
}
