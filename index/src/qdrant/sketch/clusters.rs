//! Clusters of the epochs of a night, by k-means.

use nocturne_psg::Stage;

use crate::contract::N_STAGE_COUNTS;
use crate::qdrant::recording_points::{PointKind, RecordingPoint, RecordingPoints};

/// Maximum number of clusters of a night.
pub(super) const MAX_CLUSTERS: usize = 16;

/// Iterations of k-means; after a few, hardly any epoch changes its cluster.
const N_ITERATIONS: usize = 8;

/// Epochs with similar vectors.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cluster {
    /// Mean of the vectors, not of unit length.
    pub(super) mean: Vec<f32>,
    /// Standard deviation of each dimension.
    pub(super) spread: f32,
    /// Epochs by stage.
    pub(super) counts: [usize; N_STAGE_COUNTS],
}

/// Returns the clusters of the epochs of a night. K-means starts from epochs at equal distances, so that the same night
/// always has the same clusters.
pub(super) fn clusters(night: &RecordingPoints) -> Vec<Cluster> {
    let epochs: Vec<&RecordingPoint> =
        night.points.iter().filter(|point| point.kind == PointKind::Epoch).collect();
    let n = epochs.len().min(MAX_CLUSTERS);
    let start_of = |cluster: usize| (2 * cluster + 1) * epochs.len() / (2 * n);
    let mut means: Vec<Vec<f32>> =
        (0..n).map(|cluster| epochs[start_of(cluster)].vector.clone()).collect();
    let mut members = vec![0; epochs.len()];
    for _ in 0..N_ITERATIONS {
        for (member, epoch) in members.iter_mut().zip(&epochs) {
            *member = nearest(&means, &epoch.vector);
        }
        means = self::means(&means, &epochs, &members);
    }
    let cluster = |(number, mean): (usize, Vec<f32>)| {
        let mut counts = [0; N_STAGE_COUNTS];
        let mut squares = 0.0;
        for (epoch, _) in epochs.iter().zip(&members).filter(|(_, member)| **member == number) {
            counts[epoch.epoch.stage.map_or(Stage::ALL.len(), Stage::index)] += 1;
            squares += distance(&mean, &epoch.vector);
        }
        let n_epochs: usize = counts.iter().sum();
        let n_numbers = (n_epochs * mean.len()).max(1) as f32;
        Cluster { mean, spread: (squares / n_numbers).sqrt(), counts }
    };
    let clusters = means.into_iter().enumerate().map(cluster);
    clusters.filter(|cluster| cluster.counts.iter().sum::<usize>() > 0).collect()
}

/// Returns the means of the members; a cluster without members keeps its mean.
fn means(previous: &[Vec<f32>], epochs: &[&RecordingPoint], members: &[usize]) -> Vec<Vec<f32>> {
    let mut sums: Vec<(usize, Vec<f32>)> =
        previous.iter().map(|mean| (0, vec![0.0; mean.len()])).collect();
    for (epoch, member) in epochs.iter().zip(members) {
        let (n, sum) = &mut sums[*member];
        *n += 1;
        sum.iter_mut().zip(&epoch.vector).for_each(|(sum, number)| *sum += number);
    }
    let mean = |((n, mut sum), previous): ((usize, Vec<f32>), &Vec<f32>)| {
        if n == 0 {
            return previous.clone();
        }
        sum.iter_mut().for_each(|number| *number /= n as f32);
        sum
    };
    sums.into_iter().zip(previous).map(mean).collect()
}

fn nearest(means: &[Vec<f32>], vector: &[f32]) -> usize {
    let distances = means.iter().map(|mean| distance(mean, vector)).enumerate();
    distances.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(cluster, _)| cluster)
}

/// Returns the squared distance.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

#[cfg(test)]
mod tests {
    use nocturne_psg::montage::ChannelMask;
    use nocturne_psg::{EpochNumber, EventSet, Quality};

    use super::*;
    use crate::recording::EpochRow;

    fn night(vectors: &[([f32; 2], Option<Stage>)]) -> RecordingPoints {
        let point = |(number, (vector, stage)): (u32, &([f32; 2], Option<Stage>))| RecordingPoint {
            epoch: EpochRow {
                number: EpochNumber(number),
                onset_s: 30.0 * f64::from(number),
                stage: *stage,
                events: EventSet::EMPTY,
                mask: ChannelMask::ALL,
                quality: Quality::default(),
            },
            kind: PointKind::Epoch,
            vector: vector.to_vec(),
        };
        RecordingPoints { points: (0..).zip(vectors).map(point).collect() }
    }

    #[test]
    fn each_epoch_of_a_short_night_is_a_cluster() {
        let rows = [([1.0, 0.0], Some(Stage::N2)), ([0.0, 1.0], None)];
        let clusters = clusters(&night(&rows));
        assert_eq!(clusters.len(), 2);
        assert_eq!((&clusters[0].mean, clusters[0].spread), (&vec![1.0, 0.0], 0.0));
        assert_eq!((clusters[0].counts[Stage::N2.index()], clusters[1].counts[5]), (1, 1));
        assert_eq!(self::clusters(&night(&[])), []);
    }

    #[test]
    fn clusters_partition_the_epochs_and_preserve_their_mean() {
        let angle = |number: usize| (number as f32 * 0.37).sin() + 3.0 * ((number / 50) as f32);
        let rows: Vec<_> = (0..200)
            .map(|number| {
                ([angle(number).cos(), angle(number).sin()], Stage::ALL.get(number % 7).copied())
            })
            .collect();
        let clusters = clusters(&night(&rows));
        let n_of = |cluster: &Cluster| cluster.counts.iter().sum::<usize>();
        assert_eq!(clusters.iter().map(n_of).sum::<usize>(), 200);
        assert!(clusters.len() > 8 && clusters.len() <= MAX_CLUSTERS, "{}", clusters.len());
        let weighted: f32 = clusters.iter().map(|it| it.mean[0] * n_of(it) as f32).sum();
        let direct: f32 = rows.iter().map(|(vector, _)| vector[0]).sum();
        assert!((weighted - direct).abs() < 1e-3, "{weighted} {direct}");
        assert!(clusters.iter().all(|cluster| cluster.spread < 0.2), "clusters are tight");
    }
}
