//! The doctor: says what is wrong with a store that does not open or is not sound, and knows the ways out, those that keep most first.
//!
//! Looking changes nothing: the engine's files are tried on copies. What a way puts aside is kept, and what it makes is checked in
//! full before it takes the place of what was there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::model::{Action, Actor, CommitNo, Door};

use super::{
    BackupError, OpenError, OpenOptions, Progress, Store, StoreError,
    around::size,
    backup::{self, Listed, Shelf},
    engine,
    files::{self, DataLock, KEYRING, STORE},
    journal,
    keyring::{Keyring, remembered},
    migrate,
    restore::{self, RestoreError, Until, plan},
    swap,
};

mod evidence;
mod exam;
mod files_of;
mod keyring_of;
mod loss;
mod mend;
mod salvage;
mod watched;

use evidence::{Evidence, Reach};
use files_of::{Content, Opens, Work};
use watched::{Unanswered, watched};

use exam::{Exam, salvaged};

pub use loss::Loss;
pub use mend::{Mended, mend};

/// The directory for copies.
const WORK: &str = "doctor-work";

/// Why the doctor can do nothing, with the way out in the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DoctorError {
    /// Somebody has the store open.
    #[error(
        "the store is in use by {}. While people work, \"clowder check --deep\" looks at everything; for the doctor stop it first (\"systemctl \
         stop clowder\", or leave that Clowder with Ctrl-Q or Ctrl-C), then run this again",
        .by.strip_suffix(files::END_FIRST).unwrap_or(.by)
    )]
    InUse {
        /// Who, in words.
        by: String,
    },
    /// Something a person has to mend: a key, a permission, a disk.
    #[error("{0}")]
    Open(OpenError),
    /// What a way made is not sound, so it was not used.
    #[error("what this made is not sound ({what}); the store was left as it was")]
    Unsound {
        /// The first finding.
        what: String,
    },
    /// Broken off.
    #[error("broken off; the store was left as it was")]
    Cancelled,
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl From<OpenError> for DoctorError {
    fn from(e: OpenError) -> Self {
        match e {
            OpenError::Locked { by } => Self::InUse { by },
            e => Self::Open(e),
        }
    }
}

impl From<StoreError> for DoctorError {
    fn from(e: StoreError) -> Self {
        Self::Failed(e.to_string())
    }
}

impl From<BackupError> for DoctorError {
    fn from(e: BackupError) -> Self {
        match e {
            BackupError::Cancelled => Self::Cancelled,
            BackupError::Key(e) => Self::Open(e),
            e => Self::Failed(e.to_string()),
        }
    }
}

impl From<RestoreError> for DoctorError {
    fn from(e: RestoreError) -> Self {
        match e {
            RestoreError::InUse { by } => Self::InUse { by },
            RestoreError::Open(e) => Self::Open(e),
            RestoreError::Cancelled => Self::Cancelled,
            RestoreError::Unsound { what } => Self::Unsound { what },
            e => Self::Failed(e.to_string()),
        }
    }
}

/// What the doctor saw.
#[derive(Debug, Clone, Default)]
pub struct Diagnosis {
    /// What there is, a sentence each.
    pub facts: Vec<String>,
    /// What is wrong, a sentence each; empty when all is well.
    pub findings: Vec<String>,
    /// The ways out, the one that keeps most first. None of them when only a person can help.
    pub ways: Vec<Way>,
    /// What a person has to do, when there is no way.
    pub advice: Option<String>,
}

impl Diagnosis {
    /// Whether nothing is wrong.
    pub fn is_healthy(&self) -> bool {
        self.findings.is_empty()
    }
}

/// A way out.
#[derive(Debug, Clone)]
pub struct Way {
    /// What it does, a sentence.
    pub does: String,
    /// What it would lose, as far as that is known; empty when nothing.
    pub loses: Vec<Loss>,
    how: How,
}

/// What a way does.
#[derive(Debug, Clone, PartialEq, Eq)]
enum How {
    /// Finish what was begun.
    FinishSwap,
    /// Put the damaged note aside and move back what is missing.
    NoteAside(Vec<(PathBuf, PathBuf)>),
    /// Write the keyring.
    TakeKeyring(String),
    /// Put files of the engine aside.
    SetAside(Vec<PathBuf>),
    /// Build indexes and counters anew.
    Rebuild,
    /// Put segments of the journal aside that would keep the store from opening, or what is past that byte of them; open it, which
    /// begins a new journal, and make a backup.
    MakeBackup(Vec<(PathBuf, u64)>),
    /// A new store of a backup, or none, and the journal.
    Restore {
        /// The backup that it begins with.
        backup: Option<PathBuf>,
        /// Those that are not to be used.
        without: Vec<PathBuf>,
    },
    /// A new store of everything that can be read anywhere, without those backups.
    Salvage(Vec<PathBuf>),
    /// A new store of a backup alone.
    OnlyBackup(PathBuf, CommitNo),
}

/// Removes copies that an examination left behind when it was cut short.
pub(super) fn sweep(data: &Path) {
    let _ = fs::remove_dir_all(data.join(WORK));
}

/// Looks at everything. Nothing is changed, but that copies are made and removed. `progress` answers false to break off.
///
/// # Errors
/// The store is in use or not there, or there is no room for the copies.
pub fn examine(options: &OpenOptions, progress: &mut dyn FnMut(Progress) -> bool) -> Result<Diagnosis, DoctorError> {
    examine_after(options, &[], progress)
}

/// The same after ways that did not help: they are not offered again, and the backups that they relied on are not used.
///
/// # Errors
/// As above.
pub fn examine_after(
    options: &OpenOptions,
    failed: &[Way],
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Diagnosis, DoctorError> {
    let mut diagnosis = match look(options, failed, progress) {
        // Whatever is here is in order for the version that wrote it.
        Err(DoctorError::Open(e @ OpenError::NewerFormat { .. })) => newer(e),
        looked => looked?,
    };
    diagnosis.ways.retain(|way| !failed.iter().any(|failed| failed.how == way.how));
    if !failed.is_empty() && diagnosis.ways.is_empty() && !diagnosis.is_healthy() {
        let advice = "Nothing that could be tried helped, and the store was left as it was. A backup from elsewhere can be named: \
                      \"clowder restore --from FILE\".";
        diagnosis.advice = Some(advice.to_owned());
    }
    Ok(diagnosis)
}

fn look(
    options: &OpenOptions,
    failed: &[Way],
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Diagnosis, DoctorError> {
    let data = &options.data;
    if !data.is_dir() {
        return Err(not_there(options).into());
    }
    let _lock = DataLock::take(data, Door::Command)?;
    if files::is_open_to_others(data) {
        return Ok(only(OpenError::OpenDirectory { path: data.clone() }));
    }
    if let Some(diagnosis) = swap_note(data) {
        return Ok(diagnosis);
    }
    let keyring = match Keyring::read(data) {
        Ok(Some(keyring)) if keyring.in_use => keyring,
        Ok(Some(_)) => {
            let fact = "A store was being made here and holds nothing yet; the next start makes it anew.".to_owned();
            return Ok(Diagnosis { facts: vec![fact], ..Diagnosis::default() });
        }
        Ok(None) if !engine::has_traces(&data.join(STORE)) && !files::has_remains(data) => {
            return Err(not_there(options).into());
        }
        Ok(None) => return Ok(no_keyring(options, OpenError::MissingKeyring { path: data.join(KEYRING) })),
        Err(e @ OpenError::DamagedKeyring { .. }) => return Ok(no_keyring(options, e)),
        Err(e @ OpenError::NewerFormat { .. }) => return seems_newer(options, e),
        Err(e) => return Ok(only(e)),
    };
    if keyring.format > migrate::FORMAT {
        return seems_newer(options, OpenError::NewerFormat { path: data.clone() });
    }
    let sources = match plan::Sources::find(options, None) {
        Ok(sources) => sources,
        Err(RestoreError::Open(e)) => return Ok(no_keyring(options, e)),
        Err(e) => return Err(e.into()),
    };
    let failed = failed.iter().map(|way| way.how.clone()).collect();
    Exam { failed, ..Exam::new(options, sources) }.go_on(progress)
}

/// No store, or none any more.
pub(super) fn not_there(options: &OpenOptions) -> OpenError {
    let path = options.data.clone();
    match remembered(&path, &options.config) {
        Some(key) => OpenError::Emptied { path, key },
        None => OpenError::NotThere { path },
    }
}

/// A newer version wrote the store: it is in order, or that version knows what is wrong.
fn newer(e: OpenError) -> Diagnosis {
    let advice = "Install that version, or a later one, and start it. Nothing was changed here, and an older version must not change it.";
    Diagnosis { advice: Some(advice.to_owned()), ..only(e) }
}

/// The keyring says that a newer version wrote it. When its copy opens and says otherwise, only the keyring is damaged.
fn seems_newer(options: &OpenOptions, e: OpenError) -> Result<Diagnosis, DoctorError> {
    match keyring_of::copy(options) {
        Some(_) => Ok(no_keyring(options, OpenError::DamagedKeyring { path: options.data.join(KEYRING) })),
        None => Err(e.into()),
    }
}

/// Whether the keyring stands in the way, which cannot be read or does not open, since its copy opens by itself.
pub(super) fn is_only_the_keyring(options: &OpenOptions) -> bool {
    keyring_of::copy(options).is_some()
}

/// Only a person can help.
fn only(e: OpenError) -> Diagnosis {
    Diagnosis { findings: vec![sentence(&e.to_string())], advice: Some(String::new()), ..Diagnosis::default() }
}

/// With a capital at its beginning and a full stop at its end, and without the advice to come here.
fn sentence(words: &str) -> String {
    let advice = [" Run `clowder doctor`", "; run `clowder doctor`"];
    let words = advice.iter().fold(words, |words, advice| words.split(advice).next().unwrap_or_default());
    let mut chars = words.trim_end_matches('.').chars();
    // A path keeps its letters.
    let first = chars.next().map(|c| if words.starts_with('/') { c.to_string() } else { c.to_uppercase().to_string() });
    format!("{}{}.", first.unwrap_or_default(), chars.as_str())
}

/// The note of directories that were being exchanged, if there is one.
fn swap_note(data: &Path) -> Option<Diagnosis> {
    let (finding, does, how) = match swap::pending(data) {
        Ok(None) => return None,
        Ok(Some(_)) => (
            "Exchanging the old files for the new ones was cut short.".to_owned(),
            "Finish it: both are whole, and nothing is lost.".to_owned(),
            How::FinishSwap,
        ),
        Err(e) => {
            let moves = moves_back(data);
            let back = match moves.len() {
                0 => "nothing has to be moved back".to_owned(),
                _ => "what is missing is moved back from where it was put".to_owned(),
            };
            (sentence(&e.to_string()), format!("Put the note aside; {back}."), How::NoteAside(moves))
        }
    };
    Some(Diagnosis {
        findings: vec![finding],
        ways: vec![Way { does, loses: Vec::new(), how }],
        ..Diagnosis::default()
    })
}

/// What is missing of the store and is in the directories that a swap leaves behind, newest first.
fn moves_back(data: &Path) -> Vec<(PathBuf, PathBuf)> {
    let mut asides: Vec<PathBuf> = fs::read_dir(data)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(swap::is_name_of_kept))
        .map(|entry| entry.path())
        .collect();
    asides.sort();
    [STORE, KEYRING]
        .iter()
        .filter(|name| !data.join(name).exists())
        .filter_map(|name| {
            let from = asides.iter().rev().map(|aside| aside.join(name)).find(|from| from.exists())?;
            Some((from, data.join(name)))
        })
        .collect()
}

/// The keyring is gone or damaged, or nothing there is opens it.
fn no_keyring(options: &OpenOptions, e: OpenError) -> Diagnosis {
    let path = options.data.join(KEYRING);
    if keyring_of::copy_is_newer(&options.data) {
        return newer(OpenError::NewerFormat { path: options.data.clone() });
    }
    // What opens the copy is not at fault.
    let e = if path.exists() && is_only_the_keyring(options) { OpenError::DamagedKeyring { path } } else { e };
    let finding = sentence(&e.to_string());
    let Some(spare) = keyring_of::find(options) else {
        let advice = match e {
            OpenError::MissingKeyring { .. } | OpenError::DamagedKeyring { .. } => {
                "Nothing here has a copy of it that opens. A backup from elsewhere has one: name it with \"clowder restore --from FILE\"."
            }
            _ => "",
        };
        return Diagnosis { findings: vec![finding], advice: Some(advice.to_owned()), ..Diagnosis::default() };
    };
    let kept = if options.data.join(KEYRING).exists() { " What is there now is kept." } else { "" };
    let does = format!("Take the keyring back from {}: it opens what is here.{kept}", spare.from.display());
    let way = Way { does, loses: Vec::new(), how: How::TakeKeyring(spare.text) };
    Diagnosis { findings: vec![finding], ways: vec![way], ..Diagnosis::default() }
}

#[cfg(test)]
mod tests;
