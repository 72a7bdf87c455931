//! What the SSH door bears, each with a setting (`[ssh.limits]`).

use std::time::Duration;

use serde::Deserialize;

/// The limits of the SSH door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections at once, signed in or not.
    pub connections: usize,
    /// Connections at once that have not signed in.
    pub waiting: usize,
    /// Connections at once from one address that have not signed in.
    pub waiting_per_address: usize,
    /// New connections a second from one address, over a longer time; ten times as many at once.
    pub arrivals_per_address: u32,
    /// New connections a second from everywhere, over a longer time; five times as many at once. Each costs about 2 ms
    /// of a core before anybody has signed in.
    pub arrivals: u32,
    /// Seconds from the connection to the first attempt to sign in.
    pub hello_seconds: u64,
    /// Seconds from the connection to having signed in; time to type a password.
    pub login_seconds: u64,
    /// Attempts to sign in of one connection.
    pub attempts: usize,
    /// Wrong passwords of one address at once.
    pub wrong_passwords: u32,
    /// Seconds after which an address may send one wrong password more.
    pub wrong_password_seconds: u64,
    /// Passwords that may wait for being checked beside the two that are.
    pub password_queue: usize,
    /// Channels of one connection.
    pub channels: usize,
    /// Commands that run at once.
    pub commands: usize,
    /// MiB that a command reads from its input at most.
    pub input_mib: u64,
    /// Seconds without a key after which a session ends; 0 for never.
    pub idle_seconds: u64,
    /// Seconds between questions whether a client is still there; after three without an answer it counts as gone.
    pub keepalive_seconds: u64,
    /// Seconds that the network may stand still before a connection ends.
    pub inactivity_seconds: u64,
    /// Seconds that the output of a command may stand still, or that a command may leave its input unread, before it
    /// is broken off.
    pub command_stall_seconds: u64,
    /// Accounts that one address may make for itself in an hour, where that is allowed.
    pub registrations: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 300,
            waiting: 20,
            waiting_per_address: 5,
            arrivals_per_address: 5,
            arrivals: 50,
            hello_seconds: 5,
            login_seconds: 60,
            attempts: 8,
            wrong_passwords: 5,
            wrong_password_seconds: 10,
            password_queue: 8,
            channels: 4,
            commands: 16,
            input_mib: 1024,
            idle_seconds: 3600,
            keepalive_seconds: 20,
            inactivity_seconds: 60,
            command_stall_seconds: 600,
            registrations: 3,
        }
    }
}

impl Limits {
    /// Every limit that may not be 0, by the name it has in the settings.
    pub fn at_least_one(&self) -> [(&'static str, u64); 17] {
        [
            ("ssh.limits.connections", self.connections as u64),
            ("ssh.limits.waiting", self.waiting as u64),
            ("ssh.limits.waiting_per_address", self.waiting_per_address as u64),
            ("ssh.limits.arrivals_per_address", self.arrivals_per_address.into()),
            ("ssh.limits.arrivals", self.arrivals.into()),
            ("ssh.limits.hello_seconds", self.hello_seconds),
            ("ssh.limits.login_seconds", self.login_seconds),
            ("ssh.limits.attempts", self.attempts as u64),
            ("ssh.limits.wrong_passwords", self.wrong_passwords.into()),
            ("ssh.limits.wrong_password_seconds", self.wrong_password_seconds),
            ("ssh.limits.password_queue", self.password_queue as u64),
            ("ssh.limits.channels", self.channels as u64),
            ("ssh.limits.commands", self.commands as u64),
            ("ssh.limits.input_mib", self.input_mib),
            ("ssh.limits.keepalive_seconds", self.keepalive_seconds),
            ("ssh.limits.inactivity_seconds", self.inactivity_seconds),
            ("ssh.limits.command_stall_seconds", self.command_stall_seconds),
        ]
    }

    /// How long a connection may take to begin signing in.
    pub const fn hello(&self) -> Duration {
        Duration::from_secs(self.hello_seconds)
    }

    /// How long a connection may take to sign in.
    pub const fn login(&self) -> Duration {
        Duration::from_secs(self.login_seconds)
    }

    /// How long nobody may press a key, if that is limited.
    pub const fn idle(&self) -> Option<Duration> {
        if self.idle_seconds == 0 { None } else { Some(Duration::from_secs(self.idle_seconds)) }
    }

    /// How long a command's streams may stand still.
    pub const fn command_stall(&self) -> Duration {
        Duration::from_secs(self.command_stall_seconds)
    }
}
