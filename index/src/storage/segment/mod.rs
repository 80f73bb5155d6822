//! The sealed file of one recording.
//!
//! # Why not redb, LMDB or `SQLite`?
//!
//! A scan multiplies the codes of a million epochs at the speed of memory, in place in the mapped file, where every row
//! starts at a multiple of 64 bytes (`BENCHMARKS.md`, "Scanning"). A key-value store keeps values in the pages of a tree,
//! from which they would be copied first, and LMDB has no checksums of its pages. A recording is never changed in place,
//! so that nothing of what a database does for small updates is needed: a new file and a new manifest replace it in one
//! step.
//!
//! # Format 1
//!
//! A sealed file (see [`envelope`](super::envelope)) named `segments/<hash>.seg`. The same recording, indexed again, gives
//! the same file. The header is `"NOCTSEGM"`, then u32 each: format, dimension, epochs, captions; then 40 zeros.
//!
//! The sections, of `n` epochs in ascending order and `m` captions in the order of their epochs:
//!
//! | name | content |
//! |---|---|
//! | `numbers` | `n` u32, ascending |
//! | `onsets` | `n` f64, seconds from the start of the recording |
//! | `stages` | `n` u8, position in `Stage::ALL`, 255 for none |
//! | `events` | `n` u32, bits of the `EventSet` |
//! | `masks` | `n` u16, bits of the `ChannelMask` |
//! | `quality` | `n` times three u16, bits of the masks of missing, flat and clipped channels |
//! | `vectors` | `n · dim` f16, by rows |
//! | `cap_rows` | `m` u32, row of the epoch, not descending |
//! | `cap_kinds` | `m` u8, position in `CaptionKind::ALL` |
//! | `cap_ends` | `m` u32, where each text ends in `cap_text` |
//! | `cap_text` | the texts in UTF-8, concatenated |
//! | `cap_vectors` | `m · dim` f16, by rows |
//! | `signals` | what was measured on the signals, see below; empty if nothing was |
//! | `details` | JSON: what fits no column, see [`Details`] |
//! | `codes` | `n · dim` i8 from -127 to 127, by rows: the vectors quantised to 8 bits, for a scan |
//! | `scales` | `n` f32, the factor of a row's codes |
//! | `errors` | `n` f32, upper bound of the length of a row's vector minus its codes times its scale |
//!
//! The section `signals` holds `SignalMeasures`:
//!
//! ```text
//! state       u8 each for saturation, heart rate, position, chin tone and legs: 0 for measured, else 1 plus the position
//!             of the reason in `NoSignal::ALL`; then those that were measured, in this order:
//! saturation  n u8 mean, n u8 lowest, n u8 valid seconds, n u8 seconds below 90 %; u32 number of desaturations;
//!             for each: f64 onset in seconds, f32 duration in seconds, f32 depth in percent
//! heart rate  n u8
//! position    n u8, position in `Position::ALL`, 255 for unknown
//! chin tone   n u8
//! legs        n u8 valid seconds; u8 number of legs; u8 1 if movements at respiratory events were left out, else 0;
//!             u32 number of movements; for each: f64 onset in seconds, f32 duration in seconds, u8 1 if periodic, else 0
//! ```
//!
//! Bytes of epochs are codes of their `ByteScale`, 255 for no value: saturations 40 + ¼ code %, heart rates 20 + code beats
//! per minute, chin tones 2 code %, seconds as they are.
//!
//! Opening a segment reads nothing. Columns are read when an epoch is asked for, codes when they are scanned, and a vector
//! when it is scored.

mod captions;
mod codes;
mod missing;
mod open;
mod reader;
mod recording;
mod set;
pub(crate) mod signals;
mod validate;
mod vectors;
mod writer;

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::civil::DateTime;
use nocturne_psg::{Event, EventSet, RecordingId, RecordingOrigin};
use serde::{Deserialize, Serialize};

pub use captions::Captions;
pub use missing::MissingRecording;
pub(crate) use open::OpenSegment;
pub(crate) use reader::SegmentFile;
pub use recording::{EpochView, Recording};
pub use set::SegmentSet;
pub use vectors::StoredVectors;
pub(crate) use writer::seal;

/// Version of the format that this build reads and writes.
const FORMAT: u32 = 1;

const NUMBERS: &str = "numbers";
const ONSETS: &str = "onsets";
const STAGES: &str = "stages";
const EVENTS: &str = "events";
const MASKS: &str = "masks";
const QUALITY: &str = "quality";
const VECTORS: &str = "vectors";
const CAPTION_ROWS: &str = "cap_rows";
const CAPTION_KINDS: &str = "cap_kinds";
const CAPTION_ENDS: &str = "cap_ends";
const CAPTION_TEXT: &str = "cap_text";
const CAPTION_VECTORS: &str = "cap_vectors";
const SIGNALS: &str = "signals";
const DETAILS: &str = "details";
const CODES: &str = "codes";
const SCALES: &str = "scales";
const ERRORS: &str = "errors";

/// The stage code of an epoch that was not scored.
const NO_STAGE: u8 = 255;

/// What fits no column; with it, a manifest could be rebuilt from the segments alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Details<'a> {
    pub(crate) id: Cow<'a, RecordingId>,
    /// Fingerprint of the bundle that computed the vectors.
    pub(crate) fingerprint: Cow<'a, str>,
    pub(crate) source: Cow<'a, str>,
    pub(crate) source_sha256: Cow<'a, str>,
    pub(crate) annotations_sha256: Option<Cow<'a, str>>,
    pub(crate) origin: RecordingOrigin,
    pub(crate) declared_events: EventSet,
    pub(crate) start: Option<DateTime>,
    /// Metadata at the time of the commit; the manifest has the current metadata.
    pub(crate) metadata: Cow<'a, BTreeMap<String, String>>,
    pub(crate) montage: Cow<'a, serde_json::Value>,
    pub(crate) events: Option<Cow<'a, [Event]>>,
}

#[cfg(test)]
mod tests;
