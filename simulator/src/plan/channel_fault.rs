//! Draws faults of channels: absent, disconnected, loose, swaying and popping electrodes.

use nocturne_psg::montage::Channel;
use serde::{Deserialize, Serialize};

use crate::random::Random;
use crate::recorder::Recorder;

/// Kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The recording has no signal for the channel.
    Absent,
    /// The lead is disconnected: the signal is flat.
    Disconnected,
    /// The electrode is loose: hum, drift and noise.
    Loose,
    /// The baseline sways with sweat or breathing.
    Sway,
    /// The electrode pops: its potential jumps and decays.
    Pop,
}

/// A time span in which a channel is faulty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChannelFault {
    /// The channel of the montage.
    pub channel: Channel,
    /// Kind of fault.
    pub kind: FaultKind,
    /// Onset in seconds from the start of the recording.
    pub onset_s: f64,
    /// Length in seconds.
    pub duration_s: f64,
}

impl ChannelFault {
    /// Returns the end in seconds from the start of the recording (exclusive).
    pub fn end_s(&self) -> f64 {
        self.onset_s + self.duration_s
    }
}

/// Share of nights on which one or two channels are absent or become disconnected.
const FAULTY_NIGHTS: f64 = 0.13;
/// Share of nights with loose electrodes.
const LOOSE_NIGHTS: f64 = 0.2;

/// Relative frequency with which the sensor of a channel fails; cannulas and chin electrodes fail most.
const SENSOR_LOSS: [(Channel, f64); 10] = [
    (Channel::Airflow, 3.0),
    (Channel::EmgChin, 2.5),
    (Channel::Position, 1.5),
    (Channel::EogLeft, 1.2),
    (Channel::EogRight, 1.2),
    (Channel::EegC3A2, 1.2),
    (Channel::EegC4A1, 1.2),
    (Channel::Thorax, 1.2),
    (Channel::Abdomen, 1.2),
    (Channel::Ecg, 0.7),
];

const ELECTRODES: [(Channel, f64); 5] = [
    (Channel::EegC3A2, 1.0),
    (Channel::EegC4A1, 1.0),
    (Channel::EogLeft, 1.0),
    (Channel::EogRight, 1.0),
    (Channel::EmgChin, 1.0),
];

/// Draws the faults of a night, by onset.
pub(super) fn draw(duration_s: f64, recorder: &Recorder, random: &mut Random) -> Vec<ChannelFault> {
    let mut faults = lost_channels(duration_s, random);
    if random.chance(LOOSE_NIGHTS) {
        for _ in 0..random.pick(&[(1, 2.0), (2, 1.0), (4, 1.0)]) {
            let channel = random.pick(&ELECTRODES);
            let length_s = random.log_normal_within((240.0, 0.9), (30.0, 2400.0));
            faults.push(random_span(channel, FaultKind::Loose, length_s, duration_s, random));
        }
    }
    add_sways(duration_s, recorder, random, &mut faults);
    add_pops(duration_s, recorder, random, &mut faults);
    faults.sort_by(|a, b| a.onset_s.total_cmp(&b.onset_s));
    faults
}

fn lost_channels(duration_s: f64, random: &mut Random) -> Vec<ChannelFault> {
    let mut faults: Vec<ChannelFault> = Vec::new();
    if !random.chance(FAULTY_NIGHTS) {
        return faults;
    }
    for _ in 0..random.pick(&[(1, 0.7), (2, 0.3)]) {
        let channel = random.pick(&SENSOR_LOSS);
        let is_eeg = |channel| matches!(channel, Channel::EegC3A2 | Channel::EegC4A1);
        // Keep one of the two EEG channels: a night without any could not be scored.
        if faults
            .iter()
            .any(|fault| fault.channel == channel || (is_eeg(fault.channel) && is_eeg(channel)))
        {
            continue;
        }
        // A detached position sensor still reports a position, so it is never flat.
        if channel == Channel::Position || random.chance(0.4) {
            let kind = FaultKind::Absent;
            faults.push(ChannelFault { channel, kind, onset_s: 0.0, duration_s });
        } else {
            let length_s = random.log_normal_within((2400.0, 0.9), (180.0, 18_000.0));
            faults.push(random_span(
                channel,
                FaultKind::Disconnected,
                length_s,
                duration_s,
                random,
            ));
        }
    }
    faults
}

/// Adds sway, which affects several channels at once for about 20 minutes.
fn add_sways(
    duration_s: f64,
    recorder: &Recorder,
    random: &mut Random,
    faults: &mut Vec<ChannelFault>,
) {
    let mut left_s = recorder.sway_share * duration_s;
    while left_s > 60.0 {
        let length_s = random.log_normal_within((1200.0, 0.7), (120.0, 6000.0)).min(left_s);
        let first = random_span(Channel::EegC3A2, FaultKind::Sway, length_s, duration_s, random);
        for channel in [Channel::EegC3A2, Channel::EegC4A1, Channel::EogLeft, Channel::EogRight] {
            if random.chance(0.75) {
                faults.push(ChannelFault { channel, ..first });
            }
        }
        left_s -= length_s;
    }
}

fn add_pops(
    duration_s: f64,
    recorder: &Recorder,
    random: &mut Random,
    faults: &mut Vec<ChannelFault>,
) {
    let mean_s = 3600.0 / recorder.pops_per_h.max(1e-3);
    let mut time_s = random.exponential(mean_s);
    while time_s + 3.0 < duration_s {
        let channel = random.pick(&ELECTRODES[..4]);
        let length_s = random.between(0.8, 2.5);
        let kind = FaultKind::Pop;
        faults.push(ChannelFault { channel, kind, onset_s: time_s, duration_s: length_s });
        time_s += random.exponential(mean_s);
    }
}

/// Draws a fault of a given length at a random time.
fn random_span(
    channel: Channel,
    kind: FaultKind,
    length_s: f64,
    duration_s: f64,
    random: &mut Random,
) -> ChannelFault {
    let length_s = length_s.min(0.8 * duration_s).round();
    let onset_s = random.between(0.0, duration_s - length_s).round();
    ChannelFault { channel, kind, onset_s, duration_s: length_s }
}
