//! Finding a cat or a person by a few letters, for pickers.

use super::{Desk, Reads};
use crate::model::{Actor, Cat, CatId, CatStatusKind, HealthStatus, Permission, Result, Role, User, UserId, decision};
use crate::store::catalog::Pickable;

/// One of those that match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PickLine {
    /// Its number.
    pub id: u32,
    /// What people call it.
    pub label: String,
    /// What tells it from others of that name, and what stands against it.
    pub note: String,
}

/// Joins what there is.
fn note(parts: &[&str]) -> String {
    parts.iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join(" · ")
}

impl Desk {
    /// At most `most` cats in care that match the typed letters by name or tag, best first.
    ///
    /// # Errors
    /// `Denied`.
    pub fn pick_cats(&self, actor: &Actor, typed: &str, most: usize) -> Result<Vec<PickLine>> {
        self.acting(actor, Permission::DecideRequests)?;
        let catalog = self.store().catalog();
        let in_care = |id: u32| catalog.cat(CatId(id)).is_some_and(|row| row.status.in_care());
        let found = catalog.fuzzy_among(Pickable::Cats, typed, most, in_care);
        let rows = found.iter().filter_map(|f| catalog.cat(CatId(f.id)));
        Ok(rows
            .map(|row| {
                let status = match row.status {
                    CatStatusKind::Available => "",
                    status => status.label(),
                };
                let asked = match row.open_requests {
                    0 => String::new(),
                    1 => "1 request".to_owned(),
                    n => format!("{n} requests"),
                };
                let tag = row.tag.as_deref().filter(|_| !row.name.is_empty()).unwrap_or_default();
                let breed = row.breed.map(|id| catalog.breed_name(id).to_owned()).unwrap_or_default();
                PickLine {
                    id: row.id.0,
                    label: catalog.cat_title(row.id),
                    note: note(&[tag, &breed, &status.to_lowercase(), &asked]),
                }
            })
            .collect())
    }

    /// At most `most` people that match the typed letters by full name or sign-in name, best first; those who
    /// are no admins find applicants only.
    ///
    /// # Errors
    /// `Denied`.
    pub fn pick_people(&self, actor: &Actor, typed: &str, most: usize) -> Result<Vec<PickLine>> {
        let acting = self.acting(actor, Permission::SeeContacts)?;
        let all = acting.may(Permission::ManageUsers);
        let catalog = self.store().catalog();
        let shown = |id: u32| all || catalog.user(UserId(id)).is_some_and(|row| row.role == Role::User);
        let found = catalog.fuzzy_among(Pickable::Users, typed, most, shown);
        let rows = found.iter().filter_map(|f| catalog.user(UserId(f.id)));
        Ok(rows
            .map(|row| {
                let username = if row.full_name.is_empty() { "" } else { &row.username };
                let reach = row.email.as_deref().unwrap_or(&row.phone);
                let flag = if row.banned { "do not adopt" } else { "" };
                PickLine { id: row.id.0, label: catalog.user_title(row.id), note: note(&[flag, username, reach]) }
            })
            .collect())
    }

    /// What taking a request for the cat needs, with nothing done: what an admin would override, the rest is an
    /// error. Without an applicant, what the cat alone asks for.
    ///
    /// # Errors
    /// `Refused` as [`Desk::take_request`] would be.
    pub fn preview_take(&self, actor: &Actor, cat: CatId, applicant: Option<UserId>) -> Result<decision::Need> {
        let acting = self.acting(actor, Permission::DecideRequests)?;
        self.read(|store| {
            let cat: Cat = store.load_or_missing(cat)?;
            let health: Option<HealthStatus> = cat.health.map(|id| store.load(id)).transpose()?.flatten();
            let user = match applicant {
                Some(id) => {
                    let user: User = store.load_or_missing(id)?;
                    super::requests::refuse_double(&super::cats::queue(store, cat.id)?, &user, &cat)?;
                    user
                }
                None => User::new("new", Role::User),
            };
            Ok(decision::may_ask(&cat, health.as_ref(), &user, acting.may(Permission::Override))?)
        })
    }
}
