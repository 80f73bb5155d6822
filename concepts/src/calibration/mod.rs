//! What a bundle can be believed about: probabilities in epochs and measures of nights, learned from scored nights.

mod epoch_curve;
mod event_labels;
mod file;
mod measure_fit;

pub use epoch_curve::fit_curves;
pub use event_labels::EventLabels;
pub(crate) use event_labels::is_shown;
pub use file::{
    Band, Calibration, EpochModel, EpochQuality, FILE_NAME, MIN_CHANNELS, MIN_NIGHTS, MeasureModel,
    Origin, Population,
};
pub use measure_fit::{FOLDS, NightPair, fit_measure};
