//! `clowder sessions …`: who is on, and ending somebody's session.

use std::io::Write as _;

use clap::Subcommand;
use serde::Serialize;

use super::{
    Context, Failure,
    json::{self, known},
    table::{Table, number, text},
};
use crate::session::registry::{Seat, SessionLine};

/// What can be done with sessions; for admins.
#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// List everybody who is on: people at the screens, and commands that run
    List,
    /// End a session with a sentence to whoever has it; what was saved stays
    End {
        /// The session's number, as in the list
        id: u64,
    },
}

#[derive(Serialize)]
struct SessionJson<'a> {
    id: u64,
    name: Option<&'a str>,
    user: Option<u32>,
    command: Option<&'a str>,
    door: &'static str,
    address: Option<&'a str>,
    since: String,
    idle_seconds: u64,
    /// It is the session that asks.
    this: bool,
    /// The store is closed with it.
    holds_store: bool,
}

impl<'a> SessionJson<'a> {
    fn of(line: &'a SessionLine, own: u64) -> Self {
        Self {
            id: line.id,
            name: line.who.as_ref().map(|person| &*person.name),
            user: line.who.as_ref().and_then(|person| person.user).map(|user| user.0),
            command: known(&line.what),
            door: line.door.slug(),
            address: line.address.as_deref(),
            since: line.since.rfc3339(),
            idle_seconds: line.idle.as_secs(),
            this: line.id == own,
            holds_store: line.owner,
        }
    }
}

const COLUMNS: &[super::table::Column] = &[
    number("ID"),
    text("NAME", 24),
    text("DOOR", 14),
    text("FROM", 24),
    text("SINCE", 16),
    text("IDLE", 8),
    text("COMMAND", 30),
];

/// What is said where nobody serves the store.
const ALONE: &str = "no Clowder serves this store now, so there are no sessions";

/// Runs one of the commands.
///
/// # Errors
/// The desk's, the registry's, and those of the output.
pub fn run(cx: &mut Context<'_>, command: &SessionsCommand) -> Result<(), Failure> {
    let Some(seat) = cx.seat.clone() else { return Err(Failure::Failed(ALONE.to_owned())) };
    match command {
        SessionsCommand::List => list(cx, &seat),
        SessionsCommand::End { id } => {
            let done = seat.registry().end_for(cx.desk, cx.actor, seat.id(), *id)?;
            cx.print_done(&done, None)
        }
    }
}

/// The answer where nobody serves the store: an empty list, and nothing to end.
///
/// # Errors
/// There is nothing to end; the output cannot be written.
pub fn alone(json: bool, command: &SessionsCommand) -> Result<(), Failure> {
    if matches!(command, SessionsCommand::End { .. }) {
        return Err(Failure::Failed(ALONE.to_owned()));
    }
    if json {
        writeln!(std::io::stdout(), "[]")?;
    }
    Ok(writeln!(std::io::stderr(), "{}", crate::ui::cx::sentence(ALONE))?)
}

fn list(cx: &mut Context<'_>, seat: &Seat) -> Result<(), Failure> {
    let lines = seat.registry().list_for(cx.desk, cx.actor)?;
    if cx.json {
        let mut array = json::Array::open(cx.out)?;
        for line in &lines {
            array.push(cx.out, &SessionJson::of(line, seat.id()))?;
        }
        return Ok(array.close(cx.out)?);
    }
    let rows = lines.into_iter().map(|line| {
        let name = line.who.as_ref().map_or("(not signed in)", |person| &person.name).to_owned();
        let idle = line.idle_words();
        let what = match (line.id == seat.id(), line.owner) {
            (true, _) => "(this one)".to_owned(),
            (_, true) => "(holds the store)".to_owned(),
            _ => line.what,
        };
        let from = line.address.unwrap_or_default();
        vec![line.id.to_string(), name, line.door.label().to_owned(), from, line.since.minute(), idle, what]
    });
    Ok(Table::new(COLUMNS, cx.width).rows(cx.out, rows)?)
}
