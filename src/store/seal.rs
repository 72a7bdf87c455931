//! Sealing: nothing readable on the disk, and nothing damaged or moved passes for good.

use blake2::Blake2bMac;
use blake2::digest::{
    KeyInit as _, Mac as _,
    consts::{U16, U32},
};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Generate as _, Payload},
};
use zeroize::Zeroizing;

use super::locked::Locked;

/// The nonce in front of every sealed value.
const NONCE: usize = 24;

/// A key of 256 bits in memory of its own, wiped when dropped.
pub(super) struct SecretKey(Locked);

impl SecretKey {
    /// A key from the system's random source.
    pub(super) fn generate() -> Self {
        let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(chacha20poly1305::Key::generate().into());
        Self::of(&bytes)
    }

    /// The key of those bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::of)
    }

    fn of(bytes: &[u8; 32]) -> Self {
        let mut locked = Locked::new();
        locked.bytes_mut().copy_from_slice(bytes);
        Self(locked)
    }

    /// A key that a function works out, in place.
    pub(super) fn filled<E>(fill: impl FnOnce(&mut [u8; 32]) -> Result<(), E>) -> Result<Self, E> {
        let mut locked = Locked::new();
        fill(locked.bytes_mut())?;
        Ok(Self(locked))
    }

    /// A key that is made of a secret of any length; not for what people think up.
    pub(super) fn hashed(purpose: &str, secret: &[u8]) -> Self {
        let mac = Blake2bMac::<U32>::new_from_slice(purpose.as_bytes());
        Self::of(&Zeroizing::new(
            mac.map(|mac| mac.chain_update(secret).finalize().into_bytes().into()).unwrap_or_default(),
        ))
    }

    /// The bytes, to be written to a key file or wrapped.
    pub(super) fn bytes(&self) -> &[u8; 32] {
        self.0.bytes()
    }

    /// A key for one purpose, from which this one cannot be found.
    pub(super) fn derived(&self, purpose: &str) -> Self {
        Self::of(&mac32(self, purpose.as_bytes()))
    }

    /// The cipher with this key, for one use: it holds a copy.
    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.bytes().into())
    }
}

impl Clone for SecretKey {
    fn clone(&self) -> Self {
        Self::of(self.bytes())
    }
}

fn mac32(key: &SecretKey, text: &[u8]) -> Zeroizing<[u8; 32]> {
    let mac = Blake2bMac::<U32>::new_from_slice(key.bytes());
    Zeroizing::new(mac.map(|mac| mac.chain_update(text).finalize().into_bytes().into()).unwrap_or_default())
}

/// A value that does not open: damaged, moved from another place, or sealed with another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotOpened;

/// Seals and opens values with the store's data key.
pub(super) struct Sealer {
    key: SecretKey,
}

impl Sealer {
    pub(super) fn new(data_key: &SecretKey) -> Self {
        Self { key: data_key.derived("clowder values 1") }
    }

    /// Nonce and ciphertext of a value, bound to its tree and key.
    pub(super) fn seal(&self, tree: &str, key: &[u8], plain: &[u8]) -> Vec<u8> {
        seal_with(&self.key.cipher(), &place(tree, key), plain)
    }

    /// The value that was sealed for this tree and key.
    pub(super) fn open(&self, tree: &str, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, NotOpened> {
        open_with(&self.key.cipher(), &place(tree, key), sealed)
    }
}

fn place(tree: &str, key: &[u8]) -> Vec<u8> {
    [tree.as_bytes(), &[0], key].concat()
}

fn seal_with(cipher: &XChaCha20Poly1305, place: &[u8], plain: &[u8]) -> Vec<u8> {
    let nonce = XNonce::generate();
    let mut out = Vec::with_capacity(NONCE + plain.len() + 16);
    out.extend_from_slice(&nonce);
    // Encryption fails only past 256 GiB; a value that is left out then does not open.
    if let Ok(sealed) = cipher.encrypt(&nonce, Payload { msg: plain, aad: place }) {
        out.extend_from_slice(&sealed);
    }
    out
}

fn open_with(cipher: &XChaCha20Poly1305, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, NotOpened> {
    let (nonce, body) = sealed.split_at_checked(NONCE).ok_or(NotOpened)?;
    let nonce = XNonce::try_from(nonce).map_err(|_| NotOpened)?;
    cipher.decrypt(&nonce, Payload { msg: body, aad: place }).map_err(|_| NotOpened)
}

/// Seals a key with another, bound to the store and to what it is.
pub(super) fn wrap(wrapping: &SecretKey, store: &str, kind: &str, data_key: &SecretKey) -> Vec<u8> {
    let cipher = wrapping.derived("clowder wrap 1").cipher();
    seal_with(&cipher, &place(kind, store.as_bytes()), data_key.bytes())
}

/// Opens what [`wrap`] sealed.
pub(super) fn unwrap(wrapping: &SecretKey, store: &str, kind: &str, wrapped: &[u8]) -> Result<SecretKey, NotOpened> {
    let cipher = wrapping.derived("clowder wrap 1").cipher();
    let plain = Zeroizing::new(open_with(&cipher, &place(kind, store.as_bytes()), wrapped)?);
    SecretKey::from_bytes(&plain).ok_or(NotOpened)
}

/// Makes hashes of texts for index keys, which nobody can make or test without the store's key.
pub(super) struct KeyHasher(SecretKey);

impl KeyHasher {
    /// The one of a store whose data key is still its first.
    pub(super) fn new(data_key: &SecretKey) -> Self {
        Self(data_key.derived("clowder index 1"))
    }

    /// The one with that secret, for a store whose data key was changed since.
    pub(super) const fn of(secret: SecretKey) -> Self {
        Self(secret)
    }

    /// Its secret, to be kept when the data key changes.
    pub(super) const fn secret(&self) -> &SecretKey {
        &self.0
    }

    /// The hash of a text in the field that `field` numbers.
    pub(super) fn hash(&self, field: u8, text: &str) -> [u8; 16] {
        Blake2bMac::<U16>::new_from_slice(self.0.bytes())
            .map(|mac| mac.chain_update([field]).chain_update(text).finalize().into_bytes().into())
            .unwrap_or_default()
    }
}

/// Bytes in hexadecimal.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The bytes of a hexadecimal text.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.trim().chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits.filter(|d| d.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_only_where_and_as_it_was_sealed() {
        let sealer = Sealer::new(&SecretKey::generate());
        let sealed = sealer.seal("cat", b"1", b"Miso");
        assert_eq!(sealer.open("cat", b"1", &sealed), Ok(b"Miso".to_vec()));
        assert_eq!(sealer.open("cat", b"2", &sealed), Err(NotOpened));
        assert_eq!(sealer.open("user", b"1", &sealed), Err(NotOpened));
        assert_eq!(Sealer::new(&SecretKey::generate()).open("cat", b"1", &sealed), Err(NotOpened));
        for i in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[i] ^= 0x10;
            assert_eq!(sealer.open("cat", b"1", &damaged), Err(NotOpened), "byte {i}");
            assert_eq!(sealer.open("cat", b"1", &sealed[..i]), Err(NotOpened), "cut at {i}");
        }
    }

    #[test]
    fn the_same_value_is_never_sealed_the_same_way() {
        let sealer = Sealer::new(&SecretKey::generate());
        assert_ne!(sealer.seal("cat", b"1", b"Miso"), sealer.seal("cat", b"1", b"Miso"));
    }

    #[test]
    fn a_data_key_is_unwrapped_by_its_own_slot_only() {
        let (slot, data) = (SecretKey::generate(), SecretKey::generate());
        let wrapped = wrap(&slot, "s1", "file", &data);
        assert_eq!(unwrap(&slot, "s1", "file", &wrapped).map(|k| *k.bytes()), Ok(*data.bytes()));
        assert!(unwrap(&slot, "s2", "file", &wrapped).is_err());
        assert!(unwrap(&slot, "s1", "passphrase", &wrapped).is_err());
        assert!(unwrap(&SecretKey::generate(), "s1", "file", &wrapped).is_err());
    }

    #[test]
    fn key_hashes_depend_on_the_field_and_the_store() {
        let key = SecretKey::generate();
        let hasher = KeyHasher::new(&key);
        assert_eq!(hasher.hash(1, "ana"), KeyHasher::new(&key).hash(1, "ana"));
        assert_ne!(hasher.hash(1, "ana"), hasher.hash(2, "ana"));
        assert_ne!(hasher.hash(1, "ana"), KeyHasher::new(&SecretKey::generate()).hash(1, "ana"));
    }
}
