//! The prompt sets, encoded as a whole and prompt by prompt.

use nocturne_concepts::Calibration;
use nocturne_concepts::calibration::EpochModel;
use nocturne_encoder::bundle::BundleManifest;
use nocturne_encoder::metrics::{mean, standard_deviation};
use nocturne_encoder::{Embedding, Label, LabelDirections, PromptSet, TextEncoder};
use serde::Serialize;

use crate::error::Result;

/// The dependence of a figure on the wording of the prompts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ByPrompt {
    /// Number of prompts, each used alone.
    pub prompts: usize,
    /// Mean of the figure over the prompts.
    pub mean: f64,
    /// Standard deviation of the figure between the prompts; `None` for one prompt.
    pub sd: Option<f64>,
    /// The lowest figure of one prompt alone.
    pub worst: f64,
    /// That prompt.
    pub worst_prompt: String,
}

impl ByPrompt {
    /// Summarises the figure of each prompt; `None` if no prompt has one.
    pub(crate) fn of(figures: impl IntoIterator<Item = (String, Option<f64>)>) -> Option<Self> {
        let figures: Vec<(String, f64)> =
            figures.into_iter().filter_map(|(prompt, figure)| Some((prompt, figure?))).collect();
        let values: Vec<f64> = figures.iter().map(|(_, figure)| *figure).collect();
        let (worst_prompt, worst) = figures.iter().min_by(|a, b| a.1.total_cmp(&b.1))?.clone();
        Some(Self {
            prompts: values.len(),
            mean: mean(values.iter().copied())?,
            sd: standard_deviation(&values),
            worst,
            worst_prompt,
        })
    }
}

/// A label with its directions, and with the direction of each prompt alone.
pub(crate) struct EncodedLabel {
    pub(crate) label: &'static Label,
    /// All prompts against all negatives.
    pub(crate) all_prompts: LabelDirections,
    /// Each prompt against all negatives, in the order of the prompts.
    pub(crate) each_prompt: Vec<LabelDirections>,
    /// The probability of an event by the calibration of the bundle; `None` for stages and for events without one.
    pub(crate) model: Option<EpochModel>,
}

/// Both prompt sets, encoded.
pub(crate) struct EncodedLabels {
    pub(crate) stages: Vec<EncodedLabel>,
    pub(crate) events: Vec<EncodedLabel>,
    pub(crate) logit_scale: f32,
}

impl EncodedLabels {
    pub(crate) fn encode(
        encoder: &mut TextEncoder,
        manifest: &BundleManifest,
        calibration: Option<&Calibration>,
    ) -> Result<Self> {
        let mut encode = |set: &'static PromptSet| -> Result<Vec<EncodedLabel>> {
            let label = |label| EncodedLabel::encode(label, encoder, calibration);
            set.labels.iter().map(label).collect()
        };
        Ok(Self {
            stages: encode(PromptSet::stages())?,
            events: encode(PromptSet::events())?,
            logit_scale: manifest.logit_scale,
        })
    }

    /// Returns the logit of each stage.
    pub(crate) fn stage_logits(&self, epoch: &Embedding) -> Vec<f32> {
        let logit = |stage: &EncodedLabel| self.logit_scale * stage.all_prompts.margin(epoch);
        self.stages.iter().map(logit).collect()
    }
}

impl EncodedLabel {
    fn encode(
        label: &'static Label,
        encoder: &mut TextEncoder,
        calibration: Option<&Calibration>,
    ) -> Result<Self> {
        let texts: Vec<&String> = label.prompts.iter().chain(&label.negatives).collect();
        let encoded = encoder.encode_all(&texts)?;
        let all_prompts = LabelDirections::from_encoded(label, &encoded)?;
        let each_prompt = encoded[..label.prompts.len()].iter().map(|prompt| LabelDirections {
            positive: prompt.embedding.clone(),
            negative: all_prompts.negative.clone(),
        });
        Ok(Self {
            label,
            each_prompt: each_prompt.collect(),
            all_prompts,
            model: calibration.and_then(|it| it.concepts.get(&label.name)).cloned(),
        })
    }
}

#[cfg(test)]
impl EncodedLabels {
    /// Stages that all have the same prompt, and no events.
    pub(crate) fn with_one_prompt(prompt: &[f32]) -> Self {
        let direction = || LabelDirections {
            positive: Embedding::new(prompt.to_vec()).unwrap(),
            negative: None,
        };
        let encoded = |label| EncodedLabel {
            label,
            all_prompts: direction(),
            each_prompt: vec![direction()],
            model: None,
        };
        let stages = PromptSet::stages().labels.iter().map(encoded).collect();
        Self { stages, events: Vec::new(), logit_scale: 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worst_prompt_is_named() {
        let figures = [("a", Some(0.9)), ("b", Some(0.5)), ("c", None)];
        let by_prompt = ByPrompt::of(figures.map(|(name, it)| (name.to_owned(), it))).unwrap();
        assert_eq!((by_prompt.prompts, by_prompt.worst_prompt.as_str()), (2, "b"));
        assert!((by_prompt.mean - 0.7).abs() < 1e-12 && by_prompt.worst == 0.5);
    }

    #[test]
    fn single_prompt_has_no_deviation() {
        assert_eq!(ByPrompt::of([("a".to_owned(), Some(0.9))]).unwrap().sd, None);
        assert_eq!(ByPrompt::of([("a".to_owned(), None)]), None);
    }
}
