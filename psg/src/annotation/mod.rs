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

pub use combine::combined;
pub use companion::{companion, companions, sha256_of_annotations};
pub use file::AnnotationFile;
pub(crate) use file::MOST_ANNOTATIONS;
pub use format::AnnotationFormat;
pub use inspection::AnnotationInspection;
pub use scoring::Scoring;

/// One line of a scoring as it stands in the file, before it is understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
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

impl Annotation {
    /// Makes an annotation. A text that ends in `@@CHANNEL`, as EDF+ ties a text to a signal, gives the channel too.
    pub fn new(onset_s: f64, duration_s: Option<f64>, text: impl Into<String>) -> Self {
        let text = text.into();
        let channel = text.rsplit_once("@@").map(|(_, channel)| channel.to_owned());
        let channel = channel.filter(|channel| !channel.is_empty());
        let (scorer, instance, meta, file) = (None, None, None, None);
        Self { onset_s, duration_s, text, channel, scorer, instance, meta, file }
    }

    /// Returns the end in seconds from the first sample; the onset where the length is not known.
    pub fn end_s(&self) -> f64 {
        self.onset_s + self.duration_s.unwrap_or(0.0)
    }

    /// Returns the annotation with an onset that is `seconds` less.
    pub(crate) fn earlier_by(mut self, seconds: f64) -> Self {
        self.onset_s = time::rounded(self.onset_s - seconds);
        self
    }

    /// Returns the time-stamped annotation list of EDF+, section 2.2.2.
    pub(crate) fn to_tal(&self) -> Vec<u8> {
        let sign = if self.onset_s < 0.0 { "" } else { "+" };
        let duration =
            self.duration_s.map_or_else(String::new, |duration_s| format!("\x15{duration_s}"));
        let channel = self.channel.as_ref().map(|channel| format!("@@{channel}"));
        let missing = channel.filter(|channel| !self.text.ends_with(channel)).unwrap_or_default();
        // The separators of the format cannot stand in a text.
        let text: String = self
            .text
            .chars()
            .chain(missing.chars())
            .filter(|c| !matches!(c, '\0' | '\x14' | '\x15'))
            .collect();
        format!("{sign}{}{duration}\x14{text}\x14\0", self.onset_s).into_bytes()
    }
}
