//! The vocabulary of sleep recordings: channels, positions, stages, events, hypnograms, epochs and ids.
//!
//! Everything else in the crate builds on these types; they know nothing of files.

mod channel;
mod epoch;
mod event;
mod event_family;
mod event_origin;
mod hypnogram;
mod ids;
mod position;
mod recording_origin;
mod stage;

pub use channel::{Channel, ChannelMask};
pub use epoch::{Epoch, Quality};
pub use event::{Event, EventKind, EventSet};
pub use event_family::EventFamily;
pub use event_origin::{EventInspection, EventOrigin};
pub use hypnogram::Hypnogram;
pub use ids::{EpochNumber, EpochRef, InvalidRecordingId, ParseEpochRefError, RecordingId};
pub use position::Position;
pub use recording_origin::RecordingOrigin;
pub use stage::{ParseStageError, Stage};

/// Length of an epoch in seconds (AASM manual, scoring in 30-s epochs).
pub const EPOCH_S: f64 = 30.0;

/// Sampling rate of the encoder's input in hertz.
pub const RATE_HZ: f64 = 64.0;

/// Samples of one channel in one epoch: 30 s at 64 Hz.
pub const EPOCH_SAMPLES: usize = 1920;
