//! The SSH door: people with their password or key, at the screens or with a command.
//!
//! The only part of the program that is asynchronous: everything behind a connection is a thread with bounded queues
//! on both sides. Nobody is trusted before signing in, and a client that is slow, stuck or hostile costs only itself.

mod asked;
mod command;
mod connection;
mod gate;
pub mod host_key;
pub mod limits;
mod screens;

use std::{
    borrow::Cow,
    io,
    net::{IpAddr, Shutdown, SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use russh::{
    MethodKind, MethodSet, SshId,
    server::{self, run_stream},
};
use tokio::{
    net::{TcpListener as Listener, TcpStream},
    sync::{Semaphore, watch},
    task::{JoinSet, spawn_blocking},
    time::{sleep, sleep_until, timeout},
};
use tracing::{debug, info, warn};

use self::{
    connection::{Connection, Stage, Watched},
    gate::{Gate, Ticket},
    host_key::HostKey,
    limits::Limits,
};
use super::{Host, Prepare, Registry, config::Live};
use crate::desk::Desk;

/// Threads for connections; what they do is little, as sessions and commands have their own.
const WORKERS: usize = 2;
/// How many passwords of this door are being checked, or are next; the other doors have room in that queue too.
const PASSWORDS_AT_ONCE: usize = 2;
/// How long a refusal takes at least, so that its time tells nothing.
const REFUSAL: Duration = Duration::from_millis(100);
/// How many unanswered questions make a client count as gone.
const KEEPALIVES: usize = 3;
/// What a client may send before it is taken, for each channel.
const WINDOW: u32 = 256 * 1024;
/// How long one that was told to end may take.
const GRACE: Duration = Duration::from_secs(3);
/// How long a client may take to close a connection that has nothing left to say.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long to wait when no connection can be taken, as when there are no file descriptors left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// What every connection shares.
struct Shared {
    desk: Desk,
    registry: Registry,
    prepare: Option<Prepare>,
    live: Live,
    gate: Arc<Gate>,
    password_queue: Semaphore,
    password_places: Semaphore,
    commands: Arc<Semaphore>,
    config: Arc<server::Config>,
}

/// The open door; closed by [`SshDoor::close`], or when dropped.
#[derive(Debug)]
pub struct SshDoor {
    address: SocketAddr,
    gate: Arc<Gate>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl SshDoor {
    /// Opens the door on a socket that listens.
    ///
    /// # Errors
    /// The socket cannot be used, or there is no thread.
    pub fn open(listener: TcpListener, key: &HostKey, host: &Host) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("clowder-ssh")
            .enable_io()
            .enable_time()
            .build()?;
        let limits = host.config.get().ssh.limits;
        let gate = Arc::new(Gate::default());
        let shared = Arc::new(Shared {
            desk: host.desk.clone(),
            registry: host.registry.clone(),
            prepare: host.prepare.clone(),
            live: host.config.clone(),
            gate: gate.clone(),
            password_queue: Semaphore::new(limits.password_queue + PASSWORDS_AT_ONCE),
            password_places: Semaphore::new(PASSWORDS_AT_ONCE),
            commands: Arc::new(Semaphore::new(limits.commands)),
            config: Arc::new(config(key, &limits)),
        });
        let (stop, stopped) = watch::channel(false);
        let run = move || {
            runtime.block_on(accept(listener, shared, stopped));
            runtime.shutdown_timeout(GRACE);
        };
        let thread = thread::Builder::new().name("clowder-ssh-door".to_owned()).spawn(run)?;
        info!(%address, fingerprint = key.fingerprint, "ssh: listening");
        Ok(Self { address, gate, stop, thread: Some(thread) })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections there are, and how many of them have not signed in.
    pub fn count(&self) -> (usize, usize) {
        self.gate.count()
    }

    /// Takes no more connections and cuts those that are left; sessions have been told before, by the registry.
    pub fn close(mut self) {
        self.shut();
    }

    fn shut(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            warn!("ssh: the door ended because of a fault in the program");
        }
    }
}

impl Drop for SshDoor {
    fn drop(&mut self) {
        self.shut();
    }
}

fn config(key: &HostKey, limits: &Limits) -> server::Config {
    server::Config {
        server_id: SshId::Standard(Cow::Borrowed("SSH-2.0-Clowder")),
        methods: MethodSet::from(&[MethodKind::PublicKey, MethodKind::Password][..]),
        auth_rejection_time: REFUSAL,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key.key.clone()],
        window_size: WINDOW,
        channel_buffer_size: 1,
        max_auth_attempts: limits.attempts,
        inactivity_timeout: Some(Duration::from_secs(limits.inactivity_seconds)),
        keepalive_interval: Some(Duration::from_secs(limits.keepalive_seconds)),
        keepalive_max: KEEPALIVES,
        ..server::Config::default()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let listener = match Listener::from_std(listener) {
        Ok(listener) => listener,
        Err(e) => return warn!("ssh: {e}"),
    };
    let mut connections = JoinSet::new();
    let each = stop.clone();
    loop {
        tokio::select! {
            () = set(&mut stop) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    if let Some(serve) = admit(&shared, stream, peer.ip(), each.clone()) {
                        connections.spawn(serve);
                    }
                }
                Err(e) => {
                    warn!("ssh: no connection can be taken: {e}");
                    sleep(ACCEPT_AGAIN).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    drop(listener);
    // Each of them has seen the same sign and cuts itself off.
    let _ = timeout(GRACE * 2, async { while connections.join_next().await.is_some() {} }).await;
}

/// Lets a connection in as far as the key exchange.
fn admit(
    shared: &Arc<Shared>,
    stream: TcpStream,
    address: IpAddr,
    stop: watch::Receiver<bool>,
) -> Option<impl Future<Output = ()> + Send + 'static> {
    let limits = shared.live.get().ssh.limits;
    let prepared = || {
        stream.set_nodelay(true)?;
        let stream = stream.into_std()?;
        let line = stream.try_clone()?;
        Ok::<_, io::Error>((TcpStream::from_std(stream)?, line))
    };
    let (stream, line) = prepared().map_err(|e| warn!(%address, "ssh: {e}")).ok()?;
    let cut: Arc<dyn Fn() + Send + Sync> = Arc::new(move || {
        // One that is gone already needs no cutting.
        let _ = line.shutdown(Shutdown::Both);
    });
    let its_cut = cut.clone();
    match shared.gate.enter(address, &limits, Instant::now(), move || its_cut()) {
        Ok(ticket) => Some(serve(shared.clone(), stream, address, ticket, cut, stop)),
        Err(refusal) => {
            shared.gate.tell(address, &refusal);
            None
        }
    }
}

/// Serves one connection and watches over it. It is cut when it dawdles before signing in, when whoever signed in may
/// no longer, and when the door closes.
async fn serve(
    shared: Arc<Shared>,
    stream: TcpStream,
    address: IpAddr,
    ticket: Ticket,
    cut: Arc<dyn Fn() + Send + Sync>,
    mut stop: watch::Receiver<bool>,
) {
    let started = tokio::time::Instant::now();
    let limits = shared.live.get().ssh.limits;
    let watched = Arc::new(Watched::new());
    let connection = Connection::new(shared.clone(), address, ticket, watched.clone(), cut.clone());
    let session = match timeout(limits.hello(), run_stream(shared.config.clone(), stream, connection)).await {
        Ok(Ok(session)) => session,
        Ok(Err(e)) => return debug!(%address, "ssh: no handshake: {e}"),
        Err(_) => return shared.gate.tell(address, &"nothing was said"),
    };
    tokio::pin!(session);
    tokio::select! {
        ended = &mut session => {
            match ended {
                Ok(()) => debug!(%address, "ssh: connection closed"),
                Err(russh::Error::KeepaliveTimeout | russh::Error::InactivityTimeout) => {
                    info!(%address, "ssh: connection ended: nothing came from the client any more");
                }
                Err(e) => debug!(%address, "ssh: connection ended: {e}"),
            }
            return;
        }
        why = dawdled(watched.stage.subscribe(), started, limits) => shared.gate.tell(address, &why),
        why = expelled(&shared, &watched) => {
            info!(%address, "ssh: session ended: {why}");
            watched.tell(&why);
            let mut stage = watched.stage.subscribe();
            let left = async { stage.wait_for(|stage| matches!(stage, Stage::Idle(_))).await.is_ok() };
            // It goes on being served while it takes its leave, and the client has time to read that.
            tokio::select! {
                _ = &mut session => return,
                _ = timeout(GRACE, left) => {}
            }
            if timeout(FAREWELL, &mut session).await.is_ok() {
                return;
            }
        }
        () = set(&mut stop) => {}
    }
    // Letting go of it would not end it.
    cut();
    let _ = timeout(GRACE, session).await;
}

/// Waits until a sign is set, or whoever sets it is gone.
async fn set(sign: &mut watch::Receiver<bool>) {
    let _ = sign.wait_for(|set| *set).await;
}

/// Waits until a connection has taken too long to sign in, or has nothing to do.
async fn dawdled(mut stages: watch::Receiver<Stage>, started: tokio::time::Instant, limits: Limits) -> &'static str {
    loop {
        let (until, why) = match *stages.borrow_and_update() {
            Stage::Connected => (Some(started + limits.hello()), "nobody tried to sign in"),
            Stage::Asked => (Some(started + limits.login()), "signing in took too long"),
            Stage::Idle(since) => (Some(since + limits.login()), "signed in, and asked for nothing"),
            Stage::Busy => (None, ""),
        };
        tokio::select! {
            changed = stages.changed() => if changed.is_err() {
                return std::future::pending().await;
            },
            () = sleep_until(until.unwrap_or(started)), if until.is_some() => return why,
        }
    }
}

/// Waits until whoever signed in may no longer: the account is locked or gone, or the key was removed.
async fn expelled(shared: &Arc<Shared>, watched: &Arc<Watched>) -> String {
    loop {
        watched.changed.notified().await;
        let Some(who) = watched.who.get().cloned() else { continue };
        let desk = shared.desk.clone();
        let rights = spawn_blocking(move || match &who.key {
            Some(key) => desk.rights_by_key(&who.actor, key),
            None => desk.rights(&who.actor),
        });
        if let Ok(Err(e)) = rights.await {
            return crate::ui::cx::sentence(&e.to_string());
        }
    }
}
