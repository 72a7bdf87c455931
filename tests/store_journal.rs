//! What the journal is for: an engine that lost its last commits gets them back, and a journal that is itself lost is said.

#[path = "support/store.rs"]
mod support;

use std::{fs, path::Path};

use clowder::{
    model::{Action, Actor, Breed, Cat, CatId, Kind, Role, User, UserId},
    store::{OpenError, Store, StoreError, Tally, Unique},
};
use support::{Home, add, clean};

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn user(name: &str) -> User {
    User { password: Some(format!("hash of {name}")), ..User::new(name, Role::Staff) }
}

/// A store with a few commits, closed; the engine's files as they were put aside.
fn stocked(home: &Home) {
    let store = home.open();
    add(&store, Breed { name: "Manx".to_owned(), ..Breed::default() });
    add(&store, Cat { tag: Some("A-1".to_owned()), ..Cat::new("Miso") });
    add(&store, Cat { tag: Some("A-2".to_owned()), ..Cat::new("Tofu") });
    add(&store, user("ana"));
    store.close().unwrap();
    copy(&home.store_dir(), &aside(home));
}

fn aside(home: &Home) -> std::path::PathBuf {
    home.0.path().join("aside")
}

/// Commits of every kind: new, changed, deleted, several records, none.
fn more(store: &Store) {
    add(store, user("ben"));
    let written = store.write(&Actor::console(), |tx| {
        tx.describe(Action::EditCat, "one renamed, one gone, one new");
        let mut miso: Cat = tx.need(CatId(1))?;
        miso.name = "Nori".to_owned();
        miso.tag = None;
        tx.update(&mut miso)?;
        tx.delete::<Cat>(CatId(2), 1)?;
        tx.insert(&mut Cat { tag: Some("A-1".to_owned()), ..Cat::new("Udon") })?;
        let mut ana: User = tx.need(UserId(1))?;
        ana.password = Some("another hash".to_owned());
        tx.update(&mut ana)
    });
    written.unwrap();
    let written = store.write(&Actor::console(), |tx| {
        tx.describe(Action::SignIn, "");
        tx.always();
        Ok::<_, StoreError>(())
    });
    written.unwrap();
}

/// Everything that can be told of the store.
fn contents(store: &Store) -> String {
    let mut all: Vec<String> = Vec::new();
    all.extend(store.all::<Breed>().map(|r| format!("{:?}", r.unwrap())));
    all.extend(store.all::<Cat>().map(|r| format!("{:?}", r.unwrap())));
    all.extend(store.all::<User>().map(|r| {
        let user = r.unwrap();
        format!("{user:?} {:?}", user.password)
    }));
    for entry in store.audit(None, 100).unwrap() {
        all.push(format!("{:?}", store.audit_entry(entry.commit).unwrap()));
    }
    all.push(format!("{:?}", store.find(Unique::Tag("A-1")).unwrap()));
    all.push(store.tally(Tally::Records(Kind::Cat)).to_string());
    all.join("\n")
}

fn engine_back(home: &Home) {
    fs::remove_dir_all(home.store_dir()).unwrap();
    copy(&aside(home), &home.store_dir());
}

#[test]
fn what_the_engine_lost_is_brought_back_and_the_ids_go_on() {
    let home = Home::new();
    stocked(&home);
    let store = home.open();
    more(&store);
    let before = contents(&store);
    store.close().unwrap();
    engine_back(&home);
    let opened = home.try_open().unwrap();
    assert_eq!(opened.notices.len(), 1, "{:?}", opened.notices);
    assert!(opened.notices[0].starts_with("The last 3 changes had not reached"), "{:?}", opened.notices);
    assert_eq!(contents(&opened.store), before);
    assert!(!opened.store.backup_due());
    clean(&opened.store);
    assert_eq!(add(&opened.store, Cat::new("Soba")).id, CatId(4));
    let before = contents(&opened.store);
    opened.store.close().unwrap();
    // Again, from further back than the last opening.
    engine_back(&home);
    let opened = home.try_open().unwrap();
    assert!(opened.notices[0].starts_with("The last 4 changes"), "{:?}", opened.notices);
    assert_eq!(contents(&opened.store), before);
    clean(&opened.store);
    drop(opened);
    assert!(home.try_open().unwrap().notices.is_empty());
}

/// The only segment.
fn segment(home: &Home) -> std::path::PathBuf {
    let mut all = fs::read_dir(home.data().join("journal")).unwrap();
    all.next().unwrap().unwrap().path()
}

#[test]
fn a_journal_that_is_gone_is_said_once_and_asks_for_a_backup() {
    let home = Home::new();
    stocked(&home);
    fs::remove_dir_all(home.data().join("journal")).unwrap();
    let opened = home.try_open().unwrap();
    assert!(opened.notices[0].contains("is missing") && opened.store.backup_due(), "{:?}", opened.notices);
    add(&opened.store, Cat::new("Udon"));
    drop(opened);
    let opened = home.try_open().unwrap();
    assert!(opened.notices.is_empty() && opened.store.backup_due(), "{:?}", opened.notices);
    opened.store.backup(&mut |_| true).unwrap();
    assert!(!opened.store.backup_due());
    clean(&opened.store);
    drop(opened);
    assert!(!home.open().backup_due());
}

#[test]
fn a_damaged_journal_is_a_notice_unless_the_engine_needs_it() {
    let home = Home::new();
    stocked(&home);
    let store = home.open();
    more(&store);
    store.close().unwrap();
    let path = segment(&home);
    let whole = fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    // Past what the engine's files of before hold.
    let place = bytes.len() * 3 / 4;
    bytes[place] ^= 1;
    fs::write(&path, &bytes).unwrap();
    copy(&home.store_dir(), &home.0.path().join("newest"));

    engine_back(&home);
    let error = home.try_open().unwrap_err();
    assert!(matches!(&error, OpenError::JournalDamaged { .. }), "{error}");
    let words = error.to_string();
    assert!(words.contains(path.to_str().unwrap()) && words.contains("is damaged at byte"), "{words}");
    assert!(fs::read(&path).unwrap() == bytes);

    fs::remove_dir_all(home.store_dir()).unwrap();
    copy(&home.0.path().join("newest"), &home.store_dir());
    let opened = home.try_open().unwrap();
    assert!(opened.notices[0].contains("is damaged at byte") && opened.store.backup_due(), "{:?}", opened.notices);
    add(&opened.store, Cat::new("Soba"));
    drop(opened);
    assert!(home.try_open().unwrap().notices.is_empty());
    assert!(fs::read(&path).unwrap() == bytes, "the damaged segment is kept");
}
