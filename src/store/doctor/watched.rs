//! Work on files that may be damaged: in a thread of its own, so that a panic or a standstill becomes a sentence.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use super::super::Progress;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// Broken off by whoever waits.
    Cancelled,
    /// What became of it, in words.
    Gone(String),
}

enum Said<T> {
    Progress(Progress),
    Done(thread::Result<T>),
}

/// Runs something that tells how far it is. Without a word for `limit` it is given up; it cannot be ended, so what it works on
/// must be nobody else's.
pub(super) fn watched<T: Send + 'static>(
    limit: Duration,
    progress: &mut dyn FnMut(Progress) -> bool,
    work: impl FnOnce(&mut dyn FnMut(Progress) -> bool) -> T + Send + 'static,
) -> Result<T, Unanswered> {
    let (say, hear) = mpsc::sync_channel(64);
    let cancelled = Arc::new(AtomicBool::new(false));
    let cancel = Arc::clone(&cancelled);
    thread::Builder::new()
        .name("clowder-doctor".to_owned())
        .spawn(move || {
            let done = catch_unwind(AssertUnwindSafe(|| {
                work(&mut |p| {
                    let _ = say.send(Said::Progress(p));
                    !cancel.load(Ordering::Relaxed)
                })
            }));
            let _ = say.send(Said::Done(done));
        })
        .map_err(|e| Unanswered::Gone(e.to_string()))?;
    loop {
        match hear.recv_timeout(limit) {
            Ok(Said::Progress(p)) => {
                if !progress(p) {
                    cancelled.store(true, Ordering::Relaxed);
                }
            }
            Ok(Said::Done(_)) if cancelled.load(Ordering::Relaxed) => return Err(Unanswered::Cancelled),
            Ok(Said::Done(Ok(value))) => return Ok(value),
            Ok(Said::Done(Err(_))) | Err(RecvTimeoutError::Disconnected) => {
                return Err(Unanswered::Gone("the engine gave up on its files".to_owned()));
            }
            Err(RecvTimeoutError::Timeout) if cancelled.load(Ordering::Relaxed) => return Err(Unanswered::Cancelled),
            Err(RecvTimeoutError::Timeout) => {
                let why = format!("the engine did not come to an end within {} s", limit.as_secs());
                return Err(Unanswered::Gone(why));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[test]
    fn a_panic_a_standstill_and_a_no_each_end_it() {
        let answer = watched(LIMIT, &mut |_| true, |progress| {
            progress(Progress { step: "work", done: 1, of: 1 });
            7
        });
        assert_eq!(answer.unwrap(), 7);
        let answer = watched(LIMIT, &mut |_| true, |_| panic!("as an engine does"));
        assert!(matches!(answer, Err(Unanswered::Gone(why)) if why.contains("gave up")));
        let (_held, never) = mpsc::channel::<()>();
        let answer = watched(Duration::from_millis(20), &mut |_| true, move |_| never.recv());
        assert!(matches!(answer, Err(Unanswered::Gone(why)) if why.contains("did not come to an end")));
        let answer =
            watched(LIMIT, &mut |_| false, |progress| while progress(Progress { step: "work", done: 1, of: 1 }) {});
        assert!(matches!(answer, Err(Unanswered::Cancelled)));
    }
}
