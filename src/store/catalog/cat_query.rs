//! Answers to a [`CatQuery`].

use super::{
    Catalog,
    cats::{Cats, Cell, UNKNOWN},
    names::{Folded, listed},
    order::Bits,
    words::{EXACT_NAME, Place, TABLE},
};
use crate::model::{
    AgeBand, CatStatusKind, Day, HoldKind,
    query::{CatQuery, CatSort, Choice, Compared, DateTerm, NameTerm, Span, Text},
    text::{fold, words},
};

/// How many words of a search are used; more would only cost time.
const MOST_WORDS: usize = 24;

/// Below this many hits they are sorted; above it the whole order is walked, which costs the same for any number.
const FEW: usize = 1_000;

/// Which codes of an enumeration a choice accepts, as bits.
fn mask<T: Copy + PartialEq>(choice: &Choice<T>, all: &[T], code: fn(T) -> u8) -> u16 {
    all.iter().filter(|v| choice.accepts(v)).fold(0, |mask, v| mask | 1 << code(*v))
}

/// A query made ready to be put to many cells.
struct Filter<'a> {
    today: i32,
    status: u16,
    gender: u16,
    altered: u16,
    hold: u16,
    /// Bit 0: those not archived; bit 1: those archived.
    archived: u16,
    foster: Option<bool>,
    breed: Option<Vec<bool>>,
    health: Option<Vec<bool>>,
    colour: Option<Vec<bool>>,
    tag: Option<Bits>,
    band: &'a Choice<AgeBand>,
    age: &'a [Compared<Span>],
    waiting: &'a [Compared<Span>],
    intake: &'a [DateTerm],
    requests: &'a [Compared<u16>],
    /// Whether anything but status and archived narrows.
    narrow: bool,
}

fn all_hold(terms: &[Compared<Span>], days: i32) -> bool {
    terms.iter().all(|t| t.compare.holds(days, t.with.days()))
}

impl<'a> Filter<'a> {
    fn new(catalog: &Catalog, q: &'a CatQuery, today: Day) -> Self {
        let tag = (!q.tag.is_open()).then(|| tagged(&catalog.cats, &q.tag));
        let no_hold = u16::from(q.hold.any.is_empty());
        Self {
            today: today.0,
            status: mask(&q.status, CatStatusKind::ALL, CatStatusKind::code),
            gender: mask(&q.gender, crate::model::Gender::ALL, crate::model::Gender::code),
            altered: mask(&q.altered, crate::model::Altered::ALL, crate::model::Altered::code),
            hold: mask(&q.hold, HoldKind::ALL, HoldKind::code) | no_hold,
            archived: q.archived.map_or(3, |archived| 1 << u16::from(archived)),
            foster: q.foster,
            breed: catalog.breeds.accepted(&q.breed),
            health: catalog.health.accepted(&q.health),
            colour: catalog.cats.colours().accepted(&q.colour),
            tag,
            band: &q.band,
            age: &q.age,
            waiting: &q.waiting,
            intake: &q.intake,
            requests: &q.requests,
            narrow: {
                let bare = CatQuery {
                    status: q.status.clone(),
                    archived: q.archived,
                    text: q.text.clone(),
                    sort: q.sort,
                    ..CatQuery::default()
                };
                bare != *q
            },
        }
    }

    /// Whether a cat passes. There is no branch before the first answer: status is what is filtered by most, and the
    /// statuses of a row of cats cannot be foreseen. Where there is no cat the status is 0, which is never wanted.
    fn pass(&self, id: u32, cell: Cell) -> bool {
        let wanted = (self.status >> cell.status()) & (self.archived >> u16::from(cell.archived())) & 1 == 1;
        if self.narrow { wanted && self.pass_rest(id, cell) } else { wanted }
    }

    fn pass_rest(&self, id: u32, cell: Cell) -> bool {
        self.gender >> cell.gender() & 1 == 1
            && self.altered >> cell.altered() & 1 == 1
            && self.hold >> cell.hold() & 1 == 1
            && self.foster.is_none_or(|want| want == cell.foster())
            && self.breed.as_ref().is_none_or(|table| listed(table, cell.breed))
            && self.health.as_ref().is_none_or(|table| listed(table, cell.health))
            && self.colour.as_ref().is_none_or(|table| listed(table, cell.colour))
            && self.requests.iter().all(|t| t.compare.holds(cell.open_requests, t.with))
            && self.pass_age(cell)
            && self.pass_days(cell)
            && self.tag.as_ref().is_none_or(|bits| bits.has(id))
    }

    fn pass_age(&self, cell: Cell) -> bool {
        if self.age.is_empty() && self.band.is_open() {
            return true;
        }
        if cell.born == UNKNOWN {
            return self.age.is_empty() && self.band.any.is_empty();
        }
        let days = (self.today - cell.born).max(0);
        all_hold(self.age, days) && self.band.accepts(&AgeBand::of_days(days))
    }

    fn pass_days(&self, cell: Cell) -> bool {
        if self.waiting.is_empty() && self.intake.is_empty() {
            return true;
        }
        cell.intake != UNKNOWN
            && (self.waiting.is_empty() || cell.in_care() && all_hold(self.waiting, (self.today - cell.intake).max(0)))
            && self.intake.iter().all(|t| t.accepts(Day(cell.intake)))
    }
}

/// The cats whose tag is as asked.
fn tagged(cats: &Cats, choice: &Choice<NameTerm>) -> Bits {
    let begins = |tag: &str, with: &str| {
        tag.is_ascii() && tag.get(..with.len()).is_some_and(|t| t.eq_ignore_ascii_case(with))
            || !tag.is_ascii() && fold(tag).starts_with(with)
    };
    let matches = |term: &Folded, tag: Option<&str>| match (term, tag) {
        (Folded::Contains(s), Some(tag)) => begins(tag, s),
        (Folded::Is(s), Some(tag)) => begins(tag, s) && fold(tag) == *s,
        (Folded::Missing, None) => true,
        _ => false,
    };
    let folded = |terms: &[NameTerm]| terms.iter().map(Folded::of).collect::<Vec<_>>();
    let (any, none) = (folded(&choice.any), folded(&choice.none));
    // Rows are wide and a tag is elsewhere in memory again: the word index says which are worth a look.
    let mut worth = vec![0; cats.rows.len()];
    for term in &any {
        match term {
            Folded::Contains(s) | Folded::Is(s) if words(s).next().is_some() => {
                words(s).take(1).for_each(|word| cats.words.score(word, Place::Tag, &mut worth));
            }
            _ => worth.fill(1),
        }
    }
    if any.is_empty() {
        worth.fill(1);
    }
    Bits::of(cats.rows.len(), |id| {
        if worth[id] == 0 {
            return false;
        }
        let Some(row) = &cats.rows[id] else { return false };
        let tag = row.tag.as_deref();
        (any.is_empty() || any.iter().any(|t| matches(t, tag))) && !none.iter().any(|t| matches(t, tag))
    })
}

/// The folded words of a search, each once.
pub(super) fn needles(typed: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for text in typed {
        for word in words(&fold(text)) {
            if !out.iter().any(|known| known == word) && out.len() < MOST_WORDS {
                out.push(word.to_owned());
            }
        }
    }
    out
}

/// How well each cat matches the words, 0 where it does not.
fn scores(catalog: &Catalog, text: &Text) -> Vec<u8> {
    let cats = &catalog.cats;
    let len = cats.cells.len();
    let wanted = needles(&text.words);
    let mut total: Vec<u8> = Vec::new();
    let mut best = vec![0_u8; len];
    let score = |word: &str, best: &mut Vec<u8>| {
        best.fill(0);
        cats.words.score(word, Place::Text, best);
        let breeds = catalog.breeds.with_word(word);
        let colours = cats.colours().with_word(word);
        if breeds.is_some() || colours.is_some() {
            let (breeds, colours) = (breeds.unwrap_or(vec![false]), colours.unwrap_or(vec![false]));
            for (best, cell) in best.iter_mut().zip(&cats.cells) {
                if listed(&breeds, cell.breed) || listed(&colours, cell.colour) {
                    *best = (*best).max(TABLE);
                }
            }
        }
    };
    for word in &wanted {
        score(word, &mut best);
        if total.is_empty() {
            total.clone_from(&best);
        } else {
            for (total, best) in total.iter_mut().zip(&best) {
                *total = if *total == 0 || *best == 0 { 0 } else { *total + *best };
            }
        }
    }
    if wanted.is_empty() {
        total = vec![1; len];
    }
    for word in needles(&text.without) {
        score(&word, &mut best);
        total.iter_mut().zip(&best).filter(|(_, best)| **best > 0).for_each(|(total, _)| *total = 0);
    }
    // A name that is the words and nothing else comes before one that has them among others.
    let perfect = EXACT_NAME * wanted.len() as u8;
    if perfect > 0 {
        for (total, row) in total.iter_mut().zip(&cats.rows).filter(|(total, _)| **total == perfect) {
            let whole = row.as_ref().is_some_and(|r| words(r.folded()).eq(wanted.iter().map(String::as_str)));
            *total += u8::from(whole);
        }
    }
    total
}

impl Catalog {
    /// The cats that match, in order.
    pub fn cats(&self, q: &CatQuery, today: Day) -> Vec<u32> {
        let filter = Filter::new(self, q, today);
        if !q.text.is_empty() {
            return self.search(q, &filter);
        }
        let cats = &self.cats;
        let plain = q.archived == Some(false) && q.sort.key == CatSort::Waiting && !filter.narrow;
        if let (true, [status], []) = (plain, &q.status.any[..], &q.status.none[..]) {
            let ids = cats.by_waiting_in(*status).iter().map(|key| *key as u32);
            return if q.sort.reversed { ids.rev().collect() } else { ids.collect() };
        }
        let bits = Bits::of(cats.cells.len(), |id| filter.pass(id as u32, cats.cells[id]));
        self.in_order(q, &bits)
    }

    /// The first of [`Catalog::cats`], without looking at the rest where an order is kept.
    pub fn cats_first(&self, q: &CatQuery, today: Day, limit: usize) -> Vec<u32> {
        if !q.text.is_empty() {
            let mut ids = self.cats(q, today);
            ids.truncate(limit);
            return ids;
        }
        let filter = Filter::new(self, q, today);
        let mut out = Vec::new();
        if limit > 0 {
            self.walk(q, |id| {
                if filter.pass(id, self.cats.cells[id as usize]) {
                    out.push(id);
                }
                out.len() < limit
            });
        }
        out
    }

    /// Calls `f` with the cats in the query's order until it says false. Those of other statuses may be left out.
    fn walk(&self, q: &CatQuery, mut f: impl FnMut(u32) -> bool) {
        fn run(ids: impl DoubleEndedIterator<Item = u32>, reversed: bool, f: impl FnMut(u32) -> bool) {
            if reversed {
                ids.rev().all(f);
            } else {
                let mut ids = ids;
                ids.all(f);
            }
        }
        let cats = &self.cats;
        match (q.sort.key, &q.status.any[..]) {
            (CatSort::Waiting, [status]) if q.archived == Some(false) => {
                run(cats.by_waiting_in(*status).iter().map(|k| *k as u32), q.sort.reversed, &mut f);
            }
            (CatSort::Waiting, _) => run(cats.by_waiting().iter().map(|k| *k as u32), q.sort.reversed, &mut f),
            (CatSort::Age, _) => run(cats.by_age().iter().map(|k| *k as u32), q.sort.reversed, &mut f),
            (CatSort::Name, _) => run(cats.by_name().iter().copied(), q.sort.reversed, &mut f),
            (CatSort::Newest, _) => run((0..cats.cells.len() as u32).rev(), q.sort.reversed, &mut f),
        }
    }

    /// A set of cats in the query's order.
    fn in_order(&self, q: &CatQuery, bits: &Bits) -> Vec<u32> {
        let cats = &self.cats;
        let few = bits.count() < FEW;
        let mut ids = match q.sort.key {
            CatSort::Newest => {
                let mut ids: Vec<u32> = bits.ids().collect();
                ids.reverse();
                ids
            }
            key if few => {
                let mut ids: Vec<u32> = bits.ids().collect();
                match key {
                    CatSort::Name => ids.sort_unstable_by(|a, b| cats.name_order(*a, *b)),
                    CatSort::Age => ids.sort_unstable_by_key(|id| cats.age_key(*id)),
                    _ => ids.sort_unstable_by_key(|id| cats.waiting_key(*id)),
                }
                ids
            }
            CatSort::Name => bits.pick(cats.by_name().iter().copied()),
            CatSort::Age => bits.pick(cats.by_age().iter().map(|key| *key as u32)),
            CatSort::Waiting => bits.pick(cats.by_waiting().iter().map(|key| *key as u32)),
        };
        if q.sort.reversed {
            ids.reverse();
        }
        ids
    }

    /// The cats that match the words, best first; equally good ones in the query's order.
    fn search(&self, q: &CatQuery, filter: &Filter<'_>) -> Vec<u32> {
        let scores = scores(self, &q.text);
        let cells = &self.cats.cells;
        let bits = Bits::of(scores.len(), |id| scores[id] > 0 && filter.pass(id as u32, cells[id]));
        let ids = self.in_order(q, &bits);
        let mut starts = [0_usize; 257];
        for id in &ids {
            starts[256 - usize::from(scores[*id as usize])] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += std::mem::replace(start, sum);
        }
        let mut out = vec![0; ids.len()];
        for id in ids {
            let start = &mut starts[256 - usize::from(scores[id as usize])];
            out[*start] = id;
            *start += 1;
        }
        out
    }
}
