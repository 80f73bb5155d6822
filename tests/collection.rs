//! `nocturne index`, and the commands that query a collection.

use serde_json::Value;

use nocturne_testing::{onnx_runtime, require, shared_data};

use crate::cohort::{NIGHTS, cohort};
use crate::program::{run, text};

#[test]
fn second_run_changes_nothing() {
    let cohort = require!(cohort());
    let arguments =
        ["index", text(&cohort.nights), "--collection", text(&cohort.collection), "--json"];
    let lines = run(arguments).expect_code(0).json_lines();
    let summary = lines.last().unwrap();
    assert_eq!(summary["event"], "summary");
    assert_eq!(summary["unchanged"], NIGHTS);
    assert_eq!(summary["acknowledged"], 0);
}

#[test]
fn every_recording_is_acknowledged_with_its_number_of_epochs() {
    require!(onnx_runtime());
    let folder = tempfile::tempdir().unwrap();
    let (nights, collection) = (folder.path().join("nights"), folder.path().join("collection"));
    run(["simulate", "--out", text(&nights), "--nights", "2", "--hours", "0.2"]).expect_code(0);
    let lines = run(["index", text(&nights), "-c", text(&collection), "--json"])
        .expect_code(0)
        .json_lines();
    let acknowledged: Vec<&Value> =
        lines.iter().filter(|line| line["event"] == "acknowledged").collect();
    assert_eq!(acknowledged.len(), 2);
    assert_eq!(acknowledged[0]["recording"], "night-0001");
    assert_eq!(acknowledged[0]["epochs"], 24);
}

#[test]
fn text_finds_epochs_of_the_stage_it_names() {
    let cohort = require!(cohort());
    let arguments = ["search", "deep sleep", "-c", text(&cohort.collection), "-k", "20", "--json"];
    let answer = run(arguments).expect_code(0).json();
    let hits = answer["hits"].as_array().unwrap();
    assert_eq!(hits.len(), 20);
    let deep = hits.iter().filter(|hit| hit["stage"] == "N3").count();
    assert!(deep >= 12, "{deep} of 20");
    assert!(hits.windows(2).all(|pair| pair[0]["score"].as_f64() >= pair[1]["score"].as_f64()));
}

#[test]
fn filters_narrow_the_search() {
    let cohort = require!(cohort());
    let arguments = [
        "search",
        "sleep",
        "-c",
        text(&cohort.collection),
        "--recording",
        "night-0002",
        "--stage",
        "N2",
        "--json",
    ];
    let answer = run(arguments).expect_code(0).json();
    let hits = answer["hits"].as_array().unwrap();
    assert!(!hits.is_empty());
    assert!(hits.iter().all(|hit| hit["recording"] == "night-0002" && hit["stage"] == "N2"));
}

#[test]
fn small_collection_is_searched_exactly_at_any_recall() {
    let cohort = require!(cohort());
    let collection = text(&cohort.collection);
    let ask = |recall: &str| {
        let search = ["search", "rapid eye movements", "-c", collection, "--json", "--recall"];
        run(search.into_iter().chain([recall]))
    };
    let (all, most) = (ask("1").expect_code(0).json(), ask("0.9").expect_code(0).json());
    assert_eq!(all["plan"], "scan");
    assert_eq!(all, most);
    let run = ask("1.5").expect_code(1);
    assert!(
        run.error().ends_with("`recall` is 1.5; expected more than 0 and at most 1"),
        "{}",
        run.error()
    );
}

#[test]
fn epoch_finds_similar_epochs_and_captions() {
    let cohort = require!(cohort());
    let collection = text(&cohort.collection);
    let like = run(["search", "--like", "night-0001:30", "-c", collection, "--json"])
        .expect_code(0)
        .json();
    let hits = like["hits"].as_array().unwrap();
    assert_eq!(hits.len(), 10);
    assert!(hits.iter().all(|hit| !(hit["recording"] == "night-0001" && hit["epoch"] == 30)));
    let captions =
        run(["search", "--like", "night-0001:30", "--captions", "-c", collection, "--json"])
            .expect_code(0)
            .json();
    assert_eq!(captions.as_array().unwrap().len(), 10);
}

#[test]
fn nights_are_ranked_by_their_scored_rate() {
    let cohort = require!(cohort());
    let arguments =
        ["nights", "nights with frequent arousals", "-c", text(&cohort.collection), "--json"];
    let answer = run(arguments).expect_code(0).json();
    assert_eq!(answer["reading"]["typed"], "rate(arousal), highest first");
    let blocks = answer["blocks"].as_array().unwrap();
    assert_eq!((blocks.len(), &blocks[0]["source"]), (1, &"scored".into()));
    let nights = blocks[0]["nights"].as_array().unwrap();
    assert_eq!(nights.len(), NIGHTS);
    for night in nights {
        let truth =
            cohort.nights.join(format!("{}.truth.json", night["recording"].as_str().unwrap()));
        let truth: Value = serde_json::from_slice(&std::fs::read(truth).unwrap()).unwrap();
        let (scored, true_index) = (&night["values"][0]["value"], &truth["arousal_index_per_h"]);
        assert!(
            (scored.as_f64().unwrap() - true_index.as_f64().unwrap()).abs() < 0.51,
            "{scored} {true_index}"
        );
    }
}

#[test]
fn labels_have_probabilities() {
    let cohort = require!(cohort());
    let lines = run(["label", "night-0001", "-c", text(&cohort.collection), "--json"])
        .expect_code(0)
        .json_lines();
    assert_eq!(lines.len(), 240);
    let right = lines.iter().filter(|line| line["labels"][0] == line["scored_stage"]).count();
    assert!(right > 120, "{right} of 240");
    let table = run(["label", "night-0001", "-c", text(&cohort.collection)]).expect_code(0);
    assert!(table.stdout.contains("agreement over 240 epochs"), "{}", table.stdout);
    run(["label", "--set", "events", "-c", text(&cohort.collection)]).expect_code(0);
}

#[test]
fn real_recordings_are_indexed_as_published() {
    let data = require!(shared_data());
    require!(onnx_runtime());
    let folder = tempfile::tempdir().unwrap();
    let collection = folder.path().join("collection");
    for (name, recordings) in [("ucddb018", 1), ("sleep-edf-excerpt", 2), ("nox-excerpt", 1)] {
        let source = data.join(name);
        let arguments =
            ["index", text(&source), "-c", text(&collection), "--cohort", name, "--json"];
        let lines = run(arguments).expect_code(0).json_lines();
        assert_eq!(lines.last().unwrap()["acknowledged"], recordings, "{name}");
    }
    let answer = run(["search", "deep sleep", "-c", text(&collection), "--stage", "N3", "--json"])
        .expect_code(0)
        .json();
    assert!(answer["hits"].as_array().unwrap().iter().all(|hit| hit["channels"][0] == "EEG_C3_A2"));
}

#[test]
fn recordings_of_a_collection_are_listed() {
    let cohort = require!(cohort());
    let table = run(["list", "-c", text(&cohort.collection)]).expect_code(0).stdout;
    assert!(table.contains("night-0001") && table.contains(&format!("{NIGHTS} recordings")));
    let lines = run(["list", "-c", text(&cohort.collection), "--json"]).expect_code(0).json_lines();
    assert_eq!(lines.len(), NIGHTS);
    assert!(lines.iter().all(|line| line["n_epochs"].as_u64() > Some(0)), "{lines:?}");
}

#[test]
fn numbers_of_the_model_on_a_recorded_night_have_a_caution() {
    let data = require!(shared_data());
    require!(onnx_runtime());
    let folder = tempfile::tempdir().unwrap();
    let collection = folder.path().join("collection");
    let night = data.join("ucddb018");
    run(["index", text(&night), "-c", text(&collection)]).expect_code(0);
    let answer = run(["nights", "frequent arousals", "-c", text(&collection), "--json"])
        .expect_code(0)
        .json();
    let cautions = answer["cautions"].to_string();
    assert!(cautions.contains("calibrated on simulated nights only"), "{cautions}");
    let night = &answer["blocks"][0]["nights"][0];
    assert_eq!(night["values"][0]["no_interval"], "other_population");
    let refused = run(["nights", "many K-complexes", "-c", text(&collection)]).expect_code(1);
    assert!(refused.error().contains("`k_complex` is not measurable"), "{}", refused.error());
}

#[test]
fn questions_that_cannot_be_read_are_refused_with_the_position() {
    let cohort = require!(cohort());
    let refused = |question: &str| {
        let run = run(["nights", question, "-c", text(&cohort.collection)]).expect_code(1);
        run.error().to_owned()
    };
    assert!(refused("banana").contains("no word of it names a known concept"));
    assert!(refused("more than nan arousals per hour").contains("character 11"));
    assert!(refused("who snores").contains("`snore` was not scored"));
    assert!(refused("men over 60 with many arousals").contains("no recording has the metadata"));
    let typed = ["nights", "--ask", "rate(arousal) > 0", "-c", text(&cohort.collection), "--json"];
    let answer = run(typed).expect_code(0).json();
    assert_eq!(answer["reading"]["typed"], "rate(arousal) > 0");
}

#[test]
fn lists_of_recordings_are_indexed_row_by_row() {
    require!(onnx_runtime());
    let folder = tempfile::tempdir().unwrap();
    run(["simulate", "--out", text(folder.path()), "--nights", "2", "--hours", "0.1"])
        .expect_code(0);
    let (list, collection) = (folder.path().join("list.csv"), folder.path().join("collection"));
    let rows = "recording,subject\nnight-0001.edf,anna\nnight-0009.edf,carla\n";
    std::fs::write(&list, rows).unwrap();
    let seen = run(["inspect", "--manifest", text(&list), "--json"]).expect_code(3).json();
    assert_eq!((&seen["recordings"], &seen["rows_failed"][0]["line"]), (&1.into(), &3.into()));
    let index = || run(["index", "--manifest", text(&list), "-c", text(&collection), "--json"]);
    let lines = index().expect_code(3).json_lines();
    assert_eq!(lines.last().unwrap()["event"], "row_failed");
    let listed = run(["list", "-c", text(&collection), "--json"]).expect_code(0).json_lines();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["metadata"]["subject"], "anna");
    std::fs::write(&list, "recording,subject\nnight-0001.edf,berta\n").unwrap();
    assert_eq!(index().expect_code(0).json_lines().last().unwrap()["acknowledged"], 1);
    assert_eq!(index().expect_code(0).json_lines().last().unwrap()["unchanged"], 1);
}

#[test]
fn another_profile_indexes_recordings_again() {
    require!(onnx_runtime());
    let folder = tempfile::tempdir().unwrap();
    run([
        "simulate",
        "--out",
        text(folder.path()),
        "--nights",
        "1",
        "--hours",
        "0.1",
        "--site",
        "plain",
    ])
    .expect_code(0);
    let collection = folder.path().join("collection");
    let index = |profile| {
        let arguments =
            ["index", text(folder.path()), "-c", text(&collection), "--profile", profile, "--json"];
        run(arguments).expect_code(0).json_lines().last().unwrap()["acknowledged"].clone()
    };
    assert_eq!((index("auto"), index("auto")), (1.into(), 0.into()));
    assert_eq!((index("nocturne"), index("nocturne")), (1.into(), 0.into()));
}

#[test]
fn family_that_a_profile_declares_as_scored_has_zero_events() {
    require!(onnx_runtime());
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let simulate = ["simulate", "--out", text(folder.path()), "--nights", "1", "--hours", "1.2"];
    run(simulate.into_iter().chain(["--site", "plain"])).expect_code(0);
    std::fs::remove_file(at("night-0001-nsrr.xml")).unwrap();
    let stages: Vec<String> = (0..140).map(|n| format!("{},30,Sleep stage N2", 30 * n)).collect();
    let table = format!("onset,duration,description\n{}\n", stages.join("\n"));
    std::fs::write(at("night-0001.csv"), table).unwrap();
    let profile = |scored: &str| {
        let start =
            "name = \"lab\"\ntitle = \"Lab\"\nsource = \"a test\"\nextends = \"nocturne\"\n";
        std::fs::write(at("lab.toml"), format!("{start}{scored}")).unwrap();
    };
    let collection = at("collection");
    let asked = || {
        let index = ["index", text(folder.path()), "-c", text(&collection), "--profile"];
        run(index.into_iter().chain([text(&at("lab.toml"))])).expect_code(0);
        let nights = ["nights", "-c", text(&collection), "--source", "scored", "--json"];
        run(nights.into_iter().chain(["--ask", "rate(arousal), highest first"]))
    };
    profile("");
    assert!(asked().expect_code(1).error().contains("not scored"));
    profile("[scored]\nfamilies = [\"arousal\"]\n");
    let answer = asked().expect_code(0).json();
    assert_eq!(answer["blocks"][0]["nights"][0]["values"][0]["value"], 0.0, "{answer}");
    profile("[scored]\nfamilies = [\"arousal\"]\nannotations = \"NSRR XML\"\n");
    assert!(asked().expect_code(1).error().contains("not scored"));
}
