//! Promotions, rollbacks, comparisons, and copies of all spaces.

use nocturne_index::Error;

use super::lab::{Lab, on_each_store};
use super::{dump, events, name, simulate};
use crate::bundles::shipped;
use crate::program::{run, text};

on_each_store!(
    promotion_switches_to_another_bundle_and_rollback_switches_back,
    promotion_detects_a_night_indexed_after_the_backfill,
    missing_bundle_of_the_served_space_is_named,
    comparison_finds_differences_only_between_different_bundles,
    spaces_are_backed_up_and_verified_together,
    copy_contains_the_served_space_and_records_its_bundle,
    backfill_rejects_the_served_space_and_another_bundle,
);

fn promotion_switches_to_another_bundle_and_rollback_switches_back(lab: &Lab) {
    let collection = lab.collection();
    let (before, entries) = (dump(&collection), lab.entries("main"));
    let output = lab.space(&["create", "v2", "--bundle", text(&lab.bundle)]).expect_code(0);
    let next = format!("next: nocturne space backfill v2 --collection {collection}");
    assert!(output.stdout.contains(&next), "{}", output.stdout);
    let output = lab.space(&["promote", "v2", "--no-compare"]).expect_code(1);
    let expected = "the space `v2` differs from `main`: 3 recordings missing, 0 extra, 0 changed";
    assert_eq!(output.error(), expected);
    let lines = lab.space(&["backfill", "v2", "--json"]).expect_code(0).json_lines();
    assert_eq!(events(&lines, "acknowledged").len(), 3);
    // The vectors are the same as after indexing with the second bundle.
    assert_eq!(lab.dump_of_v2(), lab.dump_of_other());
    let again = lab.space(&["backfill", "v2", "--json"]).expect_code(0).json_lines();
    assert_eq!(events(&again, "summary")[0]["unchanged"], 3);

    let lines = lab.space(&["promote", "v2", "--json"]).expect_code(0).json_lines();
    assert_eq!(lines[0]["coverage"]["n_same"], 3);
    assert_eq!((&lines[1]["event"], &lines[1]["space"]), (&"promoted".into(), &"v2".into()));
    assert_eq!(dump(&collection), lab.dump_of_v2());
    // Queries and new recordings are embedded with the bundle of the served space.
    let output = run(["search", "deep sleep", "-c", &collection, "--json"]).expect_code(0);
    assert!(output.stderr.contains("encoder: nocturne-other on "), "{}", output.stderr);
    simulate(&lab.nights, 4, 1);
    run(["index", text(&lab.nights), "-c", &collection]).expect_code(0);
    assert_eq!(lab.dump_of_v2().lines().count(), 4 * 24);
    assert_eq!(lab.entries("main"), entries);
    let output = run(["list", "-c", &collection]).expect_code(0);
    assert!(output.stdout.contains("bundle nocturne-other, space v2 of 2"), "{}", output.stdout);

    let output = lab.space(&["rollback", "--json"]).expect_code(0).json();
    assert_eq!(output["coverage"]["missing"], serde_json::json!(["night-0004"]));
    assert_eq!(dump(&collection), before);
    let output = lab.space(&["drop", "main"]).expect_code(1);
    assert!(output.error().starts_with("the space `main` is the one that `"), "{}", output.error());
    let hint = "hint: promote another space first with `nocturne space promote NAME`";
    assert!(output.stderr.contains(hint), "{}", output.stderr);
    lab.space(&["drop", "v2"]).expect_code(0);
    assert!(!lab.has_files_of("v2"));
    let listed = lab.space(&["list", "--json"]).expect_code(0).json_lines();
    assert_eq!((listed.len(), &listed[0]["served"]), (1, &true.into()));
}

fn promotion_detects_a_night_indexed_after_the_backfill(lab: &Lab) {
    lab.create_and_backfill();
    simulate(&lab.nights, 4, 1);
    lab.index(&lab.collection(), &shipped()).expect_code(0);
    let output = lab.space(&["promote", "v2"]).expect_code(1);
    assert!(output.error().contains("1 recordings missing"), "{}", output.error());
    assert!(output.stdout.contains("1, 24 epochs: night-0004"), "{}", output.stdout);
    lab.space(&["backfill", "v2"]).expect_code(0);
    lab.space(&["promote", "v2"]).expect_code(0);
    assert_eq!(dump(&lab.collection()), lab.dump_of_other());
}

fn missing_bundle_of_the_served_space_is_named(lab: &Lab) {
    lab.create_and_backfill();
    lab.space(&["promote", "v2", "--no-compare"]).expect_code(0);
    let moved = lab.path("moved");
    std::fs::rename(&lab.bundle, &moved).unwrap();
    let collection = lab.collection();
    let search = ["search", "deep sleep", "-c", &collection];
    let output = run(search).expect_code(1);
    let start = "cannot find the bundle `nocturne-other` (";
    assert!(output.error().starts_with(start), "{}", output.error());
    assert!(output.error().contains("pass it with `--bundle DIR`"), "{}", output.error());
    run(search.iter().chain(&["--bundle", text(&moved)])).expect_code(0);
}

fn comparison_finds_differences_only_between_different_bundles(lab: &Lab) {
    lab.create("same", &shipped());
    lab.create("v2", &lab.bundle);
    let compare = |second: &str| {
        lab.space(&["backfill", second]).expect_code(0);
        lab.space(&["compare", "main", second, "--json", "--sample", "40"]).expect_code(0).json()
    };
    let same = compare("same");
    assert_eq!(same["coverage"]["n_same"], 3);
    assert_eq!(same["neighbours"]["mean_overlap"], 1.0);
    assert_eq!(same["labels"]["between"]["kappa"], 1.0);
    assert_eq!(same["labels"]["first_scored"], same["labels"]["second_scored"]);
    assert_eq!(same["labels"]["first_scored"]["n_epochs"], 72);
    let other = compare("v2");
    assert!(other["neighbours"]["mean_overlap"].as_f64().unwrap() < 1.0, "{other}");
    assert!(other["labels"]["between"]["kappa"].as_f64() < Some(1.0), "{other}");
    assert_eq!(other["labels"]["first_scored"], same["labels"]["first_scored"]);
}

fn spaces_are_backed_up_and_verified_together(lab: &Lab) {
    lab.create_and_backfill();
    lab.space(&["promote", "v2", "--no-compare"]).expect_code(0);
    // The backup of either is a folder, from which either can be restored.
    let (backup, restored) = (lab.path("backup"), lab.place("restored"));
    run(["backup", &lab.collection(), text(&backup)]).expect_code(0);
    run(["restore", text(&backup), &restored]).expect_code(0);
    assert_eq!(dump(&restored), lab.dump_of_v2());
    let spaces = Lab::quick(&restored).spaces().unwrap();
    assert_eq!(spaces.serving().unwrap(), lab.spaces().serving().unwrap());
    assert_eq!(spaces.names().unwrap(), [name("main"), name("v2")]);
    let output = run(["verify", &restored]).expect_code(0);
    let stdout = &output.stdout;
    assert!(stdout.contains("space main: night-0001: 24 epochs, intact"), "{stdout}");
    assert!(stdout.contains("\nnight-0001: 24 epochs, intact"), "{stdout}");
    lab.damage_main("restored");
    let output = run(["verify", &restored]).expect_code(1);
    assert!(output.stdout.contains("space main: night-000"), "{}", output.stdout);
}

fn copy_contains_the_served_space_and_records_its_bundle(lab: &Lab) {
    lab.create_and_backfill();
    lab.space(&["promote", "v2", "--no-compare"]).expect_code(0);
    let (copy, back) = (lab.path("copy"), lab.place("back"));
    run(["copy", &lab.collection(), "--into", text(&copy)]).expect_code(0);
    run(["copy", text(&copy), "--into", &back]).expect_code(0);
    for place in [text(&copy), &back] {
        assert_eq!(dump(place), lab.dump_of_v2());
        let output = run(["search", "deep sleep", "-c", place]).expect_code(0);
        assert!(output.stderr.contains("encoder: nocturne-other on "), "{}", output.stderr);
    }
}

fn backfill_rejects_the_served_space_and_another_bundle(lab: &Lab) {
    let output = lab.space(&["backfill", "main"]).expect_code(1);
    assert!(output.error().starts_with("the space `main` is the one that `"), "{}", output.error());
    lab.create("v2", &lab.bundle);
    let output = lab.space(&["backfill", "v2", "--bundle", text(&shipped())]).expect_code(1);
    assert!(output.error().contains("was filled with the bundle `nocturne-other`"));
    lab.space(&["backfill", "v3"]).expect_code(1);
    lab.space(&["backfill", "V3"]).expect_code(2);
    let error = lab.spaces().reader(&name("v3")).unwrap_err();
    assert!(matches!(error, Error::UnknownSpace { .. }), "{error}");
}
