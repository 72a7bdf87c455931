//! What an import says: problems by line, and a summary that adds up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::{self, File},
    io::{self, BufWriter, Write},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

/// How much a problem weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Weight {
    /// The row could not be used at all.
    Rejected,
    /// A value could not be used and is kept as unknown, or left out.
    Unknown,
    /// Nothing was lost; somebody may want to look.
    Note,
}

impl Weight {
    /// In one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
            Self::Note => "note",
        }
    }
}

/// Something in a file that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line on which the row begins.
    pub line: u64,
    /// The column; empty when the whole row or cat is meant.
    pub column: String,
    /// The value as it stands in the file, shortened; of a whole cat its tag or name.
    pub value: String,
    /// What is wrong with it, and what was done.
    pub reason: String,
    /// How much it weighs.
    pub weight: Weight,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if !self.column.is_empty() {
            write!(f, ", {}", self.column)?;
        }
        if !self.value.is_empty() {
            write!(f, ", \"{}\"", self.value)?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Where problems are written: CSV with the columns `line,column,value,reason,weight`.
pub struct Report {
    csv: csv::Writer<Box<dyn Write>>,
}

impl Report {
    /// Into a file, which is made or replaced; not over one of those that the import reads.
    ///
    /// # Errors
    /// When it cannot be made, or is one of `reads`.
    pub fn create(path: &Path, reads: &[&Path]) -> io::Result<Self> {
        // Emptied only once it is known which file it is: there may be links to it.
        let file = File::options().write(true).create(true).truncate(false).open(path)?;
        let meta = file.metadata()?;
        let same = |other: &&Path| fs::metadata(other).is_ok_and(|m| (m.dev(), m.ino()) == (meta.dev(), meta.ino()));
        if meta.is_file() {
            if reads.iter().any(same) {
                return Err(io::Error::other("the report would overwrite a file that the import reads"));
            }
            file.set_len(0)?;
        }
        Self::new(BufWriter::new(file))
    }

    /// Into anything.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(out: impl Write + 'static) -> io::Result<Self> {
        let mut csv = csv::Writer::from_writer(Box::new(out) as Box<dyn Write>);
        csv.write_record(["line", "column", "value", "reason", "weight"])?;
        Ok(Self { csv })
    }

    pub(super) fn write(&mut self, p: &Problem) -> io::Result<()> {
        Ok(self.csv.write_record([&*p.line.to_string(), &p.column, &p.value, &p.reason, p.weight.word()])?)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.csv.flush()
    }
}

/// Kinds by which rows are skipped, beyond which the others are counted together.
const KINDS: usize = 60;
/// Problems of each weight that the summary shows.
const SHOWN: usize = 10;

/// What an import did, or would do. Each row that was read is counted in exactly one of `not_cats`,
/// `skipped`, `rejected`, `began`, `known`, `continued`, `without_stay`, `duplicates` and `not_reached`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Whether nothing was written because it was a dry run.
    pub dry_run: bool,
    /// Whether it was cancelled.
    pub cancelled: bool,
    /// Rows of the file, without the header.
    pub rows: u64,
    /// Rows of other animals.
    pub not_cats: u64,
    /// Rows that are no stay by their kind, by kind.
    pub skipped: BTreeMap<String, u64>,
    /// Rows that could not be used.
    pub rejected: u64,
    /// Rows that began a stay.
    pub began: u64,
    /// Rows whose stay was there before.
    pub known: u64,
    /// Rows that go on with a stay: back from foster, died in foster, movements.
    pub continued: u64,
    /// Rows of cats without a stay.
    pub without_stay: u64,
    /// Rows that are there more than once, or tell of the same visit again.
    pub duplicates: u64,
    /// Rows of cats that were not reached because the import was cancelled.
    pub not_reached: u64,
    /// Cats that are new.
    pub cats_new: u64,
    /// Cats that were there and got something new.
    pub cats_changed: u64,
    /// Cats that were there with all of it.
    pub cats_same: u64,
    /// Cats that are left as they are, because a request for them is approved.
    pub cats_kept: u64,
    /// Stays that were added.
    pub stays: u64,
    /// Commits that were made.
    pub commits: u64,
    /// Breeds that were made.
    pub breeds: BTreeSet<String>,
    /// Health statuses that were made.
    pub health: BTreeSet<String>,
    /// How many problems there were, by weight.
    pub problems: BTreeMap<Weight, u64>,
    /// The first problems of each weight.
    pub first: Vec<Problem>,
}

impl Summary {
    /// Rows skipped by their kind, all kinds together.
    pub fn skipped_rows(&self) -> u64 {
        self.skipped.values().sum()
    }

    /// Whether every row is accounted for.
    pub fn adds_up(&self) -> bool {
        let counted = self.not_cats
            + self.skipped_rows()
            + self.rejected
            + self.began
            + self.known
            + self.continued
            + self.without_stay
            + self.duplicates
            + self.not_reached;
        self.rows == counted
    }

    /// Whether the store has, or would have, anything that it had not.
    pub fn changes_anything(&self) -> bool {
        self.cats_new + self.cats_changed + self.breeds.len() as u64 + self.health.len() as u64 > 0
    }

    pub(super) fn skip(&mut self, kind: &str) {
        let kind = if kind.is_empty() { "(no kind)" } else { kind };
        let kind = if self.skipped.len() >= KINDS && !self.skipped.contains_key(kind) { "other kinds" } else { kind };
        *self.skipped.entry(kind.to_owned()).or_default() += 1;
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        let count = self.problems.entry(problem.weight).or_default();
        *count += 1;
        if *count <= SHOWN as u64 {
            self.first.push(problem);
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = |n: u64| thousands(n);
        let line = |f: &mut fmt::Formatter<'_>, sign: &str, count: u64, what: &str| -> fmt::Result {
            writeln!(f, "  {sign}{:>11}  {what}", n(count))
        };
        line(f, " ", self.rows, "rows read")?;
        line(f, "=", self.not_cats, "not cats")?;
        for (kind, count) in &self.skipped {
            line(f, "+", *count, &format!("skipped: {kind}"))?;
        }
        line(f, "+", self.rejected, "rejected")?;
        line(f, "+", self.began, "began a new stay")?;
        line(f, "+", self.known, "of stays that were there")?;
        line(f, "+", self.continued, "went on with a stay (foster and back, movements)")?;
        if self.without_stay > 0 {
            line(f, "+", self.without_stay, "of cats without a stay")?;
        }
        line(f, "+", self.duplicates, "duplicates")?;
        if self.not_reached > 0 {
            line(f, "+", self.not_reached, "not reached")?;
        }
        writeln!(
            f,
            "cats: {} new, {} changed, {} the same, {} kept as they are; {} stays added",
            n(self.cats_new),
            n(self.cats_changed),
            n(self.cats_same),
            n(self.cats_kept),
            n(self.stays)
        )?;
        let list = |set: &BTreeSet<String>| set.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        if !self.breeds.is_empty() {
            writeln!(f, "new breeds: {}", list(&self.breeds))?;
        }
        if !self.health.is_empty() {
            writeln!(f, "new health statuses: {}", list(&self.health))?;
        }
        let count = |weight| self.problems.get(&weight).copied().unwrap_or_default();
        writeln!(
            f,
            "{} rows rejected, {} values kept as unknown or left out, {} notes",
            n(count(Weight::Rejected)),
            n(count(Weight::Unknown)),
            n(count(Weight::Note))
        )?;
        let verdict = match (self.dry_run, self.cancelled, self.changes_anything()) {
            (true, false, _) => "dry run: nothing was written",
            (true, true, _) => "cancelled dry run: nothing was written",
            (false, true, _) => "cancelled: what is in the store are whole cats; import the file again to finish",
            (false, false, false) => "nothing new: the store has all of it",
            (false, false, true) => "done",
        };
        f.write_str(verdict)
    }
}

/// A number with commas between thousands.
fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}
