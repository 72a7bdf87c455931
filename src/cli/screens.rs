//! The screens on the local terminal.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use super::{
    Failure, Place,
    enter::{Way, enter},
};
use crate::{
    desk::Desk,
    model::{Actor, Door},
    server::{Guard, Host, PATIENCE, Prepare, Registry, Seat, backups::Keeper, config::Live, socket::SocketDoor},
    session::{
        caps::Caps,
        local::{self, LocalError},
        socket::client,
    },
    store::Opened,
    ui::{App, cx::Tone},
};

/// Shows the screens where the store is: here, if nobody else has it, or at whoever does. Answers the exit code.
///
/// # Errors
/// There is no terminal for screens, the store cannot be opened, or the session failed.
pub fn run(place: &Place) -> Result<u8, Failure> {
    let caps = caps()?;
    match enter(place, Door::Local, true)? {
        Way::Open(opened) => own(caps, &place.data()?, *opened, None).map(|()| 0),
        Way::Attach(stream) => Ok(client::screens(stream)?),
    }
}

/// Shows the screens of the store that this process holds, and lets others in through the socket meanwhile. `prepare`
/// is for [`Host::prepare`].
///
/// # Errors
/// The session failed, or the store does not close.
pub fn own(caps: Caps, data: &Path, opened: Opened, prepare: Option<Prepare>) -> Result<(), Failure> {
    let store = opened.store.clone();
    let mut notices = opened.notices;
    let host = Host { prepare, ..Host::new(Desk::new(opened.store), Registry::default(), Live::default()) };
    let door = SocketDoor::open(&host, data);
    if let Err(e) = &door {
        notices.push(format!("Nobody else can join this session: {}: {e}.", data.join(client::NAME).display()));
    }
    let keeper = Keeper::start(host.desk.clone());
    let seated = Arc::new(OnceLock::new());
    let ran = local::run({
        let (host, seated, notices) = (host.clone(), seated.clone(), notices.join(" "));
        move |sender| {
            let mut app = App::new(host.desk.clone(), sender.clone(), &caps, Door::Local, None);
            // The line of a terminal cannot be cut: it ends when the session does.
            if let Ok(guard) = host.registry.enter(Door::Local, None, move |why| sender.end(why), || ()) {
                guard.own();
                app = app.seated(guard.seat());
                let _ = seated.set(guard);
            }
            if !notices.is_empty() {
                app.say(Tone::Warn, notices);
            }
            host.prepare.iter().for_each(|prepare| prepare(&mut app));
            app
        }
    });
    let me = seated.get().map(|guard: &Guard| guard.seat());
    if matches!(ran, Err(LocalError::Fault(_))) {
        stay(&host.registry, me.as_ref());
    }
    drop(door);
    host.registry.close("The Clowder that held the store was closed. What was saved is safe.", me.as_ref());
    if let Some(why) = keeper.ok().and_then(Keeper::end) {
        eprintln!("clowder: {}", super::failure::printable(&why));
    }
    drop(host);
    let closed = store.close_within(PATIENCE).map_err(|e| Failure::Failed(e.to_string()));
    ran.map_err(|e| Failure::Failed(e.to_string())).and(closed)
}

/// Goes on serving the others when a fault has ended the session of whoever holds the store.
fn stay(registry: &Registry, me: Option<&Seat>) {
    let others = registry.count() - usize::from(me.is_some());
    if others > 0 {
        let others = match others {
            1 => "One more session goes".to_owned(),
            n => format!("{n} more sessions go"),
        };
        eprintln!(
            "clowder: this session was ended by a fault in the program. What was saved is safe. {others} on; this \
             program ends after the last of them, or at once with Ctrl-C"
        );
        registry.wait_for_the_last(me);
    }
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
