//! Standard input and output of commands: waited for, broken off, cut off, too much, too slow.

use std::{
    io::{Read as _, Write as _},
    process::{ChildStdin, Stdio},
};

use crate::{
    limit::{Started, feed, output, wait_for, within},
    shelter::{Server, Shelter, memory, ssh, ssh_words},
    window::Window,
};

const IMPORT: [&str; 4] = ["import", "-", "--profile", "clowder"];

fn row(n: usize, text: &str) -> String {
    format!("{{\"name\":\"Cat {n}\",\"description\":\"{text}\"}}\n")
}

#[test]
fn one_ctrl_c_ends_a_command_that_waits_for_its_input() {
    let shelter = Shelter::new();
    let key = shelter.key("sam", &["ed25519"]);
    let broken_off = |mut window: Window| {
        window.keys(&row(1, "typed"));
        wait_for("a command that looks after Ctrl-C", || catches_interrupts(window.pid()));
        window.keys("\x03");
        let (code, said) = window.end();
        assert_eq!(code, 130, "{said}");
        assert!(said.contains("clowder: the import was broken off; nothing was read"), "{said}");
        assert!(!shelter.ok(&["cats", "list"]).contains("Cat 1"));
    };
    broken_off(shelter.window(&IMPORT));
    let mut server = shelter.server_with_ssh();
    let window = shelter.window(&IMPORT);
    server.logs("socket: command");
    broken_off(window);
    // Over SSH the client's own Ctrl-C ends the client; the command ends with it, and takes nothing. On a terminal, because a
    // client that was started with Ctrl-C turned off, as in the background of a script, would leave it turned off.
    let words = [&["-T", "sam@127.0.0.1"][..], &IMPORT].concat();
    let mut client = portable_pty::CommandBuilder::new("ssh");
    client.args(ssh_words(server.port(), &key));
    client.args(words);
    client.env_remove("SSH_AUTH_SOCK");
    let mut window = Window::open(client);
    window.keys(&row(1, "typed"));
    server.logs("ssh: command");
    window.keys("\x03");
    window.end();
    server.logs("ssh: command ended");
    assert!(!shelter.ok(&["cats", "list"]).contains("Cat 1"));
    server.stop();
}

/// Whether a process looks after Ctrl-C itself.
fn catches_interrupts(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & 0b10 != 0
}

/// Waits until somebody holds the store.
fn holds(shelter: &Shelter) {
    let lock = std::fs::File::open(shelter.data().join("lock")).unwrap();
    wait_for("somebody who holds the store", || {
        let is_free = lock.try_lock().is_ok();
        if is_free {
            lock.unlock().unwrap();
        }
        !is_free
    });
}

/// A command over SSH that has begun to read, and its input, which stays open.
fn reading(server: &mut Server, key: &std::path::Path) -> (Started, ChildStdin) {
    let mut child = ssh(server, key, "sam", &IMPORT);
    let mut child = Started::new(child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    // Waiting for a process closes what it has of its input.
    let mut stdin = child.0.stdin.take().unwrap();
    stdin.write_all(row(1, "sent").as_bytes()).unwrap();
    server.logs("ssh: command");
    (child, stdin)
}

#[test]
fn input_that_is_cut_off_changes_nothing() {
    let shelter = Shelter::new();
    let key = shelter.key("sam", &["ed25519"]);
    let mut server = shelter.server_with_ssh();
    let (mut child, _stdin) = reading(&mut server, &key);
    child.kill();
    child.end();
    let line = server.logs("ssh: command ended");
    assert!(line.contains("code=1"), "{line}");
    let mut child = shelter.command(&IMPORT);
    let mut child = Started::new(child.stdin(Stdio::piped()));
    let mut stdin = child.0.stdin.take().unwrap();
    stdin.write_all(row(1, "sent").as_bytes()).unwrap();
    server.logs("socket: command");
    child.kill();
    child.end();
    server.logs("socket: command ended");
    let cats = shelter.ok(&["cats", "list"]);
    assert!(cats.contains("Miso") && !cats.contains("Cat 1"), "{cats}");
    server.stop();
}

#[test]
fn a_stop_reaches_commands_that_wait_for_their_input() {
    let shelter = Shelter::new();
    let key = shelter.key("sam", &["ed25519"]);
    let mut server = shelter.server_with_ssh();
    let (remote, remote_stdin) = reading(&mut server, &key);
    let mut here = Started::new(shelter.command(&IMPORT).stdin(Stdio::piped()).stderr(Stdio::piped()));
    let here_stdin = here.0.stdin.take().unwrap();
    server.logs("socket: command");
    server.stop();
    for (mut child, stdin) in [(remote, remote_stdin), (here, here_stdin)] {
        let mut said = String::new();
        let mut stderr = child.0.stderr.take().unwrap();
        within(child.pid(), "the command", || stderr.read_to_string(&mut said).unwrap());
        assert_eq!(child.end().code(), Some(1), "{said}");
        assert!(said.contains("What was saved is safe"), "{said}");
        drop(stdin);
    }
    assert!(!shelter.ok(&["cats", "list"]).contains("Cat 1"));
}

#[test]
fn more_input_than_the_settings_allow_is_refused() {
    let shelter = Shelter::new();
    let key = shelter.key("sam", &["ed25519"]);
    shelter.settings("[ssh.limits]\ninput_mib = 1\n");
    let mut server = shelter.server_with_ssh();
    let import = |rows: usize| {
        let text: String = (0..rows).map(|n| row(n, &"n".repeat(1000))).collect();
        feed(&mut ssh(&server, &key, "sam", &IMPORT), text.as_bytes())
    };
    let (little, much) = (import(3), import(1500));
    assert_eq!(little.status.code(), Some(0), "{}", String::from_utf8_lossy(&little.stderr));
    assert_eq!(much.status.code(), Some(1));
    let said = String::from_utf8(much.stderr).unwrap();
    assert!(said.contains("longer than the settings of the server allow"), "{said}");
    let line = server.logs("the input of a command is longer");
    assert!(line.contains("Sam from 127.0.0.1") || line.contains("sam from 127.0.0.1"), "{line}");
    assert!(shelter.ok(&["stats"]).contains("Cats             4"));
    server.stop();
}

#[test]
fn a_slow_reader_of_a_big_export_costs_no_memory() {
    const MANY: usize = 2000;
    const LONG: usize = clowder::model::limits::DESCRIPTION;
    let shelter = Shelter::new();
    let key = shelter.key("sam", &["ed25519"]);
    let rows: String = (0..MANY).map(|n| row(n, &"n".repeat(LONG))).collect();
    shelter.feed(&rows, &IMPORT);
    let server = shelter.server_with_ssh();
    // What is read once is in the engine's memory.
    let whole = shelter.ok(&["export"]).len();
    let export =
        || -> [std::process::Command; 2] { [shelter.command(&["export"]), ssh(&server, &key, "sam", &["export"])] };
    for mut command in export() {
        assert_eq!(output(&mut command).stdout.len(), whole);
    }
    assert!(whole > MANY * LONG);
    let before = memory(server.pid(), "VmRSS");
    let mut slow: Vec<Started> = Vec::new();
    for _ in 0..3 {
        slow.extend(export().map(|mut command| Started::new(command.stdout(Stdio::piped()))));
    }
    // Each has begun, nobody reads on, and the others are served meanwhile.
    let mut begun = Vec::new();
    for child in &mut slow {
        let mut first = [0; 4096];
        let pid = child.pid();
        let stdout = child.0.stdout.as_mut().unwrap();
        within(pid, "an export", || stdout.read_exact(&mut first).unwrap());
        begun.push(first);
    }
    for mut command in export() {
        assert_eq!(output(&mut command).stdout.len(), whole);
    }
    // Each has a few pieces on its way, and over SSH what its client's window takes.
    let (grown, all) = (memory(server.pid(), "VmRSS").saturating_sub(before), 6 * whole as u64 / 1024);
    assert!(grown < all * 3 / 4, "{grown} KiB of {all}");
    // All of it is there for whoever reads on at last.
    for mut child in slow {
        let mut rest = Vec::new();
        let mut stdout = child.0.stdout.take().unwrap();
        within(child.pid(), "an export", || stdout.read_to_end(&mut rest).unwrap());
        assert_eq!(4096 + rest.len(), whole);
        assert!(child.end().success());
    }
    server.stop();
}

#[test]
fn whoever_comes_while_a_command_has_the_store_is_told_what_to_do() {
    let shelter = Shelter::new();
    let mut import = shelter.command(&IMPORT);
    let mut import = Started::new(import.stdin(Stdio::piped()).stdout(Stdio::null()));
    holds(&shelter);
    let pid = format!("the store is in use by process {} (command line, since ", import.pid());
    for words in [&["stats"][..], &["serve", "--no-ssh"]] {
        let ran = shelter.run(words);
        assert_eq!(ran.code, 1);
        assert!(ran.err.contains(&pid), "{}", ran.err);
        let way_out = "a command that lets nobody in until it is done: wait for it, or end it first";
        assert!(ran.err.contains(way_out), "{}", ran.err);
    }
    let mut window = shelter.window(&[]);
    window.writes(&pid);
    assert_eq!(window.end().0, 1);
    let mut stdin = import.0.stdin.take().unwrap();
    stdin.write_all(row(1, "sent").as_bytes()).unwrap();
    drop(stdin);
    assert!(import.end().success());
    assert!(shelter.ok(&["cats", "list"]).contains("Cat 1"));
}
