//! The event lines of Twin (Grass), as in the Wisconsin Sleep Cohort.
//!
//! ```text
//! 22:41:05.21  STAGE - N1
//! 22:43:17.80  DESATURATION - DUR: 35.6 SEC. - MIN 90.6 % - DROP 3.3 %
//! ```
//!
//! A line is a clock time, in order, and an event of several parts. `DUR:` is the duration; percentages and parts with an
//! unknown name become properties; the first part with a known name is the text. A stage lasts until the next one. Only
//! `STAGE` scores one: a note of a `MOVEMENT` does not end a stage. If the log goes on beyond the end of the recording, the
//! time between `PAUSED` and `RECORDING RESUMED` is not in it.

use std::io::BufRead;

use super::parsed_file::ParsedFile;
use crate::annotation::names::{Meaning, meaning};
use crate::annotation::scored_annotation::ScoredAnnotation;
use crate::annotation::text::clock::{RecordingClock, round_seconds};
use crate::annotation::text::line_reader::LineReader;
use crate::annotation::text::parse_error::ParseError;
use crate::annotation::text::row_faults::RowFaults;
use crate::annotation::text::timestamp::{Timestamp, parse_timestamp};
use crate::warning::{Warning, WarningCode};

/// Separates the parts of an event.
const SEPARATOR: &str = " - ";

/// What an event that scores a stage starts with.
const STAGE: &str = "STAGE - ";

/// What the log says when the recorder pauses and goes on.
const PAUSED: &str = "PAUSED";
const RESUMED: &str = "RECORDING RESUMED";

/// The properties that percentages give, by the word before them.
const PERCENTAGES: [(&str, &str); 2] = [("MIN", "spo2_low"), ("DROP", "spo2_drop")];

/// Returns whether lines are such a list: clock times, and at least one event with a duration or a stage.
pub(in crate::annotation) fn is_twin(lines: &[&str]) -> bool {
    let mut events = lines.iter().map_while(|line| split_time(line).map(|(_, event)| event));
    lines.first().is_some_and(|line| split_time(line).is_some())
        && events.any(|event| event.contains(" - DUR: ") || event.starts_with(STAGE))
}

/// Reads the lines of a list.
pub(in crate::annotation) fn read(
    lines: &mut LineReader<impl BufRead>,
    clock: &mut RecordingClock,
) -> Result<ParsedFile, ParseError> {
    let mut parsed = ParsedFile::default();
    let mut faults = RowFaults::default();
    let mut last_stage: Option<usize> = None;
    let mut pauses = Pauses::default();
    while let Some(line) = lines.next_filled()? {
        let at_line = ParseError::at_line(line.number);
        let (time, event) = split_time(&line.text)
            .ok_or_else(|| at_line("expected a clock time (hh:mm:ss) and an event".to_owned()))?;
        let onset_s = clock.next_s(&time);
        pauses.see(onset_s, event);
        let annotation = parse_event(onset_s, event, &mut faults).map_err(&at_line)?;
        if event.starts_with(STAGE) {
            if let Some(stage) = last_stage.map(|idx| &mut parsed.annotations[idx]) {
                stage.duration_s = Some(round_seconds(onset_s - stage.onset_s).max(0.0));
            }
            last_stage = Some(parsed.annotations.len());
        }
        parsed.push(annotation).map_err(&at_line)?;
    }
    parsed.warnings = faults.warnings();
    parsed.warnings.extend(pauses.take_out(&mut parsed.annotations, clock.length_s()));
    Ok(parsed)
}

/// The pauses of a recorder, by the clock of its log.
#[derive(Debug, Default)]
struct Pauses {
    /// Start and length of each, in seconds.
    ended: Vec<(f64, f64)>,
    began_s: Option<f64>,
}

impl Pauses {
    fn see(&mut self, onset_s: f64, event: &str) {
        if event.eq_ignore_ascii_case(PAUSED) {
            self.began_s = Some(onset_s);
        } else if event.eq_ignore_ascii_case(RESUMED)
            && let Some(began_s) = self.began_s.take()
        {
            self.ended.push((began_s, onset_s - began_s));
        }
    }

    /// Moves annotations to where they are in a recording that does not contain the pauses: the log goes on beyond its end.
    fn take_out(
        &self,
        annotations: &mut [ScoredAnnotation],
        length_s: Option<f64>,
    ) -> Option<Warning> {
        let last_s = annotations.iter().map(|it| it.onset_s).fold(0.0, f64::max);
        let is_beyond = length_s.is_some_and(|length_s| last_s > length_s);
        if self.ended.is_empty() || !is_beyond {
            return None;
        }
        // A time within a pause is when it began.
        let recorded_s = |time_s: f64| {
            let pauses = self
                .ended
                .iter()
                .map(|(began_s, length_s)| (time_s - began_s).clamp(0.0, *length_s));
            round_seconds(time_s - pauses.sum::<f64>())
        };
        for annotation in annotations {
            let end_s = annotation.duration_s.map(|length_s| annotation.onset_s + length_s);
            annotation.onset_s = recorded_s(annotation.onset_s);
            annotation.duration_s = end_s.map(|end_s| recorded_s(end_s) - annotation.onset_s);
        }
        let sum_s: f64 = self.ended.iter().map(|(_, length_s)| length_s).sum();
        let message = format!(
            "the log pauses for {sum_s} s, which the recording does not contain; later times were moved back"
        );
        Some(Warning::new(WarningCode::StartTime, message))
    }
}

/// Splits the clock time from the event of a line.
fn split_time(line: &str) -> Option<(Timestamp, &str)> {
    let (time, event) = line.trim().split_once(['\t', ' '])?;
    let time = parse_timestamp(time).ok().filter(|time| matches!(time, Timestamp::Clock(_)))?;
    Some((time, event.trim()))
}

fn parse_event(
    onset_s: f64,
    event: &str,
    faults: &mut RowFaults,
) -> Result<ScoredAnnotation, String> {
    let (mut names, mut properties, mut duration_s) = (Vec::new(), Vec::new(), None);
    for part in event.split(SEPARATOR).map(str::trim) {
        if let Some(duration) = part.strip_prefix("DUR:") {
            let number = duration.trim().trim_end_matches('.').trim_end_matches("SEC").trim_end();
            duration_s = faults.duration(number)?;
        } else if let Some(percentage) = parse_percentage(part) {
            properties.push(percentage);
        } else {
            names.push(part);
        }
    }
    let is_stage = event.starts_with(STAGE);
    let is_known = |name: &&str| meaning(name).is_some_and(|it| it.is_stage() == is_stage);
    let text = match names.iter().position(is_known) {
        Some(known) => names.remove(known).to_owned(),
        None => unknown_event(&std::mem::take(&mut names).join(SEPARATOR)),
    };
    properties.extend(names.iter().map(|name| format!("detail={}", name.replace(';', ","))));
    let mut annotation = ScoredAnnotation::new(onset_s, duration_s, text);
    annotation.meta = Some(properties.join(";")).filter(|meta| !meta.is_empty());
    Ok(annotation)
}

/// Returns the text of an event without a known name, such that it does not read as a stage.
fn unknown_event(event: &str) -> String {
    let is_stage = meaning(event).is_some_and(Meaning::is_stage);
    if is_stage { format!("EVENT - {event}") } else { event.to_owned() }
}

/// Parses `MIN 90.6 %` as a property.
fn parse_percentage(part: &str) -> Option<String> {
    let (word, number) = part.strip_suffix('%')?.trim_end().split_once(' ')?;
    let number: f64 = number.trim().parse().ok().filter(|number: &f64| number.is_finite())?;
    let (_, key) = PERCENTAGES.iter().find(|(known, _)| *known == word)?;
    Some(format!("{key}={number}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    fn parse(text: &str) -> Result<ParsedFile, String> {
        let start = datetime(2002, 1, 1, 22, 0, 0, 0);
        read(&mut LineReader::new(text.as_bytes()), &mut RecordingClock::new(Some(start)))
            .map_err(|error| error.with_path("a".as_ref()).to_string())
    }

    #[test]
    fn events_have_durations_and_percentages() {
        let text = "23:59:59.50\tDESATURATION - DUR: 35.6 SEC. - MIN 90.6 % - DROP 3.3 %\r\n\
                    00:00:01.00\tAROUSAL - DUR: 4.2 SEC. - LM\r\n";
        let mut desaturation = ScoredAnnotation::new(7199.5, Some(35.6), "DESATURATION");
        desaturation.meta = Some("spo2_low=90.6;spo2_drop=3.3".to_owned());
        let mut arousal = ScoredAnnotation::new(7201.0, Some(4.2), "AROUSAL");
        arousal.meta = Some("detail=LM".to_owned());
        assert_eq!(parse(text).unwrap().annotations, [desaturation, arousal]);
    }

    #[test]
    fn stages_last_until_the_next_one() {
        let parsed =
            parse("22:00:00 STAGE - W\n22:00:10 LIGHTS OUT\n22:02:00 STAGE - N2\n").unwrap();
        let found: Vec<(f64, Option<f64>, &str)> = parsed
            .annotations
            .iter()
            .map(|it| (it.onset_s, it.duration_s, it.text.as_str()))
            .collect();
        assert_eq!(
            found,
            [(0.0, Some(120.0), "W"), (10.0, None, "LIGHTS OUT"), (120.0, None, "N2")]
        );
    }

    #[test]
    fn notes_do_not_score_a_stage() {
        let parsed = parse("22:00:00 STAGE - N2\n22:01:00 MOVEMENT\n22:05:00 STAGE - W\n").unwrap();
        let scoring = crate::annotation::Scoring::from_annotations(&parsed.annotations);
        let stages: Vec<_> = (0..11)
            .map(|epoch| scoring.hypnogram.stage_of_epoch(f64::from(epoch) * 30.0))
            .collect();
        let mut expected = vec![Some(crate::sleep::Stage::N2); 10];
        expected.push(Some(crate::sleep::Stage::Wake));
        assert_eq!(stages, expected);
        assert_eq!(scoring.n_unknown, 1);
    }

    #[test]
    fn negative_durations_are_reported() {
        let parsed = parse("22:00:00\tAROUSAL - DUR: -4.2 SEC.\n").unwrap();
        assert_eq!(parsed.annotations, [ScoredAnnotation::new(0.0, None, "AROUSAL")]);
        assert_eq!(parsed.warnings.len(), 1);
    }

    #[test]
    fn invalid_lines_are_refused_with_their_number() {
        let check = |text, expected: &str| assert_eq!(parse(text).unwrap_err(), expected);
        check(
            "22:00:00 STAGE - W\nnote\n",
            "`a`, line 2: expected a clock time (hh:mm:ss) and an event",
        );
        check(
            "22:00:00\tAROUSAL - DUR: x SEC.\n",
            "`a`, line 1: `x` is not a number of seconds up to 10000000",
        );
    }
}
