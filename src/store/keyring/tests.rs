use super::*;

/// A keyring with its second data key, being re-sealed, and that key.
fn renewed() -> (Keyring, SecretKey) {
    let home = tempfile::tempdir().unwrap();
    let (mut keyring, unlocked) =
        Keyring::create(home.path(), &Keyring::new_id(), &home.path().join("config"), None).unwrap();
    let secrets = [(unlocked.way.slot, unlocked.way.secret.clone())];
    let (new, dropped) = keyring.renew(&unlocked.keys, &unlocked.hasher, &secrets);
    assert!(dropped.is_empty());
    (keyring, new)
}

/// Whether it opens, and then whether values that are sealed with the first key do.
fn opens(keyring: &Keyring, key: &SecretKey) -> Option<bool> {
    let keyring = Keyring::parse(&keyring.text().unwrap()).unwrap();
    let keys = keyring.keys(key.clone()).ok()?.0;
    let sealed = keys.sealer(1).unwrap().seal("cat", b"1", b"Miso");
    Some(keys.open("cat", b"1", &sealed).is_ok())
}

#[test]
fn the_mark_of_re_sealing_is_set_with_the_current_data_key_only() {
    let (resealing, key) = renewed();
    assert_eq!(opens(&resealing, &key), Some(true));
    let mut done = resealing.clone();
    done.end_resealing();
    assert_eq!(opens(&done, &key), Some(false));

    let mark = |version: u32, resealing: Option<&str>, proof: Option<String>| Keyring {
        version,
        resealing: resealing.map(str::to_owned),
        resealing_proof: proof,
        ..done.clone()
    };
    let since = resealing.resealing.as_deref();
    let other = renewed().0.resealing_proof;
    for forged in [
        mark(PROVEN, since, None),
        mark(PROVEN, since, other),
        mark(PROVEN, Some("2020-01-01T00:00:00Z"), resealing.resealing_proof.clone()),
        mark(PROVEN, None, resealing.resealing_proof.clone()),
        mark(VERSION, since, None),
        Keyring { index: None, ..mark(PROVEN, None, None) },
    ] {
        assert_eq!(opens(&forged, &key), None, "{forged:?}");
    }
}

#[test]
fn a_keyring_of_before_the_proof_is_read() {
    let (resealing, key) = renewed();
    let secret = KeyHasher::new(&key);
    let index = seal::to_hex(&seal::wrap(&key, &resealing.store, INDEX, secret.secret()));
    let before = Keyring { version: VERSION, index: Some(index), resealing_proof: None, ..resealing };
    assert_eq!(opens(&before, &key), Some(true));
    assert_eq!(opens(&Keyring { resealing: None, ..before }, &key), Some(false));
}
