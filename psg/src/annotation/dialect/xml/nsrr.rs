//! Reads the XML annotations of the National Sleep Research Resource (`PSGAnnotation`).
//!
//! ```xml
//! <PSGAnnotation>
//!   <EpochLength>30</EpochLength>
//!   <ScoredEvents>
//!     <ScoredEvent>
//!       <EventType>Arousals|Arousals</EventType>
//!       <EventConcept>Arousal|Arousal ()</EventConcept>
//!       <Start>1234.5</Start>
//!       <Duration>7.2</Duration>
//!       <SignalLocation>C4</SignalLocation>
//!       <Notes>…</Notes>
//!     </ScoredEvent>
//!   </ScoredEvents>
//! </PSGAnnotation>
//! ```
//!
//! The older variant (Physio-MIMI) has `Starttime`, and concepts of the sleep domain ontology such as `SDO:WakeState`.
//! Desaturations have `SpO2Nadir` and `SpO2Baseline`; these and the notes become properties.

use super::super::parsed_file::ParsedFile;
use super::document::XmlDialect;
use super::elements::{epoch_length, optional_duration, seconds};
use crate::annotation::scored_annotation::{ScoredAnnotation, join_meta};
use crate::annotation::text::clock::RecordingClock;

/// Interprets the elements.
#[derive(Default)]
pub(super) struct NsrrXml {
    parsed: ParsedFile,
    event: Option<ScoredEvent>,
}

/// The fields of an event, as text.
#[derive(Default)]
struct ScoredEvent {
    concept: String,
    onset: String,
    duration: String,
    channel: String,
    spo2_low: String,
    spo2_baseline: String,
    notes: String,
}

impl XmlDialect for NsrrXml {
    fn open(&mut self, element: &str) {
        if element == "ScoredEvent" {
            self.event = Some(ScoredEvent::default());
        }
    }

    fn close(&mut self, element: &str, text: &str, _: &mut RecordingClock) -> Result<(), String> {
        if let Some(finished) = self.event.take_if(|_| element == "ScoredEvent") {
            return finished.annotation()?.map_or(Ok(()), |found| self.parsed.push(found));
        }
        match &mut self.event {
            Some(event) => event.set(element, text),
            None if element == "EpochLength" => self.parsed.epoch_length_s = epoch_length(text)?,
            None => {}
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<ParsedFile, String> {
        Ok(self.parsed)
    }
}

impl ScoredEvent {
    fn set(&mut self, element: &str, value: &str) {
        let field = match element {
            "EventConcept" => &mut self.concept,
            "Start" | "Starttime" => &mut self.onset,
            "Duration" => &mut self.duration,
            "SignalLocation" => &mut self.channel,
            "SpO2Nadir" => &mut self.spo2_low,
            "SpO2Baseline" => &mut self.spo2_baseline,
            "Notes" => &mut self.notes,
            _ => return,
        };
        value.clone_into(field);
    }

    /// Returns the annotation; `None` for an event without an onset, such as a technician's note.
    fn annotation(self) -> Result<Option<ScoredAnnotation>, String> {
        if self.onset.is_empty() {
            return Ok(None);
        }
        let onset_s = seconds("Start", &self.onset)?;
        let duration_s = optional_duration("Duration", &self.duration)?;
        let mut annotation = ScoredAnnotation::new(onset_s, duration_s, self.concept);
        annotation.channel =
            Some(self.channel).filter(|channel| !channel.is_empty()).or(annotation.channel);
        annotation.meta = join_meta(&[
            ("spo2_low", &self.spo2_low),
            ("spo2_baseline", &self.spo2_baseline),
            ("notes", &self.notes),
        ]);
        Ok(Some(annotation))
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn event(concept: &str, rest: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><PSGAnnotation><EpochLength>30</EpochLength><ScoredEvents><ScoredEvent>\
             <EventConcept>{concept}</EventConcept>{rest}</ScoredEvent></ScoredEvents></PSGAnnotation>"
        )
    }

    fn annotations(text: &str) -> Vec<ScoredAnnotation> {
        parse(text).unwrap().annotations
    }

    #[test]
    fn events_have_concept_start_duration_and_channel() {
        let text = event(
            "Arousal|Arousal ()",
            "<Start>12.5</Start><Duration>7</Duration><SignalLocation>C4</SignalLocation><Notes>x; y</Notes>",
        );
        let mut expected = ScoredAnnotation::new(12.5, Some(7.0), "Arousal|Arousal ()");
        (expected.channel, expected.meta) = (Some("C4".to_owned()), Some("notes=x, y".to_owned()));
        assert_eq!(annotations(&text), [expected]);
        assert_eq!(parse(&text).unwrap().epoch_length_s, Some(30.0));
    }

    #[test]
    fn saturations_become_properties() {
        let text = event(
            "SpO2 desaturation|SpO2 desaturation",
            "<Start>1</Start><Duration>20</Duration><SpO2Nadir>88</SpO2Nadir><SpO2Baseline>95</SpO2Baseline>",
        );
        assert_eq!(annotations(&text)[0].meta.as_deref(), Some("spo2_low=88;spo2_baseline=95"));
    }

    #[test]
    fn older_variant_and_predefined_entities_are_read() {
        let text =
            event("SDO:WakeState &amp; &#x41;", "<Starttime>0</Starttime><Duration>30</Duration>");
        assert_eq!(
            annotations(&text),
            [ScoredAnnotation::new(0.0, Some(30.0), "SDO:WakeState & A")]
        );
    }

    #[test]
    fn event_without_an_onset_is_ignored() {
        assert_eq!(annotations(&event("Technician Notes", "")), []);
    }

    #[test]
    fn invalid_numbers_are_refused_with_their_element() {
        let check = |rest: &str, expected: &str| {
            let message = parse(&event("Arousal", rest)).unwrap_err();
            assert!(message.ends_with(expected), "{message}");
        };
        check("<Start>nan</Start>", "`Start` is `nan`; expected a number of seconds");
        check(
            "<Start>1</Start><Duration>-1</Duration>",
            "`Duration` is `-1`; expected a number of seconds",
        );
        let message =
            parse("<PSGAnnotation><EpochLength>0</EpochLength></PSGAnnotation>").unwrap_err();
        assert!(message.ends_with("`EpochLength` is `0`; expected 1 to 3600 s"), "{message}");
    }
}
