//! Annotations: what a scorer wrote beside the signals, and what it means.
//!
//! [`AnnotationFile::open`] recognises the dialect of a file by its content and reads it; [`companions`] finds the
//! files that belong to a recording; [`Scoring`] is what their annotations mean, by the exact names of [`names`].
//! The writers of [`mod@write`] go the other way.

mod combine;
mod companion;
mod dreams;
mod edfbrowser_xml;
mod encoding;
mod epoch_table;
mod fields;
mod file;
mod format;
mod inspection;
mod lines;
mod luna;
pub mod names;
mod noxturnal;
mod nsrr_xml;
mod oddities;
mod problem;
mod profusion;
mod remlogic;
mod scoring;
mod stage_list;
mod table;
mod time;
mod twin;
mod ucddb;
pub mod write;
mod xml;

use std::path::Path;
use std::sync::Arc;

use nocturne_edf as edf;

use crate::sleep::EventOrigin;

pub use combine::combined;
pub use companion::{companion, companions, sha256_of_annotations};
pub use file::{AnnotationFile, is_annotation_recording};
pub use format::AnnotationFormat;
pub use inspection::AnnotationInspection;
pub use scoring::Scoring;

/// An annotation with what a scoring says beside its onset, duration and text, before its text is interpreted.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredAnnotation {
    /// Begin in seconds from the first sample of the recording.
    pub onset_s: f64,
    /// Length in seconds, where the file gives one.
    pub duration_s: Option<f64>,
    /// The text, as written; where the file holds a code, the name that its dialect gives the code.
    pub text: String,
    /// The signal or the place on the body at which it was scored, where the file names one.
    pub channel: Option<String>,
    /// Who scored it, where the file says so. It may name a person.
    pub scorer: Option<String>,
    /// What tells it from others of the same text (Luna's `instance`), where the file says so.
    pub instance: Option<String>,
    /// What else the file says of it, as `key=value;…` where it has a form. It is free text and may name people.
    pub meta: Option<String>,
    /// The file that it stands in; `None` for one that was made here.
    pub file: Option<Arc<Path>>,
}

impl ScoredAnnotation {
    /// Creates an annotation. A text that ends in `@@LABEL`, by which EDF+ ties it to a signal, gives the channel too.
    pub fn new(onset_s: f64, duration_s: Option<f64>, text: impl Into<String>) -> Self {
        Self::from(edf::Annotation::new(onset_s, duration_s, text))
    }

    /// Returns the end in seconds from the first sample; the onset if the duration is not known.
    pub fn end_s(&self) -> f64 {
        self.onset_s + self.duration_s.unwrap_or(0.0)
    }

    /// Returns the origin of the event, or `None` if neither file, scorer nor channel is known.
    pub(crate) fn origin(&self) -> Option<EventOrigin> {
        let one = |text: &Option<String>| text.as_deref().map(Arc::from).into_iter().collect();
        let origin = EventOrigin {
            file: self.file.clone(),
            scorers: one(&self.scorer),
            channels: one(&self.channel),
        };
        (origin != EventOrigin::default()).then_some(origin)
    }

    /// Returns the annotation as EDF+ can store it: the channel becomes a part of the text, the rest is left out.
    pub fn to_edf(&self) -> edf::Annotation {
        let annotation = edf::Annotation::new(self.onset_s, self.duration_s, self.text.as_str());
        match &self.channel {
            Some(channel) => annotation.with_channel(channel),
            None => annotation,
        }
    }
}

impl From<edf::Annotation> for ScoredAnnotation {
    fn from(annotation: edf::Annotation) -> Self {
        let channel = annotation.channel().map(str::to_owned);
        let edf::Annotation { onset_s, duration_s, text } = annotation;
        let (scorer, instance, meta, file) = (None, None, None, None);
        Self { onset_s, duration_s, text, channel, scorer, instance, meta, file }
    }
}
