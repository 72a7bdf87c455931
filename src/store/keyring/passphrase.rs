//! Keys from passphrases.

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::store::{
    OpenError,
    seal::{self, SecretKey},
};

/// The work for one try with a new slot: the second of the two choices in RFC 9106, some 0.2 s of a core.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 4;

/// The most that a keyring may ask for: whoever changed it shall not be able to bring the machine down.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const MOST_PASSES: u32 = 64;
const MOST_LANES: u32 = 64;

/// The shortest and longest passphrase, in characters: whoever has the disk can try as many as they have machines for.
pub const PASSPHRASE_MIN: usize = 12;
const LONGEST: usize = 1024;

/// How a passphrase becomes a key: argon2id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Argon {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
}

impl Argon {
    /// The present work, and a new salt.
    pub(super) fn new() -> Self {
        let salt = seal::to_hex(&SecretKey::generate().bytes()[..16]);
        Self { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES, salt }
    }

    /// The key of a passphrase; the same however its letters are composed.
    pub(super) fn key(&self, passphrase: &str) -> Result<SecretKey, OpenError> {
        let wrong = || OpenError::Failed("a passphrase's slot in the keyring is damaged".to_owned());
        if self.memory_kib > MOST_MEMORY_KIB || self.passes > MOST_PASSES || self.lanes > MOST_LANES {
            return Err(wrong());
        }
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(|_| wrong())?;
        let salt = seal::from_hex(&self.salt).ok_or_else(wrong)?;
        let text: Zeroizing<String> = composed(passphrase);
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        SecretKey::filled(|key| argon.hash_password_into(text.as_bytes(), &salt, key))
            .map_err(|e| OpenError::Failed(format!("the passphrase could not be worked on: {e}")))
    }
}

fn composed(passphrase: &str) -> Zeroizing<String> {
    // Composing may make it longer, threefold at most; with room for that nothing is left behind.
    let mut text = Zeroizing::new(String::with_capacity(passphrase.len() * 3));
    text.extend(passphrase.nfc());
    text
}

/// Whether a passphrase may be set.
///
/// # Errors
/// Why not, in words.
pub(in crate::store) fn check(passphrase: &str) -> Result<(), String> {
    match composed(passphrase).chars().count() {
        ..PASSPHRASE_MIN => Err(format!(
            "must have at least {PASSPHRASE_MIN} characters; five or six words that do not belong together are good"
        )),
        PASSPHRASE_MIN..=LONGEST if passphrase.chars().any(char::is_control) => {
            Err("must not hold control characters".to_owned())
        }
        PASSPHRASE_MIN..=LONGEST => Ok(()),
        _ => Err(format!("must have at most {LONGEST} characters")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_passphrase_has_one_key_for_one_salt() {
        let argon = Argon { memory_kib: 64, passes: 1, lanes: 1, salt: "00112233445566778899aabbccddeeff".to_owned() };
        let key = |text: &str| *argon.key(text).unwrap().bytes();
        assert_eq!(key("caf\u{e9} and five cats"), key("cafe\u{301} and five cats"));
        assert_ne!(key("one passphrase"), key("another passphrase"));
        let other = Argon { salt: "ffeeddccbbaa99887766554433221100".to_owned(), ..argon.clone() };
        assert_ne!(key("one passphrase"), *other.key("one passphrase").unwrap().bytes());
    }

    #[test]
    fn a_keyring_cannot_ask_for_the_whole_machine() {
        let sane = Argon { memory_kib: 64, passes: 1, lanes: 1, salt: "00112233445566778899aabbccddeeff".to_owned() };
        for wild in [
            Argon { memory_kib: u32::MAX, ..sane.clone() },
            Argon { passes: u32::MAX, ..sane.clone() },
            Argon { lanes: 1000, memory_kib: 8000, ..sane.clone() },
            Argon { memory_kib: 0, ..sane.clone() },
            Argon { salt: "xy".to_owned(), ..sane },
        ] {
            assert!(wild.key("one passphrase").is_err(), "{wild:?}");
        }
    }

    #[test]
    fn short_and_odd_passphrases_are_refused() {
        assert!(check("five cats").unwrap_err().contains("at least 12"));
        assert!(check(&"e\u{301}".repeat(11)).is_err());
        assert!(check("five cats\nand a dog").is_err());
        assert!(check(&"x".repeat(1025)).is_err());
        assert_eq!(check("five cats and a dog"), Ok(()));
    }
}
