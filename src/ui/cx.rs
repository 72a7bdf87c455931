//! What a screen may do to the rest of the program.

use std::{
    any::Any,
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Outcome, Screen, picker::Item};
use crate::{
    desk::{Desk, Rights},
    model::{Actor, Day, Door, Error, Permission, UserId, Who},
    session::{
        self, Panicked,
        event::{Event, Sender},
        registry::Seat,
    },
};

/// How a message is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something to know.
    Note,
    /// It went well.
    Ok,
    /// Something to heed.
    Warn,
    /// It went wrong.
    Error,
}

/// A message on the status line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// How it is meant.
    pub tone: Tone,
    /// What it says.
    pub text: String,
}

/// A question before something is done.
#[derive(Debug, Clone, Default)]
pub struct Confirm {
    /// What will be done: `Delete Siberian?`
    pub title: String,
    /// What follows from it, one thing a line.
    pub lines: Vec<String>,
    /// The word for yes: `Delete`.
    pub yes: String,
    /// It destroys something: Enter alone does not confirm it.
    pub danger: bool,
}

/// A question for a text: a reason, a note.
#[derive(Debug, Clone, Default)]
pub struct Prompt {
    /// What will be done.
    pub title: String,
    /// What follows from it, one thing a line.
    pub lines: Vec<String>,
    /// What is asked for: `Reason`.
    pub label: String,
    /// What stands there at first.
    pub initial: String,
    /// Whether it may stay empty.
    pub optional: bool,
    /// The longest answer, in bytes.
    pub limit: usize,
    /// The word for going on: `Reject`.
    pub yes: String,
}

/// What a dialog or job hands back to the screen that asked.
pub(super) type Then = Box<dyn FnOnce(&mut dyn Screen, Box<dyn Any>, &mut Cx) -> Outcome>;

/// A dialog that a screen asked for.
pub(super) enum Dialog {
    Confirm(Confirm),
    Prompt(Prompt),
    Choose(String, Vec<Item>),
}

/// Work that goes on.
pub(super) struct Running {
    pub screen: u64,
    pub what: String,
    pub progress: String,
    pub then: Then,
}

/// How often slow work says how far it is, at most.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// With what slow work says how far it is, and learns that it is to stop.
pub struct Meter {
    sender: Sender,
    job: u64,
    stopped: Arc<AtomicBool>,
    told: Option<Instant>,
}

impl Meter {
    /// Says how far the work is, unless it said so just now. False when it is to stop.
    pub fn tell(&mut self, words: impl FnOnce() -> String) -> bool {
        if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            self.told = Some(Instant::now());
            if !self.sender.send(Event::Progress(self.job, words())) {
                return false;
            }
        }
        !self.stopped.load(Ordering::Relaxed)
    }
}

/// Stops slow work: when it is told to, and when it is dropped, so that no work outlives its screen.
#[derive(Debug)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks the work to stop; its result still comes.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The context of a call into a screen.
pub struct Cx {
    /// The desk.
    pub desk: Desk,
    /// Today.
    pub today: Day,
    /// The door of this session.
    pub door: Door,
    /// The address of this session, where the door has addresses.
    pub address: Option<String>,
    /// This session among the others, where there may be others.
    pub seat: Option<Seat>,
    pub(super) signed_in: Option<(Actor, Rights)>,
    pub(super) sender: Sender,
    /// The screen being called.
    pub(super) screen: u64,
    pub(super) dialog: Option<(u64, Dialog, Then)>,
    pub(super) jobs: HashMap<u64, Running>,
    pub(super) next_job: u64,
    pub(super) message: Option<Message>,
    pub(super) sign: Option<Sign>,
}

/// A change of who is signed in, carried out after the call.
pub(super) enum Sign {
    In(Actor),
    Out(String),
}

impl Cx {
    pub(super) fn new(desk: Desk, sender: Sender, door: Door, address: Option<String>) -> Self {
        Self {
            desk,
            today: Day::today(),
            door,
            address,
            seat: None,
            signed_in: None,
            sender,
            screen: 0,
            dialog: None,
            jobs: HashMap::new(),
            next_job: 0,
            message: None,
            sign: None,
        }
    }

    /// Who acts. Before somebody signed in, an account that does not exist, so that the desk refuses.
    pub fn actor(&self) -> Actor {
        match &self.signed_in {
            Some((actor, _)) => actor.clone(),
            None => Actor { who: Who::User(UserId(0)), door: self.door, address: self.address.clone() },
        }
    }

    /// What the person may do; `None` before somebody signed in.
    pub fn rights(&self) -> Option<&Rights> {
        self.signed_in.as_ref().map(|(_, rights)| rights)
    }

    /// Whether the person may do something.
    pub fn may(&self, permission: Permission) -> bool {
        self.rights().is_some_and(|rights| rights.may(permission))
    }

    /// Shows a message.
    pub fn say(&mut self, tone: Tone, text: impl Into<String>) {
        self.message = Some(Message { tone, text: text.into() });
    }

    /// Says that it went well.
    pub fn ok(&mut self, text: impl Into<String>) {
        self.say(Tone::Ok, text);
    }

    /// Says that something ended without an answer.
    pub fn fault(&mut self) {
        self.say(Tone::Error, "It failed because of a fault in the program.");
    }

    /// Says what went wrong. A session whose account is locked or gone ends with it.
    pub fn fail(&mut self, error: &Error) {
        if let Error::SignedOut(why) = error
            && self.signed_in.is_some()
        {
            self.sign = Some(Sign::Out(why.clone()));
        }
        self.say(Tone::Error, sentence(&error.to_string()));
    }

    /// The value, or `None` with the error shown.
    pub fn shown<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|e| self.fail(&e)).ok()
    }

    /// Signs somebody in, after this call: the home screen takes the place of everything.
    pub fn sign_in(&mut self, actor: Actor) {
        // "Wrong name or password" is over with the right one.
        self.message = None;
        self.sign = Some(Sign::In(actor));
    }

    /// Signs out, after this call.
    pub fn sign_out(&mut self) {
        self.sign = Some(Sign::Out(String::new()));
    }

    /// Asks before something is done; `then` runs on the screen if the answer is yes.
    pub fn confirm<S: Screen>(&mut self, confirm: Confirm, then: impl FnOnce(&mut S, &mut Self) -> Outcome + 'static) {
        self.dialog(Dialog::Confirm(confirm), move |me: &mut S, _: (), cx| then(me, cx));
    }

    /// Asks for a text; `then` gets it unless the person backs out.
    pub fn prompt<S: Screen>(
        &mut self,
        prompt: Prompt,
        then: impl FnOnce(&mut S, String, &mut Self) -> Outcome + 'static,
    ) {
        self.dialog(Dialog::Prompt(prompt), then);
    }

    /// Lets the person choose one of a few; `then` gets its id.
    pub fn choose<S: Screen>(
        &mut self,
        title: impl Into<String>,
        items: Vec<Item>,
        then: impl FnOnce(&mut S, u32, &mut Self) -> Outcome + 'static,
    ) {
        self.dialog(Dialog::Choose(title.into(), items), then);
    }

    /// Does slow work on a thread of its own while `what` is shown; `then` gets the result if the screen is
    /// still there. `None` stands for work that failed beyond words.
    pub fn job<S: Screen, T: Send + 'static>(
        &mut self,
        what: impl Into<String>,
        work: impl FnOnce() -> T + Send + 'static,
        then: impl FnOnce(&mut S, Option<T>, &mut Self) -> Outcome + 'static,
    ) {
        let id = self.next_job;
        self.next_job += 1;
        let then = erase(move |me: &mut S, value: Box<dyn Any>, cx: &mut Self| {
            then(me, if value.is::<Panicked>() { None } else { value.downcast::<T>().ok().map(|v| *v) }, cx)
        });
        self.jobs.insert(id, Running { screen: self.screen, what: what.into(), progress: String::new(), then });
        session::spawn_job(&self.sender, id, work);
    }

    /// The same for work that says how far it is and can be stopped.
    pub fn job_with_progress<S: Screen, T: Send + 'static>(
        &mut self,
        what: impl Into<String>,
        work: impl FnOnce(&mut Meter) -> T + Send + 'static,
        then: impl FnOnce(&mut S, Option<T>, &mut Self) -> Outcome + 'static,
    ) -> Stop {
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Stop(stopped.clone());
        let (sender, job) = (self.sender.clone(), self.next_job);
        let work = move || work(&mut Meter { sender, job, stopped, told: None });
        self.job(what, work, then);
        stop
    }

    /// Whether work of this screen goes on.
    pub fn is_busy(&self) -> bool {
        self.jobs.values().any(|job| job.screen == self.screen)
    }

    fn dialog<S: Screen, T: 'static>(
        &mut self,
        dialog: Dialog,
        then: impl FnOnce(&mut S, T, &mut Self) -> Outcome + 'static,
    ) {
        let then = erase(move |me: &mut S, value: Box<dyn Any>, cx: &mut Self| match value.downcast::<T>() {
            Ok(value) => then(me, *value, cx),
            Err(_) => Outcome::Stay,
        });
        self.dialog = Some((self.screen, dialog, then));
    }
}

fn erase<S: Screen>(then: impl FnOnce(&mut S, Box<dyn Any>, &mut Cx) -> Outcome + 'static) -> Then {
    Box::new(move |screen, value, cx| {
        let any: &mut dyn Any = screen;
        match any.downcast_mut::<S>() {
            Some(me) => then(me, value, cx),
            None => Outcome::Stay,
        }
    })
}

/// With a capital letter at the beginning and a full stop at the end.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    let mut out: String = first.to_uppercase().chain(chars).collect();
    if !out.ends_with(['.', '!', '?', '…', ')']) {
        out.push('.');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::event::queue;

    #[test]
    fn work_learns_that_it_is_to_stop() {
        let (sender, _inbox) = queue();
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Stop(stopped.clone());
        let mut meter = Meter { sender, job: 1, stopped, told: None };
        assert!(meter.tell(|| "1 of 2".to_owned()));
        drop(stop);
        assert!(!meter.tell(|| "2 of 2".to_owned()));
    }

    #[test]
    fn work_stops_when_its_session_is_gone() {
        let (sender, inbox) = queue();
        drop(inbox);
        let mut meter = Meter { sender, job: 1, stopped: Arc::default(), told: None };
        assert!(!meter.tell(|| "1 of 2".to_owned()));
    }
}
