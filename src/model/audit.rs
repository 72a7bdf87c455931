//! The audit log: every commit, who made it, and each record before and after.

use serde::{Deserialize, Serialize};

use super::{Actor, Kind, Stamp, coded::coded};

/// The number of a commit, from 1, without gaps. The audit entry of a commit has the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct CommitNo(pub u64);

impl std::fmt::Display for CommitNo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

coded! {
    /// What a commit did.
    pub enum Action("action") {
        SetUp = 1, "set-up", "Set up the store";
        Import = 2, "import", "Imported";
        AddCat = 3, "add-cat", "Added a cat";
        EditCat = 4, "edit-cat", "Changed a cat";
        DeleteCat = 5, "delete-cat", "Deleted a cat";
        AddBreed = 6, "add-breed", "Added a breed";
        EditBreed = 7, "edit-breed", "Changed a breed";
        DeleteBreed = 8, "delete-breed", "Deleted a breed";
        AddHealth = 9, "add-health", "Added a health status";
        EditHealth = 10, "edit-health", "Changed a health status";
        DeleteHealth = 11, "delete-health", "Deleted a health status";
        AddUser = 12, "add-user", "Added an account";
        EditUser = 13, "edit-user", "Changed an account";
        DeleteUser = 14, "delete-user", "Deleted an account";
        AnonymiseUser = 15, "anonymise-user", "Anonymised an account";
        SetPassword = 16, "set-password", "Set a password";
        LockUser = 17, "lock-user", "Locked an account";
        UnlockUser = 18, "unlock-user", "Unlocked an account";
        SignIn = 19, "sign-in", "Signed in";
        Request = 20, "request", "Asked for a cat";
        EditNotes = 21, "edit-notes", "Changed the notes of a request";
        Approve = 22, "approve", "Approved a request";
        Reject = 23, "reject", "Rejected a request";
        AskForMore = 24, "ask-for-more", "Asked the applicant for more";
        Complete = 25, "complete", "Completed an adoption";
        FallThrough = 26, "fall-through", "Let an adoption fall through";
        Withdraw = 27, "withdraw", "Withdrew a request";
        Reopen = 28, "reopen", "Reopened a request";
        Undo = 29, "undo", "Undid a change";
        Repair = 30, "repair", "Repaired the indexes";
        AddKey = 31, "add-key", "Added an SSH key";
        RemoveKey = 32, "remove-key", "Removed an SSH key";
        EndSession = 33, "end-session", "Ended a session";
        ChangeKeys = 34, "change-keys", "Changed the store's keys";
        AcceptClock = 35, "accept-clock", "Dated changes by the clock again";
        Restore = 40, "restore", "Restored the store";
    }
}

/// A record that a commit touched, as it was and as it became. Password hashes are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// The kind of record.
    pub kind: Kind,
    /// Its number.
    pub id: u32,
    /// Its revision before, 0 when it is new.
    pub rev_before: u32,
    /// Its revision after, 0 when it was deleted.
    pub rev_after: u32,
    /// Its stored form before (format version and body); `None` when it is new.
    #[serde(with = "serde_bytes")]
    pub before: Option<Vec<u8>>,
    /// Its stored form after; `None` when it was deleted.
    #[serde(with = "serde_bytes")]
    pub after: Option<Vec<u8>>,
}

/// One commit in the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The commit's number.
    pub commit: CommitNo,
    /// When.
    pub at: Stamp,
    /// Who, through which door, from where.
    pub actor: Actor,
    /// What.
    pub action: Action,
    /// In words, or the reason given; may be empty.
    pub note: String,
    /// The commit that this one undid.
    pub undoes: Option<CommitNo>,
    /// How many records it touched.
    pub touched: u32,
}
