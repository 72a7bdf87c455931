use super::*;
use crate::model::{Ban, CatId, HealthId, Hold, HoldKind, IntakeKind, Role, Stay, UserId};

mod machine;

const NOW: Stamp = Stamp(1_700_000_000_000);
const STAFF: Who = Who::User(UserId(90));

fn today() -> Day {
    Day(20_000)
}

fn deciding(words: &str) -> Deciding<'_> {
    Deciding { by: STAFF, at: NOW, today: today(), words }
}

fn hold() -> Hold {
    Hold { kind: HoldKind::Medical, reason: "stitches".to_owned(), until: None }
}

fn cat(status: CatStatus) -> Cat {
    let mut cat = Cat::new("Miso");
    cat.id = CatId(1);
    let mut stay = Stay::open(Day(19_900), IntakeKind::Stray);
    if !status.kind().in_care() {
        stay.outcome = Some(Outcome { date: Some(Day(19_950)), kind: OutcomeKind::Adoption });
    }
    cat.stays.push(stay);
    cat.status = status;
    cat
}

fn cat_in(kind: CatStatusKind) -> Cat {
    cat(match kind {
        CatStatusKind::Available => CatStatus::Available,
        CatStatusKind::OnHold => CatStatus::OnHold(hold()),
        CatStatusKind::Pending => CatStatus::Pending { held: None },
        CatStatusKind::Adopted => CatStatus::Adopted,
        CatStatusKind::Departed => CatStatus::Departed(OutcomeKind::Died),
    })
}

fn person_of(id: u32) -> User {
    let mut user = User::new(format!("user{id}"), Role::User);
    user.id = UserId(id);
    user
}

fn banned(mut user: User) -> User {
    user.banned = Some(Ban { at: NOW, by: STAFF, reason: "left the last cat behind".to_owned() });
    user
}

/// Request `id` of user `id`, which arrived in the order of the ids.
fn request(id: u32, status: RequestStatus) -> AdoptionRequest {
    let mut request = AdoptionRequest::new(CatId(1), UserId(id), Stamp(i64::from(id)), "");
    request.id = RequestId(id);
    request.status = status;
    request.waitlisted_from = (status == RequestStatus::Waitlisted).then_some(RequestStatus::Pending);
    request
}

fn queue(statuses: &[(u32, RequestStatus)]) -> Vec<AdoptionRequest> {
    statuses.iter().map(|&(id, status)| request(id, status)).collect()
}

fn sick() -> HealthStatus {
    HealthStatus { id: HealthId(3), name: "Ringworm".to_owned(), prevents_adoption: true, ..HealthStatus::default() }
}

/// What a verdict on request `id` of the queue does, for staff or for an admin.
fn decide(
    cat: &Cat,
    queue: &[AdoptionRequest],
    id: u32,
    applicant: &User,
    health: Option<&HealthStatus>,
    may_override: bool,
    verdict: Verdict,
) -> Result<Plan> {
    let request = queue.iter().find(|r| r.id == RequestId(id)).expect("the request is in the queue");
    let open: Vec<AdoptionRequest> = queue.iter().filter(|r| r.status.is_open()).cloned().collect();
    let scene = Scene { request, cat, health, applicant, queue: &open, approved: None, may_override };
    plan(&scene, verdict, deciding("why"))
}

fn is_refused(result: &Result<Plan>, unless_admin: bool) -> bool {
    matches!(result, Err(Error::Refused { overridable_by, .. }) if overridable_by.is_some() == unless_admin)
}

/// One row a verdict and request status; the columns are the cat's status: available, on hold, pending,
/// adopted, departed. `-` is refused, `!x` is refused to staff while an admin gets x; `a+b` is what the request
/// and the cat become, `a` alone leaves the cat as it is.
const TABLE: &[(&str, &str, [&str; 5])] = &[
    ("approve", "pending", ["approved+pending", "!approved+pending", "-", "-", "-"]),
    ("approve", "waitlisted", ["-", "-", "-", "-", "-"]),
    ("approve", "approved", ["-", "-", "-", "-", "-"]),
    ("approve", "completed", ["-", "-", "-", "-", "-"]),
    ("approve", "rejected", ["-", "-", "-", "-", "-"]),
    ("approve", "withdrawn", ["-", "-", "-", "-", "-"]),
    ("reject", "pending", ["rejected", "rejected", "rejected", "rejected", "rejected"]),
    ("reject", "waitlisted", ["rejected", "rejected", "rejected", "rejected", "rejected"]),
    ("reject", "approved", ["-", "-", "-", "-", "-"]),
    ("reject", "completed", ["-", "-", "-", "-", "-"]),
    ("reject", "rejected", ["-", "-", "-", "-", "-"]),
    ("reject", "withdrawn", ["-", "-", "-", "-", "-"]),
    ("ask", "pending", ["pending", "pending", "pending", "pending", "pending"]),
    ("ask", "waitlisted", ["waitlisted", "waitlisted", "waitlisted", "waitlisted", "waitlisted"]),
    ("ask", "approved", ["-", "-", "-", "-", "-"]),
    ("ask", "completed", ["-", "-", "-", "-", "-"]),
    ("ask", "rejected", ["-", "-", "-", "-", "-"]),
    ("ask", "withdrawn", ["-", "-", "-", "-", "-"]),
    ("complete", "pending", ["-", "-", "-", "-", "-"]),
    ("complete", "waitlisted", ["-", "-", "-", "-", "-"]),
    ("complete", "approved", ["-", "-", "completed+adopted", "-", "-"]),
    ("complete", "completed", ["-", "-", "-", "-", "-"]),
    ("complete", "rejected", ["-", "-", "-", "-", "-"]),
    ("complete", "withdrawn", ["-", "-", "-", "-", "-"]),
    ("fall-through", "pending", ["-", "-", "-", "-", "-"]),
    ("fall-through", "waitlisted", ["-", "-", "-", "-", "-"]),
    ("fall-through", "approved", ["rejected", "rejected", "rejected+available", "rejected", "rejected"]),
    ("fall-through", "completed", ["-", "-", "-", "-", "-"]),
    ("fall-through", "rejected", ["-", "-", "-", "-", "-"]),
    ("fall-through", "withdrawn", ["-", "-", "-", "-", "-"]),
    ("withdraw", "pending", ["withdrawn", "withdrawn", "withdrawn", "withdrawn", "withdrawn"]),
    ("withdraw", "waitlisted", ["withdrawn", "withdrawn", "withdrawn", "withdrawn", "withdrawn"]),
    ("withdraw", "approved", ["withdrawn", "withdrawn", "withdrawn+available", "withdrawn", "withdrawn"]),
    ("withdraw", "completed", ["-", "-", "-", "-", "-"]),
    ("withdraw", "rejected", ["-", "-", "-", "-", "-"]),
    ("withdraw", "withdrawn", ["-", "-", "-", "-", "-"]),
    ("reopen", "pending", ["-", "-", "-", "-", "-"]),
    ("reopen", "waitlisted", ["-", "-", "-", "-", "-"]),
    ("reopen", "approved", ["pending", "pending", "pending+available", "pending", "pending"]),
    ("reopen", "completed", ["-", "-", "-", "-", "-"]),
    ("reopen", "rejected", ["pending", "pending", "waitlisted", "-", "-"]),
    ("reopen", "withdrawn", ["pending", "pending", "waitlisted", "-", "-"]),
];

fn outcome(result: &Result<Plan>) -> String {
    match result {
        Err(Error::Refused { overridable_by: None, .. }) => "-".to_owned(),
        Err(Error::Refused { overridable_by: Some(Role::Admin), .. }) => "!".to_owned(),
        Err(e) => format!("{e:?}"),
        Ok(plan) => {
            let cat = plan.cat.as_ref().map(|c| format!("+{}", c.status.kind().slug())).unwrap_or_default();
            format!("{}{cat}", plan.request.status.slug())
        }
    }
}

#[test]
fn every_verdict_in_every_state() {
    assert_eq!(TABLE.len(), Verdict::ALL.len() * RequestStatus::ALL.len(), "a row for each verdict and status");
    for (verdict, status, columns) in TABLE {
        let verdict: Verdict = verdict.parse().unwrap();
        let status: RequestStatus = status.parse().unwrap();
        for (&kind, expected) in CatStatusKind::ALL.iter().zip(columns) {
            let (cat, queue, applicant) = (cat_in(kind), queue(&[(1, status)]), person_of(1));
            let context = format!("{verdict} a {status} request for a cat that is {kind}");
            let staff = decide(&cat, &queue, 1, &applicant, None, false, verdict);
            let admin = decide(&cat, &queue, 1, &applicant, None, true, verdict);
            match expected.strip_prefix('!') {
                Some(overridden) => {
                    assert_eq!(outcome(&staff), "!", "{context}, by staff");
                    assert_eq!(outcome(&admin), overridden, "{context}, by an admin");
                    assert!(matches!(admin.unwrap().need, Need::Required(_)), "{context} needs a reason");
                }
                None => {
                    assert_eq!(outcome(&staff), *expected, "{context}, by staff");
                    assert_eq!(outcome(&admin), *expected, "{context}, by an admin");
                }
            }
            if columns.iter().all(|c| *c == "-") {
                assert!(!applies(verdict, status), "{context}: a screen would offer it");
            } else {
                assert!(applies(verdict, status), "{context}: no screen would offer it");
            }
        }
    }
}

#[test]
fn an_approval_waitlists_the_others_and_each_remembers_where_it_stood() {
    use RequestStatus as S;
    let mut queue = queue(&[(1, S::Pending), (2, S::Pending), (3, S::Pending)]);
    queue[2].awaiting_reply = true;
    let cat = cat_in(CatStatusKind::Available);
    let plan = decide(&cat, &queue, 1, &person_of(1), None, false, Verdict::Approve).unwrap();
    assert_eq!(plan.need, Need::None);
    assert_eq!(plan.request.decision, Some(Decision { at: NOW, by: STAFF, reason: "why".to_owned() }));
    let others: Vec<_> = plan.others.iter().map(|r| (r.id.0, r.status, r.waitlisted_from)).collect();
    assert_eq!(others, [(2, S::Waitlisted, Some(S::Pending)), (3, S::Waitlisted, Some(S::Pending))]);
    assert!(plan.others[1].awaiting_reply, "a question to the applicant is not forgotten");
    assert!(plan.others.iter().all(|r| r.decision.is_none()), "nothing is decided on the others");
}

#[test]
fn out_of_order_asks_for_a_reason_and_says_how_many_came_before() {
    use RequestStatus as S;
    let cat = cat_in(CatStatusKind::Available);
    let queue = queue(&[(1, S::Pending), (2, S::Pending), (3, S::Pending)]);
    let need = |id| decide(&cat, &queue, id, &person_of(id), None, false, Verdict::Approve).unwrap().need;
    assert_eq!(need(1), Need::None);
    assert_eq!(need(2), Need::Required("1 person asked before".to_owned()));
    assert_eq!(need(3), Need::Required("2 people asked before".to_owned()));
}

#[test]
fn two_that_arrived_at_once_go_by_number() {
    use RequestStatus as S;
    let cat = cat_in(CatStatusKind::Available);
    let mut queue = queue(&[(1, S::Pending), (2, S::Pending)]);
    queue[0].requested_at = queue[1].requested_at;
    let need = |id| decide(&cat, &queue, id, &person_of(id), None, false, Verdict::Approve).unwrap().need;
    assert_eq!(need(1), Need::None);
    assert!(matches!(need(2), Need::Required(_)));
}

#[test]
fn closed_requests_before_do_not_count() {
    use RequestStatus as S;
    let cat = cat_in(CatStatusKind::Available);
    let queue = queue(&[(1, S::Rejected), (2, S::Withdrawn), (3, S::Pending)]);
    let plan = decide(&cat, &queue, 3, &person_of(3), None, false, Verdict::Approve).unwrap();
    assert_eq!((plan.need, plan.others.len()), (Need::None, 0));
}

#[test]
fn a_ban_a_hold_and_an_illness_stand_against_an_approval_until_an_admin_says_why() {
    let (held, free) = (cat_in(CatStatusKind::OnHold), cat_in(CatStatusKind::Available));
    let (ana, ben) = (person_of(1), banned(person_of(1)));
    let sick = sick();
    let queue = queue(&[(1, RequestStatus::Pending)]);
    for (cat, applicant, health, words) in [
        (&held, &ana, None, "medical hold: stitches"),
        (&free, &ben, None, "do-not-adopt: left the last cat behind"),
        (&free, &ana, Some(&sick), "Ringworm"),
    ] {
        let staff = decide(cat, &queue, 1, applicant, health, false, Verdict::Approve);
        assert!(is_refused(&staff, true), "{staff:?}");
        assert!(staff.unwrap_err().to_string().contains(words));
        let admin = decide(cat, &queue, 1, applicant, health, true, Verdict::Approve).unwrap();
        assert!(matches!(&admin.need, Need::Required(why) if why.contains(words)), "{:?}", admin.need);
    }
    let all = decide(&held, &queue, 1, &ben, Some(&sick), true, Verdict::Approve).unwrap();
    let Need::Required(why) = all.need else { panic!("no reason asked") };
    for words in ["hold", "do-not-adopt", "Ringworm"] {
        assert!(why.contains(words), "{why}");
    }
}

#[test]
fn the_same_rules_stand_against_a_new_request() {
    let (held, free, sick) = (cat_in(CatStatusKind::OnHold), cat_in(CatStatusKind::Available), sick());
    let (ana, ben) = (person_of(1), banned(person_of(1)));
    assert_eq!(may_ask(&free, None, &ana, false), Ok(Need::None));
    assert_eq!(may_ask(&cat_in(CatStatusKind::Pending), None, &ana, false), Ok(Need::None), "one can wait in line");
    for (cat, applicant, health) in [(&held, &ana, None), (&free, &ben, None), (&free, &ana, Some(&sick))] {
        assert!(matches!(
            may_ask(cat, health, applicant, false),
            Err(Error::Refused { overridable_by: Some(Role::Admin), .. })
        ));
        assert!(matches!(may_ask(cat, health, applicant, true), Ok(Need::Required(_))));
    }
    let mut gone = person_of(1);
    gone.anonymised = true;
    let mut archived = cat_in(CatStatusKind::Available);
    archived.archived = true;
    for (cat, applicant) in [
        (&cat_in(CatStatusKind::Adopted), &ana),
        (&cat_in(CatStatusKind::Departed), &ana),
        (&archived, &ana),
        (&free, &gone),
    ] {
        assert!(
            matches!(may_ask(cat, None, applicant, true), Err(Error::Refused { overridable_by: None, .. })),
            "nobody overrides that"
        );
    }
}

#[test]
fn what_came_up_after_the_approval_stands_against_completing_it() {
    let cat = cat_in(CatStatusKind::Pending);
    let queue = queue(&[(1, RequestStatus::Approved)]);
    let (ana, ben, sick) = (person_of(1), banned(person_of(1)), sick());
    assert_eq!(decide(&cat, &queue, 1, &ana, None, false, Verdict::Complete).unwrap().need, Need::Optional);
    for (applicant, health) in [(&ben, None), (&ana, Some(&sick))] {
        assert!(is_refused(&decide(&cat, &queue, 1, applicant, health, false, Verdict::Complete), true));
        let admin = decide(&cat, &queue, 1, applicant, health, true, Verdict::Complete).unwrap();
        assert!(matches!(admin.need, Need::Required(_)));
    }
}

#[test]
fn completing_ends_the_stay_and_tells_the_others_why() {
    use RequestStatus as S;
    let cat = cat_in(CatStatusKind::Pending);
    let queue = queue(&[(1, S::Waitlisted), (2, S::Approved), (3, S::Waitlisted)]);
    let plan = decide(&cat, &queue, 2, &person_of(2), None, false, Verdict::Complete).unwrap();
    let cat = plan.cat.unwrap();
    assert_eq!(cat.status, CatStatus::Adopted);
    assert_eq!(cat.stays[0].outcome, Some(Outcome { date: Some(today()), kind: OutcomeKind::Adoption }));
    let others: Vec<_> = plan
        .others
        .iter()
        .map(|r| (r.id.0, r.status, r.waitlisted_from, r.decision.as_ref().map(|d| d.reason.as_str())))
        .collect();
    assert_eq!(
        others,
        [(1, S::Rejected, None, Some(PLACED_ELSEWHERE)), (3, S::Rejected, None, Some(PLACED_ELSEWHERE))]
    );
}

#[test]
fn nobody_adopts_a_cat_before_it_came() {
    let mut cat = cat_in(CatStatusKind::Pending);
    cat.stays[0].intake = Day(today().0 + 1);
    let queue = queue(&[(1, RequestStatus::Approved)]);
    assert!(is_refused(&decide(&cat, &queue, 1, &person_of(1), None, true, Verdict::Complete), false));
}

#[test]
fn falling_through_puts_everyone_back_in_order() {
    use RequestStatus as S;
    let cat = cat_in(CatStatusKind::Pending);
    let queue = queue(&[(1, S::Waitlisted), (2, S::Approved), (3, S::Waitlisted)]);
    for verdict in [Verdict::FallThrough, Verdict::Withdraw, Verdict::Reopen] {
        let plan = decide(&cat, &queue, 2, &person_of(2), None, false, verdict).unwrap();
        assert_eq!(plan.cat.unwrap().status, CatStatus::Available, "{verdict}");
        let others: Vec<_> = plan.others.iter().map(|r| (r.id.0, r.status, r.waitlisted_from, r.place())).collect();
        let back = |i: usize| (queue[i].id.0, S::Pending, None, queue[i].place());
        assert_eq!(others, [back(0), back(2)], "{verdict}");
        assert_eq!(plan.request.place(), queue[1].place(), "{verdict}: its own place is kept too");
    }
}

#[test]
fn an_overridden_hold_comes_back_when_the_adoption_falls_through() {
    let queue = queue(&[(1, RequestStatus::Pending)]);
    let approved = decide(&cat_in(CatStatusKind::OnHold), &queue, 1, &person_of(1), None, true, Verdict::Approve);
    let approved = approved.unwrap();
    let cat = approved.cat.unwrap();
    assert_eq!(cat.status, CatStatus::Pending { held: Some(hold()) });
    let through = decide(&cat, &[approved.request], 1, &person_of(1), None, false, Verdict::FallThrough).unwrap();
    assert_eq!(through.cat.unwrap().status, CatStatus::OnHold(hold()));
}

#[test]
fn reopening_takes_the_old_place_and_waits_where_another_is_approved() {
    use RequestStatus as S;
    let queue = queue(&[(1, S::Rejected), (2, S::Approved)]);
    let plan = decide(&cat_in(CatStatusKind::Pending), &queue, 1, &person_of(1), None, false, Verdict::Reopen).unwrap();
    assert_eq!((plan.request.status, plan.request.waitlisted_from), (S::Waitlisted, Some(S::Pending)));
    assert_eq!(plan.request.place(), queue[0].place());
    assert_eq!((plan.request.decision, plan.cat, plan.others), (None, None, Vec::new()));
}

#[test]
fn a_second_open_request_of_the_same_person_is_not_reopened() {
    let mut queue = queue(&[(1, RequestStatus::Withdrawn), (2, RequestStatus::Pending)]);
    queue[1].user = UserId(1);
    let cat = cat_in(CatStatusKind::Available);
    assert!(is_refused(&decide(&cat, &queue, 1, &person_of(1), None, true, Verdict::Reopen), false));
}

#[test]
fn reopening_for_a_banned_or_anonymised_person() {
    let queue = queue(&[(1, RequestStatus::Rejected)]);
    let cat = cat_in(CatStatusKind::Available);
    assert!(is_refused(&decide(&cat, &queue, 1, &banned(person_of(1)), None, false, Verdict::Reopen), true));
    let admin = decide(&cat, &queue, 1, &banned(person_of(1)), None, true, Verdict::Reopen).unwrap();
    assert!(matches!(admin.need, Need::Required(_)));
    let mut gone = person_of(1);
    gone.anonymised = true;
    assert!(is_refused(&decide(&cat, &queue, 1, &gone, None, true, Verdict::Reopen), false));
}

#[test]
fn two_approvals_of_one_cat_are_never_planned() {
    use RequestStatus as S;
    // Even if the cat's own status lags behind its queue.
    let queue = queue(&[(1, S::Approved), (2, S::Pending)]);
    for kind in [CatStatusKind::Available, CatStatusKind::OnHold, CatStatusKind::Pending] {
        let refused = decide(&cat_in(kind), &queue, 2, &person_of(2), None, true, Verdict::Approve);
        assert!(is_refused(&refused, false), "{kind}");
        assert_eq!(refused.unwrap_err().to_string(), "somebody else is already approved for Miso (request 1)");
    }
}

#[test]
fn every_verdict_that_closes_against_the_applicant_needs_words() {
    use RequestStatus as S;
    for (verdict, status, kind) in [
        (Verdict::Reject, S::Pending, CatStatusKind::Available),
        (Verdict::Reject, S::Waitlisted, CatStatusKind::Pending),
        (Verdict::AskForMore, S::Pending, CatStatusKind::Available),
        (Verdict::FallThrough, S::Approved, CatStatusKind::Pending),
    ] {
        let plan = decide(&cat_in(kind), &queue(&[(1, status)]), 1, &person_of(1), None, false, verdict).unwrap();
        assert!(matches!(plan.need, Need::Required(_)), "{verdict}");
        assert_eq!(plan.request.history.last().map(|h| h.note.as_str()), Some("why"), "{verdict}");
    }
}
