//! The SSH door, on loopback: with the real OpenSSH client, and with a client that does what no client should.

#[path = "ssh/commands.rs"]
mod commands;
#[path = "ssh/hostile.rs"]
mod hostile;
#[path = "ssh/screens.rs"]
mod screens;
#[path = "support/shelter.rs"]
mod shelter;
#[path = "ssh/sign_in.rs"]
mod sign_in;
#[path = "ssh/support.rs"]
mod support;
