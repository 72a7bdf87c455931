//! A window with a program in it: what is typed goes in, the screen comes out.

use std::{
    io::{Read as _, Write},
    num::NonZeroU16,
    sync::{Arc, Condvar, Mutex},
    thread,
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::limit::{PATIENCE, wait_for, within};

/// The terminal gathers whole lines.
const CANONICAL: u32 = 0x2;
/// The terminal shows what is typed.
const ECHO: u32 = 0x8;

struct Seen {
    screen: vt100::Parser,
    bytes: Vec<u8>,
    over: bool,
}

type Shared = Arc<(Mutex<Seen>, Condvar)>;

/// A window of 80x24.
pub struct Window {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    seen: Shared,
}

impl Window {
    pub fn open(command: CommandBuilder) -> Self {
        Self::open_as(command, "xterm-256color")
    }

    /// As a terminal of another kind.
    pub fn open_as(mut command: CommandBuilder, term: &str) -> Self {
        command.env("TERM", term);
        command.env("LANG", "C.UTF-8");
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let master = pair.master;
        let mut reader = master.try_clone_reader().unwrap();
        let keys = master.take_writer().unwrap();
        let number = |n| NonZeroU16::new(n).unwrap();
        let screen = vt100::Parser::new(number(24), number(80), 0);
        let seen: Shared = Arc::new((Mutex::new(Seen { screen, bytes: Vec::new(), over: false }), Condvar::new()));
        let shared = seen.clone();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                // The end of a terminal is an error, too.
                let read = reader.read(&mut buffer).unwrap_or(0);
                let mut seen = shared.0.lock().unwrap();
                seen.screen.process(&buffer[..read]);
                seen.bytes.extend(&buffer[..read]);
                seen.over = read == 0;
                shared.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self { master, keys, child, seen }
    }

    pub fn keys(&mut self, keys: &str) -> &mut Self {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
        self
    }

    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Waits until the screen is so.
    pub fn wait(&mut self, what: &str, so: impl Fn(&str) -> bool) -> &mut Self {
        let (seen, news) = &*self.seen;
        let seen = seen.lock().unwrap();
        let (seen, late) = news.wait_timeout_while(seen, PATIENCE, |s| !so(&text(&s.screen)) && !s.over).unwrap();
        assert!(so(&text(&seen.screen)), "waited in vain for {what} ({late:?}):\n{}", text(&seen.screen));
        drop(seen);
        self
    }

    /// Waits until the screen says something.
    pub fn sees(&mut self, words: &str) -> &mut Self {
        self.wait(&format!("{words:?}"), |text| text.contains(words))
    }

    /// Waits until something was written, wherever it stands on the screen.
    pub fn writes(&mut self, words: &str) -> &mut Self {
        let (seen, news) = &*self.seen;
        let wrote = |seen: &Seen| String::from_utf8_lossy(&seen.bytes).contains(words);
        let waited = news.wait_timeout_while(seen.lock().unwrap(), PATIENCE, |s| !wrote(s) && !s.over).unwrap().0;
        assert!(wrote(&waited), "waited in vain for {words:?}:\n{}", text(&waited.screen));
        drop(waited);
        self
    }

    /// Waits for the end of the program, and answers its exit code and everything that it wrote.
    pub fn end(mut self) -> (u32, String) {
        let pid = self.pid();
        let code = within(pid, "the program in the window", || self.child.wait().unwrap().exit_code());
        let (seen, news) = &*self.seen;
        // All of what it wrote is there once the terminal's other side is closed.
        let seen = news.wait_timeout_while(seen.lock().unwrap(), PATIENCE, |s| !s.over).unwrap().0;
        assert!(seen.over);
        (code, String::from_utf8_lossy(&seen.bytes).into_owned())
    }

    /// Waits for the end of the program and answers whether the terminal reads lines again.
    pub fn wait_restored(&mut self) -> bool {
        let pid = self.pid();
        within(pid, "the program in the window", || self.child.wait().unwrap());
        self.is_restored()
    }

    /// Waits until the terminal does not show what is typed.
    pub fn hides(&mut self) -> &mut Self {
        wait_for("what is typed not to be shown", || self.modes() & ECHO == 0);
        self
    }

    /// Whether the terminal reads lines again, as a shell wants it.
    pub fn is_restored(&self) -> bool {
        self.modes() & (CANONICAL | ECHO) == CANONICAL | ECHO
    }

    fn modes(&self) -> u32 {
        self.master.get_termios().unwrap().local_flags.bits()
    }

    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(screen: &vt100::Parser) -> String {
    let (_, width) = screen.screen().size();
    screen.screen().rows(0, width.get()).map(|row| row.trim_end().to_owned() + "\n").collect()
}
