//! `nocturne label --out`: labels as files, read again by the program.

use std::collections::BTreeMap;
use std::path::Path;

use nocturne_psg::annotation::{AnnotationFile, Scoring};
use nocturne_testing::require;

use crate::cohort::{NIGHTS, cohort};
use crate::program::{Run, run, text};

const FORMATS: &str = "csv,parquet,jsonl,edf+,annot,eannot,nsrr-xml,bids";

fn label(collection: &Path, out: &Path, more: &[&str]) -> Run {
    let arguments = ["label", "-c", text(collection), "--out", text(out), "--format", FORMATS];
    run(arguments.into_iter().chain(more.iter().copied()))
}

/// The name and bytes of every file below a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.insert(text(&path).to_owned(), std::fs::read(&path).unwrap());
        }
    }
    all
}

/// The stage of each epoch of the first night by the JSON lines.
fn stages(out: &Path) -> Vec<String> {
    let lines = std::fs::read_to_string(out.join("jsonl/night-0001_automatic.jsonl")).unwrap();
    let stage = |line: &str| {
        let epoch: serde_json::Value = serde_json::from_str(line).unwrap();
        epoch["stage"].as_str().unwrap().to_owned()
    };
    lines.lines().map(stage).collect()
}

#[test]
fn every_format_has_the_same_stages_and_says_where_they_come_from() {
    let cohort = require!(cohort());
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    label(&cohort.collection, out, &[]).expect_code(0);
    let stages = stages(out);
    assert!(stages.len() > 100 && stages.iter().any(|stage| stage == "N3"));
    let csv = std::fs::read_to_string(out.join("csv/night-0001_automatic.csv")).unwrap();
    let of_csv: Vec<&str> = csv.lines().skip(1).map(|row| row.split(',').nth(2).unwrap()).collect();
    assert_eq!(of_csv, stages);
    for file in [
        "edf+/night-0001_automatic.edf",
        "annot/night-0001_automatic.annot",
        "eannot/night-0001_automatic.eannot",
        "nsrr-xml/night-0001_automatic-nsrr.xml",
        "bids/night-0001_automatic_events.tsv",
    ] {
        let read = AnnotationFile::open(&out.join(file), None).unwrap();
        let scoring = Scoring::from_annotations(&read.annotations);
        assert!(scoring.events.is_empty(), "a label of an epoch is not an event: {file}");
        let hypnogram = scoring.hypnogram;
        let found: Vec<String> = (0..stages.len())
            .map(|epoch| hypnogram.stage_of_epoch(epoch as f64 * 30.0))
            .map(|stage| stage.unwrap().code().to_owned())
            .collect();
        assert_eq!(found, stages, "{file}");
    }
    // Readers of the whole folder take every other name for Parquet.
    let parquet = std::fs::read_dir(out.join("parquet")).unwrap();
    let mut names = parquet.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.all(|name| name.starts_with('_') || name.ends_with(".parquet")));
    let about = std::fs::read_to_string(out.join("bids/night-0001_automatic_events.json")).unwrap();
    let about: serde_json::Value = serde_json::from_str(&about).unwrap();
    assert_eq!(about["source"], "model");
    assert_eq!(about["labels_of"]["bundle_fingerprint"].as_str().unwrap().len(), 64);
}

#[test]
fn labels_beside_a_recording_are_those_of_a_program() {
    let cohort = require!(cohort());
    let out = tempfile::tempdir().unwrap();
    label(&cohort.collection, out.path(), &["night-0001"]).expect_code(0);
    for file in [
        "csv/{}.csv",
        "edf+/{}.edf",
        "annot/{}.annot",
        "eannot/{}.eannot",
        "nsrr-xml/{}-nsrr.xml",
        "bids/{}_events.tsv",
    ] {
        let file = file.replace("{}", "night-0001_automatic");
        let night = tempfile::tempdir().unwrap();
        let recording = night.path().join("night-0001.edf");
        std::fs::copy(cohort.nights.join("night-0001.edf"), &recording).unwrap();
        let label = out.path().join(&file);
        std::fs::copy(&label, night.path().join(label.file_name().unwrap())).unwrap();
        let stats =
            run(["stats", text(&recording), "--format", "json"]).expect_code(0).json_lines();
        let tst = stats[0]["statistics"].as_array().unwrap().iter().find(|it| it["name"] == "tst");
        assert_eq!(tst.unwrap()["source"], "automatic", "{file}");
        assert!(tst.unwrap()["value"].as_f64().unwrap() > 60.0, "{file}");
    }
}

#[test]
fn another_filter_is_not_taken_for_the_same_labels() {
    let cohort = require!(cohort());
    let out = tempfile::tempdir().unwrap();
    let part = ["night-0001", "--filter", "stage = N3"];
    label(&cohort.collection, out.path(), &part).expect_code(0);
    let refused = label(&cohort.collection, out.path(), &["night-0001"]).expect_code(1);
    assert!(
        refused.stderr.contains("another model, recording, set or filter"),
        "{}",
        refused.stderr
    );
}

#[test]
fn second_call_resumes_and_changes_nothing() {
    let cohort = require!(cohort());
    let folder = tempfile::tempdir().unwrap();
    label(&cohort.collection, folder.path(), &["night-0001"]).expect_code(0);
    let printed = label(&cohort.collection, folder.path(), &[]).expect_code(0).stdout;
    assert!(printed.starts_with(&format!("{} recordings labelled", NIGHTS - 1)), "{printed}");
    assert!(printed.contains("1 were there already"), "{printed}");
    let (resumed, other) = (files(folder.path()), tempfile::tempdir().unwrap());
    label(&cohort.collection, other.path(), &[]).expect_code(0);
    let relative = |all: BTreeMap<String, Vec<u8>>, root: &Path| -> BTreeMap<String, Vec<u8>> {
        all.into_iter().map(|(path, bytes)| (path.replace(text(root), ""), bytes)).collect()
    };
    let resumed = relative(resumed, folder.path());
    assert_eq!(resumed.len(), 2 * 8 * NIGHTS);
    assert!(resumed == relative(files(other.path()), other.path()));
}

#[test]
fn call_resumes_one_that_was_killed_between_two_files() {
    let cohort = require!(cohort());
    let folder = tempfile::tempdir().unwrap();
    label(&cohort.collection, folder.path(), &["night-0001"]).expect_code(0);
    let complete = files(folder.path());
    // The file about a label file is written before it.
    std::fs::remove_file(folder.path().join("csv/night-0001_automatic.csv")).unwrap();
    std::fs::remove_file(folder.path().join("edf+/night-0001_automatic.edf")).unwrap();
    std::fs::remove_file(folder.path().join("edf+/night-0001_automatic.edf.json")).unwrap();
    label(&cohort.collection, folder.path(), &["night-0001"]).expect_code(0);
    assert!(files(folder.path()) == complete);
}

#[test]
fn other_files_are_overwritten_only_on_request() {
    let cohort = require!(cohort());
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("csv")).unwrap();
    let mine = folder.path().join("csv/night-0001_automatic.csv");
    std::fs::write(&mine, "mine").unwrap();
    let refused = label(&cohort.collection, folder.path(), &["night-0001"]).expect_code(1);
    assert!(refused.stderr.contains("`--force`"), "{}", refused.stderr);
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "mine");
    label(&cohort.collection, folder.path(), &["night-0001", "--force"]).expect_code(0);
    assert!(std::fs::read_to_string(&mine).unwrap().starts_with("epoch,onset_s,stage"));
}
