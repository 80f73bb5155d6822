//! `nocturne eval`: the evaluation card of a bundle.

use serde_json::Value;

use nocturne_testing::{onnx_runtime, require, shared_data};

use crate::cohort::cohort;
use crate::program::{run, text};

/// Expects a value at `key` of an object, and an interval close to it in `ci95`.
fn check_interval(object: &Value, key: &str) {
    let value = object[key].as_f64().unwrap_or_else(|| panic!("no `{key}`: {object}"));
    let ends = object["ci95"][key].as_array().unwrap_or_else(|| panic!("no `{key}`: {object}"));
    let [low, high] = [&ends[0], &ends[1]].map(|end| end.as_f64().unwrap());
    // The percentiles of a bootstrap need not include the value itself, but must be close to it.
    assert!(low <= high && low <= value + 0.1 && value - 0.1 <= high, "{key}: {object}");
}

/// Returns the names in `not_judged`.
fn not_judged(card: &Value) -> Vec<&str> {
    let reasons = card["not_judged"].as_array().unwrap();
    reasons.iter().filter_map(|reason| reason.as_str()?.split(": ").next()).collect()
}

#[test]
fn card_of_scored_nights_has_the_documented_keys() {
    let cohort = require!(cohort());
    let folder = tempfile::tempdir().unwrap();
    let markdown = folder.path().join("card.md");
    let arguments =
        ["eval", text(&cohort.nights), "--json", "--by-channels", "40", "--localisation", "1"];
    let card = run(arguments.iter().chain(&["--markdown", text(&markdown)])).expect_code(0).json();
    assert_eq!(card["resampling"]["unit"], "subject");
    let stages = &card["stages"];
    for key in ["balanced_accuracy", "macro_f1", "kappa"] {
        check_interval(stages, key);
        check_interval(&stages["with_neighbours"], key);
    }
    assert!(stages["f1"]["N2"].is_f64() && stages["confusion"][4][4].is_u64());
    check_interval(&stages["calibration"], "ece");
    assert!(stages["by_prompt"]["worst"].as_f64() <= stages["by_prompt"]["mean"].as_f64());
    check_interval(&card, "wake_vs_deep_auroc");
    for key in ["auroc", "auprc", "prevalence"] {
        check_interval(&card["events"]["arousal"], key);
    }
    assert!(card["events_mean"]["over"].as_array().unwrap().contains(&"arousal".into()));
    for way in ["text_to_epoch", "epoch_to_text"] {
        let retrieval = &card["retrieval"][way];
        for key in ["r1", "r5", "r10", "mrr", "label_map"] {
            check_interval(retrieval, key);
        }
        assert_eq!(retrieval["gallery"], 960);
    }
    check_interval(&card["nights"]["arousal"], "spearman");
    assert_eq!(card["few_shot"]["held_out"], "subjects");
    assert_eq!(card["few_shot"]["curve"].as_array().unwrap().len(), 4);
    check_interval(&card["few_shot"]["curve"][2], "balanced_accuracy");
    assert_eq!(card["by_channels"]["one_eeg"]["epochs"], 40);
    assert!(card["by_channels"]["all"]["stages"]["balanced_accuracy"].is_f64());
    let spindle = &card["localisation"]["spindle"];
    assert!(spindle["iou_by_chance"].as_f64() > Some(0.0), "{spindle}");
    assert_eq!(spindle["epochs"], 1);
    let markdown = std::fs::read_to_string(markdown).unwrap();
    assert!(markdown.contains("\n## Retrieval\n\n|  | gallery |"), "{markdown}");
}

#[test]
fn same_recordings_give_the_same_card() {
    require!(onnx_runtime());
    let folder = tempfile::tempdir().unwrap();
    let nights = folder.path().join("nights");
    run(["simulate", "--out", text(&nights), "--nights", "1", "--hours", "0.5"]).expect_code(0);
    let arguments = ["eval", text(&nights), "--json", "--by-channels", "0"];
    let cards = [(); 2].map(|()| run(arguments).expect_code(0).stdout);
    assert_eq!(cards[0], cards[1]);
    let card: Value = serde_json::from_str(&cards[0]).unwrap();
    assert_eq!(card["resampling"]["unit"], "half_hour");
    assert!(not_judged(&card).contains(&"nights"), "{card}");
}

#[test]
fn metrics_without_data_are_listed_as_not_judged() {
    let data = require!(shared_data());
    require!(onnx_runtime());
    let folder = data.join("sleep-edf-excerpt");
    let card = run(["eval", text(&folder), "--json"]).expect_code(0).json();
    let reasons = not_judged(&card);
    for name in ["wake_vs_deep_auroc", "events", "nights", "few_shot"] {
        assert!(reasons.contains(&name), "`{name}` is not listed: {reasons:?}");
    }
}
