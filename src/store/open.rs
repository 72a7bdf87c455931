//! Opening: lock, key, leftovers, damage, and plain words for what stands in the way.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use crate::model::Door;

use super::{
    BackupPolicy, SpaceLimits, Store, StoreError, Surroundings,
    around::{Around, size},
    backup::{KeySource, Shelf},
    compact,
    core::{Core, lock},
    doctor,
    engine::{self, Batch, Engine, EngineError, Tree},
    files::{self, Copy, DataLock, STORE},
    handle::Handle,
    journal::{self, Place},
    keyring::{self, Ask, Keyring, Unlocked},
    meta, migrate,
    probe::{self, Tried},
    restore, swap,
};

/// Where a store is and how to open it.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// The data directory.
    pub data: PathBuf,
    /// The key file, and no other way; `None` for the credentials, then `<config>/keys/<store id>.key`, then somebody in front.
    pub key: Option<PathBuf>,
    /// The directory in which a service manager passes credentials in: `clowder.key`, `clowder.passphrase`.
    pub credentials: Option<PathBuf>,
    /// Who can be asked for a passphrase or a recovery code.
    pub ask: Option<Ask>,
    /// The config directory.
    pub config: PathBuf,
    /// How much memory the engine may keep pages in.
    pub cache_bytes: u64,
    /// Whether a store may be made where there is none.
    pub create: bool,
    /// The program to run as `PROG open-probe DIR` before a store that was not closed properly is opened;
    /// `None` tries in a thread instead, which cannot be ended when it hangs.
    pub probe: Option<PathBuf>,
    /// How long an attempt to open the files may take.
    pub probe_limit: Duration,
    /// Through which door the store is opened, for those who find it locked.
    pub door: Door,
    /// How backups are made.
    pub backups: BackupPolicy,
    /// How much room there must be.
    pub space: SpaceLimits,
    /// Whether the data may be on a network file system, whose locks and syncs cannot be relied on.
    pub network: bool,
    /// Whom to ask about the machine.
    pub surroundings: Surroundings,
}

impl OpenOptions {
    /// Where the key is.
    pub(super) fn keys(&self) -> KeySource {
        let mut keys = KeySource::new(&self.config);
        keys.key.clone_from(&self.key);
        keys.credentials.clone_from(&self.credentials);
        keys.ask.clone_from(&self.ask);
        keys
    }

    /// The usual settings: a store is made when there is none, 48 MiB of cache, tries in a thread of at most two minutes.
    pub fn new(data: impl Into<PathBuf>, config: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            key: None,
            credentials: None,
            ask: None,
            config: config.into(),
            cache_bytes: 48 << 20,
            create: true,
            probe: None,
            probe_limit: Duration::from_secs(120),
            door: Door::Local,
            backups: BackupPolicy::default(),
            space: SpaceLimits::default(),
            network: false,
            surroundings: Surroundings::default(),
        }
    }
}

/// A store that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Whether it was made just now.
    pub fresh: bool,
    /// What the person in front should know: what was repaired, what was found.
    pub notices: Vec<String>,
}

/// Why a store does not open, with the way out in the message. Its content was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the store is in use by {by}")]
    Locked {
        /// Who has it, in words, and what to do about it.
        by: String,
    },
    /// There is no store, and none was to be made.
    #[error("there is no store in {}; start `clowder` once to make one, or name another directory with --data", .path.display())]
    NotThere {
        /// The data directory.
        path: PathBuf,
    },
    /// The data directory is a link to what is not there, such as a disk that is not mounted.
    #[error("{} is a link to something that is not there; if that is on another disk, mount it, else mend the link", .path.display())]
    DeadLink {
        /// The data directory.
        path: PathBuf,
    },
    /// The key file is not there.
    #[error(
        "the key file {} is missing. Put it back from your copy, or name it with --key; without the key the store cannot be read",
        .path.display()
    )]
    MissingKey {
        /// Where it was expected.
        path: PathBuf,
    },
    /// The key file may not be read.
    #[error("the key file {} cannot be read by this account; run as its owner, or change its owner", .path.display())]
    UnreadableKey {
        /// The key file.
        path: PathBuf,
    },
    /// Others could read the key file.
    #[error("the key file {0} can be read by others; close it with: chmod 600 {0}", .path.display())]
    OpenKey {
        /// The key file.
        path: PathBuf,
    },
    /// Others could enter the data directory.
    #[error("the data directory {path} can be entered by others; close it with: chmod 700 {path}", path = .path.display())]
    OpenDirectory {
        /// The data directory.
        path: PathBuf,
    },
    /// The key file is for this store but its key does not open it.
    #[error("the key in {} does not open this store: it was changed or damaged. Put the right file back from your copy", .path.display())]
    WrongKey {
        /// The key file.
        path: PathBuf,
    },
    /// The key file is another store's.
    #[error("the key file {} belongs to another store; name this store's key with --key, or the other store with --data", .path.display())]
    ForeignKey {
        /// The key file.
        path: PathBuf,
    },
    /// What the service manager passes in does not open the store.
    #[error("the credential {} does not open this store. Pass the right one in, or name a key file with --key", .path.display())]
    WrongCredential {
        /// Its file.
        path: PathBuf,
    },
    /// Something must be typed, and nobody was there to do it, or they gave up.
    #[error(
        "{why}, and the store's {what} was not typed. Start it on a terminal to be asked for that, or put the right key in its place"
    )]
    NotAsked {
        /// Why no key file or credential opened it.
        why: String,
        /// What can be typed.
        what: &'static str,
    },
    /// Nothing that was typed opens the store.
    #[error("none of that opens this store. Nothing was changed; try again with the right {what}")]
    WrongSecret {
        /// What can be typed.
        what: &'static str,
    },
    /// The store was written by a newer version.
    #[error("the store in {} was written by a newer version of Clowder; update this one", .path.display())]
    NewerFormat {
        /// The data directory.
        path: PathBuf,
    },
    /// The engine's files cannot be opened.
    #[error(
        "the store in {} is damaged and does not open ({why}). It was left as it is. Run `clowder doctor`: it says what can be done, and \
         does it",
        .path.display()
    )]
    Damaged {
        /// The data directory.
        path: PathBuf,
        /// What the engine said.
        why: String,
    },
    /// The directory is empty or not there, and a key file remembers a store in it.
    #[error(
        "{} is empty or not there, but there was a store in it: the key file {} remembers it. Mount the disk it is on, or put the \
         files back. To take it from a backup instead, run \"clowder restore --from FILE\". To begin anew all the same, move that key \
         file away",
        .path.display(), .key.display()
    )]
    Emptied {
        /// The data directory.
        path: PathBuf,
        /// The key file of the store that was there.
        key: PathBuf,
    },
    /// The store was in use and its files are gone or empty.
    #[error(
        "the files of the store in {} are gone or empty, although it was in use. Put them back, or run `clowder doctor`, which makes \
         them anew from backup and journal. To begin anew all the same, use an empty directory",
        .path.display()
    )]
    Vanished {
        /// The data directory.
        path: PathBuf,
    },
    /// The store lacks commits that its journal does not have either.
    #[error(
        "the store in {} ends with change {commit}, and its journal goes on with change {next}: what is between is missing. Put the \
         missing files of the journal directory back, or run `clowder doctor`",
        .path.display()
    )]
    JournalAhead {
        /// The data directory.
        path: PathBuf,
        /// The last commit of the store.
        commit: u64,
        /// The first commit of the journal after it.
        next: u64,
    },
    /// The store lacks commits or may lack them, and the journal is damaged where they are.
    #[error("the store in {} lacks its last changes or may lack them, and {why}. It was left as it is; run `clowder doctor`", .path.display())]
    JournalDamaged {
        /// The data directory.
        path: PathBuf,
        /// Where the journal is damaged.
        why: String,
    },
    /// The engine's files are there, the keyring is not.
    #[error(
        "{} is missing, and without it the store's files cannot be read. Run `clowder doctor`: it takes it back from a backup",
        .path.display()
    )]
    MissingKeyring {
        /// Where it belongs.
        path: PathBuf,
    },
    /// The keyring cannot be read.
    #[error("{} is damaged. Run `clowder doctor`: it takes it back from its copy or a backup", .path.display())]
    DamagedKeyring {
        /// The keyring.
        path: PathBuf,
    },
    /// The note of a swap of directories cannot be read.
    #[error(
        "{} is damaged: it says which directories were being exchanged. Run `clowder doctor`, which puts them right",
        .path.display()
    )]
    DamagedSwap {
        /// The note.
        path: PathBuf,
    },
    /// A directory that must be written to cannot be.
    #[error("{} cannot be written to; run as the owner of the directory, or name another one with --data (for the key: --config or --key)", .path.display())]
    ReadOnlyDirectory {
        /// The directory or file.
        path: PathBuf,
    },
    /// The whole disk takes nothing.
    #[error(
        "{} is on a disk that is mounted read-only. Systems do that after an error of the disk: look at their messages (dmesg), then mount \
         it for writing again; or name a directory on another disk with --data",
        .path.display()
    )]
    ReadOnlyDisk {
        /// The directory or file.
        path: PathBuf,
    },
    /// The disk is full.
    #[error("the disk that holds {} is full; make room and start again", .path.display())]
    DiskFull {
        /// The directory or file.
        path: PathBuf,
    },
    /// The data is on a network file system.
    #[error(
        "{} is on a network file system ({kind}), on which locks and what was saved cannot be relied on. Name a directory on a disk of \
         this machine with --data and put backups there instead; or, if it must be, set network = true under [store] in clowder.toml",
        .path.display()
    )]
    Network {
        /// The data directory.
        path: PathBuf,
        /// Which one.
        kind: String,
    },
    /// No room for the copy that is tried first.
    #[error(
        "the store in {} was not closed properly, and there is no room for the copy on which opening it is tried first. The copy takes {}, \
         and {} are free: make room, then start again",
        .path.display(), size(*.needed), .free.map_or_else(|| "too few".to_owned(), size)
    )]
    NoRoomForCopy {
        /// The data directory.
        path: PathBuf,
        /// What the copy takes, in bytes.
        needed: u64,
        /// What is free, in bytes, as far as the system says.
        free: Option<u64>,
    },
    /// Anything else.
    #[error("the store does not open: {0}")]
    Failed(String),
}

impl From<StoreError> for OpenError {
    fn from(e: StoreError) -> Self {
        Self::Failed(e.to_string())
    }
}

/// The engine's words, about a data directory.
fn engine_error(data: &Path, e: EngineError) -> OpenError {
    if e.full {
        OpenError::DiskFull { path: data.to_owned() }
    } else if e.damaged {
        OpenError::Damaged { path: data.to_owned(), why: e.message }
    } else {
        OpenError::Failed(e.message)
    }
}

impl Store {
    /// Opens a store, or makes one.
    ///
    /// # Errors
    /// Each with the way out in words.
    pub fn open(options: OpenOptions) -> Result<Opened, OpenError> {
        let data = &options.data;
        refuse_network(&options)?;
        let was_there = data.exists();
        if !was_there {
            if data.is_symlink() {
                return Err(OpenError::DeadLink { path: data.clone() });
            }
            // A service has nobody in front to whom to say that this is another store.
            let unseen = matches!(options.door, Door::Socket | Door::Ssh);
            match doctor::not_there(&options) {
                e @ OpenError::Emptied { .. } if unseen => return Err(e),
                e if !options.create => return Err(e),
                _ => files::make_private_dir(data)?,
            }
        }
        let lock = DataLock::take(data, options.door)?;
        if files::is_open_to_others(data) && !files::close_unused(data) {
            return Err(OpenError::OpenDirectory { path: data.clone() });
        }
        let mut notices = Vec::new();
        notices.extend(swap::finish(data)?);
        restore::sweep(data);
        doctor::sweep(data);
        compact::remove_leftover(data)?;
        let store_dir = data.join(STORE);
        match Keyring::read(data).map_err(|e| or_its_keyring(&options, e))? {
            Some(keyring) if keyring.in_use => {
                let mark = files::clean_mark(data);
                let core = open_existing(&options, keyring, &mut notices)?;
                let closed_with = mark.as_ref().map(|mark| mark.commit);
                let opened = start(core, lock, &options, closed_with, false, notices);
                match mark {
                    Some(mark) => not_gone_back(data, opened, &mark),
                    None => opened,
                }
            }
            Some(keyring) => {
                // Its making was cut short: nothing was ever acknowledged.
                let unlocked = keyring.unlock(&options.keys())?;
                let core = make(&options, keyring, unlocked)?;
                start(core, lock, &options, None, true, notices)
            }
            None if engine::has_traces(&store_dir) => {
                Err(OpenError::MissingKeyring { path: data.join(files::KEYRING) })
            }
            None if files::has_remains(data) => Err(OpenError::Vanished { path: data.clone() }),
            None => {
                let begun = files::being_made(data);
                let before = Some(data).filter(|_| begun.is_none());
                let before = before.and_then(|data| keyring::remembered(data, &options.config));
                // An empty directory is what an unmounted disk looks like; one that was removed was meant to go.
                if let Some(key) = before.clone().filter(|_| was_there) {
                    return Err(OpenError::Emptied { path: data.clone(), key });
                }
                if !options.create {
                    return Err(OpenError::NotThere { path: data.clone() });
                }
                if let Some(key) = before {
                    notices.push(format!(
                        "There was another store in {} before: the key file {} remembers it. A new one was made, with a key of its own.",
                        data.display(),
                        key.display()
                    ));
                }
                let fresh = begun.is_none();
                let id = begun.filter(|id| !id.is_empty()).unwrap_or_else(Keyring::new_id);
                files::begin_making(data, &id)?;
                let created = Keyring::create(data, &id, &options.config, options.key.as_deref());
                if created.is_err() && fresh {
                    // No key was made, so nothing has to be told from an emptied directory.
                    files::end_making(data)?;
                }
                let (keyring, unlocked) = created?;
                keyring.write(data)?;
                let core = make(&options, keyring, unlocked)?;
                start(core, lock, &options, None, true, notices)
            }
        }
    }
}

/// Refuses files that open and are as they were some time before they were closed. The mark that knows it is put back for the
/// doctor.
fn not_gone_back(data: &Path, opened: Result<Opened, OpenError>, mark: &files::CleanMark) -> Result<Opened, OpenError> {
    let error = match opened {
        Ok(opened) => {
            let commit = opened.store.core().counters().commit;
            if commit >= mark.commit {
                return Ok(opened);
            }
            opened.store.close()?;
            let why = format!("it ends with change {commit}, but it was closed with change {}", mark.commit);
            OpenError::Damaged { path: data.to_owned(), why }
        }
        Err(e @ (OpenError::Damaged { .. } | OpenError::JournalDamaged { .. } | OpenError::JournalAhead { .. })) => e,
        Err(e) => return Err(e),
    };
    mark.put_back(data)?;
    Err(error)
}

/// What stands in the way: the keyring, when its copy opens, whatever else it looked like.
fn or_its_keyring(options: &OpenOptions, e: OpenError) -> OpenError {
    let about_keys = matches!(
        e,
        OpenError::NewerFormat { .. }
            | OpenError::DamagedKeyring { .. }
            | OpenError::MissingKey { .. }
            | OpenError::WrongKey { .. }
            | OpenError::ForeignKey { .. }
            | OpenError::WrongCredential { .. }
            | OpenError::NotAsked { .. }
    );
    if about_keys && doctor::is_only_the_keyring(options) {
        OpenError::DamagedKeyring { path: options.data.join(files::KEYRING) }
    } else {
        e
    }
}

/// Refuses a directory on a network file system, or one that would be made there.
fn refuse_network(options: &OpenOptions) -> Result<(), OpenError> {
    if options.network {
        return Ok(());
    }
    let there = options.data.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    match options.surroundings.network(there) {
        Ok(Some(kind)) => Err(OpenError::Network { path: options.data.clone(), kind }),
        // A system that does not say what it is is taken at its word elsewhere too.
        Ok(None) | Err(_) => Ok(()),
    }
}

/// Makes the engine's files, and then notes that they are there.
fn make(options: &OpenOptions, keyring: Keyring, unlocked: Unlocked) -> Result<Core, OpenError> {
    let data = &options.data;
    let dir = data.join(STORE);
    if engine::has_traces(&dir) {
        // An attempt that was cut short left them. They hold nothing, and may be too little for the engine to open.
        files::set_aside(data, std::slice::from_ref(&dir))?;
    }
    files::make_private_dir(&dir)?;
    let engine = Engine::open(&dir, options.cache_bytes).map_err(|e| engine_error(data, e))?;
    let core = Core::new(engine, keyring, unlocked, options);
    migrate::run(&core, 0)?;
    files::sync_dir(&dir)?;
    files::sync_dir(data)?;
    core.slots.change(|keyring, _| {
        keyring.format = migrate::FORMAT;
        keyring.in_use = true;
        Ok::<_, OpenError>(())
    })?;
    files::end_making(data)?;
    Ok(core)
}

fn open_existing(options: &OpenOptions, keyring: Keyring, notices: &mut Vec<String>) -> Result<Core, OpenError> {
    let data = &options.data;
    if keyring.format > migrate::FORMAT {
        return Err(or_its_keyring(options, OpenError::NewerFormat { path: data.clone() }));
    }
    // Nobody is asked for anything when what is at hand opens the copy.
    let unasked = OpenOptions { ask: None, ..options.clone() };
    let mut unlocked = keyring.unlock(&unasked.keys()).or_else(|e| match or_its_keyring(options, e) {
        e @ OpenError::DamagedKeyring { .. } => Err(e),
        e if options.ask.is_none() => Err(e),
        _ => keyring.unlock(&options.keys()),
    })?;
    notices.append(&mut unlocked.notices);
    if !engine::is_there(&data.join(STORE)) {
        return Err(OpenError::Vanished { path: data.clone() });
    }
    let older = keyring.format;
    let engine = open_engine(options, notices)?;
    let core = Core::new(engine, keyring, unlocked, options);
    let format = core.meta_number(meta::FORMAT)?.ok_or_else(|| OpenError::Vanished { path: data.clone() })?;
    if format > u64::from(migrate::FORMAT) {
        return Err(OpenError::NewerFormat { path: data.clone() });
    }
    let core = if older < migrate::FORMAT {
        let core = Arc::new(core);
        let (path, lost) = migrate::back_up(&core, options)?;
        notices.push(format!(
            "The store was brought to a newer format. As it was before, it is in the backup {}.",
            path.display()
        ));
        if lost > 0 {
            notices.push(format!(
                "{lost} of its values could not be read and are not in that backup. Run `clowder check`."
            ));
        }
        let core = Arc::into_inner(core).ok_or_else(|| OpenError::Failed("a backup does not end".to_owned()))?;
        migrate::run(&core, older)?;
        core.slots.change(|keyring, _| {
            keyring.format = migrate::FORMAT;
            Ok::<_, OpenError>(())
        })?;
        core
    } else {
        core
    };
    core.slots.finish_rotation()?;
    Ok(core)
}

/// Opens the engine's files. Unless they were closed properly and are as they were then, that is tried on a copy first.
fn open_engine(options: &OpenOptions, notices: &mut Vec<String>) -> Result<Engine, OpenError> {
    let data = &options.data;
    let dir = data.join(STORE);
    for leftover in engine::unfinished_snapshots(&dir) {
        std::fs::remove_file(&leftover).map_err(|e| files::open_error(&leftover, &e))?;
    }
    if !files::take_clean_mark(data)? {
        try_on_copy(options, notices)?;
    }
    let cache = options.cache_bytes;
    match probe::guarded(options.probe_limit, move || Engine::open(&dir, cache)) {
        Ok(opened) => opened.map_err(|e| engine_error(data, e)),
        Err(why) => Err(OpenError::Damaged { path: data.clone(), why }),
    }
}

fn try_on_copy(options: &OpenOptions, notices: &mut Vec<String>) -> Result<(), OpenError> {
    let data = &options.data;
    let copy = Copy::of(data)?;
    let first = match probe::try_open(&copy.path, options.probe.as_deref(), options.probe_limit) {
        Tried::Opens => return Ok(()),
        failed => failed,
    };
    drop(copy);
    // Without a snapshot the engine reads its whole log, and without its settings it writes them anew.
    let dir = data.join(STORE);
    let snapshots = engine::snapshots(&dir);
    let with_settings = [&snapshots[..], &engine::settings(&dir)[..]].concat();
    for (what, suspects) in [("A damaged snapshot", snapshots), ("The damaged settings of the engine", with_settings)] {
        if suspects.is_empty() {
            continue;
        }
        // A failed attempt may have written to the copy, so another one is made.
        let copy = Copy::of(data)?;
        for name in suspects.iter().filter_map(|path| path.file_name()) {
            let suspect = copy.path.join(name);
            std::fs::remove_file(&suspect).map_err(|e| files::open_error(&suspect, &e))?;
        }
        if probe::try_open(&copy.path, options.probe.as_deref(), options.probe_limit) == Tried::Opens {
            drop(copy);
            let aside = files::set_aside(data, &suspects)?;
            notices.push(format!(
                "{what} kept the store from opening. What is damaged was moved to {}; the store was opened without it. Run `clowder check`.",
                aside.display()
            ));
            return Ok(());
        }
    }
    Err(match first {
        Tried::Fails(why) => OpenError::Damaged { path: data.clone(), why },
        Tried::Empty | Tried::Opens => OpenError::Vanished { path: data.clone() },
    })
}

/// Brings back what the journal has and the engine has not, and goes on in it.
fn open_journal(
    core: &Core,
    options: &OpenOptions,
    closed_with: Option<u64>,
    notices: &mut Vec<String>,
) -> Result<(), OpenError> {
    core.backup_due.store(core.backup_was_due(), Ordering::Relaxed);
    let (key, sealer) = core.sealer.current_sealer();
    let place = Place { data: options.data.clone(), store: core.id.clone(), line: core.line()?, key, sealer };
    let keys = |number| core.sealer.sealer(number);
    let found = journal::recover(place, &keys, core.journal_from()?, core.counters().commit, closed_with)?;
    let mut back = 0;
    for group in found.missing {
        back += core.replay(group)?;
        core.engine.sync().map_err(|e| engine_error(&options.data, e))?;
    }
    if back > 0 {
        notices.push(match back {
            1 => "The last change had not reached the store's own files; it was brought back from the journal."
                .to_owned(),
            n => format!(
                "The last {n} changes had not reached the store's own files; they were brought back from the journal."
            ),
        });
    }
    // Less than what a backup has is an older state of the files, whether or not they can be read.
    let (line, commit) = (core.line()?.to_string(), core.counters().commit);
    let backups =
        Shelf::new(&options.data, &options.backups).list().into_iter().flatten().map(|listed| listed.manifest);
    let of_line = backups.filter(|manifest| manifest.store == core.id && manifest.line == line);
    if let Some(saved) = of_line.map(|manifest| manifest.commit).max().filter(|&saved| saved > commit) {
        let why = format!("it ends with change {commit}, but there is a backup with change {saved}");
        return Err(OpenError::Damaged { path: options.data.clone(), why });
    }
    notices.extend(found.cut_short);
    if !found.notices.is_empty() {
        // First, since it is not found again once that is noted.
        core.backup_is_due();
        let mut batch = Batch::default();
        core.put_meta(&mut batch, meta::JOURNAL, &core.counters().commit.to_le_bytes());
        core.engine.apply(&batch).and_then(|()| core.engine.sync()).map_err(|e| engine_error(&options.data, e))?;
        notices.extend(found.notices);
    }
    *lock(&core.journal) = Some(found.journal);
    Ok(())
}

/// Loads what is kept in memory and starts the threads.
fn start(
    core: Core,
    lock: DataLock,
    options: &OpenOptions,
    closed_with: Option<u64>,
    fresh: bool,
    mut notices: Vec<String>,
) -> Result<Opened, OpenError> {
    let generation = core.meta_number(meta::GENERATION)?.unwrap_or(1);
    let generation = u32::try_from(generation).map_err(|_| OpenError::Failed("its index has no number".to_owned()))?;
    core.engine.open_index(Tree::Index, generation).map_err(|e| engine_error(&options.data, e))?;
    core.generation.store(generation, Ordering::Relaxed);
    core.repair_marked.store(core.meta(meta::REPAIR)?.is_some(), Ordering::Relaxed);
    *core.counters.write().unwrap_or_else(std::sync::PoisonError::into_inner) = core.load_counters()?;
    open_journal(&core, options, closed_with, &mut notices)?;
    let last = core.audit(None, 1).ok().and_then(|entries| entries.first().map(|entry| entry.at));
    let around =
        core.around.get_or_init(|| Around::new(&options.data, options.space, options.surroundings.clone(), last));
    notices.extend(around.late_clock().map(|alert| alert.sentence));
    notices.extend(around.look(Duration::ZERO).0.alert().map(|alert| alert.sentence));
    let keys = options.keys().of_open_store(&core);
    let handle = Handle::start(Arc::new(core), lock, options.data.clone(), options.backups.clone(), keys)
        .map_err(|e| OpenError::Failed(e.to_string()))?;
    Ok(Opened { store: Store(Arc::new(handle)), fresh, notices })
}
