//! Several people at once.

use crate::{limit::Started, shelter::Shelter};

fn marked(text: &str) -> String {
    text.lines().find(|line| line.starts_with('►')).unwrap_or_default().to_owned()
}

#[test]
fn what_one_changes_shows_at_the_others_without_moving_their_mark() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Olive"]);
    let server = shelter.server();
    let mut ada = shelter.person("ada");
    let mut sam = shelter.person("sam");
    ada.keys("2").sees("Olive").keys("/sort:name\r").sees("Miso").keys("G");
    ada.wait("the mark on Olive", |text| marked(text).contains("Olive"));
    sam.keys("2").sees("Miso");
    shelter.ok(&["cats", "add", "Biscuit"]);
    // A frame arrives in pieces.
    ada.wait("Biscuit, and the mark on Olive", |text| text.contains("Biscuit") && marked(text).contains("Olive"));
    sam.sees("Biscuit");
    ada.keys("q").keys("\x11");
    assert_eq!(ada.end().0, 0);
    server.stop();
}

#[test]
fn what_is_being_typed_stays_while_others_change_things() {
    let shelter = Shelter::new();
    let server = shelter.server();
    let mut sam = shelter.person("sam");
    sam.keys("2").sees("Miso").keys("n").sees("New cat").keys("Half a na");
    sam.sees("Half a na");
    shelter.ok(&["cats", "add", "Biscuit"]);
    sam.keys("me").sees("Half a name");
    server.stop();
}

#[test]
fn a_lock_and_a_role_count_at_once() {
    let shelter = Shelter::new();
    let server = shelter.server();
    let mut ada = shelter.person("ada");
    let mut sam = shelter.person("sam");
    shelter.ok(&["users", "role", "sam", "user"]);
    sam.sees("An admin changed your role").sees("(user)");
    shelter.ok(&["users", "lock", "sam", "--reason", "holidays"]);
    sam.sees("holidays").sees("Sign in");
    ada.sees("Home");
    server.stop();
}

#[test]
fn an_admin_sees_who_is_on_and_ends_a_session() {
    let shelter = Shelter::new();
    let server = shelter.server();
    let sam = shelter.person("sam");
    let mut ada = shelter.person("ada");
    ada.keys("W").sees("Sessions").sees("Socket").sees("sam").sees("this one").sees("uid ");
    ada.keys("g").keys("x").sees("End this session?").keys("\r").keys("y");
    ada.sees("The session of sam (Socket, uid ").sees("told to end");
    ada.wait("one session", |text| !text.contains("sam  "));
    let (code, said) = sam.end();
    assert_eq!(code, 0);
    assert!(said.contains("An admin ended this session. What was saved is safe."), "{said:?}");
    ada.keys("8").sees("Ended a session").sees("Signed in");
    let log = shelter.log();
    let ended = log.iter().find(|entry| entry["action"] == "end-session").unwrap();
    assert_eq!((ended["who"].as_str(), ended["door"].as_str()), (Some("ada"), Some("socket")));
    assert_eq!(ended["address"].as_str(), Some(&*shelter.uid()));
    assert_eq!(ended["note"].as_str(), Some(&*format!("sam (Socket, {})", shelter.uid())));
    server.stop();
}

#[test]
fn the_log_tells_who_came_through_which_door_and_what_they_did_there() {
    let shelter = Shelter::new();
    // The first window opens the store itself, the second one comes through its socket.
    let mut ada = shelter.person("ada");
    let mut sam = shelter.person("sam");
    for window in [&mut ada, &mut sam] {
        window.keys("2").sees("Miso").keys("\r").sees("Miso").keys("m").sees("favourite");
    }
    shelter.ok(&["cats", "add", "Olive"]);
    let uid = shelter.uid();
    let log = shelter.log();
    for (who, action, door, address) in [
        ("ada", "sign-in", "local", None),
        ("ada", "edit-user", "local", None),
        ("sam", "sign-in", "socket", Some(&*uid)),
        ("sam", "edit-user", "socket", Some(&*uid)),
        ("console", "add-cat", "socket", Some(&*uid)),
    ] {
        let found = log.iter().find(|entry| entry["who"] == who && entry["action"] == action);
        let found = found.unwrap_or_else(|| panic!("{who} {action} is not in {log:?}"));
        assert_eq!((found["door"].as_str(), found["address"].as_str()), (Some(door), address), "{who} {action}");
    }
    let sign_ins = |entries: &[serde_json::Value]| entries.iter().filter(|e| e["action"] == "sign-in").count();
    assert_eq!(sign_ins(&log), 2);
    // Undo takes the last change back, not the coming in after it.
    sam.keys("u").sees("Changed an account");
}

#[test]
fn sessions_are_listed_and_ended_from_the_console() {
    let shelter = Shelter::new();
    let alone = shelter.run(&["sessions", "list"]);
    assert_eq!((alone.code, &*alone.out), (0, ""));
    assert_eq!(alone.err, "No Clowder serves this store now, so there are no sessions.\n");
    assert_eq!(shelter.ok(&["sessions", "list", "--json"]), "[]\n");
    let alone = shelter.run(&["sessions", "end", "1"]);
    assert!(alone.code == 1 && alone.err.contains("no Clowder serves this store now"), "{}", alone.err);
    let server = shelter.server();
    let sam = shelter.person("sam");
    let list: serde_json::Value = serde_json::from_str(&shelter.ok(&["sessions", "list", "--json"])).unwrap();
    let find = |key: &str, value: serde_json::Value| list.as_array().unwrap().iter().find(|s| s[key] == value).cloned();
    let (his, own) = (find("name", "sam".into()).unwrap(), find("this", true.into()).unwrap());
    assert_eq!((his["door"].as_str(), his["address"].as_str()), (Some("socket"), Some(&*shelter.uid())));
    assert_eq!(own["command"].as_str(), Some("sessions list"));
    let table = shelter.ok(&["sessions", "list"]);
    assert!(table.starts_with("ID") || table.contains("NAME"), "{table}");
    assert!(table.contains("sam") && table.contains("(this one)"), "{table}");
    let missing = shelter.run(&["sessions", "end", "9999"]);
    assert!(missing.code != 0 && missing.err.contains("there is no session 9999"), "{}", missing.err);
    let id = his["id"].to_string();
    let said = shelter.ok(&["sessions", "end", &id]);
    assert!(said.contains("The session of sam (Socket, uid "), "{said}");
    let (code, said) = sam.end();
    assert!(code == 0 && said.contains("An admin ended this session."), "{said:?}");
    assert_eq!(shelter.log()[0]["action"], "end-session");
    server.stop();
}

#[test]
fn whoever_opened_the_store_lets_others_join_and_is_told_before_they_are_ended() {
    let shelter = Shelter::new();
    let mut owner = shelter.person("ada");
    let mut guest = shelter.person("sam");
    shelter.ok(&["cats", "add", "Biscuit"]);
    guest.keys("2").sees("Biscuit");
    owner.keys("\x11").sees("Quit, and end the sessions of others?").sees("sam (Socket, uid ");
    owner.keys("\x1b").wait("the question gone", |text| !text.contains("Quit, and"));
    owner.keys("\x11").sees("Quit, and").keys("y");
    assert_eq!(owner.end().0, 0);
    let (code, said) = guest.end();
    assert_eq!(code, 0);
    assert!(said.contains("The Clowder that held the store was closed."), "{said:?}");
    assert!(!shelter.socket().exists());
    assert!(shelter.data().join("clean").exists());
}

#[test]
fn of_those_who_start_at_once_one_opens_and_the_others_join() {
    let shelter = Shelter::new();
    let mut windows: Vec<_> = (0..4).map(|_| shelter.window(&[])).collect();
    for window in &mut windows {
        window.sees("Sign in");
    }
    let commands: Vec<_> =
        (0..4).map(|n| Started::new(&mut shelter.command(&["cats", "add", &format!("Cat {n}")]))).collect();
    for mut command in commands {
        assert!(command.end().success());
    }
}

#[test]
fn commands_that_start_at_once_take_their_turns() {
    let shelter = Shelter::new();
    let commands: Vec<_> =
        (0..3).map(|n| Started::new(&mut shelter.command(&["cats", "add", &format!("Cat {n}")]))).collect();
    for mut command in commands {
        assert!(command.end().success());
    }
    assert!(shelter.ok(&["stats"]).contains("Cats             4"));
}

#[test]
fn a_new_size_of_the_window_arrives() {
    let shelter = Shelter::new();
    let server = shelter.server();
    let mut sam = shelter.person("sam");
    sam.resize(40, 12);
    // A tail of the footer that only fits where there is room is gone, and the rest is drawn anew.
    sam.wait("a narrow screen", |text| text.lines().all(|line| line.chars().count() <= 40) && text.contains("Home"));
    server.stop();
}
