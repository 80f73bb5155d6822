//! Detects flat and clipped epochs in the digital samples of a signal.

use crate::dsp::with_vectors;

/// Minimum share of constant seconds in a flat epoch.
const FLAT_SHARE: f64 = 0.5;
/// Minimum share of samples at the limit of the range in a clipped epoch.
const CLIPPED_SHARE: f64 = 0.01;
/// Minimum block length in samples, because a second of a slow signal has few samples and some of them are equal.
const MIN_BLOCK: usize = 16;

/// Problems of a signal in one epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SignalProblem {
    pub(super) flat: bool,
    pub(super) clipped: bool,
}

/// Checks a signal epoch by epoch as its digital samples arrive.
#[derive(Debug)]
pub(super) struct FlatClipMonitor {
    samples_per_epoch: f64,
    block_len: usize,
    limits: (i32, i32),
    /// Number of samples processed.
    n: usize,
    block: Option<Block>,
    n_blocks: usize,
    n_flat_blocks: usize,
    n_clipped: usize,
    epochs: Vec<SignalProblem>,
}

#[derive(Debug)]
struct Block {
    len: usize,
    first: i32,
    varies: bool,
}

impl FlatClipMonitor {
    /// Starts checking a signal of `rate_hz` with digital limits `(minimum, maximum)`.
    pub(super) fn new(rate_hz: f64, limits: (i32, i32)) -> Self {
        Self {
            samples_per_epoch: crate::sleep::EPOCH_S * rate_hz,
            block_len: (rate_hz.round() as usize).max(MIN_BLOCK),
            limits,
            n: 0,
            block: None,
            n_blocks: 0,
            n_flat_blocks: 0,
            n_clipped: 0,
            epochs: Vec::new(),
        }
    }

    /// Processes the next samples.
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

    /// Returns the problems of each complete epoch.
    pub(super) fn finish(self) -> Vec<SignalProblem> {
        self.epochs
    }

    fn push_within_epoch(&mut self, mut samples: &[i32]) {
        let (lowest, highest) = self.limits;
        self.n_clipped += with_vectors(|| {
            samples.iter().filter(|sample| **sample <= lowest || **sample >= highest).count()
        });
        while let Some(first) = samples.first() {
            let block = self.block.get_or_insert(Block { len: 0, first: *first, varies: false });
            let (now, later) = samples.split_at(samples.len().min(self.block_len - block.len));
            block.varies |= now.iter().any(|sample| *sample != block.first);
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
            self.n_flat_blocks += usize::from(!block.varies);
        }
    }

    fn end_epoch(&mut self) {
        self.end_block();
        let flat = self.n_flat_blocks as f64 >= FLAT_SHARE * self.n_blocks as f64;
        let clipped = self.n_clipped as f64 >= CLIPPED_SHARE * self.samples_per_epoch;
        self.epochs.push(SignalProblem { flat, clipped });
        (self.n_blocks, self.n_flat_blocks, self.n_clipped) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(sample: impl Fn(usize) -> i32) -> Vec<SignalProblem> {
        let mut monitor = FlatClipMonitor::new(100.0, (-2048, 2047));
        let samples: Vec<i32> = (0..6000).map(sample).collect();
        samples.chunks(777).for_each(|piece| monitor.push(piece));
        monitor.finish()
    }

    #[test]
    fn varying_signals_have_no_problem() {
        assert_eq!(problems(|i| (i % 7) as i32), [SignalProblem::default(); 2]);
    }

    #[test]
    fn signals_that_are_constant_for_half_an_epoch_are_flat() {
        let flat = SignalProblem { flat: true, clipped: false };
        assert_eq!(
            problems(|i| if i < 3000 { 5 } else { (i % 7) as i32 }),
            [flat, SignalProblem::default()]
        );
        assert_eq!(
            problems(|i| if i % 3000 < 1400 { 5 } else { (i % 7) as i32 }),
            [SignalProblem::default(); 2]
        );
        assert_eq!(problems(|i| if i % 3000 < 1600 { 5 } else { (i % 7) as i32 }), [flat; 2]);
    }

    #[test]
    fn signals_at_the_limit_of_their_range_are_clipped() {
        let clipped = SignalProblem { flat: false, clipped: true };
        assert_eq!(problems(|i| if i % 50 == 0 { 2047 } else { (i % 7) as i32 }), [clipped; 2]);
    }
}
