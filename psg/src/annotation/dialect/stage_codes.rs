//! Replaces the codes of stages by their names.

use std::collections::BTreeMap;

use super::parsed_file::ParsedFile;
use crate::annotation::names::{Meaning, StageCodes, meaning};
use crate::annotation::scored_annotation::ScoredAnnotation;
use crate::annotation::stage_map::StageMap;
use crate::annotation::text::parse_error::{ParseError, redacted};
use crate::sleep::Stage;
use crate::warning::{Warning, WarningCode};

/// Returns the integer that a text is, also if it is written with a fraction of zero, such as `2.0`.
pub(in crate::annotation) fn integer(text: &str) -> Option<i32> {
    let number: f64 = text.parse().ok()?;
    let is_code = number.fract() == 0.0 && number.abs() < 1e6;
    is_code.then_some(number as i32)
}

/// Writes numbers without a fraction of zero.
fn drop_fractions(parsed: &mut ParsedFile) {
    for epoch in &mut parsed.annotations {
        if let Some(code) = integer(&epoch.text) {
            epoch.text = code.to_string();
        }
    }
}

/// Replaces the codes of a dialect by names, or by the stages that the user or a description of the file gives them. A code
/// without a name stays and is reported.
///
/// # Errors
///
/// [`ParseError`] if a text is not a number.
pub(super) fn name_codes(
    parsed: &mut ParsedFile,
    codes: StageCodes,
    stage_map: &StageMap,
) -> Result<(), ParseError> {
    drop_fractions(parsed);
    let is_mapped: Vec<bool> =
        parsed.annotations.iter().map(|epoch| stage_map.contains(&epoch.text)).collect();
    stage_map.apply(&mut parsed.annotations);
    let mut unknown: BTreeMap<i32, usize> = BTreeMap::new();
    for (epoch_idx, epoch) in parsed.annotations.iter_mut().enumerate() {
        if is_mapped[epoch_idx] {
            continue;
        }
        if let Some(name) = codes.name(&epoch.text) {
            name.clone_into(&mut epoch.text);
            continue;
        }
        let code = epoch
            .text
            .parse()
            .map_err(|_| ParseError::at_line(epoch_idx + 1)(not_a_stage_number(&epoch.text)))?;
        *unknown.entry(code).or_insert(0) += 1;
    }
    if let Some(first) = unknown.keys().next() {
        let n: usize = unknown.values().sum();
        let more = if unknown.len() > 1 { " and others" } else { "" };
        let title = codes.title();
        let message =
            format!("code `{first}`{more} has no meaning in {title}; unscored epochs: {n}");
        parsed.warnings.push(Warning::new(WarningCode::Annotation, message));
    }
    Ok(())
}

/// Returns the message for a text where the number of a stage is expected.
pub(super) fn not_a_stage_number(text: &str) -> String {
    format!("found {}; expected the number of a stage", redacted(text))
}

/// Names the numbers of a file that does not say which codes it uses.
///
/// Rechtschaffen and Kales count wake 0, stages 1 to 4, REM 5; files that follow the AASM may count REM 4. If there is a
/// 4 but no 5, it may be either, so it stays without a meaning. What `stage_map` has is not a number any more.
pub(in crate::annotation) fn name_numbers(parsed: &mut ParsedFile, stage_map: &StageMap) {
    drop_fractions(parsed);
    stage_map.apply(&mut parsed.annotations);
    let has = |code: &str| parsed.annotations.iter().any(|epoch| epoch.text == code);
    let is_number = |epoch: &ScoredAnnotation| epoch.text.parse::<i32>().is_ok();
    if !parsed.annotations.iter().any(is_number) {
        return;
    }
    // A name for REM leaves 4 to stage 4.
    let has_rem = parsed.annotations.iter().any(|epoch| {
        !is_number(epoch) && meaning(&epoch.text) == Some(Meaning::Stage(Some(Stage::Rem)))
    });
    let is_4_ambiguous = has("4") && !has("5") && !has_rem;
    for epoch in &mut parsed.annotations {
        let is_ambiguous = is_4_ambiguous && epoch.text == "4";
        let name = StageCodes::RechtschaffenKales.name(&epoch.text);
        if let Some(name) = name.filter(|_| !is_ambiguous) {
            name.clone_into(&mut epoch.text);
        }
    }
    let message = if is_4_ambiguous {
        "stages are numbers; 0 was read as wake and 1 to 3 as N1 to N3, but 4 may be REM or stage 4 without a 5, so it is \
         unscored"
    } else {
        "stages are numbers; read by Rechtschaffen and Kales: 0 wake, 1 to 4 the stages, 5 REM"
    };
    parsed.warnings.push(Warning::new(WarningCode::Annotation, message));
}
