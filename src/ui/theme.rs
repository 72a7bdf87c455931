//! Styles by role. Colour never carries meaning alone: every role also differs in weight, a word or a mark.

use ratatui::style::{Color, Modifier, Style};

use crate::session::caps::Colour;

/// The styles of one session.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    colour: Colour,
}

impl Theme {
    /// The styles for a terminal with these colours.
    pub const fn new(colour: Colour) -> Self {
        Self { colour }
    }

    /// A colour of the sixteen, or the finer one where there are more; both read on dark and on light.
    fn fg(self, plain: Color, fine: u8) -> Style {
        match self.colour {
            Colour::None => Style::new(),
            Colour::Ansi => Style::new().fg(plain),
            Colour::Indexed | Colour::True => Style::new().fg(Color::Indexed(fine)),
        }
    }

    /// Plain text.
    pub fn text(self) -> Style {
        Style::new()
    }

    /// The name of the program and of the screen.
    pub fn title(self) -> Style {
        self.accent().add_modifier(Modifier::BOLD)
    }

    /// Headings inside a screen.
    pub fn heading(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What is there to be overlooked: labels, lines, hints.
    pub fn muted(self) -> Style {
        match self.colour {
            Colour::None => Style::new(),
            Colour::Ansi => Style::new().fg(Color::DarkGray),
            Colour::Indexed | Colour::True => Style::new().fg(Color::Indexed(244)),
        }
    }

    /// What leads the eye.
    pub fn accent(self) -> Style {
        self.fg(Color::Cyan, 32)
    }

    /// What wants attention.
    pub fn warn(self) -> Style {
        self.fg(Color::Yellow, 172)
    }

    /// What went wrong.
    pub fn error(self) -> Style {
        self.fg(Color::LightRed, 167).add_modifier(Modifier::BOLD)
    }

    /// What went well.
    pub fn ok(self) -> Style {
        self.fg(Color::Green, 71)
    }

    /// The mark before the selected row or field.
    pub fn marker(self) -> Style {
        self.title()
    }

    /// The selected row's name and the focused field's label.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The key in "key label".
    pub fn key(self) -> Style {
        self.title()
    }

    /// The letters that a search found.
    pub fn found(self) -> Style {
        self.accent().add_modifier(Modifier::UNDERLINED)
    }

    /// A part of a line that was not understood.
    pub fn wrong(self) -> Style {
        self.error().add_modifier(Modifier::UNDERLINED)
    }
}
