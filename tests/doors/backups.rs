//! Backups by a server: made by itself, and sent through its doors.

use std::{fs, process::Command};

use crate::{
    limit::output,
    shelter::{Shelter, ssh},
};

/// The last commits of the backups that there are, newest first.
fn shelf(shelter: &Shelter) -> Vec<u64> {
    let list: serde_json::Value = serde_json::from_str(&shelter.ok(&["backup", "list", "--json"])).unwrap();
    list.as_array().unwrap().iter().map(|backup| backup["commit"].as_u64().unwrap()).collect()
}

#[test]
fn a_server_makes_one_after_its_start_and_at_its_end_when_there_were_changes() {
    let shelter = Shelter::new();
    let mut server = shelter.server();
    server.logs("backup made");
    server.stop();
    assert_eq!(shelf(&shelter), [3]);
    // No change, and then one within the hour: none at either time.
    shelter.server().stop();
    let server = shelter.server();
    shelter.ok(&["cats", "add", "Olive"]);
    server.stop();
    assert_eq!(shelf(&shelter), [3]);

    fs::remove_dir_all(shelter.data().join("backups")).unwrap();
    shelter.settings("[backup]\non_start = false\n");
    let server = shelter.server();
    server.signal("TERM");
    let (code, said) = server.last_words();
    assert_eq!(code, Some(0));
    assert_eq!(said.matches("backup made").count(), 1, "{said}");
    assert_eq!(shelf(&shelter), [4]);
}

#[test]
fn one_that_is_sent_through_a_door_is_whole() {
    let shelter = Shelter::new();
    let (ada, sam) = (shelter.key("ada", &["ed25519"]), shelter.key("sam", &["ed25519"]));
    let server = shelter.server_with_ssh();
    let sent = |mut command: Command, name: &str| {
        let output = output(&mut command);
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{err}");
        assert!(err.contains("Backup written to standard output: 1 cat, 2 accounts"), "{err}");
        fs::write(shelter.path(name), output.stdout).unwrap();
    };
    sent(shelter.command(&["backup", "-"]), "socket.backup");
    sent(ssh(&server, &ada, "ada", &["backup", "-"]), "ssh.backup");
    let refused = output(&mut ssh(&server, &sam, "sam", &["backup", "-"]));
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(7), 0));
    server.stop();
    for name in ["socket.backup", "ssh.backup"] {
        let said = shelter.ok(&["backup", "verify", name]);
        assert!(said.contains("is whole: every value was opened and read."), "{said}");
    }
    shelter.ok(&["restore", "--from", "ssh.backup", "--yes"]);
    assert!(shelter.ok(&["cats", "list"]).contains("Miso"));
}
