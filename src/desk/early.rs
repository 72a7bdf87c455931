//! First pages while the catalog is still being built: the indexes give them. Everything else waits for it.

use std::ops::Deref;

use super::{CatLine, Desk, Reads as _, cats, today};
use crate::model::{
    Breed, Cat, CatId, HealthStatus, Result,
    query::{CatQuery, Choice},
};
use crate::store::{Catalog, Listing};

/// How many rows a first page has at most.
const FIRST_ROWS: usize = 200;

impl Desk {
    /// The catalog, once it serves.
    pub(super) fn catalog(&self) -> Result<impl Deref<Target = Catalog>> {
        self.store().ready_catalog().map_err(|e| self.explain(e.into()))
    }

    /// The first cats of a list by status, if that is what is asked for and the catalog does not serve yet. The
    /// screens ask again when it does.
    pub(super) fn early_cats(&self, query: &CatQuery) -> Result<Option<Vec<u32>>> {
        let [status] = query.status.any[..] else { return Ok(None) };
        let plain = CatQuery { status: Choice::of([status]), ..CatQuery::default() };
        if *query != plain || self.store().catalog().ready() {
            return Ok(None);
        }
        let newest_first = !status.in_care();
        self.read(|store| Ok(Some(store.list(Listing::CatsByStatus(status), None, FIRST_ROWS, newest_first)?)))
    }

    /// The rows of a few cats from the records themselves, if the catalog does not serve yet.
    pub(super) fn early_cat_rows(&self, ids: &[u32]) -> Result<Option<Vec<CatLine>>> {
        if ids.len() > FIRST_ROWS || self.store().catalog().ready() {
            return Ok(None);
        }
        let today = today();
        self.read(|store| {
            let mut rows = Vec::with_capacity(ids.len());
            for &id in ids {
                let Some(cat) = store.load::<Cat>(CatId(id))? else { continue };
                let breed = cat.breed.map(|id| store.load::<Breed>(id)).transpose()?.flatten();
                let health = cat.health.map(|id| store.load::<HealthStatus>(id)).transpose()?.flatten();
                let requests = cats::queue(store, cat.id)?.len();
                rows.push(CatLine {
                    id: cat.id,
                    name: cat.display_name(),
                    breed: breed.map(|b| b.name).unwrap_or_default(),
                    age: cat.born.map(|b| b.age(today)).unwrap_or_default(),
                    health: health.map(|h| h.name).unwrap_or_default(),
                    status: cat.status.kind(),
                    in_foster: cat.in_foster(),
                    waiting: cat.waiting_days(today),
                    requests: u16::try_from(requests).unwrap_or(u16::MAX),
                    tag: cat.tag,
                    born: cat.born,
                    gender: cat.gender,
                    altered: cat.altered,
                    colour: cat.colour,
                    archived: cat.archived,
                });
            }
            Ok(Some(rows))
        })
    }
}
