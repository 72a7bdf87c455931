//! The audit log, and undo.

use std::collections::{HashMap, HashSet};

use super::{Acting, Desk, Done, Fault, FieldDiff, Reads, Step, acting, cats, users};
use crate::model::{
    Action, Actor, AdoptionRequest, AuditEntry, Breed, BreedId, Cat, CatId, CatStatusKind, CommitNo, Error, HealthId,
    HealthStatus, Kind, Permission, Record, RecordId, RequestStatus, Result, Touched, User, UserId, decision,
};
use crate::store::{Store, StoreError, Tally, Tx};

/// One commit, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryLine {
    /// The entry.
    pub entry: AuditEntry,
    /// Who made it, by name.
    pub who: String,
    /// Whether it is of a sort that can be undone, while nothing it touched has changed since.
    pub undoable: bool,
    /// What it was about, by name; only in the answer to [`Desk::last_undoable`]; a log asks [`Desk::audit_about`] for the rows it shows.
    pub about: String,
}

/// One record of a commit, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TouchedLine {
    /// The kind of record.
    pub kind: Kind,
    /// Its number.
    pub id: u32,
    /// What people call it.
    pub title: String,
    /// The commit made it.
    pub is_new: bool,
    /// The commit deleted it.
    pub is_gone: bool,
    /// What changed; every field of a record that is new or gone.
    pub diffs: Vec<FieldDiff>,
}

/// Whether a commit of this kind can be undone at all: what removed a person's details, changed a secret or
/// took in a file cannot.
const fn undoable(action: Action) -> bool {
    !matches!(
        action,
        Action::SetUp
            | Action::Import
            | Action::SetPassword
            | Action::SignIn
            | Action::EndSession
            | Action::Repair
            | Action::AcceptClock
            | Action::AnonymiseUser
    )
}

/// The right that somebody needs today to take an action back.
const fn right(action: Action) -> Permission {
    use Action as A;
    match action {
        A::AddUser
        | A::EditUser
        | A::DeleteUser
        | A::LockUser
        | A::UnlockUser
        | A::AnonymiseUser
        | A::AddKey
        | A::RemoveKey => Permission::ManageUsers,
        A::Request | A::Approve | A::Reject | A::AskForMore | A::Complete | A::FallThrough | A::Reopen => {
            Permission::DecideRequests
        }
        A::EditNotes | A::Withdraw => Permission::OwnRequests,
        _ => Permission::ManageCats,
    }
}

/// Whether a change of an account is one that its owner makes alone: nothing that an admin gives or takes.
fn own_profile(store: &Store, acting: &Acting, touched: &[Touched]) -> bool {
    let state = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(|b| store.decode::<User>(b).ok());
    touched.iter().all(|t| {
        t.kind == Kind::User
            && acting.is(UserId(t.id))
            && matches!((state(&t.before), state(&t.after)), (Some(a), Some(b))
                if a.role == b.role && a.locked == b.locked && a.banned == b.banned && a.anonymised == b.anonymised)
    })
}

/// Whether somebody may take an action back today: with the right to do it, and a person who has only their own
/// account and requests, only where nothing else is touched.
fn entitled(store: &Store, acting: &Acting, action: Action, touched: &[Touched]) -> Result<()> {
    if own_profile(store, acting, touched) {
        return Ok(());
    }
    acting.need(right(action))?;
    let own = |t: &Touched| {
        let state = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(|b| store.decode::<AdoptionRequest>(b).ok());
        t.kind == Kind::Request && state(&t.after).or(state(&t.before)).is_some_and(|r| acting.is(r.user))
    };
    if right(action) == Permission::OwnRequests && !touched.iter().all(own) {
        return acting.need(Permission::DecideRequests);
    }
    Ok(())
}

impl Desk {
    /// The audit log, newest first, from before a commit on.
    ///
    /// # Errors
    /// `Denied`.
    pub fn audit(&self, actor: &Actor, before: Option<CommitNo>, most: usize) -> Result<Vec<HistoryLine>> {
        self.acting(actor, Permission::SeeAudit)?;
        let entries = self.read(|store| Ok(store.audit(before, most)?))?;
        Ok(self.lines(entries))
    }

    /// What happened to one record, newest first.
    ///
    /// # Errors
    /// `Denied`.
    pub fn audit_of(&self, actor: &Actor, kind: Kind, id: u32, most: usize) -> Result<Vec<HistoryLine>> {
        self.acting(actor, Permission::SeeAudit)?;
        let entries = self.read(|store| Ok(store.audit_of(kind, id, most)?))?;
        Ok(self.lines(entries))
    }

    fn lines(&self, entries: Vec<AuditEntry>) -> Vec<HistoryLine> {
        entries.into_iter().map(|entry| self.line(entry)).collect()
    }

    fn line(&self, entry: AuditEntry) -> HistoryLine {
        let undoable = undoable(entry.action) && entry.touched > 0;
        HistoryLine { who: self.who_name(entry.actor.who), undoable, about: String::new(), entry }
    }

    /// The records of one commit, before and after.
    ///
    /// # Errors
    /// `Denied`; an empty list when there is no such commit.
    pub fn audit_entry(&self, actor: &Actor, commit: CommitNo) -> Result<Vec<TouchedLine>> {
        self.acting(actor, Permission::SeeAudit)?;
        let found = self.read(|store| Ok(store.audit_entry(commit)?))?;
        let touched = found.map(|(_, touched)| touched).unwrap_or_default();
        let mut lines: Vec<TouchedLine> = touched
            .iter()
            .map(|t| TouchedLine {
                kind: t.kind,
                id: t.id,
                title: self.touched_title(t),
                is_new: t.before.is_none(),
                is_gone: t.after.is_none(),
                diffs: self.diff(t),
            })
            .collect();
        name_deleted(&mut lines);
        Ok(lines)
    }

    /// The last commit that the actor made and could undo, with what it did. What is undone already is passed over,
    /// so that undoing again goes a step further back.
    ///
    /// # Errors
    /// `SignedOut`.
    pub fn last_undoable(&self, actor: &Actor) -> Result<Option<HistoryLine>> {
        let acting = self.acting(actor, Permission::SeeOffered)?;
        let entries = self.recent_changes()?;
        let undoes: HashMap<CommitNo, CommitNo> =
            entries.iter().filter_map(|e| e.undoes.map(|no| (e.commit, no))).collect();
        let undone: HashSet<CommitNo> = undoes.values().copied().collect();
        // An undo that took an undo back is the deed again, and can be undone like it.
        let is_deed = |commit| std::iter::successors(Some(commit), |no| undoes.get(no).copied()).count() % 2 == 1;
        let own = entries.into_iter().find(|e| {
            e.actor.who == actor.who
                && undoable(e.action)
                && e.touched > 0
                && !undone.contains(&e.commit)
                && is_deed(e.commit)
        });
        let Some(entry) = own else { return Ok(None) };
        let about = if acting.may(Permission::SeeContacts) { self.about(&entry)? } else { String::new() };
        Ok(Some(HistoryLine { about, ..self.line(entry) }))
    }

    /// The last changes of anybody. Those who come and go leave entries too, and are passed over, so that nobody's own
    /// last change is lost behind them.
    fn recent_changes(&self) -> Result<Vec<AuditEntry>> {
        /// How many changes back somebody's own last one is looked for.
        const CHANGES: usize = 200;
        /// How many entries are read for that at most.
        const MOST: usize = 4_000;
        let mut changes = Vec::new();
        let (mut before, mut read) = (None, 0);
        while changes.len() < CHANGES && read < MOST {
            let entries = self.read(|store| Ok(store.audit(before, CHANGES)?))?;
            let Some(last) = entries.last() else { break };
            before = Some(last.commit);
            read += entries.len();
            changes.extend(entries.into_iter().filter(|e| !matches!(e.action, Action::SignIn | Action::EndSession)));
        }
        Ok(changes)
    }

    /// What an entry of the log is about, by name: the records it touched, or how many they are. Empty where its note says
    /// it already.
    ///
    /// # Errors
    /// `Denied`.
    pub fn audit_about(&self, actor: &Actor, entry: &AuditEntry) -> Result<String> {
        self.acting(actor, Permission::SeeAudit)?;
        // Whoever signed in stands beside it; only the note of a key's last use is about a record.
        if entry.action == Action::SignIn || entry.touched == 0 {
            return Ok(String::new());
        }
        self.about(entry)
    }

    /// What a few records are called that a commit touched. A request is called by its cat and its applicant.
    fn about(&self, entry: &AuditEntry) -> Result<String> {
        /// More names than this say less than their number.
        const NAMED: u32 = 6;
        if entry.touched > NAMED {
            return Ok(format!("{} records", entry.touched));
        }
        let found = self.read(|store| Ok(store.audit_entry(entry.commit)?))?;
        let touched = found.map(|(_, touched)| touched).unwrap_or_default();
        let mut names: Vec<String> = Vec::new();
        for t in &touched {
            if t.kind == Kind::Request {
                let bytes = t.after.as_deref().or(t.before.as_deref());
                let request = bytes.and_then(|b| self.store().decode::<AdoptionRequest>(b).ok());
                let others = matches!(&request, Some(r) if r.status == RequestStatus::Waitlisted);
                if let Some(r) = request.filter(|_| !others) {
                    names.push(self.user_name(r.user));
                    let cat = self.read(|store| Ok(store.load::<Cat>(r.cat)?))?;
                    names.extend(cat.map(|c| c.display_name()));
                }
            } else {
                names.push(self.touched_title(t));
            }
        }
        let mut seen = HashSet::new();
        names.retain(|name| !name.is_empty() && !entry.note.contains(name.as_str()) && seen.insert(name.clone()));
        Ok(names.join(", "))
    }

    /// Undoes a commit whole: every record it touched becomes what it was before, in one commit, while nothing
    /// it touched has changed since. One's own commits; an admin anybody's.
    ///
    /// # Errors
    /// `NoChange`, `Refused` when it cannot be undone or was undone already, `Conflict` when something it touched has changed since.
    pub fn undo(&self, actor: &Actor, commit: CommitNo) -> Result<Done> {
        let acting_now = self.acting(actor, Permission::SeeOffered)?;
        let found = self.read(|store| Ok(store.audit_entry(commit)?))?;
        let none = || Error::NoChange(commit);
        let Some((entry, touched)) = found else { return Err(none()) };
        if entry.actor.who != acting_now.who && !acting_now.may(Permission::SeeCats) {
            return Err(none());
        }
        others_change(&entry, &acting_now)?;
        if !undoable(entry.action) || touched.is_empty() {
            return Err(Error::refused(format!("\"{}\" cannot be undone", entry.action.label())));
        }
        if let Some(step) = touched.first() {
            let last = self.read(|store| Ok(store.audit_of(step.kind, step.id, 1)?))?;
            if let Some(undo) = last.first().filter(|last| last.undoes == Some(commit)) {
                return Err(Error::refused(format!("change {commit} was undone already, by change {}", undo.commit)));
            }
        }
        // An undone undo is the action itself again.
        let mut original = entry.clone();
        while let (Action::Undo, Some(no)) = (original.action, original.undoes) {
            match self.read(|store| Ok(store.audit_entry(no)?))? {
                Some((e, _)) if no < original.commit => original = e,
                _ => break,
            }
        }
        let store = self.store().clone();
        let by = actor.clone();
        let what = entry.action.label();
        let written = self
            .store()
            .write(actor, move |tx| -> Step<String> {
                let acting = acting(tx, &by)?;
                others_change(&entry, &acting)?;
                entitled(&store, &acting, original.action, &touched)?;
                tx.describe(Action::Undo, format!("{} (change {commit})", entry.action.label().to_lowercase()));
                tx.undoes(commit);
                // Relations are put back before what leans on them goes, whichever way the commit went.
                let order = |t: &Touched| (t.before.is_none(), t.kind.code());
                let mut steps: Vec<&Touched> = touched.iter().collect();
                steps.sort_by_key(|t| order(t));
                if entry.action == Action::AddUser || entry.action == Action::Request {
                    steps.reverse();
                }
                for step in steps {
                    last_change(&store, step, commit)?;
                    put_back(tx, &store, step)?;
                }
                verify(tx, &store, &acting, &touched)?;
                Ok(format!("Undone: {}.", what.to_lowercase()))
            })
            .map_err(|fault: Fault| self.explain_to(actor, fault))?;
        Ok(Done { message: written.value, commit: written.commit })
    }
}

/// A breed or health status that the same commit deleted is known by name only from there.
fn name_deleted(lines: &mut [TouchedLine]) {
    let gone: Vec<(String, String)> = lines
        .iter()
        .filter(|t| t.is_gone && matches!(t.kind, Kind::Breed | Kind::Health))
        .map(|t| (format!("{} {}", t.kind.label().to_lowercase(), t.id), t.title.clone()))
        .collect();
    let cats = lines.iter_mut().filter(|t| t.kind == Kind::Cat).flat_map(|t| &mut t.diffs);
    for diff in cats.filter(|d| matches!(d.field, "breed" | "health")) {
        for value in [&mut diff.before, &mut diff.after] {
            if let Some((_, title)) = gone.iter().find(|(number, _)| number == value) {
                value.clone_from(title);
            }
        }
    }
}

/// One's own commits; an admin anybody's.
fn others_change(entry: &AuditEntry, acting: &Acting) -> Result<()> {
    if entry.actor.who == acting.who || acting.may(Permission::SeeAudit) {
        return Ok(());
    }
    Err(Error::refused("this was somebody else's change; an admin can undo it"))
}

/// A record that a commit deleted carries no revision to tell whether it came back and went again since: the log
/// tells.
fn last_change(store: &Store, touched: &Touched, commit: CommitNo) -> Step<()> {
    let deleted = touched.after.is_none();
    if deleted && store.audit_of(touched.kind, touched.id, 1)?.first().is_some_and(|e| e.commit != commit) {
        return Err(StoreError::Stale { kind: touched.kind, id: touched.id }.into());
    }
    Ok(())
}

/// Puts one record back to what it was before the commit.
fn put_back(tx: &mut Tx<'_>, store: &Store, touched: &Touched) -> Step<()> {
    match touched.kind {
        Kind::Breed => put_back_as::<Breed>(tx, store, touched, |_, _| {}),
        Kind::Health => put_back_as::<HealthStatus>(tx, store, touched, |_, _| {}),
        Kind::Cat => put_back_as::<Cat>(tx, store, touched, |_, _| {}),
        // The log holds no password hashes: the one in force stays.
        Kind::User => put_back_as::<User>(tx, store, touched, |old, now| old.password.clone_from(&now.password)),
        Kind::Request => put_back_as::<AdoptionRequest>(tx, store, touched, |_, _| {}),
    }
}

fn put_back_as<R: Record>(tx: &mut Tx<'_>, store: &Store, touched: &Touched, keep: impl Fn(&mut R, &R)) -> Step<()> {
    let id = R::Id::new(touched.id);
    let now: Option<R> = tx.load(id)?;
    let stale = || Fault::Store(StoreError::Stale { kind: R::KIND, id: touched.id });
    let current = now.as_ref().map_or(0, |r| r.version().rev);
    if current != touched.rev_after {
        return Err(stale());
    }
    match (&touched.before, now) {
        (Some(before), Some(now)) => {
            let mut old: R = store.decode(before)?;
            keep(&mut old, &now);
            *old.version_mut() = *now.version();
            tx.update(&mut old)?;
        }
        (Some(before), None) => {
            let mut old: R = store.decode(before)?;
            tx.restore(&mut old)?;
        }
        (None, Some(now)) => tx.delete::<R>(id, now.version().rev)?,
        (None, None) => return Err(stale()),
    }
    Ok(())
}

/// What was put back must be as sound as anything else: relations, one open request a person and cat, a queue
/// that fits its cat, and an admin left.
fn verify(tx: &mut Tx<'_>, store: &Store, acting: &Acting, touched: &[Touched]) -> Step<()> {
    for t in touched {
        match t.kind {
            Kind::Cat => verify_cat(tx, CatId(t.id))?,
            Kind::User => verify_user(tx, store, t)?,
            Kind::Request => {
                if let Some(request) = tx.load::<AdoptionRequest>(crate::model::RequestId(t.id))? {
                    verify_cat(tx, request.cat)?;
                    verify_request(tx, store, acting, t, &request)?;
                }
            }
            Kind::Breed => verify_uses::<Breed>(tx, t, Tally::CatsByBreed(BreedId(t.id)))?,
            Kind::Health => verify_uses::<HealthStatus>(tx, t, Tally::CatsByHealth(HealthId(t.id)))?,
        }
    }
    Ok(())
}

fn verify_cat(tx: &mut Tx<'_>, id: CatId) -> Step<()> {
    let queue = cats::queue(tx, id)?;
    let Some(cat) = tx.load::<Cat>(id)? else {
        let requests = tx.listing(crate::store::Listing::RequestsOfCat(id))?.len();
        if requests > 0 {
            return Err(Error::refused("somebody asked for this cat since; it cannot be undone").into());
        }
        return Ok(());
    };
    let name = cat.display_name();
    cats::check_whole(tx, &cat, tx.now().day())?;
    let approved = queue.iter().filter(|r| r.status == RequestStatus::Approved).count();
    let pending = cat.status.kind() == CatStatusKind::Pending;
    if approved > 1 || pending != (approved == 1) || (!cat.status.kind().in_care() && !queue.is_empty()) {
        return Err(Error::refused(format!("the queue of {name} has changed since; it cannot be undone")).into());
    }
    for (i, request) in queue.iter().enumerate() {
        if queue.iter().take(i).any(|r| r.user == request.user) {
            return Err(Error::refused(format!("there is a newer open request of the same person for {name}")).into());
        }
    }
    // Somebody may have asked while the undone decision stood: they take their place like everyone else.
    let (by, now) = (tx.actor().who, tx.now());
    for mut request in queue {
        match request.status {
            RequestStatus::Waitlisted if !pending => {
                decision::resume(&mut request, now, by);
                tx.update(&mut request)?;
            }
            RequestStatus::Pending if pending => {
                request.waitlisted_from = Some(RequestStatus::Pending);
                request.status = RequestStatus::Waitlisted;
                request.record(now, by, crate::model::HistoryEvent::Waitlisted, "");
                tx.update(&mut request)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// A request comes back only where one could be made or decided that way: whoever was marked do-not-adopt, or
/// anonymised, since then is not approved or queued again by an undo.
fn verify_request(
    tx: &Tx<'_>,
    store: &Store,
    acting: &Acting,
    touched: &Touched,
    request: &AdoptionRequest,
) -> Step<()> {
    let applicant: User = tx.load_or_missing(request.user)?;
    let was = touched.after.as_deref().map(|b| store.decode::<AdoptionRequest>(b)).transpose()?.map(|r| r.status);
    if was == Some(request.status) {
        return Ok(());
    }
    // From one place in the queue to another nothing is taken up again.
    let waiting = |s: RequestStatus| s.is_open() && s != RequestStatus::Approved;
    if was.is_some_and(RequestStatus::is_open) && waiting(request.status) {
        return Ok(());
    }
    let cat = cats::cat_of(tx, request)?;
    let health: Option<HealthStatus> = cat.health.map(|id| tx.load(id)).transpose()?.flatten();
    let may_override = acting.may(Permission::Override);
    Ok(decision::may_return(request.status, &cat, health.as_ref(), &applicant, may_override)?)
}

/// A breed or health status that is gone again leaves no cat with it.
fn verify_uses<R: Record>(tx: &Tx<'_>, touched: &Touched, uses: Tally) -> Step<()> {
    if tx.load::<R>(R::Id::new(touched.id))?.is_none() && tx.tally(uses) > 0 {
        let what = R::KIND.label().to_lowercase();
        return Err(Error::refused(format!("cats have this {what} since; it cannot be undone")).into());
    }
    Ok(())
}

fn verify_user(tx: &Tx<'_>, store: &Store, touched: &Touched) -> Step<()> {
    let id = UserId(touched.id);
    let after = touched.after.as_deref().map(|b| store.decode::<User>(b)).transpose()?;
    let was_admin = after.is_some_and(|u| u.role == crate::model::Role::Admin && u.locked.is_none());
    match tx.load::<User>(id)? {
        Some(user) if user.role == crate::model::Role::Admin && user.locked.is_none() => Ok(()),
        other => {
            if other.is_none() && !tx.listing(crate::store::Listing::RequestsOfUser(id))?.is_empty() {
                return Err(Error::refused("this account made requests since; it cannot be undone").into());
            }
            if was_admin { users::keep_an_admin(tx, id) } else { Ok(()) }
        }
    }
}
