//! Reads polysomnography (PSG) recordings into what an encoder and a scorer need.
//!
//! The way through the crate is the way of the data:
//!
//! 1. [`edf`] opens an EDF, EDF+ or BDF file and streams its samples; [`annotation`] reads scorings.
//! 2. [`montage`] finds, for each of the ten input channels, the signal that feeds it.
//! 3. [`dsp`] resamples to 64 Hz and scales; [`Night`] cuts 30-second epochs that never cross a gap.
//! 4. [`features`] measures each epoch and [`caption`] says it in words.
//!
//! The crate starts no thread and opens no socket, and it trusts no number that a file's header claims.

pub mod annotation;
pub mod caption;
pub mod deidentify;
pub mod dsp;
mod epoch;
mod error;
mod event;
pub mod features;
pub mod hash;
mod hypnogram;
mod id;
mod inspect;
mod list;
mod metadata_table;
pub mod montage;
pub mod night;
mod origin;
mod recording;
mod regular_file;
mod stage;
mod subject;
mod survey;
mod table;
mod warning;
mod z_score;

/// The container formats, re-exported because [`Recording::file`] returns their reader.
pub use nocturne_edf as edf;

pub use annotation::AnnotationInspection;
pub use epoch::{Epoch, Quality};
pub use error::{Error, Result};
pub use event::{Event, EventKind, EventSet};
pub use hypnogram::Hypnogram;
pub use id::{EpochNumber, EpochRef, InvalidRecordingId, ParseEpochRefError, RecordingId};
pub use inspect::{Inspection, SignalInspection};
pub use list::{ListedRecording, RecordingList};
pub use metadata_table::{MatchedMetadata, MetadataTable};
pub use night::Night;
pub use origin::{EventInspection, EventOrigin};
pub use recording::{OpenOptions, Recording};
pub use stage::Stage;
pub use subject::subject_of;
pub use survey::{ChannelCount, LabelCount, Survey};
pub use table::RowProblem;
pub use warning::{Warning, WarningCode};
pub use z_score::ZScore;

/// Length of an epoch in seconds (AASM manual, scoring in 30-s epochs).
pub const EPOCH_S: f64 = 30.0;

/// Sampling rate of the encoder's input in hertz.
pub const RATE_HZ: f64 = 64.0;

/// Samples of one channel in one epoch: 30 s at 64 Hz.
pub const EPOCH_SAMPLES: usize = 1920;
