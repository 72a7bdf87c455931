//! The catalog: a compact view of cats, users and requests in memory.

use super::Change;

/// The view. Built in the background at open, changed by the writer after each durable commit.
#[derive(Debug, Default)]
pub struct Catalog {
    ready: bool,
    version: u64,
}

impl Catalog {
    /// Whether every record of the store is in it.
    pub fn ready(&self) -> bool {
        self.ready
    }

    /// Counts the changes, so that a screen knows when to ask again.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Takes in the changes of one commit, in order. While the catalog is built every record of the store
    /// comes through here once, with no `before`: breeds, health statuses, cats, users, then requests.
    pub fn apply(&mut self, changes: &[Change]) {
        self.version += u64::from(!changes.is_empty());
    }

    /// Every record is in.
    pub fn set_ready(&mut self) {
        self.ready = true;
    }
}
