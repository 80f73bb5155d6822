//! How an engine runs.

use nocturne_concepts::Registry;
use nocturne_encoder::{BatchOptions, Device};

use crate::error::{Error, Result};

/// How an engine runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct EngineOptions {
    /// Device of the text tower and of the captioner.
    pub device: Device,
    /// Default recall of epoch searches: the mean share of the true nearest epochs that a search must find, in (0, 1].
    /// `None` searches exactly.
    pub recall: Option<f32>,
    /// Whether background threads follow the collection: one builds the approximate index of large collections, one
    /// switches to the space that is promoted. If false, the engine stays in the space that it was opened in until
    /// [`Engine::follow`](crate::Engine::follow) is called.
    pub keeps_up: bool,
    /// Batch size and threads of the encoders.
    pub batch: BatchOptions,
    /// Whether to open the signal tower and the captioner, if the bundle has one, for
    /// [`Engine::generate_caption`](crate::Engine::generate_caption).
    pub captions: bool,
    /// The concepts that can be asked about; `None` for the shipped ones.
    pub registry: Option<&'static Registry>,
    /// Which calibration turns what the model finds into estimates.
    pub calibration: CalibrationChoice,
}

/// A calibration of the model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CalibrationChoice {
    /// The file beside the bundle, if there is one.
    #[default]
    OfBundle,
    /// None, to learn another one.
    Without,
}

/// Returns a recall that is in (0, 1].
///
/// # Errors
///
/// [`Error::Field`] if it is not.
pub(crate) fn check_recall(recall: f32) -> Result<f32> {
    if recall > 0.0 && recall <= 1.0 {
        return Ok(recall);
    }
    Err(Error::field("recall", recall, "more than 0 and at most 1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recall_is_above_0_and_at_most_1() {
        assert!(check_recall(1.0).is_ok() && check_recall(0.01).is_ok());
        for recall in [0.0, -0.5, 1.01, f32::NAN] {
            let error = check_recall(recall).unwrap_err().to_string();
            let expected = format!("`recall` is {recall}; expected more than 0 and at most 1");
            assert_eq!(error, expected);
        }
    }
}
