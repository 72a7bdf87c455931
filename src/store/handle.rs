//! The handle of an open store: the writer's queue, and the orderly end.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Sender, SyncSender},
    },
    thread::{self, JoinHandle, ThreadId},
    time::{Duration, Instant},
};

use crate::model::{Kind, Stamp};

use super::{
    BackupError, BackupPolicy, Catalog, StoreError,
    backup::{self, KeySource},
    core::{Core, Readiness, lock},
    engine::EngineError,
    files::{self, DataLock, STORE},
    record::AnyRecord,
    reseal,
    snapshot::Snapshot,
    writer::{self, Message},
};

/// How many records the catalog's builder reads at a time.
const AT_A_TIME: u32 = 1_000;

/// An open store. Dropping it closes the store.
pub(super) struct Handle {
    /// There until the store is closed.
    core: Option<Arc<Core>>,
    queue: Sender<Message>,
    writer: Option<JoinHandle<()>>,
    builder: Option<JoinHandle<()>>,
    /// Goes on with a re-sealing that was broken off.
    resealer: Option<JoinHandle<()>>,
    closing: Arc<AtomicBool>,
    writer_id: ThreadId,
    data: PathBuf,
    lock: Option<DataLock>,
    backups: Mutex<Backups>,
    keys: KeySource,
}

/// How backups are made, and how the last one failed, if it did.
#[derive(Default)]
struct Backups {
    policy: BackupPolicy,
    failure: Option<(Stamp, String)>,
    /// How often they were looked at.
    looks: u64,
    /// What was seen of them where they are now.
    seen: Option<Kept>,
}

/// What a look at the backups saw.
struct Kept {
    /// Which look that was, by its beginning.
    look: u64,
    /// When it ended.
    at: Instant,
    seen: backup::Seen,
}

/// A look at the backups that goes on.
pub(super) struct Look {
    number: u64,
    /// How they are made.
    pub(super) policy: BackupPolicy,
}

/// After so long without another look, what was seen of the backups is no answer any more.
const TOO_OLD: Duration = Duration::from_secs(10 * 60);

impl Handle {
    /// Starts the writer and the builder of the catalog.
    pub(super) fn start(
        core: Arc<Core>,
        lock: DataLock,
        data: PathBuf,
        policy: BackupPolicy,
        keys: KeySource,
    ) -> std::io::Result<Self> {
        let (queue, messages) = mpsc::channel();
        let closing = Arc::new(AtomicBool::new(false));
        // Before the writer runs, nothing is committed: the view is of one moment.
        let view = Snapshot::begin(&core);
        let builder = {
            let (queue, closing, core) = (queue.clone(), Arc::clone(&closing), Arc::clone(&core));
            thread::Builder::new()
                .name("clowder-catalog".to_owned())
                .spawn(move || build_catalog(&core, view, &queue, &closing))?
        };
        let writer = {
            let core = Arc::clone(&core);
            thread::Builder::new().name("clowder-writer".to_owned()).spawn(move || {
                if let Err(e) = writer::run(&core, &messages) {
                    core.read_only.get_or_init(|| format!("a thread cannot be started: {e}"));
                }
            })?
        };
        let resealer = if core.slots.is_resealing() {
            let (queue, closing, core) = (queue.clone(), Arc::clone(&closing), Arc::clone(&core));
            let run = move || reseal::go_on(&core, &|| pause(&queue), &closing);
            Some(thread::Builder::new().name("clowder-reseal".to_owned()).spawn(run)?)
        } else {
            None
        };
        let writer_id = writer.thread().id();
        Ok(Self {
            core: Some(core),
            queue,
            writer: Some(writer),
            builder: Some(builder),
            resealer,
            closing,
            writer_id,
            data,
            lock: Some(lock),
            backups: Mutex::new(Backups { policy, failure: None, looks: 0, seen: None }),
            keys,
        })
    }

    /// What readers use.
    pub(super) fn core(&self) -> &Arc<Core> {
        match &self.core {
            Some(core) => core,
            None => unreachable!("only closing takes it, and closing is the end"),
        }
    }

    /// Hands something to the writer.
    pub(super) fn send(&self, message: Message) -> Result<(), StoreError> {
        if thread::current().id() == self.writer_id {
            return Err(StoreError::Failed("a write cannot wait for another write from inside".to_owned()));
        }
        self.queue.send(message).map_err(|_| ended())
    }

    /// A view of one moment.
    pub(super) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let (reply, view) = mpsc::sync_channel(1);
        self.send(Message::Snapshot(reply))?;
        view.recv().map_err(|_| ended())
    }

    /// A view of one moment, from which a backup is made.
    pub(super) fn snapshot_for_backup(&self) -> Result<Snapshot, StoreError> {
        let (reply, view) = mpsc::sync_channel(1);
        self.send(Message::Backup(reply))?;
        let view = view.recv().map_err(|_| ended())?;
        // Whoever takes the backup may stop reading while people go on writing.
        view.only_sealed(lock(&self.backups).policy.memory_mib.saturating_mul(1 << 20));
        Ok(view)
    }

    /// The data directory.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Where the key is.
    pub(super) fn keys(&self) -> &KeySource {
        &self.keys
    }

    /// How backups are made.
    pub(super) fn backup_policy(&self) -> BackupPolicy {
        lock(&self.backups).policy.clone()
    }

    /// How backups are made from now on.
    pub(super) fn set_backup_policy(&self, policy: BackupPolicy) {
        let mut backups = lock(&self.backups);
        if backups.policy.directory != policy.directory {
            backups.seen = None;
        }
        backups.policy = policy;
    }

    /// Begins a look at the backups.
    pub(super) fn begin_look(&self) -> Look {
        let mut backups = lock(&self.backups);
        backups.looks += 1;
        Look { number: backups.looks, policy: backups.policy.clone() }
    }

    /// Keeps what a look has seen, unless one that began later was faster or they are somewhere else by now.
    pub(super) fn end_look(&self, look: &Look, seen: &backup::Seen) {
        let mut backups = lock(&self.backups);
        let is_newest = backups.seen.as_ref().is_none_or(|kept| kept.look < look.number);
        if is_newest && backups.policy.directory == look.policy.directory {
            backups.seen = Some(Kept { look: look.number, at: Instant::now(), seen: seen.clone() });
        }
    }

    /// What was last seen of the backups, unless that was long ago.
    pub(super) fn seen_backups(&self) -> Option<backup::Seen> {
        let backups = lock(&self.backups);
        backups.seen.as_ref().filter(|kept| kept.at.elapsed() < TOO_OLD).map(|kept| kept.seen.clone())
    }

    /// Adds one that was made in a file of somebody's choice to what was seen.
    pub(super) fn made_backup_elsewhere(&self, commit: u64, at: Stamp) {
        let mut backups = lock(&self.backups);
        backups.looks += 1;
        let look = backups.looks;
        if let Some(kept) = &mut backups.seen {
            // A look that goes on may not have seen it.
            kept.look = look;
            kept.seen.elsewhere = Some((commit, at));
        }
    }

    /// Notes how a backup went. One that was broken off says nothing, and whether the disk is there is seen each time anew.
    pub(super) fn note_backup(&self, made: Result<(), &BackupError>) {
        match made {
            Ok(()) => lock(&self.backups).failure = None,
            Err(BackupError::Cancelled | BackupError::NoDisk(_)) => {}
            Err(e) => lock(&self.backups).failure = Some((Stamp::now(), e.to_string())),
        }
    }

    /// When and why the last backup failed, if it did.
    pub(super) fn backup_failure(&self) -> Option<(Stamp, String)> {
        lock(&self.backups).failure.clone()
    }

    /// Keeps the writer still until the answer is dropped.
    pub(super) fn pause(&self) -> Result<Paused, StoreError> {
        if thread::current().id() == self.writer_id {
            return Err(StoreError::Failed("a write cannot wait for another write from inside".to_owned()));
        }
        pause(&self.queue)
    }

    /// Builds the catalog anew, in this thread.
    pub(super) fn rebuild_catalog(&self) -> Result<(), StoreError> {
        build_catalog(self.core(), self.snapshot()?, &self.queue, &self.closing);
        Ok(())
    }

    /// Ends the threads, closes the engine, leaves the mark of a clean end and lets go of the lock, in this order.
    pub(super) fn close(&mut self) -> Result<(), StoreError> {
        self.closing.store(true, Ordering::Relaxed);
        let _ = self.queue.send(Message::Stop);
        for thread in [self.writer.take(), self.builder.take(), self.resealer.take()].into_iter().flatten() {
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
        let Some(core) = self.core.take() else { return Ok(()) };
        let held = self.lock.take();
        let Some(core) = Arc::into_inner(core) else {
            return Err(StoreError::Failed("the store was closed while it was in use".to_owned()));
        };
        let healthy = core.read_only.get().is_none();
        if healthy {
            core.engine.sync()?;
            if let Some(journal) = lock(&core.journal).as_mut() {
                journal.finish().map_err(EngineError::from)?;
            }
        }
        let commit = core.counters().commit;
        drop(core);
        let released = files::wait_released(&self.data.join(STORE));
        let marked = if healthy && released { files::mark_clean(&self.data, commit) } else { Ok(()) };
        drop(held);
        marked.map_err(|e| StoreError::Failed(e.to_string()))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Without the mark the next start tries the files on a copy first; nothing is lost.
        let _ = self.close();
    }
}

/// The writer stands still while this lives.
pub(super) struct Paused {
    _resume: SyncSender<()>,
}

/// Keeps the writer of that queue still until the answer is dropped.
fn pause(queue: &Sender<Message>) -> Result<Paused, StoreError> {
    let (paused, is_paused) = mpsc::sync_channel(1);
    let (resume, resumed) = mpsc::sync_channel(0);
    queue.send(Message::Pause(paused, resumed)).map_err(|_| ended())?;
    is_paused.recv().map_err(|_| ended())?;
    Ok(Paused { _resume: resume })
}

fn ended() -> StoreError {
    StoreError::Failed("the store is closed".to_owned())
}

/// Builds the catalog of a view and hands it to the writer, who knows what was committed since.
fn build_catalog(core: &Core, view: Snapshot, queue: &Sender<Message>, closing: &AtomicBool) {
    let built = catch_unwind(AssertUnwindSafe(|| {
        let mut catalog = Catalog::default();
        let mut unreadable = 0;
        for kind in [Kind::Breed, Kind::Health, Kind::Cat, Kind::User, Kind::Request] {
            let mut after = 0;
            while after < u32::MAX {
                if closing.load(Ordering::Relaxed) {
                    return None;
                }
                let page = view.records(kind, after, AT_A_TIME);
                after = page.upto;
                // A record that cannot be read is missing from the catalog; a check tells which.
                unreadable += page.records.iter().filter(|(_, record)| record.is_err()).count() as u64;
                let changes: Vec<_> =
                    page.records.into_iter().filter_map(|(_, record)| AnyRecord::change(None, record.ok())).collect();
                catalog.apply(&changes);
            }
        }
        core.unreadable.store(unreadable, Ordering::Relaxed);
        Some(catalog)
    }));
    match built {
        Ok(Some(catalog)) => {
            let _ = queue.send(Message::Catalog(Box::new(catalog), view));
        }
        Ok(None) | Err(_) => core.set_readiness(Readiness::Failed),
    }
}
