//! Cats out, in the program's own format: what the profile `clowder` reads back.
//!
//! In CSV a cat has a row for each of its stays (one row when it has none), with the cat's own fields
//! repeated. In NDJSON a cat is one line with a list of `stays`. The columns are [`COLUMNS`].

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::profile::Format;
use super::values::write_fosters;
use crate::model::{Cat, CatStatus, Hold, Stay};

/// The columns of the program's own CSV. The first ones are of the cat, those from `intake_date` on of one stay.
pub const COLUMNS: [&str; 21] = [
    "id",
    "tag",
    "name",
    "breed",
    "born",
    "gender",
    "altered",
    "colour",
    "health",
    "status",
    "hold_kind",
    "hold_reason",
    "hold_until",
    "description",
    "image_url",
    "archived",
    "intake_date",
    "intake_kind",
    "outcome_date",
    "outcome_kind",
    "fosters",
];

/// Which of the columns are of a stay.
const OF_STAY: usize = 16;

/// A cat with its breed and health status by name.
#[derive(Debug, Clone, Copy)]
pub struct ExportCat<'a> {
    /// The cat.
    pub cat: &'a Cat,
    /// The name of its breed.
    pub breed: Option<&'a str>,
    /// The name of its health status.
    pub health: Option<&'a str>,
}

/// Writes cats one after the other.
pub struct Exporter<W: Write> {
    out: Out<W>,
}

enum Out<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Ndjson(W),
}

impl<W: Write> Exporter<W> {
    /// Begins; CSV begins with a header line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(format: Format, out: W) -> io::Result<Self> {
        let out = match format {
            Format::Ndjson => Out::Ndjson(out),
            Format::Csv => {
                let mut csv = csv::Writer::from_writer(out);
                csv.write_record(COLUMNS).map_err(plain)?;
                Out::Csv(Box::new(csv))
            }
        };
        Ok(Self { out })
    }

    /// Writes one cat.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, cat: ExportCat<'_>) -> io::Result<()> {
        let of_cat = of_cat(cat);
        let stays = &cat.cat.stays;
        match &mut self.out {
            Out::Csv(csv) => {
                if stays.is_empty() {
                    let none = std::iter::repeat_n(String::new(), COLUMNS.len() - OF_STAY);
                    csv.write_record(of_cat.iter().cloned().chain(none)).map_err(plain)?;
                }
                for stay in stays {
                    csv.write_record(of_cat.iter().chain(&of_stay(stay))).map_err(plain)?;
                }
                Ok(())
            }
            Out::Ndjson(out) => {
                let mut object: Map<String, Value> = COLUMNS
                    .iter()
                    .zip(of_cat)
                    .filter(|(_, value)| !value.is_empty())
                    .map(|(name, value)| ((*name).to_owned(), Value::String(value)))
                    .collect();
                object.insert("id".to_owned(), json!(cat.cat.id.0));
                object.insert("archived".to_owned(), json!(cat.cat.archived));
                object.insert("stays".to_owned(), stays.iter().map(json_stay).collect());
                serde_json::to_writer(&mut *out, &object)?;
                out.write_all(b"\n")
            }
        }
    }

    /// Ends, and gives back what was written to.
    ///
    /// # Errors
    /// When the rest cannot be written.
    pub fn finish(self) -> io::Result<W> {
        match self.out {
            Out::Csv(csv) => csv.into_inner().map_err(|e| e.into_error()),
            Out::Ndjson(mut out) => {
                out.flush()?;
                Ok(out)
            }
        }
    }
}

/// The error of the output itself: wrapped, a reader that has read enough would look like trouble.
fn plain(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}

fn of_cat(ExportCat { cat, breed, health }: ExportCat<'_>) -> Vec<String> {
    let hold: Option<&Hold> = match &cat.status {
        CatStatus::OnHold(hold) => Some(hold),
        CatStatus::Pending { held } => held.as_ref(),
        CatStatus::Available | CatStatus::Adopted | CatStatus::Departed(_) => None,
    };
    let status = match &cat.status {
        CatStatus::Departed(kind) => format!("{}/{}", cat.status.kind().slug(), kind.slug()),
        other => other.kind().slug().to_owned(),
    };
    vec![
        cat.id.to_string(),
        text(cat.tag.as_deref()),
        cat.name.clone(),
        text(breed),
        text(cat.born),
        cat.gender.slug().to_owned(),
        cat.altered.slug().to_owned(),
        cat.colour.clone(),
        text(health),
        status,
        text(hold.map(|h| h.kind.slug())),
        text(hold.map(|h| &*h.reason)),
        text(hold.and_then(|h| h.until)),
        cat.description.clone(),
        text(cat.image_url.as_deref()),
        if cat.archived { "yes" } else { "no" }.to_owned(),
    ]
}

fn of_stay(stay: &Stay) -> [String; COLUMNS.len() - OF_STAY] {
    [
        stay.intake.to_string(),
        stay.kind.slug().to_owned(),
        text(stay.outcome.and_then(|o| o.date)),
        text(stay.outcome.map(|o| o.kind.slug())),
        write_fosters(&stay.fosters),
    ]
}

fn json_stay(stay: &Stay) -> Value {
    let mut object: Map<String, Value> = COLUMNS[OF_STAY..]
        .iter()
        .zip(of_stay(stay))
        .filter(|(name, value)| !value.is_empty() && **name != "fosters")
        .map(|(name, value)| ((*name).to_owned(), Value::String(value)))
        .collect();
    let fosters: Vec<Value> = stay
        .fosters
        .iter()
        .map(|s| json!({ "out": s.out.to_string(), "back": s.back.map(|b| b.to_string()) }))
        .collect();
    object.insert("fosters".to_owned(), Value::Array(fosters));
    Value::Object(object)
}
