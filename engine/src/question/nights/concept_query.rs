//! The concept that a question about nights asks for, and the scores of a night's epochs with it.

use nocturne_encoder::bundle::Calibration;
use nocturne_index::{Hit, Recording, RowFilter, ScoreTable};
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::statistics::{Scope, ScoredEvents};
use nocturne_psg::{EPOCH_S, EpochRef, EventKind, EventSet, RecordingId, Stage};

use crate::error::Result;
use crate::question::epochs::{EpochHit, TextReading};
use crate::question::label_margins::LabelMargins;
use crate::question::labels::LabelJudge;
use crate::question::learned_concept::LearnedConcept;
use crate::question::nights::answer::{NightHit, QuestionReading, StageSource};
use crate::question::nights::grammar::NightQuestion;
use crate::question::nights::known_concept::KnownConcept;
use crate::question::nights::rate::Rate;
use crate::question::skip_reason::SkipReason;
use crate::question::threshold::Threshold;

/// Share of the best epochs that count as found if the words are not a known concept.
const UNCALIBRATED_SHARE: f64 = 0.05;

/// Channels with which concepts are calibrated: all but the position, whose codes few recorders document.
const CALIBRATED: ChannelMask =
    ChannelMask::ALL.without(ChannelMask::from_bits(1 << Channel::Position.index()));

/// The concept that a question asks for.
pub(super) struct ConceptQuery {
    pub(super) question: NightQuestion,
    /// Name of the concept, or the words if they are not a known concept.
    pub(super) name: String,
    /// `None` if the words are not a known concept. Scores are then cosines, not probabilities.
    pub(super) known: Option<KnownConcept>,
    /// Margin of the concept, or cosine to the words.
    pub(super) margins: LabelMargins,
    pub(super) calibration: Calibration,
    /// From which score on an epoch counts as found.
    pub(super) threshold: Threshold,
    pub(super) text: TextReading,
}

/// A night, and what its epochs are judged with.
pub(super) struct NightScores<'a> {
    pub(super) recording: &'a Recording,
    /// Scores of all epochs with the prompts of the concept.
    pub(super) scores: &'a ScoreTable,
    /// Separates sleep from wake in nights without scored stages.
    pub(super) stages: &'a LabelJudge,
    /// Number of epochs to return as evidence.
    pub(super) n_evidence: usize,
}

/// The scores of a night's epochs of sleep, without the recording itself.
pub(super) struct JudgedNight {
    recording: RecordingId,
    /// Scores of the epochs that could show the concept, in their order.
    scores: Vec<f32>,
    /// Number of epochs of sleep without the channels of the concept.
    n_hidden: usize,
    /// Whether most judged epochs have fewer channels than the concept was calibrated with.
    has_few_channels: bool,
    stage_source: StageSource,
    scored_rate: Option<f64>,
    evidence: Vec<EpochHit>,
}

impl ConceptQuery {
    /// Asks for a known concept.
    pub(super) fn of_known(
        question: NightQuestion,
        name: String,
        known: KnownConcept,
        margins: LabelMargins,
        calibration: Calibration,
    ) -> Self {
        let threshold = Threshold::Probability(calibration.threshold);
        let text = TextReading::default();
        Self { question, name, known: Some(known), margins, calibration, threshold, text }
    }

    /// Asks for a learned concept, whatever the words of the question call it.
    pub(super) fn of_learned(question: NightQuestion, concept: &LearnedConcept) -> Self {
        let (name, known) = (concept.name().to_owned(), KnownConcept::Learned(concept.target));
        let margins = LabelMargins::of(&[concept.directions()]);
        Self::of_known(question, name, known, margins, concept.calibration)
    }

    /// Asks for words that are not a known concept. No epoch counts as found until the threshold is set.
    pub(super) fn of_words(
        question: NightQuestion,
        words: String,
        margins: LabelMargins,
        calibration: Calibration,
        text: TextReading,
    ) -> Self {
        let threshold = Threshold::Cosine(f32::INFINITY);
        Self { question, name: words, known: None, margins, calibration, threshold, text }
    }

    /// Scores the epochs of sleep of a night that the question is about, or returns why it cannot.
    ///
    /// Which epochs are sleep is taken from the scoring, or else from the nearest stage prompt.
    ///
    /// # Errors
    ///
    /// Those of [`Recording::cosines`].
    pub(super) fn judge(
        &self,
        night: &NightScores<'_>,
        allowed: &RowFilter<'_>,
    ) -> Result<std::result::Result<JudgedNight, SkipReason>> {
        let NightScores { recording, scores, stages, n_evidence } = *night;
        let is_scored = recording.stages().iter().any(Option::is_some);
        let stage_source = if is_scored { StageSource::Scored } else { StageSource::ZeroShot };
        let (mut judged, mut n_hidden) = (Vec::new(), 0);
        for row in (0..recording.n_epochs()).filter(|row| allowed.allows(*row)) {
            let mask = recording.masks()[row];
            let stage = match stage_source {
                StageSource::Scored => recording.stages()[row],
                StageSource::ZeroShot => {
                    zero_shot(stages, &recording.cosines(row, stages.prompts())?, mask)
                }
            };
            if !self.question.is_about(stage) {
                continue;
            }
            if self.known.is_some_and(|known| !known.is_visible_in(mask)) {
                n_hidden += 1;
            } else {
                judged.push((row, self.score(scores, recording, row)?));
            }
        }
        if judged.is_empty() {
            let hidden = self.known.filter(|_| n_hidden > 0);
            return Ok(Err(
                hidden.map_or(SkipReason::NoSleep, |known| SkipReason::no_channels(known.needs()))
            ));
        }
        Ok(Ok(JudgedNight {
            recording: recording.id().clone(),
            scores: judged.iter().map(|(_, score)| *score).collect(),
            n_hidden,
            has_few_channels: has_few_channels(recording, &judged),
            stage_source,
            scored_rate: self.known.and_then(|it| self.scored_rate(recording, allowed, it)),
            evidence: evidence(recording, judged, n_evidence),
        }))
    }

    /// Sets the threshold of words that are not a known concept to the cosine that [`UNCALIBRATED_SHARE`] of all epochs
    /// of these nights reach.
    pub(super) fn set_threshold_by_share(&mut self, nights: &[JudgedNight]) {
        if self.known.is_some() {
            return;
        }
        let mut scores: Vec<f32> =
            nights.iter().flat_map(|night| night.scores.iter().copied()).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        let last = (scores.len() as f64 * UNCALIBRATED_SHARE) as usize;
        self.threshold = Threshold::Cosine(scores.get(last).copied().unwrap_or(f32::INFINITY));
    }

    /// Returns the rate of a night, with its best epochs as evidence.
    pub(super) fn hit(&self, night: &JudgedNight) -> Option<NightHit> {
        let JudgedNight { recording, scores, n_hidden, stage_source, .. } = night;
        let found = scores.iter().filter(|score| self.threshold.is_reached_by(**score)).count();
        let rate = Rate::estimate(found, scores.len(), &self.calibration)?;
        Some(NightHit {
            recording: recording.to_string(),
            rate_per_hour: rate.per_hour,
            rate_ci95: (rate.low, rate.high),
            epochs_found: found,
            epochs_judged: scores.len(),
            epochs_not_judged: *n_hidden,
            hours_of_sleep: scores.len() as f64 * EPOCH_S / 3600.0,
            stage_source: *stage_source,
            scored_rate_per_hour: night.scored_rate,
            evidence: night.evidence.clone(),
        })
    }

    /// Returns how the question was read, with cautions about the answer for these nights.
    pub(super) fn reading(self, nights: &[JudgedNight]) -> QuestionReading {
        let cautions = self.cautions(nights);
        let Self { question, name, known, threshold, text, .. } = self;
        QuestionReading {
            sentence: question.sentence(&name),
            concept: name,
            known: known.is_some(),
            threshold,
            cautions,
            text,
        }
    }

    fn cautions(&self, nights: &[JudgedNight]) -> Vec<String> {
        let Self { name, known, text, .. } = self;
        let mut cautions = Vec::new();
        let n_poor = nights.iter().filter(|night| night.has_few_channels).count();
        if known.is_some() && n_poor > 0 {
            cautions.push(format!(
                "{n_poor} of {} nights have missing channels in most of their sleep; the rates of hits and false alarms \
                 were measured with all channels, so the rates of these nights may be far off",
                nights.len()
            ));
        }
        if known.is_none() {
            let share = UNCALIBRATED_SHARE * 100.0;
            cautions.push(format!(
                "`{name}` is not a known concept: the best {share} % of all epochs count as found, so the rates compare \
                 nights and measure nothing"
            ));
        }
        if known.is_some_and(KnownConcept::is_indirect) {
            cautions.push(format!(
                "the input channels do not show `{name}`; it is inferred from what accompanies it"
            ));
        }
        if !text.unknown_words.is_empty() {
            let words = text.unknown_words.join("`, `");
            cautions.push(format!("`{words}` do not occur in the training data of the bundle"));
        }
        cautions
    }

    /// Returns the score of an epoch. The 8-bit codes are used only if their error bound proves that the epoch is below
    /// the threshold; otherwise the vector is used, so that rounding never decides what counts as found.
    fn score(&self, scores: &ScoreTable, recording: &Recording, row: usize) -> Result<f32> {
        let margin = self.margin(scores.row(row));
        // A margin is the difference of two scores, so its error is up to twice theirs.
        let error = 2.0 * scores.error();
        let is_absent = [margin - error, margin + error]
            .iter()
            .all(|margin| self.calibration.probability(*margin) < self.calibration.threshold);
        if self.known.is_some() && is_absent {
            return Ok(self.calibration.probability(margin));
        }
        let margin = self.margin(&recording.cosines(row, self.margins.prompts())?);
        Ok(if self.known.is_some() { self.calibration.probability(margin) } else { margin })
    }

    fn margin(&self, scores: &[f32]) -> f32 {
        self.margins.of_scores(scores).next().expect("there is one label")
    }

    /// Returns the scored occurrences per hour of the sleep that the question is about.
    ///
    /// Few scorers mark everything: there is no rate if the recording has no event of the concept's family.
    fn scored_rate(
        &self,
        recording: &Recording,
        allowed: &RowFilter<'_>,
        known: KnownConcept,
    ) -> Option<f64> {
        let kinds: EventSet =
            EventKind::ALL.into_iter().filter(|kind| known.covers(*kind)).collect();
        if kinds.is_empty() {
            return None;
        }
        let asleep = (0..recording.n_epochs())
            .filter(|row| allowed.allows(*row))
            .filter(|row| self.question.is_about(recording.stages()[*row]))
            .map(|row| recording.onsets_s()[row]);
        let scored = ScoredEvents::new(recording.events()?, &[]);
        Some(scored.rate(kinds, &Scope::of_onsets(asleep)).ok()?.per_hour())
    }
}

fn zero_shot(stages: &LabelJudge, scores: &[f32], mask: ChannelMask) -> Option<Stage> {
    stages.judge(scores, mask).labels.first()?.parse().ok()
}

/// Returns whether most judged epochs have fewer channels than concepts are calibrated with.
fn has_few_channels(recording: &Recording, judged: &[(usize, f32)]) -> bool {
    let has_few = |(row, _): &&(usize, f32)| !recording.masks()[*row].contains_all(CALIBRATED);
    2 * judged.iter().filter(has_few).count() > judged.len()
}

/// Returns the epochs that show the concept best, best first.
fn evidence(recording: &Recording, mut judged: Vec<(usize, f32)>, n: usize) -> Vec<EpochHit> {
    judged.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let hit = |(row, score): (usize, f32)| {
        let info = recording.row(row);
        let epoch = EpochRef { recording: recording.id().clone(), epoch: info.number };
        let (onset_s, stage, mask, events) = (info.onset_s, info.stage, info.mask, info.events);
        let hit = Hit { epoch, score, onset_s, stage, mask, events };
        EpochHit::of(&hit, recording.entry().start)
    };
    judged.into_iter().take(n).map(hit).collect()
}
