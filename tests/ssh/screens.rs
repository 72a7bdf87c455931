//! The screens through the door: terminals, keys, sizes.

use crate::support::{Server, Session, Tty, block_on, sign_in, text, wait_for};

#[test]
fn straight_to_home_and_every_sort_of_key_arrives() {
    let server = Server::new();
    let mut tty = Tty::open(&server, "sam", "xterm-256color", &["-tt"], &[]);
    tty.wait_for("Sam Field (staff)");
    assert_eq!(server.registry.list()[0].who.as_ref().unwrap().name, "Sam Field");
    // A palette by an F-key would be one more name for it: help by "?", cats by name, arrows, Escape, Alt.
    tty.keys("?").wait_for("Everywhere").keys("\x1b").wait_gone("Everywhere");
    tty.keys(":cats\r").wait_for("Miso");
    tty.keys("\x1b[B\x1bOB").wait_for("Clementine");
    tty.keys("\x1b[15~\x1b[[A\x1bx");
    tty.resize(120, 40).wait_for("Miso");
    let paste = "long ".repeat(1229);
    tty.keys("/").keys(&format!("\x1b[200~{paste}\x1b[201~")).wait_for("long long");
    tty.keys("\x15").wait_for("Miso").keys("\x03");
    assert_eq!(tty.ends(), 0);
    tty.wait_for_bytes("\x1b[?1049l");
    wait_for("the session's end", || server.registry.count() == 0);
}

#[test]
fn each_terminal_gets_what_it_can_show() {
    let server = Server::new();
    for term in ["linux", "xterm", "vt100", "xterm-256color"] {
        let mut tty = Tty::open(&server, "uma", term, &["-tt"], &[]);
        tty.wait_for("Uma Stone").keys("\x03");
        assert_eq!(tty.ends(), 0, "{term}");
        let said = text(&tty.bytes());
        assert_eq!(said.contains("\x1b[?1049h"), term != "linux", "{term}");
    }
    let mut tty = Tty::open(&server, "uma", "dumb", &["-tt"], &[]);
    tty.wait_for("TERM=dumb");
    assert_eq!(tty.ends(), 2);
    assert!(tty.screen().trim().lines().count() <= 2, "{}", tty.screen());
}

#[test]
fn colours_go_where_they_are_not_wanted() {
    let server = Server::new();
    let coloured = |bytes: &[u8]| text(bytes).split("\x1b[").any(|s| s.starts_with("3") && s.contains('m'));
    let mut plain = Tty::open(&server, "uma", "xterm", &["-tt", "-o", "SetEnv=NO_COLOR=1"], &[]);
    plain.wait_for("Uma Stone").keys("\x03");
    plain.ends();
    let mut bright = Tty::open(&server, "uma", "xterm", &["-tt"], &[]);
    bright.wait_for("Uma Stone").keys("\x03");
    bright.ends();
    let foreground = |bytes: &[u8]| {
        let text = text(bytes);
        let sequences = text.split("\x1b[").filter_map(|s| s.split_once('m')).map(|(s, _)| s.to_owned());
        sequences
            .flat_map(|s| s.split(';').map(str::to_owned).collect::<Vec<_>>())
            .any(|n| n.parse::<u8>().is_ok_and(|n| (30..=37).contains(&n) || (90..=97).contains(&n)))
    };
    assert!(!foreground(&plain.bytes()));
    assert!(foreground(&bright.bytes()) || coloured(&bright.bytes()));
}

#[test]
fn a_command_on_a_terminal_has_its_line_ends() {
    let server = Server::new();
    let mut tty = Tty::open(&server, "sam", "xterm", &["-tt"], &["cats", "list"]);
    assert_eq!(tty.ends(), 0);
    tty.wait_for("Miso");
    let said = text(&tty.bytes());
    assert_eq!(said.matches('\n').count(), said.matches("\r\n").count());
}

#[test]
fn windows_from_nothing_to_absurd() {
    let server = Server::new();
    block_on(async {
        let handle = sign_in(&server, "uma").await;
        for size in [(0, 0), (1, 1), (65_535, 65_535), (u32::MAX, 1), (80, 24)] {
            let mut session = Session::open(&handle, "xterm-256color", size).await;
            while session.output.is_empty() {
                assert!(session.next().await);
            }
            for other in [(65_536, 65_536), (1, 1), (0, 0), (20, 4)] {
                session.resize(other.0, other.1).await;
            }
            session.keys(b"\x03").await;
            session.ends().await;
            assert_eq!(session.code, Some(0), "{size:?}");
        }
    });
}

#[test]
fn what_is_typed_may_be_cut_anywhere() {
    let server = Server::new();
    block_on(async {
        let handle = sign_in(&server, "sam").await;
        let mut session = Session::open(&handle, "xterm-256color", (80, 24)).await;
        session.wait_for("Sam Field").await;
        let typed = ":cats\r\x1b[B\x1bOA/三毛";
        for byte in typed.as_bytes() {
            session.keys(&[*byte]).await;
        }
        session.wait_for("三毛").await;
        session.keys(b"\r").await;
        while session.screen().contains("Miso") {
            assert!(session.next().await);
        }
        session.keys(b"\x03").await;
        session.ends().await;
        assert_eq!(session.code, Some(0));
    });
}

#[test]
fn what_one_changes_shows_on_the_screen_of_another() {
    let server = Server::new();
    block_on(async {
        let handle = sign_in(&server, "sam").await;
        let mut session = Session::open(&handle, "xterm-256color", (80, 24)).await;
        session.wait_for("Sam Field").await.keys(b":cats\r").await.wait_for("Miso").await;
        let other = sign_in(&server, "ada").await;
        let channel = other.channel_open_session().await.unwrap();
        let id = server.shelter.cats[0];
        channel.exec(true, format!("cats edit {id} --name Misette")).await.unwrap();
        session.wait_for("Misette").await;
    });
}
