//! A person at a terminal: bytes in, the screen out.
#![allow(dead_code)] // Each test program uses its own part of it.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    num::NonZeroU16,
    time::{Duration, Instant},
};

use clowder::{
    desk::Desk,
    model::{Actor, Door},
    session::{
        Session, Turn,
        caps::{Caps, Colour, Glyphs},
        event::{Event, Sender, queue},
    },
    ui::App,
};

/// What a terminal of that size can do: 16 colours, every character.
pub fn caps(width: u16, height: u16) -> Caps {
    Caps { size: (width, height), colour: Colour::Ansi, glyphs: Glyphs::Full, alternate: true, verase: None }
}

/// One session with the terminal at its other end.
pub struct Terminal {
    session: Session<App>,
    sender: Sender,
    screen: vt100::Parser,
    output: Vec<u8>,
    over: bool,
}

fn parser(width: u16, height: u16) -> vt100::Parser {
    let size = |n| NonZeroU16::new(n).unwrap();
    vt100::Parser::new(size(height), size(width), 0)
}

impl Terminal {
    /// Before anybody signed in.
    pub fn new(desk: &Desk, caps: Caps) -> Self {
        Self::with(caps.clone(), |sender| App::new(desk.clone(), sender, &caps, Door::Local, None))
    }

    /// Signed in already.
    pub fn signed_in(desk: &Desk, caps: Caps, actor: &Actor) -> Self {
        Self::with(caps.clone(), |sender| App::signed_in(desk.clone(), sender, &caps, actor.clone()))
    }

    fn with(caps: Caps, make: impl FnOnce(Sender) -> App) -> Self {
        let (sender, inbox) = queue();
        let screen = parser(caps.size.0, caps.size.1);
        let app = make(sender.clone());
        let mut terminal =
            Self { session: Session::new(app, caps, inbox), sender, screen, output: Vec::new(), over: false };
        terminal.settle();
        terminal
    }

    fn turn(&mut self, block: bool) -> Turn {
        let from = self.output.len();
        let turn = self.session.turn(block, &mut self.output).unwrap();
        self.screen.process(&self.output[from..]);
        self.over |= turn == Turn::Over;
        turn
    }

    /// Lets the session deal with everything that is there to be dealt with.
    pub fn settle(&mut self) {
        while !self.over {
            let wait = self.session.is_undecided() || self.session.client.is_busy();
            if self.turn(wait) == Turn::Idle && !wait {
                break;
            }
        }
    }

    /// Types; everything that follows from it has happened when this returns.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        self.sender.send(Event::Input(keys.as_bytes().to_vec()));
        self.settle();
        self
    }

    /// The window gets another size.
    pub fn resize(&mut self, width: u16, height: u16) -> &mut Self {
        self.screen = parser(width, height);
        self.sender.send(Event::Resize(width, height));
        self.settle();
        self
    }

    /// Waits until the screen says something that comes from elsewhere.
    pub fn wait_for(&mut self, text: &str) -> &mut Self {
        let started = Instant::now();
        while !self.text().contains(text) {
            assert!(started.elapsed() < Duration::from_secs(60), "waited in vain for {text:?}:\n{}", self.text());
            self.settle();
            std::thread::yield_now();
        }
        self
    }

    /// Whether the session is over.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// How many bytes the next keys cost.
    pub fn cost(&mut self, keys: &str) -> usize {
        let from = self.output.len();
        self.keys(keys);
        self.output.len() - from
    }

    /// Everything that was sent to the terminal so far.
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// The screen as text.
    pub fn text(&self) -> String {
        let (_, width) = self.screen.screen().size();
        let rows = self.screen.screen().rows(0, width.get());
        rows.map(|row| row.trim_end().to_owned() + "\n").collect()
    }

    /// The screen as text, the cursor, and its styles: below each row with any, a row of letters, which the
    /// legend explains. Days and times are replaced by what does not change from day to day.
    pub fn snapshot(&self) -> String {
        let screen = self.screen.screen();
        let (height, width) = (screen.size().0.get(), screen.size().1.get());
        let mut letters: BTreeMap<String, char> = BTreeMap::new();
        let mut legend = String::new();
        let mut out = String::new();
        for y in 0..height {
            let (mut text, mut styles) = (String::new(), String::new());
            for x in 0..width {
                let cell = screen.cell(y, x).unwrap();
                if cell.is_wide_continuation() {
                    styles.push(' ');
                    continue;
                }
                let shown = if cell.contents().is_empty() { " " } else { cell.contents() };
                text.push_str(shown);
                let style = style(cell, shown);
                if style.is_empty() {
                    styles.push(' ');
                    continue;
                }
                let next = char::from(b'a' + letters.len() as u8);
                let letter = *letters.entry(style.clone()).or_insert_with(|| {
                    writeln!(legend, "{next} = {style}").unwrap();
                    next
                });
                styles.push(letter);
            }
            writeln!(out, "|{}", timeless(text.trim_end())).unwrap();
            if !styles.trim().is_empty() {
                writeln!(out, ":{}", styles.trim_end()).unwrap();
            }
        }
        if screen.hide_cursor() {
            out.push_str("no cursor\n");
        } else {
            let (y, x) = screen.cursor_position();
            writeln!(out, "cursor {x},{y}").unwrap();
        }
        out + &legend
    }
}

fn style(cell: &vt100::Cell, text: &str) -> String {
    let colour = |colour| match colour {
        vt100::Color::Default => None,
        vt100::Color::Idx(n) => Some(n.to_string()),
        vt100::Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
    };
    let mut parts = Vec::new();
    if text != " " {
        parts.extend(colour(cell.fgcolor()).map(|c| format!("colour {c}")));
        parts.extend(cell.bold().then(|| "bold".to_owned()));
        parts.extend(cell.italic().then(|| "italic".to_owned()));
    }
    parts.extend(colour(cell.bgcolor()).map(|c| format!("on {c}")));
    parts.extend(cell.underline().then(|| "underlined".to_owned()));
    parts.extend(cell.inverse().then(|| "reversed".to_owned()));
    parts.join(" ")
}

/// `2026-11-22` and `15:04` with their digits replaced, also where the frame of a question leaves only the year to be seen.
fn timeless(row: &str) -> String {
    let mut chars: Vec<char> = row.chars().collect();
    for pattern in ["0000-00-00", "0000-00", "00:00", "  0000│"] {
        let pattern: Vec<char> = pattern.chars().collect();
        for i in 0..chars.len().saturating_sub(pattern.len() - 1) {
            let fits = |(p, c): (&char, &char)| if *p == '0' { c.is_ascii_digit() } else { p == c };
            if pattern.iter().zip(&chars[i..]).all(fits) {
                for c in chars[i..i + pattern.len()].iter_mut().filter(|c| c.is_ascii_digit()) {
                    *c = '#';
                }
            }
        }
    }
    chars.into_iter().collect()
}
