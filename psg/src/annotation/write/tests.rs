//! Everything that is read can be written, and is then read as it was.

use proptest::prelude::*;

use super::*;
use crate::Stage;
use crate::annotation::{Annotation, AnnotationFile, AnnotationFormat};

/// Writes a file under a name and reads it; what stands in it forgets its path.
fn read(name: &str, content: &str) -> (AnnotationFormat, Vec<Annotation>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    let file = AnnotationFile::open(&path, None).unwrap();
    let forget = |annotation| Annotation { file: None, ..annotation };
    (file.format, file.annotations.into_iter().map(forget).collect())
}

/// Texts that a reader of lines can give, the odd ones among them.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("Sleep stage 2".to_owned()),
        Just("Arousal|Arousal ()".to_owned()),
        Just("Lights off@@EEG".to_owned()),
        "[a-zA-Z#\"'&<>;|=.,é🛌\\]\\[-]([ -~é]{0,12}[a-z\"#;.>])?",
    ]
}

fn annotations() -> impl Strategy<Value = Vec<Annotation>> {
    let seconds = prop_oneof![0.0..1e5_f64, Just(0.1), Just(0.0), Just(1e-9)];
    let one = (seconds.clone(), proptest::option::of(seconds), text())
        .prop_map(|(onset_s, duration_s, text)| Annotation::new(onset_s, duration_s, text));
    proptest::collection::vec(one, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn luna_annot_is_read_as_it_was_written(
        mut annotations in annotations(),
        scorer in proptest::option::of("[A-Z][a-z]{0,5}"),
        meta in proptest::option::of("[a-z]=[0-9](;[a-z]=[0-9])?"),
        instance in proptest::option::of("[a-z]{1,5}"),
    ) {
        // What `.` stands for is nothing.
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
    fn bids_tsv_is_read_as_it_was_written(
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
    fn nsrr_xml_is_read_as_it_was_written(
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
    fn luna_eannot_is_read_as_it_was_written(
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
    fn no_bytes_make_a_reader_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        begin in prop::sample::select(&BEGINS[..]),
        name in prop::sample::select(&["a.annot", "a.eannot", "a.xml", "a.txt", "a_stage.txt", "a.edf"][..]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, [begin.as_bytes(), &bytes].concat()).unwrap();
        let _ = crate::annotation::AnnotationInspection::of(&path);
    }

    #[test]
    fn no_text_of_the_dialects_makes_a_reader_panic(
        tokens in proptest::collection::vec(prop::sample::select(&TOKENS[..]), 0..60),
        begin in prop::sample::select(&BEGINS[..]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.annot");
        std::fs::write(&path, format!("{begin}{}", tokens.concat())).unwrap();
        let _ = crate::annotation::AnnotationInspection::of(&path);
    }
}

const BEGINS: [&str; 9] = [
    "",
    "\u{feff}",
    "class\tstart\tstop\n",
    "Start,End,Event,Duration\n[],[],[],[s]\n",
    "Respiratory Event List\n",
    "onset\tduration\ttrial_type\n",
    "onset;event\n",
    "<PSGAnnotation>",
    "<CMPStudyConfig>",
];

const TOKENS: [&str; 34] = [
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
];
