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
pub(super) struct Opened {
    keyring: Keyring,
    unlocked: Unlocked,
}

/// Opens a keyring with what the options name.
pub(super) fn unlock(keyring: Keyring, options: &OpenOptions) -> Result<Opened, OpenError> {
    let unlocked = keyring.unlock(&options.keys())?;
    Ok(Opened { keyring, unlocked })
}

impl Opened {
    /// The store's id.
    pub(super) fn store(&self) -> &str {
        &self.keyring.store
    }

    /// What is sealed with the data key of that number.
    pub(super) fn sealer(&self, number: u32) -> Option<Arc<Sealer>> {
        self.unlocked.keys.sealer(number)
    }

    /// Opens a value that may be sealed with any key that the store ever had.
    pub(super) fn open(&self, tree: &str, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let unopened = |_| StoreError::Damaged("a value does not open with this key".to_owned());
        self.unlocked.keys.open_with_any(tree, key, sealed).map_err(unopened)
    }

    /// A store with nothing in it that is sealed with the current key.
    pub(super) fn core(&self, engine: Engine, options: &OpenOptions) -> Core {
        Core::new(engine, self.keyring.clone(), self.unlocked.again(), options)
    }
}
