//! Compacting: everything is there afterwards, while people work, and wherever it is cut short.

#[path = "support/store.rs"]
mod support;

use std::{
    collections::HashMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

use clowder::{
    model::{Action, Actor, Cat, CatId, Kind},
    store::{OpenOptions, Store, StoreError, Surroundings, Tally},
};
use support::{
    Home, add, clean,
    limit::{AllOrNothing, Over, Started, within},
};

/// Changes a cat and says with which revision it is on the disk.
fn change(store: &Store, id: u32, n: u32) -> Result<u32, StoreError> {
    let written = store.write(&Actor::console(), move |tx| {
        let mut cat: Cat = tx.need(CatId(id))?;
        cat.description = format!("{n} {}", "d".repeat(300));
        tx.describe(Action::EditCat, "");
        tx.update(&mut cat)?;
        Ok::<_, StoreError>(cat.version.rev)
    })?;
    Ok(written.value)
}

fn stocked(store: &Store, cats: u32, changes: u32) {
    for n in 1..=cats {
        add(store, Cat { tag: Some(format!("A-{n}")), ..Cat::new(format!("cat{n}")) });
    }
    for n in 0..changes {
        change(store, n % cats + 1, n).unwrap();
    }
}

#[test]
fn everything_is_there_afterwards_in_new_files() {
    let home = Home::new();
    let store = home.open();
    stocked(&store, 40, 400);
    let mut steps = Vec::new();
    let done = store
        .compact(&mut |p| {
            steps.push(p.step);
            true
        })
        .unwrap();
    steps.dedup();
    assert_eq!(steps, ["copying", "comparing"]);
    // The engine's files grow in steps of half a megabyte.
    assert!(done.after < done.before + (1 << 20), "{done:?}");
    assert!(done.keys > 400);
    clean(&store);
    let rev = change(&store, 7, 1).unwrap();
    let kept = done.kept.unwrap();
    assert!(home.data().join(&kept).join("store/db").exists());
    assert!(!home.data().join("compact-new").exists());

    store.close().unwrap();
    let opened = home.try_open().unwrap();
    assert_eq!(opened.notices, Vec::<String>::new());
    assert_eq!(opened.store.get::<Cat>(CatId(7)).unwrap().unwrap().version.rev, rev);
    assert_eq!(opened.store.tally(Tally::Records(Kind::Cat)), 40);
    clean(&opened.store);
    for not_kept in ["store", "../data", "kept-../store", ""] {
        assert!(opened.store.remove_kept(not_kept).is_err(), "{not_kept}");
    }
    opened.store.remove_kept(&kept).unwrap();
    assert!(!home.data().join(&kept).exists() && home.store_dir().exists());
}

#[test]
fn people_work_meanwhile_and_nothing_of_theirs_is_missing() {
    let home = Home::new();
    let store = home.open();
    stocked(&store, 60, 300);
    let (over, written) = (AtomicBool::new(false), AtomicU32::new(0));
    let last: Vec<HashMap<u32, u32>> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let (store, over, written) = (&store, &over, &written);
                scope.spawn(move || {
                    let mut revs = HashMap::new();
                    for n in 0.. {
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                        // Each has cats of its own, so that its last revision is the last of all.
                        let id = writer * 20 + n % 20 + 1;
                        revs.insert(id, change(store, id, n).unwrap());
                        written.fetch_add(1, Ordering::Relaxed);
                    }
                    revs
                })
            })
            .collect();
        let told = Over(&over);
        for _ in 0..3 {
            let before = written.load(Ordering::Relaxed);
            support::wait_for(|| written.load(Ordering::Relaxed) > before + 20);
            store.compact(&mut |_| true).unwrap();
            clean(&store);
        }
        drop(told);
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    drop(store);
    let store = home.open();
    for (id, rev) in last.into_iter().flatten() {
        assert_eq!(store.get::<Cat>(CatId(id)).unwrap().unwrap().version.rev, rev, "cat {id}");
    }
    clean(&store);
}

#[test]
fn broken_off_or_without_room_it_leaves_everything_as_it_was() {
    let home = Home::new();
    let store = home.open();
    stocked(&store, 20, 50);
    for step in ["copying", "comparing"] {
        let done = store.compact(&mut |p| p.step != step).unwrap();
        assert_eq!(done.kept, None);
        assert!(!home.data().join("compact-new").exists());
        change(&store, 1, 0).unwrap();
    }
    clean(&store);
    store.close().unwrap();

    let surroundings = Surroundings::default().with_free(|_| Ok(150_000_000));
    let store = Store::open(OpenOptions { surroundings, ..home.options() }).unwrap().store;
    store.compact(&mut |_| true).unwrap();
    store.close().unwrap();
    let surroundings = Surroundings::default().with_free(|_| Ok(20_000));
    let space = clowder::store::SpaceLimits { warn: 0, least: 0 };
    let store = Store::open(OpenOptions { surroundings, space, ..home.options() }).unwrap().store;
    let error = store.compact(&mut |_| true).unwrap_err();
    assert!(error.to_string().contains("20 KB are free: make room first"), "{error}");
    change(&store, 1, 0).unwrap();
}

#[test]
fn what_one_that_was_killed_left_behind_is_removed() {
    let home = Home::new();
    let store = home.open();
    stocked(&store, 5, 0);
    store.close().unwrap();
    let left = home.data().join("compact-new");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("db"), "half of it").unwrap();
    clean(&home.open());
    assert!(!left.exists());
}

/// Compacts and changes cats until it is killed; not a test, the program of the next one.
#[test]
fn load() {
    let Some(dir) = std::env::var_os("CLOWDER_COMPACT_LOAD") else { return };
    let dir = std::path::PathBuf::from(dir);
    let store = Store::open(OpenOptions::new(dir.join("data"), dir.join("config"))).unwrap().store;
    if store.tally(Tally::Records(Kind::Cat)) == 0 {
        stocked(&store, 30, 100);
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _all = AllOrNothing;
            for n in 0.. {
                let id = n % 30 + 1;
                let rev = change(&store, id, n).unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "ack {id} {rev}").and_then(|()| out.flush()).unwrap();
            }
        });
        let _all = AllOrNothing;
        loop {
            if let Some(kept) = store.compact(&mut |_| true).unwrap().kept {
                store.remove_kept(&kept).unwrap();
            }
        }
    });
}

#[test]
fn a_kill_at_any_point_loses_nothing_that_was_acknowledged() {
    let home = Home::new();
    let mut revs: HashMap<u32, u32> = HashMap::new();
    for round in 0..6 {
        let mut child = Started::new(
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "load", "--nocapture"])
                .env("CLOWDER_COMPACT_LOAD", home.0.path())
                .stderr(Stdio::null())
                .stdout(Stdio::piped()),
        );
        let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
        let most = 40 + round * 37;
        let mut acks = 0;
        within(child.pid(), "the load", || {
            while let Some(Ok(line)) = lines.next() {
                let mut words = line.strip_prefix("ack ").unwrap_or_default().split(' ').map(str::parse::<u32>);
                if let (Some(Ok(id)), Some(Ok(rev))) = (words.next(), words.next()) {
                    revs.insert(id, rev);
                    acks += 1;
                }
                if acks == most {
                    child.kill();
                }
            }
        });
        child.end();
        assert!(acks >= most, "the load ended by itself after {acks}");
        let store = home.open();
        for (id, rev) in &revs {
            assert!(store.get::<Cat>(CatId(*id)).unwrap().unwrap().version.rev >= *rev, "cat {id}");
        }
        clean(&store);
        assert!(!home.data().join("swap.toml").exists() && !home.data().join("compact-new").exists());
    }
}
