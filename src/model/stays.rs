//! Rebuilding the stays of a cat from the visits that a file tells of.
//!
//! Files of shelters hold one row for each time a cat comes in or goes out, foster homes included, in any
//! order, over several files, with contradictions. [`merge`] takes the stays that are known and the
//! pieces that a file adds, and replays them all in the order of their dates, so that the answer does not
//! depend on which file came first and a file that comes twice changes nothing.

use serde::{Deserialize, Serialize};

use super::{Day, FosterSpell, IntakeKind, Outcome, OutcomeKind, Stay};

/// How a piece of a stay begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Entry {
    /// The cat comes into care.
    Intake(IntakeKind),
    /// It comes back from a foster home.
    Back,
    /// It does not come in: something happens to a cat in care, wherever it is.
    Event,
}

/// How a piece of a stay ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// The cat is still there, or it is not known what came next.
    Stays,
    /// It goes to a foster home on that day.
    Foster(Day),
    /// The stay ends.
    Ends(Outcome),
}

/// A piece of a stay between two doors: in (or back from foster), then out (or to foster).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The day it begins.
    pub start: Day,
    /// How it begins.
    pub entry: Entry,
    /// How it ends.
    pub exit: Exit,
}

/// What became of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It began a stay that was not known.
    Began,
    /// It begins a stay that was known already.
    Known,
    /// It belongs to a stay that another piece begins.
    Continued,
    /// The same piece came before in the same file.
    Repeated,
    /// There is no stay that it could belong to.
    Loose,
}

/// What was odd about a piece, and how it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Oddity {
    /// Back from foster, but no stay is known that it belongs to: a stay of kind "other" begins there.
    NoIntake,
    /// An intake while the cat was in foster: taken for its return.
    IntakeInFoster,
    /// An intake while the cat was in care: the stay before ended in a way that is not known.
    EndUnknown,
    /// The stay begins before the one before it ended.
    Overlap,
    /// It contradicts the end of the stay that is known, which is kept.
    EndKept,
    /// The stay ended before the foster that is told of: the foster is left out.
    FosterAfterEnd,
}

impl Oddity {
    /// In words, for a report.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoIntake => {
                "back from foster, but the intake is not known: the stay begins here, its kind is \"other\""
            }
            Self::IntakeInFoster => "an intake while the cat was in foster: taken for its return, the stay goes on",
            Self::EndUnknown => {
                "an intake while the cat was in care: the stay before it ended on an unknown day in an unknown way"
            }
            Self::Overlap => "the stay begins before the one before it ended: both are kept as they are",
            Self::EndKept => "it contradicts how the stay is known to have ended, which is kept",
            Self::FosterAfterEnd => "the stay ended before the foster began: the foster is left out",
        }
    }
}

/// What [`merge`] made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merged {
    /// The stays, in order of intake; only the last can be open.
    pub stays: Vec<Stay>,
    /// What became of each new piece, in the order in which they were given.
    pub fates: Vec<Fate>,
    /// What was odd, by the number of the piece.
    pub oddities: Vec<(usize, Oddity)>,
}

/// The pieces that make a stay.
pub fn pieces(stay: &Stay) -> Vec<Piece> {
    let mut out = Vec::with_capacity(stay.fosters.len() + 1);
    let mut next = Some((stay.intake, Entry::Intake(stay.kind)));
    for spell in &stay.fosters {
        let (start, entry) = next.unwrap_or((spell.out, Entry::Event));
        out.push(Piece { start, entry, exit: Exit::Foster(spell.out) });
        next = spell.back.map(|back| (back, Entry::Back));
    }
    match (next, stay.outcome) {
        (Some((start, entry)), outcome) => {
            out.push(Piece { start, entry, exit: outcome.map_or(Exit::Stays, Exit::Ends) });
        }
        (None, Some(outcome)) => {
            let start = stay.fosters.last().map_or(stay.intake, |s| s.out);
            out.push(Piece { start, entry: Entry::Event, exit: Exit::Ends(outcome) });
        }
        (None, None) => {}
    }
    out
}

/// A piece with where it came from.
#[derive(Clone, Copy)]
struct Sourced {
    piece: Piece,
    /// The number of a new piece; `None` for one of the known stays.
    new: Option<usize>,
}

/// Puts new pieces into the stays that are known.
///
/// The new pieces are first settled among themselves, so that a file full of contradictions gives the same
/// stays each time it is read; then those stays and the known ones are replayed together.
pub fn merge(known: &[Stay], new: &[Piece]) -> Merged {
    let mut alone = Replay::new(new.len());
    let mut queue: Vec<Sourced> = Vec::with_capacity(new.len());
    for (number, &piece) in new.iter().enumerate() {
        if queue.iter().any(|k| k.piece == piece) {
            alone.fates[number] = Fate::Repeated;
        } else {
            queue.push(Sourced { piece, new: Some(number) });
        }
    }
    alone.run(queue);
    let Replay { stays, fates, oddities, begun, .. } = alone;
    if known.is_empty() {
        return Merged::of(stays, fates, oddities);
    }

    let settled = Settled { pieces: new, stays, begun, fates, oddities };
    let first = settled.join(known);
    // Contradictory files can add more each time they are read; what is stored is where that ends.
    let mut last = first.stays.clone();
    for _ in 0..ROUNDS {
        let next = settled.join(&last).stays;
        if next == last {
            return Merged { stays: last, ..first };
        }
        last = next;
    }
    let fates = first.fates.into_iter().map(|f| if f == Fate::Began { Fate::Known } else { f }).collect();
    Merged { stays: known.to_vec(), fates, oddities: first.oddities }
}

/// How often a file is put in before it is given up.
const ROUNDS: usize = 8;

/// The pieces of one file, and the stays that they make by themselves.
struct Settled<'a> {
    pieces: &'a [Piece],
    stays: Vec<Stay>,
    begun: Vec<Begun>,
    fates: Vec<Fate>,
    oddities: Vec<(usize, Oddity)>,
}

impl Settled<'_> {
    fn join(&self, known: &[Stay]) -> Merged {
        let mut joined = Joined { stays: known.to_vec(), fates: self.fates.clone(), oddities: self.oddities.clone() };
        for (number, &piece) in self.pieces.iter().enumerate() {
            if joined.fates[number] == Fate::Loose {
                joined.settle_loose(number, piece);
            }
        }
        for (at, stay) in self.stays.iter().enumerate() {
            let twin = self
                .stays
                .iter()
                .enumerate()
                .any(|(i, other)| i != at && other.intake == stay.intake && joined.stays.contains(other));
            joined.join(stay, self.begun[at], twin);
        }
        joined.finish()
    }
}

/// The known stays, while the stays of a file are put into them one by one.
struct Joined {
    stays: Vec<Stay>,
    fates: Vec<Fate>,
    oddities: Vec<(usize, Oddity)>,
}

impl Joined {
    /// Puts in one stay of the file. `twin` says that the file tells of another stay which is known
    /// already: then this one, however alike, is no contradiction to that one.
    fn join(&mut self, new: &Stay, begun: Begun, twin: bool) {
        let row = begun.row.unwrap_or(0);
        if let Some(known) = self.stays.iter().find(|k| contains(k, new, begun.by_return)) {
            self.fates[row] = if known.intake == new.intake { Fate::Known } else { Fate::Continued };
            return;
        }
        let after = self.stays.partition_point(|k| k.intake <= new.intake);
        let before = after.checked_sub(1).filter(|&at| {
            let known = &self.stays[at];
            let same = known.intake == new.intake && (known.outcome.is_none() || new.outcome.is_none() || !twin);
            let out = known.fosters.last().is_some_and(|s| s.back.is_none() && s.out <= new.intake);
            let goes_on = known.outcome.is_none() && (out || begun.by_return);
            same || goes_on || (begun.by_return && within(known, new.intake))
        });
        let partner = before.or_else(|| {
            let next = self.stays.get(after)?;
            let away = new.fosters.last().is_some_and(|s| s.out <= next.intake);
            (new.in_foster() && away).then_some(after)
        });
        let Some(at) = partner else {
            if after > 0 && ends_after(&self.stays[after - 1], new.intake) {
                self.oddities.push((row, Oddity::Overlap));
            }
            self.stays.insert(after, new.clone());
            return;
        };
        let mut known = self.stays[at].clone();
        self.fates[row] = if known.intake < new.intake { Fate::Continued } else { Fate::Known };
        self.oddities.retain(|odd| *odd != (row, Oddity::NoIntake));
        if unknown_end(&known) && known.intake == new.intake && new.outcome.is_some() {
            known.outcome = None;
        } else if known.outcome.is_some() && new.outcome.is_some() && known.outcome != new.outcome {
            self.oddities.push((row, Oddity::EndKept));
            return;
        }
        let kind = if known.kind == IntakeKind::Other || new.intake < known.intake { new.kind } else { known.kind };
        let mut parts = pieces(new);
        if begun.by_return || new.intake > known.intake {
            parts[0].entry = Entry::Back;
        }
        if new.intake > known.intake && !begun.by_return {
            self.oddities.push((row, Oddity::IntakeInFoster));
        }
        let queue = pieces(&known).into_iter().chain(parts).map(|piece| Sourced { piece, new: None }).collect();
        let mut pair = Replay::new(0);
        pair.run(queue);
        if let [one] = &mut pair.stays[..] {
            one.kind = kind;
        }
        self.stays.splice(at..=at, pair.stays);
    }

    /// Something that happened to a cat of which the file tells no stay: the known one may be meant.
    fn settle_loose(&mut self, number: usize, piece: Piece) {
        let Some(at) = self.stays.partition_point(|k| k.intake <= piece.start).checked_sub(1) else { return };
        let stay = &self.stays[at];
        if stay.outcome.map(Exit::Ends) == Some(piece.exit) {
            self.fates[number] = Fate::Continued;
        } else if stay.outcome.is_none() {
            let queue = pieces(stay).into_iter().chain([piece]).map(|piece| Sourced { piece, new: None }).collect();
            let mut pair = Replay::new(0);
            pair.run(queue);
            self.stays.splice(at..=at, pair.stays);
            self.fates[number] = Fate::Continued;
        }
    }

    fn finish(mut self) -> Merged {
        self.stays.sort_by_key(|s| s.intake);
        let last = self.stays.len().saturating_sub(1);
        for stay in &mut self.stays[..last] {
            if stay.outcome.is_none() {
                stay.outcome = Some(Outcome { date: None, kind: OutcomeKind::Other });
            }
        }
        Merged::of(self.stays, self.fates, self.oddities)
    }
}

/// Whether all that a stay of a file tells is known.
fn contains(known: &Stay, new: &Stay, by_return: bool) -> bool {
    let returned =
        by_return && known.intake <= new.intake && (known.outcome.is_none() || within(known, new.intake)) && {
            let away = known.fosters.last().filter(|s| s.back.is_none() && s.out <= new.intake);
            away.is_none_or(|away| new.fosters.first().is_some_and(|s| s.out == away.out))
        };
    let start = new.intake == known.intake
        || returned
        || known.fosters.iter().any(|s| s.back == Some(new.intake))
        || (new.outcome.is_some() && known.intake < new.intake);
    let end = match (new.outcome, known.outcome) {
        (None, _) => true,
        (Some(n), Some(k)) => n == k || (n.date.is_none() && (n.kind == k.kind || unknown_end(new))),
        (Some(_), None) => false,
    };
    let foster = |s: &FosterSpell| {
        // A return that is known to be earlier, or is not told at all, adds nothing.
        let back = |k: &FosterSpell| s.back.is_none_or(|back| k.back.is_some_and(|known| known <= back));
        known.fosters.iter().any(|k| (k.out == s.out && back(k)) || (k.out <= s.out && k.back.is_none()))
    };
    start && end && new.fosters.iter().all(foster)
}

/// Whether nothing is known of the end of a stay but that it ended.
fn unknown_end(stay: &Stay) -> bool {
    stay.outcome.is_some_and(|o| o.date.is_none() && o.kind == OutcomeKind::Other)
}

fn ends_after(stay: &Stay, day: Day) -> bool {
    stay.outcome.and_then(|o| o.date).is_some_and(|end| end > day)
}

impl Merged {
    fn of(stays: Vec<Stay>, fates: Vec<Fate>, mut oddities: Vec<(usize, Oddity)>) -> Self {
        oddities.sort();
        oddities.dedup();
        Self { stays, fates, oddities }
    }
}

/// Which new piece began a stay, and whether by a return from foster.
#[derive(Clone, Copy)]
struct Begun {
    row: Option<usize>,
    by_return: bool,
}

struct Replay {
    stays: Vec<Stay>,
    begun: Vec<Begun>,
    fates: Vec<Fate>,
    oddities: Vec<(usize, Oddity)>,
}

impl Replay {
    fn new(pieces: usize) -> Self {
        Self { stays: Vec::new(), begun: Vec::new(), fates: vec![Fate::Continued; pieces], oddities: Vec::new() }
    }

    fn run(&mut self, mut queue: Vec<Sourced>) {
        // Stable, so that what is known goes before what is new when all else is equal.
        queue.sort_by_key(|s| {
            let Piece { start, entry, exit } = s.piece;
            (start, exit_rank(exit), exit_day(exit), exit_code(exit), entry)
        });
        let mut from = 0;
        while from < queue.len() {
            let day = queue[from].piece.start;
            let to = from + queue[from..].iter().take_while(|s| s.piece.start == day).count();
            let mut of_day: Vec<Sourced> = queue[from..to].to_vec();
            while !of_day.is_empty() {
                let rank = |s: &Sourced| self.rank(s.piece.entry);
                let next = (0..of_day.len()).min_by_key(|&i| (rank(&of_day[i]), i)).unwrap_or(0);
                let sourced = of_day.remove(next);
                self.step(sourced);
            }
            from = to;
        }
    }

    /// Which of the things of one day comes first depends on where the cat is.
    fn rank(&self, entry: Entry) -> u8 {
        let order = match self.stays.last() {
            Some(stay) if stay.in_foster() => [1, 0, 2],
            Some(stay) if stay.outcome.is_none() => [2, 1, 0],
            _ => [0, 1, 2],
        };
        match entry {
            Entry::Intake(_) => order[0],
            Entry::Back => order[1],
            Entry::Event => order[2],
        }
    }

    fn odd(&mut self, new: Option<usize>, oddity: Oddity) {
        if let Some(number) = new {
            self.oddities.push((number, oddity));
        }
    }

    fn begin(&mut self, day: Day, kind: IntakeKind, new: Option<usize>, by_return: bool) {
        if let Some(number) = new {
            self.fates[number] = Fate::Began;
        }
        self.begun.push(Begun { row: new, by_return });
        self.stays.push(Stay::open(day, kind));
    }

    fn step(&mut self, Sourced { piece, new }: Sourced) {
        let Piece { start, entry, exit } = piece;
        let open = self.stays.last().is_some_and(|s| s.outcome.is_none());
        let in_foster = self.stays.last().is_some_and(Stay::in_foster);
        let same_day = self.stays.last().is_some_and(|s| s.intake == start);
        match (entry, open) {
            (Entry::Intake(kind), true) if in_foster => {
                if !same_day || self.stays.last().is_some_and(|s| s.kind != kind) {
                    self.odd(new, Oddity::IntakeInFoster);
                }
                self.back(start);
            }
            (Entry::Intake(_), true) if same_day => {}
            (Entry::Intake(kind), true) => {
                self.odd(new, Oddity::EndUnknown);
                if let Some(last) = self.stays.last_mut() {
                    last.outcome = Some(Outcome { date: None, kind: OutcomeKind::Other });
                }
                self.begin(start, kind, new, false);
            }
            (Entry::Intake(kind), false) => {
                if same_day && exit == Exit::Stays {
                    return;
                }
                if self.last_end().is_some_and(|end| start < end) {
                    self.odd(new, Oddity::Overlap);
                }
                self.begin(start, kind, new, false);
            }
            (Entry::Back, true) => self.back(start),
            (Entry::Back, false) if self.stays.last().is_some_and(|s| within(s, start)) => {
                let end = self.stays.last().and_then(|s| s.outcome).map(Exit::Ends);
                if exit != Exit::Stays && end != Some(exit) {
                    self.odd(new, Oddity::EndKept);
                }
                return;
            }
            (Entry::Back, false) => {
                self.odd(new, Oddity::NoIntake);
                self.begin(start, IntakeKind::Other, new, true);
            }
            (Entry::Event, true) => {}
            (Entry::Event, false) => {
                let told = self.stays.last().and_then(|s| s.outcome).map(Exit::Ends) == Some(exit);
                if let (Some(number), false) = (new, told) {
                    self.fates[number] = Fate::Loose;
                }
                return;
            }
        }
        self.leave(exit, new);
    }

    fn last_end(&self) -> Option<Day> {
        self.stays.last().and_then(|s| s.outcome).and_then(|o| o.date)
    }

    /// Closes the foster spell that is open, unless it began later.
    fn back(&mut self, day: Day) {
        if let Some(spell) = self.stays.last_mut().and_then(|s| s.fosters.last_mut())
            && spell.back.is_none()
            && day >= spell.out
        {
            spell.back = Some(day);
        }
    }

    fn leave(&mut self, exit: Exit, new: Option<usize>) {
        let Some(stay) = self.stays.last_mut() else { return };
        match exit {
            Exit::Stays => {}
            Exit::Foster(day) => {
                let after = stay.fosters.last().is_none_or(|s| s.back.is_some_and(|back| back <= day));
                if after && day >= stay.intake {
                    stay.fosters.push(FosterSpell { out: day, back: None });
                }
            }
            Exit::Ends(outcome) => {
                stay.outcome = Some(outcome);
                let Some(end) = outcome.date else { return };
                let before = stay.fosters.len();
                stay.fosters.retain(|s| s.out <= end);
                if let Some(last) = stay.fosters.last_mut()
                    && last.back.is_some_and(|back| back > end)
                {
                    last.back = None;
                }
                if stay.fosters.len() < before {
                    self.odd(new, Oddity::FosterAfterEnd);
                }
            }
        }
    }
}

/// Whether a day lies in a stay that has ended.
fn within(stay: &Stay, day: Day) -> bool {
    stay.outcome.is_some_and(|o| o.date.is_none_or(|end| day <= end))
}

const fn exit_rank(exit: Exit) -> u8 {
    match exit {
        Exit::Foster(_) => 0,
        Exit::Ends(_) => 1,
        Exit::Stays => 2,
    }
}

const fn exit_code(exit: Exit) -> u8 {
    match exit {
        Exit::Ends(outcome) => outcome.kind.code(),
        Exit::Foster(_) | Exit::Stays => 0,
    }
}

fn exit_day(exit: Exit) -> Day {
    match exit {
        Exit::Foster(day) => day,
        Exit::Ends(outcome) => outcome.date.unwrap_or(Day(i32::MAX)),
        Exit::Stays => Day(i32::MAX),
    }
}

#[cfg(test)]
mod tests;
