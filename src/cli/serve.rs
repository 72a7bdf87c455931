//! `clowder serve`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::{Failure, Place};
use crate::model::Door;
use crate::server::{
    self,
    config::{self, Config, Format, Level},
};

/// What `serve` takes. What is given here goes before the settings.
#[derive(Debug, Args)]
pub struct Serve {
    /// Listen for SSH there [default: 127.0.0.1:2222]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Let nobody in over SSH
    #[arg(long, conflicts_with = "listen")]
    no_ssh: bool,
    /// Read the settings from this file [default: clowder.toml in the config directory]
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// How much is logged [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<Level>,
    /// In which form [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<Format>,
}

impl Serve {
    fn over(&self, mut config: Config) -> Config {
        config.ssh.enabled &= !self.no_ssh;
        config.ssh.listen = self.listen.unwrap_or(config.ssh.listen);
        config.log.level = self.log_level.unwrap_or(config.log.level);
        config.log.format = self.log_format.unwrap_or(config.log.format);
        config
    }
}

/// Serves until it is told to stop.
///
/// # Errors
/// The settings make no sense, the store does not open, or a door does not.
pub fn run(place: &Place, serve: Serve) -> Result<(), Failure> {
    let file = match &serve.settings {
        Some(file) if !file.exists() => {
            return Err(Failure::Failed(format!("{}: there is no such file", file.display())));
        }
        Some(file) => file.clone(),
        None => place.config()?.join(config::FILE),
    };
    let load = move || Ok(serve.over(Config::load(&file).map_err(|e| e.to_string())?));
    let open = |config: &Config| place.open_with(Door::Socket, config);
    server::run(&place.data()?, &place.config()?, load, open, None)
}
