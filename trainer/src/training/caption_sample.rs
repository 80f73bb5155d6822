//! Sample captions during training, for people to follow its progress.

use burn::tensor::Device;
use nocturne_encoder::Tokenizer;
use serde::{Deserialize, Serialize};

use super::batch_part::signals;
use crate::data::Batch;
use crate::kernels::{Dropout, Kernels};
use crate::model::SleepLm;
use crate::objective::CaptionVocabulary;
use crate::tokens::{PAD, TokenBatch};

/// Maximum length of a sample in tokens.
const MAX_LENGTH: usize = 64;

/// The target caption of an epoch, and the decoder's caption with the same condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptionSample {
    /// The target caption.
    pub expected: String,
    /// The decoder's caption, by greedy decoding.
    pub written: String,
}

/// Generates sample captions.
#[derive(Clone, Copy)]
pub(super) struct CaptionSampler<'a> {
    /// The vocabulary of the caption loss.
    pub(super) vocabulary: &'a CaptionVocabulary,
    pub(super) tokenizer: &'a Tokenizer,
}

impl CaptionSampler<'_> {
    /// Generates the caption of one epoch of a batch, or returns `None` if the model has no decoder.
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
            let is_word = |id: &&i64| **id != PAD && !self.start_and_end().contains(id);
            let words: Vec<u32> = ids.iter().filter(is_word).map(|id| *id as u32).collect();
            self.tokenizer.decode(&words).trim_end().to_owned()
        };
        Some(CaptionSample { expected: words(given.ids()), written: words(&written) })
    }

    /// Returns the start and end tokens.
    fn start_and_end(self) -> [i64; 2] {
        let ids = self.tokenizer.encode("").ids;
        [ids[0], ids[1]].map(i64::from)
    }

    /// Decodes token by token, each time over the whole text: a short text does not need a cache.
    fn write<B: Kernels>(
        self,
        model: &SleepLm<B>,
        batch: &Batch,
        epoch: usize,
        device: &Device<B>,
    ) -> Option<Vec<i64>> {
        let decoder = model.text_decoder.as_ref()?;
        let [start, end] = self.start_and_end();
        let signals = signals(batch, &(epoch..epoch + 1), device);
        let memory = model.biosignals.forward(signals, &mut Dropout::off()).memory;
        let condition = batch.conditions.slice(epoch..epoch + 1);
        let columns = self.vocabulary.columns(decoder.text_projection.val());
        let mut ids = vec![start];
        while ids.len() < MAX_LENGTH && ids.last() != Some(&end) {
            let states = model.text.forward(&TokenBatch::filled(&[&ids], ids.len())).states;
            let states = decoder.forward(states, &memory, model.prefix(&condition));
            let [_, length, width] = states.dims();
            let last = states.narrow(1, length - 1, 1).reshape([1, width]);
            let likeliest = last.matmul(columns.clone()).argmax(1).into_data().convert::<i64>();
            let likeliest = likeliest.as_slice::<i64>().expect("`convert` returns i64 values");
            ids.push(self.vocabulary.id(likeliest[0] as usize));
        }
        Some(ids)
    }
}
