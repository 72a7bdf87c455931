//! The command line: words, tables and JSON over the same desk and the same rules as the screens.
//!
//! Each group of commands is a file with its words (a clap type) and a function that takes a [`Context`]. A command
//! knows nothing of the process that runs it: who acts and where the output goes come with the context, so that the
//! same words serve any door. A new command is a variant of [`DeskCommand`] and its function.

mod backup;
mod catalogues;
mod cats;
mod context;
mod demo;
mod doctor;
mod enter;
mod failure;
mod history;
mod json;
mod key;
mod keys;
mod local;
mod maintenance;
mod meter;
mod place;
mod query;
mod requests;
mod restore;
mod screens;
mod serve;
mod sessions;
mod table;
mod transfer;
mod users;
mod words;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, builder::TypedValueParser, error::ErrorKind};

pub use context::{Context, PAGE, Person};
pub use failure::{Code, Failure};
pub use meter::{Meter, Show};
pub use place::Place;
pub use screens::own as hold;
pub use words::{Said, Words};

/// Words for a value of an enumeration, shown in the help.
macro_rules! slugs {
    ($type:ty) => {{
        use clap::builder::TypedValueParser as _;
        clap::builder::PossibleValuesParser::new(<$type>::ALL.iter().map(|v| v.slug()))
            .try_map(|word| word.parse::<$type>())
    }};
}
use slugs;

/// `yes` or `no`.
fn yes_no() -> impl TypedValueParser<Value = bool> {
    clap::builder::PossibleValuesParser::new(["yes", "no"]).map(|word| word == "yes")
}

/// A keyboard-driven adoption desk for cat shelters.
///
/// Without a command it opens the screens. Commands act as "console" with an admin's rights, and the audit log says so.
#[derive(Debug, Parser)]
#[command(name = "clowder", version, after_help = failure::EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    place: Place,
    /// Results as JSON, for scripts
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Desk(DeskCommand),
    /// Hold the store and let people in: over SSH, and on this machine through a socket; ends with Ctrl-C
    Serve(serve::Serve),
    /// Bring the store back as it was, from a backup and the journal after it; says first what it will do
    Restore(restore::Restore),
    /// Say what is wrong with the store when it does not open or is not sound, and mend it; says first what it will do
    Doctor(doctor::Doctor),
    /// Open the screens on invented data, signed in as an admin; all of it is gone at the end
    Demo,
    /// Print the keys of every screen, as tables in Markdown
    Keys,
    /// Try to open a store's files; the program runs this on itself before it opens a store that was not closed
    #[command(hide = true)]
    OpenProbe {
        /// The directory.
        dir: PathBuf,
    },
}

/// Commands on the records, the same through every door.
#[derive(Debug, Subcommand)]
pub enum DeskCommand {
    /// Cats: list, show, add, edit, delete
    #[command(subcommand)]
    Cats(cats::CatsCommand),
    /// Adoption requests: list, show, take, and every decision
    #[command(subcommand)]
    Requests(requests::RequestsCommand),
    /// Accounts: list, show, add, edit, roles, locks, passwords
    #[command(subcommand)]
    Users(users::UsersCommand),
    /// Breeds: list, show, add, edit, delete
    #[command(subcommand)]
    Breeds(catalogues::BreedsCommand),
    /// Health statuses: list, show, add, edit, delete
    #[command(subcommand)]
    Health(catalogues::HealthCommand),
    /// Import cats from a file of this or another program
    Import(transfer::Import),
    /// Export cats
    Export(transfer::Export),
    /// Show who changed what
    Audit(history::Audit),
    /// Undo a change whole, while nothing it touched has changed since
    Undo(history::Undo),
    /// Who is on: list the sessions, end one
    #[command(subcommand)]
    Sessions(sessions::SessionsCommand),
    /// Open every record and recount every index and counter
    Check(maintenance::Check),
    /// Give the room of old changes back: copy the store into new files, while people work
    Compact(maintenance::Compact),
    /// Show how much there is of everything
    Stats,
    /// Make a backup while people work; list and verify backups
    Backup(backup::Backup),
    /// The store's own keys: what opens it, new keys, a passphrase, a recovery code
    #[command(subcommand)]
    Key(key::KeyCommand),
}

impl DeskCommand {
    /// Runs it.
    ///
    /// # Errors
    /// The desk's, and those of the streams.
    pub fn run(self, cx: &mut Context<'_>) -> Result<(), Failure> {
        match self {
            Self::Cats(command) => cats::run(cx, command),
            Self::Requests(command) => requests::run(cx, command),
            Self::Users(command) => users::run(cx, command),
            Self::Breeds(command) => catalogues::breeds(cx, command),
            Self::Health(command) => catalogues::health(cx, command),
            Self::Import(import) => transfer::import(cx, &import),
            Self::Export(export) => transfer::export(cx, &export),
            Self::Audit(audit) => history::audit(cx, audit),
            Self::Undo(undo) => history::undo(cx, undo),
            Self::Sessions(command) => sessions::run(cx, &command),
            Self::Check(check) => maintenance::check(cx, &check),
            Self::Compact(compact) => maintenance::compact(cx, &compact),
            Self::Stats => maintenance::stats(cx),
            Self::Backup(backup) => backup::run(cx, &backup),
            Self::Key(command) => key::run(cx, command),
        }
    }

    /// Whether it takes standard input.
    fn reads_input(&self) -> bool {
        match self {
            Self::Users(command) => command.reads_input(),
            Self::Import(import) => import.reads_input(),
            Self::Key(command) => command.reads_input(),
            _ => false,
        }
    }

    /// Whether it says itself what should be seen to around the store, so that this is no notice as well.
    const fn tells_alerts(&self) -> bool {
        match self {
            Self::Stats => true,
            Self::Check(check) => check.accepts_clock(),
            _ => false,
        }
    }

    /// Whether it takes long and looks at [`Context::cancel`].
    const fn can_be_cancelled(&self) -> bool {
        matches!(
            self,
            Self::Import(_)
                | Self::Export(_)
                | Self::Check(_)
                | Self::Compact(_)
                | Self::Backup(_)
                | Self::Key(key::KeyCommand::Rotate { everything: true, .. })
        )
    }
}

/// Parses the arguments, runs what they say and answers the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    crate::store::keep_secrets();
    let args = key::understood(args.into_iter().collect());
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(e) => return explain(&e),
    };
    let done = match cli.command {
        Some(Command::OpenProbe { dir }) => return probe(&dir),
        Some(Command::Desk(DeskCommand::Backup(backup))) if backup.verifies().is_some() => {
            backup::verify_alone(&cli.place, cli.json, backup.verifies().unwrap_or(Path::new(""))).map(|()| 0)
        }
        Some(Command::Desk(command)) => local::run(&cli.place, cli.json, command, args.get(1..).unwrap_or_default()),
        Some(Command::Serve(serve)) => serve::run(&cli.place, serve).map(|()| 0),
        Some(Command::Restore(restore)) => restore::run(&cli.place, cli.json, &restore).map(|()| 0),
        Some(Command::Doctor(doctor)) => doctor::run(&cli.place, cli.json, &doctor).map(|()| 0),
        Some(Command::Demo) => demo::run().map(|()| 0),
        Some(Command::Keys) => keys().map(|()| 0),
        None => screens::run(&cli.place),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            // Where even standard error is gone, the exit code has to do.
            let _ = failure.report(&mut io::stderr());
            ExitCode::from(failure.code() as u8)
        }
    }
}

/// Runs the words of somebody at another end on an open desk, and answers the exit code. `cx.json` is taken from the
/// words; what goes wrong is on `cx.err`.
///
/// # Errors
/// Nothing is left to write to.
pub fn run_words(words: impl IntoIterator<Item = OsString>, cx: &mut Context<'_>) -> io::Result<Code> {
    let program = OsString::from("clowder");
    let cli = match Cli::try_parse_from(std::iter::once(program).chain(key::understood(words.into_iter().collect()))) {
        Ok(cli) => cli,
        Err(e) => {
            let text = e.render().to_string();
            if is_help(&e) {
                cx.out.write_all(text.as_bytes())?;
                cx.out.flush()?;
                return Ok(Code::Done);
            }
            wrong_words(&text, cx.err)?;
            return Ok(Code::Usage);
        }
    };
    let done = match cli.command {
        Some(Command::Desk(command)) => {
            cx.json = cli.json;
            command.run(cx)
        }
        _ => Err(Failure::Usage("that works only on the server itself; see --help for the commands".to_owned())),
    };
    let done = done.and(cx.out.flush().map_err(Failure::from));
    match done {
        Ok(()) => Ok(Code::Done),
        Err(failure) => {
            failure.report(cx.err)?;
            Ok(failure.code())
        }
    }
}

fn is_help(error: &clap::Error) -> bool {
    matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
}

fn wrong_words(text: &str, err: &mut dyn io::Write) -> io::Result<()> {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    write!(err, "clowder: {}", failure::printable(text))
}

/// Help on standard output; wrong words on standard error, in the form of every other error.
fn explain(error: &clap::Error) -> ExitCode {
    let help = is_help(error);
    if help || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
    } else {
        let _ = wrong_words(&error.render().to_string(), &mut io::stderr());
    }
    ExitCode::from(if help { Code::Done } else { Code::Usage } as u8)
}

/// Prints the key tables; they come from the table that the screens themselves go by.
fn keys() -> Result<(), Failure> {
    Ok(io::stdout().write_all(crate::ui::keys::markdown().as_bytes())?)
}

/// What `open-probe` does: the answer is on standard output and in the exit code.
fn probe(dir: &std::path::Path) -> ExitCode {
    match crate::store::probe(dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = writeln!(io::stdout(), "{why}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_words_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_command_takes_the_name_of_what_all_have() {
        use clap::CommandFactory as _;
        fn walk(command: &clap::Command, global: &[String]) {
            for arg in command.get_arguments().filter(|a| !a.is_global_set()) {
                assert!(!global.contains(&arg.get_id().to_string()), "{}: {}", command.get_name(), arg.get_id());
            }
            command.get_subcommands().for_each(|c| walk(c, global));
        }
        let root = super::Cli::command();
        let global: Vec<String> =
            root.get_arguments().filter(|a| a.is_global_set()).map(|a| a.get_id().to_string()).collect();
        assert!(global.contains(&"key".to_owned()));
        root.get_subcommands().for_each(|c| walk(c, &global));
    }
}
