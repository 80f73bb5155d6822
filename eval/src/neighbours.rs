//! The mean over an epoch and its neighbours: sleep changes slowly, so neighbours carry information about an epoch.

use nocturne_psg::EPOCH_S;

use crate::scored_night::ScoredNight;

/// Number of neighbours on each side.
const REACH: usize = 2;
/// Distance in seconds up to which two epochs have a common neighbour.
pub(crate) const SHARED_S: f64 = 2.0 * REACH as f64 * EPOCH_S;
/// Maximum distance of two adjacent epochs in seconds: a little more than an epoch. Beyond it there is a gap.
const ADJACENT_S: f64 = 31.0;

/// Returns the mean of each dimension over an epoch and its neighbours, [`REACH`] on each side, within the same gap-free
/// part of the night.
///
/// Epochs without values have no mean and do not contribute to those of their neighbours.
pub(crate) fn mean_of_neighbours(
    night: &ScoredNight,
    numbers: &[Option<Vec<f32>>],
) -> Vec<Option<Vec<f32>>> {
    let mean = |(i, own): (usize, &Option<Vec<f32>>)| {
        let mut sum = vec![0.0; own.as_ref()?.len()];
        let mut n = 0.0;
        let near = i.saturating_sub(REACH)..(i + REACH + 1).min(numbers.len());
        for (j, other) in near.clone().zip(&numbers[near]) {
            let distance_s = (night.epochs[j].onset_s - night.epochs[i].onset_s).abs();
            let is_joined = distance_s <= ADJACENT_S * j.abs_diff(i) as f64;
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

#[cfg(test)]
mod tests {
    use nocturne_psg::Stage;

    use super::*;
    use crate::scored_night::tests::night_of;

    #[test]
    fn neighbours_count_if_no_gap_separates_them() {
        let onsets_s = [0.0, 30.0, 60.0, 120.0];
        let night = night_of("a", &onsets_s.map(|onset_s| (onset_s, Stage::N2, [1.0, 0.0])));
        let numbers = [Some(vec![1.0]), Some(vec![2.0]), None, Some(vec![9.0])];
        let means = mean_of_neighbours(&night, &numbers);
        // The last starts half a minute late.
        assert_eq!(means, [Some(vec![1.5]), Some(vec![1.5]), None, Some(vec![9.0])]);
    }
}
