//! Writes the scoring of a night in the XML of the National Sleep Research Resource.

use std::fmt::Write;

use super::night::SimulatedNight;
use super::plan::respiration::Desaturation;
use super::site::Site;
use super::truth::Truth;
use crate::{EPOCH_S, Event, EventKind, Stage};

/// Returns the scoring as a human scorer would hand it in: stages, arousals, respiratory events and desaturations.
///
/// The vocabulary is that of SHHS: the concept of the sleep domain ontology, a bar, and the vendor's term.
pub(super) fn scoring(night: &SimulatedNight) -> String {
    let mut xml = Xml::default();
    let start = night.start.strftime("%d.%m.%y %H.%M.%S").to_string();
    xml.begin(&start, night.n_epochs as f64 * EPOCH_S);
    for event in &night.truth.events {
        if let Some((kind, concept, location)) = names(event.kind) {
            xml.event(kind, concept, event, location);
        }
    }
    for fall in &night.desaturations {
        xml.desaturation(fall);
    }
    xml.stages(&stage_concepts(&night.truth));
    xml.end()
}

/// Returns type, concept and signal of what a scorer marks; stages and desaturations are written apart.
const fn names(kind: EventKind) -> Option<(&'static str, &'static str, &'static str)> {
    match kind {
        EventKind::Arousal => Some(("Arousals|Arousals", "Arousal|Arousal ()", "EEG")),
        EventKind::ObstructiveApnea => {
            Some((RESPIRATORY, "Obstructive apnea|Obstructive Apnea", "AIRFLOW"))
        }
        EventKind::CentralApnea => Some((RESPIRATORY, "Central apnea|Central Apnea", "AIRFLOW")),
        EventKind::MixedApnea => Some((RESPIRATORY, "Mixed apnea|Mixed Apnea", "AIRFLOW")),
        EventKind::Hypopnea => Some((RESPIRATORY, "Hypopnea|Hypopnea", "AIRFLOW")),
        EventKind::Apnea
        | EventKind::Rera
        | EventKind::Desaturation
        | EventKind::LimbMovement
        | EventKind::PeriodicLimbMovement
        | EventKind::Snore
        | EventKind::PeriodicBreathing
        | EventKind::Spindle
        | EventKind::KComplex
        | EventKind::SlowWave
        | EventKind::RapidEyeMovement
        | EventKind::SlowEyeMovement
        | EventKind::PositionChange
        | EventKind::Bradycardia
        | EventKind::Tachycardia
        | EventKind::Artifact => None,
    }
}

const RESPIRATORY: &str = "Respiratory|Respiratory";

/// Share of an epoch that slow waves fill in stage 4 (Rechtschaffen and Kales 1968), at the sites that score it.
const STAGE_4_SHARE: f64 = 0.5;

/// Returns the concept of each epoch's stage.
fn stage_concepts(truth: &Truth) -> Vec<&'static str> {
    let scores_stage_4 = match truth.site {
        Site::Shhs | Site::Referential => true,
        Site::Aasm | Site::Plain => false,
    };
    let mut slow_s = vec![0.0; truth.stages.len()];
    for wave in truth.events.iter().filter(|event| event.kind == EventKind::SlowWave) {
        if let Some(slow_s) = slow_s.get_mut((wave.onset_s / EPOCH_S) as usize) {
            *slow_s += wave.duration_s;
        }
    }
    let concept = |(stage, slow_s): (&Stage, &f64)| match stage {
        Stage::Wake => "Wake|0",
        Stage::N1 => "Stage 1 sleep|1",
        Stage::N2 => "Stage 2 sleep|2",
        Stage::N3 if scores_stage_4 && *slow_s > STAGE_4_SHARE * EPOCH_S => "Stage 4 sleep|4",
        Stage::N3 => "Stage 3 sleep|3",
        Stage::Rem => "REM sleep|5",
    };
    truth.stages.iter().zip(&slow_s).map(concept).collect()
}

/// A document in the making.
#[derive(Default)]
struct Xml(String);

impl Xml {
    fn begin(&mut self, start: &str, duration_s: f64) {
        self.line("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>");
        self.line("<PSGAnnotation>");
        self.line("<SoftwareVersion>Nocturne simulator</SoftwareVersion>");
        self.line("<EpochLength>30</EpochLength>");
        self.line("<ScoredEvents>");
        self.line("<ScoredEvent>");
        self.element("EventType", "");
        self.element("EventConcept", "Recording Start Time");
        self.element("Start", "0");
        self.element("Duration", &decimal(duration_s));
        self.element("ClockTime", start);
        self.line("</ScoredEvent>");
    }

    fn event(&mut self, kind: &str, concept: &str, event: &Event, location: &str) {
        self.scored(kind, concept, (event.onset_s, event.duration_s), |xml| {
            xml.element("SignalLocation", location);
        });
    }

    fn desaturation(&mut self, fall: &Desaturation) {
        let concept = "SpO2 desaturation|SpO2 desaturation";
        self.scored(RESPIRATORY, concept, (fall.onset_s, fall.duration_s), |xml| {
            xml.element("SignalLocation", "SaO2");
            xml.element("SpO2Nadir", &decimal(fall.nadir_percent));
            xml.element("SpO2Baseline", &decimal(fall.baseline_percent));
        });
    }

    /// Writes runs of one stage, as the resource does.
    fn stages(&mut self, concepts: &[&str]) {
        let mut onset_s = 0.0;
        for run in concepts.chunk_by(PartialEq::eq) {
            let duration_s = run.len() as f64 * EPOCH_S;
            self.scored("Stages|Stages", run[0], (onset_s, duration_s), |_| {});
            onset_s += duration_s;
        }
    }

    fn scored(
        &mut self,
        kind: &str,
        concept: &str,
        (onset_s, duration_s): (f64, f64),
        more: impl FnOnce(&mut Self),
    ) {
        self.line("<ScoredEvent>");
        self.element("EventType", kind);
        self.element("EventConcept", concept);
        self.element("Start", &decimal(onset_s));
        self.element("Duration", &decimal(duration_s));
        more(self);
        self.line("</ScoredEvent>");
    }

    fn end(mut self) -> String {
        self.line("</ScoredEvents>");
        self.line("</PSGAnnotation>");
        self.0
    }

    fn line(&mut self, text: &str) {
        writeln!(self.0, "{text}").expect("a string takes everything");
    }

    /// Writes an element; no text here holds a character that XML reserves.
    fn element(&mut self, name: &str, text: &str) {
        if text.is_empty() {
            self.line(&format!("  <{name}/>"));
        } else {
            self.line(&format!("  <{name}>{text}</{name}>"));
        }
    }
}

/// Returns a number with at most three decimals, as short as it can be.
fn decimal(value: f64) -> String {
    ((value * 1000.0).round() / 1000.0).to_string()
}
