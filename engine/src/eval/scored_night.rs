//! A night with its scoring, encoded.

use std::path::Path;

use nocturne_encoder::{Embedding, EpochReading, SignalEncoder};
use nocturne_psg::caption::{Caption, CaptionKind, EpochFacts, caption};
use nocturne_psg::features::FeatureExtractor;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::simulator::Truth;
use nocturne_psg::{Event, EventSet, Night, Recording, Stage, ZScore, subject_of};

use super::by_channels::{self, HiddenEpoch};
use super::captions::{Speaker, Spoken};
use super::localisation::{self, Located};
use crate::Result;

/// Epochs that are encoded at a time.
const BATCH: usize = 16;
/// Seed of the captions that are searched for.
const SEED: u64 = 20_260_101;

pub(super) struct ScoredNight {
    /// The person, as the name of the recording tells; where it does not, the recording counts as one.
    pub(super) subject: String,
    pub(super) epochs: Vec<ScoredEpoch>,
    /// Every scored event, where events were scored.
    pub(super) events: Option<Vec<Event>>,
    /// Where the encoder looked in epochs with events, if the bundle tells.
    pub(super) located: Vec<Located>,
    /// A sample of the epochs, encoded with channels hidden.
    pub(super) hidden: Vec<HiddenEpoch>,
    /// What was said of a sample of the epochs, if there is a captioner.
    pub(super) spoken: Vec<Spoken>,
}

/// What reads a night, and how much of it is tried.
pub(super) struct Reader<'a> {
    pub(super) encoder: &'a mut SignalEncoder,
    pub(super) speaker: Option<&'a mut Speaker>,
    pub(super) z_score: ZScore,
    /// Epochs that are encoded with channels hidden.
    pub(super) n_hidden: usize,
    /// Epochs of which captions are made.
    pub(super) n_spoken: usize,
}

pub(super) struct ScoredEpoch {
    /// Number of what is drawn again as one with this epoch, see [`super::units`].
    pub(super) unit: usize,
    pub(super) onset_s: f64,
    pub(super) stage: Option<Stage>,
    pub(super) events: EventSet,
    pub(super) mask: ChannelMask,
    pub(super) embedding: Embedding,
    /// Stage, events and brain activity in words, where the stage is scored.
    pub(super) caption: Option<String>,
}

impl Reader<'_> {
    /// Reads and encodes a recording. Where the simulator left the truth beside it, its events are all there are.
    pub(super) fn read(&mut self, path: &Path) -> Result<ScoredNight> {
        let mut recording = Recording::open(path)?;
        let truth = path.with_extension("truth.json");
        if truth.is_file() {
            recording.set_events(Truth::read(&truth)?.events);
        }
        let events = Some(recording.scoring().events.clone()).filter(|events| !events.is_empty());
        let night = Night::read(&recording, self.z_score)?;
        let hidden = by_channels::encode(&night, self.encoder, self.n_hidden)?;
        let name = path.to_string_lossy();
        let mut scored = ScoredNight {
            subject: subject_of(&name).unwrap_or_else(|| name.into_owned()),
            epochs: Vec::new(),
            events,
            located: Vec::new(),
            hidden,
            spoken: Vec::new(),
        };
        let mut extractor = FeatureExtractor::default();
        let all: Vec<usize> = (0..night.epochs().len()).collect();
        for some in all.chunks(BATCH) {
            let readings = self.encoder.read_epochs(&night, some)?;
            for (epoch_idx, reading) in some.iter().zip(readings) {
                let are_scored = scored.events.is_some();
                let facts = EpochFacts::gather(&mut extractor, &night, *epoch_idx, are_scored);
                self.take(&mut scored, &night, *epoch_idx, (reading, facts))?;
            }
        }
        Ok(scored)
    }

    fn take(
        &mut self,
        scored: &mut ScoredNight,
        night: &Night,
        epoch_idx: usize,
        (reading, facts): (EpochReading, EpochFacts),
    ) -> Result<()> {
        let epoch = &night.epochs()[epoch_idx];
        if let Some(map) = &reading.attention {
            scored.located.extend(localisation::locate(epoch_idx, epoch, map));
        }
        let seed = SEED + epoch_idx as u64;
        if let (Some(speaker), Some(memory)) = (&mut self.speaker, &reading.memory)
            && is_sampled(epoch_idx, night.epochs().len(), self.n_spoken)
        {
            let facts = facts.visible_in(epoch.mask);
            scored.spoken.extend(speaker.speak(epoch_idx, memory, &facts, seed)?);
        }
        scored.epochs.push(ScoredEpoch {
            unit: 0,
            onset_s: epoch.onset_s,
            stage: epoch.stage,
            events: epoch.event_set(),
            mask: epoch.mask,
            embedding: reading.embedding,
            caption: epoch.stage.and_then(|_| two_kinds(&facts, seed)),
        });
        Ok(())
    }
}

/// Returns whether an epoch is one of `n` that are spread evenly over a night.
fn is_sampled(epoch_idx: usize, n_epochs: usize, n: usize) -> bool {
    let before = |i: usize| i * n.min(n_epochs) / n_epochs;
    before(epoch_idx + 1) > before(epoch_idx)
}

/// Returns the stage and event caption with the brain caption behind it, which is what SleepLM's demonstration retrieves.
fn two_kinds(facts: &EpochFacts, seed: u64) -> Option<String> {
    let parts =
        [CaptionKind::StageEvent, CaptionKind::Brain].map(|kind| caption(kind, facts, seed));
    parts.into_iter().flatten().reduce(Caption::followed_by).map(|caption| caption.text)
}

#[cfg(test)]
pub(super) mod tests {
    use nocturne_psg::montage::Channel;

    use super::*;

    /// Makes a night of somebody up: epochs with one EEG channel, each with its begin, its stage and its direction.
    pub(in crate::eval) fn made_up(
        subject: &str,
        epochs: &[(f64, Stage, [f32; 2])],
    ) -> ScoredNight {
        let epoch = |(onset_s, stage, direction): &(f64, Stage, [f32; 2])| ScoredEpoch {
            unit: 0,
            onset_s: *onset_s,
            stage: Some(*stage),
            events: EventSet::EMPTY,
            mask: [Channel::EegC3A2].into_iter().collect(),
            embedding: Embedding::new(direction.to_vec()).unwrap(),
            caption: None,
        };
        ScoredNight {
            subject: subject.to_owned(),
            epochs: epochs.iter().map(epoch).collect(),
            events: None,
            located: Vec::new(),
            hidden: Vec::new(),
            spoken: Vec::new(),
        }
    }

    #[test]
    fn sample_is_spread_evenly() {
        let sampled = |n| (0..10).filter(|i| is_sampled(*i, 10, n)).collect::<Vec<_>>();
        assert_eq!(sampled(2), [4, 9]);
        assert_eq!(sampled(0), Vec::<usize>::new());
        assert_eq!(sampled(20).len(), 10);
    }
}
