//! Every screen, every role, every key: nothing panics, and no control character reaches the terminal.

#[path = "support/shelter.rs"]
mod shelter;
#[path = "support/terminal.rs"]
mod terminal;

use std::collections::BTreeSet;

use clowder::{
    desk::{BreedChange, CatChange, UserChange},
    model::{Action, Actor, Cat, CatId, Error, Role, User, text::is_unsafe},
    store::StoreError,
    ui::{keys, screens},
};
use shelter::Shelter;
use terminal::{Terminal, caps};

/// Text that people and files might bring.
const HOSTILE: [&str; 5] = [
    "三毛猫と虎猫",
    "\u{1b}[31mred\u{1b}[0m\u{7} \u{1b}]0;title\u{7}\r\nsecond\u{9b}2J",
    "z\u{335}\u{335}\u{335}\u{335}\u{335}\u{335}\u{335}\u{335}algo",
    "\u{202e}turned\u{2066} \u{feff}\u{200b}hidden\u{e0041}",
    "👩‍👩‍👧 e\u{301} ﷽",
];

/// A shelter with hostile text in every field, some of it put into the store past the desk.
fn hostile() -> Shelter {
    let shelter = Shelter::new();
    let console = Actor::console();
    for text in HOSTILE {
        let changes = vec![
            CatChange::Name(text.to_owned()),
            CatChange::Colour(text.to_owned()),
            CatChange::Description(format!("{text}\n{text}")),
        ];
        shelter.desk.add_cat(&console, changes).unwrap();
        shelter.desk.add_breed(&console, vec![BreedChange::Name(text.to_owned())]).unwrap();
    }
    let raw = HOSTILE[1].to_owned();
    let (name, full) = (raw.clone(), format!("{raw}{}", HOSTILE[3]));
    shelter
        .store
        .write(&console, move |tx| {
            let mut cat: Cat = tx.need(CatId(1))?;
            (cat.name, cat.colour, cat.description) = (name.clone(), name.clone(), format!("{name}\n{name}"));
            tx.update(&mut cat)?;
            let mut user = User::new("raw", Role::User);
            (user.full_name, user.phone) = (full, name.clone());
            tx.insert(&mut user)?;
            tx.describe(Action::Import, name);
            Ok::<_, StoreError>(())
        })
        .unwrap();
    for cat in [0, 3] {
        shelter.desk.toggle_favourite(&shelter.user, shelter.cats[cat]).unwrap();
    }
    shelter
}

/// The bytes that a terminal sends for a key by its name in the help.
fn bytes(key: &str) -> String {
    let known = [
        ("Enter", "\r"),
        ("Esc", "\x1b"),
        ("Tab", "\t"),
        ("Shift-Tab", "\x1b[Z"),
        ("Space", " "),
        ("Backspace", "\x7f"),
        ("Del", "\x1b[3~"),
        ("↑", "\x1b[A"),
        ("↓", "\x1b[B"),
        ("→", "\x1b[C"),
        ("←", "\x1b[D"),
        ("PgUp", "\x1b[5~"),
        ("PgDn", "\x1b[6~"),
        ("Home", "\x1b[H"),
        ("End", "\x1b[F"),
        ("F1", "\x1bOP"),
    ];
    if let Some((_, bytes)) = known.iter().find(|(name, _)| *name == key) {
        return (*bytes).to_owned();
    }
    if let Some(letter) = key.strip_prefix("Ctrl-") {
        let letter = letter.bytes().next().unwrap();
        return char::from(letter.to_ascii_uppercase() & 0x1f).to_string();
    }
    assert_eq!(key.chars().count(), 1, "how is {key} typed?");
    key.to_owned()
}

/// Every key that any screen binds, but for those that leave the program.
fn every_key() -> Vec<String> {
    let tables = std::iter::once(keys::GLOBAL).chain(screens::KEYS.iter().map(|(_, binds)| *binds));
    let binds = tables.flatten().filter(|b| b.command != clowder::ui::Command::Quit);
    let names: BTreeSet<String> = binds.flat_map(|b| b.keys.iter().map(ToString::to_string)).collect();
    names.iter().map(|name| bytes(name)).collect()
}

/// What was sent to the terminal is text and the few sequences that draw it.
fn check_output(output: &[u8]) {
    let text = std::str::from_utf8(output).expect("the output is UTF-8");
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            assert!(!is_unsafe(c) || matches!(c, '\r' | '\n' | '\u{8}'), "{c:?} reached the terminal");
            continue;
        }
        match chars.next() {
            Some('[') => {}
            // One line up, scrolling.
            Some('M') => continue,
            other => panic!("ESC {other:?} reached the terminal"),
        }
        let last = chars.find(|c| !matches!(c, '0'..='9' | ';' | '?' | ':'));
        assert!(last.is_some_and(|c| "ABCDHJKLMSTXPGdmhlr@b".contains(c)), "CSI … {last:?} reached the terminal");
    }
}

fn check(t: &Terminal, from: usize) {
    check_output(&t.output()[from..]);
    assert!(!t.text().contains("fault in the program"), "{}", t.text());
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

#[test]
fn what_is_too_long_is_refused() {
    let shelter = Shelter::new();
    let long = "猫".repeat(3_500);
    let name = shelter.desk.add_cat(&shelter.staff, vec![CatChange::Name(long.clone())]);
    assert!(matches!(name, Err(Error::Invalid(_))));
    let full = shelter.desk.edit_profile(&shelter.user, 1, vec![UserChange::FullName(long)]);
    assert!(matches!(full, Err(Error::Invalid(_))));
    // A paste of that length stays within its field.
    let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), &shelter.user);
    t.keys("9e\t").keys(&format!("\x1b[200~{}\x1b[201~", "猫".repeat(3_500))).keys("\x13");
    assert!(shelter.desk.me(&shelter.user).unwrap().full_name.len() <= clowder::model::limits::NAME);
}

/// Every bound key on every place and on what opens there with Enter, and Enter after it.
fn press_everything(role: fn(&Shelter) -> &Actor) {
    let shelter = hostile();
    let actor = role(&shelter).clone();
    let keys = every_key();
    for place in "1234567890".chars() {
        for key in &keys {
            let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), &actor);
            t.keys(&place.to_string()).keys(key).keys("\r");
            t.resize(40, 12).keys("x\x1b[B").resize(1, 1).keys("y");
            check(&t, 0);
        }
        for key in keys.iter().filter(|key| key.bytes().all(|b| b.is_ascii_alphabetic())) {
            let mut t = Terminal::signed_in(&shelter.desk, caps(40, 12), &actor);
            t.keys(&format!("{place}\r")).keys(key).keys("x\r").keys("y\r");
            check(&t, 0);
        }
    }
}

#[test]
fn an_admin_presses_every_key() {
    press_everything(|shelter| &shelter.admin);
}

#[test]
fn staff_press_every_key() {
    press_everything(|shelter| &shelter.staff);
}

#[test]
fn a_person_presses_every_key() {
    press_everything(|shelter| &shelter.user);
}

#[test]
fn anybody_types_anything() {
    let shelter = hostile();
    let keys = every_key();
    let sizes = [(80, 24), (120, 40), (40, 12), (1, 1), (2, 9), (200, 3)];
    let mut dice = Dice(7);
    for actor in [&shelter.admin, &shelter.staff, &shelter.user] {
        let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), actor);
        for step in 0..700 {
            let from = t.output().len();
            match dice.roll(24) {
                0 => {
                    let (width, height) = sizes[dice.roll(sizes.len())];
                    t.resize(width, height);
                }
                1 => {
                    let text = HOSTILE[dice.roll(HOSTILE.len())];
                    t.keys(&format!("\x1b[200~{text}\x1b[201~"));
                }
                2 => {
                    t.keys(
                        ["\x1b[<0;3;4M", "\x1b[?1;2c", "\x1b[24;80R", "\x1bO", "\x1b[1;5D", "\x1b\x1b"][dice.roll(6)],
                    );
                }
                3 => {
                    let c = char::from(32 + dice.roll(95) as u8);
                    t.keys(&c.to_string());
                }
                _ => {
                    t.keys(&keys[dice.roll(keys.len())]);
                }
            }
            check(&t, from);
            if t.is_over() || step % 50 == 49 {
                t = Terminal::signed_in(&shelter.desk, caps(80, 24), actor);
            }
        }
    }
}
