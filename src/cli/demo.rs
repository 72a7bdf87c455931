//! `clowder demo`: invented data in a store that is gone at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::{Failure, Place, screens};
use crate::model::Door;

/// Makes a throwaway store with its own key and settings, fills it, and shows it as an admin would see it.
///
/// # Errors
/// There is no terminal for screens, no room for the store, or the session failed.
pub fn run() -> Result<(), Failure> {
    let caps = screens::caps()?;
    let wrong = |e: std::io::Error| Failure::Failed(format!("the demo store: {e}"));
    // From here on a signal must not end the program before the directory is gone; the screens end by themselves.
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, asked.clone()).map_err(wrong)?;
    }
    let dir = tempfile::Builder::new().prefix("clowder-demo-").tempdir().map_err(wrong)?;
    let place = Place { data: Some(dir.path().join("data")), config: Some(dir.path().join("config")), key: None };
    let shown = screens::show(caps, place.open(Door::Local, true)?, |desk| {
        let admin = desk.make_demo()?;
        if asked.load(Ordering::Relaxed) {
            return Err(Failure::Cancelled("broken off".to_owned()));
        }
        Ok(Some(admin))
    });
    let gone = dir.close().map_err(wrong);
    shown.and(gone)
}
