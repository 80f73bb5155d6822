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
//! 1. `scored_annotation`, `format` and `names`: an annotation, the dialects, the known names;
//! 2. `text`: from bytes to lines, fields and times;
//! 3. `dialect`: one reader for each dialect;
//! 4. `recognition`: which dialect a text is;
//! 5. `annotation_file` and `companions`: files;
//! 6. `stage_lengths`, `scoring` and `combination`: meaning;
//! 7. `inspection` and `write`.

mod annotation_file;
mod combination;
mod companions;
mod dialect;
mod format;
mod inspection;
pub mod names;
mod recognition;
mod scored_annotation;
mod scoring;
pub(crate) mod stage_lengths;
mod text;
pub mod write;

pub use annotation_file::{AnnotationFile, RecordingSpan, is_annotation_recording};
pub use combination::combine;
pub use companions::{
    Companions, FolderListing, companion, companions, companions_in, sha256_of_annotations,
};
pub use format::AnnotationFormat;
pub use inspection::AnnotationInspection;
pub use scored_annotation::ScoredAnnotation;
pub use scoring::Scoring;
