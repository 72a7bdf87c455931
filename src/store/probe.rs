//! Trying to open the engine's files where a panic or a hang does no harm.

use std::{
    io::Read as _,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use super::{
    engine::{Engine, Tree},
    meta,
};

/// The words with which the program runs a try.
const WORDS: &str = "open-probe";

/// The answer of a try that found nothing.
const EMPTY: &str = "the files hold no store";

/// The memory that a try keeps pages in.
const CACHE: u64 = 16 << 20;

/// How a try went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tried {
    Opens,
    Empty,
    Fails(String),
}

/// Tries to open the engine's directory; what the program does for the hidden words `open-probe DIR`: it prints the
/// error on its standard output and ends with a code other than 0.
///
/// # Errors
/// What the engine said.
pub fn probe(dir: &Path) -> Result<(), String> {
    let engine = Engine::open(dir, CACHE).map_err(|e| e.message)?;
    match engine.get(Tree::Meta, meta::FORMAT) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(EMPTY.to_owned()),
        Err(e) => Err(e.message),
    }
}

/// Tries a directory, in a process of its own if there is a program for it.
pub(super) fn try_open(dir: &Path, program: Option<&Path>, limit: Duration) -> Tried {
    let answer = match program {
        Some(program) => in_process(program, dir, limit),
        None => {
            let dir: PathBuf = dir.to_owned();
            guarded(limit, move || probe(&dir)).and_then(|answer| answer)
        }
    };
    match answer {
        Ok(()) => Tried::Opens,
        Err(why) if why == EMPTY => Tried::Empty,
        Err(why) => Tried::Fails(why),
    }
}

/// Runs something in a thread. A panic or no answer in time becomes words.
pub(super) fn guarded<T: Send + 'static>(limit: Duration, f: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let (send, answer) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("clowder-open".to_owned())
        .spawn(move || {
            let _ = send.send(catch_unwind(AssertUnwindSafe(f)));
        })
        .map_err(|e| e.to_string())?;
    match answer.recv_timeout(limit) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_)) => Err("the engine gave up on its files".to_owned()),
        Err(_) => Err(too_long(limit)),
    }
}

fn too_long(limit: Duration) -> String {
    format!("the engine did not come to an end within {} s", limit.as_secs())
}

fn in_process(program: &Path, dir: &Path, limit: Duration) -> Result<(), String> {
    let mut child = Command::new(program)
        .arg(WORDS)
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("{}: {e}", program.display()))?;
    let started = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if started.elapsed() < limit => thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(too_long(limit));
            }
            Err(e) => return Err(e.to_string()),
        }
    };
    if status.success() {
        return Ok(());
    }
    let mut words = String::new();
    if let Some(mut out) = child.stdout.take() {
        let _ = out.read_to_string(&mut words);
    }
    match words.trim() {
        "" => Err("the engine gave up on its files".to_owned()),
        words => Err(words.to_owned()),
    }
}
