//! The SSH door of the real process, with the real client: keys, terminals, ends, and what is logged.

use std::{
    fs,
    io::{ErrorKind, Read as _},
    net::TcpStream,
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    process::{Command, Stdio},
};

use clowder::session::socket::{Hello, Up, Wants, send};

use crate::{
    ends::LEAVE,
    limit::{PATIENCE, Started, output},
    shelter::{PASSWORD, Server, Shelter, memory, ssh, ssh_window, ssh_words},
};

#[test]
fn every_sort_of_key_lets_its_owner_in() {
    let shelter = Shelter::new();
    let sorts: [&[&str]; 5] =
        [&["ed25519"], &["rsa", "-b", "2048"], &["ecdsa"], &["ecdsa", "-b", "384"], &["ecdsa", "-b", "521"]];
    // More than one account may have.
    let keys: Vec<_> = ["sam", "sam", "sam", "ada", "ada"]
        .iter()
        .zip(sorts)
        .map(|(who, sort)| (*who, shelter.key(who, sort)))
        .collect();
    let mut server = shelter.server_with_ssh();
    // The client knows the server by the key whose fingerprint is logged.
    let host_key = shelter.config().join("ssh_host_ed25519_key");
    let public = output(Command::new("ssh-keygen").arg("-y").arg("-f").arg(&host_key));
    let public = String::from_utf8(public.stdout).unwrap();
    let known = shelter.path("known_hosts");
    fs::write(&known, format!("[127.0.0.1]:{} {public}", server.port())).unwrap();
    let shown = output(Command::new("ssh-keygen").arg("-l").arg("-f").arg(&host_key));
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(server.said().contains(shown.split_whitespace().nth(1).unwrap()), "{shown}{}", server.said());
    let known = format!("UserKnownHostsFile={}", known.display());
    for (who, key) in &keys {
        let mut command = Command::new("ssh");
        command.args(["-o", "StrictHostKeyChecking=yes", "-o", &known]).args(ssh_words(server.port(), key));
        let done = output(command.args([&*format!("{who}@127.0.0.1"), "stats"]).env_remove("SSH_AUTH_SOCK"));
        assert_eq!(done.status.code(), Some(0), "{key:?}: {}", String::from_utf8_lossy(&done.stderr));
        server.logs("ssh: signed in");
    }
    // A signature of the old kind is not taken.
    let old = ["-o", "PubkeyAcceptedAlgorithms=ssh-rsa", "stats"];
    let done = output(ssh(&server, &keys[1].1, "sam", &[]).args(old));
    assert_eq!(done.status.code(), Some(255));
    server.stop();
}

#[test]
fn one_who_types_nothing_for_long_is_shown_out() {
    let shelter = Shelter::new();
    let key = shelter.key("sam", &["ed25519"]);
    shelter.settings("[ssh.limits]\nidle_seconds = 1\n");
    let mut server = shelter.server_with_ssh();
    let mut window = ssh_window(&server, &key, "sam", "xterm-256color", &[]);
    window.writes("\x1b[?1049h");
    assert!(window.wait_restored());
    let (code, said) = window.end();
    assert_eq!(code, 0, "{said}");
    let end = said.rfind(LEAVE).unwrap();
    let told = "Nothing was typed for a long time, so this session was ended.";
    assert_eq!(said[end + LEAVE.len()..].trim(), told);
    let line = server.logs("session ended: nothing was typed for a long time");
    assert!(line.contains("sam from 127.0.0.1"), "{line}");
    server.stop();
}

#[test]
fn signing_out_ends_the_connection() {
    let shelter = Shelter::new();
    let key = shelter.key("sam", &["ed25519"]);
    let mut server = shelter.server_with_ssh();
    let mut window = ssh_window(&server, &key, "sam", "xterm-256color", &[]);
    window.sees("Home").keys(":sign out\r");
    let (code, said) = window.end();
    assert_eq!(code, 0);
    assert!(said.ends_with(LEAVE), "{said:?}");
    server.logs("ssh: session ended");
    server.stop();
}

#[test]
fn each_terminal_and_language_gets_what_it_can_show() {
    let shelter = Shelter::new();
    let key = shelter.key("sam", &["ed25519"]);
    shelter.ok(&["cats", "add", "三毛"]);
    let server = shelter.server_with_ssh();
    let shown = |term: &str, env: &str| {
        let mut options = vec!["-o", "SendEnv=-*"];
        let set = format!("SetEnv={env}");
        if !env.is_empty() {
            options.extend(["-o", &set]);
        }
        let mut window = ssh_window(&server, &key, "sam", term, &options);
        window.sees("Home").keys("2").sees("Miso").keys("\x03");
        let (code, said) = window.end();
        assert_eq!(code, 0, "{term} {env}: {said}");
        said
    };
    let coloured = |said: &str| {
        let sequences = said.split("\x1b[").filter_map(|rest| rest.split_once('m'));
        sequences.flat_map(|(codes, _)| codes.split(';')).any(|code| {
            matches!(code, "38" | "48")
                || code.parse::<u8>().is_ok_and(|n| (30..=37).contains(&n) || (90..=97).contains(&n))
        })
    };
    let alternate = |said: &str| said.contains("\x1b[?1049h");
    let full = shown("xterm-256color", "LANG=C.UTF-8");
    assert!(coloured(&full) && alternate(&full) && full.contains("三毛"));
    // Without UTF-8 nothing but ASCII, whatever the cats are called.
    for (term, env) in [("xterm-256color", "LANG=C"), ("vt100", "LANG=C"), ("xterm", "LC_ALL=POSIX")] {
        let plain = shown(term, env);
        assert!(plain.is_ascii(), "{term} {env}: {plain:?}");
    }
    assert!(!coloured(&shown("xterm-256color", "NO_COLOR=1")));
    assert!(!coloured(&shown("vt100", "LANG=C.UTF-8")));
    assert!(coloured(&shown("xterm", "LANG=C.UTF-8")));
    let console = shown("linux", "LANG=C.UTF-8");
    assert!(coloured(&console) && !alternate(&console));
    assert!(!console.chars().any(|c| "╭╮╰╯✓✔".contains(c) || ('\u{2800}'..='\u{28ff}').contains(&c)), "{console}");
    for term in ["dumb", ""] {
        let mut window = ssh_window(&server, &key, "sam", term, &[]);
        window.writes("cannot show screens");
        assert_eq!(window.end().0, 2);
    }
    server.stop();
}

#[test]
fn windows_from_nothing_to_absurd() {
    let shelter = Shelter::new();
    let key = shelter.key("sam", &["ed25519"]);
    let server = shelter.server_with_ssh();
    let before = memory(server.pid(), "VmRSS");
    let mut window = ssh_window(&server, &key, "sam", "xterm-256color", &[]);
    window.sees("Home");
    for (columns, rows) in [(0, 0), (1, 1), (u16::MAX, u16::MAX), (u16::MAX, 1), (1, u16::MAX), (2, 2)] {
        window.resize(columns, rows);
    }
    window.resize(70, 20);
    // The footer stands in the last row of the last size.
    window.keys("2").wait("a screen of the last size", |text| {
        let rows: Vec<&str> = text.lines().collect();
        text.contains("Miso") && rows[20..].iter().all(|row| row.is_empty())
    });
    assert!(memory(server.pid(), "VmHWM").saturating_sub(before) < 64 * 1024);
    window.keys("\x03");
    assert_eq!(window.end().0, 0);
    server.stop();
}

#[test]
fn what_a_limit_refuses_is_logged() {
    let shelter = Shelter::new();
    let key = shelter.key("sam", &["ed25519"]);
    let with = |limits: &str| {
        shelter.settings(&format!("[ssh.limits]\n{limits}\n"));
        shelter.server_with_ssh()
    };
    let connect = |server: &Server| {
        let line = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
        line.set_read_timeout(Some(PATIENCE)).unwrap();
        line
    };
    let is_cut = |mut line: TcpStream| {
        let mut said = Vec::new();
        // The end of the line may be an error, but not that it never comes.
        let end = line.read_to_end(&mut said);
        assert!(!end.is_err_and(|e| e.kind() == ErrorKind::WouldBlock), "the line is not cut");
    };

    // Longer than the log keeps refusals apart.
    let mut server = with("hello_seconds = 3\nwaiting_per_address = 1");
    let held = connect(&server);
    is_cut(connect(&server));
    server.logs("too many connections from this address that have not signed in");
    is_cut(held);
    server.logs("ssh: refused: n");
    server.stop();

    let mut server = with("connections = 1");
    let held = connect(&server);
    is_cut(connect(&server));
    server.logs("ssh: refused: too many connections");
    drop(held);
    server.stop();

    let mut server = with("arrivals_per_address = 1\nwaiting_per_address = 20");
    let lines: Vec<_> = (0..11).map(|_| connect(&server)).collect();
    server.logs("too many new connections from this address");
    drop(lines);
    server.stop();

    let mut server = with("arrivals = 1\nwaiting_per_address = 20");
    let lines: Vec<_> = (0..6).map(|_| connect(&server)).collect();
    server.logs("ssh: refused: too many new connections");
    drop(lines);
    server.stop();

    let mut server = with("attempts = 2\nwrong_passwords = 20");
    try_passwords(&shelter, server.port(), 3);
    server.logs("too many attempts to sign in on one connection");
    server.stop();

    let mut server = with("wrong_passwords = 1");
    try_passwords(&shelter, server.port(), 2);
    server.logs("too many wrong passwords from this address");
    server.stop();

    let mut server = with("commands = 1");
    let mut waits = ssh(&server, &key, "sam", &["import", "-", "--profile", "clowder"]);
    let mut waits = Started::new(waits.stdin(Stdio::piped()));
    server.logs("ssh: command");
    let second = output(&mut ssh(&server, &key, "sam", &["stats"]));
    assert!(String::from_utf8_lossy(&second.stderr).contains("too many commands run at once"));
    server.logs("too many commands run at once");
    waits.kill();
    waits.end();
    server.stop();

    shelter.settings("[sessions]\nlimit = 1\n");
    let mut server = shelter.server_with_ssh();
    let mut first = ssh_window(&server, &key, "sam", "xterm", &[]);
    first.sees("Home");
    assert_eq!(output(&mut ssh(&server, &key, "sam", &["stats"])).status.code(), Some(1));
    server.logs("ssh: refused: there are as many sessions as the settings allow");
    assert_eq!(shelter.run(&["stats"]).code, 1);
    server.logs("socket: refused: there are as many sessions as the settings allow");
    first.keys("\x03");
    assert_eq!(first.end().0, 0);
    server.stop();
}

/// The real client with a wrong password, so many times on one connection.
fn try_passwords(shelter: &Shelter, port: u16, times: usize) {
    let ask = shelter.path("ask");
    fs::write(&ask, "#!/bin/sh\necho not this one\n").unwrap();
    fs::set_permissions(&ask, fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = Command::new("ssh");
    command.args(["-o", "BatchMode=no", "-o", "PubkeyAuthentication=no"]);
    command.arg("-o").arg(format!("NumberOfPasswordPrompts={times}"));
    command.args(ssh_words(port, &shelter.path("none"))).args(["sam@127.0.0.1", "stats"]);
    command.env("SSH_ASKPASS", &ask).env("SSH_ASKPASS_REQUIRE", "force").env("DISPLAY", ":0");
    assert_eq!(output(command.env_remove("SSH_AUTH_SOCK").stdin(Stdio::null())).status.code(), Some(255));
}

#[test]
fn a_client_that_stands_still_is_logged_as_gone() {
    let shelter = Shelter::new();
    let key = shelter.key("sam", &["ed25519"]);
    shelter.settings("[ssh.limits]\nkeepalive_seconds = 1\n");
    let mut server = shelter.server_with_ssh();
    let mut window = ssh_window(&server, &key, "sam", "xterm", &[]);
    window.sees("Home");
    crate::shelter::signal(window.pid(), "STOP");
    let line = server.logs("nothing came from the client any more");
    assert!(line.contains("127.0.0.1"), "{line}");
    crate::shelter::signal(window.pid(), "CONT");
    server.stop();
}

#[test]
fn a_second_signal_ends_a_stop_that_takes_long() {
    let shelter = Shelter::new();
    for name in ["TERM", "INT"] {
        let mut server = shelter.server_with_ssh();
        // One that never reads takes seconds to be cut off.
        let mut deaf = UnixStream::connect(shelter.socket()).unwrap();
        let env = vec![("TERM".to_owned(), "xterm".to_owned())];
        let wants = Wants::Screens { size: (300, 100), env };
        send(&mut deaf, &Up::Hello(Hello { version: "test".to_owned(), wants })).unwrap();
        server.logs("session begins");
        deaf.set_write_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
        (0..=u16::MAX).find(|n| {
            send(&mut deaf, &Up::Size(200 + n % 2, 90))
                .and_then(|()| send(&mut deaf, &Up::Input(vec![b'?'; 4096])))
                .is_err()
        });
        server.signal(name);
        server.logs("told to stop");
        server.signal(name);
        let (code, said) = server.last_words();
        assert_eq!(code, Some(1));
        assert!(!said.contains("the store is closed"), "{said}");
        drop(deaf);
        assert!(shelter.ok(&["cats", "list"]).contains("Miso"));
    }
}

#[test]
fn a_flood_of_passwords_keeps_nobody_out_and_takes_little_memory() {
    let shelter = Shelter::new();
    let key = shelter.key("sam", &["ed25519"]);
    shelter.settings(
        "[ssh.limits]\nwaiting = 100\nwaiting_per_address = 100\narrivals = 1000\narrivals_per_address = 1000\nwrong_passwords = 1000\n",
    );
    let server = shelter.server_with_ssh();
    let mut sam = ssh_window(&server, &key, "sam", "xterm-256color", &[]);
    sam.sees("Home");
    let port = server.port();
    std::thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| try_passwords(&shelter, port, 6));
        }
        sam.keys("2").sees("Miso");
        let done = output(&mut ssh(&server, &key, "sam", &["stats"]));
        assert_eq!(done.status.code(), Some(0));
    });
    let most = memory(server.pid(), "VmHWM");
    assert!(most < 300 * 1024, "{most} KiB");
    server.stop();
}

#[test]
fn a_host_key_that_others_can_read_is_refused_with_the_command_that_mends_it() {
    let shelter = Shelter::new();
    shelter.server_with_ssh().stop();
    let key = shelter.config().join("ssh_host_ed25519_key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = shelter.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(ran.code, 1);
    let mend = format!("chmod 600 {}", key.display());
    assert!(ran.err.contains(&mend), "{}", ran.err);
    assert!(Command::new("sh").arg("-c").arg(&mend).status().unwrap().success());
    shelter.server_with_ssh().stop();
}

#[test]
fn a_password_works_on_a_terminal_of_the_real_process() {
    let shelter = Shelter::new();
    let mut server = shelter.server_with_ssh();
    let options = ["-o", "BatchMode=no", "-o", "PubkeyAuthentication=no"];
    let mut command = portable_pty::CommandBuilder::new("ssh");
    command.args(options);
    command.args(ssh_words(server.port(), &shelter.path("none")));
    command.args(["-tt", "ada@127.0.0.1"]);
    let mut window = crate::window::Window::open(command);
    window.writes("password:").hides().keys(&format!("{PASSWORD}\r")).sees("Home").sees("(admin)");
    server.logs("ssh: signed in");
    // Who is on, with door and address; an admin ends another session.
    let key = shelter.key("sam", &["ed25519"]);
    let mut sam = ssh_window(&server, &key, "sam", "xterm-256color", &[]);
    sam.sees("Home");
    window.keys("W").sees("Sessions").sees("SSH").sees("127.0.0.1").sees("sam");
    window.keys("G").keys("x").sees("End this session?").keys("\r").keys("y").sees("told to end");
    let (code, said) = sam.end();
    assert_eq!(code, 0);
    assert!(said.contains("An admin ended this session. What was saved is safe."), "{said}");
    server.logs("session told to end");
    window.keys("\x03");
    assert_eq!(window.end().0, 0);
    server.stop();
}

#[test]
fn passwords_are_turned_off_while_it_runs() {
    let shelter = Shelter::new();
    let key = shelter.key("sam", &["ed25519"]);
    let mut server = shelter.server_with_ssh();
    try_passwords(&shelter, server.port(), 1);
    server.logs("ssh: not signed in");
    shelter.settings("[ssh]\npasswords = false\n");
    server.signal("HUP");
    server.logs("settings read again");
    assert_eq!(output(&mut ssh(&server, &key, "sam", &["stats"])).status.code(), Some(0));
    try_passwords(&shelter, server.port(), 1);
    server.logs("ssh: signed in");
    server.signal("TERM");
    let (code, said) = server.last_words();
    assert_eq!((code, said.matches("ssh: not signed in").count()), (Some(0), 1), "{said}");
}
