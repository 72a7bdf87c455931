//! The two lists that a shelter keeps for its cats: breeds and health statuses.

use serde::{Deserialize, Serialize};

use super::{BreedId, HealthId, Version, id::record};

/// A breed, with what to know about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Breed {
    /// Its number.
    pub id: BreedId,
    /// Revision and times.
    pub version: Version,
    /// Its name, unique without regard to case and accents.
    pub name: String,
    /// Characteristics and care.
    pub description: String,
}
record!(Breed, BreedId, Breed, |b| b.name.clone());

/// A state of health, with what it asks of the staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct HealthStatus {
    /// Its number.
    pub id: HealthId,
    /// Revision and times.
    pub version: Version,
    /// Its name, unique without regard to case and accents.
    pub name: String,
    /// Care or treatment.
    pub description: String,
    /// Whether a cat in this state must not be adopted.
    pub prevents_adoption: bool,
}
record!(HealthStatus, HealthId, Health, |h| h.name.clone());
