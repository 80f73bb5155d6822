//! Commands that ask a collection in Qdrant, of which a double answers: they give what they give of the folder.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use nocturne_qdrant_double::{Fault, QdrantDouble, Store, When};
use serde_json::Value;

use nocturne_testing::require;

use crate::cohort::cohort;
use crate::program::{nocturne, run, text};

/// Copies a collection into a new double, and returns its address there.
fn copied(collection: &Path) -> (QdrantDouble, String) {
    let double = QdrantDouble::start();
    let url = double.url("sleep");
    run(["copy", text(collection), &url]).expect_code(0);
    (double, url)
}

/// Returns all that a double keeps, without leases, the note of where the bundle is, and the count of the changes of its
/// list.
fn kept(double: &QdrantDouble) -> Store {
    let mut store = double.store();
    for collection in store.collections.values_mut() {
        collection.points.retain(|_, point| {
            let is_lease = point.payload.get("state") == Some(&"lease".into());
            !is_lease && !point.payload.contains_key("told")
        });
        for point in collection.points.values_mut() {
            point.payload.remove("generation");
            point.payload.remove("lease");
        }
    }
    store
}

#[test]
fn recordings_are_indexed_as_a_folder_that_is_copied() {
    let cohort = require!(cohort());
    let (copy, url) = copied(&cohort.collection);
    let double = QdrantDouble::start();
    let indexed = double.url("sleep");
    let index = |place: &str| run(["index", text(&cohort.nights), "-c", place, "--json"]);
    let told = index(&indexed).expect_code(0).json_lines();
    let events = |name: &str| told.iter().filter(|line| line["event"] == name).count();
    assert_eq!((events("found"), events("acknowledged"), events("summary")), (1, 4, 1));
    let graphs = told.iter().find(|line| line["event"] == "graphs").unwrap();
    assert_eq!((&graphs["green"], &graphs["place"]), (&true.into(), &indexed.as_str().into()));
    assert!(kept(&double) == kept(&copy));
    let dump = |place: &str| run(["export", "--format", "dump", place]).expect_code(0).stdout;
    assert_eq!(dump(&indexed), dump(&url));
    // Once more: all of it is there.
    let again = index(&indexed).expect_code(0).json_lines();
    assert!(again.iter().skip(1).take(4).all(|line| line["event"] == "unchanged"), "{again:?}");
    assert!(kept(&double) == kept(&copy));
}

/// Three processes share a cohort, and one is killed when it has acknowledged something.
#[test]
fn processes_share_a_cohort_and_one_is_killed() {
    let cohort = require!(cohort());
    let double = QdrantDouble::start();
    let url = double.url("sleep");
    let index = || {
        let arguments = ["index", text(&cohort.nights), "-c", &url, "--json", "--lease", "2"];
        nocturne(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    };
    let [mut killed, second, third] = [index(), index(), index()];
    let mut lines = BufReader::new(killed.stdout.take().unwrap()).lines();
    let is_acknowledged = |line: &String| line.contains("\"acknowledged\"");
    let first = lines.by_ref().map_while(Result::ok).find(is_acknowledged);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let mut acknowledged: Vec<Value> = first.iter().map(|line| recording(line)).collect();
    for process in [second, third] {
        let told = process.wait_with_output().unwrap();
        assert!(told.status.success());
        let told = String::from_utf8(told.stdout).unwrap();
        let told: Vec<Value> =
            told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let summary = told.iter().find(|line| line["event"] == "summary").unwrap();
        let n =
            ["acknowledged", "unchanged", "by_others"].map(|name| summary[name].as_u64().unwrap());
        assert_eq!(n.iter().sum::<u64>(), 4, "{summary}");
        let done = told.iter().filter(|line| line["event"] == "acknowledged");
        acknowledged.extend(done.map(|line| line["recording"].clone()));
    }
    // What the one that was killed had written last it may have been unable to tell.
    let n_told = acknowledged.len();
    acknowledged.sort_by_key(Value::to_string);
    acknowledged.dedup();
    assert_eq!(acknowledged.len(), n_told, "none is acknowledged by two");
    assert!(n_told >= 3, "{acknowledged:?}");
    run(["verify", &url]).expect_code(0);
    let dump = |place: &str| run(["export", "--format", "dump", place]).expect_code(0).stdout;
    assert_eq!(dump(&url), dump(text(&cohort.collection)));
}

/// Returns the recording that a line tells of.
fn recording(line: &str) -> Value {
    serde_json::from_str::<Value>(line).unwrap()["recording"].clone()
}

#[test]
fn graphs_are_waited_for_as_long_as_is_said() {
    let cohort = require!(cohort());
    let (double, url) = copied(&cohort.collection);
    let copy = |n_yellow_replies: usize, wait: &[&str]| {
        double.tamper(|store| {
            store.collections.get_mut("sleep").unwrap().n_yellow_replies = n_yellow_replies
        });
        let from = text(&cohort.collection);
        let told = run(["copy", from, &url, "--json"].iter().chain(wait)).expect_code(0);
        let told = told.json_lines().into_iter().find(|line| line["event"] == "graphs");
        told.map(|line| line["green"].as_bool().unwrap())
    };
    assert_eq!(copy(2, &[]), Some(true));
    assert_eq!(copy(1000, &["--wait", "1"]), Some(false));
    assert_eq!(copy(1000, &["--no-wait"]), None);
}

#[test]
fn what_is_said_anew_of_recordings_reaches_their_points() {
    let cohort = require!(cohort());
    let folder = tempfile::tempdir().unwrap();
    let collection = folder.path().join("collection");
    run(["index", text(&cohort.nights), "-c", text(&collection)]).expect_code(0);
    let (double, url) = copied(&collection);
    let table = folder.path().join("table.csv");
    std::fs::write(&table, "recording,site\nnight-0002,north\n").unwrap();
    let events = |place: &str| {
        let night = ["index", text(&cohort.nights), "--metadata", text(&table), "-c", place];
        let told = run(night.into_iter().chain(["--json"])).expect_code(0).json_lines();
        // Only a server has graphs that are waited for.
        let told = told.iter().filter(|line| line["event"] != "graphs");
        told.map(|line| format!("{} {}", line["event"], line["recording"])).collect()
    };
    let told: Vec<String> = events(&url);
    assert_eq!(told, events(text(&collection)));
    assert!(told.contains(&r#""acknowledged" "night-0002""#.to_owned()), "{told:?}");
    let (copy, _) = copied(&collection);
    assert!(kept(&double) == kept(&copy));
    run(["verify", &url]).expect_code(0);
}

/// Takes the plan out of an answer, and returns both.
fn without_plan(mut answer: Value) -> (Value, Option<Value>) {
    let plan = answer.as_object_mut().and_then(|answer| answer.remove("plan"));
    (answer, plan)
}

#[test]
fn questions_have_the_answers_of_the_folder() {
    let cohort = require!(cohort());
    let (_double, url) = copied(&cohort.collection);
    let questions: [&[&str]; 9] = [
        &["search", "deep sleep", "-k", "25"],
        &["search", "rapid eye movements", "--stage", "R", "--min-score", "0.1"],
        &["search", "sleep", "--filter", "recording != night-0002 (stage = N2 OR event:arousal)"],
        &["search", "sleep", "--filter", "clock:* AND onset > 5400s AND NOT stage = W"],
        &["search", "--like", "night-0001:30"],
        &["search", "--like", "night-0001:30", "--captions"],
        &["nights", "nights with frequent arousals", "--filter", "epoch >= 20"],
        &["nights", "few slow waves that nobody has heard of"],
        &["nights", "more than 2 apneas per hour in n2", "-r", "night-0003"],
    ];
    for question in questions {
        let ask = |place: &str| {
            let arguments = question.iter().copied().chain(["--json", "-c", place]);
            without_plan(run(arguments).expect_code(0).json())
        };
        let ((here, scan), (there, plan)) = (ask(text(&cohort.collection)), ask(&url));
        assert_eq!(here, there, "{question:?}");
        let expect = match question[0] {
            "nights" => Some("qdrant pass".into()),
            _ => scan.map(|_| "qdrant exact".into()),
        };
        assert_eq!(plan, expect, "{question:?}");
    }
}

#[test]
fn labels_lists_and_exports_are_those_of_the_folder() {
    let cohort = require!(cohort());
    let (_double, url) = copied(&cohort.collection);
    let commands: [&[&str]; 7] = [
        &["label", "--json", "-c"],
        &["label", "night-0002", "--set", "events", "--filter", "stage = N2", "-c"],
        &["list", "-c"],
        &["list", "--json", "--page-size", "2", "--filter", "event:arousal", "-c"],
        &["list", "--json", "--facets", "stage,event,channel", "-c"],
        &["export", "--format", "dump"],
        &["verify"],
    ];
    for command in commands {
        let ask = |place: &str| run(command.iter().copied().chain([place])).expect_code(0).stdout;
        assert_eq!(ask(text(&cohort.collection)), ask(&url), "{command:?}");
    }
}

#[test]
fn what_is_lost_is_named_left_out_and_sent_again_from_the_folder() {
    let cohort = require!(cohort());
    let (double, url) = copied(&cohort.collection);
    double.tamper(|store| {
        let points = &mut store.collections.get_mut("sleep").unwrap().points;
        let is_it = |payload: &nocturne_qdrant_double::Payload| {
            payload["recording"] == "night-0002".into() && payload["point"] == "epoch".into()
        };
        let lost = points.iter().find(|(_, point)| is_it(&point.payload)).unwrap().0.clone();
        points.remove(&lost);
    });
    let answer = run(["nights", "frequent arousals", "-c", &url, "--json"]).expect_code(0).json();
    assert_eq!(answer["nights"].as_array().unwrap().len(), 3);
    assert_eq!(answer["skipped"][0]["recording"], "night-0002");
    let told = run(["label", "-c", &url, "--json"]).expect_code(1);
    assert!(told.error().contains("recording `night-0002`"), "{}", told.error());
    assert_eq!(told.json_lines().len(), 3 * 240, "the others are labelled");

    let told = run(["verify", &url]).expect_code(1);
    assert!(told.stdout.contains("night-0002: recording `night-0002`"), "{}", told.stdout);
    let from = text(&cohort.collection);
    let told = run(["verify", &url, "--repair", "--from", from]).expect_code(0);
    assert!(
        told.stdout.starts_with("night-0002: uploaded again and verified\n"),
        "{}",
        told.stdout
    );
    run(["verify", &url]).expect_code(0);
    let told = run(["verify", from, "--repair", "--from", from]).expect_code(1);
    assert!(told.error().contains("is for collections in Qdrant"), "{}", told.error());
}

#[test]
fn servers_make_snapshots_with_checksums() {
    let cohort = require!(cohort());
    let (_double, url) = copied(&cohort.collection);
    let snapshots = run(["backup", &url, "--json"]).expect_code(0).json_lines();
    let names: Vec<_> = snapshots.iter().map(|it| it["collection"].as_str().unwrap()).collect();
    assert_eq!(names, ["sleep", "sleep-recordings", "sleep-nights"]);
    assert!(snapshots.iter().all(|it| it["checksum"].as_str().unwrap().len() == 64));
    let told = run(["backup", &url, "elsewhere"]).expect_code(1);
    assert!(told.error().contains("writes its snapshots on the server"), "{}", told.error());
    let told = run(["backup", text(&cohort.collection)]).expect_code(1);
    assert!(told.error().contains("needs a target folder"), "{}", told.error());
}

#[test]
fn refusals_of_the_server_are_one_sentence_with_a_hint() {
    let cohort = require!(cohort());
    let (double, url) = copied(&cohort.collection);
    double.faults().plan(When::From(0), Fault::Refused);
    for command in [["list", "-c"].as_slice(), &["search", "deep sleep", "-c"], &["verify"]] {
        let told = run(command.iter().copied().chain([url.as_str()])).expect_code(1);
        assert!(told.error().contains("InvalidArgument: the double refuses"), "{}", told.error());
        assert!(told.stderr.contains("hint: check that the server runs"), "{}", told.stderr);
    }
    let told = run(["list", "-c", &double.url("nothing")]).expect_code(1);
    assert!(!told.error().is_empty());
}
