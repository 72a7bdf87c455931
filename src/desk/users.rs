//! Accounts: who may sign in, with which rights, and who must not adopt.

use super::{Acting, Desk, Done, Reads, Step, accounts, expect_rev, fields, line, requests::PastRequest};
use crate::model::{
    Action, Actor, AdoptionRequest, Ban, Cat, CommitNo, Error, FieldError, Kind, Lock, Permission, Preferences,
    RequestId, Result, Role, Stamp, User, UserId, Who, limits, query::UserQuery,
};
use crate::store::{Listing, Tx};

/// One change of an account. Role, lock, ban and password have calls of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserChange {
    /// The sign-in name.
    Username(String),
    /// The name as they write it.
    FullName(String),
    /// The e-mail address.
    Email(Option<String>),
    /// The telephone number.
    Phone(String),
    /// What they look for.
    Preferences(Preferences),
}

impl UserChange {
    /// The name of the field it changes.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Username(_) => "username",
            Self::FullName(_) => "full_name",
            Self::Email(_) => "email",
            Self::Phone(_) => "phone",
            Self::Preferences(_) => "preferences",
        }
    }

    /// Whether the value by itself can be taken, for a form while somebody types.
    ///
    /// # Errors
    /// The field and what is wrong with it.
    pub fn check(&self) -> std::result::Result<(), FieldError> {
        match set(&mut User::new("", Role::User), self.clone()) {
            Err(Error::Invalid(mut errors)) if !errors.is_empty() => Err(errors.remove(0)),
            _ => Ok(()),
        }
    }
}

/// One row of the list of accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserLine {
    /// The account.
    pub id: UserId,
    /// The sign-in name.
    pub username: String,
    /// The name as they write it.
    pub full_name: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// The telephone number.
    pub phone: String,
    /// What they may do.
    pub role: Role,
    /// Cannot sign in.
    pub locked: bool,
    /// Must not adopt.
    pub banned: bool,
    /// Details were removed.
    pub anonymised: bool,
    /// Their open requests.
    pub requests: u16,
    /// When the account was made.
    pub registered_at: Stamp,
}

/// Everything about one account but its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCard {
    /// The account; `password` is empty when there is one, `None` when there is none.
    pub user: User,
    /// Their requests, newest first.
    pub requests: Vec<PastRequest>,
}

/// The account without its password hash.
pub(super) fn scrubbed(mut user: User) -> User {
    user.password = user.password.map(|_| String::new());
    user
}

/// An account as its owner sees it: what staff wrote about a person is for staff.
pub(super) fn own(user: User, acting: &Acting) -> User {
    let mut user = scrubbed(user);
    if let Some(ban) = user.banned.as_mut().filter(|_| !acting.may(Permission::SeeContacts)) {
        (ban.by, ban.reason) = (Who::Program, String::new());
    }
    user
}

/// How the sign-in names of anonymised accounts begin; nobody else gets one.
const FORMER: &str = "former-";

fn username(value: &str) -> Result<String> {
    let name = line("username", value, limits::USERNAME)?;
    let sound = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    match name.len() {
        0 => Err(Error::invalid("username", "is needed")),
        1 => Err(Error::invalid("username", "needs at least 2 characters")),
        _ if name.to_ascii_lowercase().starts_with(FORMER) => {
            Err(Error::invalid("username", format!("must not begin with \"{FORMER}\"")))
        }
        _ if !sound => Err(Error::invalid(
            "username",
            "may hold letters a-z, digits, dots, hyphens and underscores, and starts with a letter or digit",
        )),
        _ => Ok(name),
    }
}

fn email(value: &str) -> Result<Option<String>> {
    let value = line("email", value, limits::EMAIL)?;
    if value.is_empty() {
        return Ok(None);
    }
    let options = email_address::Options::default().with_required_tld().without_display_text().without_domain_literal();
    match email_address::EmailAddress::parse_with_options(&value, options) {
        Ok(_) => Ok(Some(value)),
        Err(_) => Err(Error::invalid("email", format!("\"{value}\" is no e-mail address; write ana@example.org"))),
    }
}

fn set(user: &mut User, change: UserChange) -> Result<()> {
    match change {
        UserChange::Username(value) => user.username = username(&value)?,
        UserChange::FullName(value) => user.full_name = line("full_name", &value, limits::NAME)?,
        UserChange::Email(value) => user.email = email(&value.unwrap_or_default())?,
        UserChange::Phone(value) => {
            let value = line("phone", &value, limits::PHONE)?;
            let digits = value.chars().filter(char::is_ascii_digit).count();
            let sound = value.chars().all(|c| c.is_ascii_digit() || " +-/().x#".contains(c));
            if !value.is_empty() && (!sound || digits < 3) {
                return Err(Error::invalid("phone", format!("\"{value}\" is no telephone number")));
            }
            user.phone = value;
        }
        UserChange::Preferences(value) => {
            if value.breeds.len() > limits::BREEDS {
                return Err(Error::invalid("preferences", format!("hold at most {} breeds", limits::BREEDS)));
            }
            user.preferences = value;
            let Preferences { breeds, ages, genders, .. } = &mut user.preferences;
            breeds.sort();
            breeds.dedup();
            ages.sort();
            ages.dedup();
            genders.sort();
            genders.dedup();
        }
    }
    Ok(())
}

/// Applies a list of changes; errors of fields are gathered.
pub(super) fn apply(user: &mut User, changes: Vec<UserChange>) -> Result<()> {
    let mut errors = Vec::new();
    for change in changes {
        match set(user, change) {
            Err(Error::Invalid(mut e)) => errors.append(&mut e),
            other => other?,
        }
    }
    if user.username.is_empty() && !errors.iter().any(|e| e.field == "username") {
        errors.push(FieldError { field: "username", message: "is needed".to_owned() });
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

/// One edit inside a commit: one's own account, or anybody's for an admin.
pub(super) fn edit(tx: &mut Tx<'_>, acting: &Acting, id: UserId, rev: u32, changes: Vec<UserChange>) -> Step<User> {
    if !acting.is(id) {
        acting.need(Permission::ManageUsers)?;
    }
    let mut user: User = tx.load_or_missing(id)?;
    expect_rev(&user, rev)?;
    if user.anonymised {
        return Err(Error::refused("this account was anonymised; it stays as it is").into());
    }
    let before = user.clone();
    apply(&mut user, changes)?;
    tx.describe(Action::EditUser, fields::changed_names(&before, &user));
    tx.update(&mut user)?;
    Ok(user)
}

/// Refuses what would leave nobody who can administer the store.
pub(super) fn keep_an_admin(reads: &impl Reads, without: UserId) -> Step<()> {
    for id in reads.listing(Listing::UsersByRole(Role::Admin))? {
        let other = UserId(id) != without;
        if other && reads.load::<User>(UserId(id))?.is_some_and(|u| u.role == Role::Admin && u.locked.is_none()) {
            return Ok(());
        }
    }
    Err(Error::refused("this is the last admin; make another one first").into())
}

fn is_usable_admin(user: &User) -> bool {
    user.role == Role::Admin && user.locked.is_none()
}

impl Desk {
    /// The accounts that match a query, in its order; staff who are no admins get applicants only.
    ///
    /// # Errors
    /// `Denied`.
    pub fn users(&self, actor: &Actor, query: &UserQuery) -> Result<Vec<u32>> {
        let acting = self.acting(actor, Permission::SeeContacts)?;
        let catalog = self.catalog()?;
        let mut ids = catalog.users(query);
        if !acting.may(Permission::ManageUsers) {
            ids.retain(|&id| catalog.user(UserId(id)).is_some_and(|u| u.role == Role::User));
        }
        Ok(ids)
    }

    /// The rows of some of them, in that order.
    ///
    /// # Errors
    /// `Denied`.
    pub fn user_rows(&self, actor: &Actor, ids: &[u32]) -> Result<Vec<UserLine>> {
        let acting = self.acting(actor, Permission::SeeContacts)?;
        let all = acting.may(Permission::ManageUsers);
        let catalog = self.catalog()?;
        let rows = ids.iter().filter_map(|&id| catalog.user(UserId(id))).filter(|u| all || u.role == Role::User);
        Ok(rows
            .map(|row| UserLine {
                id: row.id,
                username: row.username.to_string(),
                full_name: row.full_name.to_string(),
                email: row.email.as_deref().map(str::to_owned),
                phone: row.phone.to_string(),
                role: row.role,
                locked: row.locked,
                banned: row.banned,
                anonymised: row.anonymised,
                requests: row.open_requests,
                registered_at: row.registered_at,
            })
            .collect())
    }

    /// The account with this sign-in name or e-mail address.
    ///
    /// # Errors
    /// `NotFound`, `Denied`.
    pub fn user_by_name(&self, actor: &Actor, name: &str) -> Result<UserId> {
        let acting = self.acting(actor, Permission::SeeContacts)?;
        let found = self.read(|store| {
            let unique = if name.contains('@') {
                crate::store::Unique::Email(name)
            } else {
                crate::store::Unique::Username(name)
            };
            let Some(id) = store.find(unique)? else { return Ok(None) };
            Ok(store.load::<User>(UserId(id))?)
        })?;
        match found {
            Some(user) if acting.may(Permission::ManageUsers) || user.role == Role::User => Ok(user.id),
            _ => Err(Error::not_found(Kind::User, name)),
        }
    }

    /// One account with its requests.
    ///
    /// # Errors
    /// `NotFound`, `Denied`.
    pub fn user(&self, actor: &Actor, id: UserId) -> Result<UserCard> {
        let acting = self.acting(actor, Permission::SeeContacts)?;
        self.read(|store| {
            let user: User = store.load_or_missing(id)?;
            if !acting.may(Permission::ManageUsers) && user.role != Role::User && !acting.is(id) {
                return Err(Error::not_found(Kind::User, id).into());
            }
            let mut requests = Vec::new();
            for request in store.listing(Listing::RequestsOfUser(id))?.into_iter().rev() {
                let Some(request) = store.load::<AdoptionRequest>(RequestId(request))?.filter(|r| r.user == id) else {
                    continue;
                };
                let cat: Option<Cat> = store.load(request.cat)?;
                requests.push(PastRequest {
                    request: request.id,
                    cat: request.cat,
                    cat_name: cat.map_or_else(|| format!("cat {}", request.cat), |c| c.display_name()),
                    status: request.status,
                    requested_at: request.requested_at,
                });
            }
            Ok(UserCard { user: scrubbed(user), requests })
        })
    }

    /// Adds an account. Without a password nobody can sign in to it until one is set.
    ///
    /// # Errors
    /// `Invalid` with every field, also when the name or address is taken.
    pub fn add_user(
        &self,
        actor: &Actor,
        role: Role,
        changes: Vec<UserChange>,
        password: Option<&str>,
    ) -> Result<(User, CommitNo)> {
        self.acting(actor, Permission::ManageUsers)?;
        let mut user = User::new("", role);
        apply(&mut user, changes)?;
        user.password = password.map(|p| self.new_hash(p)).transpose()?;
        let written = self.commit(actor, Permission::ManageUsers, move |tx, _| {
            user.registered_at = tx.now();
            tx.describe(Action::AddUser, user.username.as_str());
            tx.insert(&mut user)?;
            Ok(user)
        })?;
        Ok((scrubbed(written.value), written.commit.unwrap_or_default()))
    }

    fn new_hash(&self, password: &str) -> Result<String> {
        accounts::check_password(password).map_err(|e| Error::invalid("password", e))?;
        self.inner.hasher.hash(password)
    }

    /// Changes an account.
    ///
    /// # Errors
    /// `Invalid`, `Conflict`, `Denied`.
    pub fn edit_user(
        &self,
        actor: &Actor,
        id: UserId,
        rev: u32,
        changes: Vec<UserChange>,
    ) -> Result<(User, Option<CommitNo>)> {
        let written =
            self.commit(actor, Permission::ManageUsers, move |tx, acting| edit(tx, acting, id, rev, changes))?;
        Ok((scrubbed(written.value), written.commit))
    }

    /// One change of an account that is not a field of its form.
    fn change_user(
        &self,
        actor: &Actor,
        id: UserId,
        action: Action,
        note: String,
        f: impl FnOnce(&mut Tx<'_>, &Acting, &mut User) -> Step<String> + Send + 'static,
    ) -> Result<Done> {
        let written = self.commit(actor, Permission::ManageUsers, move |tx, acting| {
            let mut user: User = tx.load_or_missing(id)?;
            if user.anonymised {
                return Err(Error::refused("this account was anonymised; it stays as it is").into());
            }
            let message = f(tx, acting, &mut user)?;
            tx.describe(action, note);
            tx.update(&mut user)?;
            Ok(message)
        })?;
        Ok(Done { message: written.value, commit: written.commit })
    }

    /// Gives an account another role, at once in its open sessions too.
    ///
    /// # Errors
    /// `Refused` for the last admin.
    pub fn set_role(&self, actor: &Actor, id: UserId, role: Role) -> Result<Done> {
        self.change_user(actor, id, Action::EditUser, "role".to_owned(), move |tx, _, user| {
            if is_usable_admin(user) && role != Role::Admin {
                keep_an_admin(tx, id)?;
            }
            user.role = role;
            Ok(format!("{} is {} now.", user.display_name(), role.person()))
        })
    }

    /// Locks an account: it cannot sign in, and its open sessions end.
    ///
    /// # Errors
    /// `Refused` for the last admin and for oneself.
    pub fn lock(&self, actor: &Actor, id: UserId, reason: &str) -> Result<Done> {
        let reason = line("reason", reason, limits::REASON)?;
        self.change_user(actor, id, Action::LockUser, reason.clone(), move |tx, acting, user| {
            if acting.is(id) {
                return Err(Error::refused("nobody locks themselves out; ask another admin").into());
            }
            if user.locked.is_none() {
                if is_usable_admin(user) {
                    keep_an_admin(tx, id)?;
                }
                user.locked = Some(Lock { at: tx.now(), by: acting.who, reason });
            }
            Ok(format!("{} is locked.", user.display_name()))
        })
    }

    /// Unlocks an account.
    ///
    /// # Errors
    /// `NotFound`, `Denied`.
    pub fn unlock(&self, actor: &Actor, id: UserId) -> Result<Done> {
        self.change_user(actor, id, Action::UnlockUser, String::new(), |_, _, user| {
            user.locked = None;
            Ok(format!("{} can sign in again.", user.display_name()))
        })
    }

    /// Marks a person do-not-adopt, with the reason.
    ///
    /// # Errors
    /// `Invalid` without a reason.
    pub fn ban(&self, actor: &Actor, id: UserId, reason: &str) -> Result<Done> {
        let reason = line("reason", reason, limits::REASON)?;
        if reason.is_empty() {
            return Err(Error::invalid("reason", "is needed: whoever decides next must know why"));
        }
        self.change_user(actor, id, Action::EditUser, format!("banned: {reason}"), move |tx, acting, user| {
            user.banned = Some(Ban { at: tx.now(), by: acting.who, reason });
            Ok(format!("{} is marked do-not-adopt.", user.display_name()))
        })
    }

    /// Takes the do-not-adopt mark away.
    ///
    /// # Errors
    /// `NotFound`, `Denied`.
    pub fn unban(&self, actor: &Actor, id: UserId) -> Result<Done> {
        self.change_user(actor, id, Action::EditUser, "no longer banned".to_owned(), |_, _, user| {
            user.banned = None;
            Ok(format!("{} may adopt again.", user.display_name()))
        })
    }

    /// Gives an account a new password.
    ///
    /// # Errors
    /// `Invalid` at `password`.
    pub fn reset_password(&self, actor: &Actor, id: UserId, password: &str) -> Result<Done> {
        self.acting(actor, Permission::ManageUsers)?;
        let hash = self.new_hash(password)?;
        self.change_user(actor, id, Action::SetPassword, String::new(), move |_, _, user| {
            user.password = Some(hash);
            Ok(format!("{} has a new password.", user.display_name()))
        })
    }

    /// Removes a person's details for good: name, address, telephone, notes, keys. Their closed requests stay,
    /// without a name.
    ///
    /// # Errors
    /// `Refused` while they have open requests, and for the last admin.
    pub fn anonymise(&self, actor: &Actor, id: UserId, rev: u32) -> Result<Done> {
        let written = self.commit(actor, Permission::ManageUsers, move |tx, acting| {
            let mut user: User = tx.load_or_missing(id)?;
            expect_rev(&user, rev)?;
            if acting.is(id) {
                return Err(Error::refused("nobody anonymises themselves; ask another admin").into());
            }
            if is_usable_admin(&user) {
                keep_an_admin(tx, id)?;
            }
            let name = user.display_name();
            tx.describe(Action::AnonymiseUser, format!("user {id}"));
            for request in tx.listing(Listing::RequestsOfUser(id))? {
                let Some(mut request) = tx.load::<AdoptionRequest>(RequestId(request))?.filter(|r| r.user == id) else {
                    continue;
                };
                if request.status.is_open() {
                    return Err(Error::refused(format!(
                        "{name} has an open request (number {}); close it first",
                        request.id
                    ))
                    .into());
                }
                if !request.notes.is_empty() {
                    request.notes.clear();
                    tx.update(&mut request)?;
                }
            }
            let mut bare = User::new(format!("{FORMER}{id}"), Role::User);
            (bare.id, bare.version, bare.registered_at) = (user.id, user.version, user.registered_at);
            bare.banned = user.banned.take();
            bare.anonymised = true;
            bare.locked = Some(Lock { at: tx.now(), by: acting.who, reason: "anonymised".to_owned() });
            tx.update(&mut bare)?;
            Ok(format!("{name} is anonymised."))
        })?;
        Ok(Done { message: written.value, commit: written.commit })
    }

    /// Deletes an account that never asked for a cat.
    ///
    /// # Errors
    /// `Refused` when it has requests (anonymise it instead), for the last admin, and for oneself.
    pub fn delete_user(&self, actor: &Actor, id: UserId, rev: u32) -> Result<Done> {
        let written = self.commit(actor, Permission::ManageUsers, move |tx, acting| {
            let user: User = tx.load_or_missing(id)?;
            expect_rev(&user, rev)?;
            let name = user.display_name();
            if acting.is(id) {
                return Err(Error::refused("nobody deletes themselves; ask another admin").into());
            }
            if is_usable_admin(&user) {
                keep_an_admin(tx, id)?;
            }
            if !tx.listing(Listing::RequestsOfUser(id))?.is_empty() {
                return Err(Error::refused(format!(
                    "{name} made requests; anonymise the account instead of deleting it"
                ))
                .into());
            }
            tx.describe(Action::DeleteUser, &name);
            tx.delete::<User>(id, rev)?;
            Ok(format!("Deleted {name}."))
        })?;
        Ok(Done { message: written.value, commit: written.commit })
    }
}
