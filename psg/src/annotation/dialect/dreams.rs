//! Reads the lists of the DREAMS databases: a title in brackets with numbers below it.
//!
//! ```text
//! [vis1_Spindles/C3-A1]        [hypnogram]
//! 5.41    0.77                 5
//! 27.05   0.62                 5
//! ```
//!
//! Events are onset and duration in seconds; the title gives scorer, kind and signal. A stage lasts five seconds. Stages
//! count down from 5, wake, over 4, REM, to 0, stage 4; negative numbers are movement and unscored.

use std::io::BufRead;

use super::parsed_file::ParsedFile;
use super::stage_codes::{name_codes, not_a_stage_number};
use crate::annotation::names::StageCodes;
use crate::annotation::scored_annotation::ScoredAnnotation;
use crate::annotation::stage_map::StageMap;
use crate::annotation::text::line_reader::LineReader;
use crate::annotation::text::parse_error::ParseError;
use crate::annotation::text::row_faults::RowFaults;
use crate::annotation::text::timestamp::parse_seconds;
use crate::error::quoted;

/// Length of an epoch in seconds.
const EPOCH_LENGTH_S: f64 = 5.0;

/// Kinds of events in titles, and the names that replace them.
const EVENTS: [(&str, &str); 3] =
    [("spindles", "Sleep spindle"), ("kcomplexes", "K-complex"), ("rems", "Rapid eye movements")];

/// Returns whether a line is a title.
pub(in crate::annotation) fn is_title(line: &str) -> bool {
    parse_title(line).is_some()
}

/// Reads the title and the numbers below it.
pub(in crate::annotation) fn read(
    lines: &mut LineReader<impl BufRead>,
    stage_map: &StageMap,
) -> Result<ParsedFile, ParseError> {
    let first = lines.next_filled()?;
    let title = first.as_ref().and_then(|line| parse_title(&line.text));
    match title {
        Some(Title::Hypnogram) => read_stages(lines, stage_map),
        Some(Title::Events { name, scorer, channel }) => {
            let with_origin = |annotation| ScoredAnnotation {
                scorer: scorer.clone(),
                channel: channel.clone(),
                ..annotation
            };
            read_events(lines, name, with_origin)
        }
        None => Err(ParseError::at_line(1)("expected a title of DREAMS in brackets".to_owned())),
    }
}

enum Title {
    Hypnogram,
    Events { name: &'static str, scorer: Option<String>, channel: Option<String> },
}

/// Parses `[hypnogram]` or `[SCORER_KIND/SIGNAL]`.
fn parse_title(line: &str) -> Option<Title> {
    let inner = line.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    if inner.eq_ignore_ascii_case("hypnogram") {
        return Some(Title::Hypnogram);
    }
    let (events, channel) = match inner.split_once('/') {
        Some((events, channel)) => (events, Some(channel.trim().to_owned())),
        None => (inner, None),
    };
    let (scorer, kind) = match events.rsplit_once('_') {
        Some((scorer, kind)) => (Some(scorer.trim().to_owned()), kind),
        None => (None, events),
    };
    let kind = kind.trim().replace('-', "").to_ascii_lowercase();
    let (_, name) = EVENTS.iter().find(|(title, _)| *title == kind)?;
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    Some(Title::Events { name, scorer: filled(scorer), channel: filled(channel) })
}

fn read_stages(
    lines: &mut LineReader<impl BufRead>,
    stage_map: &StageMap,
) -> Result<ParsedFile, ParseError> {
    let mut parsed = ParsedFile { epoch_length_s: Some(EPOCH_LENGTH_S), ..ParsedFile::default() };
    while let Some(line) = lines.next_filled()? {
        let at_line = ParseError::at_line(line.number);
        let code = line.text.trim();
        if code.parse::<i32>().is_err() {
            return Err(at_line(not_a_stage_number(code)));
        }
        let onset_s = parsed.annotations.len() as f64 * EPOCH_LENGTH_S;
        parsed.push(ScoredAnnotation::new(onset_s, Some(EPOCH_LENGTH_S), code)).map_err(at_line)?;
    }
    name_codes(&mut parsed, StageCodes::Dreams, stage_map)?;
    Ok(parsed)
}

fn read_events(
    lines: &mut LineReader<impl BufRead>,
    name: &str,
    with_origin: impl Fn(ScoredAnnotation) -> ScoredAnnotation,
) -> Result<ParsedFile, ParseError> {
    let mut parsed = ParsedFile::default();
    let mut faults = RowFaults::default();
    while let Some(line) = lines.next_filled()? {
        let at_line = ParseError::at_line(line.number);
        let fields: Vec<&str> = line.text.split_whitespace().collect();
        let [onset, duration] = fields.as_slice() else {
            let (n, name) = (fields.len(), quoted(name));
            return Err(at_line(format!(
                "the row has {n} fields; expected onset and duration of {name}"
            )));
        };
        let onset_s = parse_seconds(onset).map_err(&at_line)?;
        let duration_s = faults.duration(duration).map_err(&at_line)?;
        let annotation = with_origin(ScoredAnnotation::new(onset_s, duration_s, name));
        parsed.push(annotation).map_err(&at_line)?;
    }
    parsed.warnings = faults.warnings();
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ParsedFile, String> {
        read(&mut LineReader::new(text.as_bytes()), &StageMap::default())
            .map_err(|error| error.with_path("a".as_ref()).to_string())
    }

    #[test]
    fn title_gives_scorer_kind_and_signal() {
        let check = |title: &str, text: &str, scorer: Option<&str>, channel: Option<&str>| {
            let found = parse(&format!("{title}\r\n 5.41\t0.77\r\n\r\n")).unwrap().annotations;
            let mut expected = ScoredAnnotation::new(5.41, Some(0.77), text);
            (expected.scorer, expected.channel) =
                (scorer.map(str::to_owned), channel.map(str::to_owned));
            assert_eq!(found, [expected]);
        };
        check("[vis1_Spindles/C3-A1]", "Sleep spindle", Some("vis1"), Some("C3-A1"));
        check("[vis2_KComplexes/CZ-A1]", "K-complex", Some("vis2"), Some("CZ-A1"));
        check("[REMs]", "Rapid eye movements", None, None);
    }

    #[test]
    fn stages_count_down_from_wake_every_five_seconds() {
        let parsed = parse("[hypnogram]\n5\n4\n3\n1\n0\n-1\n-2\n").unwrap();
        let texts: Vec<&str> = parsed.annotations.iter().map(|it| it.text.as_str()).collect();
        let expected = [
            "Sleep stage W",
            "Sleep stage R",
            "Sleep stage 1",
            "Sleep stage 3",
            "Sleep stage 4",
            "Sleep stage M",
            "Sleep stage ?",
        ];
        assert_eq!(texts, expected);
        let last = &parsed.annotations[6];
        assert_eq!((last.onset_s, last.duration_s), (30.0, Some(5.0)));
        assert!(parsed.warnings.is_empty());
    }

    #[test]
    fn invalid_lines_are_refused_with_their_number() {
        let check = |text, expected: &str| assert_eq!(parse(text).unwrap_err(), expected);
        check("[hypnogram]\nW\n", "`a`, line 2: found `W`; expected the number of a stage");
        check(
            "[vis1_Spindles/C3-A1]\n5.41\n",
            "`a`, line 2: the row has 1 fields; expected onset and duration of `Sleep spindle`",
        );
        check("[spindles of mine]\n", "`a`, line 1: expected a title of DREAMS in brackets");
    }
}
