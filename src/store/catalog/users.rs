//! The users of the catalog.

use super::{
    Catalog,
    cat_query::needles,
    words::{Place, Tokens, Words},
};
use crate::model::{
    Role, Stamp, User, UserId,
    query::{UserQuery, UserSort},
    text::fold,
};

/// A user as lists show it, and what rights are checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// Their number.
    pub id: UserId,
    /// The revision.
    pub rev: u32,
    /// The sign-in name.
    pub username: Box<str>,
    /// Their name; may be empty.
    pub full_name: Box<str>,
    /// The e-mail address.
    pub email: Option<Box<str>>,
    /// The telephone number; may be empty.
    pub phone: Box<str>,
    /// What they may do.
    pub role: Role,
    /// Cannot sign in.
    pub locked: bool,
    /// Must not adopt.
    pub banned: bool,
    /// Their details were removed.
    pub anonymised: bool,
    /// When the account was made.
    pub registered_at: Stamp,
    /// Open requests of theirs.
    pub open_requests: u16,
}

impl UserRow {
    /// What people call them: the full name, else the sign-in name.
    pub fn display_name(&self) -> &str {
        if self.full_name.is_empty() { &self.username } else { &self.full_name }
    }
}

fn tokens(user: Option<&User>) -> Tokens {
    let mut tokens = Tokens::default();
    if let Some(user) = user {
        tokens.add(&user.full_name, Place::Name);
        tokens.add(&user.username, if user.full_name.is_empty() { Place::Name } else { Place::Tag });
        tokens.add(user.email.as_deref().unwrap_or_default(), Place::Tag);
        tokens.add(&user.phone, Place::Tag);
        tokens.add_digits(&user.phone, Place::Tag);
    }
    tokens.done()
}

/// Every user, indexed by number.
#[derive(Debug, Default)]
pub(super) struct Users {
    pub rows: Vec<Option<UserRow>>,
    pub words: Words,
}

impl Users {
    pub(super) fn row(&self, id: u32) -> Option<&UserRow> {
        self.rows.get(id as usize)?.as_ref()
    }

    pub(super) fn change(&mut self, id: u32, before: Option<&User>, after: Option<&User>, open_requests: u16) {
        let known = self.row(id).map(|r| r.rev);
        if known.is_some() && known != before.map(|b| b.version.rev) {
            self.words.forget(id);
            self.words.change(id, &Tokens::default(), &tokens(after));
        } else {
            self.words.change(id, &tokens(before.filter(|_| known.is_some())), &tokens(after));
        }
        let at = id as usize;
        if self.rows.len() <= at {
            self.rows.resize(at + 1, None);
        }
        self.rows[at] = after.map(|user| UserRow {
            id: user.id,
            rev: user.version.rev,
            username: user.username.as_str().into(),
            full_name: user.full_name.as_str().into(),
            email: user.email.as_deref().map(Into::into),
            phone: user.phone.as_str().into(),
            role: user.role,
            locked: user.locked.is_some(),
            banned: user.banned.is_some(),
            anonymised: user.anonymised,
            registered_at: user.registered_at,
            open_requests,
        });
    }

    pub(super) fn set_open_requests(&mut self, id: u32, open: u16) {
        if let Some(row) = self.rows.get_mut(id as usize).and_then(Option::as_mut) {
            row.open_requests = open;
        }
    }

    /// What differs from another table of the same records.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let last = self.rows.len().max(other.rows.len()) as u32;
        let mut out: Vec<String> = (1..last)
            .filter(|id| self.row(*id) != other.row(*id))
            .map(|id| format!("the catalog's row of user {id} is not as the record"))
            .collect();
        out.extend(self.words.differences(&other.words));
        out
    }
}

impl Catalog {
    /// The users that match, in order. There are few enough that they are sorted when asked for.
    pub fn users(&self, q: &UserQuery) -> Vec<u32> {
        let users = &self.users;
        let wanted = needles(&q.text.words);
        let mut total = vec![u8::from(wanted.is_empty()); users.rows.len()];
        let mut best = vec![0_u8; users.rows.len()];
        for (n, word) in wanted.iter().enumerate() {
            best.fill(0);
            users.words.score(word, Place::Text, &mut best);
            for (total, best) in total.iter_mut().zip(&best) {
                *total = if *best == 0 || n > 0 && *total == 0 { 0 } else { *total + *best };
            }
        }
        for word in needles(&q.text.without) {
            best.fill(0);
            users.words.score(&word, Place::Text, &mut best);
            total.iter_mut().zip(&best).filter(|(_, best)| **best > 0).for_each(|(total, _)| *total = 0);
        }
        let mut found: Vec<(u8, &UserRow)> = users
            .rows
            .iter()
            .zip(&total)
            .filter_map(|(row, total)| Some((255 - *total, row.as_ref().filter(|_| *total > 0)?)))
            .filter(|(_, row)| {
                q.role.accepts(&row.role)
                    && q.locked.is_none_or(|want| want == row.locked)
                    && q.banned.is_none_or(|want| want == row.banned)
                    && q.requests.iter().all(|t| t.compare.holds(row.open_requests, t.with))
            })
            .collect();
        match q.sort.key {
            UserSort::Name => found.sort_by_cached_key(|(_, r)| fold(r.display_name())),
            UserSort::Username => found.sort_by_cached_key(|(_, r)| fold(&r.username)),
            UserSort::Newest => found.reverse(),
        }
        if q.sort.reversed {
            found.reverse();
        }
        found.sort_by_key(|(rank, _)| *rank);
        found.into_iter().map(|(_, row)| row.id.0).collect()
    }
}
