//! Colours and attributes, and the shortest way from one to the other.

use super::{Cell, Color, Colour, Modifier};

/// What a cell is drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pen {
    fg: Color,
    bg: Color,
    attributes: Modifier,
}

/// Attributes with the code that sets them and the one that takes them back.
const ATTRIBUTES: [(Modifier, u8, u8); 6] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::REVERSED, 7, 27),
    (Modifier::CROSSED_OUT, 9, 29),
];

impl Pen {
    /// Nothing but the terminal's own colours.
    pub const PLAIN: Self = Self { fg: Color::Reset, bg: Color::Reset, attributes: Modifier::empty() };

    /// The pen of a cell, in the colours that there are.
    pub fn of(cell: &Cell, colour: Colour) -> Self {
        let known = ATTRIBUTES.iter().fold(Modifier::empty(), |all, (modifier, ..)| all | *modifier);
        Self { fg: within(cell.fg, colour), bg: within(cell.bg, colour), attributes: cell.modifier & known }
    }

    /// Writes what turns `from` (unknown when `None`) into this pen.
    pub fn write(self, from: Option<Self>, out: &mut Vec<u8>) {
        let mut anew = vec![];
        if self != Self::PLAIN {
            anew.push(0);
            self.codes(Self::PLAIN, &mut anew);
        }
        let codes = match from {
            Some(from) => {
                let mut change = vec![];
                self.codes(from, &mut change);
                if text(&change).len() <= text(&anew).len() && !change.is_empty() { change } else { anew }
            }
            None => anew,
        };
        out.extend(b"\x1b[");
        out.extend(text(&codes).into_bytes());
        out.push(b'm');
    }

    fn codes(self, from: Self, codes: &mut Vec<u8>) {
        let mut gone = from.attributes - self.attributes;
        let mut new = self.attributes - from.attributes;
        // Bold and dim end with the same code, so the one that stays is set again.
        let weight = Modifier::BOLD | Modifier::DIM;
        if gone.intersects(weight) {
            new |= self.attributes & weight;
        }
        for (modifier, _, off) in ATTRIBUTES {
            if gone.intersects(modifier) {
                codes.push(off);
                if weight.contains(modifier) {
                    gone -= weight;
                }
            }
        }
        for (modifier, on, _) in ATTRIBUTES {
            if new.contains(modifier) {
                codes.push(on);
            }
        }
        if self.fg != from.fg {
            colour(self.fg, 30, codes);
        }
        if self.bg != from.bg {
            colour(self.bg, 40, codes);
        }
    }
}

fn text(codes: &[u8]) -> String {
    codes.iter().map(u8::to_string).collect::<Vec<_>>().join(";")
}

fn colour(colour: Color, base: u8, codes: &mut Vec<u8>) {
    match colour {
        Color::Rgb(r, g, b) => codes.extend([base + 8, 2, r, g, b]),
        Color::Indexed(n) => codes.extend([base + 8, 5, n]),
        Color::Reset => codes.push(base + 9),
        _ => {
            let n = number(colour);
            codes.push(if n < 8 { base + n } else { base + 60 + n - 8 });
        }
    }
}

/// The sixteen by number; others count as 7.
const fn number(colour: Color) -> u8 {
    match colour {
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
        _ => 7,
    }
}

const SIXTEEN: [(Color, (u8, u8, u8)); 16] = [
    (Color::Black, (0, 0, 0)),
    (Color::Red, (170, 0, 0)),
    (Color::Green, (0, 170, 0)),
    (Color::Yellow, (170, 85, 0)),
    (Color::Blue, (0, 0, 170)),
    (Color::Magenta, (170, 0, 170)),
    (Color::Cyan, (0, 170, 170)),
    (Color::Gray, (170, 170, 170)),
    (Color::DarkGray, (85, 85, 85)),
    (Color::LightRed, (255, 85, 85)),
    (Color::LightGreen, (85, 255, 85)),
    (Color::LightYellow, (255, 255, 85)),
    (Color::LightBlue, (85, 85, 255)),
    (Color::LightMagenta, (255, 85, 255)),
    (Color::LightCyan, (85, 255, 255)),
    (Color::White, (255, 255, 255)),
];

/// The nearest colour that there is.
fn within(colour: Color, depth: Colour) -> Color {
    match (colour, depth) {
        (_, Colour::None) => Color::Reset,
        (Color::Rgb(r, g, b), Colour::Indexed) => Color::Indexed(indexed(r, g, b)),
        (Color::Rgb(r, g, b), Colour::Ansi) => nearest((r, g, b)),
        (Color::Indexed(n @ 0..16), Colour::Ansi) => SIXTEEN[usize::from(n)].0,
        (Color::Indexed(n), Colour::Ansi) => nearest(rgb(n)),
        _ => colour,
    }
}

const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

fn rgb(n: u8) -> (u8, u8, u8) {
    match n {
        0..16 => SIXTEEN[usize::from(n)].1,
        232.. => {
            let grey = 8 + 10 * (n - 232);
            (grey, grey, grey)
        }
        _ => {
            let n = usize::from(n - 16);
            (STEPS[n / 36], STEPS[n / 6 % 6], STEPS[n % 6])
        }
    }
}

fn indexed(r: u8, g: u8, b: u8) -> u8 {
    (16..=255).min_by_key(|&n| distance(rgb(n), (r, g, b))).unwrap_or(16)
}

fn nearest(wanted: (u8, u8, u8)) -> Color {
    SIXTEEN.iter().min_by_key(|(_, have)| distance(*have, wanted)).map_or(Color::Reset, |(colour, _)| *colour)
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let square = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    square(a.0, b.0) + square(a.1, b.1) + square(a.2, b.2)
}
