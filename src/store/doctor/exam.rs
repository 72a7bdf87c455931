//! The examination of a store whose keys are at hand, and the ways out that follow from it.

use super::*;

/// An examination with keys.
pub(super) struct Exam<'a> {
    pub(super) options: &'a OpenOptions,
    pub(super) sources: plan::Sources,
    /// Backups that cannot be relied on.
    pub(super) bad: Vec<PathBuf>,
    /// What was tried and did not help.
    pub(super) failed: Vec<How>,
    pub(super) facts: Vec<String>,
    pub(super) findings: Vec<String>,
}

/// What the engine's files gave.
enum Body {
    /// They are not there.
    Gone,
    /// They do not open.
    Dead,
    /// They open and cannot be read to their end.
    Hurt,
    /// They open without those files.
    Alive(Box<Content>, Vec<PathBuf>),
}

impl<'a> Exam<'a> {
    pub(super) fn new(options: &'a OpenOptions, sources: plan::Sources) -> Self {
        Self { options, sources, bad: Vec::new(), failed: Vec::new(), facts: Vec::new(), findings: Vec::new() }
    }
}

impl Exam<'_> {
    pub(super) fn go_on(mut self, progress: &mut dyn FnMut(Progress) -> bool) -> Result<Diagnosis, DoctorError> {
        if let Some(diagnosis) = self.no_room() {
            return Ok(diagnosis);
        }
        let mut body = self.engine(progress)?;
        let newest = self.backups(progress)?;
        let plan = self.plan();
        self.other_ends(&mut body, plan.as_ref());
        let aside: u64 = files::asides(&self.options.data).iter().map(|dir| files::size_of(dir)).sum();
        if aside > 0 {
            self.facts.push(format!(
                "{} are taken by what was put aside (kept-… and damaged-…): remove those directories once all is well.",
                size(aside)
            ));
        }
        let ways = self.ways(&body, newest.as_ref(), plan.as_ref(), progress)?;
        let no_disk = self.no_disk_of_backups();
        let advice = (ways.is_empty() && !self.findings.is_empty()).then(|| {
            "There is neither a backup nor a journal to take anything from. A backup from elsewhere can be named: \"clowder restore --from FILE\"."
                .to_owned()
        });
        // Nothing is wrong with the store for that, so it leads to no way.
        self.findings.extend(no_disk);
        Ok(Diagnosis { facts: self.facts, findings: self.findings, ways, advice })
    }

    /// What is to be said when the disk with the backups is not there.
    fn no_disk_of_backups(&self) -> Option<String> {
        let shelf = Shelf::new(&self.options.data, &self.options.backups);
        let missing = backup::LastShelf::missing(&self.options.data, &shelf, self.sources.keys.store())?;
        missing.no_disk(&self.options.surroundings).map(|why| sentence(&why))
    }

    fn no_room(&self) -> Option<Diagnosis> {
        let data = &self.options.data;
        let needed = files::size_of(&data.join(STORE));
        let free = self.options.surroundings.free(data).ok()?;
        (free < needed).then(|| Diagnosis {
            findings: vec![format!(
                "There is too little room to look at the store: it is done on a copy of {}, and {} are free.",
                size(needed),
                size(free)
            )],
            advice: Some(format!("Make room on the disk that holds {}, then run this again.", data.display())),
            ..Diagnosis::default()
        })
    }

    /// The engine's files, on copies.
    fn engine(&mut self, progress: &mut dyn FnMut(Progress) -> bool) -> Result<Body, DoctorError> {
        let data = &self.options.data;
        if !engine::is_there(&data.join(STORE)) {
            self.findings.push("The store's own files are gone or empty.".to_owned());
            return Ok(Body::Gone);
        }
        let work = Work::make(data)?;
        let (opens, without) = files_of::try_copies(self.options, &work)?;
        match &opens {
            Opens::Whole => {}
            Opens::Not(why) => {
                self.findings.push(format!("The store's own files do not open: {why}."));
                return Ok(Body::Dead);
            }
            Opens::WithoutSnapshot => {
                self.findings.push("The engine's snapshot is damaged; without it the store opens.".to_owned());
            }
            Opens::WithoutSettings => {
                self.findings.push("The engine's settings are damaged; without them the store opens.".to_owned());
            }
        }
        let (options, sources, dir) = (self.options.clone(), self.sources.again(), work.0.clone());
        let looked = watched(self.options.probe_limit, progress, move |progress| {
            files_of::look(&options, &dir, &sources, progress)
        });
        let why = match looked {
            Ok(Ok(content)) => {
                if content.report.cancelled {
                    return Err(DoctorError::Cancelled);
                }
                self.of_content(&content);
                return Ok(Body::Alive(Box::new(content), without));
            }
            Err(Unanswered::Cancelled) => return Err(DoctorError::Cancelled),
            // What is sealed says so.
            Ok(Err(StoreError::Refused(_))) => return Err(OpenError::NewerFormat { path: data.clone() }.into()),
            Ok(Err(e)) => e.to_string(),
            Err(Unanswered::Gone(why)) => why,
        };
        self.findings.push(sentence(&format!("The store's own files open but cannot be read: {why}")));
        Ok(Body::Hurt)
    }

    fn of_content(&mut self, content: &Content) {
        /// The most findings that are shown of one kind.
        const SHOWN: usize = 20;
        let all: Vec<&String> = content.report.findings.iter().chain(&content.behind).collect();
        for what in all.iter().take(SHOWN).map(|what| sentence(what)) {
            // The engine says the same of each of its pages.
            if !self.findings.contains(&what) {
                self.findings.push(what);
            }
        }
        let wrong = content.report.wrong + content.behind.len() as u64;
        let more = wrong.saturating_sub(SHOWN.min(all.len()) as u64);
        if more > 0 {
            self.findings.push(format!("And {more} more of that kind."));
        }
        if content.lacks {
            self.findings.push(format!(
                "The store's own files end with change {}; there were later ones, which cannot be added to them.",
                content.commit
            ));
        }
        let with = match content.report.commits {
            all if all > content.commit => format!(", with the journal up to {all}"),
            _ => String::new(),
        };
        self.facts.push(format!(
            "The store's own files have every change up to {}{with}; {} records were looked at.",
            content.commit, content.report.records
        ));
    }

    /// Looks for the newest backup that can be relied on and has everything that was there when it was made.
    fn backups(&mut self, progress: &mut dyn FnMut(Progress) -> bool) -> Result<Option<Listed>, DoctorError> {
        let shelf = Shelf::new(&self.options.data, &self.options.backups);
        let mut keys = self.options.keys();
        keys.data = Some(self.options.data.clone());
        for e in shelf.list().into_iter().filter_map(Result::err) {
            self.facts.push(sentence(&e.to_string()));
        }
        let mut partial = false;
        for listed in self.sources.backups.clone() {
            let (path, manifest) = (listed.path.display(), &listed.manifest);
            let of = format!("of {} (change {})", manifest.at.second(), manifest.commit);
            let why = if manifest.format > migrate::FORMAT {
                sentence(&BackupError::Newer { path: listed.path.clone() }.to_string())
            } else if self.failed.iter().any(|how| how.relies_on(&listed.path)) {
                format!("What was made of the backup {path} is not sound, so it is not used.")
            } else {
                match backup::verify(&listed.path, Some(&keys), progress) {
                    Ok(_) if manifest.is_whole() => {
                        self.facts.push(format!("The newest backup that is whole is {path}, {of}."));
                        return Ok(Some(listed));
                    }
                    Ok(_) => {
                        partial = true;
                        self.facts.push(format!(
                            "The backup {path}, {of}, is not whole: {} values could not be read when it was made.",
                            manifest.lost.len() as u64 + manifest.lost_entries
                        ));
                        continue;
                    }
                    Err(BackupError::Cancelled) => return Err(DoctorError::Cancelled),
                    Err(e) => sentence(&e.to_string()),
                }
            };
            self.facts.push(why);
            self.bad.push(listed.path.clone());
            self.sources.backups.retain(|other| other.path != listed.path);
        }
        let what = if partial { "no backup that is whole" } else { "no backup" };
        self.facts.push(format!("There is {what} in {}.", shelf.directory().display()));
        Ok(None)
    }

    /// How far backup and journal go.
    fn plan(&mut self) -> Option<plan::Plan> {
        let mut whole = self.sources.again();
        whole.backups.retain(|listed| listed.manifest.is_whole());
        let plan = plan::plan(self.options, &whole, None, Until::Last).ok()?;
        self.facts.push(format!(
            "Backup and journal together give the store up to change {}, {}.",
            plan.to.commit,
            plan.to.at.second()
        ));
        Some(plan)
    }

    /// The backups that a restore does not use: those that cannot be relied on, and those that lack something.
    fn without(&self) -> Vec<PathBuf> {
        let partial = self.sources.backups.iter().filter(|listed| !listed.manifest.is_whole());
        self.bad.iter().cloned().chain(partial.map(|listed| listed.path.clone())).collect()
    }

    /// The newest backup of a line, when it lacks something: it may have records that nothing else has.
    fn partial(&self, line: &str) -> Option<&Listed> {
        let newest = self.sources.backups.iter().find(|listed| listed.manifest.line == line)?;
        (!newest.manifest.is_whole()).then_some(newest)
    }

    /// What is wrong with the journal and the backups, seen from the engine's files.
    fn other_ends(&mut self, body: &mut Body, plan: Option<&plan::Plan>) {
        let of_plan = plan.and_then(|plan| plan.broken.clone());
        let of_journal = match body {
            Body::Alive(content, _) => content.broken.clone(),
            _ => None,
        };
        if let Some(broken) = of_plan.or(of_journal) {
            self.findings.push(sentence(&broken));
        }
        let Body::Alive(content, _) = body else { return };
        if content.no_journal {
            self.findings.push("The journal is missing.".to_owned());
        }
        let reached = plan.map_or(0, |plan| plan.to.commit.0);
        let has = content.report.commits.max(content.commit);
        let known = plan.map_or(0, |plan| plan.last.unwrap_or(plan.to).commit.0);
        if known > has && plan.is_some_and(|plan| plan.is_on(&content.line)) {
            // The engine went back without a word.
            content.lacks = true;
            self.findings.push(format!(
                "The store's own files end with change {has}, and backup or journal have change {known}."
            ));
        }
        if reached < has {
            self.findings.push(match plan {
                Some(_) => {
                    format!("Backup and journal end with change {reached}, and the store's own files have {has}.")
                }
                None => "There is no backup, and the journal does not begin with the first change.".to_owned(),
            });
        }
        self.facts.extend(content.older.iter().map(|broken| {
            format!("{} The store itself has them; one cannot go back to each of them any more.", sentence(broken))
        }));
        if self.findings.is_empty() && backup::was_due(&self.options.data) {
            self.findings
                .push("No backup was made since the journal was found damaged or the data key was renewed.".to_owned());
        }
        if reached == has && self.closed_with() == 0 && plan.is_some_and(|plan| plan.torn) {
            // No fault after a power cut, and nobody can tell that from damage.
            self.facts.push(format!(
                "The journal ends with something that cannot be read. A change that was being saved when the power went looks like that, \
                 and nobody had been told that it was saved. If the file was damaged instead, what was changed after change {has} is lost."
            ));
        }
    }

    fn ways(
        &self,
        body: &Body,
        newest: Option<&Listed>,
        plan: Option<&plan::Plan>,
        progress: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Vec<Way>, DoctorError> {
        let mut ways = Vec::new();
        if self.findings.is_empty() {
            return Ok(ways);
        }
        let mut known = plan.map_or(0, |plan| plan.last.unwrap_or(plan.to).commit.0).max(self.closed_with());
        if let Some(partial) = self.partial(&self.line_of(body)) {
            known = known.max(partial.manifest.commit);
        }
        if let Body::Alive(content, without) = body {
            known = known.max(content.commit).max(content.report.commits);
            let own = self.ways_of_own(content, without, plan);
            ways.extend(own.filter(|way| !self.failed.contains(&way.how)));
        }
        let base = |plan: &plan::Plan| plan.backup.as_ref().map(|listed| listed.path.clone());
        let was_tried = |plan: &plan::Plan| {
            self.failed.iter().any(|how| matches!(how, How::Restore { backup, .. } if *backup == base(plan)))
        };
        let restorable = plan.filter(|plan| !was_tried(plan));
        let restore = |plan: &plan::Plan, loses: Vec<Loss>| {
            let from = match &plan.backup {
                Some(listed) => format!("the backup of {} and the journal after it", listed.manifest.at.second()),
                None => "the journal, which has every change from the first on".to_owned(),
            };
            let does = format!(
                "Make a new store of {from}, as it was after change {}, {}.",
                plan.to.commit,
                plan.to.at.second()
            );
            Way { does, loses, how: How::Restore { backup: base(plan), without: self.without() } }
        };
        let whole = |plan: &plan::Plan| {
            let open_end = match body {
                Body::Alive(content, _) if !content.lacks => self.may_lack_its_end(content, Some(plan)),
                _ => self.is_open_ended(plan),
            };
            plan.to.commit.0 >= known && plan.broken.is_none() && !open_end
        };
        let lossless = restorable.is_some_and(whole);
        if let Some(plan) = restorable.filter(|_| lossless) {
            ways.push(restore(plan, Vec::new()));
        }
        let ends: Vec<u64> = [plan.map(|plan| plan.to.commit.0), newest.map(|newest| newest.manifest.commit)]
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect();
        if !lossless && ways.is_empty() {
            let opens = matches!(body, Body::Alive(..) | Body::Hurt);
            let line = self.line_of(body);
            let (known, reaches) = self.evidence(&line, opens, newest, plan, &ends, progress)?;
            let salvage = How::Salvage(self.bad.clone());
            if !known.is_empty() && !self.failed.contains(&salvage) {
                let does = "Make a new store of every record that can be read anywhere: in the damaged files, the newest backup and \
                            the journal."
                    .to_owned();
                ways.push(Way { does, loses: known.losses(), how: salvage });
            }
            if let Some(plan) = restorable {
                let way = restore(plan, known.losses_of(&reaches[0]));
                let at = if ways.first().is_some_and(|salvage| way.loses.len() <= salvage.loses.len()) {
                    0
                } else {
                    ways.len()
                };
                ways.insert(at, way);
            }
            if let Some(listed) = newest.filter(|_| ends[0] != ends[1]) {
                ways.push(only_backup(listed, known.losses_of(&reaches[1])));
            }
        } else if let Some(listed) = newest.filter(|newest| newest.manifest.commit < known) {
            let loses = Loss::Changes { first: listed.manifest.commit + 1, last: Some(known) };
            ways.push(only_backup(listed, vec![loses]));
        }
        Ok(ways)
    }

    /// The ways in which the store's own files stay, by what backup and journal make of it.
    fn ways_of_own(&self, content: &Content, without: &[PathBuf], plan: Option<&plan::Plan>) -> Option<Way> {
        let has_all = content.behind.is_empty() && !content.lacks;
        let sound = has_all && content.report.is_clean();
        let mut loses = Vec::new();
        if self.may_lack_its_end(content, plan) {
            let has = content.commit.max(content.report.commits);
            loses.push(Loss::Changes { first: has + 1, last: None });
        }
        let (does, how) = if sound && without.is_empty() {
            let does = "Begin a new journal and make a backup: the store itself has everything that is known.";
            (does, How::MakeBackup(content.unreadable.clone()))
        } else if sound {
            if !self.ends_with_a_backup(plan) {
                // What else is to be told is told when the next way is gone.
                loses.clear();
            }
            ("Put aside what is damaged; the engine makes it anew.", How::SetAside(without.to_vec()))
        } else if has_all && content.report.is_only_derived() && without.is_empty() {
            ("Build the indexes and counters anew from the records, which are all there.", How::Rebuild)
        } else {
            return None;
        };
        Some(Way { does: does.to_owned(), loses, how })
    }

    /// The last change when the store was closed, if it was.
    fn closed_with(&self) -> u64 {
        files::clean_mark(&self.options.data).map_or(0, |mark| mark.commit)
    }

    /// Whether nobody knows if the engine's files have the last changes: they were not closed, and the journal is not there as far as
    /// they go, or may not be.
    fn may_lack_its_end(&self, content: &Content, plan: Option<&plan::Plan>) -> bool {
        let has = content.commit.max(content.report.commits);
        let reached = plan.map_or(0, |plan| plan.to.commit.0);
        self.closed_with() == 0
            && (reached < has || content.no_journal || !content.unreadable.is_empty() || self.ends_with_a_backup(plan))
    }

    /// Whether the journal has nothing after the newest backup of a store that was not closed: that there was nothing and that the file
    /// with it is gone look the same.
    fn ends_with_a_backup(&self, plan: Option<&plan::Plan>) -> bool {
        self.closed_with() == 0 && plan.is_some_and(|plan| plan.backup.is_some() && plan.commits == 0)
    }

    /// Whether the end of the journal is not as it was written, or not there, so that nobody knows whether there was more.
    fn is_open_ended(&self, plan: &plan::Plan) -> bool {
        match self.closed_with() {
            0 => plan.torn || plan.commits == 0 || self.has_no_journal(plan),
            last => plan.to.commit.0 < last,
        }
    }

    /// Whether the journal of the line is gone: there is one from the first change on it.
    fn has_no_journal(&self, plan: &plan::Plan) -> bool {
        let segments = journal::segments(&self.options.data).unwrap_or_default();
        !segments.iter().any(|segment| plan.is_on(&segment.line.to_string()))
    }

    /// The line that the store is on.
    fn line_of(&self, body: &Body) -> String {
        match body {
            Body::Alive(content, _) => content.line.clone(),
            _ => self.sources.present_line(&self.options.data, false).unwrap_or_default(),
        }
    }

    /// Everything that is known, and how far each of these changes would reach.
    fn evidence(
        &self,
        line: &str,
        opens: bool,
        newest: Option<&Listed>,
        plan: Option<&plan::Plan>,
        ends: &[u64],
        progress: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<(Evidence, Vec<Reach>), DoctorError> {
        let data = &self.options.data;
        let mut known = Evidence::default();
        let mut reaches: Vec<Reach> = ends.iter().map(|&end| Reach::new(end)).collect();
        let partial = self.partial(line);
        let mut none = Vec::new();
        for (listed, reaches) in
            newest.map(|listed| (listed, &mut reaches)).into_iter().chain(partial.map(|p| (p, &mut none)))
        {
            let other = restore::build::other_key(self.options, &self.sources, listed)?;
            let open = |tree: &str, key: &[u8], sealed: &[u8]| other.as_ref()?.open(tree, key, sealed).ok();
            known.backup(listed, &self.sources, &open, reaches)?;
        }
        known.journal(data, &self.sources, &self.sources.chain(line), &mut reaches)?;
        let of_journal = known.commit;
        if opens {
            let work = Work::make(data)?;
            files_of::try_copies(self.options, &work)?;
            let (options, sources, dir) = (self.options.clone(), self.sources.again(), work.0.join(STORE));
            // What was known before stays known when the engine does not come back.
            let before = known.clone();
            let read = watched(self.options.probe_limit, progress, move |progress| {
                let done = salvage::read(&dir, &options, &sources, &mut known, progress);
                (done, known)
            });
            known = match read {
                Ok((_, known)) => known,
                Err(Unanswered::Cancelled) => return Err(DoctorError::Cancelled),
                Err(Unanswered::Gone(_)) => before,
            };
        }
        let was_longer = plan.is_none_or(|plan| self.is_open_ended(plan));
        let closed_with = self.closed_with();
        // The engine is never ahead of the journal: where it is, the journal has lost its end, and the engine may lack a group of it.
        known.open_end = closed_with == 0 && (was_longer || known.commit > of_journal);
        known.commit = known.commit.max(closed_with);
        Ok((known, reaches))
    }
}

impl How {
    /// Whether a new store was made of that backup.
    fn relies_on(&self, path: &Path) -> bool {
        match self {
            Self::Restore { backup, .. } => backup.as_deref() == Some(path),
            Self::OnlyBackup(backup, _) => backup == path,
            _ => false,
        }
    }
}

fn only_backup(listed: &Listed, loses: Vec<Loss>) -> Way {
    let does = format!("Make a new store of the backup of {} alone.", listed.manifest.at.second());
    Way { does, loses, how: How::OnlyBackup(listed.path.clone(), CommitNo(listed.manifest.commit)) }
}

/// Makes a new store of everything that is known; answers where the old one is kept, and what is lost.
pub(super) fn salvaged(
    options: &OpenOptions,
    bad: &[PathBuf],
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<(String, Vec<Loss>), DoctorError> {
    let _lock = DataLock::take(&options.data, Door::Command)?;
    let mut sources = plan::Sources::find(options, None)?;
    sources.backups.retain(|listed| !bad.contains(&listed.path));
    let newest = sources.backups.iter().find(|listed| listed.manifest.is_whole()).cloned();
    let mut exam = Exam { bad: bad.to_vec(), ..Exam::new(options, sources) };
    let body = exam.engine(progress)?;
    let plan = exam.plan();
    let opens = matches!(body, Body::Alive(..) | Body::Hurt);
    let line = exam.line_of(&body);
    let (known, _) = exam.evidence(&line, opens, newest.as_ref(), plan.as_ref(), &[], progress)?;
    let left = salvage::Left { line, after: plan.map_or(0, |plan| plan.to.commit.0) };
    let kept = salvage::build(options, &exam.sources, &known, &left, progress)?;
    Ok((kept, known.losses()))
}
