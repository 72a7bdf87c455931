//! A shelter with something to decide: competing requests, some of them old, people who must not adopt.

use clowder::{
    desk::{Desk, UserChange},
    model::{Action, Actor, AdoptionRequest, CatId, Day, Door, RequestId, RequestStatus, Role, Stamp, UserId, Verdict},
    store::StoreError,
};

use crate::shelter::Shelter;

pub struct Queue {
    pub shelter: Shelter,
    /// For Miso: Uma, 20 days ago; Vic, 12; Wes, 3.
    pub miso: Vec<RequestId>,
    /// For Bruno: Vic, approved, 9 days ago; Hanako, waitlisted.
    pub bruno: Vec<RequestId>,
    /// For Tom: Wes, who must not adopt, 6 days ago.
    pub tom: RequestId,
    /// For Olive, who is on hold: Hanako, 2 days ago.
    pub olive: RequestId,
    /// Another one of the staff.
    pub sue: Actor,
    pub wes: UserId,
}

impl Queue {
    pub fn new() -> Self {
        let shelter = Shelter::bare();
        let console = Actor::console();
        let desk = shelter.desk.clone();
        let person = |name: &str, full: &str, role| {
            let changes = vec![
                UserChange::Username(name.to_owned()),
                UserChange::FullName(full.to_owned()),
                UserChange::Email(Some(format!("{name}@example.org"))),
                UserChange::Phone("555 0199".to_owned()),
            ];
            desk.add_user(&console, role, changes, None).unwrap().0.id
        };
        let wes = person("wes", "Wes Oberholtzer-Featherstonehaugh", Role::User);
        let hanako = person("hanako", "山田花子", Role::User);
        let sue = Actor { door: Door::Local, ..Actor::local(person("sue", "Sue Lake", Role::Staff)) };
        let uma = shelter.user.user().unwrap();
        let vic = desk.user_by_name(&console, "vic").unwrap();
        let ask = |cat: usize, who: UserId, days: i32, notes: &str| shelter.asked(shelter.cats[cat], who, days, notes);
        let miso = vec![
            ask(0, uma, 20, "We have a garden, two quiet children and time in the afternoon."),
            ask(0, vic, 12, ""),
            ask(0, wes, 3, "I live alone."),
        ];
        let bruno = vec![ask(1, vic, 9, "A quiet flat."), ask(1, hanako, 5, "猫が大好きです。")];
        let tom = ask(6, wes, 6, "");
        let olive = ask(5, hanako, 2, "");
        desk.ban(&console, wes, "gave two cats away within a month").unwrap();
        let queue = Self { shelter, miso, bruno, tom, olive, sue, wes };
        queue.decide(&console, queue.bruno[0], Verdict::Approve, "");
        queue
    }

    pub fn desk(&self) -> &Desk {
        &self.shelter.desk
    }

    pub fn decide(&self, by: &Actor, id: RequestId, verdict: Verdict, reason: &str) {
        let rev = self.request(id).version.rev;
        self.desk().decide(by, id, rev, verdict, reason).unwrap();
    }

    pub fn request(&self, id: RequestId) -> AdoptionRequest {
        self.desk().request(&Actor::console(), id).unwrap().request
    }

    pub fn status(&self, id: RequestId) -> RequestStatus {
        self.request(id).status
    }
}

impl Shelter {
    /// A request that came some days ago.
    pub fn asked(&self, cat: CatId, who: UserId, days: i32, notes: &str) -> RequestId {
        let at = Day(Day::today().0 - days).start();
        let mut request = AdoptionRequest::new(cat, who, Stamp(at.0 + 9 * 3_600_000), notes);
        request.record(
            request.requested_at,
            clowder::model::Who::User(who),
            clowder::model::HistoryEvent::Requested,
            "",
        );
        let written = self.store.write(&Actor::console(), move |tx| {
            tx.describe(Action::Request, "");
            tx.insert(&mut request)
        });
        let written: Result<_, StoreError> = written;
        written.unwrap().value
    }
}
