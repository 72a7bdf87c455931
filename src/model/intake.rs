//! What a file tells of one cat, and how that is put into the cat's record.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::stays::{Fate, Merged, Oddity, Piece, merge};
use super::{
    Altered, BreedId, Cat, CatStatus, Day, Gender, HealthId, Hold, OutcomeKind, PartialDate, Stay, limits, text,
};

/// A cat as a file tells of it: cleaned, checked against the limits, unknown where nothing usable was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingCat {
    /// The shelter's own animal number.
    pub tag: Option<String>,
    /// Its name; may be empty when there is a tag.
    pub name: String,
    /// The name of its breed, which is made when there is none of that name.
    pub breed: Option<String>,
    /// When it was born.
    pub born: Option<PartialDate>,
    /// Its sex.
    pub gender: Gender,
    /// Spayed or neutered.
    pub altered: Altered,
    /// Coat colour.
    pub colour: String,
    /// The name of its health status, which is made when there is none of that name.
    pub health: Option<String>,
    /// What people should know of it.
    pub description: String,
    /// Where a picture of it is.
    pub image_url: Option<String>,
    /// Kept for the history only.
    pub archived: bool,
    /// The hold to put on it if it is in care.
    pub hold: Option<Hold>,
    /// Its adoption status where the file says it outright; otherwise it follows from the stays.
    pub status: Option<CatStatus>,
    /// Its visits, in any order.
    pub pieces: Vec<Piece>,
}

impl Default for IncomingCat {
    fn default() -> Self {
        Self {
            tag: None,
            name: String::new(),
            breed: None,
            born: None,
            gender: Gender::Unknown,
            altered: Altered::Unknown,
            colour: String::new(),
            health: None,
            description: String::new(),
            image_url: None,
            archived: false,
            hold: None,
            status: None,
            pieces: Vec::new(),
        }
    }
}

/// What an import did to a cat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Change {
    /// It is new.
    New,
    /// It was there and something was added.
    Changed,
    /// It was there with all that the file tells.
    Same,
    /// It was there and is left as it is, because a request for it is approved.
    Kept,
    /// It is not there and is not made, because the file tells of no stay: of a body brought in, say.
    None,
}

/// What became of one cat of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What was done to the record.
    pub change: Change,
    /// What became of each piece.
    pub fates: Vec<Fate>,
    /// What was odd, by the number of the piece.
    pub oddities: Vec<(usize, Oddity)>,
    /// What the file tells otherwise than the record, which was kept.
    pub kept: Vec<String>,
    /// What is unknown now, because what the file and the record tell cannot both be.
    pub unknown: Vec<String>,
    /// Stays that were added.
    pub stays_made: usize,
    /// Why nothing is taken of it, when it does not fit into a record.
    pub refused: Option<String>,
}

/// Puts what a file tells into a cat's record: the record as it should be, and what that changes.
///
/// What is there is never replaced by something unknown, nor by another value of the file: staff may have
/// corrected it. Only what can truly change meanwhile (altered from no to yes, the state of health) follows
/// the file, and only when the file knows a later visit than the record.
pub fn take(
    existing: Option<&Cat>,
    incoming: &IncomingCat,
    breed: Option<BreedId>,
    health: Option<HealthId>,
) -> (Cat, Taken) {
    let known: &[Stay] = existing.map_or(&[], |cat| &cat.stays);
    let merged = merge(known, &incoming.pieces);
    if let Some(why) = too_much(&merged.stays) {
        return (existing.cloned().unwrap_or_else(|| Cat::new("")), refused(existing, merged, why));
    }
    let Some(existing) = existing else {
        let cat = new_cat(incoming, breed, health, &merged);
        let stays_made = merged.stays.len();
        let nothing = stays_made == 0 && !incoming.pieces.is_empty();
        let change = if nothing { Change::None } else { Change::New };
        return (cat, taken(change, merged, Vec::new(), stays_made));
    };
    if matches!(existing.status, CatStatus::Pending { .. }) {
        let fates = merged.fates.iter().map(|f| if *f == Fate::Began { Fate::Known } else { *f }).collect();
        let merged = Merged { fates, ..merged };
        let same = merged.stays == existing.stays;
        let kept =
            if same { Vec::new() } else { vec!["a request for it is approved: the cat is left as it is".to_owned()] };
        let change = if same { Change::Same } else { Change::Kept };
        return (existing.clone(), taken(change, merged, kept, 0));
    }
    let mut cat = existing.clone();
    let mut kept = Vec::new();
    cat.stays.clone_from(&merged.stays);
    let mut unknown: Vec<String> =
        [cat.born, incoming.born].into_iter().filter_map(|born| born_too_late(born, &cat.stays)).collect();
    unknown.dedup();
    cat.born = cat.born.filter(|born| not_after_first(*born, &cat.stays));
    fill(&mut cat, incoming, breed, &mut kept);
    let (was, is) = (existing.current_stay(), cat.stays.last());
    if was != is {
        let came_or_left = was.map(|s| (s.intake, s.outcome.is_some())) != is.map(|s| (s.intake, s.outcome.is_some()));
        if came_or_left {
            cat.status = status_of(&cat.stays, incoming.hold.as_ref());
            cat.archived &= !cat.status.kind().in_care();
        }
        if incoming.altered == Altered::Yes {
            cat.altered = Altered::Yes;
        }
        cat.health = health.or(cat.health);
    } else if cat.health.is_none() {
        cat.health = health;
    }
    let change = if cat == *existing { Change::Same } else { Change::Changed };
    let stays_made = cat.stays.len().saturating_sub(existing.stays.len());
    (cat, Taken { unknown, ..taken(change, merged, kept, stays_made) })
}

fn taken(change: Change, merged: Merged, kept: Vec<String>, stays_made: usize) -> Taken {
    Taken {
        change,
        fates: merged.fates,
        oddities: merged.oddities,
        kept,
        unknown: Vec::new(),
        stays_made,
        refused: None,
    }
}

/// Why stays are more than a record holds.
fn too_much(stays: &[Stay]) -> Option<String> {
    let fosters = stays.iter().map(|stay| stay.fosters.len()).sum();
    let over = |count: usize, most: usize, what: &str| {
        (count > most).then(|| format!("it would have {count} {what}, and {most} is the most: nothing of it is taken"))
    };
    over(stays.len(), limits::STAYS, "stays").or_else(|| over(fosters, limits::FOSTERS, "times in foster homes"))
}

fn refused(existing: Option<&Cat>, merged: Merged, why: String) -> Taken {
    let change = if existing.is_some() { Change::Same } else { Change::None };
    Taken { refused: Some(why), ..taken(change, merged, Vec::new(), 0) }
}

fn new_cat(incoming: &IncomingCat, breed: Option<BreedId>, health: Option<HealthId>, merged: &Merged) -> Cat {
    let mut cat = Cat::new(incoming.name.clone());
    cat.tag.clone_from(&incoming.tag);
    cat.breed = breed;
    cat.health = health;
    cat.gender = incoming.gender;
    cat.altered = incoming.altered;
    cat.colour.clone_from(&incoming.colour);
    cat.description.clone_from(&incoming.description);
    cat.image_url.clone_from(&incoming.image_url);
    cat.archived = incoming.archived;
    cat.stays.clone_from(&merged.stays);
    cat.born = incoming.born.filter(|born| not_after_first(*born, &cat.stays));
    cat.status = match &incoming.status {
        // An approval needs its request, which no file brings.
        Some(CatStatus::Pending { held }) => held.clone().map_or(CatStatus::Available, CatStatus::OnHold),
        Some(status) => status.clone(),
        None => status_of(&cat.stays, incoming.hold.as_ref()),
    };
    cat.archived &= !cat.status.kind().in_care();
    cat
}

/// Takes from the file what the record does not have.
fn fill(cat: &mut Cat, incoming: &IncomingCat, breed: Option<BreedId>, kept: &mut Vec<String>) {
    let mut differs = |what: &str, here: &dyn std::fmt::Display, file: &dyn std::fmt::Display| {
        kept.push(format!("{what} is \"{here}\" here and \"{file}\" in the file: left as it is"));
    };
    if cat.name.is_empty() {
        cat.name.clone_from(&incoming.name);
    } else if !incoming.name.is_empty() && text::fold(&cat.name) != text::fold(&incoming.name) {
        differs("the name", &cat.name, &incoming.name);
    }
    if cat.breed.is_none() {
        cat.breed = breed;
    }
    if cat.born.is_none() {
        cat.born = incoming.born.filter(|born| not_after_first(*born, &cat.stays));
    } else if let (Some(here), Some(file)) = (cat.born, incoming.born)
        && here != file
    {
        differs("the birth date", &here, &file);
    }
    if cat.gender == Gender::Unknown {
        cat.gender = incoming.gender;
    } else if incoming.gender != Gender::Unknown && incoming.gender != cat.gender {
        differs("the sex", &cat.gender.slug(), &incoming.gender.slug());
    }
    if cat.altered == Altered::Unknown {
        cat.altered = incoming.altered;
    }
    if cat.colour.is_empty() {
        cat.colour.clone_from(&incoming.colour);
    }
    if cat.description.is_empty() {
        cat.description.clone_from(&incoming.description);
    }
    if cat.image_url.is_none() {
        cat.image_url.clone_from(&incoming.image_url);
    }
}

/// A birth that the stays rule out: a day in care is known better than a birth, which is often a guess.
fn born_too_late(born: Option<PartialDate>, stays: &[Stay]) -> Option<String> {
    let (born, first) = (born.filter(|born| !not_after_first(*born, stays))?, stays.first()?.intake);
    Some(format!("born {born}, which is after the intake on {first}: the birth date is unknown now"))
}

/// A cat cannot have come in before it was born.
fn not_after_first(born: PartialDate, stays: &[Stay]) -> bool {
    stays.first().is_none_or(|first| born.earliest() <= first.intake)
}

/// The adoption status that follows from the stays: on offer (or on hold) while the last one goes on.
pub fn status_of(stays: &[Stay], hold: Option<&Hold>) -> CatStatus {
    match stays.last().and_then(|s| s.outcome) {
        None => hold.map_or(CatStatus::Available, |hold| CatStatus::OnHold(hold.clone())),
        Some(outcome) if outcome.kind == OutcomeKind::Adoption => CatStatus::Adopted,
        Some(outcome) => CatStatus::Departed(outcome.kind),
    }
}

/// By what a cat without a tag is known again when it is imported twice: its name, sex, colour and first
/// day in care, as one number.
pub fn likeness(name: &str, gender: Gender, colour: &str, first: Option<Day>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (text::fold(name), gender.code(), text::fold(colour), first.map(|d| d.0)).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::super::stays::{Entry, Exit};
    use super::super::{HoldKind, IntakeKind, Outcome};
    use super::*;

    fn visit(day: i32, exit: Exit) -> Piece {
        Piece { start: Day(day), entry: Entry::Intake(IntakeKind::Stray), exit }
    }

    fn adopted(day: i32) -> Exit {
        Exit::Ends(Outcome { date: Some(Day(day)), kind: OutcomeKind::Adoption })
    }

    fn miso(pieces: Vec<Piece>) -> IncomingCat {
        IncomingCat { tag: Some("A1".into()), name: "Miso".into(), altered: Altered::No, pieces, ..Default::default() }
    }

    #[test]
    fn the_status_follows_from_the_stays() {
        let status = |incoming: &IncomingCat| take(None, incoming, None, None).0.status;
        assert_eq!(status(&miso(vec![visit(1, Exit::Stays)])), CatStatus::Available);
        assert_eq!(status(&miso(vec![visit(1, adopted(4))])), CatStatus::Adopted);
        let hold = Hold { kind: HoldKind::Legal, reason: "seized".into(), until: None };
        let held = IncomingCat { hold: Some(hold.clone()), ..miso(vec![visit(1, Exit::Stays)]) };
        assert_eq!(status(&held), CatStatus::OnHold(hold));
        let died = Exit::Ends(Outcome { date: None, kind: OutcomeKind::Died });
        assert_eq!(status(&miso(vec![visit(1, died)])), CatStatus::Departed(OutcomeKind::Died));
    }

    #[test]
    fn the_same_file_again_changes_nothing_and_staff_edits_stay() {
        let incoming = miso(vec![visit(1, Exit::Stays)]);
        let (mut cat, _) = take(None, &incoming, None, None);
        assert_eq!(take(Some(&cat), &incoming, None, None).1.change, Change::Same);
        cat.name = "Mimi".into();
        cat.altered = Altered::Yes;
        cat.status = CatStatus::OnHold(Hold { kind: HoldKind::Medical, reason: "cough".into(), until: None });
        let (after, taken) = take(Some(&cat), &incoming, None, None);
        assert_eq!(after, cat);
        assert_eq!(taken.change, Change::Same);
        assert_eq!(taken.kept.len(), 1, "{:?}", taken.kept);
    }

    #[test]
    fn an_approved_request_keeps_the_cat_as_it_is() {
        let (mut cat, _) = take(None, &miso(vec![visit(1, Exit::Stays)]), None, None);
        cat.status = CatStatus::Pending { held: None };
        let (after, taken) = take(Some(&cat), &miso(vec![visit(1, adopted(9))]), None, None);
        assert_eq!(after, cat);
        assert_eq!(taken.change, Change::Kept);
        let (_, again) = take(Some(&cat), &miso(vec![visit(1, Exit::Stays)]), None, None);
        assert_eq!(again.change, Change::Same);
    }

    #[test]
    fn a_later_visit_brings_what_can_change_and_the_cat_back_into_the_lists() {
        let (mut cat, _) = take(None, &miso(vec![visit(1, adopted(4))]), None, None);
        cat.archived = true;
        let back = IncomingCat { altered: Altered::Yes, ..miso(vec![visit(30, Exit::Stays)]) };
        let (after, taken) = take(Some(&cat), &back, None, Some(HealthId(3)));
        assert_eq!((after.altered, after.archived, after.health), (Altered::Yes, false, Some(HealthId(3))));
        assert_eq!(after.status, CatStatus::Available);
        assert_eq!((taken.stays_made, taken.change), (1, Change::Changed));
    }

    #[test]
    fn what_does_not_fit_a_record_is_refused_whole() {
        let foster = |n: i32| Piece { start: Day(2 * n), entry: Entry::Back, exit: Exit::Foster(Day(2 * n + 1)) };
        let with = |fosters: i32| {
            let first = visit(0, Exit::Foster(Day(1)));
            take(None, &miso(std::iter::once(first).chain((1..fosters).map(foster)).collect()), None, None)
        };
        let most = i32::try_from(limits::FOSTERS).unwrap();
        let (cat, fits) = with(most);
        assert_eq!((cat.stays[0].fosters.len(), fits.refused), (limits::FOSTERS, None));
        let (_, over) = with(most + 1);
        assert!(over.change == Change::None && over.refused.unwrap().contains("foster"));
    }

    #[test]
    fn nobody_comes_in_before_birth() {
        let incoming = IncomingCat { born: Some(PartialDate::Day(Day(3))), ..miso(vec![visit(1, Exit::Stays)]) };
        assert_eq!(take(None, &incoming, None, None).0.born, None);
        // An older file, read after a newer one, has an earlier stay.
        let born = Some(PartialDate::Day(Day(50)));
        let later = IncomingCat { born, ..miso(vec![visit(60, Exit::Stays)]) };
        let (cat, _) = take(None, &later, None, None);
        assert_eq!(cat.born, born);
        let (after, taken) = take(Some(&cat), &miso(vec![visit(1, adopted(4))]), None, None);
        assert_eq!((after.born, after.stays.len(), taken.unknown.len()), (None, 2, 1));
        let (again, taken) = take(Some(&after), &later, None, None);
        assert_eq!((again, taken.change, taken.unknown.len()), (after, Change::Same, 1));
    }
}
