//! What a screen is.

use std::{any::Any, time::Duration};

use ratatui::{Frame, layout::Rect};

use super::{Bind, Command, Cx, Theme, query_line::QueryLine};
use crate::{session::event::Input, store::Changed};

/// What follows from a command or a key.
pub enum Outcome {
    /// Nothing more.
    Stay,
    /// Another screen on top.
    Push(Box<dyn Screen>),
    /// Another screen instead of this one.
    Replace(Box<dyn Screen>),
    /// Back to the screen below.
    Pop,
    /// The command is for whoever comes next: the keys that work everywhere.
    Pass,
}

impl Outcome {
    /// Another screen on top.
    pub fn push(screen: impl Screen) -> Self {
        Self::Push(Box::new(screen))
    }

    /// Another screen instead of this one.
    pub fn replace(screen: impl Screen) -> Self {
        Self::Replace(Box::new(screen))
    }
}

/// One screen on the stack.
pub trait Screen: Any {
    /// Its name, for the header: `Cats`, or the name of what it shows.
    fn title(&self) -> String;

    /// Its keys, beside those for moving about.
    fn keys(&self) -> &'static [Bind];

    /// Whether there is something to move about in, by the keys that are the same everywhere.
    fn moves(&self) -> bool {
        true
    }

    /// Whether a command makes sense now. Permissions are looked after elsewhere.
    fn enabled(&self, _command: Command, _cx: &Cx) -> bool {
        true
    }

    /// Whether the footer names an enabled command. A key that it does not name says why nothing comes of it.
    fn offers(&self, command: Command, cx: &Cx) -> bool {
        self.enabled(command, cx)
    }

    /// Runs a command from its own table.
    fn run(&mut self, command: Command, cx: &mut Cx) -> Outcome;

    /// Offers a key or paste to whatever has the focus, before any binding. `None` when it is not for that.
    fn input(&mut self, _input: &Input, _cx: &mut Cx) -> Option<Outcome> {
        None
    }

    /// Reads what the next frame needs. The only place besides commands where a screen may ask the desk.
    fn prepare(&mut self, _area: Rect, _cx: &mut Cx) {}

    /// Draws, from what it already has.
    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme);

    /// A commit, by anybody; `None` when anything may have changed. Marks as stale what it touches.
    fn changed(&mut self, _changed: Option<&Changed>, _cx: &mut Cx) {}

    /// Whether it shows the log, to which those who come and go add without a change of any record.
    fn shows_log(&self) -> bool {
        false
    }

    /// How long until it wants to be prepared and drawn again, when it shows what no commit tells of.
    fn wants_tick(&self) -> Option<Duration> {
        None
    }

    /// It is on top again, after the screen above it went.
    fn resumed(&mut self, _cx: &mut Cx) {}

    /// Whether leaving would lose what was typed. Then leaving asks first.
    fn is_dirty(&self) -> bool {
        false
    }

    /// The query line on top of it.
    fn query(&self) -> Option<&QueryLine> {
        None
    }

    /// Whether characters are being typed into something, so that only other keys run commands.
    fn is_typing(&self) -> bool {
        self.query().is_some_and(QueryLine::is_focused)
    }

    /// What the status line says while there is no message: `12 of 312`, a filter.
    fn status(&self) -> String {
        String::new()
    }
}
