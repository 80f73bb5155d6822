//! How many nearest neighbours of an epoch are the same in two spaces.

use std::collections::{BTreeMap, BTreeSet};

use nocturne_index::{Filter, SearchRequest};
use nocturne_psg::{EpochRef, RecordingId};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use serde::Serialize;

use crate::error::Result;
use crate::question::compare::compared_space::ComparedSpace;

/// Neighbours of each epoch.
const K: usize = 10;

/// Agreement of nearest neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NeighbourAgreement {
    /// Number of epochs whose neighbours were compared.
    pub n_epochs: usize,
    /// Number of neighbours of each.
    pub k: usize,
    /// Mean share of the neighbours in one space that are also neighbours in the other, in [0, 1].
    pub mean_overlap: f64,
}

pub(super) fn compare(
    spaces: [&ComparedSpace; 2],
    common: &[RecordingId],
    n_epochs: usize,
    random: &mut Pcg64Mcg,
) -> Result<Option<NeighbourAgreement>> {
    let within: BTreeSet<RecordingId> = common.iter().cloned().collect();
    let mut overlaps = Vec::new();
    for epoch in sample(spaces[0], common, n_epochs, random)? {
        let [first, second] = spaces.map(|space| nearest(space, &epoch, &within));
        let (Some(first), Some(second)) = (first?, second?) else { continue };
        // Small collections have fewer than `K` neighbours.
        let most = first.len().min(second.len());
        if most > 0 {
            overlaps.push(first.intersection(&second).count() as f64 / most as f64);
        }
    }
    let n = overlaps.len();
    let mean_overlap = overlaps.iter().sum::<f64>() / n as f64;
    Ok((n > 0).then_some(NeighbourAgreement { n_epochs: n, k: K, mean_overlap }))
}

/// Draws epochs uniformly with replacement; duplicates count once.
fn sample(
    space: &ComparedSpace,
    common: &[RecordingId],
    n_epochs: usize,
    random: &mut Pcg64Mcg,
) -> Result<BTreeSet<EpochRef>> {
    let sizes = common.iter().map(|id| space.snapshot.entry(id).map_or(0, |it| it.n_epochs));
    let sizes: Vec<usize> = sizes.collect();
    let total: usize = sizes.iter().sum();
    let mut rows: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for _ in 0..n_epochs.min(total) {
        let mut row = random.random_range(0..total);
        // Finds the recording that contains this row of the concatenation of all.
        let mut recording = 0;
        while row >= sizes[recording] {
            row -= sizes[recording];
            recording += 1;
        }
        rows.entry(recording).or_default().insert(row);
    }
    let mut epochs = BTreeSet::new();
    for (i, rows) in rows {
        let recording = match space.snapshot.recording(&common[i]) {
            // The snapshot remembers which recordings are damaged.
            Err(error) if error.is_damage() => continue,
            recording => recording?,
        };
        let epoch =
            |row: usize| EpochRef { recording: common[i].clone(), epoch: recording.numbers()[row] };
        epochs.extend(rows.into_iter().map(epoch));
    }
    Ok(epochs)
}

/// Returns the epochs nearest to an epoch, without itself; `None` if the space does not contain it.
fn nearest(
    space: &ComparedSpace,
    epoch: &EpochRef,
    within: &BTreeSet<RecordingId>,
) -> Result<Option<BTreeSet<EpochRef>>> {
    let vector = match space.snapshot.embedding(epoch) {
        Err(nocturne_index::Error::UnknownEpoch { .. }) => return Ok(None),
        Err(error) if error.is_damage() => return Ok(None),
        vector => vector?,
    };
    // A filter that names a recording known to be damaged is refused.
    let missing: BTreeSet<RecordingId> =
        space.snapshot.missing().into_iter().map(|(id, _)| id).collect();
    let filter = Filter {
        recordings: Some(within.difference(&missing).cloned().collect()),
        excluded_epochs: [epoch.clone()].into(),
        ..Filter::default()
    };
    let request = SearchRequest { filter, ..SearchRequest::nearest(K) };
    let found = space.snapshot.find(&vector, &request)?;
    Ok(Some(found.hits.into_iter().map(|hit| hit.epoch).collect()))
}
