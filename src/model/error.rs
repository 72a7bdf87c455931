//! What can go wrong, as values that a screen, a form or a script can act on.

use super::{Kind, Permission};

/// A field whose value cannot be taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name, as the record has it (`born`, `username`).
    pub field: &'static str,
    /// Why, and what would do.
    pub message: String,
}

/// An error of the desk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Values that cannot be taken; the form shows each at its field.
    #[error("{}", fields(.0))]
    Invalid(Vec<FieldError>),
    /// The role does not allow it.
    #[error("you may not {}", .0.label())]
    Denied(Permission),
    /// Nobody is signed in, or the account is locked or gone.
    #[error("{0}")]
    SignedOut(String),
    /// There is no such record (or none that the actor may know of).
    #[error("there is no {} {id}", .kind.label().to_lowercase())]
    NotFound {
        /// The kind of record.
        kind: Kind,
        /// Its number or name, as it was asked for.
        id: String,
    },
    /// There is no such change in the log (or none that the actor may know of).
    #[error("there is no change number {0}")]
    NoChange(super::CommitNo),
    /// Somebody else changed it first.
    #[error("{who} changed {what} {when}; nothing of yours was saved")]
    Conflict {
        /// Who.
        who: String,
        /// What: the record's title, and the fields that differ when they are known.
        what: String,
        /// When, in words.
        when: String,
    },
    /// A rule of the shelter stands against it.
    #[error("{rule}")]
    Refused {
        /// The rule, in words.
        rule: String,
        /// Who may override it with a typed reason, if anybody.
        overridable_by: Option<super::Role>,
    },
    /// The store cannot do it: what happened, and the way out.
    #[error("{0}")]
    Store(String),
}

fn fields(errors: &[FieldError]) -> String {
    errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect::<Vec<_>>().join("; ")
}

impl Error {
    /// One field that cannot be taken.
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError { field, message: message.into() }])
    }

    /// A rule that nobody may override.
    pub fn refused(rule: impl Into<String>) -> Self {
        Self::Refused { rule: rule.into(), overridable_by: None }
    }

    /// A rule that an admin may override with a reason.
    pub fn refused_unless_admin(rule: impl Into<String>) -> Self {
        Self::Refused { rule: rule.into(), overridable_by: Some(super::Role::Admin) }
    }

    /// No such record.
    pub fn not_found(kind: Kind, id: impl ToString) -> Self {
        Self::NotFound { kind, id: id.to_string() }
    }
}

/// The desk's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
