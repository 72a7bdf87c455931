//! Keys in any order, on the screens of requests, by everybody, at sizes that nobody would choose.

use crate::{
    queue::Queue,
    terminal::{Terminal, caps},
};

/// What a key or two send; leaving the program is left out.
const KEYS: &[&str] = &[
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "G",
    "h",
    "i",
    "j",
    "k",
    "n",
    "o",
    "p",
    "r",
    "s",
    "t",
    "u",
    "v",
    "w",
    "x",
    "y",
    "/",
    "?",
    ":",
    "3",
    "4",
    "\r",
    "\t",
    "\x1b",
    "\x1b[A",
    "\x1b[B",
    "\x1b[C",
    "\x1b[D",
    "\x1b[5~",
    "\x1b[6~",
    "\x1b[H",
    "\x1b[F",
    "\x7f",
    "\x13",
    "\x15",
    " ",
    "三",
    "status:",
    "\x1b[200~a\x1b[31m\u{202e}b\r\n\x1b[201~",
];

#[test]
fn no_key_is_too_much() {
    let q = Queue::new();
    // A fixed seed: the same keys every time.
    let mut seed: u32 = 20_261_122;
    let mut next = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        KEYS[(seed >> 16) as usize % KEYS.len()]
    };
    for (width, height) in [(1, 1), (3, 2), (17, 5), (40, 12), (80, 24), (200, 60)] {
        for actor in [&q.shelter.user, &q.shelter.staff, &q.shelter.admin] {
            for place in ["3", "4"] {
                let mut t = Terminal::signed_in(q.desk(), caps(width, height), actor);
                t.keys(place);
                for _ in 0..60 {
                    t.keys(next());
                }
                assert!(!t.is_over());
                let unsafe_byte = |b: &u8| *b < 0x20 && !b"\x1b\r\n\x08\x0f".contains(b);
                assert!(!t.output().iter().any(unsafe_byte), "a control character reached the terminal");
                assert!(!String::from_utf8_lossy(t.output()).contains('\u{202e}'));
            }
        }
    }
}
