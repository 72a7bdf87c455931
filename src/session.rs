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
mod sequence;

use std::{
    any::Any,
    io::{self, Write},
    sync::mpsc::RecvTimeoutError,
    time::{Duration, Instant},
};

use ratatui::{Frame, Terminal};

use self::{
    backend::Bytes,
    caps::Caps,
    decode::Decoder,
    event::{Event, Inbox, Input},
};
use crate::store::Changed;

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
}

/// How many events are dealt with before a frame is drawn even if more are waiting.
const BATCH: usize = 64;

/// Runs a session until its client is done, its person is gone, or the output fails.
///
/// # Errors
/// The output failed.
pub fn run(client: &mut dyn Client, caps: Caps, inbox: &Inbox, output: &mut dyn Write) -> io::Result<()> {
    let alternate = caps.alternate;
    let mut decoder = Decoder::new(caps.verase);
    let mut terminal = terminal(caps);
    terminal.backend_mut().enter();
    let served = serve(client, &mut terminal, &mut decoder, inbox, output);
    output.write_all(Bytes::leave(alternate)).and_then(|()| output.flush()).and(served)
}

fn terminal(caps: Caps) -> Terminal<Bytes> {
    let Ok(terminal) = Terminal::new(Bytes::new(caps));
    terminal
}

fn serve(
    client: &mut dyn Client,
    terminal: &mut Terminal<Bytes>,
    decoder: &mut Decoder,
    inbox: &Inbox,
    output: &mut dyn Write,
) -> io::Result<()> {
    let mut inputs = Vec::new();
    let mut heard = Instant::now();
    let mut ticked = Instant::now();
    loop {
        match client.take_redraw() {
            Redraw::No => {}
            redraw => {
                if redraw == Redraw::Everything {
                    renew(terminal, None);
                }
                let Ok(_) = terminal.draw(|frame| client.draw(frame));
                let bytes = terminal.backend_mut().take();
                if !bytes.is_empty() {
                    output.write_all(&bytes)?;
                    output.flush()?;
                }
            }
        }
        if client.is_over() {
            return Ok(());
        }
        let first = match next_deadline(client, decoder, heard, ticked) {
            Some(wait) => inbox.queue.recv_timeout(wait),
            None => inbox.queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let mut next = match first {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        let mut dealt = 0;
        while let Some(event) = next {
            match event {
                Event::Input(bytes) => {
                    heard = Instant::now();
                    decoder.feed(&bytes, &mut inputs);
                    inputs.drain(..).for_each(|input| client.input(input));
                }
                Event::Resize(columns, rows) => {
                    renew(terminal, Some(caps::clamp((columns.into(), rows.into()))));
                    let Ok(_) = terminal.draw(|frame| client.draw(frame));
                    output.write_all(&terminal.backend_mut().take())?;
                    output.flush()?;
                }
                Event::Changed(changed) => client.changed(Some(&changed)),
                Event::Job(id, result) => client.job(id, result),
                Event::Progress(id, text) => client.progress(id, text),
                Event::Hangup => return Ok(()),
            }
            dealt += 1;
            next = if dealt < BATCH && !client.is_over() { inbox.queue.try_recv().ok() } else { None };
        }
        if inbox.take_missed() {
            client.changed(None);
        }
        let now = Instant::now();
        if decoder.deadline().is_some_and(|wait| now >= heard + wait) {
            decoder.expire(&mut inputs);
            inputs.drain(..).for_each(|input| client.input(input));
        }
        if client.wants_tick().is_some_and(|wait| now >= ticked + wait) {
            ticked = now;
            client.tick();
        }
    }
}

/// How long to wait for the next event at most.
fn next_deadline(client: &dyn Client, decoder: &Decoder, heard: Instant, ticked: Instant) -> Option<Duration> {
    let decode = decoder.deadline().map(|wait| heard + wait);
    let tick = client.wants_tick().map(|wait| ticked + wait);
    let first = [decode, tick].into_iter().flatten().min()?;
    Some(first.saturating_duration_since(Instant::now()))
}

/// A new screen, perhaps of another size: buffers never shrink, and everything is drawn anew anyway.
fn renew(terminal: &mut Terminal<Bytes>, size: Option<(u16, u16)>) {
    let mut caps = terminal.backend().caps().clone();
    caps.size = size.unwrap_or(caps.size);
    *terminal = self::terminal(caps);
}

/// Runs slow work on a thread of its own; what comes out of it arrives as [`Event::Job`]. A panic of the work
/// arrives as a [`Panicked`].
pub fn spawn_job<T: Send + 'static>(sender: &event::Sender, id: u64, work: impl FnOnce() -> T + Send + 'static) {
    let sender = sender.clone();
    let failed = sender.clone();
    let run = move || {
        let result: Box<dyn Any + Send> = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
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
