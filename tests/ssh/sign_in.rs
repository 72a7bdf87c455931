//! Who is let in, and for how long.

use clowder::model::{Actor, Role};

use crate::{
    shelter::{PASSWORD, limit::output},
    support::{Server, Tty, text, wait_for, wide},
};

const CONSOLE: Actor = Actor::console();

#[test]
fn by_key_and_by_password() {
    let server = Server::new();
    assert_eq!(server.run("sam", &["stats"]).status.code(), Some(0));
    let done = server.with_password("sam", PASSWORD, &["stats"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let wrong = server.with_password("sam", "not this one", &["stats"]);
    assert_eq!(wrong.status.code(), Some(255));
    assert!(wrong.stdout.is_empty() && text(&wrong.stderr).contains("Permission denied"));
    assert_eq!(server.with_password("nobody", PASSWORD, &["stats"]).status.code(), Some(255));
    // Somebody else's key.
    let key = server.key_file("uma").display().to_string();
    let mut command = std::process::Command::new("ssh");
    command.args(server.options("uma")).args(["-i", &key, "sam@127.0.0.1", "stats"]).env_remove("SSH_AUTH_SOCK");
    assert_eq!(output(&mut command).status.code(), Some(255));
}

#[test]
fn a_locked_account_is_told_so_once_it_proved_who_it_is() {
    let server = Server::new();
    server.shelter.desk.lock(&CONSOLE, server.id("sam"), "left the shelter").unwrap();
    for done in [server.run("sam", &["stats"]), server.with_password("sam", PASSWORD, &["stats"])] {
        assert_eq!(done.status.code(), Some(7));
        assert!(done.stdout.is_empty() && text(&done.stderr).contains("left the shelter"));
    }
    let wrong = server.with_password("sam", "not this one", &["stats"]);
    assert!(!text(&wrong.stderr).contains("lock"));
    assert_eq!(wrong.status.code(), Some(255));
}

#[test]
fn passwords_can_be_turned_off() {
    let server = Server::with(|config| {
        config.ssh.limits = wide();
        config.ssh.passwords = false;
    });
    let done = server.with_password("sam", PASSWORD, &["stats"]);
    assert_eq!(done.status.code(), Some(255));
    assert!(text(&done.stderr).contains("(publickey)"), "{}", text(&done.stderr));
    assert_eq!(server.run("sam", &["stats"]).status.code(), Some(0));
}

#[test]
fn an_address_has_only_so_many_wrong_passwords() {
    let server = Server::with(|config| {
        config.ssh.limits = wide();
        config.ssh.limits.wrong_passwords = 2;
        config.ssh.limits.wrong_password_seconds = 3600;
    });
    for _ in 0..2 {
        assert_eq!(server.with_password("sam", "not this one", &["stats"]).status.code(), Some(255));
    }
    assert_eq!(server.with_password("sam", PASSWORD, &["stats"]).status.code(), Some(255));
    assert_eq!(server.run("sam", &["stats"]).status.code(), Some(0));
}

#[test]
fn an_open_session_ends_with_its_key_and_with_its_account() {
    let server = Server::new();
    let mut sam = Tty::open(&server, "sam", "xterm-256color", &["-tt"], &[]);
    sam.wait_for("Sam Field");
    let key = server.shelter.desk.ssh_keys(&CONSOLE, server.id("sam")).unwrap().remove(0).fingerprint;
    server.shelter.desk.remove_ssh_key(&CONSOLE, server.id("sam"), &key).unwrap();
    sam.wait_for_bytes("The key that opened this session was removed.");
    sam.ends();
    let mut uma = Tty::open(&server, "uma", "xterm-256color", &["-tt"], &[]);
    uma.wait_for("Uma Stone");
    server.shelter.desk.lock(&CONSOLE, server.id("uma"), "asked for it").unwrap();
    uma.wait_for_bytes("asked for it");
    uma.ends();
    wait_for("everybody to be gone", || server.registry.count() == 0);
}

#[test]
fn an_open_session_steps_down_with_its_role() {
    let server = Server::new();
    let mut sam = Tty::open(&server, "sam", "xterm-256color", &["-tt"], &[]);
    sam.wait_for("Sam Field (staff)");
    server.shelter.desk.set_role(&CONSOLE, server.id("sam"), Role::User).unwrap();
    sam.wait_for("Sam Field (user)").keys("\x03");
    assert_eq!(sam.ends(), 0);
}

#[test]
fn somebody_new_makes_an_account_where_that_is_allowed() {
    let closed = Server::new();
    let mut command = closed.ssh("new", &["-T", "-o", "BatchMode=yes"], &[]);
    assert_eq!(output(&mut command).status.code(), Some(255));
    drop(closed);
    let server = Server::with(|config| {
        config.ssh.limits = wide();
        config.ssh.limits.registrations = 2;
        config.ssh.registration = true;
    });
    let done = output(&mut server.ssh("new", &["-T"], &["stats"]));
    assert_eq!(done.status.code(), Some(7));
    let mut tty = Tty::open(&server, "new", "xterm-256color", &["-tt"], &[]);
    tty.wait_for("New account").keys("nina\tNina Vale\t\t\ta garden of cats\ta garden of cats\x13");
    tty.wait_for("Nina Vale (user)").keys("\x03");
    assert_eq!(tty.ends(), 0);
    assert_eq!(server.with_password("nina", "a garden of cats", &["cats", "list"]).status.code(), Some(0));
    let log = server.shelter.desk.audit_of(&CONSOLE, clowder::model::Kind::User, server.id("nina").0, 1).unwrap();
    assert_eq!(log[0].entry.actor.address.as_deref(), Some("127.0.0.1"));
    let third = output(&mut server.ssh("new", &["-T"], &["stats"]));
    assert!(text(&third.stderr).contains("too many accounts"), "{}", text(&third.stderr));
}
