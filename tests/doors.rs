//! The doors of this machine, with real processes on real terminals: joining whoever has the store, commands through
//! the socket, ends of every kind.
#![cfg(target_os = "linux")]

#[path = "doors/abuse.rs"]
mod abuse;
#[path = "doors/backups.rs"]
mod backups;
#[path = "doors/commands.rs"]
mod commands;
#[path = "doors/ends.rs"]
mod ends;
#[path = "doors/faults.rs"]
mod faults;
#[path = "doors/input.rs"]
mod input;
#[path = "support/limit.rs"]
mod limit;
#[path = "doors/remote.rs"]
mod remote;
#[path = "doors/shelter.rs"]
mod shelter;
#[path = "doors/together.rs"]
mod together;
#[path = "doors/window.rs"]
mod window;
