//! The home screen: exact counts, each with the rows that make it.

use super::{Desk, OVERDUE_DAYS, requests::RequestLine, today};
use crate::model::{
    Actor, CatStatusKind, Permission, RequestStatus, Result, Stamp,
    query::{CatQuery, Query as _, RequestQuery},
};
use crate::store::Tally;

/// The list that a count opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opens {
    /// Cats by this query line.
    Cats(String),
    /// Requests by this query line.
    Requests(String),
}

/// One count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeCount {
    /// What is counted.
    pub label: &'static str,
    /// How many.
    pub count: u64,
    /// Whether it asks for attention when it is not 0.
    pub urgent: bool,
    /// The rows behind it.
    pub opens: Opens,
}

/// What the home screen shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The counts, in groups.
    pub groups: Vec<(&'static str, Vec<HomeCount>)>,
    /// The pending requests that wait longest; one's own for those who are not staff.
    pub oldest: Vec<RequestLine>,
    /// The most cats that `oldest` could show.
    pub waiting: u64,
    /// How it stands with the backups, for those who have to see to them.
    pub backup: Option<BackupLine>,
}

/// One line on the backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupLine {
    /// The line.
    pub text: String,
    /// Whether something has to be done.
    pub urgent: bool,
}

impl Desk {
    /// Counts, and the `most` oldest waiting requests.
    ///
    /// # Errors
    /// `SignedOut`.
    pub fn home(&self, actor: &Actor, most: usize) -> Result<Home> {
        let acting = self.acting(actor, Permission::SeeOffered)?;
        let cats = |line: &str| CatQuery::parse(line, today()).query;
        let requests = |line: &str| RequestQuery::parse(line, today()).query;
        let count = |label, count: usize, urgent, opens| HomeCount { label, count: count as u64, urgent, opens };
        let count_cats = |label, line: &str| -> Result<HomeCount> {
            let query = cats(line);
            Ok(count(label, self.cats(actor, &query)?.len(), false, Opens::Cats(line.to_owned())))
        };
        let count_requests = |label, line: &str, urgent| -> Result<HomeCount> {
            let query = requests(line);
            Ok(count(label, self.requests(actor, &query)?.len(), urgent, Opens::Requests(line.to_owned())))
        };
        let groups = if acting.may(Permission::SeeCats) {
            let by_status = CatStatusKind::ALL
                .iter()
                .map(|&status| HomeCount {
                    label: status.label(),
                    count: self.store().tally(Tally::CatsByStatus(status)),
                    urgent: false,
                    opens: Opens::Cats(format!("status:{}", status.slug())),
                })
                .collect();
            let by_request = vec![
                HomeCount {
                    label: RequestStatus::Pending.label(),
                    count: self.store().tally(Tally::RequestsByStatus(RequestStatus::Pending)),
                    urgent: false,
                    opens: Opens::Requests("status:pending".to_owned()),
                },
                count_requests("Overdue", "overdue:yes", true)?,
                HomeCount {
                    label: RequestStatus::Approved.label(),
                    count: self.store().tally(Tally::RequestsByStatus(RequestStatus::Approved)),
                    urgent: false,
                    opens: Opens::Requests("status:approved".to_owned()),
                },
                HomeCount {
                    label: RequestStatus::Waitlisted.label(),
                    count: self.store().tally(Tally::RequestsByStatus(RequestStatus::Waitlisted)),
                    urgent: false,
                    opens: Opens::Requests("status:waitlisted".to_owned()),
                },
            ];
            let attention = vec![
                count_cats("Waiting over 90 days", "status:available waiting>90d")?,
                count_cats("Without a request", "status:available requests=0")?,
            ];
            vec![("Cats", by_status), ("Requests", by_request), ("Attention", attention)]
        } else {
            vec![
                ("Cats", vec![count_cats("On offer", "")?]),
                (
                    "Your requests",
                    vec![
                        count_requests("Open", "status:pending,approved,waitlisted", false)?,
                        count_requests("Closed", "status:completed,rejected,withdrawn", false)?,
                    ],
                ),
            ]
        };
        let waiting = if acting.may(Permission::DecideRequests) {
            requests("status:pending")
        } else {
            requests("status:pending,approved,waitlisted")
        };
        let ids = self.requests(actor, &waiting)?;
        let oldest = self.request_rows(actor, ids.get(..most.min(ids.len())).unwrap_or(&[]))?;
        let backup = acting.may(Permission::Maintain).then(|| {
            let state = self.store().backup_state_seen();
            let line = state.line(Stamp::now());
            BackupLine { urgent: state.warning.is_some(), text: state.warning.unwrap_or(line) }
        });
        Ok(Home { groups, oldest, waiting: ids.len() as u64, backup })
    }

    /// After how many days a pending request counts as overdue.
    pub const fn overdue_days(&self) -> i32 {
        OVERDUE_DAYS
    }
}
