//! Annotations: what a scorer wrote beside the signals, and what it means.

use serde::Serialize;

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
        self.onset_s -= seconds;
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
