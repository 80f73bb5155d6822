//! A night with its scoring, encoded.

use std::path::Path;

use nocturne_encoder::{Embedding, SignalEncoder};
use nocturne_psg::caption::{Caption, CaptionKind, EpochFacts, caption};
use nocturne_psg::features::FeatureExtractor;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::simulator::Truth;
use nocturne_psg::{Event, EventSet, Night, Recording, Stage, ZScore};

use super::by_channels::{self, HiddenEpoch};
use super::localisation::{self, Located};
use crate::Result;

/// Epochs that are encoded at a time.
const BATCH: usize = 16;
/// Seed of the captions that are searched for.
const SEED: u64 = 20_260_101;

pub(super) struct ScoredNight {
    pub(super) epochs: Vec<ScoredEpoch>,
    /// Every scored event, where events were scored.
    pub(super) events: Option<Vec<Event>>,
    /// Where the encoder looked in epochs with events, if the bundle tells.
    pub(super) located: Vec<Located>,
    /// A sample of the epochs, encoded with channels hidden.
    pub(super) hidden: Vec<HiddenEpoch>,
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

impl ScoredNight {
    /// Reads and encodes a recording, and `n_hidden` of its epochs with channels hidden. Where the simulator left the
    /// truth beside it, its events are all there are.
    pub(super) fn read(
        path: &Path,
        encoder: &mut SignalEncoder,
        z_score: ZScore,
        n_hidden: usize,
    ) -> Result<Self> {
        let mut recording = Recording::open(path)?;
        let truth = path.with_extension("truth.json");
        if truth.is_file() {
            recording.set_events(Truth::read(&truth)?.events);
        }
        let events = Some(recording.scoring().events.clone()).filter(|events| !events.is_empty());
        let night = Night::read(&recording, z_score)?;
        let hidden = by_channels::encode(&night, encoder, n_hidden)?;
        let mut extractor = FeatureExtractor::default();
        let (mut epochs, mut located) = (Vec::new(), Vec::new());
        let all: Vec<usize> = (0..night.epochs().len()).collect();
        for some in all.chunks(BATCH) {
            for (i, reading) in some.iter().zip(encoder.read_epochs(&night, some)?) {
                let epoch = &night.epochs()[*i];
                if let Some(map) = &reading.attention {
                    located.extend(localisation::locate(*i, epoch, map));
                }
                let facts = EpochFacts::gather(&mut extractor, &night, *i, events.is_some());
                epochs.push(ScoredEpoch {
                    unit: 0,
                    onset_s: epoch.onset_s,
                    stage: epoch.stage,
                    events: epoch.event_set(),
                    mask: epoch.mask,
                    embedding: reading.embedding,
                    caption: epoch.stage.and_then(|_| two_kinds(&facts, SEED + *i as u64)),
                });
            }
        }
        Ok(Self { epochs, events, located, hidden })
    }
}

/// Returns the stage and event caption with the brain caption behind it, which is what SleepLM's demonstration retrieves.
fn two_kinds(facts: &EpochFacts, seed: u64) -> Option<String> {
    let parts =
        [CaptionKind::StageEvent, CaptionKind::Brain].map(|kind| caption(kind, facts, seed));
    parts.into_iter().flatten().reduce(Caption::followed_by).map(|caption| caption.text)
}
