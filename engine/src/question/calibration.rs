//! How to turn the margin of a concept into a probability.

use nocturne_encoder::bundle::{BundleManifest, Calibration};

/// Returns the calibration of a concept in a bundle.
///
/// If the bundle has none, the logit scale is used instead: an epoch counts if it is nearer to the prompts than to the
/// negatives, and nothing is known of what that misses or confuses.
pub fn calibration_of(manifest: &BundleManifest, concept: &str) -> Calibration {
    manifest.calibration.get(concept).copied().unwrap_or(Calibration {
        slope: manifest.logit_scale,
        offset: 0.0,
        threshold: 0.5,
        true_positive_rate: 1.0,
        false_positive_rate: 0.0,
    })
}
