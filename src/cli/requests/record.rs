//! One request, as an object for scripts and as a card for people.

use serde::Serialize;

use super::super::{
    Context, Failure,
    cats::{PlaceJson, print_queue},
    json::known,
    table::{Table, card, number, text},
};
use crate::desk::{Desk, RequestCard};
use crate::model::{Actor, Day};

/// A request. What is unknown is `null`; statuses and events are the words of the query line.
#[derive(Debug, Serialize)]
pub struct RequestJson<'a> {
    id: u32,
    cat: u32,
    cat_name: String,
    cat_tag: Option<&'a str>,
    cat_status: &'static str,
    user: u32,
    user_name: Option<&'a str>,
    username: Option<&'a str>,
    email: Option<&'a str>,
    phone: Option<&'a str>,
    flagged: bool,
    requested_at: String,
    days: i32,
    status: &'static str,
    place: Option<usize>,
    of: usize,
    awaiting_reply: bool,
    overdue: bool,
    notes: Option<&'a str>,
    decision: Option<DecisionJson<'a>>,
    history: Vec<EventJson<'a>>,
    rev: u32,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<Vec<PlaceJson<'a>>>,
}

#[derive(Debug, Serialize)]
struct DecisionJson<'a> {
    at: String,
    by: String,
    reason: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct EventJson<'a> {
    at: String,
    by: String,
    event: &'static str,
    note: Option<&'a str>,
}

impl<'a> RequestJson<'a> {
    /// The request without the queue that it stands in.
    pub fn of(desk: &Desk, actor: &Actor, card: &'a RequestCard) -> Self {
        let request = &card.request;
        let applicant = card.applicant.as_ref();
        Self {
            id: request.id.0,
            cat: request.cat.0,
            cat_name: card.cat.display_name(),
            cat_tag: card.cat.tag.as_deref(),
            cat_status: card.cat.status.kind().slug(),
            user: request.user.0,
            user_name: applicant.map(|a| a.name.as_str()),
            username: applicant.map(|a| a.username.as_str()),
            email: applicant.and_then(|a| a.email.as_deref()),
            phone: applicant.and_then(|a| known(&a.phone)),
            flagged: applicant.is_some_and(|a| a.banned.is_some()),
            requested_at: request.requested_at.rfc3339(),
            days: request.requested_at.days_until(Day::today()),
            status: request.status.slug(),
            place: card.place,
            of: card.of,
            awaiting_reply: request.awaiting_reply,
            overdue: card.overdue,
            notes: known(&request.notes),
            decision: request.decision.as_ref().map(|d| DecisionJson {
                at: d.at.rfc3339(),
                by: desk.name_of(actor, d.by),
                reason: known(&d.reason),
            }),
            history: request
                .history
                .iter()
                .map(|h| EventJson {
                    at: h.at.rfc3339(),
                    by: desk.name_of(actor, h.by),
                    event: h.event.slug(),
                    note: known(&h.note),
                })
                .collect(),
            rev: request.version.rev,
            created_at: request.version.created_at.rfc3339(),
            updated_at: request.version.updated_at.rfc3339(),
            queue: None,
        }
    }

    /// The request with the queue that it stands in.
    pub fn with_queue(desk: &Desk, actor: &Actor, card: &'a RequestCard) -> Self {
        Self { queue: Some(card.competing.iter().map(PlaceJson::of).collect()), ..Self::of(desk, actor, card) }
    }
}

const HISTORY: &[super::super::table::Column] =
    &[text("WHEN", 16), text("WHO", 24), text("WHAT", 18), text("NOTE", 60)];

const PAST: &[super::super::table::Column] =
    &[number("REQUEST"), text("CAT", 24), text("STATUS", 12), text("SINCE", 16)];

/// Writes everything about one request.
pub fn print(cx: &mut Context<'_>, found: &RequestCard) -> Result<(), Failure> {
    let request = &found.request;
    let cat = &found.cat;
    let mut status = request.status.label().to_owned();
    if let Some(place) = found.place {
        status += &format!(", place {place} of {}", found.of);
    }
    for (on, mark) in [(found.overdue, "overdue"), (request.awaiting_reply, "awaiting reply")] {
        if on {
            status += &format!(", {mark}");
        }
    }
    let tag = cat.tag.as_ref().filter(|_| !cat.name.is_empty()).map(|t| format!(" [{t}]")).unwrap_or_default();
    let mut fields = vec![
        ("Request", request.id.to_string()),
        ("Status", status),
        ("Since", request.requested_at.to_string()),
        ("Cat", format!("{}{tag} (cat {}, {})", cat.display_name(), cat.id, cat.status.kind().label().to_lowercase())),
        ("Breed", found.breed.clone()),
        ("Health", found.health.as_ref().map(|h| h.name.clone()).unwrap_or_default()),
    ];
    if let Some(a) = &found.applicant {
        let locked = if a.locked { ", locked" } else { "" };
        fields.extend([
            ("Applicant", format!("{} ({}, user {}{locked})", a.name, a.username, a.id)),
            ("E-mail", a.email.clone().unwrap_or_default()),
            ("Phone", a.phone.clone()),
            ("Do not adopt", a.banned.clone().unwrap_or_default()),
        ]);
    }
    fields.push(("Notes", request.notes.clone()));
    if let Some(decision) = &request.decision {
        let reason = if decision.reason.is_empty() { String::new() } else { format!(": {}", decision.reason) };
        fields.push(("Decision", format!("{} by {}{reason}", decision.at, cx.desk.name_of(cx.actor, decision.by))));
    }
    fields.push(("Revision", format!("{} of {}", request.version.rev, request.version.updated_at)));
    card(cx.out, &fields)?;

    writeln!(cx.out)?;
    let history: Vec<Vec<String>> = request
        .history
        .iter()
        .map(|h| vec![h.at.to_string(), cx.desk.name_of(cx.actor, h.by), h.event.label().to_owned(), h.note.clone()])
        .collect();
    Table::new(HISTORY, cx.width).rows(cx.out, history)?;
    if found.competing.len() > 1 {
        writeln!(cx.out)?;
        print_queue(cx, &found.competing)?;
    }
    if let Some(a) = found.applicant.as_ref().filter(|a| !a.past.is_empty()) {
        writeln!(cx.out, "\nOther requests of {}:", crate::model::text::clean_line(&a.name))?;
        let rows = a.past.iter().map(|p| {
            vec![p.request.to_string(), p.cat_name.clone(), p.status.label().to_owned(), p.requested_at.to_string()]
        });
        Table::new(PAST, cx.width).rows(cx.out, rows)?;
    }
    Ok(())
}
