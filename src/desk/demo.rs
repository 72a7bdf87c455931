//! An invented shelter to look around in: cats, people and requests in every state, relative to today.

use std::collections::HashMap;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Desk, Fault, Reads as _, Step, cats, stock};
use crate::model::decision::{self, Deciding, Scene};
use crate::model::{
    Action, Actor, AdoptionRequest, Altered, Ban, BreedId, Cat, CatId, CatStatus, Day, Error, FosterSpell, Gender,
    HealthId, HealthStatus, HistoryEvent, Hold, HoldKind, IntakeKind, Kind, Outcome, OutcomeKind, PartialDate,
    Permission, RequestId, Result, Role, Stamp, Stay, User, UserId, Verdict, Who,
};
use crate::store::{StoreError, Tally, Tx, Unique};

/// The password of every account of a demo store, which holds nothing but inventions.
pub const DEMO_PASSWORD: &str = "clowder-demo";

/// The sign-in names of a demo store that say what their accounts are for.
pub const DEMO_ACCOUNTS: [(&str, Role); 3] = [("demo", Role::Admin), ("ana", Role::Staff), ("marit", Role::User)];

const DAY: i64 = 24 * 60 * 60 * 1000;

#[derive(Deserialize)]
struct DemoCat {
    name: String,
    tag: String,
    breed: String,
    gender: String,
    altered: String,
    colour: String,
    /// Days since its birth.
    age: i32,
    /// Days since its intake.
    intake: i32,
    kind: String,
    health: String,
    /// `available`, `foster`, `returned`, `hold KIND REASON`, `departed KIND`; `pending` and `adopted` follow from requests.
    state: String,
    description: String,
}

#[derive(Deserialize)]
struct DemoPerson {
    username: String,
    full_name: String,
    phone: String,
    role: String,
    /// Days since they registered.
    registered: i64,
}

#[derive(Deserialize)]
struct DemoRequest {
    cat: String,
    user: String,
    /// Days since they asked.
    days: i64,
    /// What is decided: `asked`, `approved`, `completed`, `rejected`, `withdrawn`; the others wait, or lost.
    state: String,
    notes: String,
}

fn wrong(what: impl std::fmt::Display) -> Fault {
    Fault::Store(StoreError::Failed(format!("the demo data: {what}")))
}

fn rows<T: DeserializeOwned>(text: &str) -> Step<Vec<T>> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().collect::<std::result::Result<_, _>>().map_err(wrong)
}

fn word<T: FromStr<Err = String>>(s: &str) -> Step<T> {
    s.parse().map_err(wrong)
}

impl Desk {
    /// Fills a new store with an invented shelter and answers its admin, `demo`. Every account's password is
    /// [`DEMO_PASSWORD`].
    ///
    /// # Errors
    /// `Refused` when the store is in use, `Store`.
    pub fn make_demo(&self) -> Result<Actor> {
        if !self.is_new() {
            return Err(Error::refused("the demo needs a store of its own; this one is in use"));
        }
        let password = self.inner.hasher.hash(DEMO_PASSWORD)?;
        let people = self.fill_demo(&Actor::console(), Some(password))?;
        let admin = people.get("demo").copied().ok_or_else(|| self.explain(wrong("no admin")))?;
        Ok(Actor::local(admin))
    }

    /// Puts the invented shelter into a store that has no cats yet, beside the accounts that it has. Nobody can
    /// sign in to the invented accounts.
    ///
    /// # Errors
    /// `Denied`, `Refused` when there are cats, `Store`.
    pub fn add_demo(&self, actor: &Actor) -> Result<()> {
        self.acting(actor, Permission::Maintain)?;
        if self.store().tally(Tally::Records(Kind::Cat)) > 0 {
            return Err(Error::refused("invented data goes into a store without cats; this one has some"));
        }
        self.fill_demo(actor, None).map(drop)
    }

    fn fill_demo(&self, actor: &Actor, password: Option<String>) -> Result<HashMap<String, UserId>> {
        self.add_stock(actor)?;
        let people = self
            .commit(actor, Permission::ManageUsers, move |tx, _| {
                tx.describe(Action::SetUp, "demo data: people");
                people(tx, password.as_deref())
            })?
            .value;
        let cats = self
            .commit(actor, Permission::ManageCats, |tx, _| {
                tx.describe(Action::Import, "demo data: cats");
                cats_of_the_demo(tx)
            })?
            .value;
        let asking = people.clone();
        self.commit(actor, Permission::DecideRequests, move |tx, _| {
            tx.describe(Action::Request, "demo data: requests");
            requests(tx, &asking, &cats)
        })?;
        Ok(people)
    }
}

/// The people; without a password those who only ask for cats.
fn people(tx: &mut Tx<'_>, password: Option<&str>) -> Step<HashMap<String, UserId>> {
    let now = tx.now();
    let mut ids = HashMap::new();
    for person in rows::<DemoPerson>(include_str!("../../assets/demo/people.csv"))? {
        let role: Role = word(&person.role)?;
        if password.is_none() && role != Role::User {
            continue;
        }
        if let Some(id) = tx.find(Unique::Username(&person.username))? {
            ids.insert(person.username, UserId(id));
            continue;
        }
        let mut user = User::new(person.username.clone(), role);
        user.email = Some(format!("{}@example.org", person.username));
        user.full_name = person.full_name;
        user.phone = person.phone;
        user.registered_at = Stamp(now.0 - person.registered * DAY);
        user.password = password.map(str::to_owned);
        if person.username == "dirk" {
            let at = Stamp(now.0 - 90 * DAY);
            user.banned = Some(Ban { at, by: Who::Console, reason: "gave two adopted cats away".to_owned() });
        }
        ids.insert(person.username, tx.insert(&mut user)?);
    }
    Ok(ids)
}

fn cats_of_the_demo(tx: &mut Tx<'_>) -> Step<HashMap<String, CatId>> {
    let today = tx.now().day();
    let mut ids = HashMap::new();
    for row in rows::<DemoCat>(include_str!("../../assets/demo/cats.csv"))? {
        let mut cat = cat(&row, today)?;
        cat.breed = match tx.find(Unique::BreedName(&row.breed))? {
            Some(id) => Some(BreedId(id)),
            None => Some(tx.insert(&mut stock::breed(&row.breed))?),
        };
        cat.health = match tx.find(Unique::HealthName(&row.health))? {
            Some(id) => Some(HealthId(id)),
            None => Some(tx.insert(&mut stock::health_status(&row.health))?),
        };
        ids.insert(row.name, tx.insert(&mut cat)?);
    }
    Ok(ids)
}

fn cat(row: &DemoCat, today: Day) -> Step<Cat> {
    let born = Day(today.0 - row.age);
    let intake = Day(today.0 - row.intake);
    let mut cat = Cat::new(row.name.clone());
    cat.tag = Some(row.tag.clone());
    cat.gender = word::<Gender>(&row.gender)?;
    cat.altered = word::<Altered>(&row.altered)?;
    cat.colour.clone_from(&row.colour);
    cat.description.clone_from(&row.description);
    // Nobody knows the birthday of a grown stray.
    cat.born = Some(if row.age > 400 { PartialDate::Year(born.date().year()) } else { PartialDate::Day(born) });
    let mut stay = Stay::open(intake, word::<IntakeKind>(&row.kind)?);
    let (state, more) = row.state.split_once(' ').unwrap_or((&row.state, ""));
    match state {
        "foster" => stay.fosters.push(FosterSpell { out: Day(intake.0 + 5), back: None }),
        "hold" => {
            let (kind, reason) = more.split_once(' ').unwrap_or((more, ""));
            let until = (kind == "quarantine").then_some(Day(intake.0 + 10));
            cat.status = CatStatus::OnHold(Hold { kind: word::<HoldKind>(kind)?, reason: reason.to_owned(), until });
        }
        "departed" => {
            let kind = word::<OutcomeKind>(more)?;
            stay.outcome = Some(Outcome { date: Some(Day(intake.0 + 12)), kind });
            cat.status = CatStatus::Departed(kind);
        }
        "returned" => {
            let mut first = Stay::open(Day(intake.0 - 200), IntakeKind::Stray);
            first.outcome = Some(Outcome { date: Some(Day(intake.0 - 160)), kind: OutcomeKind::Adoption });
            cat.stays.push(first);
        }
        "available" | "pending" | "adopted" => {}
        other => return Err(wrong(format!("the state \"{other}\""))),
    }
    cat.stays.push(stay);
    Ok(cat)
}

fn requests(tx: &mut Tx<'_>, people: &HashMap<String, UserId>, cats: &HashMap<String, CatId>) -> Step<()> {
    let rows = rows::<DemoRequest>(include_str!("../../assets/demo/requests.csv"))?;
    let now = tx.now();
    let days_ago = |days: i64| Stamp(now.0 - days * DAY - DAY / 6);
    let by = people.get("ana").map_or(Who::Console, |id| Who::User(*id));
    let mut ids = Vec::with_capacity(rows.len());
    for row in &rows {
        let cat = *cats.get(&row.cat).ok_or_else(|| wrong(&row.cat))?;
        let user = *people.get(&row.user).ok_or_else(|| wrong(&row.user))?;
        let at = days_ago(row.days);
        let mut request = AdoptionRequest::new(cat, user, at, row.notes.clone());
        request.record(at, Who::User(user), HistoryEvent::Requested, "");
        ids.push(tx.insert(&mut request)?);
    }
    for (row, id) in rows.iter().zip(ids) {
        // Decided when the last of those who want the cat had asked.
        let last = rows.iter().filter(|r| r.cat == row.cat).map(|r| r.days).min().unwrap_or(row.days);
        let decided = (last - 2).max(0);
        let mut pass = |verdict, days: i64, words: &str| {
            let at = days_ago(days.max(0));
            pass(tx, id, verdict, Deciding { by, at, today: at.day(), words })
        };
        match row.state.as_str() {
            "asked" => pass(Verdict::AskForMore, row.days - 1, "Who looks after the cat during holidays?")?,
            "approved" => pass(Verdict::Approve, decided, "")?,
            "completed" => {
                pass(Verdict::Approve, decided, "")?;
                pass(Verdict::Complete, decided - 2, "")?;
            }
            "rejected" => pass(Verdict::Reject, row.days - 2, "not a match for this cat")?,
            "withdrawn" => pass(Verdict::Withdraw, row.days - 2, "")?,
            "pending" | "waitlisted" | "beaten" => {}
            other => return Err(wrong(format!("the state \"{other}\""))),
        }
    }
    Ok(())
}

/// A decision as the desk would have made it on that day.
fn pass(tx: &mut Tx<'_>, id: RequestId, verdict: Verdict, deciding: Deciding<'_>) -> Step<()> {
    let request: AdoptionRequest = tx.load_or_missing(id)?;
    let cat = cats::cat_of(tx, &request)?;
    let health: Option<HealthStatus> = cat.health.map(|id| tx.load(id)).transpose()?.flatten();
    let applicant: User = tx.load_or_missing(request.user)?;
    let queue = cats::queue(tx, request.cat)?;
    let scene = Scene {
        request: &request,
        cat: &cat,
        health: health.as_ref(),
        applicant: &applicant,
        queue: &queue,
        approved: None,
        may_override: true,
    };
    let mut plan = decision::plan(&scene, verdict, deciding)?;
    tx.update(&mut plan.request)?;
    if let Some(cat) = &mut plan.cat {
        tx.update(cat)?;
    }
    for other in &mut plan.others {
        tx.update(other)?;
    }
    Ok(())
}
