//! Who may do what: every call of the desk by everybody, from one table.

#[path = "access/audit.rs"]
mod audit;
#[path = "access/privacy.rs"]
mod privacy;
#[path = "access/sign_in.rs"]
mod sign_in;
#[path = "support/world.rs"]
mod support;

use std::collections::BTreeSet;

use clowder::{
    desk::{
        ApplicantRef, Arrival, BackupTarget, BreedChange, CatChange, Catalogue, CatalogueChange, HealthChange,
        TriageOrder, UserChange,
    },
    model::{
        Actor, AdoptionRequest, BreedId, Cat, CatId, CommitNo, Door, Error, HealthId, Kind, RequestId, Role, User,
        UserId, Verdict,
        intake::IncomingCat,
        query::{CatQuery, RequestQuery, UserQuery},
    },
};
use support::{CONSOLE, World, id};

/// What the calls of one row work on; made anew wherever one may succeed.
struct Case {
    number: u32,
    /// On offer; ana asked for it.
    cat: CatId,
    /// On offer; nobody asked for it.
    free: CatId,
    /// On hold.
    hidden: CatId,
    /// Its tag, and that of `cat`.
    hidden_tag: String,
    cat_tag: String,
    breed: BreedId,
    health: HealthId,
    /// ana's, pending, for `cat`.
    request: RequestId,
    /// ana's, approved, for a cat of its own.
    approved: RequestId,
    /// Somebody with an account.
    person: UserId,
    person_name: String,
    /// Somebody with an SSH key, and its fingerprint.
    holder: UserId,
    key: String,
    /// The console changed `free`.
    commit: CommitNo,
}

impl Case {
    fn new(w: &World, number: u32) -> Self {
        let tagged = |name: &str| {
            let cat = if name == "hidden" { w.held_cat(name) } else { w.cat(name) };
            let tag = format!("{name}-{number}");
            w.edit(&CONSOLE, cat.id, CatChange::Tag(Some(tag.clone()))).unwrap();
            (cat.id, tag)
        };
        let (cat, cat_tag) = tagged("cat");
        let (hidden, hidden_tag) = tagged("hidden");
        let (free, taken) = (w.cat("free").id, w.cat("taken").id);
        let request = w.ask(&w.ana, cat);
        let approved = w.ask(&w.ana, taken);
        w.decide(&CONSOLE, approved, Verdict::Approve).unwrap();
        let person_name = format!("person{number}");
        let holder = w.person(&format!("holder{number}"), Role::User);
        let key = w.desk.add_ssh_key(&CONSOLE, holder, &key_line(number)).unwrap().0.fingerprint;
        Self {
            number,
            cat,
            free,
            hidden,
            hidden_tag,
            cat_tag,
            breed: w.breed(&format!("Breed {number}")),
            health: w.health(&format!("Health {number}"), false),
            request,
            approved,
            person: w.person(&person_name, Role::User),
            person_name,
            holder,
            key,
            commit: w.edit(&CONSOLE, free, CatChange::Colour("grey".to_owned())).unwrap(),
        }
    }
}

/// The line of a public key, another one for each number.
fn key_line(number: u32) -> String {
    format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZDzN9LZmJkPYEnZRb2PYa4S1cTVQm1uSPi2d2U{number:04} laptop")
}

/// A cat of a file.
fn arrival(c: &Case) -> Vec<Arrival> {
    let tag = Some(format!("file-{}", c.number));
    let breed = Some(format!("Breed of file {}", c.number));
    vec![Arrival { cat: IncomingCat { tag, breed, ..IncomingCat::default() }, like: None }]
}

type Call = fn(&World, &Actor, &Case) -> Result<String, Error>;

/// All that an answer tells.
fn said<T: std::fmt::Debug>(answer: Result<T, Error>) -> Result<String, Error> {
    answer.map(|a| format!("{a:?}"))
}

/// The columns are: ana (whose request it is), ben (another user), staff, admin, console. The letters:
/// `y` is done, `d` denied, `n` not found, `r` refused by a rule, `i` invalid.
const TABLE: &[(&str, &str, Call)] = &[
    ("rights", "yyyyy", |w, a, _| said(w.desk.rights(a))),
    ("home", "yyyyy", |w, a, _| said(w.desk.home(a, 5))),
    // Cats.
    ("cats", "yyyyy", |w, a, _| said(w.desk.cats(a, &CatQuery::default()))),
    ("cat_rows", "yyyyy", |w, a, c| said(w.desk.cat_rows(a, &[c.cat.0, c.hidden.0]))),
    ("cat", "yyyyy", |w, a, c| said(w.desk.cat(a, c.cat))),
    ("cat hidden", "nnyyy", |w, a, c| said(w.desk.cat(a, c.hidden))),
    ("cat nowhere", "nnnnn", |w, a, _| said(w.desk.cat(a, CatId(9_999_999)))),
    ("cat_by_tag", "yyyyy", |w, a, c| said(w.desk.cat_by_tag(a, &c.cat_tag))),
    ("cat_by_tag hidden", "nnyyy", |w, a, c| said(w.desk.cat_by_tag(a, &c.hidden_tag))),
    ("add_cat", "ddyyy", |w, a, _| said(w.desk.add_cat(a, vec![CatChange::Name("New".to_owned())]))),
    ("edit_cat", "ddyyy", |w, a, c| {
        let changes = vec![CatChange::Name("Renamed".to_owned())];
        said(w.desk.edit_cat(a, c.cat, w.rev::<Cat>(c.cat), changes))
    }),
    ("edit_cat stale", "ddccc", |w, a, c| {
        said(w.desk.edit_cat(a, c.free, w.rev::<Cat>(c.free) - 1, vec![CatChange::Name("Late".to_owned())]))
    }),
    ("preview_cat_edit", "ddyyy", |w, a, c| {
        said(w.desk.preview_cat_edit(a, c.cat, vec![CatChange::Name("X".to_owned())]))
    }),
    ("delete_cat", "ddyyy", |w, a, c| said(w.desk.delete_cat(a, c.free, w.rev::<Cat>(c.free)))),
    ("delete_cat asked for", "ddrrr", |w, a, c| said(w.desk.delete_cat(a, c.cat, w.rev::<Cat>(c.cat)))),
    ("pick_cats", "ddyyy", |w, a, _| said(w.desk.pick_cats(a, "c", 5))),
    ("untagged_cats", "ddyyy", |w, a, _| said(w.desk.untagged_cats(a))),
    ("each_cat", "ddyyy", |w, a, _| said(w.desk.each_cat(a, |_, _, _| true))),
    ("preview_intake", "ddyyy", |w, a, c| said(w.desk.preview_intake(a, &arrival(c), true))),
    ("intake_cats", "ddyyy", |w, a, c| said(w.desk.intake_cats(a, arrival(c), true))),
    // Breeds and health statuses.
    ("breeds", "yyyyy", |w, a, _| said(w.desk.breeds(a))),
    ("breed", "yyyyy", |w, a, c| said(w.desk.breed(a, c.breed))),
    ("breed_uses", "ddyyy", |w, a, c| said(w.desk.breed_uses(a, c.breed))),
    ("preview_delete_breed", "ddyyy", |w, a, c| said(w.desk.preview_delete_breed(a, c.breed))),
    ("add_breed", "ddyyy", |w, a, c| {
        said(w.desk.add_breed(a, vec![BreedChange::Name(format!("Added {} {a:?}", c.number))]))
    }),
    ("edit_breed", "ddyyy", |w, a, c| {
        said(w.desk.edit_breed(a, c.breed, 1, vec![BreedChange::Description("Shy".to_owned())]))
    }),
    ("delete_breed", "ddyyy", |w, a, c| said(w.desk.delete_breed(a, c.breed, 1))),
    ("health_statuses", "yyyyy", |w, a, _| said(w.desk.health_statuses(a))),
    ("health_status", "yyyyy", |w, a, c| said(w.desk.health_status(a, c.health))),
    ("health_uses", "ddyyy", |w, a, c| said(w.desk.health_uses(a, c.health))),
    ("preview_delete_health", "ddyyy", |w, a, c| said(w.desk.preview_delete_health(a, c.health))),
    ("add_health", "ddyyy", |w, a, c| {
        said(w.desk.add_health(a, vec![HealthChange::Name(format!("Added {} {a:?}", c.number))]))
    }),
    ("edit_health", "ddyyy", |w, a, c| {
        said(w.desk.edit_health(a, c.health, 1, vec![HealthChange::PreventsAdoption(true)]))
    }),
    ("delete_health", "ddyyy", |w, a, c| said(w.desk.delete_health(a, c.health, 1))),
    // Either list by the same calls.
    ("lines", "yyyyy", |w, a, _| said(Catalogue::Health.lines(&w.desk, a))),
    ("entry", "yyyyy", |w, a, c| said(Catalogue::Health.entry(&w.desk, a, c.health.0))),
    ("uses", "ddyyy", |w, a, c| said(Catalogue::Breeds.uses(&w.desk, a, c.breed.0))),
    ("preview_delete", "ddyyy", |w, a, c| said(Catalogue::Breeds.preview_delete(&w.desk, a, c.breed.0))),
    ("add", "ddyyy", |w, a, c| {
        let name = CatalogueChange::Name(format!("Listed {} {a:?}", c.number));
        said(Catalogue::Health.add(&w.desk, a, vec![name]))
    }),
    ("edit", "ddyyy", |w, a, c| {
        let change = CatalogueChange::Description("Shy".to_owned());
        said(Catalogue::Breeds.edit(&w.desk, a, c.breed.0, 1, vec![change]))
    }),
    ("delete", "ddyyy", |w, a, c| said(Catalogue::Health.delete(&w.desk, a, c.health.0, 1))),
    ("add_stock", "ddyyy", |w, a, _| said(w.desk.add_stock(a))),
    // The store has cats.
    ("add_demo", "dddrr", |w, a, _| said(w.desk.add_demo(a))),
    // Requests.
    ("requests", "yyyyy", |w, a, _| said(w.desk.requests(a, &RequestQuery::default()))),
    ("request_rows", "yyyyy", |w, a, c| said(w.desk.request_rows(a, &[c.request.0]))),
    ("request", "ynyyy", |w, a, c| said(w.desk.request(a, c.request))),
    ("request nowhere", "nnnnn", |w, a, _| said(w.desk.request(a, RequestId(9_999_999)))),
    ("ask", "yyyyr", |w, a, c| said(w.desk.ask(a, c.free, "please"))),
    ("ask twice", "ryyyr", |w, a, c| said(w.desk.ask(a, c.cat, "again"))),
    ("ask hidden", "nnrrr", |w, a, c| said(w.desk.ask(a, c.hidden, "please"))),
    ("take_request", "ddyyy", |w, a, c| {
        said(w.desk.take_request(a, c.free, ApplicantRef::Existing(c.person), "", None))
    }),
    ("take_request new", "ddyyy", |w, a, c| {
        let changes = vec![UserChange::Username(format!("walkin{}", c.number))];
        said(w.desk.take_request(a, c.free, ApplicantRef::New(changes), "", None))
    }),
    ("take_request override", "ddryy", |w, a, c| {
        let reason = Some("the vet agrees".to_owned());
        said(w.desk.take_request(a, c.hidden, ApplicantRef::Existing(c.person), "", reason))
    }),
    ("take_request override without a reason", "ddrii", |w, a, c| {
        said(w.desk.take_request(a, c.hidden, ApplicantRef::Existing(c.person), "", None))
    }),
    ("preview_take", "ddyyy", |w, a, c| said(w.desk.preview_take(a, c.free, Some(c.person)))),
    ("preview_take hidden", "ddryy", |w, a, c| said(w.desk.preview_take(a, c.hidden, None))),
    ("edit_notes", "ynyyy", |w, a, c| {
        let rev = w.rev::<AdoptionRequest>(c.request);
        said(w.desk.edit_notes(a, c.request, rev, "a garden"))
    }),
    ("preview", "dnyyy", |w, a, c| said(w.desk.preview(a, c.request, Verdict::Approve))),
    ("preview withdraw", "ynyyy", |w, a, c| said(w.desk.preview(a, c.request, Verdict::Withdraw))),
    ("decide approve", "dnyyy", |w, a, c| said(w.decide(a, c.request, Verdict::Approve))),
    ("decide reject", "dnyyy", |w, a, c| said(w.decide(a, c.request, Verdict::Reject))),
    ("decide ask", "dnyyy", |w, a, c| said(w.decide(a, c.request, Verdict::AskForMore))),
    ("decide complete", "dnyyy", |w, a, c| said(w.decide(a, c.approved, Verdict::Complete))),
    ("decide fall through", "dnyyy", |w, a, c| said(w.decide(a, c.approved, Verdict::FallThrough))),
    ("decide withdraw", "ynyyy", |w, a, c| said(w.decide(a, c.request, Verdict::Withdraw))),
    ("decide withdraw approved", "ynyyy", |w, a, c| said(w.decide(a, c.approved, Verdict::Withdraw))),
    ("decide reopen", "dnyyy", |w, a, c| said(w.decide(a, c.approved, Verdict::Reopen))),
    ("decide nowhere", "nnnnn", |w, a, _| said(w.desk.decide(a, RequestId(9_999_999), 1, Verdict::Withdraw, ""))),
    ("triage", "ddyyy", |w, a, _| said(w.desk.triage(a, TriageOrder::ByCat))),
    // Accounts.
    ("me", "yyyyn", |w, a, _| said(w.desk.me(a))),
    ("edit_profile", "yyyyn", |w, a, c| {
        let rev = a.user().map_or(1, |id| w.rev::<User>(id));
        said(w.desk.edit_profile(a, rev, vec![UserChange::Phone(format!("0555 {:04}", c.number))]))
    }),
    ("change_password wrong", "iiiin", |w, a, _| said(w.desk.change_password(a, "not mine at all", "my new words"))),
    ("toggle_favourite", "yyyyn", |w, a, c| said(w.desk.toggle_favourite(a, c.free))),
    ("toggle_favourite hidden", "nnyyn", |w, a, c| said(w.desk.toggle_favourite(a, c.hidden))),
    ("users", "ddyyy", |w, a, _| said(w.desk.users(a, &UserQuery::default()))),
    ("user_rows", "ddyyy", |w, a, c| said(w.desk.user_rows(a, &[c.person.0]))),
    ("pick_people", "ddyyy", |w, a, _| said(w.desk.pick_people(a, "p", 5))),
    ("user_by_name", "ddyyy", |w, a, c| said(w.desk.user_by_name(a, &c.person_name))),
    ("user_by_name admin", "ddnyy", |w, a, _| said(w.desk.user_by_name(a, "ada"))),
    ("user", "ddyyy", |w, a, c| said(w.desk.user(a, c.person))),
    ("user admin", "ddnyy", |w, a, _| said(w.desk.user(a, id(&w.admin)))),
    ("add_user", "dddyy", |w, a, c| {
        let changes = vec![UserChange::Username(format!("added{}", c.number))];
        said(w.desk.add_user(a, Role::Admin, changes, None))
    }),
    ("edit_user", "dddyy", |w, a, c| {
        said(w.desk.edit_user(a, c.person, 1, vec![UserChange::FullName("Per Son".to_owned())]))
    }),
    ("set_role", "dddyy", |w, a, c| said(w.desk.set_role(a, c.person, Role::Staff))),
    ("lock", "dddyy", |w, a, c| said(w.desk.lock(a, c.person, "why"))),
    ("unlock", "dddyy", |w, a, c| said(w.desk.unlock(a, c.person))),
    ("ban", "dddyy", |w, a, c| said(w.desk.ban(a, c.person, "why"))),
    ("unban", "dddyy", |w, a, c| said(w.desk.unban(a, c.person))),
    ("reset_password", "dddyy", |w, a, c| said(w.desk.reset_password(a, c.person, "a new password"))),
    ("anonymise", "dddyy", |w, a, c| said(w.desk.anonymise(a, c.person, 1))),
    ("delete_user", "dddyy", |w, a, c| said(w.desk.delete_user(a, c.person, 1))),
    // Keys.
    ("note_session_end", "dddyy", |w, a, _| said(w.desk.note_session_end(a, "Ana (SSH)"))),
    ("ssh_keys own", "yyyyn", |w, a, _| said(w.desk.ssh_keys(a, a.user().unwrap_or(UserId(9_999_999))))),
    ("ssh_keys", "dddyy", |w, a, c| said(w.desk.ssh_keys(a, c.person))),
    ("add_ssh_key own", "yyyyn", |w, a, c| {
        said(w.desk.add_ssh_key(a, a.user().unwrap_or(UserId(9_999_999)), &key_line(c.number)))
    }),
    ("add_ssh_key", "dddyy", |w, a, c| said(w.desk.add_ssh_key(a, c.person, &key_line(c.number)))),
    ("add_ssh_key damaged", "dddii", |w, a, c| said(w.desk.add_ssh_key(a, c.person, "ssh-ed25519 AAAA"))),
    ("remove_ssh_key", "dddyy", |w, a, c| said(w.desk.remove_ssh_key(a, c.holder, &c.key))),
    ("remove_ssh_key unknown", "dddrr", |w, a, c| said(w.desk.remove_ssh_key(a, c.person, "SHA256:none"))),
    ("rights_by_key unknown", "sssss", |w, a, _| said(w.desk.rights_by_key(a, "SHA256:none"))),
    // History and upkeep.
    ("audit", "dddyy", |w, a, _| said(w.desk.audit(a, None, 5))),
    ("audit_of", "dddyy", |w, a, c| said(w.desk.audit_of(a, Kind::Cat, c.cat.0, 5))),
    ("audit_entry", "dddyy", |w, a, c| said(w.desk.audit_entry(a, c.commit))),
    ("audit_about", "dddyy", |w, a, c| {
        said(w.desk.audit_about(a, &w.desk.audit(&CONSOLE, Some(CommitNo(c.commit.0 + 1)), 1).unwrap()[0].entry))
    }),
    ("last_undoable", "yyyyy", |w, a, _| said(w.desk.last_undoable(a))),
    ("undo", "nnryy", |w, a, c| said(w.desk.undo(a, c.commit))),
    ("undo nothing", "nnnnn", |w, a, _| said(w.desk.undo(a, CommitNo(9_999_999)))),
    ("stats", "ddyyy", |w, a, _| said(w.desk.stats(a))),
    ("backup", "dddyy", |w, a, _| said(w.desk.backup(a, BackupTarget::Stream(&mut std::io::sink()), &mut |_| true))),
    ("backups", "dddyy", |w, a, _| said(w.desk.backups(a))),
    ("verify_backup", "dddii", |w, a, _| said(w.desk.verify_backup(a, "none".as_ref(), false, &mut |_| true))),
    ("backup_state", "dddyy", |w, a, _| said(w.desk.backup_state(a))),
    ("backup_state_seen", "dddyy", |w, a, _| said(w.desk.backup_state_seen(a))),
    ("check", "dddyy", |w, a, _| said(w.desk.check(a, &mut |_| false))),
    ("check_deep", "dddyy", |w, a, _| said(w.desk.check_deep(a, &mut |_| false))),
    ("accept_clock", "dddrr", |w, a, _| said(w.desk.accept_clock(a))),
    ("compact", "dddyy", |w, a, _| said(w.desk.compact(a, &mut |_| false))),
    ("remove_kept", "dddyy", |w, a, _| said(w.desk.remove_kept(a, "kept-none"))),
    ("repair", "dddyy", |w, a, _| said(w.desk.repair(a, &mut |_| true))),
    // The store's own keys.
    ("key_status", "dddyy", |w, a, _| said(w.desk.key_status(a))),
    ("rotate_key", "dddyy", |w, a, _| said(w.desk.rotate_key(a))),
    ("slots_without_secret", "dddyy", |w, a, _| said(w.desk.slots_without_secret(a, &[]))),
    ("rotate_data_key", "dddyy", |w, a, _| said(w.desk.rotate_data_key(a, &[], &mut |_| true))),
    ("set_passphrase", "dddyy", |w, a, _| said(w.desk.set_passphrase(a, "five cats on a wall", ""))),
    ("set_passphrase short", "dddrr", |w, a, _| said(w.desk.set_passphrase(a, "cats", ""))),
    ("export_recovery", "dddyy", |w, a, _| said(w.desk.export_recovery(a, ""))),
    ("use_key_file there", "dddrr", |w, a, _| said(w.desk.use_key_file(a, None))),
    ("use_credential", "dddyy", |w, a, c| said(w.desk.use_credential(a, &[c.number.to_le_bytes(); 8].concat(), ""))),
    ("remove_slot nowhere", "dddrr", |w, a, _| said(w.desk.remove_slot(a, 999))),
];

fn letter(result: &Result<String, Error>) -> char {
    match result {
        Ok(_) => 'y',
        Err(Error::Denied(_)) => 'd',
        Err(Error::NotFound { .. } | Error::NoChange(_)) => 'n',
        Err(Error::Refused { .. }) => 'r',
        Err(Error::Invalid(_)) => 'i',
        Err(Error::Conflict { .. }) => 'c',
        Err(Error::SignedOut(_)) => 's',
        Err(Error::Store(_)) => '!',
    }
}

#[test]
fn every_call_by_everybody() {
    let w = World::new();
    let locked = Actor::local(w.person("lou", Role::Admin));
    w.desk.lock(&CONSOLE, id(&locked), "left").unwrap();
    let gone = Actor::local(w.person("guy", Role::Admin));
    w.desk.delete_user(&CONSOLE, id(&gone), 1).unwrap();
    let people = [("ana", &w.ana), ("ben", &w.ben), ("staff", &w.sam), ("admin", &w.admin), ("console", &CONSOLE)];
    let (mut number, mut case) = (1, Case::new(&w, 1));
    // Whatever succeeds and writes has the next call find everything as it should be.
    let renew = |case: &mut Case, number: &mut u32, made_at: &mut Option<CommitNo>| {
        if w.last_commit() != *made_at {
            *number += 1;
            *case = Case::new(&w, *number);
            *made_at = w.last_commit();
        }
    };
    let mut made_at = w.last_commit();
    for (name, expected, call) in TABLE {
        renew(&mut case, &mut number, &mut made_at);
        let before = w.everything();
        let refused = |result: &Result<String, Error>, wanted: char, who: &str| {
            assert_eq!(letter(result), wanted, "{name} by {who}: {result:?}");
            assert_eq!(w.last_commit(), before.commit, "{name} by {who} left something in the log");
        };
        for (who, actor) in [("a locked account", &locked), ("a deleted account", &gone)] {
            refused(&call(&w, actor, &case), 's', who);
        }
        for ((who, actor), wanted) in people.iter().zip(expected.chars()).filter(|(_, wanted)| *wanted != 'y') {
            refused(&call(&w, actor, &case), wanted, who);
        }
        assert_eq!(w.everything(), before, "{name} changed something although it was refused");
        for ((who, actor), _) in people.iter().zip(expected.chars()).filter(|(_, wanted)| *wanted == 'y') {
            renew(&mut case, &mut number, &mut made_at);
            let result = call(&w, actor, &case);
            assert_eq!(letter(&result), 'y', "{name} by {who}: {result:?}");
        }
    }
    w.clean();
}

/// An admin over SSH sees the keys and renews them, but can make nothing that opens the store without the account.
#[test]
fn what_opens_the_store_is_changed_on_its_own_machine() {
    let w = World::new();
    let far = Actor { door: Door::Ssh, ..w.admin.clone() };
    let slots = w.desk.key_status(&far).unwrap().slots;
    let last = w.last_commit();
    let tried = [
        said(w.desk.set_passphrase(&far, "five cats on a wall", "")),
        said(w.desk.export_recovery(&far, "")),
        said(w.desk.use_key_file(&far, Some(std::path::Path::new("/nowhere/at/all")))),
        said(w.desk.use_credential(&far, &[1; 32], "")),
        said(w.desk.remove_slot(&far, 1)),
    ];
    for result in tried {
        assert!(result.as_ref().unwrap_err().to_string().contains("not over SSH"), "{result:?}");
    }
    assert_eq!((w.desk.key_status(&far).unwrap().slots, w.last_commit()), (slots, last));
    w.desk.rotate_key(&far).unwrap();
    w.desk.rotate_data_key(&far, &[], &mut |_| true).unwrap();
}

/// A call that is not in the table would be one that nobody thought about.
#[test]
fn the_table_holds_every_call_that_names_an_actor() {
    /// Answers a name, for everybody: what it tells is checked by itself.
    const ELSEWHERE: &[&str] = &["name_of"];
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut calls = BTreeSet::new();
    let mut folders = vec![source.join("desk")];
    let mut files = vec![source.join("desk.rs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        for call in text.split("\n    pub fn ").skip(1) {
            let (name, rest) = call.split_once('(').unwrap();
            if rest.split_once(") ").is_some_and(|(arguments, _)| arguments.contains("actor: &Actor")) {
                calls.insert(name.split('<').next().unwrap().to_owned());
            }
        }
    }
    assert!(calls.len() > 50, "the calls were not found: {calls:?}");
    let rows: BTreeSet<&str> = TABLE.iter().map(|(name, ..)| name.split(' ').next().unwrap()).collect();
    let missing: Vec<&String> =
        calls.iter().filter(|c| !rows.contains(c.as_str()) && !ELSEWHERE.contains(&c.as_str())).collect();
    assert!(missing.is_empty(), "calls without a row: {missing:?}");
    let gone: Vec<&&str> = rows.iter().filter(|r| !calls.contains(**r)).collect();
    assert!(gone.is_empty(), "rows without a call: {gone:?}");
}
