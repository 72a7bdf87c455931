//! The worker from outside: starting it, what it says, and what must be there after it.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{OnceLock, mpsc},
    time::Duration,
};

use clowder::{
    model::{Cat, CatId, Kind},
    store::{Store, Tally, backup},
};

use crate::{
    jobs::{BACK_TO, CATS, HOME, JOB, Job, is_right, write},
    support::{Home, clean, limit::Started, wait_for},
};

/// Past this a worker hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// The acknowledgements that [`stocked`] would have given.
pub fn stocked_lines() -> Vec<String> {
    (1..=CATS).map(|n| format!("ack {n} {}", 1 + n % 4)).collect()
}

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

/// A store of twelve cats of two revisions each, with a backup half way, and what was acknowledged.
pub fn with_history() -> (Home, Vec<String>) {
    let home = Home::new();
    let store = home.open();
    for n in 1..=12 {
        let mut cat = Cat::new("Miso");
        for rev in 1..=2 {
            cat.colour = format!("colour {rev}");
            cat = write(&store, cat).unwrap();
        }
        if n == 6 {
            store.backup(&mut |_| true).unwrap();
        }
    }
    store.close().unwrap();
    (home, (1..=12).map(|n| format!("ack {n} 2")).collect())
}

/// A home in which the program was killed at work, and what it had acknowledged.
pub fn after_a_kill() -> (Home, Vec<String>) {
    let home = Home::new();
    let mut worker = Worker::start(&home, Job::Load(4), |_| {});
    let mut lines: Vec<String> = std::iter::from_fn(|| worker.line()).take(60).collect();
    lines.extend(worker.kill());
    (home, lines)
}

/// A worker at work.
pub struct Worker {
    child: Started,
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
        let mut child = Started::new(&mut command);
        let out = BufReader::new(child.0.stdout.take().unwrap());
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).all(|line| send.send(line).is_ok()));
        Self { child, lines }
    }

    /// The next line; `None` when it has ended.
    pub fn line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(LIMIT) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("a worker hangs"),
        }
    }

    /// Waits for its end, and answers whether it was orderly, and all lines that were left.
    pub fn end(mut self) -> (bool, Vec<String>) {
        let mut rest = Vec::new();
        while let Some(line) = self.line() {
            rest.push(line);
        }
        (self.child.end().success(), rest)
    }

    pub fn kill(mut self) -> Vec<String> {
        self.child.kill();
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
    if job == (Job::Restore { back: true }) {
        acks.0.retain(|&cat, _| cat <= BACK_TO.0 as u32 / 2);
    }
    if job == Job::Open {
        backup_comes_first(home, when);
    }
    acks.all_there(home, when);
    let counted = |kind| home.open().tally(Tally::Records(kind));
    match job {
        Job::Import => assert_eq!(counted(Kind::Cat) % 100, 0, "{when}: a part of a chunk is there"),
        Job::Open => {
            assert_eq!([Kind::Cat, Kind::User, Kind::Request].map(counted), [6, 6, 8], "{when}");
            let made = backups(home, when);
            assert_eq!(made, [47], "{when}: one backup of the last change before the newer format");
        }
        Job::Restore { back: true } => {
            let (cats, done) = (counted(Kind::Cat), lines.iter().any(|line| line == "ack restored"));
            assert!(
                cats == 9 || (cats == 12 && !done),
                "{when}: {cats} cats, which is neither the old store nor the new"
            );
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

/// As the disk was left: what counts as a backup can be relied on, and the store is in its old format until there is one.
fn backup_comes_first(home: &Home, when: &dyn std::fmt::Display) {
    let made = backups_of(home, &backup::KeySource::new(&home.config()), when);
    let keyring = fs::read_to_string(home.data().join("keyring.toml")).unwrap();
    let old = keyring.lines().any(|line| line == "format = 1");
    assert!(old || made == [47], "{when}: brought to a newer format, with the backups {made:?}");
}

/// Where a store of the first format is kept.
pub fn first_format() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/formats/1")
}

/// The commits of the backups that there are; each of them opens, whatever became of the program that made it.
fn backups(home: &Home, when: &dyn std::fmt::Display) -> Vec<u64> {
    backups_of(home, &home.open().key_source().clone(), when)
}

fn backups_of(home: &Home, keys: &backup::KeySource, when: &dyn std::fmt::Display) -> Vec<u64> {
    let files = fs::read_dir(home.data().join("backups")).into_iter().flatten().flatten().map(|entry| entry.path());
    files
        .filter(|path| path.extension().is_some_and(|e| e == "backup"))
        .map(|path| match backup::verify(&path, Some(keys), &mut |_| true) {
            Ok(verified) => verified.manifest.commit,
            Err(e) => panic!("{when}: {e}"),
        })
        .collect()
}

/// The shim, built once.
pub fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let path = target.join("soak-shim.so");
        // Another run may be at work with the one that is there.
        let own = tempfile::Builder::new().prefix("soak-shim").tempfile_in(target).unwrap().into_temp_path();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/soak/shim.c");
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&own)
            .arg(source)
            .args(["-ldl", "-lpthread"])
            .status();
        assert!(status.expect("the C compiler that Rust links with").success());
        own.persist(&path).unwrap();
        path
    })
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
