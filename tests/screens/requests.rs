//! The list of requests, one request, its applicant's own view, and taking one for somebody.

use clowder::model::{Actor, RequestStatus as S, Verdict};

use crate::{
    queue::Queue,
    shelter::Shelter,
    terminal::{Terminal, caps},
};

fn list(q: &Queue, actor: &Actor, width: u16, height: u16) -> Terminal {
    let mut t = Terminal::signed_in(q.desk(), caps(width, height), actor);
    t.keys("3");
    t
}

#[test]
fn the_list() {
    let q = Queue::new();
    for (width, height) in [(80, 24), (120, 40), (40, 12)] {
        let t = list(&q, &q.shelter.staff, width, height);
        insta::assert_snapshot!(format!("requests_{width}x{height}"), t.snapshot());
    }
    let mut dot = list(&q, &q.shelter.staff, 1, 1);
    dot.keys("jj/a\t\rfsan\x1b\r");
}

#[test]
fn the_query_line_narrows_the_list() {
    let q = Queue::new();
    let mut t = list(&q, &q.shelter.staff, 80, 24);
    t.keys("a/overdue:yes");
    insta::assert_snapshot!("requests_query_80x24", t.snapshot());
    t.keys("\x15status:nonsense");
    insta::assert_snapshot!("requests_query_wrong_80x24", t.snapshot());
    t.keys("\x15no such cat\r");
    insta::assert_snapshot!("requests_query_nothing_80x24", t.snapshot());
    t.keys("a");
    assert!(t.text().contains("Uma Stone"), "{}", t.text());
}

#[test]
fn filters_and_orders_are_chosen_from_a_list_and_leave_the_rest() {
    let q = Queue::new();
    let mut t = list(&q, &q.shelter.staff, 80, 24);
    t.keys("/uma\rf");
    assert!(t.text().contains("Show only"), "{}", t.text());
    t.keys("overdue\r");
    assert!(t.text().contains("/ overdue:yes uma"), "{}", t.text());
    t.keys("snewest\r");
    assert!(t.text().contains("/ overdue:yes sort:-date uma"), "{}", t.text());
    assert!(t.text().contains("1/1  newest first"), "{}", t.text());
}

#[test]
fn what_is_typed_after_a_term_is_a_word_of_its_own() {
    let q = Queue::new();
    let mut t = list(&q, &q.shelter.staff, 80, 24);
    assert!(t.text().contains("/ status:open"), "{}", t.text());
    t.keys("/uma");
    assert!(t.text().contains("/ status:open uma"), "{}", t.text());
    assert!(!t.text().contains("Vic Harbour"), "{}", t.text());
    t.keys("\r/lone\r");
    assert!(t.text().contains("/ status:open umalone"), "{}", t.text());
}

#[test]
fn one_request_as_staff_see_it() {
    let q = Queue::new();
    for (width, height) in [(80, 24), (120, 40), (40, 12)] {
        let mut t = list(&q, &q.shelter.staff, width, height);
        t.keys("\r");
        insta::assert_snapshot!(format!("request_{width}x{height}"), t.snapshot());
    }
}

#[test]
fn deciding_from_the_request() {
    let q = Queue::new();
    let mut t = list(&q, &q.shelter.staff, 80, 24);
    t.keys("\r").keys("i").keys("When are you at home?\r");
    assert!(q.request(q.miso[0]).awaiting_reply);
    t.keys("r").keys("no answer\r");
    assert_eq!(q.status(q.miso[0]), S::Rejected);
    insta::assert_snapshot!("request_rejected_80x24", t.snapshot());
    t.keys("b").keys("they called\r");
    assert_eq!(q.status(q.miso[0]), S::Pending);
    t.keys("w").keys("\x1b");
    assert_eq!(q.status(q.miso[0]), S::Pending);
}

#[test]
fn the_applicant_sees_their_own_and_nothing_of_others() {
    let q = Queue::new();
    let vic = Actor::local(q.desk().user_by_name(&Actor::console(), "vic").unwrap());
    q.decide(&q.shelter.staff, q.miso[1], Verdict::AskForMore, "Do you have a balcony?");
    let mut seen = String::new();
    let mut t = list(&q, &vic, 80, 24);
    insta::assert_snapshot!("own_requests_80x24", t.snapshot());
    seen += &t.text();
    t.keys("\r");
    insta::assert_snapshot!("own_request_80x24", t.snapshot());
    seen += &t.text();
    t.keys("G");
    seen += &t.text();
    t.keys("\x1b").keys("j\r");
    insta::assert_snapshot!("own_request_approved_80x24", t.snapshot());
    seen += &t.text();
    // Keys that are not theirs do nothing, and no query brings up anybody.
    t.keys("aricfbphn");
    seen += &t.text();
    assert_eq!(q.status(q.bruno[0]), S::Approved);
    t.keys("\x1b").keys("a/uma\r");
    seen += &t.text();
    assert!(t.text().contains("No request is like that"), "{}", t.text());
    t.keys("a/flagged:yes\r").keys("n").keys("4");
    seen += &t.text();
    for name in ["Uma", "Wes", "Oberholtzer", "山田", "Sam", "Sue", "console", "do not adopt", "example.org"] {
        assert!(!seen.contains(name), "{name}:\n{seen}");
    }
}

#[test]
fn the_applicant_answers_and_withdraws() {
    let q = Queue::new();
    let uma = q.shelter.user.clone();
    q.decide(&q.shelter.staff, q.miso[0], Verdict::AskForMore, "Do you have a balcony?");
    let mut t = list(&q, &uma, 80, 24);
    t.keys("\re");
    insta::assert_snapshot!("own_notes_80x24", t.snapshot());
    t.keys(" Yes, a big one.").keys("\x13");
    let request = q.request(q.miso[0]);
    assert!(request.notes.ends_with("in the afternoon. Yes, a big one."), "{}", request.notes);
    assert!(!request.awaiting_reply);
    t.keys("e").keys("x").keys("\x1b");
    assert!(t.text().contains("Throw away what you typed?"), "{}", t.text());
    t.keys("y").keys("w");
    insta::assert_snapshot!("own_withdraw_80x24", t.snapshot());
    t.keys("\x1b");
    assert_eq!(q.status(q.miso[0]), S::Pending);
    t.keys("w\r");
    assert_eq!(q.status(q.miso[0]), S::Withdrawn);
    insta::assert_snapshot!("own_withdrawn_80x24", t.snapshot());
}

#[test]
fn notes_that_somebody_changed_meanwhile_are_not_lost() {
    let q = Queue::new();
    let mut t = list(&q, &q.shelter.user, 80, 24);
    t.keys("\re").keys(" And a dog.");
    q.decide(&q.shelter.staff, q.miso[0], Verdict::AskForMore, "Do you have a balcony?");
    t.keys("\x13");
    assert!(t.text().contains("nothing of yours was saved"), "{}", t.text());
    assert!(t.text().contains("a dog."), "{}", t.text());
    t.keys("\x13");
    assert!(q.request(q.miso[0]).notes.ends_with("And a dog."));
}

#[test]
fn nothing_asked_yet() {
    let shelter = Shelter::bare();
    let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), &shelter.user);
    t.keys("3");
    insta::assert_snapshot!("own_requests_empty_80x24", t.snapshot());
}

#[test]
fn a_request_for_a_walk_in() {
    let q = Queue::new();
    let mut t = list(&q, &q.shelter.staff, 80, 24);
    t.keys("n");
    insta::assert_snapshot!("take_80x24", t.snapshot());
    t.keys("pep");
    insta::assert_snapshot!("take_cat_80x24", t.snapshot());
    t.keys("\r").keys("\t").keys("\x1b[C").keys("\t");
    insta::assert_snapshot!("take_new_80x24", t.snapshot());
    t.keys("Élodie Marsh\t555 0123\tnot an address\t");
    t.keys("\x13");
    insta::assert_snapshot!("take_wrong_80x24", t.snapshot());
    t.keys("\x15elodie@example.org\t\tCame in with her son.").keys("\x13");
    insta::assert_snapshot!("take_done_80x24", t.snapshot());
    let id = q.desk().user_by_name(&Actor::console(), "elodie.marsh").unwrap();
    let card = q.desk().user(&Actor::console(), id).unwrap();
    assert_eq!((card.user.full_name.as_str(), card.requests.len()), ("Élodie Marsh", 1));
}

#[test]
fn a_request_for_somebody_known_and_what_stands_against_it() {
    let q = Queue::new();
    let mut t = list(&q, &q.shelter.staff, 80, 24);
    t.keys("n").keys("miso\r\t").keys("\tuma");
    insta::assert_snapshot!("take_person_80x24", t.snapshot());
    t.keys("\r");
    assert!(t.text().contains("Uma Stone already has an open request for Miso"), "{}", t.text());
    t.keys("\r").keys("wes\r");
    insta::assert_snapshot!("take_refused_80x24", t.snapshot());
    t.keys("\x13");
    assert_eq!(q.desk().user(&q.shelter.staff, q.wes).unwrap().requests.len(), 2);

    let mut t = list(&q, &q.shelter.admin, 80, 24);
    t.keys("n").keys("pepper\r\t").keys("\twes\r");
    insta::assert_snapshot!("take_override_80x24", t.snapshot());
    t.keys("\x13");
    assert!(t.text().contains("Reason is needed"), "{}", t.text());
    t.keys("a mistake, cleared by phone").keys("\x13");
    let requests = q.desk().user(&q.shelter.staff, q.wes).unwrap().requests;
    assert_eq!((requests.len(), &*requests[0].cat_name), (3, "Pepper"));
}

#[test]
fn leaving_the_form_asks_when_something_was_typed() {
    let q = Queue::new();
    let mut t = list(&q, &q.shelter.staff, 80, 24);
    t.keys("n\x1b");
    assert!(t.text().contains("1/"), "{}", t.text());
    t.keys("n").keys("pepper\r\x1b");
    assert!(t.text().contains("Throw away"), "{}", t.text());
}
