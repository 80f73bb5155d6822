//! Reads annotation files in the dialects of XML and interprets them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nocturne_psg::annotation::{AnnotationFile, Scoring};

fuzz_target!(|bytes: &[u8]| {
    nocturne_fuzz::with_file("a.xml", bytes, |path| match AnnotationFile::open(path, None) {
        Ok(file) => {
            for annotation in &file.annotations {
                assert!(annotation.onset_s.is_finite() && annotation.end_s().is_finite());
            }
            assert!(
                file.warnings.iter().all(|warning| !warning.message.contains(char::is_control))
            );
            let scoring = Scoring::from_annotations(&file.annotations);
            let _ = (scoring.warnings(), scoring.hypnogram.stage_of_epoch(0.0));
        }
        Err(error) => assert!(!error.to_string().contains(char::is_control)),
    });
});
