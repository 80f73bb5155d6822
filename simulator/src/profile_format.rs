//! Converts a night of the plain site to the labels, units, rates and codes of a profile.

use std::f64::consts::TAU;

use nocturne_edf::NewSignal;
use nocturne_psg::EPOCH_S;
use nocturne_psg::dsp::{Ratio, Resampler};
use nocturne_psg::montage::{Channel, Polarity, Position, Profile, VoltageUnit};

use crate::simulated_night::SimulatedNight;

/// Potential of a reference electrode in microvolts.
const REFERENCE_UV: f64 = 25.0;

/// Rate in hertz of signals that only serve to detect the profile.
const FILLER_RATE_HZ: f64 = 16.0;

/// Returns the night with its signals stored as in files of a profile.
pub(super) fn convert(night: SimulatedNight, profile: &Profile) -> SimulatedNight {
    let record_s = f64::from(night.site.record_duration_s());
    let mut writer =
        ProfileWriter { profile, record_s, n_epochs: night.n_epochs, signals: Vec::new() };
    for (header, samples) in night.signals {
        writer.add(header, samples);
    }
    for (i, label) in profile.detection_labels_without_channel().enumerate() {
        writer.add_filler(label, i);
    }
    SimulatedNight { signals: writer.signals, ..night }
}

/// Collects the converted signals.
struct ProfileWriter<'a> {
    profile: &'a Profile,
    record_s: f64,
    n_epochs: usize,
    signals: Vec<(NewSignal, Vec<f32>)>,
}

impl ProfileWriter<'_> {
    fn add(&mut self, header: NewSignal, samples: Vec<f32>) {
        match Channel::from_name(&header.label) {
            None => {
                let kind = header.label.to_lowercase();
                let label = self.profile.label_of_other(&kind).unwrap_or(&header.label).to_owned();
                self.push(NewSignal { label, ..header }, samples);
            }
            Some(Channel::Position) => self.add_position(header, &samples),
            Some(channel) => self.add_channel(channel, header, samples),
        }
    }

    fn add_channel(&mut self, channel: Channel, header: NewSignal, samples: Vec<f32>) {
        let profile = self.profile;
        let Some(source) = profile.preferred_source(channel) else { return };
        let (old, new) = (
            VoltageUnit::of(&header.unit),
            source.unit.map_or_else(|| VoltageUnit::of(&header.unit), VoltageUnit::of),
        );
        let gain = match (old, new) {
            (Some(old), Some(new)) => old.microvolts() / new.microvolts(),
            _ => 1.0,
        };
        let sign = match source.polarity {
            Polarity::Upright => 1.0,
            Polarity::Inverted => -1.0,
        };
        let old_hz = header.samples_per_record as f64 / self.record_s;
        let rate_hz = source.rate_hz.unwrap_or(old_hz);
        let samples_per_record = (rate_hz * self.record_s).round() as usize;
        let n_records = (self.n_epochs as f64 * EPOCH_S / self.record_s).round() as usize;
        let mut samples = resampled(samples, old_hz, rate_hz);
        samples.resize(samples_per_record * n_records, 0.0);
        samples.iter_mut().for_each(|sample| *sample *= (sign * gain) as f32);
        let high = header.physical_range.1 * gain;
        let header = NewSignal {
            label: source.plus.to_owned(),
            unit: source.unit.map_or(header.unit, str::to_owned),
            physical_range: (-high, high),
            samples_per_record,
        };
        let Some(minus) = source.minus else { return self.push(header, samples) };
        // The reader subtracts the reference again, so add it here; both ranges grow to make room for it.
        let uv = new.map_or(0.1 * high, |unit| REFERENCE_UV / unit.microvolts());
        let wave = reference_wave(minus, rate_hz, samples.len());
        let (low, high) = (-high - 2.0 * uv, high + 2.0 * uv);
        samples.iter_mut().zip(&wave).for_each(|(sample, wave)| *sample += (uv * wave) as f32);
        let reference = wave.iter().map(|wave| (uv * wave) as f32).collect();
        let header = NewSignal { physical_range: (low, high), ..header };
        self.push(header.clone(), samples);
        self.push(NewSignal { label: minus.to_owned(), ..header }, reference);
    }

    /// Adds the position in the codes of the profile; without codes the plain numbers stay, which a reader ignores.
    fn add_position(&mut self, header: NewSignal, samples: &[f32]) {
        let profile = self.profile;
        let Some(source) = profile.preferred_source(Channel::Position) else { return };
        let unknown = profile.unassigned_position_code();
        let code = |sample: &f32| match (Position::from_code(*sample), unknown) {
            (Some(position), Some(unknown)) => {
                profile.position_code(position).unwrap_or(unknown) as f32
            }
            (None, Some(unknown)) => unknown as f32,
            (_, None) => *sample,
        };
        let codes: Vec<f32> = samples.iter().map(code).collect();
        let high = unknown.map_or(header.physical_range.1, f64::from);
        let label = source.plus.to_owned();
        self.push(NewSignal { label, physical_range: (0.0, high), ..header }, codes);
    }

    /// Adds a small sine under a label by which the profile is detected.
    fn add_filler(&mut self, label: &str, i: usize) {
        let n = (self.n_epochs as f64 * EPOCH_S * FILLER_RATE_HZ) as usize;
        let hz = 0.2 + 0.03 * i as f64;
        let wave = |k: usize| (0.3 * (TAU * hz * k as f64 / FILLER_RATE_HZ).sin()) as f32;
        let header = NewSignal {
            label: label.to_owned(),
            unit: String::new(),
            physical_range: (-1.0, 1.0),
            samples_per_record: (FILLER_RATE_HZ * self.record_s) as usize,
        };
        self.push(header, (0..n).map(wave).collect());
    }

    /// Adds a signal unless its label exists already, because several channels may share a reference electrode.
    fn push(&mut self, header: NewSignal, samples: Vec<f32>) {
        if !self.signals.iter().any(|(existing, _)| existing.label == header.label) {
            self.signals.push((header, samples));
        }
    }
}

fn resampled(samples: Vec<f32>, from_hz: f64, to_hz: f64) -> Vec<f32> {
    if from_hz == to_hz {
        return samples;
    }
    let ratio = Ratio::of_rates(from_hz, to_hz)
        .expect("profiles are tested to have rates that can be resampled");
    let mut resampler = Resampler::new(ratio);
    let mut outputs = Vec::new();
    resampler.push(&samples, &mut outputs);
    resampler.finish(&mut outputs);
    outputs
}

/// Returns the potential of a reference electrode at unit amplitude: three sines, the same at every rate.
fn reference_wave(label: &str, rate_hz: f64, n: usize) -> Vec<f64> {
    let phase = f64::from(label.bytes().map(u32::from).sum::<u32>());
    let value = |i: usize| {
        let time_s = i as f64 / rate_hz;
        let wave = |hz: f64| (TAU * hz * time_s + hz * phase).sin();
        0.5 * wave(0.7) + 0.3 * wave(2.3) + 0.2 * wave(7.1)
    };
    (0..n).map(value).collect()
}
