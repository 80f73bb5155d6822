//! Towers that are not trained.

use serde::{Deserialize, Serialize};

/// The towers that training leaves unchanged.
///
/// A frozen tower runs without dropout and is not recorded in the autodiff graph; its weights have no gradient and no
/// optimizer moments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FrozenTowers {
    /// Whether the signal tower is frozen.
    pub signal: bool,
    /// Whether the text tower is frozen.
    pub text: bool,
}

impl FrozenTowers {
    /// Returns whether the weight with that name is frozen.
    ///
    /// The logit scale is frozen if both towers are: it belongs to their embeddings.
    pub fn contains(self, name: &str) -> bool {
        (self.signal && name.starts_with("biosignals."))
            || (self.text && name.starts_with("text."))
            || (self.both() && name == "logit_scale")
    }

    /// Returns whether both towers are frozen.
    pub const fn both(self) -> bool {
        self.signal && self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_towers_are_frozen() {
        let (signal, text) = (true, true);
        let check =
            |frozen: FrozenTowers, name, expected| assert_eq!(frozen.contains(name), expected);
        check(FrozenTowers { signal, text }, "logit_scale", true);
        check(FrozenTowers { signal, text: false }, "logit_scale", false);
        check(FrozenTowers { signal, text: false }, "biosignals.ln_final.weight", true);
        check(FrozenTowers { signal, text: false }, "text.cls_emb", false);
        check(FrozenTowers { signal: false, text }, "text.cls_emb", true);
        check(FrozenTowers { signal, text }, "text_decoder.text_projection", false);
        check(FrozenTowers { signal, text }, "signal_decoder.to_signal.0.weight", false);
        check(FrozenTowers { signal, text }, "channel_embeddings", false);
    }
}
