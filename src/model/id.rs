//! Identifiers, kinds of record, and what every record carries.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt;

use super::{Stamp, coded::coded};

coded! {
    /// The kinds of record that the store keeps, one tree each.
    pub enum Kind("kind of record") {
        Breed = 1, "breed", "Breed";
        Health = 2, "health", "Health status";
        Cat = 3, "cat", "Cat";
        User = 4, "user", "User";
        Request = 5, "request", "Request";
    }
}

/// What every record carries; the store writes it at each commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Version {
    /// Counts the changes of the record, from 1. An edit names the `rev` it was made on.
    pub rev: u32,
    /// When the record was made.
    pub created_at: Stamp,
    /// When it was last changed.
    pub updated_at: Stamp,
}

/// An identifier of one kind of record: a positive integer from the kind's own sequence.
pub trait RecordId: Copy + Eq + Ord + fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// The id of that number.
    fn new(number: u32) -> Self;
    /// The number of that id.
    fn number(self) -> u32;
}

/// A kind of record as the store sees it.
pub trait Record: Serialize + DeserializeOwned + Clone + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// The record's id type.
    type Id: RecordId;
    /// Which kind it is.
    const KIND: Kind;

    /// The record's id; 0 before it is first stored.
    fn id(&self) -> Self::Id;
    /// Gives a new record the id the store chose.
    fn set_id(&mut self, id: Self::Id);
    /// The revision and its times.
    fn version(&self) -> &Version;
    /// The same, for the store to write.
    fn version_mut(&mut self) -> &mut Version;
    /// What people call the record, for messages and the audit log.
    fn title(&self) -> String;
}

macro_rules! id {
    ($(#[$m:meta])* $name:ident) => {
        $(#[$m])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl RecordId for $name {
            fn new(number: u32) -> Self { Self(number) }
            fn number(self) -> u32 { self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(&self.0, f) }
        }
    };
}

id!(
    /// The number of a breed.
    BreedId
);
id!(
    /// The number of a health status.
    HealthId
);
id!(
    /// The number of a cat (not its tag, which is the shelter's own).
    CatId
);
id!(
    /// The number of a user.
    UserId
);
id!(
    /// The number of an adoption request.
    RequestId
);

/// Implements [`Record`] for a struct with the fields `id` and `version`.
macro_rules! record {
    ($type:ident, $id:ident, $kind:ident, |$this:ident| $title:expr) => {
        impl crate::model::Record for $type {
            type Id = crate::model::$id;
            const KIND: crate::model::Kind = crate::model::Kind::$kind;
            fn id(&self) -> Self::Id {
                self.id
            }
            fn set_id(&mut self, id: Self::Id) {
                self.id = id;
            }
            fn version(&self) -> &crate::model::Version {
                &self.version
            }
            fn version_mut(&mut self) -> &mut crate::model::Version {
                &mut self.version
            }
            fn title(&self) -> String {
                let $this = self;
                $title
            }
        }
    };
}
pub(crate) use record;
