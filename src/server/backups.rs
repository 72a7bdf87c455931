//! The thread that makes backups when they are due.

use std::{
    io,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    desk::Desk,
    model::Result,
    store::{BackupReport, backup::Occasion},
};

/// How often it is looked whether one is due.
const EVERY: Duration = Duration::from_secs(60);

/// How long until the next try after one that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(15 * 60);

/// Makes backups of a desk's store until it is told to end.
pub struct Keeper {
    stop: Sender<()>,
    thread: JoinHandle<Option<String>>,
}

impl Keeper {
    /// Begins.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(desk: Desk) -> io::Result<Self> {
        Self::looking(desk, EVERY)
    }

    /// Begins, and looks that often whether a backup is due.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn looking(desk: Desk, every: Duration) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name("clowder-backup".to_owned()).spawn(move || {
            // Where something cannot be read, the next start must not be what pushes out a sound backup.
            let mut tried = match desk.wait_until_ready() {
                Ok(()) => told(desk.backup_if_due(Occasion::Start)),
                Err(_) => Ok(()),
            };
            let wait = |tried: &std::result::Result<(), String>| if tried.is_ok() { every } else { AFTER_FAILURE };
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(wait(&tried)) {
                tried = told(desk.backup_if_due(Occasion::Time));
            }
            told(desk.backup_if_due(Occasion::Exit)).err()
        })?;
        Ok(Self { stop, thread })
    }

    /// Makes the last backup, if the settings want one. Answers why it could not be made.
    pub fn end(self) -> Option<String> {
        drop(self.stop);
        self.thread.join().unwrap_or_else(|_| Some("the backup was not made: its thread failed".to_owned()))
    }
}

/// Puts into the log how it went.
fn told(made: Result<Option<BackupReport>>) -> std::result::Result<(), String> {
    match made {
        Ok(None) => {}
        Ok(Some(report)) => {
            let path = report.path.unwrap_or_default();
            tracing::info!(commit = report.manifest.commit, bytes = report.size, "backup made: {}", path.display());
        }
        Err(e) => {
            tracing::error!("{e}");
            return Err(e.to_string());
        }
    }
    Ok(())
}
