//! Which command a key or a name means, whether it makes sense now, and running it.

use crossterm::event::KeyEvent;

use super::{App, Layer, Leave};
use crate::{
    model::Error,
    session::Redraw,
    ui::{
        Bind, Command, Key, Outcome,
        cx::{Tone, sentence},
        keys,
        overlay::Overlay,
    },
};

impl Layer {
    /// The keys that are the screen's: for moving about, and its own.
    pub(super) fn binds(&self) -> impl Iterator<Item = &'static Bind> {
        let motions = if self.screen.moves() { keys::MOTIONS } else { &[] };
        motions.iter().chain(self.screen.keys())
    }
}

impl App {
    pub(super) fn allowed(&self, command: Command) -> bool {
        command.permission().is_none_or(|permission| self.cx.may(permission))
    }

    /// Whether a command of everywhere makes sense now.
    pub(super) fn global_enabled(&self, command: Command) -> bool {
        let inside = self.cx.rights().is_some();
        self.allowed(command)
            && match command {
                Command::Back => self.stack.len() > 1,
                Command::Undo | Command::GoHome | Command::SignOut => inside,
                _ => inside || command.permission().is_none(),
            }
    }

    fn enabled(&self, layer: &Layer, command: Command) -> bool {
        self.allowed(command) && layer.screen.enabled(command, &self.cx)
    }

    pub(super) fn key(&mut self, event: &KeyEvent) {
        let key = Key::of(event);
        let is_meant = |b: &&Bind| b.keys.contains(&key);
        let Some(layer) = self.stack.last() else { return };
        let own = layer.binds().find(is_meant).map(|b| b.command);
        let global = keys::GLOBAL.iter().find(is_meant).map(|b| b.command);
        if let Some(command) = own.filter(|c| self.enabled(layer, *c))
            && self.run(command)
        {
            return;
        }
        match global.filter(|c| self.global_enabled(*c)) {
            Some(command) => self.run_global(command),
            None => self.say_why_not(key, own.or(global)),
        }
    }

    /// A key of which nothing comes says why. Before anybody signed in, everything is typed into a form.
    fn say_why_not(&mut self, key: Key, command: Option<Command>) {
        if self.cx.rights().is_none() || self.cx.message.is_some() {
            return;
        }
        let Some(command) = command else {
            if key.is_character() {
                self.cx.say(Tone::Note, format!("{key} does nothing here; ? shows the keys."));
            }
            return;
        };
        let denied = command.permission().filter(|permission| !self.cx.may(*permission));
        match (denied, command.why_not()) {
            (Some(permission), _) => self.cx.say(Tone::Note, sentence(&Error::Denied(permission).to_string())),
            (None, Some(why)) => self.cx.say(Tone::Note, why),
            (None, None) => {}
        }
    }

    /// Runs a command of the screen on top; false when it passes it on.
    pub(super) fn run(&mut self, command: Command) -> bool {
        match self.with_top(|screen, cx| screen.run(command, cx)) {
            Some(Outcome::Pass) | None => false,
            Some(outcome) => {
                self.follow(outcome);
                true
            }
        }
    }

    pub(super) fn run_global(&mut self, command: Command) {
        match command {
            Command::Back => self.leave(Leave::Back),
            Command::Quit => self.leave(Leave::Quit),
            Command::SignOut => self.leave(Leave::SignOut),
            Command::Help => self.overlay = Some((self.help(), None)),
            Command::Palette => {
                let available = self.available();
                self.overlay = Some((Overlay::commands(&available), None));
            }
            Command::Redraw => self.redraw = Redraw::Everything,
            Command::Undo => self.ask_undo(),
            _ => self.leave(Leave::Go(command)),
        }
    }

    /// Every command that can be run now, with its keys; nobody looks for moving about by name.
    fn available(&self) -> Vec<(Command, String)> {
        let mut all: Vec<(Command, String)> = Vec::new();
        let own = self
            .stack
            .last()
            .map(|layer| layer.screen.keys().iter().filter(|b| self.enabled(layer, b.command)).collect::<Vec<_>>());
        let global = keys::GLOBAL.iter().filter(|b| self.global_enabled(b.command));
        for bind in own.into_iter().flatten().chain(global) {
            if !all.iter().any(|(c, _)| *c == bind.command) {
                all.push((bind.command, bind.keys_text()));
            }
        }
        all
    }

    fn help(&self) -> Overlay {
        let mut lines = Vec::new();
        if let Some(layer) = self.stack.last() {
            lines.push((layer.screen.title(), ""));
            let own = layer.binds().filter(|b| self.enabled(layer, b.command));
            lines.extend(own.map(|b| (b.keys_text(), b.command.help())));
            lines.push((String::new(), ""));
        }
        lines.push(("Everywhere".to_owned(), ""));
        let global = keys::GLOBAL.iter().filter(|b| !b.keys.is_empty() && self.global_enabled(b.command));
        lines.extend(global.map(|b| (b.keys_text(), b.command.help())));
        Overlay::Help { lines, top: 0 }
    }
}
