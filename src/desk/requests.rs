//! Adoption requests: asking, the queue, and the decision.

mod decide;

pub use decide::Preview;

use decide::{Loaded, overridden};

use super::{Desk, Reads, Step, cats, expect_rev, line, paragraph, today, users};
use crate::model::{
    Action, Actor, AdoptionRequest, Cat, CatId, CatStatus, CatStatusKind, Error, HealthStatus, HistoryEvent, Kind,
    Permission, RequestId, RequestStatus, Result, Role, Stamp, User, UserId, Who,
    decision::{self, Deciding, PLACED_ELSEWHERE},
    limits,
    query::{Choice, RequestQuery},
};
use crate::store::{Listing, Tx};

/// One row of a list of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLine {
    /// The request.
    pub id: RequestId,
    /// The cat asked for.
    pub cat: CatId,
    /// What people call it.
    pub cat_name: String,
    /// Its adoption status.
    pub cat_status: CatStatusKind,
    /// Who asks.
    pub user: UserId,
    /// What to call them.
    pub user_name: String,
    /// Where it stands.
    pub status: RequestStatus,
    /// When it came.
    pub requested_at: Stamp,
    /// Days since then.
    pub days: i32,
    /// Its place among the open requests for the cat, from 1; `None` when it is closed.
    pub place: Option<usize>,
    /// How many open requests there are for the cat.
    pub of: usize,
    /// Staff wait for an answer.
    pub awaiting_reply: bool,
    /// The applicant must not adopt; never set for those who are not staff.
    pub flagged: bool,
    /// Without a decision for longer than the limit.
    pub overdue: bool,
}

/// Another request of the same applicant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRequest {
    /// The request.
    pub request: RequestId,
    /// The cat asked for.
    pub cat: CatId,
    /// What people call it.
    pub cat_name: String,
    /// Where it stands.
    pub status: RequestStatus,
    /// When it came.
    pub requested_at: Stamp,
}

/// What staff see of an applicant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applicant {
    /// The account.
    pub id: UserId,
    /// What to call them.
    pub name: String,
    /// The sign-in name.
    pub username: String,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their telephone.
    pub phone: String,
    /// Why they must not adopt, if so.
    pub banned: Option<String>,
    /// Whether the account is locked.
    pub locked: bool,
    /// Since when they have an account.
    pub registered_at: Stamp,
    /// Their other requests, newest first.
    pub past: Vec<PastRequest>,
}

/// Everything about one request that its reader may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestCard {
    /// The request.
    pub request: AdoptionRequest,
    /// Its cat, as far as the reader may see it.
    pub cat: Cat,
    /// The name of the cat's breed; empty when unknown.
    pub breed: String,
    /// The cat's state of health.
    pub health: Option<HealthStatus>,
    /// The applicant, for staff.
    pub applicant: Option<Applicant>,
    /// The queue of the cat with this request in it, for staff.
    pub competing: Vec<cats::QueuePlace>,
    /// Its place in the queue, from 1, while it is open.
    pub place: Option<usize>,
    /// How many open requests there are for the cat.
    pub of: usize,
    /// Without a decision for longer than the limit.
    pub overdue: bool,
    /// Whether the reader sees what staff see.
    pub staff: bool,
}

/// Whom staff take a request for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplicantRef {
    /// Somebody with an account.
    Existing(UserId),
    /// Somebody new: the account is made in the same commit.
    New(Vec<users::UserChange>),
}

/// The order of the triage queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriageOrder {
    /// The oldest request first.
    ByDate,
    /// Cat by cat, the cat with the oldest request first.
    ByCat,
}

/// The reason given to those who asked for a cat that left.
pub(super) fn left_reason(cat: &Cat) -> String {
    match cat.status {
        CatStatus::Departed(kind) => format!("no longer in our care: {}", kind.label().to_lowercase()),
        _ => PLACED_ELSEWHERE.to_owned(),
    }
}

/// Rejects every open request for a cat that left, with the reason.
pub(super) fn close_queue(tx: &mut Tx<'_>, by: Who, cat: &Cat) -> Step<()> {
    let reason = left_reason(cat);
    for mut request in cats::queue(tx, cat.id)? {
        let deciding = Deciding { by, at: tx.now(), today: tx.now().day(), words: &reason };
        decision::close(&mut request, RequestStatus::Rejected, deciding, HistoryEvent::Rejected);
        tx.update(&mut request)?;
    }
    Ok(())
}

/// Refuses a second open request of the same person for the same cat.
pub(super) fn refuse_double(queue: &[AdoptionRequest], user: &User, cat: &Cat) -> Result<()> {
    match queue.iter().find(|r| r.user == user.id) {
        Some(open) => Err(Error::refused(format!(
            "{} already has an open request for {} (number {})",
            user.display_name(),
            cat.display_name(),
            open.id
        ))),
        None => Ok(()),
    }
}

/// Takes out of a request what is not for its applicant: who of the staff did something, and words that were
/// written about others (why somebody was preferred, what was overridden) and not to them.
fn for_applicant(request: &mut AdoptionRequest, me: Who) {
    let staff = |by: &mut Who| {
        let stranger = *by != me;
        if stranger {
            *by = Who::Program;
        }
        stranger
    };
    for line in &mut request.history {
        use HistoryEvent as E;
        if staff(&mut line.by) && !matches!(line.event, E::Rejected | E::AskedForMore | E::FellThrough) {
            line.note.clear();
        }
    }
    if let Some(decision) = &mut request.decision
        && staff(&mut decision.by)
        && request.status != RequestStatus::Rejected
    {
        decision.reason.clear();
    }
}

/// Puts a new request at the end of the queue: waitlisted while another is approved.
fn enqueue(tx: &mut Tx<'_>, by: Who, cat: &Cat, user: UserId, notes: String, note: &str) -> Step<AdoptionRequest> {
    let now = tx.now();
    let mut request = AdoptionRequest::new(cat.id, user, now, notes);
    request.record(now, by, HistoryEvent::Requested, note);
    if cat.status.kind() == CatStatusKind::Pending {
        request.waitlisted_from = Some(RequestStatus::Pending);
        request.status = RequestStatus::Waitlisted;
        request.record(now, by, HistoryEvent::Waitlisted, "");
    }
    tx.insert(&mut request)?;
    Ok(request)
}

impl Desk {
    /// The requests that match a query, in its order; one's own only for those who are not staff.
    ///
    /// # Errors
    /// `SignedOut`.
    pub fn requests(&self, actor: &Actor, query: &RequestQuery) -> Result<Vec<u32>> {
        let acting = self.acting(actor, Permission::OwnRequests)?;
        let catalog = self.catalog()?;
        if acting.may(Permission::DecideRequests) {
            return Ok(catalog.requests(query, today()));
        }
        let own = |id: &u32| catalog.request(RequestId(*id)).is_some_and(|r| acting.is(r.user));
        Ok(catalog
            .requests(&RequestQuery { flagged: None, user: Choice::default(), ..query.clone() }, today())
            .into_iter()
            .filter(own)
            .collect())
    }

    /// The rows of some of them, in that order.
    ///
    /// # Errors
    /// `SignedOut`.
    pub fn request_rows(&self, actor: &Actor, ids: &[u32]) -> Result<Vec<RequestLine>> {
        let acting = self.acting(actor, Permission::OwnRequests)?;
        let staff = acting.may(Permission::DecideRequests);
        let today = today();
        let catalog = self.catalog()?;
        let rows = ids.iter().filter_map(|&id| catalog.request(RequestId(id)));
        Ok(rows
            .filter(|row| staff || acting.is(row.user))
            .map(|row| {
                let (place, of) = catalog.place(row.id);
                let cat = catalog.cat(row.cat);
                let user = catalog.user(row.user);
                RequestLine {
                    id: row.id,
                    cat: row.cat,
                    cat_name: catalog.cat_title(row.cat),
                    cat_status: cat.map_or(CatStatusKind::Departed, |c| c.status),
                    user: row.user,
                    user_name: catalog.user_title(row.user),
                    status: row.status,
                    requested_at: row.requested_at,
                    days: row.requested_at.days_until(today),
                    place,
                    of,
                    awaiting_reply: row.awaiting_reply,
                    flagged: staff && user.is_some_and(|u| u.banned),
                    overdue: row.status == RequestStatus::Pending
                        && row.requested_at.days_until(today) > super::OVERDUE_DAYS,
                }
            })
            .collect())
    }

    /// Everything about one request that the actor may see.
    ///
    /// # Errors
    /// `NotFound`, also for somebody else's when the actor decides nothing.
    pub fn request(&self, actor: &Actor, id: RequestId) -> Result<RequestCard> {
        let acting = self.acting(actor, Permission::OwnRequests)?;
        let staff = acting.may(Permission::DecideRequests);
        let mut loaded = self.read(|store| Loaded::of(store, id))?;
        if !staff && !acting.is(loaded.request.user) {
            return Err(Error::not_found(Kind::Request, id));
        }
        let place = loaded.queue.iter().position(|r| r.id == id).map(|i| i + 1);
        let card = self.cat(actor, loaded.request.cat)?;
        if !staff {
            for_applicant(&mut loaded.request, acting.who);
        }
        let applicant = if staff { Some(self.applicant(&loaded)?) } else { None };
        Ok(RequestCard {
            place,
            of: loaded.queue.len(),
            overdue: cats::is_overdue(&loaded.request, today()),
            request: loaded.request,
            breed: card.breed.map(|b| b.name).unwrap_or_default(),
            health: card.health,
            cat: card.cat,
            applicant,
            competing: card.queue,
            staff,
        })
    }

    fn applicant(&self, loaded: &Loaded) -> Result<Applicant> {
        let user = &loaded.applicant;
        let past = self.read(|store| {
            let mut past = Vec::new();
            for id in store.listing(Listing::RequestsOfUser(user.id))?.into_iter().rev() {
                let id = RequestId(id);
                if id == loaded.request.id {
                    continue;
                }
                let Some(request) = store.load::<AdoptionRequest>(id)?.filter(|r| r.user == user.id) else { continue };
                let cat = store.load::<Cat>(request.cat)?;
                past.push(PastRequest {
                    request: id,
                    cat: request.cat,
                    cat_name: cat.map_or_else(|| format!("cat {}", request.cat), |c| c.display_name()),
                    status: request.status,
                    requested_at: request.requested_at,
                });
            }
            Ok(past)
        })?;
        Ok(Applicant {
            id: user.id,
            name: user.display_name(),
            username: user.username.clone(),
            email: user.email.clone(),
            phone: user.phone.clone(),
            banned: user.banned.as_ref().map(|b| b.reason.clone()),
            locked: user.locked.is_some(),
            registered_at: user.registered_at,
            past,
        })
    }

    /// Names whoever did something on a request, for its history.
    pub fn name_of(&self, actor: &Actor, who: Who) -> String {
        match (who, self.rights(actor)) {
            (Who::User(id), Ok(rights)) if rights.role == Role::User && rights.user != Some(id) => {
                "the shelter".to_owned()
            }
            (Who::Program | Who::Console, Ok(rights)) if rights.role == Role::User => "the shelter".to_owned(),
            (who, Ok(_)) => self.who_name(who),
            (_, Err(_)) => String::new(),
        }
    }

    /// Asks for a cat in the actor's own name.
    ///
    /// # Errors
    /// `NotFound` for a cat not on offer, `Refused` for a second open request and by the rules of
    /// [`decision::may_ask`].
    pub fn ask(&self, actor: &Actor, cat: CatId, notes: &str) -> Result<AdoptionRequest> {
        let notes = paragraph("notes", notes, limits::NOTES)?;
        let written = self.commit(actor, Permission::OwnRequests, move |tx, acting| {
            let Some(me) = acting.user else {
                return Err(Error::refused("the console asks for nobody; name the applicant").into());
            };
            let user: User = tx.need(me)?;
            let cat: Cat = tx.load_or_missing(cat)?;
            let health: Option<HealthStatus> = cat.health.map(|id| tx.load(id)).transpose()?.flatten();
            let queue = cats::queue(tx, cat.id)?;
            let hidden = !acting.may(Permission::SeeCats) && !cats::offered(&cat, health.as_ref());
            if hidden && !queue.iter().any(|r| r.user == me) {
                return Err(Error::not_found(Kind::Cat, cat.id).into());
            }
            refuse_double(&queue, &user, &cat)?;
            if !acting.may(Permission::SeeContacts) && user.banned.is_some() {
                return Err(Error::refused("we cannot take a request from you here; please talk to us").into());
            }
            decision::may_ask(&cat, health.as_ref(), &user, false)?;
            tx.describe(Action::Request, cat.display_name());
            enqueue(tx, acting.who, &cat, me, notes, "")
        })?;
        Ok(written.value)
    }

    /// Takes a request for a walk-in or a caller, making the applicant's account in the same commit if they
    /// have none. What an admin may override needs a reason.
    ///
    /// # Errors
    /// `Invalid` for the applicant's fields, `Refused` by the rules of [`decision::may_ask`].
    pub fn take_request(
        &self,
        actor: &Actor,
        cat: CatId,
        applicant: ApplicantRef,
        notes: &str,
        override_reason: Option<String>,
    ) -> Result<AdoptionRequest> {
        let notes = paragraph("notes", notes, limits::NOTES)?;
        let reason = line("reason", &override_reason.unwrap_or_default(), limits::REASON)?;
        let written = self.commit(actor, Permission::DecideRequests, move |tx, acting| {
            let cat: Cat = tx.load_or_missing(cat)?;
            let health: Option<HealthStatus> = cat.health.map(|id| tx.load(id)).transpose()?.flatten();
            let user = match applicant {
                ApplicantRef::Existing(id) => tx.load_or_missing::<User>(id)?,
                ApplicantRef::New(changes) => {
                    let mut user = User::new("", Role::User);
                    users::apply(&mut user, changes)?;
                    user.registered_at = tx.now();
                    tx.insert(&mut user)?;
                    user
                }
            };
            refuse_double(&cats::queue(tx, cat.id)?, &user, &cat)?;
            overridden(decision::may_ask(&cat, health.as_ref(), &user, acting.may(Permission::Override))?, &reason)?;
            tx.describe(Action::Request, format!("{} for {}", user.display_name(), cat.display_name()));
            enqueue(tx, acting.who, &cat, user.id, notes, &reason)
        })?;
        Ok(written.value)
    }

    /// Changes the applicant's notes; an answer to a question ends the waiting for it.
    ///
    /// # Errors
    /// `NotFound` for somebody else's, `Refused` once it is closed, `Conflict`.
    pub fn edit_notes(&self, actor: &Actor, id: RequestId, rev: u32, notes: &str) -> Result<AdoptionRequest> {
        let notes = paragraph("notes", notes, limits::NOTES)?;
        let written = self.commit(actor, Permission::OwnRequests, move |tx, acting| {
            let mut request: AdoptionRequest = tx.load_or_missing(id)?;
            if !acting.is(request.user) && !acting.may(Permission::DecideRequests) {
                return Err(Error::not_found(Kind::Request, id).into());
            }
            expect_rev(&request, rev)?;
            if !request.status.is_open() {
                let status = request.status.label().to_lowercase();
                return Err(Error::refused(format!("the request is {status}; its notes stay as they are")).into());
            }
            if notes != request.notes {
                request.notes = notes;
                request.awaiting_reply = false;
                request.record(tx.now(), acting.who, HistoryEvent::NotesChanged, "");
                tx.describe(Action::EditNotes, "");
                tx.update(&mut request)?;
            }
            if !acting.may(Permission::DecideRequests) {
                for_applicant(&mut request, acting.who);
            }
            Ok(request)
        })?;
        Ok(written.value)
    }

    /// The requests that wait for staff (pending and approved), in the order of triage.
    ///
    /// # Errors
    /// `Denied`.
    pub fn triage(&self, actor: &Actor, order: TriageOrder) -> Result<Vec<u32>> {
        self.acting(actor, Permission::DecideRequests)?;
        let catalog = self.catalog()?;
        let waiting = RequestQuery {
            status: Choice::of([RequestStatus::Pending, RequestStatus::Approved]),
            ..RequestQuery::default()
        };
        let mut ids = catalog.requests(&waiting, today());
        if order == TriageOrder::ByCat {
            let mut first: std::collections::HashMap<CatId, usize> = std::collections::HashMap::new();
            for (i, &id) in ids.iter().enumerate() {
                if let Some(row) = catalog.request(RequestId(id)) {
                    first.entry(row.cat).or_insert(i);
                }
            }
            ids.sort_by_key(|&id| catalog.request(RequestId(id)).and_then(|row| first.get(&row.cat).copied()));
        }
        Ok(ids)
    }
}
