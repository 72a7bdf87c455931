//! Backups that are made by themselves, that a full disk breaks off, and that are restored with whatever opens them.

#[path = "support/store.rs"]
mod support;

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use clowder::{
    desk::Desk,
    model::{Actor, Cat, Kind, Stamp},
    server::backups::Keeper,
    store::{
        Ask, BackupError, BackupPolicy, OpenError, OpenOptions, Store, Surroundings, Tally, backup, doctor,
        restore::{self, RestoreError, Until},
    },
};
use support::{Home, add, clean, wait_for};
use zeroize::Zeroizing;

const CONSOLE: Actor = Actor::console();
const PASSPHRASE: &str = "nine cats in a basket";
const HOUR: i64 = 3_600_000;

/// A clock that stands still until it is set, and how often it was asked.
#[derive(Clone)]
struct Clock {
    at: Arc<AtomicI64>,
    asked: Arc<AtomicU64>,
}

impl Clock {
    fn new() -> Self {
        Self { at: Arc::new(AtomicI64::new(Stamp::now().0)), asked: Arc::default() }
    }

    fn surroundings(&self) -> Surroundings {
        let its = self.clone();
        Surroundings::default().with_clock(move || {
            its.asked.fetch_add(1, Ordering::SeqCst);
            Stamp(its.at.load(Ordering::SeqCst))
        })
    }

    fn pass(&self, hours: i64) {
        self.at.fetch_add(hours * HOUR, Ordering::SeqCst);
    }

    /// Waits until the keeper has looked from beginning to end: with a backup it would have asked once more, and made it before it
    /// asked again.
    fn looked_at(&self) {
        let before = self.asked.load(Ordering::SeqCst);
        wait_for(|| self.asked.load(Ordering::SeqCst) >= before + 4);
    }
}

/// The last commits of the backups on the shelf, newest first.
fn shelf(store: &Store) -> Vec<u64> {
    store.shelf().list().into_iter().map(|listed| listed.unwrap().manifest.commit).collect()
}

#[test]
fn the_keeper_makes_backups_when_there_were_changes_and_no_more_than_are_kept() {
    let (home, clock) = (Home::new(), Clock::new());
    let backups = BackupPolicy { every_hours: 1, keep: 2, ..BackupPolicy::default() };
    let options = OpenOptions { backups, surroundings: clock.surroundings(), ..home.options() };
    let store = Store::open(options).unwrap().store;
    add(&store, Cat::new("Miso"));
    let keeper = Keeper::looking(Desk::new(store.clone()), Duration::from_millis(2)).unwrap();
    wait_for(|| shelf(&store) == [1]);

    // Time alone is no reason, and neither is a change alone.
    clock.pass(30);
    clock.looked_at();
    assert_eq!(shelf(&store), [1]);
    add(&store, Cat::new("Tofu"));
    wait_for(|| shelf(&store) == [2, 1]);
    add(&store, Cat::new("Nori"));
    clock.looked_at();
    assert_eq!(shelf(&store), [2, 1]);
    clock.pass(1);
    wait_for(|| shelf(&store) == [3, 2]);
    for listed in store.shelf().list() {
        let verified = backup::verify(&listed.unwrap().path, Some(store.key_source()), &mut |_| true).unwrap();
        assert!(verified.opened);
    }

    // At the end as well, but not within the hour.
    add(&store, Cat::new("Kombu"));
    assert_eq!(keeper.end(), None);
    assert_eq!(shelf(&store), [3, 2]);
    store.set_backup_policy(BackupPolicy { every_hours: 0, keep: 2, on_start: false, ..BackupPolicy::default() });
    clock.pass(2);
    let keeper = Keeper::looking(Desk::new(store.clone()), Duration::from_millis(2)).unwrap();
    clock.looked_at();
    assert_eq!(shelf(&store), [3, 2]);
    assert_eq!(keeper.end(), None);
    assert_eq!(shelf(&store), [4, 3]);
    clean(&store);
}

#[test]
fn a_keeper_that_cannot_make_one_says_so() {
    let home = Home::new();
    let store = home.open();
    add(&store, Cat::new("Miso"));
    fs::write(home.data().join("backups"), "in the way").unwrap();
    let keeper = Keeper::looking(Desk::new(store.clone()), Duration::from_secs(60)).unwrap();
    let why = keeper.end().unwrap();
    assert!(why.contains("the backup was not made"), "{why}");
    let warning = store.backup_state().warning.unwrap();
    assert!(warning.starts_with("The backup just now failed: "), "{warning}");
}

#[test]
fn backups_whose_disk_is_not_there_are_not_made_on_another() {
    let home = Home::new();
    let disk = home.0.path().join("disk");
    let is_mounted = Arc::new(AtomicBool::new(true));
    let (at, mounted) = (disk.clone(), Arc::clone(&is_mounted));
    // What lies under the disk is on the one that holds all the rest.
    let surroundings = Surroundings::default().with_mount(move |path: &Path| {
        let on_it = path.starts_with(&at) && mounted.load(Ordering::SeqCst);
        Ok(if on_it { at.clone() } else { PathBuf::from("/") })
    });
    let directory = disk.join("cats");
    let backups = BackupPolicy { directory: Some(directory.clone()), ..BackupPolicy::default() };
    let options = OpenOptions { backups: backups.clone(), surroundings, ..home.options() };
    let store = Store::open(options.clone()).unwrap().store;
    add(&store, Cat::new("Miso"));
    store.backup(&mut |_| true).unwrap();
    add(&store, Cat::new("Tofu"));

    // An empty directory where the disk was, and then none at all.
    let elsewhere = home.0.path().join("unplugged");
    fs::rename(&directory, &elsewhere).unwrap();
    is_mounted.store(false, Ordering::SeqCst);
    let says = format!("The disk with the backups is not mounted: mount it at {}, or", disk.display());
    for there in [true, false] {
        if there {
            fs::create_dir(&directory).unwrap();
        } else {
            fs::remove_dir(&directory).unwrap();
        }
        let refused = store.backup(&mut |_| true).unwrap_err();
        assert!(matches!(&refused, BackupError::NoDisk(why) if why[1..].starts_with(&says[1..])), "{refused}");
        let state = store.backup_state();
        assert!(state.warning.as_ref().is_some_and(|w| w.starts_with(&says)) && state.last.is_some(), "{state:?}");
        let line = Desk::new(store.clone()).home(&CONSOLE, 5).unwrap().backup.unwrap();
        assert!(line.urgent && line.text.starts_with(&says));
    }
    assert!(!directory.exists());

    // The keeper goes on once the disk is back.
    let desk = Desk::new(store.clone());
    let line = || desk.home(&CONSOLE, 5).unwrap().backup.unwrap();
    let keeper = Keeper::looking(desk.clone(), Duration::from_millis(1)).unwrap();
    wait_for(|| line().text.starts_with(&says));
    fs::rename(&elsewhere, &directory).unwrap();
    is_mounted.store(true, Ordering::SeqCst);
    wait_for(|| !line().urgent);
    fs::rename(&directory, &elsewhere).unwrap();
    is_mounted.store(false, Ordering::SeqCst);
    wait_for(|| line().text.starts_with(&says));
    keeper.end();
    drop(desk);
    store.close().unwrap();
    let seen = doctor::examine(&options, &mut |_| true).unwrap();
    assert!(seen.findings.len() == 1 && seen.findings[0].starts_with(&says) && seen.ways.is_empty(), "{seen:?}");

    // Another directory is another matter, and so are a disk that is back and one that is there and empty.
    let store = Store::open(options).unwrap().store;
    store.set_backup_policy(BackupPolicy { directory: Some(home.0.path().join("here")), ..backups.clone() });
    assert!(store.backup_state().warning.is_none());
    store.set_backup_policy(backups);
    is_mounted.store(true, Ordering::SeqCst);
    let said = store.backup_state().warning.unwrap();
    assert!(said.starts_with("The backups are gone from ") && said.ends_with("Make one: clowder backup"), "{said}");
    fs::rename(&elsewhere, &directory).unwrap();
    assert!(store.backup_state().warning.is_none());
    fs::remove_dir_all(&directory).unwrap();
    store.backup(&mut |_| true).unwrap();
    assert_eq!(shelf(&store), [2]);
}

#[test]
fn home_says_what_was_last_seen_of_the_backups_without_a_look_at_their_disk() {
    let home = Home::new();
    let backups = BackupPolicy { every_hours: 0, on_start: false, on_exit: false, ..BackupPolicy::default() };
    let store = Store::open(OpenOptions { backups, ..home.options() }).unwrap().store;
    (0..30).for_each(|n| drop(add(&store, Cat::new(format!("cat{n}")))));
    let desk = Desk::new(store.clone());
    let line = || desk.home(&CONSOLE, 5).unwrap().backup.unwrap();
    assert!(line().urgent, "none was made yet");
    store.backup(&mut |_| true).unwrap();
    let before = line();
    assert!(!before.urgent, "{}", before.text);
    fs::remove_dir_all(home.data().join("backups")).unwrap();
    assert!(line() == before && desk.backup_state_seen(&CONSOLE).unwrap().warning.is_none());
    let keeper = Keeper::looking(desk.clone(), Duration::from_millis(1)).unwrap();
    wait_for(|| line().text.starts_with("The backups are gone from "));
    assert_eq!(keeper.end(), None);
    store.backup(&mut |_| true).unwrap();
    assert!(!line().urgent);
}

#[test]
fn one_in_a_file_is_the_last_backup_for_people() {
    let home = Home::new();
    let store = home.open();
    (0..30).for_each(|n| drop(add(&store, Cat::new(format!("cat{n}")))));
    assert!(store.backup_state().warning.is_some());
    let mut streamed = Vec::new();
    store.backup_to(&mut streamed, &mut |_| true).unwrap();
    assert!(store.backup_state().last.is_none(), "nobody knows whether what was streamed has arrived");
    let letter = home.0.path().join("letter.txt");
    std::fs::write(&letter, "Dear Ana").unwrap();
    let refused = store.backup_into(&letter, &mut |_| true).unwrap_err();
    assert_eq!(refused, BackupError::Taken { path: letter.clone() });
    assert_eq!(std::fs::read(&letter).unwrap(), b"Dear Ana");
    store.backup_into(&home.0.path().join("stick"), &mut |_| true).unwrap();
    store.close().unwrap();
    let state = home.open().backup_state();
    assert!(state.last.is_some() && state.changes == 0 && state.warning.is_none(), "{state:?}");
    // The shelf is still empty, and that is what the schedule goes by.
    assert!(state.is_due(backup::Occasion::Exit));
}

/// A backup of three cats that opens with a key file, a passphrase and a recovery code, and another machine's empty directories.
fn on_paper() -> (Home, PathBuf, String, Home) {
    let home = Home::new();
    let store = home.open();
    (0..3).for_each(|n| drop(add(&store, Cat::new(format!("cat{n}")))));
    store.set_passphrase(&CONSOLE, PASSPHRASE, "").unwrap();
    let code = store.export_recovery(&CONSOLE, "").unwrap().0.text().to_string();
    let file = home.0.path().join("cats.backup");
    store.backup_into(&file, &mut |_| true).unwrap();
    (home, file, code, Home::new())
}

fn asked(home: &Home, answer: &str) -> OpenOptions {
    let answer = answer.to_owned();
    OpenOptions { ask: Some(Ask::new(move |_| Ok(Zeroizing::new(answer.clone())))), ..home.options() }
}

fn restored(options: &OpenOptions, from: Option<&Path>) -> Result<u64, RestoreError> {
    restore::restore(options, from, Until::Last, &CONSOLE, &mut |_| true).map(|restored| restored.to.commit.0)
}

#[test]
fn a_recovery_code_or_a_passphrase_is_enough_to_restore() {
    let (_home, file, code, _) = on_paper();
    for answer in [&*code, PASSPHRASE] {
        let other = Home::new();
        let error = restored(&other.options(), Some(&file)).unwrap_err();
        assert!(matches!(error, RestoreError::Open(OpenError::NotAsked { .. })), "{error}");
        let error = restored(&asked(&other, "something else"), Some(&file)).unwrap_err();
        assert!(matches!(error, RestoreError::Open(OpenError::WrongSecret { .. })), "{error}");
        assert!(!other.store_dir().exists());
        let options = asked(&other, answer);
        assert!(restored(&options, Some(&file)).unwrap() >= 3);
        let store = Store::open(options).unwrap().store;
        assert_eq!(store.tally(Tally::Records(Kind::Cat)), 3);
        clean(&store);
    }
}

#[test]
fn a_backup_from_before_everything_was_sealed_anew_comes_back() {
    let (home, file, code, other) = on_paper();
    let old_key = fs::read(home.key_file()).unwrap();
    let store = home.open();
    let resealed = store.rotate_data(&CONSOLE, &[], &mut |_| true).unwrap();
    assert!(!resealed.cancelled);
    store.rotate_key(&CONSOLE).unwrap();
    add(&store, Cat::new("later"));
    store.close().unwrap();
    assert_ne!(fs::read(home.key_file()).unwrap(), old_key);

    // Here, with the key of now; what is restored is sealed with that one.
    let options = home.options();
    let at = backup::verify(&file, None, &mut |_| true).unwrap().manifest.commit;
    let done =
        restore::restore(&options, Some(&file), Until::Commit(clowder::model::CommitNo(at)), &CONSOLE, &mut |_| true);
    assert_eq!(done.unwrap().to.commit.0, at);
    let store = home.open();
    assert_eq!(store.tally(Tally::Records(Kind::Cat)), 3);
    assert_eq!(store.key_status().number, 2);
    clean(&store);
    store.close().unwrap();

    // Elsewhere, with what opened it then: the old code, or the old key file.
    let options = asked(&other, &code);
    restored(&options, Some(&file)).unwrap();
    let third = Home::new();
    let keys = third.config().join("keys");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&keys).unwrap();
    let key = keys.join(home.key_file().file_name().unwrap());
    fs::copy(home.key_file(), &key).unwrap();
    fs::write(&key, &old_key).unwrap();
    restored(&third.options(), Some(&file)).unwrap();
    for store in [Store::open(options).unwrap().store, third.open()] {
        assert_eq!(store.tally(Tally::Records(Kind::Cat)), 3);
        clean(&store);
    }
}

/// What stands between the program and the disk, built once for a test.
fn shim(dir: &Path) -> PathBuf {
    let path = dir.join("shim.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/shim.c");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&path).arg(&source).arg("-ldl").status();
    assert!(built.unwrap().success());
    path
}

#[test]
fn a_full_disk_leaves_nothing_of_a_backup_but_a_sentence() {
    let home = Home::new();
    let store = home.open();
    for n in 0..500 {
        add(&store, Cat { description: "d".repeat(900), ..Cat::new(format!("cat{n}")) });
    }
    store.close().unwrap();
    let shim = shim(home.0.path());
    let stick = home.0.path().join("stick");
    fs::create_dir(&stick).unwrap();
    let file = stick.join("cats.backup");
    let backup = |file: Option<&Path>, writes: Option<u32>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clowder"));
        command.arg("backup").args(file).env("CLOWDER_DATA", home.data()).env("CLOWDER_CONFIG", home.config());
        if let Some(writes) = writes {
            command.env("LD_PRELOAD", &shim).env("SHIM_FULL_FILE", "b").env("SHIM_FULL_AFTER", writes.to_string());
        }
        let ran = support::limit::output(&mut command);
        (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
    };
    let left = |dir: &Path| fs::read_dir(dir).map_or(0, Iterator::count);
    for writes in [0, 1, 2] {
        for (to, dir) in [(Some(&*file), &stick), (None, &home.data().join("backups"))] {
            let (code, said) = backup(to, Some(writes));
            assert_eq!(code, Some(1), "{said}");
            let sentence = format!("the backup was not made: the disk that holds {} is full", dir.display());
            assert!(said.contains(&sentence), "{said}");
            assert_eq!(left(dir), 0, "{writes} pieces");
        }
    }
    // With room again everything is there.
    assert_eq!(backup(Some(&file), None).0, Some(0));
    assert_eq!((backup(None, None).0, left(&stick)), (Some(0), 1));
    let store = home.open();
    assert_eq!(shelf(&store).len(), 1);
    let verified = backup::verify(&file, Some(store.key_source()), &mut |_| true).unwrap();
    assert_eq!(verified.manifest.count(Kind::Cat), 500);
    clean(&store);
}
