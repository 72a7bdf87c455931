//! The store as it was: what one can go back to, what is said first, and what is kept.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use clowder::{
    desk::CatChange,
    model::{Actor, Stamp},
    store::Surroundings,
};
use serde_json::json;

use crate::{Shelter, limit};

/// Three changes and a backup after the first.
fn history() -> Shelter {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso"]);
    shelter.ok(&["backup"]);
    shelter.ok(&["cats", "add", "Tofu"]);
    shelter.ok(&["cats", "edit", "2", "--colour", "black"]);
    shelter
}

#[test]
fn a_restore_says_what_it_will_do_and_does_nothing_unasked() {
    let shelter = history();
    let list = shelter.ok(&["restore", "--list"]).out;
    assert!(list.contains("Any moment from ") && list.contains("(change 3): clowder restore --at '"), "{list}");
    let choices = shelter.json(&["restore", "--list"]);
    assert_eq!((&choices["backups"][0]["commit"], &choices["journal"][0]["last"]["commit"]), (&json!(1), &json!(3)));

    let ran = shelter.run(&["restore", "--commit", "2"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    for sentence in [
        "From the backup of ",
        "and 1 change of the journal after it.",
        "The store will be as it was after change 2, ",
        "Left out: 1 change after that, up to ",
        "now is kept beside it.",
    ] {
        assert!(ran.out.contains(sentence), "{}", ran.out);
    }
    assert!(ran.err.contains("add --yes to do it"), "{}", ran.err);
    assert_eq!(shelter.json(&["stats"])["cats"], 2);
    // Of the last change of a backup nobody knows when it was made.
    let ran = shelter.run(&["restore", "--commit", "1"]);
    assert!(ran.out.contains("will be as it was after change 1, as the backup of "), "{}", ran.out);
}

#[test]
fn a_backup_that_is_damaged_is_refused_before_anybody_is_asked() {
    let shelter = history();
    let backup = shelter.json(&["backup", "list"])[0]["path"].as_str().unwrap().to_owned();
    let mut bytes = std::fs::read(&backup).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&backup, bytes).unwrap();
    for words in [["restore", "--from", &backup], ["backup", "verify", &backup]] {
        let said = shelter.fails(1, &words);
        assert!(said.contains(" is damaged: ") && !said.contains("this key"), "{said}");
    }
}

#[test]
fn a_restored_store_is_as_it_was_and_the_old_one_is_kept() {
    let shelter = history();
    let restored = shelter.json(&["restore", "--commit", "1", "--yes"]);
    assert_eq!(restored["restored"]["commit"], 1);
    assert!(std::path::Path::new(restored["kept"].as_str().unwrap()).join("store/db").exists());
    assert_eq!(shelter.json(&["stats"])["cats"], 1);
    let entry = &shelter.json(&["audit", "--limit", "1"])[0];
    assert_eq!((&entry["commit"], &entry["action"], &entry["who"]), (&json!(2), &json!("restore"), &json!("console")));
    assert_eq!(shelter.json(&["check"])["clean"], true);
}

#[test]
fn a_restore_that_went_too_far_back_is_undone() {
    let shelter = history();
    let said = shelter.ok(&["restore", "--commit", "1", "--yes"]).out;
    assert!(said.contains("\"clowder restore --undo\" brings them back."), "{said}");
    assert!(said.contains("If that was wrong: clowder restore --undo"), "{said}");
    let list = shelter.ok(&["restore", "--list"]).out;
    assert!(list.contains("Left behind by a restore: 2 changes, up to "), "{list}");
    assert!(list.contains("(change 3): clowder restore --undo\n") && list.contains("kept-"), "{list}");
    assert!(shelter.json(&["stats"])["disk"]["kept_bytes"].as_u64() > Some(1_000));
    assert!(shelter.ok(&["stats"]).out.contains("to be removed once all is well"));
    let far = shelter.fails(1, &["restore", "--commit", "3", "--yes"]);
    assert!(far.contains("A restore left it behind; this goes there: clowder restore --undo --commit 3"), "{far}");
    assert_eq!(shelter.json(&["restore", "--undo", "--yes"])["restored"]["commit"], 3);
    assert_eq!(shelter.json(&["cats", "show", "2"])["colour"], "black");
    assert_eq!(shelter.json(&["check"])["clean"], true);
}

#[test]
fn a_store_whose_files_are_gone_comes_back() {
    let shelter = history();
    std::fs::remove_dir_all(shelter.place("data").join("store")).unwrap();
    assert!(shelter.fails(1, &["cats", "list"]).contains("clowder doctor"));
    let said = shelter.ok(&["restore", "--yes"]).out;
    assert!(said.contains("Restored: the store is as it was after change 3, "), "{said}");
    assert_eq!(shelter.json(&["cats", "show", "2"])["colour"], "black");
}

#[test]
fn what_makes_no_sense_is_told_apart() {
    let shelter = history();
    assert!(shelter.fails(3, &["restore", "--at", "soon"]).contains("write '2026-11-20 15:00' or 'yesterday 15:00'"));
    assert!(shelter.fails(3, &["restore", "--at", "2026-11-20"]).contains("add the time, as in '2026-11-20 15:00'"));
    assert!(shelter.fails(3, &["restore", "--at", "yesterday 25:00"]).contains("is no time of day"));
    assert!(shelter.fails(1, &["restore", "--at", "2001-01-01 12:00", "--yes"]).contains("goes back that far"));
    assert!(shelter.fails(1, &["restore", "--commit", "9", "--yes"]).contains("change 9 cannot be reached"));
    assert!(shelter.fails(1, &["restore", "--from", "/no/such/file"]).contains("/no/such/file"));
    let empty = Shelter::bare();
    assert!(empty.fails(1, &["restore", "--yes"]).contains("name a backup with --from FILE"));
    assert!(empty.ok(&["restore", "--list"]).out.contains("There is nothing to go back to"));
    assert!(!empty.place("data").exists());
}

#[test]
fn a_moment_can_be_written_in_many_ways() {
    let shelter = Shelter::new();
    let clock = Arc::new(AtomicI64::new(0));
    let its = Arc::clone(&clock);
    let surroundings = Surroundings::default().with_clock(move || Stamp(its.load(Ordering::Relaxed)));
    let desk = shelter.desk_with(surroundings);
    for at in ["2024-11-19T10:00:10Z", "2024-11-20T15:00:30Z", "2024-11-20T15:01:00.400Z"] {
        clock.store(Stamp::parse(at, Stamp::now()).unwrap().0, Ordering::Relaxed);
        desk.add_cat(&Actor::console(), vec![CatChange::Name("Miso".to_owned())]).unwrap();
    }
    drop(desk);
    let ask = |at: &str| {
        let ran = limit::output(shelter.command(&["restore", "--at", at]).env("TZ", "UTC"));
        (ran.status.code(), String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap())
    };
    for (at, change) in [
        ("2024-11-20 15:00", 1),
        ("2024-11-20 15:00:29", 1),
        ("2024-11-20 15:00:30", 2),
        ("2024-11-20T15:00:59", 2),
        (" 2024-11-20 15:02 ", 3),
        ("2024-11-20T16:00:30+01:00", 2),
        ("2024-11-20T15:00:00Z", 1),
        ("yesterday 15:00", 3),
        ("today 0:00", 3),
        ("-1w 9:30", 3),
        ("00:00", 3),
        ("23:59:59", 3),
        ("2024-11-20 15:00:30 UTC", 2),
    ] {
        let (code, out, err) = ask(at);
        assert_eq!(code, Some(2), "{at}: {err}");
        assert!(out.contains(&format!("as it was after change {change}, ")), "{at}: {out}");
    }
    let list = limit::output(shelter.command(&["restore", "--list"]).env("TZ", "UTC"));
    let list = String::from_utf8(list.stdout).unwrap();
    let named = list.rsplit('\'').nth(1).unwrap();
    let (_, out, err) = ask(named);
    assert!(out.contains("as it was after change 3, "), "{list}{out}{err}");
    for (at, code, why) in [
        ("", 3, "write '2026-11-20 15:00' or 'yesterday 15:00'"),
        ("soon", 3, "\"soon\" is no moment"),
        ("soon 15:00", 3, "\"soon\" is no date"),
        ("2024-11-20", 3, "add the time, as in '2024-11-20 15:00'"),
        ("today", 3, "has many moments; add the time"),
        ("2024-02-30 15:00", 3, "there is no day 2024-02-30"),
        ("2024-13-01 15:00", 3, "there is no day 2024-13-01"),
        ("20.11.2024 15:00", 3, "\"20.11.2024\" is no date"),
        ("2024-11-20 24:00", 3, "\"24:00\" is no time of day"),
        ("2024-11-20 15:60", 3, "\"15:60\" is no time of day"),
        ("2024-11-20 15", 3, "\"15\" is no time of day"),
        ("2024-11-20 15:00:00:00", 3, "is no time of day"),
        ("2024-11-20 3pm", 3, "\"3pm\" is no time of day"),
        ("2024-11-20 15:00 XYZ", 3, "times are UTC here, and \"XYZ\" is not known"),
        ("tomorrow 15:00", 3, "is to come"),
        ("2199-01-01 00:00", 3, "is to come: it is "),
        ("2024-11-19 10:00", 1, "nothing that is kept goes back that far"),
    ] {
        let (given, out, err) = ask(at);
        assert_eq!(given, Some(code), "{at}: {out}{err}");
        assert!(err.contains(why), "{at}: {err}");
    }
}
