//! Ends of every kind: told, cut, killed.

use crate::{
    limit::PATIENCE,
    shelter::{PASSWORD, Shelter, signal},
};

/// What every session ends with: paste mode off, plain, clear, cursor back, the other screen left.
pub const LEAVE: &str = "\x1b[?2004l\x1b[0m\x1b[2J\x1b[H\x1b[?25h\x1b[?1049l";

#[test]
fn a_stop_is_told_in_a_sentence_after_the_screen_is_gone() {
    let shelter = Shelter::new();
    let server = shelter.server();
    let mut sam = shelter.person("sam");
    server.signal("INT");
    assert_eq!(server.end(), Some(0));
    assert!(sam.wait_restored());
    let (code, said) = sam.end();
    assert_eq!(code, 0);
    let end = said.rfind(LEAVE).unwrap();
    assert_eq!(said[end + LEAVE.len()..].trim(), "Clowder was stopped on the server. What was saved is safe.");
    assert!(shelter.data().join("clean").exists(), "the store was closed");
}

#[test]
fn a_killed_server_leaves_the_terminal_whole_and_the_next_start_works() {
    let shelter = Shelter::new();
    let server = shelter.server();
    let mut sam = shelter.person("sam");
    server.signal("KILL");
    assert_eq!(server.end(), None);
    assert!(sam.wait_restored());
    let (code, said) = sam.end();
    assert_eq!(code, 1);
    assert!(said.contains(LEAVE) && said.contains("is gone. What was saved is safe"), "{said:?}");
    assert!(shelter.socket().exists(), "nobody took it away");
    let mut again = shelter.person("ada");
    again.keys("2").sees("Miso");
}

#[test]
fn a_killed_owner_leaves_the_others_whole() {
    let shelter = Shelter::new();
    let owner = shelter.person("ada");
    let guest = shelter.person("sam");
    signal(owner.pid(), "KILL");
    let (code, said) = guest.end();
    assert_eq!(code, 1);
    assert!(said.contains(LEAVE), "{said:?}");
}

#[test]
fn an_owner_that_is_told_to_end_tells_the_others_and_closes_the_store() {
    let shelter = Shelter::new();
    for name in ["TERM", "HUP"] {
        let owner = shelter.person("ada");
        let guest = shelter.person("sam");
        signal(owner.pid(), name);
        assert_eq!(owner.end().0, 0);
        let (code, said) = guest.end();
        assert_eq!(code, 0);
        assert!(said.contains("The Clowder that held the store was closed."), "{said:?}");
        assert!(shelter.data().join("clean").exists());
    }
}

#[test]
fn a_client_that_is_told_to_end_or_loses_its_window_leaves_no_session() {
    let shelter = Shelter::new();
    let mut server = shelter.server();
    for name in ["TERM", "HUP", "KILL"] {
        let sam = shelter.person("sam");
        signal(sam.pid(), name);
        server.logs("socket: session ");
        server.logs("socket: session ");
        drop(sam);
    }
    server.stop();
}

#[test]
fn the_settings_are_read_again() {
    let shelter = Shelter::new();
    let mut server = shelter.server();
    shelter.settings("[sessions]\nlimit = 1\n");
    server.signal("HUP");
    server.logs("settings read again");
    let _sam = shelter.person("sam");
    let ran = shelter.run(&["stats"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("as many sessions as the settings allow"), "{}", ran.err);
    shelter.settings("[ssh.limits]\ncommands = 3\nchannels = 3\n[store]\ncache_mib = 9\n");
    // Twice: what counts is what it began with, not what was read last.
    for _ in 0..2 {
        server.signal("HUP");
        let line = server.logs("settings read again");
        assert!(line.ends_with("a restart is needed for: ssh.limits.commands, store.cache_mib"), "{line}");
    }
    shelter.settings("[sessions]\nlimt = 9\n");
    server.signal("HUP");
    let line = server.logs("the settings stay as they were");
    assert!(line.contains("limt"), "{line}");
    server.stop();
}

#[test]
fn wrong_settings_keep_the_server_from_starting() {
    let shelter = Shelter::new();
    shelter.settings("[ssh]\nlisten = \"somewhere\"\n");
    let ran = shelter.run(&["serve"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("clowder.toml") && ran.err.contains("line 2"), "{}", ran.err);
}

#[test]
fn the_log_can_be_read_by_a_program() {
    let shelter = Shelter::new();
    let mut server = shelter.server_with(&["--log-format", "json"]);
    shelter.feed(&format!("{PASSWORD}\n"), &["users", "add", "new", "--password-stdin"]);
    let line: serde_json::Value = serde_json::from_str(&server.logs("socket: command")).unwrap();
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["fields"]["command"], "users add");
    server.stop();
}

#[test]
fn a_service_manager_is_told_of_the_beginning_and_the_end() {
    let shelter = Shelter::new();
    let path = shelter.path("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = shelter.command(&["serve", "--no-ssh"]);
    command.env("NOTIFY_SOCKET", &path);
    let server = crate::shelter::Server::start(command);
    let told = || {
        let mut said = [0; 256];
        let length = manager.recv(&mut said).unwrap();
        String::from_utf8_lossy(&said[..length]).trim().to_owned()
    };
    assert_eq!(told(), "READY=1");
    server.stop();
    assert_eq!(told(), "STOPPING=1");
}
