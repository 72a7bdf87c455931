use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{super::record::AnyRecord, *};
use crate::{
    limit::{Limit, Over, wait_for},
    model::{Action, Actor, Cat, CommitNo, User},
    store::{OpenOptions, Opened},
};

fn open(home: &Path) -> Store {
    let Opened { store, .. } = Store::open(OpenOptions::new(home.join("data"), home.join("config"))).unwrap();
    store
}

fn key(home: &Path) -> KeySource {
    KeySource::new(&home.join("config"))
}

fn go_on(_: Progress) -> bool {
    true
}

/// Adds a cat, changes the one before it and removes the one before that.
fn step(store: &Store, n: u32) {
    store
        .write(&Actor::console(), move |tx| {
            tx.describe(Action::EditCat, format!("step {n}"));
            let mut cat = Cat { description: "d".repeat(n as usize % 900), ..Cat::new("Miso") };
            let id = tx.insert(&mut cat)?;
            if let Some(mut before) = tx.get::<Cat>(crate::model::CatId(id.0.saturating_sub(1)))? {
                before.colour = format!("colour {n}");
                tx.update(&mut before)?;
            }
            if let Some(old) =
                tx.get::<Cat>(crate::model::CatId(id.0.saturating_sub(2)))?.filter(|_| n.is_multiple_of(3))
            {
                tx.delete::<Cat>(old.id, old.version.rev)?;
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

type State = BTreeMap<(Kind, u32), Vec<u8>>;

/// The records as the audit log has them after a commit.
fn replayed(store: &Store, commit: u64) -> State {
    let mut state = State::new();
    for no in 1..=commit {
        for t in store.audit_entry(CommitNo(no)).unwrap().unwrap().1 {
            match t.after {
                Some(after) => state.insert((t.kind, t.id), after),
                None => state.remove(&(t.kind, t.id)),
            };
        }
    }
    state
}

/// The records of a backup, as the audit log would have them.
fn content(path: &Path, keys: &KeySource) -> State {
    let (mut state, mut sealer) = (State::new(), None);
    read(path, &mut |part, _| {
        match part {
            Part::Keyring(text) => sealer = Some(opener(&text, keys).unwrap()),
            Part::Pair { tree: tree @ Tree::Records(kind), key, sealed } => {
                let stored = sealer.as_ref().unwrap().open(tree.name(), &key, &sealed).unwrap();
                let record = AnyRecord::decode(kind, &stored).unwrap();
                state.insert((kind, record.id()), record.encode_for_audit().unwrap());
            }
            Part::Pair { .. } => {}
        }
        Ok(true)
    })
    .unwrap();
    state
}

#[test]
fn a_backup_under_load_is_the_state_of_its_commit() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    for n in 0..600 {
        step(&store, n);
    }
    let _limit = Limit::new();
    let stop = AtomicBool::new(false);
    let made: Vec<BackupReport> = std::thread::scope(|scope| {
        let _over = Over(&stop);
        scope.spawn(|| {
            for n in 600.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                step(&store, n);
            }
        });
        let path = |n: i32| home.path().join(format!("{n}.backup"));
        (0..4)
            .map(|n| {
                let before = store.core().counters().commit;
                let made = store
                    .backup_into(&path(n), &mut |p| {
                        // Each pause of the copy is met by commits.
                        let at = store.core().counters().commit;
                        wait_for("two commits", || p.done == p.of || store.core().counters().commit >= at + 2);
                        true
                    })
                    .unwrap();
                assert!(store.core().counters().commit > made.manifest.commit, "nobody wrote meanwhile");
                assert!(made.manifest.commit >= before);
                made
            })
            .collect()
    });
    for report in made {
        let path = report.path.unwrap();
        let state = content(&path, &key(home.path()));
        assert_eq!(state, replayed(&store, report.manifest.commit), "commit {}", report.manifest.commit);
        assert_eq!(report.manifest.count(Kind::Cat), state.len() as u64);
        assert_eq!(report.size, fs::metadata(&path).unwrap().len());
        let verified = verify(&path, Some(&key(home.path())), &mut go_on).unwrap();
        assert!(verified.opened && verified.manifest == report.manifest);
    }
}

#[test]
fn a_backup_is_verified_without_its_key_and_refused_with_another() {
    let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(home.path());
    step(&store, 1);
    let path = home.path().join("b");
    store.backup_into(&path, &mut go_on).unwrap();
    let verified = verify(&path, None, &mut go_on).unwrap();
    assert!(!verified.opened && verified.manifest.commit == 1 && verified.manifest.store == store.id());
    let _another = open(other.path());
    let error = verify(&path, Some(&key(other.path())), &mut go_on).unwrap_err();
    assert!(matches!(error, BackupError::Key(OpenError::MissingKey { .. })), "{error}");
    assert!(matches!(verify(&path, None, &mut |_| false), Err(BackupError::Cancelled)));
}

#[test]
fn a_stream_is_the_same_as_a_file() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    step(&store, 1);
    let mut streamed = Vec::new();
    let report = store.backup_to(&mut streamed, &mut go_on).unwrap();
    assert_eq!((report.size, report.path), (streamed.len() as u64, None));
    let path = home.path().join("streamed");
    fs::write(&path, streamed).unwrap();
    assert_eq!(verify(&path, Some(&key(home.path())), &mut go_on).unwrap().manifest, report.manifest);
}

/// Takes so many pieces.
struct Small(usize);

impl Write for Small {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_breaks_a_backup_leaves_no_file_but_a_sentence() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    for n in 0..20 {
        step(&store, n);
    }
    let shelf = store.shelf();
    store.backup(&mut go_on).unwrap();
    let files = || fs::read_dir(shelf.directory()).unwrap().count();
    assert_eq!(files(), 1);
    let mut enough = Small(usize::MAX);
    store.backup_to(&mut enough, &mut go_on).unwrap();
    let pieces = usize::MAX - enough.0;
    assert!(pieces > 20);
    for most in [0, 1, pieces / 2, pieces - 1] {
        let error = store.backup_to(&mut Small(most), &mut go_on).unwrap_err();
        assert!(matches!(error, BackupError::Output(_)), "{error}");
    }
    for calls in 0..3 {
        let mut left = calls;
        let broken = store.backup(&mut |_| {
            left -= 1;
            left >= 0
        });
        assert!(matches!(broken, Err(BackupError::Cancelled)));
        assert_eq!(files(), 1);
    }
    let nowhere = home.path().join("none").join("b");
    let error = store.backup_into(&nowhere, &mut go_on).unwrap_err();
    assert!(error.to_string().starts_with("the backup was not made: "), "{error}");
    assert!(store.read_only().is_none() && store.backup_state().warning.is_none());
}

#[test]
fn too_many_are_pruned_but_never_what_cannot_be_judged() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    store.set_backup_policy(BackupPolicy { keep: 2, ..BackupPolicy::default() });
    let shelf = store.shelf();
    let directory = shelf.directory().to_owned();
    let commits = || -> Vec<u64> { shelf.list().into_iter().flatten().map(|l| l.manifest.commit).collect() };
    for n in 1..=4 {
        step(&store, n);
        store.backup(&mut go_on).unwrap();
    }
    assert_eq!(commits(), [4, 3]);
    // What somebody else left, and what is damaged, stays.
    fs::write(directory.join("20000101T000000Z-1.backup"), "not a backup").unwrap();
    fs::write(directory.join(format!("{TEMPORARY}left")), "half").unwrap();
    let newest = store.backup(&mut go_on).unwrap().path.unwrap();
    assert!(directory.join("20000101T000000Z-1.backup").exists());
    assert!(!directory.join(format!("{TEMPORARY}left")).exists());
    let mut bytes = fs::read(&newest).unwrap();
    bytes[100] ^= 1;
    fs::write(&newest, bytes).unwrap();
    fs::copy(shelf.list().into_iter().flatten().last().unwrap().path, directory.join("20000102T000000Z-1.backup"))
        .unwrap();
    let before = commits();
    assert!(shelf.prune(store.id(), "").is_empty());
    assert_eq!(commits(), before);
}

#[test]
fn a_damaged_record_is_named_and_the_rest_is_saved() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    for n in 1..=2 {
        step(&store, n);
    }
    let mut batch = super::super::engine::Batch::default();
    batch.put(Tree::Records(Kind::Cat), &record::key(1), vec![7; 90]);
    store.core().engine.apply(&batch).unwrap();
    let path = home.path().join("b");
    let report = store.backup_into(&path, &mut go_on).unwrap();
    assert_eq!(report.manifest.lost, [("cat".to_owned(), 1)]);
    assert!(!report.manifest.is_whole());
    assert_eq!(content(&path, &key(home.path())).len(), 1);
    // It makes nobody sure of what there is.
    store.core().backup_is_due();
    store.backup(&mut go_on).unwrap();
    assert!(store.backup_due());
}

#[test]
fn a_damaged_file_is_not_taken_for_one_of_another_key() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    (1..=4).for_each(|n| step(&store, n));
    let path = home.path().join("b");
    store.backup_into(&path, &mut go_on).unwrap();
    let whole = fs::read(&path).unwrap();
    let id = whole.windows(16).position(|bytes| bytes == store.id().as_bytes()).unwrap();
    let last_value = usize::try_from(look_at(&path).unwrap().manifest.bytes).unwrap() - 20;
    // The id in the keyring leads to the key file, and without its last bytes a value opens with no key at all.
    for at in [id, last_value] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        let error = verify(&path, Some(&key(home.path())), &mut go_on).unwrap_err();
        assert!(matches!(error, BackupError::Damaged { .. }), "byte {at}: {error}");
    }
}

#[test]
fn password_hashes_are_in_a_backup() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    store
        .write(&Actor::console(), |tx| {
            tx.describe(Action::AddUser, "");
            tx.insert(&mut User {
                password: Some("$argon2id$x".to_owned()),
                ..User::new("ana", crate::model::Role::User)
            })?;
            Ok::<_, StoreError>(())
        })
        .unwrap();
    let path = home.path().join("b");
    store.backup_into(&path, &mut go_on).unwrap();
    let mut found = None;
    let mut sealer = None;
    read(&path, &mut |part, _| {
        match part {
            Part::Keyring(text) => sealer = Some(opener(&text, &key(home.path())).unwrap()),
            Part::Pair { tree: tree @ Tree::Records(Kind::User), key, sealed } => {
                let stored = sealer.as_ref().unwrap().open(tree.name(), &key, &sealed).unwrap();
                found = AnyRecord::decode(Kind::User, &stored).unwrap().to::<User>().unwrap().password;
            }
            Part::Pair { .. } => {}
        }
        Ok(true)
    })
    .unwrap();
    assert_eq!(found.as_deref(), Some("$argon2id$x"));
}

#[test]
fn a_backup_that_was_put_together_by_somebody_without_the_key_is_not_restored() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    (1..=4).for_each(|n| step(&store, n));
    let (whole, forged) = (home.path().join("whole"), home.path().join("forged"));
    let manifest = store.backup_into(&whole, &mut go_on).unwrap().manifest;
    store.close().unwrap();
    let mut parts = Vec::new();
    read(&whole, &mut |part, _| {
        parts.push(part);
        Ok(true)
    })
    .unwrap();
    let Part::Keyring(keyring) = parts.remove(0) else { panic!("a backup begins with the keyring") };
    let mut writer = form::Writer::begin(Vec::new(), &keyring).unwrap();
    let mut left_out = 0;
    for part in parts {
        match part {
            Part::Pair { tree: Tree::Records(Kind::Cat), .. } if left_out == 0 => left_out += 1,
            Part::Pair { tree, key, sealed } => writer.pair(tree, &key, &sealed).unwrap(),
            Part::Keyring(_) => {}
        }
    }
    assert_eq!(left_out, 1);
    let nobody = super::super::seal::Sealer::new(&super::super::seal::SecretKey::generate());
    fs::write(&forged, writer.finish(manifest, &nobody).unwrap().1).unwrap();

    let restore = |from: &Path| {
        let options = OpenOptions::new(home.path().join("data"), home.path().join("config"));
        crate::store::restore::restore(
            &options,
            Some(from),
            crate::store::restore::Until::Last,
            &Actor::console(),
            &mut go_on,
        )
    };
    let error = restore(&forged).unwrap_err().to_string();
    assert!(error.contains("not written by a holder of the key"), "{error}");
    restore(&whole).unwrap();
}

/// Takes what is written, and calls something at the first byte.
struct Slow<F: FnMut()>(Option<F>);

impl<F: FnMut()> Write for Slow<F> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Some(mut f) = self.0.take() {
            f();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_backup_that_is_taken_too_slowly_is_given_up_and_not_kept_in_memory() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    let cats = 300;
    let all = move |colour: &'static str| {
        move |tx: &mut crate::store::Tx<'_>| {
            tx.describe(Action::EditCat, colour);
            for id in 1..=cats {
                match tx.get::<Cat>(crate::model::CatId(id))? {
                    Some(mut cat) => {
                        cat.colour = colour.to_owned();
                        tx.update(&mut cat)?;
                    }
                    None => drop(tx.insert(&mut Cat { description: "d".repeat(6_000), ..Cat::new("Miso") })?),
                }
            }
            Ok::<_, StoreError>(())
        }
    };
    let change = |colour| {
        store.write(&Actor::console(), all(colour)).unwrap();
    };
    change("none");
    let watched =
        || crate::store::core::lock(&store.core().watches).iter().any(|w| w.upgrade().is_some_and(|w| !w.is_empty()));
    store.set_backup_policy(BackupPolicy { memory_mib: 1, ..BackupPolicy::default() });
    let error = store.backup_to(
        &mut Slow(Some(|| {
            change("red");
            assert!(!watched(), "what was noted is kept");
        })),
        &mut go_on,
    );
    let words = error.unwrap_err().to_string();
    assert!(words.starts_with("the backup was not made: more than 1 MiB were changed"), "{words}");
    // Once every record was copied, what is changed does not matter.
    let mut records_done = false;
    let made = store.backup_to(&mut std::io::sink(), &mut |p| {
        if p.step == "Audit log" && !records_done {
            records_done = true;
            change("black");
            assert!(!watched(), "what was noted is kept");
        }
        true
    });
    assert!(made.is_ok() && records_done, "{made:?}");
    store.set_backup_policy(BackupPolicy::default());
    let made = store.backup_to(
        &mut Slow(Some(|| {
            change("white");
            assert!(watched());
        })),
        &mut go_on,
    );
    assert!(made.is_ok(), "{made:?}");
}
