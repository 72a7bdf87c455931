//! The server's process, and what can be seen of it from outside.

use std::{
    env, fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use clowder::{
    desk::{Desk, UserChange},
    model::{Action, Actor, Breed, HealthStatus, Role},
    server::{
        Host, Registry,
        config::{Config, Live},
        ssh::{SshDoor, host_key},
    },
    store::{OpenOptions, Store},
};
use russh::keys::{Algorithm, PrivateKey, key::safe_rng, ssh_key::LineEnding};

use crate::{SERVE, data, wait_for};

const CATS: u32 = 5_000;
/// Who signs in.
pub const NAME: &str = "sam";
const KEY: &str = "sam_key";
const SESSIONS: usize = 1_000;

/// The limits that a server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limits {
    /// As they come.
    Usual,
    /// None that anybody would notice.
    None,
}

impl Limits {
    /// What to call them.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Usual => "limits as they come",
            Self::None => "limits of the door lifted",
        }
    }
}

/// Serves until standard input ends. Says its port, and then for each line that it reads how many are on.
pub fn serve(dir: &Path, limits: &str) {
    let lifted = limits == Limits::None.words();
    let store = Store::open(OpenOptions::new(dir.join("data"), dir.join("config"))).expect("a store").store;
    fill(&store);
    let desk = Desk::new(store);
    desk.wait_until_ready().expect("a catalog");
    let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).expect("a key");
    let console = Actor::console();
    let changes = vec![
        UserChange::Username(NAME.to_owned()),
        UserChange::FullName("Sam Field".to_owned()),
        UserChange::Email(Some("sam@example.org".to_owned())),
    ];
    let id = desk.add_user(&console, Role::Staff, changes, None).expect("an account").0.id;
    desk.add_ssh_key(&console, id, &key.public_key().to_openssh().expect("a line")).expect("a key that is taken");
    fs::write(dir.join(KEY), key.to_openssh(LineEnding::LF).expect("text").as_bytes()).expect("a file");

    let mut config = Config::default();
    config.sessions.limit = SESSIONS;
    if lifted {
        let limits = &mut config.ssh.limits;
        (limits.connections, limits.waiting, limits.waiting_per_address) = (SESSIONS, SESSIONS, SESSIONS);
        (limits.arrivals, limits.arrivals_per_address) = (100_000, 100_000);
        (limits.wrong_passwords, limits.password_queue) = (100_000, SESSIONS);
    }
    let host = Host::new(desk, Registry::new(SESSIONS), Live::new(config));
    let host_key = host_key::load_or_make(&dir.join("host_key")).expect("a host key");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let door = SshDoor::open(listener, &host_key, &host).expect("a door");
    println!("{}", door.address());
    for line in io::stdin().lines() {
        line.expect("a question");
        println!("{}", host.registry.count());
        io::stdout().flush().expect("somebody who reads");
    }
    host.registry.close("the end", None);
    door.close();
}

fn fill(store: &Store) {
    let console = Actor::console();
    let catalogues = store.write(&console, |tx| {
        tx.describe(Action::Import, "catalogues");
        for name in data::BREEDS {
            tx.insert(&mut Breed { name: (*name).into(), ..Breed::default() })?;
        }
        for name in data::HEALTH {
            tx.insert(&mut HealthStatus { name: (*name).into(), ..HealthStatus::default() })?;
        }
        Ok::<_, clowder::store::StoreError>(())
    });
    catalogues.expect("a commit");
    for chunk in data::cats(CATS).chunks(100) {
        let mut chunk = chunk.to_vec();
        let cats = store.write(&console, move |tx| {
            tx.describe(Action::Import, "cats");
            chunk.iter_mut().try_for_each(|cat| tx.insert(cat).map(drop))
        });
        cats.expect("a commit");
    }
}

/// The server as its clients have it.
pub struct Server {
    child: Child,
    lines: std::cell::RefCell<BufReader<std::process::ChildStdout>>,
    pub address: SocketAddr,
    pub key: Arc<PrivateKey>,
    _dir: tempfile::TempDir,
}

impl Server {
    pub fn start(limits: Limits) -> Self {
        let dir = tempfile::tempdir().expect("a directory to work in");
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.arg(SERVE).arg(dir.path()).arg(limits.words()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the server");
        let mut lines = BufReader::new(child.stdout.take().expect("its output"));
        let mut address = String::new();
        lines.read_line(&mut address).expect("its address");
        let address = address.trim().parse().expect("its address");
        let key = fs::read(dir.path().join(KEY)).expect("the key");
        let key = Arc::new(PrivateKey::from_openssh(key).expect("the key"));
        Self { child, lines: lines.into(), address, key, _dir: dir }
    }

    /// Waits until nobody is on.
    pub fn wait_until_empty(&self) {
        wait_for("the end of all sessions", || {
            let mut stdin = self.child.stdin.as_ref().expect("its input");
            stdin.write_all(b"\n").expect("a server");
            let mut count = String::new();
            self.lines.borrow_mut().read_line(&mut count).expect("an answer");
            count.trim() == "0"
        });
    }

    fn file(&self, name: &str) -> String {
        let mut text = String::new();
        let path = format!("/proc/{}/{name}", self.child.id());
        // A thread that has just ended has no file any more.
        let _ = fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text));
        text
    }

    /// Resident memory in KiB.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS")
    }

    /// The most resident memory there was, in KiB.
    pub fn peak_memory(&self) -> u64 {
        self.status("VmHWM")
    }

    fn status(&self, name: &str) -> u64 {
        let status = self.file("status");
        let line = status.lines().find(|line| line.starts_with(name)).expect("a line about memory");
        line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
    }

    /// The time that its threads have had on a core.
    pub fn cpu(&self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("its threads");
        let of = |thread: String| {
            let text = self.file(&format!("task/{thread}/schedstat"));
            text.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0)
        };
        let names = threads.filter_map(|t| t.ok()?.file_name().into_string().ok());
        Duration::from_nanos(names.map(of).sum())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It ends by itself, and there is nothing more to be done when it does not end well.
        let _ = self.child.wait();
    }
}
