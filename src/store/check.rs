//! Checking: every record opened, everything that is derived from them counted again.

use std::collections::{BTreeMap, HashMap};

use crate::model::{CommitNo, Kind};

use super::{
    Catalog, StoreError, Tally,
    core::Core,
    handle::Handle,
    indexes::{self, Key},
    record::AnyRecord,
    snapshot::Snapshot,
    tallies,
};

mod journal;

/// How far long work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is at, in words.
    pub step: &'static str,
    /// How many are done.
    pub done: u64,
    /// Of how many, as far as is known.
    pub of: u64,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckReport {
    /// Records opened.
    pub records: u64,
    /// Index entries compared.
    pub entries: u64,
    /// Commits of the audit log read.
    pub commits: u64,
    /// Commits of the journal read and compared with the store; only a deep check does that.
    pub journal: u64,
    /// What is wrong, a sentence each; empty when all is well. At most a thousand are kept.
    pub findings: Vec<String>,
    /// How many things are wrong.
    pub wrong: u64,
    /// What a repair did, a sentence each.
    pub repaired: Vec<String>,
    /// Whether it was broken off before the end.
    pub cancelled: bool,
    /// How many of the things that are wrong are in what follows from the records: indexes, counters.
    pub(super) derived: u64,
}

/// The most findings that are kept.
const MOST_FINDINGS: usize = 1_000;

/// How many records or keys are read at a time.
pub(super) const AT_A_TIME: u32 = 500;

impl CheckReport {
    /// Whether everything was looked at and nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.wrong == 0 && !self.cancelled
    }

    /// Whether everything that is wrong follows from the records, which are all sound.
    pub fn is_only_derived(&self) -> bool {
        self.derived == self.wrong && !self.cancelled
    }

    /// Something wrong in what follows from the records.
    fn derived(&mut self, what: String) {
        self.derived += 1;
        self.find(what);
    }

    pub(super) fn find(&mut self, what: String) {
        self.wrong += 1;
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(what);
        }
    }
}

/// What people call a record in a finding.
pub(super) fn named(kind: Kind, id: u32) -> String {
    format!("{} {id}", kind.label().to_lowercase())
}

/// A check that goes on.
struct Check<'a> {
    core: &'a Core,
    view: Snapshot,
    report: CheckReport,
    /// Index keys that should be there.
    expected: u64,
    missing: u64,
    /// The catalog as it should have been at the moment of the view.
    catalog: Catalog,
    progress: &'a mut dyn FnMut(Progress) -> bool,
}

/// Checks everything as it is at one moment, while commits go on.
pub(super) fn check(handle: &Handle, progress: &mut dyn FnMut(Progress) -> bool) -> Result<CheckReport, StoreError> {
    run(handle, false, progress)
}

/// The same, and reads the journal and compares it with the store.
pub(super) fn check_deep(
    handle: &Handle,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<CheckReport, StoreError> {
    run(handle, true, progress)
}

fn run(handle: &Handle, deep: bool, progress: &mut dyn FnMut(Progress) -> bool) -> Result<CheckReport, StoreError> {
    let mut check = Check {
        core: handle.core(),
        view: handle.snapshot()?,
        report: CheckReport::default(),
        expected: 0,
        missing: 0,
        catalog: Catalog::default(),
        progress,
    };
    let mut done = check.records()? && check.audit_log()? && check.index()?;
    if done && deep {
        done = journal::check(check.core, handle.data(), &check.view, &mut check.report, check.progress)?;
    }
    if !done {
        check.report.cancelled = true;
        return Ok(check.report);
    }
    let Check { view, mut report, mut catalog, .. } = check;
    // The writer stands still while the two are brought to the same commit and compared.
    let _paused = handle.pause()?;
    catalog.apply(&view.into_changes());
    catalog.set_ready();
    let kept = handle.core().catalog();
    if kept.ready() {
        kept.differences(&catalog).into_iter().for_each(|what| report.find(what));
    }
    drop(kept);
    Ok(report)
}

impl Check<'_> {
    fn go_on(&mut self, step: &'static str, done: u64, of: u64) -> bool {
        (self.progress)(Progress { step, done, of: of.max(done) })
    }

    fn expect(&mut self, key: &Key, whose: impl Fn() -> String) -> Result<(), StoreError> {
        self.expected += 1;
        if !self.view.has_key(key)? {
            self.missing += 1;
            self.report.derived(format!("{} is missing from the index \"{}\"", whose(), indexes::name(key)));
        }
        Ok(())
    }

    fn records(&mut self) -> Result<bool, StoreError> {
        let of = Kind::ALL.iter().filter_map(|&k| self.view.counters.tallies.get(&Tally::Records(k))).sum();
        let mut counts: HashMap<Tally, i64> = HashMap::new();
        for &kind in Kind::ALL {
            let last = self.view.counters.last_ids.get(&kind).copied().unwrap_or_default();
            let mut after = 0;
            while after < u32::MAX {
                let page = self.view.records(kind, after, AT_A_TIME);
                after = page.upto;
                for (id, record) in page.records {
                    self.report.records += 1;
                    match record {
                        Ok(record) => self.record(&record, &mut counts)?,
                        Err(e) => self.report.find(e.to_string()),
                    }
                    if id > last {
                        self.report.derived(format!("{} is past the last number given, {last}", named(kind, id)));
                    }
                }
                let done = self.report.records;
                if !self.go_on("records", done, of) {
                    return Ok(false);
                }
            }
        }
        self.tallies(counts);
        Ok(true)
    }

    fn record(&mut self, record: &AnyRecord, counts: &mut HashMap<Tally, i64>) -> Result<(), StoreError> {
        let (kind, id) = (record.kind(), record.id());
        for key in indexes::keys(&self.core.hasher, record) {
            self.expect(&key, || named(kind, id))?;
        }
        tallies::add_change(counts, None, Some(record));
        self.catalog.apply(AnyRecord::change(None, Some(record.clone())).as_slice());
        Ok(())
    }

    fn tallies(&mut self, counts: HashMap<Tally, i64>) {
        let counted: BTreeMap<Tally, u64> =
            counts.into_iter().map(|(tally, count)| (tally, count.unsigned_abs())).filter(|(_, c)| *c > 0).collect();
        let kept: BTreeMap<Tally, u64> = self.view.counters.tallies.clone().into_iter().collect();
        for tally in counted.keys().chain(kept.keys().filter(|t| !counted.contains_key(t))) {
            let (is, says) = (counted.get(tally).unwrap_or(&0), kept.get(tally).unwrap_or(&0));
            if is != says {
                self.report.derived(format!("the counter {tally:?} says {says}, but there are {is}"));
            }
        }
    }

    fn audit_log(&mut self) -> Result<bool, StoreError> {
        let last = self.view.counters.commit;
        for no in 1..=last {
            self.report.commits += 1;
            match self.core.audit_entry(CommitNo(no)) {
                Ok(Some((entry, touched))) => {
                    if entry.commit.0 != no || touched.len() != entry.touched as usize {
                        self.report.find(format!("entry {no} of the audit log is not whole"));
                    }
                    for t in touched {
                        self.expect(&indexes::audit_key(t.kind, t.id, no), || format!("entry {no} of the audit log"))?;
                    }
                }
                Ok(None) => self.report.find(format!("entry {no} of the audit log is missing")),
                Err(e) => self.report.find(e.to_string()),
            }
            if no.is_multiple_of(u64::from(AT_A_TIME)) && !self.go_on("audit log", no, last) {
                return Ok(false);
            }
        }
        Ok(self.go_on("audit log", last, last))
    }

    /// Counts the index keys; only when there are more than expected, each is looked at.
    fn index(&mut self) -> Result<bool, StoreError> {
        let present = self.expected - self.missing;
        let mut found = 0;
        if !self.each_key("index", |_, _| {
            found += 1;
            Ok(())
        })? {
            return Ok(false);
        }
        self.report.entries = found;
        if found == present {
            return Ok(true);
        }
        self.each_key("index, key by key", |check, key| {
            let stray = match (indexes::kind_of(key), indexes::audit_commit(key)) {
                (Some(kind), _) => match check.view.get(kind, indexes::id_of(key)) {
                    Ok(record) => {
                        !record.is_some_and(|r| indexes::keys(&check.core.hasher, &r).iter().any(|k| k == key))
                    }
                    Err(_) => false,
                },
                (None, Some(no)) => match check.core.audit_entry(CommitNo(no)) {
                    Ok(entry) => {
                        !entry.is_some_and(|(_, all)| all.iter().any(|t| indexes::audit_key(t.kind, t.id, no) == *key))
                    }
                    Err(_) => false,
                },
                (None, None) => true,
            };
            if stray {
                check.report.derived(format!("the index \"{}\" has an entry of nothing", indexes::name(key)));
            }
            Ok(())
        })
    }

    fn each_key(
        &mut self,
        step: &'static str,
        mut f: impl FnMut(&mut Self, &Key) -> Result<(), StoreError>,
    ) -> Result<bool, StoreError> {
        let last = self.view.counters.commit;
        let (mut after, mut done) = (None, 0);
        loop {
            let (keys, next) = match self.view.keys(after.as_ref(), AT_A_TIME as usize) {
                Ok(page) => page,
                Err(e) => {
                    self.report.derived(format!("the index cannot be read to its end: {e}"));
                    return Ok(true);
                }
            };
            // Entries of commits after the moment of the check are no part of it.
            for key in keys.iter().filter(|key| indexes::audit_commit(key).is_none_or(|no| no <= last)) {
                f(self, key)?;
                done += 1;
            }
            let expected = self.expected;
            if !self.go_on(step, done, expected) {
                return Ok(false);
            }
            match next {
                Some(next) => after = Some(next),
                None => return Ok(true),
            }
        }
    }
}
