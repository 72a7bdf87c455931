//! What the list of cats can be asked.

use super::{
    Choice, Compared, DateTerm, KeySpec, Line, NameTerm, Query, Sort, Span, TermIn, Text, Values, terms::Groups,
};
use crate::model::{AgeBand, Altered, CatStatusKind, Gender, HoldKind, coded::coded};

coded! {
    /// Orders of the list of cats.
    pub enum CatSort("order") {
        /// Cats in care by the intake day of the current stay, longest waiting first; then the others,
        /// last intake first.
        Waiting = 1, "waiting", "Waiting";
        /// By folded name, cats without one last; then by number.
        Name = 2, "name", "Name";
        /// Youngest first, unknown ages last.
        Age = 3, "age", "Age";
        /// Latest record first.
        Newest = 4, "newest", "Newest";
    }
}

#[allow(clippy::derivable_impls, reason = "the macro that makes the enumeration takes no #[default]")]
impl Default for CatSort {
    fn default() -> Self {
        Self::Waiting
    }
}

/// A question to the list of cats. The default is every cat that is not archived, longest waiting first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CatQuery {
    /// Adoption status.
    pub status: Choice<CatStatusKind>,
    /// Breed by name.
    pub breed: Choice<NameTerm>,
    /// Health status by name.
    pub health: Choice<NameTerm>,
    /// Sex.
    pub gender: Choice<Gender>,
    /// Spayed or neutered.
    pub altered: Choice<Altered>,
    /// Age; all must hold, and a cat of unknown age never does.
    pub age: Vec<Compared<Span>>,
    /// Age band; a cat of unknown age is in none.
    pub band: Choice<AgeBand>,
    /// Days in care of the current stay; a cat not in care never matches.
    pub waiting: Vec<Compared<Span>>,
    /// Intake day of the current or last stay.
    pub intake: Vec<DateTerm>,
    /// Open requests.
    pub requests: Vec<Compared<u16>>,
    /// Colour.
    pub colour: Choice<NameTerm>,
    /// In a foster home now.
    pub foster: Option<bool>,
    /// On hold, of that kind.
    pub hold: Choice<HoldKind>,
    /// Archived or not; both when `None`.
    pub archived: Option<bool>,
    /// The shelter's own number; it matches from its beginning.
    pub tag: Choice<NameTerm>,
    /// Words looked for.
    pub text: Text,
    /// The order. With text the best match comes first and this orders the equally good.
    pub sort: Sort<CatSort>,
}

impl Default for CatQuery {
    fn default() -> Self {
        Self {
            status: Choice::default(),
            breed: Choice::default(),
            health: Choice::default(),
            gender: Choice::default(),
            altered: Choice::default(),
            age: Vec::new(),
            band: Choice::default(),
            waiting: Vec::new(),
            intake: Vec::new(),
            requests: Vec::new(),
            colour: Choice::default(),
            foster: None,
            hold: Choice::default(),
            archived: Some(false),
            tag: Choice::default(),
            text: Text::default(),
            sort: Sort::default(),
        }
    }
}

const STATUSES: Groups<CatStatusKind> = {
    use CatStatusKind as S;
    &[("in-care", &[S::Available, S::OnHold, S::Pending]), ("gone", &[S::Adopted, S::Departed])]
};

const HOLDS: Groups<HoldKind> = &[("any", HoldKind::ALL)];

fn slugs<T: Copy>(all: &[T], slug: fn(T) -> &'static str, more: &[&'static str]) -> Vec<&'static str> {
    all.iter().map(|v| slug(*v)).chain(more.iter().copied()).collect()
}

impl Query for CatQuery {
    const KEYS: &'static [KeySpec] = &[
        KeySpec {
            name: "status",
            help: "adoption status",
            values: Values::Words(|| slugs(CatStatusKind::ALL, CatStatusKind::slug, &["in-care", "gone"])),
        },
        KeySpec { name: "breed", help: "breed by name, or none", values: Values::Names },
        KeySpec { name: "health", help: "health status by name, or none", values: Values::Names },
        KeySpec { name: "gender", help: "sex", values: Values::Words(|| slugs(Gender::ALL, Gender::slug, &[])) },
        KeySpec {
            name: "altered",
            help: "spayed or neutered",
            values: Values::Words(|| slugs(Altered::ALL, Altered::slug, &[])),
        },
        KeySpec { name: "age", help: "age, as in age<2y", values: Values::Span },
        KeySpec { name: "band", help: "age band", values: Values::Words(|| slugs(AgeBand::ALL, AgeBand::slug, &[])) },
        KeySpec { name: "waiting", help: "time in care, as in waiting>60d", values: Values::Span },
        KeySpec { name: "intake", help: "day of intake, as in intake>=2024-05", values: Values::Date },
        KeySpec { name: "requests", help: "open requests, as in requests>=3", values: Values::Count },
        KeySpec { name: "colour", help: "coat colour, or none", values: Values::Text },
        KeySpec { name: "foster", help: "in a foster home", values: Values::Words(|| vec!["yes", "no"]) },
        KeySpec {
            name: "hold",
            help: "on hold, and why",
            values: Values::Words(|| slugs(HoldKind::ALL, HoldKind::slug, &["any"])),
        },
        KeySpec { name: "archived", help: "archived cats", values: Values::Words(|| vec!["yes", "no", "any"]) },
        KeySpec { name: "tag", help: "the shelter's own number, or none", values: Values::Text },
        KeySpec { name: "sort", help: "order", values: Values::Words(|| slugs(CatSort::ALL, CatSort::slug, &[])) },
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
            "breed" => term.names(&mut self.breed)?,
            "health" => term.names(&mut self.health)?,
            "gender" => term.words(&mut self.gender, &[])?,
            "altered" => term.words(&mut self.altered, &[])?,
            "age" => self.age.push(term.span()?),
            "band" => term.words(&mut self.band, &[])?,
            "waiting" => self.waiting.push(term.span()?),
            "intake" => self.intake.push(term.date()?),
            "requests" => self.requests.push(term.count()?),
            "colour" => term.names(&mut self.colour)?,
            "foster" => self.foster = term.yes_no()?,
            "hold" => term.words(&mut self.hold, HOLDS)?,
            "archived" => self.archived = term.yes_no()?,
            "tag" => term.names(&mut self.tag)?,
            _ => self.sort = term.sort()?,
        }
        Ok(())
    }

    fn write(&self, line: &mut Line) {
        line.words("status", &self.status, STATUSES, |v| v.slug());
        line.names("breed", &self.breed);
        line.names("health", &self.health);
        line.words("gender", &self.gender, &[], |v| v.slug());
        line.words("altered", &self.altered, &[], |v| v.slug());
        line.compared("age", &self.age);
        line.words("band", &self.band, &[], |v| v.slug());
        line.compared("waiting", &self.waiting);
        line.compared("intake", &self.intake);
        line.compared("requests", &self.requests);
        line.names("colour", &self.colour);
        line.yes_no("foster", self.foster);
        line.words("hold", &self.hold, HOLDS, |v| v.slug());
        match self.archived {
            Some(false) => {}
            Some(true) => line.push("archived:yes"),
            None => line.push("archived:any"),
        }
        line.names("tag", &self.tag);
        line.sort(&self.sort, |v| v.slug());
    }
}
