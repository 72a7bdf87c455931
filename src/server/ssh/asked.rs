//! What a client asked for on a channel before it says what to run: a terminal, and a few variables.

use russh::Pty;

use crate::session::caps::Caps;

/// Which variables of the client count.
const NAMES: [&str; 6] = ["LANG", "LC_ALL", "LC_CTYPE", "NO_COLOR", "COLORTERM", "LANGUAGE"];
/// The longest value of one, in bytes.
const VALUE_MAX: usize = 128;

/// A terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    /// Its TERM.
    pub term: String,
    /// Columns and rows, as told.
    pub size: (u32, u32),
    verase: Option<u8>,
    utf8: bool,
}

/// What a client asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// A terminal, if it did.
    pub terminal: Option<Terminal>,
    env: Vec<(&'static str, String)>,
}

impl Asked {
    /// Takes a variable; false when it does not count.
    pub fn set(&mut self, name: &str, value: &str) -> bool {
        let Some(name) = NAMES.into_iter().find(|n| *n == name).filter(|_| value.len() <= VALUE_MAX) else {
            return false;
        };
        self.env.retain(|(n, _)| *n != name);
        self.env.push((name, value.to_owned()));
        true
    }

    /// Takes a terminal.
    pub fn set_terminal(&mut self, term: &str, size: (u32, u32), modes: &[(Pty, u32)]) {
        let mode = |wanted: Pty| modes.iter().find(|(mode, _)| *mode == wanted).map(|(_, value)| *value);
        self.terminal = Some(Terminal {
            term: term.chars().take(VALUE_MAX).collect(),
            size,
            verase: mode(Pty::VERASE).and_then(|v| u8::try_from(v).ok()).filter(|v| *v != 0 && *v != u8::MAX),
            utf8: mode(Pty::IUTF8) == Some(1),
        });
    }

    /// What the terminal can do.
    ///
    /// # Errors
    /// One line for the person.
    pub fn caps(&self) -> Result<Caps, String> {
        let Some(terminal) = &self.terminal else {
            return Err("the screens need a terminal: ssh -t …, or say what to do: ssh … cats list".to_owned());
        };
        let sent = |name: &str| self.env.iter().find(|(n, _)| *n == name).map(|(_, value)| value.clone());
        let says_language = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(sent).any(|value| !value.is_empty());
        let mut caps = Caps::from_env(terminal.size, |name| match name {
            "TERM" => Some(terminal.term.clone()),
            // The client's own terminal knows, even where it sends no variables.
            "LANG" if terminal.utf8 && !says_language => Some("C.UTF-8".to_owned()),
            _ => sent(name),
        })?;
        caps.verase = terminal.verase;
        Ok(caps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::caps::{Colour, Glyphs, SIZE_MAX, SIZE_UNKNOWN};

    fn asked(term: &str, size: (u32, u32), modes: &[(Pty, u32)], env: &[(&str, &str)]) -> Asked {
        let mut asked = Asked::default();
        asked.set_terminal(term, size, modes);
        for (name, value) in env {
            asked.set(name, value);
        }
        asked
    }

    #[test]
    fn the_line_discipline_says_what_variables_do_not() {
        let utf8 = [(Pty::IUTF8, 1), (Pty::VERASE, 8)];
        let caps = asked("xterm-256color", (80, 24), &utf8, &[]).caps().unwrap();
        assert_eq!((caps.glyphs, caps.colour, caps.verase), (Glyphs::Full, Colour::Indexed, Some(8)));
        assert_eq!(asked("xterm", (80, 24), &utf8, &[("LANG", "C")]).caps().unwrap().glyphs, Glyphs::Ascii);
        assert_eq!(asked("xterm", (80, 24), &[], &[]).caps().unwrap().glyphs, Glyphs::Ascii);
        assert_eq!(asked("linux", (80, 24), &[], &[("LANG", "de_DE.UTF-8")]).caps().unwrap().glyphs, Glyphs::Console);
        assert_eq!(asked("xterm", (80, 24), &[], &[("NO_COLOR", "1")]).caps().unwrap().colour, Colour::None);
        assert_eq!(asked("xterm", (80, 24), &[(Pty::VERASE, 255)], &[]).caps().unwrap().verase, None);
    }

    #[test]
    fn sizes_from_nothing_to_absurd_are_clamped() {
        for (told, drawn) in
            [((0, 0), SIZE_UNKNOWN), ((1, 1), (1, 1)), ((65_536, 65_536), SIZE_MAX), ((u32::MAX, 1), (SIZE_MAX.0, 1))]
        {
            assert_eq!(asked("xterm", told, &[], &[]).caps().unwrap().size, drawn);
        }
    }

    #[test]
    fn without_a_fit_terminal_one_line_says_what_to_do() {
        assert!(Asked::default().caps().unwrap_err().contains("cats list"));
        assert!(asked("dumb", (80, 24), &[], &[]).caps().unwrap_err().contains("TERM=dumb"));
        assert!(asked("", (80, 24), &[], &[]).caps().unwrap_err().contains("no TERM"));
    }

    #[test]
    fn other_variables_and_long_ones_are_left_out() {
        let mut asked = Asked::default();
        assert!(!asked.set("LD_PRELOAD", "x"));
        assert!(!asked.set("LANG", &"x".repeat(200)));
        assert!(asked.set("LANG", "C"));
        assert!(asked.set("LANG", "C.UTF-8"));
        assert_eq!(asked.env.len(), 1);
    }
}
