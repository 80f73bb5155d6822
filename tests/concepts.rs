//! `nocturne concepts`, and searches that known concepts answer.

use nocturne_testing::require;

use crate::cohort::cohort;
use crate::program::{root, run, text};

/// A concept of one's own.
const OWN: &str = r#"
version = 1

[[concept]]
id = "airway_stop"
names = ["stop of the airway"]
kind = "event"
members = ["apnea"]
needs = [["AF"]]
sources = ["scored", "model"]
evidence = "Apneas of any type."
"#;

#[test]
fn list_names_every_concept_and_where_it_is_answered_from() {
    let listed = run(["concepts", "list"]).expect_code(0).stdout;
    for id in ["arousal", "ahi", "supine", "waso"] {
        assert!(listed.lines().any(|line| line.trim_start().starts_with(id)), "{listed}");
    }
    let json = run(["concepts", "list", "--json"]).expect_code(0).json();
    assert!(json.as_array().unwrap().len() > 70);
}

#[test]
fn show_takes_a_name_and_says_why_the_model_is_refused() {
    let shown = run(["concepts", "show", "deep sleep"]).expect_code(0).stdout;
    assert!(shown.starts_with("concept    N3 (stage)"), "{shown}");
    let shown = run(["concepts", "show", "central apneas"]).expect_code(0).stdout;
    assert!(shown.contains("numbers of nights are refused: "), "{shown}");
    let error = run(["concepts", "show", "arousel"]).expect_code(1).error().to_owned();
    assert!(error.contains("similar names are `arousal`"), "{error}");
}

#[test]
fn own_concepts_are_checked_added_and_asked_about() {
    let cohort = require!(cohort());
    let folder = tempfile::tempdir().unwrap();
    let (new, own) = (folder.path().join("new.toml"), folder.path().join("own.toml"));
    std::fs::write(&new, OWN).unwrap();
    run(["concepts", "add", text(&new), "--concepts", text(&own)]).expect_code(0);
    let written = std::fs::read_to_string(&own).unwrap();
    assert!(written.contains("version = 1") && written.contains("airway_stop"), "{written}");
    // Twice is once too often, and leaves the file as it is.
    let error = run(["concepts", "add", text(&new), "--concepts", text(&own)]).expect_code(1);
    assert!(error.error().contains("already belongs to the concept"), "{error:?}");
    assert_eq!(std::fs::read_to_string(&own).unwrap(), written);
    let question =
        ["nights", "--ask", "rate(airway_stop), highest first", "--concepts", text(&own)];
    let answer = run([&question[..], &["-c", text(&cohort.collection), "--json"]].concat());
    let answer = answer.expect_code(0).json();
    assert_eq!(answer["reading"]["typed"], "rate(airway_stop), highest first");
    assert!(!answer["blocks"].as_array().unwrap().is_empty(), "{answer}");
}

#[test]
fn calibration_needs_enough_scored_nights() {
    let cohort = require!(cohort());
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("calibration.toml");
    let collection = text(&cohort.collection);
    let arguments = ["concepts", "calibrate", "-c", collection, "--name", "four nights", "-o"];
    let refused = run([&arguments[..], &[text(&output)]].concat()).expect_code(1);
    let expected = "`nights` is 0; expected at least 39 nights with scored stages and events";
    assert!(
        refused.error().starts_with(expected) || refused.error().contains("expected at least 39"),
        "{refused:?}"
    );
    assert!(!output.exists());
}

#[test]
fn evaluation_needs_whole_nights() {
    let cohort = require!(cohort());
    let evaluate = ["concepts", "evaluate", "-c", text(&cohort.collection), "--json"];
    // The nights of the cohort are too short for an interval.
    let refused = run(evaluate).expect_code(1);
    assert!(refused.error().contains("`nights to check` is 0"), "{refused:?}");
}

#[test]
fn negation_in_a_search_is_read_as_an_expression() {
    let cohort = require!(cohort());
    let search = ["search", "N2 sleep without arousals", "-c", text(&cohort.collection), "--json"];
    let answer = run(search).expect_code(0).json();
    assert_eq!(answer["reading"]["typed"], "N2 & !arousal");
    assert_eq!(answer["score"], "probability");
    assert_eq!(answer["hits"].as_array().unwrap().len(), 10);
    let refused = run(["search", "epochs without music", "-c", text(&cohort.collection)]);
    assert!(refused.expect_code(1).error().contains("character"));
}

#[test]
fn hits_have_the_channels_that_show_what_was_asked() {
    let cohort = require!(cohort());
    let search = ["search", "obstructive apnea", "-c", text(&cohort.collection), "--json"];
    let answer = run(search).expect_code(0).json();
    for hit in answer["hits"].as_array().unwrap() {
        assert!(hit["channels"].as_array().unwrap().contains(&"AF".into()), "{hit}");
    }
    let snoring = run(["search", "loud snoring", "-c", text(&cohort.collection)]).expect_code(1);
    assert!(snoring.error().contains("snore"), "{snoring:?}");
}

#[test]
fn nights_are_ranked_by_similarity_without_numbers() {
    let cohort = require!(cohort());
    let collection = text(&cohort.collection);
    let rank = ["search", "--nights", "body movement", "-c", collection, "--json"];
    let ranking = run(rank).expect_code(0).json();
    let nights = ranking["nights"].as_array().unwrap();
    assert_eq!(nights.len(), crate::cohort::NIGHTS);
    let scores: Vec<f64> = nights.iter().map(|it| it["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    let negated = run(["search", "--nights", "no arousals", "-c", collection]).expect_code(1);
    assert!(negated.error().contains("what the encoder sees"), "{negated:?}");
}

/// Texts about things that no night of sleep shows in its signals; half of them are about medicine.
#[test]
fn absent_things_have_no_hits() {
    let cohort = require!(cohort());
    let texts = std::fs::read_to_string(root().join("tests/absent_texts.txt")).unwrap();
    let matched: Vec<&str> = texts
        .lines()
        .filter(|text| {
            let search = ["search", text, "-c", super::program::text(&cohort.collection), "--json"];
            let answer = run(search);
            answer.code == 0 && answer.json()["nothing_matches"] == false
        })
        .collect();
    assert!(matched.len() <= 5, "{matched:?}");
}
