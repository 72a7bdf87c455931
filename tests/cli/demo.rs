//! The demo, on a terminal of its own.

use std::{
    fs,
    io::{Read, Write as _},
    process::{Command, Stdio},
};

use super::limit::{Started, within};

#[test]
fn the_demo_shows_a_shelter_and_leaves_nothing_behind() {
    let room = tempfile::tempdir().unwrap();
    let left = || fs::read_dir(room.path()).unwrap().count();
    // `script` runs the program on a terminal of its own.
    let mut script = Command::new("script");
    script
        .args(["-qec", &format!("'{}' demo", env!("CARGO_BIN_EXE_clowder")), "/dev/null"])
        .env("TMPDIR", room.path())
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut script = Started::new(&mut script);
    let mut output = script.0.stdout.take().unwrap();
    let mut seen = Vec::new();
    within(script.pid(), "the demo", || {
        while !String::from_utf8_lossy(&seen).contains("Demo Admin") {
            let mut bytes = [0; 4096];
            let n = output.read(&mut bytes).unwrap();
            assert_ne!(n, 0, "it ended: {}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&bytes[..n]);
        }
    });
    assert_eq!(left(), 1);
    let ctrl_q = [0x11];
    let mut input = script.0.stdin.take().unwrap();
    input.write_all(&ctrl_q).unwrap();
    input.flush().unwrap();
    within(script.pid(), "the demo", || output.read_to_end(&mut seen).unwrap());
    assert!(script.end().success(), "{}", String::from_utf8_lossy(&seen));
    assert_eq!(left(), 0);
}
