//! The keyring in the data directory, and the key file outside it.
//!
//! The data key is random and never stored as it is: each slot of the keyring holds it wrapped by a key from somewhere else. The
//! first kind of slot is "file": a key file in the config directory. The keyring also remembers that the store
//! was in use, so that vanished files are never taken for a new store.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::model::Stamp;

use super::{
    OpenError,
    files::{self, KEYRING},
    seal::{self, SecretKey},
};

/// The version of the keyring's own form.
const VERSION: u32 = 1;

/// The slot that a key file opens.
const FILE: &str = "file";

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
    slot: Vec<Slot>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Slot {
    kind: String,
    wrapped: String,
}

/// A key file.
#[derive(Serialize, Deserialize)]
struct KeyFile {
    store: String,
    data: PathBuf,
    key: Zeroizing<String>,
}

/// The form alone, to tell a newer one from a damaged one.
#[derive(Deserialize)]
struct Form {
    version: u32,
}

impl Keyring {
    /// A new store's keyring and data key. The key file is written, the keyring is not.
    pub(super) fn create(data: &Path, config: &Path, key: Option<&Path>) -> Result<(Self, SecretKey), OpenError> {
        let (slot_key, data_key, id) = (SecretKey::generate(), SecretKey::generate(), SecretKey::generate());
        let store = seal::to_hex(&id.bytes()[..8]);
        let path = key.map_or_else(|| default_key_path(config, &store), Path::to_owned);
        if path.exists() {
            return Err(OpenError::ForeignKey { path });
        }
        if let Some(dir) = path.parent().filter(|dir| !dir.exists()) {
            files::make_private_dir(dir)?;
        }
        let file =
            KeyFile { store: store.clone(), data: absolute(data), key: Zeroizing::new(seal::to_hex(slot_key.bytes())) };
        let body = Zeroizing::new(toml::to_string(&file).map_err(|e| OpenError::Failed(e.to_string()))?);
        let text = Zeroizing::new(format!(
            "# The key of a Clowder store. Whoever has it can read the store; without it nobody can, ever.\n\
             # Keep a copy in another place.\n{}",
            *body
        ));
        files::write_private(&path, &text)?;
        let wrapped = seal::to_hex(&seal::wrap(&slot_key, &store, FILE, &data_key));
        let keyring = Self {
            version: VERSION,
            store,
            created: Stamp::now().rfc3339(),
            format: 0,
            in_use: false,
            slot: vec![Slot { kind: FILE.to_owned(), wrapped }],
        };
        Ok((keyring, data_key))
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

    /// A keyring in words.
    pub(super) fn parse(text: &str) -> Result<Self, OpenError> {
        let path = || PathBuf::from(KEYRING);
        if toml::from_str::<Form>(text).is_ok_and(|form| form.version > VERSION) {
            return Err(OpenError::NewerFormat { path: path() });
        }
        toml::from_str(text).map_err(|_| OpenError::DamagedKeyring { path: path() })
    }

    /// Writes the keyring.
    pub(super) fn write(&self, data: &Path) -> Result<(), OpenError> {
        let text = toml::to_string(self).map_err(|e| OpenError::Failed(e.to_string()))?;
        files::write_private(&data.join(KEYRING), &text)
    }

    /// The data key, opened with the key file.
    pub(super) fn unlock(&self, config: &Path, key: Option<&Path>) -> Result<SecretKey, OpenError> {
        let path = key.map_or_else(|| default_key_path(config, &self.store), Path::to_owned);
        let file = read_key_file(&path)?;
        if file.store != self.store {
            return Err(OpenError::ForeignKey { path });
        }
        let slot_key = seal::from_hex(&file.key).map(Zeroizing::new).and_then(|b| SecretKey::from_bytes(&b));
        let slot_key = slot_key.ok_or_else(|| OpenError::WrongKey { path: path.clone() })?;
        self.slot
            .iter()
            .filter(|slot| slot.kind == FILE)
            .filter_map(|slot| seal::from_hex(&slot.wrapped))
            .find_map(|wrapped| seal::unwrap(&slot_key, &self.store, FILE, &wrapped).ok())
            .ok_or(OpenError::WrongKey { path })
    }
}

fn default_key_path(config: &Path, store: &str) -> PathBuf {
    config.join("keys").join(format!("{store}.key"))
}

fn absolute(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Reads a key file that only its owner can read; one that others can read may have been read.
fn read_key_file(path: &Path) -> Result<KeyFile, OpenError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(OpenError::MissingKey { path: path.to_owned() }),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            return Err(OpenError::UnreadableKey { path: path.to_owned() });
        }
        Err(e) if e.kind() == io::ErrorKind::InvalidData => return Err(OpenError::WrongKey { path: path.to_owned() }),
        Err(e) => return Err(files::open_error(path, &e)),
    };
    let mode = fs::metadata(path).map_err(|e| files::open_error(path, &e))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(OpenError::OpenKey { path: path.to_owned() });
    }
    toml::from_str(&text).map_err(|_| OpenError::WrongKey { path: path.to_owned() })
}

/// The key file that remembers a store at this place, if one does.
pub(super) fn remembered(data: &Path, config: &Path) -> Option<PathBuf> {
    let data = absolute(data);
    fs::read_dir(config.join("keys"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "key"))
        .find(|path| read_key_file(path).is_ok_and(|file| file.data == data))
}
