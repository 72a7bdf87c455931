//! Putting what was made aside into the place of what is there, so that a crash at any point leaves the old or the new
//! and never neither.
//!
//! A note in the data directory lists renames in order. Once it is on the disk the swap is decided: whoever finds the
//! note finishes it. A rename whose source is gone or whose target is there was made before.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::model::Stamp;

use super::{OpenError, files};

const NOTE: &str = "swap.toml";

/// What directories begin with in which the old is kept.
const KEPT: &str = "kept-";

/// The note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Swap {
    /// What the person in front is told when it was finished at a start, a sentence.
    pub(super) notice: String,
    /// Renames in order.
    #[serde(rename = "move")]
    pub(super) moves: Vec<Move>,
}

/// One rename. Both names are relative to the data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Move {
    pub(super) from: String,
    pub(super) to: String,
}

impl Move {
    pub(super) fn new(from: impl Into<String>, to: impl Into<String>) -> Self {
        Self { from: from.into(), to: to.into() }
    }

    fn is_inside(&self) -> bool {
        [&self.from, &self.to].into_iter().all(|name| {
            !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
        })
    }
}

/// Makes a directory in which the old is kept, and says its name: `kept-<UTC stamp>`.
pub(super) fn make_kept(data: &Path) -> Result<String, OpenError> {
    let time = jiff::Timestamp::from_millisecond(Stamp::now().0).unwrap_or_default();
    let time = time.strftime("%Y%m%dT%H%M%SZ").to_string();
    let names = std::iter::once(format!("{KEPT}{time}")).chain((2..).map(|n| format!("{KEPT}{time}-{n}")));
    for name in names {
        let path = data.join(&name);
        if !path.exists() {
            files::make_private_dir(&path)?;
            files::sync_dir(data)?;
            return Ok(name);
        }
    }
    unreachable!("the numbers do not end")
}

/// Whether a name is one of directories in which the old is kept.
pub(super) fn is_name_of_kept(name: &str) -> bool {
    name.starts_with(KEPT)
}

/// Makes the renames. All that is renamed is complete and synced, and nobody has it open for writing. After an error the
/// next start finishes it.
pub(super) fn run(data: &Path, swap: &Swap) -> Result<(), OpenError> {
    debug_assert!(swap.moves.iter().all(Move::is_inside));
    let text = toml::to_string(swap).map_err(|e| OpenError::Failed(format!("{NOTE}: {e}")))?;
    files::write_private(&data.join(NOTE), &text)?;
    finish_moves(data, swap)
}

/// Whether a swap was decided and is not finished.
pub(super) fn is_pending(data: &Path) -> bool {
    data.join(NOTE).exists()
}

/// The note's place.
pub(super) fn note(data: &Path) -> PathBuf {
    data.join(NOTE)
}

/// The note of a swap that was cut short.
pub(super) fn pending(data: &Path) -> Result<Option<Swap>, OpenError> {
    let path = note(data);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(files::open_error(&path, &e)),
    };
    let swap = toml::from_str::<Swap>(&text)
        .ok()
        .filter(|swap| swap.moves.iter().all(Move::is_inside))
        .ok_or_else(|| OpenError::DamagedSwap { path: path.clone() })?;
    Ok(Some(swap))
}

/// Finishes a swap that was cut short, and answers its notice.
pub(super) fn finish(data: &Path) -> Result<Option<String>, OpenError> {
    let Some(swap) = pending(data)? else { return Ok(None) };
    finish_moves(data, &swap)?;
    Ok(Some(swap.notice))
}

fn finish_moves(data: &Path, swap: &Swap) -> Result<(), OpenError> {
    for step in &swap.moves {
        let (from, to) = (data.join(&step.from), data.join(&step.to));
        if from.exists() && !to.exists() {
            fs::rename(&from, &to).map_err(|e| files::open_error(&from, &e))?;
            for dir in [from.parent(), to.parent()].into_iter().flatten() {
                files::sync_dir(dir)?;
            }
        }
    }
    let note = note(data);
    fs::remove_file(&note).map_err(|e| files::open_error(&note, &e))?;
    files::sync_dir(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swap(kept: &str) -> Swap {
        let moves = vec![Move::new("store", format!("{kept}/store")), Move::new("new", "store")];
        Swap { notice: "It was swapped.".to_owned(), moves }
    }

    /// A data directory with an old and a new store.
    fn before() -> (tempfile::TempDir, String) {
        let dir = tempfile::tempdir().unwrap();
        for name in ["store", "new"] {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("db"), name).unwrap();
        }
        let kept = make_kept(dir.path()).unwrap();
        (dir, kept)
    }

    fn is_swapped(data: &Path, kept: &str) {
        assert_eq!(fs::read_to_string(data.join("store/db")).unwrap(), "new");
        assert_eq!(fs::read_to_string(data.join(kept).join("store/db")).unwrap(), "store");
        assert!(!data.join("new").exists() && !data.join(NOTE).exists());
    }

    #[test]
    fn the_old_is_kept_and_the_new_is_in_its_place() {
        let (dir, kept) = before();
        run(dir.path(), &swap(&kept)).unwrap();
        is_swapped(dir.path(), &kept);
        assert!(is_name_of_kept(&kept) && !is_name_of_kept("store"));
        assert_eq!(finish(dir.path()).unwrap(), None);
        assert_ne!(make_kept(dir.path()).unwrap(), kept);
    }

    #[test]
    fn one_that_was_cut_short_is_finished_from_any_point() {
        for done in 0..=2 {
            let (dir, kept) = before();
            let swap = swap(&kept);
            files::write_private(&dir.path().join(NOTE), &toml::to_string(&swap).unwrap()).unwrap();
            for step in &swap.moves[..done] {
                fs::rename(dir.path().join(&step.from), dir.path().join(&step.to)).unwrap();
            }
            assert_eq!(finish(dir.path()).unwrap().as_deref(), Some("It was swapped."), "{done}");
            is_swapped(dir.path(), &kept);
        }
    }

    #[test]
    fn a_note_that_makes_no_sense_moves_nothing() {
        for text in ["not a note", "notice = \"\"\n[[move]]\nfrom = \"../else\"\nto = \"store\"\n", ""] {
            let (dir, _) = before();
            fs::write(dir.path().join(NOTE), text).unwrap();
            let error = finish(dir.path()).unwrap_err();
            assert!(error.to_string().contains("swap.toml is damaged"), "{error}");
            assert_eq!(fs::read_to_string(dir.path().join("store/db")).unwrap(), "store");
        }
    }
}
