//! The keys that a restore needs, in one place.

use std::sync::Arc;

use super::super::{
    OpenError, OpenOptions, StoreError,
    core::Core,
    engine::Engine,
    keyring::{Keyring, Unlocked},
    seal::Sealer,
};

/// An opened keyring.
pub(in crate::store) struct Opened {
    keyring: Keyring,
    unlocked: Unlocked,
}

/// Opens a keyring with what the options name.
pub(in crate::store) fn unlock(keyring: Keyring, options: &OpenOptions) -> Result<Opened, OpenError> {
    let unlocked = keyring.unlock(&options.keys())?;
    Ok(Opened { keyring, unlocked })
}

impl Opened {
    /// The same once more.
    pub(in crate::store) fn again(&self) -> Self {
        Self { keyring: self.keyring.clone(), unlocked: self.unlocked.again() }
    }

    /// The format of the store that the keyring knows.
    pub(in crate::store) fn format(&self) -> u32 {
        self.keyring.format
    }

    /// The store's id.
    pub(in crate::store) fn store(&self) -> &str {
        &self.keyring.store
    }

    /// What is sealed with the data key of that number.
    pub(in crate::store) fn sealer(&self, number: u32) -> Option<Arc<Sealer>> {
        self.unlocked.keys.sealer(number)
    }

    /// Opens a value that may be sealed with any key that the store ever had.
    pub(in crate::store) fn open(&self, tree: &str, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let unopened = |_| StoreError::Damaged("a value does not open with this key".to_owned());
        self.unlocked.keys.open_with_any(tree, key, sealed).map_err(unopened)
    }

    /// A store with nothing in it that is sealed with the current key.
    pub(in crate::store) fn core(&self, engine: Engine, options: &OpenOptions) -> Core {
        Core::new(engine, self.keyring.clone(), self.unlocked.again(), options)
    }
}
