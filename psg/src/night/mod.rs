//! A night: all complete epochs of a recording in the montage at 64 Hz, with checks of signal quality.

mod channel_detector;
mod channel_quality;
mod clock_drift;
mod disconnection;
mod epoch_reader;
mod flat_and_clipped;
mod leg_envelope;
mod out_of_range;
mod oximeter;
mod polarity;
mod repeated_records;
mod scaling;
mod signal_findings;
mod signal_resampler;
mod unit_check;
mod z_score;

use std::ops::Range;

use jiff::civil::DateTime;
use nocturne_edf::RecordRun;

use crate::error::{Error, Result};
use crate::sleep::{Channel, ChannelMask, EPOCH_SAMPLES, Epoch, Position, RecordingOrigin};

use crate::recording::Recording;
use crate::warning::Warning;
use epoch_reader::EpochReader;
use scaling::ChannelScale;

pub use channel_quality::ChannelQuality;
pub use leg_envelope::{ENVELOPE_HZ, ENVELOPE_LEN};
pub use signal_findings::SignalFindings;
pub use z_score::ZScore;

/// Length of the encoder's input for one epoch: ten channels of 1920 samples.
pub const INPUT_LEN: usize = Channel::COUNT * EPOCH_SAMPLES;

/// Maximum length of a recording in hours, because a night takes 9.2 MB of memory an hour.
const MAX_HOURS: u32 = 48;

/// The epochs of a recording.
///
/// An epoch is 30 seconds without a gap. Epochs are cut from the start of each run of contiguous data records; an
/// incomplete epoch at the end of a run is dropped. [`Epoch::number`] counts 30-second steps from the start of the
/// recording.
#[derive(Debug)]
pub struct Night {
    origin: RecordingOrigin,
    start: Option<DateTime>,
    epochs: Vec<Epoch>,
    findings: Vec<SignalFindings>,
    /// For each channel, the samples of all epochs; empty if the channel has no signal.
    traces: Vec<Vec<f32>>,
    /// The saturation of each second of all epochs; empty without an oximeter.
    saturation: Vec<f32>,
    /// For each leg EMG that can be measured, the envelope of all epochs.
    legs: Vec<Vec<f32>>,
    scales: Vec<ChannelScale>,
    z_score: ZScore,
    warnings: Vec<Warning>,
}

impl Night {
    /// Reads all epochs of a recording.
    ///
    /// # Errors
    ///
    /// [`Error::NoChannel`] if no signal feeds the montage, [`Error::NoEpoch`] if no run lasts 30 s,
    /// [`Error::TooLong`] beyond 48 hours, [`Error::SamplingRate`] for a sampling rate that cannot be converted, and
    /// [`Error::Edf`] if the file cannot be read.
    pub fn read(recording: &Recording, z_score: ZScore) -> Result<Self> {
        let path = recording.file().path();
        if recording.montage().channels().is_empty() {
            return Err(Error::NoChannel {
                path: path.to_owned(),
                labels: recording.quoted_labels(),
            });
        }
        let runs = recording.file().runs();
        check_length(recording, runs)?;
        let mut reader = EpochReader::new(recording);
        for run in runs {
            reader.read_run(run)?;
        }
        if reader.epochs.is_empty() {
            let longest_s = runs.iter().map(|run| run.duration_s).fold(0.0, f64::max);
            return Err(Error::NoEpoch { path: path.to_owned(), longest_s });
        }
        Ok(reader.finish(z_score))
    }

    /// Returns whether the recording is of a person or simulated.
    pub fn origin(&self) -> RecordingOrigin {
        self.origin
    }

    /// Returns the wall-clock time of the first sample, without a zone, or `None` if the file has no valid one.
    pub fn start(&self) -> Option<DateTime> {
        self.start
    }

    /// Returns the epochs by onset.
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// Returns the wall-clock time of the onset of an epoch, without a zone, if [`start`](Self::start) is known.
    pub fn local_time(&self, epoch_idx: usize) -> Option<DateTime> {
        let onset_ms = (self.epochs[epoch_idx].onset_s * 1e3).round() as i64;
        self.start?.checked_add(jiff::SignedDuration::from_millis(onset_ms)).ok()
    }

    /// Returns the findings of an epoch besides its [`Epoch::quality`].
    pub fn findings(&self, epoch_idx: usize) -> SignalFindings {
        self.findings[epoch_idx]
    }

    /// Returns the warnings of the night, in addition to those of the recording.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns the channels that carry a usable signal in at least one epoch.
    pub fn mask(&self) -> ChannelMask {
        self.epochs.iter().fold(ChannelMask::NONE, |mask, epoch| mask.union(epoch.mask))
    }

    /// Returns the 1920 samples of a channel in an epoch, or `None` if the channel is not in the epoch's mask.
    ///
    /// Samples are physical values minus a constant: microvolts for voltages, otherwise in the unit of the file. Those
    /// of [`Channel::Position`] are position codes.
    pub fn samples(&self, epoch_idx: usize, channel: Channel) -> Option<&[f32]> {
        let is_usable = self.epochs[epoch_idx].mask.contains(channel);
        is_usable.then(|| &self.traces[channel.index()][span(epoch_idx)])
    }

    /// Returns the standard deviation of a channel over the good epochs of the recording, in the unit of
    /// [`samples`](Self::samples), or `None` if the channel has no usable signal.
    pub fn deviation(&self, channel: Channel) -> Option<f64> {
        let scale = &self.scales[channel.index()];
        (!scale.is_empty()).then(|| scale.deviation())
    }

    /// Returns the oxygen saturation of each of the 30 seconds of an epoch in percent, NaN for seconds without a valid
    /// value, or `None` without an oximeter.
    ///
    /// It is not part of the encoder's input.
    pub fn saturation(&self, epoch_idx: usize) -> Option<&[f32]> {
        const N: usize = crate::sleep::EPOCH_S as usize;
        self.saturation.get(epoch_idx * N..(epoch_idx + 1) * N)
    }

    /// Returns the envelope of each leg EMG: the mean of the rectified signal above 10 Hz in bins of 1/20 s, in microvolts,
    /// [`ENVELOPE_LEN`] for each epoch, NaN for bins without a sample.
    ///
    /// Empty if there is no leg EMG, or if none is a voltage sampled at 100 Hz or more. It is not part of the encoder's
    /// input.
    pub fn leg_envelopes(&self) -> &[Vec<f32>] {
        &self.legs
    }

    /// Returns the position held for more than half of an epoch, or `None` if there is none or it is unknown.
    pub fn position(&self, epoch_idx: usize) -> Option<Position> {
        let codes = self.samples(epoch_idx, Channel::Position)?;
        let count =
            |position: &Position| codes.iter().filter(|code| **code == position.code()).count();
        Position::ALL
            .into_iter()
            .max_by_key(count)
            .filter(|position| 2 * count(position) > codes.len())
    }

    /// Writes the encoder's input of an epoch, `[10, 1920]`: scaled channels, zeros for channels not in the mask.
    ///
    /// # Panics
    ///
    /// Panics if the length of `input` is not [`INPUT_LEN`].
    pub fn write_input(&self, epoch_idx: usize, input: &mut [f32]) {
        self.write_scaled_input(epoch_idx, self.z_score, input);
    }

    /// Returns the span over which channels are scaled for the encoder.
    pub fn z_score(&self) -> ZScore {
        self.z_score
    }

    /// Writes the input of an epoch as [`write_input`](Self::write_input) does, scaled over another span.
    ///
    /// # Panics
    ///
    /// Panics if the length of `input` is not [`INPUT_LEN`].
    pub fn write_scaled_input(&self, epoch_idx: usize, z_score: ZScore, input: &mut [f32]) {
        assert_eq!(
            input.len(),
            INPUT_LEN,
            "the input of an epoch has ten channels of 1920 samples"
        );
        for (channel, row) in Channel::ALL.into_iter().zip(input.chunks_exact_mut(EPOCH_SAMPLES)) {
            match self.samples(epoch_idx, channel) {
                None => row.fill(0.0),
                Some(codes) if channel == Channel::Position => row.copy_from_slice(codes),
                Some(samples) => {
                    let scale = match z_score {
                        ZScore::Recording => self.scales[channel.index()],
                        ZScore::Epoch => ChannelScale::of([samples]),
                    };
                    scale.apply(samples, row);
                }
            }
        }
    }
}

/// Scales each channel of an input, `[10, 1920]`, within its epoch; the position stays.
pub fn scale_within_epoch(input: &mut [f32]) {
    for (channel, row) in Channel::ALL.into_iter().zip(input.chunks_exact_mut(EPOCH_SAMPLES)) {
        if channel != Channel::Position {
            let samples = row.to_vec();
            ChannelScale::of([&samples[..]]).apply(&samples, row);
        }
    }
}

fn span(epoch_idx: usize) -> Range<usize> {
    epoch_idx * EPOCH_SAMPLES..(epoch_idx + 1) * EPOCH_SAMPLES
}

fn check_length(recording: &Recording, runs: &[RecordRun]) -> Result<()> {
    let hours = runs.iter().map(|run| run.duration_s).sum::<f64>() / 3600.0;
    if hours > f64::from(MAX_HOURS) {
        let path = recording.file().path().to_owned();
        return Err(Error::TooLong { path, hours, limit_hours: MAX_HOURS });
    }
    Ok(())
}
