//! How long a text may be, in bytes of UTF-8 once cleaned. Together they keep a record small enough
//! for the store (a value past 64 KiB would go to a file that the engine never syncs).

/// A name of a cat, breed, health status or person.
pub const NAME: usize = 160;
/// A tag.
pub const TAG: usize = 40;
/// A colour.
pub const COLOUR: usize = 80;
/// A description of a cat, breed or health status.
pub const DESCRIPTION: usize = 2_000;
/// An applicant's notes.
pub const NOTES: usize = 1_000;
/// A reason or note of the staff.
pub const REASON: usize = 240;
/// A sign-in name.
pub const USERNAME: usize = 32;
/// An e-mail address (RFC 5321).
pub const EMAIL: usize = 254;
/// A telephone number.
pub const PHONE: usize = 40;
/// An address of a picture.
pub const URL: usize = 400;
/// The shortest password, in characters.
pub const PASSWORD_MIN: usize = 10;
/// The longest password, in bytes.
pub const PASSWORD_MAX: usize = 256;
/// Lines of history kept in a request.
pub const HISTORY: usize = 10;
/// Stays kept in a cat.
pub const STAYS: usize = 60;
/// Times in foster homes that an import puts into a cat, in all its stays together.
pub const FOSTERS: usize = 200;
/// Marked cats of a user.
pub const FAVOURITES: usize = 100;
/// Breeds that a user looks for.
pub const BREEDS: usize = 50;
/// SSH keys of a user.
pub const SSH_KEYS: usize = 4;
/// One SSH key in its one-line form: room for RSA of 4096 bits.
pub const SSH_KEY: usize = 800;
/// What somebody calls an SSH key.
pub const KEY_COMMENT: usize = 80;
/// A whole record, encoded: seventeen of them, as many as the engine keeps in a page, stay below the 128 KiB past
/// which a page goes to a file that is never synced.
pub const RECORD: usize = 6 * 1024;
