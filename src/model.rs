//! Records, ids, states and their transitions. No I/O, and nothing of the other layers.

pub mod access;
pub mod audit;
pub mod cat;
pub mod catalogue;
mod coded;
pub mod date;
pub mod decision;
pub mod error;
pub mod id;
pub mod intake;
pub mod limits;
pub mod query;
pub mod request;
pub mod stays;
pub mod text;
pub mod user;

pub use access::{Actor, Door, Permission, Role, Who};
pub use audit::{Action, AuditEntry, CommitNo, Touched};
pub use cat::{
    Altered, Cat, CatStatus, CatStatusKind, FosterSpell, Gender, Hold, HoldKind, IntakeKind, Outcome, OutcomeKind, Stay,
};
pub use catalogue::{Breed, HealthStatus};
pub use date::{AgeBand, Day, PartialDate, Stamp};
pub use decision::{Need, Verdict};
pub use error::{Error, FieldError, Result};
pub use id::{BreedId, CatId, HealthId, Kind, Record, RecordId, RequestId, UserId, Version};
pub use request::{AdoptionRequest, Decision, HistoryEvent, HistoryItem, RequestStatus};
pub use user::{Ban, Lock, Preferences, SshKey, User};
