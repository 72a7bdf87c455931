//! A thread at the side of another, which does one thing at a time for it.

use std::{
    cell::Cell,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{self, Receiver, SyncSender},
    thread::{self, Scope},
};

use super::StoreError;

/// The other end of the thread. What it does is begun, then waited for; a panic in it comes back as an error.
pub(super) struct Aside<In, Out> {
    start: SyncSender<In>,
    done: Receiver<Result<Out, StoreError>>,
    going_on: Cell<bool>,
}

impl<In: Send, Out: Send> Aside<In, Out> {
    /// Starts the thread. It ends when this end is dropped and what it is at is done. `failed` hears of what fails at once, whether
    /// anybody waits for it or not.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(super) fn start<'s>(
        scope: &'s Scope<'s, '_>,
        name: &str,
        work: impl Fn(In) -> Result<Out, StoreError> + Send + 's,
        failed: impl Fn(&StoreError) + Send + 's,
    ) -> io::Result<Self>
    where
        In: 's,
        Out: 's,
    {
        let (start, started) = mpsc::sync_channel::<In>(1);
        let (finish, done) = mpsc::sync_channel(1);
        thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, move || {
            while let Ok(with) = started.recv() {
                let out = caught(|| work(with)).inspect_err(&failed);
                if finish.send(out).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { start, done, going_on: Cell::new(false) })
    }

    /// Begins. What was begun before must have been waited for.
    pub(super) fn begin(&self, with: In) {
        // If the thread is gone, whoever waits is told.
        let _ = self.start.send(with);
        self.going_on.set(true);
    }

    /// What came of what was begun, once that is done; `None` when nothing was begun since.
    ///
    /// # Errors
    /// Those of the work, or that it failed in the middle.
    pub(super) fn wait(&self) -> Result<Option<Out>, StoreError> {
        if !self.going_on.replace(false) {
            return Ok(None);
        }
        self.done.recv().unwrap_or_else(|_| Err(broken())).map(Some)
    }
}

/// Does it; a panic is an error: it leaves the state of the engine unknown, as an error of its does.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(broken()))
}

/// What is said when it is not known how it ended.
pub(super) fn broken() -> StoreError {
    StoreError::Failed("the engine failed in the middle of a commit".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;

    #[test]
    fn what_was_begun_is_waited_for_once() {
        thread::scope(|scope| {
            let double = Aside::start(scope, "double", |n: u32| Ok(n * 2), |_| ()).unwrap();
            assert!(matches!(double.wait(), Ok(None)), "nothing was begun");
            double.begin(4);
            assert!(matches!(double.wait(), Ok(Some(8))));
            assert!(matches!(double.wait(), Ok(None)));
        });
    }

    #[test]
    fn a_failure_comes_back_to_the_one_who_waits() {
        thread::scope(|scope| {
            let picky = |n: u32| if n > 0 { Ok(()) } else { Err(StoreError::Failed("it is nothing".to_owned())) };
            let picky = Aside::start(scope, "picky", picky, |_| ()).unwrap();
            picky.begin(0);
            assert!(picky.wait().is_err_and(|e| e.to_string().contains("nothing")));
            picky.begin(1);
            assert!(matches!(picky.wait(), Ok(Some(()))));
        });
    }

    #[test]
    fn a_failure_is_heard_even_when_nobody_waits() {
        let heard = AtomicUsize::new(0);
        let hear = |_: &StoreError| {
            heard.fetch_add(1, SeqCst);
        };
        let works: [fn(u32) -> Result<(), StoreError>; 2] =
            [|_| Err(StoreError::Failed("as tested".to_owned())), |_| panic!("as tested")];
        for work in works {
            thread::scope(|scope| {
                let clumsy = Aside::start(scope, "clumsy", work, hear).unwrap();
                clumsy.begin(1);
                assert!(clumsy.wait().is_err());
                clumsy.begin(2);
            });
        }
        assert_eq!(heard.load(SeqCst), 4);
    }
}
