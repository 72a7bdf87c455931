//! Who is on: every session and command that this process serves, whichever door it came through.
//!
//! A door enters each of them and keeps the [`Guard`] until it has let go of everything; the screens get a [`Seat`]
//! to tell who signed in and when a key was pressed.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    desk::Desk,
    model::{Actor, Door, Error, Permission, Result as Answer, Stamp, UserId},
};

/// How long one that was told to end may take before its line is cut.
const GRACE: Duration = Duration::from_secs(3);
/// How many sessions there may be unless the settings say otherwise.
pub const LIMIT: usize = 256;

/// The sessions of this process. Cheap to clone.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    entries: Mutex<BTreeMap<u64, Arc<Entry>>>,
    left: Condvar,
    limit: AtomicUsize,
    next: AtomicU64,
    closed: AtomicBool,
    start: Instant,
}

struct Entry {
    id: u64,
    door: Door,
    address: Option<String>,
    since: Stamp,
    /// Milliseconds after the registry's start.
    heard: AtomicU64,
    who: Mutex<Option<Person>>,
    what: Mutex<String>,
    owner: AtomicBool,
    tell: Box<dyn Fn(&str) + Send + Sync>,
    cut: Box<dyn Fn() + Send + Sync>,
}

/// Somebody who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their account; `None` for the console.
    pub user: Option<UserId>,
    /// What to call them.
    pub name: String,
}

/// One session, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLine {
    /// Its number.
    pub id: u64,
    /// Who; `None` before somebody signed in.
    pub who: Option<Person>,
    /// What it is beside a session with screens: the words of a command.
    pub what: String,
    /// The door it came through.
    pub door: Door,
    /// From where, where the door knows.
    pub address: Option<String>,
    /// When it came.
    pub since: Stamp,
    /// How long ago something was last typed.
    pub idle: Duration,
    /// It is the one that holds the store: with it everything ends.
    pub owner: bool,
}

impl SessionLine {
    /// Who and where, in a few words, and the words of a command: `Ana Example (SSH, 192.0.2.1): cats list`.
    pub fn title(&self) -> String {
        let what = if self.what.is_empty() { String::new() } else { format!(": {}", self.what) };
        format!("{}{what}", self.whose())
    }

    /// How long nothing was typed: `45 s`, `12 min`, `3 h`.
    pub fn idle_words(&self) -> String {
        match self.idle.as_secs() {
            s @ 0..60 => format!("{s} s"),
            s @ 60..3600 => format!("{} min", s / 60),
            s => format!("{} h", s / 3600),
        }
    }

    /// Who and where, without the words of a command, which may be about somebody.
    pub fn whose(&self) -> String {
        let who = self.who.as_ref().map_or("somebody who has not signed in", |person| &person.name);
        let from = self.address.as_ref().map_or(String::new(), |address| format!(", {address}"));
        format!("{who} ({}{from})", self.door.label())
    }
}

/// There are as many sessions as there may be, or the program is about to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// The limit of the settings is reached.
    #[error("there are as many sessions as the settings allow; try again later")]
    Limit,
    /// The program is about to end.
    #[error("Clowder is about to end here; try again in a moment")]
    Closed,
}

impl Default for Registry {
    fn default() -> Self {
        Self::new(LIMIT)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("sessions", &self.count()).finish_non_exhaustive()
    }
}

fn may_see(desk: &Desk, actor: &Actor) -> Answer<()> {
    if desk.rights(actor)?.may(Permission::Maintain) { Ok(()) } else { Err(Error::Denied(Permission::Maintain)) }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    /// With nobody on, and room for so many.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Inner {
            entries: Mutex::default(),
            left: Condvar::new(),
            limit: AtomicUsize::new(limit),
            next: AtomicU64::new(1),
            closed: AtomicBool::new(false),
            start: Instant::now(),
        }))
    }

    /// Changes how many there may be; those that are on stay.
    pub fn set_limit(&self, limit: usize) {
        self.0.limit.store(limit, Ordering::Relaxed);
    }

    /// Enters a session or a command. `tell` ends it with a sentence and must not block
    /// ([`Sender::end`](super::event::Sender::end) does that for screens); `cut` breaks its line off when it does not
    /// end in time.
    ///
    /// # Errors
    /// There is no room.
    pub fn enter(
        &self,
        door: Door,
        address: Option<String>,
        tell: impl Fn(&str) + Send + Sync + 'static,
        cut: impl Fn() + Send + Sync + 'static,
    ) -> Result<Guard, Full> {
        let mut entries = lock(&self.0.entries);
        if self.0.closed.load(Ordering::Relaxed) {
            return Err(Full::Closed);
        }
        if entries.len() >= self.0.limit.load(Ordering::Relaxed) {
            return Err(Full::Limit);
        }
        let entry = Arc::new(Entry {
            id: self.0.next.fetch_add(1, Ordering::Relaxed),
            door,
            address,
            since: Stamp::now(),
            heard: AtomicU64::new(self.now()),
            who: Mutex::default(),
            what: Mutex::default(),
            owner: AtomicBool::new(false),
            tell: Box::new(tell),
            cut: Box::new(cut),
        });
        entries.insert(entry.id, entry.clone());
        Ok(Guard(Seat { registry: self.clone(), entry }))
    }

    /// Everybody who is on, in the order they came.
    pub fn list(&self) -> Vec<SessionLine> {
        let now = self.now();
        let entries: Vec<_> = lock(&self.0.entries).values().cloned().collect();
        let line = |entry: Arc<Entry>| SessionLine {
            id: entry.id,
            who: lock(&entry.who).clone(),
            what: lock(&entry.what).clone(),
            door: entry.door,
            address: entry.address.clone(),
            since: entry.since,
            idle: Duration::from_millis(now.saturating_sub(entry.heard.load(Ordering::Relaxed))),
            owner: entry.owner.load(Ordering::Relaxed),
        };
        entries.into_iter().map(line).collect()
    }

    /// The same for somebody who asks.
    ///
    /// # Errors
    /// `Denied`, `SignedOut`.
    pub fn list_for(&self, desk: &Desk, actor: &Actor) -> Answer<Vec<SessionLine>> {
        may_see(desk, actor)?;
        Ok(self.list())
    }

    /// Ends somebody's session for an admin, which the log tells; `own` is the one that asks. Answers a sentence.
    ///
    /// # Errors
    /// `Denied`, `SignedOut`; `Refused` when there is no such session, or it is no other one's to end.
    pub fn end_for(&self, desk: &Desk, actor: &Actor, own: u64, id: u64) -> Answer<String> {
        may_see(desk, actor)?;
        let gone = || Error::refused(format!("there is no session {id}, or none any more"));
        let line = self.list().into_iter().find(|line| line.id == id).ok_or_else(gone)?;
        if id == own {
            return Err(Error::refused("this is the session that asks; it ends by leaving it"));
        }
        if line.owner {
            return Err(Error::refused(
                "this session holds the store, and everything would end with it; quit it there",
            ));
        }
        if !self.end(id, "An admin ended this session. What was saved is safe.") {
            return Err(gone());
        }
        tracing::info!(
            session = id,
            whose = line.whose(),
            by = desk.name_of(actor, actor.who),
            "an admin ends a session"
        );
        desk.note_session_end(actor, &line.whose())?;
        Ok(format!("The session of {} was told to end.", line.whose()))
    }

    /// How many are on.
    pub fn count(&self) -> usize {
        lock(&self.0.entries).len()
    }

    /// Ends a session with a sentence; one that does not end in time is cut off. False when it is gone already.
    pub fn end(&self, id: u64, why: &str) -> bool {
        let Some(entry) = lock(&self.0.entries).get(&id).cloned() else { return false };
        tracing::info!(session = id, "session told to end: {why}");
        (entry.tell)(why);
        let registry = self.clone();
        let cut = move || {
            if !registry.wait(GRACE, |entries| !entries.contains_key(&id)) {
                (entry.cut)();
            }
        };
        // Without a thread nobody waits for it: whoever asked is not to be kept.
        let _ = thread::Builder::new().name("clowder-cut".to_owned()).spawn(cut);
        true
    }

    /// Lets nobody in any more, ends everybody but `except` with a sentence, and waits until they are gone; those who do
    /// not go in time are cut off. False when some are still there even so.
    pub fn close(&self, why: &str, except: Option<&Seat>) -> bool {
        self.0.closed.store(true, Ordering::Relaxed);
        let kept = except.map(|seat| seat.entry.id);
        let others =
            || -> Vec<_> { lock(&self.0.entries).values().filter(|entry| Some(entry.id) != kept).cloned().collect() };
        let gone = |entries: &BTreeMap<u64, _>| entries.keys().all(|id| Some(*id) == kept);
        for entry in others() {
            (entry.tell)(why);
        }
        if self.wait(GRACE, gone) {
            return true;
        }
        for entry in others() {
            (entry.cut)();
        }
        self.wait(GRACE, gone)
    }

    /// Waits until nobody is on any more but `except`, however long that takes.
    pub fn wait_for_the_last(&self, except: Option<&Seat>) {
        let kept = except.map(|seat| seat.entry.id);
        let some = |entries: &mut BTreeMap<u64, _>| entries.keys().any(|id| Some(*id) != kept);
        drop(self.0.left.wait_while(lock(&self.0.entries), some));
    }

    fn wait(&self, most: Duration, until: impl Fn(&BTreeMap<u64, Arc<Entry>>) -> bool) -> bool {
        let entries = lock(&self.0.entries);
        let waited = self.0.left.wait_timeout_while(entries, most, |entries| !until(entries));
        let (_entries, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        !timeout.timed_out()
    }

    fn now(&self) -> u64 {
        self.0.start.elapsed().as_millis() as u64
    }
}

/// A session's place; it leaves when this is dropped.
#[derive(Debug)]
pub struct Guard(Seat);

impl Guard {
    /// For the screens, or whoever knows who signed in.
    pub fn seat(&self) -> Seat {
        self.0.clone()
    }
}

impl std::ops::Deref for Guard {
    type Target = Seat;

    fn deref(&self) -> &Seat {
        &self.0
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        lock(&self.0.registry.0.entries).remove(&self.0.entry.id);
        self.0.registry.0.left.notify_all();
    }
}

/// One session among the others. Cheap to clone.
#[derive(Clone)]
pub struct Seat {
    registry: Registry,
    entry: Arc<Entry>,
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat").field("id", &self.entry.id).field("door", &self.entry.door).finish_non_exhaustive()
    }
}

impl Seat {
    /// Its number.
    pub fn id(&self) -> u64 {
        self.entry.id
    }

    /// Everybody.
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Something was typed.
    pub fn heard(&self) {
        self.entry.heard.store(self.registry.now(), Ordering::Relaxed);
    }

    /// Who it is now; `None` once they signed out.
    pub fn set_person(&self, person: Option<Person>) {
        *lock(&self.entry.who) = person;
    }

    /// Says that it is a command, and which.
    pub fn set_command(&self, words: impl Into<String>) {
        *lock(&self.entry.what) = words.into();
    }

    /// Says that this session holds the store.
    pub fn own(&self) {
        self.entry.owner.store(true, Ordering::Relaxed);
    }

    /// Whether this session holds the store.
    pub fn is_owner(&self) -> bool {
        self.entry.owner.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn they_come_and_go() {
        let registry = Registry::new(2);
        let first = registry.enter(Door::Ssh, Some("192.0.2.1".to_owned()), |_| (), || ()).unwrap();
        let second = registry.enter(Door::Socket, None, |_| (), || ()).unwrap();
        assert_eq!(registry.enter(Door::Socket, None, |_| (), || ()).unwrap_err(), Full::Limit);
        second.set_person(Some(Person { user: Some(UserId(7)), name: "Ana".to_owned() }));
        let list = registry.list();
        assert_eq!(list.iter().map(|l| l.id).collect::<Vec<_>>(), [first.id(), second.id()]);
        assert_eq!(list[1].who.as_ref().unwrap().name, "Ana");
        drop(first);
        assert_eq!(registry.count(), 1);
        registry.set_limit(1);
        assert_eq!(registry.enter(Door::Socket, None, |_| (), || ()).unwrap_err(), Full::Limit);
    }

    #[test]
    fn one_is_ended_with_a_sentence_and_the_others_stay() {
        let registry = Registry::default();
        let (told, heard) = mpsc::channel();
        let guard = registry.enter(Door::Ssh, None, move |why| told.send(why.to_owned()).unwrap(), || ()).unwrap();
        let _other = registry.enter(Door::Ssh, None, |_| panic!("not this one"), || ()).unwrap();
        assert!(registry.end(guard.id(), "an admin ended this session"));
        assert_eq!(heard.recv_timeout(crate::limit::PATIENCE).unwrap(), "an admin ended this session");
        let id = guard.id();
        drop(guard);
        assert!(!registry.end(id, "again"));
        assert_eq!(registry.count(), 1);
    }

    #[test]
    fn closing_ends_all_but_one_and_cuts_those_who_stay() {
        let registry = Registry::default();
        let owner = registry.enter(Door::Local, None, |_| panic!("not the owner"), || ()).unwrap();
        let place = Arc::new(Mutex::new(None));
        let deaf = registry.enter(Door::Socket, None, |_| (), {
            let place = place.clone();
            move || drop(lock(&place).take())
        });
        *lock(&place) = Some(deaf.unwrap());
        assert!(registry.close("the end", Some(&owner.seat())));
        assert_eq!(registry.count(), 1);
        assert_eq!(registry.enter(Door::Socket, None, |_| (), || ()).unwrap_err(), Full::Closed);
    }
}
