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
    /// The last frame was taken.
    Released,
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
    held: Arc<AtomicBool>,
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

    /// Sends unless the queue is full: then the event comes back. `Ok(false)` when the session has ended.
    ///
    /// # Errors
    /// The event, to be sent again later.
    pub fn offer(&self, event: Event) -> Result<bool, Event> {
        match self.queue.try_send(event) {
            Ok(()) => Ok(true),
            Err(TrySendError::Full(event)) => Err(event),
            Err(TrySendError::Disconnected(_)) => Ok(false),
        }
    }

    /// Says that a frame is on its way: nothing more is drawn until [`Sender::release`].
    pub fn hold(&self) {
        self.held.store(true, Ordering::Release);
    }

    /// Says that the frame was taken: whatever changed since is drawn now, in one frame.
    pub fn release(&self) {
        self.held.store(false, Ordering::Release);
        // With a full queue the session is awake anyway.
        self.try_send(Event::Released);
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
    held: Arc<AtomicBool>,
}

impl Inbox {
    /// Whether a change was missed since the last call.
    pub(super) fn take_missed(&self) -> bool {
        self.missed.swap(false, Ordering::AcqRel)
    }

    /// Whether the last frame is still on its way.
    pub(super) fn is_held(&self) -> bool {
        self.held.load(Ordering::Acquire)
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
    let held = Arc::new(AtomicBool::new(false));
    let sender = Sender { queue: sender, missed: missed.clone(), end: end.clone(), held: held.clone() };
    (sender, Inbox { queue: receiver, missed, end, held })
}
