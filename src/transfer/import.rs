//! The import itself.

use std::collections::HashMap;
use std::io;

use super::group::{self, Grouped, Place};
use super::profile::Profile;
use super::reader::{Reader, Source};
use super::report::{Problem, Report, Summary, Weight};
use super::row::{Facts, Verdict, judge};
use super::spill::Sorter;
use crate::desk::{Arrival, Desk, Intaken as Batch};
use crate::model::intake::{Change, IncomingCat, Taken, likeness};
use crate::model::{self, Actor, CatId, Day};

/// Cats in one commit. Larger commits make readers wait.
pub const BATCH: usize = 100;
/// Breeds, and health statuses, that one import may make: a file with more has a wrong column.
const NEW_NAMES: usize = 500;

/// What an import could not go on with.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read, or is not one for the profile.
    #[error("{0}")]
    File(String),
    /// The report or a temporary file cannot be written.
    #[error("{what} cannot be written: {source}")]
    Write {
        /// Which file.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The desk refuses, or the store fails.
    #[error(transparent)]
    Desk(#[from] model::Error),
}

/// Where cats go.
pub trait Target {
    /// Puts cats into the store in one commit, or says what that would do. Breeds and health statuses that
    /// are not known are made when `make_names` is set, and otherwise left unknown.
    ///
    /// # Errors
    /// Whatever the desk says; then none of the cats is in the store.
    fn take(&mut self, cats: Vec<IncomingCat>, dry_run: bool, make_names: bool) -> model::Result<Batch>;
}

/// The desk, for somebody who may import.
pub struct DeskTarget {
    desk: Desk,
    actor: Actor,
    /// The cats without a tag, once the file has some.
    untagged: Option<HashMap<u64, Vec<CatId>>>,
}

impl DeskTarget {
    /// A target that acts for `actor`.
    pub const fn new(desk: Desk, actor: Actor) -> Self {
        Self { desk, actor, untagged: None }
    }

    /// A cat without a tag that is like this one and was not met before.
    fn like(&mut self, cat: &IncomingCat) -> model::Result<Option<CatId>> {
        if cat.tag.is_some() {
            return Ok(None);
        }
        let untagged = match &mut self.untagged {
            Some(untagged) => untagged,
            none => none.insert(self.desk.untagged_cats(&self.actor)?),
        };
        let first = cat.pieces.iter().map(|p| p.start).min();
        let likeness = likeness(&cat.name, cat.gender, &cat.colour, first);
        Ok(untagged.get_mut(&likeness).and_then(Vec::pop))
    }
}

impl Target for DeskTarget {
    fn take(&mut self, cats: Vec<IncomingCat>, dry_run: bool, make_names: bool) -> model::Result<Batch> {
        let mut arrivals = Vec::with_capacity(cats.len());
        for cat in cats {
            let like = self.like(&cat)?;
            arrivals.push(Arrival { cat, like });
        }
        if dry_run {
            self.desk.preview_intake(&self.actor, &arrivals, make_names)
        } else {
            self.desk.intake_cats(&self.actor, arrivals, make_names)
        }
    }
}

/// How to import.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Do all but write.
    pub dry_run: bool,
    /// Dates after this day are not believed.
    pub today: Day,
}

/// What an import is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reading the file and judging its rows.
    Reading,
    /// Handing over whole cats.
    Saving,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Rows done in this phase.
    pub rows: u64,
    /// Rows that this phase has, once that is known.
    pub rows_in_all: Option<u64>,
    /// Bytes of the file that were read.
    pub bytes: u64,
    /// Bytes of the file, if they are known.
    pub bytes_in_all: Option<u64>,
    /// Cats handed over.
    pub cats: u64,
}

/// Imports a file.
///
/// `progress` is called now and then and says whether to go on; a cancelled import leaves whole cats only,
/// and the same import again does the rest.
///
/// # Errors
/// When the file, the report or the store fails. What was committed before that stays, whole cats only.
pub fn import(
    target: &mut dyn Target,
    source: Source,
    profile: &Profile,
    options: Options,
    report: Option<&mut Report>,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Summary, ImportError> {
    let mut run = Run {
        target,
        options,
        report,
        progress,
        summary: Summary { dry_run: options.dry_run, ..Summary::default() },
        born_column: profile
            .born
            .as_ref()
            .and_then(|b| b.date.as_ref())
            .map_or("", |d| &profile.columns[d.column].name),
        bytes: (0, source.size),
        counted: 0,
        cats: 0,
    };
    let sorter = run.read(source, profile)?;
    run.save(sorter)?;
    if let Some(report) = &mut run.report {
        report.flush().map_err(|source| ImportError::Write { what: "the report", source })?;
    }
    debug_assert!(run.summary.adds_up(), "{:?}", run.summary);
    Ok(run.summary)
}

struct Run<'a> {
    target: &'a mut dyn Target,
    options: Options,
    report: Option<&'a mut Report>,
    progress: &'a mut dyn FnMut(Progress) -> bool,
    summary: Summary,
    born_column: &'a str,
    bytes: (u64, Option<u64>),
    /// Rows that go into the second phase.
    counted: u64,
    cats: u64,
}

fn spilled(source: io::Error) -> ImportError {
    ImportError::Write { what: "a temporary file", source }
}

impl Run<'_> {
    fn go_on(&mut self, phase: Phase, rows: u64) -> bool {
        let rows_in_all = (phase == Phase::Saving).then_some(self.counted);
        let (bytes, bytes_in_all) = self.bytes;
        let go_on = (self.progress)(Progress { phase, rows, rows_in_all, bytes, bytes_in_all, cats: self.cats });
        self.summary.cancelled |= !go_on;
        go_on
    }

    fn tell(&mut self, problems: &mut Vec<Problem>) -> Result<(), ImportError> {
        for problem in problems.drain(..) {
            if let Some(report) = &mut self.report {
                report.write(&problem).map_err(|source| ImportError::Write { what: "the report", source })?;
            }
            self.summary.problem(problem);
        }
        Ok(())
    }

    /// The first phase: judges each row and sorts what is to be used by cat.
    fn read(&mut self, source: Source, profile: &Profile) -> Result<Sorter, ImportError> {
        let mut reader = Reader::open(source, profile)?;
        let mut sorter = Sorter::new();
        let mut problems = Vec::new();
        while let Some(row) = reader.next()? {
            self.summary.rows += 1;
            match judge(profile, &row, self.options.today, &mut problems) {
                Verdict::NotCat => self.summary.not_cats += 1,
                Verdict::Skipped(kind) => self.summary.skip(&kind),
                Verdict::Rejected => self.summary.rejected += 1,
                Verdict::Counted(facts, group) => {
                    self.counted += 1;
                    let mut key = group.into_bytes();
                    key.push(0);
                    key.extend(self.summary.rows.to_be_bytes());
                    let body = bincode::serde::encode_to_vec(&*facts, bincode::config::standard());
                    sorter.push(key, body.map_err(|e| spilled(io::Error::other(e)))?).map_err(spilled)?;
                }
            }
            self.tell(&mut problems)?;
            if self.summary.rows.is_multiple_of(512) {
                self.bytes.0 = reader.bytes();
                if !self.go_on(Phase::Reading, self.summary.rows) {
                    break;
                }
            }
        }
        self.bytes.0 = reader.bytes();
        Ok(sorter)
    }

    /// The second phase: puts the cats together and hands them over.
    fn save(&mut self, sorter: Sorter) -> Result<(), ImportError> {
        if self.summary.cancelled {
            self.summary.not_reached = self.counted;
            return Ok(());
        }
        let mut problems = Vec::new();
        let mut batch: Vec<Grouped> = Vec::with_capacity(BATCH);
        let mut rows: Vec<Facts> = Vec::new();
        let mut current: Vec<u8> = Vec::new();
        let mut done = 0;
        for item in sorter.finish().map_err(spilled)? {
            let (key, body) = item.map_err(spilled)?;
            let group = &key[..key.len() - 9];
            if group != current {
                self.close(&mut rows, &mut batch, &mut problems)?;
                current.clear();
                current.extend_from_slice(group);
                if batch.len() == BATCH {
                    self.hand_over(&mut batch)?;
                    if !self.go_on(Phase::Saving, done) {
                        break;
                    }
                }
            }
            let (facts, _): (Facts, usize) = bincode::serde::decode_from_slice(&body, bincode::config::standard())
                .map_err(|e| spilled(io::Error::other(e)))?;
            done += 1;
            if rows.len() < group::ROWS {
                rows.push(facts);
            } else if group::repeats(&rows, &facts) {
                self.summary.duplicates += 1;
            } else {
                let reason = format!("more than {} rows have this tag", group::ROWS);
                let value = facts.tag.unwrap_or_default();
                self.summary.rejected += 1;
                problems.push(Problem {
                    line: facts.line,
                    column: String::new(),
                    value,
                    reason,
                    weight: Weight::Rejected,
                });
                self.tell(&mut problems)?;
            }
        }
        if self.summary.cancelled {
            self.summary.not_reached = self.counted - done;
            return Ok(());
        }
        self.close(&mut rows, &mut batch, &mut problems)?;
        self.hand_over(&mut batch)?;
        self.go_on(Phase::Saving, done);
        self.summary.cancelled = false;
        Ok(())
    }

    /// All rows of a cat are there.
    fn close(
        &mut self,
        rows: &mut Vec<Facts>,
        batch: &mut Vec<Grouped>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), ImportError> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut rows = std::mem::take(rows);
        self.summary.duplicates += group::without_duplicates(&mut rows);
        // Bodies of cats that are no cats of the shelter make no record.
        if rows.iter().all(|r| r.else_skipped.is_some()) && rows[0].tag.is_none() {
            for row in &rows {
                self.summary.skip(row.else_skipped.as_deref().unwrap_or_default());
            }
            return Ok(());
        }
        batch.push(group::group(rows, self.born_column, problems));
        self.tell(problems)
    }

    fn hand_over(&mut self, batch: &mut Vec<Grouped>) -> Result<(), ImportError> {
        if batch.is_empty() {
            return Ok(());
        }
        let make_names = self.summary.breeds.len().max(self.summary.health.len()) < NEW_NAMES;
        let cats = batch.iter().map(|g| g.cat.clone()).collect();
        let answer = self.target.take(cats, self.options.dry_run, make_names)?;
        self.cats += batch.len() as u64;
        self.summary.commits += u64::from(answer.committed);
        self.summary.breeds.extend(answer.breeds);
        self.summary.health.extend(answer.health);
        let mut problems = Vec::new();
        for (number, name) in answer.not_made {
            if let Some(grouped) = batch.get(number) {
                problems.push(Problem {
                    line: grouped.lines.last().map_or(0, |l| l.line),
                    column: String::new(),
                    value: name,
                    reason: format!("the file has made {NEW_NAMES} new names already; kept as unknown"),
                    weight: Weight::Unknown,
                });
            }
        }
        for (grouped, taken) in batch.drain(..).zip(&answer.taken) {
            self.count(&grouped, taken);
            grouped.problems(taken, &mut problems);
        }
        self.tell(&mut problems)
    }

    fn count(&mut self, grouped: &Grouped, taken: &Taken) {
        for (line, place) in grouped.lines.iter().zip(grouped.places(taken)) {
            match place {
                Place::Began => self.summary.began += 1,
                Place::Known => self.summary.known += 1,
                Place::Continued => self.summary.continued += 1,
                Place::Repeated => self.summary.duplicates += 1,
                Place::NoStay => self.summary.without_stay += 1,
                Place::Refused => self.summary.rejected += 1,
                Place::Skipped => self.summary.skip(line.else_skipped.as_deref().unwrap_or_default()),
            }
        }
        self.summary.stays += taken.stays_made as u64;
        match taken.change {
            Change::New => self.summary.cats_new += 1,
            Change::Changed => self.summary.cats_changed += 1,
            Change::Same => self.summary.cats_same += 1,
            Change::Kept => self.summary.cats_kept += 1,
            Change::None => {}
        }
    }
}
