//! A recording to be committed.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use nocturne_encoder::Embedding;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{
    EpochNumber, Event, EventSet, Quality, RecordingId, RecordingOrigin, SignalMeasures, Stage,
};

/// A recording to be committed to a collection.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordingDraft {
    /// Id of the recording; a recording with the same id in the collection is replaced.
    pub id: RecordingId,
    /// Path of the recording, as given.
    pub source: String,
    /// SHA-256 of the recording, in hexadecimal.
    pub source_sha256: String,
    /// SHA-256 of its annotations, in hexadecimal, if there are any.
    pub annotations_sha256: Option<String>,
    /// Whether the recording is of a person or simulated.
    pub origin: RecordingOrigin,
    /// Kinds of events that were scored even if none occurred, by the profile of the recording.
    pub declared_events: EventSet,
    /// Start in wall-clock time without a zone, if known.
    pub start: Option<DateTime>,
    /// Metadata such as cohort or age.
    pub metadata: BTreeMap<String, String>,
    /// Report on how the montage's channels were found.
    pub montage: serde_json::Value,
    /// Every scored event; `None` if events were not scored, which differs from none having occurred.
    pub events: Option<Vec<Event>>,
    /// What was measured on the signals by rules, for the same epochs; `None` if nothing was.
    pub signals: Option<SignalMeasures>,
    /// The epochs, by ascending number.
    pub epochs: Vec<EpochPoint>,
    /// The captions of those epochs, in any order; the order within an epoch is preserved.
    pub captions: Vec<CaptionPoint>,
}

/// One epoch of a draft.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochPoint {
    /// Number of the epoch.
    pub number: EpochNumber,
    /// Onset in seconds from the start of the recording.
    pub onset_s: f64,
    /// Channels that carry a usable signal.
    pub mask: ChannelMask,
    /// Channels that are missing, flat or clipped.
    pub quality: Quality,
    /// The scored stage; `None` if the epoch was not scored.
    pub stage: Option<Stage>,
    /// Kinds of scored event that belong to it.
    pub events: EventSet,
    /// Its embedding.
    pub vector: Embedding,
}

/// One caption of a draft.
#[derive(Debug, Clone, PartialEq)]
pub struct CaptionPoint {
    /// The epoch that it describes.
    pub epoch: EpochNumber,
    /// What it describes.
    pub kind: CaptionKind,
    /// Its text.
    pub text: String,
    /// Its embedding.
    pub vector: Embedding,
}
