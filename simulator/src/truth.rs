//! The truth file of a simulated night, read by training and evaluation.

use std::path::Path;

use nocturne_psg::statistics::{EpochStages, EventIndex, EventRate, Scope, ScoredEvents};
use nocturne_psg::{Event, EventKind, Stage};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::plan::NightPlan;
use crate::plan::channel_fault::ChannelFault;
use crate::recorder::Recorder;
use crate::site::Site;
use crate::subject::Subject;

/// Minimum length in seconds of a movement that is scored as an artefact.
const ARTIFACT_S: f64 = 3.0;
/// Minimum strength of such a movement.
const ARTIFACT_STRENGTH: f64 = 0.5;

/// The truth of a simulated night, as written to `NIGHT.truth.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Version of the file format, [`Truth::FORMAT`].
    pub format: u32,
    /// File name of the night without extension.
    pub id: String,
    /// Seed of the cohort.
    pub seed: u64,
    /// Number of the night in the cohort.
    pub night: u32,
    /// Site that recorded the night.
    pub site: Site,
    /// Date and time of the first sample, without a zone.
    pub start: String,
    /// Length of the recording in seconds, a whole number of epochs.
    pub duration_s: f64,
    /// Lights off, in seconds from the start.
    pub lights_off_s: f64,
    /// Lights on, in seconds from the start.
    pub lights_on_s: f64,
    /// Hours of scored sleep.
    pub sleep_h: f64,
    /// Arousals per hour of sleep.
    pub arousal_index_per_h: f64,
    /// Apneas and hypopneas per hour of sleep.
    pub ahi_per_h: f64,
    /// The stage of each epoch.
    pub stages: Vec<Stage>,
    /// All events in the signals, by onset.
    pub events: Vec<Event>,
    /// Faults of channels, by onset.
    pub faults: Vec<ChannelFault>,
    /// The sleeper.
    pub subject: Subject,
    /// The recorder.
    pub recorder: Recorder,
}

impl Truth {
    /// Version of the format that is written and read.
    pub const FORMAT: u32 = 1;

    /// Reads a truth file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::NotATruthFile`] or [`Error::TruthFormat`].
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io(path, "read"))?;
        let truth: Self = serde_json::from_slice(&bytes)
            .map_err(|source| Error::NotATruthFile { path: path.to_owned(), source })?;
        if truth.format != Self::FORMAT {
            return Err(Error::TruthFormat {
                path: path.to_owned(),
                found: truth.format,
                expected: Self::FORMAT,
            });
        }
        Ok(truth)
    }
}

impl NightPlan {
    /// Returns the stages, events, faults and traits of the night.
    pub fn truth(&self) -> Truth {
        let events = self.events();
        let Indices { sleep_h, arousal_index_per_h, ahi_per_h } =
            Indices::count(&self.stages, &events);
        Truth {
            format: Truth::FORMAT,
            id: self.id(),
            seed: self.spec.seed,
            night: self.spec.night,
            site: self.site,
            start: self.start.to_string(),
            duration_s: self.duration_s(),
            lights_off_s: milliseconds(self.course.lights_off_s),
            lights_on_s: milliseconds(self.course.lights_on_s),
            sleep_h,
            arousal_index_per_h,
            ahi_per_h,
            stages: self.stages.clone(),
            events,
            faults: self.faults.clone(),
            subject: self.subject.clone(),
            recorder: self.recorder.clone(),
        }
    }

    /// Returns all events by onset, rounded to milliseconds.
    fn events(&self) -> Vec<Event> {
        let event = Event::new;
        let mut events: Vec<Event> = Vec::new();
        events.extend(self.respiratory_events.iter().map(Event::from));
        events.extend(self.desaturations.iter().map(Event::from));
        events.extend(
            self.arousals.iter().map(|a| event(EventKind::Arousal, a.onset_s, a.duration_s)),
        );
        let graphoelements = &self.graphoelements;
        events.extend(
            graphoelements
                .spindles
                .iter()
                .map(|s| event(EventKind::Spindle, s.onset_s, s.duration_s)),
        );
        events.extend(
            graphoelements
                .k_complexes
                .iter()
                .map(|k| event(EventKind::KComplex, k.onset_s, k.duration_s)),
        );
        events.extend(self.slow_waves.iter().cloned());
        events.extend(self.gaze.events.iter().cloned());
        // The first posture is not a change.
        let changes = self.postures.iter().skip(1);
        events.extend(changes.map(|p| event(EventKind::PositionChange, p.from_s, 0.0)));
        let artifacts = self.movements.iter().filter(|movement| {
            movement.duration_s >= ARTIFACT_S && movement.strength >= ARTIFACT_STRENGTH
        });
        events.extend(artifacts.map(|m| event(EventKind::Artifact, m.onset_s, m.duration_s)));
        for event in &mut events {
            event.onset_s = milliseconds(event.onset_s);
            event.duration_s = milliseconds(event.duration_s);
        }
        events.sort_by(|a, b| a.onset_s.total_cmp(&b.onset_s).then(a.kind.cmp(&b.kind)));
        events
    }
}

/// Indices of a night as laboratories count them: events with their onset in an epoch of sleep, per hour of sleep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Indices {
    /// Hours of scored sleep.
    pub sleep_h: f64,
    /// Arousals per hour of sleep, 0 without sleep.
    pub arousal_index_per_h: f64,
    /// Apneas and hypopneas per hour of sleep, 0 without sleep.
    pub ahi_per_h: f64,
}

impl Indices {
    /// Counts the events of a night with one stage per epoch.
    pub fn count(stages: &[Stage], events: &[Event]) -> Self {
        let stages: Vec<Option<Stage>> = stages.iter().copied().map(Some).collect();
        let sleep = Scope::sleep(&EpochStages::consecutive(&stages));
        // Everything that happens is marked.
        let scored = ScoredEvents::new(events, EventKind::ALL.into_iter().collect());
        let per_h = |index| scored.index(index, &sleep).map_or(0.0, EventRate::per_hour);
        Self {
            sleep_h: sleep.minutes() / 60.0,
            arousal_index_per_h: per_h(EventIndex::Arousal),
            ahi_per_h: per_h(EventIndex::ApneaHypopnea),
        }
    }
}

/// Rounds seconds to milliseconds, so that truth files are short and identical on every machine.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_count_events_with_onset_in_sleep() {
        let event = |kind, onset_s| Event::new(kind, onset_s, 12.0);
        let stages = [Stage::Wake, Stage::N2, Stage::N2];
        let events = [
            event(EventKind::Arousal, 29.0),
            event(EventKind::Arousal, 30.0),
            event(EventKind::Hypopnea, 40.0),
            event(EventKind::CentralApnea, 80.0),
            event(EventKind::Desaturation, 80.0),
        ];
        let indices = Indices::count(&stages, &events);
        assert!((indices.sleep_h - 1.0 / 60.0).abs() < 1e-12);
        assert!((indices.arousal_index_per_h - 60.0).abs() < 1e-9);
        assert!((indices.ahi_per_h - 120.0).abs() < 1e-9);
    }

    #[test]
    fn indices_are_zero_without_sleep() {
        assert_eq!(Indices::count(&[Stage::Wake], &[]).ahi_per_h, 0.0);
    }
}
