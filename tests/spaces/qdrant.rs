//! What spaces in Qdrant have beside those in a folder: addresses of their own, and snapshots on the server.

use nocturne_testing::require;

use super::lab::Lab;
use super::{dump, simulate};
use crate::bundles::shipped;
use crate::program::{run, text};

#[test]
fn address_of_a_space_leads_to_it_whatever_is_served() {
    let lab = require!(Lab::in_qdrant());
    let before = dump(&lab.collection());
    lab.create_and_backfill();
    lab.space(&["promote", "v2", "--no-compare"]).expect_code(0);
    let main = lab.space_place("main");
    assert_eq!(dump(&main), before);
    let output = run(["search", "deep sleep", "-c", &main, "--json"]).expect_code(0);
    assert!(output.stderr.contains("encoder: nocturne-tiny on "), "{}", output.stderr);
    // A copy into a space and removals from it leave the other one alone.
    simulate(&lab.nights, 4, 1);
    let new = lab.path("new");
    lab.index(text(&new), &shipped()).expect_code(0);
    run(["copy", text(&new), "--into", &main]).expect_code(0);
    assert_eq!((lab.entries("main").len(), lab.entries("v2").len()), (4, 3));
    run(["remove", "night-0001", "-c", &main]).expect_code(0);
    assert_eq!((lab.entries("main").len(), lab.entries("v2").len()), (3, 3));
    let output = run(["space", "list", "-c", &main]).expect_code(1);
    assert!(output.error().contains("it names a space"), "{}", output.error());
}

#[test]
fn comparison_of_spaces_is_that_of_the_same_spaces_in_a_folder() {
    let [in_qdrant, in_folder] = [require!(Lab::in_qdrant()), require!(Lab::in_folder())];
    let compare = |lab: &Lab| {
        lab.create_and_backfill();
        lab.space(&["compare", "main", "v2", "--json", "--sample", "40"]).expect_code(0).json()
    };
    let expected = compare(&in_folder);
    assert!(expected["neighbours"]["mean_overlap"].as_f64() < Some(1.0), "{expected}");
    assert_eq!(compare(&in_qdrant), expected);
}

#[test]
fn snapshots_on_the_server_contain_all_spaces() {
    let lab = require!(Lab::in_qdrant());
    lab.create_and_backfill();
    lab.space(&["promote", "v2", "--no-compare"]).expect_code(0);
    let snapshots = run(["backup", &lab.collection(), "--json"]).expect_code(0).json_lines();
    let names: Vec<_> = snapshots.iter().map(|it| it["collection"].as_str().unwrap()).collect();
    let alias = "sleep@v2-recordings";
    let spaces =
        ["sleep", "sleep-recordings", "sleep-tracks", "sleep@v2", alias, "sleep@v2-tracks"];
    assert_eq!(names, spaces.into_iter().chain([alias]).collect::<Vec<_>>());
    assert_eq!(snapshots[6]["alias"], "sleep@served");
}
