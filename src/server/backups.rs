//! The thread that makes backups when they are due.

use std::{
    io,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    desk::Desk,
    model::{Error, Result},
    store::{BackupReport, backup::Occasion},
};

/// How often the backups are looked at, and whether one is due.
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
            let mut said = None;
            // Only then is it known whether everything can be read.
            let mut failed = match desk.wait_until_ready() {
                Ok(()) => told(desk.backup_if_due(Occasion::Start), &mut said),
                Err(e) => told(Err(e), &mut said),
            };
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(every) {
                if failed.as_ref().is_none_or(Failed::is_over) {
                    failed = told(desk.backup_if_due(Occasion::Time), &mut said);
                } else {
                    desk.look_at_backups();
                }
            }
            told(desk.backup_if_due(Occasion::Exit), &mut said).map(|failed| failed.why)
        })?;
        Ok(Self { stop, thread })
    }

    /// Makes the last backup, if the settings want one. Answers why it could not be made.
    pub fn end(self) -> Option<String> {
        drop(self.stop);
        self.thread.join().unwrap_or_else(|_| Some("the backup was not made: its thread failed".to_owned()))
    }
}

/// A try that came to nothing.
struct Failed {
    why: String,
    /// When, if much may have been done by then. Where one is refused, nothing was.
    at: Option<Instant>,
}

impl Failed {
    /// Whether the next try may follow.
    fn is_over(&self) -> bool {
        self.at.is_none_or(|at| at.elapsed() >= AFTER_FAILURE)
    }
}

/// Puts into the log how it went. `said` is why none was made the time before: until that changes it is said once.
fn told(made: Result<Option<BackupReport>>, said: &mut Option<String>) -> Option<Failed> {
    match made {
        Ok(None) => None,
        Ok(Some(report)) => {
            *said = None;
            let path = report.path.unwrap_or_default();
            tracing::info!(commit = report.manifest.commit, bytes = report.size, "backup made: {}", path.display());
            None
        }
        Err(e) => {
            let why = e.to_string();
            if said.as_ref() != Some(&why) {
                tracing::error!("{why}");
                *said = Some(why.clone());
            }
            let at = (!matches!(e, Error::Refused { .. })).then(Instant::now);
            Some(Failed { why, at })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Action, Actor, Cat},
        store::{OpenOptions, Store, StoreError, Written},
    };

    #[test]
    fn what_cannot_all_be_read_is_not_backed_up_and_everybody_hears_why() {
        let home = tempfile::tempdir().unwrap();
        let options = OpenOptions::new(home.path().join("data"), home.path().join("config"));
        let store = Store::open(options).unwrap().store;
        let added: std::result::Result<Written<_>, StoreError> = store.write(&Actor::console(), |tx| {
            tx.describe(Action::AddCat, "");
            tx.insert(&mut Cat::new("Miso"))
        });
        added.unwrap();
        store.count_unreadable(3);
        let desk = Desk::new(store.clone());
        let why = "No automatic backups while 3 records cannot be read: run clowder doctor";
        assert_eq!(Keeper::start(desk.clone()).unwrap().end().as_deref(), Some(why));
        assert!(store.shelf().list().is_empty());
        assert_eq!(desk.backup_state(&Actor::console()).unwrap().warning.as_deref(), Some(why));
        let line = desk.home(&Actor::console(), 5).unwrap().backup.unwrap();
        assert!(line.urgent && line.text == why);
        store.count_unreadable(0);
        assert_eq!(Keeper::start(desk).unwrap().end(), None);
        assert_eq!(store.shelf().list().len(), 1);
    }

    #[test]
    fn why_no_backup_is_made_is_logged_once() {
        let mut said = None;
        let fails = |why: &str| Err(Error::Store(why.to_owned()));
        assert!(told(fails("the disk is full"), &mut said).is_some_and(|failed| !failed.is_over()));
        let before = said.clone();
        assert!(before.is_some() && told(Ok(None), &mut said).is_none() && said == before);
        assert!(told(fails("it is gone"), &mut said).is_some() && said != before);
        assert!(told(Err(Error::refused("the disk is not there")), &mut said).is_some_and(|failed| failed.is_over()));
    }
}
