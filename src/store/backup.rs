//! Backups: one file with everything as it was at one moment, sealed as it is in the store, made while people work.
//!
//! The file can be read without the store. Its values stay sealed: to open it takes the key file (or another way to the key) of the
//! store as it was then. It is written aside, synced, read back and only then given its name.

mod form;
mod shelf;
mod verify;

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    ops::Bound,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    time::Duration,
};

use crate::model::{Kind, Stamp};

use super::{
    OpenError, Progress, Store, StoreError, Tally, audit, core::Core, engine::Tree, files, meta, migrate, record,
    restore::needed, snapshot::Snapshot,
};

pub use form::Manifest;
pub use shelf::{BackupPolicy, BackupState, Listed, Occasion, Shelf};
pub use verify::{KeySource, Verified, verify};

pub(super) use form::{End, Part, read};
pub(super) use shelf::LastShelf;
#[cfg(test)]
use verify::opener;

/// How many pairs are read at a time.
const AT_A_TIME: u32 = 500;

/// What a file is called while it is written.
const TEMPORARY: &str = ".clowder-backup-";

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    /// Where it is; `None` when it was written to a stream.
    pub path: Option<PathBuf>,
    /// What it holds.
    pub manifest: Manifest,
    /// Its size in bytes, manifest included.
    pub size: u64,
    /// How long nobody could write at its beginning.
    pub pause: Duration,
}

/// Why a backup cannot be made or read, with the way out in the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// The file cannot be read.
    #[error("{}: {why}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// It is another kind of file.
    #[error("{} is no backup of Clowder", .path.display())]
    NotABackup {
        /// The file.
        path: PathBuf,
    },
    /// Something else is in its place.
    #[error("{} is there already and is no backup of Clowder; name another file", .path.display())]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a newer version.
    #[error("{} was written by a newer version of Clowder; update this one", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// It is not as it was written.
    #[error("{} is damaged: {what} (at byte {at}). Take another backup; \"clowder backup list\" shows them", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where it was noticed.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The file is whole, but its content does not open or does not agree with itself.
    #[error("{} cannot be relied on: {what}", .path.display())]
    Unsound {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// It cannot be opened with the key there is.
    #[error("the backup cannot be opened: {0}")]
    Key(OpenError),
    /// The disk is full.
    #[error("the backup was not made: the disk that holds {} is full. Make room, or write it to another disk", .path.display())]
    DiskFull {
        /// The directory.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("the backup was not made: {}: {why}", .path.display())]
    Unwritable {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The disk of the directory for backups is not there.
    #[error("the backup was not made: {0}")]
    NoDisk(String),
    /// Whoever was to take it did not.
    #[error("the backup was not made: the output cannot be written: {0}")]
    Output(String),
    /// Broken off.
    #[error("the backup was broken off; no file was left")]
    Cancelled,
    /// The store's own error.
    #[error("the backup was not made: {0}")]
    Store(StoreError),
}

impl From<StoreError> for BackupError {
    fn from(e: StoreError) -> Self {
        Self::Store(e)
    }
}

/// An error of the file system while a backup is written.
fn unwritable(path: &Path, e: &io::Error) -> BackupError {
    match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => BackupError::DiskFull { path: path.to_owned() },
        kind => BackupError::Unwritable {
            path: path.to_owned(),
            why: match kind {
                io::ErrorKind::PermissionDenied => {
                    "this account may not write there; change the owner of the directory, or write the backup elsewhere".to_owned()
                }
                io::ErrorKind::ReadOnlyFilesystem => {
                    "its disk is mounted read-only, as systems do after an error of the disk: look at their messages (dmesg)".to_owned()
                }
                _ => e.to_string(),
            },
        },
    }
}

impl Store {
    /// Writes a backup to a stream, as everything is at the moment of the call, while reads and writes go on. `progress` answers
    /// false to break off.
    ///
    /// # Errors
    /// The stream cannot be written, the store's files cannot be read, or it was broken off.
    pub fn backup_to(
        &self,
        out: &mut dyn Write,
        progress: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<BackupReport, BackupError> {
        let mut counted = Counted { out, bytes: 0 };
        let view = self.0.snapshot_for_backup()?;
        let manifest = copy(self.core(), &view, self.0.data(), &mut counted, progress).map_err(|e| match e {
            Broken::Backup(e) => e,
            Broken::Output(e) => BackupError::Output(e.to_string()),
        })?;
        Ok(BackupReport { path: None, manifest, size: counted.bytes, pause: view.pause })
    }

    /// The same into a file, which is there only once it is whole and was read back. It counts as the last backup, but when the next
    /// one is due on the shelf does not hang on it: nobody knows where that file is now.
    ///
    /// # Errors
    /// As above; nothing is left behind. [`BackupError::Taken`] when the file is there and is something else.
    pub fn backup_into(
        &self,
        path: &Path,
        progress: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<BackupReport, BackupError> {
        // A nightly backup may take the place of the one before, but of nothing else.
        if path.exists() && matches!(look_at(path), Err(BackupError::NotABackup { .. })) {
            return Err(BackupError::Taken { path: path.to_owned() });
        }
        let view = self.0.snapshot_for_backup()?;
        let made = into_file(self.core(), &view, self.0.data(), &|_| path.to_owned(), path.parent(), progress)?;
        if made.manifest.is_whole() {
            // It was made all the same when that cannot be noted. The shelf may be the very reason for it: it is left alone.
            let _ = shelf::Elsewhere::of(&made.manifest).write(self.0.data());
            self.0.made_backup_elsewhere(made.manifest.commit, made.manifest.at);
        }
        Ok(made)
    }

    /// The same into the directory that the policy names, under a name of its own, and then removes those that are too many.
    ///
    /// # Errors
    /// As above.
    pub fn backup(&self, progress: &mut dyn FnMut(Progress) -> bool) -> Result<BackupReport, BackupError> {
        let shelf = self.shelf();
        let machine = self.core().machine();
        let missing = LastShelf::missing(self.0.data(), &shelf, self.id());
        let made = match missing.and_then(|last| last.no_disk(&machine)) {
            // In the empty directory under a disk nobody would look for it, and it would be covered once the disk is back.
            Some(why) => Err(BackupError::NoDisk(why)),
            None => shelf.prepare().and_then(|()| {
                let view = self.0.snapshot_for_backup()?;
                onto(self.core(), &view, self.0.data(), &shelf, progress)
            }),
        };
        if let Ok(report) = &made {
            // It was made all the same when that cannot be noted.
            let _ = LastShelf::write(self.0.data(), &shelf, &report.manifest, &machine);
        }
        self.0.note_backup(made.as_ref().map(drop));
        self.look_at_backups();
        made
    }

    /// Where backups are kept.
    pub fn shelf(&self) -> Shelf {
        Shelf::new(self.0.data(), &self.0.backup_policy())
    }

    /// Where the key is looked for.
    pub fn key_source(&self) -> &KeySource {
        self.0.keys()
    }

    /// How backups are made from now on.
    pub fn set_backup_policy(&self, policy: BackupPolicy) {
        self.0.set_backup_policy(policy);
    }

    /// How backups are made.
    pub fn backup_policy(&self) -> BackupPolicy {
        self.0.backup_policy()
    }

    /// How it stands with the backups, which are looked at: that may take a while on a slow disk.
    pub fn backup_state(&self) -> BackupState {
        let seen = self.look_at_backups();
        self.state_of_backups(seen)
    }

    /// The same of what was seen when they were last looked at, or a backup was last made, unless nobody has looked for long.
    pub fn backup_state_seen(&self) -> BackupState {
        match self.0.seen_backups() {
            Some(seen) => self.state_of_backups(seen),
            None => self.backup_state(),
        }
    }

    fn look_at_backups(&self) -> Seen {
        let look = self.0.begin_look();
        let (data, shelf) = (self.0.data(), Shelf::new(self.0.data(), &look.policy));
        let missing = LastShelf::missing(data, &shelf, self.id());
        let line = self.core().line().map(|line| line.to_string()).unwrap_or_default();
        let shelf = shelf.whole(self.id(), &line).first().map(|l| (l.manifest.commit, l.manifest.at));
        // One whose disk is not there was made all the same.
        let elsewhere =
            shelf::Elsewhere::read(data, self.id()).into_iter().chain(missing.as_ref().map(LastShelf::last));
        let elsewhere = elsewhere.max_by_key(|(_, at)| *at);
        let seen = Seen { shelf, elsewhere, gone: missing.map(|last| last.warning(&self.core().machine())) };
        self.0.end_look(&look, &seen);
        seen
    }

    fn state_of_backups(&self, seen: Seen) -> BackupState {
        let commit = self.core().counters().commit;
        let urgent = self.core().backup_due.load(Ordering::Relaxed);
        let now = self.core().clock();
        let failure = self.0.backup_failure();
        BackupState::new(&self.backup_policy(), seen.shelf, seen.elsewhere, commit, failure, now)
            .urgent(urgent)
            .unreadable(self.unreadable())
            .gone(seen.gone)
    }
}

/// What the files say of the last backups.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// Commit and moment of the last one on the shelf.
    shelf: Option<(u64, Stamp)>,
    /// The same of the last one that is not on it.
    pub(super) elsewhere: Option<(u64, Stamp)>,
    /// That the one that was on the shelf is not there now.
    gone: Option<String>,
}

/// The file in a data directory that says that only a backup makes sure of what there is.
const DUE: &str = "backup-due";

impl Core {
    /// Only a backup makes sure of what there is, from now on and after the next start.
    pub(super) fn backup_is_due(&self) {
        self.backup_due.store(true, Ordering::Relaxed);
        // Until the program ends it is known without the file.
        let _ = files::write_private(&self.slots.data.join(DUE), "");
    }

    /// Whether one was due when the program ended.
    pub(super) fn backup_was_due(&self) -> bool {
        was_due(&self.slots.data)
    }

    fn backup_is_made(&self) {
        self.backup_due.store(false, Ordering::Relaxed);
        let _ = fs::remove_file(self.slots.data.join(DUE));
    }
}

/// Whether only a backup makes sure of what there is, and none was made yet.
pub(super) fn was_due(data: &Path) -> bool {
    data.join(DUE).exists()
}

/// A backup of a view onto the shelf.
pub(super) fn onto(
    core: &Core,
    view: &Snapshot,
    data: &Path,
    shelf: &Shelf,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<BackupReport, BackupError> {
    shelf.sweep();
    let report = into_file(core, view, data, &|m| shelf.path_of(m), Some(shelf.directory()), progress)?;
    // One that lacks something makes nothing else needless.
    if report.manifest.is_whole() {
        shelf.prune(&core.id, &report.manifest.line);
        if let Ok(line) = core.line() {
            // What stays although it could go is in nobody's way.
            let _ = needed::prune(data, line, &shelf.kept(&core.id));
        }
        core.backup_is_made();
    }
    Ok(report)
}

/// Writes a file beside its place, syncs it, reads it back, and puts it there.
fn into_file(
    core: &Core,
    view: &Snapshot,
    data: &Path,
    place: &dyn Fn(&Manifest) -> PathBuf,
    directory: Option<&Path>,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<BackupReport, BackupError> {
    let directory = directory.filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |e: &io::Error| unwritable(directory, e);
    // A temporary file is made with mode 0600, and is gone when it is dropped.
    let file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(directory).map_err(|e| failed(&e))?;
    // So that others who sweep the directory see that somebody is still at it.
    file.as_file().lock().map_err(|e| failed(&e))?;
    let mut out = BufWriter::with_capacity(1 << 18, file.as_file());
    let manifest = copy(core, view, data, &mut out, progress).map_err(|e| match e {
        Broken::Backup(e) => e,
        Broken::Output(e) => failed(&e),
    })?;
    out.flush().map_err(|e| failed(&e))?;
    drop(out);
    file.as_file().sync_all().map_err(|e| failed(&e))?;
    // A disk that takes everything and keeps something else is found now, not on the day it matters.
    let end = read(file.path(), &mut |_, _| Ok(true))?;
    if end.is_none_or(|end| end.manifest != manifest) {
        return Err(BackupError::Unsound {
            path: file.path().to_owned(),
            what: "it was not read as it was written".into(),
        });
    }
    let size = file.as_file().metadata().map_err(|e| failed(&e))?.len();
    let path = place(&manifest);
    let file = file.persist(&path).map_err(|e| failed(&e.error))?;
    let _ = file.unlock();
    files::sync_dir(directory).map_err(|e| BackupError::Unwritable { path: path.clone(), why: e.to_string() })?;
    Ok(BackupReport { path: Some(path), manifest, size, pause: view.pause })
}

struct Counted<'a> {
    out: &'a mut dyn Write,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Why a copy was not made.
enum Broken {
    Backup(BackupError),
    Output(io::Error),
}

impl From<StoreError> for Broken {
    fn from(e: StoreError) -> Self {
        Self::Backup(e.into())
    }
}

impl From<io::Error> for Broken {
    fn from(e: io::Error) -> Self {
        Self::Output(e)
    }
}

/// Copies everything that a view shows.
fn copy(
    core: &Core,
    view: &Snapshot,
    data: &Path,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Manifest, Broken> {
    // When the next one is due goes by the clock, and so does this, whatever time the last commit has.
    let at = core.clock();
    let (number, sealer) = core.sealer.current_sealer();
    // Before a store is brought to a newer format it is not of the present one.
    let stored = core.meta_number(meta::FORMAT)?.and_then(|format| u32::try_from(format).ok());
    let format = stored.unwrap_or(migrate::FORMAT);
    let keyring_path = data.join(files::KEYRING);
    let keyring = || {
        fs::read_to_string(&keyring_path)
            .map_err(|e| Broken::Backup(BackupError::Unreadable { path: keyring_path.clone(), why: e.to_string() }))
    };
    let text = keyring()?;
    let mut copy =
        Copy { core, view, out: form::Writer::begin(out, &text)?, lost: Vec::new(), lost_entries: 0, progress };
    copy.meta()?;
    copy.records()?;
    view.end_of_records();
    copy.audit_log()?;
    if keyring()? != text {
        // Some of the values may be sealed with a key that the keyring in the file does not know.
        let why = "the keys were changed meanwhile; start the backup again".to_owned();
        return Err(StoreError::Failed(why).into());
    }
    let Copy { out, lost, lost_entries, .. } = copy;
    let manifest = Manifest {
        form: 0,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        store: core.id.clone(),
        line: core.line()?.to_string(),
        parent: core.line_parent()?.map(|(line, after)| (line.to_string(), after)),
        commit: view.counters.commit,
        at,
        time: at.rfc3339(),
        format,
        key: number,
        counts: Default::default(),
        lost,
        lost_entries,
        bytes: 0,
        hash: String::new(),
    };
    Ok(out.finish(manifest, &sealer)?.0)
}

struct Copy<'a, W> {
    core: &'a Core,
    view: &'a Snapshot,
    out: form::Writer<W>,
    lost: Vec<(String, u32)>,
    lost_entries: u64,
    progress: &'a mut dyn FnMut(Progress) -> bool,
}

impl<W: Write> Copy<'_, W> {
    fn go_on(&mut self, step: &'static str, done: u64, of: u64) -> Result<(), Broken> {
        if (self.progress)(Progress { step, done, of: of.max(done) }) {
            Ok(())
        } else {
            Err(Broken::Backup(BackupError::Cancelled))
        }
    }

    /// The store's own values as they were: what each commit counts comes from the view, counters are left out since a restore counts
    /// anew.
    fn meta(&mut self) -> Result<(), Broken> {
        for (key, sealed) in self.core.lasting_meta()? {
            self.out.pair(Tree::Meta, &key, &sealed)?;
        }
        for (key, value) in meta::counted(&self.view.counters) {
            let sealed = self.core.sealer.seal(Tree::Meta.name(), &key, &value.to_le_bytes());
            self.out.pair(Tree::Meta, &key, &sealed)?;
        }
        Ok(())
    }

    fn records(&mut self) -> Result<(), Broken> {
        let of = Kind::ALL.iter().filter_map(|&k| self.view.counters.tallies.get(&Tally::Records(k))).sum();
        let mut done = 0;
        for &kind in Kind::ALL {
            let tree = Tree::Records(kind);
            let mut after = 0;
            while after < u32::MAX {
                let page = self.view.sealed(kind, after, AT_A_TIME)?;
                after = page.upto;
                for (id, sealed) in page.records {
                    let key = record::key(id);
                    done += 1;
                    // What does not open now never will: whoever restores has to know.
                    if self.core.sealer.open(tree.name(), &key, &sealed).is_ok() {
                        self.out.pair(tree, &key, &sealed)?;
                    } else {
                        self.lost.push((kind.slug().to_owned(), id));
                    }
                }
                self.lost.extend(page.lost.into_iter().map(|id| (kind.slug().to_owned(), id)));
                self.go_on("Records", done, of)?;
            }
        }
        Ok(())
    }

    fn audit_log(&mut self) -> Result<(), Broken> {
        let last = self.view.counters.commit;
        let mut commit = 0;
        while commit < last {
            let upto = last.min(commit + u64::from(AT_A_TIME));
            if self.audit_entries(commit + 1, upto)?.is_none() {
                // A scan ends for good at a damaged page: one entry after the other finds what is beyond it.
                for no in commit + 1..=upto {
                    if self.audit_entries(no, no)?.is_none() {
                        self.lost_entries += 1;
                    }
                }
            }
            commit = upto;
            self.go_on("Audit log", commit, last)?;
        }
        Ok(())
    }

    /// The entries of these commits; `None`, with nothing written, when the engine cannot read them.
    fn audit_entries(&mut self, from: u64, upto: u64) -> Result<Option<()>, Broken> {
        let (from, to) = audit::range(from, upto);
        let range = (Bound::Included(&from[..]), Bound::Included(&to[..]));
        let Ok(pairs) = self.core.engine.scan(Tree::Audit, range, false, usize::MAX) else { return Ok(None) };
        for (key, sealed) in pairs {
            if self.core.sealer.open(Tree::Audit.name(), &key, &sealed).is_ok() {
                self.out.pair(Tree::Audit, &key, &sealed)?;
            } else {
                self.lost_entries += 1;
            }
        }
        Ok(Some(()))
    }
}

/// A backup by its end; what is before it is not looked at.
pub(super) fn look_at(path: &Path) -> Result<Listed, BackupError> {
    shelf::listed(path.to_owned())
}

/// The end of a backup.
pub(super) fn end_of(path: &Path) -> Result<End, BackupError> {
    form::manifest(path)
}

/// The keyring in a backup.
pub(super) fn keyring_of(path: &Path) -> Result<String, BackupError> {
    let mut found = None;
    read(path, &mut |part, _| {
        if let Part::Keyring(text) = part {
            found = Some(text);
        }
        Ok(false)
    })?;
    found.ok_or_else(|| BackupError::NotABackup { path: path.to_owned() })
}

/// Whether a file is one that is being written, or was when the machine stopped.
fn is_temporary(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(TEMPORARY))
}

/// Removes what is left of backups that were never finished; one that is being written is locked.
fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten().filter(|e| is_temporary(&e.path())) {
        if File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
