//! From one format of the store to the next, in order.
//!
//! A step may be broken off at any point and run again. It is tested with stored bytes of the format before it. The
//! engine's files are copied aside before the first step of a store that is in use.

use super::{StoreError, core::Core, engine::Batch, journal::Line, meta};

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
        core.put_line(&mut batch, Line::generate(), commit, None);
        core.engine.apply(&batch)?;
    }
    Ok(())
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
        assert!(opened.notices[0].contains("before-format-2"), "{:?}", opened.notices);
        assert!(!opened.store.backup_due());
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
