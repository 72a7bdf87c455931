//! The directory where backups are kept: their names, which are there, which may go, and whether one is due.

use std::{
    cmp::Reverse,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::model::Stamp;

use super::{
    super::{OpenError, Surroundings, around::BEHIND_MS, files},
    BackupError, Manifest, form, read, sweep, unwritable,
};

/// The directory's name in the data directory, unless the settings name another.
const DIRECTORY: &str = "backups";

/// How the name of a backup ends.
const ENDING: &str = "backup";

/// Backups at start and at the end are not made more often than this, so that a program that is started again and again does not push
/// the old ones out.
const LEAST: Duration = Duration::from_secs(3600);

/// Backups that the program makes by itself: `[backup]` in the settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackupPolicy {
    /// Where they are kept; `None` for `backups` in the data directory.
    pub directory: Option<PathBuf>,
    /// Hours from one to the next while there are changes; 0 for none.
    pub every_hours: u64,
    /// How many are kept.
    pub keep: usize,
    /// Whether one is made after the start, when there were changes since the last.
    pub on_start: bool,
    /// Whether one is made at the end, when there were changes since the last.
    pub on_exit: bool,
    /// MiB of memory for what people change while a backup is made. One that is taken so slowly that there is more is given up.
    pub memory_mib: usize,
}

impl Default for BackupPolicy {
    fn default() -> Self {
        Self { directory: None, every_hours: 24, keep: 14, on_start: true, on_exit: true, memory_mib: 64 }
    }
}

impl BackupPolicy {
    /// After how long a last backup is too old, when there were changes since: twice as long as planned, at least two days; a week
    /// when none are planned.
    fn too_old(&self) -> Duration {
        match self.every_hours {
            0 => Duration::from_secs(7 * 24 * 3600),
            hours => Duration::from_secs(hours.saturating_mul(2).clamp(48, 24 * 365) * 3600),
        }
    }

    /// How long from one to the next.
    fn every(&self) -> Option<Duration> {
        (self.every_hours > 0).then(|| Duration::from_secs(self.every_hours.saturating_mul(3600)))
    }
}

/// A backup that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The file.
    pub path: PathBuf,
    /// What it holds, as its end says.
    pub manifest: Manifest,
    /// Bytes.
    pub size: u64,
}

/// A store with fewer changes than these is new: that it has no backup yet is no reason to worry.
const FEW: u64 = 20;

/// The directory where backups are kept.
#[derive(Debug, Clone)]
pub struct Shelf {
    directory: PathBuf,
    keep: usize,
}

impl Shelf {
    /// The one of a data directory.
    pub fn new(data: &Path, policy: &BackupPolicy) -> Self {
        let directory = policy.directory.as_ref().map_or_else(|| data.join(DIRECTORY), |named| data.join(named));
        Self { directory, keep: policy.keep.max(1) }
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes the directory.
    pub(in super::super) fn prepare(&self) -> Result<(), BackupError> {
        if self.directory.is_dir() {
            return Ok(());
        }
        files::try_make_private_dir(&self.directory).map_err(|e| unwritable(&self.directory, &e))
    }

    /// Removes what is left of backups that were never finished.
    pub(super) fn sweep(&self) {
        sweep(&self.directory);
    }

    /// The name of a backup: when, and the last commit in it.
    pub(super) fn path_of(&self, manifest: &Manifest) -> PathBuf {
        let at = jiff::Timestamp::from_millisecond(manifest.at.0).unwrap_or_default();
        self.directory.join(format!("{}-{}.{ENDING}", at.strftime("%Y%m%dT%H%M%SZ"), manifest.commit))
    }

    /// A backup by its name here.
    pub fn named(&self, name: &str) -> Option<PathBuf> {
        let path = self.directory.join(name);
        (Path::new(name).file_name().is_some_and(|n| n == name) && path.is_file()).then_some(path)
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|e| e == ENDING) && path.is_file())
            .collect();
        paths.sort();
        paths
    }

    /// The backups that are there, newest first, of whichever store; those whose end cannot be read with the reason.
    pub fn list(&self) -> Vec<Result<Listed, BackupError>> {
        let read = |path: PathBuf| Some(listed(path.clone())).filter(|found| found.is_ok() || path.exists());
        // One that is removed meanwhile, since there are newer ones, is not there.
        let found: Vec<_> = self.files().into_iter().rev().filter_map(read).collect();
        let (found, unreadable): (Vec<_>, Vec<_>) = found.into_iter().partition(Result::is_ok);
        newest_first(found.into_iter().flatten().collect()).into_iter().map(Ok).chain(unreadable).collect()
    }

    /// The store whose backups these are, when there are backups of one store only.
    pub(in super::super) fn only_store(backups: &[Listed]) -> Option<&str> {
        let store = backups.first()?.manifest.store.as_str();
        backups.iter().all(|listed| listed.manifest.store == store).then_some(store)
    }

    /// The newest backup of a store in which everything is that was there.
    pub fn newest(&self, store: &str) -> Option<Listed> {
        self.list().into_iter().flatten().find(|l| l.manifest.store == store && l.manifest.is_whole())
    }

    /// The backups of a store in which everything is that was there, newest first; first of all those of the line that it is on.
    pub(super) fn whole(&self, store: &str, line: &str) -> Vec<Listed> {
        let its = |l: &Listed| l.manifest.store == store && l.manifest.is_whole();
        present_first(self.list().into_iter().flatten().filter(its).collect(), line)
    }

    /// The backups of a store, newest first, when there are as many as are kept; until then nothing of the journal can go.
    pub(in super::super) fn kept(&self, store: &str) -> Vec<Listed> {
        let mine: Vec<Listed> = self.list().into_iter().flatten().filter(|l| l.manifest.store == store).collect();
        if mine.len() >= self.keep { mine } else { Vec::new() }
    }

    /// Removes the oldest backups of a store while there are more than are kept. The newest must be whole for that, from its first
    /// byte to its last, and files that cannot be read are left to people.
    pub(in super::super) fn prune(&self, store: &str, line: &str) -> Vec<PathBuf> {
        let mine = self.whole(store, line);
        let Some((newest, _)) = mine.split_first().filter(|_| mine.len() > self.keep) else { return Vec::new() };
        if !matches!(read(&newest.path, &mut |_, _| Ok(true)), Ok(Some(_))) {
            return Vec::new();
        }
        mine[self.keep..].iter().filter(|old| fs::remove_file(&old.path).is_ok()).map(|old| old.path.clone()).collect()
    }
}

/// Puts the newest first. Their moments are those of a clock that may have been wrong: so within a line of changes it is their numbers
/// that count, and a line is newer than the one that it left.
fn newest_first(mut found: Vec<Listed>) -> Vec<Listed> {
    found.sort_by_key(|l| Reverse((l.manifest.commit, l.manifest.at)));
    let mut sorted = Vec::with_capacity(found.len());
    while !found.is_empty() {
        let is_left =
            |line: &str| found.iter().any(|l| l.manifest.parent.as_ref().is_some_and(|(left, _)| left == line));
        let mut heads: Vec<&Manifest> = Vec::new();
        for Listed { manifest, .. } in &found {
            if !heads.iter().any(|head| (&head.store, &head.line) == (&manifest.store, &manifest.line)) {
                heads.push(manifest);
            }
        }
        // Two lines that left each other can only be damage.
        let next = heads.iter().max_by_key(|head| (!is_left(&head.line), head.at));
        let Some((store, line)) = next.map(|head| (head.store.clone(), head.line.clone())) else { break };
        let (of_line, rest): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|l| l.manifest.store == store && l.manifest.line == line);
        sorted.extend(of_line);
        found = rest;
    }
    sorted
}

/// Of two lines that left the same one the clock says which is newer, and it may have been wrong: what people are on now is.
fn present_first(mut sorted: Vec<Listed>, line: &str) -> Vec<Listed> {
    sorted.sort_by_key(|l| l.manifest.line != line);
    sorted
}

pub(super) fn listed(path: PathBuf) -> Result<Listed, BackupError> {
    let manifest = form::manifest(&path)?.manifest;
    let size = fs::metadata(&path).map_or(0, |meta| meta.len());
    Ok(Listed { path, manifest, size })
}

/// The file in the data directory that remembers the last backup in a file of somebody's choice.
const ELSEWHERE: &str = "last-backup.toml";

/// The last backup that was written to a file of somebody's choice.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Elsewhere {
    store: String,
    commit: u64,
    at: Stamp,
}

impl Elsewhere {
    pub(super) fn of(manifest: &Manifest) -> Self {
        Self { store: manifest.store.clone(), commit: manifest.commit, at: manifest.at }
    }

    /// Remembers it.
    pub(super) fn write(&self, data: &Path) -> Result<(), OpenError> {
        let text = toml::to_string(self).map_err(|e| OpenError::Failed(e.to_string()))?;
        files::write_private(&data.join(ELSEWHERE), &text)
    }

    /// Its commit and moment. What cannot be read is as if there were none.
    pub(super) fn read(data: &Path, store: &str) -> Option<(u64, Stamp)> {
        let text = fs::read_to_string(data.join(ELSEWHERE)).ok()?;
        let found: Self = toml::from_str(&text).ok()?;
        (found.store == store).then_some((found.commit, found.at))
    }
}

/// The file in the data directory that remembers where the last backup was put, as the key file remembers its store.
const LAST_SHELF: &str = "last-shelf.toml";

/// Where the last backup was put that the settings have a directory for.
#[derive(Debug, Serialize, Deserialize)]
pub(in super::super) struct LastShelf {
    store: String,
    directory: PathBuf,
    /// Where its disk is mounted.
    mount: PathBuf,
    commit: u64,
    at: Stamp,
}

impl LastShelf {
    /// Remembers a backup that was just put there.
    pub(super) fn write(data: &Path, shelf: &Shelf, its: &Manifest, machine: &Surroundings) -> Result<(), OpenError> {
        let failed = |e: std::io::Error| OpenError::Failed(e.to_string());
        let note = Self {
            store: its.store.clone(),
            directory: std::path::absolute(&shelf.directory).map_err(failed)?,
            mount: machine.mount(&shelf.directory).map_err(failed)?,
            commit: its.commit,
            at: its.at,
        };
        let text = toml::to_string(&note).map_err(|e| OpenError::Failed(e.to_string()))?;
        files::write_private(&data.join(LAST_SHELF), &text)
    }

    /// What is remembered of this shelf, when there is no backup of the store there now. What cannot be read, or is of another
    /// directory, is as if there were none: then the settings name a new one.
    pub(in super::super) fn missing(data: &Path, shelf: &Shelf, store: &str) -> Option<Self> {
        let text = fs::read_to_string(data.join(LAST_SHELF)).ok()?;
        let note: Self = toml::from_str(&text).ok()?;
        let same = note.store == store && std::path::absolute(&shelf.directory).is_ok_and(|its| its == note.directory);
        let is_gone = || match fs::read_dir(&shelf.directory) {
            Ok(_) => !shelf.files().into_iter().any(|path| listed(path).is_ok_and(|l| l.manifest.store == store)),
            // Otherwise they may be there: whoever needs one hears what the system says.
            Err(e) => e.kind() == std::io::ErrorKind::NotFound,
        };
        (same && is_gone()).then_some(note)
    }

    /// Its commit and moment.
    pub(super) fn last(&self) -> (u64, Stamp) {
        (self.commit, self.at)
    }

    /// What is to be done when their disk is not there; `None` when they are gone from a disk that is.
    pub(in super::super) fn no_disk(&self, machine: &Surroundings) -> Option<String> {
        let is_there = machine.mount(&self.directory).is_ok_and(|mount| mount == self.mount);
        (!is_there).then(|| {
            format!(
                "the disk with the backups is not mounted: mount it at {}, or set another backup.directory",
                self.mount.display()
            )
        })
    }

    /// What is to be said.
    pub(super) fn warning(&self, machine: &Surroundings) -> String {
        self.no_disk(machine).map(|why| why.replacen("the", "The", 1)).unwrap_or_else(|| {
            format!("The backups are gone from {}. Make one: clowder backup", self.directory.display())
        })
    }
}

/// Why a backup may be due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The program has started and could read everything.
    Start,
    /// Time has passed.
    Time,
    /// The program ends.
    Exit,
}

/// Whether a moment lies further ahead of the clock than clocks are set by.
fn is_ahead(at: Stamp, now: Stamp) -> bool {
    at.0.saturating_sub(now.0) > BEHIND_MS
}

/// How it stands with the backups of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupState {
    /// The moment of the last one, on the shelf or in a file of somebody's choice.
    pub last: Option<Stamp>,
    /// Commits since then.
    pub changes: u64,
    /// What has to be done about it, in plain words that fit a line of 78 columns unless the system's own words or a path are in it;
    /// `None` when all is well.
    pub warning: Option<String>,
    /// Commits since the last one on the shelf.
    unshelved: u64,
    /// For how long there has been that one.
    age: Duration,
    policy: BackupPolicy,
    /// Whether only a backup makes sure of what there is.
    urgent: bool,
    is_held: bool,
}

impl BackupState {
    pub(super) fn urgent(self, urgent: bool) -> Self {
        Self { urgent, ..self }
    }

    /// The same, with so many records that cannot be read: then the program makes no backups by itself, since they would push out
    /// those that have them.
    pub(super) fn unreadable(self, records: u64) -> Self {
        let held = match records {
            0 => return self,
            1 => "1 record".to_owned(),
            n => format!("{n} records"),
        };
        let warning = format!("No automatic backups while {held} cannot be read: run clowder doctor");
        Self { warning: Some(warning), is_held: true, ..self }
    }

    /// The same, with what is to be said of the backups that were there and are not.
    pub(super) fn gone(self, warning: Option<String>) -> Self {
        Self { warning: warning.or(self.warning), ..self }
    }

    /// Whether one that is due is not made by the program itself; `warning` says why.
    pub fn is_held(&self) -> bool {
        self.is_held
    }

    pub(super) fn new(
        policy: &BackupPolicy,
        shelf: Option<(u64, Stamp)>,
        elsewhere: Option<(u64, Stamp)>,
        commit: u64,
        failure: Option<(Stamp, String)>,
        now: Stamp,
    ) -> Self {
        // After a restore to the past the numbers on the shelf may be higher.
        let since = |last: Option<(u64, Stamp)>| last.map_or(commit, |(no, _)| commit.checked_sub(no).unwrap_or(1));
        // What lies ahead of the clock says nothing about how long ago it was.
        let age_of = |last: Option<(u64, Stamp)>| match last {
            Some((_, at)) if !is_ahead(at, now) => {
                Duration::from_millis(u64::try_from(now.0.saturating_sub(at.0)).unwrap_or_default())
            }
            _ => Duration::MAX,
        };
        let last = shelf.into_iter().chain(elsewhere).max_by_key(|(no, at)| (*no <= commit, *no, *at));
        let (changes, age) = (since(last), age_of(last));
        let warning = match (last, failure) {
            (_, Some((at, why))) => {
                let why = why.strip_prefix("the backup was not made: ").unwrap_or(&why);
                Some(format!("The backup {} failed: {why}.", at.ago(now)))
            }
            _ if changes == 0 => None,
            (Some(_), None) if age <= policy.too_old() => None,
            (Some((_, at)), None) => {
                let changes = if changes == 1 { "1 change".to_owned() } else { format!("{changes} changes") };
                Some(format!("The backup of {} is {changes} old. Make one: clowder backup", at.minute()))
            }
            (None, None) if changes < FEW => None,
            (None, None) => Some("There is no backup yet. Make one: clowder backup".to_owned()),
        };
        Self {
            last: last.map(|(_, at)| at),
            changes,
            warning,
            unshelved: since(shelf),
            age: age_of(shelf),
            policy: policy.clone(),
            urgent: false,
            is_held: false,
        }
    }

    /// `Last backup: 3 h ago`.
    pub fn line(&self, now: Stamp) -> String {
        match self.last {
            Some(at) if is_ahead(at, now) => format!("Last backup: dated {at}, which is ahead of the clock"),
            Some(at) => format!("Last backup: {}", at.ago(now)),
            None => "Last backup: none".to_owned(),
        }
    }

    /// Whether one is to be made now.
    pub fn is_due(&self, occasion: Occasion) -> bool {
        if self.urgent || self.unshelved == 0 {
            return self.urgent;
        }
        match occasion {
            Occasion::Start => self.policy.on_start && self.age >= LEAST,
            Occasion::Exit => self.policy.on_exit && self.age >= LEAST,
            Occasion::Time => self.policy.every().is_some_and(|every| self.age >= every),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn manifest(store: &str, commit: u64, at: Stamp) -> Manifest {
        Manifest {
            form: 1,
            program: String::new(),
            store: store.to_owned(),
            line: String::new(),
            parent: None,
            commit,
            at,
            time: String::new(),
            format: 1,
            key: 1,
            counts: Default::default(),
            lost: Vec::new(),
            lost_entries: 0,
            bytes: 0,
            hash: String::new(),
        }
    }

    fn state(last: Option<(u64, i64)>, commit: u64, failed: bool) -> BackupState {
        let now = Stamp(1_000_000 * HOUR);
        let last = last.map(|(commit, hours)| (commit, Stamp(now.0 - hours * HOUR)));
        let failure = failed.then(|| (Stamp(now.0 - HOUR), "the disk is full".to_owned()));
        BackupState::new(&BackupPolicy::default(), last, None, commit, failure, now)
    }

    #[test]
    fn a_file_of_somebodys_choice_is_a_last_backup_but_not_one_of_the_schedule() {
        let now = Stamp(1_000_000 * HOUR);
        let ago = |commit, hours| Some((commit, Stamp(now.0 - hours * HOUR)));
        let state = |shelf, elsewhere| BackupState::new(&BackupPolicy::default(), shelf, elsewhere, 60, None, now);
        let old = state(ago(7, 60), None);
        assert!(old.warning.is_some() && old.is_due(Occasion::Time));
        let taken = state(ago(7, 60), ago(55, 2));
        assert_eq!((taken.warning.as_deref(), taken.changes, taken.last), (None, 5, ago(55, 2).map(|(_, at)| at)));
        assert!(taken.is_due(Occasion::Time) && taken.is_due(Occasion::Exit));
        let alone = state(None, ago(60, 900));
        assert!(alone.warning.is_none() && alone.is_due(Occasion::Time));
        assert_eq!(state(ago(60, 1), ago(55, 2)).changes, 0);
        // A note that was damaged, or is of another store, is none.
        let dir = tempfile::tempdir().unwrap();
        let its = manifest("s", 3, now);
        Elsewhere::of(&its).write(dir.path()).unwrap();
        assert_eq!(Elsewhere::read(dir.path(), "s"), Some((3, now)));
        assert_eq!(Elsewhere::read(dir.path(), "t"), None);
        fs::write(dir.path().join(ELSEWHERE), "store = ").unwrap();
        assert_eq!(Elsewhere::read(dir.path(), "s"), None);
    }

    #[test]
    fn a_backup_is_due_when_there_were_changes_and_time_has_passed() {
        use Occasion::{Exit, Start, Time};
        let due = |last, commit, occasion| state(last, commit, false).is_due(occasion);
        assert!([Start, Time, Exit].iter().all(|&o| due(None, 1, o)));
        assert!(![Start, Time, Exit].iter().any(|&o| due(None, 0, o)));
        assert!(![Start, Time, Exit].iter().any(|&o| due(Some((7, 1_000)), 7, o)));
        assert!(due(Some((7, 25)), 8, Time) && !due(Some((7, 23)), 8, Time));
        assert!(due(Some((7, 2)), 8, Start) && due(Some((7, 2)), 8, Exit));
        assert!(!due(Some((7, 0)), 8, Start) && !due(Some((7, 0)), 8, Exit));
        // After a restore to the past.
        assert!(due(Some((7, 25)), 3, Time));
    }

    #[test]
    fn one_that_is_dated_ahead_of_the_clock_is_not_fresh() {
        let now = Stamp(1_000_000 * HOUR);
        let ahead = |ms| {
            let last = Some((7, Stamp(now.0 + ms)));
            BackupState::new(&BackupPolicy::default(), last, None, 8, None, now)
        };
        assert!([Occasion::Start, Occasion::Time, Occasion::Exit].iter().all(|&o| ahead(100_000 * HOUR).is_due(o)));
        assert!(ahead(100_000 * HOUR).warning.is_some());
        assert!(ahead(100_000 * HOUR).line(now).ends_with("ahead of the clock"));
        assert!(!ahead(BEHIND_MS).is_due(Occasion::Time) && ahead(BEHIND_MS).line(now) == "Last backup: just now");
        // The one with the most changes is the last, whatever it is dated.
        let stick = Some((8, now));
        let state = BackupState::new(&BackupPolicy::default(), Some((7, Stamp(now.0 + HOUR))), stick, 8, None, now);
        assert_eq!((state.changes, state.last), (0, Some(now)));
    }

    #[test]
    fn the_newest_is_that_with_the_most_changes_of_the_newest_line() {
        let listed = |line: &str, parent: Option<&str>, commit, at| {
            let parent = parent.map(|line| (line.to_owned(), 5));
            let manifest = Manifest { line: line.to_owned(), parent, ..manifest("s", commit, Stamp(at)) };
            Listed { path: PathBuf::new(), manifest, size: 0 }
        };
        // The clock was ahead when change 45 was saved, and once more on the line that was left.
        let found = vec![
            listed("a", None, 3, 30),
            listed("a", None, 9, 9_000),
            listed("b", Some("a"), 45, 5_000),
            listed("b", Some("a"), 46, 100),
            listed("b", Some("a"), 44, 90),
        ];
        let sorted = |found| -> Vec<u64> { newest_first(found).iter().map(|l| l.manifest.commit).collect() };
        assert_eq!(sorted(found.clone()), [46, 45, 44, 9, 3]);
        assert_eq!(sorted(found.into_iter().rev().collect()), [46, 45, 44, 9, 3]);
        let other = newest_first(vec![
            listed("c", Some("a"), 8, 200),
            listed("b", Some("a"), 46, 9_000),
            listed("c", Some("a"), 7, 100),
        ]);
        let present: Vec<u64> = present_first(other, "c").iter().map(|l| l.manifest.commit).collect();
        assert_eq!(present, [8, 7, 46], "what is on the present line is never what goes first");
        let circle = vec![listed("a", Some("b"), 1, 1), listed("b", Some("a"), 2, 2)];
        assert_eq!(sorted(circle), [2, 1]);
    }

    #[test]
    fn a_warning_says_what_is_wrong_and_what_to_do() {
        let warning = |last, commit, failed| state(last, commit, failed).warning;
        assert_eq!(warning(Some((7, 20)), 8, false), None);
        assert_eq!(warning(Some((7, 1_000)), 7, false), None);
        assert_eq!((warning(None, 0, false), warning(None, 5, false)), (None, None));
        assert_eq!(warning(None, 30, false).unwrap(), "There is no backup yet. Make one: clowder backup");
        let old = [(8, " is 1 change old. "), (9, " is 2 changes old. "), (123_456, " is 123449 changes old. ")];
        for (commit, words) in old {
            let said = warning(Some((7, 49)), commit, false).unwrap();
            assert!(said.contains(words) && said.ends_with("Make one: clowder backup") && said.len() <= 78, "{said}");
        }
        assert_eq!(warning(Some((7, 20)), 8, true).unwrap(), "The backup 1 h ago failed: the disk is full.");
    }

    #[test]
    fn what_keeps_backups_from_being_made_is_said_and_fits_a_line() {
        let healthy = state(Some((7, 1_000)), 7, false).unreadable(0);
        assert!(healthy.warning.is_none() && !healthy.is_held());
        for (records, words) in [(1, "1 record "), (1_234_567, "1234567 records ")] {
            let held = state(Some((7, 20)), 8, true).unreadable(records);
            let said = held.warning.clone().unwrap();
            assert!(said.contains(words) && said.ends_with("run clowder doctor") && said.len() <= 78, "{said}");
            assert!(held.is_held());
        }
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named_once_and_not_taken_for_the_data() {
        // Nobody makes files there, whatever the account.
        let named = PathBuf::from("/sys/kernel/cats");
        let policy = BackupPolicy { directory: Some(named), ..BackupPolicy::default() };
        let said = Shelf::new(Path::new("/"), &policy).prepare().unwrap_err().to_string();
        assert!(said.matches("/sys/kernel/cats").count() == 1 && !said.contains("--data"), "{said}");
        let full = unwritable(Path::new("/mnt"), &std::io::ErrorKind::StorageFull.into());
        assert!(matches!(full, BackupError::DiskFull { .. }));
        let words = |kind: std::io::ErrorKind| unwritable(Path::new("/mnt"), &kind.into()).to_string();
        assert!(words(std::io::ErrorKind::ReadOnlyFilesystem).contains("/mnt: its disk is mounted read-only"));
        assert!(words(std::io::ErrorKind::PermissionDenied).contains("/mnt: this account may not write there"));
    }

    #[test]
    fn a_name_from_elsewhere_is_not_looked_up() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(dir.path(), &BackupPolicy::default());
        shelf.prepare().unwrap();
        fs::write(dir.path().join("x.backup"), "").unwrap();
        fs::write(shelf.directory().join("y.backup"), "").unwrap();
        assert!(shelf.named("y.backup").is_some());
        for name in ["../x.backup", "x.backup", "/etc/passwd", "", ".", ".."] {
            assert_eq!(shelf.named(name), None, "{name}");
        }
    }
}
