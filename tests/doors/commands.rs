//! Commands while somebody else has the store.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Stdio};

use crate::{
    limit::{output, output_of},
    shelter::{Server, Shelter},
};

#[test]
fn a_command_does_the_same_with_and_without_a_server() {
    let with = Shelter::new();
    // Of two that are made one after the other the times may differ by a minute.
    let without = with.copy();
    let server = with.server();
    for words in [
        &["cats", "show", "1"][..],
        &["cats", "list"],
        &["cats", "show", "99"],
        &["cats", "show"],
        &["cats", "add", "Olive", "--born", "yesterday's news"],
        &["cats", "delete", "1"],
        &["cats", "delete", "1", "--yes"],
        &["requests", "approve", "5"],
        &["cats", "--help"],
        &["export"],
    ] {
        let (a, b) = (with.run(words), without.run(words));
        assert_eq!((a.code, a.out, a.err), (b.code, b.out, b.err), "{words:?}");
    }
    assert_eq!(with.run(&["cats", "show", "99"]).code, 6);
    let missing = with.run(&["import", "no such file.csv", "--profile", "clowder"]);
    assert!(missing.code == 1 && missing.err.contains("no such file.csv cannot be read"), "{}", missing.err);
    server.stop();
}

#[test]
fn the_audit_log_names_the_door_and_the_account_of_the_machine() {
    let shelter = Shelter::new();
    let server = shelter.server();
    shelter.ok(&["cats", "add", "Olive"]);
    let log: serde_json::Value = serde_json::from_str(&shelter.ok(&["audit", "--json"])).unwrap();
    let uid = fs::metadata(shelter.data()).map(|m| std::os::unix::fs::MetadataExt::uid(&m)).unwrap();
    assert!(log[0].to_string().contains(&format!("uid {uid}")), "{}", log[0]);
    assert!(log[0].to_string().contains("socket"), "{}", log[0]);
    server.stop();
}

#[test]
fn files_are_those_of_whoever_asks() {
    let shelter = Shelter::new();
    let server = shelter.server();
    fs::create_dir(shelter.path("here")).unwrap();
    let there = |args: &[&str]| {
        let output = output(shelter.command(args).current_dir(shelter.path("here")));
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    there(&["export", "--out", "cats.csv"]);
    let file = fs::read_to_string(shelter.path("here/cats.csv")).unwrap();
    assert_eq!(file, shelter.ok(&["export"]));
    let other = Shelter::new();
    other.ok(&["cats", "delete", "1", "--yes"]);
    let held = other.server();
    let mut import = other.command(&["import", "cats.csv", "--profile", "clowder"]);
    assert!(output(import.current_dir(shelter.path("here"))).status.success());
    assert!(other.ok(&["cats", "list"]).contains("Miso"));
    held.stop();
    server.stop();
}

#[test]
fn what_is_piped_in_arrives_whole() {
    let shelter = Shelter::new();
    let server = shelter.server();
    // Several pieces of the longest frame.
    let note = "n".repeat(100);
    let rows: String = (0..3_000).map(|n| format!("{{\"name\":\"Cat {n}\",\"description\":\"{note}\"}}\n")).collect();
    assert!(rows.len() > 4 * 64 * 1024);
    let ran = shelter.feed(&rows, &["import", "-", "--profile", "clowder", "--dry-run"]);
    assert!(ran.out.contains("3,000  rows read"), "{}", ran.out);
    server.stop();
}

#[test]
fn a_reader_that_has_enough_ends_a_long_output() {
    let shelter = Shelter::new();
    let server = shelter.server();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut export = shelter.command(&["export"]);
    let output = output_of(export.stdout(writer).stderr(Stdio::piped()).spawn().unwrap());
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    server.stop();
}

#[test]
fn questions_are_asked_on_the_terminal_of_whoever_asks() {
    let shelter = Shelter::new();
    let server = shelter.server();
    let mut window = shelter.window(&["cats", "delete", "1"]);
    window.sees("Delete Miso (cat 1). Go on? [y/N]").keys("n\r");
    assert_eq!(window.end().0, 1);
    let mut window = shelter.window(&["users", "password", "sam"]);
    window
        .sees("New password (at least 10 characters):")
        .hides()
        .keys("another fine one\r")
        .sees("The same again:")
        .hides()
        .keys("another fine one\r");
    let (code, said) = window.end();
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("another fine one"), "{said}");
    server.stop();
}

#[test]
fn weak_permissions_are_refused_with_the_command_that_mends_them() {
    let shelter = Shelter::new();
    let mode = |path: &std::path::Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let server = shelter.server();
    mode(&shelter.socket(), 0o666);
    let ran = shelter.run(&["stats"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains(&format!("chmod 600 {}", shelter.socket().display())), "{}", ran.err);
    mode(&shelter.socket(), 0o600);
    shelter.ok(&["stats"]);
    mode(&shelter.data(), 0o750);
    let ran = shelter.run(&["stats"]);
    assert!(ran.err.contains(&format!("chmod 700 {}", shelter.data().display())), "{}", ran.err);
    mode(&shelter.data(), 0o700);
    shelter.ok(&["stats"]);
    server.stop();

    mode(&shelter.data(), 0o750);
    for words in [&["stats"][..], &["serve", "--no-ssh"]] {
        let ran = shelter.run(words);
        assert_eq!(ran.code, 1);
        assert!(ran.err.contains(&format!("chmod 700 {}", shelter.data().display())), "{}", ran.err);
    }
    mode(&shelter.data(), 0o700);

    let key = fs::read_dir(shelter.config().join("keys")).unwrap().next().unwrap().unwrap().path();
    mode(&key, 0o644);
    let ran = shelter.run(&["serve", "--no-ssh"]);
    assert!(ran.err.contains(&format!("chmod 600 {}", key.display())), "{}", ran.err);
}

#[test]
fn a_data_directory_with_a_long_name_has_its_socket_too() {
    let shelter = Shelter::new();
    let long = shelter.path(&"d".repeat(150));
    let mut serve = shelter.command(&["serve", "--no-ssh"]);
    serve.env("CLOWDER_DATA", &long);
    let server = Server::start(serve);
    assert!(output(shelter.command(&["cats", "add", "Olive"]).env("CLOWDER_DATA", &long)).status.success());
    server.stop();
}
