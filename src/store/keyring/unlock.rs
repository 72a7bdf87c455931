//! The ways to the data key, one after the other. Nothing is written, whatever comes of it.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use zeroize::Zeroizing;

use crate::store::{
    OpenError,
    core::Core,
    files,
    keys::Keys,
    seal::{KeyHasher, SecretKey},
};

use super::{CREDENTIAL, Keyring, SlotKind, code::RecoveryCode, credential_key, file};

/// The name under which systemd passes a passphrase in.
const PASSPHRASE: &str = "clowder.passphrase";

/// How often somebody may try.
const TRIES: usize = 3;

/// Shows a question and answers what was typed.
type Question = dyn Fn(&str) -> io::Result<Zeroizing<String>> + Send + Sync;

/// Somebody in front who can be asked for a passphrase or a recovery code.
#[derive(Clone)]
pub struct Ask(Arc<Question>);

impl Ask {
    /// A function that shows a question and answers what was typed, which is not shown; an empty answer gives up.
    pub fn new(ask: impl Fn(&str) -> io::Result<Zeroizing<String>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ask")
    }
}

/// Where the secret that opened a slot came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum Source {
    /// A key file.
    File(PathBuf),
    /// The service manager.
    Credential,
    /// Somebody typed it.
    Typed,
}

/// How a store was opened.
#[derive(Clone)]
pub(in crate::store) struct Way {
    /// The slot.
    pub(in crate::store) slot: u32,
    /// Its secret.
    pub(in crate::store) secret: SecretKey,
    /// Where that came from.
    pub(in crate::store) source: Source,
}

/// What an opened keyring gives.
pub(in crate::store) struct Unlocked {
    pub(in crate::store) keys: Keys,
    pub(in crate::store) hasher: KeyHasher,
    pub(in crate::store) way: Way,
    /// What the person in front should know.
    pub(in crate::store) notices: Vec<String>,
}

impl Unlocked {
    /// The same once more, for another store with the same keys.
    pub(in crate::store) fn again(&self) -> Self {
        Self {
            keys: self.keys.again(),
            hasher: KeyHasher::of(self.hasher.secret().clone()),
            way: self.way.clone(),
            notices: Vec::new(),
        }
    }
}

/// A slot that opened: the data key, and how.
type Found = (SecretKey, Way);

/// Where a key is looked for.
#[derive(Clone)]
pub struct KeySource {
    /// The config directory.
    pub config: PathBuf,
    /// The key file, and no other way; `None` for all the others.
    pub key: Option<PathBuf>,
    /// Where a service manager passes credentials in.
    pub credentials: Option<PathBuf>,
    /// Who can be asked.
    pub ask: Option<Ask>,
    /// The data directory of a store whose keyring may know the key of a backup that no other way opens any more.
    pub data: Option<PathBuf>,
    /// The keys of an open store, which may be those of the backup.
    known: Option<(String, Arc<Keys>)>,
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySource").field("config", &self.config).field("key", &self.key).finish_non_exhaustive()
    }
}

impl KeySource {
    /// The key file in its usual place in that config directory.
    pub fn new(config: &Path) -> Self {
        Self { config: config.to_owned(), key: None, credentials: None, ask: None, data: None, known: None }
    }

    /// The same for a store that is open: it asks nobody, and knows its keys.
    pub(in crate::store) fn of_open_store(self, core: &Core) -> Self {
        Self { ask: None, known: Some((core.id.clone(), Arc::clone(&core.sealer))), ..self }
    }
}

impl Keyring {
    /// Opens the keyring with what the options name: the key file that is given, else the credentials of the service manager, the
    /// key file in the config directory, and somebody in front.
    pub(in crate::store) fn unlock(&self, options: &KeySource) -> Result<Unlocked, OpenError> {
        if let Some(path) = &options.key {
            let (data_key, way) = self.with_file(path)?;
            return self.opened(data_key, way);
        }
        let mut notices = Vec::new();
        let mut why_not = None;
        match self.with_credentials(options.credentials.as_deref()) {
            Ok(Some((data_key, way))) => return self.opened(data_key, way),
            Ok(None) => {}
            Err(e) => {
                notices.push(format!("{}. The store was opened in another way.", capital(&short(&e))));
                why_not = Some(e);
            }
        }
        let (data_key, way) = match self.with_file(&file::default_path(&options.config, &self.store)) {
            Ok(found) => found,
            // Those two are mended by their owner, at once.
            Err(e @ (OpenError::OpenKey { .. } | OpenError::UnreadableKey { .. })) => return Err(e),
            Err(e) => {
                let typed = self.typed(options.ask.as_ref(), why_not.unwrap_or(e))?;
                notices.push(
                    "The store was opened by hand. To have it open by itself again, make a key file: clowder key use-file"
                        .to_owned(),
                );
                typed
            }
        };
        let mut unlocked = self.opened(data_key, way)?;
        unlocked.notices = notices;
        Ok(unlocked)
    }

    /// Opens the keyring of a backup: with what opens it by itself, or with the keys of the store that it was made of, since that may be
    /// opened by other things now.
    pub(in crate::store) fn unlock_apart(&self, options: &KeySource) -> Result<Keys, OpenError> {
        let unasked = KeySource { ask: None, ..options.clone() };
        let why = match self.unlock(&unasked) {
            Ok(unlocked) => return Ok(unlocked.keys),
            Err(e) => e,
        };
        let known = match &options.known {
            Some((store, keys)) if *store == self.store => keys.secret(self.key),
            Some(_) => None,
            None => {
                let now = options.data.as_deref().and_then(|data| Self::read(data).ok().flatten());
                let now = now.filter(|now| now.store == self.store).and_then(|now| now.unlock(&unasked).ok());
                now.and_then(|now| now.keys.secret(self.key))
            }
        };
        if let Some(keys) = known.and_then(|data_key| self.keys(data_key).ok()) {
            return Ok(keys.0);
        }
        if options.ask.is_none() {
            return Err(why);
        }
        self.unlock(options).map(|unlocked| unlocked.keys)
    }

    fn way(&self, kind: SlotKind, secret: SecretKey, source: Source) -> Option<Found> {
        let (slot, data_key) = self.open_slot(kind, &secret)?;
        Some((data_key, Way { slot, secret, source }))
    }

    pub(in crate::store) fn with_file(&self, path: &Path) -> Result<Found, OpenError> {
        let file = file::read(path)?;
        if file.store != self.store {
            return Err(OpenError::ForeignKey { path: path.to_owned() });
        }
        file.key()
            .and_then(|secret| self.way(SlotKind::File, secret, Source::File(path.to_owned())))
            .ok_or_else(|| OpenError::WrongKey { path: path.to_owned() })
    }

    fn with_credentials(&self, directory: Option<&Path>) -> Result<Option<Found>, OpenError> {
        let Some(directory) = directory else { return Ok(None) };
        let read = |name: &str| {
            let path = directory.join(name);
            let bytes = file::read_secret(&path).map_err(|e| files::open_error(&path, &e))?;
            Ok::<_, OpenError>(bytes.map(|bytes| (path, bytes)))
        };
        let mut wrong = None;
        if let Some((path, bytes)) = read(CREDENTIAL)? {
            let key_file = std::str::from_utf8(&bytes).ok().and_then(file::KeyFile::parse);
            let (kind, secret) = match key_file {
                Some(file) if file.store != self.store => return Err(OpenError::ForeignKey { path }),
                Some(file) => (SlotKind::File, file.key()),
                None => (SlotKind::Credential, credential_key(&bytes).ok()),
            };
            let found = secret.and_then(|secret| self.way(kind, secret, Source::Credential));
            if found.is_some() {
                return Ok(found);
            }
            wrong = Some(path);
        }
        if let Some((path, bytes)) = read(PASSPHRASE)? {
            let text = std::str::from_utf8(&bytes).ok().map(|text| text.trim_end_matches(['\r', '\n']));
            if let Some(found) = text.map(|text| self.with_passphrase(text, Source::Credential)).transpose()?.flatten()
            {
                return Ok(Some(found));
            }
            wrong = wrong.or(Some(path));
        }
        wrong.map_or(Ok(None), |path| Err(OpenError::WrongCredential { path }))
    }

    fn with_passphrase(&self, passphrase: &str, source: Source) -> Result<Option<Found>, OpenError> {
        for slot in self.slot.iter().filter(|slot| slot.kind == SlotKind::Passphrase) {
            if let Some(argon) = &slot.argon2id {
                let secret = argon.key(passphrase)?;
                if let Some(data_key) = self.unwrap(slot, &secret) {
                    return Ok(Some((data_key, Way { slot: slot.number, secret, source })));
                }
            }
        }
        Ok(None)
    }

    /// What is typed: a recovery code, or a passphrase. `Err` is why it is neither, in words, without what was typed.
    pub(in crate::store) fn with_typed(&self, typed: &str) -> Result<Result<Found, String>, OpenError> {
        let code = RecoveryCode::parse(typed);
        if let Ok(code) = &code
            && let Some(found) = self.way(SlotKind::Recovery, code.key(), Source::Typed)
        {
            return Ok(Ok(found));
        }
        if let Some(found) = self.with_passphrase(typed, Source::Typed)? {
            return Ok(Ok(found));
        }
        Ok(Err(match code {
            Ok(_) => "That is a recovery code, but not the one that opens this store now".to_owned(),
            Err(e) if self.has(SlotKind::Recovery) => format!("That does not open this store. As a recovery code: {e}"),
            Err(_) => "That does not open this store".to_owned(),
        }))
    }

    /// What can be typed, in words.
    fn typeable(&self) -> Option<&'static str> {
        match (self.has(SlotKind::Passphrase), self.has(SlotKind::Recovery)) {
            (true, true) => Some("passphrase or recovery code"),
            (true, false) => Some("passphrase"),
            (false, true) => Some("recovery code"),
            (false, false) => None,
        }
    }

    fn typed(&self, ask: Option<&Ask>, why: OpenError) -> Result<Found, OpenError> {
        let Some(what) = self.typeable() else { return Err(why) };
        // Where there never was a key file, none is missed.
        let why = match why {
            OpenError::MissingKey { .. } if !self.has(SlotKind::File) => "the store opens with no key file".to_owned(),
            why => short(&why),
        };
        let not_asked = || OpenError::NotAsked { why: why.clone(), what };
        let Some(Ask(ask)) = ask else { return Err(not_asked()) };
        let mut before = capital(&why);
        for _ in 0..TRIES {
            let typed = ask(&format!("{before}.\nThe store's {what}: ")).unwrap_or_default();
            if typed.trim().is_empty() {
                return Err(not_asked());
            }
            match self.with_typed(&typed)? {
                Ok(found) => return Ok(found),
                Err(wrong) => before = wrong,
            }
        }
        Err(OpenError::WrongSecret { what })
    }
}

/// Why a way did not lead there, without the way out: others are still to be tried.
fn short(why: &OpenError) -> String {
    match why {
        OpenError::MissingKey { path } => format!("the key file {} is missing", path.display()),
        OpenError::WrongKey { path } => format!("the key in {} does not open this store", path.display()),
        OpenError::ForeignKey { path } => format!("the key file {} belongs to another store", path.display()),
        OpenError::WrongCredential { path } => format!("the credential {} does not open this store", path.display()),
        other => format!("the key could not be read ({other})"),
    }
}

fn capital(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
