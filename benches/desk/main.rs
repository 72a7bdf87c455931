//! What the figures of the README come from: the desk on its own store, side by side with the same work on SQLite
//! (bundled, WAL, synchronous=FULL, fitting indexes, FTS5), in one run.
//!
//! `cargo bench --bench desk` takes a few minutes; `cargo bench --bench desk -- --quick` takes the small shelter only
//! and fewer rounds; one word more (`open`, `pages`, `search`, `commits`, `keys`) takes only the measures of that group, and `backup`
//! those of backups and restores, which the others leave out. Both
//! sides work in turns, so that a noisy machine is noisy for both, and the figures are medians. `CLOWDER_BENCH_DIR`
//! names the directory to work in (default: the system's temporary directory); both sides and the raw disk use it.

mod backup;
mod data;
mod measure;
mod ours;
mod screen;
mod theirs;

use std::path::PathBuf;
use std::time::Duration;

use measure::{Report, in_turns, median};
use ours::Ours;
use theirs::Theirs;

/// What is typed into the search line, letter by letter.
const TYPED: &[&str] = &["miso", "tabby", "maine", "friendly lap", "shy kitten", "a1000"];

struct Settings {
    /// The group of measures to take; all when empty.
    only: String,
    sizes: Vec<u32>,
    rounds: usize,
    /// How long one round of commits lasts.
    commits: Duration,
}

fn main() {
    let quick = std::env::args().any(|a| a == "--quick");
    let only = std::env::args().skip(1).find(|a| !a.starts_with('-')).unwrap_or_default();
    let settings = if quick {
        Settings { only, sizes: vec![10_000], rounds: 3, commits: Duration::from_millis(400) }
    } else {
        Settings { only, sizes: vec![10_000, 100_000], rounds: 5, commits: Duration::from_secs(1) }
    };
    let base = std::env::var_os("CLOWDER_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::Builder::new().prefix("clowder-bench").tempdir_in(base).expect("a directory to work in");
    if settings.only == "backup" {
        for size in if quick { vec![2_000] } else { vec![20_000, 100_000] } {
            backup::run(size, settings.rounds, &dir.path().join(size.to_string()));
        }
        return;
    }
    for size in &settings.sizes {
        run(&settings, *size, &dir.path().join(size.to_string()));
    }
}

fn run(settings: &Settings, size: u32, dir: &std::path::Path) {
    println!("\n{size} cats");
    let mut report = Report::default();
    let cats = data::cats(size);

    let (ours_dir, theirs_dir) = (dir.join("clowder"), dir.join("sqlite"));
    std::fs::create_dir_all(&theirs_dir).expect("a directory");
    let mut ours = Ours::open(&ours_dir);
    let mut theirs = Theirs::open(&theirs_dir);
    let rates = in_turns(1, || f64::from(size) / ours.import(&cats), || f64::from(size) / theirs.import(&cats));
    report.rate("import, 100 cats a commit", "cats/s", &rates);

    let wanted = |group: &str| settings.only.is_empty() || settings.only == group;
    let rounds = settings.rounds;
    if wanted("open") {
        let opened = in_turns(rounds.min(3), || ours.reopen(&ours_dir), || theirs.reopen(&theirs_dir));
        report.time("open (clowder: with its catalog)", &opened);
    }
    if wanted("pages") {
        pages(&mut report, rounds, &ours, &theirs);
    }
    if wanted("search") {
        search(&mut report, rounds, &ours, &theirs);
    }
    if wanted("commits") {
        measure::calm();
        let disk: Vec<f64> = (0..rounds).map(|_| measure::disk_rate(dir, settings.commits)).collect();
        report.alone("the disk itself, 4 KiB and fdatasync", &disk, |f| format!("{f:.0} /s"));
        for sessions in [1, 8] {
            let time = settings.commits;
            let rates = in_turns(rounds, || ours.commits(sessions, time), || theirs.commits(sessions, time));
            report.rate(&format!("durable commits, sessions: {sessions}"), "/s", &rates);
        }
    }
    if wanted("keys") {
        screen::keys(&mut report, ours.desk());
    }
    report.print();
}

fn pages(report: &mut Report, rounds: usize, ours: &Ours, theirs: &Theirs) {
    let repeat = |f: &mut dyn FnMut() -> f64| median((0..200).map(|_| f()).collect());
    let first = in_turns(rounds, || repeat(&mut || ours.first_page()), || repeat(&mut || theirs.first_page()));
    report.time("first page of cats (50 by waiting)", &first);
    let next = in_turns(rounds, || repeat(&mut || ours.next_page()), || repeat(&mut || theirs.next_page()));
    report.time("a page further down", &next);
}

fn search(report: &mut Report, rounds: usize, ours: &Ours, theirs: &Theirs) {
    let keys: Vec<&str> = TYPED.iter().flat_map(|w| (1..=w.len()).map(move |n| &w[..n])).collect();
    let mut slowest = (Vec::new(), Vec::new());
    let typing = in_turns(
        rounds,
        || typed(&keys, &mut slowest.0, |line| ours.search(line)),
        || typed(&keys, &mut slowest.1, |line| theirs.search(line)),
    );
    report.time("search as you type, a key", &typing);
    report.time("search as you type, slowest key", &slowest);
    for prefix in ["m", "a"] {
        let one = in_turns(rounds, || ours.search(prefix), || theirs.search(prefix));
        report.time(&format!("search for \"{prefix}\""), &one);
    }
}

/// The mean time of a key press, in seconds; the slowest one goes to `slowest`.
fn typed(keys: &[&str], slowest: &mut Vec<f64>, mut search: impl FnMut(&str) -> f64) -> f64 {
    let times: Vec<f64> = keys.iter().map(|line| search(line)).collect();
    slowest.push(times.iter().copied().fold(0.0, f64::max));
    times.iter().sum::<f64>() / times.len() as f64
}
