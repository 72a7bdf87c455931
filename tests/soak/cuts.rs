//! The power is cut: of what was not synced, any part may be on the disk.

use std::collections::BTreeMap;
use std::path::Path;

use crate::{
    disk::{Before, Dice, Disk, Log, Loss},
    jobs::Job,
    kills::of_the_first_format,
    support::Home,
    work::{
        Acks, Worker, after_a_kill, all_there, copy_of, record, rounds, shimmed, stocked, stocked_lines, with_history,
    },
};

/// Lets a job run until it has acknowledged so much, or to its end, and answers what it did to the disk.
fn logged(home: &Home, job: Job, enough: usize, with: &[(&str, &str)]) -> (Before, Log) {
    let before = Before::of(home.0.path());
    let aside = tempfile::tempdir().unwrap();
    let log = aside.path().join("log");
    let mut worker = Worker::start(home, job, |command| {
        shimmed(command, home).env("SHIM_LOG", &log).envs(with.iter().copied());
    });
    let mut seen = 0;
    let mut acks = Acks::default();
    while seen < enough
        && let Some(line) = worker.line()
    {
        seen += usize::from(acks.note(&line));
    }
    worker.kill();
    (before, Log::read(&log))
}

/// Cuts the power so often, and wants everything acknowledged to be there each time.
fn cut(job: Job, home: &Home, earlier: &[String], enough: usize, cuts: usize) {
    let (before, log) = logged(home, job, enough, &[]);
    let mut dice = Dice::new(cuts as u64);
    let mut places: Vec<usize> = (0..cuts).map(|_| dice.below(log.len() + 1)).collect();
    places.sort_unstable();
    let mut disk = Disk::new(&log, &before);
    let mut acknowledged = 0;
    for at in places {
        disk.run(at);
        let loss = Loss::any(&mut dice);
        let trial = Home::new();
        disk.cut(trial.0.path(), loss, &mut dice);
        let lines = [earlier, &disk.acks].concat();
        acknowledged += all_there(job, &trial, &lines, &format!("{job:?} cut at {at} of {}, {loss:?}", log.len()));
    }
    record(&format!(
        "{cuts} power cuts in {job:?}: {acknowledged} cats acknowledged before, none lost, every check clean"
    ));
}

#[test]
fn a_power_cut_under_load_loses_nothing() {
    cut(Job::Load(1), &Home::new(), &[], 150, rounds(3, 60));
}

#[test]
fn a_power_cut_in_the_middle_of_groups_loses_nothing() {
    cut(Job::Load(8), &Home::new(), &[], 300, rounds(3, 60));
}

#[test]
fn a_power_cut_during_an_import_loses_nothing() {
    cut(Job::Import, &Home::new(), &[], usize::MAX, rounds(3, 60));
}

#[test]
fn a_power_cut_while_the_store_is_made_opened_or_closed_loses_nothing() {
    cut(Job::Opens, &Home::new(), &[], usize::MAX, rounds(4, 60));
}

#[test]
fn a_power_cut_while_a_store_is_opened_that_was_killed_loses_nothing() {
    let (home, lines) = after_a_kill();
    cut(Job::Opens, &home, &lines, usize::MAX, rounds(2, 60));
}

#[test]
fn a_power_cut_during_a_backup_leaves_whole_backups_only() {
    cut(Job::Backup, &Home::new(), &[], usize::MAX, rounds(3, 60));
}

#[test]
fn a_power_cut_while_keys_are_replaced_leaves_a_store_that_opens() {
    cut(Job::Rotate, &stocked(), &stocked_lines(), usize::MAX, rounds(3, 60));
}

#[test]
fn a_power_cut_while_the_store_is_compacted_loses_nothing() {
    cut(Job::Compact, &stocked(), &stocked_lines(), usize::MAX, rounds(3, 60));
}

#[test]
fn a_power_cut_during_a_restore_leaves_the_old_store_or_the_new() {
    let (home, lines) = with_history();
    cut(Job::Restore { back: false }, &copy_of(&home), &lines, usize::MAX, rounds(2, 60));
    cut(Job::Restore { back: true }, &home, &lines, usize::MAX, rounds(3, 60));
}

#[test]
fn a_power_cut_during_a_migration_loses_nothing() {
    cut(Job::Open, &of_the_first_format(), &[], usize::MAX, rounds(2, 60));
}

fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            all.insert(name.clone(), Vec::new());
            all.extend(contents(&entry.path()).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else {
            all.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
    all
}

#[test]
fn the_log_of_the_shim_tells_everything_that_happens_to_the_disk() {
    for job in [Job::Opens, Job::Import, Job::Backup, Job::Rotate, Job::Compact] {
        let home = Home::new();
        let (before, log) = logged(&home, job, usize::MAX, &[]);
        let mut disk = Disk::new(&log, &before);
        disk.run(log.len());
        let rebuilt = Home::new();
        disk.cut(rebuilt.0.path(), Loss::Nothing, &mut Dice::new(0));
        let (is, says) = (contents(home.0.path()), contents(rebuilt.0.path()));
        assert_eq!(says.keys().collect::<Vec<_>>(), is.keys().collect::<Vec<_>>(), "{job:?}");
        let differ: Vec<&String> = is.keys().filter(|name| is[*name] != says[*name]).collect();
        assert_eq!(differ, Vec::<&String>::new(), "{job:?}");
    }
}

/// Whether something is lost when the disk's cache is, just after an acknowledgement, if the syncs of some files did nothing.
fn loses_without_syncs_of(files: &str) -> bool {
    let home = Home::new();
    home.open().close().unwrap();
    let (before, log) = logged(&home, Job::Load(2), 100, &[("SHIM_NO_SYNC", files)]);
    let mut disk = Disk::new(&log, &before);
    let places = log.acknowledgements();
    assert!(places.len() > 20);
    places.iter().step_by(places.len() / 12).any(|&at| {
        disk.run(at + 1);
        let trial = Home::new();
        disk.cut(trial.0.path(), Loss::Cache, &mut Dice::new(0));
        let mut acks = Acks::default();
        acks.note_all(&disk.acks);
        trial.try_open().map_or(true, |opened| acks.lost(&opened.store) > 0)
    })
}

#[test]
fn a_program_that_does_not_sync_is_found_out() {
    assert!(loses_without_syncs_of("/"), "without any sync everything was there all the same");
    assert!(loses_without_syncs_of("/journal/"), "without a sync of the journal everything was there all the same");
    assert!(!loses_without_syncs_of("/no such file/"));
}
