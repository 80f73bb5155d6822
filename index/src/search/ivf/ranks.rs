//! How many lists have to be looked at to find a share of the nearest.

use std::collections::BTreeMap;

use nocturne_encoder::Embedding;
use nocturne_psg::RecordingId;

use super::Assigned;
use crate::contract::{SearchRequest, VectorIndex};
use crate::error::Result;
use crate::filter::Filter;
use crate::recording::Recording;
use crate::search::ExactIndex;
use crate::vector::Codes;

/// Queries of each kind.
const QUERIES: usize = 100;
/// Standard deviations by which 95 % of estimates are too low at most.
const ONE_SIDED_95: f64 = 1.64;
/// Nearest epochs of each.
pub(crate) const K: usize = 10;

/// Asks the exact index for the epochs nearest to some epochs and to some captions, those of their own recording left out,
/// and returns for each of them how many lists are nearer to the query than its own.
///
/// An epoch lies beside those before and after it. What is asked later is of other nights, or in words, and lies further
/// away, so that with its own night a query would promise too much.
pub(super) fn of(
    exact: &ExactIndex,
    middles: &Codes,
    assigned: &[Assigned],
) -> Result<[Vec<u32>; 2]> {
    let lists: BTreeMap<usize, &[u32]> =
        assigned.iter().map(|it| (it.number, it.lists.as_slice())).collect();
    let ranks = |queries: Vec<Query>| -> Result<Vec<u32>> {
        let mut ranks = Vec::with_capacity(queries.len() * K);
        for Query { embedding: query, own } in queries {
            let prompt = Codes::of(middles.dim(), [&query]);
            let mut scores = vec![0.0; middles.len()];
            middles.score(0..middles.len(), &prompt, &mut scores);
            for hit in exact.search(&query, &from_others(own))? {
                let number = exact.number_of(&hit.epoch.recording);
                let row = exact.recording(&hit.epoch.recording)?.row_of(hit.epoch.epoch);
                // A recording that was damaged when rows were assigned has no list.
                if let (Some(lists), Some(row)) = (number.and_then(|it| lists.get(&it)), row) {
                    let own = scores[lists[row] as usize];
                    ranks.push(scores.iter().filter(|score| **score > own).count() as u32);
                }
            }
        }
        ranks.sort_unstable();
        Ok(ranks)
    };
    let numbers: Vec<usize> = assigned.iter().map(|it| it.number).collect();
    Ok([ranks(epochs(exact, &numbers)?)?, ranks(captions(exact, &numbers)?)?])
}

/// Returns how many lists hold a share of the nearest of both kinds; nothing where that is not known, or all are wanted.
///
/// A hundred queries say little of the last hundredth, so the share is taken as high as it may be mistaken to be.
pub(super) fn lists_for(ranks: &[Vec<u32>; 2], recall: f32) -> Option<usize> {
    if recall >= 1.0 {
        return None;
    }
    let of = |ranks: &Vec<u32>| {
        let (share, n) = (f64::from(recall.max(0.0)), ranks.len() as f64);
        let surely = share + ONE_SIDED_95 * (share * (1.0 - share) / n).sqrt();
        let place = ((surely * n).ceil() as usize).min(ranks.len());
        ranks.get(place.saturating_sub(1)).map(|rank| *rank as usize + 1)
    };
    ranks.iter().filter_map(of).max()
}

/// An epoch or a caption that stands for what is asked later.
pub(crate) struct Query {
    pub(crate) embedding: Embedding,
    /// The recording that it is of.
    pub(crate) own: RecordingId,
}

/// Asks for the nearest epochs of other recordings.
pub(crate) fn from_others(own: RecordingId) -> SearchRequest {
    let filter = Filter { excluded_recordings: [own].into(), ..Filter::default() };
    SearchRequest { filter, ..SearchRequest::nearest(K) }
}

/// Returns about a hundred epochs of some recordings, evenly spread.
pub(crate) fn epochs(exact: &ExactIndex, numbers: &[usize]) -> Result<Vec<Query>> {
    let n_of = |number: usize| exact.handles()[number].entry().n_epochs;
    some_of(exact, numbers, n_of, |recording, row| recording.vectors().embedding(row))
}

/// Returns about a hundred captions of some recordings, evenly spread.
pub(crate) fn captions(exact: &ExactIndex, numbers: &[usize]) -> Result<Vec<Query>> {
    let n_of = |number: usize| exact.handles()[number].entry().n_captions;
    some_of(exact, numbers, n_of, |recording, row| recording.captions().vectors().embedding(row))
}

/// Takes about [`QUERIES`] queries, evenly spread over recordings and over what each of them has.
fn some_of(
    exact: &ExactIndex,
    numbers: &[usize],
    n_of: impl Fn(usize) -> usize,
    embedding: impl Fn(&Recording, usize) -> Result<Embedding>,
) -> Result<Vec<Query>> {
    let all: usize = numbers.iter().map(|number| n_of(*number)).sum();
    let step = (all / QUERIES).max(1);
    let mut queries = Vec::new();
    let mut next = step / 2;
    for number in numbers {
        let (handle, n) = (&exact.handles()[*number], n_of(*number));
        while next < n {
            let found = handle.recording().and_then(|recording| embedding(recording, next));
            let own = || handle.entry().id.clone();
            let found = handle.unless_damaged(found)?;
            queries.extend(found.map(|embedding| Query { embedding, own: own() }));
            next += step;
        }
        next -= n;
    }
    Ok(queries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harder_kind_decides_how_many_lists_with_some_to_spare() {
        let ranks = [(0..100).collect(), (0..50).map(|rank| 10 * rank).collect()];
        assert_eq!(lists_for(&ranks, 0.5), Some(301));
        assert_eq!(lists_for(&ranks, 0.99), Some(491));
        assert_eq!(lists_for(&ranks, 0.0), Some(1));
        assert_eq!(lists_for(&ranks, 1.0), None);
        assert_eq!(lists_for(&[vec![3], vec![]], 0.9), Some(4));
        assert_eq!(lists_for(&[vec![], vec![]], 0.9), None);
    }
}
