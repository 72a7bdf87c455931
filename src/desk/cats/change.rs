//! What can be changed of a cat, and what each change entails.

use crate::desk::{line, paragraph};
use crate::model::{
    Altered, BreedId, Cat, CatStatus, Day, Error, FieldError, FosterSpell, Gender, HealthId, Hold, IntakeKind, Outcome,
    OutcomeKind, PartialDate, Result, Stay, limits,
};

/// One change of a cat. A form sends only what was changed; a new cat is a list of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatChange {
    /// Its name.
    Name(String),
    /// The shelter's animal number.
    Tag(Option<String>),
    /// Its breed.
    Breed(Option<BreedId>),
    /// When it was born.
    Born(Option<PartialDate>),
    /// Its sex.
    Gender(Gender),
    /// Spayed or neutered.
    Altered(Altered),
    /// Coat colour.
    Colour(String),
    /// State of health.
    Health(Option<HealthId>),
    /// What people should know.
    Description(String),
    /// Where a picture is.
    ImageUrl(Option<String>),
    /// Out of the lists, or back.
    Archived(bool),
    /// Puts it on hold, or changes the hold.
    Hold(Hold),
    /// Ends the hold.
    Release,
    /// Day and kind of the current intake; the first one of a cat that has none.
    Intake(Day, IntakeKind),
    /// It came back: a new stay begins.
    Return(Day, IntakeKind),
    /// It left: the stay ends.
    Depart(Day, OutcomeKind),
    /// It goes to a foster home; the stay goes on.
    FosterOut(Day),
    /// It is back from the foster home.
    FosterBack(Day),
}

impl CatChange {
    /// The name of the field it changes, as forms and scripts call it.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Name(_) => "name",
            Self::Tag(_) => "tag",
            Self::Breed(_) => "breed",
            Self::Born(_) => "born",
            Self::Gender(_) => "gender",
            Self::Altered(_) => "altered",
            Self::Colour(_) => "colour",
            Self::Health(_) => "health",
            Self::Description(_) => "description",
            Self::ImageUrl(_) => "image_url",
            Self::Archived(_) => "archived",
            Self::Hold(_) => "hold",
            Self::Release => "status",
            Self::Intake(..) => "intake",
            Self::Return(..) => "return",
            Self::Depart(..) => "outcome",
            Self::FosterOut(_) | Self::FosterBack(_) => "foster",
        }
    }

    /// Whether the value by itself can be taken, for a form while somebody types. What depends on the rest
    /// of the cat is checked when it is saved.
    ///
    /// # Errors
    /// The field and what is wrong with it.
    pub fn check(&self, today: Day) -> std::result::Result<(), FieldError> {
        let mut cat = Cat::new("x");
        cat.stays.push(Stay::open(Day(0), IntakeKind::Other));
        if matches!(self, Self::Return(..)) {
            cat.status = CatStatus::Adopted;
            cat.stays[0].outcome = Some(Outcome { date: None, kind: OutcomeKind::Adoption });
        }
        match self {
            Self::Tag(None) | Self::Release | Self::FosterBack(_) | Self::Born(_) => {}
            change => match apply(&mut cat, change.clone(), today) {
                Err(Error::Invalid(mut errors)) if !errors.is_empty() => return Err(errors.remove(0)),
                _ => {}
            },
        }
        if let Self::Born(Some(born)) = self
            && born.earliest() > today
        {
            return Err(FieldError { field: "born", message: format!("{born} is still to come") });
        }
        Ok(())
    }
}

/// Applies one change to a cat, with all that it entails.
fn apply(cat: &mut Cat, change: CatChange, today: Day) -> Result<()> {
    match change {
        CatChange::Name(name) => cat.name = line("name", &name, limits::NAME)?,
        CatChange::Tag(tag) => {
            cat.tag = tag.map(|t| line("tag", &t, limits::TAG)).transpose()?.filter(|t| !t.is_empty());
        }
        CatChange::Breed(breed) => cat.breed = breed,
        CatChange::Born(born) => cat.born = born,
        CatChange::Gender(gender) => cat.gender = gender,
        CatChange::Altered(altered) => cat.altered = altered,
        CatChange::Colour(colour) => cat.colour = line("colour", &colour, limits::COLOUR)?,
        CatChange::Health(health) => cat.health = health,
        CatChange::Description(text) => cat.description = paragraph("description", &text, limits::DESCRIPTION)?,
        CatChange::ImageUrl(url) => cat.image_url = url.map(|u| image_url(&u)).transpose()?.filter(|u| !u.is_empty()),
        CatChange::Archived(archived) => {
            if archived && cat.status.kind().in_care() {
                return Err(Error::refused(format!(
                    "{} is in care; only cats that left are archived",
                    cat.display_name()
                )));
            }
            cat.archived = archived;
        }
        CatChange::Hold(hold) => {
            let hold = Hold { reason: line("hold", &hold.reason, limits::REASON)?, ..hold };
            cat.status = match &cat.status {
                CatStatus::Available | CatStatus::OnHold(_) => CatStatus::OnHold(hold),
                CatStatus::Pending { .. } => {
                    return Err(Error::refused(format!(
                        "{} has an approved request; let it fall through or reopen it before a hold",
                        cat.display_name()
                    )));
                }
                _ => return Err(not_in_care(cat)),
            };
        }
        CatChange::Release => {
            if cat.status.hold().is_some() {
                cat.status = CatStatus::Available;
            }
        }
        CatChange::Intake(day, kind) => set_intake(cat, day, kind, today)?,
        CatChange::Return(day, kind) => come_back(cat, day, kind, today)?,
        CatChange::Depart(day, kind) => depart(cat, day, kind, today)?,
        CatChange::FosterOut(day) => {
            let name = cat.display_name();
            let stay = open_stay(cat)?;
            not_future("foster", day, today)?;
            if stay.in_foster() {
                return Err(Error::refused(format!("{name} is in a foster home already")));
            }
            let earliest = stay.fosters.last().and_then(|f| f.back).unwrap_or(stay.intake);
            not_before("foster", day, earliest)?;
            stay.fosters.push(FosterSpell { out: day, back: None });
        }
        CatChange::FosterBack(day) => {
            let name = cat.display_name();
            let stay = open_stay(cat)?;
            not_future("foster", day, today)?;
            match stay.fosters.last_mut().filter(|f| f.back.is_none()) {
                Some(spell) => {
                    not_before("foster", day, spell.out)?;
                    spell.back = Some(day);
                }
                None => return Err(Error::refused(format!("{name} is not in a foster home"))),
            }
        }
    }
    Ok(())
}

fn set_intake(cat: &mut Cat, day: Day, kind: IntakeKind, today: Day) -> Result<()> {
    not_future("intake", day, today)?;
    let previous = cat.stays.len().checked_sub(2).and_then(|i| cat.stays.get(i));
    if let Some(previous) = previous {
        not_before("intake", day, previous.outcome.and_then(|o| o.date).unwrap_or(previous.intake))?;
    }
    match cat.stays.last_mut() {
        None if cat.status.kind().in_care() => cat.stays.push(Stay::open(day, kind)),
        None => return Err(not_in_care(cat)),
        Some(stay) => {
            let next = stay.fosters.first().map(|f| f.out).or(stay.outcome.and_then(|o| o.date));
            if let Some(next) = next.filter(|&next| day > next) {
                return Err(Error::invalid("intake", format!("is after what followed on {next}")));
            }
            (stay.intake, stay.kind) = (day, kind);
        }
    }
    Ok(())
}

fn come_back(cat: &mut Cat, day: Day, kind: IntakeKind, today: Day) -> Result<()> {
    not_future("return", day, today)?;
    let name = cat.display_name();
    match cat.status {
        CatStatus::Adopted | CatStatus::Departed(_) => {}
        _ => return Err(Error::refused(format!("{name} is in care already"))),
    }
    if cat.stays.len() >= limits::STAYS {
        return Err(Error::refused(format!("{name} has {} stays, as many as fit", limits::STAYS)));
    }
    if let Some(last) = cat.stays.last() {
        not_before("return", day, last.outcome.and_then(|o| o.date).unwrap_or(last.intake))?;
    }
    cat.stays.push(Stay::open(day, kind));
    cat.status = CatStatus::Available;
    cat.archived = false;
    Ok(())
}

fn depart(cat: &mut Cat, day: Day, kind: OutcomeKind, today: Day) -> Result<()> {
    not_future("outcome", day, today)?;
    let name = cat.display_name();
    match cat.status {
        CatStatus::Available | CatStatus::OnHold(_) => {}
        CatStatus::Pending { .. } => {
            return Err(Error::refused(format!(
                "{name} has an approved request; complete it, or let it fall through first"
            )));
        }
        _ => return Err(not_in_care(cat)),
    }
    if let Some(stay) = cat.stays.last_mut().filter(|s| s.outcome.is_none()) {
        let earliest = stay.fosters.last().map_or(stay.intake, |f| f.back.unwrap_or(f.out));
        not_before("outcome", day, earliest)?;
        stay.outcome = Some(Outcome { date: Some(day), kind });
    }
    cat.status = if kind == OutcomeKind::Adoption { CatStatus::Adopted } else { CatStatus::Departed(kind) };
    Ok(())
}

fn open_stay(cat: &mut Cat) -> Result<&mut Stay> {
    if !cat.status.kind().in_care() {
        return Err(not_in_care(cat));
    }
    let name = cat.display_name();
    cat.stays
        .last_mut()
        .filter(|s| s.outcome.is_none())
        .ok_or_else(|| Error::refused(format!("{name} has no stay that goes on; enter its intake first")))
}

fn not_in_care(cat: &Cat) -> Error {
    Error::refused(format!("{} is not in care; record its return first", cat.display_name()))
}

fn not_future(field: &'static str, day: Day, today: Day) -> Result<()> {
    if day > today { Err(Error::invalid(field, format!("{day} is still to come"))) } else { Ok(()) }
}

fn not_before(field: &'static str, day: Day, earliest: Day) -> Result<()> {
    if day < earliest { Err(Error::invalid(field, format!("is before {earliest}"))) } else { Ok(()) }
}

fn image_url(url: &str) -> Result<String> {
    let url = line("image_url", url, limits::URL)?;
    if url.is_empty() || ((url.starts_with("https://") || url.starts_with("http://")) && !url.contains(' ')) {
        return Ok(url);
    }
    Err(Error::invalid("image_url", "must start with https:// or http:// and hold no blanks"))
}

/// Applies a list of changes; errors of fields are gathered, so that a form shows them all at once.
pub(in crate::desk) fn apply_all(cat: &mut Cat, changes: Vec<CatChange>, today: Day) -> Result<()> {
    let mut errors = Vec::new();
    for change in changes {
        match apply(cat, change, today) {
            Err(Error::Invalid(mut e)) => errors.append(&mut e),
            other => other?,
        }
    }
    errors.append(&mut whole(cat, today));
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

/// What a cat must be as a whole, whoever writes it.
pub(in crate::desk) fn whole(cat: &Cat, today: Day) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut error = |field, message| errors.push(FieldError { field, message });
    if cat.name.is_empty() && cat.tag.is_none() {
        error("name", "a cat needs a name or a tag".to_owned());
    }
    if let Some(born) = cat.born {
        if born.earliest() > today {
            error("born", format!("{born} is still to come"));
        } else if let Some(first) = cat.stays.first().filter(|s| born.earliest() > s.intake) {
            error("born", format!("{born} is after its intake on {}", first.intake));
        }
    }
    errors
}
