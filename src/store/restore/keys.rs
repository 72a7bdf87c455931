//! The keys that a restore needs, in one place.

use std::sync::Arc;

use super::super::{
    OpenError, OpenOptions, StoreError,
    core::Core,
    engine::Engine,
    keyring::Keyring,
    seal::{Sealer, SecretKey},
};

/// An opened keyring.
pub(super) struct Opened {
    keyring: Keyring,
    key: SecretKey,
    sealer: Arc<Sealer>,
}

/// Opens a keyring with what the options name.
pub(super) fn unlock(keyring: Keyring, options: &OpenOptions) -> Result<Opened, OpenError> {
    let key = keyring.unlock(&options.config, options.key.as_deref())?;
    let sealer = Arc::new(Sealer::new(&key));
    Ok(Opened { keyring, key, sealer })
}

impl Opened {
    /// The store's id.
    pub(super) fn store(&self) -> &str {
        &self.keyring.store
    }

    /// What is sealed with the data key of that number.
    pub(super) fn sealer(&self, number: u32) -> Option<Arc<Sealer>> {
        (number == 1).then(|| Arc::clone(&self.sealer))
    }

    /// Opens a value that may be sealed with any key that the store ever had.
    pub(super) fn open(&self, tree: &str, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let unopened = |_| StoreError::Damaged("a value does not open with this key".to_owned());
        self.sealer.open(tree, key, sealed).map_err(unopened)
    }

    /// A store with nothing in it that is sealed with the current key.
    pub(super) fn core(&self, engine: Engine, _options: &OpenOptions) -> Core {
        Core::new(self.keyring.store.clone(), engine, &self.key)
    }
}
