//! Adoption requests and the states they pass through.

use serde::{Deserialize, Serialize};

use super::{CatId, RequestId, Stamp, UserId, Version, Who, coded::coded, id::record};

/// After how many days a pending request counts as overdue. Nothing happens to it by itself; it rises to the top.
pub const OVERDUE_DAYS: i32 = 14;

coded! {
    /// Where a request stands.
    pub enum RequestStatus("request status") {
        Pending = 1, "pending", "Pending";
        Approved = 2, "approved", "Approved";
        Completed = 3, "completed", "Completed";
        Rejected = 4, "rejected", "Rejected";
        Withdrawn = 5, "withdrawn", "Withdrawn";
        Waitlisted = 6, "waitlisted", "Waitlisted";
    }
}

impl RequestStatus {
    /// Whether the request still holds a place in the cat's queue.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Approved | Self::Waitlisted)
    }
}

coded! {
    /// What happened to a request.
    pub enum HistoryEvent("request event") {
        Requested = 1, "requested", "Requested";
        Approved = 2, "approved", "Approved";
        Rejected = 3, "rejected", "Rejected";
        AskedForMore = 4, "asked-for-more", "Asked for more";
        Waitlisted = 5, "waitlisted", "Waitlisted";
        Resumed = 6, "resumed", "Back in the queue";
        Completed = 7, "completed", "Completed";
        FellThrough = 8, "fell-through", "Fell through";
        Withdrawn = 9, "withdrawn", "Withdrawn";
        Reopened = 10, "reopened", "Reopened";
        NotesChanged = 11, "notes-changed", "Notes changed";
    }
}

/// One line of a request's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryItem {
    /// When.
    pub at: Stamp,
    /// Who.
    pub by: Who,
    /// What.
    pub event: HistoryEvent,
    /// The reason or note that came with it; may be empty.
    pub note: String,
}

/// The decision in force on a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// When.
    pub at: Stamp,
    /// Who.
    pub by: Who,
    /// Why; may be empty for an approval in order.
    pub reason: String,
}

/// Somebody asks for a cat: one place in its queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptionRequest {
    /// Its number.
    pub id: RequestId,
    /// Revision and times.
    pub version: Version,
    /// The cat asked for.
    pub cat: CatId,
    /// Who asks.
    pub user: UserId,
    /// When; it gives the place in the queue.
    pub requested_at: Stamp,
    /// Where it stands.
    pub status: RequestStatus,
    /// What the status was before the request was waitlisted; it goes back to that.
    pub waitlisted_from: Option<RequestStatus>,
    /// Set while staff wait for an answer of the applicant.
    pub awaiting_reply: bool,
    /// The applicant's own words.
    pub notes: String,
    /// The decision in force.
    pub decision: Option<Decision>,
    /// What happened to it, oldest first; the audit log has what is dropped past the limit.
    pub history: Vec<HistoryItem>,
}
record!(AdoptionRequest, RequestId, Request, |r| format!("request {}", r.id));

impl AdoptionRequest {
    /// A request that arrives now.
    pub fn new(cat: CatId, user: UserId, requested_at: Stamp, notes: impl Into<String>) -> Self {
        Self {
            id: RequestId::default(),
            version: Version::default(),
            cat,
            user,
            requested_at,
            status: RequestStatus::Pending,
            waitlisted_from: None,
            awaiting_reply: false,
            notes: notes.into(),
            decision: None,
            history: Vec::new(),
        }
    }

    /// Adds a line of history, dropping the oldest past [`limits::HISTORY`](super::limits::HISTORY).
    pub fn record(&mut self, at: Stamp, by: Who, event: HistoryEvent, note: impl Into<String>) {
        self.history.push(HistoryItem { at, by, event, note: note.into() });
        let surplus = self.history.len().saturating_sub(super::limits::HISTORY);
        self.history.drain(..surplus);
    }

    /// The order of the queue: arrival, then number.
    pub fn place(&self) -> (Stamp, RequestId) {
        (self.requested_at, self.id)
    }
}
