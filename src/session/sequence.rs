//! What the sequences of keys mean. Pure functions of a whole sequence; `None` for what is no key.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// `ESC O`, with digits that some terminals put in for the modifiers, and its last byte.
pub fn ss3(digits: &[u8], last: u8) -> Option<KeyEvent> {
    let modifiers = number(digits).map_or(KeyModifiers::NONE, modifiers);
    let code = match last {
        b'P'..=b'S' => KeyCode::F(last - b'P' + 1),
        b'M' => KeyCode::Enter,
        b'I' => KeyCode::Tab,
        b' ' => KeyCode::Char(' '),
        b'X' => KeyCode::Char('='),
        // The keypad in application mode: * + , - . / 0 to 9.
        b'j'..=b'y' => KeyCode::Char((last - b'j' + b'*').into()),
        // rxvt's Ctrl and arrow.
        b'a'..=b'd' => return Some(KeyEvent::new(letter(last.to_ascii_uppercase())?, KeyModifiers::CONTROL)),
        _ => letter(last)?,
    };
    Some(KeyEvent::new(code, modifiers))
}

/// `ESC [`, what stands between, and its last byte.
pub fn csi(between: &[u8], last: u8) -> Option<KeyEvent> {
    // Replies and mouse reports have a mark before or after their numbers; keys have none.
    if !between.iter().all(|b| matches!(b, b'0'..=b'9' | b';' | b':')) {
        return None;
    }
    let mut groups = between.split(|&b| b == b';');
    let mut first = groups.next().unwrap_or_default().split(|&b| b == b':');
    let code = number(first.next().unwrap_or_default());
    let mut second = groups.next().unwrap_or_default().split(|&b| b == b':');
    let held = number(second.next().unwrap_or_default());
    // 1 pressed, 2 repeated, 3 released.
    if number(second.next().unwrap_or_default()) == Some(3) {
        return None;
    }
    let third = groups.next().and_then(number);
    let modifiers = held.map_or(KeyModifiers::NONE, modifiers);
    match last {
        b'u' => kitty(code?, modifiers),
        b'~' if code == Some(27) => kitty(third?, modifiers),
        b'~' | b'^' | b'@' => {
            let more = match last {
                b'^' => KeyModifiers::CONTROL,
                b'@' => KeyModifiers::CONTROL | KeyModifiers::SHIFT,
                _ => KeyModifiers::NONE,
            };
            Some(KeyEvent::new(tilde(code?)?, modifiers | more))
        }
        b'Z' => Some(KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT)),
        // A cursor position report looks like F3 with modifiers; no terminal sends F3 with "none" spelled out.
        b'R' if code.is_some_and(|n| n != 1) || held == Some(1) || held.is_some_and(|n| n > 16) => None,
        b'P'..=b'S' if code.is_none_or(|n| n == 1) => Some(KeyEvent::new(KeyCode::F(last - b'P' + 1), modifiers)),
        b'a'..=b'd' if code.is_none() => Some(KeyEvent::new(letter(last.to_ascii_uppercase())?, KeyModifiers::SHIFT)),
        _ if code.is_none_or(|n| n == 1) => Some(KeyEvent::new(letter(last)?, modifiers)),
        _ => None,
    }
}

fn letter(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'E' => KeyCode::KeypadBegin,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        _ => return None,
    })
}

fn tilde(code: u32) -> Option<KeyCode> {
    Some(match code {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(code as u8 - 10),
        17..=21 => KeyCode::F(code as u8 - 11),
        23 | 24 => KeyCode::F(code as u8 - 12),
        25 | 26 => KeyCode::F(code as u8 - 12),
        28 | 29 => KeyCode::F(code as u8 - 13),
        31..=34 => KeyCode::F(code as u8 - 14),
        _ => return None,
    })
}

/// A key of the kitty protocol (`CSI code ; modifiers u`) or of xterm's `modifyOtherKeys`.
fn kitty(code: u32, modifiers: KeyModifiers) -> Option<KeyEvent> {
    let code = match code {
        8 | 127 => KeyCode::Backspace,
        9 if modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
        9 => KeyCode::Tab,
        13 | 57414 => KeyCode::Enter,
        27 => KeyCode::Esc,
        57376..=57398 => KeyCode::F((code - 57376 + 13) as u8),
        57399..=57408 => KeyCode::Char(char::from_digit(code - 57399, 10)?),
        57409 => KeyCode::Char('.'),
        57410 => KeyCode::Char('/'),
        57411 => KeyCode::Char('*'),
        57412 => KeyCode::Char('-'),
        57413 => KeyCode::Char('+'),
        57415 => KeyCode::Char('='),
        57416 => KeyCode::Char(','),
        57417 => KeyCode::Left,
        57418 => KeyCode::Right,
        57419 => KeyCode::Up,
        57420 => KeyCode::Down,
        57421 => KeyCode::PageUp,
        57422 => KeyCode::PageDown,
        57423 => KeyCode::Home,
        57424 => KeyCode::End,
        57425 => KeyCode::Insert,
        57426 => KeyCode::Delete,
        // The rest of the private range: locks, media keys, modifiers by themselves.
        57344..=63743 | 0..=31 => return None,
        _ => {
            let c = char::from_u32(code)?;
            // A letter with Shift is the capital letter, as every other terminal sends it.
            if modifiers.contains(KeyModifiers::SHIFT) {
                let mut upper = c.to_uppercase();
                let c = upper.next().filter(|_| upper.next().is_none()).unwrap_or(c);
                return Some(KeyEvent::new(KeyCode::Char(c), modifiers - KeyModifiers::SHIFT));
            }
            KeyCode::Char(c)
        }
    };
    Some(KeyEvent::new(code, modifiers))
}

/// The modifiers of a sequence: one more than a set of bits. Lock keys do not count.
fn modifiers(number: u32) -> KeyModifiers {
    let bits = number.saturating_sub(1);
    let mut held = KeyModifiers::NONE;
    for (bit, modifier) in [
        (1, KeyModifiers::SHIFT),
        (2, KeyModifiers::ALT),
        (4, KeyModifiers::CONTROL),
        (8, KeyModifiers::SUPER),
        (16, KeyModifiers::HYPER),
        // What terminals call Meta is the Alt key.
        (32, KeyModifiers::ALT),
    ] {
        if bits & bit != 0 {
            held |= modifier;
        }
    }
    held
}

fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 7 {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}
