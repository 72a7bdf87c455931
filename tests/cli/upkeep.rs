//! The audit log, counts and checks.

use serde_json::{Value, json};

use crate::Shelter;

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
    shelter.ok(&["users", "add", "uma", "--full-name", "Uma Stone", "--no-password"]);
    shelter.ok(&["cats", "add", "Nori"]);
    let nori = shelter.json(&["cats", "list", "Nori"])[0]["id"].to_string();
    shelter.ok(&["requests", "take", &nori, "--user", "uma"]);
    shelter.ok(&["users", "lock", "uma", "--reason", "moved away"]);
    let log = shelter.json(&["audit", "--limit", "2"]);
    assert_eq!(log[0]["about"], "Uma Stone");
    // What the note says already is not said twice.
    let asked = format!("{} {}", log[1]["about"], log[1]["note"]);
    assert!(asked.contains("Uma Stone") && asked.contains("Nori") && !asked.contains("request"), "{asked}");
    shelter.fails(6, &["audit", "99"]);
    shelter.fails(6, &["undo", "99"]);
}

#[test]
fn stats_are_counts_that_stay_until_something_changes() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso"]);
    shelter.ok(&["cats", "add", "Tofu", "--status", "on-hold"]);
    shelter.ok(&["requests", "take", "1", "--new", "bo"]);
    let counts = || {
        let mut stats = shelter.json(&["stats"]);
        let disk = stats.as_object_mut().unwrap().remove("disk").unwrap();
        assert!(disk["free_bytes"].as_u64() > Some(0) && disk["store_bytes"].as_u64() > Some(0));
        let backups = stats.as_object_mut().unwrap().remove("backups").unwrap();
        assert!(backups["last"].is_null() && backups["changes"].as_u64() > Some(0), "{backups}");
        stats
    };
    let stats = counts();
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
    assert_eq!(counts(), stats);
    let out = shelter.ok(&["stats"]).out;
    assert!(out.contains("On hold") && out.contains("Free on disk"));
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
fn a_backup_is_made_listed_and_verified() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso"]);
    let stats = shelter.ok(&["stats"]);
    assert!(stats.out.contains("Last backup: none.") && stats.err.is_empty(), "{}", stats.err);
    assert!(shelter.ok(&["backup", "list"]).out.contains("There is no backup yet. Make one: clowder backup"));
    assert!(shelter.fails(2, &["backup", "lst"]).contains("has no command \"lst\""));
    assert!(!std::path::Path::new("lst").exists());

    let none = &shelter.json(&["stats"])["backups"];
    assert_eq!(*none, json!({ "last": null, "changes": 1, "warning": null }));

    let made = shelter.json(&["backup"]);
    assert_eq!((&made["cats"], &made["commit"], &made["unreadable"]), (&json!(1), &json!(1), &json!(0)));
    let path = made["path"].as_str().unwrap();
    assert_eq!(std::fs::metadata(path).unwrap().len(), made["size"].as_u64().unwrap());
    let listed = shelter.json(&["backup", "list"]);
    assert_eq!(listed, json!([made]));
    assert!(shelter.ok(&["stats"]).out.contains("Last backup: just now."));

    let name = std::path::Path::new(path).file_name().unwrap().to_str().unwrap();
    for file in [path, name] {
        let verified = shelter.json(&["backup", "verify", file]);
        assert_eq!((&verified["opened"], &verified["counts"]["cat"]), (&json!(true), &json!(1)));
    }
    let said = shelter.ok(&["backup", "verify", path]).out;
    assert!(said.contains("is whole: every value was opened and read."), "{said}");
}

#[test]
fn a_backup_goes_to_a_file_or_a_pipe_and_needs_no_store_to_be_verified() {
    let (shelter, other) = (Shelter::new(), Shelter::bare());
    shelter.ok(&["cats", "add", "Miso"]);
    let file = shelter.place("far.backup");
    let file = file.to_str().unwrap();
    let said = shelter.ok(&["backup", file]).out;
    assert!(
        said.starts_with(&format!("Backup written to {file}: 1 cat, 0 accounts, 0 requests; change 1, ")),
        "{said}"
    );
    let piped = shelter.bytes(&["backup", "-"]);
    let copy = shelter.place("piped.backup");
    std::fs::write(&copy, piped).unwrap();
    shelter.ok(&["backup", "verify", copy.to_str().unwrap()]);

    // Elsewhere, without the key: the hash is compared.
    let ran = other.ok(&["backup", "verify", file]);
    assert!(
        ran.out.contains("is whole: its hash is right.") && ran.err.contains("the key file "),
        "{} {}",
        ran.out,
        ran.err
    );
    let mut bytes = std::fs::read(file).unwrap();
    bytes[300] ^= 4;
    std::fs::write(file, bytes).unwrap();
    assert!(other.fails(1, &["backup", "verify", file]).contains("is damaged"));
    std::fs::write(file, "name,born").unwrap();
    assert!(other.fails(1, &["backup", "verify", file]).contains("is no backup of Clowder"));
    assert!(!other.place("data").exists(), "a store was made to verify a backup");
    assert!(shelter.fails(1, &["backup", "/no/such/directory/b"]).contains("the backup was not made"));
}

#[test]
fn settings_that_make_no_sense_are_told_with_their_line_and_the_way_out() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso"]);
    let file = shelter.place("a.backup");
    shelter.ok(&["backup", file.to_str().unwrap()]);
    for (text, told) in [
        (
            "[backup]\nevery_hour = 24\n",
            "line 2 (every_hour = 24): unknown setting \"every_hour\", expected one of \"directory\", \"every_hours\",",
        ),
        (
            "[backup]\nkeep = \"many\"\n",
            "line 2 (keep = \"many\"): invalid type: string \"many\", expected a whole number",
        ),
        ("[backup\nkeep = 3\n", "line 1 ([backup): "),
        ("\n[backup]\nkeep = -3\n", "line 3 (keep = -3): "),
        ("[backup]\nkeep = 0\n", "backup.keep must be at least 1"),
    ] {
        let settings = shelter.place("config").join("clowder.toml");
        std::fs::write(&settings, text).unwrap();
        for command in [&["stats"][..], &["backup"], &["restore", "--list"]] {
            let said = shelter.fails(1, command);
            assert!(said.contains(&format!("{}: {told}", settings.display())), "{said}");
            assert!(said.contains("move the file away to go on with the usual settings"), "{said}");
        }
        shelter.ok(&["backup", "verify", file.to_str().unwrap()]);
    }
}
