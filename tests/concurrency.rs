//! Many people at once against one store.

#[path = "support/world.rs"]
mod support;

use std::{collections::BTreeSet, sync::Barrier, thread};

use clowder::{
    desk::{BreedChange, CatChange, UserChange},
    model::{
        Actor, AdoptionRequest, Cat, CatId, CatStatusKind, Day, Error, OutcomeKind, RequestId, RequestStatus, Role,
        User, UserId, Verdict,
    },
};
use support::{CONSOLE, World, id};

/// Runs `n` threads that all start at the same moment, and answers what each answered, in order.
fn at_once<T: Send>(n: usize, f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(n);
    thread::scope(|s| {
        let (start, f) = (&start, &f);
        let threads: Vec<_> = (0..n)
            .map(|i| {
                s.spawn(move || {
                    start.wait();
                    f(i)
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    })
}

/// The invariants that hold whatever happened.
fn sound(w: &World) {
    let everything = w.everything();
    for cat in &everything.cats {
        let queue: Vec<&AdoptionRequest> =
            everything.requests.iter().filter(|r| r.cat == cat.id && r.status.is_open()).collect();
        let approved = queue.iter().filter(|r| r.status == RequestStatus::Approved).count();
        assert!(approved <= 1, "{} approvals of {}", approved, cat.name);
        assert_eq!(cat.status.kind() == CatStatusKind::Pending, approved == 1, "{}", cat.name);
        assert!(cat.status.kind().in_care() || queue.is_empty(), "{} is gone and waited for", cat.name);
        for r in &queue {
            let fits = match r.status {
                RequestStatus::Waitlisted => approved == 1,
                RequestStatus::Pending => approved == 0,
                _ => true,
            };
            assert!(fits, "request {} is {} beside {approved} approvals", r.id, r.status);
        }
        let people: BTreeSet<UserId> = queue.iter().map(|r| r.user).collect();
        assert_eq!(people.len(), queue.len(), "one open request a person and cat");
    }
    w.clean();
}

#[test]
fn many_approvals_at_once_end_with_exactly_one() {
    let w = World::new();
    let people: Vec<UserId> = (0..12).map(|i| w.person(&format!("person{i}"), Role::User)).collect();
    for round in 0..8 {
        let cat = w.cat(&format!("Cat {round}")).id;
        let requests: Vec<RequestId> = people.iter().map(|&p| w.take(cat, p)).collect();
        let staff = [&w.sam, &w.sue, &w.admin];
        let results = at_once(requests.len(), |i| w.desk.decide(staff[i % 3], requests[i], 1, Verdict::Approve, "why"));
        let won: Vec<usize> = (0..results.len()).filter(|&i| results[i].is_ok()).collect();
        assert_eq!(won.len(), 1, "{results:?}");
        let winner = w.desk.name_of(&CONSOLE, staff[won[0] % 3].who);
        for error in results.iter().filter_map(|r| r.as_ref().err()) {
            match error {
                Error::Conflict { who, what, .. } => {
                    assert_eq!(who, &winner);
                    assert!(what.starts_with("request ") && what.contains("status"), "{what}");
                }
                other => panic!("a loser reads: {other:?}"),
            }
        }
        let approved: Vec<RequestId> =
            requests.iter().copied().filter(|&r| w.request(r).status == RequestStatus::Approved).collect();
        assert_eq!(approved, [requests[won[0]]]);
    }
    sound(&w);
}

#[test]
fn one_request_decided_by_many_gets_one_decision() {
    let w = World::new();
    let verdicts = [Verdict::Approve, Verdict::Reject, Verdict::Withdraw, Verdict::Approve, Verdict::Reject];
    for round in 0..10 {
        let cat = w.cat(&format!("Cat {round}")).id;
        let asked = w.ask(&w.ana, cat);
        let results = at_once(verdicts.len(), |i| {
            let by = if verdicts[i] == Verdict::Withdraw { &w.ana } else { &w.sam };
            w.desk.decide(by, asked, 1, verdicts[i], "why")
        });
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1, "{results:?}");
        assert!(results.iter().all(|r| matches!(r, Ok(_) | Err(Error::Conflict { .. }))), "{results:?}");
        assert_eq!(w.request(asked).version.rev, 2);
    }
    sound(&w);
}

#[test]
fn names_addresses_and_tags_are_given_once() {
    let w = World::new();
    let cats: Vec<CatId> = (0..8).map(|i| w.cat(&format!("Cat {i}")).id).collect();
    for round in 0..6 {
        let taken = |results: Vec<Result<(), Error>>, field: &str| {
            assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1, "{field}: {results:?}");
            for error in results.into_iter().filter_map(Result::err) {
                let Error::Invalid(fields) = &error else { panic!("{error:?}") };
                assert_eq!((fields[0].field, fields[0].message.as_str()), (field, "is taken"));
            }
        };
        let cased = |word: &str, i: usize| if i.is_multiple_of(2) { word.to_uppercase() } else { word.to_owned() };
        let usernames = at_once(8, |i| {
            let name = UserChange::Username(cased(&format!("new{round}"), i));
            w.desk.add_user(&w.admin, Role::User, vec![name], None).map(drop)
        });
        taken(usernames, "username");
        let addresses = at_once(8, |i| {
            let name = UserChange::Username(format!("mail{round}x{i}"));
            let address = UserChange::Email(Some(cased(&format!("new{round}@example.org"), i)));
            w.desk.add_user(&w.admin, Role::User, vec![name, address], None).map(drop)
        });
        taken(addresses, "email");
        let breeds = at_once(8, |i| {
            w.desk.add_breed(&w.sam, vec![BreedChange::Name(cased(&format!("Breed {round}"), i))]).map(drop)
        });
        taken(breeds, "name");
        let tags = at_once(8, |i| {
            let tag = CatChange::Tag(Some(cased(&format!("a-{round}"), i)));
            w.edit(&w.sam, cats[i], tag).map(drop)
        });
        taken(tags, "tag");
    }
    sound(&w);
}

#[test]
fn one_person_asking_from_many_windows_asks_once() {
    let w = World::new();
    let cat = w.cat("Miso").id;
    let results = at_once(8, |_| w.desk.ask(&w.ana, cat, "please"));
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1, "{results:?}");
    assert!(results.iter().all(|r| matches!(r, Ok(_) | Err(Error::Refused { .. }))));
    sound(&w);
}

#[test]
fn no_edit_is_lost_and_a_conflict_names_who_and_what() {
    const ROUNDS: usize = 6;
    let w = World::new();
    let miso = w.cat("Miso").id;
    let editors = [&w.sam, &w.sue, &w.admin, &CONSOLE];
    let names: BTreeSet<String> = editors.iter().map(|a| w.desk.name_of(&CONSOLE, a.who)).collect();
    // All begin from the same revision, so that all but one meet somebody.
    let first: Cat = w.get(miso);
    let conflicts: usize = at_once(8, |i| {
        let mut conflicts = 0;
        let mut read = Some(first.clone());
        for round in 0..ROUNDS {
            loop {
                let cat: Cat = read.take().unwrap_or_else(|| w.get(miso));
                let text = format!("{} t{i}r{round}.", cat.description);
                let changes = vec![CatChange::Description(text)];
                match w.desk.edit_cat(editors[i % 4], miso, cat.version.rev, changes) {
                    Ok(_) => break,
                    Err(Error::Conflict { who, what, when }) => {
                        assert!(names.contains(&who), "{who}");
                        assert_eq!((what.as_str(), when.as_str()), ("Miso (description)", "just now"));
                        conflicts += 1;
                    }
                    Err(e) => panic!("{e:?}"),
                }
            }
        }
        conflicts
    })
    .into_iter()
    .sum();
    assert!(conflicts >= 7, "nobody met anybody");
    let cat: Cat = w.get(miso);
    for i in 0..8 {
        for round in 0..ROUNDS {
            assert_eq!(cat.description.matches(&format!("t{i}r{round}.")).count(), 1, "the edit of thread {i}");
        }
    }
    assert_eq!(cat.version.rev as usize, 1 + 8 * ROUNDS);
    sound(&w);
}

#[test]
fn a_change_is_undone_once_however_many_try() {
    let w = World::new();
    for round in 0..8 {
        let cat = w.cat(&format!("Cat {round}")).id;
        let asked = w.ask(&w.ana, cat);
        let approved = w.decide(&w.sam, asked, Verdict::Approve).unwrap();
        let results = at_once(6, |i| w.desk.undo(if i % 2 == 0 { &w.sam } else { &w.admin }, approved));
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1, "{results:?}");
        // At the same moment it is a conflict; a moment later the number of the undo is known.
        let late = |r: &Result<_, Error>| matches!(r, Err(Error::Conflict { .. } | Error::Refused { .. }));
        assert!(results.iter().all(|r| r.is_ok() || late(r)), "{results:?}");
        assert_eq!(w.request(asked).status, RequestStatus::Pending);
        let (cat, deleted) = w.desk.add_cat(&w.sam, vec![CatChange::Name("Gone".to_owned())]).unwrap();
        let deleted = w.desk.delete_cat(&w.sam, cat.id, 1).map(|d| d.commit.unwrap_or(deleted)).unwrap();
        let results = at_once(6, |_| w.desk.undo(&w.sam, deleted));
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1, "{results:?}");
    }
    sound(&w);
}

#[test]
fn an_undo_and_a_decision_that_meet_leave_one_of_the_two() {
    let w = World::new();
    for round in 0..10 {
        let cat = w.cat(&format!("Cat {round}")).id;
        let asked = w.ask(&w.ana, cat);
        w.ask(&w.ben, cat);
        let approved = w.decide(&w.sam, asked, Verdict::Approve).unwrap();
        let rev = w.request(asked).version.rev;
        let results = at_once(3, |i| match i {
            0 => w.desk.undo(&w.sam, approved),
            1 => w.desk.decide(&w.sue, asked, rev, Verdict::Complete, ""),
            _ => w.desk.decide(&w.ana, asked, rev, Verdict::Withdraw, ""),
        });
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1, "{results:?}");
        sound(&w);
    }
}

#[test]
fn two_admins_who_demote_each_other_leave_one() {
    let w = World::new();
    for round in 0..6 {
        let pair = [w.admin.clone(), Actor::local(w.person(&format!("amy{round}"), Role::Admin))];
        let results = at_once(2, |i| match round % 3 {
            0 => w.desk.set_role(&pair[i], id(&pair[1 - i]), Role::User),
            1 => w.desk.lock(&pair[i], id(&pair[1 - i]), ""),
            _ => w.desk.anonymise(&pair[i], id(&pair[1 - i]), w.rev::<User>(id(&pair[1 - i]))),
        });
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1, "{results:?}");
        let admins = w.everything().users.into_iter().filter(|u| u.role == Role::Admin && u.locked.is_none()).count();
        assert_eq!(admins, 1);
        // For the next round ada is back, alone.
        if round % 3 == 2 && w.get::<User>(id(&w.admin)).anonymised {
            return;
        }
        w.desk.unlock(&CONSOLE, id(&w.admin)).unwrap();
        w.desk.set_role(&CONSOLE, id(&w.admin), Role::Admin).unwrap();
        w.desk.set_role(&CONSOLE, id(&pair[1]), Role::User).ok();
    }
}

#[test]
fn everything_at_once_stays_sound() {
    let w = World::new();
    let cats: Vec<CatId> = (0..4).map(|i| w.cat(&format!("Cat {i}")).id).collect();
    let people: Vec<Actor> = (0..6).map(|i| Actor::local(w.person(&format!("person{i}"), Role::User))).collect();
    at_once(8, |t| {
        let staff = [&w.sam, &w.sue, &w.admin][t % 3];
        for step in 0..25 {
            // A fixed mix for each thread; what meets what is up to the machine.
            let n = t * 31 + step * 17;
            let cat = cats[n % cats.len()];
            let last = w.store.tally(clowder::store::Tally::Records(clowder::model::Kind::Request)) as usize;
            let request = RequestId((n % last.max(1)) as u32 + 1);
            let rev = w.rev::<AdoptionRequest>(request);
            let verdict = Verdict::ALL[n % Verdict::ALL.len()];
            let result = match step % 6 {
                0 | 1 => w.desk.ask(&people[n % people.len()], cat, "please").map(drop),
                2 | 3 => w.desk.decide(staff, request, rev, verdict, "why").map(drop),
                4 => match w.desk.last_undoable(staff) {
                    Ok(Some(line)) => w.desk.undo(staff, line.entry.commit).map(drop),
                    other => other.map(drop),
                },
                _ => {
                    let change = match w.get::<Cat>(cat).status.kind().in_care() {
                        true => CatChange::Depart(Day::today(), OutcomeKind::TransferOut),
                        false => CatChange::Return(Day::today(), clowder::model::IntakeKind::Return),
                    };
                    w.edit(staff, cat, change).map(drop)
                }
            };
            let expected = !matches!(result, Err(Error::Store(_) | Error::Denied(_) | Error::SignedOut(_)));
            assert!(expected, "{result:?}");
        }
    });
    sound(&w);
}
