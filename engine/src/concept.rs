//! Concepts: labels with the calibration that the bundle brings.

use nocturne_encoder::Label;
use nocturne_encoder::bundle::{Calibration, Manifest};

/// Returns how to read the margin of a concept.
///
/// A bundle that brings no calibration for it leaves the learned scale: an epoch counts where it is nearer to the
/// prompts than to the negatives, and nothing is known of what that misses or mistakes.
pub(crate) fn calibration(manifest: &Manifest, concept: &str) -> Calibration {
    manifest.calibration.get(concept).copied().unwrap_or(Calibration {
        slope: manifest.logit_scale,
        offset: 0.0,
        threshold: 0.5,
        true_positive_rate: 1.0,
        false_positive_rate: 0.0,
    })
}

/// Returns whether a plain word, or the name, calls a concept.
pub(crate) fn is_called(label: &Label, words: &str) -> bool {
    label.name == words || label.words.iter().any(|word| word == words)
}

#[cfg(test)]
mod tests {
    use nocturne_encoder::PromptSet;

    use super::*;

    #[test]
    fn concepts_are_called_by_plain_words() {
        let label = |name| PromptSet::events().label(name).unwrap();
        assert!(is_called(label("arousal"), "arousals"));
        assert!(is_called(label("k_complex"), "k_complex"));
        assert!(!is_called(label("arousal"), "bad dreams"));
    }
}
