//! Keys, and what a screen binds to them.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::Command;

/// A key with its modifiers. Shift counts only where it does not make another character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

impl Key {
    /// A character.
    pub const fn ch(c: char) -> Self {
        Self::code(KeyCode::Char(c))
    }

    /// Ctrl and a character.
    pub const fn ctrl(c: char) -> Self {
        Self { code: KeyCode::Char(c), modifiers: KeyModifiers::CONTROL }
    }

    /// A key that is no character.
    pub const fn code(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::NONE }
    }

    /// Whether it is a digit.
    pub const fn is_digit(&self) -> bool {
        matches!(self.code, KeyCode::Char('0'..='9')) && self.modifiers.is_empty()
    }

    /// Whether it is a character as it is typed.
    pub const fn is_character(&self) -> bool {
        matches!(self.code, KeyCode::Char(_)) && self.modifiers.is_empty()
    }

    /// The key of an event.
    pub fn of(event: &KeyEvent) -> Self {
        let modifiers = match event.code {
            KeyCode::Char(_) | KeyCode::BackTab => event.modifiers - KeyModifiers::SHIFT,
            _ => event.modifiers,
        };
        Self { code: event.code, modifiers }
    }
}

/// Enter.
pub const ENTER: Key = Key::code(KeyCode::Enter);
/// Escape.
pub const ESC: Key = Key::code(KeyCode::Esc);
/// Tab.
pub const TAB: Key = Key::code(KeyCode::Tab);
/// Shift and Tab.
pub const BACK_TAB: Key = Key::code(KeyCode::BackTab);
/// Arrow up.
pub const UP: Key = Key::code(KeyCode::Up);
/// Arrow down.
pub const DOWN: Key = Key::code(KeyCode::Down);
/// Delete.
pub const DELETE: Key = Key::code(KeyCode::Delete);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            f.write_str("Ctrl-")?;
        }
        if self.modifiers.contains(KeyModifiers::ALT) {
            f.write_str("Alt-")?;
        }
        if self.modifiers.contains(KeyModifiers::SHIFT) {
            f.write_str("Shift-")?;
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("Space"),
            KeyCode::Char(c) if self.modifiers.is_empty() => write!(f, "{c}"),
            KeyCode::Char(c) => write!(f, "{}", c.to_ascii_uppercase()),
            KeyCode::F(n) => write!(f, "F{n}"),
            KeyCode::Up => f.write_str("↑"),
            KeyCode::Down => f.write_str("↓"),
            KeyCode::Left => f.write_str("←"),
            KeyCode::Right => f.write_str("→"),
            KeyCode::PageUp => f.write_str("PgUp"),
            KeyCode::PageDown => f.write_str("PgDn"),
            KeyCode::BackTab => f.write_str("Shift-Tab"),
            KeyCode::Delete => f.write_str("Del"),
            code => write!(f, "{code:?}"),
        }
    }
}

/// Keys that run a command on a screen.
#[derive(Debug, Clone, Copy)]
pub struct Bind {
    /// The keys; the first one is the one that the footer names.
    pub keys: &'static [Key],
    /// The command.
    pub command: Command,
    /// Whether the footer names it.
    pub footer: bool,
}

/// Binds keys to a command, named in the footer.
pub const fn bind(keys: &'static [Key], command: Command) -> Bind {
    Bind { keys, command, footer: true }
}

impl Bind {
    /// Leaves it out of the footer; the help has it.
    pub const fn quiet(self) -> Self {
        Self { footer: false, ..self }
    }

    /// The key to name: the first one, or while something is typed the first that is no character.
    pub fn shown(&self, typing: bool) -> Option<Key> {
        let is_plain = |k: &Key| matches!(k.code, KeyCode::Char(_)) && k.modifiers.is_empty();
        self.keys.iter().find(|k| !typing || !is_plain(k)).copied()
    }

    /// Every key, one after the other.
    pub fn keys_text(&self) -> String {
        self.keys.iter().map(Key::to_string).collect::<Vec<_>>().join(" ")
    }
}

/// The keys that work wherever a screen has not taken them.
pub const GLOBAL: &[Bind] = &[
    bind(&[ESC, Key::ch('q')], Command::Back).quiet(),
    bind(&[Key::ch('?'), Key::code(KeyCode::F(1))], Command::Help),
    bind(&[Key::ch(':'), Key::ctrl('p')], Command::Palette),
    bind(&[Key::ch('u')], Command::Undo).quiet(),
    bind(&[Key::ch('1')], Command::GoHome).quiet(),
    bind(&[Key::ch('2')], Command::GoCats).quiet(),
    bind(&[Key::ch('3')], Command::GoRequests).quiet(),
    bind(&[Key::ch('4')], Command::GoTriage).quiet(),
    bind(&[Key::ch('5')], Command::GoUsers).quiet(),
    bind(&[Key::ch('6')], Command::GoBreeds).quiet(),
    bind(&[Key::ch('7')], Command::GoHealth).quiet(),
    bind(&[Key::ch('8')], Command::GoAudit).quiet(),
    bind(&[Key::ch('9')], Command::GoProfile).quiet(),
    bind(&[Key::ch('0')], Command::GoCheck).quiet(),
    bind(&[Key::ch('W')], Command::GoSessions).quiet(),
    bind(&[Key::ctrl('l')], Command::Redraw).quiet(),
    bind(&[], Command::SignOut).quiet(),
    bind(&[Key::ctrl('q'), Key::ctrl('c')], Command::Quit).quiet(),
];

/// Moving about, the same in every list and on every long page.
pub const MOTIONS: &[Bind] = &[
    bind(&[UP, Key::ch('k')], Command::Up).quiet(),
    bind(&[DOWN, Key::ch('j')], Command::Down).quiet(),
    bind(&[Key::code(KeyCode::PageUp), Key::ctrl('b')], Command::PageUp).quiet(),
    bind(&[Key::code(KeyCode::PageDown), Key::ctrl('f')], Command::PageDown).quiet(),
    bind(&[Key::ch('g'), Key::code(KeyCode::Home)], Command::First).quiet(),
    bind(&[Key::ch('G'), Key::code(KeyCode::End)], Command::Last).quiet(),
];

/// The key table of every screen in Markdown, for the README.
pub fn markdown() -> String {
    let mut out = String::new();
    let named = |bind: &Bind| bind.keys.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(" ");
    for (title, binds) in [("everywhere", GLOBAL), ("in lists and on pages", MOTIONS)] {
        out.push_str(&format!("| {title} | |\n|---|---|\n"));
        for bind in binds.iter().filter(|b| !b.keys.is_empty()) {
            out.push_str(&format!("| {} | {} |\n", named(bind), bind.command.help()));
        }
        out.push('\n');
    }
    out.push_str("| on this screen | these as well |\n|---|---|\n");
    for (title, binds) in super::screens::KEYS {
        let keys: Vec<String> = binds.iter().map(|b| format!("{} {}", named(b), b.command.help())).collect();
        out.push_str(&format!("| {title} | {} |\n", keys.join("; ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_screen_binds_a_key_twice() {
        for (title, binds) in std::iter::once(("Everywhere", GLOBAL)).chain(crate::ui::screens::KEYS.iter().copied()) {
            let mut seen: Vec<Key> = Vec::new();
            for key in MOTIONS.iter().chain(binds).flat_map(|b| b.keys) {
                assert!(!seen.contains(key), "{title}: {key} twice");
                seen.push(*key);
            }
        }
    }

    #[test]
    fn the_readme_has_the_keys_as_they_are() {
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&markdown()), "put what `clowder keys` prints into README.md:\n{}", markdown());
    }

    #[test]
    fn command_names_are_unique() {
        let mut names: Vec<&str> = Command::ALL.iter().map(|c| c.slug()).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|w| w[0] != w[1]));
    }

    #[test]
    fn keys_have_names() {
        let names: Vec<String> =
            [Key::ctrl('s'), ENTER, UP, Key::ch('a'), Key::ch(' '), BACK_TAB, Key::code(KeyCode::F(1))]
                .iter()
                .map(Key::to_string)
                .collect();
        assert_eq!(names, ["Ctrl-S", "Enter", "↑", "a", "Space", "Shift-Tab", "F1"]);
    }
}
