//! The measures that captions list: channels, names and units.

use serde::{Deserialize, Serialize};

use super::CaptionKind;
use crate::features::{Breathing, EegPowers, EyeMovements, Features, TrendSpan};

/// The heading of a list of measures: a channel or a group of measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberHeading {
    /// Left EOG.
    LeftEog,
    /// Right EOG.
    RightEog,
    /// C3-A2.
    C3,
    /// C4-A1.
    C4,
    /// Heart beats in the ECG.
    Ecg,
    /// Course of the heart rate.
    HeartRate,
    /// Oxygen saturation.
    Saturation,
    /// Abdominal belt.
    Abdomen,
    /// Thoracic belt.
    Thorax,
    /// Airflow.
    Airflow,
    /// Chin EMG.
    Chin,
}

impl NumberHeading {
    /// Every heading, in the order of captions.
    pub const ALL: [Self; 11] = [
        Self::LeftEog,
        Self::RightEog,
        Self::C3,
        Self::C4,
        Self::Ecg,
        Self::HeartRate,
        Self::Saturation,
        Self::Abdomen,
        Self::Thorax,
        Self::Airflow,
        Self::Chin,
    ];

    /// Returns the kind of caption with this heading.
    pub const fn kind(self) -> CaptionKind {
        match self {
            Self::LeftEog | Self::RightEog | Self::C3 | Self::C4 => CaptionKind::Brain,
            Self::Ecg | Self::HeartRate | Self::Saturation => CaptionKind::Heart,
            Self::Abdomen | Self::Thorax | Self::Airflow => CaptionKind::Respiratory,
            Self::Chin => CaptionKind::PositionMuscle,
        }
    }

    /// Returns the names of its measures.
    pub const fn names(self) -> &'static [NumberName] {
        match self {
            Self::LeftEog | Self::RightEog => &[NumberName::Slow, NumberName::Rapid],
            Self::C3 | Self::C4 => {
                &[NumberName::Delta, NumberName::Theta, NumberName::Alpha, NumberName::Beta]
            }
            Self::Ecg => &[NumberName::BeatRate, NumberName::Rmssd],
            Self::HeartRate => &[NumberName::Minimum, NumberName::Maximum, NumberName::Mean],
            Self::Saturation => &[NumberName::LeastSaturation, NumberName::MeanSaturation],
            Self::Abdomen | Self::Thorax => &[NumberName::BeltRate, NumberName::Deviation],
            Self::Airflow => &[NumberName::FlowRate, NumberName::Flatness],
            Self::Chin => &[
                NumberName::MedianFrequency,
                NumberName::BurstRatio,
                NumberName::BurstRate,
                NumberName::Tone,
            ],
        }
    }

    /// Returns the trends under this heading; empty for most headings.
    pub fn trends(self, features: &Features) -> &[TrendSpan] {
        match self {
            Self::HeartRate => features.heart.as_ref().map_or(&[], |heart| &heart.trends),
            Self::Saturation => features.saturation.as_ref().map_or(&[], |it| &it.trends),
            Self::LeftEog
            | Self::RightEog
            | Self::C3
            | Self::C4
            | Self::Ecg
            | Self::Abdomen
            | Self::Thorax
            | Self::Airflow
            | Self::Chin => &[],
        }
    }

    /// Returns the measures of an epoch with their names; empty if the channel has no usable signal.
    pub fn measured(self, features: &Features) -> Vec<(NumberName, f64)> {
        let heart = features.heart.as_ref();
        let numbers = match self {
            Self::LeftEog => features.eog_left.map(eye),
            Self::RightEog => features.eog_right.map(eye),
            Self::C3 => features.eeg_c3.map(eeg),
            Self::C4 => features.eeg_c4.map(eeg),
            Self::Ecg => heart.map(|heart| {
                vec![(NumberName::BeatRate, heart.rate_bpm), (NumberName::Rmssd, heart.rmssd_ms)]
            }),
            Self::HeartRate => heart.map(|heart| {
                vec![
                    (NumberName::Minimum, heart.min_bpm),
                    (NumberName::Maximum, heart.max_bpm),
                    (NumberName::Mean, heart.mean_bpm),
                ]
            }),
            Self::Saturation => features.saturation.as_ref().map(|saturation| {
                vec![
                    (NumberName::LeastSaturation, saturation.min_percent),
                    (NumberName::MeanSaturation, saturation.mean_percent),
                ]
            }),
            Self::Abdomen => features.abdomen.map(belt),
            Self::Thorax => features.thorax.map(belt),
            Self::Airflow => features.airflow.map(|flow| {
                vec![(NumberName::FlowRate, flow.rate_bpm), (NumberName::Flatness, flow.flatness)]
            }),
            Self::Chin => features.chin.map(|chin| {
                let tone = chin.tone_percent.map(|percent| (NumberName::Tone, percent));
                let mut numbers = vec![
                    (NumberName::MedianFrequency, chin.median_frequency_hz),
                    (NumberName::BurstRatio, chin.burst_ratio),
                    (NumberName::BurstRate, chin.burst_rate_hz),
                ];
                numbers.extend(tone);
                numbers
            }),
        };
        numbers.unwrap_or_default()
    }
}

fn eye(eye: EyeMovements) -> Vec<(NumberName, f64)> {
    vec![(NumberName::Slow, eye.slow), (NumberName::Rapid, eye.rapid)]
}

fn eeg(eeg: EegPowers) -> Vec<(NumberName, f64)> {
    vec![
        (NumberName::Delta, eeg.delta),
        (NumberName::Theta, eeg.theta),
        (NumberName::Alpha, eeg.alpha),
        (NumberName::Beta, eeg.beta),
    ]
}

fn belt(belt: Breathing) -> Vec<(NumberName, f64)> {
    vec![(NumberName::BeltRate, belt.rate_bpm), (NumberName::Deviation, belt.interval_deviation_s)]
}

/// The name of a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberName {
    /// Share of slow eye movements.
    Slow,
    /// Share of rapid eye movements.
    Rapid,
    /// Share of delta.
    Delta,
    /// Share of theta.
    Theta,
    /// Share of alpha.
    Alpha,
    /// Share of beta.
    Beta,
    /// Heart rate.
    BeatRate,
    /// Heart rate variability (RMSSD).
    Rmssd,
    /// Minimum of a rate.
    Minimum,
    /// Maximum of a rate.
    Maximum,
    /// Mean of a rate.
    Mean,
    /// Minimum saturation.
    LeastSaturation,
    /// Mean saturation.
    MeanSaturation,
    /// Breaths per minute in a belt.
    BeltRate,
    /// Standard deviation of the intervals between breaths.
    Deviation,
    /// Breaths per minute in the airflow.
    FlowRate,
    /// Flatness of the inspiratory flow.
    Flatness,
    /// Median frequency of the chin EMG.
    MedianFrequency,
    /// Ratio of bursts to the median amplitude.
    BurstRatio,
    /// Muscle bursts per second.
    BurstRate,
    /// Muscle tone relative to the recording.
    Tone,
}

impl NumberName {
    /// Every name.
    pub const ALL: [Self; 21] = [
        Self::Slow,
        Self::Rapid,
        Self::Delta,
        Self::Theta,
        Self::Alpha,
        Self::Beta,
        Self::BeatRate,
        Self::Rmssd,
        Self::Minimum,
        Self::Maximum,
        Self::Mean,
        Self::LeastSaturation,
        Self::MeanSaturation,
        Self::BeltRate,
        Self::Deviation,
        Self::FlowRate,
        Self::Flatness,
        Self::MedianFrequency,
        Self::BurstRatio,
        Self::BurstRate,
        Self::Tone,
    ];

    /// Returns the unit as written after the number, with the preceding space; empty for a ratio.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Slow
            | Self::Rapid
            | Self::Delta
            | Self::Theta
            | Self::Alpha
            | Self::Beta
            | Self::LeastSaturation
            | Self::MeanSaturation
            | Self::Tone => "%",
            Self::BeatRate
            | Self::Minimum
            | Self::Maximum
            | Self::Mean
            | Self::BeltRate
            | Self::FlowRate => " bpm",
            Self::Rmssd => " ms",
            Self::Deviation => " s",
            Self::Flatness | Self::BurstRatio => "",
            Self::MedianFrequency | Self::BurstRate => " Hz",
        }
    }
}
