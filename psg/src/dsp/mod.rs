//! Signal processing: resampling, scaling and spectra.

mod ratio;
mod resample;
mod spectrum;

pub use ratio::Ratio;
pub use resample::Resampler;
pub(crate) use resample::dot;
pub use spectrum::{Band, Spectrum};
