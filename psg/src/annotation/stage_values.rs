//! Stages that a signal holds as numbers.

use super::dialect::parsed_file::ParsedFile;
use super::dialect::stage_codes::name_numbers;
use super::scored_annotation::ScoredAnnotation;
use super::stage_map::StageMap;
use crate::warning::Warning;

/// Returns the stages of values with their onsets and lengths in seconds: 0 wake, 1 to 4 the stages, 5 REM, 6 movement
/// (EDF specification on hypnograms).
///
/// # Errors
///
/// A sentence if there are too many.
pub(crate) fn stages(
    values: impl IntoIterator<Item = (f64, f64, f64)>,
    stage_map: &StageMap,
) -> Result<(Vec<ScoredAnnotation>, Vec<Warning>), String> {
    let mut parsed = ParsedFile::default();
    for (onset_s, length_s, value) in values {
        parsed.push(ScoredAnnotation::new(onset_s, Some(length_s), value.to_string()))?;
    }
    name_numbers(&mut parsed, stage_map);
    Ok((parsed.annotations, parsed.warnings))
}
