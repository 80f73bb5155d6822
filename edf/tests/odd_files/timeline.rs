//! Files that are odd in time: start, duration, gaps and annotations.

use nocturne_edf::test_files::{N_RECORDS, TestFile, TestSignal, padded, samples, seconds};

use super::{check, valid, with_warnings};

#[test]
fn records_may_have_any_duration() {
    let check_duration = |duration: &str, seen: &str, rate_hz: &str| {
        let file = TestFile::edf().with(|file| file.duration = duration.to_owned());
        let expected =
            valid("EDF").replace("of 1 s", &format!("of {seen} s")).replace("64.000", rate_hz);
        check("a.edf", &file, &expected);
    };
    check_duration("17", "17", "3.765");
    check_duration("0.5", "0.5", "128.000");
    check_duration("1.000003", "1.000003", "64.000");
    check_duration("3", "3", "21.333");
    check_duration("0.003906", "0.003906", "16385.049");
    check_duration("1e3", "1000", "0.064");
}

#[test]
fn impossible_record_durations_are_refused() {
    for duration in ["0", "-1", "nan", "inf", "1e300", "1e-300", "99999999", "", "1e-7"] {
        let file = TestFile::edf().with(|file| file.duration = duration.to_owned());
        let is_number = !["nan", "inf", ""].contains(&duration);
        let expected = if is_number { "0.000001 to 1000000 seconds" } else { "a number" };
        let field = "header field `duration of a data record`";
        let message = format!("refused: `a.edf`: {field} is `{duration}`; expected {expected}");
        check("a.edf", &file, &message);
    }
}

#[test]
fn onset_of_the_first_record_adds_a_fraction_to_the_start() {
    let onsets_s: Vec<f64> = (0..40).map(|record| 0.25 + f64::from(record)).collect();
    let file = TestFile::edf_plus("EDF+C", &onsets_s)
        .with(|file| file.annotate(0, b"+5.25\x14Apnea\x14\0"));
    let expected = format!("{}\nApnea at 5 s", valid("EDF+C").replace("22:00:00", "22:00:00.25"));
    check("a.edf", &file, &expected);
}

#[test]
fn invalid_start_dates_and_times_are_unknown() {
    for date in ["31.02.20", "00.00.00", "XX.XX.XX", "", "1.1"] {
        let file = TestFile::edf().with(|file| file.date = date.to_owned());
        let warning = format!("start date `{date}` is not a valid date; the start is unknown");
        let expected = with_warnings("EDF", &[&warning]);
        check("a.edf", &file, &expected.replace("2020-01-02T22:00:00", "no start"));
    }
    for time in ["24.00.00", "xx.xx.xx", ""] {
        let file = TestFile::edf().with(|file| file.time = time.to_owned());
        let warning =
            format!("start time `{time}` is not a valid time of day; the start is unknown");
        let expected = with_warnings("EDF", &[&warning]);
        check("a.edf", &file, &expected.replace("2020-01-02T22:00:00", "no start"));
    }
}

#[test]
fn anonymised_dates_are_read() {
    let check_date = |date: &str, recording: &[u8], seen: &str| {
        let file = TestFile::edf_plus("EDF+C", &seconds(N_RECORDS)).with(|file| {
            file.date = date.to_owned();
            file.recording = recording.to_vec();
        });
        check("a.edf", &file, &valid("EDF+C").replace("2020-01-02", seen));
    };
    check_date("01.01.85", b"Startdate X X X X", "1985-01-01");
    check_date("01.01.yy", b"Startdate 01-JAN-2091 X X X", "2091-01-01");
    check_date("03.04.12", b"Startdate 31-FEB-2012 X X X", "2012-04-03");
    check_date("03.04.12", b"Startdate 03-APR-12 X X X", "2012-04-03");
}

#[test]
fn gaps_split_the_timeline() {
    let mut onsets_s = seconds(40);
    onsets_s[20..].iter_mut().for_each(|onset_s| *onset_s += 100.0);
    let gap = "1 gap in the timeline, 100.0 s in total";
    let split = |format, warnings: &[&str]| {
        with_warnings(format, warnings).replace("0+40 at 0 s", "0+20 at 0 s, 20+20 at 120 s")
    };
    check("a.edf", &TestFile::edf_plus("EDF+D", &onsets_s), &split("EDF+D", &[gap]));
    check("a.bdf", &TestFile::bdf_plus("BDF+D", &onsets_s), &split("BDF+D", &[gap]));
    let undeclared = "header declares a continuous file (EDF+C), but there are gaps between its data records; the gaps \
                      were believed";
    check("a.edf", &TestFile::edf_plus("EDF+C", &onsets_s), &split("EDF+C", &[undeclared, gap]));
}

#[test]
fn contradictory_onsets_are_refused_only_if_the_file_is_discontinuous() {
    let check_onsets = |onsets_s: &[f64], problem: &str| {
        let refused = format!("refused: `a.edf`: {problem}");
        check("a.edf", &TestFile::edf_plus("EDF+D", onsets_s), &refused);
        let warning = format!("{problem}; read as continuous, as the header declares");
        let file = TestFile::edf_plus("EDF+C", onsets_s);
        check("a.edf", &file, &with_warnings("EDF+C", &[&warning]));
    };
    let mut overlap_s = seconds(40);
    overlap_s[7] = 6.5;
    check_onsets(
        &overlap_s,
        "data record 7 starts at 6.5 s, before the end of the previous data record at 7 s",
    );
    let early_s: Vec<f64> = (0..40).map(|record| f64::from(record) - 60.0).collect();
    check_onsets(&early_s, "data record 0 starts at -60 s, before the start of the recording");
}

#[test]
fn onsets_of_endless_digits_are_invalid() {
    let endless = [b"+".as_slice(), &[b'9'; 90], b"\x14\x14\0"].concat();
    let with_endless = |reserved| {
        TestFile::edf_plus(reserved, &seconds(40)).with(|file| {
            file.records[3] = [samples(2), padded(&endless)].concat();
        })
    };
    let problem = "data record 3 has no time-keeping annotation, so its onset is unknown";
    check("a.edf", &with_endless("EDF+D"), &format!("refused: `a.edf`: {problem}"));
    let warnings = [
        "1 data record without a time-keeping annotation; read as continuous",
        "1 annotation list with invalid EDF+ syntax, the first in data record 3; ignored",
    ];
    check("a.edf", &with_endless("EDF+C"), &with_warnings("EDF+C", &warnings));
}

const NO_ANNOTATION_SIGNAL: &str = "refused: `a.edf`: data record 0 has no onset: the file is EDF+D but has no \
                                    annotation signal";

#[test]
fn discontinuous_files_without_annotations_are_refused() {
    let file = TestFile::edf().with(|file| file.reserved = "EDF+D".to_owned());
    check("a.edf", &file, NO_ANNOTATION_SIGNAL);
}

#[test]
fn annotation_signals_without_samples_are_ignored() {
    let hollow = TestSignal { samples: "0".to_owned(), ..TestSignal::annotations(2) };
    let mut file = TestFile::edf().with(|file| {
        file.reserved = "EDF+C".to_owned();
        file.signals.push(hollow.clone());
    });
    check("a.edf", &file, &valid("EDF+C"));
    file.reserved = "EDF+D".to_owned();
    check("a.edf", &file, NO_ANNOTATION_SIGNAL);
    // The next one that has samples gives the onsets.
    let file = TestFile::edf_plus("EDF+D", &[0.0, 2.0]).with(|file| file.signals.insert(0, hollow));
    let expected = "EDF+D 2020-01-02T22:00:00\nrecords of 1 s: 0+1 at 0 s, 1+1 at 2 s\n\
                    C3-M2: 128 samples, 64.000 Hz, the second is 24.54 uV\n\
                    warning: 1 gap in the timeline, 1.0 s in total";
    check("a.edf", &file, expected);
}

#[test]
fn annotations_of_several_signals_are_in_the_order_of_the_records() {
    let file = TestFile::edf_plus("EDF+C", &seconds(40)).with(|file| {
        for record in 0..2 {
            file.annotate(record, format!("+{record}\x14A{record}\x14\0").as_bytes());
        }
        file.signals.push(TestSignal::annotations(2));
        for (record, bytes) in file.records.iter_mut().enumerate() {
            let list = format!("+{record}\x14B{record}\x14\0");
            bytes.extend(padded(if record < 2 { list.as_bytes() } else { b"" }));
        }
    });
    let expected = format!("{}\nA0 at 0 s\nB0 at 0 s\nA1 at 1 s\nB1 at 1 s", valid("EDF+C"));
    check("a.edf", &file, &expected);
}

#[test]
fn annotations_are_read_without_signals() {
    let file = TestFile::edf_plus("EDF+C", &[0.0]).with(|file| {
        file.annotate(0, b"+0\x1530\x14Sleep stage W\x14\0+30\x1530\x14Sleep stage N1\x14\0");
        file.signals.remove(0);
        file.records[0].drain(..samples(2).len());
        file.duration = "0".to_owned();
    });
    let expected = "EDF+C 2020-01-02T22:00:00\nrecords of 0 s: 0+1 at 0 s\n\
                    Sleep stage W at 0 s\nSleep stage N1 at 30 s";
    check("a.edf", &file, expected);
}

#[test]
fn lists_with_invalid_syntax_are_ignored_and_counted() {
    let file = TestFile::edf_plus("EDF+C", &seconds(40)).with(|file| {
        file.annotate(2, b"5\x14Apnea\x14\0+6\x15-1\x14Hypopnea\x14\0+7\x14Arousal\x14\0");
    });
    let warning =
        "warning: 2 annotation lists with invalid EDF+ syntax, the first in data record 2; ignored";
    check("a.edf", &file, &format!("{}\nArousal at 7 s\n{warning}", valid("EDF+C")));
}
