//! Sorts more than fits into memory, through temporary files.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
};

/// How many bytes are sorted in memory at a time.
const CHUNK: usize = 16 << 20;
/// How many sorted files are kept before they are merged into one.
const RUNS: usize = 64;

type Item = (Vec<u8>, Vec<u8>);

/// Takes items (a key and a body) in any order and gives them back in the order of their keys. The
/// temporary files have no name in the file system and are gone with the process.
pub(super) struct Sorter {
    items: Vec<Item>,
    bytes: usize,
    chunk: usize,
    runs: Vec<File>,
}

impl Sorter {
    pub fn new() -> Self {
        Self::with_chunk(CHUNK)
    }

    fn with_chunk(chunk: usize) -> Self {
        Self { items: Vec::new(), bytes: 0, chunk, runs: Vec::new() }
    }

    pub fn push(&mut self, key: Vec<u8>, body: Vec<u8>) -> io::Result<()> {
        self.bytes += key.len() + body.len() + 64;
        self.items.push((key, body));
        if self.bytes > self.chunk {
            self.items.sort_unstable();
            let run = write(self.items.drain(..).map(Ok))?;
            self.bytes = 0;
            self.runs.push(run);
            if self.runs.len() == RUNS {
                let merged = write(Merge::new(std::mem::take(&mut self.runs))?)?;
                self.runs.push(merged);
            }
        }
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<Sorted> {
        self.items.sort_unstable();
        if self.runs.is_empty() {
            return Ok(Sorted::Memory(self.items.into_iter()));
        }
        self.runs.push(write(self.items.into_iter().map(Ok))?);
        Merge::new(self.runs).map(Sorted::Files)
    }
}

/// The items in order.
pub(super) enum Sorted {
    Memory(std::vec::IntoIter<Item>),
    Files(Merge),
}

impl Iterator for Sorted {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Memory(items) => items.next().map(Ok),
            Self::Files(merge) => merge.next(),
        }
    }
}

fn write(items: impl Iterator<Item = io::Result<Item>>) -> io::Result<File> {
    let mut out = BufWriter::new(tempfile::tempfile()?);
    for item in items {
        let (key, body) = item?;
        for part in [&key, &body] {
            let len = u32::try_from(part.len()).map_err(io::Error::other)?;
            out.write_all(&len.to_le_bytes())?;
            out.write_all(part)?;
        }
    }
    let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// Several sorted files as one.
pub(super) struct Merge {
    files: Vec<BufReader<File>>,
    heads: BinaryHeap<Reverse<(Item, usize)>>,
}

impl Merge {
    fn new(files: Vec<File>) -> io::Result<Self> {
        let files: Vec<_> = files.into_iter().map(BufReader::new).collect();
        let mut merge = Self { heads: BinaryHeap::with_capacity(files.len()), files };
        for at in 0..merge.files.len() {
            merge.refill(at)?;
        }
        Ok(merge)
    }

    fn refill(&mut self, at: usize) -> io::Result<()> {
        let file = &mut self.files[at];
        if let Some(key) = part(file)? {
            let body = part(file)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            self.heads.push(Reverse(((key, body), at)));
        }
        Ok(())
    }
}

fn part(file: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut len = [0; 4];
    match file.read_exact(&mut len) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut bytes = vec![0; u32::from_le_bytes(len) as usize];
    file.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

impl Iterator for Merge {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((item, at)) = self.heads.pop()?;
        Some(self.refill(at).map(|()| item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_in_memory_and_through_files() {
        for (chunk, count) in [(CHUNK, 1_000u32), (700, 1_000), (150, 1_000)] {
            let mut sorter = Sorter::with_chunk(chunk);
            for i in 0..count {
                let n = i.wrapping_mul(2_654_435_761) % 500;
                sorter.push(n.to_be_bytes().to_vec(), i.to_be_bytes().to_vec()).unwrap();
            }
            let items: Vec<Item> = sorter.finish().unwrap().map(Result::unwrap).collect();
            assert_eq!(items.len(), count as usize);
            assert!(items.is_sorted());
        }
    }
}
