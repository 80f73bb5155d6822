//! `nocturne inspect`

use std::fmt::Write;

use nocturne_testing::{require, shared_data};

use crate::program::{run, text};

/// Returns an EDF file of one signal with the given header fields and `n` seconds of samples.
fn edf(n_records: &str, duration: &str, label: &str, n: usize) -> Vec<u8> {
    let mut header = String::new();
    let fields: [(&str, usize); 9] = [
        ("0", 8),
        ("X X X X", 80),
        ("Startdate X X X X", 80),
        ("01.02.03", 8),
        ("22.30.00", 8),
        ("512", 8),
        ("", 44),
        (n_records, 8),
        (duration, 8),
    ];
    let signal: [(&str, usize); 11] = [
        ("1", 4),
        (label, 16),
        ("", 80),
        ("uV", 8),
        ("-100", 8),
        ("100", 8),
        ("-2048", 8),
        ("2047", 8),
        ("", 80),
        ("128", 8),
        ("", 32),
    ];
    for (text, width) in fields.into_iter().chain(signal) {
        write!(header, "{text:<width$}").unwrap();
    }
    let samples = (0..128 * n).flat_map(|i| ((i * 37 % 401) as i16).to_le_bytes());
    header.into_bytes().into_iter().chain(samples).collect()
}

#[test]
fn json_shows_how_the_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("night.edf");
    std::fs::write(&path, edf("70", "1", "EEG C3-A2", 70)).unwrap();
    let json = run(["inspect", "--json", text(&path)]).expect_code(0).json();
    assert_eq!(json["format"], "EDF");
    assert_eq!(json["start"], "2003-02-01T22:30:00");
    assert_eq!(json["n_records"], 70);
    assert_eq!(json["record_duration_s"], 1.0);
    assert_eq!(json["segments_s"], serde_json::json!([[0.0, 70.0]]));
    assert_eq!(json["epochs_30s_complete"], 2);
    assert_eq!(json["n_annotations"], 0);
    let signal = &json["signals"][0];
    assert_eq!(signal["label"], "EEG C3-A2");
    assert_eq!(signal["unit"], "uV");
    assert_eq!(signal["sample_rate_hz"], 128.0);
    assert_eq!(signal["n_samples"], 8960);
    assert_eq!(signal["digital_first8"], serde_json::json!([0, 37, 74, 111, 148, 185, 222, 259]));
    assert_eq!(signal["physical_first8"].as_array().unwrap().len(), 8);
    assert_eq!(signal["digital_sha256_le_i32"].as_str().unwrap().len(), 64);
    let fed: Vec<_> = json["montage"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| !line["source"].is_null())
        .collect();
    assert_eq!(fed.len(), 1);
    assert_eq!(fed[0]["channel"], "EEG_C3_A2");
    assert_eq!(fed[0]["confidence"], "exact");
    assert_eq!(json["warnings"][0]["code"], "missing_channel");
}

#[test]
fn unusual_headers_are_read_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, bytes: &[u8], warning: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let run = run(["inspect", "--json", text(&path)]).expect_code(0);
        assert!(run.stderr.contains(warning), "{name}: {}", run.stderr);
        run.json()
    };
    let json =
        check("unknown-count.edf", &edf("-1", "1", "EEG", 31), "the file has 31, which were read");
    assert_eq!(json["n_records"], 31);
    let json =
        check("too-many.edf", &edf("999999", "1", "EEG", 31), "the file has 31, which were read");
    assert_eq!(json["epochs_30s_complete"], 1);
    let mut cut = edf("31", "1", "EEG", 31);
    cut.truncate(cut.len() - 100);
    let json =
        check("cut.edf", &cut, "file ends with an incomplete data record (156 of 256 bytes)");
    assert_eq!(json["n_records"], 30);
    let json = check("comma.edf", &edf("31", "0,5", "EEG", 31), "has a decimal comma");
    assert_eq!(json["record_duration_s"], 0.5);
}

#[test]
fn unreadable_files_are_rejected_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, bytes: &[u8], expected: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let run = run(["inspect", "--json", text(&path)]).expect_code(1);
        assert_eq!(run.error().replace(text(&path), name), expected);
        assert!(run.stdout.is_empty(), "{}", run.stdout);
    };
    check("empty.edf", b"", "`empty.edf` is not an EDF or BDF file: it is empty");
    check(
        "text.edf",
        b"hello, this is text",
        "`text.edf` is not an EDF or BDF file: it starts with `hello, t`",
    );
    check(
        "short.edf",
        &edf("1", "1", "EEG", 1)[..100],
        "`short.edf` ends after 100 bytes, inside its header of 256 bytes",
    );
    check(
        "header.edf",
        &edf("1", "1", "EEG", 1)[..300],
        "`header.edf` ends after 300 bytes, inside its header of 512 bytes",
    );
    check(
        "duration.edf",
        &edf("1", "-1", "EEG", 1),
        "`duration.edf`: header field `duration of a data record` is `-1`; expected 0.000001 to 1000000 seconds",
    );
    check(
        "nan.edf",
        &edf("1", "nan", "EEG", 1),
        "`nan.edf`: header field `duration of a data record` is `nan`; expected a number",
    );
    let run = run(["inspect", text(folder.path())]).expect_code(1);
    assert_eq!(run.error(), "none of 6 recordings can be read");
}

#[test]
fn real_recordings_are_shown_as_tables() {
    let data = require!(shared_data());
    let run = run(["inspect", text(&data.join("ucddb018/ucddb018_eeg.edf"))]).expect_code(0);
    assert!(
        run.stdout.contains("EDF+C, started 2000-01-01T23:49:02, 6:51:00 recorded"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("822 complete epochs"), "{}", run.stdout);
}

#[test]
fn folders_are_summarised() {
    let folder = tempfile::tempdir().unwrap();
    run(["simulate", "--out", text(folder.path()), "--nights", "2", "--hours", "0.1"])
        .expect_code(0);
    std::fs::write(folder.path().join("notes.edf"), "these are notes").unwrap();
    let survey = run(["inspect", text(folder.path()), "--json"]).expect_code(3).json();
    assert_eq!((&survey["recordings"], &survey["with_stages"]), (&2.into(), &2.into()));
    assert_eq!(survey["failed"].as_array().unwrap().len(), 1);
    assert_eq!(survey["channels"].as_array().unwrap().len(), 10);
    let table = run(["inspect", text(folder.path())]).expect_code(3).stdout;
    assert!(table.starts_with("2 recordings, 2 with stages"), "{table}");
}

#[test]
fn given_profile_is_used_and_unknown_profiles_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["simulate", "--out", text(folder.path()), "--nights", "1", "--hours", "0.1"];
    run(arguments.into_iter().chain(["--profile", "mros"])).expect_code(0);
    let night = folder.path().join("night-0001.edf");
    let seen = run(["inspect", text(&night), "--json"]).expect_code(0).json();
    assert_eq!(seen["profile"], "mros");
    assert_eq!(seen["montage"][0]["derivation"], "ECG L - ECG R");
    let forced =
        run(["inspect", text(&night), "--profile", "general", "--json"]).expect_code(0).json();
    assert_eq!(forced["profile"], "general");
    let run = run(["inspect", text(&night), "--profile", "nosuch"]).expect_code(1);
    assert!(run.error().starts_with("unknown profile `nosuch`; expected one of"));
}

#[test]
fn strict_rejects_warnings() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["simulate", "--out", text(folder.path()), "--nights", "1", "--hours", "0.1"];
    run(arguments.into_iter().chain(["--profile", "mesa"])).expect_code(0);
    let night = folder.path().join("night-0001.edf");
    run(["inspect", text(&night)]).expect_code(0);
    let run = run(["inspect", text(&night), "--strict"]).expect_code(1);
    assert!(run.error().contains("warnings, and `--strict` allows none"), "{}", run.error());
}

#[test]
fn annotation_files_can_be_inspected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("night.annot");
    std::fs::write(&path, "N2\t.\t.\t0\t60\t.\narousal\t.\t.\t12.5\t20\t.\n").unwrap();
    let seen = run(["inspect", text(&path), "--json"]).expect_code(0).json();
    assert_eq!(seen["stages"], serde_json::json!(["N2", "N2"]));
    assert_eq!(seen["n_annotations"], 2);
    let table = run(["inspect", text(&path)]).expect_code(0).stdout;
    assert!(table.contains("epochs: W 0, N1 0, N2 2"), "{table}");
}

#[test]
fn copies_contain_no_patient_name() {
    let folder = tempfile::tempdir().unwrap();
    run(["simulate", "--out", text(folder.path()), "--nights", "1", "--hours", "0.1"])
        .expect_code(0);
    let (night, copy) = (folder.path().join("night-0001.edf"), folder.path().join("clean.edf"));
    let mut bytes = std::fs::read(&night).unwrap();
    bytes[8..20].copy_from_slice(b"Miller, Anna");
    std::fs::write(&night, bytes).unwrap();
    let check = run(["deid", text(&night), "--check", "--json"]).expect_code(1);
    assert_eq!(check.json()["patient"], true);
    assert!(!check.stdout.contains("Miller") && !check.stderr.contains("Miller"));
    let written = run(["deid", text(&night), "--out", text(&copy)]).expect_code(0);
    assert!(written.stdout.starts_with("removed: patient field\n"), "{}", written.stdout);
    run(["deid", text(&copy), "--check"]).expect_code(0);
    let samples =
        |path| run(["inspect", text(path), "--json"]).expect_code(0).json()["signals"].clone();
    assert_eq!(samples(&night), samples(&copy));
    run(["deid", text(&night), "--out", text(&copy)]).expect_code(1);
}
