//! What opens a store and what does not, and new keys at any moment, whatever ends the program meanwhile.
//!
//! What is killed runs in a process of its own: this program, started again with the one test below that does nothing else.

#[path = "support/store.rs"]
mod support;

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use clowder::{
    model::{Action, Actor, Cat, Kind},
    store::{Ask, OpenError, OpenOptions, SlotKind, Store, StoreError, Tally},
};
use support::{
    Home, add, clean,
    limit::{AllOrNothing, Over, Started, within},
    wait_for,
};
use zeroize::Zeroizing;

const CONSOLE: Actor = Actor::console();
const PASSPHRASE: &str = "five caf\u{e9} cats on a wall";

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

/// Somebody who types these, one after the other, and what they were asked.
fn typing(answers: &[&str]) -> (Option<Ask>, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (answers, heard): (Vec<String>, _) = (answers.iter().map(ToString::to_string).collect(), asked.clone());
    let ask = Ask::new(move |question| {
        let mut heard = heard.lock().unwrap();
        heard.push(question.to_owned());
        Ok(Zeroizing::new(answers.get(heard.len() - 1).cloned().unwrap_or_default()))
    });
    (Some(ask), asked)
}

/// A directory with one credential in it.
fn credentials(home: &Home, name: &str, bytes: &[u8]) -> Option<PathBuf> {
    let dir = home.0.path().join(format!("credentials-{}", fs::read_dir(home.0.path()).unwrap().count()));
    fs::DirBuilder::new().mode(0o700).create(&dir).unwrap();
    fs::write(dir.join(name), bytes).unwrap();
    Some(dir)
}

fn private(path: &Path, text: &[u8]) {
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .unwrap()
        .write_all(text)
        .unwrap();
}

/// The error, and nothing touched.
fn refused(home: &Home, options: OpenOptions) -> OpenError {
    let before = contents(home.0.path());
    let error = Store::open(options).unwrap_err();
    assert!(before == contents(home.0.path()), "files changed although: {error}");
    error
}

/// Opens, and says with which kind of slot.
fn opens(options: OpenOptions) -> (Store, SlotKind) {
    let store = Store::open(options).unwrap().store;
    assert_eq!(store.tally(Tally::Records(Kind::Cat)), 3);
    let status = store.key_status();
    let mut opened = status.slots.iter().filter(|slot| slot.opened);
    let kind = opened.next().unwrap().kind;
    assert!(opened.next().is_none());
    (store, kind)
}

struct Keyed {
    home: Home,
    code: String,
    raw: Vec<u8>,
    /// The key file in its usual place, which is not there any more.
    file: Vec<u8>,
}

/// A closed store with a slot of every kind and three cats, whose key file is away.
fn keyed() -> Keyed {
    let home = Home::new();
    let store = home.open();
    (0..3).for_each(|n| drop(add(&store, Cat::new(format!("cat{n}")))));
    store.set_passphrase(&CONSOLE, PASSPHRASE, "the office").unwrap();
    let code = store.export_recovery(&CONSOLE, "").unwrap().0.text().to_string();
    let raw: Vec<u8> = (0..48).map(|n| n * 5).collect();
    store.use_credential(&CONSOLE, &raw, "").unwrap();
    let kinds: Vec<SlotKind> = store.key_status().slots.iter().map(|slot| slot.kind).collect();
    assert_eq!(kinds, [SlotKind::File, SlotKind::Passphrase, SlotKind::Recovery, SlotKind::Credential]);
    store.close().unwrap();
    let path = home.key_file();
    let file = fs::read(&path).unwrap();
    fs::remove_file(path).unwrap();
    Keyed { home, code, raw, file }
}

#[test]
fn every_slot_opens() {
    let Keyed { home, code, raw, file } = keyed();
    let asked = |answers: &[&str]| OpenOptions { ask: typing(answers).0, ..home.options() };
    assert_eq!(opens(asked(&[PASSPHRASE])).1, SlotKind::Passphrase);
    assert_eq!(opens(asked(&["five cafe\u{301} cats on a wall"])).1, SlotKind::Passphrase);
    assert_eq!(opens(asked(&[&code])).1, SlotKind::Recovery);
    assert_eq!(
        opens(asked(&["nonsense", &code.to_lowercase().replace('-', " ").replace('0', "o")])).1,
        SlotKind::Recovery
    );
    let passed =
        |name: &str, bytes: &[u8]| OpenOptions { credentials: credentials(&home, name, bytes), ..home.options() };
    assert_eq!(opens(passed("clowder.key", &raw)).1, SlotKind::Credential);
    assert_eq!(opens(passed("clowder.key", &file)).1, SlotKind::File);
    assert_eq!(opens(passed("clowder.passphrase", format!("{PASSPHRASE}\n").as_bytes())).1, SlotKind::Passphrase);
    let elsewhere = home.0.path().join("elsewhere.key");
    private(&elsewhere, &file);
    assert_eq!(opens(OpenOptions { key: Some(elsewhere), ..home.options() }).1, SlotKind::File);
    // Nobody is asked, and no wrong credential is in the way, while the key file is there.
    let opened = Store::open(asked(&[&code])).unwrap();
    assert!(opened.notices.iter().any(|notice| notice.contains("clowder key use-file")), "{:?}", opened.notices);
    let (made, _) = opened.store.use_key_file(&CONSOLE, None).unwrap();
    opened.store.close().unwrap();
    assert_eq!(made, home.key_file());
    let (ask, heard) = typing(&[]);
    let opened = Store::open(OpenOptions { ask, ..passed("clowder.key", &[1; 32]) }).unwrap();
    assert!(opened.notices[0].contains("clowder.key does not open this store"), "{:?}", opened.notices);
    assert!(heard.lock().unwrap().is_empty());
}

#[test]
fn nothing_else_opens_and_no_byte_changes() {
    let Keyed { home, code, raw, file } = keyed();
    let other = keyed();
    let path = home.config().join("keys").join(format!("{}.key", id_in(&home)));

    let error = refused(&home, home.options());
    assert!(matches!(error, OpenError::NotAsked { .. }), "{error}");
    let words = error.to_string();
    assert!(words.contains(&format!("the key file {} is missing", path.display())), "{words}");
    assert!(words.contains("passphrase or recovery code"), "{words}");

    let mut slip = code.clone();
    slip.replace_range(12..13, if slip.as_bytes()[12] == b'7' { "8" } else { "7" });
    let (ask, heard) = typing(&["wrong horse battery staple", &slip, &other.code]);
    let error = refused(&home, OpenOptions { ask, ..home.options() });
    assert_eq!(error, OpenError::WrongSecret { what: "passphrase or recovery code" });
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 3);
    assert!(heard[0].contains("is missing.\nThe store's passphrase or recovery code: "), "{}", heard[0]);
    assert!(heard[2].contains("group 3 of the recovery code has a typing mistake"), "{}", heard[2]);
    for said in heard.iter().chain([&error.to_string(), &format!("{error:?}")]) {
        for secret in ["wrong horse", &slip, &other.code, &code] {
            assert!(!said.contains(secret), "{said}");
        }
    }
    let (ask, gives_up) = typing(&[""]);
    assert!(matches!(refused(&home, OpenOptions { ask, ..home.options() }), OpenError::NotAsked { .. }));
    assert_eq!(gives_up.lock().unwrap().len(), 1);

    let mut near = raw.clone();
    near[40] ^= 1;
    let wrong: [(&str, &[u8]); 5] = [
        ("clowder.key", &near),
        ("clowder.key", &raw[..31]),
        ("clowder.key", b""),
        ("clowder.passphrase", b"wrong horse battery staple"),
        ("clowder.passphrase", b"\xff\xfe"),
    ];
    for (name, bytes) in wrong {
        let dir = credentials(&home, name, bytes);
        let options = OpenOptions { credentials: dir.clone(), ..home.options() };
        let words = refused(&home, options).to_string();
        let path = dir.unwrap().join(name);
        assert!(words.contains(&format!("the credential {} does not open this store", path.display())), "{words}");
    }
    let dir = credentials(&home, "clowder.key", &other.file);
    let words = refused(&home, OpenOptions { credentials: dir, ..home.options() }).to_string();
    assert!(words.contains("belongs to another store"), "{words}");

    private(&path, &other.file);
    let words = refused(&home, home.options()).to_string();
    assert!(words.contains("belongs to another store"), "{words}");
    // The file that is named is the only way that is tried.
    let (ask, heard) = typing(&[&code]);
    assert_eq!(
        refused(&home, OpenOptions { key: Some(path.clone()), ask, ..home.options() }),
        OpenError::ForeignKey { path: path.clone() }
    );
    assert!(heard.lock().unwrap().is_empty());
    private(&path, &file);
    opens(home.options());
}

fn keyring(home: &Home) -> PathBuf {
    home.data().join("keyring.toml")
}

fn id_in(home: &Home) -> String {
    let text = fs::read_to_string(keyring(home)).unwrap();
    text.lines().find_map(|line| line.strip_prefix("store = ")).unwrap().trim_matches('"').to_owned()
}

#[test]
fn one_that_was_replaced_or_removed_opens_nothing_any_more() {
    let Keyed { home, code, file, .. } = keyed();
    let path = home.config().join("keys").join(format!("{}.key", id_in(&home)));
    private(&path, &file);
    let (store, _) = opens(home.options());
    let (new_code, slot) = store.export_recovery(&CONSOLE, "").unwrap();
    store.set_passphrase(&CONSOLE, "another five cats on a wall", "").unwrap();
    let slots = store.key_status().slots;
    assert_eq!(slots.len(), 4, "{slots:?}");
    let file_slot = slots.iter().find(|slot| slot.kind == SlotKind::File).unwrap().number;
    assert!(matches!(store.remove_slot(&CONSOLE, file_slot), Err(StoreError::Refused(_))), "it opened the store");
    assert!(matches!(store.remove_slot(&CONSOLE, 99), Err(StoreError::Refused(_))));
    assert!(matches!(store.set_passphrase(&CONSOLE, "too short", ""), Err(StoreError::Refused(_))));
    let inside = home.data().join("inside.key");
    assert!(matches!(store.use_key_file(&CONSOLE, Some(&inside)), Err(StoreError::Refused(_))));
    assert!(matches!(store.use_key_file(&CONSOLE, Some(&path)), Err(StoreError::Refused(_))));
    store.remove_slot(&CONSOLE, slot.number).unwrap();
    let noted: Vec<_> = store.audit(None, 3).unwrap().into_iter().map(|entry| (entry.action, entry.note)).collect();
    assert!(noted.iter().all(|(action, _)| *action == Action::ChangeKeys), "{noted:?}");
    assert!(noted.iter().all(|(_, note)| !note.contains(&*new_code.text())), "{noted:?}");
    store.close().unwrap();
    fs::remove_file(&path).unwrap();
    for gone in [&code, &*new_code.text(), PASSPHRASE] {
        let error = refused(&home, OpenOptions { ask: typing(&[gone, gone, gone]).0, ..home.options() });
        assert_eq!(error, OpenError::WrongSecret { what: "passphrase" });
    }
    opens(OpenOptions { ask: typing(&["another five cats on a wall"]).0, ..home.options() });
}

#[test]
fn a_new_key_in_the_key_file_shuts_the_old_one_out() {
    let home = Home::new();
    let store = home.open();
    (0..3).for_each(|n| drop(add(&store, Cat::new(format!("cat{n}")))));
    let path = home.key_file();
    let old = fs::read(&path).unwrap();
    let two_slots = |store: &Store| {
        let before = fs::read(keyring(&home)).unwrap();
        assert_eq!(store.rotate_key(&CONSOLE).unwrap(), path);
        before
    };
    let before = two_slots(&store);
    assert_eq!(store.key_status().slots.len(), 1);
    store.close().unwrap();
    let new = fs::read(&path).unwrap();
    assert_ne!(new, old);
    opens(home.options()).0.close().unwrap();

    private(&path, &old);
    assert_eq!(refused(&home, home.options()), OpenError::WrongKey { path: path.clone() });
    // As if the program had ended before anything: the old file and the old keyring.
    private(&keyring(&home), &before);
    opens(home.options()).0.close().unwrap();
    // The file that opened the store is not there any more when it is to be replaced.
    let (store, _) = opens(home.options());
    fs::remove_file(&path).unwrap();
    assert!(matches!(store.rotate_key(&CONSOLE), Err(StoreError::Refused(_))));
    assert!(!path.exists());
}

#[test]
fn a_keyring_of_version_1_opens_and_becomes_version_2_when_something_changes() {
    let home = Home::new();
    let store = home.open();
    (0..3).for_each(|n| drop(add(&store, Cat::new(format!("cat{n}")))));
    store.close().unwrap();
    let text = fs::read_to_string(keyring(&home)).unwrap();
    let kept = ["store", "created", "format", "in_use", "[[slot]]", "kind", "wrapped"];
    let mut in_slot = false;
    let mut old = String::from("version = 1\n");
    for line in text.lines() {
        in_slot |= line == "[[slot]]";
        let name = line.split(' ').next().unwrap();
        if kept.contains(&name) && !(in_slot && name == "created") {
            old.push_str(line);
            old.push('\n');
        }
    }
    assert_ne!(old, text);
    private(&keyring(&home), old.as_bytes());
    let (store, kind) = opens(home.options());
    assert_eq!(kind, SlotKind::File);
    assert_eq!(fs::read_to_string(keyring(&home)).unwrap(), old, "opening alone changes nothing");
    let code = store.export_recovery(&CONSOLE, "").unwrap().0.text();
    store.close().unwrap();
    assert!(fs::read_to_string(keyring(&home)).unwrap().starts_with("version = 2\n"));
    opens(home.options()).0.close().unwrap();
    fs::remove_file(home.key_file()).unwrap();
    opens(OpenOptions { ask: typing(&[&code]).0, ..home.options() });
}

/// The keyring and the key file of a store.
struct Before {
    keyring: Vec<u8>,
    file: Vec<u8>,
}

impl Before {
    fn of(home: &Home) -> Self {
        Self { keyring: fs::read(keyring(home)).unwrap(), file: fs::read(home.key_file()).unwrap() }
    }

    fn put(&self, home: &Home) {
        private(&keyring(home), &self.keyring);
        private(&home.key_file(), &self.file);
    }

    /// They give the old data key, and that opens nothing of the store any more.
    fn opens_nothing_in(&self, home: &Home) {
        let now = Self::of(home);
        self.put(home);
        let error = Store::open(home.options()).unwrap_err();
        assert!(matches!(&error, OpenError::Failed(why) if why.contains("is damaged")), "{error}");
        now.put(home);
    }
}

#[test]
fn everything_is_sealed_anew_while_people_write() {
    let Keyed { home, code, raw, file } = keyed();
    private(&home.config().join("keys").join(format!("{}.key", id_in(&home))), &file);
    let old = Before::of(&home);
    let (store, _) = opens(home.options());
    for n in 0..300 {
        add(&store, Cat { tag: Some(format!("A-{n}")), ..Cat::new(format!("more{n}")) });
    }
    let lost = store.slots_without_secret(&[Zeroizing::new(PASSPHRASE.to_owned())]).unwrap();
    assert_eq!(lost.iter().map(|s| s.kind).collect::<Vec<_>>(), [SlotKind::Recovery, SlotKind::Credential]);
    assert!(matches!(
        store.slots_without_secret(&[Zeroizing::new("nonsense".to_owned())]),
        Err(StoreError::Refused(_))
    ));

    // Broken off at once: it goes on at the next start.
    let typed = [Zeroizing::new(PASSPHRASE.to_owned())];
    let report = store.rotate_data(&CONSOLE, &typed, &mut |_| false).unwrap();
    assert!(report.cancelled && report.number == 2 && report.dropped.len() == 2, "{report:?}");
    assert!(store.key_status().resealing.is_some());
    clean(&store);
    // And taken up again here, with writes all the while.
    let over = AtomicBool::new(false);
    let report = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !over.load(Ordering::Relaxed) {
                add(&store, Cat::new("meanwhile"));
                written += 1;
            }
            written
        });
        let told = Over(&over);
        let mut steps = 0;
        let report = store.rotate_data(&CONSOLE, &[], &mut |_| {
            steps += 1;
            true
        });
        drop(told);
        assert!(writer.join().unwrap() > 0 && steps > 5);
        report.unwrap()
    });
    assert!(!report.cancelled && report.damaged == 0 && report.number == 2 && report.values > 300, "{report:?}");
    let status = store.key_status();
    assert_eq!((status.number, status.resealing.clone()), (2, None));
    assert_eq!(status.slots.iter().map(|s| s.kind).collect::<Vec<_>>(), [SlotKind::File, SlotKind::Passphrase]);
    assert_eq!(status.retired.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [1]);
    clean(&store);
    assert!(store.find(clowder::store::Unique::Tag("A-7")).unwrap().is_some(), "the index still knows its hashes");
    store.close().unwrap();

    clean(&home.open());
    old.opens_nothing_in(&home);
    // Nor does the mark that values are being re-sealed, set by somebody who has only the old data key.
    let text = fs::read_to_string(keyring(&home)).unwrap();
    for version in [3, 2] {
        let marked = text.replacen("version = 3\n", &format!("version = {version}\nresealing = \"2026\"\n"), 1);
        fs::write(keyring(&home), marked).unwrap();
        let error = Store::open(home.options()).unwrap_err();
        assert!(error.to_string().contains("keyring.toml is damaged"), "{error}");
    }
    fs::write(keyring(&home), text).unwrap();
    fs::remove_file(home.key_file()).unwrap();
    drop(Store::open(OpenOptions { ask: typing(&[PASSPHRASE]).0, ..home.options() }).unwrap());
    for options in [
        OpenOptions { ask: typing(&[&code, &code, &code]).0, ..home.options() },
        OpenOptions { credentials: credentials(&home, "clowder.key", &raw), ..home.options() },
    ] {
        refused(&home, options);
    }
}

const HOME: &str = "CLOWDER_TEST_KEYS";

/// New keys of both kinds, again and again, and writes meanwhile; does nothing unless it is started by the one below.
#[test]
fn load() {
    let Some(home) = std::env::var_os(HOME).map(PathBuf::from) else { return };
    let store = Store::open(OpenOptions::new(home.join("data"), home.join("config"))).unwrap().store;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _all = AllOrNothing;
            loop {
                let cat = add(&store, Cat::new("meanwhile"));
                let said = format!("cat {}\n", cat.id.0);
                std::io::stderr().write_all(said.as_bytes()).unwrap();
            }
        });
        let _all = AllOrNothing;
        loop {
            store.rotate_key(&CONSOLE).unwrap();
            store.rotate_data(&CONSOLE, &[], &mut |_| true).unwrap();
            std::io::stderr().write_all(b"new keys\n").unwrap();
        }
    });
}

#[test]
fn a_kill_at_any_moment_leaves_a_store_that_opens_with_everything_in_it() {
    let home = Home::new();
    let store = home.open();
    for n in 0..400 {
        add(&store, Cat { description: "d".repeat(300), ..Cat::new(format!("cat{n}")) });
    }
    store.close().unwrap();
    let first = Before::of(&home);
    let mut last = 0;
    let rounds = std::env::var("CLOWDER_SOAK").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(6);
    for round in 0_usize..rounds {
        let mut child = Started::new(
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "load", "--nocapture"])
                .env(HOME, home.0.path())
                .stdout(Stdio::null())
                .stderr(Stdio::piped()),
        );
        let mut lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
        // Between so many cats and the next one anything may be under way.
        let most = 3 + round * 37 % 101;
        let mut said = Vec::new();
        within(child.pid(), "the load", || {
            while said.len() < most {
                said.push(lines.next().expect("it goes on until it is killed").unwrap());
            }
        });
        child.kill();
        child.end();
        said.extend(lines.map_while(Result::ok));
        // The last line may be cut.
        let cats = said.iter().filter_map(|line| line.strip_prefix("cat ")?.parse::<u32>().ok());
        last = cats.max().unwrap_or_default().max(last);

        let store = home.open();
        wait_for(|| store.key_status().resealing.is_none());
        let there = store.tally(Tally::Records(Kind::Cat));
        assert!(there >= u64::from(last), "{there} of {last} cats");
        clean(&store);
        store.close().unwrap();
    }
    let status = home.open().key_status();
    assert!(status.number > 1, "{status:?}");
    assert_eq!(fs::read_dir(home.config().join("keys")).unwrap().count(), 1, "no half-written key is left");
    first.opens_nothing_in(&home);
}

#[test]
fn nothing_secret_shows_in_what_is_printed_for_developers() {
    let Keyed { home, code, file, .. } = keyed();
    let options = OpenOptions { ask: typing(&[&code]).0, ..home.options() };
    let words = format!("{options:?}");
    assert!(words.contains("ask: Some(Ask)"), "{words}");
    let (store, _) = opens(options);
    let (printed, _) = store.export_recovery(&CONSOLE, "").unwrap();
    let key = String::from_utf8(file).unwrap();
    let key = key.lines().find_map(|line| line.strip_prefix("key = ")).unwrap().trim_matches('"').to_owned();
    let kept = fs::read_to_string(keyring(&home)).unwrap();
    for said in [&words, &format!("{store:?} {:?} {printed:?}", store.key_status()), &kept] {
        for secret in [&code, &*printed.text(), &key, PASSPHRASE] {
            assert!(!said.contains(secret), "{said}");
        }
    }
}
