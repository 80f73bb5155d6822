//! The respiratory events of UCDDB (PhysioNet): text of fixed width under three lines of titles.
//!
//! ```text
//!                               Respiratory Event List
//!         Respiratory Event           Desaturation   Snore Arousal     B/T
//!  Time       Type   PB/CS  Duration  Low    %Drop                 Rate  Change
//! 00:29:13  HYP-C             16       89.9    4.1     -     -      64.7   -5.7
//! ```
//!
//! Times are those of the clock. The saturation is no event of its own here: its time is not given.

use std::io::BufRead;
use std::ops::Range;

use super::ScoredAnnotation;
use super::fields::meta;
use super::file::Content;
use super::lines::Lines;
use super::problem::Problem;
use super::time::{Clock, duration, moment};

const TIME: Range<usize> = 0..10;
const TYPE: Range<usize> = 10..20;
const DURATION: Range<usize> = 26..36;

/// What is kept of a row beside type and duration, and its columns.
const META: [(&str, Range<usize>); 5] = [
    ("periodic_breathing", 20..26),
    ("spo2_low", 36..44),
    ("spo2_drop", 44..52),
    ("snore", 52..57),
    ("arousal", 57..63),
];

/// Reads the rows of a list.
pub(super) fn read(lines: &mut Lines<impl BufRead>, clock: &mut Clock) -> Result<Content, Problem> {
    let mut content = Content::default();
    let mut is_title = true;
    while let Some(line) = lines.next_filled()? {
        let begins_with_digit = line.text.starts_with(|first: char| first.is_ascii_digit());
        is_title = is_title && !begins_with_digit;
        if !is_title {
            let at_line = Problem::at_line(line.number);
            let annotation = row(&line.text, clock).map_err(&at_line)?;
            content.push(annotation).map_err(&at_line)?;
        }
    }
    Ok(content)
}

fn row(line: &str, clock: &mut Clock) -> Result<ScoredAnnotation, String> {
    if !line.is_ascii() {
        return Err("the row is not ASCII; expected ASCII in columns".to_owned());
    }
    let column = |columns: Range<usize>| {
        let end = columns.end.min(line.len());
        line.get(columns.start..end).unwrap_or_default().trim()
    };
    let kind = column(TYPE);
    if kind.is_empty() {
        return Err("columns 11 to 20 are blank; expected a type of event".to_owned());
    }
    let onset_s = clock.elapsed_s(&moment(column(TIME))?);
    let mut annotation = ScoredAnnotation::new(onset_s, Some(duration(column(DURATION))?), kind);
    let values = META.map(|(key, columns)| (key, column(columns)));
    annotation.meta = meta(&values);
    Ok(annotation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    fn parse(rows: &str) -> Result<Vec<ScoredAnnotation>, String> {
        let titles = "      Respiratory Event List\r\n  Respiratory Event\r\n Time   Type   PB/CS  Duration\r\n";
        let text = format!("{titles}{rows}\x1a");
        let mut clock = Clock::new(Some(datetime(2000, 1, 1, 23, 49, 2, 0)));
        read(&mut Lines::new(text.as_bytes()), &mut clock)
            .map(|content| content.annotations)
            .map_err(|problem| problem.in_file("a".as_ref()).to_string())
    }

    #[test]
    fn blank_fields_and_types_of_two_words_are_read() {
        let rows = "04:44:53  HYP-O             21       92.8    2.1     +     +              \r\n\
                    05:20:33  PB EVENT  PB      14                       -     -              \r\n";
        let annotations = parse(rows).unwrap();
        let found: Vec<_> =
            annotations.iter().map(|a| (a.onset_s, a.duration_s, a.text.as_str())).collect();
        assert_eq!(found, [(17751.0, Some(21.0), "HYP-O"), (19891.0, Some(14.0), "PB EVENT")]);
        assert_eq!(
            annotations[0].meta.as_deref(),
            Some("spo2_low=92.8;spo2_drop=2.1;snore=+;arousal=+")
        );
        assert_eq!(annotations[1].meta.as_deref(), Some("periodic_breathing=PB;snore=-;arousal=-"));
    }

    #[test]
    fn rows_that_cannot_be_read_are_named() {
        let check = |rows, expected: &str| assert_eq!(parse(rows).unwrap_err(), expected);
        check("04:44:53\r\n", "`a`, line 4: columns 11 to 20 are blank; expected a type of event");
        check(
            "04:44:53  HYP-O             x\r\n",
            "`a`, line 4: `x` is no number of seconds below 10000000",
        );
        check(
            "04:44:53  HYP-Ö\r\n",
            "`a`, line 4: the row is not ASCII; expected ASCII in columns",
        );
    }
}
