//! Signing in, and what everyone may change of their own account.

use super::{Desk, Step, acting, expect_rev, fields, users};
use crate::model::{
    Action, Actor, CatId, Door, Error, Lock, Permission, Result, Role, Stamp, User, UserId, Who, limits,
};
use crate::store::{Tally, Unique};

/// What somebody is told whose name or password is wrong.
pub const WRONG_PASSWORD: &str = "wrong name or password";

/// Why a password cannot be taken.
pub type PasswordError = String;

/// What an actor may do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// The account's role; the console has an admin's.
    pub role: Role,
    /// What to call them.
    pub name: String,
    /// Their account, if they have one.
    pub user: Option<UserId>,
}

impl Rights {
    /// Whether something is allowed.
    pub const fn may(&self, permission: Permission) -> bool {
        self.role.may(permission)
    }
}

/// What a locked account is told, once its password was right.
pub(super) fn locked(lock: &Lock) -> Error {
    let reason = if lock.reason.is_empty() { String::new() } else { format!(": {}", lock.reason) };
    Error::SignedOut(format!("this account is locked{reason}; ask an admin to unlock it"))
}

/// Whether a password can be taken: at least [`limits::PASSWORD_MIN`] characters, no control characters.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check_password(password: &str) -> std::result::Result<(), PasswordError> {
    if password.chars().count() < limits::PASSWORD_MIN {
        return Err(format!("needs at least {} characters", limits::PASSWORD_MIN));
    }
    if password.len() > limits::PASSWORD_MAX {
        return Err(format!("is too long: at most {} bytes", limits::PASSWORD_MAX));
    }
    if password.chars().any(char::is_control) {
        return Err("must not hold control characters".to_owned());
    }
    Ok(())
}

impl Desk {
    /// Whether nobody can administer this store yet: the first start.
    pub fn is_new(&self) -> bool {
        self.store().tally(Tally::UsersByRole(Role::Admin)) == 0
    }

    /// Makes the first admin. Only whoever holds the store's files can, and only while there is no admin.
    ///
    /// # Errors
    /// `Invalid` for a field, `Refused` once there is an admin.
    pub fn set_up(&self, username: &str, full_name: &str, email: Option<&str>, password: &str) -> Result<Actor> {
        check_password(password).map_err(|e| Error::invalid("password", e))?;
        let mut admin = User::new("", Role::Admin);
        let changes = vec![
            users::UserChange::Username(username.to_owned()),
            users::UserChange::FullName(full_name.to_owned()),
            users::UserChange::Email(email.map(str::to_owned)),
        ];
        users::apply(&mut admin, changes)?;
        admin.password = Some(self.inner.hasher.hash(password)?);
        let written = self.commit(&Actor::console(), Permission::ManageUsers, move |tx, _| {
            if tx.tally(Tally::UsersByRole(Role::Admin)) > 0 {
                return Err(Error::refused("this store has an admin already; sign in").into());
            }
            admin.registered_at = tx.now();
            tx.describe(Action::SetUp, "");
            Ok(tx.insert(&mut admin)?)
        })?;
        Ok(Actor::local(written.value))
    }

    /// Makes an account for somebody who asks for one, as an ordinary user. Whether that is allowed at all, and how
    /// often, is the door's to say.
    ///
    /// # Errors
    /// `Invalid` with every field, `Refused` while there is no admin.
    pub fn register(
        &self,
        changes: Vec<users::UserChange>,
        password: &str,
        door: Door,
        address: Option<String>,
    ) -> Result<Actor> {
        if self.is_new() {
            return Err(Error::refused("this shelter is not set up yet"));
        }
        check_password(password).map_err(|e| Error::invalid("password", e))?;
        let mut user = User::new("", Role::User);
        users::apply(&mut user, changes)?;
        user.password = Some(self.inner.hasher.hash(password)?);
        let program = Actor { who: Who::Program, door, address: address.clone() };
        let written = self.commit(&program, Permission::ManageUsers, move |tx, _| {
            user.registered_at = tx.now();
            tx.describe(Action::AddUser, format!("{} registered", user.username));
            Ok(tx.insert(&mut user)?)
        })?;
        let actor = Actor { who: Who::User(written.value), door, address };
        self.came_in(&actor, "with the new account", None);
        Ok(actor)
    }

    /// Signs somebody in by name (or e-mail address) and password. Takes as long for a name that does not
    /// exist; works out an argon2id hash, so call it off the drawing thread.
    ///
    /// # Errors
    /// `SignedOut` with a sentence: wrong name or password, or locked. `Refused` when too many passwords are being
    /// checked: this one was not looked at.
    pub fn sign_in(&self, name: &str, password: &str, door: Door, address: Option<String>) -> Result<Actor> {
        let wrong = || Error::SignedOut(WRONG_PASSWORD.to_owned());
        let account = self.read(|store| {
            let unique = if name.contains('@') { Unique::Email(name) } else { Unique::Username(name) };
            let Some(id) = store.find(unique)? else { return Ok(None) };
            Ok(store.get::<User>(UserId(id))?)
        })?;
        let hash = account.as_ref().and_then(|a| a.password.as_deref());
        let right = self.inner.hasher.verify(password, hash)?;
        let account = account.filter(|_| right).ok_or_else(wrong)?;
        if let Some(lock) = &account.locked {
            return Err(locked(lock));
        }
        let actor = Actor { who: Who::User(account.id), door, address };
        self.came_in(&actor, "with a password", None);
        Ok(actor)
    }

    /// Writes down that somebody signed in, and the use of `key` if that is due; the same again within an hour is not
    /// written. Nobody is kept out because it cannot be
    /// written; those who fail to sign in are not written at all, as anybody could fill the disk that way.
    pub(super) fn came_in(&self, actor: &Actor, how: impl Into<String>, key: Option<String>) {
        let (how, now) = (how.into(), Stamp::now());
        if key.is_none() && self.inner.sign_ins.is_known(actor, &how, now) {
            return;
        }
        let note = how.clone();
        let written = self.commit(actor, Permission::OwnAccount, move |tx, acting| {
            if let (Some(key), Some(id)) = (key, acting.user) {
                super::keys::note_use(tx, id, &key)?;
            }
            tx.describe(Action::SignIn, note);
            tx.always();
            Step::Ok(())
        });
        match written {
            Ok(_) => self.inner.sign_ins.written(actor, &how, now),
            Err(why) => tracing::warn!(
                who = self.who_name(actor.who),
                door = actor.door.slug(),
                address = actor.address.as_deref().unwrap_or_default(),
                "signed in; not in the log: {why}"
            ),
        }
    }

    /// Writes down that an admin ends a session: `whose`, through which door, from where. To end it is the door's
    /// business, and possible while the store takes no writes.
    ///
    /// # Errors
    /// `Denied`, `SignedOut`.
    pub fn note_session_end(&self, actor: &Actor, whose: &str) -> Result<()> {
        let note = super::line("session", whose, usize::MAX)?;
        let written = self.commit(actor, Permission::Maintain, move |tx, _| {
            tx.describe(Action::EndSession, note);
            tx.always();
            Step::Ok(())
        });
        match written {
            Err(e @ (Error::Denied(_) | Error::SignedOut(_))) => Err(e),
            Err(why) => {
                tracing::warn!(by = self.who_name(actor.who), whose, "a session is ended; not in the log: {why}");
                // What the store itself would have asked.
                self.acting(actor, Permission::Maintain).map(drop)
            }
            Ok(_) => Ok(()),
        }
    }

    /// What the actor may do at this moment.
    ///
    /// # Errors
    /// `SignedOut` when the account is locked or gone.
    pub fn rights(&self, actor: &Actor) -> Result<Rights> {
        let acting = acting(self.store(), actor).map_err(|f| self.explain(f))?;
        Ok(Rights { role: acting.role, name: self.who_name(acting.who), user: acting.user })
    }

    /// The actor's own account, without the password hash; those who are not staff do not read the words of a
    /// do-not-adopt mark.
    ///
    /// # Errors
    /// `NotFound` for the console, which has none.
    pub fn me(&self, actor: &Actor) -> Result<User> {
        let acting = self.acting(actor, Permission::OwnAccount)?;
        let id = acting.user.ok_or_else(|| Error::not_found(crate::model::Kind::User, "console"))?;
        let user: User = self.read(|store| super::Reads::load_or_missing(store, id))?;
        Ok(users::own(user, &acting))
    }

    /// Changes the actor's own account: name, e-mail address, telephone, preferences.
    ///
    /// # Errors
    /// `Invalid`, `Conflict`, and `Denied` for what only an admin changes (the role).
    pub fn edit_profile(&self, actor: &Actor, rev: u32, changes: Vec<users::UserChange>) -> Result<User> {
        let written = self.commit(actor, Permission::OwnAccount, move |tx, acting| {
            let Some(id) = acting.user else {
                return Err(Error::not_found(crate::model::Kind::User, "console").into());
            };
            Ok(users::own(users::edit(tx, acting, id, rev, changes)?, acting))
        })?;
        Ok(written.value)
    }

    /// Changes the actor's own password, given the old one.
    ///
    /// # Errors
    /// `Invalid` at `old` or `password`.
    pub fn change_password(&self, actor: &Actor, old: &str, new: &str) -> Result<()> {
        let acting = self.acting(actor, Permission::OwnAccount)?;
        let id = acting.user.ok_or_else(|| Error::not_found(crate::model::Kind::User, "console"))?;
        check_password(new).map_err(|e| Error::invalid("password", e))?;
        let user: User = self.read(|store| super::Reads::load_or_missing(store, id))?;
        if !self.inner.hasher.verify(old, user.password.as_deref())? {
            return Err(Error::invalid("old", "is not your password"));
        }
        let hash = self.inner.hasher.hash(new)?;
        let rev = user.version.rev;
        self.commit(actor, Permission::OwnAccount, move |tx, _| {
            let mut user: User = tx.need(id)?;
            expect_rev(&user, rev)?;
            user.password = Some(hash);
            tx.describe(Action::SetPassword, "");
            Ok(tx.update(&mut user)?)
        })?;
        Ok(())
    }

    /// Marks a cat as a favourite of the actor, or unmarks it; answers whether it is one now.
    ///
    /// # Errors
    /// `NotFound` for a cat the actor may not see, `Refused` past the limit.
    pub fn toggle_favourite(&self, actor: &Actor, cat: CatId) -> Result<bool> {
        // A mark can be taken away from a cat that is no longer to be seen.
        if !self.me(actor)?.favourites.contains(&cat) {
            self.cat(actor, cat)?;
        }
        let written = self.commit(actor, Permission::OwnAccount, move |tx, acting| {
            let Some(id) = acting.user else {
                return Err(Error::not_found(crate::model::Kind::User, "console").into());
            };
            let mut user: User = tx.need(id)?;
            let before = user.favourites.len();
            user.favourites.retain(|&c| c != cat);
            let added = user.favourites.len() == before;
            if added {
                if before >= limits::FAVOURITES {
                    return Err(Error::refused(format!("{before} favourites are as many as fit")).into());
                }
                user.favourites.push(cat);
            }
            tx.describe(Action::EditUser, fields::names(&["favourites"]));
            tx.update(&mut user)?;
            Step::Ok(added)
        })?;
        Ok(written.value)
    }

    /// When the moment's words are needed outside (conflict messages, lists).
    pub fn now(&self) -> Stamp {
        Stamp::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        desk::UserChange,
        store::{OpenOptions, Store},
    };

    const PASSWORD: &str = "a warm window sill";
    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZDzN9LZmJkPYEnZRb2PYa4S1cTVQm1uSPi2d2UeTpY";

    #[test]
    fn a_store_that_takes_no_writes_keeps_nobody_out() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(OpenOptions::new(dir.path().join("data"), dir.path().join("config"))).unwrap().store;
        let desk = Desk::new(store.clone());
        let ada = desk.set_up("ada", "Ada Brook", None, PASSWORD).unwrap();
        let changes = vec![UserChange::Username("uma".to_owned())];
        let uma = Actor::local(desk.add_user(&ada, Role::User, changes, Some(PASSWORD)).unwrap().0.id);
        desk.add_ssh_key(&uma, uma.user().unwrap(), KEY).unwrap();
        let last = desk.audit(&ada, None, 1).unwrap()[0].entry.commit;
        store.refuse_writes("the disk is full");
        assert_eq!(desk.sign_in("uma", PASSWORD, Door::Local, None).unwrap(), uma);
        let key = russh::keys::PublicKey::from_openssh(KEY).unwrap();
        assert_eq!(desk.sign_in_with_key("uma", &key, Door::Ssh, None).unwrap().who, uma.who);
        // Nor does it keep a session from being ended, by those who may.
        desk.note_session_end(&ada, "Uma").unwrap();
        assert!(matches!(desk.note_session_end(&uma, "Ada"), Err(Error::Denied(Permission::Maintain))));
        assert!(matches!(desk.change_password(&uma, PASSWORD, "another long one"), Err(Error::Store(_))));
        assert_eq!(desk.audit(&ada, None, 1).unwrap()[0].entry.commit, last);
    }
}
