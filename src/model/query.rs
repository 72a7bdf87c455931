//! The query line: `status:available breed:"maine coon" age<2y waiting>60d sort:waiting miso`.
//!
//! It is the same in every list and on the command line. A line is a sequence of terms between blanks:
//!
//! | term | meaning |
//! |---|---|
//! | `miso` | a word of the text looked for; all words must be found |
//! | `-miso` | that word must not be found |
//! | `key:value`, `key=value` | the field has the value; for names `:` is "contains" and `=` is "is" |
//! | `key:a,b` or `key:a key:b` | one of the values |
//! | `key<value`, `<=`, `>`, `>=` | for lengths of time, counts and dates; several of one key must all hold |
//! | `-key:value` | the opposite |
//! | `"…"` | text with blanks, commas or colons; `\"` and `\\` inside |
//! | `sort:key`, `sort:-key` | the order, and the order reversed |
//!
//! A wrong term is reported with the place where it stands and is otherwise ignored, so that a list
//! stays useful while somebody types.

mod cats;
mod complete;
mod requests;
mod terms;
mod token;
mod users;

#[cfg(test)]
mod tests;

pub use cats::{CatQuery, CatSort};
pub use complete::{Completion, Completions};
pub use requests::{RequestQuery, RequestSort};
pub use terms::{Choice, Compare, Compared, DateTerm, NameTerm, Pick, Span, SpanUnit};
pub use users::{UserQuery, UserSort};

use std::ops::Range;

use super::Day;
use token::{Op, Term};

/// A term that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermError {
    /// Where it stands, in bytes of the line.
    pub span: Range<usize>,
    /// Why, and what would do.
    pub message: String,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed<Q> {
    /// All that was understood.
    pub query: Q,
    /// What was not, in the order of the line.
    pub errors: Vec<TermError>,
}

/// An order of a list: by which key, and whether it is turned round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Sort<K> {
    /// By what.
    pub key: K,
    /// Against the key's own direction.
    pub reversed: bool,
}

/// What the values of a key look like.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// One of a few words.
    Words(fn() -> Vec<&'static str>),
    /// A name that the shelter gave; the caller knows the names.
    Names,
    /// A length of time: `60d`, `8w`, `6m`, `2y`.
    Span,
    /// A count.
    Count,
    /// A date, month or year.
    Date,
    /// Free text.
    Text,
}

/// A key that a query knows.
#[derive(Debug, Clone, Copy)]
pub struct KeySpec {
    /// The word before the colon.
    pub name: &'static str,
    /// What it asks, in a few words.
    pub help: &'static str,
    /// What may stand after it.
    pub values: Values,
}

/// A query that can be read from a line and printed back.
pub trait Query: Default + Clone + PartialEq + std::fmt::Debug {
    /// The keys it knows, in the order in which help lists them.
    const KEYS: &'static [KeySpec];

    /// The words looked for.
    fn text_mut(&mut self) -> &mut Text;

    /// Takes one term whose key is known.
    #[doc(hidden)]
    fn take(&mut self, term: &TermIn<'_>) -> Result<(), String>;

    /// Writes every term but the text.
    #[doc(hidden)]
    fn write(&self, line: &mut Line);

    /// The words looked for.
    fn text(&self) -> &Text;

    /// Reads a line. Relative dates count from `today`. Never fails: what is wrong is reported and ignored.
    fn parse(line: &str, today: Day) -> Parsed<Self> {
        let mut query = Self::default();
        let mut errors = Vec::new();
        for term in token::terms(line) {
            let Some(key) = &term.key else {
                let text = query.text_mut();
                let words = if term.negated { &mut text.without } else { &mut text.words };
                words.extend(term.values.iter().map(|v| v.text.clone()).filter(|t| !t.trim().is_empty()));
                continue;
            };
            let known = Self::KEYS.iter().find(|k| k.name.eq_ignore_ascii_case(key));
            let result = match known {
                None => Err(format!(
                    "there is no key \"{key}\"; the keys are {} (put it in quotes to look for the text)",
                    list(Self::KEYS.iter().map(|k| k.name))
                )),
                Some(spec) => query.take(&TermIn { spec, term: &term, today }),
            };
            if let Err(message) = result {
                errors.push(TermError { span: term.span.clone(), message });
            }
        }
        Parsed { query, errors }
    }

    /// The line that reads back as this query, the text last.
    fn to_line(&self) -> String {
        let mut line = Line::default();
        self.write(&mut line);
        for word in &self.text().words {
            line.push(&token::quote_word(word));
        }
        for word in &self.text().without {
            line.push(&format!("-{}", token::quote_word(word)));
        }
        line.out
    }

    /// What could stand where the cursor (a byte offset) is in the line: keys, or values of the key.
    /// `names` gives the names of a key that the shelter fills (`breed`, `health`).
    fn complete(line: &str, cursor: usize, names: &dyn Fn(&str) -> Vec<String>) -> Option<Completions> {
        complete::complete(Self::KEYS, line, cursor, names)
    }
}

/// The words looked for, as typed. They are folded and split where they are matched.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Text {
    /// All of these must be found, each as the beginning of a word.
    pub words: Vec<String>,
    /// None of these may be found.
    pub without: Vec<String>,
}

impl Text {
    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.without.is_empty()
    }
}

/// A term on its way into a query.
#[derive(Debug)]
pub struct TermIn<'a> {
    spec: &'static KeySpec,
    term: &'a Term,
    today: Day,
}

/// A line on its way out of a query.
#[derive(Debug, Default)]
pub struct Line {
    out: String,
}

impl Line {
    fn push(&mut self, term: &str) {
        if !self.out.is_empty() {
            self.out.push(' ');
        }
        self.out.push_str(term);
    }
}

/// `a, b, c`.
fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(", ")
}
