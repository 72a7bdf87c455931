//! The audit log: one entry for each commit, in the same commit.
//!
//! Key: commit, part (both big-endian). Part 0 is the entry; the others are the records it touched, in order. A record whose two
//! sides are large together takes two parts, so that no page of the engine grows past what it syncs.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use crate::model::{AuditEntry, CommitNo, Kind, Touched};

use super::{
    StoreError,
    codec::{self, Shape},
    core::Core,
    engine::{Batch, Pair, Tree},
    indexes::{self, Range},
    record::AnyRecord,
};

/// Two sides that are larger than this together are stored apart.
const TOGETHER: usize = 6 * 1024;

/// A touched record as stored.
#[derive(Serialize, Deserialize)]
struct Row {
    touched: Touched,
    /// Whether the next part has the other side.
    more: bool,
}

fn key(commit: u64, part: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&commit.to_be_bytes());
    key[8..].copy_from_slice(&part.to_be_bytes());
    key
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
        entry: &AuditEntry,
        touched: Vec<Touched>,
    ) -> Result<(), StoreError> {
        let commit = entry.commit.0;
        let mut part = 0;
        let mut put = |shaped: Vec<u8>| {
            let key = key(commit, part);
            batch.put(Tree::Audit, &key, self.sealer.seal(Tree::Audit.name(), &key, &shaped));
            part += 1;
        };
        put(codec::encode_as(Shape::AuditEntry, entry)?);
        let mut keys = Vec::with_capacity(touched.len());
        for touched in touched {
            keys.push(indexes::audit_key(touched.kind, touched.id, commit));
            let size = touched.before.as_ref().map_or(0, Vec::len) + touched.after.as_ref().map_or(0, Vec::len);
            if size <= TOGETHER {
                put(codec::encode_as(Shape::AuditRow, &Row { touched, more: false })?);
            } else {
                let after = Touched { before: None, ..touched.clone() };
                put(codec::encode_as(
                    Shape::AuditRow,
                    &Row { touched: Touched { after: None, ..touched }, more: true },
                )?);
                put(codec::encode_as(Shape::AuditRow, &Row { touched: after, more: false })?);
            }
        }
        for key in keys {
            batch.put(Tree::Index, &key, Vec::new());
        }
        Ok(())
    }

    fn open_audit(&self, pair: &Pair) -> Result<Vec<u8>, StoreError> {
        self.sealer.open(Tree::Audit.name(), &pair.0, &pair.1).map_err(|_| {
            let commit = parse_key(&pair.0).map_or(0, |(commit, _)| commit);
            StoreError::Damaged(format!("entry {commit} of the audit log is damaged; restore a backup"))
        })
    }

    fn audit_head(&self, commit: u64) -> Result<Option<AuditEntry>, StoreError> {
        let key = key(commit, 0);
        match self.engine.get(Tree::Audit, &key)? {
            None => Ok(None),
            Some(sealed) => {
                let head = self.open_audit(&(key[..].into(), sealed))?;
                codec::decode_as(Shape::AuditEntry, &head).map(Some)
            }
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
        let pairs =
            self.engine.scan(Tree::Audit, (Bound::Included(&from[..]), Bound::Included(&to[..])), false, usize::MAX)?;
        self.read_entry(&pairs)
    }

    /// The entry of all its pairs, in order.
    pub(super) fn read_entry(&self, pairs: &[Pair]) -> Result<Option<(AuditEntry, Vec<Touched>)>, StoreError> {
        let Some((head, rows)) = pairs.split_first() else { return Ok(None) };
        let entry: AuditEntry = codec::decode_as(Shape::AuditEntry, &self.open_audit(head)?)?;
        let mut all: Vec<Touched> = Vec::with_capacity(rows.len());
        let mut goes_on = false;
        for pair in rows {
            let row: Row = codec::decode_as(Shape::AuditRow, &self.open_audit(pair)?)?;
            match all.last_mut() {
                Some(first) if goes_on => first.after = row.touched.after,
                _ => all.push(row.touched),
            }
            goes_on = row.more;
        }
        Ok(Some((entry, all)))
    }
}
