//! Reads the epochs of a recording, one run of contiguous data records after the other.

use nocturne_edf::RecordRun;

use super::findings::{Finding, Findings};
use super::judge::Judge;
use super::quality::Trouble;
use super::repeats::{RecordWatch, Repeats};
use super::scale::Scale;
use super::source::{Resampled, Source};
use super::{Night, drift, oximeter, polarity, span, spread};
use crate::montage::{Channel, ChannelMask, Polarity, Position, ResolvedChannel};
use crate::{
    EPOCH_S, EPOCH_SAMPLES, Epoch, EpochNumber, Quality, RATE_HZ, Recording, Result, Warning,
    WarningCode, ZScore,
};

/// Reads one run after the other.
pub(super) struct Reader<'a> {
    recording: &'a Recording,
    pub(super) epochs: Vec<Epoch>,
    traces: Vec<Vec<f32>>,
    /// Of every second of all epochs, or nothing where no oximeter was recorded.
    saturation: Vec<f32>,
    findings: Vec<Findings>,
    repeats: Repeats,
}

/// The signals of a run, and what was found of the channels that they feed.
struct RunSignals {
    /// In the order of the header, `None` for signals that feed nothing.
    resampled: Vec<Option<Resampled>>,
    /// Digital values of the position.
    position: Vec<i32>,
    /// Digital values of the oximeter.
    saturation: Vec<i32>,
    found: Vec<(Channel, Vec<Finding>)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(recording: &'a Recording) -> Self {
        Self {
            recording,
            epochs: Vec::new(),
            traces: vec![Vec::new(); Channel::COUNT],
            saturation: Vec::new(),
            findings: Vec::new(),
            repeats: Repeats::default(),
        }
    }

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
        self.findings.resize(self.epochs.len(), Findings::default());
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
        for (channel, found) in signals.found {
            for (findings, finding) in self.findings[first_epoch..].iter_mut().zip(found) {
                findings.note(channel, finding);
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

    /// Brings every signal that a channel needs to 64 Hz, and judges the channels on the way.
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
        let new_source = |signal: &usize| {
            let unit = montage.unit(header, *signal);
            let signal = &header.signals[*signal];
            let n_samples = run.n_records as usize * signal.samples_per_record;
            Source::new(file.path(), header, (signal, n_samples), unit)
        };
        let mut sources: Vec<Source> = signals.iter().map(new_source).collect::<Result<_>>()?;
        let records = run.first_record..run.first_record + run.n_records;
        let mut judges: Vec<Judge> = channels.iter().filter_map(|it| self.judge(it)).collect();
        let lies = channels.iter().find(|resolved| resolved.channel == Channel::Position);
        let lies = lies.map(|resolved| resolved.plus);
        let beside = [lies, montage.saturation()];
        let read: Vec<usize> =
            signals.iter().copied().chain(beside.into_iter().flatten()).collect();
        let (mut position, mut saturation) = (Vec::new(), Vec::new());
        file.read_digital(&read, records, |i, samples| match sources.get_mut(i) {
            Some(source) => {
                let physical = source.push(samples);
                judges.iter_mut().for_each(|judge| judge.push(signals[i], physical));
            }
            None if Some(read[i]) == lies => position.extend_from_slice(samples),
            None => saturation.extend_from_slice(samples),
        })?;
        let mut resampled: Vec<Option<Resampled>> = header.signals.iter().map(|_| None).collect();
        let mut watches: Vec<RecordWatch> = Vec::new();
        for (signal, source) in signals.into_iter().zip(sources) {
            let (finished, watch) = source.finish();
            resampled[signal] = Some(finished);
            watches.push(watch);
        }
        self.repeats.add_run(run.first_record, &watches);
        let found = judges.into_iter().map(|judge| (judge.channel, judge.finish())).collect();
        Ok(RunSignals { resampled, position, saturation, found })
    }

    fn judge(&self, resolved: &ResolvedChannel) -> Option<Judge> {
        let header = self.recording.file().header();
        let with_rate = |signal: usize| (signal, header.rate_hz(&header.signals[signal]));
        Judge::new(resolved.channel, with_rate(resolved.plus), resolved.minus.map(with_rate))
    }

    /// Appends a channel's epochs of a run, and notes what is wrong with them.
    fn append_channel(
        &mut self,
        resolved: &ResolvedChannel,
        resampled: &mut [Option<Resampled>],
        first_epoch: usize,
    ) {
        let n = (self.epochs.len() - first_epoch) * EPOCH_SAMPLES;
        let trace = &mut self.traces[resolved.channel.index()];
        let start = trace.len();
        let others = self.recording.montage().channels().iter().filter(|it| *it != resolved);
        let is_shared = others
            .flat_map(|it| [Some(it.plus), it.minus])
            .chain([resolved.minus])
            .any(|signal| signal == Some(resolved.plus));
        let source = resampled[resolved.plus].as_mut();
        let source = source.expect("every signal of the montage was resampled");
        // A rate a hair below the nominal one may leave the last epoch a sample short.
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
            let trouble = |source: &Resampled| source.trouble.get(k).copied().unwrap_or_default();
            let (plus, minus) = (trouble(plus), minus.map(trouble).unwrap_or_default());
            let both =
                Trouble { flat: plus.flat || minus.flat, clipped: plus.clipped || minus.clipped };
            note(epoch, resolved.channel, both);
        }
        for (k, findings) in self.findings[first_epoch..].iter_mut().enumerate() {
            let is_beyond =
                |source: &Resampled| source.out_of_range.get(k).copied().unwrap_or_default();
            if is_beyond(plus) || minus.is_some_and(is_beyond) {
                findings.out_of_range.insert(resolved.channel);
            }
        }
    }

    /// Appends the position codes of a run: the value that stood last, read by the profile.
    fn append_position(&mut self, resolved: &ResolvedChannel, samples: &[i32], first_epoch: usize) {
        let header = self.recording.file().header();
        let signal = &header.signals[resolved.plus];
        let rate_hz = header.rate_hz(signal);
        let (gain, offset) = signal.scaling().expect("a montage is fed by signals with a range");
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
        warnings.extend(fed.filter_map(|it| spread::warning(montage, it, header, deviation(it))));
        warnings.extend(self.repeats.warning());
        warnings.extend(polarity::warnings(montage, header, &self.epochs, &self.traces));
        warnings.extend(drift::warnings(montage, header, &self.epochs, &self.traces));
        let mut night = Night {
            start: self.recording.file().start(),
            epochs: self.epochs,
            findings: self.findings,
            traces: self.traces,
            saturation: self.saturation,
            scales: scales.to_vec(),
            z_score,
            warnings,
        };
        night.warnings.extend(night.quality_warnings());
        night
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
