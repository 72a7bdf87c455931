//! The first start: the first admin, and what the store begins with.

use std::path::Path;

use ratatui::{Frame, layout::Rect};
use zeroize::Zeroizing;

use super::password;
use crate::{
    desk::{Desk, UserChange},
    model::{Actor, Day, Error, limits},
    transfer::{self, DeskTarget, Options, Profile, Source, Summary},
    ui::{
        Cx, FormScreen, Outcome, Theme,
        cx::{Meter, Stop, Tone, sentence},
        field::Field,
        form::Form,
        layout::put_above,
    },
};

/// What a store begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Begin {
    /// The breeds and health statuses that come with the program.
    Empty,
    /// The same and the cats of a file.
    File { path: String, profile: String },
    /// Invented data.
    Demo,
}

const EMPTY: u32 = 0;
const FILE: u32 = 1;
const DEMO: u32 = 2;

/// What came of it: the admin, and how the beginning went.
type Made = Result<(Actor, Result<String, String>), Error>;

/// Makes the first admin.
pub struct SetUp {
    form: Form,
    /// An import that goes on when the person leaves stops between two cats.
    working: Option<Stop>,
}

fn account_fields() -> Vec<Field> {
    let sound = |text: &str| UserChange::Username(text.to_owned()).check().map_err(|e| e.message);
    let [new, again] = password::fields();
    let begins = [(EMPTY, "no cats yet"), (FILE, "a file of another program"), (DEMO, "invented cats and requests")];
    vec![
        Field::line("username", "Sign-in name", "", limits::USERNAME)
            .required()
            .check_text(move |text, _| if text.is_empty() { Ok(()) } else { sound(text) })
            .hint("letters, digits, dots, hyphens, underscores"),
        Field::line("full_name", "Your name", "", limits::NAME)
            .check_text(|text, _| UserChange::FullName(text.to_owned()).check().map_err(|e| e.message))
            .hint("as others see it"),
        Field::line("email", "E-mail", "", limits::EMAIL)
            .check_text(|text, _| UserChange::Email(Some(text.to_owned())).check().map_err(|e| e.message))
            .hint("works for signing in, too"),
        new.required(),
        again.required(),
        Field::choice("begin", "Begin with", begins.map(|(id, name)| (id, name.to_owned())), EMPTY)
            .section("The store")
            .hint("the arrows show the choices; breeds and health statuses are there in any case"),
    ]
}

fn file_fields() -> Vec<Field> {
    let names = Profile::names().enumerate().map(|(i, name)| (i as u32, name.to_owned()));
    vec![
        Field::line("file", "File", "", 1_000)
            .required()
            .check_text(|text, _| match text.is_empty() || Path::new(text.trim()).is_file() {
                true => Ok(()),
                false => Err("there is no such file".to_owned()),
            })
            .hint("where it is, CSV or NDJSON"),
        Field::choice("profile", "Made by", names, 0).hint("for any other program: clowder import --profile PATH"),
    ]
}

impl SetUp {
    /// With empty fields.
    pub fn new(cx: &Cx) -> Self {
        Self { form: Form::new(account_fields(), cx.today), working: None }
    }

    fn begin(&self) -> Begin {
        match self.form.id("begin") {
            Some(FILE) => {
                let profile = self.form.id("profile").and_then(|id| Profile::names().nth(id as usize));
                Begin::File { path: self.form.text("file"), profile: profile.unwrap_or_default().to_owned() }
            }
            Some(DEMO) => Begin::Demo,
            _ => Begin::Empty,
        }
    }

    /// The fields of a file are there while a file is chosen.
    fn adapt(&mut self) {
        match (self.form.id("begin") == Some(FILE), self.form.field("file").is_some()) {
            (true, false) => self.form.replace_after("begin", file_fields()),
            (false, true) => self.form.replace_after("begin", Vec::new()),
            _ => {}
        }
    }

    fn answered(&mut self, answer: Option<Made>, cx: &mut Cx) -> Outcome {
        self.working = None;
        match answer {
            Some(Ok((admin, begun))) => {
                cx.sign_in(admin);
                match begun {
                    Ok(words) => cx.ok(format!("You are the first admin. {}", sentence(&words))),
                    Err(words) => cx.say(Tone::Error, format!("You are the first admin, but {}", sentence(&words))),
                }
            }
            Some(Err(e)) => self.form.tell(&e, cx),
            None => cx.fault(),
        }
        Outcome::Stay
    }
}

/// Puts into the store what it is to begin with; answers what that was, in words.
fn fill(desk: &Desk, admin: &Actor, begin: &Begin, today: Day, meter: &mut Meter) -> Result<String, String> {
    let words = |e: Error| e.to_string();
    desk.add_stock(admin).map_err(words)?;
    match begin {
        Begin::Empty => Ok("breeds and health statuses are there".to_owned()),
        Begin::Demo => {
            desk.add_demo(admin).map_err(words)?;
            Ok("the data is invented".to_owned())
        }
        Begin::File { path, profile } => {
            let failed = |e: &dyn std::fmt::Display| format!("the import failed: {e}");
            let profile = Profile::named(profile).map_err(|e| failed(&e))?;
            let source = Source::open(Path::new(path)).map_err(|e| failed(&e))?;
            let mut target = DeskTarget::new(desk.clone(), admin.clone());
            let options = Options { dry_run: false, today };
            let mut progress = |p: transfer::Progress| meter.tell(|| format!("{} rows, {} cats", p.rows, p.cats));
            let summary = transfer::import(&mut target, source, &profile, options, None, &mut progress);
            summary.map(|s| imported(&s)).map_err(|e| failed(&e))
        }
    }
}

fn imported(summary: &Summary) -> String {
    let problems: u64 = summary.problems.values().sum();
    let more = match problems {
        0 => String::new(),
        n => format!("; {n} things were odd: clowder import --dry-run --report FILE lists them"),
    };
    format!("{} rows made {} cats with {} stays{more}", summary.rows, summary.cats_new, summary.stays)
}

impl FormScreen for SetUp {
    fn title(&self) -> String {
        "First start".to_owned()
    }

    fn form(&self) -> &Form {
        &self.form
    }

    fn form_mut(&mut self) -> &mut Form {
        &mut self.form
    }

    fn typed(&mut self, _cx: &mut Cx) {
        password::compare(&mut self.form);
        self.adapt();
    }

    fn save(&mut self, cx: &mut Cx) -> Outcome {
        if !password::same(&mut self.form) {
            return Outcome::Stay;
        }
        let (name, full, email) = (self.form.text("username"), self.form.text("full_name"), self.form.text("email"));
        let password = Zeroizing::new(self.form.exact("password"));
        let (begin, today, desk) = (self.begin(), cx.today, cx.desk.clone());
        let work = move |meter: &mut Meter| {
            let email = Some(&*email).filter(|e| !e.is_empty());
            let admin = desk.set_up(&name, &full, email, &password)?;
            let begun = fill(&desk, &admin, &begin, today, meter);
            Ok((admin, begun))
        };
        self.working = Some(cx.job_with_progress("Setting up…", work, Self::answered));
        Outcome::Stay
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        let text = "Welcome. The store is new. Make the account of its first admin:";
        let room = put_above(frame.buffer_mut(), area, 12, text, theme.text());
        self.form.draw(frame, room, theme);
    }

    fn is_dirty(&self) -> bool {
        false
    }
}
