//! Backups: made for somebody or by the program itself, listed, verified.

use std::{io::Write, path::Path};

use super::Desk;
use crate::model::{Actor, Error, Permission, Result};
use crate::store::{
    BackupError, BackupPolicy, BackupReport, BackupState, Progress,
    backup::{self, Listed, Occasion, Verified},
};

/// Where a backup goes.
pub enum BackupTarget<'a> {
    /// The directory of the settings, under a name of its own.
    Shelf,
    /// A file.
    File(&'a Path),
    /// A stream.
    Stream(&'a mut dyn Write),
}

/// Broken off is no error.
fn unless_cancelled<T>(done: std::result::Result<T, BackupError>) -> Result<Option<T>> {
    match done {
        Ok(value) => Ok(Some(value)),
        Err(BackupError::Cancelled) => Ok(None),
        Err(e) => Err(Error::Store(e.to_string())),
    }
}

impl Desk {
    /// Makes a backup of everything as it is now, while others work on. `progress` answers whether to go on; `None` when it did not.
    ///
    /// # Errors
    /// `Denied`, `Store`.
    pub fn backup(
        &self,
        actor: &Actor,
        target: BackupTarget<'_>,
        progress: &mut (dyn FnMut(Progress) -> bool + Send),
    ) -> Result<Option<BackupReport>> {
        self.acting(actor, Permission::Maintain)?;
        unless_cancelled(match target {
            BackupTarget::Shelf => self.store().backup(progress),
            BackupTarget::File(path) => self.store().backup_into(path, progress),
            BackupTarget::Stream(out) => self.store().backup_to(out, progress),
        })
    }

    /// The backups in the directory of the settings, newest first; those that cannot be read with the reason.
    ///
    /// # Errors
    /// `Denied`.
    pub fn backups(&self, actor: &Actor) -> Result<Vec<Result<Listed, String>>> {
        self.acting(actor, Permission::Maintain)?;
        // Whoever sees the list sees what it means as well.
        self.look_at_backups();
        Ok(self.store().shelf().list().into_iter().map(|listed| listed.map_err(|e| e.to_string())).collect())
    }

    /// Verifies a backup: one in the directory of the settings by its name, or a file. `None` when `progress` broke it off.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a name that is not there; `Store` with what is wrong with it.
    pub fn verify_backup(
        &self,
        actor: &Actor,
        name: &Path,
        files: bool,
        progress: &mut (dyn FnMut(Progress) -> bool + Send),
    ) -> Result<Option<Verified>> {
        self.acting(actor, Permission::Maintain)?;
        let path = match name.to_str().and_then(|name| self.store().shelf().named(name)) {
            Some(path) => path,
            None if files => name.to_owned(),
            None => {
                let why = format!("there is no backup {} on the server; see \"clowder backup list\"", name.display());
                return Err(Error::invalid("file", why));
            }
        };
        unless_cancelled(backup::verify(&path, Some(self.store().key_source()), progress))
    }

    /// How it stands with the backups, as it was last seen: without a look at the disk that they are on.
    ///
    /// # Errors
    /// `Denied`.
    pub fn backup_state_seen(&self, actor: &Actor) -> Result<BackupState> {
        self.acting(actor, Permission::Maintain)?;
        Ok(self.store().backup_state_seen())
    }

    /// How it stands with the backups, which are looked at.
    ///
    /// # Errors
    /// `Denied`.
    pub fn backup_state(&self, actor: &Actor) -> Result<BackupState> {
        self.acting(actor, Permission::Maintain)?;
        Ok(self.store().backup_state())
    }

    /// Looks at the backups, for those who ask what was seen of them.
    pub fn look_at_backups(&self) {
        self.store().backup_state();
    }

    /// Makes a backup by the program itself, if one is due; `None` when none is.
    ///
    /// # Errors
    /// `Refused` where none may be made until somebody has seen to the store or to its disk, `Store` when one could not be made.
    pub fn backup_if_due(&self, occasion: Occasion) -> Result<Option<BackupReport>> {
        let state = self.store().backup_state();
        if !state.is_due(occasion) {
            return Ok(None);
        }
        if let Some(why) = state.warning.as_ref().filter(|_| state.is_held()) {
            return Err(Error::refused(why));
        }
        match self.store().backup(&mut |_| true) {
            Err(e @ BackupError::NoDisk(_)) => Err(Error::refused(e.to_string())),
            made => unless_cancelled(made),
        }
    }

    /// How the program makes backups from now on.
    pub fn set_backup_policy(&self, policy: BackupPolicy) {
        self.store().set_backup_policy(policy);
    }
}
