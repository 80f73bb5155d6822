//! Opens recordings: the header, the time line, the annotations, the montage.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nocturne_edf::EdfReader;
use nocturne_psg::montage::ResolvedMontage;

fuzz_target!(|bytes: &[u8]| {
    nocturne_fuzz::with_file("a.edf", bytes, |path| match EdfReader::open(path) {
        Ok(file) => {
            let header = file.header();
            let montage = ResolvedMontage::resolve(header);
            let _ = (file.start(), montage.report(header), montage.unknown_labels(header));
            let mut warnings = file
                .warnings()
                .iter()
                .chain(&montage.warnings(header))
                .cloned()
                .collect::<Vec<_>>();
            warnings.retain(|warning| warning.message.contains(char::is_control));
            assert!(warnings.is_empty(), "{warnings:?}");
        }
        Err(error) => assert!(!error.to_string().contains(char::is_control)),
    });
});
