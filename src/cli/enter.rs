//! The way to the store: open it, or go to whoever has it.

use std::{
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use super::{Failure, Place};
use crate::{
    model::Door,
    session::socket::client::{self, ClientError},
    store::{OpenError, Opened},
};

/// How long somebody who has the store but does not listen is waited for: a command ends soon, and one that has just
/// taken the store listens soon.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long until the next try.
const PAUSE: Duration = Duration::from_millis(20);

/// How the store is reached.
pub enum Way {
    /// It is open in this process.
    Open(Box<Opened>),
    /// Another process has it and listens.
    Attach(UnixStream),
}

impl From<ClientError> for Failure {
    fn from(e: ClientError) -> Self {
        match e {
            ClientError::Output(e) => Self::Output(e),
            e => Self::Failed(e.to_string()),
        }
    }
}

/// Opens the store, or connects to whoever has it; where there is none it makes one, if it may. Of two that start at once, one opens and the other connects.
///
/// # Errors
/// The store does not open, or whoever has it does not listen.
pub fn enter(place: &Place, door: Door, create: bool) -> Result<Way, Failure> {
    let started = Instant::now();
    loop {
        let locked = match place.open(door, create) {
            Ok(opened) => return Ok(Way::Open(Box::new(opened))),
            Err(locked @ Failure::Open(OpenError::Locked { .. })) => locked,
            Err(e) => return Err(e),
        };
        if let Some(stream) = client::connect(&place.data()?)? {
            return Ok(Way::Attach(stream));
        }
        if started.elapsed() > PATIENCE {
            return Err(locked);
        }
        std::thread::sleep(PAUSE);
    }
}
