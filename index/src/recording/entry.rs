//! What a collection's manifest says of one recording, so that listing opens no segment.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::DateTime;
use nocturne_psg::RecordingId;
use nocturne_psg::montage::ChannelMask;
use serde::{Deserialize, Serialize};

/// One recording of a collection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordingEntry {
    /// Its name in the collection.
    pub id: RecordingId,
    /// Path of the recording, as it was given when it was indexed.
    pub source: String,
    /// SHA-256 of the recording, in hexadecimal.
    pub source_sha256: String,
    /// SHA-256 of its annotations, in hexadecimal, where there were any.
    pub annotations_sha256: Option<String>,
    /// Start in wall-clock time without a zone, where it is known.
    pub start: Option<DateTime>,
    /// Number of epochs.
    pub n_epochs: usize,
    /// Number of captions.
    pub n_captions: usize,
    /// Scored sleep in seconds, 30 for each epoch of a sleep stage; nothing where no stage was scored.
    pub sleep_s: Option<f64>,
    /// Number of scored events; nothing where events were not scored, which is not the same as none.
    pub n_events: Option<usize>,
    /// Channels that carried something in at least one epoch.
    #[serde(with = "channel_names")]
    pub mask: ChannelMask,
    /// Where the recording's points are.
    pub segment: SegmentRef,
    /// What else was said of it, such as cohort or age.
    pub metadata: BTreeMap<String, String>,
}

impl RecordingEntry {
    /// Returns whether stages were scored.
    pub fn has_stages(&self) -> bool {
        self.sleep_s.is_some()
    }

    /// Returns whether events were scored, be it that there were none.
    pub fn has_events(&self) -> bool {
        self.n_events.is_some()
    }
}

/// Names a segment file and says what must be in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRef {
    /// Hash of the content; the file is named after it.
    pub hash: SegmentHash,
    /// Length of the file in bytes.
    pub length: u64,
}

impl SegmentRef {
    /// Returns the name of the file in the collection's folder of segments.
    pub fn file_name(&self) -> String {
        format!("{}{}", self.hash, Self::SUFFIX)
    }

    /// Returns whether a file bears a segment's name.
    pub(crate) fn is_file_name(name: &str) -> bool {
        let hash = name.strip_suffix(Self::SUFFIX);
        hash.is_some_and(|hash| SegmentHash::try_from(hash.to_owned()).is_ok())
    }

    const SUFFIX: &str = ".seg";
}

/// XXH3-128 of a segment's content, written as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SegmentHash(pub u128);

impl fmt::Display for SegmentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl From<SegmentHash> for String {
    fn from(hash: SegmentHash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for SegmentHash {
    type Error = String;

    /// Reads what [`Display`](fmt::Display) writes and nothing else, so that no path can be smuggled in.
    fn try_from(text: String) -> Result<Self, String> {
        u128::from_str_radix(&text, 16)
            .map(Self)
            .ok()
            .filter(|hash| hash.to_string() == text)
            .ok_or_else(|| format!("{text:?} is no hash; expected 32 digits of 0-9 and a-f"))
    }
}

/// Writes a mask as the names of its channels.
mod channel_names {
    use nocturne_psg::montage::{Channel, ChannelMask};
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_read_back_and_nothing_else_is() {
        let hash = SegmentHash(0x2a);
        assert_eq!(SegmentHash::try_from(hash.to_string()), Ok(hash));
        for text in
            ["", "2a", "../../../../../etc/passwd0000000", "+000000000000000000000000000002a"]
        {
            assert!(SegmentHash::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
