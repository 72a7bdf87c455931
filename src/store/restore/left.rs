//! Lines of history that a restore left: what came after the moment it went back to can be reached again.

use std::path::{Path, PathBuf};

use super::{
    super::{OpenOptions, files, journal},
    Moment, RestoreError, Source,
    plan::{self, Sources},
};
use crate::model::CommitNo;

/// What a restore left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The line, as it is named to go back to it.
    pub line: String,
    /// The last change that it has in common with the present one.
    pub after: CommitNo,
    /// The last that can be reached on it.
    pub last: Moment,
    /// Whether it is the one that was left last.
    pub newest: bool,
}

impl Left {
    /// The command that goes back to it.
    pub fn command(&self) -> String {
        match self.newest {
            true => "clowder restore --undo".to_owned(),
            false => format!("clowder restore --line {}", self.line),
        }
    }
}

/// What was put aside and takes room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    /// The directory.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
}

impl Sources {
    /// What is found for a source: where it leads is decided before anything is planned.
    pub(super) fn of(options: &OpenOptions, source: Source<'_>) -> Result<Self, RestoreError> {
        let (from, wanted) = match source {
            Source::Best => (None, None),
            Source::Backup(path) if path.is_file() => (Some(path), None),
            Source::Backup(path) => match plan::Lines::read(&options.data).line_of_kept(path) {
                Some(line) => (None, Some(line)),
                None if path.is_dir() => return Err(RestoreError::Directory { path: path.to_owned() }),
                None => (Some(path), None),
            },
            Source::Undo => {
                let left = plan::Lines::read(&options.data).left_last().ok_or(RestoreError::NothingLeft)?;
                (None, Some(left))
            }
            Source::Line(word) => (None, Some(word.to_owned())),
        };
        let mut sources = Self::find(options, from)?;
        if let Source::Line(word) = source {
            let known = sources.known_lines(&options.data);
            let mut fits = known.into_iter().filter(|line| !word.is_empty() && line.starts_with(word));
            sources.wanted = match (fits.next(), fits.next()) {
                (Some(line), None) => Some(line),
                _ => return Err(RestoreError::NoSuchLine { word: word.to_owned() }),
            };
        } else {
            sources.wanted = wanted;
        }
        Ok(sources)
    }

    /// Every line of which something may be there.
    fn known_lines(&self, data: &Path) -> Vec<String> {
        let segments = journal::segments(data).unwrap_or_default();
        let mut lines: Vec<String> = segments.iter().map(|segment| segment.line.to_string()).collect();
        lines.extend(self.backups.iter().map(|listed| listed.manifest.line.clone()));
        lines.extend(self.lines.all());
        lines.sort();
        lines.dedup();
        lines
    }

    /// What restores left behind that can be reached, the last one first.
    pub(super) fn left(&self, data: &Path) -> Result<Vec<Left>, RestoreError> {
        let Some(present) = self.present_line(data, false) else { return Ok(Vec::new()) };
        let (present, last_left) = (self.chain(&present), self.lines.left_last());
        let mut left = Vec::new();
        for line in self.known_lines(data) {
            let chain = self.chain(&line);
            let common = chain.iter().find_map(|(line, upto)| {
                let its = present.iter().find(|(other, _)| other == line)?;
                Some((*upto).min(its.1))
            });
            let after = common.unwrap_or(0);
            if let Some(last) = plan::end_of(data, self, &chain)?
                && last.commit.0 > after
            {
                let newest = last_left.as_ref() == Some(&line);
                left.push(Left { line, after: CommitNo(after), last, newest });
            }
        }
        left.sort_by_key(|left| (!left.newest, std::cmp::Reverse(left.last.at)));
        Ok(left)
    }
}

/// The directories in which compacting, a restore or the doctor put aside what they replaced, oldest first.
pub(super) fn asides(data: &Path) -> Vec<Aside> {
    files::asides(data).into_iter().map(|path| Aside { size: files::size_of(&path), path }).collect()
}
