//! Commands through the door, with the real client.

use std::process::Stdio;

use clowder::model::{Action, Actor, Door, UserId};

use crate::{
    shelter::{PASSWORD, limit::Started},
    support::{Server, Tty, text},
};

#[test]
fn a_command_runs_with_the_rights_of_whoever_sent_it() {
    let server = Server::new();
    let done = server.run("sam", &["cats", "list", "--status", "available", "--json"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(done.stderr.is_empty());
    let cats: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert!(cats.as_array().unwrap().iter().any(|cat| cat["name"] == "Miso"));
    for (who, words, code, told) in [
        ("uma", "users list", 7, "you may not"),
        ("sam", "cats show 9999", 6, "there is no cat 9999"),
        ("sam", "cats list --nonsense", 2, "--nonsense"),
        ("sam", "demo", 2, "demo"),
        ("sam", "cats 'list", 2, "quote"),
        ("sam", "import /etc/passwd --profile clowder", 2, "on the server"),
        ("sam", "cats add", 3, ""),
    ] {
        let done = server.run(who, &[words]);
        let stderr = text(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{words}: {stderr}");
        assert!(done.stdout.is_empty() && stderr.contains(told), "{words}: {stderr}");
    }
    let help = server.run("uma", &["help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("Exit codes"));
}

#[test]
fn what_a_command_changes_is_in_the_log_with_door_and_address() {
    let server = Server::new();
    let id = server.shelter.requests[1];
    let done = server.run("sam", &[&format!("requests approve {id} --reason 'a good home'")]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let log = server.shelter.desk.audit(&Actor::console(), None, 1).unwrap();
    let actor = &log[0].entry.actor;
    assert_eq!((actor.user(), actor.door.slug()), (Some(server.id("sam")), "ssh"));
    assert_eq!(actor.address.as_deref(), Some("127.0.0.1"));
}

#[test]
fn sessions_are_listed_and_ended_by_admins_alone() {
    let server = Server::new();
    let mut uma = Tty::open(&server, "uma", "xterm-256color", &["-tt"], &[]);
    uma.wait_for("Uma Stone");
    for words in [&["sessions", "list"][..], &["sessions", "end", "1"]] {
        let done = server.run("sam", words);
        assert_eq!(done.status.code(), Some(7), "{}", text(&done.stderr));
        assert!(done.stdout.is_empty());
    }
    let list = server.run("ada", &["sessions", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    let find = |key: &str, value: serde_json::Value| list.as_array().unwrap().iter().find(|s| s[key] == value).cloned();
    let (hers, own) = (find("name", "Uma Stone".into()).unwrap(), find("this", true.into()).unwrap());
    assert_eq!((hers["door"].as_str(), hers["address"].as_str()), (Some("ssh"), Some("127.0.0.1")));
    assert_eq!(own["command"].as_str(), Some("sessions list"));
    let done = server.run("ada", &["sessions", "end", &hers["id"].to_string()]);
    assert_eq!(text(&done.stdout), "The session of Uma Stone (SSH, 127.0.0.1) was told to end.\n");
    uma.wait_for_bytes("An admin ended this session. What was saved is safe.");
    uma.ends();
    let log = server.shelter.desk.audit(&Actor::console(), None, 1).unwrap();
    let entry = &log[0].entry;
    assert_eq!((entry.action, &*entry.note), (Action::EndSession, "Uma Stone (SSH, 127.0.0.1)"));
    assert_eq!((entry.actor.user(), entry.actor.door, entry.actor.address.as_deref()), came(&server, "ada"));
}

fn came(server: &Server, name: &str) -> (Option<UserId>, Door, Option<&'static str>) {
    (Some(server.id(name)), Door::Ssh, Some("127.0.0.1"))
}

#[test]
fn each_way_in_is_in_the_log_with_door_and_address() {
    let server = Server::new();
    assert_eq!(server.run("sam", &["stats"]).status.code(), Some(0));
    assert_eq!(server.with_password("uma", "not this one", &["stats"]).status.code(), Some(255));
    assert_eq!(server.with_password("uma", PASSWORD, &["cats", "list"]).status.code(), Some(0));
    let mut ada = Tty::open(&server, "ada", "xterm-256color", &["-tt"], &[]);
    ada.wait_for("Ada Brook").keys(":cats\r").wait_for("Miso").keys("\r").wait_for("Likes a lap").keys("m");
    ada.wait_for("favourite");
    let log = server.shelter.desk.audit(&Actor::console(), None, 4).unwrap();
    let wanted = [
        ("ada", Action::EditUser, "favourites"),
        ("ada", Action::SignIn, "with the key SHA256:"),
        ("uma", Action::SignIn, "with a password"),
        ("sam", Action::SignIn, "with the key SHA256:"),
    ];
    for (line, (name, action, note)) in log.iter().zip(wanted) {
        let entry = &line.entry;
        assert_eq!(entry.action, action, "{name}");
        assert!(entry.note.starts_with(note), "{}", entry.note);
        let actor = &entry.actor;
        assert_eq!((actor.user(), actor.door, actor.address.as_deref()), came(&server, name));
    }
    ada.keys("\x03");
    ada.ends();
}

#[test]
fn export_and_import_go_through_standard_output_and_input() {
    let server = Server::new();
    let file = server.run("sam", &["export", "--format", "csv"]);
    assert_eq!(file.status.code(), Some(0));
    assert!(text(&file.stdout).contains("Miso"));
    let words = ["import", "-", "--profile", "clowder", "--dry-run"];
    let done = server.feed("sam", &words, &file.stdout);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    // More than a client may send ahead, to a command that reads it, and to one that does not.
    let mut long = file.stdout.clone();
    while long.len() < 3_000_000 {
        long.extend_from_slice(b"\n");
    }
    assert_eq!(server.feed("sam", &words, &long).status.code(), Some(0));
    assert_eq!(server.feed("sam", &["cats", "list"], &long).status.code(), Some(0));
}

#[test]
fn a_reader_that_stops_ends_the_command() {
    let server = Server::new();
    let mut command = server.ssh("sam", &["-T"], &["export", "--format", "ndjson"]);
    let mut child = Started::new(command.stdout(Stdio::piped()).stderr(Stdio::null()));
    drop(child.0.stdout.take());
    child.end();
    crate::support::wait_for("the command's end", || server.registry.count() == 0);
}

#[test]
fn without_a_terminal_and_without_words_one_line_says_what_to_do() {
    let server = Server::new();
    let done = server.run("uma", &[]);
    assert_eq!(done.status.code(), Some(2));
    assert!(done.stdout.is_empty());
    let stderr = text(&done.stderr);
    assert!(stderr.lines().count() == 1 && stderr.contains("ssh -t"), "{stderr}");
}

#[test]
fn keys_are_managed_by_their_owner_and_by_admins() {
    let server = Server::new();
    let list = |who: &str, whose: &str| server.run(who, &["users", "key", "list", whose, "--json"]);
    let keys: serde_json::Value = serde_json::from_slice(&list("uma", "uma").stdout).unwrap();
    assert_eq!(keys[0]["comment"], "laptop");
    assert!(keys[0]["last_used"].is_string());
    assert_eq!(list("uma", "sam").status.code(), Some(7));
    assert_eq!(list("ada", "sam").status.code(), Some(0));
    let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZDzN9LZmJkPYEnZRb2PYa4S1cTVQm1uSPi2d2UeTpY desk";
    assert_eq!(server.run("uma", &["users", "key", "add", "uma", line]).status.code(), Some(0));
    let again = server.feed("uma", &["users", "key", "add", "uma", "-"], line.as_bytes());
    assert_eq!(again.status.code(), Some(3));
    assert!(text(&again.stderr).contains("is there already"));
    assert_eq!(server.run("uma", &["users", "key", "remove", "uma", "desk", "--yes"]).status.code(), Some(0));
}
