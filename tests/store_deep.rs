//! A deep check compares the journal with the store, and names what differs.

#[path = "support/store.rs"]
mod support;

use std::{fs, path::PathBuf};

use clowder::{
    model::{Action, Actor, Cat, CatId, Role, User},
    store::{CheckReport, Store, StoreError},
};
use support::{Home, add};

fn stocked(home: &Home) -> Store {
    let store = home.open();
    for n in 1..=30 {
        add(&store, Cat::new(format!("cat{n}")));
    }
    add(&store, User { password: Some("a hash".to_owned()), ..User::new("ana", Role::User) });
    for n in 0..20 {
        let write = store.write(&Actor::console(), move |tx| {
            let mut cat: Cat = tx.need(CatId(n % 5 + 1))?;
            cat.colour = format!("colour {n}");
            tx.describe(Action::EditCat, "");
            tx.update(&mut cat)
        });
        write.unwrap();
    }
    let gone = store.write(&Actor::console(), |tx| {
        tx.describe(Action::DeleteCat, "");
        tx.delete::<Cat>(CatId(30), 1)?;
        Ok::<_, StoreError>(())
    });
    gone.unwrap();
    store
}

fn deep(store: &Store) -> CheckReport {
    store.check_deep(&mut |_| true).unwrap()
}

fn segment(home: &Home) -> PathBuf {
    fs::read_dir(home.data().join("journal")).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn a_sound_store_and_its_journal_agree_while_people_work_and_after_a_restart() {
    let home = Home::new();
    let store = stocked(&home);
    let report = deep(&store);
    assert_eq!(report.findings, Vec::<String>::new());
    assert_eq!((report.journal, report.commits), (52, 52));
    assert_eq!(store.check(&mut |_| true).unwrap().journal, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| (0..60).for_each(|n| drop(add(&store, Cat::new(format!("more{n}"))))));
        for _ in 0..3 {
            assert!(deep(&store).is_clean());
        }
    });
    let mut steps = Vec::new();
    let broken_off = store.check_deep(&mut |p| {
        steps.push(p.step);
        p.step != "journal"
    });
    assert!(broken_off.unwrap().cancelled && steps.contains(&"audit log"));
    store.close().unwrap();
    assert!(deep(&home.open()).is_clean());
}

#[test]
fn a_damaged_and_a_missing_journal_are_named() {
    let home = Home::new();
    let store = stocked(&home);
    let path = segment(&home);
    let whole = fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    damaged[2_000] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let report = deep(&store);
    assert_eq!(report.wrong, 1, "{:?}", report.findings);
    assert!(report.findings[0].contains("is damaged at byte"), "{:?}", report.findings);

    fs::rename(&path, home.data().join("away")).unwrap();
    assert_eq!(deep(&store).findings, ["the journal is missing"]);
    fs::rename(home.data().join("away"), &path).unwrap();
    fs::write(&path, &whole).unwrap();
    assert!(deep(&store).is_clean());
}
