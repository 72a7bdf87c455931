//! What is said of a cat, as a page.

use crate::{
    desk::{CatCard, QueuePlace},
    model::{Altered, Cat, CatStatus, Day, Gender, PartialDate, RequestStatus, Stay},
    ui::{
        Cx,
        sheet::{Ink, Piece, Sheet, TableRow},
    },
};

/// The whole page. The rows of the queue are marked by the numbers of the requests.
pub fn whole(sheet: &mut Sheet, card: &CatCard, cx: &Cx) {
    facts(sheet, card, cx.today);
    if !card.cat.description.is_empty() {
        sheet.gap();
        sheet.text(&*card.cat.description, Ink::Plain);
    }
    asked(sheet, card, cx);
    if card.staff {
        stays(sheet, &card.cat, cx.today);
    }
    if let Some(health) = card.health.as_ref().filter(|h| !h.description.is_empty()) {
        sheet.heading(format!("{}: care", health.name));
        sheet.text(&*health.description, Ink::Muted);
    }
    if let Some(breed) = card.breed.as_ref().filter(|b| !b.description.is_empty()) {
        sheet.heading(format!("About the breed: {}", breed.name));
        sheet.text(&*breed.description, Ink::Muted);
    }
}

/// What goes beside a list.
pub fn brief(card: &CatCard, cx: &Cx) -> Sheet {
    let mut sheet = Sheet::default();
    sheet.text(card.cat.display_name(), Ink::Strong);
    sheet.gap();
    facts(&mut sheet, card, cx.today);
    asked(&mut sheet, card, cx);
    if !card.cat.description.is_empty() {
        sheet.gap();
        sheet.text(&*card.cat.description, Ink::Plain);
    }
    sheet
}

fn facts(sheet: &mut Sheet, card: &CatCard, today: Day) {
    let cat = &card.cat;
    sheet.pieces("Status", status(card, today));
    sheet.field("Tag", cat.tag.as_deref().unwrap_or_default());
    sheet.field("Breed", card.breed.as_ref().map_or("", |b| &*b.name));
    sheet.pieces("Born", born(cat.born, today));
    sheet.field("Sex", sex(cat));
    sheet.field("Colour", &*cat.colour);
    if let Some(health) = &card.health {
        let stands = if health.prevents_adoption { "not to be adopted meanwhile" } else { "" };
        sheet.pieces("Health", vec![(health.name.clone(), Ink::Plain), (stands.to_owned(), Ink::Warn)]);
    }
    if let Some(days) = card.waiting {
        let since = cat.intake().map(|day| format!("since {day}")).unwrap_or_default();
        sheet.pieces("In care", vec![(day_count(days), Ink::Plain), (since, Ink::Muted)]);
    }
    if let Some(foster) = cat.current_stay().filter(|s| s.in_foster()).and_then(|s| s.fosters.last()) {
        sheet.field("Foster home", format!("since {}", foster.out));
    }
    sheet.field("Picture", cat.image_url.as_deref().unwrap_or_default());
    if card.favourite {
        sheet.field("", "one of your favourites");
    }
}

fn status(card: &CatCard, today: Day) -> Vec<Piece> {
    let cat = &card.cat;
    let mut pieces = match &cat.status {
        CatStatus::Available => vec![("Available".to_owned(), Ink::Ok)],
        CatStatus::Pending { .. } => vec![("Pending: a request is approved".to_owned(), Ink::Accent)],
        CatStatus::Adopted => vec![("Adopted".to_owned(), Ink::Muted)],
        CatStatus::Departed(kind) => vec![(kind.label().to_owned(), Ink::Muted)],
        CatStatus::OnHold(hold) => {
            let mut pieces = vec![(format!("On hold: {}", hold.kind.label().to_lowercase()), Ink::Warn)];
            if !hold.reason.is_empty() {
                pieces.push((hold.reason.clone(), Ink::Plain));
            }
            if let Some(until) = hold.until {
                let over = if until < today { ("it is over: release it?", Ink::Warn) } else { ("", Ink::Plain) };
                pieces.push((format!("until {until}"), Ink::Plain));
                pieces.push((over.0.to_owned(), over.1));
            }
            pieces
        }
    };
    if cat.archived {
        pieces.push(("archived".to_owned(), Ink::Muted));
    }
    pieces
}

fn born(born: Option<PartialDate>, today: Day) -> Vec<Piece> {
    match born {
        Some(date) => vec![(date.to_string(), Ink::Plain), (date.age(today), Ink::Muted)],
        None => vec![("unknown".to_owned(), Ink::Muted)],
    }
}

/// `Female, spayed`.
fn sex(cat: &Cat) -> String {
    let altered = match (cat.altered, cat.gender) {
        (Altered::Yes, Gender::Female) => "spayed",
        (Altered::Yes, Gender::Male) => "neutered",
        (Altered::Yes, Gender::Unknown) => "altered",
        (Altered::No, _) => "not altered",
        (Altered::Unknown, _) => "",
    };
    match (cat.gender, altered) {
        (Gender::Unknown, "") => String::new(),
        (Gender::Unknown, altered) => format!("Unknown, {altered}"),
        (known, "") => known.label().to_owned(),
        (known, altered) => format!("{}, {altered}", known.label()),
    }
}

/// The queue, or the reader's own place in it.
fn asked(sheet: &mut Sheet, card: &CatCard, cx: &Cx) {
    if card.staff {
        sheet.heading(match card.queue.len() {
            0 => "Nobody has asked for this cat".to_owned(),
            1 => "1 open request".to_owned(),
            n => format!("{n} open requests, in their order"),
        });
        sheet.table(card.queue.iter().map(|place| place_row(place, cx)).collect());
    } else if let Some(request) = card.mine {
        sheet.heading("Your request");
        let place = card.my_place.map(|n| format!("place {n} in the queue")).unwrap_or_default();
        sheet.table(vec![(request.0, vec![("You asked for this cat".to_owned(), Ink::Ok), (place, Ink::Plain)])]);
    }
}

fn place_row(place: &QueuePlace, cx: &Cx) -> TableRow {
    let ink = match place.status {
        RequestStatus::Approved => Ink::Ok,
        RequestStatus::Waitlisted => Ink::Muted,
        _ => Ink::Plain,
    };
    let days = place.requested_at.days_until(cx.today);
    let (note, note_ink) = match place {
        p if p.flagged => ("! do not adopt", Ink::Error),
        p if p.overdue => ("! overdue", Ink::Warn),
        p if p.awaiting_reply => ("reply asked", Ink::Muted),
        _ => ("", Ink::Plain),
    };
    let pieces = vec![
        (format!("{}", place.place), Ink::Muted),
        (place.user_name.clone(), Ink::Plain),
        (place.status.label().to_owned(), ink),
        (format!("{days} d"), Ink::Muted),
        (note.to_owned(), note_ink),
    ];
    (place.request.0, pieces)
}

/// Every stay, the last one first, with its foster homes.
fn stays(sheet: &mut Sheet, cat: &Cat, today: Day) {
    sheet.heading(match cat.stays.len() {
        0 => "No stay is recorded".to_owned(),
        1 => "1 stay".to_owned(),
        n => format!("{n} stays"),
    });
    for stay in cat.stays.iter().rev() {
        let came = format!("{} {}", stay.intake, stay.kind.label());
        let days = stay.days(today).map(day_count).unwrap_or_default();
        sheet.text(format!("{came}  ►  {}  {days}", left(stay)), Ink::Plain);
        for foster in &stay.fosters {
            let back = foster.back.map_or_else(|| "now".to_owned(), |day| day.to_string());
            sheet.text(format!("  in a foster home {} to {back}", foster.out), Ink::Muted);
        }
    }
}

fn left(stay: &Stay) -> String {
    match stay.outcome {
        None => "in care".to_owned(),
        Some(outcome) => {
            let day = outcome.date.map_or_else(|| "day unknown".to_owned(), |day| day.to_string());
            format!("{day} {}", outcome.kind.label())
        }
    }
}

fn day_count(days: i32) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}
