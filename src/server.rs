//! The process that holds the store and lets the others in: settings, doors, an orderly end.

pub mod backups;
pub mod config;
pub mod log;
pub mod socket;
pub mod ssh;

use std::{
    ffi::OsString,
    io,
    net::TcpListener,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use sd_notify::NotifyState;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use self::{
    backups::Keeper,
    config::{Config, Live},
    log::Logging,
    socket::SocketDoor,
    ssh::{SshDoor, host_key},
};
use crate::{cli::Failure, desk::Desk, model::text::is_unsafe, store::Opened, ui::App};

pub use crate::session::registry::{Guard, Person, Registry, Seat, SessionLine};

/// The host key's file in the config directory.
const HOST_KEY: &str = "ssh_host_ed25519_key";
/// How long work that goes on may take to end before the store is left as after a power cut.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How much of a command's name is shown, in characters.
const COMMAND_SHOWN: usize = 60;

/// What every door serves. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    /// The desk.
    pub desk: Desk,
    /// Who is on.
    pub registry: Registry,
    /// The settings as they are now.
    pub config: Live,
    /// What else is done to the screens of each session before it begins.
    pub prepare: Option<Prepare>,
}

/// For a program that has these doors and something of its own to show: puts a screen on top of the others, say.
pub type Prepare = Arc<dyn Fn(&mut App) + Send + Sync>;

impl Host {
    /// The screens as they come.
    pub const fn new(desk: Desk, registry: Registry, config: Live) -> Self {
        Self { desk, registry, config, prepare: None }
    }
}

/// Serves in the foreground until SIGTERM or SIGINT; a second one ends it at once. `load` reads the settings, again at
/// each SIGHUP; `open` opens the store as they say; `prepare` is for [`Host::prepare`].
///
/// # Errors
/// The settings make no sense, the store does not open, a door does not, or the store does not close.
pub fn run(
    data: &Path,
    config_dir: &Path,
    load: impl Fn() -> Result<Config, String>,
    open: impl FnOnce(&Config) -> Result<Opened, Failure>,
    prepare: Option<Prepare>,
) -> Result<(), Failure> {
    let config = load().map_err(Failure::Failed)?;
    let logging = Logging::begin(config.log);
    let mut signals = watch().map_err(|e| Failure::Failed(format!("signals: {e}")))?;
    let opened = open(&config)?;
    if opened.fresh {
        tracing::info!("made a new store in {}", data.display());
    }
    for notice in &opened.notices {
        tracing::warn!("{notice}");
    }
    let store = opened.store.clone();
    let registry = Registry::new(config.sessions.limit);
    let started = config.clone();
    let host = Host { prepare, ..Host::new(Desk::new(opened.store), registry, Live::new(config)) };
    let doors = Doors::open(&host, data, config_dir);
    let served = doors.map(|doors| {
        tracing::info!("serving the store in {}", data.display());
        let keeper = Keeper::start(host.desk.clone());
        if let Err(e) = &keeper {
            tracing::error!("no backups will be made: {e}");
        }
        tell_manager(&[NotifyState::Ready]);
        for signal in signals.forever() {
            if signal != SIGHUP {
                tracing::info!("told to stop");
                break;
            }
            reload(&host, &logging, &started, &load);
        }
        tell_manager(&[NotifyState::Stopping]);
        doors.close(&host);
        if let Ok(keeper) = keeper {
            let _ = keeper.end();
        }
    });
    drop(host);
    let closed = store.close_within(PATIENCE).map_err(|e| Failure::Failed(e.to_string()));
    match &closed {
        Ok(()) => tracing::info!("the store is closed"),
        Err(_) => tracing::error!("the store was not closed: its next start tries the files first"),
    }
    served.and(closed)
}

/// Every way in.
struct Doors {
    socket: SocketDoor,
    ssh: Option<SshDoor>,
}

impl Doors {
    fn open(host: &Host, data: &Path, config_dir: &Path) -> Result<Self, Failure> {
        let ssh = open_ssh(host, config_dir)?;
        let path = data.join(crate::session::socket::client::NAME);
        let socket = SocketDoor::open(host, data).map_err(|e| Failure::file(&path, &e))?;
        tracing::info!("listening on {}", path.display());
        Ok(Self { socket, ssh })
    }

    /// Lets nobody in any more, tells everybody, and waits until they are gone.
    fn close(self, host: &Host) {
        self.socket.close();
        let why = "Clowder was stopped on the server. What was saved is safe.";
        if !host.registry.close(why, None) {
            tracing::warn!(sessions = host.registry.count(), "some sessions did not end in time");
        }
        if let Some(ssh) = self.ssh {
            ssh.close();
        }
    }
}

/// Opens the SSH door, if the settings want one; at the first start with a new host key.
fn open_ssh(host: &Host, config_dir: &Path) -> Result<Option<SshDoor>, Failure> {
    let settings = host.config.get().ssh.clone();
    if !settings.enabled {
        return Ok(None);
    }
    let path = settings.host_key.unwrap_or_else(|| config_dir.join(HOST_KEY));
    let key = host_key::load_or_make(&path).map_err(|e| Failure::Failed(e.to_string()))?;
    if key.fresh {
        tracing::info!("made a host key in {}", path.display());
    }
    let failed = |e: io::Error| {
        let way_out = match e.kind() {
            io::ErrorKind::AddrInUse => "; another program listens there: name another with --listen ADDRESS:PORT",
            _ => "",
        };
        Failure::Failed(format!("SSH cannot listen on {}: {e}{way_out}", settings.listen))
    };
    let listener = TcpListener::bind(settings.listen).map_err(failed)?;
    SshDoor::open(listener, &key, host).map(Some).map_err(failed)
}

/// The signals that are waited for; of those that end the program the second one does so at once.
fn watch() -> io::Result<Signals> {
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register_conditional_shutdown(signal, 1, asked.clone())?;
        signal_hook::flag::register(signal, asked.clone())?;
    }
    Signals::new([SIGTERM, SIGINT, SIGHUP])
}

/// Takes other settings over, as far as they can change while it runs; `started` are those it began with.
fn reload(host: &Host, logging: &Logging, started: &Config, load: impl Fn() -> Result<Config, String>) {
    let config = match load() {
        Ok(config) => config,
        Err(e) => return tracing::error!("the settings stay as they were: {}", e.replace('\n', " ")),
    };
    logging.set_level(config.log.level);
    host.registry.set_limit(config.sessions.limit);
    let later = config.fixed_since(started);
    host.desk.set_backup_policy(config.backup.clone());
    host.config.set(config);
    match &*later {
        [] => tracing::info!("settings read again"),
        later => tracing::warn!("settings read again; a restart is needed for: {}", later.join(", ")),
    }
}

/// Tells the service manager, if there is one.
fn tell_manager(state: &[NotifyState<'_>]) {
    if let Err(e) = sd_notify::notify(state) {
        tracing::warn!("the service manager cannot be told: {e}");
    }
}

/// What admins see of a command in the list of sessions and the log: its name, and nothing of whom or what it is about.
fn command_name(words: &[OsString]) -> String {
    let words = words.iter().map(|word| word.to_string_lossy()).filter(|word| !word.starts_with('-')).take(2);
    let text = words.collect::<Vec<_>>().join(" ");
    text.chars().filter(|c| !is_unsafe(*c)).take(COMMAND_SHOWN).collect()
}
