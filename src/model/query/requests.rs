//! What the list of requests can be asked.

use super::{Choice, Compared, KeySpec, Line, Pick, Query, Sort, Span, TermIn, Text, Values, terms::Groups};
use crate::model::{RequestStatus, coded::coded};

coded! {
    /// Orders of the list of requests.
    pub enum RequestSort("order") {
        /// In order of arrival, oldest first.
        Date = 1, "date", "Date";
        /// By the cat's name, the requests of a cat in their order of arrival.
        Cat = 2, "cat", "Cat";
    }
}

#[allow(clippy::derivable_impls, reason = "the macro that makes the enumeration takes no #[default]")]
impl Default for RequestSort {
    fn default() -> Self {
        Self::Date
    }
}

/// A question to the list of requests. The default is every request, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct RequestQuery {
    /// Where it stands.
    pub status: Choice<RequestStatus>,
    /// The cat asked for.
    pub cat: Choice<Pick>,
    /// Who asks.
    pub user: Choice<Pick>,
    /// Days since it arrived.
    pub waiting: Vec<Compared<Span>>,
    /// Pending for longer than the shelter's limit.
    pub overdue: Option<bool>,
    /// The applicant has a do-not-adopt flag.
    pub flagged: Option<bool>,
    /// Staff wait for an answer of the applicant.
    pub awaiting: Option<bool>,
    /// Words looked for in the names of the cat and the applicant.
    pub text: Text,
    /// The order.
    pub sort: Sort<RequestSort>,
}

const STATUSES: Groups<RequestStatus> = {
    use RequestStatus as S;
    &[("open", &[S::Pending, S::Approved, S::Waitlisted]), ("closed", &[S::Completed, S::Rejected, S::Withdrawn])]
};

impl Query for RequestQuery {
    const KEYS: &'static [KeySpec] = &[
        KeySpec {
            name: "status",
            help: "where the request stands",
            values: Values::Words(|| RequestStatus::ALL.iter().map(|v| v.slug()).chain(["open", "closed"]).collect()),
        },
        KeySpec { name: "cat", help: "the cat by name or tag, or #number", values: Values::Text },
        KeySpec { name: "user", help: "the applicant by name, or #number", values: Values::Text },
        KeySpec { name: "waiting", help: "time since it arrived, as in waiting>2w", values: Values::Span },
        KeySpec { name: "overdue", help: "pending for too long", values: Values::Words(|| vec!["yes", "no"]) },
        KeySpec { name: "flagged", help: "do-not-adopt flag", values: Values::Words(|| vec!["yes", "no"]) },
        KeySpec { name: "awaiting", help: "waits for the applicant", values: Values::Words(|| vec!["yes", "no"]) },
        KeySpec {
            name: "sort",
            help: "order",
            values: Values::Words(|| RequestSort::ALL.iter().map(|v| v.slug()).collect()),
        },
    ];

    fn text(&self) -> &Text {
        &self.text
    }

    fn text_mut(&mut self) -> &mut Text {
        &mut self.text
    }

    fn take(&mut self, term: &TermIn<'_>) -> Result<(), String> {
        match term.spec.name {
            "status" => term.words(&mut self.status, STATUSES)?,
            "cat" => term.picks(&mut self.cat)?,
            "user" => term.picks(&mut self.user)?,
            "waiting" => self.waiting.push(term.span()?),
            "overdue" => self.overdue = term.yes_no()?,
            "flagged" => self.flagged = term.yes_no()?,
            "awaiting" => self.awaiting = term.yes_no()?,
            _ => self.sort = term.sort()?,
        }
        Ok(())
    }

    fn write(&self, line: &mut Line) {
        line.words("status", &self.status, STATUSES, |v| v.slug());
        line.picks("cat", &self.cat);
        line.picks("user", &self.user);
        line.compared("waiting", &self.waiting);
        line.yes_no("overdue", self.overdue);
        line.yes_no("flagged", self.flagged);
        line.yes_no("awaiting", self.awaiting);
        line.sort(&self.sort, |v| v.slug());
    }
}
