//! What the worker does, in a process of its own: this program with the one test [`crate::worker`].

use std::{
    io::Write as _,
    path::PathBuf,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use clowder::{
    model::{Action, Actor, Cat, CatId, CommitNo, Kind, Role, User},
    store::{
        BackupPolicy, OpenOptions, Store, StoreError, Tally,
        restore::{self, Until},
    },
};

/// Where the worker works, and at what.
pub const HOME: &str = "CLOWDER_SOAK_HOME";
pub const JOB: &str = "CLOWDER_SOAK_JOB";

/// No work takes as long.
const LONGEST: Duration = Duration::from_secs(300);

/// The commit to which [`Job::Restore`] goes back, in a store where each cat takes two.
pub const BACK_TO: CommitNo = CommitNo(18);

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
    /// A new key in the key file, then new data keys, while somebody writes.
    Rotate,
    /// Copies everything into new files while somebody writes, twice.
    Compact,
    /// Restores the newest backup and the journal after it, or only up to [`BACK_TO`].
    Restore {
        /// Whether it goes back.
        back: bool,
    },
    /// Reads everything and tells what is there.
    Look,
}

impl Job {
    pub fn word(self) -> String {
        match self {
            Self::Load(threads) => format!("load {threads}"),
            Self::Import => "import".to_owned(),
            Self::Opens => "opens".to_owned(),
            Self::Open => "open".to_owned(),
            Self::Brief => "brief".to_owned(),
            Self::Backup => "backup".to_owned(),
            Self::Rotate => "rotate".to_owned(),
            Self::Compact => "compact".to_owned(),
            Self::Restore { back } => format!("restore {back}"),
            Self::Look => "look".to_owned(),
        }
    }
}

/// Works, if this process was started to.
pub fn run_if_asked() {
    let (Some(home), Ok(job)) = (std::env::var_os(HOME).map(PathBuf::from), std::env::var(JOB)) else { return };
    // Nobody may be left to wait for it: it ends by itself at last.
    std::thread::spawn(|| {
        let (_held, never) = mpsc::channel::<()>();
        let _ = never.recv_timeout(LONGEST);
        std::process::exit(9);
    });
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
        ("rotate", _) => rotate(&open()),
        ("compact", _) => compact(&open()),
        ("restore", back) => restore(&options, back == "true"),
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

/// Does something while another thread adds and changes cats.
fn while_writing(store: &Store, f: impl FnOnce()) {
    let enough = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !enough.load(Ordering::Relaxed) {
                if !add_and_change(store, 4) {
                    break;
                }
            }
        });
        f();
        enough.store(true, Ordering::Relaxed);
    });
}

fn back_up(store: &Store) {
    store.set_backup_policy(BackupPolicy { keep: 2, ..store.backup_policy() });
    while_writing(store, || {
        for _ in 0..4 {
            let made = store.backup(&mut |_| true).unwrap();
            say(&format!("ack backup {}\n", made.manifest.commit));
        }
    });
}

fn restore(options: &OpenOptions, back: bool) {
    let until = if back { Until::Commit(BACK_TO) } else { Until::Last };
    restore::restore(options, None, until, &Actor::console(), &mut |_| true).unwrap();
    say("ack restored\n");
}

fn compact(store: &Store) {
    while_writing(store, || {
        let first = store.compact(&mut |_| true).unwrap();
        store.remove_kept(&first.kept.unwrap()).unwrap();
        store.compact(&mut |_| true).unwrap();
    });
}

fn rotate(store: &Store) {
    while_writing(store, || {
        store.rotate_key(&Actor::console()).unwrap();
        store.rotate_data(&Actor::console(), &[], &mut |_| true).unwrap();
        store.rotate_key(&Actor::console()).unwrap();
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
    // The cats of a store that is to be damaged are long, so that the engine's file has more than one part.
    format!("{id} ").repeat(if id.0 <= CATS { 700 } else { 80 })
}

/// Adds or changes a cat; nothing when no more can be written.
pub fn write(store: &Store, mut cat: Cat) -> Option<Cat> {
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

/// The cats of a store that is to be damaged: cat n has revision 1 + n % 4.
pub const CATS: u32 = 40;

/// Whether a cat is as it was at some revision.
pub fn is_right(cat: &Cat) -> bool {
    let rev = cat.version.rev;
    let description = if rev == 1 { String::new() } else { description(cat.id) };
    cat.name == "Miso" && cat.colour == format!("colour {rev}") && cat.description == description
}
