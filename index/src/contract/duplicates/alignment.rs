//! Finds the offset at which the epochs of two nights agree, if there is one.

use std::collections::BTreeMap;

use nocturne_psg::RecordingId;

use super::{Duplicate, DuplicateSettings};
use crate::vector::cosine;

/// Number of epochs of the shorter night whose nearest epoch in the longer one is searched for.
const N_SAMPLED: usize = 48;

/// Minimum number of epochs that two nights must have in common.
const MIN_OVERLAP: usize = 10;

/// The vectors of a night, by ascending epoch number.
#[derive(Debug, Clone)]
pub(super) struct NightVectors {
    pub(super) epochs: Vec<i64>,
    /// By rows.
    pub(super) values: Vec<f32>,
    pub(super) dim: usize,
}

impl NightVectors {
    pub(super) fn vectors(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.dim)
    }

    fn vector(&self, row: usize) -> &[f32] {
        &self.values[row * self.dim..][..self.dim]
    }
}

/// How two nights agree at an offset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Alignment {
    /// Epoch `n` of the first is epoch `n + offset` of the second.
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

/// Returns the alignment of two nights, or `None` if they are not the same night.
pub(super) fn align(
    first: &NightVectors,
    second: &NightVectors,
    settings: DuplicateSettings,
) -> Option<Alignment> {
    let is_first_shorter = first.epochs.len() <= second.epochs.len();
    let (short, long) = if is_first_shorter { (first, second) } else { (second, first) };
    let offset = common_offset(short, long, settings.min_share)?;
    let offset = if is_first_shorter { offset } else { -offset };
    let overlap = overlap(first, second, offset, settings.min_cosine)?;
    let share = overlap.n_agreeing as f64 / overlap.n_overlapping as f64;
    (overlap.n_overlapping >= MIN_OVERLAP && share >= settings.min_share).then_some(overlap)
}

/// Returns the most frequent offset between epochs of a night and their nearest in another, if it is frequent enough.
fn common_offset(short: &NightVectors, long: &NightVectors, min_share: f64) -> Option<i64> {
    let n = short.epochs.len().min(N_SAMPLED);
    let mut votes: BTreeMap<i64, usize> = BTreeMap::new();
    for i in 0..n {
        // Rows at even distances over the night.
        let row = i * short.epochs.len() / n;
        let vector = short.vector(row);
        let scores = long.vectors().map(|other| cosine(vector, other)).enumerate();
        let (nearest, _) = scores.max_by(|a, b| a.1.total_cmp(&b.1))?;
        *votes.entry(long.epochs[nearest] - short.epochs[row]).or_default() += 1;
    }
    let (offset, n_votes) = votes.into_iter().max_by_key(|(_, n_votes)| *n_votes)?;
    // Epochs outside the overlap, and those similar to many others, vote for any offset. Of two nights that differ, nearly
    // all epochs do, so half of the required share is enough to separate them.
    (n_votes as f64 >= 0.5 * min_share * n as f64 && n_votes > 2).then_some(offset)
}

/// Compares the epochs that two nights have in common at an offset.
fn overlap(
    first: &NightVectors,
    second: &NightVectors,
    offset: i64,
    min_cosine: f32,
) -> Option<Alignment> {
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
