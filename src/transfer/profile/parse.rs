//! From TOML to a checked [`Profile`].

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use encoding_rs::Encoding;

use super::raw::{self, Word, Words};
use super::{
    Arrival, Born, Case, Coded, Col, Column, Date, Departure, Ending, Filter, Format, HoldRule, Intake, Kinds, Map,
    Name, Profile, StatusColumns, Tag, Text,
};
use crate::model::{Altered, Gender, HoldKind, IntakeKind, OutcomeKind, text};
use crate::transfer::values::{self, key};

/// What is wrong with a profile, with its file, line and key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProfileError(pub(super) String);

type Result<T> = std::result::Result<T, ProfileError>;

/// What the checks need at hand: the text for line numbers, and the columns named so far.
struct Reading<'a> {
    origin: &'a str,
    text: &'a str,
    columns: Vec<Column>,
    dates: Vec<String>,
}

pub(super) fn profile(origin: &str, text: &str) -> Result<Profile> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let raw: raw::Profile = toml::from_str(text).map_err(|e| {
        let line = e.span().map_or(1, |span| line_of(text, span.start));
        ProfileError(format!("{origin}: line {line}: {}", e.message().trim()))
    })?;
    let mut r = Reading { origin, text, columns: Vec::new(), dates: Vec::new() };
    r.dates = match &raw.dates.formats {
        Some(formats) => r.formats("dates.formats", formats)?,
        None => vec!["%Y-%m-%d".to_owned()],
    };

    let only = r.filters("rows.only", &raw.rows.only)?;
    let skip = r.filters("rows.skip", &raw.rows.skip)?;
    let movements = match &raw.rows.are {
        None => false,
        Some(word) => r.one_of("rows.are", word, &[("visits", false), ("movements", true)])?,
    };
    let tag = Tag {
        required: raw.tag.required.unwrap_or(raw.tag.column.is_some()),
        column: r.maybe("tag.column", raw.tag.column.as_ref())?,
        group: r.maybe("tag.group", raw.tag.group.as_ref())?,
    };
    let title = raw.name.as_ref().map(|n| r.name(n)).transpose()?;
    if tag.column.is_none() && title.is_none() {
        return Err(r.lacks("[tag] column or [name] column is needed, or no row could become a cat"));
    }
    let intake = raw.intake.as_ref().map(|i| r.intake(i)).transpose()?;
    let outcome = r.ending(&raw.outcome, movements, intake.is_some())?;
    let formats = [("csv", Format::Csv), ("ndjson", Format::Ndjson)];
    let mut profile = Profile {
        name: raw.profile,
        about: raw.about,
        format: raw.file.format.as_ref().map(|word| r.one_of("file.format", word, &formats)).transpose()?,
        encoding: raw.file.encoding.as_ref().map(|e| r.encoding(e)).transpose()?,
        delimiter: raw.file.delimiter.as_ref().map_or(Ok(b','), |d| r.delimiter(d))?,
        none: keys(&raw.file.none),
        movements,
        only,
        skip,
        tag,
        title,
        breed: r.text("breed", raw.breed.as_ref())?,
        colour: r.text("colour", raw.colour.as_ref())?,
        health: r.text("health", raw.health.as_ref())?,
        image: r.text("image", raw.image.as_ref())?,
        description: r.description(raw.description.as_ref())?,
        born: raw.born.as_ref().map(|b| r.born(b)).transpose()?,
        gender: r.coded("gender", raw.gender.as_ref(), Gender::from_str)?,
        altered: r.coded("altered", raw.altered.as_ref(), Altered::from_str)?,
        intake,
        outcome,
        holds: raw.hold.iter().map(|h| r.hold(h)).collect::<Result<_>>()?,
        status: raw.status.as_ref().map(|s| r.status(s)).transpose()?,
        archived: r.coded("archived", raw.archived.as_ref(), values::yes_or_no)?,
        columns: Vec::new(),
    };
    for optional in &raw.file.optional {
        let Some(at) = r.columns.iter().position(|c| c.name == *optional.get_ref()) else {
            return Err(r.wrong("file.optional", optional, "no other part of the profile names this column"));
        };
        r.columns[at].optional = true;
    }
    profile.columns = r.columns;
    Ok(profile)
}

fn keys(values: &[String]) -> HashSet<String> {
    values.iter().map(|v| key(v)).collect()
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1
}

impl Reading<'_> {
    fn wrong(&self, name: &str, at: &Word, why: impl std::fmt::Display) -> ProfileError {
        let line = line_of(self.text, at.span().start);
        ProfileError(format!("{}: line {line}: {name}: \"{}\": {why}", self.origin, at.get_ref()))
    }

    fn lacks(&self, what: &str) -> ProfileError {
        ProfileError(format!("{}: {what}", self.origin))
    }

    fn column(&mut self, name: &str, word: &Word) -> Result<Col> {
        let wanted = text::clean_line(word.get_ref());
        if wanted.is_empty() {
            return Err(self.wrong(name, word, "a column has a name"));
        }
        if let Some(at) = self.columns.iter().position(|c| c.name == wanted) {
            return Ok(at);
        }
        self.columns.push(Column { name: wanted, optional: false });
        Ok(self.columns.len() - 1)
    }

    fn one_or_more(&mut self, table: &str, one: Option<&Word>, more: Option<&Vec<Word>>) -> Result<Vec<Col>> {
        let words = match (one, more) {
            (Some(one), None) => std::slice::from_ref(one),
            (None, Some(more)) if !more.is_empty() => more,
            _ => return Err(self.lacks(&format!("[{table}]: give either column or columns"))),
        };
        words.iter().map(|word| self.column(&format!("{table}.columns"), word)).collect()
    }

    fn maybe(&mut self, name: &str, word: Option<&Word>) -> Result<Option<Col>> {
        word.map(|w| self.column(name, w)).transpose()
    }

    fn one_of<T: Copy>(&self, name: &str, word: &Word, choices: &[(&str, T)]) -> Result<T> {
        let wanted = key(word.get_ref());
        choices.iter().find(|(choice, _)| *choice == wanted).map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
            self.wrong(name, word, format!("use one of {}", words.join(", ")))
        })
    }

    fn encoding(&self, word: &Word) -> Result<&'static Encoding> {
        Encoding::for_label(word.get_ref().as_bytes()).ok_or_else(|| {
            self.wrong("file.encoding", word, "there is no such encoding; utf-8, utf-16le or windows-1252 would do")
        })
    }

    fn delimiter(&self, word: &Word) -> Result<u8> {
        match word.get_ref().as_bytes() {
            b"tab" => Ok(b'\t'),
            [one] if one.is_ascii() && !matches!(one, b'"' | b'\n' | b'\r' | 0) => Ok(*one),
            _ => Err(self.wrong("file.delimiter", word, "give one ASCII character, or \"tab\"")),
        }
    }

    fn formats(&self, name: &str, formats: &[Word]) -> Result<Vec<String>> {
        if formats.is_empty() {
            return Err(self.lacks(&format!("{name} is empty, so no date could be read")));
        }
        formats
            .iter()
            .map(|format| match values::check_format(format.get_ref()) {
                Ok(()) => Ok(format.get_ref().clone()),
                Err(why) => Err(self.wrong(name, format, why)),
            })
            .collect()
    }

    fn date(&mut self, table: &str, name: &str, word: &Word, formats: Option<&Vec<Word>>) -> Result<Date> {
        let formats = match formats {
            Some(formats) => self.formats(&format!("{table}.formats"), formats)?,
            None => self.dates.clone(),
        };
        Ok(Date { column: self.column(&format!("{table}.{name}"), word)?, formats })
    }

    fn maybe_date(
        &mut self,
        table: &str,
        name: &str,
        word: Option<&Word>,
        formats: Option<&Vec<Word>>,
    ) -> Result<Option<Date>> {
        word.map(|w| self.date(table, name, w, formats)).transpose()
    }

    fn filters(&mut self, name: &str, filters: &[raw::Filter]) -> Result<Vec<Filter>> {
        let mut checked = Vec::with_capacity(filters.len());
        for f in filters {
            if f.values.is_empty() {
                return Err(self.wrong(name, &f.column, "values is empty, so nothing could match"));
            }
            let column = self.column(name, &f.column)?;
            checked.push(Filter { column, values: keys(&f.values), why: f.why.clone() });
        }
        Ok(checked)
    }

    fn case(&self, name: &str, word: Option<&Word>) -> Result<Case> {
        let choices = [("as-is", Case::AsIs), ("title", Case::Title), ("upper", Case::Upper), ("lower", Case::Lower)];
        word.map_or(Ok(Case::AsIs), |w| self.one_of(name, w, &choices))
    }

    fn name(&mut self, raw: &raw::Name) -> Result<Name> {
        Ok(Name {
            column: self.column("name.column", &raw.column)?,
            strip: raw.strip.chars().collect(),
            case: self.case("name.case", raw.case.as_ref())?,
            none: keys(&raw.none),
            drop_tag: raw.drop_tag,
        })
    }

    fn text(&mut self, table: &str, raw: Option<&raw::Text>) -> Result<Option<Text>> {
        let Some(raw) = raw else { return Ok(None) };
        let columns = self.one_or_more(table, raw.column.as_ref(), raw.columns.as_ref())?;
        let first = match &raw.pick {
            None => raw.join.is_none(),
            Some(pick) => self.one_of(&format!("{table}.pick"), pick, &[("first", true), ("join", false)])?,
        };
        let join = (!first).then(|| raw.join.clone().unwrap_or_else(|| " ".to_owned()));
        let map = match &raw.map {
            None => None,
            Some(map) => Some(self.map(table, map, |s| Ok(s.to_owned()))?),
        };
        let case = self.case(&format!("{table}.case"), raw.case.as_ref())?;
        Ok(Some(Text { columns, join, case, none: keys(&raw.none), map }))
    }

    fn description(&mut self, raw: Option<&raw::Description>) -> Result<Vec<(Col, Option<String>)>> {
        let Some(raw) = raw else { return Ok(Vec::new()) };
        for (column, label) in &raw.labels {
            if !raw.columns.iter().any(|c| c.get_ref() == column) {
                let why = format!("its column \"{column}\" is not among the columns of the description");
                return Err(self.wrong("description.labels", label, why));
            }
        }
        let mut columns = Vec::with_capacity(raw.columns.len());
        for word in &raw.columns {
            let label = raw.labels.get(word.get_ref()).map(|l| l.get_ref().clone());
            columns.push((self.column("description.columns", word)?, label));
        }
        Ok(columns)
    }

    fn born(&mut self, raw: &raw::Born) -> Result<Born> {
        let date = self.maybe_date("born", "column", raw.column.as_ref(), raw.formats.as_ref())?;
        let age_years = self.maybe("born.age_years", raw.age_years.as_ref())?;
        if date.is_none() && age_years.is_none() {
            return Err(self.lacks("[born]: give column, age_years or both"));
        }
        Ok(Born { date, age_years })
    }

    fn map<T>(
        &self,
        table: &str,
        map: &Words,
        read: impl Fn(&str) -> std::result::Result<T, String>,
    ) -> Result<Map<T>> {
        let name = format!("{table}.map");
        let mut values = HashMap::new();
        let mut rest = None;
        for (from, to) in map {
            let value = read(to.get_ref()).map_err(|why| self.wrong(&format!("{name} \"{from}\""), to, why))?;
            if from == "*" {
                rest = Some(value);
            } else if values.insert(key(from), value).is_some() {
                let why = format!("\"{from}\" is there twice (case, accents and blanks do not count)");
                return Err(self.wrong(&name, to, why));
            }
        }
        Ok(Map { values, rest })
    }

    fn coded<T>(
        &mut self,
        table: &str,
        raw: Option<&raw::Coded>,
        read: impl Fn(&str) -> std::result::Result<T, String>,
    ) -> Result<Option<Coded<T>>> {
        let Some(raw) = raw else { return Ok(None) };
        let column = self.column(&format!("{table}.column"), &raw.column)?;
        let map = raw.map.as_ref().map(|m| self.map(table, m, read)).transpose()?;
        Ok(Some(Coded { column, map }))
    }

    fn kinds<T>(
        &mut self,
        table: &str,
        kind: Option<&Word>,
        detail: Option<&Word>,
        map: Option<&Words>,
        read: impl Fn(&str) -> std::result::Result<T, String>,
    ) -> Result<Option<Kinds<T>>> {
        let Some(kind) = kind else {
            if detail.is_some() || map.is_some() {
                return Err(self.lacks(&format!("[{table}]: detail and map need kind")));
            }
            return Ok(None);
        };
        let column = self.column(&format!("{table}.kind"), kind)?;
        let detail = self.maybe(&format!("{table}.detail"), detail)?;
        let map = map.map(|m| self.map(table, m, read)).transpose()?;
        Ok(Some(Kinds { column, detail, map }))
    }

    fn intake(&mut self, raw: &raw::Intake) -> Result<Intake> {
        let kind = self.kinds("intake", raw.kind.as_ref(), raw.detail.as_ref(), raw.map.as_ref(), Arrival::from_str)?;
        Ok(Intake {
            date: self.date("intake", "date", &raw.date, raw.formats.as_ref())?,
            kind,
            fosters: self.maybe("intake.fosters", raw.fosters.as_ref())?,
            required: raw.required.unwrap_or(true),
        })
    }

    fn ending(&mut self, raw: &raw::Outcome, movements: bool, intake: bool) -> Result<Ending> {
        if let Some(word) = [&raw.date, &raw.kind, &raw.died].into_iter().flatten().next()
            && !intake
        {
            return Err(self.wrong("outcome", word, "an outcome needs an [intake] table"));
        }
        if let (Some(word), false) = (&raw.back, movements) {
            return Err(self.wrong("outcome.back", word, "only a file of movements has it (rows.are = \"movements\")"));
        }
        let formats = raw.formats.as_ref();
        let ending = Ending {
            date: self.maybe_date("outcome", "date", raw.date.as_ref(), formats)?,
            back: self.maybe_date("outcome", "back", raw.back.as_ref(), formats)?,
            died: self.maybe_date("outcome", "died", raw.died.as_ref(), formats)?,
            kind: self.kinds(
                "outcome",
                raw.kind.as_ref(),
                raw.detail.as_ref(),
                raw.map.as_ref(),
                Departure::from_str,
            )?,
            missing_is_unknown: match &raw.missing {
                None => false,
                Some(word) => self.one_of("outcome.missing", word, &[("in-care", false), ("unknown", true)])?,
            },
        };
        if movements && (ending.date.is_none() || ending.kind.is_none()) {
            return Err(self.lacks("[outcome]: a file of movements needs date and kind"));
        }
        Ok(ending)
    }

    fn hold(&mut self, raw: &raw::Hold) -> Result<HoldRule> {
        let read = |s: &str| if s.is_empty() { Ok(None) } else { HoldKind::from_str(s).map(Some) };
        Ok(HoldRule {
            columns: self.one_or_more("hold", raw.column.as_ref(), raw.columns.as_ref())?,
            map: self.map("hold", &raw.map, read)?,
            reason: raw.reason.clone(),
        })
    }

    fn status(&mut self, raw: &raw::Status) -> Result<StatusColumns> {
        Ok(StatusColumns {
            column: self.column("status.column", &raw.column)?,
            hold_kind: self.maybe("status.hold_kind", raw.hold_kind.as_ref())?,
            hold_reason: self.maybe("status.hold_reason", raw.hold_reason.as_ref())?,
            hold_until: self.maybe_date("status", "hold_until", raw.hold_until.as_ref(), None)?,
        })
    }
}

impl FromStr for Arrival {
    type Err = String;

    fn from_str(s: &str) -> std::result::Result<Self, String> {
        match &*key(s) {
            "foster-back" => Ok(Self::FosterBack),
            "dead-on-arrival" => Ok(Self::Body),
            "skip" => Ok(Self::Skip),
            _ => IntakeKind::from_str(s)
                .map(Self::Intake)
                .map_err(|e| format!("{e}, foster-back, dead-on-arrival, skip")),
        }
    }
}

impl FromStr for Departure {
    type Err = String;

    fn from_str(s: &str) -> std::result::Result<Self, String> {
        match &*key(s) {
            "foster-out" => Ok(Self::FosterOut),
            "in-care" => Ok(Self::InCare),
            "skip" => Ok(Self::Skip),
            _ => OutcomeKind::from_str(s).map(Self::Outcome).map_err(|e| format!("{e}, foster-out, in-care, skip")),
        }
    }
}
