//! Import and export.

use std::{
    fs,
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    process::{Command, Stdio},
};

use rustix::fs::{OFlags, fcntl_setfl};
use serde_json::{Value, json};

use crate::{
    Shelter,
    limit::{Started, wait_for, within},
};

/// Two cats, one of them with two stays, one row of each kind of trouble.
const CATS: &str = "\
tag,name,breed,born,gender,status,intake_date,intake_kind,outcome_date,outcome_kind
A1,Miso,Siamese,2021-05,female,,2023-01-02,stray,2023-02-03,adoption
A1,Miso,Siamese,2021-05,female,,2024-03-04,return,,
A2,Tofu,,2020-13,male,,2024-05-06,owner-surrender,,
";

impl Shelter {
    /// Writes a file beside the store and answers its path.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }
}

#[test]
fn an_import_adds_cats_and_the_same_import_again_nothing() {
    let shelter = Shelter::new();
    let file = shelter.file("cats.csv", CATS);
    let summary = shelter.json(&["import", &file, "--profile", "clowder"]);
    assert_eq!(
        (&summary["rows"], &summary["began"], &summary["cats_new"], &summary["stays"], &summary["breeds"]),
        (&json!(3), &json!(3), &json!(2), &json!(3), &json!(["Siamese"]))
    );
    let problem = &summary["problems"][0];
    assert_eq!(
        (&problem["line"], &problem["column"], &problem["value"]),
        (&json!(4), &json!("born"), &json!("2020-13"))
    );

    let miso = shelter.json(&["cats", "show", "A1"]);
    assert_eq!(
        (&miso["breed"], &miso["born"], &miso["status"]),
        (&json!("Siamese"), &json!("2021-05"), &json!("available"))
    );
    assert_eq!(miso["stays"].as_array().unwrap().len(), 2);
    assert_eq!(shelter.json(&["cats", "show", "A2"])["born"], Value::Null);

    let counts = || {
        let mut stats = shelter.json(&["stats"]);
        stats.as_object_mut().unwrap().remove("disk").unwrap();
        stats
    };
    let before = counts();
    let again = shelter.ok(&["import", &file, "--profile", "clowder"]);
    assert!(again.out.contains("nothing new"), "{}", again.out);
    assert_eq!(counts(), before);
}

#[test]
fn a_dry_run_writes_nothing_but_its_report() {
    let shelter = Shelter::new();
    let (file, report) = (shelter.file("cats.csv", CATS), shelter.path("report.csv"));
    let run = shelter.ok(&["import", &file, "--profile", "clowder", "--dry-run", "--report", &report]);
    assert!(run.out.contains("dry run: nothing was written"), "{}", run.out);
    assert!(run.err.contains("2020-13"), "{}", run.err);
    let report = fs::read_to_string(report).unwrap();
    assert!(report.starts_with("line,column,value,reason,weight\n4,born,2020-13,"), "{report}");
    let stats = shelter.json(&["stats"]);
    assert_eq!((&stats["cats"], &stats["breeds"]), (&json!(0), &json!(0)));
    assert_eq!(shelter.json(&["audit"]), json!([]));
}

#[test]
fn standard_input_is_a_file_too() {
    let shelter = Shelter::new();
    let run = shelter.feed(CATS, &["import", "-", "--profile", "clowder"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let line = r#"{"tag": "N1", "name": "Nori", "stays": []}"#;
    let run = shelter.feed(line, &["import", "-", "--profile", "clowder"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(shelter.json(&["stats"])["cats"], 3);
    assert_eq!(shelter.json(&["cats", "show", "N1"])["name"], "Nori");
}

#[test]
fn what_was_exported_is_the_same_elsewhere() {
    let shelter = Shelter::new();
    let file = shelter.file("cats.csv", CATS);
    shelter.ok(&["import", &file, "--profile", "clowder"]);
    shelter.ok(&[
        "cats",
        "edit",
        "A2",
        "--hold",
        "medical",
        "--hold-reason",
        "teeth, \"two\"",
        "--description",
        "a\nb",
    ]);
    let cats = |shelter: &Shelter| {
        let mut cats = shelter.json(&["cats", "list", "--sort", "name"]);
        for cat in cats.as_array_mut().unwrap() {
            for field in ["id", "rev", "created_at", "updated_at"] {
                cat.as_object_mut().unwrap().remove(field);
            }
        }
        cats
    };
    for format in ["csv", "ndjson"] {
        let out = shelter.path(&format!("all.{format}"));
        shelter.ok(&["export", "--out", &out]);
        assert_eq!(shelter.ok(&["export", "--format", format]).out, fs::read_to_string(&out).unwrap());
        let other = Shelter::new();
        other.ok(&["import", &out, "--profile", "clowder"]);
        assert_eq!(cats(&other), cats(&shelter), "{format}");
    }
    assert_eq!(shelter.json(&["export"]), shelter.json(&["cats", "list", "--archived", "sort:-newest"]));
    let some = shelter.ok(&["export", "--format", "ndjson", "status:on-hold"]).out;
    assert_eq!(some.lines().count(), 1);
    assert_eq!(serde_json::from_str::<Value>(&some).unwrap()["tag"], "A2");
    let csv = shelter.ok(&["export", "breed:siamese"]).out;
    assert_eq!(csv.lines().count(), 3, "{csv}");
}

#[test]
fn files_that_cannot_be_used_are_told_plainly() {
    let shelter = Shelter::new();
    let file = shelter.file("cats.csv", CATS);
    shelter.fails(2, &["import", &file]);
    shelter.ok(&["stats"]);
    let missing = shelter.fails(1, &["import", "no.csv", "--profile", "clowder"]);
    assert!(missing.contains("no.csv"), "{missing}");
    let profile = shelter.fails(3, &["import", &file, "--profile", "nobody"]);
    assert!(profile.contains("sanjose") && profile.contains("clowder"), "{profile}");
    shelter.fails(1, &["import", &file, "--profile", "sanjose"]);
    shelter.fails(1, &["export", "--out", &shelter.path("nowhere/cats.csv")]);
    shelter.fails(2, &["export", "--format", "xml"]);
    shelter.fails(3, &["export", "status:lost"]);
    assert_eq!(shelter.json(&["stats"])["cats"], 0);
}

#[test]
fn what_an_import_reads_is_never_written_over() {
    let shelter = Shelter::new();
    shelter.ok(&["stats"]);
    let profile = "profile = \"own\"\n[tag]\ncolumn = \"tag\"\n[name]\ncolumn = \"name\"\n";
    let (file, profile) = (shelter.file("cats.csv", CATS), shelter.file("own.toml", profile));
    let link = shelter.path("link.csv");
    fs::hard_link(&file, &link).unwrap();
    for report in [&file, &link, &profile] {
        let before = fs::read(report).unwrap();
        let said = shelter.fails(1, &["import", &file, "--profile", &profile, "--report", report]);
        assert!(said.contains("would overwrite"), "{said}");
        assert_eq!(fs::read(report).unwrap(), before);
    }
    // What was there before is gone from a report that is written again.
    let report = shelter.file("report.csv", &CATS.repeat(9));
    shelter.ok(&["import", &file, "--profile", &profile, "--report", &report]);
    assert!(fs::read_to_string(&report).unwrap().starts_with("line,column"));
    assert!(!fs::read_to_string(&report).unwrap().contains("Miso"));
}

#[test]
fn an_export_never_takes_the_place_of_a_pipe_or_a_device() {
    let shelter = Shelter::new();
    shelter.ok(&["stats"]);
    let pipe = shelter.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let said = shelter.fails(1, &["export", "--out", &pipe]);
    assert!(said.contains("is no file"), "{said}");
    assert!(!fs::metadata(&pipe).unwrap().is_file());
}

#[test]
fn an_endless_profile_is_refused() {
    let shelter = Shelter::new();
    shelter.ok(&["stats"]);
    let file = shelter.file("cats.csv", CATS);
    let said = shelter.fails(3, &["import", &file, "--profile", "/dev/zero"]);
    assert!(said.contains("longer than 1 MiB"), "{said}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_an_import_with_whole_cats_only() {
    let shelter = Shelter::new();
    let pipe = shelter.path("endless.csv");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut import = shelter.command(&["import", &pipe, "--profile", "clowder"]);
    let mut import = Started::new(import.stdout(Stdio::piped()).stderr(Stdio::piped()));
    // It can be opened once the import reads, which it does once it listens for Ctrl-C.
    let mut opened = None;
    wait_for("an import that reads", || {
        opened = fs::File::options().write(true).custom_flags(OFlags::NONBLOCK.bits() as i32).open(&pipe).ok();
        opened.is_some()
    });
    let mut rows = opened.unwrap();
    fcntl_setfl(&rows, OFlags::empty()).unwrap();
    writeln!(rows, "tag,name,intake_date,intake_kind").unwrap();
    let mut row = |n: u32| writeln!(rows, "T{n},Cat {n},2024-01-02,stray");
    row(0).unwrap();
    assert!(Command::new("kill").args(["-INT", &import.pid().to_string()]).status().unwrap().success());
    // The file has no end: only the import can end this.
    let ended = within(import.pid(), "the import", || (1..).find_map(|n| row(n).err()).unwrap());
    assert_eq!(ended.kind(), ErrorKind::BrokenPipe);
    let mut said = String::new();
    let mut stderr = import.0.stderr.take().unwrap();
    within(import.pid(), "the import", || stderr.read_to_string(&mut said).unwrap());
    assert_eq!(import.end().code(), Some(130), "{said}");
    assert!(said.contains("clowder: the import was broken off"), "{said}");
    assert_eq!(shelter.json(&["check"])["clean"], true);
    shelter.ok(&["cats", "list"]);
}

#[test]
fn a_killed_import_leaves_whole_cats_and_runs_on_when_it_is_run_again() {
    const CATS: u64 = 3_000;
    let shelter = Shelter::new();
    let mut csv = String::from("tag,name,intake_date,intake_kind,outcome_date,outcome_kind\n");
    for cat in 0..CATS {
        // The rows of a cat are far apart, so that half a cat would show.
        csv.push_str(&format!("T{cat},Cat {cat},2021-01-02,stray,2021-02-03,adoption\n"));
    }
    for cat in 0..CATS {
        csv.push_str(&format!("T{cat},Cat {cat},2024-01-02,return,,\n"));
    }
    let file = shelter.file("many.csv", &csv);
    shelter.ok(&["stats"]);
    let db = shelter.0.path().join("data/store/db");
    let size = || fs::metadata(&db).map_or(0, |m| m.len());

    let mut killed = 0;
    for _ in 0..3 {
        let before = size();
        let mut import = shelter.command(&["import", &file, "--profile", "clowder"]);
        let mut import = Started::new(import.stdout(Stdio::null()).stderr(Stdio::null()));
        wait_for("an import that has written much, or all", || {
            let has_ended = import.0.try_wait().unwrap().is_some();
            let is_far = !has_ended && size() > before + 512 * 1024;
            if is_far {
                import.kill();
                import.end();
                killed += 1;
            }
            has_ended || is_far
        });

        assert!(shelter.ok(&["check"]).out.contains("all is well"));
        let cats = shelter.json(&["cats", "list"]);
        assert_eq!(shelter.json(&["stats"])["cats"], json!(cats.as_array().unwrap().len()));
        for cat in cats.as_array().unwrap() {
            assert_eq!(cat["stays"].as_array().unwrap().len(), 2, "{cat}");
        }
    }
    assert!(killed > 0, "no import was cut short");
    shelter.ok(&["import", &file, "--profile", "clowder"]);
    assert_eq!(shelter.json(&["stats"])["cats"], json!(CATS));
    assert!(shelter.ok(&["check"]).out.contains("all is well"));
}
