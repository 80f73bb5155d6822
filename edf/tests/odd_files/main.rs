//! Odd and broken files: each is read correctly with a warning, or refused with a reason.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails as they do")]

mod header;
mod limits;
mod timeline;

use std::path::Path;
use std::time::{Duration, Instant};

use nocturne_edf::test_files::TestFile;
use nocturne_edf::{EdfReader, Result};

/// Longest time that reading any file of this suite may take, in a build without all optimisations.
const MAX_DURATION: Duration = Duration::from_secs(5);

/// Compares what is read of a file with what is expected.
fn check(name: &str, file: &TestFile, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    file.write(&path);
    check_at(&path, expected);
}

/// Compares what is read of the file at a path with what is expected.
fn check_at(path: &Path, expected: &str) {
    let start = Instant::now();
    let found = summary(path).unwrap_or_else(|error| format!("refused: {error}"));
    let folder = format!("{}/", path.parent().unwrap().display());
    assert_eq!(found.replace(&folder, ""), expected);
    assert!(start.elapsed() < MAX_DURATION, "it took {:?}", start.elapsed());
}

/// Returns how a file was read: the format, the runs, the signals, the annotations, the warnings.
fn summary(path: &Path) -> Result<String> {
    let reader = EdfReader::open(path)?;
    let header = reader.header();
    let start = reader.start().map_or("no start".to_owned(), |start| start.to_string());
    let mut lines = vec![format!("{} {start}", header.format)];
    let runs = reader.runs().iter();
    let runs: Vec<String> = runs
        .map(|it| format!("{}+{} at {} s", it.first_record, it.n_records, it.start_s))
        .collect();
    lines.push(format!("records of {} s: {}", header.record_duration_s, runs.join(", ")));
    for (i, signal) in header.signals.iter().enumerate().filter(|(_, it)| !it.is_annotations) {
        let mut samples = Vec::new();
        reader
            .read_digital(&[i], 0..header.n_records, |_, more| samples.extend_from_slice(more))?;
        let digital = samples.get(1).copied().unwrap_or(0);
        let physical = |(gain, offset)| gain * f64::from(digital) + offset;
        let second =
            signal.scaling().map_or("unknown".to_owned(), |it| format!("{:.2}", physical(it)));
        let (label, rate_hz, n) = (&signal.label, header.rate_hz(signal), samples.len());
        let unit = &signal.unit;
        lines.push(format!("{label}: {n} samples, {rate_hz:.3} Hz, the second is {second} {unit}"));
    }
    for annotation in reader.annotations() {
        lines.push(format!("{} at {} s", annotation.text, annotation.onset_s));
    }
    lines.extend(reader.warnings().iter().map(|warning| format!("warning: {warning}")));
    Ok(lines.join("\n"))
}

/// The summary of the valid files, without its first line.
const VALID: &str =
    "records of 1 s: 0+40 at 0 s\nC3-M2: 2560 samples, 64.000 Hz, the second is 24.54 uV";

/// Returns the summary of a valid file.
fn valid(format: &str) -> String {
    format!("{format} 2020-01-02T22:00:00\n{VALID}")
}

/// Returns the summary of a file that is valid but for these warnings.
fn with_warnings(format: &str, warnings: &[&str]) -> String {
    let warnings = warnings.iter().map(|warning| format!("\nwarning: {warning}"));
    valid(format) + &warnings.collect::<String>()
}
