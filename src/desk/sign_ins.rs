//! Who signed in lately: the log gets one entry of those that say the same within an hour.
//!
//! A script that signs in each minute would else write half a million entries a year. What is known here is forgotten
//! when the program ends; then the log gets an entry more.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::model::{Actor, Stamp};

/// How long an entry speaks for those after it, in milliseconds.
const FOR_MS: i64 = 60 * 60 * 1000;
/// How many are remembered at most; beyond it, those forgotten are written again.
const REMEMBERED: usize = 4096;

/// The sign-ins that the log has an entry of.
#[derive(Default)]
pub(super) struct SignIns(Mutex<Known>);

/// When the entry of somebody who came in so was written.
type Known = HashMap<(Actor, String), Stamp>;

impl SignIns {
    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing in here is left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the log has an entry of somebody who came in through this door, from there and in this way, that speaks
    /// for this moment. A clock that was put back makes none.
    pub(super) fn is_known(&self, actor: &Actor, how: &str, now: Stamp) -> bool {
        let known = self.known();
        known.get(&(actor.clone(), how.to_owned())).is_some_and(|at| (0..FOR_MS).contains(&(now.0 - at.0)))
    }

    /// The log has an entry.
    pub(super) fn written(&self, actor: &Actor, how: &str, now: Stamp) {
        let mut known = self.known();
        if known.len() >= REMEMBERED {
            known.retain(|_, at| (0..FOR_MS).contains(&(now.0 - at.0)));
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert((actor.clone(), how.to_owned()), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Door, UserId, Who};

    fn ana(address: &str) -> Actor {
        Actor { who: Who::User(UserId(1)), door: Door::Ssh, address: Some(address.to_owned()) }
    }

    #[test]
    fn an_entry_speaks_for_an_hour_for_the_same_person_door_address_and_way() {
        let sign_ins = SignIns::default();
        let at = Stamp(1_000_000);
        let (here, there) = (ana("192.0.2.1"), ana("192.0.2.2"));
        assert!(!sign_ins.is_known(&here, "with a password", at));
        sign_ins.written(&here, "with a password", at);
        assert!(sign_ins.is_known(&here, "with a password", Stamp(at.0 + FOR_MS - 1)));
        assert!(!sign_ins.is_known(&here, "with a password", Stamp(at.0 + FOR_MS)));
        assert!(!sign_ins.is_known(&here, "with a password", Stamp(at.0 - 1)));
        assert!(!sign_ins.is_known(&here, "with a key", at));
        assert!(!sign_ins.is_known(&there, "with a password", at));
        assert!(!sign_ins.is_known(&Actor { door: Door::Socket, ..here }, "with a password", at));
    }

    #[test]
    fn only_so_many_are_remembered() {
        let sign_ins = SignIns::default();
        for n in 0..3 * REMEMBERED {
            sign_ins.written(&ana(&format!("host {n}")), "with a password", Stamp(1));
        }
        assert!(sign_ins.known().len() <= REMEMBERED);
    }
}
