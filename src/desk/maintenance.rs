//! Check, repair, and the numbers for scripts.

use super::Desk;
use crate::model::{
    Action, Actor, CatStatusKind, CommitNo, Error, Kind, Permission, RequestStatus, Result, Role, Stamp,
};
use crate::store::{Alert, CheckReport, Compacted, Progress, Space, Tally};

/// Counts, and for whoever keeps the store the room it has; the counts do not change by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Cats, archived ones too.
    pub cats: u64,
    /// Cats (not archived) by adoption status.
    pub cats_by_status: Vec<(CatStatusKind, u64)>,
    /// Requests.
    pub requests: u64,
    /// Requests by status.
    pub requests_by_status: Vec<(RequestStatus, u64)>,
    /// Accounts.
    pub users: u64,
    /// Accounts by role.
    pub users_by_role: Vec<(Role, u64)>,
    /// Breeds.
    pub breeds: u64,
    /// Health statuses.
    pub health_statuses: u64,
    /// The room on the disk, for those who may maintain the store.
    pub space: Option<Space>,
    /// What should be seen to, for the same.
    pub alerts: Vec<Alert>,
}

impl Desk {
    /// Whether the lists can be answered: what they need is read in the background while the store opens.
    pub fn is_ready(&self) -> bool {
        self.store().catalog().ready()
    }

    /// Waits until every list is answered whole; before that some answer with their first rows only.
    ///
    /// # Errors
    /// `Store` when what they need could not be read.
    pub fn wait_until_ready(&self) -> Result<()> {
        self.catalog().map(drop)
    }

    /// The counters.
    ///
    /// # Errors
    /// `Denied`.
    pub fn stats(&self, actor: &Actor) -> Result<Stats> {
        let keeps = self.acting(actor, Permission::SeeCats)?.may(Permission::Maintain);
        let tally = |t| self.store().tally(t);
        Ok(Stats {
            cats: tally(Tally::Records(Kind::Cat)),
            cats_by_status: CatStatusKind::ALL.iter().map(|&s| (s, tally(Tally::CatsByStatus(s)))).collect(),
            requests: tally(Tally::Records(Kind::Request)),
            requests_by_status: RequestStatus::ALL.iter().map(|&s| (s, tally(Tally::RequestsByStatus(s)))).collect(),
            users: tally(Tally::Records(Kind::User)),
            users_by_role: Role::ALL.iter().map(|&r| (r, tally(Tally::UsersByRole(r)))).collect(),
            breeds: tally(Tally::Records(Kind::Breed)),
            health_statuses: tally(Tally::Records(Kind::Health)),
            space: keeps.then(|| self.store().space()),
            alerts: if keeps { self.alerts() } else { Vec::new() },
        })
    }

    /// Opens every record and compares every index, counter and catalog row with a recount. `progress` answers
    /// whether to go on.
    ///
    /// # Errors
    /// `Denied`, `Store`.
    pub fn check(&self, actor: &Actor, progress: &mut (dyn FnMut(Progress) -> bool + Send)) -> Result<CheckReport> {
        self.acting(actor, Permission::Maintain)?;
        self.read(|store| Ok(store.check(progress)?))
    }

    /// The same, and compares the journal with the store.
    ///
    /// # Errors
    /// `Denied`, `Store`.
    pub fn check_deep(
        &self,
        actor: &Actor,
        progress: &mut (dyn FnMut(Progress) -> bool + Send),
    ) -> Result<CheckReport> {
        self.acting(actor, Permission::Maintain)?;
        self.read(|store| Ok(store.check_deep(progress)?))
    }

    /// Says that the clock is right although the last change is dated later: changes are dated by the clock again from this one on,
    /// which is in the audit log. Answers the time of the last change, that of the clock, and the change.
    ///
    /// # Errors
    /// `Denied`, `Store`; `Refused` when the clock is not behind the last change.
    pub fn accept_clock(&self, actor: &Actor) -> Result<(Stamp, Stamp, Option<CommitNo>)> {
        let written = self.commit(actor, Permission::Maintain, |tx, _| {
            let (last, clock) = tx.accept_clock().ok_or_else(|| {
                Error::refused("the clock is not behind the last change; changes are dated by it as it is")
            })?;
            tx.always();
            tx.describe(Action::AcceptClock, format!("the change before was dated {}", last.second()));
            Ok((last, clock))
        })?;
        let (last, clock) = written.value;
        Ok((last, clock, written.commit))
    }

    /// Copies what is stored into new files without the gaps of the old ones, while people work, and puts them in their
    /// place. The old ones are kept. `progress` answers whether to go on.
    ///
    /// # Errors
    /// `Denied`, `Store`.
    pub fn compact(&self, actor: &Actor, progress: &mut (dyn FnMut(Progress) -> bool + Send)) -> Result<Compacted> {
        self.acting(actor, Permission::Maintain)?;
        self.read(|store| Ok(store.compact(progress)?))
    }

    /// Removes the files that the last compacting kept.
    ///
    /// # Errors
    /// `Denied`, `Store`.
    pub fn remove_kept(&self, actor: &Actor, kept: &str) -> Result<()> {
        self.acting(actor, Permission::Maintain)?;
        self.read(|store| Ok(store.remove_kept(kept)?))
    }

    /// Rebuilds the indexes and counters from the records.
    ///
    /// # Errors
    /// `Denied`, `Store`.
    pub fn repair(&self, actor: &Actor, progress: &mut (dyn FnMut(Progress) -> bool + Send)) -> Result<CheckReport> {
        self.acting(actor, Permission::Maintain)?;
        self.read(|store| Ok(store.repair(actor, progress)?))
    }
}
