//! The XML annotations of EDFbrowser (`annotationlist`).
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
//! Onsets are seconds from the start of the recording, or clock times after a date.

use super::ScoredAnnotation;
use super::file::Content;
use super::oddities::Oddities;
use super::time::{Clock, moment};
use super::xml::Dialect;

/// Takes the elements of such a file.
#[derive(Default)]
pub(super) struct EdfBrowserXml {
    content: Content,
    oddities: Oddities,
    annotation: Option<Fields>,
}

/// The fields of an annotation, as text.
#[derive(Default)]
struct Fields {
    onset: String,
    duration: String,
    description: String,
}

impl Dialect for EdfBrowserXml {
    fn open(&mut self, element: &str) {
        if element == "annotation" {
            self.annotation = Some(Fields::default());
        }
    }

    fn close(&mut self, element: &str, text: &str, clock: &mut Clock) -> Result<(), String> {
        if let Some(finished) = self.annotation.take_if(|_| element == "annotation") {
            let annotation = finished.annotation(clock, &mut self.oddities)?;
            return self.content.push(annotation);
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

    fn finish(mut self: Box<Self>) -> Result<Content, String> {
        self.content.warnings = self.oddities.warnings();
        Ok(self.content)
    }
}

impl Fields {
    fn annotation(
        self,
        clock: &mut Clock,
        oddities: &mut Oddities,
    ) -> Result<ScoredAnnotation, String> {
        if self.onset.is_empty() {
            return Err("an `annotation` has no `onset`; expected seconds or a time".to_owned());
        }
        let onset_s = clock.elapsed_s(&moment(&self.onset)?);
        let duration_s =
            if self.duration.is_empty() { None } else { oddities.duration(&self.duration)? };
        Ok(ScoredAnnotation::new(onset_s, duration_s, self.description))
    }
}

#[cfg(test)]
mod tests {
    use super::super::xml::{parse, parse_from};
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
    fn negative_durations_are_told() {
        let text =
            document("<onset>1</onset><duration>-1</duration><description>Arousal</description>");
        let content = parse(&text).unwrap();
        assert_eq!(content.annotations, [ScoredAnnotation::new(1.0, None, "Arousal")]);
        assert_eq!(content.warnings.len(), 1);
    }

    #[test]
    fn annotation_without_an_onset_is_refused() {
        let problem = parse(&document("<description>x</description>")).unwrap_err();
        assert!(
            problem.ends_with("an `annotation` has no `onset`; expected seconds or a time"),
            "{problem}"
        );
    }
}
