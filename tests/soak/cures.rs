//! Files are damaged, and the doctor is left alone with them: everything acknowledged comes back while a backup and the
//! journal survive, and what does not come back is named.

use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::Read as _,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use clowder::{
    model::{Actor, AdoptionRequest, Breed, Cat, HealthStatus, Kind, Record, RecordId as _, User},
    store::{
        OpenError, Store, backup,
        restore::{self, Until},
    },
};

use crate::{
    damage::{Damage, damage, files},
    disk::Dice,
    jobs::{BACK_TO, Job, write},
    kills::of_the_first_format,
    support::{Home, add, clean, limit::Started, wait_for},
    work::{Acks, Worker, asked, copy, copy_of, record, rounds, stocked, stocked_lines, with_history},
};

/// Past this the doctor hangs.
const LIMIT: Duration = Duration::from_secs(240);

/// Where the damaged files of each trial that fails are kept, when it is set.
const KEEP: &str = "CLOWDER_SOAK_KEEP";

const RESTORED: &str = "restored";

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
    /// The last change.
    end: u64,
    /// The last change that the engine's files have; after a kill only the journal has what comes after it.
    own: u64,
    /// The backups that it can be restored from, by their name in the data directory, each with its last change.
    backups: Vec<(PathBuf, u64)>,
}

impl Base {
    fn new(name: &'static str, home: Home) -> Self {
        let looked_at = copy_of(&home);
        let store = looked_at.open();
        clean(&store);
        let truth = truth(&store);
        let keys = store.key_source().clone();
        store.close().unwrap();
        let alone = copy_of(&home);
        fs::remove_dir_all(alone.data().join("journal")).unwrap();
        let last = |home: &Home| home.open().audit(None, 1).unwrap()[0].commit.0;
        let (end, own) = (last(&looked_at), last(&alone));
        let shelf = fs::read_dir(home.data().join("backups")).unwrap().map(|entry| entry.unwrap().path());
        let backups = shelf.filter_map(|path| {
            let manifest = backup::verify(&path, Some(&keys), &mut |_| true).unwrap().manifest;
            // One from before the store went back may have what it left behind.
            let leads_here = name != RESTORED || manifest.parent.is_some() || manifest.commit <= BACK_TO.0;
            let name = path.strip_prefix(home.data()).unwrap().to_owned();
            leads_here.then_some((name, manifest.commit))
        });
        let backups = backups.collect();
        Self { name, truth, end, own, backups, home }
    }

    /// Whether that damage leaves something from which what the change made can be read: then it has to be there.
    fn is_kept(&self, home: &Home, damaged: &Path, change: u64) -> bool {
        let in_engine = !damaged.starts_with("store") && change <= self.own;
        let in_backup = self
            .backups
            .iter()
            .any(|(name, last)| damaged != name && change <= *last && home.data().join(name).exists());
        let segments = || fs::read_dir(home.data().join("journal")).into_iter().flatten().flatten();
        let first_of = |name: &str| name.strip_suffix(".journal")?.split_once('-')?.1.parse::<u64>().ok();
        let begin = segments().filter_map(|entry| first_of(entry.file_name().to_str()?)).min();
        let in_journal = !damaged.starts_with("journal") && begin.is_some_and(|begin| change >= begin);
        in_engine || in_backup || in_journal
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
        let base = Self::new("killed under load", home);
        assert_eq!(acks.lost(&copy_of(&base.home).open()), 0);
        base
    }

    /// Gone back to an earlier change, and used since.
    fn restored() -> Self {
        let (home, _) = with_history();
        let until = Until::Commit(BACK_TO);
        restore::restore(&home.options(), None, until, &Actor::console(), &mut |_| true).unwrap();
        Self::used(RESTORED, home)
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
        Self::new(name, home)
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

/// What `clowder doctor --yes` said.
struct Said {
    code: i32,
    text: String,
    lost: Vec<String>,
    /// The last change that it knows of, when the journal ends with what may have been one more.
    cut_after: Option<u64>,
}

fn doctor(home: &Home, when: &str) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clowder"));
    command
        .args(["doctor", "--yes", "--json", "--data"])
        .arg(home.data())
        .arg("--config")
        .arg(home.config())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = Started::new(&mut command);
    let mut out = child.0.stdout.take().unwrap();
    let (send, said) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = out.read_to_string(&mut text);
        send.send(text)
    });
    let Ok(text) = said.recv_timeout(LIMIT) else { panic!("{when}: the doctor hangs") };
    let code = child.end().code().unwrap_or_else(|| panic!("{when}: the doctor was ended: {text}"));
    let report: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let all = |what: &str| -> Vec<String> {
        report[what].as_array().into_iter().flatten().map(|words| words.as_str().unwrap().to_owned()).collect()
    };
    let cut = |fact: &String| Some(numbers(fact.split_once("what was changed after change ")?.1)[0]);
    Said { code, lost: all("lost"), cut_after: all("facts").iter().find_map(cut), text }
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

impl Sum {
    fn add(&mut self, other: &Self) {
        self.trials += other.trials;
        self.whole += other.whole;
        self.named += other.named;
        self.told += other.told;
    }
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
    let Some(keep) = std::env::var_os(KEEP).map(PathBuf::from) else {
        return examined(base, &home, name, left, sum, when);
    };
    let before = copy_of(&home);
    if let Err(e) = catch_unwind(AssertUnwindSafe(|| examined(base, &home, name, left, sum, when))) {
        copy(before.0.path(), &keep.join(when.replace(['/', ' ', ','], "_")));
        std::panic::resume_unwind(e);
    }
}

/// Lets the doctor at it, and looks at what comes out.
fn examined(base: &Base, home: &Home, name: &Path, left: Left, sum: &mut Sum, when: &str) {
    let is_kept = base.truth.values().map(|(_, last)| *last).filter(|last| base.is_kept(home, name, *last));
    let is_kept: std::collections::BTreeSet<u64> = is_kept.collect();
    let Said { code, text: said, lost, cut_after } = doctor(home, when);
    assert_eq!(code == 8, !lost.is_empty(), "{when}: {said}");
    match code {
        0 => sum.whole += 1,
        8 => sum.named += 1,
        1 => {
            // Only when neither is left, and then it says what would help.
            assert!(left == Left::Neither && name.starts_with("store"), "{when}: not mended: {said}");
            let advice =
                "There is neither a backup nor a journal to take anything from. A backup from elsewhere can be named";
            assert!(said.contains(advice), "{when}: {said}");
            assert!(home.try_open().is_err(), "{when}: what was not mended opens: {said}");
            sum.told += 1;
            return;
        }
        _ => panic!("{when}: exit code {code}: {said}"),
    }
    if left == Left::Both && code == 8 {
        // After a kill the end of the journal may have had what nothing else had: of it alone the doctor may speak, and whether there
        // was anything it cannot know.
        let killed = !base.home.data().join("clean").exists();
        assert!(killed && name.starts_with("journal"), "{when}: something is lost: {said}");
        let of_the_end = |words: &String| match words.strip_prefix("whatever was changed after change ") {
            Some(after) => numbers(after)[0] >= base.own,
            None => words.starts_with("change") && numbers(words)[0] > base.own,
        };
        assert!(lost.iter().all(of_the_end), "{when}: {said}");
    }
    // A kill leaves such an end, too, behind the last change.
    let is_known = |last| last >= base.own && (name.starts_with("journal") || last >= base.end);
    assert!(cut_after.is_none_or(is_known), "{when}: {said}");
    let store = match home.try_open() {
        Ok(opened) => opened.store,
        Err(OpenError::Locked { .. }) => panic!("{when}: still locked"),
        Err(e) => panic!("{when}: {e}: {said}"),
    };
    let now = truth(&store);
    wait_for(|| store.catalog().ready());
    clean(&store);
    store.close().unwrap();
    for (place, (was, last)) in &base.truth {
        let is = now.get(place).and_then(|(words, _)| words.as_ref());
        let is_named = is_named(place, *last, &lost) || cut_after.is_some_and(|after| after < *last);
        assert!(
            is == was.as_ref() || is_named,
            "{when}: {place}, last in change {last}, is {is:?} and not {was:?} without a word: {said}"
        );
        assert!(
            is == was.as_ref() || !is_kept.contains(last),
            "{when}: {place}, last in change {last}, is {is:?} and not {was:?}, although it could be read: {said}"
        );
    }
    for (place, (is, last)) in now.iter().filter(|(place, _)| !base.truth.contains_key(*place)) {
        assert!(place.starts_with("change ") && *last > base.end, "{when}: {place} comes from nowhere: {is:?}");
    }
}

fn cured(base: &Base, seed: u64) {
    let usual = asked().is_none();
    let rounds = rounds(1, 50);
    let mut dice = Dice::new(seed);
    let kinds = [Damage::Bit, Damage::Zeros(4096), Damage::CutShort, Damage::Deleted];
    let lefts = [Left::Both, Left::Journal, Left::Both, Left::Backups, Left::Both, Left::Neither];
    let mut turn = 0;
    let (mut all, mut failed) = (Sum::default(), Vec::new());
    let files = files(&base.home.data());
    let names = files.iter().map(|file| file.strip_prefix(base.home.data()).unwrap());
    for (n, name) in names.filter(|name| !name.to_string_lossy().starts_with("kept-")).enumerate() {
        let mut sum = Sum::default();
        for &how in kinds.iter().skip(if usual { (n + seed as usize) % kinds.len() } else { 0 }) {
            for round in 0..rounds {
                let left = lefts[turn % lefts.len()];
                turn += 1;
                let when = format!("{}: {} {how:?} {round}, left {left:?}", base.name, name.display());
                let mut one = || trial(base, name, how, left, &mut dice, &mut sum, &when);
                if usual {
                    one();
                } else if catch_unwind(AssertUnwindSafe(one)).is_err() {
                    // A long run goes on: one failure says less than all of them.
                    failed.push(when);
                }
            }
            if usual {
                break;
            }
        }
        record(&format!("doctor, {}, {} damaged: {sum:?}", base.name, name.display()));
        all.add(&sum);
    }
    record(&format!("doctor, {}, all files: {all:?}, {} failed", base.name, failed.len()));
    assert_eq!(failed, Vec::<String>::new());
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
