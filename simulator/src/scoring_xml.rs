//! Writes the scoring of a night as NSRR XML.

use jiff::civil::DateTime;
use nocturne_psg::annotation::write::{NsrrHeader, NsrrXmlWriter};
use nocturne_psg::{EPOCH_S, EventKind, Stage};

use crate::plan::respiration::Desaturation;
use crate::site::Site;
use crate::truth::Truth;

/// Returns what a human scorer would have scored: stages, arousals, respiratory events and desaturations, and the marks of
/// lights off and lights on.
///
/// Concepts are written as in SHHS: the term of the Sleep Domain Ontology, a bar, and the vendor's term.
pub(super) fn scoring(truth: &Truth, start: DateTime, desaturations: &[Desaturation]) -> String {
    let start = start.strftime("%d.%m.%y %H.%M.%S").to_string();
    let duration_s = rounded(truth.duration_s);
    let mut xml = NsrrXmlWriter::new(&NsrrHeader {
        recording: Some((start, duration_s)),
        ..NsrrHeader::new("Nocturne simulator")
    });
    for event in &truth.events {
        if let Some((kind, concept, location)) = scored_as(event.kind) {
            let interval = interval(event.onset_s, event.duration_s);
            xml.event(kind, concept, interval, [("SignalLocation", location)]);
        }
    }
    desaturations.iter().for_each(|fall| write_desaturation(&mut xml, fall));
    write_stages(&mut xml, &stage_concepts(truth));
    let marks =
        [("Lights off|Lights off", truth.lights_off_s), ("Lights on|Lights on", truth.lights_on_s)];
    for (mark, onset_s) in marks {
        xml.event("Recording events", mark, interval(onset_s, 0.0), []);
    }
    xml.finish()
}

/// Returns the event type, concept and signal location of an event, or `None` for a kind that is not written here.
///
/// Desaturations carry more elements and have a function of their own.
const fn scored_as(kind: EventKind) -> Option<(&'static str, &'static str, &'static str)> {
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

/// Minimum share of slow waves in an epoch of stage 4 (Rechtschaffen and Kales 1968), at sites that score it.
const STAGE_4_SHARE: f64 = 0.5;

/// Returns the stage concept of each epoch.
fn stage_concepts(truth: &Truth) -> Vec<&'static str> {
    let scores_stage_4 = match truth.site {
        Site::Shhs | Site::Referential | Site::Cassette => true,
        Site::Aasm | Site::Plain | Site::Wideband => false,
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

/// Writes a desaturation with its nadir and baseline.
fn write_desaturation(xml: &mut NsrrXmlWriter, fall: &Desaturation) {
    let (nadir, baseline) = (decimal(fall.nadir_percent), decimal(fall.baseline_percent));
    let more = [
        ("SignalLocation", "SaO2"),
        ("SpO2Nadir", nadir.as_str()),
        ("SpO2Baseline", baseline.as_str()),
    ];
    let concept = "SpO2 desaturation|SpO2 desaturation";
    xml.event(RESPIRATORY, concept, interval(fall.onset_s, fall.duration_s), more);
}

/// Writes one event for each run of equal stages, as NSRR files do.
fn write_stages(xml: &mut NsrrXmlWriter, concepts: &[&str]) {
    let mut onset_s = 0.0;
    for run in concepts.chunk_by(PartialEq::eq) {
        let duration_s = run.len() as f64 * EPOCH_S;
        xml.event("Stages|Stages", run[0], interval(onset_s, duration_s), []);
        onset_s += duration_s;
    }
}

fn interval(onset_s: f64, duration_s: f64) -> (f64, Option<f64>) {
    (rounded(onset_s), Some(rounded(duration_s)))
}

/// Formats a number with at most three decimals and no trailing zeros.
fn decimal(value: f64) -> String {
    rounded(value).to_string()
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
