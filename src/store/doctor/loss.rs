//! What is lost, by record where that is known.

use std::fmt;

use super::super::check::named;
use crate::model::Kind;

/// Something that is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// A record as a whole.
    Record {
        /// Its kind.
        kind: Kind,
        /// Its number.
        id: u32,
        /// What people call it, where that is known.
        name: Option<String>,
        /// Its revision.
        rev: u32,
    },
    /// The later changes of a record.
    Changed {
        /// Its kind.
        kind: Kind,
        /// Its number.
        id: u32,
        /// What people call it.
        name: Option<String>,
        /// The revision that is known.
        rev: u32,
        /// The one that it would be as of.
        back: u32,
    },
    /// A record comes back that had been deleted.
    Deletion {
        /// Its kind.
        kind: Kind,
        /// Its number.
        id: u32,
    },
    /// A record of which only an older state is known.
    Older {
        /// Its kind.
        kind: Kind,
        /// Its number.
        id: u32,
        /// What people call it.
        name: Option<String>,
        /// The revision that it is as of.
        rev: u32,
        /// The last change to it; `None` when nobody knows whether there was one.
        change: Option<u64>,
    },
    /// A record of which nothing is left.
    Gone {
        /// Its kind.
        kind: Kind,
        /// Its number.
        id: u32,
        /// The last change to it, where that is known.
        change: Option<u64>,
        /// Whether it was there for sure, and had not been deleted.
        sure: bool,
    },
    /// The password of an account.
    Password {
        /// The account's number.
        id: u32,
        /// Its username.
        name: Option<String>,
    },
    /// Entries of the audit log; what they tell of was done and is there.
    Entries {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// Changes of which nothing is left.
    Changes {
        /// The first.
        first: u64,
        /// The last; `None` when nobody knows how many there were.
        last: Option<u64>,
    },
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = |kind: &Kind, id: &u32, name: &Option<String>| match name {
            Some(name) => format!("{} \"{name}\"", named(*kind, *id)),
            None => named(*kind, *id),
        };
        match self {
            Self::Record { kind, id, name, rev } => write!(f, "{}, revision {rev}", record(kind, id, name)),
            Self::Changed { kind, id, name, rev, back } => {
                write!(f, "{}: what was changed from revision {back} to revision {rev}", record(kind, id, name))
            }
            Self::Deletion { kind, id } => write!(f, "{}: that it was deleted", named(*kind, *id)),
            Self::Older { kind, id, name, rev, change: Some(change) } => {
                write!(f, "{}: what change {change} made of it; it is as of revision {rev}", record(kind, id, name))
            }
            Self::Older { kind, id, name, rev, change: None } => {
                let name = record(kind, id, name);
                write!(f, "{name}: what was changed after revision {rev}, or that it was deleted, if it was")
            }
            Self::Gone { kind, id, change, sure } => {
                let change = change.map(|no| format!(", last in change {no}")).unwrap_or_default();
                let unless = if *sure { "" } else { ", unless it had been deleted" };
                write!(f, "{}{change}: nothing is left of it{unless}", named(*kind, *id))
            }
            Self::Password { id, name } => {
                write!(f, "the password of {}: it must be set again", record(&Kind::User, id, name))
            }
            Self::Entries { first, last } if first == last => write!(f, "entry {first} of the audit log"),
            Self::Entries { first, last } => write!(f, "entries {first} to {last} of the audit log"),
            Self::Changes { first, last: Some(last) } if first == last => write!(f, "change {first}"),
            Self::Changes { first, last: Some(last) } => write!(f, "changes {first} to {last}"),
            Self::Changes { first, last: None } => {
                write!(f, "whatever was changed after change {}, if anything was", first - 1)
            }
        }
    }
}
