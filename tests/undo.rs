//! Undo: whole or not at all, with the rights and the rules of today.

#[path = "support/world.rs"]
mod support;

use clowder::{
    desk::{ApplicantRef, BreedChange, CatChange, Desk, UserChange},
    model::{
        Actor, Breed, Cat, CatId, CatStatus, CatStatusKind, CommitNo, Day, Error, OutcomeKind, RequestId,
        RequestStatus, Role, User, Verdict,
    },
};
use support::{CONSOLE, Home, World, id};

impl World {
    fn undo(&self, by: &Actor, commit: CommitNo) -> CommitNo {
        let done = self.desk.undo(by, commit).unwrap();
        let no = done.commit.expect("undoing changes something");
        let (entry, _) = self.store.audit_entry(no).unwrap().unwrap();
        assert_eq!(entry.undoes, Some(commit));
        no
    }

    /// An undo that fails and leaves everything as it is.
    fn no_undo(&self, by: &Actor, commit: CommitNo) -> Error {
        let before = self.everything();
        let error = self.desk.undo(by, commit).unwrap_err();
        assert_eq!(self.everything(), before, "a refused undo changed something");
        error
    }

    fn statuses(&self, requests: &[RequestId]) -> Vec<RequestStatus> {
        requests.iter().map(|&r| self.request(r).status).collect()
    }

    fn cat_status(&self, cat: CatId) -> CatStatusKind {
        self.get::<Cat>(cat).status.kind()
    }
}

fn refused(error: &Error) -> bool {
    matches!(error, Error::Refused { overridable_by: None, .. })
}

fn refused_unless_admin(error: &Error) -> bool {
    matches!(error, Error::Refused { overridable_by: Some(Role::Admin), .. })
}

fn conflict(error: &Error) -> bool {
    matches!(error, Error::Conflict { .. })
}

use RequestStatus::{Approved, Completed, Pending, Rejected, Waitlisted, Withdrawn};

#[test]
fn an_approval_is_undone_whole_with_who_asked_meanwhile() {
    let w = World::new();
    let miso = w.cat("Miso").id;
    let queue = [w.ask(&w.ana, miso), w.ask(&w.ben, miso)];
    let approved = w.decide(&w.sam, queue[0], Verdict::Approve).unwrap();
    let late = w.take(miso, id(&w.cem));
    let all = [queue[0], queue[1], late];
    assert_eq!(w.statuses(&all), [Approved, Waitlisted, Waitlisted]);
    w.undo(&w.sam, approved);
    assert_eq!(w.statuses(&all), [Pending; 3]);
    assert_eq!(w.cat_status(miso), CatStatusKind::Available);
    let card = w.desk.cat(&w.sam, miso).unwrap();
    assert_eq!(card.queue.iter().map(|q| q.request).collect::<Vec<_>>(), all);
    w.clean();
}

#[test]
fn a_fall_through_is_undone_with_who_asked_meanwhile_waiting() {
    let w = World::new();
    let miso = w.cat("Miso").id;
    let queue = [w.ask(&w.ana, miso), w.ask(&w.ben, miso)];
    w.decide(&w.sam, queue[0], Verdict::Approve).unwrap();
    let fell = w.decide(&w.sam, queue[0], Verdict::FallThrough).unwrap();
    let late = w.ask(&w.cem, miso);
    w.undo(&w.sam, fell);
    assert_eq!(w.statuses(&[queue[0], queue[1], late]), [Approved, Waitlisted, Waitlisted]);
    assert_eq!(w.cat_status(miso), CatStatusKind::Pending);
    w.clean();
}

#[test]
fn a_completion_is_undone_with_the_stay_going_on_and_the_others_waiting() {
    let w = World::new();
    let miso = w.cat("Miso").id;
    w.edit(&w.sam, miso, CatChange::Intake(Day::today(), clowder::model::IntakeKind::Stray)).unwrap();
    let queue = [w.ask(&w.ana, miso), w.ask(&w.ben, miso)];
    w.decide(&w.sam, queue[0], Verdict::Approve).unwrap();
    let before = w.get::<Cat>(miso);
    let completed = w.decide(&w.sam, queue[0], Verdict::Complete).unwrap();
    assert_eq!(w.statuses(&queue), [Completed, Rejected]);
    w.undo(&w.sam, completed);
    assert_eq!(w.statuses(&queue), [Approved, Waitlisted]);
    let now = w.get::<Cat>(miso);
    assert_eq!((now.status, now.stays), (before.status, before.stays));
    w.clean();
}

#[test]
fn twice_is_refused_and_an_undone_undo_is_the_deed_again() {
    let w = World::new();
    let miso = w.cat("Miso").id;
    let asked = w.ask(&w.ana, miso);
    let approved = w.decide(&w.sam, asked, Verdict::Approve).unwrap();
    let undone = w.undo(&w.sam, approved);
    let twice = w.no_undo(&w.sam, approved);
    assert!(refused(&twice) && twice.to_string().contains(&format!("undone already, by change {undone}")), "{twice}");
    let redone = w.undo(&w.sam, undone);
    assert_eq!((w.statuses(&[asked]), w.cat_status(miso)), (vec![Approved], CatStatusKind::Pending));
    assert!(refused(&w.no_undo(&w.sam, undone)));
    assert!(conflict(&w.no_undo(&w.sam, approved)), "the first approval is not the last change any more");
    w.undo(&w.sam, redone);
    assert_eq!((w.statuses(&[asked]), w.cat_status(miso)), (vec![Pending], CatStatusKind::Available));
    w.clean();
}

#[test]
fn what_changed_since_is_named_and_nothing_is_undone() {
    let w = World::new();
    let miso = w.cat("Miso").id;
    let asked = w.ask(&w.ana, miso);
    let approved = w.decide(&w.sam, asked, Verdict::Approve).unwrap();
    w.edit(&w.sue, miso, CatChange::Colour("tabby".to_owned())).unwrap();
    let error = w.no_undo(&w.sam, approved);
    let Error::Conflict { who, what, .. } = &error else { panic!("{error:?}") };
    assert_eq!((who.as_str(), what.as_str()), ("Sue Example", "Miso (colour)"));
}

#[test]
fn a_ban_since_then_stands_against_bringing_a_request_back() {
    let w = World::new();
    let (miso, mochi) = (w.cat("Miso").id, w.cat("Mochi").id);
    let rejected = w.ask(&w.ana, miso);
    let reject = w.decide(&w.sam, rejected, Verdict::Reject).unwrap();
    let withdrawn = w.ask(&w.ana, mochi);
    let withdraw = w.decide(&w.ana, withdrawn, Verdict::Withdraw).unwrap();
    w.desk.ban(&w.admin, id(&w.ana), "why").unwrap();
    assert!(refused_unless_admin(&w.no_undo(&w.sam, reject)));
    assert!(refused_unless_admin(&w.no_undo(&w.ana, withdraw)));
    w.undo(&w.admin, reject);
    assert_eq!(w.statuses(&[rejected]), [Pending]);
}

#[test]
fn an_approval_does_not_come_back_by_undo_past_a_ban_or_an_illness() {
    let w = World::new();
    let (miso, mochi) = (w.cat("Miso").id, w.cat("Mochi").id);
    let cold = w.health("Cold", false);
    w.edit(&w.sam, mochi, CatChange::Health(Some(cold))).unwrap();
    let mut undone = Vec::new();
    for cat in [miso, mochi] {
        let asked = w.ask(&w.ana, cat);
        let approved = w.decide(&w.sam, asked, Verdict::Approve).unwrap();
        undone.push(w.undo(&w.sam, approved));
    }
    // The illness is in the list of health statuses: the cat itself has not changed.
    w.desk.edit_health(&w.sam, cold, 1, vec![clowder::desk::HealthChange::PreventsAdoption(true)]).unwrap();
    assert!(refused_unless_admin(&w.no_undo(&w.sam, undone[1])));
    w.desk.ban(&w.admin, id(&w.ana), "why").unwrap();
    assert!(refused_unless_admin(&w.no_undo(&w.sam, undone[0])));
    w.undo(&w.admin, undone[0]);
    assert_eq!(w.cat_status(miso), CatStatusKind::Pending);
}

#[test]
fn nobody_brings_an_anonymised_persons_request_back() {
    let w = World::new();
    let miso = w.cat("Miso").id;
    let asked = w.ask(&w.ana, miso);
    let reject = w.decide(&w.sam, asked, Verdict::Reject).unwrap();
    w.desk.anonymise(&w.admin, id(&w.ana), w.rev::<User>(id(&w.ana))).unwrap();
    for by in [&w.sam, &w.admin, &CONSOLE] {
        assert!(w.no_undo(by, reject).to_string().contains("anonymised"));
    }
}

#[test]
fn a_second_request_of_the_same_person_stands_against_bringing_the_first_back() {
    let w = World::new();
    let miso = w.cat("Miso").id;
    let first = w.ask(&w.ana, miso);
    let reject = w.decide(&w.sam, first, Verdict::Reject).unwrap();
    w.ask(&w.ana, miso);
    assert!(refused(&w.no_undo(&w.sam, reject)));
}

#[test]
fn a_request_comes_back_waiting_while_another_is_approved_and_not_after_the_adoption() {
    let w = World::new();
    let miso = w.cat("Miso").id;
    let (first, second) = (w.ask(&w.ana, miso), w.ask(&w.ben, miso));
    let reject = w.decide(&w.sam, first, Verdict::Reject).unwrap();
    w.decide(&w.sam, second, Verdict::Approve).unwrap();
    let undone = w.undo(&w.sam, reject);
    assert_eq!(w.statuses(&[first, second]), [Waitlisted, Approved]);
    w.undo(&w.sam, undone);
    assert_eq!(w.statuses(&[first, second]), [Rejected, Approved]);
    w.decide(&w.sam, second, Verdict::Complete).unwrap();
    let last = w.last_commit().unwrap();
    assert!(refused(&w.no_undo(&w.sam, CommitNo(last.0 - 1))), "nobody comes back into the queue of an adopted cat");
    w.clean();
}

#[test]
fn a_departure_is_undone_with_the_queue_that_it_closed() {
    let w = World::new();
    let miso = w.cat("Miso").id;
    let queue = [w.ask(&w.ana, miso), w.ask(&w.ben, miso)];
    let left = w.edit(&w.sam, miso, CatChange::Depart(Day::today(), OutcomeKind::Lost)).unwrap();
    assert_eq!(w.statuses(&queue), [Rejected; 2]);
    w.undo(&w.sam, left);
    assert_eq!((w.statuses(&queue), w.cat_status(miso)), (vec![Pending; 2], CatStatusKind::Available));
    w.clean();
}

#[test]
fn an_applicant_takes_a_withdrawal_back_only_where_it_is_theirs_alone() {
    let w = World::new();
    let (miso, mochi) = (w.cat("Miso").id, w.cat("Mochi").id);
    let pending = w.ask(&w.ana, miso);
    let withdrawn = w.decide(&w.ana, pending, Verdict::Withdraw).unwrap();
    w.undo(&w.ana, withdrawn);
    assert_eq!(w.statuses(&[pending]), [Pending]);
    // Withdrawing an approved request freed the cat for the others: that is the shelter's to take back.
    let queue = [w.ask(&w.ana, mochi), w.ask(&w.ben, mochi)];
    w.decide(&w.sam, queue[0], Verdict::Approve).unwrap();
    let withdrawn = w.decide(&w.ana, queue[0], Verdict::Withdraw).unwrap();
    assert_eq!(w.statuses(&queue), [Withdrawn, Pending]);
    assert!(matches!(w.no_undo(&w.ana, withdrawn), Error::Denied(_)));
    w.undo(&w.admin, withdrawn);
    assert_eq!(w.statuses(&queue), [Approved, Waitlisted]);
}

#[test]
fn an_applicant_does_not_undo_their_request_but_withdraws_it() {
    let w = World::new();
    w.ask(&w.ana, w.cat("Miso").id);
    let asked = w.last_commit().unwrap();
    assert!(matches!(w.no_undo(&w.ana, asked), Error::Denied(_)));
    assert!(refused(&w.no_undo(&w.sam, asked)), "it was not the staff's change either");
    w.undo(&w.admin, asked);
}

#[test]
fn who_was_demoted_undoes_no_more_than_they_could_do_today() {
    let w = World::new();
    let miso = w.cat("Miso").id;
    let asked = w.ask(&w.ana, miso);
    let notes = |notes: &str| {
        w.desk.edit_notes(&w.sam, asked, w.request(asked).version.rev, notes).unwrap();
        w.last_commit().unwrap()
    };
    let noted = notes("called");
    let coloured = w.edit(&w.sam, miso, CatChange::Colour("black".to_owned())).unwrap();
    w.desk.set_role(&w.admin, id(&w.sam), Role::User).unwrap();
    for commit in [noted, coloured] {
        assert!(matches!(w.no_undo(&w.sam, commit), Error::Denied(_)));
    }
    let other = w.desk.take_request(&w.sue, miso, ApplicantRef::Existing(id(&w.ben)), "", None).unwrap().id;
    let withdrawn = w.decide(&w.sue, other, Verdict::Withdraw).unwrap();
    w.desk.set_role(&w.admin, id(&w.sue), Role::User).unwrap();
    assert!(matches!(w.no_undo(&w.sue, withdrawn), Error::Denied(_)));
}

#[test]
fn nobody_gains_a_right_by_undo() {
    let w = World::new();
    let amy = Actor::local(w.person("amy", Role::Admin));
    // amy as an admin: an account of her own making, a lock, and her own demotion.
    let (made, made_no) =
        w.desk.add_user(&amy, Role::Admin, vec![UserChange::Username("bud".to_owned())], None).unwrap();
    w.desk.delete_user(&w.admin, made.id, 1).unwrap();
    let locked = w.desk.lock(&amy, id(&w.sue), "why").unwrap().commit.unwrap();
    let demoted = w.desk.set_role(&amy, id(&amy), Role::Staff).unwrap().commit.unwrap();
    for commit in [made_no, locked, demoted] {
        assert!(matches!(w.no_undo(&amy, commit), Error::Denied(_)), "change {commit}");
    }
    assert_eq!(w.get::<User>(id(&amy)).role, Role::Staff);
    // A profile is put back without its role: the role was changed since, so it is a conflict.
    let profile = |who: &Actor, phone: &str| {
        w.desk.edit_profile(who, w.rev::<User>(id(who)), vec![UserChange::Phone(phone.to_owned())]).unwrap();
        w.last_commit().unwrap()
    };
    let edited = profile(&w.sam, "0555 11");
    w.desk.set_role(&w.admin, id(&w.sam), Role::User).unwrap();
    assert!(conflict(&w.no_undo(&w.sam, edited)));
    // An unchanged profile is put back by its owner.
    let edited = profile(&w.sam, "0555 22");
    w.undo(&w.sam, edited);
    assert_eq!(w.get::<User>(id(&w.sam)).phone, "0555 11");
}

#[test]
fn the_last_admin_is_not_undone_away() {
    let w = World::new();
    let (amy, made) =
        w.desk.add_user(&CONSOLE, Role::Admin, vec![UserChange::Username("amy".to_owned())], None).unwrap();
    let ben = w.desk.set_role(&CONSOLE, id(&w.ben), Role::Admin).unwrap().commit.unwrap();
    w.desk.set_role(&CONSOLE, id(&w.admin), Role::User).unwrap();
    w.desk.set_role(&CONSOLE, amy.id, Role::User).unwrap();
    assert!(refused(&w.no_undo(&CONSOLE, ben)), "ben is the last admin");
    assert!(conflict(&w.no_undo(&CONSOLE, made)));
    w.desk.set_role(&CONSOLE, id(&w.admin), Role::Admin).unwrap();
    w.undo(&CONSOLE, ben);
}

#[test]
fn a_store_that_only_the_console_administers_has_undo_too() {
    let home = Home::new();
    let desk = Desk::new(home.open());
    let (ana, _) = desk.add_user(&CONSOLE, Role::User, vec![UserChange::Username("ana".to_owned())], None).unwrap();
    let actor = Actor::local(ana.id);
    desk.edit_profile(&actor, 1, vec![UserChange::Phone("0555 1".to_owned())]).unwrap();
    let commit = desk.last_undoable(&actor).unwrap().unwrap().entry.commit;
    desk.undo(&actor, commit).unwrap();
    assert_eq!(desk.me(&actor).unwrap().phone, "");
}

#[test]
fn a_breed_goes_and_comes_with_its_cats() {
    let w = World::new();
    let (miso, mochi) = (w.cat("Miso").id, w.cat("Mochi").id);
    let breed = w.breed("Somali");
    let added = w.last_commit().unwrap();
    for cat in [miso, mochi] {
        w.edit(&w.sam, cat, CatChange::Breed(Some(breed))).unwrap();
    }
    assert!(refused(&w.no_undo(&CONSOLE, added)), "two cats are Somali since");
    let deleted = w.desk.delete_breed(&w.sam, breed, 1).unwrap().commit.unwrap();
    assert_eq!(w.get::<Cat>(miso).breed, None);
    let undone = w.undo(&w.sam, deleted);
    assert_eq!((w.get::<Cat>(miso).breed, w.get::<Cat>(mochi).breed), (Some(breed), Some(breed)));
    assert_eq!(w.get::<Breed>(breed).name, "Somali");
    w.undo(&w.sam, undone);
    // One of the cats changed since: the breed does not come back to the other alone.
    w.edit(&w.sue, mochi, CatChange::Colour("blue".to_owned())).unwrap();
    assert!(w.no_undo(&w.sam, deleted).to_string().contains("changed"));
    w.clean();
}

#[test]
fn a_breed_whose_name_was_given_again_does_not_come_back() {
    let w = World::new();
    let breed = w.breed("Somali");
    let deleted = w.desk.delete_breed(&w.sam, breed, 1).unwrap().commit.unwrap();
    w.breed("somali");
    assert!(matches!(w.no_undo(&w.sam, deleted), Error::Invalid(e) if e[0].field == "name"));
}

#[test]
fn a_cat_does_not_get_a_deleted_breed_back() {
    let w = World::new();
    let breed = w.breed("Somali");
    let miso = w.cat("Miso").id;
    w.edit(&w.sam, miso, CatChange::Breed(Some(breed))).unwrap();
    let without = w.edit(&w.sam, miso, CatChange::Breed(None)).unwrap();
    let (held, deleted) = (w.cat("Mochi"), w.cat("Momo").id);
    w.edit(&w.sam, deleted, CatChange::Breed(Some(breed))).unwrap();
    let gone = w.desk.delete_cat(&w.sam, deleted, w.rev::<Cat>(deleted)).unwrap().commit.unwrap();
    w.desk.delete_breed(&w.sam, breed, 1).unwrap();
    for commit in [without, gone] {
        assert!(matches!(w.no_undo(&w.sam, commit), Error::Invalid(e) if e[0].field == "breed"));
    }
    assert_eq!(w.get::<Cat>(held.id), held);
    w.clean();
}

#[test]
fn a_deleted_cat_comes_back_once_and_as_it_last_was() {
    let w = World::new();
    let miso = w.cat("Miso").id;
    w.edit(&w.sam, miso, CatChange::Tag(Some("A-1".to_owned()))).unwrap();
    let delete = || w.desk.delete_cat(&w.sam, miso, w.rev::<Cat>(miso)).unwrap().commit.unwrap();
    let first = delete();
    w.undo(&w.sam, first);
    w.edit(&w.sam, miso, CatChange::Name("Mimi".to_owned())).unwrap();
    let second = delete();
    assert!(conflict(&w.no_undo(&w.sam, first)), "the older state does not come back");
    w.undo(&w.sam, second);
    assert_eq!(w.get::<Cat>(miso).name, "Mimi");
    let third = delete();
    w.desk.add_cat(&w.sue, vec![CatChange::Tag(Some("a-1".to_owned()))]).unwrap();
    assert!(matches!(w.no_undo(&w.sam, third), Error::Invalid(e) if e[0].field == "tag"));
    w.clean();
}

#[test]
fn a_new_cat_somebody_asked_for_is_not_undone() {
    let w = World::new();
    let (cat, added) = w.desk.add_cat(&w.sam, vec![CatChange::Name("Miso".to_owned())]).unwrap();
    let asked = w.ask(&w.ana, cat.id);
    w.decide(&w.ana, asked, Verdict::Withdraw).unwrap();
    assert!(refused(&w.no_undo(&w.sam, added)), "even a closed request names it");
    let (cat, added) = w.desk.add_cat(&w.sam, vec![CatChange::Name("Mochi".to_owned())]).unwrap();
    w.undo(&w.sam, added);
    assert_eq!(w.store.get::<Cat>(cat.id).unwrap(), None);
}

#[test]
fn a_walk_in_goes_with_the_account_made_for_it_while_it_is_unused() {
    let w = World::new();
    let (miso, mochi) = (w.cat("Miso").id, w.cat("Mochi").id);
    let walk_in = |name: &str| {
        let new = ApplicantRef::New(vec![UserChange::Username(name.to_owned())]);
        let request = w.desk.take_request(&w.sam, miso, new, "", None).unwrap();
        (request, w.last_commit().unwrap())
    };
    let (request, taken) = walk_in("dot");
    let undone = w.undo(&w.sam, taken);
    assert_eq!(w.store.get::<User>(request.user).unwrap(), None);
    assert_eq!(w.store.get::<clowder::model::AdoptionRequest>(request.id).unwrap(), None);
    let redone = w.undo(&w.sam, undone);
    assert_eq!(w.request(request.id).status, Pending);
    w.take(mochi, request.user);
    assert!(refused(&w.no_undo(&w.sam, redone)), "the person asked for another cat since");
    w.clean();
}

#[test]
fn what_is_for_good_is_not_undone_by_anybody() {
    let home = Home::new();
    let desk = Desk::new(home.open());
    let ada = desk.set_up("ada", "", None, "correct horse").unwrap();
    desk.reset_password(&CONSOLE, id(&ada), "another horse").unwrap();
    for commit in [CommitNo(1), CommitNo(2)] {
        for by in [&ada, &CONSOLE] {
            assert!(refused(&desk.undo(by, commit).unwrap_err()), "change {commit}");
        }
    }
    assert_eq!(desk.last_undoable(&CONSOLE).unwrap(), None);
}

#[test]
fn a_hold_that_was_overridden_is_back_after_the_undo() {
    let w = World::new();
    let mochi = w.held_cat("Mochi").id;
    let asked = w.take(mochi, id(&w.ana));
    let approved = w.decide(&w.admin, asked, Verdict::Approve).unwrap();
    assert_eq!(w.cat_status(mochi), CatStatusKind::Pending);
    w.undo(&w.admin, approved);
    assert!(matches!(w.get::<Cat>(mochi).status, CatStatus::OnHold(h) if h.reason == "stitches"));
}

#[test]
fn the_last_change_one_can_undo_is_ones_own() {
    let w = World::new();
    let (_, by_sam) = w.desk.add_breed(&w.sam, vec![BreedChange::Name("Somali".to_owned())]).unwrap();
    w.breed("Korat");
    w.desk.reset_password(&w.admin, id(&w.sam), "correct horse").unwrap();
    let last = |who: &Actor| w.desk.last_undoable(who).unwrap().map(|l| l.entry.commit);
    assert_eq!(last(&w.sam), Some(by_sam));
    assert_eq!(last(&w.sue), None);
    assert_eq!(last(&w.admin), None, "a password cannot be taken back");
}

#[test]
fn undoing_again_goes_a_step_further_back() {
    let w = World::new();
    let (_, first) = w.desk.add_breed(&w.sam, vec![BreedChange::Name("Somali".to_owned())]).unwrap();
    let (_, second) = w.desk.add_breed(&w.sam, vec![BreedChange::Name("Korat".to_owned())]).unwrap();
    let last = || w.desk.last_undoable(&w.sam).unwrap().map(|l| l.entry.commit);
    assert_eq!(last(), Some(second));
    let undo = w.desk.undo(&w.sam, second).unwrap().commit.unwrap();
    assert_eq!(last(), Some(first));
    let again = w.desk.undo(&w.sam, undo).unwrap().commit;
    assert_eq!(last(), again, "what was brought back can be undone again");
    w.undo(&w.sam, again.unwrap());
    assert_eq!(last(), Some(first));
    w.undo(&w.sam, first);
    assert_eq!(last(), None);
}
