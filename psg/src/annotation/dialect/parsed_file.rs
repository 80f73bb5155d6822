//! The annotations that the reader of a dialect returns, limited in number.

use crate::annotation::annotation_summary::TableColumns;
use crate::annotation::scored_annotation::ScoredAnnotation;
use crate::warning::Warning;

/// Maximum number of annotations in a file: more than a night has heart beats, and few enough for memory.
pub(in crate::annotation) const MAX_ANNOTATIONS: usize = 250_000;

/// The annotations of a file.
#[derive(Debug, Default)]
pub(in crate::annotation) struct ParsedFile {
    pub(in crate::annotation) annotations: Vec<ScoredAnnotation>,
    /// Length of an epoch in seconds, if the file or its dialect defines it.
    pub(in crate::annotation) epoch_length_s: Option<f64>,
    /// The columns, if the file is a table.
    pub(in crate::annotation) columns: TableColumns,
    pub(in crate::annotation) warnings: Vec<Warning>,
}

impl ParsedFile {
    /// Adds an annotation.
    ///
    /// # Errors
    ///
    /// A message if there are too many.
    pub(in crate::annotation) fn push(
        &mut self,
        annotation: ScoredAnnotation,
    ) -> Result<(), String> {
        if self.annotations.len() == MAX_ANNOTATIONS {
            return Err(format!("the file has more than {MAX_ANNOTATIONS} annotations"));
        }
        self.annotations.push(annotation);
        Ok(())
    }
}
