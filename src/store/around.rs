//! What surrounds an open store and changes under it: the room on the disk and the clock.
//!
//! An engine that runs out of room takes no more writes until it is opened again. So writes are refused a little before
//! that, while everything can still be read, and taken again once there is room.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::model::{Actor, Door, Stamp, Who};

use super::{
    Changed, StoreError,
    core::{Core, lock},
    files::{self, STORE},
    group,
    surroundings::{SpaceLimits, Surroundings},
};

/// How often the room is looked at while there are writes.
const WHILE_WRITING: Duration = Duration::from_millis(500);

/// How often it is looked at while nothing happens, and how often the store's own size is.
pub(super) const WHILE_IDLE: Duration = Duration::from_secs(60);

/// How far the clock may be behind the last commit before somebody should know, in milliseconds. Machines set theirs
/// by a little all the time.
pub(super) const BEHIND_MS: i64 = 5 * 60_000;

/// From here on nobody waits until the clock has caught up: it is wrong, or it was wrong when the last commit was made.
const FAR_MS: i64 = 24 * 3_600_000;

/// How the room is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// There is enough.
    #[default]
    Enough,
    /// It is getting little.
    Little,
    /// So little that nothing more is written.
    None,
}

/// The room on the disk that holds the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Space {
    /// How it is.
    pub level: Level,
    /// What is free, in bytes; `None` when the system does not say.
    pub free: Option<u64>,
    /// What the store itself takes, in bytes.
    pub store: u64,
    /// What compacting, restores and the doctor put aside and nobody has removed, in bytes.
    pub kept: u64,
}

/// What should be seen on every screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// A few words.
    pub short: String,
    /// What it means and what to do, a sentence.
    pub sentence: String,
}

/// A size as people write it: `312 MB`, `4.2 GB`.
pub fn size(bytes: u64) -> String {
    const KB: u64 = 1_000;
    const MB: u64 = 1_000 * KB;
    const GB: u64 = 1_000 * MB;
    match bytes {
        b if b >= 10 * GB => format!("{} GB", b / GB),
        b if b >= GB => format!("{}.{} GB", b / GB, b % GB / (100 * MB)),
        b if b >= MB => format!("{} MB", b / MB),
        b => format!("{} KB", b / KB),
    }
}

impl Space {
    /// What to say of it, if anything.
    pub fn alert(&self) -> Option<Alert> {
        let free = size(self.free.unwrap_or_default());
        match self.level {
            Level::Enough => None,
            Level::Little => Some(Alert {
                short: format!("{free} of disk left"),
                sentence: format!("Only {free} are left on the disk that holds the data: make room soon."),
            }),
            Level::None => Some(Alert { short: "disk full: not saving".to_owned(), sentence: refusal(&free) }),
        }
    }
}

fn refusal(free: &str) -> String {
    format!(
        "Only {free} are left on the disk that holds the data, so nothing more is saved; everything can still be read. \
         Make room: saving then works again by itself."
    )
}

/// The watch on both.
pub(super) struct Around {
    data: PathBuf,
    limits: SpaceLimits,
    surroundings: Surroundings,
    looked: Mutex<Looked>,
    /// The time of the last commit, in milliseconds.
    last_commit: AtomicI64,
    /// Whether that was said in the log.
    behind_told: AtomicBool,
}

#[derive(Default)]
struct Looked {
    space: Space,
    at: Option<Instant>,
    at_the_store: Option<Instant>,
}

impl Around {
    pub(super) fn new(
        data: &Path,
        limits: SpaceLimits,
        surroundings: Surroundings,
        last_commit: Option<Stamp>,
    ) -> Self {
        let around = Self {
            data: data.to_owned(),
            limits,
            surroundings,
            looked: Mutex::default(),
            last_commit: AtomicI64::new(last_commit.map_or(i64::MIN, |at| at.0)),
            behind_told: AtomicBool::new(false),
        };
        // Whoever opens the store hears of it among the notices.
        around.behind_told.store(around.late_clock().is_some(), Ordering::Relaxed);
        around
    }

    /// Looks at the room, unless that was done just now; answers it and whether the level is another one.
    pub(super) fn look(&self, every: Duration) -> (Space, bool) {
        let mut looked = lock(&self.looked);
        if looked.at.is_some_and(|at| at.elapsed() < every) {
            return (looked.space, false);
        }
        looked.at = Some(Instant::now());
        if looked.at_the_store.is_none_or(|at| at.elapsed() >= WHILE_IDLE) {
            looked.at_the_store = Some(Instant::now());
            looked.space.store = files::size_of(&self.data.join(STORE));
            looked.space.kept = files::asides(&self.data).iter().map(|dir| files::size_of(dir)).sum();
        }
        looked.space.free = self.surroundings.free(&self.data).ok();
        let level = self.limits.level(looked.space.free, looked.space.store);
        let changed = std::mem::replace(&mut looked.space.level, level) != level;
        (looked.space, changed)
    }

    /// The time for a commit: never before that of the commit before it.
    fn time(&self) -> Stamp {
        let clock = self.surroundings.clock().0;
        let last = self.last_commit.fetch_max(clock, Ordering::Relaxed);
        let behind = last.saturating_sub(clock) > BEHIND_MS;
        if self.behind_told.swap(behind, Ordering::Relaxed) != behind {
            match self.late_clock() {
                Some(alert) => tracing::warn!("{}", alert.sentence),
                None => tracing::info!("changes are dated by the clock again"),
            }
        }
        Stamp(clock.max(last))
    }

    /// Goes on from that time, although the commit before has a later one.
    fn accept(&self, at: Stamp) {
        self.last_commit.store(at.0, Ordering::Relaxed);
    }

    /// The time of the last commit and that of the clock, when the clock is behind it by more than clocks are set by.
    fn behind(&self) -> Option<(Stamp, Stamp)> {
        let (last, clock) = (Stamp(self.last_commit.load(Ordering::Relaxed)), self.surroundings.clock());
        (last.0.saturating_sub(clock.0) > BEHIND_MS).then_some((last, clock))
    }

    /// What to say of a clock that is behind the last commit.
    pub(super) fn late_clock(&self) -> Option<Alert> {
        let (last, clock) = self.behind()?;
        let behind = last.0.saturating_sub(clock.0);
        Some(if behind <= FAR_MS {
            Alert {
                short: "the clock is wrong".to_owned(),
                sentence: format!(
                    "The clock of this machine is {} behind the last change, which was at {last}: set it right. Until it has \
                     caught up, changes are saved with the time of that one.",
                    span(behind)
                ),
            }
        } else {
            Alert {
                short: "check the clock".to_owned(),
                sentence: format!(
                    "The clock of this machine says {clock}, but the last change is dated {last}: one of the two is wrong. If it is \
                     the clock, set it right. If the clock is right, say so with \"clowder check --accept-clock\". Until then \
                     changes are saved with the time of the last one."
                ),
            }
        })
    }
}

/// A span of milliseconds in words.
fn span(ms: i64) -> String {
    match ms / 60_000 {
        m if m < 120 => format!("{m} minutes"),
        m if m < 48 * 60 => format!("{} hours", m / 60),
        m => format!("{} days", m / (24 * 60)),
    }
}

impl Core {
    /// The time for a commit.
    pub(super) fn now(&self) -> Stamp {
        self.around.get().map_or_else(Stamp::now, Around::time)
    }

    /// What the clock says, which may be behind the last commit.
    pub(super) fn clock(&self) -> Stamp {
        self.around.get().map_or_else(Stamp::now, |around| around.surroundings.clock())
    }

    /// Whom to ask about the machine.
    pub(super) fn machine(&self) -> Surroundings {
        self.around.get().map(|around| around.surroundings.clone()).unwrap_or_default()
    }

    /// The time of the last commit and that of the clock, when they cannot both be right.
    pub(super) fn behind(&self) -> Option<(Stamp, Stamp)> {
        self.around.get().and_then(Around::behind)
    }

    /// From now on commits are dated from that time on.
    pub(super) fn accept_clock(&self, at: Stamp) {
        self.around.get().into_iter().for_each(|around| around.accept(at));
    }

    /// Refuses a write when there is too little room for it.
    pub(super) fn has_room(&self) -> Result<(), StoreError> {
        let space = self.look_around(WHILE_WRITING);
        match space.level {
            Level::None => Err(StoreError::NoRoom(refusal(&size(space.free.unwrap_or_default())))),
            Level::Enough | Level::Little => Ok(()),
        }
    }

    /// Looks at the room unless that was done not longer ago than this, and tells everybody when it is another matter now.
    pub(super) fn look_around(&self, every: Duration) -> Space {
        let Some(around) = self.around.get() else { return Space::default() };
        let (space, changed) = around.look(every);
        if changed {
            match (space.level, space.alert()) {
                (Level::None, Some(alert)) => tracing::error!("{}", alert.sentence),
                (_, Some(alert)) => tracing::warn!("{}", alert.sentence),
                (_, None) => tracing::info!("there is enough room on the disk again"),
            }
            let actor = Actor { who: Who::Program, door: Door::Local, address: None };
            let commit = crate::model::CommitNo(self.counters().commit);
            group::publish(self, &Changed { commit, actor, records: Vec::new() });
        }
        space
    }

    /// The room as it was seen last.
    pub(super) fn space(&self) -> Space {
        self.around.get().map_or_else(Space::default, |around| lock(&around.looked).space)
    }

    /// What should be seen on every screen.
    pub(super) fn alerts(&self) -> Vec<Alert> {
        let clock = self.around.get().and_then(Around::late_clock);
        self.space().alert().into_iter().chain(clock).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_spans_are_as_people_write_them() {
        let sizes = [0, 999, 83_400_000, 999_999_999, 1_250_000_000, 12_900_000_000].map(size);
        assert_eq!(sizes, ["0 KB", "0 KB", "83 MB", "999 MB", "1.2 GB", "12 GB"]);
        let spans = [6, 119, 120, 48 * 60 - 1, 48 * 60].map(|m| span(m * 60_000));
        assert_eq!(spans, ["6 minutes", "119 minutes", "2 hours", "47 hours", "2 days"]);
    }

    #[test]
    fn a_clock_that_jumps_anywhere_never_brings_a_time_before_the_last() {
        let clock = std::sync::Arc::new(AtomicI64::new(0));
        let its = std::sync::Arc::clone(&clock);
        let surroundings = Surroundings::default().with_clock(move || Stamp(its.load(Ordering::Relaxed)));
        let around = Around::new(Path::new("/"), SpaceLimits::default(), surroundings, None);
        let mut last = i64::MIN;
        for now in [5, 10, 3, i64::MIN, 11, i64::MAX, 0] {
            clock.store(now, Ordering::Relaxed);
            let time = around.time().0;
            assert!(time >= last && time >= now);
            last = time;
        }
        assert!(around.late_clock().is_some_and(|alert| alert.short == "check the clock"));
        around.accept(Stamp(3));
        assert!(around.late_clock().is_none() && around.time() == Stamp(3));
    }

    #[test]
    fn a_late_clock_is_told_with_what_to_do_about_it() {
        let noon = 1_000_000 * 3_600_000;
        let told = |behind: i64| {
            let surroundings = Surroundings::default().with_clock(move || Stamp(noon - behind));
            Around::new(Path::new("/"), SpaceLimits::default(), surroundings, Some(Stamp(noon)))
        };
        assert!(told(BEHIND_MS).late_clock().is_none());
        let little = told(FAR_MS);
        assert!(little.late_clock().unwrap().sentence.contains("is 24 hours behind the last change"));
        assert!(little.behind_told.load(Ordering::Relaxed), "the notice at the start is enough");
        let far = told(FAR_MS + 60_000).late_clock().unwrap().sentence;
        let both = [Stamp(noon).minute(), Stamp(noon - FAR_MS - 60_000).minute()];
        assert!(both.iter().all(|moment| far.contains(moment)) && far.contains("--accept-clock"), "{far}");
    }
}
