use std::{collections::BTreeMap, fs, path::Path};

use proptest::prelude::*;

use super::*;
use crate::{
    model::{Action, Cat, CatId, CommitNo, Kind, User},
    store::{BackupPolicy, backup::Shelf, files::STORE, journal},
};

fn options(home: &Path) -> OpenOptions {
    OpenOptions::new(home.join("data"), home.join("config"))
}

fn open(home: &Path) -> Store {
    Store::open(options(home)).unwrap().store
}

fn go_on(_: Progress) -> bool {
    true
}

fn restored(home: &Path, from: Option<&Path>, until: Until) -> Restored {
    restore(&options(home), from, until, &Actor::console(), &mut go_on).unwrap()
}

/// What a step does to the cats.
#[derive(Debug, Clone)]
enum Step {
    Add(String),
    Change(u8, String),
    Remove(u8),
    Person(String),
    Backup,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = "[a-z]{1,8}";
    let step = prop_oneof![
        4 => name.prop_map(Step::Add),
        4 => (any::<u8>(), name).prop_map(|(n, name)| Step::Change(n, name)),
        2 => any::<u8>().prop_map(Step::Remove),
        1 => name.prop_map(Step::Person),
        2 => Just(Step::Backup),
    ];
    prop::collection::vec(step, 1..14)
}

type State = BTreeMap<(Kind, u32), String>;

/// The records, in words that say everything.
fn state(store: &Store) -> State {
    let cats = store.all::<Cat>().map(Result::unwrap).map(|c| ((Kind::Cat, c.id.0), format!("{c:?}")));
    let users =
        store.all::<User>().map(Result::unwrap).map(|u| ((Kind::User, u.id.0), format!("{u:?}{:?}", u.password)));
    cats.chain(users).collect()
}

fn commit(store: &Store) -> u64 {
    store.audit(None, 1).unwrap().first().map_or(0, |entry| entry.commit.0)
}

fn run(store: &Store, step: &Step, n: usize) {
    let step = step.clone();
    if let Step::Backup = step {
        store.backup(&mut go_on).unwrap();
        return;
    }
    let ids: Vec<u32> = store.all::<Cat>().map(|c| c.unwrap().id.0).collect();
    let pick = move |by: u8| ids.get(usize::from(by) % ids.len().max(1)).copied().map(CatId);
    store
        .write(&Actor::console(), move |tx| {
            tx.describe(Action::EditCat, "");
            match step {
                Step::Add(name) => drop(tx.insert(&mut Cat::new(name))?),
                Step::Change(by, name) => {
                    if let Some(mut cat) = pick(by).and_then(|id| tx.get::<Cat>(id).ok().flatten()) {
                        cat.colour = name;
                        tx.update(&mut cat)?;
                    }
                }
                Step::Remove(by) => {
                    if let Some(cat) = pick(by).and_then(|id| tx.get::<Cat>(id).ok().flatten()) {
                        tx.delete::<Cat>(cat.id, cat.version.rev)?;
                    }
                }
                Step::Person(name) => {
                    let mut user = User::new(format!("{name}{n}"), crate::model::Role::User);
                    user.password = Some(format!("hash of {name}"));
                    tx.insert(&mut user)?;
                }
                Step::Backup => {}
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

/// Everything derived agrees, and people can go on.
fn is_sound(store: &Store) {
    assert!(store.ready_catalog().is_ok());
    let report = store.check(&mut go_on).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    let id = store
        .write(&Actor::console(), |tx| {
            tx.describe(Action::AddCat, "");
            tx.insert(&mut Cat::new("Later"))
        })
        .unwrap()
        .value;
    assert!(store.get::<Cat>(id).unwrap().is_some());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, ..ProptestConfig::default() })]

    #[test]
    fn every_commit_of_a_history_can_be_gone_back_to(steps in steps()) {
        let home = tempfile::tempdir().unwrap();
        let store = open(home.path());
        let mut states = BTreeMap::from([(0, State::new())]);
        for (n, step) in steps.iter().enumerate() {
            run(&store, step, n);
            states.insert(commit(&store), state(&store));
        }
        store.close().unwrap();
        for (&no, expected) in states.iter().filter(|(no, _)| **no > 0) {
            let copy = tempfile::tempdir().unwrap();
            for name in ["data", "config"] {
                let done = std::process::Command::new("cp").arg("-a").arg(home.path().join(name)).arg(copy.path()).status();
                prop_assert!(done.unwrap().success());
            }
            let to = restored(copy.path(), None, Until::Commit(CommitNo(no))).to;
            prop_assert_eq!(to.commit, CommitNo(no));
            let store = open(copy.path());
            prop_assert_eq!(&state(&store), expected, "commit {}", no);
            is_sound(&store);
        }
    }
}

/// A store with changes `1..=n`, and a backup after some of them.
fn history(home: &Path, n: usize, backups: &[usize]) -> Vec<State> {
    let store = open(home);
    let mut states = vec![State::new()];
    for i in 1..=n {
        run(&store, &Step::Add(format!("cat {i}")), i);
        states.push(state(&store));
        if backups.contains(&i) {
            store.backup(&mut go_on).unwrap();
        }
    }
    store.close().unwrap();
    states
}

#[test]
fn a_store_that_is_gone_comes_back_as_far_as_the_journal_goes() {
    let home = tempfile::tempdir().unwrap();
    let states = history(home.path(), 6, &[3]);
    let data = home.path().join("data");
    fs::remove_dir_all(data.join(STORE)).unwrap();
    let error = Store::open(options(home.path())).unwrap_err();
    assert!(matches!(error, OpenError::Vanished { .. }), "{error}");
    let restored = restored(home.path(), None, Until::Last);
    assert_eq!(restored.to.commit, CommitNo(6));
    let store = open(home.path());
    assert_eq!(state(&store), states[6]);
    // It is the same line: the entry of the restore follows in the same journal.
    assert_eq!(commit(&store), 7);
    assert_eq!(store.audit(None, 1).unwrap()[0].action, Action::Restore);
    let lines: std::collections::BTreeSet<_> = journal::segments(&data).unwrap().into_iter().map(|s| s.line).collect();
    assert_eq!(lines.len(), 1);
    is_sound(&store);
}

#[test]
fn what_a_restore_to_the_past_left_out_and_what_came_after_it_can_both_be_reached() {
    let home = tempfile::tempdir().unwrap();
    let states = history(home.path(), 5, &[2]);
    let first = restored(home.path(), None, Until::Commit(CommitNo(3)));
    assert!(first.kept.unwrap().join(STORE).join("db").exists());
    let store = open(home.path());
    assert_eq!((state(&store), commit(&store)), (states[3].clone(), 4));
    run(&store, &Step::Add("other".to_owned()), 0);
    let after = state(&store);
    store.close().unwrap();
    // The last moment is on the new line, and its past is in the journal of the old one.
    let plan = plan(&options(home.path()), None, Until::Last).unwrap();
    assert_eq!((plan.to.commit, plan.commits, plan.last), (CommitNo(5), 3, None));
    fs::remove_dir_all(home.path().join("data").join(STORE)).unwrap();
    restored(home.path(), None, Until::Last);
    assert_eq!(state(&open(home.path())), after);
    restored(home.path(), None, Until::Commit(CommitNo(1)));
    assert_eq!(state(&open(home.path())), states[1]);
}

#[test]
fn a_moment_means_the_last_change_before_it() {
    let home = tempfile::tempdir().unwrap();
    let states = history(home.path(), 4, &[1]);
    let choices = choices(&options(home.path())).unwrap();
    let [(first, last)] = choices.journal[..] else { panic!("{choices:?}") };
    assert_eq!((first.commit, last.commit, choices.backups.len()), (CommitNo(1), CommitNo(4), 1));
    let soon = Stamp::now().max(last.at);
    assert_eq!(plan(&options(home.path()), None, Until::At(soon)).unwrap().to.commit, CommitNo(4));
    let later = plan(&options(home.path()), None, Until::At(Stamp(soon.0 + 3_600_000))).unwrap_err();
    assert!(matches!(later, RestoreError::ToCome { .. }) && later.to_string().contains(" is to come: "), "{later}");
    let early = Stamp(first.at.0 - 10_000);
    assert_eq!(plan(&options(home.path()), None, Until::At(early)).unwrap_err(), RestoreError::TooEarly { first });
    let error = plan(&options(home.path()), None, Until::Commit(CommitNo(9))).unwrap_err();
    assert!(error.to_string().starts_with("change 9 cannot be reached: the last one is change 4, "), "{error}");
    restored(home.path(), None, Until::At(soon));
    assert_eq!(state(&open(home.path())), states[4]);
}

#[test]
fn a_backup_is_restored_on_another_machine_with_the_key_file() {
    let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let states = history(home.path(), 3, &[]);
    let file = other.path().join("b");
    let store = open(home.path());
    store.backup_into(&file, &mut go_on).unwrap();
    let id = store.id().to_owned();
    drop(store);
    let far = options(other.path());
    let error = restore(&far, Some(&file), Until::Last, &Actor::console(), &mut go_on).unwrap_err();
    assert!(matches!(error, RestoreError::Open(OpenError::MissingKey { .. })), "{error}");
    fs::create_dir_all(far.config.join("keys")).unwrap();
    let key = Path::new("config").join("keys").join(format!("{id}.key"));
    fs::copy(home.path().join(&key), other.path().join(&key)).unwrap();
    let restored = restore(&far, Some(&file), Until::Last, &Actor::console(), &mut go_on).unwrap();
    assert_eq!((restored.to.commit, restored.kept), (CommitNo(3), None));
    let store = open(other.path());
    assert_eq!((state(&store), store.id()), (states[3].clone(), &*id));
    is_sound(&store);
    // A backup of another store does not take its place.
    let third = tempfile::tempdir().unwrap();
    history(third.path(), 1, &[]);
    let error = plan(&options(third.path()), Some(&file), Until::Last).unwrap_err();
    assert!(matches!(error, RestoreError::OtherStore { .. }), "{error}");
}

#[test]
fn a_store_in_use_or_a_restore_broken_off_is_left_as_it_was() {
    let home = tempfile::tempdir().unwrap();
    let states = history(home.path(), 4, &[2]);
    let store = open(home.path());
    let error = restore(&options(home.path()), None, Until::Last, &Actor::console(), &mut go_on).unwrap_err();
    let error = error.to_string();
    assert!(error.contains(". Stop it first (") && !error.contains("end that first"), "{error}");
    store.close().unwrap();
    for calls in 0..6 {
        let mut left = calls;
        let mut progress = |_| {
            left -= 1;
            left >= 0
        };
        let done = restore(&options(home.path()), None, Until::Commit(CommitNo(3)), &Actor::console(), &mut progress);
        assert_eq!(done.unwrap_err(), RestoreError::Cancelled);
        assert!(!home.path().join("data").join(NEW).exists());
    }
    let store = open(home.path());
    assert_eq!((state(&store), commit(&store)), (states[4].clone(), 4));
}

#[test]
fn a_journal_that_is_damaged_in_the_middle_is_followed_up_to_there() {
    let home = tempfile::tempdir().unwrap();
    let states = history(home.path(), 6, &[2]);
    let data = home.path().join("data");
    let segment = journal::segments(&data).unwrap().pop().unwrap();
    let mut bytes = fs::read(&segment.path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segment.path, bytes).unwrap();
    fs::remove_dir_all(data.join(STORE)).unwrap();
    let plan = plan(&options(home.path()), None, Until::Last).unwrap();
    let reached = plan.to.commit.0;
    assert!((2..6).contains(&reached) && plan.broken.is_some(), "{plan:?}");
    let error = super::plan(&options(home.path()), None, Until::Commit(CommitNo(6))).unwrap_err();
    assert!(error.to_string().contains("is damaged at byte"), "{error}");
    restored(home.path(), None, Until::Last);
    let store = open(home.path());
    assert_eq!(state(&store), states[usize::try_from(reached).unwrap()]);
    is_sound(&store);
}

#[test]
fn what_can_be_reached_behind_a_gap_of_the_journal_is_listed_too() {
    let home = tempfile::tempdir().unwrap();
    history(home.path(), 8, &[2, 6]);
    let segments = journal::segments(&home.path().join("data")).unwrap();
    let of_gap = segments.iter().find(|segment| segment.first == 3).unwrap();
    let mut bytes = fs::read(&of_gap.path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&of_gap.path, bytes).unwrap();
    let choices = choices(&options(home.path())).unwrap();
    let [(first, before), (after, last)] = choices.journal[..] else { panic!("{choices:?}") };
    assert_eq!((first.commit, after.commit, last.commit), (CommitNo(1), CommitNo(6), CommitNo(8)));
    assert!((2..6).contains(&before.commit.0), "{before:?}");
}

#[test]
fn the_journal_is_kept_as_far_as_the_oldest_backup_needs_it() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    store.set_backup_policy(BackupPolicy { keep: 2, ..BackupPolicy::default() });
    let data = home.path().join("data");
    let firsts = || -> Vec<u64> { journal::segments(&data).unwrap().iter().map(|s| s.first).collect() };
    for n in 1..=6 {
        run(&store, &Step::Add(format!("cat {n}")), n);
        store.backup(&mut go_on).unwrap();
    }
    assert_eq!(firsts(), [6]);
    assert_eq!(store.shelf().list().len(), 2);
    run(&store, &Step::Add("last".to_owned()), 0);
    let last = state(&store);
    store.close().unwrap();
    let error = plan(&options(home.path()), None, Until::Commit(CommitNo(1))).unwrap_err().to_string();
    assert!(error.contains("the first that can be reached is change 5, as the backup of "), "{error}");
    fs::remove_dir_all(data.join(STORE)).unwrap();
    restored(home.path(), None, Until::Last);
    assert_eq!(state(&open(home.path())), last);
}

#[test]
fn a_restore_that_was_not_decided_changes_nothing_of_where_the_next_one_leads() {
    let home = tempfile::tempdir().unwrap();
    history(home.path(), 5, &[2]);
    let (options, data) = (options(home.path()), home.path().join("data"));
    let sources = plan::Sources::find(&options, None).unwrap();
    let plan = plan::plan(&options, &sources, None, Until::Commit(CommitNo(3))).unwrap();
    let built = build::build(&options, sources, &plan, &mut go_on).unwrap();
    // The disk does not take the note of the swap.
    let note = data.join("swap.toml");
    fs::create_dir_all(note.join("in the way")).unwrap();
    build::swap(&plan, &built).unwrap_err();
    fs::remove_dir_all(note).unwrap();

    let store = open(home.path());
    run(&store, &Step::Add("after it".to_owned()), 0);
    let last = state(&store);
    store.close().unwrap();
    fs::remove_dir_all(data.join(STORE)).unwrap();
    assert_eq!(restored(home.path(), None, Until::Last).to.commit, CommitNo(6));
    assert_eq!(state(&open(home.path())), last);
}

#[test]
fn what_a_swap_that_was_decided_needs_is_not_swept_away() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(NEW)).unwrap();
    fs::write(home.path().join("swap.toml"), "").unwrap();
    sweep(home.path());
    assert!(home.path().join(NEW).exists());
    fs::remove_file(home.path().join("swap.toml")).unwrap();
    sweep(home.path());
    assert!(!home.path().join(NEW).exists());
}

#[test]
fn what_a_restore_left_out_comes_back_and_what_came_after_it_too() {
    let home = tempfile::tempdir().unwrap();
    let (options, data) = (options(home.path()), home.path().join("data"));
    let states = history(home.path(), 6, &[2]);
    let nothing = Source::Undo.plan(&options, Until::Last).unwrap_err();
    assert_eq!(nothing, RestoreError::NothingLeft);
    let kept = restored(home.path(), None, Until::Commit(CommitNo(3))).kept.unwrap();
    let store = open(home.path());
    run(&store, &Step::Add("other".to_owned()), 0);
    let other = state(&store);
    store.close().unwrap();
    let error = plan(&options, None, Until::Commit(CommitNo(6))).unwrap_err().to_string();
    assert!(
        error.contains("the last one is change 5, ") && error.ends_with("clowder restore --undo --commit 6"),
        "{error}"
    );
    let left = |n: usize| choices(&options).unwrap().left[n].clone();
    assert_eq!((left(0).after, left(0).last.commit, left(0).newest), (CommitNo(3), CommitNo(6), true));

    // Even without what was kept, of which the name stays.
    assert_eq!(choices(&options).unwrap().asides.len(), 1);
    fs::remove_dir_all(kept.join(STORE)).unwrap();
    let undo = |source: Source<'_>| source.restore(&options, Until::Last, &Actor::console(), &mut go_on).unwrap();
    let undone = undo(Source::Undo);
    assert_eq!((undone.to.commit, undone.can_be_undone), (CommitNo(6), true));
    assert_eq!(state(&open(home.path())), states[6]);
    assert_eq!((left(0).after, left(0).last.commit), (CommitNo(3), CommitNo(5)));
    undo(Source::Line(&left(0).line[..6]));
    assert_eq!(state(&open(home.path())), other);
    // The directory in which a store was kept stands for what was left then.
    undo(Source::Backup(&data.join(undone.kept.unwrap())));
    assert_eq!(state(&open(home.path())), other);
    undo(Source::Backup(Path::new(kept.file_name().unwrap())));
    let store = open(home.path());
    assert_eq!(state(&store), states[6]);
    is_sound(&store);
    let unknown = Source::Line("zz").plan(&options, Until::Last).unwrap_err();
    assert!(matches!(unknown, RestoreError::NoSuchLine { .. }), "{unknown}");
    let directory = Source::Backup(&data).plan(&options, Until::Last).unwrap_err();
    assert!(directory.to_string().contains("is a directory and no backup"), "{directory}");
}

#[test]
fn a_backup_leads_back_to_what_a_restore_left_behind() {
    let home = tempfile::tempdir().unwrap();
    let states = history(home.path(), 6, &[2, 5]);
    let newest = Shelf::new(&home.path().join("data"), &BackupPolicy::default()).list().remove(0).unwrap().path;
    restored(home.path(), None, Until::Commit(CommitNo(3)));
    assert_eq!(state(&open(home.path())), states[3]);
    // That was a mistake.
    let back = restored(home.path(), Some(&newest), Until::Last);
    assert_eq!(back.to.commit, CommitNo(6));
    let store = open(home.path());
    assert_eq!(state(&store), states[6]);
    run(&store, &Step::Add("later".to_owned()), 0);
    let last = state(&store);
    store.close().unwrap();
    // And it is the present line now.
    fs::remove_dir_all(home.path().join("data").join(STORE)).unwrap();
    restored(home.path(), None, Until::Last);
    assert_eq!(state(&open(home.path())), last);
}

#[test]
fn a_backup_of_another_store_in_the_same_directory_is_never_chosen() {
    let home = tempfile::tempdir().unwrap();
    let options = |name: &str| OpenOptions {
        backups: BackupPolicy { directory: Some(home.path().join("shared")), ..BackupPolicy::default() },
        ..OpenOptions::new(home.path().join(name), home.path().join("config"))
    };
    for (name, steps) in [("mine", 3), ("other", 9)] {
        let store = Store::open(options(name)).unwrap().store;
        (0..steps).for_each(|n| run(&store, &Step::Add(name.to_owned()), n));
        store.backup(&mut go_on).unwrap();
        store.close().unwrap();
    }
    let remove = |names: &[&str]| {
        for name in names {
            let path = home.path().join("mine").join(name);
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
    };
    let restored = || restore(&options("mine"), None, Until::Last, &Actor::console(), &mut go_on);
    let is_mine = || {
        let store = Store::open(options("mine")).unwrap().store;
        assert_eq!(store.all::<Cat>().map(|cat| cat.unwrap().name).collect::<Vec<_>>(), ["mine"; 3]);
        store.close().unwrap();
    };
    // With the journal, and with no more than the key file that remembers the directory.
    for lost in
        [&["keyring.toml", "keyring.copy.toml", STORE][..], &["keyring.toml", "keyring.copy.toml", STORE, "journal"]]
    {
        remove(lost);
        restored().unwrap();
        is_mine();
    }
    remove(&["keyring.toml", "keyring.copy.toml"]);
    let diagnosis = crate::store::doctor::examine(&options("mine"), &mut go_on).unwrap();
    assert_eq!(diagnosis.ways.len(), 1, "{diagnosis:#?}");
    crate::store::doctor::mend(&options("mine"), &diagnosis.ways[0], &Actor::console(), &mut go_on).unwrap();
    is_mine();
    // The other store's is refused by name, too.
    remove(&["keyring.toml", "keyring.copy.toml", STORE]);
    let newest = Shelf::new(home.path(), &options("mine").backups).list().into_iter().flatten();
    let other = newest.max_by_key(|listed| listed.manifest.commit).unwrap();
    let plan = plan(&options("mine"), Some(&other.path), Until::Last);
    assert!(matches!(plan, Err(RestoreError::OtherStore { .. })), "{plan:?}");
    // Where nothing says whose it was, a person has to.
    let words = super::plan(&options("elsewhere"), None, Until::Last).unwrap_err().to_string();
    assert!(
        words.contains("holds backups of several stores") && words.ends_with("name one with --from FILE"),
        "{words}"
    );
    assert!(super::plan(&options("elsewhere"), Some(&other.path), Until::Last).is_ok());
}

#[test]
fn the_journal_of_a_line_that_was_left_goes_when_no_kept_backup_leads_there() {
    let home = tempfile::tempdir().unwrap();
    let options = OpenOptions {
        backups: BackupPolicy { keep: 2, ..BackupPolicy::default() },
        ..OpenOptions::new(home.path().join("data"), home.path().join("config"))
    };
    let open = || Store::open(options.clone()).unwrap().store;
    let lines = || {
        let mut lines: Vec<_> = journal::segments(&options.data).unwrap().into_iter().map(|s| s.line).collect();
        lines.dedup();
        lines
    };
    let add = |store: &Store, name: &str| run(store, &Step::Add(name.to_owned()), 0);
    let back_to = |no| {
        let moment = Until::Commit(CommitNo(no));
        restore(&options, None, moment, &Actor::console(), &mut go_on).unwrap();
    };
    let store = open();
    add(&store, "first");
    run(&store, &Step::Backup, 0);
    (0..3).for_each(|_| add(&store, "left"));
    let left = store.core().line().unwrap();
    store.close().unwrap();
    back_to(2);
    let store = open();
    let present = store.core().line().unwrap();
    assert!(left != present);
    add(&store, "second");
    // There is a backup of before the restore: it leads to both.
    run(&store, &Step::Backup, 0);
    store.close().unwrap();
    assert_eq!(lines().len(), 2);
    let store = open();
    // Where it cannot be read which line left which, nothing goes.
    let path = options.data.join(journal::DIR).join(plan::LINES);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, "damaged").unwrap();
    add(&store, "third");
    run(&store, &Step::Backup, 0);
    assert!(lines().contains(&left) && lines().contains(&present));
    fs::write(&path, whole).unwrap();
    add(&store, "fourth");
    run(&store, &Step::Backup, 0);
    assert_eq!(lines(), [present]);
    let last = commit(&store);
    store.close().unwrap();
    // What the backups that are kept lead to is still there.
    back_to(last - 1);
    is_sound(&open());
}
