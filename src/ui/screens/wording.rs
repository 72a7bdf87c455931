//! How requests, queues and cats are put into words, the same on every screen.

use crate::{
    desk::{QueuePlace, RequestCard, RequestLine},
    model::{Altered, Cat, CatStatus, CatStatusKind, Gender, RequestStatus},
    ui::sheet::{Ink, Piece},
};

/// `1 day`, `12 days`.
pub fn days(n: i32) -> String {
    if n == 1 { "1 day".to_owned() } else { format!("{n} days") }
}

/// `today`, `yesterday`, `12 days ago`.
pub fn ago(n: i32) -> String {
    match n {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        n => format!("{n} days ago"),
    }
}

/// How a request's state is meant.
pub const fn status_ink(status: RequestStatus) -> Ink {
    match status {
        RequestStatus::Pending => Ink::Plain,
        RequestStatus::Approved | RequestStatus::Completed => Ink::Ok,
        RequestStatus::Waitlisted | RequestStatus::Rejected | RequestStatus::Withdrawn => Ink::Muted,
    }
}

/// How a cat's state is meant.
pub const fn cat_ink(status: CatStatusKind) -> Ink {
    match status {
        CatStatusKind::Available => Ink::Ok,
        CatStatusKind::OnHold => Ink::Warn,
        CatStatusKind::Pending => Ink::Accent,
        CatStatusKind::Adopted | CatStatusKind::Departed => Ink::Muted,
    }
}

/// What is to be heeded about a request, the weightiest first.
pub fn marks(line: &RequestLine) -> String {
    let mut marks = Vec::new();
    if line.flagged {
        marks.push("do not adopt");
    }
    if line.overdue {
        marks.push("overdue");
    }
    if line.awaiting_reply {
        marks.push("asked");
    }
    marks.join(", ")
}

/// A row for everybody who asks for the same cat, with the number of the request; `since` tells how long ago that was.
pub fn queue(card: &RequestCard, since: impl Fn(&QueuePlace) -> String) -> Vec<(u32, Vec<Piece>)> {
    let row = |place: &QueuePlace| {
        let this = place.request == card.request.id;
        let (marks, ink) = place_marks(place);
        let pieces = vec![
            (place.place.to_string(), Ink::Muted),
            (place.user_name.clone(), if this { Ink::Strong } else { Ink::Plain }),
            (since(place), Ink::Plain),
            (marks, ink),
        ];
        (place.request.0, pieces)
    };
    card.competing.iter().map(row).collect()
}

/// What is to be said of a place in a queue: nothing of one that waits as it should.
fn place_marks(place: &QueuePlace) -> (String, Ink) {
    let mut marks = Vec::new();
    if place.status != RequestStatus::Pending {
        marks.push(match place.status {
            RequestStatus::Approved => "approved",
            _ => "waitlisted",
        });
    }
    if place.flagged {
        marks.push("do not adopt");
    }
    if place.overdue {
        marks.push("overdue");
    }
    if place.awaiting_reply {
        marks.push("asked");
    }
    let ink = match place.status {
        _ if place.flagged => Ink::Error,
        RequestStatus::Pending => Ink::Warn,
        status => status_ink(status),
    };
    (marks.join(", "), ink)
}

/// `2 of 5`; empty for a closed request.
pub fn place(place: Option<usize>, of: usize) -> String {
    place.map(|n| format!("{n} of {of}")).unwrap_or_default()
}

/// `female, spayed`; empty when nothing is known.
pub fn sex(cat: &Cat) -> String {
    let altered = match (cat.altered, cat.gender) {
        (Altered::Yes, Gender::Female) => "spayed",
        (Altered::Yes, _) => "neutered",
        (Altered::No, Gender::Female) => "not spayed",
        (Altered::No, _) => "not neutered",
        (Altered::Unknown, _) => "",
    };
    let gender = match cat.gender {
        Gender::Female => "female",
        Gender::Male => "male",
        Gender::Unknown => "",
    };
    joined(&[gender, altered], ", ")
}

/// The cat's state with what staff know of it: `On hold (medical) until 2026-12-01: ringworm`.
pub fn cat_status(cat: &Cat, staff: bool) -> String {
    match &cat.status {
        CatStatus::Departed(kind) if staff => format!("Departed ({})", kind.label().to_lowercase()),
        CatStatus::OnHold(hold) if staff => {
            let until = hold.until.map(|day| format!(" until {day}")).unwrap_or_default();
            let reason = if hold.reason.is_empty() { String::new() } else { format!(": {}", hold.reason) };
            format!("On hold ({}){until}{reason}", hold.kind.label().to_lowercase())
        }
        status => status.kind().label().to_owned(),
    }
}

/// Those that are not empty, with something between them.
pub fn joined(parts: &[&str], between: &str) -> String {
    parts.iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join(between)
}
