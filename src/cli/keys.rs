//! `clowder users key …`

use std::io::Read as _;

use clap::Subcommand;
use serde::Serialize;

use super::{
    Context, Failure,
    json::{self, known},
    table::{Table, text},
    users::WhichUser,
};
use crate::desk::KeyLine;
use crate::model::UserId;

/// The most that is read of a file with a key.
const FILE_MAX: u64 = 64 * 1024;

/// What can be done with the SSH keys of an account.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Add a public key
    Add {
        #[command(flatten)]
        user: WhichUser,
        /// The .pub file, or its line itself, or - for standard input
        #[arg(id = "public_key", value_name = "FILE|KEY", required = true)]
        key: Vec<String>,
    },
    /// List the keys
    List(WhichUser),
    /// Remove a key: sessions that it opened end
    Remove {
        #[command(flatten)]
        user: WhichUser,
        /// The key's fingerprint, as in the list (SHA256:…), or its comment when no other key has it
        #[arg(id = "public_key", value_name = "FINGERPRINT|COMMENT")]
        key: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

impl KeyCommand {
    /// Whether it reads standard input.
    pub fn reads_input(&self) -> bool {
        matches!(self, Self::Add { key, .. } if key.len() == 1 && key[0] == "-")
    }
}

#[derive(Serialize)]
struct KeyJson<'a> {
    fingerprint: &'a str,
    algorithm: &'a str,
    comment: Option<&'a str>,
    added_at: String,
    last_used: Option<String>,
}

impl<'a> KeyJson<'a> {
    fn of(key: &'a KeyLine) -> Self {
        Self {
            fingerprint: &key.fingerprint,
            algorithm: &key.algorithm,
            comment: known(&key.comment),
            added_at: key.added_at.rfc3339(),
            last_used: key.last_used.map(|at| at.rfc3339()),
        }
    }
}

/// Runs one of the commands.
///
/// # Errors
/// The desk's, and those of the files and the output.
pub fn run(cx: &mut Context<'_>, command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Add { user, key } => {
            let line = read(cx, &key)?;
            let id = whose(cx, &user)?;
            let (key, done) = cx.desk.add_ssh_key(cx.actor, id, &line)?;
            if cx.json { cx.print_json(&KeyJson::of(&key)) } else { cx.print_done(&done.message, done.commit) }
        }
        KeyCommand::List(user) => {
            let id = whose(cx, &user)?;
            list(cx, id)
        }
        KeyCommand::Remove { user, key, yes } => {
            let id = whose(cx, &user)?;
            let keys = cx.desk.ssh_keys(cx.actor, id)?;
            let mut named = keys.iter().filter(|k| k.comment == key);
            let fingerprint = match (named.next(), named.next()) {
                (Some(one), None) => one.fingerprint.clone(),
                _ => key,
            };
            cx.confirm(yes, &format!("Remove the key {fingerprint}; sessions that it opened end."))?;
            let done = cx.desk.remove_ssh_key(cx.actor, id, &fingerprint)?;
            cx.print_done(&done.message, done.commit)
        }
    }
}

/// One's own account by its name, which everyone knows; that of others as far as one may.
fn whose(cx: &Context<'_>, which: &WhichUser) -> Result<UserId, Failure> {
    match cx.desk.me(cx.actor) {
        Ok(me) if which.is(&me) => Ok(me.id),
        _ => which.find(cx),
    }
}

/// The key's line: what was given, if it looks like one, else what the file holds.
fn read(cx: &mut Context<'_>, given: &[String]) -> Result<String, Failure> {
    let joined = given.join(" ");
    if joined == "-" {
        let mut text = String::new();
        let mut input = (&mut *cx.input).take(FILE_MAX);
        input.read_to_string(&mut text).map_err(|e| Failure::Failed(format!("standard input: {e}")))?;
        return Ok(text);
    }
    if given.len() > 1 || joined.contains(' ') || !cx.files {
        return Ok(joined);
    }
    let read = || {
        let mut text = String::new();
        std::fs::File::open(cx.directory.join(&joined))?.take(FILE_MAX).read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text)
    };
    read().map_err(|e| Failure::Failed(format!("{joined}: {e}")))
}

fn list(cx: &mut Context<'_>, id: UserId) -> Result<(), Failure> {
    let keys = cx.desk.ssh_keys(cx.actor, id)?;
    if cx.json {
        let mut array = json::Array::open(cx.out)?;
        for key in &keys {
            array.push(cx.out, &KeyJson::of(key))?;
        }
        return Ok(array.close(cx.out)?);
    }
    if keys.is_empty() {
        return cx.note("There are no keys.");
    }
    let columns = const {
        &[text("FINGERPRINT", 50), text("KIND", 20), text("COMMENT", 30), text("ADDED", 10), text("LAST USED", 10)]
    };
    let rows = keys.into_iter().map(|key| {
        let used = key.last_used.map(|at| at.day().to_string()).unwrap_or_default();
        vec![key.fingerprint, key.algorithm, key.comment, key.added_at.day().to_string(), used]
    });
    Ok(Table::new(columns, cx.width).rows(cx.out, rows)?)
}
