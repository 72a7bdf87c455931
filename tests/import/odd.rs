//! Small files of an invented shelter, one oddity after the other.

use std::{
    io::{Cursor, Write},
    path::Path,
    sync::{Arc, Mutex},
};

use clowder::model::{
    Altered, CatStatus, CatStatusKind, Gender, HoldKind, IntakeKind, OutcomeKind, PartialDate, limits,
};
use clowder::transfer::{
    BATCH, ExportCat, Exporter, Format, ImportError, Options, Phase, Problem, Profile, Report, Source, Summary, Weight,
    import,
};

use crate::memory::Memory;
use crate::{day, options, sound};

const HEADER: &str = "Animal No,Species,Name,Breed,Colour,DOB,Sex,In Date,In Type,Out Date,Out Type,Remarks\n";

fn data(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

fn riverside(change: impl Fn(&str) -> String) -> Profile {
    Profile::parse("riverside.toml", &change(&String::from_utf8(data("riverside.toml")).unwrap())).unwrap()
}

fn plain() -> Profile {
    riverside(str::to_owned)
}

fn try_take(memory: &mut Memory, profile: &Profile, bytes: Vec<u8>, format: Format) -> Result<Summary, ImportError> {
    let source = Source::new("odd", format, Cursor::new(bytes));
    let summary = import(memory, source, profile, options(), None, &mut |_| true)?;
    assert!(summary.adds_up(), "{summary:?}");
    memory.cats.iter().for_each(sound);
    Ok(summary)
}

fn take(bytes: impl Into<Vec<u8>>) -> (Memory, Summary) {
    let mut memory = Memory::default();
    let summary = try_take(&mut memory, &plain(), bytes.into(), Format::Csv).unwrap();
    (memory, summary)
}

fn of_line(summary: &Summary, line: u64) -> Vec<(Weight, &str, &str, &str)> {
    let with = |p: &&Problem| p.line == line;
    summary.first.iter().filter(with).map(|p| (p.weight, &*p.column, &*p.value, &*p.reason)).collect()
}

#[test]
fn rows_in_any_order_become_whole_cats() {
    let (memory, summary) = take(data("unsorted.csv"));
    assert_eq!((summary.rows, summary.not_cats, summary.rejected), (12, 1, 0));
    assert_eq!(format!("{:?}", summary.skipped), r#"{"BODY": 1, "CLINIC": 1, "void record": 1}"#);
    assert_eq!((summary.began, summary.continued, summary.duplicates), (5, 2, 1));
    assert_eq!((summary.cats_new, summary.stays), (4, 5));

    let miso = memory.cat("R1");
    assert_eq!((&*miso.name, memory.breed(miso)), ("Miso", Some("Domestic Shorthair")));
    assert_eq!(miso.description, "Shy, \"hisses\"\nat first");
    assert_eq!(miso.stays.len(), 1);
    assert_eq!(miso.stays[0].fosters[0].back, Some(day("2024-01-20")));
    assert_eq!(miso.status, CatStatus::Adopted);

    let olive = memory.cat("R2");
    assert_eq!(olive.stays.len(), 2);
    assert_eq!(olive.stays[1].kind, IntakeKind::Return);
    assert_eq!((olive.altered, &olive.status), (Altered::Yes, &CatStatus::Available));

    assert_eq!(memory.cat("R6").status, CatStatus::Departed(OutcomeKind::Died));
    assert_eq!(memory.cat("R8").status.hold().unwrap().kind, HoldKind::Legal);
    assert!(memory.cats.iter().all(|c| !["R3", "R4", "R5", "R7"].contains(&c.tag.as_deref().unwrap())));
}

#[test]
fn nothing_is_invented() {
    let (memory, summary) = take(data("values.csv"));
    assert_eq!((summary.rows, summary.rejected, summary.not_cats), (22, 6, 0));
    let born = |tag: &str| memory.cat(tag).born;
    assert_eq!(memory.cat("V1").name, "");
    assert_eq!(born("V1"), Some(PartialDate::Month { year: 2024, month: 5 }));
    for (tag, line, value, reason) in [
        ("V2", 3, "2024-07-01", "born after the intake"),
        ("V3", 4, "2024-13-01", "no such day"),
        ("V4", 5, "03/04/2023", "2023-03-04 and as 2023-04-03"),
    ] {
        assert_eq!(born(tag), None);
        let problems = of_line(&summary, line);
        let found = problems.iter().find(|p| p.1 == "DOB").unwrap_or_else(|| panic!("{problems:?}"));
        assert_eq!((found.0, found.2), (Weight::Unknown, value));
        assert!(found.3.contains(reason), "{found:?}");
    }
    assert_eq!(memory.cat("V3").gender, Gender::Unknown);
    assert_eq!(memory.cat("V5").intake(), Some(day("2024-06-12")));
    assert_eq!(born("V5").unwrap().to_string(), "2023-04-13");
    for (line, reason) in [
        (7, "no such day"),
        (8, "there is no intake date"),
        (14, "the intake lies in the future"),
        (15, "there is no tag"),
        (17, "4 fields where the header has 13"),
        (18, "17 fields where the header has 13"),
    ] {
        let problems = of_line(&summary, line);
        assert!(problems.iter().any(|p| p.0 == Weight::Rejected && p.3.contains(reason)), "{line}: {problems:?}");
    }
    let outcome = |tag: &str| memory.cat(tag).stays[0].outcome.map(|o| (o.date.map(|d| d.to_string()), o.kind));
    assert_eq!(outcome("V8"), Some((None, OutcomeKind::Adoption)));
    assert_eq!(outcome("V9"), Some((Some("2024-06-11".into()), OutcomeKind::Other)));
    assert_eq!(memory.cat("V9").stays[0].kind, IntakeKind::Other);
    assert_eq!(outcome("V10"), Some((Some("2024-06-11".into()), OutcomeKind::Other)));
    assert_eq!(outcome("V11"), Some((None, OutcomeKind::Adoption)));
    assert_eq!(outcome("V12"), Some((None, OutcomeKind::Adoption)));
    assert_eq!(outcome("V15"), Some((Some("2024-06-12".into()), OutcomeKind::ReturnedToOwner)));
    assert_eq!((memory.cat("V15").breed, &*memory.cat("V15").colour), (None, ""));
    assert_eq!(memory.cat("V18").stays.len(), 1);
    assert_eq!(memory.cat("V18").stays[0].fosters[0].back, Some(day("2024-07-10")));
    assert_eq!(memory.cat("V19").stays.len(), 2);
    assert_eq!(outcome("V19"), Some((None, OutcomeKind::Other)));
    assert_eq!(memory.cat("V19").status.kind(), CatStatusKind::Available);
    assert_eq!(memory.cat("V20").stays[0].kind, IntakeKind::Other);
}

#[test]
fn a_status_that_is_only_half_known_is_told() {
    let text = "\
tag,status,hold_kind,hold_until,intake_date,intake_kind,outcome_date,outcome_kind
A1,departed/vanished,,,2024-01-02,stray,2024-01-03,other
A2,on-hold,medical,2024-02-30,2024-01-02,stray,,
A3,departed/died,,,2024-01-02,stray,2024-01-03,died
A4,on-hold,legal,,2024-01-02,stray,,
";
    let mut memory = Memory::default();
    let profile = Profile::named("clowder").unwrap();
    let summary = try_take(&mut memory, &profile, text.as_bytes().to_vec(), Format::Csv).unwrap();
    assert_eq!(memory.cat("A1").status, CatStatus::Departed(OutcomeKind::Other));
    assert_eq!(memory.cat("A2").status.hold().map(|h| h.until), Some(None));
    let [(Weight::Unknown, "status", "departed/vanished", _)] = of_line(&summary, 2)[..] else { panic!("{summary:?}") };
    let [(Weight::Unknown, "hold_until", "2024-02-30", _)] = of_line(&summary, 3)[..] else { panic!("{summary:?}") };
    assert_eq!(summary.first.len(), 2, "{summary:?}");
}

#[test]
fn encodings() {
    let text = format!("{HEADER}E1,cat,Zoé,,,,F,2024-01-01,STRAY,,,\n");
    let wide: Vec<u16> = text.encode_utf16().collect();
    let little: Vec<u8> = wide.iter().flat_map(|u| u.to_le_bytes()).collect();
    let latin: Vec<u8> = text.chars().map(|c| c as u32 as u8).collect();
    let as_file = |label: &str| riverside(|t| t.replace("[file]", &format!("[file]\nencoding = \"{label}\"")));
    for (bytes, profile) in [
        (text.clone().into_bytes(), plain()),
        ([b"\xef\xbb\xbf", text.as_bytes()].concat(), as_file("windows-1252")),
        ([b"\xff\xfe", &little[..]].concat(), plain()),
        (little.clone(), as_file("utf-16le")),
        (latin.clone(), as_file("latin1")),
        (text.replace('\n', "\r\n").into_bytes(), plain()),
        (text.replace('\n', "\r").into_bytes(), plain()),
        (text.replace(',', "\t").into_bytes(), riverside(|t| t.replace("[file]", "[file]\ndelimiter = \"tab\""))),
    ] {
        let mut memory = Memory::default();
        try_take(&mut memory, &profile, bytes, Format::Csv).unwrap();
        assert_eq!(memory.cat("E1").name, "Zoé");
    }
    let (memory, summary) = take(latin);
    assert_eq!(memory.cat("E1").name, "Zo\u{fffd}");
    assert!(of_line(&summary, 2)[0].3.contains("encoding"), "{:?}", summary.first);
    let mut memory = Memory::default();
    let error = try_take(&mut memory, &plain(), little, Format::Csv).unwrap_err().to_string();
    assert!(error.contains("UTF-16"), "{error}");
}

#[test]
fn headers() {
    let error = |bytes: &str| {
        let mut memory = Memory::default();
        try_take(&mut memory, &plain(), bytes.as_bytes().to_vec(), Format::Csv).unwrap_err().to_string()
    };
    assert!(error("").contains("empty"));
    assert!(error("Animal No,Name\n").contains("no column \"Species\", "), "{}", error("Animal No,Name\n"));
    let twice = HEADER.replace("Colour", "Name");
    assert!(error(&twice).contains("\"Name\" 2 times"), "{}", error(&twice));
    let (memory, summary) = take(HEADER);
    assert_eq!((memory.cats.len(), summary.rows), (0, 0));
    // A column that may be missing, one that nobody asked for, and another order.
    let (memory, _) = take(
        "Out Type,Shoe Size,Sex,In Date,In Type,Out Date,Name,Breed,Colour,DOB,animal no,SPECIES\n\
         ,44,F,2024-01-01,STRAY,,Miso,,,,H1,Cat\n",
    );
    assert_eq!(memory.cat("H1").name, "Miso");
}

#[test]
fn hostile_fields() {
    let long = "x".repeat(10_000);
    let zalgo = format!("z{}", "\u{335}".repeat(3_000));
    let text = format!(
        "{HEADER}X1,cat,{long},,,,F,2024-01-01,STRAY,,,\n\
         X2,cat,\"Mi\u{1b}[31mso\u{7}\u{202e}\0\",DSH,bl\0ack,,F,2024-01-01,STRAY,,,{long}\n\
         X3,cat,{zalgo},{long},{long},,F,2024-01-01,STRAY,,,\n\
         {long},cat,Long,,,,F,2024-01-01,STRAY,,,\n\
         X\0\u{202e}5,cat,三毛猫,,,,F,2024-01-01,STRAY,,,\n\
         X6,cat,=HYPERLINK(),,,,F,2024-01-01,STRAY,,,\n"
    );
    let (memory, summary) = take(text);
    assert_eq!((summary.rows, summary.rejected, summary.cats_new), (6, 1, 5));
    assert_eq!(memory.cat("X1").name, "");
    assert_eq!(memory.cat("X2").name, "Mi[31mso");
    assert_eq!(memory.cat("X2").colour, "black");
    assert_eq!(memory.cat("X2").description.len(), limits::DESCRIPTION);
    assert!(memory.cat("X3").name.chars().count() <= 5);
    assert_eq!((memory.cat("X3").breed, memory.cat("X3").colour.len()), (None, 0));
    assert_eq!(memory.cat("X5").name, "三毛猫");
    for problem in &summary.first {
        assert!(problem.value.len() <= 120, "{problem:?}");
        assert!(!problem.value.chars().any(clowder::model::text::is_unsafe));
    }
}

#[test]
fn one_tag_for_everything_is_refused_in_the_end() {
    let mut text = HEADER.to_owned();
    for i in 0..1_000 {
        text.push_str(&format!(
            "T1,cat,Many,,,,F,{}-{:02}-{:02},STRAY,,,\n",
            1980 + i / 300,
            i / 28 % 10 + 1,
            i % 28 + 1
        ));
    }
    let (memory, summary) = take(text);
    assert_eq!(summary.rows, 1_000);
    let (repeated, rejected) = (summary.duplicates, summary.rejected);
    assert_eq!((repeated + rejected, summary.cats_new, summary.continued), (1_000, 0, 0), "{summary}");
    assert_eq!(summary.problems[&Weight::Rejected], rejected);
    assert!(memory.cats.iter().all(|c| c.stays.len() <= limits::STAYS));
}

#[test]
fn an_open_stay_gets_its_end_and_what_staff_changed_stays() {
    let row = |out: &str| format!("{HEADER}S1,cat,Miso,DSH,black,,F,2024-01-01,STRAY,{out},\n");
    let (mut memory, _) = take(row(","));
    memory.cats[0].name = "Mimi".to_owned();
    memory.cats[0].colour = "jet black".to_owned();
    let again = try_take(&mut memory, &plain(), row(",").into(), Format::Csv).unwrap();
    assert!(!again.changes_anything());
    assert!(again.first[0].reason.contains("\"Mimi\" here and \"Miso\" in the file"), "{:?}", again.first);
    let ended = try_take(&mut memory, &plain(), row("2024-02-01,ADOPTED").into(), Format::Csv).unwrap();
    assert_eq!((ended.cats_changed, ended.began, ended.known), (1, 0, 1));
    let cat = memory.cat("S1");
    assert_eq!((&*cat.name, &*cat.colour, &cat.status), ("Mimi", "jet black", &CatStatus::Adopted));
    memory.cats[0].status = CatStatus::Pending { held: None };
    memory.cats[0].stays[0].outcome = None;
    let kept = try_take(&mut memory, &plain(), row("2024-02-01,ADOPTED").into(), Format::Csv).unwrap();
    assert_eq!(kept.cats_kept, 1);
    assert!(memory.cat("S1").stays[0].outcome.is_none());
}

#[test]
fn a_cancelled_import_leaves_whole_cats_and_is_finished_by_another() {
    let mut text = HEADER.to_owned();
    for round in 0..2 {
        for i in 0..1_000 {
            let (from, to) = if round == 0 {
                ("2024-01-01,STRAY", "2024-01-09,FOSTER")
            } else {
                ("2024-02-01,FOSTER", "2024-02-09,ADOPTED")
            };
            text.push_str(&format!("C{i:04},cat,Cat {i},DSH,black,,F,{from},{to},\n"));
        }
    }
    let (whole, all) = take(text.clone());
    assert_eq!((all.cats_new, all.began, all.continued), (1_000, 1_000, 1_000));
    for stop in [0, 1, 300, 899] {
        let mut memory = Memory::default();
        let source = Source::new("odd", Format::Csv, Cursor::new(text.clone().into_bytes()));
        let mut go_on = |p: clowder::transfer::Progress| p.phase == Phase::Reading && stop > 0 || p.cats < stop;
        let summary = import(&mut memory, source, &plain(), options(), None, &mut go_on).unwrap();
        assert!(summary.cancelled && summary.adds_up(), "{summary:?}");
        assert!(memory.cats.len() < 1_000 && memory.cats.len().is_multiple_of(BATCH));
        assert!(memory.cats.iter().all(|c| c.stays[0].outcome.is_some()), "half a cat");
        let rest = try_take(&mut memory, &plain(), text.clone().into_bytes(), Format::Csv).unwrap();
        assert_eq!(rest.cats_new as usize + rest.cats_same as usize, 1_000);
        assert_eq!(memory.cats, whole.cats);
    }
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_report_has_line_column_value_and_reason() {
    let out = Shared::default();
    let mut report = Report::new(out.clone()).unwrap();
    let source = Source::new("values.csv", Format::Csv, Cursor::new(data("values.csv")));
    let options = Options { dry_run: true, ..options() };
    let summary = import(&mut Memory::default(), source, &plain(), options, Some(&mut report), &mut |_| true).unwrap();
    let bytes = out.0.lock().unwrap().clone();
    let mut csv = csv::Reader::from_reader(&bytes[..]);
    assert_eq!(csv.headers().unwrap(), vec!["line", "column", "value", "reason", "weight"]);
    let rows: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
    assert_eq!(rows.len() as u64, summary.problems.values().sum::<u64>());
    assert!(rows.iter().any(|r| &r[0] == "4" && &r[1] == "Sex" && &r[2] == "X" && &r[4] == "unknown"), "{rows:?}");
    assert!(summary.to_string().ends_with("dry run: nothing was written"), "{summary}");
}

#[test]
fn movements_of_asm3() {
    let text = "ANIMALCODE,ANIMALNAME,ANIMALSPECIES,ANIMALSEX,ANIMALBREED1,ANIMALAGE,ANIMALENTRYDATE,ANIMALENTRYCATEGORY,ANIMALNEUTERED,ANIMALNOTFORADOPTION,ANIMALDECEASEDDATE,MOVEMENTTYPE,MOVEMENTDATE,MOVEMENTRETURNDATE\n\
        M1,Miso,Cat,F,Domestic Short Hair,2,2024-01-01,Stray,1,0,,2,2024-01-05,2024-01-20\n\
        M1,Miso,Cat,F,Domestic Short Hair,2,2024-01-01,Stray,1,0,,1,2024-02-01,2024-03-01\n\
        M1,Miso,Cat,F,Domestic Short Hair,2,2024-01-01,Stray,1,0,,1,2024-04-01,\n\
        M2,Bo,Cat,M,DLH,,2024-01-01,Surrender,U,1,,0,2024-01-05,\n\
        M3,Cy,Cat,U,,,2024-01-01,Born in Shelter,0,0,2024-01-09,,,\n\
        M4,Rex,Dog,M,,,2024-01-01,Stray,0,0,,,,\n";
    let mut memory = Memory::default();
    let profile = Profile::named("asm3").unwrap();
    let summary = try_take(&mut memory, &profile, text.into(), Format::Csv).unwrap();
    assert_eq!((summary.rows, summary.not_cats, summary.cats_new, summary.stays), (6, 1, 3, 4));
    assert_eq!(summary.problems, Default::default());
    let miso = memory.cat("M1");
    assert_eq!(miso.stays.len(), 2);
    assert_eq!(miso.stays[0].fosters.len(), 1);
    assert_eq!((miso.stays[1].kind, miso.stays[1].intake), (IntakeKind::Return, day("2024-03-01")));
    assert_eq!((miso.born, &miso.status), (Some(PartialDate::Year(2022)), &CatStatus::Adopted));
    assert_eq!(memory.cat("M2").altered, Altered::Unknown);
    assert_eq!(memory.cat("M2").status.hold().unwrap().kind, HoldKind::Other);
    assert_eq!(memory.cat("M3").status, CatStatus::Departed(OutcomeKind::Died));
    let before = memory.cats.clone();
    assert!(!try_take(&mut memory, &profile, text.into(), Format::Csv).unwrap().changes_anything());
    assert_eq!(memory.cats, before);
}

/// What an export holds of cats.
fn exported(memory: &Memory, format: Format) -> Vec<u8> {
    let mut out = Exporter::new(format, Vec::new()).unwrap();
    for cat in &memory.cats {
        out.write(ExportCat { cat, breed: memory.breed(cat), health: memory.health(cat) }).unwrap();
    }
    out.finish().unwrap()
}

#[test]
fn what_is_exported_reads_back_the_same() {
    let (mut memory, _) = take(data("unsorted.csv"));
    let (more, _) = take(data("values.csv"));
    let shift = memory.breeds.len() as u32;
    memory.breeds.extend(more.breeds.iter().cloned());
    assert_eq!(shift, 1);
    memory.cats.extend(more.cats);
    // Cats that no file brings: without a tag, without a stay, on hold, away without a stay, in foster.
    let mut stray = clowder::model::Cat::new("Éclair, \"the\" 2nd");
    stray.description = "two\nlines; and,commas".to_owned();
    stray.image_url = Some("https://example.org/a.jpg".to_owned());
    memory.cats.push(stray.clone());
    let hold =
        clowder::model::Hold { kind: HoldKind::Quarantine, reason: "bite".into(), until: Some(day("2026-12-01")) };
    stray.name = "三毛猫".to_owned();
    stray.status = CatStatus::OnHold(hold);
    stray.stays = memory.cat("V18").stays.clone();
    stray.stays[0].outcome = None;
    memory.cats.push(stray.clone());
    stray.name = "Gone".to_owned();
    stray.stays.clear();
    stray.status = CatStatus::Departed(OutcomeKind::Lost);
    // Only a cat that left is archived.
    stray.archived = true;
    memory.cats.push(stray);
    for (number, cat) in (1..).zip(&mut memory.cats) {
        cat.id = clowder::model::CatId(number);
    }
    let profile = Profile::named("clowder").unwrap();
    for format in [Format::Csv, Format::Ndjson] {
        let bytes = exported(&memory, format);
        let mut back = Memory::default();
        let source = Source::new("export", format, Cursor::new(bytes.clone()));
        let summary = import(&mut back, source, &profile, options(), None, &mut |_| true).unwrap();
        assert!(summary.adds_up());
        assert_eq!(summary.problems, Default::default(), "{:?}", summary.first);
        let key = |c: &clowder::model::Cat| (c.tag.clone(), c.name.clone());
        let mut wanted = memory.cats.clone();
        wanted.sort_by_key(key);
        let mut found = back.cats.clone();
        found.sort_by_key(key);
        assert_eq!(wanted.len(), found.len());
        for (wanted, cat) in wanted.iter().zip(&found) {
            let same = clowder::model::Cat { id: wanted.id, breed: wanted.breed, ..cat.clone() };
            assert_eq!(&same, wanted);
            assert_eq!(memory.breed(wanted), back.breed(cat));
        }
        let source = Source::new("export", format, Cursor::new(bytes));
        let again = import(&mut back, source, &profile, options(), None, &mut |_| true).unwrap();
        assert!(!again.changes_anything(), "{again}");
    }
}
