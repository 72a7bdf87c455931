//! What was acknowledged is on the disk: kills under load, the order of sync and acknowledgement, a full disk.
//!
//! The load runs in a process of its own: this program, started again with the one test below that is the load.

#[path = "support/store.rs"]
mod support;

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    time::Duration,
};

use clowder::{
    model::{Action, Actor, Cat, CatId},
    store::{OpenOptions, Store, StoreError},
};
use support::{Home, clean};

const HOME: &str = "CLOWDER_TEST_LOAD";
const THREADS: &str = "CLOWDER_TEST_THREADS";

/// The load itself; does nothing unless it is started by the others.
#[test]
fn load() {
    let Some(home) = std::env::var_os(HOME).map(PathBuf::from) else { return };
    let threads: u32 = std::env::var(THREADS).unwrap().parse().unwrap();
    let store = Store::open(OpenOptions::new(home.join("data"), home.join("config"))).unwrap().store;
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| write_until_it_fails(&store));
        }
    });
    // Only a disk that is full gets here.
    assert!(store.read_only().is_some());
    let readable = store.all::<Cat>().filter(Result::is_ok).count();
    say(&format!("end {readable} {}\n", store.read_only().unwrap_or_default()));
}

/// Adds a cat, changes it three times, and acknowledges each.
fn write_until_it_fails(store: &Store) {
    loop {
        let mut cat = Cat { description: "d".repeat(300), ..Cat::new("Miso") };
        for rev in 1..=4 {
            let mut next = cat.clone();
            next.colour = format!("colour {rev}");
            let written = store.write(&Actor::console(), move |tx| {
                tx.describe(Action::EditCat, "");
                if rev == 1 {
                    tx.insert(&mut next)?;
                } else {
                    tx.update(&mut next)?;
                }
                Ok::<_, StoreError>(next)
            });
            match written {
                Ok(written) => cat = written.value,
                Err(StoreError::ReadOnly(_)) => return,
                Err(e) => panic!("{e}"),
            }
            say(&format!("ack {} {}\n", cat.id, cat.version.rev));
        }
    }
}

/// One write call for one line.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let written = unbuffered(&mut out, line);
    if written.is_err() {
        std::process::exit(0);
    }
}

fn unbuffered(out: &mut impl std::io::Write, line: &str) -> std::io::Result<()> {
    out.write_all(line.as_bytes())?;
    out.flush()
}

/// The process with the load; killed at the latest when nobody needs it any more.
struct Load(Child);

impl Drop for Load {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Load {
    /// What it says, to its end. One that hangs fails the test.
    fn lines(&mut self) -> impl Iterator<Item = String> + use<> {
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        let (said, heard) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if said.send(line).is_err() {
                    break;
                }
            }
        });
        std::iter::from_fn(move || match heard.recv_timeout(Duration::from_secs(60)) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the load has said nothing for a minute"),
        })
    }
}

fn start(home: &Home, threads: u32, with: impl FnOnce(&mut Command)) -> Load {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "load", "--nocapture", "--test-threads=1"])
        .env(HOME, home.0.path())
        .env(THREADS, threads.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    with(&mut command);
    Load(command.spawn().unwrap())
}

/// The cat and revision of an acknowledgement.
fn acknowledged(line: &str) -> Option<(u32, u32)> {
    let (id, rev) = line.strip_prefix("ack ")?.split_once(' ')?;
    Some((id.parse().ok()?, rev.parse().ok()?))
}

/// Everything acknowledged is there, and whatever is derived from it agrees.
fn all_there(store: &Store, acks: &HashMap<u32, u32>) {
    for (&id, &rev) in acks {
        let cat: Cat = store.get(CatId(id)).unwrap().unwrap_or_else(|| panic!("cat {id} was acknowledged and is lost"));
        assert!(cat.version.rev >= rev, "cat {id} was acknowledged at {rev} and is at {}", cat.version.rev);
        assert_eq!(cat.colour, format!("colour {}", cat.version.rev));
    }
    clean(store);
}

#[test]
fn a_kill_under_load_loses_nothing_that_was_acknowledged() {
    let home = Home::new();
    let mut acks: HashMap<u32, u32> = HashMap::new();
    for round in 0..8 {
        let mut child = start(&home, 4, |_| {});
        let mut lines = child.lines();
        let mut seen = 0;
        for line in lines.by_ref() {
            if let Some((id, rev)) = acknowledged(&line) {
                acks.entry(id).and_modify(|r| *r = rev.max(*r)).or_insert(rev);
                seen += 1;
            }
            if seen > 20 + 37 * round {
                break;
            }
        }
        child.0.kill().unwrap();
        // What it had written before it died counts as well; its last line may be cut short.
        let rest: Vec<String> = lines.collect();
        for (id, rev) in rest.iter().filter_map(|line| acknowledged(line)) {
            acks.entry(id).and_modify(|r| *r = rev.max(*r)).or_insert(rev);
        }
        drop(child);
        assert!(seen > 20, "the load did not start");
        let store = home.open();
        all_there(&store, &acks);
    }
}

fn build_shim(dir: &Path) -> PathBuf {
    let shim = dir.join("shim.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/shim.c");
    let status = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).arg(source).arg("-ldl").status();
    assert!(status.expect("the C compiler that Rust links with").success());
    shim
}

#[test]
fn no_acknowledgement_comes_before_the_sync_of_what_it_acknowledges() {
    let home = Home::new();
    let shim = build_shim(home.0.path());
    let log_path = home.0.path().join("events");
    // One session: whatever is written before its acknowledgement belongs to it.
    let mut child = start(&home, 1, |command| {
        command.env("LD_PRELOAD", &shim).env("SHIM_LOG", &log_path);
    });
    assert_eq!(child.lines().filter(|line| acknowledged(line).is_some()).take(200).count(), 200);
    drop(child);

    let events = std::fs::read(&log_path).unwrap();
    let mut acks = 0;
    let (mut wrote, mut unsynced, mut engine_syncs) = (false, false, 0);
    for event in events.into_iter().skip_while(|event| *event != b'W') {
        match event {
            b'W' => (wrote, unsynced) = (true, true),
            b'S' => unsynced = false,
            b's' => engine_syncs += 1,
            b'A' => {
                acks += 1;
                assert!(wrote, "acknowledgement {acks} came without a write of the journal");
                assert!(!unsynced, "acknowledgement {acks} came before the sync of the journal");
                // The engine's own file comes behind, by one group and no more.
                assert!(
                    engine_syncs + 1 >= acks,
                    "acknowledgement {acks} came after {engine_syncs} syncs of the engine"
                );
                wrote = false;
            }
            _ => {}
        }
    }
    assert!(acks >= 200, "{acks} acknowledgements noted");
}

#[test]
fn a_full_disk_makes_the_store_read_only_and_loses_nothing() {
    let home = Home::new();
    home.open().close().unwrap();
    let shim = build_shim(home.0.path());
    for (file, writes) in [("engine", 40), ("engine", 41), ("journal", 3), ("journal", 4), ("journal", 60)] {
        let mut child = start(&home, 2, |command| {
            command.env("LD_PRELOAD", &shim).env("SHIM_FULL_AFTER", writes.to_string()).env("SHIM_FULL_FILE", file);
        });
        let mut acks = HashMap::new();
        let mut end = None;
        // To its end: the store is closed with the disk still full.
        for line in child.lines() {
            if let Some((id, rev)) = acknowledged(&line) {
                acks.insert(id, rev);
            }
            if let Some(words) = line.strip_prefix("end ") {
                end = Some(words.to_owned());
            }
        }
        drop(child);
        let end = end.expect("the load goes on to its end with a full disk");
        assert!(end.contains("the disk is full"), "{end}");
        assert!(!acks.is_empty());
        let store = home.open();
        all_there(&store, &acks);
    }
}
