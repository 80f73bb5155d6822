//! A concept that is looked for in nights: scores, thresholds, evidence.

use nocturne_encoder::bundle::Calibration;
use nocturne_index::{Hit, Recording, RowFilter, ScoreTable};
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::{EPOCH_S, EpochRef, RecordingId, Stage};

use super::known::Known;
use super::question::Question;
use super::rate::{Rate, scored_rate};
use super::{NightHit, QuestionReading, StageSource};
use crate::LearnedConcept;
use crate::epochs::{EpochHit, TextReading};
use crate::labels::Judge;
use crate::margins::Margins;

/// Of words without a calibration, the share of the best epochs that counts as found.
pub(super) const UNCALIBRATED_SHARE: f64 = 0.05;

/// A concept, ready to be looked for.
pub(super) struct Sought {
    pub(super) question: Question,
    /// Name of the label, or the words that were searched for.
    pub(super) name: String,
    /// What is known of it; nothing of words that are no concept.
    pub(super) known: Option<Known>,
    /// That of the label, or of the words alone.
    pub(super) margins: Margins,
    pub(super) calibration: Calibration,
    pub(super) text: TextReading,
}

/// A night, and what its epochs are judged with.
pub(super) struct Judging<'a> {
    pub(super) recording: &'a Recording,
    /// Scores of all epochs with the concept's prompts.
    pub(super) scores: &'a ScoreTable,
    pub(super) stages: &'a Judge,
    /// Epochs to keep as evidence.
    pub(super) evidence: usize,
}

/// A night whose epochs of sleep were scored; of the recording itself nothing is kept.
pub(super) struct JudgedNight {
    recording: RecordingId,
    /// The score of each epoch that could show the concept, in their order.
    scores: Vec<f32>,
    /// Epochs of sleep without the channels for it.
    n_hidden: usize,
    /// Whether most of the judged epochs lack a channel that those of the calibration had.
    lacks_channels: bool,
    stage_source: StageSource,
    scored_rate: Option<f64>,
    evidence: Vec<EpochHit>,
}

/// Channels with which concepts are calibrated; few recorders tell what their position codes mean.
const CALIBRATED: ChannelMask =
    ChannelMask::ALL.without(ChannelMask::from_bits(1 << Channel::Position.index()));

impl Sought {
    /// Looks for a learned concept, whatever the words of the question call it.
    pub(super) fn learned(question: Question, concept: &LearnedConcept) -> Self {
        Self {
            question,
            name: concept.name().to_owned(),
            known: Some(Known::Learned(concept.target)),
            margins: Margins::of(&[concept.directions()]),
            calibration: concept.calibration,
            text: TextReading::default(),
        }
    }

    /// Scores those epochs of sleep of a night that are asked about, or says why it cannot.
    ///
    /// Which epochs are sleep is said by the recording's scorer, or else by the nearest prompt.
    ///
    /// # Errors
    ///
    /// Those of [`Recording::cosines`]; that a night cannot be judged is no error.
    pub(super) fn judge(
        &self,
        night: &Judging<'_>,
        asked: &RowFilter<'_>,
    ) -> crate::Result<Result<JudgedNight, String>> {
        let Judging { recording, scores, stages, evidence: n_evidence } = *night;
        let is_scored = recording.stages().iter().any(Option::is_some);
        let stage_source = if is_scored { StageSource::Scored } else { StageSource::ZeroShot };
        let (mut judged, mut n_hidden) = (Vec::new(), 0);
        for row in (0..recording.n_epochs()).filter(|row| asked.allows(*row)) {
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
                judged.push((row, self.score_in(scores, recording, row)?));
            }
        }
        Ok(match (judged.len(), n_hidden) {
            (0, 0) => Err("it has no epoch of the sleep that was asked for".to_owned()),
            (0, _) => Err("it has none of the channels that show the concept".to_owned()),
            _ => Ok(JudgedNight {
                recording: recording.id().clone(),
                scores: judged.iter().map(|(_, score)| *score).collect(),
                n_hidden,
                lacks_channels: lacks_channels(recording, &judged),
                stage_source,
                scored_rate: self.known.and_then(|it| self.scored_rate(recording, asked, it)),
                evidence: evidence(recording, judged, n_evidence),
            }),
        })
    }

    /// Returns the margin from which on an epoch counts as found; nothing for words without a calibration.
    pub(super) fn least_margin(&self) -> Option<f32> {
        self.known?;
        let Calibration { slope, offset, threshold, .. } = self.calibration;
        Some(((threshold / (1.0 - threshold)).ln() - offset) / slope)
    }

    /// Sets the threshold of words without a calibration.
    pub(super) fn set_threshold(&mut self, margin: f32) {
        if self.known.is_none() {
            self.calibration.threshold = margin;
        }
    }

    /// Sets the threshold of words without a calibration, so that a fixed share of all epochs of these nights counts.
    pub(super) fn calibrate(&mut self, nights: &[JudgedNight]) {
        if self.known.is_some() {
            return;
        }
        let mut scores: Vec<f32> =
            nights.iter().flat_map(|night| night.scores.iter().copied()).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        let place = (scores.len() as f64 * UNCALIBRATED_SHARE) as usize;
        self.calibration.threshold = scores.get(place).copied().unwrap_or(f32::INFINITY);
    }

    /// Tells the rate of a night, with its best epochs as evidence.
    pub(super) fn hit(&self, night: &JudgedNight) -> Option<NightHit> {
        let JudgedNight { recording, scores, n_hidden, stage_source, .. } = night;
        let found = scores.iter().filter(|score| **score >= self.calibration.threshold).count();
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

    /// Says how the question was understood, and what to keep in mind about the answer for these nights.
    pub(super) fn reading(self, nights: &[JudgedNight]) -> QuestionReading {
        let Self { question, name, known, text, .. } = self;
        let mut cautions = Vec::new();
        let n_poor = nights.iter().filter(|night| night.lacks_channels).count();
        if known.is_some() && n_poor > 0 {
            cautions.push(format!(
                "{n_poor} of {} nights lack channels for most of their sleep; hits and false alarms are known for \
                 epochs with all of them only, so the rates of these nights may be far off",
                nights.len()
            ));
        }
        if known.is_none() {
            let share = UNCALIBRATED_SHARE * 100.0;
            cautions.push(format!(
                "`{name}` is no known concept: the best {share} % of all epochs count as found, so the rates compare \
                 nights and measure nothing"
            ));
        }
        if known.is_some_and(Known::is_indirect) {
            cautions.push(format!(
                "the input channels do not show `{name}`; it is inferred from what goes along with it"
            ));
        }
        if !text.unknown_words.is_empty() {
            let words = text.unknown_words.join("`, `");
            cautions.push(format!("the bundle never met `{words}` in its training"));
        }
        QuestionReading {
            sentence: question.sentence(&name),
            concept: name,
            known: known.is_some(),
            cautions,
            text,
        }
    }

    /// Returns the score of an epoch: that of its codes where they leave no doubt that the concept is absent, else that
    /// of its vector. What counts as found, and how well, is never a matter of rounding.
    fn score_in(
        &self,
        scores: &ScoreTable,
        recording: &Recording,
        row: usize,
    ) -> crate::Result<f32> {
        let margin = self.margin(scores.row(row));
        // A margin is the difference of two scores.
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

    /// Returns scored occurrences per hour of the sleep that was asked for.
    ///
    /// Few scorers mark everything: where not one such event was scored, nobody may have looked for it.
    fn scored_rate(
        &self,
        recording: &Recording,
        asked: &RowFilter<'_>,
        known: Known,
    ) -> Option<f64> {
        let mut events =
            recording.events()?.iter().filter(|event| known.covers(event.kind)).peekable();
        events.peek()?;
        let asleep_s: Vec<f64> = (0..recording.n_epochs())
            .filter(|row| asked.allows(*row))
            .filter(|row| self.question.is_about(recording.stages()[*row]))
            .map(|row| recording.onsets_s()[row])
            .collect();
        scored_rate(&asleep_s, events.map(|event| event.onset_s))
    }
}

fn zero_shot(stages: &Judge, scores: &[f32], mask: ChannelMask) -> Option<Stage> {
    stages.judge(scores, mask).labels.first()?.parse().ok()
}

/// Returns whether most of the judged epochs lack a channel that those of the calibration had.
fn lacks_channels(recording: &Recording, judged: &[(usize, f32)]) -> bool {
    let is_poor = |(row, _): &&(usize, f32)| !recording.masks()[*row].contains_all(CALIBRATED);
    2 * judged.iter().filter(is_poor).count() > judged.len()
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
