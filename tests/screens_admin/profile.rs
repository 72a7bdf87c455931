//! One's own account.

use clowder::{
    desk::UserChange,
    model::{Actor, AgeBand, Altered, Door, Gender, UserId},
};

use crate::{
    at, pictures, sees,
    shelter::{PASSWORD, Shelter},
};

const UMA: UserId = UserId(3);

#[test]
fn pictures_of_a_profile() {
    let shelter = Shelter::new();
    shelter.desk.toggle_favourite(&shelter.user, shelter.cats[2]).unwrap();
    shelter.desk.toggle_favourite(&shelter.user, shelter.cats[3]).unwrap();
    pictures("profile", &shelter, &shelter.user, &["9"]);
    pictures("profile_form", &shelter, &shelter.user, &["9", "e", "\t\t\t\t", "sib"]);
    pictures("own_password", &shelter, &shelter.user, &["9", "p"]);
}

#[test]
fn a_person_changes_their_details_and_what_they_look_for() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.user);
    t.keys("9e").keys("\t\x15Uma Hill\t\t\x15+44 555 0150\t");
    // Two breeds, one age, one sex, altered.
    t.keys("maine\r").keys("sib\r").keys("\t").keys("sen\r").keys("\t").keys("fem\r").keys("\t").keys("\x1b[C\x13");
    sees(&t, "Your account is saved.");
    sees(&t, "female, senior, spayed or neutered, Siberian or Maine Coon");
    let uma = shelter.desk.me(&shelter.user).unwrap();
    assert_eq!((uma.full_name.as_str(), uma.phone.as_str()), ("Uma Hill", "+44 555 0150"));
    assert_eq!(uma.preferences.breeds, [shelter.breeds[0], shelter.breeds[1]]);
    assert_eq!((&*uma.preferences.ages, &*uma.preferences.genders), (&[AgeBand::Senior][..], &[Gender::Female][..]));
    assert_eq!(uma.preferences.altered, Some(Altered::Yes));
    // Backspace takes the last one away again.
    t.keys("e").keys("\t\t\t\t\x7f\x13");
    assert_eq!(shelter.desk.me(&shelter.user).unwrap().preferences.breeds, [shelter.breeds[0]]);
}

#[test]
fn a_change_by_an_admin_meanwhile_loses_nothing() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.user);
    t.keys("9e").keys("\t\x15Uma Hill");
    shelter.desk.edit_user(&Actor::console(), UMA, 1, vec![UserChange::Phone("555 0177".to_owned())]).unwrap();
    t.wait_for("What you typed is kept");
    sees(&t, "555 0177");
    t.keys("\x13");
    let uma = shelter.desk.me(&shelter.user).unwrap();
    assert_eq!((uma.full_name.as_str(), uma.phone.as_str()), ("Uma Hill", "555 0177"));
}

#[test]
fn a_new_password_needs_the_old_one() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.user);
    t.keys("9p").keys("not this one\t").keys("a new long password\t").keys("a new long password\r");
    sees(&t, "is not your password");
    let try_it = |password: &str| shelter.desk.sign_in("uma", password, Door::Local, None);
    assert!(try_it(PASSWORD).is_ok());
    t.keys("\x15").keys(PASSWORD).keys("\x13");
    sees(&t, "Your password is changed.");
    assert!(try_it("a new long password").is_ok());
}

#[test]
fn favourites_are_taken_off_the_list() {
    let shelter = Shelter::new();
    shelter.desk.toggle_favourite(&shelter.user, shelter.cats[2]).unwrap();
    let mut t = at(&shelter, &shelter.user);
    t.keys("9");
    sees(&t, "Clementine");
    t.keys("m");
    assert!(shelter.desk.me(&shelter.user).unwrap().favourites.is_empty());
    sees(&t, "None yet");
}

#[test]
fn leaving_a_changed_form_asks_first() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.user);
    t.keys("9e").keys("\tx").keys("\x1b");
    sees(&t, "Throw away what you typed?");
    t.keys("n").keys("\x7f").keys("\x1b");
    sees(&t, "Favourites");
}
