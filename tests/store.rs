//! `nocturne verify`, `export`, `remove`, `backup`, `restore` and `copy`, on collections that need no encoder.

use std::path::Path;

use nocturne_encoder::Embedding;
use nocturne_encoder::bundle::Preprocessing;
use nocturne_index::{CollectionWriter, EmbeddingSpace, EpochPoint, RecordingDraft};
use nocturne_psg::hash::sha256;
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::{EpochNumber, EventKind, EventSet, Quality, RecordingId, Stage, ZScore};

use crate::program::{run, text};

fn draft(name: &str, n_epochs: u32) -> RecordingDraft {
    let epoch = |number| EpochPoint {
        number: EpochNumber(number),
        onset_s: 30.0 * f64::from(number),
        mask: ChannelMask::from_iter([Channel::Airflow]),
        quality: Quality::default(),
        stage: (number == 1).then_some(Stage::N2),
        events: EventSet::from_iter((number == 0).then_some(EventKind::Arousal)),
        vector: Embedding::new(vec![0.0, 1.0]).unwrap(),
    };
    RecordingDraft {
        id: RecordingId::new(name).unwrap(),
        source: format!("{name}.edf"),
        source_sha256: String::new(),
        annotations_sha256: None,
        start: None,
        metadata: std::collections::BTreeMap::new(),
        montage: serde_json::Value::Null,
        events: None,
        epochs: (0..n_epochs).map(epoch).collect(),
        captions: vec![],
    }
}

/// Creates a collection with recordings `a` and `b`, committed in this order.
fn fill(folder: &Path, order: [&str; 2]) {
    let space = EmbeddingSpace {
        bundle: "small".into(),
        fingerprint: "5d41".into(),
        dim: 2,
        preprocessing: Preprocessing { montage: "sleeplm-10".into(), z_score: ZScore::Recording },
    };
    let mut writer = CollectionWriter::create(folder, &space).unwrap();
    for name in order {
        writer.commit(draft(name, if name == "a" { 3 } else { 2 })).unwrap();
    }
}

#[test]
fn verify_counts_the_epochs_of_intact_recordings() {
    let folder = tempfile::tempdir().unwrap();
    let collection = folder.path().join("c");
    fill(&collection, ["b", "a"]);
    let output = run(["verify", text(&collection)]).expect_code(0);
    assert_eq!(output.stdout, "a: 3 epochs, intact\nb: 2 epochs, intact\n");
    let lines = run(["verify", text(&collection), "--json"]).expect_code(0).json_lines();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["recording"], &lines[0]["epochs"]), (&"a".into(), &3.into()));
    assert!(lines[0]["problem"].is_null());
}

#[test]
fn verify_names_damaged_and_missing_recordings_and_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let collection = folder.path().join("c");
    fill(&collection, ["a", "b"]);
    let list = folder.path().join("acked");
    let lines = "{\"event\":\"found\",\"recordings\":4}\n\
                 {\"event\":\"acknowledged\",\"recording\":\"a\",\"epochs\":3}\n\
                 {\"event\":\"unchanged\",\"recording\":\"a\"}\n\
                 {\"event\":\"acknowledged\",\"recording\":\"b\",\"epochs\":7}\n\
                 {\"event\":\"acknowledged\",\"recording\":\"gone\",\"epochs\":9}\n";
    std::fs::write(&list, lines).unwrap();
    let run_with = |list: &Path| run(["verify", text(&collection), "--acked", text(list)]);
    let output = run_with(&list).expect_code(1);
    let expect = "a: 3 epochs, intact\n\
                  b: has 2 epochs; 7 were acknowledged\n\
                  gone: acknowledged, but missing\n";
    assert_eq!(output.stdout, expect);
    assert!(output.error().starts_with("2 recordings of `"), "{}", output.error());

    std::fs::write(&list, "a\nb\n").unwrap();
    run_with(&list).expect_code(0);
    for segment in std::fs::read_dir(collection.join("segments")).unwrap() {
        let path = segment.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[100] ^= 1;
        std::fs::write(path, bytes).unwrap();
    }
    let output = run_with(&list).expect_code(1);
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(lines.len(), 2);
    for (line, name) in lines.iter().zip(["a", "b"]) {
        assert!(line.starts_with(&format!("{name}: `")) && line.contains("is damaged at byte 0"));
    }
}

#[test]
fn dump_does_not_depend_on_the_order_of_commits() {
    let folder = tempfile::tempdir().unwrap();
    let dumps = [["a", "b"], ["b", "a"]].map(|order| {
        let collection = folder.path().join(order[0]);
        fill(&collection, order);
        run(["export", text(&collection), "--format", "dump"]).expect_code(0)
    });
    assert_eq!(dumps[0].stdout, dumps[1].stdout);
    let lines = dumps[0].json_lines();
    let epochs: Vec<String> =
        lines.iter().map(|line| format!("{}:{}", line["recording"], line["epoch"])).collect();
    assert_eq!(epochs, ["\"a\":0", "\"a\":1", "\"a\":2", "\"b\":0", "\"b\":1"]);
    // Zero and one in half precision.
    assert_eq!(lines[0]["vector_sha256"], sha256([0, 0, 0, 0x3c]));
    assert_eq!(lines[0]["events"], serde_json::json!(["arousal"]));
    assert_eq!((&lines[1]["stage"], &lines[1]["channels"][0]), (&"N2".into(), &"AF".into()));
}

#[test]
fn backup_is_restored_and_updated() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (collection, backup, restored) = (path("c"), path("backup"), path("restored"));
    fill(&collection, ["a", "b"]);
    let output = run(["backup", text(&collection), text(&backup)]).expect_code(0);
    assert!(
        output.stdout.contains("2 recordings with 5 epochs, all verified; 2 written"),
        "{}",
        output.stdout
    );
    run(["restore", text(&backup), text(&restored)]).expect_code(0);
    let dump =
        |folder: &Path| run(["export", text(folder), "--format", "dump"]).expect_code(0).stdout;
    assert_eq!(dump(&restored), dump(&collection));

    run(["remove", "a", "-c", text(&collection)]).expect_code(0);
    let again = run(["backup", text(&collection), text(&backup)]).expect_code(1);
    assert!(again.error().contains("is already a collection"), "{}", again.error());
    let output = run(["backup", text(&collection), text(&backup), "--update", "--json"]);
    let output = output.expect_code(0).json();
    assert_eq!((&output["recordings"], &output["written"]), (&1.into(), &0.into()));
    assert_eq!(dump(&backup), dump(&collection));
}

#[test]
fn remove_deletes_recordings_and_names_unknown_ones() {
    let folder = tempfile::tempdir().unwrap();
    let collection = folder.path().join("c");
    fill(&collection, ["a", "b"]);
    let output = run(["remove", "unknown", "a", "-c", text(&collection), "--json"]).expect_code(3);
    let lines = output.json_lines();
    assert_eq!((&lines[0]["event"], &lines[0]["recording"]), (&"failed".into(), &"unknown".into()));
    assert_eq!((&lines[1]["event"], &lines[1]["recording"]), (&"removed".into(), &"a".into()));
    let segments = || std::fs::read_dir(collection.join("segments")).unwrap().count();
    assert_eq!(segments(), 2);
    run(["remove", "--purge", "-c", text(&collection)]).expect_code(0);
    assert_eq!(segments(), 1);
    let output = run(["verify", text(&collection)]).expect_code(0);
    assert_eq!(output.stdout, "b: 2 epochs, intact\n");
}

#[test]
fn copy_needs_a_folder_and_a_qdrant_address() {
    let folder = tempfile::tempdir().unwrap();
    let collection = folder.path().join("c");
    fill(&collection, ["a", "b"]);
    let other = folder.path().join("d");
    let output = run(["copy", text(&collection), text(&other)]).expect_code(1);
    assert!(
        output.error().contains("use `nocturne backup` to copy a folder"),
        "{}",
        output.error()
    );
    let url = "qdrant://localhost/sleep";
    let output = run(["copy", url, url]).expect_code(1);
    assert!(output.error().contains("copy to a folder first"), "{}", output.error());
    run(["copy", text(&collection), "http://localhost/sleep"]).expect_code(2);
    run(["verify", "qdrant://localhost"]).expect_code(2);
}

#[test]
fn api_key_is_not_sent_without_encryption() {
    let folder = tempfile::tempdir().unwrap();
    let collection = folder.path().join("c");
    fill(&collection, ["a", "b"]);
    let url = "qdrant://192.0.2.7/sleep";
    let output = run(["copy", text(&collection), url, "--api-key", "hush"]).expect_code(1);
    assert!(output.error().contains("would cross the network unencrypted"), "{}", output.error());
    assert!(!output.error().contains("hush"), "{}", output.error());
}
