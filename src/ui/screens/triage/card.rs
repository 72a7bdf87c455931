//! The card on the right: the cat, the applicant, and everybody who asks for the cat.

use crate::{
    desk::{Applicant, RequestCard},
    model::{Day, HistoryEvent, RequestStatus, Who},
    ui::{
        cx::sentence,
        screens::wording::{self, ago, joined},
        sheet::{Ink, Piece, Sheet},
    },
};

/// Puts a request into words; `name` names whoever did something.
pub fn fill(sheet: &mut Sheet, card: &RequestCard, today: Day, name: &dyn Fn(Who) -> String) {
    cat(sheet, card, today);
    sheet.gap();
    if let Some(applicant) = &card.applicant {
        person(sheet, card, applicant, today);
    }
    decision(sheet, card, today, name);
    sheet.gap();
    if card.request.notes.is_empty() {
        sheet.text("No notes.", Ink::Muted);
    } else {
        sheet.text(card.request.notes.clone(), Ink::Plain);
    }
    queue(sheet, card, today);
    super::super::request::history(sheet, card, name);
}

fn cat(sheet: &mut Sheet, card: &RequestCard, today: Day) {
    let cat = &card.cat;
    let kind = cat.status.kind();
    sheet.line(vec![(cat.display_name(), Ink::Strong), (wording::cat_status(cat, card.staff), wording::cat_ink(kind))]);
    let age = cat.born.map(|born| born.age(today)).unwrap_or_default();
    let looks = joined(&[&card.breed, &wording::sex(cat), &age, &cat.colour], ", ");
    if !looks.is_empty() {
        sheet.text(looks, Ink::Plain);
    }
    let care = cat.waiting_days(today).map(|n| format!("{} in care", wording::days(n))).unwrap_or_default();
    let foster = if cat.in_foster() { "in a foster home" } else { "" };
    let tag = match &cat.tag {
        Some(tag) if !cat.name.is_empty() => format!("tag {tag}"),
        _ => String::new(),
    };
    let rest = joined(&[&care, foster, &tag], ", ");
    if !rest.is_empty() {
        sheet.text(rest, Ink::Muted);
    }
    if let Some(health) = &card.health {
        let (text, ink) = if health.prevents_adoption {
            (format!("{}: keeps from adoption", health.name), Ink::Warn)
        } else {
            (health.name.clone(), Ink::Muted)
        };
        sheet.text(text, ink);
    }
}

fn person(sheet: &mut Sheet, card: &RequestCard, applicant: &Applicant, today: Day) {
    let asked = match card.request.requested_at.days_until(today) {
        n if n > 1 && card.request.status == RequestStatus::Pending => format!("waits {}", wording::days(n)),
        n => format!("asked {}", ago(n)),
    };
    let mut head: Vec<Piece> = vec![(applicant.name.clone(), Ink::Strong), (asked, Ink::Plain)];
    if card.overdue {
        head.push(("overdue".to_owned(), Ink::Warn));
    }
    sheet.line(head);
    let email = applicant.email.as_deref().unwrap_or_default();
    if email.is_empty() && applicant.phone.is_empty() {
        sheet.text("no e-mail, no telephone", Ink::Muted);
    }
    sheet.line(vec![(email.to_owned(), Ink::Plain), (applicant.phone.clone(), Ink::Plain)]);
    if let Some(reason) = &applicant.banned {
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        sheet.text(format!("Do not adopt{reason}"), Ink::Error);
    }
    if applicant.locked {
        sheet.text("The account is locked.", Ink::Warn);
    }
    sheet.text(past(applicant), Ink::Muted);
}

/// What else they asked for, in one sentence.
fn past(applicant: &Applicant) -> String {
    /// More than these are counted.
    const NAMED: usize = 4;
    if applicant.past.is_empty() {
        return "The first request.".to_owned();
    }
    let named: Vec<String> = applicant
        .past
        .iter()
        .take(NAMED)
        .map(|p| format!("{} ({})", p.cat_name, p.status.label().to_lowercase()))
        .collect();
    let more = match applicant.past.len().saturating_sub(NAMED) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!("Also asked for {}{more}.", named.join(", "))
}

fn decision(sheet: &mut Sheet, card: &RequestCard, today: Day, name: &dyn Fn(Who) -> String) {
    let request = &card.request;
    if request.awaiting_reply {
        let asked = request.history.iter().rev().find(|item| item.event == HistoryEvent::AskedForMore);
        let question = asked.map(|item| format!(": {}", item.note)).unwrap_or_default();
        sheet.text(format!("Asked for more, no answer yet{question}"), Ink::Accent);
    }
    let status = request.status;
    if let Some(decision) = &request.decision {
        let by = name(decision.by);
        let reason = if decision.reason.is_empty() { String::new() } else { format!(": {}", decision.reason) };
        let when = ago(decision.at.days_until(today));
        let text = format!("{} {when} by {by}{reason}", status.label());
        sheet.text(sentence(&text), wording::status_ink(status));
    } else if status != RequestStatus::Pending {
        sheet.text(format!("{}.", status.label()), wording::status_ink(status));
    }
}

fn queue(sheet: &mut Sheet, card: &RequestCard, today: Day) {
    let name = card.cat.display_name();
    if card.competing.is_empty() {
        sheet.heading(format!("Nobody asks for {name}"));
        return;
    }
    let open = card.competing.len();
    let people = if open == 1 { "1 person asks".to_owned() } else { format!("{open} people ask") };
    sheet.heading(format!("{people} for {name}"));
    sheet.table(wording::queue(card, |place| format!("{} d", place.requested_at.days_until(today))));
}
