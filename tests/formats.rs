//! A store of every format so far opens and holds what was put into it.
//!
//! `tests/data/formats/N` holds the data directory and the key of a small store that the program of format N made; see
//! [`make`] for how one is added.

#[path = "support/world.rs"]
mod support;

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use clowder::{
    desk::{BreedChange, CatChange, Desk, UserChange},
    model::{
        Actor, AdoptionRequest, AgeBand, Altered, Breed, BreedId, Cat, CatId, CommitNo, Day, Door, Gender,
        HealthStatus, Hold, HoldKind, IntakeKind, Kind, OutcomeKind, PartialDate, Preferences, RequestStatus, Role,
        User, Verdict,
    },
    store::{
        Listing, OpenOptions, Store, Tally, Unique, backup,
        restore::{self, Until},
    },
};
use support::{Home, clean, wait_for};

const PASSWORD: &str = "nine lives are enough";
const SSH_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZDzN9LZmJkPYEnZRb2PYa4S1cTVQm1uSPi2d2UeTpY laptop";

/// Where the stores of the formats are.
fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/formats")
}

fn copy(from: &Path, to: &Path) {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

/// Something of every kind, in every state that there is.
fn fill(store: &Store) {
    wait_for(|| store.catalog().ready());
    let desk = Desk::new(store.clone());
    let day = |month, day| Day::from_ymd(2026, month, day).unwrap();
    let ada = desk.set_up("ada", "Ada Example", Some("ada@example.org"), PASSWORD).unwrap();

    let breed = |name: &str| {
        let changes = vec![BreedChange::Name(name.to_owned()), BreedChange::Description("Large, calm".to_owned())];
        desk.add_breed(&ada, changes).unwrap().0
    };
    let (coon, none) = (breed("Maine Coon"), breed("Sphynx"));
    desk.delete_breed(&ada, none.id, none.version.rev).unwrap();
    let health = |name: &str, prevents| {
        use clowder::desk::HealthChange::{Name, PreventsAdoption};
        desk.add_health(&ada, vec![Name(name.to_owned()), PreventsAdoption(prevents)]).unwrap().0.id
    };
    let (well, ill) = (health("Healthy", false), health("Ringworm", true));

    let person = |name: &str, role| {
        let changes = vec![
            UserChange::Username(name.to_owned()),
            UserChange::FullName(format!("{name} Example")),
            UserChange::Email(Some(format!("{name}@example.org"))),
            UserChange::Phone("0555 0100".to_owned()),
        ];
        Actor::local(desk.add_user(&ada, role, changes, None).unwrap().0.id)
    };
    let sam = person("sam", Role::Staff);
    let [ana, ben, cem, dora] = ["ana", "ben", "cem", "dora"].map(|name| person(name, Role::User));
    let number = |actor: &Actor| actor.user().unwrap();
    desk.add_ssh_key(&ada, number(&sam), SSH_KEY).unwrap();

    let cat = |name: &str, more: Vec<CatChange>| {
        let mut changes = vec![CatChange::Name(name.to_owned())];
        changes.extend(more);
        desk.add_cat(&sam, changes).unwrap().0.id
    };
    let edit = |id: CatId, change: CatChange| {
        let rev = store.get::<Cat>(id).unwrap().unwrap().version.rev;
        desk.edit_cat(&sam, id, rev, vec![change]).unwrap();
    };
    let miso = cat(
        "Miso",
        vec![
            CatChange::Tag(Some("A-1".to_owned())),
            CatChange::Breed(Some(coon.id)),
            CatChange::Born(Some(PartialDate::Month { year: 2022, month: 5 })),
            CatChange::Gender(Gender::Female),
            CatChange::Altered(Altered::Yes),
            CatChange::Colour("schwarz-weiß".to_owned()),
            CatChange::Health(Some(well)),
            CatChange::Description("Two\nlines, and a 猫".to_owned()),
            CatChange::ImageUrl(Some("https://example.org/miso.jpg".to_owned())),
            CatChange::Intake(day(1, 5), IntakeKind::Stray),
        ],
    );
    let hold = Hold { kind: HoldKind::Medical, reason: "stitches".to_owned(), until: Some(day(12, 24)) };
    cat("Pepper", vec![CatChange::Hold(hold), CatChange::Health(Some(ill))]);
    let biscuit = cat("Biscuit", vec![CatChange::Intake(day(2, 1), IntakeKind::BornInCare)]);
    let juniper = cat("Juniper", vec![CatChange::Intake(day(3, 1), IntakeKind::Seized)]);
    edit(juniper, CatChange::FosterOut(day(4, 1)));
    let tom = cat("Tom", vec![CatChange::Intake(day(3, 2), IntakeKind::OwnerSurrender)]);
    edit(tom, CatChange::Depart(day(3, 9), OutcomeKind::TransferOut));
    edit(tom, CatChange::Archived(true));
    let olive = cat("Olive", vec![CatChange::Intake(day(1, 9), IntakeKind::TransferIn)]);
    edit(olive, CatChange::Depart(day(2, 9), OutcomeKind::ReturnedToOwner));
    edit(olive, CatChange::Return(day(3, 9), IntakeKind::Return));
    let mistake = cat("Mistake", Vec::new());
    desk.delete_cat(&ada, mistake, 1).unwrap();
    desk.toggle_favourite(&ana, miso).unwrap();
    let wishes = Preferences {
        breeds: vec![coon.id],
        ages: vec![AgeBand::Senior],
        genders: vec![Gender::Female],
        altered: Some(Altered::Yes),
    };
    let me = desk.me(&ana).unwrap();
    desk.edit_profile(&ana, me.version.rev, vec![UserChange::Preferences(wishes)]).unwrap();

    let ask = |who: &Actor, cat| desk.ask(who, cat, "a quiet flat").unwrap().id;
    let decide = |id, verdict| {
        let rev = store.get::<AdoptionRequest>(id).unwrap().unwrap().version.rev;
        desk.decide(&sam, id, rev, verdict, "for a reason").unwrap().commit.unwrap()
    };
    let first = ask(&ana, miso);
    ask(&ben, miso);
    decide(first, Verdict::Approve);
    let taken = ask(&ben, biscuit);
    ask(&cem, biscuit);
    decide(taken, Verdict::Approve);
    decide(taken, Verdict::Complete);
    decide(ask(&ana, juniper), Verdict::AskForMore);
    decide(ask(&ben, juniper), Verdict::Reject);
    decide(ask(&cem, juniper), Verdict::Withdraw);
    let last = ask(&dora, olive);
    let undone = decide(last, Verdict::Approve);
    desk.undo(&sam, undone).unwrap();
    decide(last, Verdict::Withdraw);

    // The journal before and after it is kept with it.
    store.backup(&mut |_| true).unwrap();

    desk.lock(&ada, number(&ben), "left town").unwrap();
    desk.ban(&ada, number(&cem), "told lies").unwrap();
    let rev = store.get::<User>(number(&dora)).unwrap().unwrap().version.rev;
    desk.anonymise(&ada, number(&dora), rev).unwrap();
}

/// Everything that does not hang on the clock.
fn told(store: &Store) -> String {
    let mut out = String::new();
    let mut line = |words: String| writeln!(out, "{words}").unwrap();
    for b in store.all::<Breed>().map(Result::unwrap) {
        line(format!("breed {} r{}: {} / {}", b.id, b.version.rev, b.name, b.description));
    }
    for h in store.all::<HealthStatus>().map(Result::unwrap) {
        line(format!("health {} r{}: {} prevents {}", h.id, h.version.rev, h.name, h.prevents_adoption));
    }
    for c in store.all::<Cat>().map(Result::unwrap) {
        line(format!(
            "cat {} r{}: {} tag {:?} breed {:?} born {:?}",
            c.id, c.version.rev, c.name, c.tag, c.breed, c.born
        ));
        line(format!(
            "    {:?} {:?} {:?} health {:?} archived {}",
            c.gender, c.altered, c.colour, c.health, c.archived
        ));
        line(format!("    {:?} {:?} {:?}", c.description, c.image_url, c.status));
        for mut stay in c.stays {
            // An adoption is dated by the day on which it was completed.
            stay.outcome.iter_mut().filter(|o| o.kind == OutcomeKind::Adoption).for_each(|o| o.date = None);
            line(format!("    {stay:?}"));
        }
    }
    for u in store.all::<User>().map(Result::unwrap) {
        let (name, mail) = (&u.username, &u.email);
        line(format!(
            "user {} r{}: {name:?} {:?} {mail:?} {:?} {:?}",
            u.id, u.version.rev, u.full_name, u.phone, u.role
        ));
        let (locked, banned) = (u.locked.map(|l| l.reason), u.banned.map(|b| b.reason));
        line(format!("    password {} locked {locked:?} banned {banned:?}", u.password.is_some()));
        let keys: Vec<_> = u.ssh_keys.iter().map(|k| (&k.key, &k.comment)).collect();
        line(format!("    {:?} {:?} {keys:?} anonymised {}", u.preferences, u.favourites, u.anonymised));
    }
    for r in store.all::<AdoptionRequest>().map(Result::unwrap) {
        line(format!(
            "request {} r{}: cat {} user {} {:?} {:?}",
            r.id, r.version.rev, r.cat, r.user, r.status, r.notes
        ));
        r.history.iter().for_each(|h| line(format!("    {:?} {:?} {:?}", h.by, h.event, h.note)));
    }
    let mut log = store.audit(None, usize::MAX).unwrap();
    log.reverse();
    for e in log {
        let records: Vec<String> =
            store.audit_entry(e.commit).unwrap().unwrap().1.iter().map(|t| format!("{:?} {}", t.kind, t.id)).collect();
        line(format!("{}: {:?} {:?} {:?} {}", e.commit, e.actor.who, e.action, e.note, records.join(", ")));
    }
    out
}

/// The commits that filling makes.
const COMMITS: u64 = 47;

/// The store holds what [`fill`] put into it, can be searched, and goes on working.
fn holds_all(store: &Store) {
    wait_for(|| store.catalog().ready());
    let text: String = told(store)
        .lines()
        // What bringing a store up to a newer format may have written comes after.
        .filter(|line| line.split_once(':').and_then(|(no, _)| no.parse().ok()).is_none_or(|no: u64| no <= COMMITS))
        .map(|line| format!("{line}\n"))
        .collect();
    insta::assert_snapshot!("everything", text);
    let report = store.check(&mut |_| true).unwrap();
    assert_eq!(report.findings, Vec::<String>::new());
    assert_eq!(report.records, 23);
    assert!(report.commits >= COMMITS);

    assert_eq!(store.tally(Tally::Records(Kind::Cat)), 6);
    assert_eq!(store.tally(Tally::RequestsByStatus(RequestStatus::Pending)), 1);
    assert_eq!(store.find(Unique::Tag("a-1")).unwrap(), Some(1));
    assert_eq!(store.find(Unique::Email("SAM@example.org")).unwrap(), Some(2));
    assert_eq!(store.list(Listing::CatsByBreed(BreedId(1)), None, 9, false).unwrap(), [1]);
    assert_eq!(store.audit_of(Kind::Breed, 2, 9).unwrap().len(), 2);
    let desk = Desk::new(store.clone());
    let ada = desk.sign_in("ada", PASSWORD, Door::Local, None).unwrap();
    assert!(desk.sign_in("ada", "another password", Door::Local, None).is_err());
    let (next, commit) = desk.add_cat(&ada, vec![CatChange::Name("Next".to_owned())]).unwrap();
    assert_eq!(next.id, CatId(8), "a number is never given twice");
    assert!(commit > CommitNo(COMMITS));
    clean(store);
}

#[test]
fn a_store_of_every_format_opens_with_everything_in_it() {
    let mut formats = 0;
    for format in fs::read_dir(kept()).unwrap().flatten() {
        let home = Home::new();
        copy(&format.path(), home.0.path());
        let before = fs::read_to_string(home.data().join("keyring.toml")).unwrap();
        let number = format.file_name().into_string().unwrap();
        assert!(before.lines().any(|line| line == format!("format = {number}")), "{number}: {before}");
        let store = home.open();
        assert_eq!(store.check_deep(&mut |_| true).unwrap().findings, Vec::<String>::new(), "format {number}");
        holds_all(&store);
        store.close().unwrap();
        // And once more, as what it now is.
        let opened = home.try_open().unwrap();
        assert!(!opened.fresh);
        assert_eq!(opened.store.tally(Tally::Records(Kind::Cat)), 7, "format {number}");
        clean(&opened.store);
        drop(opened);
        if number == "1" {
            comes_back(&home);
        } else {
            comes_back_as_kept(&format.path());
        }
        formats += 1;
    }
    assert!(formats >= 2);
}

/// The backup and the journal that are kept with a store bring it back without the files of the engine.
fn comes_back_as_kept(format: &Path) {
    let home = Home::new();
    copy(format, home.0.path());
    fs::remove_dir_all(home.data().join("store")).unwrap();
    let options = OpenOptions::new(home.data(), home.config());
    let restored = restore::restore(&options, None, Until::Last, &Actor::console(), &mut |_| true).unwrap();
    assert_eq!(restored.to.commit, CommitNo(COMMITS));
    let store = home.open();
    assert!(store.check_deep(&mut |_| true).unwrap().is_clean());
    holds_all(&store);
}

/// The backup that was made before the first step is sound, brings the store back on another machine, and together with the
/// journal that began after it also here.
fn comes_back(home: &Home) {
    let files: Vec<_> = fs::read_dir(home.data().join("backups")).unwrap().flatten().map(|e| e.path()).collect();
    let [made] = &files[..] else { panic!("one backup before the first step: {files:?}") };
    let other = Home::new();
    copy(&home.config(), &other.config());
    let verified = backup::verify(made, Some(&backup::KeySource::new(&other.config())), &mut |_| true).unwrap();
    assert!(verified.opened);
    assert_eq!((verified.manifest.commit, verified.manifest.format), (COMMITS, 1));
    let restore = |home: &Home, from: Option<&Path>| {
        let options = OpenOptions::new(home.data(), home.config());
        restore::restore(&options, from, Until::Last, &Actor::console(), &mut |_| true).unwrap().to.commit
    };
    assert_eq!(restore(&other, Some(made)), CommitNo(COMMITS));
    let opened = other.try_open().unwrap();
    assert!(opened.notices.is_empty(), "{:?}", opened.notices);
    holds_all(&opened.store);
    drop(opened);

    fs::remove_dir_all(home.data().join("store")).unwrap();
    assert!(restore(home, None) > CommitNo(COMMITS));
    assert_eq!(home.open().tally(Tally::Records(Kind::Cat)), 7, "what came after the step is there as well");
}

/// The present format; with `CLOWDER_KEEP_FORMAT=1` the store is put among the kept ones, which a new format wants
/// done once before it is released: `CLOWDER_KEEP_FORMAT=1 cargo test --test formats make`.
#[test]
fn make() {
    let home = Home::new();
    fill(&home.open());
    if std::env::var_os("CLOWDER_KEEP_FORMAT").is_some() {
        let keyring = fs::read_to_string(home.data().join("keyring.toml")).unwrap();
        let format = keyring.lines().find_map(|line| line.strip_prefix("format = ")).unwrap();
        let to = kept().join(format);
        assert!(!to.exists(), "there is one already");
        fs::remove_file(home.data().join("lock")).unwrap();
        copy(home.0.path(), &to);
        // The key file remembers where it was made.
        let key = to.join(home.key_file().strip_prefix(home.0.path()).unwrap());
        let text = fs::read_to_string(&key).unwrap().replace(home.0.path().to_str().unwrap(), "/srv");
        fs::write(&key, text).unwrap();
    }
    let trial = Home::new();
    copy(home.0.path(), trial.0.path());
    holds_all(&Store::open(OpenOptions::new(trial.data(), trial.config())).unwrap().store);
}
