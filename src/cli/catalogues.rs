//! `clowder breeds …` and `clowder health …`

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Context, Failure, json,
    json::known,
    table::{Column, Table, card, number, text},
    yes_no,
};
use crate::desk::{Catalogue, CatalogueChange, CatalogueEntry, CatalogueLine};
use crate::model::{Error, text::fold};

/// What can be done with breeds.
#[derive(Debug, Subcommand)]
pub enum BreedsCommand {
    /// List every breed by name
    List,
    /// Show one breed
    Show(Which),
    /// Add a breed
    Add {
        /// Its name
        name: String,
        /// Characteristics and care
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Change a breed: only what is given changes
    Edit {
        #[command(flatten)]
        which: Which,
        /// Another name
        #[arg(long)]
        name: Option<String>,
        /// Characteristics and care
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// The revision that the change was made on
        #[arg(long, value_name = "N")]
        rev: Option<u32>,
    },
    /// Delete a breed; its cats are without one then
    Delete(Delete),
    /// Add the breeds and health statuses that come with the program
    Stock,
}

/// What can be done with health statuses.
#[derive(Debug, Subcommand)]
pub enum HealthCommand {
    /// List every health status by name
    List,
    /// Show one health status
    Show(Which),
    /// Add a health status
    Add {
        /// Its name
        name: String,
        /// Care or treatment
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Whether it keeps a cat from being adopted
        #[arg(long, value_name = "YES|NO", value_parser = yes_no(), action = clap::ArgAction::Set)]
        prevents_adoption: Option<bool>,
    },
    /// Change a health status: only what is given changes
    Edit {
        #[command(flatten)]
        which: Which,
        /// Another name
        #[arg(long)]
        name: Option<String>,
        /// Care or treatment
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Whether it keeps a cat from being adopted
        #[arg(long, value_name = "YES|NO", value_parser = yes_no(), action = clap::ArgAction::Set)]
        prevents_adoption: Option<bool>,
        /// The revision that the change was made on
        #[arg(long, value_name = "N")]
        rev: Option<u32>,
    },
    /// Delete a health status; its cats are without one then
    Delete(Delete),
}

/// One breed or health status on the command line.
#[derive(Debug, Args)]
pub struct Which {
    /// Its number or name
    #[arg(value_name = "ID|NAME")]
    which: String,
}

/// What deleting takes.
#[derive(Debug, Args)]
pub struct Delete {
    #[command(flatten)]
    which: Which,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// The line with that name, whatever its case and accents.
pub fn by_name(lines: Vec<CatalogueLine>, name: &str) -> Option<CatalogueLine> {
    let wanted = fold(name);
    lines.into_iter().find(|line| fold(&line.name) == wanted)
}

/// The line that somebody wrote as a name or number; names go first.
fn find(cx: &Context<'_>, list: Catalogue, Which { which }: &Which) -> Result<CatalogueLine, Failure> {
    let lines = list.lines(cx.desk, cx.actor)?;
    let number = which.trim_start_matches('#').parse::<u32>().ok();
    let numbered = lines.iter().find(|line| number == Some(line.id)).cloned();
    by_name(lines, which).or(numbered).ok_or_else(|| Error::not_found(list.kind(), which).into())
}

#[derive(Serialize)]
struct EntryJson<'a> {
    id: u32,
    name: &'a str,
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prevents_adoption: Option<bool>,
    cats: u64,
    rev: u32,
}

impl<'a> EntryJson<'a> {
    fn of(list: Catalogue, entry: &'a CatalogueEntry, cats: u64) -> Self {
        Self {
            id: entry.id,
            name: &entry.name,
            description: known(&entry.description),
            prevents_adoption: (list == Catalogue::Health).then_some(entry.prevents_adoption),
            cats,
            rev: entry.rev,
        }
    }
}

/// Runs one of the commands for breeds.
///
/// # Errors
/// The desk's, and those of the output.
pub fn breeds(cx: &mut Context<'_>, command: BreedsCommand) -> Result<(), Failure> {
    use BreedsCommand as C;
    const LIST: Catalogue = Catalogue::Breeds;
    match command {
        C::List => list(cx, LIST),
        C::Show(which) => show(cx, LIST, &which),
        C::Add { name, description } => add(cx, LIST, changes(Some(name), description, None)),
        C::Edit { which, name, description, rev } => edit(cx, LIST, &which, rev, changes(name, description, None)),
        C::Delete(Delete { which, yes }) => delete(cx, LIST, &which, yes),
        C::Stock => {
            let done = cx.desk.add_stock(cx.actor)?;
            cx.print_done(&done.message, done.commit)
        }
    }
}

/// Runs one of the commands for health statuses.
///
/// # Errors
/// The desk's, and those of the output.
pub fn health(cx: &mut Context<'_>, command: HealthCommand) -> Result<(), Failure> {
    use HealthCommand as C;
    const LIST: Catalogue = Catalogue::Health;
    match command {
        C::List => list(cx, LIST),
        C::Show(which) => show(cx, LIST, &which),
        C::Add { name, description, prevents_adoption } => {
            add(cx, LIST, changes(Some(name), description, prevents_adoption))
        }
        C::Edit { which, name, description, prevents_adoption, rev } => {
            edit(cx, LIST, &which, rev, changes(name, description, prevents_adoption))
        }
        C::Delete(Delete { which, yes }) => delete(cx, LIST, &which, yes),
    }
}

fn changes(name: Option<String>, description: Option<String>, prevents: Option<bool>) -> Vec<CatalogueChange> {
    let mut changes = Vec::new();
    changes.extend(name.map(CatalogueChange::Name));
    changes.extend(description.map(CatalogueChange::Description));
    changes.extend(prevents.map(CatalogueChange::PreventsAdoption));
    changes
}

fn adoptable(prevents_adoption: bool) -> String {
    if prevents_adoption { "no" } else { "yes" }.to_owned()
}

fn list(cx: &mut Context<'_>, list: Catalogue) -> Result<(), Failure> {
    let lines = list.lines(cx.desk, cx.actor)?;
    if cx.json {
        let (desk, actor) = (cx.desk, cx.actor);
        return cx.print_each(lines, |line, out| {
            Ok(json::write(out, &EntryJson::of(list, &list.entry(desk, actor, line.id)?, line.cats))?)
        });
    }
    let (none, columns): (_, &[Column]) = match list {
        Catalogue::Breeds => ("There are no breeds.", const { &[number("ID"), text("BREED", 50), number("CATS")] }),
        Catalogue::Health => (
            "There are no health statuses.",
            const { &[number("ID"), text("HEALTH STATUS", 50), text("ADOPTABLE", 10), number("CATS")] },
        ),
    };
    if lines.is_empty() {
        return cx.note(none);
    }
    let rows = lines.into_iter().map(|line| {
        let mut row = vec![line.id.to_string(), line.name];
        row.extend((list == Catalogue::Health).then(|| adoptable(line.prevents_adoption)));
        row.push(line.cats.to_string());
        row
    });
    Ok(Table::new(columns, cx.width).rows(cx.out, rows)?)
}

fn show(cx: &mut Context<'_>, list: Catalogue, which: &Which) -> Result<(), Failure> {
    let id = find(cx, list, which)?.id;
    let entry = list.entry(cx.desk, cx.actor, id)?;
    let cats = list.uses(cx.desk, cx.actor, id)?;
    if cx.json {
        return cx.print_json(&EntryJson::of(list, &entry, cats));
    }
    let mut fields = vec![(list.kind().label(), id.to_string()), ("Name", entry.name)];
    if list == Catalogue::Health {
        fields.push(("Adoptable", adoptable(entry.prevents_adoption)));
    }
    fields.extend([("Cats", cats.to_string()), ("Description", entry.description)]);
    Ok(card(cx.out, &fields)?)
}

fn add(cx: &mut Context<'_>, list: Catalogue, changes: Vec<CatalogueChange>) -> Result<(), Failure> {
    let (entry, commit) = list.add(cx.desk, cx.actor, changes)?;
    if cx.json {
        return cx.print_json(&EntryJson::of(list, &entry, 0));
    }
    let what = list.kind().label().to_lowercase();
    cx.say(&format!("Added {} as {what} {} (change {commit}).", entry.name, entry.id))
}

fn edit(
    cx: &mut Context<'_>,
    list: Catalogue,
    which: &Which,
    rev: Option<u32>,
    changes: Vec<CatalogueChange>,
) -> Result<(), Failure> {
    let line = find(cx, list, which)?;
    if changes.is_empty() {
        return Err(Failure::nothing_given());
    }
    let now = list.entry(cx.desk, cx.actor, line.id)?;
    let (entry, commit) = list.edit(cx.desk, cx.actor, now.id, rev.unwrap_or(now.rev), changes)?;
    if cx.json {
        return cx.print_json(&EntryJson::of(list, &entry, line.cats));
    }
    cx.say_changed(&entry.name, commit)
}

fn delete(cx: &mut Context<'_>, list: Catalogue, which: &Which, yes: bool) -> Result<(), Failure> {
    let id = find(cx, list, which)?.id;
    let entry = list.entry(cx.desk, cx.actor, id)?;
    let what = list.preview_delete(cx.desk, cx.actor, id)?;
    cx.confirm(yes, &what)?;
    let done = list.delete(cx.desk, cx.actor, id, entry.rev)?;
    cx.print_done(&done.message, done.commit)
}
