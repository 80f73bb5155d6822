//! The event lines of Twin (Grass), as the Wisconsin Sleep Cohort keeps its scorings.
//!
//! ```text
//! 22:41:05.21  STAGE - N1
//! 22:43:17.80  DESATURATION - DUR: 35.6 SEC. - MIN 90.6 % - DROP 3.3 %
//! ```
//!
//! A line is a clock time, in order, and an event in parts. Of the parts, `DUR:` is the length, percentages and parts
//! that are no known name become meta-data, and the first known name is the text. A stage lasts until the next one; only
//! `STAGE` scores one, so that a note of a `MOVEMENT` ends none.

use std::io::BufRead;

use super::ScoredAnnotation;
use super::file::Content;
use super::lines::Lines;
use super::names::{Meaning, meaning};
use super::oddities::Oddities;
use super::problem::Problem;
use super::time::{Clock, Moment, moment, rounded};

/// What parts an event.
const BETWEEN_PARTS: &str = " - ";

/// How an event that scores a stage begins.
const STAGE: &str = "STAGE - ";

/// What percentages are of, by the word before them.
const PERCENTAGES: [(&str, &str); 2] = [("MIN", "spo2_low"), ("DROP", "spo2_drop")];

/// Returns whether lines begin like such a list: clock times, and an event with a length or a stage.
pub(super) fn is_twin(lines: &[&str]) -> bool {
    let mut events = lines.iter().map_while(|line| split(line).map(|(_, event)| event));
    lines.first().is_some_and(|line| split(line).is_some())
        && events.any(|event| event.contains(" - DUR: ") || event.starts_with(STAGE))
}

/// Reads the lines of a list.
pub(super) fn read(lines: &mut Lines<impl BufRead>, clock: &mut Clock) -> Result<Content, Problem> {
    let mut content = Content::default();
    let mut oddities = Oddities::default();
    let mut last_stage: Option<usize> = None;
    while let Some(line) = lines.next_filled()? {
        let at_line = Problem::at_line(line.number);
        let (time, event) = split(&line.text).ok_or_else(|| {
            at_line("it begins with no clock time; expected hh:mm:ss and an event".to_owned())
        })?;
        let onset_s = clock.next_s(&time);
        let annotation = annotation(onset_s, event, &mut oddities).map_err(&at_line)?;
        if event.starts_with(STAGE) {
            if let Some(stage) = last_stage.map(|idx| &mut content.annotations[idx]) {
                stage.duration_s = Some(rounded(onset_s - stage.onset_s).max(0.0));
            }
            last_stage = Some(content.annotations.len());
        }
        content.push(annotation).map_err(&at_line)?;
    }
    content.warnings = oddities.warnings();
    Ok(content)
}

/// Splits the clock time from the event of a line.
fn split(line: &str) -> Option<(Moment, &str)> {
    let (time, event) = line.trim().split_once(['\t', ' '])?;
    let time = moment(time).ok().filter(|time| matches!(time, Moment::Clock(_)))?;
    Some((time, event.trim()))
}

fn annotation(
    onset_s: f64,
    event: &str,
    oddities: &mut Oddities,
) -> Result<ScoredAnnotation, String> {
    let (mut names, mut meta, mut duration_s) = (Vec::new(), Vec::new(), None);
    for part in event.split(BETWEEN_PARTS).map(str::trim) {
        if let Some(length) = part.strip_prefix("DUR:") {
            let number = length.trim().trim_end_matches('.').trim_end_matches("SEC").trim_end();
            duration_s = oddities.duration(number)?;
        } else if let Some(percentage) = percentage(part) {
            meta.push(percentage);
        } else {
            names.push(part);
        }
    }
    let is_stage = event.starts_with(STAGE);
    let is_known = |name: &&str| meaning(name).is_some_and(|it| it.is_stage() == is_stage);
    let known = names.iter().position(is_known);
    let text = match known {
        Some(known) => names.remove(known).to_owned(),
        None => unknown(&std::mem::take(&mut names).join(BETWEEN_PARTS)),
    };
    meta.extend(names.iter().map(|name| format!("detail={}", name.replace(';', ","))));
    let mut annotation = ScoredAnnotation::new(onset_s, duration_s, text);
    annotation.meta = Some(meta.join(";")).filter(|meta| !meta.is_empty());
    Ok(annotation)
}

/// Returns an event without a known name as a text that is not taken for a stage.
fn unknown(event: &str) -> String {
    let is_stage = meaning(event).is_some_and(Meaning::is_stage);
    if is_stage { format!("EVENT - {event}") } else { event.to_owned() }
}

/// Returns `MIN 90.6 %` as meta-data.
fn percentage(part: &str) -> Option<String> {
    let (word, number) = part.strip_suffix('%')?.trim_end().split_once(' ')?;
    let number: f64 = number.trim().parse().ok().filter(|number: &f64| number.is_finite())?;
    let (_, key) = PERCENTAGES.iter().find(|(known, _)| *known == word)?;
    Some(format!("{key}={number}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    fn parse(text: &str) -> Result<Content, String> {
        let start = datetime(2002, 1, 1, 22, 0, 0, 0);
        read(&mut Lines::new(text.as_bytes()), &mut Clock::new(Some(start)))
            .map_err(|problem| problem.in_file("a".as_ref()).to_string())
    }

    #[test]
    fn events_have_lengths_and_percentages() {
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
        let content =
            parse("22:00:00 STAGE - W\n22:00:10 LIGHTS OUT\n22:02:00 STAGE - N2\n").unwrap();
        let found: Vec<(f64, Option<f64>, &str)> = content
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
    fn notes_score_no_stage() {
        let content =
            parse("22:00:00 STAGE - N2\n22:01:00 MOVEMENT\n22:05:00 STAGE - W\n").unwrap();
        let scoring = crate::annotation::Scoring::from_annotations(&content.annotations);
        let stages: Vec<_> = (0..11)
            .map(|epoch| scoring.hypnogram.stage_of_epoch(f64::from(epoch) * 30.0))
            .collect();
        let mut expected = vec![Some(crate::sleep::Stage::N2); 10];
        expected.push(Some(crate::sleep::Stage::Wake));
        assert_eq!(stages, expected);
        assert_eq!(scoring.n_unknown, 1);
    }

    #[test]
    fn negative_lengths_are_told() {
        let content = parse("22:00:00\tAROUSAL - DUR: -4.2 SEC.\n").unwrap();
        assert_eq!(content.annotations, [ScoredAnnotation::new(0.0, None, "AROUSAL")]);
        assert_eq!(content.warnings.len(), 1);
    }

    #[test]
    fn lines_that_cannot_be_read_are_named() {
        let check = |text, expected: &str| assert_eq!(parse(text).unwrap_err(), expected);
        check(
            "22:00:00 STAGE - W\nnote\n",
            "`a`, line 2: it begins with no clock time; expected hh:mm:ss and an event",
        );
        check(
            "22:00:00\tAROUSAL - DUR: x SEC.\n",
            "`a`, line 1: `x` is no number of seconds below 10000000",
        );
    }
}
