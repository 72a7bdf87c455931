//! A keyring that is gone or damaged, taken back from its copy or from a backup.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::super::{
    OpenError, OpenOptions,
    backup::{self, Shelf},
    files::{KEYRING, KEYRING_COPY},
    journal,
    keyring::Keyring,
    migrate,
    restore::keys::{self, Opened},
};

/// A keyring from elsewhere that opens what is there.
pub(in super::super) struct Spare {
    pub(super) text: String,
    /// Where it was found.
    pub(super) from: PathBuf,
}

/// The copy of the keyring, when it opens by itself, with what opens the store, and the journal with it.
pub(in super::super) fn copy(options: &OpenOptions) -> Option<Spare> {
    let from = options.data.join(KEYRING_COPY);
    let spare = Spare { text: fs::read_to_string(&from).ok()?, from };
    let unasked = OpenOptions { ask: None, ..options.clone() };
    opens(&spare, &unasked).then_some(spare)
}

/// Whether the copy of the keyring was written by a newer version.
pub(super) fn copy_is_newer(data: &Path) -> bool {
    let text = fs::read_to_string(data.join(KEYRING_COPY)).unwrap_or_default();
    match Keyring::parse(&text) {
        Ok(keyring) => keyring.format > migrate::FORMAT,
        Err(e) => matches!(e, OpenError::NewerFormat { .. }),
    }
}

fn opens(spare: &Spare, options: &OpenOptions) -> bool {
    let keyring =
        Keyring::parse(&spare.text).ok().filter(|keyring| keyring.in_use && keyring.format <= migrate::FORMAT);
    let keys = keyring.and_then(|keyring| keys::unlock(keyring, options).ok());
    keys.is_some_and(|keys| fits(&options.data, &keys))
}

/// The copy of the keyring, or the newest in a backup or in what was kept aside, that the key opens and that opens the journal.
pub(super) fn find(options: &OpenOptions) -> Option<Spare> {
    let data = &options.data;
    let copy = data.join(KEYRING_COPY);
    let mut found: Vec<Spare> =
        fs::read_to_string(&copy).ok().into_iter().map(|text| Spare { text, from: copy.clone() }).collect();
    let backups: Vec<_> = Shelf::new(data, &options.backups).list().into_iter().flatten().collect();
    // Others may keep their backups in the same directory.
    let store = Keyring::lost_store(data, &options.config, options.key.as_deref());
    let store = store.or_else(|| Shelf::only_store(&backups).map(str::to_owned));
    for listed in backups.into_iter().filter(|listed| store.as_ref() == Some(&listed.manifest.store)) {
        if let Ok(text) = backup::keyring_of(&listed.path) {
            found.push(Spare { text, from: listed.path });
        }
    }
    let mut kept: Vec<PathBuf> = fs::read_dir(data)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join(KEYRING))
        .filter(|path| path.is_file())
        .collect();
    kept.sort();
    found.extend(kept.into_iter().rev().filter_map(|from| Some(Spare { text: fs::read_to_string(&from).ok()?, from })));
    found.dedup_by(|a, b| a.text == b.text);
    let unasked = OpenOptions { ask: None, ..options.clone() };
    if let Some(n) = found.iter().position(|spare| opens(spare, &unasked)) {
        return Some(found.swap_remove(n));
    }
    // Somebody may know a passphrase or a recovery code; they are asked once.
    let newest = found.into_iter().next()?;
    options.ask.as_ref()?;
    opens(&newest, options).then_some(newest)
}

/// Whether the keys open the journal where it was written last, as far as that can be read. A keyring from before the data key was
/// renewed opens only what is older.
fn fits(data: &Path, keys: &Opened) -> bool {
    let mut segments = journal::segments(data).unwrap_or_default();
    segments.sort_by_key(|segment| std::cmp::Reverse(segment.first));
    let number = |n| keys.sealer(n);
    for segment in &segments {
        match journal::read(segment, keys.store(), &number) {
            Ok(mut reader) => {
                let sealed = reader.seed().is_some();
                if sealed || std::iter::from_fn(|| reader.next_frame()).any(|frame| frame.is_ok()) {
                    return true;
                }
            }
            Err(broken) if broken.key_is_missing => return false,
            Err(_) => {}
        }
    }
    true
}
