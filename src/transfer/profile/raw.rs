//! The profile as TOML has it, before it is checked.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// A word whose place is kept for messages.
pub(super) type Word = Spanned<String>;
pub(super) type Words = BTreeMap<String, Word>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    pub profile: String,
    #[serde(default)]
    pub about: String,
    #[serde(default)]
    pub file: File,
    #[serde(default)]
    pub rows: Rows,
    #[serde(default)]
    pub dates: Dates,
    #[serde(default)]
    pub tag: Tag,
    pub name: Option<Name>,
    pub breed: Option<Text>,
    pub colour: Option<Text>,
    pub health: Option<Text>,
    pub image: Option<Text>,
    pub description: Option<Description>,
    pub born: Option<Born>,
    pub gender: Option<Coded>,
    pub altered: Option<Coded>,
    pub intake: Option<Intake>,
    #[serde(default)]
    pub outcome: Outcome,
    #[serde(default)]
    pub hold: Vec<Hold>,
    pub status: Option<Status>,
    pub archived: Option<Coded>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub format: Option<Word>,
    pub encoding: Option<Word>,
    pub delimiter: Option<Word>,
    #[serde(default)]
    pub none: Vec<String>,
    #[serde(default)]
    pub optional: Vec<Word>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Rows {
    pub are: Option<Word>,
    #[serde(default)]
    pub only: Vec<Filter>,
    #[serde(default)]
    pub skip: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    pub column: Word,
    pub values: Vec<String>,
    pub why: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Dates {
    pub formats: Option<Vec<Word>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Tag {
    pub column: Option<Word>,
    pub required: Option<bool>,
    pub group: Option<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Name {
    pub column: Word,
    #[serde(default)]
    pub strip: String,
    pub case: Option<Word>,
    #[serde(default)]
    pub none: Vec<String>,
    #[serde(default)]
    pub drop_tag: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    pub column: Option<Word>,
    pub columns: Option<Vec<Word>>,
    pub pick: Option<Word>,
    pub join: Option<String>,
    pub case: Option<Word>,
    #[serde(default)]
    pub none: Vec<String>,
    pub map: Option<Words>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Description {
    pub columns: Vec<Word>,
    #[serde(default)]
    pub labels: Words,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Born {
    pub column: Option<Word>,
    pub formats: Option<Vec<Word>>,
    pub age_years: Option<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Coded {
    pub column: Word,
    pub map: Option<Words>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Intake {
    pub date: Word,
    pub formats: Option<Vec<Word>>,
    pub kind: Option<Word>,
    pub detail: Option<Word>,
    pub map: Option<Words>,
    pub fosters: Option<Word>,
    pub required: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Outcome {
    pub date: Option<Word>,
    pub formats: Option<Vec<Word>>,
    pub kind: Option<Word>,
    pub detail: Option<Word>,
    pub map: Option<Words>,
    pub missing: Option<Word>,
    pub back: Option<Word>,
    pub died: Option<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hold {
    pub column: Option<Word>,
    pub columns: Option<Vec<Word>>,
    pub map: Words,
    pub reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Status {
    pub column: Word,
    pub hold_kind: Option<Word>,
    pub hold_reason: Option<Word>,
    pub hold_until: Option<Word>,
}
