//! The audit log, the history of a record, and the check.

use clowder::{
    desk::CatChange,
    model::{Actor, Kind, UserId},
};

use crate::{at, misses, pictures, sees, shelter::Shelter};

const SAM: UserId = UserId(2);

#[test]
fn pictures_of_the_log() {
    let shelter = Shelter::new();
    shelter.desk.lock(&shelter.admin, SAM, "on leave").unwrap();
    shelter.desk.unlock(&shelter.admin, SAM).unwrap();
    shelter.desk.decide(&shelter.admin, shelter.requests[0], 1, clowder::model::Verdict::Approve, "").unwrap();
    pictures("log", &shelter, &shelter.admin, &["8"]);
    pictures("log_entry", &shelter, &shelter.admin, &["8", "\r"]);
    pictures("log_undo", &shelter, &shelter.admin, &["8", "\r", "u"]);
    pictures("history", &shelter, &shelter.admin, &["5", "/sam\r", "\r", "h"]);
}

#[test]
fn the_log_shows_before_and_after_and_opens_the_record() {
    let shelter = Shelter::new();
    shelter.desk.lock(&shelter.admin, SAM, "on leave").unwrap();
    let mut t = at(&shelter, &shelter.admin);
    t.keys("8");
    sees(&t, "Locked an account · Sam Field · on leave");
    t.keys("\r");
    sees(&t, "nothing  → on leave");
    t.keys("\r");
    sees(&t, "Locked: cannot sign in.");
}

#[test]
fn a_change_is_undone_from_the_log() {
    let shelter = Shelter::new();
    shelter.desk.lock(&shelter.admin, SAM, "on leave").unwrap();
    let mut t = at(&shelter, &shelter.admin);
    t.keys("8u");
    sees(&t, "on leave");
    t.keys("y");
    sees(&t, "Undone: locked an account.");
    assert!(shelter.desk.rights(&shelter.staff).is_ok());
    sees(&t, "Undid a change");
}

#[test]
fn a_deleted_breed_has_its_name_in_the_log() {
    let shelter = Shelter::new();
    shelter.desk.delete_breed(&shelter.admin, shelter.breeds[0], 1).unwrap();
    let mut t = at(&shelter, &shelter.admin);
    t.keys("8\r");
    sees(&t, "Siberian  deleted");
    sees(&t, "Siberian  → nothing");
}

#[test]
fn the_log_is_read_in_pages_and_keeps_its_place() {
    let shelter = Shelter::new();
    let cat = shelter.cats[0];
    for n in 0..450 {
        let rev = shelter.desk.cat(&shelter.admin, cat).unwrap().cat.version.rev;
        shelter.desk.edit_cat(&Actor::console(), cat, rev, vec![CatChange::Colour(format!("colour {n}"))]).unwrap();
    }
    let last = shelter.desk.audit(&shelter.admin, None, 1).unwrap()[0].entry.commit.0;
    let mut t = at(&shelter, &shelter.admin);
    t.keys("8");
    // Every End reads on; in the end it is the first commit of all.
    for _ in 0..5 {
        t.keys("G");
    }
    sees(&t, "Set up the store");
    sees(&t, &format!("{last}/{last}"));
    // The place stays when something new comes.
    t.keys("kk");
    let before = t.text().lines().nth(20).unwrap_or_default().to_owned();
    shelter.desk.lock(&shelter.admin, SAM, "on leave").unwrap();
    t.wait_for(&format!("{}/{}", last - 1, last + 1));
    assert_eq!(t.text().lines().nth(20).unwrap_or_default(), before);
    // The history of one record holds that record only.
    assert_eq!(shelter.desk.audit_of(&shelter.admin, Kind::Cat, cat.0, 1000).unwrap().len(), 451);
}

#[test]
fn a_check_runs_beside_and_says_what_it_found() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.admin);
    t.keys("0");
    t.wait_for("All is well.");
    sees(&t, "Records");
    t.keys("R");
    sees(&t, "Repair the store?");
    t.keys("\r");
    sees(&t, "Repair the store?");
    t.keys("y");
    t.wait_for("All is well.");
    misses(&t, "Wrong");
}

#[test]
fn a_backup_is_made_and_listed() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.admin);
    t.keys("0");
    t.wait_for("All is well.");
    sees(&t, "There is no backup yet.");
    t.keys("b");
    t.wait_for("The backup is made");
    t.wait_for("Kept in ");
    sees(&t, "Last backup: just now");
    sees(&t, ".backup");
    // What was found before is still there to read.
    sees(&t, "All is well.");
    t.keys("d");
    t.wait_for("Index entries");
    sees(&t, "All is well.");
}
