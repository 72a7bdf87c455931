//! Breeds and health statuses: what both lists, pages and forms have in common.

use crate::{
    desk::{BreedChange, CatalogueLine, Desk, Done, HealthChange},
    model::{Actor, BreedId, Error, HealthId, Kind, Result},
    ui::{Confirm, Cx, Outcome, Screen},
};

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
pub(super) struct Entry {
    pub id: u32,
    pub rev: u32,
    pub name: String,
    pub description: String,
    /// Only health statuses have it.
    pub prevents_adoption: bool,
}

/// One change of an entry.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Name(String),
    Description(String),
    PreventsAdoption(bool),
}

impl Change {
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
    pub fn check(self) -> std::result::Result<(), String> {
        match self.of_health().check() {
            Err(Error::Invalid(mut errors)) if !errors.is_empty() => Err(errors.remove(0).message),
            _ => Ok(()),
        }
    }
}

impl Catalogue {
    /// The kind of its records.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Breeds => Kind::Breed,
            Self::Health => Kind::Health,
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Breeds => "Breeds",
            Self::Health => "Health statuses",
        }
    }

    /// `breed`, `health status`.
    pub(super) const fn one(self) -> &'static str {
        match self {
            Self::Breeds => "breed",
            Self::Health => "health status",
        }
    }

    pub(super) fn lines(self, desk: &Desk, actor: &Actor) -> Result<Vec<CatalogueLine>> {
        match self {
            Self::Breeds => desk.breeds(actor),
            Self::Health => desk.health_statuses(actor),
        }
    }

    pub(super) fn entry(self, desk: &Desk, actor: &Actor, id: u32) -> Result<Entry> {
        Ok(match self {
            Self::Breeds => {
                let breed = desk.breed(actor, BreedId(id))?;
                Entry {
                    id,
                    rev: breed.version.rev,
                    name: breed.name,
                    description: breed.description,
                    prevents_adoption: false,
                }
            }
            Self::Health => {
                let status = desk.health_status(actor, HealthId(id))?;
                Entry {
                    id,
                    rev: status.version.rev,
                    name: status.name,
                    description: status.description,
                    prevents_adoption: status.prevents_adoption,
                }
            }
        })
    }

    /// How many cats have it; `None` for those who may not see every cat.
    pub(super) fn uses(self, desk: &Desk, actor: &Actor, id: u32) -> Option<u64> {
        match self {
            Self::Breeds => desk.breed_uses(actor, BreedId(id)).ok(),
            Self::Health => desk.health_uses(actor, HealthId(id)).ok(),
        }
    }

    /// Adds one; answers its number.
    pub(super) fn add(self, desk: &Desk, actor: &Actor, changes: Vec<Change>) -> Result<u32> {
        Ok(match self {
            Self::Breeds => desk.add_breed(actor, changes.into_iter().filter_map(Change::of_breed).collect())?.0.id.0,
            Self::Health => desk.add_health(actor, changes.into_iter().map(Change::of_health).collect())?.0.id.0,
        })
    }

    /// Changes one; answers whether anything was different.
    pub(super) fn edit(self, desk: &Desk, actor: &Actor, id: u32, rev: u32, changes: Vec<Change>) -> Result<bool> {
        Ok(match self {
            Self::Breeds => {
                let changes = changes.into_iter().filter_map(Change::of_breed).collect();
                desk.edit_breed(actor, BreedId(id), rev, changes)?.1.is_some()
            }
            Self::Health => {
                let changes = changes.into_iter().map(Change::of_health).collect();
                desk.edit_health(actor, HealthId(id), rev, changes)?.1.is_some()
            }
        })
    }

    fn preview_delete(self, desk: &Desk, actor: &Actor, id: u32) -> Result<String> {
        match self {
            Self::Breeds => desk.preview_delete_breed(actor, BreedId(id)),
            Self::Health => desk.preview_delete_health(actor, HealthId(id)),
        }
    }

    fn delete(self, desk: &Desk, actor: &Actor, id: u32, rev: u32) -> Result<Done> {
        match self {
            Self::Breeds => desk.delete_breed(actor, BreedId(id), rev),
            Self::Health => desk.delete_health(actor, HealthId(id), rev),
        }
    }

    /// The query line of the cats that have the entry.
    pub(super) fn query(self, name: &str) -> String {
        let key = match self {
            Self::Breeds => "breed",
            Self::Health => "health",
        };
        format!("{key}=\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// Asks before one is deleted, with what that will do; `then` runs on the screen that asked.
pub(super) fn ask_delete<S: Screen>(
    which: Catalogue,
    id: u32,
    cx: &mut Cx,
    then: impl FnOnce(&mut S, &mut Cx, Option<Done>) -> Outcome + 'static,
) {
    let actor = cx.actor();
    let found = which.entry(&cx.desk, &actor, id).and_then(|e| Ok((e, which.preview_delete(&cx.desk, &actor, id)?)));
    let Some((entry, preview)) = cx.shown(found) else { return };
    // The first sentence of the preview is the question itself.
    let asked = format!("Delete {}. ", entry.name);
    let follows = preview.strip_prefix(&asked).unwrap_or(&preview).to_owned();
    let confirm = Confirm {
        title: format!("Delete {}?", entry.name),
        lines: vec![follows],
        yes: "delete".to_owned(),
        danger: true,
    };
    cx.confirm(confirm, move |me: &mut S, cx| {
        let done = cx.shown(which.delete(&cx.desk, &cx.actor(), id, entry.rev));
        if let Some(done) = &done {
            cx.ok(done.message.clone());
        }
        then(me, cx, done)
    });
}
