//! `clowder audit` and `clowder undo`

use clap::Args;
use serde::Serialize;

use super::{
    Context, Failure, cats, json,
    json::known,
    table::{Table, number, text},
    users,
};
use crate::desk::{HistoryLine, TouchedLine};
use crate::model::{CommitNo, Error, Kind};

/// What `audit` takes.
#[derive(Debug, Args)]
pub struct Audit {
    /// Only this change, with each field before and after
    #[arg(value_name = "CHANGE")]
    change: Option<u64>,
    /// Only changes of this cat, by number or tag
    #[arg(long, group = "of")]
    cat: Option<String>,
    /// Only changes of this account, by user name or number
    #[arg(long, group = "of")]
    user: Option<String>,
    /// Only changes of this request, by number
    #[arg(long, group = "of")]
    request: Option<u32>,
    /// Only changes older than this one
    #[arg(long, value_name = "CHANGE", conflicts_with = "of")]
    before: Option<u64>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

/// What `undo` takes.
#[derive(Debug, Args)]
pub struct Undo {
    /// The number of the change, as "clowder audit" shows it [default: the last one made on the command line]
    #[arg(value_name = "CHANGE")]
    change: Option<u64>,
}

/// How many entries of the log are looked up at once.
const PAGE: usize = 200;

#[derive(Serialize)]
struct EntryJson<'a> {
    commit: u64,
    at: String,
    who: &'a str,
    door: &'static str,
    address: Option<&'a str>,
    action: &'static str,
    about: Option<&'a str>,
    note: Option<&'a str>,
    undoes: Option<u64>,
    touched: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<Vec<RecordJson<'a>>>,
}

#[derive(Serialize)]
struct RecordJson<'a> {
    kind: &'static str,
    id: u32,
    title: &'a str,
    fields: Vec<FieldJson<'a>>,
}

#[derive(Serialize)]
struct FieldJson<'a> {
    field: &'static str,
    before: Option<&'a str>,
    after: Option<&'a str>,
}

impl<'a> EntryJson<'a> {
    fn of(line: &'a HistoryLine) -> Self {
        let entry = &line.entry;
        Self {
            commit: entry.commit.0,
            at: entry.at.rfc3339(),
            who: &line.who,
            door: entry.actor.door.slug(),
            address: entry.actor.address.as_deref(),
            action: entry.action.slug(),
            about: known(&line.about),
            note: known(&entry.note),
            undoes: entry.undoes.map(|c| c.0),
            touched: entry.touched,
            records: None,
        }
    }

    fn with_records(line: &'a HistoryLine, records: &'a [TouchedLine]) -> Self {
        let records = records.iter().map(|r| RecordJson {
            kind: r.kind.slug(),
            id: r.id,
            title: &r.title,
            fields: r
                .diffs
                .iter()
                .map(|d| FieldJson { field: d.field, before: known(&d.before), after: known(&d.after) })
                .collect(),
        });
        Self { records: Some(records.collect()), ..Self::of(line) }
    }
}

const COLUMNS: &[super::table::Column] = &[
    number("CHANGE"),
    text("WHEN", 16),
    text("WHO", 20),
    text("DOOR", 14),
    text("WHAT", 28),
    text("ABOUT", 32),
    text("NOTE", 60),
];

const FIELDS: &[super::table::Column] = &[text("RECORD", 24), text("FIELD", 16), text("BEFORE", 40), text("AFTER", 40)];

fn row(line: &HistoryLine) -> Vec<String> {
    let entry = &line.entry;
    let door = match &entry.actor.address {
        Some(address) => format!("{} ({address})", entry.actor.door.label()),
        None => entry.actor.door.label().to_owned(),
    };
    vec![
        entry.commit.to_string(),
        entry.at.to_string(),
        line.who.clone(),
        door,
        entry.action.label().to_owned(),
        line.about.clone(),
        entry.note.clone(),
    ]
}

/// Prints the audit log, or one entry of it.
///
/// # Errors
/// The desk's, and those of the output.
pub fn audit(cx: &mut Context<'_>, audit: Audit) -> Result<(), Failure> {
    if let Some(change) = audit.change {
        return entry(cx, CommitNo(change));
    }
    let of = match (&audit.cat, &audit.user, audit.request) {
        (Some(cat), ..) => Some((Kind::Cat, cats::find(cx, cat)?.0)),
        (_, Some(user), _) => Some((Kind::User, users::find(cx, user)?.0)),
        (.., Some(request)) => Some((Kind::Request, request)),
        _ => None,
    };
    let mut before = audit.before.map(CommitNo);
    let mut left = audit.limit;
    let mut array = if cx.json { Some(json::Array::open(cx.out)?) } else { None };
    let mut table = Table::new(COLUMNS, cx.width);
    let mut empty = true;
    while left > 0 {
        let mut lines = match of {
            Some((kind, id)) => cx.desk.audit_of(cx.actor, kind, id, left)?,
            None => cx.desk.audit(cx.actor, before, left.min(PAGE))?,
        };
        let Some(last) = lines.last() else { break };
        empty = false;
        before = Some(last.entry.commit);
        left -= lines.len().min(left);
        name(cx, &mut lines)?;
        match &mut array {
            Some(array) => lines.iter().try_for_each(|line| array.push(cx.out, &EntryJson::of(line)))?,
            None => table.rows(cx.out, lines.iter().map(row))?,
        }
        if of.is_some() {
            break;
        }
    }
    match array {
        Some(array) => Ok(array.close(cx.out)?),
        None if empty => cx.note("Nothing was changed yet."),
        None => Ok(()),
    }
}

/// Says by name what each is about.
fn name(cx: &Context<'_>, lines: &mut [HistoryLine]) -> Result<(), Failure> {
    for line in lines {
        line.about = cx.desk.audit_about(cx.actor, &line.entry)?;
    }
    Ok(())
}

fn entry(cx: &mut Context<'_>, change: CommitNo) -> Result<(), Failure> {
    let mut lines = cx.desk.audit(cx.actor, change.0.checked_add(1).map(CommitNo), 1)?;
    name(cx, &mut lines)?;
    let Some(line) = lines.into_iter().find(|line| line.entry.commit == change) else {
        return Err(Error::NoChange(change).into());
    };
    cx.desk.wait_until_ready()?;
    let records = cx.desk.audit_entry(cx.actor, change)?;
    if cx.json {
        return cx.print_json(&EntryJson::with_records(&line, &records));
    }
    Table::new(COLUMNS, cx.width).rows(cx.out, [row(&line)])?;
    writeln!(cx.out)?;
    let rows = records.iter().flat_map(|record| {
        let title = format!("{} {}: {}", record.kind.label(), record.id, record.title);
        record.diffs.iter().map(move |d| vec![title.clone(), d.field.to_owned(), d.before.clone(), d.after.clone()])
    });
    Ok(Table::new(FIELDS, cx.width).rows(cx.out, rows)?)
}

/// Undoes a change.
///
/// # Errors
/// The desk's: when something it touched changed since, or it is of a kind that cannot be undone.
pub fn undo(cx: &mut Context<'_>, undo: Undo) -> Result<(), Failure> {
    let change = match undo.change {
        Some(change) => CommitNo(change),
        None => match cx.desk.last_undoable(cx.actor)? {
            Some(line) => line.entry.commit,
            None => return Err(Error::refused("there is nothing of yours to undo").into()),
        },
    };
    let done = cx.desk.undo(cx.actor, change)?;
    cx.print_done(&done.message, done.commit)
}
