//! The stack of screens, and everything that works on all of them.

mod commands;
mod frame;
mod leave;

use std::{any::Any, time::Duration};

use ratatui::{
    Frame,
    layout::{Position, Rect},
};

use leave::Leave;

use super::{
    Confirm, Cx, Key, Outcome, Screen, Theme,
    cx::{Sign, Then, Tone, sentence},
    keys::ESC,
    layout,
    overlay::{Answer, Overlay},
    screens::{self, wording::joined},
};
use crate::{
    desk::Desk,
    model::{Actor, Day, Door, Kind, Role},
    session::{
        Client, Redraw,
        caps::Caps,
        event::{Input, Sender},
        registry::{Person, Seat},
    },
    store::{Changed, Subscription},
};

/// One screen with its number, by which dialogs and work find it again.
struct Layer {
    id: u64,
    screen: Box<dyn Screen>,
}

/// What is waiting for an answer of the window on top.
enum Waiting {
    /// A screen, which gets the answer.
    Screen(u64, Then),
    /// Leaving a screen, which loses what was typed.
    Leave(Leave),
    /// Ending the program that others work with.
    EndOthers,
    /// Undoing the last change.
    Undo(crate::model::CommitNo),
}

/// The screens of one session.
pub struct App {
    cx: Cx,
    theme: Theme,
    stack: Vec<Layer>,
    next_layer: u64,
    overlay: Option<(Overlay, Option<Waiting>)>,
    redraw: Redraw,
    over: bool,
    /// What the person is told once the screen is gone.
    farewell: Option<String>,
    /// The body as it was drawn last, and whether the screen on top has read what it needs since it was
    /// called: keys typed ahead must find it as they would have seen it.
    body: Rect,
    prepared: bool,
    /// Frames of the sign of work going on.
    turn: usize,
    _changes: Subscription,
}

/// What turns while work goes on.
const TURNS: [&str; 4] = ["|", "/", "-", "\\"];

impl App {
    /// The screens for somebody who has yet to sign in.
    pub fn new(desk: Desk, sender: Sender, caps: &Caps, door: Door, address: Option<String>) -> Self {
        let changes = desk.subscribe(crate::session::forward(sender.clone()));
        let cx = Cx::new(desk, sender, door, address);
        let mut app = Self {
            theme: Theme::new(caps.colour),
            stack: Vec::new(),
            next_layer: 0,
            overlay: None,
            redraw: Redraw::Changes,
            over: false,
            farewell: None,
            body: layout::parts(Rect { x: 0, y: 0, width: caps.size.0, height: caps.size.1 }).body,
            prepared: false,
            turn: 0,
            _changes: changes,
            cx,
        };
        let first = screens::first(&app.cx);
        app.push(first);
        app
    }

    /// The screens for somebody who is signed in already.
    pub fn signed_in(desk: Desk, sender: Sender, caps: &Caps, actor: Actor) -> Self {
        let (door, address) = (actor.door, actor.address.clone());
        let mut app = Self::new(desk, sender, caps, door, address);
        app.cx.sign_in(actor);
        app.settle();
        app
    }

    /// The screens for somebody who wants an account.
    pub fn registering(desk: Desk, sender: Sender, caps: &Caps, door: Door, address: Option<String>) -> Self {
        let mut app = Self::new(desk, sender, caps, door, address);
        app.stack.clear();
        let form = screens::register(&app.cx);
        app.push(form);
        app
    }

    /// Takes its place among the sessions of this process.
    pub fn seated(mut self, seat: Seat) -> Self {
        self.cx.seat = Some(seat);
        self.tell_who();
        self
    }

    /// Tells the others who this is.
    fn tell_who(&self) {
        if let Some(seat) = &self.cx.seat {
            let person = self.cx.rights().map(|r| Person { user: r.user, name: r.name.clone() });
            seat.set_person(person);
        }
    }

    /// Shows one more screen, on top of the others.
    pub fn open(&mut self, screen: Box<dyn Screen>) {
        self.prepared = false;
        self.push(screen);
    }

    /// Whether slow work goes on.
    pub fn is_busy(&self) -> bool {
        !self.cx.jobs.is_empty()
    }

    /// Shows a message.
    pub fn say(&mut self, tone: Tone, text: impl Into<String>) {
        self.cx.say(tone, text);
    }

    fn push(&mut self, screen: Box<dyn Screen>) {
        self.stack.push(Layer { id: self.next_layer, screen });
        self.next_layer += 1;
    }

    /// Calls the screen on top.
    fn with_top<T>(&mut self, f: impl FnOnce(&mut dyn Screen, &mut Cx) -> T) -> Option<T> {
        let layer = self.stack.last_mut()?;
        self.cx.screen = layer.id;
        Some(f(&mut *layer.screen, &mut self.cx))
    }

    fn prepare(&mut self) {
        let body = self.body;
        self.with_top(|screen, cx| screen.prepare(body, cx));
        self.prepared = true;
    }

    fn follow(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Stay | Outcome::Pass => {}
            Outcome::Push(screen) => self.push(screen),
            Outcome::Replace(screen) => {
                self.stack.pop();
                self.push(screen);
            }
            Outcome::Pop => self.pop(),
        }
        self.settle();
    }

    fn pop(&mut self) {
        if self.stack.len() > 1 {
            self.stack.pop();
            self.with_top(|screen, cx| screen.resumed(cx));
        }
    }

    /// Carries out what a call left to be done: a dialog, a change of who is signed in.
    fn settle(&mut self) {
        if let Some((screen, dialog, then)) = self.cx.dialog.take() {
            self.overlay = Some((Overlay::of(dialog), Some(Waiting::Screen(screen, then))));
        }
        match self.cx.sign.take() {
            Some(Sign::In(actor)) => match self.cx.desk.rights(&actor) {
                Ok(rights) => {
                    self.cx.signed_in = Some((actor, rights));
                    self.stack.clear();
                    let home = screens::home(&mut self.cx);
                    self.push(home);
                    self.tell_who();
                }
                Err(e) => self.cx.fail(&e),
            },
            // Over SSH the line itself is signed in: there is nobody to ask for a name.
            Some(Sign::Out(why)) if self.cx.door == Door::Ssh => {
                self.over = true;
                self.farewell = (!why.is_empty()).then(|| sentence(&why));
            }
            Some(Sign::Out(why)) => {
                self.cx.signed_in = None;
                self.tell_who();
                self.cx.jobs.clear();
                self.overlay = None;
                self.stack.clear();
                let first = screens::first(&self.cx);
                self.push(first);
                if !why.is_empty() {
                    self.cx.say(Tone::Error, sentence(&why));
                }
            }
            None => {}
        }
    }

    fn ask_undo(&mut self) {
        let actor = self.cx.actor();
        let Some(line) = self.cx.shown(self.cx.desk.last_undoable(&actor)) else { return self.settle() };
        let Some(line) = line else {
            return self.cx.say(Tone::Note, "There is nothing of yours to undo.");
        };
        let what = joined(&[line.entry.action.label(), &line.about, &line.entry.note], " · ");
        let confirm = Confirm {
            title: "Undo?".to_owned(),
            lines: vec![
                format!("{} ({})", sentence(&what), line.entry.at.ago(self.cx.desk.now())),
                "Everything it changed goes back, if nobody has changed it since.".to_owned(),
            ],
            yes: "undo".to_owned(),
            danger: false,
        };
        self.overlay = Some((Overlay::Confirm(confirm), Some(Waiting::Undo(line.entry.commit))));
    }

    fn overlay_input(&mut self, input: &Input) {
        let Some((overlay, _)) = &mut self.overlay else { return };
        let answer = overlay.input(input);
        if matches!(answer, Answer::Open) {
            return;
        }
        let waiting = self.overlay.take().and_then(|(_, waiting)| waiting);
        match (answer, waiting) {
            (Answer::Run(command), _) => {
                let own = self.stack.last().is_some_and(|l| l.binds().any(|b| b.command == command));
                if !(own && self.run(command)) {
                    self.run_global(command);
                }
            }
            (Answer::With(value), Some(Waiting::Screen(id, then))) => self.hand(id, then, value),
            (Answer::With(_), Some(Waiting::Leave(leave))) => self.leave_now(leave),
            (Answer::With(_), Some(Waiting::EndOthers)) => self.over = true,
            (Answer::With(_), Some(Waiting::Undo(commit))) => {
                let actor = self.cx.actor();
                match self.cx.desk.undo(&actor, commit) {
                    Ok(done) => self.cx.ok(done.message),
                    Err(e) => self.cx.fail(&e),
                }
                self.settle();
            }
            _ => {}
        }
    }

    /// Hands an answer to the screen that waits for it, if it is still there.
    fn hand(&mut self, id: u64, then: Then, value: Box<dyn Any>) {
        let Some(at) = self.stack.iter().position(|layer| layer.id == id) else { return };
        self.cx.screen = id;
        let outcome = then(&mut *self.stack[at].screen, value, &mut self.cx);
        // A screen that is covered by another one stays where it is.
        let top = at + 1 == self.stack.len();
        self.follow(if top { outcome } else { Outcome::Stay });
    }

    fn refresh_rights(&mut self) {
        let Some((actor, had)) = self.cx.signed_in.clone() else { return };
        match self.cx.desk.rights(&actor) {
            Ok(rights) => {
                let role = rights.role;
                self.cx.signed_in = Some((actor, rights));
                self.tell_who();
                if role.code() < had.role.code() {
                    self.step_down(role);
                } else if role != had.role {
                    self.cx.say(Tone::Note, format!("You are {} now.", role.person()));
                }
            }
            Err(e) => self.cx.fail(&e),
        }
    }

    /// With a lesser role nothing stays open that it may not see.
    fn step_down(&mut self, role: Role) {
        self.overlay = None;
        self.cx.jobs.clear();
        self.stack.clear();
        let home = screens::home(&mut self.cx);
        self.push(home);
        self.cx.say(Tone::Warn, format!("An admin changed your role: you are {} now.", role.person()));
    }
}

impl Client for App {
    fn input(&mut self, input: Input) {
        self.redraw = self.redraw.max(Redraw::Changes);
        self.cx.today = Day::today();
        if let Some(seat) = &self.cx.seat {
            seat.heard();
        }
        if self.overlay.is_some() {
            return self.overlay_input(&input);
        }
        let before = self.cx.message.clone();
        if let (Some(message), Input::Key(event)) = (&before, &input)
            && matches!(message.tone, Tone::Warn | Tone::Error)
            && Key::of(event) == ESC
        {
            // Escape reads a message away before it leaves anything.
            self.cx.message = None;
            return;
        }
        let depth = self.stack.len();
        if !self.prepared {
            self.prepare();
        }
        self.prepared = false;
        // A message stays until the next key; one that reports trouble until it is read away, or the screen
        // is another one.
        let trouble = before.as_ref().is_some_and(|m| matches!(m.tone, Tone::Warn | Tone::Error));
        if !trouble {
            self.cx.message = None;
        }
        match self.with_top(|screen, cx| screen.input(&input, cx)) {
            Some(Some(outcome)) => self.follow(outcome),
            _ => {
                if let Input::Key(event) = &input {
                    self.key(event);
                }
            }
        }
        if trouble && self.stack.len() != depth && self.cx.message == before {
            self.cx.message = None;
        }
    }

    fn changed(&mut self, changed: Option<&Changed>) {
        let logged = changed.is_some_and(Changed::is_only_logged);
        if logged && !self.stack.iter().any(|layer| layer.screen.shows_log()) {
            // Somebody coming or going makes nobody else's screen draw.
            return;
        }
        self.redraw = self.redraw.max(Redraw::Changes);
        self.prepared = false;
        let me = self.cx.rights().and_then(|r| r.user);
        let mine = changed.is_none_or(|c| c.records.iter().any(|r| Some(r.1) == me.map(|u| u.0) && r.0 == Kind::User));
        if mine {
            self.refresh_rights();
        }
        for layer in self.stack.iter_mut().filter(|layer| !logged || layer.screen.shows_log()) {
            self.cx.screen = layer.id;
            layer.screen.changed(changed, &mut self.cx);
        }
        self.settle();
    }

    fn job(&mut self, id: u64, result: Box<dyn Any + Send>) {
        self.redraw = self.redraw.max(Redraw::Changes);
        self.prepared = false;
        if let Some(running) = self.cx.jobs.remove(&id) {
            self.hand(running.screen, running.then, result);
        }
    }

    fn progress(&mut self, id: u64, text: String) {
        if let Some(running) = self.cx.jobs.get_mut(&id) {
            running.progress = text;
            self.redraw = self.redraw.max(Redraw::Changes);
        }
    }

    fn wants_tick(&self) -> Option<Duration> {
        if !self.cx.jobs.is_empty() {
            return Some(Duration::from_millis(150));
        }
        self.stack.last().and_then(|layer| layer.screen.wants_tick())
    }

    fn tick(&mut self) {
        self.turn += 1;
        self.prepared = false;
        self.redraw = self.redraw.max(Redraw::Changes);
    }

    fn take_redraw(&mut self) -> Redraw {
        std::mem::replace(&mut self.redraw, Redraw::No)
    }

    fn draw(&mut self, frame: &mut Frame<'_>) {
        let parts = layout::parts(frame.area());
        let theme = self.theme;
        self.body = parts.body;
        self.prepare();
        self.draw_header(frame, parts.header);
        self.with_top(|screen, _| screen.draw(frame, parts.body, theme));
        self.draw_status(frame, parts.status);
        self.draw_footer(frame, parts.footer);
        self.draw_long_message(frame, parts);
        if let Some((overlay, _)) = &mut self.overlay {
            // The cursor of the screen below must not show through a window without one.
            overlay.draw(frame, parts.body, theme);
            if matches!(overlay, Overlay::Help { .. } | Overlay::Confirm(_)) {
                frame.set_cursor_position(Position { x: frame.area().right(), y: frame.area().bottom() });
            }
        }
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn farewell(&self) -> Option<&str> {
        self.farewell.as_deref()
    }
}
