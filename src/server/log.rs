//! What is logged: to standard error, from a level on that a reload can change.

use std::io;

use tracing_subscriber::{
    Registry, filter::LevelFilter, fmt, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

use super::config::{Format, Level, Log};

/// Changes the level of the log.
#[derive(Debug, Clone)]
pub struct Logging(Option<reload::Handle<LevelFilter, Registry>>);

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Off => Self::OFF,
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
            Level::Trace => Self::TRACE,
        }
    }
}

impl Logging {
    /// Begins to log; panics are logged, too.
    pub fn begin(log: Log) -> Self {
        let (filter, handle) = reload::Layer::new(LevelFilter::from(log.level));
        let registry = tracing_subscriber::registry().with(filter);
        let begun = match log.format {
            Format::Text => {
                registry.with(fmt::layer().with_ansi(false).with_target(false).with_writer(io::stderr)).try_init()
            }
            Format::Json => registry.with(fmt::layer().json().with_target(false).with_writer(io::stderr)).try_init(),
        };
        std::panic::set_hook(Box::new(|info| {
            let thread = std::thread::current();
            // A place and a message, each on a line of its own: an entry of the log is one line.
            let what = info.to_string().replace('\n', " ");
            tracing::error!(thread = thread.name().unwrap_or_default(), "fault in the program: {what}");
        }));
        // Another one logs already where the library is part of another program.
        Self(begun.is_ok().then_some(handle))
    }

    /// From another level on.
    pub fn set_level(&self, level: Level) {
        if let Some(handle) = &self.0 {
            let _ = handle.reload(LevelFilter::from(level));
        }
    }
}
