//! Finding rows that moved up or down as a block, so that the terminal can move them itself.

use super::Glyph;

/// A block of rows that moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scroll {
    /// The first row of the block.
    pub top: u16,
    /// The row after its last.
    pub bottom: u16,
    /// How many rows it moved up (down when negative).
    pub lines: i16,
}

/// How far a block may move and still be looked for.
const FARTHEST: i16 = 3;
/// How many cells of a moved row may differ: the marker of a list alone, which moves the other way, or the name that
/// it marks as well. Which of the two costs less depends on what the rows look like.
const LOOSE: [usize; 2] = [4, 24];
/// The least rows that make it worth the bytes.
const LEAST: u16 = 3;

/// The blocks that moved between two screens, as far as that can be told; the one taken strictly first.
pub fn find(shown: &[Glyph], next: &[Glyph], size: (u16, u16)) -> Vec<Scroll> {
    let mut found: Vec<Scroll> = LOOSE.iter().filter_map(|loose| best(shown, next, size, *loose)).collect();
    found.dedup();
    found
}

/// The block that is the most like what it was elsewhere.
fn best(shown: &[Glyph], next: &[Glyph], (width, height): (u16, u16), loose: usize) -> Option<Scroll> {
    let width = usize::from(width);
    let row = |cells: &[Glyph], y: u16| usize::from(y) * width..(usize::from(y) + 1) * width.min(cells.len());
    let differ = |a: u16, b: u16| {
        let (a, b) = (&shown[row(shown, a)], &next[row(next, b)]);
        a.iter().zip(b).filter(|(a, b)| a != b).take(loose + 1).count()
    };
    let changed: Vec<bool> = (0..height).map(|y| differ(y, y) > LOOSE[0]).collect();
    if changed.iter().filter(|c| **c).count() < usize::from(LEAST) {
        return None;
    }
    let mut best = None;
    for lines in (-FARTHEST..=FARTHEST).filter(|n| *n != 0) {
        // Where a block begins, and how much alike its rows are.
        let mut start = None;
        for y in 0..=height {
            let from = i32::from(y) + i32::from(lines);
            let inside = y < height && changed[usize::from(y)] && (0..i32::from(height)).contains(&from);
            let differs = if inside { differ(from as u16, y) } else { usize::MAX };
            match start {
                _ if differs <= loose => {
                    let (first, alike) = start.unwrap_or((y, 0));
                    start = Some((first, alike + loose + 1 - differs));
                }
                Some((first, alike)) => {
                    start = None;
                    let far = lines.unsigned_abs();
                    // The rows that are pushed out belong to the block as well.
                    let (top, bottom) = if lines > 0 { (first, y + far) } else { (first - far, y) };
                    if y - first >= LEAST && best.is_none_or(|(most, _)| alike > most) {
                        best = Some((alike, Scroll { top, bottom, lines }));
                    }
                }
                None => {}
            }
        }
    }
    best.map(|(_, scroll)| scroll)
}

impl Scroll {
    /// Does to the remembered screen what the terminal does to its own.
    pub fn apply(&self, shown: &mut [Glyph], width: usize) {
        let block = &mut shown[usize::from(self.top) * width..usize::from(self.bottom) * width];
        let cells = usize::from(self.lines.unsigned_abs()) * width;
        if self.lines > 0 {
            block.rotate_left(cells);
            let kept = block.len() - cells;
            block[kept..].fill(Glyph::BLANK);
        } else {
            block.rotate_right(cells);
            block[..cells].fill(Glyph::BLANK);
        }
    }
}
