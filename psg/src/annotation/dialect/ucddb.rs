//! The respiratory events of UCDDB (PhysioNet): text in fixed columns under three title lines.
//!
//! ```text
//!                               Respiratory Event List
//!         Respiratory Event           Desaturation   Snore Arousal     B/T
//!  Time       Type   PB/CS  Duration  Low    %Drop                 Rate  Change
//! 00:29:13  HYP-C             16       89.9    4.1     -     -      64.7   -5.7
//! ```
//!
//! Times are clock times. Desaturations are properties, not events: their onsets are not given.

use std::io::BufRead;
use std::ops::Range;

use super::parsed_file::ParsedFile;
use crate::annotation::scored_annotation::{ScoredAnnotation, join_meta};
use crate::annotation::text::clock::RecordingClock;
use crate::annotation::text::line_reader::LineReader;
use crate::annotation::text::parse_error::ParseError;
use crate::annotation::text::timestamp::{parse_duration, parse_timestamp};

const TIME: Range<usize> = 0..10;
const TYPE: Range<usize> = 10..20;
const DURATION: Range<usize> = 26..36;

/// The columns that become properties.
const PROPERTIES: [(&str, Range<usize>); 5] = [
    ("periodic_breathing", 20..26),
    ("spo2_low", 36..44),
    ("spo2_drop", 44..52),
    ("snore", 52..57),
    ("arousal", 57..63),
];

/// Returns whether a line is the first title.
pub(in crate::annotation) fn is_title(line: &str) -> bool {
    line.trim() == "Respiratory Event List"
}

/// Reads the rows of a list.
pub(in crate::annotation) fn read(
    lines: &mut LineReader<impl BufRead>,
    clock: &mut RecordingClock,
) -> Result<ParsedFile, ParseError> {
    let mut parsed = ParsedFile::default();
    // The titles end at the first line that starts with a time.
    let mut is_title = true;
    while let Some(line) = lines.next_filled()? {
        is_title = is_title && !line.text.starts_with(|first: char| first.is_ascii_digit());
        if !is_title {
            let at_line = ParseError::at_line(line.number);
            let annotation = parse_row(&line.text, clock).map_err(&at_line)?;
            parsed.push(annotation).map_err(&at_line)?;
        }
    }
    Ok(parsed)
}

fn parse_row(line: &str, clock: &mut RecordingClock) -> Result<ScoredAnnotation, String> {
    if !line.is_ascii() {
        return Err("the row is not ASCII; expected columns of ASCII".to_owned());
    }
    let column = |columns: Range<usize>| {
        let end = columns.end.min(line.len());
        line.get(columns.start..end).unwrap_or_default().trim()
    };
    let kind = column(TYPE);
    if kind.is_empty() {
        return Err("columns 11 to 20 are blank; expected the type of an event".to_owned());
    }
    let onset_s = clock.elapsed_s(&parse_timestamp(column(TIME))?);
    let duration_s = parse_duration(column(DURATION))?;
    let mut annotation = ScoredAnnotation::new(onset_s, Some(duration_s), kind);
    annotation.meta = join_meta(&PROPERTIES.map(|(key, columns)| (key, column(columns))));
    Ok(annotation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    fn parse(rows: &str) -> Result<Vec<ScoredAnnotation>, String> {
        let titles = "      Respiratory Event List\r\n  Respiratory Event\r\n Time   Type   PB/CS  Duration\r\n";
        let text = format!("{titles}{rows}\x1a");
        let mut clock = RecordingClock::new(Some(datetime(2000, 1, 1, 23, 49, 2, 0)));
        read(&mut LineReader::new(text.as_bytes()), &mut clock)
            .map(|parsed| parsed.annotations)
            .map_err(|error| error.with_path("a".as_ref()).to_string())
    }

    #[test]
    fn blank_columns_and_types_of_two_words_are_read() {
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
    fn invalid_rows_are_refused_with_their_number() {
        let check = |rows, expected: &str| assert_eq!(parse(rows).unwrap_err(), expected);
        check(
            "04:44:53\r\n",
            "`a`, line 4: columns 11 to 20 are blank; expected the type of an event",
        );
        check(
            "04:44:53  HYP-O             x\r\n",
            "`a`, line 4: `x` is not a number of seconds up to 10000000",
        );
        check(
            "04:44:53  HYP-Ö\r\n",
            "`a`, line 4: the row is not ASCII; expected columns of ASCII",
        );
    }
}
