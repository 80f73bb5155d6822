//! Backfills follow the served space, skip what cannot be read, and resume when they were killed.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use super::lab::{Lab, on_each_store};
use super::{dump, events, name};
use crate::bundles::shipped;
use crate::program::{nocturne, run, text};

on_each_store!(
    backfill_applies_removals_replacements_and_metadata,
    backfill_skips_unreadable_recordings_and_finds_moved_ones,
    killed_backfill_resumes_and_gives_the_same_vectors,
);

fn backfill_applies_removals_replacements_and_metadata(lab: &Lab) {
    lab.create_and_backfill();
    // One night is removed from the served space only; the file of another has been replaced.
    lab.spaces().writer(&name("main")).unwrap().remove(&"night-0001".parse().unwrap()).unwrap();
    std::fs::remove_file(lab.nights.join("night-0001.edf")).unwrap();
    std::fs::copy(lab.nights.join("night-0003.edf"), lab.nights.join("night-0002.edf")).unwrap();
    let collection = lab.collection();
    lab.index(&collection, &shipped()).expect_code(0);
    let table = lab.path("metadata.csv");
    std::fs::write(&table, "recording,age\nnight-0003,61\n").unwrap();
    run(["metadata", text(&table), "-c", &collection]).expect_code(0);
    let lines = lab.space(&["backfill", "v2", "--json"]).expect_code(0).json_lines();
    assert_eq!(events(&lines, "removed")[0]["recording"], "night-0001");
    assert_eq!(events(&lines, "acknowledged").len(), 2);
    lab.space(&["promote", "v2", "--no-compare"]).expect_code(0);
    assert_eq!(dump(&collection), lab.dump_of_other());
    let served = lab.location().open().unwrap();
    let entry = served.entry(&"night-0003".parse().unwrap()).unwrap();
    assert_eq!(entry.metadata["age"], "61");
    let declared = |space| lab.entries(space).pop().unwrap().declared_events;
    assert_eq!(declared("v2"), declared("main"));
    assert!(entry.n_events.is_none() || !entry.declared_events.is_empty(), "{entry:?}");
    // `nocturne remove` removes a recording from every space.
    run(["remove", "night-0002", "-c", &collection]).expect_code(0);
    for space in ["main", "v2"] {
        let ids: Vec<String> = lab.entries(space).iter().map(|it| it.id.to_string()).collect();
        assert_eq!(ids, ["night-0003"], "{space}");
    }
}

fn backfill_skips_unreadable_recordings_and_finds_moved_ones(lab: &Lab) {
    lab.create("v2", &lab.bundle);
    let elsewhere = lab.path("elsewhere/2026");
    std::fs::create_dir_all(&elsewhere).unwrap();
    let night = |number: u32| lab.nights.join(format!("night-000{number}.edf"));
    std::fs::rename(night(1), elsewhere.join("night-0001.edf")).unwrap();
    std::fs::write(night(2), "not a recording").unwrap();
    let lines = lab.space(&["backfill", "v2", "--json", "--at-most", "0.9"]);
    let lines = lines.expect_code(3).json_lines();
    assert_eq!(events(&lines, "acknowledged").len(), 1);
    let failed: Vec<&str> =
        events(&lines, "failed").iter().filter_map(|line| line["error"].as_str()).collect();
    assert!(failed[0].ends_with("which was indexed as `night-0001`, no longer exists"));
    assert!(failed[1].ends_with("has changed since it was indexed as `night-0002`"));
    let elsewhere = lab.path("elsewhere");
    let lines = lab.space(&["backfill", "v2", "--json", "--recordings", text(&elsewhere)]);
    let lines = lines.expect_code(3).json_lines();
    assert_eq!(events(&lines, "acknowledged")[0]["recording"], "night-0001");
    let output = lab.space(&["promote", "v2", "--incomplete", "--no-compare"]).expect_code(0);
    assert!(output.stderr.contains("1 recordings are missing"), "{}", output.stderr);
}

fn killed_backfill_resumes_and_gives_the_same_vectors(lab: &Lab) {
    lab.create("v2", &lab.bundle);
    let collection = lab.collection();
    let slowly = ["space", "backfill", "v2", "--json", "--at-most", "0.2", "-c", &collection];
    let mut process =
        nocturne(slowly).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut reports = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let first = reports.find(|line| line["event"] == "acknowledged").unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    // The acknowledged recording is stored and is not embedded again.
    let acknowledged = first["recording"].as_str().unwrap();
    assert!(lab.entries("v2").iter().any(|entry| entry.id.as_str() == acknowledged));
    let lines = lab.space(&["backfill", "v2", "--json"]).expect_code(0).json_lines();
    let unchanged = events(&lines, "unchanged");
    assert!(unchanged.iter().any(|line| line["recording"] == first["recording"]), "{lines:?}");
    assert_eq!(lab.dump_of_v2(), lab.dump_of_other());
}
