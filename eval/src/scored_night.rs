//! A scored night, encoded.

use nocturne_encoder::Embedding;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{Event, EventSet, Stage};

use crate::sample::caption_counts::CaptionCounts;
use crate::sample::channel_subset::HiddenEpoch;
use crate::sample::event_seconds::EventSeconds;

/// A scored night, encoded.
pub(crate) struct ScoredNight {
    /// The subject, from the name of the recording; the path if the name does not identify one.
    pub(crate) subject: String,
    pub(crate) epochs: Vec<ScoredEpoch>,
    /// Every scored event; `None` if events were not scored.
    pub(crate) events: Option<Vec<Event>>,
    /// The seconds of events in epochs of sleep.
    pub(crate) located: Vec<EventSeconds>,
    /// A sample of the epochs, encoded with channels hidden.
    pub(crate) hidden: Vec<HiddenEpoch>,
    /// Generated captions of a sample of the epochs; empty if there is no captioner.
    pub(crate) captions: Vec<CaptionCounts>,
}

/// An epoch of a scored night.
pub(crate) struct ScoredEpoch {
    /// Index of the unit that the epoch is resampled with, see [`crate::resampling`].
    pub(crate) unit: usize,
    pub(crate) onset_s: f64,
    pub(crate) stage: Option<Stage>,
    pub(crate) events: EventSet,
    pub(crate) mask: ChannelMask,
    pub(crate) embedding: Embedding,
    /// The stage and event caption with the brain caption; `None` if the stage is not scored.
    pub(crate) caption: Option<String>,
}

#[cfg(test)]
pub(crate) mod tests {
    use nocturne_psg::montage::Channel;

    use super::*;

    /// A night of epochs with one EEG channel, each with an onset, a stage and a direction.
    pub(crate) fn night_of(subject: &str, epochs: &[(f64, Stage, [f32; 2])]) -> ScoredNight {
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
            captions: Vec::new(),
        }
    }
}
