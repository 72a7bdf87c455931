//! The word index: an ordered vocabulary, and for each word the records that hold it and where.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use crate::model::text::{fold, words};

/// Where in a record a word stands; better places first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The name.
    Name = 0,
    /// A tag, sign-in name, e-mail address or telephone number.
    Tag = 1,
    /// Longer text.
    Text = 2,
}

/// How well a word matches, higher is better; 0 is not at all. Two places between are left for what is matched
/// through a table (breed and colour).
pub(super) const EXACT_NAME: u8 = 5;
const NAME: u8 = 4;
const TAG: u8 = 3;
/// A match in a breed's name or a colour.
pub(super) const TABLE: u8 = 2;
const TEXT: u8 = 1;

/// The holders of a word, each as `id << 2 | place`, ascending. Most words of a vocabulary (tags, odd names) have a
/// single holder.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Holders {
    One(u32),
    Many(Vec<u32>),
}

impl Holders {
    fn as_slice(&self) -> &[u32] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }

    fn add(&mut self, holder: u32) {
        match self {
            Self::One(one) if *one == holder => {}
            Self::One(one) => *self = Self::Many(vec![(*one).min(holder), (*one).max(holder)]),
            Self::Many(many) => match many.last() {
                Some(last) if *last < holder => many.push(holder),
                _ => {
                    if let Err(at) = many.binary_search(&holder) {
                        many.insert(at, holder);
                    }
                }
            },
        }
    }

    /// Removes a holder; true when none is left.
    fn remove(&mut self, holder: u32) -> bool {
        match self {
            Self::One(one) => *one == holder,
            Self::Many(many) => {
                if let Ok(at) = many.binary_search(&holder) {
                    many.remove(at);
                }
                if let [one] = many[..] {
                    *self = Self::One(one);
                }
                self.as_slice().is_empty()
            }
        }
    }
}

/// The words of a record with their places, each pair once, in order.
#[derive(Debug, Default)]
pub(super) struct Tokens(Vec<(Box<str>, Place)>);

impl Tokens {
    pub(super) fn add(&mut self, text: &str, place: Place) {
        self.0.extend(words(&fold(text)).map(|w| (Box::from(w), place)));
    }

    /// All digits of a text as one word, as telephone numbers are typed in many ways.
    pub(super) fn add_digits(&mut self, text: &str, place: Place) {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        if !digits.is_empty() {
            self.0.push((digits.into(), place));
        }
    }

    pub(super) fn done(mut self) -> Self {
        self.0.sort_unstable();
        self.0.dedup();
        self
    }
}

/// The index. While records are loaded in bulk the vocabulary is unordered; [`Words::settle`] puts it in order.
#[derive(Debug, Default)]
pub(super) struct Words {
    loading: HashMap<Box<str>, Holders>,
    settled: bool,
    vocabulary: BTreeMap<Box<str>, Holders>,
}

impl Words {
    /// Changes what a record holds. Only the difference is touched.
    pub(super) fn change(&mut self, id: u32, before: &Tokens, after: &Tokens) {
        for (word, place) in before.0.iter().filter(|t| after.0.binary_search(t).is_err()) {
            self.remove(word, id << 2 | *place as u32);
        }
        for (word, place) in after.0.iter().filter(|t| before.0.binary_search(t).is_err()) {
            self.add(word, id << 2 | *place as u32);
        }
    }

    fn add(&mut self, word: &str, holder: u32) {
        let known = if self.settled { self.vocabulary.get_mut(word) } else { self.loading.get_mut(word) };
        match known {
            Some(holders) => holders.add(holder),
            None if self.settled => drop(self.vocabulary.insert(word.into(), Holders::One(holder))),
            None => drop(self.loading.insert(word.into(), Holders::One(holder))),
        }
    }

    fn remove(&mut self, word: &str, holder: u32) {
        if self.settled {
            if self.vocabulary.get_mut(word).is_some_and(|h| h.remove(holder)) {
                self.vocabulary.remove(word);
            }
        } else if self.loading.get_mut(word).is_some_and(|h| h.remove(holder)) {
            self.loading.remove(word);
        }
    }

    /// Removes a record whose words are not known any more, by a walk over all of them.
    pub(super) fn forget(&mut self, id: u32) {
        let keep = |holders: &mut Holders| (0..4).all(|place| !holders.remove(id << 2 | place));
        self.vocabulary.retain(|_, holders| keep(holders));
        self.loading.retain(|_, holders| keep(holders));
    }

    /// Ends the loading.
    pub(super) fn settle(&mut self) {
        let mut loaded: Vec<_> = self.loading.drain().collect();
        self.loading.shrink_to_fit();
        for (_, holders) in &mut loaded {
            if let Holders::Many(many) = holders {
                many.shrink_to_fit();
            }
        }
        loaded.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        self.vocabulary = loaded.into_iter().collect();
        self.settled = true;
    }

    /// Raises `best[id]` to how well the record matches a folded word from its beginning, in places up to `last`.
    pub(super) fn score(&self, prefix: &str, last: Place, best: &mut [u8]) {
        // No word holds the last character there is. An end of the range, other than a look at each word's letters,
        // keeps the walk within the tree's own nodes.
        let end = format!("{prefix}{}", char::MAX);
        for (word, holders) in self.vocabulary.range::<str, _>((Bound::Included(prefix), Bound::Excluded(&*end))) {
            let name = if word.len() == prefix.len() { EXACT_NAME } else { NAME };
            let quality = [name, TAG, TEXT, 0];
            for holder in holders.as_slice() {
                let place = (holder & 3) as usize;
                if place <= last as usize
                    && let Some(best) = best.get_mut((holder >> 2) as usize)
                {
                    *best = (*best).max(quality[place]);
                }
            }
        }
    }

    /// Words that differ from those of another index, a few of them.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let here = self.vocabulary.iter().filter(|(w, h)| other.vocabulary.get(*w) != Some(h));
        let there = other.vocabulary.keys().filter(|w| !self.vocabulary.contains_key(*w));
        here.map(|(w, _)| w).chain(there).take(10).map(|w| format!("the word \"{w}\" is not indexed right")).collect()
    }
}
