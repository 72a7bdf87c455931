//! Importing files: real ones where they are at hand, and small ones for every oddity.

#[path = "import/desk.rs"]
mod desk;
#[path = "support/limit.rs"]
mod limit;
#[path = "import/memory.rs"]
mod memory;
#[path = "import/odd.rs"]
mod odd;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clowder::model::{Cat, CatStatusKind, Day, IntakeKind, OutcomeKind};
use clowder::transfer::{BATCH, Options, Profile, Source, Summary, Weight, import};
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
    let summary = import(memory, source, &profile, options, None, &mut |_| true).unwrap();
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

/// What a whole real file must give: how its rows are counted, and what is in the store afterwards.
struct Expected {
    rows: u64,
    not_cats: u64,
    skipped: &'static [(&'static str, u64)],
    began: u64,
    continued: u64,
    duplicates: u64,
    cats: u64,
    unknown: u64,
    by_status: &'static [(&'static str, usize)],
}

fn whole_file(file: &str, profile: &str, expected: &Expected) {
    let Some(path) = real(file) else { return };
    let mut memory = Memory::default();
    let dry = run(&mut memory, &path, profile, Options { dry_run: true, ..options() });
    assert!(memory.cats.is_empty() && memory.breeds.is_empty(), "a dry run writes nothing");
    let summary = run(&mut memory, &path, profile, options());
    assert_eq!(Summary { dry_run: false, commits: summary.commits, ..dry }, summary, "a dry run says what is done");

    assert_eq!((summary.rows, summary.not_cats), (expected.rows, expected.not_cats));
    let skipped: Vec<_> = summary.skipped.iter().map(|(kind, n)| (kind.as_str(), *n)).collect();
    assert_eq!(skipped, expected.skipped);
    assert_eq!((summary.rejected, summary.known, summary.without_stay, summary.not_reached), (0, 0, 0, 0), "{summary}");
    assert_eq!(
        (summary.began, summary.continued, summary.duplicates),
        (expected.began, expected.continued, expected.duplicates)
    );
    assert_eq!((summary.stays, summary.cats_new), (expected.began, expected.cats));
    assert_eq!(summary.problems.get(&Weight::Unknown), Some(&expected.unknown));
    assert_eq!(by_status(&memory).into_iter().collect::<Vec<_>>(), expected.by_status);
    assert_eq!(memory.cats.len() as u64, expected.cats);
    assert!(memory.largest_batch <= BATCH);
    for cat in &memory.cats {
        sound(cat);
    }

    let before = memory.clone();
    let again = run(&mut memory, &path, profile, options());
    assert!(!again.changes_anything(), "{again}");
    assert_eq!((again.began, again.cats_same, again.stays, again.commits), (0, expected.cats, 0, 0));
    assert_eq!(memory.cats, before.cats);
}

/// What holds for every cat, whatever a file said.
fn sound(cat: &Cat) {
    let name = cat.display_name();
    for (i, stay) in cat.stays.iter().enumerate() {
        assert!(stay.outcome.is_some() || i + 1 == cat.stays.len(), "{name}: an open stay before the last");
        assert!(
            stay.outcome.and_then(|o| o.date).is_none_or(|end| end >= stay.intake),
            "{name}: ends before it begins"
        );
        assert!(cat.born.is_none_or(|born| born.earliest() <= stay.intake), "{name}: born after an intake");
    }
    let open = cat.stays.last().is_none_or(|s| s.outcome.is_none());
    assert_eq!(cat.status.kind().in_care(), open, "{name}");
    assert!(!cat.name.is_empty() || cat.tag.is_some());
    assert!(!cat.name.chars().any(clowder::model::text::is_unsafe));
}

#[test]
fn san_jose_2023_24() {
    whole_file(
        "sanjose_fy2324.csv",
        "sanjose",
        &Expected {
            rows: 19_528,
            not_cats: 7_285,
            skipped: &[("DISPO REQ", 1_294), ("S/N CLINIC", 827)],
            began: 7_807,
            continued: 2_295,
            duplicates: 20,
            cats: 7_630,
            unknown: 404,
            by_status: &[("adopted", 2_866), ("available", 238), ("departed", 4_377), ("on-hold", 149)],
        },
    );
}

#[test]
fn san_jose_2024_25() {
    whole_file(
        "sanjose_fy2425.csv",
        "sanjose",
        &Expected {
            rows: 18_174,
            not_cats: 6_638,
            skipped: &[("DISPO REQ", 1_608), ("NEUTER", 10), ("S/N CLINIC", 1_177), ("SPAY", 3)],
            began: 7_774,
            continued: 955,
            duplicates: 9,
            cats: 7_576,
            unknown: 432,
            by_status: &[("adopted", 3_058), ("available", 12), ("departed", 4_501), ("on-hold", 5)],
        },
    );
}

#[test]
fn long_beach() {
    whole_file(
        "longbeach_2017_2024.csv",
        "longbeach",
        &Expected {
            rows: 29_787,
            not_cats: 15_642,
            skipped: &[("duplicate record", 27)],
            began: 14_118,
            continued: 0,
            duplicates: 0,
            cats: 13_796,
            unknown: 109,
            by_status: &[("adopted", 3_438), ("available", 33), ("departed", 10_313), ("on-hold", 12)],
        },
    );
}

#[test]
fn cats_of_the_real_files() {
    let Some(path) = real("sanjose_fy2425.csv") else { return };
    let mut memory = Memory::default();
    let summary = run(&mut memory, &path, "sanjose", options());
    for breed in ["Domestic Shorthair", "Domestic Medium Hair", "Domestic Longhair", "British Shorthair", "Snowshoe"] {
        assert!(summary.breeds.contains(breed), "{:?}", summary.breeds);
    }
    assert!(!memory.breeds.iter().any(|b| b.contains("DOMESTIC") || b.ends_with(" Sh")));

    // Eight rows: in and out of foster, then adopted.
    let looped = memory.cat("A1348133");
    assert_eq!(looped.stays.len(), 1);
    assert_eq!(looped.stays[0].intake, day("2024-07-13"));
    assert_eq!(looped.stays[0].kind, IntakeKind::Stray);
    assert_eq!(looped.stays[0].outcome.unwrap().date, Some(day("2024-10-25")));
    assert_eq!(looped.stays[0].fosters.len(), 7);
    assert_eq!(looped.stays[0].fosters[0].back, Some(day("2024-07-23")));

    // Adopted, returned, adopted, found as a stray.
    let returned = memory.cat("A1362959");
    let kinds: Vec<_> = returned.stays.iter().map(|s| s.kind).collect();
    assert_eq!(kinds, [IntakeKind::Stray, IntakeKind::Return, IntakeKind::Stray]);

    // In foster, then the body was brought in.
    let died = memory.cat("A1351805");
    assert_eq!(died.status.kind(), CatStatusKind::Departed);
    assert_eq!(died.stays[0].outcome.unwrap().kind, OutcomeKind::Died);
    assert_eq!(died.stays[0].fosters[0].back, None);

    // Born in 2030, says the file.
    assert_eq!(memory.cat("A1354795").born, None);

    let Some(path) = real("longbeach_2017_2024.csv") else { return };
    let mut memory = Memory::default();
    run(&mut memory, &path, "longbeach", options());
    assert!(memory.breeds.is_empty());
    assert_eq!(memory.cat("A633462").name, "Haygar");
    assert_eq!(memory.cat("A638369").name, "");
    assert!(!memory.cats.iter().any(|c| c.name.starts_with('*')));
    assert_eq!(memory.cat("A730108").status.kind(), CatStatusKind::Departed);
}

#[test]
fn the_next_year_adds_stays_in_either_order() {
    let (Some(first), Some(second)) = (real("sanjose_fy2324.csv"), real("sanjose_fy2425.csv")) else { return };
    let mut memory = Memory::default();
    run(&mut memory, &first, "sanjose", options());
    let one = memory.clone();
    let summary = run(&mut memory, &second, "sanjose", options());
    // 440 of its cats were in the first file, and the bodies of 13 more are brought in.
    assert_eq!((summary.cats_new, summary.cats_changed + summary.cats_same), (7_136, 453));
    assert_eq!(summary.cats_kept, 0);
    assert!(summary.known + summary.continued > 0);
    for cat in &memory.cats {
        sound(cat);
        let before = one.cats.iter().find(|c| c.tag == cat.tag);
        assert!(before.is_none_or(|b| b.stays.len() <= cat.stays.len()), "{}", cat.display_name());
    }
    for (path, profile) in [(&first, "sanjose"), (&second, "sanjose")] {
        assert!(!run(&mut memory, path, profile, options()).changes_anything());
    }

    let mut other_way = Memory::default();
    run(&mut other_way, &second, "sanjose", options());
    run(&mut other_way, &first, "sanjose", options());
    let differing: Vec<String> = memory
        .cats
        .iter()
        .filter(|cat| other_way.cat(cat.tag.as_deref().unwrap()).stays != cat.stays)
        .map(Cat::display_name)
        .collect();
    // Bodies of cats in foster that were brought in before the file with their stay was read, and two
    // cats of which the files contradict each other.
    assert_eq!(differing, ["A1338385", "Wasabi", "A1345967", "A1345970", "Leo", "A1346556", "Leena"]);
}
