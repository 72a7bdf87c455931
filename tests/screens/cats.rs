//! The cats: list, search, one cat, and its forms.

use clowder::{
    desk::CatChange,
    model::{Day, PartialDate},
    session::caps::{Caps, Colour},
};

use crate::{
    shelter::Shelter,
    terminal::{Terminal, caps},
};

#[test]
fn the_list_at_every_size() {
    let shelter = Shelter::new();
    for (width, height) in [(80, 24), (120, 40), (40, 12), (1, 1)] {
        let mut t = Terminal::signed_in(&shelter.desk, caps(width, height), &shelter.staff);
        t.keys("2");
        insta::assert_snapshot!(format!("cats_{width}x{height}"), t.snapshot());
    }
}

#[test]
fn a_user_sees_cats_on_offer_only() {
    let shelter = Shelter::new();
    let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), &shelter.user);
    t.keys("2");
    insta::assert_snapshot!("cats_user_80x24", t.snapshot());
    t.keys("\r");
    insta::assert_snapshot!("cat_user_80x24", t.snapshot());
}

#[test]
fn searching_as_one_types() {
    let shelter = Shelter::new();
    let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), &shelter.staff);
    t.keys("2/mis");
    insta::assert_snapshot!("cats_search_80x24", t.snapshot());
    t.keys("\x15sibirian");
    assert!(t.text().contains("No cat like that"), "{}", t.text());
    t.keys("\x15status:avialable 三");
    insta::assert_snapshot!("cats_search_wrong_80x24", t.snapshot());
    t.keys("\x15st\t");
    assert!(t.text().contains("/ status:"), "{}", t.text());
}

#[test]
fn filters_and_orders_come_from_menus() {
    let shelter = Shelter::new();
    let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), &shelter.staff);
    t.keys("2f");
    insta::assert_snapshot!("cats_filter_80x24", t.snapshot());
    t.keys("maine\r");
    assert!(t.text().contains("/ breed=\"Maine Coon\""), "{}", t.text());
    assert!(t.text().contains("Bruno") && !t.text().contains("Miso"), "{}", t.text());
    t.keys("snam\r");
    assert!(t.text().contains("sort:name"), "{}", t.text());
    t.keys("a");
    assert!(t.text().contains("everything"), "{}", t.text());
}

#[test]
fn the_mark_stays_where_it_is_when_others_change_things() {
    let shelter = Shelter::new();
    let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), &shelter.staff);
    t.keys("2jj");
    assert!(t.text().contains("► Clementine"), "{}", t.text());
    let changes = vec![CatChange::Name("Zorro".to_owned())];
    let rev = shelter.desk.cat(&shelter.admin, shelter.cats[6]).unwrap().cat.version.rev;
    shelter.desk.edit_cat(&shelter.admin, shelter.cats[6], rev, changes).unwrap();
    t.wait_for("Zorro");
    assert!(t.text().contains("► Clementine"), "{}", t.text());
}

#[test]
fn one_cat_with_its_queue_and_stays() {
    let shelter = Shelter::new();
    for (width, height) in [(80, 24), (120, 40), (40, 12), (1, 1)] {
        let mut t = Terminal::signed_in(&shelter.desk, caps(width, height), &shelter.staff);
        t.keys("2\r");
        insta::assert_snapshot!(format!("cat_{width}x{height}"), t.snapshot());
    }
}

#[test]
fn the_form_says_what_is_wrong_while_one_types() {
    let shelter = Shelter::new();
    let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), &shelter.staff);
    t.keys("2e");
    insta::assert_snapshot!("cat_form_80x24", t.snapshot());
    t.keys("\t\x15a-1002\t\t\x15next week");
    insta::assert_snapshot!("cat_form_errors_80x24", t.snapshot());
    t.keys("\x1b");
    assert!(t.text().contains("Throw away"), "{}", t.text());
    t.keys("\x1b\x1b[Z\x1b[Zx");
    assert!(t.text().contains("Change"), "{}", t.text());
}

#[test]
fn a_change_is_saved_and_undone() {
    let shelter = Shelter::new();
    let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), &shelter.staff);
    t.keys("2e\x15Misoko\x13");
    assert!(t.text().contains("Misoko is saved."), "{}", t.text());
    assert_eq!(shelter.desk.cat(&shelter.staff, shelter.cats[0]).unwrap().cat.name, "Misoko");
    // The list hears of the change after whoever made it.
    t.wait_for("► Misoko").keys("u");
    insta::assert_snapshot!("undo_80x24", t.snapshot());
    t.keys("\r");
    assert_eq!(shelter.desk.cat(&shelter.staff, shelter.cats[0]).unwrap().cat.name, "Miso");
}

#[test]
fn a_breed_is_found_by_a_few_letters() {
    let shelter = Shelter::new();
    let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), &shelter.staff);
    t.keys("2e\t\tmco");
    insta::assert_snapshot!("cat_form_picker_80x24", t.snapshot());
    t.keys("\r\x13");
    let card = shelter.desk.cat(&shelter.staff, shelter.cats[0]).unwrap();
    assert_eq!(card.breed.unwrap().name, "Maine Coon");
}

#[test]
fn anothers_change_comes_into_the_form() {
    let shelter = Shelter::new();
    let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), &shelter.staff);
    t.keys("2e\x15Misoko");
    let rev = shelter.desk.cat(&shelter.admin, shelter.cats[0]).unwrap().cat.version.rev;
    let changes = vec![CatChange::Colour("cream".to_owned())];
    shelter.desk.edit_cat(&shelter.admin, shelter.cats[0], rev, changes).unwrap();
    t.wait_for("Ada Brook changed this cat");
    t.keys("\x13");
    let cat = shelter.desk.cat(&shelter.staff, shelter.cats[0]).unwrap().cat;
    assert_eq!((&*cat.name, &*cat.colour), ("Misoko", "cream"));
}

#[test]
fn a_cat_is_added_held_and_leaves() {
    let shelter = Shelter::new();
    let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), &shelter.staff);
    t.keys("2nPebble\t\t\t2y\x13");
    assert!(t.text().contains("Pebble is in the shelter's books."), "{}", t.text());
    t.keys("o\tbite\x13");
    assert!(t.text().contains("On hold: medical"), "{}", t.text());
    t.keys("x");
    insta::assert_snapshot!("cat_left_80x24", t.snapshot());
    t.keys("\x13");
    assert!(t.text().contains("Returned to owner"), "{}", t.text());
}

#[test]
fn a_user_asks_for_a_cat() {
    let shelter = Shelter::new();
    let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), &shelter.user);
    t.keys("2jjj\ra");
    insta::assert_snapshot!("cat_ask_80x24", t.snapshot());
    t.keys("I have a garden.\x13");
    insta::assert_snapshot!("cat_asked_80x24", t.snapshot());
}

#[test]
fn an_arrow_key_costs_few_bytes() {
    let shelter = Shelter::new();
    let names = ["Miso", "Clementine", "Señor Gato", "Io", "Pepper", "Ōkami", "Bartholomew", "三毛"];
    for n in 0..300 {
        let changes = vec![
            CatChange::Name(format!("{} {n}", names[n % 8])),
            CatChange::Tag(Some(format!("T-{n}"))),
            CatChange::Born(Some(PartialDate::parse(["2y", "5m", "2019"][n % 3], Day::today()).unwrap())),
            CatChange::Breed(Some(shelter.breeds[n % 3])),
            CatChange::Colour(["grey", "black and white", "tortoiseshell"][n % 3].to_owned()),
        ];
        shelter.desk.add_cat(&shelter.admin, changes).unwrap();
    }
    let caps = Caps { colour: Colour::Indexed, ..caps(80, 24) };
    let mut t = Terminal::signed_in(&shelter.desk, caps, &shelter.staff);
    t.keys("2");
    let mut walk = |keys: &str, count: usize| -> Vec<usize> { (0..count).map(|_| t.cost(keys)).collect() };
    let mean = |costs: &[usize]| costs.iter().sum::<usize>() / costs.len();
    let within = walk("\x1b[B", 17);
    let down = walk("\x1b[B", 200);
    let up = walk("\x1b[A", 217);
    let worst = down.iter().chain(&up).max().unwrap();
    println!("an arrow key: {} bytes, down {}, up {}, worst {worst}", mean(&within), mean(&down), mean(&up));
    assert!(mean(&within) < 100 && mean(&down) < 150 && mean(&up) < 150);
    assert!(*worst < 250);
}
