//! The work on the desk and its own store.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use clowder::{
    desk::{CatChange, Desk},
    model::{
        Action, Actor, Breed, Cat, CatId, CatStatusKind, HealthStatus, Hold, HoldKind,
        query::{CatQuery, Choice, Query},
    },
    store::{OpenOptions, Store, StoreError, Tx},
};

use crate::data::{BREEDS, HEALTH, TODAY};
use crate::measure::seconds;

pub struct Ours {
    store: Option<Store>,
    desk: Option<Desk>,
    actor: Actor,
}

fn open(dir: &Path) -> Store {
    let options = OpenOptions::new(dir.join("data"), dir.join("config"));
    let store = Store::open(options).expect("a store").store;
    while !store.catalog().ready() {
        std::thread::yield_now();
    }
    store
}

impl Ours {
    pub fn open(dir: &Path) -> Self {
        let store = open(dir);
        Self { desk: Some(Desk::new(store.clone())), store: Some(store), actor: Actor::console() }
    }

    pub fn desk(&self) -> &Desk {
        self.desk.as_ref().expect("an open desk")
    }

    pub fn store(&self) -> &Store {
        self.store.as_ref().expect("an open store")
    }

    fn write(&self, f: impl FnOnce(&mut Tx<'_>) -> Result<(), StoreError> + Send + 'static) {
        self.store().write(&self.actor, f).expect("a commit");
    }

    /// Writes everything, 100 cats a commit, and answers how long it took.
    pub fn import(&self, cats: &[Cat]) -> f64 {
        self.write(|tx| {
            tx.describe(Action::Import, "catalogues");
            for name in BREEDS {
                tx.insert(&mut Breed { name: (*name).into(), ..Breed::default() })?;
            }
            for name in HEALTH {
                tx.insert(&mut HealthStatus { name: (*name).into(), ..HealthStatus::default() })?;
            }
            Ok(())
        });
        seconds(|| {
            for chunk in cats.chunks(100) {
                let mut chunk = chunk.to_vec();
                self.write(move |tx| {
                    tx.describe(Action::Import, "cats");
                    chunk.iter_mut().try_for_each(|cat| tx.insert(cat).map(drop))
                });
            }
        })
    }

    /// Closes the store and answers how long it takes to open it again, catalog and all.
    pub fn reopen(&mut self, dir: &Path) -> f64 {
        self.desk = None;
        self.store.take().expect("an open store").close().expect("a clean end");
        seconds(|| *self = Self::open(dir))
    }

    /// Closes the store.
    pub fn close(mut self) {
        self.desk = None;
        self.store.take().expect("an open store").close().expect("a clean end");
    }

    fn page(&self, query: &CatQuery, from: usize) -> usize {
        let ids = self.desk().cats(&self.actor, query).expect("a list");
        let page = &ids[from.min(ids.len())..(from + 50).min(ids.len())];
        black_box(self.desk().cat_rows(&self.actor, page).expect("rows")).len()
    }

    /// What the list of cats asks for when it is opened.
    pub fn first_page(&self) -> f64 {
        let query = CatQuery { status: Choice::of([CatStatusKind::Available]), ..CatQuery::default() };
        seconds(|| assert_eq!(self.page(&query, 0), 50))
    }

    /// The same list, well below its top.
    pub fn next_page(&self) -> f64 {
        let query = CatQuery { status: Choice::of([CatStatusKind::Available]), ..CatQuery::default() };
        seconds(|| assert_eq!(self.page(&query, 1_000), 50))
    }

    /// What one key press in the search line asks for.
    pub fn search(&self, typed: &str) -> f64 {
        seconds(|| {
            let query = CatQuery::parse(&format!("status:available {typed}"), TODAY).query;
            self.page(&query, 0);
        })
    }

    /// Durable commits a second: every session puts cats of its own on hold and releases them.
    pub fn commits(&self, sessions: usize, time: Duration) -> f64 {
        let query = CatQuery { status: Choice::of([CatStatusKind::Available]), ..CatQuery::default() };
        let ids = self.desk().cats(&self.actor, &query).expect("a list");
        let start = Instant::now();
        let commits: u32 = std::thread::scope(|scope| {
            let session = |n: usize| {
                let own: Vec<u32> = ids.iter().copied().skip(n).step_by(sessions).take(100).collect();
                let (desk, actor) = (self.desk().clone(), self.actor.clone());
                scope.spawn(move || work(&desk, &actor, &own, start, time))
            };
            let sessions: Vec<_> = (0..sessions).map(session).collect();
            sessions.into_iter().map(|s| s.join().expect("a session that ends well")).sum()
        });
        f64::from(commits) / start.elapsed().as_secs_f64()
    }
}

fn work(desk: &Desk, actor: &Actor, own: &[u32], start: Instant, time: Duration) -> u32 {
    let hold = || Hold { kind: HoldKind::Behaviour, reason: "settling in".into(), until: None };
    let mut own: Vec<Cat> = own.iter().map(|id| desk.cat(actor, CatId(*id)).expect("a cat").cat).collect();
    let mut commits = 0;
    while start.elapsed() < time {
        let n = commits as usize / 2 % own.len();
        let cat = &mut own[n];
        for change in [CatChange::Hold(hold()), CatChange::Release] {
            *cat = desk.edit_cat(actor, cat.id, cat.version.rev, vec![change]).expect("a commit").0;
            commits += 1;
        }
    }
    commits
}
