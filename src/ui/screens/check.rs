//! Seeing to the store: checking it, repairing it, making a backup of it.

use ratatui::{Frame, layout::Rect};

use crate::{
    desk::BackupTarget,
    model::{Error, Stamp},
    store::{BackupReport, CheckReport, Progress, backup::Listed, size},
    ui::{
        Bind, Command, Confirm, Cx, Key, Outcome, Screen, Theme, bind,
        cx::{Meter, Stop, Tone},
        sheet::{Ink, Sheet},
    },
};

/// The keys of this screen.
pub const KEYS: &[Bind] = &[
    bind(&[Key::ch('c')], Command::Check),
    bind(&[Key::ch('b')], Command::Backup),
    bind(&[Key::ch('d')], Command::CheckDeep),
    bind(&[Key::ch('R')], Command::Repair),
    bind(&[Key::ch('x')], Command::Cancel),
];

/// Checks the store, repairs it, and makes backups.
#[derive(Default)]
pub struct CheckScreen {
    sheet: Sheet,
    /// Breaks the work off; there while it goes on.
    working: Option<Stop>,
    report: Option<CheckReport>,
    /// Each that is kept, or why it cannot be read; newest first.
    backups: Vec<Result<Listed, String>>,
    begun: bool,
}

/// `records: 1200 of 4000`.
fn words(progress: &Progress) -> String {
    format!("{}: {} of {}", progress.step, progress.done, progress.of)
}

impl CheckScreen {
    fn check(&mut self, cx: &mut Cx) {
        let (desk, actor) = (cx.desk.clone(), cx.actor());
        let work = move |meter: &mut Meter| desk.check(&actor, &mut |p| meter.tell(|| words(&p)));
        self.working = Some(cx.job_with_progress("Checking the store…", work, Self::answered));
        self.fill(cx);
    }

    fn check_deep(&mut self, cx: &mut Cx) {
        let (desk, actor) = (cx.desk.clone(), cx.actor());
        let work = move |meter: &mut Meter| desk.check_deep(&actor, &mut |p| meter.tell(|| words(&p)));
        self.working = Some(cx.job_with_progress("Checking the store and its journal…", work, Self::answered));
        self.fill(cx);
    }

    fn back_up(&mut self, cx: &mut Cx) {
        let (desk, actor) = (cx.desk.clone(), cx.actor());
        let work = move |meter: &mut Meter| desk.backup(&actor, BackupTarget::Shelf, &mut |p| meter.tell(|| words(&p)));
        self.working = Some(cx.job_with_progress("Making a backup…", work, Self::backed_up));
        self.fill(cx);
    }

    fn backed_up(&mut self, answer: Option<Result<Option<BackupReport>, Error>>, cx: &mut Cx) -> Outcome {
        self.working = None;
        match answer {
            Some(Ok(Some(_))) => cx.say(Tone::Ok, "The backup is made, and was read back whole."),
            Some(Ok(None)) => cx.say(Tone::Note, "Broken off; nothing is left of it."),
            Some(Err(e)) => cx.fail(&e),
            None => cx.fault(),
        }
        self.list_backups(cx);
        self.fill(cx);
        Outcome::Stay
    }

    fn list_backups(&self, cx: &mut Cx) {
        let (desk, actor) = (cx.desk.clone(), cx.actor());
        cx.job(
            "Looking at the backups…",
            move || desk.backups(&actor),
            |me: &mut Self, listed, cx| {
                match listed {
                    Some(Ok(backups)) => me.backups = backups,
                    Some(Err(e)) => cx.fail(&e),
                    None => cx.fault(),
                }
                me.fill(cx);
                Outcome::Stay
            },
        );
    }

    fn repair(&mut self, cx: &mut Cx) {
        let (desk, actor) = (cx.desk.clone(), cx.actor());
        let work = move |meter: &mut Meter| desk.repair(&actor, &mut |p| meter.tell(|| words(&p)));
        self.working = Some(cx.job_with_progress("Repairing the store…", work, Self::answered));
        self.fill(cx);
    }

    fn answered(&mut self, answer: Option<Result<CheckReport, Error>>, cx: &mut Cx) -> Outcome {
        self.working = None;
        match answer {
            Some(Ok(report)) => self.report = Some(report),
            Some(Err(e)) => cx.fail(&e),
            None => cx.fault(),
        }
        self.fill(cx);
        Outcome::Stay
    }

    fn fill(&mut self, cx: &Cx) {
        self.sheet.clear();
        self.sheet.text(
            "A check opens every record and counts every index, counter and list anew. \
             Everybody can go on working meanwhile.",
            Ink::Muted,
        );
        self.sheet.gap();
        for alert in cx.desk.alerts() {
            self.sheet.text(alert.sentence, Ink::Warn);
            self.sheet.gap();
        }
        match (&self.working, &self.report) {
            (Some(_), _) => self.sheet.text("At work…", Ink::Accent),
            (None, Some(report)) => found(&mut self.sheet, report),
            (None, None) => {}
        }
        self.sheet.heading("Backups");
        match cx.desk.backup_state_seen(&cx.actor()) {
            Ok(state) => match &state.warning {
                Some(warning) => self.sheet.text(warning, Ink::Warn),
                None => self.sheet.text(state.line(Stamp::now()), Ink::Plain),
            },
            Err(e) => self.sheet.text(sentence(&e.to_string()), Ink::Error),
        }
        let directory = self.backups.iter().flatten().find_map(|listed| listed.path.parent());
        if let Some(directory) = directory {
            self.sheet.text(format!("Kept in {}:", directory.display()), Ink::Muted);
        }
        for listed in &self.backups {
            match listed {
                Ok(Listed { path, manifest, size: bytes }) => self.sheet.line(vec![
                    (manifest.at.minute(), Ink::Plain),
                    (format!("{:>6}", size(*bytes)), Ink::Plain),
                    (format!("change {}", manifest.commit), Ink::Plain),
                    (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), Ink::Muted),
                ]),
                Err(why) => self.sheet.text(sentence(why), Ink::Error),
            }
        }
    }
}

/// What a check or a repair found.
fn found(sheet: &mut Sheet, report: &CheckReport) {
    match report {
        CheckReport { cancelled: true, .. } => sheet.text("Broken off; this is not the whole picture.", Ink::Warn),
        CheckReport { wrong: 0, .. } => sheet.text("All is well.", Ink::Ok),
        CheckReport { wrong: 1, .. } => sheet.text("1 thing is wrong.", Ink::Error),
        CheckReport { wrong, .. } => sheet.text(format!("{wrong} things are wrong."), Ink::Error),
    }
    sheet.gap();
    sheet.field("Records", report.records.to_string());
    sheet.field("Index entries", report.entries.to_string());
    sheet.field("Changes", report.commits.to_string());
    if !report.repaired.is_empty() {
        sheet.heading("Repaired");
        report.repaired.iter().for_each(|line| sheet.text(sentence(line), Ink::Plain));
    }
    if !report.findings.is_empty() {
        sheet.heading("Wrong");
        report.findings.iter().for_each(|line| sheet.text(sentence(line), Ink::Plain));
        let left = report.wrong.saturating_sub(report.findings.len() as u64);
        if left > 0 {
            sheet.text(format!("… and {left} more."), Ink::Muted);
        }
    }
}

fn sentence(line: &str) -> String {
    crate::ui::cx::sentence(line)
}

impl Screen for CheckScreen {
    fn title(&self) -> String {
        "Check".to_owned()
    }

    fn keys(&self) -> &'static [Bind] {
        KEYS
    }

    fn enabled(&self, command: Command, _cx: &Cx) -> bool {
        match command {
            Command::Check | Command::CheckDeep | Command::Repair | Command::Backup => self.working.is_none(),
            Command::Cancel => self.working.is_some(),
            _ => true,
        }
    }

    fn run(&mut self, command: Command, cx: &mut Cx) -> Outcome {
        match command {
            Command::Check => self.check(cx),
            Command::CheckDeep => self.check_deep(cx),
            Command::Backup => self.back_up(cx),
            Command::Repair => {
                let confirm = Confirm {
                    title: "Repair the store?".to_owned(),
                    lines: vec![
                        "Damaged records are taken from the log, indexes and counters are counted anew.".to_owned(),
                        "Nobody can save anything until it is done.".to_owned(),
                    ],
                    yes: "repair".to_owned(),
                    danger: true,
                };
                cx.confirm(confirm, |me: &mut Self, cx| {
                    me.repair(cx);
                    Outcome::Stay
                });
            }
            Command::Cancel => {
                if let Some(stop) = &self.working {
                    stop.stop();
                    cx.say(Tone::Note, "It stops at the next step.");
                }
            }
            other if self.sheet.run(other) => {}
            _ => return Outcome::Pass,
        }
        Outcome::Stay
    }

    fn prepare(&mut self, area: Rect, cx: &mut Cx) {
        if !std::mem::replace(&mut self.begun, true) {
            self.check(cx);
            self.list_backups(cx);
        }
        self.sheet.prepare(area);
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        self.sheet.draw(frame.buffer_mut(), area, theme);
    }

    fn status(&self) -> String {
        self.sheet.status()
    }
}
