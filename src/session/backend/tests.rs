use std::num::NonZeroU16;

use proptest::prelude::*;
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::*;
use crate::session::caps::Glyphs;

fn caps(width: u16, height: u16) -> Caps {
    Caps { size: (width, height), colour: Colour::True, glyphs: Glyphs::Full, alternate: true, verase: None }
}

/// A session's screen and the terminal at its other end.
struct Pair {
    ours: Bytes,
    theirs: vt100::Parser,
}

impl Pair {
    fn new(caps: Caps) -> Self {
        let size = |n: u16| NonZeroU16::new(n).unwrap();
        let theirs = vt100::Parser::new(size(caps.size.1), size(caps.size.0), 0);
        Self { ours: Bytes::new(caps), theirs }
    }

    fn draw(&mut self, f: impl FnOnce(&mut Buffer)) -> Vec<u8> {
        self.ours.draw(|frame| f(frame.buffer_mut()));
        let bytes = self.ours.take();
        self.theirs.process(&bytes);
        bytes
    }

    fn rows(&self) -> Vec<String> {
        let (_, width) = self.theirs.screen().size();
        self.theirs.screen().rows(0, width.get()).map(|r| r.trim_end().to_owned()).collect()
    }
}

#[test]
fn what_is_drawn_is_shown() {
    let mut pair = Pair::new(caps(20, 3));
    pair.draw(|b| {
        b.set_string(0, 0, "Miso 三毛 é", Style::new().fg(Color::Rgb(1, 2, 3)));
        b.set_string(18, 2, "ok", Style::new().add_modifier(Modifier::BOLD));
    });
    assert_eq!(pair.rows(), ["Miso 三毛 é", "", "                  ok"]);
    assert_eq!(pair.theirs.screen().cell(0, 0).unwrap().fgcolor(), vt100::Color::Rgb(1, 2, 3));
    assert!(pair.theirs.screen().cell(2, 19).unwrap().bold());
    assert!(pair.theirs.screen().hide_cursor());
}

#[test]
fn an_equal_frame_costs_nothing_and_a_small_change_little() {
    let mut pair = Pair::new(caps(80, 24));
    let list = |marked: u16| {
        move |b: &mut Buffer| {
            for y in 0..24 {
                b.set_string(0, y, if y == marked { "►" } else { " " }, Style::new());
                b.set_string(2, y, format!("a cat of row {y}"), Style::new());
            }
        }
    };
    pair.draw(list(3));
    assert_eq!(pair.draw(list(3)), b"");
    let bytes = pair.draw(list(4));
    assert!(bytes.len() <= 16, "{} bytes: {:?}", bytes.len(), String::from_utf8_lossy(&bytes));
    assert_eq!(pair.rows()[4], "► a cat of row 4");
    assert_eq!(pair.rows()[3], "  a cat of row 3");
}

#[test]
fn a_list_that_moves_by_a_line_is_moved_by_the_terminal() {
    let mut pair = Pair::new(caps(80, 24));
    let list = |first: u16, marked: u16| {
        move |b: &mut Buffer| {
            b.set_string(0, 0, "a heading that stays where it is", Style::new());
            for y in 1..23 {
                b.set_string(0, y, if first + y == marked { "►" } else { " " }, Style::new());
                let text =
                    format!("cat {:04} {}", first + y, "the rest of the row ".repeat(1 + usize::from((first + y) % 3)));
                b.set_string(2, y, text, Style::new());
            }
            b.set_string(0, 23, "a footer that stays where it is", Style::new());
        }
    };
    pair.draw(list(0, 22));
    for (first, marked) in [(1, 23), (2, 24), (1, 2), (0, 1), (3, 4)] {
        let bytes = pair.draw(list(first, marked));
        assert!(bytes.len() < 400, "{} bytes", bytes.len());
        let mut fresh = Pair::new(caps(80, 24));
        fresh.draw(list(first, marked));
        assert_eq!(pair.rows(), fresh.rows());
    }
}

#[test]
fn colours_and_glyphs_follow_the_terminal() {
    let draw = |colour, glyphs| {
        let mut pair = Pair::new(Caps { colour, glyphs, ..caps(10, 1) });
        let bytes = pair.draw(|b| {
            b.set_string(0, 0, "─é三", Style::new().fg(Color::Rgb(250, 80, 80)));
        });
        (String::from_utf8(bytes).unwrap(), pair.rows()[0].clone())
    };
    assert!(draw(Colour::True, Glyphs::Full).0.contains("38;2;250;80;80"));
    assert!(draw(Colour::Indexed, Glyphs::Full).0.contains("38;5;203"));
    assert!(draw(Colour::Ansi, Glyphs::Full).0.contains("\x1b[91m"));
    let (bytes, row) = draw(Colour::None, Glyphs::Ascii);
    assert!(!bytes.contains("38;") && !bytes.contains(";9"));
    assert_eq!(row, "-e?");
}

#[test]
fn the_cursor_is_placed_and_hidden() {
    let mut pair = Pair::new(caps(20, 4));
    pair.ours.draw(|frame| frame.set_cursor_position((7, 2)));
    pair.theirs.process(&pair.ours.take());
    assert!(!pair.theirs.screen().hide_cursor());
    assert_eq!(pair.theirs.screen().cursor_position(), (2, 7));
    let bytes = pair.draw(|_| ());
    assert_eq!(bytes, b"\x1b[?25l");
}

/// What is seen of a cell at the terminal: of a blank only the background.
fn look(pair: &Pair, x: u16, y: u16) -> (String, bool, bool, bool, Option<vt100::Color>, vt100::Color, bool) {
    let c = pair.theirs.screen().cell(y, x).unwrap();
    let text = if c.contents().is_empty() { " ".to_owned() } else { c.contents().to_owned() };
    let ink = text != " ";
    let colour = ink.then(|| c.fgcolor());
    (text, ink && c.bold(), ink && c.dim(), c.inverse(), colour, c.bgcolor(), c.is_wide_continuation())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_frame_after_any_other_arrives_whole(
        frames in prop::collection::vec(
            (prop::collection::vec((0u16..12, 0u16..8, "[a-c三é ]{0,12}", 0u8..4), 0..14), -2i16..3),
            1..6,
        )
    ) {
        let mut pair = Pair::new(caps(12, 8));
        let mut texts: Vec<(u16, u16, String, u8)> = Vec::new();
        for (new, shift) in frames {
            for text in &mut texts {
                text.1 = text.1.saturating_add_signed(shift);
            }
            texts.extend(new);
            texts.retain(|t| t.1 < 8);
            let draw = |b: &mut Buffer| {
                for (x, y, text, style) in &texts {
                    let style = match style {
                        0 => Style::reset(),
                        1 => Style::reset().add_modifier(Modifier::BOLD),
                        2 => Style::reset().add_modifier(Modifier::DIM | Modifier::REVERSED),
                        _ => Style::reset().fg(Color::Red).bg(Color::Blue),
                    };
                    b.set_stringn(*x, *y, text, usize::from(12 - x), style);
                    // Half of a wide character is not drawn over, as in the popups of the screens.
                    for x in 0..11 {
                        let under = b[(x + 1, *y)].symbol() != " " || b[(x + 1, *y)].bg != Color::Reset;
                        if b[(x, *y)].symbol().width() == 2 && (under || b[(x + 1, *y)].modifier != Modifier::empty()) {
                            b[(x, *y)].reset();
                        }
                    }
                }
            };
            pair.draw(draw);
            let mut fresh = Pair::new(caps(12, 8));
            fresh.draw(draw);
            for y in 0..8 {
                for x in 0..12 {
                    prop_assert_eq!(look(&pair, x, y), look(&fresh, x, y), "cell {} {}", x, y);
                }
            }
        }
    }

    #[test]
    fn a_list_that_moved_anyhow_looks_as_if_it_were_drawn_anew(
        rows in prop::collection::vec(("[a-f三毛é ]{0,20}", 0u8..4), 24..40),
        steps in prop::collection::vec((-6i32..7, 0u16..9), 1..12),
        background in any::<bool>(),
    ) {
        const SIZE: (u16, u16) = (24, 12);
        let mut pair = Pair::new(caps(SIZE.0, SIZE.1));
        let mut top = 0i32;
        for (by, marked) in steps {
            top = (top + by).clamp(0, rows.len() as i32 - 9);
            let draw = |b: &mut Buffer| {
                b.set_string(0, 0, "what stays above", Style::new().fg(Color::Cyan));
                for (y, (text, style)) in (0..9).zip(&rows[top as usize..]) {
                    let style = [Style::new(), Style::new().bold(), Style::new().fg(Color::Green), Style::new().on_blue()]
                        [usize::from(*style)];
                    b.set_stringn(2, y + 1, text, 22, style);
                    if y == marked {
                        b.set_string(0, y + 1, "►", Style::new().bold());
                    }
                }
                b.set_string(0, 11, format!("{top} of {}", rows.len()), Style::new().dim());
                if background {
                    b.set_style(Rect::new(0, 11, 24, 1), Style::new().reversed());
                }
            };
            pair.draw(draw);
            let mut fresh = Pair::new(caps(SIZE.0, SIZE.1));
            fresh.draw(draw);
            for y in 0..SIZE.1 {
                for x in 0..SIZE.0 {
                    prop_assert_eq!(look(&pair, x, y), look(&fresh, x, y), "cell {} {}", x, y);
                }
            }
        }
    }

    #[test]
    fn no_control_character_gets_out(text in any::<String>()) {
        let mut ours = Bytes::new(caps(40, 1));
        ours.draw(|frame| {
            for (x, c) in text.chars().take(40).enumerate() {
                frame.buffer_mut()[(x as u16, 0)].set_char(c);
            }
        });
        let bytes = String::from_utf8(ours.take()).unwrap();
        let plain = bytes.replace("\x1b[m", "").replace("\x1b[2J", "").replace("\x1b[?25l", "");
        let escapes = plain.matches('\x1b').count();
        prop_assert_eq!(escapes, plain.matches("\x1b[").count());
        let disturbing = plain.contains(['\u{7}', '\u{9b}', '\u{202e}', '\u{200b}', '\u{feff}', '\u{7f}']);
        prop_assert!(!disturbing);
    }
}

#[test]
fn sizes_down_to_one_cell_and_changes_of_size() {
    let mut pair = Pair::new(caps(1, 1));
    pair.draw(|b| {
        b[(0, 0)].set_symbol("三");
    });
    pair.ours.renew(Some((5, 2)));
    let bytes = pair.draw(|b| {
        assert_eq!(b.area, Rect::new(0, 0, 5, 2));
        b.set_string(0, 1, "hello", Style::new());
    });
    assert!(String::from_utf8(bytes).unwrap().contains("hello"));
}
