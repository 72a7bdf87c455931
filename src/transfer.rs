//! Cats in and out: import profiles, CSV and NDJSON.
//!
//! An import goes over the file once. Each row is judged by itself ([`profile`] says how), and what is
//! left of it is sorted by the cat's tag, in memory while it is small and through a temporary file beyond
//! that, so that memory does not grow with the file however its rows are ordered. Then one cat after the
//! other is put together and handed to a [`Target`], a hundred whole cats to a commit.

pub mod export;
pub mod profile;

mod group;
mod import;
mod reader;
mod report;
mod row;
mod spill;
mod values;

pub use crate::desk::Intaken as Batch;
pub use export::{ExportCat, Exporter};
pub use import::{BATCH, DeskTarget, ImportError, Options, Phase, Progress, Target, import};
pub use profile::{Format, Profile, ProfileError};
pub use reader::Source;
pub use report::{Problem, Report, Summary, Weight};
