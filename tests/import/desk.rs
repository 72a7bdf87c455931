//! Imports into a real store, and the demo.

use std::io::Cursor;

use clowder::desk::{DEMO_ACCOUNTS, DEMO_PASSWORD, Desk, INTAKE};
use clowder::model::query::RequestQuery;
use clowder::model::{Actor, CatStatusKind, Day, Door, Error, Kind, Permission, RequestStatus, Role};
use clowder::store::{OpenOptions, Store, Tally};
use clowder::transfer::{
    BATCH, DeskTarget, ExportCat, Exporter, Format, Options, Profile, Source, Summary, Target, Weight, import,
};

use crate::{limit::Limit, options, real};

struct Shelter {
    store: Store,
    desk: Desk,
    _home: tempfile::TempDir,
    _limit: Limit,
}

fn shelter() -> Shelter {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(OpenOptions::new(home.path().join("data"), home.path().join("config"))).unwrap().store;
    Shelter { desk: Desk::new(store.clone()), store, _home: home, _limit: Limit::new() }
}

impl Shelter {
    fn take(&self, source: Source, profile: &str, options: Options) -> Summary {
        let mut target = DeskTarget::new(self.desk.clone(), Actor::console());
        let profile = Profile::named(profile).unwrap();
        let summary = import(&mut target, source, &profile, options, None, &mut |_| true).unwrap();
        assert!(summary.adds_up(), "{summary:?}");
        summary
    }

    fn cats(&self) -> u64 {
        self.store.tally(Tally::Records(Kind::Cat))
    }

    fn is_sound(&self) {
        let report = self.desk.check(&Actor::console(), &mut |_| true).unwrap();
        assert!(report.is_clean(), "{:?}", report.findings);
    }

    fn exported(&self, format: Format) -> Vec<u8> {
        let mut out = Exporter::new(format, Vec::new()).unwrap();
        self.desk
            .each_cat(&Actor::console(), |cat, breed, health| out.write(ExportCat { cat, breed, health }).is_ok())
            .unwrap();
        out.finish().unwrap()
    }
}

#[test]
fn a_cat_that_does_not_fit_a_record_keeps_no_other_out() {
    let shelter = shelter();
    let source = |text: String| Source::new("file", Format::Csv, Cursor::new(text.into_bytes()));
    let head = "tag,name,born,intake_date,intake_kind,outcome_date,outcome_kind,fosters,description\n";
    let young = format!("{head}A1,Miso,2024-01-01,2024-02-01,stray,,,,\n");
    shelter.take(source(young), "clowder", options());

    let spells = |n: i32| {
        let one = |i: i32| format!("{}..{}", Day(7_000 + 2 * i), Day(7_001 + 2 * i));
        (0..n).map(one).collect::<Vec<_>>().join("; ")
    };
    let words = "d".repeat(2_000);
    let text = format!(
        "{head}A0,Ok,,2023-01-01,stray,,,,\nA1,Miso,,2023-01-01,stray,2023-03-01,adoption,,\n\
         A2,Fat,,1989-03-02,stray,,,{},{words}\nA3,Full,,1989-03-02,stray,,,{},{words}\nA4,Ok,,2023-01-01,stray,,,,\n",
        spells(2_000),
        spells(200),
    );
    let dry = shelter.take(source(text.clone()), "clowder", Options { dry_run: true, ..options() });
    let done = shelter.take(source(text.clone()), "clowder", options());
    for summary in [&dry, &done] {
        assert_eq!((summary.began, summary.rejected, summary.cats_new), (4, 1, 3), "{summary}");
        let lines: Vec<(u64, Weight)> = summary.first.iter().map(|p| (p.line, p.weight)).collect();
        assert_eq!(lines, [(3, Weight::Unknown), (4, Weight::Rejected)], "{summary:?}");
    }
    assert_eq!(shelter.cats(), 4);
    shelter.is_sound();
    let again = shelter.take(source(text), "clowder", options());
    assert!(!again.changes_anything() && again.rejected == 1, "{again}");
}

#[test]
fn a_real_year_goes_into_the_store_and_comes_out_the_same() {
    let Some(path) = real("sanjose_fy2425.csv") else { return };
    let shelter = shelter();
    let dry = shelter.take(Source::open(&path).unwrap(), "sanjose", Options { dry_run: true, ..options() });
    assert_eq!((dry.cats_new, shelter.cats(), shelter.store.tally(Tally::Records(Kind::Breed))), (7_576, 0, 0));
    let summary = shelter.take(Source::open(&path).unwrap(), "sanjose", options());
    assert_eq!((summary.cats_new, summary.stays, summary.commits), (7_576, 7_774, 92));
    assert_eq!(
        (dry.began, dry.breeds, dry.problems),
        (summary.began, summary.breeds.clone(), summary.problems.clone())
    );
    assert_eq!(shelter.cats(), 7_576);
    assert_eq!(shelter.store.tally(Tally::CatsByStatus(CatStatusKind::Adopted)), 3_058);
    assert_eq!(shelter.store.tally(Tally::Records(Kind::Breed)), summary.breeds.len() as u64);
    shelter.is_sound();
    let again = shelter.take(Source::open(&path).unwrap(), "sanjose", options());
    assert_eq!((again.cats_same, again.commits), (7_576, 0));

    let bytes = shelter.exported(Format::Csv);
    let other = self::shelter();
    let source = Source::new("export", Format::Csv, Cursor::new(bytes.clone()));
    assert_eq!(other.take(source, "clowder", options()).cats_new, 7_576);
    assert!(other.exported(Format::Csv) == bytes, "an export of what was imported is the same export");
    other.is_sound();
}

#[test]
fn users_may_not_import_and_no_commit_is_too_large() {
    let shelter = shelter();
    shelter.desk.make_demo().unwrap();
    let marit = shelter.desk.sign_in("marit", DEMO_PASSWORD, Door::Local, None).unwrap();
    let denied = Err(Error::Denied(Permission::Transfer));
    assert_eq!(shelter.desk.intake_cats(&marit, Vec::new(), true), denied);
    assert_eq!(shelter.desk.preview_intake(&marit, &[], true), denied);
    assert_eq!(shelter.desk.each_cat(&marit, |_, _, _| true), Err(Error::Denied(Permission::Transfer)));
    assert_eq!(shelter.desk.untagged_cats(&marit), Err(Error::Denied(Permission::Transfer)));
    let mut target = DeskTarget::new(shelter.desk.clone(), Actor::console());
    const { assert!(BATCH <= INTAKE) };
    let many = vec![clowder::model::intake::IncomingCat::default(); INTAKE + 1];
    assert!(matches!(target.take(many, false, true), Err(Error::Refused { .. })));
}

#[test]
fn the_demo_has_everything_in_every_state() {
    let shelter = shelter();
    let admin = shelter.desk.make_demo().unwrap();
    assert_eq!(shelter.desk.rights(&admin).unwrap().role, Role::Admin);
    assert!(shelter.cats() >= 60);
    assert!(shelter.store.tally(Tally::Records(Kind::User)) >= 25);
    assert!(shelter.store.tally(Tally::Records(Kind::Request)) >= 40);
    for &status in CatStatusKind::ALL {
        assert!(shelter.store.tally(Tally::CatsByStatus(status)) > 0, "no cat is {status}");
    }
    for &status in RequestStatus::ALL {
        assert!(shelter.store.tally(Tally::RequestsByStatus(status)) > 0, "no request is {status}");
    }
    shelter.is_sound();
    let overdue = RequestQuery { overdue: Some(true), ..RequestQuery::default() };
    assert!(shelter.desk.requests(&admin, &overdue).unwrap().len() > 3);
    for (name, role) in DEMO_ACCOUNTS {
        let actor = shelter.desk.sign_in(name, DEMO_PASSWORD, Door::Local, None).unwrap();
        assert_eq!(shelter.desk.rights(&actor).unwrap().role, role);
    }
    assert!(shelter.desk.make_demo().is_err(), "only a new store");

    // What was exported changes nothing when it comes back, whatever the state of the cat.
    let bytes = shelter.exported(Format::Ndjson);
    let source = Source::new("export", Format::Ndjson, Cursor::new(bytes));
    let options = Options { today: Day::today(), ..options() };
    let summary = shelter.take(source, "clowder", options);
    assert!(!summary.changes_anything(), "{summary}");
}
