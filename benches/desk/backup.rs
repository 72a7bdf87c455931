//! Backups and restores: how long they take, and how long they keep those waiting who write meanwhile.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clowder::{
    desk::{CatChange, Desk},
    model::{
        Actor, CatId, CatStatusKind, Hold, HoldKind,
        query::{CatQuery, Choice},
    },
    store::{
        BackupReport, OpenOptions, Progress, Store, backup,
        restore::{self, Until},
    },
};

use crate::data;
use crate::measure::{Report, calm, median, seconds, time};
use crate::ours::Ours;

/// How many people write while a backup is made.
const SESSIONS: usize = 8;

/// So many commits are in the journal after the backup that is restored, at least.
const AFTER: usize = 5_000;

/// The measures for a shelter of that size.
pub fn run(size: u32, rounds: usize, dir: &Path) {
    println!("\n{size} cats");
    let mut report = Report::default();
    let ours = Ours::open(dir);
    ours.import(&data::cats(size));
    let (store, desk) = (ours.store(), ours.desk());
    calm();

    let file = dir.join("cats.backup");
    let made: Vec<(f64, BackupReport)> = (0..rounds).map(|_| timed_backup(store, &file)).collect();
    let bytes = made[0].1.size as f64;
    report.alone("size of a backup", &[bytes], |f| format!("{:.1} MB", f / 1e6));
    report.alone("backup while nobody writes", &made.iter().map(|(time, _)| *time).collect::<Vec<_>>(), time);
    let pauses = |made: &[(f64, BackupReport)]| made.iter().map(|(_, r)| r.pause.as_secs_f64()).collect::<Vec<_>>();
    report.alone("  the writer waits at its beginning", &pauses(&made), time);

    let quiet = load(desk, || std::thread::sleep(Duration::from_secs(2))).1;
    let (loaded, busy) = load(desk, || (0..rounds).map(|_| timed_backup(store, &file)).collect::<Vec<_>>());
    report.alone("backup under load", &loaded.iter().map(|(time, _)| *time).collect::<Vec<_>>(), time);
    report.alone("  the writer waits at its beginning", &pauses(&loaded), time);
    for (what, commits) in [("no backup", &quiet), ("a backup", &busy)] {
        report.alone(&format!("  a commit meanwhile, {what}"), &[median(commits.clone())], time);
        report.alone("    the slowest", &[commits.iter().copied().fold(0.0, f64::max)], time);
    }

    let keys = store.key_source().clone();
    let verified = seconds(|| drop(backup::verify(&file, Some(&keys), &mut |_| true).expect("a sound backup")));
    report.alone("verify with the key", &[verified], time);
    store.backup(&mut |_| true).expect("a backup to restore from");
    let mut commits = 0;
    while commits < AFTER {
        commits += load(desk, || std::thread::sleep(Duration::from_secs(1))).1.len();
    }
    ours.close();
    restored(&mut report, dir, commits);
    report.print_alone();
    let _ = fs::remove_file(file);
}

fn timed_backup(store: &Store, file: &Path) -> (f64, BackupReport) {
    let start = Instant::now();
    let report = store.backup_into(file, &mut |_| true).expect("a backup");
    (start.elapsed().as_secs_f64(), report)
}

/// Restores the newest backup and the journal after it, and says what took how long.
fn restored(report: &mut Report, dir: &Path, commits: usize) {
    let options = OpenOptions::new(dir.join("data"), dir.join("config"));
    let mut steps: Vec<(&str, f64)> = Vec::new();
    let (start, mut last) = (Instant::now(), Instant::now());
    restore::restore(&options, None, Until::Last, &Actor::console(), &mut |p: Progress| {
        let took = last.elapsed().as_secs_f64();
        last = Instant::now();
        match steps.last_mut().filter(|(step, _)| *step == p.step) {
            Some((_, sum)) => *sum += took,
            None => steps.push((p.step, took)),
        }
        true
    })
    .expect("a restored store");
    let end = last.elapsed().as_secs_f64();
    report.alone(&format!("restore, {commits} commits after it"), &[start.elapsed().as_secs_f64()], time);
    for (step, took) in steps {
        report.alone(&format!("  {}", step.to_lowercase()), &[took], time);
    }
    report.alone("  the exchange and the first start", &[end], time);
}

/// What is done while people write, and how long each of their commits took, in seconds.
fn load<T>(desk: &Desk, meanwhile: impl FnOnce() -> T) -> (T, Vec<f64>) {
    let actor = Actor::console();
    let query = CatQuery { status: Choice::of([CatStatusKind::Available]), ..CatQuery::default() };
    let ids = desk.cats(&actor, &query).expect("a list");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let session = |n: usize| {
            let own: Vec<u32> = ids.iter().copied().skip(n).step_by(SESSIONS).take(100).collect();
            let (actor, stop) = (&actor, &stop);
            scope.spawn(move || {
                let hold = || Hold { kind: HoldKind::Behaviour, reason: "settling in".into(), until: None };
                let mut times = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    for id in &own {
                        let mut rev = desk.cat(actor, CatId(*id)).expect("a cat").cat.version.rev;
                        for change in [CatChange::Hold(hold()), CatChange::Release] {
                            times.push(seconds(|| {
                                rev = desk
                                    .edit_cat(actor, CatId(*id), rev, vec![change])
                                    .expect("a commit")
                                    .0
                                    .version
                                    .rev;
                            }));
                        }
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                }
                times
            })
        };
        let sessions: Vec<_> = (0..SESSIONS).map(session).collect();
        let done = meanwhile();
        stop.store(true, Ordering::Relaxed);
        (done, sessions.into_iter().flat_map(|s| s.join().expect("a session that ends well")).collect())
    })
}
