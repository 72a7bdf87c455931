//! A store of its own, and those who come to it.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{ChildStderr, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
};

use clowder::store::{OpenOptions, Store};
use portable_pty::CommandBuilder;
use tempfile::TempDir;

use crate::{
    limit::{self, Limit, PATIENCE, Started, within},
    window::Window,
};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_clowder");
pub const PASSWORD: &str = "a fine long password";

pub struct Shelter(TempDir, #[expect(dead_code, reason = "it watches as long as it is there")] Limit);

/// What a command did.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Shelter {
    /// With an admin called ada, staff called sam, and a cat called Miso.
    pub fn new() -> Self {
        let shelter = Self(tempfile::tempdir().unwrap(), Limit::new());
        let made = Store::open(OpenOptions::new(shelter.data(), shelter.config())).unwrap();
        made.store.close().unwrap();
        for (name, role) in [("ada", "admin"), ("sam", "staff")] {
            shelter.feed(&format!("{PASSWORD}\n"), &["users", "add", name, "--role", role, "--password-stdin"]);
        }
        shelter.ok(&["cats", "add", "Miso"]);
        shelter
    }

    /// Another one with the same in it, down to the times. Nobody may have the store.
    pub fn copy(&self) -> Self {
        let copy = Self(tempfile::tempdir().unwrap(), Limit::new());
        for part in [self.data(), self.config()] {
            assert!(Command::new("cp").arg("-a").arg(part).arg(copy.0.path()).status().unwrap().success());
        }
        copy
    }

    pub fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    pub fn config(&self) -> PathBuf {
        self.0.path().join("config")
    }

    pub fn socket(&self) -> PathBuf {
        self.data().join("socket")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(args).env("CLOWDER_DATA", self.data()).env("CLOWDER_CONFIG", self.config());
        command.env_remove("CLOWDER_KEY").current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(limit::output(&mut self.command(args)))
    }

    pub fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.out, ran.err);
        ran.out
    }

    /// The audit log, newest first.
    pub fn log(&self) -> Vec<serde_json::Value> {
        serde_json::from_str(&self.ok(&["audit", "--json"])).unwrap()
    }

    /// What the socket knows its other end by.
    pub fn uid(&self) -> String {
        use std::os::unix::fs::MetadataExt as _;
        format!("uid {}", fs::metadata(self.data()).unwrap().uid())
    }

    pub fn feed(&self, input: &str, args: &[&str]) -> Ran {
        let ran = Ran::of(limit::feed(&mut self.command(args), input.as_bytes()));
        assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.out, ran.err);
        ran
    }

    /// The program on a terminal.
    pub fn window(&self, args: &[&str]) -> Window {
        let mut command = CommandBuilder::new(PROGRAM);
        command.args(args);
        command.env("CLOWDER_DATA", self.data());
        command.env("CLOWDER_CONFIG", self.config());
        command.env_remove("CLOWDER_KEY");
        command.env_remove("NO_COLOR");
        command.cwd(self.0.path());
        Window::open(command)
    }

    /// Somebody on a terminal who has signed in.
    pub fn person(&self, name: &str) -> Window {
        let mut window = self.window(&[]);
        window.sees("Sign in").keys(&format!("{name}\t{PASSWORD}\r")).sees("Home");
        window
    }

    pub fn settings(&self, text: &str) {
        fs::create_dir_all(self.config()).unwrap();
        fs::write(self.config().join("clowder.toml"), text).unwrap();
    }

    /// A server; it has come up when this returns.
    pub fn server(&self) -> Server {
        self.server_with(&[])
    }

    pub fn server_with(&self, args: &[&str]) -> Server {
        let args = [&["serve", "--no-ssh"], args].concat();
        Server::start(self.command(&args))
    }

    /// A server that listens for SSH too, on a port of its own.
    pub fn server_with_ssh(&self) -> Server {
        Server::start(self.command(&["serve", "--listen", "127.0.0.1:0"]))
    }

    /// Makes a key of some sort for somebody, and answers its file.
    pub fn key(&self, name: &str, sort: &[&str]) -> PathBuf {
        let file = self.path(&format!("{name}-{}", sort.join("-")));
        let mut make = Command::new("ssh-keygen");
        make.args(["-q", "-N", "", "-C", "laptop", "-t"]).args(sort).arg("-f").arg(&file);
        assert!(make.status().unwrap().success());
        let public = file.with_extension("pub").display().to_string();
        self.ok(&["users", "key", "add", name, &public]);
        file
    }
}

impl Ran {
    fn of(output: std::process::Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn read_lines(stream: ChildStderr) -> Receiver<String> {
    let (lines, log) = channel();
    thread::spawn(move || BufReader::new(stream).lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
    log
}

/// The words for the real client up to the host.
pub fn ssh_words(port: u16, key: &Path) -> Vec<String> {
    let options = "-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
                   -o IdentitiesOnly=yes -o IdentityAgent=none -o ControlPath=none -o BatchMode=yes";
    let mut words: Vec<String> = options.split_whitespace().map(str::to_owned).collect();
    words.extend(["-p".to_owned(), port.to_string(), "-i".to_owned(), key.display().to_string()]);
    words
}

/// The real client with a command; more options go between.
pub fn ssh(server: &Server, key: &Path, who: &str, args: &[&str]) -> Command {
    let mut command = Command::new("ssh");
    command.args(ssh_words(server.port(), key)).arg(format!("{who}@127.0.0.1")).args(args);
    command.env_remove("SSH_AUTH_SOCK").stdin(Stdio::null());
    command
}

/// The real client on a terminal, at the screens.
pub fn ssh_window(server: &Server, key: &Path, who: &str, term: &str, options: &[&str]) -> Window {
    let mut command = CommandBuilder::new("ssh");
    command.args(ssh_words(server.port(), key));
    command.args(options);
    command.args(["-tt".to_owned(), format!("{who}@127.0.0.1")]);
    command.env_remove("SSH_AUTH_SOCK");
    Window::open_as(command, term)
}

/// Kilobytes of memory that a process has, as the system counts them: `VmRSS` now, `VmHWM` at most so far.
pub fn memory(pid: u32, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

pub struct Server {
    child: Started,
    log: Receiver<String>,
    said: String,
}

impl Server {
    /// Waits until it has come up.
    pub fn start(mut command: Command) -> Self {
        let mut child = Started::new(command.stderr(Stdio::piped()));
        let log = read_lines(child.0.stderr.take().unwrap());
        let mut server = Self { child, log, said: String::new() };
        server.logs("serving the store");
        server
    }

    /// Where it listens for SSH.
    pub fn port(&self) -> u16 {
        let line = self.said.lines().find(|line| line.contains("ssh: listening")).unwrap();
        let address = line.split("address=127.0.0.1:").nth(1).unwrap();
        address.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// What it logged, as far as it was looked at.
    pub fn said(&self) -> &str {
        &self.said
    }

    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Waits until the log says something, and answers the line.
    pub fn logs(&mut self, words: &str) -> String {
        loop {
            let Ok(line) = self.log.recv_timeout(PATIENCE) else { panic!("no {words:?} in:\n{}", self.said) };
            self.said.push_str(&line);
            self.said.push('\n');
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Waits for its end, and answers the exit code (`None` when a signal ended it).
    pub fn end(self) -> Option<i32> {
        self.last_words().0
    }

    /// Waits for its end, and answers the exit code and all that it logged.
    pub fn last_words(mut self) -> (Option<i32>, String) {
        let pid = self.pid();
        within(pid, "the server", || {
            let code = self.child.0.wait().unwrap().code();
            let mut said = std::mem::take(&mut self.said);
            self.log.iter().for_each(|line| said.push_str(&(line + "\n")));
            (code, said)
        })
    }

    /// Stops it, and wants a clean end.
    pub fn stop(self) {
        self.signal("TERM");
        assert_eq!(self.end(), Some(0));
    }
}

pub fn signal(pid: u32, name: &str) {
    let kill = Command::new("sh").arg("-c").arg(format!("kill -{name} {pid}")).status().unwrap();
    assert!(kill.success());
}
