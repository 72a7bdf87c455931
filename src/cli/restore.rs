//! `clowder restore`: bring the store back as it was

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{
    Failure, Meter, Person as _, Place, Show,
    backup::{COLUMNS, many, row},
    failure::printable,
    json,
    local::{self, Tty},
    table::Table,
};
use crate::model::{Actor, CommitNo, Error, Stamp};
use crate::store::restore::{self, Choices, Moment, Plan, RestoreError, Restored, Source, Until};
use crate::store::{backup, size};

/// What `restore` takes.
#[derive(Debug, Args)]
#[command(after_help = "The store that is there is kept aside. Times are local. Examples:
  clowder restore --list
  clowder restore                            as far as backup and journal go
  clowder restore --at 'yesterday 15:00'
  clowder restore --from /media/stick/cats.backup
  clowder restore --undo                     what the last restore left out comes back")]
pub struct Restore {
    /// From this backup instead of the best one in the directory for backups; or the kept-… of a restore: what that left behind
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// As it was at a moment: '2026-11-20 15:00', 'yesterday 15:00', '15:00' for the last such moment [default: as far as it goes]
    #[arg(long, value_name = "TIME", conflicts_with = "commit", allow_hyphen_values = true)]
    at: Option<String>,
    /// Up to and with this change, as "clowder audit" numbers them
    #[arg(long, value_name = "CHANGE")]
    commit: Option<u64>,
    /// Undo the last restore: back to what it left behind
    #[arg(long, conflicts_with = "from")]
    undo: bool,
    /// Back to what an earlier restore left behind, as --list names it
    #[arg(long, value_name = "LINE", conflicts_with_all = ["from", "undo"])]
    line: Option<String>,
    /// Show what one can go back to, and do nothing
    #[arg(long, conflicts_with_all = ["from", "at", "commit", "undo", "line", "yes"])]
    list: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl From<RestoreError> for Failure {
    fn from(e: RestoreError) -> Self {
        match e {
            RestoreError::Cancelled => Self::Cancelled(e.to_string()),
            RestoreError::Open(e) => Self::Open(e),
            RestoreError::ToCome { .. } => Error::invalid("at", e.to_string()).into(),
            e => Self::Failed(e.to_string()),
        }
    }
}

#[derive(Serialize)]
struct MomentJson {
    commit: u64,
    at: String,
}

impl From<Moment> for MomentJson {
    fn from(moment: Moment) -> Self {
        Self { commit: moment.commit.0, at: moment.at.rfc3339() }
    }
}

#[derive(Serialize)]
struct ChoicesJson {
    backups: Vec<BackupJson>,
    journal: Vec<StretchJson>,
    left: Vec<LeftJson>,
    kept: Vec<KeptJson>,
}

#[derive(Serialize)]
struct LeftJson {
    line: String,
    after: u64,
    last: MomentJson,
    /// Whether `--undo` leads there.
    newest: bool,
}

#[derive(Serialize)]
struct KeptJson {
    path: String,
    size: u64,
}

#[derive(Serialize)]
struct BackupJson {
    path: String,
    #[serde(flatten)]
    moment: MomentJson,
}

#[derive(Serialize)]
struct StretchJson {
    first: MomentJson,
    last: MomentJson,
}

#[derive(Serialize)]
struct RestoredJson {
    restored: MomentJson,
    kept: Option<String>,
    notices: Vec<String>,
}

/// A sentence on standard output.
fn say(message: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{}", printable(message))
}

fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let mut out = io::stdout();
    json::write(&mut out, value)?;
    Ok(writeln!(out)?)
}

/// Shows what there is to go back to, or says what a restore would do, asks, and does it.
///
/// # Errors
/// There is no way to that moment, the store is in use, the answer is no, or what came out is not sound.
pub fn run(place: &Place, as_json: bool, words: &Restore) -> Result<(), Failure> {
    let options = place.to_restore()?;
    if words.list {
        return list(&restore::choices(&options)?, as_json);
    }
    let until = match (&words.at, words.commit) {
        (Some(at), _) => Until::At(Stamp::parse(at, Stamp::now()).map_err(|e| Error::invalid("at", e))?),
        (None, Some(no)) => Until::Commit(CommitNo(no)),
        (None, None) => Until::Last,
    };
    let source = match (&words.from, &words.line) {
        (Some(path), _) => Source::Backup(path),
        (None, Some(line)) => Source::Line(line),
        (None, None) if words.undo => Source::Undo,
        (None, None) => Source::Best,
    };
    let plan = source.plan(&options, until)?;
    if let Some(listed) = &plan.backup {
        // Nobody should say yes to what cannot be done.
        let mut err = io::stderr();
        let mut meter = Meter::new(Show::on_own_stderr(), &mut err);
        let verified = backup::verify(&listed.path, None, &mut |p| {
            meter.at(p.step, p.done, p.of);
            true
        });
        verified.map_err(|e| Failure::Failed(e.to_string()))?;
    }
    if !as_json {
        for line in lines(&plan) {
            say(&line)?;
        }
    }
    if !words.yes {
        if !local::is_interactive() {
            return Err(Failure::Usage("nobody can be asked here: add --yes to do it".to_owned()));
        }
        if !Tty.confirm("Go on? [y/N] ")? {
            return Err(Failure::Declined);
        }
    }
    let cancel = local::cancel()?;
    let restored = {
        let mut err = io::stderr();
        let mut meter = Meter::new(Show::on_own_stderr(), &mut err);
        source.restore(&options, until, &Actor::console(), &mut meter.steps(&cancel))?
    };
    done(restored, as_json)
}

/// What a restore would do, in sentences.
fn lines(plan: &Plan) -> Vec<String> {
    let from = match &plan.backup {
        Some(listed) => format!(
            "From the backup of {} (change {}), {}",
            listed.manifest.at.second(),
            listed.manifest.commit,
            listed.path.display()
        ),
        None => "From the first change on".to_owned(),
    };
    let mut lines = vec![match plan.commits {
        0 => format!("{from}."),
        n => format!("{from}, and {} of the journal after it.", many(n, "change")),
    }];
    lines.push(format!("The store will be as it was after {}.", plan.to.words()));
    if let Some(broken) = &plan.broken {
        lines.push(format!("It cannot go further: {broken}."));
    }
    if let Some(last) = plan.last {
        lines.push(format!(
            "Left out: {} after that, up to {}. {} brings them back.",
            many(last.commit.0 - plan.to.commit.0, "change"),
            last.at.second(),
            if plan.present { "\"clowder restore --undo\"" } else { "What \"clowder restore --list\" names then" }
        ));
    }
    if plan.replaces {
        lines.push(format!("The store that is in {} now is kept beside it.", plan.data.display()));
    }
    lines
}

fn done(restored: Restored, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return print_json(&RestoredJson {
            restored: restored.to.into(),
            kept: restored.kept.map(|p| p.display().to_string()),
            notices: restored.notices,
        });
    }
    say(&format!("Restored: the store is as it was after {}.", restored.to.words()))?;
    if let Some(kept) = &restored.kept {
        say(&format!("The old one is kept in {}; remove it when all is well.", kept.display()))?;
    }
    if restored.can_be_undone {
        say("If that was wrong: clowder restore --undo")?;
    }
    restored.notices.iter().try_for_each(|notice| say(notice))?;
    Ok(())
}

fn list(choices: &Choices, as_json: bool) -> Result<(), Failure> {
    if as_json {
        let backups = choices.backups.iter().map(|l| BackupJson {
            path: l.path.display().to_string(),
            moment: MomentJson { commit: l.manifest.commit, at: l.manifest.at.rfc3339() },
        });
        let stretch = |&(first, last): &(Moment, Moment)| StretchJson { first: first.into(), last: last.into() };
        let journal = choices.journal.iter().map(stretch).collect();
        let left = choices.left.iter().map(|left| LeftJson {
            line: left.line.clone(),
            after: left.after.0,
            last: left.last.into(),
            newest: left.newest,
        });
        let kept = choices.asides.iter().map(|a| KeptJson { path: a.path.display().to_string(), size: a.size });
        let (left, kept) = (left.collect(), kept.collect());
        return print_json(&ChoicesJson { backups: backups.collect(), journal, left, kept });
    }
    if choices.backups.is_empty() && choices.journal.is_empty() {
        say("There is nothing to go back to: no backup and no journal.")?;
    } else {
        let width = if io::stdout().is_terminal() { crossterm::terminal::size().ok() } else { None };
        let mut out = io::stdout();
        Table::new(COLUMNS, width.map(|(columns, _)| usize::from(columns)))
            .rows(&mut out, choices.backups.iter().map(row))?;
    }
    let mut before: Option<Moment> = None;
    for (first, last) in &choices.journal {
        if let Some(before) = before.filter(|before| before.commit.0 + 1 < first.commit.0) {
            say(&format!(
                "Not to changes {} to {} alone: the journal lacks them or is damaged there.",
                before.commit.0 + 1,
                first.commit.0.saturating_sub(1)
            ))?;
        }
        before = Some(*last);
        say(&format!(
            "Any moment from {} (change {}) to {} (change {}): clowder restore --at '{}'",
            first.at.second(),
            first.commit,
            last.at.second(),
            last.commit,
            last.at.second()
        ))?;
    }
    for left in &choices.left {
        say(&format!(
            "Left behind by a restore: {}, up to {} (change {}): {}",
            many(left.last.commit.0 - left.after.0, "change"),
            left.last.at.second(),
            left.last.commit,
            left.command()
        ))?;
    }
    if !choices.asides.is_empty() {
        say("Put aside, and not needed once all is well (remove these directories by hand):")?;
    }
    choices.asides.iter().try_for_each(|aside| say(&format!("  {}, {}", aside.path.display(), size(aside.size))))?;
    Ok(())
}
