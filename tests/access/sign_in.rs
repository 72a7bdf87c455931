//! Signing in.

use clowder::model::{Action, Actor, AuditEntry, Door, Error, Role, User};

use crate::support::{CONSOLE, World, id};

const RIGHT: &str = "correct horse";

fn with_password(w: &World, who: &Actor) {
    w.desk.reset_password(&CONSOLE, id(who), RIGHT).unwrap();
}

fn sign_in(w: &World, name: &str, password: &str) -> Result<Actor, Error> {
    w.desk.sign_in(name, password, Door::Ssh, Some("192.0.2.1".to_owned()))
}

#[test]
fn the_right_password_opens_by_name_or_address_whatever_the_case() {
    let w = World::new();
    with_password(&w, &w.ana);
    for name in ["ana", "ANA", "ana@example.org", "Ana@Example.ORG"] {
        let actor = sign_in(&w, name, RIGHT).unwrap();
        assert_eq!((actor.who, actor.door), (w.ana.who, Door::Ssh));
        assert_eq!(actor.address.as_deref(), Some("192.0.2.1"));
    }
}

#[test]
fn a_wrong_password_an_unknown_name_and_an_account_without_one_read_the_same() {
    let w = World::new();
    with_password(&w, &w.ana);
    let wrong = sign_in(&w, "ana", "wrong horse!").unwrap_err();
    for (name, password) in [("nobody", RIGHT), ("nobody@example.org", RIGHT), ("ben", RIGHT), ("", ""), ("ana", "")] {
        assert_eq!(sign_in(&w, name, password).unwrap_err(), wrong, "{name}");
    }
}

#[test]
fn a_lock_is_told_to_whoever_knows_the_password_and_to_nobody_else() {
    let w = World::new();
    with_password(&w, &w.ana);
    w.desk.lock(&w.admin, id(&w.ana), "moved away").unwrap();
    let told = sign_in(&w, "ana", RIGHT).unwrap_err();
    assert!(matches!(&told, Error::SignedOut(words) if words.contains("locked") && words.contains("moved away")));
    assert_eq!(sign_in(&w, "ana", "wrong horse!"), sign_in(&w, "nobody", "wrong horse!"));
    w.desk.unlock(&w.admin, id(&w.ana)).unwrap();
    sign_in(&w, "ana", RIGHT).unwrap();
}

#[test]
fn an_open_session_loses_what_its_account_loses() {
    let w = World::new();
    let other = Actor::local(w.person("amy", Role::Admin));
    w.desk.audit(&other, None, 1).unwrap();
    w.desk.set_role(&w.admin, id(&other), Role::Staff).unwrap();
    assert!(matches!(w.desk.audit(&other, None, 1), Err(Error::Denied(_))));
    w.desk.stats(&other).unwrap();
    w.desk.lock(&w.admin, id(&other), "").unwrap();
    assert!(matches!(w.desk.stats(&other), Err(Error::SignedOut(_))));
    assert!(matches!(w.desk.rights(&other), Err(Error::SignedOut(_))));
}

#[test]
fn a_changed_password_needs_the_old_one_and_takes_its_place() {
    let w = World::new();
    with_password(&w, &w.ana);
    for (old, new) in [("wrong horse!", "battery staple"), (RIGHT, "short"), (RIGHT, "with\u{7}bell inside")] {
        assert!(matches!(w.desk.change_password(&w.ana, old, new), Err(Error::Invalid(_))));
    }
    w.desk.change_password(&w.ana, RIGHT, "battery staple").unwrap();
    assert!(sign_in(&w, "ana", RIGHT).is_err());
    sign_in(&w, "ana", "battery staple").unwrap();
}

#[test]
fn the_first_admin_is_made_once() {
    let home = crate::support::Home::new();
    let desk = clowder::desk::Desk::new(home.open());
    assert!(desk.is_new());
    assert!(matches!(desk.set_up("ada", "Ada", None, "short"), Err(Error::Invalid(_))));
    let ada = desk.set_up("ada", "Ada Example", Some("ada@example.org"), RIGHT).unwrap();
    assert!(!desk.is_new());
    assert_eq!(desk.rights(&ada).unwrap().role, Role::Admin);
    assert!(matches!(desk.set_up("eve", "Eve", None, RIGHT), Err(Error::Refused { .. })));
    assert_eq!(desk.sign_in("ada", RIGHT, Door::Local, None).unwrap(), ada);
}

#[test]
fn there_is_always_an_admin_left() {
    let w = World::new();
    let ada = id(&w.admin);
    let rev = || w.rev::<User>(ada);
    for (what, result) in [
        ("demoted", w.desk.set_role(&CONSOLE, ada, Role::Staff)),
        ("locked", w.desk.lock(&CONSOLE, ada, "")),
        ("anonymised", w.desk.anonymise(&CONSOLE, ada, rev())),
        ("deleted", w.desk.delete_user(&CONSOLE, ada, rev())),
    ] {
        assert!(matches!(&result, Err(Error::Refused { .. })), "the last admin was {what}: {result:?}");
    }
    // A locked admin does not count as one.
    let amy = w.person("amy", Role::Admin);
    w.desk.lock(&CONSOLE, amy, "").unwrap();
    assert!(matches!(w.desk.set_role(&CONSOLE, ada, Role::Staff), Err(Error::Refused { .. })));
    w.desk.unlock(&CONSOLE, amy).unwrap();
    w.desk.set_role(&CONSOLE, ada, Role::Staff).unwrap();
}

/// The newest entries of the log.
fn log(w: &World, most: usize) -> Vec<AuditEntry> {
    w.desk.audit(&CONSOLE, None, most).unwrap().into_iter().map(|line| line.entry).collect()
}

#[test]
fn each_sign_in_is_in_the_log_with_door_and_address_and_no_failed_one_is() {
    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZDzN9LZmJkPYEnZRb2PYa4S1cTVQm1uSPi2d2UeTpY";
    let w = World::new();
    with_password(&w, &w.ana);
    let fingerprint = w.desk.add_ssh_key(&CONSOLE, id(&w.ana), KEY).unwrap().0.fingerprint;
    let last = w.last_commit();
    sign_in(&w, "ana", "wrong horse!").unwrap_err();
    sign_in(&w, "nobody", RIGHT).unwrap_err();
    assert_eq!(w.last_commit(), last);
    let by_password = sign_in(&w, "ana", RIGHT).unwrap();
    let key = russh::keys::PublicKey::from_openssh(KEY).unwrap();
    let by_key = || w.desk.sign_in_with_key("ana", &key, Door::Ssh, Some("192.0.2.7".to_owned())).unwrap();
    let first = by_key();
    let with_key = format!("with the key {fingerprint}");
    let entries = log(&w, 2);
    for (entry, (actor, note, touched)) in
        entries.iter().rev().zip([(&by_password, "with a password", 0), (&first, &with_key, 1)])
    {
        assert_eq!((entry.action, &entry.actor, &*entry.note), (Action::SignIn, actor, note));
        assert_eq!(entry.touched, touched, "the day's first use of a key is noted at the account");
    }
    // The same again says nothing new; from elsewhere, it does.
    let last = w.last_commit();
    for _ in 0..3 {
        assert_eq!((sign_in(&w, "ana", RIGHT).unwrap(), by_key()), (by_password.clone(), first.clone()));
    }
    assert_eq!(w.last_commit(), last);
    w.desk.sign_in("ana", RIGHT, Door::Ssh, Some("192.0.2.99".to_owned())).unwrap();
    assert_eq!(log(&w, 1)[0].actor.address.as_deref(), Some("192.0.2.99"));
    w.desk.lock(&CONSOLE, id(&w.ana), "").unwrap();
    let last = w.last_commit();
    sign_in(&w, "ana", RIGHT).unwrap_err();
    assert_eq!(w.last_commit(), last);
    w.clean();
}

#[test]
fn undo_passes_over_those_who_come_and_go() {
    let w = World::new();
    with_password(&w, &w.sam);
    let cat = w.cat("Miso").id;
    let change = w.edit(&w.sam, cat, clowder::desk::CatChange::Colour("grey".to_owned())).unwrap();
    // More than one look at the log takes in.
    for _ in 0..210 {
        w.desk.note_session_end(&CONSOLE, "Ana (SSH)").unwrap();
    }
    let sam = sign_in(&w, "sam", RIGHT).unwrap();
    assert_eq!(log(&w, 1)[0].action, Action::SignIn);
    let found = w.desk.last_undoable(&sam).unwrap().unwrap();
    assert_eq!(found.entry.commit, change);
    for commit in [w.last_commit().unwrap(), clowder::model::CommitNo(w.last_commit().unwrap().0 - 1)] {
        assert!(matches!(w.desk.undo(&w.admin, commit), Err(Error::Refused { .. })));
    }
}
