//! Renders the signals of a planned night in the montage and format of its site.

mod amplifier;
mod breathing;
mod chin;
mod disturbance;
mod eeg;
mod electrode;
mod gaze;
mod heart;
mod noise;
mod resample;
mod spectrum;

use nocturne_edf::NewSignal;
use nocturne_psg::montage::Channel;

use crate::plan::NightPlan;
use crate::plan::channel_fault::FaultKind;
use crate::plan::position;
use crate::random::Random;
use crate::site::{Electrode, PhysicalRange, SignalSource, SiteSignal};

use amplifier::{Amplifier, quantise};
use breathing::BreathingSignals;
use disturbance::Disturbance;
use eeg::HeadSignals;
use heart::Beat;

/// Amplitude of quiet breathing as a share of the range of a belt or cannula.
const BREATH_SHARE: f64 = 0.35;

/// Returns the header and samples of each signal, in file order.
pub(super) fn signals(plan: &NightPlan) -> Vec<(NewSignal, Vec<f32>)> {
    let rendering = Rendering::new(plan);
    let recorded = plan.site.signals().iter().filter(|signal| !is_absent(plan, signal.source));
    recorded.map(|signal| rendering.record(signal)).collect()
}

/// Returns whether the recorder does not write a signal, because its channel has the fault `Absent`.
fn is_absent(plan: &NightPlan, source: SignalSource) -> bool {
    let channel = channel_of(source);
    let absent = plan.faults.iter().filter(|fault| fault.kind == FaultKind::Absent);
    channel.is_some_and(|channel| absent.clone().any(|fault| fault.channel == channel))
}

/// Returns the channel of the montage to which a signal belongs.
const fn channel_of(source: SignalSource) -> Option<Channel> {
    match source {
        SignalSource::Channel(channel) => Some(channel),
        SignalSource::Electrode(electrode) => electrode.channel(),
        SignalSource::Spo2
        | SignalSource::HeartRate
        | SignalSource::Light
        | SignalSource::OximeterStatus => None,
    }
}

/// Signals of the body, before electrodes and amplifiers.
struct Rendering<'a> {
    plan: &'a NightPlan,
    /// Rate of all but the breathing signals, in hertz.
    rate_hz: f64,
    breathing: BreathingSignals,
    beats: Vec<Beat>,
    ecg_mv: Vec<f32>,
    chin_uv: Vec<f32>,
    head: HeadSignals,
    disturbance: Disturbance<'a>,
    breath_gain: f64,
}

impl<'a> Rendering<'a> {
    fn new(plan: &'a NightPlan) -> Self {
        let rate_hz = f64::from(plan.site.rate_hz());
        let seeded = |purpose: &str| Random::new(plan.spec.seed, plan.spec.night, purpose);
        let breathing = BreathingSignals::render(plan);
        let beats = heart::beats(plan, &breathing);
        let ecg_mv = heart::render(plan, (&beats, &breathing), rate_hz);
        let gains = spectrum::Gains::draw(plan, &mut seeded("spectrum"));
        let mut head = HeadSignals::render(plan, &gains, rate_hz);
        gaze::add(plan, &mut head);
        let disturbance = Disturbance::new(plan, electrode::potentials(plan, &breathing));
        Self {
            plan,
            rate_hz,
            beats,
            ecg_mv,
            chin_uv: chin::render(plan, rate_hz),
            head,
            disturbance,
            breath_gain: BREATH_SHARE * seeded("breath gain").log_normal(1.0, 0.2),
            breathing,
        }
    }

    /// Records one signal of the site through electrodes, amplifier, faults and analogue-to-digital converter.
    fn record(&self, signal: &SiteSignal) -> (NewSignal, Vec<f32>) {
        let range = match signal.range {
            PhysicalRange::Fixed(low, high) => (low, high),
            PhysicalRange::Rail => (-self.plan.recorder.rail_uv, self.plan.recorder.rail_uv),
        };
        let mut samples = match signal.source {
            SignalSource::Channel(channel) => self.channel(channel, signal, range.1),
            SignalSource::Electrode(electrode) => {
                self.downsample(&self.electrode(electrode), signal)
            }
            SignalSource::Spo2 => {
                self.each_second(|time_s| self.plan.spo2_percent.at(time_s) as f32)
            }
            SignalSource::HeartRate => heart::rate_bpm(&self.beats, self.plan.duration_s()),
            SignalSource::Light => self.each_second(|time_s| {
                let course = &self.plan.course;
                let dark = (course.lights_off_s..course.lights_on_s).contains(&time_s);
                if dark { 0.0 } else { 1.0 }
            }),
            SignalSource::OximeterStatus => self.each_second(|_| 0.0),
        };
        self.disconnect(channel_of(signal.source), f64::from(signal.rate_hz), &mut samples);
        // 16-bit signals are quantised when the file is written.
        if signal.levels < 65_536 {
            quantise(&mut samples, range, signal.levels);
        }
        let header = NewSignal {
            label: signal.label.to_owned(),
            unit: signal.unit.to_owned(),
            physical_range: range,
            samples_per_record: (signal.rate_hz * self.plan.site.record_duration_s()) as usize,
        };
        (header, samples)
    }

    /// Records a channel whose derivation the recorder computes; `high` is the upper end of the signal's range.
    fn channel(&self, channel: Channel, signal: &SiteSignal, high: f64) -> Vec<f32> {
        match channel {
            Channel::EegC3A2 => self.derivation(0, &self.head.c3, signal),
            Channel::EegC4A1 => self.derivation(1, &self.head.c4, signal),
            Channel::EogLeft => self.derivation(2, &self.head.eye_left, signal),
            Channel::EogRight => self.derivation(3, &self.head.eye_right, signal),
            Channel::EmgChin => {
                let mut samples = self.chin_uv.clone();
                self.disturbance.add_to_chin((&mut samples, &self.ecg_mv), self.rate_hz);
                Amplifier::of_chin(&self.plan.recorder, self.rate_hz).run(&mut samples);
                self.downsample(&samples, signal)
            }
            Channel::Ecg => {
                let mut samples = self.ecg_mv.clone();
                Amplifier::of_ecg(&self.plan.recorder, self.rate_hz).run(&mut samples);
                self.downsample(&samples, signal)
            }
            Channel::Airflow => self.breath(&self.breathing.flow, signal, high),
            Channel::Thorax => self.breath(&self.breathing.thorax, signal, high),
            Channel::Abdomen => self.breath(&self.breathing.abdomen, signal, high),
            Channel::Position => {
                self.each_second(|time_s| position::at(&self.plan.postures, time_s).code())
            }
        }
    }

    /// Records a derivation of the head; `lane` is its index in [`electrode::HEAD`].
    fn derivation(&self, lane: usize, brain: &[f32], signal: &SiteSignal) -> Vec<f32> {
        let mut samples = brain.to_vec();
        self.disturbance.add_to_head(lane, (&mut samples, &self.ecg_mv), self.rate_hz);
        Amplifier::of_head(&self.plan.recorder, self.rate_hz).run(&mut samples);
        if self.plan.recorder.inverted {
            for sample in &mut samples {
                *sample = -*sample;
            }
        }
        self.downsample(&samples, signal)
    }

    /// Records an electrode against the common reference: adds the potential that the montage subtracts later.
    fn electrode(&self, electrode: Electrode) -> Vec<f32> {
        // `lane` is an index in `electrode::HEAD`, `reference` the mastoid: 0 left (A1), 1 right (A2).
        let head = |lane, brain: &[f32], reference| {
            let mut samples = brain.to_vec();
            self.disturbance.add_to_head(lane, (&mut samples, &self.ecg_mv), self.rate_hz);
            self.disturbance.add_reference(reference, (&mut samples, &self.ecg_mv), self.rate_hz);
            samples
        };
        let reference = |which| {
            let mut samples = vec![0.0; self.ecg_mv.len()];
            self.disturbance.add_reference(which, (&mut samples, &self.ecg_mv), self.rate_hz);
            samples
        };
        let (recorder, rate_hz) = (&self.plan.recorder, self.rate_hz);
        // The two electrodes of the ECG and of the chin have shares whose difference is the whole derivation.
        let scaled = |samples: &[f32], share: f32| samples.iter().map(|v| v * share).collect();
        let (mut samples, amplifier): (Vec<f32>, _) = match electrode {
            Electrode::C3 => (head(0, &self.head.c3, 1), Amplifier::of_head(recorder, rate_hz)),
            Electrode::C4 => (head(1, &self.head.c4, 0), Amplifier::of_head(recorder, rate_hz)),
            Electrode::EyeLeft => {
                (head(2, &self.head.eye_left, 1), Amplifier::of_head(recorder, rate_hz))
            }
            Electrode::EyeRight => {
                (head(3, &self.head.eye_right, 1), Amplifier::of_head(recorder, rate_hz))
            }
            Electrode::A1 => (reference(0), Amplifier::of_head(recorder, rate_hz)),
            Electrode::A2 => (reference(1), Amplifier::of_head(recorder, rate_hz)),
            Electrode::EcgPlus => (scaled(&self.ecg_mv, 0.6), Amplifier::of_ecg(recorder, rate_hz)),
            Electrode::EcgMinus => {
                (scaled(&self.ecg_mv, -0.4), Amplifier::of_ecg(recorder, rate_hz))
            }
            Electrode::ChinLeft => {
                (scaled(&self.chin_uv, 0.5), Amplifier::of_chin(recorder, rate_hz))
            }
            Electrode::ChinRight => {
                (scaled(&self.chin_uv, -0.5), Amplifier::of_chin(recorder, rate_hz))
            }
        };
        // Added to one of the two chin electrodes, so that the difference contains it once.
        if matches!(electrode, Electrode::ChinLeft) {
            self.disturbance.add_to_chin((&mut samples, &self.ecg_mv), rate_hz);
        }
        amplifier.run(&mut samples);
        samples
    }

    /// Records a belt or the airflow at `breath_gain` times the upper end of its range.
    fn breath(&self, curve: &super::curve::Curve, signal: &SiteSignal, high: f64) -> Vec<f32> {
        let rate_hz = f64::from(signal.rate_hz);
        let mut samples = vec![0.0; (self.plan.duration_s() * rate_hz) as usize];
        curve.add_to(&mut samples, rate_hz, high * self.breath_gain, 0.0);
        samples
    }

    fn downsample(&self, samples: &[f32], signal: &SiteSignal) -> Vec<f32> {
        resample::downsample(samples, self.plan.site.rate_hz(), signal.rate_hz)
    }

    /// Samples a function of the time in seconds at 1 Hz.
    fn each_second(&self, mut value: impl FnMut(f64) -> f32) -> Vec<f32> {
        (0..self.plan.duration_s() as u32).map(|second| value(f64::from(second))).collect()
    }

    /// Flattens a signal while its lead is disconnected.
    fn disconnect(&self, channel: Option<Channel>, rate_hz: f64, samples: &mut [f32]) {
        let off = self.plan.faults.iter().filter(|fault| {
            fault.kind == FaultKind::Disconnected && Some(fault.channel) == channel
        });
        for fault in off {
            let first = (fault.onset_s * rate_hz) as usize;
            let last = ((fault.end_s() * rate_hz) as usize).min(samples.len());
            samples[first..last].fill(0.0);
        }
    }
}
