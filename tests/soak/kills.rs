//! The program is killed: by somebody else at any moment, and in place of each change that it makes to the disk.

use crate::{
    disk::Dice,
    jobs::Job,
    support::Home,
    work::{
        Acks, Worker, after_a_kill, all_there, copy, copy_of, first_format, measure, record, rounds, shimmed, stocked,
        stocked_lines, with_history,
    },
};
use std::fs;

#[test]
fn a_kill_under_load_loses_nothing() {
    let rounds = rounds(4, 1000);
    let mut dice = Dice::new(1);
    let (mut home, mut acks, mut acknowledged) = (Home::new(), Acks::default(), 0);
    for round in 0..rounds {
        if round % 20 == 19 {
            (home, acks) = (Home::new(), Acks::default());
        }
        let threads = [1, 4, 8][dice.below(3)];
        let mut worker = Worker::start(&home, Job::Load(threads), |_| {});
        let mut seen = 0;
        let enough = 10 + dice.below(150);
        while seen < enough {
            let line = worker.line().expect("the load goes on until it is ended");
            seen += usize::from(acks.note(&line));
        }
        // What it had said before it died counts as well.
        seen += worker.kill().iter().filter(|line| acks.note(line)).count();
        acknowledged += seen;
        acks.all_there(&home, &format!("round {round}"));
    }
    record(&format!(
        "killed under load {rounds} times: {acknowledged} writes acknowledged, none lost, every check clean"
    ));
}

/// Kills a job in place of each of its changes to the disk, or of as many of them as there are rounds.
fn killed_anywhere(job: Job, base: &Home, before: &[String], rounds: usize) {
    let (changes, _) = measure(&copy_of(base), job, false);
    assert!(changes > 0);
    let mut acknowledged = 0;
    for round in 0..rounds {
        let at = 1 + round * changes / rounds.max(changes.min(rounds)) % changes;
        let home = copy_of(base);
        let worker = Worker::start(&home, job, |command| {
            shimmed(command, &home).env("SHIM_KILL_AT", at.to_string());
        });
        let lines = [before, &worker.end().1].concat();
        acknowledged += all_there(job, &home, &lines, &format!("{job:?} killed at change {at} of {changes}"));
    }
    record(&format!(
        "{job:?} killed {rounds} times, over {changes} changes of the disk: {acknowledged} cats acknowledged, none lost, every check clean"
    ));
}

#[test]
fn a_kill_while_the_store_is_opened_or_closed_loses_nothing() {
    killed_anywhere(Job::Opens, &Home::new(), &[], rounds(12, 300));
}

#[test]
fn a_kill_while_a_store_is_opened_that_was_killed_loses_nothing() {
    let (home, lines) = after_a_kill();
    killed_anywhere(Job::Opens, &home, &lines, rounds(5, 300));
}

#[test]
fn a_kill_during_an_import_leaves_whole_chunks() {
    killed_anywhere(Job::Import, &Home::new(), &[], rounds(5, 300));
}

#[test]
fn a_kill_during_a_backup_leaves_whole_backups_only() {
    killed_anywhere(Job::Backup, &Home::new(), &[], rounds(5, 300));
}

#[test]
fn a_kill_while_keys_are_replaced_leaves_a_store_that_opens() {
    killed_anywhere(Job::Rotate, &stocked(), &stocked_lines(), rounds(6, 300));
}

#[test]
fn a_kill_while_the_store_is_compacted_loses_nothing() {
    killed_anywhere(Job::Compact, &stocked(), &stocked_lines(), rounds(6, 300));
}

#[test]
fn a_kill_during_a_restore_leaves_the_old_store_or_the_new() {
    let (home, lines) = with_history();
    killed_anywhere(Job::Restore { back: false }, &home, &lines, rounds(4, 300));
    killed_anywhere(Job::Restore { back: true }, &home, &lines, rounds(6, 300));
}

#[test]
fn a_kill_during_a_migration_loses_nothing() {
    let home = of_the_first_format();
    killed_anywhere(Job::Open, &home, &[], rounds(6, 300));
    // The same after an end that was not clean.
    fs::remove_file(home.data().join("clean")).unwrap();
    killed_anywhere(Job::Open, &home, &[], rounds(4, 300));
}

/// A home with a store of the first format.
pub fn of_the_first_format() -> Home {
    let home = Home::new();
    copy(&first_format(), home.0.path());
    let fresh = Home::new();
    drop(fresh.open());
    let (present, keyring) = (fresh.data().join("keyring.toml"), home.data().join("keyring.toml"));
    if fs::read_to_string(present).unwrap().contains("format = 1") {
        let text = fs::read_to_string(&keyring).unwrap();
        fs::write(keyring, text.replace("format = 1", "format = 0")).unwrap();
    }
    home
}
