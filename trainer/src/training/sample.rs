//! What the decoder in training writes of an epoch, so that a person sees where it is.

use burn::tensor::Device;
use nocturne_encoder::Tokenizer;
use serde::{Deserialize, Serialize};

use super::part::signals;
use crate::TokenBatch;
use crate::data::Batch;
use crate::kernels::Kernels;
use crate::model::{Dropout, PAD, SleepLm};
use crate::objective::Vocabulary;

/// Longest text that is written, in tokens: enough for a person to judge.
const LONGEST: usize = 64;

/// A caption that was made from what is known of an epoch, and what the decoder writes of the same kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptionSample {
    /// What the decoder was to write.
    pub expected: String,
    /// What it writes, the likeliest token at each step.
    pub written: String,
}

/// What is needed to write words.
#[derive(Clone, Copy)]
pub(super) struct Writer<'a> {
    /// The tokens among which the decoder has learned to choose.
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) tokenizer: &'a Tokenizer,
}

impl Writer<'_> {
    /// Lets the model write the caption of one epoch of a batch, where it has a decoder.
    pub(super) fn sample<B: Kernels>(
        self,
        model: &SleepLm<B>,
        batch: &Batch,
        epoch: usize,
        device: &Device<B>,
    ) -> Option<CaptionSample> {
        let given = batch.texts.slice(epoch..epoch + 1);
        let written = self.write(model, batch, epoch, device)?;
        let words = |ids: &[i64]| {
            let is_word = |id: &&i64| **id != PAD && !self.ends().contains(id);
            let words: Vec<u32> = ids.iter().filter(is_word).map(|id| *id as u32).collect();
            self.tokenizer.decode(&words).trim_end().to_owned()
        };
        Some(CaptionSample { expected: words(given.ids()), written: words(&written) })
    }

    /// Returns the tokens that begin and end a text.
    fn ends(self) -> [i64; 2] {
        let ids = self.tokenizer.encode("").ids;
        [ids[0], ids[1]].map(i64::from)
    }

    /// Writes token by token, each time over the whole text: one text of a few words is not worth a cache.
    fn write<B: Kernels>(
        self,
        model: &SleepLm<B>,
        batch: &Batch,
        epoch: usize,
        device: &Device<B>,
    ) -> Option<Vec<i64>> {
        let decoder = model.text_decoder.as_ref()?;
        let [begin, end] = self.ends();
        let signals = signals(batch, &(epoch..epoch + 1), device);
        let memory = model.biosignals.forward(signals, &mut Dropout::off()).memory;
        let condition = batch.conditions.slice(epoch..epoch + 1);
        let columns = self.vocabulary.columns(decoder.text_projection.val());
        let mut ids = vec![begin];
        while ids.len() < LONGEST && ids.last() != Some(&end) {
            let states = model.text.forward(&TokenBatch::filled(&[&ids], ids.len())).states;
            let states = decoder.forward(states, &memory, model.prefix(&condition));
            let [_, length, width] = states.dims();
            let last = states.narrow(1, length - 1, 1).reshape([1, width]);
            let likeliest = last.matmul(columns.clone()).argmax(1).into_data().convert::<i64>();
            let likeliest = likeliest.as_slice::<i64>().expect("`convert` has made the values i64");
            ids.push(self.vocabulary.id(likeliest[0] as usize));
        }
        Some(ids)
    }
}
