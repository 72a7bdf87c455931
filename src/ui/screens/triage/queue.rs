//! The queue on the left.

use std::borrow::Cow;

use ratatui::style::Style;

use crate::{
    desk::RequestLine,
    model::RequestStatus,
    ui::{Theme, list::Column, screens::wording},
};

/// A row of the queue.
pub struct Row {
    line: RequestLine,
    days: String,
    place: String,
}

impl Row {
    /// The row of a request.
    pub fn new(line: RequestLine) -> Self {
        Self { days: format!("{} d", line.days), place: wording::place(line.place, line.of), line }
    }

    /// The one word that fits; the card says the rest.
    fn mark(&self) -> &'static str {
        match &self.line {
            line if line.status != RequestStatus::Pending => match line.status {
                RequestStatus::Approved => "approved",
                RequestStatus::Completed => "completed",
                RequestStatus::Rejected => "rejected",
                RequestStatus::Withdrawn => "withdrawn",
                _ => "waitlisted",
            },
            line if line.flagged => "flagged",
            line if line.awaiting_reply => "asked",
            line if line.overdue => "overdue",
            _ => "",
        }
    }

    fn mark_style(&self, theme: Theme) -> Style {
        match &self.line {
            line if line.status == RequestStatus::Approved => theme.ok(),
            line if line.status != RequestStatus::Pending => theme.muted(),
            line if line.flagged => theme.error(),
            _ => theme.warn(),
        }
    }
}

/// A column of the queue.
type Col = Column<Row>;

const CAT: Col = Col::new("Cat", 8, 0, |row| Cow::Borrowed(&row.line.cat_name)).grow(3);
const APPLICANT: Col = Col::new("Applicant", 9, 1, |row| Cow::Borrowed(&row.line.user_name)).grow(4);
const PLACE: Col = Col::new("Queue", 7, 3, |row| Cow::Borrowed(&row.place));
const WAITS: Col = Col::new("Waits", 5, 0, |row| Cow::Borrowed(&row.days))
    .right()
    .style(|row, theme| if row.line.overdue { theme.warn() } else { theme.text() });
const MARK: Col = Col::new("", 8, 2, |row| Cow::Borrowed(row.mark())).style(Row::mark_style);

/// From this width on there is room for the place in the queue beside names that can be read.
const PLACE_FROM: u16 = 60;

/// The columns of a queue that is so wide.
pub const fn columns(width: u16) -> &'static [Col] {
    const NARROW: &[Col] = &[CAT, APPLICANT, WAITS, MARK];
    const WIDE: &[Col] = &[CAT, APPLICANT, PLACE, WAITS, MARK];
    if width < PLACE_FROM { NARROW } else { WIDE }
}
