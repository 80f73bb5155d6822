//! Sleep changes slowly, so an epoch's neighbours say something of it.

use nocturne_psg::EPOCH_S;

use super::scored_night::ScoredNight;

/// Epochs on each side that count as neighbours.
const REACH: usize = 2;
/// Distance in seconds up to which two epochs have a neighbour in common.
pub(super) const SHARED_S: f64 = 2.0 * REACH as f64 * EPOCH_S;
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

#[cfg(test)]
mod tests {
    use nocturne_psg::Stage;

    use super::super::scored_night::tests::made_up;
    use super::*;

    #[test]
    fn neighbours_count_where_no_gap_parts_them() {
        let onsets_s = [0.0, 30.0, 60.0, 120.0];
        let night = made_up("a", &onsets_s.map(|onset_s| (onset_s, Stage::N2, [1.0, 0.0])));
        let numbers = [Some(vec![1.0]), Some(vec![2.0]), None, Some(vec![9.0])];
        let means = mean_of_neighbours(&night, &numbers);
        // The last begins half a minute late.
        assert_eq!(means, [Some(vec![1.5]), Some(vec![1.5]), None, Some(vec![9.0])]);
    }
}
