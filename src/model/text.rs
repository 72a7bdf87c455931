//! Text as it is stored, compared and searched.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// How many combining marks a character may carry; real scripts stay below.
const MARKS: usize = 4;

/// Whether a character could disturb a terminal or hide text: control characters, line and
/// paragraph separators, directional overrides and isolates, invisible format characters.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}'
            | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}')
}

/// Text for one line: unsafe characters removed, runs of blanks folded into one, trimmed, composed (NFC),
/// no more than a few combining marks on one character.
pub fn clean_line(s: &str) -> String {
    let spaced: String = s.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    clean(&spaced).split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Text of several lines: the same, but line ends are kept (as `\n`), three empty lines at most in a row.
pub fn clean_text(s: &str) -> String {
    let lines: Vec<String> = s.replace("\r\n", "\n").replace('\r', "\n").split('\n').map(clean_line).collect();
    let mut out = String::with_capacity(s.len());
    let mut empty = 0;
    for line in lines {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty <= 3 {
            out.push_str(&line);
            out.push('\n');
        }
    }
    out.trim().to_owned()
}

fn clean(s: &str) -> String {
    let mut marks = 0;
    s.nfc()
        .filter(|&c| {
            marks = if is_combining_mark(c) { marks + 1 } else { 0 };
            !is_unsafe(c) && marks <= MARKS
        })
        .collect()
}

/// The form in which texts are compared and searched: accents and case removed, blanks folded.
pub fn fold(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    let mut push = |c: char| match c {
        'ß' => out.push_str("ss"),
        'ø' => out.push('o'),
        'ł' => out.push('l'),
        'æ' => out.push_str("ae"),
        'đ' => out.push('d'),
        c if c.is_whitespace() => {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        }
        c if is_unsafe(c) || is_combining_mark(c) => {}
        c => out.push(c),
    };
    if s.is_ascii() {
        // Most of what shelters write; ten times faster, which is felt when the whole catalog is built.
        s.bytes().for_each(|b| push(char::from(b.to_ascii_lowercase())));
    } else {
        s.chars().flat_map(char::to_lowercase).nfkd().flat_map(char::to_lowercase).for_each(push);
    }
    out.truncate(out.trim_end().len());
    out
}

/// The text for a fuzzy matcher, which knows only some accents: folded where it is not ASCII and where that keeps
/// every character in its place, so that what matched can be shown.
pub fn unaccented(s: &str) -> Cow<'_, str> {
    if s.is_ascii() {
        return s.into();
    }
    let folded = fold(s);
    if folded.chars().count() == s.chars().count() { folded.into() } else { s.into() }
}

/// The words of a folded text: runs of letters and digits.
pub fn words(folded: &str) -> impl Iterator<Item = &str> {
    folded.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_characters_go_and_real_scripts_stay() {
        assert_eq!(clean_line("  Mi\u{1b}[31mso\t\u{202e}x \u{200b} "), "Mi[31mso x");
        assert_eq!(clean_line("三毛猫 é e\u{301}"), "三毛猫 é é");
        assert_eq!(clean_line(&format!("z{}", "\u{335}".repeat(5_000))).chars().count(), 1 + MARKS);
    }

    #[test]
    fn lines_survive_in_long_text() {
        assert_eq!(clean_text(" a \r\nb\u{7}\r\n\r\n\r\n\r\n\r\n\r\nc\n"), "a\nb\n\n\n\nc");
    }

    #[test]
    fn folding_makes_spellings_equal() {
        assert_eq!(fold("  Élodie  GROẞE Øre "), "elodie grosse ore");
        assert_eq!(fold("ＭＩＳＯ"), "miso");
        assert_eq!(fold("Grey\nand\u{2028}é\u{7}white"), "grey and ewhite");
        assert_eq!(["Miso", "Ōkami", "Groß"].map(unaccented), ["Miso", "okami", "Groß"]);
        assert_eq!(words("a0-12, grey/white").collect::<Vec<_>>(), ["a0", "12", "grey", "white"]);
    }
}
