//! One row of a file, judged by itself.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::profile::{Arrival, Coded, Col, Date, Departure, HoldRule, Kinds, Map, Profile, StatusColumns, Text};
use super::reader::Row;
use super::report::{Problem, Weight};
use super::values::{self, key};
use crate::model::stays::{Entry, Exit, Piece, pieces};
use crate::model::{
    Altered, CatStatus, CatStatusKind, Day, FosterSpell, Gender, Hold, HoldKind, IntakeKind, Outcome, OutcomeKind,
    PartialDate, Stay, limits, text,
};

/// What a row tells, as far as it can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    pub line: u64,
    pub print: u64,
    pub tag: Option<String>,
    pub name: String,
    pub breed: Option<String>,
    pub born: Option<PartialDate>,
    /// Whether something was already reported of the birth date.
    pub born_told: bool,
    pub gender: Gender,
    pub altered: Altered,
    pub colour: String,
    pub health: Option<String>,
    pub description: String,
    pub image: Option<String>,
    pub archived: bool,
    /// What each rule of the profile says of a hold: nothing, that there is none, or which.
    pub holds: Vec<Option<Option<Hold>>>,
    pub status: Option<CatStatus>,
    pub pieces: Vec<Piece>,
    /// Set when the row is only of use to a stay that is open: what it is counted as otherwise.
    pub else_skipped: Option<String>,
}

/// What becomes of a row.
#[derive(Debug)]
pub(super) enum Verdict {
    NotCat,
    Skipped(String),
    Rejected,
    /// Its rows come together by this key.
    Counted(Box<Facts>, String),
}

/// Why a row cannot be used, once that is reported.
struct Unusable;

pub(super) fn judge(profile: &Profile, row: &Row, today: Day, problems: &mut Vec<Problem>) -> Verdict {
    if let Some(why) = &row.broken {
        problems.push(Problem {
            line: row.line,
            column: String::new(),
            value: String::new(),
            reason: why.clone(),
            weight: Weight::Rejected,
        });
        return Verdict::Rejected;
    }
    if profile.only.iter().any(|f| !f.values.contains(&key(row.get(f.column)))) {
        return Verdict::NotCat;
    }
    if let Some(filter) = profile.skip.iter().find(|f| f.values.contains(&key(row.get(f.column)))) {
        return Verdict::Skipped(filter.why.clone().unwrap_or_else(|| text::clean_line(row.get(filter.column))));
    }
    let mut judge = Judge { profile, row, today, problems };
    judge.row().unwrap_or(Verdict::Rejected)
}

struct Judge<'a> {
    profile: &'a Profile,
    row: &'a Row,
    today: Day,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Judge<'a> {
    /// The value in a column; empty when the profile says that it stands for nothing.
    fn get(&self, column: Col) -> &'a str {
        let value = self.row.get(column);
        if !self.profile.none.is_empty() && self.profile.none.contains(&key(value)) { "" } else { value }
    }

    fn tell(&mut self, weight: Weight, column: Col, reason: impl Into<String>) {
        let column_name = self.profile.columns.get(column).map_or_else(String::new, |c| c.name.clone());
        let mut value = text::clean_line(self.row.get(column));
        values::cut(&mut value, 120);
        self.problems.push(Problem { line: self.row.line, column: column_name, value, reason: reason.into(), weight });
    }

    fn unknown(&mut self, column: Col, reason: impl Into<String>) {
        self.tell(Weight::Unknown, column, reason);
    }

    fn row(&mut self) -> Result<Verdict, Unusable> {
        let profile = self.profile;
        let tag = self.tag()?;
        let (arrival, kind_word) = match profile.intake.as_ref().and_then(|i| i.kind.as_ref()) {
            Some(kinds) => self.kind(kinds, Arrival::Intake(IntakeKind::Other)),
            None => (Some(Arrival::Intake(IntakeKind::Other)), String::new()),
        };
        if arrival == Some(Arrival::Skip) {
            return Ok(Verdict::Skipped(kind_word));
        }
        let (departure, word) = match &profile.outcome.kind {
            Some(kinds) => self.kind(kinds, Departure::Outcome(OutcomeKind::Other)),
            None => (None, String::new()),
        };
        if departure == Some(Departure::Skip) {
            return Ok(Verdict::Skipped(word));
        }
        let arrival = arrival.unwrap_or(Arrival::Intake(IntakeKind::Other));
        let pieces = self.pieces(arrival, departure)?;
        let name = self.name(tag.as_deref());
        if name.is_empty() && tag.is_none() {
            let column = profile.title.as_ref().map_or(usize::MAX, |n| n.column);
            self.tell(Weight::Rejected, column, "there is neither a tag nor a name");
            return Err(Unusable);
        }
        let mut told = self.problems.len();
        let born = self.born(pieces.first().map(|p| p.start));
        told = self.problems.len() - told;
        let group = match (&tag, profile.tag.group) {
            // As the store tells tags apart: accents count.
            (Some(tag), _) => format!("t{}", tag.to_lowercase()),
            (None, Some(group)) if !self.get(group).is_empty() => format!("u{}", key(self.get(group))),
            (None, _) => format!("v{:020}", self.row.line),
        };
        let facts = Facts {
            line: self.row.line,
            print: self.row.print,
            tag,
            name,
            breed: self.short(profile.breed.as_ref(), limits::NAME),
            born,
            born_told: told > 0,
            gender: self.coded(profile.gender.as_ref(), Gender::Unknown, Gender::from_str),
            altered: self.coded(profile.altered.as_ref(), Altered::Unknown, Altered::from_str),
            colour: self.short(profile.colour.as_ref(), limits::COLOUR).unwrap_or_default(),
            health: self.short(profile.health.as_ref(), limits::NAME),
            description: self.description(),
            image: self.short(profile.image.as_ref(), limits::URL),
            archived: self.coded(profile.archived.as_ref(), false, values::yes_or_no),
            holds: self.holds(arrival == Arrival::FosterBack),
            status: profile.status.as_ref().and_then(|s| self.status(s)),
            pieces,
            else_skipped: (arrival == Arrival::Body).then_some(kind_word),
        };
        Ok(Verdict::Counted(Box::new(facts), group))
    }

    fn tag(&mut self) -> Result<Option<String>, Unusable> {
        let Some(column) = self.profile.tag.column else { return Ok(None) };
        let tag = text::clean_line(self.get(column));
        let why = if tag.is_empty() && self.profile.tag.required {
            "there is no tag"
        } else if tag.len() > limits::TAG {
            "the tag is longer than 40 bytes"
        } else if tag.contains('\u{fffd}') {
            "the tag has bytes that the encoding does not know"
        } else {
            return Ok(Some(tag).filter(|t| !t.is_empty()));
        };
        self.tell(Weight::Rejected, column, why);
        Err(Unusable)
    }

    /// What the kind means: `None` when there is none, `other` (reported) when it is not known. And the
    /// word by which it is counted.
    fn kind<T: Copy + FromStr<Err = String>>(&mut self, kinds: &Kinds<T>, other: T) -> (Option<T>, String) {
        let value = self.get(kinds.column);
        let detail = kinds.detail.map_or("", |d| self.get(d));
        let word = text::clean_line(value);
        let found = match &kinds.map {
            Some(map) => {
                let both = if detail.is_empty() { String::new() } else { key(&format!("{value} / {detail}")) };
                let exact = map.values.get(&both).filter(|_| !both.is_empty());
                exact.or_else(|| map.values.get(&key(value))).copied()
            }
            None => T::from_str(value).ok(),
        };
        if found.is_some() || value.is_empty() {
            return (found, word);
        }
        if let Some(rest) = kinds.map.as_ref().and_then(|m| m.rest) {
            return (Some(rest), word);
        }
        self.unknown(kinds.column, "the profile does not know this kind; kept as \"other\"");
        (Some(other), word)
    }

    /// A day; problems are told. A day to come is none.
    fn day(&mut self, date: Option<&Date>) -> (Option<Day>, bool) {
        let Some(date) = date else { return (None, false) };
        let value = self.get(date.column);
        if value.is_empty() {
            return (None, false);
        }
        match values::day(value, &date.formats) {
            Ok(day) if day > self.today => self.unknown(date.column, "it lies in the future; kept as unknown"),
            Ok(day) => return (Some(day), true),
            Err(why) => self.unknown(date.column, format!("{why}; kept as unknown")),
        }
        (None, true)
    }

    fn pieces(&mut self, arrival: Arrival, departure: Option<Departure>) -> Result<Vec<Piece>, Unusable> {
        let profile = self.profile;
        let Some(intake) = &profile.intake else { return Ok(Vec::new()) };
        let column = intake.date.column;
        let value = self.get(column);
        let start = match values::day(value, &intake.date.formats) {
            _ if value.is_empty() && !intake.required => return Ok(Vec::new()),
            _ if value.is_empty() => Err("there is no intake date".to_owned()),
            Ok(day) if day > self.today => Err("the intake lies in the future".to_owned()),
            other => other,
        };
        let start = match start {
            Ok(start) => start,
            Err(why) => {
                self.tell(Weight::Rejected, column, why);
                return Err(Unusable);
            }
        };
        let entry = match arrival {
            Arrival::Intake(kind) => Entry::Intake(kind),
            Arrival::FosterBack => Entry::Back,
            Arrival::Body | Arrival::Skip => {
                let exit = Exit::Ends(Outcome { date: Some(start), kind: OutcomeKind::Died });
                return Ok(vec![Piece { start, entry: Entry::Event, exit }]);
            }
        };
        let (mut date, told) = self.day(profile.outcome.date.as_ref());
        let date_column = profile.outcome.date.as_ref().map_or(column, |d| d.column);
        if date.is_some_and(|d| d < start) {
            self.unknown(date_column, "it lies before the intake; kept as unknown");
            date = None;
        }
        let mut pieces = if profile.movements {
            self.movement(start, entry, departure, date)
        } else {
            let exit = self.exit(departure, date, told, date_column);
            self.visit(start, entry, exit)
        };
        if let (Some(died), _) = self.day(profile.outcome.died.as_ref())
            && !pieces.iter().any(|p| matches!(p.exit, Exit::Ends(_)) && p.start == died)
        {
            if died < start {
                let column = profile.outcome.died.as_ref().map_or(column, |d| d.column);
                self.unknown(column, "it lies before the intake; kept as unknown");
            } else {
                let exit = Exit::Ends(Outcome { date: Some(died), kind: OutcomeKind::Died });
                pieces.push(Piece { start: died, entry: Entry::Event, exit });
            }
        }
        Ok(pieces)
    }

    /// How a visit ends. `told` says that there was something in the column of the date.
    fn exit(&mut self, departure: Option<Departure>, date: Option<Day>, told: bool, column: Col) -> Exit {
        let other = Outcome { date, kind: OutcomeKind::Other };
        match departure {
            Some(Departure::Outcome(kind)) => Exit::Ends(Outcome { date, kind }),
            Some(Departure::FosterOut) => match date {
                Some(day) => Exit::Foster(day),
                None => {
                    self.unknown(column, "a foster without a day that can be read: left out");
                    Exit::Stays
                }
            },
            Some(Departure::InCare | Departure::Skip) => Exit::Stays,
            None if told => {
                if self.profile.outcome.kind.is_some() {
                    self.unknown(column, "an outcome without a kind; kept as \"other\"");
                }
                Exit::Ends(other)
            }
            None if self.profile.outcome.missing_is_unknown => Exit::Ends(other),
            None => Exit::Stays,
        }
    }

    fn visit(&mut self, start: Day, entry: Entry, exit: Exit) -> Vec<Piece> {
        let whole = vec![Piece { start, entry, exit }];
        let Some(column) = self.profile.intake.as_ref().and_then(|i| i.fosters) else { return whole };
        let value = self.get(column);
        if value.is_empty() {
            return whole;
        }
        let end = match exit {
            Exit::Ends(outcome) => outcome.date,
            Exit::Foster(day) => Some(day),
            Exit::Stays => None,
        };
        let inside = |s: &FosterSpell| s.out >= start && end.is_none_or(|end| s.back.unwrap_or(s.out) <= end);
        let mut fosters = match values::fosters(value) {
            Ok(fosters) if fosters.iter().all(inside) => fosters,
            Ok(_) => {
                self.unknown(column, "a foster lies outside of the stay: left out");
                return whole;
            }
            Err(why) => {
                self.unknown(column, format!("{why}: left out"));
                return whole;
            }
        };
        let outcome = match exit {
            Exit::Ends(outcome) => Some(outcome),
            Exit::Foster(out) => {
                fosters.push(FosterSpell { out, back: None });
                None
            }
            Exit::Stays => None,
        };
        let mut pieces = pieces(&Stay { intake: start, kind: IntakeKind::Other, outcome, fosters });
        pieces[0].entry = entry;
        pieces
    }

    fn movement(&mut self, start: Day, entry: Entry, departure: Option<Departure>, date: Option<Day>) -> Vec<Piece> {
        let mut pieces = vec![Piece { start, entry, exit: Exit::Stays }];
        let ending = &self.profile.outcome;
        let column = ending.date.as_ref().map_or(0, |d| d.column);
        let (exit, return_entry) = match departure {
            None if ending.missing_is_unknown => {
                (Exit::Ends(Outcome { date, kind: OutcomeKind::Other }), Entry::Intake(IntakeKind::Return))
            }
            None | Some(Departure::InCare | Departure::Skip) => return pieces,
            Some(Departure::Outcome(kind)) => (Exit::Ends(Outcome { date, kind }), Entry::Intake(IntakeKind::Return)),
            Some(Departure::FosterOut) => match date {
                Some(day) => (Exit::Foster(day), Entry::Back),
                None => {
                    self.unknown(column, "a foster without a day that can be read: left out");
                    return pieces;
                }
            },
        };
        let moved = date.unwrap_or(start);
        pieces.push(Piece { start: moved, entry: Entry::Event, exit });
        if let (Some(back), _) = self.day(ending.back.as_ref()) {
            if back < moved {
                let column = ending.back.as_ref().map_or(column, |d| d.column);
                self.unknown(column, "the return lies before the departure; kept as unknown");
            } else {
                pieces.push(Piece { start: back, entry: return_entry, exit: Exit::Stays });
            }
        }
        pieces
    }

    fn name(&mut self, tag: Option<&str>) -> String {
        let Some(rule) = &self.profile.title else { return String::new() };
        let value = text::clean_line(self.get(rule.column));
        let name = values::name(&value, rule, tag);
        self.encoded(rule.column);
        if name.len() > limits::NAME {
            self.unknown(rule.column, "the name is longer than 160 bytes; kept as unknown");
            return String::new();
        }
        name
    }

    /// Tells of bytes that could not be decoded; the text is kept with the marks that stand for them.
    fn encoded(&mut self, column: Col) {
        if self.row.get(column).contains('\u{fffd}') {
            self.tell(Weight::Note, column, "it has bytes that the encoding does not know; they are shown as \u{fffd}");
        }
    }

    /// A text of one line within a limit.
    fn short(&mut self, text: Option<&Text>, limit: usize) -> Option<String> {
        let text = text?;
        let mut parts: Vec<String> = Vec::new();
        for &column in &text.columns {
            let value = crate::model::text::clean_line(self.get(column));
            let folded = key(&value);
            if value.is_empty() || text.none.contains(&folded) {
                continue;
            }
            let mapped = text.map.as_ref().and_then(|m| m.values.get(&folded).or(m.rest.as_ref()));
            let part = mapped.cloned().unwrap_or_else(|| values::cased(&value, text.case));
            if part.is_empty() || parts.contains(&part) {
                continue;
            }
            self.encoded(column);
            if part.len() > limit {
                self.unknown(column, format!("it is longer than {limit} bytes; kept as unknown"));
                continue;
            }
            parts.push(part);
            if text.join.is_none() {
                break;
            }
        }
        let mut joined = parts.join(text.join.as_deref().unwrap_or(""));
        while joined.len() > limit && parts.pop().is_some() {
            joined = parts.join(text.join.as_deref().unwrap_or(""));
        }
        Some(joined).filter(|j| !j.is_empty())
    }

    fn description(&mut self) -> String {
        let mut whole = String::new();
        for (column, label) in &self.profile.description {
            let value = text::clean_text(self.get(*column));
            if value.is_empty() {
                continue;
            }
            self.encoded(*column);
            if !whole.is_empty() {
                whole.push('\n');
            }
            if let Some(label) = label {
                whole.push_str(label);
                whole.push_str(": ");
            }
            whole.push_str(&value);
            if values::cut(&mut whole, limits::DESCRIPTION) {
                self.unknown(*column, "the description is longer than 2,000 bytes; the rest is left out");
                break;
            }
        }
        whole
    }

    fn coded<T: Copy>(&mut self, coded: Option<&Coded<T>>, unknown: T, read: impl Fn(&str) -> Result<T, String>) -> T {
        let Some(coded) = coded else { return unknown };
        let value = self.get(coded.column);
        let found = match &coded.map {
            Some(Map { values, rest }) => values.get(&key(value)).or(rest.as_ref()).copied(),
            None => read(value).ok(),
        };
        if found.is_none() && !value.is_empty() {
            self.unknown(coded.column, "the profile does not know this value; kept as unknown");
        }
        found.unwrap_or(unknown)
    }

    fn born(&mut self, intake: Option<Day>) -> Option<PartialDate> {
        let born = self.profile.born.as_ref()?;
        if let Some(date) = &born.date {
            let value = self.get(date.column);
            if !value.is_empty() {
                let why = match values::date(value, &date.formats) {
                    Ok(date) if date.earliest() > self.today => "it lies in the future".to_owned(),
                    Ok(date) if intake.is_some_and(|day| date.earliest() > day) => "born after the intake".to_owned(),
                    Ok(date) => return Some(date),
                    Err(why) => why,
                };
                self.unknown(date.column, format!("{why}; kept as unknown"));
                return None;
            }
        }
        let (column, intake) = (born.age_years?, intake?);
        let value = self.get(column);
        if value.is_empty() {
            return None;
        }
        let age = value.parse::<f64>().ok().filter(|age| (0.0..=40.0).contains(age));
        let Some(age) = age else {
            self.unknown(column, "it is no age in years; kept as unknown");
            return None;
        };
        let day = Day(intake.0 - (age * 365.2425) as i32);
        Some(PartialDate::Year(day.date().year()))
    }

    /// A return from foster says nothing of why the cat came in.
    fn holds(&self, back: bool) -> Vec<Option<Option<Hold>>> {
        let kind = self.profile.intake.as_ref().and_then(|i| i.kind.as_ref()).map(|k| k.column);
        let one = |rule: &HoldRule| {
            let told = rule.columns.iter().filter(|c| !(back && kind == Some(**c))).map(|c| self.get(*c));
            let value = told.into_iter().find(|value| !value.is_empty())?;
            let kind = rule.map.values.get(&key(value)).or(rule.map.rest.as_ref()).copied().flatten();
            Some(kind.map(|kind| {
                let mut reason = text::clean_line(rule.reason.as_deref().unwrap_or(value));
                values::cut(&mut reason, limits::REASON);
                Hold { kind, reason, until: None }
            }))
        };
        self.profile.holds.iter().map(one).collect()
    }

    fn status(&mut self, columns: &StatusColumns) -> Option<CatStatus> {
        let value = self.get(columns.column);
        if value.is_empty() {
            return None;
        }
        let (word, kind) = value.split_once('/').unwrap_or((value, ""));
        let hold = |this: &mut Self| {
            let column = columns.hold_kind?;
            let kind = HoldKind::from_str(this.get(column)).ok()?;
            let mut reason = text::clean_line(columns.hold_reason.map_or("", |c| this.get(c)));
            values::cut(&mut reason, limits::REASON);
            let until = columns.hold_until.as_ref().and_then(|d| {
                let value = this.get(d.column);
                let found = values::day(value, &d.formats);
                if let (Err(why), false) = (&found, value.is_empty()) {
                    this.unknown(d.column, format!("{why}; kept as unknown"));
                }
                found.ok()
            });
            Some(Hold { kind, reason, until })
        };
        match CatStatusKind::from_str(word) {
            Ok(CatStatusKind::Available) => Some(CatStatus::Available),
            Ok(CatStatusKind::Adopted) => Some(CatStatus::Adopted),
            Ok(CatStatusKind::Pending) => {
                self.tell(
                    Weight::Note,
                    columns.column,
                    "an approved request is not in the file: the cat is on offer again",
                );
                Some(CatStatus::Pending { held: hold(self) })
            }
            Ok(CatStatusKind::OnHold) => {
                let found = hold(self);
                if found.is_none() {
                    self.unknown(columns.column, "the kind of hold is not known; kept as \"other\"");
                }
                let other = || Hold { kind: HoldKind::Other, reason: String::new(), until: None };
                Some(CatStatus::OnHold(found.unwrap_or_else(other)))
            }
            Ok(CatStatusKind::Departed) => {
                let found = OutcomeKind::from_str(kind);
                if found.is_err() {
                    self.unknown(columns.column, "how it left is not known; kept as \"other\"");
                }
                Some(CatStatus::Departed(found.unwrap_or(OutcomeKind::Other)))
            }
            Err(why) => {
                self.unknown(columns.column, format!("{why}; it follows from the stays"));
                None
            }
        }
    }
}
