//! From one format of the store to the next, in order.
//!
//! A step may be broken off at any point and run again. It is tested with stored bytes of the format before it. Before
//! the first step of a store that is in use a backup is made, which can be restored like any other.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError},
};

use super::{
    BackupError, OpenError, OpenOptions, StoreError,
    backup::{self, Listed, Shelf},
    core::Core,
    engine::Batch,
    journal::Line,
    meta,
    snapshot::Snapshot,
};

/// The format that this version reads and writes.
pub(super) const FORMAT: u32 = 2;

/// One step.
struct Step {
    to: u32,
    run: fn(&Core) -> Result<(), StoreError>,
}

const STEPS: &[Step] = &[Step { to: 1, run: baseline }, Step { to: 2, run: line }];

/// The first format: an index of generation 1, and no commit yet.
fn baseline(core: &Core) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    for (key, value) in [(meta::GENERATION, 1_u64), (meta::COMMIT, 0)] {
        if core.meta(key)?.is_none() {
            core.put_meta(&mut batch, key, &value.to_le_bytes());
        }
    }
    core.engine.apply(&batch)?;
    Ok(())
}

/// The second format: a line of commits, whose journal begins after the last commit.
fn line(core: &Core) -> Result<(), StoreError> {
    if core.meta(meta::LINE)?.is_none() {
        let mut batch = Batch::default();
        let commit = core.meta_number(meta::COMMIT)?.unwrap_or_default();
        let line = core.line_to_be.get().copied().unwrap_or_else(Line::generate);
        core.put_line(&mut batch, line, commit, None);
        core.engine.apply(&batch)?;
    }
    Ok(())
}

/// Makes a backup of a store that is to be brought to the present format, and answers where it is and how many values could not
/// be read. One that an attempt left which was cut short serves as well.
///
/// A store without a line of commits gets one here, in the backup and then in itself: so the journal that begins with the
/// newer format goes on where the backup ends.
///
/// # Errors
/// It cannot be made. Nothing was changed.
pub(super) fn back_up(core: &Arc<Core>, options: &OpenOptions) -> Result<(PathBuf, u64), OpenError> {
    *core.counters.write().unwrap_or_else(PoisonError::into_inner) = core.load_counters()?;
    let shelf = Shelf::new(&options.data, &options.backups);
    if let Some((listed, line)) = shelf.newest(&core.id).and_then(|listed| serves(core, listed)) {
        let _ = core.line_to_be.set(line);
        return Ok((listed.path, 0));
    }
    let _ = core.line_to_be.set(Line::generate());
    let view = Snapshot::begin(core);
    let made = shelf.prepare().and_then(|()| backup::onto(core, &view, &options.data, &shelf, &mut |_| true));
    match made {
        Ok(report) => {
            let lost = report.manifest.lost.len() as u64 + report.manifest.lost_entries;
            Ok((report.path.unwrap_or_default(), lost))
        }
        Err(BackupError::DiskFull { path }) => Err(OpenError::DiskFull { path }),
        Err(e) => Err(OpenError::Failed(format!(
            "before it is brought to a newer format a backup is made, and that failed. Nothing was changed. ({e})"
        ))),
    }
}

/// The line of a backup that shows a store just as it is.
fn serves(core: &Core, listed: Listed) -> Option<(Listed, Line)> {
    let manifest = &listed.manifest;
    let line = Line::parse(&manifest.line)?;
    let same = manifest.commit == core.counters().commit && core.line().map_or(true, |own| own == line);
    let whole = || matches!(backup::read(&listed.path, &mut |_, _| Ok(true)), Ok(Some(_)));
    (same && manifest.is_whole() && whole()).then_some((listed, line))
}

/// Runs the steps from a format on; 0 is a store with nothing in it.
pub(super) fn run(core: &Core, from: u32) -> Result<(), StoreError> {
    for step in STEPS.iter().filter(|step| step.to > from) {
        (step.run)(core)?;
        let mut batch = Batch::default();
        core.put_meta(&mut batch, meta::FORMAT, &u64::from(step.to).to_le_bytes());
        core.engine.apply(&batch)?;
        core.engine.sync()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Action, Actor, Breed},
        store::{
            OpenOptions, Store,
            engine::{Engine, Tree},
            files::{self, STORE},
            journal,
            keyring::Keyring,
        },
    };

    fn add(store: &Store, name: &'static str) {
        let written = store.write(&Actor::console(), move |tx| {
            tx.describe(Action::AddBreed, "");
            tx.insert(&mut Breed { name: name.to_owned(), ..Breed::default() })?;
            Ok::<_, StoreError>(())
        });
        written.unwrap();
    }

    #[test]
    fn a_store_of_the_first_format_gets_a_line_and_a_journal_from_its_last_commit_on() {
        let home = tempfile::tempdir().unwrap();
        let (data, config) = (home.path().join("data"), home.path().join("config"));
        let open = || Store::open(OpenOptions::new(&data, &config)).unwrap();
        let store = open().store;
        ["Manx", "Korat"].into_iter().for_each(|name| add(&store, name));
        store.close().unwrap();

        let mut keyring = Keyring::read(&data).unwrap().unwrap();
        let options = crate::store::OpenOptions::new(&data, &config);
        let unlocked = keyring.unlock(&options.keys()).unwrap();
        let engine = Engine::open(&data.join(STORE), 16 << 20).unwrap();
        let core = Core::new(engine, keyring.clone(), unlocked, &options);
        let mut batch = Batch::default();
        batch.remove(Tree::Meta, meta::LINE);
        batch.remove(Tree::Meta, meta::JOURNAL);
        core.put_meta(&mut batch, meta::FORMAT, &1_u64.to_le_bytes());
        core.engine.apply(&batch).unwrap();
        core.engine.sync().unwrap();
        drop(core);
        assert!(files::wait_released(&data.join(STORE)));
        std::fs::remove_dir_all(data.join(journal::DIR)).unwrap();
        keyring.format = 1;
        keyring.write(&data).unwrap();

        let opened = open();
        assert!(opened.notices[0].contains("newer format"), "{:?}", opened.notices);
        assert!(!opened.store.backup_due());
        let made = opened.store.shelf().newest(opened.store.id()).unwrap().manifest;
        assert_eq!((made.commit, made.format), (2, 1));
        // What is in the journal from now on follows on the backup.
        assert_eq!(made.line, opened.store.core().line().unwrap().to_string());
        add(&opened.store, "Ragdoll");
        opened.store.close().unwrap();
        let segments = journal::segments(&data).unwrap();
        assert_eq!(segments.iter().map(|s| s.first).collect::<Vec<_>>(), [3]);
        let opened = open();
        assert!(opened.notices.is_empty(), "{:?}", opened.notices);
        assert!(opened.store.check(&mut |_| true).unwrap().is_clean());
    }

    #[test]
    fn the_steps_are_numbered_without_gaps_up_to_the_present_format() {
        let to: Vec<u32> = STEPS.iter().map(|step| step.to).collect();
        assert_eq!(to, (1..=FORMAT).collect::<Vec<_>>());
    }
}
