//! The rows that may be among the best, judged by scores with an error bound.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::vector::RowId;

/// Keeps every row whose true score may be one of the `k` largest and reaches the minimum score.
///
/// A row is pushed with a score and a bound: its true score is within `score ± bound`. Once `k` rows are certain to reach
/// some value, a row that cannot reach it is not needed. As long as the bounds hold, no row of the true top `k` is lost.
#[derive(Debug)]
pub(super) struct Shortlist {
    k: usize,
    /// The `k` largest lower bounds, the smallest on top.
    lower_bounds: BinaryHeap<Reverse<OrderedScore>>,
    /// The upper bound that a row must reach to be needed.
    threshold: f32,
    rows: Vec<ShortlistedRow>,
    /// Number of rows after the last pruning.
    n_pruned: usize,
}

/// A row that may be among the best; ordered by its upper bound, so that a heap returns it first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ShortlistedRow {
    pub(super) upper_bound: f32,
    pub(super) id: RowId,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct OrderedScore(f32);

impl Shortlist {
    pub(super) fn new(k: usize, min_score: Option<f32>) -> Self {
        let threshold = if k == 0 { f32::INFINITY } else { min_score.unwrap_or(f32::NEG_INFINITY) };
        Self { k, lower_bounds: BinaryHeap::new(), threshold, rows: Vec::new(), n_pruned: 0 }
    }

    /// Returns whether a row with this score may still be needed.
    pub(super) fn may_need(&self, score: f32, bound: f32) -> bool {
        score + bound >= self.threshold
    }

    /// Returns whether a row with one of these scores may still be needed.
    pub(super) fn may_need_any(&self, scores: &[f32], bound: f32) -> bool {
        // Without branches, so that the compiler compares several scores per instruction.
        scores.iter().fold(false, |any, score| any | self.may_need(*score, bound))
    }

    /// Adds a row whose true score is within `score ± bound`.
    pub(super) fn push(&mut self, score: f32, bound: f32, id: RowId) {
        if !self.may_need(score, bound) {
            return;
        }
        self.rows.push(ShortlistedRow { upper_bound: score + bound, id });
        self.raise_threshold(score - bound);
        // Rows that were overtaken since are dropped when the list has grown to three times its last size, so that the
        // work per row is constant.
        if self.rows.len() > 4096 + 2 * self.n_pruned {
            self.prune();
        }
    }

    /// Adds the rows of another shortlist, of other recordings.
    pub(super) fn merge(&mut self, other: Self) {
        for Reverse(OrderedScore(score)) in other.lower_bounds {
            self.raise_threshold(score);
        }
        self.rows.extend(other.rows);
    }

    /// Returns the rows that may be among the best, in no particular order.
    pub(super) fn into_rows(mut self) -> Vec<ShortlistedRow> {
        self.prune();
        self.rows
    }

    /// Records that some row reaches a score with certainty.
    fn raise_threshold(&mut self, lower_bound: f32) {
        if self.lower_bounds.len() < self.k {
            self.lower_bounds.push(Reverse(OrderedScore(lower_bound)));
        } else if let Some(mut smallest) = self.lower_bounds.peek_mut()
            && lower_bound > smallest.0.0
        {
            *smallest = Reverse(OrderedScore(lower_bound));
        }
        if self.lower_bounds.len() == self.k
            && let Some(Reverse(OrderedScore(smallest))) = self.lower_bounds.peek()
        {
            self.threshold = self.threshold.max(*smallest);
        }
    }

    fn prune(&mut self) {
        self.rows.retain(|row| row.upper_bound >= self.threshold);
        self.n_pruned = self.rows.len();
    }
}

impl Eq for ShortlistedRow {}

impl Ord for ShortlistedRow {
    fn cmp(&self, other: &Self) -> Ordering {
        self.upper_bound.total_cmp(&other.upper_bound).then(other.id.cmp(&self.id))
    }
}

impl PartialOrd for ShortlistedRow {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for OrderedScore {}

impl Ord for OrderedScore {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for OrderedScore {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(row: usize) -> RowId {
        RowId { recording: 0, row }
    }

    #[track_caller]
    fn check(k: usize, min_score: Option<f32>, scores: &[f32], expect: &[usize]) {
        let halves = scores.split_at(scores.len() / 2);
        let mut shortlist = Shortlist::new(k, min_score);
        for (start, scores) in [(0, halves.0), (halves.0.len(), halves.1)] {
            let mut half = Shortlist::new(k, min_score);
            (start..).zip(scores).for_each(|(row, score)| half.push(*score, 0.1, id(row)));
            shortlist.merge(half);
        }
        let mut rows: Vec<usize> =
            shortlist.into_rows().into_iter().map(|row| row.id.row).collect();
        rows.sort_unstable();
        assert_eq!(rows, expect);
    }

    #[test]
    fn keeps_rows_that_may_be_among_the_best() {
        check(1, None, &[0.5, 0.9, 0.2, 0.75], &[1, 3]);
        check(2, None, &[0.5, 0.9, 0.2, 0.75], &[1, 3]);
        check(3, None, &[0.5, 0.9, 0.35, 0.75], &[0, 1, 2, 3]);
        check(9, None, &[0.5, -0.9], &[0, 1]);
        check(0, None, &[0.5, 0.9], &[]);
    }

    #[test]
    fn keeps_rows_that_may_reach_the_minimum_score() {
        check(9, Some(0.5), &[0.45, 0.3, 0.55, 0.9], &[0, 2, 3]);
        check(1, Some(0.5), &[0.45, 0.3], &[0]);
    }

    #[test]
    fn drops_rows_that_were_overtaken() {
        let mut shortlist = Shortlist::new(1, None);
        (0..100_000).for_each(|row| shortlist.push(row as f32, 0.1, id(row)));
        assert!(shortlist.rows.len() < 10_000);
        let best = ShortlistedRow { upper_bound: 99_999.1, id: id(99_999) };
        assert_eq!(shortlist.into_rows(), [best]);
    }
}
