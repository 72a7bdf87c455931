//! Salvage: record by record out of damaged files of the engine, filled from backup and journal, into a new store.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::PoisonError,
};

use crate::model::Kind;

use super::{
    super::{
        OpenOptions, Progress, StoreError,
        engine::{Batch, Bytes, Engine, EngineError, Pair, Tree},
        files::{self, KEYRING, STORE},
        indexes,
        journal::Line,
        meta, migrate, record,
        restore::{
            self,
            build::{check, put_in_place},
            plan::Sources,
        },
        swap, tallies,
    },
    DoctorError,
    evidence::{Evidence, Fate, Open, Place},
};

/// How many pairs are read or put in at a time.
const AT_A_TIME: usize = 300;

/// How far past the last number that is known of a kind is looked, when the engine does not come past a damaged page.
const BEYOND: u32 = 5_000;

/// Something the engine does on damaged files; a panic is an error like any other.
fn caught<T>(f: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|_| {
        Err(EngineError { full: false, damaged: true, message: "the engine gave up on its files".to_owned() })
    })
}

fn scan(engine: &Engine, tree: Tree, after: Option<&[u8]>) -> Result<Vec<Pair>, EngineError> {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    caught(|| engine.scan(tree, (from, Bound::Unbounded), false, AT_A_TIME))
}

fn get(engine: &Engine, tree: Tree, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
    caught(|| engine.get(tree, key))
}

/// Reads everything that can be read from files of the engine that open.
pub(super) fn read(
    dir: &Path,
    options: &OpenOptions,
    sources: &Sources,
    known: &mut Evidence,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<(), StoreError> {
    let engine = caught(|| Engine::open(dir, options.cache_bytes))?;
    let open = |tree: &str, key: &[u8], sealed: &[u8]| sources.keys.open(tree, key, sealed).ok();
    let number = |key: &[u8]| {
        let sealed = get(&engine, Tree::Meta, key).ok().flatten()?;
        open(Tree::Meta.name(), key, &sealed).map(|stored| meta::number(&stored))
    };
    known.engine = number(meta::COMMIT).unwrap_or_default();
    known.commit = known.commit.max(known.engine);
    for &kind in Kind::ALL {
        let key = meta::sequence_key(kind);
        if let Some(last) = number(&key) {
            let last = u32::try_from(last).unwrap_or(u32::MAX);
            let known = known.last_ids.entry(kind).or_default();
            *known = last.max(*known);
        }
    }
    let generation = number(meta::GENERATION).and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
    if caught(|| engine.open_index(Tree::Index, generation)).is_ok() {
        read_index(&engine, known);
    }
    for &kind in Kind::ALL {
        let mut done = 0;
        let last = known.last_ids.get(&kind).map_or(BEYOND, |last| last.saturating_add(1));
        let engine_commit = known.engine;
        let more = each_record(&engine, kind, last, &mut |id, sealed| {
            let key = record::key(id);
            let stored = sealed.and_then(|sealed| open(Tree::Records(kind).name(), &key, &sealed));
            let taken = stored.is_some_and(|stored| known.copy((kind, id), &stored, engine_commit).is_ok());
            if !taken {
                known.unreadable((kind, id));
            }
            done += 1;
            progress(Progress { step: "Records read", done, of: done })
        });
        if !more {
            return Ok(());
        }
    }
    let last = known.commit;
    read_audit(&engine, last, known, &open, progress);
    Ok(())
}

/// Every record of a kind up to `last`: over a damaged page one number after the other.
fn each_record(engine: &Engine, kind: Kind, last: u32, each: &mut dyn FnMut(u32, Option<Bytes>) -> bool) -> bool {
    let tree = Tree::Records(kind);
    let mut after = 0;
    loop {
        match scan(engine, tree, Some(&record::key(after))) {
            Ok(pairs) => {
                let whole = pairs.len() < AT_A_TIME;
                for (key, sealed) in pairs {
                    let Some(id) = record::id_of(&key) else { continue };
                    after = after.max(id);
                    if !each(id, Some(sealed)) {
                        return false;
                    }
                }
                if whole {
                    return true;
                }
            }
            Err(_) => {
                let upto = after.saturating_add(AT_A_TIME as u32).min(last);
                for id in after.saturating_add(1)..=upto {
                    let more = match get(engine, tree, &record::key(id)) {
                        Ok(None) => true,
                        Ok(Some(sealed)) => each(id, Some(sealed)),
                        Err(_) => each(id, None),
                    };
                    if !more {
                        return false;
                    }
                }
                if upto >= last {
                    return true;
                }
                after = upto;
            }
        }
    }
}

/// Which records there are and which change touched which, as far as the index can be read.
fn read_index(engine: &Engine, known: &mut Evidence) {
    let (mut places, mut touches) = (BTreeSet::<Place>::new(), BTreeSet::new());
    let mut after: Option<Bytes> = None;
    let whole = loop {
        let Ok(pairs) = scan(engine, Tree::Index, after.as_deref()) else { break false };
        for (key, _) in &pairs {
            match (indexes::kind_of(key), indexes::audit_commit(key)) {
                (Some(kind), _) => drop(places.insert((kind, indexes::id_of(key)))),
                (None, Some(no)) => touches.extend(indexes::audit_record(key).map(|place| (place, no))),
                (None, None) => {}
            }
        }
        match pairs.last() {
            Some((key, _)) if pairs.len() == AT_A_TIME => after = Some(key.clone()),
            _ => break true,
        }
    };
    known.index(places, touches, whole);
}

/// The entries of the audit log, one change after the other where a page is damaged.
fn read_audit(
    engine: &Engine,
    last: u64,
    known: &mut Evidence,
    open: &Open<'_>,
    progress: &mut dyn FnMut(Progress) -> bool,
) {
    for no in 1..=last {
        let (from, to) = super::super::audit::range(no, no);
        let range = (Bound::Included(&from[..]), Bound::Included(&to[..]));
        if let Ok(pairs) = caught(|| engine.scan(Tree::Audit, range, false, usize::MAX)) {
            let parts: Vec<Vec<u8>> =
                pairs.iter().filter_map(|(key, sealed)| open(Tree::Audit.name(), key, sealed)).collect();
            known.entry(no, &parts);
        }
        if !progress(Progress { step: "Audit log read", done: no, of: last }) {
            return;
        }
    }
}

/// The line that the new store leaves, and the last change that backup and journal have of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Left {
    pub(super) line: String,
    pub(super) after: u64,
}

/// Makes a new store of everything that is known, checks it in full and puts it in the place of the old one. Answers where that is
/// kept, and sentences.
pub(super) fn build(
    options: &OpenOptions,
    sources: &Sources,
    known: &Evidence,
    left: &Left,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<String, DoctorError> {
    let data = &options.data;
    restore::sweep(data);
    let made = make(options, sources, known, left, progress);
    let kept = made.and_then(|line| {
        let notice = "The doctor put a new store in the place of the damaged one.".to_owned();
        let kept = put_in_place(data, Some((&sources.lines, line, left.line.as_str(), left.after)), notice)?;
        Ok(kept.map_or_else(|| swap::make_kept(data), Ok)?)
    });
    restore::sweep(data);
    kept
}

fn make(
    options: &OpenOptions,
    sources: &Sources,
    known: &Evidence,
    left: &Left,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Line, DoctorError> {
    let new = options.data.join(restore::NEW);
    files::make_private_dir(&new)?;
    files::make_private_dir(&new.join(STORE))?;
    files::write_private(&new.join(KEYRING), &sources.keyring_text)?;
    let of_new = OpenOptions { data: new.clone(), ..options.clone() };
    let engine = Engine::open(&new.join(STORE), options.cache_bytes).map_err(StoreError::from)?;
    let core = sources.keys.core(engine, &of_new);
    core.engine.open_index(Tree::Index, 1).map_err(StoreError::from)?;
    migrate::run(&core, 0)?;
    let (mut batch, mut pairs, mut done) = (Batch::default(), 0, 0);
    let mut counts = HashMap::new();
    let mut last_ids: BTreeMap<Kind, u32> = known.last_ids.clone();
    let mut go_on = |batch: &mut Batch, step, of| {
        pairs += 1;
        done += 1;
        if pairs >= AT_A_TIME {
            pairs = 0;
            core.engine.apply(&std::mem::take(batch)).map_err(StoreError::from)?;
        }
        if progress(Progress { step, done, of }) { Ok(()) } else { Err(DoctorError::Cancelled) }
    };
    for ((kind, id), fate) in known.fates() {
        let Fate::There { record, .. } = fate else { continue };
        let (tree, key) = (Tree::Records(kind), record::key(id));
        batch.put(tree, &key, core.sealer.seal(tree.name(), &key, &record.encode()?));
        put_keys(&mut batch, indexes::keys(&core.hasher, &record));
        tallies::add_change(&mut counts, None, Some(&record));
        let last = last_ids.entry(kind).or_default();
        *last = id.max(*last);
        go_on(&mut batch, "Records", 0)?;
    }
    for no in 1..=known.commit {
        let (entry, touched) = match known.entries.get(&no) {
            Some((entry, touched)) => (entry.clone(), touched.clone()),
            None => (known.lost_entry(no), Vec::new()),
        };
        core.put_audit(&mut batch, entry, touched)?;
        go_on(&mut batch, "Audit log", 0)?;
    }
    for (tally, count) in counts {
        core.put_tally(&mut batch, tally, u64::try_from(count).unwrap_or_default());
    }
    for (kind, last) in last_ids {
        core.put_last_id(&mut batch, kind, last);
    }
    let line = Line::generate();
    core.put_meta(&mut batch, meta::COMMIT, &known.commit.to_le_bytes());
    core.put_meta(&mut batch, meta::LINE, &line.0);
    core.put_meta(&mut batch, meta::JOURNAL, &known.commit.to_le_bytes());
    if let Some(parent) = Line::parse(&left.line) {
        core.put_meta(&mut batch, meta::LINE_PARENT, &[&parent.0[..], &left.after.to_le_bytes()].concat());
    }
    core.engine.apply(&batch).map_err(StoreError::from)?;
    core.engine.sync().map_err(StoreError::from)?;
    *core.counters.write().unwrap_or_else(PoisonError::into_inner) = core.load_counters()?;
    check(core, &of_new, progress)?;
    Ok(line)
}

fn put_keys(batch: &mut Batch, keys: impl IntoIterator<Item = indexes::Key>) {
    for key in keys {
        batch.put(Tree::Index, &key, Vec::new());
    }
}
