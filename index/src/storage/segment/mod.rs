//! The sealed file of one recording.
//!
//! # Formats 1 and 2
//!
//! All numbers are little-endian. The **envelope** is the same in every version, so that damage is told from novelty:
//!
//! ```text
//! body        "NOCTSEGM", u32 format, u32 dim, u32 epochs, u32 captions, 40 zeros;
//!             then the sections, each at a multiple of 64, the space between filled with zeros
//! directory   u32 number of sections; for each: 16 bytes of name, u64 offset, u64 length;
//!             then for each 64 KiB of the body: u64 XXH3
//! footer      u64 offset of the directory, u64 length of the directory, u64 length of the file,
//!             16 bytes of XXH3-128 over the directory and those three numbers, "NOCTSEAL"
//! ```
//!
//! Every byte is covered: the body by its blocks, the directory and the footer by the last hash.
//! That hash therefore stands for the whole content. It is the name of the file, and the manifest repeats it,
//! so that the same recording, indexed again, gives the same file.
//!
//! The **sections**, of `n` epochs in ascending order and `m` captions in the order of their epochs:
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
//! | `cap_text` | the texts in UTF-8, one after the other |
//! | `cap_vectors` | `m · dim` f16, by rows |
//! | `details` | JSON: what fits no column, see [`Details`] |
//! | `codes` | since format 2: `n · dim` i8 from -127 to 127, by rows: the vectors for a scan |
//! | `scales` | since format 2: `n` f32, what a row's codes are to be multiplied with |
//! | `errors` | since format 2: `n` f32, most that a row's vector differs from its codes times its scale, as a length |
//!
//! Opening a segment reads nothing of it; columns are read when an epoch is asked about, codes when they are scanned, and
//! a vector when its score is wanted. Each block is checked before the first byte of it is used.
//!
//! A segment of format 1 is read as well; its codes are made anew from its vectors.

mod columns;
mod reader;
mod writer;

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::civil::DateTime;
use nocturne_psg::{Event, RecordingId};
use serde::{Deserialize, Serialize};

pub(crate) use reader::{Content, Segment};
pub(crate) use writer::seal;

/// Newest version of the format that this build reads, and the one that it writes.
const FORMAT: u32 = 2;

/// First version that has codes.
const FORMAT_WITH_CODES: u32 = 2;

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
const DETAILS: &str = "details";
const CODES: &str = "codes";
const SCALES: &str = "scales";
const ERRORS: &str = "errors";

/// The stage of an epoch that was not scored.
const NO_STAGE: u8 = 255;

/// What fits no column; with it, a manifest could be made anew from the segments alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Details<'a> {
    pub(crate) id: Cow<'a, RecordingId>,
    /// Fingerprint of the bundle that made the vectors.
    pub(crate) fingerprint: Cow<'a, str>,
    pub(crate) source: Cow<'a, str>,
    pub(crate) source_sha256: Cow<'a, str>,
    pub(crate) annotations_sha256: Option<Cow<'a, str>>,
    pub(crate) start: Option<DateTime>,
    /// As it was when the recording was committed; the manifest says what it is now.
    pub(crate) metadata: Cow<'a, BTreeMap<String, String>>,
    pub(crate) montage: Cow<'a, serde_json::Value>,
    pub(crate) events: Option<Cow<'a, [Event]>>,
}

#[cfg(test)]
mod tests;
