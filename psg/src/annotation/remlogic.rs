//! The text export of RemLogic (Embla), as the CAP sleep database keeps its scorings.
//!
//! ```text
//! RemLogic Event Export
//! Patient:        …
//! Sleep Stage  Position          Time [hh:mm:ss]  Event     Duration[s]  Location
//! W            Unknown Position  22:09:33         SLEEP-S0  30           ROC-LOC
//! S2           Unknown Position  22:19:36         MCAP-A1   4            C4-A1
//! ```
//!
//! Columns are parted by tabs and found by their names; some files lack the position. Times are those of the clock, in
//! order, and pass midnight. What stands above the table may name a patient and is not kept.

use std::io::BufRead;

use super::file::Content;
use super::lines::Lines;
use super::oddities::Oddities;
use super::problem::Problem;
use super::time::{Clock, moment};
use super::{ScoredAnnotation, fields};

/// What the export writes where no position was scored.
const NO_POSITION: &str = "Unknown Position";

/// Returns whether one of the first lines is the header of such a table.
pub(super) fn has_header(lines: &[&str]) -> bool {
    lines.iter().any(|line| Columns::of(line).is_some())
}

/// Reads the rows below the header.
pub(super) fn read(lines: &mut Lines<impl BufRead>, clock: &mut Clock) -> Result<Content, Problem> {
    let mut content = Content::default();
    let mut oddities = Oddities::default();
    let mut columns: Option<Columns> = None;
    while let Some(line) = lines.next_filled()? {
        if let Some(header) = Columns::of(&line.text) {
            if columns.replace(header).is_some() {
                oddities.repeated_header();
            }
            continue;
        }
        let Some(columns) = &columns else { continue };
        let at_line = Problem::at_line(line.number);
        let annotation = columns.annotation(&line.text, clock, &mut oddities).map_err(&at_line)?;
        content.push(annotation).map_err(&at_line)?;
    }
    content.warnings = oddities.warnings();
    Ok(content)
}

struct Columns {
    time: usize,
    event: usize,
    duration: Option<usize>,
    location: Option<usize>,
    position: Option<usize>,
}

impl Columns {
    /// Finds the columns in a header; a line without a time and an event is none.
    fn of(line: &str) -> Option<Self> {
        let name = |field: &str| field.replace(' ', "").to_ascii_lowercase();
        let names: Vec<String> = line.trim_end().split('\t').map(name).collect();
        let find = |begin: &str| names.iter().position(|name| name.starts_with(begin));
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
        clock: &mut Clock,
        oddities: &mut Oddities,
    ) -> Result<ScoredAnnotation, String> {
        let row = fields::split(line, '\t')?;
        let field =
            |column: usize| row.get(column).map(|field| field.trim()).filter(|it| !it.is_empty());
        let optional = |column: Option<usize>| column.and_then(field);
        let missing = || format!("the row has {} fields; expected a time and an event", row.len());
        let time = field(self.time).ok_or_else(missing)?;
        let event = field(self.event).ok_or_else(missing)?;
        let onset_s = clock.next_s(&moment(time)?);
        let duration_s = match optional(self.duration) {
            Some(text) => oddities.duration(text)?,
            None => None,
        };
        let mut annotation = ScoredAnnotation::new(onset_s, duration_s, event);
        annotation.channel = optional(self.location).map(str::to_owned).or(annotation.channel);
        let position = optional(self.position).filter(|it| !it.eq_ignore_ascii_case(NO_POSITION));
        annotation.meta = fields::meta(&[("position", position.unwrap_or_default())]);
        Ok(annotation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    const HEADER: &str = "Sleep Stage\tPosition\tTime [hh:mm:ss]\tEvent\tDuration[s]\tLocation\n";

    fn parse(text: &str) -> Result<Content, String> {
        let start = datetime(2009, 1, 1, 22, 9, 33, 0);
        read(&mut Lines::new(text.as_bytes()), &mut Clock::new(Some(start)))
            .map_err(|problem| problem.in_file("a".as_ref()).to_string())
    }

    #[test]
    fn rows_have_clock_times_that_pass_midnight() {
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
    fn list_that_begins_before_its_recording_stays_in_order() {
        let text = "Sleep Stage\tTime [hh:mm:ss]\tEvent\tDuration[s]\tLocation\n\
                    W\t22.09.03\tSLEEP-S0\t30\tx\nW\t22.09.33\tSLEEP-S0\t30\tx\n";
        let onsets: Vec<f64> =
            parse(text).unwrap().annotations.iter().map(|it| it.onset_s).collect();
        assert_eq!(onsets, [-30.0, 0.0]);
    }

    #[test]
    fn negative_durations_and_repeated_headers_are_told() {
        let text = format!(
            "{HEADER}W\t\t22:09:33\tSLEEP-S0\t-30\t\n{HEADER}W\t\t22:10:03\tSLEEP-S0\t30\t\n"
        );
        let content = parse(&text).unwrap();
        assert_eq!(content.annotations[0], ScoredAnnotation::new(0.0, None, "SLEEP-S0"));
        let messages: Vec<&str> = content.warnings.iter().map(|w| w.message.as_str()).collect();
        let expected = [
            "1 durations are negative; their annotations were read without a length",
            "the header is repeated 1 times; the repetitions were left out",
        ];
        assert_eq!(messages, expected);
    }

    #[test]
    fn rows_that_cannot_be_read_are_named() {
        let check = |row: &str, expected: &str| {
            let problem = parse(&format!("{HEADER}{row}\n")).unwrap_err();
            assert_eq!(problem, format!("`a`, line 2: {expected}"));
        };
        check("W\t\t22:09:33", "the row has 3 fields; expected a time and an event");
        check(
            "W\t\tsoon\tSLEEP-S0\t30\t",
            "a text of 4 characters is no number of seconds below 10000000",
        );
        check(
            "W\t\t22:09:33\tSLEEP-S0\tlong\t",
            "a text of 4 characters is no number of seconds below 10000000",
        );
    }
}
