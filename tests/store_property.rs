//! Whatever is done, in whatever order: the records are those of a plain model, and every index, counter and catalog row equals
//! a recount.

#[path = "support/store.rs"]
mod support;

use std::collections::BTreeMap;

use clowder::{
    model::{
        Action, Actor, AdoptionRequest, Breed, BreedId, Cat, CatId, CatStatus, CatStatusKind, Day, HealthId, Hold,
        HoldKind, IntakeKind, Kind, OutcomeKind, Record, RecordId, RequestId, RequestStatus, Role, Stamp, Stay, User,
        UserId,
    },
    store::{Listing, Store, StoreError, Tally, Tx, Unique},
};
use proptest::{collection::vec, option, prelude::*};
use support::{Home, clean, wait_for};

/// One change, on records chosen by number among those there are.
#[derive(Debug, Clone)]
enum Op {
    AddBreed(u8),
    AddCat(CatShape),
    EditCat(usize, CatShape),
    DeleteCat(usize),
    AddUser(u8, u8, Option<u8>),
    EditUser(usize, u8, u8, Option<u8>),
    DeleteUser(usize),
    AddRequest(usize, usize, i64),
    EditRequest(usize, u8),
}

/// Few values, so that they collide.
#[derive(Debug, Clone)]
struct CatShape {
    tag: Option<u8>,
    breed: Option<u8>,
    health: Option<u8>,
    status: u8,
    intake: Option<u8>,
    archived: bool,
}

fn cat_shape() -> impl Strategy<Value = CatShape> {
    (
        option::of(0..6_u8),
        option::of(1..4_u8),
        option::of(1..3_u8),
        0..5_u8,
        option::of(0..9_u8),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(tag, breed, health, status, intake, archived)| CatShape {
            tag,
            breed,
            health,
            status,
            intake,
            archived,
        })
}

fn op() -> impl Strategy<Value = Op> {
    let which = any::<usize>();
    prop_oneof![
        1 => (0..4_u8).prop_map(Op::AddBreed),
        4 => cat_shape().prop_map(Op::AddCat),
        6 => (which, cat_shape()).prop_map(|(n, shape)| Op::EditCat(n, shape)),
        2 => which.prop_map(Op::DeleteCat),
        3 => (0..8_u8, 0..3_u8, option::of(0..5_u8)).prop_map(|(name, role, mail)| Op::AddUser(name, role, mail)),
        3 => (which, 0..8_u8, 0..3_u8, option::of(0..5_u8)).prop_map(|(n, name, role, mail)| Op::EditUser(n, name, role, mail)),
        1 => which.prop_map(Op::DeleteUser),
        4 => (which, which, 0..9_i64).prop_map(|(cat, user, at)| Op::AddRequest(cat, user, at)),
        4 => (which, 0..6_u8).prop_map(|(n, status)| Op::EditRequest(n, status)),
    ]
}

/// A commit: changes together, and whether it is given up at the end.
fn commit() -> impl Strategy<Value = (Vec<Op>, bool)> {
    (vec(op(), 1..5), prop::bool::weighted(0.15))
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    breeds: BTreeMap<u32, Breed>,
    cats: BTreeMap<u32, Cat>,
    users: BTreeMap<u32, User>,
    requests: BTreeMap<u32, AdoptionRequest>,
}

impl CatShape {
    fn put_on(&self, cat: &mut Cat) {
        cat.tag = self.tag.map(|t| format!("Tag{t}"));
        cat.breed = self.breed.map(|b| BreedId(b.into()));
        cat.health = self.health.map(|h| HealthId(h.into()));
        cat.archived = self.archived;
        cat.stays =
            self.intake.map(|d| Stay::open(Day(20_000 + i32::from(d)), IntakeKind::Stray)).into_iter().collect();
        cat.status = match self.status {
            0 => CatStatus::Available,
            1 => CatStatus::OnHold(Hold { kind: HoldKind::Medical, reason: "x".into(), until: None }),
            2 => CatStatus::Pending { held: None },
            3 => CatStatus::Adopted,
            _ => CatStatus::Departed(OutcomeKind::TransferOut),
        };
    }
}

fn pick<R: Clone>(all: &BTreeMap<u32, R>, n: usize) -> Option<R> {
    all.values().nth(n.checked_rem(all.len())?).cloned()
}

fn put_on_user(user: &mut User, name: u8, role: u8, mail: Option<u8>) {
    user.username = format!("User{name}");
    user.role = Role::ALL[usize::from(role)];
    user.email = mail.map(|m| format!("m{m}@Example.org"));
}

/// Keeps what the store stored; a value that is taken changes nothing.
fn keep<R: Record>(all: &mut BTreeMap<u32, R>, record: R, stored: Result<(), StoreError>) -> Result<(), StoreError> {
    match stored {
        Ok(()) => drop(all.insert(record.id().number(), record)),
        Err(StoreError::Taken { by, .. }) => assert!(all.contains_key(&by) && by != record.id().number()),
        Err(e) => return Err(e),
    }
    Ok(())
}

fn apply(tx: &mut Tx<'_>, model: &mut Model, op: &Op) -> Result<(), StoreError> {
    match op {
        Op::AddBreed(name) => {
            let mut breed = Breed { name: format!("Breed {name}"), ..Breed::default() };
            let stored = tx.insert(&mut breed).map(drop);
            keep(&mut model.breeds, breed, stored)
        }
        Op::AddCat(shape) => {
            let mut cat = Cat::new("Cat");
            shape.put_on(&mut cat);
            let stored = tx.insert(&mut cat).map(drop);
            keep(&mut model.cats, cat, stored)
        }
        Op::EditCat(n, shape) => {
            let Some(mut cat) = pick(&model.cats, *n) else { return Ok(()) };
            shape.put_on(&mut cat);
            let stored = tx.update(&mut cat);
            keep(&mut model.cats, cat, stored)
        }
        Op::DeleteCat(n) => {
            let Some(cat) = pick(&model.cats, *n) else { return Ok(()) };
            if model.requests.values().any(|r| r.cat == cat.id) {
                return Ok(());
            }
            model.cats.remove(&cat.id.0);
            tx.delete::<Cat>(cat.id, cat.version.rev)
        }
        Op::AddUser(name, role, mail) => {
            let mut user = User::new("", Role::User);
            put_on_user(&mut user, *name, *role, *mail);
            let stored = tx.insert(&mut user).map(drop);
            keep(&mut model.users, user, stored)
        }
        Op::EditUser(n, name, role, mail) => {
            let Some(mut user) = pick(&model.users, *n) else { return Ok(()) };
            put_on_user(&mut user, *name, *role, *mail);
            let stored = tx.update(&mut user);
            keep(&mut model.users, user, stored)
        }
        Op::DeleteUser(n) => {
            let Some(user) = pick(&model.users, *n) else { return Ok(()) };
            if model.requests.values().any(|r| r.user == user.id) {
                return Ok(());
            }
            model.users.remove(&user.id.0);
            tx.delete::<User>(user.id, user.version.rev)
        }
        Op::AddRequest(cat, user, at) => {
            let (Some(cat), Some(user)) = (pick(&model.cats, *cat), pick(&model.users, *user)) else { return Ok(()) };
            let mut request = AdoptionRequest::new(cat.id, user.id, Stamp(*at), "");
            let stored = tx.insert(&mut request).map(drop);
            keep(&mut model.requests, request, stored)
        }
        Op::EditRequest(n, status) => {
            let Some(mut request) = pick(&model.requests, *n) else { return Ok(()) };
            request.status = RequestStatus::ALL[usize::from(*status)];
            let stored = tx.update(&mut request);
            keep(&mut model.requests, request, stored)
        }
    }
}

/// Runs the commits against store and model. Taken values inside a commit are passed over on both sides.
fn run(store: &Store, mut model: Model, commits: &[(Vec<Op>, bool)]) -> Model {
    for (ops, give_up) in commits {
        let (ops, give_up, mut changed) = (ops.clone(), *give_up, model.clone());
        let result = store.write(&Actor::console(), move |tx| {
            tx.describe(Action::Import, "");
            for op in &ops {
                apply(tx, &mut changed, op)?;
            }
            if give_up { Err(StoreError::Failed("given up".to_owned())) } else { Ok(changed) }
        });
        match result {
            Ok(written) => model = written.value,
            Err(e) => assert_eq!(e, StoreError::Failed("given up".to_owned())),
        }
    }
    model
}

fn sorted<K: Ord>(mut all: Vec<(K, u32)>) -> Vec<u32> {
    all.sort();
    all.into_iter().map(|(_, id)| id).collect()
}

/// Compares everything the store can be asked with a recount of the model.
fn same(store: &Store, model: &Model) {
    fn all<R: Record>(store: &Store) -> BTreeMap<u32, R> {
        store.all::<R>().map(Result::unwrap).map(|r| (r.id().number(), r)).collect()
    }
    assert_eq!(all::<Breed>(store), model.breeds);
    assert_eq!(all::<Cat>(store), model.cats);
    assert_eq!(all::<User>(store), model.users);
    assert_eq!(all::<AdoptionRequest>(store), model.requests);
    assert!(model.requests.keys().all(|&id| store.get::<AdoptionRequest>(RequestId(id)).unwrap().is_some()));

    let (cats, users, requests) = (&model.cats, &model.users, &model.requests);
    let listed = |listing: Listing, expected: Vec<u32>| {
        assert_eq!(store.list(listing, None, usize::MAX, false).unwrap(), expected, "{listing:?}");
        expected.len() as u64
    };
    assert_eq!(store.tally(Tally::Records(Kind::Cat)), cats.len() as u64);
    for &status in CatStatusKind::ALL {
        let of = cats.values().filter(|c| !c.archived && c.status.kind() == status);
        let expected = sorted(of.map(|c| ((c.intake().is_none(), c.intake(), c.id), c.id.0)).collect());
        assert_eq!(listed(Listing::CatsByStatus(status), expected), store.tally(Tally::CatsByStatus(status)));
    }
    for breed in (1..4).map(BreedId) {
        let of = cats.values().filter(|c| c.breed == Some(breed)).map(|c| c.id.0).collect();
        assert_eq!(listed(Listing::CatsByBreed(breed), of), store.tally(Tally::CatsByBreed(breed)));
    }
    for health in (1..3).map(HealthId) {
        let of = cats.values().filter(|c| c.health == Some(health)).map(|c| c.id.0).collect();
        assert_eq!(listed(Listing::CatsByHealth(health), of), store.tally(Tally::CatsByHealth(health)));
    }
    for &role in Role::ALL {
        let of = users.values().filter(|u| u.role == role).map(|u| u.id.0).collect();
        assert_eq!(listed(Listing::UsersByRole(role), of), store.tally(Tally::UsersByRole(role)));
    }
    let queue = |of: &dyn Fn(&AdoptionRequest) -> bool| {
        sorted(requests.values().filter(|r| of(r)).map(|r| (r.place(), r.id.0)).collect())
    };
    for &status in RequestStatus::ALL {
        let expected = queue(&|r| r.status == status);
        assert_eq!(listed(Listing::RequestsByStatus(status), expected), store.tally(Tally::RequestsByStatus(status)));
    }
    for &id in cats.keys() {
        listed(Listing::RequestsOfCat(CatId(id)), queue(&|r| r.cat.0 == id));
    }
    for &id in users.keys() {
        listed(Listing::RequestsOfUser(UserId(id)), queue(&|r| r.user.0 == id));
    }
    for n in 0..8_u8 {
        let by = |tag: String| cats.values().find(|c| c.tag.as_ref() == Some(&tag)).map(|c| c.id.0);
        assert_eq!(store.find(Unique::Tag(&format!("tAG{n}"))).unwrap(), by(format!("Tag{n}")));
        let by = |name: String| users.values().find(|u| u.username == name).map(|u| u.id.0);
        assert_eq!(store.find(Unique::Username(&format!("user{n}"))).unwrap(), by(format!("User{n}")));
        let by = |mail: String| users.values().find(|u| u.email.as_ref() == Some(&mail)).map(|u| u.id.0);
        assert_eq!(store.find(Unique::Email(&format!("M{n}@example.org"))).unwrap(), by(format!("m{n}@Example.org")));
    }
    wait_for(|| store.catalog().ready());
    clean(store);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn indexes_and_counters_equal_a_recount(
        first in vec(commit(), 1..25),
        second in vec(commit(), 1..12),
        last in vec(commit(), 1..6),
    ) {
        let home = Home::new();
        let store = home.open();
        let model = run(&store, Model::default(), &first);
        same(&store, &model);
        store.close().unwrap();

        let store = home.open();
        let model = run(&store, model, &second);
        same(&store, &model);
        prop_assert!(store.repair(&Actor::console(), &mut |_| true).unwrap().is_clean());
        same(&store, &model);
        let model = run(&store, model, &last);
        same(&store, &model);
    }
}
