//! Progress: a bar on a terminal, a line every few seconds elsewhere.

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::store::Progress;

/// How often a plain line is written.
const EVERY: Duration = Duration::from_secs(3);

/// Shows how far something is.
pub enum Meter<'a> {
    /// A bar with rate and time left.
    Bar(ProgressBar),
    /// Plain lines.
    Lines {
        /// Where they go.
        err: &'a mut (dyn Write + Send),
        /// When the last one was written.
        last: Instant,
    },
}

impl<'a> Meter<'a> {
    /// A bar on the process's own standard error, or lines.
    pub fn new(bar: bool, err: &'a mut (dyn Write + Send)) -> Self {
        if bar { Self::bar() } else { Self::Lines { err, last: Instant::now() } }
    }

    fn bar() -> Self {
        let bar = ProgressBar::new(0);
        let style = ProgressStyle::with_template("{msg} [{bar:30}] {percent}% {human_pos} {rate}, {eta} left");
        if let Ok(style) = style {
            let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
                // What cannot be written is not worth breaking off for.
                let _ = write!(out, "{:.0}/s", state.per_sec());
            };
            bar.set_style(style.with_key("rate", rate).progress_chars("=> "));
        }
        Self::Bar(bar)
    }

    /// What long work of the store is to call: it shows every step, and breaks the work off once `cancel` is set.
    pub fn steps(&mut self, cancel: &AtomicBool) -> impl FnMut(Progress) -> bool {
        |progress| {
            self.at(progress.step, progress.done, progress.of);
            !cancel.load(Ordering::Relaxed)
        }
    }

    /// Shows that `done` of `of` are done. What cannot be shown is not worth breaking off for.
    pub fn at(&mut self, step: &str, done: u64, of: u64) {
        match self {
            Self::Bar(bar) => {
                if bar.message() != step {
                    bar.set_message(step.to_owned());
                    bar.reset();
                }
                bar.set_length(of.max(done));
                bar.set_position(done);
            }
            Self::Lines { err, last } => {
                if last.elapsed() >= EVERY {
                    *last = Instant::now();
                    let _ = writeln!(err, "{step}: {done} of {of}");
                    let _ = err.flush();
                }
            }
        }
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
