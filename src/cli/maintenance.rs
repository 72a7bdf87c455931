//! `clowder check` and `clowder stats`

use clap::Args;
use serde::Serialize;

use super::{Context, Failure, Meter, table::card};
use crate::model::{Error, Stamp};
use crate::store::{CheckReport, size};

/// What `check` takes.
#[derive(Debug, Args)]
pub struct Check {
    /// Rebuild the indexes and counters from the records
    #[arg(long)]
    repair: bool,
    /// Read the journal, too, and compare it with the store
    #[arg(long, conflicts_with = "repair")]
    deep: bool,
    /// Say that the clock of the machine is right although the last change is dated later: changes are dated by it again
    #[arg(long, conflicts_with_all = ["repair", "deep"])]
    accept_clock: bool,
}

impl Check {
    /// Whether it is about the clock alone.
    pub(super) const fn accepts_clock(&self) -> bool {
        self.accept_clock
    }
}

#[derive(Serialize)]
struct CheckJson<'a> {
    records: u64,
    entries: u64,
    commits: u64,
    /// Of the journal; only a deep check reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    journal: Option<u64>,
    wrong: u64,
    findings: &'a [String],
    repaired: &'a [String],
    clean: bool,
}

/// Opens every record and recounts every index and counter; with `--repair` rebuilds them.
///
/// # Errors
/// `Unsound` when something is wrong (it is printed), `Cancelled`, and the desk's.
pub fn check(cx: &mut Context<'_>, check: &Check) -> Result<(), Failure> {
    let (desk, actor, cancel) = (cx.desk, cx.actor, cx.cancel);
    if check.accept_clock {
        return accept_clock(cx);
    }
    let report = {
        let mut meter = Meter::new(cx.progress, cx.err);
        let mut progress = meter.steps(cancel);
        match (check.repair, check.deep) {
            (true, _) => desk.repair(actor, &mut progress)?,
            (false, true) => desk.check_deep(actor, &mut progress)?,
            (false, false) => desk.check(actor, &mut progress)?,
        }
    };
    if report.cancelled {
        let what =
            if check.repair { "the repair goes on where it was, the next time" } else { "the check is not done" };
        return Err(Failure::Cancelled(format!("broken off: {what}")));
    }
    print(cx, &report, check.deep)?;
    if report.is_clean() {
        return Ok(());
    }
    cx.note(if report.is_only_derived() && !check.repair {
        "The records themselves are sound. To build the indexes and counters anew: clowder check --repair"
    } else {
        "Stop the server and run \"clowder doctor\": it brings back what a backup and the journal have."
    })?;
    Err(Failure::Unsound)
}

#[derive(Serialize)]
struct AcceptedJson {
    clock: String,
    last_change: String,
    commit: Option<u64>,
}

fn accept_clock(cx: &mut Context<'_>) -> Result<(), Failure> {
    let (last, clock, commit) = cx.desk.accept_clock(cx.actor)?;
    if cx.json {
        return cx.print_json(&AcceptedJson {
            clock: clock.rfc3339(),
            last_change: last.rfc3339(),
            commit: commit.map(|no| no.0),
        });
    }
    cx.say(&format!(
        "Changes are dated by the clock again, which says {}. Those that are dated up to {} stay as they are.",
        clock.second(),
        last.second()
    ))
}

fn print(cx: &mut Context<'_>, report: &CheckReport, deep: bool) -> Result<(), Failure> {
    if cx.json {
        return cx.print_json(&CheckJson {
            records: report.records,
            entries: report.entries,
            commits: report.commits,
            journal: deep.then_some(report.journal),
            wrong: report.wrong,
            findings: &report.findings,
            repaired: &report.repaired,
            clean: report.is_clean(),
        });
    }
    report.repaired.iter().try_for_each(|line| cx.say(line))?;
    report.findings.iter().try_for_each(|line| cx.say(line))?;
    let more = report.wrong.saturating_sub(report.findings.len() as u64);
    if more > 0 {
        cx.say(&format!("… and {more} more."))?;
    }
    let journal = if deep { format!(", {} of them in the journal as well,", report.journal) } else { String::new() };
    let looked_at = format!(
        "{} records, {} index entries and {} changes{journal} were looked at",
        report.records, report.entries, report.commits
    );
    match report.wrong {
        0 => cx.say(&format!("{looked_at}; all is well.")),
        1 => cx.say(&format!("{looked_at}; 1 thing is wrong.")),
        n => cx.say(&format!("{looked_at}; {n} things are wrong.")),
    }
}

/// What `compact` takes.
#[derive(Debug, Args)]
pub struct Compact {
    /// Remove the old files once the new ones were checked, without asking
    #[arg(long, conflicts_with = "keep_old")]
    remove_old: bool,
    /// Keep the old files, without asking
    #[arg(long)]
    keep_old: bool,
}

#[derive(Serialize)]
struct CompactJson<'a> {
    before_bytes: u64,
    after_bytes: u64,
    keys: u64,
    pause_ms: u64,
    findings: &'a [String],
    clean: bool,
    /// Where the old files are, in the data directory.
    kept: Option<&'a str>,
}

/// Compacts, checks the new files, and removes the old ones if that is wanted.
///
/// # Errors
/// `Unsound` when the check finds something, `Cancelled`, and the desk's.
pub fn compact(cx: &mut Context<'_>, compact: &Compact) -> Result<(), Failure> {
    let (desk, actor, cancel) = (cx.desk, cx.actor, cx.cancel);
    let (done, report) = {
        let mut meter = Meter::new(cx.progress, cx.err);
        let mut progress = meter.steps(cancel);
        let done = desk.compact(actor, &mut progress)?;
        let report = if done.kept.is_some() { Some(desk.check(actor, &mut progress)?) } else { None };
        (done, report)
    };
    let (Some(kept), Some(report)) = (done.kept.as_deref(), report) else {
        return Err(Failure::Cancelled("broken off: nothing was changed".to_owned()));
    };
    if !cx.json {
        cx.say(&format!(
            "The store took {} and takes {} now; nobody could save anything for {} ms.",
            size(done.before),
            size(done.after),
            done.pause_ms
        ))?;
        report.findings.iter().try_for_each(|line| cx.say(line))?;
    }
    let remove = report.is_clean() && !compact.keep_old && (compact.remove_old || may_remove(cx, kept)?);
    if remove {
        desk.remove_kept(actor, kept)?;
    }
    if cx.json {
        cx.print_json(&CompactJson {
            before_bytes: done.before,
            after_bytes: done.after,
            keys: done.keys,
            pause_ms: done.pause_ms,
            findings: &report.findings,
            clean: report.is_clean(),
            kept: (!remove).then_some(kept),
        })?;
    } else if remove {
        cx.say("Everything was looked at and all is well; the old files were removed.")?;
    } else {
        cx.say(&format!(
            "The old files are in {kept} in the data directory; once nobody needs them, remove them there."
        ))?;
    }
    match (report.cancelled, report.wrong) {
        (true, _) => Err(Failure::Cancelled("the check of the new files was broken off".to_owned())),
        (false, 0) => Ok(()),
        (false, _) => Err(Failure::Unsound),
    }
}

/// Asks whoever is there; where nobody is, the old files stay.
fn may_remove(cx: &mut Context<'_>, kept: &str) -> Result<bool, Failure> {
    match &mut cx.person {
        Some(person) if !cx.json => {
            let question = format!("Everything was looked at and all is well. Remove the old files in {kept}? [y/N] ");
            Ok(person.confirm(&question)?)
        }
        _ => Ok(false),
    }
}

/// Counts as a script sees them; only the room on the disk and the backups change by themselves.
#[derive(Serialize)]
struct StatsJson {
    cats: u64,
    cats_by_status: Counts,
    requests: u64,
    requests_by_status: Counts,
    users: u64,
    users_by_role: Counts,
    breeds: u64,
    health_statuses: u64,
    /// For those who may maintain the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    disk: Option<DiskJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backups: Option<BackupsJson>,
}

/// How it stands with the backups.
#[derive(Serialize)]
struct BackupsJson {
    /// The moment of the last one.
    last: Option<String>,
    /// How many changes it lacks.
    changes: u64,
    warning: Option<String>,
}

/// The room on the disk.
#[derive(Serialize)]
struct DiskJson {
    free_bytes: Option<u64>,
    store_bytes: u64,
    /// Put aside by compacting, restores and the doctor.
    kept_bytes: u64,
    warnings: Vec<String>,
}

/// An object with a count for each word, in their order.
struct Counts(Vec<(&'static str, u64)>);

impl Serialize for Counts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// Prints the counters.
///
/// # Errors
/// The desk's, and those of the output.
pub fn stats(cx: &mut Context<'_>) -> Result<(), Failure> {
    let stats = cx.desk.stats(cx.actor)?;
    // Only then is it known what cannot be read; a store that never gets there says so elsewhere.
    let _ = cx.desk.wait_until_ready();
    let backup = match cx.desk.backup_state(cx.actor) {
        Ok(state) => Some(state),
        Err(Error::Denied(_)) => None,
        Err(e) => return Err(e.into()),
    };
    if cx.json {
        return cx.print_json(&StatsJson {
            cats: stats.cats,
            cats_by_status: Counts(stats.cats_by_status.iter().map(|(s, n)| (s.slug(), *n)).collect()),
            requests: stats.requests,
            requests_by_status: Counts(stats.requests_by_status.iter().map(|(s, n)| (s.slug(), *n)).collect()),
            users: stats.users,
            users_by_role: Counts(stats.users_by_role.iter().map(|(r, n)| (r.slug(), *n)).collect()),
            breeds: stats.breeds,
            health_statuses: stats.health_statuses,
            disk: stats.space.map(|space| DiskJson {
                free_bytes: space.free,
                store_bytes: space.store,
                kept_bytes: space.kept,
                warnings: stats.alerts.into_iter().map(|alert| alert.sentence).collect(),
            }),
            backups: backup.map(|state| BackupsJson {
                last: state.last.map(Stamp::rfc3339),
                changes: state.changes,
                warning: state.warning,
            }),
        });
    }
    let mut fields: Vec<(String, u64)> = vec![("Cats".to_owned(), stats.cats)];
    fields.extend(stats.cats_by_status.iter().map(|(s, n)| (format!("  {s}"), *n)));
    fields.push(("Requests".to_owned(), stats.requests));
    fields.extend(stats.requests_by_status.iter().map(|(s, n)| (format!("  {s}"), *n)));
    fields.push(("Accounts".to_owned(), stats.users));
    fields.extend(stats.users_by_role.iter().map(|(r, n)| (format!("  {r}"), *n)));
    fields.push(("Breeds".to_owned(), stats.breeds));
    fields.push(("Health statuses".to_owned(), stats.health_statuses));
    let mut fields: Vec<(&str, String)> = fields.iter().map(|(label, n)| (label.as_str(), n.to_string())).collect();
    if let Some(space) = stats.space {
        fields.push(("Store on disk", size(space.store)));
        if space.kept > 0 {
            fields.push((
                "Put aside",
                format!("{} in kept-… and damaged-…, to be removed once all is well", size(space.kept)),
            ));
        }
        fields.push(("Free on disk", space.free.map_or_else(|| "not known".to_owned(), size)));
    }
    card(cx.out, &fields)?;
    if let Some(state) = backup {
        cx.say(&format!("{}.", state.line(Stamp::now())))?;
        state.warning.iter().try_for_each(|warning| cx.note(warning))?;
    }
    stats.alerts.iter().try_for_each(|alert| cx.note(&alert.sentence))
}
