//! Signal processing: resampling and power spectra.

mod polyphase_batch;
mod ratio;
mod resample;
mod spectrum;

pub(crate) use polyphase_batch::{dot, with_vectors};
pub use ratio::Ratio;
pub use resample::Resampler;
pub use spectrum::{Band, Spectrum};
