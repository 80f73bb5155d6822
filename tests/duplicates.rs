//! `nocturne duplicates` on a real recording and a part of it.

use std::path::Path;

use nocturne_testing::{onnx_runtime, require, shared_data};

use crate::program::{run, text};

/// Writes the records `first..last` of a recording of one signal and annotations as a recording of its own.
fn write_part(source: &Path, target: &Path, first: usize, last: usize) {
    let mut bytes = std::fs::read(source).unwrap();
    let number = |range: std::ops::Range<usize>| -> usize {
        std::str::from_utf8(&bytes[range]).unwrap().trim().parse().unwrap()
    };
    let (head, n_signals, seconds) = (number(184..192), number(252..256), number(244..252));
    // The numbers of samples come after labels, transducers, units, ranges and filters: 216 bytes for each signal.
    let samples_at = 256 + 216 * n_signals;
    let n_samples =
        [0, 1].map(|signal| number(samples_at + 8 * signal..samples_at + 8 * signal + 8));
    assert_eq!(n_signals, 2);
    let record = 2 * (n_samples[0] + n_samples[1]);
    bytes.drain(head + last * record..);
    bytes.drain(head..head + first * record);
    bytes[236..244].copy_from_slice(format!("{:<8}", last - first).as_bytes());
    for (n, record) in bytes[head..].chunks_exact_mut(record).enumerate() {
        // The annotations of a record start with its onset: `+1200` and two separators.
        let annotations = &mut record[2 * n_samples[0]..];
        let end = annotations.iter().position(|byte| *byte == 0x14).unwrap();
        let onset = format!("{:0>width$}", n * seconds, width = end - 1);
        annotations[1..end].copy_from_slice(onset.as_bytes());
    }
    std::fs::write(target, bytes).unwrap();
}

#[test]
fn recording_and_a_part_of_it_are_duplicates() {
    let data = require!(shared_data());
    require!(onnx_runtime());
    let folder = tempfile::tempdir().unwrap();
    let (nights, collection) = (folder.path().join("nights"), folder.path().join("collection"));
    std::fs::create_dir(&nights).unwrap();
    let source = data.join("ucddb018/ucddb018_eeg.edf");
    write_part(&source, &nights.join("whole.edf"), 0, 120);
    write_part(&source, &nights.join("part.edf"), 40, 100);
    std::fs::copy(data.join("ucddb-cohort/ucddb010_eeg_partial.edf"), nights.join("other.edf"))
        .unwrap();
    let arguments = ["index", text(&nights), "-c", text(&collection), "--captions", "none"];
    run(arguments).expect_code(0);
    let lines = run(["duplicates", text(&collection), "--json"]).expect_code(0).json_lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let pair = &lines[0];
    assert_eq!((&pair["first"], &pair["second"]), (&"part".into(), &"whole".into()));
    assert_eq!((&pair["offset_epochs"], &pair["n_overlapping"]), (&40.into(), &60.into()));
    assert!(pair["share"].as_f64() > Some(0.95), "{pair}");
    let output = run(["duplicates", text(&collection)]).expect_code(0).stdout;
    assert!(output.contains("part") && output.contains("+40"), "{output}");
}

#[test]
fn file_under_another_name_is_reported_when_it_is_indexed() {
    let data = require!(shared_data());
    require!(onnx_runtime());
    let folder = tempfile::tempdir().unwrap();
    let (nights, collection) = (folder.path().join("nights"), folder.path().join("collection"));
    std::fs::create_dir(&nights).unwrap();
    write_part(&data.join("ucddb018/ucddb018_eeg.edf"), &nights.join("first.edf"), 0, 20);
    let index = || {
        run(["index", text(&nights), "-c", text(&collection), "--captions", "none", "--json"])
            .expect_code(0)
            .json_lines()
    };
    let twins = |lines: Vec<serde_json::Value>| -> Vec<String> {
        let warnings = lines.iter().filter_map(|line| line["warnings"].as_array()).flatten();
        let twins = warnings.filter(|warning| warning["code"] == "duplicate");
        twins.map(|warning| warning["message"].as_str().unwrap().to_owned()).collect()
    };
    assert!(twins(index()).is_empty());
    std::fs::copy(nights.join("first.edf"), nights.join("again.edf")).unwrap();
    let output = twins(index());
    assert_eq!(output.len(), 1, "{output:?}");
    assert!(output[0].contains("that of `first`"), "{output:?}");
    assert!(twins(index()).is_empty(), "unchanged recordings are not reported again");
}
