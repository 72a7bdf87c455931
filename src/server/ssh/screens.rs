//! A session with screens on a channel: one thread for the screens, which never waits for the network.
//!
//! One frame may be on its way. Until the client's window took it, nothing is drawn; what changed meanwhile is in the
//! next frame. What is typed waits in the session's queue, and past that in the connection.

use std::{
    io::{self, Write},
    sync::Arc,
    thread,
    time::Duration,
};

use russh::{ChannelWriteHalf, server::Msg};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};
use tracing::{error, info};

use super::connection::{Line, Watched};
use crate::{
    session::{
        self, Ended,
        caps::{self, Caps},
        event::{self, Event, Inbox, Sender},
        registry::Guard,
    },
    ui::App,
};

/// The frame that is on its way, and the one that gives the terminal back.
const FRAMES: usize = 2;
/// How often the drawn size follows the window at most.
const RESIZE_EVERY: Duration = Duration::from_millis(20);
/// How long the connection waits before it asks again whether a full queue has room.
const QUEUE_AGAIN: Duration = Duration::from_millis(5);
/// How long the client may take for the last frame.
const LAST_FRAME: Duration = Duration::from_secs(3);

/// The connection's side of a session.
pub struct Screen {
    sender: Sender,
    size: watch::Sender<(u32, u32)>,
    heard: watch::Sender<Instant>,
}

impl Screen {
    /// Passes on what was typed.
    pub async fn input(&self, bytes: &[u8]) {
        self.heard.send_replace(Instant::now());
        offer(&self.sender, Event::Input(bytes.to_vec())).await;
    }

    /// The window has another size.
    pub fn resize(&self, size: (u32, u32)) {
        self.size.send_replace(size);
    }

    /// Nothing more will be typed.
    pub async fn hang_up(&self) {
        offer(&self.sender, Event::Hangup).await;
    }
}

/// Waits while the queue is full. The session always goes on taking, as it never waits for the network.
async fn offer(sender: &Sender, event: Event) {
    let mut next = event;
    while let Err(full) = sender.offer(next) {
        next = full;
        sleep(QUEUE_AGAIN).await;
    }
}

/// Frames on their way from the thread to the channel.
struct Frames {
    sender: Sender,
    out: mpsc::Sender<Vec<u8>>,
    frame: Vec<u8>,
}

impl Write for Frames {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.frame.is_empty() {
            return Ok(());
        }
        self.sender.hold();
        self.out.try_send(std::mem::take(&mut self.frame)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Begins a session. `make` makes the screens, on the session's own thread.
///
/// # Errors
/// There is no thread for it.
pub fn begin(
    line: &Line,
    channel: Arc<ChannelWriteHalf<Msg>>,
    caps: Caps,
    (sender, inbox): (Sender, Inbox),
    guard: Guard,
    make: impl FnOnce(Sender) -> App + Send + 'static,
) -> io::Result<Screen> {
    let (out, frames) = mpsc::channel(FRAMES);
    let (size, sizes) = watch::channel((u32::from(caps.size.0), u32::from(caps.size.1)));
    let (heard, last_heard) = watch::channel(Instant::now());
    let (ended, has_ended) = watch::channel(None);
    let id = guard.id();
    let client = line.name.clone();
    let mut output = Frames { sender: sender.clone(), out, frame: Vec::new() };
    let from_screens = sender.clone();
    thread::Builder::new().name("clowder-ssh-session".to_owned()).spawn(move || {
        let how = session::serve(|| make(from_screens), caps, inbox, &mut output);
        match &how {
            Ended::Fault => error!(session = id, client, "ssh: a session ended because of a fault in the program"),
            Ended::Done | Ended::Lost(_) => info!(session = id, client, "ssh: session ended"),
        }
        let code = if matches!(how, Ended::Fault) { 1 } else { 0 };
        ended.send_replace(Some(code));
    })?;
    tokio::spawn(mind(sender.clone(), sizes, last_heard, line.limits.idle(), (id, line.name.clone())));
    tokio::spawn(pump(sender.clone(), channel, frames, has_ended, line.gone.clone(), guard, line.watched.clone()));
    Ok(Screen { sender, size, heard })
}

/// Watches over the window's size and over how long nothing was typed, as long as the connection has the session.
async fn mind(
    sender: Sender,
    mut sizes: watch::Receiver<(u32, u32)>,
    heard: watch::Receiver<Instant>,
    idle: Option<Duration>,
    (id, client): (u64, String),
) {
    loop {
        let deadline = idle.map(|idle| *heard.borrow() + idle);
        tokio::select! {
            changed = sizes.changed() => {
                if changed.is_err() {
                    return;
                }
                let (columns, rows) = caps::clamp(*sizes.borrow_and_update());
                offer(&sender, Event::Resize(columns, rows)).await;
                sleep(RESIZE_EVERY).await;
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                if idle.is_some_and(|idle| heard.borrow().elapsed() >= idle) {
                    info!(session = id, client, "ssh: session ended: nothing was typed for a long time");
                    sender.end("Nothing was typed for a long time, so this session was ended.");
                    return;
                }
            }
        }
    }
}

/// Takes frames to the channel, and closes it after the last.
async fn pump(
    sender: Sender,
    channel: Arc<ChannelWriteHalf<Msg>>,
    mut frames: mpsc::Receiver<Vec<u8>>,
    mut ended: watch::Receiver<Option<u32>>,
    mut gone: watch::Receiver<bool>,
    guard: Guard,
    watched: Arc<Watched>,
) {
    let mut overdue = ended.clone();
    let overdue = async move {
        // Without the thread there is nothing to wait for either.
        let _ = overdue.wait_for(Option::is_some).await;
        sleep(LAST_FRAME).await;
    };
    tokio::pin!(overdue);
    let taken = async {
        while let Some(frame) = frames.recv().await {
            if channel.data_bytes(frame).await.is_err() {
                return false;
            }
            sender.release();
        }
        true
    };
    let taken = tokio::select! {
        taken = taken => taken,
        () = super::set(&mut gone) => false,
        () = &mut overdue => false,
    };
    if !taken {
        sender.end("");
    }
    let code = ended.wait_for(Option::is_some).await.map_or(Some(1), |code| *code).unwrap_or_default();
    drop(guard);
    if taken {
        // A client that is gone by now needs no farewell.
        let _ = channel.exit_status(code).await;
        let _ = channel.eof().await;
    }
    let _ = channel.close().await;
    watched.closed(channel.id());
}

/// A queue for a session, and what ends it with a sentence.
pub fn queue() -> ((Sender, Inbox), impl Fn(&str) + Send + Sync + 'static) {
    let (sender, inbox) = event::queue();
    let tell = {
        let sender = sender.clone();
        move |why: &str| sender.end(why)
    };
    ((sender, inbox), tell)
}
