//! `clowder backup`: make one, list them, verify one

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Context, Failure, Meter, Place, Show,
    table::{Table, number, text},
};
use crate::desk::BackupTarget;
use crate::model::Kind;
use crate::store::{
    BackupError, OpenError,
    backup::{self, KeySource, Listed, Manifest, Verified},
};

/// What `backup` takes.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Backup {
    /// Into this file; - for standard output [default: a new file in the directory for backups, where the oldest go when there are
    /// too many]
    file: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<BackupCommand>,
}

#[derive(Debug, Subcommand)]
enum BackupCommand {
    /// Show the backups in the directory for backups, newest first
    List,
    /// Read a backup from its first byte to its last; with the key at hand, open every value and count again. Needs no store
    Verify {
        /// The file, or the name of one in the directory for backups
        file: PathBuf,
    },
}

impl Backup {
    /// The file to verify, if that is all there is to do.
    pub fn verifies(&self) -> Option<&Path> {
        match &self.command {
            Some(BackupCommand::Verify { file }) => Some(file),
            _ => None,
        }
    }
}

#[derive(Serialize)]
struct BackupJson<'a> {
    path: Option<String>,
    at: String,
    commit: u64,
    size: u64,
    store: &'a str,
    cats: u64,
    users: u64,
    requests: u64,
    /// Values that could not be read when it was made.
    unreadable: u64,
    hash: &'a str,
}

impl<'a> BackupJson<'a> {
    fn of(path: Option<&Path>, size: u64, manifest: &'a Manifest) -> Self {
        Self {
            path: path.map(|p| p.display().to_string()),
            at: manifest.at.rfc3339(),
            commit: manifest.commit,
            size,
            store: &manifest.store,
            cats: manifest.count(Kind::Cat),
            users: manifest.count(Kind::User),
            requests: manifest.count(Kind::Request),
            unreadable: manifest.lost.len() as u64 + manifest.lost_entries,
            hash: &manifest.hash,
        }
    }
}

/// `1 cat`, `2 cats`.
pub(super) fn many(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

pub(super) fn bytes(n: u64) -> String {
    match n {
        n if n < 1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        n => format!("{:.1} MB", n as f64 / 1e6),
    }
}

fn content(manifest: &Manifest) -> String {
    let count = |kind, what| many(manifest.count(kind), what);
    format!(
        "{}, {}, {}; change {}, {}",
        count(Kind::Cat, "cat"),
        count(Kind::User, "account"),
        count(Kind::Request, "request"),
        manifest.commit,
        manifest.at.second()
    )
}

/// What could not be read when it was made.
fn lost(manifest: &Manifest) -> Option<String> {
    let some: Vec<String> = manifest.lost.iter().take(5).map(|(kind, id)| format!("{kind} {id}")).collect();
    let more = manifest.lost.len().saturating_sub(some.len()) as u64 + manifest.lost_entries;
    match (some.is_empty(), more) {
        (true, 0) => None,
        (true, n) => Some(format!("{n} values of the audit log could not be read and are not in it")),
        (false, 0) => Some(format!("{} could not be read and are not in it", some.join(", "))),
        (false, n) => Some(format!("{} and {n} more values could not be read and are not in it", some.join(", "))),
    }
}

/// Makes a backup, or lists or verifies.
///
/// # Errors
/// `Cancelled` with no file left behind; the desk's, and those of the output.
pub fn run(cx: &mut Context<'_>, backup: &Backup) -> Result<(), Failure> {
    match &backup.command {
        Some(BackupCommand::List) => list(cx),
        Some(BackupCommand::Verify { file }) => {
            let (desk, actor, cancel) = (cx.desk, cx.actor, cx.cancel);
            let verified = {
                let mut meter = Meter::new(cx.progress, cx.err);
                let name = if cx.files { cx.directory.join(file) } else { file.clone() };
                desk.verify_backup(actor, &name, cx.files, &mut meter.steps(cancel))?
            };
            let verified = verified.ok_or_else(|| Failure::Cancelled("broken off".to_owned()))?;
            print_verified(cx, file, &verified)
        }
        None => make(cx, backup.file.as_deref()),
    }
}

fn make(cx: &mut Context<'_>, file: Option<&Path>) -> Result<(), Failure> {
    let stream = file.is_some_and(|f| f.as_os_str() == "-");
    if stream && cx.width.is_some() {
        return Err(Failure::Usage("a backup is no text for a terminal: add > FILE".to_owned()));
    }
    // A command that was mistyped would leave a file of that name.
    if let Some(word) = file.and_then(Path::to_str).filter(|word| !stream && !word.contains(['/', '.'])) {
        return Err(Failure::Usage(format!(
            "\"clowder backup\" has no command {word:?}: there are list and verify. To write a backup into a file of that name, say \
             ./{word}"
        )));
    }
    if let Some(file) = file.filter(|_| !stream && !cx.files) {
        return Err(Failure::Usage(format!(
            "{} would be a file on the server; leave it away to make a backup there, or write - to have it sent here",
            file.display()
        )));
    }
    let path = file.map(|file| cx.directory.join(file));
    if let Some(path) = path.as_ref().filter(|p| !stream && p.exists() && !p.is_file()) {
        return Err(Failure::Failed(format!("{} is no file; name one, or write - and redirect it", path.display())));
    }
    let (desk, actor, cancel) = (cx.desk, cx.actor, cx.cancel);
    let report = {
        let mut meter = Meter::new(cx.progress.beside_results(stream && cx.width.is_some()), cx.err);
        let mut progress = meter.steps(cancel);
        let target = match &path {
            None => BackupTarget::Shelf,
            Some(_) if stream => BackupTarget::Stream(&mut *cx.out),
            Some(path) => BackupTarget::File(path),
        };
        desk.backup(actor, target, &mut progress)?
    };
    let report = report.ok_or_else(|| Failure::Cancelled("the backup was broken off; no file was left".to_owned()))?;
    let whole = lost(&report.manifest);
    if !stream && cx.json {
        cx.print_json(&BackupJson::of(report.path.as_deref(), report.size, &report.manifest))?;
    } else {
        let at = report.path.as_deref().map_or_else(|| "standard output".to_owned(), |p| p.display().to_string());
        let said = format!("Backup written to {at}: {} ({}).", content(&report.manifest), bytes(report.size));
        if stream { cx.note(&said)? } else { cx.say(&said)? }
    }
    match whole {
        None => Ok(()),
        Some(what) => {
            cx.note(&format!("{what}. Run \"clowder doctor\" when nobody works with the store: it brings back what a backup and the journal have."))?;
            Err(Failure::Unsound)
        }
    }
}

pub(super) const COLUMNS: &[super::table::Column] =
    &[text("WHEN", 24), number("CHANGE"), number("CATS"), number("SIZE"), text("WHOLE", 12), text("FILE", 60)];

/// A backup as a row of a table.
pub(super) fn row(listed: &Listed) -> Vec<String> {
    let m = &listed.manifest;
    vec![
        m.at.second(),
        m.commit.to_string(),
        m.count(Kind::Cat).to_string(),
        bytes(listed.size),
        match m.lost.len() as u64 + m.lost_entries {
            0 => "yes".to_owned(),
            lost => format!("lacks {lost}"),
        },
        listed.path.display().to_string(),
    ]
}

fn list(cx: &mut Context<'_>) -> Result<(), Failure> {
    let backups = cx.desk.backups(cx.actor)?;
    // Only then is it known whether everything can be read.
    let _ = cx.desk.wait_until_ready();
    let state = cx.desk.backup_state(cx.actor)?;
    let found: Vec<&Listed> = backups.iter().filter_map(|b| b.as_ref().ok()).collect();
    if cx.json {
        let rows: Vec<_> = found.iter().map(|l| BackupJson::of(Some(&l.path), l.size, &l.manifest)).collect();
        cx.print_json(&rows)?;
    } else if found.is_empty() && state.last.is_some() {
        cx.say("There is no backup in the directory for backups.")?;
    } else if found.is_empty() && state.is_held() {
        // What is to be done first comes after it.
        cx.say("There is no backup yet.")?;
    } else if found.is_empty() {
        cx.say("There is no backup yet. Make one: clowder backup")?;
    } else {
        let mut table = Table::new(COLUMNS, cx.width);
        table.rows(cx.out, found.iter().map(|listed| row(listed)))?;
    }
    for why in backups.iter().filter_map(|b| b.as_ref().err()) {
        cx.note(why)?;
    }
    match state.warning.as_ref().filter(|_| !found.is_empty() || state.last.is_some() || state.is_held()) {
        Some(warning) => cx.note(warning),
        None => Ok(()),
    }
}

fn print_verified(cx: &mut Context<'_>, file: &Path, verified: &Verified) -> Result<(), Failure> {
    if cx.json {
        return cx.print_json(&VerifiedJson::of(file, verified));
    }
    verified_lines(file, verified).iter().try_for_each(|line| cx.say(line))
}

#[derive(Serialize)]
struct VerifiedJson<'a> {
    file: String,
    opened: bool,
    at: String,
    commit: u64,
    store: &'a str,
    counts: &'a std::collections::BTreeMap<String, u64>,
    unreadable: u64,
}

impl<'a> VerifiedJson<'a> {
    fn of(file: &Path, verified: &'a Verified) -> Self {
        let m = &verified.manifest;
        Self {
            file: file.display().to_string(),
            opened: verified.opened,
            at: m.at.rfc3339(),
            commit: m.commit,
            store: &m.store,
            counts: &m.counts,
            unreadable: m.lost.len() as u64 + m.lost_entries,
        }
    }
}

fn verified_lines(file: &Path, verified: &Verified) -> Vec<String> {
    let m = &verified.manifest;
    let how = if verified.opened { "every value was opened and read" } else { "its hash is right" };
    let mut lines = vec![format!("{} is whole: {how}.", file.display()), format!("Store {}: {}.", m.store, content(m))];
    lines.extend(lost(m).map(|what| format!("When it was made, {what}.")));
    lines
}

/// Verifies without a store: with the key, if it is at hand.
///
/// # Errors
/// What is wrong with the backup.
pub fn verify_alone(place: &Place, json: bool, file: &Path) -> Result<(), Failure> {
    // Settings that make no sense do not stand in the way of a file that is there.
    let named = if file.exists() { None } else { place.shelf()?.named(&file.to_string_lossy()) };
    let path = named.unwrap_or_else(|| file.to_owned());
    let keys = place.keys()?;
    let (cancel, mut err) = (super::local::cancel()?, std::io::stderr());
    let mut verify = |keys: Option<&KeySource>| {
        let mut meter = Meter::new(Show::on_own_stderr(), &mut err);
        backup::verify(&path, keys, &mut meter.steps(&cancel))
    };
    let verified = match verify(Some(&keys)) {
        Err(BackupError::Key(why @ (OpenError::MissingKey { .. } | OpenError::NotAsked { .. })))
            if keys.key.is_none() =>
        {
            let verified = verify(None);
            if verified.is_ok() {
                eprintln!("clowder: its values were not opened: {why}");
            }
            verified
        }
        done => done,
    };
    let verified = match verified {
        Ok(verified) => verified,
        Err(BackupError::Cancelled) => return Err(Failure::Cancelled("broken off".to_owned())),
        Err(e) => return Err(Failure::Failed(e.to_string())),
    };
    let mut out = std::io::stdout();
    if json {
        super::json::write(&mut out, &VerifiedJson::of(&path, &verified))?;
        use std::io::Write as _;
        writeln!(out)?;
        return Ok(());
    }
    for line in verified_lines(&path, &verified) {
        use std::io::Write as _;
        writeln!(out, "{}", super::failure::printable(&line))?;
    }
    Ok(())
}
