//! `nocturne stats`: statistics of scored recordings.

use nocturne_testing::require;
use serde_json::Value;

use crate::program::{run, text};

/// The statistics of the first night.
fn statistics(arguments: &[&str]) -> Value {
    let lines = run(["stats"].iter().chain(arguments).chain(&["--format", "json"]))
        .expect_code(0)
        .json_lines();
    lines[0].clone()
}

/// The statistic of the whole night with a name.
fn named(night: &Value, name: &str) -> Value {
    let all = night["statistics"].as_array().unwrap();
    all.iter().find(|it| it["name"] == name && it["scope"].is_null()).unwrap().clone()
}

#[test]
fn statistics_of_a_simulated_night_are_those_of_its_truth() {
    let folder = tempfile::tempdir().unwrap();
    let nights = folder.path().join("nights");
    let simulate = ["simulate", "--nights", "1", "--hours", "3", "--site", "aasm", "--out"];
    run(simulate.iter().chain(&[text(&nights)])).expect_code(0);
    let truth = std::fs::read_to_string(nights.join("night-0001.truth.json")).unwrap();
    let truth: Value = serde_json::from_str(&truth).unwrap();
    let stages = truth["stages"].as_array().unwrap();
    let asleep = stages.iter().filter(|stage| *stage != "W").count();
    let night = statistics(&[text(&nights)]);
    assert_eq!(night["in_bed"]["source"], "lights_marks");
    assert_eq!(night["in_bed"]["off_s"], truth["lights_off_s"]);
    let tst = named(&night, "tst");
    assert!((tst["value"].as_f64().unwrap() - asleep as f64 / 2.0).abs() <= 1.0, "{tst}");
    assert_eq!(tst["source"], "scored");
    assert!(named(&night, "sleep_efficiency")["value"].as_f64().unwrap() > 0.0);
    assert_eq!(named(&night, "odi_3")["source"], "measured");
    let plmi = named(&night, "plmi");
    assert!(plmi["value"].is_null());
    assert!(plmi["why_not"].as_str().unwrap().contains("not scored"), "{plmi}");
}

#[test]
fn time_in_bed_is_refused_without_marks_and_can_be_stated() {
    let case = require!(nocturne_testing::case("files/changes_only"));
    let recording = case.join("night.edf");
    let night = statistics(&[text(&recording)]);
    assert!(named(&night, "sleep_efficiency")["value"].is_null());
    assert_eq!(named(&night, "tst")["value"], 16.0);
    let night = statistics(&[text(&recording), "--in-bed", "recording"]);
    assert_eq!(named(&night, "sleep_efficiency")["value"], 80.0);
    let night = statistics(&[text(&recording), "--in-bed", "22:32-22:50"]);
    assert_eq!(night["in_bed"]["start_s"], 120.0);
    assert_eq!(named(&night, "tib")["value"], 18.0);
    // It starts ten minutes before the recording, which lasts 20 min.
    let night = statistics(&[text(&recording), "--in-bed", "22:20-23:30"]);
    assert_eq!(named(&night, "tib")["value"], 20.0);
    let outside = run(["stats", text(&recording), "--in-bed", "5000-6000"]).expect_code(1);
    assert!(outside.stderr.contains("is not within"), "{}", outside.stderr);
}

#[test]
fn table_has_a_row_for_each_night() {
    let folder = tempfile::tempdir().unwrap();
    let nights = folder.path().join("nights");
    let simulate = ["simulate", "--nights", "2", "--hours", "1", "--out", text(&nights)];
    run(simulate).expect_code(0);
    std::fs::write(nights.join("broken.edf"), "no recording").unwrap();
    let table = ["stats", text(&nights), "--format", "csv", "--by", "third,stage"];
    let table = run(table).expect_code(3);
    let rows: Vec<&str> = table.stdout.lines().collect();
    assert_eq!(rows.len(), 3, "{}", table.stdout);
    assert!(rows[0].starts_with("recording,in_bed,stages,tib,tst"), "{}", rows[0]);
    assert!(rows[0].contains(",arousal_index_third_1,") && rows[0].contains(",ahi_nrem,"));
    assert!(table.stderr.contains("skipped: `") && table.stderr.contains("broken.edf"));
}
