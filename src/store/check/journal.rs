//! The journal against the store: whole up to the last commit, the same as the audit log, and the records as its last commits
//! left them.

use std::{collections::BTreeMap, path::Path};

use crate::model::{CommitNo, Kind};

use super::{
    super::{StoreError, core::Core, journal, record::AnyRecord, snapshot::Snapshot},
    AT_A_TIME, CheckReport, Progress, named,
};

/// Of so many of the last commits it is looked at what they left.
const LAST: u64 = 1_000;

/// Checks the journal as it is at the moment of the view, while commits go on. False when it was broken off.
pub(super) fn check(
    core: &Core,
    data: &Path,
    view: &Snapshot,
    report: &mut CheckReport,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<bool, StoreError> {
    let last = view.counters.commit;
    let line = core.line()?;
    let unreadable = |e: std::io::Error| StoreError::Failed(format!("the journal cannot be read: {e}"));
    let segments = journal::segments(data).map_err(unreadable)?;
    let Some(first) = segments.iter().find(|s| s.line == line).map(|s| s.first) else {
        if last > core.journal_from()? {
            report.find("the journal is missing".to_owned());
        }
        return Ok(true);
    };
    // What is older is in the backups, and was removed after them.
    let after = core.journal_from()?.max(first.saturating_sub(1));
    let keys = |number| core.sealer.sealer(number);
    let mut seen = after;
    let mut left: BTreeMap<(Kind, u32), (u64, Option<AnyRecord>)> = BTreeMap::new();
    for commit in journal::commits(data, &core.id, line, after, &keys).map_err(unreadable)? {
        let commit = match commit {
            Ok(commit) => commit,
            Err(broken) => {
                // A segment that went away after the directory was read was removed after a backup.
                if broken.path.exists() {
                    report.find(broken.to_string());
                }
                continue;
            }
        };
        let no = commit.entry.commit.0;
        if no > last {
            break;
        }
        seen = no;
        report.journal += 1;
        match core.audit_entry(CommitNo(no)) {
            Ok(Some((entry, touched))) if entry == commit.entry && touched == commit.touched => {}
            Ok(Some(_)) => report.find(format!("change {no} is not the same in the journal and in the audit log")),
            // The check of the audit log has said so.
            Ok(None) | Err(_) => {}
        }
        if no.saturating_add(LAST) > last {
            for touched in &commit.touched {
                match commit.after(touched) {
                    Ok(record) => drop(left.insert((touched.kind, touched.id), (no, record))),
                    Err(e) => report.find(format!("change {no} of the journal: {e}")),
                }
            }
        }
        if no.is_multiple_of(u64::from(AT_A_TIME)) && !progress(Progress { step: "journal", done: no, of: last }) {
            return Ok(false);
        }
    }
    if seen < last {
        report.find(format!("the journal ends with change {seen}, and the store with change {last}"));
    }
    for ((kind, id), (no, record)) in left {
        // A record that cannot be read was told by the check of the records.
        if view.get(kind, id).is_ok_and(|found| found != record) {
            report.find(format!("{} is not as change {no} of the journal left it", named(kind, id)));
        }
    }
    Ok(progress(Progress { step: "journal", done: last, of: last }))
}
