use std::path::Path;

use super::*;
use crate::{
    model::{AuditEntry, Cat, CatId, Kind},
    store::{
        core::{Core, unread},
        engine::{Batch, Engine, EngineError, Tree},
        indexes, record,
    },
};

fn options(home: &Path) -> OpenOptions {
    OpenOptions::new(home.join("data"), home.join("config"))
}

fn go_on(_: Progress) -> bool {
    true
}

/// A closed store with ten cats.
fn stocked(home: &Path) {
    let store = Store::open(options(home)).unwrap().store;
    for n in 0..10 {
        let added = store.write(&Actor::console(), move |tx| {
            tx.describe(Action::AddCat, "");
            tx.insert(&mut Cat::new(format!("cat{n}")))
        });
        added.unwrap();
    }
    store.close().unwrap();
}

/// Changes the engine's content behind the store's back.
fn behind_its_back(home: &Path, f: impl FnOnce(&Core, &mut Batch)) {
    let options = options(home);
    let keyring = Keyring::read(&options.data).unwrap().unwrap();
    let unlocked = keyring.unlock(&options.keys()).unwrap();
    let engine = Engine::open(&options.data.join(STORE), 16 << 20).unwrap();
    engine.open_index(Tree::Index, 1).unwrap();
    let core = Core::new(engine, keyring, unlocked, &options);
    let mut batch = Batch::default();
    f(&core, &mut batch);
    core.engine.apply(&batch).unwrap();
    core.engine.sync().unwrap();
    drop(core);
    assert!(files::wait_released(&options.data.join(STORE)));
}

fn examined(home: &Path) -> Diagnosis {
    examine(&options(home), &mut go_on).unwrap()
}

fn is_sound(home: &Path) {
    let diagnosis = examined(home);
    assert!(diagnosis.is_healthy(), "{diagnosis:#?}");
    let store = Store::open(options(home)).unwrap().store;
    assert!(store.check(&mut go_on).unwrap().is_clean());
    assert!((1..=10).all(|id| store.get::<Cat>(CatId(id)).unwrap().is_some()));
}

#[test]
fn wrong_indexes_and_counters_are_built_anew_and_the_old_files_are_kept() {
    let home = tempfile::tempdir().unwrap();
    stocked(home.path());
    behind_its_back(home.path(), |core, batch| {
        let cat = core.get_any(Kind::Cat, 3).unwrap().unwrap();
        indexes::keys(&core.hasher, &cat).iter().for_each(|key| batch.remove(Tree::Index, key));
        core.put_tally(batch, crate::store::Tally::Records(Kind::Cat), 99);
    });
    let diagnosis = examined(home.path());
    assert!(diagnosis.findings.iter().any(|f| f.contains("is missing from the index")), "{diagnosis:#?}");
    assert!(matches!(diagnosis.ways[0].how, How::Rebuild) && diagnosis.ways[0].loses.is_empty(), "{diagnosis:#?}");
    let mended = mend(&options(home.path()), &diagnosis.ways[0], &Actor::console(), &mut go_on).unwrap();
    assert!(mended.kept.unwrap().join(STORE).join("db").is_file());
    is_sound(home.path());
    let facts = examined(home.path()).facts;
    assert!(facts.iter().any(|fact| fact.contains(" are taken by what was put aside (kept-")), "{facts:?}");
}

#[test]
fn after_a_kill_without_the_journal_it_is_said_once_that_the_end_may_be_lost() {
    for (derived, backed_up) in [(true, false), (false, false), (false, true), (true, true)] {
        let home = tempfile::tempdir().unwrap();
        stocked(home.path());
        if backed_up {
            let store = Store::open(options(home.path())).unwrap().store;
            store.backup(&mut go_on).unwrap();
            store.close().unwrap();
        }
        let data = home.path().join("data");
        fs::remove_dir_all(data.join("journal")).unwrap();
        fs::remove_file(data.join(files::CLEAN)).unwrap();
        if derived {
            behind_its_back(home.path(), |core, batch| {
                core.put_tally(batch, crate::store::Tally::Records(Kind::Cat), 99);
            });
        }
        let mut lost = Vec::new();
        for _ in 0..4 {
            let diagnosis = examined(home.path());
            let Some(way) = diagnosis.ways.first() else { break };
            let mended = mend(&options(home.path()), way, &Actor::console(), &mut go_on).unwrap();
            assert_eq!(mended.lost, way.loses);
            lost.extend(mended.lost);
        }
        assert_eq!(lost, [Loss::Changes { first: 11, last: None }], "derived {derived}, backed up {backed_up}");
        is_sound(home.path());
    }
}

#[test]
fn a_record_that_is_not_as_the_journal_has_it_comes_from_the_journal() {
    let home = tempfile::tempdir().unwrap();
    stocked(home.path());
    behind_its_back(home.path(), |_, batch| batch.put(Tree::Records(Kind::Cat), &record::key(4), vec![0; 60]));
    let diagnosis = examined(home.path());
    assert!(
        matches!(diagnosis.ways[0].how, How::Restore { .. }) && diagnosis.ways[0].loses.is_empty(),
        "{diagnosis:#?}"
    );
    mend(&options(home.path()), &diagnosis.ways[0], &Actor::console(), &mut go_on).unwrap();
    is_sound(home.path());
}

#[test]
fn what_is_damaged_everywhere_is_named_by_its_number_and_the_rest_is_kept() {
    let home = tempfile::tempdir().unwrap();
    stocked(home.path());
    fs::remove_dir_all(home.path().join("data").join("journal")).unwrap();
    behind_its_back(home.path(), |_, batch| {
        batch.put(Tree::Records(Kind::Cat), &record::key(4), vec![0; 60]);
        // The entry of the change that made it.
        batch.put(Tree::Audit, &super::super::audit::range(4, 4).0, vec![0; 60]);
    });
    let diagnosis = examined(home.path());
    let way = &diagnosis.ways[0];
    assert!(matches!(way.how, How::Salvage(_)), "{diagnosis:#?}");
    let gone = Loss::Gone { kind: Kind::Cat, id: 4, change: Some(4), sure: true };
    assert_eq!(way.loses, [gone, Loss::Entries { first: 4, last: 4 }]);
    let mended = mend(&options(home.path()), way, &Actor::console(), &mut go_on).unwrap();
    assert_eq!(mended.lost, way.loses);
    assert!(examined(home.path()).is_healthy());
    let opened = Store::open(options(home.path())).unwrap();
    assert_eq!(opened.notices, Vec::<String>::new());
    let store = opened.store;
    assert_eq!(store.get::<Cat>(CatId(4)).unwrap(), None);
    assert_eq!(store.all::<Cat>().count(), 9);
    assert!(store.audit_entry(CommitNo(4)).unwrap().unwrap().0.note.contains("is lost"));
    assert!(store.audit(None, 1).unwrap()[0].note.contains("cat 4, last in change 4: nothing is left of it"));
}

/// Goes a way, which must come to an end.
fn go(home: &Path, way: &Way) {
    mend(&options(home), way, &Actor::console(), &mut go_on).unwrap();
}

/// A backup onto the shelf, after something was changed.
fn backed_up(home: &Path) -> backup::BackupReport {
    let store = Store::open(options(home)).unwrap().store;
    let noted = store.write(&Actor::console(), move |tx| {
        tx.describe(Action::Repair, "");
        tx.always();
        Ok::<_, StoreError>(())
    });
    noted.unwrap();
    let made = store.backup(&mut go_on).unwrap();
    store.close().unwrap();
    made
}

#[test]
fn a_backup_that_lacks_something_is_not_taken_while_an_older_one_is_whole() {
    let home = tempfile::tempdir().unwrap();
    stocked(home.path());
    let whole = backed_up(home.path()).path.unwrap();
    behind_its_back(home.path(), |_, batch| {
        batch.put(Tree::Records(Kind::Cat), &record::key(4), vec![0; 60]);
        batch.put(Tree::Audit, &super::super::audit::range(4, 4).0, vec![0; 60]);
    });
    let partial = backed_up(home.path());
    assert!(!partial.manifest.is_whole());
    let diagnosis = examined(home.path());
    let said = |words: &str| diagnosis.facts.iter().any(|fact| fact.contains(words));
    assert!(said("is not whole: 2 values could not be read") && said("that is whole is"), "{diagnosis:#?}");
    let first = &diagnosis.ways[0];
    assert!(matches!(&first.how, How::Restore { backup: Some(path), .. } if *path == whole), "{diagnosis:#?}");
    assert_eq!(first.loses, []);
    go(home.path(), first);
    is_sound(home.path());
}

#[test]
fn what_only_a_backup_has_that_lacks_something_is_taken_and_what_it_lacks_is_told() {
    let home = tempfile::tempdir().unwrap();
    stocked(home.path());
    behind_its_back(home.path(), |_, batch| {
        batch.put(Tree::Records(Kind::Cat), &record::key(4), vec![0; 60]);
        batch.put(Tree::Audit, &super::super::audit::range(4, 4).0, vec![0; 60]);
    });
    backed_up(home.path());
    let data = home.path().join("data");
    fs::remove_dir_all(data.join("journal")).unwrap();
    fs::remove_dir_all(data.join(STORE)).unwrap();
    let diagnosis = examined(home.path());
    let way = &diagnosis.ways[0];
    let gone = |loss: &Loss| matches!(loss, Loss::Gone { kind: Kind::Cat, id: 4, .. });
    assert!(matches!(way.how, How::Salvage(_)) && way.loses.iter().any(gone), "{diagnosis:#?}");
    go(home.path(), way);
    assert!(examined(home.path()).is_healthy());
    let store = Store::open(options(home.path())).unwrap().store;
    assert_eq!(store.all::<Cat>().count(), 9);
}

#[test]
fn a_way_that_did_not_help_is_not_offered_again_but_the_next_one_is() {
    let home = tempfile::tempdir().unwrap();
    stocked(home.path());
    let sound = backed_up(home.path()).path.unwrap();
    // An entry that says more than there is, which a backup takes as it is.
    behind_its_back(home.path(), |core, batch| {
        let (entry, touched) = core.audit_entry(CommitNo(4)).unwrap().unwrap();
        core.put_audit(batch, AuditEntry { touched: 2, ..entry }, touched).unwrap();
    });
    let unsound = backed_up(home.path());
    assert!(unsound.manifest.is_whole());
    let first = examined(home.path()).ways.swap_remove(0);
    let error = mend(&options(home.path()), &first, &Actor::console(), &mut go_on).unwrap_err();
    assert!(matches!(error, DoctorError::Unsound { .. }), "{error}");
    let diagnosis = examine_after(&options(home.path()), &[first], &mut go_on).unwrap();
    assert!(diagnosis.facts.iter().any(|fact| fact.starts_with("What was made of the backup")), "{diagnosis:#?}");
    let next = &diagnosis.ways[0];
    assert!(matches!(&next.how, How::Restore { backup: Some(path), .. } if *path == sound), "{diagnosis:#?}");
    assert_eq!(next.loses, []);
    go(home.path(), next);
    is_sound(home.path());
}

#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    stocked(home.path());
    backed_up(home.path());
    let data = home.path().join("data");
    let (keyring, copy) = (data.join(KEYRING), data.join(files::KEYRING_COPY));
    let right = fs::read_to_string(&keyring).unwrap();
    let is_left_alone = |what: &str| {
        let diagnosis = examined(home.path());
        assert!(diagnosis.findings[0].contains("newer version") && diagnosis.ways.is_empty(), "{what}: {diagnosis:#?}");
        assert!(diagnosis.advice.unwrap().contains("Install that version"), "{what}");
    };
    for (was, is) in [("version = 2", "version = 9"), ("format = 2", "format = 9")] {
        let newer = right.replacen(was, is, 1);
        assert_ne!(newer, right);
        // Only the keyring says so.
        fs::write(&keyring, &newer).unwrap();
        assert_eq!(Store::open(options(home.path())).unwrap_err(), OpenError::DamagedKeyring { path: keyring.clone() });
        let diagnosis = examined(home.path());
        assert!(matches!(&diagnosis.ways[..], [Way { how: How::TakeKeyring(text), .. }] if *text == right), "{is}");
        // Both do.
        fs::write(&copy, &newer).unwrap();
        is_left_alone(is);
        assert!(matches!(Store::open(options(home.path())), Err(OpenError::NewerFormat { .. })));
        fs::remove_file(&keyring).unwrap();
        is_left_alone(is);
        fs::write(&keyring, &right).unwrap();
        fs::write(&copy, &right).unwrap();
    }
    is_sound(home.path());
    behind_its_back(home.path(), |core, batch| core.put_meta(batch, super::super::meta::FORMAT, &9_u64.to_le_bytes()));
    is_left_alone("the content");
}

#[test]
fn a_keyring_that_does_not_open_while_its_copy_does_is_what_is_damaged() {
    let home = tempfile::tempdir().unwrap();
    stocked(home.path());
    let keyring = home.path().join("data").join(KEYRING);
    let right = fs::read_to_string(&keyring).unwrap();
    for field in ["store = \"", "wrapped = \""] {
        let at = right.find(field).unwrap() + field.len();
        let digit = if right.as_bytes()[at] == b'0' { "1" } else { "0" };
        let mut text = right.clone();
        text.replace_range(at..=at, digit);
        fs::write(&keyring, text).unwrap();
        let damaged = OpenError::DamagedKeyring { path: keyring.clone() };
        assert_eq!(Store::open(options(home.path())).unwrap_err(), damaged, "{field}");
        let diagnosis = examined(home.path());
        assert_eq!(diagnosis.findings, [format!("{} is damaged.", keyring.display())]);
        go(home.path(), &diagnosis.ways[0]);
        is_sound(home.path());
    }
}

#[test]
fn a_directory_that_was_emptied_is_told_from_one_that_never_had_a_store() {
    let home = tempfile::tempdir().unwrap();
    let nothing = |home: &Path| (examine(&options(home), &mut go_on), restore::choices(&options(home)));
    assert!(matches!(nothing(home.path()), (Err(DoctorError::Open(OpenError::NotThere { .. })), Ok(_))));
    stocked(home.path());
    let data = home.path().join("data");
    let emptied = |what: &str| {
        let (doctor, choices) = nothing(home.path());
        assert!(matches!(doctor, Err(DoctorError::Open(OpenError::Emptied { .. }))), "{what}");
        assert!(matches!(choices, Err(RestoreError::Open(OpenError::Emptied { .. }))), "{what}");
    };
    fs::remove_dir_all(&data).unwrap();
    emptied("not there");
    // A server has nobody in front to see that it began anew.
    let server = Store::open(OpenOptions { door: Door::Socket, ..options(home.path()) });
    assert!(matches!(server, Err(OpenError::Emptied { .. })) && !data.exists());
    files::make_private_dir(&data).unwrap();
    emptied("empty");
}

#[test]
fn what_cannot_be_read_is_named_and_the_way_out_is_said_once() {
    let error = EngineError { full: false, damaged: true, message: "a page is gone".to_owned() };
    let words = unread(|| "cat 4".to_owned())(error).to_string();
    assert_eq!(words, "cat 4 cannot be read: the store's files are damaged (a page is gone); run `clowder doctor`");
    assert_eq!(sentence(&words), "Cat 4 cannot be read: the store's files are damaged (a page is gone).");
}

#[test]
fn a_journal_that_was_found_damaged_asks_for_a_backup_until_there_is_one() {
    let home = tempfile::tempdir().unwrap();
    stocked(home.path());
    backed_up(home.path());
    let segment = journal::segments(&home.path().join("data")).unwrap().swap_remove(0).path;
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let opened = Store::open(options(home.path())).unwrap();
    assert!(opened.notices.iter().any(|notice| notice.contains("is damaged at byte")), "{:?}", opened.notices);
    opened.store.close().unwrap();
    let diagnosis = examined(home.path());
    assert!(diagnosis.findings[0].starts_with("No backup was made since"), "{diagnosis:#?}");
    let first = &diagnosis.ways[0];
    assert!(matches!(first.how, How::MakeBackup(_)) && first.loses.is_empty(), "{diagnosis:#?}");
    go(home.path(), first);
    is_sound(home.path());
}

#[test]
fn losses_are_told_in_words() {
    let name = || Some("Miso".to_owned());
    let (kind, id) = (Kind::Cat, 17);
    for (loss, words) in [
        (Loss::Record { kind, id, name: name(), rev: 3 }, "cat 17 \"Miso\", revision 3"),
        (
            Loss::Changed { kind, id, name: name(), rev: 5, back: 3 },
            "cat 17 \"Miso\": what was changed from revision 3 to revision 5",
        ),
        (Loss::Deletion { kind, id }, "cat 17: that it was deleted"),
        (
            Loss::Older { kind, id, name: name(), rev: 2, change: Some(40) },
            "cat 17 \"Miso\": what change 40 made of it; it is as of revision 2",
        ),
        (
            Loss::Older { kind, id, name: None, rev: 2, change: None },
            "cat 17: what was changed after revision 2, or that it was deleted, if it was",
        ),
        (
            Loss::Gone { kind, id, change: None, sure: false },
            "cat 17: nothing is left of it, unless it had been deleted",
        ),
        (
            Loss::Password { id: 3, name: Some("ana".to_owned()) },
            "the password of user 3 \"ana\": it must be set again",
        ),
        (Loss::Entries { first: 4, last: 4 }, "entry 4 of the audit log"),
        (Loss::Changes { first: 4, last: Some(9) }, "changes 4 to 9"),
        (Loss::Changes { first: 4, last: None }, "whatever was changed after change 3, if anything was"),
    ] {
        assert_eq!(loss.to_string(), words);
    }
}
