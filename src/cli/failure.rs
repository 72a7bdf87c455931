//! Why a command did not do what it was told, in words and as an exit code.

use std::io::{self, Write};

use crate::model::{Error, Role, text::is_unsafe};
use crate::store::OpenError;

/// How a command ended, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Done.
    Done = 0,
    /// The store, a file or the terminal failed, a check found something wrong, or the answer to a question was no.
    Failed = 1,
    /// The words make no sense.
    Usage = 2,
    /// A value cannot be taken.
    Invalid = 3,
    /// A rule of the shelter stands against it.
    Refused = 4,
    /// Somebody else changed it first.
    Conflict = 5,
    /// There is no such record, or no such change.
    NotFound = 6,
    /// The actor may not, or is locked out.
    Denied = 7,
    /// The doctor mended the store, and something is lost.
    Lost = 8,
    /// Broken off with Ctrl-C.
    Cancelled = 130,
}

/// What the help says about exit codes.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the store, a file or the terminal failed, a check found something wrong, or the
     answer to a question was no
  2  the words make no sense (see --help)
  3  a value cannot be taken
  4  refused by a rule of the shelter
  5  somebody else changed it first
  6  there is no such record, or no such change
  7  not allowed, or locked out
  8  the doctor mended the store, and something is lost
130  broken off with Ctrl-C";

/// Why a command did not do what it was told.
#[derive(Debug)]
pub enum Failure {
    /// The desk said no.
    Desk(Error),
    /// The store does not open.
    Open(OpenError),
    /// The words make no sense together.
    Usage(String),
    /// A file cannot be read or written, or whatever else is not the desk's: what and why.
    Failed(String),
    /// The output cannot be written.
    Output(io::Error),
    /// A check was done and found something wrong, which it printed.
    Unsound,
    /// The doctor mended the store and told what is lost.
    Lost,
    /// Whoever was asked said no.
    Declined,
    /// Broken off: what is and is not done.
    Cancelled(String),
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        Self::Desk(e)
    }
}

impl From<OpenError> for Failure {
    fn from(e: OpenError) -> Self {
        Self::Open(e)
    }
}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Self {
        Self::Output(e)
    }
}

impl Failure {
    /// A file that cannot be used.
    pub fn file(path: &std::path::Path, error: &io::Error) -> Self {
        Self::Failed(format!("{}: {error}", path.display()))
    }

    /// A change without anything that changes.
    pub fn nothing_given() -> Self {
        Self::Usage("nothing to change was given; --help lists the fields".to_owned())
    }

    /// The exit code. Whoever closed the pipe has read enough: that is no failure.
    pub fn code(&self) -> Code {
        match self {
            Self::Desk(Error::Invalid(_)) => Code::Invalid,
            Self::Desk(Error::Denied(_) | Error::SignedOut(_)) => Code::Denied,
            Self::Desk(Error::NotFound { .. } | Error::NoChange(_)) => Code::NotFound,
            Self::Desk(Error::Conflict { .. }) => Code::Conflict,
            Self::Desk(Error::Refused { .. }) => Code::Refused,
            Self::Desk(Error::Store(_)) | Self::Open(_) | Self::Failed(_) | Self::Unsound | Self::Declined => {
                Code::Failed
            }
            Self::Output(e) if e.kind() == io::ErrorKind::BrokenPipe => Code::Done,
            Self::Output(_) => Code::Failed,
            Self::Usage(_) => Code::Usage,
            Self::Lost => Code::Lost,
            Self::Cancelled(_) => Code::Cancelled,
        }
    }

    /// Writes the failure as `clowder: …`, with a hint where there is one.
    ///
    /// # Errors
    /// When `err` cannot be written.
    pub fn report(&self, err: &mut (dyn Write + Send)) -> io::Result<()> {
        for message in self.messages() {
            writeln!(err, "clowder: {}", printable(&message))?;
        }
        if let Some(hint) = self.hint() {
            writeln!(err, "  {hint}")?;
        }
        err.flush()
    }

    fn messages(&self) -> Vec<String> {
        match self {
            Self::Desk(Error::Invalid(errors)) => {
                errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect()
            }
            Self::Desk(e) => vec![e.to_string()],
            Self::Open(e) => vec![e.to_string()],
            Self::Usage(e) | Self::Failed(e) | Self::Cancelled(e) => vec![e.clone()],
            Self::Output(e) if e.kind() == io::ErrorKind::BrokenPipe => Vec::new(),
            Self::Output(e) => vec![format!("the output cannot be written: {e}")],
            Self::Declined => vec!["nothing was changed".to_owned()],
            Self::Unsound | Self::Lost => Vec::new(),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Desk(Error::Invalid(errors)) => match errors.first()?.field {
                "reason" => Some("Give it with --reason \"…\"."),
                "breed" => Some("See \"clowder breeds list\"; add one with \"clowder breeds add NAME\"."),
                "health" => Some("See \"clowder health list\"; add one with \"clowder health add NAME\"."),
                _ => None,
            },
            Self::Desk(Error::Refused { overridable_by: Some(Role::Admin), .. }) => {
                Some("An admin can override this with a reason.")
            }
            Self::Desk(Error::Conflict { .. }) => Some("Look at it again, then repeat the command."),
            Self::Desk(Error::NotFound { .. }) => Some("The list commands show what there is."),
            Self::Desk(Error::NoChange(_)) => Some("\"clowder audit\" shows the numbers."),
            _ => None,
        }
    }
}

/// A message without anything that could disturb a terminal; line ends stay.
pub fn printable(message: &str) -> String {
    message.chars().filter(|&c| c == '\n' || !is_unsafe(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_never_carries_control_characters() {
        let failure = Failure::Failed("no \u{1b}[2Jsuch\u{7} file\u{202e}".to_owned());
        let mut out = Vec::new();
        failure.report(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "clowder: no [2Jsuch file\n");
    }

    #[test]
    fn a_closed_pipe_is_quiet() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        let mut out = Vec::new();
        failure.report(&mut out).unwrap();
        assert!(out.is_empty());
        assert_eq!(failure.code(), Code::Done);
    }

    #[test]
    fn each_field_has_its_line() {
        let failure = Failure::Desk(Error::Invalid(vec![
            crate::model::FieldError { field: "born", message: "is to come".to_owned() },
            crate::model::FieldError { field: "tag", message: "is taken".to_owned() },
        ]));
        let mut out = Vec::new();
        failure.report(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "clowder: born: is to come\nclowder: tag: is taken\n");
        assert_eq!(failure.code() as u8, 3);
    }
}
