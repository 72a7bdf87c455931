//! `clowder doctor`: say what is wrong with the store, and mend it

use std::io::{self, Write as _};
use std::sync::atomic::AtomicBool;

use clap::Args;
use serde::Serialize;

use super::{
    Failure, Meter, Place, Show,
    failure::printable,
    json,
    local::{self, Tty},
};
use crate::model::Actor;
use crate::store::OpenOptions;
use crate::store::doctor::{self, Diagnosis, DoctorError, Loss, Mended, Way};

/// How many ways out are gone one after the other before it is given up.
const MOST_STEPS: usize = 8;

/// What `doctor` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "It looks at copies and changes nothing before it has said what it will do. What a way out replaces is kept \
                  beside the store. Nobody may have the store open.

Exit codes:
  0  all is well, or was mended and nothing is lost
  1  something is wrong and was not mended; it is said what to do
  8  mended, and what is said to be lost is lost"
)]
pub struct Doctor {
    /// Do not ask: go the way that keeps most
    #[arg(long)]
    yes: bool,
}

impl From<DoctorError> for Failure {
    fn from(e: DoctorError) -> Self {
        match e {
            DoctorError::Cancelled => Self::Cancelled(e.to_string()),
            DoctorError::Open(e) => Self::Open(e),
            e => Self::Failed(e.to_string()),
        }
    }
}

#[derive(Serialize)]
struct ReportJson {
    /// Whether nothing is wrong now.
    healthy: bool,
    facts: Vec<String>,
    findings: Vec<String>,
    ways: Vec<WayJson>,
    advice: Option<String>,
    /// What was done, in order.
    did: Vec<StepJson>,
    lost: Vec<String>,
}

#[derive(Serialize)]
struct WayJson {
    does: String,
    loses: Vec<String>,
}

#[derive(Default, Serialize)]
struct StepJson {
    findings: Vec<String>,
    did: String,
    /// Why it did not help, if it did not; everything is as it was then.
    failed: Option<String>,
    notices: Vec<String>,
    kept: Option<String>,
    lost: Vec<String>,
}

impl StepJson {
    fn of(did: &str) -> Self {
        Self { did: did.to_owned(), ..Self::default() }
    }
}

fn words(losses: &[Loss]) -> Vec<String> {
    losses.iter().map(ToString::to_string).collect()
}

/// A sentence on standard output.
fn say(message: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{}", printable(message))
}

/// Says what is wrong, and mends it if that is wanted.
///
/// # Errors
/// `Lost` when it was mended with a loss, `Unsound` when something is wrong still, `Cancelled`, and what keeps it from looking.
pub fn run(place: &Place, as_json: bool, words: &Doctor) -> Result<(), Failure> {
    quiet_engine();
    let options = OpenOptions { create: false, ..place.to_restore()? };
    let cancel = local::cancel()?;
    let mut visit = Visit {
        options,
        as_json,
        yes: words.yes,
        cancel: &cancel,
        did: Vec::new(),
        failed: Vec::new(),
        lost: Vec::new(),
    };
    visit.go_on()
}

/// The engine's threads panic on damaged files; that is an answer, and no news for the person in front.
fn quiet_engine() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().name() == Some("main") {
            usual(info);
        }
    }));
}

struct Visit<'a> {
    options: OpenOptions,
    as_json: bool,
    yes: bool,
    cancel: &'a AtomicBool,
    did: Vec<StepJson>,
    /// Ways that were gone and did not help.
    failed: Vec<Way>,
    lost: Vec<Loss>,
}

impl Visit<'_> {
    fn go_on(&mut self) -> Result<(), Failure> {
        let mut last: Option<(Way, Vec<String>)> = None;
        let mut step = 0;
        loop {
            let mut diagnosis = self.examine()?;
            if let Some((way, _)) =
                last.take_if(|(_, findings)| !diagnosis.is_healthy() && *findings == diagnosis.findings)
            {
                // It was of no use, and would be of none the next time.
                self.failed.push(way);
                diagnosis = self.examine()?;
            }
            let chosen = if step < MOST_STEPS { self.choose(&diagnosis)? } else { None };
            let Some(n) = chosen else { return self.end(diagnosis) };
            step += 1;
            let way = diagnosis.ways[n].clone();
            match self.mend(&way) {
                Ok(mended) => {
                    self.tell(&diagnosis, way.does.clone(), mended)?;
                    last = Some((way, diagnosis.findings));
                }
                // Everything is as it was, and another way may come to an end.
                Err(e @ (DoctorError::Unsound { .. } | DoctorError::Failed(_))) => {
                    self.say_failed(&way, &e)?;
                    self.failed.push(way);
                }
                Err(e) => return Err(e.into()),
            }
        }
    }

    fn say_failed(&mut self, way: &Way, e: &DoctorError) -> io::Result<()> {
        if self.as_json {
            self.did.push(StepJson { failed: Some(e.to_string()), ..StepJson::of(&way.does) });
            return Ok(());
        }
        say(&format!("Tried: {}", way.does))?;
        say(&format!("It did not help: {e}."))?;
        say("")
    }

    fn examine(&self) -> Result<Diagnosis, Failure> {
        let mut err = io::stderr();
        let mut meter = Meter::new(Show::on_own_stderr(), &mut err);
        Ok(doctor::examine_after(&self.options, &self.failed, &mut meter.steps(self.cancel))?)
    }

    fn mend(&self, way: &Way) -> Result<Mended, DoctorError> {
        let (mut err, cancel) = (io::stderr(), self.cancel);
        let mut meter = Meter::new(Show::on_own_stderr(), &mut err);
        doctor::mend(&self.options, way, &Actor::console(), &mut meter.steps(cancel))
    }

    /// Says what was seen, and which way to go; `None` for none.
    fn choose(&self, diagnosis: &Diagnosis) -> Result<Option<usize>, Failure> {
        if !self.as_json {
            // What there is was said the first time.
            let facts = if self.did.is_empty() && self.failed.is_empty() { &diagnosis.facts[..] } else { &[] };
            Self::print(facts, diagnosis)?;
        }
        if diagnosis.is_healthy() || diagnosis.ways.is_empty() {
            return Ok(None);
        }
        if self.yes {
            return Ok(Some(0));
        }
        if self.as_json || !local::is_interactive() {
            return Ok(None);
        }
        match Tty.choose(diagnosis.ways.len())? {
            Some(n) => Ok(Some(n)),
            None => Err(Failure::Declined),
        }
    }

    fn print(facts: &[String], diagnosis: &Diagnosis) -> io::Result<()> {
        facts.iter().try_for_each(|fact| say(fact))?;
        if !diagnosis.findings.is_empty() {
            say("What is wrong:")?;
            diagnosis.findings.iter().try_for_each(|finding| say(&format!("  - {finding}")))?;
        }
        if let Some(advice) = diagnosis.advice.as_ref().filter(|advice| !advice.is_empty()) {
            say(advice)?;
        }
        if !diagnosis.ways.is_empty() {
            say("What can be done, the way that keeps most first:")?;
        }
        for (n, way) in (1..).zip(&diagnosis.ways) {
            say(&format!("  {n}. {}", way.does))?;
            Self::print_losses("     Nothing is lost.", "     Lost would be:", "       ", &way.loses)?;
        }
        Ok(())
    }

    fn print_losses(none: &str, some: &str, indent: &str, losses: &[Loss]) -> io::Result<()> {
        if losses.is_empty() {
            return say(none);
        }
        say(some)?;
        losses.iter().try_for_each(|loss| say(&format!("{indent}- {loss}")))
    }

    fn tell(&mut self, diagnosis: &Diagnosis, did: String, mended: Mended) -> Result<(), Failure> {
        if !self.as_json {
            say(&format!("Done: {did}"))?;
            mended.notices.iter().try_for_each(|notice| say(notice))?;
            if let Some(kept) = &mended.kept {
                say(&format!("What was there is kept in {}; remove it when all is well.", kept.display()))?;
            }
            say("")?;
        }
        self.did.push(StepJson {
            findings: diagnosis.findings.clone(),
            did,
            failed: None,
            notices: mended.notices,
            kept: mended.kept.map(|path| path.display().to_string()),
            lost: words(&mended.lost),
        });
        self.lost.extend(mended.lost);
        Ok(())
    }

    fn end(&mut self, diagnosis: Diagnosis) -> Result<(), Failure> {
        let healthy = diagnosis.is_healthy();
        if self.as_json {
            let ways = diagnosis.ways.iter().map(|way| WayJson { does: way.does.clone(), loses: words(&way.loses) });
            let report = ReportJson {
                healthy,
                ways: ways.collect(),
                facts: diagnosis.facts,
                findings: diagnosis.findings,
                advice: diagnosis.advice.filter(|advice| !advice.is_empty()),
                did: std::mem::take(&mut self.did),
                lost: words(&self.lost),
            };
            let mut out = io::stdout();
            json::write(&mut out, &report)?;
            writeln!(out)?;
        } else if healthy && self.did.is_empty() {
            say("All is well.")?;
        } else if healthy {
            Self::print_losses("All is well now, and nothing is lost.", "All is well now. Lost is:", "  ", &self.lost)?;
        } else if self.yes && !diagnosis.ways.is_empty() {
            say("Something is wrong still after all of that. A backup can be named: \"clowder restore --from FILE\".")?;
        } else if !diagnosis.ways.is_empty() {
            say("Nobody can be asked here: add --yes to go the first way.")?;
        }
        match (healthy, self.lost.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => Err(Failure::Lost),
            (false, _) => Err(Failure::Unsound),
        }
    }
}
