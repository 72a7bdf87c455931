//! What surrounds a store and goes wrong: little room, a wrong clock, a network file system. Each is met with a sentence
//! before anything is lost.

#[path = "support/store.rs"]
mod support;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
        mpsc,
    },
};

use clowder::{
    desk::{CatChange, Desk},
    model::{Action, Actor, Cat, CatId, Error, Stamp},
    store::{
        Level, OpenError, OpenOptions, SpaceLimits, Store, StoreError, Surroundings,
        backup::Occasion,
        restore::{self, Until},
    },
};
use support::{Home, add, clean, limit::PATIENCE};

const MB: u64 = 1_000_000;

/// A disk with as much room as it is told.
fn disk(free: &Arc<AtomicU64>) -> Surroundings {
    let free = Arc::clone(free);
    Surroundings::default().with_free(move |_| Ok(free.load(Ordering::Relaxed)))
}

/// A clock that shows what it is told.
fn clock(at: &Arc<AtomicI64>) -> Surroundings {
    let at = Arc::clone(at);
    Surroundings::default().with_clock(move || Stamp(at.load(Ordering::Relaxed)))
}

fn open(home: &Home, surroundings: &Surroundings) -> clowder::store::Opened {
    Store::open(OpenOptions { surroundings: surroundings.clone(), ..home.options() }).unwrap()
}

fn try_add(store: &Store) -> Result<(), StoreError> {
    let written = store.write(&Actor::console(), |tx| {
        tx.describe(Action::AddCat, "");
        tx.insert(&mut Cat::new("Miso"))
    });
    written.map(drop)
}

#[test]
fn little_room_is_said_and_too_little_is_refused_until_there_is_more() {
    let home = Home::new();
    let free = Arc::new(AtomicU64::new(10_000 * MB));
    let opened = open(&home, &disk(&free));
    assert!(opened.notices.is_empty() && opened.store.alerts().is_empty());
    let store = opened.store;
    let (tell, told) = mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let _changes = store.subscribe(Box::new(move |changed| {
        if changed.records.is_empty() {
            let _ = tell.lock().unwrap().send(());
        }
    }));
    store.ready_catalog().map(drop).unwrap();
    while told.try_recv().is_ok() {}

    // Little: said, and told to whoever listens, and written all the same.
    free.store(312 * MB, Ordering::Relaxed);
    support::wait_for(|| try_add(&store).is_ok() && store.space().level == Level::Little);
    told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(store.alerts()[0].short, "312 MB of disk left");
    assert_eq!(store.alerts()[0].sentence, "Only 312 MB are left on the disk that holds the data: make room soon.");
    assert_eq!(store.read_only(), None);

    // Too little: refused before the engine fails, and read on.
    free.store(83 * MB, Ordering::Relaxed);
    let mut error = None;
    support::wait_for(|| {
        error = try_add(&store).err();
        error.is_some()
    });
    assert_eq!(error, Some(StoreError::NoRoom(store.alerts()[0].sentence.clone())));
    assert!(error.unwrap().to_string().starts_with("Only 83 MB are left on the disk that holds the data, so nothing"));
    told.recv_timeout(PATIENCE).unwrap();
    let desk = Desk::new(store.clone());
    assert!(desk.read_only().is_some());
    assert!(desk.cats(&Actor::console(), &Default::default()).is_ok());
    let error = desk.add_cat(&Actor::console(), vec![CatChange::Name("Nori".to_owned())]).unwrap_err();
    assert!(matches!(&error, Error::Store(words) if words.starts_with("Only 83 MB")), "{error}");
    let stats = desk.stats(&Actor::console()).unwrap();
    assert_eq!((stats.space.unwrap().free, stats.alerts.len()), (Some(83 * MB), 1));
    assert_eq!(store.get::<Cat>(CatId(1)).unwrap().unwrap().name, "Miso");

    // Room again: written again, without a restart.
    free.store(10_000 * MB, Ordering::Relaxed);
    support::wait_for(|| try_add(&store).is_ok());
    told.recv_timeout(PATIENCE).unwrap();
    assert!(store.alerts().is_empty() && desk.read_only().is_none());
    drop(desk);
    clean(&store);
    store.close().unwrap();

    free.store(50 * MB, Ordering::Relaxed);
    let opened = open(&home, &disk(&free));
    assert!(opened.notices[0].starts_with("Only 50 MB are left"), "{:?}", opened.notices);
    assert!(matches!(try_add(&opened.store), Err(StoreError::NoRoom(_))));
    assert!(opened.store.get::<Cat>(CatId(1)).unwrap().is_some());
}

#[test]
fn the_limits_are_settings() {
    let home = Home::new();
    let free = Arc::new(AtomicU64::new(50 * MB));
    let space = SpaceLimits { warn: 0, least: 0 };
    let store = Store::open(OpenOptions { surroundings: disk(&free), space, ..home.options() }).unwrap().store;
    try_add(&store).unwrap();
    assert!(store.alerts().is_empty());
}

#[test]
fn a_disk_that_does_not_say_how_full_it_is_is_written_to() {
    let home = Home::new();
    let surroundings = Surroundings::default().with_free(|_| Err(std::io::ErrorKind::Unsupported.into()));
    let store = open(&home, &surroundings).store;
    try_add(&store).unwrap();
    assert_eq!(store.space().free, None);
}

#[test]
fn a_network_file_system_is_refused_with_a_way_out() {
    let home = Home::new();
    let on_nfs = Surroundings::default().with_network(|_: &Path| Ok(Some("NFS".to_owned())));
    let options = OpenOptions { surroundings: on_nfs, ..home.options() };
    let error = Store::open(options.clone()).unwrap_err();
    assert_eq!(error, OpenError::Network { path: home.data(), kind: "NFS".to_owned() });
    let words = error.to_string();
    assert!(words.contains("is on a network file system (NFS)") && words.contains("with --data"), "{words}");
    assert!(!home.data().exists() && !home.config().exists(), "nothing is made");
    let store = Store::open(OpenOptions { network: true, ..options }).unwrap().store;
    try_add(&store).unwrap();
}

#[test]
fn a_clock_that_goes_back_never_dates_a_commit_before_another() {
    const HOUR: i64 = 3_600_000;
    let home = Home::new();
    let noon = Stamp::now().0;
    let at = Arc::new(AtomicI64::new(noon));
    let times = |store: &Store| -> Vec<i64> {
        store.audit(None, 100).unwrap().iter().rev().map(|entry| entry.at.0 - noon).collect()
    };
    let store = open(&home, &clock(&at)).store;
    add(&store, Cat::new("Miso"));
    at.store(noon + 10, Ordering::Relaxed);
    add(&store, Cat::new("Tofu"));
    at.store(noon - 3 * HOUR, Ordering::Relaxed);
    add(&store, Cat::new("Nori"));
    assert_eq!(times(&store), [0, 10, 10]);
    let alert = &store.alerts()[0];
    assert_eq!(alert.short, "the clock is wrong");
    assert!(alert.sentence.starts_with("The clock of this machine is 3 hours behind the last change"), "{alert:?}");
    // A little is nothing: machines set their clocks by it all the time.
    at.store(noon - 1_000, Ordering::Relaxed);
    add(&store, Cat::new("Kombu"));
    assert!(store.alerts().is_empty());
    store.close().unwrap();

    at.store(noon - 20 * HOUR, Ordering::Relaxed);
    let opened = open(&home, &clock(&at));
    assert!(opened.notices[0].contains("is 20 hours behind the last change"), "{:?}", opened.notices);
    let cat = add(&opened.store, Cat::new("Dashi"));
    assert_eq!(times(&opened.store), [0, 10, 10, 10, 10]);
    assert_eq!(cat.version.updated_at.0, noon + 10);
    at.store(noon + HOUR, Ordering::Relaxed);
    add(&opened.store, Cat::new("Udon"));
    assert_eq!(times(&opened.store), [0, 10, 10, 10, 10, HOUR]);
    assert!(opened.store.alerts().is_empty());
    clean(&opened.store);
}

#[test]
fn a_clock_that_was_ahead_once_is_left_behind_when_an_admin_says_that_it_is_right_now() {
    const YEAR: i64 = 365 * 24 * 3_600_000;
    const CONSOLE: Actor = Actor::console();
    let home = Home::new();
    let now = Stamp::now().0;
    let at = Arc::new(AtomicI64::new(now));
    let store = open(&home, &clock(&at)).store;
    add(&store, Cat::new("Miso"));
    let refused = Desk::new(store.clone()).accept_clock(&CONSOLE).unwrap_err();
    assert!(matches!(refused, Error::Refused { .. }), "{refused}");
    at.store(now + 10 * YEAR, Ordering::Relaxed);
    add(&store, Cat::new("Tofu"));
    store.backup(&mut |_| true).unwrap();
    store.close().unwrap();

    at.store(now, Ordering::Relaxed);
    let opened = open(&home, &clock(&at));
    assert!(opened.notices[0].contains("one of the two is wrong"), "{:?}", opened.notices);
    let store = opened.store;
    add(&store, Cat::new("Nori"));
    let times = |store: &Store| -> Vec<i64> {
        store.audit(None, 100).unwrap().iter().rev().map(|entry| entry.at.0 - now).collect()
    };
    assert_eq!(times(&store), [0, 10 * YEAR, 10 * YEAR]);
    // Backups are made all the same, and the newest is the one with the most changes.
    let desk = Desk::new(store.clone());
    assert!(desk.backup_if_due(Occasion::Time).unwrap().is_some());
    assert_eq!(desk.backup_if_due(Occasion::Time).unwrap(), None);
    assert_eq!(store.shelf().newest(store.id()).unwrap().manifest.commit, 3);
    assert_eq!(store.backup_state().line(Stamp(now)), "Last backup: just now");

    let (last, clock_says, commit) = desk.accept_clock(&CONSOLE).unwrap();
    assert_eq!((last.0 - now, clock_says.0 - now, commit.unwrap().0), (10 * YEAR, 0, 4));
    at.store(now + 60_000, Ordering::Relaxed);
    let cat = add(&store, Cat::new("Kombu"));
    assert_eq!(cat.version.created_at.0, now + 60_000);
    assert!(store.alerts().is_empty());
    drop(desk);
    clean(&store);
    store.close().unwrap();

    let opened = open(&home, &clock(&at));
    assert!(opened.notices.is_empty(), "{:?}", opened.notices);
    let entry = opened.store.audit_entry(commit.unwrap()).unwrap().unwrap().0;
    assert_eq!((entry.action, entry.at.0), (Action::AcceptClock, now));
    add(&opened.store, Cat::new("Dashi"));
    assert_eq!(times(&opened.store), [0, 10 * YEAR, 10 * YEAR, 0, 60_000, 60_000]);
    assert!(opened.store.check_deep(&mut |_| true).unwrap().is_clean());
    opened.store.close().unwrap();

    // And one can go back to a moment after it.
    let until = Until::At(Stamp(now + 30_000));
    let restored = restore::restore(&home.options(), None, until, &CONSOLE, &mut |_| true).unwrap();
    assert_eq!(restored.to.commit.0, 4);
}

#[test]
fn a_clock_far_off_is_no_panic() {
    for far in [i64::MIN, -1, 0, i64::MAX] {
        let home = Home::new();
        let at = Arc::new(AtomicI64::new(far));
        let store = open(&home, &clock(&at)).store;
        add(&store, Cat::new("Miso"));
        let desk = Desk::new(store.clone());
        let lines = desk.audit(&Actor::console(), None, 10).unwrap();
        assert!(!lines[0].entry.at.ago(Stamp::now()).is_empty());
        desk.home(&Actor::console(), 5).unwrap();
        drop(desk);
        clean(&store);
    }
}
