//! The data keys in memory: the one that seals, and older ones that still open.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use super::seal::{NotOpened, Sealer, SecretKey};

/// A data key with what is made of it.
struct DataKey {
    secret: SecretKey,
    sealer: Arc<Sealer>,
}

impl DataKey {
    fn new(secret: SecretKey) -> Self {
        Self { sealer: Arc::new(Sealer::new(&secret)), secret }
    }
}

struct Ring {
    number: u32,
    current: DataKey,
    older: BTreeMap<u32, DataKey>,
    /// Whether values of the store may still be sealed with an older key.
    mixed: bool,
}

/// The data keys of an open store. Values are sealed with the current one. They are opened with it alone too, except while
/// they are being re-sealed: somebody who got hold of an old key can then make nothing that passes for good.
pub(super) struct Keys(RwLock<Ring>);

impl Keys {
    /// The current key with its number, and older ones.
    pub(super) fn new(number: u32, current: SecretKey, older: Vec<(u32, SecretKey)>, mixed: bool) -> Self {
        let older = older.into_iter().map(|(number, key)| (number, DataKey::new(key))).collect();
        Self(RwLock::new(Ring { number, current: DataKey::new(current), older, mixed }))
    }

    /// The same keys once more.
    pub(super) fn again(&self) -> Self {
        let older = self.older();
        let ring = self.ring();
        Self::new(ring.number, ring.current.secret.clone(), older, ring.mixed)
    }

    fn ring(&self) -> RwLockReadGuard<'_, Ring> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the current key.
    pub(super) fn number(&self) -> u32 {
        self.ring().number
    }

    /// The number of the current key and its sealer.
    pub(super) fn current_sealer(&self) -> (u32, Arc<Sealer>) {
        let ring = self.ring();
        (ring.number, Arc::clone(&ring.current.sealer))
    }

    /// The sealer of a key, current or older, for what is sealed with a key that it names: journals, backups.
    pub(super) fn sealer(&self, number: u32) -> Option<Arc<Sealer>> {
        let ring = self.ring();
        if number == ring.number {
            return Some(Arc::clone(&ring.current.sealer));
        }
        ring.older.get(&number).map(|key| Arc::clone(&key.sealer))
    }

    /// Seals a value of the store with the current key.
    pub(super) fn seal(&self, tree: &str, key: &[u8], plain: &[u8]) -> Vec<u8> {
        self.ring().current.sealer.seal(tree, key, plain)
    }

    /// Opens a value of the store.
    pub(super) fn open(&self, tree: &str, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, NotOpened> {
        let ring = self.ring();
        ring.current.sealer.open(tree, key, sealed).or_else(|e| {
            let mut older = ring.older.values().rev().filter(|_| ring.mixed);
            older.find_map(|old| old.sealer.open(tree, key, sealed).ok()).ok_or(e)
        })
    }

    /// Opens a value that may be sealed with any key that the store ever had.
    pub(super) fn open_with_any(&self, tree: &str, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, NotOpened> {
        let ring = self.ring();
        let all = std::iter::once(&ring.current).chain(ring.older.values().rev());
        all.map(|data_key| data_key.sealer.open(tree, key, sealed)).find(Result::is_ok).unwrap_or(Err(NotOpened))
    }

    /// Whether a value is sealed with the current key.
    pub(super) fn is_current(&self, tree: &str, key: &[u8], sealed: &[u8]) -> bool {
        self.ring().current.sealer.open(tree, key, sealed).is_ok()
    }

    /// A key, current or older.
    pub(super) fn secret(&self, number: u32) -> Option<SecretKey> {
        let ring = self.ring();
        if number == ring.number {
            return Some(ring.current.secret.clone());
        }
        ring.older.get(&number).map(|key| key.secret.clone())
    }

    /// The current key, to be wrapped.
    pub(super) fn current(&self) -> SecretKey {
        self.ring().current.secret.clone()
    }

    /// The older keys, to be kept under the current one.
    pub(super) fn older(&self) -> Vec<(u32, SecretKey)> {
        self.ring().older.iter().map(|(&number, key)| (number, key.secret.clone())).collect()
    }

    /// Puts a new key in the place of the current one, which opens until [`Keys::settle`].
    pub(super) fn replace(&self, number: u32, key: SecretKey) {
        let mut ring = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut ring.current, DataKey::new(key));
        let old_number = std::mem::replace(&mut ring.number, number);
        ring.older.insert(old_number, old);
        ring.mixed = true;
    }

    /// From now on only the current key opens.
    pub(super) fn settle(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).mixed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_key_opens_only_while_values_are_re_sealed() {
        let keys = Keys::new(1, SecretKey::generate(), Vec::new(), false);
        let first = keys.seal("cat", b"1", b"Miso");
        keys.replace(2, SecretKey::generate());
        let second = keys.seal("cat", b"1", b"Miso");
        assert_eq!((keys.number(), keys.is_current("cat", b"1", &first)), (2, false));
        assert!(keys.is_current("cat", b"1", &second));
        for sealed in [&first, &second] {
            assert_eq!(keys.open("cat", b"1", sealed), Ok(b"Miso".to_vec()));
        }
        keys.settle();
        assert_eq!(keys.open("cat", b"1", &first), Err(NotOpened));
        assert_eq!(keys.open("cat", b"1", &second), Ok(b"Miso".to_vec()));
        let old = keys.sealer(1).expect("it is kept");
        assert_eq!(old.open("cat", b"1", &first), Ok(b"Miso".to_vec()));
        assert!(keys.sealer(3).is_none());
    }
}
