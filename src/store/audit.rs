//! The audit log: one entry for each commit, in the same commit.
//!
//! Key: commit, part (both big-endian). Part 0 has the entry. The records it touched are packed into it and the parts after it, in
//! order; no part grows so large that a page of the engine would pass what it syncs.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use crate::model::{AuditEntry, CommitNo, Kind, Touched};

use super::{
    StoreError,
    codec::{self, Shape},
    core::{Core, unread},
    engine::{Batch, Tree},
    indexes::{self, Key, Range},
    record::AnyRecord,
};

/// A part takes no more than this, except for one side of one record.
const PART: usize = 6 * 1024;

/// The longest note, in bytes.
pub(super) const NOTE: usize = PART;

/// A part as stored.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Part {
    /// The entry, in part 0.
    entry: Option<AuditEntry>,
    /// Records it touched.
    touched: Vec<Touched>,
    /// Whether the first record of the next part is the other side of the last one here.
    more: bool,
}

/// Packs an entry into parts.
fn pack(entry: AuditEntry, all: Vec<Touched>) -> Vec<Part> {
    let mut parts = vec![Part { entry: Some(entry), ..Part::default() }];
    let mut room = PART;
    let mut add = |touched: Touched, more: bool, parts: &mut Vec<Part>| {
        let size = 32 + size(&touched);
        if size > room {
            parts.push(Part::default());
            room = PART;
        }
        room = room.saturating_sub(size);
        if let Some(part) = parts.last_mut() {
            part.touched.push(touched);
            part.more = more;
        }
        if more {
            room = 0;
        }
    };
    for touched in all {
        if 32 + size(&touched) <= PART {
            add(touched, false, &mut parts);
        } else {
            add(Touched { after: None, ..touched.clone() }, true, &mut parts);
            add(Touched { before: None, ..touched }, false, &mut parts);
        }
    }
    parts
}

fn size(touched: &Touched) -> usize {
    touched.before.as_ref().map_or(0, Vec::len) + touched.after.as_ref().map_or(0, Vec::len)
}

/// The entry and records of parts in order; `None` when the entry is missing.
fn unpack(parts: Vec<Part>) -> Option<(AuditEntry, Vec<Touched>)> {
    let mut entry = None;
    let mut all: Vec<Touched> = Vec::new();
    let mut goes_on = false;
    for part in parts {
        entry = entry.or(part.entry);
        for touched in part.touched {
            match all.last_mut() {
                Some(first) if goes_on => first.after = touched.after,
                _ => all.push(touched),
            }
            goes_on = false;
        }
        goes_on = part.more;
    }
    Some((entry?, all))
}

fn key(commit: u64, part: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&commit.to_be_bytes());
    key[8..].copy_from_slice(&part.to_be_bytes());
    key
}

/// The first and last keys of the entries of these commits.
pub(super) fn range(from: u64, upto: u64) -> ([u8; 12], [u8; 12]) {
    (key(from, 0), key(upto, u32::MAX))
}

/// The index keys of a stored part of an entry.
pub(super) fn keys_of_part(key: &[u8], stored: &[u8]) -> Result<Vec<Key>, StoreError> {
    let part: Part = codec::decode_as(Shape::Audit, stored)?;
    let commit = parse_key(key).map_or(0, |(commit, _)| commit);
    Ok(part.touched.iter().map(|t| indexes::audit_key(t.kind, t.id, commit)).collect())
}

/// The entry and records in the parts of an entry that can be read, in order; the entry is `None` when its own part is not there.
pub(super) fn join(parts: &[Vec<u8>]) -> Result<(Option<AuditEntry>, Vec<Touched>), StoreError> {
    let parts: Result<Vec<Part>, StoreError> =
        parts.iter().map(|stored| codec::decode_as(Shape::Audit, stored)).collect();
    let parts = parts?;
    let entry = parts.iter().find_map(|part| part.entry.clone());
    // Of a record that goes over two parts of which one is missing nothing is known.
    let whole = entry.as_ref().map_or(usize::MAX, |e| e.touched as usize);
    let unpacked = unpack(parts).filter(|(_, all)| all.len() == whole);
    Ok((entry, unpacked.map(|(_, all)| all).unwrap_or_default()))
}

/// The commit and part of a key.
pub(super) fn parse_key(key: &[u8]) -> Option<(u64, u32)> {
    let (commit, part) = key.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*commit), u32::from_be_bytes(part.try_into().ok()?)))
}

/// A record as a commit changed it, for its entry.
pub(super) fn touched(
    kind: Kind,
    id: u32,
    before: Option<&AnyRecord>,
    after: Option<&AnyRecord>,
) -> Result<Touched, StoreError> {
    Ok(Touched {
        kind,
        id,
        rev_before: before.map_or(0, |r| r.version().rev),
        rev_after: after.map_or(0, |r| r.version().rev),
        before: before.map(AnyRecord::encode_for_audit).transpose()?,
        after: after.map(AnyRecord::encode_for_audit).transpose()?,
    })
}

impl Core {
    /// Puts the entry of a commit and its index keys into a batch.
    pub(super) fn put_audit(
        &self,
        batch: &mut Batch,
        entry: AuditEntry,
        touched: Vec<Touched>,
    ) -> Result<(), StoreError> {
        let commit = entry.commit.0;
        for t in &touched {
            batch.put(Tree::Index, &indexes::audit_key(t.kind, t.id, commit), Vec::new());
        }
        for (n, part) in (0..).zip(pack(entry, touched)) {
            let key = key(commit, n);
            let stored = codec::encode_as(Shape::Audit, &part)?;
            batch.put(Tree::Audit, &key, self.sealer.seal(Tree::Audit.name(), &key, &stored));
        }
        Ok(())
    }

    fn open_part(&self, key: &[u8], sealed: &[u8]) -> Result<Part, StoreError> {
        let stored = self.sealer.open(Tree::Audit.name(), key, sealed).map_err(|_| {
            let commit = parse_key(key).map_or(0, |(commit, _)| commit);
            StoreError::Damaged(format!("entry {commit} of the audit log is damaged; run `clowder doctor`"))
        })?;
        codec::decode_as(Shape::Audit, &stored)
    }

    fn audit_head(&self, commit: u64) -> Result<Option<AuditEntry>, StoreError> {
        let key = key(commit, 0);
        let unread = unread(|| format!("entry {commit} of the audit log"));
        match self.engine.get(Tree::Audit, &key).map_err(unread)? {
            None => Ok(None),
            Some(sealed) => Ok(self.open_part(&key, &sealed)?.entry),
        }
    }

    /// Entries before a commit (or from the last one), newest first.
    pub(super) fn audit(&self, before: Option<CommitNo>, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let last = self.counters().commit;
        let mut commit = before.map_or(last, |no| no.0.saturating_sub(1).min(last));
        let mut entries = Vec::new();
        while commit > 0 && entries.len() < limit {
            entries.extend(self.audit_head(commit)?);
            commit -= 1;
        }
        Ok(entries)
    }

    /// Entries that touched a record, newest first.
    pub(super) fn audit_of(&self, kind: Kind, id: u32, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let keys = self.index_keys(&Range::prefix(indexes::audit_prefix(kind, id)), true, limit)?;
        let mut entries = Vec::with_capacity(keys.len());
        for commit in keys.iter().filter_map(|key| indexes::audit_commit(key)) {
            entries.extend(self.audit_head(commit)?);
        }
        Ok(entries)
    }

    /// One entry with the records it touched.
    pub(super) fn audit_entry(&self, no: CommitNo) -> Result<Option<(AuditEntry, Vec<Touched>)>, StoreError> {
        let (from, to) = (key(no.0, 0), key(no.0, u32::MAX));
        let range = (Bound::Included(&from[..]), Bound::Included(&to[..]));
        let unread = unread(|| format!("entry {no} of the audit log"));
        let pairs = self.engine.scan(Tree::Audit, range, false, usize::MAX).map_err(unread)?;
        let parts: Result<Vec<Part>, StoreError> =
            pairs.iter().map(|(key, sealed)| self.open_part(key, sealed)).collect();
        Ok(unpack(parts?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Action, Actor, Stamp};

    #[test]
    fn records_of_any_size_come_back_from_their_parts() {
        let entry = AuditEntry {
            commit: CommitNo(7),
            at: Stamp(1),
            actor: Actor::console(),
            action: Action::Import,
            note: String::new(),
            undoes: None,
            touched: 0,
        };
        let touched = |id: u32, before: usize, after: usize| Touched {
            kind: Kind::Cat,
            id,
            rev_before: 1,
            rev_after: 2,
            before: (before > 0).then(|| vec![1; before]),
            after: (after > 0).then(|| vec![2; after]),
        };
        for sizes in [
            vec![],
            vec![(0, 10)],
            vec![(6_000, 6_000)],
            vec![(6_000, 6_000), (6_000, 6_000), (10, 0)],
            vec![(10, 10), (5_000, 5_000), (3_000, 3_000), (0, 6_100), (10, 10)],
            vec![(200, 250); 100],
        ] {
            let all: Vec<Touched> = (1..).zip(&sizes).map(|(id, &(b, a))| touched(id, b, a)).collect();
            let parts = pack(entry.clone(), all.clone());
            for part in &parts {
                assert!(codec::encode_as(Shape::Audit, part).unwrap().len() < 6_500, "{sizes:?}");
            }
            assert_eq!(unpack(parts), Some((entry.clone(), all)), "{sizes:?}");
        }
    }
}
