//! What a collection stores of a recording: the draft that is committed, the entry in the manifest, the columns by epoch,
//! the captions and the vectors.

mod captions;
mod draft;
mod entry;
mod space;
mod space_name;
mod stored;
mod vectors;

pub use captions::{CaptionHit, Captions};
pub use draft::{CaptionPoint, EpochPoint, RecordingDraft};
pub use entry::{RecordingEntry, SegmentHash, SegmentRef};
pub use space::Space;
pub use space_name::SpaceName;
pub(crate) use stored::EpochColumns;
pub use stored::{EpochRow, EpochView, Recording};
pub use vectors::Vectors;
pub(crate) use vectors::{cosine, extend_with_half, rounded_to_half};
