//! The rows that may be among the best, judged by scores that are known up to a bound.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::vector::Place;

/// Keeps every place whose true score may be one of the `k` greatest, and is at least `least`.
///
/// A true score is at most `bound` away from the one that is offered. Once `k` places are certain to reach some value,
/// no place that cannot reach it is kept.
#[derive(Debug)]
pub(crate) struct Shortlist {
    k: usize,
    /// The greatest scores that places are certain to reach, `k` at most, the least on top.
    certain: BinaryHeap<Reverse<Score>>,
    /// What a place must be able to reach.
    least: f32,
    places: Vec<Promising>,
    n_sifted: usize,
}

/// A place that may be among the best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Promising {
    /// The most that it may reach.
    pub(crate) most: f32,
    pub(crate) place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Score(f32);

impl Shortlist {
    pub(crate) fn new(k: usize, least: Option<f32>) -> Self {
        let least = if k == 0 { f32::INFINITY } else { least.unwrap_or(f32::NEG_INFINITY) };
        Self { k, certain: BinaryHeap::new(), least, places: Vec::new(), n_sifted: 0 }
    }

    /// Returns whether a place with this score may still be needed.
    pub(crate) fn may_need(&self, score: f32, bound: f32) -> bool {
        score + bound >= self.least
    }

    /// Returns whether a place with one of these scores may still be needed; without branches, so that the compiler
    /// compares several at a time.
    pub(crate) fn may_need_any(&self, scores: &[f32], bound: f32) -> bool {
        scores.iter().fold(false, |any, score| any | self.may_need(*score, bound))
    }

    /// Takes a place; the score is at most `bound` away from the true one.
    pub(crate) fn push(&mut self, score: f32, bound: f32, place: Place) {
        if !self.may_need(score, bound) {
            return;
        }
        self.places.push(Promising { most: score + bound, place });
        self.be_certain(score - bound);
        if self.places.len() > 4096 + 2 * self.n_sifted {
            self.sift();
        }
    }

    /// Takes what another one has kept of other places.
    pub(crate) fn merge(&mut self, other: Self) {
        other.certain.into_iter().for_each(|Reverse(Score(score))| self.be_certain(score));
        self.places.extend(other.places);
    }

    /// Returns the places that may be among the best with the most that each may reach.
    pub(crate) fn into_promising(mut self) -> Vec<Promising> {
        self.sift();
        self.places
    }

    fn be_certain(&mut self, score: f32) {
        if self.certain.len() < self.k {
            self.certain.push(Reverse(Score(score)));
        } else if let Some(mut least) = self.certain.peek_mut()
            && score > least.0.0
        {
            *least = Reverse(Score(score));
        }
        if self.certain.len() == self.k
            && let Some(Reverse(Score(score))) = self.certain.peek()
        {
            self.least = self.least.max(*score);
        }
    }

    fn sift(&mut self) {
        self.places.retain(|promising| promising.most >= self.least);
        self.n_sifted = self.places.len();
    }
}

impl Eq for Promising {}

impl Ord for Promising {
    /// The more promising is the greater; of equal ones, that of the earlier place.
    fn cmp(&self, other: &Self) -> Ordering {
        self.most.total_cmp(&other.most).then(other.place.cmp(&self.place))
    }
}

impl PartialOrd for Promising {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Score {}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(k: usize, least: Option<f32>, scores: &[f32], expect: &[usize]) {
        let halves = scores.split_at(scores.len() / 2);
        let mut shortlist = Shortlist::new(k, least);
        for (start, scores) in [(0, halves.0), (halves.0.len(), halves.1)] {
            let mut part = Shortlist::new(k, least);
            (start..).zip(scores).for_each(|(row, score)| part.push(*score, 0.1, (0, row)));
            shortlist.merge(part);
        }
        let promising = shortlist.into_promising().into_iter();
        let mut rows: Vec<usize> = promising.map(|promising| promising.place.1).collect();
        rows.sort_unstable();
        assert_eq!(rows, expect);
    }

    #[test]
    fn keeps_what_may_be_among_the_best() {
        check(1, None, &[0.5, 0.9, 0.2, 0.75], &[1, 3]);
        check(2, None, &[0.5, 0.9, 0.2, 0.75], &[1, 3]);
        check(3, None, &[0.5, 0.9, 0.35, 0.75], &[0, 1, 2, 3]);
        check(9, None, &[0.5, -0.9], &[0, 1]);
        check(0, None, &[0.5, 0.9], &[]);
    }

    #[test]
    fn keeps_what_may_reach_the_least() {
        check(9, Some(0.5), &[0.45, 0.3, 0.55, 0.9], &[0, 2, 3]);
        check(1, Some(0.5), &[0.45, 0.3], &[0]);
    }

    #[test]
    fn forgets_what_was_overtaken() {
        let mut shortlist = Shortlist::new(1, None);
        (0..100_000).for_each(|row| shortlist.push(row as f32, 0.1, (0, row)));
        assert!(shortlist.places.len() < 10_000);
        let place = (0, 99_999);
        assert_eq!(shortlist.into_promising(), [Promising { most: 99_999.1, place }]);
    }
}
