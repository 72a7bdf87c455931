//! The counters that a record counts in, as a pure function of it.

use std::collections::HashMap;

use crate::model::{BreedId, CatStatusKind, HealthId, Kind, RequestStatus, Role};

use super::{Tally, record::AnyRecord};

/// Every counter that the record adds one to.
pub(super) fn tallies(record: &AnyRecord) -> Vec<Tally> {
    let mut counts = vec![Tally::Records(record.kind())];
    match record {
        AnyRecord::Breed(_) | AnyRecord::Health(_) => {}
        AnyRecord::Cat(cat) => {
            if !cat.archived {
                counts.push(Tally::CatsByStatus(cat.status.kind()));
            }
            counts.extend(cat.breed.map(Tally::CatsByBreed));
            counts.extend(cat.health.map(Tally::CatsByHealth));
        }
        AnyRecord::User(user) => counts.push(Tally::UsersByRole(user.role)),
        AnyRecord::Request(request) => counts.push(Tally::RequestsByStatus(request.status)),
    }
    counts
}

/// Adds what a change from `before` to `after` does to the counters.
pub(super) fn add_change(into: &mut HashMap<Tally, i64>, before: Option<&AnyRecord>, after: Option<&AnyRecord>) {
    for (record, by) in [(before, -1), (after, 1)] {
        for tally in record.map(tallies).unwrap_or_default() {
            *into.entry(tally).or_default() += by;
        }
    }
}

/// The stored name of a counter: what it counts, and of which.
pub(super) fn key(tally: Tally) -> Vec<u8> {
    let (what, of) = match tally {
        Tally::Records(kind) => (1, u32::from(kind.code())),
        Tally::CatsByStatus(status) => (2, u32::from(status.code())),
        Tally::CatsByBreed(id) => (3, id.0),
        Tally::CatsByHealth(id) => (4, id.0),
        Tally::RequestsByStatus(status) => (5, u32::from(status.code())),
        Tally::UsersByRole(role) => (6, u32::from(role.code())),
    };
    let mut key = vec![what];
    key.extend_from_slice(&of.to_be_bytes());
    key
}

/// The counter of a stored name.
pub(super) fn from_key(key: &[u8]) -> Option<Tally> {
    let (&what, of) = key.split_first()?;
    let of = u32::from_be_bytes(of.try_into().ok()?);
    let code = u8::try_from(of);
    match what {
        1 => Kind::from_code(code.ok()?).map(Tally::Records),
        2 => CatStatusKind::from_code(code.ok()?).map(Tally::CatsByStatus),
        3 => Some(Tally::CatsByBreed(BreedId(of))),
        4 => Some(Tally::CatsByHealth(HealthId(of))),
        5 => RequestStatus::from_code(code.ok()?).map(Tally::RequestsByStatus),
        6 => Role::from_code(code.ok()?).map(Tally::UsersByRole),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_a_stored_name_of_its_own() {
        let all = [
            Tally::Records(Kind::Cat),
            Tally::CatsByStatus(CatStatusKind::Departed),
            Tally::CatsByBreed(BreedId(70_000)),
            Tally::CatsByHealth(HealthId(3)),
            Tally::RequestsByStatus(RequestStatus::Waitlisted),
            Tally::UsersByRole(Role::Admin),
        ];
        for tally in all {
            assert_eq!(from_key(&key(tally)), Some(tally));
        }
        let mut names: Vec<_> = all.into_iter().map(key).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all.len());
    }
}
