//! Streams, places and wrong words.

use std::{
    io::{self, Write},
    path::Path,
    process::Stdio,
    sync::atomic::AtomicBool,
};

use clowder::{
    cli::{Code, Context, Show, Words},
    model::Actor,
};
use serde_json::json;

use crate::{Ran, Shelter, limit};

#[test]
fn empty_lists_say_so_beside_the_results() {
    let shelter = Shelter::new();
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
fn only_an_import_makes_a_store_where_there_is_none() {
    let shelter = Shelter::bare();
    for args in [&["cats", "list"][..], &["users", "add", "ana", "--no-password"], &["check"], &["export"], &["stats"]]
    {
        let said = shelter.fails(1, args);
        assert!(said.contains("there is no store in") && said.contains("--data"), "{said}");
        assert!(!shelter.place("data").exists(), "{args:?}");
    }
    // An empty directory is as good as none.
    std::fs::create_dir(shelter.place("data")).unwrap();
    assert!(shelter.fails(1, &["stats"]).contains("there is no store in"));
    let made = shelter.feed("tag,name\nA-1,Miso\n", &["import", "-", "--profile", "clowder"]);
    assert!(made.err.contains("Made a new store in"), "{}", made.err);
    assert_eq!(shelter.json(&["stats"])["cats"], 1);
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
    for args in
        [["cats", "list"].as_slice(), &["cats", "list", "--json"], &["cats", "show", "1"], &["export"], &["--help"]]
    {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let child = shelter.command(args).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let ran = Ran::of(limit::output_of(child));
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
    let place = shelter.0.path().join(evil);
    let refused = shelter.fails(1, &["stats", "--data", place.to_str().unwrap()]);
    assert!(!refused.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{refused:?}");
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
    // An import of nothing makes a store.
    assert_eq!(Ran::of(limit::output(&mut bare(&["import", "-", "--profile", "clowder"]))).code, 1);
    assert!(home.path().join(".local/share/clowder").is_dir());
    let keys = home.path().join(".config/clowder/keys");
    assert_eq!(keys.read_dir().unwrap().count(), 1);

    shelter.ok(&["cats", "add", "Miso"]);
    let other = shelter.0.path().join("other");
    let there = shelter.fails(1, &["stats", "--data", other.to_str().unwrap()]);
    assert!(there.contains(other.to_str().unwrap()), "{there}");
    assert_eq!(shelter.json(&["stats"])["cats"], json!(1));
}

#[test]
fn wrong_words_are_a_usage_error_and_help_is_not() {
    let shelter = Shelter::bare();
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

#[test]
fn the_keys_are_printed_without_a_store() {
    let shelter = Shelter::bare();
    let keys = shelter.ok(&["keys"]).out;
    assert!(keys.contains("| everywhere |") && keys.contains("`Ctrl-P`"), "{keys}");
    assert!(!shelter.0.path().join("data").exists());
}

#[test]
fn without_a_terminal_there_are_no_screens() {
    let shelter = Shelter::bare();
    for words in [&[][..], &["demo"]] {
        let err = shelter.fails(1, words);
        assert!(err.contains("terminal") && err.contains("clowder --help"), "{err}");
    }
    assert!(!shelter.0.path().join("data").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_one_is_asked() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso"]);
    let words = format!("'{}' cats delete 1", env!("CARGO_BIN_EXE_clowder"));
    // `script` runs the words on a terminal of their own and types what it is fed.
    let answer = |answer: &str| {
        let plain = shelter.command(&[]);
        let mut script = std::process::Command::new("script");
        script.args(["-qec", &words, "/dev/null"]);
        plain.get_envs().for_each(|(name, value)| match value {
            Some(value) => drop(script.env(name, value)),
            None => drop(script.env_remove(name)),
        });
        Ran::of(limit::feed(&mut script, answer.as_bytes()))
    };
    let no = answer("n\n");
    assert!(no.code == 1 && no.out.contains("Delete Miso (cat 1). Go on? [y/N]"), "{}", no.out);
    assert_eq!(shelter.json(&["stats"])["cats"], 1);
    let yes = answer("y\n");
    assert!(yes.code == 0 && yes.out.contains("Deleted Miso."), "{}", yes.out);
    assert_eq!(shelter.json(&["stats"])["cats"], 0);
}

/// An output that is the program's own fault.
struct Faulty;

impl Write for Faulty {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        panic!("one byte too many");
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_fault_in_the_program_ends_one_command_with_a_sentence() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso"]);
    let desk = shelter.desk();
    let run = |words: &[&str], out: &mut (dyn Write + Send)| {
        let mut err = Vec::new();
        let words = Words::parse(words.iter().map(std::ffi::OsString::from)).unwrap();
        let code = words.run(&mut Context {
            desk: &desk,
            seat: None,
            actor: &Actor::console(),
            out,
            err: &mut err,
            input: &mut io::empty(),
            person: None,
            json: false,
            width: None,
            progress: Show::Lines,
            files: false,
            directory: Path::new(""),
            cancel: &AtomicBool::new(false),
        });
        (code, String::from_utf8(err).unwrap())
    };
    let fault = "clowder: a fault in the program ended this command\n";
    assert_eq!(run(&["cats", "show", "1"], &mut Faulty), (Code::Failed, fault.to_owned()));
    let mut out = Vec::new();
    assert_eq!(run(&["cats", "show", "1"], &mut out), (Code::Done, String::new()));
    assert!(String::from_utf8(out).unwrap().contains("Miso"));
}
