//! What the list of users can be asked.

use super::{Choice, Compared, KeySpec, Line, Query, Sort, TermIn, Text, Values};
use crate::model::{Role, coded::coded};

coded! {
    /// Orders of the list of users.
    pub enum UserSort("order") {
        /// By folded display name, then by number.
        Name = 1, "name", "Name";
        /// By folded sign-in name.
        Username = 2, "username", "Sign-in name";
        /// Latest account first.
        Newest = 3, "newest", "Newest";
    }
}

#[allow(clippy::derivable_impls, reason = "the macro that makes the enumeration takes no #[default]")]
impl Default for UserSort {
    fn default() -> Self {
        Self::Name
    }
}

/// A question to the list of users. The default is everybody, by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct UserQuery {
    /// What they may do.
    pub role: Choice<Role>,
    /// Cannot sign in.
    pub locked: Option<bool>,
    /// Must not adopt.
    pub banned: Option<bool>,
    /// Open requests.
    pub requests: Vec<Compared<u16>>,
    /// Words looked for in names, e-mail address and telephone number.
    pub text: Text,
    /// The order. With text the best match comes first and this orders the equally good.
    pub sort: Sort<UserSort>,
}

impl Query for UserQuery {
    const KEYS: &'static [KeySpec] = &[
        KeySpec {
            name: "role",
            help: "what they may do",
            values: Values::Words(|| Role::ALL.iter().map(|v| v.slug()).collect()),
        },
        KeySpec { name: "locked", help: "cannot sign in", values: Values::Words(|| vec!["yes", "no"]) },
        KeySpec { name: "banned", help: "must not adopt", values: Values::Words(|| vec!["yes", "no"]) },
        KeySpec { name: "requests", help: "open requests, as in requests>=1", values: Values::Count },
        KeySpec {
            name: "sort",
            help: "order",
            values: Values::Words(|| UserSort::ALL.iter().map(|v| v.slug()).collect()),
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
            "role" => term.words(&mut self.role, &[])?,
            "locked" => self.locked = term.yes_no()?,
            "banned" => self.banned = term.yes_no()?,
            "requests" => self.requests.push(term.count()?),
            _ => self.sort = term.sort()?,
        }
        Ok(())
    }

    fn write(&self, line: &mut Line) {
        line.words("role", &self.role, &[], |v| v.slug());
        line.yes_no("locked", self.locked);
        line.yes_no("banned", self.banned);
        line.compared("requests", &self.requests);
        line.sort(&self.sort, |v| v.slug());
    }
}
