//! Learns a calibration from scored nights.

use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::{EPOCH_S, Event, EventSet, Stage};

use crate::calibration::epoch_curve::{self, LabelledEpoch};
use crate::calibration::file::{Calibration, Population};
use crate::calibration::measure_fit::{self, FOLDS, NightPair};
use crate::registry::Registry;
use crate::registry::concept::{Concept, Input, Kind, Source};
use crate::stages::PerStage;

/// A scored night, encoded. All columns have one value for each epoch.
#[derive(Debug, Clone)]
pub struct CalibrationNight {
    /// Embeddings.
    pub embeddings: Vec<Vec<f32>>,
    /// Posterior probabilities of the stages by the bundle.
    pub posteriors: Vec<Option<PerStage>>,
    /// Channels with a usable signal.
    pub masks: Vec<ChannelMask>,
    /// Onsets in seconds from the start.
    pub onsets_s: Vec<f64>,
    /// Scored stages.
    pub stages: Vec<Option<Stage>>,
    /// Scored events.
    pub events: Vec<Event>,
    /// Kinds of event that were scored, whether or not one occurred.
    pub scored: EventSet,
}

/// A curve fitted to all nights but one part, and the part.
type Curve = (Vec<f64>, f64);

/// Learns how far a bundle can be believed. The nights should be of different subjects, and of other subjects than the
/// bundle was trained on.
///
/// A concept without enough scored epochs is left out: the model does not answer for it. `progress` receives each concept
/// that is done.
pub fn calibrate(
    nights: &[CalibrationNight],
    registry: &Registry,
    bundle: &str,
    population: Population,
    mut progress: impl FnMut(&str),
) -> Calibration {
    let fingerprint = registry.fingerprint().to_owned();
    let mut calibration = Calibration::new(bundle.to_owned(), fingerprint, population);
    for concept in registry.concepts().iter().filter(|it| it.has_source(Source::Model)) {
        match concept.kind {
            Kind::Event => calibrate_event(nights, registry, concept, &mut calibration),
            Kind::Stage => calibrate_time(nights, registry, concept, &mut calibration),
            Kind::State | Kind::Measure => continue,
        }
        progress(&concept.id);
    }
    calibration
}

/// Fits the curve of an event and its rate.
fn calibrate_event(
    nights: &[CalibrationNight],
    registry: &Registry,
    concept: &Concept,
    calibration: &mut Calibration,
) {
    let kinds = registry.events_of(&concept.id);
    let event = EventOf { concept, kinds };
    let usable: Vec<&CalibrationNight> =
        nights.iter().filter(|night| event.is_scored(night)).collect();
    let Some(all) = event.fit(&usable) else { return };
    let (mut held_out, mut pairs) = (Vec::new(), Vec::new());
    let mut probabilities: Vec<Vec<Option<f64>>> = vec![Vec::new(); usable.len()];
    for fold in 0..FOLDS {
        let rest: Vec<&CalibrationNight> = usable
            .iter()
            .enumerate()
            .filter(|(i, _)| i % FOLDS != fold)
            .map(|(_, night)| *night)
            .collect();
        let Some(curve) = event.fit(&rest) else { return };
        for (i, night) in usable.iter().enumerate().filter(|(i, _)| i % FOLDS == fold) {
            probabilities[i] = probabilities_of(night, concept, &curve);
        }
    }
    for (night, probabilities) in usable.iter().zip(&probabilities) {
        held_out.extend(event.compared(night, probabilities));
        pairs.extend(event.pair(night, probabilities));
    }
    calibration.concepts.insert(concept.id.clone(), epoch_curve::model(&all, &held_out));
    calibration.measures.push(measure_fit::fit(&format!("rate({})", concept.id), &pairs));
}

/// Fits the time in a stage or a group of stages.
fn calibrate_time(
    nights: &[CalibrationNight],
    registry: &Registry,
    concept: &Concept,
    calibration: &mut Calibration,
) {
    let stages = registry.stages_of(&concept.id);
    let pairs: Vec<NightPair> =
        nights.iter().filter_map(|night| time_pair(night, &stages)).collect();
    if pairs.len() >= FOLDS {
        calibration.measures.push(measure_fit::fit(&format!("time({})", concept.id), &pairs));
    }
}

fn probabilities_of(
    night: &CalibrationNight,
    concept: &Concept,
    curve: &Curve,
) -> Vec<Option<f64>> {
    let p = |row: usize| {
        let shown = is_shown(concept, night.masks[row]);
        shown.then(|| epoch_curve::probability(curve, &night.embeddings[row]))
    };
    (0..night.stages.len()).map(p).collect()
}

/// Returns the minutes in stages, expected and scored; `None` if the night was not staged.
fn time_pair(night: &CalibrationNight, stages: &[Stage]) -> Option<NightPair> {
    let (mut found, mut truth, mut is_staged) = (0.0, 0.0, false);
    for (posterior, scored) in night.posteriors.iter().zip(&night.stages) {
        let (Some(posterior), Some(scored)) = (posterior, scored) else { continue };
        is_staged = true;
        found += stages.iter().map(|stage| posterior[stage.index()]).sum::<f64>();
        truth += f64::from(u8::from(stages.contains(scored)));
    }
    let minutes = EPOCH_S / 60.0;
    is_staged.then_some(NightPair { found: found * minutes, truth: truth * minutes })
}

/// An event concept and the kinds of event that it covers.
struct EventOf<'a> {
    concept: &'a Concept,
    kinds: EventSet,
}

impl EventOf<'_> {
    fn is_scored(&self, night: &CalibrationNight) -> bool {
        self.kinds.iter().any(|kind| night.scored.contains(kind))
    }

    /// Fits a curve to the epochs of scored sleep that show the concept.
    fn fit(&self, nights: &[&CalibrationNight]) -> Option<Curve> {
        let mut epochs: Vec<LabelledEpoch<'_>> = Vec::new();
        for night in nights {
            let has_it = self.onsets(night);
            let rows = (0..night.stages.len()).filter(|row| self.is_judged(night, *row));
            epochs.extend(rows.map(|row| (night.embeddings[row].as_slice(), has_it[row])));
        }
        epoch_curve::fit(&epochs)
    }

    /// Returns probability and truth of the epochs of scored sleep.
    fn compared(
        &self,
        night: &CalibrationNight,
        probabilities: &[Option<f64>],
    ) -> Vec<(f64, bool)> {
        let has_it = self.onsets(night);
        let rows = (0..night.stages.len()).filter(|row| self.is_judged(night, *row));
        rows.filter_map(|row| Some((probabilities[row]?, has_it[row]))).collect()
    }

    /// Returns the mean probability in the sleep that the bundle finds, and the rate per hour of scored sleep.
    fn pair(&self, night: &CalibrationNight, probabilities: &[Option<f64>]) -> Option<NightPair> {
        let asleep: Vec<f64> = night
            .stages
            .iter()
            .zip(&night.onsets_s)
            .filter(|(stage, _)| stage.is_some_and(Stage::is_sleep))
            .map(|(_, onset_s)| *onset_s)
            .collect();
        let events = night.events.iter().filter(|event| self.kinds.contains(event.kind));
        let n = events.filter(|event| is_in(&asleep, event.onset_s)).count();
        let found = mean_in_sleep(&night.posteriors, probabilities)?;
        let hours = asleep.len() as f64 * EPOCH_S / 3600.0;
        (hours > 0.0).then(|| NightPair { found, truth: n as f64 / hours })
    }

    fn is_judged(&self, night: &CalibrationNight, row: usize) -> bool {
        night.stages[row].is_some_and(Stage::is_sleep) && is_shown(self.concept, night.masks[row])
    }

    /// Returns for each epoch whether an event lies in it, even if only in part.
    fn onsets(&self, night: &CalibrationNight) -> Vec<bool> {
        let mut has_it = vec![false; night.onsets_s.len()];
        for event in night.events.iter().filter(|event| self.kinds.contains(event.kind)) {
            let end_s = event.onset_s + event.duration_s;
            let first =
                night.onsets_s.partition_point(|onset_s| onset_s + EPOCH_S <= event.onset_s);
            for (row, onset_s) in night.onsets_s.iter().enumerate().skip(first) {
                if *onset_s > event.onset_s && *onset_s >= end_s {
                    break;
                }
                has_it[row] = true;
            }
        }
        has_it
    }
}

/// Returns the mean probability over the epochs that show a concept, weighted by the probability of sleep; `None` if no
/// sleep shows it.
fn mean_in_sleep(posteriors: &[Option<PerStage>], probabilities: &[Option<f64>]) -> Option<f64> {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (posterior, probability) in posteriors.iter().zip(probabilities) {
        let (Some(posterior), Some(probability)) = (posterior, probability) else { continue };
        let asleep = 1.0 - posterior[Stage::Wake.index()];
        sum += asleep * probability;
        weights += asleep;
    }
    (weights > 0.0).then(|| sum / weights)
}

/// Returns whether an epoch with these channels shows a concept to the model.
pub(crate) fn is_shown(concept: &Concept, mask: ChannelMask) -> bool {
    let has = |input: &Input| match input {
        Input::Channel(channel) => mask.contains(*channel),
        Input::Signal(_) => false,
    };
    concept.needs.iter().all(|group| group.iter().any(has))
}

/// Returns whether an onset lies in one of the epochs that start at ascending times.
fn is_in(epochs_s: &[f64], onset_s: f64) -> bool {
    let before = epochs_s.partition_point(|start_s| *start_s <= onset_s);
    before > 0 && onset_s < epochs_s[before - 1] + EPOCH_S
}

/// Fewest channels of a night that the calibration fits: all but two of the ten inputs.
pub const MIN_CHANNELS: usize = Channel::COUNT - 2;
