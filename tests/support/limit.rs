//! No test waits for ever: whatever is waited for has a limit, and what was started ends with the wait.
#![allow(dead_code)] // Each test program uses its own part of it.

use std::{
    fs,
    io::Write as _,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// How long one thing is waited for before it counts as never.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// How long one test may take before it counts as stuck in what has no limit of its own: a lock, a thread, an answer of
/// the store.
const WHOLE_TEST: Duration = Duration::from_secs(600);

/// Waits until something is so.
pub fn wait_for(what: &str, mut so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !so() {
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::yield_now();
    }
}

/// Watches over a test as long as it lives. Of one that is stuck nothing can be unwound, so that the whole test program is
/// ended, with everything that it started; whoever waits for that goes on.
pub struct Limit {
    _over: Sender<()>,
}

impl Limit {
    /// For the test of this thread. There is none for whoever asked for a run that takes as long as it takes.
    pub fn new() -> Self {
        let (over, is_over) = channel();
        let test = thread::current().name().unwrap_or("a test").to_owned();
        let run = move || {
            let long = std::env::var_os("CLOWDER_SOAK").is_some();
            if !long && is_over.recv_timeout(WHOLE_TEST) == Err(RecvTimeoutError::Timeout) {
                give_up(&test);
            }
        };
        thread::Builder::new().name("limit".to_owned()).spawn(run).unwrap();
        Self { _over: over }
    }
}

fn give_up(test: &str) {
    let mut said = format!("\n{test} did not come to an end within {} seconds.\n", WHOLE_TEST.as_secs());
    for (id, what) in threads() {
        said.push_str(&format!("  thread {id}: {what}\n"));
    }
    for pid in descendants(std::process::id()) {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        said.push_str(&format!("  process {pid} was started and is killed: {words}\n"));
        kill(pid);
    }
    // Past what gathers the words of each test until its end.
    let _ = std::io::stderr().write_all(said.as_bytes());
    std::process::exit(101);
}

/// The name, the state and the place in the system of each thread of this process, as far as the system tells.
fn threads() -> Vec<(String, String)> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of = |dir: std::path::PathBuf, file: &str| fs::read_to_string(dir.join(file)).unwrap_or_default();
    tasks
        .map(|task| {
            let stat = of(task.path(), "stat");
            let state = stat.rsplit(") ").next().unwrap_or_default().chars().next().unwrap_or('?');
            let (name, place) = (of(task.path(), "comm"), of(task.path(), "wchan"));
            (task.file_name().to_string_lossy().into_owned(), format!("{} {state} {place}", name.trim()))
        })
        .collect()
}

/// What a process started and what that started, as far as the system tells.
fn descendants(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = tasks.flat_map(|task| {
        let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        text.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<u32>>()
    });
    children.flat_map(|child| std::iter::once(child).chain(descendants(child))).collect()
}

fn kill(pid: u32) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    let _ = kill_process(pid, Signal::KILL);
}

/// Waits for something that the end of a process of this test ends, too. One that does not end is killed, and the test fails.
pub fn within<T>(pid: u32, what: &str, wait: impl FnOnce() -> T) -> T {
    let (done, is_done) = channel::<()>();
    let late = Arc::new(AtomicBool::new(false));
    let is_late = Arc::clone(&late);
    let watch = thread::spawn(move || {
        if is_done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            late.store(true, Ordering::Relaxed);
            // Those it started might keep its output open.
            descendants(pid).into_iter().chain([pid]).for_each(kill);
        }
    });
    let waited = wait();
    drop(done);
    watch.join().unwrap();
    assert!(!is_late.load(Ordering::Relaxed), "{what} did not come to an end within {} seconds", PATIENCE.as_secs());
    waited
}

/// A process that ends with the test at the latest.
pub struct Started(pub Child);

impl Started {
    pub fn new(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
    }

    /// Waits for its end.
    pub fn end(&mut self) -> ExitStatus {
        let pid = self.pid();
        within(pid, "what was started", || self.0.wait().unwrap())
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process says until its end.
pub fn output_of(child: Child) -> Output {
    within(child.id(), "what was started", || child.wait_with_output().unwrap())
}

/// Runs a command to its end with nothing on its input, and answers what it said.
pub fn output(command: &mut Command) -> Output {
    output_of(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// Runs a command to its end with something on its input, which it need not want.
pub fn feed(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    within(child.id(), "what was started", || {
        thread::scope(|scope| {
            scope.spawn(move || {
                let _ = stdin.write_all(input);
            });
            child.wait_with_output().unwrap()
        })
    })
}

/// Says that it is over once it goes, also when the one who has it panics: the others must not go on for ever.
pub struct Over<'a>(pub &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Ends the whole process once it goes, for a part that is never over: what is started to be killed does not live on without
/// one of its parts, or without the one who listens to it.
pub struct AllOrNothing;

impl Drop for AllOrNothing {
    fn drop(&mut self) {
        std::process::exit(101);
    }
}
