//! Checking and repairing.

/// How far a long task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is at, in words.
    pub step: &'static str,
    /// How many are done.
    pub done: u64,
    /// Of how many, as far as is known.
    pub of: u64,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckReport {
    /// Records opened.
    pub records: u64,
    /// Index entries compared.
    pub entries: u64,
    /// Commits of the audit log read.
    pub commits: u64,
    /// What is wrong, a sentence each; empty when all is well. At most a thousand are kept.
    pub findings: Vec<String>,
    /// How many things are wrong.
    pub wrong: u64,
    /// What a repair did, a sentence each.
    pub repaired: Vec<String>,
    /// Whether it was broken off before the end.
    pub cancelled: bool,
}

impl CheckReport {
    /// Whether everything was looked at and nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.wrong == 0 && !self.cancelled
    }
}
