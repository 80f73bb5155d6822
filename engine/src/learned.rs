//! Concepts that were learned from labelled epochs, in place of prompts.

use std::path::Path;

use nocturne_encoder::bundle::Calibration;
use nocturne_encoder::{Embedding, LabelDirections, Target};
use nocturne_psg::montage::ChannelMask;

use crate::labels::Verdict;
use crate::served::Served;
use crate::{Error, Result};

/// A learned concept that fits the bundle in use.
///
/// A logistic head is a direction and a calibration: on embeddings of unit length its sum of weighted numbers is the
/// cosine to the weights' direction times the weights' length.
#[derive(Debug, Clone, PartialEq)]
pub struct LearnedConcept {
    /// The bundle that it fits.
    pub(crate) fingerprint: String,
    pub(crate) target: Target,
    pub(crate) direction: Embedding,
    pub(crate) calibration: Calibration,
}

impl Served {
    /// See [`Engine::read_concept`](crate::Engine::read_concept).
    pub(crate) fn read_concept(&self, path: &Path) -> Result<LearnedConcept> {
        let dim = self.bundle.manifest.embedding_dim;
        let concept = nocturne_encoder::Concept::read(path, &self.bundle.fingerprint, dim)?;
        let target = concept.target().map_err(|problem| {
            Error::from(nocturne_encoder::Error::Concept { path: path.to_owned(), problem })
        })?;
        let weights = &concept.head.weights;
        let length = weights.iter().map(|weight| weight * weight).sum::<f64>().sqrt();
        Ok(LearnedConcept {
            fingerprint: self.bundle.fingerprint.clone(),
            target,
            direction: Embedding::new(weights.iter().map(|weight| *weight as f32).collect())?,
            calibration: Calibration {
                slope: length as f32,
                offset: concept.head.bias as f32,
                threshold: concept.threshold as f32,
                true_positive_rate: concept.validation.true_positive_rate as f32,
                false_positive_rate: concept.validation.false_positive_rate as f32,
            },
        })
    }

    /// Refuses a concept that was read for the bundle of a space that was served before.
    pub(crate) fn expect_concept<'a>(
        &self,
        concept: &'a LearnedConcept,
    ) -> Result<&'a LearnedConcept> {
        if concept.fingerprint == self.bundle.fingerprint {
            return Ok(concept);
        }
        let expected = format!("one that was learned on `{}`", self.bundle.manifest.name);
        Err(Error::field("concept", "learned on another bundle", expected))
    }
}

impl LearnedConcept {
    /// Returns the name of the stage or event.
    pub fn name(&self) -> &'static str {
        self.target.name()
    }

    pub(crate) fn directions(&self) -> LabelDirections {
        LabelDirections { positive: self.direction.clone(), negative: None }
    }

    /// Judges an epoch by its cosine to the direction and the channels that it had.
    pub(crate) fn judge(&self, cosine: f32, mask: ChannelMask) -> Verdict {
        if !self.target.is_visible_in(mask) {
            let reason = format!("the epoch has none of the channels that show `{}`", self.name());
            return Verdict { labels: vec![], probabilities: vec![], abstained: Some(reason) };
        }
        let probability = self.calibration.probability(cosine);
        let is_found = probability >= self.calibration.threshold;
        let labels = if is_found { vec![self.name()] } else { vec![] };
        Verdict { labels, probabilities: vec![(self.name(), probability)], abstained: None }
    }

    /// Returns the cosine at which the probability is reached; anything where all cosines reach it.
    pub(crate) fn cosine_at(&self, probability: f32) -> f32 {
        let Calibration { slope, offset, .. } = self.calibration;
        let logit = (probability / (1.0 - probability)).ln();
        (logit - offset) / slope
    }
}

#[cfg(test)]
mod tests {
    use nocturne_psg::EventKind;
    use nocturne_psg::montage::Channel;

    use super::*;

    fn concept() -> LearnedConcept {
        LearnedConcept {
            fingerprint: "5d41".to_owned(),
            target: Target::Event(EventKind::Arousal),
            direction: Embedding::new(vec![3.0, 4.0]).unwrap(),
            calibration: Calibration {
                slope: 5.0,
                offset: -2.0,
                threshold: 0.5,
                true_positive_rate: 0.9,
                false_positive_rate: 0.1,
            },
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
    fn epoch_without_its_channels_is_not_judged() {
        let verdict = concept().judge(0.9, [Channel::Airflow].into_iter().collect());
        let reason = "the epoch has none of the channels that show `arousal`";
        assert_eq!(verdict.abstained.as_deref(), Some(reason));
    }

    #[test]
    fn least_probability_is_a_least_cosine() {
        let concept = concept();
        let cosine = concept.cosine_at(0.8);
        assert!((concept.calibration.probability(cosine) - 0.8).abs() < 1e-6);
        assert_eq!(concept.cosine_at(0.0), f32::NEG_INFINITY);
    }
}
