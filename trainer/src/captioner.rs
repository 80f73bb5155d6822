//! Captions by the model's own forward pass, which reads the whole text anew for every token.
//!
//! Slow and plain: it is what the exported captioner, which keeps what it has computed, is compared with.

use burn::tensor::Tensor;
use nocturne_encoder::caption::{DecodingOptions, NextTokenModel, TextLimits};

use crate::kernels::Kernels;
use crate::model::{CaptionDecoder, Conditions, SleepLm};
use crate::weights::to_host;
use crate::{TokenBatch, TokenSet};

/// Continues texts about one epoch.
#[derive(Debug)]
pub struct EpochCaptioner<'a, B: Kernels> {
    model: &'a SleepLm<B>,
    decoder: &'a CaptionDecoder<B>,
    /// `[1, tokens, width]`.
    memory: Tensor<B, 3>,
    /// `[1, slots, width]`.
    prefix: Option<Tensor<B, 3>>,
    /// The tokens that may be said; all of them where there is none.
    tokens: Option<TokenSet>,
}

/// Logit of a token that may not be said.
const NEVER: f32 = -1e30;

impl<'a, B: Kernels> EpochCaptioner<'a, B> {
    /// Takes the memory of an epoch, `[1, tokens, width]`, and what the caption is to be about;
    /// gives none where the model has no caption decoder.
    ///
    /// # Panics
    ///
    /// Where the conditions are not of one row, or name a kind that there is not.
    pub fn new(
        model: &'a SleepLm<B>,
        memory: Tensor<B, 3>,
        conditions: Option<&Conditions>,
    ) -> Option<Self> {
        let decoder = model.text_decoder.as_ref()?;
        let prefix = conditions.and_then(|conditions| model.prefix(conditions));
        Some(Self { model, decoder, memory, prefix, tokens: None })
    }

    /// Says no other tokens than these, as an export does that knows them alone.
    #[must_use]
    pub fn among(self, tokens: TokenSet) -> Self {
        Self { tokens: Some(tokens), ..self }
    }

    /// Searches for a caption; its ids are those from the begin token on.
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
        // Not cut to the positions that count: a last word may have the id of a pad.
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
            let outside = (0..logits.len()).filter(|place| !tokens.contains(place % vocabulary));
            outside.for_each(|place| logits[place] = NEVER);
        }
        Ok(logits)
    }
}
