//! The files around the engine: directories, the lock, the mark of a clean end, copies.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use blake2::{Blake2b256, Digest as _};

use crate::model::{Door, Stamp};

use super::{OpenError, Surroundings, journal, seal, swap};

/// The names in a data directory.
pub(super) const STORE: &str = "store";
pub(super) const KEYRING: &str = "keyring.toml";
pub(super) const KEYRING_COPY: &str = "keyring.copy.toml";
const LOCK: &str = "lock";
pub(super) const CLEAN: &str = "clean";
const COPY: &str = "copy-to-try";
const MAKING: &str = "making";

/// Turns an error of the file system into words about the directory or file.
pub(super) fn open_error(path: &Path, e: &io::Error) -> OpenError {
    let path = path.to_owned();
    match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => OpenError::DiskFull { path },
        io::ErrorKind::ReadOnlyFilesystem => OpenError::ReadOnlyDisk { path },
        io::ErrorKind::PermissionDenied => OpenError::ReadOnlyDirectory { path },
        _ => OpenError::Failed(format!("{}: {e}", path.display())),
    }
}

/// Makes a directory that only its owner may enter, with those above it, durably.
pub(super) fn make_private_dir(path: &Path) -> Result<(), OpenError> {
    try_make_private_dir(path).map_err(|e| open_error(path, &e))
}

/// The same, with the system's own error.
pub(super) fn try_make_private_dir(path: &Path) -> io::Result<()> {
    let made: Vec<&Path> = path.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    for above in made.into_iter().filter_map(Path::parent) {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        match File::open(above).and_then(|dir| dir.sync_all()) {
            // Names can be made in a directory that cannot be read; then it cannot be opened to be synced either.
            Err(e) if e.kind() != io::ErrorKind::PermissionDenied => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

/// Whether others than its owner may look into a directory or change it.
pub(super) fn is_open_to_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0)
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(path: &Path) -> Result<(), OpenError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(|e| open_error(path, &e))
}

/// Writes a file that only its owner may read, whole or not at all, and durably.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), OpenError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        // A temporary file is made with mode 0600.
        let mut file = tempfile::Builder::new().prefix(&unfinished(path)).tempfile_in(dir)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|e| open_error(path, &e))?;
    sync_dir(dir)
}

/// How the names of files begin that are on their way to a path.
fn unfinished(path: &Path) -> String {
    format!(".{}.new-", path.file_name().unwrap_or_default().to_string_lossy())
}

/// Removes what a kill left on its way to a path: it may hold what the file itself does not hold any more, such as a key.
pub(super) fn sweep_unfinished(path: &Path) {
    let begin = unfinished(path);
    let left = path.parent().and_then(|dir| fs::read_dir(dir).ok()).into_iter().flatten().flatten();
    for entry in left.filter(|entry| entry.file_name().to_string_lossy().starts_with(&begin)) {
        let _ = fs::remove_file(entry.path());
    }
}

/// What ends the words on who has the lock, when that is somebody who stays.
pub(super) const END_FIRST: &str = "; end that first";

/// The lock on a data directory; held until dropped.
#[derive(Debug)]
pub(super) struct DataLock {
    file: File,
}

impl DataLock {
    /// Takes the lock and writes into it who has it.
    pub(super) fn take(data: &Path, door: Door) -> Result<Self, OpenError> {
        let path = data.join(LOCK);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|e| open_error(data, &e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut by = String::new();
                let _ = file.read_to_string(&mut by);
                let by = by.trim();
                let by = if by.is_empty() { format!("another process{END_FIRST}") } else { by.to_owned() };
                return Err(OpenError::Locked { by });
            }
            Err(TryLockError::Error(e)) => return Err(open_error(&path, &e)),
        }
        // Written by whoever knows, for those who find it locked.
        let way_out = match door {
            Door::Command => ", a command that lets nobody in until it is done: wait for it, or end it first",
            Door::Local | Door::Socket | Door::Ssh => END_FIRST,
        };
        let what = match door {
            Door::Socket | Door::Ssh => "a server".to_owned(),
            Door::Local | Door::Command => door.label().to_lowercase(),
        };
        let holder = format!("process {} ({}, since {}){way_out}\n", std::process::id(), what, Stamp::now().minute());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(holder.as_bytes()))
            .map_err(|e| open_error(&path, &e))?;
        Ok(Self { file })
    }
}

impl Drop for DataLock {
    fn drop(&mut self) {
        // Closing alone would leave it locked while a child that was just forked still has the file.
        let _ = self.file.unlock();
    }
}

/// The engine's files with their sizes, what is in the small ones, and how the journal ends: a mark that fits says that the store was closed
/// and is as it was then.
fn fingerprint(data: &Path) -> io::Result<String> {
    let store = data.join(STORE);
    let mut lines = BTreeMap::new();
    for entry in fs::read_dir(store)? {
        let entry = entry?;
        let (name, meta) = (entry.file_name().to_string_lossy().into_owned(), entry.metadata()?);
        if meta.is_file() {
            let mut line = meta.len().to_string();
            if name != "db" {
                let mut hash = Blake2b256::new();
                hash.update(fs::read(entry.path())?);
                line = format!("{line} {}", seal::to_hex(&hash.finalize()));
            }
            lines.insert(name, line);
        }
    }
    let mut text: String = lines.into_iter().map(|(name, line)| format!("{name} {line}\n")).collect();
    text.push_str(&journal::fingerprint(data)?);
    Ok(text)
}

/// What the last lines of a mark begin with: the last change, and the hash of all before.
const LAST_CHANGE: &str = "last change ";
const WHOLE: &str = "whole ";

fn mark(mut text: String, commit: u64) -> String {
    text.push_str(&format!("{LAST_CHANGE}{commit}\n"));
    let hash = seal::to_hex(&Blake2b256::digest(&text));
    format!("{text}{WHOLE}{hash}\n")
}

/// Leaves the mark of a clean end after that commit. The engine is closed.
pub(super) fn mark_clean(data: &Path, commit: u64) -> Result<(), OpenError> {
    let text = fingerprint(data).map_err(|e| open_error(data, &e))?;
    write_private(&data.join(CLEAN), &mark(text, commit))
}

/// The mark of a clean end, when it is as it was written.
pub(super) fn clean_mark(data: &Path) -> Option<CleanMark> {
    let text = fs::read_to_string(data.join(CLEAN)).ok()?;
    let (body, last) = text.rsplit_once(LAST_CHANGE)?;
    let commit = last.lines().next()?.parse().ok()?;
    (mark(body.to_owned(), commit) == text).then_some(CleanMark { commit, text })
}

/// What was true when a store was closed.
#[derive(Debug, Clone)]
pub(super) struct CleanMark {
    /// The last commit.
    pub(super) commit: u64,
    text: String,
}

impl CleanMark {
    /// Puts it back, for those who look for what it says.
    pub(super) fn put_back(&self, data: &Path) -> Result<(), OpenError> {
        write_private(&data.join(CLEAN), &self.text)
    }
}

/// Takes the mark away.
pub(super) fn remove_clean_mark(data: &Path) -> Result<(), OpenError> {
    let path = data.join(CLEAN);
    fs::remove_file(&path).map_err(|e| open_error(&path, &e))?;
    sync_dir(data)
}

/// Takes the mark away, and says whether it was there and fitted.
pub(super) fn take_clean_mark(data: &Path) -> Result<bool, OpenError> {
    let path = data.join(CLEAN);
    if !path.exists() {
        return Ok(false);
    }
    let found = clean_mark(data);
    remove_clean_mark(data)?;
    Ok(found.is_some_and(|found| fingerprint(data).is_ok_and(|now| mark(now, found.commit) == found.text)))
}

/// Notes that a store is being made here, and its id, before its key file is. Without the note an empty directory whose key
/// file is there would be taken for one whose disk is gone, and the key file itself for another store's.
pub(super) fn begin_making(data: &Path, store: &str) -> Result<(), OpenError> {
    write_private(&data.join(MAKING), store)
}

/// The id of the store whose making was cut short here, if one was; empty when it cannot be read.
pub(super) fn being_made(data: &Path) -> Option<String> {
    let path = data.join(MAKING);
    let is_id = |text: &String| text.len() == 16 && seal::from_hex(text).is_some();
    path.exists().then(|| fs::read_to_string(&path).ok().filter(is_id).unwrap_or_default())
}

/// Takes that note away.
pub(super) fn end_making(data: &Path) -> Result<(), OpenError> {
    let path = data.join(MAKING);
    match fs::remove_file(&path) {
        Ok(()) => sync_dir(data),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(open_error(&path, &e)),
    }
}

/// Whether the directory holds anything that only a store leaves.
pub(super) fn has_remains(data: &Path) -> bool {
    [CLEAN, STORE, "backups", journal::DIR].iter().any(|name| data.join(name).exists())
}

/// Closes a directory to others in which there is nothing yet but the lock; false when there is, or it is not ours.
pub(super) fn close_unused(data: &Path) -> bool {
    let unused = fs::read_dir(data).is_ok_and(|mut entries| entries.all(|e| e.is_ok_and(|e| e.file_name() == LOCK)));
    unused && fs::set_permissions(data, fs::Permissions::from_mode(0o700)).is_ok()
}

/// Waits until the engine has let go of its files: it ends its own threads a moment after it is dropped.
pub(super) fn wait_released(store: &Path) -> bool {
    let Ok(file) = File::open(store.join("db")) else { return false };
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(10) {
        if file.try_lock().is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    false
}

/// A copy of the engine's directory, removed when dropped.
pub(super) struct Copy {
    pub(super) path: PathBuf,
}

impl Copy {
    pub(super) fn of(data: &Path) -> Result<Self, OpenError> {
        let copy = Self { path: data.join(COPY) };
        copy.remove();
        let from = data.join(STORE);
        copy_dir(&from, &copy.path).map_err(|e| match e.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                // What there is of it is no longer in the way when somebody looks.
                copy.remove();
                let free = Surroundings::default().free(data).ok();
                OpenError::NoRoomForCopy { path: data.to_owned(), needed: size_of(&from), free }
            }
            _ => open_error(data, &e),
        })?;
        Ok(copy)
    }

    fn remove(&self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Bytes of the files in a directory and below it; what cannot be looked at counts as nothing.
pub(super) fn size_of(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => size_of(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

/// What the names of directories begin with in which damaged files were put aside.
const ASIDE: &str = "damaged-";

/// The directories in a data directory in which something was put aside, by name.
pub(super) fn asides(data: &Path) -> Vec<PathBuf> {
    let is_aside = |name: &str| swap::is_name_of_kept(name) || name.starts_with(ASIDE);
    let mut found: Vec<PathBuf> = fs::read_dir(data)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(is_aside))
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

/// Copies a directory with what is below it.
pub(super) fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Copies a directory with what is below it, durably: the copy has its name only once it is whole. Both are in the data directory.
pub(super) fn keep_copy(data: &Path, from: &Path, to: &Path) -> Result<(), OpenError> {
    let unfinished = Copy { path: data.join(COPY) };
    unfinished.remove();
    let copied = copy_dir(from, &unfinished.path)
        .and_then(|()| sync_all(&unfinished.path))
        .and_then(|()| fs::rename(&unfinished.path, to));
    copied.map_err(|e| open_error(data, &e))?;
    sync_dir(data)
}

/// Makes a directory durable with what is below it.
fn sync_all(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_all(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(dir)?.sync_all()
}

/// Moves files aside into a new directory of the data directory, and says which.
pub(super) fn set_aside(data: &Path, files: &[PathBuf]) -> Result<PathBuf, OpenError> {
    let time = Stamp::now().zoned().strftime("%Y%m%d-%H%M%S").to_string();
    let mut aside = data.join(format!("{ASIDE}{time}"));
    for n in 2.. {
        if !aside.exists() {
            break;
        }
        aside = data.join(format!("{ASIDE}{time}-{n}"));
    }
    make_private_dir(&aside)?;
    for file in files {
        if let Some(name) = file.file_name() {
            fs::rename(file, aside.join(name)).map_err(|e| open_error(file, &e))?;
        }
    }
    sync_dir(data)?;
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_file_system_become_words_with_a_way_out() {
        let path = Path::new("/srv/cats");
        let words = |kind: io::ErrorKind| open_error(path, &kind.into()).to_string();
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            assert_eq!(words(kind), "the disk that holds /srv/cats is full; make room and start again");
        }
        assert!(words(io::ErrorKind::PermissionDenied).starts_with("/srv/cats cannot be written to; run as the owner"));
        let of_disk = words(io::ErrorKind::ReadOnlyFilesystem);
        assert!(of_disk.starts_with("/srv/cats is on a disk that is mounted read-only"), "{of_disk}");
        assert!(words(io::ErrorKind::NotADirectory).contains("/srv/cats: "));
    }

    #[test]
    fn how_much_room_is_needed_is_said_with_what_is_free() {
        let words = |free| OpenError::NoRoomForCopy { path: "/srv/cats".into(), needed: 58_000_000, free }.to_string();
        assert!(
            words(Some(12_000_000)).contains("The copy takes 58 MB, and 12 MB are free: make room"),
            "{}",
            words(None)
        );
        assert!(words(None).contains("too few are free"));
    }

    #[test]
    fn what_is_set_aside_twice_in_a_second_is_all_kept() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("snap.1");
        let aside: Vec<PathBuf> = (0..3)
            .map(|n| {
                fs::write(&file, n.to_string()).unwrap();
                set_aside(dir.path(), std::slice::from_ref(&file)).unwrap()
            })
            .collect();
        for (n, aside) in aside.iter().enumerate() {
            assert_eq!(fs::read_to_string(aside.join("snap.1")).unwrap(), n.to_string());
        }
    }
}
