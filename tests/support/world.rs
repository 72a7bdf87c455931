//! A small shelter in a store of its own: an admin, staff, people who ask, and a few cats.
#![allow(dead_code)] // Each test program uses its own part of it.

use clowder::{
    desk::{ApplicantRef, BreedChange, CatChange, Desk, HealthChange, UserChange},
    model::{
        Actor, AdoptionRequest, Breed, BreedId, Cat, CatId, CommitNo, Error, HealthId, HealthStatus, Hold, HoldKind,
        Record, RequestId, Role, User, UserId, Verdict,
    },
    store::Store,
};

#[path = "store.rs"]
mod store_support;

pub use store_support::{Home, clean, wait_for};

pub const CONSOLE: Actor = Actor::console();

pub struct World {
    pub store: Store,
    pub desk: Desk,
    pub admin: Actor,
    pub sam: Actor,
    pub sue: Actor,
    pub ana: Actor,
    pub ben: Actor,
    pub cem: Actor,
    pub home: Home,
}

/// Everything that the store holds, to compare before and after.
#[derive(Debug, PartialEq)]
pub struct Everything {
    pub commit: Option<CommitNo>,
    pub breeds: Vec<Breed>,
    pub health: Vec<HealthStatus>,
    pub cats: Vec<Cat>,
    pub users: Vec<User>,
    pub requests: Vec<AdoptionRequest>,
}

impl World {
    pub fn new() -> Self {
        let home = Home::new();
        let store = home.open();
        wait_for(|| store.catalog().ready());
        let desk = Desk::new(store.clone());
        let person = |name: &str, role| {
            let full = format!("{}{} Example", name[..1].to_uppercase(), &name[1..]);
            let changes = vec![
                UserChange::Username(name.to_owned()),
                UserChange::FullName(full),
                UserChange::Email(Some(format!("{name}@example.org"))),
                UserChange::Phone("0555 0100".to_owned()),
            ];
            Actor::local(desk.add_user(&CONSOLE, role, changes, None).unwrap().0.id)
        };
        let admin = person("ada", Role::Admin);
        let (sam, sue) = (person("sam", Role::Staff), person("sue", Role::Staff));
        let (ana, ben, cem) = (person("ana", Role::User), person("ben", Role::User), person("cem", Role::User));
        Self { store, desk, admin, sam, sue, ana, ben, cem, home }
    }

    pub fn cat(&self, name: &str) -> Cat {
        self.desk.add_cat(&CONSOLE, vec![CatChange::Name(name.to_owned())]).unwrap().0
    }

    pub fn held_cat(&self, name: &str) -> Cat {
        let hold = Hold { kind: HoldKind::Medical, reason: "stitches".to_owned(), until: None };
        self.desk.add_cat(&CONSOLE, vec![CatChange::Name(name.to_owned()), CatChange::Hold(hold)]).unwrap().0
    }

    pub fn breed(&self, name: &str) -> BreedId {
        self.desk.add_breed(&CONSOLE, vec![BreedChange::Name(name.to_owned())]).unwrap().0.id
    }

    pub fn health(&self, name: &str, prevents: bool) -> HealthId {
        let changes = vec![HealthChange::Name(name.to_owned()), HealthChange::PreventsAdoption(prevents)];
        self.desk.add_health(&CONSOLE, changes).unwrap().0.id
    }

    pub fn person(&self, username: &str, role: Role) -> UserId {
        let changes = vec![UserChange::Username(username.to_owned())];
        self.desk.add_user(&CONSOLE, role, changes, None).unwrap().0.id
    }

    pub fn ask(&self, who: &Actor, cat: CatId) -> RequestId {
        self.desk.ask(who, cat, "").unwrap().id
    }

    /// A request that the console takes for somebody, whatever stands against it.
    pub fn take(&self, cat: CatId, user: UserId) -> RequestId {
        let applicant = ApplicantRef::Existing(user);
        self.desk.take_request(&CONSOLE, cat, applicant, "", Some("told to".to_owned())).unwrap().id
    }

    pub fn get<R: Record>(&self, id: R::Id) -> R {
        self.store.get(id).unwrap().unwrap()
    }

    pub fn request(&self, id: RequestId) -> AdoptionRequest {
        self.get(id)
    }

    /// The revision of a record; 0 when there is none.
    pub fn rev<R: Record>(&self, id: R::Id) -> u32 {
        self.store.get::<R>(id).unwrap().map_or(0, |r| r.version().rev)
    }

    /// Decides on a request as it is now, with a reason.
    pub fn decide(&self, by: &Actor, id: RequestId, verdict: Verdict) -> Result<CommitNo, Error> {
        let done = self.desk.decide(by, id, self.request(id).version.rev, verdict, "for a reason")?;
        Ok(done.commit.expect("a decision changes something"))
    }

    pub fn edit(&self, by: &Actor, cat: CatId, change: CatChange) -> Result<CommitNo, Error> {
        let (_, commit) = self.desk.edit_cat(by, cat, self.rev::<Cat>(cat), vec![change])?;
        Ok(commit.expect("the edit changes something"))
    }

    pub fn last_commit(&self) -> Option<CommitNo> {
        self.store.audit(None, 1).unwrap().first().map(|e| e.commit)
    }

    pub fn everything(&self) -> Everything {
        fn all<R: Record>(store: &Store) -> Vec<R> {
            store.all::<R>().collect::<Result<_, _>>().unwrap()
        }
        Everything {
            commit: self.last_commit(),
            breeds: all(&self.store),
            health: all(&self.store),
            cats: all(&self.store),
            users: all(&self.store),
            requests: all(&self.store),
        }
    }

    pub fn clean(&self) {
        clean(&self.store);
    }
}

/// The account behind an actor.
pub fn id(actor: &Actor) -> UserId {
    actor.user().unwrap()
}
