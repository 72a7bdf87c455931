//! Making the new store beside the old one, and putting it in its place.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
};

use crate::model::Kind;

use super::{
    super::{
        BackupPolicy, OpenError, OpenOptions, Progress, StoreError, Tally, audit,
        backup::{self, Manifest, Part},
        check::{self, named},
        core::Core,
        engine::{Batch, Engine, Tree},
        files::{self, DataLock, KEYRING, STORE},
        handle::Handle,
        indexes,
        journal::{self, CommitRecord, Line},
        keyring::Keyring,
        meta, migrate,
        record::{self, AnyRecord},
        swap::{self, Move, Swap},
        tallies,
    },
    NEW, Plan, RestoreError,
    keys::{self, Opened},
    plan::{LINES, Lines, Sources, walk},
};

/// How many pairs are put in at a time.
const AT_A_TIME: usize = 300;

/// Keys of the index are gathered up to so many (some 30 MB), and go in by order: one by one, as the records come, each would be on
/// another page of the engine's than the one before.
const KEYS_AT_A_TIME: usize = 300_000;

/// Commits of the journal that touch up to so many records are brought in together. Nothing is synced in between: the new store
/// counts for nothing until it is whole.
const MOST_RECORDS: usize = 150;

/// A store that was made and checked.
pub(super) struct Built {
    pub(super) new_line: Option<(Line, String)>,
    lines: Lines,
    /// For the audit log.
    pub(super) note: String,
    /// For whoever starts the program, should the swap be cut short.
    pub(super) notice: String,
    pub(super) notices: Vec<String>,
}

/// Makes and checks it.
pub(super) fn build(
    options: &OpenOptions,
    sources: Sources,
    plan: &Plan,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Built, RestoreError> {
    let new = options.data.join(NEW);
    files::make_private_dir(&new)?;
    let directory = new.join(STORE);
    files::make_private_dir(&directory)?;
    let engine = Engine::open(&directory, options.cache_bytes).map_err(StoreError::from)?;
    // What opens the backup may be another key than what seals the new store.
    let other = match &plan.backup {
        Some(listed) => other_key(options, &sources, listed)?,
        None => None,
    };
    let new_options = OpenOptions { data: new.clone(), ..options.clone() };
    let mut keyring = Keyring::parse(&sources.keyring_text)?;
    if keyring.format < migrate::FORMAT {
        keyring.format = migrate::FORMAT;
        keyring.write(&new)?;
    } else {
        files::write_private(&new.join(KEYRING), &sources.keyring_text)?;
    }
    let core = sources.keys.core(engine, &new_options);
    core.engine.open_index(Tree::Index, 1).map_err(StoreError::from)?;
    let mut feed = Feed {
        core: &core,
        batch: Batch::default(),
        pairs: 0,
        index: Vec::new(),
        counts: HashMap::new(),
        notices: Vec::new(),
        progress,
    };
    let format = match &plan.backup {
        Some(listed) => {
            feed.backup(listed, &sources, other.as_ref())?;
            listed.manifest.format
        }
        None => 0,
    };
    feed.counters(plan.backup.as_ref().map_or(0, |b| b.manifest.commit))?;
    if let Some(listed) = &plan.backup {
        feed.lost(&listed.manifest)?;
    }
    let Feed { notices, progress, .. } = feed;
    migrate::run(&core, format)?;
    set_counters(&core)?;
    replay(options, &core, &sources, plan, progress)?;
    let (lines, new_line) = line(&core, sources, plan)?;
    core.engine.sync().map_err(StoreError::from)?;
    let mut built = Built { new_line, lines, note: note(plan), notice: notice(plan), notices };
    if let Some(broken) = &plan.broken {
        built.notices.push(format!("It could not go further: {broken}."));
    }
    check(core, &new_options, progress)?;
    Ok(built)
}

/// The keys of a backup that the store's own keyring does not open.
pub(in crate::store) fn other_key(
    options: &OpenOptions,
    sources: &Sources,
    listed: &backup::Listed,
) -> Result<Option<Opened>, RestoreError> {
    let end = backup::end_of(&listed.path)?;
    let sealer = sources.keys.sealer(listed.manifest.key);
    if sealer.is_some_and(|sealer| end.is_sealed_by(&sealer)) {
        return Ok(None);
    }
    let keyring = Keyring::parse(&backup::keyring_of(&listed.path)?)?;
    let opened = keys::unlock(keyring, options)?;
    if !opened.sealer(listed.manifest.key).is_some_and(|sealer| end.is_sealed_by(&sealer)) {
        // Its values would open one by one, but nobody knows whether those are all and of one time.
        let what = "its manifest was not written by a holder of the key".to_owned();
        return Err(backup::BackupError::Unsound { path: listed.path.clone(), what }.into());
    }
    Ok(Some(opened))
}

fn set_counters(core: &Core) -> Result<(), StoreError> {
    *core.counters.write().unwrap_or_else(PoisonError::into_inner) = core.load_counters()?;
    Ok(())
}

/// Brings the commits of the journal in.
fn replay(
    options: &OpenOptions,
    core: &Core,
    sources: &Sources,
    plan: &Plan,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<(), RestoreError> {
    let base = core.counters().commit;
    let mut done = 0;
    let (mut waiting, mut records) = (Vec::new(), 0);
    let mut apply = |waiting: &mut Vec<CommitRecord>| {
        done += core.replay(std::mem::take(waiting))?;
        let on = progress(Progress { step: "Changes", done, of: plan.commits.max(done) });
        if on { Ok(()) } else { Err(RestoreError::Cancelled) }
    };
    walk(&options.data, sources, &plan.chain, base, &mut |mut commits: Vec<CommitRecord>| {
        commits.retain(|c| c.entry.commit <= plan.to.commit);
        if commits.is_empty() {
            return Ok(false);
        }
        let more: usize = commits.iter().map(|c| c.touched.len().max(1)).sum();
        if records + more > MOST_RECORDS {
            apply(&mut waiting)?;
            records = 0;
        }
        records += more;
        waiting.append(&mut commits);
        Ok(true)
    })?;
    apply(&mut waiting)?;
    let reached = core.counters().commit;
    if reached != plan.to.commit.0 {
        return Err(RestoreError::Unsound { what: format!("the journal ended with change {reached}") });
    }
    Ok(())
}

/// Says on which line the new store is: a new one, unless it goes on where the journal ends.
fn line(core: &Core, sources: Sources, plan: &Plan) -> Result<(Lines, Option<(Line, String)>), RestoreError> {
    let lines = sources.lines;
    let own = plan.chain.first().and_then(|(line, _)| Line::parse(line));
    match own.zip(plan.goes_on) {
        Some((own, from)) => {
            let mut batch = Batch::default();
            core.put_meta(&mut batch, meta::LINE, &own.0);
            core.put_meta(&mut batch, meta::JOURNAL, &from.to_le_bytes());
            core.engine.apply(&batch).map_err(StoreError::from)?;
            Ok((lines, None))
        }
        None => {
            let commit = plan.to.commit.0;
            // The line on which the last commit was made.
            let parent = plan.chain.iter().rev().find(|(_, upto)| commit <= *upto).map(|(line, _)| line.clone());
            let new = Line::generate();
            let mut batch = Batch::default();
            core.put_line(&mut batch, new, commit, parent.as_deref().and_then(Line::parse));
            core.engine.apply(&batch).map_err(StoreError::from)?;
            Ok((lines, Some((new, parent.unwrap_or_default()))))
        }
    }
}

/// Opens every record and recounts everything; then the engine is closed.
pub(in crate::store) fn check(
    core: Core,
    options: &OpenOptions,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<(), RestoreError> {
    let lock = DataLock::take(&options.data, options.door)?;
    let failed = |e: std::io::Error| StoreError::Failed(e.to_string());
    let mut handle = Handle::start(Arc::new(core), lock, options.data.clone(), BackupPolicy::default(), options.keys())
        .map_err(failed)?;
    let report = check::check(&handle, progress);
    handle.close()?;
    let report = report?;
    match report.findings.first() {
        _ if report.cancelled => Err(RestoreError::Cancelled),
        Some(what) => Err(RestoreError::Unsound { what: what.clone() }),
        None => Ok(()),
    }
}

fn note(plan: &Plan) -> String {
    let source = match &plan.backup {
        Some(listed) => format!("from the backup of {}", listed.manifest.at.minute()),
        None => "from the journal".to_owned(),
    };
    // Of a backup's last change it is not known when it was made.
    let at = if plan.to.of_backup { String::new() } else { format!(", {}", plan.to.at.minute()) };
    format!("as of change {}{at}, {source}", plan.to.commit)
}

fn notice(plan: &Plan) -> String {
    format!("The store was restored as of {}.", plan.to.words())
}

struct Feed<'c, 'a> {
    core: &'c Core,
    batch: Batch,
    pairs: usize,
    /// Keys that are not in it yet.
    index: Vec<indexes::Key>,
    counts: HashMap<Tally, i64>,
    notices: Vec<String>,
    progress: &'a mut dyn FnMut(Progress) -> bool,
}

impl Feed<'_, '_> {
    fn put(&mut self, tree: Tree, key: &[u8], stored: &[u8]) -> Result<(), StoreError> {
        self.batch.put(tree, key, self.core.sealer.seal(tree.name(), key, stored));
        self.pairs += 1;
        if self.pairs >= AT_A_TIME { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.pairs = 0;
        Ok(self.core.engine.apply(&std::mem::take(&mut self.batch))?)
    }

    fn index(&mut self, keys: impl IntoIterator<Item = indexes::Key>) -> Result<(), StoreError> {
        self.index.extend(keys);
        if self.index.len() >= KEYS_AT_A_TIME { self.flush_index() } else { Ok(()) }
    }

    fn flush_index(&mut self) -> Result<(), StoreError> {
        let mut keys = std::mem::take(&mut self.index);
        keys.sort_unstable();
        for some in keys.chunks(AT_A_TIME) {
            let mut batch = Batch::default();
            some.iter().for_each(|key| batch.put(Tree::Index, key, Vec::new()));
            self.core.engine.apply(&batch)?;
        }
        Ok(())
    }

    /// Every pair of a backup, sealed anew, with what follows from it. The file is read to its end before anything is taken from it.
    fn backup(
        &mut self,
        listed: &backup::Listed,
        sources: &Sources,
        other: Option<&Opened>,
    ) -> Result<(), RestoreError> {
        let of = listed.manifest.bytes;
        let mut go_on = |step, done| {
            let on = (self.progress)(Progress { step, done, of });
            if on { Ok(true) } else { Err(backup::BackupError::Cancelled) }
        };
        backup::read(&listed.path, &mut |_, bytes| go_on("Bytes verified", bytes))?;
        let keys = other.unwrap_or(&sources.keys);
        let unsound = |what: String| backup::BackupError::Unsound { path: listed.path.clone(), what };
        backup::read(&listed.path, &mut |part, bytes| {
            let Part::Pair { tree, key, sealed } = part else { return Ok(true) };
            let stored = keys.open(tree.name(), &key, &sealed).map_err(|e| unsound(e.to_string()))?;
            match tree {
                Tree::Records(kind) => {
                    let record = AnyRecord::decode(kind, &stored).map_err(|e| unsound(e.to_string()))?;
                    self.index(indexes::keys(&self.core.hasher, &record)).map_err(backup::BackupError::from)?;
                    tallies::add_change(&mut self.counts, None, Some(&record));
                }
                Tree::Audit => {
                    let keys = audit::keys_of_part(&key, &stored).map_err(|e| unsound(e.to_string()))?;
                    self.index(keys).map_err(backup::BackupError::from)?;
                }
                Tree::Meta | Tree::Index | Tree::Spare => {}
            }
            self.put(tree, &key, &stored).map_err(backup::BackupError::from)?;
            let on = (self.progress)(Progress { step: "Bytes", done: bytes, of });
            if on { Ok(true) } else { Err(backup::BackupError::Cancelled) }
        })?;
        self.flush()?;
        Ok(self.flush_index()?)
    }

    /// The counters as they follow from the records.
    fn counters(&mut self, commit: u64) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        self.core.put_meta(&mut batch, meta::GENERATION, &1_u64.to_le_bytes());
        self.core.put_meta(&mut batch, meta::COMMIT, &commit.to_le_bytes());
        for (&tally, &count) in &self.counts {
            self.core.put_tally(&mut batch, tally, count.unsigned_abs());
        }
        self.core.engine.apply(&batch)?;
        set_counters(self.core)
    }

    /// Records that could not be read when the backup was made, as the audit log has them.
    fn lost(&mut self, manifest: &Manifest) -> Result<(), StoreError> {
        for (slug, id) in &manifest.lost {
            let Some(&kind) = Kind::ALL.iter().find(|kind| kind.slug() == slug) else { continue };
            let name = named(kind, *id);
            let entry = self.core.audit_of(kind, *id, 1)?.pop();
            let touched = entry.and_then(|entry| self.core.audit_entry(entry.commit).ok().flatten());
            let stored = touched.and_then(|(_, all)| all.into_iter().find(|t| t.kind == kind && t.id == *id)?.after);
            let Some(stored) = stored else {
                self.notices.push(format!("{name} could not be read when the backup was made, and is missing"));
                continue;
            };
            let record = AnyRecord::decode(kind, &stored)?;
            self.index(indexes::keys(&self.core.hasher, &record))?;
            tallies::add_change(&mut self.counts, None, Some(&record));
            self.put(Tree::Records(kind), &record::key(*id), &stored)?;
            let password = if kind == Kind::User { "; the password must be set again" } else { "" };
            self.notices.push(format!("{name} was taken from the audit log{password}"));
        }
        self.flush()?;
        self.flush_index()?;
        self.counters(manifest.commit)
    }
}

/// Puts the new store in the place of the old one, which is kept; answers where.
pub(super) fn swap(plan: &Plan, built: &Built) -> Result<Option<PathBuf>, RestoreError> {
    let left = built.new_line.as_ref().map(|(line, parent)| (&built.lines, *line, parent.as_str(), plan.to.commit.0));
    let kept = put_in_place(&plan.data, left, built.notice.clone())?;
    Ok(kept.map(|name| plan.data.join(name)))
}

/// The same for any store that was made aside, with the line that it begins: what lines there are, the new one, its parent, and the
/// last commit that they have in common. Answers the name of the directory in which the old is kept.
pub(in crate::store) fn put_in_place(
    data: &Path,
    left: Option<(&Lines, Line, &str, u64)>,
    notice: String,
) -> Result<Option<String>, OpenError> {
    let lines_file = format!("{}/{LINES}", journal::DIR);
    let mut old = vec![STORE, KEYRING, files::CLEAN];
    let mut new = vec![STORE, KEYRING];
    if left.is_some() {
        old.push(&lines_file);
        new.push(&lines_file);
    }
    old.retain(|name| data.join(name).exists());
    let kept = if old.is_empty() { None } else { Some(swap::make_kept(data)?) };
    if let Some((lines, line, parent, after)) = left {
        // The lines change places with the store: were they there before, the line that people go on with would not be the last one.
        files::make_private_dir(&data.join(journal::DIR))?;
        lines.clone().add(&data.join(NEW), line, (parent, after), kept.clone())?;
    }
    let mut moves = Vec::new();
    if let Some(kept) = &kept {
        let name_of = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        moves.extend(old.iter().map(|path| Move::new(*path, format!("{kept}/{}", name_of(path)))));
    }
    moves.extend(new.iter().map(|path| Move::new(format!("{NEW}/{path}"), *path)));
    for dir in [data.join(NEW).join(STORE), data.join(NEW)] {
        files::sync_dir(&dir)?;
    }
    swap::run(data, &Swap { notice, moves })?;
    let _ = fs::remove_dir_all(data.join(NEW));
    Ok(kept)
}
