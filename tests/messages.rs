//! Error messages, hints and tables, compared with reviewed snapshots.
//!
//! After an intended change, run the tests with `INSTA_UPDATE=always` and review the difference.

use std::fmt::Write;
use std::path::Path;

use nocturne_testing::require;

use crate::cohort::cohort;
use crate::program::{Run, run, text};

/// Formats a command with its exit code and output; the path of `folder` becomes `FOLDER`.
fn transcript(folder: &Path, arguments: &[&str]) -> String {
    let Run { code, stdout, stderr } = run(arguments);
    let mut transcript = format!("$ nocturne {}\n", arguments.join(" "));
    for output in [stdout, stderr].iter().filter(|output| !output.is_empty()) {
        let _ = writeln!(transcript, "{}", output.trim_end());
    }
    let _ = writeln!(transcript, "[exit code {code}]");
    transcript.replace(text(folder), "FOLDER")
}

/// Formats the transcripts of several commands.
fn transcripts(folder: &Path, commands: &[&[&str]]) -> String {
    let transcripts: Vec<String> =
        commands.iter().map(|arguments| transcript(folder, arguments)).collect();
    transcripts.join("\n")
}

/// Compares a text with the snapshot of this name.
fn check(name: &str, text: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn wrong_usage_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let commands: [&[&str]; 8] = [
        &["dream"],
        &["serch", "sleep"],
        &["search", "-c", "x"],
        &["search", "sleep"],
        &["search", "sleep", "-c", "x", "--stage", "N4"],
        &["list", "-c", "qdrant://"],
        &["simulate", "--out", "x", "--hours", "99"],
        &["caption", "x.edf", "--epoch", "7-2"],
    ];
    check("usage", &transcripts(folder.path(), &commands));
}

#[test]
fn errors_name_the_value_and_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let (empty, notes) = (folder.path().join("empty"), folder.path().join("notes.edf"));
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(&notes, "these are notes").unwrap();
    let table = folder.path().join("notes.txt");
    std::fs::write(&table, "these are notes").unwrap();
    let (empty, notes, table) = (text(&empty), text(&notes), text(&table));
    let commands: [&[&str]; 14] = [
        &["index", "/nowhere/nights", "-c", "/nowhere/c"],
        &["index", empty, "-c", "/nowhere/c"],
        &["inspect", "/nowhere/night.edf"],
        &["inspect", notes],
        &["inspect", notes, "--profile", "nosuch"],
        &["inspect", table],
        &["metadata", table, "-c", empty],
        &["list", "-c", empty],
        &["list", "-c", table],
        &["verify", "/nowhere/c"],
        &["space", "list", "-c", empty],
        &["backup", empty],
        &["search", "sleep", "-c", empty, "--bundle", empty],
        &["serve", "-c", empty, "--listen", "0.0.0.0:0"],
    ];
    check("errors", &transcripts(folder.path(), &commands));
}

#[test]
fn errors_of_queries_name_the_value_and_the_next_step() {
    let cohort = require!(cohort());
    let collection = text(&cohort.collection);
    let commands: [&[&str]; 7] = [
        &["list", "-c", collection, "--filter", "stage = N4"],
        &["list", "-c", collection, "--facets", "mood"],
        &["list", "-c", collection, "--page-token", "x"],
        &["search", "sleep", "-c", collection, "--recording", "night-9999"],
        &["search", "--like", "night-0001:99999", "-c", collection],
        &["search", "sleep", "-c", collection, "--recall", "1.5"],
        &["space", "rollback", "-c", collection],
    ];
    // Commands that open the encoder report its device first.
    let output =
        transcripts(cohort.folder(), &commands).replace("encoder: nocturne-tiny on cpu\n", "");
    check("query_errors", &output);
}

#[test]
fn tables_of_recordings_are_as_reviewed() {
    let folder = tempfile::tempdir().unwrap();
    let nights = folder.path().join("nights");
    let simulate = ["simulate", "--out", text(&nights), "--nights", "2", "--hours", "0.2"];
    let (night, scoring) = (nights.join("night-0001.edf"), nights.join("night-0001-nsrr.xml"));
    let commands: [&[&str]; 4] = [
        &simulate,
        &["inspect", text(&night)],
        &["inspect", text(&scoring)],
        &["inspect", text(&nights)],
    ];
    check("recordings", &transcripts(folder.path(), &commands));
}

#[test]
fn tables_of_a_collection_are_as_reviewed() {
    let cohort = require!(cohort());
    let collection = text(&cohort.collection);
    let commands: [&[&str]; 5] = [
        &["list", "-c", collection],
        &["list", "-c", collection, "--page-size", "2"],
        &["list", "-c", collection, "--facets", "stage,event"],
        &["verify", collection],
        &["optimize", collection],
    ];
    check("collection", &transcripts(cohort.folder(), &commands));
}

/// The rows depend on the last digits of floating-point numbers, so only the headings are compared.
#[test]
fn headings_of_answers_are_as_reviewed() {
    let cohort = require!(cohort());
    let collection = text(&cohort.collection);
    let commands: [&[&str]; 5] = [
        &["search", "deep sleep", "-c", collection],
        &["search", "deep sleep", "-c", collection, "--explain", "-k", "1"],
        &["search", "--like", "night-0001:30", "--captions", "-c", collection],
        &["nights", "nights with frequent arousals", "-c", collection],
        &["label", "--set", "events", "-c", collection],
    ];
    let mut headings = String::new();
    for arguments in commands {
        let output = run(arguments).expect_code(0).stdout;
        let lines: Vec<&str> = output.lines().collect();
        // A heading is above a rule.
        for pair in lines.windows(2).filter(|pair| pair[1].starts_with('─')) {
            let words: Vec<&str> = pair[0].split_whitespace().collect();
            let _ = writeln!(headings, "{}: {}", arguments[0], words.join(" "));
        }
    }
    check("headings", &headings);
}
