//! An annotation: onset, duration and text.

/// Something marked in a recording (EDF+ specification, section 2.2.2).
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// Onset in seconds from the first sample.
    pub onset_s: f64,
    /// Duration in seconds, if the file gives one; never negative in a file that was read.
    pub duration_s: Option<f64>,
    /// The text as written.
    pub text: String,
    /// Position of its annotation signal among those of the file. Some recorders give each scorer a signal.
    pub signal: usize,
}

/// What separates a text from the label of the signal that it belongs to.
const CHANNEL_SEPARATOR: &str = "@@";

impl Annotation {
    /// Creates an annotation of the first annotation signal.
    pub fn new(onset_s: f64, duration_s: Option<f64>, text: impl Into<String>) -> Self {
        Self { onset_s, duration_s, text: text.into(), signal: 0 }
    }

    /// Returns the end in seconds from the first sample; the onset if the duration is not known.
    pub fn end_s(&self) -> f64 {
        self.onset_s + self.duration_s.unwrap_or(0.0)
    }

    /// Returns the label of the signal that the annotation belongs to, which EDF+ appends to a text as `@@LABEL`.
    ///
    /// ```
    /// # use nocturne_edf::Annotation;
    /// let spindle = Annotation::new(1.0, Some(0.8), "Spindle@@EEG C3-M2");
    /// assert_eq!(spindle.channel(), Some("EEG C3-M2"));
    /// ```
    pub fn channel(&self) -> Option<&str> {
        let (_, channel) = self.text.rsplit_once(CHANNEL_SEPARATOR)?;
        Some(channel).filter(|channel| !channel.is_empty())
    }

    /// Returns the annotation with a label appended, unless its text ends in that label already.
    pub fn with_channel(mut self, label: &str) -> Self {
        let suffix = format!("{CHANNEL_SEPARATOR}{label}");
        if !self.text.ends_with(&suffix) {
            self.text.push_str(&suffix);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_is_what_follows_the_last_separator() {
        let channel = |text| Annotation::new(0.0, None, text).channel().map(str::to_owned);
        assert_eq!(channel("a@@b@@C3"), Some("C3".to_owned()));
        assert_eq!(channel("a@@"), None);
        assert_eq!(channel("a@b"), None);
    }

    #[test]
    fn channel_is_appended_once() {
        let spindle = Annotation::new(0.0, None, "Spindle").with_channel("C3");
        assert_eq!(spindle.text, "Spindle@@C3");
        assert_eq!(spindle.clone().with_channel("C3"), spindle);
    }
}
