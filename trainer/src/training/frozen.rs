//! What of a model stays as it is.

use serde::{Deserialize, Serialize};

/// The towers that training leaves as they are.
///
/// A frozen tower goes forward without dropout and is not recorded for the way back;
/// its weights have no gradient and no means in the optimizer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Frozen {
    /// Whether the signal tower is frozen.
    pub signal: bool,
    /// Whether the text tower is frozen.
    pub text: bool,
}

impl Frozen {
    /// Returns whether a weight of that name stays as it is.
    ///
    /// The scale of the similarity stays with both towers: it belongs to their embeddings.
    pub fn holds(self, name: &str) -> bool {
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
    fn a_tower_and_no_decoder_is_frozen_by_its_name() {
        let (signal, text) = (true, true);
        let check = |frozen: Frozen, name, expected| assert_eq!(frozen.holds(name), expected);
        check(Frozen { signal, text }, "logit_scale", true);
        check(Frozen { signal, text: false }, "logit_scale", false);
        check(Frozen { signal, text: false }, "biosignals.ln_final.weight", true);
        check(Frozen { signal, text: false }, "text.cls_emb", false);
        check(Frozen { signal: false, text }, "text.cls_emb", true);
        check(Frozen { signal, text }, "text_decoder.text_projection", false);
        check(Frozen { signal, text }, "signal_decoder.to_signal.0.weight", false);
        check(Frozen { signal, text }, "channel_embeddings", false);
    }
}
