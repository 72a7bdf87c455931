//! The adoption requests of the catalog.

use std::collections::HashMap;

use super::{
    Catalog,
    cat_query::needles,
    order::{Bits, Order},
    words::Place,
};
use crate::model::{
    AdoptionRequest, CatId, Day, RequestId, RequestStatus, Stamp, UserId,
    query::{Choice, Compare, Compared, Pick, RequestQuery, RequestSort, Span},
    request::OVERDUE_DAYS,
    text::fold,
};

/// A request as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRow {
    /// Its number.
    pub id: RequestId,
    /// Its revision.
    pub rev: u32,
    /// The cat asked for.
    pub cat: CatId,
    /// Who asks.
    pub user: UserId,
    /// Where it stands.
    pub status: RequestStatus,
    /// When it arrived.
    pub requested_at: Stamp,
    /// Staff wait for an answer of the applicant.
    pub awaiting_reply: bool,
}

impl RequestRow {
    fn key(&self) -> (i64, u32) {
        (self.requested_at.0, self.id.0)
    }
}

/// Requests of one cat or one user in order of arrival.
type Queues = HashMap<u32, Order<(i64, u32)>>;

/// Every request, indexed by number.
#[derive(Debug, Default)]
pub(super) struct Requests {
    pub rows: Vec<Option<RequestRow>>,
    settled: bool,
    date: Order<(i64, u32)>,
    date_in: [Order<(i64, u32)>; 8],
    of_cat: Queues,
    of_user: Queues,
}

fn requeue(queues: &mut Queues, owner: u32, before: Option<(i64, u32)>, after: Option<(i64, u32)>) {
    let queue = queues.entry(owner).or_default();
    queue.replace(before, after);
    if queue.keys().is_empty() {
        queues.remove(&owner);
    }
}

fn queue(queues: &Queues, owner: u32) -> impl DoubleEndedIterator<Item = u32> {
    queues.get(&owner).map_or(&[][..], |q| q.keys()).iter().map(|key| key.1)
}

impl Requests {
    pub(super) fn row(&self, id: u32) -> Option<&RequestRow> {
        self.rows.get(id as usize)?.as_ref()
    }

    /// Takes in a request, changed, new or deleted.
    pub(super) fn change(&mut self, id: u32, after: Option<&AdoptionRequest>) {
        let at = id as usize;
        if self.rows.len() <= at {
            self.rows.resize(at + 1, None);
        }
        let row = after.map(|r| RequestRow {
            id: r.id,
            rev: r.version.rev,
            cat: r.cat,
            user: r.user,
            status: r.status,
            requested_at: r.requested_at,
            awaiting_reply: r.awaiting_reply,
        });
        let old = std::mem::replace(&mut self.rows[at], row.clone());
        if let Some(old) = &old {
            let key = Some(old.key());
            if self.settled {
                self.date.replace(key, None);
                self.date_in[usize::from(old.status.code())].replace(key, None);
            }
            requeue(&mut self.of_cat, old.cat.0, key, None);
            requeue(&mut self.of_user, old.user.0, key, None);
        }
        if let Some(row) = &row {
            let key = Some(row.key());
            if self.settled {
                self.date.replace(None, key);
                self.date_in[usize::from(row.status.code())].replace(None, key);
            }
            requeue(&mut self.of_cat, row.cat.0, None, key);
            requeue(&mut self.of_user, row.user.0, None, key);
        }
    }

    /// Ends the loading: sorts once.
    pub(super) fn settle(&mut self) {
        let rows = || self.rows.iter().flatten();
        self.date.rebuild(rows().map(RequestRow::key));
        for (status, order) in self.date_in.iter_mut().enumerate() {
            order.rebuild(rows().filter(|r| usize::from(r.status.code()) == status).map(RequestRow::key));
        }
        self.settled = true;
    }

    pub(super) fn of_cat(&self, cat: u32) -> impl DoubleEndedIterator<Item = u32> {
        queue(&self.of_cat, cat)
    }

    pub(super) fn of_user(&self, user: u32) -> impl DoubleEndedIterator<Item = u32> {
        queue(&self.of_user, user)
    }

    /// How many of these are open.
    pub(super) fn open(&self, ids: impl Iterator<Item = u32>) -> u16 {
        let open = ids.filter(|id| self.row(*id).is_some_and(|r| r.status.is_open())).count();
        u16::try_from(open).unwrap_or(u16::MAX)
    }

    pub(super) fn in_status(&self, status: RequestStatus) -> &[(i64, u32)] {
        self.date_in[usize::from(status.code())].keys()
    }

    /// What differs from another table of the same records.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let last = self.rows.len().max(other.rows.len()) as u32;
        let mut out: Vec<String> = (1..last)
            .filter(|id| self.row(*id) != other.row(*id))
            .map(|id| format!("the catalog's row of request {id} is not as the record"))
            .collect();
        for (what, same) in [
            ("by date", self.date == other.date && self.date_in == other.date_in),
            ("of cats", self.of_cat == other.of_cat),
            ("of users", self.of_user == other.of_user),
        ] {
            if !same {
                out.push(format!("the catalog's order of requests {what} is wrong"));
            }
        }
        out
    }
}

/// The moments that lie as many days back as a term says: from (inclusive), to (exclusive).
fn moments(term: &Compared<Span>, today: Day) -> (i64, i64) {
    let start = |days_ago: i32| Day(today.0 - days_ago).start().0;
    let days = term.with.days();
    match term.compare {
        Compare::Less => (start(days - 1), i64::MAX),
        Compare::LessOrEqual => (start(days), i64::MAX),
        Compare::More => (i64::MIN, start(days)),
        Compare::MoreOrEqual => (i64::MIN, start(days - 1)),
        Compare::Equal | Compare::NotEqual => (start(days), start(days - 1)),
    }
}

impl Catalog {
    /// The requests that match, in order. A pending request is overdue when it arrived more than [`OVERDUE_DAYS`]
    /// days before `today`.
    pub fn requests(&self, q: &RequestQuery, today: Day) -> Vec<u32> {
        let requests = &self.requests;
        let overdue = Day(today.0 - OVERDUE_DAYS).start().0;
        let spans: Vec<_> = q.waiting.iter().map(|t| (t.compare == Compare::NotEqual, moments(t, today))).collect();
        let cat = self.picked(&q.cat, |id| self.cat_called(id));
        let user = self.picked(&q.user, |id| self.user_called(id));
        let (text, without) = (self.mentions(&q.text.words), self.mentions(&q.text.without));
        let pass = |r: &RequestRow| {
            let at = r.requested_at.0;
            q.status.accepts(&r.status)
                && spans.iter().all(|(not, (from, to))| (*from <= at && at < *to) != *not)
                && q.overdue.is_none_or(|want| want == (r.status == RequestStatus::Pending && at < overdue))
                && q.flagged.is_none_or(|want| want == self.user(r.user).is_some_and(|u| u.banned))
                && q.awaiting.is_none_or(|want| want == r.awaiting_reply)
                && (q.cat.is_open() || cat(r.cat.0))
                && (q.user.is_open() || user(r.user.0))
                && text.iter().all(|m| m.has(r))
                && !without.iter().any(|m| m.has(r))
        };
        let bits = Bits::of(requests.rows.len(), |id| requests.rows[id].as_ref().is_some_and(pass));
        let mut ids = match q.sort.key {
            RequestSort::Date => bits.pick(requests.date.keys().iter().map(|key| key.1)),
            RequestSort::Cat => bits.pick(self.cats.by_name().iter().flat_map(|cat| requests.of_cat(*cat))),
        };
        if q.sort.reversed {
            ids.reverse();
        }
        ids
    }

    /// Where each word is found: in the name or tag of which cats, in the name of which users.
    fn mentions(&self, typed: &[String]) -> Vec<Mention> {
        let mention = |word: String| {
            let mut cats = vec![0; self.cats.cells.len()];
            self.cats.words.score(&word, Place::Tag, &mut cats);
            let mut users = vec![0; self.users.rows.len()];
            self.users.words.score(&word, Place::Tag, &mut users);
            Mention { cats, users }
        };
        needles(typed).into_iter().map(mention).collect()
    }

    /// Everything that a cat is called, folded.
    fn cat_called(&self, id: u32) -> Vec<String> {
        self.cats.row(id).map_or_else(Vec::new, |r| {
            [Some(r.folded().to_owned()), r.tag.as_deref().map(fold)].into_iter().flatten().collect()
        })
    }

    /// Everything that a user is called, folded.
    fn user_called(&self, id: u32) -> Vec<String> {
        self.users.row(id).map_or_else(Vec::new, |r| vec![fold(&r.full_name), fold(&r.username)])
    }

    fn picked<'a>(
        &self,
        choice: &'a Choice<Pick>,
        called: impl Fn(u32) -> Vec<String> + 'a,
    ) -> impl Fn(u32) -> bool + 'a {
        let folded = |picks: &[Pick]| -> Vec<(Option<u32>, Option<String>)> {
            let fold = |pick: &Pick| match pick {
                Pick::Number(n) => (Some(*n), None),
                Pick::Name(name) => (name.parse().ok(), Some(fold(name))),
            };
            picks.iter().map(fold).collect()
        };
        let (any, none) = (folded(&choice.any), folded(&choice.none));
        move |id| {
            let names = called(id);
            let is = |(number, name): &(Option<u32>, Option<String>)| {
                *number == Some(id)
                    || name.as_ref().is_some_and(|name| {
                        names
                            .iter()
                            .any(|n| n.starts_with(name.as_str()) || n.split(' ').any(|w| w.starts_with(name.as_str())))
                    })
            };
            (any.is_empty() || any.iter().any(is)) && !none.iter().any(is)
        }
    }
}

/// The cats and users that a word is found in, by number.
struct Mention {
    cats: Vec<u8>,
    users: Vec<u8>,
}

impl Mention {
    fn has(&self, r: &RequestRow) -> bool {
        let found = |scores: &[u8], id: u32| scores.get(id as usize).is_some_and(|s| *s > 0);
        found(&self.cats, r.cat.0) || found(&self.users, r.user.0)
    }
}
