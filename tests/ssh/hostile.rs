//! Clients that vanish, never read, flood, hold, hammer, and ask for what there is not.

use std::{
    io::{ErrorKind, Read as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use clowder::server::config::Config;
use russh::{ChannelMsg, client, keys::PrivateKeyWithHashAlg};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::Semaphore,
    task::JoinSet,
};

use crate::{
    shelter::{
        PASSWORD,
        limit::{PATIENCE, output},
    },
    support::{Server, Session, Trusting, Tty, block_on, connect, sign_in, text, wait_for, wide},
};

#[test]
fn nothing_but_terminals_and_commands() {
    let server = Server::new();
    for options in [&["-o", "ExitOnForwardFailure=yes", "-N", "-R", "0:127.0.0.1:1"][..], &["-s"]] {
        let done = output(&mut server.ssh("sam", options, if options == ["-s"] { &["sftp"] } else { &[] }));
        assert_eq!(done.status.code(), Some(255), "{options:?}: {}", text(&done.stderr));
    }
    let done = output(&mut server.ssh("sam", &["-T", "-W", "127.0.0.1:1"], &[]));
    assert_eq!(done.status.code(), Some(255), "{}", text(&done.stderr));
    block_on(async {
        let handle = sign_in(&server, "sam").await;
        handle.channel_open_direct_tcpip("127.0.0.1", 1, "127.0.0.1", 1).await.unwrap_err();
        handle.channel_open_direct_streamlocal("/tmp/x").await.unwrap_err();
        handle.channel_open_x11("127.0.0.1", 1).await.unwrap_err();
        handle.tcpip_forward("127.0.0.1", 0).await.unwrap_err();
        handle.streamlocal_forward("/tmp/x").await.unwrap_err();
        let mut channel = handle.channel_open_session().await.unwrap();
        let refused = |message: Option<ChannelMsg>| matches!(message, Some(ChannelMsg::Failure));
        channel.agent_forward(true).await.unwrap();
        assert!(refused(channel.wait().await));
        channel.request_x11(true, false, "MIT-MAGIC-COOKIE-1", "00", 0).await.unwrap();
        assert!(refused(channel.wait().await));
        channel.set_env(true, "LD_PRELOAD", "x").await.unwrap();
        assert!(refused(channel.wait().await));
        channel.request_subsystem(true, "sftp").await.unwrap();
        assert!(refused(channel.wait().await));
        let mut open = Vec::new();
        let refused = loop {
            match handle.channel_open_session().await {
                Ok(channel) => open.push(channel),
                Err(_) => break true,
            }
            assert!(open.len() < 20);
        };
        assert!(refused && open.len() <= 4);
        // What was asked for in vain is no reason to end the connection.
        let mut channel = open.pop().unwrap();
        channel.exec(true, "stats").await.unwrap();
        let mut code = None;
        while let Some(message) = channel.wait().await {
            if let ChannelMsg::ExitStatus { exit_status } = message {
                code = Some(exit_status);
            }
        }
        assert_eq!(code, Some(0));
    });
}

#[test]
fn a_client_that_is_killed_or_stopped_is_gone_soon() {
    let server = Server::with(|config| {
        config.ssh.limits = wide();
        config.ssh.limits.keepalive_seconds = 1;
    });
    let mut killed = Tty::open(&server, "sam", "xterm", &["-tt"], &[]);
    let mut stopped = Tty::open(&server, "uma", "xterm", &["-tt"], &[]);
    killed.wait_for("Sam Field");
    stopped.wait_for("Uma Stone");
    let signal = |tty: &Tty, signal: &str| {
        let pid = tty.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
    };
    signal(&killed, "-KILL");
    wait_for("the killed one to be gone", || server.registry.count() == 1);
    signal(&stopped, "-STOP");
    wait_for("the stopped one to be gone", || server.registry.count() == 0);
    signal(&stopped, "-CONT");
    assert_eq!(server.run("sam", &["stats"]).status.code(), Some(0));
}

/// A client whose line can be blocked: what the server sends is not read any more.
async fn deaf(server: &Server, name: &str) -> (client::Handle<Trusting>, Arc<AtomicBool>) {
    let stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let (mut from_server, mut to_server) = stream.into_split();
    let (ours, theirs) = tokio::io::duplex(4096);
    let (mut from_client, mut to_client) = tokio::io::split(theirs);
    let blocked = Arc::new(AtomicBool::new(false));
    let ears = blocked.clone();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = from_server.read(&mut buffer).await {
            if ears.load(Ordering::Relaxed) {
                // Keeps the line open and never reads again.
                std::future::pending::<()>().await;
            }
            to_client.write_all(&buffer[..n]).await.unwrap();
        }
    });
    tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let mut handle = client::connect_stream(Arc::new(client::Config::default()), ours, Trusting).await.unwrap();
    let key = PrivateKeyWithHashAlg::new(server.key(name), None);
    assert!(handle.authenticate_publickey(name, key).await.unwrap().success());
    (handle, blocked)
}

#[test]
fn one_that_never_reads_holds_up_nobody() {
    let server = Server::with(|config| {
        config.ssh.limits = wide();
        // Long enough for those who do answer, on a machine that is busy.
        config.ssh.limits.inactivity_seconds = 6;
        config.ssh.limits.keepalive_seconds = 2;
    });
    block_on(async {
        let (handle, blocked) = deaf(&server, "sam").await;
        let mut session = Session::open(&handle, "xterm-256color", (300, 100)).await;
        session.wait_for("Sam Field").await;
        blocked.store(true, Ordering::Relaxed);
        let other = sign_in(&server, "uma").await;
        let mut free = Session::open(&other, "xterm-256color", (80, 24)).await;
        free.wait_for("Uma Stone").await.keys(b":cats\r").await.wait_for("Miso").await;
        // Redraws far beyond what any buffer holds; they are never more than one frame ahead.
        for _ in 0..2000 {
            if session.channel.data_bytes(&b"\x0c"[..]).await.is_err() {
                break;
            }
        }
        free.keys(b"/bru\r").await;
        while free.screen().contains("Miso") {
            assert!(free.next().await);
        }
        let alone =
            || server.registry.list().iter().all(|line| line.who.as_ref().is_some_and(|w| w.name != "Sam Field"));
        tokio::task::block_in_place(|| wait_for("the deaf one to be gone", alone));
        free.keys(b"\x03").await;
        free.ends().await;
        assert_eq!(free.code, Some(0));
    });
}

#[test]
fn a_flood_of_window_changes_ends_in_the_last_size() {
    let server = Server::new();
    block_on(async {
        let handle = sign_in(&server, "sam").await;
        let mut session = Session::open(&handle, "xterm-256color", (80, 24)).await;
        session.wait_for("Sam Field").await;
        for n in 0..3000 {
            session.resize(40 + n % 200, 10 + n % 50).await;
        }
        let before = session.output.len();
        session.resize(100, 30).await;
        session.sized(100, 30);
        let wide = |screen: &str| screen.lines().next().is_some_and(|line| line.len() >= 98);
        while !(wide(&session.screen()) && session.screen().contains("Sam Field (staff)")) {
            assert!(session.next().await);
            if session.output.len() - before > 4_000_000 {
                panic!("the flood was drawn");
            }
        }
        session.keys(b"\x03").await;
        session.ends().await;
        assert_eq!(session.code, Some(0));
    });
}

#[test]
fn connections_that_say_nothing_are_few_and_do_not_stay() {
    let server = Server::with(|config| {
        config.ssh.limits = wide();
        config.ssh.limits.waiting_per_address = 5;
        config.ssh.limits.hello_seconds = 600;
    });
    let line = || {
        let line = TcpStream::connect(server.address()).unwrap();
        line.set_read_timeout(Some(PATIENCE)).unwrap();
        line
    };
    let held: Vec<TcpStream> = (0..5).map(|_| line()).collect();
    let door = server.door.as_ref().unwrap();
    wait_for("five to be counted", || door.count() == (5, 5));
    // The end of a line may be an error, but not that it never comes.
    let is_never = |end: &std::io::Result<usize>| end.as_ref().is_err_and(|e| e.kind() == ErrorKind::WouldBlock);
    let end = line().read(&mut [0; 64]);
    assert!(!is_never(&end) && end.unwrap_or(0) == 0);
    drop(held);
    wait_for("their places", || door.count() == (0, 0));

    let mut config = Config::clone(&server.live.get());
    config.ssh.limits.hello_seconds = 1;
    server.live.set(config);
    let mut held = line();
    // The server's name, and then the end.
    let mut said = Vec::new();
    let end = held.read_to_end(&mut said);
    assert!(!is_never(&end), "it is held");
    assert!(text(&said).starts_with("SSH-2.0-Clowder"));
    wait_for("its place", || door.count() == (0, 0));
    assert_eq!(server.run("sam", &["stats"]).status.code(), Some(0));
}

#[test]
fn one_that_talks_without_signing_in_is_cut() {
    let server = Server::with(|config| {
        config.ssh.limits = wide();
        config.ssh.limits.login_seconds = 5;
    });
    block_on(async {
        let mut idle = connect(&server).await.unwrap();
        assert!(!idle.authenticate_none("sam").await.unwrap().success());
        let inside = sign_in(&server, "sam").await;
        let door = server.door.as_ref().unwrap();
        tokio::task::block_in_place(|| wait_for("both to be cut", || door.count() == (0, 0)));
        assert!(inside.channel_open_session().await.is_err());
    });
}

#[test]
fn hammered_passwords_do_not_keep_others_out() {
    let server = Server::with(|config| {
        config.ssh.limits = wide();
        config.ssh.limits.wrong_passwords = 30;
    });
    block_on(async {
        let legitimate = sign_in(&server, "uma").await;
        let mut session = Session::open(&legitimate, "xterm-256color", (80, 24)).await;
        session.wait_for("Uma Stone").await;
        let mut hammers = JoinSet::new();
        for n in 0..12 {
            let mut handle = connect(&server).await.unwrap();
            hammers.spawn(async move {
                let mut refused = 0;
                while let Ok(answer) = handle.authenticate_password("uma", format!("guess number {n}")).await {
                    assert!(!answer.success());
                    refused += 1;
                }
                refused
            });
        }
        session.keys(b":cats\r").await.wait_for("Miso").await;
        let newcomer = sign_in(&server, "sam").await;
        let mut other = Session::open(&newcomer, "xterm-256color", (80, 24)).await;
        other.wait_for("Sam Field").await;
        let mut refused = 0;
        while let Some(one) = hammers.join_next().await {
            refused += one.unwrap();
        }
        // Each connection had its attempts, and then no more.
        let most = server.live.get().ssh.limits.attempts;
        assert!(refused <= 12 * (most + 1), "{refused}");
        let mut handle = connect(&server).await.unwrap();
        assert!(!handle.authenticate_password("uma", PASSWORD).await.unwrap().success());
        session.keys(b"\x03").await;
        session.ends().await;
    });
}

#[test]
fn two_hundred_at_once() {
    const MANY: usize = 200;
    let server = Arc::new(Server::new());
    block_on(async {
        let at_once = Arc::new(Semaphore::new(16));
        let mut opening = JoinSet::new();
        for n in 0..MANY {
            let (server, at_once) = (server.clone(), at_once.clone());
            opening.spawn(async move {
                let _place = at_once.acquire().await.unwrap();
                let handle = sign_in(&server, ["sam", "uma", "ada"][n % 3]).await;
                let mut session = Session::open(&handle, "xterm-256color", (80, 24)).await;
                while session.output.is_empty() {
                    assert!(session.next().await);
                }
                (handle, session)
            });
        }
        let mut all = Vec::new();
        while let Some(one) = opening.join_next().await {
            all.push(one.unwrap());
        }
        assert_eq!(server.registry.count(), MANY);
        assert_eq!(server.door.as_ref().unwrap().count(), (MANY, 0));
        let (_, last) = all.last_mut().unwrap();
        last.keys(b":cats\r").await.wait_for("Miso").await;
        drop(all);
        tokio::task::block_in_place(|| wait_for("everybody to be gone", || server.registry.count() == 0));
    });
}

#[test]
fn the_end_of_the_server_is_told() {
    let mut server = Server::new();
    let mut tty = Tty::open(&server, "sam", "xterm", &["-tt"], &[]);
    tty.wait_for("Sam Field");
    assert!(server.registry.close("The server is going down.", None));
    tty.wait_for_bytes("The server is going down.");
    assert_eq!(tty.ends(), 0);
    server.door.take().unwrap().close();
    assert_eq!(server.registry.count(), 0);
}
