//! Signing in and the first start.

use crate::{
    shelter::{self, PASSWORD, Shelter},
    terminal::{Terminal, caps},
};

#[test]
fn the_first_start_makes_the_first_admin() {
    let (_room, desk) = shelter::empty();
    let mut t = Terminal::new(&desk, caps(80, 24));
    insta::assert_snapshot!("first_start_80x24", t.snapshot());
    t.keys("ada\tAda Brook\tada@example.org\tshort\t\x13");
    insta::assert_snapshot!("first_start_errors_80x24", t.snapshot());
    t.keys("\x15").keys(PASSWORD).keys("\t").keys(PASSWORD).keys("\x13");
    assert!(!desk.is_new());
    insta::assert_snapshot!("first_start_done_80x24", t.snapshot());
}

#[test]
fn the_first_start_with_a_file() {
    let (room, desk) = shelter::empty();
    let file = room.0.path().join("cats.csv");
    std::fs::write(&file, "tag,name,breed,intake,intake_kind\nA-1,Miso,Siberian,2024-05-12,stray\n").unwrap();
    let mut t = Terminal::new(&desk, caps(120, 40));
    t.keys("ada\t\t\t").keys(PASSWORD).keys("\t").keys(PASSWORD).keys("\t\x1b[C\t");
    t.keys(&file.display().to_string()).keys("\tc");
    assert!(t.text().contains("clowder"), "{}", t.text());
    t.keys("\r");
    assert!(t.text().contains("You are the first admin."), "{}", t.text());
    t.keys("2");
    assert!(t.text().contains("Miso"), "{}", t.text());
}

#[test]
fn the_first_start_with_invented_data() {
    let (_room, desk) = shelter::empty();
    let mut t = Terminal::new(&desk, caps(80, 24));
    t.keys("ada\t\t\t").keys(PASSWORD).keys("\t").keys(PASSWORD).keys("\ti\x13");
    assert!(t.text().contains("The data is invented."), "{}", t.text());
    t.keys("4");
    assert!(t.text().contains("Waits"), "{}", t.text());
}

#[test]
fn a_wrong_password_and_a_right_one() {
    let shelter = Shelter::new();
    let mut t = Terminal::new(&shelter.desk, caps(80, 24));
    t.keys("sam\tnot this one\r");
    insta::assert_snapshot!("sign_in_wrong_80x24", t.snapshot());
    assert!(!String::from_utf8_lossy(t.output()).contains("not this one"));
    t.keys(PASSWORD).keys("\r");
    assert!(t.text().contains("Sam Field (staff)"), "{}", t.text());
    assert!(!t.text().contains("Wrong name or password"), "{}", t.text());
}

#[test]
fn saving_by_name_checks_the_fields_too() {
    let shelter = Shelter::new();
    let mut t = Terminal::new(&shelter.desk, caps(80, 24));
    t.keys("\x10save\r");
    assert!(t.text().contains("is needed"), "{}", t.text());
}

#[test]
fn the_first_start_says_at_once_what_cannot_be() {
    let (_room, desk) = shelter::empty();
    let mut t = Terminal::new(&desk, caps(80, 24));
    t.keys("a b\t\tada@");
    assert!(t.text().contains("letters a-z"), "{}", t.text());
    assert!(t.text().contains("is no e-mail address"), "{}", t.text());
    t.keys("example.org");
    assert!(!t.text().contains("is no e-mail address"), "{}", t.text());
}

#[test]
fn a_form_is_whole_again_where_the_terminal_grows() {
    let (_room, desk) = shelter::empty();
    let mut t = Terminal::new(&desk, caps(40, 12));
    t.keys("ada\t\t\t\t");
    t.resize(40, 8);
    assert!(!t.text().contains("Sign-in name"), "{}", t.text());
    t.resize(80, 24);
    assert!(t.text().contains("Sign-in name"), "{}", t.text());
}

#[test]
fn every_size_has_its_screen() {
    let (_room, desk) = shelter::empty();
    for (width, height) in [(120, 40), (40, 12), (1, 1)] {
        let t = Terminal::new(&desk, caps(width, height));
        insta::assert_snapshot!(format!("first_start_{width}x{height}"), t.snapshot());
    }
}
