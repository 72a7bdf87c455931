//! Anything that anybody may type, anywhere, at any size.

use clowder::{
    desk::CatChange,
    session::caps::{Caps, Colour, Glyphs},
};
use proptest::prelude::*;

use crate::{
    shelter::Shelter,
    terminal::{Terminal, caps},
};

/// One shelter for all cases: whatever is typed into it, it stays one.
fn shelter() -> Shelter {
    let shelter = Shelter::new();
    let odd = [
        "x".repeat(160),
        "三毛猫".repeat(17),
        "é\u{301}\u{301}\u{301}\u{301}\u{301}".repeat(6),
        "🐈‍⬛ 👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿".to_owned(),
        "(; ') OR 1=1".to_owned(),
    ];
    for name in odd {
        shelter.desk.add_cat(&shelter.admin, vec![CatChange::Name(name)]).unwrap();
    }
    shelter
}

const KEYS: &[&str] = &[
    "\x1b[A",
    "\x1b[B",
    "\x1b[C",
    "\x1b[D",
    "\x1b[5~",
    "\x1b[6~",
    "\x1b[H",
    "\x1b[F",
    "\r",
    "\r",
    "\t",
    "\x1b[Z",
    "\x1b",
    "\x1b",
    "\x7f",
    "\x1b[3~",
    " ",
    "?",
    ":",
    "/",
    "1",
    "2",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
    "0",
    "\x13",
    "\x15",
    "\x0c",
    "\x10",
    "é",
    "三",
    "🐈",
    "\x1b[200~a\npaste\x1b[31m\x1b[201~",
    "status:",
    "age<2y ",
    "\"",
    "-",
    "today",
    "3y",
];

fn typing() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        6 => prop::sample::select(KEYS).prop_map(str::to_owned),
        3 => prop::char::range('a', 'z').prop_map(String::from),
        1 => prop::char::range('A', 'Z').prop_map(String::from),
    ];
    prop::collection::vec(key, 1..60).prop_map(|keys| keys.concat())
}

/// Nothing but the sequences of the backend itself may reach a terminal.
fn assert_clean(output: &[u8]) {
    let text = std::str::from_utf8(output).expect("UTF-8");
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => match chars.next() {
                Some('[') => {
                    let last = chars.by_ref().find(|c| ('\x40'..='\x7e').contains(c));
                    assert!(last.is_some_and(|c| "HJKCmhlr".contains(c)), "a sequence that ends with {last:?}");
                }
                Some('M') => {}
                other => panic!("escape and {other:?}"),
            },
            '\r' | '\n' | '\x08' => {}
            c => assert!(!clowder::model::text::is_unsafe(c), "{c:?}"),
        }
    }
}

#[test]
fn nothing_panics_and_nothing_odd_gets_out() {
    let shelter = shelter();
    let config = ProptestConfig { cases: 48, ..ProptestConfig::default() };
    proptest!(config, |(
        who in 0usize..3,
        size in prop::sample::select(&[(80, 24), (120, 40), (40, 12), (200, 50), (20, 5), (7, 3), (1, 1)][..]),
        plain in any::<bool>(),
        keys in typing(),
        later in prop::sample::select(&[(80, 24), (3, 2), (300, 100)][..]),
        more in typing(),
    )| {
        let actor = [&shelter.admin, &shelter.staff, &shelter.user][who];
        let mut with = caps(size.0, size.1);
        if plain {
            with = Caps { colour: Colour::None, glyphs: Glyphs::Ascii, ..with };
        }
        let mut t = Terminal::signed_in(&shelter.desk, with, actor);
        t.keys(&keys);
        if !t.is_over() {
            t.resize(later.0, later.1).keys(&more);
        }
        assert_clean(t.output());
        if plain {
            prop_assert!(t.output().is_ascii());
        }
    });
}
