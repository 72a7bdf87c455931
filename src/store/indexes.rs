//! The index keys of a record, as a pure function of it. A commit writes the difference between the keys of the old and
//! the new record; a check compares all of them with what is stored.
//!
//! A key is: number of the index, what it is looked up by, what it is sorted by, id. It holds no readable text: unique texts are
//! keyed hashes. Values are empty.

use std::ops::Bound;

use crate::model::{Day, Kind, Stamp, text};

use super::{Cursor, Listing, Unique, record::AnyRecord, seal::KeyHasher};

/// An index key.
pub(super) type Key = Vec<u8>;

/// The numbers of the indexes; stored, so none is ever used for something else.
mod number {
    pub(super) const CATS_BY_STATUS: u8 = 1;
    pub(super) const CATS_BY_BREED: u8 = 2;
    pub(super) const CATS_BY_HEALTH: u8 = 3;
    pub(super) const USERS_BY_ROLE: u8 = 4;
    pub(super) const REQUESTS_BY_STATUS: u8 = 5;
    pub(super) const REQUESTS_OF_CAT: u8 = 6;
    pub(super) const REQUESTS_OF_USER: u8 = 7;
    pub(super) const TAG: u8 = 32;
    pub(super) const USERNAME: u8 = 33;
    pub(super) const EMAIL: u8 = 34;
    pub(super) const BREED_NAME: u8 = 35;
    pub(super) const HEALTH_NAME: u8 = 36;
    pub(super) const AUDIT: u8 = 64;
}

/// Names in words, for findings.
pub(super) fn name(key: &[u8]) -> &'static str {
    match key.first().copied().unwrap_or_default() {
        number::CATS_BY_STATUS => "cats by status",
        number::CATS_BY_BREED => "cats by breed",
        number::CATS_BY_HEALTH => "cats by health status",
        number::USERS_BY_ROLE => "users by role",
        number::REQUESTS_BY_STATUS => "requests by status",
        number::REQUESTS_OF_CAT => "requests of a cat",
        number::REQUESTS_OF_USER => "requests of a user",
        number::TAG => "tags",
        number::USERNAME => "usernames",
        number::EMAIL => "e-mail addresses",
        number::BREED_NAME => "breed names",
        number::HEALTH_NAME => "health status names",
        number::AUDIT => "audit entries of a record",
        _ => "an unknown index",
    }
}

/// The field of a unique index key, for the message when it is taken; `None` for the other indexes.
pub(super) fn unique_field(key: &[u8]) -> Option<&'static str> {
    match key.first()? {
        &number::TAG => Some("tag"),
        &number::USERNAME => Some("username"),
        &number::EMAIL => Some("email"),
        &number::BREED_NAME | &number::HEALTH_NAME => Some("name"),
        _ => None,
    }
}

/// The part of a key in front of the id.
pub(super) fn without_id(key: &[u8]) -> &[u8] {
    &key[..key.len().saturating_sub(4)]
}

/// The id at the end of a key.
pub(super) fn id_of(key: &[u8]) -> u32 {
    key.last_chunk::<4>().map_or(0, |id| u32::from_be_bytes(*id))
}

/// The kind of record that a key belongs to, `None` for keys of the audit log.
pub(super) fn kind_of(key: &[u8]) -> Option<Kind> {
    match *key.first()? {
        number::CATS_BY_STATUS | number::CATS_BY_BREED | number::CATS_BY_HEALTH | number::TAG => Some(Kind::Cat),
        number::USERS_BY_ROLE | number::USERNAME | number::EMAIL => Some(Kind::User),
        number::REQUESTS_BY_STATUS | number::REQUESTS_OF_CAT | number::REQUESTS_OF_USER => Some(Kind::Request),
        number::BREED_NAME => Some(Kind::Breed),
        number::HEALTH_NAME => Some(Kind::Health),
        _ => None,
    }
}

/// A day so that bytes sort as days do; unknown days come last.
fn day_sort(day: Option<Day>) -> u64 {
    day.map_or(u64::from(u32::MAX), |d| u64::from(d.0.cast_unsigned() ^ (1 << 31)))
}

fn stamp_sort(stamp: Stamp) -> u64 {
    stamp.0.cast_unsigned() ^ (1 << 63)
}

fn key(number: u8, by: &[u8], sort: u64, id: u32) -> Key {
    let mut key = Vec::with_capacity(1 + by.len() + 8 + 4);
    key.push(number);
    key.extend_from_slice(by);
    key.extend_from_slice(&sort.to_be_bytes());
    key.extend_from_slice(&id.to_be_bytes());
    key
}

/// The front of the keys of a listing.
fn listing_prefix(listing: Listing) -> Key {
    let (number, by) = match listing {
        Listing::CatsByStatus(status) => (number::CATS_BY_STATUS, vec![status.code()]),
        Listing::CatsByBreed(id) => (number::CATS_BY_BREED, id.0.to_be_bytes().to_vec()),
        Listing::CatsByHealth(id) => (number::CATS_BY_HEALTH, id.0.to_be_bytes().to_vec()),
        Listing::UsersByRole(role) => (number::USERS_BY_ROLE, vec![role.code()]),
        Listing::RequestsByStatus(status) => (number::REQUESTS_BY_STATUS, vec![status.code()]),
        Listing::RequestsOfCat(id) => (number::REQUESTS_OF_CAT, id.0.to_be_bytes().to_vec()),
        Listing::RequestsOfUser(id) => (number::REQUESTS_OF_USER, id.0.to_be_bytes().to_vec()),
    };
    [vec![number], by].concat()
}

fn listing_key(listing: Listing, sort: u64, id: u32) -> Key {
    let prefix = listing_prefix(listing);
    key(prefix[0], &prefix[1..], sort, id)
}

/// The kind of record that a listing lists.
pub(super) const fn listed(listing: Listing) -> Kind {
    match listing {
        Listing::CatsByStatus(_) | Listing::CatsByBreed(_) | Listing::CatsByHealth(_) => Kind::Cat,
        Listing::UsersByRole(_) => Kind::User,
        Listing::RequestsByStatus(_) | Listing::RequestsOfCat(_) | Listing::RequestsOfUser(_) => Kind::Request,
    }
}

/// A range of keys.
pub(super) struct Range {
    pub(super) from: Bound<Key>,
    pub(super) to: Bound<Key>,
}

impl Range {
    /// Everything that starts so.
    pub(super) fn prefix(prefix: Key) -> Self {
        let to = after_prefix(&prefix).map_or(Bound::Unbounded, Bound::Excluded);
        Self { from: Bound::Included(prefix), to }
    }

    /// What a listing holds after a place, in its order or against it.
    pub(super) fn listing(listing: Listing, after: Option<Cursor>, newest_first: bool) -> Self {
        let mut range = Self::prefix(listing_prefix(listing));
        if let Some(place) = after {
            let place = Bound::Excluded(listing_key(listing, place.sort, place.id));
            if newest_first { range.to = place } else { range.from = place }
        }
        range
    }

    pub(super) fn as_slices(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (self.from.as_ref().map(Vec::as_slice), self.to.as_ref().map(Vec::as_slice))
    }
}

/// The first key after all that start so.
fn after_prefix(prefix: &[u8]) -> Option<Key> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

/// The place in a listing that an index key stands for.
pub(super) fn cursor(listing: Listing, keys: &[Key]) -> Option<Cursor> {
    let prefix = listing_prefix(listing);
    let key = keys.iter().find(|k| k.starts_with(&prefix))?;
    let sort = key.get(prefix.len()..prefix.len() + 8)?.try_into().ok().map(u64::from_be_bytes)?;
    Some(Cursor { sort, id: id_of(key) })
}

/// Case alone makes no difference in sign-in names, addresses and tags; in names of breeds and health statuses
/// accents make none either.
fn unique_hash(hasher: &KeyHasher, number: u8, value: &str) -> [u8; 16] {
    let same = match number {
        number::BREED_NAME | number::HEALTH_NAME => text::fold(value),
        _ => text::clean_line(value).to_lowercase(),
    };
    hasher.hash(number, &same)
}

fn unique_prefix(hasher: &KeyHasher, number: u8, value: &str) -> Key {
    [&[number][..], &unique_hash(hasher, number, value)].concat()
}

fn unique_key(hasher: &KeyHasher, number: u8, value: &str, id: u32) -> Key {
    [&unique_prefix(hasher, number, value)[..], &id.to_be_bytes()].concat()
}

/// The front of the key of a unique value, without the id, and the kind of record it is of.
pub(super) fn unique(hasher: &KeyHasher, unique: Unique<'_>) -> (Kind, Key) {
    let (kind, number, value) = match unique {
        Unique::Tag(v) => (Kind::Cat, number::TAG, v),
        Unique::Username(v) => (Kind::User, number::USERNAME, v),
        Unique::Email(v) => (Kind::User, number::EMAIL, v),
        Unique::BreedName(v) => (Kind::Breed, number::BREED_NAME, v),
        Unique::HealthName(v) => (Kind::Health, number::HEALTH_NAME, v),
    };
    (kind, unique_prefix(hasher, number, value))
}

/// Every index key of a record.
pub(super) fn keys(hasher: &KeyHasher, record: &AnyRecord) -> Vec<Key> {
    let id = record.id();
    let mut keys = Vec::with_capacity(4);
    match record {
        AnyRecord::Breed(breed) => keys.push(unique_key(hasher, number::BREED_NAME, &breed.name, id)),
        AnyRecord::Health(health) => keys.push(unique_key(hasher, number::HEALTH_NAME, &health.name, id)),
        AnyRecord::Cat(cat) => {
            if !cat.archived {
                keys.push(listing_key(Listing::CatsByStatus(cat.status.kind()), day_sort(cat.intake()), id));
            }
            keys.extend(cat.breed.map(|breed| listing_key(Listing::CatsByBreed(breed), 0, id)));
            keys.extend(cat.health.map(|health| listing_key(Listing::CatsByHealth(health), 0, id)));
            keys.extend(cat.tag.as_ref().map(|tag| unique_key(hasher, number::TAG, tag, id)));
        }
        AnyRecord::User(user) => {
            keys.push(unique_key(hasher, number::USERNAME, &user.username, id));
            keys.extend(user.email.as_ref().map(|email| unique_key(hasher, number::EMAIL, email, id)));
            keys.push(listing_key(Listing::UsersByRole(user.role), 0, id));
        }
        AnyRecord::Request(request) => {
            let sort = stamp_sort(request.requested_at);
            keys.push(listing_key(Listing::RequestsByStatus(request.status), sort, id));
            keys.push(listing_key(Listing::RequestsOfCat(request.cat), sort, id));
            keys.push(listing_key(Listing::RequestsOfUser(request.user), sort, id));
        }
    }
    keys
}

/// The front of the keys of the audit entries that touched a record.
pub(super) fn audit_prefix(kind: Kind, id: u32) -> Key {
    let mut key = vec![number::AUDIT, kind.code()];
    key.extend_from_slice(&id.to_be_bytes());
    key
}

/// The key of an audit entry that touched a record.
pub(super) fn audit_key(kind: Kind, id: u32, commit: u64) -> Key {
    let mut key = audit_prefix(kind, id);
    key.extend_from_slice(&commit.to_be_bytes());
    key
}

/// The record that a key of the audit log names.
pub(super) fn audit_record(key: &[u8]) -> Option<(Kind, u32)> {
    let rest = key.strip_prefix(&[number::AUDIT])?;
    let (kind, rest) = rest.split_first()?;
    Some((Kind::from_code(*kind)?, u32::from_be_bytes(*rest.first_chunk()?)))
}

/// Whether a key belongs to the audit log, and the commit that it names.
pub(super) fn audit_commit(key: &[u8]) -> Option<u64> {
    (key.first() == Some(&number::AUDIT)).then(|| key.last_chunk::<8>().map_or(0, |c| u64::from_be_bytes(*c)))
}
