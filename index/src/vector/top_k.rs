//! The best few of many scores.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Keeps the `k` best of all that is pushed: by descending score, then by ascending place.
#[derive(Debug)]
pub(crate) struct TopK {
    k: usize,
    /// The worst on top.
    heap: BinaryHeap<Candidate>,
}

/// Position of a recording among the recordings by name, and of a row in it.
pub(crate) type Place = (usize, usize);

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) score: f32,
    pub(crate) place: Place,
}

impl TopK {
    pub(crate) fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::new() }
    }

    pub(crate) fn push(&mut self, score: f32, place: Place) {
        let candidate = Candidate { score, place };
        if self.heap.len() < self.k {
            self.heap.push(candidate);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && candidate < *worst
        {
            *worst = candidate;
        }
    }

    /// Returns the score below which nothing is kept any more.
    pub(crate) fn least(&self) -> f32 {
        match self.heap.peek() {
            Some(worst) if self.heap.len() == self.k => worst.score,
            Some(_) | None => f32::NEG_INFINITY,
        }
    }

    /// Returns what was kept, the best first.
    pub(crate) fn into_sorted(self) -> Vec<Candidate> {
        self.heap.into_sorted_vec()
    }
}

impl Eq for Candidate {}

impl Ord for Candidate {
    /// The better one is less.
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.place.cmp(&other.place))
    }
}

impl PartialOrd for Candidate {
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
        scores.iter().enumerate().for_each(|(row, score)| top.push(*score, (0, row)));
        let rows: Vec<usize> = top.into_sorted().iter().map(|kept| kept.place.1).collect();
        assert_eq!(rows, expect);
    }

    #[test]
    fn keeps_the_best_in_order() {
        check(2, &[0.1, 0.9, 0.5, 0.7], &[1, 3]);
        check(9, &[0.1, 0.9, 0.5], &[1, 2, 0]);
        check(0, &[0.1], &[]);
    }

    #[test]
    fn equal_scores_keep_their_order() {
        check(2, &[0.5, 0.5, 0.5], &[0, 1]);
        check(3, &[0.5, 0.9, 0.5, 0.5], &[1, 0, 2]);
    }
}
