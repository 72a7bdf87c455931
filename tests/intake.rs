//! Cats of a file beside the work of the desk: what an import must not undo, invent or leave behind.

#[path = "support/world.rs"]
mod support;

use clowder::{
    desk::{Arrival, CatChange},
    model::{
        Breed, Cat, CatStatus, CatStatusKind, Day, IntakeKind, Outcome, OutcomeKind, RequestStatus, Verdict,
        intake::{Change, IncomingCat},
        stays::{Entry, Exit, Piece},
    },
};
use support::{CONSOLE, World};

fn visit(exit: Exit) -> Piece {
    Piece { start: Day(20_000), entry: Entry::Intake(IntakeKind::Stray), exit }
}

fn adopted() -> Exit {
    Exit::Ends(Outcome { date: Some(Day(20_100)), kind: OutcomeKind::Adoption })
}

fn miso(exit: Exit) -> IncomingCat {
    IncomingCat {
        tag: Some("A1".to_owned()),
        name: "Miso".to_owned(),
        breed: Some("Somali".to_owned()),
        pieces: vec![visit(exit)],
        ..IncomingCat::default()
    }
}

fn import(w: &World, cat: IncomingCat) -> (Change, bool) {
    let taken = w.desk.intake_cats(&w.sam, vec![Arrival { cat, like: None }], true).unwrap();
    (taken.taken[0].change, taken.committed)
}

fn id(w: &World) -> clowder::model::CatId {
    w.desk.cat_by_tag(&CONSOLE, "A1").unwrap()
}

#[test]
fn a_cat_that_left_in_the_file_is_not_waited_for_any_longer() {
    let w = World::new();
    assert_eq!(import(&w, miso(Exit::Stays)), (Change::New, true));
    let queue = [w.ask(&w.ana, id(&w)), w.ask(&w.ben, id(&w))];
    assert_eq!(import(&w, miso(adopted())), (Change::Changed, true));
    assert_eq!(w.get::<Cat>(id(&w)).status, CatStatus::Adopted);
    for request in queue {
        let request = w.request(request);
        assert_eq!(request.status, RequestStatus::Rejected);
        assert_eq!(request.decision.unwrap().reason, "placed with another family");
    }
    w.clean();
}

#[test]
fn a_cat_with_an_approved_request_is_left_as_it_is() {
    let w = World::new();
    import(&w, miso(Exit::Stays));
    let request = w.ask(&w.ana, id(&w));
    w.decide(&w.sam, request, Verdict::Approve).unwrap();
    let before = w.everything();
    assert_eq!(import(&w, miso(adopted())), (Change::Kept, false));
    assert_eq!(w.everything(), before);
}

#[test]
fn the_same_file_again_brings_no_deleted_breed_back() {
    let w = World::new();
    import(&w, miso(Exit::Stays));
    let (somali, other) = (w.get::<Cat>(id(&w)).breed.unwrap(), w.breed("Korat"));
    w.edit(&w.sam, id(&w), CatChange::Breed(Some(other))).unwrap();
    w.desk.delete_breed(&w.sam, somali, w.rev::<Breed>(somali)).unwrap();
    let before = w.everything();
    assert_eq!(import(&w, miso(Exit::Stays)), (Change::Same, false));
    assert_eq!(w.everything(), before, "it was made for nobody");
}

#[test]
fn a_cat_that_is_not_made_makes_no_breed() {
    let w = World::new();
    let body = Piece { start: Day(20_000), entry: Entry::Event, exit: adopted() };
    let before = w.everything();
    assert_eq!(import(&w, IncomingCat { pieces: vec![body], ..miso(Exit::Stays) }), (Change::None, false));
    assert_eq!(w.everything(), before);
}

#[test]
fn no_cat_in_care_is_archived_by_a_file() {
    let w = World::new();
    import(&w, IncomingCat { archived: true, ..miso(Exit::Stays) });
    let cat: Cat = w.get(id(&w));
    assert_eq!((cat.status.kind(), cat.archived), (CatStatusKind::Available, false));
}
