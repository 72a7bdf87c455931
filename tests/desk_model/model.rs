//! The shelter in its simplest form: plain lists and the rules written down once more, without a store, without
//! revisions, without the code under test.

use RequestStatus::{Approved, Completed, Pending, Rejected, Waitlisted, Withdrawn};
use clowder::model::{RequestStatus, Role, Verdict};

/// How a call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Done,
    Denied,
    NotFound,
    Refused,
    Invalid,
    Conflict,
    SignedOut,
}

pub type Rule = Result<(), End>;

#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    pub username: String,
    pub role: Role,
    pub locked: bool,
    pub banned: bool,
    pub anonymised: bool,
    pub favourites: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Available,
    Hold,
    Pending { held: bool },
    Adopted,
    Departed,
}

impl Status {
    pub fn in_care(self) -> bool {
        !matches!(self, Self::Adopted | Self::Departed)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Animal {
    pub name: String,
    pub tag: Option<String>,
    pub breed: Option<usize>,
    pub health: Option<usize>,
    pub status: Status,
    pub archived: bool,
    /// For each stay: whether it goes on, and whether the cat is out with a foster home.
    pub stays: Vec<(bool, bool)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    pub cat: usize,
    pub user: usize,
    pub status: RequestStatus,
    pub notes: String,
    pub awaiting: bool,
}

/// A change of a cat.
#[derive(Debug, Clone, Copy)]
pub enum Edit {
    Rename(u8),
    Tag(Option<u8>),
    Breed(Option<usize>),
    Health(Option<usize>),
    Hold,
    Release,
    Intake,
    Depart { adopted: bool },
    Return,
    Archive(bool),
    FosterOut,
    FosterBack,
}

/// Who acts: the console (`None`) or an account.
pub type By = Option<usize>;

/// Entries are `None` once they are gone; the place in the list is the record's number less one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Model {
    pub accounts: Vec<Option<Account>>,
    pub cats: Vec<Option<Animal>>,
    pub breeds: Vec<Option<String>>,
    /// Name, and whether it keeps a cat from being adopted.
    pub health: Vec<Option<(String, bool)>>,
    pub requests: Vec<Option<Asked>>,
}

pub fn name_of(n: u8) -> String {
    if n == 0 { String::new() } else { format!("Name {n}") }
}

pub fn tag_of(n: u8) -> String {
    format!("t-{n}")
}

fn there<T>(list: &mut [Option<T>], i: usize) -> Result<&mut T, End> {
    list.get_mut(i).and_then(Option::as_mut).ok_or(End::NotFound)
}

fn rule(holds: bool) -> Rule {
    if holds { Ok(()) } else { Err(End::Refused) }
}

fn fresh(stale: bool) -> Rule {
    if stale { Err(End::Conflict) } else { Ok(()) }
}

impl Model {
    pub fn role(&self, by: By) -> Result<Role, End> {
        let Some(i) = by else { return Ok(Role::Admin) };
        match self.accounts.get(i).and_then(Option::as_ref) {
            Some(account) if !account.locked => Ok(account.role),
            _ => Err(End::SignedOut),
        }
    }

    pub fn gate(&self, by: By, least: Role) -> Result<Role, End> {
        let role = self.role(by)?;
        if role >= least { Ok(role) } else { Err(End::Denied) }
    }

    fn ill(&self, cat: &Animal) -> bool {
        cat.health.and_then(|h| self.health[h].as_ref()).is_some_and(|h| h.1)
    }

    pub fn offered(&self, cat: &Animal) -> bool {
        cat.status == Status::Available && !cat.archived && !self.ill(cat)
    }

    pub fn live(&self) -> impl Iterator<Item = (usize, &Asked)> {
        self.requests.iter().enumerate().filter_map(|(i, r)| r.as_ref().map(|r| (i, r)))
    }

    /// The open requests for a cat, in order.
    pub fn queue(&self, cat: usize) -> Vec<usize> {
        self.live().filter(|(_, r)| r.cat == cat && r.status.is_open()).map(|(i, _)| i).collect()
    }

    fn other_admin(&self, but: usize) -> bool {
        let usable = |a: &Account| a.role == Role::Admin && !a.locked;
        self.accounts.iter().enumerate().any(|(i, a)| i != but && a.as_ref().is_some_and(usable))
    }

    fn keeps_an_admin(&self, user: usize) -> Rule {
        let usable = self.accounts[user].as_ref().is_some_and(|a| a.role == Role::Admin && !a.locked);
        rule(!usable || self.other_admin(user))
    }

    fn unique<'a>(mut others: impl Iterator<Item = &'a String>, new: &str) -> Rule {
        if others.any(|o| o.eq_ignore_ascii_case(new)) { Err(End::Invalid) } else { Ok(()) }
    }

    fn set(&mut self, request: usize, status: RequestStatus) {
        if let Some(r) = &mut self.requests[request] {
            r.status = status;
            if !matches!(status, Pending | Waitlisted) {
                r.awaiting = false;
            }
        }
    }

    fn set_all(&mut self, cat: usize, but: Option<usize>, from: &[RequestStatus], to: RequestStatus) {
        for i in self.queue(cat) {
            if Some(i) != but && self.requests[i].as_ref().is_some_and(|r| from.contains(&r.status)) {
                self.set(i, to);
            }
        }
    }

    /// What holds at every moment, whatever came before.
    pub fn sound(&self) {
        for (i, cat) in self.cats.iter().enumerate() {
            let queue = self.queue(i);
            let Some(cat) = cat else {
                assert!(!self.live().any(|(_, r)| r.cat == i), "a request for a cat that is gone");
                continue;
            };
            let of = |s| queue.iter().filter(|&&r| self.requests[r].as_ref().unwrap().status == s).count();
            let approved = of(Approved);
            assert!(approved <= 1 && matches!(cat.status, Status::Pending { .. }) == (approved == 1), "{cat:?}");
            assert!(if approved == 1 { of(Pending) == 0 } else { of(Waitlisted) == 0 }, "{cat:?}: {queue:?}");
            assert!(cat.status.in_care() || queue.is_empty(), "{cat:?} is waited for");
            let mut people: Vec<usize> = queue.iter().map(|&r| self.requests[r].as_ref().unwrap().user).collect();
            people.sort();
            people.dedup();
            assert_eq!(people.len(), queue.len(), "one open request a person and cat");
            assert!(cat.breed.is_none_or(|b| self.breeds[b].is_some()), "{cat:?} has a breed that is gone");
            assert!(cat.health.is_none_or(|h| self.health[h].is_some()), "{cat:?} has a health status that is gone");
        }
        for (_, r) in self.live() {
            let account = self.accounts[r.user].as_ref().expect("a request has its person");
            assert!(!(account.anonymised && r.status.is_open()), "an anonymised person waits: {r:?}");
            assert!(!account.anonymised || r.notes.is_empty(), "an anonymised person's notes came back");
        }
        assert!(self.other_admin(usize::MAX), "nobody can administer the store");
    }

    // Cats.

    pub fn add_cat(&mut self, by: By, name: u8, tag: Option<u8>) -> Rule {
        self.gate(by, Role::Staff)?;
        let cat = Animal {
            name: name_of(name),
            tag: tag.map(tag_of),
            breed: None,
            health: None,
            status: Status::Available,
            archived: false,
            stays: Vec::new(),
        };
        if cat.name.is_empty() && cat.tag.is_none() {
            return Err(End::Invalid);
        }
        if let Some(tag) = &cat.tag {
            Self::unique(self.cats.iter().flatten().filter_map(|c| c.tag.as_ref()), tag)?;
        }
        self.cats.push(Some(cat));
        Ok(())
    }

    pub fn edit_cat(&mut self, by: By, cat: usize, stale: bool, edit: Edit) -> Rule {
        self.gate(by, Role::Staff)?;
        let mut c = there(&mut self.cats, cat)?.clone();
        fresh(stale)?;
        let going_on = |c: &Animal| c.status.in_care() && c.stays.last().is_some_and(|s| s.0);
        match edit {
            Edit::Rename(n) => c.name = name_of(n),
            Edit::Tag(tag) => c.tag = tag.map(tag_of),
            Edit::Breed(b) => {
                if b.is_some_and(|b| self.breeds.get(b).is_none_or(Option::is_none)) {
                    return Err(End::Invalid);
                }
                c.breed = b;
            }
            Edit::Health(h) => {
                if h.is_some_and(|h| self.health.get(h).is_none_or(Option::is_none)) {
                    return Err(End::Invalid);
                }
                c.health = h;
            }
            Edit::Hold => {
                rule(matches!(c.status, Status::Available | Status::Hold))?;
                c.status = Status::Hold;
            }
            Edit::Release => {
                if c.status == Status::Hold {
                    c.status = Status::Available;
                }
            }
            Edit::Intake => {
                if c.stays.is_empty() {
                    rule(c.status.in_care())?;
                    c.stays.push((true, false));
                }
            }
            Edit::Depart { adopted } => {
                rule(matches!(c.status, Status::Available | Status::Hold))?;
                c.status = if adopted { Status::Adopted } else { Status::Departed };
                if let Some(stay) = c.stays.last_mut() {
                    *stay = (false, false);
                }
            }
            Edit::Return => {
                rule(!c.status.in_care())?;
                c.status = Status::Available;
                c.archived = false;
                c.stays.push((true, false));
            }
            Edit::Archive(yes) => {
                rule(!yes || !c.status.in_care())?;
                c.archived = yes;
            }
            Edit::FosterOut => {
                rule(going_on(&c) && !c.stays.last().unwrap().1)?;
                c.stays.last_mut().unwrap().1 = true;
            }
            Edit::FosterBack => {
                rule(going_on(&c) && c.stays.last().unwrap().1)?;
                c.stays.last_mut().unwrap().1 = false;
            }
        }
        if c.name.is_empty() && c.tag.is_none() {
            return Err(End::Invalid);
        }
        if let Some(tag) = &c.tag {
            let others = self.cats.iter().enumerate().filter(|(i, _)| *i != cat);
            Self::unique(others.filter_map(|(_, c)| c.as_ref()?.tag.as_ref()), tag)?;
        }
        let left = !c.status.in_care();
        self.cats[cat] = Some(c);
        if left {
            self.set_all(cat, None, &[Pending, Waitlisted, Approved], Rejected);
        }
        Ok(())
    }

    pub fn delete_cat(&mut self, by: By, cat: usize, stale: bool) -> Rule {
        self.gate(by, Role::Staff)?;
        there(&mut self.cats, cat)?;
        fresh(stale)?;
        rule(!self.live().any(|(_, r)| r.cat == cat))?;
        self.cats[cat] = None;
        Ok(())
    }

    // Breeds and health statuses.

    pub fn add_breed(&mut self, by: By, name: u8) -> Rule {
        self.gate(by, Role::Staff)?;
        let name = format!("Breed {name}");
        Self::unique(self.breeds.iter().flatten(), &name)?;
        self.breeds.push(Some(name));
        Ok(())
    }

    pub fn delete_breed(&mut self, by: By, breed: usize, stale: bool) -> Rule {
        self.gate(by, Role::Staff)?;
        there(&mut self.breeds, breed)?;
        fresh(stale)?;
        self.breeds[breed] = None;
        self.cats.iter_mut().flatten().filter(|c| c.breed == Some(breed)).for_each(|c| c.breed = None);
        Ok(())
    }

    pub fn add_health(&mut self, by: By, name: u8, prevents: bool) -> Rule {
        self.gate(by, Role::Staff)?;
        let name = format!("Health {name}");
        Self::unique(self.health.iter().flatten().map(|h| &h.0), &name)?;
        self.health.push(Some((name, prevents)));
        Ok(())
    }

    pub fn set_prevents(&mut self, by: By, health: usize, prevents: bool, stale: bool) -> Rule {
        self.gate(by, Role::Staff)?;
        let health = there(&mut self.health, health)?;
        fresh(stale)?;
        health.1 = prevents;
        Ok(())
    }

    pub fn delete_health(&mut self, by: By, health: usize, stale: bool) -> Rule {
        self.gate(by, Role::Staff)?;
        there(&mut self.health, health)?;
        fresh(stale)?;
        self.health[health] = None;
        self.cats.iter_mut().flatten().filter(|c| c.health == Some(health)).for_each(|c| c.health = None);
        Ok(())
    }

    // Requests.

    fn enqueue(&mut self, cat: usize, user: usize) {
        let waits = matches!(self.cats[cat].as_ref().unwrap().status, Status::Pending { .. });
        let status = if waits { Waitlisted } else { Pending };
        self.requests.push(Some(Asked { cat, user, status, notes: String::new(), awaiting: false }));
    }

    fn has_open(&self, cat: usize, user: usize) -> bool {
        self.queue(cat).iter().any(|&i| self.requests[i].as_ref().unwrap().user == user)
    }

    pub fn ask(&mut self, by: By, cat: usize) -> Rule {
        let role = self.gate(by, Role::User)?;
        let me = by.ok_or(End::Refused)?;
        let c = there(&mut self.cats, cat)?.clone();
        if role == Role::User && !self.offered(&c) && !self.has_open(cat, me) {
            return Err(End::NotFound);
        }
        rule(!self.has_open(cat, me))?;
        rule(c.status.in_care() && !c.archived)?;
        rule(!self.accounts[me].as_ref().unwrap().banned && c.status != Status::Hold && !self.ill(&c))?;
        self.enqueue(cat, me);
        Ok(())
    }

    pub fn take(&mut self, by: By, cat: usize, who: Result<usize, u8>, reason: bool) -> Rule {
        let role = self.gate(by, Role::Staff)?;
        let c = there(&mut self.cats, cat)?.clone();
        let (user, account) = match who {
            Ok(i) => (i, there(&mut self.accounts, i)?.clone()),
            Err(n) => {
                let username = format!("walkin{n}");
                Self::unique(self.accounts.iter().flatten().map(|a| &a.username), &username)?;
                (self.accounts.len(), plain(username, Role::User))
            }
        };
        rule(!self.has_open(cat, user))?;
        rule(c.status.in_care() && !c.archived && !account.anonymised)?;
        if account.banned || c.status == Status::Hold || self.ill(&c) {
            rule(role == Role::Admin)?;
            if !reason {
                return Err(End::Invalid);
            }
        }
        if who.is_err() {
            self.accounts.push(Some(account));
        }
        self.enqueue(cat, user);
        Ok(())
    }

    pub fn edit_notes(&mut self, by: By, request: usize, notes: u8, stale: bool) -> Rule {
        let role = self.gate(by, Role::User)?;
        let r = there(&mut self.requests, request)?;
        if role == Role::User && by != Some(r.user) {
            return Err(End::NotFound);
        }
        fresh(stale)?;
        rule(r.status.is_open())?;
        let notes = format!("note {notes}");
        if r.notes != notes {
            r.notes = notes;
            r.awaiting = false;
        }
        Ok(())
    }

    fn release(&mut self, cat: usize) {
        let c = self.cats[cat].as_mut().unwrap();
        if let Status::Pending { held } = c.status {
            c.status = if held { Status::Hold } else { Status::Available };
        }
        self.set_all(cat, None, &[Waitlisted], Pending);
    }

    pub fn decide(&mut self, by: By, request: usize, verdict: Verdict, words: bool, stale: bool) -> Rule {
        let role = self.gate(by, Role::User)?;
        let r = there(&mut self.requests, request)?.clone();
        if role == Role::User {
            if by != Some(r.user) {
                return Err(End::NotFound);
            }
            if verdict != Verdict::Withdraw {
                return Err(End::Denied);
            }
        }
        let needs_words = self.stands(&r, request, verdict, role).map_err(|e| if stale { End::Conflict } else { e })?;
        fresh(stale)?;
        if needs_words && !words {
            return Err(End::Invalid);
        }
        let cat = r.cat;
        let status = self.cats[cat].as_ref().unwrap().status;
        let become_ = |m: &mut Self, s: Status| m.cats[cat].as_mut().unwrap().status = s;
        match verdict {
            Verdict::Approve => {
                self.set(request, Approved);
                become_(self, Status::Pending { held: status == Status::Hold });
                self.set_all(cat, Some(request), &[Pending], Waitlisted);
            }
            Verdict::Reject => self.set(request, Rejected),
            Verdict::AskForMore => self.requests[request].as_mut().unwrap().awaiting = true,
            Verdict::Complete => {
                self.set(request, Completed);
                become_(self, Status::Adopted);
                if let Some(stay) = self.cats[cat].as_mut().unwrap().stays.last_mut() {
                    *stay = (false, false);
                }
                self.set_all(cat, Some(request), &[Pending, Waitlisted, Approved], Rejected);
            }
            Verdict::FallThrough | Verdict::Withdraw => {
                self.set(request, if verdict == Verdict::Withdraw { Withdrawn } else { Rejected });
                if r.status == Approved {
                    self.release(cat);
                }
            }
            Verdict::Reopen => {
                let waits = r.status != Approved && matches!(status, Status::Pending { .. });
                self.set(request, if waits { Waitlisted } else { Pending });
                if r.status == Approved {
                    self.release(cat);
                }
            }
        }
        Ok(())
    }

    /// Whether a verdict can be passed, and whether it needs words.
    fn stands(&self, r: &Asked, request: usize, verdict: Verdict, role: Role) -> Result<bool, End> {
        let c = self.cats[r.cat].as_ref().unwrap();
        let account = self.accounts[r.user].as_ref().unwrap();
        let overridden = |obstacle: bool| rule(!obstacle || role == Role::Admin).map(|()| obstacle);
        match (verdict, r.status) {
            (Verdict::Approve, Pending) => {
                rule(matches!(c.status, Status::Available | Status::Hold))?;
                let obstacle = overridden(account.banned || c.status == Status::Hold || self.ill(c))?;
                Ok(obstacle || self.queue(r.cat).first() != Some(&request))
            }
            (Verdict::Reject | Verdict::AskForMore, Pending | Waitlisted) => Ok(true),
            (Verdict::Complete, Approved) => overridden(account.banned || self.ill(c)),
            (Verdict::FallThrough, Approved) => Ok(true),
            (Verdict::Withdraw, Pending | Waitlisted | Approved) | (Verdict::Reopen, Approved) => Ok(false),
            (Verdict::Reopen, Rejected | Withdrawn) => {
                rule(c.status.in_care() && !c.archived && !self.has_open(r.cat, r.user) && !account.anonymised)?;
                overridden(account.banned)
            }
            _ => Err(End::Refused),
        }
    }

    // Accounts.

    pub fn add_user(&mut self, by: By, name: u8, role: Role) -> Rule {
        self.gate(by, Role::Admin)?;
        let username = format!("user{name}");
        Self::unique(self.accounts.iter().flatten().map(|a| &a.username), &username)?;
        self.accounts.push(Some(plain(username, role)));
        Ok(())
    }

    pub fn rename_self(&mut self, by: By, name: u8, stale: bool) -> Rule {
        self.gate(by, Role::User)?;
        let me = by.ok_or(End::NotFound)?;
        fresh(stale)?;
        let username = format!("user{name}");
        let others = self.accounts.iter().enumerate().filter(|(i, _)| *i != me);
        Self::unique(others.filter_map(|(_, a)| Some(&a.as_ref()?.username)), &username)?;
        self.accounts[me].as_mut().unwrap().username = username;
        Ok(())
    }

    pub fn favourite(&mut self, by: By, cat: usize) -> Rule {
        let role = self.gate(by, Role::User)?;
        let me = by.ok_or(End::NotFound)?;
        let favourites = &self.accounts[me].as_ref().unwrap().favourites;
        if let Some(i) = favourites.iter().position(|&f| f == cat) {
            self.accounts[me].as_mut().unwrap().favourites.remove(i);
            return Ok(());
        }
        let c = there(&mut self.cats, cat)?.clone();
        let asked = self.live().any(|(_, r)| r.cat == cat && r.user == me);
        if role == Role::User && !asked && !self.offered(&c) {
            return Err(End::NotFound);
        }
        self.accounts[me].as_mut().unwrap().favourites.push(cat);
        Ok(())
    }

    pub fn set_role(&mut self, by: By, user: usize, role: Role) -> Rule {
        self.gate(by, Role::Admin)?;
        rule(!there(&mut self.accounts, user)?.anonymised)?;
        if role != Role::Admin {
            self.keeps_an_admin(user)?;
        }
        self.accounts[user].as_mut().unwrap().role = role;
        Ok(())
    }

    pub fn lock(&mut self, by: By, user: usize, lock: bool) -> Rule {
        self.gate(by, Role::Admin)?;
        rule(!there(&mut self.accounts, user)?.anonymised)?;
        if lock {
            rule(by != Some(user))?;
            self.keeps_an_admin(user)?;
        }
        self.accounts[user].as_mut().unwrap().locked = lock;
        Ok(())
    }

    pub fn ban(&mut self, by: By, user: usize, ban: bool) -> Rule {
        self.gate(by, Role::Admin)?;
        rule(!there(&mut self.accounts, user)?.anonymised)?;
        self.accounts[user].as_mut().unwrap().banned = ban;
        Ok(())
    }

    pub fn anonymise(&mut self, by: By, user: usize, stale: bool) -> Rule {
        self.gate(by, Role::Admin)?;
        let banned = there(&mut self.accounts, user)?.banned;
        fresh(stale)?;
        rule(by != Some(user))?;
        self.keeps_an_admin(user)?;
        rule(!self.live().any(|(_, r)| r.user == user && r.status.is_open()))?;
        let bare = plain(format!("former-{}", user + 1), Role::User);
        self.accounts[user] = Some(Account { locked: true, anonymised: true, banned, ..bare });
        self.requests.iter_mut().flatten().filter(|r| r.user == user).for_each(|r| r.notes.clear());
        Ok(())
    }

    pub fn delete_user(&mut self, by: By, user: usize, stale: bool) -> Rule {
        self.gate(by, Role::Admin)?;
        there(&mut self.accounts, user)?;
        fresh(stale)?;
        rule(by != Some(user))?;
        self.keeps_an_admin(user)?;
        rule(!self.live().any(|(_, r)| r.user == user))?;
        self.accounts[user] = None;
        Ok(())
    }

    // Undo of the last change of all: back to `before`, with no number given twice.

    pub fn undo(&mut self, by: By, before: &Self) -> Rule {
        let role = self.gate(by, Role::User)?;
        let mut back = before.clone();
        back.accounts.resize(self.accounts.len(), None);
        back.cats.resize(self.cats.len(), None);
        back.breeds.resize(self.breeds.len(), None);
        back.health.resize(self.health.len(), None);
        back.requests.resize(self.requests.len(), None);
        for (i, r) in back.live() {
            let now = self.requests[i].as_ref().map(|r| r.status);
            let queued = |s: RequestStatus| matches!(s, Pending | Waitlisted);
            if now == Some(r.status) || (now.is_some_and(RequestStatus::is_open) && queued(r.status)) {
                continue;
            }
            // A request comes back as it could be made or decided today.
            let account = back.accounts[r.user].as_ref().unwrap();
            let ill = matches!(r.status, Approved | Completed) && back.ill(back.cats[r.cat].as_ref().unwrap());
            let comes_back = r.status.is_open() || r.status == Completed;
            rule(role == Role::Admin || !comes_back || !(account.banned || ill))?;
        }
        *self = back;
        Ok(())
    }
}

pub fn plain(username: String, role: Role) -> Account {
    Account { username, role, locked: false, banned: false, anonymised: false, favourites: Vec::new() }
}
