//! Makes batches: epochs, a caption for each, and which captions describe which epochs.

use std::collections::HashSet;

use nocturne_encoder::Tokenizer;
use nocturne_encoder::tokenizer::CONTEXT;
use nocturne_psg::EPOCH_SAMPLES;
use nocturne_psg::montage::Channel;
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use super::caption_mix::ConditionedCaption;
use super::sampler::EpochSampler;
use super::seed::derive_seed;
use super::{Augmentation, CaptionMix, TrainingSet};
use crate::error::{Error, Result};
use crate::model::CaptionConditions;
use crate::positive_pairs::PositivePairs;
use crate::tokens::TokenBatch;

/// Numbers of one epoch: ten channels of 1920 samples.
pub const EPOCH_LEN: usize = Channel::COUNT * EPOCH_SAMPLES;

/// Maximum number of draws for one row of a batch before the set is rejected as having nothing to caption.
const MAX_DRAWS: usize = 1000;

/// Epochs, one text for each, and which texts describe which epochs.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// `[n, 10, 1920]`, in row-major order.
    pub signals: Vec<f32>,
    /// One text for each epoch, from the start token to the end token.
    pub texts: TokenBatch,
    /// The caption kinds of the texts.
    pub conditions: CaptionConditions,
    /// Which texts describe which epochs.
    pub positives: PositivePairs,
}

/// Options of batches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchMakerOptions {
    /// Epochs in a batch.
    pub size: usize,
    /// Seed of all random choices.
    pub seed: u64,
    /// Augmentation of epochs.
    pub augmentation: Augmentation,
    /// Shares of the kinds of captions.
    pub captions: CaptionMix,
}

/// Makes batches of a training set.
#[expect(missing_debug_implementations, reason = "the tokenizer's vocabulary has none")]
pub struct BatchMaker {
    set: TrainingSet,
    sampler: EpochSampler,
    tokenizer: Tokenizer,
    options: BatchMakerOptions,
}

/// One row of a batch.
struct DrawnEpoch {
    epoch_idx: usize,
    captioned: ConditionedCaption,
}

impl BatchMaker {
    /// Creates a maker of batches of a set.
    pub fn new(set: TrainingSet, options: BatchMakerOptions) -> Self {
        let sampler = EpochSampler::new(&set);
        Self { set, sampler, tokenizer: Tokenizer::clip(), options }
    }

    /// Returns the set.
    pub fn set(&self) -> &TrainingSet {
        &self.set
    }

    /// Returns the tokenizer of the captions.
    pub const fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Makes the batch with a number; the same number gives the same batch.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Parse`] and [`Error::Format`] of the shards; [`Error::NoCaptions`].
    pub fn batch(&self, number: u64) -> Result<Batch> {
        let mut random = Pcg64Mcg::seed_from_u64(derive_seed(self.options.seed, number));
        let mut signals = vec![0.0; self.options.size * EPOCH_LEN];
        let mut drawn: Vec<DrawnEpoch> = Vec::with_capacity(self.options.size);
        let mut used = HashSet::new();
        for samples in signals.chunks_exact_mut(EPOCH_LEN) {
            let row = self.draw(&mut used, samples, &mut random)?;
            drawn.push(row);
        }
        let tokens: Vec<Vec<i64>> =
            drawn.iter().map(|row| self.tokens(&row.captioned.caption.text)).collect();
        let conditions: Vec<_> = drawn.iter().map(|row| row.captioned.condition).collect();
        let positives = PositivePairs::new(drawn.len(), |epoch, text| {
            drawn[text].captioned.caption.holds(self.set.facts(drawn[epoch].epoch_idx))
                || tokens[epoch] == tokens[text]
        });
        Ok(Batch {
            signals,
            texts: TokenBatch::new(&tokens, CONTEXT),
            conditions: CaptionConditions::new(&conditions),
            positives,
        })
    }

    /// Draws an epoch that is not in the batch yet, unless the set is smaller than the batch.
    fn draw(
        &self,
        used: &mut HashSet<usize>,
        samples: &mut [f32],
        random: &mut Pcg64Mcg,
    ) -> Result<DrawnEpoch> {
        for attempt in 0..MAX_DRAWS {
            let epoch_idx = self.sampler.draw(random);
            if used.contains(&epoch_idx) && attempt < MAX_DRAWS / 10 {
                continue;
            }
            let shown = self.options.augmentation.shown(self.set.mask(epoch_idx), random);
            let facts = self.set.facts(epoch_idx).visible_in(shown);
            let Some(captioned) = self.options.captions.make(&facts, random) else { continue };
            self.set.read_samples(epoch_idx, samples)?;
            self.options.augmentation.apply(shown, samples, random);
            used.insert(epoch_idx);
            return Ok(DrawnEpoch { epoch_idx, captioned });
        }
        Err(Error::NoCaptions { path: self.set.folder().to_owned() })
    }

    fn tokens(&self, text: &str) -> Vec<i64> {
        self.tokenizer.encode(text).ids.into_iter().map(i64::from).collect()
    }
}
