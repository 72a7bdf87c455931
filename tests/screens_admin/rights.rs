//! Who reaches what: neither keys nor the palette lead where the role does not.

use clowder::{model::Actor, ui::Command};

use crate::{at, misses, sees, shelter::Shelter, terminal::Terminal};

/// The digits of the places, and a word of each that stands on no other screen.
const ADMIN_PLACES: [(&str, &str); 3] = [("5", "► Accounts"), ("8", "► Audit log"), ("0", "► Check")];

fn reaches_no_admin_screen(shelter: &Shelter, actor: &Actor) {
    for (key, word) in ADMIN_PLACES {
        let mut t = at(shelter, actor);
        t.keys(key);
        misses(&t, word);
    }
    for command in Command::ALL.iter().filter(|c| c.permission().is_some_and(|p| !role(shelter, actor).may(p))) {
        let mut t = at(shelter, actor);
        palette(&mut t, command.help());
        sees(&t, "nothing like that");
    }
}

fn role(shelter: &Shelter, actor: &Actor) -> clowder::model::Role {
    shelter.desk.rights(actor).unwrap().role
}

fn palette(t: &mut Terminal, text: &str) {
    t.keys("\x10").keys(text);
}

#[test]
fn staff_do_not_reach_what_is_for_admins() {
    let shelter = Shelter::new();
    reaches_no_admin_screen(&shelter, &shelter.staff);
}

#[test]
fn a_person_reaches_only_their_own() {
    let shelter = Shelter::new();
    reaches_no_admin_screen(&shelter, &shelter.user);
    let mut t = at(&shelter, &shelter.user);
    t.keys("9");
    sees(&t, "uma@example.org");
    misses(&t, "vic@example.org");
}

#[test]
fn an_admin_reaches_them_by_key_and_by_name() {
    let shelter = Shelter::new();
    for (key, word) in ADMIN_PLACES {
        let mut t = at(&shelter, &shelter.admin);
        t.keys(key);
        sees(&t, word);
    }
    let mut t = at(&shelter, &shelter.admin);
    palette(&mut t, "go to the accounts");
    t.keys("\r");
    sees(&t, "Vic Harbour");
}

#[test]
fn a_demoted_admin_loses_the_screens_in_the_session_they_are_in() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.admin);
    t.keys("5");
    shelter.desk.set_role(&shelter.admin, clowder::model::UserId(2), clowder::model::Role::Admin).unwrap();
    shelter.desk.set_role(&shelter.staff, clowder::model::UserId(1), clowder::model::Role::Staff).unwrap();
    t.wait_for("(staff)");
    t.keys("n");
    misses(&t, "New account");
    t.keys("8");
    misses(&t, "Audit log");
}
