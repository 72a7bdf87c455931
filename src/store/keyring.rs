//! The keyring in the data directory.
//!
//! The data key is random and never stored as it is: each slot of the keyring holds it wrapped by a key from somewhere else: a key
//! file outside the data directory, a passphrase, a recovery code on paper, a credential of the service manager. Data keys
//! are numbered; older ones are kept under the current one, for journals and backups of their time. The keyring also
//! remembers that the store was in use, so that vanished files are never taken for a new store.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::model::Stamp;

use super::{
    OpenError,
    files::{self, KEYRING, KEYRING_COPY},
    journal,
    keys::Keys,
    seal::{self, KeyHasher, SecretKey},
};

pub mod code;
mod file;
mod passphrase;
mod unlock;

pub(super) use file::{
    default_path as default_key_path, remembered, store_of as store_of_key, write as write_key_file,
};
use passphrase::Argon;
pub use passphrase::PASSPHRASE_MIN;
pub(super) use passphrase::check as check_passphrase;
pub use unlock::{Ask, KeySource};
pub(super) use unlock::{Source, Unlocked, Way};

/// The version of the keyring's own form that a new store begins with. Version 1 had slots of key files only, and one data key.
const VERSION: u32 = 2;

/// The version from the second data key on that this program makes: the mark of re-sealing is proven by it. What the index's secret is
/// sealed as says so too, so that nobody without that key can give it out as an older version, in which the mark has no proof.
const PROVEN: u32 = 3;

/// The most slots that a keyring may have: a passphrase is tried on all of its kind.
const MOST_SLOTS: usize = 16;

/// What a slot is opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlotKind {
    /// A key file.
    File,
    /// A passphrase that somebody knows.
    Passphrase,
    /// A recovery code that was printed.
    Recovery,
    /// Bytes that the service manager passes in.
    Credential,
}

impl SlotKind {
    /// In words.
    pub const fn label(self) -> &'static str {
        match self {
            Self::File => "key file",
            Self::Passphrase => "passphrase",
            Self::Recovery => "recovery code",
            Self::Credential => "credential",
        }
    }

    /// As it is sealed with the wrapped key, so that a slot is not taken for another.
    const fn slug(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Passphrase => "passphrase",
            Self::Recovery => "recovery",
            Self::Credential => "credential",
        }
    }
}

/// The keyring.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Keyring {
    version: u32,
    /// The store's id.
    pub(super) store: String,
    /// When the store was made.
    created: String,
    /// The format of the store's content; known here before anything is opened.
    pub(super) format: u32,
    /// Whether the store was made to the end and may hold something.
    pub(super) in_use: bool,
    /// The number of the current data key.
    #[serde(default = "first")]
    pub(super) key: u32,
    /// The secret of the index's hashes, sealed; while it is missing it follows from the first data key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<String>,
    /// Since when values are being re-sealed with the current data key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resealing: Option<String>,
    /// What only a holder of the current data key can make together with that mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resealing_proof: Option<String>,
    pub(super) slot: Vec<Slot>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    retired: Vec<Retired>,
}

const fn first() -> u32 {
    1
}

/// One way to the data key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Slot {
    #[serde(default)]
    pub(super) number: u32,
    pub(super) kind: SlotKind,
    #[serde(default)]
    pub(super) created: String,
    #[serde(default)]
    pub(super) label: String,
    /// The slot that this one takes the place of as soon as it has opened the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) replaces: Option<u32>,
    wrapped: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    argon2id: Option<Argon>,
}

/// An older data key.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Retired {
    number: u32,
    /// When the next one took its place.
    until: String,
    sealed: String,
}

/// The form alone, to tell a newer one from a damaged one.
#[derive(Deserialize)]
struct Form {
    version: u32,
}

/// What a new slot is opened with: the key, and how it is found again.
pub(super) struct NewSlot {
    pub(super) kind: SlotKind,
    pub(super) label: String,
    pub(super) secret: SecretKey,
    argon2id: Option<Argon>,
}

impl NewSlot {
    /// A slot that is opened with a key as it is.
    pub(super) fn of(kind: SlotKind, label: &str, secret: SecretKey) -> Self {
        Self { kind, label: label.to_owned(), secret, argon2id: None }
    }

    /// A slot that is opened with a passphrase.
    pub(super) fn passphrase(label: &str, passphrase: &str) -> Result<Self, OpenError> {
        let argon = Argon::new();
        let secret = argon.key(passphrase)?;
        Ok(Self { kind: SlotKind::Passphrase, label: label.to_owned(), secret, argon2id: Some(argon) })
    }
}

impl Keyring {
    /// An id for a new store.
    pub(super) fn new_id() -> String {
        seal::to_hex(&SecretKey::generate().bytes()[..8])
    }

    /// The keyring of a new store with that id, opened. The key file is written, unless it is there from a making that was
    /// cut short; the keyring is not.
    pub(super) fn create(
        data: &Path,
        store: &str,
        config: &Path,
        key: Option<&Path>,
    ) -> Result<(Self, Unlocked), OpenError> {
        let (store, data_key) = (store.to_owned(), SecretKey::generate());
        let path = key.map_or_else(|| file::default_path(config, &store), Path::to_owned);
        let slot_key = if path.exists() {
            let own = file::read(&path).ok().filter(|file| file.store == store).and_then(|file| file.key());
            own.ok_or_else(|| OpenError::ForeignKey { path: path.clone() })?
        } else {
            let new = SecretKey::generate();
            file::write(&path, &store, data, &new)?;
            new
        };
        let mut keyring = Self {
            version: VERSION,
            store,
            created: Stamp::now().rfc3339(),
            format: 0,
            in_use: false,
            key: first(),
            index: None,
            resealing: None,
            resealing_proof: None,
            slot: Vec::new(),
            retired: Vec::new(),
        };
        let label = path.display().to_string();
        let number = keyring.add(&data_key, NewSlot::of(SlotKind::File, &label, slot_key.clone()))?;
        let way = Way { slot: number, secret: slot_key, source: Source::File(path) };
        let unlocked = keyring.opened(data_key, way)?;
        Ok((keyring, unlocked))
    }

    /// The keyring of a data directory, if there is one.
    pub(super) fn read(data: &Path) -> Result<Option<Self>, OpenError> {
        let path = data.join(KEYRING);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) if e.kind() == io::ErrorKind::InvalidData => return Err(OpenError::DamagedKeyring { path }),
            Err(e) => return Err(files::open_error(&path, &e)),
        };
        Self::parse(&text).map(Some).map_err(|e| match e {
            OpenError::NewerFormat { .. } => OpenError::NewerFormat { path: data.to_owned() },
            _ => OpenError::DamagedKeyring { path },
        })
    }

    /// The id of the store in a data directory whose keyring is gone, from what is left there and from the key files.
    pub(super) fn lost_store(data: &Path, config: &Path, key: Option<&Path>) -> Option<String> {
        let of_copy = || Self::parse(&fs::read_to_string(data.join(KEYRING_COPY)).ok()?).ok().map(|copy| copy.store);
        let of_key = || key.and_then(store_of_key).or_else(|| store_of_key(&remembered(data, config)?));
        of_copy().or_else(|| journal::owner(data)).or_else(of_key)
    }

    /// A keyring in words.
    pub(super) fn parse(text: &str) -> Result<Self, OpenError> {
        let path = || PathBuf::from(KEYRING);
        if toml::from_str::<Form>(text).is_ok_and(|form| form.version > PROVEN) {
            return Err(OpenError::NewerFormat { path: path() });
        }
        let mut keyring: Self = toml::from_str(text).map_err(|_| OpenError::DamagedKeyring { path: path() })?;
        keyring.upgrade();
        Ok(keyring)
    }

    /// Brings what was read to the present form; it is written the next time something changes.
    fn upgrade(&mut self) {
        if self.version < VERSION {
            for (number, slot) in (1..).zip(&mut self.slot) {
                slot.number = number;
                slot.created.clone_from(&self.created);
            }
            self.version = VERSION;
        }
    }

    /// Writes the keyring, and then its copy: without the one of them nothing of the store can be read.
    pub(super) fn write(&self, data: &Path) -> Result<(), OpenError> {
        files::write_private(&data.join(KEYRING), &self.text()?)?;
        if self.write_copy(data).is_err() {
            // An older one may have a slot that was taken away.
            let _ = fs::remove_file(data.join(KEYRING_COPY));
        }
        Ok(())
    }

    /// Writes the copy again, when it is of another keyring or cannot be read.
    pub(super) fn keep_copy(&self, data: &Path) -> Result<(), OpenError> {
        let copy = fs::read_to_string(data.join(KEYRING_COPY)).ok().and_then(|text| Self::parse(&text).ok());
        if copy.is_some_and(|copy| copy.outline() == self.outline()) { Ok(()) } else { self.write_copy(data) }
    }

    fn write_copy(&self, data: &Path) -> Result<(), OpenError> {
        files::write_private(&data.join(KEYRING_COPY), &self.text()?)
    }

    fn text(&self) -> Result<String, OpenError> {
        toml::to_string(self).map_err(|e| OpenError::Failed(e.to_string()))
    }

    /// What tells one keyring of a store from another.
    fn outline(&self) -> (&str, u32, u32, bool, Vec<(u32, &str)>) {
        let slots = self.slot.iter().map(|slot| (slot.number, slot.created.as_str())).collect();
        (&self.store, self.format, self.key, self.resealing.is_some(), slots)
    }

    /// What a wrapped or sealed key is bound to: its purpose and, past the first, the number of the data key.
    fn bound(purpose: &str, number: u32) -> String {
        if number == first() { purpose.to_owned() } else { format!("{purpose}.{number}") }
    }

    /// Wraps the data key for a slot.
    fn wrap(&self, data_key: &SecretKey, kind: SlotKind, secret: &SecretKey) -> String {
        seal::to_hex(&seal::wrap(secret, &self.store, &Self::bound(kind.slug(), self.key), data_key))
    }

    /// The data key of a slot, if that is its secret.
    fn unwrap(&self, slot: &Slot, secret: &SecretKey) -> Option<SecretKey> {
        let wrapped = seal::from_hex(&slot.wrapped)?;
        seal::unwrap(secret, &self.store, &Self::bound(slot.kind.slug(), self.key), &wrapped).ok()
    }

    /// The slot of a kind that a secret opens, with the data key.
    pub(super) fn open_slot(&self, kind: SlotKind, secret: &SecretKey) -> Option<(u32, SecretKey)> {
        self.slot.iter().filter(|s| s.kind == kind).find_map(|s| Some((s.number, self.unwrap(s, secret)?)))
    }

    /// Whether there is a slot of that kind.
    pub(super) fn has(&self, kind: SlotKind) -> bool {
        self.slot.iter().any(|slot| slot.kind == kind)
    }

    /// Adds a slot and answers its number, the one after the highest.
    pub(super) fn add(&mut self, data_key: &SecretKey, new: NewSlot) -> Result<u32, OpenError> {
        if self.slot.len() >= MOST_SLOTS {
            return Err(OpenError::Failed(format!(
                "the store has {MOST_SLOTS} slots, which is the most; remove one with \"clowder key remove\""
            )));
        }
        let number = self.slot.iter().map(|slot| slot.number).max().unwrap_or_default() + 1;
        let wrapped = self.wrap(data_key, new.kind, &new.secret);
        self.slot.push(Slot {
            number,
            kind: new.kind,
            created: Stamp::now().rfc3339(),
            label: new.label,
            replaces: None,
            wrapped,
            argon2id: new.argon2id,
        });
        Ok(number)
    }

    /// Adds a slot that takes the place of another as soon as it has opened the store.
    pub(super) fn add_successor(&mut self, data_key: &SecretKey, new: NewSlot, of: u32) -> Result<u32, OpenError> {
        let number = self.add(data_key, new)?;
        if let Some(slot) = self.slot.last_mut() {
            slot.replaces = Some(of);
        }
        Ok(number)
    }

    /// Drops the slot that this one takes the place of, and others that were to do the same; false when there is none.
    pub(super) fn succeed(&mut self, number: u32) -> bool {
        let Some(slot) = self.slot.iter_mut().find(|slot| slot.number == number) else { return false };
        let Some(old) = slot.replaces.take() else { return false };
        self.slot.retain(|slot| slot.number != old && slot.replaces != Some(old));
        true
    }

    /// Makes a new data key the current one: the slots whose secrets are given wrap it, the others are dropped, older keys
    /// are kept under it. Answers the new key and the slots that were dropped.
    pub(super) fn renew(
        &mut self,
        keys: &Keys,
        hasher: &KeyHasher,
        secrets: &[(u32, SecretKey)],
    ) -> (SecretKey, Vec<Slot>) {
        let (now, new, old_number) = (Stamp::now().rfc3339(), SecretKey::generate(), self.key);
        self.key += 1;
        let (mut kept, mut dropped) = (Vec::new(), Vec::new());
        for mut slot in std::mem::take(&mut self.slot) {
            match secrets.iter().find(|(number, _)| *number == slot.number) {
                Some((_, secret)) => {
                    slot.wrapped = self.wrap(&new, slot.kind, secret);
                    slot.replaces = None;
                    kept.push(slot);
                }
                None => dropped.push(slot),
            }
        }
        self.slot = kept;
        let seal_older = |number: u32, key: &SecretKey| {
            seal::to_hex(&seal::wrap(&new, &self.store, &format!("retired {number}"), key))
        };
        let mut retired: Vec<Retired> = Vec::new();
        for (number, key) in keys.older() {
            let until = self.retired.iter().find(|old| old.number == number).map(|old| old.until.clone());
            let sealed = seal_older(number, &key);
            retired.push(Retired { number, until: until.unwrap_or_default(), sealed });
        }
        retired.push(Retired {
            number: old_number,
            until: now.clone(),
            sealed: seal_older(old_number, &keys.current()),
        });
        self.version = PROVEN;
        self.index = Some(seal::to_hex(&seal::wrap(&new, &self.store, PROVEN_INDEX, hasher.secret())));
        self.retired = retired;
        let proof = seal::wrap(&new, &self.store, &resealing_since(&now), &SecretKey::generate());
        self.resealing_proof = Some(seal::to_hex(&proof));
        self.resealing = Some(now);
        (new, dropped)
    }

    /// Every value is sealed with the current data key.
    pub(super) fn end_resealing(&mut self) {
        (self.resealing, self.resealing_proof) = (None, None);
    }

    /// Numbers and last days of the older data keys.
    pub(super) fn retired(&self) -> impl Iterator<Item = (u32, &str)> {
        self.retired.iter().map(|old| (old.number, old.until.as_str()))
    }

    /// What the data key opens.
    fn opened(&self, data_key: SecretKey, way: Way) -> Result<Unlocked, OpenError> {
        let (keys, hasher) = self.keys(data_key)?;
        Ok(Unlocked { keys, hasher, way, notices: Vec::new() })
    }

    /// The keys that are sealed with the data key, and itself.
    fn keys(&self, data_key: SecretKey) -> Result<(Keys, KeyHasher), OpenError> {
        let damaged = || OpenError::Failed(format!("{KEYRING} is damaged; put it back from a backup"));
        let open = |name: &str, sealed: &str| {
            let sealed = seal::from_hex(sealed).ok_or_else(damaged)?;
            seal::unwrap(&data_key, &self.store, name, &sealed).map_err(|_| damaged())
        };
        let proven = self.version >= PROVEN;
        let hasher = match &self.index {
            Some(sealed) => KeyHasher::of(open(if proven { PROVEN_INDEX } else { INDEX }, sealed)?),
            None if proven => return Err(damaged()),
            None => KeyHasher::new(&data_key),
        };
        // With the mark values are taken that are sealed with an older key: somebody who has only such a one must not set it.
        match (&self.resealing, &self.resealing_proof) {
            (None, None) => {}
            (Some(since), Some(proof)) => drop(open(&resealing_since(since), proof)?),
            (Some(_), None) if !proven => {}
            _ => return Err(damaged()),
        }
        let mut older = Vec::new();
        for old in &self.retired {
            older.push((old.number, open(&format!("retired {}", old.number), &old.sealed)?));
        }
        Ok((Keys::new(self.key, data_key, older, self.resealing.is_some()), hasher))
    }
}

/// What the secret of the index's hashes is sealed as.
const INDEX: &str = "index hashes";
const PROVEN_INDEX: &str = "index hashes 3";

/// What the proof of the mark of re-sealing is sealed as.
fn resealing_since(since: &str) -> String {
    format!("resealing since {since}")
}

/// The name under which systemd passes a key in.
pub(super) const CREDENTIAL: &str = "clowder.key";

/// The key that bytes stand for which a service manager passes in.
pub(super) fn credential_key(bytes: &[u8]) -> Result<SecretKey, OpenError> {
    if bytes.len() < 32 {
        return Err(OpenError::Failed("a credential has at least 32 random bytes".to_owned()));
    }
    Ok(SecretKey::hashed("clowder credential 1", bytes))
}

#[cfg(test)]
mod tests;
