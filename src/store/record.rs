//! A record of any kind, decoded and shared.

use std::{any::Any, sync::Arc};

use crate::model::{AdoptionRequest, Breed, Cat, HealthStatus, Kind, Record, RecordId as _, User, Version};

use super::{Change, StoreError, codec};

/// A record of any kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum AnyRecord {
    Breed(Arc<Breed>),
    Health(Arc<HealthStatus>),
    Cat(Arc<Cat>),
    User(Arc<User>),
    Request(Arc<AdoptionRequest>),
}

/// The same expression for whichever kind it is.
macro_rules! each {
    ($any:expr, $r:ident => $e:expr) => {
        match $any {
            AnyRecord::Breed($r) => $e,
            AnyRecord::Health($r) => $e,
            AnyRecord::Cat($r) => $e,
            AnyRecord::User($r) => $e,
            AnyRecord::Request($r) => $e,
        }
    };
}

impl AnyRecord {
    /// A copy of a record of a known kind.
    pub(super) fn of<R: Record>(record: &R) -> Result<Self, StoreError> {
        let any = record as &dyn Any;
        if let Some(r) = any.downcast_ref::<Cat>() {
            Ok(Self::Cat(Arc::new(r.clone())))
        } else if let Some(r) = any.downcast_ref::<AdoptionRequest>() {
            Ok(Self::Request(Arc::new(r.clone())))
        } else if let Some(r) = any.downcast_ref::<User>() {
            Ok(Self::User(Arc::new(r.clone())))
        } else if let Some(r) = any.downcast_ref::<Breed>() {
            Ok(Self::Breed(Arc::new(r.clone())))
        } else if let Some(r) = any.downcast_ref::<HealthStatus>() {
            Ok(Self::Health(Arc::new(r.clone())))
        } else {
            Err(StoreError::Failed(format!("the store keeps no {}", std::any::type_name::<R>())))
        }
    }

    /// The record, if it is of that type.
    pub(super) fn get<R: Record>(&self) -> Option<&R> {
        each!(self, r => (&**r as &dyn Any).downcast_ref())
    }

    /// A copy of the record, if it is of that type.
    pub(super) fn to<R: Record>(&self) -> Option<R> {
        self.get().cloned()
    }

    /// About how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        each!(self, r => size_of_val(&**r) + codec::encode(&**r).map_or(0, |bytes| bytes.len()))
    }

    pub(super) fn kind(&self) -> Kind {
        fn of<R: Record>(_: &Arc<R>) -> Kind {
            R::KIND
        }
        each!(self, r => of(r))
    }

    pub(super) fn id(&self) -> u32 {
        each!(self, r => r.id.number())
    }

    pub(super) fn version(&self) -> &Version {
        each!(self, r => &r.version)
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, StoreError> {
        each!(self, r => codec::encode(&**r))
    }

    /// The stored form for the audit log, which never holds a password, not even its hash.
    pub(super) fn encode_for_audit(&self) -> Result<Vec<u8>, StoreError> {
        match self {
            Self::User(user) if user.password.is_some() => {
                let mut user = User::clone(user);
                user.password = None;
                codec::encode(&user)
            }
            other => other.encode(),
        }
    }

    /// The same with that password hash, if it is a user.
    pub(super) fn with_password(self, hash: Option<String>) -> Self {
        match self {
            Self::User(user) if user.password != hash => {
                let mut user = Arc::unwrap_or_clone(user);
                user.password = hash;
                Self::User(Arc::new(user))
            }
            other => other,
        }
    }

    pub(super) fn decode(kind: Kind, stored: &[u8]) -> Result<Self, StoreError> {
        Ok(match kind {
            Kind::Breed => Self::Breed(Arc::new(codec::decode(stored)?)),
            Kind::Health => Self::Health(Arc::new(codec::decode(stored)?)),
            Kind::Cat => Self::Cat(Arc::new(codec::decode(stored)?)),
            Kind::User => Self::User(Arc::new(codec::decode(stored)?)),
            Kind::Request => Self::Request(Arc::new(codec::decode(stored)?)),
        })
    }

    /// The change from one to the other; `None` when both are missing or they are of two kinds.
    pub(super) fn change(before: Option<Self>, after: Option<Self>) -> Option<Change> {
        let kind = after.as_ref().or(before.as_ref())?.kind();
        macro_rules! sides {
            ($variant:ident) => {{
                let side = |any: Option<Self>| match any {
                    Some(Self::$variant(r)) => Some(r),
                    _ => None,
                };
                Change::$variant { before: side(before), after: side(after) }
            }};
        }
        Some(match kind {
            Kind::Breed => sides!(Breed),
            Kind::Health => sides!(Health),
            Kind::Cat => sides!(Cat),
            Kind::User => sides!(User),
            Kind::Request => sides!(Request),
        })
    }
}

/// The key of a record in its tree.
pub(super) fn key(id: u32) -> [u8; 4] {
    id.to_be_bytes()
}

/// The id in a key of a record's tree.
pub(super) fn id_of(key: &[u8]) -> Option<u32> {
    key.try_into().ok().map(u32::from_be_bytes)
}
