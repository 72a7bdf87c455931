//! Breeds and health statuses.

use clowder::{
    desk::BreedChange,
    model::{Actor, query::CatQuery},
};

use crate::{at, misses, pictures, sees, shelter::Shelter};

#[test]
fn pictures_of_breeds_and_health_statuses() {
    let shelter = Shelter::new();
    pictures("breeds", &shelter, &shelter.staff, &["6"]);
    pictures("breed", &shelter, &shelter.staff, &["6", "\r"]);
    pictures("breed_form", &shelter, &shelter.staff, &["6", "e"]);
    pictures("breed_delete", &shelter, &shelter.staff, &["6", "D"]);
    pictures("health", &shelter, &shelter.staff, &["7"]);
    pictures("health_form", &shelter, &shelter.staff, &["7", "/tre\r", "e", "\t"]);
    pictures("health_for_a_user", &shelter, &shelter.user, &["7", "\x1b[B", "\r"]);
}

#[test]
fn deleting_a_breed_says_how_many_cats_have_it_and_sets_them_to_none() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.staff);
    t.keys("6/domestic\rD");
    sees(&t, "4 cats have it and will be without a breed");
    let with = || shelter.desk.breed_uses(&shelter.admin, shelter.breeds[2]).unwrap();
    t.keys("\r");
    assert_eq!(with(), 4, "Enter alone deletes nothing");
    t.keys("\x1b").keys("D").keys("y");
    sees(&t, "4 cats are without a breed now");
    assert_eq!(with(), 0);
    assert!(shelter.desk.breed(&shelter.admin, shelter.breeds[2]).is_err());
    // One key brings them back.
    t.keys("u").keys("y");
    assert_eq!(with(), 4);
}

#[test]
fn a_breed_is_added_and_a_second_of_its_name_is_not() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.staff);
    t.keys("6n").keys("Ragdoll\tFloppy.\rBrush twice a week.\x13");
    sees(&t, "Ragdoll is added.");
    sees(&t, "Brush twice a week.");
    t.keys("\x1b").keys("n").keys("ragdoll\x13");
    sees(&t, "is taken");
    assert_eq!(shelter.desk.breeds(&shelter.admin).unwrap().len(), 4);
}

#[test]
fn a_health_status_that_prevents_adoption() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.staff);
    t.keys("7n").keys("Quarantine\t \x13");
    sees(&t, "is not adopted");
    let all = shelter.desk.health_statuses(&shelter.admin).unwrap();
    assert!(all.iter().any(|line| line.name == "Quarantine" && line.prevents_adoption));
}

#[test]
fn anothers_change_of_a_breed_is_told_and_what_was_typed_is_kept() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.staff);
    t.keys("6/sib\re").keys("\x15Siberian Forest");
    let id = shelter.breeds[0];
    let changes = vec![BreedChange::Description("Loves snow.".to_owned())];
    shelter.desk.edit_breed(&Actor::console(), id, 1, changes).unwrap();
    t.wait_for("Console changed this breed just now");
    sees(&t, "Siberian Forest");
    sees(&t, "Loves snow.");
    t.keys("\x13");
    let breed = shelter.desk.breed(&shelter.admin, id).unwrap();
    assert_eq!((breed.name.as_str(), breed.description.as_str()), ("Siberian Forest", "Loves snow."));
}

#[test]
fn the_count_follows_the_cats() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.staff);
    t.keys("6");
    sees(&t, "Siberian");
    let cats = shelter.desk.cats(&shelter.staff, &CatQuery::default()).unwrap().len();
    assert_eq!(cats, 8);
    let changes = vec![
        clowder::desk::CatChange::Name("Ivy".to_owned()),
        clowder::desk::CatChange::Breed(Some(shelter.breeds[0])),
    ];
    shelter.desk.add_cat(&Actor::console(), changes).unwrap();
    t.wait_for(" 3\n");
}

#[test]
fn nothing_can_be_changed_by_somebody_who_only_looks() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.user);
    t.keys("6");
    sees(&t, "Siberian");
    t.keys("n").keys("e").keys("D");
    misses(&t, "New breed");
    misses(&t, "Delete");
    t.keys("?");
    misses(&t, "Add a new one");
}
