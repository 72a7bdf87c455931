//! Progress: a bar on a terminal, a line every few seconds for somebody behind another door, nothing in a file or a mail.

use std::fmt;
use std::io::{IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::store::Progress;

/// How often a plain line is written.
const EVERY: Duration = Duration::from_secs(3);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// As a bar on the process's own standard error.
    Bar,
    /// As lines among the messages.
    Lines,
    /// Not at all: nobody looks on.
    Nothing,
}

impl Show {
    /// The same, unless results go to the terminal, where a bar would be drawn over them.
    pub fn beside_results(self, on_terminal: bool) -> Self {
        if on_terminal && self == Self::Bar { Self::Lines } else { self }
    }

    /// What suits the process's own standard error.
    pub fn on_own_stderr() -> Self {
        if std::io::stderr().is_terminal() { Self::Bar } else { Self::Nothing }
    }
}

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
    /// Nothing.
    Nothing,
}

impl<'a> Meter<'a> {
    /// The one that was asked for; lines go to `err`.
    pub fn new(show: Show, err: &'a mut (dyn Write + Send)) -> Self {
        match show {
            Show::Bar => Self::bar(),
            Show::Lines => Self::Lines { err, last: Instant::now() },
            Show::Nothing => Self::Nothing,
        }
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
            Self::Nothing => {}
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
