//! Filter expressions, metadata, pages and facets on the command line.

use std::path::Path;

use serde_json::Value;

use nocturne_testing::{onnx_runtime, require};

use crate::cohort::{NIGHTS, cohort};
use crate::program::{Run, run, text};

fn names(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["id"].as_str()).collect()
}

#[test]
fn expressions_narrow_searches_nights_and_labels() {
    let cohort = require!(cohort());
    let collection = text(&cohort.collection);
    let filter = "stage = (N2 OR N3) recording != night-0002 -event:arousal epoch < 200";
    let ask = ["search", "sleep", "-c", collection, "-k", "1000", "--filter", filter, "--json"];
    let answer = run(ask).expect_code(0).json();
    let hits = answer["hits"].as_array().unwrap();
    let is_right = |hit: &Value| {
        ["N2", "N3"].contains(&hit["stage"].as_str().unwrap())
            && hit["recording"] != "night-0002"
            && !hit["events"].to_string().contains("arousal")
            && hit["epoch"].as_u64() < Some(200)
    };
    assert!(hits.iter().all(is_right) && hits.len() > 20, "{}", hits.len());
    // The labelled epochs are exactly those that the filter allows.
    let ask = ["label", "-c", collection, "--filter", filter, "--json"];
    assert_eq!(run(ask).expect_code(0).json_lines().len(), hits.len());
    let ask =
        ["nights", "frequent arousals", "-c", collection, "--filter", "epoch < 100", "--json"];
    let answer = run(ask).expect_code(0).json();
    // A hundred epochs are 50 min, too few for a rate.
    assert_eq!(answer["blocks"].as_array().unwrap().len(), 0);
    assert_eq!(answer["skipped"][0]["why"]["least_min"], 60.0);
    let ask =
        ["nights", "frequent arousals", "-c", collection, "--filter", "recording = *1", "--json"];
    let answer = run(ask).expect_code(0).json();
    let nights = answer["blocks"][0]["nights"].as_array().unwrap();
    assert_eq!((nights.len(), &nights[0]["recording"]), (1, &"night-0001".into()));
}

#[test]
fn errors_in_expressions_have_a_column_and_a_hint() {
    let cohort = require!(cohort());
    let ask = |filter: &str| -> Run {
        run(["list", "-c", text(&cohort.collection), "--filter", filter]).expect_code(1)
    };
    let run = ask("stage = N4");
    assert_eq!(run.error(), "filter, column 9, at `N4`: there is no stage `N4`");
    assert!(run.stderr.contains("\nhint: stages are `W`, `N1`"), "{}", run.stderr);
    let run = ask("-weight > 80");
    assert_eq!(
        run.error(),
        "filter, column 2, at `weight > 80`: no recording has a field `weight`"
    );
    assert!(run.stderr.contains("\nhint: fields are `recording`, `start`"), "{}", run.stderr);
}

#[test]
fn pages_of_a_list_are_consecutive() {
    let cohort = require!(cohort());
    let collection = text(&cohort.collection);
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let ask = ["list", "-c", collection, "--page-size", "3", "--page-token", &token, "--json"];
        let lines = run(ask).expect_code(0).json_lines();
        seen.extend(names(&lines).into_iter().map(str::to_owned));
        let end = lines.last().unwrap();
        assert_eq!(end["total_size"], NIGHTS);
        match end["next_page_token"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, ["night-0001", "night-0002", "night-0003", "night-0004"]);
    let ask = ["list", "-c", collection, "--filter", "epoch > 1", "--page-token", &token];
    let run = run(ask).expect_code(1);
    assert_eq!(run.error(), "the page token does not belong to a list with this filter");
}

#[test]
fn facets_count_what_the_filter_allows() {
    let cohort = require!(cohort());
    let ask = ["list", "-c", text(&cohort.collection), "--facets", "stage", "--json"];
    let counts = run(ask).expect_code(0).json();
    let values = counts["values"].as_array().unwrap();
    let n: u64 = values.iter().map(|value| value["n_epochs"].as_u64().unwrap()).sum();
    assert_eq!(n, 240 * NIGHTS as u64);
    let filter = ["--filter", "stage = N2"];
    let counts = run(ask.into_iter().chain(filter)).expect_code(0).json();
    let n2 = values.iter().find(|value| value["value"] == "N2").unwrap();
    assert_eq!(counts["values"], serde_json::json!([n2]));
}

#[test]
fn metadata_is_set_without_encoding_and_persists() {
    require!(onnx_runtime());
    let folder = tempfile::tempdir().unwrap();
    let (nights, collection) = (folder.path().join("nights"), folder.path().join("collection"));
    run(["simulate", "--out", text(&nights), "--nights", "2", "--hours", "0.1"]).expect_code(0);
    let table = |name: &str, rows: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, rows).unwrap();
        path
    };
    let first =
        table("first.csv", "recording,age,subject\nnight-0001,61,anna\nnight-0002,90+,berta\n");
    let index = |table: Option<&Path>| {
        let table = table.map(|table| ["--metadata", text(table)]);
        let arguments = ["index", text(&nights), "-c", text(&collection), "--json"];
        run(arguments.into_iter().chain(table.into_iter().flatten()))
    };
    let listed = |filter: &str| {
        let ask = ["list", "-c", text(&collection), "--filter", filter, "--json"];
        let lines = run(ask).expect_code(0).json_lines();
        names(&lines).join(" ")
    };
    index(Some(&first)).expect_code(0);
    assert_eq!(
        (listed("age > 60"), listed("age:*")),
        ("night-0001".to_owned(), "night-0001 night-0002".to_owned())
    );
    let second = table("second.csv", "subject,sex,age\nanna,F,\ncarla,M,3\n");
    let set = |table: &Path| run(["metadata", text(table), "-c", text(&collection), "--json"]);
    let lines = set(&second).expect_code(3).json_lines();
    assert_eq!(lines[0]["error"], "no recording has the subject `carla`");
    assert_eq!((&lines[1]["changed"], &lines[1]["unchanged"]), (&1.into(), &0.into()));
    assert_eq!(listed("sex = F age = 61"), "night-0001");
    // The vectors are intact, and a run without new metadata changes nothing.
    run(["verify", text(&collection)]).expect_code(0);
    assert_eq!(index(None).expect_code(0).json_lines().last().unwrap()["unchanged"], 2);
    assert_eq!(listed("sex = F"), "night-0001");
    // A run with other metadata sets it, without reading the recording.
    let third = table("third.csv", "recording,age\nnight-0001,62\n");
    let lines = index(Some(&third)).expect_code(0).json_lines();
    assert_eq!(lines.last().unwrap()["acknowledged"], 1);
    assert_eq!(listed("sex = F age = 62"), "night-0001");
    // A column is removed from the recordings in the table.
    let without = ["metadata", text(&third), "-c", text(&collection), "--without", "sex"];
    run(without).expect_code(0);
    let listed = run(["list", "-c", text(&collection), "--json"]).expect_code(0).json_lines();
    assert_eq!(
        (&listed[0]["metadata"]["age"], &listed[0]["metadata"]["sex"]),
        (&"62".into(), &().into())
    );
}
