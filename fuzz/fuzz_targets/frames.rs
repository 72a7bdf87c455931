//! The frames of the socket, both directions: no panic, nothing kept beyond a frame, the same frames and the same
//! refusal wherever the input is cut, and what was understood survives being sent again. The first byte says how long
//! the pieces are (0: every byte alone).
#![no_main]

use std::fmt::Debug;

use clowder::session::socket::{CONTENT_MAX, Frame, FrameError, Frames, send};
use libfuzzer_sys::fuzz_target;

/// Kind and length, which go ahead of the content.
const HEAD: usize = 5;

fn decoded<F: Frame>(bytes: &[u8], length: usize) -> (Vec<F>, Option<FrameError>) {
    let (mut frames, mut out) = (Frames::default(), Vec::new());
    for piece in bytes.chunks(length) {
        frames.feed(piece);
        loop {
            match frames.frame() {
                Ok(Some(frame)) => out.push(frame),
                Ok(None) => break,
                Err(e) => return (out, Some(e)),
            }
        }
        assert!(frames.pending() < HEAD + CONTENT_MAX);
    }
    (out, None)
}

fn check<F: Frame + Debug + PartialEq>(bytes: &[u8], length: usize) {
    let whole = decoded::<F>(bytes, bytes.len().max(1));
    assert_eq!(decoded::<F>(bytes, length), whole);
    let mut again = Vec::new();
    whole.0.iter().for_each(|frame| send(&mut again, frame).expect("what came in goes out"));
    assert_eq!(decoded::<F>(&again, length), (whole.0, None));
}

fuzz_target!(|data: &[u8]| {
    let [length, bytes @ ..] = data else { return };
    let length = usize::from(*length).max(1);
    check::<clowder::session::socket::Up>(bytes, length);
    check::<clowder::session::socket::Down>(bytes, length);
});
