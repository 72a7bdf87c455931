//! What a session's loop waits for, and the one queue that all of it comes through.

use std::{
    any::Any,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
};

use crossterm::event::KeyEvent;

use crate::store::Changed;

/// One thing for the session to deal with.
pub enum Event {
    /// Bytes that arrived from the person's terminal.
    Input(Vec<u8>),
    /// The terminal's new size, columns then rows, as reported (not yet clamped).
    Resize(u16, u16),
    /// A commit, by anybody.
    Changed(Arc<Changed>),
    /// Slow work is done: its number and what came out of it.
    Job(u64, Box<dyn Any + Send>),
    /// How far slow work is.
    Progress(u64, String),
    /// The person's end is gone, or the program is asked to stop. The session ends without questions.
    Hangup,
}

/// What a person did, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key.
    Key(KeyEvent),
    /// Text pasted as one piece; control characters are still in it.
    Paste(String),
}

/// How many events may wait; past it, senders that can wait do, and the others leave a mark.
const QUEUE: usize = 256;

/// The sending side of a session's queue. Cheap to clone.
#[derive(Clone)]
pub struct Sender {
    queue: SyncSender<Event>,
    missed: Arc<AtomicBool>,
    end: Arc<OnceLock<String>>,
}

impl Sender {
    /// Sends, waiting while the queue is full. False when the session has ended.
    pub fn send(&self, event: Event) -> bool {
        self.queue.send(event).is_ok()
    }

    /// Sends unless the queue is full, for the session's own thread, which must not wait for itself.
    pub fn try_send(&self, event: Event) -> bool {
        self.queue.try_send(event).is_ok()
    }

    /// Ends the session with a sentence that the person reads after the screen is gone. Never waits.
    pub fn end(&self, why: &str) {
        // A second reason comes too late.
        let _ = self.end.set(why.to_owned());
        // With a full queue the session is awake anyway and sees it after this batch.
        self.try_send(Event::Hangup);
    }

    /// Sends without ever waiting, for the store's writer: when the queue is full the session is told that
    /// it missed something and reads everything again.
    pub fn notify(&self, changed: &Changed) {
        if let Err(TrySendError::Full(_)) = self.queue.try_send(Event::Changed(Arc::new(changed.clone()))) {
            self.missed.store(true, Ordering::Release);
        }
    }
}

/// The receiving side of a session's queue.
pub struct Inbox {
    pub(super) queue: Receiver<Event>,
    missed: Arc<AtomicBool>,
    end: Arc<OnceLock<String>>,
}

impl Inbox {
    /// Whether a change was missed since the last call.
    pub(super) fn take_missed(&self) -> bool {
        self.missed.swap(false, Ordering::AcqRel)
    }

    /// The sentence with which the session is to end, if it is.
    pub(super) fn end(&self) -> Option<&str> {
        self.end.get().map(String::as_str)
    }
}

/// The queue of one session.
pub fn queue() -> (Sender, Inbox) {
    let (sender, receiver) = sync_channel(QUEUE);
    let missed = Arc::new(AtomicBool::new(false));
    let end = Arc::new(OnceLock::new());
    let sender = Sender { queue: sender, missed: missed.clone(), end: end.clone() };
    (sender, Inbox { queue: receiver, missed, end })
}
