//! Writes model bundles: from weights, with the weights beside the graphs, or in another precision.

mod kept_weights;
mod reduce_precision;
mod replace;
mod write;

pub use kept_weights::keep_weights;
pub(crate) use kept_weights::read_weights;
pub use reduce_precision::reduce_bundle;
pub use replace::replace_bundle;
pub use write::{BundleFacts, check_vocabulary, write_bundle};
