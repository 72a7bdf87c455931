//! Importing files: real ones where they are at hand, and small ones for every oddity.

#[path = "import/memory.rs"]
mod memory;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clowder::model::{Altered, CatStatusKind, Day, Gender, IntakeKind, OutcomeKind};
use clowder::transfer::{Options, Profile, Report, Source, Summary, import};
use memory::Memory;

fn day(s: &str) -> Day {
    Day::parse(s, Day(0)).unwrap()
}

fn options() -> Options {
    Options { dry_run: false, today: day("2026-11-22") }
}

/// The directory of real shelter files: `$CLOWDER_SHELTER_FILES`, else `shared/data` beside a directory
/// above this one.
fn real_files() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os("CLOWDER_SHELTER_FILES") {
        return Some(PathBuf::from(dir));
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().skip(1).map(|d| d.join("shared/data")).find(|d| d.join("sanjose_fy2425.csv").is_file())
}

fn real(name: &str) -> Option<PathBuf> {
    let path = real_files().map(|dir| dir.join(name)).filter(|path| path.is_file());
    if path.is_none() {
        eprintln!("SKIPPED: {name} is not beside the project (CLOWDER_SHELTER_FILES names its directory)");
    }
    path
}

fn run(memory: &mut Memory, path: &Path, profile: &str, options: Options) -> Summary {
    let profile = Profile::load(profile).unwrap();
    let source = Source::open(path).unwrap();
    let mut report = std::env::var_os("CLOWDER_TEST_REPORT").map(|p| Report::create(Path::new(&p)).unwrap());
    let summary = import(memory, source, &profile, options, report.as_mut(), &mut |_| true).unwrap();
    assert!(summary.adds_up(), "{summary:?}");
    summary
}

fn by_status(memory: &Memory) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for cat in &memory.cats {
        *counts.entry(cat.status.kind().slug()).or_default() += 1;
    }
    counts
}

#[test]
fn explore() {
    for (file, profile) in
        [("sanjose_fy2324.csv", "sanjose"), ("sanjose_fy2425.csv", "sanjose"), ("longbeach_2017_2024.csv", "longbeach")]
    {
        let Some(path) = real(file) else { return };
        let mut memory = Memory::default();
        let summary = run(&mut memory, &path, profile, options());
        println!("{file}\n{summary}\n{:?}", by_status(&memory));
        println!("stays {}", memory.cats.iter().map(|c| c.stays.len()).sum::<usize>());
        println!(
            "no dob {} no name {} no gender {}",
            memory.cats.iter().filter(|c| c.born.is_none()).count(),
            memory.cats.iter().filter(|c| c.name.is_empty()).count(),
            memory.cats.iter().filter(|c| c.gender == Gender::Unknown).count()
        );
        for p in &summary.first {
            println!("   {:?} {p}", p.weight);
        }
        let again = run(&mut memory, &path, profile, options());
        println!("AGAIN\n{again}");
    }
}
