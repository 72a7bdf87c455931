use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::style::Style;

use super::{
    caps::{Colour, Glyphs},
    event::queue,
    *,
};
use crate::limit::Limit;

/// Shows what was typed; `q` and Escape end it, `L` asks for everything anew.
#[derive(Default)]
struct Echo {
    text: String,
    redraw: Option<Redraw>,
    draws: usize,
    over: bool,
}

impl Client for Echo {
    fn input(&mut self, input: Input) {
        self.redraw = Some(Redraw::Changes);
        match input {
            Input::Key(key) if key.code == KeyCode::Char('q') => self.over = true,
            Input::Key(key) if key.code == KeyCode::Char('L') => self.redraw = Some(Redraw::Everything),
            Input::Key(key) if key.modifiers != KeyModifiers::NONE => {}
            Input::Key(key) => match key.code {
                KeyCode::Char(c) => self.text.push(c),
                code => {
                    self.over = code == KeyCode::Esc;
                    self.text.push_str(&format!("<{code}>"));
                }
            },
            Input::Paste(text) => self.text.push_str(&text),
        }
    }
    fn changed(&mut self, changed: Option<&Changed>) {
        self.text.push_str(if changed.is_some() { "[changed]" } else { "[missed]" });
        self.redraw = Some(Redraw::Changes);
    }
    fn job(&mut self, id: u64, result: Box<dyn Any + Send>) {
        let text = match result.downcast::<String>() {
            Ok(text) => *text,
            Err(other) => format!("panicked: {}", other.is::<Panicked>()),
        };
        self.text.push_str(&format!("[{id} {text}]"));
        self.redraw = Some(Redraw::Changes);
    }
    fn progress(&mut self, _: u64, _: String) {}
    fn wants_tick(&self) -> Option<Duration> {
        None
    }
    fn tick(&mut self) {}
    fn take_redraw(&mut self) -> Redraw {
        if self.draws == 0 { Redraw::Changes } else { self.redraw.take().unwrap_or(Redraw::No) }
    }
    fn draw(&mut self, frame: &mut Frame<'_>) {
        self.draws += 1;
        frame.buffer_mut().set_string(0, 0, &self.text, Style::new());
    }
    fn is_over(&self) -> bool {
        self.over
    }
}

fn caps() -> Caps {
    Caps { size: (60, 2), colour: Colour::None, glyphs: Glyphs::Full, alternate: true, verase: None }
}

fn played(events: Vec<Event>) -> (Echo, Vec<u8>) {
    let (sender, inbox) = queue();
    for event in events {
        assert!(sender.send(event));
    }
    drop(sender);
    let mut output = Vec::new();
    let _limit = Limit::new();
    let mut session = Session::new(Echo::default(), caps(), inbox);
    while session.turn(true, &mut output).unwrap() != Turn::Over {}
    (session.client, output)
}

#[test]
fn what_waits_is_dealt_with_before_one_frame_is_drawn() {
    let keys = |s: &str| Event::Input(s.as_bytes().to_vec());
    let (client, output) = played(vec![keys("a"), keys("b"), keys("\x1b["), keys("C"), keys("cq")]);
    assert_eq!(client.text, "ab<Right>c");
    assert_eq!(client.draws, 2, "one at the start, one after everything");
    let text = String::from_utf8(output).unwrap();
    assert!(text.starts_with("\x1b[?1049h\x1b[?2004h"));
}

#[test]
fn the_terminal_is_given_back() {
    let _limit = Limit::new();
    let (sender, inbox) = queue();
    sender.send(Event::Input(b"q".to_vec()));
    let mut output = Vec::new();
    run(Echo::default(), caps(), inbox, &mut output).unwrap();
    let text = String::from_utf8(output).unwrap();
    assert!(text.ends_with("\x1b[?2004l\x1b[0m\x1b[2J\x1b[H\x1b[?25h\x1b[?1049l"));
}

#[test]
fn a_hangup_or_a_lost_queue_ends_the_session() {
    assert_eq!(played(vec![Event::Input(b"a".to_vec()), Event::Hangup]).0.text, "a");
    assert_eq!(played(vec![]).0.draws, 1);
}

#[test]
fn a_lone_escape_arrives_without_another_byte() {
    let _limit = Limit::new();
    let (sender, inbox) = queue();
    sender.send(Event::Input(b"\x1b".to_vec()));
    let mut session = Session::new(Echo::default(), caps(), inbox);
    while session.turn(true, &mut Vec::new()).unwrap() != Turn::Over {}
    assert_eq!(session.client.text, "<Esc>");
    drop(sender);
}

#[test]
fn a_new_size_is_drawn_before_the_next_key_and_clamped() {
    let (_, output) = played(vec![
        Event::Input(b"hello".to_vec()),
        Event::Resize(3, 1),
        Event::Input(b"!".to_vec()),
        Event::Resize(u16::MAX, u16::MAX),
        Event::Input(b"q".to_vec()),
    ]);
    let text = String::from_utf8(output).unwrap();
    assert!(text.contains("hel\x1b"), "{text:?}");
    assert!(text.contains("hello!"), "{text:?}");
}

#[test]
fn of_many_sizes_only_the_last_is_drawn() {
    let sizes = (1..60).map(|n| Event::Resize(n, n));
    let (client, output) = played(sizes.chain([Event::Input(b"q".to_vec())]).collect());
    assert_eq!(client.draws, 3, "one at the start, one for the last size, one for the key");
    assert!(!output.is_empty());
}

#[test]
fn whoever_ends_a_session_is_heard_even_when_the_queue_is_full() {
    let _limit = Limit::new();
    let (sender, inbox) = queue();
    while sender.try_send(Event::Input(b"a".to_vec())) {}
    sender.end("the desk\u{1b} closes");
    let mut output = Vec::new();
    run(Echo::default(), caps(), inbox, &mut output).unwrap();
    assert!(output.ends_with(b"\x1b[?1049lthe desk closes\r\n"), "{:?}", String::from_utf8_lossy(&output));
}

#[test]
fn a_panic_gives_the_terminal_back_and_says_so() {
    let (_sender, inbox) = queue();
    let mut output = Vec::new();
    let ended = serve(|| -> Echo { panic!("on purpose") }, caps(), inbox, &mut output);
    assert!(matches!(ended, Ended::Fault));
    let text = String::from_utf8(output).unwrap();
    assert!(text.starts_with("\x1b[?2004l") && text.ends_with("What was saved is safe.\r\n"), "{text:?}");
}

#[test]
fn jobs_answer_and_their_panics_too() {
    let _limit = Limit::new();
    let (sender, inbox) = queue();
    spawn_job(&sender, 7, || "done".to_owned());
    let Event::Job(7, result) = inbox.queue.recv().unwrap() else { panic!("no job") };
    assert_eq!(*result.downcast::<String>().unwrap(), "done");
    spawn_job(&sender, 8, || -> String { panic!("on purpose") });
    let Event::Job(8, result) = inbox.queue.recv().unwrap() else { panic!("no job") };
    assert!(result.is::<Panicked>());
}

#[test]
fn the_writer_never_waits_for_a_full_queue() {
    let (sender, inbox) = queue();
    let changed = Changed { commit: crate::model::CommitNo(1), actor: crate::model::Actor::console(), records: vec![] };
    for _ in 0..1_000 {
        sender.notify(&changed);
    }
    assert!(inbox.take_missed());
    assert!(!inbox.take_missed());
}
