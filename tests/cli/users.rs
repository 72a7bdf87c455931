//! Accounts and passwords.

use std::{io::Write as _, process::Stdio};

use clowder::model::Door;
use serde_json::{Value, json};

use crate::{Ran, Shelter, limit, without_times};

#[test]
fn accounts_from_the_command_line() {
    let shelter = Shelter::new();
    let words = ["users", "add", "ana", "--email", "ana@example.org", "--role", "staff", "--password-stdin"];
    let added = shelter.feed("correct horse battery\nand more\n", &words);
    assert_eq!((added.code, added.err.contains("clowder:")), (0, false), "{}", added.err);
    let ana = without_times(shelter.json(&["users", "show", "ana"]));
    assert!(ana["registered_at"].is_string());
    for (field, value) in [
        ("id", json!(1)),
        ("username", json!("ana")),
        ("full_name", Value::Null),
        ("email", json!("ana@example.org")),
        ("role", json!("staff")),
        ("locked", json!(false)),
        ("banned", json!(false)),
        ("has_password", json!(true)),
        ("past_requests", json!([])),
    ] {
        assert_eq!(ana[field], value, "{field}");
    }
    let sign_in = |password: &str| shelter.desk().sign_in("ana", password, Door::Local, None).map(|_| ());
    assert_eq!(sign_in("correct horse battery"), Ok(()));
    assert!(sign_in("correct horse battery\n").is_err());

    let new = shelter.feed("another long one\r\n", &["users", "password", "ana", "--password-stdin"]);
    assert_eq!(new.code, 0, "{}", new.err);
    assert_eq!(sign_in("another long one"), Ok(()));
    let lock = shelter.json(&["users", "lock", "ana", "--reason", "left us"]);
    assert_eq!((&lock["locked"], &lock["lock_reason"]), (&json!(true), &json!("left us")));
    assert!(sign_in("another long one").unwrap_err().to_string().contains("left us"));
    assert_eq!(shelter.json(&["users", "unlock", "ANA"])["locked"], false);
    assert_eq!(shelter.json(&["users", "role", "ana@example.org", "admin"])["role"], "admin");
    shelter.fails(4, &["users", "role", "ana", "user"]);
    shelter.fails(3, &["users", "ban", "ana"]);
    assert_eq!(shelter.json(&["users", "ban", "ana", "--reason", "bites"])["ban_reason"], "bites");
    assert_eq!(shelter.json(&["users", "unban", "ana"])["banned"], false);
    let edited = shelter.json(&["users", "edit", "1", "--full-name", "Ana Example", "--phone", "555 0100"]);
    assert_eq!((&edited["full_name"], &edited["email"]), (&json!("Ana Example"), &json!("ana@example.org")));

    shelter.ok(&["users", "add", "bo", "--no-password"]);
    let names: Vec<Value> = shelter
        .json(&["users", "list", "--role", "user"])
        .as_array()
        .unwrap()
        .iter()
        .map(|u| u["username"].clone())
        .collect();
    assert_eq!(names, ["bo"]);
    shelter.ok(&["users", "delete", "bo", "--yes"]);
    shelter.fails(6, &["users", "show", "bo"]);
    shelter.ok(&["users", "add", "cy", "--no-password", "--full-name", "Cy Example"]);
    assert_eq!(shelter.json(&["users", "anonymise", "cy", "--yes"])["full_name"], Value::Null);
}

#[test]
fn a_password_that_never_ends_is_refused_without_its_end() {
    let shelter = Shelter::new();
    let mut add = shelter.command(&["users", "add", "ana", "--password-stdin"]);
    let mut add = add.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Stays open while the program is waited for.
    let mut endless = add.stdin.take().unwrap();
    endless.write_all(&[b'a'; 5000]).unwrap();
    let ran = Ran::of(limit::output_of(add));
    assert!(ran.code == 3 && ran.err.contains("password: is too long"), "{}", ran.err);
    drop(endless);
}

#[test]
fn passwords_come_from_a_pipe_or_a_prompt_only() {
    let shelter = Shelter::new();
    assert_eq!(shelter.feed("short\n", &["users", "add", "ana", "--password-stdin"]).code, 3);
    assert_eq!(shelter.feed("", &["users", "add", "ana", "--password-stdin"]).code, 3);
    shelter.fails(2, &["users", "add", "ana", "--password", "correct horse battery"]);
    shelter.fails(2, &["users", "add", "ana"]);
    assert_eq!(shelter.json(&["users", "list"]), json!([]));
    shelter.ok(&["users", "add", "ana", "--no-password"]);
    shelter.fails(2, &["users", "password", "ana"]);
    for wrong in [
        vec!["users", "add", "ana", "--no-password"],
        vec!["users", "add", "a", "--no-password"],
        vec!["users", "add", "bo", "--no-password", "--email", "nowhere"],
    ] {
        shelter.fails(3, &wrong);
    }
    shelter.fails(2, &["users", "add", "bo", "--no-password", "--role", "boss"]);
}

#[test]
fn public_keys_from_a_file_a_line_or_a_pipe() {
    let shelter = Shelter::new();
    shelter.feed("a long password\n", &["users", "add", "ana", "--role", "staff", "--password-stdin"]);
    let key = |n: char| format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{}", n.to_string().repeat(43));
    let file = shelter.0.path().join("ana.pub");
    std::fs::write(&file, format!("{} desk\n", key('A'))).unwrap();
    shelter.ok(&["users", "key", "add", "ana", file.to_str().unwrap()]);
    shelter.ok(&["users", "key", "add", "ana", &format!("{} laptop", key('B'))]);
    shelter.fails(3, &["users", "key", "add", "ana", "ssh-ed25519 nonsense"]);
    let comments = |keys: serde_json::Value| -> Vec<String> {
        keys.as_array().unwrap().iter().map(|k| k["comment"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(comments(shelter.json(&["users", "key", "list", "ana"])), ["desk", "laptop"]);
    shelter.ok(&["users", "key", "remove", "ana", "desk", "--yes"]);
    assert_eq!(comments(shelter.json(&["users", "key", "list", "ana"])), ["laptop"]);
}
