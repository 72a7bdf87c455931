//! Cats: lists, the card of one cat, and every change of one.

mod change;

pub use change::CatChange;
pub(super) use change::whole;

use change::apply_all;

use super::{Desk, Fault, OVERDUE_DAYS, Reads, Step, expect_rev, fields, requests, today};
use crate::model::{
    Action, Actor, AdoptionRequest, Altered, Breed, Cat, CatId, CatStatus, CatStatusKind, CommitNo, Day, Error, Gender,
    HealthStatus, Hold, HoldKind, Kind, OutcomeKind, PartialDate, Permission, Record as _, RequestId, RequestStatus,
    Result, Stamp, User, UserId,
    query::{CatQuery, Choice},
};
use crate::store::{Listing, StoreError, Tx};

/// One row of a list of cats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatLine {
    /// The cat.
    pub id: CatId,
    /// Its tag.
    pub tag: Option<String>,
    /// What people call it.
    pub name: String,
    /// Its breed's name; empty when unknown.
    pub breed: String,
    /// When it was born.
    pub born: Option<PartialDate>,
    /// Its age today in words; empty when unknown.
    pub age: String,
    /// Its sex.
    pub gender: Gender,
    /// Spayed or neutered.
    pub altered: Altered,
    /// Coat colour.
    pub colour: String,
    /// Name of its state of health; empty when unknown.
    pub health: String,
    /// Its adoption status.
    pub status: CatStatusKind,
    /// In a foster home now.
    pub in_foster: bool,
    /// Days in care so far, while in care.
    pub waiting: Option<i32>,
    /// Open requests for it; 0 for those who may not see queues.
    pub requests: u16,
    /// Out of the lists.
    pub archived: bool,
}

/// One place in the queue of a cat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuePlace {
    /// The request.
    pub request: RequestId,
    /// Its place, from 1.
    pub place: usize,
    /// Who asks.
    pub user: UserId,
    /// What to call them.
    pub user_name: String,
    /// Where it stands.
    pub status: RequestStatus,
    /// When it came.
    pub requested_at: Stamp,
    /// The applicant must not adopt.
    pub flagged: bool,
    /// Staff wait for an answer.
    pub awaiting_reply: bool,
    /// Without a decision for longer than the limit.
    pub overdue: bool,
}

/// Everything about one cat that its reader may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatCard {
    /// The cat; without stays, hold and archive mark for those who are not staff.
    pub cat: Cat,
    /// Its breed.
    pub breed: Option<Breed>,
    /// Its state of health.
    pub health: Option<HealthStatus>,
    /// Days in care so far.
    pub waiting: Option<i32>,
    /// Its open requests in order; empty for those who are not staff.
    pub queue: Vec<QueuePlace>,
    /// The reader's own open request for it.
    pub mine: Option<RequestId>,
    /// The reader's place in the queue with that request.
    pub my_place: Option<usize>,
    /// Whether the reader marked it.
    pub favourite: bool,
    /// Whether the reader sees what staff see.
    pub staff: bool,
}

/// The breed and health status that a cat names must be there.
fn references(reads: &impl Reads, cat: &Cat) -> Step<()> {
    if let Some(id) = cat.breed
        && reads.load::<Breed>(id)?.is_none()
    {
        return Err(Error::invalid("breed", "is no longer in the list").into());
    }
    if let Some(id) = cat.health
        && reads.load::<HealthStatus>(id)?.is_none()
    {
        return Err(Error::invalid("health", "is no longer in the list").into());
    }
    Ok(())
}

/// The open requests of a cat, in the order of its queue.
pub(super) fn queue(reads: &impl Reads, cat: CatId) -> Step<Vec<AdoptionRequest>> {
    let mut queue = Vec::new();
    for id in reads.listing(Listing::RequestsOfCat(cat))? {
        if let Some(request) = reads.load::<AdoptionRequest>(RequestId(id))?
            && request.cat == cat
            && request.status.is_open()
        {
            queue.push(request);
        }
    }
    queue.sort_by_key(AdoptionRequest::place);
    Ok(queue)
}

/// The queue of a cat with names, for those who may see it.
pub(super) fn queue_places(reads: &impl Reads, queue: &[AdoptionRequest]) -> Step<Vec<QueuePlace>> {
    let today = today();
    let mut places = Vec::with_capacity(queue.len());
    for (i, request) in queue.iter().enumerate() {
        let user = reads.load::<User>(request.user)?;
        places.push(QueuePlace {
            request: request.id,
            place: i + 1,
            user: request.user,
            user_name: user.as_ref().map_or_else(|| format!("user {}", request.user), User::display_name),
            status: request.status,
            requested_at: request.requested_at,
            flagged: user.is_some_and(|u| u.banned.is_some()),
            awaiting_reply: request.awaiting_reply,
            overdue: is_overdue(request, today),
        });
    }
    Ok(places)
}

/// Whether a request waits for a decision longer than it should.
pub(super) fn is_overdue(request: &AdoptionRequest, today: Day) -> bool {
    request.status == RequestStatus::Pending && request.requested_at.days_until(today) > OVERDUE_DAYS
}

/// The query without what only staff may ask for.
fn offered_only(query: &CatQuery) -> CatQuery {
    CatQuery {
        archived: None,
        foster: None,
        hold: Choice::default(),
        requests: Vec::new(),
        intake: Vec::new(),
        ..query.clone()
    }
}

/// Whether a cat is on offer to everyone.
pub(super) fn offered(cat: &Cat, health: Option<&HealthStatus>) -> bool {
    cat.status == CatStatus::Available && !cat.archived && !health.is_some_and(|h| h.prevents_adoption)
}

impl Desk {
    /// The cats that match a query, in its order. Those who are not staff get cats on offer only.
    ///
    /// # Errors
    /// `SignedOut`.
    pub fn cats(&self, actor: &Actor, query: &CatQuery) -> Result<Vec<u32>> {
        let acting = self.acting(actor, Permission::SeeOffered)?;
        let today = today();
        if acting.may(Permission::SeeCats) {
            return match self.early_cats(query)? {
                Some(first) => Ok(first),
                None => Ok(self.catalog()?.cats(query, today)),
            };
        }
        let catalog = self.catalog()?;
        Ok(catalog.cats(&offered_only(query), today).into_iter().filter(|&id| catalog.is_offered(CatId(id))).collect())
    }

    /// The rows of some of them, in that order; those that are gone are left out.
    ///
    /// # Errors
    /// `SignedOut`.
    pub fn cat_rows(&self, actor: &Actor, ids: &[u32]) -> Result<Vec<CatLine>> {
        let acting = self.acting(actor, Permission::SeeOffered)?;
        let staff = acting.may(Permission::SeeCats);
        let today = today();
        if staff && let Some(rows) = self.early_cat_rows(ids)? {
            return Ok(rows);
        }
        let catalog = self.catalog()?;
        let rows =
            ids.iter().filter(|&&id| staff || catalog.is_offered(CatId(id))).filter_map(|&id| catalog.cat(CatId(id)));
        Ok(rows
            .map(|row| CatLine {
                id: row.id,
                tag: row.tag.as_deref().map(str::to_owned),
                name: match (&*row.name, row.tag.as_deref()) {
                    ("", Some(tag)) => tag.to_owned(),
                    ("", None) => format!("cat {}", row.id),
                    (name, _) => name.to_owned(),
                },
                breed: row.breed.map(|id| catalog.breed_name(id).to_owned()).unwrap_or_default(),
                born: row.born,
                age: row.born.map(|b| b.age(today)).unwrap_or_default(),
                gender: row.gender,
                altered: row.altered,
                colour: row.colour.to_string(),
                health: row.health.map(|id| catalog.health_name(id).to_owned()).unwrap_or_default(),
                status: row.status,
                in_foster: staff && row.in_foster,
                waiting: row.intake.filter(|_| row.status.in_care()).map(|day| (today.0 - day.0).max(0)),
                requests: if staff { row.open_requests } else { 0 },
                archived: row.archived,
            })
            .collect())
    }

    /// The number of the cat with this tag, if the actor may see it.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn cat_by_tag(&self, actor: &Actor, tag: &str) -> Result<CatId> {
        self.acting(actor, Permission::SeeOffered)?;
        let found = self.read(|store| Ok(store.find(crate::store::Unique::Tag(tag))?))?;
        let id = found.map(CatId).ok_or_else(|| Error::not_found(Kind::Cat, tag))?;
        self.cat(actor, id).map(|_| id).map_err(|e| match e {
            Error::NotFound { .. } => Error::not_found(Kind::Cat, tag),
            e => e,
        })
    }

    /// Everything about one cat that the actor may see. Those who are not staff see cats on offer, and
    /// those they asked for.
    ///
    /// # Errors
    /// `NotFound`, also for a cat that the actor may not know of.
    pub fn cat(&self, actor: &Actor, id: CatId) -> Result<CatCard> {
        let acting = self.acting(actor, Permission::SeeOffered)?;
        let staff = acting.may(Permission::SeeCats);
        self.read(|store| {
            let mut cat: Cat = store.load_or_missing(id)?;
            let breed = cat.breed.map(|id| store.load(id)).transpose()?.flatten();
            let health: Option<HealthStatus> = cat.health.map(|id| store.load(id)).transpose()?.flatten();
            let open = queue(store, id)?;
            let my_place = acting.user.and_then(|user| open.iter().position(|r| r.user == user));
            let mine = my_place.and_then(|i| open.get(i)).map(|r| r.id);
            let waiting = cat.waiting_days(today());
            if !staff {
                let asked = mine.is_some() || asked_before(store, &acting, id)?;
                if !asked && !offered(&cat, health.as_ref()) {
                    return Err(Error::not_found(Kind::Cat, id).into());
                }
                cat.stays.clear();
                cat.archived = false;
                if let CatStatus::OnHold(hold) = &mut cat.status {
                    *hold = Hold { kind: HoldKind::Other, reason: String::new(), until: None };
                }
                if let CatStatus::Pending { held } = &mut cat.status {
                    *held = None;
                }
                if let CatStatus::Departed(kind) = &mut cat.status {
                    *kind = OutcomeKind::Other;
                }
            }
            let favourite = match acting.user {
                Some(user) => store.load::<User>(user)?.is_some_and(|u| u.favourites.contains(&id)),
                None => false,
            };
            let places = if staff { queue_places(store, &open)? } else { Vec::new() };
            Ok(CatCard {
                waiting,
                cat,
                breed,
                health,
                queue: places,
                mine,
                my_place: my_place.map(|i| i + 1),
                favourite,
                staff,
            })
        })
    }

    /// Adds a cat. Without an intake it begins with none: nothing is invented.
    ///
    /// # Errors
    /// `Invalid` with every field that cannot be taken.
    pub fn add_cat(&self, actor: &Actor, changes: Vec<CatChange>) -> Result<(Cat, CommitNo)> {
        let written = self.commit(actor, Permission::ManageCats, move |tx, _| {
            let mut cat = Cat::new("");
            apply_all(&mut cat, changes, tx.now().day())?;
            references(tx, &cat)?;
            tx.describe(Action::AddCat, cat.display_name());
            tx.insert(&mut cat)?;
            Ok(cat)
        })?;
        Ok((written.value, written.commit.unwrap_or_default()))
    }

    /// Changes a cat as it was at revision `rev`. A departure closes its open requests with a reason; see
    /// [`Desk::preview_cat_edit`].
    ///
    /// # Errors
    /// `Invalid`, `Refused`, and `Conflict` when somebody changed it since.
    pub fn edit_cat(
        &self,
        actor: &Actor,
        id: CatId,
        rev: u32,
        changes: Vec<CatChange>,
    ) -> Result<(Cat, Option<CommitNo>)> {
        let written = self.commit(actor, Permission::ManageCats, move |tx, acting| {
            let mut cat: Cat = tx.need(id)?;
            expect_rev(&cat, rev)?;
            let before = cat.clone();
            apply_all(&mut cat, changes, tx.now().day())?;
            if (cat.breed, cat.health) != (before.breed, before.health) {
                references(tx, &cat)?;
            }
            tx.describe(Action::EditCat, fields::changed_names(&before, &cat));
            tx.update(&mut cat)?;
            if before.status.kind().in_care() && !cat.status.kind().in_care() {
                requests::close_queue(tx, acting.who, &cat)?;
            }
            Ok(cat)
        })?;
        Ok((written.value, written.commit))
    }

    /// What some changes of a cat would entail beyond the cat itself, in sentences; empty when nothing.
    ///
    /// # Errors
    /// What [`Desk::edit_cat`] would refuse.
    pub fn preview_cat_edit(&self, actor: &Actor, id: CatId, changes: Vec<CatChange>) -> Result<Vec<String>> {
        self.acting(actor, Permission::ManageCats)?;
        self.read(|store| {
            let mut cat: Cat = store.load_or_missing(id)?;
            let was_in_care = cat.status.kind().in_care();
            apply_all(&mut cat, changes, today())?;
            references(store, &cat)?;
            let open = if was_in_care && !cat.status.kind().in_care() { queue(store, id)?.len() } else { 0 };
            Ok(match open {
                0 => Vec::new(),
                1 => vec![format!(
                    "1 open request for {} is rejected: \"{}\".",
                    cat.display_name(),
                    requests::left_reason(&cat)
                )],
                n => vec![format!(
                    "{n} open requests for {} are rejected: \"{}\".",
                    cat.display_name(),
                    requests::left_reason(&cat)
                )],
            })
        })
    }

    /// Deletes a cat that nobody ever asked for.
    ///
    /// # Errors
    /// `Refused` when there are requests for it: archive it instead.
    pub fn delete_cat(&self, actor: &Actor, id: CatId, rev: u32) -> Result<super::Done> {
        let written = self.commit(actor, Permission::ManageCats, move |tx, _| {
            let cat: Cat = tx.need(id)?;
            expect_rev(&cat, rev)?;
            let name = cat.display_name();
            let requests = tx.listing(Listing::RequestsOfCat(id))?.len();
            if requests > 0 {
                let are =
                    if requests == 1 { "1 request names".to_owned() } else { format!("{requests} requests name") };
                return Err(Error::refused(format!("{are} {name}; archive it instead of deleting it")).into());
            }
            tx.describe(Action::DeleteCat, &name);
            tx.delete::<Cat>(id, rev)?;
            Ok(format!("Deleted {name}."))
        })?;
        Ok(super::Done { message: written.value, commit: written.commit })
    }
}

/// Whether the actor has any request for the cat, closed ones too.
fn asked_before(reads: &impl Reads, acting: &super::Acting, cat: CatId) -> Step<bool> {
    let Some(user) = acting.user else { return Ok(false) };
    for id in reads.listing(Listing::RequestsOfUser(user))? {
        if reads.load::<AdoptionRequest>(RequestId(id))?.is_some_and(|r| r.user == user && r.cat == cat) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A write of a whole cat, for the import: checked like any other.
pub(super) fn check_whole(tx: &Tx<'_>, cat: &Cat, today: Day) -> Step<()> {
    let errors = whole(cat, today);
    if !errors.is_empty() {
        return Err(Fault::Desk(Error::Invalid(errors)));
    }
    references(tx, cat)
}

/// The cat behind a request; a request always has one.
pub(super) fn cat_of(reads: &impl Reads, request: &AdoptionRequest) -> Step<Cat> {
    reads.load(request.cat)?.ok_or_else(|| StoreError::Missing { kind: Cat::KIND, id: request.cat.0 }.into())
}
