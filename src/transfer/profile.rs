//! Import profiles: data files that say how the rows of a shelter's file become cats.
//!
//! A profile is TOML. [`Profile::named`] gives one of those that ship with the program, [`Profile::load`]
//! reads one from a file. An unknown key, a wrong value or a value given twice is refused with the file, the
//! line and the key. Values are compared without regard to case, accents and repeated blanks.
//!
//! ```toml
//! profile = "riverside"                    # its name, for messages
//! about   = "Riverside shelter, yearly CSV"
//!
//! [file]
//! format    = "csv"                        # csv or ndjson; left out: by the ending of the file's name
//! encoding  = "windows-1252"               # any WHATWG label; a byte order mark wins; left out: UTF-8
//! delimiter = ";"                          # one ASCII character, or "tab"; left out: ","
//! none      = ["n/a", "NULL"]              # values that mean "nothing" in any column
//! optional  = ["Breed 2"]                  # columns that a file may lack; any other named here must be there
//!
//! [rows]
//! are  = "visits"                          # or "movements", see below
//! only = [{ column = "Species", values = ["cat", "kitten"] }]          # all must hold, or the row is no cat
//! skip = [{ column = "Status", values = ["void"], why = "void record" }]  # counted as "skipped", by `why`
//!
//! [dates]
//! formats = ["%Y-%m-%d", "%d.%m.%Y"]       # strptime; %Y-%m and %Y give births known to the month or year
//!
//! [tag]                                    # rows with the same tag are one cat
//! column   = "Animal No"
//! required = true                          # false: a row without a tag is a cat of its own
//! group    = "Row Group"                   # rows without a tag that are one cat have the same value here
//!
//! [name]
//! column   = "Name"
//! strip    = "*"                           # characters taken off both ends
//! case     = "title"                       # as-is (left out), title, upper or lower
//! none     = ["unknown", "no name"]        # names that are none
//! drop_tag = true                          # "A123 Miso" is "Miso", and "A123" is no name
//!
//! [breed]                                  # also [colour], [health] and [image]
//! columns = ["Breed 1", "Breed 2"]         # or column = "Breed"
//! pick    = "first"                        # the first column that has something; or "join"
//! join    = " / "                          # what stands between joined values
//! case    = "title"
//! none    = ["unknown"]
//! map     = { "DSH" = "Domestic Shorthair", "*" = "" }   # "*" is any other value, "" is nothing
//!
//! [born]
//! column    = "DOB"
//! formats   = ["%d/%m/%Y"]                 # instead of those of [dates]
//! age_years = "Age"                        # where there is no date: years of age at the intake
//!
//! [gender]                                 # words: female, male, unknown
//! column = "Sex"
//! map    = { "F" = "female", "S" = "female", "M" = "male", "N" = "male", "U" = "unknown" }
//!
//! [altered]                                # words: yes, no, unknown
//! column = "Sex"
//! map    = { "S" = "yes", "N" = "yes", "F" = "no", "M" = "no", "U" = "unknown" }
//!
//! [description]
//! columns = ["Remarks", "Found at"]        # each on a line of its own
//! labels  = { "Found at" = "Found at" }    # put before the value
//!
//! [intake]
//! date     = "In Date"
//! kind     = "In Type"
//! detail   = "In Subtype"                  # map keys may then be "TYPE / SUBTYPE"; they go before "TYPE"
//! map      = { "STRAY" = "stray", "FOSTER" = "foster-back", "CLINIC" = "skip" }
//! fosters  = "Fosters"                     # a column with spells: "2024-01-02..2024-02-03; 2024-03-01.."
//! required = true                          # false: a row without an intake date is a cat without a stay
//!
//! [outcome]
//! date     = "Out Date"
//! kind     = "Out Type"
//! detail   = "Out Subtype"
//! map      = { "ADOPTED" = "adoption", "FOSTER" = "foster-out", "HELD" = "in-care" }
//! missing  = "in-care"                     # neither date nor kind: still in care; or "unknown": left, nobody knows how
//! back     = "Return Date"                 # movements only: when the cat came back
//! died     = "Deceased"                    # a date of death
//!
//! [[hold]]                                 # for cats in care; the first rule that matches counts
//! column = "In Type"                       # or columns = [...]: the first that has something
//! map    = { "SEIZED" = "legal" }          # quarantine, medical, legal, behaviour, other
//! reason = "Seized"                        # left out: the value itself
//!
//! [status]                                 # where the file says the adoption status outright
//! column = "Status"
//! hold_kind = "Hold"
//! hold_reason = "Hold Reason"
//! hold_until  = "Hold Until"
//!
//! [archived]
//! column = "Archived"                      # yes or no
//! ```
//!
//! **Kinds of intake**: `stray`, `owner-surrender`, `transfer-in`, `seized`, `born-in-care`, `return`, `other`,
//! and three that are none: `foster-back` (the stay goes on), `skip` (not a stay; counted by its value),
//! `dead-on-arrival` (no stay of its own; if the cat's stay is open, as of one in foster, it ends with "died").
//! **Kinds of outcome**: `adoption`, `returned-to-owner`, `transfer-out`, `returned-to-field`, `died`, `lost`,
//! `euthanasia`, `other`, and `foster-out` (the stay goes on), `in-care` (no outcome), `skip`.
//! Without a map the values themselves must be these words. A value that a map does not have is reported and
//! kept as unknown (of a kind: as `other`), unless the map has `"*"`.
//!
//! **Visits and movements.** In a file of *visits* each row is one visit: an intake and, if it ended, its
//! outcome. In a file of *movements* the rows of a cat repeat its intake, and each tells of one thing that
//! happened since (adopted, fostered, …) with its date and perhaps the date of the return: back from foster
//! the stay goes on, back from anywhere else a new stay of kind `return` begins.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use encoding_rs::Encoding;

use crate::model::{Altered, Gender, HoldKind, IntakeKind, OutcomeKind};

mod parse;
mod raw;

pub use parse::ProfileError;

/// The longest profile that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// How a file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Delimited text with a header line.
    Csv,
    /// One JSON object per line.
    Ndjson,
}

impl Format {
    /// The format that the ending of a file's name stands for: NDJSON for `.ndjson` and `.jsonl`, else CSV.
    pub fn of(path: &Path) -> Self {
        let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            Some("ndjson" | "jsonl") => Self::Ndjson,
            _ => Self::Csv,
        }
    }
}

/// A column that a profile names, by its place in [`Profile::columns`].
pub(super) type Col = usize;

/// A named column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name in the file.
    pub name: String,
    /// Whether a file may lack it.
    pub optional: bool,
}

/// What a value stands for: folded values, and what any other value means.
#[derive(Debug, Clone)]
pub(super) struct Map<T> {
    pub values: HashMap<String, T>,
    pub rest: Option<T>,
}

/// What a kind of intake means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    Intake(IntakeKind),
    FosterBack,
    Body,
    Skip,
}

/// What a kind of outcome means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Departure {
    Outcome(OutcomeKind),
    FosterOut,
    InCare,
    Skip,
}

#[derive(Debug, Clone)]
pub(super) struct Filter {
    pub column: Col,
    pub values: HashSet<String>,
    pub why: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Tag {
    pub column: Option<Col>,
    pub required: bool,
    pub group: Option<Col>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    AsIs,
    Title,
    Upper,
    Lower,
}

#[derive(Debug, Clone)]
pub(super) struct Name {
    pub column: Col,
    pub strip: Vec<char>,
    pub case: Case,
    pub none: HashSet<String>,
    pub drop_tag: bool,
}

/// A text that comes from one or several columns.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub columns: Vec<Col>,
    /// What stands between joined values; `None` takes the first column that has something.
    pub join: Option<String>,
    pub case: Case,
    pub none: HashSet<String>,
    pub map: Option<Map<String>>,
}

#[derive(Debug, Clone)]
pub(super) struct Date {
    pub column: Col,
    pub formats: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Born {
    pub date: Option<Date>,
    pub age_years: Option<Col>,
}

/// A column whose values stand for one of a few things; without a map they are the program's own words.
#[derive(Debug, Clone)]
pub(super) struct Coded<T> {
    pub column: Col,
    pub map: Option<Map<T>>,
}

#[derive(Debug, Clone)]
pub(super) struct Kinds<T> {
    pub column: Col,
    pub detail: Option<Col>,
    pub map: Option<Map<T>>,
}

#[derive(Debug, Clone)]
pub(super) struct Intake {
    pub date: Date,
    pub kind: Option<Kinds<Arrival>>,
    pub fosters: Option<Col>,
    pub required: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Ending {
    pub date: Option<Date>,
    pub kind: Option<Kinds<Departure>>,
    /// Whether a missing outcome means that the cat left in a way that is not known.
    pub missing_is_unknown: bool,
    pub back: Option<Date>,
    pub died: Option<Date>,
}

#[derive(Debug, Clone)]
pub(super) struct HoldRule {
    pub columns: Vec<Col>,
    pub map: Map<Option<HoldKind>>,
    pub reason: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct StatusColumns {
    pub column: Col,
    pub hold_kind: Option<Col>,
    pub hold_reason: Option<Col>,
    pub hold_until: Option<Date>,
}

/// How the rows of a file become cats. See the [module](self) for the format.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// What files it is for.
    pub about: String,
    /// The format of the file; by the ending of its name when `None`.
    pub format: Option<Format>,
    /// Every column it names.
    pub columns: Vec<Column>,
    pub(super) encoding: Option<&'static Encoding>,
    pub(super) delimiter: u8,
    pub(super) none: HashSet<String>,
    pub(super) movements: bool,
    pub(super) only: Vec<Filter>,
    pub(super) skip: Vec<Filter>,
    pub(super) tag: Tag,
    pub(super) title: Option<Name>,
    pub(super) breed: Option<Text>,
    pub(super) colour: Option<Text>,
    pub(super) health: Option<Text>,
    pub(super) image: Option<Text>,
    pub(super) description: Vec<(Col, Option<String>)>,
    pub(super) born: Option<Born>,
    pub(super) gender: Option<Coded<Gender>>,
    pub(super) altered: Option<Coded<Altered>>,
    pub(super) intake: Option<Intake>,
    pub(super) outcome: Ending,
    pub(super) holds: Vec<HoldRule>,
    pub(super) status: Option<StatusColumns>,
    pub(super) archived: Option<Coded<bool>>,
}

/// The profiles that ship with the program: name and text.
const SHIPPED: &[(&str, &str)] = &[
    ("sanjose", include_str!("../../assets/profiles/sanjose.toml")),
    ("longbeach", include_str!("../../assets/profiles/longbeach.toml")),
    ("asm3", include_str!("../../assets/profiles/asm3.toml")),
    ("clowder", include_str!("../../assets/profiles/clowder.toml")),
];

impl Profile {
    /// The names of the profiles that ship with the program.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// A profile that ships with the program.
    ///
    /// # Errors
    /// When there is none of that name; the message lists those that there are.
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        let Some((name, text)) = SHIPPED.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)) else {
            let known: Vec<_> = Self::names().collect();
            return Err(ProfileError(format!(
                "there is no profile \"{name}\"; use one of {}, or the path of a profile file",
                known.join(", ")
            )));
        };
        Self::parse(&format!("profile {name}"), text)
    }

    /// A profile by name, or from a file when `name_or_path` is one (or looks like one).
    ///
    /// # Errors
    /// When there is no such profile, the file cannot be read, or what it says is wrong.
    pub fn load(name_or_path: &str) -> Result<Self, ProfileError> {
        let path = Path::new(name_or_path);
        let is_path = name_or_path.contains(['/', '\\']) || path.extension().is_some_and(|e| e == "toml");
        if !is_path && Self::names().any(|n| n.eq_ignore_ascii_case(name_or_path)) {
            return Self::named(name_or_path);
        }
        if !is_path && !path.is_file() {
            return Self::named(name_or_path);
        }
        let cannot =
            |e: &dyn std::fmt::Display| ProfileError(format!("the profile {name_or_path} cannot be read: {e}"));
        let mut text = String::new();
        let file = File::open(path).map_err(|e| cannot(&e))?;
        file.take(LONGEST + 1).read_to_string(&mut text).map_err(|e| cannot(&e))?;
        if text.len() as u64 > LONGEST {
            return Err(cannot(&"it is longer than 1 MiB"));
        }
        Self::parse(name_or_path, &text)
    }

    /// Reads the text of a profile; `origin` is what messages call it.
    ///
    /// # Errors
    /// What is wrong, with line and key.
    pub fn parse(origin: &str, text: &str) -> Result<Self, ProfileError> {
        parse::profile(origin, text)
    }
}

#[cfg(test)]
mod tests;
