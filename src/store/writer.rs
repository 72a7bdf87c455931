//! The one thread that writes.

use std::{
    io,
    sync::{
        Arc, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError},
    },
    thread,
    time::{Duration, Instant},
};

use crate::model::{Actor, CommitNo, Door, Who};

use super::{
    Catalog, Changed, StoreError, Tx, Written, around,
    aside::Aside,
    core::{Core, Readiness, lock},
    engine::Batch,
    group::{self, Content, Group, Job, Outcome, Prepared},
    snapshot::Snapshot,
};

/// The most writes that reach the disk together.
const MOST_WRITES: usize = 256;

/// A group that touched so many records takes no more: readers wait for the engine while a large one is applied
/// (12 ms at a hundred records, 109 ms at a thousand).
const MOST_RECORDS: usize = 150;

/// How long a group waits for one that is expected. Less than a sync takes.
const MOST_WAIT: Duration = Duration::from_micros(60);

/// Whoever has run for so long is not one who was waited for.
const LONG: Duration = Duration::from_millis(1);

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

/// What goes on beside the writer.
pub(super) struct Beside {
    /// Makes a group ready for the engine, while the writer brings it into the journal.
    pub(super) prepare: Aside<Content, Prepared>,
    /// Settles and syncs what was applied to the engine, while the writer is at the next group.
    pub(super) sync: Aside<Batch, ()>,
}

/// Takes messages until it is told to stop or nobody is left to send any.
///
/// # Errors
/// When the threads beside it cannot be started.
pub(super) fn run(core: &Arc<Core>, queue: &Receiver<Message>) -> io::Result<()> {
    thread::scope(|scope| {
        let prepare = Aside::start(scope, "clowder-prepare", |content: Content| content.prepare(core), |_| ())?;
        let sync = |batch: Batch| {
            core.engine.settle(&batch)?;
            Ok(core.engine.sync()?)
        };
        // What was acknowledged is in the journal; the next start brings it back.
        let read_only = |e: &StoreError| {
            core.read_only.get_or_init(|| e.to_string());
        };
        let sync = Aside::start(scope, "clowder-sync", sync, read_only)?;
        write(core, queue, &Beside { prepare, sync });
        // What still goes on ends before the scope does.
        Ok(())
    })
}

fn write(core: &Arc<Core>, queue: &Receiver<Message>, beside: &Beside) {
    let mut held = None;
    let mut last_size = 0;
    while let Some(message) = held.take().or_else(|| next(core, queue)) {
        match message {
            Message::Job(first) => (held, last_size) = commit_group(core, queue, beside, first, last_size),
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
                let _ = beside.sync.wait();
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
    beside: &Beside,
    first: Box<dyn Job>,
    last_size: usize,
) -> (Option<Message>, usize) {
    let mut group = Group::default();
    let mut held = None;
    let mut wait = true;
    let mut next = Some(first);
    while let Some(job) = next.take() {
        match core.writable() {
            Ok(()) => group.run(core, job),
            Err(e) => job.finish(Err(e)),
        }
        if group.len() >= MOST_WRITES || group.touched() >= MOST_RECORDS {
            break;
        }
        match gather(queue, group.len() < last_size, &mut wait) {
            Some(Message::Job(job)) => next = Some(job),
            other => held = other,
        }
    }
    let size = group.len();
    group.commit(core, beside);
    (held, size)
}

/// The next message, if one is there or is likely just coming: those whose writes were acknowledged together a moment ago
/// tend to come back together, and a sync costs more than waiting for them. They come within microseconds, so that it costs
/// less to let them run than to be woken by them; where somebody else runs for long instead, the group does not `wait` again.
fn gather(queue: &Receiver<Message>, more_expected: bool, wait: &mut bool) -> Option<Message> {
    let began = Instant::now();
    loop {
        match queue.try_recv() {
            Ok(message) => return Some(message),
            Err(TryRecvError::Empty) if more_expected && *wait && began.elapsed() < MOST_WAIT => thread::yield_now(),
            Err(_) => return None,
        }
        *wait = began.elapsed() < LONG;
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
