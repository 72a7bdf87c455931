//! The decision on a request: preview and deed.

use crate::desk::{Acting, Desk, Done, Fault, Reads, Step, acting, cats, expect_rev, line, today};
use crate::model::{
    Action, Actor, AdoptionRequest, Cat, Error, HealthStatus, Kind, Need, Permission, RequestId, RequestStatus, Result,
    Stamp, User, Verdict,
    decision::{self, Deciding, PLACED_ELSEWHERE, Plan, Scene},
    limits,
};

/// What a verdict would do, before it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// In one sentence: "Approve Ana for Miso."
    pub sentence: String,
    /// What follows from it, a sentence each.
    pub consequences: Vec<String>,
    /// Whether it needs words.
    pub need: Need,
    /// The revision of the request that was looked at.
    pub rev: u32,
}

/// Everything a decision looks at, loaded.
pub(super) struct Loaded {
    pub(super) request: AdoptionRequest,
    pub(super) cat: Cat,
    pub(super) health: Option<HealthStatus>,
    pub(super) applicant: User,
    pub(super) queue: Vec<AdoptionRequest>,
    approved: Option<User>,
}

impl Loaded {
    pub(super) fn of(reads: &impl Reads, id: RequestId) -> Step<Self> {
        let request: AdoptionRequest = reads.load_or_missing(id)?;
        let cat = cats::cat_of(reads, &request)?;
        let health = cat.health.map(|id| reads.load(id)).transpose()?.flatten();
        let applicant: User = reads.load_or_missing(request.user)?;
        let queue = cats::queue(reads, request.cat)?;
        let other = queue.iter().find(|r| r.status == RequestStatus::Approved && r.id != id);
        let approved = other.map(|r| reads.load(r.user)).transpose()?.flatten();
        Ok(Self { request, cat, health, applicant, queue, approved })
    }

    fn plan(&self, verdict: Verdict, deciding: Deciding<'_>, may_override: bool) -> Result<Plan> {
        let scene = Scene {
            request: &self.request,
            cat: &self.cat,
            health: self.health.as_ref(),
            applicant: &self.applicant,
            queue: &self.queue,
            approved: self.approved.as_ref(),
            may_override,
        };
        decision::plan(&scene, verdict, deciding)
    }

    /// "Approve Ana for Miso."; to the applicant, "your request".
    fn sentence(&self, verdict: Verdict, own: bool) -> String {
        let (who, cat) = (self.applicant.display_name(), self.cat.display_name());
        match verdict {
            Verdict::Approve => format!("Approve {who} for {cat}."),
            Verdict::Reject => format!("Reject {who}'s request for {cat}."),
            Verdict::AskForMore => format!("Ask {who} for more about the request for {cat}."),
            Verdict::Complete => format!("{cat} goes home with {who}."),
            Verdict::FallThrough => format!("The adoption of {cat} by {who} falls through."),
            Verdict::Withdraw if own => format!("Withdraw your request for {cat}."),
            Verdict::Withdraw => format!("Withdraw {who}'s request for {cat}."),
            Verdict::Reopen => format!("Reopen {who}'s request for {cat}."),
        }
    }
}

/// Which right a verdict needs; the applicant may withdraw without it.
const fn action(verdict: Verdict) -> Action {
    match verdict {
        Verdict::Approve => Action::Approve,
        Verdict::Reject => Action::Reject,
        Verdict::AskForMore => Action::AskForMore,
        Verdict::Complete => Action::Complete,
        Verdict::FallThrough => Action::FallThrough,
        Verdict::Withdraw => Action::Withdraw,
        Verdict::Reopen => Action::Reopen,
    }
}

/// Whether the actor may pass this verdict on this request; a stranger's request does not exist for those
/// who decide nothing.
fn entitled(acting: &Acting, request: &AdoptionRequest, verdict: Verdict) -> Result<()> {
    if acting.may(Permission::DecideRequests) {
        return Ok(());
    }
    if !acting.is(request.user) {
        return Err(Error::not_found(Kind::Request, request.id));
    }
    if verdict == Verdict::Withdraw { Ok(()) } else { Err(Error::Denied(Permission::DecideRequests)) }
}

impl Desk {
    /// What a verdict would do, with nothing done.
    ///
    /// # Errors
    /// Those of [`Desk::decide`].
    pub fn preview(&self, actor: &Actor, id: RequestId, verdict: Verdict) -> Result<Preview> {
        let acting = self.acting(actor, Permission::OwnRequests)?;
        let loaded = self.read(|store| Loaded::of(store, id))?;
        entitled(&acting, &loaded.request, verdict)?;
        let deciding = Deciding { by: acting.who, at: Stamp::now(), today: today(), words: "" };
        let plan = loaded.plan(verdict, deciding, acting.may(Permission::Override))?;
        let mut consequences = Vec::new();
        let count = |status| plan.others.iter().filter(|r| r.status == status).count();
        if acting.may(Permission::DecideRequests) {
            match count(RequestStatus::Waitlisted) {
                0 => {}
                1 => consequences.push("1 other waits.".to_owned()),
                n => consequences.push(format!("{n} others wait.")),
            }
            match count(RequestStatus::Rejected) {
                0 => {}
                n => consequences.push(format!(
                    "{} rejected: \"{PLACED_ELSEWHERE}\".",
                    if n == 1 { "1 other is".to_owned() } else { format!("{n} others are") }
                )),
            }
            match count(RequestStatus::Pending) {
                0 => {}
                n => consequences.push(format!(
                    "{}.",
                    if n == 1 {
                        "1 other is back in the queue".to_owned()
                    } else {
                        format!("{n} others are back in the queue, in their order")
                    }
                )),
            }
            if let Some(cat) = &plan.cat {
                consequences.push(format!("{} becomes {}.", cat.display_name(), cat.status.kind().label()));
            }
            if plan.request.status == RequestStatus::Waitlisted {
                consequences.push("Another request is approved, so it waits.".to_owned());
            }
        } else {
            consequences.push("Your place in the queue is given up.".to_owned());
        }
        Ok(Preview {
            sentence: loaded.sentence(verdict, acting.is(loaded.request.user)),
            consequences,
            need: plan.need,
            rev: loaded.request.version.rev,
        })
    }

    /// Passes a verdict on a request as it was at revision `rev`: request, competing requests, cat, stays,
    /// indexes and audit entry in one commit.
    ///
    /// # Errors
    /// `Refused` with the rule, `Invalid` at `reason` where one is needed, `Conflict` when somebody was first.
    pub fn decide(&self, actor: &Actor, id: RequestId, rev: u32, verdict: Verdict, reason: &str) -> Result<Done> {
        let words = line("reason", reason, limits::REASON)?;
        let by = actor.clone();
        let written = self
            .store()
            .write(actor, move |tx| -> Step<String> {
                let acting = acting(tx, &by)?;
                acting.need(Permission::OwnRequests)?;
                let loaded = Loaded::of(tx, id)?;
                entitled(&acting, &loaded.request, verdict)?;
                let deciding = Deciding { by: acting.who, at: tx.now(), today: tx.now().day(), words: &words };
                let plan = match loaded.plan(verdict, deciding, acting.may(Permission::Override)) {
                    // Somebody was first: who and what says more than the rule that follows from it.
                    Err(Error::Refused { .. }) if loaded.request.version.rev != rev => {
                        expect_rev(&loaded.request, rev)?;
                        return Ok(String::new());
                    }
                    other => other?,
                };
                expect_rev(&loaded.request, rev)?;
                overridden(plan.need, &words)?;
                tx.describe(action(verdict), words.as_str());
                let mut request = plan.request;
                tx.update(&mut request)?;
                if let Some(mut cat) = plan.cat {
                    tx.update(&mut cat)?;
                }
                for mut other in plan.others {
                    tx.update(&mut other)?;
                }
                Ok(done_sentence(&loaded, verdict, acting.is(loaded.request.user)))
            })
            .map_err(|fault: Fault| self.explain_to(actor, fault))?;
        Ok(Done { message: written.value, commit: written.commit })
    }
}

/// Refuses when words are needed and none are given.
pub(super) fn overridden(need: Need, words: &str) -> Result<()> {
    match need {
        Need::Required(why) if words.is_empty() => Err(Error::invalid("reason", format!("a reason is needed: {why}"))),
        _ => Ok(()),
    }
}

fn done_sentence(loaded: &Loaded, verdict: Verdict, own: bool) -> String {
    let (who, cat) = (loaded.applicant.display_name(), loaded.cat.display_name());
    match verdict {
        Verdict::Approve => format!("Approved {who} for {cat}."),
        Verdict::Reject => format!("Rejected {who}'s request for {cat}."),
        Verdict::AskForMore => format!("Asked {who} for more about {cat}."),
        Verdict::Complete => format!("{cat} is adopted by {who}."),
        Verdict::FallThrough => format!("The adoption of {cat} by {who} fell through."),
        Verdict::Withdraw if own => format!("Withdrew your request for {cat}."),
        Verdict::Withdraw => format!("Withdrew {who}'s request for {cat}."),
        Verdict::Reopen => format!("Reopened {who}'s request for {cat}."),
    }
}
