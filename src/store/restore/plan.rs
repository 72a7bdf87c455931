//! What a restore would do: from which backup, over which commits of the journal, to which moment.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use blake2::{Blake2b256, Digest as _};
use serde::{Deserialize, Serialize};

use super::{
    super::{
        OpenError, OpenOptions,
        backup::{self, Listed, Shelf},
        files,
        journal::{self, CommitRecord, Line},
        keyring::Keyring,
        seal,
    },
    Moment, RestoreError, Until,
    keys::{self, Opened},
};

/// The file beside the journal that says which line left which.
pub(super) const LINES: &str = "lines.toml";

/// Every line that began with a restore, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Lines {
    #[serde(default)]
    line: Vec<Branch>,
}

/// The lines as they are in the file, with a hash of them: one that is damaged would lead to another history.
#[derive(Serialize, Deserialize)]
struct Kept {
    whole: Option<String>,
    #[serde(flatten)]
    lines: Lines,
}

/// A line that left another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Branch {
    line: String,
    parent: String,
    after: u64,
    /// The directory in which the store that was there before is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<String>,
}

impl Lines {
    /// Those of a data directory. What cannot be read is as if it were not there: backups know their lines as well.
    pub(super) fn read(data: &Path) -> Self {
        Self::read_whole(data).unwrap_or_default()
    }

    /// Those of a data directory; `None` when they cannot be read.
    pub(super) fn read_whole(data: &Path) -> Option<Self> {
        let text = match fs::read_to_string(data.join(journal::DIR).join(LINES)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Some(Self::default()),
            text => text.ok()?,
        };
        let Kept { whole, lines } = toml::from_str(&text).ok()?;
        whole.is_none_or(|whole| whole == lines.hash()).then_some(lines)
    }

    /// The line that a line left, and the last commit that they have in common.
    fn parent(&self, backups: &[Listed], line: &str) -> Option<(String, u64)> {
        let known = self.line.iter().find(|b| b.line == line).map(|b| (b.parent.clone(), b.after));
        known.or_else(|| {
            let manifests = backups.iter().map(|listed| &listed.manifest);
            manifests.filter(|m| m.line == line).find_map(|m| m.parent.clone())
        })
    }

    /// A line with those it came from, each with the last commit that counts.
    pub(super) fn chain(&self, backups: &[Listed], line: &str) -> Vec<(String, u64)> {
        let mut chain = vec![(line.to_owned(), u64::MAX)];
        let mut at = line.to_owned();
        while let Some((parent, after)) = self.parent(backups, &at) {
            // Two lines that came from each other can only be damage.
            if chain.iter().any(|(line, _)| *line == parent) {
                break;
            }
            let upto = chain.last().map_or(after, |(_, upto)| after.min(*upto));
            chain.push((parent.clone(), upto));
            at = parent;
        }
        chain
    }

    fn hash(&self) -> String {
        let mut hash = Blake2b256::new();
        for Branch { line, parent, after, kept } in &self.line {
            let kept = kept.as_ref().map(|kept| format!(" {kept}")).unwrap_or_default();
            hash.update(format!("{line} {parent} {after}{kept}\n"));
        }
        seal::to_hex(&hash.finalize())
    }

    /// Adds one and writes all.
    pub(in crate::store) fn add(
        mut self,
        data: &Path,
        line: Line,
        (parent, after): (&str, u64),
        kept: Option<String>,
    ) -> Result<(), OpenError> {
        self.line.push(Branch { line: line.to_string(), parent: parent.to_owned(), after, kept });
        let text = toml::to_string(&Kept { whole: Some(self.hash()), lines: self })
            .map_err(|e| OpenError::Failed(e.to_string()))?;
        let directory = data.join(journal::DIR);
        files::make_private_dir(&directory)?;
        files::write_private(&directory.join(LINES), &text)
    }
}

impl Lines {
    /// The line that people were on before the restore of that place in the list.
    fn left_by(&self, n: usize) -> Option<String> {
        let left = match n.checked_sub(1) {
            Some(before) => &self.line[before].line,
            None => &self.line.first()?.parent,
        };
        Some(left.clone()).filter(|line| !line.is_empty())
    }

    /// The line that the last restore left.
    pub(super) fn left_last(&self) -> Option<String> {
        self.left_by(self.line.len().checked_sub(1)?)
    }

    /// The line of the store that is kept in a directory.
    pub(super) fn line_of_kept(&self, kept: &Path) -> Option<String> {
        let name = kept.file_name()?.to_str()?;
        self.left_by(self.line.iter().rposition(|branch| branch.kept.as_deref() == Some(name))?)
    }

    /// Every line that is named.
    pub(super) fn all(&self) -> impl Iterator<Item = String> + '_ {
        self.line.iter().flat_map(|b| [&b.line, &b.parent]).filter(|line| !line.is_empty()).cloned()
    }
}

/// What there is to restore from.
pub(in crate::store) struct Sources {
    pub(in crate::store) keyring_text: String,
    pub(in crate::store) keys: Opened,
    /// Whether the keyring is the one in the data directory.
    pub(super) own: bool,
    pub(in crate::store) lines: Lines,
    /// Newest first.
    pub(in crate::store) backups: Vec<Listed>,
    /// The line to go to, when it is not the present one.
    pub(super) wanted: Option<String>,
}

impl Sources {
    /// The same once more.
    pub(in crate::store) fn again(&self) -> Self {
        Self {
            keyring_text: self.keyring_text.clone(),
            keys: self.keys.again(),
            own: self.own,
            lines: self.lines.clone(),
            backups: self.backups.clone(),
            wanted: self.wanted.clone(),
        }
    }

    /// Looks at a data directory and a backup from elsewhere.
    pub(in crate::store) fn find(options: &OpenOptions, from: Option<&Path>) -> Result<Self, RestoreError> {
        let data = &options.data;
        let mut backups: Vec<Listed> = Shelf::new(data, &options.backups).list().into_iter().flatten().collect();
        if let Some(path) = from {
            backups = vec![backup::look_at(path)?];
        }
        let own = Keyring::read(data).ok().flatten().filter(|keyring| keyring.in_use);
        let of_data = match &own {
            Some(own) => Some(own.store.clone()),
            None => Keyring::lost_store(data, &options.config, options.key.as_deref()),
        };
        if let (Some(of_data), Some(there)) = (&of_data, backups.first().filter(|_| from.is_some()))
            && *of_data != there.manifest.store
            && (own.is_some() || files::has_remains(data))
        {
            return Err(RestoreError::OtherStore { path: there.path.clone(), data: data.clone() });
        }
        // Others may keep their backups in the same directory.
        if from.is_none() {
            match of_data {
                Some(store) => backups.retain(|listed| listed.manifest.store == store),
                None if backups.is_empty() || Shelf::only_store(&backups).is_some() => {}
                None => {
                    let shelf = Shelf::new(data, &options.backups).directory().to_owned();
                    return Err(RestoreError::SeveralStores { shelf, data: data.clone() });
                }
            }
        }
        let (keyring, keyring_text, is_own) = match (own, backups.first()) {
            (Some(keyring), _) => {
                let path = data.join(files::KEYRING);
                let text = fs::read_to_string(&path).map_err(|e| files::open_error(&path, &e))?;
                (keyring, text, true)
            }
            (None, Some(newest)) => {
                let text = backup::keyring_of(&newest.path)?;
                (Keyring::parse(&text)?, text, false)
            }
            (None, None) => return Err(RestoreError::Nothing { data: data.clone() }),
        };
        let keys = keys::unlock(keyring, options)?;
        backups.retain(|listed| listed.manifest.store == keys.store());
        Ok(Self { keyring_text, keys, own: is_own, lines: Lines::read(data), backups, wanted: None })
    }

    /// A line with those it came from, each with the last commit that counts.
    pub(in crate::store) fn chain(&self, line: &str) -> Vec<(String, u64)> {
        self.lines.chain(&self.backups, line)
    }

    /// The line that people were on last: that of the last restore, else that of the journal, else that of the newest backup.
    pub(in crate::store) fn present_line(&self, data: &Path, from: bool) -> Option<String> {
        if let Some(newest) = self.backups.first().filter(|_| from) {
            // A backup of what was left behind by a restore leads back there.
            let m = &newest.manifest;
            let leads_to = |b: &&Branch| self.chain(&b.line).iter().any(|(l, upto)| *l == m.line && m.commit <= *upto);
            let left = self.lines.line.iter().rev().find(leads_to);
            return Some(left.map_or_else(|| newest.manifest.line.clone(), |b| b.line.clone()));
        }
        let of_restore = self.lines.line.last().map(|b| b.line.clone());
        let of_journal = || self.newest_line(data);
        let of_backup = || self.backups.first().map(|l| l.manifest.line.clone());
        of_restore.or_else(of_journal).or_else(of_backup)
    }
}

impl Sources {
    /// The line of the journal with the newest change.
    fn newest_line(&self, data: &Path) -> Option<String> {
        let segments = journal::segments(data).ok()?;
        let mut lasts: Vec<&journal::SegmentInfo> = Vec::new();
        for segment in &segments {
            lasts.retain(|other| other.line != segment.line);
            lasts.push(segment);
        }
        if let [only] = lasts[..] {
            return Some(only.line.to_string());
        }
        let keys = |number| self.keys.sealer(number);
        let newest = |segment: &journal::SegmentInfo| {
            let reader = journal::read(segment, self.keys.store(), &keys).ok()?;
            reader.flatten().map(|commit| commit.entry.at).max()
        };
        lasts.into_iter().max_by_key(|segment| newest(segment)).map(|segment| segment.line.to_string())
    }
}

/// How far a walk came.
pub(in crate::store) struct Walk {
    /// The last commit.
    last: u64,
    /// Why it does not go on after the last, when it should.
    pub(in crate::store) broken: Option<String>,
    /// Whether what it ended with was cut short.
    pub(in crate::store) torn: bool,
}

/// Walks over the commits after `base`. `each` answers whether to go on, and is handed one frame at a time.
pub(in crate::store) fn walk(
    data: &Path,
    sources: &Sources,
    chain: &[(String, u64)],
    base: u64,
    each: &mut dyn FnMut(Vec<CommitRecord>) -> Result<bool, RestoreError>,
) -> Result<Walk, RestoreError> {
    let all = journal::segments(data).map_err(|e| files::open_error(data, &e))?;
    let keys = |number| sources.keys.sealer(number);
    let mut walk = Walk { last: base, broken: None, torn: false };
    for (line, upto) in chain.iter().rev() {
        // All of it is in what the walk begins with.
        if *upto <= base {
            continue;
        }
        let own: Vec<_> = all.iter().filter(|s| s.line.to_string() == *line).collect();
        for (n, segment) in own.iter().enumerate() {
            // What ends before the base is not needed.
            if own.get(n + 1).is_some_and(|next| next.first <= walk.last + 1) || segment.first > *upto {
                continue;
            }
            if segment.first > walk.last + 1 {
                walk.broken =
                    Some(format!("the journal has nothing from change {} to {}", walk.last + 1, segment.first - 1));
                return Ok(walk);
            }
            let mut reader = match journal::read(segment, sources.keys.store(), &keys) {
                Ok(reader) => reader,
                Err(broken) => {
                    walk.torn = own.get(n + 1).is_none();
                    walk.broken = Some(broken.to_string());
                    return Ok(walk);
                }
            };
            let mut unchained = None;
            while let Some(frame) = reader.next_frame() {
                let frame = match frame {
                    Ok(frame) if frame.last > walk.last && unchained.is_some() => {
                        walk.torn = own.get(n + 1).is_none();
                        walk.broken = unchained;
                        return Ok(walk);
                    }
                    Ok(frame) => frame,
                    // What is damaged before the base is not needed.
                    Err(broken) if broken.missing().is_none_or(|(_, last)| last.is_some_and(|l| l <= walk.last)) => {
                        if broken.unchained {
                            unchained = Some(broken.to_string());
                        }
                        continue;
                    }
                    Err(broken) => {
                        walk.torn = broken.next_commit.is_none() && own.get(n + 1).is_none();
                        walk.broken = Some(broken.to_string());
                        return Ok(walk);
                    }
                };
                if frame.last <= walk.last {
                    continue;
                }
                let mut commits = frame.commits()?;
                commits.retain(|c| c.entry.commit.0 > walk.last && c.entry.commit.0 <= *upto);
                let Some(last) = commits.last().map(|c| c.entry.commit.0) else { continue };
                if !each(commits)? {
                    return Ok(walk);
                }
                walk.last = last;
            }
            walk.torn = reader.is_torn();
        }
        if *upto != u64::MAX && walk.last < *upto {
            walk.broken = Some(format!("the journal has nothing from change {} to {upto}", walk.last + 1));
            return Ok(walk);
        }
    }
    Ok(walk)
}

/// What a restore would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The backup that it begins with; `None` when the journal has everything from the first commit on.
    pub backup: Option<Listed>,
    /// How many commits of the journal follow.
    pub commits: u64,
    /// What it ends with.
    pub to: Moment,
    /// The last moment that is known, if it is later: what comes after `to` is not in the restored store.
    pub last: Option<Moment>,
    /// Why the journal does not go on after `to`, when it should.
    pub broken: Option<String>,
    /// The data directory.
    pub data: PathBuf,
    /// Whether there is a store in it, which is kept aside.
    pub replaces: bool,
    /// Whether it is on the line that people are on; otherwise it goes back to what a restore left.
    pub present: bool,
    /// Whether the journal's end was cut short: a change that was just being made, unless it is damage.
    pub torn: bool,
    pub(super) chain: Vec<(String, u64)>,
    /// The commit after which the journal goes on with the restored store; `None` when that begins a new line.
    pub(super) goes_on: Option<u64>,
}

impl Plan {
    /// Whether it is of that line.
    pub(in crate::store) fn is_on(&self, line: &str) -> bool {
        self.chain.first().is_some_and(|(own, _)| own == line)
    }
}

/// The commit before the segment of a line in which the journal goes on after `base`, when the journal is there up to a commit.
fn goes_on(data: &Path, line: &str, base: u64, commit: u64) -> Option<u64> {
    let all = journal::segments(data).ok()?;
    let own: Vec<u64> = all.iter().filter(|s| s.line.to_string() == line).map(|s| s.first).collect();
    let first = own.iter().rev().find(|&&first| first <= base + 1).or_else(|| own.first())?;
    (*first <= commit).then(|| first - 1)
}

/// Finds the way to a moment.
pub(in crate::store) fn plan(
    options: &OpenOptions,
    sources: &Sources,
    from: Option<&Path>,
    until: Until,
) -> Result<Plan, RestoreError> {
    let data = &options.data;
    let line = sources.wanted.clone().or_else(|| sources.present_line(data, from.is_some()));
    let line = line.ok_or_else(|| RestoreError::Nothing { data: data.clone() })?;
    let chain = sources.chain(&line);
    let fits = |listed: &&Listed| {
        let m = &listed.manifest;
        let on_it = chain.iter().any(|(line, upto)| *line == m.line && m.commit <= *upto);
        on_it
            && match until {
                Until::Last => true,
                Until::Commit(no) => m.commit <= no.0,
                Until::At(at) => m.at <= at,
            }
    };
    let backup = sources.backups.iter().find(fits).cloned();
    let base = backup.as_ref().map_or(0, |b| b.manifest.commit);
    // The chain up to where the backup lies is in the backup.
    let mut to = backup.as_ref().map(|b| Moment::of_backup(&b.manifest));
    let (mut first, mut last, mut past) = (None, to, false);
    let walked = walk(data, sources, &chain, base, &mut |commits| {
        for commit in commits {
            let moment = Moment::of(&commit.entry);
            // After a clock that was ahead was set right, what is dated later may lie before what is dated earlier.
            past = match until {
                Until::Last => false,
                Until::Commit(no) => moment.commit > no,
                Until::At(at) => moment.at > at,
            };
            if !past {
                to = Some(moment);
            }
            first = first.or(Some(moment));
            last = Some(moment);
        }
        Ok(true)
    })?;
    let torn = walked.torn && !past;
    let broken = walked.broken.filter(|_| !past);
    let Some(to) = to else {
        let on_it = |m: &&backup::Manifest| chain.iter().any(|(line, upto)| *line == m.line && m.commit <= *upto);
        let oldest = sources.backups.iter().rev().map(|listed| &listed.manifest).find(on_it).map(Moment::of_backup);
        return Err(match first.or(oldest) {
            Some(first) => RestoreError::TooEarly { first },
            None => RestoreError::Nothing { data: data.clone() },
        });
    };
    // After a wrong clock the last change may itself be of a moment that is to come.
    let now = options.surroundings.clock();
    if let (Until::At(at), Some(last)) = (until, last)
        && at.0 - at.0.rem_euclid(1000) > now.max(last.at).0
    {
        return Err(RestoreError::ToCome { at, now, last: last.at });
    }
    if let Until::Commit(no) = until
        && to.commit != no
    {
        let left = sources.left(data)?.into_iter().find(|left| left.after < no && no <= left.last.commit);
        return Err(RestoreError::NotThere { wanted: no, last: to, why: broken, left });
    }
    // A backup that is newer than the journal is known of, too.
    let newest = sources
        .backups
        .iter()
        .find(|b| chain.iter().any(|(l, upto)| *l == b.manifest.line && b.manifest.commit <= *upto));
    let newest = newest.map(|b| Moment::of_backup(&b.manifest));
    let last = [last, newest].into_iter().flatten().max_by_key(|m| m.commit).filter(|m| m.commit > to.commit);
    // On a line that was left before nobody goes on: a new one says that it is the present one again.
    let present = sources.present_line(data, false).is_some_and(|present| present == line);
    let whole = last.is_none() && broken.is_none() && sources.own && present;
    Ok(Plan {
        goes_on: if whole { goes_on(data, &line, base, to.commit.0) } else { None },
        commits: to.commit.0 - base,
        backup,
        to,
        last,
        broken,
        present,
        torn,
        data: data.clone(),
        replaces: data.join(files::STORE).exists(),
        chain,
    })
}

/// How far backups and journal go on a line.
pub(super) fn end_of(data: &Path, sources: &Sources, chain: &[(String, u64)]) -> Result<Option<Moment>, RestoreError> {
    let manifests = sources.backups.iter().map(|listed| &listed.manifest);
    let backup = manifests.into_iter().find(|m| chain.iter().any(|(line, upto)| *line == m.line && m.commit <= *upto));
    let mut end = backup.map(Moment::of_backup);
    walk(data, sources, chain, backup.map_or(0, |m| m.commit), &mut |commits| {
        if let Some(last) = commits.last() {
            end = Some(Moment::of(&last.entry));
        }
        Ok(true)
    })?;
    Ok(end)
}

/// The moments one can go back to, for people: from the first to the second, oldest first. Where the journal is whole there is one
/// such stretch; after a gap another begins with the next backup.
pub(super) fn stretches(options: &OpenOptions, sources: &Sources) -> Result<Vec<(Moment, Moment)>, RestoreError> {
    let data = &options.data;
    let Some(line) = sources.present_line(data, false) else { return Ok(Vec::new()) };
    let chain = sources.chain(&line);
    let on_it = |m: &backup::Manifest| chain.iter().any(|(line, upto)| *line == m.line && m.commit <= *upto);
    let mut found: Vec<(Moment, Moment)> = Vec::new();
    let bases =
        sources.backups.iter().rev().filter(|b| on_it(&b.manifest)).map(|b| Some(Moment::of_backup(&b.manifest)));
    for begin in std::iter::once(None).chain(bases) {
        let base = begin.map_or(0, |moment| moment.commit.0);
        if found.last().is_some_and(|(_, last)| base <= last.commit.0) {
            continue;
        }
        let mut ends: Option<(Moment, Moment)> = begin.map(|moment| (moment, moment));
        walk(data, sources, &chain, base, &mut |commits| {
            for commit in commits {
                let moment = Moment::of(&commit.entry);
                ends = Some((ends.map_or(moment, |(first, _)| first), moment));
            }
            Ok(true)
        })?;
        found.extend(ends.filter(|(first, last)| last.commit > first.commit));
    }
    Ok(found)
}
