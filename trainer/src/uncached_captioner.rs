//! Writes captions with the model's own forward pass, which reads the whole text again for every token.
//!
//! The slow reference for the exported captioner, which caches keys and values.

use burn::tensor::Tensor;
use nocturne_encoder::caption::{DecodingOptions, NextTokenModel, TextLimits};

use crate::host_tensor::to_host;
use crate::kernels::Kernels;
use crate::model::{CaptionConditions, CaptionDecoder, SleepLm};
use crate::tokens::{TokenBatch, TokenSet};

/// Continues texts about one epoch.
#[derive(Debug)]
pub struct EpochCaptioner<'a, B: Kernels> {
    model: &'a SleepLm<B>,
    decoder: &'a CaptionDecoder<B>,
    /// `[1, tokens, width]`.
    memory: Tensor<B, 3>,
    /// `[1, slots, width]`.
    prefix: Option<Tensor<B, 3>>,
    /// The allowed tokens, or `None` for all.
    tokens: Option<TokenSet>,
}

/// Logit of a token that is not allowed.
const EXCLUDED_LOGIT: f32 = -1e30;

impl<'a, B: Kernels> EpochCaptioner<'a, B> {
    /// Takes the memory of an epoch, `[1, tokens, width]`, and the condition of the caption; returns `None` if the
    /// model has no caption decoder.
    ///
    /// # Panics
    ///
    /// If the conditions do not have exactly one row, or name an unknown kind.
    pub fn new(
        model: &'a SleepLm<B>,
        memory: Tensor<B, 3>,
        conditions: Option<&CaptionConditions>,
    ) -> Option<Self> {
        let decoder = model.text_decoder.as_ref()?;
        let prefix = conditions.and_then(|conditions| model.prefix(conditions));
        Some(Self { model, decoder, memory, prefix, tokens: None })
    }

    /// Restricts the captions to some tokens, as an export does that knows only those.
    #[must_use]
    pub fn restricted_to(self, tokens: TokenSet) -> Self {
        Self { tokens: Some(tokens), ..self }
    }

    /// Searches for a caption; its ids include the start token.
    pub fn caption(&mut self, search: &DecodingOptions, limits: TextLimits) -> Vec<u32> {
        let found = search.decode(self, limits, &mut |_| true);
        found.expect("a forward pass does not fail").ids
    }
}

impl<B: Kernels> NextTokenModel for EpochCaptioner<'_, B> {
    fn next_logits(
        &mut self,
        rows: &[Vec<u32>],
        _parents: &[usize],
    ) -> nocturne_encoder::Result<Vec<f32>> {
        let texts: Vec<Vec<i64>> =
            rows.iter().map(|row| row.iter().map(|id| i64::from(*id)).collect()).collect();
        let (n, length) = (texts.len(), texts[0].len());
        // Not cut to the visible positions: the last word may have the id of the pad.
        let states = self.model.text.forward(&TokenBatch::filled(&texts, length)).states;
        let prefix = self.prefix.clone().map(|prefix| prefix.repeat_dim(0, n));
        let memory = self.memory.clone().repeat_dim(0, n);
        let states = self.decoder.forward(states, &memory, prefix);
        let [_, _, width] = states.dims();
        let last = states.narrow(1, length - 1, 1).reshape([n, width]);
        let logits = self.decoder.logits(last);
        let [_, vocabulary] = logits.dims();
        let mut logits = to_host(logits.reshape([n * vocabulary]));
        if let Some(tokens) = &self.tokens {
            let outside = (0..logits.len()).filter(|index| !tokens.contains(index % vocabulary));
            outside.for_each(|index| logits[index] = EXCLUDED_LOGIT);
        }
        Ok(logits)
    }
}
