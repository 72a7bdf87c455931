//! Repairing: the indexes and counters built anew from the records, damaged records taken from the audit log.
//!
//! The new index is a tree of its own, since the old one may be too damaged to be emptied. A mark says how far it is, in the
//! same batch as its keys; a commit in between takes the mark away, and the next repair begins anew.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{PoisonError, atomic::Ordering},
};

use crate::model::{Action, Actor, AuditEntry, CommitNo, Kind};

use super::{
    CheckReport, Progress, StoreError, Tally,
    check::{self, AT_A_TIME, named},
    core::{Core, lock},
    engine::{Batch, EngineError, Tree},
    handle::Handle,
    indexes,
    journal::CommitRecord,
    meta::{self, Counters},
    record::{self, AnyRecord},
    tallies,
};

/// How many index keys are written at a time.
const KEYS_AT_A_TIME: usize = 500;

/// Records that cannot be read.
type Damaged = BTreeSet<(Kind, u32)>;

/// How far the new index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    generation: u32,
    /// Which kind of record it is at, by position; past the last it is at the audit log.
    stage: u32,
    /// The last record or commit that is in it.
    after: u64,
}

impl Mark {
    fn to_bytes(self) -> Vec<u8> {
        [&self.generation.to_le_bytes()[..], &self.stage.to_le_bytes(), &self.after.to_le_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (generation, rest) = bytes.split_first_chunk()?;
        let (stage, after) = rest.split_first_chunk()?;
        Some(Self {
            generation: u32::from_le_bytes(*generation),
            stage: u32::from_le_bytes(*stage),
            after: u64::from_le_bytes(after.try_into().ok()?),
        })
    }
}

impl Core {
    /// Part of every commit: what a repair that was broken off had reached is no longer all.
    pub(super) fn end_repair_mark(&self, batch: &mut Batch) {
        if self.repair_marked.swap(false, Ordering::Relaxed) {
            batch.remove(Tree::Meta, meta::REPAIR);
        }
    }
}

/// Repairs, then checks.
pub(super) fn repair(
    handle: &Handle,
    actor: &Actor,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<CheckReport, StoreError> {
    let core = handle.core();
    core.writable()?;
    let alone = core.alone()?;
    let paused = handle.pause()?;
    let mut repair = Repair { core, progress, words: Vec::new() };
    let done = repair.run(actor).inspect_err(|_| core.engine.close_spare())?;
    let words = repair.words;
    drop((paused, alone));
    if !done {
        return Ok(CheckReport { cancelled: true, repaired: words, ..CheckReport::default() });
    }
    handle.rebuild_catalog()?;
    let mut report = check::check(handle, progress)?;
    report.repaired = words;
    Ok(report)
}

struct Repair<'a> {
    core: &'a Core,
    progress: &'a mut dyn FnMut(Progress) -> bool,
    words: Vec<String>,
}

impl Repair<'_> {
    fn go_on(&mut self, step: &'static str, done: u64, of: u64) -> bool {
        (self.progress)(Progress { step, done, of: of.max(done) })
    }

    fn run(&mut self, actor: &Actor) -> Result<bool, StoreError> {
        let Some((counters, damaged)) = self.count()? else { return Ok(false) };
        let counters = if damaged.is_empty() {
            counters
        } else {
            self.salvage(damaged)?;
            match self.count()? {
                Some((counters, _)) => counters,
                None => return Ok(false),
            }
        };
        let mut mark = self.begin()?;
        if !self.index_records(&mut mark)? || !self.index_audit(&mut mark, counters.commit)? {
            self.core.engine.close_spare();
            return Ok(false);
        }
        self.finish(actor, mark, counters)?;
        Ok(true)
    }

    /// What the counters should be, and the records that cannot be read.
    fn count(&mut self) -> Result<Option<(Counters, Damaged)>, StoreError> {
        let mut counters = self.core.counters().clone();
        let mut counts: HashMap<Tally, i64> = HashMap::new();
        let mut damaged = BTreeSet::new();
        let mut done = 0;
        for &kind in Kind::ALL {
            let mut after = 0;
            while after < u32::MAX {
                let page = self.core.records(kind, after, AT_A_TIME);
                after = page.upto;
                for (id, record) in page.records {
                    done += 1;
                    let last = counters.last_ids.entry(kind).or_default();
                    *last = id.max(*last);
                    match record {
                        Ok(record) => tallies::add_change(&mut counts, None, Some(&record)),
                        Err(_) => drop(damaged.insert((kind, id))),
                    }
                }
                if !self.go_on("counting", done, 0) {
                    return Ok(None);
                }
            }
        }
        counters.tallies =
            counts.into_iter().map(|(tally, count)| (tally, count.unsigned_abs())).filter(|(_, c)| *c > 0).collect();
        let newest =
            self.core.engine.scan(Tree::Audit, (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded), true, 1)?;
        let newest = newest.first().and_then(|(key, _)| super::audit::parse_key(key)).map_or(0, |(commit, _)| commit);
        counters.commit = counters.commit.max(newest);
        Ok(Some((counters, damaged)))
    }

    /// Puts back what the audit log last had of each damaged record.
    fn salvage(&mut self, mut damaged: Damaged) -> Result<(), StoreError> {
        let mut no = self.core.counters().commit;
        while no > 0 && !damaged.is_empty() {
            // An entry that cannot be read itself is passed over.
            let touched = self.core.audit_entry(CommitNo(no)).ok().flatten().map(|(_, all)| all).unwrap_or_default();
            for t in touched {
                if !damaged.remove(&(t.kind, t.id)) {
                    continue;
                }
                let (tree, key) = (Tree::Records(t.kind), record::key(t.id));
                let mut batch = Batch::default();
                let name = named(t.kind, t.id);
                match t.after {
                    Some(stored) => {
                        batch.put(tree, &key, self.core.sealer.seal(tree.name(), &key, &stored));
                        self.words.push(match t.kind {
                            Kind::User => format!(
                                "{name} was damaged and taken from the audit log; the password must be set again"
                            ),
                            _ => format!("{name} was damaged and taken from the audit log"),
                        });
                    }
                    None => {
                        batch.remove(tree, &key);
                        self.words.push(format!("{name} was damaged and removed: it had been deleted"));
                    }
                }
                self.core.engine.apply(&batch)?;
            }
            no -= 1;
        }
        for (kind, id) in damaged {
            self.words.push(format!("{} is damaged and not in the audit log; run `clowder doctor`", named(kind, id)));
        }
        Ok(())
    }

    /// Goes on where the last repair was broken off, if nothing was committed since, or begins.
    fn begin(&mut self) -> Result<Mark, StoreError> {
        let generation = self.core.generation.load(Ordering::Relaxed).saturating_add(1);
        let found = self.core.meta(meta::REPAIR)?.and_then(|bytes| Mark::from_bytes(&bytes));
        let mark = match found {
            Some(mark) if mark.generation == generation => mark,
            _ => {
                self.core.engine.drop_index(generation)?;
                Mark { generation, stage: 0, after: 0 }
            }
        };
        self.core.engine.open_index(Tree::Spare, generation)?;
        Ok(mark)
    }

    fn put(&self, mark: Mark, keys: &[indexes::Key]) -> Result<(), StoreError> {
        for keys in keys.chunks(KEYS_AT_A_TIME) {
            let mut batch = Batch::default();
            for key in keys {
                batch.put(Tree::Spare, key, Vec::new());
            }
            self.core.engine.apply(&batch)?;
        }
        let mut batch = Batch::default();
        self.core.put_meta(&mut batch, meta::REPAIR, &mark.to_bytes());
        self.core.repair_marked.store(true, Ordering::Relaxed);
        self.core.engine.apply(&batch)?;
        Ok(())
    }

    fn index_records(&mut self, mark: &mut Mark) -> Result<bool, StoreError> {
        let mut done = 0;
        while let Some(&kind) = Kind::ALL.get(mark.stage as usize) {
            let after = u32::try_from(mark.after).unwrap_or(u32::MAX);
            let page = self.core.records(kind, after, AT_A_TIME);
            let mut keys = Vec::new();
            for (_, record) in &page.records {
                done += 1;
                keys.extend(record.iter().flat_map(|record: &AnyRecord| indexes::keys(&self.core.hasher, record)));
            }
            if page.upto == u32::MAX {
                mark.stage += 1;
                mark.after = 0;
            } else {
                mark.after = u64::from(page.upto);
            }
            self.put(*mark, &keys)?;
            if !self.go_on("index of records", done, 0) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn index_audit(&mut self, mark: &mut Mark, last: u64) -> Result<bool, StoreError> {
        while mark.after < last {
            let upto = last.min(mark.after + u64::from(AT_A_TIME));
            let mut keys = Vec::new();
            for no in mark.after + 1..=upto {
                let touched =
                    self.core.audit_entry(CommitNo(no)).ok().flatten().map(|(_, all)| all).unwrap_or_default();
                keys.extend(touched.iter().map(|t| indexes::audit_key(t.kind, t.id, no)));
            }
            mark.after = upto;
            self.put(*mark, &keys)?;
            if !self.go_on("index of the audit log", upto, last) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Puts the new index and counters in the place of the old ones, in one commit.
    fn finish(&mut self, actor: &Actor, mark: Mark, mut counters: Counters) -> Result<(), StoreError> {
        let core = self.core;
        let before = core.counters().clone();
        let mut batch = Batch::default();
        for tally in before.tallies.keys().chain(counters.tallies.keys()).collect::<BTreeSet<_>>() {
            core.put_tally(&mut batch, *tally, counters.tallies.get(tally).copied().unwrap_or_default());
        }
        for (&kind, &last) in &counters.last_ids {
            core.put_last_id(&mut batch, kind, last);
        }
        if before.tallies != counters.tallies || before.last_ids != counters.last_ids {
            self.words.push("the counters were set right".to_owned());
        }
        self.words.push("the indexes were built anew".to_owned());
        counters.commit += 1;
        let entry = AuditEntry {
            commit: CommitNo(counters.commit),
            at: core.now(),
            actor: actor.clone(),
            action: Action::Repair,
            note: self.words.join("; ").chars().take(1_000).collect(),
            undoes: None,
            touched: 0,
        };
        let commit = CommitRecord {
            entry: entry.clone(),
            touched: Vec::new(),
            hashes: Vec::new(),
            last_ids: counters.last_ids.iter().map(|(&kind, &id)| (kind, id)).collect(),
        };
        core.put_audit(&mut batch, entry, Vec::new())?;
        core.put_meta(&mut batch, meta::COMMIT, &counters.commit.to_le_bytes());
        core.put_meta(&mut batch, meta::GENERATION, &u64::from(mark.generation).to_le_bytes());
        core.end_repair_mark(&mut batch);
        let added = match lock(&core.journal).as_mut() {
            Some(journal) => Some(journal.append(&[commit])?),
            None => None,
        };
        if let Err(e) = core.engine.apply(&batch) {
            if let (Some(journal), Some(added)) = (lock(&core.journal).as_mut(), added) {
                journal.take_back(added).map_err(EngineError::from)?;
            }
            return Err(e.into());
        }
        core.engine.sync()?;

        *core.counters.write().unwrap_or_else(PoisonError::into_inner) = counters;
        core.engine.open_index(Tree::Index, mark.generation)?;
        core.engine.close_spare();
        let old = core.generation.swap(mark.generation, Ordering::Relaxed);
        // The old index may be too damaged to go away; it is in nobody's way.
        let _ = core.engine.drop_index(old);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
