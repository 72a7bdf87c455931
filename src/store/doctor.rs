//! The doctor: says what is wrong with a store that does not open or is not sound, and knows the ways out, those that keep most first.
//!
//! Looking changes nothing: the engine's files are tried on copies. What a way puts aside is kept, and what it makes is checked in
//! full before it takes the place of what was there.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use crate::model::{Action, Actor, CommitNo, Door, Kind};

use super::{
    BackupError, OpenError, OpenOptions, Progress, Store, StoreError,
    around::size,
    backup::{self, Listed, Shelf},
    check::named,
    engine,
    files::{self, DataLock, KEYRING, STORE},
    journal,
    keyring::Keyring,
    migrate,
    restore::{self, RestoreError, Until, plan},
    swap,
};

mod evidence;
mod files_of;
mod keyring_of;
mod mend;
mod salvage;
mod watched;

use evidence::{Evidence, Reach};
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
        "the store is in use by {by}. While people work, \"clowder check --deep\" looks at everything; for the doctor stop it first (\"systemctl \
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
    /// A new store of everything that can be read anywhere, without those backups.
    Salvage(Vec<PathBuf>),
    /// A new store of a backup alone.
    OnlyBackup(PathBuf, CommitNo),
}

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

/// Removes copies that an examination left behind when it was cut short.
pub(super) fn sweep(data: &Path) {
    let _ = fs::remove_dir_all(data.join(WORK));
}

/// Looks at everything. Nothing is changed, but that copies are made and removed. `progress` answers false to break off.
///
/// # Errors
/// The store is in use or not there, or there is no room for the copies.
pub fn examine(options: &OpenOptions, progress: &mut dyn FnMut(Progress) -> bool) -> Result<Diagnosis, DoctorError> {
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
        Err(e @ (OpenError::DamagedKeyring { .. } | OpenError::NewerFormat { .. })) => {
            return Ok(no_keyring(options, e));
        }
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

/// With a capital at its beginning and a full stop at its end, and without the advice to come here.
fn sentence(words: &str) -> String {
    let words = words.split(" Run `clowder doctor`").next().unwrap_or_default();
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
    /// They do not open.
    Dead,
    /// They open and cannot be read to their end.
    Hurt,
    /// They open without those files.
    Alive(Content, Vec<PathBuf>),
}

impl Exam<'_> {
    fn go_on(mut self, progress: &mut dyn FnMut(Progress) -> bool) -> Result<Diagnosis, DoctorError> {
        if let Some(diagnosis) = self.no_room() {
            return Ok(diagnosis);
        }
        let mut body = self.engine(progress)?;
        let newest = self.backups(progress)?;
        let plan = self.plan();
        self.other_ends(&mut body, plan.as_ref());
        let ways = self.ways(&body, newest.as_ref(), plan.as_ref(), progress)?;
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
        Ok(Body::Hurt)
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
            self.findings.push(format!(
                "The store's own files end with change {}; there were later ones, which cannot be added to them.",
                content.commit
            ));
        }
        let with = match content.report.commits {
            all if all > content.commit => format!(", with the journal up to {all}"),
            _ => String::new(),
        };
        self.facts.push(format!(
            "The store's own files have every change up to {}{with}; {} records were looked at.",
            content.commit, content.report.records
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
    fn other_ends(&mut self, body: &mut Body, plan: Option<&plan::Plan>) {
        let of_plan = plan.and_then(|plan| plan.broken.clone());
        let of_journal = match body {
            Body::Alive(content, _) => content.broken.clone(),
            _ => None,
        };
        if let Some(broken) = of_plan.or(of_journal) {
            self.findings.push(sentence(&broken));
        }
        let Body::Alive(content, _) = body else { return };
        let reached = plan.map_or(0, |plan| plan.to.commit.0);
        let has = content.report.commits.max(content.commit);
        let known = plan.map_or(0, |plan| plan.last.unwrap_or(plan.to).commit.0);
        if known > has && plan.is_some_and(|plan| plan.is_on(&content.line)) {
            // The engine went back without a word.
            content.lacks = true;
            self.findings.push(format!(
                "The store's own files end with change {has}, and backup or journal have change {known}."
            ));
        }
        if reached < has {
            self.findings.push(match plan {
                Some(_) => {
                    format!("Backup and journal end with change {reached}, and the store's own files have {has}.")
                }
                None => "There is no backup, and the journal does not begin with the first change.".to_owned(),
            });
        }
        // The end of the journal that was cut short is no fault when the store itself has everything.
    }

    fn ways(
        &self,
        body: &Body,
        newest: Option<&Listed>,
        plan: Option<&plan::Plan>,
        progress: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Vec<Way>, DoctorError> {
        let mut ways = Vec::new();
        if self.findings.is_empty() {
            return Ok(ways);
        }
        let mut known = plan.map_or(0, |plan| plan.last.unwrap_or(plan.to).commit.0).max(self.closed_with());
        if let Body::Alive(content, without) = body {
            known = known.max(content.commit).max(content.report.commits);
            ways.extend(self.ways_of_own(content, without));
        }
        let restore = |plan: &plan::Plan, loses: Vec<Loss>| {
            let from = match &plan.backup {
                Some(listed) => format!("the backup of {} and the journal after it", listed.manifest.at.second()),
                None => "the journal, which has every change from the first on".to_owned(),
            };
            let does = format!(
                "Make a new store of {from}, as it was after change {}, {}.",
                plan.to.commit,
                plan.to.at.second()
            );
            Way { does, loses, how: How::Restore(self.bad.clone()) }
        };
        let whole = |plan: &plan::Plan| {
            let goes_on = matches!(body, Body::Alive(content, _) if !content.lacks);
            let open_end = !goes_on && self.is_open_ended(plan);
            plan.to.commit.0 >= known && plan.broken.is_none() && !open_end
        };
        let lossless = plan.is_some_and(whole);
        if let Some(plan) = plan.filter(|_| lossless) {
            ways.push(restore(plan, Vec::new()));
        }
        let ends: Vec<u64> = [plan.map(|plan| plan.to.commit.0), newest.map(|newest| newest.manifest.commit)]
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect();
        if !lossless && ways.is_empty() {
            let opens = matches!(body, Body::Alive(..) | Body::Hurt);
            let line = self.line_of(body);
            let (known, reaches) = self.evidence(&line, opens, newest, plan, &ends, progress)?;
            if !known.is_empty() {
                let does = "Make a new store of every record that can be read anywhere: in the damaged files, the newest backup and \
                            the journal."
                    .to_owned();
                ways.push(Way { does, loses: known.losses(), how: How::Salvage(self.bad.clone()) });
            }
            if let Some(plan) = plan {
                let way = restore(plan, known.losses_of(&reaches[0]));
                let at = if ways.first().is_some_and(|salvage| way.loses.len() <= salvage.loses.len()) {
                    0
                } else {
                    ways.len()
                };
                ways.insert(at, way);
            }
            if let Some(listed) = newest.filter(|_| ends[0] != ends[1]) {
                ways.push(only_backup(listed, known.losses_of(&reaches[1])));
            }
        } else if let Some(listed) = newest.filter(|newest| newest.manifest.commit < known) {
            let loses = Loss::Changes { first: listed.manifest.commit + 1, last: Some(known) };
            ways.push(only_backup(listed, vec![loses]));
        }
        Ok(ways)
    }

    /// The ways in which the store's own files stay.
    fn ways_of_own(&self, content: &Content, without: &[PathBuf]) -> Option<Way> {
        let has_all = content.behind.is_empty() && !content.lacks;
        let sound = has_all && content.report.is_clean();
        let mut loses = Vec::new();
        let (does, how) = if sound && without.is_empty() {
            // Without a mark and a journal that reaches as far, nobody knows whether the engine lost its last changes.
            if self.closed_with() == 0 {
                loses.push(Loss::Changes { first: content.commit + 1, last: None });
            }
            ("Begin a new journal and make a backup: the store itself has everything that is known.", How::MakeBackup)
        } else if sound {
            ("Put aside what is damaged; the engine makes it anew.", How::SetAside(without.to_vec()))
        } else if has_all && content.report.is_only_derived() && without.is_empty() {
            ("Build the indexes and counters anew from the records, which are all there.", How::Rebuild)
        } else {
            return None;
        };
        Some(Way { does: does.to_owned(), loses, how })
    }

    /// The last change when the store was closed, if it was.
    fn closed_with(&self) -> u64 {
        files::clean_mark(&self.options.data).map_or(0, |mark| mark.commit)
    }

    /// Whether the end of the journal is not as it was written, or not there, so that nobody knows whether there was more.
    fn is_open_ended(&self, plan: &plan::Plan) -> bool {
        match self.closed_with() {
            0 => plan.torn || plan.commits == 0 || self.has_no_journal(plan),
            last => plan.to.commit.0 < last,
        }
    }

    /// Whether the journal of the line is gone: there is one from the first change on it.
    fn has_no_journal(&self, plan: &plan::Plan) -> bool {
        let segments = journal::segments(&self.options.data).unwrap_or_default();
        !segments.iter().any(|segment| plan.is_on(&segment.line.to_string()))
    }

    /// The line that the store is on.
    fn line_of(&self, body: &Body) -> String {
        match body {
            Body::Alive(content, _) => content.line.clone(),
            _ => self.sources.present_line(&self.options.data, false).unwrap_or_default(),
        }
    }

    /// Everything that is known, and how far each of these changes would reach.
    fn evidence(
        &self,
        line: &str,
        opens: bool,
        newest: Option<&Listed>,
        plan: Option<&plan::Plan>,
        ends: &[u64],
        progress: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<(Evidence, Vec<Reach>), DoctorError> {
        let data = &self.options.data;
        let mut known = Evidence::default();
        let mut reaches: Vec<Reach> = ends.iter().map(|&end| Reach::new(end)).collect();
        if let Some(listed) = newest {
            let other = restore::build::other_key(self.options, &self.sources, listed)?;
            let open = |tree: &str, key: &[u8], sealed: &[u8]| other.as_ref()?.open(tree, key, sealed).ok();
            known.backup(listed, &self.sources, &open, &mut reaches)?;
        }
        known.journal(data, &self.sources, &self.sources.chain(line), &mut reaches)?;
        let of_journal = known.commit;
        if opens {
            let work = Work::make(data)?;
            files_of::try_copies(self.options, &work)?;
            let (options, sources, dir) = (self.options.clone(), self.sources.again(), work.0.join(STORE));
            // What was known before stays known when the engine does not come back.
            let before = known.clone();
            let read = watched(self.options.probe_limit, progress, move |progress| {
                let done = salvage::read(&dir, &options, &sources, &mut known, progress);
                (done, known)
            });
            known = match read {
                Ok((_, known)) => known,
                Err(Unanswered::Cancelled) => return Err(DoctorError::Cancelled),
                Err(Unanswered::Gone(_)) => before,
            };
        }
        let was_longer = plan.is_none_or(|plan| self.is_open_ended(plan));
        let closed_with = self.closed_with();
        known.open_end = was_longer && known.commit <= of_journal && closed_with == 0;
        known.commit = known.commit.max(closed_with);
        Ok((known, reaches))
    }
}

fn only_backup(listed: &Listed, loses: Vec<Loss>) -> Way {
    let does = format!("Make a new store of the backup of {} alone.", listed.manifest.at.second());
    Way { does, loses, how: How::OnlyBackup(listed.path.clone(), CommitNo(listed.manifest.commit)) }
}

/// Makes a new store of everything that is known; answers where the old one is kept, and what is lost.
fn salvaged(
    options: &OpenOptions,
    bad: &[PathBuf],
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<(String, Vec<Loss>), DoctorError> {
    let _lock = DataLock::take(&options.data, Door::Command)?;
    let mut sources = plan::Sources::find(options, None)?;
    sources.backups.retain(|listed| !bad.contains(&listed.path));
    let newest = sources.backups.first().cloned();
    let mut exam = Exam { options, sources, bad: bad.to_vec(), facts: Vec::new(), findings: Vec::new() };
    let body = exam.engine(progress)?;
    let plan = exam.plan();
    let opens = matches!(body, Body::Alive(..) | Body::Hurt);
    let line = exam.line_of(&body);
    let (known, _) = exam.evidence(&line, opens, newest.as_ref(), plan.as_ref(), &[], progress)?;
    let left = salvage::Left { line, after: plan.map_or(0, |plan| plan.to.commit.0) };
    let kept = salvage::build(options, &exam.sources, &known, &left, progress)?;
    Ok((kept, known.losses()))
}

#[cfg(test)]
mod tests;
