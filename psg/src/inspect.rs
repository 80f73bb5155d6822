//! What is in a recording, for people and programs who want to see how it was read.

use std::path::Path;

use nocturne_edf::EdfReader;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::annotation::AnnotationFormat;
use crate::hash::hex;
use crate::montage::{MontageLine, UnknownLabel, UnusedSignal};
use crate::night::ChannelQuality;
use crate::{
    EPOCH_S, Error, EventInspection, Night, OpenOptions, Recording, Result, Warning, WarningCode,
    ZScore,
};

/// Recordings beyond this many hours are not judged epoch by epoch: that takes 9.2 MB of memory an hour.
const LONGEST_JUDGED_HOURS: f64 = 20.0;

/// How a recording was read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// The container format: `EDF`, `EDF+C`, `EDF+D`, `BDF`, `BDF+C` or `BDF+D`.
    pub format: &'static str,
    /// Wall-clock time of the first sample in ISO 8601, without a zone; `None` where the file tells no possible one.
    pub start: Option<String>,
    /// Whole data records in the file.
    pub n_records: u64,
    /// Duration of a data record in seconds.
    pub record_duration_s: f64,
    /// Start and duration, in seconds, of every stretch without a gap.
    pub segments_s: Vec<(f64, f64)>,
    /// Complete 30-second epochs; none crosses a gap.
    pub epochs_30s_complete: usize,
    /// The signals, without those that hold annotations.
    pub signals: Vec<SignalInspection>,
    /// Number of annotations in the file and in the files beside it.
    pub n_annotations: usize,
    /// Onset in seconds, duration in seconds if there is one, and text of every annotation.
    pub annotations: Vec<(f64, Option<f64>, String)>,
    /// The events that were understood, with where they come from.
    pub events: Vec<EventInspection>,
    /// The first file beside the recording whose annotations were read too.
    pub annotations_file: Option<String>,
    /// Every file beside the recording whose annotations were read too, with the dialect that was recognised.
    pub annotation_files: Vec<(String, AnnotationFormat)>,
    /// The profile by which the labels were read.
    pub profile: String,
    /// Why that profile was chosen.
    pub profile_reason: String,
    /// How each channel of the montage is fed.
    pub montage: Vec<MontageLine>,
    /// How many epochs of each channel are in trouble; empty where no epoch can be made.
    pub quality: Vec<ChannelQuality>,
    /// The signals that feed no channel.
    pub unused: Vec<UnusedSignal>,
    /// The labels that the profile does not know.
    pub unknown_labels: Vec<UnknownLabel>,
    /// What was odd.
    pub warnings: Vec<Warning>,
}

/// How a signal was read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SignalInspection {
    /// The label.
    pub label: String,
    /// The physical dimension as written.
    pub unit: String,
    /// Sampling rate in hertz.
    pub sample_rate_hz: f64,
    /// Samples in the file.
    pub n_samples: u64,
    /// Physical value of the digital minimum.
    pub physical_min: f64,
    /// Physical value of the digital maximum.
    pub physical_max: f64,
    /// Smallest digital value that the recorder announces.
    pub digital_min: i32,
    /// Greatest digital value that the recorder announces.
    pub digital_max: i32,
    /// The first eight digital samples, or as many as there are.
    pub digital_first8: Vec<i32>,
    /// The first eight physical samples; `None` where the range is empty.
    pub physical_first8: Option<Vec<f64>>,
    /// Sum of all digital samples.
    pub digital_sum: i64,
    /// SHA-256 of all digital samples as little-endian 32-bit integers.
    pub digital_sha256_le_i32: String,
}

impl Inspection {
    /// Reads a recording whole.
    ///
    /// # Errors
    ///
    /// Those of [`Recording::open`], and [`crate::Error::Io`].
    pub fn of(path: &Path) -> Result<Self> {
        Self::by(path, &OpenOptions::default())
    }

    /// Reads a recording whole, with the annotations and by the profile of one's choice.
    ///
    /// # Errors
    ///
    /// Those of [`Recording::open_by`], and [`crate::Error::Io`].
    pub fn by(path: &Path, options: &OpenOptions) -> Result<Self> {
        let recording = Recording::open_by(path, options)?;
        let file = recording.file();
        let header = file.header();
        let runs = file.runs().iter();
        let (quality, mut warnings) = judge(&recording)?;
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
            annotation_files: recording
                .annotation_files()
                .iter()
                .map(|(path, format)| (path.display().to_string(), *format))
                .collect(),
            profile: recording.montage().profile().name.clone(),
            profile_reason: recording.montage().reason().to_owned(),
            montage: recording.montage().report(header),
            quality,
            unused: recording.montage().unused(header),
            unknown_labels: recording.montage().unknown_labels(header),
            warnings,
        })
    }
}

/// Returns how the channels look, and what is odd about the night.
fn judge(recording: &Recording) -> Result<(Vec<ChannelQuality>, Vec<Warning>)> {
    let runs = recording.file().runs().iter();
    let hours = runs.map(|run| run.duration_s).sum::<f64>() / 3600.0;
    let not_judged = |reason: String| {
        let message = format!("the quality of the channels was not judged: {reason}");
        (Vec::new(), vec![Warning::new(WarningCode::NoEpochs, message)])
    };
    if hours > LONGEST_JUDGED_HOURS {
        let reason = format!("it lasts {hours:.1} h; judged are at most {LONGEST_JUDGED_HOURS} h");
        return Ok(not_judged(reason));
    }
    match Night::read(recording, ZScore::Recording) {
        Ok(night) => Ok((night.channel_quality(), night.warnings().to_vec())),
        // The montage and the number of complete epochs say as much.
        Err(Error::NoChannel { .. } | Error::NoEpoch { .. }) => Ok((Vec::new(), Vec::new())),
        Err(error @ (Error::Io { .. } | Error::Edf(_))) => Err(error),
        Err(error) => Ok(not_judged(error.to_string())),
    }
}

/// What is gathered of a signal as its samples pass by.
#[derive(Clone, Default)]
struct Digest8 {
    n: u64,
    first8: Vec<i32>,
    sum: i64,
    hash: Sha256,
}

fn inspect_signals(file: &EdfReader) -> Result<Vec<SignalInspection>> {
    let header = file.header();
    let signals: Vec<usize> =
        (0..header.signals.len()).filter(|i| !header.signals[*i].is_annotations).collect();
    let mut digests = vec![Digest8::default(); signals.len()];
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
