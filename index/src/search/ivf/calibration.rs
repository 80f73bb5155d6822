//! How many inverted lists must be probed to find a share of the nearest epochs.
//!
//! It is measured when the lists are built, with queries from the collection: for each of their true nearest epochs, how
//! many lists have a centroid nearer to the query than that of the epoch's own list. The quantile of these ranks is the
//! number of probes for a recall.

use std::collections::BTreeMap;

use super::build::Assignment;
use crate::contract::VectorIndex;
use crate::error::Result;
use crate::search::ExactIndex;
use crate::search::sample_queries::{K, SampleQuery, sample_queries};
use crate::vector::Int8Codes;

/// Standard deviations by which at most 5 % of estimates are too low.
const ONE_SIDED_95: f64 = 1.64;

/// For each of the true nearest epochs of sample queries, the number of lists nearer than its own; ascending. First those
/// of epochs as queries, then those of captions.
pub(super) type ProbeRanks = [Vec<u32>; 2];

/// Measures the ranks.
pub(super) fn measure(
    exact: &ExactIndex,
    centroids: &Int8Codes,
    assignments: &[Assignment],
) -> Result<ProbeRanks> {
    let positions: Vec<usize> = assignments.iter().map(|it| it.position).collect();
    let lists: BTreeMap<usize, &[u32]> =
        assignments.iter().map(|it| (it.position, it.lists.as_slice())).collect();
    let [epochs, captions] = sample_queries(exact, &positions)?;
    let ranks = |queries: Vec<SampleQuery>| -> Result<Vec<u32>> {
        let mut ranks = Vec::with_capacity(queries.len() * K);
        for query in queries {
            ranks.extend(ranks_of(exact, centroids, &lists, &query)?);
        }
        ranks.sort_unstable();
        Ok(ranks)
    };
    Ok([ranks(epochs)?, ranks(captions)?])
}

/// Returns the rank of the list of each of a query's nearest epochs.
fn ranks_of(
    exact: &ExactIndex,
    centroids: &Int8Codes,
    lists: &BTreeMap<usize, &[u32]>,
    query: &SampleQuery,
) -> Result<Vec<u32>> {
    let codes = Int8Codes::of(centroids.dim(), [&query.embedding]);
    let mut scores = vec![0.0; centroids.len()];
    centroids.score(0..centroids.len(), &codes, &mut scores);
    let mut ranks = Vec::with_capacity(K);
    for hit in exact.search(&query.embedding, &query.request())? {
        let position = exact.position(&hit.epoch.recording);
        let row = exact.recording(&hit.epoch.recording)?.row_of(hit.epoch.epoch);
        // A recording that was damaged when rows were assigned has no lists.
        if let (Some(lists), Some(row)) = (position.and_then(|it| lists.get(&it)), row) {
            let own = scores[lists[row] as usize];
            ranks.push(scores.iter().filter(|score| **score > own).count() as u32);
        }
    }
    Ok(ranks)
}

/// Returns the number of probes for a recall, or `None` if it is unknown or every list must be probed.
///
/// The harder kind of query decides. A hundred queries say little about the last percent, so the quantile is taken at the
/// upper end of its 95 % confidence interval.
pub(super) fn n_probes(ranks: &ProbeRanks, recall: f32) -> Option<usize> {
    if recall >= 1.0 {
        return None;
    }
    let of_kind = |ranks: &Vec<u32>| {
        let (share, n) = (f64::from(recall.max(0.0)), ranks.len() as f64);
        let upper = share + ONE_SIDED_95 * (share * (1.0 - share) / n).sqrt();
        let n_found = ((upper * n).ceil() as usize).min(ranks.len());
        ranks.get(n_found.saturating_sub(1)).map(|rank| *rank as usize + 1)
    };
    ranks.iter().filter_map(of_kind).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harder_kind_of_query_decides_with_a_margin() {
        let ranks = [(0..100).collect(), (0..50).map(|rank| 10 * rank).collect()];
        assert_eq!(n_probes(&ranks, 0.5), Some(301));
        assert_eq!(n_probes(&ranks, 0.99), Some(491));
        assert_eq!(n_probes(&ranks, 0.0), Some(1));
        assert_eq!(n_probes(&ranks, 1.0), None);
        assert_eq!(n_probes(&[vec![3], vec![]], 0.9), Some(4));
        assert_eq!(n_probes(&[vec![], vec![]], 0.9), None);
    }
}
