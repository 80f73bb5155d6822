//! Makes tracks with a bundle, a registry and a calibration.

use nocturne_encoder::{Bundle, LabelDirections, PromptSet, TextEncoder};
use nocturne_index::{Recording, TrackDraft};
use nocturne_psg::hash::sha256;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::sleep::RecordingOrigin;

use crate::calibration::{Calibration, EpochModel, is_shown};
use crate::error::{Error, Result};
use crate::night::EncodedNight;
use crate::registry::Registry;
use crate::registry::concept::{Concept, Kind, Source};
use crate::stages::{PerStage, StageLikelihood, StageTransitions, decode};
use crate::track::reader::EventSource;
use crate::track::signals;
use crate::track::writer::TrackContents;

/// Makes the tracks of one space.
#[derive(Debug)]
pub struct TrackBuilder {
    version: String,
    logit_scale: f64,
    /// Directions of the stage prompts, in the order of [`nocturne_psg::Stage::ALL`].
    stages: Vec<LabelDirections>,
    /// Concepts that the model answers for.
    concepts: Vec<(Concept, EpochModel)>,
}

impl TrackBuilder {
    /// Creates a builder. `stages` are the directions of [`PromptSet::stages`] by the bundle with this fingerprint.
    ///
    /// Without a calibration, tracks have stages and scored events, and the model answers for nothing else.
    pub fn new(
        bundle: &str,
        logit_scale: f32,
        stages: Vec<LabelDirections>,
        registry: &Registry,
        calibration: Option<&Calibration>,
    ) -> Self {
        let calibrated = calibration.map(Calibration::fingerprint).unwrap_or_default();
        let (registered, transitions) = (registry.fingerprint(), StageTransitions::version());
        let prompts = PromptSet::stages().version;
        let all = format!("track 1 {bundle} {registered} {calibrated} {transitions} {prompts}");
        let model = |concept: &Concept| {
            let model = calibration?.concepts.get(&concept.id)?;
            Some((concept.clone(), model.clone()))
        };
        let events = registry.concepts().iter().filter(|it| it.kind == Kind::Event);
        Self {
            version: sha256(all),
            logit_scale: f64::from(logit_scale),
            stages,
            concepts: events.filter(|it| it.has_source(Source::Model)).filter_map(model).collect(),
        }
    }

    /// Creates a builder for a bundle, with its calibration if it has one.
    ///
    /// # Errors
    ///
    /// Those of [`Calibration::read`], and [`Error::Encoder`] if the prompts of the stages cannot be encoded.
    pub fn of_bundle(bundle: &Bundle, text: &mut TextEncoder, registry: &Registry) -> Result<Self> {
        let calibration = Calibration::read(bundle.folder(), bundle.fingerprint())?;
        let stages = PromptSet::stages().encode(text).map_err(Error::encoder)?;
        let scale = bundle.manifest().logit_scale;
        Ok(Self::new(bundle.fingerprint(), scale, stages, registry, calibration.as_ref()))
    }

    /// Returns the version of its tracks: a hash of everything that changes them, in hexadecimal.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the track of a night.
    pub fn build(&self, night: &EncodedNight) -> TrackContents {
        let column = |(concept, model): &(Concept, EpochModel)| {
            let p = |(mask, embedding): (&ChannelMask, &Vec<f32>)| {
                is_shown(concept, *mask).then(|| model.probability(embedding))
            };
            (concept.id.clone(), night.masks.iter().zip(&night.embeddings).map(p).collect())
        };
        let scored = night.events.iter().flatten();
        let scored = scored.map(|event| (event.clone(), EventSource::Scored, None));
        let measured = night.signals.iter().flat_map(signals::events);
        TrackContents {
            start: night.start,
            is_simulated: night.origin == RecordingOrigin::Simulated,
            declared_events: night.declared_events,
            numbers: night.numbers.clone(),
            onsets_s: night.onsets_s.clone(),
            masks: night.masks.clone(),
            scored_stages: night.stages.clone(),
            posteriors: self.posteriors(night),
            concepts: self.concepts.iter().map(column).collect(),
            signals: night.signals.as_ref().map(|it| signals::columns(it, night.numbers.len())),
            legs_measured: night.signals.as_ref().is_some_and(|it| it.legs.is_ok()),
            events_scored: night.events.is_some(),
            events: scored.chain(measured).collect(),
        }
    }

    /// Returns the track of a recording, ready to be stored; `None` if its vectors cannot be read.
    pub fn draft(&self, recording: &Recording) -> Option<TrackDraft> {
        let night = EncodedNight::read(recording).ok()?;
        TrackDraft::new(&*self.version, self.build(&night).to_bytes()).ok()
    }

    /// Returns the posterior probabilities of the stages of a night, with its context.
    pub fn posteriors(&self, night: &EncodedNight) -> Vec<Option<PerStage>> {
        let likelihoods: Vec<StageLikelihood> = night
            .masks
            .iter()
            .zip(&night.embeddings)
            .map(|(mask, embedding)| self.likelihood(*mask, embedding))
            .collect();
        decode(&likelihoods, &night.numbers, StageTransitions::shipped())
    }

    /// Returns the zero-shot probabilities of the stages in an epoch: the softmax of its scaled cosines with the prompts.
    /// The prompts know nothing of how frequent stages are, so they serve as likelihoods.
    fn likelihood(&self, mask: ChannelMask, embedding: &[f32]) -> StageLikelihood {
        let labels = &PromptSet::stages().labels;
        if !labels.iter().all(|label| label.is_visible_in(mask)) {
            return None;
        }
        let logit = |directions: &LabelDirections| {
            let products = directions.positive.as_slice().iter().zip(embedding);
            self.logit_scale * f64::from(products.map(|(a, b)| a * b).sum::<f32>())
        };
        let logits: PerStage = std::array::from_fn(|stage| logit(&self.stages[stage]));
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some(logits.map(|logit| (logit - largest).exp()))
    }
}
