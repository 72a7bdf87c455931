//! A small shelter that looks the same every day: its dates count from today.
#![allow(dead_code)] // Each test program uses its own part of it.

#[path = "limit.rs"]
pub mod limit;

use clowder::{
    desk::{BreedChange, CatChange, Desk, HealthChange, UserChange},
    model::{
        Actor, Altered, BreedId, CatId, Day, Door, Gender, HealthId, Hold, HoldKind, IntakeKind, PartialDate,
        RequestId, Role, UserId,
    },
    store::{OpenOptions, Store, Surroundings},
};
use limit::Limit;

/// A desk on a store that vanishes with the test.
pub struct Shelter {
    pub desk: Desk,
    pub admin: Actor,
    pub staff: Actor,
    pub user: Actor,
    pub breeds: Vec<BreedId>,
    pub health: Vec<HealthId>,
    pub cats: Vec<CatId>,
    pub requests: Vec<RequestId>,
    /// The store goes before its directory.
    pub store: Store,
    _dir: tempfile::TempDir,
    _limit: Limit,
}

/// The password of everybody.
pub const PASSWORD: &str = "a warm window sill";

/// A directory that vanishes with the test, which is watched over as long as it is there.
pub struct Room(pub tempfile::TempDir, Limit);

/// A store with nothing in it. Of two variables the last one goes first: the store before its directory.
pub fn empty() -> (Room, Desk) {
    let room = Room(tempfile::tempdir().unwrap(), Limit::new());
    let opened = Store::open(OpenOptions::new(room.0.path().join("data"), room.0.path().join("config"))).unwrap();
    (room, Desk::new(opened.store))
}

impl Shelter {
    /// Three people, three breeds, two health statuses, eight cats, and four requests.
    pub fn new() -> Self {
        let mut shelter = Self::bare();
        let desk = &shelter.desk;
        let vic = Actor::local(desk.user_by_name(&Actor::console(), "vic").unwrap());
        let ask = |who: &Actor, cat: usize| desk.ask(who, shelter.cats[cat], "We have a garden and time.").unwrap().id;
        let requests = vec![ask(&shelter.user, 0), ask(&vic, 0), ask(&vic, 1), ask(&shelter.user, 2)];
        shelter.requests = requests;
        shelter
    }

    /// The same without requests.
    pub fn bare() -> Self {
        Self::beside(Surroundings::default())
    }

    /// The same on a machine that is as told.
    pub fn beside(surroundings: Surroundings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = OpenOptions::new(dir.path().join("data"), dir.path().join("config"));
        let opened = Store::open(OpenOptions { surroundings, ..options }).unwrap();
        let store = opened.store;
        let desk = Desk::new(store.clone());
        let console = Actor::console();
        desk.set_up("ada", "Ada Brook", Some("ada@example.org"), PASSWORD).unwrap();
        let local = |id: UserId| Actor { door: Door::Local, ..Actor::local(id) };
        let admin = local(UserId(1));
        let person = |name: &str, full: &str, role| {
            let changes = vec![
                UserChange::Username(name.to_owned()),
                UserChange::FullName(full.to_owned()),
                UserChange::Email(Some(format!("{name}@example.org"))),
                UserChange::Phone("555 0100".to_owned()),
            ];
            local(desk.add_user(&console, role, changes, Some(PASSWORD)).unwrap().0.id)
        };
        let staff = person("sam", "Sam Field", Role::Staff);
        let user = person("uma", "Uma Stone", Role::User);
        person("vic", "Vic Harbour", Role::User);
        let breeds = ["Siberian", "Maine Coon", "Domestic Shorthair"]
            .map(|name| {
                let text = "Calm and curious. Brush once a week.".to_owned();
                let changes = vec![BreedChange::Name(name.to_owned()), BreedChange::Description(text)];
                desk.add_breed(&console, changes).unwrap().0.id
            })
            .to_vec();
        let health = [("Healthy", false), ("In treatment", true)]
            .map(|(name, prevents)| {
                let changes = vec![HealthChange::Name(name.to_owned()), HealthChange::PreventsAdoption(prevents)];
                desk.add_health(&console, changes).unwrap().0.id
            })
            .to_vec();
        let today = Day::today();
        let born = |days: i32| PartialDate::Day(Day(today.0 - days));
        let rows: [(&str, &str, usize, i32, Gender, &str, i32); 8] = [
            ("Miso", "A-1001", 0, 3 * 365 + 100, Gender::Female, "silver tabby", 120),
            ("Bruno", "A-1002", 1, 6 * 365 + 100, Gender::Male, "brown", 90),
            ("Clementine", "A-1003", 2, 365 + 200, Gender::Female, "orange", 60),
            ("三毛", "A-1004", 2, 2 * 365 + 90, Gender::Female, "calico", 45),
            ("Pepper", "A-1005", 2, 100, Gender::Male, "black", 30),
            ("Olive", "A-1006", 0, 9 * 365 + 100, Gender::Female, "grey", 20),
            ("Tom", "A-1007", 1, 4 * 365 + 100, Gender::Male, "black and white", 10),
            ("", "A-1008", 2, 70, Gender::Unknown, "tabby", 2),
        ];
        let mut cats = Vec::new();
        for (name, tag, breed, age, gender, colour, days) in rows {
            let changes = vec![
                CatChange::Name(name.to_owned()),
                CatChange::Tag(Some(tag.to_owned())),
                CatChange::Breed(Some(breeds[breed])),
                CatChange::Born(Some(born(age))),
                CatChange::Gender(gender),
                CatChange::Altered(Altered::Yes),
                CatChange::Colour(colour.to_owned()),
                CatChange::Health(Some(health[0])),
                CatChange::Description("Likes a lap, a window and a quiet home.".to_owned()),
                CatChange::Intake(Day(today.0 - days), IntakeKind::Stray),
            ];
            cats.push(desk.add_cat(&console, changes).unwrap().0.id);
        }
        let hold = Hold { kind: HoldKind::Medical, reason: "dental work".to_owned(), until: None };
        desk.edit_cat(
            &console,
            cats[5],
            desk.cat(&console, cats[5]).unwrap().cat.version.rev,
            vec![CatChange::Hold(hold)],
        )
        .unwrap();
        let requests = Vec::new();
        let shelter =
            Self { desk, admin, staff, user, breeds, health, cats, requests, store, _dir: dir, _limit: Limit::new() };
        shelter.desk.wait_until_ready().unwrap();
        shelter
    }
}
