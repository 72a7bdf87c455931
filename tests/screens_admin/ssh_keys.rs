//! SSH keys: on one's own page, on that of others, and the form that adds one.

use clowder::model::{Actor, UserId};

use crate::{at, misses, pictures, sees, shelter::Shelter};

const UMA: UserId = UserId(3);
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZDzN9LZmJkPYEnZRb2PYa4S1cTVQm1uSPi2d2UeTpY";
const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZDzN9LZmJkPYEnZRb2PYa4S1cTVQm1uSPi2d2UeTpZ";
const CURVE: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBGsX0fLhLEJH+Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfU=";

/// Pasted as a terminal does it.
fn pasted(text: &str) -> String {
    format!("\x1b[200~{text}\x1b[201~")
}

fn with_keys(shelter: &Shelter) {
    let long = "the computer in the quarantine room behind the laundry, second shelf from the left, blue";
    for line in [format!("{KEY} {long}"), format!("{CURVE} 三毛的笔记本电脑"), OTHER.to_owned()] {
        shelter.desk.add_ssh_key(&shelter.user, UMA, &line).unwrap();
    }
    let key = russh::keys::PublicKey::from_openssh(OTHER).unwrap();
    shelter.desk.sign_in_with_key("uma", &key, clowder::model::Door::Ssh, None).unwrap();
}

#[test]
fn pictures_of_keys() {
    let shelter = Shelter::new();
    pictures("key_form_empty", &shelter, &shelter.user, &["9", "n"]);
    let long = "in the quarantine room behind the laundry, on the second shelf from the left, below the blue box";
    pictures("key_form_long", &shelter, &shelter.user, &["9", "n", &pasted(&format!("{KEY} {long}\n"))]);
    pictures("key_form_cjk", &shelter, &shelter.user, &["9", "n", &pasted(KEY), "\t三毛的笔记本电脑"]);
    pictures("key_form_wrong", &shelter, &shelter.user, &["9", "n", &pasted(&KEY[..60])]);
    shelter.desk.add_ssh_key(&shelter.user, UMA, &format!("{KEY} laptop")).unwrap();
    pictures("keys_remove", &shelter, &shelter.user, &["9", "x"]);
    let laptop = shelter.desk.ssh_keys(&shelter.user, UMA).unwrap().remove(0).fingerprint;
    shelter.desk.remove_ssh_key(&shelter.user, UMA, &laptop).unwrap();
    with_keys(&shelter);
    shelter.desk.toggle_favourite(&shelter.user, shelter.cats[2]).unwrap();
    pictures("keys", &shelter, &shelter.user, &["9"]);
    pictures("keys_of_another", &shelter, &shelter.admin, &["5", "/uma\r", "\r", "G"]);
}

#[test]
fn a_key_is_pasted_named_and_removed() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.user);
    t.keys("9");
    sees(&t, "n adds one");
    t.keys("n").keys(&pasted(&format!("{KEY} uma@home\r\n")));
    sees(&t, "uma@home");
    t.keys("\tlaptop").keys("\r");
    sees(&t, "Uma Stone can sign in with SHA256:");
    sees(&t, "laptop");
    let keys = shelter.desk.ssh_keys(&shelter.user, UMA).unwrap();
    assert_eq!((keys.len(), &*keys[0].comment), (1, "laptop"));
    sees(&t, &keys[0].fingerprint);
    // Enter alone does not remove it.
    t.keys("x").keys("\r");
    sees(&t, "Remove this SSH key?");
    t.keys("\x1b");
    assert_eq!(shelter.desk.ssh_keys(&shelter.user, UMA).unwrap().len(), 1);
    t.keys("x").keys("y");
    sees(&t, "can no longer sign in");
    assert!(shelter.desk.ssh_keys(&shelter.user, UMA).unwrap().is_empty());
    sees(&t, "n adds one");
}

#[test]
fn what_is_no_key_is_told_for_what_it_is() {
    let shelter = Shelter::new();
    with_keys(&shelter);
    let mut t = at(&shelter, &shelter.user);
    t.keys("9n");
    for (text, told) in [
        ("hello there", "does not begin with ssh-ed25519"),
        ("ssh-dss AAAA", "too weak"),
        ("sk-ssh-ed25519@openssh.com AAAA", "security key"),
        (&KEY[..50], "is damaged"),
        (KEY, "is there already"),
        (&format!("{KEY} a\n{OTHER} b"), "must be one line"),
    ] {
        t.keys("\x15").keys(&pasted(text));
        sees(&t, told);
        t.keys("\x13");
        sees(&t, told);
    }
    assert_eq!(shelter.desk.ssh_keys(&shelter.user, UMA).unwrap().len(), 3);
}

#[test]
fn a_private_key_is_neither_kept_nor_shown() {
    let shelter = Shelter::new();
    let mut t = at(&shelter, &shelter.user);
    t.keys("9n");
    let body = "b3BlbnNzaC1rZXktdjEAAAAA\n".repeat(60);
    t.keys(&pasted(&format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{body}-----END OPENSSH PRIVATE KEY-----\n")));
    sees(&t, "was a private key, which nobody else may see");
    assert!(!String::from_utf8_lossy(t.output()).contains("b3BlbnNz"));
    // Nothing is left to be thrown away.
    t.keys("\x1b");
    sees(&t, "Favourites");
}

#[test]
fn more_keys_than_fit_are_not_begun() {
    let shelter = Shelter::new();
    with_keys(&shelter);
    let last = format!("{} fourth", OTHER.replace("UeTpZ", "UeTpa"));
    shelter.desk.add_ssh_key(&shelter.user, UMA, &last).unwrap();
    let mut t = at(&shelter, &shelter.user);
    t.keys("9n");
    sees(&t, "4 keys are as many as an account has; remove one first");
    sees(&t, "Your account");
}

#[test]
fn an_admin_sees_and_removes_the_keys_of_others_and_staff_do_not() {
    let shelter = Shelter::new();
    with_keys(&shelter);
    let mut ada = at(&shelter, &shelter.admin);
    ada.keys("5/uma\r\r").keys("G");
    sees(&ada, "三毛的笔记本电脑");
    ada.keys("x").keys("y");
    sees(&ada, "Uma Stone can no longer sign in");
    assert_eq!(shelter.desk.ssh_keys(&Actor::console(), UMA).unwrap().len(), 2);
    let key = OTHER.replace("UeTpZ", "UeTpb");
    ada.keys("n").keys(&pasted(&key)).keys("\t").keys("from Ada\r");
    sees(&ada, "Uma Stone can sign in with");
    sees(&ada, "from Ada");
    // Enter opens requests, not keys.
    ada.keys("g").keys("\r");
    sees(&ada, "Miso");
    let mut sam = at(&shelter, &shelter.staff);
    sam.keys("3\r").keys(":open-applicant\r");
    sees(&sam, "Uma Stone");
    misses(&sam, "三毛");
    sam.keys("n");
    misses(&sam, "New SSH key");
}
