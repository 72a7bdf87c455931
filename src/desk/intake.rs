//! Whole cats in and out: the desk's side of imports and exports.

use std::collections::HashMap;

use super::{Desk, Reads, Step, cats, requests, stock, today};
use crate::model::intake::{Change, IncomingCat, Taken, likeness, take};
use crate::model::{
    Action, Actor, Breed, BreedId, Cat, CatId, CatStatusKind, Error, HealthId, HealthStatus, Permission, RecordId,
    Result,
};
use crate::store::{Store, StoreError, Tx, Unique};

/// The most cats in one commit. Larger ones make readers wait.
pub const INTAKE: usize = 150;

/// A cat of a file, and the cat without a tag that it may be.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// What the file tells.
    pub cat: IncomingCat,
    /// For a cat without a tag: one that is like it, from [`Desk::untagged_cats`].
    pub like: Option<CatId>,
}

/// What became of some cats of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Intaken {
    /// Each cat, in the order in which they were given.
    pub taken: Vec<Taken>,
    /// Breeds that were made for them.
    pub breeds: Vec<String>,
    /// Health statuses that were made for them.
    pub health: Vec<String>,
    /// Names of breeds and health statuses that were not made although there are none, by the number of the cat.
    pub not_made: Vec<(usize, String)>,
    /// Whether there was a commit.
    pub committed: bool,
}

impl Desk {
    /// Puts cats of a file into the store, all in one commit: those that are there (by their tag) get what is
    /// new, the others are made. Breeds and health statuses of new names are made if `make_names` is set.
    ///
    /// # Errors
    /// `Denied`, `Refused` for too many at once, `Store`. Then none of them is in the store.
    pub fn intake_cats(&self, actor: &Actor, cats: Vec<Arrival>, make_names: bool) -> Result<Intaken> {
        few(&cats)?;
        let written = self.commit(actor, Permission::Transfer, move |tx, _| {
            let mut made = Made { place: tx, make_names, out: Intaken::default(), ids: HashMap::new() };
            made.all(&cats)?;
            let Made { out, .. } = made;
            let changed = out.taken.iter().filter(|t| matches!(t.change, Change::New | Change::Changed)).count();
            if changed > 0 || !out.breeds.is_empty() || !out.health.is_empty() {
                let cats = if changed == 1 { "cat" } else { "cats" };
                tx.describe(Action::Import, format!("{changed} {cats}"));
            }
            Ok(out)
        })?;
        Ok(Intaken { committed: written.commit.is_some(), ..written.value })
    }

    /// What [`Desk::intake_cats`] would do, without doing it.
    ///
    /// # Errors
    /// `Denied`, `Refused`, `Store`.
    pub fn preview_intake(&self, actor: &Actor, cats: &[Arrival], make_names: bool) -> Result<Intaken> {
        few(cats)?;
        self.acting(actor, Permission::Transfer)?;
        self.read(|store| {
            let mut dry = Dry { store, made: 0 };
            let mut made = Made { place: &mut dry, make_names, out: Intaken::default(), ids: HashMap::new() };
            made.all(cats)?;
            Ok(made.out)
        })
    }

    /// The cats without a tag, by their [`likeness`]. Reads every cat: once for an import that has such cats.
    ///
    /// # Errors
    /// `Denied`, `Store`.
    pub fn untagged_cats(&self, actor: &Actor) -> Result<HashMap<u64, Vec<CatId>>> {
        self.acting(actor, Permission::Transfer)?;
        self.read(|store| {
            let mut found: HashMap<u64, Vec<CatId>> = HashMap::new();
            for cat in store.all::<Cat>() {
                let cat = cat?;
                if cat.tag.is_none() {
                    found.entry(likeness_of(&cat)).or_default().push(cat.id);
                }
            }
            // The first of several alike is met first.
            found.values_mut().for_each(|ids| ids.reverse());
            Ok(found)
        })
    }

    /// Every cat in order of its number, with the names of its breed and health status, until `each` answers
    /// no. Reads one page of cats after the other.
    ///
    /// # Errors
    /// `Denied`, `Store`.
    pub fn each_cat(
        &self,
        actor: &Actor,
        mut each: impl FnMut(&Cat, Option<&str>, Option<&str>) -> bool,
    ) -> Result<()> {
        self.acting(actor, Permission::Transfer)?;
        self.read(|store| {
            let breeds: HashMap<BreedId, String> =
                store.all::<Breed>().map(|b| b.map(|b| (b.id, b.name))).collect::<std::result::Result<_, _>>()?;
            let health: HashMap<HealthId, String> = store
                .all::<HealthStatus>()
                .map(|h| h.map(|h| (h.id, h.name)))
                .collect::<std::result::Result<_, _>>()?;
            for cat in store.all::<Cat>() {
                let cat = cat?;
                let breed = cat.breed.and_then(|id| breeds.get(&id)).map(String::as_str);
                let health = cat.health.and_then(|id| health.get(&id)).map(String::as_str);
                if !each(&cat, breed, health) {
                    break;
                }
            }
            Ok(())
        })
    }
}

fn few(cats: &[Arrival]) -> Result<()> {
    if cats.len() > INTAKE {
        return Err(Error::refused(format!("{} cats are too many for one commit; {INTAKE} at most", cats.len())));
    }
    Ok(())
}

fn likeness_of(cat: &Cat) -> u64 {
    likeness(&cat.name, cat.gender, &cat.colour, cat.stays.first().map(|s| s.intake))
}

/// Where cats are put: the store inside a commit, or nowhere.
trait Place {
    fn find(&self, unique: Unique<'_>) -> std::result::Result<Option<u32>, StoreError>;
    fn cat(&self, id: CatId) -> std::result::Result<Option<Cat>, StoreError>;
    fn make_breed(&mut self, name: &str) -> Step<u32>;
    fn make_health(&mut self, name: &str) -> Step<u32>;
    fn put(&mut self, cat: Cat, change: Change) -> Step<()>;
}

impl Place for Tx<'_> {
    fn find(&self, unique: Unique<'_>) -> std::result::Result<Option<u32>, StoreError> {
        Tx::find(self, unique)
    }

    fn cat(&self, id: CatId) -> std::result::Result<Option<Cat>, StoreError> {
        self.load(id)
    }

    fn make_breed(&mut self, name: &str) -> Step<u32> {
        Ok(self.insert(&mut stock::breed(name))?.number())
    }

    fn make_health(&mut self, name: &str) -> Step<u32> {
        Ok(self.insert(&mut stock::health_status(name))?.number())
    }

    fn put(&mut self, mut cat: Cat, change: Change) -> Step<()> {
        match change {
            Change::New | Change::Changed => {
                cats::check_whole(self, &cat, today())?;
                if change == Change::New {
                    self.insert(&mut cat)?;
                    return Ok(());
                }
                let was_in_care = self.need::<Cat>(cat.id)?.status.kind().in_care();
                self.update(&mut cat)?;
                // A cat that left, as the file tells, is not waited for any longer.
                if was_in_care && !cat.status.kind().in_care() {
                    requests::close_queue(self, self.actor().who, &cat)?;
                }
                Ok(())
            }
            Change::Same | Change::Kept | Change::None => Ok(()),
        }
    }
}

/// Reads the store and writes nothing.
struct Dry<'a> {
    store: &'a Store,
    made: u32,
}

impl Dry<'_> {
    /// Stands for a record that would be made.
    fn stand_in(&mut self) -> u32 {
        self.made += 1;
        u32::MAX - self.made
    }
}

impl Place for Dry<'_> {
    fn find(&self, unique: Unique<'_>) -> std::result::Result<Option<u32>, StoreError> {
        self.store.find(unique)
    }

    fn cat(&self, id: CatId) -> std::result::Result<Option<Cat>, StoreError> {
        self.store.get(id)
    }

    fn make_breed(&mut self, _name: &str) -> Step<u32> {
        Ok(self.stand_in())
    }

    fn make_health(&mut self, _name: &str) -> Step<u32> {
        Ok(self.stand_in())
    }

    fn put(&mut self, _cat: Cat, _change: Change) -> Step<()> {
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Named {
    Breed,
    Health,
}

struct Made<'a, P: Place> {
    place: &'a mut P,
    make_names: bool,
    out: Intaken,
    /// Names that were looked up.
    ids: HashMap<(Named, String), Option<u32>>,
}

impl<P: Place> Made<'_, P> {
    fn all(&mut self, cats: &[Arrival]) -> Step<()> {
        for (number, arrival) in cats.iter().enumerate() {
            let existing = self.existing(arrival)?;
            let (breed, health) = self.names_for(existing.as_ref(), &arrival.cat);
            let breed = self.named(Named::Breed, breed, number)?.map(BreedId::new);
            let health = self.named(Named::Health, health, number)?.map(HealthId::new);
            let (cat, taken) = take(existing.as_ref(), &arrival.cat, breed, health);
            self.place.put(cat, taken.change)?;
            self.out.taken.push(taken);
        }
        Ok(())
    }

    /// The names of which a cat takes the record: none is made for a cat that keeps what it has, so that a file
    /// that is imported again does not bring back what staff renamed or deleted since.
    fn names_for<'c>(&self, existing: Option<&Cat>, incoming: &'c IncomingCat) -> (Option<&'c str>, Option<&'c str>) {
        let (without, taken) = take(existing, incoming, None, None);
        let left_alone = match taken.change {
            Change::None | Change::Kept => true,
            Change::New | Change::Changed | Change::Same => {
                existing.is_some_and(|cat| cat.status.kind() == CatStatusKind::Pending)
            }
        };
        if left_alone {
            return (None, None);
        }
        let moved = existing.is_none_or(|cat| cat.stays.last() != without.stays.last());
        let breed = incoming.breed.as_deref().filter(|_| without.breed.is_none());
        let health = incoming.health.as_deref().filter(|_| moved || without.health.is_none());
        (breed, health)
    }

    fn existing(&self, arrival: &Arrival) -> Step<Option<Cat>> {
        let incoming = &arrival.cat;
        if let Some(tag) = &incoming.tag {
            return match self.place.find(Unique::Tag(tag))? {
                Some(id) => Ok(self.place.cat(CatId::new(id))?),
                None => Ok(None),
            };
        }
        let Some(like) = arrival.like else { return Ok(None) };
        let first = incoming.pieces.iter().map(|p| p.start).min();
        let wanted = likeness(&incoming.name, incoming.gender, &incoming.colour, first);
        Ok(self.place.cat(like)?.filter(|cat| cat.tag.is_none() && likeness_of(cat) == wanted))
    }

    fn named(&mut self, kind: Named, name: Option<&str>, number: usize) -> Step<Option<u32>> {
        let Some(name) = name else { return Ok(None) };
        let key = (kind, name.to_owned());
        if let Some(Some(id)) = self.ids.get(&key) {
            return Ok(Some(*id));
        }
        let unique = match kind {
            Named::Breed => Unique::BreedName(name),
            Named::Health => Unique::HealthName(name),
        };
        let id = match self.place.find(unique)? {
            Some(id) => Some(id),
            None if !self.make_names => {
                self.out.not_made.push((number, name.to_owned()));
                None
            }
            None if kind == Named::Breed => {
                self.out.breeds.push(name.to_owned());
                Some(self.place.make_breed(name)?)
            }
            None => {
                self.out.health.push(name.to_owned());
                Some(self.place.make_health(name)?)
            }
        };
        self.ids.insert(key, id);
        Ok(id)
    }
}
