//! Random verdicts in a small shelter: whatever the order, the states stay true to each other.

use proptest::prelude::*;

use super::*;

const CATS: u32 = 2;
const PEOPLE: u32 = 4;

#[derive(Debug, Clone)]
enum Op {
    Ask { person: u32, cat: u32 },
    Decide { pick: prop::sample::Index, verdict: Verdict, admin: bool },
    Hold { cat: u32 },
    Release { cat: u32 },
    Ban { person: u32, banned: bool },
    Ill { cat: u32, ill: bool },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let (cat, person) = (0..CATS, 0..PEOPLE);
    let verdict = prop::sample::select(Verdict::ALL);
    prop::collection::vec(
        prop_oneof![
            4 => (person.clone(), cat.clone()).prop_map(|(person, cat)| Op::Ask { person, cat }),
            8 => (any::<prop::sample::Index>(), verdict, any::<bool>())
                .prop_map(|(pick, verdict, admin)| Op::Decide { pick, verdict, admin }),
            1 => cat.clone().prop_map(|cat| Op::Hold { cat }),
            1 => cat.clone().prop_map(|cat| Op::Release { cat }),
            1 => (person, any::<bool>()).prop_map(|(person, banned)| Op::Ban { person, banned }),
            1 => (cat, any::<bool>()).prop_map(|(cat, ill)| Op::Ill { cat, ill }),
        ],
        1..60,
    )
}

#[derive(Debug, Clone, PartialEq)]
struct Shelter {
    cats: Vec<Cat>,
    ill: Vec<bool>,
    people: Vec<User>,
    requests: Vec<AdoptionRequest>,
}

impl Shelter {
    fn new() -> Self {
        let cats = (0..CATS).map(|i| Cat { id: CatId(i), ..cat_in(CatStatusKind::Available) }).collect();
        let people = (0..PEOPLE).map(person_of).collect();
        Self { cats, ill: vec![false; CATS as usize], people, requests: Vec::new() }
    }

    fn queue(&self, cat: u32) -> Vec<AdoptionRequest> {
        self.requests.iter().filter(|r| r.cat.0 == cat && r.status.is_open()).cloned().collect()
    }

    fn health(&self, cat: u32) -> Option<HealthStatus> {
        self.ill[cat as usize].then(sick)
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Ask { person, cat } => self.ask(*person, *cat),
            Op::Decide { pick, verdict, admin } => {
                if !self.requests.is_empty() {
                    let index = pick.index(self.requests.len());
                    self.decide(index, *verdict, *admin);
                }
            }
            Op::Hold { cat } => {
                let status = &mut self.cats[*cat as usize].status;
                if *status == CatStatus::Available {
                    *status = CatStatus::OnHold(hold());
                }
            }
            Op::Release { cat } => {
                let status = &mut self.cats[*cat as usize].status;
                if status.hold().is_some() {
                    *status = CatStatus::Available;
                }
            }
            Op::Ban { person, banned: yes } => {
                let person = &mut self.people[*person as usize];
                *person = if *yes { banned(person.clone()) } else { User { banned: None, ..person.clone() } };
            }
            Op::Ill { cat, ill } => self.ill[*cat as usize] = *ill,
        }
    }

    fn ask(&mut self, person: u32, cat: u32) {
        let health = self.health(cat);
        let queue = self.queue(cat);
        if queue.iter().any(|r| r.user.0 == person)
            || may_ask(&self.cats[cat as usize], health.as_ref(), &self.people[person as usize], false).is_err()
        {
            return;
        }
        let mut new = request(self.requests.len() as u32, RequestStatus::Pending);
        (new.cat, new.user) = (CatId(cat), UserId(person));
        if queue.iter().any(|r| r.status == RequestStatus::Approved) {
            waitlist(&mut new, deciding(""));
        }
        self.requests.push(new);
    }

    fn decide(&mut self, index: usize, verdict: Verdict, may_override: bool) {
        let request = self.requests[index].clone();
        let (cat, queue, health) = (request.cat.0, self.queue(request.cat.0), self.health(request.cat.0));
        let scene = Scene {
            request: &request,
            cat: &self.cats[cat as usize],
            health: health.as_ref(),
            applicant: &self.people[request.user.0 as usize],
            queue: &queue,
            approved: None,
            may_override,
        };
        let Ok(plan) = plan(&scene, verdict, deciding("why")) else { return };
        assert!(applies(verdict, request.status), "{verdict} of a {} request", request.status);
        if verdict == Verdict::Approve && !may_override {
            assert_eq!(scene.cat.status, CatStatus::Available, "a hold is the admin's to override");
            assert!(health.is_none() && scene.applicant.banned.is_none(), "and so are an illness and a ban");
        }
        if let Some(cat_after) = plan.cat {
            let before = &self.cats[cat as usize];
            assert_eq!(
                Cat { status: before.status.clone(), stays: before.stays.clone(), ..cat_after.clone() },
                *before
            );
            self.cats[cat as usize] = cat_after;
        }
        for after in plan.others.into_iter().chain([plan.request]) {
            let before = &mut self.requests[after.id.0 as usize];
            assert_eq!((before.cat, before.user, before.place()), (after.cat, after.user, after.place()));
            assert_eq!((after.cat.0, &before.notes), (cat, &after.notes), "another cat's queue is left alone");
            assert!(after.id == request.id || before.status.is_open(), "what is closed is not touched");
            assert_ne!(before.history, after.history, "each change leaves a line of history");
            *before = after;
        }
    }

    fn check(&self) {
        for cat in &self.cats {
            let queue = self.queue(cat.id.0);
            let approved = queue.iter().filter(|r| r.status == RequestStatus::Approved).count();
            let waiting = queue.iter().any(|r| r.status == RequestStatus::Waitlisted);
            let pending = queue.iter().any(|r| r.status == RequestStatus::Pending);
            assert!(approved <= 1, "at most one approval");
            assert_eq!(cat.status.kind() == CatStatusKind::Pending, approved == 1, "pending by an approval only");
            assert!(approved == 1 || !waiting, "waitlisted while another is approved only");
            assert!(approved == 0 || !pending, "nobody is pending beside an approval");
            let completed =
                self.requests.iter().filter(|r| r.cat == cat.id && r.status == RequestStatus::Completed).count();
            assert_eq!(usize::from(cat.status == CatStatus::Adopted), completed, "one completion makes an adoption");
            assert!(completed == 0 || queue.is_empty(), "nobody waits for a cat that went home");
            assert_eq!(cat.stays.last().is_none_or(|s| s.outcome.is_some()), completed == 1, "the stay ends with it");
            let mut people: Vec<UserId> = queue.iter().map(|r| r.user).collect();
            people.sort();
            people.dedup();
            assert_eq!(people.len(), queue.len(), "one place a person");
        }
        for request in &self.requests {
            let waitlisted = request.status == RequestStatus::Waitlisted;
            assert_eq!(request.waitlisted_from, waitlisted.then_some(RequestStatus::Pending));
            assert!(request.status.is_open() || (request.decision.is_some() && !request.awaiting_reply));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn states_stay_true_to_each_other(ops in ops()) {
        let mut shelter = Shelter::new();
        for op in &ops {
            let before = shelter.requests.len();
            shelter.step(op);
            prop_assert!(shelter.requests.len() >= before, "no request is lost");
            shelter.check();
        }
    }
}
