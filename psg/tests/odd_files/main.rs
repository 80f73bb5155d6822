//! Odd and broken recordings: each is read right and its oddity named, or refused in a sentence.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails as they do")]

mod builder;
mod limits;
mod time;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use builder::{Odd, OddSignal, samples};
use nocturne_psg::edf::EdfFile;
use nocturne_psg::{Inspection, Night, Recording, Result, Warning, WarningCode, ZScore};

/// Longest time that any file of this suite may take, in a build without all optimisations.
const LONGEST: Duration = Duration::from_secs(5);

/// Compares what is seen of a file with what is expected, and lets everything that reads recordings read it.
fn check(name: &str, file: &Odd, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    File::create(&path).unwrap().write_all(&file.bytes()).unwrap();
    check_at(&path, expected);
}

/// Compares what is seen of the file at a path.
fn check_at(path: &Path, expected: &str) {
    let begin = Instant::now();
    let seen = seen(path).unwrap_or_else(|error| format!("refused: {error}"));
    let folder = format!("{}/", path.parent().unwrap().display());
    assert_eq!(seen.replace(&folder, ""), expected);
    // What is refused is refused by everything, and nothing panics.
    let inspected = Inspection::of(path);
    let night = Recording::open(path).and_then(|open| Night::read(&open, ZScore::Recording));
    let refused = expected.starts_with("refused: ");
    assert_eq!(inspected.is_err(), refused);
    assert!(night.is_err() || !refused);
    assert!(begin.elapsed() < LONGEST, "it took {:?}", begin.elapsed());
}

/// Tells in a few lines how a file was read: the format, where its records lie, its signals, its warnings.
fn seen(path: &Path) -> Result<String> {
    let file = EdfFile::open(path)?;
    let header = file.header();
    let start = file.start().map_or("no start".to_owned(), |start| start.to_string());
    let mut lines = vec![format!("{} {start}", header.format.name())];
    let segments = file.segments().iter().map(|segment| {
        format!("{}+{} at {} s", segment.first_record, segment.n_records, segment.start_s)
    });
    let segments: Vec<String> = segments.collect();
    lines.push(format!("records of {} s: {}", header.record_duration_s, segments.join(", ")));
    for (i, signal) in header.signals.iter().enumerate().filter(|(_, it)| !it.is_annotations) {
        let mut samples = Vec::new();
        file.read_digital(&[i], 0..header.n_records, |_, more| {
            samples.extend_from_slice(more);
            Ok(())
        })?;
        let scaling = signal.scaling();
        let physical =
            |(gain, offset)| gain * f64::from(samples.get(1).copied().unwrap_or(0)) + offset;
        let second = scaling.map_or("unknown".to_owned(), |it| format!("{:.2}", physical(it)));
        let (label, rate_hz, n) = (&signal.label, header.rate_hz(signal), samples.len());
        let unit = &signal.unit;
        lines.push(format!("{label}: {n} samples, {rate_hz:.3} Hz, the second is {second} {unit}"));
    }
    for annotation in file.annotations() {
        lines.push(format!("{} at {} s", annotation.text, annotation.onset_s));
    }
    lines.extend(file.warnings().iter().map(told));
    Ok(lines.join("\n"))
}

fn told(warning: &Warning) -> String {
    let code = serde_json::to_string(&warning.code).unwrap();
    format!("{}: {}", code.trim_matches('"'), warning.message)
}

/// What is seen of the sound files, without their first line.
const SOUND: &str =
    "records of 1 s: 0+40 at 0 s\nC3-M2: 2560 samples, 64.000 Hz, the second is 24.54 uV";

fn sound(format: &str) -> String {
    format!("{format} 2020-01-02T22:00:00\n{SOUND}")
}

fn with_warning(format: &str, warning: &str) -> String {
    format!("{}\n{warning}", sound(format))
}

fn seconds(n: usize) -> Vec<f64> {
    (0..n).map(|record| record as f64).collect()
}

#[test]
fn sound_files_of_every_format_are_read_without_a_warning() {
    check("a.edf", &Odd::edf(), &sound("EDF"));
    check("a.bdf", &Odd::bdf(), &sound("BDF"));
    check("a.edf", &Odd::plus("EDF+C", &seconds(40)), &sound("EDF+C"));
    check("a.edf", &Odd::plus("EDF+D", &seconds(40)), &sound("EDF+D"));
    check("a.bdf", &Odd::bdf_plus("BDF+C", &seconds(40)), &sound("BDF+C"));
    check("a.bdf", &Odd::bdf_plus("BDF+D", &seconds(40)), &sound("BDF+D"));
    check("a.rec", &Odd::edf(), &sound("EDF"));
}

#[test]
fn content_decides_whether_a_file_is_bdf() {
    let bdf = "format: the file is named `.edf` but is BDF; read with 24 bits";
    check("a.edf", &Odd::bdf(), &with_warning("BDF", bdf));
    let edf = "format: the file is named `.BDF` but is EDF; read with 16 bits";
    check("a.BDF", &Odd::edf(), &with_warning("EDF", edf));
}

#[test]
fn record_counts_that_are_wrong_are_counted_again() {
    for (claimed, quoted) in [("-1", "-1"), ("7", "7"), ("", ""), ("1000", "1000"), ("4e1", "4e1")]
    {
        let file = Odd::edf().with(|file| file.n_records = Some(claimed.to_owned()));
        let warning = format!(
            "record_count: the header counts `{quoted}` data records; the file holds 40, which were read"
        );
        check("a.edf", &file, &with_warning("EDF", &warning));
    }
}

#[test]
fn cut_and_surplus_bytes_are_left_out() {
    let left_out = |n| {
        format!(
            "truncated_record: the last {n} bytes are no whole data record of 128 bytes; left out"
        )
    };
    let file = Odd::edf().with(|file| file.surplus = vec![7; 100]);
    check("a.edf", &file, &with_warning("EDF", &left_out(100)));
    let cut = Odd::edf().with(|file| {
        file.n_records = Some("41".to_owned());
        file.surplus = samples(2)[..127].to_vec();
    });
    let count =
        "record_count: the header counts `41` data records; the file holds 40, which were read";
    check("a.edf", &cut, &with_warning("EDF", &format!("{count}\n{}", left_out(127))));
}

#[test]
fn files_without_records_hold_no_samples() {
    let empty = Odd::edf().with(|file| file.records.clear());
    let expected = "EDF 2020-01-02T22:00:00\nrecords of 1 s: \nC3-M2: 0 samples, 64.000 Hz, the second is 0.12 uV";
    check("a.edf", &empty, expected);
    // A signal without samples has a place in the header, and none in the records.
    let hollow = Odd::edf().with(|file| {
        file.signals.push(OddSignal { samples: "0".to_owned(), ..OddSignal::new("C4-M1") });
    });
    let expected = format!("{}\nC4-M1: 0 samples, 0.000 Hz, the second is 0.12 uV", sound("EDF"));
    check("a.edf", &hollow, &expected);
}

#[test]
fn text_beyond_ascii_is_utf_8_or_latin_1() {
    for (unit, encoding) in [("µV".as_bytes(), "UTF-8"), (b"\xb5V", "Latin-1")] {
        let file = Odd::edf().with(|file| file.signals[0].unit = unit.to_vec());
        let expected = format!(
            "{}\nheader_encoding: the physical dimension of signal 1 (`C3-M2`) is not ASCII; read as {encoding}: `µV`",
            sound("EDF").replace("uV", "µV")
        );
        check("a.edf", &file, &expected);
    }
    let file = Odd::edf().with(|file| file.signals[0].label = b"Atmung\xfc".to_vec());
    let expected = format!(
        "{}\nheader_encoding: the label of signal 1 is not ASCII; read as Latin-1: `Atmungü`",
        sound("EDF").replace("C3-M2", "Atmungü")
    );
    check("a.edf", &file, &expected);
}

#[test]
fn ranges_that_are_odd_are_named() {
    let ranges = |physical: (&str, &str), digital: (&str, &str)| {
        let owned = |(low, high): (&str, &str)| (low.to_owned(), high.to_owned());
        Odd::edf().with(|file| {
            file.signals[0].physical = owned(physical);
            file.signals[0].digital = owned(digital);
        })
    };
    let expected = |second: &str, warning: &str| {
        format!("{}\n{warning}", sound("EDF").replace("24.54 uV", second))
    };
    let whole = ("-2048", "2047");
    let inverted = "inverted_range: the range of `C3-M2` is inverted; its polarity was kept so";
    check("a.edf", &ranges(("500", "-500"), whole), &expected("-24.54 uV", inverted));
    check("a.edf", &ranges(("-500", "500"), ("2047", "-2048")), &expected("-24.54 uV", inverted));
    let twice = ranges(("500", "-500"), ("2047", "-2048"));
    check("a.edf", &twice, &sound("EDF"));
    let empty = "empty_range: the digital range of `C3-M2` is empty; its samples cannot be scaled";
    check("a.edf", &ranges(("-500", "500"), ("0", "0")), &expected("unknown uV", empty));
    let constant =
        "empty_range: the physical range of `C3-M2` is empty; every sample has the same value";
    check("a.edf", &ranges(("5", "5"), whole), &expected("5.00 uV", constant));
    let endless = "empty_range: the physical range of `C3-M2`, -1e308 to 1e308, is beyond all measures; its samples cannot be scaled";
    check("a.edf", &ranges(("-1e308", "1e308"), whole), &expected("unknown uV", endless));
    let comma = "header_field: the physical maximum of signal 1 (`C3-M2`) is written with a comma, `500,0`; read as 500";
    check("a.edf", &ranges(("-500", "500,0"), whole), &with_warning("EDF", comma));
}

#[test]
fn numbers_that_are_none_are_refused_with_field_value_and_expectation() {
    let refused = |field: &str, value: &str, expected: &str| {
        format!("refused: `a.edf`: the header field `{field}` holds `{value}`; expected {expected}")
    };
    let of_signal = |field: &str| format!("{field} of signal 1 (`C3-M2`)");
    for text in ["nan", "inf", "-inf", "1e999", "", "5 0", "0x10"] {
        let file = Odd::edf().with(|file| file.signals[0].physical.0 = text.to_owned());
        check("a.edf", &file, &refused(&of_signal("physical minimum"), text, "a number"));
    }
    for text in ["8388608", "-9e6", "1.5"] {
        let file = Odd::edf().with(|file| file.signals[0].digital.1 = text.to_owned());
        let expected = "a whole number of at most 24 bits";
        check("a.edf", &file, &refused(&of_signal("digital maximum"), text, expected));
    }
    for text in ["-1", "1e6", "64.5", ""] {
        let file = Odd::edf().with(|file| file.signals[0].samples = text.to_owned());
        let (field, expected) = (
            of_signal("number of samples in each data record"),
            "a whole number from 0 to 99999999",
        );
        check("a.edf", &file, &refused(&field, text, expected));
    }
    for text in ["0", "-1", "", "1e6", "x"] {
        let file = Odd::edf().with(|file| file.n_signals = Some(text.to_owned()));
        check("a.edf", &file, &refused("number of signals", text, "a whole number from 1 to 9999"));
    }
}

#[test]
fn labels_that_stand_twice_are_named_once() {
    let file = Odd::edf().with(|file| {
        file.signals = vec![OddSignal::new("C3-M2"); 4];
        file.records = vec![samples(2).repeat(4); 40];
    });
    let signal = "\nC3-M2: 2560 samples, 64.000 Hz, the second is 24.54 uV";
    let warning = "duplicate_label: several signals are labelled `C3-M2`; the first is used";
    check("a.edf", &file, &format!("{}{}\n{warning}", sound("EDF"), signal.repeat(3)));
}

#[test]
fn header_length_is_told_by_the_number_of_signals() {
    let file = Odd::edf().with(|file| file.header_bytes = Some("768".to_owned()));
    let warning = "header_field: the header says that it takes `768` bytes; its number of signals makes it 512, which was used";
    check("a.edf", &file, &with_warning("EDF", warning));
}

#[test]
fn files_that_end_in_their_header_are_refused() {
    let cut = |n| Odd::edf().bytes()[..n].to_vec();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    let check_bytes = |bytes: Vec<u8>, expected: &str| {
        std::fs::write(&path, bytes).unwrap();
        check_at(&path, &format!("refused: {expected}"));
    };
    check_bytes(cut(0), "`a.edf` is not a recording: it is empty; expected EDF, EDF+, BDF or BDF+");
    check_bytes(cut(100), "`a.edf` ends after 100 bytes; its header takes 256");
    check_bytes(cut(511), "`a.edf` ends after 511 bytes; its header takes 512");
    let foreign = b"%PDF-1.7".repeat(100);
    let expected =
        "`a.edf` is not a recording: it begins with `%PDF-1.7`; expected EDF, EDF+, BDF or BDF+";
    check_bytes(foreign, expected);
}

#[test]
fn warnings_hold_no_control_characters() {
    let file = Odd::edf().with(|file| file.signals[0].unit = b"\x1b[2J".to_vec());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    std::fs::write(&path, file.bytes()).unwrap();
    let recording = Recording::open(&path).unwrap();
    let of_unit = |warning: &&Warning| warning.code == WarningCode::Unit;
    let warning = recording.warnings().iter().find(of_unit).unwrap();
    let expected = "`C3-M2`, which feeds EEG_C3_A2, is in `\\u{1b}[2J`, which is no voltage; read as microvolts";
    assert_eq!(warning.message, expected);
}
