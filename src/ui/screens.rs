//! One file per screen, and where each is found.

mod set_up;
mod sign_in;

use super::{Bind, Command, Cx, Screen};

/// Every screen's keys by its name, for the README's table.
pub const KEYS: &[(&str, &[Bind])] = &[("First start", set_up::KEYS), ("Sign in", sign_in::KEYS)];

/// The screen before anybody signed in.
pub fn first(cx: &Cx) -> Box<dyn Screen> {
    if cx.desk.is_new() { Box::new(set_up::SetUp::new(cx)) } else { Box::new(sign_in::SignIn::new(cx)) }
}

/// The screen under all others once somebody signed in.
pub fn home(cx: &mut Cx) -> Box<dyn Screen> {
    Box::new(sign_in::SignIn::new(cx))
}

/// The screen of a place; `None` for the home screen, which is there already.
pub fn open(command: Command, _cx: &mut Cx) -> Option<Box<dyn Screen>> {
    match command {
        Command::GoHome => None,
        _ => None,
    }
}
