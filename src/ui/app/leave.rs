//! Leaving a screen, or the program, without losing what was typed or ending the sessions of others unasked.

use super::{App, Waiting};
use crate::{
    session::registry::Seat,
    ui::{Command, Confirm, overlay::Overlay, screens},
};

/// What happens once it is clear that nothing is lost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    Back,
    Quit,
    Go(Command),
    SignOut,
}

/// How many sessions of others are named before they end.
const OTHERS_NAMED: usize = 8;

impl App {
    /// Leaves screens, after asking when that would lose what was typed.
    pub(super) fn leave(&mut self, leave: Leave) {
        let dirty = match leave {
            Leave::Back => self.stack.last().is_some_and(|l| l.screen.is_dirty()),
            _ => self.stack.iter().any(|l| l.screen.is_dirty()),
        };
        if !dirty {
            return self.leave_now(leave);
        }
        let confirm = Confirm {
            title: "Throw away what you typed?".to_owned(),
            lines: vec!["Something was changed here and not saved.".to_owned()],
            yes: "throw it away".to_owned(),
            danger: true,
        };
        self.overlay = Some((Overlay::Confirm(confirm), Some(Waiting::Leave(leave))));
    }

    pub(super) fn leave_now(&mut self, leave: Leave) {
        match leave {
            Leave::Back => self.pop(),
            Leave::Quit => self.quit(),
            Leave::SignOut => {
                self.cx.sign_out();
                self.settle();
            }
            Leave::Go(command) => {
                if let Some(screen) = screens::open(command, &mut self.cx) {
                    self.stack.truncate(1);
                    self.push(screen);
                } else {
                    self.stack.truncate(1);
                    self.with_top(|screen, cx| screen.resumed(cx));
                }
                self.settle();
            }
        }
    }

    /// Ends the session; when others would lose theirs with it, only after saying who.
    fn quit(&mut self) {
        let Some(seat) = self.cx.seat.clone().filter(Seat::is_owner) else {
            self.over = true;
            return;
        };
        let others: Vec<String> =
            seat.registry().list().into_iter().filter(|line| line.id != seat.id()).map(|line| line.title()).collect();
        if others.is_empty() {
            self.over = true;
            return;
        }
        let mut lines = vec!["This window holds the store. These sessions end with it:".to_owned()];
        lines.extend(others.iter().take(OTHERS_NAMED).cloned());
        if others.len() > OTHERS_NAMED {
            lines.push(format!("… and {} more", others.len() - OTHERS_NAMED));
        }
        let title = "Quit, and end the sessions of others?".to_owned();
        let confirm = Confirm { title, lines, yes: "quit".to_owned(), danger: true };
        self.overlay = Some((Overlay::Confirm(confirm), Some(Waiting::EndOthers)));
    }
}
