//! The waiting requests one by one: the queue, and beside it all that a decision needs.

mod card;
mod queue;

use ratatui::{Frame, layout::Rect};

use self::queue::{Row, columns};
use super::{
    request::RequestDetail,
    take_request::TakeRequest,
    verdict::{self, Decides},
    wording,
};
use crate::{
    desk::{Done, RequestCard, TriageOrder},
    model::{CommitNo, Error, Kind, RequestId, RequestStatus, decision},
    store::Changed,
    ui::{
        Bind, Command, Confirm, Cx, Key, Outcome, Screen, Theme, bind,
        keys::{ENTER, TAB},
        layout::pane_line,
        list::List,
        sheet::Sheet,
    },
};

/// The keys of this screen.
pub const KEYS: &[Bind] = &[
    bind(&[Key::ch('a')], Command::Approve),
    bind(&[Key::ch('r')], Command::Reject),
    bind(&[Key::ch('i')], Command::AskForMore),
    bind(&[Key::ch('c')], Command::Complete),
    bind(&[Key::ch('f')], Command::FallThrough),
    bind(&[Key::ch('s')], Command::Skip),
    bind(&[Key::ch('b')], Command::Reopen),
    bind(&[TAB], Command::NextPane),
    bind(&[Key::ch('u')], Command::Undo),
    bind(&[ENTER], Command::Open),
    bind(&[Key::ch('o')], Command::Order),
    bind(&[Key::ch('v')], Command::OpenCat).quiet(),
    bind(&[Key::ch('p')], Command::OpenApplicant).quiet(),
    bind(&[Key::ch('n')], Command::TakeRequest),
];

/// What the queue needs at least beside the card.
const QUEUE_MIN: u16 = 40;
/// What the queue takes at most.
const QUEUE_MOST: u16 = 74;
/// What the card needs at least beside the queue.
const CARD_MIN: u16 = 37;

/// A decision made here, to take back.
struct Past {
    commit: CommitNo,
    request: RequestId,
    message: String,
}

/// The triage of requests.
pub struct Triage {
    order: TriageOrder,
    list: List<Row>,
    card: Option<RequestCard>,
    sheet: Sheet,
    /// The queue has to be asked for again.
    stale: bool,
    card_stale: bool,
    /// The card is another one: the mark goes to its own place in the queue.
    mark_own: bool,
    /// Decided here: the mark goes on from it.
    leaving: Option<u32>,
    /// To be marked once the queue is there.
    wanted: Option<u32>,
    /// Taken out of the queue by others; it keeps its place until the mark moves on.
    kept: Option<u32>,
    /// The keys go to the card.
    on_card: bool,
    narrow: bool,
    past: Vec<Past>,
}

impl Triage {
    /// The queue, oldest first.
    pub fn new(cx: &mut Cx) -> Self {
        let mut screen = Self {
            order: TriageOrder::ByDate,
            list: List::default(),
            card: None,
            sheet: Sheet::default(),
            stale: true,
            card_stale: true,
            mark_own: false,
            leaving: None,
            wanted: None,
            kept: None,
            on_card: false,
            narrow: false,
            past: Vec::new(),
        };
        screen.refresh(cx);
        screen
    }

    /// Reads what is stale: before a frame, and after a key, because the next one may be here already.
    fn refresh(&mut self, cx: &mut Cx) {
        if self.stale {
            self.reload(cx);
        }
        self.load_card(cx);
        if self.card.is_none() {
            // The request was taken back altogether: the next one has its place.
            self.load_card(cx);
        }
        if self.list.selected().is_none() {
            self.on_card = false;
        }
    }

    fn selected(&self) -> Option<RequestId> {
        self.list.selected().map(RequestId)
    }

    /// What the keys are about: the marked place of the cat's queue while the keys are there.
    fn target(&self) -> Option<RequestId> {
        let marked = self.sheet.marked().filter(|_| self.on_card).map(RequestId);
        let known = |id: &RequestId| self.card.as_ref().is_some_and(|c| c.competing.iter().any(|p| p.request == *id));
        marked.filter(known).or_else(|| self.selected())
    }

    fn target_status(&self) -> Option<RequestStatus> {
        let target = self.target()?;
        let card = self.card.as_ref()?;
        if card.request.id == target {
            return Some(card.request.status);
        }
        card.competing.iter().find(|p| p.request == target).map(|p| p.status)
    }

    fn reload(&mut self, cx: &mut Cx) {
        let actor = cx.actor();
        let Some(mut ids) = cx.shown(cx.desk.triage(&actor, self.order)) else { return };
        self.stale = false;
        let first = self.list.ids().is_empty();
        let old = self.list.ids().to_vec();
        self.kept = None;
        if let Some(from) = self.leaving.take() {
            let next = next_after(&old, from, &ids);
            self.list.set_ids(ids);
            if let Some(next) = next {
                self.list.select(next);
            }
        } else if first {
            self.list.reset(ids);
        } else {
            if let Some(id) = self.list.selected().filter(|id| !ids.contains(id)) {
                let before = old.iter().take_while(|other| **other != id);
                let at = before.filter_map(|id| ids.iter().position(|other| other == id)).max().map_or(0, |i| i + 1);
                ids.insert(at, id);
                self.kept = Some(id);
            }
            self.list.set_ids(ids);
        }
        if let Some(wanted) = self.wanted.take() {
            self.list.select(wanted);
        }
    }

    fn load_card(&mut self, cx: &mut Cx) {
        let Some(id) = self.selected() else {
            self.card = None;
            self.sheet.clear();
            return;
        };
        let another = self.card.as_ref().is_none_or(|c| c.request.id != id);
        if !another && !self.card_stale {
            return;
        }
        self.card_stale = false;
        self.sheet.clear();
        match cx.desk.request(&cx.actor(), id) {
            Ok(card) => {
                let actor = cx.actor();
                card::fill(&mut self.sheet, &card, cx.today, &|who| cx.desk.name_of(&actor, who));
                self.card = Some(card);
                if another {
                    self.sheet.run(Command::First);
                    self.mark_own = true;
                }
            }
            Err(Error::NotFound { .. }) => {
                // It was taken back altogether.
                self.card = None;
                let rest = self.list.ids().iter().copied().filter(|other| *other != id.0).collect();
                self.list.set_ids(rest);
            }
            Err(error) => {
                self.card = None;
                cx.fail(&error);
            }
        }
    }

    fn moved(&mut self) {
        if self.kept.is_some() && self.kept != self.list.selected() {
            self.stale = true;
        }
    }

    fn skip(&mut self, cx: &mut Cx) {
        let at = self.list.selected();
        self.list.run(Command::Down);
        if self.list.selected() == at {
            self.list.run(Command::First);
            cx.ok("That was the last one; back at the first.");
        }
        self.on_card = false;
        self.moved();
    }

    /// Takes the last decision back if nothing else was done since; else that is for the whole program.
    fn undo(&mut self, cx: &mut Cx) -> Outcome {
        let actor = cx.actor();
        let Some(last) = cx.shown(cx.desk.last_undoable(&actor)).flatten() else { return Outcome::Pass };
        let Some(past) = self.past.last().filter(|p| p.commit == last.entry.commit) else { return Outcome::Pass };
        let again = "Everything it changed goes back, if nobody has changed it since.";
        let confirm = Confirm {
            title: "Undo".to_owned(),
            lines: vec![past.message.clone(), again.to_owned()],
            yes: "undo".to_owned(),
            danger: false,
        };
        cx.confirm(confirm, |me: &mut Self, cx| {
            if let Some(past) = me.past.pop() {
                match cx.desk.undo(&cx.actor(), past.commit) {
                    Ok(done) => {
                        cx.ok(done.message);
                        me.wanted = Some(past.request.0);
                    }
                    Err(error) => cx.fail(&error),
                }
                me.outdated();
                me.refresh(cx);
            }
            Outcome::Stay
        });
        Outcome::Stay
    }

    /// The queue and the card, or all for one of them where both have no room.
    fn panes(&self, area: Rect) -> (Rect, Option<Rect>) {
        if self.list.ids().is_empty() || area.width < QUEUE_MIN + CARD_MIN + 3 {
            return (area, None);
        }
        let left = (area.width / 2).clamp(QUEUE_MIN, QUEUE_MOST);
        let queue = Rect { width: left, ..area };
        (queue, Some(Rect { x: area.x + left + 3, width: area.width - left - 3, ..area }))
    }
}

/// The first one after `from` in the old order that is still there, going round.
fn next_after(old: &[u32], from: u32, ids: &[u32]) -> Option<u32> {
    let at = old.iter().position(|id| *id == from).unwrap_or(0);
    let (before, after) = old.split_at(at);
    let round = after.iter().skip(1).chain(before);
    round.copied().find(|id| ids.contains(id)).or_else(|| ids.first().copied())
}

impl Decides for Triage {
    fn decided(&mut self, request: RequestId, done: &Done, cx: &mut Cx) -> Outcome {
        if let Some(commit) = done.commit {
            self.past.push(Past { commit, request, message: done.message.clone() });
        }
        if self.selected() == Some(request) {
            self.leaving = Some(request.0);
            self.on_card = false;
        }
        self.outdated();
        self.refresh(cx);
        Outcome::Stay
    }

    fn outdated(&mut self) {
        (self.stale, self.card_stale) = (true, true);
    }
}

impl Screen for Triage {
    fn title(&self) -> String {
        "Triage".to_owned()
    }

    fn keys(&self) -> &'static [Bind] {
        KEYS
    }

    fn enabled(&self, command: Command, _cx: &Cx) -> bool {
        match command {
            _ if verdict::of(command).is_some() => self.target().is_some(),
            Command::Skip | Command::Open | Command::NextPane | Command::OpenCat | Command::OpenApplicant => {
                self.list.selected().is_some()
            }
            _ => true,
        }
    }

    fn offers(&self, command: Command, cx: &Cx) -> bool {
        let applies = |verdict| self.target_status().is_some_and(|status| decision::applies(verdict, status));
        self.enabled(command, cx) && verdict::of(command).is_none_or(applies)
    }

    fn run(&mut self, command: Command, cx: &mut Cx) -> Outcome {
        if let Some(verdict) = verdict::of(command) {
            return match self.target() {
                Some(request) => verdict::ask(self, request, verdict, cx),
                None => Outcome::Stay,
            };
        }
        match command {
            Command::Skip => self.skip(cx),
            Command::Undo => return self.undo(cx),
            Command::NextPane => self.on_card = !self.on_card,
            Command::Order => {
                self.order = match self.order {
                    TriageOrder::ByDate => TriageOrder::ByCat,
                    TriageOrder::ByCat => TriageOrder::ByDate,
                };
                self.stale = true;
            }
            Command::Open => {
                return match self.target() {
                    Some(id) => Outcome::push(RequestDetail::new(id, cx)),
                    None => Outcome::Stay,
                };
            }
            Command::OpenCat => {
                return self
                    .card
                    .as_ref()
                    .map_or(Outcome::Stay, |card| super::record(Kind::Cat, card.request.cat.0, cx));
            }
            Command::OpenApplicant => {
                return self
                    .card
                    .as_ref()
                    .map_or(Outcome::Stay, |card| super::record(Kind::User, card.request.user.0, cx));
            }
            Command::TakeRequest => {
                return match self.card.as_ref().map(|card| card.request.cat) {
                    Some(cat) => Outcome::push(TakeRequest::new(cat, cx)),
                    None => Outcome::push(TakeRequest::any(cx)),
                };
            }
            _ if self.on_card => {
                self.sheet.run(command);
            }
            _ => {
                self.list.run(command);
                self.moved();
            }
        }
        self.refresh(cx);
        Outcome::Stay
    }

    fn prepare(&mut self, area: Rect, cx: &mut Cx) {
        self.refresh(cx);
        let (left, right) = self.panes(area);
        self.narrow = right.is_none();
        let (desk, actor) = (&cx.desk, cx.actor());
        let mut failed = None;
        self.list.prepare(left, |ids| match desk.request_rows(&actor, ids) {
            Ok(rows) => rows.into_iter().map(|line| (line.id.0, Row::new(line))).collect(),
            Err(error) => {
                failed = Some(error);
                Vec::new()
            }
        });
        self.sheet.prepare(right.unwrap_or(left));
        if let Some(card) = self.card.as_ref().filter(|_| std::mem::take(&mut self.mark_own)) {
            self.sheet.mark(card.request.id.0);
        }
        if let Some(error) = failed {
            cx.fail(&error);
        }
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        let buffer = frame.buffer_mut();
        let (left, right) = self.panes(area);
        if right.is_some() || !self.on_card {
            let empty = "No request waits for a decision. New ones appear here by themselves; n takes one for a \
                         walk-in or a caller.";
            self.list.draw(buffer, left, columns(left.width), empty, theme);
        }
        if let Some(right) = right {
            pane_line(buffer, left, theme);
            self.sheet.draw(buffer, right, theme);
            quiet_mark(buffer, if self.on_card { left } else { right }, theme);
        } else if self.on_card {
            self.sheet.draw(buffer, left, theme);
        }
    }

    fn changed(&mut self, _changed: Option<&Changed>, _cx: &mut Cx) {
        // Names, marks and queues of a request change with its cat and its applicant.
        self.list.forget();
        self.outdated();
    }

    fn resumed(&mut self, cx: &mut Cx) {
        self.outdated();
        self.refresh(cx);
    }

    fn status(&self) -> String {
        let order = match self.order {
            TriageOrder::ByDate => "oldest first",
            TriageOrder::ByCat => "cat by cat, the longest waiting first",
        };
        let place = self.list.position();
        if place.is_empty() {
            return order.to_owned();
        }
        if self.on_card {
            return wording::joined(&[&place, &self.sheet.status(), "Tab: the queue"], " · ");
        }
        let more = if self.narrow { "Tab: the request" } else { order };
        format!("{place} · {more}")
    }
}

/// The mark of the side that does not have the keys.
fn quiet_mark(buffer: &mut ratatui::buffer::Buffer, area: Rect, theme: Theme) {
    for y in area.top()..area.bottom() {
        if let Some(cell) = buffer.cell_mut((area.x, y)).filter(|cell| cell.symbol() == "►") {
            cell.set_symbol("·").set_style(theme.marker());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::next_after;

    #[test]
    fn the_next_one_is_the_next_that_is_still_there() {
        assert_eq!(next_after(&[1, 2, 3, 4], 2, &[1, 4]), Some(4));
        assert_eq!(next_after(&[1, 2, 3, 4], 4, &[1, 3]), Some(1));
        assert_eq!(next_after(&[1, 2], 1, &[1, 2]), Some(2));
        assert_eq!(next_after(&[1], 1, &[]), None);
        assert_eq!(next_after(&[1], 1, &[9]), Some(9));
    }
}
