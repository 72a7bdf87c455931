//! Commits of the journal brought back into the store, the same way that they came in the first time.

use super::{StoreError, check::named, core::Core, group::Content, journal::CommitRecord, tx::Layer};

impl Core {
    /// Applies commits that the store does not have yet, in one go, and answers how many those were. It is not synced, and
    /// the index must be open. Commits that are already there are passed over.
    ///
    /// # Errors
    /// When a commit is missing before them, the records are not as they were before them, or the engine fails.
    pub(super) fn replay(&self, commits: Vec<CommitRecord>) -> Result<u64, StoreError> {
        let mut group = Content::default();
        let mut last = self.counters().commit;
        let mut done = 0;
        for commit in commits {
            let number = commit.entry.commit.0;
            if number <= last {
                continue;
            }
            last += 1;
            if number != last {
                return Err(StoreError::Damaged(format!("change {last} is missing from the journal")));
            }
            let layer = self.layer_of(&commit, group.layer())?;
            group.add(commit, layer);
            done += 1;
        }
        if done > 0 {
            group.prepare(self)?.apply(self, |batch| Ok(self.engine.settle(&batch)?))?;
        }
        Ok(done)
    }

    /// What a commit changed over what is stored and over the commits before it.
    fn layer_of(&self, commit: &CommitRecord, below: &Layer) -> Result<Layer, StoreError> {
        let mut layer = Layer::default();
        for touched in &commit.touched {
            let place = (touched.kind, touched.id);
            let before = match below.records.get(&place) {
                Some((_, after)) => after.clone(),
                None => self.get_any(touched.kind, touched.id)?,
            };
            if before.as_ref().map_or(0, |r| r.version().rev) != touched.rev_before {
                return Err(StoreError::Damaged(format!(
                    "{} is not as it was before change {}",
                    named(touched.kind, touched.id),
                    commit.entry.commit
                )));
            }
            let after = commit.after(touched)?;
            layer.replace(&self.hasher, place, before, after, |_, _| Ok::<_, StoreError>(()))?;
        }
        layer.last_ids.extend(commit.last_ids.iter().copied());
        Ok(layer)
    }
}
