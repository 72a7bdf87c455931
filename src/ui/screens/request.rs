//! One request: all that staff need to decide it, or what its applicant may know of it.

use ratatui::{Frame, layout::Rect};

use super::{
    notes::Notes,
    verdict::{self, Decides},
    wording::{self, ago, joined},
};
use crate::{
    desk::{Applicant, Done, RequestCard},
    model::{Day, HistoryEvent, Kind, Permission, RequestId, RequestStatus, Who, decision},
    store::Changed,
    ui::{
        Bind, Command, Cx, Key, Outcome, Screen, Theme, bind,
        cx::sentence,
        keys::ENTER,
        sheet::{Ink, Piece, Sheet},
    },
};

/// The keys of this screen.
pub const KEYS: &[Bind] = &[
    bind(&[Key::ch('a')], Command::Approve),
    bind(&[Key::ch('r')], Command::Reject),
    bind(&[Key::ch('i')], Command::AskForMore),
    bind(&[Key::ch('c')], Command::Complete),
    bind(&[Key::ch('f')], Command::FallThrough),
    bind(&[Key::ch('b')], Command::Reopen),
    bind(&[Key::ch('v')], Command::OpenCat),
    bind(&[Key::ch('p')], Command::OpenApplicant),
    bind(&[Key::ch('e')], Command::EditNotes),
    bind(&[Key::ch('w')], Command::Withdraw),
    bind(&[Key::ch('h')], Command::History),
    bind(&[ENTER], Command::Open).quiet(),
];

/// One request.
pub struct RequestDetail {
    id: RequestId,
    card: Option<RequestCard>,
    sheet: Sheet,
    stale: bool,
    /// The mark has yet to go to its own place in the queue.
    mark_own: bool,
    /// Why there is nothing to show.
    missing: String,
}

impl RequestDetail {
    /// The request of that number.
    pub fn new(id: RequestId, cx: &mut Cx) -> Self {
        let (card, sheet, missing) = (None, Sheet::default(), String::new());
        let mut screen = Self { id, card, sheet, stale: true, mark_own: true, missing };
        // At once: the next key may be here already.
        screen.load(cx);
        screen
    }

    fn load(&mut self, cx: &mut Cx) {
        self.stale = false;
        let actor = cx.actor();
        match cx.desk.request(&actor, self.id) {
            Ok(card) => {
                let name = |who: Who| {
                    if actor.who == who && !card.staff { "you".to_owned() } else { cx.desk.name_of(&actor, who) }
                };
                self.sheet.clear();
                fill(&mut self.sheet, &card, cx.today, &name);
                self.missing.clear();
                self.card = Some(card);
            }
            Err(error) => {
                self.card = None;
                self.missing = sentence(&error.to_string());
            }
        }
    }

    fn is_own(&self, cx: &Cx) -> bool {
        let me = cx.rights().and_then(|rights| rights.user);
        self.card.as_ref().is_some_and(|card| Some(card.request.user) == me)
    }
}

impl Decides for RequestDetail {
    fn decided(&mut self, _request: RequestId, _done: &Done, cx: &mut Cx) -> Outcome {
        self.load(cx);
        Outcome::Stay
    }

    fn outdated(&mut self) {
        self.stale = true;
    }
}

impl Screen for RequestDetail {
    fn title(&self) -> String {
        match &self.card {
            Some(RequestCard { cat, applicant: Some(applicant), .. }) => {
                format!("{} for {}", applicant.name, cat.display_name())
            }
            Some(card) => format!("Your request for {}", card.cat.display_name()),
            None => format!("Request {}", self.id),
        }
    }

    fn keys(&self) -> &'static [Bind] {
        KEYS
    }

    fn enabled(&self, command: Command, cx: &Cx) -> bool {
        let Some(card) = &self.card else { return false };
        let status = card.request.status;
        match command {
            Command::EditNotes => status.is_open(),
            Command::OpenCat => true,
            Command::OpenApplicant => card.staff,
            Command::History => cx.may(Permission::SeeAudit),
            Command::Open => self.sheet.marked().is_some(),
            Command::Withdraw => card.staff || self.is_own(cx),
            _ => true,
        }
    }

    fn offers(&self, command: Command, cx: &Cx) -> bool {
        let applies = |verdict| self.card.as_ref().is_some_and(|c| decision::applies(verdict, c.request.status));
        self.enabled(command, cx) && verdict::of(command).is_none_or(applies)
    }

    fn run(&mut self, command: Command, cx: &mut Cx) -> Outcome {
        if let Some(verdict) = verdict::of(command) {
            return verdict::ask(self, self.id, verdict, cx);
        }
        let Some(card) = &self.card else { return Outcome::Pass };
        match command {
            Command::EditNotes => Outcome::push(Notes::edit(card, cx)),
            Command::OpenCat => super::record(Kind::Cat, card.request.cat.0, cx),
            Command::OpenApplicant => super::record(Kind::User, card.request.user.0, cx),
            Command::History => Outcome::Push(super::history_of(Kind::Request, self.id.0, cx)),
            Command::Open => match self.sheet.marked() {
                Some(id) if id != self.id.0 => Outcome::push(Self::new(RequestId(id), cx)),
                _ => Outcome::Stay,
            },
            _ if self.sheet.run(command) => Outcome::Stay,
            _ => Outcome::Pass,
        }
    }

    fn prepare(&mut self, area: Rect, cx: &mut Cx) {
        if self.stale {
            self.load(cx);
        }
        self.sheet.prepare(area);
        if std::mem::take(&mut self.mark_own) {
            self.sheet.mark(self.id.0);
        }
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        if self.card.is_none() {
            crate::ui::layout::put_wrapped(frame.buffer_mut(), area, &self.missing, theme.muted());
            return;
        }
        self.sheet.draw(frame.buffer_mut(), area, theme);
    }

    fn changed(&mut self, _changed: Option<&Changed>, _cx: &mut Cx) {
        self.stale = true;
    }

    fn resumed(&mut self, cx: &mut Cx) {
        self.load(cx);
    }

    fn status(&self) -> String {
        self.sheet.status()
    }
}

fn fill(sheet: &mut Sheet, card: &RequestCard, today: Day, name: &dyn Fn(Who) -> String) {
    let request = &card.request;
    let status = request.status;
    sheet.pieces("Status", state(card));
    if request.awaiting_reply {
        let asked = request.history.iter().rev().find(|item| item.event == HistoryEvent::AskedForMore);
        let question = asked.map(|item| item.note.clone()).unwrap_or_default();
        if card.staff {
            sheet.pieces("Asked for more", vec![(question, Ink::Accent), ("no answer yet".to_owned(), Ink::Warn)]);
        } else {
            sheet.pieces("We ask you", vec![(question, Ink::Accent)]);
            sheet.pieces("", vec![("Please answer in your notes: press e.".to_owned(), Ink::Warn)]);
        }
    }
    let arrived = format!("{} ({})", request.requested_at, ago(request.requested_at.days_until(today)));
    sheet.field("Asked", arrived);
    if let Some(decision) = &request.decision {
        let text = format!("{} by {}", decision.at, name(decision.by));
        sheet.pieces("Decided", vec![(text, Ink::Plain), (decision.reason.clone(), wording::status_ink(status))]);
    }
    sheet.field("Notes", if request.notes.is_empty() { "none" } else { &*request.notes });

    sheet.heading("Cat");
    let cat = &card.cat;
    sheet.field(
        "Name",
        joined(&[&cat.display_name(), cat.tag.as_deref().filter(|_| !cat.name.is_empty()).unwrap_or("")], ", tag "),
    );
    sheet.pieces("Now", vec![(wording::cat_status(cat, card.staff), wording::cat_ink(cat.status.kind()))]);
    let age = cat.born.map(|born| born.age(today)).unwrap_or_default();
    sheet.field("Is", joined(&[&card.breed, &wording::sex(cat), &age, &cat.colour], ", "));
    if let Some(health) = &card.health {
        let ink = if health.prevents_adoption { Ink::Warn } else { Ink::Plain };
        sheet.pieces("Health", vec![(health.name.clone(), ink)]);
    }
    if card.staff {
        let care = cat.waiting_days(today).map(wording::days).unwrap_or_default();
        sheet.field("In care", joined(&[&care, if cat.in_foster() { "in a foster home" } else { "" }], ", "));
    }
    if let Some(applicant) = &card.applicant {
        person(sheet, applicant);
    }
    if card.staff {
        queue(sheet, card, today);
    }
    history(sheet, card, name);
}

/// What happened to it, the latest first.
pub(super) fn history(sheet: &mut Sheet, card: &RequestCard, name: &dyn Fn(Who) -> String) {
    sheet.heading("History");
    for item in card.request.history.iter().rev() {
        let by = match (item.by, card.staff) {
            (Who::Program, false) => "the shelter".to_owned(),
            (who, _) => name(who),
        };
        let note = if item.note.is_empty() { String::new() } else { format!(": {}", item.note) };
        let what = format!("{} by {by}{note}", item.event.label());
        sheet.line(vec![(item.at.minute(), Ink::Muted), (what, Ink::Plain)]);
    }
}

/// Where it stands, in words that its reader can do something with.
fn state(card: &RequestCard) -> Vec<Piece> {
    let status = card.request.status;
    let mut pieces = vec![(status.label().to_owned(), wording::status_ink(status))];
    let place = card.place.filter(|_| status != RequestStatus::Approved);
    if card.staff {
        pieces.extend(place.map(|n| (format!("place {n} of {}", card.of), Ink::Plain)));
        if card.overdue {
            pieces.push(("overdue".to_owned(), Ink::Warn));
        }
        return pieces;
    }
    let name = card.cat.display_name();
    pieces.extend(place.map(|n| (format!("place {n} of {} in the queue for {name}", card.of), Ink::Plain)));
    let meaning = match status {
        RequestStatus::Approved => format!("{name} is kept for you; the shelter will talk to you about the day"),
        RequestStatus::Completed => format!("{name} lives with you now"),
        RequestStatus::Waitlisted => "somebody else is being talked to; you keep your place".to_owned(),
        _ => String::new(),
    };
    pieces.push((meaning, Ink::Plain));
    pieces
}

fn person(sheet: &mut Sheet, applicant: &Applicant) {
    sheet.heading("Applicant");
    sheet.pieces("Name", vec![(applicant.name.clone(), Ink::Plain), (format!("({})", applicant.username), Ink::Muted)]);
    let email = applicant.email.as_deref().unwrap_or_default();
    let contact = joined(&[email, &applicant.phone], " · ");
    sheet.field("Contact", if contact.is_empty() { "no e-mail, no telephone".to_owned() } else { contact });
    if let Some(reason) = &applicant.banned {
        let flag = if reason.is_empty() { "do not adopt".to_owned() } else { format!("do not adopt: {reason}") };
        sheet.pieces("Flag", vec![(flag, Ink::Error)]);
    }
    if applicant.locked {
        sheet.pieces("Account", vec![("locked".to_owned(), Ink::Warn)]);
    }
    let mut past = Vec::new();
    for p in &applicant.past {
        let text = format!("{} ({}, {})", p.cat_name, p.status.label().to_lowercase(), p.requested_at.day());
        past.push((text, wording::status_ink(p.status)));
    }
    if past.is_empty() {
        past.push(("none".to_owned(), Ink::Plain));
    }
    sheet.pieces("Other requests", past);
}

fn queue(sheet: &mut Sheet, card: &RequestCard, today: Day) {
    if card.competing.is_empty() {
        return;
    }
    sheet.heading(format!("Queue for {}", card.cat.display_name()));
    sheet.table(wording::queue(card, |place| ago(place.requested_at.days_until(today))));
}
