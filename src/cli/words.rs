//! The words of a command that came through a door: the same commands, without what only makes sense on the machine
//! itself.

use std::{
    ffi::OsString,
    panic::{AssertUnwindSafe, catch_unwind},
};

use clap::{Parser, error::ErrorKind};

use super::{Code, Context, DeskCommand, failure};

/// A keyboard-driven adoption desk for cat shelters.
#[derive(Debug, Parser)]
#[command(name = "clowder", version, after_help = failure::EXIT_CODES)]
struct Line {
    /// Results as JSON, for scripts
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: DeskCommand,
}

/// A command, understood.
#[derive(Debug)]
pub struct Words(Line);

/// What is said instead of running something: help, or what is wrong with the words.
#[derive(Debug)]
pub struct Said {
    /// What is said.
    pub text: String,
    /// [`Code::Done`] for help, which goes to standard output; everything else goes to standard error.
    pub code: Code,
}

impl Words {
    /// Understands words; the program's own name is not among them.
    ///
    /// # Errors
    /// What to say instead.
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Self, Said> {
        let words = std::iter::once(OsString::from("clowder")).chain(words);
        Line::try_parse_from(words).map(Self).map_err(|e| {
            let text = e.render().to_string();
            match e.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Said { text, code: Code::Done },
                ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Said { text, code: Code::Usage },
                _ => {
                    let text = text.strip_prefix("error: ").unwrap_or(&text);
                    Said { text: format!("clowder: {}", failure::printable(text)), code: Code::Usage }
                }
            }
        })
    }

    /// Whether results are for a script.
    pub const fn json(&self) -> bool {
        self.0.json
    }

    /// Whether it takes standard input: of every other command the input need not be kept.
    pub fn reads_input(&self) -> bool {
        self.0.command.reads_input()
    }

    /// Runs it and reports what goes wrong; answers how it ended. A panic ends this command alone.
    pub fn run(self, cx: &mut Context<'_>) -> Code {
        let done = catch_unwind(AssertUnwindSafe(|| {
            let done = self.0.command.run(cx);
            let flushed = cx.out.flush().map_err(super::Failure::from);
            done.and(flushed)
        }));
        let failure = match done {
            Ok(Ok(())) => return Code::Done,
            Ok(Err(failure)) => failure,
            Err(_) => super::Failure::Failed("a fault in the program ended this command".to_owned()),
        };
        // Where even standard error is gone, the exit code has to do.
        let _ = failure.report(cx.err);
        failure.code()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn parse(line: &str) -> Result<Words, Said> {
        Words::parse(line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_words_are_sound() {
        Line::command().debug_assert();
    }

    #[test]
    fn only_what_makes_sense_from_elsewhere_is_there() {
        assert!(parse("cats list --json").unwrap().json());
        for line in ["demo", "open-probe /tmp", "keys", "cats list --data /tmp", "serve"] {
            assert_eq!(parse(line).unwrap_err().code, Code::Usage, "{line}");
        }
        let help = parse("--help").unwrap_err();
        assert!(help.code == Code::Done && help.text.contains("Exit codes"));
    }

    #[test]
    fn commands_that_read_are_told_apart() {
        for (line, reads) in [
            ("cats list", false),
            ("import - --profile clowder", true),
            ("import x.csv --profile clowder", false),
            ("users password ana --password-stdin", true),
            ("users add ana --password-stdin", true),
            ("users add ana --no-password", false),
            ("users key add ana -", true),
            ("export", false),
        ] {
            assert_eq!(parse(line).unwrap().reads_input(), reads, "{line}");
        }
    }
}
