//! `clowder import` and `clowder export`

use std::io::{self, BufWriter, Seek as _, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{Context, Failure, Meter, cats::CatJson, json, query};
use crate::desk::{CatCard, Desk};
use crate::model::{
    Actor, CatId, Day, Error, Permission,
    query::{CatQuery, CatSort, Sort},
};
use crate::transfer::{
    self, DeskTarget, ExportCat, Exporter, Format, ImportError, Options, Phase, Problem, Profile, Report, Source,
    Summary, Weight,
};

/// What `import` takes.
#[derive(Debug, Args)]
#[command(after_help = profiles())]
pub struct Import {
    /// The file, CSV or NDJSON (.ndjson, .jsonl); - for standard input
    file: PathBuf,
    /// How the file is to be read: the name of a profile that comes with the program, or the path of one
    #[arg(long, value_name = "NAME|PATH")]
    profile: String,
    /// Do all of it but write to the store
    #[arg(long)]
    dry_run: bool,
    /// Write everything that is not as it should be into this file, as CSV: line, column, value, reason, weight
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl Import {
    /// Whether it takes standard input.
    pub fn reads_input(&self) -> bool {
        self.file.as_os_str() == "-"
    }
}

/// What `export` takes.
#[derive(Debug, Args)]
pub struct Export {
    /// Only cats that match, as in: 'status:adopted intake>=2024' [default: every cat, archived ones too]
    query: Vec<String>,
    /// The form [default: by the ending of --out, else csv]
    #[arg(long, conflicts_with = "json")]
    format: Option<ExportFormat>,
    /// Into this file instead of standard output; it is there only once it is whole
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What a file of cats looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A row for each stay; the profile "clowder" reads it back
    Csv,
    /// A line of JSON for each cat; the profile "clowder" reads it back
    Ndjson,
}

fn profiles() -> String {
    format!("Profiles that come with the program: {}", Profile::names().collect::<Vec<_>>().join(", "))
}

/// How progress is counted while the number of rows is not known: by what share of the file is read.
fn estimate(progress: &transfer::Progress) -> u64 {
    match (progress.rows_in_all, progress.bytes_in_all) {
        (Some(rows), _) => rows,
        (None, Some(bytes)) if progress.bytes > 0 => {
            u64::try_from(u128::from(progress.rows) * u128::from(bytes) / u128::from(progress.bytes))
                .unwrap_or(u64::MAX)
        }
        _ => progress.rows,
    }
}

fn show(meter: &mut Meter<'_>, progress: &transfer::Progress) {
    let step = match progress.phase {
        Phase::Reading => "Reading rows",
        Phase::Saving => "Saving cats, rows",
    };
    meter.at(step, progress.rows, estimate(progress));
}

/// Files of the machine that the program runs on are for those who run it there.
fn local_files(cx: &Context<'_>, what: &str) -> Result<(), Failure> {
    if cx.files {
        return Ok(());
    }
    Err(Failure::Usage(format!("{what} would be a file on the server; use standard input and output")))
}

fn source(cx: &mut Context<'_>, path: &Path) -> Result<Source, Failure> {
    if path.as_os_str() != "-" {
        local_files(cx, &path.display().to_string())?;
        return Source::open(&cx.directory.join(path)).map_err(failed);
    }
    let cancel = cx.cancel;
    let failed = |e: io::Error| match cancel.load(Ordering::Relaxed) {
        true => Failure::Cancelled("the import was broken off; nothing was read".to_owned()),
        false => Failure::Failed(format!("standard input: {e}")),
    };
    // NDJSON begins with a brace; a header line of CSV does not.
    let format = match cx.input.fill_buf().map_err(failed)?.iter().find(|b| !b.is_ascii_whitespace()) {
        Some(b'{') => Format::Ndjson,
        _ => Format::Csv,
    };
    let mut spool = tempfile::tempfile().map_err(failed)?;
    io::copy(cx.input, &mut spool).map_err(failed)?;
    spool.rewind().map_err(failed)?;
    Ok(Source::new("standard input", format, spool))
}

fn failed(e: ImportError) -> Failure {
    match e {
        ImportError::Desk(e) => Failure::Desk(e),
        e => Failure::Failed(e.to_string()),
    }
}

#[derive(Serialize)]
struct SummaryJson<'a> {
    dry_run: bool,
    cancelled: bool,
    rows: u64,
    not_cats: u64,
    skipped: &'a std::collections::BTreeMap<String, u64>,
    rejected: u64,
    began: u64,
    known: u64,
    continued: u64,
    without_stay: u64,
    duplicates: u64,
    not_reached: u64,
    cats_new: u64,
    cats_changed: u64,
    cats_same: u64,
    cats_kept: u64,
    stays: u64,
    breeds: &'a std::collections::BTreeSet<String>,
    health: &'a std::collections::BTreeSet<String>,
    problems: Vec<ProblemJson<'a>>,
}

#[derive(Serialize)]
struct ProblemJson<'a> {
    line: u64,
    column: Option<&'a str>,
    value: Option<&'a str>,
    reason: &'a str,
    weight: &'static str,
}

fn summary_json(s: &Summary) -> SummaryJson<'_> {
    SummaryJson {
        dry_run: s.dry_run,
        cancelled: s.cancelled,
        rows: s.rows,
        not_cats: s.not_cats,
        skipped: &s.skipped,
        rejected: s.rejected,
        began: s.began,
        known: s.known,
        continued: s.continued,
        without_stay: s.without_stay,
        duplicates: s.duplicates,
        not_reached: s.not_reached,
        cats_new: s.cats_new,
        cats_changed: s.cats_changed,
        cats_same: s.cats_same,
        cats_kept: s.cats_kept,
        stays: s.stays,
        breeds: &s.breeds,
        health: &s.health,
        problems: s.first.iter().map(problem_json).collect(),
    }
}

fn problem_json(p: &Problem) -> ProblemJson<'_> {
    ProblemJson {
        line: p.line,
        column: json::known(&p.column),
        value: json::known(&p.value),
        reason: &p.reason,
        weight: p.weight.word(),
    }
}

/// Imports a file.
///
/// # Errors
/// `Failed` for the file, `Cancelled` with whole cats only in the store, and the desk's.
pub fn import(cx: &mut Context<'_>, import: &Import) -> Result<(), Failure> {
    let comes_with_it = Profile::names().any(|name| name.eq_ignore_ascii_case(&import.profile));
    if !comes_with_it || import.report.is_some() {
        local_files(cx, "a profile or report")?;
    }
    let name = match comes_with_it {
        // A profile that is named has no directory.
        true => import.profile.clone(),
        false => cx.directory.join(&import.profile).to_string_lossy().into_owned(),
    };
    let profile = Profile::load(&name).map_err(|e| Error::invalid("profile", e.to_string()))?;
    let source = source(cx, &import.file)?;
    let mut report = match &import.report {
        Some(path) => {
            let reads = [cx.directory.join(&import.file), cx.directory.join(&import.profile)];
            let reads = [reads[0].as_path(), reads[1].as_path()];
            Some(Report::create(&cx.directory.join(path), &reads).map_err(|e| Failure::file(path, &e))?)
        }
        None => None,
    };
    let mut target = DeskTarget::new(cx.desk.clone(), cx.actor.clone());
    let options = Options { dry_run: import.dry_run, today: Day::today() };
    let cancel = cx.cancel;
    let summary = {
        let mut meter = Meter::new(cx.progress, cx.err);
        let mut progress = |progress: transfer::Progress| {
            show(&mut meter, &progress);
            !cancel.load(Ordering::Relaxed)
        };
        transfer::import(&mut target, source, &profile, options, report.as_mut(), &mut progress).map_err(failed)?
    };
    if cx.json {
        cx.print_json(&summary_json(&summary))?;
    } else {
        problems(cx, &summary, import.report.as_deref())?;
        cx.say(&summary.to_string())?;
    }
    if summary.cancelled {
        return Err(Failure::Cancelled("the import was broken off".to_owned()));
    }
    Ok(())
}

/// The first problems of each weight, and where the others are.
fn problems(cx: &mut Context<'_>, summary: &Summary, report: Option<&Path>) -> Result<(), Failure> {
    for weight in [Weight::Rejected, Weight::Unknown, Weight::Note] {
        let count = summary.problems.get(&weight).copied().unwrap_or_default();
        let mut shown = 0;
        for problem in summary.first.iter().filter(|p| p.weight == weight) {
            cx.note(&format!("{}: {problem}", weight.word()))?;
            shown += 1;
        }
        if count > shown {
            let more = count - shown;
            match report {
                Some(path) => cx.note(&format!("{}: {more} more, in {}", weight.word(), path.display()))?,
                None => cx.note(&format!("{}: {more} more; --report FILE writes all of them", weight.word()))?,
            }
        }
    }
    Ok(())
}

/// Where an export goes, cat by cat.
enum Sink<W: Write> {
    File(Exporter<W>),
    Array(W, json::Array),
}

impl<W: Write> Sink<W> {
    /// In a format, or as one array of JSON.
    fn open(format: Option<Format>, mut out: W) -> io::Result<Self> {
        match format {
            Some(format) => Ok(Self::File(Exporter::new(format, out)?)),
            None => {
                let array = json::Array::open(&mut out)?;
                Ok(Self::Array(out, array))
            }
        }
    }

    fn push(&mut self, card: &CatCard) -> io::Result<()> {
        match self {
            Self::File(exporter) => exporter.write(ExportCat {
                cat: &card.cat,
                breed: card.breed.as_ref().map(|b| b.name.as_str()),
                health: card.health.as_ref().map(|h| h.name.as_str()),
            }),
            Self::Array(out, array) => array.push(out, &CatJson::of(card)),
        }
    }

    fn finish(self) -> io::Result<W> {
        match self {
            Self::File(exporter) => exporter.finish(),
            Self::Array(mut out, array) => array.close(&mut out).map(|()| out),
        }
    }
}

/// The cats of an export.
struct Cats<'a> {
    desk: &'a Desk,
    actor: &'a Actor,
    cancel: &'a AtomicBool,
    /// Those that match; every one in order of its number when `None`.
    query: Option<CatQuery>,
}

/// How many cats are written between two looks at the progress.
const STRIDE: u64 = 512;

impl Cats<'_> {
    /// Writes them and answers how many there were.
    fn write<W: Write>(&self, sink: &mut Sink<W>, meter: &mut Meter<'_>) -> Result<u64, Failure> {
        match (&self.query, sink) {
            (None, Sink::File(exporter)) => self.every(exporter, meter),
            (query, sink) => {
                let all = CatQuery {
                    archived: None,
                    sort: Sort { key: CatSort::Newest, reversed: true },
                    ..CatQuery::default()
                };
                self.some(query.as_ref().unwrap_or(&all), sink, meter)
            }
        }
    }

    /// Whether to go on after so many.
    fn go_on(&self, meter: &mut Meter<'_>, done: u64, of: u64) -> bool {
        if done.is_multiple_of(STRIDE) {
            meter.at("Writing cats", done, of);
            return !self.cancel.load(Ordering::Relaxed);
        }
        true
    }

    fn every<W: Write>(&self, exporter: &mut Exporter<W>, meter: &mut Meter<'_>) -> Result<u64, Failure> {
        let of = self.desk.stats(self.actor)?.cats;
        let (mut done, mut failed, mut cancelled) = (0, None, false);
        self.desk.each_cat(self.actor, |cat, breed, health| {
            cancelled = !self.go_on(meter, done, of);
            if cancelled {
                return false;
            }
            done += 1;
            failed = exporter.write(ExportCat { cat, breed, health }).err();
            failed.is_none()
        })?;
        match failed {
            Some(e) => Err(e.into()),
            None if cancelled => Err(broken_off()),
            None => Ok(done),
        }
    }

    fn some<W: Write>(&self, query: &CatQuery, sink: &mut Sink<W>, meter: &mut Meter<'_>) -> Result<u64, Failure> {
        if !self.desk.rights(self.actor)?.may(Permission::Transfer) {
            return Err(Error::Denied(Permission::Transfer).into());
        }
        self.desk.wait_until_ready()?;
        let ids = self.desk.cats(self.actor, query)?;
        let of = ids.len() as u64;
        let mut done = 0;
        for id in ids {
            if !self.go_on(meter, done, of) {
                return Err(broken_off());
            }
            match self.desk.cat(self.actor, CatId(id)) {
                Ok(card) => {
                    sink.push(&card)?;
                    done += 1;
                }
                Err(Error::NotFound { .. }) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(done)
    }
}

fn broken_off() -> Failure {
    Failure::Cancelled("the export was broken off".to_owned())
}

/// Writes cats into a file or to the output.
///
/// # Errors
/// `Cancelled`, with no file left behind; the desk's, and those of the output.
pub fn export(cx: &mut Context<'_>, export: &Export) -> Result<(), Failure> {
    let format = match export.format {
        _ if cx.json => None,
        Some(ExportFormat::Csv) => Some(Format::Csv),
        Some(ExportFormat::Ndjson) => Some(Format::Ndjson),
        None => Some(export.out.as_deref().map_or(Format::Csv, Format::of)),
    };
    let query = if export.query.is_empty() { None } else { Some(query::parse::<CatQuery>(&export.query)?) };
    let cats = Cats { desk: cx.desk, actor: cx.actor, cancel: cx.cancel, query };
    let Some(path) = &export.out else {
        let mut sink = Sink::open(format, &mut *cx.out)?;
        let show = cx.progress.beside_results(cx.width.is_some());
        cats.write(&mut sink, &mut Meter::new(show, cx.err))?;
        sink.finish()?;
        return Ok(());
    };
    local_files(cx, &path.display().to_string())?;
    let place = cx.directory.join(path);
    let parent = place.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let at = |e: io::Error| Failure::file(path, &e);
    if !parent.is_dir() {
        return Err(Failure::Failed(format!("{}: there is no directory {}", path.display(), parent.display())));
    }
    // A device or a pipe would be replaced by the file, too.
    if path.metadata().is_ok_and(|m| !m.is_file() && !m.is_dir()) {
        return Err(Failure::Failed(format!("{} is no file; leave --out away and use > instead", path.display())));
    }
    let file = tempfile::Builder::new().prefix(".clowder-export").tempfile_in(parent).map_err(at)?;
    let mut sink = Sink::open(format, BufWriter::new(file)).map_err(at)?;
    let count = cats.write(&mut sink, &mut Meter::new(cx.progress, cx.err)).map_err(|e| match e {
        Failure::Output(e) => at(e),
        e => e,
    })?;
    let file = sink.finish().and_then(|out| out.into_inner().map_err(io::IntoInnerError::into_error)).map_err(at)?;
    file.as_file().sync_all().map_err(at)?;
    file.persist(&place).map_err(|e| at(e.error))?;
    let cats = if count == 1 { "1 cat".to_owned() } else { format!("{count} cats") };
    cx.note(&format!("{cats} written to {}.", path.display()))
}
