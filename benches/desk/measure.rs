//! Taking turns, medians, and the table.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Figures of both sides, one for each round.
pub type Pair = (Vec<f64>, Vec<f64>);

/// Runs both sides by turns, and changes who begins.
pub fn in_turns(rounds: usize, mut ours: impl FnMut() -> f64, mut theirs: impl FnMut() -> f64) -> Pair {
    let mut pair = (Vec::new(), Vec::new());
    for round in 0..rounds {
        if round % 2 == 0 {
            pair.0.push(ours());
            pair.1.push(theirs());
        } else {
            pair.1.push(theirs());
            pair.0.push(ours());
        }
    }
    pair
}

/// The middle figure.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// How long something takes, in seconds.
pub fn seconds(f: impl FnOnce()) -> f64 {
    let start = Instant::now();
    f();
    start.elapsed().as_secs_f64()
}

/// Waits until the disk has what was written before (by the build, most of all), which would slow every commit down.
pub fn calm() {
    let done = std::process::Command::new("sync").status();
    if !done.is_ok_and(|status| status.success()) {
        println!("(the disk could not be brought to rest first)");
    }
}

/// How often in a second the disk takes 4 KiB for good, at the end of a file that grows.
pub fn disk_rate(dir: &Path, time: Duration) -> f64 {
    let mut file = File::create(dir.join("raw")).expect("a file");
    let (start, mut n) = (Instant::now(), 0_u32);
    while start.elapsed() < time {
        file.write_all(&[7_u8; 4096]).and_then(|()| file.sync_data()).expect("room on the disk");
        n += 1;
    }
    f64::from(n) / start.elapsed().as_secs_f64()
}

/// The table: a line for each measure.
#[derive(Default)]
pub struct Report {
    lines: Vec<[String; 4]>,
}

/// Seconds in words.
pub fn time(seconds: f64) -> String {
    match seconds * 1e6 {
        us if us < 1_000.0 => format!("{us:.0} µs"),
        us if us < 1_000_000.0 => format!("{:.2} ms", us / 1e3),
        us => format!("{:.2} s", us / 1e6),
    }
}

fn range(figures: &[f64], show: impl Fn(f64) -> String) -> String {
    let (low, high) = figures.iter().fold((f64::MAX, f64::MIN), |(l, h), f| (l.min(*f), h.max(*f)));
    if figures.len() > 1 {
        format!("{} ({} to {})", show(median(figures.to_vec())), show(low), show(high))
    } else {
        show(median(figures.to_vec()))
    }
}

impl Report {
    /// Times in seconds: lower is better.
    pub fn time(&mut self, what: &str, pair: &Pair) {
        let ratio = median(pair.1.clone()) / median(pair.0.clone());
        self.line(what, range(&pair.0, time), range(&pair.1, time), ratio);
    }

    /// Rates: higher is better.
    pub fn rate(&mut self, what: &str, unit: &str, pair: &Pair) {
        let ratio = median(pair.0.clone()) / median(pair.1.clone());
        let show = |f: f64| format!("{f:.0} {unit}");
        self.line(what, range(&pair.0, show), range(&pair.1, show), ratio);
    }

    /// Figures of one side only.
    pub fn alone(&mut self, what: &str, figures: &[f64], show: impl Fn(f64) -> String) {
        self.lines.push([what.to_owned(), range(figures, show), String::new(), String::new()]);
    }

    fn line(&mut self, what: &str, ours: String, theirs: String, ratio: f64) {
        self.lines.push([what.to_owned(), ours, theirs, format!("{ratio:.2}")]);
    }

    /// Prints figures of one side.
    pub fn print_alone(&self) {
        let width = self.lines.iter().map(|l| l[0].chars().count()).max().unwrap_or(0);
        self.lines.iter().for_each(|[what, figures, ..]| println!("  {what:<width$}  {figures}"));
    }

    /// Prints it.
    pub fn print(&self) {
        let head = ["", "clowder", "SQLite", "times as fast"].map(str::to_owned);
        let width = |n: usize| self.lines.iter().chain([&head]).map(|l| l[n].chars().count()).max().unwrap_or(0);
        let widths = [0, 1, 2, 3].map(width);
        for line in [&head].into_iter().chain(&self.lines) {
            let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            println!("  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
    }
}
