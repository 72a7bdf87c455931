//! The key by which clients know this server: made at the first start, and kept from others.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use russh::keys::{Algorithm, PrivateKey, key::safe_rng, ssh_key::LineEnding};

use crate::desk::fingerprint;

/// Why there is no host key.
#[derive(Debug, thiserror::Error)]
pub enum HostKeyError {
    /// Others can read it: it may be in strange hands.
    #[error(
        "others can read the host key {}: whoever copied it can pose as this server. Take it from them with \
         \"chmod 600 {}\", or delete it to have a new one made",
        .0.display(), .0.display()
    )]
    Open(PathBuf),
    /// It is not a key, or one with a passphrase.
    #[error("{}: {why}; delete it to have a new one made (clients will warn that it changed)", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It cannot be read or written.
    #[error("the host key {}: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The host key, its fingerprint, and whether it was made just now.
#[derive(Debug)]
pub struct HostKey {
    /// The key.
    pub key: PrivateKey,
    /// Its fingerprint, as clients show it.
    pub fingerprint: String,
    /// It is new.
    pub fresh: bool,
}

/// Reads the host key, or makes it where there is none.
///
/// # Errors
/// Others can read it, it is damaged, or the file cannot be read or written.
pub fn load_or_make(path: &Path) -> Result<HostKey, HostKeyError> {
    let (key, fresh) = match read(path)? {
        Some(key) => (key, false),
        None => (make(path)?, true),
    };
    let fingerprint = fingerprint(key.public_key());
    Ok(HostKey { key, fingerprint, fresh })
}

fn read(path: &Path) -> Result<Option<PrivateKey>, HostKeyError> {
    let failed = |error| HostKeyError::File { path: path.to_owned(), error };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    if file.metadata().map_err(failed)?.mode() & 0o077 != 0 {
        return Err(HostKeyError::Open(path.to_owned()));
    }
    let damaged = |why: String| HostKeyError::Damaged { path: path.to_owned(), why };
    let text = io::read_to_string(file).map_err(failed)?;
    let key = PrivateKey::from_openssh(text.as_bytes()).map_err(|e| damaged(format!("is no OpenSSH key ({e})")))?;
    if key.is_encrypted() {
        return Err(damaged("has a passphrase, which nobody is there to type".to_owned()));
    }
    Ok(Some(key))
}

fn make(path: &Path) -> Result<PrivateKey, HostKeyError> {
    let failed = |error| HostKeyError::File { path: path.to_owned(), error };
    let other = |e: russh::keys::ssh_key::Error| failed(io::Error::other(e));
    let mut key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).map_err(other)?;
    key.set_comment("clowder");
    let text = key.to_openssh(LineEnding::LF).map_err(other)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let half = path.with_extension(format!("{}.new", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&half)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // Not over one that somebody else made meanwhile.
        fs::hard_link(&half, path)?;
        File::open(folder)?.sync_all()
    };
    let written = write();
    // Either it has its other name now, or it is of no use.
    let _ = fs::remove_file(&half);
    match written {
        Ok(()) => Ok(key),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => match read(path)? {
            Some(key) => Ok(key),
            None => Err(failed(e)),
        },
        Err(e) => Err(failed(e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn it_is_made_once_and_kept_from_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys").join("ssh_host_ed25519_key");
        let made = load_or_make(&path).unwrap();
        assert!(made.fresh && made.fingerprint.starts_with("SHA256:"));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        let again = load_or_make(&path).unwrap();
        assert!(!again.fresh);
        assert_eq!(again.fingerprint, made.fingerprint);
    }

    #[test]
    fn one_that_others_can_read_is_refused_with_the_command_that_mends_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        load_or_make(&path).unwrap();
        for mode in [0o640, 0o604, 0o644, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = load_or_make(&path).unwrap_err();
            assert!(error.to_string().contains(&format!("chmod 600 {}", path.display())), "{error}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "nothing of the sort").unwrap();
        assert!(matches!(load_or_make(&path), Err(HostKeyError::Damaged { .. })));
    }
}
