//! One record's change in a commit, decoded: what the catalog and the counters follow.

use std::sync::Arc;

use crate::model::{AdoptionRequest, Breed, Cat, HealthStatus, Kind, RecordId, User};

/// A record before and after a commit. `before` is `None` when the record is new, `after` when it was deleted.
#[derive(Debug, Clone)]
pub enum Change {
    /// A breed.
    Breed {
        /// As it was.
        before: Option<Arc<Breed>>,
        /// As it is now.
        after: Option<Arc<Breed>>,
    },
    /// A health status.
    Health {
        /// As it was.
        before: Option<Arc<HealthStatus>>,
        /// As it is now.
        after: Option<Arc<HealthStatus>>,
    },
    /// A cat.
    Cat {
        /// As it was.
        before: Option<Arc<Cat>>,
        /// As it is now.
        after: Option<Arc<Cat>>,
    },
    /// A user.
    User {
        /// As it was.
        before: Option<Arc<User>>,
        /// As it is now.
        after: Option<Arc<User>>,
    },
    /// An adoption request.
    Request {
        /// As it was.
        before: Option<Arc<AdoptionRequest>>,
        /// As it is now.
        after: Option<Arc<AdoptionRequest>>,
    },
}

impl Change {
    /// The kind of the record.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Breed { .. } => Kind::Breed,
            Self::Health { .. } => Kind::Health,
            Self::Cat { .. } => Kind::Cat,
            Self::User { .. } => Kind::User,
            Self::Request { .. } => Kind::Request,
        }
    }

    /// The number of the record; 0 only for a change that is no change (neither before nor after).
    pub fn id(&self) -> u32 {
        fn of<R: crate::model::Record>(before: &Option<Arc<R>>, after: &Option<Arc<R>>) -> u32 {
            after.as_ref().or(before.as_ref()).map_or(0, |r| r.id().number())
        }
        match self {
            Self::Breed { before, after } => of(before, after),
            Self::Health { before, after } => of(before, after),
            Self::Cat { before, after } => of(before, after),
            Self::User { before, after } => of(before, after),
            Self::Request { before, after } => of(before, after),
        }
    }
}
