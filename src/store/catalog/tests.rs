use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::model::{
    Gender, Hold, HoldKind, IntakeKind, Outcome, OutcomeKind, PartialDate, Role, Stamp, Stay,
    cat::{CatStatus, FosterSpell},
    query::{CatQuery, Query, RequestQuery, UserQuery},
};

fn today() -> Day {
    Day::from_ymd(2026, 11, 22).unwrap()
}

/// A store of plain records that tells a catalog what changes, as the writer does.
#[derive(Default)]
struct World {
    breeds: Vec<Breed>,
    health: Vec<HealthStatus>,
    cats: Vec<Cat>,
    users: Vec<User>,
    requests: Vec<AdoptionRequest>,
    catalog: Catalog,
}

macro_rules! put {
    ($name:ident, $drop:ident, $field:ident, $type:ty, $change:ident) => {
        fn $name(&mut self, mut after: $type) {
            let before = self.$field.iter().position(|r| r.id == after.id).map(|at| self.$field.remove(at));
            after.version.rev = before.as_ref().map_or(0, |b| b.version.rev) + 1;
            self.$field.push(after.clone());
            self.$field.sort_by_key(|r| r.id);
            self.catalog.apply(&[Change::$change { before: before.map(Arc::new), after: Some(Arc::new(after)) }]);
        }

        #[allow(dead_code, reason = "not every kind is deleted in a test")]
        fn $drop(&mut self, id: u32) {
            if let Some(at) = self.$field.iter().position(|r| r.id.0 == id) {
                let before = self.$field.remove(at);
                self.catalog.apply(&[Change::$change { before: Some(Arc::new(before)), after: None }]);
            }
        }
    };
}

impl World {
    fn new() -> Self {
        let mut world = Self::default();
        world.catalog.set_ready();
        world
    }

    put!(put_breed, drop_breed, breeds, Breed, Breed);
    put!(put_health, drop_health, health, HealthStatus, Health);
    put!(put_cat, drop_cat, cats, Cat, Cat);
    put!(put_user, drop_user, users, User, User);
    put!(put_request, drop_request, requests, AdoptionRequest, Request);

    fn findings(&self) -> Vec<String> {
        self.catalog.verify(Records {
            breeds: self.breeds.clone(),
            health: self.health.clone(),
            cats: self.cats.clone(),
            users: self.users.clone(),
            requests: self.requests.clone(),
        })
    }

    fn cats(&self, line: &str) -> Vec<u32> {
        let parsed = CatQuery::parse(line, today());
        assert_eq!(parsed.errors, [], "{line}");
        let all = self.catalog.cats(&parsed.query, today());
        for limit in [0, 1, 3, 100] {
            let first = self.catalog.cats_first(&parsed.query, today(), limit);
            assert_eq!(first, all[..limit.min(all.len())], "the first {limit} of {line}");
        }
        all
    }

    fn requests(&self, line: &str) -> Vec<u32> {
        let parsed = RequestQuery::parse(line, today());
        assert_eq!(parsed.errors, [], "{line}");
        self.catalog.requests(&parsed.query, today())
    }

    fn users(&self, line: &str) -> Vec<u32> {
        let parsed = UserQuery::parse(line, today());
        assert_eq!(parsed.errors, [], "{line}");
        self.catalog.users(&parsed.query)
    }
}

fn breed(id: u32, name: &str) -> Breed {
    Breed { id: BreedId(id), name: name.into(), ..Breed::default() }
}

fn cat(id: u32, name: &str, days_ago: i32) -> Cat {
    let mut cat = Cat::new(name);
    cat.id = CatId(id);
    cat.stays.push(Stay::open(Day(today().0 - days_ago), IntakeKind::Stray));
    cat
}

fn user(id: u32, username: &str, full_name: &str) -> User {
    let mut user = User::new(username, Role::User);
    user.id = UserId(id);
    user.full_name = full_name.into();
    user
}

fn request(id: u32, cat: u32, user: u32, days_ago: i32) -> AdoptionRequest {
    let at = Stamp(Day(today().0 - days_ago).start().0 + 1_000);
    let mut request = AdoptionRequest::new(CatId(cat), UserId(user), at, "");
    request.id = RequestId(id);
    request
}

/// Six cats of many kinds.
fn shelter() -> World {
    let mut world = World::new();
    world.put_breed(breed(1, "Maine Coon"));
    world.put_breed(breed(2, "Siamese"));
    world.put_health(HealthStatus { id: HealthId(1), name: "Healthy".into(), ..HealthStatus::default() });
    world.put_health(HealthStatus {
        id: HealthId(2),
        name: "Ringworm".into(),
        prevents_adoption: true,
        ..HealthStatus::default()
    });
    world.put_cat(Cat {
        breed: Some(BreedId(1)),
        born: Some(PartialDate::Year(2020)),
        gender: Gender::Male,
        colour: "Grey tabby".into(),
        description: "Calm, likes Zoé and\nold people.".into(),
        tag: Some("A-100".into()),
        ..cat(1, "Miso", 90)
    });
    world.put_cat(Cat {
        breed: Some(BreedId(2)),
        born: Some(PartialDate::Day(Day(today().0 - 100))),
        gender: Gender::Female,
        colour: "Seal point".into(),
        health: Some(HealthId(2)),
        ..cat(2, "Élodie", 10)
    });
    world.put_cat(Cat {
        status: CatStatus::OnHold(Hold { kind: HoldKind::Medical, reason: "surgery".into(), until: None }),
        description: "Sister of Miso".into(),
        ..cat(3, "Tabby", 200)
    });
    let mut adopted = Cat { status: CatStatus::Adopted, tag: Some("A-101".into()), ..cat(4, "", 400) };
    adopted.stays[0].outcome = Some(Outcome { date: Some(Day(today().0 - 300)), kind: OutcomeKind::Adoption });
    world.put_cat(adopted);
    world.put_cat(Cat { archived: true, ..cat(5, "Misoko", 5) });
    let mut fostered = cat(6, "Miso Mango", 30);
    fostered.stays[0].fosters.push(FosterSpell { out: today(), back: None });
    world.put_cat(fostered);
    world.put_user(user(1, "ana", "Ana Núñez"));
    world.put_user(user(2, "bo", ""));
    world.put_request(request(1, 1, 1, 20));
    world.put_request(request(2, 1, 2, 30));
    world.put_request(AdoptionRequest { status: RequestStatus::Rejected, ..request(3, 2, 1, 5) });
    world
}

#[test]
fn orders() {
    let world = shelter();
    assert_eq!(world.cats(""), [3, 1, 6, 2, 4]);
    assert_eq!(world.cats("archived:any"), [3, 1, 6, 2, 5, 4]);
    assert_eq!(world.cats("sort:-waiting"), [4, 2, 6, 1, 3]);
    assert_eq!(world.cats("status:available"), [1, 6, 2]);
    assert_eq!(world.cats("status:available sort:-waiting"), [2, 6, 1]);
    assert_eq!(world.cats("sort:name"), [2, 1, 6, 3, 4]);
    assert_eq!(world.cats("sort:newest"), [6, 4, 3, 2, 1]);
    assert_eq!(world.cats("sort:-newest"), [1, 2, 3, 4, 6]);
    assert_eq!(world.cats("sort:age"), [2, 1, 3, 4, 6]);
}

#[test]
fn filters() {
    let world = shelter();
    let same = |line: &str, ids: &[u32]| assert_eq!(world.cats(line), ids, "{line}");
    same("breed:\"maine coon\"", &[1]);
    same("breed:s", &[2]);
    same("breed=siam", &[]);
    same("breed=SIAMESE", &[2]);
    same("breed:none", &[3, 6, 4]);
    same("-breed:coon", &[3, 6, 2, 4]);
    same("health:ring", &[2]);
    same("age<2y", &[2]);
    same("age>2y", &[1]);
    same("band:adult,baby", &[1, 2]);
    same("-band:baby", &[3, 1, 6, 4]);
    same("waiting>60d", &[3, 1]);
    same("waiting>=10d waiting<40d", &[6, 2]);
    same("requests>=2", &[1]);
    same("status:in-care requests:0", &[3, 6, 2]);
    same("colour:tab", &[1]);
    same("colour:none gender:unknown", &[3, 6, 4]);
    same("hold:any", &[3]);
    same("hold:legal", &[]);
    same("-hold:medical status:in-care", &[1, 6, 2]);
    same("foster:yes", &[6]);
    same("archived:yes", &[5]);
    same("tag:a-1", &[1, 4]);
    same("tag=A-101", &[4]);
    same("tag:none", &[3, 6, 2]);
    same("status:gone", &[4]);
    same(&format!("intake>={}", Day(today().0 - 31)), &[6, 2]);
}

#[test]
fn search_finds_all_words_best_first() {
    let world = shelter();
    let same = |line: &str, ids: &[u32]| assert_eq!(world.cats(line), ids, "{line}");
    same("miso", &[1, 6, 3]);
    same("MIS", &[1, 6, 3]);
    same("miso archived:any", &[1, 6, 5, 3]);
    same("miso -mango", &[1, 3]);
    same("elod", &[2]);
    same("zoe people", &[1]);
    same("tabby", &[3, 1]);
    same("tabby miso", &[1, 3]);
    same("siam", &[2]);
    same("a-101", &[4]);
    same("101", &[4]);
    same("mango miso", &[6]);
    same("nobody", &[]);
    same("miso status:on-hold", &[3]);
    same("-siamese -miso", &[4]);
    same("...", &[3, 1, 6, 2, 4]);
}

#[test]
fn renaming_a_breed_changes_what_is_found() {
    let mut world = shelter();
    world.put_breed(breed(2, "Balinese"));
    assert_eq!(world.cats("siamese"), [] as [u32; 0]);
    assert_eq!(world.cats("bali"), [2]);
    assert_eq!(world.catalog.breed_name(BreedId(2)), "Balinese");
    world.drop_breed(2);
    assert_eq!(world.catalog.breed_name(BreedId(2)), "");
    assert_eq!(world.findings(), [] as [&str; 0]);
}

#[test]
fn requests_and_their_counts() {
    let mut world = shelter();
    assert_eq!(world.requests(""), [2, 1, 3]);
    assert_eq!(world.requests("sort:-date"), [3, 1, 2]);
    assert_eq!(world.requests("sort:cat"), [3, 2, 1]);
    assert_eq!(world.requests("status:open"), [2, 1]);
    assert_eq!(world.requests("waiting>=30d"), [2]);
    assert_eq!(world.requests("waiting>30d"), [] as [u32; 0]);
    assert_eq!(world.requests("waiting<=20d"), [1, 3]);
    assert_eq!(world.requests("overdue:yes"), [2, 1]);
    assert_eq!(world.catalog.overdue(today()), 2);
    assert_eq!(world.requests("cat:miso"), [2, 1]);
    assert_eq!(world.requests("cat:#2"), [3]);
    assert_eq!(world.requests("user:nunez"), [1, 3]);
    assert_eq!(world.requests("elodie nunez"), [3]);
    assert_eq!(world.catalog.place(RequestId(1)), (Some(2), 2));
    assert_eq!(world.catalog.place(RequestId(3)), (None, 0));
    assert_eq!(world.catalog.user(UserId(1)).unwrap().open_requests, 1);
    let counts = world.catalog.cat_counts();
    assert_eq!((counts.in_status(CatStatusKind::Available), counts.without_request), (3, 3));
    world.put_request(AdoptionRequest { status: RequestStatus::Withdrawn, ..request(1, 1, 1, 20) });
    world.drop_request(2);
    assert_eq!(world.catalog.cat_counts().without_request, 4);
    assert_eq!(world.catalog.cat(CatId(1)).unwrap().open_requests, 0);
    assert_eq!(world.findings(), [] as [&str; 0]);
}

#[test]
fn users_by_name_contact_and_flag() {
    let mut world = shelter();
    world.put_user(User {
        email: Some("cleo@example.org".into()),
        phone: "555-01 00".into(),
        role: Role::Staff,
        ..user(3, "cleo", "Ana Cleo Ek")
    });
    assert_eq!(world.users(""), [3, 1, 2]);
    assert_eq!(world.users("ana"), [3, 1]);
    assert_eq!(world.users("cleo@ex"), [3]);
    assert_eq!(world.users("5550100"), [3]);
    assert_eq!(world.users("role:user sort:newest"), [2, 1]);
    assert_eq!(world.users("requests>=1"), [1, 2]);
    assert_eq!(world.users("-cleo"), [1, 2]);
}

#[test]
fn fuzzy_matches_say_where() {
    let world = shelter();
    let found = world.catalog.fuzzy(Pickable::Breeds, "mcn", 5);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].text.as_str(), &found[0].positions[..]), ("Maine Coon", &[0, 6, 9][..]));
    let all: Vec<_> = world.catalog.fuzzy(Pickable::Health, "", 5).into_iter().map(|f| f.text).collect();
    assert_eq!(all, ["Healthy", "Ringworm"]);
    let cats: Vec<_> = world.catalog.fuzzy(Pickable::Cats, "miso", 1).into_iter().map(|f| f.text).collect();
    assert_eq!(cats.len(), 1);
    assert_eq!(world.catalog.fuzzy(Pickable::Users, "nunez", 9)[0].id, 1);
    assert_eq!(world.catalog.fuzzy(Pickable::Users, "zzz", 9), []);
}

#[test]
fn verify_sees_what_is_wrong() {
    let mut world = shelter();
    assert_eq!(world.findings(), [] as [&str; 0]);
    world.cats[0].name = "Other".into();
    let findings = world.findings();
    assert!(findings.iter().any(|f| f == "the catalog's row of cat 1 is not as the record"), "{findings:?}");
    assert!(findings.iter().any(|f| f.contains("order of cats by name")), "{findings:?}");
    assert!(findings.iter().any(|f| f.contains("the word \"other\"")), "{findings:?}");
    world.requests.pop();
    assert!(world.findings().iter().any(|f| f.contains("row of request 3")));
}

#[derive(Debug, Clone)]
enum Op {
    Cat(Cat),
    DropCat(u32),
    User(User),
    Request(AdoptionRequest),
    DropRequest(u32),
    Breed(u32, String),
    DropBreed(u32),
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[abé]{0,2}", "[ab]{1,2} [ab]{1,2}", Just("三毛".to_owned()), Just("Ob La".to_owned())]
}

fn any_cat() -> impl Strategy<Value = Cat> {
    let status = prop::sample::select(vec![
        CatStatus::Available,
        CatStatus::OnHold(Hold { kind: HoldKind::Legal, reason: String::new(), until: None }),
        CatStatus::Pending { held: None },
        CatStatus::Adopted,
        CatStatus::Departed(OutcomeKind::TransferOut),
    ]);
    let born = prop::option::of(2018_i16..2026);
    let texts = (name(), prop::option::of("[AB]-[0-9]"), prop::sample::select(vec!["", "red", "Red", "b a"]), name());
    (1_u32..9, texts, status, born, prop::option::of(0_i32..5), prop::option::of(1_u32..4), any::<bool>()).prop_map(
        |(id, (name, tag, colour, description), status, born, intake, breed, archived)| {
            let mut cat = Cat::new(name);
            cat.id = CatId(id);
            cat.tag = tag;
            cat.colour = colour.into();
            cat.description = description;
            cat.status = status;
            cat.born = born.map(PartialDate::Year);
            cat.stays = intake.map(|d| Stay::open(Day(today().0 - d), IntakeKind::Stray)).into_iter().collect();
            cat.breed = breed.map(BreedId);
            cat.archived = archived;
            cat
        },
    )
}

fn op() -> impl Strategy<Value = Op> {
    let request = (1_u32..12, 1_u32..9, 1_u32..4, 0_i32..3, prop::sample::select(RequestStatus::ALL))
        .prop_map(|(id, cat, user, days, status)| AdoptionRequest { status, ..request(id, cat, user, days) });
    prop_oneof![
        6 => any_cat().prop_map(Op::Cat),
        1 => (1_u32..9).prop_map(Op::DropCat),
        1 => (1_u32..4, name()).prop_map(|(id, name)| Op::User(user(id, "u", &name))),
        4 => request.prop_map(Op::Request),
        1 => (1_u32..12).prop_map(Op::DropRequest),
        1 => (1_u32..4, name()).prop_map(|(id, name)| Op::Breed(id, name)),
        1 => (1_u32..4).prop_map(Op::DropBreed),
    ]
}

/// The same question answered from the records, the slow and plain way.
fn plain_search(world: &World, word: &str) -> Vec<u32> {
    let found = |cat: &&Cat| {
        let breed = cat.breed.map_or("", |id| world.catalog.breed_name(id));
        let text = [&cat.name, cat.tag.as_deref().unwrap_or(""), &cat.description, &cat.colour, breed].join(" ");
        !cat.archived && crate::model::text::words(&crate::model::text::fold(&text)).any(|w| w.starts_with(word))
    };
    world.cats.iter().filter(found).map(|c| c.id.0).collect()
}

proptest! {
    #[test]
    fn applied_changes_make_what_a_fresh_build_makes(ops in prop::collection::vec(op(), 0..40)) {
        let mut world = World::new();
        for op in ops {
            match op {
                Op::Cat(cat) => world.put_cat(cat),
                Op::DropCat(id) => world.drop_cat(id),
                Op::User(user) => world.put_user(user),
                Op::Request(request) => world.put_request(request),
                Op::DropRequest(id) => world.drop_request(id),
                Op::Breed(id, name) => world.put_breed(breed(id, &name)),
                Op::DropBreed(id) => world.drop_breed(id),
            }
        }
        prop_assert_eq!(world.findings(), Vec::<String>::new());
        for word in ["a", "ab", "e", "b", "red", "o", "1"] {
            let mut found = world.cats(word);
            found.sort_unstable();
            prop_assert_eq!(found, plain_search(&world, word), "{}", word);
        }
        let counted = world.cats.iter().filter(|c| !c.archived && c.status == CatStatus::Available).count();
        prop_assert_eq!(world.catalog.cat_counts().in_status(CatStatusKind::Available) as usize, counted);
        prop_assert_eq!(world.cats("status:available").len(), counted);
    }

    #[test]
    fn a_change_out_of_step_leaves_nothing_behind(first in any_cat(), second in any_cat()) {
        let mut world = World::new();
        world.put_cat(Cat { id: CatId(1), ..first });
        // A change whose `before` is not what the catalog knows.
        let after = Cat { id: CatId(1), version: crate::model::Version { rev: 9, ..Default::default() }, ..second };
        world.catalog.apply(&[Change::Cat { before: None, after: Some(Arc::new(after.clone())) }]);
        world.cats = vec![after];
        prop_assert_eq!(world.findings(), Vec::<String>::new());
    }
}

#[test]
fn a_large_shelter_keeps_its_orders() {
    let mut seed = 7_u64;
    let mut next = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut cats = Vec::new();
    for id in 1..=20_000_u32 {
        let mut cat = cat(id, &format!("Cat{}", next(3_000)), next(2_000) as i32);
        cat.born = (next(10) > 0).then(|| PartialDate::Day(Day(today().0 - next(4_000) as i32)));
        cat.status = if next(3) == 0 { CatStatus::Available } else { CatStatus::Adopted };
        cats.push(cat);
    }
    let mut world = World {
        catalog: Catalog::build(Records {
            breeds: Vec::new(),
            health: Vec::new(),
            cats: cats.clone(),
            users: Vec::new(),
            requests: Vec::new(),
        }),
        cats,
        ..World::default()
    };
    for _ in 0..200 {
        let mut cat = world.cats[next(20_000) as usize].clone();
        cat.name = format!("Cat{}", next(3_000));
        cat.status = CatStatus::Available;
        world.put_cat(cat);
    }
    assert_eq!(world.findings(), [] as [&str; 0]);
    for (line, key) in [
        ("status:available", (|c: &Cat| c.intake().unwrap().0) as fn(&Cat) -> i32),
        ("status:in-care sort:-waiting", |c| -c.intake().unwrap().0),
        ("sort:age", |c| c.born.map_or(i32::MAX, |b| -b.middle().0)),
    ] {
        let ids = world.cats(line);
        assert!(ids.len() > 5_000, "{line}");
        assert!(ids.is_sorted_by_key(|id| key(&world.cats[*id as usize - 1])), "{line}");
    }
    let names: Vec<_> = world.cats("sort:name").into_iter().map(|id| &world.cats[id as usize - 1].name).collect();
    assert!(names.len() == 20_000 && names.is_sorted());
}
