//! Files that are odd in time: start, duration, gaps and annotations.

use super::builder::{Odd, OddSignal, padded, samples};
use super::{check, seconds, sound, with_warning};

/// Puts more lists behind the time-keeping one of a record.
fn annotate(file: &mut Odd, record: usize, lists: &[u8]) {
    let bytes = &mut file.records[record];
    let end = bytes.iter().rposition(|byte| *byte == 0x14).unwrap() + 2;
    bytes[end..end + lists.len()].copy_from_slice(lists);
}

#[test]
fn records_may_last_other_than_a_second() {
    let check_duration = |duration: &str, seen: &str, rate_hz: &str| {
        let file = Odd::edf().with(|file| file.duration = duration.to_owned());
        let expected =
            sound("EDF").replace("of 1 s", &format!("of {seen} s")).replace("64.000", rate_hz);
        check("a.edf", &file, &expected);
    };
    check_duration("17", "17", "3.765");
    check_duration("0.5", "0.5", "128.000");
    check_duration("1.000003", "1.000003", "64.000");
    check_duration("3", "3", "21.333");
    check_duration("0.00390625"[..8].into(), "0.003906", "16385.049");
    check_duration("1e3", "1000", "0.064");
}

#[test]
fn record_durations_that_cannot_be_are_refused() {
    for duration in ["0", "-1", "nan", "inf", "1e300", "1e-300", "99999999", "", "1e-7"] {
        let file = Odd::edf().with(|file| file.duration = duration.to_owned());
        let is_number = !["nan", "inf", ""].contains(&duration);
        let expected = if is_number { "0.000001 to 1000000 seconds" } else { "a number" };
        let field = "duration of a data record";
        let message = format!(
            "refused: `a.edf`: the header field `{field}` holds `{duration}`; expected {expected}"
        );
        check("a.edf", &file, &message);
    }
}

#[test]
fn starts_between_two_seconds_are_kept() {
    let onsets_s: Vec<f64> = (0..40).map(|record| 0.25 + f64::from(record)).collect();
    let file =
        Odd::plus("EDF+C", &onsets_s).with(|file| annotate(file, 0, b"+5.25\x14Apnea\x14\0"));
    let expected = format!("{}\nApnea at 5 s", sound("EDF+C").replace("22:00:00", "22:00:00.25"));
    check("a.edf", &file, &expected);
}

#[test]
fn dates_that_cannot_be_are_none() {
    for date in ["31.02.20", "00.00.00", "XX.XX.XX", "", "1.1"] {
        let file = Odd::edf().with(|file| file.date = date.to_owned());
        let expected = format!(
            "{}\nstart_time: the start date `{date}` is no date; the recording has none",
            sound("EDF").replace("2020-01-02T22:00:00", "no start")
        );
        check("a.edf", &file, &expected);
    }
    for time in ["24.00.00", "xx.xx.xx", ""] {
        let file = Odd::edf().with(|file| file.time = time.to_owned());
        let expected = format!(
            "{}\nstart_time: the start time `{time}` is no time of day; the recording has none",
            sound("EDF").replace("2020-01-02T22:00:00", "no start")
        );
        check("a.edf", &file, &expected);
    }
}

#[test]
fn anonymised_dates_are_dates() {
    let check_date = |date: &str, recording: &[u8], seen: &str| {
        let file = Odd::plus("EDF+C", &seconds(40)).with(|file| {
            file.date = date.to_owned();
            file.recording = recording.to_vec();
        });
        check("a.edf", &file, &sound("EDF+C").replace("2020-01-02", seen));
    };
    check_date("01.01.85", b"Startdate X X X X", "1985-01-01");
    check_date("01.01.yy", b"Startdate 01-JAN-2091 X X X", "2091-01-01");
    check_date("03.04.12", b"Startdate 31-FEB-2012 X X X", "2012-04-03");
    check_date("03.04.12", b"Startdate 03-APR-12 X X X", "2012-04-03");
}

#[test]
fn gaps_cut_the_time_line() {
    let mut onsets_s = seconds(40);
    onsets_s[20..].iter_mut().for_each(|onset_s| *onset_s += 100.0);
    let gap = "gap: 1 gap on the time line, 100.0 s in all; no epoch crosses one";
    let cut = |format| sound(format).replace("0+40 at 0 s", "0+20 at 0 s, 20+20 at 120 s");
    check("a.edf", &Odd::plus("EDF+D", &onsets_s), &format!("{}\n{gap}", cut("EDF+D")));
    check("a.bdf", &Odd::bdf_plus("BDF+D", &onsets_s), &format!("{}\n{gap}", cut("BDF+D")));
    let claimed = "time_keeping: the file says that it is continuous (EDF+C), but its records lie apart in time; their times were used";
    check("a.edf", &Odd::plus("EDF+C", &onsets_s), &format!("{}\n{claimed}\n{gap}", cut("EDF+C")));
}

#[test]
fn records_that_contradict_each_other_are_refused_where_time_matters() {
    let mut overlap_s = seconds(40);
    overlap_s[7] = 6.5;
    let problem =
        "`a.edf`: data record 7 begins at 6.5 s, before the end of the record before it at 7 s";
    check("a.edf", &Odd::plus("EDF+D", &overlap_s), &format!("refused: {problem}"));
    let warning =
        format!("time_keeping: {problem}; the file says that it is continuous, and is read so");
    check("a.edf", &Odd::plus("EDF+C", &overlap_s), &with_warning("EDF+C", &warning));

    let early_s: Vec<f64> = (0..40).map(|record| f64::from(record) - 60.0).collect();
    let problem = "`a.edf`: data record 0 begins at -60 s, before the start of the recording";
    check("a.edf", &Odd::plus("EDF+D", &early_s), &format!("refused: {problem}"));
    let warning =
        format!("time_keeping: {problem}; the file says that it is continuous, and is read so");
    check("a.edf", &Odd::plus("EDF+C", &early_s), &with_warning("EDF+C", &warning));
}

#[test]
fn onsets_beyond_all_nights_are_no_time() {
    let endless = [b"+".as_slice(), &[b'9'; 90], b"\x14\x14\0"].concat();
    let with_endless = |reserved| {
        Odd::plus(reserved, &seconds(40)).with(|file| {
            file.records[3] = [samples(2), padded(&endless)].concat();
        })
    };
    let problem =
        "`a.edf`: data record 3 has no time-keeping annotation, so its place in time is unknown";
    check("a.edf", &with_endless("EDF+D"), &format!("refused: {problem}"));
    let warnings = "time_keeping: 1 data records have no time-keeping annotation; read as continuous\n\
                    annotation: 1 annotation lists break the grammar of EDF+ and were left out, the first in data record 3";
    check("a.edf", &with_endless("EDF+C"), &with_warning("EDF+C", warnings));
}

#[test]
fn discontinuous_files_without_annotations_are_refused() {
    let without = Odd::edf().with(|file| file.reserved = "EDF+D".to_owned());
    let expected = "refused: `a.edf`: data record 0 has no time: the file is EDF+D but has no annotation signal";
    check("a.edf", &without, expected);
}

#[test]
fn annotation_signals_without_samples_keep_no_time() {
    let hollow = OddSignal { samples: "0".to_owned(), ..OddSignal::annotations(2) };
    let mut file = Odd::edf().with(|file| {
        file.reserved = "EDF+C".to_owned();
        file.signals.push(hollow.clone());
    });
    check("a.edf", &file, &sound("EDF+C"));
    file.reserved = "EDF+D".to_owned();
    let expected = "refused: `a.edf`: data record 0 has no time: the file is EDF+D but has no annotation signal";
    check("a.edf", &file, expected);
    // The next one that has samples keeps the time.
    let gap_s: Vec<f64> = (0..40).map(|record| f64::from(record) * 2.0).collect();
    let file = Odd::plus("EDF+D", &gap_s[..2]).with(|file| file.signals.insert(0, hollow));
    let expected = "EDF+D 2020-01-02T22:00:00\nrecords of 1 s: 0+1 at 0 s, 1+1 at 2 s\n\
                    C3-M2: 128 samples, 64.000 Hz, the second is 24.54 uV\n\
                    gap: 1 gap on the time line, 1.0 s in all; no epoch crosses one";
    check("a.edf", &file, expected);
}

#[test]
fn several_annotation_signals_are_read_record_by_record() {
    let file = Odd::plus("EDF+C", &seconds(40)).with(|file| {
        file.signals.push(OddSignal::annotations(2));
        let second = |record: usize| padded(format!("+{record}\x14B{record}\x14\0").as_bytes());
        for record in 0..40 {
            let bytes = if record < 2 { second(record) } else { padded(b"") };
            file.records[record].extend(bytes);
            if record < 2 {
                let list = format!("+{record}\x14A{record}\x14\0");
                let start = samples(2).len();
                let end = start
                    + file.records[record][start..].iter().position(|byte| *byte == 0).unwrap()
                    + 1;
                file.records[record][end..end + list.len()].copy_from_slice(list.as_bytes());
            }
        }
    });
    let expected = format!("{}\nA0 at 0 s\nB0 at 0 s\nA1 at 1 s\nB1 at 1 s", sound("EDF+C"));
    check("a.edf", &file, &expected);
}

#[test]
fn annotations_stand_without_signals() {
    let file = Odd::plus("EDF+C", &[0.0]).with(|file| {
        annotate(file, 0, b"+0\x1530\x14Sleep stage W\x14\0+30\x1530\x14Sleep stage N1\x14\0");
        file.signals.remove(0);
        file.records[0].drain(..samples(2).len());
        file.duration = "0".to_owned();
    });
    let expected = "EDF+C 2020-01-02T22:00:00\nrecords of 0 s: 0+1 at 0 s\nSleep stage W at 0 s\nSleep stage N1 at 30 s";
    check("a.edf", &file, expected);
}

#[test]
fn lists_that_break_the_grammar_are_left_out_and_counted() {
    let file = Odd::plus("EDF+C", &seconds(40)).with(|file| {
        annotate(file, 2, b"5\x14Apnea\x14\0+6\x15-1\x14Hypopnea\x14\0+7\x14Arousal\x14\0");
    });
    let warning = "annotation: 2 annotation lists break the grammar of EDF+ and were left out, the first in data record 2";
    check("a.edf", &file, &format!("{}\nArousal at 7 s\n{warning}", sound("EDF+C")));
}
