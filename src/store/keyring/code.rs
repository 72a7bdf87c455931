//! The recovery code: 160 random bits as eight groups of five signs, the fifth of each a check, so that a slip of the pen or of
//! a finger names its group.

use std::fmt;

use zeroize::Zeroizing;

use crate::store::seal::SecretKey;

/// Crockford's digits: no I, L, O or U, which look like others or spell words.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const GROUPS: usize = 8;
const GROUP: usize = 5;
/// The bytes behind a code: four signs of five bits in each group.
const BYTES: usize = GROUPS * (GROUP - 1) * 5 / 8;

/// A recovery code. It never shows itself by accident: [`RecoveryCode::text`] is the way to print it.
pub struct RecoveryCode(Zeroizing<[u8; BYTES]>);

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

/// Why something is no recovery code. Never what was typed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// These groups, counted from 1, do not agree with their check signs.
    #[error("{} of the recovery code {} a typing mistake", groups(.0), if .0.len() == 1 { "has" } else { "have" })]
    Groups(Vec<usize>),
    /// It has another length.
    #[error("a recovery code has 8 groups of 5 signs; this has {0} signs in all")]
    Length(usize),
}

fn groups(numbers: &[usize]) -> String {
    let list: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!("{} {}", if list.len() == 1 { "group" } else { "groups" }, list.join(", "))
}

/// Multiplies in the field of 32 elements with x^5 + x^2 + 1.
const fn times(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b > 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        a <<= 1;
        if a & 32 != 0 {
            a ^= 0b10_0101;
        }
        b >>= 1;
    }
    product
}

/// The check of a group. Any one wrong sign, any two neighbours exchanged and any two groups exchanged change it.
fn check(group: usize, digits: &[u8]) -> u8 {
    let mut power = 1;
    let mut sum = u8::try_from(group).unwrap_or_default();
    for &digit in digits {
        power = times(power, 2);
        sum ^= times(power, digit);
    }
    sum
}

/// What a sign stands for; letters that look like digits count as those.
fn digit(sign: char) -> Option<u8> {
    let sign = match sign.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let at = DIGITS.iter().position(|&d| char::from(d) == sign)?;
    u8::try_from(at).ok()
}

impl RecoveryCode {
    /// A new code.
    pub(in crate::store) fn generate() -> Self {
        let random = SecretKey::generate();
        let mut bytes = Zeroizing::new([0; BYTES]);
        bytes.copy_from_slice(&random.bytes()[..BYTES]);
        Self(bytes)
    }

    /// The code as it is printed: groups with hyphens between them.
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(GROUPS * (GROUP + 1)));
        // Five bytes are eight digits of five bits: two groups.
        for (pair, five) in self.0.chunks(5).enumerate() {
            let bits = Zeroizing::new(five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte)));
            for half in 0..2 {
                let mut four = Zeroizing::new([0_u8; GROUP - 1]);
                for (i, digit) in four.iter_mut().enumerate() {
                    *digit = (*bits >> (35 - 5 * (half * 4 + i)) & 31) as u8;
                }
                let group = pair * 2 + half;
                if group > 0 {
                    text.push('-');
                }
                for &digit in four.iter().chain([&check(group, &*four)]) {
                    text.push(char::from(DIGITS[usize::from(digit)]));
                }
            }
        }
        text
    }

    /// Reads a code as somebody typed it, in small or capital letters, with blanks, hyphens or nothing between the groups.
    ///
    /// # Errors
    /// Which groups are wrong, or that the length is.
    pub fn parse(typed: &str) -> Result<Self, CodeError> {
        let apart = |c: char| c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '.' | ',');
        let parts: Vec<&str> = typed.split(apart).filter(|part| !part.is_empty()).collect();
        let joined = Zeroizing::new(parts.concat());
        let signs = Zeroizing::new(joined.chars().collect::<Vec<char>>());
        if parts.len() == GROUPS {
            let wrong = |part: &str| part.chars().count() != GROUP;
            let wrong: Vec<usize> =
                (1..).zip(&parts).filter(|(_, part)| wrong(part)).map(|(number, _)| number).collect();
            if !wrong.is_empty() {
                return Err(CodeError::Groups(wrong));
            }
        }
        if signs.len() != GROUPS * GROUP {
            return Err(CodeError::Length(signs.len()));
        }
        let mut bytes = Zeroizing::new([0; BYTES]);
        let mut wrong = Vec::new();
        for (pair, ten) in signs.chunks(2 * GROUP).enumerate() {
            let mut bits = Zeroizing::new(0_u64);
            for (half, five) in ten.chunks(GROUP).enumerate() {
                let group = pair * 2 + half;
                let digits: Zeroizing<Vec<u8>> = Zeroizing::new(five.iter().filter_map(|&sign| digit(sign)).collect());
                match digits.split_last() {
                    Some((&last, four)) if digits.len() == GROUP && check(group, four) == last => {
                        *bits = four.iter().fold(*bits, |bits, &digit| bits << 5 | u64::from(digit));
                    }
                    _ => wrong.push(group + 1),
                }
            }
            bytes[pair * 5..pair * 5 + 5].copy_from_slice(&bits.to_be_bytes()[3..]);
        }
        if wrong.is_empty() { Ok(Self(bytes)) } else { Err(CodeError::Groups(wrong)) }
    }

    /// The key that it stands for.
    pub(in crate::store) fn key(&self) -> SecretKey {
        SecretKey::hashed("clowder recovery 1", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &RecoveryCode, b: &RecoveryCode) -> bool {
        a.0 == b.0
    }

    #[test]
    fn a_code_comes_back_however_it_is_typed() {
        for _ in 0..50 {
            let code = RecoveryCode::generate();
            let text = code.text();
            assert_eq!((text.len(), text.split('-').count()), (47, 8));
            let typed = [
                text.to_string(),
                text.to_lowercase(),
                text.replace('-', " "),
                text.replace('-', ""),
                format!("  {}\n", text.replace('0', "o").replace('1', "l")),
                text.replace('0', "O").replace('1', "I").replace('-', " - "),
            ];
            for typed in typed {
                assert!(same(&RecoveryCode::parse(&typed).unwrap(), &code), "{typed:?}");
            }
        }
    }

    #[test]
    fn every_slip_names_its_group() {
        let text = RecoveryCode::generate().text().to_string();
        let signs: Vec<char> = text.chars().collect();
        for at in (0..signs.len()).filter(|&at| signs[at] != '-') {
            let group = at / 6 + 1;
            for other in DIGITS.iter().map(|&d| char::from(d)).filter(|&d| d != signs[at]).chain(['U', '!', 'é']) {
                let mut wrong = signs.clone();
                wrong[at] = other;
                let wrong: String = wrong.into_iter().collect();
                assert_eq!(RecoveryCode::parse(&wrong).unwrap_err(), CodeError::Groups(vec![group]), "{wrong}");
            }
            if at % 6 < 4 && signs[at] != signs[at + 1] {
                let mut wrong = signs.clone();
                wrong.swap(at, at + 1);
                let wrong: String = wrong.into_iter().collect();
                assert_eq!(RecoveryCode::parse(&wrong).unwrap_err(), CodeError::Groups(vec![group]), "{wrong}");
            }
            let mut short = signs.clone();
            short.remove(at);
            let short: String = short.into_iter().collect();
            assert_eq!(RecoveryCode::parse(&short).unwrap_err(), CodeError::Groups(vec![group]), "{short}");
        }
        let mut parts: Vec<&str> = text.split('-').collect();
        parts.swap(1, 6);
        assert_eq!(RecoveryCode::parse(&parts.join("-")).unwrap_err(), CodeError::Groups(vec![2, 7]));
        assert_eq!(RecoveryCode::parse("correct horse").unwrap_err(), CodeError::Length(12));
        assert_eq!(RecoveryCode::parse("").unwrap_err(), CodeError::Length(0));
    }

    #[test]
    fn nothing_of_a_code_is_in_its_debug_form_or_in_what_is_said_of_a_wrong_one() {
        let code = RecoveryCode::generate();
        assert_eq!(format!("{code:?}"), "RecoveryCode(…)");
        let mut text = code.text().to_string();
        let last = if text.ends_with('0') { "1" } else { "0" };
        text.replace_range(46.., last);
        let error = RecoveryCode::parse(&text).unwrap_err();
        assert_eq!(error.to_string(), "group 8 of the recovery code has a typing mistake");
        assert_eq!(CodeError::Groups(vec![2, 7]).to_string(), "groups 2, 7 of the recovery code have a typing mistake");
        assert_eq!(
            CodeError::Length(12).to_string(),
            "a recovery code has 8 groups of 5 signs; this has 12 signs in all"
        );
    }
}
