//! Reads the XML annotations of Compumedics Profusion (`CMPStudyConfig`).
//!
//! ```xml
//! <CMPStudyConfig>
//!   <EpochLength>30</EpochLength>
//!   <ScoredEvents>
//!     <ScoredEvent><Name>Hypopnea</Name><Start>60.5</Start><Duration>12</Duration><Input>Airflow</Input></ScoredEvent>
//!   </ScoredEvents>
//!   <SleepStages><SleepStage>0</SleepStage><SleepStage>2</SleepStage></SleepStages>
//! </CMPStudyConfig>
//! ```
//!
//! Stages are codes, one for each epoch; they get the names that NSRR XML has for them. Desaturations have `LowestSpO2`
//! and `Desaturation`, the fall, which become properties.

use super::super::parsed_file::ParsedFile;
use super::super::stage_codes::not_a_stage_number;
use super::document::XmlDialect;
use super::elements::{epoch_length, optional_duration, seconds};
use crate::annotation::names::StageCodes;
use crate::annotation::scored_annotation::{ScoredAnnotation, join_meta};
use crate::annotation::text::clock::RecordingClock;
use crate::sleep::EPOCH_S;

/// Interprets the elements.
#[derive(Default)]
pub(super) struct ProfusionXml {
    parsed: ParsedFile,
    event: Option<ScoredEvent>,
    n_stages: usize,
}

/// The fields of an event, as text.
#[derive(Default)]
struct ScoredEvent {
    name: String,
    onset: String,
    duration: String,
    input: String,
    spo2_low: String,
    spo2_drop: String,
}

impl XmlDialect for ProfusionXml {
    fn open(&mut self, element: &str) {
        if element == "ScoredEvent" {
            self.event = Some(ScoredEvent::default());
        }
    }

    fn close(&mut self, element: &str, text: &str, _: &mut RecordingClock) -> Result<(), String> {
        if let Some(finished) = self.event.take_if(|_| element == "ScoredEvent") {
            return self.parsed.push(finished.annotation()?);
        }
        match (&mut self.event, element) {
            (Some(event), _) => event.set(element, text),
            (None, "SleepStage") => self.add_stage(text)?,
            (None, "EpochLength") if self.n_stages == 0 => {
                self.parsed.epoch_length_s = epoch_length(text)?;
            }
            (None, "EpochLength") => {
                return Err("`EpochLength` is after the stages; expected it before".to_owned());
            }
            (None, _) => {}
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<ParsedFile, String> {
        Ok(self.parsed)
    }
}

impl ProfusionXml {
    fn add_stage(&mut self, code: &str) -> Result<(), String> {
        if code.parse::<u8>().is_err() {
            return Err(format!("`SleepStage`: {}", not_a_stage_number(code)));
        }
        let epoch_s = self.parsed.epoch_length_s.unwrap_or(EPOCH_S);
        let onset_s = self.n_stages as f64 * epoch_s;
        self.n_stages += 1;
        let name = StageCodes::RechtschaffenKales
            .name(code)
            .map_or_else(|| format!("SleepStage {code}"), str::to_owned);
        self.parsed.push(ScoredAnnotation::new(onset_s, Some(epoch_s), name))
    }
}

impl ScoredEvent {
    fn set(&mut self, element: &str, value: &str) {
        let field = match element {
            "Name" => &mut self.name,
            "Start" => &mut self.onset,
            "Duration" => &mut self.duration,
            "Input" => &mut self.input,
            "LowestSpO2" => &mut self.spo2_low,
            "Desaturation" => &mut self.spo2_drop,
            _ => return,
        };
        value.clone_into(field);
    }

    fn annotation(self) -> Result<ScoredAnnotation, String> {
        let onset_s = seconds("Start", &self.onset)?;
        let duration_s = optional_duration("Duration", &self.duration)?;
        let mut annotation = ScoredAnnotation::new(onset_s, duration_s, self.name);
        annotation.channel =
            Some(self.input).filter(|input| !input.is_empty()).or(annotation.channel);
        annotation.meta =
            join_meta(&[("spo2_low", &self.spo2_low), ("spo2_drop", &self.spo2_drop)]);
        Ok(annotation)
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn document(inner: &str) -> String {
        format!("<CMPStudyConfig>{inner}</CMPStudyConfig>")
    }

    #[test]
    fn events_and_stages_are_read() {
        let text = document(
            "<EpochLength>20</EpochLength><ScoredEventSettings><ScoredEventSetting><Name>x</Name>\
             </ScoredEventSetting></ScoredEventSettings><ScoredEvents><ScoredEvent><Name>Hypopnea</Name>\
             <Start>60.5</Start><Duration>12</Duration><Input>Airflow</Input></ScoredEvent></ScoredEvents>\
             <SleepStages><SleepStage>0</SleepStage><SleepStage>5</SleepStage><SleepStage>8</SleepStage></SleepStages>",
        );
        let mut hypopnea = ScoredAnnotation::new(60.5, Some(12.0), "Hypopnea");
        hypopnea.channel = Some("Airflow".to_owned());
        let expected = [
            hypopnea,
            ScoredAnnotation::new(0.0, Some(20.0), "Wake|0"),
            ScoredAnnotation::new(20.0, Some(20.0), "REM sleep|5"),
            ScoredAnnotation::new(40.0, Some(20.0), "SleepStage 8"),
        ];
        assert_eq!(parse(&text).unwrap().annotations, expected);
    }

    #[test]
    fn saturations_become_properties() {
        let text = document(
            "<ScoredEvent><Name>SpO2 desaturation</Name><Start>1</Start><Duration>20</Duration>\
             <LowestSpO2>88.2</LowestSpO2><Desaturation>4.1</Desaturation></ScoredEvent>",
        );
        let annotations = parse(&text).unwrap().annotations;
        assert_eq!(annotations[0].meta.as_deref(), Some("spo2_low=88.2;spo2_drop=4.1"));
    }

    #[test]
    fn invalid_elements_are_refused_by_name() {
        let check = |inner: &str, expected: &str| {
            let message = parse(&document(inner)).unwrap_err();
            assert!(message.ends_with(expected), "{message}");
        };
        check(
            "<SleepStage>W</SleepStage>",
            "`SleepStage`: found `W`; expected the number of a stage",
        );
        check(
            "<ScoredEvent><Name>x</Name></ScoredEvent>",
            "`Start` is ``; expected a number of seconds",
        );
        check(
            "<SleepStage>0</SleepStage><EpochLength>20</EpochLength>",
            "`EpochLength` is after the stages; expected it before",
        );
    }
}
