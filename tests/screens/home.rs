//! The home screen.

use crate::{
    shelter::Shelter,
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
