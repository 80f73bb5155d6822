//! The prompt sets of a bundle, encoded prompt by prompt.

use nocturne_encoder::bundle::Calibration;
use nocturne_encoder::bundle::Manifest;
use nocturne_encoder::metrics::{deviation, mean};
use nocturne_encoder::{Embedding, Label, LabelDirections, PromptSet, TextEncoder};
use serde::Serialize;

use crate::Result;
use crate::concept::calibration;

/// How much a figure depends on the wording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ByPrompt {
    /// Wordings that were tried, each alone.
    pub prompts: usize,
    /// Mean of the figure over the wordings.
    pub mean: f64,
    /// Deviation of the figure between the wordings; `None` of one.
    pub sd: Option<f64>,
    /// The least figure that one wording alone gives.
    pub worst: f64,
    /// That wording.
    pub worst_prompt: String,
}

impl ByPrompt {
    /// Sums up the figure of each wording; `None` where no wording has one.
    pub(super) fn of(figures: impl IntoIterator<Item = (String, Option<f64>)>) -> Option<Self> {
        let figures: Vec<(String, f64)> =
            figures.into_iter().filter_map(|(prompt, figure)| Some((prompt, figure?))).collect();
        let values: Vec<f64> = figures.iter().map(|(_, figure)| *figure).collect();
        let (worst_prompt, worst) = figures.iter().min_by(|a, b| a.1.total_cmp(&b.1))?.clone();
        Some(Self {
            prompts: values.len(),
            mean: mean(values.iter().copied())?,
            sd: deviation(&values),
            worst,
            worst_prompt,
        })
    }
}

/// A label with its directions, and with one direction for each prompt alone.
pub(super) struct Concept {
    pub(super) label: &'static Label,
    pub(super) whole: LabelDirections,
    /// In the order of the label's prompts, against all of its negatives.
    pub(super) alone: Vec<LabelDirections>,
    /// How the margin is read; only of events.
    pub(super) calibration: Calibration,
    /// Whether the bundle brings that calibration.
    pub(super) is_calibrated: bool,
}

/// The prompt sets, encoded.
pub(super) struct Concepts {
    pub(super) stages: Vec<Concept>,
    pub(super) events: Vec<Concept>,
    /// Learned scale of the similarity.
    pub(super) logit_scale: f32,
}

impl Concepts {
    pub(super) fn encode(encoder: &mut TextEncoder, manifest: &Manifest) -> Result<Self> {
        let mut encode = |set: &'static PromptSet| -> Result<Vec<Concept>> {
            set.labels.iter().map(|label| Concept::encode(label, encoder, manifest)).collect()
        };
        Ok(Self {
            stages: encode(PromptSet::stages())?,
            events: encode(PromptSet::events())?,
            logit_scale: manifest.logit_scale,
        })
    }

    /// Returns the logit of each stage.
    pub(super) fn stage_logits(&self, epoch: &Embedding) -> Vec<f32> {
        self.stages.iter().map(|stage| self.logit_scale * stage.whole.margin(epoch)).collect()
    }
}

impl Concept {
    fn encode(
        label: &'static Label,
        encoder: &mut TextEncoder,
        manifest: &Manifest,
    ) -> Result<Self> {
        let texts: Vec<&String> = label.prompts.iter().chain(&label.negatives).collect();
        let encoded = encoder.encode_all(&texts)?;
        let whole = LabelDirections::of_encoded(label, &encoded)?;
        let alone = encoded[..label.prompts.len()].iter().map(|prompt| LabelDirections {
            positive: prompt.embedding.clone(),
            negative: whole.negative.clone(),
        });
        Ok(Self {
            label,
            alone: alone.collect(),
            whole,
            calibration: calibration(manifest, &label.name),
            is_calibrated: manifest.calibration.contains_key(&label.name),
        })
    }
}
