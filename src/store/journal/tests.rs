use proptest::prelude::*;

use super::*;
use crate::{
    model::{Action, Actor, AuditEntry, CommitNo, Kind, Stamp, Touched},
    store::seal::SecretKey,
};

/// A commit that touched one record of so many bytes.
fn commit(no: u64, bytes: usize) -> CommitRecord {
    CommitRecord {
        entry: AuditEntry {
            commit: CommitNo(no),
            at: Stamp(1),
            actor: Actor::console(),
            action: Action::EditCat,
            note: String::new(),
            undoes: None,
            touched: 1,
        },
        touched: vec![Touched {
            kind: Kind::Cat,
            id: 7,
            rev_before: 1,
            rev_after: 2,
            before: None,
            after: Some((0..bytes).map(|n| u8::try_from((n * 31 + bytes) % 251).unwrap()).collect()),
        }],
        hashes: vec![(3, "$argon2id$".to_owned())],
        last_ids: vec![(Kind::Cat, 7)],
    }
}

struct Home {
    dir: tempfile::TempDir,
    place: Place,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = Place {
            data: dir.path().to_owned(),
            store: "0011223344556677".to_owned(),
            line: Line::generate(),
            key: 1,
            sealer: Arc::new(Sealer::new(&SecretKey::generate())),
        };
        Self { dir, place }
    }

    fn keys(&self) -> impl Fn(u32) -> Option<Arc<Sealer>> + use<> {
        let sealer = Arc::clone(&self.place.sealer);
        move |number| (number == 1).then(|| Arc::clone(&sealer))
    }

    /// A segment with groups of so many commits each, cut at its end; answers where each frame begins and the end.
    fn filled(&self, groups: &[u64]) -> (PathBuf, Vec<u64>) {
        let mut journal = Journal::begin(self.place.clone(), 0);
        let mut places = Vec::new();
        for &size in groups {
            let next = journal.last() + 1;
            let commits: Vec<_> = (next..next + size).map(|no| commit(no, 40)).collect();
            places.push(journal.append(&commits).unwrap().at);
        }
        places.push(journal.segment.as_ref().unwrap().end);
        journal.finish().unwrap();
        (self.segments().remove(0).path, places)
    }

    fn segments(&self) -> Vec<SegmentInfo> {
        segments(self.dir.path()).unwrap()
    }

    fn open(&self, path: &Path) -> Result<Reader, Broken> {
        Reader::open(path, &self.place.store, self.place.line, 1, &self.keys())
    }

    /// The numbers of the commits that can be read, and the damaged places.
    fn read(&self, path: &Path) -> (Vec<u64>, Vec<Broken>) {
        let (mut commits, mut broken) = (Vec::new(), Vec::new());
        match self.open(path) {
            Err(whole) => broken.push(whole),
            Ok(reader) => {
                for item in reader {
                    match item {
                        Ok(c) => {
                            assert_eq!(c, commit(c.entry.commit.0, 40));
                            commits.push(c.entry.commit.0);
                        }
                        Err(b) => broken.push(b),
                    }
                }
            }
        }
        (commits, broken)
    }

    fn recover(&self, from: u64, commit: u64) -> Result<recover::Found, OpenError> {
        recover(self.place.clone(), &self.keys(), from, commit, None)
    }

    /// The same after the store was closed.
    fn recover_closed(&self, from: u64, commit: u64) -> Result<recover::Found, OpenError> {
        recover(self.place.clone(), &self.keys(), from, commit, Some(commit))
    }
}

trait Replacing {
    /// The same with another byte in one place.
    fn replacing(&self, at: usize, byte: u8) -> Vec<u8>;
}

impl Replacing for Vec<u8> {
    fn replacing(&self, at: usize, byte: u8) -> Vec<u8> {
        let mut other = self.clone();
        other[at] = byte;
        other
    }
}

fn numbers(found: &recover::Found) -> Vec<u64> {
    found.missing.iter().flatten().map(|c| c.entry.commit.0).collect()
}

#[test]
fn commits_come_back_as_they_were() {
    let home = Home::new();
    let (path, places) = home.filled(&[1, 3, 2]);
    assert_eq!(home.read(&path), ((1..=6).collect(), vec![]));
    let mut reader = home.open(&path).unwrap();
    let offsets: Vec<u64> = std::iter::from_fn(|| reader.next_frame()).map(|f| f.unwrap().offset).collect();
    assert_eq!(offsets, places[..3]);
    assert_eq!((reader.end(), reader.last_commit()), (places[3], 6));
    assert!(!reader.is_torn());
}

#[test]
fn a_last_frame_cut_at_any_byte_is_dropped_and_nothing_before_it() {
    let home = Home::new();
    let (path, places) = home.filled(&[2, 1, 2]);
    let whole = fs::read(&path).unwrap();
    for cut in places[2]..places[3] {
        let cut = usize::try_from(cut).unwrap();
        for zeros in [0, 300] {
            let mut bytes = whole[..cut].to_vec();
            bytes.resize(cut + zeros, 0);
            fs::write(&path, bytes).unwrap();
            assert_eq!(home.read(&path), (vec![1, 2, 3], vec![]), "cut at {cut}");
            if cut % 16 != 0 {
                continue;
            }
            // Going on after it: the torn frame is gone for good.
            let mut found = home.recover(0, 3).unwrap();
            assert!(found.notices.is_empty() && found.missing.is_empty());
            // Whoever starts it is told, as it could be damage.
            let told = found.cut_short.as_ref().is_some_and(|words| words.contains("after change 3:"));
            assert_eq!(told, cut as u64 > places[2], "cut at {cut}");
            let _ = found.journal.append(&[commit(4, 40)]).unwrap();
            assert_eq!(home.read(&path), (vec![1, 2, 3, 4], vec![]), "cut at {cut}");
        }
    }
}

#[test]
fn a_flipped_byte_of_an_earlier_frame_is_named_and_what_follows_is_read() {
    let home = Home::new();
    let (path, places) = home.filled(&[2, 3, 1, 1]);
    let whole = fs::read(&path).unwrap();
    for at in places[1]..places[2] {
        let mut bytes = whole.clone();
        bytes[usize::try_from(at).unwrap()] ^= 0x20;
        fs::write(&path, bytes).unwrap();
        let (commits, broken) = home.read(&path);
        assert_eq!(commits, [1, 2, 6, 7], "byte {at}");
        assert_eq!(broken.len(), 1, "byte {at}");
        assert_eq!((&broken[0].path, broken[0].offset), (&path, places[1]));
        assert_eq!(broken[0].missing(), Some((3, Some(5))));
        let words = broken[0].to_string();
        assert!(words.contains(&format!("{} is damaged at byte {}", path.display(), places[1])), "{words}");
        assert!(words.ends_with("changes 3 to 5 cannot be read from it"), "{words}");
    }
}

#[test]
fn a_damaged_header_is_named_and_every_frame_is_read() {
    let home = Home::new();
    let (path, places) = home.filled(&[1, 2]);
    let whole = fs::read(&path).unwrap();
    for at in 0..places[0] {
        let mut bytes = whole.clone();
        bytes[usize::try_from(at).unwrap()] ^= 1;
        fs::write(&path, bytes).unwrap();
        let (commits, broken) = home.read(&path);
        assert_eq!(broken.len(), 1, "byte {at}");
        assert_eq!(broken[0].offset, 0);
        // A form or key number that is not known here may be somebody else's: it is not guessed at.
        if !(8..12).contains(&at) && !(44..48).contains(&at) {
            assert_eq!(commits, [1, 2, 3], "byte {at}");
            assert_eq!(broken[0].missing(), None);
        }
    }
}

#[test]
fn a_zeroed_block_is_not_taken_for_the_end() {
    let home = Home::new();
    let (path, places) = home.filled(&[1, 1, 1, 1]);
    let mut bytes = fs::read(&path).unwrap();
    bytes[usize::try_from(places[1]).unwrap()..usize::try_from(places[3]).unwrap()].fill(0);
    fs::write(&path, bytes).unwrap();
    let (commits, broken) = home.read(&path);
    assert_eq!(commits, [1, 4]);
    assert_eq!(broken.iter().map(Broken::missing).collect::<Vec<_>>(), [Some((2, Some(3)))]);
}

#[test]
fn a_frame_taken_back_leaves_no_trace() {
    let home = Home::new();
    let mut journal = Journal::begin(home.place.clone(), 0);
    let _ = journal.append(&[commit(1, 40)]).unwrap();
    let added = journal.append(&[commit(2, 4_000)]).unwrap();
    journal.take_back(added).unwrap();
    let _ = journal.append(&[commit(2, 40)]).unwrap();
    assert_eq!(home.read(&home.segments()[0].path), (vec![1, 2], vec![]));
}

#[test]
fn commits_out_of_order_are_refused() {
    let home = Home::new();
    let mut journal = Journal::begin(home.place.clone(), 4);
    assert!(journal.append(&[]).is_err());
    assert!(journal.append(&[commit(6, 40)]).is_err());
    assert!(journal.append(&[commit(4, 40)]).is_err());
    let _ = journal.append(&[commit(5, 40)]).unwrap();
}

#[test]
fn a_commit_takes_no_more_than_is_reckoned() {
    let mut large = commit(u64::MAX, 5_000);
    large.entry.actor.address = Some("a".repeat(300));
    large.entry.note = "n".repeat(300);
    large.entry.undoes = Some(CommitNo(u64::MAX));
    large.entry.at = Stamp(i64::MIN);
    large.hashes = vec![(u32::MAX, "h".repeat(300)); 9];
    large.last_ids = vec![(Kind::Request, u32::MAX); 9];
    let side = Touched { rev_before: u32::MAX, id: u32::MAX, before: Some(vec![1; 300]), ..large.touched[0].clone() };
    large.touched = vec![side; 50];
    for commit in [commit(1, 0), large] {
        assert!(content::encode(std::slice::from_ref(&commit)).unwrap().len() <= commit.most_bytes());
    }
}

#[test]
fn segments_follow_each_other_and_are_pruned_from_the_front() {
    let home = Home::new();
    let mut journal = Journal::begin(home.place.clone(), 0);
    for no in 1..=9 {
        let _ = journal.append(&[commit(no, 40)]).unwrap();
        if no % 3 == 0 {
            journal.rotate();
        }
    }
    let firsts = || home.segments().iter().map(|s| s.first).collect::<Vec<_>>();
    assert_eq!(firsts(), [1, 4, 7]);
    assert_eq!(numbers(&home.recover(0, 0).unwrap()), (1..=9).collect::<Vec<_>>());
    assert_eq!(numbers(&home.recover(0, 4).unwrap()), (5..=9).collect::<Vec<_>>());
    let line = home.place.line;
    assert_eq!(prune(home.dir.path(), Line::generate(), 9).unwrap(), 0);
    assert_eq!(prune(home.dir.path(), line, 2).unwrap(), 0);
    assert_eq!(prune(home.dir.path(), line, 3).unwrap(), 1);
    assert_eq!(prune(home.dir.path(), line, 100).unwrap(), 1);
    assert_eq!(firsts(), [7]);
    // What the engine needs is gone: that is said, never passed over.
    assert_eq!(
        home.recover(0, 4).err(),
        Some(OpenError::JournalAhead { path: home.dir.path().to_owned(), commit: 4, next: 7 })
    );
    assert!(home.recover(0, 6).unwrap().notices.is_empty());
}

#[test]
fn a_segment_that_is_missing_between_others_is_noticed() {
    let home = Home::new();
    let mut journal = Journal::begin(home.place.clone(), 0);
    for no in 1..=3 {
        let _ = journal.append(&[commit(no, 40)]).unwrap();
        journal.rotate();
    }
    fs::remove_file(&home.segments()[1].path).unwrap();
    assert!(matches!(home.recover(0, 1), Err(OpenError::JournalDamaged { .. })));
    assert!(matches!(home.recover(0, 0), Err(OpenError::JournalDamaged { .. })));
    assert_eq!(numbers(&home.recover(0, 2).unwrap()), [3]);
}

/// The commits that a gap swallowed, as [`Broken::missing`] tells them.
type Gap = Option<(u64, Option<u64>)>;

/// The commits of the line after one, and the gaps told.
fn chain(home: &Home, after: u64) -> (Vec<u64>, Vec<Gap>) {
    let (mut found, mut gaps) = (Vec::new(), Vec::new());
    let keys = home.keys();
    for item in commits(home.dir.path(), &home.place.store, home.place.line, after, &keys).unwrap() {
        match item {
            Ok(commit) => found.push(commit.entry.commit.0),
            Err(broken) => gaps.push(broken.missing()),
        }
    }
    (found, gaps)
}

#[test]
fn the_commits_of_a_line_come_from_all_its_segments_and_gaps_are_named() {
    let home = Home::new();
    let mut journal = Journal::begin(home.place.clone(), 0);
    for no in 1..=8 {
        let _ = journal.append(&[commit(no, 40)]).unwrap();
        if no % 2 == 0 {
            journal.rotate();
        }
    }
    assert_eq!(chain(&home, 0), ((1..=8).collect(), vec![]));
    assert_eq!(chain(&home, 4), ((5..=8).collect(), vec![]));
    assert_eq!(chain(&home, 5), ((6..=8).collect(), vec![]));
    assert_eq!(chain(&home, 8), (vec![], vec![]));
    let all = home.segments();
    let second = fs::read(&all[1].path).unwrap();
    fs::remove_file(&all[1].path).unwrap();
    assert_eq!(chain(&home, 0), (vec![1, 2, 5, 6, 7, 8], vec![Some((3, Some(4)))]));
    fs::write(&all[1].path, &second[..second.len() - 1]).unwrap();
    assert_eq!(chain(&home, 1), (vec![2, 3, 5, 6, 7, 8], vec![Some((4, Some(4)))]));
    assert_eq!(chain(&home, 4), (vec![5, 6, 7, 8], vec![]));
    let mut damaged = second;
    damaged[frame::HEADER + 60] ^= 1;
    fs::write(&all[1].path, damaged).unwrap();
    assert_eq!(chain(&home, 0), (vec![1, 2, 4, 5, 6, 7, 8], vec![Some((3, Some(3)))]));
    assert_eq!(chain(&home, 3), ((4..=8).collect(), vec![]));
}

#[test]
fn a_journal_that_is_behind_damaged_or_gone_is_said_and_another_segment_begins() {
    let home = Home::new();
    let (path, places) = home.filled(&[1, 1, 1]);
    assert!(home.recover(0, 3).unwrap().notices.is_empty());
    let behind = home.recover(0, 5).unwrap();
    assert!(
        behind.notices[0].contains("ends with change 3, but the store has changes up to 5"),
        "{:?}",
        behind.notices
    );
    assert_eq!(behind.journal.last(), 5);

    let mut bytes = fs::read(&path).unwrap();
    bytes[usize::try_from(places[1]).unwrap() + 50] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let damaged = home.recover(0, 2).unwrap();
    assert_eq!((numbers(&damaged), damaged.journal.last()), (vec![3], 3));
    assert!(damaged.notices[0].contains("change 2 cannot be read from it"), "{:?}", damaged.notices);
    // The engine needs what is damaged: nothing is guessed.
    assert!(matches!(home.recover(0, 1), Err(OpenError::JournalDamaged { .. })));

    let mut after = home.recover(0, 3).unwrap().journal;
    let _ = after.append(&[commit(4, 40)]).unwrap();
    assert!(fs::read(&path).unwrap() == bytes, "the damaged segment is kept as it is");
    let next = home.recover(3, 4).unwrap();
    assert!(next.notices.is_empty(), "{:?}", next.notices);

    fs::remove_dir_all(home.dir.path().join(DIR)).unwrap();
    assert!(home.recover(4, 4).unwrap().notices.is_empty());
    assert!(home.recover(3, 4).unwrap().notices[0].contains("is missing"));
}

#[test]
fn a_segment_that_was_just_being_made_is_none() {
    let home = Home::new();
    let (path, _) = home.filled(&[1, 1]);
    let whole = fs::read(&path).unwrap();
    for bytes in [&[][..], &whole[..50], &[0; frame::HEADER]] {
        let made = home.dir.path().join(DIR).join(file_name(home.place.line, 3));
        fs::write(&made, bytes).unwrap();
        let mut found = home.recover(0, 2).unwrap();
        assert!(found.notices.is_empty(), "{:?}", found.notices);
        assert!(!made.exists());
        let _ = found.journal.append(&[commit(3, 40)]).unwrap();
        assert_eq!(home.segments().len(), 1);
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn frames_of_another_history_are_refused_when_the_engine_lacks_their_commits() {
    let home = Home::new();
    let (path, places) = home.filled(&[1, 1, 1]);
    let whole = fs::read(&path).unwrap();
    // Another line of the same store, with the same keys.
    let dir = tempfile::tempdir().unwrap();
    let mut other =
        Journal::begin(Place { data: dir.path().to_owned(), line: Line::generate(), ..home.place.clone() }, 0);
    for no in 1..=2 {
        let _ = other.append(&[commit(no, 90)]).unwrap();
    }
    other.rotate();
    let _ = other.append(&[commit(3, 90)]).unwrap();
    other.finish().unwrap();
    let foreign = fs::read(&segments(dir.path()).unwrap()[1].path).unwrap();
    let frame = &foreign[frame::HEADER..];
    let before = &whole[..usize::try_from(places[2]).unwrap()];
    let header_damaged = foreign.replacing(30, !foreign[30]);
    let second = path.with_file_name(file_name(home.place.line, 3));
    for (first, more) in [
        ([before, frame].concat(), None),
        ([before, b"between", frame].concat(), None),
        (before.to_vec(), Some(&header_damaged)),
    ] {
        fs::write(&path, first).unwrap();
        more.map_or(Ok(()), |bytes| fs::write(&second, bytes)).unwrap();
        let error = home.recover(0, 2).err().unwrap();
        assert!(matches!(&error, OpenError::JournalDamaged { .. }), "{error}");
        assert_eq!(chain(&home, 0).0, [1, 2]);
        // The engine has commit 3, its own.
        let found = home.recover(0, 3).unwrap();
        assert!(found.missing.is_empty() && found.notices[0].contains("no change is missing"), "{:?}", found.notices);
    }
    // A damaged header alone does not keep frames out that follow those before.
    let mut own = Journal::begin(home.place.clone(), 2);
    fs::remove_file(&second).unwrap();
    fs::write(&path, before).unwrap();
    own.tag = *before.last_chunk().unwrap();
    let _ = own.append(&[commit(3, 40)]).unwrap();
    own.finish().unwrap();
    let bytes = fs::read(&second).unwrap();
    fs::write(&second, bytes.replacing(30, !bytes[30])).unwrap();
    let found = home.recover(0, 2).unwrap();
    assert_eq!((numbers(&found), found.notices.len()), (vec![3], 1));
}

#[test]
fn a_last_segment_that_cannot_be_read_is_refused_unless_the_store_was_closed() {
    let home = Home::new();
    let (path, _) = home.filled(&[1, 1]);
    let whole = fs::read(&path).unwrap();
    let made = home.dir.path().join(DIR).join(file_name(home.place.line, 3));
    let (of_another_key, a_directory, zeros) = (whole.replacing(44, 9), Vec::new(), vec![0; 4096]);
    for (bytes, first) in [(of_another_key, 3), (a_directory, 3), (zeros, 3), (whole[..50].to_vec(), 1)] {
        let target = if first == 1 { &path } else { &made };
        if bytes.is_empty() {
            fs::create_dir(target).unwrap();
        } else {
            fs::write(target, &bytes).unwrap();
        }
        let error = home.recover(0, 2).err().unwrap();
        let words = error.to_string();
        assert!(matches!(error, OpenError::JournalDamaged { .. }), "{words}");
        assert!(words.contains(&format!("changes from {first} on cannot be read")), "{words}");
        assert!(words.contains("may lack them") && words.contains("clowder doctor"), "{words}");
        // With what it was closed with nothing is missing; with less than that something is.
        let found = home.recover_closed(0, 2).unwrap();
        assert!(found.notices[0].contains("cannot be read from it"), "{:?}", found.notices);
        assert!(target.exists() && found.missing.is_empty());
        assert!(recover(home.place.clone(), &home.keys(), 0, 2, Some(3)).is_err());
        if target.is_dir() {
            fs::remove_dir(target).unwrap()
        } else {
            fs::remove_file(target).unwrap()
        }
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn another_stores_segment_a_newer_one_and_one_without_its_key_are_told_apart() {
    let home = Home::new();
    let (path, _) = home.filled(&[1]);
    let why = |broken: Result<Reader, Broken>| broken.err().unwrap().why;
    let other = Reader::open(&path, "other", home.place.line, 1, &home.keys());
    assert_eq!(why(other), "it belongs to another store");
    let moved = Reader::open(&path, &home.place.store, home.place.line, 9, &home.keys());
    assert!(why(moved).contains(&file_name(home.place.line, 1)));
    let keyless = Reader::open(&path, &home.place.store, home.place.line, 1, &|_| None);
    assert_eq!(why(keyless), "it is sealed with data key 1, which is not there");
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 2;
    fs::write(&path, bytes).unwrap();
    assert!(why(home.open(&path)).contains("newer version"));
}

#[test]
fn a_file_full_of_heads_of_frames_is_given_up_and_said() {
    let home = Home::new();
    let (path, places) = home.filled(&[1, 1]);
    let whole = fs::read(&path).unwrap();
    let place = usize::try_from(places[1]).unwrap();
    for header in [whole[30], !whole[30]] {
        let mut bytes = whole[..place].to_vec();
        bytes[30] = header;
        bytes.resize(200_000, 0);
        for at in (place..150_000).step_by(40) {
            let length = u32::try_from(bytes.len() - at - frame::FRAME).unwrap();
            bytes[at..at + 4].copy_from_slice(&whole[place..place + 4]);
            bytes[at + 4..at + 8].copy_from_slice(&length.to_le_bytes());
            bytes[at + 8..at + 24].copy_from_slice(&whole[place + 8..place + 24]);
        }
        fs::write(&path, &bytes).unwrap();
        let (commits, broken) = home.read(&path);
        assert_eq!(commits, [1]);
        let last = broken.last().unwrap();
        assert_eq!((last.missing(), last.offset), (Some((2, None)), places[1]), "{broken:?}");
        assert!(home.recover(0, 1).is_err());
        assert_eq!(home.recover_closed(0, 2).unwrap().missing.len(), 0);
    }
}

#[test]
fn files_that_the_journal_never_writes_are_not_taken_into_memory() {
    let home = Home::new();
    let (path, _) = home.filled(&[1]);
    // Commits are counted from 1.
    fs::write(path.with_file_name(file_name(home.place.line, 0)), "").unwrap();
    assert_eq!(home.segments().len(), 1);
    File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(home.open(&path).err().unwrap().why, "it is not a file as the journal has them");
}

#[test]
fn another_key_begins_another_segment() {
    let home = Home::new();
    let mut journal = Journal::begin(home.place.clone(), 0);
    let _ = journal.append(&[commit(1, 40)]).unwrap();
    let second = Arc::new(Sealer::new(&SecretKey::generate()));
    journal.set_key(2, Arc::clone(&second));
    let _ = journal.append(&[commit(2, 40)]).unwrap();
    let first = home.keys();
    let keys = |number| if number == 2 { Some(Arc::clone(&second)) } else { first(number) };
    let place = Place { key: 2, sealer: Arc::clone(&second), ..home.place.clone() };
    let found = recover(place, &keys, 0, 0, None).unwrap();
    assert_eq!(numbers(&found), [1, 2]);
    assert_eq!(home.segments().len(), 2);
    assert!(found.notices.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever is overwritten, what is read was written, each commit at most once and in order, and every commit that is not read
    /// is either named or at the very end.
    #[test]
    fn noise_anywhere_is_named_or_is_the_end(at in 0.0..1.0_f64, noise in prop::collection::vec(any::<u8>(), 1..200)) {
        let home = Home::new();
        let (path, _) = home.filled(&[1, 2, 1, 3, 1, 2]);
        let mut bytes = fs::read(&path).unwrap();
        let at = frame::HEADER + ((bytes.len() - frame::HEADER) as f64 * at) as usize;
        for (byte, noise) in bytes[at..].iter_mut().zip(&noise) {
            *byte = *noise;
        }
        fs::write(&path, bytes).unwrap();
        let (commits, broken) = home.read(&path);
        prop_assert!(commits.is_sorted_by(|a, b| a < b));
        let last = commits.last().copied().unwrap_or_default();
        let named = |no: u64| broken.iter().filter_map(Broken::missing).any(|(a, b)| a <= no && b.is_none_or(|b| no <= b));
        for no in 1..last {
            prop_assert!(commits.contains(&no) != named(no), "commit {no}");
        }
    }
}
