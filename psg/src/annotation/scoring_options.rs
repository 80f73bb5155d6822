//! What the user says about the annotations of a recording.

use super::format::AnnotationFormat;
use super::stage_map::StageMap;

/// What the user says about annotations; the default leaves everything to the files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScoringOptions {
    /// Stages that texts mean; it comes before the meaning that a format gives them.
    pub stage_map: StageMap,
    /// The format of the annotation files; `None` to recognise it.
    pub format: Option<AnnotationFormat>,
    /// The scorer, file or annotation signal that is used if several scored the same; `None` for the first.
    pub scorer: Option<String>,
}

impl ScoringOptions {
    /// Adds what other options say and these do not.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            stage_map: self.stage_map.or(&other.stage_map),
            format: self.format.or(other.format),
            scorer: self.scorer.or_else(|| other.scorer.clone()),
        }
    }
}
