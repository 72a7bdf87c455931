//! Going a way out.

use super::*;

/// What a way did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mended {
    /// What the person in front should know, a sentence each.
    pub notices: Vec<String>,
    /// Where what was there is kept.
    pub kept: Option<PathBuf>,
    /// What is lost.
    pub lost: Vec<Loss>,
}

/// Goes a way. `progress` answers false to break off.
///
/// # Errors
/// What came out is not sound, or it could not be made. Then everything is as it was.
pub fn mend(
    options: &OpenOptions,
    way: &Way,
    actor: &Actor,
    progress: &mut (dyn FnMut(Progress) -> bool + Send),
) -> Result<Mended, DoctorError> {
    let data = &options.data;
    let lost = way.loses.clone();
    match &way.how {
        How::FinishSwap => {
            let _lock = DataLock::take(data, Door::Command)?;
            let notices = swap::finish(data)?.into_iter().collect();
            Ok(Mended { notices, ..Mended::default() })
        }
        How::NoteAside(moves) => {
            let _lock = DataLock::take(data, Door::Command)?;
            // Once the note is gone nobody goes on with the exchange, so what is missing comes back first.
            for (from, to) in moves.iter().filter(|(from, to)| from.exists() && !to.exists()) {
                fs::rename(from, to).map_err(|e| files::open_error(from, &e))?;
                from.parent().map_or(Ok(()), files::sync_dir)?;
            }
            files::sync_dir(data)?;
            let kept = files::set_aside(data, &[swap::note(data)])?;
            Ok(Mended { kept: Some(kept), ..Mended::default() })
        }
        How::TakeKeyring(text) => {
            let _lock = DataLock::take(data, Door::Command)?;
            let old = data.join(KEYRING);
            let kept = if old.exists() { Some(copy_aside(data, &old)?) } else { None };
            Keyring::parse(text)?.write(data)?;
            Ok(Mended { kept, ..Mended::default() })
        }
        How::SetAside(suspects) => {
            let _lock = DataLock::take(data, Door::Command)?;
            Ok(Mended { kept: Some(files::set_aside(data, suspects)?), lost, ..Mended::default() })
        }
        How::Rebuild => Ok(Mended { lost, ..rebuild(options, actor, progress)? }),
        How::MakeBackup(segments) => {
            let kept = if segments.is_empty() {
                None
            } else {
                let _lock = DataLock::take(data, Door::Command)?;
                Some(journal_aside(data, segments)?)
            };
            let notices = back_up(options, actor, "a new journal was begun".to_owned(), &mut *progress)?;
            Ok(Mended { notices, kept, lost })
        }
        How::Salvage(bad) => {
            let (kept, lost) = salvaged(options, bad, &mut *progress)?;
            let mut words = "the doctor made a new store of what could be read".to_owned();
            if !lost.is_empty() {
                let list: Vec<String> = lost.iter().map(ToString::to_string).collect();
                words = format!("{words}; lost: {}", list.join("; "));
            }
            let notices = back_up(options, actor, words.chars().take(1_000).collect(), &mut *progress)?;
            Ok(Mended { notices, kept: Some(data.join(kept)), lost })
        }
        How::Restore { without, .. } => {
            let good = |listed: &Listed| !without.contains(&listed.path);
            let restored = restore::restore_of(options, None, Until::Last, &good, actor, &mut *progress)?;
            Ok(Mended { notices: restored.notices, kept: restored.kept, lost })
        }
        How::OnlyBackup(path, commit) => {
            let restored = restore::restore(options, Some(path), Until::Commit(*commit), actor, &mut *progress)?;
            Ok(Mended { notices: restored.notices, kept: restored.kept, lost })
        }
    }
}

/// Opens the store, notes in the audit log what was done, and makes a backup. The journal goes on behind whatever is damaged in it
/// with that entry, and the backup has it.
fn back_up(
    options: &OpenOptions,
    actor: &Actor,
    what: String,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Vec<String>, DoctorError> {
    let opened = Store::open(OpenOptions { create: false, ..options.clone() })?;
    let mut notices = opened.notices;
    opened.store.write(actor, move |tx| {
        tx.describe(Action::Repair, what);
        tx.always();
        Ok::<_, StoreError>(())
    })?;
    let report = opened.store.backup(progress)?;
    opened.store.close()?;
    notices.extend(report.path.map(|path| format!("A backup was made: {}.", path.display())));
    Ok(notices)
}

/// Puts segments of the journal aside. Of one that is good up to a byte what is before that stays.
fn journal_aside(data: &Path, segments: &[(PathBuf, u64)]) -> Result<PathBuf, OpenError> {
    let (cut, whole): (Vec<_>, Vec<_>) = segments.iter().cloned().partition(|(_, from)| *from > 0);
    let whole: Vec<PathBuf> = whole.into_iter().map(|(path, _)| path).collect();
    let aside = files::set_aside(data, &whole)?;
    for (path, from) in cut {
        copy_into(&aside, &path)?;
        let file = fs::File::options().write(true).open(&path);
        let done = file.and_then(|file| file.set_len(from).and_then(|()| file.sync_all()));
        done.map_err(|e| files::open_error(&path, &e))?;
    }
    Ok(aside)
}

/// A copy of a file in a directory of its own, durably.
fn copy_aside(data: &Path, file: &Path) -> Result<PathBuf, OpenError> {
    let aside = files::set_aside(data, &[])?;
    copy_into(&aside, file)?;
    Ok(aside)
}

fn copy_into(aside: &Path, file: &Path) -> Result<(), OpenError> {
    let to = aside.join(file.file_name().unwrap_or_default());
    fs::copy(file, &to).and_then(|_| fs::File::open(&to)?.sync_all()).map_err(|e| files::open_error(&to, &e))?;
    files::sync_dir(aside)
}

/// Builds indexes and counters anew. A copy of the engine's files is kept, and put back when what comes out is not sound.
fn rebuild(
    options: &OpenOptions,
    actor: &Actor,
    progress: &mut (dyn FnMut(Progress) -> bool + Send),
) -> Result<Mended, DoctorError> {
    let data = &options.data;
    let kept = {
        let _lock = DataLock::take(data, Door::Command)?;
        let kept = swap::make_kept(data)?;
        files::keep_copy(data, &data.join(STORE), &data.join(&kept).join(STORE))?;
        kept
    };
    let opened = Store::open(OpenOptions { create: false, ..options.clone() })?;
    let repaired = opened.store.repair(actor, progress);
    opened.store.close()?;
    let why = match repaired {
        Ok(report) if report.is_clean() => {
            let mut notices = opened.notices;
            notices.extend(report.repaired.iter().map(|what| sentence(what)));
            return Ok(Mended { notices, kept: Some(data.join(kept)), lost: Vec::new() });
        }
        Ok(report) if report.cancelled => DoctorError::Cancelled,
        Ok(report) => DoctorError::Unsound { what: report.findings.first().cloned().unwrap_or_default() },
        Err(e) => e.into(),
    };
    let _lock = DataLock::take(data, Door::Command)?;
    let failed = swap::make_kept(data)?;
    let moves =
        vec![swap::Move::new(STORE, format!("{failed}/{STORE}")), swap::Move::new(format!("{kept}/{STORE}"), STORE)];
    swap::run(data, &swap::Swap { notice: "What the doctor had tried was put aside.".to_owned(), moves })?;
    Err(why)
}
