//! From the rows of one cat to the cat.

use std::collections::HashSet;

use super::report::{Problem, Weight};
use super::row::Facts;
use crate::model::intake::{IncomingCat, Taken};
use crate::model::stays::{Fate, Oddity};
use crate::model::{Altered, Day, Gender, Hold};

/// Rows of one cat beyond this number are refused: no cat comes and goes so often, a file with a wrong
/// tag column does.
pub(super) const ROWS: usize = 300;

/// A row of a cat, once the cat is put together.
pub(super) struct Line {
    pub line: u64,
    pub else_skipped: Option<String>,
    /// Which of the cat's pieces are its.
    pieces: std::ops::Range<usize>,
}

/// A cat with the rows that it comes from.
pub(super) struct Grouped {
    pub cat: IncomingCat,
    pub lines: Vec<Line>,
}

/// What a row turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It began a stay.
    Began,
    /// The stay that it begins was there.
    Known,
    /// It goes on with a stay.
    Continued,
    /// It tells what another row told.
    Repeated,
    /// It is skipped by its kind.
    Skipped,
    /// It tells of a cat without a stay.
    NoStay,
    /// Nothing is taken of its cat.
    Refused,
}

/// Takes out the rows that are there more than once, and says how many they were.
pub(super) fn without_duplicates(rows: &mut Vec<Facts>) -> u64 {
    let before = rows.len();
    let mut seen = HashSet::new();
    rows.retain(|row| seen.insert(row.print));
    (before - rows.len()) as u64
}

/// Whether a row is the same as one of these.
pub(super) fn repeats(rows: &[Facts], row: &Facts) -> bool {
    rows.iter().any(|r| r.print == row.print)
}

/// Puts a cat together. Of what its rows tell differently the latest that is known counts.
pub(super) fn group(mut rows: Vec<Facts>, born_column: &str, problems: &mut Vec<Problem>) -> Grouped {
    rows.sort_by_key(|row| (row.pieces.first().map_or(Day(i32::MIN), |p| p.start), row.line));
    let mut cat = IncomingCat::default();
    let mut lines = Vec::with_capacity(rows.len());
    for row in &mut rows {
        let from = cat.pieces.len();
        cat.pieces.append(&mut row.pieces);
        lines.push(Line { line: row.line, else_skipped: row.else_skipped.take(), pieces: from..cat.pieces.len() });
    }
    let first = cat.pieces.iter().map(|p| p.start).min();
    let told = rows.iter().any(|row| row.born_told);
    let mut holds: Vec<Option<Option<Hold>>> = Vec::new();
    for row in rows {
        cat.tag = row.tag.or(cat.tag);
        cat.name = or_before(row.name, cat.name);
        cat.breed = row.breed.or(cat.breed);
        cat.colour = or_before(row.colour, cat.colour);
        cat.health = row.health.or(cat.health);
        cat.description = or_before(row.description, cat.description);
        cat.image_url = row.image.or(cat.image_url);
        cat.status = row.status.or(cat.status);
        holds.resize(row.holds.len(), None);
        for (latest, told) in holds.iter_mut().zip(row.holds) {
            *latest = told.or(latest.take());
        }
        cat.archived |= row.archived;
        if row.gender != Gender::Unknown {
            cat.gender = row.gender;
        }
        if row.altered != Altered::Unknown {
            cat.altered = row.altered;
        }
        match row.born {
            Some(born) if first.is_some_and(|first| born.earliest() > first) => {
                if !told {
                    problems.push(Problem {
                        line: row.line,
                        column: born_column.to_owned(),
                        value: born.to_string(),
                        reason: "born after an earlier intake of the same cat; kept as unknown".to_owned(),
                        weight: Weight::Unknown,
                    });
                }
            }
            born => cat.born = born.or(cat.born),
        }
    }
    cat.hold = holds.into_iter().flatten().flatten().next();
    Grouped { cat, lines }
}

fn or_before(new: String, before: String) -> String {
    if new.is_empty() { before } else { new }
}

impl Grouped {
    /// What each row turned out to be, once it is known what became of the cat's pieces.
    pub fn places(&self, taken: &Taken) -> Vec<Place> {
        let refused = taken.refused.is_some();
        self.lines.iter().map(|line| if refused { Place::Refused } else { place(line, &taken.fates) }).collect()
    }

    /// What was odd, as problems of the rows.
    pub fn problems(&self, taken: &Taken, problems: &mut Vec<Problem>) {
        let note = |line: u64, value: String, reason: String, weight: Weight| Problem {
            line,
            column: String::new(),
            value,
            reason,
            weight,
        };
        if let Some(why) = &taken.refused {
            let each = self.lines.iter().map(|l| note(l.line, self.called(), why.clone(), Weight::Rejected));
            problems.extend(each);
            return;
        }
        for (piece, oddity) in &taken.oddities {
            let Some(line) = self.lines.iter().find(|l| l.pieces.contains(piece)) else { continue };
            let weight = if matches!(oddity, Oddity::FosterAfterEnd | Oddity::NoIntake | Oddity::EndUnknown) {
                Weight::Unknown
            } else {
                Weight::Note
            };
            problems.push(note(line.line, self.called(), oddity.reason().to_owned(), weight));
        }
        for line in self.lines.iter().filter(|l| l.else_skipped.is_none()) {
            if line.pieces.clone().any(|p| taken.fates.get(p) == Some(&Fate::Loose)) {
                let reason = "there is no stay that was open then: what the row tells is left out".to_owned();
                problems.push(note(line.line, self.called(), reason, Weight::Unknown));
            }
        }
        let last = self.lines.last().map_or(0, |l| l.line);
        for unknown in &taken.unknown {
            problems.push(note(last, self.called(), unknown.clone(), Weight::Unknown));
        }
        for kept in &taken.kept {
            problems.push(note(last, self.called(), kept.clone(), Weight::Note));
        }
    }

    /// The tag, else the name.
    pub fn called(&self) -> String {
        self.cat.tag.clone().unwrap_or_else(|| self.cat.name.clone())
    }
}

fn place(line: &Line, fates: &[Fate]) -> Place {
    let fates: Vec<Fate> = line.pieces.clone().filter_map(|p| fates.get(p).copied()).collect();
    if fates.is_empty() {
        Place::NoStay
    } else if fates.contains(&Fate::Began) {
        Place::Began
    } else if fates.contains(&Fate::Known) {
        Place::Known
    } else if fates.iter().all(|f| *f == Fate::Repeated) {
        Place::Repeated
    } else if line.else_skipped.is_some() && fates.contains(&Fate::Loose) {
        Place::Skipped
    } else {
        Place::Continued
    }
}
