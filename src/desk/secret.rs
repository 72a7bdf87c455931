//! Passwords: argon2id, a few at a time, and the same time for a name that does not exist.
//!
//! One hash fills 19 MiB and takes some 30 ms of a core. Threads of their own work them out, each in memory that it
//! keeps: however many people and machines try to sign in at once, it is never more than that, and those who already
//! work are not kept waiting. What finds no place in the queue is refused.

use std::{
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use zeroize::{Zeroize, Zeroizing};

use crate::model::{Error, Result};

/// How many hashes may wait beside those that are being worked out.
const QUEUE: usize = 32;
/// What whoever finds no place there is told.
const BUSY: &str = "too many passwords are being checked at this moment; try again in a few seconds";

/// How many hashes are worked out at once: two, or one where that would leave no core to anybody else.
fn at_once() -> usize {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    (cores / 2).clamp(1, 2)
}

type Work = Box<dyn FnOnce(&mut Memory) + Send>;

/// Works out and verifies password hashes, no more than a few at a time.
pub(super) struct Hasher {
    at_once: usize,
    queue: usize,
    /// Where the threads take their work from; they begin with the first password.
    work: Mutex<Option<SyncSender<Work>>>,
    dummy: OnceLock<String>,
}

/// What one thread works in.
#[derive(Default)]
struct Memory(Vec<Block>);

impl Memory {
    fn fill(&mut self, argon2: &Argon2<'_>, password: &str, salt: &Salt) -> Option<Output> {
        let count = argon2.params().block_count();
        if self.0.len() < count {
            self.0 = vec![Block::default(); count];
        }
        let blocks = &mut self.0[..count];
        let mut buffer = [0; Output::MAX_LENGTH];
        let length = argon2.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let out = buffer.get_mut(..length)?;
        let filled = argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, &mut *blocks);
        blocks.iter_mut().for_each(Zeroize::zeroize);
        filled.ok()?;
        Output::new(out).ok()
    }

    /// The hash of a password with a fresh salt, in PHC form.
    fn hash(&mut self, password: &str) -> Option<String> {
        let argon2 = Argon2::default();
        let salt = Salt::generate();
        let hash = self.fill(&argon2, password, &salt)?;
        let hash = PasswordHash {
            algorithm: Algorithm::default().ident(),
            version: Some(Version::default().into()),
            params: ParamsString::try_from(argon2.params()).ok()?,
            salt: Some(salt),
            hash: Some(hash),
        };
        Some(hash.to_string())
    }

    /// Whether the password is the one behind the hash.
    fn verify(&mut self, password: &str, hash: &str) -> Option<bool> {
        let stored = PasswordHash::new(hash).ok()?;
        let algorithm = Algorithm::try_from(stored.algorithm.as_str()).ok()?;
        let version = Version::try_from(stored.version?).ok()?;
        let argon2 = Argon2::new(algorithm, version, Params::try_from(&stored).ok()?);
        let worked_out = self.fill(&argon2, password, &stored.salt?)?;
        // It compares in constant time.
        Some(stored.hash? == worked_out)
    }
}

impl Hasher {
    pub(super) fn new() -> Self {
        Self::with(at_once(), QUEUE)
    }

    fn with(at_once: usize, queue: usize) -> Self {
        Self { at_once, queue, work: Mutex::default(), dummy: OnceLock::new() }
    }

    /// The hash of a password with a fresh salt, in PHC form.
    ///
    /// # Errors
    /// `Refused` when too many wait.
    pub(super) fn hash(&self, password: &str) -> Result<String> {
        let password = Zeroizing::new(password.to_owned());
        let hash = self.run(move |memory| memory.hash(&password))?;
        hash.ok_or_else(|| Error::Store("the password could not be hashed".to_owned()))
    }

    /// Whether the password is the one behind the hash. Without a hash the same work is done on a made-up
    /// one, so that the time does not tell whether there is such an account.
    ///
    /// # Errors
    /// `Refused` when too many wait.
    pub(super) fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool> {
        // Made whichever way it goes: the first sign-in takes as long as the first wrong name.
        let dummy = match self.dummy.get() {
            Some(dummy) => dummy,
            None => {
                let made = self.hash("nobody")?;
                self.dummy.get_or_init(|| made)
            }
        };
        let password = Zeroizing::new(password.to_owned());
        let stored = hash.unwrap_or(dummy).to_owned();
        let right = self.run(move |memory| memory.verify(&password, &stored).unwrap_or_default())?;
        Ok(right && hash.is_some())
    }

    /// Has work done by one of the threads, and waits for it.
    fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Memory) -> T + Send + 'static) -> Result<T> {
        let answer = self.submit(work)?.recv();
        answer.map_err(|_| failed("the password could not be checked because of a fault in the program"))
    }

    /// Has work done by one of the threads as soon as one has time; the answer comes later.
    fn submit<T: Send + 'static>(&self, work: impl FnOnce(&mut Memory) -> T + Send + 'static) -> Result<Receiver<T>> {
        let (answer, answered) = sync_channel(1);
        let work: Work = Box::new(move |memory| {
            // Somebody who asked and is gone needs no answer.
            let _ = answer.send(work(memory));
        });
        match self.queue()?.try_send(work) {
            Ok(()) => Ok(answered),
            Err(TrySendError::Full(_)) => Err(Error::refused(BUSY)),
            Err(TrySendError::Disconnected(_)) => Err(failed("the threads that check passwords have ended")),
        }
    }

    /// The queue, with threads that take from it.
    fn queue(&self) -> Result<SyncSender<Work>> {
        let mut queue = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = &*queue {
            return Ok(queue.clone());
        }
        let (sender, receiver) = sync_channel(self.queue);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..self.at_once {
            let receiver = receiver.clone();
            let thread = thread::Builder::new().name("clowder-password".to_owned());
            thread.spawn(move || serve(&receiver)).map_err(|e| failed(&format!("no thread for passwords: {e}")))?;
        }
        *queue = Some(sender.clone());
        Ok(sender)
    }
}

fn failed(why: &str) -> Error {
    Error::Store(why.to_owned())
}

/// Works until there is nobody left who could ask.
fn serve(queue: &Mutex<Receiver<Work>>) {
    let mut memory = Memory::default();
    loop {
        // Waiting with the lock is fine: the other threads could only wait for the same.
        let work = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = work else { return };
        // Whoever asked sees that no answer comes; the others go on signing in.
        let _ = catch_unwind(AssertUnwindSafe(|| work(&mut memory)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::channel,
    };

    use argon2::PasswordVerifier as _;

    use super::*;

    /// What decides the work: algorithm, version and parameters, without salt and hash.
    fn work(hash: &str) -> Vec<&str> {
        hash.split('$').take(4).collect()
    }

    #[test]
    fn a_name_without_an_account_costs_the_same_work_and_never_fits() {
        let hasher = Hasher::new();
        let real = hasher.hash("correct horse").unwrap();
        assert!(hasher.verify("correct horse", Some(&real)).unwrap());
        assert!(!hasher.verify("wrong horse", Some(&real)).unwrap());
        let dummy = hasher.dummy.get().expect("it is made by the first verification, whichever that is");
        assert_eq!(work(dummy), work(&real));
        assert_eq!(work(dummy)[1..3], ["argon2id", "v=19"]);
        for password in ["correct horse", "nobody", ""] {
            assert!(!hasher.verify(password, None).unwrap(), "{password}");
        }
    }

    #[test]
    fn one_password_has_another_hash_each_time() {
        let hasher = Hasher::new();
        assert_ne!(hasher.hash("correct horse").unwrap(), hasher.hash("correct horse").unwrap());
    }

    #[test]
    fn hashes_are_those_of_everybody_else() {
        let hasher = Hasher::new();
        let ours = hasher.hash("correct horse").unwrap();
        let ours = PasswordHash::new(&ours).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse", &ours).is_ok());
        assert!(Argon2::default().verify_password(b"wrong horse", &ours).is_err());
        // Made elsewhere, with less memory and more rounds.
        let params = Params::new(64, 3, 2, Some(24)).unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let theirs = argon2::PasswordHasher::hash_password(&argon2, b"correct horse").unwrap().to_string();
        assert!(hasher.verify("correct horse", Some(&theirs)).unwrap());
        assert!(!hasher.verify("wrong horse", Some(&theirs)).unwrap());
        for broken in ["", "plain", "$argon2id$v=19$m=64,t=3,p=2$c2FsdHNhbHQ", "$md5$x$y"] {
            assert!(!hasher.verify("correct horse", Some(broken)).unwrap(), "{broken}");
        }
    }

    #[test]
    fn only_so_many_at_once_and_only_so_many_wait() {
        const AT_ONCE: usize = 2;
        const WAITING: usize = 3;
        let _limit = crate::limit::Limit::new();
        let hasher = Hasher::with(AT_ONCE, WAITING);
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (begun, begins) = channel();
        let (finish, finished) = channel::<()>();
        let finished = Arc::new(Mutex::new(finished));
        let submit = || {
            let (begun, finished, running, most) = (begun.clone(), finished.clone(), running.clone(), most.clone());
            hasher.submit(move |_| {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                begun.send(()).unwrap();
                finished.lock().unwrap().recv().unwrap();
                running.fetch_sub(1, Ordering::SeqCst);
            })
        };
        let mut answers: Vec<_> = (0..AT_ONCE).map(|_| submit().unwrap()).collect();
        (0..AT_ONCE).for_each(|_| begins.recv().unwrap());
        answers.extend((0..WAITING).map(|_| submit().unwrap()));
        assert_eq!(submit().unwrap_err(), Error::refused(BUSY));
        assert_eq!(hasher.verify("correct horse", None).unwrap_err(), Error::refused(BUSY));
        assert!(begins.try_recv().is_err());
        (0..AT_ONCE + WAITING).for_each(|_| finish.send(()).unwrap());
        answers.into_iter().for_each(|answer| answer.recv().unwrap());
        assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
        assert!(hasher.hash("correct horse").is_ok(), "there is room again");
    }

    #[test]
    fn a_fault_in_one_does_not_end_the_others() {
        let hasher = Hasher::with(1, 1);
        assert!(matches!(hasher.run(|_| panic!("on purpose")), Err::<(), _>(Error::Store(_))));
        assert!(hasher.hash("correct horse").is_ok());
    }
}
