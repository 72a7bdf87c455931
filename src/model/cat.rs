//! Cats, their stays, and their adoption status.

use serde::{Deserialize, Serialize};

use super::{BreedId, CatId, Day, HealthId, PartialDate, Version, coded::coded, id::record};

coded! {
    /// The sex of a cat.
    pub enum Gender("gender") {
        Female = 1, "female", "Female";
        Male = 2, "male", "Male";
        Unknown = 3, "unknown", "Unknown";
    }
}

coded! {
    /// Whether a cat is spayed or neutered.
    pub enum Altered("altered state") {
        Yes = 1, "yes", "Yes";
        No = 2, "no", "No";
        Unknown = 3, "unknown", "Unknown";
    }
}

coded! {
    /// How a cat came in.
    pub enum IntakeKind("intake kind") {
        Stray = 1, "stray", "Stray";
        OwnerSurrender = 2, "owner-surrender", "Owner surrender";
        TransferIn = 3, "transfer-in", "Transfer in";
        Seized = 4, "seized", "Seized";
        BornInCare = 5, "born-in-care", "Born in care";
        Return = 6, "return", "Return";
        Other = 7, "other", "Other";
    }
}

coded! {
    /// How a stay ended.
    pub enum OutcomeKind("outcome kind") {
        Adoption = 1, "adoption", "Adoption";
        ReturnedToOwner = 2, "returned-to-owner", "Returned to owner";
        TransferOut = 3, "transfer-out", "Transferred out";
        ReturnedToField = 4, "returned-to-field", "Returned to field";
        Died = 5, "died", "Died in care";
        Lost = 6, "lost", "Lost in care";
        Euthanasia = 7, "euthanasia", "Euthanised";
        Other = 8, "other", "Other";
    }
}

impl OutcomeKind {
    /// Whether the cat left alive (the live outcomes of shelter statistics).
    pub const fn is_live(self) -> bool {
        !matches!(self, Self::Died | Self::Lost | Self::Euthanasia)
    }
}

coded! {
    /// Why a cat is on hold.
    pub enum HoldKind("kind of hold") {
        Quarantine = 1, "quarantine", "Quarantine";
        Medical = 2, "medical", "Medical";
        Legal = 3, "legal", "Legal";
        Behaviour = 4, "behaviour", "Behaviour";
        Other = 5, "other", "Other";
    }
}

coded! {
    /// The adoption status without its details, for filters, counts and index keys.
    pub enum CatStatusKind("adoption status") {
        Available = 1, "available", "Available";
        OnHold = 2, "on-hold", "On hold";
        Pending = 3, "pending", "Pending";
        Adopted = 4, "adopted", "Adopted";
        Departed = 5, "departed", "Departed";
    }
}

impl CatStatusKind {
    /// Whether the cat is in the shelter's care.
    pub const fn in_care(self) -> bool {
        matches!(self, Self::Available | Self::OnHold | Self::Pending)
    }
}

/// A hold: the cat is in care but must not be adopted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Why.
    pub kind: HoldKind,
    /// In the staff's own words.
    pub reason: String,
    /// The last day of the hold, if it is known. Time alone never releases a cat.
    pub until: Option<Day>,
}

/// Whether and how a cat can be adopted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum CatStatus {
    /// On offer.
    #[default]
    Available,
    /// In care, not on offer.
    OnHold(Hold),
    /// One request is approved.
    Pending {
        /// The hold that an admin overrode to approve it; it comes back if the adoption falls through.
        held: Option<Hold>,
    },
    /// Placed with a family.
    Adopted,
    /// Left another way.
    Departed(OutcomeKind),
}

impl CatStatus {
    /// The status without its details.
    pub const fn kind(&self) -> CatStatusKind {
        match self {
            Self::Available => CatStatusKind::Available,
            Self::OnHold(_) => CatStatusKind::OnHold,
            Self::Pending { .. } => CatStatusKind::Pending,
            Self::Adopted => CatStatusKind::Adopted,
            Self::Departed(_) => CatStatusKind::Departed,
        }
    }

    /// The hold on the cat, if there is one.
    pub const fn hold(&self) -> Option<&Hold> {
        match self {
            Self::OnHold(hold) => Some(hold),
            _ => None,
        }
    }
}

/// How and when a stay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The day, or `None` where the source had none that could be read.
    pub date: Option<Day>,
    /// The way.
    pub kind: OutcomeKind,
}

/// A time in a foster home. The stay goes on meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FosterSpell {
    /// The day the cat went to the foster home.
    pub out: Day,
    /// The day it came back; `None` while it is there.
    pub back: Option<Day>,
}

/// One visit of a cat, from intake to outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// The day of intake.
    pub intake: Day,
    /// The way of intake.
    pub kind: IntakeKind,
    /// The outcome; `None` while the cat is in care.
    pub outcome: Option<Outcome>,
    /// Times in foster homes during the stay, in order.
    pub fosters: Vec<FosterSpell>,
}

impl Stay {
    /// A stay that begins.
    pub const fn open(intake: Day, kind: IntakeKind) -> Self {
        Self { intake, kind, outcome: None, fosters: Vec::new() }
    }

    /// Length of stay in days: to the outcome, or to `today` while it goes on. `None` when the stay
    /// ended on an unknown day.
    pub fn days(&self, today: Day) -> Option<i32> {
        let end = match self.outcome {
            None => today,
            Some(outcome) => outcome.date?,
        };
        Some((end.0 - self.intake.0).max(0))
    }

    /// Whether the cat is in a foster home now.
    pub fn in_foster(&self) -> bool {
        self.outcome.is_none() && self.fosters.last().is_some_and(|f| f.back.is_none())
    }
}

/// A cat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cat {
    /// Its number in this store.
    pub id: CatId,
    /// Revision and times.
    pub version: Version,
    /// The shelter's own animal number, unique without regard to case.
    pub tag: Option<String>,
    /// Its name; empty when it has none yet (then it has a tag).
    pub name: String,
    /// Its breed, when known.
    pub breed: Option<BreedId>,
    /// When it was born, as precisely as known. The age is derived from it.
    pub born: Option<PartialDate>,
    /// Its sex.
    pub gender: Gender,
    /// Spayed or neutered.
    pub altered: Altered,
    /// Coat colour, in the shelter's words.
    pub colour: String,
    /// Its state of health, when known.
    pub health: Option<HealthId>,
    /// Whether it can be adopted.
    pub status: CatStatus,
    /// What people should know of it.
    pub description: String,
    /// Where a picture of it is.
    pub image_url: Option<String>,
    /// Its visits, in order of intake; the last one is the current one.
    pub stays: Vec<Stay>,
    /// Kept for the history only: hidden from lists unless asked for.
    pub archived: bool,
}
record!(Cat, CatId, Cat, |cat| cat.display_name());

impl Cat {
    /// A cat of that name that is on offer, with everything else unknown. Its id is the store's to give.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            id: CatId::default(),
            version: Version::default(),
            tag: None,
            name: name.into(),
            breed: None,
            born: None,
            gender: Gender::Unknown,
            altered: Altered::Unknown,
            colour: String::new(),
            health: None,
            status: CatStatus::Available,
            description: String::new(),
            image_url: None,
            stays: Vec::new(),
            archived: false,
        }
    }

    /// What people call it: its name, else its tag, else its number.
    pub fn display_name(&self) -> String {
        match (&*self.name, &self.tag) {
            ("", Some(tag)) => tag.clone(),
            ("", None) => format!("cat {}", self.id),
            (name, _) => name.to_owned(),
        }
    }

    /// The stay that goes on, or the last one.
    pub fn current_stay(&self) -> Option<&Stay> {
        self.stays.last()
    }

    /// The intake day of the current stay.
    pub fn intake(&self) -> Option<Day> {
        self.current_stay().map(|s| s.intake)
    }

    /// Days in care, of the current stay, while the cat is in care.
    pub fn waiting_days(&self, today: Day) -> Option<i32> {
        if !self.status.kind().in_care() {
            return None;
        }
        self.current_stay().and_then(|s| s.days(today))
    }

    /// Whether it is in a foster home now.
    pub fn in_foster(&self) -> bool {
        self.current_stay().is_some_and(Stay::in_foster)
    }
}
