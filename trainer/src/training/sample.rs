//! What the decoder in training writes of an epoch, so that a person sees where it is.

use burn::tensor::Device;
use nocturne_encoder::Tokenizer;
use serde::{Deserialize, Serialize};

use super::part::signals;
use crate::TokenBatch;
use crate::data::Batch;
use crate::kernels::Kernels;
use crate::model::{Dropout, SleepLm};

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

/// Lets the model write the caption of one epoch of a batch, where it has a decoder and the vocabulary of the tokenizer.
pub fn caption_sample<B: Kernels>(
    model: &SleepLm<B>,
    batch: &Batch,
    epoch: usize,
    tokenizer: &Tokenizer,
    device: &Device<B>,
) -> Option<CaptionSample> {
    let given = batch.texts.slice(epoch..epoch + 1);
    let ends = tokenizer.encode("").ids;
    let expected: Vec<i64> = given.ids().to_vec();
    let written = write(model, batch, epoch, &ends, device)?;
    let words = |ids: &[i64]| {
        let ids: Vec<u32> = ids.iter().map(|id| *id as u32).collect();
        let is_word = |id: &u32| *id != 0 && !ends.contains(id);
        let words: Vec<u32> = ids.into_iter().filter(is_word).collect();
        tokenizer.decode(&words).trim_end().to_owned()
    };
    Some(CaptionSample { expected: words(&expected), written: words(&written) })
}

/// Writes token by token, each time over the whole text: one text of a few words is not worth a cache.
fn write<B: Kernels>(
    model: &SleepLm<B>,
    batch: &Batch,
    epoch: usize,
    ends: &[u32],
    device: &Device<B>,
) -> Option<Vec<i64>> {
    let decoder = model.text_decoder.as_ref()?;
    let [begin, end] = [ends[0], ends[1]].map(i64::from);
    let signals = signals(batch, &(epoch..epoch + 1), device);
    let memory = model.biosignals.forward(signals, &mut Dropout::off()).memory;
    let condition = batch.conditions.slice(epoch..epoch + 1);
    let mut ids = vec![begin];
    while ids.len() < LONGEST && ids.last() != Some(&end) {
        let states = model.text.forward(&TokenBatch::filled(&[&ids], ids.len())).states;
        let states = decoder.forward(states, &memory, model.prefix(&condition));
        let [_, length, width] = states.dims();
        let last = states.narrow(1, length - 1, 1).reshape([1, width]);
        let likeliest = decoder.logits(last).argmax(1).into_data().convert::<i64>();
        ids.push(likeliest.as_slice::<i64>().expect("`convert` has made the values i64")[0]);
    }
    Some(ids)
}
