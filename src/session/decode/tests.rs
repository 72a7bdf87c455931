use proptest::prelude::*;

use super::*;

/// What a person pressed, in a short form: `Up`, `C-a`, `M-x`, `"paste"`, `é`.
fn name(input: &Input) -> String {
    let event = match input {
        Input::Paste(text) => return format!("{text:?}"),
        Input::Key(event) => event,
    };
    let mut name = String::new();
    for (modifier, mark) in [
        (KeyModifiers::CONTROL, "C-"),
        (KeyModifiers::ALT, "M-"),
        (KeyModifiers::SHIFT, "S-"),
        (KeyModifiers::SUPER, "W-"),
    ] {
        if event.modifiers.contains(modifier) {
            name.push_str(mark);
        }
    }
    match event.code {
        KeyCode::Char(' ') => name.push_str("Space"),
        KeyCode::Char(c) => name.push(c),
        KeyCode::F(n) => name.push_str(&format!("F{n}")),
        code => name.push_str(&format!("{code:?}")),
    }
    name
}

/// Everything that comes of some bytes, the last of them followed by a pause.
fn decode(bytes: &[u8]) -> Vec<String> {
    let mut decoder = Decoder::new(None);
    let mut out = Vec::new();
    decoder.feed(bytes, &mut out);
    decoder.expire(&mut out);
    out.iter().map(name).collect()
}

/// Input and what is to come of it.
const CASES: &[(&[u8], &[&str])] = &[
    // Plain keys and control keys.
    (b"a", &["a"]),
    (b"G", &["G"]),
    (b" ", &["Space"]),
    (b"jk", &["j", "k"]),
    (b"\r", &["Enter"]),
    (b"\n", &["C-j"]),
    (b"\t", &["Tab"]),
    (b"\x7f", &["Backspace"]),
    (b"\x08", &["C-h"]),
    (b"\x00", &["C-Space"]),
    (b"\x03", &["C-c"]),
    (b"\x1c\x1f", &["C-4", "C-7"]),
    // Arrows and their relatives, as xterm, rxvt, the Linux console and application mode send them.
    (b"\x1b[A\x1b[B\x1b[C\x1b[D", &["Up", "Down", "Right", "Left"]),
    (b"\x1bOA\x1bOD", &["Up", "Left"]),
    (b"\x1b[H\x1b[F\x1bOH\x1bOF", &["Home", "End", "Home", "End"]),
    (b"\x1b[1~\x1b[4~\x1b[7~\x1b[8~", &["Home", "End", "Home", "End"]),
    (b"\x1b[2~\x1b[3~\x1b[5~\x1b[6~", &["Insert", "Delete", "PageUp", "PageDown"]),
    (b"\x1b[1;5C", &["C-Right"]),
    (b"\x1b[1;2A", &["S-Up"]),
    (b"\x1b[1;3D", &["M-Left"]),
    (b"\x1b[3;5~", &["C-Delete"]),
    (b"\x1b[Z", &["S-BackTab"]),
    (b"\x1b[a\x1bOc", &["S-Up", "C-Right"]),
    (b"\x1b[5^", &["C-PageUp"]),
    (b"\x1b[E", &["KeypadBegin"]),
    // Function keys.
    (b"\x1bOP\x1bOS", &["F1", "F4"]),
    (b"\x1b[P\x1b[1;2Q\x1b[1;5R", &["F1", "S-F2", "C-F3"]),
    (b"\x1b[11~\x1b[15~\x1b[17~\x1b[21~\x1b[23~\x1b[24~", &["F1", "F5", "F6", "F10", "F11", "F12"]),
    (b"\x1b[[A\x1b[[B\x1b[[E", &["F1", "F2", "F5"]),
    (b"\x1b[25~\x1b[34~", &["F13", "F20"]),
    (b"\x1bO5P", &["C-F1"]),
    // The keypad in application mode.
    (b"\x1bOM\x1bOp\x1bOy\x1bOk", &["Enter", "0", "9", "+"]),
    // Alt, and the lone Escape.
    (b"\x1b", &["Esc"]),
    (b"\x1b\x1b", &["Esc", "Esc"]),
    (b"\x1bx", &["M-x"]),
    (b"\x1b\x7f", &["M-Backspace"]),
    (b"\x1b\r", &["M-Enter"]),
    (b"\x1b\x02", &["C-M-b"]),
    (b"\x1b[", &["M-["]),
    (b"\x1bO", &["M-O"]),
    (b"\x1bP", &["M-P"]),
    (b"\x1b]", &["M-]"]),
    (b"\x1b\xc3\xa9", &["M-é"]),
    (b"\x1b\x1b[A", &["Esc", "Up"]),
    // UTF-8, whole and broken.
    ("é三🐈".as_bytes(), &["é", "三", "🐈"]),
    (b"\xc3a", &["a"]),
    (b"\xe4\xb8\xe4\xb8\x89", &["三"]),
    (b"\x80\xff\xc0a", &["a"]),
    (b"\xed\xa0\x80a", &["a"]),
    (b"\xe4\xb8", &[]),
    (b"\xc3\x1b[A", &["Up"]),
    // Bracketed paste.
    (b"\x1b[200~hello\x1b[201~", &["\"hello\""]),
    (b"\x1b[200~a\x1b[A\rb\x1b[201~x", &["\"a\\u{1b}[A\\rb\"", "x"]),
    (b"\x1b[200~\x1b[201~", &["\"\""]),
    (b"\x1b[200~cut", &["\"cut\""]),
    (b"\x1b[201~a", &["a"]),
    // Mouse and focus reports: nothing of them is typed in.
    (b"\x1b[<0;10;20Ma\x1b[<0;10;20m", &["a"]),
    (b"\x1b[M !!a", &["a"]),
    (b"\x1b[35;10;20Ma", &["a"]),
    (b"\x1b[I\x1b[Oa", &["a"]),
    // Late replies to questions of a program before.
    (b"\x1b[?62;1;4c\x1b[>0;276;0ca", &["a"]),
    (b"\x1b[24;80Ra", &["a"]),
    (b"\x1b[1;1Ra", &["a"]),
    (b"\x1b[?2026;2$ya", &["a"]),
    (b"\x1b]11;rgb:0000/0000/0000\x07a", &["a"]),
    (b"\x1b]11;rgb:0000/0000/0000\x1b\\a", &["a"]),
    (b"\x1bP>|term 1.0\x1b\\a", &["a"]),
    (b"\x1b_Gi=31;OK\x1b\\a", &["a"]),
    // Unknown, cut and overlong sequences.
    (b"\x1b[99~a", &["a"]),
    (b"\x1b[1;2;3;4Wa", &["a"]),
    (b"\x1b[12\x03a", &["C-c", "a"]),
    (b"\x1b[12\x1b[A", &["Up"]),
    (b"\x1b[12", &[]),
    (b"\x1bO5", &[]),
    // The kitty protocol and modifyOtherKeys.
    (b"\x1b[97u", &["a"]),
    (b"\x1b[97;5u", &["C-a"]),
    (b"\x1b[97;2u", &["A"]),
    (b"\x1b[97:65;2:1u", &["A"]),
    (b"\x1b[97;1:3u", &[]),
    (b"\x1b[27u\x1b[13u\x1b[127;5u", &["Esc", "Enter", "C-Backspace"]),
    (b"\x1b[9;2u", &["S-BackTab"]),
    (b"\x1b[57417u\x1b[57399u\x1b[57441u", &["Left", "0"]),
    (b"\x1b[?1u", &[]),
    (b"\x1b[1;1:1A\x1b[1;1:3A", &["Up"]),
    (b"\x1b[27;5;105~", &["C-i"]),
    (b"\x1b[1;129A", &["Up"]),
];

#[test]
fn every_case_decodes() {
    for (bytes, want) in CASES {
        assert_eq!(decode(bytes), *want, "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn splitting_a_case_anywhere_changes_nothing() {
    for (bytes, want) in CASES {
        for cut in 0..=bytes.len() {
            let mut decoder = Decoder::new(None);
            let mut out = Vec::new();
            decoder.feed(&bytes[..cut], &mut out);
            decoder.feed(&bytes[cut..], &mut out);
            decoder.expire(&mut out);
            assert_eq!(out.iter().map(name).collect::<Vec<_>>(), *want, "{:?} cut at {cut}", bytes);
        }
    }
}

#[test]
fn the_backspace_key_follows_the_terminal_settings() {
    let mut out = Vec::new();
    Decoder::new(Some(8)).feed(b"\x08\x7f", &mut out);
    Decoder::new(Some(127)).feed(b"\x08\x7f", &mut out);
    assert_eq!(out.iter().map(name).collect::<Vec<_>>(), ["Backspace", "Delete", "C-h", "Backspace"]);
}

#[test]
fn only_what_is_pending_has_a_deadline() {
    let after = |bytes: &[u8]| {
        let mut decoder = Decoder::new(None);
        decoder.feed(bytes, &mut Vec::new());
        decoder.deadline()
    };
    for (bytes, want) in [
        (&b"a"[..], None),
        (b"\x1b[A", None),
        (b"\x1b", Some(ESCAPE)),
        (b"\x1b[", Some(ESCAPE)),
        (b"\x1bO", Some(ESCAPE)),
        (b"\x1b]", Some(ESCAPE)),
        (b"\x1b[1", Some(CUT)),
        (b"\x1b]1", Some(CUT)),
        (b"\xc3", Some(CUT)),
        (b"\x1b[200~", Some(PASTE)),
    ] {
        assert_eq!(after(bytes), want, "{bytes:?}");
    }
}

#[test]
fn what_never_ends_stays_bounded() {
    for start in [&b"\x1b["[..], b"\x1b]", b"\x1bP", b"\x1bO", b"\x1b[200~"] {
        let mut decoder = Decoder::new(None);
        let mut out = Vec::new();
        decoder.feed(start, &mut out);
        for _ in 0..20_000 {
            decoder.feed(b"1;11", &mut out);
            assert!(decoder.held.len() <= PASTE_MAX + PASTE_END.len());
        }
    }
    let mut long = b"\x1b[200~".to_vec();
    long.extend("é".repeat(PASTE_MAX).into_bytes());
    long.extend(b"\x1b[201~x");
    let mut out = Vec::new();
    Decoder::new(None).feed(&long, &mut out);
    assert_eq!(out.len(), 2, "the paste, then the key after it");
    assert_eq!(out[0], Input::Paste("é".repeat(PASTE_MAX / 2)));
}

proptest! {
    #[test]
    fn splitting_any_input_anywhere_changes_nothing(
        pieces in prop::collection::vec(
            prop_oneof![
                any::<u8>().prop_map(|b| vec![b]),
                (0..CASES.len()).prop_map(|i| CASES[i].0.to_vec()),
                Just(b"\x1b".to_vec()),
                Just(b"\x1b[200~".to_vec()),
            ],
            0..24,
        ),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let bytes = pieces.concat();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let mut decoder = Decoder::new(None);
        let mut out = Vec::new();
        for pair in at.windows(2) {
            decoder.feed(&bytes[pair[0]..pair[1]], &mut out);
        }
        decoder.expire(&mut out);
        prop_assert_eq!(out.iter().map(name).collect::<Vec<_>>(), decode(&bytes));
    }

    #[test]
    fn any_input_makes_no_more_than_it_is(
        bytes in prop::collection::vec(prop_oneof![
            any::<u8>(), Just(0x1b), prop::sample::select(b"[]O?<;0~12MPX_^\\".to_vec()),
        ], 0..2000),
        verase in prop::option::of(any::<u8>()),
        expired in any::<bool>(),
    ) {
        let mut decoder = Decoder::new(verase);
        let mut out = Vec::new();
        for byte in &bytes {
            decoder.feed(&[*byte], &mut out);
            prop_assert!(decoder.held.len() <= bytes.len().min(PASTE_MAX + PASTE_END.len()));
            if expired && decoder.deadline().is_some() && *byte == b'~' {
                decoder.expire(&mut out);
                prop_assert_eq!(decoder.deadline(), None);
            }
        }
        decoder.expire(&mut out);
        prop_assert_eq!(decoder.deadline(), None);
        // A byte is a key at most, and may end one that waited.
        prop_assert!(out.len() <= 2 * bytes.len() + 1);
        let pasted: usize = out.iter().map(|i| if let Input::Paste(text) = i { text.len() } else { 0 }).sum();
        // What is no UTF-8 becomes a mark of three bytes.
        prop_assert!(pasted <= 3 * bytes.len());
    }
}
