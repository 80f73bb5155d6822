//! Searches inverted lists: 4-bit codes select rows, 8-bit codes narrow them down, vectors give the scores.

use std::collections::BinaryHeap;
use std::sync::atomic::Ordering;

use nocturne_encoder::Embedding;

use super::IvfIndex;
use super::layer::Layer;
use crate::contract::{Hit, SearchRequest, VectorIndex};
use crate::error::Result;
use crate::search::allowed::AllowedRows;
use crate::search::shortlist::{Shortlist, ShortlistedRow};
use crate::storage::envelope::Damage;
use crate::vector::four_bit_codes::{Bound, FourBitQuery};
use crate::vector::{Int8Codes, TopK};

/// Rows that are dismissed with one comparison if none of them comes near the best.
const BLOCK: usize = 16;

/// Maximum number of hits; for more, a scan is as fast and complete.
const MAX_K: usize = 200;

/// The state of one search.
struct Probe<'a> {
    allowed: &'a AllowedRows,
    query: FourBitQuery<'a>,
    /// Buffer for the scores of a list.
    scores: Vec<f32>,
    shortlist: Shortlist,
}

impl IvfIndex {
    /// Returns the nearest allowed epochs of the nearest lists, or `None` if lists cannot answer the request or a file
    /// turned out to be damaged.
    pub(in crate::search) fn probe(
        &self,
        query: &Embedding,
        request: &SearchRequest,
        n_probes: usize,
        allowed: &AllowedRows,
    ) -> Result<Option<Vec<Hit>>> {
        // A minimum score asks for every epoch that reaches it, which a few lists do not contain.
        let is_for_lists = request.min_score.is_none()
            && request.k <= MAX_K
            && !self.is_damaged.load(Ordering::Relaxed);
        if !is_for_lists {
            return Ok(None);
        }
        let codes = Int8Codes::of(self.exact.space().dim, [query]);
        // A search of every list must not miss anything, so it uses bounds that are certain.
        let bound = if n_probes >= self.n_lists() {
            Bound::Certain { of_8_bit: self.bound_of_8_bit(&codes)? }
        } else {
            Bound::Likely
        };
        let mut probe = Probe {
            allowed,
            query: FourBitQuery::new(&codes, bound),
            scores: Vec::new(),
            shortlist: Shortlist::new(request.k, None),
        };
        let lists = self.nearest_lists(&codes, n_probes);
        let mut next = lists.iter().skip(1);
        for (list, score) in lists.iter().copied() {
            // Lists are short and far apart: the next one is prefetched while this one is scored.
            if let Some((next, _)) = next.next() {
                self.layers.iter().for_each(|layer| layer.lists.prefetch(*next));
            }
            for layer in &self.layers {
                if layer.score_list(list, score, &mut probe).is_err() {
                    self.is_damaged.store(true, Ordering::Relaxed);
                    return Ok(None);
                }
            }
        }
        let Some(rows) = self.narrow_down(request.k, &codes, probe.shortlist, bound)? else {
            return Ok(None);
        };
        self.exact.rescore(query, request, rows)
    }

    /// Returns the largest difference between the 8-bit score of a row with a query and the cosine.
    fn bound_of_8_bit(&self, query: &Int8Codes) -> Result<f32> {
        let mut max = 0.0_f32;
        for (_, segment) in self.exact.undamaged() {
            if let Some(codes) = segment.unless_damaged(segment.codes())? {
                max = max.max(codes.bound(query.errors()[0]) + codes.max_error());
            }
        }
        Ok(max)
    }

    /// Returns the lists of the nearest centroids with the scores of the centroids, the nearest first.
    fn nearest_lists(&self, query: &Int8Codes, n: usize) -> Vec<(usize, f32)> {
        let mut scores = vec![0.0; self.centroids.len()];
        self.centroids.score(0..self.centroids.len(), query, &mut scores);
        // Integers are sorted several times as fast as pairs of a score and a list.
        let mut keys: Vec<u64> =
            (0..).zip(&scores).map(|(list, score)| sort_key(*score, list)).collect();
        if n < keys.len() {
            keys.select_nth_unstable(n);
            keys.truncate(n);
        }
        keys.sort_unstable();
        let lists = keys.into_iter().map(|key| key as u32 as usize);
        lists.map(|list| (list, scores[list])).collect()
    }

    /// Scores shortlisted rows by their 8-bit codes, by descending upper bound, until the next one cannot be among the `k`
    /// best; `None` if a recording turned out to be damaged.
    ///
    /// This saves most reads of vectors: a row of codes is in memory, and its bound is much smaller than that of 4-bit
    /// codes.
    fn narrow_down(
        &self,
        k: usize,
        query: &Int8Codes,
        shortlist: Shortlist,
        bound: Bound,
    ) -> Result<Option<Vec<ShortlistedRow>>> {
        // A heap orders only the rows that are scored.
        let mut rows = BinaryHeap::from(shortlist.into_rows());
        let (mut lower_bounds, mut narrowed) = (TopK::new(k), Vec::new());
        while let Some(ShortlistedRow { upper_bound, id }) = rows.pop() {
            if upper_bound < lower_bounds.threshold() {
                break;
            }
            let segment = &self.exact.segments()[id.recording];
            let Some(codes) = segment.unless_damaged(segment.codes())? else { return Ok(None) };
            let mut score = [0.0];
            codes.score(id.row..id.row + 1, query, &mut score);
            let bound = match bound {
                Bound::Certain { .. } => codes.bound(query.errors()[0]) + codes.errors()[id.row],
                Bound::Likely => query.likely_bound(),
            };
            lower_bounds.push(score[0] - bound, id);
            narrowed.push(ShortlistedRow { upper_bound: score[0] + bound, id });
        }
        Ok(Some(narrowed))
    }
}

impl Layer {
    /// Adds the rows of a list to the shortlist, given the score of its centroid.
    fn score_list(
        &self,
        list: usize,
        centroid_score: f32,
        probe: &mut Probe<'_>,
    ) -> Result<(), Damage> {
        let Probe { allowed, query, scores, shortlist } = probe;
        let list = self.lists.list(list)?;
        query.score(list.codes, centroid_score, list.steps, scores);
        let bound = |step: &[u8; 4]| query.bound(*step);
        let blocks = scores.chunks(BLOCK).zip(list.steps.chunks(BLOCK));
        for (start, (scores, steps)) in (0..).step_by(BLOCK).zip(blocks) {
            // Without branches, so that the compiler compares several rows per instruction; most blocks end here.
            let pairs = || scores.iter().zip(steps);
            let may_need = |any, (score, step): (&f32, &[u8; 4])| {
                any | shortlist.may_need(*score, bound(step))
            };
            if !pairs().fold(false, may_need) {
                continue;
            }
            for (row, (score, step)) in (start..).zip(pairs()) {
                // The filter last: it needs the row's recording, which is in another column of the file.
                if shortlist.may_need(*score, bound(step))
                    && let Some(id) = self.row_id(list.row(row))?
                    && allowed.contains(id)
                {
                    shortlist.push(*score, bound(step), id);
                }
            }
        }
        Ok(())
    }
}

/// Returns an integer that sorts by descending score, then by ascending list, which is its lower half.
fn sort_key(score: f32, list: u32) -> u64 {
    // The bits of positive floats are ordered as the floats are, those of negative ones in reverse. Complemented, positive
    // scores come before negative ones, which have the highest bit set.
    let bits = score.to_bits();
    let descending = if score.is_sign_negative() { bits } else { !bits & (u32::MAX >> 1) };
    u64::from(descending) << 32 | u64::from(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_scores_do() {
        let scores = [1.0, 0.5, 1e-30, 0.0, -0.0, -1e-30, -0.25, -1.0];
        let keys = scores.map(|score| sort_key(score, 3));
        assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
        assert!(sort_key(0.5, 3) < sort_key(0.5, 4));
        assert!(sort_key(0.5, u32::MAX) < sort_key(0.25, 0));
    }
}
