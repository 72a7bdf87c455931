//! Deciding the waiting requests.

use clowder::model::{Actor, RequestStatus as S, Verdict};

use crate::{
    queue::Queue,
    terminal::{Terminal, caps},
};

fn triage(q: &Queue, actor: &Actor, width: u16, height: u16) -> Terminal {
    let mut t = Terminal::signed_in(q.desk(), caps(width, height), actor);
    t.keys("4");
    t
}

#[test]
fn the_queue_and_the_card() {
    let q = Queue::new();
    for (width, height) in [(80, 24), (92, 30), (120, 40), (40, 12)] {
        let t = triage(&q, &q.shelter.staff, width, height);
        insta::assert_snapshot!(format!("triage_{width}x{height}"), t.snapshot());
    }
    let mut narrow = triage(&q, &q.shelter.staff, 40, 12);
    narrow.keys("\t");
    insta::assert_snapshot!("triage_card_40x12", narrow.snapshot());
    let mut dot = triage(&q, &q.shelter.staff, 1, 1);
    dot.keys("jjaiyr\x1b\tjjG\r\x1bocfbsspvnu");
}

/// Triage at 80 columns with the mark on a request.
fn at(q: &Queue, actor: &Actor, request: clowder::model::RequestId) -> Terminal {
    let mut t = triage(q, actor, 80, 24);
    let ids = q.desk().triage(actor, clowder::desk::TriageOrder::ByDate).unwrap();
    let down = ids.iter().position(|id| *id == request.0).unwrap();
    t.keys(&"j".repeat(down));
    t
}

/// The line with the mark of the queue.
fn marked(t: &Terminal) -> String {
    let text = t.text();
    let line = text.lines().find(|line| line.starts_with('►') || line.starts_with('·')).unwrap_or_default();
    line.chars().take(38).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn approving_in_order_is_shown_done_and_goes_on() {
    let q = Queue::new();
    let mut t = triage(&q, &q.shelter.staff, 80, 24);
    t.keys("a");
    insta::assert_snapshot!("triage_approve_80x24", t.snapshot());
    assert_eq!(q.status(q.miso[0]), S::Pending, "nothing happens before it is confirmed");
    t.keys("\r");
    insta::assert_snapshot!("triage_approved_80x24", t.snapshot());
    let now: Vec<S> = q.miso.iter().map(|id| q.status(*id)).collect();
    assert_eq!(now, [S::Approved, S::Waitlisted, S::Waitlisted]);
    assert!(marked(&t).contains("Bruno Vic"), "the mark goes to the next one that waits: {}", marked(&t));
}

#[test]
fn approving_out_of_order_asks_for_a_reason() {
    let q = Queue::new();
    let mut t = at(&q, &q.shelter.staff, q.miso[1]);
    t.keys("a");
    insta::assert_snapshot!("triage_out_of_order_80x24", t.snapshot());
    t.keys("\r");
    assert!(t.text().contains("it is needed"), "{}", t.text());
    assert_eq!(q.status(q.miso[1]), S::Pending);
    t.keys("the first one moved away\r");
    let request = q.request(q.miso[1]);
    assert_eq!(request.status, S::Approved);
    assert_eq!(request.decision.unwrap().reason, "the first one moved away");
}

#[test]
fn somebody_who_must_not_adopt_is_refused_by_staff_and_overridden_by_an_admin() {
    let q = Queue::new();
    let mut t = at(&q, &q.shelter.staff, q.tom);
    t.keys("a");
    insta::assert_snapshot!("triage_refused_80x24", t.snapshot());
    assert_eq!(q.status(q.tom), S::Pending);
    let mut t = at(&q, &q.shelter.admin, q.tom);
    t.keys("a");
    insta::assert_snapshot!("triage_override_80x24", t.snapshot());
    t.keys("the ban was a mistake\r");
    assert_eq!(q.status(q.tom), S::Approved);
}

#[test]
fn a_cat_on_hold_is_refused() {
    let q = Queue::new();
    let mut t = at(&q, &q.shelter.staff, q.olive);
    t.keys("a");
    assert!(t.text().contains("Olive is on medical hold: dental work. An admin can override"), "{}", t.text());
    assert_eq!(q.status(q.olive), S::Pending);
}

#[test]
fn rejecting_needs_a_reason_and_escape_changes_nothing() {
    let q = Queue::new();
    let mut t = triage(&q, &q.shelter.staff, 80, 24);
    let before = q.request(q.miso[0]);
    t.keys("r").keys("no garden").keys("\x1b");
    assert!(!t.text().contains("Reason"), "{}", t.text());
    assert_eq!(q.request(q.miso[0]), before);
    t.keys("r\r");
    insta::assert_snapshot!("triage_reject_80x24", t.snapshot());
    t.keys("the flat is too small\r");
    let request = q.request(q.miso[0]);
    assert_eq!((request.status, &*request.decision.unwrap().reason), (S::Rejected, "the flat is too small"));
    assert!(marked(&t).contains("Miso Vic"), "{}", marked(&t));
    t.keys("u").keys("\r");
    assert_eq!(q.status(q.miso[0]), S::Pending);
    assert!(marked(&t).contains("Miso Uma"), "undo goes back to what it brought back: {}", marked(&t));
}

#[test]
fn asking_for_more_is_marked_and_skipping_goes_round() {
    let q = Queue::new();
    let mut t = triage(&q, &q.shelter.staff, 80, 24);
    t.keys("i").keys("May we visit you?\r");
    assert!(q.request(q.miso[0]).awaiting_reply);
    assert!(marked(&t).contains("Miso Vic"), "{}", marked(&t));
    t.keys("k");
    insta::assert_snapshot!("triage_asked_80x24", t.snapshot());
    t.keys("ssssss");
    assert!(marked(&t).contains("Miso Uma"), "{}", marked(&t));
    assert!(t.text().contains("That was the last one"), "{}", t.text());
}

#[test]
fn completing_and_falling_through() {
    let q = Queue::new();
    let mut t = at(&q, &q.shelter.staff, q.bruno[0]);
    insta::assert_snapshot!("triage_on_approved_80x24", t.snapshot());
    t.keys("a");
    assert!(t.text().contains("is already approved"), "a key that cannot be says why: {}", t.text());
    t.keys("\x1b");
    t.keys("c");
    insta::assert_snapshot!("triage_complete_80x24", t.snapshot());
    t.keys("\r");
    assert_eq!([q.status(q.bruno[0]), q.status(q.bruno[1])], [S::Completed, S::Rejected]);
    t.keys("u\r");
    assert_eq!([q.status(q.bruno[0]), q.status(q.bruno[1])], [S::Approved, S::Waitlisted]);
    assert!(marked(&t).contains("Bruno Vic"), "{}", marked(&t));
    t.keys("f");
    insta::assert_snapshot!("triage_fall_through_80x24", t.snapshot());
    t.keys("they found another cat\r");
    assert_eq!([q.status(q.bruno[0]), q.status(q.bruno[1])], [S::Rejected, S::Pending]);
}

#[test]
fn somebody_else_decides_meanwhile() {
    let q = Queue::new();
    let mut t = triage(&q, &q.shelter.staff, 80, 24);
    t.keys("a");
    q.decide(&q.sue, q.miso[0], Verdict::Reject, "moved abroad");
    t.keys("\r");
    insta::assert_snapshot!("triage_conflict_80x24", t.snapshot());
    assert_eq!(q.status(q.miso[0]), S::Rejected);
    assert_eq!(q.status(q.miso[1]), S::Pending);
}

#[test]
fn the_mark_stays_when_others_change_things() {
    let q = Queue::new();
    let mut t = at(&q, &q.shelter.staff, q.tom);
    // One above goes, one below comes: the marked one stays in its line.
    let line = |t: &Terminal| t.text().lines().position(|line| line.starts_with('►'));
    let before = line(&t);
    q.decide(&q.sue, q.miso[0], Verdict::Reject, "moved abroad");
    t.wait_for("3/5");
    assert!(marked(&t).contains("Tom Wes"), "{}", marked(&t));
    // All of the queue is in sight, so that nothing is left to scroll.
    assert_eq!(line(&t).map(|n| n + 1), before);
    q.decide(&q.sue, q.tom, Verdict::Reject, "no");
    t.wait_for("Rejected today by Sue Lake");
    assert!(marked(&t).contains("Tom Wes"), "what is being read stays: {}", marked(&t));
    t.keys("j");
    assert!(!t.text().lines().any(|line| line.contains("  Tom  ")), "{}", t.text());
}

#[test]
fn cat_by_cat_and_the_other_side() {
    let q = Queue::new();
    let mut t = triage(&q, &q.shelter.staff, 80, 24);
    t.keys("o");
    insta::assert_snapshot!("triage_by_cat_80x24", t.snapshot());
    t.keys("\tj");
    insta::assert_snapshot!("triage_other_side_80x24", t.snapshot());
    // The keys are about the place that is marked there.
    t.keys("r").keys("a dog that chases cats\r");
    assert_eq!([q.status(q.miso[0]), q.status(q.miso[1])], [S::Pending, S::Rejected]);
}

#[test]
fn nothing_waits() {
    let shelter = crate::shelter::Shelter::bare();
    let mut t = Terminal::signed_in(&shelter.desk, caps(80, 24), &shelter.staff);
    t.keys("4");
    insta::assert_snapshot!("triage_empty_80x24", t.snapshot());
}

#[test]
fn users_have_no_triage() {
    let q = Queue::new();
    let t = triage(&q, &q.shelter.user, 80, 24);
    assert!(!t.text().contains("Triage"), "{}", t.text());
}
