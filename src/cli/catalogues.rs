//! `clowder breeds …` and `clowder health …`

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Context, Failure, json,
    json::known,
    table::{Table, card, number, text},
    yes_no,
};
use crate::desk::{BreedChange, CatalogueLine, HealthChange};
use crate::model::{Breed, BreedId, Error, HealthId, HealthStatus, Kind, text::fold};

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
fn find(lines: Vec<CatalogueLine>, kind: Kind, which: &Which) -> Result<CatalogueLine, Failure> {
    let number = which.which.trim_start_matches('#').parse::<u32>().ok();
    let numbered = lines.iter().find(|line| number == Some(line.id)).cloned();
    by_name(lines, &which.which).or(numbered).ok_or_else(|| Error::not_found(kind, &which.which).into())
}

#[derive(Serialize)]
struct BreedJson<'a> {
    id: u32,
    name: &'a str,
    description: Option<&'a str>,
    cats: u64,
    rev: u32,
}

#[derive(Serialize)]
struct HealthJson<'a> {
    id: u32,
    name: &'a str,
    description: Option<&'a str>,
    prevents_adoption: bool,
    cats: u64,
    rev: u32,
}

fn breed_json(breed: &Breed, cats: u64) -> BreedJson<'_> {
    BreedJson {
        id: breed.id.0,
        name: &breed.name,
        description: known(&breed.description),
        cats,
        rev: breed.version.rev,
    }
}

fn health_json(health: &HealthStatus, cats: u64) -> HealthJson<'_> {
    HealthJson {
        id: health.id.0,
        name: &health.name,
        description: known(&health.description),
        prevents_adoption: health.prevents_adoption,
        cats,
        rev: health.version.rev,
    }
}

/// Runs one of the commands for breeds.
///
/// # Errors
/// The desk's, and those of the output.
pub fn breeds(cx: &mut Context<'_>, command: BreedsCommand) -> Result<(), Failure> {
    match command {
        BreedsCommand::List => {
            let lines = cx.desk.breeds(cx.actor)?;
            if !cx.json {
                return list_breeds(cx, lines);
            }
            let mut array = json::Array::open(cx.out)?;
            for line in lines {
                let breed = cx.desk.breed(cx.actor, BreedId(line.id))?;
                array.push(cx.out, &breed_json(&breed, line.cats))?;
            }
            Ok(array.close(cx.out)?)
        }
        BreedsCommand::Show(which) => {
            let line = find(cx.desk.breeds(cx.actor)?, Kind::Breed, &which)?;
            show_breed(cx, BreedId(line.id))
        }
        BreedsCommand::Add { name, description } => {
            let mut changes = vec![BreedChange::Name(name)];
            changes.extend(description.map(BreedChange::Description));
            let (breed, commit) = cx.desk.add_breed(cx.actor, changes)?;
            if cx.json {
                return cx.print_json(&breed_json(&breed, 0));
            }
            cx.say(&format!("Added {} as breed {} (change {commit}).", breed.name, breed.id))
        }
        BreedsCommand::Edit { which, name, description, rev } => {
            let line = find(cx.desk.breeds(cx.actor)?, Kind::Breed, &which)?;
            let changes: Vec<BreedChange> =
                name.map(BreedChange::Name).into_iter().chain(description.map(BreedChange::Description)).collect();
            if changes.is_empty() {
                return Err(nothing());
            }
            let now = cx.desk.breed(cx.actor, BreedId(line.id))?;
            let rev = rev.unwrap_or(now.version.rev);
            let (breed, commit) = cx.desk.edit_breed(cx.actor, now.id, rev, changes)?;
            if cx.json {
                return cx.print_json(&breed_json(&breed, line.cats));
            }
            cx.say(&changed(&breed.name, commit))
        }
        BreedsCommand::Delete(Delete { which, yes }) => {
            let line = find(cx.desk.breeds(cx.actor)?, Kind::Breed, &which)?;
            let breed = cx.desk.breed(cx.actor, BreedId(line.id))?;
            let what = cx.desk.preview_delete_breed(cx.actor, breed.id)?;
            cx.confirm(yes, &what)?;
            let done = cx.desk.delete_breed(cx.actor, breed.id, breed.version.rev)?;
            cx.print_done(&done.message, done.commit)
        }
        BreedsCommand::Stock => {
            let done = cx.desk.add_stock(cx.actor)?;
            cx.print_done(&done.message, done.commit)
        }
    }
}

fn list_breeds(cx: &mut Context<'_>, lines: Vec<CatalogueLine>) -> Result<(), Failure> {
    if lines.is_empty() {
        return cx.note("There are no breeds.");
    }
    let mut table = Table::new(const { &[number("ID"), text("BREED", 50), number("CATS")] }, cx.width);
    let rows = lines.into_iter().map(|line| vec![line.id.to_string(), line.name, line.cats.to_string()]);
    Ok(table.rows(cx.out, rows)?)
}

fn show_breed(cx: &mut Context<'_>, id: BreedId) -> Result<(), Failure> {
    let breed = cx.desk.breed(cx.actor, id)?;
    let cats = cx.desk.breed_uses(cx.actor, id)?;
    if cx.json {
        return cx.print_json(&breed_json(&breed, cats));
    }
    let fields = [
        ("Breed", id.to_string()),
        ("Name", breed.name),
        ("Cats", cats.to_string()),
        ("Description", breed.description),
    ];
    Ok(card(cx.out, &fields)?)
}

/// Runs one of the commands for health statuses.
///
/// # Errors
/// The desk's, and those of the output.
pub fn health(cx: &mut Context<'_>, command: HealthCommand) -> Result<(), Failure> {
    match command {
        HealthCommand::List => {
            let lines = cx.desk.health_statuses(cx.actor)?;
            if !cx.json {
                return list_health(cx, lines);
            }
            let mut array = json::Array::open(cx.out)?;
            for line in lines {
                let health = cx.desk.health_status(cx.actor, HealthId(line.id))?;
                array.push(cx.out, &health_json(&health, line.cats))?;
            }
            Ok(array.close(cx.out)?)
        }
        HealthCommand::Show(which) => {
            let line = find(cx.desk.health_statuses(cx.actor)?, Kind::Health, &which)?;
            show_health(cx, HealthId(line.id))
        }
        HealthCommand::Add { name, description, prevents_adoption } => {
            let mut changes = vec![HealthChange::Name(name)];
            changes.extend(description.map(HealthChange::Description));
            changes.extend(prevents_adoption.map(HealthChange::PreventsAdoption));
            let (health, commit) = cx.desk.add_health(cx.actor, changes)?;
            if cx.json {
                return cx.print_json(&health_json(&health, 0));
            }
            cx.say(&format!("Added {} as health status {} (change {commit}).", health.name, health.id))
        }
        HealthCommand::Edit { which, name, description, prevents_adoption, rev } => {
            let line = find(cx.desk.health_statuses(cx.actor)?, Kind::Health, &which)?;
            let mut changes = Vec::new();
            changes.extend(name.map(HealthChange::Name));
            changes.extend(description.map(HealthChange::Description));
            changes.extend(prevents_adoption.map(HealthChange::PreventsAdoption));
            if changes.is_empty() {
                return Err(nothing());
            }
            let now = cx.desk.health_status(cx.actor, HealthId(line.id))?;
            let rev = rev.unwrap_or(now.version.rev);
            let (health, commit) = cx.desk.edit_health(cx.actor, now.id, rev, changes)?;
            if cx.json {
                return cx.print_json(&health_json(&health, line.cats));
            }
            cx.say(&changed(&health.name, commit))
        }
        HealthCommand::Delete(Delete { which, yes }) => {
            let line = find(cx.desk.health_statuses(cx.actor)?, Kind::Health, &which)?;
            let health = cx.desk.health_status(cx.actor, HealthId(line.id))?;
            let what = cx.desk.preview_delete_health(cx.actor, health.id)?;
            cx.confirm(yes, &what)?;
            let done = cx.desk.delete_health(cx.actor, health.id, health.version.rev)?;
            cx.print_done(&done.message, done.commit)
        }
    }
}

fn list_health(cx: &mut Context<'_>, lines: Vec<CatalogueLine>) -> Result<(), Failure> {
    if lines.is_empty() {
        return cx.note("There are no health statuses.");
    }
    let columns = const { &[number("ID"), text("HEALTH STATUS", 50), text("ADOPTABLE", 10), number("CATS")] };
    let rows = lines.into_iter().map(|line| {
        let adoptable = if line.prevents_adoption { "no" } else { "yes" };
        vec![line.id.to_string(), line.name, adoptable.to_owned(), line.cats.to_string()]
    });
    Ok(Table::new(columns, cx.width).rows(cx.out, rows)?)
}

fn show_health(cx: &mut Context<'_>, id: HealthId) -> Result<(), Failure> {
    let health = cx.desk.health_status(cx.actor, id)?;
    let cats = cx.desk.health_uses(cx.actor, id)?;
    if cx.json {
        return cx.print_json(&health_json(&health, cats));
    }
    let fields = [
        ("Health status", id.to_string()),
        ("Name", health.name),
        ("Adoptable", if health.prevents_adoption { "no" } else { "yes" }.to_owned()),
        ("Cats", cats.to_string()),
        ("Description", health.description),
    ];
    Ok(card(cx.out, &fields)?)
}

fn nothing() -> Failure {
    Failure::Usage("nothing to change was given; --help lists the fields".to_owned())
}

fn changed(name: &str, commit: Option<crate::model::CommitNo>) -> String {
    match commit {
        Some(commit) => format!("Changed {name} (change {commit})."),
        None => format!("{name} is like that already."),
    }
}
