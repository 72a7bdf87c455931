//! The ways to the data key of an open store: what they are, and changing them.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
};

use zeroize::Zeroizing;

use crate::model::{Action, Actor, CommitNo};

use super::{
    OpenError, OpenOptions, RecoveryCode, SlotKind, Store, StoreError,
    core::lock,
    files,
    keyring::{self, Keyring, NewSlot, Slot, Source, Way},
    seal::SecretKey,
};

/// What is changed under one lock: the keyring as it is in its file, and how the store was opened.
pub(super) struct Held {
    pub(super) keyring: Keyring,
    pub(super) way: Way,
}

/// The keyring of an open store.
pub(super) struct Slots {
    pub(super) data: PathBuf,
    config: PathBuf,
    held: Mutex<Held>,
}

impl Slots {
    pub(super) fn new(options: &OpenOptions, keyring: Keyring, way: Way) -> Self {
        Self { data: options.data.clone(), config: options.config.clone(), held: Mutex::new(Held { keyring, way }) }
    }

    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        lock(&self.held)
    }

    /// Changes the keyring in its file, and then here.
    pub(super) fn change<T, E: From<OpenError>>(
        &self,
        f: impl FnOnce(&mut Keyring, &Way) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut held = self.held();
        let mut keyring = held.keyring.clone();
        let value = f(&mut keyring, &held.way)?;
        keyring.write(&self.data)?;
        held.keyring = keyring;
        Ok(value)
    }

    /// Drops the slot of a key file that was replaced, when the end of that was cut short, and sees to the keyring's copy.
    pub(super) fn finish_rotation(&self) -> Result<(), OpenError> {
        let mut held = self.held();
        let mut keyring = held.keyring.clone();
        if keyring.succeed(held.way.slot) {
            keyring.write(&self.data)?;
            held.keyring = keyring;
        }
        files::sweep_unfinished(&self.data.join(files::KEYRING));
        files::sweep_unfinished(&self.data.join(files::KEYRING_COPY));
        if let Source::File(path) = &held.way.source {
            files::sweep_unfinished(path);
        }
        held.keyring.keep_copy(&self.data)
    }

    /// Whether values may be sealed with an older data key.
    pub(super) fn is_resealing(&self) -> bool {
        self.held().keyring.resealing.is_some()
    }
}

/// One way to the data key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotLine {
    /// Its number.
    pub number: u32,
    /// What it is opened with.
    pub kind: SlotKind,
    /// What people know it by: the path of a key file, or what was said when it was made; may be empty.
    pub label: String,
    /// When it was made (RFC 3339).
    pub created: String,
    /// Whether it opened the store this time.
    pub opened: bool,
}

/// The store's keys, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// The number of the data key that seals.
    pub number: u32,
    /// The ways to it.
    pub slots: Vec<SlotLine>,
    /// Numbers of older data keys, and until when each was the current one (RFC 3339).
    pub retired: Vec<(u32, String)>,
    /// Since when values are being re-sealed with the present data key, if they are (RFC 3339).
    pub resealing: Option<String>,
    /// How many values were looked at since the store was opened, while it is re-sealed.
    pub resealed: u64,
}

fn line(slot: &Slot, way: &Way) -> SlotLine {
    SlotLine {
        number: slot.number,
        kind: slot.kind,
        label: slot.label.clone(),
        created: slot.created.clone(),
        opened: slot.number == way.slot,
    }
}

impl From<OpenError> for StoreError {
    fn from(e: OpenError) -> Self {
        Self::Failed(e.to_string())
    }
}

fn refused(why: impl Into<String>) -> StoreError {
    StoreError::Refused(why.into())
}

impl Store {
    /// The store's keys, without anything secret.
    pub fn key_status(&self) -> KeyStatus {
        let held = self.core().slots.held();
        KeyStatus {
            number: held.keyring.key,
            slots: held.keyring.slot.iter().map(|slot| line(slot, &held.way)).collect(),
            retired: held.keyring.retired().map(|(number, until)| (number, until.to_owned())).collect(),
            resealing: held.keyring.resealing.clone(),
            resealed: self.core().resealing.looked_at(),
        }
    }

    /// Writes into the audit log what was done with the keys.
    pub(super) fn note_keys(&self, actor: &Actor, note: String) -> Result<Option<CommitNo>, StoreError> {
        let written = self.write(actor, move |tx| {
            tx.describe(Action::ChangeKeys, note);
            tx.always();
            Ok::<_, StoreError>(())
        })?;
        Ok(written.commit)
    }

    /// Puts a new key into the key file that opened the store, and takes the old one's right away. Whatever happens in
    /// between, the store opens with the file that is there. Answers the file.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when no key file opened it, or that is not there any more; or a file cannot be written.
    pub fn rotate_key(&self, actor: &Actor) -> Result<PathBuf, StoreError> {
        self.core().writable()?;
        let path = self.replace_key_file()?;
        self.note_keys(actor, format!("a new key in the key file {}", path.display()))?;
        Ok(path)
    }

    fn replace_key_file(&self) -> Result<PathBuf, StoreError> {
        let slots = &self.core().slots;
        let mut held = slots.held();
        let path = match &held.way.source {
            Source::File(path) => path.clone(),
            Source::Credential => {
                return Err(refused(
                    "the key is passed in by the service manager, where it cannot be replaced from here: make a new key file with \
                     \"clowder key use-file\", pass that in, start again, then remove the old slot with \"clowder key remove\"",
                ));
            }
            Source::Typed => {
                return Err(refused(
                    "no key file opened the store this time: \"clowder key use-file\" makes a new one, \
                     \"clowder key set-passphrase\" and \"clowder key export-recovery\" replace what is typed",
                ));
            }
        };
        match held.keyring.with_file(&path) {
            Ok((_, way)) if way.slot == held.way.slot => {}
            _ => {
                return Err(refused(format!(
                    "the key file {} is not the one any more that opened the store; put that back first",
                    path.display()
                )));
            }
        }
        let (data_key, secret) = (self.core().sealer.current(), SecretKey::generate());
        let new = NewSlot::of(SlotKind::File, &path.display().to_string(), secret.clone());
        // While both are in the keyring, the store opens with the old file and with the new one.
        let mut keyring = held.keyring.clone();
        let number = keyring.add_successor(&data_key, new, held.way.slot)?;
        keyring.write(&slots.data)?;
        held.keyring = keyring;
        keyring::write_key_file(&path, &held.keyring.store, &slots.data, &secret)?;
        held.way = Way { slot: number, secret, source: Source::File(path.clone()) };
        let mut keyring = held.keyring.clone();
        keyring.succeed(number);
        keyring.write(&slots.data)?;
        held.keyring = keyring;
        Ok(path)
    }

    /// Makes a passphrase open the store, in the place of the one before. Slow (argon2).
    ///
    /// # Errors
    /// [`StoreError::Refused`] when it is too short; or the keyring cannot be written.
    pub fn set_passphrase(&self, actor: &Actor, passphrase: &str, label: &str) -> Result<SlotLine, StoreError> {
        keyring::check_passphrase(passphrase).map_err(|why| refused(format!("the passphrase {why}")))?;
        self.add_slot(actor, NewSlot::passphrase(label, passphrase)?, "a passphrase")
    }

    /// Makes a recovery code, in the place of the one before.
    ///
    /// # Errors
    /// The keyring cannot be written.
    pub fn export_recovery(&self, actor: &Actor, label: &str) -> Result<(RecoveryCode, SlotLine), StoreError> {
        let code = RecoveryCode::generate();
        let slot = self.add_slot(actor, NewSlot::of(SlotKind::Recovery, label, code.key()), "a recovery code")?;
        Ok((code, slot))
    }

    /// Makes a key file that opens the store, beside the slots that are there; without a path in its usual place.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when there is a file already; or it or the keyring cannot be written.
    pub fn use_key_file(&self, actor: &Actor, path: Option<&Path>) -> Result<(PathBuf, SlotLine), StoreError> {
        self.core().writable()?;
        let slots = &self.core().slots;
        let path = path.map_or_else(|| keyring::default_key_path(&slots.config, self.id()), Path::to_owned);
        let path = std::path::absolute(&path).unwrap_or(path);
        if path.exists() {
            return Err(refused(format!(
                "there is a file {} already; move it away, or name another place",
                path.display()
            )));
        }
        if path.starts_with(std::path::absolute(&slots.data).unwrap_or_else(|_| slots.data.clone())) {
            return Err(refused(
                "a key file inside the data directory would lock nothing: whoever has the one has the other",
            ));
        }
        let secret = SecretKey::generate();
        let label = path.display().to_string();
        keyring::write_key_file(&path, self.id(), &slots.data, &secret)?;
        let slot = self.add_slot(actor, NewSlot::of(SlotKind::File, &label, secret), "a key file")?;
        Ok((path, slot))
    }

    /// Makes bytes open the store that the service manager will pass in as `clowder.key`, beside the slots that are there.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when they are too few; or the keyring cannot be written.
    pub fn use_credential(&self, actor: &Actor, bytes: &[u8], label: &str) -> Result<SlotLine, StoreError> {
        let secret = keyring::credential_key(bytes).map_err(|e| refused(e.to_string()))?;
        self.add_slot(actor, NewSlot::of(SlotKind::Credential, label, secret), "a credential")
    }

    /// There is one passphrase and one recovery code at most; there can be several key files and credentials.
    fn add_slot(&self, actor: &Actor, new: NewSlot, what: &str) -> Result<SlotLine, StoreError> {
        self.core().writable()?;
        let data_key = self.core().sealer.current();
        let slot = self.core().slots.change(|keyring, way| {
            let (kind, secret) = (new.kind, new.secret.clone());
            if keyring.open_slot(kind, &secret).is_some() {
                return Err(refused("that opens the store already"));
            }
            let before = keyring.slot.len();
            if matches!(kind, SlotKind::Passphrase | SlotKind::Recovery) {
                keyring.slot.retain(|slot| slot.kind != kind);
            }
            let replaced = before > keyring.slot.len();
            let number = keyring.add(&data_key, new)?;
            let slot = keyring.slot.iter().find(|slot| slot.number == number).map(|slot| line(slot, way));
            slot.map(|slot| (slot, replaced, secret)).ok_or_else(|| StoreError::Failed("no slot was made".to_owned()))
        });
        let (slot, replaced, secret) = slot?;
        if replaced {
            // If the one that opened the store was replaced, its place is taken by this one.
            let mut held = self.core().slots.held();
            if !held.keyring.slot.iter().any(|s| s.number == held.way.slot) {
                held.way = Way { slot: slot.number, secret, source: Source::Typed };
            }
        }
        let instead = if replaced { ", in the place of the one before" } else { "" };
        self.note_keys(actor, format!("{what} opens the store (slot {}){instead}", slot.number))?;
        Ok(slot)
    }

    /// Takes a slot away: what opened it opens nothing any more. The one that opened the store this time, and so the last one, stays.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when there is no such slot or it must stay; or the keyring cannot be written.
    pub fn remove_slot(&self, actor: &Actor, number: u32) -> Result<SlotLine, StoreError> {
        self.core().writable()?;
        let slot = self.core().slots.change(|keyring, way| {
            let slot = keyring.slot.iter().find(|slot| slot.number == number).map(|slot| line(slot, way));
            let slot = slot.ok_or_else(|| refused(format!("there is no slot {number}; see \"clowder key status\"")))?;
            if slot.opened {
                return Err(refused(format!(
                    "slot {number} opened the store this time and stays, so that one is sure to open it again; open it with another \
                     slot to remove this one"
                )));
            }
            keyring.slot.retain(|slot| slot.number != number);
            Ok(slot)
        })?;
        self.note_keys(actor, format!("the {} of slot {number} no longer opens the store", slot.kind.label()))?;
        Ok(slot)
    }

    /// Which slots a new data key would drop, since what opens them is not at hand here: it is at hand for the slot that opened
    /// the store, for key files that are in their places, and for what was typed.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when something that was typed opens no slot.
    pub fn slots_without_secret(&self, typed: &[Zeroizing<String>]) -> Result<Vec<SlotLine>, StoreError> {
        let held = self.core().slots.held();
        let secrets = held.secrets(typed)?;
        let lost = held.keyring.slot.iter().filter(|slot| !secrets.iter().any(|(number, _)| *number == slot.number));
        Ok(lost.map(|slot| line(slot, &held.way)).collect())
    }
}

impl Held {
    /// The secrets of slots that are at hand.
    pub(super) fn secrets(&self, typed: &[Zeroizing<String>]) -> Result<Vec<(u32, SecretKey)>, StoreError> {
        let mut secrets = vec![(self.way.slot, self.way.secret.clone())];
        for text in typed {
            match self.keyring.with_typed(text)? {
                Ok((_, way)) => secrets.push((way.slot, way.secret)),
                Err(why) => return Err(refused(why)),
            }
        }
        for slot in self.keyring.slot.iter().filter(|slot| slot.kind == SlotKind::File) {
            if let Ok((_, way)) = self.keyring.with_file(Path::new(&slot.label))
                && way.slot == slot.number
            {
                secrets.push((way.slot, way.secret));
            }
        }
        Ok(secrets)
    }
}
