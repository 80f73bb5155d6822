//! What the manifest of a collection says about one recording, so that listing opens no segment.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EventSet, RecordingId, RecordingOrigin};
use serde::{Deserialize, Serialize};

use super::ContentHash;

/// One recording of a collection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordingEntry {
    /// Id of the recording in the collection.
    pub id: RecordingId,
    /// Path of the recording, as given when it was indexed.
    pub source: String,
    /// SHA-256 of the recording, in hexadecimal.
    pub source_sha256: String,
    /// SHA-256 of its annotations, in hexadecimal, if there were any.
    pub annotations_sha256: Option<String>,
    /// Whether the recording is of a person or simulated.
    pub origin: RecordingOrigin,
    /// Kinds of events that were scored even if none occurred, by the profile of the recording.
    pub declared_events: EventSet,
    /// Start in wall-clock time without a zone, if known.
    pub start: Option<DateTime>,
    /// Number of epochs.
    pub n_epochs: usize,
    /// Number of captions.
    pub n_captions: usize,
    /// Scored sleep in seconds, 30 for each epoch of a sleep stage; `None` if no stage was scored.
    pub sleep_s: Option<f64>,
    /// Number of scored events; `None` if events were not scored, which differs from none having occurred.
    pub n_events: Option<usize>,
    /// Channels that carry a usable signal in at least one epoch.
    #[serde(with = "channel_names")]
    pub mask: ChannelMask,
    /// The segment with the recording's points.
    pub segment: SegmentRef,
    /// Metadata such as cohort or age.
    pub metadata: BTreeMap<String, String>,
}

impl RecordingEntry {
    /// Returns whether stages were scored.
    pub fn has_stages(&self) -> bool {
        self.sleep_s.is_some()
    }

    /// Returns whether events were scored, even if there were none.
    pub fn has_events(&self) -> bool {
        self.n_events.is_some()
    }
}

/// Names a segment file and states what it must contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRef {
    /// Hash of the content; the file is named after it.
    pub hash: ContentHash,
    /// Length of the file in bytes.
    pub length: u64,
}

impl SegmentRef {
    /// Returns the name of the file in the collection's folder of segments.
    pub fn file_name(&self) -> String {
        format!("{}{}", self.hash, Self::SUFFIX)
    }

    /// Returns the hash in the name of a segment, or `None` if the file has another name.
    pub(crate) fn hash_in(file_name: &str) -> Option<ContentHash> {
        ContentHash::try_from(file_name.strip_suffix(Self::SUFFIX)?.to_owned()).ok()
    }

    const SUFFIX: &str = ".seg";
}

/// Writes a mask as the names of its channels.
mod channel_names {
    use nocturne_psg::montage::{Channel, ChannelMask};
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    pub(super) fn serialize<S: Serializer>(
        mask: &ChannelMask,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(mask.iter())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<ChannelMask, D::Error> {
        Ok(Vec::<Channel>::deserialize(deserializer)?.into_iter().collect())
    }
}
