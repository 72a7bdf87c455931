//! The process that holds the store and lets the others in: settings, doors, an orderly end.

pub mod config;

pub use crate::session::registry::{Guard, Person, Registry, Seat, SessionLine};
