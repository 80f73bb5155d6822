//! Faults of the recording: channels that are absent, fall off, come loose, sway or pop.

use nocturne_psg::montage::Channel;
use serde::{Deserialize, Serialize};

use crate::random::Random;
use crate::recorder::Recorder;

/// What is wrong with a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The file holds no signal for the channel.
    Absent,
    /// The lead is off: the signal is flat.
    Disconnected,
    /// The electrode is loose: hum, drift and noise.
    Loose,
    /// Sweat or breathing sways the baseline.
    Sway,
    /// The electrode's potential jumps and returns.
    Pop,
}

/// A stretch in which a channel cannot be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChannelFault {
    /// The channel of the montage.
    pub channel: Channel,
    /// What is wrong with it.
    pub kind: FaultKind,
    /// Begin, in seconds from the start of the recording.
    pub onset_s: f64,
    /// Length in seconds.
    pub duration_s: f64,
}

impl ChannelFault {
    /// Returns the end in seconds from the start of the recording, excluded.
    pub fn end_s(&self) -> f64 {
        self.onset_s + self.duration_s
    }
}

/// Share of nights in which one or two channels are absent or fall off.
const FAULTY_NIGHTS: f64 = 0.13;
/// Share of nights with loose electrodes.
const LOOSE_NIGHTS: f64 = 0.2;

/// Channels and how often their sensor is lost; cannulas and chin electrodes go first.
const LOST: [(Channel, f64); 10] = [
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

/// Draws the faults of a night, in order.
pub(super) fn draw(duration_s: f64, recorder: &Recorder, random: &mut Random) -> Vec<ChannelFault> {
    let mut faults = lost_channels(duration_s, random);
    if random.chance(LOOSE_NIGHTS) {
        for _ in 0..random.pick(&[(1, 2.0), (2, 1.0), (4, 1.0)]) {
            let channel = random.pick(&ELECTRODES);
            let length_s = random.log_normal_within((240.0, 0.9), (30.0, 2400.0));
            faults.push(stretch(channel, FaultKind::Loose, length_s, duration_s, random));
        }
    }
    sways(duration_s, recorder, random, &mut faults);
    pops(duration_s, recorder, random, &mut faults);
    faults.sort_by(|a, b| a.onset_s.total_cmp(&b.onset_s));
    faults
}

fn lost_channels(duration_s: f64, random: &mut Random) -> Vec<ChannelFault> {
    let mut faults: Vec<ChannelFault> = Vec::new();
    if !random.chance(FAULTY_NIGHTS) {
        return faults;
    }
    for _ in 0..random.pick(&[(1, 0.7), (2, 0.3)]) {
        let channel = random.pick(&LOST);
        let is_eeg = |channel| matches!(channel, Channel::EegC3A2 | Channel::EegC4A1);
        // One of the two EEG channels is always there: without any a night would not be scored.
        if faults
            .iter()
            .any(|fault| fault.channel == channel || (is_eeg(fault.channel) && is_eeg(channel)))
        {
            continue;
        }
        // A position sensor that is off shows a position all the same.
        if channel == Channel::Position || random.chance(0.4) {
            let kind = FaultKind::Absent;
            faults.push(ChannelFault { channel, kind, onset_s: 0.0, duration_s });
        } else {
            let length_s = random.log_normal_within((2400.0, 0.9), (180.0, 18_000.0));
            faults.push(stretch(channel, FaultKind::Disconnected, length_s, duration_s, random));
        }
    }
    faults
}

/// Sweat comes over several channels at once, for a good part of an hour.
fn sways(
    duration_s: f64,
    recorder: &Recorder,
    random: &mut Random,
    faults: &mut Vec<ChannelFault>,
) {
    let mut left_s = recorder.sway_share * duration_s;
    while left_s > 60.0 {
        let length_s = random.log_normal_within((1200.0, 0.7), (120.0, 6000.0)).min(left_s);
        let first = stretch(Channel::EegC3A2, FaultKind::Sway, length_s, duration_s, random);
        for channel in [Channel::EegC3A2, Channel::EegC4A1, Channel::EogLeft, Channel::EogRight] {
            if random.chance(0.75) {
                faults.push(ChannelFault { channel, ..first });
            }
        }
        left_s -= length_s;
    }
}

fn pops(duration_s: f64, recorder: &Recorder, random: &mut Random, faults: &mut Vec<ChannelFault>) {
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

fn stretch(
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
