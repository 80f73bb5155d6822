//! The text export of RemLogic (Embla), as in the CAP Sleep Database.
//!
//! ```text
//! RemLogic Event Export
//! Patient:        …
//! Sleep Stage  Position          Time [hh:mm:ss]  Event     Duration[s]  Location
//! W            Unknown Position  22:09:33         SLEEP-S0  30           ROC-LOC
//! S2           Unknown Position  22:19:36         MCAP-A1   4            C4-A1
//! ```
//!
//! Columns are separated by tabs and found by their names; the position is optional. Rows are in order of their clock
//! times, which pass midnight. The lines above the table may name a patient and are skipped.

use std::io::BufRead;

use super::parsed_file::ParsedFile;
use crate::annotation::scored_annotation::{ScoredAnnotation, join_meta};
use crate::annotation::text::clock::RecordingClock;
use crate::annotation::text::delimited;
use crate::annotation::text::line_reader::LineReader;
use crate::annotation::text::parse_error::ParseError;
use crate::annotation::text::row_faults::RowFaults;
use crate::annotation::text::timestamp::parse_timestamp;

/// What the export writes if no position was scored.
const NO_POSITION: &str = "Unknown Position";

/// Returns whether a line is the header of such a table.
pub(in crate::annotation) fn is_header(line: &str) -> bool {
    Columns::find(line).is_some()
}

/// Reads the rows below the header.
pub(in crate::annotation) fn read(
    lines: &mut LineReader<impl BufRead>,
    clock: &mut RecordingClock,
) -> Result<ParsedFile, ParseError> {
    let mut parsed = ParsedFile::default();
    let mut faults = RowFaults::default();
    let mut columns: Option<Columns> = None;
    while let Some(line) = lines.next_filled()? {
        if let Some(header) = Columns::find(&line.text) {
            if columns.replace(header).is_some() {
                faults.count_repeated_header();
            }
            continue;
        }
        let Some(columns) = &columns else { continue };
        let at_line = ParseError::at_line(line.number);
        let annotation = columns.annotation(&line.text, clock, &mut faults).map_err(&at_line)?;
        parsed.push(annotation).map_err(&at_line)?;
    }
    parsed.warnings = faults.warnings();
    Ok(parsed)
}

/// The position of each column.
struct Columns {
    time: usize,
    event: usize,
    duration: Option<usize>,
    location: Option<usize>,
    position: Option<usize>,
}

impl Columns {
    /// Finds the columns in a header; `None` if the line has no time or no event.
    fn find(line: &str) -> Option<Self> {
        let name = |field: &str| field.replace(' ', "").to_ascii_lowercase();
        let names: Vec<String> = line.trim_end().split('\t').map(name).collect();
        let find = |prefix: &str| names.iter().position(|name| name.starts_with(prefix));
        Some(Self {
            time: find("time[")?,
            event: names.iter().position(|name| name == "event")?,
            duration: find("duration["),
            location: find("location"),
            position: find("position"),
        })
    }

    fn annotation(
        &self,
        line: &str,
        clock: &mut RecordingClock,
        faults: &mut RowFaults,
    ) -> Result<ScoredAnnotation, String> {
        let row = delimited::split(line, '\t')?;
        let field =
            |column: usize| row.get(column).map(|field| field.trim()).filter(|it| !it.is_empty());
        let optional = |column: Option<usize>| column.and_then(field);
        let missing = || format!("the row has {} fields; expected a time and an event", row.len());
        let time = field(self.time).ok_or_else(missing)?;
        let event = field(self.event).ok_or_else(missing)?;
        let onset_s = clock.next_s(&parse_timestamp(time)?);
        let duration_s = faults.optional_duration(optional(self.duration))?;
        let mut annotation = ScoredAnnotation::new(onset_s, duration_s, event);
        annotation.channel = optional(self.location).map(str::to_owned).or(annotation.channel);
        let position = optional(self.position).filter(|it| !it.eq_ignore_ascii_case(NO_POSITION));
        annotation.meta = join_meta(&[("position", position.unwrap_or_default())]);
        Ok(annotation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    const HEADER: &str = "Sleep Stage\tPosition\tTime [hh:mm:ss]\tEvent\tDuration[s]\tLocation\n";

    fn parse(text: &str) -> Result<ParsedFile, String> {
        let start = datetime(2009, 1, 1, 22, 9, 33, 0);
        read(&mut LineReader::new(text.as_bytes()), &mut RecordingClock::new(Some(start)))
            .map_err(|error| error.with_path("a".as_ref()).to_string())
    }

    #[test]
    fn clock_times_of_rows_pass_midnight() {
        let text = format!(
            "RemLogic Event Export\r\nPatient:\tX\r\n\r\nEvents Included:\r\nSLEEP-S0\r\n\r\n{HEADER}\
             W\tUnknown Position\t22:09:33\tSLEEP-S0\t30\tROC-LOC\r\n\
             S2\tSupine\t23:59:58\tMCAP-A1\t4\tC4-A1\r\nR\tUnknown Position\t00:00:03\tSLEEP-REM\t30\t\r\n"
        );
        let mut wake = ScoredAnnotation::new(0.0, Some(30.0), "SLEEP-S0");
        wake.channel = Some("ROC-LOC".to_owned());
        let mut phase = ScoredAnnotation::new(6625.0, Some(4.0), "MCAP-A1");
        (phase.channel, phase.meta) =
            (Some("C4-A1".to_owned()), Some("position=Supine".to_owned()));
        let expected = [wake, phase, ScoredAnnotation::new(6630.0, Some(30.0), "SLEEP-REM")];
        assert_eq!(parse(&text).unwrap().annotations, expected);
    }

    #[test]
    fn list_that_starts_before_its_recording_stays_in_order() {
        let text = "Sleep Stage\tTime [hh:mm:ss]\tEvent\tDuration[s]\tLocation\n\
                    W\t22.09.03\tSLEEP-S0\t30\tx\nW\t22.09.33\tSLEEP-S0\t30\tx\n";
        let onsets: Vec<f64> =
            parse(text).unwrap().annotations.iter().map(|it| it.onset_s).collect();
        assert_eq!(onsets, [-30.0, 0.0]);
    }

    #[test]
    fn negative_durations_and_repeated_headers_are_reported() {
        let text = format!(
            "{HEADER}W\t\t22:09:33\tSLEEP-S0\t-30\t\n{HEADER}W\t\t22:10:03\tSLEEP-S0\t30\t\n"
        );
        let parsed = parse(&text).unwrap();
        assert_eq!(parsed.annotations[0], ScoredAnnotation::new(0.0, None, "SLEEP-S0"));
        let messages: Vec<&str> = parsed.warnings.iter().map(|w| w.message.as_str()).collect();
        let expected = ["1 negative duration; read as unknown", "1 repeated header; ignored"];
        assert_eq!(messages, expected);
    }

    #[test]
    fn invalid_rows_are_refused_with_their_number() {
        let check = |row: &str, expected: &str| {
            let message = parse(&format!("{HEADER}{row}\n")).unwrap_err();
            assert_eq!(message, format!("`a`, line 2: {expected}"));
        };
        check("W\t\t22:09:33", "the row has 3 fields; expected a time and an event");
        let not_a_number = "a text of 4 characters is not a number of seconds up to 10000000";
        check("W\t\tsoon\tSLEEP-S0\t30\t", not_a_number);
        check("W\t\t22:09:33\tSLEEP-S0\tlong\t", not_a_number);
    }
}
