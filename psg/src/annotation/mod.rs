//! Annotations: what a scorer wrote beside the signals, and what it means.

mod companion;
pub mod names;
pub mod nsrr_xml;
mod scoring;

use std::path::Path;

use serde::Serialize;

use crate::Result;
use crate::edf::EdfFile;

pub use companion::companion;
pub use scoring::Scoring;

/// One line of a scoring as it stands in the file, before it is understood.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Annotation {
    /// Begin in seconds from the first sample of the recording.
    pub onset_s: f64,
    /// Length in seconds, where the file gives one.
    pub duration_s: Option<f64>,
    /// The text, as written.
    pub text: String,
}

impl Annotation {
    /// Makes an annotation.
    pub fn new(onset_s: f64, duration_s: Option<f64>, text: impl Into<String>) -> Self {
        Self { onset_s, duration_s, text: text.into() }
    }

    /// Returns the annotation with an onset that is `seconds` less.
    pub(crate) fn earlier_by(mut self, seconds: f64) -> Self {
        // Files write times with at most seven decimals; the rest is rounding noise.
        self.onset_s = ((self.onset_s - seconds) * 1e7).round() / 1e7;
        self
    }

    /// Returns the time-stamped annotation list of EDF+, section 2.2.2.
    pub(crate) fn to_tal(&self) -> Vec<u8> {
        let sign = if self.onset_s < 0.0 { "" } else { "+" };
        let duration =
            self.duration_s.map_or_else(String::new, |duration_s| format!("\x15{duration_s}"));
        // The separators of the format cannot stand in a text.
        let text: String =
            self.text.chars().filter(|c| !matches!(c, '\0' | '\x14' | '\x15')).collect();
        format!("{sign}{}{duration}\x14{text}\x14\0", self.onset_s).into_bytes()
    }
}

/// Reads a file of annotations: NSRR XML by its ending `.xml`, else an EDF+ file.
///
/// # Errors
///
/// Those of [`nsrr_xml::read`] and [`EdfFile::open`].
pub fn read(path: &Path) -> Result<Vec<Annotation>> {
    let is_xml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml"));
    if is_xml { nsrr_xml::read(path) } else { Ok(EdfFile::open(path)?.annotations().to_vec()) }
}
