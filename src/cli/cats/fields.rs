//! The fields of a cat as options, turned into changes.

use clap::Args;

use super::super::{Context, Failure, slugs};
use crate::desk::CatChange;
use crate::model::{
    Altered, Cat, CatStatus, CatStatusKind, Day, Error, FieldError, Gender, HealthId, Hold, HoldKind, IntakeKind,
    OutcomeKind, PartialDate,
};

/// One option a field. Dates are written 2024-05-12, today, -3d, -1w; a birth date also 2024-05, 2024, 3y, 8m.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "Fields")]
pub struct CatFields {
    /// Name
    #[arg(long)]
    name: Option<String>,
    /// The shelter's own animal number; empty for none
    #[arg(long)]
    tag: Option<String>,
    /// Breed by name; empty for unknown
    #[arg(long, value_name = "NAME")]
    breed: Option<String>,
    /// Date of birth or age, as precisely as known; empty for unknown
    #[arg(long, value_name = "DATE", allow_hyphen_values = true)]
    born: Option<String>,
    /// Sex
    #[arg(long, alias = "sex", value_parser = slugs!(Gender))]
    gender: Option<Gender>,
    /// Spayed or neutered
    #[arg(long, value_parser = slugs!(Altered))]
    altered: Option<Altered>,
    /// Coat colour
    #[arg(long, alias = "color")]
    colour: Option<String>,
    /// Health status by name; empty for unknown
    #[arg(long, value_name = "NAME")]
    health: Option<String>,
    /// What people should know
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Where a picture is; empty for none
    #[arg(long, value_name = "URL")]
    image_url: Option<String>,
    /// Day of the current intake
    #[arg(long, value_name = "DATE", allow_hyphen_values = true)]
    intake: Option<String>,
    /// How it came in [default: other]
    #[arg(long, value_name = "KIND", value_parser = slugs!(IntakeKind))]
    intake_kind: Option<IntakeKind>,
    /// Adoption status. A cat becomes pending by approving a request
    #[arg(long, value_parser = slugs!(CatStatusKind))]
    status: Option<CatStatusKind>,
    /// Puts it on hold, or changes the hold: why [default: other]
    #[arg(long, value_name = "KIND", value_parser = slugs!(HoldKind))]
    hold: Option<HoldKind>,
    /// The reason of the hold
    #[arg(long, value_name = "TEXT")]
    hold_reason: Option<String>,
    /// The last day of the hold, if known; empty for unknown
    #[arg(long, value_name = "DATE", allow_hyphen_values = true)]
    hold_until: Option<String>,
    /// It left: how
    #[arg(long, value_name = "KIND", value_parser = slugs!(OutcomeKind))]
    outcome: Option<OutcomeKind>,
    /// The day it left [default: today]
    #[arg(long, value_name = "DATE", allow_hyphen_values = true)]
    outcome_date: Option<String>,
    /// It came back: the day a new stay begins
    #[arg(long, value_name = "DATE", allow_hyphen_values = true)]
    r#return: Option<String>,
    /// How it came back [default: return]
    #[arg(long, value_name = "KIND", value_parser = slugs!(IntakeKind), requires = "return")]
    return_kind: Option<IntakeKind>,
    /// The day it went to a foster home
    #[arg(long, value_name = "DATE", allow_hyphen_values = true)]
    foster_out: Option<String>,
    /// The day it was back from the foster home
    #[arg(long, value_name = "DATE", allow_hyphen_values = true)]
    foster_back: Option<String>,
    /// Out of the lists, or back
    #[arg(long, value_name = "YES|NO", value_parser = super::super::yes_no(), action = clap::ArgAction::Set)]
    archived: Option<bool>,
}

/// The changes so far, and the values that cannot be read.
struct Reading {
    today: Day,
    changes: Vec<CatChange>,
    errors: Vec<FieldError>,
}

impl Reading {
    fn day(&mut self, field: &'static str, value: &str) -> Option<Day> {
        Day::parse(value, self.today).map_err(|message| self.errors.push(FieldError { field, message })).ok()
    }

    fn day_or_today(&mut self, field: &'static str, value: Option<&str>) -> Option<Day> {
        match value {
            None => Some(self.today),
            Some(value) => self.day(field, value),
        }
    }

    fn add(&mut self, change: Option<CatChange>) {
        self.changes.extend(change);
    }

    /// A value that is looked up: an error of its field is gathered, any other ends the reading.
    fn found<T>(&mut self, found: Result<T, Error>) -> Result<Option<T>, Failure> {
        match found {
            Ok(value) => Ok(Some(value)),
            Err(Error::Invalid(mut errors)) => {
                self.errors.append(&mut errors);
                Ok(None)
            }
            Err(e) => Err(e.into()),
        }
    }
}

/// What an optional text says: nothing when it is empty.
fn given(value: &str) -> Option<&str> {
    Some(value.trim()).filter(|v| !v.is_empty())
}

impl CatFields {
    /// Takes the name that was given without its option.
    pub fn called(&mut self, name: Option<String>) {
        self.name = name.or(self.name.take());
    }

    /// The changes that the options ask for, to the cat as it is now or to a new one.
    ///
    /// # Errors
    /// `Invalid` with every value that cannot be read.
    pub fn changes(&self, cx: &Context<'_>, current: Option<&Cat>) -> Result<Vec<CatChange>, Failure> {
        let mut reading = Reading { today: Day::today(), changes: Vec::new(), errors: Vec::new() };
        self.plain(&mut reading);
        self.looked_up(cx, &mut reading)?;
        self.stay(&mut reading, current);
        self.status(&mut reading, current)?;
        self.foster(&mut reading);
        reading.add(self.archived.map(CatChange::Archived));
        if reading.errors.is_empty() { Ok(reading.changes) } else { Err(Error::Invalid(reading.errors).into()) }
    }

    fn plain(&self, reading: &mut Reading) {
        reading.add(self.name.clone().map(CatChange::Name));
        reading.add(self.tag.as_deref().map(|t| CatChange::Tag(given(t).map(str::to_owned))));
        match self.born.as_deref().map(|b| given(b).filter(|b| !b.eq_ignore_ascii_case("unknown"))) {
            None => {}
            Some(None) => reading.add(Some(CatChange::Born(None))),
            Some(Some(value)) => match PartialDate::parse(value, reading.today) {
                Ok(born) => reading.add(Some(CatChange::Born(Some(born)))),
                Err(message) => reading.errors.push(FieldError { field: "born", message }),
            },
        }
        reading.add(self.gender.map(CatChange::Gender));
        reading.add(self.altered.map(CatChange::Altered));
        reading.add(self.colour.clone().map(CatChange::Colour));
        reading.add(self.description.clone().map(CatChange::Description));
        reading.add(self.image_url.as_deref().map(|u| CatChange::ImageUrl(given(u).map(str::to_owned))));
    }

    fn looked_up(&self, cx: &Context<'_>, reading: &mut Reading) -> Result<(), Failure> {
        if let Some(name) = &self.breed {
            match given(name) {
                None => reading.add(Some(CatChange::Breed(None))),
                Some(name) => {
                    let found = reading.found(super::breed(cx, name))?;
                    reading.add(found.map(|id| CatChange::Breed(Some(id))));
                }
            }
        }
        if let Some(name) = &self.health {
            match given(name) {
                None => reading.add(Some(CatChange::Health(None))),
                Some(name) => {
                    let found = reading.found(health(cx, name))?;
                    reading.add(found.map(|id| CatChange::Health(Some(id))));
                }
            }
        }
        Ok(())
    }

    fn stay(&self, reading: &mut Reading, current: Option<&Cat>) {
        if let Some(value) = &self.r#return {
            let day = reading.day("return", value);
            let kind = self.return_kind.unwrap_or(IntakeKind::Return);
            reading.add(day.map(|day| CatChange::Return(day, kind)));
        }
        let stay = current.and_then(Cat::current_stay);
        let kind = self.intake_kind.or(stay.map(|s| s.kind)).unwrap_or(IntakeKind::Other);
        let day = match (&self.intake, self.intake_kind) {
            (Some(value), _) => reading.day("intake", value),
            (None, None) => None,
            // Only the kind is given: the day stays.
            (None, Some(_)) => {
                let day = stay.map(|s| s.intake);
                if day.is_none() {
                    let message = "is needed with --intake-kind: there is none yet".to_owned();
                    reading.errors.push(FieldError { field: "intake", message });
                }
                day
            }
        };
        reading.add(day.map(|day| CatChange::Intake(day, kind)));
    }

    fn status(&self, reading: &mut Reading, current: Option<&Cat>) -> Result<(), Failure> {
        use CatStatusKind as S;
        let details_of_hold = self.hold.is_some() || self.hold_reason.is_some() || self.hold_until.is_some();
        let details_of_leaving = self.outcome.is_some() || self.outcome_date.is_some();
        let wanted = match self.status {
            Some(S::OnHold) if details_of_leaving => return Err(contradiction("--outcome", "on-hold")),
            Some(S::Available) if details_of_leaving => return Err(contradiction("--outcome", "available")),
            Some(status @ (S::Available | S::Adopted | S::Departed)) if details_of_hold => {
                return Err(contradiction("--hold", status.slug()));
            }
            None if details_of_hold && details_of_leaving => {
                return Err(Failure::Usage("a cat is either put on hold or leaves".to_owned()));
            }
            None if details_of_hold => Some(S::OnHold),
            None if details_of_leaving => Some(S::Departed),
            status => status,
        };
        let now = current.map_or(S::Available, |cat| cat.status.kind());
        match wanted {
            None => {}
            Some(S::OnHold) => self.on_hold(reading, current.map(|c| &c.status)),
            Some(S::Available) => match now {
                S::OnHold => reading.add(Some(CatChange::Release)),
                S::Available => {}
                S::Adopted | S::Departed if self.r#return.is_some() => {}
                S::Adopted | S::Departed => {
                    return Err(Error::refused("the cat is not in care; record its return with --return DATE").into());
                }
                S::Pending => {
                    let rule = "a request for the cat is approved; let it fall through, withdraw or reopen it";
                    return Err(Error::refused(rule).into());
                }
            },
            Some(S::Pending) if now == S::Pending => {}
            Some(S::Pending) => {
                return Err(Error::refused("a cat becomes pending by approving a request for it").into());
            }
            Some(left @ (S::Adopted | S::Departed)) => self.leave(reading, left, current)?,
        }
        Ok(())
    }

    fn on_hold(&self, reading: &mut Reading, now: Option<&CatStatus>) {
        let before = now.and_then(CatStatus::hold);
        let until = match self.hold_until.as_deref().map(given) {
            None => before.and_then(|h| h.until),
            Some(None) => None,
            Some(Some(value)) => reading.day("hold_until", value),
        };
        let reason = self.hold_reason.clone().or_else(|| before.map(|h| h.reason.clone())).unwrap_or_default();
        let kind = self.hold.or(before.map(|h| h.kind)).unwrap_or(HoldKind::Other);
        reading.add(Some(CatChange::Hold(Hold { kind, reason, until })));
    }

    fn leave(&self, reading: &mut Reading, left: CatStatusKind, current: Option<&Cat>) -> Result<(), Failure> {
        let is = |status: &CatStatus| match (status, left) {
            (CatStatus::Adopted, CatStatusKind::Adopted) => true,
            (CatStatus::Departed(kind), CatStatusKind::Departed) => self.outcome.is_none_or(|o| o == *kind),
            _ => false,
        };
        let unchanged = current.is_some_and(|cat| is(&cat.status));
        if unchanged && self.outcome_date.is_none() && self.r#return.is_none() {
            return Ok(());
        }
        let kind = match (left, self.outcome) {
            (CatStatusKind::Adopted, None | Some(OutcomeKind::Adoption)) => OutcomeKind::Adoption,
            (CatStatusKind::Adopted, Some(_)) => return Err(contradiction("--outcome", "adopted")),
            (_, Some(OutcomeKind::Adoption)) if self.status.is_some() => {
                return Err(contradiction("--outcome adoption", "departed"));
            }
            (_, Some(kind)) => kind,
            (_, None) => return Err(Error::invalid("outcome", "is needed: how did it leave? (--outcome KIND)").into()),
        };
        let day = reading.day_or_today("outcome_date", self.outcome_date.as_deref());
        reading.add(day.map(|day| CatChange::Depart(day, kind)));
        Ok(())
    }

    fn foster(&self, reading: &mut Reading) {
        if let Some(value) = &self.foster_out {
            let day = reading.day("foster_out", value);
            reading.add(day.map(CatChange::FosterOut));
        }
        if let Some(value) = &self.foster_back {
            let day = reading.day("foster_back", value);
            reading.add(day.map(CatChange::FosterBack));
        }
    }
}

fn contradiction(option: &str, status: &str) -> Failure {
    Failure::Usage(format!("{option} and --status {status} contradict each other"))
}

fn health(cx: &Context<'_>, name: &str) -> Result<HealthId, Error> {
    let found = super::super::catalogues::by_name(cx.desk.health_statuses(cx.actor)?, name);
    found
        .map(|line| HealthId(line.id))
        .ok_or_else(|| Error::invalid("health", format!("there is no health status \"{name}\"")))
}
