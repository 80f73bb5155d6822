//! Reads lists of stages: one label or number per epoch from the start of the recording.

use std::io::BufRead;

use super::parsed_file::ParsedFile;
use super::stage_codes::{name_codes, name_numbers};
use crate::annotation::format::AnnotationFormat;
use crate::annotation::names::StageCodes;
use crate::annotation::scored_annotation::ScoredAnnotation;
use crate::annotation::stage_map::StageMap;
use crate::annotation::text::line_reader::LineReader;
use crate::annotation::text::parse_error::ParseError;
use crate::sleep::EPOCH_S;
use crate::warning::{Warning, WarningCode};

/// Length of an epoch in lists of Respironics, in seconds.
const RESPIRONICS_EPOCH_S: f64 = 6.0;

/// Seconds that a value of a list may last, if 30 s are too many.
const VALUE_LENGTHS_S: [f64; 7] = [1.0, 20.0, 10.0, 15.0, 5.0, 4.0, 2.0];

/// The kind of a list of stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::annotation) enum StageListKind {
    /// Luna's `.eannot`: labels.
    Luna,
    /// Labels, or numbers whose codes the file does not name.
    Plain,
    /// Codes of UCDDB.
    Ucddb,
    /// Codes of Respironics, one for every six seconds.
    Respironics,
}

impl StageListKind {
    /// Returns the dialect.
    pub(in crate::annotation) const fn format(self) -> AnnotationFormat {
        match self {
            Self::Luna => AnnotationFormat::LunaEannot,
            Self::Plain => AnnotationFormat::StageList,
            Self::Ucddb => AnnotationFormat::UcddbStages,
            Self::Respironics => AnnotationFormat::RespironicsStages,
        }
    }

    const fn epoch_length_s(self) -> f64 {
        match self {
            Self::Respironics => RESPIRONICS_EPOCH_S,
            Self::Luna | Self::Plain | Self::Ucddb => EPOCH_S,
        }
    }
}

/// Reads the epochs of a list.
pub(in crate::annotation) fn read(
    lines: &mut LineReader<impl BufRead>,
    kind: StageListKind,
    length_s: Option<f64>,
    stage_map: &StageMap,
) -> Result<ParsedFile, ParseError> {
    let epoch_s = kind.epoch_length_s();
    let mut parsed = ParsedFile { epoch_length_s: Some(epoch_s), ..ParsedFile::default() };
    // Blank lines may end the list, but not interrupt it: each line is an epoch.
    let mut first_blank = None;
    // Blank lines are accepted only at the end: one between epochs would shift all stages after it.
    while let Some(line) = lines.next()? {
        let label = line.text.trim();
        if label.is_empty() {
            first_blank.get_or_insert(line.number);
            continue;
        }
        if let Some(blank) = first_blank {
            let problem = "the line is blank; expected a stage".to_owned();
            return Err(ParseError::at_line(blank)(problem));
        }
        let onset_s = parsed.annotations.len() as f64 * epoch_s;
        let epoch = ScoredAnnotation::new(onset_s, Some(epoch_s), label);
        parsed.push(epoch).map_err(ParseError::at_line(line.number))?;
    }
    if let Some(length_s) = length_s {
        fit_to_length(&mut parsed, length_s);
    }
    match kind {
        StageListKind::Ucddb => name_codes(&mut parsed, StageCodes::Ucddb, stage_map)?,
        StageListKind::Respironics => name_codes(&mut parsed, StageCodes::Respironics, stage_map)?,
        StageListKind::Plain => name_numbers(&mut parsed, stage_map),
        StageListKind::Luna => {}
    }
    Ok(parsed)
}

/// Makes each value as long as it must be for the list to fill a recording that is too short for epochs of 30 s: one value
/// for each second, or another of [`VALUE_LENGTHS_S`].
fn fit_to_length(parsed: &mut ParsedFile, length_s: f64) {
    let n = parsed.annotations.len() as f64;
    let Some(epoch_s) = parsed.epoch_length_s.filter(|epoch_s| n * epoch_s > length_s + epoch_s)
    else {
        return;
    };
    let fits = |value_s: &f64| (n * value_s - length_s).abs() <= epoch_s;
    let Some(value_s) = VALUE_LENGTHS_S.into_iter().find(fits) else { return };
    for (i, value) in parsed.annotations.iter_mut().enumerate() {
        value.onset_s = i as f64 * value_s;
        value.duration_s = Some(value_s);
    }
    parsed.epoch_length_s = Some(value_s);
    let message =
        format!("{n} stages for a recording of {length_s} s; each was read as lasting {value_s} s");
    parsed.warnings.push(Warning::new(WarningCode::Annotation, message));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, kind: StageListKind) -> Result<ParsedFile, String> {
        read(&mut LineReader::new(text.as_bytes()), kind, None, &StageMap::default())
            .map_err(|error| error.with_path("a".as_ref()).to_string())
    }

    fn check(text: &str, kind: StageListKind, expected: &[&str], warning: Option<&str>) {
        let parsed = parse(text, kind).unwrap();
        let texts: Vec<&str> = parsed.annotations.iter().map(|epoch| epoch.text.as_str()).collect();
        assert_eq!(texts, expected);
        let warnings: Vec<&str> = parsed.warnings.iter().map(|w| w.message.as_str()).collect();
        assert_eq!(warnings, Vec::from_iter(warning));
    }

    #[test]
    fn values_of_a_second_are_recognised_by_their_number() {
        let text = format!("{}{}", "0\n".repeat(600), "2\n".repeat(600));
        let read = |length_s| {
            let mut lines = LineReader::new(text.as_bytes());
            read(&mut lines, StageListKind::Plain, Some(length_s), &StageMap::default()).unwrap()
        };
        let seconds = read(1200.0);
        assert_eq!(seconds.annotations[600].onset_s, 600.0);
        assert_eq!(seconds.annotations[600].duration_s, Some(1.0));
        assert!(seconds.warnings.iter().any(|it| it.message.contains("lasting 1 s")));
        assert_eq!(read(36_000.0).annotations[600].onset_s, 18_000.0);
        assert_eq!(read(7777.0).annotations[600].onset_s, 18_000.0);
    }

    #[test]
    fn ucddb_code_1_is_rem() {
        let expected = ["Sleep stage W", "Sleep stage R", "Sleep stage 1", "Sleep stage 4", "8"];
        let warning = "code `8` has no meaning in UCDDB; unscored epochs: 1";
        check("0\r\n1\r\n2\r\n5\r\n8\r\n", StageListKind::Ucddb, &expected, Some(warning));
    }

    #[test]
    fn respironics_scores_every_six_seconds() {
        let expected = ["Sleep stage W", "Sleep stage 1", "Sleep stage R"];
        check("255\n11\n15\n", StageListKind::Respironics, &expected, None);
        let parsed = parse("255\n11\n", StageListKind::Respironics).unwrap();
        assert_eq!(parsed.annotations[1].onset_s, 6.0);
    }

    #[test]
    fn number_4_has_a_meaning_only_if_there_is_a_5() {
        let known =
            "stages are numbers; read by Rechtschaffen and Kales: 0 wake, 1 to 4 the stages, 5 REM";
        let kind = StageListKind::Plain;
        check("0\n4\n5\n", kind, &["Wake|0", "Stage 4 sleep|4", "REM sleep|5"], Some(known));
        let ambiguous = "stages are numbers; 0 was read as wake and 1 to 3 as N1 to N3, but 4 may be REM or stage 4 \
                         without a 5, so it is unscored";
        check("0\n4\n", kind, &["Wake|0", "4"], Some(ambiguous));
    }

    #[test]
    fn labels_are_kept() {
        check("W\nN1\n\n", StageListKind::Luna, &["W", "N1"], None);
    }

    #[test]
    fn text_among_codes_is_refused() {
        let message = parse("0\nasleep\n", StageListKind::Ucddb).unwrap_err();
        let expected = "`a`, line 2: found a text of 6 characters; expected the number of a stage";
        assert_eq!(message, expected);
    }

    #[test]
    fn blank_line_between_epochs_is_refused() {
        let message = parse("W\n\nN1\n", StageListKind::Luna).unwrap_err();
        assert_eq!(message, "`a`, line 2: the line is blank; expected a stage");
    }
}
