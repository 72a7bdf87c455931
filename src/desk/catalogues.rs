//! Breeds and health statuses.

mod catalogue;

pub use catalogue::{Catalogue, CatalogueChange, CatalogueEntry};

use super::{Desk, Done, Reads, Step, expect_rev, fields, line, paragraph};
use crate::model::{
    Action, Actor, Breed, BreedId, Cat, CatId, CommitNo, Error, HealthId, HealthStatus, Permission, Record, RecordId,
    Result, limits,
};
use crate::store::{Listing, Tally, Tx};

/// One row of either list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueLine {
    /// The number of the breed or health status.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// How many cats have it; 0 for those who may not see every cat.
    pub cats: u64,
    /// For a health status: whether it keeps a cat from being adopted.
    pub prevents_adoption: bool,
}

/// One change of a breed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BreedChange {
    /// Its name.
    Name(String),
    /// Characteristics and care.
    Description(String),
}

/// One change of a health status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthChange {
    /// Its name.
    Name(String),
    /// Care or treatment.
    Description(String),
    /// Whether it keeps a cat from being adopted.
    PreventsAdoption(bool),
}

impl BreedChange {
    /// Whether the value by itself can be taken.
    ///
    /// # Errors
    /// `Invalid` with the field.
    pub fn check(&self) -> Result<()> {
        Breed::change(&mut Breed::default(), self.clone())
    }
}

impl HealthChange {
    /// Whether the value by itself can be taken.
    ///
    /// # Errors
    /// `Invalid` with the field.
    pub fn check(&self) -> Result<()> {
        HealthStatus::change(&mut HealthStatus::default(), self.clone())
    }
}

/// What breeds and health statuses have in common.
trait Catalogued: Record + Default + fields::Fields {
    type Change: Send + 'static;
    const ADD: Action;
    const EDIT: Action;
    const DELETE: Action;

    fn change(&mut self, change: Self::Change) -> Result<()>;
    fn uses(id: Self::Id) -> (Tally, Listing);
    fn forget(cat: &mut Cat, id: Self::Id) -> bool;
}

fn name(value: &str) -> Result<String> {
    let name = line("name", value, limits::NAME)?;
    if name.is_empty() { Err(Error::invalid("name", "is needed")) } else { Ok(name) }
}

impl Catalogued for Breed {
    type Change = BreedChange;
    const ADD: Action = Action::AddBreed;
    const EDIT: Action = Action::EditBreed;
    const DELETE: Action = Action::DeleteBreed;

    fn change(&mut self, change: BreedChange) -> Result<()> {
        match change {
            BreedChange::Name(value) => self.name = name(&value)?,
            BreedChange::Description(text) => self.description = paragraph("description", &text, limits::DESCRIPTION)?,
        }
        Ok(())
    }

    fn uses(id: BreedId) -> (Tally, Listing) {
        (Tally::CatsByBreed(id), Listing::CatsByBreed(id))
    }

    fn forget(cat: &mut Cat, id: BreedId) -> bool {
        let had = cat.breed == Some(id);
        if had {
            cat.breed = None;
        }
        had
    }
}

impl Catalogued for HealthStatus {
    type Change = HealthChange;
    const ADD: Action = Action::AddHealth;
    const EDIT: Action = Action::EditHealth;
    const DELETE: Action = Action::DeleteHealth;

    fn change(&mut self, change: HealthChange) -> Result<()> {
        match change {
            HealthChange::Name(value) => self.name = name(&value)?,
            HealthChange::Description(text) => self.description = paragraph("description", &text, limits::DESCRIPTION)?,
            HealthChange::PreventsAdoption(yes) => self.prevents_adoption = yes,
        }
        Ok(())
    }

    fn uses(id: HealthId) -> (Tally, Listing) {
        (Tally::CatsByHealth(id), Listing::CatsByHealth(id))
    }

    fn forget(cat: &mut Cat, id: HealthId) -> bool {
        let had = cat.health == Some(id);
        if had {
            cat.health = None;
        }
        had
    }
}

fn apply<R: Catalogued>(record: &mut R, changes: Vec<R::Change>) -> Result<()> {
    let mut errors = Vec::new();
    for change in changes {
        match record.change(change) {
            Err(Error::Invalid(mut e)) => errors.append(&mut e),
            other => other?,
        }
    }
    if record.title().is_empty() && errors.is_empty() {
        return Err(Error::invalid("name", "is needed"));
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

fn add<R: Catalogued>(tx: &mut Tx<'_>, changes: Vec<R::Change>) -> Step<R> {
    let mut record = R::default();
    apply(&mut record, changes)?;
    tx.describe(R::ADD, record.title());
    tx.insert(&mut record)?;
    Ok(record)
}

fn edit<R: Catalogued>(tx: &mut Tx<'_>, id: R::Id, rev: u32, changes: Vec<R::Change>) -> Step<R> {
    let mut record: R = tx.load_or_missing(id)?;
    expect_rev(&record, rev)?;
    let before = record.clone();
    apply(&mut record, changes)?;
    tx.describe(R::EDIT, fields::changed_names(&before, &record));
    tx.update(&mut record)?;
    Ok(record)
}

fn delete<R: Catalogued>(tx: &mut Tx<'_>, id: R::Id, rev: u32) -> Step<String> {
    let record: R = tx.load_or_missing(id)?;
    expect_rev(&record, rev)?;
    let (tally, listing) = R::uses(id);
    let uses = tx.tally(tally);
    tx.describe(R::DELETE, record.title());
    for cat in tx.listing(listing)? {
        let Some(mut cat) = tx.load::<Cat>(CatId(cat))? else { continue };
        if R::forget(&mut cat, id) {
            tx.update(&mut cat)?;
        }
    }
    tx.delete::<R>(id, rev)?;
    Ok(format!("Deleted {}. {}.", record.title(), without(uses, R::KIND.label())))
}

fn without(uses: u64, what: &str) -> String {
    let what = what.to_lowercase();
    match uses {
        0 => "No cat had it".to_owned(),
        1 => format!("1 cat is without a {what} now"),
        n => format!("{n} cats are without a {what} now"),
    }
}

impl Desk {
    fn rows<R: Catalogued>(&self, actor: &Actor, row: impl Fn(&R, u64) -> CatalogueLine) -> Result<Vec<CatalogueLine>> {
        let acting = self.acting(actor, Permission::SeeOffered)?;
        let mut records = self.read(|store| Ok(store.all::<R>().collect::<std::result::Result<Vec<R>, _>>()?))?;
        records.sort_by_cached_key(|r| crate::model::text::fold(&r.title()));
        Ok(records
            .iter()
            .map(|r| row(r, if acting.may(Permission::SeeCats) { self.store().tally(R::uses(r.id()).0) } else { 0 }))
            .collect())
    }

    fn one<R: Record>(&self, actor: &Actor, id: R::Id) -> Result<R> {
        self.acting(actor, Permission::SeeOffered)?;
        self.read(|store| store.load_or_missing(id))
    }

    fn uses<R: Catalogued>(&self, actor: &Actor, id: R::Id) -> Result<u64> {
        self.acting(actor, Permission::SeeCats)?;
        Ok(self.store().tally(R::uses(id).0))
    }

    /// What deleting a record of either list will do, in a sentence.
    fn deletion<R: Catalogued>(&self, actor: &Actor, id: R::Id) -> Result<String> {
        let record: R = self.one(actor, id)?;
        let uses = self.uses::<R>(actor, id)?;
        let what = R::KIND.label().to_lowercase();
        Ok(match uses {
            0 => format!("Delete {}. No cat has it.", record.title()),
            1 => format!("Delete {}. 1 cat has it and will be without a {what}.", record.title()),
            n => format!("Delete {}. {n} cats have it and will be without a {what}.", record.title()),
        })
    }

    /// Every breed by name, with the number of its cats.
    ///
    /// # Errors
    /// `SignedOut`.
    pub fn breeds(&self, actor: &Actor) -> Result<Vec<CatalogueLine>> {
        self.rows::<Breed>(actor, |b, cats| CatalogueLine {
            id: b.id.number(),
            name: b.name.clone(),
            cats,
            prevents_adoption: false,
        })
    }

    /// Every health status by name, with the number of its cats.
    ///
    /// # Errors
    /// `SignedOut`.
    pub fn health_statuses(&self, actor: &Actor) -> Result<Vec<CatalogueLine>> {
        self.rows::<HealthStatus>(actor, |h, cats| CatalogueLine {
            id: h.id.number(),
            name: h.name.clone(),
            cats,
            prevents_adoption: h.prevents_adoption,
        })
    }

    /// One breed.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn breed(&self, actor: &Actor, id: BreedId) -> Result<Breed> {
        self.one(actor, id)
    }

    /// One health status.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn health_status(&self, actor: &Actor, id: HealthId) -> Result<HealthStatus> {
        self.one(actor, id)
    }

    /// How many cats have a breed.
    ///
    /// # Errors
    /// `Denied`.
    pub fn breed_uses(&self, actor: &Actor, id: BreedId) -> Result<u64> {
        self.uses::<Breed>(actor, id)
    }

    /// How many cats have a health status.
    ///
    /// # Errors
    /// `Denied`.
    pub fn health_uses(&self, actor: &Actor, id: HealthId) -> Result<u64> {
        self.uses::<HealthStatus>(actor, id)
    }

    /// What deleting a breed will do, in a sentence.
    ///
    /// # Errors
    /// `NotFound`, `Denied`.
    pub fn preview_delete_breed(&self, actor: &Actor, id: BreedId) -> Result<String> {
        self.deletion::<Breed>(actor, id)
    }

    /// What deleting a health status will do, in a sentence.
    ///
    /// # Errors
    /// `NotFound`, `Denied`.
    pub fn preview_delete_health(&self, actor: &Actor, id: HealthId) -> Result<String> {
        self.deletion::<HealthStatus>(actor, id)
    }

    /// Adds a breed.
    ///
    /// # Errors
    /// `Invalid`, also when the name is taken.
    pub fn add_breed(&self, actor: &Actor, changes: Vec<BreedChange>) -> Result<(Breed, CommitNo)> {
        let written = self.commit(actor, Permission::ManageCats, move |tx, _| add::<Breed>(tx, changes))?;
        Ok((written.value, written.commit.unwrap_or_default()))
    }

    /// Changes a breed.
    ///
    /// # Errors
    /// `Invalid`, `Conflict`.
    pub fn edit_breed(
        &self,
        actor: &Actor,
        id: BreedId,
        rev: u32,
        changes: Vec<BreedChange>,
    ) -> Result<(Breed, Option<CommitNo>)> {
        let written = self.commit(actor, Permission::ManageCats, move |tx, _| edit::<Breed>(tx, id, rev, changes))?;
        Ok((written.value, written.commit))
    }

    /// Deletes a breed; its cats are without one from the same commit on.
    ///
    /// # Errors
    /// `NotFound`, `Conflict`.
    pub fn delete_breed(&self, actor: &Actor, id: BreedId, rev: u32) -> Result<Done> {
        let written = self.commit(actor, Permission::ManageCats, move |tx, _| delete::<Breed>(tx, id, rev))?;
        Ok(Done { message: written.value, commit: written.commit })
    }

    /// Adds a health status.
    ///
    /// # Errors
    /// `Invalid`, also when the name is taken.
    pub fn add_health(&self, actor: &Actor, changes: Vec<HealthChange>) -> Result<(HealthStatus, CommitNo)> {
        let written = self.commit(actor, Permission::ManageCats, move |tx, _| add::<HealthStatus>(tx, changes))?;
        Ok((written.value, written.commit.unwrap_or_default()))
    }

    /// Changes a health status.
    ///
    /// # Errors
    /// `Invalid`, `Conflict`.
    pub fn edit_health(
        &self,
        actor: &Actor,
        id: HealthId,
        rev: u32,
        changes: Vec<HealthChange>,
    ) -> Result<(HealthStatus, Option<CommitNo>)> {
        let written =
            self.commit(actor, Permission::ManageCats, move |tx, _| edit::<HealthStatus>(tx, id, rev, changes))?;
        Ok((written.value, written.commit))
    }

    /// Deletes a health status; its cats are without one from the same commit on.
    ///
    /// # Errors
    /// `NotFound`, `Conflict`.
    pub fn delete_health(&self, actor: &Actor, id: HealthId, rev: u32) -> Result<Done> {
        let written = self.commit(actor, Permission::ManageCats, move |tx, _| delete::<HealthStatus>(tx, id, rev))?;
        Ok(Done { message: written.value, commit: written.commit })
    }
}
