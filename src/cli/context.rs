//! What a command works with: the desk, who asks, and the streams. Commands never touch the process's own
//! terminal, so that the same words can come through any door.

use std::io::{self, BufRead, Read as _, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use zeroize::Zeroizing;

use super::{Failure, Show, json};
use crate::desk::Desk;
use crate::model::{Actor, CommitNo, Error, limits};
use crate::session::registry::Seat;
use crate::store::PASSPHRASE_MIN;

/// How many rows are looked up and written at once.
pub const PAGE: usize = 256;

/// How much of a line that is piped in as a password is read, in bytes; a password is shorter.
const LONGEST_LINE: usize = 4096;

/// What somebody is to think up.
pub struct NewSecret {
    /// What it is called.
    pub name: &'static str,
    /// How many characters it has at least.
    pub shortest: usize,
}

impl NewSecret {
    /// Of an account.
    pub const PASSWORD: Self = Self { name: "password", shortest: limits::PASSWORD_MIN };
    /// Of the store.
    pub const PASSPHRASE: Self = Self { name: "passphrase", shortest: PASSPHRASE_MIN };
}

/// Somebody in front who can answer questions.
pub trait Person {
    /// Asks a question that is answered with yes or no; anything but yes is no.
    ///
    /// # Errors
    /// When the terminal fails.
    fn confirm(&mut self, question: &str) -> io::Result<bool>;

    /// Asks for a password without showing it.
    ///
    /// # Errors
    /// When the terminal fails.
    fn secret(&mut self, prompt: &str) -> io::Result<Zeroizing<String>>;
}

/// What a command works with.
pub struct Context<'a> {
    /// The desk.
    pub desk: &'a Desk,
    /// Who asks.
    pub actor: &'a Actor,
    /// Its place among the sessions of the process that serves it; `None` where nobody else is served.
    pub seat: Option<Seat>,
    /// Results.
    pub out: &'a mut (dyn Write + Send),
    /// Messages, and progress in lines.
    pub err: &'a mut (dyn Write + Send),
    /// What is piped in.
    pub input: &'a mut dyn BufRead,
    /// Whoever can be asked; `None` in a script.
    pub person: Option<&'a mut dyn Person>,
    /// Results are for a script.
    pub json: bool,
    /// The width of the terminal that `out` is; `None` for pipes and files.
    pub width: Option<usize>,
    /// How progress is shown.
    pub progress: Show,
    /// Whether paths name files of whoever asks: not so for somebody who came in over a network.
    pub files: bool,
    /// Where relative paths start; empty for the process's own directory.
    pub directory: &'a Path,
    /// Set when the command shall break off.
    pub cancel: &'a AtomicBool,
}

impl Context<'_> {
    /// Prints one value for a script.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn print_json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        json::write(self.out, value)?;
        writeln!(self.out)?;
        Ok(())
    }

    /// Prints the records of a list for a script. `one` looks up and writes each, so that no more than one is held at
    /// a time; those that somebody deleted since the list was made are left out.
    ///
    /// # Errors
    /// Those of `one`, or when the output cannot be written.
    pub fn print_each<T>(
        &mut self,
        list: impl IntoIterator<Item = T>,
        one: impl Fn(T, &mut Vec<u8>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut array = json::Array::open(self.out)?;
        let mut written = Vec::new();
        for item in list {
            written.clear();
            match one(item, &mut written) {
                Err(Failure::Desk(Error::NotFound { .. })) => continue,
                other => other?,
            }
            array.next(self.out)?;
            self.out.write_all(&written)?;
        }
        Ok(array.close(self.out)?)
    }

    /// Prints what was done, with the commit to undo it by: a sentence, or an object for a script.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn print_done(&mut self, message: &str, commit: Option<CommitNo>) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Done<'a> {
            message: &'a str,
            commit: Option<u64>,
        }
        if self.json {
            return self.print_json(&Done { message, commit: commit.map(|c| c.0) });
        }
        self.say(message)
    }

    /// Says that something was changed, with the commit to undo it by; without a commit it was like that before.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn say_changed(&mut self, name: &str, commit: Option<CommitNo>) -> Result<(), Failure> {
        match commit {
            Some(commit) => self.say(&format!("Changed {name} (change {commit}).")),
            None => self.say(&format!("{name} is like that already.")),
        }
    }

    /// Prints what would be done and what would follow from it.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn print_preview(&mut self, sentence: &str, consequences: &[String]) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Preview<'a> {
            preview: &'a str,
            consequences: &'a [String],
        }
        if self.json {
            return self.print_json(&Preview { preview: sentence, consequences });
        }
        self.say(sentence)?;
        consequences.iter().try_for_each(|sentence| self.say(sentence))
    }

    /// Prints a sentence among the results.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn say(&mut self, message: &str) -> Result<(), Failure> {
        writeln!(self.out, "{}", super::failure::printable(message))?;
        Ok(())
    }

    /// Prints a sentence beside the results.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&mut self, message: &str) -> Result<(), Failure> {
        // On a terminal both go to the same place, in this order.
        self.out.flush()?;
        writeln!(self.err, "{}", super::failure::printable(message))?;
        Ok(())
    }

    /// Asks before something is destroyed.
    ///
    /// # Errors
    /// `Usage` when nobody can be asked and `--yes` was not given, `Declined` when the answer is no.
    pub fn confirm(&mut self, yes: bool, what: &str) -> Result<(), Failure> {
        if yes {
            return Ok(());
        }
        let Some(person) = &mut self.person else {
            return Err(Failure::Usage(format!("{what} Nobody can be asked here: add --yes to do it")));
        };
        if person.confirm(&super::failure::printable(&format!("{what} Go on? [y/N] ")))? {
            Ok(())
        } else {
            Err(Failure::Declined)
        }
    }

    /// A new password or passphrase: one line of the input, or asked for twice. `None` when nobody can be asked.
    ///
    /// # Errors
    /// When the input cannot be read, or the two do not agree.
    pub fn new_secret(&mut self, what: NewSecret, from_input: bool) -> Result<Option<Zeroizing<String>>, Failure> {
        if from_input {
            // What is longer is refused; with room for all of it no part is left behind where the text has moved from.
            let mut line = Zeroizing::new(String::with_capacity(LONGEST_LINE));
            let mut input = (&mut *self.input).take(LONGEST_LINE as u64);
            input.read_line(&mut line).map_err(|e| Failure::Failed(format!("standard input: {e}")))?;
            let end = line.trim_end_matches(['\r', '\n']).len();
            line.truncate(end);
            return Ok(Some(line));
        }
        let Some(person) = &mut self.person else { return Ok(None) };
        let NewSecret { name, shortest } = what;
        let first = person.secret(&format!("New {name} (at least {shortest} characters): "))?;
        let second = person.secret("The same again: ")?;
        if *first != *second {
            return Err(Error::invalid(name, "the two were not the same").into());
        }
        Ok(Some(first))
    }
}
