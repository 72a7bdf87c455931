//! What opening does: plain words and a way out for whatever stands in the way, and nothing touched.

#[path = "support/store.rs"]
mod support;

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use clowder::{
    model::{Cat, CatId, Door, Kind, Role, User},
    store::{OpenError, OpenOptions, Store, Tally},
};
use support::{Home, add, clean};

/// Every file below a directory, with its bytes, but for the lock.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else if path.file_name().is_some_and(|name| name != "lock") {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    all
}

/// A closed store with a few cats, opened twice so that it has a snapshot.
fn stocked() -> Home {
    let home = Home::new();
    let store = home.open();
    for n in 0..50 {
        add(&store, Cat { tag: Some(format!("A-{n}")), description: "d".repeat(400), ..Cat::new(format!("cat{n}")) });
    }
    store.close().unwrap();
    home.open().close().unwrap();
    assert!(!snapshots(&home).is_empty());
    home
}

fn snapshots(home: &Home) -> Vec<PathBuf> {
    contents(&home.store_dir())
        .into_keys()
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap.")))
        .collect()
}

fn intact(store: &Store) {
    assert_eq!(store.tally(Tally::Records(Kind::Cat)), 50);
    assert_eq!(store.get::<Cat>(CatId(50)).unwrap().unwrap().name, "cat49");
    clean(store);
}

/// The error, and nothing touched.
fn refused(home: &Home, options: OpenOptions) -> OpenError {
    let before = contents(home.0.path());
    let error = Store::open(options).unwrap_err();
    assert!(before == contents(home.0.path()), "files changed although: {error}");
    error
}

#[test]
fn a_new_store_has_its_key_outside_the_data_and_private() {
    let home = Home::new();
    let opened = home.try_open().unwrap();
    assert!(opened.fresh && opened.notices.is_empty());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.key_file()), 0o600);
    assert_eq!(mode(&home.config().join("keys")), 0o700);
    assert_eq!(mode(&home.data()), 0o700);
    assert_eq!(home.key_file().file_stem().unwrap().to_str(), Some(opened.store.id()));
    drop(opened);
    let again = home.try_open().unwrap();
    assert!(!again.fresh && again.notices.is_empty());
}

#[test]
fn a_store_in_use_says_by_whom() {
    let home = Home::new();
    let mut options = home.options();
    options.door = Door::Command;
    let store = Store::open(options).unwrap().store;
    let error = home.try_open().unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }));
    let words = error.to_string();
    assert!(words.contains(&format!("process {} (command line, since ", std::process::id())), "{words}");
    drop(store);
    home.open();
}

#[test]
fn nothing_is_made_unless_asked() {
    let home = Home::new();
    let options = OpenOptions { create: false, ..home.options() };
    assert!(matches!(Store::open(options.clone()).unwrap_err(), OpenError::NotThere { .. }));
    assert!(!home.data().exists());
    make_private(&home.data());
    assert!(matches!(Store::open(options).unwrap_err(), OpenError::NotThere { .. }));
}

#[test]
fn a_missing_key_is_named_and_opens_when_it_is_back() {
    let home = stocked();
    let (key, away) = (home.key_file(), home.0.path().join("away"));
    fs::rename(&key, &away).unwrap();
    let error = refused(&home, home.options());
    assert_eq!(error, OpenError::MissingKey { path: key.clone() });
    assert!(error.to_string().contains(key.to_str().unwrap()));
    intact(&Store::open(OpenOptions { key: Some(away.clone()), ..home.options() }).unwrap().store);
    fs::rename(&away, &key).unwrap();
    intact(&home.open());
}

#[test]
fn a_wrong_key_another_stores_key_and_an_open_key_are_told_apart() {
    let home = stocked();
    let other = Home::new();
    drop(other.open());
    let options = OpenOptions { key: Some(other.key_file()), ..home.options() };
    assert_eq!(refused(&home, options), OpenError::ForeignKey { path: other.key_file() });

    let key = home.key_file();
    let right = fs::read_to_string(&key).unwrap();
    let at = right.find("key = \"").unwrap() + 7;
    let digit = if &right[at..=at] == "0" { "1" } else { "0" };
    fs::write(&key, format!("{}{digit}{}", &right[..at], &right[at + 1..])).unwrap();
    assert_eq!(refused(&home, home.options()), OpenError::WrongKey { path: key.clone() });
    fs::write(&key, b"\xff\x00 no key").unwrap();
    assert_eq!(refused(&home, home.options()), OpenError::WrongKey { path: key.clone() });

    fs::write(&key, &right).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let error = refused(&home, home.options());
    assert_eq!(error, OpenError::OpenKey { path: key.clone() });
    assert!(error.to_string().contains(&format!("chmod 600 {}", key.display())));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    intact(&home.open());
}

#[test]
fn a_newer_format_a_damaged_keyring_and_a_missing_one_are_told_apart() {
    let home = stocked();
    let keyring = home.data().join("keyring.toml");
    let right = fs::read_to_string(&keyring).unwrap();
    for newer in [right.replace("version = 2", "version = 4"), right.replace("format = 2", "format = 3")] {
        assert_ne!(newer, right);
        fs::write(&keyring, &newer).unwrap();
        // Only damage makes it differ from its copy.
        assert_eq!(refused(&home, home.options()), OpenError::DamagedKeyring { path: keyring.clone() });
        fs::write(home.data().join("keyring.copy.toml"), &newer).unwrap();
        assert_eq!(refused(&home, home.options()), OpenError::NewerFormat { path: home.data() });
        fs::write(home.data().join("keyring.copy.toml"), &right).unwrap();
    }
    fs::write(&keyring, "version = ").unwrap();
    assert_eq!(refused(&home, home.options()), OpenError::DamagedKeyring { path: keyring.clone() });
    fs::remove_file(&keyring).unwrap();
    assert_eq!(refused(&home, home.options()), OpenError::MissingKeyring { path: keyring.clone() });
    fs::write(&keyring, right).unwrap();
    intact(&home.open());
}

#[test]
fn an_older_format_is_brought_up_after_a_backup_was_made() {
    let home = stocked();
    let keyring = home.data().join("keyring.toml");
    let older = fs::read_to_string(&keyring).unwrap().replace("format = 2", "format = 1");
    fs::write(&keyring, older).unwrap();
    // Where no backup can be made, nothing is changed.
    let backups = home.data().join("backups");
    fs::write(&backups, "in the way").unwrap();
    let error = home.try_open().unwrap_err().to_string();
    assert!(error.contains("Nothing was changed") && error.contains("backups"), "{error}");
    assert!(fs::read_to_string(&keyring).unwrap().contains("format = 1"));
    fs::remove_file(&backups).unwrap();

    let opened = home.try_open().unwrap();
    intact(&opened.store);
    let made = opened.store.shelf().newest(opened.store.id()).unwrap().path;
    assert!(opened.notices[0].contains(made.to_str().unwrap()), "{:?}", opened.notices);
    drop(opened);
    assert!(home.try_open().unwrap().notices.is_empty());
    // An attempt that was cut short after the backup does not make another one.
    let older = fs::read_to_string(&keyring).unwrap().replace("format = 2", "format = 1");
    fs::write(&keyring, older).unwrap();
    drop(home.try_open().unwrap());
    assert_eq!(fs::read_dir(&backups).unwrap().count(), 1);
}

#[test]
fn vanished_files_are_never_an_empty_store() {
    type Vanish = fn(&Home);
    let ways: [(&str, Vanish); 4] = [
        ("the main file", |home| fs::remove_file(home.store_dir().join("db")).unwrap()),
        ("the directory", |home| fs::remove_dir_all(home.store_dir()).unwrap()),
        ("all but conf", |home| {
            fs::remove_file(home.store_dir().join("db")).unwrap();
            snapshots(home).iter().for_each(|path| fs::remove_file(path).unwrap());
        }),
        ("the content", |home| {
            fs::write(home.store_dir().join("db"), "").unwrap();
            snapshots(home).iter().for_each(|path| fs::remove_file(path).unwrap());
        }),
    ];
    for (what, vanish) in ways {
        let home = stocked();
        vanish(&home);
        let left = contents(&home.store_dir());
        assert_eq!(home.try_open().unwrap_err(), OpenError::Vanished { path: home.data() }, "{what}");
        assert!(left == contents(&home.store_dir()), "{what}");
        assert_eq!(home.try_open().unwrap_err(), OpenError::Vanished { path: home.data() }, "{what}, again");
    }
    // The keyring gone as well: the mark of the end that is left says that there was a store.
    let home = stocked();
    fs::remove_dir_all(home.store_dir()).unwrap();
    fs::remove_file(home.data().join("keyring.toml")).unwrap();
    assert_eq!(home.try_open().unwrap_err(), OpenError::Vanished { path: home.data() });
}

#[test]
fn an_emptied_directory_is_refused_while_a_key_remembers_its_store() {
    let home = stocked();
    let old = home.key_file();
    fs::remove_dir_all(home.data()).unwrap();
    make_private(&home.data());
    let emptied = OpenError::Emptied { path: home.data(), key: old.clone() };
    assert_eq!(home.try_open().unwrap_err(), emptied);
    assert_eq!(home.try_open().unwrap_err(), emptied, "again");
    fs::rename(&old, old.with_extension("away")).unwrap();
    assert!(home.try_open().unwrap().fresh);
}

#[test]
fn a_removed_directory_gets_a_new_store_and_a_notice() {
    let home = stocked();
    let old = home.key_file();
    fs::remove_dir_all(home.data()).unwrap();
    let opened = home.try_open().unwrap();
    assert!(opened.fresh);
    assert!(opened.notices[0].contains(old.to_str().unwrap()), "{:?}", opened.notices);
    assert!(old.exists());
}

#[test]
fn a_store_whose_making_was_cut_short_is_made_to_the_end() {
    let home = Home::new();
    let id = home.open().id().to_owned();
    let keyring = home.data().join("keyring.toml");
    let cut = fs::read_to_string(&keyring).unwrap().replace("in_use = true", "in_use = false");
    fs::write(&keyring, cut).unwrap();
    fs::remove_dir_all(home.store_dir()).unwrap();
    fs::remove_file(home.data().join("clean")).unwrap();
    let opened = home.try_open().unwrap();
    assert!(opened.fresh);
    assert_eq!(opened.store.id(), id);
    add(&opened.store, Cat::new("Miso"));
    clean(&opened.store);
    drop(opened);
    assert!(!home.try_open().unwrap().fresh);
}

#[test]
fn a_store_whose_making_was_cut_short_after_its_key_file_is_made_with_that() {
    for named in [true, false] {
        let home = Home::new();
        let mut options = home.options();
        options.key = named.then(|| home.0.path().join("of-my-own.key"));
        let opened = Store::open(options.clone()).unwrap();
        let id = opened.store.id().to_owned();
        opened.store.close().unwrap();
        let key = options.key.clone().unwrap_or_else(|| home.key_file());
        let before = fs::read_to_string(&key).unwrap();
        // As it is between the key file and the keyring.
        fs::remove_dir_all(home.data()).unwrap();
        make_private(&home.data());
        fs::write(home.data().join("making"), &id).unwrap();

        let again = Store::open(options).unwrap();
        assert!(again.fresh && again.store.id() == id);
        again.store.close().unwrap();
        assert_eq!(fs::read_to_string(&key).unwrap(), before);
        assert!(!home.data().join("making").exists());
    }
    // Another store's key file stays what it is.
    let (home, other) = (Home::new(), Home::new());
    drop(other.open());
    make_private(&home.data());
    fs::write(home.data().join("making"), "0123456789abcdef").unwrap();
    let options = OpenOptions { key: Some(other.key_file()), ..home.options() };
    assert_eq!(Store::open(options).unwrap_err(), OpenError::ForeignKey { path: other.key_file() });
    drop(home.open());
}

#[test]
fn leftover_and_deleted_snapshots_do_no_harm() {
    let home = stocked();
    fs::write(home.store_dir().join("snap.00000000000000AB.generating"), "").unwrap();
    let store = home.open();
    assert!(!home.store_dir().join("snap.00000000000000AB.generating").exists());
    intact(&store);
    drop(store);

    snapshots(&home).iter().for_each(|path| fs::remove_file(path).unwrap());
    let opened = home.try_open().unwrap();
    assert!(!opened.fresh && opened.notices.is_empty());
    intact(&opened.store);
}

#[test]
fn a_damaged_snapshot_is_set_aside() {
    for damage in [cut_short as fn(&Path), flipped] {
        let home = stocked();
        let snapshot = snapshots(&home).pop().unwrap();
        damage(&snapshot);
        let bytes = fs::read(&snapshot).unwrap();
        let opened = home.try_open().unwrap();
        intact(&opened.store);
        assert_eq!(opened.notices.len(), 1, "{:?}", opened.notices);
        let aside = contents(&home.data())
            .into_iter()
            .find(|(path, _)| path.to_string_lossy().contains("/damaged-"))
            .expect("the damaged file is kept");
        assert_eq!(aside.1, bytes);
        assert!(!home.data().join("copy-to-try").exists());
    }
}

#[test]
fn damaged_settings_of_the_engine_are_set_aside() {
    for damage in [cut_short as fn(&Path), flipped] {
        let home = stocked();
        damage(&home.store_dir().join("conf"));
        let opened = home.try_open().unwrap();
        intact(&opened.store);
        assert!(opened.notices[0].contains("settings"), "{:?}", opened.notices);
        drop(opened);
        assert!(home.try_open().unwrap().notices.is_empty());
    }
}

fn cut_short(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

fn flipped(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_was_not_closed_properly_is_tried_by_the_program_first() {
    let home = stocked();
    let probe = |name: &str, script: &str| {
        let path = home.0.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        OpenOptions { probe: Some(path), probe_limit: Duration::from_millis(300), ..home.options() }
    };
    let called = home.0.path().join("called");
    let note = format!("echo \"$@\" >> {}", called.display());
    // Closed properly: not tried.
    drop(Store::open(probe("unused", &note)).unwrap());
    assert!(!called.exists());

    fs::remove_file(home.data().join("clean")).unwrap();
    let original = contents(&home.store_dir());
    for (script, words) in [
        ("echo it is broken; exit 1", "it is broken"),
        ("kill -9 $$", "the engine gave up on its files"),
        ("exec sleep 1000", "did not come to an end"),
    ] {
        let error = Store::open(probe("fails", script)).unwrap_err();
        assert!(matches!(&error, OpenError::Damaged { why, .. } if why.contains(words)), "{error}");
        assert!(original == contents(&home.store_dir()), "{script}");
    }
    let limit = OpenOptions { probe_limit: Duration::from_secs(60), ..probe("works", &note) };
    intact(&Store::open(limit).unwrap().store);
    let copy = home.data().join("copy-to-try");
    assert_eq!(fs::read_to_string(&called).unwrap(), format!("open-probe {}\n", copy.display()));
    assert!(!copy.exists());
}

#[test]
fn noise_in_the_main_file_is_never_read_as_a_record() {
    let home = stocked();
    let whole = fs::read(home.store_dir().join("db")).unwrap();
    let step = whole.len() / 24;
    for at in (0..24).map(|n| n * step + step / 3) {
        let trial = Home::new();
        copy(home.0.path(), trial.0.path());
        let db = trial.store_dir().join("db");
        let mut file = fs::File::options().write(true).read(true).open(&db).unwrap();
        let mut bytes = vec![0; 64.min(whole.len() - at)];
        file.seek(std::io::SeekFrom::Start(at as u64)).unwrap();
        file.read_exact(&mut bytes).unwrap();
        bytes.iter_mut().for_each(|b| *b ^= 0x5a);
        file.seek(std::io::SeekFrom::Start(at as u64)).unwrap();
        file.write_all(&bytes).unwrap();
        drop(file);
        let options = OpenOptions { key: Some(home.key_file()), ..trial.options() };
        match Store::open(options) {
            Ok(opened) => {
                for cat in opened.store.all::<Cat>().flatten() {
                    assert_eq!(cat.name, format!("cat{}", cat.id.0 - 1), "damage at {at}");
                }
            }
            Err(e) => assert!(
                matches!(e, OpenError::Damaged { .. } | OpenError::Vanished { .. } | OpenError::Failed(_)),
                "{e}"
            ),
        }
    }
}

fn make_private(path: &Path) {
    fs::DirBuilder::new().mode(0o700).create(path).unwrap();
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            make_private(&target);
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_directory_that_cannot_be_written_to_is_named() {
    // Nobody makes files there, whatever the account.
    let options = OpenOptions::new("/sys/kernel", "/sys/kernel");
    let error = Store::open(options).unwrap_err();
    assert_eq!(error, OpenError::ReadOnlyDirectory { path: "/sys/kernel".into() });
}

#[test]
fn a_link_to_nowhere_is_named_and_nothing_is_made() {
    let home = Home::new();
    let nowhere = home.0.path().join("disk");
    std::os::unix::fs::symlink(&nowhere, home.data()).unwrap();
    assert_eq!(home.try_open().unwrap_err(), OpenError::DeadLink { path: home.data() });
    assert!(!nowhere.exists() && !home.config().exists());
    fs::create_dir(nowhere).unwrap();
    home.open();
}

#[test]
fn nothing_readable_is_on_the_disk() {
    let home = Home::new();
    let store = home.open();
    let secrets = ["Zanzibarina", "zanzi@example.org", "TAG-ZZ-99", "quite shy of thunder", "zanziuser"];
    add(&store, Cat { tag: Some(secrets[2].to_owned()), description: secrets[3].to_owned(), ..Cat::new(secrets[0]) });
    add(&store, User { email: Some(secrets[1].to_owned()), ..User::new(secrets[4], Role::User) });
    store.close().unwrap();
    drop(home.open());
    let files = contents(home.0.path());
    assert!(files.values().map(Vec::len).sum::<usize>() > 1_000);
    for (path, bytes) in files {
        let text = bytes.to_ascii_lowercase();
        for secret in secrets {
            let secret = secret.to_ascii_lowercase();
            assert!(
                !text.windows(secret.len()).any(|w| w == secret.as_bytes()),
                "{secret} can be read in {}",
                path.display()
            );
        }
    }
}

#[test]
fn an_empty_directory_is_closed_to_others_and_a_used_one_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let mode = |mode| fs::set_permissions(home.data(), fs::Permissions::from_mode(mode)).unwrap();
    fs::create_dir(home.data()).unwrap();
    mode(0o755);
    home.open().close().unwrap();
    assert_eq!(fs::metadata(home.data()).unwrap().permissions().mode() & 0o777, 0o700);
    mode(0o755);
    assert_eq!(home.try_open().unwrap_err(), OpenError::OpenDirectory { path: home.data() });
}
