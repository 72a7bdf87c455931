//! Both lists by the same calls, for screens and commands that serve either.

use super::{BreedChange, CatalogueLine, HealthChange};
use crate::desk::{Desk, Done};
use crate::model::{Actor, Breed, BreedId, CommitNo, HealthId, HealthStatus, Kind, Result};

/// Which of the two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Catalogue {
    /// Breeds.
    Breeds,
    /// Health statuses.
    Health,
}

/// A breed or a health status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CatalogueEntry {
    /// Its number in its list.
    pub id: u32,
    /// Its revision.
    pub rev: u32,
    /// Its name.
    pub name: String,
    /// Characteristics, care or treatment.
    pub description: String,
    /// For a health status: whether it keeps a cat from being adopted.
    pub prevents_adoption: bool,
}

/// One change of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogueChange {
    /// Its name.
    Name(String),
    /// Characteristics, care or treatment.
    Description(String),
    /// Whether it keeps a cat from being adopted; a breed has no such thing.
    PreventsAdoption(bool),
}

impl From<Breed> for CatalogueEntry {
    fn from(breed: Breed) -> Self {
        Self {
            id: breed.id.0,
            rev: breed.version.rev,
            name: breed.name,
            description: breed.description,
            prevents_adoption: false,
        }
    }
}

impl From<HealthStatus> for CatalogueEntry {
    fn from(status: HealthStatus) -> Self {
        Self {
            id: status.id.0,
            rev: status.version.rev,
            name: status.name,
            description: status.description,
            prevents_adoption: status.prevents_adoption,
        }
    }
}

impl CatalogueChange {
    fn of_breed(self) -> Option<BreedChange> {
        match self {
            Self::Name(text) => Some(BreedChange::Name(text)),
            Self::Description(text) => Some(BreedChange::Description(text)),
            Self::PreventsAdoption(_) => None,
        }
    }

    fn of_health(self) -> HealthChange {
        match self {
            Self::Name(text) => HealthChange::Name(text),
            Self::Description(text) => HealthChange::Description(text),
            Self::PreventsAdoption(yes) => HealthChange::PreventsAdoption(yes),
        }
    }

    /// Whether the value by itself can be taken.
    ///
    /// # Errors
    /// `Invalid` with the field.
    pub fn check(self) -> Result<()> {
        self.of_health().check()
    }
}

fn of_breed(changes: Vec<CatalogueChange>) -> Vec<BreedChange> {
    changes.into_iter().filter_map(CatalogueChange::of_breed).collect()
}

fn of_health(changes: Vec<CatalogueChange>) -> Vec<HealthChange> {
    changes.into_iter().map(CatalogueChange::of_health).collect()
}

impl Catalogue {
    /// The kind of its records.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Breeds => Kind::Breed,
            Self::Health => Kind::Health,
        }
    }

    /// Everything in it by name, with the number of its cats.
    ///
    /// # Errors
    /// `SignedOut`.
    pub fn lines(self, desk: &Desk, actor: &Actor) -> Result<Vec<CatalogueLine>> {
        match self {
            Self::Breeds => desk.breeds(actor),
            Self::Health => desk.health_statuses(actor),
        }
    }

    /// One of it.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn entry(self, desk: &Desk, actor: &Actor, id: u32) -> Result<CatalogueEntry> {
        match self {
            Self::Breeds => desk.breed(actor, BreedId(id)).map(CatalogueEntry::from),
            Self::Health => desk.health_status(actor, HealthId(id)).map(CatalogueEntry::from),
        }
    }

    /// How many cats have it.
    ///
    /// # Errors
    /// `Denied` to those who may not see every cat.
    pub fn uses(self, desk: &Desk, actor: &Actor, id: u32) -> Result<u64> {
        match self {
            Self::Breeds => desk.breed_uses(actor, BreedId(id)),
            Self::Health => desk.health_uses(actor, HealthId(id)),
        }
    }

    /// Adds one.
    ///
    /// # Errors
    /// `Denied`; `Invalid`, also when the name is taken.
    pub fn add(self, desk: &Desk, actor: &Actor, changes: Vec<CatalogueChange>) -> Result<(CatalogueEntry, CommitNo)> {
        match self {
            Self::Breeds => desk.add_breed(actor, of_breed(changes)).map(|(breed, commit)| (breed.into(), commit)),
            Self::Health => desk.add_health(actor, of_health(changes)).map(|(status, commit)| (status.into(), commit)),
        }
    }

    /// Changes one; without a commit when nothing was different.
    ///
    /// # Errors
    /// `Denied`, `NotFound`, `Conflict`, `Invalid`.
    pub fn edit(
        self,
        desk: &Desk,
        actor: &Actor,
        id: u32,
        rev: u32,
        changes: Vec<CatalogueChange>,
    ) -> Result<(CatalogueEntry, Option<CommitNo>)> {
        match self {
            Self::Breeds => desk
                .edit_breed(actor, BreedId(id), rev, of_breed(changes))
                .map(|(breed, commit)| (breed.into(), commit)),
            Self::Health => desk
                .edit_health(actor, HealthId(id), rev, of_health(changes))
                .map(|(status, commit)| (status.into(), commit)),
        }
    }

    /// What deleting one will do, in a sentence.
    ///
    /// # Errors
    /// `Denied`, `NotFound`.
    pub fn preview_delete(self, desk: &Desk, actor: &Actor, id: u32) -> Result<String> {
        match self {
            Self::Breeds => desk.preview_delete_breed(actor, BreedId(id)),
            Self::Health => desk.preview_delete_health(actor, HealthId(id)),
        }
    }

    /// Deletes one; its cats are without one then.
    ///
    /// # Errors
    /// `Denied`, `NotFound`, `Conflict`.
    pub fn delete(self, desk: &Desk, actor: &Actor, id: u32, rev: u32) -> Result<Done> {
        match self {
            Self::Breeds => desk.delete_breed(actor, BreedId(id), rev),
            Self::Health => desk.delete_health(actor, HealthId(id), rev),
        }
    }
}
