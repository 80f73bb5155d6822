//! How recordings are indexed.

use std::collections::BTreeMap;

use nocturne_psg::ZScore;
use nocturne_psg::annotation::ScoringOptions;
use nocturne_psg::montage::ProfileChoice;

use crate::captions::CaptionKinds;

/// How recordings are read, and what is stored of them.
#[derive(Debug, Clone, Default)]
pub struct IndexOptions {
    /// Span over which channels are scaled, as the bundle requires.
    pub z_score: ZScore,
    /// Captions to make.
    pub captions: CaptionKinds,
    /// Profile by which labels are read.
    pub profile: ProfileChoice,
    /// What the annotations mean; it comes before what a list says of a recording.
    pub scoring: ScoringOptions,
    /// Whether recordings that are read with a warning are skipped.
    pub strict: bool,
    /// Metadata of every recording, such as its cohort.
    pub metadata: BTreeMap<String, String>,
}
