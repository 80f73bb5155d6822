//! Commands on a collection in a test double of Qdrant give the results of the same collection in a folder.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};

use nocturne_index::qdrant::{QdrantSettings, QdrantWriter};
use nocturne_index::{CollectionReader, FolderReader, VectorIndex};
use nocturne_qdrant_double::{Fault, QdrantDouble, Store, When};
use nocturne_testing::require;
use serde_json::Value;

use crate::cohort::cohort;
use crate::program::{nocturne, run, text};

/// Copies a collection to a new server, and returns the server and the address of the copy.
fn copy_to_qdrant(collection: &Path) -> (QdrantDouble, String) {
    let double = QdrantDouble::start();
    let url = double.url("sleep");
    run(["copy", text(collection), "--into", &url]).expect_code(0);
    (double, url)
}

/// Returns everything that a double stores, without revisions, the generation, and the record of the bundle's folder.
fn stored(double: &QdrantDouble) -> Store {
    let mut store = double.store();
    for collection in store.collections.values_mut() {
        collection.points.retain(|_, point| !point.payload.contains_key("value"));
        for point in collection.points.values_mut() {
            for field in ["revision", "upload", "generation"] {
                point.payload.remove(field);
            }
        }
    }
    store
}

/// Returns a line of JSON for each epoch of a collection, with the hash of its vector.
fn dump(collection: &str) -> String {
    run(["export", "--format", "dump", collection]).expect_code(0).stdout
}

/// Returns the lines of an event.
fn events<'a>(lines: &'a [Value], event: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

/// Parses the output of `--json`.
fn json_lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn indexing_stores_the_points_of_a_copied_folder() {
    let cohort = require!(cohort());
    let (copy, url) = copy_to_qdrant(&cohort.collection);
    let double = QdrantDouble::start();
    let indexed = double.url("sleep");
    let index = |url: &str| run(["index", text(&cohort.nights), "-c", url, "--json"]);
    let lines = index(&indexed).expect_code(0).json_lines();
    let n_events = |event: &str| events(&lines, event).len();
    assert_eq!((n_events("found"), n_events("acknowledged"), n_events("summary")), (1, 4, 1));
    let graphs = events(&lines, "graphs")[0];
    assert_eq!((&graphs["green"], &graphs["location"]), (&true.into(), &indexed.as_str().into()));
    assert!(stored(&double) == stored(&copy));
    assert_eq!(dump(&indexed), dump(&url));
    // A second run changes nothing.
    let again = index(&indexed).expect_code(0).json_lines();
    assert_eq!(events(&again, "unchanged").len(), 4, "{again:?}");
    assert!(stored(&double) == stored(&copy));
}

/// Two processes index a shard each, and one is killed after its first recording: its next run completes its shard.
#[test]
fn shards_are_indexed_by_two_processes_one_of_which_is_killed() {
    let cohort = require!(cohort());
    let double = QdrantDouble::start();
    let url = double.url("sleep");
    let index = |shard: &str| {
        let arguments = ["index", text(&cohort.nights), "-c", &url, "--json", "--shard", shard];
        nocturne(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    };
    let [other, mut killed] = [index("1/2"), index("2/2")];
    let mut lines = BufReader::new(killed.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("\"acknowledged\"")));
    killed.kill().unwrap();
    killed.wait().unwrap();
    let outputs = [other, index("2/2")].map(|process| process.wait_with_output().unwrap());
    let mut indexed = Vec::new();
    for output in &outputs {
        assert!(output.status.success());
        let lines = json_lines(output);
        assert_eq!(events(&lines, "found")[0]["recordings"], 2);
        let done = lines
            .iter()
            .filter(|line| line["event"] == "acknowledged" || line["event"] == "unchanged");
        indexed.extend(done.map(|line| line["recording"].as_str().unwrap().to_owned()));
    }
    // The first recording of the killed process is unchanged in its second run.
    assert!(!events(&json_lines(&outputs[1]), "unchanged").is_empty());
    indexed.sort();
    assert_eq!(indexed, ["night-0001", "night-0002", "night-0003", "night-0004"]);
    run(["verify", &url]).expect_code(0);
    assert_eq!(dump(&url), dump(text(&cohort.collection)));
}

/// Another process writes a recording while an indexer is at work on the others.
#[test]
fn conflict_over_a_recording_is_reported_and_the_others_are_indexed() {
    let cohort = require!(cohort());
    let double = QdrantDouble::start();
    let url = double.url("sleep");
    let arguments = ["index", text(&cohort.nights), "-c", &url, "--json"];
    let mut indexer =
        nocturne(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(indexer.stdout.take().unwrap()).lines().map_while(Result::ok);
    // The manifest has been read when the recordings are found, and the last of them is indexed last.
    assert!(lines.next().unwrap().contains("\"found\""));
    let folder = FolderReader::open(&cohort.collection).unwrap();
    let last = folder.recording(&"night-0004".parse().unwrap()).unwrap();
    let settings = QdrantSettings::at(url.parse().unwrap());
    QdrantWriter::open_or_create(settings, folder.space()).unwrap().put(&last).unwrap();

    let lines: Vec<Value> = lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
    assert_eq!(indexer.wait().unwrap().code(), Some(3));
    assert_eq!(events(&lines, "acknowledged").len(), 3, "{lines:?}");
    let failed = events(&lines, "failed");
    let error =
        format!("recording `night-0004` of `{url}` was written by another writer at the same time");
    assert_eq!((failed.len(), failed[0]["error"].as_str()), (1, Some(&*error)));
    assert!(failed[0]["hint"].as_str().unwrap().contains("`--shard I/N`"), "{failed:?}");
    assert_eq!(dump(&url), dump(text(&cohort.collection)));
}

#[test]
fn invalid_shards_are_rejected() {
    let refused = run(["index", "nights", "-c", "collection", "--shard", "5/4"]).expect_code(2);
    let expected = "`5/4` is not a shard; expected `I/N` with I from 1 to N, such as `2/16`";
    assert!(refused.stderr.contains(expected), "{}", refused.stderr);
}

#[test]
fn copy_waits_for_graphs_up_to_the_given_time() {
    let cohort = require!(cohort());
    let (double, url) = copy_to_qdrant(&cohort.collection);
    let copy = |n_yellow_replies: usize, wait: &[&str]| {
        double.tamper(|store| {
            store.collections.get_mut("sleep").unwrap().n_yellow_replies = n_yellow_replies;
        });
        let from = text(&cohort.collection);
        let output =
            run(["copy", from, "--into", &url, "--json"].iter().chain(wait)).expect_code(0);
        let graphs = output.json_lines().into_iter().find(|line| line["event"] == "graphs");
        graphs.map(|line| line["green"].as_bool().unwrap())
    };
    assert_eq!(copy(2, &[]), Some(true));
    assert_eq!(copy(1000, &["--wait", "1"]), Some(false));
    assert_eq!(copy(1000, &["--no-wait"]), None);
}

#[test]
fn changed_metadata_is_written_to_points() {
    let cohort = require!(cohort());
    let folder = tempfile::tempdir().unwrap();
    let collection = folder.path().join("collection");
    run(["index", text(&cohort.nights), "-c", text(&collection)]).expect_code(0);
    let (double, url) = copy_to_qdrant(&collection);
    let table = folder.path().join("table.csv");
    std::fs::write(&table, "recording,site\nnight-0002,north\n").unwrap();
    let events = |location: &str| {
        let index =
            ["index", text(&cohort.nights), "--metadata", text(&table), "-c", location, "--json"];
        let lines = run(index).expect_code(0).json_lines();
        // Only a server builds graphs to wait for.
        let lines = lines.iter().filter(|line| line["event"] != "graphs");
        lines.map(|line| format!("{} {}", line["event"], line["recording"])).collect()
    };
    let reported: Vec<String> = events(&url);
    assert_eq!(reported, events(text(&collection)));
    assert!(reported.contains(&r#""acknowledged" "night-0002""#.to_owned()), "{reported:?}");
    let (copy, _) = copy_to_qdrant(&collection);
    assert!(stored(&double) == stored(&copy));
    run(["verify", &url]).expect_code(0);
}

/// Returns an answer without its plan, and the plan.
fn without_plan(mut answer: Value) -> (Value, Option<Value>) {
    let plan = answer.as_object_mut().and_then(|answer| answer.remove("plan"));
    (answer, plan)
}

#[test]
fn queries_have_the_answers_of_the_folder() {
    let cohort = require!(cohort());
    let (_double, url) = copy_to_qdrant(&cohort.collection);
    let questions: [&[&str]; 9] = [
        &["search", "deep sleep", "-k", "25"],
        &["search", "rapid eye movements", "--stage", "R", "--min-score", "0.1"],
        &["search", "sleep", "--filter", "recording != night-0002 (stage = N2 OR event:arousal)"],
        &["search", "sleep", "--filter", "clock:* AND onset > 5400s AND NOT stage = W"],
        &["search", "--like", "night-0001:30"],
        &["search", "--like", "night-0001:30", "--captions"],
        &["nights", "nights with frequent arousals", "--filter", "epoch >= 20"],
        &["nights", "nights with little deep sleep", "--source", "model"],
        &["nights", "at least 0 apneas per hour", "-r", "night-0003"],
    ];
    for question in questions {
        let ask = |location: &str| {
            let arguments = question.iter().copied().chain(["--json", "-c", location]);
            without_plan(run(arguments).expect_code(0).json())
        };
        let ((in_folder, scan), (in_qdrant, plan)) = (ask(text(&cohort.collection)), ask(&url));
        assert_eq!(in_folder, in_qdrant, "{question:?}");
        let expect = match question[0] {
            "nights" => None,
            _ => scan.map(|_| "qdrant exact".into()),
        };
        assert_eq!(plan, expect, "{question:?}");
    }
}

#[test]
fn labels_lists_exports_and_duplicates_are_those_of_the_folder() {
    let cohort = require!(cohort());
    let (_double, url) = copy_to_qdrant(&cohort.collection);
    let commands: [&[&str]; 8] = [
        &["label", "--json", "-c"],
        &["label", "night-0002", "--set", "events", "--filter", "stage = N2", "-c"],
        &["list", "-c"],
        &["list", "--json", "--page-size", "2", "--filter", "event:arousal", "-c"],
        &["list", "--json", "--facets", "stage,event,channel", "-c"],
        &["export", "--format", "dump"],
        &["verify"],
        &["duplicates"],
    ];
    for command in commands {
        let output =
            |location: &str| run(command.iter().copied().chain([location])).expect_code(0).stdout;
        assert_eq!(output(text(&cohort.collection)), output(&url), "{command:?}");
    }
}

#[test]
fn lost_points_are_named_and_repaired_from_the_folder() {
    let cohort = require!(cohort());
    let (double, url) = copy_to_qdrant(&cohort.collection);
    double.tamper(|store| {
        let points = &mut store.collections.get_mut("sleep").unwrap().points;
        let is_epoch = |payload: &nocturne_qdrant_double::Payload| {
            payload["recording"] == "night-0002".into() && payload["point"] == "epoch".into()
        };
        let lost = points.iter().find(|(_, point)| is_epoch(&point.payload)).unwrap().0.clone();
        points.remove(&lost);
    });
    let answer = run(["nights", "frequent arousals", "-c", &url, "--json"]).expect_code(0).json();
    // Its track is there, and questions about nights need no vectors.
    assert_eq!(answer["blocks"][0]["nights"].as_array().unwrap().len(), 4);
    assert_eq!(run(["label", "-c", &url, "--json"]).expect_code(0).json_lines().len(), 4 * 240);

    let output = run(["verify", &url]).expect_code(1);
    assert!(output.stdout.contains("night-0002: recording `night-0002`"), "{}", output.stdout);
    let from = text(&cohort.collection);
    let output = run(["verify", &url, "--repair", "--from", from]).expect_code(0);
    let repaired = "night-0002: repaired and verified\n";
    assert!(output.stdout.starts_with(repaired), "{}", output.stdout);
    run(["verify", &url]).expect_code(0);
}

#[test]
fn backup_creates_snapshots_on_the_server_with_checksums() {
    let cohort = require!(cohort());
    let (_double, url) = copy_to_qdrant(&cohort.collection);
    let snapshots = run(["backup", &url, "--json"]).expect_code(0).json_lines();
    let names: Vec<_> = snapshots.iter().map(|it| it["collection"].as_str().unwrap()).collect();
    assert_eq!(names, ["sleep", "sleep-recordings", "sleep-tracks"]);
    assert!(snapshots.iter().all(|it| it["checksum"].as_str().unwrap().len() == 64));
    let output = run(["backup", text(&cohort.collection)]).expect_code(1);
    assert!(output.error().contains("the backup of a folder needs a target"), "{}", output.error());
}

#[test]
fn errors_of_the_server_are_one_sentence_with_a_hint() {
    let cohort = require!(cohort());
    let (double, url) = copy_to_qdrant(&cohort.collection);
    double.faults().plan(When::From(0), Fault::Refused);
    for command in [["list", "-c"].as_slice(), &["search", "deep sleep", "-c"], &["verify"]] {
        let output = run(command.iter().copied().chain([url.as_str()])).expect_code(1);
        assert!(
            output.error().contains("InvalidArgument: the double refuses"),
            "{}",
            output.error()
        );
        assert!(output.stderr.contains("hint: check that the server runs"), "{}", output.stderr);
    }
    double.faults().clear();
    let nothing = double.url("nothing");
    for command in [["list", "-c"].as_slice(), &["search", "deep sleep", "-c"], &["verify"]] {
        let output = run(command.iter().copied().chain([nothing.as_str()])).expect_code(1);
        assert_eq!(output.error(), format!("there is no collection at `{nothing}`"));
        assert!(output.stderr.contains("hint: check the address, or"), "{}", output.stderr);
    }
}
