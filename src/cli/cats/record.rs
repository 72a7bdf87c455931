//! One cat, as an object for scripts and as a card for people.

use serde::Serialize;

use super::super::{
    Context, Failure,
    json::known,
    table::{Table, card, number, text},
};
use crate::desk::{CatCard, QueuePlace};
use crate::model::{CatStatus, Day, Stay};

/// A cat. What is unknown is `null`; kinds and statuses are the words of the query line.
#[derive(Debug, Serialize)]
pub struct CatJson<'a> {
    id: u32,
    tag: Option<&'a str>,
    name: Option<&'a str>,
    breed: Option<&'a str>,
    born: Option<String>,
    age: Option<String>,
    gender: &'static str,
    altered: &'static str,
    colour: Option<&'a str>,
    health: Option<&'a str>,
    status: &'static str,
    hold_kind: Option<&'static str>,
    hold_reason: Option<&'a str>,
    hold_until: Option<String>,
    outcome: Option<&'static str>,
    waiting_days: Option<i32>,
    requests: usize,
    in_foster: bool,
    archived: bool,
    description: Option<&'a str>,
    image_url: Option<&'a str>,
    stays: Vec<StayJson>,
    rev: u32,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<Vec<PlaceJson<'a>>>,
}

#[derive(Debug, Serialize)]
struct StayJson {
    intake_date: String,
    intake_kind: &'static str,
    outcome_date: Option<String>,
    outcome_kind: Option<&'static str>,
    days: Option<i32>,
    fosters: Vec<FosterJson>,
}

#[derive(Debug, Serialize)]
struct FosterJson {
    out: String,
    back: Option<String>,
}

/// One place of a queue.
#[derive(Debug, Serialize)]
pub struct PlaceJson<'a> {
    place: usize,
    request: u32,
    user: u32,
    user_name: &'a str,
    status: &'static str,
    requested_at: String,
    flagged: bool,
    awaiting_reply: bool,
    overdue: bool,
}

impl<'a> PlaceJson<'a> {
    /// The place as scripts see it.
    pub fn of(place: &'a QueuePlace) -> Self {
        Self {
            place: place.place,
            request: place.request.0,
            user: place.user.0,
            user_name: &place.user_name,
            status: place.status.slug(),
            requested_at: place.requested_at.rfc3339(),
            flagged: place.flagged,
            awaiting_reply: place.awaiting_reply,
            overdue: place.overdue,
        }
    }
}

impl<'a> CatJson<'a> {
    /// The cat without its queue.
    pub fn of(card: &'a CatCard) -> Self {
        let cat = &card.cat;
        let today = Day::today();
        Self {
            id: cat.id.0,
            tag: cat.tag.as_deref(),
            name: known(&cat.name),
            breed: card.breed.as_ref().map(|b| b.name.as_str()),
            born: cat.born.map(|b| b.to_string()),
            age: cat.born.map(|b| b.age(today)),
            gender: cat.gender.slug(),
            altered: cat.altered.slug(),
            colour: known(&cat.colour),
            health: card.health.as_ref().map(|h| h.name.as_str()),
            status: cat.status.kind().slug(),
            hold_kind: cat.status.hold().map(|hold| hold.kind.slug()),
            hold_reason: cat.status.hold().and_then(|hold| known(&hold.reason)),
            hold_until: cat.status.hold().and_then(|hold| hold.until).map(|d| d.to_string()),
            outcome: match cat.status {
                CatStatus::Adopted => Some(crate::model::OutcomeKind::Adoption.slug()),
                CatStatus::Departed(kind) => Some(kind.slug()),
                _ => None,
            },
            waiting_days: card.waiting,
            requests: card.queue.len(),
            in_foster: cat.in_foster(),
            archived: cat.archived,
            description: known(&cat.description),
            image_url: cat.image_url.as_deref(),
            stays: cat.stays.iter().map(|stay| StayJson::of(stay, today)).collect(),
            rev: cat.version.rev,
            created_at: cat.version.created_at.rfc3339(),
            updated_at: cat.version.updated_at.rfc3339(),
            queue: None,
        }
    }

    /// The cat with its queue.
    pub fn with_queue(card: &'a CatCard) -> Self {
        Self { queue: Some(card.queue.iter().map(PlaceJson::of).collect()), ..Self::of(card) }
    }
}

impl StayJson {
    fn of(stay: &Stay, today: Day) -> Self {
        Self {
            intake_date: stay.intake.to_string(),
            intake_kind: stay.kind.slug(),
            outcome_date: stay.outcome.and_then(|o| o.date).map(|d| d.to_string()),
            outcome_kind: stay.outcome.map(|o| o.kind.slug()),
            days: stay.days(today),
            fosters: stay
                .fosters
                .iter()
                .map(|f| FosterJson { out: f.out.to_string(), back: f.back.map(|d| d.to_string()) })
                .collect(),
        }
    }
}

const STAYS: &[super::super::table::Column] =
    &[text("INTAKE", 10), text("AS", 20), text("OUTCOME", 10), text("AS", 20), number("DAYS"), text("FOSTER", 40)];

const QUEUE: &[super::super::table::Column] =
    &[number("PLACE"), number("REQUEST"), text("APPLICANT", 30), text("STATUS", 12), text("SINCE", 16), text("", 30)];

/// Writes the queue of a cat as a table.
///
/// # Errors
/// When the output cannot be written.
pub fn print_queue(cx: &mut Context<'_>, queue: &[QueuePlace]) -> Result<(), Failure> {
    let rows = queue.iter().map(|place| {
        let marks =
            [(place.flagged, "do not adopt"), (place.awaiting_reply, "awaiting reply"), (place.overdue, "overdue")];
        let marks: Vec<&str> = marks.iter().filter(|(on, _)| *on).map(|(_, mark)| *mark).collect();
        vec![
            place.place.to_string(),
            place.request.to_string(),
            place.user_name.clone(),
            place.status.label().to_owned(),
            place.requested_at.to_string(),
            marks.join(", "),
        ]
    });
    Ok(Table::new(QUEUE, cx.width).rows(cx.out, rows)?)
}

/// Writes everything about one cat.
pub fn print(cx: &mut Context<'_>, found: &CatCard) -> Result<(), Failure> {
    let cat = &found.cat;
    let today = Day::today();
    let born = cat.born.map(|b| format!("{b} ({})", b.age(today)));
    let mut status = cat.status.kind().label().to_owned();
    match &cat.status {
        CatStatus::OnHold(hold) => {
            status += &format!(", {}", hold.kind.label().to_lowercase());
            if let Some(until) = hold.until {
                status += &format!(" until {until}");
            }
            if !hold.reason.is_empty() {
                status += &format!(": {}", hold.reason);
            }
        }
        CatStatus::Departed(kind) => status += &format!(", {}", kind.label().to_lowercase()),
        _ => {}
    }
    for (on, mark) in [(cat.in_foster(), "in a foster home"), (cat.archived, "archived")] {
        if on {
            status += &format!(", {mark}");
        }
    }
    let health = found.health.as_ref().map(|h| {
        if h.prevents_adoption { format!("{} (keeps it from being adopted)", h.name) } else { h.name.clone() }
    });
    card(
        cx.out,
        &[
            ("Cat", cat.id.to_string()),
            ("Name", cat.name.clone()),
            ("Tag", cat.tag.clone().unwrap_or_default()),
            ("Status", status),
            ("Breed", found.breed.as_ref().map(|b| b.name.clone()).unwrap_or_default()),
            ("Born", born.unwrap_or_default()),
            ("Sex", cat.gender.label().to_owned()),
            ("Altered", cat.altered.label().to_owned()),
            ("Colour", cat.colour.clone()),
            ("Health", health.unwrap_or_default()),
            ("Waiting", found.waiting.map(|d| format!("{d} days")).unwrap_or_default()),
            ("Picture", cat.image_url.clone().unwrap_or_default()),
            ("Description", cat.description.clone()),
            ("Revision", format!("{} of {}", cat.version.rev, cat.version.updated_at)),
        ],
    )?;
    if !cat.stays.is_empty() {
        writeln!(cx.out)?;
        let rows = cat.stays.iter().map(|stay| {
            let fosters: Vec<String> = stay
                .fosters
                .iter()
                .map(|f| format!("{} to {}", f.out, f.back.map_or_else(|| "now".to_owned(), |d| d.to_string())))
                .collect();
            vec![
                stay.intake.to_string(),
                stay.kind.label().to_owned(),
                stay.outcome.map(|o| o.date.map_or_else(|| "?".to_owned(), |d| d.to_string())).unwrap_or_default(),
                stay.outcome.map(|o| o.kind.label().to_owned()).unwrap_or_default(),
                stay.days(today).map(|d| d.to_string()).unwrap_or_default(),
                fosters.join("; "),
            ]
        });
        Table::new(STAYS, cx.width).rows(cx.out, rows)?;
    }
    if !found.queue.is_empty() {
        writeln!(cx.out)?;
        print_queue(cx, &found.queue)?;
    }
    Ok(())
}
