//! Reads the XML annotations of EDFbrowser (`annotationlist`).
//!
//! ```xml
//! <annotationlist>
//!   <annotation>
//!     <onset>2001-01-01T22:00:30.0000000</onset>
//!     <duration>30</duration>
//!     <description>Sleep stage W</description>
//!   </annotation>
//! </annotationlist>
//! ```
//!
//! Onsets are seconds from the start of the recording, or clock times with a date.

use super::super::parsed_file::ParsedFile;
use super::document::XmlDialect;
use crate::annotation::scored_annotation::ScoredAnnotation;
use crate::annotation::text::clock::RecordingClock;
use crate::annotation::text::row_faults::RowFaults;
use crate::annotation::text::timestamp::parse_timestamp;

/// Interprets the elements.
#[derive(Default)]
pub(super) struct EdfBrowserXml {
    parsed: ParsedFile,
    faults: RowFaults,
    annotation: Option<AnnotationFields>,
}

/// The fields of an annotation, as text.
#[derive(Default)]
struct AnnotationFields {
    onset: String,
    duration: String,
    description: String,
}

impl XmlDialect for EdfBrowserXml {
    fn open(&mut self, element: &str) {
        if element == "annotation" {
            self.annotation = Some(AnnotationFields::default());
        }
    }

    fn close(
        &mut self,
        element: &str,
        text: &str,
        clock: &mut RecordingClock,
    ) -> Result<(), String> {
        if let Some(finished) = self.annotation.take_if(|_| element == "annotation") {
            let annotation = finished.annotation(clock, &mut self.faults)?;
            return self.parsed.push(annotation);
        }
        let Some(fields) = &mut self.annotation else { return Ok(()) };
        let field = match element {
            "onset" => &mut fields.onset,
            "duration" => &mut fields.duration,
            "description" => &mut fields.description,
            _ => return Ok(()),
        };
        text.clone_into(field);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<ParsedFile, String> {
        self.parsed.warnings = self.faults.warnings();
        Ok(self.parsed)
    }
}

impl AnnotationFields {
    fn annotation(
        self,
        clock: &mut RecordingClock,
        faults: &mut RowFaults,
    ) -> Result<ScoredAnnotation, String> {
        if self.onset.is_empty() {
            return Err("an `annotation` has no `onset`; expected seconds or a time".to_owned());
        }
        let onset_s = clock.elapsed_s(&parse_timestamp(&self.onset)?);
        let duration = Some(self.duration.as_str()).filter(|text| !text.is_empty());
        let duration_s = faults.optional_duration(duration)?;
        Ok(ScoredAnnotation::new(onset_s, duration_s, self.description))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{parse, parse_from};
    use super::*;
    use jiff::civil::datetime;

    fn document(inner: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><annotationlist><annotation>{inner}</annotation></annotationlist>"
        )
    }

    #[test]
    fn onsets_are_seconds_or_times() {
        let rest = "<duration>30</duration><description>Sleep stage W</description>";
        let expected = [ScoredAnnotation::new(30.0, Some(30.0), "Sleep stage W")];
        let found = parse(&document(&format!("<onset>30</onset>{rest}"))).unwrap();
        assert_eq!(found.annotations, expected);
        let text = document(&format!("<onset>2001-01-01T22:00:30.0000000</onset>{rest}"));
        let found = parse_from(&text, Some(datetime(2001, 1, 1, 22, 0, 0, 0))).unwrap();
        assert_eq!(found.annotations, expected);
    }

    #[test]
    fn negative_durations_are_reported() {
        let text =
            document("<onset>1</onset><duration>-1</duration><description>Arousal</description>");
        let parsed = parse(&text).unwrap();
        assert_eq!(parsed.annotations, [ScoredAnnotation::new(1.0, None, "Arousal")]);
        assert_eq!(parsed.warnings.len(), 1);
    }

    #[test]
    fn annotation_without_an_onset_is_refused() {
        let message = parse(&document("<description>x</description>")).unwrap_err();
        assert!(
            message.ends_with("an `annotation` has no `onset`; expected seconds or a time"),
            "{message}"
        );
    }
}
