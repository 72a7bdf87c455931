//! A store in a directory of its own, for the tests of the store.
#![allow(dead_code)] // Each test program uses its own part of it.

#[path = "limit.rs"]
pub mod limit;

use std::path::PathBuf;

use clowder::{
    model::{Action, Actor, Record},
    store::{OpenError, OpenOptions, Opened, Store, StoreError},
};
use limit::Limit;

/// Directories that vanish with the test, which is watched over as long as they are there.
pub struct Home(pub tempfile::TempDir, Limit);

impl Home {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap(), Limit::new())
    }

    pub fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    pub fn config(&self) -> PathBuf {
        self.0.path().join("config")
    }

    pub fn store_dir(&self) -> PathBuf {
        self.data().join("store")
    }

    pub fn options(&self) -> OpenOptions {
        OpenOptions::new(self.data(), self.config())
    }

    pub fn try_open(&self) -> Result<Opened, OpenError> {
        Store::open(self.options())
    }

    pub fn open(&self) -> Store {
        self.try_open().unwrap().store
    }

    /// The only key file. Beside it there may be what a kill left of writing another.
    pub fn key_file(&self) -> PathBuf {
        let keys = std::fs::read_dir(self.config().join("keys")).unwrap().map(|entry| entry.unwrap().path());
        let mut keys = keys.filter(|path| path.extension().is_some_and(|e| e == "key"));
        keys.next().unwrap()
    }
}

/// Adds a record in a commit of its own.
pub fn add<R: Record>(store: &Store, mut record: R) -> R {
    store
        .write(&Actor::console(), move |tx| {
            tx.describe(Action::Import, "");
            tx.insert(&mut record)?;
            Ok::<_, StoreError>(record)
        })
        .unwrap()
        .value
}

/// Checks the store and wants nothing found.
pub fn clean(store: &Store) {
    let report = store.check(&mut |_| true).unwrap();
    assert_eq!(report.findings, Vec::<String>::new());
    assert!(report.is_clean());
}

/// Waits until something is so.
pub fn wait_for(so: impl FnMut() -> bool) {
    limit::wait_for("something", so);
}
