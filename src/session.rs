//! A session: one person at one terminal, as an event loop over a pair of byte streams.
//!
//! Everything comes through one queue ([`event`]); what is pending is dealt with first, then at most one
//! frame is drawn, then written at once. Nothing is drawn while nothing changed.

pub mod backend;
pub mod caps;
pub mod decode;
pub mod event;
pub mod glyphs;
pub mod local;
pub mod registry;
mod sequence;
pub mod socket;

use std::{
    any::Any,
    io::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::RecvTimeoutError,
    time::{Duration, Instant},
};

use ratatui::Frame;

use self::{
    backend::Bytes,
    caps::Caps,
    decode::Decoder,
    event::{Event, Inbox, Input},
};
use crate::{model::text::is_unsafe, store::Changed};

/// What has to be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Redraw {
    /// Nothing.
    No,
    /// What differs.
    Changes,
    /// Everything, for a terminal whose screen was spoilt.
    Everything,
}

/// What a session serves: the screens, as the loop sees them.
pub trait Client {
    /// A key or a paste.
    fn input(&mut self, input: Input);
    /// A commit; `None` when some were missed and everything may have changed.
    fn changed(&mut self, changed: Option<&Changed>);
    /// Slow work is done.
    fn job(&mut self, id: u64, result: Box<dyn Any + Send>);
    /// Slow work got further.
    fn progress(&mut self, id: u64, text: String);
    /// How long until [`Client::tick`] is wanted, if it is.
    fn wants_tick(&self) -> Option<Duration>;
    /// That time has passed.
    fn tick(&mut self);
    /// What has to be drawn; asking resets it.
    fn take_redraw(&mut self) -> Redraw;
    /// Draws everything into the frame.
    fn draw(&mut self, frame: &mut Frame<'_>);
    /// Whether the session is over.
    fn is_over(&self) -> bool;
    /// What the person is told once the screen is gone, if anything.
    fn farewell(&self) -> Option<&str> {
        None
    }
}

/// How many events are dealt with before a frame is drawn even if more are waiting.
const BATCH: usize = 64;

/// Runs a session until its client is done, its person is gone, or the output fails.
///
/// # Errors
/// The output failed.
pub fn run(client: impl Client, caps: Caps, inbox: Inbox, output: &mut dyn Write) -> io::Result<()> {
    let alternate = caps.alternate;
    let mut session = Session::new(client, caps, inbox);
    let served = loop {
        match session.turn(true, output) {
            Ok(Turn::Over) => break Ok(()),
            Ok(_) => {}
            Err(e) => break Err(e),
        }
    };
    let why = session.inbox.end().or(session.client.farewell());
    take_leave(output, alternate, why).and(served)
}

/// How a session ended.
#[derive(Debug)]
pub enum Ended {
    /// Its person left, or was told to.
    Done,
    /// Its output failed: the person's end is gone.
    Lost(io::Error),
    /// The program has a fault; the person was told.
    Fault,
}

/// Runs a session so that a panic ends this one alone: the terminal is given back and the person told. The client is
/// made inside.
pub fn serve<C: Client>(make: impl FnOnce() -> C, caps: Caps, inbox: Inbox, output: &mut dyn Write) -> Ended {
    let alternate = caps.alternate;
    match catch_unwind(AssertUnwindSafe(|| run(make(), caps, inbox, &mut *output))) {
        Ok(Ok(())) => Ended::Done,
        Ok(Err(e)) => Ended::Lost(e),
        Err(_) => {
            let why = "Clowder ended this session because of a fault in the program. What was saved is safe.";
            // Where even that cannot be written, the person is gone.
            let _ = take_leave(output, alternate, Some(why));
            Ended::Fault
        }
    }
}

/// Gives the terminal back and says why, if there is something to say.
fn take_leave(output: &mut dyn Write, alternate: bool, why: Option<&str>) -> io::Result<()> {
    output.write_all(Bytes::leave(alternate))?;
    if let Some(why) = why {
        let why: String = why.chars().filter(|c| !is_unsafe(*c)).collect();
        output.write_all(format!("{why}\r\n").as_bytes())?;
    }
    output.flush()
}

/// What a turn of the loop did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Something was dealt with.
    Busy,
    /// Nothing was waiting.
    Idle,
    /// The session is over.
    Over,
}

/// A session, to be run turn by turn.
pub struct Session<C> {
    /// What it serves.
    pub client: C,
    inbox: Inbox,
    screen: Bytes,
    decoder: Decoder,
    inputs: Vec<Input>,
    /// A new size that nothing was drawn for yet.
    resized: Option<(u16, u16)>,
    heard: Instant,
    ticked: Instant,
}

impl<C: Client> Session<C> {
    /// A session that has drawn nothing yet.
    pub fn new(client: C, caps: Caps, inbox: Inbox) -> Self {
        let decoder = Decoder::new(caps.verase);
        let mut screen = Bytes::new(caps);
        screen.enter();
        let now = Instant::now();
        Self { client, inbox, screen, decoder, inputs: Vec::new(), resized: None, heard: now, ticked: now }
    }

    /// Whether a key is still waiting for what may follow it.
    pub const fn is_undecided(&self) -> bool {
        self.decoder.deadline().is_some()
    }

    /// Draws what has to be drawn, then deals with what is waiting; with `block` it waits for something.
    ///
    /// # Errors
    /// The output failed.
    pub fn turn(&mut self, block: bool, output: &mut dyn Write) -> io::Result<Turn> {
        self.draw(output)?;
        if self.client.is_over() {
            return Ok(Turn::Over);
        }
        let first = match (block, self.next_deadline()) {
            (true, None) => self.inbox.queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            (true, Some(wait)) => self.inbox.queue.recv_timeout(wait),
            (false, _) => self.inbox.queue.recv_timeout(Duration::ZERO),
        };
        let mut next = match first {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(Turn::Over),
        };
        let mut dealt = 0;
        while let Some(event) = next {
            if matches!(event, Event::Hangup) {
                return Ok(Turn::Over);
            }
            self.deal(event, output)?;
            dealt += 1;
            next = if dealt < BATCH && !self.client.is_over() { self.inbox.queue.try_recv().ok() } else { None };
        }
        if self.inbox.end().is_some() {
            return Ok(Turn::Over);
        }
        if self.inbox.take_missed() {
            self.client.changed(None);
        }
        let now = Instant::now();
        if self.decoder.deadline().is_some_and(|wait| now >= self.heard + wait) {
            self.decoder.expire(&mut self.inputs);
            self.inputs.drain(..).for_each(|input| self.client.input(input));
            dealt += 1;
        }
        if self.client.wants_tick().is_some_and(|wait| now >= self.ticked + wait) {
            self.ticked = now;
            self.client.tick();
        }
        Ok(if dealt > 0 { Turn::Busy } else { Turn::Idle })
    }

    fn draw(&mut self, output: &mut dyn Write) -> io::Result<()> {
        if self.inbox.is_held() {
            return Ok(());
        }
        let wanted = self.client.take_redraw();
        match (self.resized.take(), wanted) {
            (None, Redraw::No) => return Ok(()),
            (None, Redraw::Changes) => {}
            (size, _) => self.screen.renew(size),
        }
        self.screen.draw(|frame| self.client.draw(frame));
        let bytes = self.screen.take();
        if bytes.is_empty() {
            return Ok(());
        }
        output.write_all(&bytes)?;
        output.flush()
    }

    fn deal(&mut self, event: Event, output: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::Input(bytes) => {
                // Keys find the screen as the person sees it.
                if self.resized.is_some() {
                    self.draw(output)?;
                }
                self.heard = Instant::now();
                self.decoder.feed(&bytes, &mut self.inputs);
                self.inputs.drain(..).for_each(|input| self.client.input(input));
            }
            // Of many sizes in a row, as while a window is dragged, only the last one is drawn.
            Event::Resize(columns, rows) => self.resized = Some(caps::clamp((columns.into(), rows.into()))),
            Event::Changed(changed) => self.client.changed(Some(&changed)),
            Event::Job(id, result) => self.client.job(id, result),
            Event::Progress(id, text) => self.client.progress(id, text),
            Event::Hangup | Event::Released => {}
        }
        Ok(())
    }

    /// How long to wait for the next event at most.
    fn next_deadline(&self) -> Option<Duration> {
        let decode = self.decoder.deadline().map(|wait| self.heard + wait);
        let tick = self.client.wants_tick().map(|wait| self.ticked + wait);
        let first = [decode, tick].into_iter().flatten().min()?;
        Some(first.saturating_duration_since(Instant::now()))
    }
}

/// Runs slow work on a thread of its own; what comes out of it arrives as [`Event::Job`]. A panic of the work
/// arrives as a [`Panicked`].
pub fn spawn_job<T: Send + 'static>(sender: &event::Sender, id: u64, work: impl FnOnce() -> T + Send + 'static) {
    let sender = sender.clone();
    let failed = sender.clone();
    let run = move || {
        let result: Box<dyn Any + Send> = match catch_unwind(AssertUnwindSafe(work)) {
            Ok(value) => Box::new(value),
            Err(_) => Box::new(Panicked),
        };
        sender.send(Event::Job(id, result));
    };
    if std::thread::Builder::new().name("clowder-job".to_owned()).spawn(run).is_err() {
        failed.try_send(Event::Job(id, Box::new(Panicked)));
    }
}

/// Stands for the result of work that panicked.
#[derive(Debug)]
pub struct Panicked;

/// Passes commits on to a session's queue; for [`crate::store::Store::subscribe`].
pub fn forward(sender: event::Sender) -> impl Fn(&Changed) + Send + Sync + 'static {
    move |changed| sender.notify(changed)
}

#[cfg(test)]
mod tests;
