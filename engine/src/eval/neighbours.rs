//! Sleep changes slowly, so an epoch's neighbours say something of it.

use super::scored_night::ScoredNight;

/// Epochs on each side that count as neighbours.
const REACH: usize = 2;
/// Length of an epoch and a little, in seconds; beyond it there is a gap.
const STEP_S: f64 = 31.0;

/// Returns the mean of each number over an epoch and its neighbours, two on each side, where there is no gap between.
///
/// Epochs without numbers have none afterwards and count for no other.
pub(super) fn mean_of_neighbours(
    night: &ScoredNight,
    numbers: &[Option<Vec<f32>>],
) -> Vec<Option<Vec<f32>>> {
    let mean = |(i, own): (usize, &Option<Vec<f32>>)| {
        let mut sum = vec![0.0; own.as_ref()?.len()];
        let mut n = 0.0;
        let near = i.saturating_sub(REACH)..(i + REACH + 1).min(numbers.len());
        for (j, other) in near.clone().zip(&numbers[near]) {
            let distance_s = (night.epochs[j].onset_s - night.epochs[i].onset_s).abs();
            let is_joined = distance_s <= STEP_S * j.abs_diff(i) as f64;
            if let Some(other) = other.as_ref().filter(|_| is_joined) {
                sum.iter_mut().zip(other).for_each(|(sum, x)| *sum += x);
                n += 1.0;
            }
        }
        sum.iter_mut().for_each(|sum| *sum /= n);
        Some(sum)
    };
    numbers.iter().enumerate().map(mean).collect()
}
