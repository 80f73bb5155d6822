//! Concepts learned from labelled epochs, in place of prompts.

use std::path::{Path, PathBuf};

use nocturne_encoder::head::LogisticHead;
use nocturne_encoder::{Concept, ConceptTarget, ConceptValidation};
use nocturne_index::{CollectionReader, FolderReader, VectorIndex};
use nocturne_psg::{RecordingId, Stage};

use nocturne_testing::require;

use crate::cohort::{Cohort, cohort};
use crate::program::{run, text};

/// The night that is labelled; the concept is learned from the others.
const LABELLED_NIGHT: &str = "night-0001";

/// Learns deep sleep from the other nights; `None` for the fingerprint of the collection's bundle.
fn learn(cohort: &Cohort, folder: &Path, fingerprint: Option<&str>) -> PathBuf {
    let collection = FolderReader::open(&cohort.collection).unwrap();
    let ids: Vec<RecordingId> = collection.entries().iter().map(|entry| entry.id.clone()).collect();
    let mut epochs: Vec<(Vec<f32>, bool)> = Vec::new();
    for id in ids.iter().filter(|id| id.to_string() != LABELLED_NIGHT) {
        let recording = collection.recording(id).unwrap();
        for (row, stage) in recording.stages().iter().enumerate() {
            let embedding = recording.vectors().embedding(row).unwrap();
            epochs.push((embedding.as_slice().to_vec(), *stage == Some(Stage::N3)));
        }
    }
    let labelled: Vec<(&[f32], bool)> =
        epochs.iter().map(|(embedding, has_it)| (embedding.as_slice(), *has_it)).collect();
    let head = LogisticHead::fit(&labelled, 1e-3);
    let n_with = labelled.iter().filter(|(_, has_it)| *has_it).count();
    let validation = ConceptValidation {
        folds: 3,
        auroc: 0.99,
        true_positive_rate: 0.95,
        false_positive_rate: 0.05,
    };
    let fingerprint = fingerprint.unwrap_or(&collection.space().fingerprint).to_owned();
    let counts = [n_with, labelled.len() - n_with];
    let concept =
        Concept::new(ConceptTarget::Stage(Stage::N3), fingerprint, head, counts, validation);
    let path = folder.join("deep.toml");
    std::fs::write(&path, concept.to_toml()).unwrap();
    path
}

#[test]
fn learned_concept_labels_an_unseen_night() {
    let cohort = require!(cohort());
    let folder = tempfile::tempdir().unwrap();
    let concept = learn(cohort, folder.path(), None);
    let collection = text(&cohort.collection);
    let arguments = ["label", LABELLED_NIGHT, "-c", collection, "--concept", text(&concept)];
    let lines = run(arguments.iter().chain(&["--json"])).expect_code(0).json_lines();
    assert_eq!(lines.len(), 240);
    let right = lines
        .iter()
        .filter(|line| (line["labels"][0] == "N3") == (line["scored_stage"] == "N3"))
        .count();
    assert!(right >= 216, "{right} of 240");
    let table = run(arguments).expect_code(0).stdout;
    assert!(table.contains(LABELLED_NIGHT) && table.contains("N3"), "{table}");
}

#[test]
fn learned_concept_ranks_epochs_by_probability() {
    let cohort = require!(cohort());
    let folder = tempfile::tempdir().unwrap();
    let concept = learn(cohort, folder.path(), None);
    let collection = text(&cohort.collection);
    let arguments = ["search", "-c", collection, "--concept", text(&concept), "-k", "20", "--json"];
    let answer = run(arguments.iter().chain(&["--min-score", "0.5"])).expect_code(0).json();
    let hits = answer["hits"].as_array().unwrap();
    assert_eq!(hits.len(), 20);
    assert!(hits.iter().all(|hit| (0.5..=1.0).contains(&hit["score"].as_f64().unwrap())));
    let deep = hits.iter().filter(|hit| hit["stage"] == "N3").count();
    assert!(deep >= 18, "{deep} of 20");
    let outside = run(arguments.iter().chain(&["--min-score", "1.5"])).expect_code(1);
    let expected = "`min_score` is 1.5; expected a probability from 0 to 1";
    assert_eq!(outside.error(), expected);
}

#[test]
fn concept_of_another_bundle_is_rejected() {
    let cohort = require!(cohort());
    let folder = tempfile::tempdir().unwrap();
    let concept = learn(cohort, folder.path(), Some("f00"));
    let collection = text(&cohort.collection);
    for command in ["label", "search"] {
        let run = run([command, "-c", collection, "--concept", text(&concept)]).expect_code(1);
        let expected = format!(
            "`{}` was learned with the bundle `f00`; the bundle in use is `{}`",
            concept.display(),
            FolderReader::open(&cohort.collection).unwrap().space().fingerprint
        );
        assert_eq!(run.error(), expected);
    }
}
