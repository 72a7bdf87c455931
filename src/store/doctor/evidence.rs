//! Everything that is known of each record and change, from whichever file it can still be read: the newest counts.
//!
//! Every value was sealed for its place, so what opens is right; it can only be old. Which is the newest follows from the numbers of
//! the changes and the revisions of the records.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::model::{Action, Actor, AuditEntry, CommitNo, Door, Kind, Stamp, Touched, Who};

use super::{
    super::{
        StoreError, audit,
        backup::{self, Listed, Part},
        engine::Tree,
        journal::{self, CommitRecord, Line},
        meta,
        record::{self, AnyRecord},
        restore::plan::Sources,
    },
    Loss,
};

/// Opens a value, by the name of its tree and its key.
pub(super) type Open<'a> = dyn Fn(&str, &[u8], &[u8]) -> Option<Vec<u8>> + 'a;

/// A record.
pub(super) type Place = (Kind, u32);

/// A stored form.
type Stored = Arc<[u8]>;

/// What the last known change made of a record.
#[derive(Debug, Clone)]
struct Event {
    commit: u64,
    /// After it; before it when it deleted the record.
    rev: u32,
    /// `None` when it deleted the record.
    after: Option<Stored>,
    /// The password's hash, where the journal has it; the audit log never does.
    hash: Option<Option<String>>,
}

/// What is known of a record.
#[derive(Debug, Clone, Default)]
struct Traces {
    event: Option<Event>,
    /// The newest stored copy that was found, and up to which change it counts.
    copy: Option<(u32, Stored, u64)>,
}

/// What becomes of a record.
#[derive(Debug, Clone)]
pub(super) enum Fate {
    /// It is there.
    There {
        /// It.
        record: AnyRecord,
        /// The last change after which it is known to be so.
        as_of: u64,
        /// Whether it had a password that is not known any more.
        no_password: bool,
    },
    /// It was deleted.
    Deleted,
}

/// How far the records are when only some of what is there is taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Reach {
    upto: u64,
    /// Change and revision; revision 0 for what was deleted.
    revs: BTreeMap<Place, (u64, u32)>,
}

impl Reach {
    pub(super) fn new(upto: u64) -> Self {
        Self { upto, ..Self::default() }
    }

    fn see(&mut self, place: Place, commit: u64, rev: u32) {
        if commit <= self.upto {
            let seen = self.revs.entry(place).or_insert((commit, rev));
            if commit >= seen.0 {
                *seen = (commit, rev);
            }
        }
    }
}

/// Everything that is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Evidence {
    traces: BTreeMap<Place, Traces>,
    /// The audit log.
    pub(super) entries: BTreeMap<u64, (AuditEntry, Vec<Touched>)>,
    /// Which change touched which record, as the index has it.
    touches: BTreeSet<(Place, u64)>,
    /// Records that cannot be read where they should be.
    unreadable: BTreeSet<Place>,
    /// Records that the index has, when it could be read to its end.
    indexed: Option<BTreeSet<Place>>,
    /// The last numbers given.
    pub(super) last_ids: BTreeMap<Kind, u32>,
    /// The last change in the engine's files; 0 when they do not say.
    pub(super) engine: u64,
    /// The last change that is known of.
    pub(super) commit: u64,
    /// Whether changes after the last one may be gone without a trace.
    pub(super) open_end: bool,
}

impl Evidence {
    /// Whether nothing is known.
    pub(super) fn is_empty(&self) -> bool {
        self.traces.is_empty() && self.entries.is_empty()
    }

    fn saw(&mut self, place: Place) {
        let last = self.last_ids.entry(place.0).or_default();
        *last = place.1.max(*last);
    }

    /// A stored copy, which counts up to a change.
    pub(super) fn copy(&mut self, place: Place, stored: &[u8], upto: u64) -> Result<(), StoreError> {
        let record = AnyRecord::decode(place.0, stored)?;
        if record.id() != place.1 {
            return Err(StoreError::Damaged("it is another record".to_owned()));
        }
        self.saw(place);
        let rev = record.version().rev;
        let copy = &mut self.traces.entry(place).or_default().copy;
        if copy.as_ref().is_none_or(|(other, _, as_of)| (rev, upto) > (*other, *as_of)) {
            *copy = Some((rev, stored.into(), upto));
        }
        Ok(())
    }

    /// A record that should be there and cannot be read.
    pub(super) fn unreadable(&mut self, place: Place) {
        self.unreadable.insert(place);
    }

    /// A change of a record.
    fn event(&mut self, t: &Touched, commit: u64, hash: Option<Option<String>>) {
        let place = (t.kind, t.id);
        self.saw(place);
        let rev = if t.after.is_some() { t.rev_after } else { t.rev_before };
        let event = Event { commit, rev, after: t.after.as_deref().map(Into::into), hash };
        let seen = &mut self.traces.entry(place).or_default().event;
        // The journal knows more of the same change.
        if seen.as_ref().is_none_or(|seen| (commit, event.hash.is_some()) > (seen.commit, seen.hash.is_some())) {
            *seen = Some(event);
        }
    }

    /// A commit of the journal.
    fn commit_of_journal(&mut self, commit: CommitRecord) {
        let no = commit.entry.commit.0;
        for t in &commit.touched {
            let hash = commit.hashes.iter().find(|(id, _)| t.kind == Kind::User && *id == t.id);
            self.event(t, no, Some(hash.map(|(_, hash)| hash.clone())));
        }
        for (kind, id) in &commit.last_ids {
            self.saw((*kind, *id));
        }
        self.commit = self.commit.max(no);
        self.entries.insert(no, (commit.entry, commit.touched));
    }

    /// The parts of an entry of the audit log.
    pub(super) fn entry(&mut self, no: u64, parts: &[Vec<u8>]) {
        let Ok((entry, touched)) = audit::join(parts) else { return };
        for t in &touched {
            self.event(t, no, None);
        }
        self.commit = self.commit.max(no);
        if let Some(entry) = entry.filter(|e| e.commit.0 == no && e.touched as usize == touched.len()) {
            self.entries.entry(no).or_insert((entry, touched));
        }
    }

    /// A key of the index.
    pub(super) fn index(&mut self, places: BTreeSet<Place>, touches: BTreeSet<(Place, u64)>, whole: bool) {
        for place in &places {
            self.saw(*place);
        }
        self.touches = touches;
        self.indexed = whole.then_some(places);
    }

    /// Everything in a backup.
    pub(super) fn backup(
        &mut self,
        listed: &Listed,
        sources: &Sources,
        open: &Open<'_>,
        reaches: &mut [Reach],
    ) -> Result<(), StoreError> {
        let base = listed.manifest.commit;
        let (mut parts, mut of): (Vec<Vec<u8>>, u64) = (Vec::new(), 0);
        backup::read(&listed.path, &mut |part, _| {
            let Part::Pair { tree, key, sealed } = part else { return Ok(true) };
            let opened =
                sources.keys.open(tree.name(), &key, &sealed).ok().or_else(|| open(tree.name(), &key, &sealed));
            let Some(stored) = opened else { return Ok(true) };
            match tree {
                Tree::Records(kind) => {
                    if let Some(id) = record::id_of(&key) {
                        let _ = self.copy((kind, id), &stored, base);
                        let rev = AnyRecord::decode(kind, &stored).map_or(0, |r| r.version().rev);
                        reaches.iter_mut().for_each(|reach| reach.see((kind, id), base, rev));
                    }
                }
                Tree::Audit => {
                    if let Some((no, _)) = audit::parse_key(&key) {
                        if no != of {
                            self.entry(of, &std::mem::take(&mut parts));
                            of = no;
                        }
                        parts.push(stored);
                    }
                }
                Tree::Meta => {
                    if let Some(place) = meta::last_id(&key, &stored) {
                        self.saw(place);
                    }
                }
                Tree::Index | Tree::Spare => {}
            }
            Ok(true)
        })
        .map_err(|e| StoreError::Failed(e.to_string()))?;
        self.entry(of, &parts);
        self.commit = self.commit.max(base);
        Ok(())
    }

    /// Everything in the journal of a line and those that it left.
    pub(super) fn journal(
        &mut self,
        data: &std::path::Path,
        sources: &Sources,
        chain: &[(String, u64)],
        reaches: &mut [Reach],
    ) -> Result<(), StoreError> {
        let keys = |number| sources.keys.sealer(number);
        for (line, upto) in chain.iter().rev() {
            let Some(line) = Line::parse(line) else { continue };
            let commits = journal::commits(data, sources.keys.store(), line, 0, &keys)
                .map_err(|e| StoreError::Failed(format!("the journal cannot be read: {e}")))?;
            for commit in commits.flatten().filter(|commit| commit.entry.commit.0 <= *upto) {
                for t in &commit.touched {
                    for reach in reaches.iter_mut() {
                        reach.see((t.kind, t.id), commit.entry.commit.0, t.rev_after);
                    }
                }
                self.commit_of_journal(commit);
            }
        }
        Ok(())
    }

    /// The places that there is a trace of, with what becomes of each.
    pub(super) fn fates(&self) -> impl Iterator<Item = (Place, Fate)> + '_ {
        self.traces.iter().filter_map(|(place, traces)| Some((*place, fate(place.0, traces)?)))
    }

    /// The changes of which there is no entry, as stretches.
    fn missing(&self) -> Vec<(u64, u64)> {
        let mut missing = Vec::new();
        let mut next = 1;
        for &no in self.entries.keys().chain([&(self.commit + 1)]) {
            if no > next {
                missing.push((next, no - 1));
            }
            next = next.max(no + 1);
        }
        missing
    }

    /// What is lost when everything that is known is brought together.
    pub(super) fn losses(&self) -> Vec<Loss> {
        let missing = self.missing();
        let missing_after = |as_of: u64| missing.iter().any(|(_, last)| *last > as_of.max(self.engine_of(as_of)));
        let mut losses = Vec::new();
        for (place, fate) in self.fates() {
            let Fate::There { record, as_of, no_password } = fate else { continue };
            let (rev, name) = (record.version().rev, name_of(&record));
            // Changes of it that the index knows, of which nothing else is left.
            let unknown: Vec<u64> =
                self.touches.range((place, as_of + 1)..=(place, u64::MAX)).map(|(_, no)| *no).collect();
            if let Some(last) = unknown.last() {
                losses.push(Loss::Older { kind: place.0, id: place.1, name, rev, change: Some(*last) });
            } else if self.unreadable.contains(&place) && as_of < self.engine && missing_after(as_of) {
                losses.push(Loss::Older { kind: place.0, id: place.1, name, rev, change: None });
            } else if no_password {
                losses.push(Loss::Password { id: place.1, name });
            }
        }
        losses.extend(self.gone(&missing));
        for (first, last) in missing {
            // What the engine's files have is in the records that can be read.
            if first <= self.engine {
                losses.push(Loss::Entries { first, last: last.min(self.engine) });
            }
            if last > self.engine {
                losses.push(Loss::Changes { first: first.max(self.engine + 1), last: Some(last) });
            }
        }
        if self.open_end {
            losses.push(Loss::Changes { first: self.commit + 1, last: None });
        }
        losses
    }

    /// A record that was read in the engine's files is as of their last change.
    fn engine_of(&self, as_of: u64) -> u64 {
        if as_of >= self.engine { as_of } else { 0 }
    }

    /// Records of which nothing is left.
    fn gone(&self, missing: &[(u64, u64)]) -> Vec<Loss> {
        let mut gone: BTreeMap<Place, Option<u64>> = BTreeMap::new();
        for (place, no) in &self.touches {
            gone.insert(*place, Some(*no));
        }
        for place in self.indexed.iter().flatten() {
            gone.entry(*place).or_default();
        }
        if !missing.is_empty() && self.indexed.is_none() {
            // A number that was given and of which nobody knows anything.
            for (&kind, &last) in &self.last_ids {
                for id in 1..=last {
                    gone.entry((kind, id)).or_default();
                }
            }
        }
        gone.retain(|place, _| !self.traces.contains_key(place));
        let sure = |place: &Place| self.indexed.as_ref().map(|indexed| indexed.contains(place));
        gone.into_iter()
            // The index knows every record that is there: the others were deleted.
            .filter(|(place, _)| sure(place) != Some(false))
            .map(|((kind, id), change)| Loss::Gone { kind, id, change, sure: sure(&(kind, id)).is_some() })
            .collect()
    }

    /// What a way would lose that reaches only so far, over what all of it together would lose.
    pub(super) fn losses_of(&self, reach: &Reach) -> Vec<Loss> {
        let mut losses = Vec::new();
        for (place, fate) in self.fates() {
            let reached = reach.revs.get(&place).map_or(0, |(_, rev)| *rev);
            let (kind, id) = place;
            match fate {
                Fate::There { record, .. } if record.version().rev != reached => {
                    let (rev, name) = (record.version().rev, name_of(&record));
                    losses.push(match reached {
                        0 => Loss::Record { kind, id, name, rev },
                        back => Loss::Changed { kind, id, name, rev, back },
                    });
                }
                Fate::Deleted if reached > 0 => losses.push(Loss::Deletion { kind, id }),
                Fate::There { .. } | Fate::Deleted => {}
            }
        }
        if reach.upto < self.commit {
            losses.push(Loss::Changes { first: reach.upto + 1, last: Some(self.commit) });
        }
        if self.open_end {
            losses.push(Loss::Changes { first: self.commit + 1, last: None });
        }
        losses
    }

    /// An entry for a change of which there is none any more.
    pub(super) fn lost_entry(&self, no: u64) -> AuditEntry {
        let before = self.entries.range(..no).next_back().map(|(_, (entry, _))| entry);
        let at = before.or_else(|| self.entries.values().next().map(|(entry, _)| entry)).map_or(Stamp(0), |e| e.at);
        AuditEntry {
            commit: CommitNo(no),
            at,
            actor: Actor { who: Who::Program, door: Door::Command, address: None },
            action: Action::Repair,
            note: "what was done here is lost: its entry could not be read any more".to_owned(),
            undoes: None,
            touched: 0,
        }
    }
}

fn fate(kind: Kind, traces: &Traces) -> Option<Fate> {
    let decode = |stored: &[u8]| AnyRecord::decode(kind, stored).ok();
    match (&traces.event, &traces.copy) {
        (Some(event), copy) if copy.as_ref().is_none_or(|(rev, ..)| *rev <= event.rev) => {
            let Some(after) = &event.after else { return Some(Fate::Deleted) };
            if let Some((_, stored, upto)) = copy.as_ref().filter(|(rev, ..)| *rev == event.rev) {
                let as_of = event.commit.max(*upto);
                return Some(Fate::There { record: decode(stored)?, as_of, no_password: false });
            }
            let (record, as_of) = (decode(after)?, event.commit);
            Some(match &event.hash {
                Some(hash) => Fate::There { record: record.with_password(hash.clone()), as_of, no_password: false },
                None => Fate::There { no_password: kind == Kind::User, record, as_of },
            })
        }
        (_, Some((_, stored, upto))) => Some(Fate::There { record: decode(stored)?, as_of: *upto, no_password: false }),
        (_, None) => None,
    }
}

/// What people call a record.
fn name_of(record: &AnyRecord) -> Option<String> {
    match record {
        AnyRecord::Cat(cat) => Some(cat.name.clone()),
        AnyRecord::User(user) => Some(user.username.clone()),
        AnyRecord::Breed(breed) => Some(breed.name.clone()),
        AnyRecord::Health(health) => Some(health.name.clone()),
        AnyRecord::Request(_) => None,
    }
}
