//! Who acts, through which door, and the one table of who may do what.

use serde::{Deserialize, Serialize};

use super::{UserId, coded::coded};

coded! {
    /// What an account may do, from least to most.
    pub enum Role("role") {
        User = 1, "user", "User";
        Staff = 2, "staff", "Staff";
        Admin = 3, "admin", "Admin";
    }
}

coded! {
    /// The way somebody came in.
    pub enum Door("door") {
        /// A screen session on the terminal that opened the store.
        Local = 1, "local", "Local terminal";
        /// A command line that opened the store itself.
        Command = 2, "command", "Command line";
        /// Through the socket of a running server.
        Socket = 3, "socket", "Socket";
        /// Over SSH.
        Ssh = 4, "ssh", "SSH";
    }
}

/// Who did something, as records and the audit log keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Who {
    /// Whoever holds the store's files and key on the server itself; has admin rights.
    Console,
    /// A person with an account.
    User(UserId),
    /// The program, by itself.
    Program,
}

/// Somebody who asks the desk for something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// Who.
    pub who: Who,
    /// Through which door.
    pub door: Door,
    /// From which address, where the door has addresses.
    pub address: Option<String>,
}

impl Actor {
    /// Whoever runs the program on the server itself, on the command line.
    pub const fn console() -> Self {
        Self { who: Who::Console, door: Door::Command, address: None }
    }

    /// A person on the local terminal.
    pub const fn local(user: UserId) -> Self {
        Self { who: Who::User(user), door: Door::Local, address: None }
    }

    /// The account behind the actor, if there is one.
    pub const fn user(&self) -> Option<UserId> {
        match self.who {
            Who::User(id) => Some(id),
            Who::Console | Who::Program => None,
        }
    }
}

coded! {
    /// Something that may be allowed or not. The desk refuses by it and the screens hide by it.
    pub enum Permission("permission") {
        SeeOffered = 1, "see-offered", "see cats on offer, breeds and health statuses";
        OwnAccount = 2, "own-account", "change one's own profile, preferences, favourites and keys";
        OwnRequests = 3, "own-requests", "make, see and withdraw one's own requests";
        SeeCats = 4, "see-cats", "see every cat, its stays and its queue";
        ManageCats = 5, "manage-cats", "change cats, breeds and health statuses";
        Transfer = 6, "transfer", "import and export";
        DecideRequests = 7, "decide-requests", "decide requests and take them for others";
        SeeContacts = 8, "see-contacts", "see applicants and how to reach them";
        Override = 9, "override", "override a refusal with a reason";
        ManageUsers = 10, "manage-users", "manage accounts, roles, locks and bans";
        SeeAudit = 11, "see-audit", "see the audit log of everything";
        Maintain = 12, "maintain", "check, repair and back up the store, end sessions, keep keys";
    }
}

impl Role {
    /// What somebody with it is: `a user`, `staff`, `an admin`.
    pub const fn person(self) -> &'static str {
        match self {
            Self::User => "a user",
            Self::Staff => "staff",
            Self::Admin => "an admin",
        }
    }

    /// The table: whether this role has that permission.
    pub const fn may(self, permission: Permission) -> bool {
        use Permission as P;
        let least = match permission {
            P::SeeOffered | P::OwnAccount | P::OwnRequests => Role::User,
            P::SeeCats | P::ManageCats | P::Transfer | P::DecideRequests | P::SeeContacts => Role::Staff,
            P::Override | P::ManageUsers | P::SeeAudit | P::Maintain => Role::Admin,
        };
        self.code() >= least.code()
    }
}
