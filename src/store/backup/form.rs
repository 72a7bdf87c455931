//! The form of a backup file: a mark, the keyring, pairs as they are stored, and at the end a manifest.
//!
//! Every byte counts towards one of two hashes: the manifest has that of all before it, the last lines have that of the manifest.
//! The manifest is sealed as well, so that whoever has the key sees that nobody else wrote it. Numbers are little-endian.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, Read, Seek as _, SeekFrom, Write},
    path::Path,
};

use blake2::{Blake2b256, Digest as _};
use serde::{Deserialize, Serialize};

use crate::model::{Kind, Stamp};

use super::{
    super::{
        engine::Tree,
        seal::{self, Sealer},
    },
    BackupError,
};

/// How every backup file begins.
const MARK: &[u8; 16] = b"clowder backup 1";

/// How every backup file of any form begins.
const ANY_MARK: &[u8] = b"clowder backup ";

/// How every backup file ends.
const END_MARK: &[u8; 16] = b"end of backup 1\n";

/// The form that is written.
const FORM: u32 = 1;

/// The lengths and the mark after the manifest, in bytes.
const TAIL: u64 = 4 + 16;

/// The longest value that is read; a stored one is far shorter.
const VALUE: u32 = 1 << 20;

/// The longest manifest and seal that are read.
const MANIFEST: u32 = 64 << 20;

/// What a part of the file is.
mod tag {
    pub(super) const AUDIT: u8 = 16;
    pub(super) const META: u8 = 17;
    pub(super) const KEYRING: u8 = 32;
    pub(super) const END: u8 = 255;
}

/// What a backup holds, as its last part says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the file.
    pub form: u32,
    /// The version of the program that wrote it.
    pub program: String,
    /// The id of the store.
    pub store: String,
    /// The line of history that it lies on; empty for a store that has none yet.
    pub line: String,
    /// The line that this one left, and the last commit that they have in common.
    pub parent: Option<(String, u64)>,
    /// The last commit in it.
    pub commit: u64,
    /// The moment it shows, in milliseconds since 1970-01-01 UTC.
    pub at: Stamp,
    /// The same for people, in UTC.
    pub time: String,
    /// The format of the store's content.
    pub format: u32,
    /// The number of the data key that was current.
    pub key: u32,
    /// How many values of each kind there are.
    pub counts: BTreeMap<String, u64>,
    /// Records that could not be read when it was made, and are not in it.
    pub lost: Vec<(String, u32)>,
    /// Entries of the audit log that could not be read when it was made, and are not in it.
    pub lost_entries: u64,
    /// Bytes before this manifest.
    pub bytes: u64,
    /// The hash of all of them, BLAKE2b with 256 bits.
    pub hash: String,
}

impl Manifest {
    /// How many records of a kind there are.
    pub fn count(&self, kind: Kind) -> u64 {
        self.counts.get(kind.slug()).copied().unwrap_or_default()
    }

    /// Whether anything could not be read when it was made.
    pub fn is_whole(&self) -> bool {
        self.lost.is_empty() && self.lost_entries == 0
    }
}

/// A part of a backup.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Part {
    /// The keyring as it was.
    Keyring(String),
    /// A stored pair.
    Pair { tree: Tree, key: Vec<u8>, sealed: Vec<u8> },
}

fn tag_of(tree: Tree) -> u8 {
    match tree {
        Tree::Records(kind) => kind.code(),
        Tree::Audit => tag::AUDIT,
        Tree::Meta | Tree::Index | Tree::Spare => tag::META,
    }
}

fn tree_of(tag: u8) -> Option<Tree> {
    match tag {
        tag::AUDIT => Some(Tree::Audit),
        tag::META => Some(Tree::Meta),
        code => Kind::from_code(code).map(Tree::Records),
    }
}

/// Writes a backup.
pub(in super::super) struct Writer<W> {
    out: W,
    hash: Blake2b256,
    bytes: u64,
    counts: BTreeMap<String, u64>,
}

impl<W: Write> Writer<W> {
    /// Begins with the keyring, without which the rest cannot be opened.
    pub(in super::super) fn begin(out: W, keyring: &str) -> io::Result<Self> {
        let mut writer = Self { out, hash: Blake2b256::new(), bytes: 0, counts: BTreeMap::new() };
        writer.put(MARK)?;
        writer.part(tag::KEYRING, &[], keyring.as_bytes())?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn part(&mut self, tag: u8, key: &[u8], value: &[u8]) -> io::Result<()> {
        let too_long = |_| io::Error::other("a value is too long for a backup");
        let key_length = u8::try_from(key.len()).map_err(too_long)?;
        let length = u32::try_from(value.len()).map_err(too_long)?.to_le_bytes();
        self.put(&[tag, key_length, length[0], length[1], length[2], length[3]])?;
        self.put(key)?;
        self.put(value)
    }

    /// Adds a pair.
    pub(in super::super) fn pair(&mut self, tree: Tree, key: &[u8], sealed: &[u8]) -> io::Result<()> {
        *self.counts.entry(tree.name().to_owned()).or_default() += 1;
        self.part(tag_of(tree), key, sealed)
    }

    /// Ends with the manifest: counts, bytes and hash are filled in.
    pub(in super::super) fn finish(mut self, manifest: Manifest, sealer: &Sealer) -> io::Result<(Manifest, W)> {
        self.part(tag::END, &[], &[])?;
        let hash = seal::to_hex(&self.hash.finalize());
        let manifest = Manifest { form: FORM, counts: self.counts, bytes: self.bytes, hash, ..manifest };
        let text = serde_json::to_vec_pretty(&manifest).map_err(io::Error::other)?;
        let sealed = sealer.seal(SEAL_PLACE, &[], &Blake2b256::digest(&text));
        let block =
            [&(text.len() as u32).to_le_bytes()[..], &text, &(sealed.len() as u32).to_le_bytes(), &sealed].concat();
        self.out.write_all(&block)?;
        self.out.write_all(&Blake2b256::digest(&block))?;
        self.out.write_all(&(block.len() as u32 + 32).to_le_bytes())?;
        self.out.write_all(END_MARK)?;
        self.out.flush()?;
        Ok((manifest, self.out))
    }
}

/// Where the seal of a manifest belongs.
const SEAL_PLACE: &str = "backup manifest";

/// The end of a backup.
#[derive(Debug)]
pub(in super::super) struct End {
    pub(in super::super) manifest: Manifest,
    digest: [u8; 32],
    sealed: Vec<u8>,
}

impl End {
    /// Whether the manifest was sealed with this key.
    pub(in super::super) fn is_sealed_by(&self, sealer: &Sealer) -> bool {
        sealer.open(SEAL_PLACE, &[], &self.sealed).is_ok_and(|plain| plain == self.digest)
    }
}

fn take<'a>(from: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(taken)
}

fn number(from: &mut &[u8]) -> Option<u32> {
    take(from, 4)?.try_into().ok().map(u32::from_le_bytes)
}

/// Reads what comes after the parts, up to and with the mark of the end.
fn parse_end(bytes: &[u8]) -> Option<End> {
    let (block_and_hash, mut tail) = bytes.split_at_checked(bytes.len().checked_sub(TAIL as usize)?)?;
    if number(&mut tail)? as usize != block_and_hash.len() || tail != END_MARK {
        return None;
    }
    let (block, hash) = block_and_hash.split_at_checked(block_and_hash.len().checked_sub(32)?)?;
    if Blake2b256::digest(block)[..] != *hash {
        return None;
    }
    let mut rest = block;
    let length = number(&mut rest)? as usize;
    let text = take(&mut rest, length)?;
    let length = number(&mut rest)? as usize;
    let sealed = take(&mut rest, length)?.to_vec();
    if !rest.is_empty() {
        return None;
    }
    Some(End { manifest: serde_json::from_slice(text).ok()?, digest: Blake2b256::digest(text).into(), sealed })
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> BackupError + '_ {
    move |error| BackupError::Unreadable { path: path.to_owned(), why: error.to_string() }
}

fn damaged(path: &Path, at: u64, what: &'static str) -> BackupError {
    BackupError::Damaged { path: path.to_owned(), at, what }
}

/// Opens a file that begins as a backup does.
fn open(path: &Path) -> Result<File, BackupError> {
    let mut file = File::open(path).map_err(unreadable(path))?;
    let mut mark = [0; MARK.len()];
    let mut filled = 0;
    while filled < mark.len() {
        match file.read(&mut mark[filled..]).map_err(unreadable(path))? {
            0 => break,
            read => filled += read,
        }
    }
    if mark == *MARK {
        Ok(file)
    } else if mark[..filled].starts_with(ANY_MARK) && mark[filled.saturating_sub(1)].is_ascii_digit() {
        Err(BackupError::Newer { path: path.to_owned() })
    } else {
        Err(BackupError::NotABackup { path: path.to_owned() })
    }
}

/// The manifest alone, from the end of the file; what is before it is not looked at.
pub(in super::super) fn manifest(path: &Path) -> Result<End, BackupError> {
    let mut file = open(path)?;
    let length = file.metadata().map_err(unreadable(path))?.len();
    let cut = || damaged(path, length, "the file is cut short");
    let tail_at = length.checked_sub(TAIL).filter(|&at| at >= MARK.len() as u64).ok_or_else(cut)?;
    let mut tail = [0; TAIL as usize];
    file.seek(SeekFrom::Start(tail_at)).and_then(|_| file.read_exact(&mut tail)).map_err(unreadable(path))?;
    let (size, mark) = tail.split_at(4);
    if mark != END_MARK {
        return Err(cut());
    }
    let size = number(&mut &*size).filter(|&size| size <= MANIFEST).map_or(u64::MAX, u64::from);
    let at = tail_at.checked_sub(size).ok_or_else(|| damaged(path, tail_at, "the manifest is damaged"))?;
    let mut end = Vec::new();
    file.seek(SeekFrom::Start(at)).and_then(|_| file.read_to_end(&mut end)).map_err(unreadable(path))?;
    parse_end(&end).ok_or_else(|| damaged(path, at, "the manifest is damaged"))
}

/// Reads a backup from its first byte to its last and hands out each part with the bytes read so far. `each` answers whether to go
/// on; broken off, there is no end to answer.
///
/// The parts are handed out before the hash is known to be right.
pub(in super::super) fn read(
    path: &Path,
    each: &mut dyn FnMut(Part, u64) -> Result<bool, BackupError>,
) -> Result<Option<End>, BackupError> {
    let mut input =
        Hashing { input: BufReader::with_capacity(1 << 18, open(path)?), hash: Blake2b256::new(), bytes: 0 };
    input.hash.update(MARK);
    input.bytes = MARK.len() as u64;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    loop {
        let at = input.bytes;
        let cut = |e: io::Error| match e.kind() {
            io::ErrorKind::UnexpectedEof => damaged(path, at, "the file is cut short"),
            _ => unreadable(path)(e),
        };
        let head: [u8; 6] = input.take(6).map_err(cut)?.try_into().unwrap_or_default();
        let length = u32::from_le_bytes([head[2], head[3], head[4], head[5]]);
        if length > VALUE {
            return Err(damaged(path, at, "a length makes no sense"));
        }
        let key = input.take(usize::from(head[1])).map_err(cut)?;
        let value = input.take(length as usize).map_err(cut)?;
        let part = match (head[0], tree_of(head[0])) {
            (tag::END, _) => break,
            (tag::KEYRING, _) => {
                Part::Keyring(String::from_utf8(value).map_err(|_| damaged(path, at, "the keyring is damaged"))?)
            }
            (_, Some(tree)) => {
                *counts.entry(tree.name().to_owned()).or_default() += 1;
                Part::Pair { tree, key, sealed: value }
            }
            (_, None) => return Err(damaged(path, at, "a part is of no known kind")),
        };
        if !each(part, input.bytes)? {
            return Ok(None);
        }
    }
    let (at, hash) = (input.bytes, seal::to_hex(&input.hash.finalize()));
    let mut rest = Vec::new();
    input.input.take(u64::from(MANIFEST)).read_to_end(&mut rest).map_err(unreadable(path))?;
    let end = parse_end(&rest).ok_or_else(|| damaged(path, at, "the manifest is damaged or cut short"))?;
    let manifest = &end.manifest;
    if manifest.form != FORM {
        return Err(BackupError::Newer { path: path.to_owned() });
    }
    if manifest.hash != hash || manifest.bytes != at || manifest.counts != counts {
        return Err(damaged(path, 0, "its content does not match its manifest"));
    }
    Ok(Some(end))
}

struct Hashing<R> {
    input: R,
    hash: Blake2b256,
    bytes: u64,
}

impl<R: Read> Hashing<R> {
    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.input.read_exact(&mut bytes)?;
        self.hash.update(&bytes);
        self.bytes += length as u64;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::super::super::seal::SecretKey;
    use super::*;

    fn empty_manifest() -> Manifest {
        Manifest {
            form: 0,
            program: "0".to_owned(),
            store: "ab".to_owned(),
            line: String::new(),
            parent: None,
            commit: 3,
            at: Stamp(5),
            time: Stamp(5).rfc3339(),
            format: 1,
            key: 1,
            counts: BTreeMap::new(),
            lost: Vec::new(),
            lost_entries: 0,
            bytes: 0,
            hash: String::new(),
        }
    }

    fn trees() -> Vec<Tree> {
        Kind::ALL.iter().map(|&k| Tree::Records(k)).chain([Tree::Audit, Tree::Meta]).collect()
    }

    fn write(pairs: &[(Tree, Vec<u8>, Vec<u8>)], sealer: &Sealer) -> Vec<u8> {
        let mut writer = Writer::begin(Vec::new(), "version = 1").unwrap();
        for (tree, key, sealed) in pairs {
            writer.pair(*tree, key, sealed).unwrap();
        }
        writer.finish(empty_manifest(), sealer).unwrap().1
    }

    fn read_all(path: &Path) -> Result<(Vec<Part>, End), BackupError> {
        let mut parts = Vec::new();
        let end = read(path, &mut |part, _| {
            parts.push(part);
            Ok(true)
        })?;
        Ok((parts, end.unwrap()))
    }

    fn a_pair() -> impl Strategy<Value = (Tree, Vec<u8>, Vec<u8>)> {
        let bytes = |most| prop::collection::vec(any::<u8>(), 0..most);
        (prop::sample::select(trees()), bytes(20), bytes(60))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read_and_any_byte_changed_or_cut_is_noticed(
            pairs in prop::collection::vec(a_pair(), 0..12),
            flip in 1..=255_u8,
        ) {
            let key = SecretKey::generate();
            let sealer = Sealer::new(&key);
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("b");
            let whole = write(&pairs, &sealer);
            fs::write(&path, &whole).unwrap();
            let (parts, end) = read_all(&path).unwrap();
            let mut expected = vec![Part::Keyring("version = 1".to_owned())];
            expected.extend(pairs.into_iter().map(|(tree, key, sealed)| Part::Pair { tree, key, sealed }));
            prop_assert_eq!(parts, expected);
            prop_assert!(end.is_sealed_by(&sealer));
            prop_assert!(!end.is_sealed_by(&Sealer::new(&SecretKey::generate())));
            prop_assert_eq!(&manifest(&path).unwrap().manifest, &end.manifest);
            for i in 0..whole.len() {
                let mut changed = whole.clone();
                changed[i] ^= flip;
                fs::write(&path, &changed).unwrap();
                prop_assert!(read_all(&path).is_err(), "byte {} of {}", i, whole.len());
                if i % 3 == 0 {
                    continue;
                }
                fs::write(&path, &whole[..i]).unwrap();
                prop_assert!(read_all(&path).is_err(), "cut at {} of {}", i, whole.len());
                prop_assert!(manifest(&path).is_err(), "cut at {} of {}", i, whole.len());
            }
            fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
            prop_assert!(read_all(&path).is_err());
        }
    }

    #[test]
    fn other_files_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b");
        let told = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            manifest(&path).unwrap_err()
        };
        assert!(matches!(told(b""), BackupError::NotABackup { .. }));
        assert!(matches!(told(b"name,born\nMiso,2024\nLuna,2021\n"), BackupError::NotABackup { .. }));
        assert!(matches!(told(b"clowder backup 2 and more of it"), BackupError::Newer { .. }));
        assert!(matches!(told(MARK), BackupError::Damaged { .. }));
        assert!(matches!(manifest(&dir.path().join("none")).unwrap_err(), BackupError::Unreadable { .. }));
    }
}
