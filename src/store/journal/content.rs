//! What a frame says of its commits.

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use serde::{Deserialize, Serialize};

use crate::model::{AuditEntry, Kind, Touched};

use super::super::{StoreError, record::AnyRecord};

/// The version of a frame's content that is written now. Whoever changes [`CommitRecord`] keeps the old shape and reads it.
const VERSION: u16 = 1;

/// The most that one frame holds; a group is far below it.
pub(in crate::store) const MOST: usize = 64 << 20;

/// Small numbers count as large ones when they are read.
const MOST_READ: usize = 8 * MOST;

fn config() -> Configuration<LittleEndian, Varint, Limit<MOST_READ>> {
    bincode::config::standard().with_limit::<MOST_READ>()
}

/// A commit as the journal has it: its entry in the audit log, and what that leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct CommitRecord {
    /// The entry.
    pub(in crate::store) entry: AuditEntry,
    /// The records it touched, as the audit log has them.
    pub(in crate::store) touched: Vec<Touched>,
    /// The password hashes of touched users, as they are after it.
    pub(in crate::store) hashes: Vec<(u32, String)>,
    /// The last ids given, of the kinds of which it gave some.
    pub(in crate::store) last_ids: Vec<(Kind, u32)>,
}

impl CommitRecord {
    /// No fewer bytes than the commit takes in a frame.
    pub(in crate::store) fn most_bytes(&self) -> usize {
        // Numbers, lengths and tags; each of them takes nine bytes at most.
        const FIXED: usize = 128;
        let side = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let touched: usize = self.touched.iter().map(|t| FIXED + side(&t.before) + side(&t.after)).sum();
        let hashes: usize = self.hashes.iter().map(|(_, hash)| FIXED + hash.len()).sum();
        let address = self.entry.actor.address.as_ref().map_or(0, String::len);
        FIXED + self.entry.note.len() + address + touched + hashes + FIXED * self.last_ids.len()
    }

    /// A record that the commit touched, as it is after it, with what the audit log leaves out; `None` when it was deleted.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(in crate::store) fn after(&self, touched: &Touched) -> Result<Option<AnyRecord>, StoreError> {
        let Some(stored) = &touched.after else { return Ok(None) };
        let record = AnyRecord::decode(touched.kind, stored)?;
        let hash = self.hashes.iter().find(|(id, _)| touched.kind == Kind::User && *id == touched.id);
        Ok(Some(record.with_password(hash.map(|(_, hash)| hash.clone()))))
    }
}

/// The bytes of commits.
pub(super) fn encode(commits: &[CommitRecord]) -> Result<Vec<u8>, StoreError> {
    let mut out = Vec::with_capacity(commits.iter().map(CommitRecord::most_bytes).sum());
    out.extend_from_slice(&VERSION.to_le_bytes());
    bincode::serde::encode_into_std_write(commits, &mut out, config())
        .map_err(|e| StoreError::Failed(format!("a change cannot be written to the journal: {e}")))?;
    // The limit holds for reading only: what is acknowledged must be readable.
    if out.len() > MOST {
        return Err(StoreError::Failed("a change is too large to be made at once".to_owned()));
    }
    Ok(out)
}

/// The commits in the bytes that [`encode`] made.
pub(super) fn decode(plain: &[u8]) -> Result<Vec<CommitRecord>, StoreError> {
    let unreadable = || StoreError::Damaged("a change in the journal cannot be read".to_owned());
    let (version, body) = plain.split_first_chunk::<2>().ok_or_else(unreadable)?;
    match u16::from_le_bytes(*version) {
        VERSION => {}
        newer if newer > VERSION => {
            return Err(StoreError::Damaged("a newer version of Clowder wrote it; update this one".to_owned()));
        }
        _ => return Err(unreadable()),
    }
    match bincode::serde::decode_from_slice(body, config()) {
        Ok((commits, read)) if read == body.len() => Ok(commits),
        _ => Err(unreadable()),
    }
}
