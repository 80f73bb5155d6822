//! Sets of tokens: those seen in training, and those that captions use.

use nocturne_encoder::Tokenizer;
use nocturne_encoder::tokenizer::CONTEXT;

use crate::tokens::TokenBatch;

/// A subset of a vocabulary, such as the tokens seen in training.
///
/// The embedding of a token that was never seen is its random initial value, which an export leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSet {
    bits: Vec<u8>,
    vocabulary_size: usize,
}

impl TokenSet {
    /// Returns the empty set over a vocabulary.
    pub fn new(vocabulary_size: usize) -> Self {
        Self { bits: vec![0; vocabulary_size.div_ceil(8)], vocabulary_size }
    }

    /// Returns the set of all tokens of a vocabulary.
    pub fn all(vocabulary_size: usize) -> Self {
        let mut set = Self::new(vocabulary_size);
        (0..vocabulary_size).for_each(|token| set.bits[token / 8] |= 1 << (token % 8));
        set
    }

    /// Returns the tokens that captions can use, with the pad and the start and end tokens.
    ///
    /// # Panics
    ///
    /// If the tokenizer has ids outside the vocabulary.
    pub fn of_captions(tokenizer: &Tokenizer, vocabulary_size: usize) -> Self {
        let words = nocturne_psg::caption::vocabulary();
        // The tokenizer splits at spaces first, so each word can be encoded separately.
        let ids = |word: &String| tokenizer.encode(word).ids.into_iter().map(i64::from);
        let mut set = Self::new(vocabulary_size);
        for word in &words {
            set.extend(&TokenBatch::new(&[ids(word).collect::<Vec<_>>()], CONTEXT));
        }
        set
    }

    /// Reads a set from its bits, or returns `None` if their number does not match the vocabulary.
    pub fn from_bytes(bits: Vec<u8>, vocabulary_size: usize) -> Option<Self> {
        (bits.len() == vocabulary_size.div_ceil(8)).then_some(Self { bits, vocabulary_size })
    }

    /// Returns one bit for each token, the lowest bit of a byte first.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bits
    }

    /// Adds the tokens of some texts, and the pad, which follows every text.
    ///
    /// # Panics
    ///
    /// If a token is outside the vocabulary.
    pub fn extend(&mut self, texts: &TokenBatch) {
        for id in texts.ids() {
            self.bits[*id as usize / 8] |= 1 << (id % 8);
        }
    }

    /// Adds the tokens of another set.
    ///
    /// # Panics
    ///
    /// If the sets have different vocabularies.
    pub fn union_with(&mut self, other: &Self) {
        assert_eq!(
            self.vocabulary_size, other.vocabulary_size,
            "the sets have the same vocabulary"
        );
        self.bits.iter_mut().zip(&other.bits).for_each(|(bits, others)| *bits |= others);
    }

    /// Returns the number of tokens in the whole vocabulary.
    pub const fn vocabulary_size(&self) -> usize {
        self.vocabulary_size
    }

    /// Returns whether the set has a token.
    pub fn contains(&self, token: usize) -> bool {
        self.bits.get(token / 8).is_some_and(|byte| byte >> (token % 8) & 1 == 1)
    }

    /// Returns the tokens of the set, in order.
    pub fn tokens(&self) -> impl Iterator<Item = usize> {
        (0..self.vocabulary_size).filter(|token| self.contains(*token))
    }

    /// Returns for each token of the vocabulary its position in the set, from 1, or 0 if it is not in the set.
    pub(crate) fn positions(&self) -> Vec<i32> {
        let mut positions = vec![0; self.vocabulary_size];
        for (position, token) in (1..).zip(self.tokens()) {
            positions[token] = position;
        }
        positions
    }

    /// Returns the number of tokens in the set.
    pub fn len(&self) -> usize {
        self.bits.iter().map(|byte| byte.count_ones() as usize).sum()
    }

    /// Returns whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use nocturne_encoder::tokenizer::VOCABULARY_SIZE;
    use nocturne_psg::caption::{CaptionKind, EpochFacts, caption, phrase};
    use nocturne_psg::montage::Position;
    use nocturne_psg::{Event, EventKind, Stage};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    /// Returns facts from which every kind of caption can be made, with random numbers.
    fn facts(random: &mut Pcg64Mcg) -> EpochFacts {
        let events = (0..random.random_range(0..9)).map(|_| {
            let kind = EventKind::ALL[random.random_range(0..EventKind::ALL.len())];
            Event::new(kind, random.random_range(0.0..25.0), random.random_range(0.5..5.0))
        });
        let events = events.collect();
        let stage = Some(Stage::ALL[random.random_range(0..Stage::ALL.len())]);
        let position = Position::ALL[random.random_range(0..Position::ALL.len())];
        let mut n = || random.random_range(0.0..120.0);
        let features = serde_json::json!({
            "eog_left": {"slow": n(), "rapid": n()},
            "eog_right": {"slow": n(), "rapid": n()},
            "eeg_c3": {"delta": n(), "theta": n(), "alpha": n(), "beta": n()},
            "eeg_c4": {"delta": n(), "theta": n(), "alpha": n(), "beta": n()},
            "heart": {
                "rate_bpm": n(), "rmssd_ms": n(), "min_bpm": n(), "max_bpm": n(), "mean_bpm": n(),
                "trends": [
                    {"trend": "increasing", "start_s": 0.0, "end_s": n()},
                    {"trend": "decreasing", "start_s": 1.5, "end_s": n()},
                    {"trend": "stable", "start_s": 2.5, "end_s": n()},
                ],
            },
            "abdomen": {"rate_bpm": n(), "interval_deviation_s": n()},
            "thorax": {"rate_bpm": n() / 10.0, "interval_deviation_s": n() / 100.0},
            "airflow": {"rate_bpm": n(), "flatness": n() / 120.0},
            "chin": {"median_frequency_hz": n(), "burst_ratio": n() / 20.0, "burst_rate_hz": n()},
            "position": position,
        });
        let features = serde_json::from_value(features).unwrap();
        EpochFacts { features, stage, events, events_scored: true }
    }

    #[test]
    fn captions_use_only_tokens_of_the_set() {
        let tokenizer = Tokenizer::clip();
        let set = TokenSet::of_captions(&tokenizer, VOCABULARY_SIZE);
        assert!(set.len() < 2000, "{}", set.len());
        let mut random = Pcg64Mcg::seed_from_u64(3);
        let (mut n_captions, mut seen) = (0, TokenSet::new(VOCABULARY_SIZE));
        for seed in 0..1000 {
            let facts = facts(&mut random);
            let made = CaptionKind::ALL.into_iter().filter_map(|kind| caption(kind, &facts, seed));
            for caption in made.chain(phrase(&facts, seed)) {
                let ids = tokenizer.encode(&caption.text).ids;
                for id in &ids {
                    let token = || tokenizer.decode(&[*id]);
                    assert!(set.contains(*id as usize), "`{}` of {}", token(), caption.text);
                }
                let ids: Vec<i64> = ids.into_iter().map(i64::from).collect();
                seen.extend(&TokenBatch::new(&[ids], CONTEXT));
                n_captions += 1;
            }
        }
        assert!(n_captions > 5000, "{n_captions}");
        assert!(2 * seen.len() > set.len(), "{} of {} tokens were seen", seen.len(), set.len());
    }

    #[test]
    fn sets_form_a_union() {
        let set = |ids: [i64; 2]| {
            let mut set = TokenSet::new(20);
            set.extend(&TokenBatch::new(&[ids], 256));
            set
        };
        let mut both = set([3, 17]);
        both.union_with(&set([4, 17]));
        assert_eq!(both.tokens().collect::<Vec<_>>(), [0, 3, 4, 17]);
    }

    #[test]
    fn sets_round_trip() {
        let mut set = TokenSet::new(20);
        set.extend(&TokenBatch::new(&[[3, 17]], 256));
        let back = TokenSet::from_bytes(set.as_bytes().to_vec(), 20).unwrap();
        assert_eq!(back, set);
        assert_eq!(set.len(), 3);
        assert!(set.contains(0) && set.contains(3) && set.contains(17) && !set.contains(4));
        assert_eq!(set.as_bytes(), [0b1001, 0, 0b10]);
        assert_eq!(TokenSet::from_bytes(vec![0; 4], 20), None);
        assert_eq!(TokenSet::all(20).tokens().collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
    }
}
