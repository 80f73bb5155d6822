//! Reads all samples and annotations of a recording whose header is accepted.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nocturne_edf::EdfReader;

/// Maximum number of signals that are read: more take time and find nothing new.
const MAX_SIGNALS: usize = 64;

fuzz_target!(|bytes: &[u8]| {
    nocturne_fuzz::with_file("a.edf", bytes, |path| {
        let Ok(reader) = EdfReader::open(path) else { return };
        let header = reader.header();
        let signals: Vec<usize> = (0..header.signals.len().min(MAX_SIGNALS)).collect();
        let mut n_samples = vec![0; signals.len()];
        let sink = |position: usize, samples: &[i32]| n_samples[position] += samples.len() as u64;
        reader
            .read_digital(&signals, 0..header.n_records, sink)
            .expect("a file that was opened can be read");
        for (signal, n) in signals.into_iter().zip(n_samples) {
            let expected = header.signals[signal].samples_per_record as u64 * header.n_records;
            assert_eq!(n, expected);
        }
        for annotation in reader.annotations() {
            assert!(annotation.onset_s.is_finite() && annotation.end_s().is_finite());
        }
        let mut previous_end_s = 0.0;
        for run in reader.runs() {
            assert!(run.start_s >= previous_end_s - 0.01 && run.duration_s.is_finite());
            previous_end_s = run.end_s();
        }
    });
});
