//! Verifying a backup without its store, and opening what is in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::model::Kind;

use super::{
    super::{
        OpenError, Progress, audit,
        engine::Tree,
        keyring::Keyring,
        keys::Keys,
        record::{self, AnyRecord},
    },
    BackupError, Manifest, Part, form,
};

pub use super::super::keyring::KeySource;

/// What a verification saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What the backup holds.
    pub manifest: Manifest,
    /// Whether every value was opened and read as well; without the key only the hash is compared.
    pub opened: bool,
}

/// What opens the values of a backup with that keyring.
pub(in super::super) fn opener(keyring: &str, keys: &KeySource) -> Result<Keys, OpenError> {
    Keyring::parse(keyring)?.unlock_apart(keys)
}

/// Reads a backup from its first byte to its last and compares its hash; with a key, also opens and reads every value and counts
/// again. `progress` answers false to break off.
///
/// # Errors
/// What is wrong with it, in words.
pub fn verify(
    path: &Path,
    keys: Option<&KeySource>,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Verified, BackupError> {
    let of = form::manifest(path)?.manifest.bytes;
    let unsound = |what: String| BackupError::Unsound { path: path.to_owned(), what };
    if keys.is_some() {
        // A file that is damaged is told apart from one that another key opens.
        form::read(path, &mut |_, done| Ok(progress(Progress { step: "Bytes", done, of })))?
            .ok_or(BackupError::Cancelled)?;
    }
    let mut content = Content::default();
    let mut sealer = None;
    let end = form::read(path, &mut |part, bytes| {
        match (part, keys) {
            (Part::Keyring(text), Some(keys)) => sealer = Some(opener(&text, keys).map_err(BackupError::Key)?),
            (Part::Pair { tree, key, sealed }, Some(_)) => {
                let opened = sealer.as_ref().and_then(|s: &Keys| s.open(tree.name(), &key, &sealed).ok());
                content.see(tree, &key, opened.as_deref()).map_err(unsound)?;
            }
            (_, None) => {}
        }
        Ok(progress(Progress { step: if keys.is_some() { "Bytes opened" } else { "Bytes" }, done: bytes, of }))
    })?
    .ok_or(BackupError::Cancelled)?;
    if let Some(keys) = &sealer {
        if !keys.sealer(keys.number()).is_some_and(|sealer| end.is_sealed_by(&sealer)) {
            return Err(unsound("its manifest was not written by a holder of the key".to_owned()));
        }
        content.compare(&end.manifest).map_err(unsound)?;
    }
    Ok(Verified { manifest: end.manifest, opened: sealer.is_some() })
}

/// What was seen in a backup.
#[derive(Default)]
struct Content {
    ids: BTreeMap<Kind, u32>,
    commits: BTreeSet<u64>,
}

impl Content {
    fn see(&mut self, tree: Tree, key: &[u8], opened: Option<&[u8]>) -> Result<(), String> {
        let named = || match (tree, record::id_of(key)) {
            (Tree::Records(kind), Some(id)) => format!("{} {id}", kind.label().to_lowercase()),
            (Tree::Audit, _) => format!("entry {} of the audit log", audit::parse_key(key).map_or(0, |(no, _)| no)),
            _ => "a value of the store's own".to_owned(),
        };
        let Some(stored) = opened else { return Err(format!("{} does not open with this key", named())) };
        match tree {
            Tree::Records(kind) => {
                let id =
                    record::id_of(key).ok_or_else(|| format!("a key among the {} records is wrong", kind.slug()))?;
                let record = AnyRecord::decode(kind, stored).map_err(|e| format!("{}: {e}", named()))?;
                if record.id() != id {
                    return Err(format!("{} holds another record", named()));
                }
                if self.ids.insert(kind, id).is_some_and(|before| before >= id) {
                    return Err(format!("{} is not in its place", named()));
                }
            }
            Tree::Audit => {
                let (commit, _) = audit::parse_key(key).ok_or("a key of the audit log is wrong")?;
                audit::keys_of_part(key, stored).map_err(|e| format!("{}: {e}", named()))?;
                self.commits.insert(commit);
            }
            Tree::Meta | Tree::Index | Tree::Spare => {}
        }
        Ok(())
    }

    fn compare(&self, manifest: &Manifest) -> Result<(), String> {
        let missing = manifest.commit.saturating_sub(self.commits.len() as u64);
        if missing > manifest.lost_entries || self.commits.last().is_some_and(|&last| last > manifest.commit) {
            return Err(format!("{missing} entries of the audit log are missing"));
        }
        Ok(())
    }
}
