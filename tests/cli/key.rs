//! `clowder key …`

use std::fs;

use serde_json::json;

use super::{
    Shelter,
    limit::{Started, wait_for, within},
};

#[test]
fn the_status_shows_every_slot_and_nothing_secret() {
    let shelter = Shelter::new();
    let status = shelter.json(&["key", "status"]);
    assert_eq!(
        (&status["data_key"], &status["resealing_since"], &status["retired"]),
        (&json!(1), &json!(null), &json!([]))
    );
    let slot = &status["slots"][0];
    assert_eq!((&slot["slot"], &slot["kind"], &slot["opened"]), (&json!(1), &json!("file"), &json!(true)));
    assert!(slot["label"].as_str().unwrap().ends_with(".key"));
    let words = shelter.ok(&["key", "status"]).out;
    assert!(words.contains("key file") && words.contains("data key 1") && words.contains("export-recovery"), "{words}");
    let file = fs::read_to_string(slot["label"].as_str().unwrap()).unwrap();
    let key = file.lines().find_map(|line| line.strip_prefix("key = ")).unwrap().trim_matches('"').to_owned();
    assert!(!words.contains(&key) && !status.to_string().contains(&key));
}

#[test]
fn slots_come_and_go() {
    let shelter = Shelter::new();
    let short = shelter.feed("too short\n", &["key", "set-passphrase", "--passphrase-stdin"]);
    assert_eq!(short.code, 4, "{}", short.err);
    assert!(short.err.contains("at least 12"), "{}", short.err);
    let set = shelter
        .feed("five cats on a wall\n", &["key", "set-passphrase", "--passphrase-stdin", "--label", "the office"]);
    assert_eq!((set.code, set.out.contains("slot 2")), (0, true), "{} {}", set.out, set.err);
    assert!(!set.out.contains("five cats"));
    shelter.fails(2, &["key", "set-passphrase"]);

    let code = shelter.ok(&["key", "export-recovery"]).out;
    let line = code.lines().find(|line| line.trim().len() == 47).unwrap().trim();
    assert_eq!(line.split('-').map(str::len).collect::<Vec<_>>(), [5; 8]);
    assert!(code.contains("not shown again"), "{code}");
    // The one before is replaced only after a question that nobody can answer here.
    shelter.fails(2, &["key", "export-recovery"]);
    let again = shelter.json(&["key", "export-recovery", "--yes"]);
    assert!(again["code"].as_str().unwrap() != line);

    let second = shelter.0.path().join("second.key");
    shelter.ok(&["key", "use-file", second.to_str().unwrap()]);
    assert!(shelter.fails(4, &["key", "use-file", second.to_str().unwrap()]).contains("already"));
    let raw = shelter.feed(&"x".repeat(40), &["key", "use-credential", "-"]);
    assert_eq!(raw.code, 0, "{}", raw.err);
    assert_eq!(shelter.feed("short", &["key", "use-credential", "-"]).code, 4);
    let kinds = |shelter: &Shelter| {
        let status = shelter.json(&["key", "status"]);
        let slots = status["slots"].as_array().unwrap().iter();
        slots.map(|s| format!("{} {}", s["slot"], s["kind"].as_str().unwrap())).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(kinds(&shelter), "1 file, 2 passphrase, 3 recovery, 4 file, 5 credential");
    assert_eq!(shelter.json(&["key", "status", "--key", second.to_str().unwrap()])["slots"][3]["opened"], json!(true));

    shelter.fails(2, &["key", "remove", "2"]);
    shelter.ok(&["key", "remove", "2", "--yes"]);
    assert!(shelter.fails(4, &["key", "remove", "2", "--yes"]).contains("no slot 2"));
    assert!(shelter.fails(4, &["key", "remove", "1", "--yes"]).contains("opened the store this time"));
    let audit = shelter.ok(&["audit"]).out;
    assert!(audit.contains("Changed the store's keys"), "{audit}");
}

#[test]
fn new_keys() {
    let shelter = Shelter::new();
    let file = shelter.json(&["key", "status"])["slots"][0]["label"].as_str().unwrap().to_owned();
    let old = fs::read_to_string(&file).unwrap();
    let said = shelter.ok(&["key", "rotate"]).out;
    assert!(said.contains(&file), "{said}");
    assert_ne!(fs::read_to_string(&file).unwrap(), old);
    shelter.ok(&["key", "export-recovery"]);
    // Somebody would have to type the code, or to let it go.
    assert!(shelter.fails(2, &["key", "rotate", "--everything"]).contains("recovery code of slot"));
    let said = shelter.ok(&["key", "rotate", "--everything", "--yes"]).out;
    assert!(said.contains("data key 2"), "{said}");
    let status = shelter.json(&["key", "status"]);
    assert_eq!((&status["data_key"], &status["slots"].as_array().unwrap().len()), (&json!(2), &1));
    assert_eq!(status["retired"][0]["data_key"], json!(1));
    assert!(shelter.ok(&["check"]).out.contains("all is well"));
    let copy = shelter.0.path().join("old.key");
    fs::copy(&file, &copy).unwrap();
    fs::write(&copy, old).unwrap();
    assert!(shelter.fails(1, &["stats", "--key", copy.to_str().unwrap()]).contains("does not open this store"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_key_that_was_in_the_file_before_is_told_of() {
    let shelter = Shelter::new();
    let lost = shelter.0.path().join("lost.key");
    let second = shelter.0.path().join("second.key");
    let second = second.to_str().unwrap();
    assert!(!shelter.ok(&["key", "use-file", second]).out.contains("before"));
    fs::rename(second, &lost).unwrap();
    let made = shelter.ok(&["key", "use-file", second]).out;
    assert!(made.contains("(slot 2): if it is lost") && made.contains("clowder key remove 2"), "{made}");
    let status = shelter.ok(&["key", "status"]).out;
    assert!(status.contains(&format!("an earlier key of {second}")[..30]), "{status}");
    let rotated = shelter.ok(&["key", "rotate"]).out;
    assert!(!rotated.contains("before opens the store"), "of another file: {rotated}");
    shelter.ok(&["key", "remove", "2", "--yes"]);
    assert!(!shelter.ok(&["key", "status"]).out.contains("an earlier key"));
}

#[test]
fn the_program_leaves_no_core_dump() {
    use std::{io::Read as _, process::Stdio};
    let shelter = Shelter::new();
    // It has answered nothing yet while it waits for its input.
    let mut command = shelter.command(&["key", "use-credential", "-"]);
    let mut child = Started::new(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let limits = || fs::read_to_string(format!("/proc/{}/limits", child.pid())).unwrap_or_default();
    let closed =
        || limits().lines().any(|l| l.starts_with("Max core file size") && l.split_whitespace().nth(4) == Some("0"));
    wait_for("a process that leaves no core dump", closed);
    drop(child.0.stdin.take());
    let mut said = String::new();
    let mut stderr = child.0.stderr.take().unwrap();
    within(child.pid(), "the command", || stderr.read_to_string(&mut said).unwrap());
    assert_eq!(child.end().code(), Some(4), "{said}");
}
