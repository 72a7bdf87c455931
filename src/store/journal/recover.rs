//! What the journal knows when a store is opened.

use std::{io, path::Path};

use super::{Broken, CommitRecord, Frame, Journal, Keys, Place, Reader, SegmentInfo, open_error, read, segments};
use crate::store::{OpenError, files};

/// What was found.
pub(in crate::store) struct Found {
    /// The journal, to go on with.
    pub(in crate::store) journal: Journal,
    /// Groups that the engine does not have yet, in order.
    pub(in crate::store) missing: Vec<Vec<CommitRecord>>,
    /// What is wrong with it, in sentences: it cannot be relied on up to the last commit.
    pub(in crate::store) notices: Vec<String>,
    /// What it ends with, in a sentence, when that was cut short.
    pub(in crate::store) cut_short: Option<String>,
}

/// Looks at the journal of a line that is without a gap after the commit `from`, for an engine that ends with `commit`. When the
/// store was closed and nothing was written since, `closed_with` is the commit that it was closed with.
///
/// # Errors
/// When commits that the engine does not have, or of which nobody knows whether it has them, are damaged or missing, or the
/// files cannot be read.
pub(in crate::store) fn recover(
    place: Place,
    keys: &Keys<'_>,
    from: u64,
    commit: u64,
    closed_with: Option<u64>,
) -> Result<Found, OpenError> {
    let data = place.data.clone();
    let all: Vec<SegmentInfo> = segments(&data)
        .map_err(|e| open_error(&data, &e))?
        .into_iter()
        .filter(|s| s.line == place.line && s.first > from)
        .collect();
    let Some(begin) = all.iter().rposition(|s| s.first <= commit + 1) else {
        return match all.first() {
            Some(next) => Err(OpenError::JournalAhead { path: data, commit, next: next.first }),
            None if commit > from => Ok(anew(place, commit, missing(&data, from))),
            None => Ok(anew(place, commit, Vec::new())),
        };
    };
    let mut walk = Walk {
        commit,
        has_all: closed_with.is_some_and(|last| last <= commit),
        missing: Vec::new(),
        notices: Vec::new(),
        last: all[begin].first - 1,
        tag: None,
        unchained: None,
    };
    let mut end = None;
    for (n, segment) in all.iter().enumerate().skip(begin) {
        if let Some(reader) = walk.segment(&data, segment, all.get(n + 1), &place, keys)? {
            end = Some((segment, reader));
        }
    }
    if end.is_none() && walk.notices.is_empty() {
        // The last segment was just being made, and is gone now; the one before it is the last.
        return recover(place, keys, from, commit, closed_with);
    }
    let Walk { last, mut notices, missing, .. } = walk;
    if last < commit && notices.is_empty() {
        notices.push(format!(
            "The journal in {} ends with change {last}, but the store has changes up to {commit}. A backup should be made now.",
            data.join(super::DIR).display()
        ));
    }
    if !notices.is_empty() {
        // A journal that is not whole is left as it is; another segment begins after it.
        return Ok(Found { missing, ..anew(place, last.max(commit), notices) });
    }
    let cut_short = end.as_ref().filter(|(_, reader)| reader.is_torn()).map(|_| {
        format!(
            "The journal ended with something that could not be read, after change {last}: a change that was being saved when it was cut \
             short, so that nobody had been told that it was saved."
        )
    });
    let journal = match end {
        Some((segment, reader)) => match (reader.tag(), reader.key()) {
            (Some(tag), Some(key)) if key == place.key => Journal::resume(place, &segment.path, &reader, tag),
            (tag, _) => {
                let mut journal = Journal::begin(place, last);
                journal.tag = tag.unwrap_or(journal.tag);
                Ok(journal)
            }
        },
        None => Ok(Journal::begin(place, last)),
    };
    let journal = journal.map_err(|e: io::Error| open_error(&data, &e))?;
    Ok(Found { journal, missing, notices, cut_short })
}

fn anew(place: Place, last: u64, notices: Vec<String>) -> Found {
    Found { journal: Journal::begin(place, last), missing: Vec::new(), notices, cut_short: None }
}

fn missing(data: &Path, from: u64) -> Vec<String> {
    vec![format!(
        "The journal of what was changed after change {from} is missing from {}. The store itself has them; a backup should be made now.",
        data.join(super::DIR).display()
    )]
}

/// Segments read one after the other.
struct Walk {
    commit: u64,
    /// Whether the engine is known to have every commit there was.
    has_all: bool,
    missing: Vec<Vec<CommitRecord>>,
    notices: Vec<String>,
    last: u64,
    tag: Option<super::Tag>,
    /// The place from which on the frames of a segment are not known to be of this line.
    unchained: Option<String>,
}

impl Walk {
    /// Reads one; `None` when it holds nothing and was removed.
    fn segment(
        &mut self,
        data: &Path,
        segment: &SegmentInfo,
        next: Option<&SegmentInfo>,
        place: &Place,
        keys: &Keys<'_>,
    ) -> Result<Option<Reader>, OpenError> {
        let next_commit = next.map(|next| next.first);
        let mut reader = match read(segment, &place.store, keys) {
            Ok(reader) => reader,
            Err(broken) => {
                self.broken(data, &Broken { next_commit, ..broken })?;
                return Ok(None);
            }
        };
        let follows =
            segment.first == self.last + 1 && self.tag.zip(reader.seed()).is_none_or(|(tag, seed)| tag == seed);
        let mut told = follows;
        self.unchained = None;
        while let Some(frame) = reader.next_frame() {
            if !told {
                told = true;
                self.broken(
                    data,
                    &Broken {
                        path: segment.path.clone(),
                        offset: 0,
                        why: "the segment before it is not whole".to_owned(),
                        after_commit: self.last,
                        next_commit: Some(segment.first),
                        key_is_missing: false,
                        unchained: false,
                    },
                )?;
            }
            match frame {
                Ok(frame) => self.frame(data, segment, &frame)?,
                Err(broken) => {
                    let next_commit = broken.next_commit.or(next_commit);
                    self.broken(data, &Broken { next_commit, ..broken })?;
                }
            }
        }
        if reader.is_unmade() {
            if next.is_some() || segment.first <= self.commit || !follows {
                // A commit is only in the engine, and another segment only begins, when this one held something.
                self.broken(data, &Broken { next_commit, ..reader.cut_short() })?;
                return Ok(None);
            }
            // It was just being made when the power went.
            std::fs::remove_file(&segment.path).map_err(|e| files::open_error(&segment.path, &e))?;
            return Ok(None);
        }
        self.last = reader.last_commit().max(self.last);
        self.tag = reader.tag();
        Ok(Some(reader))
    }

    fn frame(&mut self, data: &Path, segment: &SegmentInfo, frame: &Frame) -> Result<(), OpenError> {
        if frame.last <= self.commit {
            return Ok(());
        }
        if let Some(why) = self.unchained.clone() {
            return Err(OpenError::JournalDamaged { path: data.to_owned(), why });
        }
        let commits = frame.commits().map_err(|e| OpenError::JournalDamaged {
            path: data.to_owned(),
            why: format!("the journal {} at byte {}: {e}", segment.path.display(), frame.offset),
        })?;
        self.missing.push(commits);
        Ok(())
    }

    /// A damaged place: a notice, unless the engine needs what was there, or may need it.
    fn broken(&mut self, data: &Path, broken: &Broken) -> Result<(), OpenError> {
        if broken.unchained {
            self.unchained = Some(broken.to_string());
        }
        match broken.missing() {
            Some((_, last)) if last.map_or(!self.has_all, |last| last > self.commit) => {
                Err(OpenError::JournalDamaged { path: data.to_owned(), why: broken.to_string() })
            }
            _ => {
                self.notices.push(format!(
                    "The store has every change up to {}, but {broken}. A backup should be made now.",
                    self.commit
                ));
                Ok(())
            }
        }
    }
}
