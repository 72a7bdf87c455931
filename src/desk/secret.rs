//! Passwords: argon2id, a few at a time, and the same time for a name that does not exist.

use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _, password_hash::phc::PasswordHash};

use crate::model::{Error, Result};

/// How many hashes are worked out at once (each takes 19 MiB and some 30 ms of a core).
const AT_ONCE: usize = 2;

/// Works out and verifies password hashes, no more than a few at a time.
pub(super) struct Hasher {
    busy: Mutex<usize>,
    freed: Condvar,
    dummy: OnceLock<String>,
}

impl Hasher {
    pub(super) fn new() -> Self {
        Self { busy: Mutex::new(0), freed: Condvar::new(), dummy: OnceLock::new() }
    }

    /// The hash of a password with a fresh salt, in PHC form.
    pub(super) fn hash(&self, password: &str) -> Result<String> {
        let _place = self.enter();
        Argon2::default()
            .hash_password(password.as_bytes())
            .map(|hash| hash.to_string())
            .map_err(|e| Error::Store(format!("the password could not be hashed: {e}")))
    }

    /// Whether the password is the one behind the hash. Without a hash the same work is done on a made-up
    /// one, so that the time does not tell whether there is such an account.
    pub(super) fn verify(&self, password: &str, hash: Option<&str>) -> bool {
        // Made whichever way it goes: the first sign-in takes as long as the first wrong name.
        let dummy = self.dummy.get_or_init(|| self.hash("nobody").unwrap_or_default());
        let _place = self.enter();
        let stored = hash.unwrap_or(dummy);
        let Ok(parsed) = PasswordHash::new(stored) else { return false };
        Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok() && hash.is_some()
    }

    fn enter(&self) -> Place<'_> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        while *busy >= AT_ONCE {
            busy = self.freed.wait(busy).unwrap_or_else(PoisonError::into_inner);
        }
        *busy += 1;
        Place(self)
    }
}

struct Place<'a>(&'a Hasher);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.busy.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What decides the work: algorithm, version and parameters, without salt and hash.
    fn work(hash: &str) -> Vec<&str> {
        hash.split('$').take(4).collect()
    }

    #[test]
    fn a_name_without_an_account_costs_the_same_work_and_never_fits() {
        let hasher = Hasher::new();
        let real = hasher.hash("correct horse").unwrap();
        assert!(hasher.verify("correct horse", Some(&real)));
        assert!(!hasher.verify("wrong horse", Some(&real)));
        let dummy = hasher.dummy.get().expect("it is made by the first verification, whichever that is");
        assert_eq!(work(dummy), work(&real));
        assert_eq!(work(dummy)[1..3], ["argon2id", "v=19"]);
        for password in ["correct horse", "nobody", ""] {
            assert!(!hasher.verify(password, None), "{password}");
        }
    }

    #[test]
    fn one_password_has_another_hash_each_time() {
        let hasher = Hasher::new();
        assert_ne!(hasher.hash("correct horse").unwrap(), hasher.hash("correct horse").unwrap());
    }
}
