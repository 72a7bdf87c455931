//! `clowder key …`: the store's own keys

use std::ffi::OsString;
use std::io::Read as _;
use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    Context, Failure, Meter,
    context::NewSecret,
    table::{Table, number, text},
};
use crate::store::{KeyStatus, SlotKind, SlotLine};

/// The most that is read as a credential.
const CREDENTIAL_MAX: u64 = 64 * 1024;

/// What can be done with the store's keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Show what opens the store and which data key seals it
    Status,
    /// Put a new key into the key file at once; the old file opens nothing any more
    Rotate {
        /// Make a new data key as well, and seal everything anew with it while people work; --data, with no directory
        /// after it, says the same
        #[arg(long)]
        everything: bool,
        /// Do not ask: drop what is opened by a passphrase or code that is not at hand
        #[arg(long, short)]
        yes: bool,
    },
    /// Let a passphrase open the store, in the place of the one before
    SetPassphrase {
        /// Read it from standard input
        #[arg(long = "passphrase-stdin")]
        stdin: bool,
        /// What to know it by in the status
        #[arg(long, value_name = "TEXT", default_value = "")]
        label: String,
    },
    /// Make one more key file [default: keys/STORE.key in the config directory]
    UseFile {
        /// The new file
        #[arg(id = "new_file", value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Let what the service manager passes in as clowder.key open the store: at least 32 random bytes
    UseCredential {
        /// A file with the same bytes, or - for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// What to know it by in the status
        #[arg(long, value_name = "TEXT", default_value = "")]
        label: String,
    },
    /// Print a recovery code, once, in the place of the one before: to be written down and kept
    ExportRecovery {
        /// What to know it by in the status
        #[arg(long, value_name = "TEXT", default_value = "")]
        label: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Take a slot away: what opened it opens nothing any more
    Remove {
        /// Its number in the status
        slot: u32,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

impl KeyCommand {
    /// Whether it reads standard input.
    pub fn reads_input(&self) -> bool {
        match self {
            Self::SetPassphrase { stdin, .. } => *stdin,
            Self::UseCredential { file, .. } => file.as_os_str() == "-",
            _ => false,
        }
    }
}

/// Lets `key rotate --data` say what it seems to say: the same letters name the data directory, but only with one after them.
pub fn understood(mut words: Vec<OsString>) -> Vec<OsString> {
    let rotate = words.windows(2).position(|pair| pair[0] == "key" && pair[1] == "rotate");
    let Some(from) = rotate.map(|at| at + 2) else { return words };
    for at in from..words.len() {
        let alone = words.get(at + 1).is_none_or(|next| next.to_string_lossy().starts_with('-'));
        if words[at] == "--data" && alone {
            words[at] = OsString::from("--everything");
        }
    }
    words
}

/// Runs one of the commands.
///
/// # Errors
/// The desk's, and those of the files and the output.
pub fn run(cx: &mut Context<'_>, command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Status => status(cx),
        KeyCommand::Rotate { everything: false, .. } => {
            let path = cx.desk.rotate_key(cx.actor)?;
            let earlier = earlier_keys(cx, &path.display().to_string())?;
            cx.print_done(
                &format!(
                    "{} holds a new key: copy it to where copies are kept. The old one opens only backups made before now. If \
                     somebody may have the old one and such a backup, use \"clowder key rotate --everything\".{earlier}",
                    path.display()
                ),
                None,
            )
        }
        KeyCommand::Rotate { yes, .. } => rotate_data(cx, yes),
        KeyCommand::SetPassphrase { stdin, label } => {
            // Refused before anybody is asked for anything.
            cx.desk.key_status(cx.actor)?;
            let passphrase = cx.new_secret(NewSecret::PASSPHRASE, stdin)?;
            let passphrase = passphrase.ok_or_else(|| {
                Failure::Usage(
                    "nobody can be asked for the passphrase here: pipe it in and add --passphrase-stdin".to_owned(),
                )
            })?;
            let slot = cx.desk.set_passphrase(cx.actor, &passphrase, &label)?;
            cx.print_done(
                &format!(
                    "The passphrase opens the store now, beside the other slots (slot {}). A server without a terminal gets it from \
                     the service manager, or goes on using the key file.",
                    slot.number
                ),
                None,
            )
        }
        KeyCommand::UseFile { file } => {
            if file.is_some() && !cx.files {
                return Err(Failure::Usage("a file can be named only on the machine that has the store".to_owned()));
            }
            let file = file.map(|file| cx.directory.join(file));
            let (path, slot) = cx.desk.use_key_file(cx.actor, file.as_deref())?;
            let earlier = earlier_keys(cx, &slot.label)?;
            cx.print_done(
                &format!(
                    "{} opens the store now, beside the other slots (slot {}). Keep a copy in another place.{earlier}",
                    path.display(),
                    slot.number
                ),
                None,
            )
        }
        KeyCommand::UseCredential { file, label } => {
            let bytes = credential(cx, &file)?;
            let slot = cx.desk.use_credential(cx.actor, &bytes, &label)?;
            cx.print_done(
                &format!(
                    "Those bytes open the store now when the service manager passes them in as clowder.key (slot {}). Keep a copy in \
                     another place.",
                    slot.number
                ),
                None,
            )
        }
        KeyCommand::ExportRecovery { label, yes } => recovery(cx, &label, yes),
        KeyCommand::Remove { slot, yes } => {
            let found = cx.desk.key_status(cx.actor)?.slots.into_iter().find(|line| line.number == slot);
            if let Some(line) = found {
                cx.confirm(yes, &format!("The {} will open nothing any more.", named(&line)))?;
            }
            let slot = cx.desk.remove_slot(cx.actor, slot)?;
            cx.print_done(&format!("The {} opens nothing any more.", named(&slot)), None)
        }
    }
}

/// Whether a slot is of a key that was in a file before another one was.
fn is_earlier(slot: &SlotLine, all: &[SlotLine]) -> bool {
    let same = |other: &SlotLine| other.kind == SlotKind::File && other.label == slot.label;
    slot.kind == SlotKind::File && all.iter().any(|other| same(other) && other.number > slot.number)
}

/// What is to be known of keys that were in a file before: copies of them still open the store.
fn earlier_keys(cx: &Context<'_>, file: &str) -> Result<String, Failure> {
    let slots = cx.desk.key_status(cx.actor)?.slots;
    let earlier = slots.iter().filter(|slot| slot.label == file && is_earlier(slot, &slots));
    Ok(earlier
        .map(|slot| {
            let n = slot.number;
            format!(
                " A key that was in this file before opens the store as well (slot {n}): if it is lost, or may be in other \
                 hands, take it away with \"clowder key remove {n}\"."
            )
        })
        .collect())
}

fn named(slot: &SlotLine) -> String {
    let label = if slot.label.is_empty() { String::new() } else { format!(" {:?}", slot.label) };
    format!("{}{label} of slot {}", slot.kind.label(), slot.number)
}

fn credential(cx: &mut Context<'_>, file: &std::path::Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // With room for all of it no part is left behind where it has moved from.
    let mut bytes = Zeroizing::new(Vec::with_capacity(CREDENTIAL_MAX as usize + 1));
    let read = if file.as_os_str() == "-" {
        (&mut *cx.input).take(CREDENTIAL_MAX).read_to_end(&mut bytes)
    } else if cx.files {
        std::fs::File::open(cx.directory.join(file)).and_then(|file| file.take(CREDENTIAL_MAX).read_to_end(&mut bytes))
    } else {
        return Err(Failure::Usage("a file can be named only on the machine that has the store".to_owned()));
    };
    read.map_err(|e| Failure::Failed(format!("{}: {e}", file.display())))?;
    Ok(bytes)
}

#[derive(Serialize)]
struct SlotJson<'a> {
    slot: u32,
    kind: SlotKind,
    label: &'a str,
    created: &'a str,
    opened: bool,
}

#[derive(Serialize)]
struct RetiredJson<'a> {
    data_key: u32,
    until: &'a str,
}

#[derive(Serialize)]
struct StatusJson<'a> {
    data_key: u32,
    resealing_since: Option<&'a str>,
    slots: Vec<SlotJson<'a>>,
    retired: Vec<RetiredJson<'a>>,
}

fn day(stamp: &str) -> &str {
    stamp.get(..10).unwrap_or(stamp)
}

fn status(cx: &mut Context<'_>) -> Result<(), Failure> {
    let status = cx.desk.key_status(cx.actor)?;
    if cx.json {
        return cx.print_json(&StatusJson {
            data_key: status.number,
            resealing_since: status.resealing.as_deref(),
            slots: status
                .slots
                .iter()
                .map(|s| SlotJson {
                    slot: s.number,
                    kind: s.kind,
                    label: &s.label,
                    created: &s.created,
                    opened: s.opened,
                })
                .collect(),
            retired: status.retired.iter().map(|(n, until)| RetiredJson { data_key: *n, until }).collect(),
        });
    }
    print_status(cx, &status)
}

fn print_status(cx: &mut Context<'_>, status: &KeyStatus) -> Result<(), Failure> {
    let columns =
        const { &[number("SLOT"), text("OPENED BY", 13), text("WHICH", 50), text("MADE", 10), text("THIS TIME", 9)] };
    let rows = status.slots.iter().map(|slot| {
        let opened = if slot.opened { "yes" } else { "" };
        vec![
            slot.number.to_string(),
            slot.kind.label().to_owned(),
            if is_earlier(slot, &status.slots) {
                format!("an earlier key of {}", slot.label)
            } else {
                slot.label.clone()
            },
            day(&slot.created).to_owned(),
            opened.to_owned(),
        ]
    });
    Table::new(columns, cx.width).rows(cx.out, rows)?;
    let older = match status.retired.last() {
        Some((_, since)) => format!(", the current one since {}", day(since)),
        None => String::new(),
    };
    let what = if status.resealing.is_some() { "What is written now" } else { "Everything" };
    cx.say(&format!("{what} is sealed with data key {}{older}.", status.number))?;
    if let Some(since) = &status.resealing {
        cx.say(&format!(
            "What was sealed before {} is being sealed anew: {} values looked at since the store was opened.",
            day(since),
            status.resealed
        ))?;
    }
    if !status.slots.iter().any(|slot| slot.kind == SlotKind::Recovery) {
        cx.say(
            "There is no recovery code: \"clowder key export-recovery\" prints one for the day the key file is lost.",
        )?;
    }
    Ok(())
}

fn recovery(cx: &mut Context<'_>, label: &str, yes: bool) -> Result<(), Failure> {
    let status = cx.desk.key_status(cx.actor)?;
    if status.slots.iter().any(|slot| slot.kind == SlotKind::Recovery) {
        cx.confirm(yes, "The recovery code made before will open nothing any more.")?;
    }
    let (code, slot) = cx.desk.export_recovery(cx.actor, label)?;
    let code = code.text();
    if cx.json {
        #[derive(Serialize)]
        struct Code<'a> {
            slot: u32,
            code: &'a str,
        }
        return cx.print_json(&Code { slot: slot.number, code: &code });
    }
    writeln!(cx.out, "\n    {}\n", *code)?;
    cx.say(
        "Write this recovery code down, or print it, and keep it where you keep what must not be lost: not on this machine, not \
         with the backups. It is not shown again. Whoever has it and the data can read everything; you can, too, when the key file \
         is lost: start \"clowder\" on a terminal and type it when it asks.",
    )
}

fn rotate_data(cx: &mut Context<'_>, yes: bool) -> Result<(), Failure> {
    let status = cx.desk.key_status(cx.actor)?;
    let mut typed = Vec::new();
    if status.resealing.is_none() {
        if !yes {
            ask_for_secrets(cx, &mut typed)?;
        }
        let lost = cx.desk.slots_without_secret(cx.actor, &typed)?;
        if !lost.is_empty() {
            let lost: Vec<String> = lost.iter().map(named).collect();
            cx.confirm(
                yes,
                &format!(
                    "With the new data key these will open nothing any more and must be made again: the {}.",
                    lost.join(", the ")
                ),
            )?;
        }
    }
    let (desk, actor, cancel) = (cx.desk, cx.actor, cx.cancel);
    let report = {
        let mut meter = Meter::new(cx.progress, cx.err);
        desk.rotate_data_key(actor, &typed, &mut meter.steps(cancel))?
    };
    if report.cancelled {
        return Err(Failure::Cancelled(format!(
            "broken off: what is written is sealed with data key {}, the rest will be after the next start",
            report.number
        )));
    }
    if report.damaged > 0 {
        cx.note(&format!(
            "{} values could not be opened with any key and were left as they are: \"clowder check\" says which.",
            report.damaged
        ))?;
    }
    cx.print_done(
        &format!(
            "Everything is sealed with data key {}: {} values were sealed anew. Backups and journals made before still need the old \
             key, which is kept; make a new backup now.",
            report.number, report.values
        ),
        None,
    )
}

/// What opens the slots that are typed, from whoever has it at hand.
fn ask_for_secrets(cx: &mut Context<'_>, typed: &mut Vec<Zeroizing<String>>) -> Result<(), Failure> {
    for slot in cx.desk.slots_without_secret(cx.actor, &[])? {
        let (SlotKind::Passphrase | SlotKind::Recovery, Some(person)) = (slot.kind, &mut cx.person) else { continue };
        let text = person.secret(&format!("The {}, to keep it (Enter to drop it): ", named(&slot)))?;
        if !text.trim().is_empty() {
            typed.push(text);
        }
    }
    Ok(())
}
