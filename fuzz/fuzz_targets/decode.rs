//! The byte decoder: no panic, bounded output, and the same events wherever the input is cut. The first byte says how
//! long the pieces are (0: every byte alone), the second what the Backspace key sends.
#![no_main]

use clowder::session::{decode::Decoder, event::Input};
use libfuzzer_sys::fuzz_target;

fn decoded(verase: Option<u8>, pieces: impl Iterator<Item = impl AsRef<[u8]>>) -> Vec<Input> {
    let (mut decoder, mut out) = (Decoder::new(verase), Vec::new());
    pieces.for_each(|piece| decoder.feed(piece.as_ref(), &mut out));
    decoder.expire(&mut out);
    assert_eq!(decoder.deadline(), None, "nothing is pending after the end");
    out
}

fuzz_target!(|data: &[u8]| {
    let [length, verase, bytes @ ..] = data else { return };
    let verase = [None, Some(8), Some(127)][usize::from(*verase) % 3];
    let whole = decoded(verase, std::iter::once(bytes));
    assert_eq!(decoded(verase, bytes.chunks(usize::from(*length).max(1))), whole);
    // A byte is at most one key and the one that it cut off; the end may be one more.
    assert!(whole.len() <= 2 * bytes.len() + 1);
    let pasted: usize = whole.iter().map(|i| if let Input::Paste(text) = i { text.len() } else { 0 }).sum();
    // What is no UTF-8 becomes a mark of three bytes.
    assert!(pasted <= 3 * bytes.len());
});
