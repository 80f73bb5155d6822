//! Reads polysomnography (PSG) recordings into 30-second epochs, events, a hypnogram, measures and captions.
//!
//! The modules, from the ground up; each uses only those above it:
//!
//! | module | content |
//! |---|---|
//! | [`sleep`] | the vocabulary: channels, positions, stages, events, hypnograms, epochs, ids |
//! | [`statistics`] | the statistics of a night: sleep times, latencies, shares, event indices |
//! | [`annotation`] | reads and writes the scorings of many programs; knows what the names of events mean |
//! | [`deidentify`] | removes what identifies a person from a recording |
//! | [`dsp`] | resampling and power spectra |
//! | [`montage`] | finds the signal that feeds each of the ten channels, by profiles of cohorts and recorders |
//! | [`recording`] | opens a recording with its annotations and its montage |
//! | [`night`] | cuts the recording into epochs at 64 Hz and checks the quality of the signals |
//! | [`features`] | measures an epoch |
//! | [`signal_rules`] | measures a night by rules on its signals: saturation, heart rate, position, leg movements |
//! | [`caption`] | describes an epoch in words, and parses such descriptions |
//! | [`tables`] | lists of recordings, metadata and subjects |
//! | [`inspection`] | descriptions of recordings and archives |
//!
//! [`edf`] is the container: EDF, EDF+ and BDF.
//!
//! ```no_run
//! use nocturne_psg::{Night, Recording, ZScore};
//!
//! let recording = Recording::open("shhs1-200001.edf".as_ref())?;
//! let night = Night::read(&recording, ZScore::Recording)?;
//! for epoch in night.epochs() {
//!     println!("{} {:?} {} events", epoch.number, epoch.stage, epoch.events.len());
//! }
//! # Ok::<(), nocturne_psg::Error>(())
//! ```
//!
//! The crate starts no thread and opens no socket. It does not trust counts in a header beyond the length of the file,
//! and it does not keep fields that identify a patient.

pub mod annotation;
pub mod caption;
mod compared_name;
pub mod deidentify;
pub mod dsp;
mod error;
pub mod features;
pub mod hash;
mod hypnogram_signal;
pub mod inspection;
pub mod montage;
pub mod night;
mod night_statistics;
pub mod recording;
mod regular_file;
pub mod signal_rules;
pub mod sleep;
pub mod statistics;
pub mod tables;
mod warning;

/// The container formats, re-exported because [`Recording::file`] returns their reader, and because packages above write
/// files with [`edf::durable`].
pub use nocturne_edf as edf;

pub use annotation::AnnotationInspection;
pub use error::{AnnotationLocation, Error, Result};
pub use inspection::{
    ChannelCount, Inspection, LabelCount, SignalInspection, Survey, SurveyedAnnotations,
};
pub use night::{Night, ZScore};
pub use night_statistics::{NightStatistic, NightStatistics, StatisticSource, Stratum};
pub use recording::{OpenOptions, Recording};
pub use signal_rules::SignalMeasures;
pub use sleep::{
    EPOCH_S, EPOCH_SAMPLES, Epoch, EpochNumber, EpochRef, Event, EventFamily, EventInspection,
    EventKind, EventOrigin, EventSet, Hypnogram, InvalidRecordingId, ParseEpochRefError, Quality,
    RATE_HZ, RecordingId, RecordingOrigin, Stage,
};
pub use tables::{
    ListedRecording, MatchedMetadata, MetadataTable, RecordingList, RowProblem, subject_of,
};
pub use warning::{Warning, WarningCode};
