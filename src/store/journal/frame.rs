//! The bytes of a segment: its header and its frames.
//!
//! Header, 104 bytes: magic 8, form u32, store id 16, line 8, first commit u64, number of the data key u32, chain seed 16, all
//! little-endian; then a nonce and the tag over it. Frame: magic u32, length u32 of what is sealed, first and last commit u64,
//! the tag of the frame before (the seed, in the first one) 16; then nonce, ciphertext and tag, bound to these 40 bytes. So each
//! frame can be opened alone, and says what comes before it.

use super::{super::seal::Sealer, Line};

/// The tag at the end of whatever is sealed.
pub(in crate::store) type Tag = [u8; 16];

/// The bytes of a header.
pub(super) const HEADER: usize = CLEAR + SEALING;

/// The bytes in front of what a frame seals.
pub(super) const FRAME: usize = 40;

/// A nonce and a tag.
const SEALING: usize = 24 + 16;

const CLEAR: usize = 64;
const MAGIC: [u8; 8] = *b"clowderJ";
const FORM: u32 = 1;
const FRAME_MAGIC: [u8; 4] = *b"\xc1owd";
const HEADER_PLACE: &str = "journal segment";
const FRAME_PLACE: &str = "journal";

/// What a segment says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) store: String,
    pub(super) line: Line,
    /// The first commit that goes into it.
    pub(super) first: u64,
    /// The number of the data key that it is sealed with.
    pub(super) key: u32,
    /// The tag of the last frame of the segment before, or random bytes in the first one.
    pub(super) seed: Tag,
}

/// Why bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoHeader {
    /// A newer version of the program wrote it.
    Newer,
    /// Anything else.
    Damaged,
}

impl Header {
    pub(super) fn encode(&self, sealer: &Sealer) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&FORM.to_le_bytes());
        out.extend(self.store.bytes().chain(std::iter::repeat(0)).take(16));
        out.extend_from_slice(&self.line.0);
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.key.to_le_bytes());
        out.extend_from_slice(&self.seed);
        let sealed = sealer.seal(HEADER_PLACE, &out, &[]);
        out.extend_from_slice(&sealed);
        out
    }

    /// What the bytes say, not yet believed.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, NoHeader> {
        let clear = bytes.get(..HEADER).ok_or(NoHeader::Damaged)?;
        if clear[..8] != MAGIC {
            return Err(NoHeader::Damaged);
        }
        if u32_at(clear, 8) != FORM {
            return Err(NoHeader::Newer);
        }
        let store = String::from_utf8(clear[12..28].to_vec()).map_err(|_| NoHeader::Damaged)?;
        let mut line = Line::default();
        line.0.copy_from_slice(&clear[28..36]);
        let mut seed = Tag::default();
        seed.copy_from_slice(&clear[48..64]);
        Ok(Self {
            store: store.trim_end_matches('\0').to_owned(),
            line,
            first: u64_at(clear, 36),
            key: u32_at(clear, 44),
            seed,
        })
    }

    /// Whether the header at the front of these bytes is as it was sealed.
    pub(super) fn is_sealed(bytes: &[u8], sealer: &Sealer) -> bool {
        bytes.get(..HEADER).is_some_and(|h| sealer.open(HEADER_PLACE, &h[..CLEAR], &h[CLEAR..]).is_ok())
    }
}

/// The clear part of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) before: Tag,
    length: usize,
}

impl Head {
    /// The head at a place, if what is there can be one.
    pub(super) fn parse(bytes: &[u8], at: usize) -> Option<Self> {
        let head = bytes.get(at..at.checked_add(FRAME)?)?;
        let length = usize::try_from(u32_at(head, 4)).ok()?;
        let (first, last) = (u64_at(head, 8), u64_at(head, 16));
        let end = at.checked_add(FRAME)?.checked_add(length)?;
        if head[..4] != FRAME_MAGIC || length < SEALING || end > bytes.len() || first == 0 || first > last {
            return None;
        }
        let mut before = Tag::default();
        before.copy_from_slice(&head[24..40]);
        Some(Self { first, last, before, length })
    }

    /// All bytes of the frame.
    pub(super) fn size(&self) -> usize {
        FRAME + self.length
    }

    /// What is sealed in the frame, if it is as it was written.
    pub(super) fn open(&self, bytes: &[u8], at: usize, sealers: &[std::sync::Arc<Sealer>]) -> Option<Vec<u8>> {
        let frame = &bytes[at..at + self.size()];
        sealers.iter().find_map(|sealer| sealer.open(FRAME_PLACE, &frame[..FRAME], &frame[FRAME..]).ok())
    }

    /// The tag of the frame at that place.
    pub(super) fn tag(&self, bytes: &[u8], at: usize) -> Tag {
        bytes[..at + self.size()].last_chunk().copied().unwrap_or_default()
    }
}

/// The next place from `from` on where a frame may begin.
pub(super) fn find(bytes: &[u8], from: usize) -> Option<usize> {
    bytes.get(from..)?.windows(FRAME_MAGIC.len()).position(|w| w == FRAME_MAGIC).map(|n| from + n)
}

/// A frame, and its tag; `None` when it is too large to be read back.
pub(super) fn encode(sealer: &Sealer, commits: (u64, u64), before: &Tag, plain: &[u8]) -> Option<(Vec<u8>, Tag)> {
    let length = u32::try_from(plain.len() + SEALING).ok()?;
    let mut out = Vec::with_capacity(FRAME + plain.len() + SEALING);
    out.extend_from_slice(&FRAME_MAGIC);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&commits.0.to_le_bytes());
    out.extend_from_slice(&commits.1.to_le_bytes());
    out.extend_from_slice(before);
    let sealed = sealer.seal(FRAME_PLACE, &out, plain);
    out.extend_from_slice(&sealed);
    let tag = *out.last_chunk()?;
    Some((out, tag))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}
