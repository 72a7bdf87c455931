//! The screens on the local terminal.

use super::{Failure, Place};
use crate::{
    desk::Desk,
    model::Door,
    session::local,
    ui::{App, cx::Tone},
};

/// Opens the store, shows the screens and closes it.
///
/// # Errors
/// There is no terminal for screens, the store cannot be opened, or the session failed.
pub fn run(place: &Place) -> Result<(), Failure> {
    let caps = local::caps().map_err(|e| Failure::Failed(e.to_string()))?;
    let opened = place.open(Door::Local)?;
    let store = opened.store.clone();
    let notices = opened.notices.join(" ");
    let desk = Desk::new(opened.store);
    let ran = local::run(move |sender| {
        let mut app = App::new(desk, sender, &caps, Door::Local, None);
        if !notices.is_empty() {
            app.say(Tone::Warn, notices);
        }
        app
    });
    let closed = store.close().map_err(|e| Failure::Failed(e.to_string()));
    ran.map_err(|e| Failure::Failed(e.to_string())).and(closed)
}
