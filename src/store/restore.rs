//! Restoring: a new store beside the old one, made of a backup and the journal after it, checked in full, then put in its place.
//!
//! The old one is kept. A restore to a moment that is not the last begins a new line of history: the journal of the old one stays, so
//! that what came after that moment can still be reached, by [`Source::Undo`] or [`Source::Line`].

pub(super) mod build;
pub(super) mod keys;
mod left;
pub(super) mod needed;
pub(super) mod plan;

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::model::{Action, Actor, AuditEntry, CommitNo, Stamp};

use super::{
    BackupError, OpenError, OpenOptions, Progress, Store, StoreError,
    backup::{Listed, Manifest},
    doctor,
    files::{self, DataLock},
    swap,
};

use left::asides;
pub use left::{Aside, Left};
pub use plan::Plan;

/// The directory in which the new store is made.
pub(super) const NEW: &str = "restore-new";

/// From what to restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// The best backup of those that are kept, or the journal alone.
    Best,
    /// A backup, or the directory in which a restore kept the old store: then what that restore left.
    Backup(&'a Path),
    /// What the last restore left.
    Undo,
    /// A line that was left, or the beginning of its name.
    Line(&'a str),
}

impl<'a> Source<'a> {
    fn of(from: Option<&'a Path>) -> Self {
        from.map_or(Self::Best, Self::Backup)
    }

    /// The backup that is named.
    const fn from(self) -> Option<&'a Path> {
        match self {
            Self::Backup(path) => Some(path),
            _ => None,
        }
    }

    /// What a restore would do. Nothing is changed, and the store may be in use.
    ///
    /// # Errors
    /// There is no way to that moment.
    pub fn plan(self, options: &OpenOptions, until: Until) -> Result<Plan, RestoreError> {
        let sources = plan::Sources::of(options, self)?;
        plan::plan(options, &sources, self.from(), until)
    }

    /// Restores. `progress` answers false to break off. A crash at any point leaves the old store or the new one.
    ///
    /// # Errors
    /// The store is in use, there is no way to that moment, or what came out is not sound. The old store is as it was then.
    pub fn restore(
        self,
        options: &OpenOptions,
        until: Until,
        actor: &Actor,
        progress: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Restored, RestoreError> {
        restore_with(options, self, until, &|_| true, actor, progress)
    }
}

/// Up to where to restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// As far as it goes.
    Last,
    /// Up to and with a commit.
    Commit(CommitNo),
    /// As it was at a moment.
    At(Stamp),
}

/// A commit and when it was made; for a backup the moment that it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The last commit.
    pub commit: CommitNo,
    /// When.
    pub at: Stamp,
    /// Whether that is the moment of a backup, and the commit was made at some time before it.
    pub of_backup: bool,
}

impl Moment {
    fn of(entry: &AuditEntry) -> Self {
        Self { commit: entry.commit, at: entry.at, of_backup: false }
    }

    fn of_backup(manifest: &Manifest) -> Self {
        Self { commit: CommitNo(manifest.commit), at: manifest.at, of_backup: true }
    }

    /// `change 7, 2026-11-20 15:04:05 CET`; when it was made is not known of the last change of a backup.
    pub fn words(&self) -> String {
        match self.of_backup {
            true => format!("change {}, as the backup of {} has it", self.commit, self.at.second()),
            false => format!("change {}, {}", self.commit, self.at.second()),
        }
    }
}

/// What there is to go back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// Backups, newest first.
    pub backups: Vec<Listed>,
    /// Any moment from the first to the second, oldest first; more than one where the journal has gaps.
    pub journal: Vec<(Moment, Moment)>,
    /// What restores left behind that can be reached, the last one first.
    pub left: Vec<Left>,
    /// What was put aside, oldest first.
    pub asides: Vec<Aside>,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the store holds now.
    pub to: Moment,
    /// The directory in which the old store is kept, if there was one.
    pub kept: Option<PathBuf>,
    /// Whether it left something behind that [`Source::Undo`] brings back.
    pub can_be_undone: bool,
    /// What the person in front should know, a sentence each.
    pub notices: Vec<String>,
}

/// Why nothing was restored, with the way out in the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// There is nothing to restore from.
    #[error("there is no backup and no journal in {}; name a backup with --from FILE", .data.display())]
    Nothing {
        /// The data directory.
        data: PathBuf,
    },
    /// The moment is before everything that is kept.
    #[error("nothing that is kept goes back that far: the first that can be reached is {}", .first.words())]
    TooEarly {
        /// The first that can be reached.
        first: Moment,
    },
    /// The moment has not been yet.
    #[error(
        "{} is to come: it is {} now, and the last change was at {}. Give a moment that was, or none to go as far as it goes",
        .at.second(), .now.second(), .last.second()
    )]
    ToCome {
        /// The one that was asked for.
        at: Stamp,
        /// Now.
        now: Stamp,
        /// When the last change was made.
        last: Stamp,
    },
    /// The commit cannot be reached.
    #[error("change {wanted} cannot be reached: {}", not_there(*.wanted, *.last, .why.as_deref(), .left.as_ref()))]
    NotThere {
        /// The one that was asked for.
        wanted: CommitNo,
        /// The last one that can be.
        last: Moment,
        /// Why not further.
        why: Option<String>,
        /// What a restore left behind and has it.
        left: Option<Left>,
    },
    /// There was no restore to the past.
    #[error("there is nothing to undo: no restore has left anything behind; see \"clowder restore --list\"")]
    NothingLeft,
    /// A line is not known, or more than one begins so.
    #[error("no line of history is known as {word:?}; \"clowder restore --list\" names those that were left behind")]
    NoSuchLine {
        /// What was asked for.
        word: String,
    },
    /// A directory in the place of a backup.
    #[error(
        "{} is a directory and no backup. \"clowder restore --list\" shows the backups, and what restores left behind",
        .path.display()
    )]
    Directory {
        /// The directory.
        path: PathBuf,
    },
    /// The backup is of another store than the one in the data directory.
    #[error("{} is a backup of another store than the one in {}; name an empty directory with --data", .path.display(), .data.display())]
    OtherStore {
        /// The backup.
        path: PathBuf,
        /// The data directory.
        data: PathBuf,
    },
    /// There are backups of several stores, and nothing says which of them is meant.
    #[error(
        "{} holds backups of several stores, and nothing in {} says which of them was there; name one with --from FILE",
        .shelf.display(), .data.display()
    )]
    SeveralStores {
        /// Where the backups are.
        shelf: PathBuf,
        /// The data directory.
        data: PathBuf,
    },
    /// Somebody has the store open.
    #[error("the store is in use by {}, then run this again", end_first(.by))]
    InUse {
        /// Who, in words.
        by: String,
    },
    /// What was restored is not sound. The old store was not touched.
    #[error(
        "what was restored is not sound ({what}); the store was left as it was. Try an earlier moment or another backup"
    )]
    Unsound {
        /// The first finding.
        what: String,
    },
    /// Broken off.
    #[error("the restore was broken off; the store was left as it was")]
    Cancelled,
    /// The backup.
    #[error("{0}")]
    Backup(BackupError),
    /// The key or a directory.
    #[error("{0}")]
    Open(OpenError),
    /// The new store.
    #[error("{0}")]
    Store(StoreError),
}

/// Who has the store, and how it is ended, once.
fn end_first(by: &str) -> String {
    match by.strip_suffix(files::END_FIRST) {
        Some(by) => {
            format!("{by}. Stop it first (\"systemctl stop clowder\", or leave that Clowder with Ctrl-Q or Ctrl-C)")
        }
        None => by.to_owned(),
    }
}

fn not_there(wanted: CommitNo, last: Moment, why: Option<&str>, left: Option<&Left>) -> String {
    let here = match why {
        Some(why) => format!("{why}; the last one before that is {}", last.words()),
        None => format!("the last one is {}", last.words()),
    };
    match left {
        Some(left) => {
            format!("{here}. A restore left it behind; this goes there: {} --commit {wanted}", left.command())
        }
        None => format!("{here}; see \"clowder restore --list\""),
    }
}

impl From<BackupError> for RestoreError {
    fn from(e: BackupError) -> Self {
        match e {
            BackupError::Key(e) => Self::Open(e),
            BackupError::Cancelled => Self::Cancelled,
            e => Self::Backup(e),
        }
    }
}

impl From<OpenError> for RestoreError {
    fn from(e: OpenError) -> Self {
        match e {
            OpenError::Locked { by } => Self::InUse { by },
            e => Self::Open(e),
        }
    }
}

impl From<StoreError> for RestoreError {
    fn from(e: StoreError) -> Self {
        Self::Store(e)
    }
}

/// What there is to go back to. Nothing is changed, and the store may be in use.
///
/// # Errors
/// The key or the journal cannot be read.
pub fn choices(options: &OpenOptions) -> Result<Choices, RestoreError> {
    let sources = match plan::Sources::find(options, None) {
        Ok(sources) => sources,
        Err(RestoreError::Nothing { data }) => {
            return match doctor::not_there(options) {
                // A disk that is not mounted looks like this.
                e @ OpenError::Emptied { .. } if !files::has_remains(&data) => Err(e.into()),
                _ => Ok(Choices { backups: Vec::new(), journal: Vec::new(), left: Vec::new(), asides: asides(&data) }),
            };
        }
        Err(e) => return Err(e),
    };
    let journal = plan::stretches(options, &sources)?;
    let left = sources.left(&options.data)?;
    Ok(Choices { backups: sources.backups, journal, left, asides: asides(&options.data) })
}

/// What a restore would do. Nothing is changed, and the store may be in use. `from` names a backup; without it the best of those that
/// are kept is taken, or the journal alone.
///
/// # Errors
/// There is no way to that moment.
pub fn plan(options: &OpenOptions, from: Option<&Path>, until: Until) -> Result<Plan, RestoreError> {
    Source::of(from).plan(options, until)
}

/// Restores. `progress` answers false to break off. A crash at any point leaves the old store or the new one.
///
/// # Errors
/// The store is in use, there is no way to that moment, or what came out is not sound. The old store is as it was then.
pub fn restore(
    options: &OpenOptions,
    from: Option<&Path>,
    until: Until,
    actor: &Actor,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Restored, RestoreError> {
    Source::of(from).restore(options, until, actor, progress)
}

/// The same from those backups only that are `good`.
pub(super) fn restore_of(
    options: &OpenOptions,
    from: Option<&Path>,
    until: Until,
    good: &dyn Fn(&Listed) -> bool,
    actor: &Actor,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Restored, RestoreError> {
    restore_with(options, Source::of(from), until, good, actor, progress)
}

fn restore_with(
    options: &OpenOptions,
    source: Source<'_>,
    until: Until,
    good: &dyn Fn(&Listed) -> bool,
    actor: &Actor,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Restored, RestoreError> {
    let data = &options.data;
    files::make_private_dir(data)?;
    let lock = DataLock::take(data, options.door)?;
    let finished = swap::finish(data)?;
    sweep(data);
    let mut sources = plan::Sources::of(options, source)?;
    sources.backups.retain(good);
    let plan = plan::plan(options, &sources, source.from(), until)?;
    let built = build::build(options, sources, &plan, progress);
    let swapped = built.and_then(|built| {
        let kept = build::swap(&plan, &built)?;
        Ok((built, kept))
    });
    sweep(data);
    let (built, kept) = swapped?;
    drop(lock);
    let mut notices: Vec<String> = finished.into_iter().chain(built.notices).collect();
    let opened = Store::open(OpenOptions { create: false, ..options.clone() })?;
    notices.extend(opened.notices.into_iter().filter(|n| *n != built.notice));
    let note = built.note;
    opened.store.write(actor, move |tx| {
        tx.describe(Action::Restore, note);
        tx.always();
        Ok::<_, StoreError>(())
    })?;
    opened.store.close()?;
    let can_be_undone = built.new_line.is_some() && (plan.last.is_some() || !plan.present);
    Ok(Restored { to: plan.to, kept, can_be_undone, notices })
}

/// Removes what is left of a restore that was never finished, unless a swap that was decided needs it.
pub(super) fn sweep(data: &Path) {
    if !swap::is_pending(data) {
        let _ = fs::remove_dir_all(data.join(NEW));
    }
}

#[cfg(test)]
mod tests;
