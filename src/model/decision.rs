//! The decision on a request: what each verdict needs, what it changes, and what stands against it.
//!
//! Pure: [`plan`] looks at a [`Scene`] and answers with the records as they would become. The desk uses it
//! twice, to preview and, inside the commit, to do it.

use super::{
    AdoptionRequest, Cat, CatStatus, CatStatusKind, Day, Decision, Error, HealthStatus, HistoryEvent, Outcome,
    OutcomeKind, RequestId, RequestStatus, Result, Stamp, User, Who, coded::coded,
};

/// The reason given to those who asked for a cat that another family took.
pub const PLACED_ELSEWHERE: &str = "placed with another family";

coded! {
    /// What can be done to a request.
    pub enum Verdict("verdict") {
        Approve = 1, "approve", "Approve";
        Reject = 2, "reject", "Reject";
        AskForMore = 3, "ask", "Ask for more";
        Complete = 4, "complete", "Complete";
        FallThrough = 5, "fall-through", "Fall through";
        Withdraw = 6, "withdraw", "Withdraw";
        Reopen = 7, "reopen", "Reopen";
    }
}

/// Whether a verdict needs words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// None are kept.
    None,
    /// They may be given.
    Optional,
    /// They must be given, because of this.
    Required(String),
}

/// Everything that a decision looks at.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The request to decide.
    pub request: &'a AdoptionRequest,
    /// Its cat.
    pub cat: &'a Cat,
    /// The cat's state of health.
    pub health: Option<&'a HealthStatus>,
    /// Who asks.
    pub applicant: &'a User,
    /// Every open request for the cat, in the order of the queue, this one among them if it is open.
    pub queue: &'a [AdoptionRequest],
    /// The account of whoever is approved for the cat, where that is somebody else, to name them.
    pub approved: Option<&'a User>,
    /// Whether the one who decides may override a refusal.
    pub may_override: bool,
}

/// What a verdict would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The request as it becomes.
    pub request: AdoptionRequest,
    /// The cat as it becomes, if it changes.
    pub cat: Option<Cat>,
    /// The other requests as they become, in the order of the queue.
    pub others: Vec<AdoptionRequest>,
    /// Whether it needs words, and why.
    pub need: Need,
}

/// Who decides, when, and in which words.
#[derive(Debug, Clone, Copy)]
pub struct Deciding<'a> {
    /// Who.
    pub by: Who,
    /// When.
    pub at: Stamp,
    /// The day that ends the stay when an adoption is completed.
    pub today: Day,
    /// The reason or note, cleaned.
    pub words: &'a str,
}

/// Whether a new request for the cat can be taken, and what stands against it.
///
/// # Errors
/// [`Error::Refused`], overridable by an admin where the rule is about the person or a hold.
pub fn may_ask(cat: &Cat, health: Option<&HealthStatus>, applicant: &User, may_override: bool) -> Result<Need> {
    let mut overridden = Vec::new();
    present(cat)?;
    person(applicant, &mut overridden)?;
    adoptable(cat, health, &mut overridden);
    settle(overridden, may_override, None)
}

/// Whether a request can be put back to a status that it had, and what came up since and stands against it.
///
/// # Errors
/// [`Error::Refused`], for those who may not override too where the rule is about the person or the cat's health.
pub fn may_return(
    status: RequestStatus,
    cat: &Cat,
    health: Option<&HealthStatus>,
    applicant: &User,
    may_override: bool,
) -> Result<()> {
    let mut overridden = Vec::new();
    if status.is_open() || status == RequestStatus::Completed {
        person(applicant, &mut overridden)?;
    }
    if matches!(status, RequestStatus::Approved | RequestStatus::Completed) {
        adoptable(cat, health, &mut overridden);
    }
    settle(overridden, may_override, None).map(drop)
}

/// Works out what a verdict does.
///
/// # Errors
/// [`Error::Refused`] with the rule that stands against it.
pub fn plan(scene: &Scene<'_>, verdict: Verdict, deciding: Deciding<'_>) -> Result<Plan> {
    let mut plan = Plan { request: scene.request.clone(), cat: None, others: Vec::new(), need: Need::None };
    match verdict {
        Verdict::Approve => approve(scene, deciding, &mut plan)?,
        Verdict::Reject => reject(scene, deciding, &mut plan)?,
        Verdict::AskForMore => ask_for_more(scene, deciding, &mut plan)?,
        Verdict::Complete => complete(scene, deciding, &mut plan)?,
        Verdict::FallThrough => fall_through(scene, deciding, &mut plan)?,
        Verdict::Withdraw => withdraw(scene, deciding, &mut plan)?,
        Verdict::Reopen => reopen(scene, deciding, &mut plan)?,
    }
    Ok(plan)
}

/// Whether a verdict makes sense in a state, for screens that offer only what can be done.
pub const fn applies(verdict: Verdict, status: RequestStatus) -> bool {
    use RequestStatus as S;
    match verdict {
        Verdict::Approve => matches!(status, S::Pending),
        Verdict::Reject | Verdict::AskForMore => matches!(status, S::Pending | S::Waitlisted),
        Verdict::Complete | Verdict::FallThrough => matches!(status, S::Approved),
        Verdict::Withdraw => status.is_open(),
        Verdict::Reopen => matches!(status, S::Approved | S::Rejected | S::Withdrawn),
    }
}

fn approve(scene: &Scene<'_>, deciding: Deciding<'_>, plan: &mut Plan) -> Result<()> {
    match scene.request.status {
        RequestStatus::Pending => {}
        RequestStatus::Waitlisted | RequestStatus::Approved => return Err(already_approved(scene)),
        _ => return Err(wrong_state(scene, Verdict::Approve)),
    }
    present(scene.cat)?;
    let taken = others(scene).any(|r| r.status == RequestStatus::Approved);
    if taken || scene.cat.status.kind() == CatStatusKind::Pending {
        return Err(already_approved(scene));
    }
    let mut overridden = Vec::new();
    person(scene.applicant, &mut overridden)?;
    adoptable(scene.cat, scene.health, &mut overridden);
    let earlier =
        scene.queue.iter().filter(|r| r.status == RequestStatus::Pending && r.place() < scene.request.place()).count();
    let out_of_order = match earlier {
        0 => None,
        1 => Some("1 person asked before".to_owned()),
        n => Some(format!("{n} people asked before")),
    };
    plan.need = settle(overridden, scene.may_override, out_of_order)?;
    plan.request.status = RequestStatus::Approved;
    plan.request.waitlisted_from = None;
    plan.request.awaiting_reply = false;
    decided(&mut plan.request, deciding, HistoryEvent::Approved);
    let mut cat = scene.cat.clone();
    cat.status = CatStatus::Pending { held: scene.cat.status.hold().cloned() };
    plan.cat = Some(cat);
    for other in others(scene).filter(|r| r.status == RequestStatus::Pending) {
        let mut other = other.clone();
        waitlist(&mut other, deciding);
        plan.others.push(other);
    }
    Ok(())
}

fn reject(scene: &Scene<'_>, deciding: Deciding<'_>, plan: &mut Plan) -> Result<()> {
    match scene.request.status {
        RequestStatus::Pending | RequestStatus::Waitlisted => {}
        RequestStatus::Approved => {
            return Err(Error::refused("an approved request is not rejected: let it fall through, or reopen it first"));
        }
        _ => return Err(wrong_state(scene, Verdict::Reject)),
    }
    plan.need = Need::Required("the applicant will want to know why".to_owned());
    close(&mut plan.request, RequestStatus::Rejected, deciding, HistoryEvent::Rejected);
    Ok(())
}

fn ask_for_more(scene: &Scene<'_>, deciding: Deciding<'_>, plan: &mut Plan) -> Result<()> {
    if !applies(Verdict::AskForMore, scene.request.status) {
        return Err(wrong_state(scene, Verdict::AskForMore));
    }
    plan.need = Need::Required("what do you need to know?".to_owned());
    plan.request.awaiting_reply = true;
    plan.request.record(deciding.at, deciding.by, HistoryEvent::AskedForMore, deciding.words);
    Ok(())
}

fn complete(scene: &Scene<'_>, deciding: Deciding<'_>, plan: &mut Plan) -> Result<()> {
    if scene.request.status != RequestStatus::Approved {
        return Err(wrong_state(scene, Verdict::Complete));
    }
    present(scene.cat)?;
    if scene.cat.status.kind() != CatStatusKind::Pending {
        return Err(Error::refused(format!("{} is not pending", scene.cat.display_name())));
    }
    // What came up since the approval stands against the adoption as it would have against the approval.
    let mut overridden = Vec::new();
    person(scene.applicant, &mut overridden)?;
    adoptable(scene.cat, scene.health, &mut overridden);
    plan.need = match settle(overridden, scene.may_override, None)? {
        Need::None => Need::Optional,
        need => need,
    };
    plan.request.status = RequestStatus::Completed;
    decided(&mut plan.request, deciding, HistoryEvent::Completed);
    let mut cat = scene.cat.clone();
    cat.status = CatStatus::Adopted;
    if let Some(stay) = cat.stays.last_mut().filter(|s| s.outcome.is_none()) {
        if deciding.today < stay.intake {
            return Err(Error::refused(format!(
                "{} came in on {}, which is still to come",
                scene.cat.display_name(),
                stay.intake
            )));
        }
        stay.outcome = Some(Outcome { date: Some(deciding.today), kind: OutcomeKind::Adoption });
    }
    plan.cat = Some(cat);
    let placed = Deciding { words: PLACED_ELSEWHERE, ..deciding };
    for other in others(scene) {
        let mut other = other.clone();
        close(&mut other, RequestStatus::Rejected, placed, HistoryEvent::Rejected);
        plan.others.push(other);
    }
    Ok(())
}

fn fall_through(scene: &Scene<'_>, deciding: Deciding<'_>, plan: &mut Plan) -> Result<()> {
    if scene.request.status != RequestStatus::Approved {
        return Err(wrong_state(scene, Verdict::FallThrough));
    }
    plan.need = Need::Required("the applicant will want to know why".to_owned());
    close(&mut plan.request, RequestStatus::Rejected, deciding, HistoryEvent::FellThrough);
    release(scene, deciding, plan);
    Ok(())
}

fn withdraw(scene: &Scene<'_>, deciding: Deciding<'_>, plan: &mut Plan) -> Result<()> {
    if !scene.request.status.is_open() {
        return Err(wrong_state(scene, Verdict::Withdraw));
    }
    plan.need = Need::Optional;
    let was_approved = scene.request.status == RequestStatus::Approved;
    close(&mut plan.request, RequestStatus::Withdrawn, deciding, HistoryEvent::Withdrawn);
    if was_approved {
        release(scene, deciding, plan);
    }
    Ok(())
}

fn reopen(scene: &Scene<'_>, deciding: Deciding<'_>, plan: &mut Plan) -> Result<()> {
    if !applies(Verdict::Reopen, scene.request.status) {
        return Err(wrong_state(scene, Verdict::Reopen));
    }
    plan.need = Need::Optional;
    if scene.request.status == RequestStatus::Approved {
        plan.request.status = RequestStatus::Pending;
        plan.request.decision = None;
        plan.request.record(deciding.at, deciding.by, HistoryEvent::Reopened, deciding.words);
        release(scene, deciding, plan);
        return Ok(());
    }
    present(scene.cat)?;
    if let Some(open) = others(scene).find(|r| r.user == scene.request.user) {
        return Err(Error::refused(format!(
            "{} has another open request for {} (request {})",
            scene.applicant.display_name(),
            scene.cat.display_name(),
            open.id
        )));
    }
    let mut overridden = Vec::new();
    person(scene.applicant, &mut overridden)?;
    plan.need = match settle(overridden, scene.may_override, None)? {
        Need::None => Need::Optional,
        need => need,
    };
    plan.request.status = RequestStatus::Pending;
    plan.request.decision = None;
    plan.request.awaiting_reply = false;
    plan.request.record(deciding.at, deciding.by, HistoryEvent::Reopened, deciding.words);
    if scene.cat.status.kind() == CatStatusKind::Pending {
        waitlist(&mut plan.request, deciding);
    }
    Ok(())
}

/// The cat is free again: it goes back on offer, or on the hold that was overridden, and those who were
/// waitlisted go back to where they stood.
fn release(scene: &Scene<'_>, deciding: Deciding<'_>, plan: &mut Plan) {
    let mut cat = scene.cat.clone();
    if let CatStatus::Pending { held } = cat.status {
        cat.status = held.map_or(CatStatus::Available, CatStatus::OnHold);
        plan.cat = Some(cat);
    }
    for other in others(scene).filter(|r| r.status == RequestStatus::Waitlisted) {
        let mut other = other.clone();
        resume(&mut other, deciding.at, deciding.by);
        plan.others.push(other);
    }
}

/// Puts a waitlisted request back to where it stood.
pub fn resume(request: &mut AdoptionRequest, at: Stamp, by: Who) {
    request.status = request.waitlisted_from.take().unwrap_or(RequestStatus::Pending);
    request.record(at, by, HistoryEvent::Resumed, "");
}

/// Puts a pending request on the waiting list.
fn waitlist(request: &mut AdoptionRequest, deciding: Deciding<'_>) {
    request.waitlisted_from = Some(request.status);
    request.status = RequestStatus::Waitlisted;
    request.record(deciding.at, deciding.by, HistoryEvent::Waitlisted, "");
}

/// Closes a request with a reason.
pub fn close(request: &mut AdoptionRequest, status: RequestStatus, deciding: Deciding<'_>, event: HistoryEvent) {
    request.status = status;
    request.waitlisted_from = None;
    request.awaiting_reply = false;
    decided(request, deciding, event);
}

fn decided(request: &mut AdoptionRequest, deciding: Deciding<'_>, event: HistoryEvent) {
    request.decision = Some(Decision { at: deciding.at, by: deciding.by, reason: deciding.words.to_owned() });
    request.record(deciding.at, deciding.by, event, deciding.words);
}

fn others<'a>(scene: &Scene<'a>) -> impl Iterator<Item = &'a AdoptionRequest> {
    let this: RequestId = scene.request.id;
    scene.queue.iter().filter(move |r| r.id != this && r.status.is_open())
}

fn present(cat: &Cat) -> Result<()> {
    let name = cat.display_name();
    match &cat.status {
        CatStatus::Adopted => Err(Error::refused(format!("{name} is already adopted"))),
        CatStatus::Departed(kind) => {
            Err(Error::refused(format!("{name} is no longer in care ({})", kind.label().to_lowercase())))
        }
        _ if cat.archived => Err(Error::refused(format!("{name} is archived"))),
        _ => Ok(()),
    }
}

fn person(applicant: &User, overridden: &mut Vec<String>) -> Result<()> {
    if applicant.anonymised {
        return Err(Error::refused("the applicant's account was anonymised"));
    }
    if let Some(ban) = &applicant.banned {
        overridden.push(format!("{} is marked do-not-adopt: {}", applicant.display_name(), ban.reason));
    }
    Ok(())
}

fn adoptable(cat: &Cat, health: Option<&HealthStatus>, overridden: &mut Vec<String>) {
    if let Some(hold) = cat.status.hold() {
        let until = hold.until.map(|d| format!(" until {d}")).unwrap_or_default();
        let reason = if hold.reason.is_empty() { String::new() } else { format!(": {}", hold.reason) };
        overridden.push(format!(
            "{} is on {} hold{until}{reason}",
            cat.display_name(),
            hold.kind.label().to_lowercase()
        ));
    }
    if let Some(health) = health.filter(|h| h.prevents_adoption) {
        overridden.push(format!("{} cannot be adopted while its health is \"{}\"", cat.display_name(), health.name));
    }
}

/// Turns the rules that stand against something, and those that only ask for a reason, into a need or a refusal.
fn settle(overridden: Vec<String>, may_override: bool, asks: Option<String>) -> Result<Need> {
    if overridden.is_empty() {
        return Ok(asks.map_or(Need::None, Need::Required));
    }
    let rule = overridden.join("; ");
    if !may_override {
        return Err(Error::refused_unless_admin(rule));
    }
    Ok(Need::Required(match asks {
        Some(asks) => format!("{rule}; {asks}"),
        None => rule,
    }))
}

/// The request as people call it.
fn request(scene: &Scene<'_>) -> String {
    format!("the request of {} for {}", scene.applicant.display_name(), scene.cat.display_name())
}

fn already_approved(scene: &Scene<'_>) -> Error {
    let cat = scene.cat.display_name();
    match scene.queue.iter().find(|r| r.status == RequestStatus::Approved) {
        Some(r) if r.id == scene.request.id => Error::refused(format!("{} is already approved", request(scene))),
        Some(r) => {
            let who = scene.approved.map_or_else(|| "somebody else".to_owned(), User::display_name);
            Error::refused(format!("{who} is already approved for {cat} (request {})", r.id))
        }
        None => Error::refused(format!("{cat} is already pending")),
    }
}

fn wrong_state(scene: &Scene<'_>, verdict: Verdict) -> Error {
    let status = scene.request.status.label().to_lowercase();
    let what = match verdict {
        Verdict::Approve => "be approved",
        Verdict::Reject => "be rejected",
        Verdict::AskForMore => "be asked about",
        Verdict::Complete => "be completed: approve it first",
        Verdict::FallThrough => "fall through: it was not approved",
        Verdict::Withdraw => "be withdrawn",
        Verdict::Reopen => "be reopened",
    };
    Error::refused(format!("{} is {status} and cannot {what}", request(scene)))
}

#[cfg(test)]
mod tests;
