//! Shifts two nights against each other until the same half minutes meet, if they ever do.

use std::collections::BTreeMap;

use nocturne_psg::RecordingId;

use super::{Duplicate, DuplicateSettings};
use crate::vector::cosine;

/// Epochs of the shorter night that look for their nearest in the longer.
const SAMPLED: usize = 48;

/// Least epochs that two nights must have in common.
const LEAST_OVERLAP: usize = 10;

/// The vectors of a night, in ascending order of epoch numbers.
#[derive(Debug, Clone)]
pub(super) struct Night {
    pub(super) epochs: Vec<i64>,
    /// By rows.
    pub(super) numbers: Vec<f32>,
    pub(super) dim: usize,
}

impl Night {
    pub(super) fn vectors(&self) -> impl Iterator<Item = &[f32]> {
        self.numbers.chunks_exact(self.dim)
    }

    fn vector(&self, row: usize) -> &[f32] {
        &self.numbers[row * self.dim..][..self.dim]
    }
}

/// How two nights fall on each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Alignment {
    /// Epoch `n` of the one is epoch `n + offset` of the other.
    pub(super) offset: i64,
    pub(super) n_overlapping: usize,
    pub(super) n_agreeing: usize,
    pub(super) mean_cosine: f32,
}

impl Alignment {
    pub(super) fn of(self, first: RecordingId, second: RecordingId) -> Duplicate {
        let Self { offset, n_overlapping, n_agreeing, mean_cosine } = self;
        Duplicate { first, second, offset_epochs: offset, n_overlapping, n_agreeing, mean_cosine }
    }
}

/// Returns how two nights fall on each other, where they are the same.
pub(super) fn aligned(
    first: &Night,
    second: &Night,
    settings: DuplicateSettings,
) -> Option<Alignment> {
    let is_first_shorter = first.epochs.len() <= second.epochs.len();
    let (short, long) = if is_first_shorter { (first, second) } else { (second, first) };
    let offset = common_offset(short, long, settings.min_share)?;
    let offset = if is_first_shorter { offset } else { -offset };
    let overlap = overlap(first, second, offset, settings.min_cosine)?;
    let share = overlap.n_agreeing as f64 / overlap.n_overlapping as f64;
    (overlap.n_overlapping >= LEAST_OVERLAP && share >= settings.min_share).then_some(overlap)
}

/// Returns by how much most epochs of one night are shifted against their nearest in another, where most are.
fn common_offset(short: &Night, long: &Night, min_share: f64) -> Option<i64> {
    let n = short.epochs.len().min(SAMPLED);
    let mut votes: BTreeMap<i64, usize> = BTreeMap::new();
    for place in 0..n {
        let row = place * short.epochs.len() / n;
        let vector = short.vector(row);
        let scores = long.vectors().map(|other| cosine(vector, other)).enumerate();
        let (nearest, _) = scores.max_by(|a, b| a.1.total_cmp(&b.1))?;
        *votes.entry(long.epochs[nearest] - short.epochs[row]).or_default() += 1;
    }
    let (offset, n_votes) = votes.into_iter().max_by_key(|(_, n_votes)| *n_votes)?;
    // Epochs beyond the overlap, and those like many others, vote for anything; of two that differ nearly all do.
    (n_votes as f64 >= 0.5 * min_share * n as f64 && n_votes > 2).then_some(offset)
}

/// Compares the epochs that two nights have in common, the second shifted by an offset.
fn overlap(first: &Night, second: &Night, offset: i64, min_cosine: f32) -> Option<Alignment> {
    let (mut n_overlapping, mut n_agreeing, mut sum) = (0, 0, 0.0);
    for (row, epoch) in first.epochs.iter().enumerate() {
        let Ok(other) = second.epochs.binary_search(&(epoch + offset)) else { continue };
        let score = cosine(first.vector(row), second.vector(other));
        n_overlapping += 1;
        n_agreeing += usize::from(score >= min_cosine);
        sum += score;
    }
    let mean_cosine = sum / n_overlapping as f32;
    (n_overlapping > 0).then_some(Alignment { offset, n_overlapping, n_agreeing, mean_cosine })
}
