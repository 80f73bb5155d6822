//! What a bundle can be believed about: probabilities in epochs and measures of nights, learned from scored nights.

mod calibrate;
mod epoch_curve;
mod file;
mod measure_fit;

pub(crate) use calibrate::is_shown;
pub use calibrate::{CalibrationNight, MIN_CHANNELS, calibrate};
pub use file::{
    Band, Calibration, EpochModel, EpochQuality, FILE_NAME, MIN_NIGHTS, MeasureModel, Origin,
    Population,
};
