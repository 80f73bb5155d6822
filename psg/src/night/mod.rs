//! A night: every complete epoch of a recording, on the montage, at 64 Hz.

mod drift;
mod findings;
mod judge;
mod oximeter;
mod polarity;
mod quality;
mod range;
mod reader;
mod repeats;
mod scale;
mod source;
mod spread;
mod summary;
mod vitals;

use std::ops::Range;

use jiff::civil::DateTime;
use nocturne_edf::RecordRun;

use crate::montage::{Channel, ChannelMask, Position};
use crate::{EPOCH_SAMPLES, Epoch, Error, Recording, Result, Warning, ZScore};
use reader::Reader;
use scale::Scale;

pub use findings::Findings;
pub use summary::ChannelQuality;

/// Numbers in the encoder's input for one epoch: ten channels of 1920 samples.
pub const INPUT_LEN: usize = Channel::COUNT * EPOCH_SAMPLES;

/// Recordings beyond this many hours are refused: a night is held in memory at 9.2 MB an hour.
const LONGEST_HOURS: u32 = 48;

/// The epochs of a recording.
///
/// An epoch is 30 seconds without a gap. Each run of data records is cut from its own start, and what is left at
/// its end is no epoch; [`Epoch::number`] is the place on the recording's grid.
#[derive(Debug)]
pub struct Night {
    start: Option<DateTime>,
    epochs: Vec<Epoch>,
    findings: Vec<Findings>,
    /// For each channel, the samples of all epochs one after the other, or nothing where no signal feeds it.
    traces: Vec<Vec<f32>>,
    /// For each second of all epochs, or nothing where no oximeter was recorded.
    saturation: Vec<f32>,
    scales: Vec<Scale>,
    z_score: ZScore,
    warnings: Vec<Warning>,
}

impl Night {
    /// Reads all epochs of a recording.
    ///
    /// # Errors
    ///
    /// [`Error::NoChannel`] where no signal feeds the montage, [`Error::NoEpoch`] where no stretch lasts 30 s,
    /// [`Error::TooLong`] beyond 48 hours, [`Error::SamplingRate`] for a sampling rate that cannot be converted, and
    /// [`Error::Edf`] where the file cannot be read.
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
        let mut reader = Reader::new(recording);
        for run in runs {
            reader.read_run(run)?;
        }
        if reader.epochs.is_empty() {
            let longest_s = runs.iter().map(|run| run.duration_s).fold(0.0, f64::max);
            return Err(Error::NoEpoch { path: path.to_owned(), longest_s });
        }
        Ok(reader.finish(z_score))
    }

    /// Returns the wall-clock time of the first sample, without a zone, where the file tells a possible one.
    pub fn start(&self) -> Option<DateTime> {
        self.start
    }

    /// Returns the epochs in order of time.
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// Returns the wall-clock time at which an epoch begins, without a zone, where [`start`](Self::start) is known.
    pub fn local_time(&self, epoch_idx: usize) -> Option<DateTime> {
        let onset_ms = (self.epochs[epoch_idx].onset_s * 1e3).round() as i64;
        self.start?.checked_add(jiff::SignedDuration::from_millis(onset_ms)).ok()
    }

    /// Returns what an epoch's channels look like, beyond its [`Epoch::quality`].
    pub fn findings(&self, epoch_idx: usize) -> Findings {
        self.findings[epoch_idx]
    }

    /// Returns what was odd, beyond the recording's own warnings.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns the channels that carry something in at least one epoch.
    pub fn mask(&self) -> ChannelMask {
        self.epochs.iter().fold(ChannelMask::NONE, |mask, epoch| mask.union(epoch.mask))
    }

    /// Returns the 1920 samples of a channel in an epoch: physical values less a constant, microvolts where the file
    /// gives a voltage, position codes for [`Channel::Position`]; `None` where the epoch's mask lacks the channel.
    pub fn samples(&self, epoch_idx: usize, channel: Channel) -> Option<&[f32]> {
        let is_real = self.epochs[epoch_idx].mask.contains(channel);
        is_real.then(|| &self.traces[channel.index()][span(epoch_idx)])
    }

    /// Returns the standard deviation of a channel over the good epochs of the recording, in the unit of
    /// [`samples`](Self::samples); `None` where it carries nothing.
    pub fn deviation(&self, channel: Channel) -> Option<f64> {
        let scale = &self.scales[channel.index()];
        (!scale.is_empty()).then(|| scale.deviation())
    }

    /// Returns the oxygen saturation of each of the 30 seconds of an epoch in percent, NaN where the oximeter did not know
    /// it; `None` where no oximeter was recorded. It is no input of an encoder.
    pub fn saturation(&self, epoch_idx: usize) -> Option<&[f32]> {
        const N: usize = crate::EPOCH_S as usize;
        self.saturation.get(epoch_idx * N..(epoch_idx + 1) * N)
    }

    /// Returns the position in which the sleeper lies for most of an epoch, where it is known.
    pub fn position(&self, epoch_idx: usize) -> Option<Position> {
        let codes = self.samples(epoch_idx, Channel::Position)?;
        let count =
            |position: &Position| codes.iter().filter(|code| **code == position.code()).count();
        Position::ALL
            .into_iter()
            .max_by_key(count)
            .filter(|position| 2 * count(position) > codes.len())
    }

    /// Writes the encoder's input for an epoch, `[10, 1920]`: scaled channels, zeros where the mask lacks one.
    ///
    /// # Panics
    ///
    /// Panics where `input` does not hold [`INPUT_LEN`] numbers.
    pub fn write_input(&self, epoch_idx: usize, input: &mut [f32]) {
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
                    let scale = match self.z_score {
                        ZScore::Recording => self.scales[channel.index()],
                        ZScore::Epoch => Scale::of([samples]),
                    };
                    scale.apply(samples, row);
                }
            }
        }
    }
}

fn span(epoch_idx: usize) -> Range<usize> {
    epoch_idx * EPOCH_SAMPLES..(epoch_idx + 1) * EPOCH_SAMPLES
}

fn check_length(recording: &Recording, runs: &[RecordRun]) -> Result<()> {
    let hours = runs.iter().map(|run| run.duration_s).sum::<f64>() / 3600.0;
    if hours > f64::from(LONGEST_HOURS) {
        let path = recording.file().path().to_owned();
        return Err(Error::TooLong { path, hours, limit_hours: LONGEST_HOURS });
    }
    Ok(())
}
