//! The columns of requests where several screens show them.

use crate::{
    desk::RequestLine,
    ui::{Theme, list::Column},
};
use ratatui::style::Style;

const CAT: Column<RequestLine> = Column::new("Cat", 12, 0, |r: &RequestLine| (&*r.cat_name).into()).grow(2);
const QUEUE: Column<RequestLine> = Column::new("Queue", 7, 2, |r: &RequestLine| match r.place {
    Some(place) => format!("{place} of {}", r.of).into(),
    None => "".into(),
});
const STATUS: Column<RequestLine> = Column::new("Status", 10, 3, |r: &RequestLine| r.status.label().into());
const WAITS: Column<RequestLine> =
    Column::new("Waits", 6, 0, |r: &RequestLine| format!("{} d", r.days).into()).right().style(waits);
const NOTE: Column<RequestLine> =
    Column::new("Note", 14, 1, |r: &RequestLine| note(r).into()).style(|_, theme| theme.warn());

/// Requests that wait: who for whom, and how long.
pub const WAITING: &[Column<RequestLine>] = &[
    CAT,
    Column::new("Applicant", 12, 1, |r: &RequestLine| (&*r.user_name).into()).grow(2),
    QUEUE,
    STATUS,
    WAITS,
    NOTE,
];

/// One's own requests.
pub const OWN: &[Column<RequestLine>] = &[CAT, QUEUE, STATUS, WAITS, NOTE];

fn waits(request: &RequestLine, theme: Theme) -> Style {
    if request.overdue { theme.warn() } else { theme.text() }
}

/// What is special about a request, in a word.
fn note(request: &RequestLine) -> &'static str {
    match request {
        r if r.flagged => "do not adopt",
        r if r.overdue => "overdue",
        r if r.awaiting_reply => "asked for more",
        _ => "",
    }
}
