//! Opening: lock, key, leftovers, damage, and plain words for what stands in the way.

use std::{path::PathBuf, time::Duration};

use crate::model::Door;

use super::{Store, StoreError};

/// Where a store is and how to open it.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// The data directory.
    pub data: PathBuf,
    /// The key file; `None` for `<config>/keys/<store id>.key`.
    pub key: Option<PathBuf>,
    /// The config directory.
    pub config: PathBuf,
    /// How much memory the engine may keep pages in.
    pub cache_bytes: u64,
    /// Whether a store may be made where there is none.
    pub create: bool,
    /// The program to run as `PROG open-probe DIR` before a store that was not closed properly is opened;
    /// `None` tries in a thread instead, which cannot be ended when it hangs.
    pub probe: Option<PathBuf>,
    /// How long that try may take.
    pub probe_limit: Duration,
    /// Through which door the store is opened, for those who find it locked.
    pub door: Door,
}

impl OpenOptions {
    /// The usual settings: a store is made when there is none, 48 MiB of cache, tries in a thread of at most two minutes.
    pub fn new(data: impl Into<PathBuf>, config: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            key: None,
            config: config.into(),
            cache_bytes: 48 << 20,
            create: true,
            probe: None,
            probe_limit: Duration::from_secs(120),
            door: Door::Local,
        }
    }
}

/// A store that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Whether it was made just now.
    pub fresh: bool,
    /// What the person in front should know: what was repaired, what was found.
    pub notices: Vec<String>,
}

/// Why a store does not open, with the way out in the message. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the store is in use by {by}; close that, or attach to it")]
    Locked {
        /// Who has it, in words.
        by: String,
    },
    /// Anything the store reports.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Opens a store, or makes one.
    ///
    /// # Errors
    /// Each with the way out in words.
    pub fn open(_options: OpenOptions) -> Result<Opened, OpenError> {
        unimplemented!()
    }
}

/// Tries to open the engine's directory; what the program does for the hidden words `open-probe DIR`.
///
/// # Errors
/// What the engine said.
pub fn probe(_dir: &std::path::Path) -> Result<(), String> {
    unimplemented!()
}
