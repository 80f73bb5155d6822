//! `nocturne simulate`

use std::collections::BTreeMap;
use std::path::Path;

use nocturne_psg::hash::sha256_of_file;
use serde_json::Value;

use crate::program::{run, text};

fn hashes(folder: &Path) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), sha256_of_file(&path).unwrap())
        })
        .collect()
}

fn simulate(folder: &Path, arguments: &[&str]) {
    run([&["simulate", "--hours", "0.5", "--out", text(folder)], arguments].concat())
        .expect_code(0);
}

#[test]
fn same_seed_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
    simulate(&a, &["--nights", "2", "--seed", "9"]);
    simulate(&b, &["--nights", "2", "--seed", "9"]);
    simulate(&c, &["--nights", "2", "--seed", "10"]);
    assert_eq!(hashes(&a), hashes(&b));
    assert_eq!(hashes(&a).len(), 6);
    assert_ne!(hashes(&a), hashes(&c));
}

#[test]
fn nights_do_not_depend_on_their_number() {
    let folder = tempfile::tempdir().unwrap();
    let [all, one] = ["all", "one"].map(|name| folder.path().join(name));
    simulate(&all, &["--nights", "3"]);
    simulate(&one, &["--nights", "1", "--first", "3"]);
    let (all, one) = (hashes(&all), hashes(&one));
    assert!(one.iter().all(|(name, hash)| all.get(name) == Some(hash)), "{one:?}");
}

#[test]
fn truth_and_annotations_agree() {
    let folder = tempfile::tempdir().unwrap();
    simulate(folder.path(), &["--nights", "1", "--seed", "4"]);
    let truth: Value = serde_json::from_slice(
        &std::fs::read(folder.path().join("night-0001.truth.json")).unwrap(),
    )
    .unwrap();
    let run =
        run(["inspect", "--json", text(&folder.path().join("night-0001.edf"))]).expect_code(0);
    let inspection = run.json();
    assert_eq!(inspection["epochs_30s_complete"], 60);
    assert_eq!(truth["stages"].as_array().unwrap().len(), 60);
    let arousals = |texts: &[Value]| {
        texts.iter().filter(|it| it[2].as_str().unwrap().starts_with("Arousal")).count()
    };
    let true_arousals =
        truth["events"].as_array().unwrap().iter().filter(|it| it["kind"] == "arousal").count();
    assert_eq!(arousals(inspection["annotations"].as_array().unwrap()), true_arousals);
    assert_eq!(inspection["warnings"], Value::Array(vec![]), "{}", run.stderr);
}

#[test]
fn wrong_usage_exits_with_code_2() {
    for arguments in [
        &["simulate"][..],
        &["simulate", "--out", "x", "--hours", "99"],
        &["simulate", "--out", "x", "--nights", "0"],
        &["simulate", "--out", "x", "--site", "moon"],
        &["dream"],
    ] {
        run(arguments).expect_code(2);
    }
}
