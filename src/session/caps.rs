//! What a session's terminal can do.

/// The largest screen that is drawn; what lies beyond stays empty.
pub const SIZE_MAX: (u16, u16) = (300, 100);
/// The size taken when the terminal does not tell.
pub const SIZE_UNKNOWN: (u16, u16) = (80, 24);

/// How many colours there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colour {
    /// None: only bold, underline and reverse.
    None,
    /// The sixteen of the console.
    Ansi,
    /// The 256 of xterm.
    Indexed,
    /// Any.
    True,
}

/// Which characters the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Glyphs {
    /// ASCII only.
    Ascii,
    /// Letters, and the few symbols in the font of the Linux console.
    Console,
    /// Whatever Unicode has.
    Full,
}

/// The capabilities of one session's terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caps {
    /// Columns and rows, clamped.
    pub size: (u16, u16),
    /// Colours.
    pub colour: Colour,
    /// Characters.
    pub glyphs: Glyphs,
    /// Whether it has an alternate screen; the Linux console has none.
    pub alternate: bool,
    /// The byte of its Backspace key, when the door knows it.
    pub verase: Option<u8>,
}

impl Caps {
    /// Reads them from the environment of the person's terminal, which a door may have been sent.
    ///
    /// # Errors
    /// One line for the person, when the terminal cannot show screens at all.
    pub fn from_env(size: (u32, u32), env: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let var = |name: &str| env(name).filter(|v| !v.is_empty());
        let term = var("TERM").unwrap_or_default();
        if term.is_empty() || term == "dumb" {
            let shown = if term.is_empty() { "no TERM" } else { "TERM=dumb" };
            return Err(format!(
                "this terminal cannot show screens ({shown}); the commands work without: clowder --help"
            ));
        }
        let utf8 = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| var(name))
            .is_some_and(|v| v.to_ascii_lowercase().replace('-', "").contains("utf8"));
        let console = term == "linux";
        let direct = var("COLORTERM").is_some_and(|v| v == "truecolor" || v == "24bit") || term.ends_with("-direct");
        let colour = if var("NO_COLOR").is_some() || term.starts_with("vt") {
            Colour::None
        } else if console {
            Colour::Ansi
        } else if direct {
            Colour::True
        } else if term.contains("256") {
            Colour::Indexed
        } else {
            Colour::Ansi
        };
        let glyphs = match (utf8, console) {
            (false, _) => Glyphs::Ascii,
            (true, true) => Glyphs::Console,
            (true, false) => Glyphs::Full,
        };
        Ok(Self { size: clamp(size), colour, glyphs, alternate: !console, verase: None })
    }
}

/// A reported size as it is drawn: nothing means [`SIZE_UNKNOWN`], too much is cut at [`SIZE_MAX`]. Taken as
/// `u32`, as the protocols have it, so that no cast wraps round.
pub fn clamp((columns, rows): (u32, u32)) -> (u16, u16) {
    if columns == 0 || rows == 0 {
        return SIZE_UNKNOWN;
    }
    let cut = |n: u32, most: u16| n.min(most.into()) as u16;
    (cut(columns, SIZE_MAX.0), cut(rows, SIZE_MAX.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(vars: &[(&str, &str)]) -> Result<Caps, String> {
        Caps::from_env((80, 24), |name| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn the_environment_tells_colours_and_glyphs() {
        let of = |vars: &[(&str, &str)]| caps(vars).map(|c| (c.colour, c.glyphs, c.alternate)).unwrap();
        let utf8 = ("LANG", "en_US.UTF-8");
        assert_eq!(of(&[("TERM", "xterm-256color"), utf8]), (Colour::Indexed, Glyphs::Full, true));
        assert_eq!(of(&[("TERM", "xterm"), ("COLORTERM", "truecolor"), utf8]), (Colour::True, Glyphs::Full, true));
        assert_eq!(of(&[("TERM", "linux"), utf8]), (Colour::Ansi, Glyphs::Console, false));
        assert_eq!(of(&[("TERM", "xterm"), ("LANG", "C")]), (Colour::Ansi, Glyphs::Ascii, true));
        assert_eq!(of(&[("TERM", "xterm"), ("NO_COLOR", "1"), utf8]), (Colour::None, Glyphs::Full, true));
        assert_eq!(of(&[("TERM", "xterm"), ("NO_COLOR", ""), utf8]), (Colour::Ansi, Glyphs::Full, true));
        assert_eq!(of(&[("TERM", "xterm"), ("LC_ALL", "C"), utf8]).1, Glyphs::Ascii);
    }

    #[test]
    fn a_terminal_without_screens_is_refused() {
        assert!(caps(&[]).unwrap_err().contains("no TERM"));
        assert!(caps(&[("TERM", "dumb")]).unwrap_err().contains("TERM=dumb"));
    }

    #[test]
    fn sizes_are_clamped() {
        assert_eq!(clamp((0, 0)), (80, 24));
        assert_eq!(clamp((0, 30)), (80, 24));
        assert_eq!(clamp((1, 1)), (1, 1));
        assert_eq!(clamp((u32::MAX, 65_536)), SIZE_MAX);
    }
}
