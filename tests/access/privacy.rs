//! A person who asks for a cat learns nothing of the others, by any route.

use clowder::{
    desk::{CatChange, UserChange},
    model::{
        Actor, CatId, CatStatusKind, CommitNo, Day, Error, RequestId, RequestStatus, User, Verdict,
        query::{CatQuery, Query as _, RequestQuery},
    },
};

use crate::{
    Case, TABLE,
    support::{CONSOLE, World, id},
};

/// What would betray that there is this person.
fn traces(actor: &Actor, w: &World) -> Vec<String> {
    let user: User = w.get(id(actor));
    vec![
        user.full_name.clone(),
        user.full_name.split(' ').next().unwrap().to_owned(),
        user.email.clone().unwrap(),
        format!("\"{}\"", user.username),
        format!("UserId({})", user.id),
    ]
}

/// Every call by somebody, and nothing in any answer or error of these people.
fn sweep(w: &World, case: &Case, reader: &Actor, others: &[&Actor], words: &[&str]) {
    let mut secrets: Vec<String> = others.iter().flat_map(|o| traces(o, w)).collect();
    secrets.extend(words.iter().map(|w| (*w).to_owned()));
    for (name, _, call) in TABLE {
        let (text, plain) = match call(w, reader, case) {
            Ok(text) => (text, String::new()),
            Err(e) => (format!("{e:?}"), e.to_string()),
        };
        for secret in &secrets {
            assert!(!text.contains(secret) && !plain.contains(secret), "{name} tells {secret:?}: {text} {plain}");
        }
    }
}

#[test]
fn no_answer_and_no_error_names_another_person() {
    let w = World::new();
    let case = Case::new(&w, 1);
    let staff = [&w.admin, &w.sam, &w.sue];
    // ben and cem compete with ana, and staff wrote about them.
    let other = w.ask(&w.ben, case.cat);
    w.ask(&w.cem, case.cat);
    w.decide(&w.sam, case.request, Verdict::AskForMore).unwrap();
    w.decide(&w.sue, other, Verdict::Reject).unwrap();
    let rev = w.request(case.request).version.rev;
    w.desk.decide(&w.sam, case.request, rev, Verdict::Approve, "Ben hung up on Sue").unwrap();
    w.desk.ban(&w.admin, id(&w.ben), "Ana knows him").unwrap();
    for (reader, others) in [(&w.ben, [&w.ana, &w.cem]), (&w.cem, [&w.ana, &w.ben]), (&w.ana, [&w.ben, &w.cem])] {
        let mut strangers = others.to_vec();
        strangers.extend(staff);
        sweep(&w, &case, reader, &strangers, &["hung up", "knows him"]);
    }
}

#[test]
fn the_applicant_reads_the_words_that_are_for_them_and_no_others() {
    let w = World::new();
    let (miso, mochi) = (w.cat("Miso").id, w.cat("Mochi").id);
    w.ask(&w.ben, miso);
    let asked = w.ask(&w.ana, miso);
    let decide = |verdict, words: &str| {
        w.desk.decide(&w.sam, asked, w.request(asked).version.rev, verdict, words).unwrap();
    };
    decide(Verdict::AskForMore, "have you a garden?");
    decide(Verdict::Approve, "Ben hung up");
    let card = w.desk.request(&w.ana, asked).unwrap();
    let text = format!("{:?} {:?}", card.request.history, card.request.decision);
    assert!(text.contains("have you a garden?") && !text.contains("hung up"), "{text}");
    assert!(card.applicant.is_none() && card.competing.is_empty() && !card.staff);
    assert_eq!((card.place, card.request.status), (Some(2), RequestStatus::Approved));
    decide(Verdict::FallThrough, "you did not come");
    let card = w.desk.request(&w.ana, asked).unwrap();
    assert!(card.request.history.iter().any(|h| h.note == "you did not come"));
    assert_eq!(card.request.decision.unwrap().reason, "you did not come");
    // Staff read all of it, by name.
    let staff = w.desk.request(&w.sue, asked).unwrap();
    assert!(staff.request.history.iter().any(|h| h.note == "Ben hung up"));
    assert_eq!(w.desk.name_of(&w.sue, w.sam.who), "Sam Example");
    for who in [w.sam.who, w.ben.who, CONSOLE.who] {
        assert_eq!(w.desk.name_of(&w.ana, who), "the shelter");
    }
    assert_eq!(w.desk.name_of(&w.ana, w.ana.who), "Ana Example");
    // A cat that went to somebody else: that it is gone, not to whom.
    let lost = w.ask(&w.ana, mochi);
    let won = w.ask(&w.ben, mochi);
    w.decide(&w.sam, won, Verdict::Approve).unwrap();
    w.decide(&w.sam, won, Verdict::Complete).unwrap();
    let card = w.desk.request(&w.ana, lost).unwrap();
    assert_eq!(card.request.decision.unwrap().reason, "placed with another family");
    assert_eq!((card.cat.status.kind(), card.cat.stays.len()), (CatStatusKind::Adopted, 0));
}

#[test]
fn lists_rows_and_searches_hold_what_is_on_offer_and_ones_own() {
    let w = World::new();
    let (on_offer, held, adopted) = (w.cat("Miso").id, w.held_cat("Mochi").id, w.cat("Mimi").id);
    let ill = w.cat("Momo").id;
    let ringworm = w.health("Ringworm", true);
    w.edit(&CONSOLE, ill, CatChange::Health(Some(ringworm))).unwrap();
    let bens = w.ask(&w.ben, adopted);
    w.decide(&w.sam, bens, Verdict::Approve).unwrap();
    w.decide(&w.sam, bens, Verdict::Complete).unwrap();
    let second = w.ask(&w.ben, on_offer);
    let mine = w.ask(&w.ana, on_offer);
    let every = [on_offer.0, held.0, adopted.0, ill.0];
    for line in
        ["", "status:adopted", "status:on-hold,adopted", "archived:any", "hold:any", "mochi", "requests>=1", "m"]
    {
        let query = CatQuery::parse(line, Day::today()).query;
        let ids = w.desk.cats(&w.ana, &query).unwrap();
        assert!(ids.iter().all(|&id| id == on_offer.0), "{line}: {ids:?}");
    }
    let rows = w.desk.cat_rows(&w.ana, &every).unwrap();
    assert_eq!(rows.iter().map(|r| (r.id, r.requests)).collect::<Vec<_>>(), [(on_offer, 0)]);
    assert_eq!(w.desk.cat_rows(&w.sam, &every).unwrap().len(), 4);
    for line in ["", "user:ben", "user:#5", "flagged:yes", "cat:mimi", "ben", "status:completed"] {
        let query = RequestQuery::parse(line, Day::today()).query;
        let ids = w.desk.requests(&w.ana, &query).unwrap();
        assert!(ids.iter().all(|&id| id == mine.0), "{line}: {ids:?}");
    }
    let all: Vec<u32> = (1..=mine.0).collect();
    let rows = w.desk.request_rows(&w.ana, &all).unwrap();
    assert_eq!(rows.iter().map(|r| r.id).collect::<Vec<_>>(), [mine]);
    assert_eq!(w.desk.request_rows(&w.sam, &all).unwrap().len(), all.len());
    let home = w.desk.home(&w.ana, 10).unwrap();
    assert_eq!(home.oldest.iter().map(|r| r.id).collect::<Vec<_>>(), [mine]);
    let card = w.desk.cat(&w.ana, on_offer).unwrap();
    assert!(card.queue.is_empty() && card.cat.stays.is_empty());
    assert_eq!((card.mine, card.my_place), (Some(mine), Some(2)));
    for cat in [held, adopted, ill, CatId(999)] {
        assert!(matches!(w.desk.cat(&w.ana, cat), Err(Error::NotFound { .. })));
        // Word for word what one reads of a cat that never was.
        assert_eq!(w.desk.cat(&w.ana, cat).unwrap_err().to_string(), format!("there is no cat {cat}"));
    }
    for request in [second, bens, RequestId(999)] {
        let words = format!("there is no request {request}");
        assert_eq!(w.desk.request(&w.ana, request).unwrap_err().to_string(), words);
        assert_eq!(w.desk.decide(&w.ana, request, 1, Verdict::Withdraw, "").unwrap_err().to_string(), words);
        assert_eq!(w.desk.preview(&w.ana, request, Verdict::Withdraw).unwrap_err().to_string(), words);
        assert_eq!(w.desk.edit_notes(&w.ana, request, 1, "x").unwrap_err().to_string(), words);
    }
}

#[test]
fn a_cat_one_asked_for_stays_to_be_seen_without_what_staff_know_of_it() {
    let w = World::new();
    let miso = w.cat("Miso").id;
    w.ask(&w.ana, miso);
    let hold = clowder::model::Hold {
        kind: clowder::model::HoldKind::Legal,
        reason: "the neighbour claims it".to_owned(),
        until: None,
    };
    w.edit(&w.sam, miso, CatChange::Hold(hold)).unwrap();
    let card = w.desk.cat(&w.ana, miso).unwrap();
    assert_eq!(card.cat.status.kind(), CatStatusKind::OnHold);
    assert!(!format!("{card:?}").contains("neighbour") && !format!("{card:?}").contains("Legal"));
    assert!(matches!(w.desk.cat(&w.cem, miso), Err(Error::NotFound { .. })));
    assert!(format!("{:?}", w.desk.cat(&w.sam, miso).unwrap()).contains("neighbour"));
}

#[test]
fn a_person_marked_do_not_adopt_does_not_read_why() {
    let w = World::new();
    let miso = w.cat("Miso").id;
    w.desk.ban(&w.admin, id(&w.ana), "Ben saw it").unwrap();
    let refused = w.desk.ask(&w.ana, miso, "please").unwrap_err();
    assert!(matches!(refused, Error::Refused { .. }) && !refused.to_string().contains("Ben"), "{refused}");
    let me = w.desk.me(&w.ana).unwrap();
    let ban = me.banned.unwrap();
    assert_eq!((ban.reason.as_str(), ban.by), ("", clowder::model::Who::Program));
    let edited = w.desk.edit_profile(&w.ana, me.version.rev, vec![UserChange::Phone("0555 1".to_owned())]).unwrap();
    assert_eq!(edited.banned.unwrap().reason, "");
    assert_eq!(w.get::<User>(id(&w.ana)).banned.unwrap().reason, "Ben saw it", "it is still there for staff");
    assert_eq!(w.desk.user(&w.sam, id(&w.ana)).unwrap().user.banned.unwrap().reason, "Ben saw it");
}

#[test]
fn a_conflict_names_staff_to_staff_and_the_shelter_to_applicants() {
    let w = World::new();
    let miso = w.cat("Miso").id;
    let asked = w.ask(&w.ana, miso);
    w.decide(&w.sam, asked, Verdict::AskForMore).unwrap();
    let theirs = w.desk.decide(&w.ana, asked, 1, Verdict::Withdraw, "").unwrap_err();
    assert!(matches!(&theirs, Error::Conflict { who, .. } if who == "the shelter"), "{theirs:?}");
    let colleague = w.desk.decide(&w.sue, asked, 1, Verdict::Reject, "no").unwrap_err();
    assert!(matches!(&colleague, Error::Conflict { who, .. } if who == "Sam Example"), "{colleague:?}");
    // One's own other session is named as what it is.
    let rev = w.rev::<clowder::model::AdoptionRequest>(asked);
    w.desk.edit_notes(&w.ana, asked, rev, "yes, a garden").unwrap();
    let own = w.desk.edit_notes(&w.ana, asked, rev, "no garden").unwrap_err();
    assert!(matches!(&own, Error::Conflict { who, .. } if who == "Ana Example"), "{own:?}");
}

#[test]
fn the_log_answers_a_stranger_as_if_there_were_no_such_change() {
    let w = World::new();
    let miso = w.cat("Miso").id;
    let asked = w.ask(&w.ben, miso);
    let commit = w.decide(&w.sam, asked, Verdict::Approve).unwrap();
    for (no, who) in [(commit, &w.ana), (CommitNo(1), &w.ana), (CommitNo(99_999), &w.ana), (commit, &w.ben)] {
        let refused = w.desk.undo(who, no).unwrap_err();
        assert_eq!(refused.to_string(), format!("there is no change number {no}"));
    }
    assert_eq!(w.desk.last_undoable(&w.ana).unwrap(), None);
}
