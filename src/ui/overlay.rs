//! The windows on top of a screen: help, commands, questions.

use crossterm::event::KeyCode;
use ratatui::{Frame, layout::Rect};
use std::any::Any;

use super::{
    Command, Theme,
    cx::{Confirm, Dialog, Prompt},
    layout::{self, put, put_spans, row, wrap},
    picker::{Item, Picked, Picker},
    text_area::TextArea,
};
use crate::session::event::Input;

/// A window on top of a screen.
pub enum Overlay {
    /// Every key of the screen.
    Help { lines: Vec<(String, &'static str)>, top: u16 },
    /// Commands by name.
    Commands(Box<Picker>),
    /// Yes or no.
    Confirm(Confirm),
    /// A text.
    Prompt { prompt: Prompt, text: TextArea, missing: bool },
    /// One of a few.
    Choose { title: String, picker: Box<Picker> },
}

/// What came of an input.
pub enum Answer {
    /// Nothing yet.
    Open,
    /// The window goes, without an answer.
    Closed,
    /// This command was chosen.
    Run(Command),
    /// The answer for whoever asked.
    With(Box<dyn Any>),
}

impl Overlay {
    pub fn of(dialog: Dialog) -> Self {
        match dialog {
            Dialog::Confirm(confirm) => Self::Confirm(confirm),
            Dialog::Prompt(prompt) => {
                let text = TextArea::new(&prompt.initial, prompt.limit);
                Self::Prompt { prompt, text, missing: false }
            }
            Dialog::Choose(title, items) => Self::Choose { title, picker: Box::new(Picker::new(items)) },
        }
    }

    pub fn commands(available: &[(Command, String)]) -> Self {
        let items = available
            .iter()
            .filter(|(command, _)| *command != Command::Palette)
            .filter_map(|(command, keys)| {
                let index = Command::ALL.iter().position(|c| c == command)?;
                let note = if keys.is_empty() { String::new() } else { format!("{}  [{keys}]", command.slug()) };
                Some(Item::new(index as u32, command.help(), note))
            })
            .collect();
        Self::Commands(Box::new(Picker::new(items)))
    }

    pub fn input(&mut self, input: &Input) -> Answer {
        match self {
            Self::Help { lines, top } => {
                let Input::Key(event) = input else { return Answer::Open };
                let last = (lines.len() as u16).saturating_sub(1);
                *top = match event.code {
                    KeyCode::Down | KeyCode::Char('j') => (*top + 1).min(last),
                    KeyCode::Up | KeyCode::Char('k') => top.saturating_sub(1),
                    KeyCode::PageDown | KeyCode::Char(' ') => (*top + 10).min(last),
                    KeyCode::PageUp => top.saturating_sub(10),
                    _ => return Answer::Closed,
                };
                Answer::Open
            }
            Self::Commands(picker) => match picker.input(input) {
                Picked::This(item) => Command::ALL.get(item.id as usize).map_or(Answer::Closed, |c| Answer::Run(*c)),
                Picked::Closed => Answer::Closed,
                _ => Answer::Open,
            },
            Self::Choose { picker, .. } => match picker.input(input) {
                Picked::This(item) => Answer::With(Box::new(item.id)),
                Picked::Closed => Answer::Closed,
                _ => Answer::Open,
            },
            Self::Confirm(confirm) => {
                let Input::Key(event) = input else { return Answer::Open };
                match event.code {
                    KeyCode::Char('y' | 'Y') => Answer::With(Box::new(())),
                    KeyCode::Enter if !confirm.danger => Answer::With(Box::new(())),
                    KeyCode::Enter => Answer::Open,
                    KeyCode::Char('n' | 'N' | 'q') | KeyCode::Esc => Answer::Closed,
                    _ => Answer::Open,
                }
            }
            Self::Prompt { prompt, text, missing } => {
                if let Input::Key(event) = input {
                    match event.code {
                        KeyCode::Esc => return Answer::Closed,
                        KeyCode::Enter => {
                            let answer = text.text().trim().to_owned();
                            if answer.is_empty() && !prompt.optional {
                                *missing = true;
                                return Answer::Open;
                            }
                            return Answer::With(Box::new(answer));
                        }
                        _ => {}
                    }
                }
                *missing = false;
                text.input(input);
                Answer::Open
            }
        }
    }

    pub fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        let wide = area.width.saturating_sub(8).min(64);
        match self {
            Self::Help { lines, top } => {
                let keys = lines.iter().map(|(k, _)| unicode_width::UnicodeWidthStr::width(&**k)).max().unwrap_or(0);
                let keys = (keys as u16 + 2).min(wide / 2);
                let more = lines.len() + 2 > usize::from(area.height);
                let title = if more { "Keys (↓ for more)" } else { "Keys" };
                let inside = layout::popup(frame.buffer_mut(), area, (wide, lines.len() as u16), title, theme);
                *top = (*top).min((lines.len() as u16).saturating_sub(inside.height));
                for (y, (key, help)) in lines.iter().skip((*top).into()).take(inside.height.into()).enumerate() {
                    let line = row(inside, y as u16);
                    let style = if help.is_empty() { theme.heading() } else { theme.key() };
                    let room = if help.is_empty() { line.width } else { keys };
                    put(frame.buffer_mut(), Rect { width: room.min(line.width), ..line }, key, style);
                    let x = keys.min(line.width);
                    let text = Rect { x: line.x + x, width: line.width - x, ..line };
                    put(frame.buffer_mut(), text, help, theme.text());
                }
            }
            Self::Commands(picker) => draw_picker(frame, area, "Commands", picker, theme),
            Self::Choose { title, picker } => draw_picker(frame, area, title, picker, theme),
            Self::Confirm(confirm) => {
                let lines = body(&confirm.lines, wide);
                let height = lines.len() as u16 + 1 + u16::from(!lines.is_empty());
                let inside = layout::popup(frame.buffer_mut(), area, (wide, height), &confirm.title, theme);
                draw_lines(frame, inside, &lines, theme);
                let yes = if confirm.danger { "y" } else { "Enter" };
                let spans = [
                    (yes, theme.key()),
                    (" ", theme.text()),
                    (&*confirm.yes, if confirm.danger { theme.error() } else { theme.text() }),
                    ("   ", theme.text()),
                    ("Esc", theme.key()),
                    (" cancel", theme.text()),
                ];
                put_spans(frame.buffer_mut(), row(inside, inside.height.saturating_sub(1)), spans);
            }
            Self::Prompt { prompt, text, missing } => {
                let lines = body(&prompt.lines, wide);
                let gap = u16::from(!lines.is_empty());
                let height = lines.len() as u16 + gap + 6;
                let inside = layout::popup(frame.buffer_mut(), area, (wide, height), &prompt.title, theme);
                draw_lines(frame, inside, &lines, theme);
                let at = lines.len() as u16 + gap;
                let need = if prompt.optional { " (may stay empty)" } else { "" };
                let label = [(&*prompt.label, theme.heading()), (need, theme.muted())];
                put_spans(frame.buffer_mut(), row(inside, at), label);
                let field = layout::below(inside, at + 1);
                let field = Rect { height: field.height.min(3), ..field };
                for y in 0..field.height {
                    put(frame.buffer_mut(), row(field, y), "│", theme.accent());
                }
                let room = Rect { x: field.x + 2.min(field.width), width: field.width.saturating_sub(2), ..field };
                if let Some(cursor) = text.draw(frame.buffer_mut(), room, theme.text()) {
                    frame.set_cursor_position(cursor);
                }
                let last = row(inside, inside.height.saturating_sub(1));
                if *missing {
                    put_spans(frame.buffer_mut(), last, [("! ", theme.error()), ("it is needed", theme.error())]);
                } else {
                    let spans = [
                        ("Enter", theme.key()),
                        (" ", theme.text()),
                        (&*prompt.yes, theme.text()),
                        ("   ", theme.text()),
                        ("Esc", theme.key()),
                        (" cancel", theme.text()),
                    ];
                    put_spans(frame.buffer_mut(), last, spans);
                }
            }
        }
    }
}

fn draw_picker(frame: &mut Frame<'_>, area: Rect, title: &str, picker: &mut Picker, theme: Theme) {
    let wide = area.width.saturating_sub(8).min(64);
    let inside = layout::popup(frame.buffer_mut(), area, (wide, picker.height()), title, theme);
    if let Some(cursor) = picker.draw(frame.buffer_mut(), inside, theme) {
        frame.set_cursor_position(cursor);
    }
}

fn body(lines: &[String], width: u16) -> Vec<String> {
    lines.iter().flat_map(|line| wrap(line, width.into())).collect()
}

fn draw_lines(frame: &mut Frame<'_>, area: Rect, lines: &[String], theme: Theme) {
    for (y, line) in lines.iter().enumerate() {
        put(frame.buffer_mut(), row(area, y as u16), line, theme.text());
    }
}
