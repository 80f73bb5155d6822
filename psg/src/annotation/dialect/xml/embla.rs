//! Reads the XML events of Embla RemLogic (`EventExport`).
//!
//! ```xml
//! <EventExport>
//!   <Events>
//!     <Event>
//!       <Type>SLEEP-S2</Type><Location>EEG.C3</Location>
//!       <StartTime>2020-01-01T22:30:00.000000</StartTime><StopTime>2020-01-01T22:30:30.000000</StopTime>
//!     </Event>
//!   </Events>
//! </EventExport>
//! ```
//!
//! Times are clock times with a date.

use super::super::parsed_file::ParsedFile;
use super::document::XmlDialect;
use crate::annotation::scored_annotation::ScoredAnnotation;
use crate::annotation::text::clock::{RecordingClock, round_seconds};
use crate::annotation::text::row_faults::RowFaults;
use crate::annotation::text::timestamp::parse_timestamp;

/// Interprets the elements.
#[derive(Default)]
pub(super) struct EmblaXml {
    parsed: ParsedFile,
    faults: RowFaults,
    event: Option<EventFields>,
}

/// The fields of an event, as text.
#[derive(Default)]
struct EventFields {
    kind: String,
    location: String,
    start: String,
    stop: String,
}

impl XmlDialect for EmblaXml {
    fn open(&mut self, element: &str) {
        if element == "Event" {
            self.event = Some(EventFields::default());
        }
    }

    fn close(
        &mut self,
        element: &str,
        text: &str,
        clock: &mut RecordingClock,
    ) -> Result<(), String> {
        if let Some(finished) = self.event.take_if(|_| element == "Event") {
            let annotation = finished.annotation(clock, &mut self.faults)?;
            return self.parsed.push(annotation);
        }
        let Some(fields) = &mut self.event else { return Ok(()) };
        let field = match element {
            "Type" => &mut fields.kind,
            "Location" => &mut fields.location,
            "StartTime" => &mut fields.start,
            "StopTime" => &mut fields.stop,
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

impl EventFields {
    fn annotation(
        self,
        clock: &mut RecordingClock,
        faults: &mut RowFaults,
    ) -> Result<ScoredAnnotation, String> {
        if self.start.is_empty() {
            return Err("an `Event` has no `StartTime`; expected a time".to_owned());
        }
        let onset_s = clock.elapsed_s(&parse_timestamp(&self.start)?);
        let duration_s = if self.stop.is_empty() {
            None
        } else {
            let end_s = clock.elapsed_s(&parse_timestamp(&self.stop)?);
            faults.duration(&round_seconds(end_s - onset_s).to_string())?
        };
        let mut annotation = ScoredAnnotation::new(onset_s, duration_s, self.kind);
        annotation.channel = Some(self.location).filter(|it| !it.is_empty()).or(annotation.channel);
        Ok(annotation)
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_from;
    use super::*;
    use jiff::civil::datetime;

    #[test]
    fn events_have_a_start_and_an_end() {
        let text = "<EventExport><Events><Event><Type dt:dt=\"string\">HYPOPNEA</Type>\
            <Location>Resp.Flow</Location><StartTime>2020-01-02T00:10:00.500000</StartTime>\
            <StopTime>2020-01-02T00:10:20.500000</StopTime></Event></Events></EventExport>";
        let parsed = parse_from(text, Some(datetime(2020, 1, 1, 23, 0, 0, 0))).unwrap();
        let mut expected = ScoredAnnotation::new(4200.5, Some(20.0), "HYPOPNEA");
        expected.channel = Some("Resp.Flow".to_owned());
        assert_eq!(parsed.annotations, [expected]);
        let without = text.replace("<StartTime>2020-01-02T00:10:00.500000</StartTime>", "");
        assert!(parse_from(&without, None).unwrap_err().contains("no `StartTime`"));
    }
}
