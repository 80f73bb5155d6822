//! Chooses the pairs of nights to compare, by their mean vectors.

use std::collections::BTreeSet;

use nocturne_psg::RecordingId;

use super::alignment::NightVectors;
use crate::recording::RecordingEntry;

/// Number of nights that each night is compared with.
const N_NEAREST: usize = 63;

/// The mean of a night's vectors.
#[derive(Debug)]
pub(super) struct MeanVector<'a> {
    pub(super) id: &'a RecordingId,
    source_sha256: &'a str,
    mean: Vec<f32>,
}

impl<'a> MeanVector<'a> {
    pub(super) fn of(entry: &'a RecordingEntry, night: &NightVectors) -> Self {
        let n = night.epochs.len() as f32;
        let mut mean = vec![0.0; night.dim];
        for vector in night.vectors() {
            mean.iter_mut().zip(vector).for_each(|(mean, value)| *mean += value / n);
        }
        Self { id: &entry.id, source_sha256: &entry.source_sha256, mean }
    }
}

/// Returns, for each night, the later ones to compare it with, ascending.
pub(super) fn candidates(means: &[MeanVector<'_>]) -> Vec<BTreeSet<usize>> {
    let mut candidates = vec![BTreeSet::new(); means.len()];
    for (i, night) in means.iter().enumerate() {
        let distance = |other: usize| -> f32 {
            night.mean.iter().zip(&means[other].mean).map(|(a, b)| (a - b).powi(2)).sum()
        };
        let mut others: Vec<(f32, usize)> =
            (0..means.len()).filter(|other| *other != i).map(|it| (distance(it), it)).collect();
        others.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let is_same_file = |other: usize| means[other].source_sha256 == night.source_sha256;
        for (rank, (_, other)) in others.into_iter().enumerate() {
            if rank < N_NEAREST || is_same_file(other) {
                candidates[i.min(other)].insert(i.max(other));
            }
        }
    }
    candidates
}
