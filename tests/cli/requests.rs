//! Requests and decisions.

use serde_json::json;

use crate::Shelter;

#[test]
fn requests_are_taken_and_decided() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso", "--tag", "M1"]);
    shelter.ok(&["users", "add", "ana", "--full-name", "Ana Example", "--no-password"]);
    let first = shelter.json(&["requests", "take", "M1", "--user", "ana", "--notes", "A garden."]);
    assert_eq!(
        (&first["id"], &first["cat"], &first["username"], &first["status"], &first["place"], &first["notes"]),
        (&json!(1), &json!(1), &json!("ana"), &json!("pending"), &json!(1), &json!("A garden."))
    );
    let second = shelter.json(&["requests", "take", "M1", "--new", "bo", "--email", "bo@example.org"]);
    assert_eq!((&second["user_name"], &second["email"]), (&json!("bo"), &json!("bo@example.org")));
    shelter.fails(4, &["requests", "take", "M1", "--user", "ana"]);
    shelter.fails(2, &["requests", "take", "M1"]);
    shelter.fails(2, &["requests", "take", "M1", "--user", "ana", "--phone", "123"]);

    let preview = shelter.ok(&["requests", "approve", "1", "--preview"]).out;
    assert_eq!(preview, "Approve Ana Example for Miso.\n1 other waits.\nMiso becomes Pending.\n");
    let status = |id: &str| shelter.json(&["requests", "show", id])["status"].clone();
    assert_eq!(status("1"), "pending");

    let out_of_order = shelter.fails(3, &["requests", "approve", "2"]);
    assert!(out_of_order.contains("--reason"), "{out_of_order}");
    shelter.ok(&["requests", "ask", "1", "--reason", "Who else lives there?"]);
    assert_eq!(shelter.json(&["requests", "show", "1"])["awaiting_reply"], true);
    let approved = shelter.json(&["requests", "approve", "1"]);
    assert_eq!((&approved["status"], &approved["cat_status"]), (&json!("approved"), &json!("pending")));
    assert_eq!(approved["decision"]["by"], "console");
    assert_eq!(status("2"), "waitlisted");
    shelter.fails(4, &["requests", "approve", "2", "--reason", "in a hurry"]);
    shelter.fails(3, &["requests", "fall-through", "1"]);
    shelter.ok(&["requests", "fall-through", "1", "--reason", "moved away"]);
    assert_eq!(status("2"), "pending");
    shelter.ok(&["requests", "reopen", "1"]);
    shelter.ok(&["requests", "withdraw", "1"]);
    assert_eq!(status("1"), "withdrawn");
    shelter.fails(3, &["requests", "reject", "2"]);
    shelter.ok(&["requests", "approve", "2"]);
    let done = shelter.ok(&["requests", "complete", "2"]).out;
    assert!(done.contains("Miso is adopted by bo.") && done.contains("Miso becomes Adopted."), "{done}");
    assert_eq!(shelter.json(&["cats", "show", "1"])["status"], "adopted");
    shelter.ok(&["undo"]);
    assert_eq!(status("2"), "approved");

    let list = |args: &[&str]| {
        let args: Vec<&str> = ["requests", "list"].iter().chain(args).copied().collect();
        let ids: Vec<u64> = shelter.json(&args).as_array().unwrap().iter().map(|r| r["id"].as_u64().unwrap()).collect();
        ids
    };
    assert_eq!(list(&[]), [1, 2]);
    assert_eq!(list(&["--status", "approved"]), [2]);
    assert_eq!(list(&["--user", "ana"]), [1]);
    assert_eq!(list(&["status:closed", "cat:miso"]), [1]);
    let table = shelter.ok(&["requests", "list"]).out;
    assert!(table.lines().next().unwrap().starts_with("ID  CAT   APPLICANT"), "{table}");
    let card = shelter.ok(&["requests", "show", "1"]).out;
    assert!(card.contains("Who else lives there?") && card.contains("Withdrawn"), "{card}");
    shelter.fails(6, &["requests", "show", "9"]);
    shelter.fails(3, &["requests", "show", "first"]);
}

#[test]
fn rejecting_needs_a_reason_and_keeps_it() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso"]);
    shelter.ok(&["requests", "take", "1", "--new", "bo"]);
    let rejected = shelter.json(&["requests", "reject", "1", "--reason", "no \u{1b}[31mreply"]);
    assert_eq!(rejected["decision"]["reason"], "no [31mreply");
    shelter.fails(4, &["requests", "reject", "1", "--reason", "again"]);
}

#[test]
fn a_stale_revision_is_a_conflict() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso"]);
    shelter.ok(&["cats", "edit", "1", "--rev", "1", "--colour", "black"]);
    let err = shelter.fails(5, &["cats", "edit", "1", "--rev", "1", "--colour", "white"]);
    assert!(err.contains("console") && err.contains("colour"), "{err}");
    shelter.ok(&["requests", "take", "1", "--new", "bo"]);
    shelter.ok(&["requests", "ask", "1", "--reason", "why?", "--rev", "1"]);
    shelter.fails(5, &["requests", "approve", "1", "--rev", "1"]);
    shelter.fails(5, &["users", "edit", "bo", "--phone", "123", "--rev", "7"]);
}
