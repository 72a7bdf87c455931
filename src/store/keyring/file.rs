//! Key files.

use std::{
    fs,
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::store::{
    OpenError, files,
    seal::{self, SecretKey},
};

/// The most that is read of a file with a secret.
const MOST: u64 = 64 * 1024;

/// A key file.
#[derive(Serialize, Deserialize)]
pub(super) struct KeyFile {
    /// The store that it is for.
    pub(super) store: String,
    /// Where that store was, so that an empty directory is known for what it is.
    data: PathBuf,
    key: Zeroizing<String>,
}

impl KeyFile {
    /// The key in it, if it is one.
    pub(super) fn key(&self) -> Option<SecretKey> {
        seal::from_hex(&self.key).map(Zeroizing::new).and_then(|bytes| SecretKey::from_bytes(&bytes))
    }

    /// Reads what a key file holds.
    pub(super) fn parse(text: &str) -> Option<Self> {
        toml::from_str(text).ok()
    }
}

/// Where the key file of a store is looked for.
pub(in crate::store) fn default_path(config: &Path, store: &str) -> PathBuf {
    config.join("keys").join(format!("{store}.key"))
}

/// A path as it is from the root; the last part of it need not be there.
pub(super) fn absolute(path: &Path) -> PathBuf {
    let of_parent = || {
        let parent = path.parent().map(|dir| if dir.as_os_str().is_empty() { Path::new(".") } else { dir })?;
        Some(fs::canonicalize(parent).ok()?.join(path.file_name()?))
    };
    fs::canonicalize(path).ok().or_else(of_parent).unwrap_or_else(|| path.to_owned())
}

/// Writes a key file, whole or not at all; one that is there is replaced.
pub(in crate::store) fn write(path: &Path, store: &str, data: &Path, key: &SecretKey) -> Result<(), OpenError> {
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty() && !dir.exists()) {
        files::make_private_dir(dir)?;
    }
    let file =
        KeyFile { store: store.to_owned(), data: absolute(data), key: Zeroizing::new(seal::to_hex(key.bytes())) };
    let body = Zeroizing::new(toml::to_string(&file).map_err(|e| OpenError::Failed(e.to_string()))?);
    let text = Zeroizing::new(format!(
        "# The key of a Clowder store. Whoever has it can read the store; without it nobody can, ever.\n\
         # Keep a copy in another place.\n{}",
        *body
    ));
    files::write_private(path, &text)
}

/// Reads a key file that only its owner can read; one that others can read may have been read.
pub(super) fn read(path: &Path) -> Result<KeyFile, OpenError> {
    let bytes = match read_secret(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(OpenError::MissingKey { path: path.to_owned() }),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            return Err(OpenError::UnreadableKey { path: path.to_owned() });
        }
        Err(e) => return Err(files::open_error(path, &e)),
    };
    let mode = fs::metadata(path).map_err(|e| files::open_error(path, &e))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(OpenError::OpenKey { path: path.to_owned() });
    }
    let text = std::str::from_utf8(&bytes).ok();
    text.and_then(KeyFile::parse).ok_or_else(|| OpenError::WrongKey { path: path.to_owned() })
}

/// What a small file holds, wiped afterwards; `None` when it is not there.
pub(super) fn read_secret(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    // With room for all of it no part is left behind where it has moved from.
    let size = file.metadata()?.len().min(MOST);
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1));
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// The store that a key file is for.
pub(in crate::store) fn store_of(path: &Path) -> Option<String> {
    read(path).ok().map(|file| file.store)
}

/// The key file that remembers a store at this place, if one does.
pub(in crate::store) fn remembered(data: &Path, config: &Path) -> Option<PathBuf> {
    let data = absolute(data);
    fs::read_dir(config.join("keys"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "key"))
        .find(|path| read(path).is_ok_and(|file| file.data == data))
}
