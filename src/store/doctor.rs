//! The doctor: says what is wrong with a store that does not open or is not sound, and knows the ways out, those that keep most first.
//!
//! Looking changes nothing: the engine's files are tried on copies. What a way puts aside is kept, and what it makes is checked in
//! full before it takes the place of what was there.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use crate::model::{Action, Actor, CommitNo, Door};

use super::{
    BackupError, OpenError, OpenOptions, Progress, Store, StoreError,
    around::size,
    backup::{self, Listed, Shelf},
    engine,
    files::{self, DataLock, KEYRING, STORE},
    keyring::Keyring,
    migrate,
    restore::{self, RestoreError, Until, plan},
    swap,
};

mod files_of;
mod keyring_of;
mod mend;
mod watched;

use files_of::{Content, Opens, Work};
use watched::{Unanswered, watched};

pub use mend::{Mended, mend};

/// The directory for copies.
const WORK: &str = "doctor-work";

/// Why the doctor can do nothing, with the way out in the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DoctorError {
    /// Somebody has the store open.
    #[error(
        "the store is in use by {by}. While people work, \"clowder check\" looks at everything; for the doctor stop it first (\"systemctl \
         stop clowder\", or leave that Clowder with Ctrl-Q or Ctrl-C), then run this again"
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
#[derive(Debug, Clone)]
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
    /// Open it, which begins a new journal, and make a backup.
    MakeBackup,
    /// A new store of backup and journal, without those backups.
    Restore(Vec<PathBuf>),
    /// A new store of a backup alone.
    OnlyBackup(PathBuf, CommitNo),
}

/// Something that is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
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
        match self {
            Self::Changes { first, last: Some(last) } if first == last => write!(f, "change {first}"),
            Self::Changes { first, last: Some(last) } => write!(f, "changes {first} to {last}"),
            Self::Changes { first, last: None } => write!(f, "whatever was changed after change {}", first - 1),
        }
    }
}

/// Removes copies that an examination left behind when it was cut short.
pub(super) fn sweep(data: &Path) {
    let _ = fs::remove_dir_all(data.join(WORK));
}

/// Looks at everything. Nothing is changed, but that copies are made and removed. `progress` answers false to break off.
///
/// # Errors
/// The store is in use or not there, or there is no room for the copies.
pub fn examine(
    options: &OpenOptions,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Diagnosis, DoctorError> {
    let data = &options.data;
    if !data.is_dir() {
        return Err(OpenError::NotThere { path: data.clone() }.into());
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
            return Err(OpenError::NotThere { path: data.clone() }.into());
        }
        Ok(None) => return Ok(no_keyring(options, OpenError::MissingKeyring { path: data.join(KEYRING) })),
        Err(e @ (OpenError::DamagedKeyring { .. } | OpenError::NewerFormat { .. })) => return Ok(no_keyring(options, e)),
        Err(e) => return Ok(only(e)),
    };
    if keyring.format > migrate::FORMAT {
        return Ok(no_keyring(options, OpenError::NewerFormat { path: data.clone() }));
    }
    let sources = match plan::Sources::find(options, None) {
        Ok(sources) => sources,
        Err(RestoreError::Open(e)) => return Ok(no_keyring(options, e)),
        Err(e) => return Err(e.into()),
    };
    Exam { options, sources, bad: Vec::new(), facts: Vec::new(), findings: Vec::new() }.go_on(progress)
}

/// Only a person can help.
fn only(e: OpenError) -> Diagnosis {
    Diagnosis { findings: vec![sentence(&e.to_string())], advice: Some(String::new()), ..Diagnosis::default() }
}

/// With a capital at its beginning and a full stop at its end.
fn sentence(words: &str) -> String {
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
    Some(Diagnosis { findings: vec![finding], ways: vec![Way { does, loses: Vec::new(), how }], ..Diagnosis::default() })
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
    let does = format!("Take the keyring back from {}: it opens what is here. What is there now is put aside.", spare.from.display());
    let way = Way { does, loses: Vec::new(), how: How::TakeKeyring(spare.text) };
    Diagnosis { findings: vec![finding], ways: vec![way], ..Diagnosis::default() }
}

/// An examination with keys.
struct Exam<'a> {
    options: &'a OpenOptions,
    sources: plan::Sources,
    /// Backups that cannot be relied on.
    bad: Vec<PathBuf>,
    facts: Vec<String>,
    findings: Vec<String>,
}

/// What the engine's files gave.
enum Body {
    /// They are not there.
    Gone,
    /// They do not open, or cannot be read to their end.
    Dead,
    /// They open without those files.
    Alive(Content, Vec<PathBuf>),
}

impl Exam<'_> {
    fn go_on(mut self, progress: &mut dyn FnMut(Progress) -> bool) -> Result<Diagnosis, DoctorError> {
        if let Some(diagnosis) = self.no_room() {
            return Ok(diagnosis);
        }
        let body = self.engine(progress)?;
        let newest = self.backups(progress)?;
        let plan = self.plan();
        self.other_ends(&body, plan.as_ref());
        let ways = self.ways(&body, newest.as_ref(), plan.as_ref());
        let advice = (ways.is_empty() && !self.findings.is_empty()).then(|| {
            "There is neither a backup nor a journal to take anything from. A backup from elsewhere can be named: \"clowder restore --from FILE\"."
                .to_owned()
        });
        Ok(Diagnosis { facts: self.facts, findings: self.findings, ways, advice })
    }

    fn no_room(&self) -> Option<Diagnosis> {
        let data = &self.options.data;
        let needed = files::size_of(&data.join(STORE));
        let free = self.options.surroundings.free(data).ok()?;
        (free < needed).then(|| Diagnosis {
            findings: vec![format!(
                "There is too little room to look at the store: it is done on a copy of {}, and {} are free.",
                size(needed),
                size(free)
            )],
            advice: Some(format!("Make room on the disk that holds {}, then run this again.", data.display())),
            ..Diagnosis::default()
        })
    }

    /// The engine's files, on copies.
    fn engine(&mut self, progress: &mut dyn FnMut(Progress) -> bool) -> Result<Body, DoctorError> {
        let data = &self.options.data;
        if !engine::is_there(&data.join(STORE)) {
            self.findings.push("The store's own files are gone or empty.".to_owned());
            return Ok(Body::Gone);
        }
        let work = Work::make(data)?;
        let (opens, without) = files_of::try_copies(self.options, &work)?;
        match &opens {
            Opens::Whole => {}
            Opens::Not(why) => {
                self.findings.push(format!("The store's own files do not open: {why}."));
                return Ok(Body::Dead);
            }
            Opens::WithoutSnapshot => {
                self.findings.push("The engine's snapshot is damaged; without it the store opens.".to_owned());
            }
            Opens::WithoutSettings => {
                self.findings.push("The engine's settings are damaged; without them the store opens.".to_owned());
            }
        }
        let (options, sources, dir) = (self.options.clone(), self.sources.again(), work.0.clone());
        let looked = watched(self.options.probe_limit, progress, move |progress| {
            files_of::look(&options, &dir, &sources, progress)
        });
        let why = match looked {
            Ok(Ok(content)) => {
                if content.report.cancelled {
                    return Err(DoctorError::Cancelled);
                }
                self.of_content(&content);
                return Ok(Body::Alive(content, without));
            }
            Err(Unanswered::Cancelled) => return Err(DoctorError::Cancelled),
            Ok(Err(e)) => e.to_string(),
            Err(Unanswered::Gone(why)) => why,
        };
        self.findings.push(format!("The store's own files open but cannot be read: {why}."));
        Ok(Body::Dead)
    }

    fn of_content(&mut self, content: &Content) {
        /// The most findings that are shown of one kind.
        const SHOWN: usize = 20;
        let all: Vec<&String> = content.report.findings.iter().chain(&content.behind).collect();
        self.findings.extend(all.iter().take(SHOWN).map(|what| sentence(what)));
        let wrong = content.report.wrong + content.behind.len() as u64;
        let more = wrong.saturating_sub(SHOWN.min(all.len()) as u64);
        if more > 0 {
            self.findings.push(format!("And {more} more of that kind."));
        }
        if content.lacks {
            self.findings.push(format!("The store's own files end with change {}, and later ones cannot be added.", content.commit));
        }
        self.facts.push(format!(
            "The store's own files have every change up to {}; {} records and {} changes were looked at.",
            content.commit, content.report.records, content.report.commits
        ));
    }

    /// Looks for the newest backup that can be relied on.
    fn backups(&mut self, progress: &mut dyn FnMut(Progress) -> bool) -> Result<Option<Listed>, DoctorError> {
        let shelf = Shelf::new(&self.options.data, &self.options.backups);
        let mut keys = self.options.keys();
        keys.data = Some(self.options.data.clone());
        for e in shelf.list().into_iter().filter_map(Result::err) {
            self.facts.push(sentence(&e.to_string()));
        }
        for listed in self.sources.backups.clone() {
            match backup::verify(&listed.path, Some(&keys), progress) {
                Ok(_) => {
                    self.facts.push(format!(
                        "The newest backup that is whole is {}, of {} (change {}).",
                        listed.path.display(),
                        listed.manifest.at.second(),
                        listed.manifest.commit
                    ));
                    return Ok(Some(listed));
                }
                Err(BackupError::Cancelled) => return Err(DoctorError::Cancelled),
                Err(e) => {
                    self.facts.push(sentence(&e.to_string()));
                    self.bad.push(listed.path.clone());
                    self.sources.backups.retain(|other| other.path != listed.path);
                }
            }
        }
        self.facts.push(format!("There is no backup in {}.", shelf.directory().display()));
        Ok(None)
    }

    /// How far backup and journal go.
    fn plan(&mut self) -> Option<plan::Plan> {
        let plan = plan::plan(self.options, &self.sources, None, Until::Last).ok()?;
        self.facts.push(format!(
            "Backup and journal together give the store up to change {}, {}.",
            plan.to.commit,
            plan.to.at.second()
        ));
        Some(plan)
    }

    /// What is wrong with the journal and the backups, seen from the engine's files.
    fn other_ends(&mut self, body: &Body, plan: Option<&plan::Plan>) {
        if let Some(broken) = plan.and_then(|plan| plan.broken.as_ref()) {
            self.findings.push(sentence(broken));
        }
        let Body::Alive(content, _) = body else { return };
        let reached = plan.map_or(0, |plan| plan.to.commit.0);
        let has = content.report.commits.max(content.commit);
        if reached < has {
            self.findings.push(match plan {
                Some(_) => format!("Backup and journal end with change {reached}, and the store's own files have {has}."),
                None => "There is no backup, and the journal does not begin with the first change.".to_owned(),
            });
        }
        // The end of the journal that was cut short is no fault when the store itself has everything.
    }

    fn ways(&self, body: &Body, newest: Option<&Listed>, plan: Option<&plan::Plan>) -> Vec<Way> {
        let mut ways = Vec::new();
        if self.findings.is_empty() {
            return ways;
        }
        let way = |does: String, loses: Vec<Loss>, how: How| Way { does, loses, how };
        let mut known = plan.map_or(0, |plan| plan.to.commit.0);
        if let Some(last) = plan.and_then(|plan| plan.last) {
            known = known.max(last.commit.0);
        }
        if let Body::Alive(content, without) = body {
            known = known.max(content.commit).max(content.report.commits);
            let sound = content.report.is_clean() && content.behind.is_empty() && !content.lacks;
            let derived = content.behind.is_empty() && !content.lacks && content.report.is_only_derived();
            if sound && !without.is_empty() {
                let does = "Put aside what is damaged; the engine makes it anew.".to_owned();
                ways.push(way(does, Vec::new(), How::SetAside(without.clone())));
            } else if sound {
                let does = "Begin a new journal and make a backup: the store itself has everything.".to_owned();
                ways.push(way(does, Vec::new(), How::MakeBackup));
            } else if derived && without.is_empty() {
                let does = "Build the indexes and counters anew from the records, which are all there.".to_owned();
                ways.push(way(does, Vec::new(), How::Rebuild));
            }
        }
        if let Some(plan) = plan {
            let from = match &plan.backup {
                Some(listed) => format!("the backup of {} and the journal after it", listed.manifest.at.second()),
                None => "the journal, which has every change from the first on".to_owned(),
            };
            let (to, mut loses) = (plan.to.commit.0, Vec::new());
            if to < known {
                loses.push(Loss::Changes { first: to + 1, last: Some(known) });
            }
            let unknown = !matches!(body, Body::Alive(..)) && (plan.torn || self.journal_was_longer());
            if unknown || plan.broken.is_some() && loses.is_empty() {
                loses.push(Loss::Changes { first: known.max(to) + 1, last: None });
            }
            let does = format!("Make a new store of {from}, up to change {to}, {}.", plan.to.at.second());
            ways.push(way(does, loses, How::Restore(self.bad.clone())));
        }
        if let Some(listed) = newest
            && plan.is_none_or(|plan| plan.to.commit.0 != listed.manifest.commit)
        {
            let commit = listed.manifest.commit;
            let does = format!("Make a new store of the backup of {} alone.", listed.manifest.at.second());
            let loses = Loss::Changes { first: commit + 1, last: (known > commit).then_some(known) };
            ways.push(way(does, vec![loses], How::OnlyBackup(listed.path.clone(), CommitNo(commit))));
        }
        ways
    }

    /// Whether the journal has not as many bytes as when the store was closed.
    fn journal_was_longer(&self) -> bool {
        files::journal_differs(&self.options.data)
    }
}
