//! The log: every write is in it, with what was and what became, and no secret ever is.

use clowder::{
    desk::UserChange,
    model::{AdoptionRequest, Breed, Cat, CommitNo, Error, HealthStatus, Kind, Role, Touched, User, Verdict},
};

use crate::{
    Case, TABLE,
    support::{CONSOLE, World, id},
};

/// What the log says of one touched record is a state of that record, with its own number and revision.
fn is_state<R: clowder::model::Record>(w: &World, touched: &Touched) {
    use clowder::model::RecordId as _;
    for (bytes, rev) in [(&touched.before, touched.rev_before), (&touched.after, touched.rev_after)] {
        match bytes {
            None => assert_eq!(rev, 0),
            Some(bytes) => {
                let record: R = w.store.decode(bytes).unwrap();
                assert_eq!((record.id().number(), record.version().rev), (touched.id, rev));
            }
        }
    }
}

#[test]
fn every_write_leaves_one_entry_with_before_and_after() {
    let w = World::new();
    let mut number = 1;
    let mut writes = 0;
    for (name, ..) in TABLE {
        let call = TABLE.iter().find(|(n, ..)| n == name).unwrap().2;
        number += 1;
        let case = Case::new(&w, number);
        let before = w.everything();
        let done = call(&w, &w.admin, &case);
        let after = w.everything();
        let changed = (&before.breeds, &before.health, &before.cats, &before.users, &before.requests)
            != (&after.breeds, &after.health, &after.cats, &after.users, &after.requests);
        let last = before.commit.map_or(0, |c| c.0);
        if !changed {
            continue;
        }
        assert!(done.is_ok(), "{name} failed and changed something");
        writes += 1;
        assert_eq!(after.commit, Some(CommitNo(last + 1)), "{name}: one commit");
        let (entry, touched) = w.store.audit_entry(CommitNo(last + 1)).unwrap().unwrap();
        assert_eq!(entry.actor, w.admin, "{name}");
        assert_eq!(entry.touched as usize, touched.len());
        assert!(!touched.is_empty(), "{name}");
        for t in &touched {
            match t.kind {
                Kind::Breed => is_state::<Breed>(&w, t),
                Kind::Health => is_state::<HealthStatus>(&w, t),
                Kind::Cat => is_state::<Cat>(&w, t),
                Kind::User => is_state::<User>(&w, t),
                Kind::Request => is_state::<AdoptionRequest>(&w, t),
            }
            let of = w.store.audit_of(t.kind, t.id, 1).unwrap();
            assert_eq!(of[0].commit, entry.commit, "{name}: found by its record");
        }
    }
    assert!(writes > 25, "only {writes} of the calls wrote");
}

#[test]
fn no_password_no_hash_and_no_key_is_in_the_log_or_in_any_answer() {
    const PASSWORD: &str = "correct horse battery";
    let w = World::new();
    let changes = vec![UserChange::Username("pat".to_owned())];
    let (pat, _) = w.desk.add_user(&w.admin, Role::User, changes, Some(PASSWORD)).unwrap();
    let actor = clowder::model::Actor::local(pat.id);
    w.desk.reset_password(&w.admin, pat.id, PASSWORD).unwrap();
    w.desk.change_password(&actor, PASSWORD, "another horse battery").unwrap();
    w.desk.lock(&w.admin, pat.id, "why").unwrap();
    w.desk.unlock(&w.admin, pat.id).unwrap();
    let edit = w.desk.edit_user(&w.admin, pat.id, w.rev::<User>(pat.id), vec![UserChange::Phone("0555 9".to_owned())]);
    w.desk.undo(&w.admin, edit.unwrap().1.unwrap()).unwrap();
    w.desk.delete_user(&w.admin, pat.id, w.rev::<User>(pat.id)).unwrap();
    let restored = w.desk.undo(&w.admin, w.last_commit().unwrap()).unwrap();
    assert_eq!(w.get::<User>(pat.id).password, None, "a deleted account comes back without its password");
    w.desk.undo(&w.admin, restored.commit.unwrap()).unwrap();
    for word in ["$argon2", PASSWORD, "another horse"] {
        for entry in w.store.audit(None, 10_000).unwrap() {
            let (entry, touched) = w.store.audit_entry(entry.commit).unwrap().unwrap();
            assert!(!format!("{entry:?}").contains(word), "{entry:?}");
            for t in touched {
                for bytes in [t.before, t.after].into_iter().flatten() {
                    assert!(!bytes.windows(word.len()).any(|w| w == word.as_bytes()), "{entry:?} holds {word}");
                }
            }
        }
    }
}

#[test]
fn a_stored_hash_is_in_no_answer_and_no_debug_output() {
    let w = World::new();
    for who in [&w.ana, &w.sam, &w.admin] {
        w.desk.reset_password(&CONSOLE, id(who), "correct horse").unwrap();
        let user: User = w.get(id(who));
        assert!(user.password.as_ref().unwrap().starts_with("$argon2id$"));
        assert!(!format!("{user:?}").contains("argon2"));
        assert_eq!(w.desk.me(who).unwrap().password.as_deref(), Some(""));
        assert_eq!(w.desk.user(&CONSOLE, id(who)).unwrap().user.password.as_deref(), Some(""));
        let (edited, _) = w
            .desk
            .edit_user(&CONSOLE, id(who), user.version.rev, vec![UserChange::Phone("0555 7".to_owned())])
            .unwrap();
        assert_eq!(edited.password.as_deref(), Some(""));
        assert!(w.get::<User>(id(who)).password.unwrap().starts_with("$argon2id$"), "an edit keeps the password");
    }
    let case = Case::new(&w, 1);
    for (name, _, call) in TABLE {
        let text = match call(&w, &w.admin, &case) {
            Ok(text) => text,
            Err(e) => format!("{e:?} {e}"),
        };
        assert!(!text.contains("$argon2"), "{name}: {text}");
    }
}

#[test]
fn undoing_keeps_the_password_in_force() {
    let w = World::new();
    let before: User = w.get(id(&w.ana));
    let (_, commit) = w
        .desk
        .edit_user(&w.admin, before.id, before.version.rev, vec![UserChange::FullName("Anna".to_owned())])
        .unwrap();
    w.desk.undo(&w.admin, commit.unwrap()).unwrap();
    w.desk.reset_password(&w.admin, before.id, "correct horse").unwrap();
    let hash = w.get::<User>(before.id).password;
    let rev = w.rev::<User>(before.id);
    let (_, commit) =
        w.desk.edit_user(&w.admin, before.id, rev, vec![UserChange::FullName("Anna".to_owned())]).unwrap();
    w.desk.undo(&w.admin, commit.unwrap()).unwrap();
    let now: User = w.get(before.id);
    assert_eq!((now.full_name.as_str(), now.password), ("Ana Example", hash));
    // And a password itself is not taken back.
    w.desk.reset_password(&w.admin, before.id, "another horse").unwrap();
    assert!(matches!(w.desk.undo(&w.admin, w.last_commit().unwrap()), Err(Error::Refused { .. })));
}

#[test]
fn an_anonymised_person_does_not_come_back_through_the_log() {
    let w = World::new();
    let miso = w.cat("Miso").id;
    let asked = w.desk.ask(&w.ana, miso, "I live at the mill").unwrap().id;
    let rejected = w.decide(&w.sam, asked, Verdict::Reject).unwrap();
    w.desk.anonymise(&w.admin, id(&w.ana), w.rev::<User>(id(&w.ana))).unwrap();
    let user: User = w.get(id(&w.ana));
    assert!(user.anonymised && user.full_name.is_empty() && user.email.is_none() && user.phone.is_empty());
    let request = w.request(asked);
    assert_eq!((request.notes.as_str(), request.status), ("", clowder::model::RequestStatus::Rejected));
    for line in w.desk.audit(&w.admin, None, 100).unwrap() {
        let touched = w.desk.audit_entry(&w.admin, line.entry.commit).unwrap();
        let text = format!("{touched:?} {}", line.who);
        for word in ["Ana Example", "ana@example.org", "0555 0100\"", "the mill"] {
            let anas = touched.iter().any(|t| (t.kind, t.id) == (Kind::User, id(&w.ana).0) || t.kind == Kind::Request);
            assert!(!anas || !text.contains(word), "{word}: {text}");
        }
    }
    assert!(w.desk.undo(&w.sam, rejected).is_err());
    let again = w.desk.undo(&w.admin, w.last_commit().unwrap());
    assert!(matches!(again, Err(Error::Refused { .. })), "an anonymisation is for good: {again:?}");
}
