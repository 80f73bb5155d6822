//! What a collection stores about a recording, as plain values: the draft that is committed, the entry in the manifest,
//! the columns by epoch, and the embedding space that the vectors are in.

mod columns;
mod draft;
mod entry;
mod hash;
mod space;
mod space_name;

pub use columns::{EpochColumns, EpochRow};
pub use draft::{CaptionPoint, EpochPoint, RecordingDraft};
pub use entry::{RecordingEntry, SegmentRef};
pub use hash::ContentHash;
pub use space::EmbeddingSpace;
pub use space_name::{InvalidSpaceName, SpaceName};
