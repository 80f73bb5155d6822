//! The measured numbers that captions list: their channels, their names and their units.

use serde::{Deserialize, Serialize};

use super::CaptionKind;
use crate::features::{Breathing, EegPowers, EyeMovements, Features, TrendStretch};

/// What a list of numbers speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberHead {
    /// The left electro-oculogram.
    LeftEog,
    /// The right electro-oculogram.
    RightEog,
    /// C3-A2.
    C3,
    /// C4-A1.
    C4,
    /// The beats of the electrocardiogram.
    Ecg,
    /// The course of the heart rate.
    HeartRate,
    /// Oxygen saturation of the blood.
    Saturation,
    /// The belt of the abdomen.
    Abdomen,
    /// The belt of the thorax.
    Thorax,
    /// Airflow.
    Airflow,
    /// The chin muscle.
    Chin,
}

impl NumberHead {
    /// Every head, in the order in which numbers are listed.
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

    /// Returns the kind of caption that lists its numbers.
    pub const fn kind(self) -> CaptionKind {
        match self {
            Self::LeftEog | Self::RightEog | Self::C3 | Self::C4 => CaptionKind::Brain,
            Self::Ecg | Self::HeartRate | Self::Saturation => CaptionKind::Heart,
            Self::Abdomen | Self::Thorax | Self::Airflow => CaptionKind::Respiratory,
            Self::Chin => CaptionKind::PositionMuscle,
        }
    }

    /// Returns the names of its numbers.
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

    /// Returns how the rate or level goes, where that is told of it.
    pub fn trends(self, features: &Features) -> &[TrendStretch] {
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

    /// Returns the numbers that were measured, with their names; none where the channel carries nothing.
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

/// Which number of a channel.
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
    /// Rate of the beats.
    BeatRate,
    /// Variability of the beats.
    Rmssd,
    /// Least of a rate.
    Minimum,
    /// Greatest of a rate.
    Maximum,
    /// Mean of a rate.
    Mean,
    /// Least saturation of the epoch.
    LeastSaturation,
    /// Mean saturation.
    MeanSaturation,
    /// Breaths per minute in a belt.
    BeltRate,
    /// Deviation of the intervals between breaths.
    Deviation,
    /// Breaths per minute in the airflow.
    FlowRate,
    /// Flatness of the inspiratory flow.
    Flatness,
    /// Median frequency of the muscle.
    MedianFrequency,
    /// Strength of muscle bursts.
    BurstRatio,
    /// Muscle bursts per second.
    BurstRate,
    /// Muscle tone against that of the recording.
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

    /// Returns the unit as it is written behind the number, with the space before it; empty for a ratio.
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
