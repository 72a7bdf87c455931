//! Reading a segment: what is good, what was cut short, what is damaged.

use std::{
    collections::VecDeque,
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    super::{StoreError, seal::Sealer},
    CommitRecord, Line, content,
    frame::{self, HEADER, Head, Header, NoHeader, Tag},
};

/// The sealer of a data key by its number.
pub(in crate::store) type Keys<'a> = dyn Fn(u32) -> Option<Arc<Sealer>> + 'a;

/// Key numbers that are tried when the header that names the key is damaged.
const TRIED_KEYS: u32 = 64;

/// How often the bytes of a segment are tried as parts of frames, at most and on average.
const TRIES: usize = 4;

/// Longer than any segment is: one ends with the frame that makes it too large, and grows by chunks.
const LONGEST: u64 = super::LARGE + content::MOST as u64 + 2 * super::CHUNK;

/// A damaged place of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Broken {
    /// The segment.
    pub(in crate::store) path: PathBuf,
    /// The byte at which it begins.
    pub(in crate::store) offset: u64,
    /// What is wrong, in words.
    pub(in crate::store) why: String,
    /// The last commit before it.
    pub(in crate::store) after_commit: u64,
    /// The first commit that can be read after it; `None` when nothing can.
    pub(in crate::store) next_commit: Option<u64>,
    /// Whether it is sealed with a data key that is not there.
    pub(in crate::store) key_is_missing: bool,
    /// Whether what follows is whole and does not come after what is before it: it is of another history.
    pub(in crate::store) unchained: bool,
}

impl Broken {
    /// The first and the last commit that are missing; the last is not known when nothing follows. `None` when none is
    /// missing, as when only a header is damaged.
    pub(in crate::store) fn missing(&self) -> Option<(u64, Option<u64>)> {
        let first = self.after_commit + 1;
        match self.next_commit {
            Some(next) if next <= first => None,
            next => Some((first, next.map(|n| n - 1))),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the journal {} is damaged at byte {}: {}; ", self.path.display(), self.offset, self.why)?;
        match self.missing() {
            None => write!(f, "no change is missing"),
            Some((first, Some(last))) if first == last => write!(f, "change {first} cannot be read from it"),
            Some((first, Some(last))) => write!(f, "changes {first} to {last} cannot be read from it"),
            Some((first, None)) => write!(f, "changes from {first} on cannot be read from it"),
        }
    }
}

/// One frame that is as it was written.
#[derive(Debug)]
pub(in crate::store) struct Frame {
    /// Its place in the file.
    pub(in crate::store) offset: u64,
    /// Its first commit.
    pub(in crate::store) first: u64,
    /// Its last commit.
    pub(in crate::store) last: u64,
    plain: Vec<u8>,
}

impl Frame {
    /// The commits in it.
    ///
    /// # Errors
    /// When a newer version wrote them, or they cannot be read.
    pub(in crate::store) fn commits(&self) -> Result<Vec<CommitRecord>, StoreError> {
        let commits = content::decode(&self.plain)?;
        let numbers = commits.iter().map(|c| c.entry.commit.0);
        if numbers.eq(self.first..=self.last) {
            Ok(commits)
        } else {
            Err(StoreError::Damaged("a frame of the journal holds other changes than it says".to_owned()))
        }
    }
}

/// Reads a segment from its beginning. As an iterator it gives the commits; a damaged place is one `Err`, and what can be read
/// after it follows. A last frame that was cut short is no error: it was never acknowledged.
pub(in crate::store) struct Reader {
    path: PathBuf,
    bytes: Vec<u8>,
    sealers: Vec<Arc<Sealer>>,
    header: Option<Header>,
    /// What is wrong with the header, until it was told.
    fault: Option<String>,
    at: usize,
    /// The tag before `at`; `None` after a damaged place.
    tag: Option<Tag>,
    last: u64,
    torn: bool,
    /// The bytes of what looked like frames in the search for the next good one.
    tried: usize,
    /// Whether a search was given up, until it was told.
    given_up: bool,
    unmade: bool,
    queue: VecDeque<CommitRecord>,
}

impl Reader {
    /// Opens a segment. `first` is the commit that its name begins with.
    ///
    /// # Errors
    /// When the file cannot be read at all.
    pub(super) fn open(path: &Path, store: &str, line: Line, first: u64, keys: &Keys<'_>) -> Result<Self, Broken> {
        let broken = |why: String| Broken {
            path: path.to_owned(),
            offset: 0,
            why,
            after_commit: first.saturating_sub(1),
            next_commit: None,
            key_is_missing: false,
            unchained: false,
        };
        // A segment is read as a whole: what is longer than any that was written is not taken into memory.
        let meta = fs::metadata(path).map_err(|e| broken(e.to_string()))?;
        if !meta.is_file() || meta.len() > LONGEST {
            return Err(broken("it is not a file as the journal has them".to_owned()));
        }
        let bytes = fs::read(path).map_err(|e| broken(e.to_string()))?;
        let parsed = Header::parse(&bytes);
        if parsed == Err(NoHeader::Newer) {
            return Err(broken("a newer version of Clowder wrote it; update this one".to_owned()));
        }
        let sealer = parsed.as_ref().ok().and_then(|header| keys(header.key));
        let sealed = sealer.filter(|sealer| Header::is_sealed(&bytes, sealer));
        let (header, sealers, fault) = match (parsed, sealed) {
            (Ok(header), Some(_)) if header.store != store => {
                return Err(broken("it belongs to another store".to_owned()));
            }
            (Ok(header), Some(sealer)) if header.line == line && header.first == first => {
                (Some(header), vec![sealer], None)
            }
            (Ok(header), Some(_)) => {
                return Err(broken(format!("it is the segment {}", super::file_name(header.line, header.first))));
            }
            (Ok(header), None) if keys(header.key).is_none() => {
                let why = format!("it is sealed with data key {}, which is not there", header.key);
                return Err(Broken { key_is_missing: true, ..broken(why) });
            }
            _ => {
                let all: Vec<_> = (0..TRIED_KEYS).filter_map(keys).collect();
                (None, all, Some("its header is damaged".to_owned()))
            }
        };
        let tag = header.as_ref().map(|h| h.seed);
        Ok(Self {
            path: path.to_owned(),
            bytes,
            sealers,
            header,
            fault,
            at: HEADER,
            tag,
            last: first.saturating_sub(1),
            torn: false,
            tried: 0,
            given_up: false,
            unmade: false,
            queue: VecDeque::new(),
        })
    }

    /// With a damaged header: the tag that its first frame must follow.
    pub(super) fn follow(&mut self, tag: Option<Tag>) {
        if self.header.is_none() {
            self.tag = tag;
        }
    }

    /// The segment's chain seed, when its header is whole.
    pub(in crate::store) fn seed(&self) -> Option<Tag> {
        self.header.as_ref().map(|h| h.seed)
    }

    /// The number of the data key that it is sealed with, when its header is whole.
    pub(in crate::store) fn key(&self) -> Option<u32> {
        self.header.as_ref().map(|h| h.key)
    }

    /// After the end: where the last good frame ends.
    pub(in crate::store) fn end(&self) -> u64 {
        self.at as u64
    }

    /// After the end: whether a last frame was cut short.
    pub(in crate::store) fn is_torn(&self) -> bool {
        self.torn
    }

    /// After the end: the last commit; before the first frame, the one before the segment's first.
    pub(in crate::store) fn last_commit(&self) -> u64 {
        self.last
    }

    /// After the end: the tag of the last frame, or the seed.
    pub(in crate::store) fn tag(&self) -> Option<Tag> {
        self.tag
    }

    /// After the end: whether there is less than a header, as in a segment that was just being made.
    pub(in crate::store) fn is_unmade(&self) -> bool {
        self.unmade
    }

    /// The words for a segment that is no more than that and should be.
    pub(in crate::store) fn cut_short(&self) -> Broken {
        self.broken(0, "it was cut short before its first change", None)
    }

    /// Whether the file ends where its last good frame ends.
    pub(super) fn is_cut(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn broken(&self, offset: usize, why: &str, next_commit: Option<u64>) -> Broken {
        Broken {
            path: self.path.clone(),
            offset: offset as u64,
            why: why.to_owned(),
            after_commit: self.last,
            next_commit,
            key_is_missing: false,
            unchained: false,
        }
    }

    fn opened(&self, at: usize) -> Option<(Head, Vec<u8>)> {
        let head = Head::parse(&self.bytes, at)?;
        let plain = head.open(&self.bytes, at, &self.sealers)?;
        Some((head, plain))
    }

    /// The next good frame, or the next damaged place; `None` at the end.
    pub(in crate::store) fn next_frame(&mut self) -> Option<Result<Frame, Broken>> {
        if let Some(why) = self.fault.take() {
            // The header is on the disk before anything is written after it.
            if self.bytes.len() <= HEADER {
                self.torn = true;
                self.unmade = true;
                self.at = self.bytes.len();
                return None;
            }
            let next = self.find_good(0).map(|(_, head)| head.first);
            if std::mem::take(&mut self.given_up) {
                self.at = self.bytes.len();
            }
            return Some(Err(self.broken(0, &why, next)));
        }
        match self.opened(self.at) {
            Some((head, plain)) => {
                let chained = self.tag.is_none_or(|tag| tag == head.before);
                if head.first != self.last + 1 || !chained {
                    let broken = Broken {
                        unchained: !chained,
                        ..self.broken(self.at, "what follows does not come after what is before it", Some(head.first))
                    };
                    // Told once; then what is there is taken as it is.
                    self.tag = None;
                    self.last = head.first - 1;
                    return Some(Err(broken));
                }
                let offset = self.at;
                self.tag = Some(head.tag(&self.bytes, offset));
                self.last = head.last;
                self.at += head.size();
                Some(Ok(Frame { offset: offset as u64, first: head.first, last: head.last, plain }))
            }
            None => match self.find_good(self.at) {
                Some((at, head)) => {
                    // Where no commit is missing the two must fit together.
                    let unchained = head.first <= self.last + 1 && self.tag.is_some_and(|tag| tag != head.before);
                    let broken = Broken {
                        unchained,
                        ..self.broken(self.at, "it does not open as it was written", Some(head.first))
                    };
                    self.at = at;
                    self.tag = None;
                    self.last = head.first - 1;
                    Some(Err(broken))
                }
                None if std::mem::take(&mut self.given_up) => {
                    let broken = self.broken(self.at, "it is full of what only looks like changes", None);
                    self.at = self.bytes.len();
                    Some(Err(broken))
                }
                None => {
                    self.torn = self.bytes.get(self.at..).is_some_and(|rest| rest.iter().any(|b| *b != 0));
                    None
                }
            },
        }
    }

    /// The first frame from a place on that opens. What is damaged in a file that the journal wrote is tried about once; a file that
    /// somebody filled with heads of frames would be tried for days.
    fn find_good(&mut self, from: usize) -> Option<(usize, Head)> {
        let most = self.bytes.len().saturating_mul(TRIES);
        let mut from = from;
        while let Some(at) = frame::find(&self.bytes, from) {
            if let Some(head) = Head::parse(&self.bytes, at) {
                if self.tried > most {
                    self.given_up = true;
                    return None;
                }
                if head.open(&self.bytes, at, &self.sealers).is_some() {
                    return Some((at, head));
                }
                self.tried += head.size();
            }
            from = at + 1;
        }
        None
    }
}

impl Iterator for Reader {
    type Item = Result<CommitRecord, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(commit) = self.queue.pop_front() {
                return Some(Ok(commit));
            }
            match self.next_frame()? {
                Err(broken) => return Some(Err(broken)),
                Ok(frame) => match frame.commits() {
                    Ok(commits) => self.queue = commits.into(),
                    Err(e) => {
                        return Some(Err(Broken {
                            path: self.path.clone(),
                            offset: frame.offset,
                            why: e.to_string(),
                            after_commit: frame.first - 1,
                            next_commit: Some(frame.last + 1),
                            key_is_missing: false,
                            unchained: false,
                        }));
                    }
                },
            }
        }
    }
}
