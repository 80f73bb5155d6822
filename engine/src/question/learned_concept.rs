//! Concepts learned from labelled epochs, used in place of prompts.

use std::path::Path;

use nocturne_encoder::{ConceptTarget, Embedding};
use nocturne_psg::montage::{Channel, ChannelMask};

use crate::error::{Error, Result};
use crate::live::live_collection::PinnedSpace;
use crate::question::label_verdict::LabelVerdict;

/// A learned concept that fits the bundle in use.
///
/// A logistic head is a direction and a curve: on embeddings of unit length, its weighted sum is the cosine to the
/// direction of the weights, times their length.
#[derive(Debug, Clone, PartialEq)]
pub struct LearnedConcept {
    /// Fingerprint of the bundle that it fits.
    pub(crate) fingerprint: String,
    pub(crate) target: ConceptTarget,
    pub(crate) direction: Embedding,
    pub(crate) curve: CosineCurve,
}

/// The probability of a learned concept as a logistic curve over the cosine to its direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CosineCurve {
    pub(crate) slope: f32,
    pub(crate) offset: f32,
    /// Probability from which an epoch has the concept.
    pub(crate) threshold: f32,
}

impl CosineCurve {
    pub(crate) fn probability(&self, cosine: f32) -> f32 {
        1.0 / (1.0 + (-(self.slope * cosine + self.offset)).exp())
    }
}

/// See [`Engine::read_concept`](crate::Engine::read_concept).
pub(crate) fn read_concept(space: &PinnedSpace, path: &Path) -> Result<LearnedConcept> {
    let dim = space.bundle.manifest.embedding_dim;
    let concept = nocturne_encoder::Concept::read(path, &space.bundle.fingerprint, dim)?;
    let target = concept.target().map_err(|problem| {
        Error::from(nocturne_encoder::Error::Concept {
            path: path.to_owned(),
            source: problem.into(),
        })
    })?;
    let weights = &concept.head.weights;
    let length = weights.iter().map(|weight| weight * weight).sum::<f64>().sqrt();
    Ok(LearnedConcept {
        fingerprint: space.bundle.fingerprint.clone(),
        target,
        direction: Embedding::new(weights.iter().map(|weight| *weight as f32).collect())?,
        curve: CosineCurve {
            slope: length as f32,
            offset: concept.head.bias as f32,
            threshold: concept.threshold as f32,
        },
    })
}

/// Refuses a concept that was read for the bundle of a space that was served earlier.
///
/// # Errors
///
/// [`Error::Field`] if the bundle of the space is another one.
pub(crate) fn expect_concept<'a>(
    space: &PinnedSpace,
    concept: &'a LearnedConcept,
) -> Result<&'a LearnedConcept> {
    if concept.fingerprint == space.bundle.fingerprint {
        return Ok(concept);
    }
    let expected = format!("one that was learned on `{}`", space.bundle.manifest.name);
    Err(Error::field("concept", "learned on another bundle", expected))
}

impl LearnedConcept {
    /// Returns the name of the stage or event.
    pub fn name(&self) -> &'static str {
        self.target.name()
    }

    /// Judges an epoch by its cosine to the direction and its channels.
    pub(crate) fn judge(&self, cosine: f32, mask: ChannelMask) -> LabelVerdict {
        if !self.target.is_visible_in(mask) {
            return LabelVerdict::without_channels(channels_of(self.target));
        }
        let probability = self.curve.probability(cosine);
        let is_found = probability >= self.curve.threshold;
        let labels = if is_found { vec![self.name()] } else { vec![] };
        LabelVerdict { labels, probabilities: vec![(self.name(), probability)], skipped: None }
    }

    /// Returns the cosine at which a probability is reached: −∞ for 0, +∞ for 1.
    pub(crate) fn cosine_at(&self, probability: f32) -> f32 {
        let CosineCurve { slope, offset, .. } = self.curve;
        let logit = (probability / (1.0 - probability)).ln();
        (logit - offset) / slope
    }
}

/// Returns the channels each of which alone shows a target.
pub(crate) fn channels_of(target: ConceptTarget) -> ChannelMask {
    let shows = |channel: &Channel| target.is_visible_in([*channel].into_iter().collect());
    Channel::ALL.into_iter().filter(shows).collect()
}

#[cfg(test)]
mod tests {
    use nocturne_psg::{EventKind, Stage};

    use super::*;
    use crate::question::skip_reason::SkipReason;

    fn concept() -> LearnedConcept {
        LearnedConcept {
            fingerprint: "5d41".to_owned(),
            target: ConceptTarget::Event(EventKind::Arousal),
            direction: Embedding::new(vec![3.0, 4.0]).unwrap(),
            curve: CosineCurve { slope: 5.0, offset: -2.0, threshold: 0.5 },
        }
    }

    #[test]
    fn epoch_is_judged_by_the_head() {
        let eeg: ChannelMask = [Channel::EegC3A2].into_iter().collect();
        let verdict = concept().judge(0.6, eeg);
        // The head: 5 · 0.6 - 2 = 1.
        assert_eq!(verdict.labels, ["arousal"]);
        assert!((verdict.probabilities[0].1 - 0.731_058_6).abs() < 1e-6);
        assert!(concept().judge(0.3, eeg).labels.is_empty());
    }

    #[test]
    fn epoch_without_the_channels_of_the_concept_is_skipped() {
        let verdict = concept().judge(0.9, [Channel::Airflow].into_iter().collect());
        let Some(SkipReason::NoChannels { needs }) = verdict.skipped else { panic!("{verdict:?}") };
        assert!(needs.contains(&"EEG_C3_A2") && !needs.contains(&"AF"), "{needs:?}");
    }

    #[test]
    fn stages_need_the_channels_that_show_stages() {
        let channels = channels_of(ConceptTarget::Stage(Stage::N3));
        assert!(channels.contains(Channel::EegC4A1) && !channels.contains(Channel::Ecg));
    }

    #[test]
    fn minimum_probability_is_a_minimum_cosine() {
        let concept = concept();
        let cosine = concept.cosine_at(0.8);
        assert!((concept.curve.probability(cosine) - 0.8).abs() < 1e-6);
        assert_eq!(concept.cosine_at(0.0), f32::NEG_INFINITY);
        assert_eq!(concept.cosine_at(1.0), f32::INFINITY);
    }
}
