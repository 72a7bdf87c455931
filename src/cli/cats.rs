//! `clowder cats …`

mod fields;
mod record;

use clap::{Args, Subcommand};

use super::{
    Context, Failure, PAGE, json, query, slugs,
    table::{Table, number, text},
};
use crate::desk::CatLine;
use crate::model::{
    BreedId, CatId, CatStatusKind, Error,
    query::{CatQuery, CatSort, NameTerm, Sort},
};
use fields::CatFields;
pub use record::{CatJson, PlaceJson, print_queue};

/// What can be done with cats.
#[derive(Debug, Subcommand)]
pub enum CatsCommand {
    /// List cats, the longest waiting first
    List(List),
    /// Show everything about one cat
    Show {
        #[command(flatten)]
        cat: WhichCat,
    },
    /// Add a cat
    Add {
        /// Its name; --name does the same
        #[arg(value_name = "NAME", conflicts_with = "name")]
        called: Option<String>,
        #[command(flatten)]
        fields: Box<CatFields>,
    },
    /// Change a cat: only what is given changes
    Edit {
        #[command(flatten)]
        cat: WhichCat,
        /// The revision that the change was made on; refused when somebody changed the cat since
        #[arg(long, value_name = "N")]
        rev: Option<u32>,
        /// Say what would follow, and change nothing
        #[arg(long)]
        preview: bool,
        #[command(flatten)]
        fields: Box<CatFields>,
    },
    /// Delete a cat that nobody ever asked for
    Delete {
        #[command(flatten)]
        cat: WhichCat,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

/// One cat on the command line.
#[derive(Debug, Args)]
pub struct WhichCat {
    /// The cat: its number, its tag, or tag:TAG where a tag looks like a number
    #[arg(value_name = "ID|TAG")]
    pub which: String,
}

/// What `cats list` takes.
#[derive(Debug, Args)]
pub struct List {
    /// Query, as in: 'status:available breed:"maine coon" age<2y waiting>60d sort:name miso'
    query: Vec<String>,
    /// Adoption status; several with commas
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = slugs!(CatStatusKind))]
    status: Vec<CatStatusKind>,
    /// Breed by name, or none
    #[arg(long, value_name = "NAME")]
    breed: Vec<String>,
    /// Health status by name, or none
    #[arg(long, value_name = "NAME")]
    health: Vec<String>,
    /// Archived cats too
    #[arg(long)]
    archived: bool,
    /// Order
    #[arg(long, value_name = "ORDER", value_parser = slugs!(CatSort))]
    sort: Option<CatSort>,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl WhichCat {
    /// The cat's number. A number is the cat's own; only where there is no such cat is it looked for as a tag.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn find(&self, cx: &Context<'_>) -> Result<CatId, Failure> {
        find(cx, &self.which)
    }
}

/// The number of the cat that somebody wrote as a number or tag.
///
/// # Errors
/// `NotFound`.
pub fn find(cx: &Context<'_>, which: &str) -> Result<CatId, Failure> {
    if let Some(tag) = which.strip_prefix("tag:") {
        return Ok(cx.desk.cat_by_tag(cx.actor, tag)?);
    }
    if let Ok(id) = which.trim_start_matches('#').parse::<u32>() {
        match cx.desk.cat(cx.actor, CatId(id)) {
            Err(Error::NotFound { .. }) => {}
            other => return Ok(other?.cat.id),
        }
    }
    Ok(cx.desk.cat_by_tag(cx.actor, which)?)
}

/// Runs one of the commands.
///
/// # Errors
/// The desk's, and those of the output.
pub fn run(cx: &mut Context<'_>, command: CatsCommand) -> Result<(), Failure> {
    match command {
        CatsCommand::List(list) => list.run(cx),
        CatsCommand::Show { cat } => {
            let id = cat.find(cx)?;
            show(cx, id)
        }
        CatsCommand::Add { called, mut fields } => {
            fields.called(called);
            let changes = fields.changes(cx, None)?;
            let (cat, commit) = cx.desk.add_cat(cx.actor, changes)?;
            if cx.json {
                return show(cx, cat.id);
            }
            cx.say(&format!("Added {} as cat {} (change {commit}).", cat.display_name(), cat.id))
        }
        CatsCommand::Edit { cat, rev, preview, fields } => edit(cx, &cat, rev, preview, &fields),
        CatsCommand::Delete { cat, yes } => {
            let card = cx.desk.cat(cx.actor, cat.find(cx)?)?;
            cx.confirm(yes, &format!("Delete {} (cat {}).", card.cat.display_name(), card.cat.id))?;
            let done = cx.desk.delete_cat(cx.actor, card.cat.id, card.cat.version.rev)?;
            cx.print_done(&done.message, done.commit)
        }
    }
}

fn edit(
    cx: &mut Context<'_>,
    which: &WhichCat,
    rev: Option<u32>,
    preview: bool,
    fields: &CatFields,
) -> Result<(), Failure> {
    let card = cx.desk.cat(cx.actor, which.find(cx)?)?;
    let changes = fields.changes(cx, Some(&card.cat))?;
    if changes.is_empty() {
        return Err(Failure::nothing_given());
    }
    let rev = rev.unwrap_or(card.cat.version.rev);
    let follows = if preview || rev == card.cat.version.rev {
        cx.desk.preview_cat_edit(cx.actor, card.cat.id, changes.clone())?
    } else {
        Vec::new()
    };
    if preview {
        let fields: Vec<&str> = changes.iter().map(|c| c.field()).collect();
        let sentence = format!("Change {} of {}.", fields.join(", "), card.cat.display_name());
        return cx.print_preview(&sentence, &follows);
    }
    let (cat, commit) = cx.desk.edit_cat(cx.actor, card.cat.id, rev, changes)?;
    if cx.json {
        return show(cx, cat.id);
    }
    cx.say_changed(&cat.display_name(), commit)?;
    follows.iter().filter(|_| commit.is_some()).try_for_each(|sentence| cx.say(sentence))
}

const COLUMNS: &[super::table::Column] = &[
    number("ID"),
    text("TAG", 14),
    text("NAME", 24),
    text("BREED", 24),
    text("AGE", 10),
    text("SEX", 8),
    text("STATUS", 10),
    number("WAITING"),
    number("REQUESTS"),
    text("HEALTH", 20),
];

fn row(line: CatLine) -> Vec<String> {
    let mut status = line.status.label().to_owned();
    if line.in_foster {
        status += " (foster)";
    }
    vec![
        line.id.to_string(),
        line.tag.unwrap_or_default(),
        line.name,
        line.breed,
        line.age,
        line.gender.label().to_owned(),
        status,
        line.waiting.map(|days| format!("{days} d")).unwrap_or_default(),
        if line.requests == 0 { String::new() } else { line.requests.to_string() },
        line.health,
    ]
}

impl List {
    fn query(&self) -> Result<CatQuery, Failure> {
        let mut query: CatQuery = query::parse(&self.query)?;
        query.status.any.extend(&self.status);
        let term = |name: &String| match name.as_str() {
            "none" => NameTerm::Missing,
            name => NameTerm::Contains(name.to_owned()),
        };
        query.breed.any.extend(self.breed.iter().map(term));
        query.health.any.extend(self.health.iter().map(term));
        if self.archived {
            query.archived = None;
        }
        if let Some(key) = self.sort {
            query.sort = Sort { key, reversed: false };
        }
        Ok(query)
    }

    fn run(&self, cx: &mut Context<'_>) -> Result<(), Failure> {
        let query = self.query()?;
        cx.desk.wait_until_ready()?;
        let mut ids = cx.desk.cats(cx.actor, &query)?;
        ids.truncate(self.limit.unwrap_or(usize::MAX));
        if cx.json {
            let (desk, actor) = (cx.desk, cx.actor);
            return cx.print_each(ids, |id, out| Ok(json::write(out, &CatJson::of(&desk.cat(actor, CatId(id))?))?));
        }
        if ids.is_empty() {
            return cx.note(if query == CatQuery::default() { "There are no cats." } else { "No cat matches." });
        }
        let mut table = Table::new(COLUMNS, cx.width);
        for page in ids.chunks(PAGE) {
            table.rows(cx.out, cx.desk.cat_rows(cx.actor, page)?.into_iter().map(row))?;
        }
        Ok(())
    }
}

/// Prints one cat.
fn show(cx: &mut Context<'_>, id: CatId) -> Result<(), Failure> {
    let card = cx.desk.cat(cx.actor, id)?;
    if cx.json {
        return cx.print_json(&CatJson::with_queue(&card));
    }
    record::print(cx, &card)
}

/// The breed that somebody named.
///
/// # Errors
/// `Invalid` when there is none of that name.
pub fn breed(cx: &Context<'_>, name: &str) -> Result<BreedId, Error> {
    let found = super::catalogues::by_name(cx.desk.breeds(cx.actor)?, name);
    found.map(|line| BreedId(line.id)).ok_or_else(|| Error::invalid("breed", format!("there is no breed \"{name}\"")))
}
