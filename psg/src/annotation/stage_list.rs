//! Lists of stages: one label or number for each epoch from the start of the recording.

use std::collections::BTreeMap;
use std::io::BufRead;

use super::ScoredAnnotation;
use super::file::Content;
use super::format::AnnotationFormat;
use super::lines::Lines;
use super::names::Codes;
use super::problem::{Problem, shown};
use crate::sleep::EPOCH_S;
use crate::warning::{Warning, WarningCode};

/// Epochs of Respironics' stage lists in seconds.
const RESPIRONICS_EPOCH_S: f64 = 6.0;

/// Reads the epochs of a list.
pub(super) fn read(
    lines: &mut Lines<impl BufRead>,
    format: AnnotationFormat,
) -> Result<Content, Problem> {
    let epoch_s =
        if format == AnnotationFormat::RespironicsStages { RESPIRONICS_EPOCH_S } else { EPOCH_S };
    let mut content = Content { epoch_length_s: Some(epoch_s), ..Content::default() };
    let mut first_blank = None;
    while let Some(line) = lines.next()? {
        let label = line.text.trim();
        if label.is_empty() {
            first_blank.get_or_insert(line.number);
            continue;
        }
        if let Some(blank) = first_blank {
            let problem = "the line is blank; expected the label of an epoch".to_owned();
            return Err(Problem::at_line(blank)(problem));
        }
        let onset_s = content.annotations.len() as f64 * epoch_s;
        let epoch = ScoredAnnotation::new(onset_s, Some(epoch_s), label);
        content.push(epoch).map_err(Problem::at_line(line.number))?;
    }
    match format {
        AnnotationFormat::UcddbStages => name_codes(&mut content, Codes::Ucddb)?,
        AnnotationFormat::RespironicsStages => name_codes(&mut content, Codes::Respironics)?,
        AnnotationFormat::StageList => name_numbers(&mut content),
        AnnotationFormat::LunaEannot
        | AnnotationFormat::EdfPlus
        | AnnotationFormat::NsrrXml
        | AnnotationFormat::ProfusionXml
        | AnnotationFormat::LunaAnnot
        | AnnotationFormat::EdfBrowserXml
        | AnnotationFormat::UcddbEvents
        | AnnotationFormat::NoxturnalCsv
        | AnnotationFormat::RemLogicText
        | AnnotationFormat::TwinText
        | AnnotationFormat::DreamsList
        | AnnotationFormat::EpochTable
        | AnnotationFormat::BidsTsv
        | AnnotationFormat::EventCsv => {}
    }
    Ok(content)
}

/// Puts names in the place of codes; a code without a name stays, and is reported.
pub(super) fn name_codes(content: &mut Content, codes: Codes) -> Result<(), Problem> {
    let mut unknown: BTreeMap<i32, usize> = BTreeMap::new();
    for (epoch_idx, epoch) in content.annotations.iter_mut().enumerate() {
        if let Some(name) = codes.name(&epoch.text) {
            name.clone_into(&mut epoch.text);
            continue;
        }
        let code = epoch.text.parse().map_err(|_| {
            let problem =
                format!("it holds {}; expected the number of a stage", shown(&epoch.text));
            Problem::at_line(epoch_idx + 1)(problem)
        })?;
        *unknown.entry(code).or_insert(0) += 1;
    }
    if let Some(first) = unknown.keys().next() {
        let n: usize = unknown.values().sum();
        let more = if unknown.len() > 1 { " and others" } else { "" };
        let message = format!(
            "the code `{first}`{more} has no meaning in {}; epochs left unscored: {n}",
            codes.title()
        );
        content.warnings.push(Warning::new(WarningCode::Annotation, message));
    }
    Ok(())
}

/// Names the numbers of a list that does not say whose they are.
///
/// Rechtschaffen and Kales count wake 0, stages 1 to 4, REM 5; lists after the AASM make REM 4. Where a 4 stands and
/// no 5, either may be meant, so the 4 stays without a meaning.
pub(super) fn name_numbers(content: &mut Content) {
    let has = |code: &str| content.annotations.iter().any(|epoch| epoch.text == code);
    let is_number = |epoch: &ScoredAnnotation| epoch.text.parse::<i32>().is_ok();
    if !content.annotations.iter().any(is_number) {
        return;
    }
    let four_is_open = has("4") && !has("5");
    for epoch in &mut content.annotations {
        let is_open = four_is_open && epoch.text == "4";
        if let Some(name) = Codes::RechtschaffenKales.name(&epoch.text).filter(|_| !is_open) {
            name.clone_into(&mut epoch.text);
        }
    }
    let message = if four_is_open {
        "the stages are numbers; 0 was read as wake and 1 to 3 as N1 to N3, but 4 can mean REM or stage 4 and no 5 tells \
         which, so it stays unscored"
    } else {
        "the stages are numbers; they were read as Rechtschaffen and Kales count them: 0 wake, 1 to 4 the stages, 5 REM"
    };
    content.warnings.push(Warning::new(WarningCode::Annotation, message));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, format: AnnotationFormat) -> Result<Content, String> {
        read(&mut Lines::new(text.as_bytes()), format)
            .map_err(|problem| problem.in_file("a".as_ref()).to_string())
    }

    fn check(text: &str, format: AnnotationFormat, expected: &[&str], warning: Option<&str>) {
        let content = parse(text, format).unwrap();
        let texts: Vec<&str> =
            content.annotations.iter().map(|epoch| epoch.text.as_str()).collect();
        assert_eq!(texts, expected);
        let warnings: Vec<&str> = content.warnings.iter().map(|w| w.message.as_str()).collect();
        assert_eq!(warnings, Vec::from_iter(warning));
    }

    #[test]
    fn ucddb_counts_rem_as_1() {
        let expected = ["Sleep stage W", "Sleep stage R", "Sleep stage 1", "Sleep stage 4", "8"];
        let warning = "the code `8` has no meaning in UCDDB; epochs left unscored: 1";
        check("0\r\n1\r\n2\r\n5\r\n8\r\n", AnnotationFormat::UcddbStages, &expected, Some(warning));
    }

    #[test]
    fn respironics_scores_every_six_seconds() {
        let expected = ["Sleep stage W", "Sleep stage 1", "Sleep stage R"];
        check("255\n11\n15\n", AnnotationFormat::RespironicsStages, &expected, None);
        let content = parse("255\n11\n", AnnotationFormat::RespironicsStages).unwrap();
        assert_eq!(content.annotations[1].onset_s, 6.0);
    }

    #[test]
    fn number_4_has_no_meaning_until_a_5_gives_it_one() {
        let known = "the stages are numbers; they were read as Rechtschaffen and Kales count them: 0 wake, 1 to 4 the \
                     stages, 5 REM";
        let format = AnnotationFormat::StageList;
        check("0\n4\n5\n", format, &["Wake|0", "Stage 4 sleep|4", "REM sleep|5"], Some(known));
        let open = "the stages are numbers; 0 was read as wake and 1 to 3 as N1 to N3, but 4 can mean REM or stage 4 and \
                    no 5 tells which, so it stays unscored";
        check("0\n4\n", format, &["Wake|0", "4"], Some(open));
    }

    #[test]
    fn labels_stay_as_they_are() {
        check("W\nN1\n\n", AnnotationFormat::LunaEannot, &["W", "N1"], None);
    }

    #[test]
    fn text_among_codes_is_refused() {
        let problem = parse("0\nasleep\n", AnnotationFormat::UcddbStages).unwrap_err();
        let expected =
            "`a`, line 2: it holds a text of 6 characters; expected the number of a stage";
        assert_eq!(problem, expected);
    }

    #[test]
    fn blank_line_between_epochs_is_refused() {
        let problem = parse("W\n\nN1\n", AnnotationFormat::LunaEannot).unwrap_err();
        assert_eq!(problem, "`a`, line 2: the line is blank; expected the label of an epoch");
    }
}
