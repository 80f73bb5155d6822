//! Annotations of public archives, in the dialects in which they are published, and of files built here.
//!
//! The files of archives are not part of the repository; their tests are skipped if they are absent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nocturne_edf::{Annotation, NewRecording, NewSignal};
use nocturne_psg::annotation::write::{NsrrHeader, bids_tsv, luna_annot, luna_eannot, nsrr_xml};
use nocturne_psg::annotation::{
    AnnotationFile, AnnotationFormat, AnnotationInspection, ScoredAnnotation, Scoring,
};
use nocturne_psg::{Event, EventKind, EventOrigin, Recording, Stage};

fn shared_data() -> Option<PathBuf> {
    nocturne_testing::available!(nocturne_testing::shared_data())
}

fn files_in(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the shared data has the folder");
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(suffix));
    paths.sort();
    assert!(!paths.is_empty(), "{}", folder.display());
    paths
}

fn counts(events: &[Event]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    events.iter().for_each(|event| *counts.entry(event.kind.name()).or_insert(0) += 1);
    counts
}

#[test]
fn ucddb_night_has_its_stages_and_events_in_two_files() {
    let Some(shared) = shared_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let copy = |from: &str, to: &str| {
        std::fs::copy(shared.join(from), folder.path().join(to)).unwrap();
    };
    copy("ucddb018/ucddb018_eeg.edf", "ucddb018.edf");
    copy("ucddb-annotations/ucddb018_stage.txt", "ucddb018_stage.txt");
    copy("ucddb-annotations/ucddb018_respevt.txt", "ucddb018_respevt.txt");
    let recording = Recording::open(&folder.path().join("ucddb018.edf")).unwrap();
    let formats: Vec<AnnotationFormat> =
        recording.annotation_files().iter().map(|file| file.format).collect();
    assert_eq!(formats, [AnnotationFormat::UcddbStages, AnnotationFormat::UcddbEvents]);

    // The recording contains the same scoring as EDF+ annotations, written by an independent program.
    let own = recording.file().annotations().iter().cloned().map(ScoredAnnotation::from);
    let own = Scoring::from_annotations(&own.collect::<Vec<_>>());
    let scoring = recording.scoring();
    assert_eq!(counts(&scoring.events), BTreeMap::from([("hypopnea", 9)]));
    for (found, expected) in scoring.events.iter().zip(&own.events) {
        assert_eq!((found.onset_s, found.duration_s), (expected.onset_s, expected.duration_s));
    }
    for epoch in 0..822 {
        let onset_s = f64::from(epoch) * 30.0;
        let stage = scoring.hypnogram.stage_of_epoch(onset_s);
        assert_eq!(stage, own.hypnogram.stage_of_epoch(onset_s), "epoch {epoch}");
        assert!(stage.is_some(), "epoch {epoch}");
    }
    let about_annotations = recording.warnings().iter().filter(|w| w.message.contains("ucddb018_"));
    assert_eq!(about_annotations.count(), 0, "{:?}", recording.warnings());
}

#[test]
fn every_stage_file_of_ucddb_is_read() {
    let Some(shared) = shared_data() else { return };
    let mut epochs = BTreeMap::new();
    for path in files_in(&shared.join("ucddb-annotations"), "_stage.txt") {
        let found = AnnotationInspection::of(&path).unwrap();
        assert_eq!(found.format, AnnotationFormat::UcddbStages);
        assert_eq!(found.stages.len(), found.n_annotations);
        for stage in found.stages {
            *epochs.entry(stage.map_or("?", Stage::code)).or_insert(0) += 1;
        }
    }
    let expected = [("?", 11), ("N1", 1450), ("N2", 3282), ("N3", 1493), ("R", 1407), ("W", 2431)];
    assert_eq!(epochs, BTreeMap::from(expected));
}

#[test]
fn every_event_list_of_ucddb_is_read() {
    let Some(shared) = shared_data() else { return };
    let (mut n_lines, mut n_ambiguous) = (BTreeMap::new(), 0);
    for path in files_in(&shared.join("ucddb-annotations"), "_respevt.txt") {
        let found = AnnotationFile::open(&path, None).unwrap();
        assert_eq!(found.format, AnnotationFormat::UcddbEvents);
        let scoring = Scoring::from_annotations(&found.annotations);
        assert_eq!(scoring.n_unknown, 0, "{}", path.display());
        n_ambiguous += scoring.ambiguous.values().sum::<usize>();
        for annotation in found.annotations {
            *n_lines.entry(annotation.text).or_insert(0) += 1;
            assert!(annotation.onset_s < 36_000.0 && annotation.duration_s.unwrap() > 4.0);
        }
    }
    let expected = [
        ("APNEA-C", 86),
        ("APNEA-M", 21),
        ("APNEA-O", 81),
        ("HYP-C", 405),
        ("HYP-M", 21),
        ("HYP-O", 720),
        ("PB EVENT", 35),
        ("POSSIBLE", 7),
    ];
    assert_eq!(n_lines, BTreeMap::from(expected.map(|(text, n)| (text.to_owned(), n))));
    assert_eq!(n_ambiguous, 7);
}

#[test]
fn event_lists_of_noxturnal_are_read() {
    let Some(shared) = shared_data() else { return };
    let (mut n_rows, mut events, mut hours) = (0, Vec::new(), Vec::new());
    for path in files_in(&shared.join("nox-excerpt"), ".csv") {
        let found = AnnotationFile::open(&path, None).unwrap();
        assert_eq!(found.format, AnnotationFormat::NoxturnalCsv);
        n_rows += found.annotations.len();
        let scoring = Scoring::from_annotations(&found.annotations);
        events.extend(scoring.events);
        hours.push((scoring.hypnogram.end_s() / 3600.0).round());
    }
    assert_eq!(n_rows, 4886);
    let counts = counts(&events);
    assert_eq!((counts["obstructive_apnea"], counts["central_apnea"]), (178, 24));
    assert_eq!((counts["hypopnea"], counts["mixed_apnea"], counts["arousal"]), (127, 4, 205));
    assert_eq!(hours, [12.0, 7.0, 10.0]);
}

#[test]
fn hypnograms_of_sleep_edf_are_read_as_annotation_files() {
    let Some(shared) = shared_data() else { return };
    for path in files_in(&shared.join("sleep-edf-hypnograms"), ".edf") {
        let found = AnnotationInspection::of(&path).unwrap();
        assert_eq!(found.format, AnnotationFormat::EdfPlus);
        assert!(found.stages.contains(&Some(Stage::N3)), "{}", path.display());
        assert_eq!(found.n_annotations, found.annotations.len());
    }
}

#[test]
fn annotations_of_archives_are_read_as_they_were_written() {
    let Some(shared) = shared_data() else { return };
    let nox = files_in(&shared.join("nox-excerpt"), ".csv");
    let ucddb = files_in(&shared.join("ucddb-annotations"), ".txt");
    let sleep_edf = files_in(&shared.join("sleep-edf-hypnograms"), ".edf");
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str, content: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        AnnotationFile::open(&path, None).unwrap().annotations
    };
    let without_origin = |annotation: &ScoredAnnotation| {
        let ScoredAnnotation { onset_s, duration_s, text, channel, .. } = annotation.clone();
        (onset_s, duration_s, text, channel)
    };
    for path in [nox, ucddb, sleep_edf].concat() {
        let annotations = AnnotationFile::open(&path, None).unwrap().annotations;
        let expected: Vec<_> = annotations.iter().map(without_origin).collect();
        let check = |found: Vec<ScoredAnnotation>| {
            assert_eq!(
                found.iter().map(without_origin).collect::<Vec<_>>(),
                expected,
                "{}",
                path.display()
            );
        };
        check(read("a.annot", luna_annot(&annotations)));
        check(read("a.tsv", bids_tsv(&annotations)));
        check(read("a.xml", nsrr_xml(&NsrrHeader::new("test"), &annotations)));
        let stages = AnnotationInspection::of(&path).unwrap().stages;
        if !stages.is_empty() {
            read("a.eannot", luna_eannot(&stages));
            assert_eq!(
                AnnotationInspection::of(&folder.path().join("a.eannot")).unwrap().stages,
                stages
            );
        }
    }
}

#[test]
fn events_have_the_origin_of_their_annotations() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.annot");
    std::fs::write(&path, "arousal\t.\tC4_M1\t1\t5\tscorer=B\n").unwrap();
    let file = AnnotationFile::open(&path, None).unwrap();
    let annotation = &file.annotations[0];
    assert_eq!(annotation.channel.as_deref(), Some("C4_M1"));
    assert_eq!(annotation.scorer.as_deref(), Some("B"));
    assert_eq!(annotation.file.as_deref(), Some(path.as_path()));
    let events = Scoring::from_annotations(&file.annotations).events;
    let origin = EventOrigin {
        file: Some(path.as_path().into()),
        scorers: vec!["B".into()],
        channels: vec!["C4_M1".into()],
    };
    let arousal = Event { origin: Some(origin.into()), ..Event::new(EventKind::Arousal, 1.0, 4.0) };
    assert_eq!(events, [arousal]);
    let events = serde_json::to_value(AnnotationInspection::of(&path).unwrap().events).unwrap();
    let expected = serde_json::json!([{
        "kind": "arousal", "onset_s": 1.0, "duration_s": 4.0, "channels": ["C4_M1"], "scorer": "B",
        "source": path.to_str().unwrap(),
    }]);
    assert_eq!(events, expected);
}

#[test]
fn annotation_files_that_disagree_are_both_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    let own = vec![Annotation::new(3.0, Some(2.0), "Apnea")];
    let recording = NewRecording {
        start: jiff::civil::date(2020, 1, 1).at(22, 0, 0, 0),
        equipment: None,
        n_records: 2,
        record_duration_s: 30.0,
        signals: Vec::new(),
        annotations: own,
    };
    recording.write_to(&path, &[]).unwrap();
    std::fs::write(folder.path().join("a.annot"), "N2\t22:00:00\t22:01:00\narousal\t5\t9\n")
        .unwrap();
    std::fs::write(folder.path().join("a.eannot"), "N2\nN3\n").unwrap();
    let recording = Recording::open(&path).unwrap();
    let scoring = recording.scoring();
    assert_eq!(scoring.hypnogram.stage_of_epoch(30.0), Some(Stage::N2));
    assert_eq!(counts(&scoring.events), BTreeMap::from([("apnea", 1), ("arousal", 1)]));
    let conflict = "`a.annot` and `a.eannot` score different stages in 1 of 2 epochs; those of `a.annot` were used";
    assert!(
        recording.warnings().iter().any(|w| w.message == conflict),
        "{:?}",
        recording.warnings()
    );
}

#[test]
fn annotations_outside_the_recording_are_ignored_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("n1.edf");
    let signal = NewSignal {
        label: "C4-A1".to_owned(),
        unit: "uV".to_owned(),
        physical_range: (-1.0, 1.0),
        samples_per_record: 6000,
    };
    let recording = NewRecording {
        start: jiff::civil::date(2020, 1, 1).at(22, 0, 0, 0),
        equipment: None,
        n_records: 2,
        record_duration_s: 60.0,
        signals: vec![signal],
        annotations: vec![],
    };
    recording.write_to(&path, &[vec![0.0; 12_000]]).unwrap();
    let text = "Patient:\tX\n\nSleep Stage\tTime [hh:mm:ss]\tEvent\tDuration[s]\tLocation\n\
                W\t21:59:30\tSLEEP-S0\t30\tROC-LOC\nW\t22:00:00\tSLEEP-S0\t30\tROC-LOC\n\
                S2\t22:00:30\tSLEEP-S2\t90\tROC-LOC\nS2\t22:00:40\tMCAP-A1\t3\tC4-A1\n\
                S2\t22:02:00\tSLEEP-S2\t30\tROC-LOC\n";
    std::fs::write(folder.path().join("n1.txt"), text).unwrap();
    let recording = Recording::open(&path).unwrap();
    let formats: Vec<AnnotationFormat> =
        recording.annotation_files().iter().map(|file| file.format).collect();
    assert_eq!(formats, [AnnotationFormat::RemLogicText]);
    let hypnogram = &recording.scoring().hypnogram;
    let stages: Vec<Option<Stage>> =
        (-1..5).map(|epoch| hypnogram.stage_of_epoch(f64::from(epoch) * 30.0)).collect();
    let (wake, n2) = (Some(Stage::Wake), Some(Stage::N2));
    assert_eq!(stages, [None, wake, n2, n2, n2, None]);
    let messages: Vec<&str> = recording
        .warnings()
        .iter()
        .map(|warning| warning.message.as_str())
        .filter(|message| message.contains("n1.txt"))
        .collect();
    let expected =
        "2 stages and events in `n1.txt` are outside the recording, which lasts 120 s; ignored";
    assert_eq!(messages, [expected]);
}

#[test]
fn scoring_that_is_opened_as_a_recording_is_not_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("SN001_sleepscoring.edf");
    let late = vec![Annotation::new(3600.0, Some(30.0), "Sleep stage N2")];
    let recording = NewRecording {
        start: jiff::civil::date(2020, 1, 1).at(22, 0, 0, 0),
        equipment: None,
        n_records: 1,
        record_duration_s: 1.0,
        signals: Vec::new(),
        annotations: late,
    };
    recording.write_to(&path, &[]).unwrap();
    let recording = Recording::open(&path).unwrap();
    assert_eq!(recording.scoring().hypnogram.stage_of_epoch(3600.0), Some(Stage::N2));
    assert!(recording.warnings().iter().all(|warning| !warning.message.contains("outside")));
}

#[test]
fn stages_of_every_night_of_boas_are_those_of_the_table() {
    let Some(shared) = shared_data() else { return };
    let path = shared.join("boas-hypnograms/hypnograms.tsv");
    let refused = AnnotationFile::open(&path, None).unwrap_err().to_string();
    assert!(
        refused.ends_with("a second subject starts here; expected the rows of one recording"),
        "{refused}"
    );
    let table = std::fs::read_to_string(&path).unwrap();
    let (header, rows) = table.split_once('\n').unwrap();
    let mut nights: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in rows.lines() {
        nights.entry(row.split('\t').next().unwrap()).or_default().push(row);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.tsv");
    let (mut epochs, mut counted) = (BTreeMap::new(), BTreeMap::new());
    for rows in nights.values() {
        std::fs::write(&path, format!("{header}\n{}\n", rows.join("\n"))).unwrap();
        let found = AnnotationInspection::of(&path).unwrap();
        assert_eq!(found.format, AnnotationFormat::BidsTsv);
        let known = found.stages.iter().flatten();
        known.for_each(|stage| *epochs.entry(stage.code()).or_insert(0) += 1);
        for row in rows {
            let code = row.split('\t').nth(3).unwrap();
            let stage = ["W", "N1", "N2", "N3", "R"].get(code.parse::<usize>().unwrap());
            stage.into_iter().for_each(|stage| *counted.entry(*stage).or_insert(0) += 1);
        }
    }
    assert_eq!(nights.len(), 128);
    assert_eq!(epochs, counted);
}
