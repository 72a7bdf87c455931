//! The engine's files, tried on copies, and what is in those that open.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::model::Kind;

use super::{
    super::{
        BackupPolicy, CheckReport, OpenError, OpenOptions, Progress, StoreError,
        check::{self, named},
        engine::{self, Engine, Tree},
        files::{self, Copy, DataLock, KEYRING, STORE},
        handle::Handle,
        journal, meta, migrate,
        probe::{self, Tried},
        restore::plan::Sources,
    },
    WORK,
};

/// A directory in the data directory for copies, gone when it is dropped.
pub(super) struct Work(pub(super) PathBuf);

impl Work {
    pub(super) fn make(data: &Path) -> Result<Self, OpenError> {
        super::sweep(data);
        let work = Self(data.join(WORK));
        files::make_private_dir(&work.0)?;
        Ok(work)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Without which of its files the engine opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Opens {
    /// With all of them.
    Whole,
    /// Without its snapshot.
    WithoutSnapshot,
    /// Without its snapshot and its settings.
    WithoutSettings,
    /// Not at all.
    Not(String),
}

/// Tries copies of the engine's files; one that opens is left in `work`. The last answer is what is to be put aside.
pub(super) fn try_copies(options: &OpenOptions, work: &Work) -> Result<(Opens, Vec<PathBuf>), OpenError> {
    let dir = options.data.join(STORE);
    let snapshots = engine::snapshots(&dir);
    let with_settings = [&snapshots[..], &engine::settings(&dir)[..]].concat();
    let mut first = None;
    for (opens, without) in
        [(Opens::Whole, Vec::new()), (Opens::WithoutSnapshot, snapshots), (Opens::WithoutSettings, with_settings)]
    {
        if without.is_empty() && opens != Opens::Whole {
            continue;
        }
        // A failed attempt may have written to the copy, so each has one of its own.
        let copy = Copy::of(&options.data)?;
        let leftovers = engine::unfinished_snapshots(&dir);
        let names = without.iter().chain(&leftovers).filter_map(|path| path.file_name());
        for name in names.map(|name| copy.path.join(name)) {
            fs::remove_file(&name).map_err(|e| files::open_error(&name, &e))?;
        }
        match probe::try_open(&copy.path, options.probe.as_deref(), options.probe_limit) {
            Tried::Opens => {
                let _ = fs::remove_dir_all(work.0.join(STORE));
                fs::rename(&copy.path, work.0.join(STORE)).map_err(|e| files::open_error(&copy.path, &e))?;
                return Ok((opens, without));
            }
            Tried::Empty => drop(first.get_or_insert("they hold nothing".to_owned())),
            Tried::Fails(why) => drop(first.get_or_insert(why)),
        }
    }
    Ok((Opens::Not(first.unwrap_or_default()), Vec::new()))
}

/// What is in the engine's files.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The last change in them.
    pub(super) commit: u64,
    /// The line that they are on.
    pub(super) line: String,
    /// The check of everything, after the journal's later changes were added.
    pub(super) report: CheckReport,
    /// Records that are not as the journal last has them.
    pub(super) behind: Vec<String>,
    /// The first damaged place of the journal's end.
    pub(super) broken: Option<String>,
    /// Whether there is no journal, although there was one.
    pub(super) no_journal: bool,
    /// Damaged places before that, of which the store needs nothing.
    pub(super) older: Vec<String>,
    /// Segments of the journal's end that a start refuses, and from which byte on.
    pub(super) unreadable: Vec<(PathBuf, u64)>,
    /// Whether changes that come after them are in the journal and cannot be added.
    pub(super) lacks: bool,
}

/// Looks at everything in the copy that opens, with the journal's later changes.
pub(super) fn look(
    options: &OpenOptions,
    work: &Path,
    sources: &Sources,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Content, StoreError> {
    let dir = work.join(STORE);
    let of_work = OpenOptions { data: work.to_owned(), ..options.clone() };
    let failed = |e: OpenError| StoreError::Failed(e.to_string());
    files::write_private(&work.join(KEYRING), &sources.keyring_text).map_err(failed)?;
    let core = sources.keys.core(Engine::open(&dir, options.cache_bytes)?, &of_work);
    let no_store = || StoreError::Damaged("they hold no store".to_owned());
    let format = core.meta_number(meta::FORMAT)?.ok_or_else(no_store)?;
    if format > u64::from(migrate::FORMAT) {
        return Err(StoreError::Refused("a newer version of Clowder wrote them; update this one".to_owned()));
    }
    // Files from before the newer format have no line yet: then they are of the one that journal and backups are on.
    if let Some(line) = sources.present_line(&options.data, false).and_then(|line| journal::Line::parse(&line)) {
        let _ = core.line_to_be.set(line);
    }
    migrate::run(&core, sources.keys.format().min(u32::try_from(format).unwrap_or_default()))?;
    let generation = core.meta_number(meta::GENERATION)?.unwrap_or(1);
    let generation = u32::try_from(generation).map_err(|_| no_store())?;
    core.engine.open_index(Tree::Index, generation)?;
    core.generation.store(generation, std::sync::atomic::Ordering::Relaxed);
    *core.counters.write().unwrap_or_else(std::sync::PoisonError::into_inner) = core.load_counters()?;
    let line = core.line()?;
    let mut content = Content { commit: core.counters().commit, line: line.to_string(), ..Content::default() };
    content.lacks = format < u64::from(sources.keys.format());

    // What the journal last has of each record, and its changes that the engine has not.
    let keys = |number| sources.keys.sealer(number);
    let unreadable = |e: std::io::Error| StoreError::Failed(format!("the journal cannot be read: {e}"));
    let mut last: HashMap<(Kind, u32), u32> = HashMap::new();
    let from = core.journal_from()?;
    let closed_with = files::clean_mark(&options.data).map_or(0, |mark| mark.commit);
    let commits = journal::commits(&options.data, &core.id, line, from, &keys).map_err(unreadable)?;
    let (mut gap, mut end) = (false, from);
    // Those that a start reads.
    let mut current: Vec<_> = journal::segments(&options.data).map_err(unreadable)?;
    current.retain(|segment| segment.line == line && segment.first > from);
    content.no_journal = current.is_empty() && content.commit > from;
    let begin = current.iter().rposition(|segment| segment.first <= content.commit + 1).unwrap_or_default();
    let begins_with = current.get(begin).map_or(0, |segment| segment.first);
    // What the engine has was in a segment once.
    for segment in current.iter().skip(begin).filter(|segment| segment.first <= content.commit) {
        if let Ok(mut reader) = journal::read(segment, &core.id, &keys)
            && reader.next_frame().is_none()
            && reader.is_unmade()
            && closed_with == 0
        {
            content.broken = Some(reader.cut_short().to_string());
            content.unreadable.push((segment.path.clone(), 0));
        }
    }
    let current: Vec<PathBuf> = current.into_iter().skip(begin).map(|segment| segment.path).collect();
    for commit in commits {
        match commit {
            Ok(commit) => {
                for t in &commit.touched {
                    last.insert((t.kind, t.id), t.rev_after);
                }
                let number = commit.entry.commit.0;
                end = number;
                if number > core.counters().commit {
                    if number > core.counters().commit + 1 {
                        content.lacks = true;
                    } else {
                        core.replay(vec![commit])?;
                    }
                }
                if !progress(Progress { step: "Journal", done: number, of: number.max(content.commit) }) {
                    return Ok(content);
                }
            }
            Err(broken) => {
                gap = true;
                if matches!(broken.missing(), Some((_, None))) && (broken.unchained || closed_with == 0) {
                    content.unreadable.push((broken.path.clone(), broken.offset));
                }
                // In an older segment it is of no concern: the engine has what was there.
                let upto = broken.missing().map_or(u64::MAX, |(_, last)| last.unwrap_or(u64::MAX));
                if current.contains(&broken.path) && upto >= begins_with && content.broken.is_none() {
                    content.broken = Some(broken.to_string());
                } else if !current.contains(&broken.path) {
                    content.older.push(broken.to_string());
                }
            }
        }
    }
    gap |= end < content.commit;
    // A backup has what was there when it was made.
    let backed_up = sources.backups.iter().map(|listed| &listed.manifest).filter(|m| m.line == content.line);
    let known = backed_up.map(|manifest| manifest.commit).fold(closed_with, u64::max);
    content.lacks |= core.counters().commit < known;
    core.engine.sync()?;
    let lock = DataLock::take(work, options.door).map_err(failed)?;
    let policy = BackupPolicy { on_start: false, on_exit: false, every_hours: 0, ..BackupPolicy::default() };
    let handle = Handle::start(Arc::new(core), lock, work.to_owned(), policy, of_work.keys());
    let mut handle = handle.map_err(|e| StoreError::Failed(e.to_string()))?;
    content.report = check::check(&handle, progress)?;
    if !content.lacks {
        for (&(kind, id), &rev) in &last {
            let stored = handle.core().get_any(kind, id).map(|r| r.map_or(0, |r| r.version().rev));
            // One that cannot be read was found by the check.
            // What is missing from the journal may have brought it further.
            let as_it_was = |stored: u32| stored == rev || gap && (stored == 0 || stored > rev);
            if stored.is_ok_and(|stored| !as_it_was(stored)) {
                content.behind.push(format!("{} is not as the journal last has it", named(kind, id)));
            }
        }
    }
    content.behind.sort();
    handle.close()?;
    Ok(content)
}
