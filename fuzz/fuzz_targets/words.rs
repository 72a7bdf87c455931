//! The words of a command that came through a door: no panic, the same answer twice, and a refusal that is no longer
//! than its words warrant and sends nothing to a terminal but text. Words end at a zero byte.
#![no_main]

use std::{ffi::OsString, os::unix::ffi::OsStringExt as _};

use clowder::cli::Words;
use libfuzzer_sys::fuzz_target;

/// What the longest help and a guess at what was meant come to, in bytes.
const SAID: usize = 32 * 1024;

fn understood(words: &[OsString]) -> Result<(bool, bool), String> {
    Words::parse(words.to_vec()).map(|w| (w.json(), w.reads_input())).map_err(|said| said.text)
}

fuzz_target!(|data: &[u8]| {
    let words: Vec<OsString> = data.split(|b| *b == 0).map(|word| OsString::from_vec(word.to_vec())).collect();
    let once = understood(&words);
    assert_eq!(understood(&words), once);
    if let Err(text) = once {
        assert!(text.len() <= SAID + 16 * data.len(), "{} bytes for {}", text.len(), data.len());
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }
});
