//! The disk is full at every byte of a commit.

/// The engine cannot read a page that its last transaction made too large when it may not write: so many records at most.
const A_PAGE: u32 = 17;

use crate::{
    jobs::Job,
    kills::of_the_first_format,
    support::Home,
    work::{Acks, Worker, after_a_kill, all_there, asked, copy_of, measure, record, rounds, shimmed, stocked},
};

fn full_everywhere(growth: bool) {
    let base = stocked();
    let counted = copy_of(&base);
    let (_, bytes) = measure(&counted, Job::Brief, true);
    assert!(bytes > 1_000, "{bytes}");
    let stride = asked().map_or(bytes / 4, |rounds| (1_000 / rounds.max(1)).max(1));
    let mut trials = 0;
    for room in (0..bytes).step_by(stride) {
        let home = copy_of(&base);
        let mut worker = Worker::start(&home, Job::Brief, |command| {
            shimmed(command, &home).env("SHIM_LATE", "1").env("SHIM_ROOM", room.to_string());
            if growth {
                command.env("SHIM_GROWTH", "1");
            }
        });
        let mut acks = Acks::default();
        let mut end = None;
        while let Some(line) = worker.line() {
            acks.note(&line);
            if line == "whole" {
                end = Some(line);
            } else if let Some(words) = line.strip_prefix("end ") {
                assert!(words.contains("the disk is full"), "room for {room}: {words}");
                let readable: u32 = words.split_once(' ').unwrap().0.parse().unwrap();
                assert!(
                    readable + A_PAGE >= crate::jobs::CATS + 3,
                    "room for {room}: only {readable} cats could be read"
                );
                end = Some(line);
            }
        }
        assert!(end.is_some(), "room for {room}: the program ended without a word");
        assert!(acks.0.len() >= 3);
        acks.all_there(&home, &format!("room for {room} of {bytes} bytes"));
        trials += 1;
    }
    record(&format!(
        "the disk full at {trials} places of {bytes} bytes: nothing lost, reads go on, everything there after a restart"
    ));
}

#[test]
fn a_disk_that_takes_no_more_bytes_loses_nothing() {
    full_everywhere(false);
}

#[test]
fn a_disk_on_which_no_file_can_grow_loses_nothing() {
    full_everywhere(true);
}

/// The disk gets full somewhere in a job, which ends in one way or another; after room was made everything is there.
fn full_during(job: Job, base: &Home, before: &[String], trials: usize) {
    let (_, bytes) = measure(&copy_of(base), job, false);
    for trial in 0..trials {
        let room = trial * bytes / trials;
        let home = copy_of(base);
        let worker = Worker::start(&home, job, |command| {
            shimmed(command, &home).env("SHIM_ROOM", room.to_string());
        });
        let lines = [before, &worker.end().1].concat();
        all_there(job, &home, &lines, &format!("{job:?} with room for {room} of {bytes} bytes"));
    }
    record(&format!("{job:?} with the disk full at {trials} places of {bytes} bytes: nothing lost after a restart"));
}

#[test]
fn a_disk_that_gets_full_while_a_store_is_made_or_opened_loses_nothing() {
    full_during(Job::Opens, &Home::new(), &[], rounds(4, 300));
    let (home, lines) = after_a_kill();
    full_during(Job::Opens, &home, &lines, rounds(2, 300));
}

#[test]
fn a_disk_that_gets_full_during_a_migration_or_a_backup_loses_nothing() {
    full_during(Job::Open, &of_the_first_format(), &[], rounds(3, 300));
    full_during(Job::Backup, &Home::new(), &[], rounds(3, 300));
}
