//! Reads the epochs of a recording run by run: resamples the signals, derives and checks the channels, and computes
//! their scales.

use nocturne_edf::RecordRun;

use super::channel_detector::ChannelDetector;
use super::flat_and_clipped::SignalProblem;
use super::leg_envelope::EnvelopeReader;
use super::repeated_records::{RecordDigester, RepeatedRecords};
use super::scaling::ChannelScale;
use super::signal_findings::{SignalFinding, SignalFindings};
use super::signal_resampler::{ResampledSignal, SignalResampler};
use super::{Night, clock_drift, oximeter, polarity, span, unit_check};
use crate::error::Result;
use crate::montage::{LegSignal, Polarity, ResolvedChannel};
use crate::night::ZScore;
use crate::recording::Recording;
use crate::sleep::{
    Channel, ChannelMask, EPOCH_S, EPOCH_SAMPLES, Epoch, EpochNumber, Position, Quality, RATE_HZ,
};
use crate::warning::{Warning, WarningCode};

/// Collects the epochs of the runs of contiguous data records of a recording.
pub(super) struct EpochReader<'a> {
    recording: &'a Recording,
    pub(super) epochs: Vec<Epoch>,
    /// For each channel, the samples of all epochs so far; empty if the channel has no signal.
    traces: Vec<Vec<f32>>,
    /// The saturation of each second of all epochs; empty without an oximeter.
    saturation: Vec<f32>,
    /// For each leg EMG that can be measured, the envelope of all epochs so far.
    legs: Vec<Vec<f32>>,
    findings: Vec<SignalFindings>,
    repeats: RepeatedRecords,
}

/// The signals of a run and the findings about the channels that they feed.
struct RunSignals {
    /// In header order; `None` for signals that feed no channel.
    resampled: Vec<Option<ResampledSignal>>,
    /// Digital samples of the position.
    position: Vec<i32>,
    /// Digital samples of the oximeter.
    saturation: Vec<i32>,
    legs: Vec<EnvelopeReader>,
    findings: Vec<(Channel, Vec<SignalFinding>)>,
}

impl<'a> EpochReader<'a> {
    pub(super) fn new(recording: &'a Recording) -> Self {
        Self {
            recording,
            epochs: Vec::new(),
            traces: vec![Vec::new(); Channel::COUNT],
            saturation: Vec::new(),
            legs: Vec::new(),
            findings: Vec::new(),
            repeats: RepeatedRecords::default(),
        }
    }

    /// Appends the complete epochs of a run.
    pub(super) fn read_run(&mut self, run: &RecordRun) -> Result<()> {
        let n_epochs = whole_epochs(run.duration_s);
        if n_epochs == 0 {
            return Ok(());
        }
        let first_epoch = self.epochs.len();
        let missing = ChannelMask::ALL.without(self.recording.montage().mask());
        for k in 0..n_epochs {
            let epoch = self.epoch(run.start_s + k as f64 * EPOCH_S, missing);
            self.epochs.push(epoch);
        }
        self.findings.resize(self.epochs.len(), SignalFindings::default());
        let mut signals = self.read_signals(run)?;
        for resolved in self.recording.montage().channels() {
            if resolved.channel == Channel::Position {
                self.append_position(resolved, &signals.position, first_epoch);
            } else {
                self.append_channel(resolved, &mut signals.resampled, first_epoch);
            }
        }
        if let Some(signal) = self.recording.montage().saturation() {
            let header = self.recording.file().header();
            let n_epochs = self.epochs.len() - first_epoch;
            let seconds = oximeter::seconds(header, signal, &signals.saturation, n_epochs);
            self.saturation.extend(seconds);
        }
        self.legs.resize(signals.legs.len(), Vec::new());
        for (envelope, leg) in self.legs.iter_mut().zip(signals.legs) {
            envelope.extend(leg.finish(self.epochs.len() - first_epoch));
        }
        for (channel, of_channel) in signals.findings {
            for (findings, finding) in self.findings[first_epoch..].iter_mut().zip(of_channel) {
                findings.add(channel, finding);
            }
        }
        Ok(())
    }

    /// Creates an epoch with its stage and events; the signals have not been checked yet.
    fn epoch(&self, onset_s: f64, missing: ChannelMask) -> Epoch {
        let scoring = self.recording.scoring();
        let events =
            scoring.events.iter().filter(|event| event.belongs_to(onset_s, onset_s + EPOCH_S));
        Epoch {
            // The tolerance is for onsets that rounding puts just below a multiple of 30 s.
            number: EpochNumber((onset_s / EPOCH_S + 1e-6) as u32),
            onset_s,
            mask: ChannelMask::ALL.without(missing),
            quality: Quality { missing, ..Quality::default() },
            stage: scoring.hypnogram.stage_of_epoch(onset_s),
            events: events.cloned().collect(),
        }
    }

    /// Reads the signals of the montage, the oximeter and the leg EMGs in one pass, resamples those of the montage to 64 Hz
    /// and checks the channels.
    fn read_signals(&mut self, run: &RecordRun) -> Result<RunSignals> {
        let file = self.recording.file();
        let header = file.header();
        let channels = self.recording.montage().channels();
        let needed = channels.iter().filter(|resolved| resolved.channel != Channel::Position);
        let mut signals: Vec<usize> =
            needed.flat_map(|resolved| [Some(resolved.plus), resolved.minus]).flatten().collect();
        signals.sort_unstable();
        signals.dedup();
        let montage = self.recording.montage();
        let new_resampler = |signal: &usize| {
            let unit = montage.unit(header, *signal);
            let signal = &header.signals[*signal];
            let n_samples = run.n_records as usize * signal.samples_per_record;
            SignalResampler::new(file.path(), header, (signal, n_samples), unit)
        };
        let mut resamplers: Vec<SignalResampler> =
            signals.iter().map(new_resampler).collect::<Result<_>>()?;
        let records = run.first_record..run.first_record + run.n_records;
        let mut detectors: Vec<ChannelDetector> =
            channels.iter().filter_map(|resolved| self.detector(resolved)).collect();
        let position_source =
            channels.iter().find(|resolved| resolved.channel == Channel::Position);
        let position_signal = position_source.map(|resolved| resolved.plus);
        // Position and saturation are not resampled; they follow the resampled signals.
        let not_resampled = [position_signal, montage.saturation()];
        let mut read: Vec<usize> =
            signals.iter().copied().chain(not_resampled.into_iter().flatten()).collect();
        let legs = montage.legs();
        let new_leg = |leg: &LegSignal| EnvelopeReader::new(header, *leg);
        let mut leg_readers: Vec<EnvelopeReader> = legs.iter().filter_map(new_leg).collect();
        // A leg may also be the reference of a channel.
        for signal in legs.iter().flat_map(|leg| [Some(leg.plus), leg.minus]).flatten() {
            if !leg_readers.is_empty() && !read.contains(&signal) {
                read.push(signal);
            }
        }
        let (mut position, mut saturation) = (Vec::new(), Vec::new());
        file.read_digital(&read, records, |i, samples| {
            let signal = read[i];
            leg_readers.iter_mut().for_each(|leg| leg.push(signal, samples));
            if let Some(resampler) = resamplers.get_mut(i) {
                let physical = resampler.push(samples);
                detectors.iter_mut().for_each(|detector| detector.push(signal, physical));
            } else if Some(signal) == position_signal {
                position.extend_from_slice(samples);
            } else if Some(signal) == montage.saturation() {
                saturation.extend_from_slice(samples);
            }
        })?;
        let mut resampled: Vec<Option<ResampledSignal>> =
            header.signals.iter().map(|_| None).collect();
        let mut digesters: Vec<RecordDigester> = Vec::new();
        for (signal, resampler) in signals.into_iter().zip(resamplers) {
            let (finished, digester) = resampler.finish();
            resampled[signal] = Some(finished);
            digesters.push(digester);
        }
        self.repeats.add_run(run.first_record, &digesters);
        let findings =
            detectors.into_iter().map(|detector| (detector.channel, detector.finish())).collect();
        Ok(RunSignals { resampled, position, saturation, legs: leg_readers, findings })
    }

    /// Returns the detector of a channel's disconnections, if the channel can have one.
    fn detector(&self, resolved: &ResolvedChannel) -> Option<ChannelDetector> {
        let header = self.recording.file().header();
        let with_rate = |signal: usize| (signal, header.rate_hz(&header.signals[signal]));
        ChannelDetector::new(
            resolved.channel,
            with_rate(resolved.plus),
            resolved.minus.map(with_rate),
        )
    }

    /// Appends the epochs of a channel in a run and their problems.
    fn append_channel(
        &mut self,
        resolved: &ResolvedChannel,
        resampled: &mut [Option<ResampledSignal>],
        first_epoch: usize,
    ) {
        let n = (self.epochs.len() - first_epoch) * EPOCH_SAMPLES;
        let trace = &mut self.traces[resolved.channel.index()];
        let start = trace.len();
        let others = self.recording.montage().channels().iter().filter(|it| *it != resolved);
        // The signal is also shared if it is subtracted from itself.
        let is_shared = others
            .flat_map(|it| [Some(it.plus), it.minus])
            .chain([resolved.minus])
            .any(|signal| signal == Some(resolved.plus));
        let source = resampled[resolved.plus].as_mut();
        let source = source.expect("every signal of the montage was resampled");
        // Move the samples unless another channel needs them. A rate slightly below the nominal one may leave the last
        // epoch a sample short; it is padded with zero.
        if start == 0 && !is_shared {
            *trace = std::mem::take(&mut source.samples);
            trace.truncate(n);
        } else {
            trace.extend_from_slice(&source.samples[..n.min(source.samples.len())]);
        }
        trace.resize(start + n, 0.0);
        let of = |signal: usize| {
            resampled[signal].as_ref().expect("every signal of the montage was resampled")
        };
        let (plus, minus) = (of(resolved.plus), resolved.minus.map(of));
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
            let problem =
                |source: &ResampledSignal| source.problems.get(k).copied().unwrap_or_default();
            let (plus, minus) = (problem(plus), minus.map(problem).unwrap_or_default());
            let both = SignalProblem {
                flat: plus.flat || minus.flat,
                clipped: plus.clipped || minus.clipped,
            };
            add_problem(epoch, resolved.channel, both);
        }
        for (k, findings) in self.findings[first_epoch..].iter_mut().enumerate() {
            let is_outside =
                |source: &ResampledSignal| source.out_of_range.get(k).copied().unwrap_or_default();
            if is_outside(plus) || minus.is_some_and(is_outside) {
                findings.out_of_range.insert(resolved.channel);
            }
        }
    }

    /// Appends the position codes of a run: the last value of the signal at each sample, mapped by the profile.
    fn append_position(&mut self, resolved: &ResolvedChannel, samples: &[i32], first_epoch: usize) {
        let header = self.recording.file().header();
        let signal = &header.signals[resolved.plus];
        let rate_hz = header.rate_hz(signal);
        let (gain, offset) = signal.scaling().expect("montages only use signals with a range");
        let profile = self.recording.montage().profile();
        let code = |sample: &i32| {
            profile
                .position(gain * f64::from(*sample) + offset)
                .map_or(Position::UNKNOWN, Position::code)
        };
        let codes: Vec<f32> = samples.iter().map(code).collect();
        let n = (self.epochs.len() - first_epoch) * EPOCH_SAMPLES;
        let at = |i: usize| codes[((i as f64 * rate_hz / RATE_HZ) as usize).min(codes.len() - 1)];
        let trace = &mut self.traces[Channel::Position.index()];
        trace.extend((0..n).map(at));
        for (k, epoch) in self.epochs[first_epoch..].iter_mut().enumerate() {
            if trace[span(first_epoch + k)].iter().all(|code| *code == Position::UNKNOWN) {
                epoch.mask = epoch.mask.without(ChannelMask::from_iter([Channel::Position]));
            }
        }
    }

    /// Computes the scales and the checks that need the whole recording, and returns the night.
    pub(super) fn finish(mut self, z_score: ZScore) -> Night {
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
        for resolved in fed {
            let Some(warning) = unit_check::warning(montage, resolved, header, deviation(resolved))
            else {
                continue;
            };
            warnings.push(warning);
            // In a wrong unit every amplitude is beyond physiology.
            let channel = ChannelMask::from_iter([resolved.channel]);
            for findings in &mut self.findings {
                findings.disconnected = findings.disconnected.without(channel);
            }
        }
        warnings.extend(self.repeats.warning());
        warnings.extend(polarity::warnings(montage, header, &self.epochs, &self.traces));
        warnings.extend(clock_drift::warnings(montage, header, &self.epochs, &self.traces));
        let mut night = Night {
            origin: self.recording.origin(),
            start: self.recording.file().start(),
            epochs: self.epochs,
            findings: self.findings,
            traces: self.traces,
            saturation: self.saturation,
            legs: self.legs,
            scales: scales.to_vec(),
            z_score,
            warnings,
        };
        night.warnings.extend(night.quality_warnings());
        night
    }

    /// Returns the scale of a channel over its epochs without clipping, or over all usable epochs if all are clipped.
    fn scale(&self, channel: Channel) -> ChannelScale {
        let trace = &self.traces[channel.index()];
        let scale_of = |is_selected: &dyn Fn(&Epoch) -> bool| {
            let selected = self
                .epochs
                .iter()
                .enumerate()
                .filter(|(_, epoch)| epoch.mask.contains(channel) && is_selected(epoch));
            ChannelScale::of(selected.map(|(i, _)| &trace[span(i)]))
        };
        if trace.is_empty() || channel == Channel::Position {
            return ChannelScale::EMPTY;
        }
        let unclipped = scale_of(&|epoch| !epoch.quality.clipped.contains(channel));
        if unclipped.is_empty() { scale_of(&|_| true) } else { unclipped }
    }

    /// Returns a warning if there is a position signal and the profile defines none of its codes.
    fn position_warning(&self) -> Vec<Warning> {
        let montage = self.recording.montage();
        let is_fed = montage.mask().contains(Channel::Position);
        if !is_fed || self.epochs.iter().any(|epoch| epoch.mask.contains(Channel::Position)) {
            return Vec::new();
        }
        let message = format!(
            "POS is not used: the profile `{}` does not say which code is which position",
            montage.profile().name
        );
        vec![Warning::new(WarningCode::MissingChannel, message)]
    }
}

/// Returns the number of complete epochs in a duration.
///
/// Durations of data records are decimal fractions, so a sum of them may be slightly below a multiple of 30 s.
fn whole_epochs(duration_s: f64) -> usize {
    (duration_s / EPOCH_S + 1e-6) as usize
}

/// Adds the problems of a channel to an epoch; a flat channel leaves the mask.
fn add_problem(epoch: &mut Epoch, channel: Channel, problem: SignalProblem) {
    if problem.flat {
        epoch.quality.flat.insert(channel);
        epoch.mask = epoch.mask.without(ChannelMask::from_iter([channel]));
    }
    if problem.clipped {
        epoch.quality.clipped.insert(channel);
    }
}
