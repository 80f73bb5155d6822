//! Reads the study of Philips Sleepware (`PatientStudy`, `.rml`).
//!
//! ```xml
//! <PatientStudy>
//!   <ScoringData>
//!     <Events><Event Family="Respiratory" Type="Hypopnea" Start="400.5" Duration="22.5"/></Events>
//!     <StagingData><UserStaging><NeuroAdultAASMStaging>
//!       <Stage Type="Wake" Start="0"/><Stage Type="NonREM1" Start="240"/>
//!     </NeuroAdultAASMStaging></UserStaging></StagingData>
//!   </ScoringData>
//! </PatientStudy>
//! ```
//!
//! Times are seconds from the start of the recording. A stage lasts until the next one. A staging of a program, in an element
//! whose name contains `Auto` or `Machine`, is used only if there is none of a person.

use super::super::parsed_file::ParsedFile;
use super::document::{Attributes, XmlDialect};
use super::elements::{optional_duration, seconds};
use crate::annotation::scored_annotation::ScoredAnnotation;
use crate::annotation::scorers::AUTOMATIC;
use crate::annotation::text::clock::RecordingClock;

/// Interprets the elements.
#[derive(Default)]
pub(super) struct SleepwareXml {
    events: Vec<ScoredAnnotation>,
    stages: Vec<ScoredAnnotation>,
    automatic_stages: Vec<ScoredAnnotation>,
    /// Number of open elements of a program's staging.
    n_automatic: usize,
    problem: Option<String>,
}

impl XmlDialect for SleepwareXml {
    fn open(&mut self, _: &str) {}

    fn open_with(&mut self, element: &str, attributes: &Attributes<'_>) {
        self.n_automatic += usize::from(is_automatic(element));
        if !matches!(element, "Event" | "Stage") || self.problem.is_some() {
            return;
        }
        match annotation(element, attributes) {
            Ok(event) if element == "Event" => self.events.push(event),
            Ok(stage) if self.n_automatic > 0 => self.automatic_stages.push(stage),
            Ok(stage) => self.stages.push(stage),
            Err(problem) => self.problem = Some(problem),
        }
    }

    fn close(&mut self, element: &str, _: &str, _: &mut RecordingClock) -> Result<(), String> {
        self.n_automatic -= usize::from(is_automatic(element)).min(self.n_automatic);
        self.problem.take().map_or(Ok(()), Err)
    }

    fn finish(self: Box<Self>) -> Result<ParsedFile, String> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let mut parsed = ParsedFile::default();
        let mut stages = self.stages;
        if stages.is_empty() {
            stages = self.automatic_stages;
            stages.iter_mut().for_each(|stage| stage.scorer = Some(AUTOMATIC.to_owned()));
        }
        self.events.into_iter().chain(stages).try_for_each(|it| parsed.push(it))?;
        Ok(parsed)
    }
}

fn is_automatic(element: &str) -> bool {
    element.contains("Auto") || element.contains("Machine")
}

fn annotation(element: &str, attributes: &Attributes<'_>) -> Result<ScoredAnnotation, String> {
    let value = |name: &str| attributes.get(name).unwrap_or_default();
    let kind = value("Type");
    if kind.is_empty() {
        return Err(format!(
            "a `{element}` has no `Type`; expected the name of a stage or an event"
        ));
    }
    let onset_s = seconds("Start", &value("Start"))?;
    let duration_s = optional_duration("Duration", &value("Duration"))?;
    Ok(ScoredAnnotation::new(onset_s, duration_s, kind))
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn study(staging: &str) -> String {
        format!(
            "<PatientStudy xmlns=\"x\"><ScoringData><Events><Event Family=\"Respiratory\" Type=\"Hypopnea\" \
             Start=\"400.5\" Duration=\"22.5\"/></Events><StagingData>{staging}</StagingData></ScoringData></PatientStudy>"
        )
    }

    #[test]
    fn events_and_stages_are_read_from_attributes() {
        let user = "<UserStaging><Stage Type=\"Wake\" Start=\"0\"/><Stage Type=\"NonREM2\" Start=\"240\"/></UserStaging>";
        let auto = "<AutoStaging><Stage Type=\"REM\" Start=\"0\"/></AutoStaging>";
        let parsed = parse(&study(&format!("{auto}{user}"))).unwrap();
        let expected = [
            ScoredAnnotation::new(400.5, Some(22.5), "Hypopnea"),
            ScoredAnnotation::new(0.0, None, "Wake"),
            ScoredAnnotation::new(240.0, None, "NonREM2"),
        ];
        assert_eq!(parsed.annotations, expected);
        let automatic = parse(&study(auto)).unwrap();
        assert_eq!(automatic.annotations[1].scorer.as_deref(), Some("automatic"));
    }

    #[test]
    fn times_that_are_no_seconds_are_refused() {
        let problem = parse(&study("<Stage Type=\"Wake\" Start=\"soon\"/>")).unwrap_err();
        assert!(problem.contains("`Start` is"), "{problem}");
        let problem = parse(&study("<Stage Start=\"0\"/>")).unwrap_err();
        assert!(problem.contains("has no `Type`"), "{problem}");
    }
}
