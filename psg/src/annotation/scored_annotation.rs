//! An annotation with everything that a scoring says about it.

use std::path::Path;
use std::sync::Arc;

use nocturne_edf as edf;

use crate::sleep::EventOrigin;

/// An annotation with what a scoring says beside onset, duration and text, before its text is interpreted.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredAnnotation {
    /// Onset in seconds from the first sample of the recording.
    pub onset_s: f64,
    /// Duration in seconds, if the file gives one.
    pub duration_s: Option<f64>,
    /// The text as written; if the file contains a code, the name that its dialect gives the code.
    pub text: String,
    /// The signal or the position on the body, if the file names one.
    pub channel: Option<String>,
    /// The scorer, if the file names one. It may be the name of a person.
    pub scorer: Option<String>,
    /// What distinguishes it from others of the same text (Luna's `instance`).
    pub instance: Option<String>,
    /// Other properties, as `key=value;…` if the dialect has fields for them. Free text may name people.
    pub meta: Option<String>,
    /// Position of its annotation signal among those of an EDF+ file; 0 in other formats.
    pub signal: usize,
    /// The file that contains it; `None` if it was created here.
    pub file: Option<Arc<Path>>,
}

impl ScoredAnnotation {
    /// Creates an annotation. A text that ends in `@@LABEL`, as EDF+ ties it to a signal, gives the channel too.
    pub fn new(onset_s: f64, duration_s: Option<f64>, text: impl Into<String>) -> Self {
        Self::from(edf::Annotation::new(onset_s, duration_s, text))
    }

    /// Returns the end in seconds from the first sample; the onset if the duration is not known.
    pub fn end_s(&self) -> f64 {
        self.onset_s + self.duration_s.unwrap_or(0.0)
    }

    /// Returns the origin of the event; `None` if neither file, scorer nor channel is known.
    pub(crate) fn origin(&self) -> Option<EventOrigin> {
        let one = |text: &Option<String>| text.as_deref().map(Arc::from).into_iter().collect();
        let origin = EventOrigin {
            file: self.file.clone(),
            scorers: one(&self.scorer),
            channels: one(&self.channel),
        };
        (origin != EventOrigin::default()).then_some(origin)
    }

    /// Returns what EDF+ can store of the annotation: the channel becomes a part of the text, the rest is dropped.
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
        let edf::Annotation { onset_s, duration_s, text, signal } = annotation;
        let (scorer, instance, meta, file) = (None, None, None, None);
        Self { onset_s, duration_s, text, channel, scorer, instance, meta, signal, file }
    }
}

/// Joins properties as `key=value;…`; blank values are dropped, and a `;` inside a value becomes `,`.
pub(super) fn join_meta(values: &[(&str, &str)]) -> Option<String> {
    let filled = values.iter().filter(|(_, value)| !value.trim().is_empty());
    let parts: Vec<String> =
        filled.map(|(key, value)| format!("{key}={}", value.trim().replace(';', ","))).collect();
    Some(parts.join(";")).filter(|meta| !meta.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_survives_the_way_through_edf() {
        let mut spindle = ScoredAnnotation::new(1.0, Some(0.5), "Spindle");
        spindle.channel = Some("C3".to_owned());
        let edf = spindle.to_edf();
        assert_eq!(edf.text, "Spindle@@C3");
        assert_eq!(ScoredAnnotation::from(edf).channel.as_deref(), Some("C3"));
    }

    #[test]
    fn annotations_without_file_scorer_and_channel_have_no_origin() {
        assert_eq!(ScoredAnnotation::new(0.0, None, "Arousal").origin(), None);
    }

    #[test]
    fn blank_properties_are_dropped() {
        assert_eq!(join_meta(&[("a", " 1;2 "), ("b", " ")]).as_deref(), Some("a=1,2"));
        assert_eq!(join_meta(&[("a", "")]), None);
    }
}
