//! What of the journal backups lead to; the rest is of no use to anybody.

use std::{io, path::Path};

use super::{
    super::{
        backup::Listed,
        journal::{self, Line},
    },
    plan::Lines,
};

/// Removes the segments to which none of the backups leads that are kept: what is before the oldest of them, and lines that were
/// left and that all of them have behind them. The end of the line that people are on stays.
///
/// # Errors
/// When one cannot be removed.
pub(in crate::store) fn prune(data: &Path, present: Line, kept: &[Listed]) -> io::Result<()> {
    if kept.is_empty() {
        return Ok(());
    }
    let lines = Lines::read_whole(data);
    let mut all: Vec<Line> = journal::segments(data)?.into_iter().map(|segment| segment.line).collect();
    all.dedup();
    for line in all {
        let chain = lines.clone().unwrap_or_default().chain(kept, &line.to_string());
        let leads_there = |listed: &&Listed| {
            let manifest = &listed.manifest;
            chain.iter().any(|(line, upto)| *line == manifest.line && manifest.commit <= *upto)
        };
        // One of a line that this one left needs it from its beginning.
        let is_on_it = |listed: &Listed| listed.manifest.line == line.to_string();
        let after = kept.iter().filter(leads_there).map(|l| if is_on_it(l) { l.manifest.commit } else { 0 }).min();
        match after {
            Some(after) => drop(journal::prune(data, line, after)?),
            // Where it is not known which line left which, one that seems to lead nowhere may be on the way.
            None if line != present && lines.is_some() => journal::remove(data, line)?,
            None => {}
        }
    }
    Ok(())
}
