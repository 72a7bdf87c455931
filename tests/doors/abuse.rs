//! Clients that do not behave: the others must not notice.

use std::{io::Write as _, os::unix::net::UnixStream, sync::mpsc::channel, thread};

use clowder::session::socket::{Down, Hello, Reader, Up, Wants, send};

use crate::{
    limit::PATIENCE,
    shelter::{Shelter, memory},
};

/// A line to the socket, on which an answer that never comes is an error.
fn connect(shelter: &Shelter) -> UnixStream {
    let line = UnixStream::connect(shelter.socket()).unwrap();
    line.set_read_timeout(Some(PATIENCE)).unwrap();
    line
}

fn hello_of(size: (u16, u16)) -> Up {
    let env = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    let wants = Wants::Screens { size, env: env.to_vec() };
    Up::Hello(Hello { version: "test".to_owned(), wants })
}

fn hello() -> Up {
    hello_of((300, 100))
}

#[test]
fn one_that_never_reads_and_floods_harms_nobody() {
    let shelter = Shelter::new();
    let server = shelter.server();
    let mut sam = shelter.person("sam");
    let before = memory(server.pid(), "VmRSS");
    let (blocked, is_blocked) = channel();
    let floods: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = connect(&shelter);
            let (kept, blocked) = (stream.try_clone().unwrap(), blocked.clone());
            thread::spawn(move || {
                send(&mut stream, &hello()).unwrap();
                // Sizes and keys without end, until the other side takes no more of them.
                stream.set_write_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
                let mut n = 0u16;
                while send(&mut stream, &Up::Size(1 + n % 300, 1 + n % 100)).is_ok()
                    && send(&mut stream, &Up::Input(vec![b'j'; 4096])).is_ok()
                {
                    n = n.wrapping_add(1);
                }
                blocked.send(()).unwrap();
            });
            kept
        })
        .collect();
    for _ in &floods {
        is_blocked.recv_timeout(PATIENCE).unwrap();
    }
    sam.keys("2").sees("Miso");
    shelter.ok(&["cats", "add", "Olive"]);
    sam.sees("Olive");
    let grown = memory(server.pid(), "VmRSS").saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB for four of them");
    drop(floods);
    server.stop();
}

#[test]
fn one_that_never_reads_does_not_keep_the_server_from_ending() {
    let shelter = Shelter::new();
    let mut server = shelter.server();
    let mut stream = connect(&shelter);
    send(&mut stream, &hello()).unwrap();
    server.logs("session begins");
    server.stop();
}

#[test]
fn nonsense_is_refused_and_the_next_one_served() {
    let shelter = Shelter::new();
    let mut server = shelter.server();
    for nonsense in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], &[2, 0xff, 0xff, 0xff, 0xff], &[4, 0, 0, 0, 0], &[1, 1, 0, 0, 0, 9]]
    {
        let mut stream = connect(&shelter);
        stream.write_all(nonsense).unwrap();
        let mut reader = Reader::new(stream);
        let Some(Down::Error(why)) = reader.frame().unwrap() else { panic!("no reason") };
        assert!(String::from_utf8(why).unwrap().starts_with("clowder: "));
        assert_eq!(reader.frame().unwrap(), Some(Down::Exit(1)));
        server.logs("socket: refused");
    }
    // Many that say nothing at all, and go.
    for _ in 0..200 {
        drop(connect(&shelter));
    }
    shelter.ok(&["stats"]);
    server.stop();
}

#[test]
fn those_who_ask_for_nothing_are_sent_away() {
    let shelter = Shelter::new();
    shelter.settings("[socket]\nhello_seconds = 600\nconnections = 2\n");
    let mut server = shelter.server();
    let silent: Vec<_> = (0..2).map(|_| connect(&shelter)).collect();
    let mut third = Reader::new(connect(&shelter));
    let Some(Down::Error(why)) = third.frame().unwrap() else { panic!("no reason") };
    assert!(String::from_utf8(why).unwrap().contains("as many connections as the settings allow"));
    drop(silent);
    server.logs("socket: refused: unexpected end of file");
    server.logs("socket: refused: unexpected end of file");

    shelter.settings("[socket]\nhello_seconds = 1\n");
    server.signal("HUP");
    server.logs("settings read again");
    let mut silent: Vec<_> = (0..2).map(|_| Reader::new(connect(&shelter))).collect();
    for reader in &mut silent {
        let Some(Down::Error(why)) = reader.frame().unwrap() else { panic!("no reason") };
        assert!(String::from_utf8(why).unwrap().contains("nothing was asked for in time"));
        assert_eq!(reader.frame().unwrap(), Some(Down::Exit(1)));
        assert_eq!(reader.frame::<Down>().unwrap(), None);
    }
    shelter.ok(&["stats"]);
    server.stop();
}

#[test]
fn output_that_stands_still_ends_the_session() {
    let shelter = Shelter::new();
    shelter.settings("[sessions]\nstall_seconds = 1\n");
    let mut server = shelter.server();
    let mut stream = connect(&shelter);
    send(&mut stream, &hello()).unwrap();
    // Each size is a screen anew; none is read, so that soon none can be sent.
    stream.set_write_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
    let keys = Up::Input(vec![b'j'; 4096]);
    (0..=u16::MAX)
        .find(|n| send(&mut stream, &Up::Size(200 + n % 2, 90)).and_then(|()| send(&mut stream, &keys)).is_err());
    server.logs("session lost");
    shelter.ok(&["stats"]);
    server.stop();
}

#[test]
fn two_hundred_sessions_at_once() {
    let shelter = Shelter::new();
    let server = shelter.server();
    let mut sam = shelter.person("sam");
    let mut sessions: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = connect(&shelter);
            send(&mut stream, &hello_of((80, 24))).unwrap();
            Reader::new(stream)
        })
        .collect();
    for session in &mut sessions {
        let Some(Down::Output(frame)) = session.frame().unwrap() else { panic!("no screen") };
        assert!(String::from_utf8_lossy(&frame).contains("Sign in"));
    }
    sam.keys("2").sees("Miso");
    shelter.ok(&["cats", "add", "Olive"]);
    sam.sees("Olive");
    let used = memory(server.pid(), "VmRSS");
    assert!(used < 300 * 1024, "{used} KiB");
    server.stop();
    for mut session in sessions {
        let mut said = String::new();
        while let Some(Down::Output(bytes)) = session.frame().unwrap() {
            said.push_str(&String::from_utf8_lossy(&bytes));
        }
        assert!(said.contains("Clowder was stopped on the server"), "{said:?}");
    }
}
