//! Measures a night by rules on its signals, without a model: saturation, heart rate, position, chin tone and leg
//! movements.
//!
//! `docs/measures.md` defines each measure. Values are kept in steps of a byte, in which they are also stored, so that a
//! collection returns what was measured.

mod desaturation;
mod epoch_column;
mod leg_movement;
mod legs;
mod runs;
mod saturation;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::features;
use crate::night::Night;
use crate::recording::Recording;
use crate::sleep::{Channel, Position};

pub use desaturation::Desaturation;
pub use epoch_column::{ByteScale, EpochColumn};
pub use leg_movement::LegMovement;
pub use legs::LegMeasures;
pub use saturation::SaturationMeasures;

/// Minimum share of a night that a signal must measure: below it, the signal is called poor.
const MIN_SHARE: f64 = 0.25;

/// What rules on the signals of a night measure, for the epochs of the [`Night`].
#[derive(Debug, Clone, PartialEq)]
pub struct SignalMeasures {
    /// Oxygen saturation, from the oximeter.
    pub saturation: Measured<SaturationMeasures>,
    /// Mean heart rate of each epoch in beats per minute, from the ECG; see [`HEART_RATE_BPM`].
    pub heart_rate: Measured<EpochColumn>,
    /// Position held for more than half of each epoch, `None` if there is none or it is unknown.
    pub position: Measured<Vec<Option<Position>>>,
    /// Median amplitude of the chin EMG in each epoch over its standard deviation in the night, in percent; see
    /// [`CHIN_TONE_PERCENT`].
    pub chin_tone: Measured<EpochColumn>,
    /// Leg movements, from the leg EMGs.
    pub legs: Measured<LegMeasures>,
}

/// A measure, or why there is none.
pub type Measured<T> = Result<T, NoSignal>;

/// Why a rule measured nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoSignal {
    /// The recording has no such channel.
    NoChannel,
    /// The channel is sampled too slowly or in a unit that the rule cannot use.
    Unsuitable,
    /// The channel has a usable signal in less than a quarter of the night.
    PoorSignal,
}

/// Heart rates: 20 to 274 beats per minute in steps of 1.
pub const HEART_RATE_BPM: ByteScale = ByteScale { first: 20.0, step: 1.0 };
/// Chin tones: 0 to 508 % in steps of 2 %.
pub const CHIN_TONE_PERCENT: ByteScale = ByteScale { first: 0.0, step: 2.0 };

impl SignalMeasures {
    /// Measures a night of an open recording; the scored respiratory events decide which leg movements count.
    pub fn measure(recording: &Recording, night: &Night) -> Self {
        Self {
            saturation: saturation::measure(night),
            heart_rate: heart_rate(night),
            position: position(night),
            chin_tone: chin_tone(night),
            legs: legs::measure(recording, night),
        }
    }

    /// Returns the number of epochs of every measure, or `None` if the measures disagree; 0 if nothing was measured.
    pub fn n_epochs(&self) -> Option<usize> {
        let mut lengths = Vec::new();
        if let Ok(saturation) = &self.saturation {
            lengths.extend(saturation.columns().map(EpochColumn::len));
        }
        lengths.extend(self.heart_rate.as_ref().map(EpochColumn::len));
        lengths.extend(self.position.as_ref().map(Vec::len));
        lengths.extend(self.chin_tone.as_ref().map(EpochColumn::len));
        lengths.extend(self.legs.as_ref().map(|legs| legs.valid_s.len()));
        let first = lengths.first().copied().unwrap_or(0);
        lengths.iter().all(|length| *length == first).then_some(first)
    }
}

fn heart_rate(night: &Night) -> Measured<EpochColumn> {
    let rate = |epoch_idx| {
        let ecg = night.samples(epoch_idx, Channel::Ecg)?;
        features::heart_rate(ecg).map(|heart| heart.mean_bpm)
    };
    let rates = of_channel(night, Channel::Ecg, rate)?;
    Ok(EpochColumn::of(HEART_RATE_BPM, rates))
}

fn position(night: &Night) -> Measured<Vec<Option<Position>>> {
    of_channel(night, Channel::Position, |epoch_idx| night.position(epoch_idx))
}

fn chin_tone(night: &Night) -> Measured<EpochColumn> {
    let deviation = night.deviation(Channel::EmgChin);
    let tone =
        |epoch_idx| features::tone_percent(night.samples(epoch_idx, Channel::EmgChin)?, deviation?);
    let tones = of_channel(night, Channel::EmgChin, tone)?;
    Ok(EpochColumn::of(CHIN_TONE_PERCENT, tones))
}

/// Returns a value for each epoch from a channel of the montage.
fn of_channel<T>(
    night: &Night,
    channel: Channel,
    measure: impl FnMut(usize) -> Option<T>,
) -> Measured<Vec<Option<T>>> {
    if night.epochs().iter().all(|epoch| epoch.quality.missing.contains(channel)) {
        return Err(NoSignal::NoChannel);
    }
    let values: Vec<Option<T>> = (0..night.epochs().len()).map(measure).collect();
    let n_measured = values.iter().flatten().count();
    if is_enough(n_measured as f64, values.len() as f64) {
        Ok(values)
    } else {
        Err(NoSignal::PoorSignal)
    }
}

/// Returns whether a part of a night suffices to measure it.
fn is_enough(measured: f64, night: f64) -> bool {
    measured > 0.0 && measured >= MIN_SHARE * night
}

impl NoSignal {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::NoChannel, Self::Unsuitable, Self::PoorSignal];

    /// Returns the name in snake case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoChannel => "no_channel",
            Self::Unsuitable => "unsuitable",
            Self::PoorSignal => "poor_signal",
        }
    }
}

impl fmt::Display for NoSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NoChannel => "the recording has no such channel",
            Self::Unsuitable => "the rule cannot use the rate or unit of the channel",
            Self::PoorSignal => {
                "the channel has a usable signal in less than a quarter of the night"
            }
        })
    }
}
