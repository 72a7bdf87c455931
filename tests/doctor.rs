//! The doctor: whatever happens to the files, everything acknowledged comes back while a backup and the journal are there, and
//! what does not come back is named.

#[path = "support/store.rs"]
mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use clowder::{
    model::{Action, Actor, Cat, CatId, Kind, Role, User},
    store::{
        OpenError, Store,
        doctor::{self, Diagnosis, DoctorError, Loss},
    },
};
use support::{Home, add, clean};

/// Each record in words that say everything, and the last change to it.
type Truth = BTreeMap<String, (String, u64)>;

fn truth(store: &Store) -> Truth {
    let last = |kind, id| store.audit_of(kind, id, 1).unwrap().first().map_or(0, |entry| entry.commit.0);
    let cats = store.all::<Cat>().map(Result::unwrap);
    let cats = cats.map(|c| (format!("cat {}", c.id), (format!("{c:?}"), last(Kind::Cat, c.id.0))));
    let users = store.all::<User>().map(Result::unwrap);
    let users =
        users.map(|u| (format!("user {}", u.id), (format!("{u:?} {:?}", u.password), last(Kind::User, u.id.0))));
    cats.chain(users).collect()
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
    let now = self::truth(&store);
    let words = |truth: &Truth| -> BTreeMap<String, String> {
        truth.iter().map(|(place, (words, _))| (place.clone(), words.clone())).collect()
    };
    assert!(words(&now) == words(truth), "{what}: other records");
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
    let but_lock =
        |all: Vec<(Vec<u8>, PathBuf)>| -> Vec<_> { all.into_iter().filter(|(_, p)| !p.ends_with("lock")).collect() };
    assert!(but_lock(before) == but_lock(after));
    is_whole(&home, &truth, "nothing");
    let store = home.open();
    let error = doctor::examine(&home.options(), &mut |_| true).unwrap_err();
    assert!(matches!(&error, DoctorError::InUse { .. }) && error.to_string().contains("stop it first"), "{error}");
    assert!(!error.to_string().contains("end that first"), "{error}");
    drop(store);
    let empty = Home::new();
    let error = doctor::examine(&empty.options(), &mut |_| true).unwrap_err();
    assert!(error.to_string().starts_with("there is no store in"), "{error}");
}

#[test]
fn with_backup_and_journal_everything_comes_back_from_any_damage_to_one_file() {
    let (base, truth) = stocked(true);
    let mut dice = Dice(11);
    for begin in ["store/db", "store/conf", "store/snap", "keyring.toml", "keyring.copy", "journal/", "clean"] {
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
fn a_keyring_comes_back_from_its_copy_where_there_is_no_backup() {
    let (base, truth) = stocked(false);
    let mut dice = Dice(12);
    for how in 0..4 {
        let home = copy(&base);
        damage(&home.data().join("keyring.toml"), how, &mut dice);
        is_whole(&home, &truth, &format!("keyring {how}"));
    }
}

/// The numbers that a loss names.
fn names(loss: &Loss) -> Vec<String> {
    let cat = |kind: &Kind, id: &u32| vec![format!("{} {id}", kind.label().to_lowercase())];
    match loss {
        Loss::Record { kind, id, .. }
        | Loss::Changed { kind, id, .. }
        | Loss::Deletion { kind, id }
        | Loss::Older { kind, id, .. }
        | Loss::Gone { kind, id, .. } => cat(kind, id),
        Loss::Password { id, .. } => cat(&Kind::User, id),
        Loss::Entries { .. } | Loss::Changes { .. } => Vec::new(),
    }
}

/// Nothing there is wrong: each record is as it was, or it was named. Answers how many are as they were.
fn is_right_or_named(home: &Home, truth: &Truth, what: &str) -> usize {
    let (diagnosis, lost) = cure(home);
    if !diagnosis.is_healthy() {
        assert!(diagnosis.advice.is_some(), "{what}: {diagnosis:#?}");
        return 0;
    }
    let store = home.open();
    let now = self::truth(&store);
    clean(&store);
    store.close().unwrap();
    let named: BTreeSet<String> = lost.iter().flat_map(names).collect();
    // Of a change that is lost as a whole nobody knows what it did.
    let lost_as_a_whole = |no: u64| {
        lost.iter().any(
            |loss| matches!(loss, Loss::Changes { first, last } if *first <= no && last.is_none_or(|last| no <= last)),
        )
    };
    let mut right = 0;
    for place in truth.keys().chain(now.keys()).collect::<BTreeSet<_>>() {
        let (was, is) = (truth.get(place), now.get(place));
        if was.map(|w| &w.0) == is.map(|i| &i.0) {
            right += 1;
        } else {
            // The deletions were the changes 86 to 90.
            let last = was.map_or(86, |(_, no)| *no);
            assert!(
                named.contains(place) || lost_as_a_whole(last),
                "{what}: {place} is {is:?} and not {was:?} without a word: {lost:#?}"
            );
        }
    }
    right
}

#[test]
fn without_backup_and_journal_what_does_not_come_back_is_named() {
    let (base, truth) = stocked(false);
    let mut dice = Dice(5);
    let mut right = Vec::new();
    for round in 0..12 {
        let home = copy(&base);
        fs::remove_dir_all(home.data().join("journal")).unwrap();
        damage(&named(&home, "store/db"), [1, 1, 1, 0, 2, 3][round % 6], &mut dice);
        right.push(is_right_or_named(&home, &truth, &format!("round {round}")));
    }
    // A zeroed block leaves most of them.
    assert!(right.iter().max() > Some(&40), "{right:?}");
}

#[test]
fn after_a_kill_files_that_the_journal_does_not_go_on_from_may_lack_their_end() {
    let (base, truth) = stocked(true);
    let mut dice = Dice(7);
    let mut salvaged = 0;
    for round in 0..6 {
        let home = copy(&base);
        fs::remove_file(home.data().join("clean")).unwrap();
        fs::remove_dir_all(home.data().join("journal")).unwrap();
        damage(&named(&home, "store/db"), round % 2, &mut dice);
        let (diagnosis, lost) = cure(&home);
        assert!(diagnosis.is_healthy(), "{diagnosis:#?}");
        let open_end = lost.iter().any(|loss| matches!(loss, Loss::Changes { last: None, .. }));
        assert!(open_end, "round {round}: {lost:#?}");
        salvaged += usize::from(truth.len() == self::truth(&home.open()).len());
    }
    assert!(salvaged > 0);
}

/// Nothing is lost that is known of; changes after the last one may have been.
fn is_cured_but_for_what_may_have_followed(home: &Home, truth: &Truth, last: u64) {
    let (diagnosis, lost) = cure(home);
    assert!(diagnosis.is_healthy(), "{diagnosis:#?}");
    assert_eq!(lost, [Loss::Changes { first: last + 1, last: None }]);
    let store = home.open();
    assert!(self::truth(&store) == *truth);
    clean(&store);
}

#[test]
fn a_journal_that_ends_with_a_backup_may_have_gone_on() {
    let (home, truth) = stocked(true);
    let last = truth.values().map(|(_, no)| *no).max().unwrap();
    let store = home.open();
    store.backup(&mut |_| true).unwrap();
    store.close().unwrap();
    // With changes in the next file of the journal, that file lost, and an engine that went back by itself it would look the same.
    fs::remove_file(home.data().join("clean")).unwrap();
    damage(&named(&home, "store/snap"), 1, &mut Dice(3));
    is_cured_but_for_what_may_have_followed(&home, &truth, last);
}

#[test]
fn files_from_before_a_newer_format_get_back_what_came_after_it() {
    let formats = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/formats/1");
    let before = Home::new();
    let place = before.0.path();
    for (program, args) in [("cp", vec!["-a"]), ("chmod", vec!["-R", "go="])] {
        let mut command = std::process::Command::new(program);
        command.args(args);
        if program == "cp" {
            command.arg(formats.join("data")).arg(formats.join("config"));
        }
        assert!(command.arg(place).status().unwrap().success());
    }
    let base = copy(&before);
    let store = base.open();
    let user = User { password: Some("$late".to_owned()), ..User::new("late", Role::Admin) };
    add(&store, user);
    (0..5).for_each(|n| drop(add(&store, Cat::new(format!("late{n}")))));
    let truth = truth(&store);
    store.close().unwrap();
    for (backups, closed) in [(true, true), (true, false), (false, true)] {
        let home = copy(&base);
        fs::remove_dir_all(home.store_dir()).unwrap();
        let copied = std::process::Command::new("cp").arg("-a").arg(before.store_dir()).arg(home.data()).status();
        assert!(copied.unwrap().success());
        if !backups {
            fs::remove_dir_all(home.data().join("backups")).unwrap();
        }
        if !closed {
            fs::remove_file(home.data().join("clean")).unwrap();
        }
        is_whole(&home, &truth, &format!("backups {backups}, closed {closed}"));
    }
}

#[test]
fn a_gap_in_the_journal_is_filled_from_the_damaged_files_and_what_is_not_is_named() {
    let (base, truth) = stocked(true);
    let mut dice = Dice(3);
    for round in 0..10 {
        let home = copy(&base);
        damage(&named(&home, "journal/"), round % 3, &mut dice);
        damage(&named(&home, "store/db"), [1, 1, 2, 3][round % 4], &mut dice);
        is_right_or_named(&home, &truth, &format!("round {round}"));
    }
}

#[test]
fn any_damage_to_any_files_is_cured_or_told() {
    let (base, truth) = stocked(true);
    // The usual run is the same each time; who looks for what nobody thought of asks for more rounds, and gets others.
    let more: Option<u32> = std::env::var("CLOWDER_SOAK").ok().and_then(|rounds| rounds.parse().ok());
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into();
    let seed: u64 = more.map_or(19, |_| clock());
    let mut dice = Dice(seed);
    for _ in 0..more.unwrap_or(16) {
        let home = copy(&base);
        let mut what = format!("seed {seed}:");
        for _ in 0..1 + dice.below(3) {
            let all: Vec<PathBuf> =
                files(&home.data()).into_iter().filter(|p| fs::metadata(p).unwrap().len() > 0).collect();
            let (file, how) = (&all[dice.below(all.len())], dice.below(4));
            what = format!("{what} {}/{how}", file.strip_prefix(home.data()).unwrap().display());
            damage(file, how, &mut dice);
        }
        is_right_or_named(&home, &truth, &what);
    }
}

#[test]
fn a_journal_whose_end_cannot_be_read_is_put_aside_and_what_may_be_lost_is_said() {
    let (base, truth) = stocked(true);
    let last = truth.values().map(|(_, no)| *no).max().unwrap();
    // With another number of the data key, and cut off in its header.
    for (key, length) in [(9, usize::MAX), (1, 50)] {
        let home = copy(&base);
        let segment = named(&home, "journal/");
        let mut bytes = fs::read(&segment).unwrap();
        bytes[44] = key;
        bytes.truncate(length);
        fs::write(&segment, &bytes).unwrap();
        is_whole(&copy(&home), &truth, "closed");
        fs::remove_file(home.data().join("clean")).unwrap();
        let error = home.try_open().unwrap_err();
        assert!(matches!(&error, OpenError::JournalDamaged { .. }), "{error}");
        is_cured_but_for_what_may_have_followed(&home, &truth, last);
    }
}

#[test]
fn changes_of_another_history_are_not_taken_and_those_before_them_are() {
    let (base, _) = stocked(true);
    let (one, other) = (copy(&base), copy(&base));
    for (home, names) in [(&one, &["one"][..]), (&other, &["other", "late"])] {
        let store = home.open();
        names.iter().for_each(|name| rename(&store, 50, (*name).to_owned()));
        store.close().unwrap();
    }
    let truth = {
        let store = one.open();
        let truth = self::truth(&store);
        store.close().unwrap();
        truth
    };
    // What `one` had, and then the last frame of `other`, over files of the engine that know neither.
    let mut bytes = fs::read(named(&one, "journal/")).unwrap();
    let foreign = fs::read(named(&other, "journal/")).unwrap();
    let last = foreign.windows(4).rposition(|w| w == b"\xc1owd").unwrap();
    bytes.extend_from_slice(&foreign[last..]);
    fs::write(named(&base, "journal/"), bytes).unwrap();
    fs::remove_file(base.data().join("clean")).unwrap();
    let error = base.try_open().unwrap_err();
    assert!(matches!(&error, OpenError::JournalDamaged { .. }), "{error}");
    let (diagnosis, lost) = cure(&base);
    assert!(diagnosis.is_healthy(), "{diagnosis:#?}");
    let last = truth.values().map(|(_, no)| *no).max().unwrap();
    assert_eq!(lost, [Loss::Changes { first: last + 1, last: None }]);
    let store = base.open();
    assert!(self::truth(&store) == truth);
    clean(&store);
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
