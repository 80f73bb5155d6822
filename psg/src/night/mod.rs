//! A night: every complete epoch of a recording, on the montage, at 64 Hz.

mod quality;
mod scale;
mod source;
mod spread;

use std::ops::Range;

use jiff::civil::DateTime;

use crate::edf::Segment;
use crate::montage::{Channel, ChannelMask, Polarity, Position, ResolvedChannel};
use crate::{
    EPOCH_S, EPOCH_SAMPLES, Epoch, EpochNumber, Error, Quality, RATE_HZ, Recording, Result,
    Warning, WarningCode, ZScore,
};
use quality::Trouble;
use scale::Scale;
use source::{Resampled, Source};

/// Numbers in the encoder's input for one epoch: ten channels of 1920 samples.
pub const INPUT_LEN: usize = Channel::COUNT * EPOCH_SAMPLES;

/// Recordings beyond this many hours are refused: a night is held in memory at 9.2 MB an hour.
const LONGEST_HOURS: u32 = 48;

/// The epochs of a recording.
///
/// An epoch is 30 seconds without a gap. Each segment of the recording is cut from its own start, and what is left at
/// its end is no epoch; [`Epoch::number`] is the place on the recording's grid.
#[derive(Debug)]
pub struct Night {
    start: Option<DateTime>,
    epochs: Vec<Epoch>,
    /// For each channel, the samples of all epochs one after the other, or nothing where no signal feeds it.
    traces: Vec<Vec<f32>>,
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
    /// [`Error::TooLong`] beyond 48 hours, [`Error::Header`] for a sampling rate that cannot be, and [`Error::Io`].
    pub fn read(recording: &Recording, z_score: ZScore) -> Result<Self> {
        let path = recording.file().path();
        if recording.montage().channels().is_empty() {
            return Err(Error::NoChannel {
                path: path.to_owned(),
                labels: recording.quoted_labels(),
            });
        }
        let segments = recording.file().segments();
        check_length(recording, segments)?;
        let mut reader = Reader::new(recording);
        for segment in segments {
            reader.read_segment(segment)?;
        }
        if reader.epochs.is_empty() {
            let longest_s = segments.iter().map(|segment| segment.duration_s).fold(0.0, f64::max);
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

fn check_length(recording: &Recording, segments: &[Segment]) -> Result<()> {
    let hours = segments.iter().map(|segment| segment.duration_s).sum::<f64>() / 3600.0;
    if hours > f64::from(LONGEST_HOURS) {
        let path = recording.file().path().to_owned();
        return Err(Error::TooLong { path, hours, limit_hours: LONGEST_HOURS });
    }
    Ok(())
}

/// Reads segment after segment.
struct Reader<'a> {
    recording: &'a Recording,
    epochs: Vec<Epoch>,
    traces: Vec<Vec<f32>>,
}

impl<'a> Reader<'a> {
    fn new(recording: &'a Recording) -> Self {
        Self { recording, epochs: Vec::new(), traces: vec![Vec::new(); Channel::COUNT] }
    }

    fn read_segment(&mut self, segment: &Segment) -> Result<()> {
        let n_epochs = whole_epochs(segment.duration_s);
        if n_epochs == 0 {
            return Ok(());
        }
        let first_epoch = self.epochs.len();
        let missing = ChannelMask::ALL.without(self.recording.montage().mask());
        for k in 0..n_epochs {
            let epoch = self.epoch(segment.start_s + k as f64 * EPOCH_S, missing);
            self.epochs.push(epoch);
        }
        let resampled = self.resample(segment)?;
        for resolved in self.recording.montage().channels() {
            if resolved.channel == Channel::Position {
                self.read_position(resolved, segment, first_epoch)?;
            } else {
                self.append_channel(resolved, &resampled, first_epoch);
            }
        }
        Ok(())
    }

    fn epoch(&self, onset_s: f64, missing: ChannelMask) -> Epoch {
        let scoring = self.recording.scoring();
        let events =
            scoring.events.iter().filter(|event| event.belongs_to(onset_s, onset_s + EPOCH_S));
        Epoch {
            number: EpochNumber((onset_s / EPOCH_S + 1e-6) as u32),
            onset_s,
            mask: ChannelMask::ALL.without(missing),
            quality: Quality { missing, ..Quality::default() },
            stage: scoring.hypnogram.stage_of_epoch(onset_s),
            events: events.cloned().collect(),
        }
    }

    /// Brings every signal that a channel needs to 64 Hz; the result is in the order of the header, `None` for others.
    fn resample(&self, segment: &Segment) -> Result<Vec<Option<Resampled>>> {
        let file = self.recording.file();
        let header = file.header();
        let channels = self.recording.montage().channels();
        let needed = channels.iter().filter(|resolved| resolved.channel != Channel::Position);
        let mut signals: Vec<usize> =
            needed.flat_map(|resolved| [Some(resolved.plus), resolved.minus]).flatten().collect();
        signals.sort_unstable();
        signals.dedup();
        let montage = self.recording.montage();
        let new_source = |signal: &usize| {
            let unit = montage.unit(header, *signal);
            Source::new(file.path(), header, &header.signals[*signal], unit)
        };
        let mut sources: Vec<Source> = signals.iter().map(new_source).collect::<Result<_>>()?;
        let records = segment.first_record..segment.first_record + segment.n_records;
        file.read_digital(&signals, records, |position, samples| {
            sources[position].push(samples);
            Ok(())
        })?;
        let mut resampled: Vec<Option<Resampled>> = header.signals.iter().map(|_| None).collect();
        for (signal, source) in signals.into_iter().zip(sources) {
            resampled[signal] = Some(source.finish());
        }
        Ok(resampled)
    }

    /// Appends a channel's epochs of a segment, and notes what is wrong with them.
    fn append_channel(
        &mut self,
        resolved: &ResolvedChannel,
        resampled: &[Option<Resampled>],
        first_epoch: usize,
    ) {
        let of = |signal: usize| {
            resampled[signal].as_ref().expect("every signal of the montage was resampled")
        };
        let plus = of(resolved.plus);
        let minus = resolved.minus.map(of);
        let n = (self.epochs.len() - first_epoch) * EPOCH_SAMPLES;
        let trace = &mut self.traces[resolved.channel.index()];
        let start = trace.len();
        // A rate a hair below the nominal one may leave the last epoch a sample short.
        trace.extend_from_slice(&plus.samples[..n.min(plus.samples.len())]);
        trace.resize(start + n, 0.0);
        if let Some(minus) = minus {
            trace[start..]
                .iter_mut()
                .zip(&minus.samples)
                .for_each(|(x, reference)| *x -= reference);
        }
        match resolved.polarity {
            Polarity::Upright => {}
            Polarity::Inverted => trace[start..].iter_mut().for_each(|x| *x = -*x),
        }
        for (k, epoch) in self.epochs[first_epoch..].iter_mut().enumerate() {
            let trouble = |source: &Resampled| source.trouble.get(k).copied().unwrap_or_default();
            let (plus, minus) = (trouble(plus), minus.map(trouble).unwrap_or_default());
            let both =
                Trouble { flat: plus.flat || minus.flat, clipped: plus.clipped || minus.clipped };
            note(epoch, resolved.channel, both);
        }
    }

    /// Appends the position codes of a segment: the value that stood last, read by the profile.
    fn read_position(
        &mut self,
        resolved: &ResolvedChannel,
        segment: &Segment,
        first_epoch: usize,
    ) -> Result<()> {
        let file = self.recording.file();
        let signal = &file.header().signals[resolved.plus];
        let rate_hz = file.header().rate_hz(signal);
        let (gain, offset) = signal.scaling().expect("a montage is fed by signals with a range");
        let profile = self.recording.montage().profile();
        let mut codes = Vec::new();
        let records = segment.first_record..segment.first_record + segment.n_records;
        file.read_digital(&[resolved.plus], records, |_, samples| {
            let code = |sample: &i32| {
                profile
                    .position(gain * f64::from(*sample) + offset)
                    .map_or(Position::UNKNOWN, Position::code)
            };
            codes.extend(samples.iter().map(code));
            Ok(())
        })?;
        let n = (self.epochs.len() - first_epoch) * EPOCH_SAMPLES;
        let at = |i: usize| codes[((i as f64 * rate_hz / RATE_HZ) as usize).min(codes.len() - 1)];
        let trace = &mut self.traces[Channel::Position.index()];
        trace.extend((0..n).map(at));
        for (k, epoch) in self.epochs[first_epoch..].iter_mut().enumerate() {
            if trace[span(first_epoch + k)].iter().all(|code| *code == Position::UNKNOWN) {
                epoch.mask = epoch.mask.without(ChannelMask::from_iter([Channel::Position]));
            }
        }
        Ok(())
    }

    fn finish(mut self, z_score: ZScore) -> Night {
        let scales = Channel::ALL.map(|channel| self.scale(channel));
        for (channel, scale) in Channel::ALL.into_iter().zip(scales) {
            if scale.is_empty() && channel != Channel::Position {
                let lost = ChannelMask::from_iter([channel]);
                self.epochs.iter_mut().for_each(|epoch| epoch.mask = epoch.mask.without(lost));
            }
        }
        let mut warnings = self.position_warning();
        let montage = self.recording.montage();
        let fed = montage.channels().iter();
        let deviation = |resolved: &ResolvedChannel| scales[resolved.channel.index()].deviation();
        let header = self.recording.file().header();
        warnings.extend(fed.filter_map(|it| spread::warning(montage, it, header, deviation(it))));
        let start = self.recording.file().start();
        Night {
            start,
            epochs: self.epochs,
            traces: self.traces,
            scales: scales.to_vec(),
            z_score,
            warnings,
        }
    }

    /// Returns the scale of a channel over its good epochs, or over all that carry something where none is good.
    fn scale(&self, channel: Channel) -> Scale {
        let trace = &self.traces[channel.index()];
        let of = |keep: &dyn Fn(&Epoch) -> bool| {
            let kept = self
                .epochs
                .iter()
                .enumerate()
                .filter(|(_, epoch)| epoch.mask.contains(channel) && keep(epoch));
            Scale::of(kept.map(|(i, _)| &trace[span(i)]))
        };
        if trace.is_empty() || channel == Channel::Position {
            return Scale::EMPTY;
        }
        let good = of(&|epoch| !epoch.quality.clipped.contains(channel));
        if good.is_empty() { of(&|_| true) } else { good }
    }

    fn position_warning(&self) -> Vec<Warning> {
        let montage = self.recording.montage();
        let is_fed = montage.mask().contains(Channel::Position);
        if !is_fed || self.epochs.iter().any(|epoch| epoch.mask.contains(Channel::Position)) {
            return Vec::new();
        }
        let message = format!(
            "the codes of the position channel are not known in the profile `{}`; the position is unknown",
            montage.profile().name
        );
        vec![Warning::new(WarningCode::MissingChannel, message)]
    }
}

/// Returns how many whole epochs a stretch holds; record durations are decimal fractions, hence the grain of salt.
fn whole_epochs(duration_s: f64) -> usize {
    (duration_s / EPOCH_S + 1e-6) as usize
}

/// Notes what is wrong with a channel in an epoch; a flat channel carries nothing and leaves the mask.
fn note(epoch: &mut Epoch, channel: Channel, trouble: Trouble) {
    if trouble.flat {
        epoch.quality.flat.insert(channel);
        epoch.mask = epoch.mask.without(ChannelMask::from_iter([channel]));
    }
    if trouble.clipped {
        epoch.quality.clipped.insert(channel);
    }
}
