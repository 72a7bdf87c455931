//! The home screen, and what stands around every screen.

use clowder::{desk::CatChange, model::Actor, store::Surroundings};

use crate::{
    shelter::{Shelter, empty},
    terminal::{Terminal, caps},
};

#[test]
fn every_role_has_its_counts() {
    let shelter = Shelter::new();
    for (name, actor) in [("admin", &shelter.admin), ("staff", &shelter.staff), ("user", &shelter.user)] {
        let t = Terminal::signed_in(&shelter.desk, caps(80, 24), actor);
        insta::assert_snapshot!(format!("home_{name}_80x24"), t.snapshot());
    }
}

#[test]
fn every_size_has_its_home() {
    let shelter = Shelter::new();
    for (width, height) in [(120, 40), (40, 12), (1, 1)] {
        let t = Terminal::signed_in(&shelter.desk, caps(width, height), &shelter.staff);
        insta::assert_snapshot!(format!("home_{width}x{height}"), t.snapshot());
    }
}

#[test]
fn counts_follow_what_others_do() {
    let shelter = Shelter::new();
    let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), &shelter.staff);
    assert!(t.text().contains("Waiting longest (4)"), "{}", t.text());
    shelter.desk.ask(&shelter.user, shelter.cats[4], "").unwrap();
    t.wait_for("Waiting longest (5)");
}

#[test]
fn little_room_on_the_disk_stands_in_the_status_line() {
    let shelter = Shelter::beside(Surroundings::default().with_free(|_| Ok(312_000_000)));
    let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), &shelter.staff);
    t.keys("2");
    insta::assert_snapshot!("little_room_80x24", t.snapshot());
    // What was said goes before it where both have no room.
    t.resize(40, 12).keys("d");
    insta::assert_snapshot!("little_room_40x12", t.snapshot());
}

#[test]
fn an_empty_store_says_how_to_begin() {
    let (_room, desk) = empty();
    desk.set_up("ada", "Ada Brook", None, "a warm window sill").unwrap();
    let ada = Actor::local(desk.user_by_name(&Actor::console(), "ada").unwrap());
    let mut t = Terminal::signed_in(&desk, caps(80, 24), &ada);
    t.wait_for("There are no cats yet: 2 and then n adds one.");
    desk.add_cat(&ada, vec![CatChange::Name("Miso".to_owned())]).unwrap();
    t.wait_for("No request is waiting.");
}

#[test]
fn a_key_of_which_nothing_comes_says_why() {
    let shelter = Shelter::new();
    let says = |t: &mut Terminal, keys: &str, why: &str| {
        // Twice, since a message goes with the next key.
        for _ in 0..2 {
            assert!(t.keys(keys).text().contains(why), "{keys:?}: {}", t.text());
        }
    };
    let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), &shelter.staff);
    says(&mut t, "q", "This is the first screen; Ctrl-Q leaves the program.");
    says(&mut t, "8", "You may not see the audit log of everything.");
    says(&mut t, "x", "x does nothing here; ? shows the keys.");
    t.keys("2");
    says(&mut t, "a", "Everything is shown already.");
    t.keys("\r");
    says(&mut t, "b", "The cat is still in care; x records that it left.");
    // The next key takes the sentence away.
    assert!(!t.keys("j").text().contains("still in care"), "{}", t.text());
    let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), &shelter.user);
    t.keys("2");
    says(&mut t, "n", "You may not add anything here.");
    says(&mut t, "5", "You may not manage accounts, roles, locks and bans.");
}
