//! Tables of names: breeds, health statuses, and the colours in use.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{
    query::{Choice, NameTerm},
    text::{fold, words},
};

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: Arc<str>,
    folded: Box<str>,
    /// Of a health status: it keeps a cat from being adopted.
    prevents_adoption: bool,
}

/// Names by number. The number 0 stands for none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names(Vec<Option<Entry>>);

impl Names {
    pub(super) fn set(&mut self, id: u32, name: Option<(&str, bool)>) {
        let at = id as usize;
        if self.0.len() <= at {
            self.0.resize(at + 1, None);
        }
        self.0[at] = name.map(|(name, prevents_adoption)| Entry {
            name: name.into(),
            folded: fold(name).into(),
            prevents_adoption,
        });
        while self.0.last().is_some_and(Option::is_none) {
            self.0.pop();
        }
    }

    fn get(&self, id: u32) -> Option<&Entry> {
        self.0.get(id as usize)?.as_ref()
    }

    pub(super) fn name(&self, id: u32) -> Option<&Arc<str>> {
        self.get(id).map(|e| &e.name)
    }

    pub(super) fn prevents_adoption(&self, id: u32) -> bool {
        self.get(id).is_some_and(|e| e.prevents_adoption)
    }

    /// Every number with its name, by number.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, &Arc<str>)> {
        self.0.iter().enumerate().filter_map(|(id, e)| Some((id as u32, &e.as_ref()?.name)))
    }

    fn table(&self, pass: impl Fn(Option<&str>) -> bool) -> Vec<bool> {
        let mut table: Vec<bool> = self.0.iter().map(|e| pass(e.as_ref().map(|e| &*e.folded))).collect();
        table.resize(table.len().max(1), pass(None));
        table
    }

    /// Which numbers a choice accepts; `None` when it accepts all. A number past the end is as 0.
    pub(super) fn accepted(&self, choice: &Choice<NameTerm>) -> Option<Vec<bool>> {
        if choice.is_open() {
            return None;
        }
        let folded = |terms: &[NameTerm]| terms.iter().map(Folded::of).collect::<Vec<_>>();
        let (any, none) = (folded(&choice.any), folded(&choice.none));
        Some(self.table(|name| {
            (any.is_empty() || any.iter().any(|t| t.matches(name))) && !none.iter().any(|t| t.matches(name))
        }))
    }

    /// Which numbers have a word that begins so; `None` when none has.
    pub(super) fn with_word(&self, prefix: &str) -> Option<Vec<bool>> {
        let table = self.table(|name| name.is_some_and(|n| words(n).any(|w| w.starts_with(prefix))));
        table.contains(&true).then_some(table)
    }
}

/// What a table of numbers says of a number.
pub(super) fn listed(table: &[bool], id: u32) -> bool {
    table.get(id as usize).copied().unwrap_or(table[0])
}

/// A name term folded for comparing.
#[derive(Debug)]
pub(super) enum Folded {
    Contains(String),
    Is(String),
    Missing,
}

impl Folded {
    pub(super) fn of(term: &NameTerm) -> Self {
        match term {
            NameTerm::Contains(s) => Self::Contains(fold(s)),
            NameTerm::Is(s) => Self::Is(fold(s)),
            NameTerm::Missing => Self::Missing,
        }
    }

    fn matches(&self, name: Option<&str>) -> bool {
        match (self, name) {
            (Self::Contains(s), Some(name)) => name.contains(s.as_str()),
            (Self::Is(s), Some(name)) => name == s,
            (Self::Missing, None) => true,
            _ => false,
        }
    }
}

/// Texts that many records share (colours), each kept once.
#[derive(Debug, Default)]
pub(super) struct Shared {
    names: Names,
    numbers: HashMap<Arc<str>, u32>,
    uses: Vec<u32>,
    free: Vec<u32>,
}

impl Shared {
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// The number of a text, which counts one use more; 0 for an empty one.
    pub(super) fn take(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(&number) = self.numbers.get(text) {
            self.uses[number as usize] += 1;
            return number;
        }
        let number = self.free.pop().unwrap_or(self.uses.len().max(1) as u32);
        self.uses.resize(self.uses.len().max(number as usize + 1), 0);
        self.uses[number as usize] = 1;
        self.names.set(number, Some((text, false)));
        if let Some(name) = self.names.name(number) {
            self.numbers.insert(name.clone(), number);
        }
        number
    }

    /// One use less.
    pub(super) fn release(&mut self, number: u32) {
        let Some(uses) = self.uses.get_mut(number as usize).filter(|u| **u > 0) else { return };
        *uses -= 1;
        if *uses == 0 {
            if let Some(name) = self.names.name(number) {
                self.numbers.remove(&name.clone());
            }
            self.names.set(number, None);
            self.free.push(number);
        }
    }
}
