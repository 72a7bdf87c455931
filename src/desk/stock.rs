//! The breeds and health statuses that the program knows from the start.

use std::sync::LazyLock;

use serde::Deserialize;

use super::{Desk, Done};
use crate::model::{Action, Actor, Breed, HealthStatus, Permission, Result, text};
use crate::store::Unique;

/// A breed that the program knows.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StockBreed {
    pub name: String,
    pub about: String,
}

/// A health status that the program knows.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StockHealth {
    pub name: String,
    pub about: String,
    pub prevents_adoption: bool,
}

#[derive(Deserialize)]
struct Breeds {
    breed: Vec<StockBreed>,
}

#[derive(Deserialize)]
struct Healths {
    health: Vec<StockHealth>,
}

// Both come with the program and are read by a test, so a failure here is not met by anybody.
static BREEDS: LazyLock<Vec<StockBreed>> = LazyLock::new(|| {
    toml::from_str::<Breeds>(include_str!("../../assets/breeds.toml")).map(|b| b.breed).unwrap_or_default()
});
static HEALTH: LazyLock<Vec<StockHealth>> = LazyLock::new(|| {
    toml::from_str::<Healths>(include_str!("../../assets/health.toml")).map(|h| h.health).unwrap_or_default()
});

pub(super) fn breeds() -> &'static [StockBreed] {
    &BREEDS
}

pub(super) fn health() -> &'static [StockHealth] {
    &HEALTH
}

/// A new breed of that name, with the description that the program has for it.
pub(super) fn breed(name: &str) -> Breed {
    let folded = text::fold(name);
    let stock = breeds().iter().find(|b| text::fold(&b.name) == folded);
    let description = stock.map(|b| b.about.clone()).unwrap_or_default();
    Breed { name: name.to_owned(), description, ..Breed::default() }
}

/// A new health status of that name, with what the program knows of it.
pub(super) fn health_status(name: &str) -> HealthStatus {
    let folded = text::fold(name);
    let stock = health().iter().find(|h| text::fold(&h.name) == folded);
    HealthStatus {
        name: name.to_owned(),
        description: stock.map(|h| h.about.clone()).unwrap_or_default(),
        prevents_adoption: stock.is_some_and(|h| h.prevents_adoption),
        ..HealthStatus::default()
    }
}

impl Desk {
    /// Adds the breeds and health statuses that the program knows and the store does not have yet.
    ///
    /// # Errors
    /// `Denied`, `Store`.
    pub fn add_stock(&self, actor: &Actor) -> Result<Done> {
        let written = self.commit(actor, Permission::ManageCats, |tx, _| {
            let mut added = 0;
            for stock in breeds() {
                if tx.find(Unique::BreedName(&stock.name))?.is_none() {
                    tx.insert(&mut breed(&stock.name))?;
                    added += 1;
                }
            }
            for stock in health() {
                if tx.find(Unique::HealthName(&stock.name))?.is_none() {
                    tx.insert(&mut health_status(&stock.name))?;
                    added += 1;
                }
            }
            if added > 0 {
                tx.describe(Action::AddBreed, format!("{added} breeds and health statuses that come with the program"));
            }
            Ok(added)
        })?;
        let message = match written.value {
            0 => "all of them are there".to_owned(),
            n => format!("added {n} breeds and health statuses"),
        };
        Ok(Done { message, commit: written.commit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits;
    use std::collections::HashSet;

    #[test]
    fn what_comes_with_the_program_can_be_stored() {
        let read: Breeds = toml::from_str(include_str!("../../assets/breeds.toml")).unwrap();
        assert!(read.breed.len() >= 45);
        let read: Healths = toml::from_str(include_str!("../../assets/health.toml")).unwrap();
        assert!(read.health.len() >= 12);
        let texts = breeds().iter().map(|b| (&b.name, &b.about)).chain(health().iter().map(|h| (&h.name, &h.about)));
        let mut names = HashSet::new();
        for (name, about) in texts {
            assert!(names.insert(text::fold(name)), "{name} is there twice");
            assert!(!name.is_empty() && name.len() <= limits::NAME, "{name}");
            assert!(about.len() > 30 && about.len() <= 300, "{name}");
        }
    }
}
