//! The store's own keys: admins see them and renew them; who may open the store is changed on its own machine alone.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::Desk;
use crate::model::{Actor, Door, Error, Permission, Result};
use crate::store::{KeyStatus, Progress, RecoveryCode, Resealed, SlotLine, StoreError};

impl Desk {
    /// The store's keys, without anything secret.
    ///
    /// # Errors
    /// `Denied`.
    pub fn key_status(&self, actor: &Actor) -> Result<KeyStatus> {
        self.acting(actor, Permission::Maintain)?;
        Ok(self.store().key_status())
    }

    /// Puts a new key into the key file that opened the store; answers which. The old one opens nothing any more.
    ///
    /// # Errors
    /// `Denied`, `Refused` when no key file opened the store, `Store`.
    pub fn rotate_key(&self, actor: &Actor) -> Result<PathBuf> {
        self.acting(actor, Permission::Maintain)?;
        self.done(self.store().rotate_key(actor))
    }

    /// Which slots [`Desk::rotate_data_key`] would drop, since what opens them is not at hand.
    ///
    /// # Errors
    /// `Denied`, `Refused` when something that was typed opens no slot.
    pub fn slots_without_secret(&self, actor: &Actor, typed: &[Zeroizing<String>]) -> Result<Vec<SlotLine>> {
        self.acting(actor, Permission::Maintain)?;
        self.done(self.store().slots_without_secret(typed))
    }

    /// Makes a new data key and seals everything with it, or goes on with that. `progress` answers whether to go on; the
    /// rest is done the next time the store is opened.
    ///
    /// # Errors
    /// `Denied`, `Refused` when something that was typed opens no slot, `Store`.
    pub fn rotate_data_key(
        &self,
        actor: &Actor,
        typed: &[Zeroizing<String>],
        progress: &mut (dyn FnMut(Progress) -> bool + Send),
    ) -> Result<Resealed> {
        self.acting(actor, Permission::Maintain)?;
        self.done(self.store().rotate_data(actor, typed, progress))
    }

    /// Makes a passphrase open the store, in the place of the one before. Slow.
    ///
    /// # Errors
    /// `Denied`, `Refused` over a network or when the passphrase is too short, `Store`.
    pub fn set_passphrase(&self, actor: &Actor, passphrase: &str, label: &str) -> Result<SlotLine> {
        self.on_its_machine(actor)?;
        self.done(self.store().set_passphrase(actor, passphrase, label))
    }

    /// Makes a recovery code, in the place of the one before. It is never shown again.
    ///
    /// # Errors
    /// `Denied`, `Refused` over a network, `Store`.
    pub fn export_recovery(&self, actor: &Actor, label: &str) -> Result<(RecoveryCode, SlotLine)> {
        self.on_its_machine(actor)?;
        self.done(self.store().export_recovery(actor, label))
    }

    /// Makes one more key file.
    ///
    /// # Errors
    /// `Denied`, `Refused` over a network or when there is a file already, `Store`.
    pub fn use_key_file(&self, actor: &Actor, path: Option<&Path>) -> Result<(PathBuf, SlotLine)> {
        self.on_its_machine(actor)?;
        self.done(self.store().use_key_file(actor, path))
    }

    /// Makes bytes open the store that the service manager passes in.
    ///
    /// # Errors
    /// `Denied`, `Refused` over a network or when they are too few, `Store`.
    pub fn use_credential(&self, actor: &Actor, bytes: &[u8], label: &str) -> Result<SlotLine> {
        self.on_its_machine(actor)?;
        self.done(self.store().use_credential(actor, bytes, label))
    }

    /// Takes a slot away.
    ///
    /// # Errors
    /// `Denied`, `Refused` over a network, for the slot that opened the store, and when there is none; `Store`.
    pub fn remove_slot(&self, actor: &Actor, number: u32) -> Result<SlotLine> {
        self.on_its_machine(actor)?;
        self.done(self.store().remove_slot(actor, number))
    }

    /// Who came in over a network shall not be able to make a key that outlasts their account.
    fn on_its_machine(&self, actor: &Actor) -> Result<()> {
        self.acting(actor, Permission::Maintain)?;
        if actor.door == Door::Ssh {
            return Err(Error::refused("what opens the store is changed on the machine that has it, not over SSH"));
        }
        Ok(())
    }

    fn done<T>(&self, done: Result<T, StoreError>) -> Result<T> {
        done.map_err(|e| self.explain(e.into()))
    }
}
