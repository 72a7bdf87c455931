//! A place for imported cats that is as simple as can be: a list in memory.

use std::collections::HashMap;

use clowder::model::intake::{Change, IncomingCat, likeness, take};
use clowder::model::{BreedId, Cat, CatId, Day, HealthId};
use clowder::transfer::{Batch, Target};

/// Cats, breeds and health statuses in memory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Memory {
    pub cats: Vec<Cat>,
    pub breeds: Vec<String>,
    pub health: Vec<String>,
    pub largest_batch: usize,
    pub tags: HashMap<String, usize>,
}

impl Memory {
    pub fn cat(&self, tag: &str) -> &Cat {
        self.cats.iter().find(|c| c.tag.as_deref() == Some(tag)).unwrap_or_else(|| panic!("no cat {tag}"))
    }

    pub fn breed(&self, cat: &Cat) -> Option<&str> {
        cat.breed.map(|id| &*self.breeds[id.0 as usize - 1])
    }

    pub fn health(&self, cat: &Cat) -> Option<&str> {
        cat.health.map(|id| &*self.health[id.0 as usize - 1])
    }
}

fn first(cat: &IncomingCat) -> Option<Day> {
    cat.pieces.iter().map(|p| p.start).min()
}

fn name(names: &mut Vec<String>, wanted: Option<&String>, made: &mut Vec<String>) -> Option<u32> {
    let wanted = wanted?;
    let fold = clowder::model::text::fold;
    let at = names.iter().position(|n| fold(n) == fold(wanted)).unwrap_or_else(|| {
        names.push(wanted.clone());
        made.push(wanted.clone());
        names.len() - 1
    });
    Some(at as u32 + 1)
}

impl Target for Memory {
    fn take(&mut self, cats: Vec<IncomingCat>, dry_run: bool, _: bool) -> clowder::model::Result<Batch> {
        self.largest_batch = self.largest_batch.max(cats.len());
        let mut scratch = dry_run.then(|| self.clone());
        let memory = scratch.as_mut().unwrap_or(self);
        let mut batch = Batch::default();
        for incoming in cats {
            let breed = name(&mut memory.breeds, incoming.breed.as_ref(), &mut batch.breeds).map(BreedId);
            let health = name(&mut memory.health, incoming.health.as_ref(), &mut batch.health).map(HealthId);
            let at = match &incoming.tag {
                Some(tag) => memory.tags.get(&clowder::model::text::fold(tag)).copied(),
                None => {
                    let key = likeness(&incoming.name, incoming.gender, &incoming.colour, first(&incoming));
                    memory.cats.iter().position(|c| {
                        c.tag.is_none()
                            && likeness(&c.name, c.gender, &c.colour, c.stays.first().map(|s| s.intake)) == key
                    })
                }
            };
            let (mut cat, taken) = take(at.map(|at| &memory.cats[at]), &incoming, breed, health);
            match (at, taken.change) {
                (Some(at), _) => memory.cats[at] = cat,
                (None, Change::None) => {}
                (None, _) => {
                    cat.id = CatId(memory.cats.len() as u32 + 1);
                    if let Some(tag) = &cat.tag {
                        memory.tags.insert(clowder::model::text::fold(tag), memory.cats.len());
                    }
                    memory.cats.push(cat);
                }
            }
            batch.committed |= !dry_run && matches!(taken.change, Change::New | Change::Changed);
            batch.taken.push(taken);
        }
        Ok(batch)
    }
}
