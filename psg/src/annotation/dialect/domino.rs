//! Reads the text exports of DOMINO (Somnomedics): the sleep profile, and the events of one kind of signal.
//!
//! ```text
//! Signal ID: SchlafProfil\\profil
//! Start Time: 1/1/2020 10:30:00 PM
//! Unit:
//! Signal Type: Discret
//! Events list: N3,N2,N1,Rem,Wake,Artifact
//! Rate: 30 s
//!
//! 22:30:00,000; Wake
//! ```
//!
//! ```text
//! Signal ID: FlowD\\flow
//! Start Time: 1/1/2020 10:30:00 PM
//! Unit: s
//! Signal Type: Impuls
//!
//! 22:36:40,513-22:37:02,736; 22;Hypopnea
//! ```
//!
//! The fields of the header are in English or German. A row of a profile lasts as long as its rate says; an event lasts from
//! its first time to its second. Times are clock times in order.

use std::io::BufRead;

use super::parsed_file::ParsedFile;
use crate::annotation::scored_annotation::ScoredAnnotation;
use crate::annotation::text::clock::{RecordingClock, round_seconds};
use crate::annotation::text::line_reader::LineReader;
use crate::annotation::text::parse_error::{ParseError, redacted};
use crate::annotation::text::row_faults::RowFaults;
use crate::annotation::text::timestamp::{Timestamp, parse_duration, parse_timestamp};

/// The first fields of the header.
const SIGNAL_IDS: [&str; 2] = ["signal id:", "signal-id:"];
/// The field with the length of a row.
const RATES: [&str; 2] = ["rate:", "abtastrate:"];

/// Returns whether a line is the first one of an export.
pub(in crate::annotation) fn is_title(line: &str) -> bool {
    let lower = line.trim_start_matches('\u{feff}').trim().to_lowercase();
    SIGNAL_IDS.iter().any(|field| lower.starts_with(field))
}

/// Reads the header and the rows.
pub(in crate::annotation) fn read(
    lines: &mut LineReader<impl BufRead>,
    clock: &mut RecordingClock,
) -> Result<ParsedFile, ParseError> {
    let mut parsed = ParsedFile::default();
    let mut faults = RowFaults::default();
    let mut is_header = true;
    while let Some(line) = lines.next_filled()? {
        let at_line = ParseError::at_line(line.number);
        // Rows start with a time, fields with a letter.
        is_header &= !line.text.trim().starts_with(|c: char| c.is_ascii_digit());
        if is_header {
            if let Some(rate) = rate_of(&line.text) {
                parsed.epoch_length_s = Some(rate.map_err(&at_line)?);
            }
            continue;
        }
        let annotation =
            row(&line.text, parsed.epoch_length_s, clock, &mut faults).map_err(&at_line)?;
        parsed.push(annotation).map_err(&at_line)?;
    }
    parsed.warnings = faults.warnings();
    Ok(parsed)
}

/// Returns the seconds of a row if a line of the header states them.
fn rate_of(line: &str) -> Option<Result<f64, String>> {
    let lower = line.trim().to_lowercase();
    let rate = RATES.iter().find_map(|field| lower.strip_prefix(field))?;
    let number = rate.trim().trim_end_matches(['s', '.']).trim();
    Some(parse_duration(&number.replace(',', ".")))
}

fn row(
    line: &str,
    epoch_s: Option<f64>,
    clock: &mut RecordingClock,
    faults: &mut RowFaults,
) -> Result<ScoredAnnotation, String> {
    let fields: Vec<&str> = line.split(';').map(str::trim).collect();
    let expected =
        || format!("found {}; expected a time and a text, separated by `;`", redacted(line.trim()));
    let (Some(times), Some(text)) = (fields.first(), fields.last().filter(|_| fields.len() > 1))
    else {
        return Err(expected());
    };
    let time = |text: &str| match parse_timestamp(&text.trim().replace(',', ".")) {
        Ok(time @ Timestamp::Clock(_)) => Ok(time),
        Ok(Timestamp::Elapsed(_)) | Err(_) => Err(expected()),
    };
    let Some((from, to)) = times.split_once('-') else {
        return Ok(ScoredAnnotation::new(clock.next_s(&time(times)?), epoch_s, *text));
    };
    let onset_s = clock.next_s(&time(from)?);
    let end_s = clock.next_s(&time(to)?);
    let duration_s = faults.duration(&round_seconds(end_s - onset_s).to_string())?;
    Ok(ScoredAnnotation::new(onset_s, duration_s, *text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    fn parse(text: &str) -> Result<ParsedFile, String> {
        let start = datetime(2020, 1, 1, 23, 59, 0, 0);
        read(&mut LineReader::new(text.as_bytes()), &mut RecordingClock::new(Some(start)))
            .map_err(|error| error.with_path("a".as_ref()).to_string())
    }

    #[test]
    fn profile_has_a_stage_for_each_row() {
        let text = "Signal ID: SchlafProfil\\profil\r\nStart Time: 1/1/2020 11:59:00 PM\r\n\
                    Events list: N3,Wake\r\nRate: 30 s\r\n\r\n23:59:00,000; Wake\r\n00:00:00,000; N3\r\n";
        let expected = [
            ScoredAnnotation::new(0.0, Some(30.0), "Wake"),
            ScoredAnnotation::new(60.0, Some(30.0), "N3"),
        ];
        assert_eq!(parse(text).unwrap().annotations, expected);
    }

    #[test]
    fn events_last_from_one_time_to_the_other() {
        let text =
            "Signal ID: FlowD\\flow\nSignal Type: Impuls\n\n23:59:50,5-00:00:10,5; 20;Hypopnea\n";
        let expected = [ScoredAnnotation::new(50.5, Some(20.0), "Hypopnea")];
        assert_eq!(parse(text).unwrap().annotations, expected);
    }

    #[test]
    fn rows_without_a_time_are_refused() {
        let problem = parse("Signal ID: x\n\n1;Wake\n").unwrap_err();
        assert!(problem.starts_with("`a`, line 3: found"), "{problem}");
    }
}
