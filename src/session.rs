//! A session: one person at one terminal, as an event loop over a pair of byte streams.

pub mod backend;
pub mod caps;
pub mod decode;
pub mod event;
pub mod glyphs;
mod sequence;
