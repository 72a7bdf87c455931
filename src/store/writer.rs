//! The one thread that writes.

use std::{
    cell::Cell,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    thread::{self, Scope},
    time::{Duration, Instant},
};

use crate::model::{Actor, CommitNo, Door, Who};

use super::{
    Catalog, Changed, StoreError, Tx, Written, around,
    core::{Core, Readiness, lock},
    engine::Batch,
    group::{self, Group, Job, Outcome},
    snapshot::Snapshot,
};

/// The most writes that reach the disk together.
const MOST_WRITES: usize = 256;

/// A group that touched so many records takes no more: readers wait for the engine while a large one is applied
/// (12 ms at a hundred records, 109 ms at a thousand).
const MOST_RECORDS: usize = 150;

/// How long a group waits for one that is expected. Less than a sync takes.
const MOST_WAIT: Duration = Duration::from_micros(60);

/// What the writer is asked.
pub(super) enum Message {
    /// To write.
    Job(Box<dyn Job>),
    /// To begin a view between two groups.
    Snapshot(SyncSender<Snapshot>),
    /// The same for a backup: the journal goes on in another segment, so that what the backup has can be removed some day.
    Backup(SyncSender<Snapshot>),
    /// To put the catalog, built from a view, in its place.
    Catalog(Box<Catalog>, Snapshot),
    /// To stand still: it sends one message, then waits until the other end is dropped.
    Pause(SyncSender<()>, Receiver<()>),
    /// To end, after what came before.
    Stop,
}

/// Takes messages until it is told to stop or nobody is left to send any.
///
/// # Errors
/// When the thread that syncs the engine's files cannot be started.
pub(super) fn run(core: &Arc<Core>, queue: &Receiver<Message>) -> io::Result<()> {
    thread::scope(|scope| {
        let sync = EngineSync::start(scope, core)?;
        write(core, queue, &sync);
        // A sync that goes on ends before the scope does.
        drop(sync);
        Ok(())
    })
}

/// Syncs the engine's files on a thread of its own, while the writer is at the next group.
pub(super) struct EngineSync {
    start: SyncSender<Batch>,
    done: Receiver<Result<(), StoreError>>,
    going_on: Cell<bool>,
}

impl EngineSync {
    fn start<'s>(scope: &'s Scope<'s, '_>, core: &'s Core) -> io::Result<Self> {
        let (start, started) = mpsc::sync_channel::<Batch>(1);
        let (finish, done) = mpsc::sync_channel(1);
        thread::Builder::new().name("clowder-sync".to_owned()).spawn_scoped(scope, move || {
            while let Ok(batch) = started.recv() {
                let synced = catch_unwind(AssertUnwindSafe(|| {
                    core.engine.settle(&batch)?;
                    Ok(core.engine.sync()?)
                }));
                let synced = synced.unwrap_or_else(|_| {
                    Err(StoreError::Failed("the engine failed in the middle of a sync".to_owned()))
                });
                if let Err(e) = &synced {
                    // What was acknowledged is in the journal; the next start brings it back.
                    core.read_only.get_or_init(|| e.to_string());
                }
                if finish.send(synced).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { start, done, going_on: Cell::new(false) })
    }

    /// Begins to settle and sync what was applied.
    pub(super) fn begin(&self, applied: Batch) {
        self.going_on.set(self.start.send(applied).is_ok());
    }

    /// Returns when what was applied before is on the disk.
    pub(super) fn wait(&self) -> Result<(), StoreError> {
        if !self.going_on.replace(false) {
            return Ok(());
        }
        self.done.recv().unwrap_or_else(|_| Err(StoreError::Failed("the engine is synced no more".to_owned())))
    }
}

fn write(core: &Arc<Core>, queue: &Receiver<Message>, sync: &EngineSync) {
    let mut held = None;
    let mut last_size = 0;
    while let Some(message) = held.take().or_else(|| next(core, queue)) {
        match message {
            Message::Job(first) => (held, last_size) = commit_group(core, queue, sync, first, last_size),
            Message::Snapshot(reply) => drop(reply.send(Snapshot::begin(core))),
            Message::Backup(reply) => {
                let began = Instant::now();
                if let Some(journal) = lock(&core.journal).as_mut() {
                    journal.rotate();
                }
                let mut view = Snapshot::begin(core);
                view.pause = began.elapsed();
                let _ = reply.send(view);
            }
            Message::Catalog(catalog, view) => install(core, *catalog, view),
            Message::Pause(paused, resume) => {
                // Whoever asked for it may write to the engine; an error has made the store read-only by now.
                let _ = sync.wait();
                if paused.send(()).is_ok() {
                    let _ = resume.recv();
                }
            }
            Message::Stop => break,
        }
    }
}

/// The next message. While there is none, the room on the disk is looked at now and then.
fn next(core: &Core, queue: &Receiver<Message>) -> Option<Message> {
    loop {
        match queue.recv_timeout(around::WHILE_IDLE) {
            Ok(message) => return Some(message),
            Err(RecvTimeoutError::Timeout) => drop(core.look_around(around::WHILE_IDLE / 2)),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

/// Gathers what waits, commits it, and answers the message that ended the gathering and the size of the group.
fn commit_group(
    core: &Core,
    queue: &Receiver<Message>,
    sync: &EngineSync,
    first: Box<dyn Job>,
    last_size: usize,
) -> (Option<Message>, usize) {
    let mut group = Group::default();
    let mut held = None;
    let mut next = Some(first);
    while let Some(job) = next.take() {
        match core.writable() {
            Ok(()) => group.run(core, job),
            Err(e) => job.finish(Err(e)),
        }
        if group.len() >= MOST_WRITES || group.touched() >= MOST_RECORDS {
            break;
        }
        match gather(queue, group.len() < last_size) {
            Some(Message::Job(job)) => next = Some(job),
            other => held = other,
        }
    }
    let size = group.len();
    group.commit(core, sync);
    (held, size)
}

/// The next message, if one is there or is likely just coming: those whose writes were acknowledged together a moment ago
/// tend to come back together, and a sync costs more than waiting for them.
fn gather(queue: &Receiver<Message>, more_expected: bool) -> Option<Message> {
    match queue.try_recv() {
        Ok(message) => Some(message),
        Err(_) if more_expected => queue.recv_timeout(MOST_WAIT).ok(),
        Err(_) => None,
    }
}

fn install(core: &Core, mut catalog: Catalog, view: Snapshot) {
    let commit = CommitNo(core.counters().commit);
    catalog.apply(&view.into_changes());
    catalog.set_ready();
    *core.catalog.write().unwrap_or_else(PoisonError::into_inner) = catalog;
    core.set_readiness(Readiness::Ready);
    // Screens that made do without it can ask again.
    let actor = Actor { who: Who::Program, door: Door::Local, address: None };
    group::publish(core, &Changed { commit, actor, records: Vec::new() });
}

/// A closure with the one who waits for it.
pub(super) struct Write<T, E, F> {
    actor: Actor,
    closure: Option<F>,
    result: Option<Result<T, E>>,
    reply: SyncSender<Result<Written<T>, E>>,
}

impl<T, E, F> Write<T, E, F> {
    pub(super) fn new(actor: Actor, closure: F, reply: SyncSender<Result<Written<T>, E>>) -> Self {
        Self { actor, closure: Some(closure), result: None, reply }
    }
}

impl<T, E, F> Job for Write<T, E, F>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
{
    fn actor(&self) -> &Actor {
        &self.actor
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        self.result = self.closure.take().map(|f| f(tx));
        matches!(self.result, Some(Ok(_)))
    }

    fn finish(self: Box<Self>, outcome: Outcome) {
        let answer = match (outcome, self.result) {
            (Ok(commit), Some(Ok(value))) => Ok(Written { value, commit }),
            (Ok(_), Some(Err(e))) => Err(e),
            (Err(e), _) => Err(e.into()),
            (Ok(_), None) => Err(StoreError::Failed("nothing was changed: it was never run".to_owned()).into()),
        };
        // The one who asked may have given up.
        let _ = self.reply.send(answer);
    }
}
