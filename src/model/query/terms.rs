//! The values of terms: choices, comparisons, names.

use std::fmt;

use super::{Line, Op, TermIn, list, token::quote_value};
use crate::model::{Day, PartialDate, date::parse_span_days};

/// Which values of a field are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Choice<T> {
    /// One of these; any value when empty.
    pub any: Vec<T>,
    /// None of these.
    pub none: Vec<T>,
}

impl<T> Default for Choice<T> {
    fn default() -> Self {
        Self { any: Vec::new(), none: Vec::new() }
    }
}

impl<T: PartialEq> Choice<T> {
    /// One of these.
    pub fn of(any: impl Into<Vec<T>>) -> Self {
        Self { any: any.into(), none: Vec::new() }
    }

    /// Whether every value will do.
    pub fn is_open(&self) -> bool {
        self.any.is_empty() && self.none.is_empty()
    }

    /// Whether this value will do.
    pub fn accepts(&self, value: &T) -> bool {
        (self.any.is_empty() || self.any.contains(value)) && !self.none.contains(value)
    }

    pub(super) fn add(&mut self, negated: bool, value: T) {
        let side = if negated { &mut self.none } else { &mut self.any };
        if !side.contains(&value) {
            side.push(value);
        }
    }
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compare {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    More,
    /// `>=`
    MoreOrEqual,
    /// `=`
    Equal,
    /// `-key=`
    NotEqual,
}

impl Compare {
    fn of(op: Op, negated: bool) -> Self {
        match (op, negated) {
            (Op::Less, false) | (Op::MoreOrEqual, true) => Self::Less,
            (Op::LessOrEqual, false) | (Op::More, true) => Self::LessOrEqual,
            (Op::More, false) | (Op::LessOrEqual, true) => Self::More,
            (Op::MoreOrEqual, false) | (Op::Less, true) => Self::MoreOrEqual,
            (Op::Has | Op::Is, false) => Self::Equal,
            (Op::Has | Op::Is, true) => Self::NotEqual,
        }
    }

    /// Whether `value` compares so with `with`.
    pub fn holds<T: PartialOrd>(self, value: T, with: T) -> bool {
        match self {
            Self::Less => value < with,
            Self::LessOrEqual => value <= with,
            Self::More => value > with,
            Self::MoreOrEqual => value >= with,
            Self::Equal => value == with,
            Self::NotEqual => value != with,
        }
    }

    fn write(self, key: &str, value: &dyn fmt::Display) -> String {
        match self {
            Self::Less => format!("{key}<{value}"),
            Self::LessOrEqual => format!("{key}<={value}"),
            Self::More => format!("{key}>{value}"),
            Self::MoreOrEqual => format!("{key}>={value}"),
            Self::Equal => format!("{key}:{value}"),
            Self::NotEqual => format!("-{key}:{value}"),
        }
    }
}

/// A comparison with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Compared<T> {
    /// How.
    pub compare: Compare,
    /// With what.
    pub with: T,
}

/// The unit of a [`Span`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpanUnit {
    /// `d`
    Days,
    /// `w`
    Weeks,
    /// `m`
    Months,
    /// `y`
    Years,
}

/// A length of time as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    count: u16,
    unit: SpanUnit,
    days: i32,
}

impl Span {
    /// Reads `90`, `90d`, `12w`, `8m`, `2y`.
    ///
    /// # Errors
    /// A sentence that says what would do.
    pub fn parse(s: &str) -> Result<Self, String> {
        let days = parse_span_days(s)?;
        let s = s.trim();
        let digits = s.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match s.as_bytes().last().map(u8::to_ascii_lowercase) {
            Some(b'w') => SpanUnit::Weeks,
            Some(b'm') => SpanUnit::Months,
            Some(b'y') => SpanUnit::Years,
            _ => SpanUnit::Days,
        };
        Ok(Self { count: digits.parse().unwrap_or_default(), unit, days })
    }

    /// So many days.
    pub fn of_days(days: u16) -> Self {
        Self { count: days.min(9999), unit: SpanUnit::Days, days: i32::from(days.min(9999)) }
    }

    /// Its length in days (a month counts 30.44, a year 365.25).
    pub fn days(self) -> i32 {
        self.days
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            SpanUnit::Days => 'd',
            SpanUnit::Weeks => 'w',
            SpanUnit::Months => 'm',
            SpanUnit::Years => 'y',
        };
        write!(f, "{}{unit}", self.count)
    }
}

/// A date, month or year to compare a day with. Before it means before its first day, after it
/// means after its last.
pub type DateTerm = Compared<PartialDate>;

impl DateTerm {
    /// Whether a day compares so.
    pub fn accepts(&self, day: Day) -> bool {
        let (first, last) = (self.with.earliest(), self.with.latest());
        match self.compare {
            Compare::Less => day < first,
            Compare::LessOrEqual => day <= last,
            Compare::More => day > last,
            Compare::MoreOrEqual => day >= first,
            Compare::Equal => first <= day && day <= last,
            Compare::NotEqual => day < first || day > last,
        }
    }
}

/// A name to look for, as typed. Names are compared folded (without accents and case).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NameTerm {
    /// The name contains it.
    Contains(String),
    /// The name is it.
    Is(String),
    /// The field is empty.
    Missing,
}

impl NameTerm {
    fn parse(op: Op, text: &str, quoted: bool) -> Self {
        match op {
            _ if !quoted && text.eq_ignore_ascii_case("none") => Self::Missing,
            Op::Is => Self::Is(text.to_owned()),
            _ => Self::Contains(text.to_owned()),
        }
    }

    fn write(&self) -> (&'static str, String) {
        match self {
            Self::Missing => (":", "none".to_owned()),
            Self::Contains(s) => (":", quote_value(s, s.eq_ignore_ascii_case("none"))),
            Self::Is(s) => ("=", quote_value(s, s.eq_ignore_ascii_case("none"))),
        }
    }
}

/// One record of another kind: by number, or by what it is called.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pick {
    /// `#12`
    Number(u32),
    /// By name, tag, sign-in name; a plain number may be meant as the record's own too.
    Name(String),
}

/// Words that mean several values at once.
pub(super) type Groups<T> = &'static [(&'static str, &'static [T])];

impl TermIn<'_> {
    fn name(&self) -> &'static str {
        self.spec.name
    }

    pub(super) fn negated(&self) -> bool {
        self.term.negated
    }

    /// Refuses comparisons where they make no sense.
    fn no_comparison(&self) -> Result<(), String> {
        match self.term.op {
            Op::Has | Op::Is => Ok(()),
            _ => Err(format!("{0} cannot be compared; write {0}:value", self.name())),
        }
    }

    fn pieces(&self) -> Result<impl Iterator<Item = (&str, bool)>, String> {
        if self.term.values.iter().any(|v| v.text.trim().is_empty()) {
            return Err(format!("{} needs a value: {}", self.name(), self.spec.values.describe()));
        }
        Ok(self.term.values.iter().map(|v| (v.text.trim_ascii(), v.quoted)))
    }

    fn single(&self) -> Result<&str, String> {
        let mut pieces = self.pieces()?;
        match (pieces.next(), pieces.next()) {
            (Some((one, _)), None) => Ok(one),
            _ => Err(format!("{} takes one value only", self.name())),
        }
    }

    fn wrong<'w>(&self, value: &str, words: impl IntoIterator<Item = &'w str>) -> String {
        format!("\"{value}\" is no value of {}; use one of: {}", self.name(), list(words))
    }

    /// Words into values; all of them are read before any is taken.
    pub(super) fn words<T: Copy + PartialEq + std::str::FromStr + 'static>(
        &self,
        choice: &mut Choice<T>,
        groups: Groups<T>,
    ) -> Result<(), String> {
        self.no_comparison()?;
        let mut values: Vec<T> = Vec::new();
        for (piece, _) in self.pieces()? {
            if let Some((_, group)) = groups.iter().find(|(word, _)| word.eq_ignore_ascii_case(piece)) {
                values.extend_from_slice(group);
            } else {
                values.push(piece.parse().map_err(|_| self.wrong(piece, self.spec.values.words()))?);
            }
        }
        values.into_iter().for_each(|v| choice.add(self.negated(), v));
        Ok(())
    }

    /// `yes`, `no`, or `any`.
    pub(super) fn yes_no(&self) -> Result<Option<bool>, String> {
        self.no_comparison()?;
        let value = self.single()?;
        let yes = match value.to_ascii_lowercase().as_str() {
            "yes" | "y" | "true" => true,
            "no" | "n" | "false" => false,
            "any" => return Ok(None),
            _ => return Err(self.wrong(value, self.spec.values.words())),
        };
        Ok(Some(yes != self.negated()))
    }

    pub(super) fn names(&self, choice: &mut Choice<NameTerm>) -> Result<(), String> {
        self.no_comparison()?;
        for (piece, quoted) in self.pieces()? {
            choice.add(self.negated(), NameTerm::parse(self.term.op, piece, quoted));
        }
        Ok(())
    }

    pub(super) fn picks(&self, choice: &mut Choice<Pick>) -> Result<(), String> {
        self.no_comparison()?;
        for (piece, quoted) in self.pieces()? {
            let number = piece.strip_prefix('#').filter(|_| !quoted).and_then(|n| n.parse().ok());
            choice.add(self.negated(), number.map_or_else(|| Pick::Name(piece.to_owned()), Pick::Number));
        }
        Ok(())
    }

    pub(super) fn span(&self) -> Result<Compared<Span>, String> {
        let value = self.single()?;
        if matches!(self.term.op, Op::Has | Op::Is) {
            return Err(format!("{0} is compared; write {0}<{value} or {0}>{value}", self.name()));
        }
        Ok(Compared { compare: Compare::of(self.term.op, self.negated()), with: Span::parse(value)? })
    }

    pub(super) fn count(&self) -> Result<Compared<u16>, String> {
        let value = self.single()?;
        let with = value.parse().map_err(|_| format!("\"{value}\" is no count; write {}>=3", self.name()))?;
        Ok(Compared { compare: Compare::of(self.term.op, self.negated()), with })
    }

    pub(super) fn date(&self) -> Result<DateTerm, String> {
        let with = PartialDate::parse(self.single()?, self.today)?;
        Ok(Compared { compare: Compare::of(self.term.op, self.negated()), with })
    }

    /// A sort key, with `-` for the order reversed.
    pub(super) fn sort<K: std::str::FromStr>(&self) -> Result<super::Sort<K>, String> {
        self.no_comparison()?;
        let value = self.single()?;
        let (reversed, word) = value.strip_prefix('-').map_or((false, value), |word| (true, word));
        let key = word.parse().map_err(|_| self.wrong(word, self.spec.values.words()))?;
        Ok(super::Sort { key, reversed: reversed != self.negated() })
    }
}

impl super::Values {
    /// The words that may stand there; none where any text may.
    pub fn words(self) -> Vec<&'static str> {
        match self {
            Self::Words(words) => words(),
            _ => Vec::new(),
        }
    }

    fn describe(self) -> String {
        match self {
            Self::Words(words) => list(words()),
            Self::Names => "a name, or none".to_owned(),
            Self::Span => "a length of time such as 90d, 12w, 8m or 2y".to_owned(),
            Self::Count => "a count".to_owned(),
            Self::Date => "a date such as 2024-05-12, 2024-05, 2024 or -1w".to_owned(),
            Self::Text => "text".to_owned(),
        }
    }
}

impl Line {
    fn side(&mut self, key: &str, negated: bool, values: &[(&'static str, String)]) {
        for run in values.chunk_by(|a, b| a.0 == b.0) {
            let joined = run.iter().map(|v| v.1.as_str()).collect::<Vec<_>>().join(",");
            self.push(&format!("{}{key}{}{joined}", if negated { "-" } else { "" }, run[0].0));
        }
    }

    pub(super) fn words<T: PartialEq>(
        &mut self,
        key: &str,
        choice: &Choice<T>,
        groups: Groups<T>,
        slug: fn(&T) -> &'static str,
    ) {
        for (side, negated) in [(&choice.any, false), (&choice.none, true)] {
            let group = groups.iter().find(|(_, group)| side.as_slice() == *group);
            let words: Vec<_> = match group {
                Some((word, _)) => vec![(":", (*word).to_owned())],
                None => side.iter().map(|v| (":", slug(v).to_owned())).collect(),
            };
            self.side(key, negated, &words);
        }
    }

    pub(super) fn names(&mut self, key: &str, choice: &Choice<NameTerm>) {
        for (side, negated) in [(&choice.any, false), (&choice.none, true)] {
            self.side(key, negated, &side.iter().map(NameTerm::write).collect::<Vec<_>>());
        }
    }

    pub(super) fn picks(&mut self, key: &str, choice: &Choice<Pick>) {
        let write = |pick: &Pick| match pick {
            Pick::Number(n) => (":", format!("#{n}")),
            Pick::Name(s) => (":", quote_value(s, s.starts_with('#'))),
        };
        for (side, negated) in [(&choice.any, false), (&choice.none, true)] {
            self.side(key, negated, &side.iter().map(write).collect::<Vec<_>>());
        }
    }

    pub(super) fn yes_no(&mut self, key: &str, value: Option<bool>) {
        if let Some(yes) = value {
            self.push(&format!("{key}:{}", if yes { "yes" } else { "no" }));
        }
    }

    pub(super) fn compared<T: fmt::Display>(&mut self, key: &str, terms: &[Compared<T>]) {
        for term in terms {
            self.push(&term.compare.write(key, &term.with));
        }
    }

    pub(super) fn sort<K: Default + PartialEq>(&mut self, sort: &super::Sort<K>, slug: fn(&K) -> &'static str) {
        if *sort != super::Sort::default() {
            self.push(&format!("sort:{}{}", if sort.reversed { "-" } else { "" }, slug(&sort.key)));
        }
    }
}
