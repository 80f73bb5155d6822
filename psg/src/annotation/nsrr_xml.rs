//! The XML annotations of the National Sleep Research Resource (`PSGAnnotation`).
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
//! The older flavour (Physio-MIMI) writes `Starttime`, and concepts of the sleep domain ontology such as
//! `SDO:WakeState`. Desaturations have `SpO2Nadir` and `SpO2Baseline`; these and the notes become meta-data.

use super::ScoredAnnotation;
use super::fields::meta;
use super::file::Content;
use super::problem::shown;
use super::time::{Clock, duration, seconds};
use super::xml::Dialect;

/// Takes the elements of such a file.
#[derive(Default)]
pub(super) struct NsrrXml {
    content: Content,
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

impl Dialect for NsrrXml {
    fn open(&mut self, element: &str) {
        if element == "ScoredEvent" {
            self.event = Some(ScoredEvent::default());
        }
    }

    fn close(&mut self, element: &str, text: &str, _: &mut Clock) -> Result<(), String> {
        if let Some(finished) = self.event.take_if(|_| element == "ScoredEvent") {
            return finished.annotation()?.map_or(Ok(()), |found| self.content.push(found));
        }
        match &mut self.event {
            Some(event) => event.set(element, text),
            None if element == "EpochLength" => self.content.epoch_length_s = epoch_length(text)?,
            None => {}
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Content, String> {
        Ok(self.content)
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

    /// Returns the annotation, or nothing for an event without a place in time, such as a technician's note.
    fn annotation(self) -> Result<Option<ScoredAnnotation>, String> {
        if self.onset.is_empty() {
            return Ok(None);
        }
        let onset_s = number("Start", &self.onset, seconds)?;
        let duration_s = if self.duration.is_empty() {
            None
        } else {
            Some(number("Duration", &self.duration, duration)?)
        };
        let mut annotation = ScoredAnnotation::new(onset_s, duration_s, self.concept);
        annotation.channel =
            Some(self.channel).filter(|channel| !channel.is_empty()).or(annotation.channel);
        annotation.meta = meta(&[
            ("spo2_low", &self.spo2_low),
            ("spo2_baseline", &self.spo2_baseline),
            ("notes", &self.notes),
        ]);
        Ok(Some(annotation))
    }
}

/// Reads the number in an element.
pub(super) fn number(
    element: &str,
    text: &str,
    read: fn(&str) -> Result<f64, String>,
) -> Result<f64, String> {
    read(text)
        .map_err(|_| format!("`{element}` holds {}; expected a number of seconds", shown(text)))
}

/// Reads the length of an epoch, which some files leave blank.
pub(super) fn epoch_length(text: &str) -> Result<Option<f64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let length_s = number("EpochLength", text, duration)?;
    if !(1.0..=3600.0).contains(&length_s) {
        return Err(format!("`EpochLength` holds {}; expected 1 to 3600 s", shown(text)));
    }
    Ok(Some(length_s))
}

#[cfg(test)]
mod tests {
    use super::super::xml::parse;
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
    fn desaturations_keep_their_saturations() {
        let text = event(
            "SpO2 desaturation|SpO2 desaturation",
            "<Start>1</Start><Duration>20</Duration><SpO2Nadir>88</SpO2Nadir><SpO2Baseline>95</SpO2Baseline>",
        );
        assert_eq!(annotations(&text)[0].meta.as_deref(), Some("spo2_low=88;spo2_baseline=95"));
    }

    #[test]
    fn older_flavour_and_predefined_entities_are_read() {
        let text =
            event("SDO:WakeState &amp; &#x41;", "<Starttime>0</Starttime><Duration>30</Duration>");
        assert_eq!(
            annotations(&text),
            [ScoredAnnotation::new(0.0, Some(30.0), "SDO:WakeState & A")]
        );
    }

    #[test]
    fn event_without_a_time_is_left_out() {
        assert_eq!(annotations(&event("Technician Notes", "")), []);
    }

    #[test]
    fn numbers_that_cannot_be_read_are_named() {
        let check = |rest: &str, expected: &str| {
            let problem = parse(&event("Arousal", rest)).unwrap_err();
            assert!(problem.ends_with(expected), "{problem}");
        };
        check("<Start>nan</Start>", "`Start` holds `nan`; expected a number of seconds");
        check(
            "<Start>1</Start><Duration>-1</Duration>",
            "`Duration` holds `-1`; expected a number of seconds",
        );
        let problem =
            parse("<PSGAnnotation><EpochLength>0</EpochLength></PSGAnnotation>").unwrap_err();
        assert!(problem.ends_with("`EpochLength` holds `0`; expected 1 to 3600 s"), "{problem}");
    }
}
