//! A fault in the program: a screen that panics, in a server like the real one and on its own terminal. There is none
//! in the program itself, so this test program starts itself once more and puts it in.

use std::{process::Command, sync::Arc};

use clowder::{
    server::{self, Host, config::Config},
    session::{event::Input, local},
    store::{OpenOptions, Store},
    ui::{App, Bind, Cx, Outcome, Screen, Theme},
};
use crossterm::event::{KeyCode, KeyEvent};
use portable_pty::CommandBuilder;
use ratatui::{Frame, layout::Rect, widgets::Paragraph};

use crate::{
    ends::LEAVE,
    shelter::{PASSWORD, Server, Shelter, ssh_window},
    window::Window,
};

/// Set in the process that plays a part: the directory of its store.
const PART: &str = "CLOWDER_TEST_PART";

/// A screen that panics at a key.
struct Faulty;

impl Screen for Faulty {
    fn title(&self) -> String {
        "Faulty".to_owned()
    }

    fn keys(&self) -> &'static [Bind] {
        &[]
    }

    fn run(&mut self, _: clowder::ui::Command, _: &mut Cx) -> Outcome {
        Outcome::Pass
    }

    fn input(&mut self, input: &Input, _: &mut Cx) -> Option<Outcome> {
        let fatal = matches!(input, Input::Key(KeyEvent { code: KeyCode::Char('!'), .. }));
        assert!(!fatal, "the key that is one too many");
        None
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, _: Theme) {
        frame.render_widget(Paragraph::new("one key is one too many"), area);
    }
}

fn put_in(app: &mut App) {
    app.open(Box::new(Faulty));
}

/// The words that make this test program run one test alone.
fn alone(test: &str) -> [String; 4] {
    [format!("faults::{test}"), "--exact".to_owned(), "--nocapture".to_owned(), "--quiet".to_owned()]
}

fn open(data: &std::path::Path) -> Store {
    Store::open(OpenOptions::new(data.join("data"), data.join("config"))).unwrap().store
}

#[test]
fn of_a_server_ends_one_session_only() {
    if let Some(part) = std::env::var_os(PART) {
        let part = std::path::PathBuf::from(part);
        let load = || Config::load(&part.join("config").join("clowder.toml")).map_err(|e| e.to_string());
        let open = |_: &Config| Ok(Store::open(OpenOptions::new(part.join("data"), part.join("config")))?);
        server::run(&part.join("data"), &part.join("config"), load, open, Some(Arc::new(put_in))).unwrap();
        return;
    }
    let shelter = Shelter::new();
    let key = shelter.key("sam", &["ed25519"]);
    shelter.settings("[ssh]\nlisten = \"127.0.0.1:0\"\n");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(alone("of_a_server_ends_one_session_only")).env(PART, shelter.path(""));
    let mut server = Server::start(command);

    let mut other = ssh_window(&server, &key, "sam", "xterm-256color", &[]);
    let mut here = shelter.window(&[]);
    let mut remote = ssh_window(&server, &key, "sam", "xterm-256color", &[]);
    for window in [&mut other, &mut here, &mut remote] {
        window.sees("one key is one too many");
    }
    for (mut window, door) in [(here, "socket"), (remote, "ssh")] {
        window.keys("!");
        assert!(window.wait_restored());
        let (code, said) = window.end();
        assert_eq!(code, 1);
        let end = said.rfind(LEAVE).unwrap();
        let told = "Clowder ended this session because of a fault in the program. What was saved is safe.";
        assert_eq!(said[end + LEAVE.len()..].trim(), told);
        let line = server.logs("fault in the program");
        assert!(line.contains("the key that is one too many"), "{line}");
        let line = server.logs("session ended");
        assert!(line.contains("ERROR") && line.contains(door), "{line}");
    }
    // The others go on, and new ones come.
    other.keys("\x1b").sees("Available").keys("2").sees("Miso");
    shelter.ok(&["cats", "add", "Olive"]);
    other.sees("Olive");
    let mut newcomer = ssh_window(&server, &key, "sam", "xterm-256color", &[]);
    newcomer.sees("one key is one too many");
    server.stop();
    assert!(shelter.data().join("clean").exists());
}

#[test]
fn on_the_terminal_of_the_program_gives_it_back() {
    if let Some(part) = std::env::var_os(PART) {
        let store = open(part.as_ref());
        let host = Host::new(clowder::desk::Desk::new(store), server::Registry::default(), Default::default());
        let caps = local::caps().unwrap();
        let ran = local::run(move |sender| {
            let mut app = App::new(host.desk, sender, &caps, clowder::model::Door::Local, None);
            put_in(&mut app);
            app
        });
        eprintln!("{}", ran.unwrap_err());

        std::process::exit(7);
    }
    let shelter = Shelter::new();
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(alone("on_the_terminal_of_the_program_gives_it_back"));
    command.env(PART, shelter.path(""));
    let mut window = Window::open(command);
    window.sees("one key is one too many").keys("!");
    assert!(window.wait_restored());
    let (code, said) = window.end();
    assert_eq!(code, 7, "{said}");
    let end = said.rfind(LEAVE).unwrap();
    let told = &said[end + LEAVE.len()..];
    assert!(told.contains("because of a fault in the program. What was saved is safe."), "{told}");
    assert!(told.contains("the key that is one too many"), "{told}");
    assert!(shelter.ok(&["cats", "list"]).contains("Miso"));
}

#[test]
fn of_whoever_holds_the_store_leaves_the_others_at_work() {
    if let Some(part) = std::env::var_os(PART) {
        let part = std::path::PathBuf::from(part);
        let opened = Store::open(OpenOptions::new(part.join("data"), part.join("config"))).unwrap();
        let held = clowder::cli::hold(local::caps().unwrap(), &part.join("data"), opened, Some(Arc::new(put_in)));
        assert!(held.is_err());
        std::process::exit(7);
    }
    let shelter = Shelter::new();
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(alone("of_whoever_holds_the_store_leaves_the_others_at_work"));
    command.env(PART, shelter.path(""));
    let mut owner = Window::open(command);
    owner.sees("one key is one too many");
    let mut guest = shelter.window(&[]);
    guest
        .sees("one key is one too many")
        .keys("\x1b")
        .sees("Password")
        .keys(&format!("sam\t{PASSWORD}\r"))
        .sees("Home");
    owner.keys("!").writes("One more session goes on; this program ends after the last of them");
    assert!(owner.is_restored());
    shelter.ok(&["cats", "add", "Olive"]);
    guest.keys("2").sees("Olive").keys("\x11");
    assert_eq!(guest.end().0, 0);
    let (code, said) = owner.end();
    assert_eq!(code, 7, "{said}");
    assert!(said[said.rfind(LEAVE).unwrap()..].contains("fault in the program"), "{said}");
    assert!(shelter.data().join("clean").exists());
}
