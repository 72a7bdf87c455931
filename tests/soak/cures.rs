//! Files are damaged, and the doctor is left alone with them: everything acknowledged comes back while a backup and the
//! journal survive, and what does not come back is named.

use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use clowder::{
    model::{Actor, AdoptionRequest, Breed, Cat, HealthStatus, Kind, Record, RecordId as _, User},
    store::{
        OpenError, Store,
        restore::{self, Until},
    },
};

use crate::{
    damage::{Damage, damage, files},
    disk::Dice,
    jobs::{BACK_TO, Job, write},
    kills::of_the_first_format,
    support::{Home, add, clean, wait_for},
    work::{Acks, Worker, asked, copy_of, record, rounds, stocked, stocked_lines, with_history},
};

/// Past this the doctor hangs.
const LIMIT: Duration = Duration::from_secs(240);

/// Each record and each change in words that say everything (none for a record that was deleted), with its last change.
type Truth = BTreeMap<String, (Option<String>, u64)>;

fn place(kind: Kind, id: u32) -> String {
    format!("{} {id}", kind.label().to_lowercase())
}

/// Words that are long, so that a difference can still be seen and be read.
fn short(words: &str) -> String {
    let mut hasher = DefaultHasher::new();
    words.hash(&mut hasher);
    format!("{} [{:x}]", words.chars().take(200).collect::<String>(), hasher.finish())
}

fn truth(store: &Store) -> Truth {
    fn of<R: Record>(store: &Store, truth: &mut Truth, more: impl Fn(&R) -> String) {
        for record in store.all::<R>().map(Result::unwrap) {
            let known = truth.entry(place(R::KIND, record.id().number())).or_default();
            known.0 = Some(short(&format!("{record:?} {}", more(&record))));
        }
    }
    let mut truth = Truth::new();
    for entry in store.audit(None, usize::MAX).unwrap() {
        let (entry, touched) = store.audit_entry(entry.commit).unwrap().unwrap();
        let no = entry.commit.0;
        for place in touched.iter().map(|t| place(t.kind, t.id)) {
            let known = truth.entry(place).or_default();
            known.1 = no.max(known.1);
        }
        truth.insert(format!("change {no}"), (Some(short(&format!("{entry:?} {touched:?}"))), no));
    }
    of::<Breed>(store, &mut truth, |_| String::new());
    of::<HealthStatus>(store, &mut truth, |_| String::new());
    of::<Cat>(store, &mut truth, |_| String::new());
    of::<User>(store, &mut truth, |user| format!("{:?}", user.password));
    of::<AdoptionRequest>(store, &mut truth, |_| String::new());
    truth
}

/// A store to damage.
struct Base {
    name: &'static str,
    home: Home,
    truth: Truth,
    /// The last changes that only the end of the journal had when the program was killed.
    in_flight: u64,
}

impl Base {
    fn new(name: &'static str, home: Home, in_flight: u64) -> Self {
        let looked_at = copy_of(&home);
        let store = looked_at.open();
        clean(&store);
        let truth = truth(&store);
        store.close().unwrap();
        Self { name, home, truth, in_flight }
    }

    /// Killed at work, after a backup.
    fn killed() -> Self {
        let home = stocked();
        let mut acks = Acks::default();
        acks.note_all(&stocked_lines());
        let mut worker = Worker::start(&home, Job::Load(4), |_| {});
        let mut seen = 0;
        while seen < 40 {
            seen += usize::from(acks.note(&worker.line().unwrap()));
        }
        acks.note_all(&worker.kill());
        let base = Self::new("killed under load", home, 10);
        assert_eq!(acks.lost(&copy_of(&base.home).open()), 0);
        base
    }

    /// Gone back to an earlier change, and used since.
    fn restored() -> Self {
        let (home, _) = with_history();
        let until = Until::Commit(BACK_TO);
        restore::restore(&home.options(), None, until, &Actor::console(), &mut |_| true).unwrap();
        Self::used("restored", home)
    }

    fn migrated() -> Self {
        Self::used("migrated", of_the_first_format())
    }

    fn used(name: &'static str, home: Home) -> Self {
        let store = home.open();
        for n in 1..=12 {
            let mut cat = Cat::new("Miso");
            for rev in 1..=2 {
                cat.colour = format!("colour {rev}");
                cat = write(&store, cat).unwrap();
            }
            let role = clowder::model::Role::User;
            add(&store, User { password: Some(format!("$hash{n}")), ..User::new(format!("person-{n}"), role) });
        }
        store.close().unwrap();
        // Opened once more, the engine writes a snapshot.
        home.open().close().unwrap();
        Self::new(name, home, 0)
    }
}

/// What of the directories beside the engine's files survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Both,
    Journal,
    Backups,
    Neither,
}

/// `clowder doctor --yes`: its exit code, what it says, and what it says to be lost.
fn doctor(home: &Home, when: &str) -> (i32, String, Vec<String>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_clowder"))
        .args(["doctor", "--yes", "--json", "--data"])
        .arg(home.data())
        .arg("--config")
        .arg(home.config())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let (send, said) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = out.read_to_string(&mut text);
        send.send(text)
    });
    let Ok(text) = said.recv_timeout(LIMIT) else {
        let _ = child.kill();
        panic!("{when}: the doctor hangs");
    };
    let code = child.wait().unwrap().code().unwrap_or_else(|| panic!("{when}: the doctor was ended: {text}"));
    let report: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let words = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let lost = report["lost"].as_array().into_iter().flatten().map(words).collect();
    (code, text, lost)
}

/// The numbers at the beginning of words.
fn numbers(words: &str) -> Vec<u64> {
    words.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect()
}

/// Whether a place is named in what is said to be lost, by itself or with the change that made it so.
fn is_named(place: &str, last: u64, lost: &[String]) -> bool {
    let starts =
        |words: &str| words.strip_prefix(place).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
    let spans = |words: &str, no: u64| match numbers(words)[..] {
        [first, last, ..] => first <= no && no <= last,
        [only] => only == no,
        [] => false,
    };
    lost.iter().any(|words| {
        starts(words.strip_prefix("the password of ").unwrap_or(words))
            || (words.starts_with("change ") || words.starts_with("changes ")) && spans(words, last)
            || words.starts_with("whatever was changed after change ") && numbers(words)[0] < last
            || place.starts_with("change ") && words.contains("of the audit log") && spans(words, last)
    })
}

#[derive(Debug, Default)]
struct Sum {
    trials: usize,
    /// Nothing was lost.
    whole: usize,
    /// Something was lost, and named.
    named: usize,
    /// Only a person can help.
    told: usize,
}

fn trial(base: &Base, name: &Path, how: Damage, left: Left, dice: &mut Dice, sum: &mut Sum, when: &str) {
    let home = copy_of(&base.home);
    let gone = |dir| drop(fs::remove_dir_all(home.data().join(dir)));
    if matches!(left, Left::Journal | Left::Neither) {
        gone("backups");
    }
    if matches!(left, Left::Backups | Left::Neither) {
        gone("journal");
    }
    let damaged = home.data().join(name);
    if !damaged.exists() {
        return;
    }
    damage(&damaged, how, dice);
    sum.trials += 1;
    let (code, said, lost) = doctor(&home, when);
    assert_eq!(code == 8, !lost.is_empty(), "{when}: {said}");
    match code {
        0 => sum.whole += 1,
        8 => sum.named += 1,
        1 => {
            assert!(left != Left::Both, "{when}: not mended: {said}");
            assert!(said.contains("advice") || home.try_open().is_err(), "{when}: {said}");
            sum.told += 1;
            // What was not mended is refused; were it not, it would have to be right.
            match home.try_open() {
                Err(_) => return,
                Ok(opened) => drop(opened),
            }
        }
        _ => panic!("{when}: exit code {code}: {said}"),
    }
    // Damage to the journal of a store that was killed: whether it had more than the engine's files nobody knows, and that is said.
    let survived = left == Left::Both && !(base.in_flight > 0 && name.starts_with("journal"));
    assert!(!survived || code == 0, "{when}: backup and journal are there, and something is lost: {said}");
    let store = match home.try_open() {
        Ok(opened) => opened.store,
        Err(OpenError::Locked { .. }) => panic!("{when}: still locked"),
        Err(e) => panic!("{when}: {e}: {said}"),
    };
    let now = truth(&store);
    wait_for(|| store.catalog().ready());
    clean(&store);
    store.close().unwrap();
    let end = base.truth.values().map(|(_, last)| *last).max().unwrap_or_default();
    // The end of the journal is all that had the last changes before a kill; damaged, it looks like one that was never whole.
    let sure = if name.starts_with("journal") || left == Left::Backups || left == Left::Neither {
        end - base.in_flight
    } else {
        end
    };
    for (place, (was, last)) in &base.truth {
        let is = now.get(place).and_then(|(words, _)| words.as_ref());
        assert!(
            is == was.as_ref() || *last > sure || is_named(place, *last, &lost),
            "{when}: {place}, last in change {last}, is {is:?} and not {was:?} without a word: {said}"
        );
    }
    for (place, (is, last)) in now.iter().filter(|(place, _)| !base.truth.contains_key(*place)) {
        assert!(place.starts_with("change ") && *last > sure, "{when}: {place} comes from nowhere: {is:?}");
    }
}

fn cured(base: &Base, seed: u64) {
    let usual = asked().is_none();
    let rounds = rounds(1, 50);
    let mut dice = Dice::new(seed);
    let kinds = [Damage::Bit, Damage::Zeros(4096), Damage::CutShort, Damage::Deleted];
    let lefts = [Left::Both, Left::Journal, Left::Both, Left::Backups, Left::Both, Left::Neither];
    let mut turn = 0;
    let all = files(&base.home.data());
    let names = all.iter().map(|file| file.strip_prefix(base.home.data()).unwrap());
    for (n, name) in names.filter(|name| !name.to_string_lossy().starts_with("kept-")).enumerate() {
        let mut sum = Sum::default();
        for &how in kinds.iter().skip(if usual { (n + seed as usize) % kinds.len() } else { 0 }) {
            for round in 0..rounds {
                let left = lefts[turn % lefts.len()];
                turn += 1;
                let when = format!("{}: {} {how:?} {round}, left {left:?}", base.name, name.display());
                trial(base, name, how, left, &mut dice, &mut sum, &when);
            }
            if usual {
                break;
            }
        }
        record(&format!("doctor, {}, {} damaged: {sum:?}", base.name, name.display()));
    }
}

#[test]
fn the_doctor_brings_back_a_store_that_was_killed_under_load() {
    cured(&Base::killed(), 1);
}

#[test]
fn the_doctor_brings_back_a_store_that_had_been_restored() {
    cured(&Base::restored(), 2);
}

#[test]
fn the_doctor_brings_back_a_store_that_was_brought_to_a_newer_format() {
    cured(&Base::migrated(), 3);
}
