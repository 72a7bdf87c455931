//! The store's promises: what a write does, alone and among others.

#[path = "support/store.rs"]
mod support;

use std::sync::{
    Arc, Barrier, Mutex,
    atomic::{AtomicU32, Ordering},
};

use clowder::{
    model::{
        Action, Actor, AdoptionRequest, Breed, BreedId, Cat, CatId, CatStatus, CatStatusKind, CommitNo, Day,
        IntakeKind, Kind, Record, RequestStatus, Role, Stamp, Stay, User, UserId,
    },
    store::{Changed, Cursor, Listing, Store, StoreError, Tally, Tx, Unique},
};
use support::{Home, add, clean};

#[test]
fn a_new_record_gets_an_id_a_revision_and_an_entry_in_the_audit_log() {
    let home = Home::new();
    let store = home.open();
    let written = store
        .write(&Actor::console(), |tx| {
            tx.describe(Action::AddCat, "Miso");
            tx.insert(&mut Cat::new("Miso"))
        })
        .unwrap();
    assert_eq!((written.value, written.commit), (CatId(1), Some(CommitNo(1))));
    let cat: Cat = store.get(CatId(1)).unwrap().unwrap();
    assert_eq!((cat.name.as_str(), cat.version.rev), ("Miso", 1));
    assert!(cat.version.created_at.0 > 0 && cat.version.created_at == cat.version.updated_at);

    let (entry, touched) = store.audit_entry(CommitNo(1)).unwrap().unwrap();
    assert_eq!((entry.action, entry.note.as_str(), entry.touched), (Action::AddCat, "Miso", 1));
    assert_eq!(entry.actor, Actor::console());
    assert_eq!((touched[0].kind, touched[0].id, touched[0].rev_before, touched[0].rev_after), (Kind::Cat, 1, 0, 1));
    assert_eq!(touched[0].before, None);
    assert_eq!(store.decode::<Cat>(touched[0].after.as_ref().unwrap()).unwrap(), cat);
    clean(&store);
}

#[test]
fn an_update_needs_the_stored_revision_and_changes_nothing_when_nothing_changed() {
    let home = Home::new();
    let store = home.open();
    let mut cat = add(&store, Cat::new("Miso"));
    let stale = cat.clone();
    cat.name = "Mochi".to_owned();
    let edited = edit(&store, cat).unwrap();
    assert_eq!(edited.version.rev, 2);

    let commit = store
        .write(&Actor::console(), {
            let mut same = edited.clone();
            move |tx| {
                tx.describe(Action::EditCat, "");
                tx.update(&mut same)
            }
        })
        .unwrap()
        .commit;
    assert_eq!(commit, None);
    assert_eq!(store.get::<Cat>(edited.id).unwrap().unwrap(), edited);
    assert_eq!(edit(&store, stale).unwrap_err(), StoreError::Stale { kind: Kind::Cat, id: 1 });

    let entries = store.audit_of(Kind::Cat, 1, 10).unwrap();
    assert_eq!(entries.iter().map(|e| e.commit.0).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(store.audit(Some(CommitNo(2)), 10).unwrap().len(), 1);
    clean(&store);
}

fn edit<R: Record>(store: &Store, mut record: R) -> Result<R, StoreError> {
    store
        .write(&Actor::console(), move |tx| {
            tx.describe(Action::EditCat, "");
            tx.update(&mut record)?;
            Ok(record)
        })
        .map(|written| written.value)
}

#[test]
fn a_deleted_record_is_gone_from_everywhere_and_its_id_is_never_given_again() {
    let home = Home::new();
    let store = home.open();
    let cat = add(&store, Cat { tag: Some("A-1".to_owned()), ..Cat::new("Miso") });
    let gone = cat.clone();
    store
        .write(&Actor::console(), move |tx| {
            tx.describe(Action::DeleteCat, "");
            tx.delete::<Cat>(gone.id, gone.version.rev)
        })
        .unwrap();
    assert_eq!(store.get::<Cat>(cat.id).unwrap(), None);
    assert_eq!(store.find(Unique::Tag("A-1")).unwrap(), None);
    assert_eq!(store.tally(Tally::Records(Kind::Cat)), 0);
    assert_eq!(add(&store, Cat::new("Mochi")).id, CatId(2));

    let mut back = cat;
    let restored = store
        .write(&Actor::console(), move |tx| {
            tx.describe(Action::Undo, "");
            tx.restore(&mut back)?;
            Ok::<_, StoreError>(back)
        })
        .unwrap();
    assert_eq!((restored.value.id, restored.value.version.rev), (CatId(1), 2));
    assert_eq!(store.find(Unique::Tag("a-1")).unwrap(), Some(1));
    let again = store.write(&Actor::console(), move |tx| {
        tx.describe(Action::Undo, "");
        tx.restore(&mut restored.value.clone())
    });
    assert_eq!(again.unwrap_err(), StoreError::Stale { kind: Kind::Cat, id: 1 });
    clean(&store);
}

#[test]
fn unique_values_are_compared_as_people_see_them() {
    let home = Home::new();
    let store = home.open();
    let ana = User { email: Some("Ana@Example.org".to_owned()), ..User::new("Ana", Role::Staff) };
    let ana = add(&store, ana);
    add(&store, Breed { name: "Chartreux Élevé".to_owned(), ..Breed::default() });
    assert_eq!(store.find(Unique::Username("aNA")).unwrap(), Some(ana.id.0));
    assert_eq!(store.find(Unique::Email("ana@example.ORG")).unwrap(), Some(ana.id.0));
    assert_eq!(store.find(Unique::BreedName("chartreux eleve")).unwrap(), Some(1));
    assert_eq!(store.find(Unique::Username("ana@example.org")).unwrap(), None);

    let twice = try_add(&store, User::new("ANA", Role::User)).unwrap_err();
    assert_eq!(twice, StoreError::Taken { field: "username", by: 1 });
    let mail = User { email: Some("ana@EXAMPLE.org".to_owned()), ..User::new("bo", Role::User) };
    assert_eq!(try_add(&store, mail).unwrap_err(), StoreError::Taken { field: "email", by: 1 });
    let breed = Breed { name: "CHARTREUX ELEVE".to_owned(), ..Breed::default() };
    assert_eq!(try_add(&store, breed).unwrap_err(), StoreError::Taken { field: "name", by: 1 });

    // A name that was given up is free, and one's own may be spelt otherwise.
    let renamed = edit(&store, User { username: "ANA".to_owned(), ..ana }).unwrap();
    edit(&store, User { username: "anna".to_owned(), ..renamed }).unwrap();
    assert_eq!(try_add(&store, User::new("ana", Role::User)).unwrap().id, UserId(2));
    clean(&store);
}

fn try_add<R: Record>(store: &Store, mut record: R) -> Result<R, StoreError> {
    store
        .write(&Actor::console(), move |tx| {
            tx.describe(Action::AddUser, "");
            tx.insert(&mut record)?;
            Ok(record)
        })
        .map(|written| written.value)
}

#[test]
fn names_stay_unique_among_eight_writers() {
    let home = Home::new();
    let store = home.open();
    let won = Arc::new(AtomicU32::new(0));
    let start = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (store, won, start) = (store.clone(), Arc::clone(&won), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                for n in 0..20 {
                    match try_add(&store, User::new(format!("user{n}"), Role::User)) {
                        Ok(_) => drop(won.fetch_add(1, Ordering::Relaxed)),
                        Err(e) => assert!(matches!(e, StoreError::Taken { field: "username", .. }), "{e}"),
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
    assert_eq!(won.load(Ordering::Relaxed), 20);
    assert_eq!(store.tally(Tally::Records(Kind::User)), 20);
    clean(&store);
}

#[test]
fn no_edit_is_lost_among_eight_writers() {
    let home = Home::new();
    let store = home.open();
    let cat = add(&store, Cat::new("Miso"));
    let threads: Vec<_> = (0..8)
        .map(|n| {
            let (store, id) = (store.clone(), cat.id);
            std::thread::spawn(move || {
                for m in 0..10 {
                    while let Err(e) = {
                        let mut seen: Cat = store.get(id).unwrap().unwrap();
                        seen.description = format!("{}{n}.{m} ", seen.description);
                        edit(&store, seen)
                    } {
                        assert_eq!(e, StoreError::Stale { kind: Kind::Cat, id: 1 });
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
    let cat: Cat = store.get(cat.id).unwrap().unwrap();
    assert_eq!(cat.description.split_whitespace().count(), 80);
    assert_eq!(cat.version.rev, 81);
    clean(&store);
}

/// Keeps the writer in a closure until told, so that what is queued meanwhile becomes one group.
fn hold_writer(store: &Store) -> (std::thread::JoinHandle<()>, std::sync::mpsc::Sender<()>) {
    let (inside, is_inside) = std::sync::mpsc::channel();
    let (go, wait) = std::sync::mpsc::channel();
    let store = store.clone();
    let thread = std::thread::spawn(move || {
        store
            .write(&Actor::console(), move |_| {
                inside.send(()).unwrap();
                let _ = wait.recv();
                Ok::<_, StoreError>(())
            })
            .unwrap();
    });
    is_inside.recv_timeout(support::limit::PATIENCE).unwrap();
    (thread, go)
}

type Step = Box<dyn FnOnce(&mut Tx<'_>) -> Result<Option<u32>, StoreError> + Send>;

/// Writes from as many threads, queued while the writer is held, and what each was told.
fn in_one_group(store: &Store, steps: Vec<Step>) -> Vec<Result<Option<u32>, StoreError>> {
    let (holder, go) = hold_writer(store);
    let ready = Arc::new(Barrier::new(steps.len() + 1));
    let threads: Vec<_> = steps
        .into_iter()
        .map(|step| {
            let (store, ready) = (store.clone(), Arc::clone(&ready));
            std::thread::spawn(move || {
                ready.wait();
                store.write(&Actor::console(), step).map(|written| written.value)
            })
        })
        .collect();
    ready.wait();
    go.send(()).unwrap();
    holder.join().unwrap();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

#[test]
fn an_error_or_a_panic_in_one_write_leaves_the_others_of_its_group_alone() {
    let home = Home::new();
    let store = home.open();
    let insert = |name: &'static str| -> Step {
        Box::new(move |tx| {
            tx.describe(Action::AddCat, name);
            tx.insert(&mut Cat::new(name)).map(|id| Some(id.0))
        })
    };
    let results = in_one_group(
        &store,
        vec![
            insert("one"),
            Box::new(|tx| {
                tx.insert(&mut Cat::new("never"))?;
                Err(StoreError::Failed("changed my mind".to_owned()))
            }),
            Box::new(|tx| {
                tx.insert(&mut Cat::new("never"))?;
                std::panic::resume_unwind(Box::new("in the middle"));
            }),
            Box::new(|tx| tx.insert(&mut Cat::new("never described")).map(|id| Some(id.0))),
            insert("two"),
        ],
    );
    assert!(results[0].is_ok() && results[4].is_ok(), "{results:?}");
    assert_eq!(results[1], Err(StoreError::Failed("changed my mind".to_owned())));
    assert!(matches!(&results[2], Err(StoreError::Failed(why)) if why.contains("nothing was changed")));
    assert!(matches!(&results[3], Err(StoreError::Failed(why)) if why.contains("audit log")));
    let mut names: Vec<String> = store.all::<Cat>().map(|c| c.unwrap().name).collect();
    names.sort();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(store.tally(Tally::Records(Kind::Cat)), 2);
    assert_eq!(store.audit(None, 10).unwrap().len(), 2);
    assert_eq!(store.read_only(), None);
    clean(&store);
}

#[test]
fn a_write_sees_what_the_others_of_its_group_and_itself_did_before() {
    let home = Home::new();
    let store = home.open();
    add(&store, Cat { tag: Some("old".to_owned()), ..Cat::new("Old") });
    let seen: Vec<Step> = (0..6)
        .map(|_| -> Step {
            Box::new(|tx| {
                let there = tx.tally(Tally::CatsByStatus(CatStatusKind::Available));
                let listed = tx.list(Listing::CatsByStatus(CatStatusKind::Available), 100)?;
                assert_eq!(listed.len() as u64, there);
                assert_eq!(tx.list(Listing::CatsByStatus(CatStatusKind::Available), 1)?.len(), 1);
                let tag = format!("t{there}");
                tx.describe(Action::AddCat, "");
                let id = tx.insert(&mut Cat { tag: Some(tag.clone()), ..Cat::new("New") })?;
                assert_eq!(tx.find(Unique::Tag(&tag))?, Some(id.0));
                assert_eq!(tx.tally(Tally::Records(Kind::Cat)), there + 1);
                assert_eq!(tx.need::<Cat>(id)?.version.rev, 1);
                // The cat that was committed long before loses its tag to nobody, once.
                if let Some(old) = tx.find(Unique::Tag("old"))? {
                    let mut old: Cat = tx.need(CatId(old))?;
                    old.tag = None;
                    tx.update(&mut old)?;
                    assert_eq!(tx.find(Unique::Tag("old"))?, None);
                }
                assert_eq!(tx.touched().last(), Some(&(Kind::Cat, id.0)));
                Ok(Some(id.0))
            })
        })
        .collect();
    let mut ids: Vec<u32> = in_one_group(&store, seen).into_iter().map(|r| r.unwrap().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [2, 3, 4, 5, 6, 7]);
    clean(&store);
}

#[test]
fn what_was_made_and_deleted_again_is_no_commit() {
    let home = Home::new();
    let store = home.open();
    let written = store
        .write(&Actor::console(), |tx| {
            tx.describe(Action::AddCat, "");
            let id = tx.insert(&mut Cat::new("Brief"))?;
            tx.delete::<Cat>(id, 1)
        })
        .unwrap();
    assert_eq!(written.commit, None);
    let noted = store
        .write(&Actor::console(), |tx| {
            tx.describe(Action::SignIn, "");
            tx.always();
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert_eq!(noted.commit, Some(CommitNo(1)));
    clean(&store);
}

#[test]
fn a_write_from_inside_a_write_is_refused_and_does_not_hang() {
    let home = Home::new();
    let store = home.open();
    let again = store.clone();
    let inner = store
        .write(&Actor::console(), move |_| {
            Ok::<_, StoreError>(again.write(&Actor::console(), |_| Ok::<_, StoreError>(())))
        })
        .unwrap()
        .value;
    assert!(matches!(inner, Err(StoreError::Failed(_))));
}

#[test]
fn too_large_a_record_is_refused_in_words() {
    let home = Home::new();
    let store = home.open();
    let error = try_add(&store, Cat { description: "x".repeat(7_000), ..Cat::new("Miso") }).unwrap_err();
    assert!(matches!(&error, StoreError::Failed(why) if why.contains("Miso is too large")), "{error}");
    clean(&store);
}

#[test]
fn too_large_a_change_is_refused_alone_and_the_store_goes_on() {
    let home = Home::new();
    let store = home.open();
    let refused = |store: &Store, cats: u32, note: usize| {
        store
            .write(&Actor::console(), move |tx| {
                for _ in 0..cats {
                    tx.insert(&mut Cat { description: "x".repeat(6_000), ..Cat::new("Miso") })?;
                }
                tx.describe(Action::Import, "n".repeat(note));
                tx.always();
                Ok::<_, StoreError>(())
            })
            .unwrap_err()
            .to_string()
    };
    let words = refused(&store, 11_200, 0);
    assert!(words.contains("too large to be made at once (11200 records); make it in parts"), "{words}");
    let words = refused(&store, 0, 100_000);
    assert!(words.contains("what is said about the change is too long"), "{words}");
    assert_eq!(store.read_only(), None);
    assert_eq!(add(&store, Cat::new("Miso")).id, CatId(1));
    clean(&store);
}

#[test]
fn a_listing_is_paged_by_keyset_in_both_directions() {
    let home = Home::new();
    let store = home.open();
    let day = |n: i32| Stay::open(Day(20_000 + n), IntakeKind::Stray);
    for n in [3, 1, 2, 5, 4] {
        add(&store, Cat { stays: vec![day(n)], ..Cat::new(format!("cat{n}")) });
    }
    add(&store, Cat { archived: true, ..Cat::new("archived") });
    add(&store, Cat::new("no stay"));
    add(&store, Cat { status: CatStatus::Adopted, ..Cat::new("gone") });
    let listing = Listing::CatsByStatus(CatStatusKind::Available);
    let page = |after, newest| store.list(listing, after, 2, newest).unwrap();
    assert_eq!(store.list(listing, None, 100, false).unwrap(), [2, 3, 1, 5, 4, 7]);
    assert_eq!(page(None, false), [2, 3]);
    let place: Option<Cursor> = store.cursor(listing, 3).unwrap();
    assert_eq!(page(place, false), [1, 5]);
    assert_eq!(page(place, true), [2]);
    assert_eq!(page(None, true), [7, 4]);
    assert_eq!(store.cursor(listing, 8).unwrap(), None);
}

#[test]
fn relations_are_listed_in_the_order_of_the_queue() {
    let home = Home::new();
    let store = home.open();
    let cat = add(&store, Cat { breed: Some(BreedId(7)), ..Cat::new("Miso") });
    let (ana, bo) = (add(&store, User::new("ana", Role::User)), add(&store, User::new("bo", Role::User)));
    for (user, at) in [(ana.id, 30), (bo.id, 10), (ana.id, 20)] {
        add(&store, AdoptionRequest::new(cat.id, user, Stamp(at), ""));
    }
    assert_eq!(store.list(Listing::RequestsOfCat(cat.id), None, 10, false).unwrap(), [2, 3, 1]);
    assert_eq!(store.list(Listing::RequestsOfUser(ana.id), None, 10, false).unwrap(), [3, 1]);
    assert_eq!(store.list(Listing::RequestsByStatus(RequestStatus::Pending), None, 10, true).unwrap(), [1, 3, 2]);
    assert_eq!(store.list(Listing::CatsByBreed(BreedId(7)), None, 10, false).unwrap(), [1]);
    assert_eq!(store.list(Listing::UsersByRole(Role::User), None, 10, false).unwrap(), [1, 2]);
    assert_eq!(store.tally(Tally::CatsByBreed(BreedId(7))), 1);
    assert_eq!(store.tally(Tally::UsersByRole(Role::User)), 2);
    clean(&store);
}

#[test]
fn subscribers_hear_of_each_commit_until_they_leave_and_a_failing_one_harms_nobody() {
    let home = Home::new();
    let store = home.open();
    support::wait_for(|| store.catalog().ready());
    let heard: Arc<Mutex<Vec<Changed>>> = Arc::default();
    let _failing = store.subscribe(Box::new(|_| std::panic::resume_unwind(Box::new("listener"))));
    let subscription = store.subscribe({
        let heard = Arc::clone(&heard);
        Box::new(move |changed| heard.lock().unwrap().push(changed.clone()))
    });
    add(&store, Cat::new("Miso"));
    add(&store, Cat::new("Mochi"));
    // A write that follows is answered after the one before was published.
    store.write(&Actor::console(), |_| Ok::<_, StoreError>(())).unwrap();
    drop(subscription);
    add(&store, Cat::new("Unheard"));
    let heard = heard.lock().unwrap();
    let cats: Vec<_> =
        heard.iter().filter(|c| !c.records.is_empty()).map(|c| (c.commit.0, c.records.clone())).collect();
    assert_eq!(cats, [(1, vec![(Kind::Cat, 1)]), (2, vec![(Kind::Cat, 2)])]);
}

#[test]
fn no_password_hash_reaches_the_audit_log() {
    let home = Home::new();
    let store = home.open();
    let ana = add(&store, User { password: Some("$argon2id$secret".to_owned()), ..User::new("ana", Role::Staff) });
    let ana = edit(&store, User { password: Some("$argon2id$other".to_owned()), ..ana }).unwrap();
    assert_eq!(store.get::<User>(ana.id).unwrap().unwrap().password.as_deref(), Some("$argon2id$other"));
    let (_, touched) = store.audit_entry(CommitNo(2)).unwrap().unwrap();
    for stored in [&touched[0].before, &touched[0].after] {
        let user: User = store.decode(stored.as_ref().unwrap()).unwrap();
        assert_eq!((user.username.as_str(), user.password), ("ana", None));
    }
}

#[test]
fn the_catalog_follows_commits_made_while_it_is_built() {
    let home = Home::new();
    {
        let store = home.open();
        for n in 0..60 {
            add(&store, Cat::new(format!("cat{n}")));
        }
        store.close().unwrap();
    }
    let store = home.open();
    // These race with the builder on purpose; whichever wins, the catalog must end up right.
    for id in 1..=60 {
        let mut cat: Cat = store.get(CatId(id)).unwrap().unwrap();
        if id % 3 == 0 {
            let gone = cat;
            store
                .write(&Actor::console(), move |tx| {
                    tx.describe(Action::DeleteCat, "");
                    tx.delete::<Cat>(gone.id, 1)
                })
                .unwrap();
        } else {
            cat.name.push('!');
            edit(&store, cat).unwrap();
        }
        add(&store, Cat::new(format!("more{id}")));
    }
    support::wait_for(|| store.catalog().ready());
    for id in 1..=120 {
        let rev = store.get::<Cat>(CatId(id)).unwrap().map(|cat| cat.version.rev);
        assert_eq!(store.catalog().cat(CatId(id)).map(|row| row.rev), rev, "cat {id}");
    }
    clean(&store);
}

#[test]
fn the_largest_records_stay_in_the_file_that_is_synced() {
    let home = Home::new();
    let store = home.open();
    let large = |n: u32| Cat { description: format!("{n}{}", "x".repeat(5_900)), ..Cat::new("Miso") };
    for n in 0..3 {
        store
            .write(&Actor::console(), move |tx| {
                tx.describe(Action::Import, "");
                (0..40).try_for_each(|_| tx.insert(&mut large(n)).map(drop))
            })
            .unwrap();
    }
    for id in 1..=120 {
        let cat: Cat = store.get(CatId(id)).unwrap().unwrap();
        edit(&store, Cat { description: large(id).description, ..cat }).unwrap();
    }
    clean(&store);
    store.close().unwrap();
    clean(&home.open());
    // Pages past 128 KiB would be files of their own there.
    let apart = std::fs::read_dir(home.store_dir().join("blobs")).map_or(0, Iterator::count);
    assert_eq!(apart, 0);
}
