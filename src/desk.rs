//! The use cases. Every call names its actor; the rule is looked up again, the change is one commit with its
//! audit entry, and the answer is a value. The only way from the screens, the commands and the imports to the store.

mod accounts;
mod backups;
mod catalogues;
mod cats;
mod demo;
mod early;
mod fields;
mod history;
mod home;
mod intake;
mod keys;
mod maintenance;
mod pick;
mod requests;
mod secret;
mod sign_ins;
mod slots;
mod stock;
mod users;

use std::sync::Arc;

pub use accounts::{PasswordError, Rights, WRONG_PASSWORD};
pub use backups::BackupTarget;
pub use catalogues::{BreedChange, Catalogue, CatalogueChange, CatalogueEntry, CatalogueLine, HealthChange};
pub use cats::{CatCard, CatChange, CatLine, QueuePlace};
pub use demo::{DEMO_ACCOUNTS, DEMO_PASSWORD};
pub use fields::FieldDiff;
pub use history::{HistoryLine, TouchedLine};
pub use home::{BackupLine, Home, HomeCount, Opens};
pub use intake::{Arrival, INTAKE, Intaken};
pub use keys::{KeyLine, WRONG_KEY, fingerprint};
pub use maintenance::Stats;
pub use pick::PickLine;
pub use requests::{Applicant, ApplicantRef, PastRequest, Preview, RequestCard, RequestLine, TriageOrder};
pub use users::{UserCard, UserChange, UserLine};

use crate::model::{
    Actor, CommitNo, Day, Error, Kind, Permission, Record, RecordId, Result, Role, Stamp, User, UserId, Who,
};
use crate::store::{Alert, Changed, Level, Store, StoreError, Subscription, Tx, Written};

pub use crate::model::request::OVERDUE_DAYS;

/// The adoption desk of one shelter. Cheap to clone; every session has one.
#[derive(Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    hasher: secret::Hasher,
    sign_ins: sign_ins::SignIns,
}

/// What a change that can be undone answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// What happened, in one sentence.
    pub message: String,
    /// Its commit, to undo it by; `None` when nothing had to change.
    pub commit: Option<CommitNo>,
}

/// What goes wrong inside a commit: a rule of the desk, or the store.
#[derive(Debug)]
enum Fault {
    Desk(Error),
    Store(StoreError),
}

impl From<Error> for Fault {
    fn from(e: Error) -> Self {
        Self::Desk(e)
    }
}

impl From<StoreError> for Fault {
    fn from(e: StoreError) -> Self {
        Self::Store(e)
    }
}

/// The result of a step inside a commit.
type Step<T> = std::result::Result<T, Fault>;

/// Who acts, as the store has them at this moment.
struct Acting {
    who: Who,
    role: Role,
    user: Option<UserId>,
}

impl Acting {
    fn may(&self, permission: Permission) -> bool {
        self.role.may(permission)
    }

    fn need(&self, permission: Permission) -> Result<()> {
        if self.may(permission) { Ok(()) } else { Err(Error::Denied(permission)) }
    }

    /// Whether this account is the actor's own.
    fn is(&self, user: UserId) -> bool {
        self.user == Some(user)
    }
}

/// Reads of records, the same from the committed state and from inside a commit.
trait Reads {
    fn load<R: Record>(&self, id: R::Id) -> std::result::Result<Option<R>, StoreError>;
    fn listing(&self, listing: crate::store::Listing) -> std::result::Result<Vec<u32>, StoreError>;

    fn load_or_missing<R: Record>(&self, id: R::Id) -> Step<R> {
        self.load(id)?.ok_or_else(|| Fault::Desk(Error::not_found(R::KIND, id)))
    }
}

/// Relations are followed whole: a request left out of a queue would be a wrong answer.
const RELATION_LIMIT: usize = usize::MAX;

impl Reads for Store {
    fn load<R: Record>(&self, id: R::Id) -> std::result::Result<Option<R>, StoreError> {
        self.get(id)
    }

    fn listing(&self, listing: crate::store::Listing) -> std::result::Result<Vec<u32>, StoreError> {
        self.list(listing, None, RELATION_LIMIT, false)
    }
}

impl Reads for Tx<'_> {
    fn load<R: Record>(&self, id: R::Id) -> std::result::Result<Option<R>, StoreError> {
        self.get(id)
    }

    fn listing(&self, listing: crate::store::Listing) -> std::result::Result<Vec<u32>, StoreError> {
        self.list(listing, RELATION_LIMIT)
    }
}

/// The rights of an actor as of now.
fn acting(reads: &impl Reads, actor: &Actor) -> Step<Acting> {
    let user = match actor.who {
        Who::Console | Who::Program => return Ok(Acting { who: actor.who, role: Role::Admin, user: None }),
        Who::User(id) => id,
    };
    let Some(account) = reads.load::<User>(user)? else {
        return Err(Error::SignedOut("this account no longer exists".to_owned()).into());
    };
    if let Some(lock) = &account.locked {
        return Err(accounts::locked(lock).into());
    }
    Ok(Acting { who: actor.who, role: account.role, user: Some(user) })
}

impl Desk {
    /// A desk on an open store.
    pub fn new(store: Store) -> Self {
        Self { inner: Arc::new(Inner { store, hasher: secret::Hasher::new(), sign_ins: sign_ins::SignIns::default() }) }
    }

    fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Calls `f` after each commit is on the disk, on the writer's thread: it must not block. Ends when the
    /// answer is dropped.
    pub fn subscribe(&self, f: impl Fn(&Changed) + Send + Sync + 'static) -> Subscription {
        self.store().subscribe(Box::new(f))
    }

    /// The sentence for every screen while the store takes no more writes.
    pub fn read_only(&self) -> Option<String> {
        let full = || self.store().space().alert().filter(|_| self.store().space().level == Level::None);
        self.store().read_only().or_else(|| full().map(|alert| alert.sentence))
    }

    /// What should be seen on every screen: little room on the disk, a clock that is behind.
    pub fn alerts(&self) -> Vec<Alert> {
        self.store().alerts()
    }

    /// The sentence for every screen when records could not be read at the start.
    pub fn damage(&self) -> Option<String> {
        match self.store().unreadable() {
            0 => None,
            1 => Some("1 record cannot be read; \"clowder check\" says which".to_owned()),
            n => Some(format!("{n} records cannot be read; \"clowder check\" says which")),
        }
    }

    /// Checks a right and answers who acts.
    fn acting(&self, actor: &Actor, permission: Permission) -> Result<Acting> {
        let acting = acting(self.store(), actor).map_err(|f| self.explain(f))?;
        acting.need(permission)?;
        Ok(acting)
    }

    /// One commit by somebody with a right, which is looked up again inside it.
    fn commit<T: Send + 'static>(
        &self,
        actor: &Actor,
        permission: Permission,
        f: impl FnOnce(&mut Tx<'_>, &Acting) -> Step<T> + Send + 'static,
    ) -> Result<Written<T>> {
        let by = actor.clone();
        self.store()
            .write(actor, move |tx| -> Step<T> {
                let acting = acting(tx, &by)?;
                acting.need(permission)?;
                f(tx, &acting)
            })
            .map_err(|fault| self.explain_to(actor, fault))
    }

    /// Runs a read that follows several records, with its store errors put into words.
    fn read<T>(&self, f: impl FnOnce(&Store) -> Step<T>) -> Result<T> {
        f(self.store()).map_err(|fault| self.explain(fault))
    }

    /// Puts a fault into the words of the desk: a stale revision becomes a conflict that names who and what.
    fn explain(&self, fault: Fault) -> Error {
        let error = match fault {
            Fault::Desk(e) => return e,
            Fault::Store(e) => e,
        };
        match error {
            StoreError::Taken { field, .. } => Error::invalid(field, "is taken"),
            StoreError::Missing { kind, id } => Error::not_found(kind, id),
            StoreError::Stale { kind, id } => self.conflict(kind, id, None),
            StoreError::Refused(rule) => Error::refused(rule),
            e => Error::Store(e.to_string()),
        }
    }

    /// The same for somebody: those who are not staff learn that the shelter was first, not who of it.
    fn explain_to(&self, actor: &Actor, fault: Fault) -> Error {
        match fault {
            Fault::Store(StoreError::Stale { kind, id }) => self.conflict(kind, id, Some(actor)),
            fault => self.explain(fault),
        }
    }

    /// Who changed a record last, what of it, and when, as far as `reader` may know.
    fn conflict(&self, kind: Kind, id: u32, reader: Option<&Actor>) -> Error {
        let record = format!("{} {id}", kind.label().to_lowercase());
        let unknown =
            || Error::Conflict { who: "somebody".to_owned(), what: record.clone(), when: "meanwhile".to_owned() };
        let Ok(entries) = self.store().audit_of(kind, id, 1) else { return unknown() };
        let Some(entry) = entries.first() else { return unknown() };
        let (fields, title) = match self.store().audit_entry(entry.commit) {
            Ok(Some((_, touched))) => touched
                .iter()
                .find(|t| t.kind == kind && t.id == id)
                .map(|t| {
                    let diffs: Vec<&str> = self.diff(t).iter().map(|d| d.field).collect();
                    (diffs.join(", "), self.touched_title(t))
                })
                .unwrap_or_default(),
            _ => Default::default(),
        };
        let title = if title.is_empty() { record } else { title };
        if let Some(reader) = reader
            && reader.who != entry.actor.who
            && !acting(self.store(), reader).is_ok_and(|a| a.may(Permission::SeeContacts))
        {
            return Error::Conflict { who: "the shelter".to_owned(), what: title, when: entry.at.ago(Stamp::now()) };
        }
        Error::Conflict {
            who: self.who_name(entry.actor.who),
            what: if fields.is_empty() { title } else { format!("{title} ({fields})") },
            when: entry.at.ago(Stamp::now()),
        }
    }

    /// The name of whoever did something, for people.
    fn who_name(&self, who: Who) -> String {
        match who {
            Who::Console => "console".to_owned(),
            Who::Program => "the program".to_owned(),
            Who::User(id) => self.user_name(id),
        }
    }

    /// What people call a user, from the catalog when it has them.
    fn user_name(&self, id: UserId) -> String {
        match self.store().get::<User>(id) {
            Ok(Some(user)) => user.display_name(),
            _ => format!("user {id}"),
        }
    }
}

/// Refuses a stale revision before anything is worked out from it.
fn expect_rev<R: Record>(record: &R, rev: u32) -> Step<()> {
    if record.version().rev == rev {
        Ok(())
    } else {
        Err(StoreError::Stale { kind: R::KIND, id: record.id().number() }.into())
    }
}

/// Cleans a line and refuses one that is too long.
fn line(field: &'static str, value: &str, most: usize) -> Result<String> {
    fits(field, crate::model::text::clean_line(value), most)
}

/// The same for text of several lines.
fn paragraph(field: &'static str, value: &str, most: usize) -> Result<String> {
    fits(field, crate::model::text::clean_text(value), most)
}

fn fits(field: &'static str, value: String, most: usize) -> Result<String> {
    if value.len() > most {
        return Err(Error::invalid(field, format!("is too long: {} bytes, at most {most}", value.len())));
    }
    Ok(value)
}

fn today() -> Day {
    Day::today()
}
