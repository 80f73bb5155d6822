//! Zero-shot labels: the nearest prompt of a set, for every epoch.

use nocturne_encoder::{Embedding, Label, LabelDirections, PromptSet};
use nocturne_index::{Filter, Recording, RowFilter};
use nocturne_psg::Stage;
use nocturne_psg::montage::ChannelMask;
use serde::Serialize;

use crate::concept::calibration;
use crate::margins::Margins;
use crate::served::Served;
use crate::{Error, LearnedConcept, Result};

/// The labels of one epoch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpochLabels {
    /// Name of the recording.
    pub recording: String,
    /// Place on the recording's 30-second grid.
    pub epoch: u32,
    /// Begin in seconds from the start of the recording.
    pub onset_s: f64,
    /// The labels that hold: one of an exclusive set, any number of others.
    pub labels: Vec<&'static str>,
    /// Every label that was judged, with its probability.
    pub probabilities: Vec<(&'static str, f32)>,
    /// Why no label was given.
    pub abstained: Option<String>,
    /// The scored stage, for comparison.
    pub scored_stage: Option<Stage>,
}

impl Served {
    /// See [`Engine::label_epochs`](crate::Engine::label_epochs).
    pub(crate) fn label_epochs(
        &self,
        filter: &Filter,
        set: &str,
        mut take: impl FnMut(EpochLabels) -> bool,
    ) -> Result<()> {
        let set = PromptSet::embedded(set)
            .ok_or_else(|| Error::field("label_set", format!("`{set}`"), "`stages` or `events`"))?;
        let judge = self.judge(set)?;
        let verdict = |scores: &[f32], mask| judge.judge(scores, mask);
        self.label_each(filter, judge.prompts(), verdict, &mut take)
    }

    /// See [`Engine::label_epochs_by`](crate::Engine::label_epochs_by).
    pub(crate) fn label_epochs_by(
        &self,
        filter: &Filter,
        concept: &LearnedConcept,
        mut take: impl FnMut(EpochLabels) -> bool,
    ) -> Result<()> {
        self.expect_concept(concept)?;
        let verdict = |scores: &[f32], mask| concept.judge(scores[0], mask);
        self.label_each(filter, std::slice::from_ref(&concept.direction), verdict, &mut take)
    }

    fn label_each(
        &self,
        filter: &Filter,
        prompts: &[Embedding],
        verdict: impl Fn(&[f32], ChannelMask) -> Verdict,
        take: &mut impl FnMut(EpochLabels) -> bool,
    ) -> Result<()> {
        let snapshot = self.snapshot();
        snapshot.check(filter)?;
        let mut damage = None;
        let entries = snapshot.recordings().entries().into_iter();
        for entry in entries.filter(|entry| filter.may_allow(entry)) {
            let recording = match snapshot.recording(&entry.id) {
                Err(error) if error.is_damage() => {
                    damage.get_or_insert(error);
                    continue;
                }
                other => other?,
            };
            let Some(rows) = filter.rows(&recording) else { continue };
            if !label_recording(&recording, &rows, prompts, &verdict, take)? {
                return Ok(());
            }
        }
        damage.map_or(Ok(()), |damage| Err(damage.into()))
    }

    pub(crate) fn judge(&self, set: &'static PromptSet) -> Result<Judge> {
        let directions = self.bundle.texts.directions(set)?;
        Ok(Judge::new(set, &directions, &self.bundle.manifest))
    }
}

/// Judges embeddings by a prompt set.
#[derive(Debug)]
pub(crate) struct Judge {
    set: &'static PromptSet,
    margins: Margins,
    calibrations: Vec<nocturne_encoder::bundle::Calibration>,
    logit_scale: f32,
}

/// What a judge says of an epoch.
pub(crate) struct Verdict {
    pub(crate) labels: Vec<&'static str>,
    pub(crate) probabilities: Vec<(&'static str, f32)>,
    pub(crate) abstained: Option<String>,
}

impl Judge {
    pub(crate) fn new(
        set: &'static PromptSet,
        directions: &[LabelDirections],
        manifest: &nocturne_encoder::bundle::Manifest,
    ) -> Self {
        let calibrations =
            set.labels.iter().map(|label| calibration(manifest, &label.name)).collect();
        let margins = Margins::of(directions);
        Self { set, margins, calibrations, logit_scale: manifest.logit_scale }
    }

    /// Returns what epochs are to be scored with.
    pub(crate) fn prompts(&self) -> &[Embedding] {
        self.margins.prompts()
    }

    /// Judges an epoch by its scores with the prompts and the channels that it had.
    pub(crate) fn judge(&self, scores: &[f32], mask: ChannelMask) -> Verdict {
        if self.set.exclusive {
            self.judge_exclusive(scores, mask)
        } else {
            self.judge_each(scores, mask)
        }
    }

    fn judge_exclusive(&self, scores: &[f32], mask: ChannelMask) -> Verdict {
        let hidden = self.set.labels.iter().find(|label| !label.is_visible_in(mask));
        if let Some(label) = hidden {
            return Verdict {
                labels: vec![],
                probabilities: vec![],
                abstained: Some(missing(label)),
            };
        }
        let logits: Vec<f32> =
            self.margins.of_scores(scores).map(|margin| self.logit_scale * margin).collect();
        let probabilities: Vec<(&str, f32)> =
            self.set.labels.iter().map(|label| label.name.as_str()).zip(softmax(&logits)).collect();
        let best = probabilities.iter().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(label, _)| *label);
        Verdict { labels: best.into_iter().collect(), probabilities, abstained: None }
    }

    fn judge_each(&self, scores: &[f32], mask: ChannelMask) -> Verdict {
        let mut verdict = Verdict { labels: vec![], probabilities: vec![], abstained: None };
        let judged =
            self.set.labels.iter().zip(self.margins.of_scores(scores)).zip(&self.calibrations);
        for ((label, margin), calibration) in judged {
            if label.indirect || !label.is_visible_in(mask) {
                continue;
            }
            let probability = calibration.probability(margin);
            verdict.probabilities.push((&label.name, probability));
            if probability >= calibration.threshold {
                verdict.labels.push(&label.name);
            }
        }
        if verdict.probabilities.is_empty() {
            verdict.abstained =
                Some("the epoch has none of the channels that any label needs".to_owned());
        }
        verdict
    }
}

/// Labels the epochs of a recording that are allowed; returns whether more is wanted.
fn label_recording(
    recording: &Recording,
    rows: &RowFilter<'_>,
    prompts: &[Embedding],
    verdict: impl Fn(&[f32], ChannelMask) -> Verdict,
    take: &mut impl FnMut(EpochLabels) -> bool,
) -> Result<bool> {
    for row in (0..recording.n_epochs()).filter(|row| rows.allows(*row)) {
        let info = recording.row(row);
        let verdict = verdict(&recording.cosines(row, prompts)?, info.mask);
        let goes_on = take(EpochLabels {
            recording: recording.id().to_string(),
            epoch: info.number.0,
            onset_s: info.onset_s,
            labels: verdict.labels,
            probabilities: verdict.probabilities,
            abstained: verdict.abstained,
            scored_stage: info.stage,
        });
        if !goes_on {
            return Ok(false);
        }
    }
    Ok(true)
}

fn missing(label: &Label) -> String {
    let needs: Vec<&str> = label.needs.iter().map(|channel| channel.name()).collect();
    format!("the epoch has none of the channels {}", needs.join(", "))
}

/// Returns the numbers' exponentials, brought to the sum 1.
pub(crate) fn softmax(logits: &[f32]) -> Vec<f32> {
    let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponentials: Vec<f32> = logits.iter().map(|logit| (logit - greatest).exp()).collect();
    let sum: f32 = exponentials.iter().sum();
    exponentials.iter().map(|exponential| exponential / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_has_the_sum_1_and_keeps_the_order() {
        let probabilities = softmax(&[1.0, 3.0, 2.0]);
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(probabilities[1] > probabilities[2] && probabilities[2] > probabilities[0]);
    }

    #[test]
    fn softmax_of_great_logits_is_finite() {
        assert_eq!(softmax(&[1000.0, 0.0]), [1.0, 0.0]);
    }
}
