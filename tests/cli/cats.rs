//! Cats, breeds and health statuses.

use serde_json::{Value, json};

use crate::{Shelter, without_times};

#[test]
fn a_cat_is_kept_as_it_was_given() {
    let shelter = Shelter::new();
    shelter.ok(&["breeds", "add", "Maine Coon", "--description", "Large."]);
    shelter.ok(&["health", "add", "Ringworm", "--prevents-adoption", "yes"]);
    let added = shelter.json(&[
        "cats",
        "add",
        "--name",
        "Miso",
        "--tag",
        "A012",
        "--breed",
        "maine coon",
        "--born",
        "2021-05",
        "--gender",
        "female",
        "--altered",
        "yes",
        "--colour",
        "grey tabby",
        "--health",
        "ringworm",
        "--description",
        "Shy.\nLikes boxes.",
        "--image-url",
        "https://example.org/miso.jpg",
        "--intake",
        "2024-02-03",
        "--intake-kind",
        "stray",
    ]);
    let mut expected = json!({
        "id": 1, "tag": "A012", "name": "Miso", "breed": "Maine Coon", "born": "2021-05", "gender": "female",
        "altered": "yes", "colour": "grey tabby", "health": "Ringworm", "status": "available", "hold_kind": null,
        "hold_reason": null, "hold_until": null, "outcome": null, "requests": 0, "in_foster": false,
        "archived": false, "description": "Shy.\nLikes boxes.", "image_url": "https://example.org/miso.jpg",
        "rev": 1, "queue": [],
        "stays": [{"intake_date": "2024-02-03", "intake_kind": "stray", "outcome_date": null, "outcome_kind": null,
                   "fosters": []}],
    });
    let mut plain = without_times(added);
    let days = plain["stays"][0].as_object_mut().unwrap().remove("days").unwrap();
    assert_eq!(plain.as_object_mut().unwrap().remove("waiting_days"), Some(days));
    assert!(plain.as_object_mut().unwrap().remove("age").unwrap().is_string());
    assert_eq!(plain, expected);

    let edited = shelter.json(&["cats", "edit", "a012", "--colour", "silver", "--born", ""]);
    for (field, value) in [("colour", json!("silver")), ("born", Value::Null), ("rev", json!(2))] {
        assert_eq!(edited[field], value);
        expected[field] = value;
    }
    assert_eq!(edited["age"], Value::Null);
    assert_eq!(edited["description"], expected["description"]);

    // A list has the same objects, without the queue.
    let mut shown = shelter.json(&["cats", "show", "1"]);
    shown.as_object_mut().unwrap().remove("queue");
    assert_eq!(shelter.json(&["cats", "list"]), json!([shown]));

    let same = shelter.ok(&["cats", "edit", "1", "--colour", "silver"]);
    assert!(same.out.contains("like that already"), "{}", same.out);
    let card = shelter.ok(&["cats", "show", "tag:A012"]).out;
    assert!(card.contains("Maine Coon") && card.contains("2024-02-03"), "{card}");
}

#[test]
fn what_is_unknown_is_null_and_nothing_is_invented() {
    let shelter = Shelter::new();
    let cat = shelter.json(&["cats", "add", "--tag", "X1"]);
    for field in ["name", "breed", "born", "age", "colour", "health", "waiting_days", "description", "image_url"] {
        assert_eq!(cat[field], Value::Null, "{field}");
    }
    assert_eq!((&cat["gender"], &cat["altered"]), (&json!("unknown"), &json!("unknown")));
    assert_eq!(cat["stays"], json!([]));
}

#[test]
fn lists_are_filtered_by_options_and_by_the_query_line() {
    let shelter = Shelter::new();
    shelter.ok(&["breeds", "add", "Maine Coon"]);
    shelter.ok(&["cats", "add", "Miso", "--breed", "Maine Coon", "--intake", "-90d"]);
    shelter.ok(&["cats", "add", "Mochi", "--intake", "-10d"]);
    shelter.ok(&["cats", "add", "Tofu", "--status", "on-hold", "--hold", "medical", "--intake", "-5d"]);
    let names = |args: &[&str]| -> Vec<String> {
        let args: Vec<&str> = ["cats", "list"].iter().chain(args).copied().collect();
        let list = shelter.json(&args);
        list.as_array().unwrap().iter().map(|cat| cat["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&[]), ["Miso", "Mochi", "Tofu"]);
    assert_eq!(names(&["--status", "available"]), ["Miso", "Mochi"]);
    assert_eq!(names(&["--status", "on-hold,pending"]), ["Tofu"]);
    assert_eq!(names(&["--breed", "coon"]), ["Miso"]);
    assert_eq!(names(&["--breed", "none", "--limit", "1"]), ["Mochi"]);
    assert_eq!(names(&["breed:maine coon"]), ["Miso"]);
    assert_eq!(names(&["status:available waiting>60d"]), ["Miso"]);
    assert_eq!(names(&["--sort", "newest"]), ["Tofu", "Mochi", "Miso"]);
    assert_eq!(names(&["mo"]), ["Mochi"]);
    let none = shelter.ok(&["cats", "list", "nobody"]);
    assert_eq!((none.out.as_str(), none.err.as_str()), ("", "No cat matches.\n"));
    let wrong = shelter.fails(3, &["cats", "list", "status:lost", "age<x"]);
    assert!(wrong.contains("status:lost") && wrong.contains("age<x"), "{wrong}");
}

#[test]
fn a_cat_leaves_and_comes_back() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso", "--intake", "-30d"]);
    let edit = |args: &[&str]| {
        let args: Vec<&str> = ["cats", "edit", "1"].iter().chain(args).copied().collect();
        shelter.json(&args)
    };
    let held = edit(&["--hold", "quarantine", "--hold-reason", "ten days", "--hold-until", "2026-01-02"]);
    assert_eq!(
        (&held["status"], &held["hold_kind"], &held["hold_reason"], &held["hold_until"]),
        (&json!("on-hold"), &json!("quarantine"), &json!("ten days"), &json!("2026-01-02"))
    );
    assert_eq!(edit(&["--hold-reason", "twelve days"])["hold_kind"], "quarantine");
    assert_eq!(edit(&["--status", "available"])["hold_kind"], Value::Null);
    assert_eq!(edit(&["--foster-out", "-20d"])["in_foster"], true);
    assert_eq!(edit(&["--foster-back", "-19d"])["stays"][0]["fosters"].as_array().unwrap().len(), 1);
    let left = edit(&["--outcome", "returned-to-owner", "--outcome-date", "-15d"]);
    assert_eq!((&left["status"], &left["outcome"]), (&json!("departed"), &json!("returned-to-owner")));
    assert_eq!(left["waiting_days"], Value::Null);
    shelter.fails(4, &["cats", "edit", "1", "--status", "available"]);
    assert_eq!(edit(&["--archived", "yes"])["archived"], true);
    assert_eq!(shelter.json(&["cats", "list"]), json!([]));
    assert_eq!(shelter.json(&["cats", "list", "--archived"]).as_array().unwrap().len(), 1);
    let back = edit(&["--return", "-3d"]);
    assert_eq!((&back["status"], &back["waiting_days"]), (&json!("available"), &json!(3)));
    assert_eq!(back["stays"].as_array().unwrap().len(), 2);
    assert_eq!(edit(&["--status", "adopted"])["outcome"], "adoption");
    shelter.fails(4, &["cats", "edit", "1", "--status", "pending"]);
    shelter.fails(3, &["cats", "edit", "1", "--status", "departed"]);
    shelter.fails(2, &["cats", "edit", "1", "--status", "available", "--hold", "medical"]);
    shelter.fails(2, &["cats", "edit", "1"]);
}

#[test]
fn breeds_and_health_statuses() {
    let shelter = Shelter::new();
    let breed = shelter.json(&["breeds", "add", "Siamese", "--description", "Talks."]);
    assert_eq!(breed, json!({"id": 1, "name": "Siamese", "description": "Talks.", "cats": 0, "rev": 1}));
    shelter.fails(3, &["breeds", "add", "siamese"]);
    shelter.ok(&["cats", "add", "Miso", "--breed", "Siamese"]);
    assert_eq!(shelter.json(&["breeds", "edit", "siamese", "--name", "Thai"])["cats"], 1);
    assert_eq!(shelter.json(&["breeds", "list"])[0]["name"], "Thai");
    assert_eq!(shelter.json(&["cats", "show", "1"])["breed"], "Thai");
    let refused = shelter.fails(2, &["breeds", "delete", "Thai"]);
    assert!(refused.contains("1 cat has it") && refused.contains("--yes"), "{refused}");
    assert_eq!(shelter.json(&["breeds", "show", "1"])["cats"], 1);
    shelter.ok(&["breeds", "delete", "Thai", "--yes"]);
    assert_eq!(shelter.json(&["cats", "show", "1"])["breed"], Value::Null);
    shelter.fails(6, &["breeds", "show", "Thai"]);

    let health = shelter.json(&["health", "add", "Healthy"]);
    assert_eq!(
        health,
        json!({"id": 1, "name": "Healthy", "description": null, "prevents_adoption": false, "cats": 0, "rev": 1})
    );
    let edited = shelter.json(&["health", "edit", "Healthy", "--prevents-adoption", "yes", "--description", "Rest."]);
    assert_eq!((&edited["prevents_adoption"], &edited["description"]), (&json!(true), &json!("Rest.")));
    assert!(shelter.ok(&["health", "list"]).out.contains("Healthy"));
    shelter.ok(&["health", "show", "healthy"]);
    shelter.ok(&["health", "delete", "1", "--yes"]);
    assert_eq!(shelter.json(&["health", "list"]), json!([]));
}

#[test]
fn nothing_is_destroyed_without_a_yes() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso"]);
    shelter.fails(2, &["cats", "delete", "1"]);
    assert_eq!(shelter.json(&["stats"])["cats"], 1);
    let done = shelter.json(&["cats", "delete", "1", "--yes"]);
    assert_eq!(done["message"], "Deleted Miso.");
    assert_eq!(shelter.json(&["stats"])["cats"], 0);
    shelter.ok(&["undo", &done["commit"].to_string()]);
    assert_eq!(shelter.json(&["cats", "show", "1"])["name"], "Miso");
    shelter.ok(&["requests", "take", "1", "--new", "bo"]);
    shelter.fails(4, &["cats", "delete", "1", "--yes"]);
    shelter.fails(4, &["users", "delete", "bo", "--yes"]);
}

#[test]
fn a_preview_changes_nothing() {
    let shelter = Shelter::new();
    shelter.ok(&["cats", "add", "Miso"]);
    shelter.ok(&["requests", "take", "1", "--new", "bo"]);
    let before = shelter.json(&["audit"]);
    let preview = shelter.ok(&["cats", "edit", "1", "--outcome", "died", "--preview"]);
    assert!(preview.out.contains("1 open request for Miso is rejected"), "{}", preview.out);
    assert_eq!(shelter.json(&["audit"]), before);
    let done = shelter.ok(&["cats", "edit", "1", "--outcome", "died"]);
    assert!(done.out.contains("1 open request for Miso is rejected"), "{}", done.out);
    assert_eq!(shelter.json(&["requests", "show", "1"])["status"], "rejected");
}
