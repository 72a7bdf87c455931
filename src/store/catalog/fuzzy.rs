//! Fuzzy matching of names, for pickers.

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};

use super::Catalog;
use crate::model::text::unaccented;

/// What a picker chooses from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pickable {
    /// Breeds by name.
    Breeds,
    /// Health statuses by name.
    Health,
    /// Cats that are not archived, by name and tag.
    Cats,
    /// Users that are not anonymised, by full name and sign-in name.
    Users,
}

/// One thing that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub id: u32,
    /// The text that was matched and is to be shown.
    pub text: String,
    /// How well, higher is better.
    pub score: u32,
    /// The characters of the text that were matched (graphemes, from 0, ascending).
    pub positions: Vec<u32>,
}

impl Catalog {
    /// What matches the typed letters, best first, then by text. With nothing typed all match.
    pub fn fuzzy(&self, what: Pickable, needle: &str, limit: usize) -> Vec<Found> {
        self.fuzzy_among(what, needle, limit, |_| true)
    }

    /// The same among those that `keep` takes.
    pub fn fuzzy_among(&self, what: Pickable, needle: &str, limit: usize, keep: impl Fn(u32) -> bool) -> Vec<Found> {
        let pattern = Pattern::parse(&unaccented(needle), CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut chars = Vec::new();
        let mut found: Vec<(u32, u32, String)> = Vec::new();
        let mut text = String::new();
        let mut look = |id: u32, text: &str| {
            if keep(id)
                && let Some(score) = pattern.score(Utf32Str::new(&unaccented(text), &mut chars), &mut matcher)
            {
                found.push((score, id, text.to_owned()));
            }
        };
        match what {
            Pickable::Breeds => self.breeds.all().for_each(|(id, name)| look(id, name)),
            Pickable::Health => self.health.all().for_each(|(id, name)| look(id, name)),
            Pickable::Cats => {
                for row in self.cats.rows.iter().flatten().filter(|r| !r.archived) {
                    text.clear();
                    text.push_str(&row.name);
                    for part in row.tag.iter().filter(|t| ***t != *row.name) {
                        text.push_str(if text.is_empty() { "" } else { " " });
                        text.push_str(part);
                    }
                    look(row.id.0, &text);
                }
            }
            Pickable::Users => {
                for row in self.users.rows.iter().flatten().filter(|r| !r.anonymised) {
                    text.clear();
                    text.push_str(&row.full_name);
                    text.push_str(if text.is_empty() { "" } else { " " });
                    text.push_str(&row.username);
                    look(row.id.0, &text);
                }
            }
        }
        let order = |a: &(u32, u32, String), b: &(u32, u32, String)| {
            b.0.cmp(&a.0).then_with(|| a.2.cmp(&b.2)).then(a.1.cmp(&b.1))
        };
        if found.len() > limit && limit > 0 {
            found.select_nth_unstable_by(limit - 1, order);
        }
        found.truncate(limit);
        found.sort_unstable_by(order);
        let mut chars = Vec::new();
        found
            .into_iter()
            .map(|(score, id, text)| {
                let mut positions = Vec::new();
                pattern.indices(Utf32Str::new(&unaccented(&text), &mut chars), &mut matcher, &mut positions);
                positions.sort_unstable();
                positions.dedup();
                Found { id, text, score, positions }
            })
            .collect()
    }
}
