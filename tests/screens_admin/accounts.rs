//! The list of accounts, an account, and its forms.

use clowder::{
    desk::UserChange,
    model::{Actor, Error, Role, UserId, query::UserQuery},
};

use crate::{
    at, misses, pictures, sees,
    shelter::{PASSWORD, Shelter},
};

const SAM: UserId = UserId(2);
const UMA: UserId = UserId(3);

#[test]
fn pictures_of_accounts() {
    let shelter = Shelter::new();
    pictures("accounts", &shelter, &shelter.admin, &["5"]);
    pictures("accounts_wrong_term", &shelter, &shelter.admin, &["5", "/role:boss uma"]);
    pictures("account", &shelter, &shelter.admin, &["5", "/uma\r", "\r"]);
    pictures("account_new", &shelter, &shelter.admin, &["5", "n", "a b\t", "\t", "ada@", "\t"]);
    pictures("account_password", &shelter, &shelter.admin, &["5", "\r", "p", "short\t"]);
    pictures("account_role", &shelter, &shelter.admin, &["5", "/uma\r", "\r", "r"]);
    shelter.desk.lock(&shelter.admin, UMA, "lost the telephone").unwrap();
    shelter.desk.ban(&shelter.admin, UMA, "returned two cats unseen").unwrap();
    pictures("account_locked", &shelter, &shelter.admin, &["5", "/locked:yes\r", "\r"]);
}

#[test]
fn an_account_with_requests_stays_and_says_why() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.admin);
    t.keys("5/uma\r\rD");
    sees(&t, "An account with requests stays, for their history.");
    misses(&t, "Delete Uma Stone?");
}

#[test]
fn an_account_is_locked_and_unlocked() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.admin);
    t.keys("5/sam\r\rl");
    sees(&t, "Lock Sam Field?");
    t.keys("on leave\r");
    sees(&t, "Sam Field is locked.");
    sees(&t, "on leave");
    assert!(matches!(shelter.desk.rights(&shelter.staff), Err(Error::SignedOut(_))));
    t.keys("l");
    sees(&t, "Unlock Sam Field?");
    t.keys("y");
    sees(&t, "Sam Field can sign in again.");
    assert!(shelter.desk.rights(&shelter.staff).is_ok());
}

#[test]
fn whoever_is_locked_is_shown_the_door() {
    let shelter = Shelter::new();
    let mut sam = at(&shelter, &shelter.staff);
    sam.keys("6");
    shelter.desk.lock(&shelter.admin, SAM, "on leave").unwrap();
    sam.wait_for("Sign in");
    sees(&sam, "This account is locked: on leave");
}

#[test]
fn the_last_admin_stays_one() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.admin);
    t.keys("5/ada\r\rr").keys("staff\r");
    sees(&t, "This is the last admin; make another one first");
    assert_eq!(shelter.desk.rights(&shelter.admin).unwrap().role, Role::Admin);
}

#[test]
fn a_role_is_given_and_taken_back_with_one_key() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.admin);
    t.keys("5/sam\r\rr").keys("admin\r");
    sees(&t, "Sam Field is an admin now.");
    assert_eq!(shelter.desk.rights(&shelter.staff).unwrap().role, Role::Admin);
    t.keys("u").keys("y");
    assert_eq!(shelter.desk.rights(&shelter.staff).unwrap().role, Role::Staff);
}

#[test]
fn a_ban_needs_its_reason() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.admin);
    t.keys("5/uma\r\rb").keys("\r");
    let banned = || shelter.desk.user(&shelter.admin, UMA).unwrap().user.banned;
    assert_eq!(banned(), None);
    t.keys("returned two cats unseen\r");
    sees(&t, "DO NOT ADOPT");
    assert_eq!(banned().unwrap().reason, "returned two cats unseen");
    t.keys("b").keys("y");
    sees(&t, "may adopt again");
    assert_eq!(banned(), None);
}

#[test]
fn a_new_account_signs_in() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.admin);
    t.keys("5n").keys("nora\tNora Lake\tnora@example.org\t555 0123\ts\t");
    t.keys(PASSWORD).keys("\t").keys(PASSWORD).keys("\r");
    sees(&t, "Nora Lake has an account.");
    sees(&t, "Staff");
    let sign_in = shelter.desk.sign_in("nora", PASSWORD, clowder::model::Door::Local, None).unwrap();
    assert_eq!(shelter.desk.rights(&sign_in).unwrap().role, Role::Staff);
}

#[test]
fn a_taken_name_is_said_at_its_field_while_it_is_typed() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.admin);
    t.keys("5n").keys("SA");
    misses(&t, "is taken");
    t.keys("M");
    sees(&t, "is taken");
    t.keys("2");
    misses(&t, "is taken");
    t.keys("\t\tUMA@example.org");
    sees(&t, "is taken");
    // Whoever saves nevertheless is told at the field, too.
    t.keys("\x13");
    sees(&t, "is taken");
    assert_eq!(shelter.desk.users(&shelter.admin, &UserQuery::default()).unwrap().len(), 4);
}

#[test]
fn fields_say_what_is_wrong_while_they_are_typed() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.admin);
    t.keys("5/uma\re").keys("\t\t").keys("!");
    sees(&t, "is no e-mail address");
    t.keys("\t").keys("y");
    sees(&t, "is no telephone number");
    t.keys("\x13");
    let uma = shelter.desk.user(&shelter.admin, UMA).unwrap().user;
    assert_eq!((uma.phone.as_str(), uma.version.rev), ("555 0100", 1));
}

#[test]
fn passwords_that_differ_are_not_set() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.admin);
    t.keys("5/sam\r\rp").keys("a new long password\tanother");
    sees(&t, "is not the same password");
    t.keys("\r");
    sees(&t, "is not the same password");
    let try_it = |password: &str| shelter.desk.sign_in("sam", password, clowder::model::Door::Local, None);
    assert!(try_it(PASSWORD).is_ok());
    t.keys("\x15a new long password\r");
    sees(&t, "Sam Field has a new password.");
    assert!(try_it("a new long password").is_ok());
    assert!(try_it(PASSWORD).is_err());
    assert!(!String::from_utf8_lossy(t.output()).contains("a new long"));
}

#[test]
fn anonymising_says_what_goes_and_enter_alone_does_not_do_it() {
    let shelter = Shelter::new();
    for request in [0, 3] {
        let id = shelter.requests[request];
        let rev = shelter.desk.request(&shelter.admin, id).unwrap().request.version.rev;
        shelter.desk.decide(&shelter.admin, id, rev, clowder::model::Verdict::Reject, "moved away").unwrap();
    }
    let mut t = at(&shelter, &shelter.admin);
    t.keys("5/uma\r\rA");
    sees(&t, "Remove the details of Uma Stone?");
    sees(&t, "2 requests stay");
    t.keys("\r");
    assert!(!shelter.desk.user(&shelter.admin, UMA).unwrap().user.anonymised);
    t.keys("\x1b").keys("A").keys("y");
    sees(&t, "is anonymised");
    misses(&t, "uma@example.org");
    let bare = shelter.desk.user(&shelter.admin, UMA).unwrap().user;
    assert!(bare.anonymised && bare.email.is_none());
}

#[test]
fn an_account_without_requests_is_deleted() {
    let shelter = Shelter::new();
    let changes = vec![UserChange::Username("nora".to_owned())];
    let (nora, _) = shelter.desk.add_user(&Actor::console(), Role::User, changes, None).unwrap();
    let mut t = at(&shelter, &shelter.admin);
    t.keys("5/nora\r\rD").keys("y");
    sees(&t, "Deleted nora.");
    assert!(shelter.desk.user(&shelter.admin, nora.id).is_err());
    // One with requests offers no such thing.
    t.keys("a/uma\r\rD");
    misses(&t, "Delete Uma");
}

#[test]
fn anothers_change_is_told_and_what_was_typed_is_kept() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.admin);
    t.keys("5/uma\re").keys("\t\x15Uma Stone-Hill");
    let changes = vec![UserChange::Phone("555 0199".to_owned()), UserChange::FullName("Uma S".to_owned())];
    shelter.desk.edit_user(&Actor::console(), UMA, 1, changes).unwrap();
    t.wait_for("Console changed this account just now");
    sees(&t, "Uma Stone-Hill");
    sees(&t, "555 0199");
    t.keys("\x13");
    let uma = shelter.desk.user(&shelter.admin, UMA).unwrap().user;
    assert_eq!((uma.full_name.as_str(), uma.phone.as_str()), ("Uma Stone-Hill", "555 0199"));
}

#[test]
fn fuzzy_letters_find_an_account() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.admin);
    t.keys("5f").keys("vchrb");
    sees(&t, "Vic Harbour");
    t.keys("\r");
    sees(&t, "vic@example.org");
}
