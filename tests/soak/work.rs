//! The work that is cut short: a process of its own, which is this program with the one test [`crate::worker`].

use std::{
    collections::HashMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use clowder::{
    model::{Action, Actor, Cat, CatId, CommitNo, Kind, Role, User},
    store::{BackupPolicy, OpenOptions, Store, StoreError, Tally, backup, restore},
};

use crate::support::{Home, clean, wait_for};

const HOME: &str = "CLOWDER_SOAK_HOME";
const JOB: &str = "CLOWDER_SOAK_JOB";

/// Past this a worker hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Writes in so many threads until it is ended or the disk is full.
    Load(u32),
    /// Cats in chunks of a hundred.
    Import,
    /// Opens and closes the store a few times, with a write in between.
    Opens,
    /// Opens the store once: one of an older format is brought up.
    Open,
    /// A few commits; the counting of the shim begins after the first ones.
    Brief,
    /// Backups while somebody writes; of those only two are kept.
    Backup,
    /// Restores the store to its fourth change.
    Restore,
    /// Reads everything and tells what is there.
    Look,
}

impl Job {
    fn word(self) -> String {
        match self {
            Self::Load(threads) => format!("load {threads}"),
            Self::Import => "import".to_owned(),
            Self::Opens => "opens".to_owned(),
            Self::Open => "open".to_owned(),
            Self::Brief => "brief".to_owned(),
            Self::Backup => "backup".to_owned(),
            Self::Restore => "restore".to_owned(),
            Self::Look => "look".to_owned(),
        }
    }
}

/// Works, if this process was started to.
pub fn run_if_asked() {
    let (Some(home), Ok(job)) = (std::env::var_os(HOME).map(PathBuf::from), std::env::var(JOB)) else { return };
    // The name of the test is on the line so far.
    say("\n");
    let options = OpenOptions::new(home.join("data"), home.join("config"));
    let open = || Store::open(options.clone()).unwrap().store;
    match job.split_once(' ').unwrap_or((&job, "")) {
        ("load", threads) => load(&open(), threads.parse().unwrap()),
        ("import", _) => import(&open()),
        ("opens", _) => {
            for _ in 0..4 {
                let store = open();
                add_and_change(&store, 1);
                store.close().unwrap();
            }
        }
        ("open", _) => open().close().unwrap(),
        ("brief", _) => brief(&open()),
        ("backup", _) => back_up(&open()),
        ("restore", _) => {
            let until = restore::Until::Commit(CommitNo(4));
            let restored = restore::restore(&options, None, until, &Actor::console(), &mut |_| true).unwrap();
            say(&format!("restored {}\n", restored.to.commit));
        }
        ("look", _) => look(&options),
        other => panic!("{other:?} is no work"),
    }
    say("done\n");
}

fn load(store: &Store, threads: u32) {
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| while add_and_change(store, 4) {});
        }
    });
    // Only a disk that is full gets here.
    tell_the_end(store);
}

fn back_up(store: &Store) {
    store.set_backup_policy(BackupPolicy { keep: 2, ..store.backup_policy() });
    let enough = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| while !enough.load(Ordering::Relaxed) && add_and_change(store, 4) {});
        for _ in 0..4 {
            let made = store.backup(&mut |_| true).unwrap();
            say(&format!("ack backup {}\n", made.manifest.commit));
        }
        enough.store(true, Ordering::Relaxed);
    });
}

fn brief(store: &Store) {
    for _ in 0..3 {
        add_and_change(store, 2);
    }
    say("arm\n");
    if add_and_change(store, 1) {
        say("whole\n");
    } else {
        tell_the_end(store);
    }
}

fn tell_the_end(store: &Store) {
    assert!(store.read_only().is_some());
    let readable = store.all::<Cat>().filter(Result::is_ok).count();
    say(&format!("end {readable} {}\n", store.read_only().unwrap_or_default()));
}

fn description(id: CatId) -> String {
    format!("{id} ").repeat(80)
}

fn write(store: &Store, mut cat: Cat) -> Option<Cat> {
    let written = store.write(&Actor::console(), move |tx| {
        tx.describe(Action::EditCat, "");
        if cat.version.rev == 0 {
            tx.insert(&mut cat)?;
        } else {
            cat.description = description(cat.id);
            tx.update(&mut cat)?;
        }
        Ok::<_, StoreError>(cat)
    });
    match written {
        Ok(written) => Some(written.value),
        Err(StoreError::ReadOnly(_)) => None,
        Err(e) => panic!("{e}"),
    }
}

/// Adds a cat and brings it to that revision, and acknowledges each; false when no more can be written.
fn add_and_change(store: &Store, revs: u32) -> bool {
    let mut cat = Cat::new("Miso");
    for rev in 1..=revs {
        cat.colour = format!("colour {rev}");
        match write(store, cat) {
            Some(written) => cat = written,
            None => return false,
        }
        say(&format!("ack {} {}\n", cat.id, cat.version.rev));
    }
    // Accounts have other indexes; one in eight will do.
    if cat.id.0.is_multiple_of(8) {
        let mut user = User::new(format!("user-{}", cat.id), Role::User);
        let written = store.write(&Actor::console(), move |tx| {
            tx.describe(Action::AddUser, "");
            tx.insert(&mut user)
        });
        return written.is_ok();
    }
    true
}

fn import(store: &Store) {
    for _ in 0..6 {
        let written = store.write(&Actor::console(), |tx| {
            tx.describe(Action::Import, "100 cats");
            let mut ids = Vec::new();
            for _ in 0..100 {
                let mut cat = Cat { colour: "colour 1".to_owned(), ..Cat::new("Imported") };
                ids.push(tx.insert(&mut cat)?);
            }
            Ok::<_, StoreError>(ids)
        });
        match written {
            Ok(written) => say(&written.value.iter().map(|id| format!("ack {id} 1\n")).collect::<String>()),
            Err(StoreError::ReadOnly(_)) => return tell_the_end(store),
            Err(e) => panic!("{e}"),
        }
    }
}

/// One write call for one line.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// The cats of a store that is to be damaged: cat n has revision 1 + n % 4.
pub const CATS: u32 = 40;

/// Makes a store with a snapshot and with cats whose content follows from their number and revision.
pub fn stocked() -> Home {
    let home = Home::new();
    let store = home.open();
    for n in 1..=CATS {
        let mut cat = Cat::new("Miso");
        for rev in 1..=1 + n % 4 {
            cat.colour = format!("colour {rev}");
            cat = write(&store, cat).unwrap();
        }
        assert_eq!(cat.id.0, n);
    }
    store.backup(&mut |_| true).unwrap();
    store.close().unwrap();
    home.open().close().unwrap();
    home
}

/// A home in which the program was killed at work, and what it had acknowledged.
pub fn after_a_kill() -> (Home, Vec<String>) {
    let home = Home::new();
    let mut worker = Worker::start(&home, Job::Load(4), |_| {});
    let mut lines: Vec<String> = std::iter::from_fn(|| worker.line()).take(60).collect();
    lines.extend(worker.kill());
    (home, lines)
}

/// Whether a cat is as it was at some revision.
fn is_right(cat: &Cat) -> bool {
    let rev = cat.version.rev;
    let description = if rev == 1 { String::new() } else { description(cat.id) };
    cat.name == "Miso" && cat.colour == format!("colour {rev}") && cat.description == description
}

/// Opens a store that may be damaged and says `refused WHY`, or what there is and how much of it is wrong.
fn look(options: &OpenOptions) {
    let opened =
        match Store::open(OpenOptions { create: false, probe_limit: Duration::from_secs(30), ..options.clone() }) {
            Ok(opened) => opened,
            Err(e) => return say(&format!("refused {}\n", e.to_string().replace('\n', " "))),
        };
    let store = opened.store;
    let (mut missing, mut older, mut wrong, mut unreadable) = (0, 0, 0, 0);
    for n in 1..=CATS {
        match store.get::<Cat>(CatId(n)) {
            Ok(None) => missing += 1,
            Err(_) => unreadable += 1,
            Ok(Some(cat)) if cat.id.0 != n || !is_right(&cat) || cat.version.rev > 1 + n % 4 => wrong += 1,
            Ok(Some(cat)) if cat.version.rev < 1 + n % 4 => older += 1,
            Ok(Some(_)) => {}
        }
    }
    let counted = store.tally(Tally::Records(Kind::Cat));
    let found = store.check(&mut |_| true).map_or(1, |report| report.wrong);
    let told = opened.notices.len() as u64 + found;
    say(&format!("open {} {counted} {missing} {older} {wrong} {unreadable} {told}\n", opened.fresh));
}

/// A worker at work.
pub struct Worker {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Worker {
    pub fn start(home: &Home, job: Job, with: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "worker", "--nocapture", "--test-threads=1"])
            .env(HOME, home.0.path())
            .env(JOB, job.word())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        with(&mut command);
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).all(|line| send.send(line).is_ok()));
        Self { child, lines }
    }

    /// The next line; `None` when it has ended.
    pub fn line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(LIMIT) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                panic!("a worker hangs");
            }
        }
    }

    /// Waits for its end, and answers whether it was orderly, and all lines that were left.
    pub fn end(mut self) -> (bool, Vec<String>) {
        let mut rest = Vec::new();
        while let Some(line) = self.line() {
            rest.push(line);
        }
        (self.child.wait().unwrap().success(), rest)
    }

    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.end().1
    }
}

/// The last acknowledged revision of each cat.
#[derive(Debug, Default, Clone)]
pub struct Acks(pub HashMap<u32, u32>);

impl Acks {
    /// Notes a line if it is an acknowledgement; its last one may have been cut short by a kill.
    pub fn note(&mut self, line: &str) -> bool {
        let Some((id, rev)) = line.strip_prefix("ack ").and_then(|rest| rest.split_once(' ')) else { return false };
        let (Ok(id), Ok(rev)) = (id.parse(), rev.parse::<u32>()) else { return false };
        let kept = self.0.entry(id).or_default();
        *kept = rev.max(*kept);
        true
    }

    /// Notes those lines that are acknowledgements.
    pub fn note_all(&mut self, lines: &[String]) {
        for line in lines {
            self.note(line);
        }
    }

    /// How many of them a store has lost.
    pub fn lost(&self, store: &Store) -> usize {
        let there = |id: u32| store.get::<Cat>(CatId(id)).ok().flatten();
        self.0.iter().filter(|&(&id, &rev)| there(id).is_none_or(|cat| cat.version.rev < rev)).count()
    }

    /// Opens the store: everything acknowledged is there, and whatever is derived from it agrees.
    pub fn all_there(&self, home: &Home, when: &dyn std::fmt::Display) {
        let store = match home.try_open() {
            Ok(opened) => opened.store,
            Err(e) => panic!("{when}: {e}"),
        };
        assert_eq!(self.lost(&store), 0, "{when}: acknowledged and lost");
        for &id in self.0.keys() {
            let cat: Cat = store.get(CatId(id)).unwrap().unwrap();
            assert!(cat.name != "Miso" || is_right(&cat), "{when}: {cat:?}");
        }
        wait_for(|| store.catalog().ready());
        clean(&store);
        store.close().unwrap();
    }
}

/// What a job has acknowledged is there after it was cut short, and what it leaves is whole.
pub fn all_there(job: Job, home: &Home, lines: &[String], when: &dyn std::fmt::Display) -> usize {
    let mut acks = Acks::default();
    acks.note_all(lines);
    acks.all_there(home, when);
    let counted = |kind| home.open().tally(Tally::Records(kind));
    match job {
        Job::Import => assert_eq!(counted(Kind::Cat) % 100, 0, "{when}: a part of a chunk is there"),
        Job::Open => {
            assert_eq!([Kind::Cat, Kind::User, Kind::Request].map(counted), [6, 6, 8], "{when}");
            let aside = fs::read_dir(home.data()).unwrap().flatten().map(|entry| entry.path());
            for copied in
                aside.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("before-")))
            {
                let before = first_format().join("data/store");
                for name in ["conf", "db"] {
                    let same = fs::read(copied.join(name)).ok() == fs::read(before.join(name)).ok();
                    assert!(same, "{when}: {name} in {} is not as it was", copied.display());
                }
            }
        }
        Job::Restore => {
            let found = counted(Kind::Cat);
            let restored = lines.iter().any(|line| line.starts_with("restored"));
            assert!(found == 4 || found == 8 && !restored, "{when}: {found} cats are neither the old nor the new");
        }
        Job::Backup => {
            let made =
                lines.iter().filter_map(|line| line.strip_prefix("ack backup ")?.parse().ok()).max().unwrap_or(0);
            let newest = backups(home, when).into_iter().max().unwrap_or(0);
            assert!(newest >= made, "{when}: the backup of commit {made} is gone, the newest is of {newest}");
        }
        _ => {}
    }
    acks.0.len()
}

/// Where a store of the first format is kept.
pub fn first_format() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/formats/1")
}

/// The commits of the backups that there are; each of them opens, whatever became of the program that made it.
fn backups(home: &Home, when: &dyn std::fmt::Display) -> Vec<u64> {
    let keys = backup::KeySource::new(&home.config());
    let files = fs::read_dir(home.data().join("backups")).into_iter().flatten().flatten().map(|entry| entry.path());
    files
        .filter(|path| path.extension().is_some_and(|e| e == "backup"))
        .map(|path| match backup::verify(&path, Some(&keys), &mut |_| true) {
            Ok(verified) => verified.manifest.commit,
            Err(e) => panic!("{when}: {e}"),
        })
        .collect()
}

/// The shim, built once.
pub fn shim() -> &'static Path {
    static SHIM: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = SHIM.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shim.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/soak/shim.c");
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&path)
            .arg(source)
            .args(["-ldl", "-lpthread"])
            .status();
        assert!(status.expect("the C compiler that Rust links with").success());
        (dir, path)
    });
    path
}

/// Puts the shim between a worker and its home.
pub fn shimmed<'c>(command: &'c mut Command, home: &Home) -> &'c mut Command {
    command.env("LD_PRELOAD", shim()).env("SHIM_ROOT", home.0.path().canonicalize().unwrap())
}

/// The changes and the bytes that a job makes when nothing stops it.
pub fn measure(home: &Home, job: Job, late: bool) -> (usize, usize) {
    let aside = tempfile::tempdir().unwrap();
    let counted = aside.path().join("count");
    let worker = Worker::start(home, job, |command| {
        shimmed(command, home).env("SHIM_COUNT", &counted);
        if late {
            command.env("SHIM_LATE", "1");
        }
    });
    let (well, lines) = worker.end();
    assert!(well, "{job:?}: {lines:?}");
    let text = fs::read_to_string(counted).unwrap();
    let (changes, bytes) = text.trim().split_once(' ').unwrap();
    (changes.parse().unwrap(), bytes.parse().unwrap())
}

/// A copy of a home, for one trial.
pub fn copy_of(home: &Home) -> Home {
    let copied = Home::new();
    copy(home.0.path(), copied.0.path());
    copied
}

pub fn copy(from: &Path, to: &Path) {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

/// How many rounds to run: so many in the usual tests, or so many of each thousand that `CLOWDER_SOAK` asks for.
pub fn rounds(usual: usize, of_a_thousand: usize) -> usize {
    match asked() {
        Some(asked) => (asked * of_a_thousand).div_ceil(1000),
        None => usual,
    }
}

/// How many rounds `CLOWDER_SOAK` asks for.
pub fn asked() -> Option<usize> {
    std::env::var("CLOWDER_SOAK").ok().map(|n| n.parse().expect("CLOWDER_SOAK is a number"))
}

/// One line of the record of a long run.
pub fn record(words: &str) {
    if asked().is_some() {
        eprintln!("soak: {words}");
    }
}
