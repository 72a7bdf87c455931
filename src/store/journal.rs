//! The commit journal: every commit again, sealed, in files of our own, on the disk before it is acknowledged.
//!
//! The engine may be one group behind it, never ahead; what it lacks is brought back at open. With a backup the journal gives the
//! store as of any later commit. A segment is `journal/<line>-<first commit>.journal`; a frame holds the commits of one group
//! and the tag of the frame before. Files are grown with written zeros, so that a sync need not bring a new size to the disk.

use std::{
    fmt,
    fs::{self, File},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use chacha20poly1305::{XNonce, aead::Generate as _};

use super::{
    OpenError, StoreError,
    engine::EngineError,
    files,
    seal::{self, Sealer},
};

mod chain;
mod content;
mod frame;
mod reader;
mod recover;

pub(super) use chain::commits;
pub(super) use content::{CommitRecord, MOST};
pub(super) use reader::{Broken, Frame, Keys, Reader};
pub(super) use recover::recover;

use frame::{Header, Tag};

/// The name in a data directory.
pub(super) const DIR: &str = "journal";

const SUFFIX: &str = ".journal";

/// By how much a segment grows at a time.
const CHUNK: u64 = 1 << 20;

/// A segment that has grown so large is the last one no more: opening reads the last one.
const LARGE: u64 = 16 << 20;

/// One unbroken history of commits. A store that was restored to an earlier commit begins another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(super) struct Line(pub(super) [u8; 8]);

impl Line {
    /// A new one.
    pub(super) fn generate() -> Self {
        Self(random())
    }

    /// What [`fmt::Display`] writes, read again.
    pub(super) fn parse(text: &str) -> Option<Self> {
        (text.len() == 16).then(|| seal::from_hex(text)).flatten()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&seal::to_hex(&self.0))
    }
}

/// The first bytes of a random nonce.
fn random<const N: usize>() -> [u8; N] {
    let nonce = XNonce::generate();
    let mut bytes = [0; N];
    bytes.copy_from_slice(&nonce[..N]);
    bytes
}

fn file_name(line: Line, first: u64) -> String {
    format!("{line}-{first:016}{SUFFIX}")
}

/// A segment of a journal, by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentInfo {
    /// Its line.
    pub(super) line: Line,
    /// The first commit in it.
    pub(super) first: u64,
    /// The file.
    pub(super) path: PathBuf,
}

/// The segments in a data directory, by line and first commit.
///
/// # Errors
/// When the directory is there and cannot be read.
pub(super) fn segments(data: &Path) -> io::Result<Vec<SegmentInfo>> {
    let mut found = Vec::new();
    match fs::read_dir(data.join(DIR)) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        entries => {
            for entry in entries? {
                let entry = entry?;
                let name = entry.file_name();
                let parts = name.to_str().and_then(|n| n.strip_suffix(SUFFIX)).and_then(|n| n.split_once('-'));
                if let Some((line, first)) = parts
                    && let (Some(line), Ok(first @ 1..)) = (Line::parse(line), first.parse())
                {
                    found.push(SegmentInfo { line, first, path: entry.path() });
                }
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Opens a segment to read it.
///
/// # Errors
/// When the file cannot be read, is not of this store, or its key is not there.
pub(super) fn read(segment: &SegmentInfo, store: &str, keys: &Keys<'_>) -> Result<Reader, Broken> {
    let mut reader = Reader::open(&segment.path, store, segment.line, segment.first, keys)?;
    if reader.seed().is_none() {
        // Only a header says of which line the frames are; without it they must follow the segment before.
        reader.follow(tag_before(segment, store, keys));
    }
    Ok(reader)
}

/// The tag of the last frame before a segment, if that is there.
fn tag_before(segment: &SegmentInfo, store: &str, keys: &Keys<'_>) -> Option<Tag> {
    let data = segment.path.parent()?.parent()?;
    let before = segments(data).ok()?.into_iter().rfind(|s| s.line == segment.line && s.first < segment.first)?;
    let mut reader = read(&before, store, keys).ok()?;
    while reader.next_frame().is_some() {}
    reader.tag().filter(|_| reader.last_commit() + 1 == segment.first)
}

/// The id of the store whose journal it is, as most headers say; nothing vouches for it.
pub(super) fn owner(data: &Path) -> Option<String> {
    let mut owners: Vec<(usize, String)> = Vec::new();
    for segment in segments(data).ok()? {
        let mut bytes = [0; frame::HEADER];
        let read = File::open(&segment.path).and_then(|file| file.read_exact_at(&mut bytes, 0));
        let Some(header) = read.ok().and_then(|()| Header::parse(&bytes).ok()) else { continue };
        match owners.iter_mut().find(|(_, store)| *store == header.store) {
            Some((count, _)) => *count += 1,
            None => owners.push((1, header.store)),
        }
    }
    owners.into_iter().max().map(|(_, store)| store)
}

/// Removes the segments of a line that hold nothing after a commit, but never its last one. Answers how many.
///
/// # Errors
/// When one cannot be removed.
pub(super) fn prune(data: &Path, line: Line, keep_after: u64) -> io::Result<usize> {
    let segments: Vec<_> = segments(data)?.into_iter().filter(|s| s.line == line).collect();
    let mut removed = 0;
    for pair in segments.windows(2) {
        if pair[1].first > keep_after.saturating_add(1) {
            break;
        }
        fs::remove_file(&pair[0].path)?;
        removed += 1;
    }
    Ok(removed)
}

/// Removes every segment of a line that people have left.
///
/// # Errors
/// When one cannot be removed.
pub(super) fn remove(data: &Path, line: Line) -> io::Result<()> {
    for segment in segments(data)?.into_iter().filter(|s| s.line == line) {
        fs::remove_file(&segment.path)?;
    }
    Ok(())
}

/// What of the journal goes into the mark of a clean end.
pub(super) fn fingerprint(data: &Path) -> io::Result<String> {
    let mut lines = String::new();
    for segment in segments(data)? {
        let (bytes, name) = (fs::metadata(&segment.path)?.len(), file_name(segment.line, segment.first));
        let mut tag = Tag::default();
        if let Some(at) = bytes.checked_sub(tag.len() as u64) {
            File::open(&segment.path)?.read_exact_at(&mut tag, at)?;
        }
        lines.push_str(&format!("{DIR}/{name} {bytes} {}\n", seal::to_hex(&tag)));
    }
    Ok(lines)
}

/// Whose journal it is, and what it is sealed with.
#[derive(Clone)]
pub(super) struct Place {
    /// The data directory.
    pub(super) data: PathBuf,
    /// The store's id.
    pub(super) store: String,
    /// The line.
    pub(super) line: Line,
    /// The number of the data key.
    pub(super) key: u32,
    /// Its sealer.
    pub(super) sealer: Arc<Sealer>,
}

/// The segment that is written to.
struct Segment {
    path: PathBuf,
    file: File,
    /// Where the next frame goes.
    end: u64,
    /// The bytes of the file; zeros after `end`.
    size: u64,
}

/// A frame that follows the last one in the journal.
pub(super) struct Sealed {
    bytes: Vec<u8>,
    last: u64,
    tag: Tag,
}

/// Where the journal was before a frame was added.
#[derive(Debug, Clone, Copy)]
#[must_use = "it says how to take the frame back"]
pub(super) struct Added {
    at: u64,
    last: u64,
    tag: Tag,
}

/// The end of a journal, to which frames are added.
pub(super) struct Journal {
    place: Place,
    segment: Option<Segment>,
    last: u64,
    tag: Tag,
}

impl Journal {
    /// A journal that goes on in a new segment after that commit. Nothing is written yet.
    pub(super) fn begin(place: Place, last: u64) -> Self {
        Self { place, segment: None, last, tag: random() }
    }

    /// The last commit in it.
    #[cfg(test)]
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Adds the commits of a group and returns when they are on the disk.
    ///
    /// # Errors
    /// As [`Self::seal`] and [`Self::put`].
    pub(super) fn append(&mut self, commits: &[CommitRecord]) -> Result<Added, StoreError> {
        let sealed = self.seal(commits)?;
        self.put(sealed)
    }

    /// The frame of a group of commits, to be put into the journal next.
    ///
    /// # Errors
    /// When they do not follow those in the journal, or are too large.
    pub(super) fn seal(&self, commits: &[CommitRecord]) -> Result<Sealed, StoreError> {
        let (Some(first), Some(last)) = (commits.first(), commits.last()) else {
            return Err(StoreError::Failed("a group without a commit does not go into the journal".to_owned()));
        };
        let numbers = (first.entry.commit.0, last.entry.commit.0);
        if numbers.0 != self.last + 1 {
            return Err(StoreError::Failed(format!(
                "change {} does not follow {} in the journal",
                numbers.0, self.last
            )));
        }
        let plain = content::encode(commits)?;
        let (bytes, tag) = frame::encode(&self.place.sealer, numbers, &self.tag, &plain)
            .ok_or_else(|| StoreError::Failed("a change is too large for the journal".to_owned()))?;
        Ok(Sealed { bytes, last: numbers.1, tag })
    }

    /// Adds a frame, made since the last one was added, and returns when it is on the disk.
    ///
    /// # Errors
    /// When it is not; then nothing of it is left, or the error says that it may come back.
    pub(super) fn put(&mut self, sealed: Sealed) -> Result<Added, StoreError> {
        if self.segment.as_ref().is_some_and(|s| s.end >= LARGE) {
            self.rotate();
        }
        let segment = match self.segment.take() {
            Some(segment) => segment,
            None => self.create().map_err(failed)?,
        };
        let segment = self.segment.insert(segment);
        let added = Added { at: segment.end, last: self.last, tag: self.tag };
        match segment.write(&sealed.bytes) {
            Ok(()) => {
                (self.last, self.tag) = (sealed.last, sealed.tag);
                Ok(added)
            }
            Err(e) => {
                let words = failed(e);
                match self.take_back(added) {
                    Ok(()) => Err(words),
                    Err(_) => Err(may_come_back(&words)),
                }
            }
        }
    }

    /// Takes the last frame back, durably.
    ///
    /// # Errors
    /// When it is not known to be gone.
    pub(super) fn take_back(&mut self, added: Added) -> io::Result<()> {
        (self.last, self.tag) = (added.last, added.tag);
        self.segment.as_mut().map_or(Ok(()), |segment| segment.cut(added.at))
    }

    /// The next commit goes into a new segment.
    pub(super) fn rotate(&mut self) {
        if let Some(mut segment) = self.segment.take() {
            // Zeros that are left at its end do no harm.
            let _ = segment.cut(segment.end);
        }
    }

    /// Another data key seals from now on.
    pub(super) fn set_key(&mut self, number: u32, sealer: Arc<Sealer>) {
        self.rotate();
        (self.place.key, self.place.sealer) = (number, sealer);
    }

    /// Gives back the room that is left at the end of the segment.
    ///
    /// # Errors
    /// When the file cannot be cut.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.segment.as_mut().map_or(Ok(()), |segment| segment.cut(segment.end))
    }

    /// Makes the segment for the commits after the last one.
    fn create(&self) -> io::Result<Segment> {
        let dir = self.place.data.join(DIR);
        if !dir.exists() {
            files::make_private_dir(&dir).map_err(|e| io::Error::other(e.to_string()))?;
            File::open(&self.place.data)?.sync_all()?;
        }
        let first = self.last + 1;
        let path = dir.join(file_name(self.place.line, first));
        if path.exists() {
            // What it holds was not taken for part of the journal; it is kept.
            fs::rename(&path, path.with_extension(format!("aside-{}", seal::to_hex(&random::<4>()))))?;
        }
        let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        let header = Header {
            store: self.place.store.clone(),
            line: self.place.line,
            first,
            key: self.place.key,
            seed: self.tag,
        };
        let bytes = header.encode(&self.place.sealer);
        let made = file.write_all_at(&bytes, 0).and_then(|()| {
            file.sync_all()?;
            File::open(&dir)?.sync_all()
        });
        if let Err(e) = made {
            let _ = fs::remove_file(&path);
            return Err(e);
        }
        let end = bytes.len() as u64;
        Ok(Segment { path, file, end, size: end })
    }

    /// Goes on in a segment that was read to its end.
    fn resume(place: Place, path: &Path, read: &Reader, tag: Tag) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(path)?;
        let mut segment = Segment { path: path.to_owned(), file, end: read.end(), size: u64::MAX };
        if !read.is_cut() {
            segment.cut(read.end())?;
        }
        segment.size = segment.end;
        Ok(Self { place, segment: Some(segment), last: read.last_commit(), tag })
    }
}

impl Segment {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.end + bytes.len() as u64;
        if end > self.size {
            let size = end.next_multiple_of(CHUNK);
            let zeros = vec![0; usize::try_from(size - self.size).unwrap_or_default()];
            self.file.write_all_at(&zeros, self.size)?;
            self.size = size;
        }
        self.file.write_all_at(bytes, self.end)?;
        self.file.sync_data()?;
        self.end = end;
        Ok(())
    }

    /// Ends the file there, durably.
    fn cut(&mut self, end: u64) -> io::Result<()> {
        self.file.set_len(end)?;
        self.file.sync_all()?;
        (self.end, self.size) = (end, end);
        Ok(())
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.segment.as_ref().map(|s| &s.path);
        f.debug_struct("Journal").field("path", &path).field("last", &self.last).finish_non_exhaustive()
    }
}

fn failed(e: io::Error) -> StoreError {
    let e = EngineError::from(e);
    if e.full { e.into() } else { StoreError::Failed(format!("the journal cannot be written: {}", e.message)) }
}

/// The same, when what failed may be there after a restart.
pub(super) fn may_come_back(e: &StoreError) -> StoreError {
    StoreError::Failed(format!("{e}; the change may be there all the same after the next start"))
}

/// The error of a file or directory as opening says it.
fn open_error(data: &Path, e: &io::Error) -> OpenError {
    files::open_error(&data.join(DIR), e)
}

#[cfg(test)]
mod tests;
