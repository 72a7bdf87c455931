//! The settings of a server: `clowder.toml` in the config directory. Everything has a default; a word that means
//! nothing is an error that says where it stands.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use serde::Deserialize;

use super::ssh::limits::Limits;
use crate::store::{BackupPolicy, OpenOptions, SpaceLimits};

/// The file's name in the config directory.
pub const FILE: &str = "clowder.toml";

/// Every setting of a server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What concerns every session.
    pub sessions: Sessions,
    /// The socket.
    pub socket: Socket,
    /// SSH.
    pub ssh: Ssh,
    /// What is logged.
    pub log: Log,
    /// The store.
    pub store: StoreSettings,
    /// Backups that the program makes by itself.
    pub backup: BackupPolicy,
}

/// What concerns every session, whichever door it came through.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// How many sessions and commands there may be at once.
    pub limit: usize,
    /// Seconds that output may stand still before a session is ended.
    pub stall_seconds: u64,
}

/// The socket in the data directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Socket {
    /// How many connections there may be at once.
    pub connections: usize,
    /// Seconds that a connection has to say what it wants.
    pub hello_seconds: u64,
    /// Seconds that the output of a command may stand still before it is broken off.
    pub command_stall_seconds: u64,
}

/// SSH.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ssh {
    /// Whether there is this door at all.
    pub enabled: bool,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The host key; `None` for `ssh_host_ed25519_key` in the config directory.
    pub host_key: Option<PathBuf>,
    /// Whether people may sign in with their password.
    pub passwords: bool,
    /// Whether `ssh new@…` offers to make an account.
    pub registration: bool,
    /// What it bears.
    pub limits: Limits,
}

/// What is logged, to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// From which level on.
    pub level: Level,
    /// In which form.
    pub format: Format,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing.
    Off,
    /// What failed.
    Error,
    /// What was refused or looks wrong.
    Warn,
    /// Who came and went.
    #[default]
    Info,
    /// What connections do.
    Debug,
    /// Everything.
    Trace,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// An object a line.
    Json,
}

/// The store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// MiB of memory that the engine may keep pages in.
    pub cache_mib: u64,
    /// Below so many MiB of free disk there is a warning; 0 for none.
    pub warn_free_mib: u64,
    /// Below so many MiB of free disk nothing more is saved; 0 to save until the disk is full.
    pub least_free_mib: u64,
    /// Whether the data may be on a network file system.
    pub network: bool,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { limit: crate::session::registry::LIMIT, stall_seconds: 60 }
    }
}

impl Sessions {
    /// How long output may stand still.
    pub const fn stall(&self) -> Duration {
        Duration::from_secs(self.stall_seconds)
    }
}

impl Default for Socket {
    fn default() -> Self {
        Self { connections: 256, hello_seconds: 10, command_stall_seconds: 600 }
    }
}

impl Default for Ssh {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2222),
            host_key: None,
            passwords: true,
            registration: false,
            limits: Limits::default(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: Level::Info, format: Format::Text }
    }
}

impl StoreSettings {
    /// These settings for opening a store.
    #[must_use]
    pub fn over(&self, options: OpenOptions) -> OpenOptions {
        let bytes = |mib: u64| mib.saturating_mul(1 << 20);
        OpenOptions {
            cache_bytes: bytes(self.cache_mib),
            space: SpaceLimits { warn: bytes(self.warn_free_mib), least: bytes(self.least_free_mib) },
            network: self.network,
            ..options
        }
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        let space = SpaceLimits::default();
        Self { cache_mib: 48, warn_free_mib: space.warn >> 20, least_free_mib: space.least >> 20, network: false }
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {error}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It says something that means nothing.
    #[error("{}: {error}. Correct it, or move the file away to go on with the usual settings", .path.display())]
    Words {
        /// The file.
        path: PathBuf,
        /// What and where.
        error: String,
    },
}

/// An error of the reader of settings with its line, for people who do not know what a field or a `usize` is.
fn in_words(text: &str, e: &toml::de::Error) -> String {
    let mut what =
        e.message().trim().replace('\n', ", ").replace("unknown field", "unknown setting").replace('`', "\"");
    for number in ["usize", "u64", "u32", "u16"] {
        what = what.replace(&format!("expected {number}"), "expected a whole number");
    }
    let before = e.span().and_then(|span| text.get(..span.start));
    match before.map(|before| before.matches('\n').count()) {
        Some(n) => {
            let line = text.lines().nth(n).unwrap_or_default().trim();
            format!("line {} ({line}): {what}", n + 1)
        }
        None => what,
    }
}

impl Config {
    /// Reads a file; one that is not there means every default.
    ///
    /// # Errors
    /// It cannot be read or understood.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(ConfigError::Read { path: path.to_owned(), error }),
        };
        Self::parse(&text).map_err(|error| ConfigError::Words { path: path.to_owned(), error })
    }

    /// Reads settings.
    ///
    /// # Errors
    /// What makes no sense, with its line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|e| in_words(text, &e))?;
        let least = [
            ("sessions.limit", config.sessions.limit as u64),
            ("sessions.stall_seconds", config.sessions.stall_seconds),
            ("socket.connections", config.socket.connections as u64),
            ("socket.hello_seconds", config.socket.hello_seconds),
            ("socket.command_stall_seconds", config.socket.command_stall_seconds),
            ("store.cache_mib", config.store.cache_mib),
            ("backup.keep", config.backup.keep as u64),
        ];
        match least.iter().chain(&config.ssh.limits.at_least_one()).find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(format!("{name} must be at least 1")),
            None => Ok(config),
        }
    }
}

impl Config {
    /// The settings that only count at a start and are not what they were then, by name: where SSH listens, its key, what
    /// its connections share, the form of the log, the cache.
    pub fn fixed_since(&self, started: &Self) -> Vec<&'static str> {
        let (ssh, was) = (&self.ssh, &started.ssh);
        let (limits, were) = (&ssh.limits, &was.limits);
        [
            ("ssh.enabled", ssh.enabled != was.enabled),
            ("ssh.listen", ssh.listen != was.listen),
            ("ssh.host_key", ssh.host_key != was.host_key),
            ("ssh.limits.attempts", limits.attempts != were.attempts),
            ("ssh.limits.password_queue", limits.password_queue != were.password_queue),
            ("ssh.limits.commands", limits.commands != were.commands),
            ("ssh.limits.keepalive_seconds", limits.keepalive_seconds != were.keepalive_seconds),
            ("ssh.limits.inactivity_seconds", limits.inactivity_seconds != were.inactivity_seconds),
            ("log.format", self.log.format != started.log.format),
            ("store.cache_mib", self.store.cache_mib != started.store.cache_mib),
            ("store.warn_free_mib", self.store.warn_free_mib != started.store.warn_free_mib),
            ("store.least_free_mib", self.store.least_free_mib != started.store.least_free_mib),
            ("store.network", self.store.network != started.store.network),
        ]
        .into_iter()
        .filter_map(|(name, changed)| changed.then_some(name))
        .collect()
    }
}

/// The settings as they are now; a reload replaces them. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Live(Arc<RwLock<Arc<Config>>>);

impl Live {
    /// These settings.
    pub fn new(config: Config) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(config))))
    }

    /// The settings at this moment.
    pub fn get(&self) -> Arc<Config> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Other settings from now on.
    pub fn set(&self, config: Config) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_means_every_default() {
        assert_eq!(Config::parse("").unwrap(), Config::default());
        assert_eq!(Config::load(Path::new("/nowhere/clowder.toml")).unwrap(), Config::default());
    }

    #[test]
    fn only_this_machine_can_reach_it_unless_the_settings_say_more() {
        let ssh = Config::default().ssh;
        assert_eq!(ssh.listen, "127.0.0.1:2222".parse().unwrap());
        assert!(ssh.enabled && ssh.passwords && !ssh.registration);
    }

    #[test]
    fn every_limit_is_in_the_readme_with_its_default() {
        let readme = include_str!("../../README.md");
        let (limits, config) = (Limits::default(), Config::default());
        let mut all = limits.at_least_one().to_vec();
        all.extend([
            ("ssh.limits.idle_seconds", limits.idle_seconds),
            ("ssh.limits.registrations", limits.registrations.into()),
            ("sessions.limit", config.sessions.limit as u64),
            ("sessions.stall_seconds", config.sessions.stall_seconds),
            ("socket.connections", config.socket.connections as u64),
            ("socket.hello_seconds", config.socket.hello_seconds),
            ("socket.command_stall_seconds", config.socket.command_stall_seconds),
        ]);
        for (name, default) in all {
            let last = name.rsplit('.').next().unwrap();
            let row = readme.lines().find(|line| {
                line.starts_with("| `")
                    && (line.contains(&format!("`{name}`"))
                        || name.starts_with("ssh.limits.") && line.contains(&format!("`{last}`")))
            });
            let row = row.unwrap_or_else(|| panic!("{name} is not in the table"));
            assert!(row.split([' ', ',']).any(|word| word == default.to_string()), "{name} = {default}: {row}");
        }
    }

    #[test]
    fn what_is_said_counts() {
        let config =
            Config::parse("[ssh]\nlisten = \"[::1]:22\"\n[log]\nlevel = \"debug\"\nformat = \"json\"").unwrap();
        assert_eq!(config.ssh.listen, "[::1]:22".parse().unwrap());
        assert_eq!((config.log.level, config.log.format), (Level::Debug, Format::Json));
        assert_eq!(config.sessions, Sessions::default());
    }

    #[test]
    fn what_only_counts_at_a_start_is_named() {
        let fixed = |text: &str| Config::parse(text).unwrap().fixed_since(&Config::default());
        assert!(fixed("[sessions]\nlimit = 9\n[ssh]\npasswords = false\n[ssh.limits]\nchannels = 2").is_empty());
        let limits = "attempts = 3\npassword_queue = 3\ncommands = 3\nkeepalive_seconds = 3\ninactivity_seconds = 3";
        let names = fixed(&format!("[ssh]\nlisten = \"[::1]:22\"\n[ssh.limits]\n{limits}\n[log]\nformat = \"json\""));
        let limits = limits.lines().map(|line| format!("ssh.limits.{}", line.split(' ').next().unwrap()));
        let wanted: Vec<String> =
            std::iter::once("ssh.listen".to_owned()).chain(limits).chain(["log.format".to_owned()]).collect();
        assert_eq!(names, wanted);
    }

    #[test]
    fn what_means_nothing_is_told_with_its_place() {
        let error = Config::parse("[ssh]\nlisten_to = 1").unwrap_err();
        assert!(error.contains("line 2") && error.contains("listen_to"), "{error}");
        assert!(Config::parse("[sessions]\nlimit = 0").unwrap_err().contains("sessions.limit must be at least 1"));
        assert!(Config::parse("[ssh]\nlisten = \"here\"").is_err());
    }
}
