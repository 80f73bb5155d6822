//! Watches the raw samples of a signal for stretches that show nothing.

use crate::dsp::with_vectors;

/// A signal counts as flat in an epoch where at least half of its seconds do not move at all.
const FLAT_SHARE: f64 = 0.5;
/// A signal counts as clipped in an epoch where at least this share of its samples stands at the end of the range.
const CLIPPED_SHARE: f64 = 0.01;
/// A second of a slow signal has few samples, and some of them equal; flatness is judged over at least this many.
const FEWEST_SAMPLES: usize = 16;

/// What is wrong with a signal in one epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) flat: bool,
    pub(super) clipped: bool,
}

/// Judges a signal epoch by epoch as its digital samples come.
#[derive(Debug)]
pub(super) struct QualityWatch {
    samples_per_epoch: f64,
    block_len: usize,
    limits: (i32, i32),
    /// Samples that came so far.
    n: usize,
    block: Option<Block>,
    n_blocks: usize,
    n_flat_blocks: usize,
    n_clipped: usize,
    epochs: Vec<Trouble>,
}

#[derive(Debug)]
struct Block {
    len: usize,
    first: i32,
    moves: bool,
}

impl QualityWatch {
    /// Watches a signal of `rate_hz` whose digital values end at `limits`, lower and upper.
    pub(super) fn new(rate_hz: f64, limits: (i32, i32)) -> Self {
        Self {
            samples_per_epoch: crate::EPOCH_S * rate_hz,
            block_len: (rate_hz.round() as usize).max(FEWEST_SAMPLES),
            limits,
            n: 0,
            block: None,
            n_blocks: 0,
            n_flat_blocks: 0,
            n_clipped: 0,
            epochs: Vec::new(),
        }
    }

    /// Takes the next samples.
    pub(super) fn push(&mut self, mut samples: &[i32]) {
        while !samples.is_empty() {
            let epoch_end =
                ((self.epochs.len() + 1) as f64 * self.samples_per_epoch).round() as usize;
            let n = samples.len().min(epoch_end.saturating_sub(self.n).max(1));
            let (now, later) = samples.split_at(n);
            self.push_within_epoch(now);
            self.n += n;
            if self.n >= epoch_end {
                self.end_epoch();
            }
            samples = later;
        }
    }

    /// Returns the verdict on each complete epoch.
    pub(super) fn finish(self) -> Vec<Trouble> {
        self.epochs
    }

    fn push_within_epoch(&mut self, mut samples: &[i32]) {
        let (lowest, highest) = self.limits;
        self.n_clipped += with_vectors(|| {
            samples.iter().filter(|sample| **sample <= lowest || **sample >= highest).count()
        });
        while let Some(first) = samples.first() {
            let block = self.block.get_or_insert(Block { len: 0, first: *first, moves: false });
            let (now, later) = samples.split_at(samples.len().min(self.block_len - block.len));
            block.moves |= now.iter().any(|sample| *sample != block.first);
            block.len += now.len();
            if block.len == self.block_len {
                self.end_block();
            }
            samples = later;
        }
    }

    fn end_block(&mut self) {
        if let Some(block) = self.block.take() {
            self.n_blocks += 1;
            self.n_flat_blocks += usize::from(!block.moves);
        }
    }

    fn end_epoch(&mut self) {
        self.end_block();
        let flat = self.n_flat_blocks as f64 >= FLAT_SHARE * self.n_blocks as f64;
        let clipped = self.n_clipped as f64 >= CLIPPED_SHARE * self.samples_per_epoch;
        self.epochs.push(Trouble { flat, clipped });
        (self.n_blocks, self.n_flat_blocks, self.n_clipped) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(sample: impl Fn(usize) -> i32) -> Vec<Trouble> {
        let mut watch = QualityWatch::new(100.0, (-2048, 2047));
        let samples: Vec<i32> = (0..6000).map(sample).collect();
        samples.chunks(777).for_each(|piece| watch.push(piece));
        watch.finish()
    }

    #[test]
    fn moving_signal_is_fine() {
        assert_eq!(judge(|i| (i % 7) as i32), [Trouble::default(); 2]);
    }

    #[test]
    fn signal_that_stands_still_for_half_an_epoch_is_flat() {
        let flat = Trouble { flat: true, clipped: false };
        assert_eq!(
            judge(|i| if i < 3000 { 5 } else { (i % 7) as i32 }),
            [flat, Trouble::default()]
        );
        assert_eq!(
            judge(|i| if i % 3000 < 1400 { 5 } else { (i % 7) as i32 }),
            [Trouble::default(); 2]
        );
        assert_eq!(judge(|i| if i % 3000 < 1600 { 5 } else { (i % 7) as i32 }), [flat; 2]);
    }

    #[test]
    fn signal_at_the_end_of_its_range_is_clipped() {
        let clipped = Trouble { flat: false, clipped: true };
        assert_eq!(judge(|i| if i % 50 == 0 { 2047 } else { (i % 7) as i32 }), [clipped; 2]);
    }
}
