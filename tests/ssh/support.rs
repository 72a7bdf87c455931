//! A server on loopback, and both clients.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    num::NonZeroU16,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
    time::Instant,
};

use clowder::{
    model::{Actor, UserId},
    server::{
        Host, Registry,
        config::{Config, Live},
        ssh::{SshDoor, host_key, limits::Limits},
    },
};
use russh::{
    ChannelMsg, Pty,
    client::{self, Handle},
    keys::{Algorithm, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate, key::safe_rng, ssh_key::LineEnding},
};

use crate::shelter::{
    Shelter,
    limit::{self, PATIENCE, within},
};

pub use crate::shelter::limit::wait_for;

/// Limits under which everything comes from one address and nothing is refused.
pub fn wide() -> Limits {
    Limits {
        waiting: 100,
        waiting_per_address: 100,
        arrivals: 100_000,
        arrivals_per_address: 100_000,
        ..Limits::default()
    }
}

/// A shelter with an open door. Everybody's key is in `dir`, under their name.
pub struct Server {
    pub door: Option<SshDoor>,
    pub registry: Registry,
    pub live: Live,
    pub shelter: Shelter,
    pub dir: tempfile::TempDir,
}

impl Server {
    pub fn new() -> Self {
        Self::with(|config| config.ssh.limits = wide())
    }

    pub fn with(settings: impl FnOnce(&mut Config)) -> Self {
        let shelter = Shelter::new();
        let dir = tempfile::tempdir().unwrap();
        for name in ["ada", "sam", "uma"] {
            let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap();
            let path = dir.path().join(name);
            fs::write(&path, key.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let line = key.public_key().to_openssh().unwrap();
            let id = shelter.desk.user_by_name(&Actor::console(), name).unwrap();
            shelter.desk.add_ssh_key(&Actor::console(), id, &format!("{line} laptop")).unwrap();
        }
        let mut config = Config::default();
        settings(&mut config);
        let (live, registry) = (Live::new(config), Registry::default());
        let host_key = host_key::load_or_make(&dir.path().join("host_key")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = Host::new(shelter.desk.clone(), registry.clone(), live.clone());
        let door = SshDoor::open(listener, &host_key, &host).unwrap();
        Self { door: Some(door), registry, live, shelter, dir }
    }

    pub fn address(&self) -> SocketAddr {
        self.door.as_ref().unwrap().address()
    }

    pub fn id(&self, name: &str) -> UserId {
        self.shelter.desk.user_by_name(&Actor::console(), name).unwrap()
    }

    pub fn key_file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn key(&self, name: &str) -> Arc<PrivateKey> {
        Arc::new(PrivateKey::from_openssh(fs::read(self.key_file(name)).unwrap()).unwrap())
    }

    /// The real client, with somebody's key, up to the host.
    pub fn options(&self, name: &str) -> Vec<String> {
        let key = self.key_file(name);
        let port = self.address().port();
        let mut args: Vec<String> = vec!["-F".to_owned(), "none".to_owned(), "-p".to_owned(), port.to_string()];
        for option in [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "ControlPath=none",
        ] {
            args.extend(["-o".to_owned(), option.to_owned()]);
        }
        if key.exists() {
            args.extend(["-i".to_owned(), key.display().to_string(), "-o".to_owned(), "BatchMode=yes".to_owned()]);
        }
        args
    }

    /// The real client with more options and words.
    pub fn ssh(&self, name: &str, options: &[&str], words: &[&str]) -> Command {
        let mut command = Command::new("ssh");
        command.args(self.options(name)).args(options).arg(format!("{name}@127.0.0.1")).args(words);
        command.env_remove("SSH_AUTH_SOCK").env("TERM", "xterm-256color").stdin(Stdio::null());
        command
    }

    /// Runs words with somebody's key.
    pub fn run(&self, name: &str, words: &[&str]) -> Output {
        limit::output(&mut self.ssh(name, &["-T"], words))
    }

    /// Runs words with something on standard input.
    pub fn feed(&self, name: &str, words: &[&str], input: &[u8]) -> Output {
        limit::feed(&mut self.ssh(name, &["-T"], words), input)
    }

    /// The real client with a password instead of a key.
    pub fn with_password(&self, name: &str, password: &str, words: &[&str]) -> Output {
        let ask = self.dir.path().join("ask");
        fs::write(&ask, format!("#!/bin/sh\necho '{password}'\n")).unwrap();
        fs::set_permissions(&ask, fs::Permissions::from_mode(0o700)).unwrap();
        let mut command = Command::new("ssh");
        command.args(self.options("nobody")).args(["-T", "-o", "PubkeyAuthentication=no"]);
        command.args(["-o", "NumberOfPasswordPrompts=1"]).arg(format!("{name}@127.0.0.1")).args(words);
        command.env("SSH_ASKPASS", &ask).env("SSH_ASKPASS_REQUIRE", "force").env("DISPLAY", ":0");
        command.env_remove("SSH_AUTH_SOCK").stdin(Stdio::null());
        limit::output(&mut command)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.registry.close("the end", None);
        drop(self.door.take());
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A terminal with the real client in it.
pub struct Tty {
    pub child: Box<dyn portable_pty::Child + Send + Sync>,
    master: Box<dyn portable_pty::MasterPty + Send>,
    writer: Box<dyn std::io::Write + Send>,
    output: Arc<Mutex<Vec<u8>>>,
    size: (u16, u16),
    from: usize,
}

impl Tty {
    pub fn open(server: &Server, name: &str, term: &str, options: &[&str], words: &[&str]) -> Self {
        let size = portable_pty::PtySize { rows: 24, cols: 80, ..Default::default() };
        let pair = portable_pty::native_pty_system().openpty(size).unwrap();
        let mut command = portable_pty::CommandBuilder::new("ssh");
        command.args(server.options(name));
        command.args(options);
        command.arg(format!("{name}@127.0.0.1"));
        command.args(words);
        command.env("TERM", term);
        command.env_remove("SSH_AUTH_SOCK");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let output = Arc::new(Mutex::new(Vec::new()));
        let gathered = output.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                gathered.lock().unwrap().extend_from_slice(&buffer[..n]);
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Self { child, master: pair.master, writer, output, size: (80, 24), from: 0 }
    }

    pub fn keys(&mut self, keys: &str) -> &mut Self {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
        self
    }

    pub fn resize(&mut self, columns: u16, rows: u16) -> &mut Self {
        self.size = (columns, rows);
        self.from = self.output.lock().unwrap().len();
        self.master.resize(portable_pty::PtySize { rows, cols: columns, ..Default::default() }).unwrap();
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.output.lock().unwrap().clone()
    }

    pub fn screen(&self) -> String {
        screen(&self.bytes()[self.from..], self.size)
    }

    pub fn wait_for(&mut self, wanted: &str) -> &mut Self {
        let started = Instant::now();
        while !self.screen().contains(wanted) {
            assert!(started.elapsed() < PATIENCE, "waited in vain for {wanted:?}:\n{}", self.screen());
            std::thread::yield_now();
        }
        self
    }

    pub fn wait_gone(&mut self, unwanted: &str) -> &mut Self {
        wait_for("a text to go", || !self.screen().contains(unwanted));
        self
    }

    /// Waits until everything it said holds something.
    pub fn wait_for_bytes(&mut self, wanted: &str) -> &mut Self {
        wait_for(wanted, || text(&self.bytes()).contains(wanted));
        self
    }

    /// The client's exit code.
    pub fn ends(&mut self) -> u32 {
        let pid = self.child.process_id().unwrap();
        within(pid, "the client in the terminal", || self.child.wait().unwrap().exit_code())
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a terminal of that size shows after these bytes.
pub fn screen(bytes: &[u8], (columns, rows): (u16, u16)) -> String {
    let size = |n| NonZeroU16::new(n).unwrap();
    let mut parser = vt100::Parser::new(size(rows), size(columns), 0);
    parser.process(bytes);
    let lines: Vec<String> = parser.screen().rows(0, columns).map(|r| r.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Takes any host key.
pub struct Trusting;

impl client::Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

/// A client that has not signed in.
pub async fn connect(server: &Server) -> Result<Handle<Trusting>, russh::Error> {
    client::connect(Arc::new(client::Config::default()), server.address(), Trusting).await
}

/// A client that signed in with a key.
pub async fn sign_in(server: &Server, name: &str) -> Handle<Trusting> {
    let mut handle = connect(server).await.unwrap();
    let key = PrivateKeyWithHashAlg::new(server.key(name), None);
    assert!(handle.authenticate_publickey(name, key).await.unwrap().success());
    handle
}

/// A session with screens.
pub struct Session {
    pub channel: client_channel::Channel,
    pub output: Vec<u8>,
    pub code: Option<u32>,
    size: (u16, u16),
    from: usize,
}

/// The client's channel has a long name.
pub mod client_channel {
    pub type Channel = russh::Channel<russh::client::Msg>;
}

/// Modes as OpenSSH sends them.
pub const MODES: [(Pty, u32); 2] = [(Pty::VERASE, 127), (Pty::IUTF8, 1)];

impl Session {
    pub async fn open(handle: &Handle<Trusting>, term: &str, (columns, rows): (u32, u32)) -> Self {
        let channel = handle.channel_open_session().await.unwrap();
        channel.request_pty(true, term, columns, rows, 0, 0, &MODES).await.unwrap();
        channel.request_shell(true).await.unwrap();
        let drawn = |n: u32, most: u16, unknown: u16| match n {
            0 => unknown,
            n => n.min(most.into()) as u16,
        };
        let size = (drawn(columns, 300, 80), drawn(rows, 100, 24));
        Self { channel, output: Vec::new(), code: None, size, from: 0 }
    }

    pub async fn keys(&mut self, keys: &[u8]) -> &mut Self {
        self.channel.data_bytes(keys.to_vec()).await.unwrap();
        self
    }

    pub async fn resize(&mut self, columns: u32, rows: u32) {
        self.channel.window_change(columns, rows, 0, 0).await.unwrap();
    }

    /// From now on the screen has this size.
    pub fn sized(&mut self, columns: u16, rows: u16) {
        self.size = (columns, rows);
        self.from = self.output.len();
    }

    pub fn screen(&self) -> String {
        screen(&self.output[self.from..], self.size)
    }

    /// Takes the next message; false when there are none.
    pub async fn next(&mut self) -> bool {
        match tokio::time::timeout(PATIENCE, self.channel.wait()).await.expect("waited in vain") {
            Some(ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. }) => {
                self.output.extend_from_slice(&data);
            }
            Some(ChannelMsg::ExitStatus { exit_status }) => self.code = Some(exit_status),
            Some(_) => {}
            None => return false,
        }
        true
    }

    pub async fn wait_for(&mut self, wanted: &str) -> &mut Self {
        while !self.screen().contains(wanted) {
            assert!(self.next().await, "it ended without {wanted:?}:\n{}", self.screen());
        }
        self
    }

    /// Waits for its end.
    pub async fn ends(&mut self) -> String {
        while self.next().await {}
        text(&self.output)
    }
}

/// Runs a client's part, none of whose waits is longer than the longest.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let done = tokio::time::timeout(2 * PATIENCE, future).await;
        done.expect("a client waited in vain")
    })
}
