//! The words of a command that came through a door: the same commands, without what only makes sense on the machine
//! itself.

use std::{
    ffi::OsString,
    panic::{AssertUnwindSafe, catch_unwind},
};

use clap::{
    CommandFactory as _, Parser,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{Code, Context, DeskCommand, failure, key};

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

/// The command that was meant, when it is one that is not for doors.
fn only_there(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    super::Cli::command().find_subcommand(word).filter(|c| !c.is_hide_set()).map(|_| word.clone())
}

impl Words {
    /// Understands words; the program's own name is not among them.
    ///
    /// # Errors
    /// What to say instead.
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Self, Said> {
        let words = std::iter::once(OsString::from("clowder")).chain(key::understood(words.into_iter().collect()));
        Line::try_parse_from(words).map(Self).map_err(|e| {
            let text = e.render().to_string();
            match e.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Said { text, code: Code::Done },
                ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Said { text, code: Code::Usage },
                _ => {
                    let text = match only_there(&e) {
                        Some(word) => format!("{word:?} works only on the server itself, in a shell there; see --help for what does here\n"),
                        None => text,
                    };
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
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;
    use proptest::prelude::*;

    /// What the longest help comes to, in bytes.
    const SAID_MAX: usize = 32 * 1024;

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
        for word in ["demo", "doctor", "keys", "restore", "serve"] {
            let said = parse(&format!("{word} --yes")).unwrap_err().text;
            assert!(said.starts_with(&format!("clowder: \"{word}\" works only on the server itself")), "{said}");
        }
        assert!(parse("restor").unwrap_err().text.contains("unrecognized subcommand"));
        let help = parse("--help").unwrap_err();
        assert!(help.code == Code::Done && help.text.contains("Exit codes"));
    }

    #[test]
    fn the_data_key_can_be_named_as_data() {
        for line in ["key rotate --data", "key rotate --data --yes", "key rotate --yes --data"] {
            assert!(parse(line).is_ok(), "{line}");
        }
        for line in ["key rotate --data /tmp", "key status --data"] {
            assert_eq!(parse(line).unwrap_err().code, Code::Usage, "{line}");
        }
        let all = |line: &str| key::understood(line.split(' ').map(OsString::from).collect()).join(" ".as_ref());
        assert_eq!(all("clowder key rotate --data"), "clowder key rotate --everything");
        assert_eq!(all("clowder --data /srv key rotate --data"), "clowder --data /srv key rotate --everything");
        assert_eq!(all("clowder key rotate --data /srv"), "clowder key rotate --data /srv");
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

    /// Every word that means something somewhere.
    fn known() -> Vec<String> {
        let mut known = Vec::new();
        let mut commands = vec![Line::command()];
        while let Some(command) = commands.pop() {
            known.push(command.get_name().to_owned());
            known.extend(command.get_arguments().filter_map(|a| Some(format!("--{}", a.get_long()?))));
            commands.extend(command.get_subcommands().cloned());
        }
        known.sort();
        known.dedup();
        known
    }

    fn word() -> impl Strategy<Value = OsString> {
        let known = prop::sample::select(known());
        let value = prop::sample::select(vec!["1", "0", "-1", "-", "--", "", "4294967296", "available", "yes", "@"]);
        prop_oneof![
            6 => known.clone().prop_map(OsString::from),
            2 => value.prop_map(OsString::from),
            1 => (known, any::<String>()).prop_map(|(word, value)| format!("{word}={value}").into()),
            1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(OsString::from_vec),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn any_words_are_a_command_or_are_refused_without_harm(words in prop::collection::vec(word(), 0..10)) {
            let understood = |words: &[OsString]| {
                Words::parse(words.to_vec()).map(|w| (w.json(), w.reads_input())).map_err(|s| (s.text, s.code))
            };
            let once = understood(&words);
            prop_assert_eq!(&understood(&words), &once);
            if let Err((text, code)) = once {
                prop_assert!(matches!(code, Code::Done | Code::Usage));
                let given: usize = words.iter().map(|w| w.len()).sum();
                prop_assert!(!text.is_empty() && text.len() <= SAID_MAX + 16 * given, "{} bytes", text.len());
                prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
            }
        }
    }
}
