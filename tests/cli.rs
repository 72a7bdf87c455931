//! The command line, driven as a script drives it: each command on a fresh store, JSON compared, exit codes.

use std::{
    io,
    process::{Command, Output, Stdio},
};

use clowder::{
    desk::Desk,
    model::Door,
    store::{OpenOptions, Store},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A store of its own for one test.
struct Shelter(TempDir);

/// What a command did.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Shelter {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clowder"));
        command
            .args(args)
            .env("CLOWDER_DATA", self.0.path().join("data"))
            .env("CLOWDER_CONFIG", self.0.path().join("config"))
            .env_remove("CLOWDER_KEY")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// With something piped in.
    fn feed(&self, input: &str, args: &[&str]) -> Ran {
        let mut command = assert_cmd::Command::from_std(self.command(args));
        Ran::of(command.write_stdin(input).output().unwrap())
    }

    /// A command that must succeed.
    fn ok(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        ran
    }

    /// A command that must succeed, and its result.
    fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.ok(&args).out).unwrap()
    }

    /// A command that must fail with this code, and what it says.
    fn fails(&self, code: i32, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, code, "{args:?}: {} {}", ran.out, ran.err);
        assert!(ran.err.starts_with("clowder: "), "{args:?}: {}", ran.err);
        assert!(ran.out.is_empty(), "{args:?}: {}", ran.out);
        ran.err
    }

    fn desk(&self) -> Desk {
        let options = OpenOptions::new(self.0.path().join("data"), self.0.path().join("config"));
        Desk::new(Store::open(options).unwrap().store)
    }
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Takes the fields out that differ from run to run, and sees that they are there.
fn without_times(mut value: Value) -> Value {
    for field in ["created_at", "updated_at"] {
        assert!(value.as_object_mut().unwrap().remove(field).is_some_and(|v| v.is_string()));
    }
    value
}

#[test]
fn empty_lists_say_so_beside_the_results() {
    let shelter = Shelter::new();
    let first = shelter.ok(&["cats", "list"]);
    assert!(first.err.contains("Made a new store in"));
    for what in ["cats", "requests", "users", "breeds", "health"] {
        let ran = shelter.ok(&[what, "list"]);
        assert_eq!(ran.out, "");
        assert!(ran.err.starts_with("There are no "), "{}", ran.err);
        assert_eq!(shelter.ok(&[what, "list", "--json"]).out, "[]\n");
    }
    assert_eq!(shelter.json(&["audit"]), json!([]));
    assert_eq!(shelter.json(&["stats"])["cats"], 0);
}

#[test]
fn a_cat_is_kept_as_it_was_given() {
    let shelter = Shelter::new();
    shelter.ok(&["breeds", "add", "Maine Coon", "--description", "Large."]);
    shelter.ok(&["health", "add", "Ringworm", "--prevents-adoption", "yes"]);
    let added = shelter.json(&[
        "cats",
        "add",
        "--name",
        "Miso",
        "--tag",
        "A012",
        "--breed",
        "maine coon",
        "--born",
        "2021-05",
        "--gender",
        "female",
        "--altered",
        "yes",
        "--colour",
        "grey tabby",
        "--health",
        "ringworm",
        "--description",
        "Shy.\nLikes boxes.",
        "--image-url",
        "https://example.org/miso.jpg",
        "--intake",
        "2024-02-03",
        "--intake-kind",
        "stray",
    ]);
    let mut expected = json!({
        "id": 1, "tag": "A012", "name": "Miso", "breed": "Maine Coon", "born": "2021-05", "gender": "female",
        "altered": "yes", "colour": "grey tabby", "health": "Ringworm", "status": "available", "hold_kind": null,
        "hold_reason": null, "hold_until": null, "outcome": null, "requests": 0, "in_foster": false,
        "archived": false, "description": "Shy.\nLikes boxes.", "image_url": "https://example.org/miso.jpg",
        "rev": 1, "queue": [],
        "stays": [{"intake_date": "2024-02-03", "intake_kind": "stray", "outcome_date": null, "outcome_kind": null,
                   "fosters": []}],
    });
    let mut plain = without_times(added);
    let days = plain["stays"][0].as_object_mut().unwrap().remove("days").unwrap();
    assert_eq!(plain.as_object_mut().unwrap().remove("waiting_days"), Some(days));
    assert!(plain.as_object_mut().unwrap().remove("age").unwrap().is_string());
    assert_eq!(plain, expected);

    let edited = shelter.json(&["cats", "edit", "a012", "--colour", "silver", "--born", ""]);
    for (field, value) in [("colour", json!("silver")), ("born", Value::Null), ("rev", json!(2))] {
        assert_eq!(edited[field], value);
        expected[field] = value;
    }
    assert_eq!(edited["age"], Value::Null);
    assert_eq!(edited["description"], expected["description"]);

    // A list has the same objects, without the queue.
    let mut shown = shelter.json(&["cats", "show", "1"]);
    shown.as_object_mut().unwrap().remove("queue");
    assert_eq!(shelter.json(&["cats", "list"]), json!([shown]));

    let same = shelter.ok(&["cats", "edit", "1", "--colour", "silver"]);
    assert!(same.out.contains("like that already"), "{}", same.out);
    let card = shelter.ok(&["cats", "show", "tag:A012"]).out;
    assert!(card.contains("Maine Coon") && card.contains("2024-02-03"), "{card}");
}

#[test]
fn what_is_unknown_is_null_and_nothing_is_invented() {
    let shelter = Shelter::new();
    let cat = shelter.json(&["cats", "add", "--tag", "X1"]);
    for field in ["name", "breed", "born", "age", "colour", "health", "waiting_days", "description", "image_url"] {
        assert_eq!(cat[field], Value::Null, "{field}");
    }
    assert_eq!((&cat["gender"], &cat["altered"]), (&json!("unknown"), &json!("unknown")));
    assert_eq!(cat["stays"], json!([]));
}

#[test]
fn lists_are_filtered_by_options_and_by_the_query_line() {
    let shelter = Shelter::new();
    shelter.ok(&["breeds", "add", "Maine Coon"]);
    shelter.ok(&["cats", "add", "Miso", "--breed", "Maine Coon", "--intake", "-90d"]);
    shelter.ok(&["cats", "add", "Mochi", "--intake", "-10d"]);
    shelter.ok(&["cats", "add", "Tofu", "--status", "on-hold", "--hold", "medical", "--intake", "-5d"]);
    let names = |args: &[&str]| -> Vec<String> {
        let args: Vec<&str> = ["cats", "list"].iter().chain(args).copied().collect();
        let list = shelter.json(&args);
        list.as_array().unwrap().iter().map(|cat| cat["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&[]), ["Miso", "Mochi", "Tofu"]);
    assert_eq!(names(&["--status", "available"]), ["Miso", "Mochi"]);
    assert_eq!(names(&["--status", "on-hold,pending"]), ["Tofu"]);
    assert_eq!(names(&["--breed", "coon"]), ["Miso"]);
    assert_eq!(names(&["--breed", "none", "--limit", "1"]), ["Mochi"]);
    assert_eq!(names(&["breed:maine coon"]), ["Miso"]);
    assert_eq!(names(&["status:available waiting>60d"]), ["Miso"]);
    assert_eq!(names(&["--sort", "newest"]), ["Tofu", "Mochi", "Miso"]);
    assert_eq!(names(&["mo"]), ["Mochi"]);
    let none = shelter.ok(&["cats", "list", "nobody"]);
    assert_eq!((none.out.as_str(), none.err.as_str()), ("", "No cat matches.\n"));
    let wrong = shelter.fails(3, &["cats", "list", "status:lost", "age<x"]);
    assert!(wrong.contains("status:lost") && wrong.contains("age<x"), "{wrong}");
}

#[test]
fn a_cat_leaves_and_comes_back() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso", "--intake", "-30d"]);
    let edit = |args: &[&str]| {
        let args: Vec<&str> = ["cats", "edit", "1"].iter().chain(args).copied().collect();
        shelter.json(&args)
    };
    let held = edit(&["--hold", "quarantine", "--hold-reason", "ten days", "--hold-until", "2026-01-02"]);
    assert_eq!(
        (&held["status"], &held["hold_kind"], &held["hold_reason"], &held["hold_until"]),
        (&json!("on-hold"), &json!("quarantine"), &json!("ten days"), &json!("2026-01-02"))
    );
    assert_eq!(edit(&["--hold-reason", "twelve days"])["hold_kind"], "quarantine");
    assert_eq!(edit(&["--status", "available"])["hold_kind"], Value::Null);
    assert_eq!(edit(&["--foster-out", "-20d"])["in_foster"], true);
    assert_eq!(edit(&["--foster-back", "-19d"])["stays"][0]["fosters"].as_array().unwrap().len(), 1);
    let left = edit(&["--outcome", "returned-to-owner", "--outcome-date", "-15d"]);
    assert_eq!((&left["status"], &left["outcome"]), (&json!("departed"), &json!("returned-to-owner")));
    assert_eq!(left["waiting_days"], Value::Null);
    shelter.fails(4, &["cats", "edit", "1", "--status", "available"]);
    assert_eq!(edit(&["--archived", "yes"])["archived"], true);
    assert_eq!(shelter.json(&["cats", "list"]), json!([]));
    assert_eq!(shelter.json(&["cats", "list", "--archived"]).as_array().unwrap().len(), 1);
    let back = edit(&["--return", "-3d"]);
    assert_eq!((&back["status"], &back["waiting_days"]), (&json!("available"), &json!(3)));
    assert_eq!(back["stays"].as_array().unwrap().len(), 2);
    assert_eq!(edit(&["--status", "adopted"])["outcome"], "adoption");
    shelter.fails(4, &["cats", "edit", "1", "--status", "pending"]);
    shelter.fails(3, &["cats", "edit", "1", "--status", "departed"]);
    shelter.fails(2, &["cats", "edit", "1", "--status", "available", "--hold", "medical"]);
    shelter.fails(2, &["cats", "edit", "1"]);
}

#[test]
fn requests_are_taken_and_decided() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso", "--tag", "M1"]);
    shelter.ok(&["users", "add", "ana", "--full-name", "Ana Example", "--no-password"]);
    let first = shelter.json(&["requests", "take", "M1", "--user", "ana", "--notes", "A garden."]);
    assert_eq!(
        (&first["id"], &first["cat"], &first["username"], &first["status"], &first["place"], &first["notes"]),
        (&json!(1), &json!(1), &json!("ana"), &json!("pending"), &json!(1), &json!("A garden."))
    );
    let second = shelter.json(&["requests", "take", "M1", "--new", "bo", "--email", "bo@example.org"]);
    assert_eq!((&second["user_name"], &second["email"]), (&json!("bo"), &json!("bo@example.org")));
    shelter.fails(4, &["requests", "take", "M1", "--user", "ana"]);
    shelter.fails(2, &["requests", "take", "M1"]);
    shelter.fails(2, &["requests", "take", "M1", "--user", "ana", "--phone", "123"]);

    let preview = shelter.ok(&["requests", "approve", "1", "--preview"]).out;
    assert_eq!(preview, "Approve Ana Example for Miso.\n1 other waits.\nMiso becomes Pending.\n");
    let status = |id: &str| shelter.json(&["requests", "show", id])["status"].clone();
    assert_eq!(status("1"), "pending");

    let out_of_order = shelter.fails(3, &["requests", "approve", "2"]);
    assert!(out_of_order.contains("--reason"), "{out_of_order}");
    shelter.ok(&["requests", "ask", "1", "--reason", "Who else lives there?"]);
    assert_eq!(shelter.json(&["requests", "show", "1"])["awaiting_reply"], true);
    let approved = shelter.json(&["requests", "approve", "1"]);
    assert_eq!((&approved["status"], &approved["cat_status"]), (&json!("approved"), &json!("pending")));
    assert_eq!(approved["decision"]["by"], "console");
    assert_eq!(status("2"), "waitlisted");
    shelter.fails(4, &["requests", "approve", "2", "--reason", "in a hurry"]);
    shelter.fails(3, &["requests", "fall-through", "1"]);
    shelter.ok(&["requests", "fall-through", "1", "--reason", "moved away"]);
    assert_eq!(status("2"), "pending");
    shelter.ok(&["requests", "reopen", "1"]);
    shelter.ok(&["requests", "withdraw", "1"]);
    assert_eq!(status("1"), "withdrawn");
    shelter.fails(3, &["requests", "reject", "2"]);
    shelter.ok(&["requests", "approve", "2"]);
    let done = shelter.ok(&["requests", "complete", "2"]).out;
    assert!(done.contains("Miso is adopted by bo.") && done.contains("Miso becomes Adopted."), "{done}");
    assert_eq!(shelter.json(&["cats", "show", "1"])["status"], "adopted");
    shelter.ok(&["undo"]);
    assert_eq!(status("2"), "approved");

    let list = |args: &[&str]| {
        let args: Vec<&str> = ["requests", "list"].iter().chain(args).copied().collect();
        let ids: Vec<u64> = shelter.json(&args).as_array().unwrap().iter().map(|r| r["id"].as_u64().unwrap()).collect();
        ids
    };
    assert_eq!(list(&[]), [1, 2]);
    assert_eq!(list(&["--status", "approved"]), [2]);
    assert_eq!(list(&["--user", "ana"]), [1]);
    assert_eq!(list(&["status:closed", "cat:miso"]), [1]);
    let table = shelter.ok(&["requests", "list"]).out;
    assert!(table.lines().next().unwrap().starts_with("ID  CAT   APPLICANT"), "{table}");
    let card = shelter.ok(&["requests", "show", "1"]).out;
    assert!(card.contains("Who else lives there?") && card.contains("Withdrawn"), "{card}");
    shelter.fails(6, &["requests", "show", "9"]);
    shelter.fails(3, &["requests", "show", "first"]);
}

#[test]
fn rejecting_needs_a_reason_and_keeps_it() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso"]);
    shelter.ok(&["requests", "take", "1", "--new", "bo"]);
    let rejected = shelter.json(&["requests", "reject", "1", "--reason", "no \u{1b}[31mreply"]);
    assert_eq!(rejected["decision"]["reason"], "no [31mreply");
    shelter.fails(4, &["requests", "reject", "1", "--reason", "again"]);
}

#[test]
fn a_stale_revision_is_a_conflict() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso"]);
    shelter.ok(&["cats", "edit", "1", "--rev", "1", "--colour", "black"]);
    let err = shelter.fails(5, &["cats", "edit", "1", "--rev", "1", "--colour", "white"]);
    assert!(err.contains("console") && err.contains("colour"), "{err}");
    shelter.ok(&["requests", "take", "1", "--new", "bo"]);
    shelter.ok(&["requests", "ask", "1", "--reason", "why?", "--rev", "1"]);
    shelter.fails(5, &["requests", "approve", "1", "--rev", "1"]);
    shelter.fails(5, &["users", "edit", "bo", "--phone", "123", "--rev", "7"]);
}

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
fn breeds_and_health_statuses() {
    let shelter = Shelter::new();
    let breed = shelter.json(&["breeds", "add", "Siamese", "--description", "Talks."]);
    assert_eq!(breed, json!({"id": 1, "name": "Siamese", "description": "Talks.", "cats": 0, "rev": 1}));
    shelter.fails(3, &["breeds", "add", "siamese"]);
    shelter.ok(&["cats", "add", "Miso", "--breed", "Siamese"]);
    assert_eq!(shelter.json(&["breeds", "edit", "siamese", "--name", "Thai"])["cats"], 1);
    assert_eq!(shelter.json(&["breeds", "list"])[0]["name"], "Thai");
    assert_eq!(shelter.json(&["cats", "show", "1"])["breed"], "Thai");
    let refused = shelter.fails(2, &["breeds", "delete", "Thai"]);
    assert!(refused.contains("1 cat has it") && refused.contains("--yes"), "{refused}");
    assert_eq!(shelter.json(&["breeds", "show", "1"])["cats"], 1);
    shelter.ok(&["breeds", "delete", "Thai", "--yes"]);
    assert_eq!(shelter.json(&["cats", "show", "1"])["breed"], Value::Null);
    shelter.fails(6, &["breeds", "show", "Thai"]);

    let health = shelter.json(&["health", "add", "Healthy"]);
    assert_eq!(
        health,
        json!({"id": 1, "name": "Healthy", "description": null, "prevents_adoption": false, "cats": 0, "rev": 1})
    );
    let edited = shelter.json(&["health", "edit", "Healthy", "--prevents-adoption", "yes", "--description", "Rest."]);
    assert_eq!((&edited["prevents_adoption"], &edited["description"]), (&json!(true), &json!("Rest.")));
    assert!(shelter.ok(&["health", "list"]).out.contains("Healthy"));
    shelter.ok(&["health", "show", "healthy"]);
    shelter.ok(&["health", "delete", "1", "--yes"]);
    assert_eq!(shelter.json(&["health", "list"]), json!([]));
}

#[test]
fn nothing_is_destroyed_without_a_yes() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso"]);
    shelter.fails(2, &["cats", "delete", "1"]);
    assert_eq!(shelter.json(&["stats"])["cats"], 1);
    let done = shelter.json(&["cats", "delete", "1", "--yes"]);
    assert_eq!(done["message"], "Deleted Miso.");
    assert_eq!(shelter.json(&["stats"])["cats"], 0);
    shelter.ok(&["undo", &done["commit"].to_string()]);
    assert_eq!(shelter.json(&["cats", "show", "1"])["name"], "Miso");
    shelter.ok(&["requests", "take", "1", "--new", "bo"]);
    shelter.fails(4, &["cats", "delete", "1", "--yes"]);
    shelter.fails(4, &["users", "delete", "bo", "--yes"]);
}

#[test]
fn a_preview_changes_nothing() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso"]);
    shelter.ok(&["requests", "take", "1", "--new", "bo"]);
    let before = shelter.json(&["audit"]);
    let preview = shelter.ok(&["cats", "edit", "1", "--outcome", "died", "--preview"]);
    assert!(preview.out.contains("1 open request for Miso is rejected"), "{}", preview.out);
    assert_eq!(shelter.json(&["audit"]), before);
    let done = shelter.ok(&["cats", "edit", "1", "--outcome", "died"]);
    assert!(done.out.contains("1 open request for Miso is rejected"), "{}", done.out);
    assert_eq!(shelter.json(&["requests", "show", "1"])["status"], "rejected");
}

#[test]
fn the_audit_log_says_who_and_what() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso"]);
    shelter.ok(&["cats", "edit", "1", "--colour", "black"]);
    shelter.ok(&["breeds", "add", "Siamese"]);
    let log = shelter.json(&["audit"]);
    let brief = |entry: &Value| (entry["commit"].as_u64().unwrap(), entry["action"].as_str().unwrap().to_owned());
    let actions: Vec<_> = log.as_array().unwrap().iter().map(brief).collect();
    assert_eq!(actions, [(3, "add-breed".to_owned()), (2, "edit-cat".to_owned()), (1, "add-cat".to_owned())]);
    for entry in log.as_array().unwrap() {
        assert_eq!((&entry["who"], &entry["door"]), (&json!("console"), &json!("command")));
    }
    assert_eq!(shelter.json(&["audit", "--cat", "1"]).as_array().unwrap().len(), 2);
    assert_eq!(shelter.json(&["audit", "--limit", "1", "--before", "3"])[0]["commit"], 2);
    let one = shelter.json(&["audit", "2"]);
    assert_eq!(
        one["records"],
        json!([{"kind": "cat", "id": 1, "title": "Miso",
                "fields": [{"field": "colour", "before": null, "after": "black"}]}])
    );
    assert!(shelter.ok(&["audit"]).out.contains("Added a breed"));
    assert!(shelter.ok(&["audit", "2"]).out.contains("black"));
    shelter.fails(3, &["audit", "99"]);
    shelter.fails(4, &["undo", "99"]);
}

#[test]
fn stats_are_counts_that_stay_until_something_changes() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso"]);
    shelter.ok(&["cats", "add", "Tofu", "--status", "on-hold"]);
    shelter.ok(&["requests", "take", "1", "--new", "bo"]);
    let stats = shelter.json(&["stats"]);
    assert_eq!(
        stats,
        json!({
            "cats": 2, "cats_by_status": {"available": 1, "on-hold": 1, "pending": 0, "adopted": 0, "departed": 0},
            "requests": 1, "requests_by_status": {"pending": 1, "approved": 0, "completed": 0, "rejected": 0,
                                                  "withdrawn": 0, "waitlisted": 0},
            "users": 1, "users_by_role": {"user": 1, "staff": 0, "admin": 0},
            "breeds": 0, "health_statuses": 0,
        })
    );
    shelter.ok(&["cats", "list"]);
    assert_eq!(shelter.json(&["stats"]), stats);
    assert!(shelter.ok(&["stats"]).out.contains("On hold"));
}

#[test]
fn a_check_counts_everything_again() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso"]);
    let report = shelter.json(&["check"]);
    assert_eq!((&report["records"], &report["wrong"], &report["clean"]), (&json!(1), &json!(0), &json!(true)));
    assert!(shelter.ok(&["check"]).out.contains("all is well"));
    shelter.ok(&["check", "--repair"]);
    assert_eq!(shelter.json(&["cats", "list"])[0]["name"], "Miso");
}

#[test]
fn a_store_in_use_and_a_missing_key_are_told_plainly() {
    let shelter = Shelter::new();
    shelter.ok(&["stats"]);
    let desk = shelter.desk();
    let busy = shelter.fails(1, &["stats"]);
    assert!(busy.contains("the store is in use by"), "{busy}");
    drop(desk);
    let nowhere = shelter.0.path().join("no.key");
    let missing = shelter.fails(1, &["stats", "--key", nowhere.to_str().unwrap()]);
    assert!(missing.contains("no.key"), "{missing}");
    shelter.ok(&["stats"]);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso"]);
    for args in [["cats", "list"].as_slice(), &["cats", "list", "--json"], &["cats", "show", "1"], &["--help"]] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let ran = Ran::of(shelter.command(args).stdout(writer).output().unwrap());
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}");
    }
}

#[test]
fn control_characters_never_come_out() {
    let shelter = Shelter::new();
    let evil = "Mi\u{1b}[31mso\u{9b}2J\u{202e}";
    shelter.ok(&["cats", "add", evil]);
    assert_eq!(shelter.json(&["cats", "show", "1"])["name"], "Mi[31mso2J");
    for args in [["cats", "show", evil].as_slice(), &["cats", "list", evil], &["users", "role", "x", evil], &[evil]] {
        let ran = shelter.run(args);
        let said = ran.out + &ran.err;
        assert!(!said.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{args:?}: {said:?}");
    }
}

#[test]
fn options_go_before_variables_and_variables_before_the_home_directory() {
    let shelter = Shelter::new();
    let home = tempfile::tempdir().unwrap();
    let bare = |args: &[&str]| {
        let mut command = shelter.command(args);
        for name in ["CLOWDER_DATA", "CLOWDER_CONFIG", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
            command.env_remove(name);
        }
        command.env("HOME", home.path());
        command
    };
    assert_eq!(Ran::of(bare(&["stats"]).output().unwrap()).code, 0);
    assert!(home.path().join(".local/share/clowder").is_dir());
    let keys = home.path().join(".config/clowder/keys");
    assert_eq!(keys.read_dir().unwrap().count(), 1);

    shelter.ok(&["cats", "add", "Miso"]);
    let other = shelter.0.path().join("other");
    let there = shelter.json(&["stats", "--data", other.to_str().unwrap()]);
    assert_eq!((&there["cats"], &shelter.json(&["stats"])["cats"]), (&json!(0), &json!(1)));
}

#[test]
fn wrong_words_are_a_usage_error_and_help_is_not() {
    let shelter = Shelter::new();
    for words in [&["nonsense"][..], &["cats"], &["cats", "list", "--limit", "x"], &["cats", "show"], &["stats", "x"]] {
        shelter.fails(2, words);
    }
    let help = shelter.ok(&["--help"]).out;
    for word in ["Exit codes", "--data", "cats", "requests", "users", "check"] {
        assert!(help.contains(word), "{word}");
    }
    assert!(!help.contains("open-probe"));
    assert!(shelter.ok(&["--version"]).out.starts_with("clowder "));
    assert!(!shelter.0.path().join("data").exists());
}
