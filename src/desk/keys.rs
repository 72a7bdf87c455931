//! SSH keys: which public keys let somebody in as whom.

use russh::keys::{Algorithm, HashAlg, PublicKey};

use super::{Acting, Desk, Done, Rights, Step, accounts, fits};
use crate::model::{
    Action, Actor, Door, Error, Kind, Permission, Result, SshKey, Stamp, User, UserId, Who, limits, text::clean_line,
};
use crate::store::{Store, Tx, Unique};

/// What somebody is told whose key is not one of the account they named.
pub const WRONG_KEY: &str = "this key does not belong to the account";
/// The fewest bits of an RSA key.
const RSA_MIN: usize = 2048;
/// The most bits of an RSA key: a longer one would crowd the record.
const RSA_MAX: usize = 4096;
/// How old the note of a key's last use gets before it is written anew: a day, so that a script that signs in every
/// minute does not fill the log with its account, before and after.
const USED_EVERY_MS: i64 = 24 * 60 * 60 * 1000;

/// One key of an account, as people tell it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLine {
    /// Its fingerprint, as `ssh-keygen -l` prints it (`SHA256:…`).
    pub fingerprint: String,
    /// Its kind (`ssh-ed25519`).
    pub algorithm: String,
    /// What its owner calls it; may be empty.
    pub comment: String,
    /// When it was added.
    pub added_at: Stamp,
    /// When it was last used to sign in, to the day.
    pub last_used: Option<Stamp>,
}

impl KeyLine {
    /// Reads the line of a `.pub` file, as it would be stored.
    ///
    /// # Errors
    /// `Invalid` at `key`, with what is wrong and what would do.
    pub fn read(text: &str) -> Result<Self> {
        parse(text).map(|key| Self::of(&key))
    }

    fn of(key: &SshKey) -> Self {
        let parsed = PublicKey::from_openssh(&key.key).ok();
        Self {
            fingerprint: parsed.as_ref().map(fingerprint).unwrap_or_default(),
            algorithm: key.key.split(' ').next().unwrap_or_default().to_owned(),
            comment: key.comment.clone(),
            added_at: key.added_at,
            last_used: key.last_used,
        }
    }
}

/// The fingerprint of a key, as `ssh-keygen -l` prints it.
pub fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// A key in OpenSSH's one-line form, without its comment.
fn bare(key: &PublicKey) -> Option<String> {
    let line = key.to_openssh().ok()?;
    let mut words = line.split(' ');
    Some(format!("{} {}", words.next()?, words.next()?))
}

/// Whether a word is the long part of a key: in each it begins with its own kind.
fn is_body(word: &str) -> bool {
    ["AAAAC3NzaC1l", "AAAAB3NzaC1y", "AAAAE2VjZHNh"].iter().any(|start| word.starts_with(start))
}

/// Reads one line of a `.pub` file; the answer is stored.
///
/// # Errors
/// `Invalid` at `key`, with what is wrong and what would do.
pub fn parse(text: &str) -> Result<SshKey> {
    let wrong = |message: &str| Err(Error::invalid("key", message));
    let text = text.trim();
    if text.is_empty() {
        return wrong("is needed: paste the line of a file like id_ed25519.pub");
    }
    if text.contains("PRIVATE KEY") {
        return wrong("is a private key, which nobody else may see; paste the line of the .pub file beside it");
    }
    if text.contains("BEGIN SSH2 PUBLIC KEY") {
        return wrong("is in another form; \"ssh-keygen -i -f FILE\" turns it into the line that is needed");
    }
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let line = lines.next().unwrap_or_default();
    if lines.next().is_some() {
        return wrong("must be one line; add several keys one after the other");
    }
    let mut words = line.split_ascii_whitespace();
    let kind = words.next().unwrap_or_default();
    if kind.contains("-cert-v01") {
        return wrong("is a certificate; paste the key itself");
    }
    if kind.starts_with("sk-") {
        return wrong("is of a security key, which is not supported; use ed25519, ecdsa or rsa");
    }
    if kind == "ssh-dss" {
        return wrong("is a DSA key, which is too weak; make one with \"ssh-keygen -t ed25519\"");
    }
    if !matches!(kind, "ssh-ed25519" | "ssh-rsa") && !kind.starts_with("ecdsa-sha2-") {
        return wrong(
            "does not begin with ssh-ed25519, ecdsa-sha2-… or ssh-rsa; paste the whole line of the .pub file",
        );
    }
    let Some(body) = words.next() else { return wrong("is cut off: the long part after its kind is missing") };
    let Ok(key) = PublicKey::from_openssh(&format!("{kind} {body}")) else {
        return wrong("is damaged; copy the line of the .pub file again, whole and without line breaks");
    };
    match key.algorithm() {
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. } => {}
        Algorithm::Rsa { .. } => {
            let bits = key.key_data().rsa().map_or(0, |rsa| rsa.n().as_positive_bytes().map_or(0, bits));
            if bits < RSA_MIN {
                return Err(Error::invalid(
                    "key",
                    format!("is an RSA key of {bits} bits, which is too weak; it needs {RSA_MIN}, or use ed25519"),
                ));
            }
            if bits > RSA_MAX {
                return Err(Error::invalid(
                    "key",
                    format!("is an RSA key of {bits} bits; at most {RSA_MAX} fit, or use ed25519"),
                ));
            }
        }
        _ => return wrong("is of a kind that is not supported; use ed25519, ecdsa or rsa"),
    }
    let Some(key) = bare(&key) else { return wrong("cannot be written out again; use ed25519") };
    let rest: Vec<&str> = words.collect();
    // Line ends may have become blanks on the way.
    if rest.iter().any(|word| is_body(word)) {
        return wrong("must be one line; add several keys one after the other");
    }
    let mut comment = clean_line(&rest.join(" "));
    while comment.len() > limits::KEY_COMMENT {
        comment.pop();
    }
    let comment = comment.trim_end().to_owned();
    Ok(SshKey { key: fits("key", key, limits::SSH_KEY)?, comment, added_at: Stamp::default(), last_used: None })
}

/// How many bits a number has, given its bytes without leading zeros.
fn bits(bytes: &[u8]) -> usize {
    bytes.first().map_or(0, |first| bytes.len() * 8 - first.leading_zeros() as usize)
}

fn unknown() -> Error {
    Error::SignedOut(WRONG_KEY.to_owned())
}

/// One's own account, or anybody's for an admin.
fn may(acting: &Acting, user: UserId) -> Result<()> {
    if acting.is(user) { Ok(()) } else { acting.need(Permission::ManageUsers) }
}

fn account(tx: &Tx<'_>, acting: &Acting, id: UserId) -> Step<User> {
    may(acting, id)?;
    let user: User = super::Reads::load_or_missing(tx, id)?;
    if user.anonymised {
        return Err(Error::refused("this account was anonymised; it stays as it is").into());
    }
    Ok(user)
}

/// Notes that a key was used.
pub(super) fn note_use(tx: &mut Tx<'_>, id: UserId, key: &str) -> Step<()> {
    let mut user: User = tx.need(id)?;
    let now = tx.now();
    if let Some(found) = user.ssh_keys.iter_mut().find(|k| k.key == key) {
        found.last_used = Some(now);
        tx.update(&mut user)?;
    }
    Ok(())
}

fn holder(store: &Store, name: &str) -> Step<Option<User>> {
    let unique = if name.contains('@') { Unique::Email(name) } else { Unique::Username(name) };
    let Some(id) = store.find(unique)? else { return Ok(None) };
    Ok(store.get::<User>(UserId(id))?)
}

impl Desk {
    /// The keys of an account, in the order in which they were added: one's own, anybody's for an admin.
    ///
    /// # Errors
    /// `NotFound`, `Denied`.
    pub fn ssh_keys(&self, actor: &Actor, id: UserId) -> Result<Vec<KeyLine>> {
        let acting = self.acting(actor, Permission::OwnAccount)?;
        may(&acting, id)?;
        let user: User = self.read(|store| super::Reads::load_or_missing(store, id))?;
        Ok(user.ssh_keys.iter().map(KeyLine::of).collect())
    }

    /// Adds a key, given as the line of a `.pub` file, to one's own account, or to anybody's for an admin. The same
    /// key may be in several accounts: whoever signs in names the one they mean.
    ///
    /// # Errors
    /// `Invalid` at `key`, `Refused` past the limit, `NotFound`, `Denied`.
    pub fn add_ssh_key(&self, actor: &Actor, id: UserId, text: &str) -> Result<(KeyLine, Done)> {
        may(&self.acting(actor, Permission::OwnAccount)?, id)?;
        let mut key = parse(text)?;
        let written = self.commit(actor, Permission::OwnAccount, move |tx, acting| {
            let mut user = account(tx, acting, id)?;
            if user.ssh_keys.iter().any(|k| k.key == key.key) {
                return Err(Error::invalid("key", "is there already").into());
            }
            if user.ssh_keys.len() >= limits::SSH_KEYS {
                return Err(Error::refused(format!(
                    "{} keys are as many as an account has; remove one first",
                    limits::SSH_KEYS
                ))
                .into());
            }
            key.added_at = tx.now();
            let line = KeyLine::of(&key);
            tx.describe(Action::AddKey, line.fingerprint.as_str());
            user.ssh_keys.push(key);
            tx.update(&mut user)?;
            Ok((line, user.display_name()))
        })?;
        let (line, name) = written.value;
        let message = format!("{name} can sign in with {}.", line.fingerprint);
        Ok((line, Done { message, commit: written.commit }))
    }

    /// Removes a key by its fingerprint; sessions that it opened end.
    ///
    /// # Errors
    /// `NotFound`, `Denied`.
    pub fn remove_ssh_key(&self, actor: &Actor, id: UserId, fingerprint: &str) -> Result<Done> {
        may(&self.acting(actor, Permission::OwnAccount)?, id)?;
        let which = fingerprint.trim().to_owned();
        let written = self.commit(actor, Permission::OwnAccount, move |tx, acting| {
            let mut user = account(tx, acting, id)?;
            let before = user.ssh_keys.len();
            user.ssh_keys.retain(|k| KeyLine::of(k).fingerprint != which);
            if user.ssh_keys.len() == before {
                return Err(Error::refused(format!("{} has no key {which}", user.display_name())).into());
            }
            tx.describe(Action::RemoveKey, which.as_str());
            tx.update(&mut user)?;
            Ok(format!("{} can no longer sign in with {which}.", user.display_name()))
        })?;
        Ok(Done { message: written.value, commit: written.commit })
    }

    /// Whether a key is one of somebody's, before it is known that whoever offers it holds it.
    pub fn knows_key(&self, name: &str, key: &PublicKey) -> bool {
        let Some(key) = bare(key) else { return false };
        let account = self.read(|store| holder(store, name)).ok().flatten();
        account.is_some_and(|user| user.ssh_keys.iter().any(|k| k.key == key))
    }

    /// Signs somebody in by name and a key whose possession was proved. The key's last use is noted once a day.
    ///
    /// # Errors
    /// `SignedOut` with a sentence: not a key of this account, or locked.
    pub fn sign_in_with_key(&self, name: &str, key: &PublicKey, door: Door, address: Option<String>) -> Result<Actor> {
        let key = bare(key).ok_or_else(unknown)?;
        let account = self.read(|store| holder(store, name))?.ok_or_else(unknown)?;
        let found = account.ssh_keys.iter().find(|k| k.key == key).ok_or_else(unknown)?;
        if let Some(lock) = &account.locked {
            return Err(accounts::locked(lock));
        }
        let actor = Actor { who: Who::User(account.id), door, address };
        let due = found.last_used.is_none_or(|at| Stamp::now().0 - at.0 >= USED_EVERY_MS);
        let how = format!("with the key {}", KeyLine::of(found).fingerprint);
        self.came_in(&actor, how, due.then_some(key));
        Ok(actor)
    }

    /// What somebody who came in with a key may do at this moment: the key must still be theirs.
    ///
    /// # Errors
    /// `SignedOut` when the key was removed, or the account is locked or gone.
    pub fn rights_by_key(&self, actor: &Actor, fingerprint: &str) -> Result<Rights> {
        let rights = self.rights(actor)?;
        let gone = || Error::SignedOut("the key that opened this session was removed".to_owned());
        let id = rights.user.ok_or_else(gone)?;
        let user: Option<User> = self.read(|store| Ok(store.get(id)?))?;
        let keys = user.ok_or_else(|| Error::not_found(Kind::User, id))?.ssh_keys;
        if keys.iter().any(|k| KeyLine::of(k).fingerprint == fingerprint) { Ok(rights) } else { Err(gone()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZDzN9LZmJkPYEnZRb2PYa4S1cTVQm1uSPi2d2UeTpY";

    fn wrong(text: &str) -> String {
        match parse(text).unwrap_err() {
            Error::Invalid(mut errors) => errors.remove(0).message,
            e => panic!("{e}"),
        }
    }

    fn random(algorithm: Algorithm) -> PublicKey {
        let key = russh::keys::PrivateKey::random(&mut russh::keys::key::safe_rng(), algorithm).unwrap();
        key.public_key().clone()
    }

    #[test]
    fn a_line_of_a_pub_file_is_taken_with_its_comment_cleaned() {
        let key = parse(&format!("  {ED25519}  ana's\u{7} \u{202e}lap   top\n")).unwrap();
        assert_eq!(key.key, ED25519);
        assert_eq!(key.comment, "ana's lap top");
        assert!(KeyLine::of(&key).fingerprint.starts_with("SHA256:"));
        assert_eq!(parse(ED25519).unwrap().comment, "");
        let long = parse(&format!("{ED25519} {}", "é".repeat(200))).unwrap();
        assert!(long.comment.len() <= limits::KEY_COMMENT);
    }

    #[test]
    fn every_kind_that_is_let_in_is_taken() {
        use russh::keys::EcdsaCurve;
        let kinds = [EcdsaCurve::NistP256, EcdsaCurve::NistP384, EcdsaCurve::NistP521];
        for key in kinds.map(|curve| random(Algorithm::Ecdsa { curve })) {
            let taken = parse(&key.to_openssh().unwrap()).unwrap();
            assert_eq!(Some(taken.key), bare(&key));
        }
        assert_eq!(bits(&[1, 0]), 9);
        assert_eq!(bits(&[0xff; 256]), 2048);
    }

    #[test]
    fn what_is_no_key_is_told_apart() {
        assert!(wrong("").contains("is needed"));
        assert!(wrong("-----BEGIN OPENSSH PRIVATE KEY-----\nabc").contains("private key"));
        assert!(wrong("ssh-dss AAAA").contains("too weak"));
        assert!(wrong("sk-ssh-ed25519@openssh.com AAAA").contains("security key"));
        assert!(wrong("ssh-ed25519-cert-v01@openssh.com AAAA").contains("certificate"));
        assert!(wrong("hello there").contains("does not begin"));
        assert!(wrong("ssh-ed25519").contains("cut off"));
        assert!(wrong(&ED25519[..60]).contains("damaged"));
        assert!(wrong(&format!("{ED25519} a\n{ED25519} b")).contains("one line"));
        assert!(wrong(&format!("{ED25519} a {ED25519} b")).contains("one line"));
        // 512 bits, made up: only its length is looked at.
        let mut blob = Vec::new();
        for part in [&b"ssh-rsa"[..], &[1, 0, 1], &[0x7f; 64]] {
            blob.extend((part.len() as u32).to_be_bytes());
            blob.extend(part);
        }
        let weak = wrong(&format!("ssh-rsa {}", base64(&blob)));
        assert!(weak.contains("511 bits"), "{weak}");
    }

    fn base64(bytes: &[u8]) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut out = String::new();
        for chunk in bytes.chunks(3) {
            let n = chunk.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
            for i in 0..4 {
                let six = (n >> (18 - 6 * i)) & 63;
                out.push(if i <= chunk.len() { LETTERS[six as usize].into() } else { '=' });
            }
        }
        out
    }
}
