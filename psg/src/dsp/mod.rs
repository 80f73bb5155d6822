//! Signal processing: filters, resampling and power spectra.

mod high_pass;
mod polyphase_batch;
mod ratio;
mod resample;
mod spectrum;

pub use high_pass::HighPass;
pub(crate) use polyphase_batch::{dot, with_vectors};
pub use ratio::Ratio;
pub use resample::Resampler;
pub use spectrum::{Band, Spectrum};
