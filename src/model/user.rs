//! People: staff, admins, and those who ask for cats.

use serde::{Deserialize, Serialize};

use super::{AgeBand, Altered, BreedId, CatId, Gender, Role, Stamp, UserId, Version, Who, id::record};

/// What an adopter looks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Preferences {
    /// Breeds, any when empty.
    pub breeds: Vec<BreedId>,
    /// Ages, any when empty.
    pub ages: Vec<AgeBand>,
    /// Sexes, any when empty.
    pub genders: Vec<Gender>,
    /// Spayed or neutered, either when `None`.
    pub altered: Option<Altered>,
}

/// A public key that a user signs in with over SSH.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshKey {
    /// The key in OpenSSH's one-line form without its comment (`ssh-ed25519 AAAA…`).
    pub key: String,
    /// The comment that came with it.
    pub comment: String,
    /// When it was added.
    pub added_at: Stamp,
    /// When it was last used to sign in.
    pub last_used: Option<Stamp>,
}

/// Why and since when an account cannot sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// When it was locked.
    pub at: Stamp,
    /// Who did it.
    pub by: Who,
    /// Why; may be empty.
    pub reason: String,
}

/// A do-not-adopt flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// When it was set.
    pub at: Stamp,
    /// Who did it.
    pub by: Who,
    /// Why.
    pub reason: String,
}

/// A person with an account. Staff may make one for an applicant who never signs in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their number.
    pub id: UserId,
    /// Revision and times.
    pub version: Version,
    /// The sign-in name, unique without regard to case.
    pub username: String,
    /// Their name as they write it; may be empty.
    pub full_name: String,
    /// Unique without regard to case, when given.
    pub email: Option<String>,
    /// The argon2id hash in PHC form; `None` when they cannot sign in with a password.
    pub password: Option<String>,
    /// What they may do.
    pub role: Role,
    /// As they write it; may be empty.
    pub phone: String,
    /// When the account was made.
    pub registered_at: Stamp,
    /// What they look for.
    pub preferences: Preferences,
    /// Cats they marked.
    pub favourites: Vec<CatId>,
    /// Keys they sign in with over SSH.
    pub ssh_keys: Vec<SshKey>,
    /// Set while the account cannot sign in.
    pub locked: Option<Lock>,
    /// Set while the person must not adopt.
    pub banned: Option<Ban>,
    /// Set when the person's details were removed; the account only holds its requests together.
    pub anonymised: bool,
}
record!(User, UserId, User, |u| u.display_name());

impl User {
    /// An account with nothing but its sign-in name and role.
    pub fn new(username: impl Into<String>, role: Role) -> Self {
        Self {
            id: UserId::default(),
            version: Version::default(),
            username: username.into(),
            full_name: String::new(),
            email: None,
            password: None,
            role,
            phone: String::new(),
            registered_at: Stamp::default(),
            preferences: Preferences::default(),
            favourites: Vec::new(),
            ssh_keys: Vec::new(),
            locked: None,
            banned: None,
            anonymised: false,
        }
    }

    /// What people call them: the full name, else the sign-in name.
    pub fn display_name(&self) -> String {
        if self.full_name.is_empty() { self.username.clone() } else { self.full_name.clone() }
    }
}

/// Written by hand so that the password hash never reaches a log or a panic message.
impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("rev", &self.version.rev)
            .field("username", &self.username)
            .field("role", &self.role)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("locked", &self.locked.is_some())
            .field("banned", &self.banned.is_some())
            .finish_non_exhaustive()
    }
}
