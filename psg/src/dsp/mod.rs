//! Signal processing: resampling, scaling and spectra.

mod batch;
mod ratio;
mod resample;
mod spectrum;

pub(crate) use batch::{dot, with_vectors};
pub use ratio::Ratio;
pub use resample::Resampler;

pub use spectrum::{Band, Spectrum};
