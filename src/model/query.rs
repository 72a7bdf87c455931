//! The query line.
