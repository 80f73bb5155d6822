//! Reads all samples and annotations of recordings, over a sound header and after it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nocturne_edf::EdfReader;

/// Signals that are read: more of them bring nothing new, only time.
const MOST_SIGNALS: usize = 64;

fuzz_target!(|bytes: &[u8]| {
    nocturne_fuzz::with_file("a.edf", bytes, |path| {
        let Ok(file) = EdfReader::open(path) else { return };
        let header = file.header();
        let signals: Vec<usize> = (0..header.signals.len().min(MOST_SIGNALS)).collect();
        let mut n_samples = vec![0; signals.len()];
        file.read_digital(&signals, 0..header.n_records, |position, samples| {
            n_samples[position] += samples.len() as u64;
        })
        .expect("a file that could be opened can be read");
        for (signal, n) in signals.into_iter().zip(n_samples) {
            let expected = header.signals[signal].samples_per_record as u64 * header.n_records;
            assert_eq!(n, expected);
        }
        for annotation in file.annotations() {
            assert!(annotation.onset_s.is_finite() && annotation.end_s().is_finite());
        }
        let mut last_end_s = 0.0;
        for run in file.runs() {
            assert!(run.start_s >= last_end_s - 0.01 && run.duration_s.is_finite());
            last_end_s = run.end_s();
        }
    });
});
