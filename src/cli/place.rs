//! Where the store, its key and the settings are, and opening them.

use std::path::PathBuf;

use clap::Args;
use etcetera::BaseStrategy as _;

use super::{Failure, local};
use crate::model::Door;
use crate::server::config::{self, Config};
use crate::store::{
    Ask, OpenOptions, Opened, Store,
    backup::{KeySource, Shelf},
};

/// The program's own name for its directories.
const NAME: &str = "clowder";

/// Where things are.
#[derive(Debug, Clone, Args, Default)]
pub struct Place {
    /// Data directory [default: clowder in the XDG data directory, ~/.local/share/clowder]
    #[arg(
        long,
        global = true,
        help_heading = "Places",
        value_name = "DIR",
        env = "CLOWDER_DATA",
        hide_env_values = true
    )]
    pub data: Option<PathBuf>,
    /// Key file [default: keys/STORE.key in the config directory]
    #[arg(
        long,
        global = true,
        help_heading = "Places",
        value_name = "FILE",
        env = "CLOWDER_KEY",
        hide_env_values = true
    )]
    pub key: Option<PathBuf>,
    /// Config directory [default: clowder in the XDG config directory, ~/.config/clowder]
    #[arg(
        long,
        global = true,
        help_heading = "Places",
        value_name = "DIR",
        env = "CLOWDER_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,
}

/// A path that was given; an empty one, as from a variable that is set to nothing, counts as not given.
fn given(path: Option<&PathBuf>) -> Option<PathBuf> {
    path.filter(|p| !p.as_os_str().is_empty()).cloned()
}

/// Where systemd passes credentials in.
fn credentials() -> Option<PathBuf> {
    given(std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from).as_ref())
}

/// Whoever sits in front of the terminal, if it is one.
fn ask() -> Option<Ask> {
    local::is_interactive().then(|| Ask::new(local::secret))
}

impl Place {
    /// The data directory.
    ///
    /// # Errors
    /// When it was not given and there is no home directory.
    pub fn data(&self) -> Result<PathBuf, Failure> {
        given(self.data.as_ref()).map_or_else(|| Ok(home("--data")?.data_dir().join(NAME)), Ok)
    }

    /// The config directory.
    ///
    /// # Errors
    /// When it was not given and there is no home directory.
    pub fn config(&self) -> Result<PathBuf, Failure> {
        given(self.config.as_ref()).map_or_else(|| Ok(home("--config")?.config_dir().join(NAME)), Ok)
    }

    /// Opens the store; where there is none it makes one, if it may.
    ///
    /// # Errors
    /// `Open` with the way out in words.
    pub fn open(&self, door: Door, create: bool) -> Result<Opened, Failure> {
        let options = self.options(door, &self.settings()?)?;
        Ok(Store::open(OpenOptions { create, ..options })?)
    }

    /// Opens the store as these settings say, or makes one where there is none.
    ///
    /// # Errors
    /// `Open` with the way out in words.
    pub fn open_with(&self, door: Door, config: &Config) -> Result<Opened, Failure> {
        Ok(Store::open(self.options(door, config)?)?)
    }

    /// Where backups are kept.
    ///
    /// # Errors
    /// The settings make no sense.
    pub fn shelf(&self) -> Result<Shelf, Failure> {
        Ok(Shelf::new(&self.data()?, &self.settings()?.backup))
    }

    /// The key file that was named.
    pub fn key_file(&self) -> Option<PathBuf> {
        given(self.key.as_ref())
    }

    /// Where things are, to restore the store.
    ///
    /// # Errors
    /// The settings make no sense.
    pub fn to_restore(&self) -> Result<OpenOptions, Failure> {
        self.options(Door::Command, &self.settings()?)
    }

    /// Where the key is looked for, for what is read without the store.
    ///
    /// # Errors
    /// When there is no home directory and none was named.
    pub fn keys(&self) -> Result<KeySource, Failure> {
        let mut keys = KeySource::new(&self.config()?);
        keys.key = self.key_file();
        keys.credentials = credentials();
        keys.ask = ask();
        keys.data = Some(self.data()?);
        Ok(keys)
    }

    fn options(&self, door: Door, config: &Config) -> Result<OpenOptions, Failure> {
        let options = OpenOptions {
            key: self.key_file(),
            credentials: credentials(),
            ask: ask(),
            probe: std::env::current_exe().ok(),
            door,
            backups: config.backup.clone(),
            ..OpenOptions::new(self.data()?, self.config()?)
        };
        Ok(config.store.over(options))
    }

    fn settings(&self) -> Result<Config, Failure> {
        Config::load(&self.config()?.join(config::FILE)).map_err(|e| Failure::Failed(e.to_string()))
    }
}

fn home(option: &str) -> Result<impl etcetera::BaseStrategy, Failure> {
    etcetera::choose_base_strategy()
        .map_err(|_| Failure::Usage(format!("there is no home directory; say where with {option} DIR")))
}
