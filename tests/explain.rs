//! `nocturne search --explain`: where in each hit the query matches.

use serde_json::Value;

use nocturne_testing::require;

use crate::cohort::{Cohort, cohort};
use crate::program::{Run, run, text};

fn explain(cohort: &Cohort, arguments: &[&str]) -> Run {
    let search = ["search", "-c", text(&cohort.collection), "--explain", "--json"];
    run(search.iter().chain(arguments))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

#[test]
fn explanation_lists_seconds_and_channels_of_every_hit() {
    let cohort = require!(cohort());
    let answer = explain(cohort, &["deep sleep with slow waves", "-k", "2"]).expect_code(0).json();
    assert_eq!(answer["explanation"], "exchange");
    let hits = answer["hits"].as_array().unwrap();
    assert_eq!(hits.len(), 2);
    for hit in hits {
        assert!(hit["not_explained"].is_null(), "{hit}");
        let localisation = &hit["localisation"];
        assert!((number(&localisation["cosine"]) - number(&hit["score"])).abs() < 1e-2, "{hit}");
        assert_eq!(localisation["seconds"].as_array().unwrap().len(), 30);
        for reference in localisation["references"].as_array().unwrap() {
            assert_ne!(reference["epoch"], hit["epoch"]);
            assert!(number(&reference["epoch"]) >= number(&hit["epoch"]) - 10.0, "{hit}");
            assert!(number(&reference["epoch"]) <= number(&hit["epoch"]) + 10.0, "{hit}");
        }
        let spans = localisation["spans"].as_array().unwrap();
        assert!(!spans.is_empty() && spans.len() <= 3, "{hit}");
        for span in spans {
            let [from, peak, to] = ["from_s", "peak_s", "to_s"].map(|field| number(&span[field]));
            assert!(0.0 <= from && from <= peak && peak < to && to <= 30.0, "{span}");
            assert_eq!(span["change"], localisation["seconds"][peak as usize], "{span}");
            let channels = span["channels"].as_array().unwrap();
            assert!(channels.iter().all(|it| {
                it["channel"] != "POS"
                    && hit["channels"].as_array().unwrap().contains(&it["channel"])
            }));
            assert!(
                channels
                    .windows(2)
                    .all(|two| number(&two[0]["change"]) >= number(&two[1]["change"]))
            );
        }
    }
}

/// The words of the query decide: the same bundle finds arousals by `arousal`.
#[test]
fn words_match_where_the_event_is() {
    let cohort = require!(cohort());
    let arguments = ["an arousal", "--stage", "N2", "--event", "arousal", "-k", "6"];
    let answer = explain(cohort, &arguments).expect_code(0).json();
    let hits = answer["hits"].as_array().unwrap();
    let is_within = |hit: &&Value| {
        let onset_s = number(&hit["onset_s"]);
        let peak_s = onset_s + number(&hit["localisation"]["spans"][0]["peak_s"]) + 0.5;
        arousals(cohort, hit["recording"].as_str().unwrap())
            .iter()
            .any(|(from_s, to_s)| (from_s - 0.5..to_s + 0.5).contains(&peak_s))
    };
    let n = hits.iter().filter(is_within).count();
    // A random second is within an arousal in a quarter of such epochs.
    assert!(hits.len() == 6 && n >= 4, "{n} of {}: {answer}", hits.len());
}

/// Returns the onset and the end of the arousals of a simulated night.
fn arousals(cohort: &Cohort, recording: &str) -> Vec<(f64, f64)> {
    let path = cohort.nights.join(format!("{recording}.truth.json"));
    let truth: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let events = truth["events"].as_array().unwrap().iter();
    let span = |event: &Value| {
        let onset_s = number(&event["onset_s"]);
        (onset_s, onset_s + number(&event["duration_s"]))
    };
    events.filter(|event| event["kind"] == "arousal").map(span).collect()
}

#[test]
fn expressions_over_concepts_are_not_localised() {
    let cohort = require!(cohort());
    let arguments = ["N2 sleep without arousals", "-k", "1"];
    let answer = explain(cohort, &arguments).expect_code(0).json();
    let hit = &answer["hits"][0];
    assert!(hit["localisation"].is_null(), "{hit}");
    let expected = "`N2 & !arousal` is answered from probabilities of whole epochs; only free words are localised";
    assert_eq!(hit["not_explained"], expected);
}
