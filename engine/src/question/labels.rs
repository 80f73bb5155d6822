//! Zero-shot labels: the nearest prompt of a set, for every epoch.

use nocturne_encoder::bundle::{BundleManifest, Calibration};
use nocturne_encoder::{Embedding, LabelDirections, PromptSet};
use nocturne_index::{Filter, Recording, RowFilter};
use nocturne_psg::Stage;
use nocturne_psg::montage::ChannelMask;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::live::live_collection::PinnedSpace;
use crate::question::calibration::calibration_of;
use crate::question::label_margins::LabelMargins;
use crate::question::label_verdict::LabelVerdict;
use crate::question::learned_concept::{LearnedConcept, expect_concept};
use crate::question::skip_reason::SkipReason;

/// The labels of one epoch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpochLabels {
    /// Name of the recording.
    pub recording: String,
    /// Number of the epoch, from 0.
    pub epoch: u32,
    /// Onset in seconds from the start of the recording.
    pub onset_s: f64,
    /// The labels assigned: at most one of an exclusive set, any number of others.
    pub labels: Vec<&'static str>,
    /// Every label that was judged, with its probability.
    pub probabilities: Vec<(&'static str, f32)>,
    /// Why no label was judged; `None` if one was.
    pub skipped: Option<SkipReason>,
    /// The scored stage, for comparison.
    pub scored_stage: Option<Stage>,
}

/// See [`Engine::label_epochs`](crate::Engine::label_epochs).
pub(crate) fn label_epochs(
    space: &PinnedSpace,
    filter: &Filter,
    set: &str,
    mut take: impl FnMut(EpochLabels) -> bool,
) -> Result<()> {
    let set = PromptSet::embedded(set)
        .ok_or_else(|| Error::field("label_set", format!("`{set}`"), "`stages` or `events`"))?;
    let judge = LabelJudge::of_space(space, set)?;
    let verdict = |scores: &[f32], mask| judge.judge(scores, mask);
    label_each(space, filter, judge.prompts(), verdict, &mut take)
}

/// See [`Engine::label_epochs_by`](crate::Engine::label_epochs_by).
pub(crate) fn label_epochs_by(
    space: &PinnedSpace,
    filter: &Filter,
    concept: &LearnedConcept,
    mut take: impl FnMut(EpochLabels) -> bool,
) -> Result<()> {
    expect_concept(space, concept)?;
    let verdict = |scores: &[f32], mask| concept.judge(scores[0], mask);
    label_each(space, filter, std::slice::from_ref(&concept.direction), verdict, &mut take)
}

/// Labels the allowed epochs of every recording; damage is returned after the others are labelled.
fn label_each(
    space: &PinnedSpace,
    filter: &Filter,
    prompts: &[Embedding],
    verdict: impl Fn(&[f32], ChannelMask) -> LabelVerdict,
    take: &mut impl FnMut(EpochLabels) -> bool,
) -> Result<()> {
    let snapshot = space.snapshot();
    snapshot.check_filter(filter)?;
    let mut damage = None;
    let entries = snapshot.entries().into_iter();
    for entry in entries.filter(|entry| filter.may_allow(entry)) {
        let recording = match snapshot.recording(&entry.id) {
            Err(error) if error.is_damage() => {
                damage.get_or_insert(error);
                continue;
            }
            other => other?,
        };
        let Some(rows) = recording.filter(filter) else { continue };
        if !label_recording(&recording, &rows, prompts, &verdict, take)? {
            return Ok(());
        }
    }
    damage.map_or(Ok(()), |damage| Err(damage.into()))
}

/// Labels the allowed epochs of a recording; returns whether `take` accepts more.
fn label_recording(
    recording: &Recording,
    rows: &RowFilter<'_>,
    prompts: &[Embedding],
    verdict: impl Fn(&[f32], ChannelMask) -> LabelVerdict,
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
            skipped: verdict.skipped,
            scored_stage: info.stage,
        });
        if !goes_on {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Judges epochs by a prompt set.
#[derive(Debug)]
pub(crate) struct LabelJudge {
    set: &'static PromptSet,
    margins: LabelMargins,
    calibrations: Vec<Calibration>,
    logit_scale: f32,
}

impl LabelJudge {
    /// Encodes a prompt set with the bundle of a space.
    ///
    /// # Errors
    ///
    /// Those of encoding texts.
    pub(crate) fn of_space(space: &PinnedSpace, set: &'static PromptSet) -> Result<Self> {
        let directions = space.bundle.texts.directions(set)?;
        Ok(Self::new(set, &directions, &space.bundle.manifest))
    }

    pub(crate) fn new(
        set: &'static PromptSet,
        directions: &[LabelDirections],
        manifest: &BundleManifest,
    ) -> Self {
        let calibrations =
            set.labels.iter().map(|label| calibration_of(manifest, &label.name)).collect();
        let margins = LabelMargins::of(directions);
        Self { set, margins, calibrations, logit_scale: manifest.logit_scale }
    }

    /// Returns what epochs must be scored with for [`judge`](Self::judge).
    pub(crate) fn prompts(&self) -> &[Embedding] {
        self.margins.prompts()
    }

    /// Judges an epoch by its scores with the prompts and its channels.
    pub(crate) fn judge(&self, scores: &[f32], mask: ChannelMask) -> LabelVerdict {
        if self.set.exclusive {
            self.judge_exclusive(scores, mask)
        } else {
            self.judge_each(scores, mask)
        }
    }

    /// Assigns the label with the highest posterior. One label that the channels cannot show makes the posterior of all
    /// meaningless, so the epoch is then skipped.
    fn judge_exclusive(&self, scores: &[f32], mask: ChannelMask) -> LabelVerdict {
        if let Some(label) = self.set.labels.iter().find(|label| !label.is_visible_in(mask)) {
            return LabelVerdict::skipped([label]);
        }
        let logits: Vec<f32> =
            self.margins.of_scores(scores).map(|margin| self.logit_scale * margin).collect();
        let probabilities: Vec<(&str, f32)> =
            self.set.labels.iter().map(|label| label.name.as_str()).zip(softmax(&logits)).collect();
        let best = probabilities.iter().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(label, _)| *label);
        LabelVerdict { labels: best.into_iter().collect(), probabilities, skipped: None }
    }

    /// Assigns every visible label whose calibrated probability reaches its threshold.
    fn judge_each(&self, scores: &[f32], mask: ChannelMask) -> LabelVerdict {
        let mut verdict = LabelVerdict { labels: vec![], probabilities: vec![], skipped: None };
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
            return LabelVerdict::skipped(self.set.labels.iter().filter(|label| !label.indirect));
        }
        verdict
    }
}

/// Returns probabilities with the sum 1 and the ratios `exp(logit)`.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    // Subtracting the largest keeps the exponentials finite and changes no ratio.
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponentials: Vec<f32> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f32 = exponentials.iter().sum();
    exponentials.iter().map(|exponential| exponential / sum).collect()
}

#[cfg(test)]
mod tests {
    use nocturne_psg::montage::Channel;

    use super::*;
    use crate::tests::collections::{damage, fill, live, night, pinned};
    use crate::tests::models::manifest;

    /// A judge whose label `i` has a prompt along axis `i`, and a negative against it if the set has negatives.
    fn judge(set: &'static PromptSet, calibration: Option<Calibration>) -> LabelJudge {
        let n = set.labels.len();
        let axis = |i: usize| {
            Embedding::new((0..n).map(|j| f32::from(u8::from(i == j))).collect()).unwrap()
        };
        let directions: Vec<LabelDirections> = (0..n)
            .map(|i| LabelDirections {
                positive: axis(i),
                negative: (!set.exclusive).then(|| axis((i + 1) % n)),
            })
            .collect();
        let mut manifest = manifest(n);
        manifest.logit_scale = 10.0;
        if let Some(calibration) = calibration {
            let names = set.labels.iter().map(|label| label.name.clone());
            manifest.calibration = names.map(|name| (name, calibration)).collect();
        }
        LabelJudge::new(set, &directions, &manifest)
    }

    /// The scores of an epoch along axis `i`.
    fn scores(judge: &LabelJudge, i: usize) -> Vec<f32> {
        judge.prompts().iter().map(|prompt| prompt.as_slice()[i]).collect()
    }

    #[test]
    fn softmax_sums_to_1_and_keeps_the_order() {
        let probabilities = softmax(&[1.0, 3.0, 2.0]);
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(probabilities[1] > probabilities[2] && probabilities[2] > probabilities[0]);
    }

    #[test]
    fn softmax_of_large_logits_is_finite() {
        assert_eq!(softmax(&[1000.0, 0.0]), [1.0, 0.0]);
    }

    #[test]
    fn exclusive_set_assigns_the_nearest_label() {
        let judge = judge(PromptSet::stages(), None);
        let verdict = judge.judge(&scores(&judge, 3), ChannelMask::ALL);
        assert_eq!(verdict.labels, ["N3"]);
        assert_eq!(verdict.probabilities.len(), 5);
        // One logit of 10 among four of 0.
        let expected = 10f32.exp() / (10f32.exp() + 4.0);
        assert!((verdict.probabilities[3].1 - expected).abs() < 1e-6, "{verdict:?}");
    }

    #[test]
    fn exclusive_set_skips_epochs_without_its_channels() {
        let judge = judge(PromptSet::stages(), None);
        let mask: ChannelMask = [Channel::Ecg].into_iter().collect();
        let verdict = judge.judge(&scores(&judge, 3), mask);
        assert!(verdict.labels.is_empty() && verdict.probabilities.is_empty());
        let Some(SkipReason::NoChannels { needs }) = verdict.skipped else { panic!("{verdict:?}") };
        assert!(needs.contains(&"EEG_C3_A2") && !needs.contains(&"ECG"), "{needs:?}");
    }

    #[test]
    fn independent_labels_are_judged_by_their_own_calibration() {
        let strict = Calibration {
            slope: 10.0,
            offset: -5.0,
            threshold: 0.9,
            true_positive_rate: 1.0,
            false_positive_rate: 0.0,
        };
        let set = PromptSet::events();
        let arousal = set.labels.iter().position(|label| label.name == "arousal").unwrap();
        let judge = judge(set, Some(strict));
        let verdict = judge.judge(&scores(&judge, arousal), ChannelMask::ALL);
        assert_eq!(verdict.labels, ["arousal"]);
        let n_direct = set.labels.iter().filter(|label| !label.indirect).count();
        assert_eq!(verdict.probabilities.len(), n_direct, "indirect labels are not judged");
    }

    #[test]
    fn independent_label_is_left_out_if_its_channels_are_missing() {
        let judge = judge(PromptSet::events(), None);
        let mask: ChannelMask = [Channel::Airflow].into_iter().collect();
        let verdict = judge.judge(&scores(&judge, 0), mask);
        let judged: Vec<&str> = verdict.probabilities.iter().map(|(label, _)| *label).collect();
        assert!(judged.contains(&"hypopnea") && !judged.contains(&"arousal"), "{judged:?}");
        assert_eq!(verdict.skipped, None);
        let verdict = judge.judge(&scores(&judge, 0), ChannelMask::NONE);
        assert!(matches!(verdict.skipped, Some(SkipReason::NoChannels { .. })), "{verdict:?}");
    }

    fn label_all(space: &PinnedSpace, filter: &Filter, set: &str) -> Vec<EpochLabels> {
        let mut all = Vec::new();
        let take = |labels| {
            all.push(labels);
            true
        };
        label_epochs(space, filter, set, take).unwrap();
        all
    }

    #[test]
    fn every_allowed_epoch_is_labelled_in_order() {
        let (_folder, space) = pinned([night("b", "R"), night("a", "W23")]);
        let labels = label_all(&space, &Filter::default(), "stages");
        let named: Vec<_> =
            labels.iter().map(|it| (it.recording.as_str(), it.epoch, it.labels[0])).collect();
        assert_eq!(named, [("a", 0, "W"), ("a", 1, "N2"), ("a", 2, "N3"), ("b", 0, "R")]);
        assert_eq!((labels[1].scored_stage, labels[1].onset_s), (Some(Stage::N2), 30.0));
        let filter = Filter { stages: Some([Stage::N2].into()), ..Filter::default() };
        assert_eq!(label_all(&space, &filter, "stages").len(), 1);
    }

    #[test]
    fn events_are_labelled_by_their_calibration() {
        let (_folder, space) = pinned([night("a", "22!")]);
        let labels = label_all(&space, &Filter::default(), "events");
        assert!(!labels[0].labels.contains(&"arousal") && labels[1].labels.contains(&"arousal"));
    }

    #[test]
    fn labelling_stops_when_no_more_are_taken() {
        let (_folder, space) = pinned([night("a", "W23"), night("b", "W")]);
        let mut n = 0;
        let take = |_| {
            n += 1;
            n < 2
        };
        label_epochs(&space, &Filter::default(), "stages", take).unwrap();
        assert_eq!(n, 2);
    }

    #[test]
    fn unknown_label_set_is_refused() {
        let (_folder, space) = pinned([night("a", "W")]);
        let error = label_epochs(&space, &Filter::default(), "moods", |_| true).unwrap_err();
        assert_eq!(error.to_string(), "`label_set` is `moods`; expected `stages` or `events`");
    }

    #[test]
    fn damage_is_returned_after_the_other_recordings_are_labelled() {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), [night("a", "W2"), night("b", "W")]);
        damage(folder.path(), "a");
        let space = live(folder.path()).newest().unwrap();
        let mut labelled = Vec::new();
        let take = |labels: EpochLabels| {
            labelled.push(labels.recording);
            true
        };
        let error = label_epochs(&space, &Filter::default(), "stages", take).unwrap_err();
        assert!(matches!(&error, Error::Index(error) if error.is_damage()), "{error}");
        assert_eq!(labelled, ["b"]);
    }
}
