//! Reads and encodes scored nights.

use std::path::Path;

use nocturne_encoder::{EpochReading, SignalEncoder};
use nocturne_psg::caption::{Caption, CaptionKind, EpochFacts, caption};
use nocturne_psg::features::FeatureExtractor;
use nocturne_psg::{Night, Recording, ZScore, subject_of};
use nocturne_simulator::Truth;

use crate::error::Result;
use crate::sample::caption_counts::CaptionSampler;
use crate::sample::{channel_subset, event_seconds};
use crate::scored_night::{ScoredEpoch, ScoredNight};

/// Epochs encoded in one batch.
const BATCH: usize = 16;
/// Seed of the template captions.
const SEED: u64 = 20_260_101;

/// Reads and encodes scored nights, one at a time.
pub(crate) struct NightReader<'a> {
    pub(crate) encoder: &'a mut SignalEncoder,
    pub(crate) captioner: Option<&'a mut CaptionSampler>,
    pub(crate) z_score: ZScore,
    /// Number of epochs of each night to encode with channels hidden.
    pub(crate) n_hidden: usize,
    /// Number of epochs of each night for which to generate captions.
    pub(crate) n_captioned: usize,
}

impl NightReader<'_> {
    /// Reads and encodes a recording. If the truth file of a simulated night is beside it, its events replace the
    /// scored ones.
    pub(crate) fn read(&mut self, path: &Path) -> Result<ScoredNight> {
        let mut recording = Recording::open(path)?;
        let truth = path.with_extension("truth.json");
        if truth.is_file() {
            recording.set_events(Truth::read(&truth)?.events);
        }
        let events = Some(recording.scoring().events.clone()).filter(|events| !events.is_empty());
        let night = Night::read(&recording, self.z_score)?;
        let hidden = channel_subset::encode(&night, self.encoder, self.n_hidden)?;
        let name = path.to_string_lossy();
        let mut scored = ScoredNight {
            subject: subject_of(&name).unwrap_or_else(|| name.into_owned()),
            epochs: Vec::new(),
            events,
            located: Vec::new(),
            hidden,
            captions: Vec::new(),
        };
        let mut extractor = FeatureExtractor::default();
        let all: Vec<usize> = (0..night.epochs().len()).collect();
        for batch in all.chunks(BATCH) {
            let readings = self.encoder.read_epochs(&night, batch)?;
            for (epoch_idx, reading) in batch.iter().zip(readings) {
                let are_scored = scored.events.is_some();
                let facts = EpochFacts::gather(&mut extractor, &night, *epoch_idx, are_scored);
                self.add_epoch(&mut scored, &night, *epoch_idx, (reading, facts))?;
            }
        }
        Ok(scored)
    }

    /// Adds an epoch with its embedding, its retrieval caption and, if sampled, its generated captions.
    fn add_epoch(
        &mut self,
        scored: &mut ScoredNight,
        night: &Night,
        epoch_idx: usize,
        (reading, facts): (EpochReading, EpochFacts),
    ) -> Result<()> {
        let epoch = &night.epochs()[epoch_idx];
        scored.located.extend(event_seconds::of_epoch(epoch_idx, epoch));
        let seed = SEED + epoch_idx as u64;
        if let (Some(captioner), Some(memory)) = (&mut self.captioner, &reading.memory)
            && is_sampled(epoch_idx, night.epochs().len(), self.n_captioned)
        {
            let facts = facts.visible_in(epoch.mask);
            scored.captions.extend(captioner.count_epoch(epoch_idx, memory, &facts, seed)?);
        }
        scored.epochs.push(ScoredEpoch {
            // Set by `resampling::resample` when all nights are known.
            unit: 0,
            onset_s: epoch.onset_s,
            stage: epoch.stage,
            events: epoch.event_set(),
            mask: epoch.mask,
            embedding: reading.embedding,
            caption: epoch.stage.and_then(|_| retrieval_caption(&facts, seed)),
        });
        Ok(())
    }
}

/// Returns whether an epoch is one of `n` that are spread evenly over a night.
fn is_sampled(epoch_idx: usize, n_epochs: usize, n: usize) -> bool {
    // The number of sampled epochs before epoch `i` rises evenly; an epoch is sampled if it raises the number.
    let n_before = |i: usize| i * n.min(n_epochs) / n_epochs;
    n_before(epoch_idx + 1) > n_before(epoch_idx)
}

/// Returns the stage and event caption followed by the brain caption, the text that the demonstration of SleepLM
/// retrieves.
fn retrieval_caption(facts: &EpochFacts, seed: u64) -> Option<String> {
    let parts =
        [CaptionKind::StageEvent, CaptionKind::Brain].map(|kind| caption(kind, facts, seed));
    parts.into_iter().flatten().reduce(Caption::followed_by).map(|caption| caption.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_is_spread_evenly() {
        let sampled = |n| (0..10).filter(|i| is_sampled(*i, 10, n)).collect::<Vec<_>>();
        assert_eq!(sampled(2), [4, 9]);
        assert_eq!(sampled(0), Vec::<usize>::new());
        assert_eq!(sampled(20).len(), 10);
    }
}
