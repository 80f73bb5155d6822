//! Selects the best few of many scores.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Keeps the `k` best of all pushed rows: by descending score, then by ascending row.
#[derive(Debug)]
pub(crate) struct TopK {
    k: usize,
    /// The worst on top, so that it is the one to replace.
    heap: BinaryHeap<ScoredRow>,
}

/// A row of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RowId {
    /// Position of the recording among all recordings of the snapshot, by ascending id.
    pub(crate) recording: usize,
    /// Position of the epoch, or caption, in the recording.
    pub(crate) row: usize,
}

/// A row and its score; the better one is less.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ScoredRow {
    pub(crate) score: f32,
    pub(crate) id: RowId,
}

impl TopK {
    pub(crate) fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::new() }
    }

    pub(crate) fn push(&mut self, score: f32, id: RowId) {
        let row = ScoredRow { score, id };
        if self.heap.len() < self.k {
            self.heap.push(row);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && row < *worst
        {
            *worst = row;
        }
    }

    /// Returns the score that a row must reach to be kept.
    pub(crate) fn threshold(&self) -> f32 {
        match self.heap.peek() {
            Some(worst) if self.heap.len() == self.k => worst.score,
            Some(_) | None => f32::NEG_INFINITY,
        }
    }

    /// Returns the rows kept, the best first.
    pub(crate) fn into_sorted(self) -> Vec<ScoredRow> {
        self.heap.into_sorted_vec()
    }
}

impl Eq for ScoredRow {}

impl Ord for ScoredRow {
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.id.cmp(&other.id))
    }
}

impl PartialOrd for ScoredRow {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(k: usize, scores: &[f32], expect: &[usize]) {
        let mut top = TopK::new(k);
        for (row, score) in scores.iter().enumerate() {
            top.push(*score, RowId { recording: 0, row });
        }
        let rows: Vec<usize> = top.into_sorted().iter().map(|kept| kept.id.row).collect();
        assert_eq!(rows, expect);
    }

    #[test]
    fn keeps_the_best_in_order() {
        check(2, &[0.1, 0.9, 0.5, 0.7], &[1, 3]);
        check(9, &[0.1, 0.9, 0.5], &[1, 2, 0]);
        check(0, &[0.1], &[]);
    }

    #[test]
    fn equal_scores_are_ordered_by_row() {
        check(2, &[0.5, 0.5, 0.5], &[0, 1]);
        check(3, &[0.5, 0.9, 0.5, 0.5], &[1, 0, 2]);
    }
}
