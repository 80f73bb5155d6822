//! Trains centroids and assigns rows to inverted lists.

use crate::contract::VectorIndex;
use crate::error::Result;
use crate::search::ExactIndex;
use crate::vector::{Int8Codes, kmeans, parallel};

/// A recording of a snapshot, and the list of each of its rows.
pub(super) struct Assignment {
    /// Position of the recording.
    pub(super) position: usize,
    pub(super) lists: Vec<u32>,
}

/// Returns the centroids of about `n` clusters of the epochs of a snapshot.
pub(in crate::search) fn train(exact: &ExactIndex, n: usize) -> Result<Int8Codes> {
    Ok(kmeans::centroids(&sample(exact, n * kmeans::ROWS_PER_CENTROID)?, n))
}

/// Returns about `n` rows, evenly spaced over all recordings.
fn sample(exact: &ExactIndex, n: usize) -> Result<Int8Codes> {
    let step = (exact.n_epochs() / n.max(1)).max(1);
    let mut sample = Int8Codes::with_capacity(exact.space().dim, exact.n_epochs() / step + 1);
    // `next` counts from the first row of the current recording.
    let mut next = 0;
    for (_, segment) in exact.undamaged() {
        let n_epochs = segment.entry().n_epochs;
        if next < n_epochs
            && let Some(codes) = segment.unless_damaged(segment.codes())?
        {
            while next < n_epochs {
                sample.push_row_of(codes, next);
                next += step;
            }
        }
        next = next.saturating_sub(n_epochs);
    }
    Ok(sample)
}

/// Assigns each row of some recordings to the list of its nearest centroid; damaged recordings are left out.
pub(super) fn assign(
    exact: &ExactIndex,
    positions: &[usize],
    centroids: &Int8Codes,
) -> Result<Vec<Assignment>> {
    let segments = exact.segments();
    let ranges = parallel::ranges(positions.iter().map(|it| segments[*it].entry().n_epochs));
    let assigned = parallel::map(ranges, |range| {
        let assign = |position: &usize| -> Result<Option<Assignment>> {
            let segment = &segments[*position];
            let codes = segment.unless_damaged(segment.codes())?;
            Ok(codes.map(|codes| Assignment {
                position: *position,
                lists: kmeans::nearest(codes, centroids),
            }))
        };
        positions[range]
            .iter()
            .map(assign)
            .filter_map(Result::transpose)
            .collect::<Result<Vec<_>>>()
    });
    Ok(assigned.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// Returns the number of rows of each list.
pub(super) fn list_lengths(assignments: &[Assignment], n_lists: usize) -> Vec<usize> {
    let mut lengths = vec![0; n_lists];
    assignments.iter().flat_map(|it| &it.lists).for_each(|list| lengths[*list as usize] += 1);
    lengths
}

/// Returns the imbalance factor of faiss: the mean length of a row's list over the mean length of a list; at least 1.
pub(super) fn imbalance_factor(lengths: &[usize]) -> f64 {
    let rows: f64 = lengths.iter().map(|length| *length as f64).sum();
    let squares: f64 = lengths.iter().map(|length| (*length as f64).powi(2)).sum();
    if rows > 0.0 { squares * lengths.len() as f64 / (rows * rows) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imbalance_factor_is_that_of_faiss() {
        assert_eq!(imbalance_factor(&[5, 5, 5]), 1.0);
        assert_eq!(imbalance_factor(&[9, 0, 0]), 3.0);
        assert_eq!(imbalance_factor(&[]), 1.0);
    }
}
