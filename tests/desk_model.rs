//! Random work at the desk by everybody, against a model that is nothing but lists and rules: each call ends as the
//! model says, a refused one changes nothing, and afterwards every index, counter and row equals a recount.

#[path = "desk_model/model.rs"]
mod model;
#[path = "support/world.rs"]
mod support;

use std::collections::BTreeSet;

use clowder::{
    desk::{ApplicantRef, BreedChange, CatChange, HealthChange, UserChange},
    model::{
        Actor, BreedId, Cat, CatId, CatStatus, CatStatusKind, CommitNo, Day, Error, HealthId, Hold, HoldKind,
        IntakeKind, OutcomeKind, RequestId, RequestStatus, Role, User, UserId, Verdict,
        query::{CatQuery, RequestQuery, UserQuery},
    },
};
use model::{Account, Animal, Asked, By, Edit, End, Model, Rule, Status, name_of, tag_of};
use proptest::{prelude::*, sample::select};
use support::{CONSOLE, World};

/// What somebody does. Small numbers pick a record; one past the last picks one that is not there.
#[derive(Debug, Clone)]
enum Deed {
    AddCat {
        name: u8,
        tag: Option<u8>,
    },
    EditCat {
        cat: u8,
        edit: Edit,
        stale: bool,
    },
    DeleteCat {
        cat: u8,
        stale: bool,
    },
    AddBreed {
        name: u8,
    },
    DeleteBreed {
        breed: u8,
        stale: bool,
    },
    AddHealth {
        name: u8,
        prevents: bool,
    },
    SetPrevents {
        health: u8,
        prevents: bool,
        stale: bool,
    },
    DeleteHealth {
        health: u8,
        stale: bool,
    },
    Ask {
        cat: u8,
    },
    Take {
        cat: u8,
        who: Result<u8, u8>,
        reason: bool,
    },
    Notes {
        request: u8,
        notes: u8,
        stale: bool,
    },
    Decide {
        request: u8,
        verdict: Verdict,
        words: bool,
        stale: bool,
    },
    AddUser {
        name: u8,
        role: Role,
    },
    RenameSelf {
        name: u8,
        stale: bool,
    },
    Favourite {
        cat: u8,
    },
    SetRole {
        user: u8,
        role: Role,
    },
    Lock {
        user: u8,
        lock: bool,
    },
    Ban {
        user: u8,
        ban: bool,
    },
    Anonymise {
        user: u8,
        stale: bool,
    },
    DeleteUser {
        user: u8,
        stale: bool,
    },
    UndoLast,
    /// An earlier change, so many before the last.
    UndoEarlier {
        back: u8,
    },
}

fn deeds() -> impl Strategy<Value = Vec<(u8, Deed)>> {
    let pick = || 0..12_u8;
    let few = || 0..4_u8;
    let stale = || prop::bool::weighted(0.05);
    let role = || select(Role::ALL);
    let edit = prop_oneof![
        few().prop_map(Edit::Rename),
        prop::option::of(few()).prop_map(Edit::Tag),
        prop::option::of(0..4_usize).prop_map(Edit::Breed),
        prop::option::of(0..4_usize).prop_map(Edit::Health),
        Just(Edit::Hold),
        Just(Edit::Release),
        Just(Edit::Intake),
        any::<bool>().prop_map(|adopted| Edit::Depart { adopted }),
        Just(Edit::Return),
        any::<bool>().prop_map(Edit::Archive),
        Just(Edit::FosterOut),
        Just(Edit::FosterBack),
    ];
    let who = prop_oneof![3 => pick().prop_map(Ok), 1 => few().prop_map(Err)];
    let deed = prop_oneof![
        3 => (few(), prop::option::of(few())).prop_map(|(name, tag)| Deed::AddCat { name, tag }),
        8 => (few(), edit, stale()).prop_map(|(cat, edit, stale)| Deed::EditCat { cat, edit, stale }),
        1 => (few(), stale()).prop_map(|(cat, stale)| Deed::DeleteCat { cat, stale }),
        1 => few().prop_map(|name| Deed::AddBreed { name }),
        1 => (few(), stale()).prop_map(|(breed, stale)| Deed::DeleteBreed { breed, stale }),
        1 => (few(), any::<bool>()).prop_map(|(name, prevents)| Deed::AddHealth { name, prevents }),
        1 => (few(), any::<bool>(), stale())
            .prop_map(|(health, prevents, stale)| Deed::SetPrevents { health, prevents, stale }),
        1 => (few(), stale()).prop_map(|(health, stale)| Deed::DeleteHealth { health, stale }),
        8 => few().prop_map(|cat| Deed::Ask { cat }),
        4 => (few(), who, any::<bool>()).prop_map(|(cat, who, reason)| Deed::Take { cat, who, reason }),
        1 => (pick(), few(), stale()).prop_map(|(request, notes, stale)| Deed::Notes { request, notes, stale }),
        20 => (pick(), select(Verdict::ALL), prop::bool::weighted(0.8), stale())
            .prop_map(|(request, verdict, words, stale)| Deed::Decide { request, verdict, words, stale }),
        1 => (few(), role()).prop_map(|(name, role)| Deed::AddUser { name, role }),
        1 => (few(), stale()).prop_map(|(name, stale)| Deed::RenameSelf { name, stale }),
        1 => few().prop_map(|cat| Deed::Favourite { cat }),
        1 => (pick(), role()).prop_map(|(user, role)| Deed::SetRole { user, role }),
        1 => (pick(), any::<bool>()).prop_map(|(user, lock)| Deed::Lock { user, lock }),
        2 => (pick(), any::<bool>()).prop_map(|(user, ban)| Deed::Ban { user, ban }),
        1 => (pick(), stale()).prop_map(|(user, stale)| Deed::Anonymise { user, stale }),
        1 => (pick(), stale()).prop_map(|(user, stale)| Deed::DeleteUser { user, stale }),
        5 => Just(Deed::UndoLast),
        6 => (1..5_u8).prop_map(|back| Deed::UndoEarlier { back }),
    ];
    // Whoever may do little does less, so that things get done.
    let by = prop_oneof![5 => Just(0_u8), 4 => 1..4_u8, 4 => 4..8_u8];
    prop::collection::vec((by, deed), 1..80)
}

/// What an undo needs to know of the last change: whose it was, what it takes to undo it, and the state before.
struct Last {
    by: By,
    least: Option<Role>,
    before: Model,
    /// The model does not follow an undo of an earlier change, and so not the undo of that either.
    followed: bool,
}

struct Run {
    w: World,
    model: Model,
    last: Option<Last>,
}

/// A place in a list, from a small number; one past the end is no record.
fn place(pick: u8, len: usize) -> usize {
    usize::from(pick) % (len + 1)
}

fn number(place: usize) -> u32 {
    place as u32 + 1
}

fn end<T>(result: &Result<T, Error>) -> End {
    match result {
        Ok(_) => End::Done,
        Err(Error::Denied(_)) => End::Denied,
        Err(Error::NotFound { .. } | Error::NoChange(_)) => End::NotFound,
        Err(Error::Refused { .. }) => End::Refused,
        Err(Error::Invalid(_)) => End::Invalid,
        Err(Error::Conflict { .. }) => End::Conflict,
        Err(Error::SignedOut(_)) => End::SignedOut,
        Err(Error::Store(e)) => panic!("the store failed: {e}"),
    }
}

fn cat_change(edit: Edit) -> CatChange {
    let today = Day::today();
    match edit {
        Edit::Rename(n) => CatChange::Name(name_of(n)),
        Edit::Tag(tag) => CatChange::Tag(tag.map(tag_of)),
        Edit::Breed(b) => CatChange::Breed(b.map(|b| BreedId(number(b)))),
        Edit::Health(h) => CatChange::Health(h.map(|h| HealthId(number(h)))),
        Edit::Hold => CatChange::Hold(Hold { kind: HoldKind::Medical, reason: String::new(), until: None }),
        Edit::Release => CatChange::Release,
        Edit::Intake => CatChange::Intake(today, IntakeKind::Stray),
        Edit::Depart { adopted: true } => CatChange::Depart(today, OutcomeKind::Adoption),
        Edit::Depart { adopted: false } => CatChange::Depart(today, OutcomeKind::TransferOut),
        Edit::Return => CatChange::Return(today, IntakeKind::Return),
        Edit::Archive(yes) => CatChange::Archived(yes),
        Edit::FosterOut => CatChange::FosterOut(today),
        Edit::FosterBack => CatChange::FosterBack(today),
    }
}

impl Run {
    fn new() -> Self {
        let w = World::new();
        let roles = [Role::Admin, Role::Staff, Role::Staff, Role::User, Role::User, Role::User];
        let names = ["ada", "sam", "sue", "ana", "ben", "cem"];
        let accounts = names.iter().zip(roles).map(|(n, r)| Some(model::plain((*n).to_owned(), r))).collect();
        let mut run = Self { w, model: Model { accounts, ..Model::default() }, last: None };
        for n in 0..3 {
            run.step(0, &Deed::AddCat { name: n + 1, tag: (n == 1).then_some(0) });
        }
        for (by, cat) in [(4, 0), (5, 0), (6, 0), (5, 1), (4, 1)] {
            run.step(by, &Deed::Ask { cat });
        }
        run
    }

    /// Does one deed in both worlds and compares.
    fn step(&mut self, by: u8, deed: &Deed) {
        let by: By = (by > 0).then(|| usize::from(by - 1) % self.model.accounts.len());
        let actor = by.map_or(CONSOLE, |i| Actor::local(UserId(number(i))));
        let commit = self.w.last_commit();
        let before = self.model.clone();
        let back = match deed {
            Deed::UndoEarlier { back } => u64::from(*back),
            _ => 0,
        };
        if back > 0 || (matches!(deed, Deed::UndoLast) && self.last.as_ref().is_some_and(|l| !l.followed)) {
            self.undo_unfollowed(by, &actor, back);
            return;
        }
        let (found, expected, least) = self.both(by, &actor, deed);
        let expected = expected.err().unwrap_or(End::Done);
        assert_eq!(found, expected, "{deed:?} by {by:?}");
        if expected != End::Done {
            self.model = before.clone();
        }
        self.compare();
        let committed = self.w.last_commit() != commit;
        assert!(expected == End::Done || !committed, "{deed:?} by {by:?} was refused and left an entry");
        assert!(committed || self.model == before, "{deed:?} by {by:?} changed something without an entry");
        if committed {
            self.last = Some(Last { by, least, before, followed: true });
        }
    }

    /// How a deed ends at the desk and in the model, and the least role that may undo it (`None`: nobody).
    fn both(&mut self, by: By, actor: &Actor, deed: &Deed) -> (End, Rule, Option<Role>) {
        let (desk, m) = (&self.w.desk, &mut self.model);
        let cat_rev = |cat: usize, stale: bool| {
            let rev = self.w.rev::<Cat>(CatId(number(cat)));
            if stale { rev.wrapping_sub(1) } else { rev }
        };
        let user_rev = |user: usize, stale: bool| {
            let rev = self.w.rev::<User>(UserId(number(user)));
            if stale { rev.wrapping_sub(1) } else { rev }
        };
        let request_rev = |request: usize, stale: bool| {
            let rev = self.w.rev::<clowder::model::AdoptionRequest>(RequestId(number(request)));
            if stale { rev.wrapping_sub(1) } else { rev }
        };
        let breed_rev = |id: BreedId, stale: bool| {
            let rev = self.w.rev::<clowder::model::Breed>(id);
            if stale { rev.wrapping_sub(1) } else { rev }
        };
        let health_rev = |id: HealthId, stale: bool| {
            let rev = self.w.rev::<clowder::model::HealthStatus>(id);
            if stale { rev.wrapping_sub(1) } else { rev }
        };
        let (staff, admin) = (Some(Role::Staff), Some(Role::Admin));
        match deed.clone() {
            Deed::AddCat { name, tag } => {
                let changes = vec![CatChange::Name(name_of(name)), CatChange::Tag(tag.map(tag_of))];
                (end(&desk.add_cat(actor, changes)), m.add_cat(by, name, tag), staff)
            }
            Deed::EditCat { cat, edit, stale } => {
                let cat = place(cat, m.cats.len());
                let changes = vec![cat_change(edit)];
                let found = desk.edit_cat(actor, CatId(number(cat)), cat_rev(cat, stale), changes);
                (end(&found), m.edit_cat(by, cat, stale, edit), staff)
            }
            Deed::DeleteCat { cat, stale } => {
                let cat = place(cat, m.cats.len());
                let found = desk.delete_cat(actor, CatId(number(cat)), cat_rev(cat, stale));
                (end(&found), m.delete_cat(by, cat, stale), staff)
            }
            Deed::AddBreed { name } => {
                let found = desk.add_breed(actor, vec![BreedChange::Name(format!("Breed {name}"))]);
                (end(&found), m.add_breed(by, name), staff)
            }
            Deed::DeleteBreed { breed, stale } => {
                let breed = place(breed, m.breeds.len());
                let id = BreedId(number(breed));
                let found = desk.delete_breed(actor, id, breed_rev(id, stale));
                (end(&found), m.delete_breed(by, breed, stale), staff)
            }
            Deed::AddHealth { name, prevents } => {
                let changes =
                    vec![HealthChange::Name(format!("Health {name}")), HealthChange::PreventsAdoption(prevents)];
                (end(&desk.add_health(actor, changes)), m.add_health(by, name, prevents), staff)
            }
            Deed::SetPrevents { health, prevents, stale } => {
                let health = place(health, m.health.len());
                let id = HealthId(number(health));
                let changes = vec![HealthChange::PreventsAdoption(prevents)];
                let found = desk.edit_health(actor, id, health_rev(id, stale), changes);
                (end(&found), m.set_prevents(by, health, prevents, stale), staff)
            }
            Deed::DeleteHealth { health, stale } => {
                let health = place(health, m.health.len());
                let id = HealthId(number(health));
                let found = desk.delete_health(actor, id, health_rev(id, stale));
                (end(&found), m.delete_health(by, health, stale), staff)
            }
            Deed::Ask { cat } => {
                let cat = place(cat, m.cats.len());
                (end(&desk.ask(actor, CatId(number(cat)), "")), m.ask(by, cat), staff)
            }
            Deed::Take { cat, who, reason } => {
                let cat = place(cat, m.cats.len());
                let who = who.map(|pick| place(pick, m.accounts.len()));
                let applicant = match who {
                    Ok(user) => ApplicantRef::Existing(UserId(number(user))),
                    Err(n) => ApplicantRef::New(vec![UserChange::Username(format!("walkin{n}"))]),
                };
                let words = reason.then(|| "why".to_owned());
                let found = desk.take_request(actor, CatId(number(cat)), applicant, "", words);
                (end(&found), m.take(by, cat, who, reason), staff)
            }
            Deed::Notes { request, notes, stale } => {
                let request = place(request, m.requests.len());
                let id = RequestId(number(request));
                let own = m.requests.get(request).and_then(Option::as_ref).is_some_and(|r| Some(r.user) == by);
                let found = desk.edit_notes(actor, id, request_rev(request, stale), &format!("note {notes}"));
                let least = if own { Some(Role::User) } else { staff };
                (end(&found), m.edit_notes(by, request, notes, stale), least)
            }
            Deed::Decide { request, verdict, words, stale } => {
                let request = place(request, m.requests.len());
                let words_given = if words { "why" } else { "" };
                let id = RequestId(number(request));
                let found = desk.decide(actor, id, request_rev(request, stale), verdict, words_given);
                // One's own withdrawal from the queue; of an approved request, it moved the others.
                let own = m.requests.get(request).and_then(Option::as_ref).is_some_and(|r| {
                    verdict == Verdict::Withdraw && Some(r.user) == by && r.status != RequestStatus::Approved
                });
                let least = if own { Some(Role::User) } else { staff };
                (end(&found), m.decide(by, request, verdict, words, stale), least)
            }
            Deed::AddUser { name, role } => {
                let changes = vec![UserChange::Username(format!("user{name}"))];
                (end(&desk.add_user(actor, role, changes, None)), m.add_user(by, name, role), admin)
            }
            Deed::RenameSelf { name, stale } => {
                let changes = vec![UserChange::Username(format!("user{name}"))];
                let rev = by.map_or(1, |me| user_rev(me, stale));
                (end(&desk.edit_profile(actor, rev, changes)), m.rename_self(by, name, stale), Some(Role::User))
            }
            Deed::Favourite { cat } => {
                let cat = place(cat, m.cats.len());
                let found = desk.toggle_favourite(actor, CatId(number(cat)));
                (end(&found), m.favourite(by, cat), Some(Role::User))
            }
            Deed::SetRole { user, role } => {
                let user = place(user, m.accounts.len());
                let found = desk.set_role(actor, UserId(number(user)), role);
                (end(&found), m.set_role(by, user, role), admin)
            }
            Deed::Lock { user, lock } => {
                let user = place(user, m.accounts.len());
                let id = UserId(number(user));
                let found = if lock { desk.lock(actor, id, "") } else { desk.unlock(actor, id) };
                (end(&found), m.lock(by, user, lock), admin)
            }
            Deed::Ban { user, ban } => {
                let user = place(user, m.accounts.len());
                let id = UserId(number(user));
                let found = if ban { desk.ban(actor, id, "why") } else { desk.unban(actor, id) };
                (end(&found), m.ban(by, user, ban), admin)
            }
            Deed::Anonymise { user, stale } => {
                let user = place(user, m.accounts.len());
                let found = desk.anonymise(actor, UserId(number(user)), user_rev(user, stale));
                (end(&found), m.anonymise(by, user, stale), None)
            }
            Deed::DeleteUser { user, stale } => {
                let user = place(user, m.accounts.len());
                let found = desk.delete_user(actor, UserId(number(user)), user_rev(user, stale));
                (end(&found), m.delete_user(by, user, stale), admin)
            }
            Deed::UndoLast | Deed::UndoEarlier { .. } => self.undo_last(by, actor),
        }
    }

    fn undo_last(&mut self, by: By, actor: &Actor) -> (End, Rule, Option<Role>) {
        let commit = self.w.last_commit().expect("the accounts were made");
        let found = end(&self.w.desk.undo(actor, commit));
        let last = self.last.as_ref().expect("the first cats were added");
        let role = match self.model.gate(by, Role::User) {
            Ok(role) => role,
            Err(e) => return (found, Err(e), None),
        };
        let expected = match last.least {
            // To a user there are no changes but one's own.
            _ if last.by != by && role < Role::Staff => Err(End::NotFound),
            _ if last.by != by && role < Role::Admin => Err(End::Refused),
            None => Err(End::Refused),
            Some(least) if role < least => Err(End::Denied),
            Some(_) => self.model.undo(by, &last.before),
        };
        (found, expected, last.least)
    }

    /// An undo of which the model says only that it leaves the shelter sound, or as it was.
    fn undo_unfollowed(&mut self, by: By, actor: &Actor, back: u64) {
        let last = self.w.last_commit().expect("the accounts were made");
        let commit = CommitNo(last.0.saturating_sub(back).max(1));
        let entry = self.w.store.audit_entry(commit).unwrap().unwrap().0;
        let result = self.w.desk.undo(actor, commit);
        let stored = self.stored();
        match end(&result) {
            End::Done => {
                let role = self.model.gate(by, Role::User);
                assert!(
                    role == Ok(Role::Admin) || entry.actor.who == actor.who,
                    "{by:?} undid somebody else's {entry:?}"
                );
                stored.sound();
                self.model = stored;
                let before = Model::default();
                self.last = Some(Last { by, least: None, before, followed: false });
            }
            _ => {
                assert_eq!(stored, self.model, "a refused undo changed something");
                assert_eq!(self.w.last_commit(), Some(last));
            }
        }
    }

    /// The records of the store are those of the model, field by field.
    fn compare(&self) {
        assert_eq!(&self.stored(), &self.model);
        self.model.sound();
    }

    /// The records of the store, as the model has them.
    fn stored(&self) -> Model {
        let everything = self.w.everything();
        fn filled<T: Clone>(len: usize, there: impl Iterator<Item = (u32, T)>) -> Vec<Option<T>> {
            let mut list = vec![None; len];
            for (id, value) in there {
                list[id as usize - 1] = Some(value);
            }
            list
        }
        let m = &self.model;
        let place = |id: u32| id as usize - 1;
        Model {
            accounts: filled(
                m.accounts.len(),
                everything.users.iter().map(|u| {
                    let account = Account {
                        username: u.username.clone(),
                        role: u.role,
                        locked: u.locked.is_some(),
                        banned: u.banned.is_some(),
                        anonymised: u.anonymised,
                        favourites: u.favourites.iter().map(|c| place(c.0)).collect(),
                    };
                    (u.id.0, account)
                }),
            ),
            cats: filled(
                m.cats.len(),
                everything.cats.iter().map(|c| {
                    let animal = Animal {
                        name: c.name.clone(),
                        tag: c.tag.clone(),
                        breed: c.breed.map(|b| place(b.0)),
                        health: c.health.map(|h| place(h.0)),
                        status: status_of(&c.status),
                        archived: c.archived,
                        stays: c.stays.iter().map(|s| (s.outcome.is_none(), s.in_foster())).collect(),
                    };
                    (c.id.0, animal)
                }),
            ),
            breeds: filled(m.breeds.len(), everything.breeds.iter().map(|b| (b.id.0, b.name.clone()))),
            health: filled(
                m.health.len(),
                everything.health.iter().map(|h| (h.id.0, (h.name.clone(), h.prevents_adoption))),
            ),
            requests: filled(
                m.requests.len(),
                everything.requests.iter().map(|r| {
                    let waits = r.status == RequestStatus::Waitlisted;
                    assert_eq!(r.waitlisted_from, waits.then_some(RequestStatus::Pending));
                    let asked = Asked {
                        cat: place(r.cat.0),
                        user: place(r.user.0),
                        status: r.status,
                        notes: r.notes.clone(),
                        awaiting: r.awaiting_reply,
                    };
                    (r.id.0, asked)
                }),
            ),
        }
    }

    /// What lists, counts and queues say is what the model counts; and the store's own recount agrees.
    fn recount(&self) {
        let (m, desk) = (&self.model, &self.w.desk);
        let report = desk.check(&CONSOLE, &mut |_| true).unwrap();
        assert_eq!((report.findings, report.wrong, report.cancelled), (Vec::new(), 0, false));
        let set = |ids: Vec<u32>| ids.into_iter().collect::<BTreeSet<u32>>();
        let every = CatQuery { archived: None, ..CatQuery::default() };
        let cats = set(desk.cats(&CONSOLE, &every).unwrap());
        assert_eq!(cats, numbers(&m.cats, |_| true));
        for row in desk.cat_rows(&CONSOLE, &cats.into_iter().collect::<Vec<_>>()).unwrap() {
            let cat = m.cats[row.id.0 as usize - 1].as_ref().unwrap();
            let queue = m.queue(row.id.0 as usize - 1);
            let foster = cat.stays.last().is_some_and(|s| s.1);
            assert_eq!(
                (&row.tag, row.status, row.archived, usize::from(row.requests), row.in_foster),
                (&cat.tag, kind_of(cat.status), cat.archived, queue.len(), foster)
            );
            let places: Vec<usize> =
                desk.cat(&CONSOLE, row.id).unwrap().queue.iter().map(|q| q.request.0 as usize - 1).collect();
            assert_eq!(places, queue, "the queue of cat {}", row.id);
        }
        let stats = desk.stats(&CONSOLE).unwrap();
        assert_eq!(stats.cats as usize, m.cats.iter().flatten().count());
        assert_eq!(stats.requests as usize, m.requests.iter().flatten().count());
        assert_eq!(stats.users as usize, m.accounts.iter().flatten().count());
        for (status, count) in stats.cats_by_status {
            let of = m.cats.iter().flatten().filter(|c| kind_of(c.status) == status && !c.archived).count();
            assert_eq!(count as usize, of, "cats that are {status}");
        }
        for (status, count) in stats.requests_by_status {
            assert_eq!(count as usize, m.live().filter(|(_, r)| r.status == status).count(), "{status} requests");
        }
        for (role, count) in stats.users_by_role {
            let of = m.accounts.iter().flatten().filter(|a| a.role == role).count();
            assert_eq!(count as usize, of, "accounts of the role {role}");
        }
        assert_eq!(set(desk.users(&CONSOLE, &UserQuery::default()).unwrap()), numbers(&m.accounts, |_| true));
        for (i, breed) in m.breeds.iter().enumerate().filter(|(_, b)| b.is_some()) {
            let uses = m.cats.iter().flatten().filter(|c| c.breed == Some(i)).count();
            assert_eq!(desk.breed_uses(&CONSOLE, BreedId(number(i))).unwrap() as usize, uses, "{breed:?}");
        }
        for (i, account) in m.accounts.iter().enumerate() {
            let Some(account) = account.as_ref().filter(|a| !a.locked) else { continue };
            let actor = Actor::local(UserId(number(i)));
            let (cats, requests) =
                (desk.cats(&actor, &every).unwrap(), desk.requests(&actor, &RequestQuery::default()));
            let staff = account.role >= Role::Staff;
            assert_eq!(set(cats), numbers(&m.cats, |c| staff || m.offered(c)), "the cats of {}", account.username);
            let own = numbers(&m.requests, |r| staff || r.user == i);
            assert_eq!(set(requests.unwrap()), own, "the requests of {}", account.username);
        }
    }
}

fn numbers<T>(list: &[Option<T>], of: impl Fn(&T) -> bool) -> BTreeSet<u32> {
    let there = list.iter().enumerate().filter(|(_, v)| v.as_ref().is_some_and(&of));
    there.map(|(i, _)| number(i)).collect()
}

fn status_of(status: &CatStatus) -> Status {
    match status {
        CatStatus::Available => Status::Available,
        CatStatus::OnHold(_) => Status::Hold,
        CatStatus::Pending { held } => Status::Pending { held: held.is_some() },
        CatStatus::Adopted => Status::Adopted,
        CatStatus::Departed(_) => Status::Departed,
    }
}

fn kind_of(status: Status) -> CatStatusKind {
    match status {
        Status::Available => CatStatusKind::Available,
        Status::Hold => CatStatusKind::OnHold,
        Status::Pending { .. } => CatStatusKind::Pending,
        Status::Adopted => CatStatusKind::Adopted,
        Status::Departed => CatStatusKind::Departed,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_desk_does_what_the_model_says(deeds in deeds()) {
        let mut run = Run::new();
        for (by, deed) in &deeds {
            run.step(*by, deed);
        }
        run.recount();
    }
}
