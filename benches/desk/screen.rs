//! From a key press to the finished frame, in a session like anybody's: bytes in, bytes out.

use std::time::Instant;

use clowder::{
    desk::Desk,
    model::Actor,
    session::{
        Session, Turn,
        caps::{Caps, Colour, Glyphs},
        event::{Event, Sender, queue},
    },
    ui::App,
};

use crate::measure::{Report, median};

/// A session with the list of cats open.
struct Screen {
    session: Session<App>,
    sender: Sender,
    output: Vec<u8>,
}

/// What a key cost.
struct Cost {
    seconds: f64,
    bytes: f64,
}

impl Screen {
    fn open(desk: &Desk, size: (u16, u16)) -> Self {
        let caps = Caps { size, colour: Colour::Indexed, glyphs: Glyphs::Full, alternate: true, verase: None };
        let (sender, inbox) = queue();
        let app = App::signed_in(desk.clone(), sender.clone(), &caps, Actor::console());
        let mut screen = Self { session: Session::new(app, caps, inbox), sender, output: Vec::new() };
        screen.settle();
        screen.press("2");
        screen
    }

    fn settle(&mut self) {
        loop {
            let wait = self.session.is_undecided() || self.session.client.is_busy();
            let turn = self.session.turn(wait, &mut self.output).expect("a frame");
            if turn == Turn::Over || (turn == Turn::Idle && !wait) {
                break;
            }
        }
    }

    fn press(&mut self, key: &str) -> Cost {
        self.output.clear();
        let started = Instant::now();
        self.sender.send(Event::Input(key.as_bytes().to_vec()));
        self.settle();
        Cost { seconds: started.elapsed().as_secs_f64(), bytes: self.output.len() as f64 }
    }

    fn line(&mut self, report: &mut Report, what: &str, keys: &[&str]) {
        let costs: Vec<Cost> = keys.iter().map(|key| self.press(key)).collect();
        let mut times: Vec<f64> = costs.iter().map(|c| c.seconds).collect();
        times.sort_by(f64::total_cmp);
        let slow = times[times.len() * 99 / 100];
        let bytes = costs.iter().map(|c| c.bytes).sum::<f64>() / costs.len() as f64;
        let text = format!("{:.2} ms, p99 {:.2} ms, {bytes:.0} bytes", median(times) * 1e3, slow * 1e3);
        report.alone(what, &[0.0], |_| text.clone());
    }
}

/// The costs of the keys of the list of cats.
pub fn keys(report: &mut Report, desk: &Desk) {
    for size in [(80, 24), (200, 50)] {
        let mut screen = Screen::open(desk, size);
        let rows = usize::from(size.1) - 6;
        let at = format!("{}x{}", size.0, size.1);
        let within: Vec<&str> = std::iter::repeat_n("j", rows).chain(std::iter::repeat_n("k", rows)).collect();
        screen.line(report, &format!("arrow key within the page, {at}"), &within.repeat(10));
        screen.press("G");
        screen.press("g");
        screen.line(report, &format!("arrow key with scrolling, {at}"), &vec!["j"; 500][rows..]);
        screen.line(report, &format!("page down, {at}"), &["\x1b[6~"; 100]);
        screen.line(report, &format!("full redraw, {at}"), &["\x0c"; 20]);
        screen.press("/");
        let typed = ["m", "i", "s", "o", "\x7f", "\x7f", "\x7f", "a", "\x7f", "\x7f"];
        screen.line(report, &format!("a letter of a search, {at}"), &typed.repeat(10));
    }
}
