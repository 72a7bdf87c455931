//! The screens, and what they are made of.
//!
//! [`app::App`] holds a stack of screens and serves a session. A [`screen::Screen`] names its keys in a table
//! ([`keys::Bind`]) of commands ([`command::Command`]); key handling, footer, help, palette and the README's
//! key table all come from there. What a screen may do to the rest of the program goes through [`cx::Cx`].

pub mod app;
pub mod command;
pub mod cx;
pub mod field;
pub mod form;
pub mod form_screen;
pub mod keys;
pub mod layout;
pub mod line_edit;
pub mod list;
mod overlay;
pub mod picker;
pub mod query_line;
pub mod screen;
pub mod screens;
pub mod sheet;
pub mod text_area;
pub mod theme;

pub use app::App;
pub use command::Command;
pub use cx::{Confirm, Cx, Prompt};
pub use form_screen::FormScreen;
pub use keys::{Bind, Key, bind};
pub use screen::{Outcome, Screen};
pub use theme::Theme;
