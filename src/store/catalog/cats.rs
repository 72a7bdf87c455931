//! The cats of the catalog: rows to show, cells to filter, orders kept.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{
    names::{Names, Shared},
    order::Order,
    words::{Place, Tokens, Words},
};
use crate::model::{
    Altered, BreedId, Cat, CatId, CatStatus, CatStatusKind, Day, Gender, HealthId, HoldKind, OutcomeKind, PartialDate,
    text::fold,
};

/// A cat as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatRow {
    /// Its number.
    pub id: CatId,
    /// Its revision.
    pub rev: u32,
    /// Its name, empty when it has none.
    pub name: Box<str>,
    /// The name folded; `None` when it is folded as it is.
    folded: Option<Box<str>>,
    /// The shelter's own number.
    pub tag: Option<Box<str>>,
    /// Its breed.
    pub breed: Option<BreedId>,
    /// When it was born.
    pub born: Option<PartialDate>,
    /// Its sex.
    pub gender: Gender,
    /// Spayed or neutered.
    pub altered: Altered,
    /// Coat colour.
    pub colour: Arc<str>,
    /// State of health.
    pub health: Option<HealthId>,
    /// Adoption status.
    pub status: CatStatusKind,
    /// While it is on hold, why.
    pub hold: Option<HoldKind>,
    /// While it is on hold, the last day of it if known.
    pub hold_until: Option<Day>,
    /// When it left another way, which.
    pub departed: Option<OutcomeKind>,
    /// The intake day of the current or last stay.
    pub intake: Option<Day>,
    /// Whether it is in a foster home now.
    pub in_foster: bool,
    /// Kept for the history only.
    pub archived: bool,
    /// Open requests for it.
    pub open_requests: u16,
}

impl CatRow {
    fn of(cat: &Cat, colour: Arc<str>, open_requests: u16) -> Self {
        let folded = fold(&cat.name);
        let hold = cat.status.hold();
        Self {
            id: cat.id,
            rev: cat.version.rev,
            name: cat.name.as_str().into(),
            folded: (folded != cat.name).then(|| folded.into()),
            tag: cat.tag.as_deref().map(Into::into),
            breed: cat.breed,
            born: cat.born,
            gender: cat.gender,
            altered: cat.altered,
            colour,
            health: cat.health,
            status: cat.status.kind(),
            hold: hold.map(|h| h.kind),
            hold_until: hold.and_then(|h| h.until),
            departed: match cat.status {
                CatStatus::Departed(kind) => Some(kind),
                _ => None,
            },
            intake: cat.intake(),
            in_foster: cat.in_foster(),
            archived: cat.archived,
            open_requests,
        }
    }

    /// Its name without case and accents.
    pub fn folded(&self) -> &str {
        self.folded.as_deref().unwrap_or(&self.name)
    }

    /// What people call it: its name, else its tag, else its number.
    pub fn display_name(&self) -> String {
        match (&*self.name, &self.tag) {
            ("", Some(tag)) => tag.to_string(),
            ("", None) => format!("cat {}", self.id),
            (name, _) => name.to_owned(),
        }
    }

    /// Days in care of the current stay; `None` when it is not in care or came on an unknown day.
    pub fn waiting_days(&self, today: Day) -> Option<i32> {
        let intake = self.intake.filter(|_| self.status.in_care())?;
        Some((today.0 - intake.0).max(0))
    }

    fn name_order(&self, other: &Self) -> Ordering {
        let key = |row: &Self| row.folded().is_empty();
        key(self).cmp(&key(other)).then_with(|| self.folded().cmp(other.folded())).then(self.id.cmp(&other.id))
    }
}

/// No such day.
pub(super) const UNKNOWN: i32 = i32::MIN;

const PRESENT: u16 = 1;
const ARCHIVED: u16 = 1 << 1;
const FOSTER: u16 = 1 << 2;

/// What a cat is filtered by, packed: a filter over 100,000 cats reads 2.4 MB in a row.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cell {
    /// The day its birth date is taken for, or [`UNKNOWN`].
    pub born: i32,
    /// The intake day, or [`UNKNOWN`].
    pub intake: i32,
    pub breed: u32,
    pub health: u32,
    pub colour: u32,
    pub open_requests: u16,
    flags: u16,
}

impl Cell {
    fn of(row: &CatRow, colour: u32) -> Self {
        let flags = PRESENT
            | if row.archived { ARCHIVED } else { 0 }
            | if row.in_foster { FOSTER } else { 0 }
            | u16::from(row.status.code()) << 3
            | u16::from(row.gender.code()) << 6
            | u16::from(row.altered.code()) << 8
            | row.hold.map_or(0, |h| u16::from(h.code())) << 10;
        Self {
            born: row.born.map_or(UNKNOWN, |b| b.middle().0),
            intake: row.intake.map_or(UNKNOWN, |d| d.0),
            breed: row.breed.map_or(0, |b| b.0),
            health: row.health.map_or(0, |h| h.0),
            colour,
            open_requests: row.open_requests,
            flags,
        }
    }

    pub(super) fn present(self) -> bool {
        self.flags & PRESENT != 0
    }

    pub(super) fn archived(self) -> bool {
        self.flags & ARCHIVED != 0
    }

    pub(super) fn foster(self) -> bool {
        self.flags & FOSTER != 0
    }

    /// The code of its status, 0 when there is no cat.
    pub(super) fn status(self) -> u8 {
        (self.flags >> 3 & 7) as u8
    }

    pub(super) fn gender(self) -> u8 {
        (self.flags >> 6 & 3) as u8
    }

    pub(super) fn altered(self) -> u8 {
        (self.flags >> 8 & 3) as u8
    }

    /// The code of the kind of hold, 0 when there is none.
    pub(super) fn hold(self) -> u8 {
        (self.flags >> 10 & 7) as u8
    }

    pub(super) fn in_care(self) -> bool {
        CatStatusKind::from_code(self.status()).is_some_and(CatStatusKind::in_care)
    }

    fn counted(self) -> bool {
        self.present() && !self.archived()
    }
}

/// Thirty bits in which days keep their order.
fn ordinal(day: i32) -> u64 {
    const HALF: i32 = 1 << 29;
    (day.clamp(-HALF, HALF - 1) + HALF) as u64
}

const LAST: u64 = 1 << 30;
const NOT_IN_CARE: u64 = 1 << 63;

/// In care first, by intake day; then the others, last intake first; an unknown day last; then by number.
fn waiting_key(id: u32, cell: Cell) -> u64 {
    let known = cell.intake != UNKNOWN;
    let id = u64::from(id);
    match (cell.in_care(), known) {
        (true, true) => ordinal(cell.intake) << 32 | id,
        (true, false) => LAST << 32 | id,
        (false, true) => NOT_IN_CARE | (LAST - ordinal(cell.intake)) << 32 | id,
        (false, false) => NOT_IN_CARE | (LAST + 1) << 32 | id,
    }
}

/// Youngest first, an unknown age last; then by number.
fn age_key(id: u32, cell: Cell) -> u64 {
    let place = if cell.born == UNKNOWN { LAST + 1 } else { LAST - ordinal(cell.born) };
    place << 32 | u64::from(id)
}

/// Counts of cats that are not archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CatCounts {
    by_status: [u32; 8],
    /// In care, with no open request.
    pub without_request: u32,
}

impl CatCounts {
    /// Cats in a status.
    pub fn in_status(&self, status: CatStatusKind) -> u32 {
        self.by_status[usize::from(status.code())]
    }

    fn count(&mut self, cell: Cell, by: i32) {
        if cell.counted() {
            let add = |n: &mut u32| *n = n.wrapping_add_signed(by);
            add(&mut self.by_status[usize::from(cell.status())]);
            if cell.in_care() && cell.open_requests == 0 {
                add(&mut self.without_request);
            }
        }
    }
}

/// Every cat. The vectors are indexed by number; numbers are a dense sequence from 1.
#[derive(Debug, Default)]
pub(super) struct Cats {
    pub rows: Vec<Option<CatRow>>,
    pub cells: Vec<Cell>,
    pub colours: Shared,
    pub words: Words,
    pub counts: CatCounts,
    settled: bool,
    waiting: Order<u64>,
    /// By status code, those not archived: what the lists ask for most is a plain copy of one of these.
    waiting_in: [Order<u64>; 8],
    age: Order<u64>,
    name: Vec<u32>,
}

fn tokens(cat: Option<&Cat>) -> Tokens {
    let mut tokens = Tokens::default();
    if let Some(cat) = cat {
        tokens.add(&cat.name, Place::Name);
        tokens.add(cat.tag.as_deref().unwrap_or_default(), Place::Tag);
        tokens.add(&cat.description, Place::Text);
    }
    tokens.done()
}

impl Cats {
    pub(super) fn row(&self, id: u32) -> Option<&CatRow> {
        self.rows.get(id as usize)?.as_ref()
    }

    fn cell(&self, id: u32) -> Cell {
        self.cells.get(id as usize).copied().unwrap_or_default()
    }

    /// Takes in a cat, changed, new or deleted.
    pub(super) fn change(&mut self, id: u32, before: Option<&Cat>, after: Option<&Cat>, open_requests: u16) {
        let known = self.row(id).map(|r| r.rev);
        if known.is_some() && known != before.map(|b| b.version.rev) {
            self.words.forget(id);
            self.words.change(id, &Tokens::default(), &tokens(after));
        } else if before.map(|b| (&b.name, &b.tag, &b.description)) != after.map(|a| (&a.name, &a.tag, &a.description))
        {
            let before = before.filter(|_| known.is_some());
            self.words.change(id, &tokens(before), &tokens(after));
        }
        let at = id as usize;
        if self.rows.len() <= at {
            self.rows.resize(at + 1, None);
            self.cells.resize(at + 1, Cell::default());
        }
        let colour = after.map_or(0, |a| self.colours.take(&a.colour));
        let row = after.map(|cat| {
            let colour = self.colours.names().name(colour).cloned().unwrap_or_default();
            CatRow::of(cat, colour, open_requests)
        });
        let cell = row.as_ref().map_or_else(Cell::default, |row| Cell::of(row, colour));
        self.replace(id, row, cell);
    }

    /// Sets the number of open requests of a cat.
    pub(super) fn set_open_requests(&mut self, id: u32, open: u16) {
        let Some(row) = self.rows.get_mut(id as usize).and_then(Option::as_mut) else { return };
        row.open_requests = open;
        let cell = &mut self.cells[id as usize];
        self.counts.count(*cell, -1);
        cell.open_requests = open;
        self.counts.count(*cell, 1);
    }

    fn replace(&mut self, id: u32, row: Option<CatRow>, cell: Cell) {
        let old = std::mem::replace(&mut self.cells[id as usize], cell);
        self.colours.release(old.colour);
        self.counts.count(old, -1);
        self.counts.count(cell, 1);
        if self.settled {
            let key = |cell: Cell, key: fn(u32, Cell) -> u64| cell.present().then(|| key(id, cell));
            self.waiting.replace(key(old, waiting_key), key(cell, waiting_key));
            self.age.replace(key(old, age_key), key(cell, age_key));
            let place = |cell: Cell| cell.counted().then(|| (cell.status(), waiting_key(id, cell)));
            let (from, to) = (place(old), place(cell));
            if from != to {
                if let Some((status, key)) = from {
                    self.waiting_in[usize::from(status)].replace(Some(key), None);
                }
                if let Some((status, key)) = to {
                    self.waiting_in[usize::from(status)].replace(None, Some(key));
                }
            }
        }
        let old = self.rows[id as usize].take();
        let renamed = old.as_ref().map(CatRow::folded) != row.as_ref().map(CatRow::folded);
        if self.settled && renamed {
            let rows = &self.rows;
            let place = |names: &[u32], row: &CatRow| {
                names.binary_search_by(|other| match &rows[*other as usize] {
                    Some(other) => other.name_order(row),
                    // Only the row being replaced is out of the table.
                    None => old.as_ref().map_or(Ordering::Equal, |old| old.name_order(row)),
                })
            };
            if let Some(Ok(at)) = old.as_ref().map(|old| place(&self.name, old)) {
                self.name.remove(at);
            }
            if let Some(Err(at)) = row.as_ref().map(|row| place(&self.name, row)) {
                self.name.insert(at, id);
            }
        }
        self.rows[id as usize] = row;
    }

    /// Ends the loading: sorts once.
    pub(super) fn settle(&mut self) {
        self.words.settle();
        let cells = || self.cells.iter().enumerate().map(|(id, c)| (id as u32, *c));
        let present = || cells().filter(|(_, c)| c.present());
        self.waiting.rebuild(present().map(|(id, c)| waiting_key(id, c)));
        self.age.rebuild(present().map(|(id, c)| age_key(id, c)));
        for (status, order) in self.waiting_in.iter_mut().enumerate() {
            let of_status = |c: Cell| c.counted() && usize::from(c.status()) == status;
            order.rebuild(cells().filter(|(_, c)| of_status(*c)).map(|(id, c)| waiting_key(id, c)));
        }
        let mut names: Vec<&CatRow> = self.rows.iter().flatten().collect();
        names.sort_unstable_by(|a, b| a.name_order(b));
        self.name = names.into_iter().map(|row| row.id.0).collect();
        self.settled = true;
    }

    /// All by waiting time, as keys that hold the id in their low half.
    pub(super) fn by_waiting(&self) -> &[u64] {
        self.waiting.keys()
    }

    /// Those of one status that are not archived, by waiting time.
    pub(super) fn by_waiting_in(&self, status: CatStatusKind) -> &[u64] {
        self.waiting_in[usize::from(status.code())].keys()
    }

    pub(super) fn by_age(&self) -> &[u64] {
        self.age.keys()
    }

    pub(super) fn by_name(&self) -> &[u32] {
        &self.name
    }

    /// How two cats are ordered by name.
    pub(super) fn name_order(&self, a: u32, b: u32) -> Ordering {
        match (self.row(a), self.row(b)) {
            (Some(x), Some(y)) => x.name_order(y),
            (x, y) => y.is_some().cmp(&x.is_some()),
        }
    }

    pub(super) fn waiting_key(&self, id: u32) -> u64 {
        waiting_key(id, self.cell(id))
    }

    pub(super) fn age_key(&self, id: u32) -> u64 {
        age_key(id, self.cell(id))
    }

    pub(super) fn colours(&self) -> &Names {
        self.colours.names()
    }

    /// What differs from another table of the same records.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let mut out = Vec::new();
        for id in 1..self.rows.len().max(other.rows.len()) as u32 {
            if self.row(id) != other.row(id) {
                out.push(format!("the catalog's row of cat {id} is not as the record"));
            }
            let colour = |cats: &Self| cats.colours().name(cats.cell(id).colour).cloned();
            let plain = |c: Cell| (c.born, c.intake, c.breed, c.health, c.open_requests, c.flags);
            if plain(self.cell(id)) != plain(other.cell(id)) || colour(self) != colour(other) {
                out.push(format!("the catalog's filter cell of cat {id} is not as the record"));
            }
        }
        if self.counts != other.counts {
            out.push("the catalog's counts of cats are wrong".to_owned());
        }
        for (what, same) in [
            ("waiting", self.waiting == other.waiting && self.waiting_in == other.waiting_in),
            ("age", self.age == other.age),
            ("name", self.name == other.name),
        ] {
            if !same {
                out.push(format!("the catalog's order of cats by {what} is wrong"));
            }
        }
        out.extend(self.words.differences(&other.words));
        out
    }
}
