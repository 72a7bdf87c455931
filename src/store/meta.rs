//! The store's own values: format, generation of the index, last commit, sequences of ids, counters.

use std::{collections::HashMap, ops::Bound};

use crate::model::Kind;

use super::{
    StoreError, Tally,
    core::Core,
    engine::{Batch, Pair, Tree},
    journal::Line,
    tallies,
};

pub(super) const FORMAT: &[u8] = b"format";
pub(super) const GENERATION: &[u8] = b"index";
pub(super) const COMMIT: &[u8] = b"commit";
pub(super) const REPAIR: &[u8] = b"repair";
/// The line of commits that the store is on.
pub(super) const LINE: &[u8] = b"line";
/// The line that it left, and the last commit that it has of that.
pub(super) const LINE_PARENT: &[u8] = b"line.parent";
/// The commit after which the journal of the line is without a gap.
pub(super) const JOURNAL: &[u8] = b"journal";
const SEQUENCE: &[u8] = b"seq.";
const TALLY: &[u8] = b"tally.";

/// What every commit counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counters {
    /// The number of the last commit.
    pub(super) commit: u64,
    /// The last id given, of each kind.
    pub(super) last_ids: HashMap<Kind, u32>,
    /// The counters that are not 0.
    pub(super) tallies: HashMap<Tally, u64>,
}

pub(super) fn sequence_key(kind: Kind) -> Vec<u8> {
    [SEQUENCE, &[kind.code()]].concat()
}

fn tally_key(tally: Tally) -> Vec<u8> {
    [TALLY, &tallies::key(tally)].concat()
}

/// The last id given of a kind, if that is what a stored value says.
pub(super) fn last_id(key: &[u8], stored: &[u8]) -> Option<(Kind, u32)> {
    let kind = Kind::from_code(*key.strip_prefix(SEQUENCE)?.first()?)?;
    Some((kind, u32::try_from(number(stored)).unwrap_or(u32::MAX)))
}

/// The stored values of what every commit counts, without the counters.
pub(super) fn counted(counters: &Counters) -> Vec<(Vec<u8>, u64)> {
    let mut values: Vec<_> =
        counters.last_ids.iter().map(|(&kind, &last)| (sequence_key(kind), u64::from(last))).collect();
    values.push((COMMIT.to_vec(), counters.commit));
    values.sort();
    values
}

impl Core {
    /// The sealed values of the store's own that no commit changes and that do not follow from the records.
    pub(super) fn lasting_meta(&self) -> Result<Vec<Pair>, StoreError> {
        let mut pairs = self.engine.scan(Tree::Meta, (Bound::Unbounded, Bound::Unbounded), false, usize::MAX)?;
        pairs.retain(|(key, _)| {
            ![COMMIT, REPAIR, GENERATION].contains(&&**key) && !key.starts_with(SEQUENCE) && !key.starts_with(TALLY)
        });
        Ok(pairs)
    }

    /// Puts a value of the store's own into a batch.
    pub(super) fn put_meta(&self, batch: &mut Batch, key: &[u8], value: &[u8]) {
        batch.put(Tree::Meta, key, self.sealer.seal(Tree::Meta.name(), key, value));
    }

    /// A value of the store's own.
    pub(super) fn meta(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.engine.get(Tree::Meta, key)? {
            None => Ok(None),
            Some(sealed) => self.open_meta(key, &sealed).map(Some),
        }
    }

    fn open_meta(&self, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.sealer.open(Tree::Meta.name(), key, sealed).map_err(|_| {
            let key = String::from_utf8_lossy(key).into_owned();
            StoreError::Damaged(format!("the store's own value {key:?} is damaged; run `clowder doctor`"))
        })
    }

    /// A number of the store's own.
    pub(super) fn meta_number(&self, key: &[u8]) -> Result<Option<u64>, StoreError> {
        Ok(self.meta(key)?.map(|v| number(&v)))
    }

    /// Puts the beginning of a line after a commit into a batch, with the line that it leaves there.
    pub(super) fn put_line(&self, batch: &mut Batch, line: Line, after: u64, parent: Option<Line>) {
        self.put_meta(batch, LINE, &line.0);
        self.put_meta(batch, JOURNAL, &after.to_le_bytes());
        if let Some(parent) = parent {
            self.put_meta(batch, LINE_PARENT, &[&parent.0[..], &after.to_le_bytes()].concat());
        }
    }

    /// The line of commits that the store is on, or is going to be on once it is of a format with lines.
    pub(super) fn line(&self) -> Result<Line, StoreError> {
        let line = self.meta(LINE)?.and_then(|bytes| bytes.try_into().ok().map(Line));
        line.or_else(|| self.line_to_be.get().copied())
            .ok_or_else(|| StoreError::Damaged("the store does not say which journal is its own".to_owned()))
    }

    /// The line that this one left, and the last commit that the two have in common.
    pub(super) fn line_parent(&self) -> Result<Option<(Line, u64)>, StoreError> {
        Ok(self.meta(LINE_PARENT)?.and_then(|bytes| {
            let (line, commit) = bytes.split_first_chunk()?;
            Some((Line(*line), number(commit)))
        }))
    }

    /// The commit after which the journal of the line is without a gap.
    pub(super) fn journal_from(&self) -> Result<u64, StoreError> {
        Ok(self.meta_number(JOURNAL)?.unwrap_or_default())
    }

    pub(super) fn put_last_id(&self, batch: &mut Batch, kind: Kind, id: u32) {
        self.put_meta(batch, &sequence_key(kind), &u64::from(id).to_le_bytes());
    }

    pub(super) fn put_tally(&self, batch: &mut Batch, tally: Tally, count: u64) {
        let key = tally_key(tally);
        if count == 0 {
            batch.remove(Tree::Meta, &key);
        } else {
            self.put_meta(batch, &key, &count.to_le_bytes());
        }
    }

    /// The stored counters.
    pub(super) fn load_counters(&self) -> Result<Counters, StoreError> {
        let mut counters = Counters { commit: self.meta_number(COMMIT)?.unwrap_or_default(), ..Counters::default() };
        for (key, sealed) in self.engine.scan(Tree::Meta, (Bound::Unbounded, Bound::Unbounded), false, usize::MAX)? {
            if let Some(kind) = key.strip_prefix(SEQUENCE).and_then(|k| Kind::from_code(*k.first()?)) {
                let last = number(&self.open_meta(&key, &sealed)?);
                counters.last_ids.insert(kind, u32::try_from(last).unwrap_or(u32::MAX));
            } else if let Some(tally) = key.strip_prefix(TALLY).and_then(tallies::from_key) {
                counters.tallies.insert(tally, number(&self.open_meta(&key, &sealed)?));
            }
        }
        Ok(counters)
    }
}

pub(super) fn number(value: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let length = value.len().min(8);
    bytes[..length].copy_from_slice(&value[..length]);
    u64::from_le_bytes(bytes)
}
