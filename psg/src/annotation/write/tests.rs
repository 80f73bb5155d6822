//! What is written is read as it was written.

use nocturne_edf::NewRecording;
use proptest::prelude::*;

use super::*;
use crate::annotation::{AnnotationFile, AnnotationFormat, ScoredAnnotation};
use crate::sleep::Stage;

/// Writes a file and reads it; returns the annotations without their path.
fn read(name: &str, content: &str) -> (AnnotationFormat, Vec<ScoredAnnotation>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    let file = AnnotationFile::open(&path, None).unwrap();
    let without_path = |annotation| ScoredAnnotation { file: None, ..annotation };
    (file.format, file.annotations.into_iter().map(without_path).collect())
}

/// Texts that a reader of lines can return, unusual ones among them.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("Sleep stage 2".to_owned()),
        Just("Arousal|Arousal ()".to_owned()),
        Just("Lights off@@EEG".to_owned()),
        "[a-zA-Z#\"'&<>;|=.,é🛌\\]\\[-]([ -~é]{0,12}[a-z\"#;.>])?",
    ]
}

fn annotations() -> impl Strategy<Value = Vec<ScoredAnnotation>> {
    let seconds = prop_oneof![0.0..1e5_f64, Just(0.1), Just(0.0), Just(1e-9)];
    let one = (seconds.clone(), proptest::option::of(seconds), text())
        .prop_map(|(onset_s, duration_s, text)| ScoredAnnotation::new(onset_s, duration_s, text));
    proptest::collection::vec(one, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn luna_annot_round_trips(
        mut annotations in annotations(),
        scorer in proptest::option::of("[A-Z][a-z]{0,5}"),
        meta in proptest::option::of("[a-z]=[0-9](;[a-z]=[0-9])?"),
        instance in proptest::option::of("[a-z]{1,5}"),
    ) {
        // `.` is a missing value.
        annotations.retain(|annotation| annotation.text != ".");
        for annotation in &mut annotations {
            annotation.scorer.clone_from(&scorer);
            annotation.meta.clone_from(&meta);
            annotation.instance.clone_from(&instance);
        }
        let (format, read) = read("a.annot", &luna_annot(&annotations));
        prop_assert_eq!(format, AnnotationFormat::LunaAnnot);
        prop_assert_eq!(read, annotations);
    }

    #[test]
    fn bids_tsv_round_trips(
        mut annotations in annotations(),
        channel in proptest::option::of("[A-Z][0-9] [a-z]"),
        scorer in proptest::option::of("[A-Z][a-z\"]{0,5}"),
    ) {
        for annotation in &mut annotations {
            annotation.channel = channel.clone().or(annotation.channel.take());
            annotation.scorer.clone_from(&scorer);
        }
        let (format, read) = read("a.tsv", &bids_tsv(&annotations));
        prop_assert_eq!(format, AnnotationFormat::BidsTsv);
        prop_assert_eq!(read, annotations);
    }

    #[test]
    fn nsrr_xml_round_trips(
        mut annotations in annotations(),
        channel in proptest::option::of("[A-Z<&][0-9]"),
    ) {
        for annotation in &mut annotations {
            annotation.channel = channel.clone().or(annotation.channel.take());
        }
        let (format, read) = read("a.xml", &nsrr_xml(&NsrrHeader::new("a <b> & c"), &annotations));
        prop_assert_eq!(format, AnnotationFormat::NsrrXml);
        prop_assert_eq!(read, annotations);
    }

    #[test]
    fn luna_eannot_round_trips(
        stages in proptest::collection::vec(proptest::option::of(0..Stage::ALL.len()), 1..40),
    ) {
        let stages: Vec<Option<Stage>> = stages.into_iter().map(|i| i.map(|i| Stage::ALL[i])).collect();
        let (format, read) = read("a.eannot", &luna_eannot(&stages));
        prop_assert_eq!(format, AnnotationFormat::LunaEannot);
        let scoring = crate::annotation::Scoring::from_annotations(&read);
        for (epoch, stage) in stages.iter().enumerate() {
            prop_assert_eq!(scoring.hypnogram.stage_of_epoch(epoch as f64 * 30.0), *stage);
        }
        prop_assert_eq!(scoring.n_unknown, 0);
    }

    #[test]
    fn readers_do_not_panic_on_any_bytes(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        start in prop::sample::select(&STARTS[..]),
        name in prop::sample::select(&["a.annot", "a.eannot", "a.xml", "a.txt", "a_stage.txt", "a.edf"][..]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, [start.as_bytes(), &bytes].concat()).unwrap();
        let _ = crate::annotation::AnnotationInspection::of(&path);
    }

    #[test]
    fn edf_plus_round_trips(
        mut annotations in proptest::collection::vec(
            (0..600_000_000_u32, proptest::option::of(0.0..1e4_f64), text()), 0..12,
        ),
        channel in proptest::option::of("[A-Z][0-9]"),
    ) {
        // The writer keeps the order within a data record; onsets have seven decimals.
        annotations.sort_by_key(|(onset, ..)| *onset);
        let written = annotations.into_iter().map(|(onset, duration_s, text)| {
            let annotation = ScoredAnnotation::new(f64::from(onset) / 1e7, duration_s, text);
            ScoredAnnotation { channel: annotation.channel.clone().or(channel.clone()), ..annotation }
        });
        let written: Vec<ScoredAnnotation> = written.collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.edf");
        let recording = NewRecording {
            start: jiff::civil::date(2020, 1, 1).at(22, 0, 0, 0),
            equipment: None,
            n_records: 2,
            record_duration_s: 30.0,
            signals: Vec::new(),
            annotations: written.iter().map(ScoredAnnotation::to_edf).collect(),
        };
        recording.write_to(&path, &[]).unwrap();
        let read = AnnotationFile::open(&path, None).unwrap().annotations;
        prop_assert_eq!(read.len(), written.len());
        for (read, written) in read.iter().zip(&written) {
            prop_assert_eq!((read.onset_s, read.duration_s), (written.onset_s, written.duration_s));
            prop_assert_eq!(&read.channel, &written.channel);
            let name = |annotation: &ScoredAnnotation| annotation.text.split("@@").next().map(str::to_owned);
            prop_assert_eq!(name(read), name(written));
        }
    }

    #[test]
    fn damaged_files_are_read_or_refused(
        (name, sample) in prop::sample::select(&SAMPLES[..]),
        damages in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        length in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = sample.as_bytes().to_vec();
        for (offset, byte) in damages {
            let offset = offset.index(bytes.len());
            bytes[offset] = byte;
        }
        if let Some(length) = length {
            bytes.truncate(length.index(bytes.len()));
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        if let Ok(read) = crate::annotation::AnnotationInspection::of(&path) {
            prop_assert!(read.annotations.iter().all(|(onset_s, ..)| onset_s.abs() <= 1e7));
        }
    }

    #[test]
    fn readers_do_not_panic_on_tokens_of_the_dialects(
        tokens in proptest::collection::vec(prop::sample::select(&TOKENS[..]), 0..60),
        start in prop::sample::select(&STARTS[..]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.annot");
        std::fs::write(&path, format!("{start}{}", tokens.concat())).unwrap();
        let _ = crate::annotation::AnnotationInspection::of(&path);
    }
}

/// A short file of each dialect, with its name.
const SAMPLES: [(&str, &str); 15] = [
    (
        "a.xml",
        "<PSGAnnotation><EpochLength>30</EpochLength><ScoredEvents><ScoredEvent><EventConcept>Arousal|Arousal ()\
         </EventConcept><Start>1.5</Start><Duration>3</Duration></ScoredEvent></ScoredEvents></PSGAnnotation>",
    ),
    (
        "a.xml",
        "<CMPStudyConfig><EpochLength>30</EpochLength><ScoredEvents><ScoredEvent><Name>Hypopnea</Name><Start>9</Start>\
         </ScoredEvent></ScoredEvents><SleepStages><SleepStage>5</SleepStage></SleepStages></CMPStudyConfig>",
    ),
    (
        "a.annot",
        "class\tinstance\tchannel\tstart\tstop\tmeta\nN2\t.\t.\te:1\te:2\t.\nW\t.\t.\t23:10:00\t...\tk=v\n",
    ),
    ("a.eannot", "W\nN1\nN2\n"),
    ("a_stage.txt", "0\r\n1\r\n5\r\n8\r\n"),
    (
        "a_respevt.txt",
        " Respiratory Event List\r\n Time\r\n00:29:13  HYP-C             16       89.9    4.1     -     -\r\n\x1a",
    ),
    (
        "a.csv",
        "Start,End,Event,Duration\n[],[],[],[s]\n15/01/2016 22:30:00,15/01/2016 22:30:30,Wake,30\n",
    ),
    ("a.tsv", "onset\tduration\ttrial_type\n0\t30\tSleep stage W\n30\tn/a\t\"a\"\n"),
    ("a.txt", "255\n11\n15\n"),
    (
        "a.xml",
        "<annotationlist><annotation><onset>2016-01-15T22:30:00.0</onset><duration>30</duration>\
         <description>Sleep stage W</description></annotation></annotationlist>",
    ),
    (
        "n1.txt",
        "Patient:\tX\nSleep Stage\tPosition\tTime [hh:mm:ss]\tEvent\tDuration[s]\tLocation\n\
         W\tSupine\t23:59:30\tSLEEP-S0\t30\tROC-LOC\nS2\t\t00:00:00\tMCAP-A1\t-4\tC4-A1\n",
    ),
    (
        "a.allscore.txt",
        "23:59:30.5\tSTAGE - W\n00:00:01.5\tDESATURATION - DUR: 35.6 SEC. - MIN 90.6 % - DROP 3.3 %\n",
    ),
    ("a.stg.txt", "Epoch\tUser-Defined Stage\tCAST-Defined Stage\n1\t0\t0\n2\t5\t5\n"),
    ("a.txt", "[vis1_Spindles/C3-A1]\n5.41\t0.77\n"),
    ("a.txt", "[hypnogram]\n5\n4\n-1\n"),
];

/// First lines of the dialects.
const STARTS: [&str; 15] = [
    "",
    "\u{feff}",
    "class\tstart\tstop\n",
    "Start,End,Event,Duration\n[],[],[],[s]\n",
    "Respiratory Event List\n",
    "onset\tduration\ttrial_type\n",
    "onset;event\n",
    "<PSGAnnotation>",
    "<CMPStudyConfig>",
    "<annotationlist>",
    "Time [hh:mm:ss]\tEvent\tDuration[s]\n",
    "22:00:00\tSTAGE - W\n",
    "Epoch\tUser-Defined Stage\n",
    "[vis1_Spindles/C3-A1]\n",
    "[hypnogram]\n",
];

/// What the texts of the dialects consist of.
/// Pieces of text that have a meaning in some dialect.
const TOKENS: [&str; 42] = [
    "\t",
    "\n",
    ",",
    ";",
    "\"",
    " ",
    ".",
    "...",
    "+",
    "-",
    "e:",
    "1",
    "30",
    "1e9",
    "12:00:00",
    "99:99",
    "PM",
    "T",
    "/",
    "1/2/2016",
    "N2",
    "é",
    "\0",
    "<ScoredEvent>",
    "</ScoredEvent>",
    "<Start>",
    "</Start>",
    "<SleepStage>",
    "</SleepStage>",
    "<EpochLength>",
    "</EpochLength>",
    "&amp;",
    "&#0;",
    "<![CDATA[",
    "<annotation>",
    "</annotation>",
    "<onset>",
    "</onset>",
    " - ",
    "DUR: ",
    " SEC.",
    "MIN 90 %",
];
