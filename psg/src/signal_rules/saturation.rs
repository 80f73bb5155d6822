//! Oxygen saturation of a night: values of each epoch, and desaturations.

use super::desaturation::{self, Desaturation};
use super::runs::runs;
use super::{ByteScale, EpochColumn, Measured, NoSignal, is_enough};
use crate::night::Night;

/// Oxygen saturation of a night.
#[derive(Debug, Clone, PartialEq)]
pub struct SaturationMeasures {
    /// Mean over the valid seconds of each epoch in percent; see [`PERCENT`](Self::PERCENT).
    pub mean: EpochColumn,
    /// Lowest valid second of each epoch in percent.
    pub lowest: EpochColumn,
    /// Valid seconds of each epoch, 0 to 30; see [`ByteScale::WHOLE`].
    pub valid_s: EpochColumn,
    /// Seconds of each epoch below 90 %, 0 to 30.
    pub below_90_s: EpochColumn,
    /// Desaturations of at least 3 %, by onset.
    pub desaturations: Vec<Desaturation>,
}

/// The saturation below which time is counted, in tenths of a percent: files store whole percents with an error.
const LOW_TENTHS: f32 = 900.0;

impl SaturationMeasures {
    /// Saturations: 40 to 100 % in steps of a quarter.
    pub const PERCENT: ByteScale = ByteScale { first: 40.0, step: 0.25 };

    /// Returns the columns with a value for each epoch.
    pub(super) fn columns(&self) -> impl Iterator<Item = &EpochColumn> {
        [&self.mean, &self.lowest, &self.valid_s, &self.below_90_s].into_iter()
    }
}

/// Measures the saturation of a night.
pub(super) fn measure(night: &Night) -> Measured<SaturationMeasures> {
    let n_epochs = night.epochs().len();
    if night.saturation(0).is_none() {
        return Err(NoSignal::NoChannel);
    }
    let seconds = |epoch_idx| night.saturation(epoch_idx).unwrap_or_default();
    let n_valid = (0..n_epochs).flat_map(seconds).filter(|second| second.is_finite()).count();
    if !is_enough(n_valid as f64, (0..n_epochs).flat_map(seconds).count() as f64) {
        return Err(NoSignal::PoorSignal);
    }
    let mut desaturations = Vec::new();
    for run in runs(night.epochs()) {
        let start_s = night.epochs()[run.start].onset_s;
        let of_run: Vec<f32> = run.flat_map(seconds).copied().collect();
        desaturations.extend(desaturation::find(&of_run, start_s));
    }
    let column = |scale, value: &dyn Fn(&[f32]) -> Option<f64>| {
        let of_epoch = |epoch_idx| {
            let valid = seconds(epoch_idx).iter().copied().filter(|second| second.is_finite());
            value(&valid.collect::<Vec<f32>>())
        };
        EpochColumn::of(scale, (0..n_epochs).map(of_epoch))
    };
    Ok(SaturationMeasures {
        mean: column(SaturationMeasures::PERCENT, &mean),
        lowest: column(SaturationMeasures::PERCENT, &lowest),
        valid_s: column(ByteScale::WHOLE, &|valid| Some(valid.len() as f64)),
        below_90_s: column(ByteScale::WHOLE, &|valid| {
            let is_low = |percent: &&f32| (10.0 * **percent).round() < LOW_TENTHS;
            Some(valid.iter().filter(is_low).count() as f64)
        }),
        desaturations,
    })
}

fn mean(valid: &[f32]) -> Option<f64> {
    let sum: f64 = valid.iter().map(|percent| f64::from(*percent)).sum();
    (!valid.is_empty()).then(|| sum / valid.len() as f64)
}

fn lowest(valid: &[f32]) -> Option<f64> {
    valid.iter().copied().min_by(f32::total_cmp).map(f64::from)
}
