//! Records field by field, for the audit log, conflicts and previews.

use super::Desk;
use crate::model::{AdoptionRequest, Breed, Cat, CatStatus, HealthStatus, Kind, Record, Touched, User, UserId};

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDiff {
    /// The field.
    pub field: &'static str,
    /// As it was; empty when it was unset.
    pub before: String,
    /// As it became.
    pub after: String,
}

impl FieldDiff {
    /// Keeps that there was a value, not which.
    fn blank(&mut self) {
        for value in [&mut self.before, &mut self.after] {
            if !value.is_empty() {
                "removed".clone_into(value);
            }
        }
    }
}

/// A record as named fields with their values in words.
pub(super) trait Fields: Record {
    fn fields(&self) -> Vec<(&'static str, String)>;
}

fn opt(value: &Option<impl ToString>) -> String {
    value.as_ref().map(ToString::to_string).unwrap_or_default()
}

impl Fields for Breed {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![("name", self.name.clone()), ("description", self.description.clone())]
    }
}

impl Fields for HealthStatus {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("name", self.name.clone()),
            ("description", self.description.clone()),
            ("prevents_adoption", yes_no(self.prevents_adoption)),
        ]
    }
}

fn yes_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

/// The adoption status in words, with its details.
pub(super) fn status_words(status: &CatStatus) -> String {
    let label = status.kind().label();
    match status {
        CatStatus::OnHold(hold) => {
            let until = hold.until.map(|d| format!(" until {d}")).unwrap_or_default();
            let reason = if hold.reason.is_empty() { String::new() } else { format!(": {}", hold.reason) };
            format!("{label}, {}{until}{reason}", hold.kind.label().to_lowercase())
        }
        CatStatus::Departed(kind) => format!("{label}, {}", kind.label().to_lowercase()),
        _ => label.to_owned(),
    }
}

impl Fields for Cat {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let stays = self.stays.iter().map(|s| {
            let outcome = s.outcome.map_or_else(String::new, |o| {
                format!(" to {} {}", o.date.map(|d| d.to_string()).unwrap_or_else(|| "?".to_owned()), o.kind.slug())
            });
            let fosters: String = s
                .fosters
                .iter()
                .map(|f| format!(" (foster {}{})", f.out, f.back.map(|d| format!(" to {d}")).unwrap_or_default()))
                .collect();
            format!("{} {}{fosters}{outcome}", s.intake, s.kind.slug())
        });
        vec![
            ("tag", opt(&self.tag)),
            ("name", self.name.clone()),
            ("breed", opt(&self.breed)),
            ("born", opt(&self.born)),
            ("gender", self.gender.label().to_owned()),
            ("altered", self.altered.label().to_owned()),
            ("colour", self.colour.clone()),
            ("health", opt(&self.health)),
            ("status", status_words(&self.status)),
            ("description", self.description.clone()),
            ("image_url", opt(&self.image_url)),
            ("stays", stays.collect::<Vec<_>>().join("; ")),
            ("archived", yes_no(self.archived)),
        ]
    }
}

impl Fields for User {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let lock = self.locked.as_ref().map(|l| if l.reason.is_empty() { "yes".to_owned() } else { l.reason.clone() });
        let preferences = &self.preferences;
        let wants = preferences
            .breeds
            .iter()
            .map(|b| format!("breed {b}"))
            .chain(preferences.ages.iter().map(|a| a.slug().to_owned()))
            .chain(preferences.genders.iter().map(|g| g.slug().to_owned()))
            .chain(preferences.altered.map(|a| format!("altered {}", a.slug())));
        vec![
            ("username", self.username.clone()),
            ("full_name", self.full_name.clone()),
            ("email", opt(&self.email)),
            ("phone", self.phone.clone()),
            ("role", self.role.label().to_owned()),
            ("locked", lock.unwrap_or_default()),
            ("banned", self.banned.as_ref().map(|b| b.reason.clone()).unwrap_or_default()),
            ("preferences", wants.collect::<Vec<_>>().join(", ")),
            ("favourites", self.favourites.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
            ("ssh_keys", self.ssh_keys.iter().map(|k| k.comment.clone()).collect::<Vec<_>>().join(", ")),
            ("anonymised", yes_no(self.anonymised)),
        ]
    }
}

impl Fields for AdoptionRequest {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("cat", self.cat.to_string()),
            ("user", self.user.to_string()),
            ("requested_at", self.requested_at.to_string()),
            ("status", self.status.label().to_owned()),
            ("awaiting_reply", yes_no(self.awaiting_reply)),
            ("notes", self.notes.clone()),
            ("reason", self.decision.as_ref().map(|d| d.reason.clone()).unwrap_or_default()),
        ]
    }
}

/// The fields in which two states of a record differ.
pub(super) fn diff<R: Fields>(before: Option<&R>, after: Option<&R>) -> Vec<FieldDiff> {
    let (before, after) = (before.map(Fields::fields), after.map(Fields::fields));
    let names = after.as_ref().or(before.as_ref()).into_iter().flatten().map(|(name, _)| *name);
    let value = |fields: &Option<Vec<(&'static str, String)>>, i: usize| {
        fields.as_ref().and_then(|f| f.get(i)).map(|(_, v)| v.clone()).unwrap_or_default()
    };
    names
        .enumerate()
        .map(|(i, field)| FieldDiff { field, before: value(&before, i), after: value(&after, i) })
        .filter(|d| d.before != d.after)
        .collect()
}

/// The names of the fields that differ, for an audit note.
pub(super) fn changed_names<R: Fields>(before: &R, after: &R) -> String {
    names(&diff(Some(before), Some(after)).iter().map(|d| d.field).collect::<Vec<_>>())
}

/// Field names as an audit note has them.
pub(super) fn names(fields: &[&str]) -> String {
    fields.join(", ")
}

impl Desk {
    /// The fields of one touched record that a commit changed. A state that cannot be read counts as unset.
    pub(super) fn diff(&self, touched: &Touched) -> Vec<FieldDiff> {
        match touched.kind {
            Kind::Breed => self.diff_as::<Breed>(touched),
            Kind::Health => self.diff_as::<HealthStatus>(touched),
            Kind::Cat => {
                let mut diffs = self.diff_as::<Cat>(touched);
                for d in &mut diffs {
                    for value in [&mut d.before, &mut d.after] {
                        if let ("breed" | "health", Ok(id)) = (d.field, value.parse::<u32>()) {
                            *value = self.catalogue_name(d.field == "breed", id);
                        }
                    }
                }
                diffs
            }
            Kind::User => {
                let mut diffs = self.diff_as::<User>(touched);
                if self.is_anonymised(UserId(touched.id)) {
                    let personal = ["username", "full_name", "email", "phone", "preferences", "favourites", "ssh_keys"];
                    diffs.iter_mut().filter(|d| personal.contains(&d.field)).for_each(FieldDiff::blank);
                }
                diffs
            }
            Kind::Request => {
                let mut diffs = self.diff_as::<AdoptionRequest>(touched);
                let request = self.store().get::<AdoptionRequest>(crate::model::RequestId(touched.id));
                if matches!(request, Ok(Some(r)) if self.is_anonymised(r.user)) {
                    diffs.iter_mut().filter(|d| d.field == "notes").for_each(FieldDiff::blank);
                }
                diffs
            }
        }
    }

    /// Whether a person's details were removed: they must not come back through the log.
    fn is_anonymised(&self, id: UserId) -> bool {
        matches!(self.store().get::<User>(id), Ok(Some(user)) if user.anonymised)
    }

    fn diff_as<R: Fields>(&self, touched: &Touched) -> Vec<FieldDiff> {
        let state = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(|b| self.store().decode::<R>(b).ok());
        diff(state(&touched.before).as_ref(), state(&touched.after).as_ref())
    }

    /// What a touched record was called (after the commit, else before it).
    pub(super) fn touched_title(&self, touched: &Touched) -> String {
        fn title<R: Record>(desk: &Desk, touched: &Touched) -> String {
            let bytes = touched.after.as_deref().or(touched.before.as_deref());
            bytes.and_then(|b| desk.store().decode::<R>(b).ok()).map(|r| r.title()).unwrap_or_default()
        }
        match touched.kind {
            Kind::Breed => title::<Breed>(self, touched),
            Kind::Health => title::<HealthStatus>(self, touched),
            Kind::Cat => title::<Cat>(self, touched),
            Kind::User => match self.store().get::<User>(UserId(touched.id)) {
                // An anonymised person's old name must not come back through the log.
                Ok(Some(user)) => user.display_name(),
                _ => title::<User>(self, touched),
            },
            Kind::Request => title::<AdoptionRequest>(self, touched),
        }
    }

    fn catalogue_name(&self, breed: bool, id: u32) -> String {
        let catalog = self.store().catalog();
        let name = if breed {
            catalog.breed_name(crate::model::BreedId(id))
        } else {
            catalog.health_name(crate::model::HealthId(id))
        };
        if name.is_empty() {
            format!("{} {id}", if breed { "breed" } else { "health status" })
        } else {
            name.to_owned()
        }
    }
}
