//! The catalog's reading side, until the catalog has it: delete this file then.

use super::Catalog;
use crate::model::{
    Altered, BreedId, CatId, CatStatusKind, Day, Gender, HealthId, PartialDate, RequestId, RequestStatus, Role, Stamp,
    UserId,
    query::{CatQuery, RequestQuery, UserQuery},
};

#[allow(missing_docs)]
pub struct CatRow {
    pub id: CatId,
    pub name: Box<str>,
    pub tag: Option<Box<str>>,
    pub breed: Option<BreedId>,
    pub born: Option<PartialDate>,
    pub gender: Gender,
    pub altered: Altered,
    pub colour: Box<str>,
    pub health: Option<HealthId>,
    pub status: CatStatusKind,
    pub intake: Option<Day>,
    pub in_foster: bool,
    pub archived: bool,
    pub open_requests: u16,
}
#[allow(missing_docs)]
pub struct UserRow {
    pub id: UserId,
    pub username: Box<str>,
    pub full_name: Box<str>,
    pub email: Option<Box<str>>,
    pub phone: Box<str>,
    pub role: Role,
    pub locked: bool,
    pub banned: bool,
    pub anonymised: bool,
    pub open_requests: u16,
    pub registered_at: Stamp,
}
#[allow(missing_docs)]
pub struct RequestRow {
    pub id: RequestId,
    pub cat: CatId,
    pub user: UserId,
    pub status: RequestStatus,
    pub requested_at: Stamp,
    pub awaiting_reply: bool,
}
#[allow(missing_docs)]
impl Catalog {
    pub fn cats(&self, _q: &CatQuery, _today: Day) -> Vec<u32> {
        unimplemented!()
    }
    pub fn requests(&self, _q: &RequestQuery, _today: Day) -> Vec<u32> {
        unimplemented!()
    }
    pub fn users(&self, _q: &UserQuery) -> Vec<u32> {
        unimplemented!()
    }
    pub fn cat(&self, _id: CatId) -> Option<CatRow> {
        unimplemented!()
    }
    pub fn user(&self, _id: UserId) -> Option<UserRow> {
        unimplemented!()
    }
    pub fn request(&self, _id: RequestId) -> Option<RequestRow> {
        unimplemented!()
    }
    pub fn breed_name(&self, _id: BreedId) -> &str {
        unimplemented!()
    }
    pub fn health_name(&self, _id: HealthId) -> &str {
        unimplemented!()
    }
    /// On offer to everyone: available, not archived, in no state of health that keeps it from being adopted.
    pub fn is_offered(&self, _id: CatId) -> bool {
        unimplemented!()
    }
    /// The place of an open request in its cat's queue, from 1, and the length of that queue.
    pub fn place(&self, _id: RequestId) -> (Option<usize>, usize) {
        unimplemented!()
    }
    /// What people call a cat / a user: name, else tag, else "cat 7" / full name, else sign-in name.
    pub fn cat_title(&self, _id: CatId) -> String {
        unimplemented!()
    }
    pub fn user_title(&self, _id: UserId) -> String {
        unimplemented!()
    }
}
