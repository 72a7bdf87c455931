//! The screens on the local terminal.

use super::{Failure, Place};
use crate::{
    desk::Desk,
    model::{Actor, Door},
    session::{caps::Caps, local},
    store::Opened,
    ui::{App, cx::Tone},
};

/// Opens the store, shows the screens and closes it.
///
/// # Errors
/// There is no terminal for screens, the store cannot be opened, or the session failed.
pub fn run(place: &Place) -> Result<(), Failure> {
    let caps = caps()?;
    show(caps, place.open(Door::Local)?, |_| Ok(None))
}

/// What the terminal can do.
///
/// # Errors
/// One line when it cannot show screens.
pub fn caps() -> Result<Caps, Failure> {
    local::caps().map_err(|e| Failure::Failed(e.to_string()))
}

/// Shows the screens of an open store and closes it. `prepare` answers who is signed in from the start, if anybody.
///
/// # Errors
/// What `prepare` answers, or the session failed.
pub fn show(
    caps: Caps,
    opened: Opened,
    prepare: impl FnOnce(&Desk) -> Result<Option<Actor>, Failure>,
) -> Result<(), Failure> {
    let store = opened.store.clone();
    let notices = opened.notices.join(" ");
    let desk = Desk::new(opened.store);
    let signed_in = prepare(&desk)?;
    let ran = local::run(move |sender| {
        let mut app = match signed_in {
            Some(actor) => App::signed_in(desk, sender, &caps, actor),
            None => App::new(desk, sender, &caps, Door::Local, None),
        };
        if !notices.is_empty() {
            app.say(Tone::Warn, notices);
        }
        app
    });
    let closed = store.close().map_err(|e| Failure::Failed(e.to_string()));
    ran.map_err(|e| Failure::Failed(e.to_string())).and(closed)
}
