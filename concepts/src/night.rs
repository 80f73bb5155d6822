//! What a track is made from: the epochs of a night with their embeddings, and its scoring.

use jiff::civil::DateTime;
use nocturne_index::Recording;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::signal_rules::SignalMeasures;
use nocturne_psg::sleep::RecordingOrigin;
use nocturne_psg::statistics::scored_kinds;
use nocturne_psg::{Event, EventSet, Stage};

/// A night with its embeddings. All columns have one value for each epoch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EncodedNight {
    /// Start of the recording by its clock.
    pub start: Option<DateTime>,
    /// Numbers of the epochs, ascending.
    pub numbers: Vec<u32>,
    /// Onsets in seconds from the start.
    pub onsets_s: Vec<f64>,
    /// Channels with a usable signal.
    pub masks: Vec<ChannelMask>,
    /// Scored stages.
    pub stages: Vec<Option<Stage>>,
    /// Embeddings of unit length.
    pub embeddings: Vec<Vec<f32>>,
    /// Where the recording comes from.
    pub origin: RecordingOrigin,
    /// Kinds of events that were scored even if none occurred.
    pub declared_events: EventSet,
    /// What rules measured on the signals; `None` if they were not applied.
    pub signals: Option<SignalMeasures>,
    /// Every scored event; `None` if events were not scored.
    pub events: Option<Vec<Event>>,
}

impl EncodedNight {
    /// Reads a recording of a collection.
    ///
    /// # Errors
    ///
    /// Those of reading its vectors.
    pub fn read(recording: &Recording) -> nocturne_index::Result<Self> {
        let embedding = |number: &nocturne_psg::EpochNumber| {
            Ok(recording.epoch(*number)?.embedding()?.as_slice().to_vec())
        };
        Ok(Self {
            start: recording.entry().start,
            origin: recording.entry().origin,
            declared_events: recording.entry().declared_events,
            signals: recording.signals().cloned(),
            numbers: recording.numbers().iter().map(|number| number.0).collect(),
            onsets_s: recording.onsets_s().to_vec(),
            masks: recording.masks().to_vec(),
            stages: recording.stages().to_vec(),
            embeddings: recording
                .numbers()
                .iter()
                .map(embedding)
                .collect::<nocturne_index::Result<_>>()?,
            events: recording.events().map(<[Event]>::to_vec),
        })
    }

    /// Returns the kinds of event that were scored, whether or not one occurred.
    pub fn scored_kinds(&self) -> EventSet {
        scored_kinds(self.events.as_deref().unwrap_or_default(), self.declared_events)
    }
}
