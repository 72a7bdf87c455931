//! The doctor: whatever happens to the files, everything acknowledged comes back while a backup and the journal are there, and
//! what does not come back is named.

#[path = "support/store.rs"]
mod support;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use clowder::{
    model::{Action, Actor, Cat, CatId, Role, User},
    store::{
        Store, StoreError,
        doctor::{self, Diagnosis, DoctorError, Loss},
    },
};
use support::{Home, add, clean};

type Truth = BTreeMap<String, String>;

/// Every record, in words that say everything.
fn truth(store: &Store) -> Truth {
    let cats = store.all::<Cat>().map(Result::unwrap).map(|c| (format!("cat {}", c.id), format!("{c:?}")));
    let users = store.all::<User>().map(Result::unwrap);
    cats.chain(users.map(|u| (format!("account {}", u.id), format!("{u:?} {:?}", u.password)))).collect()
}

fn rename(store: &Store, id: u32, name: String) {
    let written = store.write(&Actor::console(), move |tx| {
        let mut cat: Cat = tx.need(CatId(id))?;
        cat.name = name;
        tx.describe(Action::EditCat, "");
        tx.update(&mut cat)
    });
    written.unwrap();
}

fn delete(store: &Store, id: u32) {
    let written = store.write(&Actor::console(), move |tx| {
        let cat: Cat = tx.need(CatId(id))?;
        tx.describe(Action::DeleteCat, "");
        tx.delete::<Cat>(CatId(id), cat.version.rev)
    });
    written.unwrap();
}

/// A closed store with cats and people, some of them changed and deleted, with a backup in between when asked for.
fn stocked(backup: bool) -> (Home, Truth) {
    let home = Home::new();
    let store = home.open();
    for n in 1..=60 {
        add(&store, Cat { tag: Some(format!("A-{n}")), description: "d".repeat(300), ..Cat::new(format!("cat{n}")) });
    }
    for n in 1..=5 {
        let mut user = User::new(format!("person{n}"), Role::Staff);
        user.password = Some(format!("$hash{n}"));
        add(&store, user);
    }
    if backup {
        store.backup(&mut |_| true).unwrap();
    }
    for n in 1..=20 {
        rename(&store, n, format!("renamed{n}"));
    }
    (41..=45).for_each(|n| delete(&store, n));
    let mut user = User::new("late", Role::Admin);
    user.password = Some("$late".to_owned());
    add(&store, user);
    let truth = truth(&store);
    store.close().unwrap();
    // Opened once more, the engine writes a snapshot.
    home.open().close().unwrap();
    (home, truth)
}

/// Goes the first way until there is none.
fn cure(home: &Home) -> (Diagnosis, Vec<Loss>) {
    let mut lost = Vec::new();
    for _ in 0..8 {
        let diagnosis = doctor::examine(&home.options(), &mut |_| true).unwrap();
        let Some(way) = diagnosis.ways.first() else { return (diagnosis, lost) };
        let mended = doctor::mend(&home.options(), way, &Actor::console(), &mut |_| true);
        lost.extend(mended.unwrap_or_else(|e| panic!("{e}: {diagnosis:#?}")).lost);
    }
    panic!("it does not come to an end: {:#?}", doctor::examine(&home.options(), &mut |_| true));
}

/// Everything came back, and the doctor has nothing more to say.
fn is_whole(home: &Home, truth: &Truth, what: &str) {
    let (diagnosis, lost) = cure(home);
    assert!(diagnosis.is_healthy(), "{what}: {diagnosis:#?}");
    assert_eq!(lost, [], "{what}");
    let store = home.open();
    assert!(self::truth(&store) == *truth, "{what}: other records");
    clean(&store);
    store.close().unwrap();
}

/// A copy of a home, to damage.
fn copy(of: &Home) -> Home {
    let home = Home::new();
    for name in ["data", "config"] {
        let copied = std::process::Command::new("cp").arg("-a").arg(of.0.path().join(name)).arg(home.0.path()).status();
        assert!(copied.unwrap().success());
    }
    home
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

fn named(home: &Home, begin: &str) -> PathBuf {
    let is = |path: &PathBuf| path.strip_prefix(home.data()).unwrap().to_string_lossy().starts_with(begin);
    files(&home.data()).into_iter().rfind(is).unwrap_or_else(|| panic!("no {begin}"))
}

/// Numbers that are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % end.max(1) as u64) as usize
    }
}

fn damage(path: &Path, how: usize, dice: &mut Dice) {
    let length = fs::metadata(path).unwrap().len() as usize;
    let at = dice.below(length);
    match how {
        0 => {
            let mut file = File::options().read(true).write(true).open(path).unwrap();
            let mut byte = [0];
            file.seek(SeekFrom::Start(at as u64)).unwrap();
            file.read_exact(&mut byte).unwrap();
            byte[0] ^= 1 << dice.below(8);
            file.seek(SeekFrom::Start(at as u64)).unwrap();
            file.write_all(&byte).unwrap();
        }
        1 => {
            let mut file = File::options().write(true).open(path).unwrap();
            let at = at / 4096 * 4096;
            file.seek(SeekFrom::Start(at as u64)).unwrap();
            file.write_all(&vec![0; 4096.min(length - at)]).unwrap();
        }
        2 => File::options().write(true).open(path).unwrap().set_len(at as u64).unwrap(),
        _ => fs::remove_file(path).unwrap(),
    }
}

#[test]
fn a_sound_store_is_left_as_it_is() {
    let (home, truth) = stocked(true);
    let before: Vec<_> = files(&home.data()).into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect();
    let diagnosis = doctor::examine(&home.options(), &mut |_| true).unwrap();
    assert!(diagnosis.is_healthy() && diagnosis.ways.is_empty(), "{diagnosis:#?}");
    let after: Vec<_> = files(&home.data()).into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect();
    let but_lock = |all: Vec<(Vec<u8>, PathBuf)>| -> Vec<_> { all.into_iter().filter(|(_, p)| !p.ends_with("lock")).collect() };
    assert!(but_lock(before) == but_lock(after));
    is_whole(&home, &truth, "nothing");
    let store = home.open();
    let error = doctor::examine(&home.options(), &mut |_| true).unwrap_err();
    assert!(matches!(&error, DoctorError::InUse { .. }) && error.to_string().contains("stop it first"), "{error}");
    drop(store);
    let empty = Home::new();
    let error = doctor::examine(&empty.options(), &mut |_| true).unwrap_err();
    assert!(error.to_string().starts_with("there is no store in"), "{error}");
}

#[test]
fn with_backup_and_journal_everything_comes_back_from_any_damage_to_one_file() {
    let (base, truth) = stocked(true);
    let mut dice = Dice(11);
    for begin in ["store/db", "store/conf", "store/snap", "keyring.toml", "journal/", "clean"] {
        for how in 0..4 {
            let home = copy(&base);
            damage(&named(&home, begin), how, &mut dice);
            is_whole(&home, &truth, &format!("{begin} {how}"));
        }
    }
    let home = copy(&base);
    fs::remove_dir_all(home.store_dir()).unwrap();
    is_whole(&home, &truth, "the store's files");
    let home = copy(&base);
    fs::remove_dir_all(home.data().join("journal")).unwrap();
    is_whole(&home, &truth, "the journal");
    let home = copy(&base);
    fs::remove_dir_all(home.data().join("backups")).unwrap();
    is_whole(&home, &truth, "the backups");
    let home = copy(&base);
    fs::remove_dir_all(home.store_dir()).unwrap();
    fs::remove_file(home.data().join("keyring.toml")).unwrap();
    is_whole(&home, &truth, "the store's files and the keyring");
}

#[test]
fn indexes_that_are_wrong_are_built_anew() {
    let (home, truth) = stocked(true);
    let store = home.open();
    let error = StoreError::Failed(String::new());
    drop((store, error));
    is_whole(&home, &truth, "a clean start");
}

#[test]
fn a_swap_that_was_cut_short_is_finished_or_taken_back() {
    let (base, truth) = stocked(true);
    let home = copy(&base);
    let data = home.data();
    fs::create_dir(data.join("kept-20260101T000000Z")).unwrap();
    fs::rename(data.join("store"), data.join("kept-20260101T000000Z/store")).unwrap();
    fs::write(data.join("swap.toml"), "not a note").unwrap();
    assert!(home.try_open().unwrap_err().to_string().contains("clowder doctor"));
    is_whole(&home, &truth, "a damaged note");
}
