//! Clowder: an adoption desk for cat shelters, in the terminal.
//!
//! The layers, each of which sees only those above it:
//!
//! - [`model`]: records, ids, states and their transitions; no I/O.
//! - [`store`]: the embedded store: sealed records, indexes, one writer, the catalog.
//! - [`desk`]: the use cases: actor in, rule, one commit, audit entry.
//! - [`transfer`]: import profiles, CSV and NDJSON in and out.
//! - [`session`]: the event loop of one person's terminal: bytes in, bytes out.
//! - [`ui`]: the screens, their keys, forms and lists.
//! - [`server`]: the process that holds the store and lets others in through its doors.
//! - [`cli`]: the command line.
#![warn(missing_docs)]

pub mod cli;
pub mod desk;
#[cfg(test)]
#[path = "../tests/support/limit.rs"]
mod limit;
pub mod model;
pub mod server;
pub mod session;
pub mod store;
pub mod transfer;
pub mod ui;
