//! Prints the signals and annotations of an EDF or BDF file.
//!
//! ```sh
//! cargo run -p nocturne-edf --example inspect_file -- night.edf
//! ```
//!
//! Without an argument, the example writes a small file and prints that.

#![expect(clippy::print_stdout, reason = "an example prints what it found")]

use std::error::Error;
use std::path::{Path, PathBuf};

use nocturne_edf::{Annotation, EdfReader, NewRecording, NewSignal};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = match std::env::args_os().nth(1) {
        Some(path) => PathBuf::from(path),
        None => write_small_file(folder.path())?,
    };

    // Opening reads the header, the gaps and the annotations. Samples stay on disk.
    let reader = EdfReader::open(&path)?;
    let header = reader.header();
    let start = reader.start().map_or("unknown".to_owned(), |start| start.to_string());
    println!("{}, start {start}, {} data records", header.format, header.n_records);

    // A file with gaps has several runs of contiguous data records.
    for run in reader.runs() {
        println!("recorded from {} s to {} s", run.start_s, run.end_s());
    }

    // Signals with annotations are listed like the others; skip them to get at the samples.
    for (idx, signal) in header.signals.iter().enumerate().filter(|(_, it)| !it.is_annotations) {
        // Samples arrive in pieces, so that a whole night need not fit into memory.
        let (mut min, mut max) = (i32::MAX, i32::MIN);
        reader.read_digital(&[idx], 0..header.n_records, |_, samples| {
            min = samples.iter().copied().fold(min, i32::min);
            max = samples.iter().copied().fold(max, i32::max);
        })?;
        // A signal whose range is empty cannot be scaled to physical values.
        let range = match signal.scaling() {
            Some((gain, offset)) if min <= max => {
                let physical = |digital: i32| gain * f64::from(digital) + offset;
                format!("{:.2} to {:.2} {}", physical(min), physical(max), signal.unit)
            }
            Some(_) | None => "no physical values".to_owned(),
        };
        println!("{}: {} Hz, {range}", signal.label, header.rate_hz(signal));
    }

    for annotation in reader.annotations() {
        let duration = annotation.duration_s.map_or(String::new(), |it| format!(" for {it} s"));
        println!("{} s{duration}: {}", annotation.onset_s, annotation.text);
    }

    // A file that breaks the specification is read if possible; what was corrected is listed.
    for warning in reader.warnings() {
        println!("warning: {warning}");
    }
    Ok(())
}

/// Writes a minute of one EEG signal at 100 Hz with two annotations.
fn write_small_file(folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let path = folder.join("night.edf");
    let signal = NewSignal {
        label: "EEG C3-M2".to_owned(),
        unit: "uV".to_owned(),
        physical_range: (-500.0, 500.0),
        samples_per_record: 3000,
    };
    let recording = NewRecording {
        start: "2021-03-04T22:15:00".parse()?,
        equipment: None,
        n_records: 2,
        record_duration_s: 30.0,
        signals: vec![signal],
        annotations: vec![
            Annotation::new(0.0, Some(30.0), "Sleep stage N2"),
            Annotation::new(12.5, Some(4.0), "Arousal@@EEG C3-M2"),
        ],
    };
    // Two seconds of every period of the sine are positive, two are negative.
    let sample = |i: u16| 50.0 * (f32::from(i) * std::f32::consts::TAU / 400.0).sin();
    recording.write_to(&path, &[(0..6000).map(sample).collect()])?;
    Ok(path)
}
