//! What a cell may hold on its way to the terminal: nothing that moves the cursor or hides, no endless
//! piles of marks, and only characters that the terminal can show.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::caps::Glyphs;
use crate::model::text::is_unsafe;

/// The longest character with its marks, in bytes; a flag or a family fits.
const LONGEST: usize = 32;

/// The cell's text as the terminal gets it. The width stays what it was.
pub fn show(symbol: &str, glyphs: Glyphs) -> Cow<'_, str> {
    if let [byte] = symbol.as_bytes() {
        return if (0x20..0x7f).contains(byte) { symbol.into() } else { " ".into() };
    }
    let width = symbol.width();
    let blank = || Cow::Borrowed(if width >= 2 { "  " } else { " " });
    // A zero-width joiner is fine inside (it makes one picture of several), never by itself.
    if symbol.chars().any(is_unsafe) || symbol.chars().next().is_none_or(|c| c.width().unwrap_or(0) == 0) {
        let clean: String = symbol.chars().filter(|c| !is_unsafe(*c) && c.width() != Some(0)).collect();
        return if clean.width() == width && clean.len() <= LONGEST && !clean.is_empty() {
            show(&clean, glyphs).into_owned().into()
        } else {
            blank()
        };
    }
    if symbol.len() > LONGEST {
        let base: String = symbol.chars().take(1).collect();
        return if base.width() == width { show(&base, glyphs).into_owned().into() } else { blank() };
    }
    match glyphs {
        Glyphs::Full => symbol.into(),
        Glyphs::Console => console(symbol).map_or(symbol.into(), Cow::Borrowed),
        Glyphs::Ascii => ascii(symbol, width),
    }
}

/// What the font of the Linux console lacks of the symbols that the screens use.
fn console(symbol: &str) -> Option<&'static str> {
    Some(match symbol {
        "…" => "~",
        "╭" => "┌",
        "╮" => "┐",
        "╰" => "└",
        "╯" => "┘",
        "✓" | "✔" => "√",
        "✗" | "✘" => "x",
        "●" => "•",
        "▸" | "▶" => "►",
        "–" | "—" => "-",
        _ => return None,
    })
}

fn ascii(symbol: &str, width: usize) -> Cow<'_, str> {
    if symbol.is_ascii() {
        return symbol.into();
    }
    let drawn = match symbol {
        "─" | "━" | "╌" | "┄" | "–" | "—" | "═" => "-",
        "│" | "┃" | "║" | "▌" | "▐" | "┆" => "|",
        "┌" | "┐" | "└" | "┘" | "├" | "┤" | "┬" | "┴" | "┼" | "╭" | "╮" | "╰" | "╯" => "+",
        "…" => "~",
        "·" | "∙" => ".",
        "•" | "●" | "■" | "▪" => "*",
        "►" | "▸" | "▶" | "→" | "»" => ">",
        "◄" | "◂" | "←" | "«" => "<",
        "▲" | "↑" => "^",
        "▼" | "↓" | "▾" => "v",
        "█" | "▓" => "#",
        "▒" | "░" => ":",
        "✓" | "✔" | "√" => "+",
        "✗" | "✘" | "×" => "x",
        "≥" => ">",
        "≤" => "<",
        "‘" | "’" => "'",
        "“" | "”" => "\"",
        "\u{a0}" => " ",
        _ => "",
    };
    if !drawn.is_empty() {
        return drawn.into();
    }
    // A letter without its accents, when that is ASCII and as wide.
    let plain: String = symbol.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    if plain.is_ascii() && plain.len() == width {
        return plain.into();
    }
    if width >= 2 { "? ".into() } else { "?".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_disturbs_a_terminal_passes() {
        for bad in ["\x1b", "\r", "\n", "\u{7f}", "\u{9b}", "\u{202e}", "\u{200b}", "\u{feff}", "\u{301}", "\u{200d}"] {
            assert_eq!(show(bad, Glyphs::Full).trim(), "", "{bad:?}");
        }
        assert_eq!(show("a\u{202e}", Glyphs::Full), "a");
        assert_eq!(show(&format!("a{}", "\u{335}".repeat(5_000)), Glyphs::Full), "a");
    }

    #[test]
    fn what_can_be_shown_is_shown() {
        assert_eq!(show("é", Glyphs::Full), "é");
        assert_eq!(show("三", Glyphs::Full), "三");
        assert_eq!(show("👩‍👩‍👧", Glyphs::Full), "👩‍👩‍👧");
        assert_eq!(show("…", Glyphs::Console), "~");
        assert_eq!(show("─", Glyphs::Console), "─");
        for (symbol, plain) in [("é", "e"), ("─", "-"), ("►", ">"), ("三", "? "), ("ß", "?"), ("Ａ", "? ")] {
            assert_eq!(show(symbol, Glyphs::Ascii), plain);
        }
    }
}
