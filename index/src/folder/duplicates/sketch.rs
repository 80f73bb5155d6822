//! Finds the nights that are worth a comparison, by what is cheap to compare.

use std::collections::BTreeSet;

use nocturne_psg::RecordingId;

use super::alignment::Night;
use crate::recording::RecordingEntry;

/// Nights that each night is compared with: those with the nearest sketches.
const CANDIDATES: usize = 63;

/// A night in few numbers.
#[derive(Debug)]
pub(super) struct Sketch<'a> {
    pub(super) id: &'a RecordingId,
    source_sha256: &'a str,
    /// Mean of its vectors.
    mean: Vec<f32>,
}

impl<'a> Sketch<'a> {
    /// Sketches a night.
    pub(super) fn of(entry: &'a RecordingEntry, night: &Night) -> Self {
        let n = night.epochs.len() as f32;
        let mut mean = vec![0.0; night.dim];
        for vector in night.vectors() {
            mean.iter_mut().zip(vector).for_each(|(mean, number)| *mean += number / n);
        }
        Self { id: &entry.id, source_sha256: &entry.source_sha256, mean }
    }
}

/// Returns, for each night, the later ones that it is to be compared with, ascending.
pub(super) fn candidates(sketches: &[Sketch<'_>]) -> Vec<BTreeSet<usize>> {
    let mut candidates = vec![BTreeSet::new(); sketches.len()];
    for (place, sketch) in sketches.iter().enumerate() {
        let distance = |other: usize| -> f32 {
            sketch.mean.iter().zip(&sketches[other].mean).map(|(a, b)| (a - b).powi(2)).sum()
        };
        let mut others: Vec<(f32, usize)> = (0..sketches.len())
            .filter(|other| *other != place)
            .map(|other| (distance(other), other))
            .collect();
        others.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let is_same_file = |other: usize| sketches[other].source_sha256 == sketch.source_sha256;
        for (rank, (_, other)) in others.into_iter().enumerate() {
            if rank < CANDIDATES || is_same_file(other) {
                candidates[place.min(other)].insert(place.max(other));
            }
        }
    }
    candidates
}
