//! Makes batches: epochs, a caption for each, and which caption is true of which epoch.

use std::collections::HashSet;

use nocturne_encoder::Tokenizer;
use nocturne_encoder::tokenizer::CONTEXT;
use nocturne_psg::EPOCH_SAMPLES;
use nocturne_psg::montage::Channel;
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use super::caption_mix::Wanted;
use super::sampler::Sampler;
use super::seed::derive;
use super::{Augmentation, CaptionMix, TrainingSet};
use crate::model::Conditions;
use crate::{Error, Positives, Result, TokenBatch};

/// Numbers of one epoch: ten channels of 1920 samples.
pub const EPOCH_LEN: usize = Channel::COUNT * EPOCH_SAMPLES;

/// Draws for one place of a batch before it is given up: the set has nothing to be said of.
const MOST_DRAWS: usize = 1000;

/// Epochs, one text for each, and which text is true of which epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// `[n, 10, 1920]`, row after row.
    pub signals: Vec<f32>,
    /// One text for each epoch, from the begin token to the end token.
    pub texts: TokenBatch,
    /// What kinds of caption these are.
    pub conditions: Conditions,
    /// Which text is true of which epoch.
    pub positives: Positives,
}

/// How batches are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchOptions {
    /// Epochs of a batch.
    pub size: usize,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// What is done to the epochs.
    pub augmentation: Augmentation,
    /// Which captions are made.
    pub captions: CaptionMix,
}

/// Makes batches of a training set.
#[expect(missing_debug_implementations, reason = "the tokenizer's vocabulary has none")]
pub struct BatchMaker {
    set: TrainingSet,
    sampler: Sampler,
    tokenizer: Tokenizer,
    options: BatchOptions,
}

/// One place of a batch.
struct Drawn {
    epoch_idx: usize,
    wanted: Wanted,
}

impl BatchMaker {
    /// Begins to make batches of a set.
    pub fn new(set: TrainingSet, options: BatchOptions) -> Self {
        let sampler = Sampler::new(&set);
        Self { set, sampler, tokenizer: Tokenizer::clip(), options }
    }

    /// Returns the set.
    pub fn set(&self) -> &TrainingSet {
        &self.set
    }

    /// Returns the tokenizer that cuts the captions.
    pub const fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Makes the batch of a number; the same number gives the same batch.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Format`] of the shards; [`Error::NothingToSay`].
    pub fn batch(&self, number: u64) -> Result<Batch> {
        let mut random = Pcg64Mcg::seed_from_u64(derive(self.options.seed, number));
        let mut signals = vec![0.0; self.options.size * EPOCH_LEN];
        let mut drawn: Vec<Drawn> = Vec::with_capacity(self.options.size);
        let mut taken = HashSet::new();
        for samples in signals.chunks_exact_mut(EPOCH_LEN) {
            let place = self.draw(&mut taken, samples, &mut random)?;
            drawn.push(place);
        }
        let tokens: Vec<Vec<i64>> =
            drawn.iter().map(|place| self.tokens(&place.wanted.caption.text)).collect();
        let conditions: Vec<_> = drawn.iter().map(|place| place.wanted.condition).collect();
        let positives = Positives::new(drawn.len(), |epoch, text| {
            drawn[text].wanted.caption.holds(self.set.facts(drawn[epoch].epoch_idx))
                || tokens[epoch] == tokens[text]
        });
        Ok(Batch {
            signals,
            texts: TokenBatch::new(&tokens, CONTEXT),
            conditions: Conditions::new(&conditions),
            positives,
        })
    }

    /// Draws an epoch that the batch does not have yet, unless the set is smaller than the batch.
    fn draw(
        &self,
        taken: &mut HashSet<usize>,
        samples: &mut [f32],
        random: &mut Pcg64Mcg,
    ) -> Result<Drawn> {
        for attempt in 0..MOST_DRAWS {
            let epoch_idx = self.sampler.draw(random);
            if taken.contains(&epoch_idx) && attempt < MOST_DRAWS / 10 {
                continue;
            }
            let shown = self.options.augmentation.shown(self.set.mask(epoch_idx), random);
            let facts = self.set.facts(epoch_idx).visible_in(shown);
            let Some(wanted) = self.options.captions.make(&facts, random) else { continue };
            self.set.read_samples(epoch_idx, samples)?;
            self.options.augmentation.apply(shown, samples, random);
            taken.insert(epoch_idx);
            return Ok(Drawn { epoch_idx, wanted });
        }
        Err(Error::NothingToSay { path: self.set.folder().to_owned() })
    }

    fn tokens(&self, text: &str) -> Vec<i64> {
        self.tokenizer.encode(text).ids.into_iter().map(i64::from).collect()
    }
}
