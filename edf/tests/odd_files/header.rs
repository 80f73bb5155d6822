//! Files with odd headers.

use nocturne_edf::test_files::{N_RECORDS, TestFile, TestSignal, samples, seconds};

use super::{check, check_at, valid, with_warnings};

#[test]
fn valid_files_of_every_format_are_read_without_a_warning() {
    let onsets_s = seconds(N_RECORDS);
    check("a.edf", &TestFile::edf(), &valid("EDF"));
    check("a.bdf", &TestFile::bdf(), &valid("BDF"));
    check("a.edf", &TestFile::edf_plus("EDF+C", &onsets_s), &valid("EDF+C"));
    check("a.edf", &TestFile::edf_plus("EDF+D", &onsets_s), &valid("EDF+D"));
    check("a.bdf", &TestFile::bdf_plus("BDF+C", &onsets_s), &valid("BDF+C"));
    check("a.bdf", &TestFile::bdf_plus("BDF+D", &onsets_s), &valid("BDF+D"));
    check("a.rec", &TestFile::edf(), &valid("EDF"));
}

#[test]
fn content_decides_whether_a_file_is_bdf() {
    let bdf = "file name ends in `.edf`, but the content is BDF; read as 24-bit samples";
    check("a.edf", &TestFile::bdf(), &with_warnings("BDF", &[bdf]));
    let edf = "file name ends in `.BDF`, but the content is EDF; read as 16-bit samples";
    check("a.BDF", &TestFile::edf(), &with_warnings("EDF", &[edf]));
}

#[test]
fn wrong_record_counts_are_corrected() {
    for claimed in ["-1", "7", "", "1000", "4e1"] {
        let file = TestFile::edf().with(|file| file.n_records = Some(claimed.to_owned()));
        let warning =
            format!("header counts `{claimed}` data records; the file has 40, which were read");
        check("a.edf", &file, &with_warnings("EDF", &[&warning]));
    }
}

#[test]
fn incomplete_last_record_is_ignored() {
    let incomplete =
        |n| format!("file ends with an incomplete data record ({n} of 128 bytes); ignored");
    let file = TestFile::edf().with(|file| file.surplus = vec![7; 100]);
    check("a.edf", &file, &with_warnings("EDF", &[&incomplete(100)]));
    let truncated = TestFile::edf().with(|file| {
        file.n_records = Some("41".to_owned());
        file.surplus = samples(2)[..127].to_vec();
    });
    let count = "header counts `41` data records; the file has 40, which were read";
    check("a.edf", &truncated, &with_warnings("EDF", &[count, &incomplete(127)]));
}

#[test]
fn files_without_samples_are_read() {
    let empty = TestFile::edf().with(|file| file.records.clear());
    let expected = "EDF 2020-01-02T22:00:00\nrecords of 1 s: \nC3-M2: 0 samples, 64.000 Hz, the second is 0.12 uV";
    check("a.edf", &empty, expected);
    let without_samples = TestSignal { samples: "0".to_owned(), ..TestSignal::new("C4-M1") };
    let file = TestFile::edf().with(|file| file.signals.push(without_samples));
    let expected = format!("{}\nC4-M1: 0 samples, 0.000 Hz, the second is 0.12 uV", valid("EDF"));
    check("a.edf", &file, &expected);
}

#[test]
fn text_beyond_ascii_is_utf_8_or_latin_1() {
    for (unit, encoding) in [("µV".as_bytes(), "UTF-8"), (b"\xb5V", "Latin-1")] {
        let file = TestFile::edf().with(|file| file.signals[0].unit = unit.to_vec());
        let field = "`physical dimension` of signal 1 (`C3-M2`)";
        let warning = format!("header field {field} is not ASCII; read as {encoding}: `µV`");
        check("a.edf", &file, &with_warnings("EDF", &[&warning]).replace("uV", "µV"));
    }
    let file = TestFile::edf().with(|file| file.signals[0].label = b"Atmung\xfc".to_vec());
    let warning = "header field `label` of signal 1 is not ASCII; read as Latin-1: `Atmungü`";
    check("a.edf", &file, &with_warnings("EDF", &[warning]).replace("C3-M2", "Atmungü"));
}

#[test]
fn odd_ranges_are_reported() {
    let ranges = |physical: (&str, &str), digital: (&str, &str)| {
        let owned = |(min, max): (&str, &str)| (min.to_owned(), max.to_owned());
        TestFile::edf().with(|file| {
            file.signals[0].physical = owned(physical);
            file.signals[0].digital = owned(digital);
        })
    };
    let expected =
        |second: &str, warning: &str| with_warnings("EDF", &[warning]).replace("24.54 uV", second);
    let usual = ("-2048", "2047");
    let inverted = "range of `C3-M2` is inverted; its polarity was kept";
    check("a.edf", &ranges(("500", "-500"), usual), &expected("-24.54 uV", inverted));
    check("a.edf", &ranges(("-500", "500"), ("2047", "-2048")), &expected("-24.54 uV", inverted));
    check("a.edf", &ranges(("500", "-500"), ("2047", "-2048")), &valid("EDF"));
    let empty = "digital range of `C3-M2` is empty; its samples cannot be scaled";
    check("a.edf", &ranges(("-500", "500"), ("0", "0")), &expected("unknown uV", empty));
    let constant = "physical range of `C3-M2` is empty; all its samples have one value";
    check("a.edf", &ranges(("5", "5"), usual), &expected("5.00 uV", constant));
    let excessive =
        "physical range of `C3-M2`, -1e308 to 1e308, is too large; its samples cannot be scaled";
    check("a.edf", &ranges(("-1e308", "1e308"), usual), &expected("unknown uV", excessive));
    let comma = "header field `physical maximum` of signal 1 (`C3-M2`) has a decimal comma, `500,0`; read as 500";
    check("a.edf", &ranges(("-500", "500,0"), usual), &with_warnings("EDF", &[comma]));
}

#[test]
fn invalid_numbers_are_refused_with_field_value_and_expectation() {
    let refused = |field: &str, value: &str, expected: &str| {
        format!("refused: `a.edf`: header field {field} is `{value}`; expected {expected}")
    };
    let of_signal = |name: &str| format!("`{name}` of signal 1 (`C3-M2`)");
    for text in ["nan", "inf", "-inf", "1e999", "", "5 0", "0x10"] {
        let file = TestFile::edf().with(|file| file.signals[0].physical.0 = text.to_owned());
        check("a.edf", &file, &refused(&of_signal("physical minimum"), text, "a number"));
    }
    for text in ["8388608", "-9e6", "1.5"] {
        let file = TestFile::edf().with(|file| file.signals[0].digital.1 = text.to_owned());
        let expected = "a whole number of at most 24 bits";
        check("a.edf", &file, &refused(&of_signal("digital maximum"), text, expected));
    }
    for text in ["-1", "1e6", "64.5", ""] {
        let file = TestFile::edf().with(|file| file.signals[0].samples = text.to_owned());
        let field = of_signal("number of samples in each data record");
        check("a.edf", &file, &refused(&field, text, "a whole number from 0 to 99999999"));
    }
    for text in ["0", "-1", "", "1e6", "x"] {
        let file = TestFile::edf().with(|file| file.n_signals = Some(text.to_owned()));
        let expected = "a whole number from 1 to 9999";
        check("a.edf", &file, &refused("`number of signals`", text, expected));
    }
}

#[test]
fn duplicate_labels_are_reported_once() {
    let file = TestFile::edf().with(|file| {
        file.signals = vec![TestSignal::new("C3-M2"); 4];
        file.records = vec![samples(2).repeat(4); 40];
    });
    let signal = "\nC3-M2: 2560 samples, 64.000 Hz, the second is 24.54 uV";
    let warning = "warning: several signals have the label `C3-M2`";
    check("a.edf", &file, &format!("{}{}\n{warning}", valid("EDF"), signal.repeat(3)));
}

#[test]
fn number_of_signals_decides_the_length_of_the_header() {
    let file = TestFile::edf().with(|file| file.header_bytes = Some("768".to_owned()));
    let warning =
        "header claims to be `768` bytes long; by its number of signals it is 512, which was used";
    check("a.edf", &file, &with_warnings("EDF", &[warning]));
}

#[test]
fn files_that_end_inside_their_header_are_refused() {
    let truncated = |n| TestFile::edf().bytes()[..n].to_vec();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    let check_bytes = |bytes: Vec<u8>, expected: &str| {
        std::fs::write(&path, bytes).unwrap();
        check_at(&path, &format!("refused: {expected}"));
    };
    check_bytes(truncated(0), "`a.edf` is not an EDF or BDF file: it is empty");
    check_bytes(truncated(100), "`a.edf` ends after 100 bytes, inside its header of 256 bytes");
    check_bytes(truncated(511), "`a.edf` ends after 511 bytes, inside its header of 512 bytes");
    let foreign = b"%PDF-1.7".repeat(100);
    check_bytes(foreign, "`a.edf` is not an EDF or BDF file: it starts with `%PDF-1.7`");
}

#[test]
fn messages_contain_no_control_characters() {
    let warning = r"several signals have the label `\u{1b}[2J`";
    let file = TestFile::edf().with(|file| {
        file.signals = vec![TestSignal::new("\u{1b}[2J"); 2];
        file.records = Vec::new();
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    file.write(&path);
    let warnings = nocturne_edf::EdfReader::open(&path).unwrap().warnings().to_vec();
    assert_eq!(warnings[0].to_string(), warning);
    let file = TestFile::edf().with(|file| file.duration = "\u{1b}[2J".to_owned());
    let field = "header field `duration of a data record`";
    let expected = format!(r"refused: `a.edf`: {field} is `\u{{1b}}[2J`; expected a number");
    check("a.edf", &file, &expected);
}
