//! Accounts, breeds, health statuses, the profile, the log and the check, as a person sees them: bytes in, a
//! terminal's screen out.

#[path = "screens_admin/accounts.rs"]
mod accounts;
#[path = "screens_admin/catalogues.rs"]
mod catalogues;
#[path = "screens_admin/log.rs"]
mod log;
#[path = "screens_admin/profile.rs"]
mod profile;
#[path = "screens_admin/rights.rs"]
mod rights;
#[path = "support/shelter.rs"]
mod shelter;
#[path = "screens_admin/ssh_keys.rs"]
mod ssh_keys;
#[path = "support/terminal.rs"]
mod terminal;

use clowder::model::Actor;
use shelter::Shelter;
use terminal::{Terminal, caps};

/// Somebody signed in at a terminal of 80 columns and 24 rows.
fn at(shelter: &Shelter, actor: &Actor) -> Terminal {
    Terminal::signed_in(&shelter.desk, caps(80, 24), actor)
}

/// Types what leads to a screen, and takes its picture at the usual sizes; at the unusual ones it only has to
/// be drawn.
fn pictures(name: &str, shelter: &Shelter, actor: &Actor, keys: &[&str]) {
    for (width, height) in [(80, 24), (120, 40)] {
        let mut t = Terminal::signed_in(&shelter.desk, caps(width, height), actor);
        keys.iter().for_each(|key| {
            t.keys(key);
        });
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), t.snapshot());
    }
    for (width, height) in [(40, 12), (1, 1), (300, 100)] {
        let mut t = Terminal::signed_in(&shelter.desk, caps(width, height), actor);
        keys.iter().for_each(|key| {
            t.keys(key);
        });
        assert!(!t.is_over());
        t.resize(80, 24).resize(3, 2).resize(40, 12);
        assert!(!t.text().trim().is_empty());
    }
}

#[track_caller]
fn sees(t: &Terminal, text: &str) {
    assert!(t.text().contains(text), "{text:?} is not on the screen:\n{}", t.text());
}

#[track_caller]
fn misses(t: &Terminal, text: &str) {
    assert!(!t.text().contains(text), "{text:?} is on the screen:\n{}", t.text());
}
