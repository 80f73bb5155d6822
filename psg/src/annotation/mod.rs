//! Annotations: what scorers wrote about a recording, and what it means.
//!
//! - [`AnnotationFile::open`] recognises the dialect of a file by its content and reads it.
//! - [`companions`] finds the annotation files of a recording.
//! - [`Scoring`] interprets annotations as stages and events, by the exact names in [`names`];
//!   [`combine`] merges the scorings of several files.
//! - [`mod@write`] writes annotations for other programs.
//!
//! The modules are layered; each imports only from those before it:
//!
//! 1. `scored_annotation`, `format`, `names`, `stage_map` and `scoring_options`: an annotation, the dialects, the known
//!    names, what the user says;
//! 2. `text`: from bytes to lines, fields and times;
//! 3. `dialect`: one reader for each dialect;
//! 4. `recognition`: which dialect a text is;
//! 5. `annotation_file` and `companions`: files;
//! 6. `stage_lengths`, `scorers`, `scoring` and `combination`: meaning;
//! 7. `inspection`, `reference` and `write`.

mod annotation_file;
mod annotation_summary;
mod combination;
mod companions;
mod dialect;
mod format;
mod inspection;
pub mod names;
mod recognition;
mod reference;
mod scored_annotation;
pub(crate) mod scorers;
mod scoring;
mod scoring_options;
pub(crate) mod stage_lengths;
mod stage_levels;
mod stage_map;
pub(crate) mod stage_values;
mod text;
pub mod write;

pub use annotation_file::{AnnotationFile, RecordingSpan, is_annotation_recording};
pub use annotation_summary::{AnnotationSummary, TableColumns};
pub(crate) use combination::in_order;
pub use combination::{ScoringSource, combine};
pub use companions::{
    Companions, FolderListing, companion, companions, companions_in, sha256_of_annotations,
};
pub use format::AnnotationFormat;
pub use inspection::AnnotationInspection;
pub use reference::reference;
pub use scored_annotation::ScoredAnnotation;
pub use scorers::{AUTOMATIC, STAGE_SOURCE};
pub use scoring::Scoring;
pub use scoring_options::ScoringOptions;
pub use stage_map::StageMap;
