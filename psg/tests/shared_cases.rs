//! Files after public reports of people who work with sleep recordings are read with the right stages and events.

use std::path::{Path, PathBuf};

use nocturne_psg::EventKind::{Arousal, CentralApnea, Desaturation, Hypopnea, ObstructiveApnea};
use nocturne_psg::montage::Channel::{self, EegC3A2, EegC4A1, EmgChin, EogLeft, EogRight};
use nocturne_psg::{EventKind, OpenOptions, Recording, Result};
use nocturne_testing::require;

/// The true stages of every case, one letter an epoch.
const STAGES: &str = "WWWWWWWW112222222222333333332222RRRRRRRR";

/// Opens the recording of a case with the annotations of its list, or with those beside it.
fn open(case: &Path) -> Result<Recording> {
    let files = || {
        let entries = std::fs::read_dir(case).expect("a case is a folder");
        entries.map(|entry| entry.expect("the folder can be listed").path())
    };
    let is_edf = |path: &PathBuf| path.extension().is_some_and(|it| it.eq_ignore_ascii_case("edf"));
    let recording = files().find(is_edf).expect("a case has a recording");
    let list = std::fs::read_to_string(case.join("list.csv")).unwrap_or_default();
    let listed = list.lines().nth(1).and_then(|row| row.split_once(','));
    let annotations =
        listed.map(|(_, names)| names.split(';').map(|name| case.join(name)).collect());
    Recording::open_with(&recording, &OpenOptions { annotations, ..OpenOptions::default() })
}

fn stages(recording: &Recording) -> String {
    let hypnogram = &recording.scoring().hypnogram;
    let letter = |epoch: u32| match hypnogram.stage_of_epoch(f64::from(epoch) * 30.0) {
        Some(stage) => stage.code().chars().last().unwrap_or('?'),
        None => '.',
    };
    (0..40).map(letter).collect()
}

fn events(recording: &Recording) -> Vec<(EventKind, f64, f64)> {
    let events = recording.scoring().events.iter();
    events.map(|event| (event.kind, event.onset_s, event.duration_s)).collect()
}

/// Cases whose stages start later, or that are about labels.
const OTHERS: [&str; 4] = ["luna_underscore", "natus_blanks", "ref", "zero_date"];

#[test]
fn stages_are_those_of_the_night() {
    let files = require!(nocturne_testing::case("files"));
    let mut names: Vec<String> = std::fs::read_dir(&files)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !OTHERS.contains(&name.as_str()))
        .collect();
    names.sort();
    assert!(names.len() >= 17, "{names:?}");
    let mut wrong = Vec::new();
    for name in names {
        match open(&files.join(&name)) {
            Ok(recording) if stages(&recording) == STAGES => {}
            Ok(recording) => {
                let warnings = recording.warnings().iter().map(|it| it.message.as_str());
                let warnings: Vec<&str> = warnings.collect();
                wrong.push(format!("{name}: {} {warnings:?}", stages(&recording)));
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn events_have_their_onsets_and_lengths() {
    let files = require!(nocturne_testing::case("files"));
    let of = |name: &str| events(&open(&files.join(name)).unwrap());
    let table = [(Hypopnea, 400.0, 22.5), (Desaturation, 410.0, 35.0), (Arousal, 420.0, 8.2)];
    assert_eq!(of("stages_csv"), table);
    assert_eq!(of("hsp"), [(Hypopnea, 400.0, 22.5)]);
    assert_eq!(of("domino"), [(Hypopnea, 400.513, 22.223), (CentralApnea, 500.0, 15.04)]);
    let study = [(Hypopnea, 400.5, 22.5), (Arousal, 420.0, 5.0), (ObstructiveApnea, 500.0, 15.0)];
    assert_eq!(of("rml"), study);
    assert_eq!(of("wsc_pause"), [(Hypopnea, 630.0, 20.0)]);
    assert!(!of("embla_xml").is_empty());
}

#[test]
fn labels_with_other_separators_and_a_common_reference_feed_their_channels() {
    let files = require!(nocturne_testing::case("files"));
    let fed = |name: &str| open(&files.join(name)).unwrap().montage().mask();
    for channel in [EegC3A2, EegC4A1, EogLeft, EogRight] {
        for name in ["luna_underscore", "ref"] {
            assert!(fed(name).contains(channel), "{name}: {channel}");
        }
    }
    for channel in [EmgChin, Channel::Ecg] {
        assert!(fed("natus_blanks").contains(channel), "{channel}");
    }
}

#[test]
fn time_of_day_is_used_without_a_valid_date() {
    let files = require!(nocturne_testing::case("files"));
    let found = stages(&open(&files.join("zero_date")).unwrap());
    assert_eq!(found, format!("{}{}", ".".repeat(10), &STAGES[10..]));
}

#[test]
fn what_is_assumed_or_not_used_is_named() {
    let files = require!(nocturne_testing::case("files"));
    let warns = |name: &str, expected: &str| {
        let recording = open(&files.join(name)).unwrap();
        let messages: Vec<&str> =
            recording.warnings().iter().map(|it| it.message.as_str()).collect();
        assert!(messages.iter().any(|it| it.contains(expected)), "{name}: {messages:?}");
    };
    warns("changes_only", "each was read as lasting until the next one");
    warns("changes_zero_duration", "each was read as an epoch of 30 s");
    warns("wsc_pause", "the log pauses for 600 s");
    warns("stage_per_second", "each was read as lasting 1 s");
    warns(
        "two_scorers_edf",
        "annotation signal 1` and `night.edf, annotation signal 2` score different stages",
    );
    warns("yasa_to_csv", "the stages are those of a program");
}
