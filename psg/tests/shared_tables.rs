//! Every label of the NSRR alias tables is known in the profile of its cohort.
//!
//! The tables are not in the repository; without them the test is skipped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use nocturne_edf::{EdfReader, NewRecording, NewSignal};
use nocturne_psg::Result;
use nocturne_psg::montage::{Profile, ProfileChoice, ResolvedMontage};

fn shared_tables() -> Option<PathBuf> {
    nocturne_testing::available!(nocturne_testing::shared_tables())
}

#[test]
fn profiles_know_the_labels_of_the_alias_tables() {
    let Some(folder) = shared_tables() else { return };
    let table = std::fs::read_to_string(folder.join("channel_aliases.tsv")).unwrap();
    let mut labels: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let has_profile = Profile::embedded().iter().any(|profile| profile.name == cells[0]);
        let known = labels.entry(cells[0]).or_default();
        // Labels in EDF have at most 16 characters.
        if has_profile && cells[2].len() <= 16 && !known.contains(&cells[2]) {
            known.push(cells[2]);
        }
    }
    labels.retain(|_, labels| !labels.is_empty());
    assert!(labels.len() >= 8, "{:?}", labels.keys());
    let folder = tempfile::tempdir().unwrap();
    let mut unknown = Vec::new();
    for (cohort, labels) in labels {
        let path = folder.path().join(format!("{cohort}.edf"));
        let found = unknown_labels(&path, cohort, &labels).unwrap();
        unknown.extend(found.into_iter().map(|label| format!("{cohort}: {label}")));
    }
    assert!(unknown.is_empty(), "{}", unknown.join(", "));
}

/// Writes a recording with the labels and returns those that are unknown in the profile.
fn unknown_labels(path: &Path, profile: &str, labels: &[&str]) -> Result<Vec<String>> {
    let signal = |label: &&str| NewSignal {
        label: (*label).to_owned(),
        unit: String::new(),
        physical_range: (-1.0, 1.0),
        samples_per_record: 100,
    };
    let samples = vec![vec![0.0; 100]; labels.len()];
    let recording = NewRecording {
        start: DateTime::constant(2001, 1, 1, 22, 0, 0, 0),
        equipment: None,
        n_records: 1,
        record_duration_s: 1.0,
        signals: labels.iter().map(signal).collect(),
        annotations: Vec::new(),
    };
    recording.write_to(path, &samples)?;
    let file = EdfReader::open(path)?;
    let choice = ProfileChoice::Named(profile.to_owned());
    let montage = ResolvedMontage::resolve_with(file.header(), &choice)?;
    let unknown = montage.unknown_labels(file.header()).into_iter();
    Ok(unknown.map(|unknown| unknown.label).collect())
}
