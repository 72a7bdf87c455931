//! The commits of a line, over all its segments.

use std::{collections::VecDeque, io, path::Path};

use super::{Broken, CommitRecord, Keys, Line, Reader, SegmentInfo, read, segments};

/// The commits of a line after a commit, in order. A damaged or missing place is one `Err`, and what can be read after it
/// follows, unless it is of another history: whoever brings a store up to date stops there.
///
/// # Errors
/// When the directory cannot be read.
pub(in crate::store) fn commits<'k>(
    data: &Path,
    store: &str,
    line: Line,
    after: u64,
    keys: &'k Keys<'k>,
) -> io::Result<Commits<'k>> {
    let all: Vec<SegmentInfo> = segments(data)?.into_iter().filter(|s| s.line == line).collect();
    let begin = all.iter().rposition(|s| s.first <= after.saturating_add(1)).unwrap_or_default();
    let segments = all.into_iter().skip(begin).collect();
    Ok(Commits { store: store.to_owned(), keys, segments, reader: None, held: None, last: after })
}

/// See [`commits`].
pub(in crate::store) struct Commits<'k> {
    store: String,
    keys: &'k Keys<'k>,
    segments: VecDeque<SegmentInfo>,
    reader: Option<(SegmentInfo, Reader)>,
    /// A commit that comes after a gap that was just told.
    held: Option<CommitRecord>,
    last: u64,
}

impl Iterator for Commits<'_> {
    type Item = Result<CommitRecord, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(commit) = self.held.take() {
            return Some(Ok(commit));
        }
        loop {
            let Some((segment, reader)) = &mut self.reader else {
                let segment = self.segments.pop_front()?;
                match read(&segment, &self.store, self.keys) {
                    Ok(reader) => self.reader = Some((segment, reader)),
                    Err(broken) => {
                        let next_commit = self.segments.front().map(|s| s.first);
                        self.last = next_commit.map_or(self.last, |next| self.last.max(next.saturating_sub(1)));
                        return Some(Err(Broken { next_commit, ..broken }));
                    }
                }
                continue;
            };
            match reader.next() {
                None => self.reader = None,
                Some(Ok(commit)) => {
                    let (number, last) = (commit.entry.commit.0, self.last);
                    if number <= last {
                        continue;
                    }
                    self.last = number;
                    if number == last + 1 {
                        return Some(Ok(commit));
                    }
                    let path = segment.path.clone();
                    self.held = Some(commit);
                    return Some(Err(Broken {
                        path,
                        offset: 0,
                        why: "what comes before it is missing".to_owned(),
                        after_commit: last,
                        next_commit: Some(number),
                        key_is_missing: false,
                        unchained: false,
                    }));
                }
                Some(Err(broken)) if broken.unchained => {
                    let next_commit = self.segments.front().map(|s| s.first);
                    self.last = next_commit.map_or(self.last, |next| self.last.max(next.saturating_sub(1)));
                    self.reader = None;
                    return Some(Err(Broken { next_commit, ..broken }));
                }
                Some(Err(mut broken)) => {
                    broken.next_commit = broken.next_commit.or_else(|| self.segments.front().map(|s| s.first));
                    let next = broken.next_commit.unwrap_or_default();
                    // Of no concern when all of it comes before what was asked for.
                    let concerns = broken.missing().is_none_or(|(_, upto)| upto.is_none_or(|upto| upto > self.last));
                    self.last = self.last.max(next.saturating_sub(1));
                    if concerns {
                        return Some(Err(broken));
                    }
                }
            }
        }
    }
}
