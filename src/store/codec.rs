//! The stored form of a record: a format version (u16, little-endian) and its fields in bincode.
//!
//! Bincode does not describe itself: bytes of an older shape cannot be read with the present struct. So each kind of
//! stored thing has a version, and whoever changes its shape keeps the old struct, adds a step to [`upgrade`] that reads it and
//! writes the next one, and adds stored bytes of the old version to the tests below.

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use serde::{Serialize, de::DeserializeOwned};

use crate::model::{Kind, Record, limits};

use super::StoreError;

/// What is stored, each with a format of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A record.
    Record(Kind),
    /// A part of an audit entry.
    Audit,
}

impl Shape {
    /// The version that is written now.
    pub(super) const fn version(self) -> u16 {
        match self {
            Self::Record(Kind::Breed | Kind::Health | Kind::Cat | Kind::User | Kind::Request) => 1,
            Self::Audit => 1,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Record(kind) => kind.slug(),
            Self::Audit => "audit entry",
        }
    }
}

/// The most that is read of one stored value; more can only be damage.
const MOST: usize = 64 * 1024;

/// Most stored values are not larger.
const USUAL: usize = 1024;

fn config() -> Configuration<LittleEndian, Varint, Limit<MOST>> {
    bincode::config::standard().with_limit::<MOST>()
}

/// The body of one version turned into the body of the next.
fn upgrade(shape: Shape, from: u16, _body: &[u8]) -> Result<Vec<u8>, StoreError> {
    Err(StoreError::Damaged(format!("a stored {} has format {from}, which no version of Clowder wrote", shape.words())))
}

/// Encodes anything that is stored.
pub(super) fn encode_as<T: Serialize>(shape: Shape, value: &T) -> Result<Vec<u8>, StoreError> {
    let mut out = Vec::with_capacity(USUAL);
    out.extend_from_slice(&shape.version().to_le_bytes());
    bincode::serde::encode_into_std_write(value, &mut out, config())
        .map_err(|e| StoreError::Failed(format!("a {} cannot be stored: {e}", shape.words())))?;
    Ok(out)
}

/// Decodes what [`encode_as`] wrote, now or in an older version.
pub(super) fn decode_as<T: DeserializeOwned>(shape: Shape, stored: &[u8]) -> Result<T, StoreError> {
    let (version, body) = stored
        .split_first_chunk::<2>()
        .ok_or_else(|| StoreError::Damaged(format!("a stored {} is cut short", shape.words())))?;
    let mut version = u16::from_le_bytes(*version);
    if version > shape.version() {
        return Err(StoreError::Damaged(format!(
            "a stored {} was written by a newer version of Clowder; update this one",
            shape.words()
        )));
    }
    let mut upgraded: Vec<u8>;
    let mut body = body;
    while version < shape.version() {
        upgraded = upgrade(shape, version, body)?;
        body = &upgraded;
        version += 1;
    }
    read(body).ok_or_else(|| StoreError::Damaged(format!("a stored {} cannot be read", shape.words())))
}

/// Reads a body; trailing bytes are refused, since bincode alone would pass over them.
fn read<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    match bincode::serde::decode_from_slice(body, config()) {
        Ok((value, read)) if read == body.len() => Some(value),
        _ => None,
    }
}

/// Encodes a record.
pub(super) fn encode<R: Record>(record: &R) -> Result<Vec<u8>, StoreError> {
    let out = encode_as(Shape::Record(R::KIND), record)?;
    if out.len() > limits::RECORD {
        return Err(StoreError::Failed(format!(
            "{} is too large to store: {} bytes, at most {}; shorten its texts",
            record.title(),
            out.len(),
            limits::RECORD
        )));
    }
    Ok(out)
}

/// Decodes a record.
pub(super) fn decode<R: Record>(stored: &[u8]) -> Result<R, StoreError> {
    decode_as(Shape::Record(R::KIND), stored)
}

#[cfg(test)]
mod tests;
