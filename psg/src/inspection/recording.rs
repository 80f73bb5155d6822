//! Describes a recording and how it was read: signals, annotations, montage, quality, warnings.

use std::path::Path;

use nocturne_edf::EdfReader;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::annotation::AnnotationSummary;
use crate::error::{Error, Result};
use crate::hash::hex;
use crate::montage::{MontageLine, UnknownLabel, UnusedSignal};
use crate::night::{ChannelQuality, Night, ZScore};

use crate::recording::{OpenOptions, Recording};
use crate::sleep::{EPOCH_S, EventInspection};
use crate::warning::{Warning, WarningCode};

/// Quality is checked up to this many hours, because it takes 9.2 MB of memory an hour.
const MAX_CHECKED_HOURS: f64 = 20.0;

/// A description of a recording and of how it was read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// The container format: `EDF`, `EDF+C`, `EDF+D`, `BDF`, `BDF+C` or `BDF+D`.
    pub format: &'static str,
    /// Wall-clock time of the first sample in ISO 8601, without a zone; `None` if the file has no valid one.
    pub start: Option<String>,
    /// Number of complete data records in the file.
    pub n_records: u64,
    /// Duration of a data record in seconds.
    pub record_duration_s: f64,
    /// Start and duration in seconds of each segment without a gap.
    pub segments_s: Vec<(f64, f64)>,
    /// Number of complete 30-second epochs; none crosses a gap.
    pub epochs_30s_complete: usize,
    /// The signals, except annotation signals.
    pub signals: Vec<SignalInspection>,
    /// Number of annotations in the recording and in its annotation files.
    pub n_annotations: usize,
    /// Onset in seconds, duration in seconds if given, and text of each annotation.
    pub annotations: Vec<(f64, Option<f64>, String)>,
    /// The recognised events with their origin.
    pub events: Vec<EventInspection>,
    /// The first annotation file that was read, if any.
    pub annotations_file: Option<String>,
    /// What was read of each annotation file.
    pub annotation_files: Vec<AnnotationSummary>,
    /// Name of the profile.
    pub profile: String,
    /// Why the profile was chosen.
    pub profile_reason: String,
    /// Whether the profile defines what the codes of a position signal mean; if not, that signal is not used.
    pub has_position_codes: bool,
    /// The source of each channel of the montage.
    pub montage: Vec<MontageLine>,
    /// Number of epochs with each problem, by channel; empty if there are no epochs.
    pub quality: Vec<ChannelQuality>,
    /// The signals that feed no channel.
    pub unused: Vec<UnusedSignal>,
    /// The labels that are unknown in the profile.
    pub unknown_labels: Vec<UnknownLabel>,
    /// Warnings.
    pub warnings: Vec<Warning>,
}

/// A description of a signal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SignalInspection {
    /// The label.
    pub label: String,
    /// The physical dimension as written.
    pub unit: String,
    /// Sampling rate in hertz.
    pub sample_rate_hz: f64,
    /// Number of samples in the file.
    pub n_samples: u64,
    /// Physical value of the digital minimum.
    pub physical_min: f64,
    /// Physical value of the digital maximum.
    pub physical_max: f64,
    /// Digital minimum in the header.
    pub digital_min: i32,
    /// Digital maximum in the header.
    pub digital_max: i32,
    /// The first eight digital samples, fewer if the signal is shorter.
    pub digital_first8: Vec<i32>,
    /// The first eight physical samples; `None` if the range is empty.
    pub physical_first8: Option<Vec<f64>>,
    /// Sum of all digital samples.
    pub digital_sum: i64,
    /// SHA-256 of all digital samples as little-endian 32-bit integers.
    pub digital_sha256_le_i32: String,
}

impl Inspection {
    /// Reads and describes a recording with default options.
    ///
    /// # Errors
    ///
    /// Those of [`Recording::open`], and [`Error::Io`].
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, &OpenOptions::default())
    }

    /// Reads and describes a recording with the given annotations and profile.
    ///
    /// # Errors
    ///
    /// Those of [`Recording::open_with`], and [`Error::Io`].
    pub fn open_with(path: &Path, options: &OpenOptions) -> Result<Self> {
        let recording = Recording::open_with(path, options)?;
        let file = recording.file();
        let header = file.header();
        let runs = file.runs().iter();
        let (quality, mut warnings) = check_quality(&recording)?;
        warnings.splice(..0, recording.warnings().iter().cloned());
        let annotations = recording.annotations().iter();
        Ok(Self {
            format: header.format.name(),
            start: file.start().map(|start| start.to_string()),
            n_records: header.n_records,
            record_duration_s: header.record_duration_s,
            segments_s: runs.clone().map(|run| (run.start_s, run.duration_s)).collect(),
            epochs_30s_complete: runs.map(|run| (run.duration_s / EPOCH_S + 1e-6) as usize).sum(),
            signals: inspect_signals(file)?,
            n_annotations: recording.annotations().len(),
            annotations: annotations.map(|a| (a.onset_s, a.duration_s, a.text.clone())).collect(),
            events: recording.scoring().events.iter().map(EventInspection::from).collect(),
            annotations_file: recording.annotations_path().map(|path| path.display().to_string()),
            annotation_files: recording.annotation_files().to_vec(),
            profile: recording.montage().profile().name.clone(),
            profile_reason: recording.montage().reason().to_owned(),
            has_position_codes: recording.montage().profile().has_position_codes(),
            montage: recording.montage().report(header),
            quality,
            unused: recording.montage().unused(header),
            unknown_labels: recording.montage().unknown_labels(header),
            warnings,
        })
    }
}

/// Returns the quality of each channel and the warnings of the night.
fn check_quality(recording: &Recording) -> Result<(Vec<ChannelQuality>, Vec<Warning>)> {
    let runs = recording.file().runs().iter();
    let hours = runs.map(|run| run.duration_s).sum::<f64>() / 3600.0;
    let not_checked = |reason: String| {
        let message = format!("signal quality was not checked: {reason}");
        (Vec::new(), vec![Warning::new(WarningCode::NoEpochs, message)])
    };
    if hours > MAX_CHECKED_HOURS {
        let reason =
            format!("the recording lasts {hours:.1} h; the limit is {MAX_CHECKED_HOURS} h");
        return Ok(not_checked(reason));
    }
    match Night::read(recording, ZScore::Recording) {
        Ok(night) => Ok((night.channel_quality(), night.warnings().to_vec())),
        // The montage and the number of complete epochs already show this.
        Err(Error::NoChannel { .. } | Error::NoEpoch { .. }) => Ok((Vec::new(), Vec::new())),
        Err(error @ (Error::Io { .. } | Error::Edf(_))) => Err(error),
        Err(error) => Ok(not_checked(error.to_string())),
    }
}

/// Count, sum, hash and first samples of a signal, updated as its samples are read.
#[derive(Clone, Default)]
struct SignalDigest {
    n: u64,
    first8: Vec<i32>,
    sum: i64,
    hash: Sha256,
}

fn inspect_signals(file: &EdfReader) -> Result<Vec<SignalInspection>> {
    let header = file.header();
    let signals: Vec<usize> =
        (0..header.signals.len()).filter(|i| !header.signals[*i].is_annotations).collect();
    let mut digests = vec![SignalDigest::default(); signals.len()];
    let mut bytes = Vec::new();
    file.read_digital(&signals, 0..header.n_records, |position, samples| {
        let digest = &mut digests[position];
        digest.n += samples.len() as u64;
        digest.first8.extend(samples.iter().take(8 - digest.first8.len()));
        digest.sum += samples.iter().map(|sample| i64::from(*sample)).sum::<i64>();
        bytes.clear();
        bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        digest.hash.update(&bytes);
    })?;
    let inspections = signals.into_iter().zip(digests).map(|(signal, digest)| {
        let signal = &header.signals[signal];
        let physical = |(gain, offset): (f64, f64)| {
            digest.first8.iter().map(|d| gain * f64::from(*d) + offset).collect()
        };
        SignalInspection {
            label: signal.label.clone(),
            unit: signal.unit.clone(),
            sample_rate_hz: header.rate_hz(signal),
            n_samples: digest.n,
            physical_min: signal.physical_min,
            physical_max: signal.physical_max,
            digital_min: signal.digital_min,
            digital_max: signal.digital_max,
            physical_first8: signal.scaling().map(physical),
            digital_first8: digest.first8,
            digital_sum: digest.sum,
            digital_sha256_le_i32: hex(digest.hash.finalize()),
        }
    });
    Ok(inspections.collect())
}
