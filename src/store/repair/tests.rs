//! What a check finds and a repair mends, with damage done below the store's own calls.

use super::*;
use crate::{
    limit::{Limit, Over},
    model::{Breed, BreedId, Cat, CatId, Record, Role, User, UserId},
    store::{OpenOptions, Store},
};

struct Home {
    _dir: tempfile::TempDir,
    options: OpenOptions,
}

/// A store with a few of everything, each edited once.
fn stocked() -> (Home, Store) {
    let dir = tempfile::tempdir().unwrap();
    let options = OpenOptions::new(dir.path().join("data"), dir.path().join("config"));
    let store = Store::open(options.clone()).unwrap().store;
    for n in 0..6 {
        put(&store, Breed { name: format!("breed{n}"), ..Breed::default() });
        put(&store, User { password: Some("hash".into()), ..User::new(format!("user{n}"), Role::User) });
        let breed = Some(BreedId(n % 3 + 1));
        put(&store, Cat { tag: Some(format!("t{n}")), breed, ..Cat::new(format!("cat{n}")) });
    }
    (Home { _dir: dir, options }, store)
}

fn put<R: Record>(store: &Store, mut record: R) {
    store
        .write(&Actor::console(), move |tx| {
            tx.describe(Action::Import, "");
            tx.insert(&mut record)
        })
        .unwrap();
}

fn check(store: &Store) -> CheckReport {
    store.check(&mut |_| true).unwrap()
}

fn mend(store: &Store) -> CheckReport {
    store.repair(&Actor::console(), &mut |_| true).unwrap()
}

/// Changes what is stored, past everything that keeps it in order.
fn tamper(store: &Store, f: impl FnOnce(&Core, &mut Batch)) {
    let core = store.0.core();
    let mut batch = Batch::default();
    f(core, &mut batch);
    core.engine.apply(&batch).unwrap();
}

/// Checks that the damage is found in words, then that a repair mends it for good.
fn found_and_mended(words: &str, damage: impl FnOnce(&Core, &mut Batch)) -> CheckReport {
    let (home, store) = stocked();
    assert!(check(&store).is_clean());
    tamper(&store, damage);
    let report = check(&store);
    assert!(!report.is_clean() && report.findings.iter().any(|f| f.contains(words)), "{words}: {:?}", report.findings);
    let mended = mend(&store);
    assert!(mended.is_clean(), "{words}: {:?}", mended.findings);
    store.close().unwrap();
    let store = Store::open(home.options.clone()).unwrap().store;
    assert!(check(&store).is_clean());
    let last = &store.audit(None, 1).unwrap()[0];
    assert_eq!(last.action, Action::Repair);
    put(&store, Cat::new("after"));
    assert!(check(&store).is_clean());
    mended
}

fn a_key(core: &Core) -> Vec<u8> {
    let cat = core.get_any(Kind::Cat, 2).unwrap().unwrap();
    indexes::keys(&core.hasher, &cat).remove(0)
}

#[test]
fn a_missing_index_entry_is_found_and_mended() {
    found_and_mended("cat 2 is missing from the index", |core, batch| batch.remove(Tree::Index, &a_key(core)));
}

#[test]
fn index_entries_of_nothing_are_found_and_mended() {
    found_and_mended("an entry of nothing", |core, batch| {
        let mut key = a_key(core);
        let last = key.len() - 1;
        key[last] = 200;
        batch.put(Tree::Index, &key, Vec::new());
        batch.put(Tree::Index, b"\xffwhatever", Vec::new());
        batch.put(Tree::Index, &indexes::audit_key(Kind::Cat, 1, 18), Vec::new());
    });
}

#[test]
fn a_missing_audit_index_entry_is_found_and_mended() {
    found_and_mended("entry 3 of the audit log is missing from the index", |_, batch| {
        batch.remove(Tree::Index, &indexes::audit_key(Kind::Cat, 1, 3));
    });
}

#[test]
fn a_wrong_counter_is_found_and_mended() {
    let (_home, store) = stocked();
    let tally = Tally::CatsByBreed(BreedId(2));
    store.0.core().counters.write().unwrap().tallies.insert(tally, 40);
    let report = check(&store);
    assert_eq!((report.wrong, report.findings[0].contains("says 40, but there are 2")), (1, true), "{report:?}");
    assert!(mend(&store).is_clean());
    assert_eq!(store.tally(tally), 2);
}

#[test]
fn a_sequence_behind_its_records_is_found_and_mended() {
    let (_home, store) = stocked();
    store.0.core().counters.write().unwrap().last_ids.insert(Kind::Cat, 4);
    assert_eq!(check(&store).wrong, 2);
    assert!(mend(&store).is_clean());
    put(&store, Cat::new("next"));
    assert_eq!(store.get::<Cat>(CatId(7)).unwrap().unwrap().name, "next");
}

#[test]
fn a_damaged_record_comes_back_from_the_audit_log() {
    let mended = found_and_mended("cat 5 is damaged", |_, batch| {
        batch.put(Tree::Records(Kind::Cat), &record::key(5), vec![7; 90]);
    });
    assert!(mended.repaired.iter().any(|w| w == "cat 5 was damaged and taken from the audit log"), "{mended:?}");
}

#[test]
fn a_record_in_anothers_place_is_damaged_and_comes_back() {
    let (_home, store) = stocked();
    tamper(&store, |core, batch| {
        let tree = Tree::Records(Kind::User);
        let other = core.engine.get(tree, &record::key(1)).unwrap().unwrap();
        batch.put(tree, &record::key(2), other.to_vec());
    });
    assert!(matches!(store.get::<User>(UserId(2)), Err(StoreError::Damaged(_))));
    assert_eq!(store.all::<User>().filter(Result::is_ok).count(), 5);
    let report = mend(&store);
    assert!(report.is_clean() && report.repaired[0].contains("the password must be set again"), "{report:?}");
    let user: User = store.get(UserId(2)).unwrap().unwrap();
    assert_eq!((user.username.as_str(), user.password), ("user1", None));
}

#[test]
fn a_record_lost_without_a_trace_and_an_unreadable_entry_stay_findings() {
    let (_home, store) = stocked();
    tamper(&store, |core, batch| {
        for (key, _) in
            core.engine.scan(Tree::Audit, (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded), false, 3).unwrap()
        {
            batch.put(Tree::Audit, &key, vec![1; 60]);
        }
        batch.put(Tree::Records(Kind::Cat), &record::key(1), vec![7; 90]);
    });
    let report = mend(&store);
    assert!(!report.is_clean());
    assert!(report.repaired.iter().any(|w| w.contains("cat 1 is damaged and not in the audit log")), "{report:?}");
    assert!(report.findings.iter().any(|f| f.contains("cat 1 is damaged")));
    assert!(report.findings.iter().any(|f| f.contains("entry 2 of the audit log is damaged")));
    assert_eq!(store.read_only(), None);
}

#[test]
fn a_repair_that_was_broken_off_goes_on_unless_something_was_committed() {
    let (home, store) = stocked();
    let mut steps = 0;
    let cancelled = store
        .repair(&Actor::console(), &mut |p| {
            steps += u32::from(p.step == "index of records");
            steps < 3
        })
        .unwrap();
    assert!(cancelled.cancelled && !cancelled.is_clean());
    assert!(check(&store).is_clean());
    store.close().unwrap();

    let store = Store::open(home.options.clone()).unwrap().store;
    let stage =
        |store: &Store| store.0.core().meta(meta::REPAIR).unwrap().and_then(|m| Mark::from_bytes(&m)).map(|m| m.stage);
    assert_eq!(stage(&store), Some(3));
    let mut kinds = 0;
    let report = store
        .repair(&Actor::console(), &mut |p| {
            kinds += u32::from(p.step == "index of records");
            true
        })
        .unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((kinds, stage(&store)), (2, None));

    store.repair(&Actor::console(), &mut |p| p.step != "index of the audit log").unwrap();
    assert_eq!(stage(&store), Some(5));
    put(&store, Cat::new("meanwhile"));
    assert_eq!(stage(&store), None);
    assert!(mend(&store).is_clean());
}

#[test]
fn a_check_can_be_broken_off_at_every_step() {
    let (_home, store) = stocked();
    let mut steps = Vec::new();
    store
        .check(&mut |p| {
            steps.push(p);
            assert!(p.done <= p.of);
            true
        })
        .unwrap();
    for n in 0..steps.len() {
        let mut seen = 0;
        let report = store
            .check(&mut |_| {
                seen += 1;
                seen <= n
            })
            .unwrap();
        assert!(report.cancelled && !report.is_clean());
    }
}

#[test]
fn a_check_is_of_one_moment_while_commits_go_on() {
    let (_home, store) = stocked();
    let _limit = Limit::new();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = Over(&stop);
        for n in 0..3_u32 {
            let (store, stop) = (&store, &stop);
            scope.spawn(move || {
                let mut m = 0;
                while !stop.load(Ordering::Relaxed) {
                    m += 1;
                    store
                        .write(&Actor::console(), move |tx| {
                            tx.describe(Action::EditCat, "");
                            let mut cat: Cat = tx.need(CatId(n + 1))?;
                            cat.tag = Some(format!("{n}-{m}"));
                            cat.breed = Some(BreedId(m % 6 + 1));
                            tx.update(&mut cat)?;
                            let id = tx.insert(&mut Cat::new("brief"))?;
                            if m % 2 == 0 {
                                tx.delete::<Cat>(id, 1)?;
                            } else if let Some(old) =
                                tx.get::<Cat>(CatId(id.0.saturating_sub(9)))?.filter(|c| c.id.0 > 6)
                            {
                                tx.delete::<Cat>(old.id, old.version.rev)?;
                            }
                            Ok::<_, StoreError>(())
                        })
                        .unwrap();
                }
            });
        }
        for _ in 0..10 {
            let report = check(&store);
            assert!(report.is_clean(), "{:?}", report.findings);
        }
    });
    assert!(check(&store).is_clean());
}
