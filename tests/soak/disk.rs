//! What a disk could hold after a cut of its power, worked out from the log of the shim.
//!
//! The rules are those that POSIX gives, and no kinder: the bytes and the length of a file are there once a sync of
//! the file that began after they were written has returned, and its name is there once a sync of the directory has.
//! Of everything else any part may be there, sector by sector; only names come about in the order in which they were
//! made, as they do on every file system with a journal.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    ops::Range,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

/// Numbers that are the same for the same seed and the same `CLOWDER_SOAK_SEED`.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        let asked: u64 =
            std::env::var("CLOWDER_SOAK_SEED").map_or(0, |n| n.parse().expect("CLOWDER_SOAK_SEED is a number"));
        let seed = seed.wrapping_add(asked << 32);
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1_e995_9d1b_58a3)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 when there is none.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, of: usize) -> bool {
        self.below(100) < of
    }
}

#[derive(Debug)]
enum Event {
    Open { ino: u64, path: String },
    Write { ino: u64, at: usize, bytes: Range<usize> },
    Truncate { ino: u64, length: usize },
    MakeDir { ino: u64, path: String },
    Rename { from: String, to: String },
    Remove { path: String },
    Link { from: String, to: String },
    Sync { token: u64 },
    Synced { ino: u64, token: u64 },
    Ack(String),
    Listing(Vec<(bool, u64, String)>),
}

/// Everything that a program did to a directory, in order.
pub struct Log {
    raw: Vec<u8>,
    events: Vec<Event>,
}

impl Log {
    /// Reads the shim's log. A record that was cut short ends it.
    pub fn read(path: &Path) -> Self {
        let raw = fs::read(path).unwrap();
        let mut events = Vec::new();
        let mut at = 0;
        while let Some(head) = raw.get(at..at + 25) {
            let number = |r: Range<usize>| u64::from_le_bytes(head[r].try_into().unwrap());
            let length = |r: Range<usize>| u32::from_le_bytes(head[r].try_into().unwrap()) as usize;
            let (kind, a, b) = (head[0], number(1..9), number(9..17));
            let one = at + 25..at + 25 + length(17..21);
            let two = one.end..one.end + length(21..25);
            if two.end > raw.len() {
                break;
            }
            at = two.end;
            let text = |r: &Range<usize>| String::from_utf8(raw[r.clone()].to_vec()).unwrap();
            events.push(match kind {
                b'O' => Event::Open { ino: a, path: text(&one) },
                b'W' => Event::Write { ino: a, at: b as usize, bytes: one },
                b'T' => Event::Truncate { ino: a, length: b as usize },
                b'D' => Event::MakeDir { ino: a, path: text(&one) },
                b'R' => {
                    assert_eq!(a & 2, 0, "names that are exchanged are not in the model");
                    Event::Rename { from: text(&one), to: text(&two) }
                }
                b'U' => Event::Remove { path: text(&one) },
                b'H' => Event::Link { from: text(&one), to: text(&two) },
                b'S' | b'E' => Event::Sync { token: b },
                b's' | b'e' => Event::Synced { ino: a, token: b },
                b'A' => Event::Ack(text(&one)),
                b'L' => Event::Listing(text(&one).lines().map(listed).collect()),
                other => panic!("the log of the shim has a record of kind {other}"),
            });
        }
        Self { raw, events }
    }

    /// How many places there are to cut at.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// The places of the acknowledgements.
    pub fn acknowledgements(&self) -> Vec<usize> {
        (0..self.len()).filter(|&at| matches!(self.events[at], Event::Ack(_))).collect()
    }
}

fn listed(line: &str) -> (bool, u64, String) {
    let (ino, path) = line[1..].split_once(' ').unwrap();
    (line.starts_with('d'), ino.parse().unwrap(), path.to_owned())
}

/// The number of a file or directory in the model; 0 is the root.
type Node = usize;

const ROOT: Node = 0;

#[derive(Default)]
struct Item {
    is_dir: bool,
    /// Names in a directory as the program sees them, and those that are safe.
    now: BTreeMap<String, Node>,
    safe_names: BTreeMap<String, Node>,
    /// The bytes of a file that are safe, and what came after, with its place in the log.
    safe: Vec<u8>,
    pending: Vec<(usize, Change)>,
}

#[derive(Clone)]
enum Change {
    Write { at: usize, bytes: Range<usize> },
    Length(usize),
}

/// A change of names that may be lost.
#[derive(Clone)]
struct NameChange {
    at: usize,
    remove: Option<(Node, String)>,
    add: Option<(Node, String, Node)>,
    /// Directories that must be synced before it is safe.
    waits_for: Vec<Node>,
}

/// How a cut treats what was not synced.
#[derive(Debug, Clone, Copy)]
pub enum Loss {
    /// The disk's cache is lost whole.
    Cache,
    /// Nothing is lost, as when only the program ends.
    Nothing,
    /// Up to some write, and of that a part.
    Torn,
    /// Any sectors of so many bytes.
    Sectors(usize),
}

impl Loss {
    pub fn any(dice: &mut Dice) -> Self {
        match dice.below(10) {
            0..3 => Self::Cache,
            3 => Self::Nothing,
            4..6 => Self::Torn,
            6..8 => Self::Sectors(512),
            _ => Self::Sectors(4096),
        }
    }
}

/// A directory on a disk that has not been told to keep everything yet.
pub struct Disk<'a> {
    log: &'a Log,
    at: usize,
    items: Vec<Item>,
    by_ino: HashMap<u64, Node>,
    names: Vec<NameChange>,
    /// Syncs that go on: where they began.
    syncs: HashMap<u64, usize>,
    /// Acknowledgements so far.
    pub acks: Vec<String>,
}

impl<'a> Disk<'a> {
    /// As the directory was before the program began; all of that is safe.
    pub fn new(log: &'a Log, before: &Before) -> Self {
        let root = Item { is_dir: true, ..Item::default() };
        let mut disk = Self {
            log,
            at: 0,
            items: vec![root],
            by_ino: HashMap::from([(before.root, ROOT)]),
            names: Vec::new(),
            syncs: HashMap::new(),
            acks: Vec::new(),
        };
        for (path, is_dir, ino, bytes) in &before.all {
            let item = Item { is_dir: *is_dir, safe: bytes.clone(), ..Item::default() };
            let node = disk.make(item, *ino);
            let (dir, name) = disk.parent(path).unwrap();
            let name = name.to_owned();
            disk.items[dir].now.insert(name.clone(), node);
            disk.items[dir].safe_names.insert(name, node);
        }
        disk
    }

    fn make(&mut self, item: Item, ino: u64) -> Node {
        self.items.push(item);
        let node = self.items.len() - 1;
        self.by_ino.insert(ino, node);
        node
    }

    fn parent<'p>(&self, path: &'p str) -> Option<(Node, &'p str)> {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut node = ROOT;
        for part in dir.split('/').filter(|p| !p.is_empty()) {
            node = *self.items[node].now.get(part)?;
        }
        Some((node, name))
    }

    fn look_up(&self, path: &str) -> Option<Node> {
        let (dir, name) = self.parent(path)?;
        self.items[dir].now.get(name).copied()
    }

    fn add(&mut self, path: &str, node: Node) {
        let (dir, name) =
            self.parent(path).unwrap_or_else(|| panic!("{path} was made in a directory that nobody made"));
        let name = name.to_owned();
        self.items[dir].now.insert(name.clone(), node);
        self.names.push(NameChange { at: self.at, remove: None, add: Some((dir, name, node)), waits_for: vec![dir] });
    }

    fn remove(&mut self, path: &str) {
        let Some((dir, name)) = self.parent(path) else { return };
        let name = name.to_owned();
        if self.items[dir].now.remove(&name).is_some() {
            self.names.push(NameChange { at: self.at, remove: Some((dir, name)), add: None, waits_for: vec![dir] });
        }
    }

    fn rename(&mut self, from: &str, to: &str) {
        let (Some((from_dir, from_name)), Some((to_dir, to_name))) = (self.parent(from), self.parent(to)) else {
            panic!("{from} was renamed to {to} outside of the model")
        };
        let (from_name, to_name) = (from_name.to_owned(), to_name.to_owned());
        let Some(node) = self.items[from_dir].now.remove(&from_name) else {
            panic!("{from} is not there to be renamed")
        };
        self.items[to_dir].now.insert(to_name.clone(), node);
        let mut waits_for = vec![from_dir];
        if to_dir != from_dir {
            waits_for.push(to_dir);
        }
        self.names.push(NameChange {
            at: self.at,
            remove: Some((from_dir, from_name)),
            add: Some((to_dir, to_name, node)),
            waits_for,
        });
    }

    /// Some libraries rename with system calls of their own, which pass the shim by; what is there tells.
    fn compare(&mut self, listing: &[(bool, u64, String)]) {
        let there: HashMap<&str, u64> = listing.iter().map(|(_, ino, path)| (path.as_str(), *ino)).collect();
        for (is_dir, ino, path) in listing {
            let node = self.by_ino.get(ino).copied();
            if node.is_some() && self.look_up(path) == node {
                continue;
            }
            let was = node.and_then(|node| self.paths().into_iter().find(|(_, n)| *n == node)).map(|(path, _)| path);
            match was {
                Some(was) if there.get(was.as_str()) != Some(ino) => self.rename(&was, path),
                _ => {
                    let node = self.make(Item { is_dir: *is_dir, ..Item::default() }, *ino);
                    self.add(path, node);
                }
            }
        }
        for (path, _) in self.paths() {
            if !there.contains_key(path.as_str()) {
                self.remove(&path);
            }
        }
    }

    fn paths(&self) -> Vec<(String, Node)> {
        let mut found = Vec::new();
        let mut to_do = vec![(String::new(), ROOT)];
        while let Some((path, dir)) = to_do.pop() {
            for (name, &node) in &self.items[dir].now {
                let path = join(&path, name);
                if self.items[node].is_dir {
                    to_do.push((path.clone(), node));
                }
                found.push((path, node));
            }
        }
        found
    }

    /// Goes on to that place in the log.
    pub fn run(&mut self, upto: usize) {
        let log = self.log;
        while self.at < upto {
            match &log.events[self.at] {
                Event::Open { ino, path } => {
                    let node = self.look_up(path);
                    if node.is_none() || self.by_ino.get(ino).copied() != node {
                        let node = self.make(Item::default(), *ino);
                        self.add(path, node);
                    }
                }
                Event::Write { ino, at, bytes } => {
                    self.change(*ino, Change::Write { at: *at, bytes: bytes.clone() });
                }
                Event::Truncate { ino, length } => self.change(*ino, Change::Length(*length)),
                Event::MakeDir { ino, path } => {
                    let node = self.make(Item { is_dir: true, ..Item::default() }, *ino);
                    self.add(path, node);
                }
                Event::Rename { from, to } => self.rename(from, to),
                Event::Remove { path } => self.remove(path),
                Event::Link { from, to } => {
                    let node = self.look_up(from).unwrap();
                    self.add(to, node);
                }
                Event::Sync { token } => drop(self.syncs.insert(*token, self.at)),
                Event::Synced { ino, token } => {
                    let began = self.syncs.remove(token).unwrap();
                    self.keep(*ino, began);
                }
                Event::Ack(text) => self.acks.extend(text.lines().map(str::to_owned)),
                Event::Listing(listing) => self.compare(listing),
            }
            self.at += 1;
        }
    }

    fn change(&mut self, ino: u64, change: Change) {
        if let Some(&node) = self.by_ino.get(&ino) {
            self.items[node].pending.push((self.at, change));
        }
    }

    /// A sync that began there has returned.
    fn keep(&mut self, ino: u64, began: usize) {
        let Some(&node) = self.by_ino.get(&ino) else { return };
        let pending = std::mem::take(&mut self.items[node].pending);
        let (safe, rest): (Vec<_>, Vec<_>) = pending.into_iter().partition(|(at, _)| *at < began);
        let bytes = &mut self.items[node].safe;
        safe.iter().for_each(|(_, change)| apply(&self.log.raw, bytes, change));
        self.items[node].pending = rest;
        if self.items[node].is_dir {
            for change in self.names.iter_mut().filter(|c| c.at < began) {
                change.waits_for.retain(|dir| *dir != node);
            }
            let (safe, rest): (Vec<_>, Vec<_>) =
                std::mem::take(&mut self.names).into_iter().partition(|c| c.waits_for.is_empty());
            self.names = rest;
            for change in safe {
                if let Some((dir, name)) = change.remove {
                    self.items[dir].safe_names.remove(&name);
                }
                if let Some((dir, name, node)) = change.add {
                    self.items[dir].safe_names.insert(name, node);
                }
            }
        }
    }

    /// Makes a directory that the disk could hold if the power were cut now.
    pub fn cut(&self, to: &Path, loss: Loss, dice: &mut Dice) {
        let mut names: HashMap<Node, BTreeMap<String, Node>> = (0..self.items.len())
            .filter(|&n| self.items[n].is_dir)
            .map(|n| (n, self.items[n].safe_names.clone()))
            .collect();
        let kept = match loss {
            Loss::Nothing => self.names.len(),
            _ if dice.percent(40) => 0,
            _ => dice.below(self.names.len() + 1),
        };
        for change in &self.names[..kept] {
            if let Some((dir, name)) = &change.remove {
                names.get_mut(dir).unwrap().remove(name);
            }
            if let Some((dir, name, node)) = &change.add {
                names.get_mut(dir).unwrap().insert(name.clone(), *node);
            }
        }
        self.write_dir(to, ROOT, &names, loss, dice);
    }

    fn write_dir(
        &self,
        to: &Path,
        dir: Node,
        names: &HashMap<Node, BTreeMap<String, Node>>,
        loss: Loss,
        dice: &mut Dice,
    ) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(to).unwrap();
        for (name, &node) in &names[&dir] {
            let path = to.join(name);
            if self.items[node].is_dir {
                self.write_dir(&path, node, names, loss, dice);
            } else {
                let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
                std::io::Write::write_all(&mut file, &self.bytes(node, loss, dice)).unwrap();
            }
        }
    }

    fn bytes(&self, node: Node, loss: Loss, dice: &mut Dice) -> Vec<u8> {
        let item = &self.items[node];
        let mut out = item.safe.clone();
        let whole = |out: &mut Vec<u8>, n: usize| {
            item.pending[..n].iter().for_each(|(_, change)| apply(&self.log.raw, out, change));
        };
        match loss {
            Loss::Cache => {}
            Loss::Nothing => whole(&mut out, item.pending.len()),
            Loss::Torn => {
                let n = dice.below(item.pending.len() + 1);
                whole(&mut out, n);
                if let Some((_, Change::Write { at, bytes })) = item.pending.get(n) {
                    let end = dice.below(bytes.len() / 512 + 1) * 512;
                    apply(&self.log.raw, &mut out, &Change::Write { at: *at, bytes: bytes.start..bytes.start + end });
                }
            }
            Loss::Sectors(size) => {
                let likely = [10, 50, 90][dice.below(3)];
                for (_, change) in &item.pending {
                    self.scatter(&mut out, change, size, likely, dice);
                }
                match dice.below(3) {
                    // The length is metadata, and may come late, or before the bytes.
                    0 => out.truncate(item.safe.len()),
                    1 => {
                        let mut full = item.safe.clone();
                        whole(&mut full, item.pending.len());
                        out.resize(full.len(), 0);
                    }
                    _ => {}
                }
            }
        }
        out
    }

    fn scatter(&self, out: &mut Vec<u8>, change: &Change, size: usize, likely: usize, dice: &mut Dice) {
        let Change::Write { at, bytes } = change else {
            if dice.percent(likely) {
                apply(&self.log.raw, out, change);
            }
            return;
        };
        let mut from = 0;
        while from < bytes.len() {
            let to = (((at + from) / size + 1) * size - at).min(bytes.len());
            if dice.percent(likely) {
                let part = Change::Write { at: at + from, bytes: bytes.start + from..bytes.start + to };
                apply(&self.log.raw, out, &part);
            }
            from = to;
        }
    }
}

fn apply(raw: &[u8], out: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(length) => out.resize(*length, 0),
        Change::Write { at, bytes } if !bytes.is_empty() => {
            let end = at + bytes.len();
            if out.len() < end {
                out.resize(end, 0);
            }
            out[*at..end].copy_from_slice(&raw[bytes.clone()]);
        }
        Change::Write { .. } => {}
    }
}

fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

/// A directory before a program begins to change it.
pub struct Before {
    root: u64,
    all: Vec<(String, bool, u64, Vec<u8>)>,
}

impl Before {
    pub fn of(root: &Path) -> Self {
        let mut before = Self { root: fs::metadata(root).unwrap().ino(), all: Vec::new() };
        let mut to_do = vec![String::new()];
        while let Some(dir) = to_do.pop() {
            for entry in fs::read_dir(root.join(&dir)).unwrap().flatten() {
                let path = join(&dir, &entry.file_name().into_string().unwrap());
                let is_dir = entry.path().is_dir();
                let bytes = if is_dir { Vec::new() } else { fs::read(entry.path()).unwrap() };
                before.all.push((path.clone(), is_dir, entry.metadata().unwrap().ino(), bytes));
                if is_dir {
                    to_do.push(path);
                }
            }
        }
        before
    }
}
