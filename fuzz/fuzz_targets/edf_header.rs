//! Opens recordings: the header, the timeline, the annotations, the montage.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nocturne_edf::EdfReader;
use nocturne_psg::Warning;
use nocturne_psg::montage::ResolvedMontage;

fuzz_target!(|bytes: &[u8]| {
    nocturne_fuzz::with_file("a.edf", bytes, |path| match EdfReader::open(path) {
        Ok(reader) => {
            let header = reader.header();
            let montage = ResolvedMontage::resolve(header);
            let _ = (reader.start(), montage.report(header), montage.unknown_labels(header));
            let of_file = reader.warnings().iter().map(Warning::from);
            for warning in of_file.chain(montage.warnings(header)) {
                assert!(!warning.message.contains(char::is_control), "{warning:?}");
            }
        }
        Err(error) => assert!(!error.to_string().contains(char::is_control)),
    });
});
